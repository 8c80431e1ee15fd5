// Tables of what is due to facilities: the lines of their statements, the statements as they were frozen, what is held,
// taken back and evaluated, payment orders. Rows of lines, items and recoveries are never changed; of a statement and
// an order only the state moves, and each move names the state that it expects.
#pragma once
#include "common/store/store.h"

// dues_cursor: how far the journal is read. dues_line: (facility, month) is one range of the key. dues_facility: the
// last month drawn up, and whether something waits for the next.
#define DUES_TABLES_SQL                                                                                                \
    "CREATE TABLE dues_cursor (partition BIGINT NOT NULL PRIMARY KEY, number BIGINT NOT NULL);"                        \
    "CREATE TABLE dues_facility (facility TEXT NOT NULL PRIMARY KEY, drawn BIGINT NOT NULL, pending BIGINT NOT NULL);" \
    "CREATE TABLE dues_line (facility TEXT NOT NULL, month BIGINT NOT NULL, partition BIGINT NOT NULL,"                \
    " number BIGINT NOT NULL, line BIGINT NOT NULL, bill TEXT NOT NULL, layer TEXT NOT NULL, fund TEXT NOT NULL,"      \
    " county TEXT NOT NULL, year BIGINT NOT NULL, amount_fen BIGINT NOT NULL,"                                         \
    " PRIMARY KEY (facility, month, partition, number, line));"                                                        \
    "CREATE INDEX dues_line_bill ON dues_line (bill);"                                                                 \
    "CREATE TABLE dues_statement (facility TEXT NOT NULL, month BIGINT NOT NULL, state TEXT NOT NULL,"                 \
    " pay_fen BIGINT NOT NULL, year_fen BIGINT NOT NULL, reason TEXT NOT NULL, by_name TEXT NOT NULL,"                 \
    " payment_order TEXT NOT NULL, body BYTEA NOT NULL, PRIMARY KEY (facility, month));"                               \
    "CREATE INDEX dues_statement_month ON dues_statement (month, facility);"                                           \
    "CREATE TABLE dues_item (facility TEXT NOT NULL, month BIGINT NOT NULL, item BIGINT NOT NULL, kind TEXT NOT"       \
    " NULL, reference TEXT NOT NULL, layer TEXT NOT NULL, fund TEXT NOT NULL, county TEXT NOT NULL, year BIGINT NOT"   \
    " NULL, amount_fen BIGINT NOT NULL, PRIMARY KEY (facility, month, item));"                                         \
    "CREATE INDEX dues_item_reference ON dues_item (reference);"                                                       \
    "CREATE TABLE dues_terms (facility TEXT NOT NULL, year BIGINT NOT NULL, hold_ppm BIGINT NOT NULL,"                 \
    " budget_fen BIGINT NOT NULL, warn_ppm BIGINT NOT NULL, paper TEXT NOT NULL, by_name TEXT NOT NULL,"               \
    " PRIMARY KEY (facility, year));"                                                                                  \
    "CREATE TABLE dues_recovery (number TEXT NOT NULL PRIMARY KEY, facility TEXT NOT NULL, bill TEXT NOT NULL,"        \
    " amount_fen BIGINT NOT NULL, reason TEXT NOT NULL, by_name TEXT NOT NULL, at_ms BIGINT NOT NULL);"                \
    "CREATE INDEX dues_recovery_bill ON dues_recovery (facility, bill);"                                               \
    "CREATE TABLE dues_claim (facility TEXT NOT NULL, reference TEXT NOT NULL, kind BIGINT NOT NULL,"                  \
    " held_reference TEXT NOT NULL, fund TEXT NOT NULL, layer TEXT NOT NULL, amount_fen BIGINT NOT NULL,"              \
    " hold_fen BIGINT NOT NULL, share_ppm BIGINT NOT NULL, paper TEXT NOT NULL, by_name TEXT NOT NULL,"                \
    " month BIGINT NOT NULL, PRIMARY KEY (facility, reference));"                                                      \
    "CREATE TABLE payment_order (number TEXT NOT NULL PRIMARY KEY, facility TEXT NOT NULL, month BIGINT NOT NULL,"     \
    " state TEXT NOT NULL, amount_fen BIGINT NOT NULL, account TEXT NOT NULL, drafted_by TEXT NOT NULL,"               \
    " approved_by TEXT NOT NULL, sent_on TEXT NOT NULL, paid_on TEXT NOT NULL, reason TEXT NOT NULL,"                  \
    " bank_reference TEXT NOT NULL);"                                                                                  \
    "CREATE INDEX payment_order_month ON payment_order (month, facility);"                                             \
    "CREATE INDEX payment_order_state ON payment_order (state);"

enum {
    DUES_LINE_COLUMNS = 11,
    DUES_ITEM_COLUMNS = 10,
    DUES_TERMS_COLUMNS = 7,
    DUES_RECOVERY_COLUMNS = 7,
    DUES_CLAIM_COLUMNS = 12,
    DUES_STATEMENT_COLUMNS = 9,
    ORDER_COLUMNS = 12
};

// ---- lines

// (partition, number) of each partition read so far.
int dues_cursors(store_t *store, arena_t *arena, rows_t *out, err_t *err) MUST_USE;
int dues_cursors_put(store_t *store, const rows_t *rows, err_t *err) MUST_USE; // partition, number
// The journal's bills after `first` up to `last` of a partition: (number, at_ms, body).
int dues_journal(store_t *store, uint32_t partition, int64_t first, int64_t last, arena_t *arena, rows_t *out,
                 err_t *err) MUST_USE;
int dues_lines_insert(store_t *store, const rows_t *rows, err_t *err) MUST_USE; // in the order of the table
// keys: facility → (key, last month drawn up, 0: none); no row where the facility is not known.
int dues_drawn(store_t *store, const rows_t *keys, arena_t *arena, rows_t *out, err_t *err) MUST_USE;
int dues_facilities_add(store_t *store, const rows_t *rows, err_t *err) MUST_USE; // facility, 0, 0; where there is none
int dues_facility_put(store_t *store, const char *facility, int64_t drawn, bool pending, err_t *err) MUST_USE;
int dues_facility_pending(store_t *store, const char *facility, err_t *err) MUST_USE;
// Sums of the lines of months from … to: layer, fund, county, year, amount, lines. At most `limit`.
int dues_sums(store_t *store, const char *facility, int64_t from, int64_t to, int limit, arena_t *arena, rows_t *out,
              err_t *err) MUST_USE;
typedef struct dues_place { // where a page of lines begins
    int64_t month, partition, number, line;
} dues_place_t;
// Lines of months up to `to` after a place: month, partition, number, line, bill, layer, fund, county, year, amount.
int dues_lines_page(store_t *store, const char *facility, const dues_place_t *after, int64_t to, int limit,
                    arena_t *arena, rows_t *out, err_t *err) MUST_USE;
// The same of a bill (at most 1000).
int dues_lines_of_bill(store_t *store, const char *facility, const char *bill, arena_t *arena, rows_t *out,
                       err_t *err) MUST_USE;
// keys: facility, month, bill → (key, layer, fund, county, year, amount): sums of the bill's lines up to the month.
int dues_bill_sums(store_t *store, const rows_t *keys, arena_t *arena, rows_t *out, err_t *err) MUST_USE;
// Facilities with lines up to the month that no statement has, or with something else that waits; after a facility.
int dues_waiting(store_t *store, int64_t month, const char *after, int limit, arena_t *arena, rows_t *out,
                 err_t *err) MUST_USE;

// ---- statements

int dues_statement_insert(store_t *store, const rows_t *rows, err_t *err) MUST_USE; // in the order of the table
// facility, month, state, reason, by_name, payment_order, body; of a list `state` "": any.
int dues_statement_find(store_t *store, const char *facility, int64_t month, arena_t *arena, rows_t *out,
                        err_t *err) MUST_USE;
int dues_statement_list(store_t *store, int64_t month, const char *state, const char *after, int limit, arena_t *arena,
                        rows_t *out, err_t *err) MUST_USE;
// The last statement of a facility before a month: month, year_fen.
int dues_statement_before(store_t *store, const char *facility, int64_t month, arena_t *arena, rows_t *out,
                          err_t *err) MUST_USE;
// E_RACE when the state is not `from` any more.
int dues_statement_move(store_t *store, const char *facility, int64_t month, const char *from, const char *to,
                        const char *reason, const char *by, const char *order, arena_t *arena, err_t *err) MUST_USE;
int dues_items_insert(store_t *store, const rows_t *rows, err_t *err) MUST_USE; // in the order of the table
// item, kind, reference, layer, fund, county, year, amount; after an item.
int dues_items(store_t *store, const char *facility, int64_t month, int64_t after, int limit, arena_t *arena,
               rows_t *out, err_t *err) MUST_USE;
// The same of a reference: month in place of the item.
int dues_items_of(store_t *store, const char *facility, const char *reference, int limit, arena_t *arena, rows_t *out,
                  err_t *err) MUST_USE;
// What a statement carried, and what items of these kinds add up to under a reference: layer, fund, county, year,
// amount.
int dues_carried(store_t *store, const char *facility, int64_t month, arena_t *arena, rows_t *out, err_t *err) MUST_USE;
int dues_held(store_t *store, const char *facility, const char *reference, arena_t *arena, rows_t *out,
              err_t *err) MUST_USE;
// keys: facility, bill → (key, layer, fund, county, year, amount) taken back so far.
int dues_taken(store_t *store, const rows_t *keys, arena_t *arena, rows_t *out, err_t *err) MUST_USE;

// ---- terms, recoveries, claims

int dues_terms_find(store_t *store, const char *facility, int64_t year, arena_t *arena, rows_t *out,
                    err_t *err) MUST_USE; // hold, budget, warn, paper, by
int dues_terms_put(store_t *store, const rows_t *rows, err_t *err) MUST_USE;
int dues_recovery_insert(store_t *store, const rows_t *rows, err_t *err) MUST_USE;
// (bill, sum) of every bill of a facility that money is taken back of; the bill alone where `bill` is not NULL.
int dues_recoveries(store_t *store, const char *facility, const char *bill, int limit, arena_t *arena, rows_t *out,
                    err_t *err) MUST_USE;
int dues_claim_insert(store_t *store, const rows_t *rows, err_t *err) MUST_USE;
// Not yet in a statement: reference, kind, held_reference, fund, layer, amount, hold, share.
int dues_claims_open(store_t *store, const char *facility, int limit, arena_t *arena, rows_t *out, err_t *err) MUST_USE;
int dues_claim_find(store_t *store, const char *facility, const char *reference, arena_t *arena, rows_t *out,
                    err_t *err) MUST_USE; // month
int dues_claims_take(store_t *store, const char *facility, int64_t month, err_t *err) MUST_USE;

// ---- payment orders

int order_insert(store_t *store, const rows_t *rows, err_t *err) MUST_USE;
// In the order of the table. Each of month (0), facility, state and number ("") may say nothing.
int order_list(store_t *store, int64_t month, const char *facility, const char *state, const char *number,
               const char *after, int limit, arena_t *arena, rows_t *out, err_t *err) MUST_USE;
// All columns that may change; E_RACE when the state is not `from` any more.
typedef struct order_change {
    const char *number, *from, *to, *approved_by, *sent_on, *paid_on, *reason, *bank_reference;
} order_change_t;
int order_move(store_t *store, const order_change_t *change, arena_t *arena, err_t *err) MUST_USE;
// What orders that were sent and not answered take from an account.
int order_on_its_way(store_t *store, const char *account, arena_t *arena, int64_t *sum_fen, err_t *err) MUST_USE;
