#include "books.h"
#include "fund.pb-c.h"
#include "statement.pb-c.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ORDERS_MAX = 8, NUMBER_BYTES = 80 };

typedef struct paid { // orders of the month, copied: a reply lives until the next command
    char number[ORDERS_MAX][NUMBER_BYTES], facility[ORDERS_MAX][32];
    int64_t amount_fen[ORDERS_MAX];
    size_t count;
} paid_t;

void books_subsidise(caller_t *caller) {
    static const char amount[] = "90000000.00";
    char number[NUMBER_BYTES];
    const Tc__FundCase *found = (const Tc__FundCase *)caller_must(
        caller, "settlement", "open_case", NULL,
        "{'flow':'backstop','county':'440703','fund':'BASIC','amount':'%s','text':'a gap'}", amount);
    if (!found) world_fail("no case was opened");
    snprintf(number, sizeof number, "%s", found->number);
    const Tc__TaskDone *done = (const Tc__TaskDone *)caller_must(
        caller, "settlement", "do_task", NULL,
        "{'flow':'backstop','step':'subsidise','period':'%s','county':'440703','fund':'BASIC','amount':'%s'}", number,
        amount);
    if (!done || strcmp(done->task->state, "done") != 0) world_fail("the subsidy of case %s is not done", number);
    if (caller_may(caller, E_EXISTS, "settlement", "do_task",
                   "{'flow':'backstop','step':'subsidise','period':'%s','county':'440703','fund':'BASIC',"
                   "'amount':'%s'}",
                   number, amount))
        world_fail("the subsidy of case %s was paid twice", number);
}

static void confirm_statements(caller_t *c, const char *month) {
    char facility[ORDERS_MAX][32];
    const Tc__FacilityStatements *list = NULL;
    for (int looks = 0; !(list = (const Tc__FacilityStatements *)caller_may(
                              c, E_OUT_OF_RANGE, "settlement", "draw_statements", "{'month':'%s'}", month));)
        caller_wait(&looks); // the month is not over where it was asked
    size_t count = list->n_statements;
    CHECK(count <= ORDERS_MAX);
    for (size_t i = 0; i < count; i++) snprintf(facility[i], sizeof facility[i], "%s", list->statements[i]->facility);
    trace("%zu statements of %s are drawn up", count, month);
    for (size_t i = 0; i < count; i++)
        if (!caller_must(c, "settlement", "settle_statement", NULL,
                         "{'facility':'%s','month':'%s','verdict':'confirmed'}", facility[i], month))
            world_fail("the statement of %s is gone", facility[i]);
    list =
        (const Tc__FacilityStatements *)caller_must(c, "settlement", "draw_statements", NULL, "{'month':'%s'}", month);
    if (list && list->n_statements) world_fail("a month was drawn up twice for %s", list->statements[0]->facility);
}

static void draft(caller_t *c, const char *month, paid_t *paid) {
    const Tc__PaymentOrders *orders =
        (const Tc__PaymentOrders *)caller_must(c, "settlement", "draft_orders", NULL, "{'month':'%s'}", month);
    paid->count = orders ? orders->n_orders : 0;
    CHECK(paid->count <= ORDERS_MAX);
    for (size_t i = 0; i < paid->count; i++) {
        snprintf(paid->number[i], NUMBER_BYTES, "%s", orders->orders[i]->number);
        snprintf(paid->facility[i], sizeof paid->facility[i], "%s", orders->orders[i]->facility);
        paid->amount_fen[i] = orders->orders[i]->amount_fen;
    }
}

static void pay_order(caller_t *c, caller_t *clerk, const char *month, const paid_t *paid, size_t i) {
    const char *number = paid->number[i];
    const int64_t fen = paid->amount_fen[i];
    if (caller_may(c, E_DENIED, "settlement", "approve_orders", "{'orders':['%s']}", number))
        world_fail("order %s was approved by whoever drafted it", number);
    if (!caller_must(clerk, "settlement", "approve_orders", NULL, "{'orders':['%s']}", number) ||
        !caller_must(clerk, "settlement", "send_orders", NULL, "{'orders':['%s']}", number))
        world_fail("order %s is gone", number);
    for (int time = 0; time < 2; time++) { // the bank's file comes twice
        const Tc__OrderReport *report = (const Tc__OrderReport *)caller_must(
            clerk, "settlement", "confirm_orders", NULL,
            "{'rows':[{'row':1,'order':'%s','amount':'%lld.%02d','result':'paid','on':'2018-11-01',"
            "'bank_reference':'T%zu'}]}",
            number, (long long)(fen / 100), (int)(fen % 100), i);
        if (!report || (time ? report->repeated : report->paid) != 1)
            world_fail("order %s: the bank's answer was taken as %s", number,
                       report && report->n_outcomes ? report->outcomes[0]->text : "nothing");
    }
    const Tc__FacilityStatement *said = (const Tc__FacilityStatement *)caller_must(
        c, "settlement", "get_statement", NULL, "{'facility':'%s','month':'%s'}", paid->facility[i], month);
    if (!said || strcmp(said->state, "paid") != 0 || said->total->pay_fen != fen)
        world_fail("the statement of %s is %s after its payment", paid->facility[i], said ? said->state : "gone");
}

void books_pay_month(caller_t *caller, caller_t *clerk, const char *month) {
    paid_t paid;
    confirm_statements(caller, month);
    draft(caller, month, &paid);
    for (size_t i = 0; i < paid.count; i++) pay_order(caller, clerk, month, &paid, i);
    trace("%zu orders of %s are paid", paid.count, month);
}
