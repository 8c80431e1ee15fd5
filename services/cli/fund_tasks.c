// tongchou fund tasks, do, explain, void, plan, open-case: what is to be done, and doing it.
#include "common/base/date.h"
#include "common/base/money.h"
#include "fund.h"
#include "fund.pb-c.h"
#include "fund_table.h"
#include <string.h>

typedef struct args {
    common_options_t common;
    fund_period_t period;
    const char *flow, *step, *county, *actor, *state, *on, *amount, *fund, *due, *paper, *text, *from, *to, *after;
    const char *lines[CLI_WORDS_MAX];
    bool csv, dry, direct, all;
    int64_t limit;
} args_t;

#define OPT(n, f)                                                                                                      \
    { .name = n, .text = &args.f }
#define TASK_SPECS                                                                                                     \
    COMMON_SPECS(args.common), FUND_PERIOD_SPECS(args.period), OPT("flow", flow), OPT("county", county), OPT("on", on)

static char *text_or_none(const char *text) { return (char *)(text ? text : ""); }

// A command without a day is one of today: given again tomorrow it is another one.
static char *day_or_today(suite_t *suite, const char *on) {
    char today[DATE_TEXT_MAX];
    if (on) return (char *)on;
    char *text = arena_text(suite->arena, "%s", date_format(date_of_ms(clock_now_ms()), today));
    return text_or_none(text);
}

static int money_of(const char *option, const char *text, fen_t *out, const args_t *args) {
    if (fen_parse_loose(text, out) == E_OK) return 0;
    err_t err = {E_INVALID_FIELD, "", "an amount in yuan was expected, like 1234.50"};
    snprintf(err.field, sizeof err.field, "%s", option);
    return cli_refused(&err, args->common.json);
}

// "flow.step", or a step alone.
static void split_step(suite_t *suite, const char *word, char **flow, char **step) {
    const char *dot = strchr(word, '.');
    if (dot) *flow = arena_text(suite->arena, "%.*s", (int)(dot - word), word);
    *step = (char *)(dot ? dot + 1 : word);
}

// ---- tasks

static const char *amount_text(arena_t *arena, fen_t amount) {
    char text[FEN_TEXT_MAX];
    return amount ? arena_text(arena, "%s", fen_format(amount, text)) : "";
}

static const char *due_text(const Tc__FundTask *task) {
    return *task->due ? task->due : *task->missing ? "?" : "promptly";
}

static const char *days_text(arena_t *arena, int64_t days) {
    return days ? arena_text(arena, "%lld", (long long)days) : "";
}

static const char *note_of(arena_t *arena, const Tc__FundTask *task) {
    if (*task->why) return arena_text(arena, "not yet: %s", task->why);
    if (*task->missing) return arena_text(arena, "no day is known: %s is not published", task->missing);
    return *task->text ? task->text : NULL;
}

static void add_task(fund_table_t *table, const Tc__FundTask *task) {
    fund_row_t *row = fund_table_row(table);
    if (!row) return;
    const char *const cells[] = {due_text(task),
                                 days_text(table->arena, task->late_days),
                                 task->state,
                                 arena_text(table->arena, "%s.%s", task->flow, task->step),
                                 task->period,
                                 task->county,
                                 amount_text(table->arena, task->amount_fen),
                                 task->rule,
                                 task->what,
                                 task->actor};
    memcpy(row->cell, cells, sizeof cells);
    row->note = note_of(table->arena, task);
}

static const fund_column_t task_columns[] = {{"due", false},    {"days late", true}, {"state", false}, {"step", false},
                                             {"period", false}, {"county", false},   {"amount", true}, {"rule", false},
                                             {"what", false},   {"by", false}};

static void print_tasks(suite_t *suite, const Tc__FundTasks *tasks, const args_t *args) {
    fund_table_t table = {.arena = suite->arena, .columns = task_columns, .width = COUNT_OF(task_columns)};
    size_t late = 0;
    for (size_t i = 0; i < tasks->n_tasks; i++) {
        add_task(&table, tasks->tasks[i]);
        late += strcmp(tasks->tasks[i]->state, "late") == 0;
    }
    fund_table_print(&table, args->csv);
    if (args->csv) return;
    printf("%zu tasks, %zu of them late, on %s\n", tasks->n_tasks, late, tasks->on);
    if (*tasks->next) printf("more: --after %s\n", tasks->next);
}

static int run_tasks(int argc, char **argv, const command_t *self) {
    args_t args = {.common = COMMON_DEFAULTS};
    words_t words = {0};
    suite_t suite;
    const option_spec_t specs[] = {TASK_SPECS,
                                   OPT("step", step),
                                   OPT("by", actor),
                                   OPT("state", state),
                                   OPT("after", after),
                                   {.name = "all", .flag = &args.all},
                                   {.name = "limit", .number = &args.limit},
                                   {.name = "csv", .flag = &args.csv}};
    int status = options_parse(argc, argv, self, specs, COUNT_OF(specs), &words, NULL);
    if (status >= 0) return status;
    const char *period;
    if (words.count || !fund_period_of(&args.period, &period))
        return fund_usage(self, "at most one period was expected");
    if (suite_open(&suite, args.common.data, args.common.as)) return 2;
    Tc__ListTasks ask = TC__LIST_TASKS__INIT;
    ProtobufCMessage *reply = NULL;
    ask.flow = text_or_none(args.flow), ask.period = text_or_none(period), ask.step = text_or_none(args.step);
    ask.county = text_or_none(args.county), ask.actor = text_or_none(args.actor);
    ask.state = args.all ? (char *)"all" : text_or_none(args.state);
    ask.on = text_or_none(args.on), ask.after = text_or_none(args.after), ask.limit = args.limit;
    status = fund_ask(&suite, &args.common, "list_tasks", &ask.base, &tc__fund_tasks__descriptor, &reply);
    if (!status && args.common.json)
        puts(message_to_json(reply, suite.arena));
    else if (!status)
        print_tasks(&suite, (const Tc__FundTasks *)reply, &args);
    suite_close(&suite);
    return status;
}

const command_t fund_tasks = {
    "fund tasks", "what is to be done, by whom, by when, and what is late",
    "usage: tongchou fund tasks [--flow F] [--step S] [--county C] [--by ACTOR] [--month M | --day D | --quarter Q |\n"
    "                           --year Y | --case N | --period P] [--state open|late|done|explained|void | --all]\n"
    "                           [--on DAY] [--csv | --json]\n\n"
    "Without --state: what is open or late. Below a task stands why it cannot be done yet.\n\nexamples:\n"
    "  tongchou fund tasks --month 2020-03\n  tongchou fund tasks --state late --county 370402\n"
    "  tongchou fund tasks --by city_agency --csv\n",
    run_tasks};

// ---- do

static int parse_lines(suite_t *suite, const args_t *args, Tc__DoTask *ask) {
    size_t count = 0;
    while (count < CLI_WORDS_MAX && args->lines[count]) count++;
    ask->lines = arena_alloc(suite->arena, (count + 1) * sizeof *ask->lines);
    if (!ask->lines) return 2;
    for (size_t i = 0; i < count; i++) { // [LINE:]FUND[@COUNTY]=AMOUNT
        const char *text = args->lines[i], *equals = strchr(text, '='), *colon = strchr(text, ':'),
                   *at = strchr(text, '@');
        Tc__FundLine *line = arena_alloc(suite->arena, sizeof *line);
        if (!line || !equals || (colon && colon > equals) || (at && at > equals)) {
            fprintf(stderr, "tongchou fund do: --line: FUND=AMOUNT, FUND@COUNTY=AMOUNT or revenue:FUND=AMOUNT\n");
            return 2;
        }
        tc__fund_line__init(line);
        const char *fund = colon ? colon + 1 : text, *end = at ? at : equals;
        if (colon) line->line = arena_text(suite->arena, "%.*s", (int)(colon - text), text);
        line->fund = arena_text(suite->arena, "%.*s", (int)(end - fund), fund);
        if (at) line->county = arena_text(suite->arena, "%.*s", (int)(equals - at - 1), at + 1);
        int status = money_of("line", equals + 1, &line->amount_fen, args);
        if (status) return status;
        ask->lines[ask->n_lines++] = line;
    }
    return 0;
}

static int fill_do(suite_t *suite, const char *word, const char *period, args_t *args, Tc__DoTask *ask) {
    int status = 0;
    ask->flow = text_or_none(args->flow);
    split_step(suite, word, &ask->flow, &ask->step);
    ask->period = text_or_none(period), ask->county = text_or_none(args->county);
    ask->fund = text_or_none(args->fund), ask->paper = text_or_none(args->paper);
    ask->on = day_or_today(suite, args->on), ask->text = text_or_none(args->text);
    ask->dry = args->dry, ask->direct = args->direct;
    if (args->amount) {
        ask->amount_given_case = TC__DO_TASK__AMOUNT_GIVEN_AMOUNT_FEN;
        status = money_of("amount", args->amount, &ask->amount_fen, args);
    }
    if (!status && args->due) {
        ask->due_given_case = TC__DO_TASK__DUE_GIVEN_DUE_FEN;
        status = money_of("due", args->due, &ask->due_fen, args);
    }
    return status ? status : parse_lines(suite, args, ask);
}

static void print_done(suite_t *suite, const Tc__TaskDone *done) {
    static const fund_column_t columns[] = {{"", false}, {"fund", false}, {"county", false}, {"amount (yuan)", true}};
    const Tc__FundTask *task = done->task;
    fund_table_t table = {.arena = suite->arena, .columns = columns, .width = COUNT_OF(columns)};
    char text[FEN_TEXT_MAX];
    printf("%s %s.%s of %s%s%s: %s, %s yuan (%s)\n", done->dry ? "would do" : "done:", task->flow, task->step,
           task->period, *task->county ? ", county " : "", task->county, task->what, fen_format(done->amount_fen, text),
           task->rule);
    for (size_t i = 0; i < done->n_lines + done->n_figures; i++) {
        const bool moved = i < done->n_lines;
        const Tc__FundLine *line = moved ? done->lines[i] : NULL;
        const Tc__FundFigure *figure = moved ? NULL : done->figures[i - done->n_lines];
        fund_row_t *row = fund_table_row(&table);
        if (!row) return;
        row->cell[0] = !moved ? figure->name : *line->line ? line->line : *task->what ? "amount" : "";
        row->cell[1] = moved ? line->fund : figure->fund;
        row->cell[2] = moved ? line->county : figure->county;
        row->cell[3] = arena_text(suite->arena, "%s", fen_format(moved ? line->amount_fen : figure->amount_fen, text));
    }
    if (table.first) fund_table_print(&table, false);
    if (*done->reference) printf("%sjournal entry %s\n", done->dry ? "it would be " : "", done->reference);
    for (size_t i = 0; i < done->n_notes; i++) puts(done->notes[i]);
}

static int run_do(int argc, char **argv, const command_t *self) {
    args_t args = {.common = COMMON_DEFAULTS};
    words_t words = {0};
    suite_t suite;
    const option_spec_t specs[] = {TASK_SPECS,
                                   OPT("amount", amount),
                                   OPT("fund", fund),
                                   OPT("due", due),
                                   OPT("paper", paper),
                                   OPT("text", text),
                                   OPT("request-id", common.request_id),
                                   {.name = "line", .list = args.lines, .room = CLI_WORDS_MAX},
                                   {.name = "direct", .flag = &args.direct},
                                   {.name = "dry", .flag = &args.dry}};
    int status = options_parse(argc, argv, self, specs, COUNT_OF(specs), &words, NULL);
    if (status >= 0) return status;
    const char *period;
    if (words.count != 1) return fund_usage(self, "the step was expected, as STEP or FLOW.STEP");
    if (!fund_period_of(&args.period, &period)) return fund_usage(self, "at most one period was expected");
    if (suite_open(&suite, args.common.data, args.common.as)) return 2;
    Tc__DoTask ask = TC__DO_TASK__INIT;
    ProtobufCMessage *reply = NULL;
    status = fill_do(&suite, words.word[0], period, &args, &ask);
    if (!status && ask.dry) // told anew each time
        status = fund_ask(&suite, &args.common, "do_task", &ask.base, &tc__task_done__descriptor, &reply);
    else if (!status)
        status = fund_order(&suite, &args.common, "do_task", &ask.base, &tc__task_done__descriptor, &reply);
    if (!status && args.common.json)
        puts(message_to_json(reply, suite.arena));
    else if (!status)
        print_done(&suite, (const Tc__TaskDone *)reply);
    suite_close(&suite);
    return status;
}

const command_t fund_do = {
    "fund do", "do a step: move the money or state the figures of a paper",
    "usage: tongchou fund do [FLOW.]STEP [--county C] [--month M | --day D | --quarter Q | --year Y | --case N]\n"
    "                        [--amount YUAN [--fund F] | --line [LINE:]FUND[@COUNTY]=YUAN …] [--due YUAN]\n"
    "                        [--paper NUMBER] [--text TEXT] [--on DAY] [--direct] [--dry]\n\n"
    "Where the law fixes the amount (all that is there, all that is due, the sum of the counties) none need be given; "
    "one\n"
    "that is given must agree. A refusal names the rule and both figures. --dry changes nothing and tells what would "
    "be\n"
    "done. --direct pays facilities all that is owed to them, without payment orders.\n\nexamples:\n"
    "  tongchou fund do remit --county 370402 --month 2020-03\n"
    "  tongchou fund do county_plan --county 370402 --month 2020-03 --line EMP_POOL=120000.00 --line "
    "RES_POOL=80000.00\n"
    "  tongchou fund do draft --flow budget --county 370402 --year 2021 --line revenue:EMP_POOL=900000 \\\n"
    "      --line spending:EMP_POOL=850000 --paper 市中医保〔2020〕41号\n"
    "  tongchou fund do finance_pays --month 2020-03 --dry\n",
    run_do};

// ---- explain, void

static int settle(int argc, char **argv, const command_t *self, const char *state) {
    args_t args = {.common = COMMON_DEFAULTS};
    words_t words = {0};
    suite_t suite;
    const option_spec_t specs[] = {TASK_SPECS, OPT("text", text), OPT("request-id", common.request_id)};
    int status = options_parse(argc, argv, self, specs, COUNT_OF(specs), &words, NULL);
    if (status >= 0) return status;
    const char *period;
    if (words.count != 1 || !args.text) return fund_usage(self, "a step and --text were expected");
    if (!fund_period_of(&args.period, &period)) return fund_usage(self, "at most one period was expected");
    if (suite_open(&suite, args.common.data, args.common.as)) return 2;
    Tc__SettleTask ask = TC__SETTLE_TASK__INIT;
    ProtobufCMessage *reply = NULL;
    ask.flow = text_or_none(args.flow);
    split_step(&suite, words.word[0], &ask.flow, &ask.step);
    ask.period = text_or_none(period), ask.county = text_or_none(args.county);
    ask.state = (char *)state, ask.text = (char *)args.text;
    status = fund_order(&suite, &args.common, "settle_task", &ask.base, &tc__fund_task__descriptor, &reply);
    const Tc__FundTask *task = (const Tc__FundTask *)reply;
    if (!status && args.common.json)
        puts(message_to_json(reply, suite.arena));
    else if (!status)
        printf("%s.%s of %s%s%s: %s, %s\n", task->flow, task->step, task->period, *task->county ? ", county " : "",
               task->county, task->state, task->text);
    suite_close(&suite);
    return status;
}

static int run_explain(int argc, char **argv, const command_t *self) { return settle(argc, argv, self, "explained"); }
static int run_void(int argc, char **argv, const command_t *self) { return settle(argc, argv, self, "void"); }

#define SETTLE_OPTIONS                                                                                                 \
    "[FLOW.]STEP --text TEXT [--county C] [--month M | --day D | --quarter Q | --year Y | --case N]\n\n"

const command_t fund_explain = {
    "fund explain", "say why a task is late or stays undone",
    "usage: tongchou fund explain " SETTLE_OPTIONS
    "The task counts as settled; it may still be done. The text stands in the journal.\n\nexamples:\n"
    "  tongchou fund explain sweep --month 2020-03 --text \"the bank was closed; swept on 1 April\"\n",
    run_explain};
const command_t fund_void = {
    "fund void", "say why a task is not needed",
    "usage: tongchou fund void " SETTLE_OPTIONS
    "For good: it cannot be done any more. The text stands in the journal.\n\nexamples:\n"
    "  tongchou fund void adjust_policy --year 2020 --text \"the accumulated surplus covers the year\"\n",
    run_void};

// ---- plan

static int run_plan(int argc, char **argv, const command_t *self) {
    args_t args = {.common = COMMON_DEFAULTS};
    words_t words = {0};
    suite_t suite;
    const option_spec_t specs[] = {COMMON_SPECS(args.common), OPT("from", from), OPT("to", to)};
    int status = options_parse(argc, argv, self, specs, COUNT_OF(specs), &words, NULL);
    if (status >= 0) return status;
    if (words.count || !args.from || !args.to) return fund_usage(self, "--from DAY and --to DAY were expected");
    if (suite_open(&suite, args.common.data, args.common.as)) return 2;
    Tc__PlanTasks ask = TC__PLAN_TASKS__INIT;
    ProtobufCMessage *reply = NULL;
    ask.from = (char *)args.from, ask.to = (char *)args.to;
    status = fund_ask(&suite, &args.common, "plan_tasks", &ask.base, &tc__planned_tasks__descriptor, &reply);
    const Tc__PlannedTasks *planned = (const Tc__PlannedTasks *)reply;
    if (!status && args.common.json)
        puts(message_to_json(reply, suite.arena));
    else if (!status)
        printf("%lld new tasks, %lld with another day, %lld became late\n", (long long)planned->made,
               (long long)planned->dated, (long long)planned->late);
    suite_close(&suite);
    return status;
}

const command_t fund_plan = {
    "fund plan", "make the tasks of a span of days (settlement itself makes those of the next 40)",
    "usage: tongchou fund plan --from DAY --to DAY [--json]\n\n"
    "Every period that touches the span. Giving it again makes nothing twice; tasks whose day was not known get it "
    "once\n"
    "the parameter is published.\n\nexamples:\n  tongchou fund plan --from 2020-01-01 --to 2020-12-31\n",
    run_plan};

// ---- open-case

static int run_open_case(int argc, char **argv, const command_t *self) {
    args_t args = {.common = COMMON_DEFAULTS};
    words_t words = {0};
    suite_t suite;
    char amount[FEN_TEXT_MAX];
    const option_spec_t specs[] = {COMMON_SPECS(args.common),
                                   OPT("county", county),
                                   OPT("fund", fund),
                                   OPT("amount", amount),
                                   OPT("text", text),
                                   OPT("on", on),
                                   OPT("request-id", common.request_id)};
    int status = options_parse(argc, argv, self, specs, COUNT_OF(specs), &words, NULL);
    if (status >= 0) return status;
    if (words.count != 1 || !args.text) return fund_usage(self, "a flow and --text were expected");
    Tc__OpenCase ask = TC__OPEN_CASE__INIT;
    ProtobufCMessage *reply = NULL;
    if (args.amount && money_of("amount", args.amount, &ask.amount_fen, &args)) return 1;
    if (suite_open(&suite, args.common.data, args.common.as)) return 2;
    ask.flow = (char *)words.word[0], ask.county = text_or_none(args.county), ask.fund = text_or_none(args.fund);
    ask.text = (char *)args.text, ask.on = day_or_today(&suite, args.on);
    status = fund_order(&suite, &args.common, "open_case", &ask.base, &tc__fund_case__descriptor, &reply);
    const Tc__FundCase *opened = (const Tc__FundCase *)reply;
    if (!status && args.common.json)
        puts(message_to_json(reply, suite.arena));
    else if (!status)
        printf("case %s of %s: %s yuan, %lld tasks\n", opened->number, opened->flow,
               fen_format(opened->amount_fen, amount), (long long)opened->tasks);
    suite_close(&suite);
    return status;
}

const command_t fund_open_case = {
    "fund open-case", "open a case of a flow that has no period: a gap, an old claim, a change of the budget",
    "usage: tongchou fund open-case FLOW --text TEXT [--county C] [--fund F] [--amount YUAN] [--on DAY] [--json]\n\n"
    "Its steps become tasks under the number of the case.\n\nexamples:\n"
    "  tongchou fund open-case county_gap --county 320921 --fund RES --amount 120000 --text \"subsidy of 2020 short\"\n"
    "  tongchou fund tasks --case county_gap.1\n",
    run_open_case};
