// Message in, message out. Each handler reads, lets the core decide, then writes; a refusal writes nothing.
#include "billing.h"
#include "common/base/log.h"
#include "common/policy/fee_window.h"
#include "common/wire/scope.h"
#include "counting.h"
#include "debits.h"
#include "desk.h"
#include "districts.h"
#include "failed_debits.h"
#include "feed.h"
#include "fund_credit.h"
#include "merger.h"
#include "obligations.h"
#include "own_share.h"
#include "owed.h"
#include "parked.h"
#include "preview.h"
#include "rebuild.h"
#include "receipts.h"
#include "subsidies.h"
#include "targets.h"
#include "years.h"
#include <string.h>

enum { PERSONS_PER_QUERY_MAX = 1000, SCRATCH_BYTES = 256 * 1024, SCRATCH_LIMIT = 256 * 1024 * 1024 };

static int out_of_memory(err_t *err) { return err_set(err, E_IO, "out of memory"); }

// ---- billing
// ------------------------------------------------------------------------------------------------------------

// Bills run ahead by one period at most: what is due later may still change with the city's notices.
static month_t this_month(void) { return month_of(date_of_ms(clock_now_ms())); }

static int bill_month(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                      err_t *err) {
    (void)request;
    collection_t *c = self;
    const Tc__BillMonth *ask = (const Tc__BillMonth *)message;
    month_t month;
    if (!*ask->month) return err_field(err, E_MISSING_FIELD, "month", "month is missing");
    if (month_parse(ask->month, &month))
        return err_field(err, E_INVALID_FIELD, "month", "month: expected a month like 2018-03");
    if (month > this_month() + 1)
        return err_field(err, E_OUT_OF_RANGE, "month", "month: %s lies beyond the next month", ask->month);
    const period_t period = period_of_month(month);
    const walk_t walk = {ask->after, ask->limit, ask->part, ask->parts};
    return billing_run(&c->env, &period, &walk, (Tc__BillRun **)reply, err);
}

static int credit_month(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                        err_t *err) {
    (void)request;
    collection_t *c = self;
    const Tc__CreditMonth *ask = (const Tc__CreditMonth *)message;
    month_t month;
    if (!*ask->month) return err_field(err, E_MISSING_FIELD, "month", "month is missing");
    if (month_parse(ask->month, &month))
        return err_field(err, E_INVALID_FIELD, "month", "month: expected a month like 2018-03");
    if (month > this_month())
        return err_field(err, E_OUT_OF_RANGE, "month", "month: %s lies in the future", ask->month);
    const walk_t walk = {ask->after, ask->limit, ask->part, ask->parts};
    return fund_credit_run(c, month, &walk, (Tc__CreditRun **)reply, err);
}

static int tell_window(collection_t *c, const year_window_t *window, Tc__BillRun *run, err_t *err) {
    char day[DATE_TEXT_MAX];
    run->opens = arena_text(c->ctx->arena, "%s", date_format(window->opens, day));
    run->closes = arena_text(c->ctx->arena, "%s", date_format(window->closes, day));
    return run->opens && run->closes ? 0 : out_of_memory(err);
}

static int bill_year(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                     err_t *err) {
    (void)request;
    collection_t *c = self;
    const Tc__BillYear *ask = (const Tc__BillYear *)message;
    if (!date_valid(ask->year, 1, 1)) return err_field(err, E_INVALID_FIELD, "year", "year: expected 1900 to 2199");
    if (ask->year > month_year(this_month()) + 1)
        return err_field(err, E_OUT_OF_RANGE, "year", "year: %d lies beyond the next year", (int)ask->year);
    const period_t period = period_of_year(ask->year);
    const walk_t walk = {ask->after, ask->limit, ask->part, ask->parts};
    const year_window_t *window;
    int rc = fee_window_of(c->env.policy, ask->year, &window, err);
    if (rc == 0) rc = billing_run(&c->env, &period, &walk, (Tc__BillRun **)reply, err);
    return rc || !window ? rc : tell_window(c, window, (Tc__BillRun *)*reply, err);
}

// ---- the whole city again, and what if
// ---------------------------------------------------------------------------------

static int rebuild(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                   err_t *err) {
    (void)request;
    collection_t *c = self;
    const Tc__Rebuild *ask = (const Tc__Rebuild *)message;
    const walk_t walk = {ask->after, ask->limit, ask->part, ask->parts};
    return rebuild_run(&c->env, &walk, (Tc__RebuildRun **)reply, err);
}

static int preview(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                   err_t *err) {
    (void)request;
    collection_t *c = self;
    return preview_ask(&c->env, (const Tc__PreviewPayment *)message, (Tc__Preview **)reply, err);
}

// ---- dues
// --------------------------------------------------------------------------------------------------

static int get_due(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                   err_t *err) {
    (void)request;
    collection_t *c = self;
    const Tc__GetDue *ask = (const Tc__GetDue *)message;
    payer_key_t payer;
    int64_t count = 0;
    Tc__Due *due = arena_alloc(c->ctx->arena, sizeof *due);
    if (!due) return out_of_memory(err);
    tc__due__init(due);
    int rc = desk_payer(ask->employer, ask->person, ask->period, &payer, err);
    if (rc == 0) rc = merger_lead(c, payer.person, &payer.person, err);
    if (rc == 0) rc = districts_check_payer(c, payer.employer, payer.person, err);
    if (rc == 0) rc = bills_sum(c->ctx->store, &payer, c->ctx->arena, &count, &due->amount_fen, err);
    if (rc == 0 && count == 0) rc = desk_need_payer(c, ask->employer, ask->person, err);
    if (rc) return rc;
    due->bills = (int32_t)count;
    *reply = &due->base;
    return 0;
}

// ---- questions
// ----------------------------------------------------------------------------------------------------------

// Behind those that were asked for, the persons whom merged numbers among them lead to.
static int add_leads(collection_t *c, const Tc__GetEntitlements *ask, rows_t *keys, err_t *err) {
    const char **persons = arena_alloc(c->ctx->arena, (ask->n_persons + 1) * sizeof *persons);
    if (!persons) return out_of_memory(err);
    for (size_t i = 0; i < ask->n_persons; i++) persons[i] = ask->persons[i];
    int rc = merger_lead_all(c, persons, ask->n_persons, err);
    for (size_t i = 0; rc == 0 && i < ask->n_persons; i++) {
        bool there = persons[i] == ask->persons[i];
        for (size_t k = 0; k < keys->count && !there; k++) there = strcmp(rows_at(keys, k)[1].data, persons[i]) == 0;
        if (!there) rc = key_add(keys, persons[i], err);
    }
    return rc;
}

static int get_entitlements(void *self, const request_t *request, const ProtobufCMessage *message,
                            ProtobufCMessage **reply, err_t *err) {
    (void)request;
    collection_t *c = self;
    const Tc__GetEntitlements *ask = (const Tc__GetEntitlements *)message;
    rows_t keys, rows;
    int rc = 0;
    if (ask->n_persons > PERSONS_PER_QUERY_MAX)
        return err_field(err, E_TOO_LARGE, "persons", "at most %d persons at once", PERSONS_PER_QUERY_MAX);
    rows_init(&keys, c->ctx->arena, 2);
    for (size_t i = 0; rc == 0 && i < ask->n_persons; i++) rc = key_add(&keys, ask->persons[i], err);
    if (rc == 0) rc = add_leads(c, ask, &keys, err);
    if (rc == 0) rc = entitlements_of(c->ctx->store, &keys, c->ctx->arena, &rows, err);
    if (rc) return rc;
    recache_warm(c->env.recache, &keys, &rows);
    Tc__Entitlements *answer = arena_alloc(c->ctx->arena, sizeof *answer);
    Tc__Entitlement **list = arena_alloc(c->ctx->arena, (rows.count + 1) * sizeof *list);
    if (!answer || !list) return out_of_memory(err);
    tc__entitlements__init(answer);
    answer->entitlements = list;
    for (; rc == 0 && answer->n_entitlements < rows.count; answer->n_entitlements++) {
        size_t size;
        const void *body = row_blob(&rows, answer->n_entitlements, 2, &size);
        rc = message_unpack((ProtobufCMessage **)&list[answer->n_entitlements], &tc__entitlement__descriptor, body,
                            size, c->ctx->arena, err);
        if (rc == 0) rc = scope_check_division(c->ctx->scope, list[answer->n_entitlements]->division, err);
    }
    *reply = &answer->base;
    return rc;
}

static int get_bills(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                     err_t *err) {
    (void)request;
    collection_t *c = self;
    const Tc__GetBills *ask = (const Tc__GetBills *)message;
    rows_t rows;
    if (!*ask->person) return err_field(err, E_MISSING_FIELD, "person", "person is missing");
    const char *person;
    int rc = merger_lead(c, ask->person, &person, err);
    if (rc == 0) rc = districts_check_payer(c, "", person, err);
    if (rc == 0) rc = bills_of(c->ctx->store, person, c->ctx->arena, &rows, err);
    if (rc == 0 && rows.count == 0) rc = desk_need_payer(c, "", ask->person, err);
    if (rc) return rc;
    Tc__ContributionBills *answer = arena_alloc(c->ctx->arena, sizeof *answer);
    Tc__ContributionBill **list = arena_alloc(c->ctx->arena, (rows.count + 1) * sizeof *list);
    if (!answer || !list) return out_of_memory(err);
    tc__contribution_bills__init(answer);
    answer->bills = list;
    for (size_t i = 0; rc == 0 && i < rows.count; i++) {
        size_t size;
        const void *body = row_blob(&rows, i, 0, &size);
        rc = bill_unpack(body, size, row_i64(&rows, i, 2), c->ctx->arena, &list[i], err);
        if (rc == 0) list[i]->paid_on = (char *)row_text(&rows, i, 1);
    }
    answer->n_bills = rows.count;
    *reply = &answer->base;
    return rc;
}

// ---- life
// ---------------------------------------------------------------------------------------------------------------

int collection_new(collection_t **out, service_ctx_t *ctx, const policy_t *policy, bool caching, err_t *err) {
    collection_t *c = calloc(1, sizeof *c);
    if (!c) return out_of_memory(err);
    c->ctx = ctx;
    c->env = (renew_env_t){.ctx = ctx, .policy = policy, .scratch = arena_new(SCRATCH_BYTES, SCRATCH_LIMIT)};
    c->env.desk = c;
    c->slice_us = INT64_MAX; // in one piece
    c->stale_us = COUNTING_STALE_MS * 1000LL;
    int rc = c->env.scratch ? recache_new(&c->env.recache, ctx, caching, err) : out_of_memory(err);
    if (rc) collection_destroy(&c);
    *out = c;
    return rc;
}

void collection_destroy(collection_t **collection) {
    if (!collection || !*collection) return;
    collection_t *c = *collection;
    recache_destroy(&c->env.recache);
    counting_destroy(&c->counting);
    owed_destroy(&c->owed);
    arena_destroy(&c->env.scratch);
    policy_destroy(&c->own_policy);
    free(c);
    *collection = NULL;
}

consumer_effect_t collection_feed(collection_t *collection) { return feed_effect(&collection->env); }

static int start(service_ctx_t *ctx, void **self, err_t *err) {
    policy_t *policy = NULL;
    collection_t *c = NULL;
    int rc = own_share_fill(ctx->store, ctx->arena, err);
    if (rc) return rc;
    rc = policy_load(&policy, conf_text(ctx->conf, "policy.city"), conf_list(ctx->conf, "policy.overlays"), err);
    if (rc) return rc;
    rc = collection_new(&c, ctx, policy, *conf_text(ctx->conf, "redis.url") != '\0', err);
    if (rc) {
        policy_destroy(&policy);
        return rc;
    }
    c->own_policy = policy;
    c->slice_us = COUNTING_SLICE_MS * 1000LL;
    consumer_conf_t feed = {.client = ctx->client_conf,
                            .service = "enrollment",
                            .name = "collection",
                            .store = ctx->store,
                            .batch = CONSUMER_BATCH_MAX, // a city that arrives is written in large sets
                            .effect = collection_feed(c)};
    rc = service_consume(ctx, &feed, err);
    if (rc) {
        collection_destroy(&c);
        return rc;
    }
    log_info("policy_loaded", "city=%s hash=%s", log_value(policy_city(policy)), policy_hash(policy));
    *self = c;
    return 0;
}

static void stop(void *self) {
    collection_t *c = self;
    collection_destroy(&c);
}

static void after_commit(void *self) {
    collection_t *c = self;
    recache_flush(c->env.recache);
    owed_go_on(c);
}

static void rolled_back(void *self) {
    collection_t *c = self;
    recache_forget(c->env.recache);
    owed_go_on(c);
}

static void tick(void *self, int64_t now_ms) { recache_tick(((collection_t *)self)->env.recache, now_ms); }

#define WRITERS (ROLE_ADMIN | ROLE_CLERK)
#define READERS (WRITERS | ROLE_SERVICE)
static const method_t methods[] = {
    {"bill_month", WRITERS | METHOD_DISTRICTS, false, &tc__bill_month__descriptor, bill_month},
    {"bill_year", WRITERS | METHOD_DISTRICTS, false, &tc__bill_year__descriptor, bill_year},
    {"credit_month", WRITERS | METHOD_DISTRICTS, false, &tc__credit_month__descriptor, credit_month},
    {"rebuild", WRITERS | METHOD_DISTRICTS, false, &tc__rebuild__descriptor, rebuild},
    {"preview", READERS | METHOD_DISTRICTS, true, &tc__preview_payment__descriptor, preview},
    {"get_due", READERS | METHOD_DISTRICTS, true, &tc__get_due__descriptor, get_due},
    {"receive", WRITERS | METHOD_DISTRICTS, false, &tc__receive__descriptor, receipts_receive},
    {"import_receipts", WRITERS | METHOD_DISTRICTS, false, &tc__import_receipts__descriptor, receipts_import},
    {"list_receipts_parked", READERS | METHOD_DISTRICTS, true, &tc__list_receipts_parked__descriptor, parked_list},
    {"resolve_receipt", WRITERS | METHOD_DISTRICTS, false, &tc__resolve_receipt__descriptor, parked_resolve},
    {"get_years", READERS | METHOD_DISTRICTS, true, &tc__get_years__descriptor, years_get},
    {"assess_retirement", READERS | METHOD_DISTRICTS, true, &tc__assess_retirement__descriptor, years_assess},
    {"bill_lump_sum", WRITERS | METHOD_DISTRICTS, false, &tc__bill_lump_sum__descriptor, years_bill_lump_sum},
    {"receive_subsidy", WRITERS | METHOD_DISTRICTS, false, &tc__receive_subsidy__descriptor, subsidies_receive},
    {"get_obligations", READERS | METHOD_DISTRICTS, true, &tc__get_obligations__descriptor, obligations_get},
    {"set_target", WRITERS, false, &tc__set_target__descriptor, targets_set},
    {"set_debit_account", WRITERS | METHOD_DISTRICTS, false, &tc__set_debit_account__descriptor, debits_set_account},
    {"list_debits", WRITERS, true, &tc__list_debits__descriptor, debits_list},
    {"report_debits", WRITERS | METHOD_DISTRICTS, false, &tc__report_debits__descriptor, failed_debits_report},
    {"list_failed_debits", READERS | METHOD_DISTRICTS, true, &tc__list_failed_debits__descriptor, failed_debits_list},
    {"get_targets", READERS | METHOD_DISTRICTS, true, &tc__get_targets__descriptor, targets_get},
    {"get_entitlements", READERS | METHOD_DISTRICTS, true, &tc__get_entitlements__descriptor, get_entitlements},
    {"get_bills", READERS | METHOD_DISTRICTS, true, &tc__get_bills__descriptor, get_bills},
};

const service_t collection_service = {
    .name = "collection",
    .migrations = collection_migrations,
    .migration_count = COLLECTION_MIGRATIONS,
    .log = &stream_table_log,
    .methods = methods,
    .method_count = COUNT_OF(methods),
    .start = start,
    .stop = stop,
    .after_commit = after_commit,
    .rolled_back = rolled_back,
    .tick = tick,
};
