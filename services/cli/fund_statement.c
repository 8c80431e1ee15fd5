// tongchou fund statement, statements, hold, recover: what is due to a facility for a month, and what clerks decide
// about it.
#include "fund_statement.h"
#include "common/base/hash.h"
#include "common/base/money.h"
#include <stdlib.h>
#include <string.h>

typedef struct args {
    common_options_t common;
    const char *state, *text, *facility, *hold, *budget, *warn, *release, *paper, *reason, *after;
    bool csv, draw, confirm, dispute, answer, lines;
} args_t;

#define OPT(n, f)                                                                                                      \
    { .name = n, .text = &args.f }
#define FLAG(n, f)                                                                                                     \
    { .name = n, .flag = &args.f }

char *fund_text(const char *text) { return (char *)(text ? text : ""); }

const char *fund_yuan(arena_t *arena, int64_t amount_fen) {
    char text[FEN_TEXT_MAX];
    const char *made = arena_text(arena, "%s", fen_format(amount_fen, text));
    return made ? made : "?";
}

const char *fund_share(arena_t *arena, int32_t ppm) {
    char text[FEN_TEXT_MAX];
    const char *made = arena_text(arena, "%s", rate_format(ppm, text));
    return made ? made : "?";
}

static int complain(const char *option, const char *expected, bool json) {
    err_t err = {.code = E_INVALID_FIELD};
    snprintf(err.field, sizeof err.field, "%s", option);
    snprintf(err.text, sizeof err.text, "%s", expected);
    return cli_refused(&err, json);
}

int fund_read_yuan(const char *option, const char *text, bool json, int64_t *out) {
    if (fen_parse_loose(text, out) == E_OK) return 0;
    return complain(option, "an amount in yuan was expected, like 1234.50", json);
}

int fund_read_share(const char *option, const char *text, bool json, int32_t *out) {
    if (rate_parse(text, out) == E_OK) return 0;
    return complain(option, "a share was expected, like 0.05", json);
}

// ---- one statement

int fund_read_statement(suite_t *suite, const common_options_t *options, const char *facility, const char *month,
                        const Tc__FacilityStatement **out) {
    Tc__GetStatement ask = TC__GET_STATEMENT__INIT;
    ProtobufCMessage *reply = NULL;
    ask.facility = fund_text(facility), ask.month = fund_text(month);
    int status = fund_ask(suite, options, "get_statement", &ask.base, &tc__facility_statement__descriptor, &reply);
    *out = (const Tc__FacilityStatement *)reply;
    return status;
}

static void add_part(fund_table_t *table, const char *name, const Tc__StatementPart *part) {
    fund_row_t *row = fund_table_row(table);
    arena_t *arena = table->arena;
    if (!row) return;
    const char *const cells[] = {name,
                                 part->county,
                                 part->year ? arena_text(arena, "%d", part->year) : "",
                                 fund_yuan(arena, part->bills_fen),
                                 fund_yuan(arena, part->brought_fen),
                                 fund_yuan(arena, -part->held_fen),
                                 fund_yuan(arena, -part->recovered_fen),
                                 fund_yuan(arena, part->released_fen),
                                 fund_yuan(arena, part->clearing_fen),
                                 fund_yuan(arena, -part->carried_fen),
                                 fund_yuan(arena, part->pay_fen)};
    memcpy(row->cell, cells, sizeof cells);
}

static const fund_column_t part_columns[] = {
    {"part", false},     {"county", false},  {"year", false},    {"bills", true},   {"brought", true}, {"held", true},
    {"recovered", true}, {"released", true}, {"clearing", true}, {"carried", true}, {"pay", true}};

void fund_print_statement(suite_t *suite, const Tc__FacilityStatement *said, bool csv) {
    fund_table_t table = {.arena = suite->arena, .columns = part_columns, .width = COUNT_OF(part_columns)};
    if (!csv)
        printf("facility %s, month %s%s%s: %s\n", said->facility, said->month, *said->since ? ", lines since " : "",
               said->since, said->state);
    for (size_t i = 0; i < said->n_parts; i++) {
        const Tc__StatementPart *part = said->parts[i];
        add_part(&table, arena_text(suite->arena, "%s %s", part->fund, part->layer), part);
    }
    if (said->total) add_part(&table, "total", said->total);
    fund_table_print(&table, csv);
    if (csv) return;
    for (size_t i = 0; i < said->n_others; i++)
        printf("by others: %s %s %s, %s yuan\n", said->others[i]->fund, said->others[i]->layer, said->others[i]->county,
               fund_yuan(suite->arena, said->others[i]->bills_fen));
    if (said->total && said->total->forfeited_fen)
        printf("forfeited of what was held: %s yuan\n", fund_yuan(suite->arena, said->total->forfeited_fen));
    if (said->budget_fen)
        printf("the year so far: %s of %s yuan%s\n", fund_yuan(suite->arena, said->year_fen),
               fund_yuan(suite->arena, said->budget_fen), said->warned ? " - WARNING" : "");
    if (*said->reason) printf("reason: %s\n", said->reason);
    if (*said->order) printf("order: %s\n", said->order);
    if (*said->digest) printf("drawn up on %s by %s, digest %s\n", said->drawn_on, said->drawn_by, said->digest);
}

static int draw_one(suite_t *suite, const args_t *args, const char *facility, const char *month) {
    Tc__DrawStatements ask = TC__DRAW_STATEMENTS__INIT;
    ProtobufCMessage *reply = NULL;
    ask.facility = fund_text(facility), ask.month = fund_text(month);
    return fund_order(suite, &args->common, "draw_statements", &ask.base, &tc__facility_statements__descriptor, &reply);
}

static int settle_one(suite_t *suite, const args_t *args, const char *facility, const char *month) {
    Tc__SettleStatement ask = TC__SETTLE_STATEMENT__INIT;
    ProtobufCMessage *reply = NULL;
    ask.facility = fund_text(facility), ask.month = fund_text(month), ask.reason = fund_text(args->text);
    ask.verdict = fund_text(args->confirm ? "confirmed" : args->dispute ? "disputed" : "answered");
    return fund_order(suite, &args->common, "settle_statement", &ask.base, &tc__facility_statement__descriptor, &reply);
}

static int print_lines(suite_t *suite, const args_t *args, const Tc__FacilityStatement *said) {
    static const fund_column_t columns[] = {{"bill", false},   {"month", false}, {"fund", false}, {"layer", false},
                                            {"county", false}, {"year", false},  {"amount", true}};
    fund_table_t table = {.arena = suite->arena, .columns = columns, .width = COUNT_OF(columns)};
    Tc__GetStatementLines ask = TC__GET_STATEMENT_LINES__INIT;
    ask.facility = said->facility, ask.since = said->since, ask.month = said->month;
    do {
        ProtobufCMessage *reply = NULL;
        int status =
            fund_ask(suite, &args->common, "get_statement_lines", &ask.base, &tc__statement_lines__descriptor, &reply);
        if (status) return status;
        const Tc__StatementLines *page = (const Tc__StatementLines *)reply;
        for (size_t i = 0; i < page->n_lines; i++) {
            const Tc__StatementLine *line = page->lines[i];
            fund_row_t *row = fund_table_row(&table);
            if (!row) return 1;
            const char *const cells[] = {line->bill,
                                         line->month,
                                         line->fund,
                                         line->layer,
                                         line->county,
                                         arena_text(suite->arena, "%d", line->year),
                                         fund_yuan(suite->arena, line->amount_fen)};
            memcpy(row->cell, cells, sizeof cells);
        }
        ask.after = page->next;
    } while (*ask.after);
    fund_table_print(&table, args->csv);
    return 0;
}

static int run_statement(int argc, char **argv, const command_t *self) {
    args_t args = {.common = COMMON_DEFAULTS};
    words_t words = {0};
    suite_t suite;
    const option_spec_t specs[] = {
        COMMON_SPECS(args.common), OPT("text", text),      OPT("request-id", common.request_id),
        FLAG("csv", csv),          FLAG("draw", draw),     FLAG("confirm", confirm),
        FLAG("dispute", dispute),  FLAG("answer", answer), FLAG("lines", lines)};
    int status = options_parse(argc, argv, self, specs, COUNT_OF(specs), &words, NULL);
    if (status >= 0) return status;
    if (words.count != 2) return fund_usage(self, "a facility and a month were expected");
    if (args.draw + args.confirm + args.dispute + args.answer > 1) return fund_usage(self, "one step at a time");
    if (suite_open(&suite, args.common.data, args.common.as)) return 2;
    const Tc__FacilityStatement *said = NULL;
    status = args.draw                                     ? draw_one(&suite, &args, words.word[0], words.word[1])
             : args.confirm || args.dispute || args.answer ? settle_one(&suite, &args, words.word[0], words.word[1])
                                                           : 0;
    if (!status) status = fund_read_statement(&suite, &args.common, words.word[0], words.word[1], &said);
    if (!status && args.lines)
        status = print_lines(&suite, &args, said);
    else if (!status && args.common.json)
        puts(message_to_json(&said->base, suite.arena));
    else if (!status)
        fund_print_statement(&suite, said, args.csv);
    suite_close(&suite);
    return status;
}

const command_t fund_statement = {
    "fund statement", "what is due to a facility for a month, and why; draw it up, confirm or dispute it",
    "usage: tongchou fund statement FACILITY MONTH [--draw | --confirm | --dispute --text TEXT | --answer --text "
    "TEXT]\n"
    "                               [--lines] [--csv | --json]\n\n"
    "Before it is drawn up the statement is shown as it would be now. --draw freezes it, once the month is over. What "
    "is\nbooked later comes in the next month. --lines shows the bills' lines that it adds up.\n\nexamples:\n"
    "  tongchou fund statement H33090200001 2021-03\n  tongchou fund statement H33090200001 2021-03 --draw\n"
    "  tongchou fund statement H33090200001 2021-03 --lines --csv\n",
    run_statement};

// ---- the statements of a month

// Each chunk under an id of its own: the same words are another command when something more is there to draw up.
static int draw_all(suite_t *suite, const args_t *args, const char *month) {
    Tc__DrawStatements ask = TC__DRAW_STATEMENTS__INIT;
    ask.month = fund_text(month);
    size_t drawn = 0;
    for (;;) {
        ProtobufCMessage *reply = NULL;
        char id[UID_TEXT_MAX];
        common_options_t common = args->common;
        common.request_id = uid_new(id);
        int status =
            fund_order(suite, &common, "draw_statements", &ask.base, &tc__facility_statements__descriptor, &reply);
        if (status) return status;
        const Tc__FacilityStatements *list = (const Tc__FacilityStatements *)reply;
        drawn += list->n_statements;
        if (!*list->next) break;
        ask.after = list->next;
    }
    if (!args->common.json && !args->csv) printf("%zu statements drawn up\n", drawn);
    return 0;
}

static const fund_column_t list_columns[] = {{"facility", false}, {"state", false},    {"bills", true},
                                             {"held", true},      {"recovered", true}, {"clearing", true},
                                             {"pay", true},       {"order", false}};

static void add_statement(fund_table_t *table, const Tc__FacilityStatement *said) {
    fund_row_t *row = fund_table_row(table);
    if (!row || !said->total) return;
    const char *const cells[] = {said->facility,
                                 said->state,
                                 fund_yuan(table->arena, said->total->bills_fen),
                                 fund_yuan(table->arena, said->total->held_fen),
                                 fund_yuan(table->arena, said->total->recovered_fen),
                                 fund_yuan(table->arena, said->total->clearing_fen),
                                 fund_yuan(table->arena, said->total->pay_fen),
                                 said->order};
    memcpy(row->cell, cells, sizeof cells);
    row->note = said->warned ? "the year's figure is nearly used up" : NULL;
}

static int list_all(suite_t *suite, const args_t *args, const char *month) {
    fund_table_t table = {.arena = suite->arena, .columns = list_columns, .width = COUNT_OF(list_columns)};
    Tc__ListStatements ask = TC__LIST_STATEMENTS__INIT;
    fen_t pay = 0;
    size_t count = 0;
    ask.month = fund_text(month), ask.state = fund_text(args->state);
    for (;;) {
        ProtobufCMessage *reply = NULL;
        int status =
            fund_ask(suite, &args->common, "list_statements", &ask.base, &tc__facility_statements__descriptor, &reply);
        if (status) return status;
        const Tc__FacilityStatements *list = (const Tc__FacilityStatements *)reply;
        if (args->common.json) puts(message_to_json(reply, suite->arena));
        for (size_t i = 0; i < list->n_statements; i++, count++) {
            add_statement(&table, list->statements[i]);
            if (list->statements[i]->total && fen_add(pay, list->statements[i]->total->pay_fen, &pay)) return 1;
        }
        if (!*list->next) break;
        ask.after = list->next;
    }
    if (args->common.json) return 0;
    fund_table_print(&table, args->csv);
    if (!args->csv) printf("%zu statements of %s, %s yuan to pay\n", count, month, fund_yuan(suite->arena, pay));
    return 0;
}

static int run_statements(int argc, char **argv, const command_t *self) {
    args_t args = {.common = COMMON_DEFAULTS};
    words_t words = {0};
    suite_t suite;
    const option_spec_t specs[] = {COMMON_SPECS(args.common), OPT("state", state), FLAG("csv", csv),
                                   FLAG("draw", draw)};
    int status = options_parse(argc, argv, self, specs, COUNT_OF(specs), &words, NULL);
    if (status >= 0) return status;
    if (words.count != 1) return fund_usage(self, "a month was expected");
    if (suite_open(&suite, args.common.data, args.common.as)) return 2;
    status = args.draw ? draw_all(&suite, &args, words.word[0]) : 0;
    if (!status) status = list_all(&suite, &args, words.word[0]);
    suite_close(&suite);
    return status;
}

const command_t fund_statements = {
    "fund statements", "the statements of a month, drawn up for all facilities",
    "usage: tongchou fund statements MONTH [--draw] [--state drawn|confirmed|disputed|ordered|paid] [--csv | "
    "--json]\n\n"
    "--draw draws up what is not drawn up yet; giving it again goes on where it stopped.\n\nexamples:\n"
    "  tongchou fund statements 2021-03 --draw\n  tongchou fund statements 2021-03 --state disputed\n",
    run_statements};

// ---- terms of a year, and the evaluation

static int year_of(const char *text) {
    char *end = NULL;
    long year = strtol(text, &end, 10);
    return *text && !*end && year > 0 && year < 10000 ? (int)year : 0;
}

static void print_terms(suite_t *suite, const Tc__FacilityTerms *terms) {
    printf("facility %s, %d: %s of every month is held back, %s yuan now\n", terms->facility, terms->year,
           fund_share(suite->arena, terms->hold_ppm), fund_yuan(suite->arena, terms->held_fen));
    if (terms->budget_fen)
        printf("total budget %s yuan, used %s%s, warning from %s of it on\n",
               fund_yuan(suite->arena, terms->budget_fen), fund_yuan(suite->arena, terms->used_fen),
               terms->warned ? " - WARNING" : "", fund_share(suite->arena, terms->warn_ppm));
    else
        printf("no total budget is fixed; used %s yuan\n", fund_yuan(suite->arena, terms->used_fen));
    if (*terms->paper) printf("by %s, %s\n", terms->paper, terms->by);
}

static int set_terms(suite_t *suite, const args_t *args, const char *facility, int year, ProtobufCMessage **reply) {
    Tc__SetTerms ask = TC__SET_TERMS__INIT;
    const bool json = args->common.json;
    ask.facility = fund_text(facility), ask.year = year, ask.paper = fund_text(args->paper);
    if (args->hold && fund_read_share("hold", args->hold, json, &ask.hold_ppm)) return 1;
    if (args->warn && fund_read_share("warn", args->warn, json, &ask.warn_ppm)) return 1;
    if (args->budget && fund_read_yuan("budget", args->budget, json, &ask.budget_fen)) return 1;
    if (args->hold) ask.hold_given_case = TC__SET_TERMS__HOLD_GIVEN_HOLD_PPM;
    if (args->warn) ask.warn_given_case = TC__SET_TERMS__WARN_GIVEN_WARN_PPM;
    if (args->budget) ask.budget_given_case = TC__SET_TERMS__BUDGET_GIVEN_BUDGET_FEN;
    return fund_order(suite, &args->common, "set_terms", &ask.base, &tc__facility_terms__descriptor, reply);
}

static int evaluate(suite_t *suite, const args_t *args, const char *facility, int year, ProtobufCMessage **reply) {
    Tc__Evaluate ask = TC__EVALUATE__INIT;
    ask.facility = fund_text(facility), ask.year = year, ask.paper = fund_text(args->paper);
    if (fund_read_share("release", args->release, args->common.json, &ask.share_ppm)) return 1;
    ask.share_given_case = TC__EVALUATE__SHARE_GIVEN_SHARE_PPM;
    return fund_order(suite, &args->common, "evaluate", &ask.base, &tc__evaluation__descriptor, reply);
}

static int hold_step(suite_t *suite, const args_t *args, const char *facility, int year) {
    ProtobufCMessage *reply = NULL;
    Tc__GetTerms ask = TC__GET_TERMS__INIT;
    int status;
    ask.facility = fund_text(facility), ask.year = year;
    if (args->release)
        status = evaluate(suite, args, facility, year, &reply);
    else if (args->hold || args->warn || args->budget)
        status = set_terms(suite, args, facility, year, &reply);
    else
        status = fund_ask(suite, &args->common, "get_terms", &ask.base, &tc__facility_terms__descriptor, &reply);
    if (status) return status;
    if (args->common.json)
        puts(message_to_json(reply, suite->arena));
    else if (args->release)
        printf("%s of %s yuan is released with the next statement, the rest is forfeited\n", args->release,
               fund_yuan(suite->arena, ((const Tc__Evaluation *)reply)->held_fen));
    else
        print_terms(suite, (const Tc__FacilityTerms *)reply);
    return 0;
}

static int run_hold(int argc, char **argv, const command_t *self) {
    args_t args = {.common = COMMON_DEFAULTS};
    words_t words = {0};
    suite_t suite;
    const option_spec_t specs[] = {COMMON_SPECS(args.common),
                                   OPT("share", hold),
                                   OPT("budget", budget),
                                   OPT("warn", warn),
                                   OPT("paper", paper),
                                   OPT("release", release),
                                   OPT("request-id", common.request_id)};
    int status = options_parse(argc, argv, self, specs, COUNT_OF(specs), &words, NULL);
    if (status >= 0) return status;
    const int year = words.count == 2 ? year_of(words.word[1]) : 0;
    if (!year) return fund_usage(self, "a facility and a year were expected");
    if (args.release && (args.hold || args.budget || args.warn)) return fund_usage(self, "--release stands alone");
    if (suite_open(&suite, args.common.data, args.common.as)) return 2;
    status = hold_step(&suite, &args, words.word[0], year);
    suite_close(&suite);
    return status;
}

const command_t fund_hold = {
    "fund hold", "a facility's terms for a year: share held back for quality, total budget; the yearly evaluation",
    "usage: tongchou fund hold FACILITY YEAR [--share S] [--budget YUAN] [--warn S] [--paper NUMBER] [--json]\n"
    "       tongchou fund hold FACILITY YEAR --release S --paper NUMBER\n\n"
    "Without options: what holds. --release is the evaluation, once a year: so much of what was held is paid with the "
    "next\nstatement, and the rest never.\n\nexamples:\n"
    "  tongchou fund hold H33090200001 2021 --share 0.05 --budget 52000000 --warn 0.9 --paper 舟医保〔2021〕3号\n"
    "  tongchou fund hold H33090200001 2021 --release 0.96 --paper 舟医保〔2022〕8号\n",
    run_hold};

// ---- recover

static int run_recover(int argc, char **argv, const command_t *self) {
    args_t args = {.common = COMMON_DEFAULTS};
    words_t words = {0};
    suite_t suite;
    const option_spec_t specs[] = {COMMON_SPECS(args.common), OPT("reason", reason),
                                   OPT("request-id", common.request_id)};
    int status = options_parse(argc, argv, self, specs, COUNT_OF(specs), &words, NULL);
    if (status >= 0) return status;
    if (words.count != 3 || !args.reason)
        return fund_usage(self, "a facility, a bill, an amount and --reason were expected");
    Tc__Recover ask = TC__RECOVER__INIT;
    ProtobufCMessage *reply = NULL;
    ask.facility = fund_text(words.word[0]), ask.bill = fund_text(words.word[1]), ask.reason = fund_text(args.reason);
    if (fund_read_yuan("amount", words.word[2], args.common.json, &ask.amount_fen)) return 1;
    if (suite_open(&suite, args.common.data, args.common.as)) return 2;
    status = fund_order(&suite, &args.common, "recover", &ask.base, &tc__recovery__descriptor, &reply);
    const Tc__Recovery *said = (const Tc__Recovery *)reply;
    if (!status && args.common.json)
        puts(message_to_json(reply, suite.arena));
    else if (!status)
        printf("%s yuan are taken back of bill %s with the next statement of %s: %s of %s in all\n", words.word[2],
               said->bill, said->facility, fund_yuan(suite.arena, said->recovered_fen),
               fund_yuan(suite.arena, said->paid_fen));
    suite_close(&suite);
    return status;
}

const command_t fund_recover = {
    "fund recover", "take back money of a bill (拒付, 追回) with the facility's next statement",
    "usage: tongchou fund recover FACILITY BILL YUAN --reason TEXT [--request-id ID] [--json]\n\n"
    "At most what the fund paid of the bill. When the bill is worth less later, what was taken too much comes back by "
    "itself.\nThe same amount of the same bill for the same reason twice needs a --request-id of its "
    "own.\n\nexamples:\n"
    "  tongchou fund recover H33090200001 V20210317 812.40 --reason \"admitted without indication\"\n",
    run_recover};
