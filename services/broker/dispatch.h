// The broker's core: which job goes where, and when it is given up. It decides from jobs, instances and the time it is
// told; what it decides goes out through dispatch_ops_t. No socket, no clock.
//
// A keyed job goes to the live instance that owns the key's partition and waits in that instance's queue while its
// credit is used up. A job without a key goes to the least loaded instance, or waits in the service's shared queue.
// With nobody there it is held for a moment. Every queue is bounded. A job ends in one way: answered, refused or, at
// its deadline, dropped.
#pragma once
#include "common/wire/pack.h"
#include "job.h"
#include "owner.h"

enum {
    DISPATCHES_MAX = 3, // a request that has killed three instances kills no fourth
    SERVICES_MAX = 64,
    SERVICES_EMPTY_MAX = 16, // names that only clients have spoken of
    INSTANCES_MAX = 256,     // of one service
    ROUTING_ID_MAX = 32,
};

typedef struct instance {
    struct team *team;
    uint8_t routing_id[ROUTING_ID_MAX];
    size_t routing_id_bytes;
    char name[WIRE_NAME_MAX + 1];
    char key_name[WIRE_NAME_MAX + 1]; // of the CURVE key, from ZAP
    char live_endpoint[WIRE_ENDPOINT_MAX + 1], replay_endpoint[WIRE_ENDPOINT_MAX + 1];
    int32_t replay_version;
    int credit;     // 0: draining, takes nothing new
    int partitions; // owned
    int64_t heard_us;
    bool gone; // a send failed: to be buried
    job_list_t queue, sent;
    pack_t out; // of the shell: what leaves together at the end of its turn
} instance_t;

// The instances that serve one name, and what waits for them.
typedef struct team {
    char name[WIRE_NAME_MAX + 1];
    instance_t *instances[INSTANCES_MAX];
    size_t count;
    instance_t *owners[PARTITIONS]; // NULL when nobody takes requests
    job_list_t shared;              // without a key, waiting for credit
    job_list_t held;                // nobody there
} team_t;

typedef struct dispatch_ops {
    void *self;
    // Send a copy of the job, now or soon; 0, or an errno when the instance cannot be reached. When that turns out
    // later, dispatch_lost() says so.
    int (*send)(void *self, instance_t *instance, const job_t *job);
    void (*refuse)(void *self, const job_t *job, const err_t *why);
} dispatch_ops_t;

typedef struct dispatch_conf {
    size_t queue_max;  // per instance; 0: 1024
    size_t held_max;   // per service with nobody there; 0: 512
    int hold_ms;       // how long; 0: 2000
    size_t jobs_max;   // in the broker; 0: 65536
    size_t bytes_max;  // of all jobs; 0: 256 MiB
    int dead_after_ms; // 0: WIRE_DEAD_AFTER_MS
} dispatch_conf_t;

typedef struct dispatch_counts {
    int64_t forwarded, refused_busy, refused_unavailable, redispatched, expired;
} dispatch_counts_t;

typedef struct dispatch dispatch_t;
int dispatch_new(dispatch_t **out, const dispatch_conf_t *conf, const dispatch_ops_t *ops, err_t *err) MUST_USE;
void dispatch_destroy(dispatch_t **dispatch);

// READY or BEAT of an instance. An instance of the same name on another connection is replaced: what it had not
// answered is sent again. E_DENIED when a live instance of that name belongs to another key, E_TOO_LARGE when there is
// no room.
int dispatch_join(dispatch_t *dispatch, const Tc__Presence *presence, const char *key_name, const void *routing_id,
                  size_t routing_id_bytes, int64_t now_us, err_t *err) MUST_USE;
instance_t *dispatch_find(dispatch_t *dispatch, const void *routing_id, size_t bytes);
void dispatch_leave(dispatch_t *dispatch, instance_t *instance, const char *reason, int64_t now_us);
// A send outside dispatch (a beat) failed.
void dispatch_lost(dispatch_t *dispatch, instance_t *instance);

// A job to fill in; NULL with the reason (E_BUSY) when the broker holds all it may.
job_t *dispatch_job(dispatch_t *dispatch, size_t bytes, err_t *err);
// Takes the job: it is sent, queued, held or refused.
void dispatch_offer(dispatch_t *dispatch, job_t *job, const char *service, const char *key, int64_t now_us);
// The job that `instance` answers with this token, or NULL when it owes no such answer. The caller passes the answer on
// and then calls dispatch_done.
job_t *dispatch_answered(dispatch_t *dispatch, const instance_t *instance, uint64_t token);
void dispatch_done(dispatch_t *dispatch, job_t **job, int64_t now_us);

// Deaths and deadlines. Call every DISPATCH_TICK_MS.
enum { DISPATCH_TICK_MS = 20 };
void dispatch_tick(dispatch_t *dispatch, int64_t now_us);

size_t dispatch_teams(const dispatch_t *dispatch, team_t *const **teams);
dispatch_counts_t dispatch_counts(const dispatch_t *dispatch);
size_t dispatch_jobs(const dispatch_t *dispatch);
