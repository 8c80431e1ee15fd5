#include "billing.h"
#include "employer_kinds.h"
#include "store.h"
#include <stdlib.h>
#include <string.h>

typedef struct owing { // a person who may owe for the period
    Tc__PersonState *person;
    const Tc__Spell *spell;
    const char *employer_kind;
    bool billed; // for this period
    bool renew;  // the bill alone, unpaid as it is, may change what the person is entitled to
} owing_t;

typedef struct run {
    const renew_env_t *env;
    service_ctx_t *ctx;
    const policy_t *policy;
    const period_t *period;
    owing_t *owing;
    size_t count;
    Tc__BillRun *reply;
} run_t;

static int out_of_memory(err_t *err) { return err_set(err, E_IO, "out of memory"); }

static int read_chunk(run_t *run, const walk_t *walk, err_t *err) {
    walked_t chunk;
    const uint32_t yearly = policy_coverage(run->policy)->yearly;
    int rc = walk_chunk(run->ctx, walk, run->period->yearly ? yearly : ~yearly, &chunk, err);
    if (rc) return rc;
    if (!(run->owing = arena_alloc(run->ctx->arena, (chunk.count + 1) * sizeof *run->owing))) return out_of_memory(err);
    for (size_t i = 0; i < chunk.count; i++) {
        const Tc__Spell *spell = period_spell(run->policy, chunk.persons[i], run->period);
        if (spell) run->owing[run->count++] = (owing_t){.person = chunk.persons[i], .spell = spell};
    }
    run->reply->persons = (int32_t)chunk.passed;
    run->reply->last_person = chunk.last;
    run->reply->done = chunk.done;
    return 0;
}

// Nothing was billed since the last spell, up to the one that owes, that brings months along (`newest`: "" = never).
static bool brings_months(const owing_t *owing, const char *newest) {
    const Tc__PersonState *person = owing->person;
    size_t i = 0;
    while (i < person->n_spells && person->spells[i] != owing->spell) i++;
    for (size_t k = i < person->n_spells ? i + 1 : 0; k-- > 0;) {
        const Tc__Spell *spell = person->spells[k];
        if (spell->prior_months_tier1 || spell->prior_months_tier2) return strcmp(newest, spell->from_month) < 0;
    }
    return false;
}

static int add_later(const run_t *run, owing_t *owing, owing_t **asked, rows_t *keys, err_t *err) {
    int rc = key_add(keys, owing->person->person, err);
    if (rc) return rc;
    rows_at(keys, keys->count - 1)[2] = cell_text(run->period->text);
    asked[keys->count - 1] = owing;
    return 0;
}

// By the newest bill of each: none at all (months brought in from former schemes stand right before the first month
// that is billed), this period's, or an earlier one. Only who has a later one is asked about again.
static int mark_billed(run_t *run, err_t *err) {
    rows_t all, later, newest, known;
    arena_t *arena = run->ctx->arena;
    owing_t **asked = arena_alloc(arena, (run->count + 1) * sizeof(owing_t *));
    if (!asked) return out_of_memory(err);
    rows_init(&all, arena, 2);
    rows_init(&later, arena, 3);
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < run->count; i++) {
        run->owing[i].renew = brings_months(&run->owing[i], "");
        rc = key_add(&all, run->owing[i].person->person, err);
    }
    if (rc == 0) rc = bills_newest(run->ctx->store, &all, arena, &newest, err);
    for (size_t i = 0; rc == 0 && i < newest.count; i++) {
        owing_t *owing = &run->owing[row_i64(&newest, i, 0)];
        const int order = strcmp(row_text(&newest, i, 1), run->period->text);
        owing->billed = order == 0;
        owing->renew = order > 0 || (order < 0 && brings_months(owing, row_text(&newest, i, 1)));
        if (order > 0) rc = add_later(run, owing, asked, &later, err);
    }
    if (rc == 0) rc = bills_known(run->ctx->store, &later, arena, &known, err);
    for (size_t i = 0; rc == 0 && i < known.count; i++) {
        owing_t *owing = asked[row_i64(&known, i, 0)];
        owing->billed = true;
        owing->renew = false;
    }
    return rc;
}

static int by_employer(const void *a, const void *b) {
    const owing_t *x = *(owing_t *const *)a, *y = *(owing_t *const *)b;
    return strcmp(x->spell->employer, y->spell->employer);
}

// Those to be billed who have an employer, sorted by it, and each employer once as a key.
static int list_employers(run_t *run, owing_t **out, size_t *count, rows_t *keys, err_t *err) {
    int rc = 0;
    *count = 0;
    for (size_t i = 0; i < run->count; i++)
        if (!run->owing[i].billed && *run->owing[i].spell->employer) out[(*count)++] = &run->owing[i];
    qsort(out, *count, sizeof *out, by_employer);
    for (size_t i = 0; rc == 0 && i < *count; i++)
        if (i == 0 || by_employer(&out[i - 1], &out[i]) != 0) rc = key_add(keys, out[i]->spell->employer, err);
    return rc;
}

static int find_employers(run_t *run, err_t *err) {
    rows_t keys, kinds;
    size_t count, key = 0, row = 0;
    owing_t **employed = arena_alloc(run->ctx->arena, (run->count + 1) * sizeof(owing_t *));
    if (!employed) return out_of_memory(err);
    rows_init(&keys, run->ctx->arena, 2);
    int rc = list_employers(run, employed, &count, &keys, err);
    if (rc == 0) rc = employers_of(run->ctx->store, &keys, run->ctx->arena, &kinds, err);
    for (size_t i = 0; rc == 0 && i < count; i++) {
        if (i && by_employer(&employed[i - 1], &employed[i]) != 0) key++;
        while (row < kinds.count && row_i64(&kinds, row, 0) < (int64_t)key) row++;
        if (row == kinds.count || row_i64(&kinds, row, 0) != (int64_t)key)
            return err_field(err, E_UNAVAILABLE, "employer", "employer %s has not arrived from enrolment yet",
                             employed[i]->spell->employer);
        rc = employer_kind_of(&kinds, row, run->period->month, run->ctx->arena, &employed[i]->employer_kind, err);
    }
    return rc;
}

static int add_bill(run_t *run, const owing_t *owing, const Tc__ContributionBill *bill, rows_t *rows, err_t *err) {
    size_t size;
    void *body = message_pack(&bill->base, run->ctx->arena, &size);
    cell_t *row = rows_add(rows);
    if (!body || !row) return out_of_memory(err);
    row[0] = cell_i64(partition_of(bill->person));
    row[1] = cell_text(bill->person);
    row[2] = cell_text(bill->period);
    row[3] = cell_text(bill->identity);
    row[4] = cell_text(bill->employer);
    row[5] = cell_i64(bill->total_fen);
    row[6] = cell_text("");
    row[7] = cell_text("");
    row[8] = cell_blob(body, size);
    row[9] = cell_i64(period_wage(owing->spell, run->period));
    row[10] = cell_i64(bill->own_fen);
    run->reply->bills++;
    return fen_add(run->reply->amount_fen, bill->total_fen, &run->reply->amount_fen)
               ? err_set(err, E_OUT_OF_RANGE, "the bills of this chunk add up to more than can be counted")
               : 0;
}

// What this person pays follows the rule of a district that is not in the city file. Everybody else is billed; the
// person is named, and billed by a later run once the rule is there.
static bool is_undecided(int rc, const err_t *err) {
    return rc == E_PARAMETER_MISSING && strcmp(err->field, "person.division") == 0;
}

static int note_undecided(run_t *run, const owing_t *owing, const err_t *why, err_t *err) {
    arena_t *arena = run->ctx->arena;
    Tc__BillRun *reply = run->reply;
    Tc__BillRun__Undecided *undecided = arena_alloc(arena, sizeof *undecided);
    if (!reply->undecided) reply->undecided = arena_alloc(arena, run->count * sizeof *reply->undecided);
    if (!undecided || !reply->undecided) return out_of_memory(err);
    tc__bill_run__undecided__init(undecided);
    undecided->person = owing->person->person;
    if (!(undecided->reason = arena_text(arena, "%s", why->text))) return out_of_memory(err);
    reply->undecided[reply->n_undecided++] = undecided;
    return 0;
}

static int make_bills(run_t *run, rows_t *rows, err_t *err) {
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < run->count; i++) {
        owing_t *o = &run->owing[i];
        Tc__ContributionBill *bill = NULL;
        if (o->billed) continue;
        err_t why = {0};
        rc = bill_make(run->policy, o->person, o->spell, o->employer_kind, run->period, run->ctx->arena, &bill, &why);
        if (is_undecided(rc, &why))
            rc = note_undecided(run, o, &why, err);
        else if (rc)
            *err = why;
        o->renew = bill && (o->renew || bill->own_fen == 0); // what finance pays all of gives cover at once
        if (rc == 0 && bill) rc = add_bill(run, o, bill, rows, err);
    }
    return rc;
}

// A month that is billed late, between months billed before, is one more that was owed when those were paid; the first
// month of all is the one that months brought in from former schemes buy.
static int renew_states(const run_t *run, err_t *err) {
    renewal_t renewal;
    size_t count = 0;
    const Tc__PersonState **persons = arena_alloc(run->ctx->arena, (run->count + 1) * sizeof(Tc__PersonState *));
    if (!persons) return out_of_memory(err);
    for (size_t i = 0; i < run->count; i++)
        if (run->owing[i].renew) persons[count++] = run->owing[i].person;
    if (count == 0) return 0;
    int rc = renew_decide(run->env, persons, count, NULL, run->ctx->arena, &renewal, err);
    return rc ? rc : renew_write(run->env, &renewal, run->ctx->arena, err);
}

int billing_run(const renew_env_t *env, const period_t *period, const walk_t *walk, Tc__BillRun **out, err_t *err) {
    service_ctx_t *ctx = env->ctx;
    run_t run = {.env = env, .ctx = ctx, .policy = env->policy, .period = period};
    rows_t rows;
    if (!(run.reply = arena_alloc(ctx->arena, sizeof *run.reply))) return out_of_memory(err);
    tc__bill_run__init(run.reply);
    rows_init(&rows, ctx->arena, BILL_COLUMNS);
    int rc = read_chunk(&run, walk, err);
    if (rc == 0) rc = mark_billed(&run, err);
    if (rc == 0) rc = find_employers(&run, err);
    if (rc == 0) rc = make_bills(&run, &rows, err);
    if (rc == 0) rc = bills_insert(ctx->store, &rows, err);
    if (rc == 0) rc = renew_states(&run, err);
    if (rc == 0) *out = run.reply;
    return rc;
}
