// The broker's own service. See own.h.
#include "own.h"

#include "common/wire/message.h"

#include <string.h>

static size_t count_instances(const dispatch_t *dispatch) {
    team_t *const *teams;
    size_t count = dispatch_teams(dispatch, &teams), total = 0;
    for (size_t i = 0; i < count; i++) total += teams[i]->count;
    return total;
}

static Tc__Presence *presence_of(instance_t *instance, arena_t *arena) {
    Tc__Presence *presence = arena_alloc(arena, sizeof *presence);
    if (!presence) return NULL;
    tc__presence__init(presence);
    presence->service = instance->team->name;
    presence->instance = instance->name;
    presence->credit = instance->credit;
    presence->live_endpoint = instance->live_endpoint;
    presence->replay_endpoint = instance->replay_endpoint;
    presence->key_name = instance->key_name;
    presence->replay_version = instance->replay_version;
    return presence;
}

static int directory(const dispatch_t *dispatch, const char *wanted, arena_t *arena, const ProtobufCMessage **out,
                     err_t *err) {
    team_t *const *teams;
    size_t count = dispatch_teams(dispatch, &teams);
    Tc__Directory *reply = arena_alloc(arena, sizeof *reply);
    if (!reply) return err_set(err, E_IO, "no memory for the directory");
    tc__directory__init(reply);
    reply->instances = arena_alloc(arena, (count_instances(dispatch) + 1) * sizeof *reply->instances);
    if (!reply->instances) return err_set(err, E_IO, "no memory for the directory");
    for (size_t i = 0; i < count; i++) {
        if (wanted[0] && strcmp(wanted, teams[i]->name) != 0) continue;
        for (size_t k = 0; k < teams[i]->count; k++) {
            Tc__Presence *presence = presence_of(teams[i]->instances[k], arena);
            if (!presence) return err_set(err, E_IO, "no memory for the directory");
            reply->instances[reply->n_instances++] = presence;
        }
    }
    *out = &reply->base;
    return E_OK;
}

static int call_directory(const dispatch_t *dispatch, const void *body, size_t body_bytes, arena_t *arena,
                          const ProtobufCMessage **out, err_t *err) {
    ProtobufCMessage *request = NULL;
    int rc = message_unpack(&request, &tc__directory_request__descriptor, body, body_bytes, arena, err);
    if (rc != E_OK) return rc;
    return directory(dispatch, ((Tc__DirectoryRequest *)request)->service, arena, out, err);
}

static Tc__BrokerStatus__Instance *state_of(instance_t *instance, int64_t now_us, arena_t *arena) {
    Tc__BrokerStatus__Instance *state = arena_alloc(arena, sizeof *state);
    if (!state) return NULL;
    tc__broker_status__instance__init(state);
    state->service = instance->team->name;
    state->instance = instance->name;
    state->credit = instance->credit;
    state->outstanding = (int32_t)instance->sent.count;
    state->queued = (int32_t)instance->queue.count;
    state->partitions = instance->partitions;
    state->silent_ms = (now_us - instance->heard_us) / 1000;
    return state;
}

static void set_counts(Tc__BrokerStatus *reply, dispatch_counts_t counts) {
    reply->forwarded = counts.forwarded;
    reply->refused_busy = counts.refused_busy;
    reply->redispatched = counts.redispatched;
    reply->expired = counts.expired;
}

static int call_status(const dispatch_t *dispatch, int64_t now_us, arena_t *arena, const ProtobufCMessage **out,
                       err_t *err) {
    team_t *const *teams;
    size_t count = dispatch_teams(dispatch, &teams);
    Tc__BrokerStatus *reply = arena_alloc(arena, sizeof *reply);
    if (!reply) return err_set(err, E_IO, "no memory for the status");
    tc__broker_status__init(reply);
    set_counts(reply, dispatch_counts(dispatch));
    reply->instances = arena_alloc(arena, (count_instances(dispatch) + 1) * sizeof *reply->instances);
    if (!reply->instances) return err_set(err, E_IO, "no memory for the status");
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < teams[i]->count; k++) {
            Tc__BrokerStatus__Instance *state = state_of(teams[i]->instances[k], now_us, arena);
            if (!state) return err_set(err, E_IO, "no memory for the status");
            reply->instances[reply->n_instances++] = state;
        }
    *out = &reply->base;
    return E_OK;
}

int own_call(const dispatch_t *dispatch, const char *method, const char *caller, const void *body, size_t body_bytes,
             arena_t *arena, int64_t now_us, const ProtobufCMessage **out, err_t *err) {
    if (strcmp(method, "directory") == 0) return call_directory(dispatch, body, body_bytes, arena, out, err);
    if (strcmp(method, "status") != 0)
        return err_set(err, E_NOT_FOUND, "broker has no method %s: directory, status", method);
    if (!(wire_caller_role(caller) & (ROLE_ADMIN | ROLE_CLERK | ROLE_SERVICE)))
        return err_set(err, E_DENIED, "broker status is for the roles admin, clerk and service");
    return call_status(dispatch, now_us, arena, out, err);
}
