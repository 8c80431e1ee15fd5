#include "crediting.h"
#include "account.h"
#include "common/base/hash.h"
#include "common/base/log.h"
#include "common/policy/account.h"
#include "life_store.h"
#include "receipts_store.h"
#include "years.h"
#include <stdlib.h>
#include <string.h>

enum { CREDIT_COLUMNS = 8 };

typedef struct work {
    collection_t *c;
    arena_t *arena;
    const paid_bill_t **bills; // the monthly ones
    size_t count;
    rows_t keys; // partition, person, month of each
    rows_t known;
    size_t next; // in `known`
    month_t *joined;
    rows_t fresh, again; // to be kept: months never heard of before, and others
    credited_t told;
} work_t;

static int out_of_memory(err_t *err) { return err_set(err, E_IO, "out of memory"); }

static int gather(work_t *w, const paid_bill_t *bills, size_t count, const month_t *first_paid, err_t *err) {
    rows_init(&w->keys, w->arena, 3);
    rows_init(&w->fresh, w->arena, CREDIT_COLUMNS);
    rows_init(&w->again, w->arena, CREDIT_COLUMNS);
    w->bills = arena_alloc(w->arena, (count + 1) * sizeof *w->bills);
    w->joined = arena_alloc(w->arena, (count + 1) * sizeof *w->joined);
    if (!w->bills || !w->joined || !rows_reserve(&w->keys, count)) return out_of_memory(err);
    for (size_t i = 0; i < count; i++) {
        month_t month;
        cell_t *key;
        if (month_parse(bills[i].bill->period, &month)) continue;
        if (!(key = rows_add(&w->keys))) return out_of_memory(err);
        key[0] = cell_i64(partition_of(bills[i].bill->person));
        key[1] = cell_text(bills[i].bill->person);
        key[2] = cell_text(bills[i].bill->period);
        if (first_paid) w->joined[w->count] = years_first_tier2(bills[i].person, first_paid[i]);
        w->bills[w->count++] = &bills[i];
    }
    if (!rows_reserve(&w->fresh, w->count)) return out_of_memory(err); // most are heard of for the first time
    return w->count ? account_credits_of(w->c->ctx->store, &w->keys, w->arena, &w->known, err) : 0;
}

// When each person joined the scheme that has accounts, by what is paid until now.
static int read_joined(work_t *w, err_t *err) {
    rows_t keys, history;
    int rc = 0;
    rows_init(&keys, w->arena, 2);
    for (size_t i = 0; rc == 0 && i < w->count; i++) rc = key_add(&keys, w->bills[i]->bill->person, err);
    if (rc == 0) rc = bills_history(w->c->ctx->store, &keys, w->arena, &history, err);
    if (rc) return rc;
    for (size_t i = 0; i < w->count; i++) w->joined[i] = MONTH_NONE;
    for (size_t i = 0; i < history.count; i++) {
        month_t *joined = &w->joined[row_i64(&history, i, 0)], month;
        const int identity = identity_from_name(row_text(&history, i, 2));
        if (!*row_text(&history, i, 4) || month_parse(row_text(&history, i, 1), &month)) continue;
        if (identity < 0 || !years_counts(w->c->env.policy, (identity_t)identity)) continue;
        if (*joined == MONTH_NONE || month < *joined) *joined = month;
    }
    for (size_t i = 0; i < w->count; i++) w->joined[i] = years_first_tier2(w->bills[i]->person, w->joined[i]);
    return 0;
}

// ---- one month

static fen_t base_of(const Tc__ContributionBill *bill) {
    fen_t base = 0;
    for (size_t i = 0; i < bill->n_lines; i++) base = fen_max(base, bill->lines[i]->base_fen);
    return base;
}

static int decide(const work_t *w, size_t i, account_result_t *out, err_t *err) {
    const policy_t *policy = w->c->env.policy;
    const paid_bill_t *paid = w->bills[i];
    month_t month = MONTH_NONE;
    account_person_t person = {.identity = (identity_t)identity_from_name(paid->bill->identity),
                               .birth = DATE_NONE,
                               .base = base_of(paid->bill),
                               .joined = w->joined[i],
                               .employer_kind = paid->employer_kind};
    person.has_base = person.base > 0;
    // A former standard binds only those who were there before it ended.
    person.has_reference = policy->account->has_former && person.joined != MONTH_NONE &&
                           person.joined > month_of(policy->account->former.day);
    if (*paid->person->birth && date_parse(paid->person->birth, &person.birth))
        return err_set(err, E_INTERNAL, "a stored person has no valid date of birth");
    if (month_parse(paid->bill->period, &month)) return err_set(err, E_INTERNAL, "a stored bill is malformed");
    return account_credit(policy, &person, month, out, err);
}

static int tell(const work_t *w, size_t i, int64_t turn, fen_t amount, const char *rule, err_t *err) {
    const paid_bill_t *paid = w->bills[i];
    Tc__AccountCredit event;
    tc__account_credit__init(&event);
    event.person = paid->bill->person;
    event.month = paid->bill->period;
    event.turn = (int32_t)turn;
    event.amount_fen = amount;
    event.rule = (char *)rule;
    event.receipt = (char *)paid->receipt;
    return desk_tell(w->c, event.person, "account.credited", &event.base, err);
}

typedef struct standing { // of a month; 0 and "" when it was never credited
    bool known;           // there is a row
    int64_t turn;
    fen_t amount;
    const char *rule, *receipt;
} standing_t;

static int keep(work_t *w, size_t i, const standing_t *now, int64_t turn, fen_t amount, const char *rule,
                const char *undecided, err_t *err) {
    const cell_t *key = rows_at(&w->keys, i);
    cell_t *row = rows_add(now->known ? &w->again : &w->fresh);
    if (!row) return out_of_memory(err);
    const cell_t cells[CREDIT_COLUMNS] = {key[0],
                                          key[1],
                                          key[2],
                                          cell_i64(turn),
                                          cell_i64(amount),
                                          cell_text(rule),
                                          cell_text(w->bills[i]->receipt),
                                          cell_text(undecided)};
    memcpy(row, cells, sizeof cells);
    return 0;
}

static standing_t stands(work_t *w, size_t i) {
    const size_t row = w->next;
    if (row == w->known.count || row_i64(&w->known, row, 0) != (int64_t)i) return (standing_t){false, 0, 0, "", ""};
    w->next++;
    return (standing_t){true, row_i64(&w->known, row, 1), row_i64(&w->known, row, 2), row_text(&w->known, row, 3),
                        row_text(&w->known, row, 4)};
}

static bool no_account(int rc) { return rc == E_UNSUPPORTED || rc == E_NOT_IN_FORCE; } // for this person, or yet

static int keep_undecided(work_t *w, size_t i, const standing_t *now, int rc, const err_t *why, err_t *err) {
    const char *text = arena_text(w->arena, "%s: %s", err_name(rc), why->text);
    if (!text) return out_of_memory(err);
    log_debug("account_credit_undecided", "code=%s field=%s", err_name(rc), log_value(why->field));
    w->told.undecided++;
    return keep(w, i, now, now->turn, 0, "", text, err);
}

static int keep_credit(work_t *w, size_t i, const standing_t *now, const account_result_t *result, err_t *err) {
    const int64_t turn = now->turn + 1;
    const char *rule = result->step_count ? result->steps[result->step_count - 1].rule : "";
    w->told.months++;
    w->told.amount += result->credit; // of one month and at most a chunk of persons: far below any limit
    int rc = keep(w, i, now, turn, result->credit, rule, "", err);
    return rc ? rc : tell(w, i, turn, result->credit, rule, err);
}

static int credit_month(work_t *w, size_t i, err_t *err) {
    account_result_t result = {0};
    err_t why = {0};
    standing_t now = stands(w, i);
    int rc = 0;
    // What the fund credited without a bill gives way to the bill.
    if (now.amount != 0 && *now.receipt) return err_set(err, E_INTERNAL, "a month is credited twice");
    if (now.amount != 0) rc = tell(w, i, ++now.turn, -now.amount, now.rule, err);
    if (rc) return rc;
    rc = decide(w, i, &result, &why);
    if (no_account(rc)) return now.amount ? keep(w, i, &now, now.turn, 0, now.rule, "", err) : 0;
    return rc ? keep_undecided(w, i, &now, rc, &why, err) : keep_credit(w, i, &now, &result, err);
}

static int credit_from_fund(work_t *w, size_t i, err_t *err) {
    account_result_t result = {0};
    err_t why = {0};
    const standing_t now = stands(w, i);
    if (now.amount != 0) return 0;
    int rc = decide(w, i, &result, &why);
    if (no_account(rc) || (rc == 0 && result.credit == 0)) return 0;
    return rc ? keep_undecided(w, i, &now, rc, &why, err) : keep_credit(w, i, &now, &result, err);
}

static int reverse_month(work_t *w, size_t i, err_t *err) {
    const standing_t now = stands(w, i);
    if (now.amount == 0) return 0;
    int rc = keep(w, i, &now, now.turn + 1, 0, now.rule, "", err);
    return rc ? rc : tell(w, i, now.turn + 1, -now.amount, now.rule, err);
}

// The month's bill stays, what is paid of it is on another base now.
static int credit_again(work_t *w, size_t i, err_t *err) {
    account_result_t result = {0};
    err_t why = {0};
    standing_t now = stands(w, i);
    int rc = decide(w, i, &result, &why);
    if (no_account(rc) || (rc == 0 && now.known && now.amount == result.credit)) return 0;
    if (now.amount != 0) {
        int told = tell(w, i, ++now.turn, -now.amount, now.rule, err);
        if (told) return told;
    }
    return rc ? keep_undecided(w, i, &now, rc, &why, err) : keep_credit(w, i, &now, &result, err);
}

// ---- all of them

typedef int step_t(work_t *w, size_t i, err_t *err);

static int run(collection_t *c, const paid_bill_t *bills, size_t count, const month_t *first_paid, step_t *step,
               credited_t *told, err_t *err) {
    work_t w = {.c = c, .arena = c->ctx->arena};
    if (!c->env.policy->account) return 0;
    int rc = gather(&w, bills, count, first_paid, err);
    if (rc || w.count == 0) return rc;
    if (step != reverse_month && !first_paid) rc = read_joined(&w, err);
    for (size_t i = 0; rc == 0 && i < w.count; i++) rc = step(&w, i, err);
    if (rc == 0 && told) *told = w.told;
    if (rc == 0) rc = account_credits_insert(c->ctx->store, &w.fresh, err);
    return rc ? rc : account_credits_put(c->ctx->store, &w.again, err);
}

// ---- differences
// A difference brings no month of its own; its base is that of all that is paid of the month.

typedef struct difference_of { // a month of a person that has one among the bills
    const paid_bill_t *bill;
    month_t month;
} difference_of_t;

static int by_person_and_month(const void *a, const void *b) {
    const difference_of_t *x = a, *y = b;
    const int order = strcmp(x->bill->bill->person, y->bill->bill->person);
    return order ? order : (x->month > y->month) - (x->month < y->month);
}

static int list_differences(const paid_bill_t *bills, size_t count, difference_of_t *out, size_t *found, err_t *err) {
    *found = 0;
    for (size_t i = 0; i < count; i++) {
        period_t period;
        if (!strchr(bills[i].bill->period, ' ')) continue; // most are months
        int rc = period_parse(bills[i].bill->period, &period, err);
        if (rc) return rc;
        if (period.difference) out[(*found)++] = (difference_of_t){&bills[i], period.month};
    }
    if (*found == 0) return 0;
    qsort(out, *found, sizeof *out, by_person_and_month);
    size_t kept = 1;
    for (size_t i = 1; i < *found; i++)
        if (by_person_and_month(&out[kept - 1], &out[i]) != 0) out[kept++] = out[i];
    *found = kept;
    return 0;
}

static int read_pieces(collection_t *c, const difference_of_t *differences, size_t count, rows_t *out, err_t *err) {
    rows_t keys;
    arena_t *arena = c->ctx->arena;
    char text[DATE_TEXT_MAX];
    rows_init(&keys, arena, 4);
    for (size_t i = 0; i < count; i++) {
        int rc = key_add(&keys, differences[i].bill->bill->person, err);
        if (rc) return rc;
        const period_t last = period_of_difference(differences[i].month, DIFFERENCES_MAX);
        cell_t *key = rows_at(&keys, i);
        key[2] = cell_text(arena_text(arena, "%s", month_format(differences[i].month, text)));
        key[3] = cell_text(arena_text(arena, "%s", last.text));
        if (!key[2].data || !key[3].data) return out_of_memory(err);
    }
    return bill_pieces_of(c->ctx->store, &keys, arena, out, err);
}

// The month's paid bill with the lines of the newest that is paid; not there when the month itself is not paid.
static int read_standing(collection_t *c, const rows_t *rows, size_t *next, size_t key, paid_bill_t *out, err_t *err) {
    enum { PERIOD = 1, PAID_ON = 4, RECEIPT = 5, BODY = 6, OWN = 7 };
    arena_t *arena = c->ctx->arena;
    Tc__ContributionBill *main = NULL, *newest = NULL;
    int rc = 0;
    for (; rc == 0 && *next < rows->count && row_i64(rows, *next, 0) == (int64_t)key; ++*next) {
        size_t size;
        const void *body = row_blob(rows, *next, BODY, &size);
        if (!*row_text(rows, *next, PAID_ON)) continue;
        rc = bill_unpack(body, size, row_i64(rows, *next, OWN), arena, &newest, err);
        if (rc || strchr(row_text(rows, *next, PERIOD), ' ')) continue;
        main = newest;
        out->receipt = row_text(rows, *next, RECEIPT);
    }
    if (rc || !main) return rc;
    Tc__ContributionBill *bill = arena_copy(arena, main, sizeof *main);
    if (!bill) return out_of_memory(err);
    bill->lines = newest->lines;
    bill->n_lines = newest->n_lines;
    out->bill = bill;
    return 0;
}

static int credit_differences(collection_t *c, const paid_bill_t *bills, size_t count, err_t *err) {
    rows_t rows;
    size_t next = 0, found = 0, standing_count = 0;
    if (!c->env.policy->account) return 0;
    difference_of_t *differences = arena_alloc(c->ctx->arena, (count + 1) * sizeof *differences);
    if (!differences) return out_of_memory(err);
    int rc = list_differences(bills, count, differences, &found, err);
    if (rc || found == 0) return rc;
    paid_bill_t *standing = arena_alloc(c->ctx->arena, found * sizeof *standing);
    if (!standing) return out_of_memory(err);
    rc = read_pieces(c, differences, found, &rows, err);
    for (size_t i = 0; rc == 0 && i < found; i++) {
        paid_bill_t *of = &standing[standing_count];
        *of = *differences[i].bill;
        of->bill = NULL;
        rc = read_standing(c, &rows, &next, i, of, err);
        if (rc == 0 && of->bill) standing_count++;
    }
    return rc ? rc : run(c, standing, standing_count, NULL, credit_again, NULL, err);
}

int crediting_paid(collection_t *c, const paid_bill_t *bills, size_t count, const month_t *first_paid, err_t *err) {
    int rc = run(c, bills, count, first_paid, credit_month, NULL, err);
    return rc ? rc : credit_differences(c, bills, count, err);
}

int crediting_unpaid(collection_t *c, const paid_bill_t *bills, size_t count, err_t *err) {
    int rc = run(c, bills, count, NULL, reverse_month, NULL, err);
    return rc ? rc : credit_differences(c, bills, count, err);
}

int crediting_fund(collection_t *c, const paid_bill_t *months, size_t count, credited_t *told, err_t *err) {
    return run(c, months, count, NULL, credit_from_fund, told, err);
}
