// Import of wages: several rows of one person follow one another, each decided on what the row before left.
#include "import.h"
#include "common/wire/scope.h"
#include "import_store.h"
#include "report.h"
#include "slots.h"
#include <string.h>

typedef struct chunk {
    enrollment_t *e;
    const Tc__ImportWages *ask;
    arena_t *arena;
    slots_t persons; // index + 1 into the lists below
    slots_t months;  // "person month" of the rows taken so far: index of the row + 1
    const char **names;
    known_person_t *known; // the state as it is after the rows so far
    size_t person_count;
    Tc__PersonState **states; // what is to be written, in order of rows
    size_t state_count;
} chunk_t;

static int prepare(chunk_t *c, err_t *err) {
    const size_t n = c->ask->n_rows;
    c->names = arena_alloc(c->arena, (n + 1) * sizeof *c->names);
    c->known = arena_alloc(c->arena, (n + 1) * sizeof *c->known);
    c->states = arena_alloc(c->arena, (n + 1) * sizeof *c->states);
    if (!c->names || !c->known || !c->states) return err_set(err, E_IO, "out of memory");
    int rc = slots_init(&c->months, c->arena, n, err);
    if (rc == 0) rc = slots_init(&c->persons, c->arena, n, err);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        size_t *slot = slots_at(&c->persons, c->ask->rows[i]->person);
        if (*slot) continue;
        c->names[c->person_count++] = c->ask->rows[i]->person;
        *slot = c->person_count;
    }
    return rc ? rc : persons_known(c->e->ctx->store, c->names, c->person_count, c->arena, c->known, err);
}

// Two wages for one month in one file cannot both be meant.
static int check_twin(chunk_t *c, size_t i, err_t *why) {
    const Tc__DeclareWage *ask = c->ask->rows[i];
    const char *key = arena_text(c->arena, "%s %s", ask->person, ask->from_month);
    if (!key) return err_set(why, E_IO, "out of memory");
    size_t *twin = slots_at(&c->months, key);
    if (*twin && c->ask->rows[*twin - 1]->wage_fen != ask->wage_fen)
        return err_field(why, E_EXISTS, "wage", "an earlier row declares another wage for that month");
    if (!*twin) *twin = i + 1;
    return 0;
}

static int decide_row(chunk_t *c, const enrollment_rules_t *rules, size_t i, bool *changed, err_t *why) {
    const Tc__DeclareWage *ask = c->ask->rows[i];
    Tc__PersonState *after = NULL;
    if (!*ask->person) return err_field(why, E_MISSING_FIELD, "person", "person is missing");
    Tc__PersonState **current = &c->known[*slots_at(&c->persons, ask->person) - 1].state;
    if (!*current) return err_field(why, E_NOT_FOUND, "person", "no person is registered under this number");
    int rc = scope_check_division(c->e->ctx->scope, (*current)->division, why);
    if (rc == 0) rc = check_twin(c, i, why);
    if (rc || wage_declared(*current, ask)) return rc;
    rc = person_declare_wage(rules, *current, ask, &after, why);
    if (rc) return rc;
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

int import_wages(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                 err_t *err) {
    (void)request;
    enrollment_t *e = self;
    chunk_t chunk = {.e = e, .ask = (const Tc__ImportWages *)message, .arena = e->ctx->arena};
    report_t report;
    int rc = import_check(chunk.ask->file, chunk.ask->first_row, chunk.ask->n_rows, err);
    if (rc == 0) rc = report_init(&report, chunk.arena, chunk.ask->n_rows, err);
    if (rc == 0) rc = prepare(&chunk, err);
    if (rc == 0) rc = decide(&chunk, &report, err);
    if (rc == 0 && !chunk.ask->dry) rc = desk_change(e, chunk.states, chunk.state_count, e->now_ms(), err);
    if (rc) return rc;
    if (!chunk.ask->dry) report_count(&report, "wages");
    *reply = &report.message->base;
    return 0;
}
