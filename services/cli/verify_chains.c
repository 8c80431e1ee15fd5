// The chains of decisions: every bill adds up by itself, and the running totals add up over the bills of a person and
// year.
#include "adjudication.pb-c.h"
#include "common/base/hash.h"
#include "common/base/money.h"
#include "verify.h"
#include <string.h>

enum { NAMES_MAX = 32 };

// The chain being walked: whose, how far, and the totals so far by name.
typedef struct chain {
    char person[VERIFY_NAME_MAX];
    int64_t year, seq;
    size_t names;
    char name[NAMES_MAX][32];
    fen_t total[NAMES_MAX];
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

static fen_t *total_of(chain_t *chain, const char *name) {
    for (size_t i = 0; i < chain->names; i++)
        if (strcmp(chain->name[i], name) == 0) return &chain->total[i];
    if (chain->names == NAMES_MAX) return NULL;
    snprintf(chain->name[chain->names], sizeof chain->name[0], "%s", name);
    chain->total[chain->names] = 0;
    return &chain->total[chain->names++];
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

// Totals named <layer>_paid are those of stays and grow by what the layer paid. Visits may count under other names, so
// of them a layer's total may stay as it is; all that counts payments grows by no more than the funds paid. No total
// shrinks.
static void check_totals(verify_t *verify, chain_t *chain, const Tc__Decision *d) {
    const bool stay = !d->input || strcmp(d->input->type, "inpatient") == 0;
    fen_t grown = 0;
    for (size_t i = 0; i < d->n_used; i++) {
        fen_t *before = total_of(chain, d->used[i]->name), after = d->used[i]->amount_fen,
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

enum { PERSON, YEAR, SEQ, BILL, AT_MS, BODY };

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
    if (d->decided_ms != row_i64(rows, row, AT_MS))
        verify_broken(verify, "bill %s: its event is of another moment than its decision", bill);
    if (!input || strcmp(input->bill, d->bill) != 0 || strcmp(input->person, d->person) != 0 ||
        strcmp(input->facility, d->facility) != 0 || input->total_fen != d->total_fen ||
        input->in_scope_fen != d->in_scope_fen)
        verify_broken(verify, "bill %s: the decision is not about the bill that was handed in", bill);
}

static int follow(verify_t *verify, chain_t *chain, int64_t partition, const rows_t *rows, size_t row, err_t *err) {
    const char *person = row_text(rows, row, PERSON), *bill = row_text(rows, row, BILL);
    int64_t year = row_i64(rows, row, YEAR), seq = row_i64(rows, row, SEQ);
    if (strcmp(chain->person, person) != 0 || chain->year != year) {
        *chain = (chain_t){.year = year};
        if (verify_keep(chain->person, person, err)) return err->code;
    }
    if (seq != chain->seq + 1)
        verify_broken(verify, "person %s year %lld: decision %lld (bill %s) follows %lld", person, (long long)year,
                      (long long)seq, bill, (long long)chain->seq);
    chain->seq = seq;
    char name[VERIFY_NAME_MAX + 8];
    snprintf(name, sizeof name, "bill %s", bill);
    arena_reset(verify->work);
    const Tc__Decision *d =
        (const Tc__Decision *)verify_message(verify, &tc__decision__descriptor, rows, row, BODY, name);
    if (!d) return E_OK;
    check_keys(verify, d, partition, rows, row);
    check_sums(verify, d);
    check_totals(verify, chain, d);
    check_advice(verify, d);
    return E_OK;
}

static int one_partition(verify_t *verify, int64_t partition, err_t *err) {
    chain_t chain = {.person = ""};
    rows_t rows = {0};
    do {
        const cell_t params[] = {cell_i64(partition), cell_text(chain.person), cell_i64(chain.year),
                                 cell_i64(chain.seq), cell_i64(VERIFY_PAGE)};
        arena_reset(verify->page);
        int rc = verify_query(verify->adjudication, "tiitib",
                              "SELECT person, year, seq, bill, at_ms, body FROM decision"
                              " WHERE partition = $1 AND (person, year, seq) > ($2, $3, $4)"
                              " ORDER BY person, year, seq LIMIT $5",
                              params, COUNT_OF(params), verify->page, &rows, err);
        for (size_t i = 0; !rc && i < rows.count; i++) rc = follow(verify, &chain, partition, &rows, i, err);
        if (rc) return rc;
        verify->looked_at += (long long)rows.count;
    } while (rows.count == VERIFY_PAGE);
    return E_OK;
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

#define DOUBLES(column)                                                                                                \
    "SELECT " column ", COUNT(*) FROM decision GROUP BY " column " HAVING COUNT(*) > 1 ORDER BY " column " LIMIT 100"

int verify_chains(verify_t *verify, err_t *err) {
    int rc = E_OK;
    for (int64_t partition = 0; !rc && partition < PARTITIONS; partition++) rc = one_partition(verify, partition, err);
    if (!rc) rc = no_doubles(verify, "bill", DOUBLES("bill"), err);
    if (!rc) rc = no_doubles(verify, "request id", DOUBLES("request_id"), err);
    return rc;
}
