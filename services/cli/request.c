// One command from the command line.
#include "request.h"
#include "decision.h"
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum { DEADLINE_MAX_S = 3600, WINDOW_MAX = 1024 };

int request_usage(const command_t *command, const char *service, const char *only, const char *why) {
    fprintf(stderr, "tongchou %s: %s\ncommands and their fields:\n", command->name, why);
    method_list(service, only, stderr);
    return 2;
}

int request_unknown(const command_t *command, const char *service, const char *word) {
    char why[200];
    snprintf(why, sizeof why, "there is no command \"%.100s\"", word);
    return request_usage(command, service, NULL, why);
}

void request_name_unknown(const command_t *command, const words_t *words, const char *known) {
    if (words->count == 0) return;
    const char *word = words->word[0];
    const size_t length = strlen(word);
    for (const char *at = known; *at; at += strspn(at, " ")) {
        const size_t next = strcspn(at, " ");
        if (next == length && memcmp(at, word, length) == 0) return;
        at += next;
    }
    fprintf(stderr, "tongchou %s: there is no command \"%s\"\n", command->name, word);
}

static bool empty(const json_t *value) {
    const char *text = json_string_value(value);
    return json_is_null(value) || (text && !*text) || (json_is_array(value) && !json_array_size(value));
}

static void print_scalar(const json_t *value) {
    const char *text = json_string_value(value);
    if (text)
        fputs(text, stdout);
    else if (json_is_boolean(value))
        fputs(json_is_true(value) ? "yes" : "no", stdout);
    else
        printf("%lld", (long long)json_integer_value(value));
}

// name=value of an inner object on one line; what is empty is left out.
static void print_row(const json_t *object) {
    const char *key;
    json_t *value;
    fputs("   ", stdout);
    json_object_foreach((json_t *)object, key, value) {
        if (empty(value) || json_is_array(value) || json_is_object(value)) continue;
        printf(" %s=", key);
        print_scalar(value);
    }
    putchar('\n');
}

static void print_list(const char *key, const json_t *list) {
    size_t i;
    json_t *entry;
    printf("%s:\n", key);
    json_array_foreach(list, i, entry) {
        if (json_is_object(entry))
            print_row(entry);
        else {
            fputs("    ", stdout);
            print_scalar(entry);
            putchar('\n');
        }
    }
}

// Any answer, a field a line.
static void print_plain(const char *text) {
    json_t *object = json_loads(text, 0, NULL);
    const char *key;
    json_t *value;
    json_object_foreach(object, key, value) {
        if (empty(value)) continue;
        if (json_is_array(value))
            print_list(key, value);
        else if (!json_is_object(value)) {
            printf("%-20s ", key);
            print_scalar(value);
            putchar('\n');
        }
    }
    json_decref(object);
}

static int print_reply(suite_t *suite, const ProtobufCMessage *reply, bool json) {
    char *text = message_to_json(reply, suite->arena);
    if (!text) return 2;
    if (json)
        puts(text);
    else if (reply->descriptor == &tc__decision__descriptor)
        decision_print((const Tc__Decision *)reply);
    else
        print_plain(text);
    return 0;
}

int request_send(suite_t *suite, const cli_method_t *method, const words_t *fields, const common_options_t *options) {
    ProtobufCMessage *request = NULL, *reply = NULL;
    err_t err = {0};
    size_t bytes = 0;
    char id[48];
    if (options->deadline_s > DEADLINE_MAX_S)
        return cli_refused(&(err_t){E_OUT_OF_RANGE, "deadline", "at most 3600 s were expected"}, options->json);
    int rc = method_from_fields(method, fields, suite->arena, &request, &err);
    void *body = rc ? NULL : message_pack(request, suite->arena, &bytes);
    if (rc || !body) return cli_refused(&err, options->json);
    method_request_id(method, body, bytes, id);
    const call_t call = {.service = method->service,
                         .method = method->name,
                         .key = method_key(method, request),
                         .request_id = options->request_id ? options->request_id : id,
                         .body = body,
                         .body_bytes = bytes,
                         .deadline_ms = (int)options->deadline_s * 1000};
    reply_t answer;
    rc = method->counts ? suite_call_on(suite, &call, &answer, &err) : client_call(suite->client, &call, &answer, &err);
    if (!rc) rc = message_unpack(&reply, method->reply, answer.body, answer.body_bytes, suite->arena, &err);
    if (rc == E_TIMEOUT) fprintf(stderr, "the outcome is unknown: give the same command again to learn it\n");
    return rc ? cli_refused(&err, options->json) : print_reply(suite, reply, options->json);
}

int request_file(suite_t *suite, const char *service, const char *method, const char *path,
                 const common_options_t *options) {
    if (options->deadline_s > DEADLINE_MAX_S || options->window > WINDOW_MAX || options->request_id) {
        fprintf(stderr, "tongchou: --deadline up to %d, --window up to %d and no --request-id go with a file\n",
                DEADLINE_MAX_S, WINDOW_MAX);
        return 2;
    }
    const submit_options_t submit = {.service = service,
                                     .method = method,
                                     .path = path,
                                     .out = options->out,
                                     .window = options->window,
                                     .deadline_s = options->deadline_s,
                                     .json = options->json,
                                     .quiet = options->quiet};
    return submit_file(suite, &submit);
}
