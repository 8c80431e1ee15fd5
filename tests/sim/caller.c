// See caller.h.
#include "caller.h"
#include <stdio.h>
#include <string.h>
#include <zmq.h>

enum { PAUSE_MAX_US = 400000 };

static struct {
    const char *keys_dir;
    const char *const *brokers;
    size_t operations;
} callers;

void callers_conf(const char *keys_dir, const char *const *brokers) {
    callers.keys_dir = keys_dir;
    callers.brokers = brokers;
}

size_t callers_operations(void) { return callers.operations; }
void caller_count_answer(void) { callers.operations++; }

void caller_open(caller_t *caller, const char *party) {
    keys_t *keys = NULL;
    err_t err = {0};
    CHECK(keys_load(&keys, callers.keys_dir, party, &err) == E_OK); // for the rest of the run
    const client_conf_t conf = {.context = zmq_ctx_new(),
                                .keys = keys,
                                .brokers = callers.brokers,
                                .broker_key_name = "broker",
                                .window = 2 * CALLER_BURST_MAX};
    caller->arena = arena_new(64 * 1024, 0);
    if (!caller->arena || client_new(&caller->client, &conf, &err)) world_fail("a caller: %s", err.text);
}

const char *caller_id(caller_t *caller, char out[static CALLER_ID_BYTES]) {
    snprintf(out, CALLER_ID_BYTES, "I%d-%d", caller->number, ++caller->serial);
    return out;
}

const cli_method_t *order_method(const order_t *order) {
    const cli_method_t *method = method_find(order->service, order->method);
    CHECK(method);
    return method;
}

bool answer_is_unknown(int code) {
    return code == E_TIMEOUT || code == E_UNAVAILABLE || code == E_BUSY || code == E_STORE || code == E_RACE ||
           code == E_IO;
}

void caller_pause(int64_t least_us, int64_t most_us) { fiber_wait(world_us() + draw_between(least_us, most_us)); }

void caller_wait(int *looks) {
    const int64_t most_us = INT64_C(300000) << (*looks < 4 ? *looks : 4);
    ++*looks;
    caller_pause(most_us / 3, most_us);
}

static int ask_once(caller_t *caller, const order_t *order, const ProtobufCMessage *message, reply_t *reply) {
    const cli_method_t *method = order_method(order);
    size_t bytes = 0;
    err_t err = {0};
    void *body = message_pack(message, caller->arena, &bytes);
    const call_t call = {.service = order->service,
                         .method = order->method,
                         .key = method_key(method, message),
                         .request_id = order->id,
                         .body = body,
                         .body_bytes = bytes,
                         .deadline_ms = CALLER_DEADLINE_MS};
    int code = client_call(caller->client, &call, reply, &err);
    snprintf(reply->text, sizeof reply->text, "%s", err.text);
    return code;
}

int caller_ask_message(caller_t *caller, const order_t *order, const ProtobufCMessage *message, reply_t *reply) {
    int code;
    for (int tries = 0;; tries++) {
        snprintf(caller->doing, sizeof caller->doing, "%s %s %s, asked %d times", order->service, order->method,
                 order->id, tries + 1);
        code = ask_once(caller, order, message, reply);
        if (!answer_is_unknown(code)) break;
        caller_pause(1000, PAUSE_MAX_US);
    }
    caller_count_answer();
    trace("%s %s: %s %s", order->method, order->id, err_name(code), code ? reply->text : "");
    snprintf(caller->doing, sizeof caller->doing, "nothing");
    return code;
}

int caller_ask(caller_t *caller, const order_t *order, reply_t *reply) {
    ProtobufCMessage *message;
    err_t err = {0};
    arena_reset(caller->arena);
    if (message_from_json(&message, order_method(order)->request, order->json, strlen(order->json), caller->arena,
                          &err))
        world_fail("%s: %s: %s", order->json, err.field, err.text);
    return caller_ask_message(caller, order, message, reply);
}

ProtobufCMessage *caller_unpack(caller_t *caller, const order_t *order, const reply_t *reply) {
    ProtobufCMessage *message = NULL;
    err_t err = {0};
    if (message_unpack(&message, order_method(order)->reply, reply->body, reply->body_bytes, caller->arena, &err))
        world_fail("%s: %s", order->method, err.text);
    return message;
}

__attribute__((format(printf, 6, 0))) static const ProtobufCMessage *want(caller_t *caller, int lawful,
                                                                          const char *service, const char *method,
                                                                          const char *id, const char *format,
                                                                          va_list args) {
    char json[CALLER_JSON_BYTES], fresh[CALLER_ID_BYTES];
    reply_t reply;
    CHECK(vsnprintf(json, sizeof json, format, args) < (int)sizeof json);
    for (char *c = json; *c; c++)
        if (*c == '\'') *c = '"';
    const order_t order = {service, method, id ? id : caller_id(caller, fresh), json};
    const int code = caller_ask(caller, &order, &reply);
    if (code && code != E_NOT_FOUND && code != lawful)
        world_fail("%s %s: %s %s", method, json, err_name(code), reply.text);
    return code ? NULL : caller_unpack(caller, &order, &reply);
}

const ProtobufCMessage *caller_must(caller_t *caller, const char *service, const char *method, const char *id,
                                    const char *format, ...) {
    va_list args;
    va_start(args, format);
    const ProtobufCMessage *reply = want(caller, E_OK, service, method, id, format, args);
    va_end(args);
    return reply;
}

const ProtobufCMessage *caller_may(caller_t *caller, int lawful, const char *service, const char *method,
                                   const char *format, ...) {
    va_list args;
    va_start(args, format);
    const ProtobufCMessage *reply = want(caller, lawful, service, method, NULL, format, args);
    va_end(args);
    return reply;
}
