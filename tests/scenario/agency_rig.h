// The agency door with real sockets in one process: a made-up log, a thread that drives the door, and subscribers that
// know by a rule of their own what is theirs, so that what is missing, doubled or not theirs is counted.
#pragma once
#include "agency.pb-c.h"
#include "common/base/hash.h"
#include "common/store/store.h"
#include "common/wire/curve.h"
#include "services/settlement/grants.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

enum { RIG_COUNTIES = 4, RIG_FUNDS = 3 };

// What a subscriber is granted, in the rig's own words.
typedef struct rig_spec {
    const char *name;
    unsigned kinds;    // bits by index of rig_kinds
    unsigned counties; // bits; all of them: the word "all"
    unsigned funds;
    unsigned fields; // bits of grant_field_t
} rig_spec_t;
enum { RIG_BILL = 1, RIG_CONTRIBUTION = 2, RIG_RETURN = 4, RIG_HELD = 8, RIG_OTHER = 16, RIG_KINDS = 5 };
enum { RIG_ALL_KINDS = 31, RIG_ALL_COUNTIES = 15, RIG_ALL_FUNDS = 7, RIG_ALL_FIELDS = 15 };

typedef struct rig {
    char keys_dir[300];
    void *server_context, *client_context;
    int64_t *event_of[PARTITIONS]; // by number − 1, the event's index
    int64_t end[PARTITIONS];       // how many there will be
    atomic_llong heads[PARTITIONS];
    int64_t total, live; // the last `live` of `total` are written while subscribers listen
    int64_t written;     // by the door's thread
    atomic_llong cpu_us; // that the door's thread has used
    atomic_bool stop, write_live, bound;
    pthread_t thread;
    bool running;
    zap_t *zap;
    char endpoint[256]; // once it is bound
    store_t *store;     // the door's thread's, once it runs
} rig_t;

// Under the folder `dir`, in the store `url`: `total` events, of which `live` come later. Nothing is left behind by
// rig_stop(). 0, or −1 with a word on stderr.
int rig_start(rig_t *rig, const char *dir, const char *url, int64_t total, int64_t live);
void rig_stop(rig_t *rig);
void rig_write_live(rig_t *rig); // begin to write the rest
int rig_grant(rig_t *rig, const rig_spec_t *spec);
int rig_revoke(rig_t *rig, const char *name, bool key_too);

// A subscriber. Not a thread by itself; one thread uses it.
typedef struct rig_reader {
    rig_t *rig;
    rig_spec_t spec;
    void *socket;
    int64_t last[PARTITIONS]; // number of the last event or position
    int64_t goal[PARTITIONS]; // where it is done
    uint64_t sequence;
    int64_t got, missed, doubled, foreign, wrong; // wrong: in what it says
    int64_t after_revoked;
    bool welcome, revoked;
    int refused; // the first reason, 0: none
    uint32_t credit;
    bool has_position;
} rig_reader_t;

// Connect as `key_name` and say Hello from where it stands. `credit` events are open at a time.
int rig_reader_open(rig_reader_t *reader, rig_t *rig, const rig_spec_t *spec, uint32_t credit);
void rig_reader_close(rig_reader_t *reader); // without a word, as a killed process
// Take one message, waiting up to `wait_ms`; grants credit anew. False: nothing came.
bool rig_reader_take(rig_reader_t *reader, int wait_ms);
// It has had, or passed, everything that is theirs.
bool rig_reader_done(const rig_reader_t *reader);
bool rig_theirs(const rig_spec_t *spec, int64_t event);
