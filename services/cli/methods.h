// Every command of every service that the command line can send: its messages, and which field is the key.
#pragma once
#include "cli.h"

typedef struct cli_method {
    const char *service, *name;
    const ProtobufCMessageDescriptor *request, *reply;
    const char *key_field; // field of the request that routes it; NULL: any instance
    bool counts;           // first the city is counted slice by slice: suite_count()
} cli_method_t;

const cli_method_t *method_find(const char *service, const char *name); // NULL when there is none
// Names and fields, for help and errors; `only` NULL: all of the service.
void method_list(const char *service, const char *only, FILE *out);

// The value of the key field of an unpacked request, "" when there is none.
const char *method_key(const cli_method_t *method, const ProtobufCMessage *request);
// A request from --field value pairs (name, value, name, value …).
int method_from_fields(const cli_method_t *method, const words_t *fields, arena_t *arena, ProtobufCMessage **out,
                       err_t *err) MUST_USE;
// The id that makes giving a command again harmless: from its method and body.
void method_request_id(const cli_method_t *method, const void *body, size_t bytes, char id[static 48]);
// The message type of an event by its topic, NULL when unknown.
const ProtobufCMessageDescriptor *event_type(const char *topic);
