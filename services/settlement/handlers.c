// Methods that only read, and the life of the service. Balances are few (accounts × identities × divisions), so a
// prefix is cut out here rather than in SQL, where it would mean something else in each database.
#include "common/base/ids.h"
#include "common/base/log.h"
#include "common/policy/tables.h"
#include "common/wire/scope.h"
#include "counties.h"
#include "dues_lines.h"
#include "law.h"
#include "money_methods.h"
#include "reconcile_handlers.h"
#include "seals.h"
#include "settlement.h"
#include "settlement.pb-c.h"
#include "statements.h"
#include "store.h"
#include "tasks.h"
#include <stdlib.h>
#include <string.h>

enum { ENTRIES_MAX = 1000 };

static int no_memory(err_t *err) { return err_set(err, E_IO, "out of memory for the answer"); }

static Tc__Balances__Row *balance_row(const rows_t *rows, size_t i, arena_t *arena) {
    Tc__Balances__Row *row = arena_alloc(arena, sizeof *row);
    if (!row) return NULL;
    tc__balances__row__init(row);
    row->account = (char *)row_text(rows, i, 0);
    row->fund = (char *)row_text(rows, i, 1);
    row->year = (int32_t)row_i64(rows, i, 2);
    row->identity = (char *)row_text(rows, i, 3);
    row->division = (char *)row_text(rows, i, 4);
    row->balance_fen = row_i64(rows, i, 5);
    row->postings = row_i64(rows, i, 6);
    return row;
}

static bool is_asked(const Tc__GetBalances *ask, const rows_t *rows, size_t i) {
    const char *fund = strcmp(ask->fund, "-") == 0 ? "" : ask->fund;
    return strncmp(row_text(rows, i, 0), ask->account, strlen(ask->account)) == 0 &&
           (!*ask->fund || strcmp(row_text(rows, i, 1), fund) == 0) &&
           (!ask->year || row_i64(rows, i, 2) == ask->year) &&
           (!*ask->division || strcmp(row_text(rows, i, 4), ask->division) == 0);
}

// As of now, or as of a value date, or as the books stood at the end of a day.
static int read_balances(service_ctx_t *ctx, const Tc__GetBalances *ask, rows_t *found, err_t *err) {
    date_t on = DATE_MAX, known_at = DATE_MAX;
    if (*ask->on && date_parse(ask->on, &on))
        return err_field(err, E_INVALID_FIELD, "on", "on: a day like 2020-01-31 was expected");
    if (*ask->known_at && date_parse(ask->known_at, &known_at))
        return err_field(err, E_INVALID_FIELD, "known_at", "known_at: a day like 2020-01-31 was expected");
    if (on == DATE_MAX && known_at == DATE_MAX) return balances_read(ctx->store, ctx->arena, found, err);
    const int64_t before_ms = known_at == DATE_MAX ? INT64_MAX : date_end_ms(known_at);
    return balances_read_on(ctx->store, *ask->on ? ask->on : "9999", before_ms, ctx->arena, found, err);
}

static int get_balances(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                        err_t *err) {
    service_ctx_t *ctx = ((settlement_t *)self)->ctx;
    const Tc__GetBalances *ask = (const Tc__GetBalances *)message;
    (void)request;
    rows_t found;
    int rc = read_balances(ctx, ask, &found, err);
    if (rc) return rc;
    Tc__Balances *balances = arena_alloc(ctx->arena, sizeof *balances);
    if (!balances) return no_memory(err);
    tc__balances__init(balances);
    balances->rows = arena_alloc(ctx->arena, (found.count + 1) * sizeof *balances->rows);
    if (!balances->rows) return no_memory(err);
    for (size_t i = 0; i < found.count; i++) {
        if (!is_asked(ask, &found, i) || !scope_has_division(ctx->scope, row_text(&found, i, 4))) continue;
        Tc__Balances__Row *row = balance_row(&found, i, ctx->arena);
        if (!row) return no_memory(err);
        balances->rows[balances->n_rows++] = row;
    }
    *reply = &balances->base;
    return 0;
}

static int get_entries(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                       err_t *err) {
    service_ctx_t *ctx = ((settlement_t *)self)->ctx;
    const char *reference = ((const Tc__GetEntry *)message)->reference;
    (void)request;
    rows_t found;
    int rc = name_check("reference", reference, err);
    if (rc) return err_field(err, rc, "reference", "reference must be 1 to 64 of A-Z a-z 0-9 . _ : -");
    rc = journal_of_reference(ctx->store, reference, ENTRIES_MAX, ctx->arena, &found, err);
    if (rc) return rc;
    if (!found.count) return err_field(err, E_NOT_FOUND, "reference", "no journal entry for this reference");
    Tc__JournalEntries *entries = arena_alloc(ctx->arena, sizeof *entries);
    if (!entries) return no_memory(err);
    tc__journal_entries__init(entries);
    entries->entries = arena_alloc(ctx->arena, found.count * sizeof *entries->entries);
    if (!entries->entries) return no_memory(err);
    for (size_t i = 0; !rc && i < found.count; i++) {
        size_t bytes;
        const void *body = row_blob(&found, i, 0, &bytes);
        rc = message_unpack((ProtobufCMessage **)&entries->entries[entries->n_entries], &tc__journal_entry__descriptor,
                            body, bytes, ctx->arena, err);
        if (!rc) rc = counties_check_entry(self, entries->entries[entries->n_entries++], err);
    }
    *reply = &entries->base;
    return rc;
}

static int get_entry(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                     err_t *err) {
    service_ctx_t *ctx = ((settlement_t *)self)->ctx;
    const char *reference = ((const Tc__GetEntry *)message)->reference;
    (void)request;
    const void *body;
    size_t bytes;
    int rc = name_check("reference", reference, err);
    if (rc) return err_field(err, rc, "reference", "reference must be 1 to 64 of A-Z a-z 0-9 . _ : -");
    rc = journal_find_reference(ctx->store, reference, ctx->arena, &body, &bytes, err);
    if (!rc) rc = message_unpack(reply, &tc__journal_entry__descriptor, body, bytes, ctx->arena, err);
    return rc ? rc : counties_check_entry(self, (const Tc__JournalEntry *)*reply, err);
}

static int get_seals(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                     err_t *err) {
    service_ctx_t *ctx = ((settlement_t *)self)->ctx;
    const Tc__GetSeals *ask = (const Tc__GetSeals *)message;
    Tc__Seals *seals = NULL;
    (void)request;
    int rc = seals_read(ctx->store, ask->from, ask->to, ctx->arena, &seals, err);
    if (!rc) *reply = &seals->base;
    return rc;
}

enum { READERS = ROLE_ADMIN | ROLE_CLERK | ROLE_SERVICE, CLERKS = ROLE_ADMIN | ROLE_CLERK };

static const method_t methods[] = {
    {"get_balances", READERS | METHOD_DISTRICTS, true, &tc__get_balances__descriptor, get_balances},
    {"get_entry", READERS | METHOD_DISTRICTS, true, &tc__get_entry__descriptor, get_entry},
    {"get_entries", READERS | METHOD_DISTRICTS, true, &tc__get_entry__descriptor, get_entries},
    {"get_seals", READERS, true, &tc__get_seals__descriptor, get_seals},
    DUES_METHODS,
    MONEY_METHODS(READERS, CLERKS) TASKS_METHODS(READERS, CLERKS) RECONCILE_METHODS(READERS, CLERKS)};

// ---- life
// ---------------------------------------------------------------------------------------------------------------

int settlement_new(settlement_t **out, service_ctx_t *ctx, err_t *err) {
    settlement_t *settlement = calloc(1, sizeof *settlement);
    if (!settlement) return err_set(err, E_IO, "out of memory");
    int rc = writer_new(&settlement->writer, ctx->store, ctx->stream, err);
    if (!rc) rc = poster_new(&settlement->poster, settlement->writer, err);
    if (rc) {
        settlement_destroy(&settlement);
        return rc;
    }
    settlement->ctx = ctx;
    settlement->adjudication = (poster_source_t){settlement->poster, "adjudication"};
    settlement->collection = (poster_source_t){settlement->poster, "collection"};
    *out = settlement;
    return 0;
}

int settlement_set_law(settlement_t *settlement, policy_t *policy, calendar_t *calendar, err_t *err) {
    (void)err;
    settlement->policy = policy;
    settlement->calendar = calendar;
    settlement->poster->fund = policy ? policy->fund : NULL;
    return E_OK;
}

void settlement_destroy(settlement_t **settlement) {
    if (!*settlement) return;
    agency_door_destroy(&(*settlement)->door);
    policy_destroy(&(*settlement)->policy);
    calendar_destroy(&(*settlement)->calendar);
    poster_destroy(&(*settlement)->poster);
    writer_destroy(&(*settlement)->writer);
    seal_key_destroy(&(*settlement)->key);
    free(*settlement);
    *settlement = NULL;
}

static int follow(service_ctx_t *ctx, poster_source_t *source, err_t *err) {
    consumer_conf_t conf = {.client = ctx->client_conf,
                            .service = source->service,
                            .name = "ledger",
                            .store = ctx->store,
                            .gather_ms = conf_int(ctx->conf, "ledger.gather_ms"),
                            .rest_percent = (int)conf_int(ctx->conf, "ledger.rest_percent"),
                            .effect = {source, poster_apply, poster_committed, poster_rolled_back}};
    return service_consume(ctx, &conf, err);
}

// ---- seals

// Without a key days stay open, and are sealed when there is one.
static int load_key(settlement_t *settlement, err_t *err) {
    err_t why = {0};
    int rc = seal_key_load(&settlement->key, conf_text(settlement->ctx->conf, "keys.dir"), true, &why);
    if (rc == E_NOT_FOUND) {
        log_warn("seal_key_missing", "text=%s", log_value("days are not sealed: `tongchou fund key` makes a key"));
        return E_OK;
    }
    if (rc) *err = why;
    return rc;
}

static void seal_days(settlement_t *settlement, int64_t now_ms) {
    const date_t today = date_of_ms(now_ms);
    err_t err = {0};
    int made = 0;
    if (!settlement->key || settlement->sealed_until >= today) return;
    settlement->sealed_until = today; // a failure is tried again tomorrow, or at the next start
    int rc = seals_make(settlement->ctx->store, settlement->writer->chain, settlement->key, today, now_ms,
                        settlement->poster->arena, &made, &err);
    if (rc) log_error("seal_failed", "code=%s text=%s", err_name(rc), log_value(err.text));
    if (made) log_info("days_sealed", "count=%d", made);
}

static void tick(void *self, int64_t now_ms) {
    seal_days(self, now_ms);
    dues_tick(self, now_ms);
    tasks_tick(self, now_ms);
}

static void rolled_back(void *self) { ((settlement_t *)self)->writer->reload = true; }

static int open_door(settlement_t *settlement, err_t *err) {
    const service_ctx_t *ctx = settlement->ctx;
    const agency_door_conf_t conf = {.context = ctx->zmq,
                                     .keys = ctx->keys,
                                     .keys_dir = conf_text(ctx->conf, "keys.dir"),
                                     .store = ctx->store,
                                     .log = &settlement_log,
                                     .bind = conf_text(ctx->conf, "agency.bind")};
    return *conf.bind ? agency_door_new(&settlement->door, &conf, err) : E_OK;
}

static size_t sockets(const void *self, void **out, size_t room) {
    const settlement_t *settlement = self;
    return settlement->door ? agency_door_sockets(settlement->door, out, room) : 0;
}

static int turn(void *self) {
    settlement_t *settlement = self;
    return settlement->door ? agency_door_turn(settlement->door, stream_heads(settlement->ctx->stream)) : 0;
}

static int start(service_ctx_t *ctx, void **self, err_t *err) {
    settlement_t *settlement;
    policy_t *policy;
    calendar_t *calendar;
    int rc = settlement_new(&settlement, ctx, err);
    if (rc) return rc;
    rc = law_load(ctx->conf, &policy, &calendar, err);
    if (!rc) rc = settlement_set_law(settlement, policy, calendar, err);
    if (!rc) rc = writer_chain_old_rows(settlement->writer, settlement->poster->arena, err);
    if (!rc) rc = load_key(settlement, err);
    if (!rc) rc = follow(ctx, &settlement->adjudication, err);
    if (!rc) rc = follow(ctx, &settlement->collection, err);
    if (!rc) rc = open_door(settlement, err);
    if (rc)
        settlement_destroy(&settlement);
    else
        *self = settlement;
    return rc;
}

static void stop(void *self) {
    settlement_t *settlement = self;
    settlement_destroy(&settlement);
}

const service_t settlement_service = {
    .name = "settlement",
    .migrations = settlement_migrations,
    .migration_count = SETTLEMENT_MIGRATIONS,
    .log = &settlement_log,
    .methods = methods,
    .method_count = COUNT_OF(methods),
    .start = start,
    .stop = stop,
    .sockets = sockets,
    .turn = turn,
    .rolled_back = rolled_back,
    .tick = tick,
};
