// A chained hash map. Eviction looks at every statement, which is rare: a process knows a few dozen SQL texts.
#include "statements.h"
#include "common/base/hash.h"
#include <stdlib.h>
#include <string.h>

static uint64_t hash_of(const char *sql, const char *types) {
    return hash64(sql, strlen(sql), hash64(types, strlen(types), 0));
}

statement_t *statements_find(statements_t *statements, const char *sql, const char *types) {
    uint64_t hash = hash_of(sql, types);
    statement_t *s = statements->buckets[hash % STATEMENT_BUCKETS];
    while (s && (s->hash != hash || strcmp(s->sql, sql) != 0 || strcmp(s->types, types) != 0)) s = s->next;
    if (s) s->used = ++statements->clock;
    return s;
}

static void drop(statements_t *statements, statement_t **link) {
    statement_t *s = *link;
    *link = s->next;
    if (statements->forget) statements->forget(statements->self, s);
    free(s);
    statements->count--;
}

static statement_t **oldest(statements_t *statements) {
    statement_t **found = NULL;
    for (size_t i = 0; i < STATEMENT_BUCKETS; i++)
        for (statement_t **link = &statements->buckets[i]; *link; link = &(*link)->next)
            if (!found || (*link)->used < (*found)->used) found = link;
    return found;
}

statement_t *statements_next_out(statements_t *statements) {
    return statements->count < STATEMENTS_MAX ? NULL : *oldest(statements);
}

statement_t *statements_add(statements_t *statements, const char *sql, const char *types) {
    size_t sql_bytes = strlen(sql) + 1, type_bytes = strlen(types) + 1;
    statement_t *s = calloc(1, sizeof *s + sql_bytes + type_bytes);
    if (!s) return NULL;
    if (statements->count == STATEMENTS_MAX) drop(statements, oldest(statements));
    memcpy(s->sql, sql, sql_bytes);
    s->types = memcpy(s->sql + sql_bytes, types, type_bytes);
    s->hash = hash_of(sql, types);
    s->used = ++statements->clock;
    s->serial = ++statements->last_serial;
    s->next = statements->buckets[s->hash % STATEMENT_BUCKETS];
    statements->buckets[s->hash % STATEMENT_BUCKETS] = s;
    statements->count++;
    return s;
}

void statements_drop_after(statements_t *statements, uint64_t serial) {
    for (size_t i = 0; i < STATEMENT_BUCKETS; i++) {
        statement_t **link = &statements->buckets[i];
        while (*link)
            if ((*link)->serial > serial)
                drop(statements, link);
            else
                link = &(*link)->next;
    }
}

void statements_clear(statements_t *statements) { statements_drop_after(statements, 0); }
