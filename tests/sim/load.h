// What people do in the simulated city: hospitals settle, repeat and reverse bills, clerks register, bill, collect and
// recompute. Every caller asks again under the same id until it has an answer that is one, as a real one should, and
// holds every answer against what is lawful. What was answered is kept here and held against the stores (audit.c).
#pragma once
#include "common/store/store.h"
#include "world.h"

typedef struct load_conf {
    const char *keys_dir;
    int persons, employers, callers;
    int operations;        // of each caller
    int64_t think_max_us;  // between two operations of a caller
    int errands;           // of offices, beside the bills (errands.h)
    bool books;            // the fund pays October's statements (books.h)
    bool catalogue;        // some bills come as visits with lines (visits.h)
    bool accounts;         // pay from personal accounts
    bool agreement_ends;   // of a hospital, for the past
    const char *other_law; // an overlay that is released meanwhile; NULL: none
    const char *law;
} load_conf_t;

void load_open(const load_conf_t *conf, const char *const *brokers);
void load_healed(void); // no fault comes any more: soon everybody has heard of everything
bool load_is_done(void);
size_t load_operations(void); // answered so far
void load_tell_open(void);    // into the trace: what nobody has answered
// Whatever was answered as done is in the store as it was answered. Fails the run when not. `all`: also what was looked
// at before.
void load_check_kept(store_t *adjudication, bool all);

// Ask for everything to be computed anew, and fail when anything comes out otherwise. Done when load_is_done() again.
void load_compute_anew(void);

// The run again without a fault: what was answered as done, in an order that is lawful, one after another.
int load_write_script(const char *path, store_t *adjudication);
void load_open_script(const char *path, const load_conf_t *conf, const char *const *brokers);
