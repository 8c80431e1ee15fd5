// tongchou fund: the clerk's door to settlement: what is to be done, doing it, budgets, closing and reports. The table
// below is all there is; each row says what it does, with examples.
#include "fund.h"
#include <string.h>

static const command_t *const subcommands[] = {
    &fund_tasks,     &fund_do,          &fund_explain,  &fund_void,       &fund_open_case,       &fund_plan,
    &fund_move,      &fund_reserve,     &fund_post,     &fund_release,    &fund_reverse,         &fund_settle,
    &fund_allot,     &fund_movements,   &fund_key,      &fund_seals,      &fund_statement,       &fund_statements,
    &fund_hold,      &fund_recover,     &fund_orders,   &fund_order_step, &fund_explain_payment, &fund_clearing,
    &fund_due,       &fund_budget,      &fund_open,     &fund_close,      &fund_interest,        &fund_gap,
    &fund_reconcile, &fund_import_bank, &fund_cases,    &fund_case,       &fund_income,          &fund_balance,
    &fund_arrears,   &fund_facilities,  &fund_accounts,
};

static void overview(FILE *out) {
    fputs("usage: tongchou fund COMMAND [options]\n\n", out);
    for (size_t i = 0; i < COUNT_OF(subcommands); i++) {
        const char *name = strchr(subcommands[i]->name, ' ');
        fprintf(out, "  %-16s %s\n", name ? name + 1 : subcommands[i]->name, subcommands[i]->summary);
    }
    fputs("\n`tongchou fund COMMAND --help` shows options and examples. All take --json, --data DIR and --as NAME.\n",
          out);
}

static int run(int argc, char **argv, const command_t *self) {
    (void)self;
    const char *name = argc > 1 ? argv[1] : "";
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0) {
        overview(stdout);
        return 0;
    }
    for (size_t i = 0; i < COUNT_OF(subcommands); i++) {
        const char *own = strchr(subcommands[i]->name, ' ');
        if (own && strcmp(own + 1, name) == 0) return subcommands[i]->run(argc - 1, argv + 1, subcommands[i]);
    }
    if (*name) fprintf(stderr, "tongchou fund: there is no command \"%s\"\n", name);
    overview(stderr);
    return 2;
}

const command_t command_fund = {
    .name = "fund",
    .summary = "the fund's tasks, plans, budgets, closing and reports",
    .run = run,
    .help = "usage: tongchou fund COMMAND [options]; see `tongchou fund --help`\n",
};

int fund_usage(const command_t *self, const char *why) {
    fprintf(stderr, "tongchou %s: %s; see `tongchou %s --help`\n", self->name, why, self->name);
    return 2;
}

bool fund_period_of(const fund_period_t *from, const char **out) {
    const char *const given[] = {from->period, from->day, from->month, from->quarter, from->year, from->case_number};
    *out = NULL;
    for (size_t i = 0; i < COUNT_OF(given); i++) {
        if (given[i] && *out) return false;
        if (given[i]) *out = given[i];
    }
    return true;
}

int fund_ask(suite_t *suite, const common_options_t *options, const char *method, const ProtobufCMessage *request,
             const ProtobufCMessageDescriptor *reply_type, ProtobufCMessage **reply) {
    err_t err = {0};
    int rc = suite_call(suite, "settlement", method, "", request, reply_type, reply, &err);
    return rc ? cli_refused(&err, options->json) : 0;
}

int fund_order(suite_t *suite, const common_options_t *options, const char *method, const ProtobufCMessage *request,
               const ProtobufCMessageDescriptor *reply_type, ProtobufCMessage **reply) {
    const cli_method_t *known = method_find("settlement", method);
    err_t err = {0};
    size_t bytes = 0;
    char id[48];
    CHECK(known != NULL);
    void *body = message_pack(request, suite->arena, &bytes);
    if (!body) return cli_refused(&(err_t){E_IO, "", "out of memory"}, options->json);
    method_request_id(known, body, bytes, id);
    const call_t call = {.service = "settlement",
                         .method = method,
                         .key = "",
                         .request_id = options->request_id ? options->request_id : id,
                         .body = body,
                         .body_bytes = bytes,
                         .deadline_ms = (int)options->deadline_s * 1000};
    reply_t answer;
    int rc = client_call(suite->client, &call, &answer, &err);
    if (!rc) rc = message_unpack(reply, reply_type, answer.body, answer.body_bytes, suite->arena, &err);
    if (rc == E_TIMEOUT) fprintf(stderr, "the outcome is unknown: give the same command again to learn it\n");
    return rc ? cli_refused(&err, options->json) : 0;
}
