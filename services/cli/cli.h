// What the commands of `tongchou` share: options, the connection to a running suite, and exit statuses.
// Exit: 0 done; 1 the answer is no (a refusal, a failed check); 2 wrong usage or nobody to ask.
#pragma once
#include "common/base/arena.h"
#include "common/daemon/conf.h"
#include "common/wire/client.h"
#include "common/wire/message.h"

typedef struct command {
    const char *name;
    const char *summary;                                           // one line for the overview
    const char *help;                                              // usage, options, examples
    int (*run)(int argc, char **argv, const struct command *self); // argv[0] = the command's name
} command_t;

extern const command_t command_up, command_status, command_enroll, command_facility, command_collect, command_quote,
    command_settle, command_explain, command_events, command_ledger, command_verify, command_sample, command_wait,
    command_eval, command_policy, command_import, command_catalogue, command_readjudicate, command_account,
    command_tasks, command_reverse, command_bill, command_health, command_keys, command_backup, command_restore,
    command_fund, command_agency;

// ---- options
// ----------------------------------------------------------------------------------------------------------

typedef struct option_spec {
    const char *name;  // "data" for --data X or --data=X
    const char **text; // exactly one of text, number, flag, list is set
    int64_t *number;   // not negative
    bool *flag;
    const char **list; // may be given several times; `room` entries
    size_t room;
} option_spec_t;

#define CLI_WORDS_MAX 64
typedef struct words {
    const char *word[CLI_WORDS_MAX];
    size_t count;
} words_t;

// Parse argv[1…]; what is no option goes to `words`. Unknown options that look like --field=value or --field value are
// kept in `fields` when that is not NULL (alternating name, value). Returns −1 to go on, else the exit status (after
// --help: 0).
int options_parse(int argc, char **argv, const command_t *command, const option_spec_t *specs, size_t count,
                  words_t *words, words_t *fields);

// ---- a running suite
// --------------------------------------------------------------------------------------------------

typedef struct suite {
    conf_t *conf;
    void *zmq;
    keys_t *keys;
    client_t *client;
    arena_t *arena;
    client_conf_t client_conf;
} suite_t;

// Read DIR/tongchou.yaml (written by `tongchou up`, or by hand in a data centre), load the key of `as` and connect.
// Returns 0, or prints why not and returns 2.
int suite_open(suite_t *suite, const char *data_dir, const char *as) MUST_USE;
void suite_close(suite_t *suite);
// One call with a message; the reply message lives in the suite's arena. On a refusal prints nothing and returns its
// code.
int suite_call(suite_t *suite, const char *service, const char *method, const char *key,
               const ProtobufCMessage *request, const ProtobufCMessageDescriptor *reply_type, ProtobufCMessage **reply,
               err_t *err) MUST_USE;
// The same for a question that is counted over the whole city slice by slice (collection): asks again until the count
// is whole, an hour at most, and says on standard error how far it is.
int suite_count(suite_t *suite, const char *service, const char *method, const ProtobufCMessage *request,
                const ProtobufCMessageDescriptor *reply_type, ProtobufCMessage **reply, err_t *err) MUST_USE;
// The same for a call that is packed already, until its deadline where it has one. One that writes needs a request id.
int suite_call_on(suite_t *suite, const call_t *call, reply_t *answer, err_t *err) MUST_USE;
// Print a refusal for a person, or as {"error":{…}} on standard output; returns 1.
int cli_refused(const err_t *err, bool json);

extern const char *const cli_default_data; // "data"
