// A PostgreSQL connection in pipeline mode: statements are queued, one settle sends them, waits for all answers and
// leaves the connection in step again, also after an error. Nothing blocks for longer than LINK_SILENCE_MS, and socket
// buffers that fill up in both directions cannot lock the two sides against each other.
#pragma once
#include "common/base/metrics.h"
#include "engine.h"
#include "statements.h"
#include <libpq-fe.h>

#define LINK_SILENCE_MS 120000 // without a byte from a server that owes us answers: lost
#define LINK_QUEUE_MAX 4096    // statements in the pipeline before a settle
#define LINK_UNSENT_MAX 65536  // bytes queued before they are pushed out

typedef struct link {
    char *url, *schema;
    access_t access;
    PGconn *conn;            // NULL: lost, or not connected yet
    statements_t statements; // what this connection has prepared
    uint64_t confirmed;      // serial of the last statement known to be prepared
    uint64_t *queue;         // per queued command: the serial that it prepares, 0 for an execution
    size_t queued;           // at most LINK_QUEUE_MAX + a few
    size_t unsent;           // bytes queued since the last push, about
    bool stale;              // the server refuses what we prepared: start over when idle
    bool copying;            // a COPY has all its rows and not its answer; the pipeline is off meanwhile
    metric_t *connects, *lost;
} link_t;

// Parameters as libpq wants them. Values borrow from the cells, except what is in `ints`.
typedef struct params {
    size_t count;
    Oid types[STORE_PARAMS_MAX];
    char letters[STORE_PARAMS_MAX + 1]; // the types again, as a key of the statement cache
    const char *values[STORE_PARAMS_MAX];
    int lengths[STORE_PARAMS_MAX];
    char ints[STORE_PARAMS_MAX][8];
} params_t;

int link_init(link_t *link, const char *url, const char *schema, access_t access, err_t *err) MUST_USE;
void link_close(link_t *link); // safe on a half-initialised one

// Connect unless there is a live connection. Only while nothing is queued and no transaction is open.
int link_ready(link_t *link, err_t *err) MUST_USE;
// Queue `sql`, prepared on first use. An error means that the connection is lost, or that an earlier statement failed.
int link_queue(link_t *link, const char *sql, const params_t *params, err_t *err) MUST_USE;
// Send all, read all answers. The first error is told; otherwise `last` (may be NULL) gets the result of the last
// statement, which the caller clears.
int link_settle(link_t *link, PGresult **last, err_t *err) MUST_USE;
// COPY … FROM STDIN with `data`, which is all of it; what is queued is settled first. Returns when the server has the
// rows: while it takes them in the caller makes the next ones. Whether they went in is told by the next call.
int link_copy(link_t *link, const char *sql, const char *data, size_t size, err_t *err) MUST_USE;
// Several statements in one text, outside the pipeline. Nothing may be queued.
int link_script(link_t *link, const char *sql, err_t *err) MUST_USE;
bool link_alive(const link_t *link);
