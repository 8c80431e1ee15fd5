// The chains of decisions: every version of a bill adds up by itself and follows the one before it; the standing bills
// of a person and year, in their lawful order, carry the running totals; and the newest row tells where they end. One
// chain at a time is in memory.
#include "adjudication.pb-c.h"
#include "common/base/hash.h"
#include "common/base/money.h"
#include "verify_lines.h"
#include <stdlib.h>
#include <string.h>

enum { NAMES_MAX = 32 };

typedef struct totals { // running totals by name
    size_t names;
    char name[NAMES_MAX][32];
    fen_t total[NAMES_MAX];
} totals_t;

// The chain being walked: whose, how far, and the newest version of each bill so far, in the arena `work`.
typedef struct chain {
    int64_t partition;
    char person[VERIFY_NAME_MAX];
    int64_t year, seq;
    const Tc__Decision **bills;
    size_t count, room;
    const Tc__Decision *newest; // row of all; NULL when it could not be read
    const verify_lines_t *lines;
} chain_t;

static const char *where(const Tc__Decision *d) { return d->bill; }

static fen_t steps_of(const Tc__Decision *d, const char *part) {
    fen_t sum = 0;
    for (size_t i = 0; i < d->n_steps; i++)
        if (strcmp(d->steps[i]->part, part) == 0) sum = verify_sum(sum, d->steps[i]->amount_fen);
    return sum;
}

// Fund = Σ layers, fund + own = total, and the steps of each part add up to it.
static void check_sums(verify_t *verify, const Tc__Decision *d) {
    fen_t fund = 0;
    for (size_t i = 0; i < d->n_paid; i++) {
        fund = verify_sum(fund, d->paid[i]->amount_fen);
        if (steps_of(d, d->paid[i]->name) != d->paid[i]->amount_fen)
            verify_broken(verify, "bill %s: the steps of %s add up to %lld fen, not %lld", where(d), d->paid[i]->name,
                          (long long)steps_of(d, d->paid[i]->name), (long long)d->paid[i]->amount_fen);
    }
    if (fund != d->fund_fen || verify_sum(d->fund_fen, d->own_fen) != d->total_fen)
        verify_broken(verify, "bill %s: layers %lld, fund %lld, person %lld, total %lld fen do not add up", where(d),
                      (long long)fund, (long long)d->fund_fen, (long long)d->own_fen, (long long)d->total_fen);
    if (steps_of(d, "person") != d->own_fen || steps_of(d, "deductible") != d->deductible_fen)
        verify_broken(verify, "bill %s: the steps of the person or the deductible do not add up", where(d));
}

static fen_t *total_of(totals_t *totals, const char *name) {
    for (size_t i = 0; i < totals->names; i++)
        if (strcmp(totals->name[i], name) == 0) return &totals->total[i];
    if (totals->names == NAMES_MAX) return NULL;
    snprintf(totals->name[totals->names], sizeof totals->name[0], "%s", name);
    totals->total[totals->names] = 0;
    return &totals->total[totals->names++];
}

static fen_t paid_by(const Tc__Decision *d, const char *total_name) {
    for (size_t i = 0; i < d->n_paid; i++) {
        size_t length = strlen(d->paid[i]->name);
        if (strncmp(total_name, d->paid[i]->name, length) == 0 && strcmp(total_name + length, "_paid") == 0)
            return d->paid[i]->amount_fen;
    }
    return -1;
}

static bool counts_payments(const char *total_name) {
    size_t length = strlen(total_name);
    return length > 5 && strcmp(total_name + length - 5, "_paid") == 0;
}

static bool lists(Tc__Amount *const *used, size_t count, const char *name) {
    for (size_t i = 0; i < count; i++)
        if (strcmp(used[i]->name, name) == 0) return true;
    return false;
}

// What is not listed is zero, so it has to have been.
static void check_unlisted(verify_t *verify, const totals_t *totals, const Tc__Decision *d) {
    for (size_t n = 0; n < totals->names; n++)
        if (totals->total[n] && !lists(d->used, d->n_used, totals->name[n]))
            verify_broken(verify, "bill %s: total %s of %lld fen is gone", where(d), totals->name[n],
                          (long long)totals->total[n]);
}

// A stay counts in every total <layer>_paid that the law has for a layer that paid. Asked of the law in force only:
// another one may have had other totals.
static void check_counted(verify_t *verify, const Tc__Decision *d) {
    char name[64];
    if (!verify->policy || strcmp(policy_hash(verify->policy), d->policy) != 0) return;
    for (size_t i = 0; i < d->n_paid; i++) {
        snprintf(name, sizeof name, "%s_paid", d->paid[i]->name);
        if (d->paid[i]->amount_fen > 0 && policy_total_from_name(verify->policy, name) >= 0 &&
            !lists(d->used, d->n_used, name))
            verify_broken(verify, "bill %s: %s paid %lld fen, but total %s is zero", where(d), d->paid[i]->name,
                          (long long)d->paid[i]->amount_fen, name);
    }
}

// Totals named <layer>_paid are those of stays and grow by what the layer paid. Visits may count under other names, so
// of them a layer's total may stay as it is; all that counts payments grows by no more than the funds paid. No total
// shrinks.
static void check_totals(verify_t *verify, totals_t *totals, const Tc__Decision *d) {
    const bool stay = !d->input || strcmp(d->input->type, "inpatient") == 0;
    fen_t grown = 0;
    for (size_t i = 0; i < d->n_used; i++) {
        fen_t *before = total_of(totals, d->used[i]->name), after = d->used[i]->amount_fen,
              paid = paid_by(d, d->used[i]->name);
        if (!before) continue;
        const bool kept = !stay && after == *before, added = paid < 0 || after == verify_sum(*before, paid);
        if (after < *before || (!kept && !added))
            verify_broken(verify, "bill %s: total %s went from %lld to %lld fen, but the bill added %lld", where(d),
                          d->used[i]->name, (long long)*before, (long long)after, (long long)paid);
        else if (counts_payments(d->used[i]->name))
            grown = verify_sum(grown, after - *before);
        *before = after;
    }
    check_unlisted(verify, totals, d);
    if (stay) check_counted(verify, d);
    if (grown > d->fund_fen)
        verify_broken(verify, "bill %s: what counts payments grew by %lld fen, but the funds paid %lld", where(d),
                      (long long)grown, (long long)d->fund_fen);
}

static void check_advice(verify_t *verify, const Tc__Decision *d) {
    for (size_t i = 0; i < d->n_advice; i++)
        if (d->advice[i]->less_fen <= 0 || verify_sum(d->advice[i]->own_fen, d->advice[i]->less_fen) != d->own_fen)
            verify_broken(verify, "bill %s: advice %s says %lld fen and %lld less, the person paid %lld", where(d),
                          d->advice[i]->rule, (long long)d->advice[i]->own_fen, (long long)d->advice[i]->less_fen,
                          (long long)d->own_fen);
}

// Personal accounts pay of the person's part, and their parts make what they pay.
static void check_account(verify_t *verify, const Tc__Decision *d) {
    fen_t parts = 0;
    for (size_t i = 0; i < d->n_account_parts; i++) parts = verify_sum(parts, d->account_parts[i]->amount_fen);
    if (parts != d->account_fen || d->account_fen < 0 || d->account_fen > d->own_fen)
        verify_broken(verify, "bill %s: accounts pay %lld fen (%lld by parts) of the person's %lld", where(d),
                      (long long)d->account_fen, (long long)parts, (long long)d->own_fen);
}

enum { PERSON, YEAR, SEQ, BILL, AT_MS, BODY, KIND, VERSION, REQUEST_ID };

static int version_of(const Tc__Decision *d) { return d->version ? d->version : 1; } // rows of old have none
static bool is_tombstone(const Tc__Decision *d) { return strcmp(d->kind, "tombstone") == 0; }
static bool is_reversed(const Tc__Decision *d) { return strcmp(d->kind, "reversed") == 0; }

static void check_kind(verify_t *verify, const Tc__Decision *d, const rows_t *rows, size_t row) {
    static const char *const kinds[] = {"", "reversed", "recomputed", "tombstone"};
    int64_t kind = row_i64(rows, row, KIND), version = row_i64(rows, row, VERSION);
    if (kind < 0 || kind >= (int64_t)COUNT_OF(kinds) || strcmp(kinds[kind], d->kind) != 0 || version != version_of(d))
        verify_broken(verify, "bill %s: its body says version %d%s%s, its key version %lld of kind %lld", where(d),
                      version_of(d), *d->kind ? " " : "", d->kind, (long long)version, (long long)kind);
    if ((d->year == 0) != is_tombstone(d))
        verify_broken(verify, "bill %s: tombstones and nothing else belong to no year", where(d));
    if ((is_reversed(d) || is_tombstone(d)) && (d->total_fen || d->fund_fen || d->own_fen || d->deductible_fen))
        verify_broken(verify, "bill %s is reversed, but its row has amounts", where(d));
}

// The columns are what the service looks decisions up by; the body is what it answers.
static void check_keys(verify_t *verify, const Tc__Decision *d, int64_t partition, const rows_t *rows, size_t row) {
    const char *person = row_text(rows, row, PERSON), *bill = row_text(rows, row, BILL);
    const Tc__Bill *input = d->input;
    if (strcmp(d->bill, bill) != 0)
        verify_broken(verify, "bill %s: the body of its decision is that of bill %s", bill, d->bill);
    if (strcmp(d->person, person) != 0 || d->year != row_i64(rows, row, YEAR) || d->seq != row_i64(rows, row, SEQ))
        verify_broken(verify, "bill %s: its body says place %s %d/%lld in the chains, its key %s %lld/%lld", bill,
                      d->person, d->year, (long long)d->seq, person, (long long)row_i64(rows, row, YEAR),
                      (long long)row_i64(rows, row, SEQ));
    if (partition_of(person) != partition)
        verify_broken(verify, "bill %s: person %s belongs into partition %u, not %lld", bill, person,
                      partition_of(person), (long long)partition);
    // Of a change set the row of the bill itself holds the id; the others have none in their column.
    if (*row_text(rows, row, REQUEST_ID) && strcmp(d->request_id, row_text(rows, row, REQUEST_ID)) != 0)
        verify_broken(verify, "bill %s: its body is the answer to request %s, its key says %s", bill, d->request_id,
                      row_text(rows, row, REQUEST_ID));
    if (d->decided_ms != row_i64(rows, row, AT_MS))
        verify_broken(verify, "bill %s: its event is of another moment than its decision", bill);
    if (is_tombstone(d)) return;
    if (!input || strcmp(input->bill, d->bill) != 0 || strcmp(input->person, d->person) != 0 ||
        strcmp(input->facility, d->facility) != 0 ||
        (!is_reversed(d) && (input->total_fen != d->total_fen || input->in_scope_fen != d->in_scope_fen)))
        verify_broken(verify, "bill %s: the decision is not about the bill that was handed in", bill);
}

// ---- versions

static fen_t amount_of(Tc__Amount *const *list, size_t count, const char *name) {
    for (size_t i = 0; i < count; i++)
        if (strcmp(list[i]->name, name) == 0) return list[i]->amount_fen;
    return 0;
}

static bool same_amounts(Tc__Amount *const *a, size_t a_count, Tc__Amount *const *b, size_t b_count) {
    for (size_t i = 0; i < a_count; i++)
        if (a[i]->amount_fen != amount_of(b, b_count, a[i]->name)) return false;
    for (size_t i = 0; i < b_count; i++)
        if (b[i]->amount_fen != amount_of(a, a_count, b[i]->name)) return false;
    return true;
}

// What a version says that it replaces is what stood before it, so differences add up to the newest figures.
static void check_previous(verify_t *verify, const Tc__Decision *d, const Tc__Decision *before) {
    const Tc__Previous *p = d->previous;
    if (version_of(d) != (before ? version_of(before) + 1 : 1)) {
        verify_broken(verify, "bill %s: version %d follows version %d", where(d), version_of(d),
                      before ? version_of(before) : 0);
        return;
    }
    if (!before != !p)
        verify_broken(verify, "bill %s: version %d does not tell what it replaces", where(d), version_of(d));
    if (!before || !p) return;
    if (p->seq != before->seq || p->total_fen != before->total_fen || p->fund_fen != before->fund_fen ||
        p->own_fen != before->own_fen || p->account_fen != before->account_fen ||
        p->deductible_fen != before->deductible_fen || strcmp(p->identity, before->identity) != 0 ||
        strcmp(p->division, before->division) != 0 || !same_amounts(p->paid, p->n_paid, before->paid, before->n_paid))
        verify_broken(verify, "bill %s: version %d replaces other figures than version %d has", where(d), version_of(d),
                      version_of(before));
    if (is_reversed(before)) verify_broken(verify, "bill %s: version %d follows a reversal", where(d), version_of(d));
}

static int keep(chain_t *chain, const Tc__Decision *d, verify_t *verify, err_t *err) {
    size_t i = 0;
    while (i < chain->count && strcmp(chain->bills[i]->bill, d->bill) != 0) i++;
    check_previous(verify, d, i < chain->count ? chain->bills[i] : NULL);
    if (i == chain->room) {
        size_t room = chain->room ? chain->room * 2 : 64;
        const Tc__Decision **grown = realloc(chain->bills, room * sizeof *grown);
        if (!grown) return err_set(err, E_IO, "out of memory");
        chain->bills = grown;
        chain->room = room;
    }
    chain->bills[i] = d;
    if (i == chain->count) chain->count++;
    return E_OK;
}

// ---- a whole chain

static int compare_bills(const void *left, const void *right) {
    const Tc__Decision *a = *(const Tc__Decision *const *)left, *b = *(const Tc__Decision *const *)right;
    int d = strcmp(a->input->to, b->input->to);
    if (!d) d = strcmp(a->input->from, b->input->from);
    return d ? d : strcmp(a->bill, b->bill);
}

// The newest row tells totals and last bill, by itself or by its head.
static void check_head(verify_t *verify, const chain_t *chain, const totals_t *totals) {
    const Tc__Decision *newest = chain->newest, *last = chain->count ? chain->bills[chain->count - 1] : NULL;
    if (!newest) return;
    const Tc__ChainHead *head = newest->head;
    if (head ? strcmp(head->last_bill, last ? last->bill : "") != 0 : newest != last) {
        verify_broken(verify, "person %s year %lld: the newest row (bill %s) says that bill %s is the last, not %s",
                      chain->person, (long long)chain->year, newest->bill, head ? head->last_bill : newest->bill,
                      last ? last->bill : "none");
        return;
    }
    for (size_t i = 0; head && i < head->n_used; i++) {
        fen_t total = 0;
        for (size_t n = 0; n < totals->names; n++)
            if (strcmp(totals->name[n], head->used[i]->name) == 0) total = totals->total[n];
        if (head->used[i]->amount_fen != total)
            verify_broken(verify, "person %s year %lld: the newest row (bill %s) says total %s is %lld fen, not %lld",
                          chain->person, (long long)chain->year, newest->bill, head->used[i]->name,
                          (long long)head->used[i]->amount_fen, (long long)total);
    }
    for (size_t n = 0; head && n < totals->names; n++)
        if (totals->total[n] && !lists(head->used, head->n_used, totals->name[n]))
            verify_broken(verify, "person %s year %lld: the newest row (bill %s) leaves out total %s of %lld fen",
                          chain->person, (long long)chain->year, newest->bill, totals->name[n],
                          (long long)totals->total[n]);
}

static void end_chain(verify_t *verify, chain_t *chain) {
    totals_t totals = {0};
    size_t standing = 0;
    for (size_t i = 0; i < chain->count; i++) {
        const Tc__Decision *d = chain->bills[i];
        if (!is_reversed(d) && !is_tombstone(d) && d->input) chain->bills[standing++] = d;
    }
    chain->count = standing;
    if (standing) qsort(chain->bills, standing, sizeof *chain->bills, compare_bills);
    for (size_t i = 0; i < standing; i++) check_totals(verify, &totals, chain->bills[i]);
    if (chain->year) check_head(verify, chain, &totals);
    chain->count = 0;
    chain->newest = NULL;
    arena_reset(verify->work);
}

static int begin_chain(verify_t *verify, chain_t *chain, const char *person, int64_t year, err_t *err) {
    end_chain(verify, chain);
    chain->year = year;
    chain->seq = 0;
    return verify_keep(chain->person, person, err);
}

static int follow(verify_t *verify, chain_t *chain, const rows_t *rows, size_t row, err_t *err) {
    const char *person = row_text(rows, row, PERSON), *bill = row_text(rows, row, BILL);
    int64_t year = row_i64(rows, row, YEAR), seq = row_i64(rows, row, SEQ);
    if ((strcmp(chain->person, person) != 0 || chain->year != year) && begin_chain(verify, chain, person, year, err))
        return err->code;
    if (seq != chain->seq + 1)
        verify_broken(verify, "person %s year %lld: decision %lld (bill %s) follows %lld", person, (long long)year,
                      (long long)seq, bill, (long long)chain->seq);
    chain->seq = seq;
    char name[VERIFY_NAME_MAX + 8];
    snprintf(name, sizeof name, "bill %s", bill);
    const Tc__Decision *d =
        (const Tc__Decision *)verify_message(verify, &tc__decision__descriptor, rows, row, BODY, name);
    chain->newest = d;
    if (!d) return E_OK;
    check_keys(verify, d, chain->partition, rows, row);
    check_kind(verify, d, rows, row);
    check_sums(verify, d);
    check_advice(verify, d);
    check_account(verify, d);
    if (verify_lines_check(verify, chain->lines, d, err)) return err->code;
    return keep(chain, d, verify, err);
}

static int follow_page(verify_t *verify, void *self, const rows_t *rows, err_t *err) {
    int rc = E_OK;
    for (size_t i = 0; !rc && i < rows->count; i++) rc = follow(verify, self, rows, i, err);
    if (!rc) verify->looked_at += (long long)rows->count;
    return rc;
}

static int one_partition(verify_t *verify, int64_t partition, const verify_lines_t *lines, err_t *err) {
    chain_t chain = {.partition = partition, .person = "", .lines = lines};
    const verify_pages_t pages = {
        .store = verify->adjudication,
        .types = "tiitibiit",
        .sql = "SELECT person, year, seq, bill, at_ms, body, kind, version, COALESCE(request_id, '') FROM decision"
               " WHERE partition = $1 AND (person, year, seq) > ($2, $3, $4) AND kind < 4"
               " ORDER BY person, year, seq LIMIT $5",
        .params = {cell_i64(partition), cell_text(""), cell_i64(0), cell_i64(0)},
        .count = 4,
        .key = 1,
        .keys = 3};
    int rc = verify_pages(verify, &pages, follow_page, &chain, err);
    if (!rc) end_chain(verify, &chain);
    free(chain.bills);
    return rc;
}

// A unique index keeps doubles out; it may have been dropped.
static int no_doubles(verify_t *verify, const char *what, const char *sql, err_t *err) {
    rows_t rows;
    arena_reset(verify->page);
    int rc = verify_query(verify->adjudication, "ti", sql, NULL, 0, verify->page, &rows, err);
    for (size_t i = 0; !rc && i < rows.count; i++)
        verify_broken(verify, "%s %s has %lld decisions, one was expected", what, row_text(&rows, i, 0),
                      (long long)row_i64(&rows, i, 1));
    return rc;
}

#define DOUBLES(column, columns)                                                                                       \
    "SELECT " column ", COUNT(*) FROM decision WHERE " column " IS NOT NULL GROUP BY " columns                         \
    " HAVING COUNT(*) > 1 ORDER BY " column " LIMIT 100"

int verify_chains(verify_t *verify, err_t *err) {
    verify_lines_t lines;
    int rc = verify_lines_begin(verify, &lines, err);
    for (int64_t partition = 0; !rc && partition < PARTITIONS; partition++)
        rc = one_partition(verify, partition, &lines, err);
    if (!rc) rc = no_doubles(verify, "a version of bill", DOUBLES("bill", "bill, version"), err);
    if (!rc) rc = no_doubles(verify, "request id", DOUBLES("request_id", "request_id"), err);
    return rc;
}
