// tongchou collect: bills of a period for everybody, receipts, and what a person is entitled to.
#include "city_run.h"
#include "collect_import.h"
#include "collection.pb-c.h"
#include "common/base/date.h"
#include "common/base/money.h"
#include "preview.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct tally {
    const char *period;
    long long looked_at, made; // persons and bills, or payers and receipts
    fen_t amount;
} tally_t;

static void progress(const tally_t *tally, const common_options_t *options, bool last) {
    if (options->json || options->quiet || !isatty(STDERR_FILENO)) return;
    fprintf(stderr, "\r%s: %lld", tally->period, tally->looked_at);
    if (last) fputc('\n', stderr);
}

static void report(const tally_t *tally, const char *looked_at, const char *made, bool json) {
    char amount[FEN_TEXT_MAX];
    fen_format(tally->amount, amount);
    printf(json ? "{\"period\":\"%s\",\"%s\":%lld,\"%s\":%lld,\"amount\":\"%s\"}\n" : "%s: %s %lld, %s %lld, %s yuan\n",
           tally->period, looked_at, tally->looked_at, made, tally->made, amount);
}

// One payer of the file pays exactly what it owes for the period.
static int receive_one(suite_t *suite, const char *line, const char *on, tally_t *tally, err_t *err) {
    ProtobufCMessage *asked = NULL, *reply = NULL;
    char receipt[200];
    int rc = message_from_json(&asked, &tc__get_due__descriptor, line, strlen(line), suite->arena, err);
    if (rc) return rc;
    Tc__GetDue *due = (Tc__GetDue *)asked;
    due->period = (char *)tally->period;
    rc = suite_call(suite, "collection", "get_due", "", asked, &tc__due__descriptor, &reply, err);
    if (rc || ((Tc__Due *)reply)->amount_fen == 0) return rc;
    Tc__Receive receive = TC__RECEIVE__INIT;
    snprintf(receipt, sizeof receipt, "R-%s-%s%s", tally->period, due->employer, due->person);
    receive.receipt = receipt;
    receive.employer = due->employer;
    receive.person = due->person;
    receive.period = (char *)tally->period;
    receive.paid_on = (char *)on;
    receive.amount_given_case = TC__RECEIVE__AMOUNT_GIVEN_AMOUNT_FEN;
    receive.amount_fen = ((Tc__Due *)reply)->amount_fen;
    rc = suite_call(suite, "collection", "receive", "", &receive.base, &tc__receipt__descriptor, NULL, err);
    if (rc) return rc;
    tally->made++;
    return fen_add(tally->amount, receive.amount_fen, &tally->amount);
}

static int receive_due(suite_t *suite, const char *path, const char *period, const char *on,
                       const common_options_t *options) {
    tally_t tally = {.period = period};
    err_t err = {0};
    char *line = NULL;
    size_t room = 0;
    int rc = E_OK;
    FILE *in = fopen(path, "r");
    if (!in) return cli_refused(&(err_t){E_IO, "payers", "the file of payers cannot be read"}, options->json);
    for (ssize_t length; !rc && (length = getline(&line, &room, in)) > 0;) {
        line[strcspn(line, "\r\n")] = 0;
        if (*line) rc = receive_one(suite, line, on, &tally, &err);
        if (rc) err_prefix(&err, "%s line %lld: ", path, tally.looked_at + 1);
        tally.looked_at++;
        arena_reset(suite->arena);
        if (tally.looked_at % 100 == 0) progress(&tally, options, false);
    }
    if (!rc && ferror(in)) rc = err_set(&err, E_IO, "%s: %s", path, strerror(errno));
    progress(&tally, options, true);
    free(line);
    fclose(in);
    report(&tally, "payers", "receipts", options->json);
    return rc ? cli_refused(&err, options->json) : 0;
}

enum { IMPORT_DEADLINE_S = 300 }; // a chunk may pay thousands of bills

static int run(int argc, char **argv, const command_t *self) {
    common_options_t options = COMMON_DEFAULTS;
    collect_import_t import = {.common = &options};
    const option_spec_t specs[] = {COMMON_SPECS(options),
                                   {.name = "quiet", .flag = &options.quiet},
                                   {.name = "window", .number = &options.window},
                                   {.name = "deadline", .number = &options.deadline_s},
                                   {.name = "request-id", .text = &options.request_id},
                                   {.name = "dry", .flag = &import.dry},
                                   {.name = "all-or-nothing", .flag = &import.whole},
                                   {.name = "report", .text = &import.report}};
    words_t words = {0}, fields = {0};
    int status = options_parse(argc, argv, self, specs, COUNT_OF(specs), &words, &fields);
    if (status >= 0) return status;
    const char *verb = words.count ? words.word[0] : "";
    bool bill = strcmp(verb, "bill") == 0 && words.count == 2, credit = strcmp(verb, "credit") == 0 && words.count == 2,
         rebuild = strcmp(verb, "rebuild") == 0 && words.count == 1 && !fields.count,
         preview = strcmp(verb, "preview") == 0 && words.count == 1,
         due = strcmp(verb, "receive-due") == 0 && words.count == 4,
         file = strcmp(verb, "import") == 0 && words.count == 2 && !fields.count;
    const cli_method_t *method = words.count == 1 ? method_find("collection", verb) : NULL;
    if ((!bill && !credit && !due && !rebuild && !file && !method) ||
        (!file && (import.dry || import.whole || import.report)))
        return request_usage(self, "collection", NULL,
                             "bill PERIOD, credit MONTH, rebuild, import FILE, receive-due PAYERS PERIOD DATE, or a "
                             "command was expected");
    if (!options.deadline_s && file) options.deadline_s = IMPORT_DEADLINE_S;
    import.path = file ? words.word[1] : NULL;
    suite_t suite;
    if (suite_open(&suite, options.data, options.as)) return 2;
    if (bill)
        status = city_run_bill(&suite, words.word[1], &options);
    else if (credit)
        status = city_run_credit(&suite, words.word[1], &options);
    else if (rebuild)
        status = city_run_rebuild(&suite, &options);
    else if (preview)
        status = preview_command(&suite, &fields, options.json);
    else if (file)
        status = collect_import_file(&suite, &import);
    else if (due)
        status = receive_due(&suite, words.word[1], words.word[2], words.word[3], &options);
    else
        status = request_send(&suite, method, &fields, &options);
    suite_close(&suite);
    return status;
}

const command_t command_collect = {
    .name = "collect",
    .summary = "bills, receipts and entitlement (征缴)",
    .run = run,
    .help =
        "usage: tongchou collect bill PERIOD                           bills of a month (2018-01) or of a year (2018)\n"
        "       tongchou collect credit MONTH                          personal accounts of those covered for life\n"
        "       tongchou collect rebuild                               entitlement states of everybody from scratch\n"
        "       tongchou collect preview --person P --pay-by DATE      what paying all that is owed by then brings "
        "back\n"
        "       tongchou collect import FILE                           receipts of the tax bureau, CSV or JSON lines\n"
        "       tongchou collect receive-due PAYERS.jsonl PERIOD DATE  every payer of the file pays what it owes (for "
        "trials)\n"
        "       tongchou collect COMMAND --field value …\n\n"
        "options: --data DIR --as NAME --json --quiet --deadline SECONDS --request-id ID (one command)\n"
        "         --window N (bill, credit, rebuild: chunks in flight; 4)\n\n"
        "import: columns receipt 税票号码, employer 单位编号 or person 人员编号, period 费款所属期, amount 金额, "
        "paid_on "
        "缴款日期,\nand a totals line (合计), or JSON lines that end with {\"rows\":…,\"amount\":\"…\"}. What matches "
        "no "
        "bill is parked: list_receipts_parked,\nresolve_receipt.\n"
        "         --dry --all-or-nothing --report FILE as for tongchou import; exit 0 all matched, 1 rows parked or "
        "refused,\n         2 the file cannot be used or it was broken off: the same command goes on with it\n\n"
        "examples:\n"
        "  tongchou collect bill 2018-01\n"
        "  tongchou collect preview --person P1 --pay-by 2018-06-10\n"
        "  tongchou collect get_due --employer E1 --period 2018-01\n"
        "  tongchou collect receive --receipt R1 --employer E1 --period 2018-01 --amount 434.56 --paid_on 2018-01-31\n"
        "  tongchou collect import receipts-2018-01.csv --report problems.csv\n"
        "  tongchou collect resolve_receipt --receipt T1 --decision apply --reason \"the firm asked for it\"\n"
        "  tongchou collect get_entitlements --persons P1\n"
        "  tongchou collect get_bills --person P1\n"};
