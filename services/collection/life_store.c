#include "life_store.h"
#include "public_sums.h"

// Known bounds, which also keep PostgreSQL from joining whole tables with the keys (store.c).
#define ONE " LIMIT 1"
#define ALL_PERIODS " LIMIT (SELECT 4000)"

int bills_paid_of(store_t *store, const rows_t *keys, arena_t *arena, rows_t *out, err_t *err) {
    return store_each_query(store,
                            "SELECT b.employer, b.receipt, b.paid_on, b.body, r.payer, b.own_fen FROM bill b"
                            " JOIN receipt r ON r.receipt = b.receipt WHERE b.partition = $1 AND b.person = $2"
                            " AND b.period = $3 AND b.paid_on <> ''" ONE,
                            keys, arena, out, err);
}

int bills_take_out(store_t *store, const rows_t *rows, err_t *err) {
    int rc = public_sums_touch(store, rows, NULL, err);
    return rc ? rc
              : store_each_exec(
                    store, "DELETE FROM bill WHERE partition = $1 AND person = $2 AND period = $3 AND paid_on <> ''",
                    rows, err);
}

int withdrawn_insert(store_t *store, const rows_t *rows, err_t *err) {
    CHECK(rows->width == WITHDRAWN_COLUMNS);
    return store_insert(store, "withdrawn",
                        "number, receipt, partition, person, period, amount_fen, reason, at_ms, body", rows,
                        CONFLICT_FAILS, err);
}

int withdrawn_of(store_t *store, const char *receipt, arena_t *arena, bool *any, err_t *err) {
    const cell_t params[] = {cell_text(receipt)};
    rows_t rows;
    int rc = store_query(store, "SELECT number FROM withdrawn WHERE receipt = $1" ONE, params, 1, arena, &rows, err);
    *any = rc == 0 && rows.count > 0;
    return rc;
}

int bill_pieces_of(store_t *store, const rows_t *keys, arena_t *arena, rows_t *out, err_t *err) {
    return store_each_query(store,
                            "SELECT period, employer, identity, paid_on, receipt, body, own_fen, wage_fen FROM bill"
                            " WHERE partition = $1 AND person = $2 AND period >= $3 AND period <= $4 ORDER BY period"
                            " LIMIT 100",
                            keys, arena, out, err);
}

int bills_put_wages(store_t *store, const rows_t *rows, err_t *err) {
    return store_each_exec(store, "UPDATE bill SET wage_fen = $4 WHERE partition = $1 AND person = $2 AND period = $3",
                           rows, err);
}

int bills_put_bodies(store_t *store, const rows_t *rows, err_t *err) {
    int rc = public_sums_touch(store, rows, NULL, err);
    return rc ? rc
              : store_each_exec(store,
                                "UPDATE bill SET body = $4 WHERE partition = $1 AND person = $2 AND period = $3"
                                " AND paid_on = ''",
                                rows, err);
}

int merged_of(store_t *store, const rows_t *keys, arena_t *arena, rows_t *out, err_t *err) {
    return store_each_query(store, "SELECT into_person FROM merged WHERE person = $1" ONE, keys, arena, out, err);
}

int merged_put(store_t *store, const rows_t *rows, err_t *err) {
    return store_put(store, "merged", "person, into_partition, into_person", "person", rows, err);
}

int merged_lead_on(store_t *store, const rows_t *rows, err_t *err) {
    return store_each_exec(store, "UPDATE merged SET into_partition = $2, into_person = $3 WHERE into_person = $1",
                           rows, err);
}

int bills_whole(store_t *store, const rows_t *keys, arena_t *arena, rows_t *out, err_t *err) {
    return store_each_query(
        store,
        "SELECT period, employer, total_fen, paid_on, receipt, body, wage_fen, identity, own_fen FROM bill"
        " WHERE partition = $1 AND person = $2 ORDER BY period" ALL_PERIODS,
        keys, arena, out, err);
}

int bills_remove(store_t *store, const rows_t *rows, err_t *err) {
    int rc = public_sums_touch(store, rows, NULL, err);
    return rc ? rc : store_drop(store, "bill", "partition, person, period", rows, err);
}
