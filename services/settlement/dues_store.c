#include "dues_store.h"

// ---- lines

int dues_cursors(store_t *store, arena_t *arena, rows_t *out, err_t *err) {
    return store_query(store, "SELECT partition, number FROM dues_cursor ORDER BY partition", NULL, 0, arena, out, err);
}

int dues_cursors_put(store_t *store, const rows_t *rows, err_t *err) {
    return store_put(store, "dues_cursor", "partition, number", "partition", rows, err);
}

int dues_journal(store_t *store, uint32_t partition, int64_t first, int64_t last, arena_t *arena, rows_t *out,
                 err_t *err) {
    const cell_t params[] = {cell_i64(partition), cell_i64(first), cell_i64(last)};
    return store_query(store,
                       "SELECT number, at_ms, body FROM journal WHERE partition = $1 AND number > $2 AND number <= $3"
                       " AND kind = 'bill' ORDER BY number",
                       params, COUNT_OF(params), arena, out, err);
}

int dues_lines_insert(store_t *store, const rows_t *rows, err_t *err) {
    CHECK(rows->width == DUES_LINE_COLUMNS);
    return store_insert(store, "dues_line",
                        "facility, month, partition, number, line, bill, layer, fund, county, year, amount_fen", rows,
                        CONFLICT_FAILS, err);
}

int dues_drawn(store_t *store, const rows_t *keys, arena_t *arena, rows_t *out, err_t *err) {
    return store_each_query(store, "SELECT drawn FROM dues_facility WHERE facility = $1", keys, arena, out, err);
}

int dues_facilities_add(store_t *store, const rows_t *rows, err_t *err) {
    return store_insert(store, "dues_facility", "facility, drawn, pending", rows, CONFLICT_SKIPS, err);
}

int dues_facility_put(store_t *store, const char *facility, int64_t drawn, bool pending, err_t *err) {
    const cell_t params[] = {cell_text(facility), cell_i64(drawn), cell_i64(pending)};
    return store_exec(store,
                      "INSERT INTO dues_facility (facility, drawn, pending) VALUES ($1, $2, $3) ON CONFLICT (facility)"
                      " DO UPDATE SET drawn = excluded.drawn, pending = excluded.pending",
                      params, COUNT_OF(params), err);
}

int dues_facility_pending(store_t *store, const char *facility, err_t *err) {
    const cell_t params[] = {cell_text(facility)};
    return store_exec(store,
                      "INSERT INTO dues_facility (facility, drawn, pending) VALUES ($1, 0, 1) ON CONFLICT (facility)"
                      " DO UPDATE SET pending = 1",
                      params, COUNT_OF(params), err);
}

int dues_sums(store_t *store, const char *facility, int64_t from, int64_t to, int limit, arena_t *arena, rows_t *out,
              err_t *err) {
    const cell_t params[] = {cell_text(facility), cell_i64(from), cell_i64(to), cell_i64(limit)};
    return store_query(store,
                       "SELECT layer, fund, county, year, CAST(SUM(amount_fen) AS BIGINT), COUNT(*) FROM dues_line"
                       " WHERE facility = $1 AND month >= $2 AND month <= $3 GROUP BY layer, fund, county, year"
                       " ORDER BY layer, fund, county, year LIMIT $4",
                       params, COUNT_OF(params), arena, out, err);
}

int dues_lines_page(store_t *store, const char *facility, const dues_place_t *after, int64_t to, int limit,
                    arena_t *arena, rows_t *out, err_t *err) {
    const cell_t params[] = {cell_text(facility),     cell_i64(after->month), cell_i64(after->partition),
                             cell_i64(after->number), cell_i64(after->line),  cell_i64(to),
                             cell_i64(limit)};
    return store_query(store,
                       "SELECT month, partition, number, line, bill, layer, fund, county, year, amount_fen"
                       " FROM dues_line WHERE facility = $1 AND month <= $6"
                       " AND (month, partition, number, line) > ($2, $3, $4, $5)"
                       " ORDER BY facility, month, partition, number, line LIMIT $7",
                       params, COUNT_OF(params), arena, out, err);
}

int dues_lines_of_bill(store_t *store, const char *facility, const char *bill, arena_t *arena, rows_t *out,
                       err_t *err) {
    const cell_t params[] = {cell_text(facility), cell_text(bill)};
    return store_query(store,
                       "SELECT month, partition, number, line, bill, layer, fund, county, year, amount_fen"
                       " FROM dues_line WHERE bill = $2 AND facility = $1"
                       " ORDER BY month, partition, number, line LIMIT 1000",
                       params, COUNT_OF(params), arena, out, err);
}

int dues_bill_sums(store_t *store, const rows_t *keys, arena_t *arena, rows_t *out, err_t *err) {
    return store_each_query(store,
                            "SELECT layer, fund, county, year, CAST(SUM(amount_fen) AS BIGINT) FROM dues_line"
                            " WHERE bill = $3 AND facility = $1 AND month <= $2"
                            " GROUP BY layer, fund, county, year ORDER BY fund, county, layer, year",
                            keys, arena, out, err);
}

int dues_waiting(store_t *store, int64_t month, const char *after, int limit, arena_t *arena, rows_t *out, err_t *err) {
    const cell_t params[] = {cell_i64(month), cell_text(after), cell_i64(limit)};
    return store_query(store,
                       "SELECT f.facility FROM dues_facility f WHERE f.facility > $2 AND f.drawn < $1"
                       " AND NOT EXISTS (SELECT 1 FROM direct_payment d WHERE d.facility = f.facility)"
                       " AND (f.pending = 1 OR EXISTS (SELECT 1 FROM dues_line l WHERE l.facility = f.facility"
                       " AND l.month > f.drawn AND l.month <= $1)) ORDER BY f.facility LIMIT $3",
                       params, COUNT_OF(params), arena, out, err);
}

// ---- statements

int dues_statement_insert(store_t *store, const rows_t *rows, err_t *err) {
    CHECK(rows->width == DUES_STATEMENT_COLUMNS);
    return store_insert(store, "dues_statement",
                        "facility, month, state, pay_fen, year_fen, reason, by_name, payment_order, body", rows,
                        CONFLICT_FAILS, err);
}

#define STATEMENT_SQL "SELECT facility, month, state, reason, by_name, payment_order, body FROM dues_statement"

int dues_statement_find(store_t *store, const char *facility, int64_t month, arena_t *arena, rows_t *out, err_t *err) {
    const cell_t params[] = {cell_text(facility), cell_i64(month)};
    return store_query(store, STATEMENT_SQL " WHERE facility = $1 AND month = $2", params, COUNT_OF(params), arena, out,
                       err);
}

int dues_statement_list(store_t *store, int64_t month, const char *state, const char *after, int limit, arena_t *arena,
                        rows_t *out, err_t *err) {
    const cell_t params[] = {cell_i64(month), cell_text(state), cell_text(after), cell_i64(limit)};
    return store_query(store,
                       STATEMENT_SQL " WHERE month = $1 AND ($2 = '' OR state = $2) AND facility > $3"
                                     " ORDER BY facility LIMIT $4",
                       params, COUNT_OF(params), arena, out, err);
}

int dues_statement_before(store_t *store, const char *facility, int64_t month, arena_t *arena, rows_t *out,
                          err_t *err) {
    const cell_t params[] = {cell_text(facility), cell_i64(month)};
    return store_query(store,
                       "SELECT month, year_fen FROM dues_statement WHERE facility = $1 AND month < $2"
                       " ORDER BY month DESC LIMIT 1",
                       params, COUNT_OF(params), arena, out, err);
}

static int moved(int rc, const rows_t *found, err_t *err) {
    if (rc || found->count) return rc;
    return err_set(err, E_RACE, "the state was changed by somebody else");
}

int dues_statement_move(store_t *store, const char *facility, int64_t month, const char *from, const char *to,
                        const char *reason, const char *by, const char *order, arena_t *arena, err_t *err) {
    const cell_t params[] = {cell_text(facility), cell_i64(month), cell_text(from), cell_text(to),
                             cell_text(reason),   cell_text(by),   cell_text(order)};
    rows_t found;
    int rc = store_query(store,
                         "UPDATE dues_statement SET state = $4, reason = $5, by_name = $6, payment_order = $7"
                         " WHERE facility = $1 AND month = $2 AND state = $3 RETURNING month",
                         params, COUNT_OF(params), arena, &found, err);
    return moved(rc, &found, err);
}

int dues_items_insert(store_t *store, const rows_t *rows, err_t *err) {
    CHECK(rows->width == DUES_ITEM_COLUMNS);
    return store_insert(store, "dues_item",
                        "facility, month, item, kind, reference, layer, fund, county, year, amount_fen", rows,
                        CONFLICT_FAILS, err);
}

int dues_items(store_t *store, const char *facility, int64_t month, int64_t after, int limit, arena_t *arena,
               rows_t *out, err_t *err) {
    const cell_t params[] = {cell_text(facility), cell_i64(month), cell_i64(after), cell_i64(limit)};
    return store_query(store,
                       "SELECT item, kind, reference, layer, fund, county, year, amount_fen FROM dues_item"
                       " WHERE facility = $1 AND month = $2 AND item > $3 ORDER BY item LIMIT $4",
                       params, COUNT_OF(params), arena, out, err);
}

int dues_items_of(store_t *store, const char *facility, const char *reference, int limit, arena_t *arena, rows_t *out,
                  err_t *err) {
    const cell_t params[] = {cell_text(facility), cell_text(reference), cell_i64(limit)};
    return store_query(store,
                       "SELECT month, kind, reference, layer, fund, county, year, amount_fen FROM dues_item"
                       " WHERE reference = $2 AND facility = $1 ORDER BY month, item LIMIT $3",
                       params, COUNT_OF(params), arena, out, err);
}

int dues_carried(store_t *store, const char *facility, int64_t month, arena_t *arena, rows_t *out, err_t *err) {
    const cell_t params[] = {cell_text(facility), cell_i64(month)};
    return store_query(store,
                       "SELECT layer, fund, county, year, amount_fen FROM dues_item WHERE facility = $1 AND month = $2"
                       " AND kind = 'carried' ORDER BY item",
                       params, COUNT_OF(params), arena, out, err);
}

int dues_held(store_t *store, const char *facility, const char *reference, arena_t *arena, rows_t *out, err_t *err) {
    const cell_t params[] = {cell_text(facility), cell_text(reference)};
    return store_query(store,
                       "SELECT layer, fund, county, year, CAST(SUM(CASE WHEN kind = 'held' THEN amount_fen"
                       " WHEN kind IN ('released', 'forfeited') THEN -amount_fen ELSE 0 END) AS BIGINT) FROM dues_item"
                       " WHERE facility = $1 AND reference = $2 GROUP BY layer, fund, county, year"
                       " ORDER BY fund, county, layer, year",
                       params, COUNT_OF(params), arena, out, err);
}

int dues_taken(store_t *store, const rows_t *keys, arena_t *arena, rows_t *out, err_t *err) {
    return store_each_query(store,
                            "SELECT layer, fund, county, year, CAST(SUM(amount_fen) AS BIGINT) FROM dues_item"
                            " WHERE facility = $1 AND reference = $2 AND kind = 'recovered'"
                            " GROUP BY layer, fund, county, year ORDER BY fund, county, layer, year",
                            keys, arena, out, err);
}

// ---- terms, recoveries, claims

int dues_terms_find(store_t *store, const char *facility, int64_t year, arena_t *arena, rows_t *out, err_t *err) {
    const cell_t params[] = {cell_text(facility), cell_i64(year)};
    return store_query(store,
                       "SELECT hold_ppm, budget_fen, warn_ppm, paper, by_name FROM dues_terms"
                       " WHERE facility = $1 AND year = $2",
                       params, COUNT_OF(params), arena, out, err);
}

int dues_terms_put(store_t *store, const rows_t *rows, err_t *err) {
    CHECK(rows->width == DUES_TERMS_COLUMNS);
    return store_put(store, "dues_terms", "facility, year, hold_ppm, budget_fen, warn_ppm, paper, by_name",
                     "facility, year", rows, err);
}

int dues_recovery_insert(store_t *store, const rows_t *rows, err_t *err) {
    CHECK(rows->width == DUES_RECOVERY_COLUMNS);
    return store_insert(store, "dues_recovery", "number, facility, bill, amount_fen, reason, by_name, at_ms", rows,
                        CONFLICT_FAILS, err);
}

int dues_recoveries(store_t *store, const char *facility, const char *bill, int limit, arena_t *arena, rows_t *out,
                    err_t *err) {
    const cell_t params[] = {cell_text(facility), cell_text(bill ? bill : ""), cell_i64(limit)};
    return store_query(store,
                       "SELECT bill, CAST(SUM(amount_fen) AS BIGINT) FROM dues_recovery WHERE facility = $1"
                       " AND ($2 = '' OR bill = $2) GROUP BY bill ORDER BY bill LIMIT $3",
                       params, COUNT_OF(params), arena, out, err);
}

int dues_claim_insert(store_t *store, const rows_t *rows, err_t *err) {
    CHECK(rows->width == DUES_CLAIM_COLUMNS);
    return store_insert(store, "dues_claim",
                        "facility, reference, kind, held_reference, fund, layer, amount_fen, hold_fen, share_ppm,"
                        " paper, by_name, month",
                        rows, CONFLICT_FAILS, err);
}

int dues_claims_open(store_t *store, const char *facility, int limit, arena_t *arena, rows_t *out, err_t *err) {
    const cell_t params[] = {cell_text(facility), cell_i64(limit)};
    return store_query(store,
                       "SELECT reference, kind, held_reference, fund, layer, amount_fen, hold_fen, share_ppm"
                       " FROM dues_claim WHERE facility = $1 AND month = 0 ORDER BY reference LIMIT $2",
                       params, COUNT_OF(params), arena, out, err);
}

int dues_claim_find(store_t *store, const char *facility, const char *reference, arena_t *arena, rows_t *out,
                    err_t *err) {
    const cell_t params[] = {cell_text(facility), cell_text(reference)};
    return store_query(store, "SELECT month FROM dues_claim WHERE facility = $1 AND reference = $2", params,
                       COUNT_OF(params), arena, out, err);
}

int dues_claims_take(store_t *store, const char *facility, int64_t month, err_t *err) {
    const cell_t params[] = {cell_text(facility), cell_i64(month)};
    return store_exec(store, "UPDATE dues_claim SET month = $2 WHERE facility = $1 AND month = 0", params,
                      COUNT_OF(params), err);
}

// ---- payment orders

int order_insert(store_t *store, const rows_t *rows, err_t *err) {
    CHECK(rows->width == ORDER_COLUMNS);
    return store_insert(store, "payment_order",
                        "number, facility, month, state, amount_fen, account, drafted_by, approved_by, sent_on,"
                        " paid_on, reason, bank_reference",
                        rows, CONFLICT_FAILS, err);
}

int order_list(store_t *store, int64_t month, const char *facility, const char *state, const char *number,
               const char *after, int limit, arena_t *arena, rows_t *out, err_t *err) {
    const cell_t params[] = {cell_i64(month),   cell_text(facility), cell_text(state),
                             cell_text(number), cell_text(after),    cell_i64(limit)};
    return store_query(store,
                       "SELECT number, facility, month, state, amount_fen, account, drafted_by, approved_by, sent_on,"
                       " paid_on, reason, bank_reference FROM payment_order WHERE ($1 = 0 OR month = $1)"
                       " AND ($2 = '' OR facility = $2) AND ($3 = '' OR state = $3) AND ($4 = '' OR number = $4)"
                       " AND number > $5 ORDER BY number LIMIT $6",
                       params, COUNT_OF(params), arena, out, err);
}

int order_move(store_t *store, const order_change_t *c, arena_t *arena, err_t *err) {
    const cell_t params[] = {cell_text(c->number),      cell_text(c->from),          cell_text(c->to),
                             cell_text(c->approved_by), cell_text(c->sent_on),       cell_text(c->paid_on),
                             cell_text(c->reason),      cell_text(c->bank_reference)};
    rows_t found;
    int rc = store_query(store,
                         "UPDATE payment_order SET state = $3, approved_by = $4, sent_on = $5, paid_on = $6,"
                         " reason = $7, bank_reference = $8 WHERE number = $1 AND state = $2 RETURNING number",
                         params, COUNT_OF(params), arena, &found, err);
    return moved(rc, &found, err);
}

int order_on_its_way(store_t *store, const char *account, arena_t *arena, int64_t *sum_fen, err_t *err) {
    const cell_t params[] = {cell_text(account)};
    rows_t found;
    int rc = store_query(store,
                         "SELECT CAST(COALESCE(SUM(amount_fen), 0) AS BIGINT) FROM payment_order"
                         " WHERE state = 'sent' AND account = $1",
                         params, COUNT_OF(params), arena, &found, err);
    if (!rc) *sum_fen = row_i64(&found, 0, 0);
    return rc;
}
