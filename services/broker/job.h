// A request in the broker's hands, from its arrival to its answer, and the lists it stands in. Jobs are found by token:
// the low 24 bits are the place in the pool, the rest a count that starts at random, so that a reply from before a
// restart of the broker, or to a job that has ended, finds nothing.
#pragma once
#include "common/base/check.h"
#include "common/wire/envelope.h"

typedef struct job job_t;

typedef struct job_list {
    job_t *first, *last;
    size_t count;
} job_list_t;

struct instance;
struct team;

struct job {
    job_t *previous, *next;
    job_list_t *list; // where it stands, or NULL
    uint64_t token;
    uint64_t order; // of arrival
    struct team *team;
    struct instance *instance; // queued for, or sent to
    int partition;             // −1 without a key
    int dispatches;            // how often it was sent to an instance
    int64_t deadline_us;       // of the caller
    int64_t give_up_us;        // when a job that nobody has begun is refused, a little before the deadline
    int64_t held_until_us;     // when nobody serves it
    size_t bytes;
    zmq_msg_t client;  // its routing id
    zmq_msg_t message; // the REQUEST frame, ready for any instance
    uint64_t mark;     // the client's
    char request_id[WIRE_NAME_MAX + 1];
};

void job_push(job_list_t *list, job_t *job);
void job_push_first(job_list_t *list, job_t *job);
void job_insert(job_list_t *list, job_t *job);      // by order of arrival; quick near the end
void job_merge(job_list_t *into, job_list_t *from); // both by order; `from` becomes empty
void job_remove(job_t *job);                        // from its list, if any

typedef struct job_pool job_pool_t;
job_pool_t *job_pool_new(size_t max); // NULL when out of memory
void job_pool_destroy(job_pool_t **pool);
// A fresh job with a fresh token and empty messages; NULL when the pool is used up.
job_t *job_take(job_pool_t *pool);
void job_release(job_pool_t *pool, job_t **job); // closes its messages and leaves its list
job_t *job_find(const job_pool_t *pool, uint64_t token);
size_t job_count(const job_pool_t *pool);
