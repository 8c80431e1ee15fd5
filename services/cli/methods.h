// Every command of every service that the command line can send: its messages, and which field is the key.
#pragma once
#include "cli.h"

typedef struct cli_method {
    const char *service, *name;
    const ProtobufCMessageDescriptor *request, *reply;
    const char *key_field; // field of the request that routes it; NULL: any instance
} cli_method_t;

const cli_method_t *method_find(const char *service, const char *name); // NULL when there is none
void method_list(const char *service, FILE *out);                       // names and fields, for help and errors

// The value of the key field of an unpacked request, "" when there is none.
const char *method_key(const cli_method_t *method, const ProtobufCMessage *request);
// A request from --field value pairs (name, value, name, value …).
int method_from_fields(const cli_method_t *method, const words_t *fields, arena_t *arena, ProtobufCMessage **out,
                       err_t *err) MUST_USE;
// The message type of an event by its topic, NULL when unknown.
const ProtobufCMessageDescriptor *event_type(const char *topic);
