#include "employer_kind.h"
#include "common/wire/scope.h"
#include "fields.h"
#include "history.h"
#include "import_store.h"
#include "report.h"
#include "slots.h"
#include <string.h>

enum { KINDS_MAX = 100 };

// ---- the core

static days_t kind_days(const Tc__EmployerKind *kind) {
    return (days_t){stored_date(kind->from, DATE_NONE), stored_date(kind->until, DATE_MAX)};
}

static int check_ask(const enrollment_rules_t *rules, const Tc__SetEmployerKind *ask, days_t *days, err_t *err) {
    date_t approved;
    if (!*ask->kind) return err_field(err, E_MISSING_FIELD, "kind", "kind is missing");
    if (employer_from_name(ask->kind) < 0)
        return err_field(err, E_INVALID_FIELD, "kind", "kind: expected one of %s", employer_names());
    int rc = field_date("from", ask->from, &days->from, err);
    days->until = DATE_MAX;
    if (rc == 0 && *ask->until) rc = field_date("until", ask->until, &days->until, err);
    if (rc == 0 && days->until < days->from)
        rc = err_field(err, E_OUT_OF_RANGE, "until", "until must not be before from, %s", ask->from);
    if (rc == 0) rc = field_past_date("approved_on", ask->approved_on, rules->today, &approved, err);
    return rc ? rc : field_text("document", ask->document, err);
}

// The place of what was said of the same first day, or the end of the list.
static int find_place(const Tc__EmployerState *before, const Tc__SetEmployerKind *ask, days_t days, size_t *place,
                      err_t *err) {
    *place = before->n_kinds;
    for (size_t i = 0; i < before->n_kinds; i++)
        if (strcmp(before->kinds[i]->from, ask->from) == 0) *place = i;
    if (*place < before->n_kinds && strcmp(ask->kind, before->kind) == 0) return 0; // it only goes
    for (size_t i = 0; i < before->n_kinds; i++) {
        const Tc__EmployerKind *have = before->kinds[i];
        const days_t other = kind_days(have);
        if (i != *place && days.from <= other.until && other.from <= days.until)
            return err_field(err, E_OUT_OF_RANGE, "from", "overlaps %s from %s %s%s", have->kind, have->from,
                             *have->until ? "until " : "on", have->until);
    }
    if (*place == KINDS_MAX) return err_field(err, E_TOO_LARGE, "employer", "%d kinds are recorded already", KINDS_MAX);
    return 0;
}

static bool says_the_same(const Tc__EmployerKind *have, const Tc__SetEmployerKind *ask) {
    return strcmp(have->kind, ask->kind) == 0 && strcmp(have->until, ask->until) == 0 &&
           strcmp(have->approved_on, ask->approved_on) == 0 && strcmp(have->document, ask->document) == 0;
}

static Tc__EmployerKind *kind_of(const enrollment_rules_t *rules, const Tc__SetEmployerKind *ask) {
    Tc__EmployerKind *kind = arena_alloc(rules->arena, sizeof *kind);
    if (!kind) return NULL;
    tc__employer_kind__init(kind);
    kind->kind = ask->kind;
    kind->from = ask->from;
    kind->until = ask->until;
    kind->approved_on = ask->approved_on;
    kind->document = ask->document;
    return kind;
}

// The days on which another kind holds than before, as far as they are not all to come.
static days_t days_touched(const Tc__EmployerKind *old, const Tc__EmployerKind *now) {
    if (!old) return kind_days(now);
    if (!now) return kind_days(old);
    const days_t was = kind_days(old), is = kind_days(now);
    const date_t least = was.until < is.until ? was.until : is.until;
    const date_t most = was.until < is.until ? is.until : was.until;
    if (strcmp(old->kind, now->kind) != 0) return (days_t){is.from, most};
    return least == most ? (days_t){DATE_MAX, DATE_NONE} : (days_t){least + 1, most};
}

static int touch(const enrollment_rules_t *rules, Tc__EmployerState *state, days_t days, err_t *err) {
    char text[DATE_TEXT_MAX];
    state->touched_from = state->touched_until = (char *)protobuf_c_empty_string;
    if (days.from > rules->today || days.from > days.until) return 0;
    state->touched_from = arena_text(rules->arena, "%s", date_format(days.from, text));
    if (days.until < rules->today) state->touched_until = arena_text(rules->arena, "%s", date_format(days.until, text));
    return state->touched_from && state->touched_until ? 0 : out_of_memory(err);
}

static void insert_by_day(Tc__EmployerState *state, Tc__EmployerKind *kind) {
    size_t at = state->n_kinds++;
    for (; at > 0 && strcmp(state->kinds[at - 1]->from, kind->from) > 0; at--) state->kinds[at] = state->kinds[at - 1];
    state->kinds[at] = kind;
}

int employer_set_kind(const enrollment_rules_t *rules, const Tc__EmployerState *before, const Tc__SetEmployerKind *ask,
                      Tc__EmployerState **after, err_t *err) {
    days_t days;
    size_t place = 0;
    *after = NULL;
    int rc = check_ask(rules, ask, &days, err);
    if (rc == 0) rc = find_place(before, ask, days, &place, err);
    if (rc) return rc;
    const bool there = place < before->n_kinds, goes = strcmp(ask->kind, before->kind) == 0;
    const Tc__EmployerKind *old = there ? before->kinds[place] : NULL;
    if ((!there && goes) || (there && says_the_same(old, ask))) return 0;
    Tc__EmployerState *state = arena_copy(rules->arena, before, sizeof *before);
    Tc__EmployerKind *now = goes ? NULL : kind_of(rules, ask);
    Tc__EmployerKind **kinds = arena_alloc(rules->arena, (before->n_kinds + 1) * sizeof *kinds);
    if (!state || (!goes && !now) || !kinds) return out_of_memory(err);
    state->kinds = kinds;
    state->n_kinds = 0;
    for (size_t i = 0; i < before->n_kinds; i++)
        if (i != place) kinds[state->n_kinds++] = before->kinds[i];
    if (now) insert_by_day(state, now);
    state->version++;
    rc = touch(rules, state, days_touched(old, now), err);
    if (rc == 0) *after = state;
    return rc;
}

const char *employer_kind_on(const Tc__EmployerState *state, date_t on) {
    for (size_t i = 0; i < state->n_kinds; i++) {
        const days_t days = kind_days(state->kinds[i]);
        if (days.from <= on && on <= days.until) return state->kinds[i]->kind;
    }
    return state->kind;
}

// ---- methods

// The end of a day in Asia/Shanghai, which is eight hours ahead.
static int64_t day_end_ms(date_t day) {
    enum { HOUR_MS = 3600 * 1000, DAY_MS = 24 * HOUR_MS };
    return ((int64_t)day + 1) * DAY_MS - 8 * (int64_t)HOUR_MS;
}

static int find(enrollment_t *e, const char *employer, Tc__EmployerState **out, err_t *err) {
    if (!*employer) return err_field(err, E_MISSING_FIELD, "employer", "employer is missing");
    int rc = employer_fetch(e->ctx->store, employer, e->ctx->arena, out, err);
    if (rc == 0 && !*out) rc = err_field(err, E_NOT_FOUND, "employer", "no employer is registered under this number");
    return rc ? rc : scope_check_division(e->ctx->scope, (*out)->division, err);
}

int set_employer_kind(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                      err_t *err) {
    (void)request;
    enrollment_t *e = self;
    const Tc__SetEmployerKind *ask = (const Tc__SetEmployerKind *)message;
    const enrollment_rules_t rules = desk_rules(e);
    const int64_t now_ms = e->now_ms();
    Tc__EmployerState *before = NULL, *after = NULL;
    int rc = find(e, ask->employer, &before, err);
    if (rc == 0) rc = employer_set_kind(&rules, before, ask, &after, err);
    if (rc) return rc;
    if (after) {
        rc = employers_update(e->ctx->store, &after, 1, now_ms, e->ctx->arena, err);
        if (rc == 0) rc = desk_publish(e, after->employer, "employer.changed", now_ms, &after->base, err);
    }
    if (rc == 0) *reply = after ? &after->base : &before->base;
    return rc;
}

// What was known at the end of a day, and of it what holds on another.
int get_employer(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                 err_t *err) {
    (void)request;
    enrollment_t *e = self;
    const Tc__GetEmployer *ask = (const Tc__GetEmployer *)message;
    Tc__EmployerState *state = NULL;
    date_t known_on = DATE_NONE, on = DATE_NONE;
    int rc = *ask->known_on ? field_date("known_on", ask->known_on, &known_on, err) : 0;
    if (rc == 0 && *ask->on) rc = field_date("on", ask->on, &on, err);
    if (rc == 0) rc = find(e, ask->employer, &state, err);
    if (rc == 0 && known_on != DATE_NONE) {
        rc = employer_fetch_version(e->ctx->store, ask->employer, day_end_ms(known_on), e->ctx->arena, &state, err);
        if (rc == 0 && !state)
            rc = err_field(err, E_NOT_FOUND, "known_on", "nothing was known of this employer on %s", ask->known_on);
    }
    if (rc) return rc;
    if (on != DATE_NONE) {
        state->kind = (char *)employer_kind_on(state, on);
        state->n_kinds = 0;
    }
    *reply = &state->base;
    return 0;
}

// ---- a chunk of a file

typedef struct chunk {
    enrollment_t *e;
    const Tc__ImportEmployerKinds *ask;
    arena_t *arena;
    slots_t employers; // index + 1 into the lists below
    const char **names;
    known_employer_t *known; // the state as it is after the rows so far
    size_t employer_count;
    Tc__EmployerState **states; // what is to be written, in order of rows
    size_t state_count;
} chunk_t;

static int prepare(chunk_t *c, err_t *err) {
    const size_t n = c->ask->n_rows;
    c->names = arena_alloc(c->arena, (n + 1) * sizeof *c->names);
    c->known = arena_alloc(c->arena, (n + 1) * sizeof *c->known);
    c->states = arena_alloc(c->arena, (n + 1) * sizeof(Tc__EmployerState *));
    if (!c->names || !c->known || !c->states) return out_of_memory(err);
    int rc = slots_init(&c->employers, c->arena, n, err);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        size_t *slot = slots_at(&c->employers, c->ask->rows[i]->employer);
        if (*slot) continue;
        c->names[c->employer_count++] = c->ask->rows[i]->employer;
        *slot = c->employer_count;
    }
    return rc ? rc : employers_known(c->e->ctx->store, c->names, c->employer_count, c->arena, c->known, err);
}

static int decide_row(chunk_t *c, const enrollment_rules_t *rules, size_t i, bool *changed, err_t *why) {
    const Tc__SetEmployerKind *ask = c->ask->rows[i];
    Tc__EmployerState *after = NULL;
    if (!*ask->employer) return err_field(why, E_MISSING_FIELD, "employer", "employer is missing");
    Tc__EmployerState **current = &c->known[*slots_at(&c->employers, ask->employer) - 1].state;
    if (!*current) return err_field(why, E_NOT_FOUND, "employer", "no employer is registered under this number");
    int rc = scope_check_division(c->e->ctx->scope, (*current)->division, why);
    if (rc == 0) rc = employer_set_kind(rules, *current, ask, &after, why);
    if (rc || !after) return rc;
    *changed = true;
    c->states[c->state_count++] = after;
    *current = after;
    return 0;
}

static int decide(chunk_t *c, report_t *report, err_t *err) {
    const enrollment_rules_t rules = desk_rules(c->e);
    for (size_t i = 0; i < c->ask->n_rows; i++) {
        err_t why = {0};
        bool changed = false;
        int rc = decide_row(c, &rules, i, &changed, &why);
        if (rc && !report_takes(rc)) {
            *err = why;
            return rc;
        }
        if (rc) {
            rc = report_refused(report, c->ask->first_row + (int64_t)i, &why, err);
            if (rc) return rc;
        } else {
            *(changed ? &report->message->done : &report->message->unchanged) += 1;
        }
    }
    return 0;
}

static int write_chunk(chunk_t *c, err_t *err) {
    const int64_t now_ms = c->e->now_ms();
    int rc = employers_update(c->e->ctx->store, c->states, c->state_count, now_ms, c->arena, err);
    for (size_t i = 0; rc == 0 && i < c->state_count; i++)
        rc = desk_publish(c->e, c->states[i]->employer, "employer.changed", now_ms, &c->states[i]->base, err);
    return rc;
}

int import_employer_kinds(void *self, const request_t *request, const ProtobufCMessage *message,
                          ProtobufCMessage **reply, err_t *err) {
    (void)request;
    enrollment_t *e = self;
    chunk_t chunk = {.e = e, .ask = (const Tc__ImportEmployerKinds *)message, .arena = e->ctx->arena};
    report_t report;
    int rc = import_check(chunk.ask->file, chunk.ask->first_row, chunk.ask->n_rows, err);
    if (rc == 0) rc = report_init(&report, chunk.arena, chunk.ask->n_rows, err);
    if (rc == 0) rc = prepare(&chunk, err);
    if (rc == 0) rc = decide(&chunk, &report, err);
    if (rc == 0 && !chunk.ask->dry) rc = write_chunk(&chunk, err);
    if (rc) return rc;
    if (!chunk.ask->dry) report_count(&report, "employer_kinds");
    *reply = &report.message->base;
    return 0;
}
