// The commands that speak to one service: enroll, facility, collect, quote, settle. Either one command with --field
// value, or a file of them.
#include "collection.pb-c.h"
#include "submit.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct common {
    const char *data, *as, *out;
    bool json, quiet;
    int64_t window, deadline_s;
} common_t;

#define COMMON_OPTIONS(c)                                                                                              \
    {.name = "data", .text = &(c).data}, {.name = "as", .text = &(c).as}, {.name = "out", .text = &(c).out},           \
        {.name = "json", .flag = &(c).json}, {.name = "quiet", .flag = &(c).quiet},                                    \
        {.name = "window", .number = &(c).window}, {                                                                   \
        .name = "deadline", .number = &(c).deadline_s                                                                  \
    }
#define COMMON_DEFAULTS                                                                                                \
    { .data = cli_default_data, .as = "admin" }

static int wrong(const command_t *self, const char *service, const char *what) {
    fprintf(stderr, "tongchou %s: %s\ncommands and their fields:\n", self->name, what);
    method_list(service, stderr);
    return 2;
}

// One command from fields; prints the reply as JSON.
static int send_one(suite_t *suite, const cli_method_t *method, const words_t *fields, bool json) {
    ProtobufCMessage *request = NULL, *reply = NULL;
    err_t err = {0};
    if (method_from_fields(method, fields, suite->arena, &request, &err) ||
        suite_call(suite, method->service, method->name, method_key(method, request), request, method->reply, &reply,
                   &err))
        return cli_refused(&err, json);
    char *text = message_to_json(reply, suite->arena);
    if (!text) return 2;
    puts(text);
    return 0;
}

static int run_service(int argc, char **argv, const command_t *self, const char *service) {
    common_t common = COMMON_DEFAULTS;
    const option_spec_t specs[] = {COMMON_OPTIONS(common)};
    words_t words = {0}, fields = {0};
    int status = options_parse(argc, argv, self, specs, COUNT_OF(specs), &words, &fields);
    if (status >= 0) return status;
    if (words.count != 1) return wrong(self, service, "one word was expected: a command or a file");
    const cli_method_t *method = method_find(service, words.word[0]);
    bool is_file = strcmp(words.word[0], "-") == 0 || access(words.word[0], R_OK) == 0;
    if (!method && !is_file) return wrong(self, service, "there is no such command or file");
    suite_t suite;
    if (suite_open(&suite, common.data, common.as)) return 2;
    submit_options_t submit = {.service = service,
                               .path = words.word[0],
                               .out = common.out,
                               .window = common.window,
                               .deadline_s = common.deadline_s,
                               .json = common.json,
                               .quiet = common.quiet};
    status = method ? send_one(&suite, method, &fields, common.json) : submit_file(&suite, &submit);
    suite_close(&suite);
    return status;
}

static int run_enroll(int argc, char **argv, const command_t *self) {
    return run_service(argc, argv, self, "enrollment");
}
static int run_facility(int argc, char **argv, const command_t *self) {
    return run_service(argc, argv, self, "facility");
}

const command_t command_enroll = {
    .name = "enroll",
    .summary = "register persons, employers, spells and groups (参保登记)",
    .run = run_enroll,
    .help =
        "usage: tongchou enroll COMMAND --field value …\n       tongchou enroll FILE.jsonl | -\n\n"
        "A file holds one {\"command\": {fields}} a line; sending it twice changes nothing.\n"
        "options: --data DIR --as NAME --json --out ANSWERS.jsonl --window N --deadline SECONDS --quiet\n\nexamples:\n"
        "  tongchou enroll register_person --person P1 --citizen_id 99000119800101001X --name 张三 --division 440703\n"
        "  tongchou enroll open_spell --person P1 --identity flexible --from_month 2018-01\n"
        "  tongchou enroll get_person --person P1\n"
        "  tongchou enroll config/samples/demo-population.jsonl\n"};
const command_t command_facility = {
    .name = "facility",
    .summary = "register designated facilities and their agreements (定点机构)",
    .run = run_facility,
    .help = "usage: tongchou facility COMMAND --field value …\n       tongchou facility FILE.jsonl | -\n\nexamples:\n"
            "  tongchou facility register_facility --facility H99000100001 --name 示范医院 --kind hospital --level 3 "
            "--division 990001\n"
            "  tongchou facility sign_agreement --facility H99000100001 --agreement A1 --from 2018-01-01 --until "
            "2018-12-31\n"
            "  tongchou facility config/samples/demo-facilities.jsonl\n"};

// ---- quote and settle
// -------------------------------------------------------------------------------------------------

static int run_bill(int argc, char **argv, const command_t *self) {
    common_t common = COMMON_DEFAULTS;
    const option_spec_t specs[] = {COMMON_OPTIONS(common)};
    words_t words = {0}, fields = {0};
    int status = options_parse(argc, argv, self, specs, COUNT_OF(specs), &words, &fields);
    if (status >= 0) return status;
    if (words.count > 1 || (words.count == 1) == (fields.count > 0))
        return wrong(self, "adjudication", "either a file, or the fields of one bill were expected");
    suite_t suite;
    if (suite_open(&suite, common.data, common.as)) return 2;
    submit_options_t submit = {.service = "adjudication",
                               .method = self->name,
                               .path = words.word[0],
                               .out = common.out,
                               .window = common.window,
                               .deadline_s = common.deadline_s,
                               .json = common.json,
                               .quiet = common.quiet};
    status = words.count ? submit_file(&suite, &submit)
                         : send_one(&suite, method_find("adjudication", self->name), &fields, common.json);
    suite_close(&suite);
    return status;
}

#define BILL_FIELDS                                                                                                    \
    "A file holds one bill a line, as JSON; money is text in yuan with two decimals.\n"                                \
    "options: --data DIR --as NAME --json --out ANSWERS.jsonl --window N --deadline SECONDS --quiet\n\n"

const command_t command_quote = {
    .name = "quote",
    .summary = "what a bill would be worth now, without booking it (预结算)",
    .run = run_bill,
    .help = "usage: tongchou quote --field value … | FILE.jsonl | -\n\n" BILL_FIELDS "examples:\n"
            "  tongchou quote --bill B1 --person P1 --facility H99000100001 --type inpatient --from 2018-03-01 --to "
            "2018-03-09 \\\n"
            "                 --area city --filing none --total 12345.67 --in_scope 12000.00\n"};
const command_t command_settle = {
    .name = "settle",
    .summary = "settle a bill, or a file of bills (结算)",
    .run = run_bill,
    .help = "usage: tongchou settle --field value … | FILE.jsonl | -\n\n" BILL_FIELDS "examples:\n"
            "  tongchou settle config/samples/demo-bills.jsonl --window 128\n"
            "  tongchou settle --bill B1 --person P1 … (as in `tongchou quote --help`)\n"};

// ---- collect
// ----------------------------------------------------------------------------------------------------------

// Bills of a month or a year, chunk by chunk until all persons were looked at.
static int run_billing(suite_t *suite, const char *period, bool json) {
    bool month = strchr(period, '-') != NULL;
    char after[128] = "";
    long long persons = 0, bills = 0, amount = 0;
    for (bool done = false; !done;) {
        Tc__BillMonth by_month = TC__BILL_MONTH__INIT;
        Tc__BillYear by_year = TC__BILL_YEAR__INIT;
        by_month.month = (char *)period;
        by_month.after = by_year.after = after;
        by_year.year = (int)strtol(period, NULL, 10);
        ProtobufCMessage *reply = NULL;
        err_t err = {0};
        if (suite_call(suite, "collection", month ? "bill_month" : "bill_year", "",
                       month ? &by_month.base : &by_year.base, &tc__bill_run__descriptor, &reply, &err))
            return cli_refused(&err, json);
        const Tc__BillRun *chunk = (const Tc__BillRun *)reply;
        persons += chunk->persons;
        bills += chunk->bills;
        amount += chunk->amount_fen;
        done = chunk->done;
        snprintf(after, sizeof after, "%s", chunk->last_person);
        arena_reset(suite->arena);
        if (!json && isatty(STDERR_FILENO)) fprintf(stderr, "\r%s: %lld persons", period, persons);
    }
    if (!json && isatty(STDERR_FILENO)) fputc('\n', stderr);
    printf(json ? "{\"period\":\"%s\",\"persons\":%lld,\"bills\":%lld,\"amount\":\"%lld.%02lld\"}\n"
                : "%s: %lld persons, %lld new bills, %lld.%02lld yuan\n",
           period, persons, bills, amount / 100, amount % 100);
    return 0;
}

// For trials: each payer of the file pays exactly what it owes for the period.
static int receive_due(suite_t *suite, const char *path, const char *period, const char *on, bool json) {
    FILE *in = fopen(path, "r");
    if (!in) {
        fprintf(stderr, "tongchou: cannot read %s\n", path);
        return 2;
    }
    char line[512], receipt[200], payer_text[100];
    long long receipts = 0, amount = 0;
    int status = 0;
    while (status == 0 && fgets(line, sizeof line, in)) {
        ProtobufCMessage *asked = NULL, *reply = NULL;
        err_t err = {0};
        if (message_from_json(&asked, &tc__get_due__descriptor, line, strcspn(line, "\r\n"), suite->arena, &err)) {
            status = cli_refused(&err, json);
            break;
        }
        Tc__GetDue *due = (Tc__GetDue *)asked;
        due->period = (char *)period;
        if (suite_call(suite, "collection", "get_due", "", asked, &tc__due__descriptor, &reply, &err))
            status = cli_refused(&err, json);
        else if (((Tc__Due *)reply)->amount_fen > 0) {
            Tc__Receive receive = TC__RECEIVE__INIT;
            snprintf(payer_text, sizeof payer_text, "%s%s", due->employer, due->person);
            snprintf(receipt, sizeof receipt, "R-%s-%s", period, payer_text);
            receive.receipt = receipt;
            receive.employer = due->employer;
            receive.person = due->person;
            receive.period = (char *)period;
            receive.paid_on = (char *)on;
            receive.amount_given_case = TC__RECEIVE__AMOUNT_GIVEN_AMOUNT_FEN;
            receive.amount_fen = ((Tc__Due *)reply)->amount_fen;
            if (suite_call(suite, "collection", "receive", "", &receive.base, &tc__receipt__descriptor, NULL, &err))
                status = cli_refused(&err, json);
            receipts++;
            amount += receive.amount_fen;
        }
        arena_reset(suite->arena);
    }
    fclose(in);
    printf(json ? "{\"period\":\"%s\",\"receipts\":%lld,\"amount\":\"%lld.%02lld\"}\n"
                : "%s: %lld receipts, %lld.%02lld yuan\n",
           period, receipts, amount / 100, amount % 100);
    return status;
}

static int run_collect(int argc, char **argv, const command_t *self) {
    common_t common = COMMON_DEFAULTS;
    const option_spec_t specs[] = {COMMON_OPTIONS(common)};
    words_t words = {0}, fields = {0};
    int status = options_parse(argc, argv, self, specs, COUNT_OF(specs), &words, &fields);
    if (status >= 0) return status;
    const char *verb = words.count ? words.word[0] : "";
    bool bill = strcmp(verb, "bill") == 0 && words.count == 2,
         due = strcmp(verb, "receive-due") == 0 && words.count == 4;
    const cli_method_t *method = words.count == 1 ? method_find("collection", verb) : NULL;
    if (!bill && !due && !method)
        return wrong(self, "collection", "bill PERIOD, receive-due PAYERS PERIOD DATE, or a command was expected");
    suite_t suite;
    if (suite_open(&suite, common.data, common.as)) return 2;
    if (bill)
        status = run_billing(&suite, words.word[1], common.json);
    else if (due)
        status = receive_due(&suite, words.word[1], words.word[2], words.word[3], common.json);
    else
        status = send_one(&suite, method, &fields, common.json);
    suite_close(&suite);
    return status;
}

const command_t command_collect = {
    .name = "collect",
    .summary = "bills, receipts and entitlement (征缴)",
    .run = run_collect,
    .help =
        "usage: tongchou collect bill PERIOD                        bills of a month (2018-01) or of a year (2018)\n"
        "       tongchou collect receive-due PAYERS.jsonl PERIOD DATE  every payer of the file pays what it owes (for "
        "trials)\n"
        "       tongchou collect COMMAND --field value …\n\nexamples:\n"
        "  tongchou collect bill 2018-01\n"
        "  tongchou collect get_due --employer E1 --period 2018-01\n"
        "  tongchou collect receive --receipt R1 --employer E1 --period 2018-01 --amount 434.56 --paid_on 2018-01-31\n"
        "  tongchou collect get_entitlements --persons P1\n"
        "  tongchou collect get_bills --person P1\n"};
