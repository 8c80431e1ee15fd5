// The connection of a command to a running suite.
#include "cli.h"
#include "common/base/hash.h"
#include "common/wire/lane.h"
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

const char *const cli_default_data = "data";

static int complain(const err_t *err) {
    fprintf(stderr, "tongchou: %s\n", err->text);
    return 2;
}

int suite_open(suite_t *suite, const char *data_dir, const char *as) {
    err_t err = {0};
    char file[512];
    memset(suite, 0, sizeof *suite);
    snprintf(file, sizeof file, "%s/tongchou.yaml", data_dir);
    char *argv[] = {(char *)"tongchou", (char *)"--config", file};
    if (conf_load(&suite->conf, 3, argv, &err)) {
        fprintf(stderr, "tongchou: no suite at %s: %s (is `tongchou up --data %s` running?)\n", data_dir, err.text,
                data_dir);
        return 2;
    }
    suite->arena = arena_new(64 * 1024, 0);
    suite->zmq = zmq_ctx_new();
    if (!suite->arena || !suite->zmq || lane_open_all(suite->zmq) != 0)
        return complain(&(err_t){.code = E_IO, .text = "out of memory"});
    if (keys_load(&suite->keys, conf_text(suite->conf, "keys.dir"), as, &err)) return complain(&err);
    suite->client_conf = (client_conf_t){.context = suite->zmq,
                                         .keys = suite->keys,
                                         .brokers = conf_list(suite->conf, "broker.front"),
                                         .broker_key_name = conf_text(suite->conf, "broker.key_name")};
    return client_new(&suite->client, &suite->client_conf, &err) ? complain(&err) : 0;
}

void suite_close(suite_t *suite) {
    client_destroy(&suite->client);
    keys_destroy(&suite->keys);
    if (suite->zmq) zmq_ctx_term(suite->zmq);
    suite->zmq = NULL;
    arena_destroy(&suite->arena);
    conf_destroy(&suite->conf);
}

static int ask(suite_t *suite, const call_t *what, const ProtobufCMessage *request,
               const ProtobufCMessageDescriptor *reply_type, ProtobufCMessage **reply, err_t *err) {
    call_t call = *what;
    reply_t answer;
    if (!(call.body = message_pack(request, suite->arena, &call.body_bytes)))
        return err_set(err, E_IO, "out of memory");
    int rc = client_call(suite->client, &call, &answer, err);
    if (rc || !reply) return rc;
    return message_unpack(reply, reply_type, answer.body, answer.body_bytes, suite->arena, err);
}

int suite_call(suite_t *suite, const char *service, const char *method, const char *key,
               const ProtobufCMessage *request, const ProtobufCMessageDescriptor *reply_type, ProtobufCMessage **reply,
               err_t *err) {
    const call_t call = {.service = service, .method = method, .key = key};
    return ask(suite, &call, request, reply_type, reply, err);
}

enum { COUNT_TRY_MS = 5000, COUNT_TRIES_MAX = 720, COUNT_SILENT_MAX = 3 };

int suite_count(suite_t *suite, const char *service, const char *method, const ProtobufCMessage *request,
                const ProtobufCMessageDescriptor *reply_type, ProtobufCMessage **reply, err_t *err) {
    const call_t call = {.service = service, .method = method, .key = "", .deadline_ms = COUNT_TRY_MS};
    int rc = E_UNAVAILABLE, silent = 0;
    for (int tries = 0; rc && silent < COUNT_SILENT_MAX && tries < COUNT_TRIES_MAX; tries++) {
        rc = ask(suite, &call, request, reply_type, reply, err);
        if (rc == E_TIMEOUT) { // may have come while a slice was counted
            silent++;
            continue;
        }
        if ((rc != E_UNAVAILABLE && rc != E_BUSY) || strcmp(err->field, "count") != 0) return rc;
        fprintf(stderr, "%s\n", err->text);
        silent = 0;
    }
    return rc;
}

// A string safe inside JSON quotes: our error texts hold no control characters, but may quote the caller's input.
static void print_json_text(const char *text) {
    putchar('"');
    for (; *text; text++) {
        if (*text == '"' || *text == '\\') putchar('\\');
        if ((unsigned char)*text >= 0x20) putchar(*text);
    }
    putchar('"');
}

int cli_refused(const err_t *err, bool json) {
    if (!json) {
        fprintf(stderr, "refused: %s%s%s: %s\n", err_name(err->code), err->field[0] ? " " : "", err->field, err->text);
        return 1;
    }
    printf("{\"error\":{\"code\":\"%s\",\"field\":", err_name(err->code));
    print_json_text(err->field);
    printf(",\"message\":");
    print_json_text(err->text);
    printf("}}\n");
    return 1;
}
