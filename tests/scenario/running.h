// A whole suite under test: `tongchou up` in a directory of its own, on free ports, with real processes; commands are
// spoken in JSON so that a test reads like the papers of a case.
#pragma once
#include "common/base/arena.h"
#include "common/wire/client.h"
#include <jansson.h>

// The paper behind a membership of a group, where the city asks for one.
#define PAPER                                                                                                          \
    "\"certificate\":\"C-1\",\"issuer\":\"civil_affairs\",\"issuer_level\":\"county\",\"issued_on\":\"2017-06-01\""

typedef struct running running_t;

typedef struct running_conf {
    const char *city;            // a file of config/cities/ without its ending; NULL: jiangmen
    const char *store;           // NULL: SQLite in the directory
    int adjudication;            // instances; 0 = 1
    const char *const *overlays; // NULL-terminated, relative to the source tree
} running_conf_t;

// From here on it is this time, for this process and for suites that are started from here on (test builds only: their
// clock reads TC_CLOCK_AHEAD_MS). 0 or −1.
int running_set_clock(int64_t now_ms);

// Start and wait until ready (up to 60 s). NULL with a word on standard error when it does not come up.
running_t *running_start(const running_conf_t *conf);
void running_stop(running_t **running); // SIGTERM, waits; removes the directory
// SIGTERM, waits; the directory stays. Then the same suite again, in the environment of now (texts of the configuration
// are borrowed until then); −1 as above.
void running_halt(running_t *running);
int running_resume(running_t *running);
const char *running_dir(const running_t *running);
const char *running_bin(void); // folder of the programs

// kill −9 a process by its name ("broker-1", "redis", "adjudication-2"); 0 when it was running.
int running_kill(const running_t *running, const char *name);
// Wait until it has another process number than before and the suite answers again.
int running_wait_restarted(const running_t *running, const char *name, int old_pid);
int running_pid(const running_t *running, const char *name);

// One command as `as` (a key name). The reply as a JSON object (borrowed until the next call), or NULL with `err`
// filled.
const json_t *running_call(running_t *running, const char *as, const char *service, const char *method,
                           const char *request_id, const char *json, err_t *err);
const char *running_text(const json_t *reply, const char *path); // "used.0.amount"; "" when absent
// The amount of a named entry of a list like `paid` or `used`: running_amount(reply, "paid", "tier1") → "27005.00".
const char *running_amount(const json_t *reply, const char *list, const char *name);
// Wait until every service has taken in what the others told it.
int running_settle_down(running_t *running);
// Run a program of the suite with arguments (NULL-terminated); its standard output in `out`. Returns the exit status.
int running_command(const running_t *running, char *out, size_t room, const char *const *args);

// The same with a format, as admin; a refusal is told on standard error.
const json_t *running_callf(running_t *running, err_t *err, const char *service, const char *method, const char *format,
                            ...) __attribute__((format(printf, 5, 6)));
// The first of `count` ports in a row that nobody has just now, or −1.
int running_free_ports(int count);
