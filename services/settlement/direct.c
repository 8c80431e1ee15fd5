#include "direct.h"

int direct_may_pay(store_t *store, const char *facility, arena_t *arena, err_t *err) {
    const cell_t params[] = {cell_text(facility)};
    rows_t rows;
    int rc = store_query(store,
                         "SELECT CAST('a statement' AS TEXT) WHERE EXISTS (SELECT 1 FROM dues_statement WHERE facility"
                         " = $1) UNION ALL SELECT 'a recovery' WHERE EXISTS (SELECT 1 FROM dues_recovery WHERE facility"
                         " = $1) UNION ALL SELECT 'terms of statements' WHERE EXISTS (SELECT 1 FROM dues_terms WHERE"
                         " facility = $1)",
                         params, COUNT_OF(params), arena, &rows, err);
    if (rc || !rows.count) return rc;
    return err_field(err, E_EXISTS, "direct",
                     "%.64s has %s and is paid by payment orders; directly it would be paid twice", facility,
                     row_text(&rows, 0, 0));
}

int direct_may_state(store_t *store, const char *facility, arena_t *arena, err_t *err) {
    const cell_t params[] = {cell_text(facility)};
    rows_t rows;
    int rc = store_query(store,
                         "SELECT reference, paid_on FROM direct_payment WHERE facility = $1 ORDER BY paid_on DESC"
                         " LIMIT 1",
                         params, COUNT_OF(params), arena, &rows, err);
    if (rc || !rows.count) return rc;
    return err_field(err, E_EXISTS, "facility",
                     "%.64s was paid directly on %s (%s); by a statement it would be paid twice", facility,
                     row_text(&rows, 0, 1), row_text(&rows, 0, 0));
}

int direct_keep(store_t *store, const char *reference, const char *facility, const char *paid_on, arena_t *arena,
                err_t *err) {
    rows_t rows;
    rows_init(&rows, arena, 3);
    cell_t *row = rows_add(&rows);
    if (!row) return err_set(err, E_IO, "out of memory for a payment");
    row[0] = cell_text(reference), row[1] = cell_text(facility), row[2] = cell_text(paid_on);
    return store_insert(store, "direct_payment", "reference, facility, paid_on", &rows, CONFLICT_FAILS, err);
}

int direct_taken_back(store_t *store, const char *reference, err_t *err) {
    const cell_t params[] = {cell_text(reference)};
    return store_exec(store, "DELETE FROM direct_payment WHERE reference = $1", params, COUNT_OF(params), err);
}
