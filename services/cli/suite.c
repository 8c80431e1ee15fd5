// The connection of a command to a running suite.
#include "cli.h"
#include "common/base/date.h"
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

static int pack(suite_t *suite, const ProtobufCMessage *request, call_t *call, err_t *err) {
    call->body = message_pack(request, suite->arena, &call->body_bytes);
    return call->body ? 0 : err_set(err, E_IO, "out of memory");
}

static int unpack(suite_t *suite, const reply_t *answer, const ProtobufCMessageDescriptor *type,
                  ProtobufCMessage **reply, err_t *err) {
    if (!reply) return 0;
    return message_unpack(reply, type, answer->body, answer->body_bytes, suite->arena, err);
}

int suite_call(suite_t *suite, const char *service, const char *method, const char *key,
               const ProtobufCMessage *request, const ProtobufCMessageDescriptor *reply_type, ProtobufCMessage **reply,
               err_t *err) {
    call_t call = {.service = service, .method = method, .key = key};
    reply_t answer;
    int rc = pack(suite, request, &call, err);
    if (rc == 0) rc = client_call(suite->client, &call, &answer, err);
    return rc ? rc : unpack(suite, &answer, reply_type, reply, err);
}

enum { COUNT_TRY_MS = 5000, COUNT_MS = 3600 * 1000, COUNT_SILENT_MAX = 3 };

static bool still_counts(int rc, const err_t *err) {
    return (rc == E_UNAVAILABLE || rc == E_BUSY) && strcmp(err->field, "count") == 0;
}

int suite_call_on(suite_t *suite, const call_t *what, reply_t *answer, err_t *err) {
    const int64_t until_us = clock_mono_us() + (what->deadline_ms ? what->deadline_ms : COUNT_MS) * 1000LL;
    call_t call = *what;
    int64_t left_ms = 0;
    int rc, silent = 0;
    do {
        left_ms = (until_us - clock_mono_us()) / 1000;
        call.deadline_ms = left_ms < 1 ? 1 : left_ms < COUNT_TRY_MS ? (int)left_ms : COUNT_TRY_MS;
        rc = client_call(suite->client, &call, answer, err);
        if (still_counts(rc, err)) fprintf(stderr, "%s\n", err->text);
        silent = rc == E_TIMEOUT ? silent + 1 : 0; // may have come while a slice was counted
    } while ((still_counts(rc, err) || rc == E_TIMEOUT) && silent < COUNT_SILENT_MAX && left_ms > COUNT_TRY_MS);
    return rc;
}

int suite_count(suite_t *suite, const char *service, const char *method, const ProtobufCMessage *request,
                const ProtobufCMessageDescriptor *reply_type, ProtobufCMessage **reply, err_t *err) {
    call_t call = {.service = service, .method = method, .key = ""};
    reply_t answer;
    int rc = pack(suite, request, &call, err);
    if (rc == 0) rc = suite_call_on(suite, &call, &answer, err);
    return rc ? rc : unpack(suite, &answer, reply_type, reply, err);
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
