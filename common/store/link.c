// Order of answers is the whole protocol here: libpq gives, for each queued command, its result and then NULL, and for
// the sync that ends a portion PGRES_PIPELINE_SYNC. After an error the server skips everything up to the sync.
#include "link.h"
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void trim(char *text) {
    size_t length = strlen(text);
    while (length && strchr(" \r\n", text[length - 1])) text[--length] = '\0';
    for (char *c = text; *c; c++)
        if (*c == '\n') *c = ' ';
}

static void disconnect(link_t *link) {
    if (link->conn) PQfinish(link->conn);
    link->conn = NULL;
    statements_clear(&link->statements);
    link->confirmed = link->statements.last_serial;
    link->queued = link->unsent = 0;
    link->stale = link->copying = false;
}

static int lost(link_t *link, const char *why, err_t *err) {
    char text[160];
    snprintf(text, sizeof text, "%s", why);
    trim(text);
    metric_add(link->lost, 1);
    disconnect(link);
    return err_set(err, E_STORE, "postgresql: connection lost: %s", text);
}

// The server's sentence without its DETAIL, which quotes the row and with it personal data.
static int told(link_t *link, const PGresult *result, err_t *err) {
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    if (!state) state = "";
    bool race = strcmp(state, "23505") == 0 || strcmp(state, "40001") == 0 || strcmp(state, "40P01") == 0;
    // 0A000: a table changed under a prepared statement. 26000: the server does not know it (any more).
    if (strcmp(state, "0A000") == 0 || strcmp(state, "26000") == 0) link->stale = true;
    return err_set(err, race ? E_RACE : E_STORE, "postgresql: %s (%s)", message ? message : "no message", state);
}

bool link_alive(const link_t *link) { return link->conn && PQstatus(link->conn) == CONNECTION_OK; }

// ---- connecting ----

static int script(link_t *link, const char *sql, err_t *err) {
    PGresult *result = PQexec(link->conn, sql);
    ExecStatusType status = PQresultStatus(result);
    int code = E_OK;
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK && status != PGRES_EMPTY_QUERY)
        code = link_alive(link) ? told(link, result, err) : lost(link, PQerrorMessage(link->conn), err);
    PQclear(result);
    return code;
}

static int set_up_reader(link_t *link, err_t *err) {
    char sql[600];
    const char *s = link->schema;
    snprintf(sql, sizeof sql,
             "SET client_encoding = 'UTF8'; SET default_transaction_read_only = on; SET search_path = \"%s\";"
             "DO $$ BEGIN IF to_regnamespace('\"%s\"') IS NULL THEN"
             " RAISE EXCEPTION 'there is no schema %s' USING ERRCODE = 'invalid_schema_name'; END IF; END $$",
             s, s, s);
    return script(link, sql, err);
}

// Durability and waiting do not depend on how the server is configured, nor whether it compiles statements that take
// milliseconds. The schema is made under a lock: IF NOT EXISTS alone fails when two processes come at once; and only if
// it is absent, so that the right to make one is not needed later.
static int set_up(link_t *link, err_t *err) {
    char sql[1200];
    const char *s = link->schema;
    if (link->access == ACCESS_READ) return set_up_reader(link, err);
    snprintf(sql, sizeof sql,
             "SELECT set_config('synchronous_commit', 'on', false)"
             " WHERE current_setting('synchronous_commit') IN ('off', 'local');"
             "SET client_encoding = 'UTF8'; SET lock_timeout = %d; SET jit = off; SET search_path = \"%s\", public;"
             "DO $$ BEGIN IF to_regnamespace('\"%s\"') IS NULL THEN"
             " PERFORM pg_advisory_xact_lock(hashtextextended('schema %s', 0)); CREATE SCHEMA IF NOT EXISTS \"%s\";"
             " END IF; END $$",
             STORE_WAIT_MS, s, s, s, s);
    return script(link, sql, err);
}

static void no_notice(void *self, const PGresult *result) {
    (void)self;
    (void)result;
}

static int connect_now(link_t *link, err_t *err) {
    // The URL comes last: what it says wins.
    static const char *const keys[] = {"connect_timeout", "keepalives_idle", "application_name", "dbname", NULL};
    const char *const values[] = {"5", "30", link->schema, link->url, NULL};
    disconnect(link);
    link->conn = PQconnectdbParams(keys, values, 1);
    if (!link->conn) return err_set(err, E_STORE, "out of memory");
    if (!link_alive(link)) return lost(link, PQerrorMessage(link->conn), err);
    PQsetNoticeReceiver(link->conn, no_notice, NULL);
    int code = set_up(link, err);
    if (code == E_OK && (PQsetnonblocking(link->conn, 1) != 0 || !PQenterPipelineMode(link->conn)))
        code = lost(link, PQerrorMessage(link->conn), err);
    if (code != E_OK) disconnect(link);
    if (code == E_OK) metric_add(link->connects, 1);
    return code;
}

// An idle connection has nothing to read, except the news of its end.
static bool idle_and_sound(link_t *link) {
    if (!link_alive(link)) return false;
    struct pollfd socket = {.fd = PQsocket(link->conn), .events = POLLIN};
    for (int i = 0; i < 4 && poll(&socket, 1, 0) > 0; i++) {
        if (!PQconsumeInput(link->conn)) return false;
        (void)PQisBusy(link->conn); // parses, and takes notices away
    }
    return link_alive(link);
}

int link_ready(link_t *link, err_t *err) {
    CHECK(link->queued == 0 && !link->copying);
    if (!link->stale && idle_and_sound(link)) return E_OK;
    return connect_now(link, err);
}

int link_init(link_t *link, const char *url, const char *schema, access_t access, err_t *err) {
    link->access = access;
    link->url = strdup(url);
    link->schema = strdup(schema);
    link->queue = malloc((LINK_QUEUE_MAX + 3) * sizeof *link->queue);
    link->connects = metric_counter("store_connects_total", "", "Connections made to PostgreSQL");
    link->lost = metric_counter("store_connections_lost_total", "", "Connections to PostgreSQL that broke or failed");
    if (!link->url || !link->schema || !link->queue) return err_set(err, E_STORE, "out of memory");
    return connect_now(link, err);
}

void link_close(link_t *link) {
    disconnect(link);
    free(link->url);
    free(link->schema);
    free(link->queue);
    *link = (link_t){0};
}

// ---- sending ----

// Wait until the socket can be read, or written if something is left to write; then do both.
static int turn(link_t *link, int unsent, err_t *err) {
    struct pollfd socket = {.fd = PQsocket(link->conn), .events = (short)(unsent ? POLLIN | POLLOUT : POLLIN)};
    int ready = poll(&socket, 1, LINK_SILENCE_MS);
    if (ready == 0) return lost(link, "no answer", err);
    if (ready < 0) return errno == EINTR ? E_OK : lost(link, strerror(errno), err);
    if ((socket.revents & ~POLLOUT) && !PQconsumeInput(link->conn)) return lost(link, PQerrorMessage(link->conn), err);
    return E_OK;
}

// Push out everything that is queued. Answers that come meanwhile are read into memory (they are short: queued
// statements return no rows), so the server is never stuck on them.
static int push(link_t *link, err_t *err) {
    int unsent, code = E_OK;
    while (code == E_OK && (unsent = PQflush(link->conn)) != 0)
        code = unsent < 0 ? lost(link, PQerrorMessage(link->conn), err) : turn(link, unsent, err);
    link->unsent = 0;
    return code;
}

static int next_result(link_t *link, PGresult **out, err_t *err) {
    int code = E_OK;
    while (code == E_OK && PQisBusy(link->conn)) {
        int unsent = PQflush(link->conn);
        code = unsent < 0 ? lost(link, PQerrorMessage(link->conn), err) : turn(link, unsent, err);
    }
    *out = code == E_OK ? PQgetResult(link->conn) : NULL;
    return code;
}

// Read what the server says to a COPY whose rows were all sent, and go back to the pipeline.
static int end_copy(link_t *link, err_t *err) {
    err_t breaking;
    int failed = E_OK;
    while (link->copying) {
        PGresult *result;
        int code = next_result(link, &result, &breaking);
        if (code == E_OK && !result && !PQenterPipelineMode(link->conn))
            code = lost(link, PQerrorMessage(link->conn), &breaking);
        if (code != E_OK) {
            if (failed == E_OK && err) *err = breaking; // else the server has said why it closed
            return code;
        }
        if (!result) link->copying = false;
        if (result && PQresultStatus(result) != PGRES_COMMAND_OK && failed == E_OK) failed = told(link, result, err);
        PQclear(result);
    }
    return failed;
}

static void name_of(const statement_t *statement, char name[static 32]) {
    snprintf(name, 32, "s%llu", (unsigned long long)statement->serial);
}

// The server forgets the statement that is about to leave the cache.
static int make_room(link_t *link, err_t *err) {
    char sql[64], name[32];
    statement_t *out = statements_next_out(&link->statements);
    if (!out) return E_OK;
    name_of(out, name);
    snprintf(sql, sizeof sql, "DEALLOCATE %s", name);
    if (!PQsendQueryParams(link->conn, sql, 0, NULL, NULL, NULL, NULL, 1))
        return lost(link, PQerrorMessage(link->conn), err);
    link->queue[link->queued++] = 0;
    return E_OK;
}

// The prepared statement of this text, its preparation queued if it is new. NULL: failed.
static statement_t *prepared(link_t *link, const char *sql, const params_t *params, err_t *err) {
    statement_t *statement = statements_find(&link->statements, sql, params->letters);
    if (statement) return statement;
    if (make_room(link, err) != E_OK) return NULL;
    statement = statements_add(&link->statements, sql, params->letters);
    if (!statement) {
        err_set(err, E_STORE, "out of memory");
        return NULL;
    }
    char name[32];
    name_of(statement, name);
    if (!PQsendPrepare(link->conn, name, sql, (int)params->count, params->types)) {
        lost(link, PQerrorMessage(link->conn), err);
        return NULL;
    }
    link->queue[link->queued++] = statement->serial;
    link->unsent += strlen(sql);
    return statement;
}

int link_queue(link_t *link, const char *sql, const params_t *params, err_t *err) {
    static const int binary[STORE_PARAMS_MAX] = {[0 ... STORE_PARAMS_MAX - 1] = 1};
    if (!link->conn) return err_set(err, E_STORE, "postgresql: connection lost");
    int code = end_copy(link, err);
    if (code == E_OK && link->queued >= LINK_QUEUE_MAX) code = link_settle(link, NULL, err);
    if (code != E_OK) return code;
    statement_t *statement = prepared(link, sql, params, err);
    if (!statement) return E_STORE;
    char name[32];
    name_of(statement, name);
    if (!PQsendQueryPrepared(link->conn, name, (int)params->count, params->values, params->lengths, binary, 1))
        return lost(link, PQerrorMessage(link->conn), err);
    link->queue[link->queued++] = 0;
    link->unsent += 64;
    for (size_t i = 0; i < params->count; i++) link->unsent += (size_t)params->lengths[i] + 6;
    return link->unsent < LINK_UNSENT_MAX ? E_OK : push(link, err);
}

// ---- receiving ----

typedef struct settling {
    size_t at;      // index of the command whose result comes next
    int code;       // the first failure
    PGresult *last; // the last result that is no error
    bool done;
} settling_t;

// Takes the result over.
static void take(link_t *link, settling_t *s, PGresult *result, err_t *err) {
    switch (PQresultStatus(result)) {
    case PGRES_PIPELINE_SYNC: s->done = true; break;
    case PGRES_PIPELINE_ABORTED: break; // skipped after a failure that was told before
    case PGRES_COMMAND_OK:
    case PGRES_TUPLES_OK:
        if (s->at < link->queued && link->queue[s->at]) link->confirmed = link->queue[s->at];
        PQclear(s->last);
        s->last = result;
        return;
    default:
        if (s->code == E_OK) s->code = told(link, result, err);
        break;
    }
    PQclear(result);
}

// Read up to the sync. An error leaves `s` with what came before.
static int receive(link_t *link, settling_t *s, err_t *err) {
    err_t breaking;
    while (!s->done) {
        PGresult *result;
        int code = next_result(link, &result, &breaking);
        if (code == E_OK && !result && (!link_alive(link) || s->at++ > link->queued))
            code = lost(link, PQerrorMessage(link->conn), &breaking);
        if (code != E_OK) {
            if (s->code == E_OK && err) *err = breaking; // else the server has said why it closed
            return code;
        }
        if (result) take(link, s, result, err);
    }
    return E_OK;
}

int link_settle(link_t *link, PGresult **last, err_t *err) {
    settling_t s = {0};
    if (last) *last = NULL;
    if (!link->conn) return err_set(err, E_STORE, "postgresql: connection lost");
    int code = end_copy(link, err);
    if (code != E_OK) return code;
    if (!PQpipelineSync(link->conn)) return lost(link, PQerrorMessage(link->conn), err);
    code = receive(link, &s, err);
    if (code == E_OK) code = s.code;
    // Preparations behind a failure were skipped.
    if (code != E_OK) statements_drop_after(&link->statements, link->confirmed);
    link->queued = link->unsent = 0;
    if (code == E_OK && last)
        *last = s.last;
    else
        PQclear(s.last);
    return code;
}

// ---- COPY ----

#define COPY_SLICE 65536 // so that libpq's buffer stays small

static int send_copy(link_t *link, const char *data, size_t size, err_t *err) {
    int code = E_OK;
    for (size_t at = 0; code == E_OK && at < size; at += COPY_SLICE) {
        const size_t bytes = size - at < COPY_SLICE ? size - at : COPY_SLICE;
        if (PQputCopyData(link->conn, data + at, (int)bytes) != 1) return lost(link, PQerrorMessage(link->conn), err);
        code = push(link, err);
    }
    if (code != E_OK) return code;
    return PQputCopyEnd(link->conn, NULL) == 1 ? push(link, err) : lost(link, PQerrorMessage(link->conn), err);
}

// Up to where the server has all rows and owes its answer.
static int copy(link_t *link, const char *sql, const char *data, size_t size, err_t *err) {
    PGresult *result = NULL;
    if (!PQsendQuery(link->conn, sql)) return lost(link, PQerrorMessage(link->conn), err);
    link->copying = true;
    int code = next_result(link, &result, err);
    const ExecStatusType status = PQresultStatus(result);
    if (code == E_OK && status != PGRES_COPY_IN) code = told(link, result, err);
    PQclear(result);
    return code == E_OK ? send_copy(link, data, size, err) : code;
}

int link_copy(link_t *link, const char *sql, const char *data, size_t size, err_t *err) {
    int code = link_settle(link, NULL, err);
    if (code != E_OK) return code;
    if (!PQexitPipelineMode(link->conn)) return lost(link, PQerrorMessage(link->conn), err);
    return copy(link, sql, data, size, err);
}

int link_script(link_t *link, const char *sql, err_t *err) {
    CHECK(link->queued == 0 && !link->copying);
    if (!link->conn) return err_set(err, E_STORE, "postgresql: connection lost");
    if (!PQexitPipelineMode(link->conn)) return lost(link, PQerrorMessage(link->conn), err);
    int code = script(link, sql, err);
    if (link->conn && !PQenterPipelineMode(link->conn)) return lost(link, PQerrorMessage(link->conn), err);
    return code;
}
