#include "list.h"
#include "certificate.h"
#include "common/base/ids.h"
#include "import_store.h"
#include "list_store.h"
#include "member_index.h"
#include "report.h"
#include "slots.h"
#include <string.h>

typedef struct turn {
    enrollment_t *e;
    const Tc__ImportList *ask;
    list_key_t key;
    list_t list;
    date_t as_of;
    int64_t now_ms;
    arena_t *arena;
    report_t report;
} turn_t;

// ---- what a list must say

static int check(turn_t *t, err_t *err) {
    const Tc__ImportList *ask = t->ask;
    int rc = import_check(ask->file, ask->first_row, ask->n_persons, err);
    if (rc == 0 && ask->first_row + (int64_t)ask->n_persons > LIST_ROWS_MAX)
        rc = err_field(err, E_TOO_LARGE, "persons", "a list has at most %d rows", LIST_ROWS_MAX);
    if (rc == 0 && !*ask->group) rc = err_field(err, E_MISSING_FIELD, "group", "group is missing");
    if (rc == 0 && group_from_name(ask->group) < 0)
        rc = err_field(err, E_INVALID_FIELD, "group", "group: expected one of %s", group_names());
    if (rc == 0 && !*ask->source) rc = err_field(err, E_MISSING_FIELD, "source", "source is missing");
    if (rc == 0 && (rc = name_check("source", ask->source, err)) != 0)
        rc = err_field(err, rc, "source", "source: expected 1 to 64 of A-Z a-z 0-9 . _ : -");
    if (rc == 0 && !*ask->as_of) rc = err_field(err, E_MISSING_FIELD, "as_of", "as_of is missing");
    if (rc == 0 && date_parse(ask->as_of, &t->as_of))
        rc = err_field(err, E_INVALID_FIELD, "as_of", "as_of: expected a date like 2018-03-01");
    if (rc == 0 && t->as_of > date_of_ms(t->now_ms) + LIST_AHEAD_DAYS)
        rc = err_field(err, E_OUT_OF_RANGE, "as_of", "as_of lies more than a year ahead");
    if (rc == 0) rc = certificate_check_list(desk_rules(t->e).policy, ask->group, t->as_of, ask->source, err);
    if (rc == 0 && ask->n_id_numbers && ask->n_id_numbers != ask->n_persons)
        rc = err_field(err, E_INVALID_FIELD, "id_numbers", "expected none, or one for each of persons");
    if (rc == 0 && ask->last && ask->n_persons)
        rc = err_field(err, E_INVALID_FIELD, "persons", "rows come before the message with `last`, not in it");
    return rc;
}

// Lists of one source for one group follow one another.
static int check_order(turn_t *t, err_t *err) {
    const char *newest = "";
    int rc = list_newest(t->e->ctx->store, &t->key, t->list.number, t->arena, &newest, err);
    if (rc || strcmp(newest, t->ask->as_of) < 0) return rc;
    return err_field(err, E_OUT_OF_RANGE, "as_of", "a list of this source and group as of %s has been taken in",
                     newest);
}

// ---- putting aside

static int begin_list(turn_t *t, err_t *err) {
    store_t *store = t->e->ctx->store;
    const int64_t stale_ms = t->now_ms - (int64_t)LIST_STALE_DAYS * 86400000;
    int64_t open = 0;
    int rc = list_open_count(store, stale_ms, t->arena, &open, err);
    if (rc == 0 && open >= LISTS_OPEN_MAX)
        rc = err_field(err, E_TOO_LARGE, "file", "%d lists are being taken in already", LISTS_OPEN_MAX);
    if (rc == 0) rc = list_forget_stale(store, stale_ms, err);
    if (rc == 0) rc = list_add(store, &t->key, t->now_ms, t->arena, &t->list.number, err);
    return rc;
}

// By its citizen ID a person is found now; both names of a row must mean the same person. A row at fault keeps the
// number that it gives: whoever has it is not ended by a list that names him.
static list_fault_t name_row(const Tc__ImportList *ask, size_t i, const char *holder, const char **person) {
    const char *id = ask->n_id_numbers ? ask->id_numbers[i] : "";
    citizen_t citizen;
    *person = ask->persons[i];
    if (!*id) return **person ? LIST_FINE : LIST_UNNAMED;
    if (citizen_id_check(id, &citizen, NULL)) return LIST_ID_BAD;
    if (!holder) return LIST_ID_UNKNOWN;
    if (**person && strcmp(*person, holder) != 0) return LIST_ID_OTHER;
    *person = holder;
    return LIST_FINE;
}

static int name_rows(turn_t *t, list_row_t **out, err_t *err) {
    const Tc__ImportList *ask = t->ask;
    const char **holders = arena_alloc(t->arena, (ask->n_persons + 1) * sizeof *holders);
    list_row_t *rows = arena_alloc(t->arena, (ask->n_persons + 1) * sizeof *rows);
    if (!holders || !rows) return err_set(err, E_IO, "out of memory");
    int rc = persons_of_citizens(t->e->ctx->store, (const char *const *)ask->id_numbers, ask->n_id_numbers, t->arena,
                                 holders, err);
    for (size_t i = 0; rc == 0 && i < ask->n_persons; i++)
        rows[i].fault = name_row(ask, i, ask->n_id_numbers ? holders[i] : NULL, &rows[i].person);
    *out = rows;
    return rc;
}

// A chunk that comes again, or a list that was applied and comes again: from the beginning.
static int put_aside(turn_t *t, err_t *err) {
    list_row_t *named = NULL;
    int rc = name_rows(t, &named, err);
    if (rc == 0 && !t->list.number) rc = begin_list(t, err);
    t->list.phase = LIST_STAGED;
    t->list.at_row = 0;
    if (rc) return rc;
    return list_rows_add(t->e->ctx->store, t->list.number, t->ask->first_row, named, t->ask->n_persons, t->arena, err);
}

// ---- applying

// The membership by this source's word that has no end, or one not before `day`; or NULL.
static const Tc__Membership *standing(const list_key_t *key, const Tc__PersonState *state, const char *day) {
    for (size_t i = 0; i < state->n_groups; i++) {
        const Tc__Membership *have = state->groups[i];
        if (strcmp(have->group, key->group) != 0 || strcmp(have->source, key->source) != 0) continue;
        if (!*have->until || strcmp(have->until, day) >= 0) return have;
    }
    return NULL;
}

static int set_membership(turn_t *t, const Tc__PersonState *before, const char *from, const char *until,
                          Tc__PersonState **after, err_t *why) {
    enrollment_rules_t rules = desk_rules(t->e);
    Tc__SetGroup ask = TC__SET_GROUP__INIT;
    ask.person = before->person;
    ask.group = (char *)t->key.group;
    ask.source = (char *)t->key.source;
    ask.from = (char *)from;
    ask.until = (char *)until;
    return person_set_group(&rules, before, &ask, after, why);
}

typedef struct step {
    const char **names;
    known_person_t *known;
    Tc__PersonState **states; // to be written
    const char **members;     // to be added, or removed
    size_t state_count, member_count;
} step_t;

static int step_init(turn_t *t, const rows_t *rows, step_t *step, err_t *err) {
    size_t n = rows->count + 1;
    *step = (step_t){.names = arena_alloc(t->arena, n * sizeof *step->names),
                     .known = arena_alloc(t->arena, n * sizeof *step->known),
                     .states = arena_alloc(t->arena, n * sizeof *step->states),
                     .members = arena_alloc(t->arena, n * sizeof *step->members)};
    if (!step->names || !step->known || !step->states || !step->members) return err_set(err, E_IO, "out of memory");
    for (size_t i = 0; i < rows->count; i++) step->names[i] = row_text(rows, i, 1);
    return persons_known(t->e->ctx->store, step->names, rows->count, t->arena, step->known, err);
}

static int tell_fault(list_fault_t fault, err_t *why) {
    switch (fault) {
    case LIST_ID_BAD:
        return err_field(why, E_INVALID_FIELD, "id_number",
                         "id_number: expected a citizen ID of 18 characters whose"
                         " check character is right");
    case LIST_ID_UNKNOWN:
        return err_field(why, E_NOT_FOUND, "id_number", "no person is registered under this citizen ID");
    case LIST_ID_OTHER:
        return err_field(why, E_OUT_OF_RANGE, "id_number", "this citizen ID is not that of the person number");
    case LIST_UNNAMED: return err_field(why, E_MISSING_FIELD, "person", "person and id_number are both missing");
    case LIST_FINE: break;
    }
    return 0;
}

// One row of the list. *after is NULL when the person is a member already.
static int begin_one(turn_t *t, const known_person_t *known, Tc__PersonState **after, err_t *why) {
    *after = NULL;
    if (!known->state) return err_field(why, E_NOT_FOUND, "person", "no person is registered under this number");
    if (standing(&t->key, known->state, t->key.as_of)) return 0;
    return set_membership(t, known->state, t->key.as_of, "", after, why);
}

static int begin_row(turn_t *t, step_t *step, slots_t *seen, const rows_t *rows, size_t i, err_t *err) {
    Tc__PersonState *after = NULL;
    err_t why = {0};
    const int64_t row = row_i64(rows, i, 0);
    size_t *twin = slots_at(seen, step->names[i]);
    int rc = tell_fault((list_fault_t)row_i64(rows, i, 2), &why);
    if (rc == 0 && !*twin) rc = begin_one(t, &step->known[i], &after, &why);
    if (rc && !report_takes(rc)) {
        *err = why;
        return rc;
    }
    if (rc) return report_refused(&t->report, row, &why, err);
    if (!*twin) step->members[step->member_count++] = step->names[i];
    *twin = 1;
    if (after) step->states[step->state_count++] = after;
    *(after ? &t->report.message->done : &t->report.message->unchanged) += 1;
    return 0;
}

// Memberships of the next rows begin.
static int begin_step(turn_t *t, err_t *err) {
    store_t *store = t->e->ctx->store;
    rows_t rows;
    step_t step;
    slots_t seen;
    int rc = list_rows_next(store, &t->list, LIST_STEP, t->arena, &rows, err);
    if (rc == 0) rc = slots_init(&seen, t->arena, rows.count, err);
    if (rc == 0) rc = step_init(t, &rows, &step, err);
    for (size_t i = 0; rc == 0 && i < rows.count; i++) rc = begin_row(t, &step, &seen, &rows, i, err);
    if (rc) return rc;
    if (rows.count) t->list.at_row = row_i64(&rows, rows.count - 1, 0);
    if (rows.count < LIST_STEP) {
        t->list.phase = LIST_ENDS;
        t->list.at_partition = -1;
        t->list.at_person = "";
    }
    if (t->key.dry) return 0;
    rc = desk_change(t->e, step.states, step.state_count, t->now_ms, err);
    return rc ? rc : members_add(store, &t->key, step.members, step.member_count, t->arena, err);
}

// A member that the list leaves out. *after NULL: there is nothing to end, it was ended otherwise. *keep: a membership
// that began on the list's day or later was set by hand, and the list does not speak of it.
static int end_one(turn_t *t, const Tc__PersonState *state, Tc__PersonState **after, bool *keep, err_t *err) {
    char day[DATE_TEXT_MAX];
    *after = NULL;
    *keep = false;
    const Tc__Membership *open = state ? standing(&t->key, state, "9999-12-31") : NULL;
    if (!open) return 0; // ended otherwise, or its end is known
    *keep = strcmp(open->from, t->key.as_of) >= 0;
    if (*keep) return 0;
    const char *until = arena_text(t->arena, "%s", date_format(t->as_of - 1, day));
    return until ? set_membership(t, state, open->from, until, after, err) : err_set(err, E_IO, "out of memory");
}

// Whoever's membership cannot be ended is told under row 0 and must not hold up the others.
static int end_member(turn_t *t, step_t *step, size_t i, err_t *err) {
    Tc__PersonState *after;
    bool keep;
    err_t why = {0};
    int rc = end_one(t, step->known[i].state, &after, &keep, &why);
    if (rc && report_takes(rc)) return report_refused(&t->report, 0, &why, err);
    if (rc) {
        *err = why;
        return rc;
    }
    if (after) step->states[step->state_count++] = after;
    if (!keep) step->members[step->member_count++] = step->names[i];
    return 0;
}

// Memberships of whom the list leaves out end.
static int end_step(turn_t *t, err_t *err) {
    store_t *store = t->e->ctx->store;
    rows_t rows;
    step_t step;
    int rc = members_left_out(store, &t->list, &t->key, LIST_STEP, t->arena, &rows, err);
    if (rc == 0) rc = step_init(t, &rows, &step, err);
    for (size_t i = 0; rc == 0 && i < rows.count; i++) rc = end_member(t, &step, i, err);
    if (rc) return rc;
    t->report.message->ended += (int32_t)step.state_count;
    if (rows.count) {
        t->list.at_partition = row_i64(&rows, rows.count - 1, 0);
        t->list.at_person = row_text(&rows, rows.count - 1, 1);
    }
    if (rows.count < LIST_STEP) t->list.phase = LIST_DONE;
    if (!t->key.dry) {
        rc = desk_change(t->e, step.states, step.state_count, t->now_ms, err);
        if (rc == 0) rc = members_remove(store, &t->key, step.members, step.member_count, t->arena, err);
    }
    if (rc == 0 && t->list.phase == LIST_DONE) rc = list_rows_forget(store, t->list.number, err);
    return rc;
}

// A list that is not whole would end memberships that it names further on. Reads only: a refusal writes nothing.
static int check_whole(turn_t *t, err_t *err) {
    int64_t count = 0;
    if (t->list.phase != LIST_STAGED) return 0;
    int rc = list_rows_count(t->e->ctx->store, t->list.number, t->arena, &count, err);
    if (rc == 0 && count != t->ask->total)
        rc = err_field(err, E_OUT_OF_RANGE, "total", "%lld rows of this list have come, %d were announced",
                       (long long)count, (int)t->ask->total);
    return rc;
}

static int apply(turn_t *t, err_t *err) {
    int rc = check_whole(t, err);
    if (rc == 0 && !t->list.number) rc = begin_list(t, err); // a list that names nobody
    bool more = false;
    if (rc == 0) rc = member_index_step(t->e, &more, err); // whom it leaves out must be known
    t->report.message->more = more;
    if (rc || more) return rc;
    if (t->list.phase == LIST_STAGED) t->list.phase = LIST_BEGINS;
    if (t->list.phase == LIST_BEGINS)
        rc = begin_step(t, err);
    else if (t->list.phase == LIST_ENDS)
        rc = end_step(t, err);
    t->report.message->more = t->list.phase != LIST_DONE;
    return rc;
}

int import_list(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                err_t *err) {
    (void)request;
    enrollment_t *e = self;
    const Tc__ImportList *ask = (const Tc__ImportList *)message;
    turn_t turn = {.e = e, .ask = ask, .arena = e->ctx->arena, .now_ms = e->now_ms()};
    turn.key = (list_key_t){ask->file, ask->group, ask->source, ask->as_of, ask->dry};
    int rc = check(&turn, err);
    if (rc == 0) rc = report_init(&turn.report, turn.arena, LIST_STEP, err);
    if (rc == 0) rc = list_find(e->ctx->store, &turn.key, turn.arena, &turn.list, err);
    if (rc == 0) rc = check_order(&turn, err);
    if (rc == 0) rc = ask->last ? apply(&turn, err) : put_aside(&turn, err);
    if (rc == 0) rc = list_save(e->ctx->store, &turn.list, turn.now_ms, err);
    if (rc) return rc;
    if (!ask->dry) report_count(&turn.report, "list");
    *reply = &turn.report.message->base;
    return 0;
}

int list_follow(enrollment_t *e, const Tc__PersonState *after, err_t *err) {
    const char *const person = after->person;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < after->n_groups; i++) {
        const Tc__Membership *have = after->groups[i];
        const list_key_t key = {.group = have->group, .source = have->source};
        if (!*have->until) rc = members_add(e->ctx->store, &key, &person, 1, e->ctx->arena, err);
    }
    return rc;
}
