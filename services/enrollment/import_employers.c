// Import of employers.
#include "import.h"
#include "common/wire/scope.h"
#include "import_store.h"
#include "report.h"
#include "slots.h"
#include <string.h>

typedef struct chunk {
    enrollment_t *e;
    const Tc__ImportEmployers *ask;
    arena_t *arena;
    Tc__EmployerState **after; // by row; NULL: refused by the core
    err_t *why;                // by row
    known_employer_t *known;   // by row
    const char **holder;       // by row: who has its credit code
    slots_t numbers, codes;    // of the rows registered so far: index + 1
    Tc__EmployerState **states;
    const char **usccs;
    size_t new_count;
} chunk_t;

static int prepare(chunk_t *c, err_t *err) {
    size_t n = c->ask->n_rows;
    c->after = arena_alloc(c->arena, (n + 1) * sizeof *c->after);
    c->why = arena_alloc(c->arena, (n + 1) * sizeof *c->why);
    c->known = arena_alloc(c->arena, (n + 1) * sizeof *c->known);
    c->holder = arena_alloc(c->arena, (n + 1) * sizeof *c->holder);
    c->states = arena_alloc(c->arena, (n + 1) * sizeof *c->states);
    c->usccs = arena_alloc(c->arena, (n + 1) * sizeof *c->usccs);
    if (!c->after || !c->why || !c->known || !c->holder || !c->states || !c->usccs)
        return err_set(err, E_IO, "out of memory");
    int rc = slots_init(&c->numbers, c->arena, n, err);
    return rc ? rc : slots_init(&c->codes, c->arena, n, err);
}

static int take_rows(chunk_t *c, err_t *err) {
    enrollment_rules_t rules = desk_rules(c->e);
    for (size_t i = 0; i < c->ask->n_rows; i++) {
        int rc = scope_check_division(c->e->ctx->scope, c->ask->rows[i]->division, &c->why[i]);
        if (rc == 0) rc = employer_register(&rules, c->ask->rows[i], &c->after[i], &c->why[i]);
        if (rc == 0) continue;
        c->after[i] = NULL;
        if (report_takes(rc)) continue;
        *err = c->why[i];
        return rc;
    }
    return 0;
}

// Rows that the core refused are asked for too: their numbers find nothing.
static int ask_store(chunk_t *c, err_t *err) {
    size_t n = c->ask->n_rows;
    const char **texts = arena_alloc(c->arena, (n + 1) * sizeof *texts);
    if (!texts) return err_set(err, E_IO, "out of memory");
    for (size_t i = 0; i < n; i++) texts[i] = c->after[i] ? c->ask->rows[i]->employer : "";
    int rc = employers_known(c->e->ctx->store, texts, n, c->arena, c->known, err);
    for (size_t i = 0; i < n; i++) texts[i] = c->after[i] ? c->ask->rows[i]->uscc : "";
    return rc ? rc : employers_of_codes(c->e->ctx->store, texts, n, c->arena, c->holder, err);
}

static const char *difference(const known_employer_t *known, const char *uscc, const Tc__EmployerState *after) {
    if (strcmp(known->uscc, uscc) != 0) return "uscc";
    if (strcmp(known->state->name, after->name) != 0) return "name";
    if (strcmp(known->state->kind, after->kind) != 0) return "kind";
    return strcmp(known->state->division, after->division) != 0 ? "division" : NULL;
}

// 0: `*fresh` says whether it is new; or why not.
static int judge(chunk_t *c, size_t i, bool *fresh, err_t *why) {
    const Tc__RegisterEmployer *ask = c->ask->rows[i];
    known_employer_t known = c->known[i];
    size_t twin = *slots_at(&c->numbers, ask->employer), same_code = *slots_at(&c->codes, ask->uscc);
    *fresh = !known.state && !twin;
    if (!known.state && twin) known = (known_employer_t){c->ask->rows[twin - 1]->uscc, c->after[twin - 1]};
    if (known.state) {
        int rc = scope_check_division(c->e->ctx->scope, known.state->division, why);
        if (rc) return rc;
        const char *field = difference(&known, ask->uscc, c->after[i]);
        if (!field) return 0;
        return err_field(why, E_EXISTS, field, "this employer number is registered already with another %s", field);
    }
    if (!c->holder[i] && !same_code) return 0;
    return err_field(why, E_EXISTS, "uscc", "this credit code is registered under employer number %s",
                     c->holder[i] ? c->holder[i] : c->ask->rows[same_code - 1]->employer);
}

static int decide(chunk_t *c, report_t *report, err_t *err) {
    for (size_t i = 0; i < c->ask->n_rows; i++) {
        bool fresh = false;
        int rc = c->after[i] ? judge(c, i, &fresh, &c->why[i]) : c->why[i].code;
        if (rc) {
            rc = report_refused(report, c->ask->first_row + (int64_t)i, &c->why[i], err);
            if (rc) return rc;
        } else if (fresh) {
            *slots_at(&c->numbers, c->ask->rows[i]->employer) = i + 1;
            *slots_at(&c->codes, c->ask->rows[i]->uscc) = i + 1;
            c->states[c->new_count] = c->after[i];
            c->usccs[c->new_count++] = c->ask->rows[i]->uscc;
            report->message->done++;
        } else {
            report->message->unchanged++;
        }
    }
    return 0;
}

static int write_chunk(chunk_t *c, err_t *err) {
    int64_t now_ms = c->e->now_ms();
    int rc = employers_insert(c->e->ctx->store, c->states, c->usccs, c->new_count, c->arena, err);
    if (rc == 0) rc = employer_versions_insert(c->e->ctx->store, c->states, c->new_count, now_ms, c->arena, err);
    for (size_t i = 0; rc == 0 && i < c->new_count; i++)
        rc = desk_publish(c->e, c->states[i]->employer, "employer.changed", now_ms, &c->states[i]->base, err);
    return rc;
}

int import_employers(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                     err_t *err) {
    (void)request;
    enrollment_t *e = self;
    chunk_t chunk = {.e = e, .ask = (const Tc__ImportEmployers *)message, .arena = e->ctx->arena};
    report_t report;
    int rc = import_check(chunk.ask->file, chunk.ask->first_row, chunk.ask->n_rows, err);
    if (rc == 0) rc = report_init(&report, chunk.arena, chunk.ask->n_rows, err);
    if (rc == 0) rc = prepare(&chunk, err);
    if (rc == 0) rc = take_rows(&chunk, err);
    if (rc == 0) rc = ask_store(&chunk, err);
    if (rc == 0) rc = decide(&chunk, &report, err);
    if (rc == 0 && !chunk.ask->dry) rc = write_chunk(&chunk, err);
    if (rc) return rc;
    if (!chunk.ask->dry) report_count(&report, "employers");
    *reply = &report.message->base;
    return 0;
}
