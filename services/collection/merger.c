#include "merger.h"
#include "common/base/hash.h"
#include "common/base/log.h"
#include "crediting.h"
#include "debits.h"
#include "employer_kinds.h"
#include "held.h"
#include "life_store.h"
#include "receipts_store.h"
#include "withdrawal.h"
#include <string.h>

typedef struct pair {
    const char *from, *into;
    Tc__PersonState *state; // of `into`; NULL when it did not arrive now
    bool known;             // that one leads to the other
} pair_t;

typedef struct merger {
    collection_t *c;
    arena_t *arena;
    pair_t *pairs;
    size_t count;
} merger_t;

static int out_of_memory(err_t *err) { return err_set(err, E_IO, "out of memory"); }

// ---- whom it concerns

static size_t room_of(Tc__PersonState *const *states, size_t count) {
    size_t room = 1;
    for (size_t i = 0; i < count; i++) room += states[i]->n_merged_from + (*states[i]->merged_into != '\0');
    return room;
}

static void add_pairs(merger_t *m, Tc__PersonState *const *states, size_t count) {
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < states[i]->n_merged_from; k++)
            m->pairs[m->count++] =
                (pair_t){.from = states[i]->merged_from[k], .into = states[i]->person, .state = states[i]};
        if (*states[i]->merged_into) m->pairs[m->count++] = (pair_t){.from = states[i]->person};
    }
}

static int leads_of(const merger_t *m, bool of_into, rows_t *out, err_t *err) {
    rows_t keys;
    rows_init(&keys, m->arena, 1);
    for (size_t i = 0; i < m->count; i++) {
        cell_t *key = rows_add(&keys);
        if (!key) return out_of_memory(err);
        key[0] = cell_text(of_into && m->pairs[i].into ? m->pairs[i].into : m->pairs[i].from);
    }
    return merged_of(m->c->ctx->store, &keys, m->arena, out, err);
}

// A state that arrives late may name a person who has become somebody else's number meanwhile.
static int lead_on(merger_t *m, err_t *err) {
    rows_t rows;
    int rc = leads_of(m, true, &rows, err);
    for (size_t i = 0; rc == 0 && i < rows.count; i++) {
        pair_t *pair = &m->pairs[row_i64(&rows, i, 0)];
        if (!pair->into) continue;
        pair->into = row_text(&rows, i, 1);
        pair->state = NULL;
    }
    for (size_t i = 0; rc == 0 && i < m->count; i++)
        for (size_t k = 0; k < m->count; k++)
            if (m->pairs[i].into && m->pairs[k].into && strcmp(m->pairs[k].from, m->pairs[i].into) == 0) {
                m->pairs[i].into = m->pairs[k].into;
                m->pairs[i].state = m->pairs[k].state;
            }
    return rc;
}

static bool is_among(const pair_t *pairs, size_t count, const char *from) {
    for (size_t i = 0; i < count; i++)
        if (strcmp(pairs[i].from, from) == 0) return true;
    return false;
}

// A number whose person has not told us yet that it belongs there waits for that.
static int find_pairs(merger_t *m, Tc__PersonState *const *states, size_t count, err_t *err) {
    rows_t rows;
    size_t kept = 0;
    if (!(m->pairs = arena_alloc(m->arena, room_of(states, count) * sizeof *m->pairs))) return out_of_memory(err);
    add_pairs(m, states, count);
    if (m->count == 0) return 0;
    int rc = lead_on(m, err);
    if (rc == 0) rc = leads_of(m, false, &rows, err);
    if (rc) return rc;
    for (size_t i = 0; i < rows.count; i++) {
        pair_t *pair = &m->pairs[row_i64(&rows, i, 0)];
        const char *into = row_text(&rows, i, 1);
        pair->known = !pair->into || strcmp(pair->into, into) == 0;
        if (!pair->into) pair->into = into;
    }
    for (size_t i = 0; i < m->count; i++)
        if (m->pairs[i].into && !is_among(m->pairs, kept, m->pairs[i].from)) m->pairs[kept++] = m->pairs[i];
    m->count = kept;
    return 0;
}

// ---- one pair's bills

enum { B_KEY, B_PERIOD, B_EMPLOYER, B_TOTAL, B_PAID_ON, B_RECEIPT, B_BODY, B_WAGE, B_IDENTITY, B_OWN };

typedef struct move { // of one pair
    merger_t *m;
    const pair_t *pair;
    rows_t left, gone; // partition, person, period: of the old number's, of the other's that go
    rows_t come;       // BILL_COLUMNS
    paid_bill_t *before, *after;
    size_t paid;
    withdrawal_t *twice;
    size_t twice_count;
} move_t;

static int add_key(rows_t *keys, const char *person, const char *period, err_t *err) {
    int rc = key_add(keys, person, err);
    if (rc == 0) rows_at(keys, keys->count - 1)[2] = cell_text(period);
    return rc;
}

static int copy_bill(move_t *v, const rows_t *rows, size_t row, err_t *err) {
    Tc__ContributionBill *old = NULL;
    size_t size;
    const void *body = row_blob(rows, row, B_BODY, &size);
    arena_t *arena = v->m->arena;
    int rc = bill_unpack(body, size, row_i64(rows, row, B_OWN), arena, &old, err);
    if (rc) return rc;
    Tc__ContributionBill *bill = arena_copy(arena, old, sizeof *old);
    if (!bill) return out_of_memory(err);
    bill->person = (char *)v->pair->into;
    void *moved = message_pack(&bill->base, arena, &size);
    cell_t *to = rows_add(&v->come);
    if (!moved || !to) return out_of_memory(err);
    const cell_t cells[BILL_COLUMNS] = {cell_i64(partition_of(bill->person)),
                                        cell_text(bill->person),
                                        cell_text(row_text(rows, row, B_PERIOD)),
                                        cell_text(row_text(rows, row, B_IDENTITY)),
                                        cell_text(row_text(rows, row, B_EMPLOYER)),
                                        cell_i64(row_i64(rows, row, B_TOTAL)),
                                        cell_text(row_text(rows, row, B_PAID_ON)),
                                        cell_text(row_text(rows, row, B_RECEIPT)),
                                        cell_blob(moved, size),
                                        cell_i64(row_i64(rows, row, B_WAGE)),
                                        cell_i64(row_i64(rows, row, B_OWN))};
    memcpy(to, cells, sizeof cells);
    if (!*row_text(rows, row, B_PAID_ON)) return 0;
    v->before[v->paid] = (paid_bill_t){.bill = old, .receipt = row_text(rows, row, B_RECEIPT)};
    v->after[v->paid++] =
        (paid_bill_t){.bill = bill, .person = v->pair->state, .receipt = row_text(rows, row, B_RECEIPT)};
    return 0;
}

// Of one period one bill stays, a paid one rather than an unpaid one. What was paid twice is for somebody to decide.
static int place_bill(move_t *v, const rows_t *rows, size_t row, const char *other_paid_on, err_t *err) {
    const char *period = row_text(rows, row, B_PERIOD);
    const bool paid = *row_text(rows, row, B_PAID_ON);
    if (other_paid_on && *other_paid_on && paid) {
        v->twice[v->twice_count++] = (withdrawal_t){v->pair->from, period, v->pair->into, "merged", 0};
        return 0;
    }
    int rc = add_key(&v->left, v->pair->from, period, err);
    if (rc || (other_paid_on && !paid)) return rc;
    if (other_paid_on) rc = add_key(&v->gone, v->pair->into, period, err);
    return rc ? rc : copy_bill(v, rows, row, err);
}

static bool is_difference(const char *period) {
    period_t parsed;
    return strchr(period, ' ') && period_parse(period, &parsed, NULL) == 0 && parsed.difference;
}

// The day on which the other number paid the month that a difference belongs to: it stays with its month, or goes with
// it. NULL: it did not pay it.
static const char *paid_month(const rows_t *others, const char *period) {
    const size_t length = strcspn(period, " ");
    for (size_t i = 0; i < others->count; i++) {
        const char *other = row_text(others, i, B_PERIOD);
        if (strlen(other) == length && strncmp(other, period, length) == 0)
            return *row_text(others, i, B_PAID_ON) ? row_text(others, i, B_PAID_ON) : NULL;
    }
    return NULL;
}

static int decide_bills(move_t *v, const rows_t *bills, const rows_t *others, err_t *err) {
    arena_t *arena = v->m->arena;
    size_t k = 0;
    int rc = 0;
    rows_init(&v->left, arena, 3);
    rows_init(&v->gone, arena, 3);
    rows_init(&v->come, arena, BILL_COLUMNS);
    v->before = arena_alloc(arena, (bills->count + 1) * sizeof *v->before);
    v->after = arena_alloc(arena, (bills->count + 1) * sizeof *v->after);
    v->twice = arena_alloc(arena, (bills->count + 1) * sizeof *v->twice);
    if (!v->before || !v->after || !v->twice) return out_of_memory(err);
    for (size_t i = 0; rc == 0 && i < bills->count; i++) {
        const char *period = row_text(bills, i, B_PERIOD);
        while (k < others->count && strcmp(row_text(others, k, B_PERIOD), period) < 0) k++;
        const bool both = k < others->count && strcmp(row_text(others, k, B_PERIOD), period) == 0;
        const char *paid_on = both ? row_text(others, k, B_PAID_ON) : NULL;
        const char *month_on = is_difference(period) ? paid_month(others, period) : NULL;
        rc = place_bill(v, bills, i, month_on ? month_on : paid_on, err);
    }
    return rc;
}

// The kinds of the employers behind the bills that came.
static int read_employers(move_t *v, err_t *err) {
    rows_t keys, kinds;
    int rc = 0;
    rows_init(&keys, v->m->arena, 2);
    for (size_t i = 0; rc == 0 && i < v->paid; i++) rc = key_add(&keys, v->after[i].bill->employer, err);
    if (rc || keys.count == 0) return rc;
    rc = employers_of(v->m->c->ctx->store, &keys, v->m->arena, &kinds, err);
    for (size_t i = 0; rc == 0 && i < kinds.count; i++) {
        paid_bill_t *bill = &v->after[row_i64(&kinds, i, 0)];
        period_t period;
        rc = period_parse(bill->bill->period, &period, err);
        if (rc == 0) rc = employer_kind_of(&kinds, i, period.month, v->m->arena, &bill->employer_kind, err);
    }
    return rc;
}

static int write_bills(move_t *v, err_t *err) {
    collection_t *c = v->m->c;
    store_t *store = c->ctx->store;
    int rc = withdrawals_write(c, v->twice, v->twice_count, desk_moment_ms(c), err);
    if (rc == 0 && v->left.count) rc = bills_remove(store, &v->left, err);
    if (rc == 0 && v->gone.count) rc = bills_remove(store, &v->gone, err);
    if (rc == 0) rc = crediting_unpaid(c, v->before, v->paid, err); // by what is still paid then
    if (rc == 0 && v->come.count) rc = bills_insert(store, &v->come, err);
    if (rc == 0) rc = read_employers(v, err);
    return rc ? rc : crediting_paid(c, v->after, v->paid, NULL, err);
}

static int read_other(merger_t *m, const char *person, rows_t *out, err_t *err) {
    rows_t keys;
    rows_init(&keys, m->arena, 2);
    int rc = key_add(&keys, person, err);
    return rc ? rc : bills_whole(m->c->ctx->store, &keys, m->arena, out, err);
}

static int move_bills(merger_t *m, const pair_t *pair, const rows_t *bills, err_t *err) {
    move_t move = {.m = m, .pair = pair};
    rows_t others;
    int rc = read_other(m, pair->into, &others, err);
    if (rc == 0) rc = decide_bills(&move, bills, &others, err);
    return rc ? rc : write_bills(&move, err);
}

// ---- money that is kept

static int move_credits(merger_t *m, err_t *err) {
    rows_t keys, credits;
    char day[DATE_TEXT_MAX];
    held_change_t *changes = arena_alloc(m->arena, (2 * m->count + 1) * sizeof *changes);
    const int64_t now_ms = clock_now_ms();
    const char *today = arena_text(m->arena, "%s", date_format(date_of_ms(now_ms), day));
    size_t n = 0;
    if (!changes || !today) return out_of_memory(err);
    rows_init(&keys, m->arena, 2);
    for (size_t i = 0; i < m->count; i++) {
        cell_t *key = rows_add(&keys);
        if (!key) return out_of_memory(err);
        key[0] = cell_text(payer_person);
        key[1] = cell_text(m->pairs[i].from);
    }
    int rc = credits_of(m->c->ctx->store, &keys, m->arena, &credits, err);
    for (size_t i = 0; rc == 0 && i < credits.count; i++) {
        const pair_t *pair = &m->pairs[row_i64(&credits, i, 0)];
        const fen_t amount = row_i64(&credits, i, 1);
        const payer_key_t from = payer_of(payer_person, pair->from, ""), into = payer_of(payer_person, pair->into, "");
        const char *out = arena_text(m->arena, "M.%lld.%s.out", (long long)now_ms, pair->from);
        const char *in = arena_text(m->arena, "M.%lld.%s.in", (long long)now_ms, pair->from);
        if (!out || !in) return out_of_memory(err);
        changes[n++] = (held_change_t){from, out, held_credit, -amount, today, "merge_out"};
        changes[n++] = (held_change_t){into, in, held_credit, amount, today, "merge_in"};
    }
    return rc ? rc : held_write(m->c, changes, n, err);
}

static int move_debits(const merger_t *m, err_t *err) {
    rows_t pairs;
    rows_init(&pairs, m->arena, 4);
    for (size_t i = 0; i < m->count; i++) {
        cell_t *pair = rows_add(&pairs);
        if (!pair) return out_of_memory(err);
        pair[0] = cell_i64(partition_of(m->pairs[i].from));
        pair[1] = cell_text(m->pairs[i].from);
        pair[2] = cell_i64(partition_of(m->pairs[i].into));
        pair[3] = cell_text(m->pairs[i].into);
    }
    return debits_move(m->c, &pairs, err);
}

// ---- and that one leads to the other

static int write_leads(const merger_t *m, err_t *err) {
    rows_t leads, onward;
    rows_init(&leads, m->arena, 3);
    rows_init(&onward, m->arena, 3);
    for (size_t i = 0; i < m->count; i++) {
        const pair_t *pair = &m->pairs[i];
        if (pair->known) continue;
        cell_t *lead = rows_add(&leads), *on = rows_add(&onward);
        if (!lead || !on) return out_of_memory(err);
        lead[0] = on[0] = cell_text(pair->from);
        lead[1] = on[1] = cell_i64(partition_of(pair->into));
        lead[2] = on[2] = cell_text(pair->into);
    }
    if (leads.count == 0) return 0;
    int rc = merged_lead_on(m->c->ctx->store, &onward, err);
    return rc ? rc : merged_put(m->c->ctx->store, &leads, err);
}

// The states of persons who did not arrive now but get something.
static int read_states(merger_t *m, Tc__PersonState ***also, size_t *also_count, err_t *err) {
    rows_t keys, rows;
    size_t *asked = arena_alloc(m->arena, (m->count + 1) * sizeof *asked);
    *also_count = 0;
    if (!asked || !(*also = arena_alloc(m->arena, (m->count + 1) * sizeof **also))) return out_of_memory(err);
    rows_init(&keys, m->arena, 2);
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < m->count; i++) {
        if (m->pairs[i].state) continue;
        rc = key_add(&keys, m->pairs[i].into, err);
        asked[keys.count - 1] = i;
    }
    if (rc || keys.count == 0) return rc;
    rc = persons_of(m->c->ctx->store, &keys, m->arena, &rows, err);
    for (size_t i = 0; rc == 0 && i < rows.count; i++) {
        size_t size;
        const void *state = row_blob(&rows, i, 2, &size);
        pair_t *pair = &m->pairs[asked[row_i64(&rows, i, 0)]];
        rc = message_unpack((ProtobufCMessage **)&pair->state, &tc__person_state__descriptor, state, size, m->arena,
                            err);
        size_t k = 0;
        while (rc == 0 && k < *also_count && strcmp((*also)[k]->person, pair->into) != 0) k++;
        if (rc == 0 && k == *also_count) (*also)[(*also_count)++] = pair->state;
    }
    return rc;
}

// Most numbers that a person once had hold nothing any more: one question for all of them.
static int move_all(merger_t *m, err_t *err) {
    rows_t keys, bills;
    int rc = 0;
    rows_init(&keys, m->arena, 2);
    for (size_t i = 0; rc == 0 && i < m->count; i++) rc = key_add(&keys, m->pairs[i].from, err);
    if (rc == 0) rc = bills_whole(m->c->ctx->store, &keys, m->arena, &bills, err);
    for (size_t i = 0, row = 0; rc == 0 && i < m->count; i++) {
        rows_t own = bills;
        const size_t first = row;
        while (row < bills.count && row_i64(&bills, row, B_KEY) == (int64_t)i) row++;
        if (row == first || !m->pairs[i].state) continue;
        own.cells = bills.cells + first * bills.width;
        own.count = row - first;
        rc = move_bills(m, &m->pairs[i], &own, err);
        if (rc == 0) log_info("bills_moved", "count=%zu", own.count);
    }
    return rc;
}

int merger_apply(collection_t *c, Tc__PersonState *const *states, size_t count, Tc__PersonState ***also,
                 size_t *also_count, err_t *err) {
    merger_t m = {.c = c, .arena = c->ctx->arena};
    *also_count = 0;
    int rc = find_pairs(&m, states, count, err);
    if (rc || m.count == 0) return rc;
    rc = read_states(&m, also, also_count, err);
    if (rc == 0) rc = write_leads(&m, err);
    if (rc == 0) rc = move_all(&m, err);
    if (rc == 0) rc = move_credits(&m, err);
    return rc ? rc : move_debits(&m, err);
}

// ---- asking

int merger_lead_all(collection_t *c, const char **persons, size_t count, err_t *err) {
    rows_t keys, rows;
    size_t *asked = arena_alloc(c->ctx->arena, (count + 1) * sizeof *asked);
    if (!asked) return out_of_memory(err);
    rows_init(&keys, c->ctx->arena, 1);
    for (size_t i = 0; i < count; i++) {
        if (!persons[i] || !*persons[i]) continue;
        cell_t *key = rows_add(&keys);
        if (!key) return out_of_memory(err);
        key[0] = cell_text(persons[i]);
        asked[keys.count - 1] = i;
    }
    if (keys.count == 0) return 0;
    int rc = merged_of(c->ctx->store, &keys, c->ctx->arena, &rows, err);
    for (size_t i = 0; rc == 0 && i < rows.count; i++) persons[asked[row_i64(&rows, i, 0)]] = row_text(&rows, i, 1);
    return rc;
}

int merger_lead(collection_t *c, const char *person, const char **out, err_t *err) {
    *out = person;
    return merger_lead_all(c, out, 1, err);
}
