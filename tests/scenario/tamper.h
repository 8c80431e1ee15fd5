// Rows changed behind the services' back, for verify to name, and put back as they were; on either store. What SQLite
// says of bytes is said in PostgreSQL's words there: instr(body, CAST('…' AS BLOB)) > 0, CAST(body || x'…' AS BLOB) (or
// of state) and x'…'.
#pragma once
#include "common/store/store.h"

typedef struct tamper {
    store_t *store;
    char sql[4096];
} tamper_t;

// `sql`: statements apart by semicolons; at least one row must change. 0, or −1 with a word on standard error.
int tamper_begin(tamper_t *tamper, const char *url, const char *schema, const char *sql);
int tamper_give_back(tamper_t *tamper); // and closes it; likewise
