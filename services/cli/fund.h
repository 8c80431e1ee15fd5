// tongchou fund: one row a subcommand in the table of fund.c. A row is a command of its own: name, summary, help with
// examples, run(argc, argv, self) with argv[0] = the subcommand's name.
#pragma once
#include "request.h"

extern const command_t fund_tasks, fund_do, fund_explain, fund_void, fund_plan, fund_open_case;
extern const command_t fund_due, fund_budget, fund_open, fund_close, fund_interest, fund_gap, fund_income, fund_balance,
    fund_arrears, fund_facilities, fund_accounts;
extern const command_t fund_move, fund_reserve, fund_post, fund_release, fund_reverse, fund_settle, fund_allot,
    fund_movements, fund_key, fund_seals;

extern const command_t fund_statement, fund_statements, fund_hold, fund_recover, fund_orders, fund_order_step,
    fund_explain_payment, fund_clearing;

extern const command_t fund_reconcile, fund_import_bank, fund_cases, fund_case;

// The period among the options of a subcommand, whichever of them was given; NULL: none. Prints a complaint and returns
// false when two were given.
typedef struct fund_period {
    const char *period, *day, *month, *quarter, *year, *case_number;
} fund_period_t;
#define FUND_PERIOD_SPECS(p)                                                                                           \
    {.name = "period", .text = &(p).period}, {.name = "day", .text = &(p).day}, {.name = "month", .text = &(p).month}, \
        {.name = "quarter", .text = &(p).quarter}, {.name = "year", .text = &(p).year}, {                              \
        .name = "case", .text = &(p).case_number                                                                       \
    }
bool fund_period_of(const fund_period_t *from, const char **out);
// One call to settlement; a refusal is printed. Exit status; the reply lives in the suite's arena.
int fund_ask(suite_t *suite, const common_options_t *options, const char *method, const ProtobufCMessage *request,
             const ProtobufCMessageDescriptor *reply_type, ProtobufCMessage **reply);
// The same for what changes something: the request id is made from the command, so that giving it again does it once.
int fund_order(suite_t *suite, const common_options_t *options, const char *method, const ProtobufCMessage *request,
               const ProtobufCMessageDescriptor *reply_type, ProtobufCMessage **reply);
int fund_usage(const command_t *self, const char *why); // prints; exit status 2
