// Jobs: the pool and the lists. See job.h.
#include "job.h"

#include "common/base/hash.h"

#include <stdlib.h>

enum { PLACE_BITS = 24 };
#define PLACE_MASK ((UINT64_C(1) << PLACE_BITS) - 1)

struct job_pool {
    job_t **jobs; // by place; made when first needed, kept until the end
    size_t max, made, used;
    job_t *free;
    uint64_t turn, order;
};

void job_push(job_list_t *list, job_t *job) {
    CHECK(!job->list);
    job->list = list;
    job->previous = list->last;
    job->next = NULL;
    if (list->last)
        list->last->next = job;
    else
        list->first = job;
    list->last = job;
    list->count++;
}

// Put `job` behind `before`, or at the front when that is NULL.
static void insert_behind(job_list_t *list, job_t *before, job_t *job) {
    CHECK(!job->list);
    job->list = list;
    job->previous = before;
    job->next = before ? before->next : list->first;
    if (job->next)
        job->next->previous = job;
    else
        list->last = job;
    if (before)
        before->next = job;
    else
        list->first = job;
    list->count++;
}

void job_push_first(job_list_t *list, job_t *job) { insert_behind(list, NULL, job); }

void job_insert(job_list_t *list, job_t *job) {
    job_t *before = list->last;
    while (before && before->order > job->order) before = before->previous;
    insert_behind(list, before, job);
}

void job_merge(job_list_t *into, job_list_t *from) {
    job_t *at = into->first;
    while (from->first) {
        job_t *job = from->first;
        job_remove(job);
        while (at && at->order < job->order) at = at->next;
        if (at)
            insert_behind(into, at->previous, job);
        else
            job_push(into, job);
    }
}

void job_remove(job_t *job) {
    job_list_t *list = job->list;
    if (!list) return;
    if (job->previous)
        job->previous->next = job->next;
    else
        list->first = job->next;
    if (job->next)
        job->next->previous = job->previous;
    else
        list->last = job->previous;
    list->count--;
    job->list = NULL;
    job->previous = job->next = NULL;
}

job_pool_t *job_pool_new(size_t max) {
    CHECK(max <= PLACE_MASK);
    job_pool_t *pool = calloc(1, sizeof *pool);
    if (!pool) return NULL;
    pool->jobs = calloc(max, sizeof *pool->jobs);
    pool->max = max;
    random_bytes(&pool->turn, sizeof pool->turn);
    if (!pool->jobs) job_pool_destroy(&pool);
    return pool;
}

static void close_messages(job_t *job) {
    zmq_msg_close(&job->client);
    zmq_msg_close(&job->message);
}

void job_pool_destroy(job_pool_t **pool) {
    job_pool_t *p = *pool;
    if (!p) return;
    for (size_t i = 0; p->jobs && i < p->made; i++) {
        close_messages(p->jobs[i]);
        free(p->jobs[i]);
    }
    free(p->jobs);
    free(p);
    *pool = NULL;
}

static job_t *make(job_pool_t *pool) {
    if (pool->made == pool->max) return NULL;
    job_t *job = calloc(1, sizeof *job);
    if (!job) return NULL;
    job->token = pool->made; // its place
    pool->jobs[pool->made++] = job;
    return job;
}

job_t *job_take(job_pool_t *pool) {
    job_t *job = pool->free;
    if (job)
        pool->free = job->next;
    else
        job = make(pool);
    if (!job) return NULL;
    *job = (job_t){
        .token = (job->token & PLACE_MASK) | ++pool->turn << PLACE_BITS, .order = ++pool->order, .partition = -1};
    zmq_msg_init(&job->client);
    zmq_msg_init(&job->message);
    pool->used++;
    return job;
}

void job_release(job_pool_t *pool, job_t **job) {
    job_t *j = *job;
    if (!j) return;
    job_remove(j);
    close_messages(j);
    zmq_msg_init(&j->client); // so that closing once more at the end is harmless
    zmq_msg_init(&j->message);
    j->token &= PLACE_MASK; // the token in use is dead from here on
    j->team = NULL;
    j->next = pool->free;
    pool->free = j;
    pool->used--;
    *job = NULL;
}

job_t *job_find(const job_pool_t *pool, uint64_t token) {
    uint64_t place = token & PLACE_MASK;
    if (place >= pool->made) return NULL;
    job_t *job = pool->jobs[place];
    return job->team && job->token == token ? job : NULL;
}

size_t job_count(const job_pool_t *pool) { return pool->used; }
