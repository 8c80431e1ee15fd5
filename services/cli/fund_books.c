// tongchou fund due, budget, open, close, interest, gap, income, balance, facilities, accounts: what is due, what is
// approved, the year's end, and tables.
#include "common/base/date.h"
#include "common/base/money.h"
#include "fund.h"
#include "fund.pb-c.h"
#include "fund_table.h"
#include "settlement.pb-c.h"
#include <stdlib.h>
#include <string.h>

typedef struct args {
    common_options_t common;
    const char *flow, *step, *period, *county, *fund, *amount, *contributed, *enjoyed, *paper, *on, *from, *to, *text,
        *account, *bank, *reserve, *subsidy_due, *subsidy_received, *policy_due, *policy_charged, *other, *topped_up,
        *pursued;
    int64_t year;
    bool csv, dry;
} args_t;

#define OPT(n, f)                                                                                                      \
    { .name = n, .text = &args.f }

static char *text_or_none(const char *text) { return (char *)(text ? text : ""); }

// Amounts of options that were given; false with a complaint for one that is none.
static bool money(const char *option, const char *text, int64_t *out) {
    if (!text || fen_parse_loose(text, out) == E_OK) return true;
    fprintf(stderr, "tongchou fund: --%s: an amount in yuan was expected, like 1234.50\n", option);
    return false;
}

static const char *yuan(arena_t *arena, fen_t amount) {
    char text[FEN_TEXT_MAX];
    return arena_text(arena, "%s", fen_format(amount, text));
}

typedef struct call_spec {
    const char *method;
    const ProtobufCMessage *request;
    const ProtobufCMessageDescriptor *reply;
    bool order; // it changes something
    void (*print)(suite_t *suite, const ProtobufCMessage *reply, const args_t *args);
} call_spec_t;

static int ask_and_print(const args_t *args, const call_spec_t *call) {
    suite_t suite;
    ProtobufCMessage *reply = NULL;
    if (suite_open(&suite, args->common.data, args->common.as)) return 2;
    int status = call->order ? fund_order(&suite, &args->common, call->method, call->request, call->reply, &reply)
                             : fund_ask(&suite, &args->common, call->method, call->request, call->reply, &reply);
    if (!status && args->common.json)
        puts(message_to_json(reply, suite.arena));
    else if (!status)
        call->print(&suite, reply, args);
    suite_close(&suite);
    return status;
}

static void add(fund_table_t *table, const char *const *cells) {
    fund_row_t *row = fund_table_row(table);
    if (row) memcpy(row->cell, cells, table->width * sizeof *cells);
}

// ---- due

static void print_due(suite_t *suite, const ProtobufCMessage *reply, const args_t *args) {
    const Tc__FundDue *due = (const Tc__FundDue *)reply;
    printf("%s%s%s of %s, %s %s: %s yuan due", due->flow, *due->step ? "." : "", due->step, due->period, due->county,
           due->fund, yuan(suite->arena, due->amount_fen));
    if (due->offset_fen) printf(", after %s were set off", yuan(suite->arena, due->offset_fen));
    putchar('\n');
    for (size_t i = 0; i < due->n_instalments; i++)
        printf("  by %s at least %s\n", due->instalments[i]->due, yuan(suite->arena, due->instalments[i]->amount_fen));
    (void)args;
}

static int run_due(int argc, char **argv, const command_t *self) {
    args_t args = {.common = COMMON_DEFAULTS};
    words_t words = {0};
    const option_spec_t specs[] = {COMMON_SPECS(args.common),
                                   OPT("step", step),
                                   OPT("period", period),
                                   OPT("county", county),
                                   OPT("fund", fund),
                                   OPT("amount", amount),
                                   OPT("contributed", contributed),
                                   OPT("enjoyed", enjoyed),
                                   OPT("paper", paper),
                                   OPT("on", on),
                                   OPT("request-id", common.request_id)};
    int status = options_parse(argc, argv, self, specs, COUNT_OF(specs), &words, NULL);
    if (status >= 0) return status;
    Tc__StateDue ask = TC__STATE_DUE__INIT;
    if (words.count != 1 || !args.fund || !args.amount || !args.paper)
        return fund_usage(self, "a flow, --fund, --amount and --paper were expected");
    if (!money("amount", args.amount, &ask.amount_fen) ||
        !money("contributed", args.contributed, &ask.contributed_fen) ||
        !money("enjoyed", args.enjoyed, &ask.enjoyed_fen))
        return 2;
    ask.flow = (char *)words.word[0], ask.step = text_or_none(args.step), ask.period = text_or_none(args.period);
    ask.county = text_or_none(args.county), ask.fund = (char *)args.fund, ask.paper = (char *)args.paper;
    ask.on = text_or_none(args.on);
    const call_spec_t call = {"state_due", &ask.base, &tc__fund_due__descriptor, true, print_due};
    return ask_and_print(&args, &call);
}

const command_t fund_due = {
    "fund due", "state what an audit or a paper says is due on a flow: an old surplus or deficit, a subsidy",
    "usage: tongchou fund due FLOW --fund F --amount YUAN --paper NUMBER [--county C] [--step S] [--period P]\n"
    "                         [--contributed YUAN] [--enjoyed YUAN]\n\n"
    "Stated again it replaces the former figure. Old deficits are set off first, where the city's law says so, "
    "against\n"
    "what the county contributed less what it enjoyed.\n\nexamples:\n"
    "  tongchou fund due old_surplus --county 320921 --fund EMP --amount 400000.00 --paper \"审计2019-12\"\n"
    "  tongchou fund due old_deficit --county 411221 --fund EMP_POOL --amount 100000 --contributed 30000 --enjoyed "
    "10000 \\\n"
    "      --paper \"审计2021-3\"\n"
    "  tongchou fund due subsidy --period 2020 --county 320921 --fund RES --amount 300000 --paper \"财社2020-18\"\n",
    run_due};

// ---- budget

static void print_budget(suite_t *suite, const ProtobufCMessage *reply, const args_t *args) {
    static const fund_column_t columns[] = {{"fund", false},    {"county", false}, {"line", false},
                                            {"approved", true}, {"so far", true},  {"left", true}};
    const Tc__Budget *budget = (const Tc__Budget *)reply;
    fund_table_t table = {.arena = suite->arena, .columns = columns, .width = COUNT_OF(columns)};
    for (size_t i = 0; i < budget->n_rows; i++) {
        const Tc__Budget__Row *row = budget->rows[i];
        const char *const cells[] = {row->fund,
                                     row->county,
                                     row->line,
                                     yuan(suite->arena, row->approved_fen),
                                     yuan(suite->arena, row->done_fen),
                                     yuan(suite->arena, row->approved_fen - row->done_fen)};
        add(&table, cells);
    }
    if (!args->csv && budget->version)
        printf("budget of %lld, version %lld, approved on %s%s%s\n", (long long)budget->year,
               (long long)budget->version, budget->approved_on, *budget->paper ? ", " : "", budget->paper);
    if (!args->csv && !budget->version) printf("no budget of %lld is approved\n", (long long)budget->year);
    fund_table_print(&table, args->csv);
}

static int run_budget(int argc, char **argv, const command_t *self) {
    args_t args = {.common = COMMON_DEFAULTS};
    words_t words = {0};
    const option_spec_t specs[] = {COMMON_SPECS(args.common),
                                   {.name = "year", .number = &args.year},
                                   OPT("county", county),
                                   OPT("fund", fund),
                                   {.name = "csv", .flag = &args.csv}};
    int status = options_parse(argc, argv, self, specs, COUNT_OF(specs), &words, NULL);
    if (status >= 0) return status;
    if (words.count || !args.year) return fund_usage(self, "--year was expected");
    Tc__GetBudget ask = TC__GET_BUDGET__INIT;
    ask.year = args.year, ask.county = text_or_none(args.county), ask.fund = text_or_none(args.fund);
    const call_spec_t call = {"get_budget", &ask.base, &tc__budget__descriptor, false, print_budget};
    return ask_and_print(&args, &call);
}

const command_t fund_budget = {"fund budget", "the approved budget of a year and how it is carried out",
                               "usage: tongchou fund budget --year Y [--county C] [--fund F] [--csv | --json]\n\n"
                               "Drafts are stated and approved with `tongchou fund do`, step by step; `so far` is what "
                               "the ledger says.\n\nexamples:\n"
                               "  tongchou fund budget --year 2021 --county 370402\n",
                               run_budget};

// ---- before the pool, and the year's end

static void print_entry(suite_t *suite, const ProtobufCMessage *reply, const args_t *args) {
    const Tc__JournalEntry *entry = (const Tc__JournalEntry *)reply;
    printf("%s %s: %s yuan\n", entry->kind, entry->reference, yuan(suite->arena, entry->total_fen));
    (void)args;
}

static int run_open(int argc, char **argv, const command_t *self) {
    args_t args = {.common = COMMON_DEFAULTS};
    words_t words = {0};
    const option_spec_t specs[] = {COMMON_SPECS(args.common), OPT("account", account),
                                   OPT("county", county),     OPT("fund", fund),
                                   OPT("amount", amount),     OPT("on", on),
                                   OPT("paper", paper),       OPT("request-id", common.request_id)};
    int status = options_parse(argc, argv, self, specs, COUNT_OF(specs), &words, NULL);
    if (status >= 0) return status;
    Tc__OpenBalance ask = TC__OPEN_BALANCE__INIT;
    if (words.count != 1 || !args.account || !args.fund || !args.amount || !args.paper)
        return fund_usage(self, "a reference, --account, --fund, --amount and --paper were expected");
    if (!money("amount", args.amount, &ask.amount_fen)) return 2;
    ask.reference = (char *)words.word[0], ask.account = (char *)args.account, ask.fund = (char *)args.fund;
    ask.county = text_or_none(args.county), ask.on = text_or_none(args.on), ask.text = (char *)args.paper;
    const call_spec_t call = {"open_balance", &ask.base, &tc__journal_entry__descriptor, true, print_entry};
    return ask_and_print(&args, &call);
}

const command_t fund_open = {
    "fund open", "book what an account held before the pool",
    "usage: tongchou fund open REFERENCE --account A --fund F --amount YUAN --paper NUMBER [--county C] [--on DAY]\n\n"
    "Against surplus/opening. One entry a reference.\n\nexamples:\n"
    "  tongchou fund open OPEN-370402 --account special_county --county 370402 --fund EMP_POOL --amount 300000 \\\n"
    "      --paper \"审计2019-12\" --on 2019-12-31\n",
    run_open};

static void print_closed(suite_t *suite, const ProtobufCMessage *reply, const args_t *args) {
    static const fund_column_t columns[] = {{"fund", false},    {"county", false}, {"revenue", true},
                                            {"spending", true}, {"result", true},  {"accumulated", true}};
    const Tc__YearClosed *closed = (const Tc__YearClosed *)reply;
    fund_table_t table = {.arena = suite->arena, .columns = columns, .width = COUNT_OF(columns)};
    for (size_t i = 0; i < closed->n_rows; i++) {
        const Tc__YearClosed__Row *row = closed->rows[i];
        const char *const cells[] = {row->fund,
                                     row->county,
                                     yuan(suite->arena, row->revenue_fen),
                                     yuan(suite->arena, row->spending_fen),
                                     yuan(suite->arena, row->result_fen),
                                     yuan(suite->arena, row->accumulated_fen)};
        add(&table, cells);
    }
    fund_table_print(&table, args->csv);
    if (!args->csv)
        printf("%s %lld: %lld entries\n", closed->dry ? "would close" : "closed", (long long)closed->year,
               (long long)closed->entries);
}

static int run_close(int argc, char **argv, const command_t *self) {
    args_t args = {.common = COMMON_DEFAULTS};
    words_t words = {0};
    const option_spec_t specs[] = {COMMON_SPECS(args.common),
                                   OPT("text", text),
                                   {.name = "dry", .flag = &args.dry},
                                   {.name = "csv", .flag = &args.csv}};
    int status = options_parse(argc, argv, self, specs, COUNT_OF(specs), &words, NULL);
    if (status >= 0) return status;
    Tc__CloseYear ask = TC__CLOSE_YEAR__INIT;
    if (words.count != 1) return fund_usage(self, "a year was expected");
    ask.year = strtol(words.word[0], NULL, 10), ask.text = text_or_none(args.text), ask.dry = args.dry;
    const call_spec_t call = {"close_year", &ask.base, &tc__year_closed__descriptor, false, print_closed};
    return ask_and_print(&args, &call);
}

const command_t fund_close = {"fund close", "close a year: carry its revenue and spending to the surplus",
                              "usage: tongchou fund close YEAR [--text TEXT] [--dry] [--csv | --json]\n\n"
                              "Of everything with a value date up to 31 December. What is booked for the year later is "
                              "carried by closing it again,\n"
                              "or with the next year.\n\nexamples:\n"
                              "  tongchou fund close 2020 --dry\n  tongchou fund close 2020 --text \"决算 2021-02\"\n",
                              run_close};

// ---- interest and gaps

static void print_interest(suite_t *suite, const ProtobufCMessage *reply, const args_t *args) {
    static const fund_column_t columns[] = {{"fund", false}, {"interest", true}, {"average balance", true}};
    const Tc__InterestShared *shared = (const Tc__InterestShared *)reply;
    fund_table_t table = {.arena = suite->arena, .columns = columns, .width = COUNT_OF(columns)};
    for (size_t i = 0; i < shared->n_rows; i++) {
        const char *const cells[] = {shared->rows[i]->fund, yuan(suite->arena, shared->rows[i]->amount_fen),
                                     yuan(suite->arena, shared->rows[i]->average_fen)};
        add(&table, cells);
    }
    fund_table_print(&table, args->csv);
    if (!args->csv) printf("%s as %s\n", shared->dry ? "would be posted" : "posted", shared->reference);
}

static int run_interest(int argc, char **argv, const command_t *self) {
    args_t args = {.common = COMMON_DEFAULTS, .bank = "bank"};
    words_t words = {0};
    const option_spec_t specs[] = {COMMON_SPECS(args.common),
                                   OPT("bank", bank),
                                   OPT("account", account),
                                   OPT("amount", amount),
                                   OPT("from", from),
                                   OPT("to", to),
                                   OPT("on", on),
                                   OPT("text", text),
                                   {.name = "dry", .flag = &args.dry},
                                   {.name = "csv", .flag = &args.csv},
                                   OPT("request-id", common.request_id)};
    int status = options_parse(argc, argv, self, specs, COUNT_OF(specs), &words, NULL);
    if (status >= 0) return status;
    Tc__ShareInterest ask = TC__SHARE_INTEREST__INIT;
    if (words.count != 1 || !args.account || !args.amount || !args.from || !args.to)
        return fund_usage(self, "a reference, --account, --amount, --from and --to were expected");
    if (!money("amount", args.amount, &ask.amount_fen)) return 2;
    ask.reference = (char *)words.word[0], ask.bank = (char *)args.bank, ask.account = (char *)args.account;
    ask.from = (char *)args.from, ask.to = (char *)args.to, ask.on = text_or_none(args.on);
    ask.text = text_or_none(args.text), ask.dry = args.dry;
    const call_spec_t call = {"share_interest", &ask.base, &tc__interest_shared__descriptor, true, print_interest};
    return ask_and_print(&args, &call);
}

const command_t fund_interest = {
    "fund interest", "share the interest of a bank account among the funds that lay in it",
    "usage: tongchou fund interest REFERENCE --account A --amount YUAN --from DAY --to DAY [--bank B] [--on DAY] "
    "[--dry]\n\n"
    "As the section `interest` of the city file says: by daily balances, to the fen.\n\nexamples:\n"
    "  tongchou fund interest INT-2022Q4 --account special_city --amount 777.77 --from 2022-10-01 --to 2022-12-31\n",
    run_interest};

static void print_gap(suite_t *suite, const ProtobufCMessage *reply, const args_t *args) {
    const Tc__GapAssessed *gap = (const Tc__GapAssessed *)reply;
    printf("%s %lld: revenue %s, spending %s, surplus before %s\ngap %s\n", gap->fund, (long long)gap->year,
           yuan(suite->arena, gap->revenue_fen), yuan(suite->arena, gap->spending_fen),
           yuan(suite->arena, gap->accumulated_fen), yuan(suite->arena, gap->deficit_fen));
    for (size_t i = 0; i < gap->n_taken; i++)
        printf("  %-16s %s\n", gap->taken[i]->name, yuan(suite->arena, gap->taken[i]->amount_fen));
    printf("left %s%s%s\n", yuan(suite->arena, gap->residual_fen), *gap->action ? ": " : "", gap->action);
    if (gap->answers_for_fen)
        printf("the county answers for %s, of which %s is open\n", yuan(suite->arena, gap->answers_for_fen),
               yuan(suite->arena, gap->open_fen));
    (void)args;
}

static int run_gap(int argc, char **argv, const command_t *self) {
    args_t args = {.common = COMMON_DEFAULTS};
    words_t words = {0};
    const option_spec_t specs[] = {COMMON_SPECS(args.common),
                                   {.name = "year", .number = &args.year},
                                   OPT("fund", fund),
                                   OPT("reserve", reserve),
                                   OPT("county", county),
                                   OPT("subsidy-due", subsidy_due),
                                   OPT("subsidy-received", subsidy_received),
                                   OPT("policy-due", policy_due),
                                   OPT("policy-charged", policy_charged),
                                   OPT("other", other),
                                   OPT("topped-up", topped_up),
                                   OPT("pursued", pursued)};
    int status = options_parse(argc, argv, self, specs, COUNT_OF(specs), &words, NULL);
    if (status >= 0) return status;
    Tc__AssessGap ask = TC__ASSESS_GAP__INIT;
    if (words.count || !args.year || !args.fund) return fund_usage(self, "--year and --fund were expected");
    if (!money("reserve", args.reserve, &ask.reserve_fen) ||
        !money("subsidy-due", args.subsidy_due, &ask.subsidy_due_fen) ||
        !money("subsidy-received", args.subsidy_received, &ask.subsidy_received_fen) ||
        !money("policy-due", args.policy_due, &ask.policy_due_fen) ||
        !money("policy-charged", args.policy_charged, &ask.policy_charged_fen) ||
        !money("other", args.other, &ask.other_fen) || !money("topped-up", args.topped_up, &ask.topped_up_fen) ||
        !money("pursued", args.pursued, &ask.pursued_fen))
        return 2;
    ask.year = args.year, ask.fund = (char *)args.fund, ask.county = text_or_none(args.county);
    const call_spec_t call = {"assess_gap", &ask.base, &tc__gap_assessed__descriptor, false, print_gap};
    return ask_and_print(&args, &call);
}

const command_t fund_gap = {
    "fund gap", "what covers the gap of a fund's year, and what a county answers for",
    "usage: tongchou fund gap --year Y --fund F [--reserve YUAN] [--county C --subsidy-due YUAN --subsidy-received "
    "YUAN\n"
    "                         --policy-due YUAN --policy-charged YUAN --other YUAN --topped-up YUAN --pursued YUAN]\n\n"
    "Revenue, spending and surplus are the ledger's; the layers are those of the city's section `gap`.\n\nexamples:\n"
    "  tongchou fund gap --year 2020 --fund RES\n"
    "  tongchou fund gap --year 2020 --fund RES --county 320921 --subsidy-due 300000 --subsidy-received 180000\n",
    run_gap};

// ---- reports

static void print_report(suite_t *suite, const ProtobufCMessage *reply, const args_t *args) {
    const Tc__FundReport *report = (const Tc__FundReport *)reply;
    fund_column_t columns[7] = {{"name", false}, {"fund", false}, {"county", false}};
    size_t width = 3, used[4], n = 0;
    for (size_t h = 0; h < report->n_heads && h < COUNT_OF(used); h++) {
        if (!*report->heads[h]) continue;
        used[n++] = h;
        columns[width++] = (fund_column_t){report->heads[h], true};
    }
    fund_table_t table = {.arena = suite->arena, .columns = columns, .width = width};
    for (size_t i = 0; i < report->n_rows; i++) {
        const Tc__FundReport__Row *row = report->rows[i];
        const fen_t amounts[] = {row->first_fen, row->second_fen, row->third_fen};
        const char *cells[7] = {row->name, row->fund, row->county};
        for (size_t k = 0; k < n; k++)
            cells[3 + k] = used[k] < 3 ? yuan(suite->arena, amounts[used[k]])
                                       : arena_text(suite->arena, "%lld", (long long)row->count);
        add(&table, cells);
    }
    if (!args->csv) printf("%s, %s to %s, yuan\n", report->kind, report->from, report->to);
    fund_table_print(&table, args->csv);
}

static int run_report(int argc, char **argv, const command_t *self) {
    args_t args = {.common = COMMON_DEFAULTS};
    words_t words = {0};
    char from[16], to[16];
    const option_spec_t specs[] = {COMMON_SPECS(args.common),
                                   OPT("from", from),
                                   OPT("to", to),
                                   OPT("fund", fund),
                                   OPT("county", county),
                                   {.name = "year", .number = &args.year},
                                   {.name = "csv", .flag = &args.csv}};
    int status = options_parse(argc, argv, self, specs, COUNT_OF(specs), &words, NULL);
    if (status >= 0) return status;
    if (words.count || (args.year && (args.from || args.to || args.year > 9999)))
        return fund_usage(self, "either --year or --from and --to were expected");
    if (args.year) {
        snprintf(from, sizeof from, "%04d-01-01", (int)args.year);
        snprintf(to, sizeof to, "%04d-12-31", (int)args.year);
        args.from = from, args.to = to;
    }
    Tc__GetReport ask = TC__GET_REPORT__INIT;
    const char *name = strchr(self->name, ' ') + 1;
    ask.kind = (char *)(strcmp(name, "accounts") == 0 ? "final_accounts" : name);
    ask.from = text_or_none(args.from), ask.to = text_or_none(args.to);
    ask.fund = text_or_none(args.fund), ask.county = text_or_none(args.county);
    const call_spec_t call = {"get_report", &ask.base, &tc__fund_report__descriptor, false, print_report};
    return ask_and_print(&args, &call);
}

#define SPAN_OPTIONS "[--year Y | --from DAY --to DAY] [--fund F] [--county C] [--csv | --json]\n\n"
#define REPORT(variable, word, summary, more)                                                                          \
    const command_t variable = {"fund " word, summary,                                                                 \
                                "usage: tongchou fund " word " " SPAN_OPTIONS more                                     \
                                "\n\nexamples:\n  tongchou fund " word " --year 2020\n  tongchou fund " word           \
                                " --from 2020-01-01 --to 2020-03-31 --csv\n",                                          \
                                run_report}
REPORT(fund_income, "income", "revenue and spending by account, fund and county",
       "By value date; closings are not counted. Without a span: the year to date.");
REPORT(fund_balance, "balance", "what each account holds, by fund and county", "As of now, whatever the span.");
REPORT(fund_facilities, "facilities", "facilities by what they were granted, with what was paid and is open",
       "The largest first.");
REPORT(fund_accounts, "accounts", "final accounts: revenue, spending and surplus by fund and county",
       "The surplus is what was closed so far.");
