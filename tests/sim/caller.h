// Somebody who calls services: asks again under the same id until there is an answer that is one, as a caller should.
// A caller is a fiber with a client of its own; all of them live on one node that never dies.
#pragma once
#include "common/base/arena.h"
#include "common/wire/client.h"
#include "common/wire/message.h"
#include "services/cli/methods.h"
#include "world.h"

enum { CALLER_JSON_BYTES = 4096, CALLER_ID_BYTES = 24, CALLER_DEADLINE_MS = 4000, CALLER_BURST_MAX = 5 };

typedef struct caller {
    int number, serial; // of its commands
    client_t *client;
    arena_t *arena; // of the command it is at
    char doing[160];
    bool done;
} caller_t;

typedef struct order { // a command
    const char *service, *method, *id;
    const char *json;
} order_t;

// For all callers of a run.
void callers_conf(const char *keys_dir, const char *const *brokers);
size_t callers_operations(void); // answered so far

void caller_open(caller_t *caller, const char *party); // on a fiber; the party's key and role
const char *caller_id(caller_t *caller, char out[static CALLER_ID_BYTES]);
const cli_method_t *order_method(const order_t *order);
bool answer_is_unknown(int code); // nobody knows yet what became of it
void caller_count_answer(void);

// Until somebody knows. The reply lives until the caller's next command; arena_reset() before `message` is made.
int caller_ask_message(caller_t *caller, const order_t *order, const ProtobufCMessage *message, reply_t *reply);
int caller_ask(caller_t *caller, const order_t *order, reply_t *reply);
ProtobufCMessage *caller_unpack(caller_t *caller, const order_t *order, const reply_t *reply);
// With a fresh id unless `id` is given, and JSON in which single quotes stand for double ones. The reply, or NULL for
// NOT_FOUND; every other refusal fails the run.
const ProtobufCMessage *caller_must(caller_t *caller, const char *service, const char *method, const char *id,
                                    const char *format, ...) __attribute__((format(printf, 5, 6)));
// The same for what may be refused as `lawful` too: then NULL, as for NOT_FOUND.
const ProtobufCMessage *caller_may(caller_t *caller, int lawful, const char *service, const char *method,
                                   const char *format, ...) __attribute__((format(printf, 5, 6)));
void caller_pause(int64_t least_us, int64_t most_us);
// Before the next look at something that takes its time; each longer than the one before, up to a few seconds.
void caller_wait(int *looks);
