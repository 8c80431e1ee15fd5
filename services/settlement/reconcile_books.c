#include "reconcile_books.h"
#include "common/wire/message.h"
#include "settlement.pb-c.h"
#include <string.h>

enum { CATCH_UP_CALLS_MAX = 20 };

static const char adjudication[] = "adjudication";

static int no_memory(err_t *err) { return err_set(err, E_IO, "out of memory for the books"); }

int books_party(const settlement_t *settlement, const char *account, const char *county, const char **out, err_t *err) {
    const fund_rules_t *fund = settlement->policy ? settlement->policy->fund : NULL;
    const fund_account_t *known = book_account(fund, account);
    const bool own = fund ? known && account_keeps_money(known->kind) : strcmp(account, "treasury") == 0;
    if (!own) return err_field(err, E_NOT_FOUND, "account", "the city keeps no money of the fund in %.64s", account);
    const bool by_county = known && known->holder == HOLDER_COUNTY;
    if (by_county != (*county != 0))
        return err_field(err, E_INVALID_FIELD, "county",
                         by_county ? "county: counties hold this account, one of them was expected"
                                   : "county: this account is the city's, none was expected");
    *out = book_party_name(fund, account, county, settlement->ctx->arena);
    return *out ? E_OK : no_memory(err);
}

// ---- following the journal

typedef struct follower {
    const fund_rules_t *fund;
    const int64_t *upto; // PARTITIONS numbers of adjudication's log; NULL: all
} follower_t;

static int changes_of_row(void *self, uint32_t partition, const void *body, size_t bytes, arena_t *arena,
                          rows_t *changes, standing_verdict_t *verdict, err_t *err) {
    const follower_t *follower = self;
    ProtobufCMessage *message;
    int rc = message_unpack(&message, &tc__journal_entry__descriptor, body, bytes, arena, err);
    if (rc) return rc;
    const Tc__JournalEntry *entry = (const Tc__JournalEntry *)message;
    if (follower->upto && strcmp(entry->source_service, adjudication) == 0 &&
        entry->source_number > follower->upto[partition]) {
        *verdict = STANDING_STOP;
        return E_OK;
    }
    return books_of_entry(follower->fund, entry, arena, changes, err);
}

static int follow(settlement_t *settlement, const int64_t *upto, int64_t *taken, bool *done, err_t *err) {
    follower_t follower = {settlement->policy ? settlement->policy->fund : NULL, upto};
    const standing_log_t journal = {
        "SELECT number, body FROM journal WHERE partition = $1 AND number > $2 ORDER BY number LIMIT $3",
        changes_of_row, &follower};
    return standing_follow(settlement->ctx->store, &journal, settlement->ctx->arena, taken, done, err);
}

int books_catch_up(settlement_t *settlement, err_t *err) {
    for (int calls = 0; calls < CATCH_UP_CALLS_MAX; calls++) {
        int64_t taken;
        bool done;
        int rc = follow(settlement, NULL, &taken, &done, err);
        if (rc || done) return rc;
    }
    return err_set(err, E_BUSY, "the books have not been followed for long: ask follow_rows first, then again");
}

// How far adjudication's log is posted.
static int posted_positions(settlement_t *settlement, int64_t numbers[static PARTITIONS], err_t *err) {
    rows_t rows;
    int rc = store_query(settlement->ctx->store,
                         "SELECT partition, number FROM stream_cursor WHERE consumer = 'ledger'"
                         " AND service = 'adjudication'",
                         NULL, 0, settlement->ctx->arena, &rows, err);
    for (size_t i = 0; !rc && i < rows.count; i++) {
        const int64_t partition = row_i64(&rows, i, 0);
        if (partition >= 0 && partition < PARTITIONS) numbers[partition] = row_i64(&rows, i, 1);
    }
    return rc;
}

int books_follow(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                 err_t *err) {
    settlement_t *settlement = self;
    const Tc__FollowRows *ask = (const Tc__FollowRows *)message;
    Tc__Followed *answer = arena_alloc(settlement->ctx->arena, sizeof *answer);
    bool done;
    (void)request;
    if (ask->n_upto && ask->n_upto != PARTITIONS)
        return err_field(err, E_INVALID_FIELD, "upto", "upto: %d numbers or none were expected", PARTITIONS);
    if (!answer) return no_memory(err);
    tc__followed__init(answer);
    answer->positions = arena_alloc(settlement->ctx->arena, PARTITIONS * sizeof *answer->positions);
    if (!answer->positions) return no_memory(err);
    answer->n_positions = PARTITIONS;
    int rc = posted_positions(settlement, answer->positions, err);
    if (!rc) rc = follow(settlement, ask->n_upto ? ask->upto : NULL, &answer->taken, &done, err);
    if (rc) return rc;
    answer->done = done;
    *reply = &answer->base;
    return E_OK;
}

int books_get_digests(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                      err_t *err) {
    service_ctx_t *ctx = ((settlement_t *)self)->ctx;
    (void)request;
    return standing_digests(ctx->store, (const Tc__GetDigests *)message, ctx->arena, (Tc__Digests **)reply, err);
}

int books_get_rows(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                   err_t *err) {
    service_ctx_t *ctx = ((settlement_t *)self)->ctx;
    (void)request;
    return standing_rows(ctx->store, (const Tc__GetDigests *)message, ctx->arena, (Tc__DigestRows **)reply, err);
}
