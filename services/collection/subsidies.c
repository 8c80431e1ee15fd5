#include "subsidies.h"
#include "bearers.h"
#include "common/base/ids.h"
#include "common/wire/scope.h"
#include "owed.h"
#include "receipts_store.h"
#include <string.h>

enum { PARTS_MAX = 64 };

static int out_of_memory(err_t *err) { return err_set(err, E_IO, "out of memory"); }

// ---- rows

static int unpack(collection_t *c, const rows_t *rows, size_t row, Tc__Receipt **out, err_t *err) {
    size_t size;
    const void *body = row_blob(rows, row, 0, &size);
    return message_unpack((ProtobufCMessage **)out, &tc__receipt__descriptor, body, size, c->ctx->arena, err);
}

int subsidies_of_year(collection_t *c, int year, Tc__Receipt ***out, size_t *count, err_t *err) {
    const cell_t params[] = {cell_i64(year)};
    rows_t rows;
    int rc = store_query(c->ctx->store, "SELECT body FROM subsidy WHERE year = $1 AND returned_ms = 0 ORDER BY receipt",
                         params, COUNT_OF(params), c->ctx->arena, &rows, err);
    if (rc) return rc;
    if (!(*out = arena_alloc(c->ctx->arena, (rows.count + 1) * sizeof **out))) return out_of_memory(err);
    *count = rows.count;
    for (size_t i = 0; rc == 0 && i < rows.count; i++) rc = unpack(c, &rows, i, &(*out)[i], err);
    return rc;
}

// body, returned_ms
static int read_one(collection_t *c, const char *receipt, rows_t *out, err_t *err) {
    const cell_t params[] = {cell_text(receipt)};
    return store_query(c->ctx->store, "SELECT body, returned_ms FROM subsidy WHERE receipt = $1", params,
                       COUNT_OF(params), c->ctx->arena, out, err);
}

// ---- what is asked

static const char *payer_asked(const Tc__ReceiveSubsidy *ask) {
    return *ask->payer ? ask->payer : payer_name(PAYER_FINANCE);
}

static int check_payer(const Tc__ReceiveSubsidy *ask, err_t *err) {
    const int payer = payer_from_name(payer_asked(ask));
    if (payer != PAYER_FINANCE && payer != PAYER_UNEMPLOYMENT_FUND)
        return err_field(err, E_INVALID_FIELD, "payer", "payer: expected finance or unemployment_fund");
    if (*ask->tier && strcmp(ask->tier, "city") != 0 && strcmp(ask->tier, "county") != 0)
        return err_field(err, E_INVALID_FIELD, "tier", "tier: expected city or county, or nothing");
    if (*ask->fund && payer != PAYER_FINANCE)
        return err_field(err, E_INVALID_FIELD, "fund", "fund: goes with what finance owes");
    return 0;
}

static int check_day(const Tc__ReceiveSubsidy *ask, err_t *err) {
    date_t paid_on;
    if (!*ask->paid_on) return err_field(err, E_MISSING_FIELD, "paid_on", "paid_on is missing");
    if (date_parse(ask->paid_on, &paid_on))
        return err_field(err, E_INVALID_FIELD, "paid_on", "paid_on: expected a date like 2018-03-01");
    if (paid_on > date_of_ms(clock_now_ms()))
        return err_field(err, E_OUT_OF_RANGE, "paid_on", "paid_on is in the future");
    return 0;
}

static int check_ask(const Tc__ReceiveSubsidy *ask, err_t *err) {
    if (!*ask->receipt) return err_field(err, E_MISSING_FIELD, "receipt", "receipt is missing");
    int rc = name_check("receipt", ask->receipt, err);
    if (rc) return err_field(err, rc, "receipt", "receipt: expected 1 to 64 of A-Z a-z 0-9 . _ : -");
    if (!*ask->division) return err_field(err, E_MISSING_FIELD, "division", "division is missing");
    if (!*ask->item) return err_field(err, E_MISSING_FIELD, "item", "item is missing");
    if (!date_valid(ask->year, 1, 1)) return err_field(err, E_INVALID_FIELD, "year", "year: expected 1900 to 2199");
    if (ask->amount_given_case != TC__RECEIVE_SUBSIDY__AMOUNT_GIVEN_AMOUNT_FEN)
        return err_field(err, E_MISSING_FIELD, "amount", "amount is missing");
    if (ask->amount_fen <= 0) return err_field(err, E_OUT_OF_RANGE, "amount", "the amount must be above 0.00");
    rc = check_payer(ask, err);
    return rc ? rc : check_day(ask, err);
}

// ---- a number that is known

static bool same_ask(const Tc__ReceiveSubsidy *ask, const Tc__Receipt *known) {
    char year[PERIOD_TEXT_MAX];
    snprintf(year, sizeof year, "%04d", ask->year);
    return strcmp(known->payer, payer_asked(ask)) == 0 && strcmp(known->period, year) == 0 &&
           strcmp(known->tier, ask->tier) == 0 && strcmp(known->paid_on, ask->paid_on) == 0 &&
           known->amount_fen == ask->amount_fen && strcmp(known->reason, ask->reason) == 0 &&
           strcmp(known->fund, ask->fund) == 0 && known->n_parts &&
           strcmp(known->parts[0]->division, ask->division) == 0 && strcmp(known->parts[0]->item, ask->item) == 0;
}

// `known` stays NULL for a new number.
static int find_known(collection_t *c, const Tc__ReceiveSubsidy *ask, Tc__Receipt **known, err_t *err) {
    rows_t rows, keys, parked;
    rows_init(&keys, c->ctx->arena, 1);
    cell_t *key = rows_add(&keys);
    if (!key) return out_of_memory(err);
    key[0] = cell_text(ask->receipt);
    int rc = read_one(c, ask->receipt, &rows, err);
    if (rc == 0 && rows.count) {
        if ((rc = unpack(c, &rows, 0, known, err))) return rc;
        if (row_i64(&rows, 0, 1)) return err_field(err, E_EXISTS, "receipt", "this receipt was returned");
        return same_ask(ask, *known)
                   ? 0
                   : err_field(err, E_CONFLICT, "receipt", "another content is known under this receipt number");
    }
    if (rc == 0) rc = receipts_of(c->ctx->store, &keys, c->ctx->arena, &rows, err);
    if (rc == 0) rc = parked_of(c->ctx->store, &keys, c->ctx->arena, &parked, err);
    if (rc == 0 && rows.count + parked.count)
        rc = err_field(err, E_EXISTS, "receipt", "receipt %s is a payer's receipt already", ask->receipt);
    return rc;
}

// ---- what it pays

typedef struct allotment {
    const Tc__ReceiveSubsidy *ask;
    const obligation_t *lines[PARTS_MAX]; // by identity
    fen_t parts[PARTS_MAX];
    size_t count;
} allotment_t;

static int find_lines(allotment_t *a, const obligations_t *all, err_t *err) {
    for (size_t i = 0; i < all->count; i++) {
        const Tc__Obligations__Line *line = all->items[i].line;
        if (strcmp(line->division, a->ask->division) != 0 || strcmp(line->item, a->ask->item) != 0 ||
            strcmp(line->payer, payer_asked(a->ask)) != 0 || strcmp(line->tier, a->ask->tier) != 0)
            continue;
        if (a->count == PARTS_MAX) return err_set(err, E_TOO_LARGE, "more than %d identities", PARTS_MAX);
        a->lines[a->count++] = &all->items[i];
    }
    if (a->count) return 0;
    return err_field(err, E_NOT_FOUND, "item", "%s%s%s owes nothing of %s in %s for %d", payer_asked(a->ask),
                     *a->ask->tier ? " of the " : "", a->ask->tier, a->ask->item, a->ask->division, a->ask->year);
}

// Identity after identity; what is paid ahead goes to the first one.
static int allot(allotment_t *a, err_t *err) {
    char open_text[FEN_TEXT_MAX], got[FEN_TEXT_MAX];
    fen_t left = a->ask->amount_fen, open = 0;
    for (size_t i = 0; i < a->count; i++) {
        const fen_t room = obligation_open(a->lines[i]);
        if (room <= 0) continue;
        open += room; // of sums that were counted together
        a->parts[i] = left < room ? left : room;
        left -= a->parts[i];
    }
    if (left > 0 && !*a->ask->reason)
        return err_field(err, E_OUT_OF_RANGE, "amount",
                         "%s is open, %s was received: what is paid ahead needs a reason", fen_format(open, open_text),
                         fen_format(a->ask->amount_fen, got));
    a->parts[0] += left;
    return 0;
}

static int make_receipt(const allotment_t *a, arena_t *arena, Tc__Receipt **out, err_t *err) {
    const Tc__ReceiveSubsidy *ask = a->ask;
    Tc__Receipt *receipt = arena_alloc(arena, sizeof *receipt);
    if (!receipt) return out_of_memory(err);
    tc__receipt__init(receipt);
    receipt->receipt = ask->receipt;
    receipt->payer = (char *)payer_asked(ask);
    receipt->period = arena_text(arena, "%04d", ask->year);
    receipt->paid_on = ask->paid_on;
    receipt->amount_fen = ask->amount_fen;
    receipt->tier = ask->tier;
    receipt->reason = ask->reason;
    receipt->fund = ask->fund;
    receipt->parts = arena_alloc(arena, a->count * sizeof *receipt->parts);
    if (!receipt->period || !receipt->parts) return out_of_memory(err);
    for (size_t i = 0; i < a->count; i++) {
        if (a->parts[i] == 0) continue;
        Tc__Receipt__Part *part = arena_alloc(arena, sizeof *part);
        if (!part) return out_of_memory(err);
        tc__receipt__part__init(part);
        part->item = a->lines[i]->line->item;
        part->payer = a->lines[i]->line->payer;
        part->identity = a->lines[i]->line->identity;
        part->division = a->lines[i]->line->division;
        part->amount_fen = a->parts[i];
        receipt->parts[receipt->n_parts++] = part;
    }
    *out = receipt;
    return 0;
}

static int keep(collection_t *c, const Tc__ReceiveSubsidy *ask, const Tc__Receipt *receipt, err_t *err) {
    size_t size;
    void *body = message_pack(&receipt->base, c->ctx->arena, &size);
    if (!body) return out_of_memory(err);
    const cell_t params[] = {cell_text(ask->receipt),       cell_i64(ask->year),     cell_text(ask->division),
                             cell_text(ask->tier),          cell_text(ask->item),    cell_text(payer_asked(ask)),
                             cell_i64(receipt->amount_fen), cell_text(ask->paid_on), cell_blob(body, size)};
    int rc = store_exec(c->ctx->store,
                        "INSERT INTO subsidy (receipt, year, division, tier, item, payer, amount_fen, paid_on, body,"
                        " returned_ms, returned_by, returned_why) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0, '',"
                        " '')",
                        params, COUNT_OF(params), err);
    return rc ? rc : desk_tell(c, receipt->payer, "contribution.received", &receipt->base, err);
}

int subsidies_receive(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                      err_t *err) {
    (void)request;
    collection_t *c = self;
    allotment_t a = {.ask = (const Tc__ReceiveSubsidy *)message};
    obligations_t all;
    Tc__Receipt *receipt = NULL;
    int rc = check_ask(a.ask, err);
    if (rc == 0) rc = scope_check_division(c->ctx->scope, a.ask->division, err);
    if (rc == 0) rc = bearers_check(c->env.policy, a.ask, err);
    if (rc == 0) rc = find_known(c, a.ask, &receipt, err);
    if (rc == 0 && !receipt) {
        rc = owed_read(c, a.ask->year, &all, err);
        if (rc == 0) rc = find_lines(&a, &all, err);
        if (rc == 0) rc = allot(&a, err);
        if (rc == 0) rc = make_receipt(&a, c->ctx->arena, &receipt, err);
        if (rc == 0) rc = keep(c, a.ask, receipt, err);
    }
    if (rc == 0) *reply = &receipt->base;
    return rc;
}

// ---- and back

int subsidies_return(collection_t *c, const char *receipt, int64_t at_ms, const char *by, const char *why, bool *found,
                     fen_t *amount, err_t *err) {
    Tc__Receipt *known;
    rows_t rows;
    int rc = read_one(c, receipt, &rows, err);
    *found = rc == 0 && rows.count;
    if (!*found) return rc;
    if ((rc = unpack(c, &rows, 0, &known, err))) return rc;
    rc = scope_check_division(c->ctx->scope, known->n_parts ? known->parts[0]->division : "", err);
    if (rc) return rc;
    if (row_i64(&rows, 0, 1)) return err_field(err, E_EXISTS, "receipt", "this receipt was returned already");
    const cell_t params[] = {cell_text(receipt), cell_i64(at_ms), cell_text(by), cell_text(why)};
    *amount = known->amount_fen;
    rc = store_exec(c->ctx->store,
                    "UPDATE subsidy SET returned_ms = $2, returned_by = $3, returned_why = $4 WHERE receipt = $1",
                    params, COUNT_OF(params), err);
    return rc ? rc : desk_tell(c, known->payer, "contribution.returned", &known->base, err);
}
