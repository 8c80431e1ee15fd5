#include "own_share.h"
#include "collection.h"
#include "common/base/log.h"

enum { PARTITION, PERSON, PERIOD, BODY };

int own_share_put(store_t *store, const rows_t *rows, err_t *err) {
    return store_each_exec(store, "UPDATE bill SET own_fen = $4 WHERE partition = $1 AND person = $2 AND period = $3",
                           rows, err);
}

static int work_out(const rows_t *page, arena_t *arena, rows_t *out, err_t *err) {
    rows_init(out, arena, 4);
    for (size_t i = 0; i < page->count; i++) {
        Tc__ContributionBill *bill = NULL;
        size_t size;
        const void *body = row_blob(page, i, BODY, &size);
        int rc = bill_unpack(body, size, 0, arena, &bill, err);
        if (rc) return err_prefix(err, "bill %s %s", row_text(page, i, PERSON), row_text(page, i, PERIOD));
        cell_t *row = rows_add(out);
        if (!row) return err_set(err, E_IO, "out of memory");
        row[0] = cell_i64(row_i64(page, i, PARTITION));
        row[1] = cell_text(row_text(page, i, PERSON));
        row[2] = cell_text(row_text(page, i, PERIOD));
        row[3] = cell_i64(bill_own(bill));
    }
    return 0;
}

static int save_place(store_t *store, const rows_t *page, err_t *err) {
    if (page->count < OWN_SHARE_STEP) return store_exec(store, "DELETE FROM own_backfill", NULL, 0, err);
    const size_t last = page->count - 1;
    const cell_t params[] = {cell_i64(row_i64(page, last, PARTITION)), cell_text(row_text(page, last, PERSON)),
                             cell_text(row_text(page, last, PERIOD))};
    return store_exec(store, "UPDATE own_backfill SET partition = $1, person = $2, period = $3", params,
                      COUNT_OF(params), err);
}

static int step(store_t *store, arena_t *arena, bool *more, err_t *err) {
    rows_t at, page, worked_out;
    *more = false;
    int rc = store_query(store, "SELECT partition, person, period FROM own_backfill", NULL, 0, arena, &at, err);
    if (rc || at.count == 0) return rc;
    const cell_t params[] = {cell_i64(row_i64(&at, 0, 0)), cell_text(row_text(&at, 0, 1)),
                             cell_text(row_text(&at, 0, 2)), cell_i64(OWN_SHARE_STEP)};
    rc = store_query(store,
                     "SELECT partition, person, period, body FROM bill WHERE (partition, person, period) > ($1, $2, $3)"
                     " AND own_fen < 0 ORDER BY partition, person, period LIMIT $4",
                     params, COUNT_OF(params), arena, &page, err);
    if (rc == 0) rc = work_out(&page, arena, &worked_out, err);
    if (rc == 0) rc = own_share_put(store, &worked_out, err);
    if (rc == 0) rc = save_place(store, &page, err);
    *more = rc == 0 && page.count == OWN_SHARE_STEP;
    if (rc == 0) log_info("own_shares_worked_out", "bills=%zu", page.count);
    return rc;
}

int own_share_fill(store_t *store, arena_t *arena, err_t *err) {
    bool more = true;
    int rc = 0;
    while (rc == 0 && more) {
        rc = store_begin(store, err);
        if (rc) break;
        rc = step(store, arena, &more, err);
        if (rc == 0)
            rc = store_commit(store, err);
        else
            store_rollback(store);
        arena_reset(arena);
    }
    return rc ? err_prefix(err, "what payers owe of their bills could not be worked out") : 0;
}
