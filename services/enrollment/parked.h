// Suspected duplicates (疑似重复): rows of an import, and single registrations, put aside because somebody with the
// same name and birth is registered under another citizen ID. They wait, whole, in table parked_person until a person
// decides; a decision sticks, so the file that brought them may come again. Names and citizen IDs leave neither with
// the list nor with a log line.
#pragma once
#include "desk.h"

typedef struct parking {
    const Tc__RegisterPerson *ask;
    const char *like; // number of the registered person that it resembles
    int64_t row;
} parking_t;

// For each row (only person and citizen_id of `ask` are looked at): was it dropped by a person?
int parked_dropped(store_t *store, const parking_t *rows, size_t count, arena_t *arena, bool *out, err_t *err) MUST_USE;
// Put rows aside; one that waits already stays under its number, with what it says now.
int parked_add(store_t *store, const char *file, const parking_t *rows, size_t count, int64_t at_ms, arena_t *arena,
               err_t *err) MUST_USE;
// The number under which a row waits.
int parked_number(store_t *store, const Tc__RegisterPerson *ask, arena_t *arena, const char **number,
                  err_t *err) MUST_USE;

int list_parked(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                err_t *err);
int resolve_parked(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                   err_t *err);
