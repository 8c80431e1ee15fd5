// The rows that stand in a service: what its log adds up to by book, day, party, reference and kind, kept in a table of
// its own. The log is followed only when somebody asks, so whoever decides bills or posts entries pays nothing for it.
//
// A row is the sum of what the log said of it: the newest version of a bill, because every version tells what it
// changes. A row of 0.00 stands no longer. One follower at a time: the cursor moves by compare-and-set in the
// transaction that writes the rows, and who is slower gets E_RACE.
#pragma once
#include "common/base/hash.h"
#include "common/store/store.h"
#include "digest_wire.h"

// In a migration of the service.
#define STANDING_TABLES_SQL                                                                                            \
    "CREATE TABLE standing (book TEXT NOT NULL, day TEXT NOT NULL, party TEXT NOT NULL, reference TEXT NOT NULL,"      \
    " kind TEXT NOT NULL, amount_fen BIGINT NOT NULL, PRIMARY KEY (book, day, party, reference, kind));"               \
    "CREATE INDEX standing_party ON standing (book, party, day, reference, kind);"                                     \
    "CREATE TABLE standing_cursor (partition BIGINT NOT NULL PRIMARY KEY, number BIGINT NOT NULL);"

enum { STANDING_FOLLOW_ROWS = 500, STANDING_PAGE_ROWS = 8000, STANDING_COLUMNS = 6 };

typedef enum standing_verdict { STANDING_TAKE, STANDING_STOP } standing_verdict_t;

typedef struct standing_log {
    const char *read_sql; // $1 = partition, $2 = number, $3 = limit → (number, body) behind that number, in order
    // What a row of the log changes: standing_change() for each; *verdict STANDING_STOP leaves it and what follows.
    int (*changes)(void *self, uint32_t partition, const void *body, size_t bytes, arena_t *arena, rows_t *changes,
                   standing_verdict_t *verdict, err_t *err);
    void *self;
} standing_log_t;

// Add a change; parts of texts that are too long to be told refuse it. Nothing is added for 0.00.
int standing_change(rows_t *changes, const char *book, const char *day, const char *party, const char *kind,
                    const char *reference, fen_t amount, err_t *err) MUST_USE;

// Inside a transaction: take at most STANDING_FOLLOW_ROWS rows of the log. *done: nothing is left that may be taken.
int standing_follow(store_t *store, const standing_log_t *log, arena_t *arena, int64_t *taken, bool *done,
                    err_t *err) MUST_USE;
int standing_positions(store_t *store, arena_t *arena, int64_t numbers[static PARTITIONS], err_t *err) MUST_USE;

// The answers to get_digests and get_digest_rows, at most STANDING_PAGE_ROWS rows of the table each.
int standing_digests(store_t *store, const Tc__GetDigests *request, arena_t *arena, Tc__Digests **out,
                     err_t *err) MUST_USE;
int standing_rows(store_t *store, const Tc__GetDigests *request, arena_t *arena, Tc__DigestRows **out,
                  err_t *err) MUST_USE;
