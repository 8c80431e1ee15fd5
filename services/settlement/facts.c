#include "facts.h"
#include <string.h>

#define LEDGER_JOIN " FROM journal j JOIN posting p ON p.partition = j.partition AND p.number = j.number"
#define REVENUE_AND_SPENDING                                                                                           \
    "(p.account LIKE 'contribution/%' OR p.account LIKE 'transfer/%' OR p.account LIKE 'expense/%'"                    \
    " OR p.account LIKE 'allotted/%' OR p.account LIKE 'allotment/%')"

static int no_memory(err_t *err) { return err_set(err, E_IO, "out of memory for what the ledger says"); }

static bool begins(const char *text, const char *with) { return strncmp(text, with, strlen(with)) == 0; }
bool facts_is_revenue(const char *account) {
    return begins(account, "contribution/") || begins(account, "transfer/") || begins(account, "allotment/");
}
bool facts_is_spending(const char *account) { return begins(account, "expense/") || begins(account, "allotted/"); }

static int lines_of(const rows_t *rows, arena_t *arena, task_lines_t *out, err_t *err) {
    out->items = arena_alloc(arena, (rows->count + 1) * sizeof *out->items);
    if (!out->items) return no_memory(err);
    for (size_t i = 0; i < rows->count; i++)
        out->items[i] = (task_line_t){row_text(rows, i, 0), row_text(rows, i, 1), "", row_i64(rows, i, 2)};
    out->count = rows->count;
    return E_OK;
}

static int by_fund(store_t *store, const char *sql, const char *account, const char *county, const char *from,
                   const char *to, arena_t *arena, task_lines_t *out, err_t *err) {
    const cell_t params[] = {
        cell_text(account), cell_text(county ? county : ""), cell_i64(county != NULL), cell_text(from),
        cell_text(to),      cell_i64(TASK_LINES_MAX)};
    rows_t rows;
    if (!account) return no_memory(err); // its name could not be made
    int rc = store_query(store, sql, params, COUNT_OF(params), arena, &rows, err);
    return rc ? rc : lines_of(&rows, arena, out, err);
}

int facts_received(store_t *store, const char *account, const char *county, const char *from, const char *to,
                   arena_t *arena, task_lines_t *out, err_t *err) {
    return by_fund(store,
                   "SELECT p.fund, p.division, CAST(SUM(p.amount_fen) AS BIGINT)" LEDGER_JOIN
                   " WHERE p.account = $1 AND ($3 = 0 OR p.division = $2) AND j.value_date >= $4"
                   " AND j.value_date <= $5 AND j.source_service <> 'settlement' GROUP BY p.fund, p.division"
                   " HAVING SUM(p.amount_fen) <> 0 ORDER BY p.fund, p.division LIMIT $6",
                   account, county, from, to, arena, out, err);
}

int facts_paid(store_t *store, const char *account, const char *county, const char *from, const char *to,
               arena_t *arena, task_lines_t *out, err_t *err) {
    return by_fund(store,
                   "SELECT p.fund, p.division, CAST(-SUM(p.amount_fen) AS BIGINT)" LEDGER_JOIN
                   " WHERE p.account = $1 AND ($3 = 0 OR p.division = $2) AND j.value_date >= $4"
                   " AND j.value_date <= $5 AND j.kind = 'payment' GROUP BY p.fund, p.division"
                   " HAVING SUM(p.amount_fen) <> 0 ORDER BY p.fund, p.division LIMIT $6",
                   account, county, from, to, arena, out, err);
}

int facts_owed(store_t *store, const char *county, const char *to, arena_t *arena, fact_owed_t **out, size_t *count,
               err_t *err) {
    static const size_t head = sizeof "payable/" - 1;
    const cell_t params[] = {cell_text(county ? county : ""), cell_i64(county != NULL), cell_text(to),
                             cell_i64(TASK_LINES_MAX + 1)};
    rows_t rows;
    int rc = store_query(store,
                         "SELECT p.party, p.account, p.fund, p.division, p.year,"
                         " CAST(-SUM(p.amount_fen) AS BIGINT)" LEDGER_JOIN
                         " WHERE p.account LIKE 'payable/%' AND ($2 = 0 OR p.division = $1)"
                         " AND (j.value_date <= $3 OR j.source_service = 'settlement')"
                         " GROUP BY p.party, p.account, p.fund, p.division, p.year HAVING SUM(p.amount_fen) <> 0"
                         " ORDER BY p.party, p.account, p.fund, p.division, p.year LIMIT $4",
                         params, COUNT_OF(params), arena, &rows, err);
    if (rc) return rc;
    if (rows.count > TASK_LINES_MAX)
        return err_set(err, E_TOO_LARGE, "more than %d amounts are owed: pay by payment orders", TASK_LINES_MAX);
    fact_owed_t *items = arena_alloc(arena, (rows.count + 1) * sizeof *items);
    if (!items) return no_memory(err);
    for (size_t i = 0; i < rows.count; i++)
        items[i] = (fact_owed_t){row_text(&rows, i, 0), row_text(&rows, i, 1) + head,  row_text(&rows, i, 2),
                                 row_text(&rows, i, 3), (int32_t)row_i64(&rows, i, 4), row_i64(&rows, i, 5)};
    *out = items;
    *count = rows.count;
    return E_OK;
}

// account, fund, county, identity, year, amount
static int sums(store_t *store, const char *sql, const cell_t *params, size_t params_count, arena_t *arena,
                fact_sum_t **out, size_t *count, err_t *err) {
    rows_t rows;
    int rc = store_query(store, sql, params, params_count, arena, &rows, err);
    fact_sum_t *items = rc ? NULL : arena_alloc(arena, (rows.count + 1) * sizeof *items);
    if (rc) return rc;
    if (!items) return no_memory(err);
    if (rows.count > BALANCES_MAX_SUMS) return err_set(err, E_TOO_LARGE, "more than %d sums", BALANCES_MAX_SUMS);
    for (size_t i = 0; i < rows.count; i++)
        items[i] = (fact_sum_t){row_text(&rows, i, 0), row_text(&rows, i, 1),         row_text(&rows, i, 2),
                                row_text(&rows, i, 3), (int32_t)row_i64(&rows, i, 4), row_i64(&rows, i, 5)};
    *out = items;
    *count = rows.count;
    return E_OK;
}

int facts_flows(store_t *store, const char *from, const char *to, arena_t *arena, fact_sum_t **out, size_t *count,
                err_t *err) {
    const cell_t params[] = {cell_text(from), cell_text(to), cell_i64(BALANCES_MAX_SUMS + 1)};
    return sums(store,
                "SELECT p.account, p.fund, p.division, CAST('' AS TEXT), CAST(0 AS BIGINT),"
                " CAST(SUM(p.amount_fen) AS BIGINT)" LEDGER_JOIN " WHERE j.value_date >= $1 AND j.value_date <= $2"
                " AND j.kind <> 'closing' AND " REVENUE_AND_SPENDING " GROUP BY p.account, p.fund, p.division"
                " HAVING SUM(p.amount_fen) <> 0 ORDER BY p.account, p.fund, p.division LIMIT $3",
                params, COUNT_OF(params), arena, out, count, err);
}

int facts_unclosed(store_t *store, const char *to, arena_t *arena, fact_sum_t **out, size_t *count, err_t *err) {
    const cell_t params[] = {cell_text(to), cell_i64(BALANCES_MAX_SUMS + 1)};
    return sums(
        store,
        "SELECT p.account, p.fund, p.division, p.identity, p.year, CAST(SUM(p.amount_fen) AS BIGINT)" LEDGER_JOIN
        " WHERE j.value_date <= $1 AND " REVENUE_AND_SPENDING
        " GROUP BY p.account, p.fund, p.division, p.identity, p.year HAVING SUM(p.amount_fen) <> 0"
        " ORDER BY p.fund, p.division, p.account, p.identity, p.year LIMIT $2",
        params, COUNT_OF(params), arena, out, count, err);
}

int facts_days(store_t *store, const char *account, const char *to, arena_t *arena, fact_sum_t **out, size_t *count,
               err_t *err) {
    const cell_t params[] = {cell_text(account), cell_text(to), cell_i64(BALANCES_MAX_SUMS + 1)};
    if (!account) return no_memory(err); // its name could not be made
    return sums(store,
                "SELECT j.value_date, p.fund, CAST('' AS TEXT), CAST('' AS TEXT), CAST(0 AS BIGINT),"
                " CAST(SUM(p.amount_fen) AS BIGINT)" LEDGER_JOIN " WHERE p.account = $1 AND j.value_date <= $2"
                " GROUP BY j.value_date, p.fund ORDER BY p.fund, j.value_date LIMIT $3",
                params, COUNT_OF(params), arena, out, count, err);
}

int facts_balances(store_t *store, const char *prefix, arena_t *arena, fact_sum_t **out, size_t *count, err_t *err) {
    const char *pattern = arena_text(arena, "%s%%", prefix);
    const cell_t params[] = {cell_text(pattern), cell_i64(BALANCES_MAX_SUMS + 1)};
    if (!pattern) return no_memory(err);
    return sums(store,
                "SELECT account, fund, division, CAST('' AS TEXT), CAST(0 AS BIGINT),"
                " CAST(SUM(amount_fen) AS BIGINT) FROM balance WHERE account LIKE $1 GROUP BY account, fund, division"
                " HAVING SUM(amount_fen) <> 0 ORDER BY account, fund, division LIMIT $2",
                params, COUNT_OF(params), arena, out, count, err);
}

int facts_facilities(store_t *store, const char *from, const char *to, arena_t *arena, fact_sum_t **out, size_t *count,
                     err_t *err) {
    const cell_t params[] = {cell_text(from), cell_text(to), cell_i64(BALANCES_MAX_SUMS + 1)};
    return sums(store,
                "SELECT p.party, p.fund, CAST('' AS TEXT), CASE WHEN j.kind = 'payment' THEN 'paid' ELSE 'granted' END,"
                " COUNT(DISTINCT CASE WHEN j.kind = 'bill' THEN j.reference END),"
                " CAST(-SUM(p.amount_fen) AS BIGINT)" LEDGER_JOIN
                " WHERE p.account LIKE 'payable/%' AND j.value_date >= $1 AND j.value_date <= $2"
                " GROUP BY p.party, p.fund, CASE WHEN j.kind = 'payment' THEN 'paid' ELSE 'granted' END"
                " ORDER BY p.party, p.fund, 4 LIMIT $3",
                params, COUNT_OF(params), arena, out, count, err);
}
