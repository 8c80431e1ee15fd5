#include "feed.h"
#include "amendment.h"
#include "common/base/hash.h"
#include "common/base/log.h"
#include "desk.h"
#include "employer_kinds.h"
#include "fund_credit.h"
#include "merger.h"
#include "store.h"
#include <stdlib.h>
#include <string.h>

static int unpack(const event_t *event, const ProtobufCMessageDescriptor *type, arena_t *arena, ProtobufCMessage **out,
                  err_t *err) {
    int rc = message_unpack(out, type, event->body, event->body_bytes, arena, err);
    return rc ? err_prefix(err, "%s %u/%lld", event->topic, event->partition, (long long)event->number) : 0;
}

// Persons who arrived, those we never heard of before in front: nothing of theirs is stored.
typedef struct arrivals {
    Tc__PersonState **states;
    const event_t **events; // that each state came with
    bool *known;            // of each state: the person is stored
    size_t count, strangers;
} arrivals_t;

static int arrivals_open(arrivals_t *in, size_t count, arena_t *arena, err_t *err) {
    in->states = arena_alloc(arena, (count + 1) * sizeof *in->states);
    in->events = arena_alloc(arena, (count + 1) * sizeof *in->events);
    in->known = arena_alloc(arena, count + 1);
    return in->states && in->events && in->known ? 0 : err_set(err, E_IO, "out of memory");
}

// The last state of each person among the events. A partition's events are in order, so a later one replaces an earlier
// one.
static int gather_persons(const event_t *events, size_t count, arena_t *arena, arrivals_t *in, err_t *err) {
    size_t room = 16;
    while (room < 2 * count) room *= 2;
    size_t *places = arena_alloc(arena, room * sizeof *places); // by hash: index in `in` + 1, or 0
    if (!places) return err_set(err, E_IO, "out of memory");
    for (size_t i = 0; i < count; i++) {
        ProtobufCMessage *message;
        if (strcmp(events[i].topic, "person.changed") != 0) continue;
        int rc = unpack(&events[i], &tc__person_state__descriptor, arena, &message, err);
        if (rc) return rc;
        Tc__PersonState *state = (Tc__PersonState *)message;
        size_t at = hash64(state->person, strlen(state->person), 0) & (room - 1);
        while (places[at] && strcmp(in->states[places[at] - 1]->person, state->person) != 0) at = (at + 1) & (room - 1);
        if (!places[at]) places[at] = ++in->count;
        in->states[places[at] - 1] = state;
        in->events[places[at] - 1] = &events[i];
    }
    return 0;
}

// The last state of each employer among the events, which are in order.
static int apply_employers(const renew_env_t *env, const event_t *events, size_t count, Tc__PersonState ***persons,
                           size_t *person_count, err_t *err) {
    arena_t *arena = env->ctx->arena;
    Tc__EmployerState **states = arena_alloc(arena, (count + 1) * sizeof(Tc__EmployerState *));
    size_t found = 0;
    if (!states) return err_set(err, E_IO, "out of memory");
    for (size_t i = 0; i < count; i++) {
        ProtobufCMessage *message;
        if (strcmp(events[i].topic, "employer.changed") != 0) continue;
        int rc = unpack(&events[i], &tc__employer_state__descriptor, arena, &message, err);
        if (rc) return rc;
        Tc__EmployerState *state = (Tc__EmployerState *)message;
        size_t at = found;
        while (at > 0 && strcmp(states[at - 1]->employer, state->employer) != 0) at--;
        states[at > 0 ? at - 1 : found++] = state;
    }
    return employers_apply(env, states, found, persons, person_count, err);
}

// Of a merged number bills may come along.
static bool is_stranger(const Tc__PersonState *state, bool known) {
    return !known && state->n_merged_from == 0 && !*state->merged_into;
}

// Leave out what is not newer than our copy.
static int keep_newer(service_ctx_t *ctx, arrivals_t *in, arena_t *arena, err_t *err) {
    rows_t keys, known;
    size_t row = 0;
    arrivals_t other = {0}, front = {in->states, in->events, in->known, 0, 0}; // filled behind the place that is read
    int rc = arrivals_open(&other, in->count, arena, err);
    if (rc) return rc;
    rows_init(&keys, arena, 2);
    for (size_t i = 0; i < in->count; i++) {
        if ((rc = key_add(&keys, in->states[i]->person, err))) return rc;
    }
    if ((rc = person_versions_of(ctx->store, &keys, arena, &known, err))) return rc;
    for (size_t i = 0; i < in->count; i++) {
        const bool is_known = row < known.count && row_i64(&known, row, 0) == (int64_t)i;
        const int64_t version = is_known ? row_i64(&known, row++, 1) : 0;
        if (in->states[i]->version <= version) continue;
        arrivals_t *to = is_stranger(in->states[i], is_known) ? &front : &other;
        to->states[to->count] = in->states[i];
        to->events[to->count] = in->events[i];
        to->known[to->count++] = is_known;
    }
    in->strangers = front.count;
    in->count = front.count + other.count;
    memcpy(in->states + in->strangers, other.states, other.count * sizeof *other.states);
    memcpy(in->events + in->strangers, other.events, other.count * sizeof *other.events);
    memcpy(in->known + in->strangers, other.known, other.count);
    return 0;
}

// As they came: the bytes of a state are those of its event.
static int put_persons(service_ctx_t *ctx, const arrivals_t *in, arena_t *arena, err_t *err) {
    rows_t rows;
    rows_init(&rows, arena, PERSON_COLUMNS);
    for (size_t i = 0; i < in->count; i++) {
        const Tc__PersonState *person = in->states[i];
        cell_t *row = rows_add(&rows);
        if (!row) return err_set(err, E_IO, "out of memory");
        row[0] = cell_i64(partition_of(person->person));
        row[1] = cell_text(person->person);
        row[2] = cell_i64(person->version);
        row[3] = cell_blob(in->events[i]->body, in->events[i]->body_bytes);
        row[4] = cell_i64(in->known[i]);
    }
    return persons_put(ctx->store, &rows, err);
}

typedef struct persons {
    Tc__PersonState **persons;
    size_t count;
} persons_t;

typedef struct person_place {
    const Tc__PersonState *person;
    size_t place; // among all
} person_place_t;

static int by_person(const void *a, const void *b) {
    const person_place_t *left = a, *right = b;
    const int order = strcmp(left->person->person, right->person->person);
    return order ? order : (left->place > right->place) - (left->place < right->place);
}

// Who arrived, who got something from a number that stands for them, whose bills went with their employer's kind. Of
// one person the state in the first list counts.
static int renew_each(renew_env_t *env, const persons_t *lists, size_t count,
                      const Tc__PersonState *const **all_persons, renewal_t *out, err_t *err) {
    arena_t *arena = env->ctx->arena;
    size_t all = 0, kept = 0;
    for (size_t i = 0; i < count; i++) all += lists[i].count;
    person_place_t *places = arena_alloc(arena, (all + 1) * sizeof *places);
    const Tc__PersonState **persons = arena_alloc(arena, (all + 1) * sizeof *persons);
    if (!places || !persons) return err_set(err, E_IO, "out of memory");
    for (size_t i = 0, n = 0; i < count; i++)
        for (size_t k = 0; k < lists[i].count; k++, n++) places[n] = (person_place_t){lists[i].persons[k], n};
    qsort(places, all, sizeof *places, by_person);
    for (size_t i = 0; i < all; i++)
        if (i == 0 || strcmp(places[i - 1].person->person, places[i].person->person) != 0)
            persons[kept++] = places[i].person;
    *all_persons = persons;
    return renew_arrived(env, persons, kept, 0, arena, out, err);
}

// Everybody whose state may be another one now, in *all.
static int renew_all(renew_env_t *env, const arrivals_t *in, const persons_t *also, const persons_t *employed,
                     const Tc__PersonState *const **all, renewal_t *out, err_t *err) {
    const persons_t lists[] = {{in->states, in->count}, *also, *employed};
    if (also->count || employed->count) return renew_each(env, lists, COUNT_OF(lists), all, out, err);
    *all = (const Tc__PersonState *const *)in->states;
    return renew_arrived(env, *all, in->count, in->strangers, env->ctx->arena, out, err);
}

static int apply(void *self, const event_t *events, size_t count, err_t *err) {
    renew_env_t *env = self;
    service_ctx_t *ctx = env->ctx;
    arena_t *arena = ctx->arena; // no command is at work now
    renewal_t renewal;
    const Tc__PersonState *const *all = NULL;
    persons_t also = {0}, employed = {0};
    arrivals_t in = {0};
    int rc = arrivals_open(&in, count, arena, err);
    if (rc == 0) rc = gather_persons(events, count, arena, &in, err);
    if (rc == 0) rc = keep_newer(ctx, &in, arena, err);
    if (rc == 0) rc = apply_employers(env, events, count, &employed.persons, &employed.count, err);
    if (rc == 0) rc = merger_apply(env->desk, in.states, in.count, &also.persons, &also.count, err);
    if (rc == 0) rc = renew_all(env, &in, &also, &employed, &all, &renewal, err);
    if (rc == 0) rc = put_persons(ctx, &in, arena, err);
    if (rc == 0) rc = fund_credit_settle(env->desk, in.states, in.count, err);
    if (rc == 0) rc = renew_write(env, &renewal, arena, err);
    if (rc == 0) rc = amendments_write(env->desk, all, &renewal.amended, err);
    return rc ? rc : stream_flush(ctx->stream, err);
}

// Redis before the event, as after a command: whoever hears of a change must find it there, or no lease.
static void committed(void *self) {
    renew_env_t *env = self;
    recache_flush(env->recache);
    stream_committed(env->ctx->stream);
    arena_reset(env->ctx->arena);
}

// The transaction may have failed because another writer took our numbers: read them again.
static void rolled_back(void *self) {
    renew_env_t *env = self;
    err_t err = {0};
    stream_rolled_back(env->ctx->stream);
    if (stream_reload(env->ctx->stream, &err)) log_warn("stream_reload_failed", "text=%s", log_value(err.text));
    recache_forget(env->recache);
    arena_reset(env->ctx->arena);
}

consumer_effect_t feed_effect(renew_env_t *env) {
    return (consumer_effect_t){.self = env, .apply = apply, .committed = committed, .rolled_back = rolled_back};
}
