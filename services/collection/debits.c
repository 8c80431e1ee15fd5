#include "debits.h"
#include "common/base/hash.h"
#include "common/policy/fee_window.h"
#include "failed_debits.h"
#include <string.h>

static int out_of_memory(err_t *err) { return err_set(err, E_IO, "out of memory"); }

// ---- the account

static int check_account(const Tc__SetDebitAccount *ask, err_t *err) {
    const size_t length = strlen(ask->account);
    if (strcmp(ask->kind, "card") != 0 && strcmp(ask->kind, "other") != 0)
        return err_field(err, *ask->kind ? E_INVALID_FIELD : E_MISSING_FIELD, "kind", "kind: expected card or other");
    if (!*ask->bank) return err_field(err, E_MISSING_FIELD, "bank", "bank is missing");
    if (strlen(ask->bank) > BANK_MAX) return err_field(err, E_TOO_LARGE, "bank", "bank: at most %d bytes", BANK_MAX);
    if (!length) return err_field(err, E_MISSING_FIELD, "account", "account is missing");
    if (length < ACCOUNT_MIN || length > ACCOUNT_MAX || strspn(ask->account, "0123456789") != length)
        return err_field(err, E_INVALID_FIELD, "account", "account: expected %d to %d digits", ACCOUNT_MIN,
                         ACCOUNT_MAX);
    return 0;
}

static int keep(collection_t *c, const char *person, const Tc__SetDebitAccount *ask, err_t *err) {
    const cell_t params[] = {cell_i64(partition_of(person)), cell_text(person), cell_text(ask->kind),
                             cell_text(ask->bank), cell_text(ask->account)};
    return store_exec(c->ctx->store,
                      "INSERT INTO debit_account (partition, person, kind, bank, account) VALUES ($1, $2, $3, $4, $5)"
                      " ON CONFLICT (partition, person) DO UPDATE SET kind = excluded.kind, bank = excluded.bank,"
                      " account = excluded.account",
                      params, COUNT_OF(params), err);
}

int debits_set_account(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                       err_t *err) {
    (void)request;
    collection_t *c = self;
    const Tc__SetDebitAccount *ask = (const Tc__SetDebitAccount *)message;
    Tc__PersonState *person = NULL;
    int rc = check_account(ask, err);
    if (rc == 0) rc = desk_person(c, ask->person, &person, err);
    if (rc) return rc;
    Tc__DebitAccount *out = arena_alloc(c->ctx->arena, sizeof *out);
    if (!out) return out_of_memory(err);
    tc__debit_account__init(out);
    out->person = person->person;
    out->kind = ask->kind;
    out->bank = ask->bank;
    if (!(out->account = arena_text(c->ctx->arena, "…%s", ask->account + strlen(ask->account) - 4)))
        return out_of_memory(err);
    rc = keep(c, person->person, ask, err);
    if (rc == 0) *reply = &out->base;
    return rc;
}

int debits_move(collection_t *c, const rows_t *pairs, err_t *err) {
    rows_t gone;
    rows_init(&gone, c->ctx->arena, 2);
    for (size_t i = 0; i < pairs->count; i++) {
        cell_t *key = rows_add(&gone);
        if (!key) return out_of_memory(err);
        key[0] = rows_at(pairs, i)[0];
        key[1] = rows_at(pairs, i)[1];
    }
    int rc = store_each_exec(c->ctx->store,
                             "INSERT INTO debit_account (partition, person, kind, bank, account)"
                             " SELECT $3, $4, kind, bank, account FROM debit_account WHERE partition = $1"
                             " AND person = $2 ON CONFLICT (partition, person) DO NOTHING",
                             pairs, err);
    if (rc == 0) rc = store_drop(c->ctx->store, "debit_account", "partition, person", &gone, err);
    return rc ? rc : failed_debits_move(c, pairs, &gone, err);
}

// ---- the list

static int check_day(const policy_t *policy, const Tc__ListDebits *ask, err_t *err) {
    date_t on = date_of_ms(clock_now_ms());
    char opens[DATE_TEXT_MAX], closes[DATE_TEXT_MAX];
    const year_window_t *window;
    if (!date_valid(ask->year, 1, 1)) return err_field(err, E_INVALID_FIELD, "year", "year: expected 1900 to 2199");
    if (*ask->on && date_parse(ask->on, &on))
        return err_field(err, E_INVALID_FIELD, "on", "on: expected a date like 2018-03-01");
    if (ask->limit < 0 || ask->limit > DEBITS_LIMIT_MAX)
        return err_field(err, E_OUT_OF_RANGE, "limit", "limit: expected 1 to %d", DEBITS_LIMIT_MAX);
    int rc = fee_window_of(policy, ask->year, &window, err);
    if (rc || !window || (window->opens <= on && on <= window->closes)) return rc;
    return err_field(err, E_OUT_OF_RANGE, "on", "the fee of %d is paid from %s to %s (%s)", ask->year,
                     date_format(window->opens, opens), date_format(window->closes, closes), policy->fee_window->rule);
}

static int read_accounts(collection_t *c, const Tc__ListDebits *ask, int32_t limit, rows_t *out, err_t *err) {
    const cell_t params[] = {cell_i64(*ask->after ? (int64_t)partition_of(ask->after) : -1), cell_text(ask->after),
                             cell_i64(limit)};
    return store_query(c->ctx->store,
                       "SELECT partition, person, kind, bank, account FROM debit_account"
                       " WHERE (partition, person) > ($1, $2) ORDER BY partition, person LIMIT $3",
                       params, COUNT_OF(params), c->ctx->arena, out, err);
}

// The bill of the year itself, of each; key, paid_on, body, own_fen.
static int read_bills(collection_t *c, const rows_t *accounts, int year, rows_t *out, err_t *err) {
    rows_t keys;
    const char *from = arena_text(c->ctx->arena, "%04d", year), *until = arena_text(c->ctx->arena, "%04d-", year);
    if (!from || !until) return out_of_memory(err);
    rows_init(&keys, c->ctx->arena, 4);
    for (size_t i = 0; i < accounts->count; i++) {
        cell_t *key = rows_add(&keys);
        if (!key) return out_of_memory(err);
        key[0] = rows_at(accounts, i)[0];
        key[1] = rows_at(accounts, i)[1];
        key[2] = cell_text(from);
        key[3] = cell_text(until);
    }
    return bills_between(c->ctx->store, &keys, c->ctx->arena, out, err);
}

static int add_row(collection_t *c, const rows_t *accounts, const rows_t *bills, size_t i, int year, Tc__Debits *out,
                   err_t *err) {
    const size_t account = (size_t)row_i64(bills, i, 0);
    if (*row_text(bills, i, 1) || row_i64(bills, i, 3) == 0) return 0; // paid, or finance pays all of it
    Tc__Debits__Row *row = arena_alloc(c->ctx->arena, sizeof *row);
    if (!row) return out_of_memory(err);
    tc__debits__row__init(row);
    row->person = (char *)row_text(accounts, account, 1);
    row->kind = (char *)row_text(accounts, account, 2);
    row->bank = (char *)row_text(accounts, account, 3);
    row->account = (char *)row_text(accounts, account, 4);
    row->amount_fen = row_i64(bills, i, 3);
    if (!(row->period = arena_text(c->ctx->arena, "%04d", year))) return out_of_memory(err);
    out->rows[out->n_rows++] = row;
    return 0;
}

// Why the last debit of each failed, where one did.
static int add_failures(collection_t *c, Tc__Debits *out, err_t *err) {
    rows_t keys, found;
    rows_init(&keys, c->ctx->arena, 3);
    for (size_t i = 0; i < out->n_rows; i++) {
        cell_t *key = rows_add(&keys);
        if (!key) return out_of_memory(err);
        key[0] = cell_i64(partition_of(out->rows[i]->person));
        key[1] = cell_text(out->rows[i]->person);
        key[2] = cell_text(out->rows[i]->period);
    }
    int rc = failed_debits_newest(c, &keys, &found, err);
    for (size_t i = 0; rc == 0 && i < found.count; i++) {
        Tc__Debits__Row *row = out->rows[row_i64(&found, i, 0)];
        row->failed_on = (char *)row_text(&found, i, 1);
        row->reason = (char *)row_text(&found, i, 2);
    }
    return rc;
}

int debits_list(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                err_t *err) {
    (void)request;
    collection_t *c = self;
    const Tc__ListDebits *ask = (const Tc__ListDebits *)message;
    const int32_t limit = ask->limit ? ask->limit : DEBITS_LIMIT_DEFAULT;
    rows_t accounts, bills;
    int rc = check_day(c->env.policy, ask, err);
    if (rc == 0) rc = read_accounts(c, ask, limit, &accounts, err);
    if (rc == 0) rc = read_bills(c, &accounts, ask->year, &bills, err);
    if (rc) return rc;
    Tc__Debits *out = arena_alloc(c->ctx->arena, sizeof *out);
    if (!out) return out_of_memory(err);
    tc__debits__init(out);
    if (!(out->rows = arena_alloc(c->ctx->arena, (bills.count + 1) * sizeof *out->rows))) return out_of_memory(err);
    for (size_t i = 0; rc == 0 && i < bills.count; i++) rc = add_row(c, &accounts, &bills, i, ask->year, out, err);
    if (rc == 0) rc = add_failures(c, out, err);
    out->done = accounts.count < (size_t)limit;
    if (accounts.count) out->last_person = (char *)row_text(&accounts, accounts.count - 1, 1);
    if (rc == 0) *reply = &out->base;
    return rc;
}
