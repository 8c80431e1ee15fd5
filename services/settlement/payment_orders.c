// Payment orders: from a confirmed statement to money on the facility's account. Who drafts does not approve; what is
// sent stands in a file for the bank; its answer comes order by order and is whole: an order is paid or refused, never
// in part. Paid: the ledger books it (money_pay), in the same transaction. Refused: the money never left, the payable
// stands, and the statement waits for another order.
#include "payment_orders.h"
#include "common/base/crash.h"
#include "common/base/ids.h"
#include "common/policy/fund.h"
#include "common/policy/tables.h"
#include "common/wire/scope.h"
#include "direct.h"
#include "dues_store.h"
#include "money.h"
#include "statement_sheet.h"
#include "statements.h"
#include "tell.h"
#include <string.h>

enum { DRAFT_DEFAULT = 200, ORDERS_MAX = 1000, CONFIRM_MAX = 2000, ATTEMPTS_MAX = 1000 };

bool order_may(const char *from, const char *to) {
    static const struct {
        const char *from, *to;
    } moves[] = {{"drafted", "approved"}, {"approved", "sent"}, {"sent", "paid"}, {"sent", "refused"}};
    for (size_t i = 0; i < COUNT_OF(moves); i++)
        if (strcmp(moves[i].from, from) == 0 && strcmp(moves[i].to, to) == 0) return true;
    return false;
}

// ---- rows and messages

static int order_of(const rows_t *rows, size_t i, arena_t *arena, Tc__PaymentOrder **out, err_t *err) {
    Tc__PaymentOrder *order = arena_alloc(arena, sizeof *order);
    if (!order) return dues_no_memory(err);
    tc__payment_order__init(order);
    order->number = (char *)row_text(rows, i, 0), order->facility = (char *)row_text(rows, i, 1);
    order->month = statement_month_text(row_i64(rows, i, 2), arena);
    order->state = (char *)row_text(rows, i, 3);
    order->amount_fen = row_i64(rows, i, 4);
    order->account = (char *)row_text(rows, i, 5);
    order->drafted_by = (char *)row_text(rows, i, 6), order->approved_by = (char *)row_text(rows, i, 7);
    order->sent_on = (char *)row_text(rows, i, 8), order->paid_on = (char *)row_text(rows, i, 9);
    order->reason = (char *)row_text(rows, i, 10), order->bank_reference = (char *)row_text(rows, i, 11);
    *out = order;
    return order->month ? 0 : dues_no_memory(err);
}

static int new_orders(arena_t *arena, size_t room, Tc__PaymentOrders **out, err_t *err) {
    Tc__PaymentOrders *orders = arena_alloc(arena, sizeof *orders);
    if (!orders) return dues_no_memory(err);
    tc__payment_orders__init(orders);
    orders->orders = arena_alloc(arena, (room + 1) * sizeof *orders->orders);
    *out = orders;
    return orders->orders ? 0 : dues_no_memory(err);
}

static int add_order(Tc__PaymentOrders *orders, Tc__PaymentOrder *order, err_t *err) {
    orders->orders[orders->n_orders++] = order;
    if (fen_add(orders->sum_fen, order->amount_fen, &orders->sum_fen))
        return err_field(err, E_OUT_OF_RANGE, "amount", "the amounts overflow");
    return 0;
}

static int find_order(settlement_t *settlement, const char *number, Tc__PaymentOrder **out, err_t *err) {
    service_ctx_t *ctx = settlement->ctx;
    rows_t found;
    if (name_check("order", number, NULL))
        return err_field(err, E_INVALID_FIELD, "order", "order must be 1 to 64 of A-Z a-z 0-9 . _ : -");
    int rc = order_list(ctx->store, 0, "", "", number, "", 1, ctx->arena, &found, err);
    if (!rc && !found.count) rc = err_field(err, E_NOT_FOUND, "order", "there is no payment order %.64s", number);
    return rc ? rc : order_of(&found, 0, ctx->arena, out, err);
}

static int move_order(settlement_t *settlement, Tc__PaymentOrder *order, const char *to, err_t *err) {
    CHECK(order_may(order->state, to));
    const order_change_t change = {order->number,      order->state,         to,
                                   order->approved_by, order->sent_on,       order->paid_on,
                                   order->reason,      order->bank_reference};
    int rc = order_move(settlement->ctx->store, &change, settlement->ctx->arena, err);
    order->state = (char *)to;
    return rc;
}

static int tell_order(settlement_t *settlement, const Tc__PaymentOrder *order, const char *kind,
                      const Tc__FacilityStatement *said, err_t *err) {
    return tell_statement(settlement, kind, order->number, "order", said, order->reason, err);
}

// The next state of an order, and what it is about told to who listens.
static int move_and_tell(settlement_t *settlement, Tc__PaymentOrder *order, const char *to, const char *kind,
                         err_t *err) {
    Tc__FacilityStatement *said;
    month_t month;
    int rc = dues_month(order->month, &month, err);
    if (!rc) rc = dues_statement(settlement, order->facility, month, &said, err);
    if (!rc) rc = move_order(settlement, order, to, err);
    return rc ? rc : tell_order(settlement, order, kind, said, err);
}

// ---- drafting

// The account of fund.books.pays unless another is named; "" where the city has no books.
static int paying_account(const settlement_t *settlement, const char *named, const char **out, err_t *err) {
    const fund_rules_t *fund = settlement->policy ? settlement->policy->fund : NULL;
    *out = named;
    if (!fund || !fund->books) return 0;
    if (!*named) {
        *out = fund->accounts[fund->books->pays_from].name;
        return 0;
    }
    for (uint32_t i = 0; i < fund->account_count; i++)
        if (strcmp(fund->accounts[i].name, named) == 0 && account_keeps_money(fund->accounts[i].kind)) return 0;
    return err_field(err, E_NOT_FOUND, "account", "the city keeps no money of the fund in an account %.40s", named);
}

static int draft_one(settlement_t *settlement, const Tc__FacilityStatement *said, const char *account,
                     const request_t *request, rows_t *rows, Tc__PaymentOrders *orders, err_t *err) {
    service_ctx_t *ctx = settlement->ctx;
    month_t month;
    rows_t before;
    int rc = dues_month(said->month, &month, err);
    if (!rc) rc = direct_may_state(ctx->store, said->facility, ctx->arena, err);
    if (!rc) rc = order_list(ctx->store, month, said->facility, "", "", "", ATTEMPTS_MAX, ctx->arena, &before, err);
    if (rc) return rc;
    Tc__PaymentOrder *order = arena_alloc(ctx->arena, sizeof *order);
    cell_t *row = rows_add(rows);
    if (!order || !row) return dues_no_memory(err);
    tc__payment_order__init(order);
    order->number = arena_text(ctx->arena, "%s-%s-%zu", said->facility, said->month, before.count + 1);
    if (!order->number) return dues_no_memory(err);
    if (name_check("order", order->number, NULL))
        return err_field(err, E_INVALID_FIELD, "facility", "the facility's code is too long for an order's number");
    order->facility = said->facility, order->month = said->month, order->state = (char *)"drafted";
    order->amount_fen = said->total->pay_fen;
    order->account = (char *)account, order->drafted_by = (char *)request->header.caller;
    const cell_t cells[ORDER_COLUMNS] = {cell_text(order->number),
                                         cell_text(order->facility),
                                         cell_i64(month),
                                         cell_text("drafted"),
                                         cell_i64(order->amount_fen),
                                         cell_text(account),
                                         cell_text(order->drafted_by),
                                         cell_text(""),
                                         cell_text(""),
                                         cell_text(""),
                                         cell_text(""),
                                         cell_text("")};
    memcpy(row, cells, sizeof cells);
    return add_order(orders, order, err);
}

// Confirmed statements of the month that pay something, one facility's or all.
static int find_confirmed(settlement_t *settlement, const Tc__DraftOrders *ask, month_t month,
                          Tc__FacilityStatement ***out, size_t *count, err_t *err) {
    service_ctx_t *ctx = settlement->ctx;
    rows_t found;
    const int limit = dues_page(ask->limit, DRAFT_DEFAULT);
    int rc = *ask->facility
                 ? dues_statement_find(ctx->store, ask->facility, month, ctx->arena, &found, err)
                 : dues_statement_list(ctx->store, month, "confirmed", "", DUES_PAGE_MAX, ctx->arena, &found, err);
    if (rc) return rc;
    Tc__FacilityStatement **list = arena_alloc(ctx->arena, (found.count + 1) * sizeof *list);
    if (!list) return dues_no_memory(err);
    *out = list;
    *count = 0;
    for (size_t i = 0; i < found.count && !rc && *count < (size_t)limit; i++) {
        rc = dues_statement(settlement, row_text(&found, i, 0), month, &list[*count], err);
        if (!rc && strcmp(list[*count]->state, "confirmed") == 0 && list[*count]->total->pay_fen > 0) ++*count;
    }
    if (!rc && *ask->facility && *count == 0)
        rc = err_field(err, E_NOT_FOUND, "facility", "this facility has no confirmed statement of the month to pay");
    return rc;
}

int orders_draft(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                 err_t *err) {
    settlement_t *settlement = self;
    service_ctx_t *ctx = settlement->ctx;
    const Tc__DraftOrders *ask = (const Tc__DraftOrders *)message;
    Tc__FacilityStatement **list = NULL;
    Tc__PaymentOrders *orders = NULL;
    const char *account;
    month_t month;
    size_t count;
    rows_t rows;
    int rc = dues_month(ask->month, &month, err);
    if (!rc && *ask->facility) rc = dues_facility(request, ask->facility, err);
    if (!rc) rc = paying_account(settlement, ask->account, &account, err);
    if (!rc) rc = find_confirmed(settlement, ask, month, &list, &count, err);
    if (!rc) rc = new_orders(ctx->arena, count, &orders, err);
    rows_init(&rows, ctx->arena, ORDER_COLUMNS);
    for (size_t i = 0; !rc && i < count; i++) rc = draft_one(settlement, list[i], account, request, &rows, orders, err);
    if (!rc && rows.count) rc = order_insert(ctx->store, &rows, err);
    for (size_t i = 0; !rc && i < count; i++)
        rc = dues_statement_move(ctx->store, list[i]->facility, month, "confirmed", "ordered", list[i]->reason,
                                 request->header.caller, orders->orders[i]->number, ctx->arena, err);
    for (size_t i = 0; !rc && i < count; i++)
        rc = tell_order(settlement, orders->orders[i], "order_drafted", list[i], err);
    if (!rc) *reply = &orders->base;
    return rc;
}

// ---- approving and sending: all of them or none

static int find_all(settlement_t *settlement, const Tc__OrderNumbers *ask, const char *to, Tc__PaymentOrders **out,
                    err_t *err) {
    if (!ask->n_orders || ask->n_orders > ORDERS_MAX)
        return err_field(err, E_OUT_OF_RANGE, "orders", "1 to %d orders were expected", ORDERS_MAX);
    int rc = new_orders(settlement->ctx->arena, ask->n_orders, out, err);
    for (size_t i = 0; !rc && i < ask->n_orders; i++) {
        Tc__PaymentOrder *order;
        rc = find_order(settlement, ask->orders[i], &order, err);
        if (!rc && !order_may(order->state, to))
            rc = err_field(err, E_EXISTS, "orders", "order %.64s is %s and cannot become %s", order->number,
                           order->state, to);
        for (size_t k = 0; !rc && k < (*out)->n_orders; k++)
            if (strcmp((*out)->orders[k]->number, order->number) == 0)
                rc = err_field(err, E_INVALID_FIELD, "orders", "order %.64s stands here twice", order->number);
        if (!rc) rc = add_order(*out, order, err);
    }
    return rc;
}

int orders_approve(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                   err_t *err) {
    settlement_t *settlement = self;
    const char *caller = request->header.caller;
    Tc__PaymentOrders *orders = NULL;
    int rc = find_all(settlement, (const Tc__OrderNumbers *)message, "approved", &orders, err);
    for (size_t i = 0; !rc && i < orders->n_orders; i++)
        if (strcmp(orders->orders[i]->drafted_by, caller) == 0)
            rc = err_field(err, E_DENIED, "orders", "order %.64s was drafted by the same key: somebody else approves",
                           orders->orders[i]->number);
    for (size_t i = 0; !rc && i < orders->n_orders; i++) {
        orders->orders[i]->approved_by = (char *)caller;
        rc = move_and_tell(settlement, orders->orders[i], "approved", "order_approved", err);
    }
    if (!rc) *reply = &orders->base;
    return rc;
}

// Is there enough on each account, less what is on its way? Funds and counties are looked at when it is paid.
static int check_money(settlement_t *settlement, const Tc__PaymentOrders *orders, err_t *err) {
    char need[FEN_TEXT_MAX], there[FEN_TEXT_MAX];
    for (size_t i = 0; i < orders->n_orders; i++) {
        const char *account = orders->orders[i]->account;
        fen_t sum = 0, balance = 0, sent = 0;
        int rc = money_balance(settlement, account, NULL, NULL, &balance, err);
        if (rc == E_UNSUPPORTED) return 0;
        if (!rc) rc = order_on_its_way(settlement->ctx->store, account, settlement->ctx->arena, &sent, err);
        for (size_t k = 0; !rc && k < orders->n_orders; k++)
            if (strcmp(orders->orders[k]->account, account) == 0)
                rc = fen_add(sum, orders->orders[k]->amount_fen, &sum);
        if (!rc) rc = fen_sub(balance, sent, &balance);
        if (rc) return rc == E_OUT_OF_RANGE ? err_field(err, rc, "amount", "the amounts overflow") : rc;
        if (sum > balance)
            return err_field(err, E_OUT_OF_RANGE, "amount", "the orders need %s from %.40s, where %s is free",
                             fen_format(sum, need), account, fen_format(balance, there));
    }
    return 0;
}

int orders_send(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                err_t *err) {
    settlement_t *settlement = self;
    char day[DATE_TEXT_MAX];
    Tc__PaymentOrders *orders = NULL;
    (void)request;
    int rc = find_all(settlement, (const Tc__OrderNumbers *)message, "sent", &orders, err);
    if (!rc) rc = check_money(settlement, orders, err);
    char *today = rc ? NULL : arena_text(settlement->ctx->arena, "%s", date_format(dues_today(settlement), day));
    if (!rc && !today) rc = dues_no_memory(err);
    for (size_t i = 0; !rc && i < orders->n_orders; i++) {
        orders->orders[i]->sent_on = today;
        rc = move_and_tell(settlement, orders->orders[i], "sent", "order_sent", err);
    }
    if (!rc) *reply = &orders->base;
    return rc;
}

// ---- what the bank says

static int payment_lines(const Tc__FacilityStatement *said, const Tc__PaymentOrder *order, arena_t *arena,
                         payment_t *out, err_t *err) {
    payment_line_t *lines = arena_alloc(arena, (said->n_parts + 1) * sizeof *lines);
    fen_t sum = 0;
    if (!lines) return dues_no_memory(err);
    out->lines = lines;
    out->count = 0;
    for (size_t i = 0; i < said->n_parts; i++) {
        const Tc__StatementPart *part = said->parts[i];
        if (part->pay_fen == 0) continue;
        lines[out->count++] = (payment_line_t){part->layer, part->fund, part->county, part->year, part->pay_fen};
        if (fen_add(sum, part->pay_fen, &sum)) return err_field(err, E_OUT_OF_RANGE, "amount", "the amounts overflow");
    }
    // What was ordered is what the frozen statement says, part by part.
    if (sum == order->amount_fen && sum == said->total->pay_fen) return 0;
    return err_set(err, E_INTERNAL, "order %.64s and its statement do not agree", order->number);
}

static int pay(settlement_t *settlement, Tc__PaymentOrder *order, const Tc__ConfirmOrders__Row *row, date_t on,
               const Tc__FacilityStatement *said, month_t month, const char *by, err_t *err) {
    service_ctx_t *ctx = settlement->ctx;
    payment_t payment = {.reference = order->number,
                         .facility = order->facility,
                         .from = *order->account ? order->account : NULL,
                         .on = on,
                         .text = row->bank_reference};
    Tc__JournalEntry *entry;
    int rc = payment_lines(said, order, ctx->arena, &payment, err);
    if (!rc) rc = money_pay(settlement, &payment, ctx->arena, &entry, err);
    CRASH_POINT("payment_before_order");
    order->paid_on = row->on, order->bank_reference = row->bank_reference;
    if (!rc) rc = move_order(settlement, order, "paid", err);
    return rc ? rc
              : dues_statement_move(ctx->store, order->facility, month, "ordered", "paid", said->reason, by,
                                    order->number, ctx->arena, err);
}

static int refuse(settlement_t *settlement, Tc__PaymentOrder *order, const Tc__ConfirmOrders__Row *row,
                  const Tc__FacilityStatement *said, month_t month, const char *by, err_t *err) {
    order->reason = row->reason, order->bank_reference = row->bank_reference;
    int rc = move_order(settlement, order, "refused", err);
    if (!rc) rc = tell_order(settlement, order, "order_refused", said, err);
    return rc ? rc
              : dues_statement_move(settlement->ctx->store, order->facility, month, "ordered", "confirmed",
                                    said->reason, by, order->number, settlement->ctx->arena, err);
}

static int check_row(const Tc__ConfirmOrders__Row *row, date_t today, date_t *on, err_t *err) {
    const bool paid = strcmp(row->result, "paid") == 0;
    if (!paid && strcmp(row->result, "refused") != 0)
        return err_field(err, E_INVALID_FIELD, "result", "paid or refused was expected");
    if (date_parse(row->on, on)) return err_field(err, E_INVALID_FIELD, "on", "a day was expected, like 2021-04-20");
    if (*on > today) return err_field(err, E_OUT_OF_RANGE, "on", "the day is to come");
    int rc = dues_text("bank_reference", row->bank_reference, false, err);
    return rc ? rc : dues_text("reason", row->reason, !paid, err);
}

// E_OK with `*repeated`: the same was said before.
static int check_order(const Tc__PaymentOrder *order, const Tc__ConfirmOrders__Row *row, bool *repeated, err_t *err) {
    char whole[FEN_TEXT_MAX], told[FEN_TEXT_MAX];
    *repeated = false;
    if (row->amount_fen != order->amount_fen)
        return err_field(err, E_OUT_OF_RANGE, "amount",
                         "the order is %s, the bank says %s; it is paid as a whole or"
                         " not at all",
                         fen_format(order->amount_fen, whole), fen_format(row->amount_fen, told));
    *repeated = strcmp(order->state, row->result) == 0;
    if (*repeated || strcmp(order->state, "sent") == 0) return 0;
    return err_field(err, E_EXISTS, "order", "the order is %s, not sent", order->state);
}

static int answer_row(settlement_t *settlement, const Tc__ConfirmOrders__Row *row, const char *by, bool *repeated,
                      err_t *err) {
    Tc__PaymentOrder *order;
    Tc__FacilityStatement *said;
    month_t month;
    date_t on;
    int rc = check_row(row, dues_today(settlement), &on, err);
    if (!rc) rc = find_order(settlement, row->order, &order, err);
    if (!rc) rc = check_order(order, row, repeated, err);
    if (rc || *repeated) return rc;
    rc = dues_month(order->month, &month, err);
    if (!rc) rc = dues_statement(settlement, order->facility, month, &said, err);
    if (rc) return rc;
    return strcmp(row->result, "paid") == 0 ? pay(settlement, order, row, on, said, month, by, err)
                                            : refuse(settlement, order, row, said, month, by, err);
}

static int new_report(arena_t *arena, size_t rows, Tc__OrderReport **out, err_t *err) {
    Tc__OrderReport *report = arena_alloc(arena, sizeof *report);
    if (!report) return dues_no_memory(err);
    tc__order_report__init(report);
    report->outcomes = arena_alloc(arena, (rows + 1) * sizeof *report->outcomes);
    *out = report;
    return report->outcomes ? 0 : dues_no_memory(err);
}

static int add_outcome(Tc__OrderReport *report, const Tc__ConfirmOrders__Row *row, const char *outcome,
                       const char *text, arena_t *arena, err_t *err) {
    Tc__OrderReport__Outcome *said = arena_alloc(arena, sizeof *said);
    if (!said) return dues_no_memory(err);
    tc__order_report__outcome__init(said);
    said->row = row->row, said->order = row->order, said->outcome = (char *)outcome;
    said->text = arena_text(arena, "%s", text);
    report->outcomes[report->n_outcomes++] = said;
    return said->text ? 0 : dues_no_memory(err);
}

// A row at fault changes nothing; what fails in the store or for want of memory fails the whole command, which is then
// undone and may be given again.
static int take_row(settlement_t *settlement, const Tc__ConfirmOrders__Row *row, const char *by,
                    Tc__OrderReport *report, err_t *err) {
    arena_t *arena = settlement->ctx->arena;
    err_t why = {0};
    bool repeated = false;
    int rc = answer_row(settlement, row, by, &repeated, &why);
    if (err_may_retry(rc) || rc == E_TOO_LARGE) { // memory: alone the command may have enough
        *err = why;
        return rc == E_IO || rc == E_TOO_LARGE || rc == E_RACE ? rc : err_set(err, E_STORE, "%s", why.text);
    }
    if (rc) {
        report->faults++;
        return add_outcome(report, row, "fault", why.text, arena, err);
    }
    if (repeated) {
        report->repeated++;
        return add_outcome(report, row, "repeated", "", arena, err);
    }
    const bool paid = strcmp(row->result, "paid") == 0;
    *(paid ? &report->paid : &report->refused) += 1;
    if (paid && fen_add(report->paid_fen, row->amount_fen, &report->paid_fen))
        return err_set(err, E_STORE, "the amounts paid overflow");
    return add_outcome(report, row, row->result, "", arena, err);
}

int orders_confirm(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                   err_t *err) {
    settlement_t *settlement = self;
    const Tc__ConfirmOrders *ask = (const Tc__ConfirmOrders *)message;
    Tc__OrderReport *report = NULL;
    if (!ask->n_rows || ask->n_rows > CONFIRM_MAX)
        return err_field(err, E_OUT_OF_RANGE, "rows", "1 to %d rows were expected", CONFIRM_MAX);
    int rc = new_report(settlement->ctx->arena, ask->n_rows, &report, err);
    for (size_t i = 0; !rc && i < ask->n_rows; i++)
        rc = take_row(settlement, ask->rows[i], request->header.caller, report, err);
    if (!rc) *reply = &report->base;
    return rc;
}

int orders_list(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                err_t *err) {
    service_ctx_t *ctx = ((settlement_t *)self)->ctx;
    const Tc__ListOrders *ask = (const Tc__ListOrders *)message;
    const int limit = dues_page(ask->limit, ORDERS_MAX);
    Tc__PaymentOrders *orders = NULL;
    rows_t found;
    month_t month = 0;
    (void)request;
    int rc = *ask->month ? dues_month(ask->month, &month, err) : 0;
    if (!rc)
        rc = order_list(ctx->store, month, ask->facility, ask->state, ask->order, ask->after, limit, ctx->arena, &found,
                        err);
    if (!rc) rc = new_orders(ctx->arena, found.count, &orders, err);
    for (size_t i = 0; !rc && i < found.count; i++) {
        Tc__PaymentOrder *order;
        rc = order_of(&found, i, ctx->arena, &order, err);
        if (!rc && scope_has_facility(ctx->scope, order->facility)) rc = add_order(orders, order, err);
    }
    if (rc) return rc;
    if (found.count == (size_t)limit) orders->next = (char *)row_text(&found, found.count - 1, 0);
    *reply = &orders->base;
    return 0;
}
