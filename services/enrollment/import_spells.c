// Import of spells: several rows of one person follow one another, each decided on what the row before left.
#include "history.h"
#include "common/wire/scope.h"
#include "import.h"
#include "import_store.h"
#include "report.h"
#include "slots.h"
#include <string.h>

typedef struct chunk {
    enrollment_t *e;
    const Tc__ImportSpells *ask;
    arena_t *arena;
    slots_t persons, employers; // index + 1 into the lists below
    const char **person_names, **employer_names;
    known_person_t *known;      // by person: the state as it is after the rows so far
    known_employer_t *employed; // by employer
    size_t person_count, employer_count;
    Tc__PersonState **states; // what is to be written, in order of rows
    size_t state_count;
} chunk_t;

static int prepare(chunk_t *c, err_t *err) {
    size_t n = c->ask->n_rows;
    c->person_names = arena_alloc(c->arena, (n + 1) * sizeof *c->person_names);
    c->employer_names = arena_alloc(c->arena, (n + 1) * sizeof *c->employer_names);
    c->known = arena_alloc(c->arena, (n + 1) * sizeof *c->known);
    c->employed = arena_alloc(c->arena, (n + 1) * sizeof *c->employed);
    c->states = arena_alloc(c->arena, (n + 1) * sizeof *c->states);
    if (!c->person_names || !c->employer_names || !c->known || !c->employed || !c->states)
        return err_set(err, E_IO, "out of memory");
    int rc = slots_init(&c->persons, c->arena, n, err);
    return rc ? rc : slots_init(&c->employers, c->arena, n, err);
}

static void note(slots_t *slots, const char *name, const char **names, size_t *count) {
    size_t *slot = slots_at(slots, name);
    if (*slot) return;
    names[(*count)++] = name;
    *slot = *count;
}

static int ask_store(chunk_t *c, err_t *err) {
    for (size_t i = 0; i < c->ask->n_rows; i++) {
        const Tc__OpenSpell *row = c->ask->rows[i];
        note(&c->persons, row->person, c->person_names, &c->person_count);
        if (*row->employer) note(&c->employers, row->employer, c->employer_names, &c->employer_count);
    }
    store_t *store = c->e->ctx->store;
    int rc = persons_known(store, c->person_names, c->person_count, c->arena, c->known, err);
    if (rc) return rc;
    return employers_known(store, c->employer_names, c->employer_count, c->arena, c->employed, err);
}

// ---- deciding

static const Tc__Spell *same_spell(const Tc__PersonState *state, const Tc__OpenSpell *ask) {
    for (size_t i = 0; i < state->n_spells; i++) {
        const Tc__Spell *have = state->spells[i];
        if (strcmp(have->from_month, ask->from_month) == 0 && strcmp(have->identity, ask->identity) == 0 &&
            strcmp(have->employer, ask->employer) == 0 && have->wage_fen == ask->wage_fen &&
            have->prior_months_tier1 == ask->prior_months_tier1 && have->prior_months_tier2 == ask->prior_months_tier2)
            return have;
    }
    return NULL;
}

// The spell that the row speaks of ends in `last_month`: *after is NULL when it does already.
static int close_spell(const enrollment_rules_t *rules, const Tc__PersonState *before, const Tc__Spell *spell,
                       const char *last_month, Tc__PersonState **after, err_t *why) {
    *after = NULL;
    if (strcmp(spell->last_month, last_month) == 0) return 0;
    if (strcmp(last_month, spell->from_month) < 0)
        return err_field(why, E_OUT_OF_RANGE, "last_month", "the spell begins in %s", spell->from_month);
    if (*spell->last_month)
        return err_field(why, E_OUT_OF_RANGE, "last_month", "the spell since %s ends in %s already", spell->from_month,
                         spell->last_month);
    Tc__CloseSpell close = TC__CLOSE_SPELL__INIT;
    close.person = before->person;
    close.last_month = (char *)last_month;
    close.from_month = spell->from_month;
    return person_close_spell(rules, before, &close, after, why);
}

// Opened and closed by one row is one change: one version on, and it touched no more than the spell's own months.
static int as_one(const enrollment_rules_t *rules, const Tc__PersonState *opened, const char *last_month,
                  Tc__PersonState *after, err_t *err) {
    month_t last;
    char day[DATE_TEXT_MAX];
    if (month_parse(last_month, &last)) return err_set(err, E_INTERNAL, "a checked month cannot be read");
    after->version = opened->version;
    after->touched_from = opened->touched_from;
    after->touched_until = (char *)protobuf_c_empty_string;
    if (*opened->touched_from)
        after->touched_until = arena_text(rules->arena, "%s", date_format(month_last(last), day));
    return after->touched_until ? 0 : err_set(err, E_IO, "out of memory");
}

static int check_last_month(const char *last_month, err_t *why) {
    month_t last;
    if (!*last_month || month_parse(last_month, &last) == 0) return 0;
    return err_field(why, E_INVALID_FIELD, "last_month", "last_month: expected a month like 2018-03");
}

static int judge_new(chunk_t *c, const enrollment_rules_t *rules, const Tc__PersonState *before,
                     const Tc__OpenSpell *ask, const char *last_month, Tc__PersonState **after, err_t *why) {
    Tc__PersonState *opened = NULL;
    month_t from = MONTH_NONE;
    int rc = person_open_spell(rules, before, ask, &opened, why);
    if (rc == 0 && spell_needs_employer(ask)) {
        const Tc__EmployerState *employer = c->employed[*slots_at(&c->employers, ask->employer) - 1].state;
        rc = employer ? spell_check_employer(rules, opened, ask, employer, why)
                      : err_field(why, E_NOT_FOUND, "employer", "no employer is registered under this number");
    }
    *after = opened;
    if (rc || !*last_month) return rc;
    if (month_parse(ask->from_month, &from)) return err_set(why, E_INTERNAL, "a checked month cannot be read");
    rc = close_spell(rules, opened, spell_in(opened, from), last_month, after, why);
    if (rc == 0 && *after) rc = as_one(rules, opened, last_month, *after, why);
    if (rc == 0 && !*after) *after = opened; // the next spell ends it there anyway
    return rc;
}

static int find(chunk_t *c, const Tc__OpenSpell *ask, Tc__PersonState ***current, err_t *why) {
    if (!*ask->person) return err_field(why, E_MISSING_FIELD, "person", "person is missing");
    *current = &c->known[*slots_at(&c->persons, ask->person) - 1].state;
    if (!**current) return err_field(why, E_NOT_FOUND, "person", "no person is registered under this number");
    return scope_check_division(c->e->ctx->scope, (**current)->division, why);
}

static int decide_row(chunk_t *c, const enrollment_rules_t *rules, size_t i, bool *changed, err_t *why) {
    const Tc__OpenSpell *ask = c->ask->rows[i];
    const char *last_month = c->ask->n_last_months ? c->ask->last_months[i] : "";
    Tc__PersonState **current = NULL, *after = NULL;
    int rc = find(c, ask, &current, why);
    if (rc == 0) rc = check_last_month(last_month, why);
    if (rc) return rc;
    const Tc__Spell *have = same_spell(*current, ask);
    if (have) // known: a row that leaves the end open says nothing about it
        rc = *last_month ? close_spell(rules, *current, have, last_month, &after, why) : 0;
    else
        rc = judge_new(c, rules, *current, ask, last_month, &after, why);
    *changed = rc == 0 && after;
    if (!*changed) return rc;
    c->states[c->state_count++] = after;
    *current = after;
    return 0;
}

static int decide(chunk_t *c, report_t *report, err_t *err) {
    enrollment_rules_t rules = desk_rules(c->e);
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
        } else if (changed) {
            report->message->done++;
        } else {
            report->message->unchanged++;
        }
    }
    return 0;
}

int import_spells(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                  err_t *err) {
    (void)request;
    enrollment_t *e = self;
    chunk_t chunk = {.e = e, .ask = (const Tc__ImportSpells *)message, .arena = e->ctx->arena};
    report_t report;
    int rc = import_check(chunk.ask->file, chunk.ask->first_row, chunk.ask->n_rows, err);
    if (rc == 0 && chunk.ask->n_last_months && chunk.ask->n_last_months != chunk.ask->n_rows)
        rc = err_field(err, E_INVALID_FIELD, "last_months", "expected none, or one for each row");
    if (rc == 0) rc = report_init(&report, chunk.arena, chunk.ask->n_rows, err);
    if (rc == 0) rc = prepare(&chunk, err);
    if (rc == 0) rc = ask_store(&chunk, err);
    if (rc == 0) rc = decide(&chunk, &report, err);
    if (rc == 0 && !chunk.ask->dry) rc = desk_change(e, chunk.states, chunk.state_count, e->now_ms(), err);
    if (rc) return rc;
    if (!chunk.ask->dry) report_count(&report, "spells");
    *reply = &report.message->base;
    return 0;
}
