// The keys (partition, person, year, seq) and (partition, number) of the log refuse whoever is slower.
#include "account_tell.h"
#include "account.pb-c.h"
#include "account_store.h"
#include "common/base/crash.h"
#include "common/wire/message.h"
#include "store.h"
#include <string.h>

enum { PERSON, SEQ, KIND, REFERENCE, AMOUNT, BALANCE, OWED, AT_MS };

static int no_memory(err_t *err) { return err_set(err, E_IO, "out of memory for the changes of personal accounts"); }

static int pack(const rows_t *entries, size_t row, arena_t *arena, const void **body, size_t *bytes, err_t *err) {
    Tc__AccountChange change = TC__ACCOUNT_CHANGE__INIT;
    change.person = (char *)row_text(entries, row, PERSON);
    change.seq = row_i64(entries, row, SEQ);
    change.reason = (char *)row_text(entries, row, KIND);
    change.source = (char *)row_text(entries, row, REFERENCE);
    change.amount_fen = row_i64(entries, row, AMOUNT);
    change.balance_fen = row_i64(entries, row, BALANCE);
    change.owed_fen = row_i64(entries, row, OWED);
    change.at_ms = row_i64(entries, row, AT_MS);
    *body = message_pack(&change.base, arena, bytes);
    return *body ? 0 : no_memory(err);
}

static int add(rows_t *rows, rows_t *told, int64_t partition, const rows_t *entries, size_t row, int64_t number,
               err_t *err) {
    const char *person = row_text(entries, row, PERSON);
    const int64_t seq = row_i64(entries, row, SEQ);
    const char *name = arena_text(rows->arena, "account/%s/%lld", person, (long long)seq);
    const void *body;
    size_t bytes;
    int rc = pack(entries, row, rows->arena, &body, &bytes, err);
    if (rc) return rc;
    cell_t *made = rows_add(rows), *key = rows_add(told);
    if (!made || !key || !name) return no_memory(err);
    const cell_t cells[DECISION_COLUMNS] = {cell_i64(partition),
                                            cell_text(person),
                                            cell_i64(ACCOUNT_CHAIN_YEAR),
                                            cell_i64(seq),
                                            cell_i64(number),
                                            cell_i64(ROW_ACCOUNT),
                                            cell_null(CELL_TEXT),
                                            cell_null(CELL_BLOB),
                                            cell_text(name),
                                            cell_i64(1),
                                            cell_i64(row_i64(entries, row, AT_MS)),
                                            cell_blob(body, bytes)};
    memcpy(made, cells, sizeof cells);
    key[0] = cell_i64(partition);
    key[1] = cell_text(person);
    key[2] = cell_i64(seq);
    return 0;
}

static int head_of(store_t *store, int64_t partition, arena_t *arena, int64_t *number, err_t *err) {
    cell_t params[] = {cell_i64(partition)};
    rows_t found;
    int rc = store_query(store, adjudication_log.head_sql, params, COUNT_OF(params), arena, &found, err);
    if (!rc) *number = row_i64(&found, 0, 0);
    return rc;
}

// The number is read last, so that its owner has little time to take it.
static int tell(store_t *store, int64_t partition, arena_t *arena, err_t *err) {
    rows_t entries, rows, told;
    int64_t number = 0;
    rows_init(&rows, arena, DECISION_COLUMNS);
    rows_init(&told, arena, 3);
    int rc = account_untold_page(store, partition, ACCOUNT_TELL_ROWS, arena, &entries, err);
    if (!rc) rc = head_of(store, partition, arena, &number, err);
    for (size_t i = 0; !rc && i < entries.count; i++) rc = add(&rows, &told, partition, &entries, i, ++number, err);
    if (!rc && rows.count) rc = decisions_insert(store, &rows, err);
    return rc ? rc : account_untold_drop(store, &told, err);
}

int account_tell_step(store_t *store, arena_t *arena, bool *moved, err_t *err) {
    int64_t partition;
    *moved = false;
    arena_reset(arena);
    int rc = account_untold_partition(store, arena, &partition, err);
    if (rc || partition < 0) return rc;
    *moved = true;
    rc = store_begin(store, err);
    if (rc) return rc;
    rc = tell(store, partition, arena, err);
    CRASH_POINT("tell_before_commit");
    if (rc)
        store_rollback(store);
    else
        rc = store_commit(store, err);
    CRASH_POINT("tell_after_commit");
    return rc == E_RACE ? E_OK : rc;
}
