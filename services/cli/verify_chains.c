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
    char person[128];
    int64_t year, seq;
    size_t names;
    char name[NAMES_MAX][32];
    fen_t total[NAMES_MAX];
} chain_t;

static const char *where(const Tc__Decision *d) { return d->bill; }

static fen_t steps_of(const Tc__Decision *d, const char *part) {
    fen_t sum = 0;
    for (size_t i = 0; i < d->n_steps; i++)
        if (strcmp(d->steps[i]->part, part) == 0) sum += d->steps[i]->amount_fen;
    return sum;
}

// Fund = Σ layers, fund + own = total, and the steps of each part add up to it.
static void check_sums(verify_t *verify, const Tc__Decision *d) {
    fen_t fund = 0;
    for (size_t i = 0; i < d->n_paid; i++) {
        fund += d->paid[i]->amount_fen;
        if (steps_of(d, d->paid[i]->name) != d->paid[i]->amount_fen)
            verify_broken(verify, "bill %s: the steps of %s add up to %lld fen, not %lld", where(d), d->paid[i]->name,
                          (long long)steps_of(d, d->paid[i]->name), (long long)d->paid[i]->amount_fen);
    }
    if (fund != d->fund_fen || d->fund_fen + d->own_fen != d->total_fen)
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

// Totals named <layer>_paid grow by what the layer paid; the others never shrink.
static void check_totals(verify_t *verify, chain_t *chain, const Tc__Decision *d) {
    for (size_t i = 0; i < d->n_used; i++) {
        fen_t *before = total_of(chain, d->used[i]->name), after = d->used[i]->amount_fen,
              paid = paid_by(d, d->used[i]->name);
        if (!before) continue;
        if ((paid >= 0 && after != *before + paid) || after < *before)
            verify_broken(verify, "bill %s: total %s went from %lld to %lld fen, but the bill added %lld", where(d),
                          d->used[i]->name, (long long)*before, (long long)after, (long long)paid);
        *before = after;
    }
}

static void follow(verify_t *verify, chain_t *chain, const Tc__Decision *d, const char *person, int64_t year,
                   int64_t seq) {
    bool same = strcmp(chain->person, person) == 0 && chain->year == year;
    if (!same) {
        *chain = (chain_t){.year = year};
        snprintf(chain->person, sizeof chain->person, "%s", person);
    }
    if (seq != chain->seq + 1)
        verify_broken(verify, "person %s year %lld: decision %lld follows %lld", person, (long long)year,
                      (long long)seq, (long long)chain->seq);
    if (strcmp(d->person, person) != 0 || d->year != year || d->seq != seq)
        verify_broken(verify, "bill %s: its body says another place in the chain than its key", where(d));
    chain->seq = seq;
    check_sums(verify, d);
    check_totals(verify, chain, d);
}

static int one_partition(verify_t *verify, int64_t partition, err_t *err) {
    chain_t chain = {.person = ""};
    rows_t rows = {0};
    do {
        const cell_t params[] = {cell_i64(partition), cell_text(chain.person), cell_i64(chain.year),
                                 cell_i64(chain.seq), cell_i64(VERIFY_PAGE)};

        arena_reset(verify->page);
        int rc = store_query(
            verify->adjudication,
            "SELECT person, year, seq, body FROM decision WHERE partition = $1 AND (person, year, seq) > ($2, $3, $4)"
            " ORDER BY person, year, seq LIMIT $5",
            params, COUNT_OF(params), verify->page, &rows, err);
        for (size_t i = 0; !rc && i < rows.count; i++) {
            size_t bytes;
            const void *body = row_blob(&rows, i, 3, &bytes);
            ProtobufCMessage *message = NULL;
            arena_reset(verify->work);
            rc = message_unpack(&message, &tc__decision__descriptor, body, bytes, verify->work, err);
            if (!rc)
                follow(verify, &chain, (Tc__Decision *)message, row_text(&rows, i, 0), row_i64(&rows, i, 1),
                       row_i64(&rows, i, 2));
        }
        if (rc) return rc;
        verify->looked_at += (long long)rows.count;
    } while (rows.count == VERIFY_PAGE);
    return E_OK;
}

int verify_chains(verify_t *verify, err_t *err) {
    int rc = E_OK;
    for (int64_t partition = 0; !rc && partition < PARTITIONS; partition++) rc = one_partition(verify, partition, err);
    return rc;
}
