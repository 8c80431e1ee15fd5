// Prepared statements by SQL text and parameter types, at most STATEMENTS_MAX; the one unused longest makes room.
#pragma once
#include <stddef.h>
#include <stdint.h>

#define STATEMENTS_MAX 256
#define STATEMENT_BUCKETS 512

typedef struct statement {
    struct statement *next; // in the same bucket
    uint64_t hash, used;
    uint64_t serial; // rises with every statement added
    void *handle;    // the engine's own
    const char *types;
    char sql[]; // then the types
} statement_t;

typedef struct statements {
    statement_t *buckets[STATEMENT_BUCKETS];
    size_t count;
    uint64_t clock, last_serial;
    void (*forget)(void *self, statement_t *statement); // frees the handle; may be NULL
    void *self;
} statements_t;

// `types` tells statements of equal text apart; "" where types do not matter.
statement_t *statements_find(statements_t *statements, const char *sql, const char *types);
statement_t *statements_add(statements_t *statements, const char *sql, const char *types); // NULL: out of memory
statement_t *statements_next_out(statements_t *statements); // whom the next addition evicts; NULL: there is room
void statements_drop_after(statements_t *statements, uint64_t serial); // those added later than `serial`
void statements_clear(statements_t *statements);
