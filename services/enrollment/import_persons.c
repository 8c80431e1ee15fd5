// Import of persons. Who may not be registered is told by the core; who is there already, by three questions for the
// whole chunk: by number, by citizen ID, by name and birth.
#include "import.h"
#include "common/wire/scope.h"
#include "import_store.h"
#include "parked.h"
#include "report.h"
#include "slots.h"
#include <string.h>

typedef enum verdict { NEW, UNCHANGED, PARKED } verdict_t;

typedef struct row {
    const Tc__RegisterPerson *ask;
    Tc__PersonState *after; // NULL: the core refused it, `why` tells
    err_t *why;
    known_person_t known;       // under its number
    const char *holder, *alike; // who has its citizen ID; who is like it
    bool dropped;               // put aside once, and decided to be the same human being
    const char *look;           // name and birth as one text
} row_t;

typedef struct chunk {
    enrollment_t *e;
    const Tc__ImportPersons *ask;
    arena_t *arena;
    row_t *rows;
    row_t **good; // rows that the core takes
    size_t good_count;
    slots_t numbers, citizens, looks; // of the rows registered so far: index + 1
    Tc__PersonState **states;         // what is to be written
    person_secrets_t *secrets;
    parking_t *parkings;
    size_t new_count, parked_count;
} chunk_t;

// ---- reading

static int take_rows(chunk_t *c, err_t *err) {
    enrollment_rules_t rules = desk_rules(c->e);
    for (size_t i = 0; i < c->ask->n_rows; i++) {
        row_t *row = &c->rows[i];
        err_t why = {0};
        row->ask = c->ask->rows[i];
        int rc = scope_check_division(c->e->ctx->scope, row->ask->division, &why);
        if (rc == 0) rc = person_register(&rules, row->ask, &row->after, &why);
        if (rc && !report_takes(rc)) {
            *err = why;
            return rc;
        }
        if (rc == 0) {
            c->good[c->good_count++] = row;
            row->look = arena_text(c->arena, "%.8s%s", row->ask->citizen_id + 6, row->ask->name);
        } else {
            row->after = NULL;
            row->why = arena_copy(c->arena, &why, sizeof why);
        }
        if (rc ? !row->why : !row->look) return err_set(err, E_IO, "out of memory");
    }
    return 0;
}

static int ask_dropped(chunk_t *c, err_t *err) {
    parking_t *alike = arena_alloc(c->arena, (c->good_count + 1) * sizeof *alike);
    row_t **of = arena_alloc(c->arena, (c->good_count + 1) * sizeof *of);
    bool *dropped = arena_alloc(c->arena, c->good_count + 1);
    size_t count = 0;
    if (!alike || !of || !dropped) return err_set(err, E_IO, "out of memory");
    for (size_t i = 0; i < c->good_count; i++)
        if (c->good[i]->alike) {
            of[count] = c->good[i];
            alike[count++] = (parking_t){.ask = c->good[i]->ask};
        }
    if (count == 0) return 0;
    int rc = parked_dropped(c->e->ctx->store, alike, count, c->arena, dropped, err);
    for (size_t i = 0; rc == 0 && i < count; i++) of[i]->dropped = dropped[i];
    return rc;
}

static int ask_store(chunk_t *c, err_t *err) {
    size_t n = c->good_count;
    store_t *store = c->e->ctx->store;
    const char **texts = arena_alloc(c->arena, (n + 1) * sizeof *texts);
    const char **found = arena_alloc(c->arena, (n + 1) * sizeof *found);
    known_person_t *known = arena_alloc(c->arena, (n + 1) * sizeof *known);
    person_secrets_t *looks = arena_alloc(c->arena, (n + 1) * sizeof *looks);
    if (!texts || !found || !known || !looks) return err_set(err, E_IO, "out of memory");
    for (size_t i = 0; i < n; i++) texts[i] = c->good[i]->ask->person;
    int rc = persons_known(store, texts, n, c->arena, known, err);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        c->good[i]->known = known[i];
        texts[i] = c->good[i]->ask->citizen_id;
        looks[i] = (person_secrets_t){c->good[i]->ask->citizen_id, c->good[i]->ask->name};
    }
    if (rc == 0) rc = persons_of_citizens(store, texts, n, c->arena, found, err);
    for (size_t i = 0; rc == 0 && i < n; i++) c->good[i]->holder = found[i];
    if (rc == 0) rc = persons_alike(store, looks, n, c->arena, found, err);
    for (size_t i = 0; rc == 0 && i < n; i++) c->good[i]->alike = found[i];
    return rc ? rc : ask_dropped(c, err);
}

// ---- deciding

// As it was registered: a move to another district is no difference.
static const char *division_at_first(const Tc__PersonState *state) {
    return state->n_divisions ? state->divisions[0]->division : state->division;
}

// The first field in which the registered person differs from the row, or NULL. A household or registration that is not
// known yet differs too.
static const char *difference(const known_person_t *known, const row_t *row) {
    if (strcmp(known->citizen_id, row->ask->citizen_id) != 0) return "citizen_id";
    if (strcmp(known->name, row->ask->name) != 0) return "name";
    if (*known->state->merged_into) return NULL; // nothing else is left of it
    if (strcmp(division_at_first(known->state), division_at_first(row->after)) != 0) return "division";
    if (strcmp(known->state->registration, row->after->registration) != 0) return "registration";
    if (strcmp(known->state->household, row->after->household) != 0) return "household";
    return NULL;
}

static int compare(const known_person_t *known, const row_t *row, const char *where, verdict_t *verdict, err_t *why) {
    const char *field = difference(known, row);
    *verdict = UNCHANGED;
    if (!field) return 0;
    return err_field(why, E_EXISTS, strcmp(field, "citizen_id") == 0 ? "person" : field,
                     "this person number is registered %s with another %s", where, field);
}

// 0 with a verdict, or why not.
static int judge(chunk_t *c, row_t *row, const char **like, verdict_t *verdict, err_t *why) {
    if (row->known.state) {
        int rc = scope_check_division(c->e->ctx->scope, row->known.state->division, why);
        return rc ? rc : compare(&row->known, row, "already", verdict, why);
    }
    size_t twin = *slots_at(&c->numbers, row->ask->person);
    if (twin) {
        const row_t *other = &c->rows[twin - 1];
        const known_person_t as_known = {other->ask->citizen_id, other->ask->name, other->after};
        return compare(&as_known, row, "by an earlier row", verdict, why);
    }
    size_t same_id = *slots_at(&c->citizens, row->ask->citizen_id);
    if (row->holder || same_id)
        return err_field(why, E_EXISTS, "citizen_id", "this citizen ID is registered under person number %s",
                         row->holder ? row->holder : c->rows[same_id - 1].ask->person);
    size_t same_look = *slots_at(&c->looks, row->look);
    *like = row->alike ? row->alike : same_look ? c->rows[same_look - 1].ask->person : NULL;
    *verdict = !*like ? NEW : row->dropped ? UNCHANGED : PARKED;
    return 0;
}

static void take_new(chunk_t *c, size_t i) {
    row_t *row = &c->rows[i];
    *slots_at(&c->numbers, row->ask->person) = i + 1;
    *slots_at(&c->citizens, row->ask->citizen_id) = i + 1;
    *slots_at(&c->looks, row->look) = i + 1;
    c->states[c->new_count] = row->after;
    c->secrets[c->new_count++] = (person_secrets_t){row->ask->citizen_id, row->ask->name};
}

static int decide(chunk_t *c, report_t *report, err_t *err) {
    for (size_t i = 0; i < c->ask->n_rows; i++) {
        row_t *row = &c->rows[i];
        int64_t number = c->ask->first_row + (int64_t)i;
        verdict_t verdict = NEW;
        const char *like = NULL;
        err_t why = {0};
        int rc = row->why ? (why = *row->why, why.code) : judge(c, row, &like, &verdict, &why);
        if (rc) {
            rc = report_refused(report, number, &why, err);
        } else if (verdict == NEW) {
            take_new(c, i);
            report->message->done++;
        } else if (verdict == UNCHANGED) {
            report->message->unchanged++;
        } else {
            c->parkings[c->parked_count++] = (parking_t){row->ask, like, number};
            rc = report_parked(report, number, "person", "same name and birth as another person", err);
        }
        if (rc) return rc;
    }
    return 0;
}

// ---- the chunk

static int prepare(chunk_t *c, err_t *err) {
    size_t n = c->ask->n_rows;
    c->rows = arena_alloc(c->arena, (n + 1) * sizeof *c->rows);
    c->good = arena_alloc(c->arena, (n + 1) * sizeof *c->good);
    c->states = arena_alloc(c->arena, (n + 1) * sizeof *c->states);
    c->secrets = arena_alloc(c->arena, (n + 1) * sizeof *c->secrets);
    c->parkings = arena_alloc(c->arena, (n + 1) * sizeof *c->parkings);
    if (!c->rows || !c->good || !c->states || !c->secrets || !c->parkings) return err_set(err, E_IO, "out of memory");
    int rc = slots_init(&c->numbers, c->arena, n, err);
    if (rc == 0) rc = slots_init(&c->citizens, c->arena, n, err);
    return rc ? rc : slots_init(&c->looks, c->arena, n, err);
}

static int write_chunk(chunk_t *c, err_t *err) {
    int64_t now_ms = c->e->now_ms();
    int rc = desk_register(c->e, c->states, c->secrets, c->new_count, now_ms, err);
    if (rc) return rc;
    return parked_add(c->e->ctx->store, c->ask->file, c->parkings, c->parked_count, now_ms, c->arena, err);
}

int import_persons(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                   err_t *err) {
    (void)request;
    enrollment_t *e = self;
    chunk_t chunk = {.e = e, .ask = (const Tc__ImportPersons *)message, .arena = e->ctx->arena};
    report_t report;
    int rc = import_check(chunk.ask->file, chunk.ask->first_row, chunk.ask->n_rows, err);
    if (rc == 0) rc = report_init(&report, chunk.arena, chunk.ask->n_rows, err);
    if (rc == 0) rc = prepare(&chunk, err);
    if (rc == 0) rc = take_rows(&chunk, err);
    if (rc == 0) rc = ask_store(&chunk, err);
    if (rc == 0) rc = decide(&chunk, &report, err);
    if (rc == 0 && !chunk.ask->dry) rc = write_chunk(&chunk, err);
    if (rc) return rc;
    if (!chunk.ask->dry) report_count(&report, "persons");
    *reply = &report.message->base;
    return 0;
}
