// The lines of a visit as a version of its bill split them: they were written with the version, each line adds up by
// itself, and together they are what the decision says of the bill.
#include "verify_lines.h"
#include "common/wire/message.h"

typedef struct sums {
    fen_t amount, full_own, over_limit, first_pay, in_scope;
} sums_t;

static int kept_from(verify_t *verify, int64_t *at_ms, err_t *err) {
    rows_t rows;
    *at_ms = INT64_MAX;
    int rc = verify_query(verify->adjudication, "i", "SELECT at_ms FROM schema_version WHERE version = 6", NULL, 0,
                          verify->side, &rows, err);
    if (!rc && rows.count) *at_ms = row_i64(&rows, 0, 0);
    return rc;
}

int verify_lines_begin(verify_t *verify, verify_lines_t *lines, err_t *err) {
    arena_reset(verify->side);
    return kept_from(verify, &lines->kept_from_ms, err);
}

static void add_line(verify_t *verify, const Tc__Decision *d, const Tc__FeeLine *line, sums_t *sums) {
    const fen_t parts = verify_sum(verify_sum(line->full_own_fen, line->over_limit_fen),
                                   verify_sum(line->first_pay_fen, line->in_scope_fen));
    if (parts != line->amount_fen)
        verify_broken(verify, "bill %s version %d: the parts of line %d make %lld fen, its amount is %lld", d->bill,
                      d->version, line->line, (long long)parts, (long long)line->amount_fen);
    sums->amount = verify_sum(sums->amount, line->amount_fen);
    sums->full_own = verify_sum(sums->full_own, line->full_own_fen);
    sums->over_limit = verify_sum(sums->over_limit, line->over_limit_fen);
    sums->first_pay = verify_sum(sums->first_pay, line->first_pay_fen);
    sums->in_scope = verify_sum(sums->in_scope, line->in_scope_fen);
}

static void add_row(verify_t *verify, const Tc__Decision *d, const rows_t *rows, size_t row, sums_t *sums) {
    ProtobufCMessage *message = NULL;
    err_t why = {0};
    size_t bytes;
    const void *body = row_blob(rows, row, 0, &bytes);
    if (message_unpack(&message, &tc__split_result__descriptor, body, bytes, verify->side, &why)) {
        verify_broken(verify, "bill %s version %d: its lines cannot be read: %s", d->bill, d->version, why.text);
        return;
    }
    const Tc__SplitResult *chunk = (const Tc__SplitResult *)message;
    for (size_t i = 0; i < chunk->n_lines; i++) add_line(verify, d, chunk->lines[i], sums);
}

static void compare(verify_t *verify, const Tc__Decision *d, const sums_t *sums) {
    const Tc__Bill *bill = d->input;
    if (sums->amount == bill->total_fen && sums->full_own == bill->full_own_fen &&
        sums->over_limit == bill->over_limit_fen && sums->first_pay == bill->first_pay_fen &&
        sums->in_scope == bill->in_scope_fen)
        return;
    verify_broken(verify, "bill %s version %d: its lines make %lld fen with %lld in scope, the bill says %lld and %lld",
                  d->bill, d->version, (long long)sums->amount, (long long)sums->in_scope, (long long)bill->total_fen,
                  (long long)bill->in_scope_fen);
}

int verify_lines_check(verify_t *verify, const verify_lines_t *lines, const Tc__Decision *d, err_t *err) {
    const bool decided = *d->kind == '\0' || strcmp(d->kind, "recomputed") == 0;
    rows_t rows;
    sums_t sums = {0};
    if (!d->input || !d->input->lines_registered || !decided || d->decided_ms < lines->kept_from_ms) return E_OK;
    const cell_t params[] = {cell_text(d->bill), cell_i64(d->version)};
    arena_reset(verify->side);
    int rc = verify_query(verify->adjudication, "b",
                          "SELECT body FROM visit_split WHERE bill = $1 AND version = $2 ORDER BY last_line", params,
                          COUNT_OF(params), verify->side, &rows, err);
    for (size_t i = 0; !rc && i < rows.count; i++) add_row(verify, d, &rows, i, &sums);
    if (!rc) compare(verify, d, &sums);
    return rc;
}
