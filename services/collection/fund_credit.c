#include "fund_credit.h"
#include "common/base/hash.h"
#include "common/policy/account.h"
#include "crediting.h"
#include "employer_kinds.h"
#include "merger.h"
#include "receipts_store.h"
#include <string.h>

typedef struct run {
    collection_t *c;
    arena_t *arena;
    period_t period;
    paid_bill_t *months; // of those covered for life
    size_t count;
} run_t;

static int out_of_memory(err_t *err) { return err_set(err, E_IO, "out of memory"); }

static const Tc__Spell *life_spell(const collection_t *c, const Tc__PersonState *person, const period_t *period) {
    const Tc__Spell *spell = period_spell(c->env.policy, person, period);
    if (!spell || *person->merged_into) return NULL;
    const int identity = identity_from_name(spell->identity);
    return identity >= 0 && policy_coverage(c->env.policy)->lifelong >> identity & 1 ? spell : NULL;
}

// Person, period and identity: all that there is where nothing is paid.
static Tc__ContributionBill *month_of_person(const Tc__PersonState *person, const Tc__Spell *spell, const char *period,
                                             arena_t *arena) {
    Tc__ContributionBill *bill = arena_alloc(arena, sizeof *bill);
    if (!bill) return NULL;
    tc__contribution_bill__init(bill);
    bill->person = person->person;
    bill->period = arena_text(arena, "%s", period);
    bill->identity = spell->identity;
    return bill->period ? bill : NULL;
}

static int add_month(run_t *run, const Tc__PersonState *person, err_t *err) {
    const Tc__Spell *spell = life_spell(run->c, person, &run->period);
    if (!spell) return 0;
    Tc__ContributionBill *bill = month_of_person(person, spell, run->period.text, run->arena);
    if (!bill) return out_of_memory(err);
    run->months[run->count++] = (paid_bill_t){.bill = bill, .person = person, .receipt = ""};
    return 0;
}

// Who owes for the month all the same is credited by what is paid.
static int leave_out_billed(run_t *run, err_t *err) {
    rows_t keys, known;
    size_t kept = 0, row = 0;
    int rc = 0;
    rows_init(&keys, run->arena, 3);
    for (size_t i = 0; rc == 0 && i < run->count; i++) {
        rc = key_add(&keys, run->months[i].bill->person, err);
        if (rc == 0) rows_at(&keys, i)[2] = cell_text(run->period.text);
    }
    if (rc == 0) rc = bills_known(run->c->ctx->store, &keys, run->arena, &known, err);
    if (rc) return rc;
    for (size_t i = 0; i < run->count; i++) {
        const bool billed = row < known.count && row_i64(&known, row, 0) == (int64_t)i;
        row += billed;
        if (!billed) run->months[kept++] = run->months[i];
    }
    run->count = kept;
    return 0;
}

static const char *last_employer(const Tc__PersonState *person) {
    for (size_t i = person->n_spells; i-- > 0;)
        if (*person->spells[i]->employer) return person->spells[i]->employer;
    return NULL;
}

// Whoever retired from it still belongs to the last employer.
static int find_employers(const run_t *run, err_t *err) {
    rows_t keys, kinds;
    size_t *asked = arena_alloc(run->arena, (run->count + 1) * sizeof *asked);
    int rc = 0;
    if (!asked) return out_of_memory(err);
    rows_init(&keys, run->arena, 2);
    for (size_t i = 0; rc == 0 && i < run->count; i++) {
        const char *employer = last_employer(run->months[i].person);
        if (!employer) continue;
        rc = key_add(&keys, employer, err);
        if (rc == 0) asked[keys.count - 1] = i;
    }
    if (rc || keys.count == 0) return rc;
    rc = employers_of(run->c->ctx->store, &keys, run->arena, &kinds, err);
    for (size_t i = 0; rc == 0 && i < kinds.count; i++)
        rc = employer_kind_of(&kinds, i, run->period.month, run->arena,
                              &run->months[asked[row_i64(&kinds, i, 0)]].employer_kind, err);
    return rc;
}

int fund_credit_run(collection_t *c, month_t month, const walk_t *walk, Tc__CreditRun **out, err_t *err) {
    run_t run = {.c = c, .arena = c->ctx->arena, .period = period_of_month(month)};
    credited_t told = {0};
    walked_t chunk;
    Tc__CreditRun *reply = arena_alloc(run.arena, sizeof *reply);
    if (!reply) return out_of_memory(err);
    int rc = walk_chunk(c->ctx, walk, policy_coverage(c->env.policy)->lifelong, &chunk, err);
    if (rc) return rc;
    if (!(run.months = arena_alloc(run.arena, (chunk.count + 1) * sizeof *run.months))) return out_of_memory(err);
    for (size_t i = 0; rc == 0 && i < chunk.count; i++) rc = add_month(&run, chunk.persons[i], err);
    if (rc == 0) rc = leave_out_billed(&run, err);
    if (rc == 0) rc = find_employers(&run, err);
    if (rc == 0) rc = crediting_fund(c, run.months, run.count, &told, err);
    if (rc) return rc;
    tc__credit_run__init(reply);
    reply->persons = (int32_t)chunk.passed;
    reply->credited = (int32_t)told.months;
    reply->undecided = (int32_t)told.undecided;
    reply->amount_fen = told.amount;
    reply->last_person = chunk.last;
    reply->done = chunk.done;
    *out = reply;
    return 0;
}

// ---- and back

typedef struct holder { // a number that may have been credited
    const char *number;
    Tc__PersonState *person; // whose it is
} holder_t;

typedef struct holders {
    holder_t *items;
    size_t count;
} holders_t;

static bool may_lose(const collection_t *c, const Tc__PersonState *state) {
    if (*state->died_on) return true;
    for (size_t i = 0; i < state->n_spells; i++) {
        const int identity = identity_from_name(state->spells[i]->identity);
        if (identity >= 0 && policy_coverage(c->env.policy)->lifelong >> identity & 1) return true;
    }
    return false;
}

static void add_holder(holders_t *out, const char *number, Tc__PersonState *person) {
    for (size_t i = 0; i < out->count; i++)
        if (strcmp(out->items[i].number, number) == 0) return;
    out->items[out->count++] = (holder_t){number, person};
}

// A merged number's credits go when the person it stands for is known to have taken its history over (merger.h).
static int add_pointer(collection_t *c, const Tc__PersonState *state, holders_t *out, err_t *err) {
    const char *lead = NULL;
    Tc__PersonState *person = NULL;
    int rc = merger_lead(c, state->person, &lead, err);
    if (rc || lead == state->person) return rc;
    rc = desk_person(c, lead, &person, err);
    if (rc == 0) add_holder(out, state->person, person);
    return rc;
}

static int find_holders(collection_t *c, Tc__PersonState *const *states, size_t count, holders_t *out, err_t *err) {
    size_t room = count + 1;
    int rc = 0;
    for (size_t i = 0; i < count; i++) room += states[i]->n_merged_from;
    *out = (holders_t){.items = arena_alloc(c->ctx->arena, room * sizeof *out->items)};
    if (!out->items) return out_of_memory(err);
    for (size_t i = 0; rc == 0 && i < count; i++) {
        for (size_t k = 0; k < states[i]->n_merged_from; k++) add_holder(out, states[i]->merged_from[k], states[i]);
        if (*states[i]->merged_into)
            rc = add_pointer(c, states[i], out, err);
        else if (may_lose(c, states[i]))
            out->items[out->count++] = (holder_t){states[i]->person, states[i]}; // each once
    }
    return rc;
}

// Two numbers of one person may have been credited the same month.
static bool is_listed(const run_t *run, const Tc__PersonState *person) {
    for (size_t i = 0; i < run->count; i++)
        if (run->months[i].person == person && strcmp(run->months[i].bill->period, run->period.text) == 0) return true;
    return false;
}

// Months that were credited to the number, are no longer (`gone`), and are those of the person it leads to.
static int sort_months(run_t *run, const holders_t *holders, const rows_t *rows, paid_bill_t *gone, size_t *gone_count,
                       err_t *err) {
    static const Tc__Spell none = TC__SPELL__INIT;
    int rc = 0;
    *gone_count = 0;
    for (size_t i = 0; rc == 0 && i < rows->count; i++) {
        const holder_t *holder = &holders->items[row_i64(rows, i, 0)];
        const bool own = strcmp(holder->number, holder->person->person) == 0;
        if ((rc = period_parse(row_text(rows, i, 1), &run->period, err))) break;
        if (own && life_spell(run->c, holder->person, &run->period)) continue;
        Tc__ContributionBill *bill = month_of_person(holder->person, &none, run->period.text, run->arena);
        if (!bill) return out_of_memory(err);
        bill->person = (char *)holder->number;
        gone[(*gone_count)++] = (paid_bill_t){.bill = bill, .person = holder->person, .receipt = ""};
        if (!own && !is_listed(run, holder->person)) rc = add_month(run, holder->person, err);
    }
    return rc;
}

int fund_credit_settle(collection_t *c, Tc__PersonState *const *states, size_t count, err_t *err) {
    run_t run = {.c = c, .arena = c->ctx->arena};
    holders_t holders;
    rows_t keys, rows;
    size_t gone_count = 0;
    if (!c->env.policy->account) return 0;
    int rc = find_holders(c, states, count, &holders, err);
    rows_init(&keys, run.arena, 2);
    for (size_t i = 0; rc == 0 && i < holders.count; i++) rc = key_add(&keys, holders.items[i].number, err);
    if (rc || keys.count == 0) return rc;
    rc = account_credits_of_fund(c->ctx->store, &keys, run.arena, &rows, err);
    if (rc || rows.count == 0) return rc;
    paid_bill_t *gone = arena_alloc(run.arena, (rows.count + 1) * sizeof *gone);
    run.months = arena_alloc(run.arena, (rows.count + 1) * sizeof *run.months);
    if (!gone || !run.months) return out_of_memory(err);
    rc = sort_months(&run, &holders, &rows, gone, &gone_count, err);
    if (rc == 0) rc = crediting_unpaid(c, gone, gone_count, err);
    if (rc == 0) rc = find_employers(&run, err);
    return rc ? rc : crediting_fund(c, run.months, run.count, NULL, err);
}
