// The program's own auditor (services/cli/verify*.c) over read-only connections, and a few sums of our own that are
// cheap enough for every commit.
#include "audit.h"
#include "adjudication.pb-c.h"
#include "collection.pb-c.h"
#include "common/stream/stream.h"
#include "common/wire/message.h"
#include "services.h"
#include "services/cli/verify.h"
#include "world.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static verify_t on;
static bool opened;
static arena_t *arena;

// A service that has not come up once has no tables yet.
static int open_one(store_t **store, const char *url, const service_t *service, err_t *err) {
    rows_t rows;
    int code = store_open_read_only(store, url, service->name, err);
    arena_reset(arena);
    if (!code) code = store_query(*store, "SELECT COUNT(*) FROM schema_version", NULL, 0, arena, &rows, err);
    if (!code && row_i64(&rows, 0, 0) != (int64_t)service->migration_count)
        code = err_set(err, E_STORE, "%s is not there yet", service->name);
    return code;
}

int audit_open(const audit_conf_t *conf, err_t *err) {
    char url[512];
    const struct {
        store_t **store;
        const service_t *service;
    } all[] = {{&on.enrollment, &enrollment_service},
               {&on.facility, &facility_service},
               {&on.collection, &collection_service},
               {&on.adjudication, &adjudication_service},
               {&on.settlement, &settlement_service}};
    int code = E_OK;
    if (opened) return E_OK;
    if (!arena) {
        on = (verify_t){.page = arena_new(1 << 20, 0), .side = arena_new(1 << 20, 0), .work = arena_new(1 << 16, 0)};
        arena = arena_new(1 << 20, 0);
        CHECK(on.page && on.side && on.work && arena);
        CHECK(cache_new(&on.cache, "redis://redis:6379", (const uint8_t[32]){7}, 1000, err) == E_OK);
        on.keys_dir = conf->keys_dir;
        if (policy_load(&on.policy, conf->law, (const char *[]){conf->overlay, NULL}, err))
            world_fail("the auditor's law: %s", err->text);
    }
    snprintf(url, sizeof url, "sqlite:%s", conf->dir);
    for (size_t i = 0; !code && i < COUNT_OF(all); i++) code = open_one(all[i].store, url, all[i].service, err);
    opened = true;
    if (code) audit_close();
    return code;
}

void audit_close(void) {
    if (!opened) return;
    store_close(&on.enrollment);
    store_close(&on.facility);
    store_close(&on.collection);
    store_close(&on.adjudication);
    store_close(&on.settlement);
    opened = false;
}

bool audit_is_open(void) { return opened; }
store_t *audit_adjudication(void) { return on.adjudication; }
store_t *audit_settlement(void) { return on.settlement; }

// ---- numbers

static int64_t number(store_t *store, const char *sql) {
    rows_t rows;
    err_t err = {0};
    arena_reset(arena);
    if (store_query(store, sql, NULL, 0, arena, &rows, &err))
        world_fail("the auditor cannot read: %s: %s", sql, err.text);
    return rows.count ? row_i64(&rows, 0, 0) : 0;
}

static void must_be(int64_t expected, store_t *store, const char *sql, const char *law) {
    const int64_t found = number(store, sql);
    if (found != expected) world_fail("%s: %lld, expected %lld", law, (long long)found, (long long)expected);
}

#define HOLES(table)                                                                                                   \
    "SELECT COUNT(*) FROM (SELECT COUNT(*) AS n, MIN(number) AS low, MAX(number) AS high FROM " table                  \
    " GROUP BY partition) AS p WHERE n <> high OR low <> 1"

void audit_step(void) {
    must_be(0, on.settlement, "SELECT CAST(COALESCE(SUM(amount_fen), 0) AS BIGINT) FROM balance", "the ledger's sum");
    must_be(0, on.settlement,
            "SELECT COUNT(*) FROM (SELECT SUM(amount_fen) AS s FROM posting GROUP BY partition, number) AS e"
            " WHERE s <> 0",
            "entries that do not sum to zero");
    must_be(0, on.adjudication, HOLES("decision"), "partitions of decisions with a gap");
    must_be(0, on.settlement, HOLES("journal"), "partitions of the journal with a gap");
    must_be(0, on.collection, HOLES("event"), "partitions of collection's events with a gap");
    must_be(0, on.adjudication,
            "SELECT COUNT(*) FROM (SELECT bill FROM decision WHERE kind = 0 GROUP BY bill HAVING COUNT(*) > 1) AS b",
            "bills settled twice");
}

// ---- the program's own checks

typedef int check_t(verify_t *verify, err_t *err);

static void run(const char *name, check_t *check) {
    err_t err = {0};
    on.check = name;
    on.looked_at = on.broken = 0;
    on.skipped = NULL;
    if (check(&on, &err)) world_fail("the auditor cannot read for %s: %s", name, err.text);
    if (on.broken) world_fail("the check of %s finds %lld broken records", name, on.broken);
}

void audit_now(void) {
    audit_step();
    run("streams", verify_streams);
    run("cursors", verify_cursors);
    run("chains", verify_chains);
    run("states", verify_states);
    run("ledger", verify_ledger);
    run("receipts", verify_bills);
}

void audit_end(void) {
    audit_now();
    run("versions", verify_versions);
    run("persons", verify_persons);
    run("parked", verify_parked);
    run("receipts", verify_receipts);
    run("held", verify_held);
    run("accounts", verify_accounts);
    run("personal", verify_personal);
    run("money", verify_money);
    run("seals", verify_seals);
    run("posted", verify_posted);
    run("cache", verify_cache);
}

// ---- rest

typedef struct way { // of events, from a log to a consumer's cursor
    store_t *log, *consumer;
    const char *log_sql, *service, *name;
} way_t;

#define HEADS(table)                                                                                                   \
    "SELECT CAST(COALESCE(SUM(h), 0) AS BIGINT) FROM (SELECT MAX(number) AS h FROM " table " GROUP BY partition) AS p"

static int64_t taken(const way_t *way) {
    const cell_t params[] = {cell_text(way->service), cell_text(way->name)};
    rows_t rows;
    err_t err = {0};
    arena_reset(arena);
    if (store_query(way->consumer,
                    "SELECT CAST(COALESCE(SUM(number), 0) AS BIGINT) FROM stream_cursor WHERE service = $1 AND"
                    " consumer = $2",
                    params, 2, arena, &rows, &err))
        world_fail("the auditor cannot read cursors: %s", err.text);
    return row_i64(&rows, 0, 0);
}

bool audit_is_level(char *why, size_t room) {
    const way_t ways[] = {
        {on.enrollment, on.collection, HEADS("event"), "enrollment", "collection"},
        {on.collection, on.settlement, HEADS("event"), "collection", "ledger"},
        {on.adjudication, on.settlement, HEADS("decision"), "adjudication", "ledger"},
        {on.collection, on.adjudication, HEADS("event"), "collection", "readjudicate"},
        {on.collection, on.adjudication, HEADS("event"), "collection", "accounts"},
        {on.facility, on.adjudication, HEADS("event"), "facility", "readjudicate"},
    };
    for (size_t i = 0; i < COUNT_OF(ways); i++) {
        const int64_t head = number(ways[i].log, ways[i].log_sql), at = taken(&ways[i]);
        snprintf(why, room, "%s of %s is at %lld of %lld", ways[i].name, ways[i].service, (long long)at,
                 (long long)head);
        if (at != head) return false;
    }
    const int64_t queued = number(on.adjudication, "SELECT COUNT(*) FROM recompute_queue");
    const int64_t open =
        number(on.adjudication, "SELECT COUNT(*) FROM recompute_task WHERE number > 0 AND ended_ms = 0");
    snprintf(why, room, "%lld persons and years and %lld tasks are to be decided again", (long long)queued,
             (long long)open);
    return queued == 0 && open == 0;
}

// ---- the picture

static void print_amounts(FILE *out, const char *what, Tc__Amount *const *amounts, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (amounts[i]->amount_fen)
            fprintf(out, " %s/%s=%lld", what, amounts[i]->name, (long long)amounts[i]->amount_fen);
}

static int print_decisions(FILE *out, err_t *err) {
    rows_t rows;
    arena_reset(arena);
    int code = store_query(on.adjudication,
                           "SELECT d.body FROM decision d WHERE d.kind IN (0, 2) AND NOT EXISTS (SELECT 1 FROM decision"
                           " l WHERE l.bill = d.bill AND l.version = d.version + 1) ORDER BY d.bill",
                           NULL, 0, arena, &rows, err);
    for (size_t i = 0; !code && i < rows.count; i++) {
        ProtobufCMessage *message;
        size_t bytes;
        const void *body = row_blob(&rows, i, 0, &bytes);
        code = message_unpack(&message, &tc__decision__descriptor, body, bytes, arena, err);
        if (code) break;
        const Tc__Decision *d = (const Tc__Decision *)message;
        fprintf(out, "bill %s of %s %d %s %s total=%lld deductible=%lld fund=%lld own=%lld", d->bill, d->person,
                d->year, d->decision, d->identity, (long long)d->total_fen, (long long)d->deductible_fen,
                (long long)d->fund_fen, (long long)d->own_fen);
        print_amounts(out, "paid", d->paid, d->n_paid);
        print_amounts(out, "used", d->used, d->n_used);
        fputc('\n', out);
    }
    return code;
}

#define EACH_BALANCE "SELECT account, identity, division, fund, year, amount_fen FROM balance WHERE amount_fen <> 0"
#define MONEY_AND_PAYABLE "(account LIKE 'money/%' OR account LIKE 'payable/%')"

static int print_balances(FILE *out, bool paid, err_t *err) {
    rows_t rows;
    arena_reset(arena);
    int code = store_query(on.settlement,
                           paid ? EACH_BALANCE " AND NOT " MONEY_AND_PAYABLE
                                               " UNION ALL SELECT 'money and payable', '', '', fund, 0, SUM(amount_fen)"
                                               " FROM balance WHERE " MONEY_AND_PAYABLE
                                               " GROUP BY fund HAVING SUM(amount_fen) <> 0"
                                               " ORDER BY 1, 4, 5, 2, 3"
                                : EACH_BALANCE " ORDER BY 1, 4, 5, 2, 3",
                           NULL, 0, arena, &rows, err);
    for (size_t i = 0; !code && i < rows.count; i++)
        fprintf(out, "balance %s %s %s %s %lld %lld\n", row_text(&rows, i, 0), row_text(&rows, i, 1),
                row_text(&rows, i, 2), row_text(&rows, i, 3), (long long)row_i64(&rows, i, 4),
                (long long)row_i64(&rows, i, 5));
    return code;
}

static int print_entitlements(FILE *out, err_t *err) {
    rows_t rows;
    arena_reset(arena);
    int code =
        store_query(on.collection, "SELECT person, body FROM entitlement ORDER BY person", NULL, 0, arena, &rows, err);
    for (size_t i = 0; !code && i < rows.count; i++) {
        ProtobufCMessage *message;
        size_t bytes;
        const void *body = row_blob(&rows, i, 1, &bytes);
        code = message_unpack(&message, &tc__entitlement__descriptor, body, bytes, arena, err);
        if (code) break;
        const Tc__Entitlement *e = (const Tc__Entitlement *)message;
        fprintf(out, "person %s in %s:", e->person, e->division);
        for (size_t s = 0; s < e->n_spans; s++)
            fprintf(out, " %s %s..%s %d/%d", e->spans[s]->identity, e->spans[s]->first_month, e->spans[s]->last_month,
                    e->spans[s]->months_tier1, e->spans[s]->months_tier2);
        fputc('\n', out);
    }
    return code;
}

int audit_picture(const char *path, bool paid) {
    FILE *out = fopen(path, "w");
    err_t err = {0};
    CHECK(out);
    int code = print_decisions(out, &err);
    if (!code) code = print_balances(out, paid, &err);
    if (!code) code = print_entitlements(out, &err);
    if (code) world_fail("the picture: %s", err.text);
    return fclose(out);
}
