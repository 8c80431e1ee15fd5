// Tables of points settlement: what is settled together, and its rows (groups, hospitals, cases) as packed messages,
// first as they were given, after the settlement with what was found out.
#pragma once
#include "common/store/store.h"

#define CLEARING_TABLES_SQL                                                                                            \
    "CREATE TABLE points_clearing (number TEXT NOT NULL PRIMARY KEY, period TEXT NOT NULL, fund TEXT NOT NULL,"        \
    " layer TEXT NOT NULL, state TEXT NOT NULL, by_name TEXT NOT NULL, body BYTEA NOT NULL);"                          \
    "CREATE TABLE points_row (clearing TEXT NOT NULL, kind BIGINT NOT NULL, name TEXT NOT NULL, place BIGINT NOT"      \
    " NULL, body BYTEA NOT NULL, PRIMARY KEY (clearing, kind, name));"                                                 \
    "CREATE INDEX points_row_place ON points_row (clearing, kind, place);"

enum { CLEARING_COLUMNS = 7, CLEARING_ROW_COLUMNS = 5 };
typedef enum clearing_row { CLEARING_GROUP, CLEARING_HOSPITAL, CLEARING_CASE } clearing_row_t;

int clearing_insert(store_t *store, const rows_t *rows, err_t *err) MUST_USE; // in the order of the table
int clearing_find(store_t *store, const char *number, arena_t *arena, rows_t *out, err_t *err) MUST_USE; // state, body
int clearing_close(store_t *store, const char *number, const void *body, size_t bytes, arena_t *arena,
                   err_t *err) MUST_USE; // open → settled, E_RACE when it is not open
// Settled months of a year ("2021-%") of fund and layer: (number).
int clearing_months(store_t *store, int year, const char *fund, const char *layer, arena_t *arena, rows_t *out,
                    err_t *err) MUST_USE;
int clearing_rows_put(store_t *store, const rows_t *rows, err_t *err) MUST_USE; // clearing, kind, name, place, body
// keys: clearing, kind, name → (key, body)
int clearing_rows_find(store_t *store, const rows_t *keys, arena_t *arena, rows_t *out, err_t *err) MUST_USE;
// (name, place, body) in order of place and name, after a place; of groups and hospitals the place is 0 and all come.
int clearing_rows(store_t *store, const char *clearing, clearing_row_t kind, int64_t after, int limit, arena_t *arena,
                  rows_t *out, err_t *err) MUST_USE;
