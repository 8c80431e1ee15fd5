// The broker's core. See dispatch.h. A failed send only marks the instance; the marked are buried at the end of each
// entry point, so no list changes while it is walked.
#include "dispatch.h"

#include "common/base/log.h"
#include "common/base/metrics.h"

#include <stdlib.h>
#include <string.h>

enum {
    QUEUE_MAX = 1024,
    HELD_MAX = 512,
    HOLD_MS = 2000,
    JOBS_MAX = 65536,
    EARLY_US = 100 * 1000,
    EARLY_LEAST_US = (DISPATCH_TICK_MS + 5) * 1000
};

struct dispatch {
    dispatch_conf_t conf;
    dispatch_ops_t ops;
    job_pool_t *pool;
    size_t bytes;
    team_t *teams[SERVICES_MAX];
    size_t count;
    bool any_gone;
    dispatch_counts_t counts;
    metric_t *forwarded, *busy, *unavailable, *redispatched, *expired, *jobs, *instances;
};

static void make_metrics(dispatch_t *d) {
    static const char name[] = "tongchou_broker_requests_total", help[] = "Requests by what became of them";
    d->forwarded = metric_counter(name, "outcome=\"forwarded\"", help);
    d->busy = metric_counter(name, "outcome=\"refused_busy\"", help);
    d->unavailable = metric_counter(name, "outcome=\"refused_unavailable\"", help);
    d->redispatched = metric_counter(name, "outcome=\"redispatched\"", help);
    d->expired = metric_counter(name, "outcome=\"expired\"", help);
    d->instances = metric_gauge("tongchou_broker_instances", "", "Live instances of all services");
    d->jobs = metric_gauge("tongchou_broker_jobs", "", "Requests in the broker's hands");
}

int dispatch_new(dispatch_t **out, const dispatch_conf_t *conf, const dispatch_ops_t *ops, err_t *err) {
    dispatch_t *d = calloc(1, sizeof *d);
    if (!d) return err_set(err, E_IO, "no memory for the broker");
    d->conf = *conf;
    d->ops = *ops;
    if (!d->conf.queue_max) d->conf.queue_max = QUEUE_MAX;
    if (!d->conf.held_max) d->conf.held_max = HELD_MAX;
    if (!d->conf.hold_ms) d->conf.hold_ms = HOLD_MS;
    if (!d->conf.jobs_max) d->conf.jobs_max = JOBS_MAX;
    if (!d->conf.bytes_max) d->conf.bytes_max = (size_t)256 * 1024 * 1024;
    if (!d->conf.dead_after_ms) d->conf.dead_after_ms = WIRE_DEAD_AFTER_MS;
    make_metrics(d);
    d->pool = job_pool_new(d->conf.jobs_max);
    if (!d->pool) {
        dispatch_destroy(&d);
        return err_set(err, E_IO, "no memory for %zu requests", conf->jobs_max);
    }
    *out = d;
    return E_OK;
}

static void free_instance(instance_t *instance) {
    pack_clear(&instance->out);
    free(instance);
}

void dispatch_destroy(dispatch_t **dispatch) {
    dispatch_t *d = *dispatch;
    if (!d) return;
    for (size_t i = 0; i < d->count; i++) {
        for (size_t k = 0; k < d->teams[i]->count; k++) free_instance(d->teams[i]->instances[k]);
        free(d->teams[i]);
    }
    job_pool_destroy(&d->pool);
    free(d);
    *dispatch = NULL;
}

static void release(dispatch_t *d, job_t *job) {
    d->bytes -= job->bytes;
    job_release(d->pool, &job);
}

static void refuse(dispatch_t *d, job_t *job, int code, const char *text) {
    job_remove(job);
    if (code == E_BUSY) {
        d->counts.refused_busy++;
        metric_add(d->busy, 1);
    } else {
        d->counts.refused_unavailable++;
        metric_add(d->unavailable, 1);
    }
    // Whoever was sent it may have done the work before it died: the caller must not take this for "nothing happened".
    err_t why;
    err_field(&why, code, job->dispatches > 0 ? WIRE_FIELD_OUTCOME : "", "%s", text);
    d->ops.refuse(d->ops.self, job, &why);
    release(d, job);
}

static void expire(dispatch_t *d, job_t *job) {
    d->counts.expired++;
    metric_add(d->expired, 1);
    job_remove(job);
    release(d, job);
}

static bool takes(const instance_t *instance) { return instance->credit > 0 && !instance->gone; }

static bool has_credit(const instance_t *instance) {
    return takes(instance) && instance->sent.count < (size_t)instance->credit;
}

// The job, in no list, goes out to the instance; when that fails it stands first in its queue and the instance is
// marked.
static void send_job(dispatch_t *d, instance_t *instance, job_t *job) {
    job->instance = instance;
    if (d->ops.send(d->ops.self, instance, job) != 0) {
        job_push_first(&instance->queue, job);
        dispatch_lost(d, instance);
        return;
    }
    if (job->dispatches++ > 0) {
        d->counts.redispatched++;
        metric_add(d->redispatched, 1);
    }
    d->counts.forwarded++;
    metric_add(d->forwarded, 1);
    job_push(&instance->sent, job);
}

static void hold(dispatch_t *d, team_t *team, job_t *job, int64_t now_us) {
    char text[200];
    if (team->held.count >= d->conf.held_max) {
        snprintf(text, sizeof text, "nobody serves %s and %zu requests wait already", team->name, d->conf.held_max);
        refuse(d, job, E_UNAVAILABLE, text);
        return;
    }
    if (!job->held_until_us) job->held_until_us = now_us + (int64_t)d->conf.hold_ms * 1000;
    job_push(&team->held, job);
}

static void refuse_busy(dispatch_t *d, job_t *job, const char *whose, size_t bound) {
    char text[200];
    snprintf(text, sizeof text, "%s: the queue of %s is full (%zu requests)", job->team->name, whose, bound);
    refuse(d, job, E_BUSY, text);
}

static void route_keyed(dispatch_t *d, instance_t *owner, job_t *job) {
    if (has_credit(owner) && owner->queue.count == 0)
        send_job(d, owner, job);
    else if (owner->queue.count >= d->conf.queue_max)
        refuse_busy(d, job, owner->name, d->conf.queue_max);
    else {
        job->instance = owner;
        job_push(&owner->queue, job);
    }
}

// sent / credit, compared without dividing.
static bool less_loaded(const instance_t *a, const instance_t *b) {
    return a->sent.count * (size_t)b->credit < b->sent.count * (size_t)a->credit;
}

static void route_any(dispatch_t *d, team_t *team, job_t *job) {
    instance_t *best = NULL;
    size_t live = 0;
    for (size_t i = 0; i < team->count; i++) {
        instance_t *instance = team->instances[i];
        live += takes(instance);
        if (has_credit(instance) && (!best || less_loaded(instance, best))) best = instance;
    }
    if (best)
        send_job(d, best, job);
    else if (team->shared.count >= d->conf.queue_max * live)
        refuse_busy(d, job, team->name, d->conf.queue_max * live);
    else
        job_push(&team->shared, job);
}

static void route(dispatch_t *d, job_t *job, int64_t now_us) {
    team_t *team = job->team;
    job->instance = NULL;
    if (!team->owners[0])
        hold(d, team, job, now_us);
    else if (job->partition >= 0)
        route_keyed(d, team->owners[job->partition], job);
    else
        route_any(d, team, job);
}

// What waits, oldest first, as far as the credit goes.
static void pump(dispatch_t *d, instance_t *instance) {
    job_list_t *queue = &instance->queue, *shared = &instance->team->shared;
    while (has_credit(instance) && (queue->first || shared->first)) {
        bool own = queue->first && (!shared->first || queue->first->order < shared->first->order);
        job_t *job = own ? queue->first : shared->first;
        job_remove(job);
        send_job(d, instance, job);
    }
}

static void set_owners(team_t *team) {
    const char *names[INSTANCES_MAX];
    instance_t *live[INSTANCES_MAX];
    int owners[PARTITIONS];
    size_t count = 0;
    for (size_t i = 0; i < team->count; i++) {
        team->instances[i]->partitions = 0;
        if (!takes(team->instances[i])) continue;
        names[count] = team->instances[i]->name;
        live[count++] = team->instances[i];
    }
    owner_table(names, count, owners);
    for (int p = 0; p < PARTITIONS; p++) {
        team->owners[p] = owners[p] < 0 ? NULL : live[owners[p]];
        if (team->owners[p]) team->owners[p]->partitions++;
    }
}

// The instances have changed: owners anew, and everything that waits goes, in order of arrival, where it now belongs.
static void reroute(dispatch_t *d, team_t *team, job_list_t *orphans, int64_t now_us) {
    job_list_t waiting = {0};
    set_owners(team);
    job_merge(&waiting, orphans);
    job_merge(&waiting, &team->held);
    job_merge(&waiting, &team->shared);
    for (size_t i = 0; i < team->count; i++) job_merge(&waiting, &team->instances[i]->queue);
    while (waiting.first) {
        job_t *job = waiting.first;
        job_remove(job);
        route(d, job, now_us);
    }
}

// Everything the leaver had goes to `orphans`; what has been sent too often ends here.
static void collect_orphans(dispatch_t *d, instance_t *instance, job_list_t *orphans) {
    char text[200];
    while (instance->sent.first) {
        job_t *job = instance->sent.first;
        job_remove(job);
        job->instance = NULL;
        if (job->dispatches < DISPATCHES_MAX) {
            job_insert(orphans, job);
            continue;
        }
        snprintf(text, sizeof text, "%s: %d instances died over this request; whether it was carried out is unknown",
                 instance->team->name, job->dispatches);
        log_warn("request_given_up", "service=%s request=%s dispatches=%d", instance->team->name,
                 log_value(job->request_id), job->dispatches);
        refuse(d, job, E_UNAVAILABLE, text);
    }
    job_merge(orphans, &instance->queue);
}

static void bury(dispatch_t *d, instance_t *instance, const char *reason, int64_t now_us) {
    team_t *team = instance->team;
    job_list_t orphans = {0};
    size_t at = 0;
    log_info("instance_left", "service=%s instance=%s reason=%s unanswered=%zu queued=%zu", team->name, instance->name,
             reason, instance->sent.count, instance->queue.count);
    while (team->instances[at] != instance) at++;
    team->instances[at] = team->instances[--team->count];
    collect_orphans(d, instance, &orphans);
    free_instance(instance);
    reroute(d, team, &orphans, now_us);
}

// Sends made while burying can fail too; each round buries at least one, so this ends.
static void bury_gone(dispatch_t *d, int64_t now_us) {
    while (d->any_gone) {
        d->any_gone = false;
        for (size_t i = 0; i < d->count; i++)
            for (size_t k = 0; k < d->teams[i]->count; k++)
                if (d->teams[i]->instances[k]->gone) {
                    d->any_gone = true;
                    bury(d, d->teams[i]->instances[k], "unreachable", now_us);
                    break;
                }
    }
}

void dispatch_lost(dispatch_t *d, instance_t *instance) {
    instance->gone = true;
    d->any_gone = true;
}

void dispatch_leave(dispatch_t *d, instance_t *instance, const char *reason, int64_t now_us) {
    bury(d, instance, reason, now_us);
    bury_gone(d, now_us);
}

static team_t *find_team(const dispatch_t *d, const char *name) {
    for (size_t i = 0; i < d->count; i++)
        if (strcmp(d->teams[i]->name, name) == 0) return d->teams[i];
    return NULL;
}

static team_t *make_team(dispatch_t *d, const char *name, size_t room) {
    if (d->count >= room) return NULL;
    team_t *team = calloc(1, sizeof *team);
    if (!team) return NULL;
    snprintf(team->name, sizeof team->name, "%s", name);
    d->teams[d->count++] = team;
    return team;
}

static void forget_team(dispatch_t *d, size_t at) {
    free(d->teams[at]);
    d->teams[at] = d->teams[--d->count];
}

instance_t *dispatch_find(dispatch_t *d, const void *routing_id, size_t bytes) {
    for (size_t i = 0; i < d->count; i++)
        for (size_t k = 0; k < d->teams[i]->count; k++) {
            instance_t *instance = d->teams[i]->instances[k];
            if (instance->routing_id_bytes == bytes && memcmp(instance->routing_id, routing_id, bytes) == 0)
                return instance;
        }
    return NULL;
}

static instance_t *find_named(const team_t *team, const char *name) {
    for (size_t i = 0; i < team->count; i++)
        if (strcmp(team->instances[i]->name, name) == 0) return team->instances[i];
    return NULL;
}

// What a beat may change. Name and key are those of the connection, as it began.
static void set_presence(instance_t *instance, const Tc__Presence *presence) {
    snprintf(instance->live_endpoint, sizeof instance->live_endpoint, "%s", presence->live_endpoint);
    snprintf(instance->replay_endpoint, sizeof instance->replay_endpoint, "%s", presence->replay_endpoint);
    instance->replay_version = presence->replay_version;
    instance->credit = presence->credit;
}

// A beat of an instance we know: more credit lets waiting jobs out; from or to 0 the partitions move.
static void refresh(dispatch_t *d, instance_t *instance, const Tc__Presence *presence, int64_t now_us) {
    int before = instance->credit;
    set_presence(instance, presence);
    instance->heard_us = now_us;
    if ((before == 0) != (instance->credit == 0)) {
        job_list_t none = {0};
        log_info("instance_credit", "service=%s instance=%s credit=%d", instance->team->name, instance->name,
                 instance->credit);
        reroute(d, instance->team, &none, now_us);
    }
    if (instance->credit > before) pump(d, instance);
}

static int add_instance(dispatch_t *d, const Tc__Presence *presence, const char *key_name, const void *routing_id,
                        size_t routing_id_bytes, int64_t now_us, err_t *err) {
    team_t *team = find_team(d, presence->service);
    if (!team) team = make_team(d, presence->service, SERVICES_MAX);
    if (!team) return err_set(err, E_TOO_LARGE, "more than %d services", SERVICES_MAX);
    if (team->count == INSTANCES_MAX)
        return err_set(err, E_TOO_LARGE, "more than %d instances of %s", INSTANCES_MAX, team->name);
    instance_t *instance = calloc(1, sizeof *instance);
    if (!instance) return err_set(err, E_IO, "no memory for an instance");
    instance->team = team;
    memcpy(instance->routing_id, routing_id, routing_id_bytes);
    instance->routing_id_bytes = routing_id_bytes;
    instance->heard_us = now_us;
    snprintf(instance->name, sizeof instance->name, "%s", presence->instance);
    snprintf(instance->key_name, sizeof instance->key_name, "%s", key_name);
    set_presence(instance, presence);
    team->instances[team->count++] = instance;
    log_info("instance_joined", "service=%s instance=%s key=%s credit=%d", team->name, instance->name,
             instance->key_name, instance->credit);
    job_list_t none = {0};
    reroute(d, team, &none, now_us);
    return E_OK;
}

// Whoever stood under that name before, on a connection that is not this one.
static int replace(dispatch_t *d, const Tc__Presence *presence, const char *key_name, int64_t now_us, err_t *err) {
    team_t *team = find_team(d, presence->service);
    instance_t *old = team ? find_named(team, presence->instance) : NULL;
    if (!old) return E_OK;
    if (strcmp(old->key_name, key_name) != 0)
        return err_field(err, E_DENIED, "instance", "%s of %s is registered with another key", old->name, team->name);
    bury(d, old, "replaced", now_us);
    return E_OK;
}

int dispatch_join(dispatch_t *d, const Tc__Presence *presence, const char *key_name, const void *routing_id,
                  size_t routing_id_bytes, int64_t now_us, err_t *err) {
    if (routing_id_bytes > ROUTING_ID_MAX)
        return err_set(err, E_TOO_LARGE, "routing id of %zu bytes", routing_id_bytes);
    instance_t *known = dispatch_find(d, routing_id, routing_id_bytes);
    if (known && !known->gone && strcmp(known->name, presence->instance) == 0 &&
        strcmp(known->team->name, presence->service) == 0) {
        refresh(d, known, presence, now_us);
        bury_gone(d, now_us);
        return E_OK;
    }
    if (known) bury(d, known, "renamed", now_us);
    int rc = replace(d, presence, key_name, now_us, err);
    if (rc == E_OK) rc = add_instance(d, presence, key_name, routing_id, routing_id_bytes, now_us, err);
    bury_gone(d, now_us);
    return rc;
}

job_t *dispatch_job(dispatch_t *d, size_t bytes, err_t *err) {
    job_t *job = d->bytes + bytes > d->conf.bytes_max ? NULL : job_take(d->pool);
    if (!job) {
        d->counts.refused_busy++;
        metric_add(d->busy, 1);
        err_set(err, E_BUSY, "the broker holds %zu requests of %zu bytes in all, and no more fit", job_count(d->pool),
                d->bytes);
        return NULL;
    }
    job->bytes = bytes;
    d->bytes += bytes;
    return job;
}

static size_t empty_teams(const dispatch_t *d) {
    size_t empty = 0;
    for (size_t i = 0; i < d->count; i++) empty += d->teams[i]->count == 0;
    return empty;
}

void dispatch_offer(dispatch_t *d, job_t *job, const char *name, const char *key, int64_t now_us) {
    team_t *team = find_team(d, name);
    if (!team && empty_teams(d) < SERVICES_EMPTY_MAX) team = make_team(d, name, SERVICES_MAX);
    if (!team) {
        refuse(d, job, E_UNAVAILABLE, "nobody serves this, and requests for too many unknown services wait already");
        return;
    }
    int64_t left_us = job->deadline_us - now_us;
    job->team = team;
    job->partition = key[0] ? (int)partition_of(key) : -1;
    // A refusal before the deadline tells the caller that nothing happened; after it, he could not know.
    int64_t early_us = left_us / 4 < EARLY_US ? left_us / 4 : EARLY_US;
    job->give_up_us = job->deadline_us - (early_us > EARLY_LEAST_US ? early_us : EARLY_LEAST_US);
    if (left_us <= 0)
        expire(d, job);
    else
        route(d, job, now_us);
    bury_gone(d, now_us);
}

job_t *dispatch_answered(dispatch_t *d, const instance_t *instance, uint64_t token) {
    job_t *job = job_find(d->pool, token);
    return job && job->instance == instance && job->list == &instance->sent ? job : NULL;
}

void dispatch_done(dispatch_t *d, job_t **job, int64_t now_us) {
    instance_t *instance = (*job)->instance;
    release(d, *job);
    *job = NULL;
    if (instance) pump(d, instance);
    bury_gone(d, now_us);
}

// Jobs of a list whose time has come. A job that nobody has begun is refused while the caller still listens.
static void sweep(dispatch_t *d, job_list_t *list, int64_t now_us) {
    char text[200];
    job_t *next;
    for (job_t *job = list->first; job; job = next) {
        team_t *team = job->team;
        bool held = list == &team->held;
        next = job->next;
        if (job->deadline_us <= now_us) {
            expire(d, job);
        } else if (held && (job->held_until_us <= now_us || job->give_up_us <= now_us)) {
            snprintf(text, sizeof text, "nobody serves %s just now", team->name);
            refuse(d, job, E_UNAVAILABLE, text);
        } else if (job->dispatches == 0 && job->give_up_us <= now_us) {
            snprintf(text, sizeof text, "%s: waited until the deadline in a queue of %zu", team->name, list->count);
            refuse(d, job, E_BUSY, text);
        }
    }
}

static void sweep_team(dispatch_t *d, team_t *team, int64_t now_us) {
    sweep(d, &team->held, now_us);
    sweep(d, &team->shared, now_us);
    for (size_t i = 0; i < team->count; i++) {
        sweep(d, &team->instances[i]->queue, now_us);
        sweep(d, &team->instances[i]->sent, now_us);
    }
    for (size_t i = 0; i < team->count; i++) pump(d, team->instances[i]);
}

static instance_t *find_silent(const dispatch_t *d, int64_t now_us) {
    for (size_t i = 0; i < d->count; i++)
        for (size_t k = 0; k < d->teams[i]->count; k++)
            if (now_us - d->teams[i]->instances[k]->heard_us > (int64_t)d->conf.dead_after_ms * 1000)
                return d->teams[i]->instances[k];
    return NULL;
}

static void show_gauges(const dispatch_t *d) {
    size_t instances = 0;
    for (size_t i = 0; i < d->count; i++) instances += d->teams[i]->count;
    metric_set(d->instances, (int64_t)instances);
    metric_set(d->jobs, (int64_t)job_count(d->pool));
}

void dispatch_tick(dispatch_t *d, int64_t now_us) {
    instance_t *silent;
    while ((silent = find_silent(d, now_us))) bury(d, silent, "silent", now_us);
    if (job_count(d->pool) > 0)
        for (size_t i = 0; i < d->count; i++) sweep_team(d, d->teams[i], now_us);
    bury_gone(d, now_us);
    for (size_t i = d->count; i-- > 0;)
        if (d->teams[i]->count == 0 && d->teams[i]->held.count == 0) forget_team(d, i);
    show_gauges(d);
}

size_t dispatch_teams(const dispatch_t *d, team_t *const **teams) {
    *teams = d->teams;
    return d->count;
}

dispatch_counts_t dispatch_counts(const dispatch_t *d) { return d->counts; }
size_t dispatch_jobs(const dispatch_t *d) { return job_count(d->pool); }
