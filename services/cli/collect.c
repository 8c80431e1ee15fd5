// tongchou collect: bills of a period for everybody, receipts, and what a person is entitled to.
#include "city_run.h"
#include "collect_debits.h"
#include "collect_failed.h"
#include "collect_import.h"
#include "collect_targets.h"
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

static bool one_year(const char *text, int *year) {
    char *end;
    const long parsed = strtol(text, &end, 10);
    *year = (int)parsed;
    return strlen(text) == 4 && !*end && date_valid(*year, 1, 1);
}

static void print_obligations(const Tc__Obligations *all) {
    char due[FEN_TEXT_MAX], paid[FEN_TEXT_MAX], open[FEN_TEXT_MAX];
    fen_t sums[3] = {0};
    printf("%-10s %-7s %-17s %-18s %-12s %9s %16s %16s %16s\n", "division", "tier", "payer", "item", "identity",
           "persons", "due", "paid", "open");
    for (size_t i = 0; i < all->n_lines; i++) {
        const Tc__Obligations__Line *line = all->lines[i];
        printf("%-10s %-7s %-17s %-18s %-12s %9lld %16s %16s %16s\n", line->division, *line->tier ? line->tier : "-",
               line->payer, line->item, line->identity, (long long)line->persons, fen_format(line->due_fen, due),
               fen_format(line->paid_fen, paid), fen_format(line->open_fen, open));
        sums[0] += line->due_fen; // each was counted by the service, and they are shown, not booked
        sums[1] += line->paid_fen;
        sums[2] += line->open_fen;
    }
    printf("%-78s %16s %16s %16s\n", "together", fen_format(sums[0], due), fen_format(sums[1], paid),
           fen_format(sums[2], open));
}

static int obligations(suite_t *suite, const char *year, const common_options_t *options) {
    Tc__GetObligations ask = TC__GET_OBLIGATIONS__INIT;
    ProtobufCMessage *reply = NULL;
    err_t err = {0};
    if (!one_year(year, &ask.year))
        return cli_refused(&(err_t){E_INVALID_FIELD, "year", "a year like 2018 was expected"}, options->json);
    int rc = suite_count(suite, "collection", "get_obligations", &ask.base, &tc__obligations__descriptor, &reply, &err);
    if (rc) return cli_refused(&err, options->json);
    char *text = options->json ? message_to_json(reply, suite->arena) : NULL;
    if (options->json && text)
        puts(text);
    else
        print_obligations((const Tc__Obligations *)reply);
    return 0;
}

enum { IMPORT_DEADLINE_S = 300 }; // a chunk may pay thousands of bills

typedef enum verb {
    VERB_BILL,
    VERB_CREDIT,
    VERB_REBUILD,
    VERB_PREVIEW,
    VERB_IMPORT,
    VERB_RECEIVE_DUE,
    VERB_OBLIGATIONS,
    VERB_TARGETS,
    VERB_DEBITS,
    VERB_FAILED_DEBITS,
    VERB_METHOD, // one command of the service
    VERB_NONE
} verb_t;

static const struct {
    const char *name, *expects;
    size_t words; // with the name
    bool fields;  // takes some
} verbs[] = {[VERB_BILL] = {"bill", "PERIOD", 2, false},
             [VERB_CREDIT] = {"credit", "MONTH", 2, false},
             [VERB_REBUILD] = {"rebuild", "and nothing else", 1, false},
             [VERB_PREVIEW] = {"preview", "--person P --pay-by DATE", 1, true},
             [VERB_IMPORT] = {"import", "FILE", 2, false},
             [VERB_RECEIVE_DUE] = {"receive-due", "PAYERS PERIOD DATE", 4, false},
             [VERB_OBLIGATIONS] = {"obligations", "YEAR", 2, false},
             [VERB_TARGETS] = {"targets", "YEAR", 2, false},
             [VERB_DEBITS] = {"debits", "YEAR FILE", 3, false},
             [VERB_FAILED_DEBITS] = {"failed-debits", "FILE", 2, false}};

static const struct {
    const char *word, *method;
} aliases[] = {{"subsidy", "receive_subsidy"}, {"target", "set_target"}};

static const char *method_meant(const char *word) {
    for (size_t i = 0; i < COUNT_OF(aliases); i++)
        if (strcmp(aliases[i].word, word) == 0) return aliases[i].method;
    return word;
}

// What the words mean; false when they mean nothing, and then it was said.
static bool understand(const command_t *self, const words_t *words, const words_t *fields, verb_t *verb,
                       const cli_method_t **method) {
    const char *name = words->count ? words->word[0] : "";
    *method = method_find("collection", method_meant(name));
    for (*verb = VERB_BILL; *verb < VERB_METHOD; (*verb)++)
        if (strcmp(verbs[*verb].name, name) == 0) break;
    if (*verb == VERB_METHOD && !*method) {
        if (*name)
            request_unknown(self, "collection", name);
        else
            request_usage(
                self, "collection", NULL,
                "bill PERIOD, credit MONTH, rebuild, import FILE, obligations YEAR, targets YEAR, debits YEAR FILE, "
                "failed-debits FILE, receive-due PAYERS PERIOD DATE, or a command was expected");
        return false;
    }
    const bool own = *verb < VERB_METHOD;
    if (words->count == (own ? verbs[*verb].words : 1) && (!own || verbs[*verb].fields || !fields->count)) return true;
    fprintf(stderr, "tongchou %s %s: expected %s; see `tongchou %s --help`\n", self->name, name,
            own ? verbs[*verb].expects : "--field value …", self->name);
    return false;
}

static int run_verb(suite_t *suite, verb_t verb, const cli_method_t *method, const words_t *words,
                    const words_t *fields, const collect_import_t *import, collect_targets_t *targets) {
    const common_options_t *options = import->common;
    targets->year = words->word[1];
    targets->json = options->json;
    switch (verb) {
    case VERB_BILL: return city_run_bill(suite, words->word[1], options);
    case VERB_CREDIT: return city_run_credit(suite, words->word[1], options);
    case VERB_REBUILD: return city_run_rebuild(suite, options);
    case VERB_PREVIEW: return preview_command(suite, fields, options->json);
    case VERB_IMPORT: return collect_import_file(suite, import);
    case VERB_RECEIVE_DUE: return receive_due(suite, words->word[1], words->word[2], words->word[3], options);
    case VERB_OBLIGATIONS: return obligations(suite, words->word[1], options);
    case VERB_TARGETS: return collect_targets(suite, targets);
    case VERB_DEBITS: return collect_debits(suite, words->word[1], words->word[2], targets->as_of, options->json);
    case VERB_FAILED_DEBITS: return collect_failed_debits(suite, words->word[1], options);
    default: return request_send(suite, method, fields, options);
    }
}

static int run(int argc, char **argv, const command_t *self) {
    common_options_t options = COMMON_DEFAULTS;
    collect_import_t import = {.common = &options};
    collect_targets_t targets = {0};
    const option_spec_t specs[] = {COMMON_SPECS(options),
                                   {.name = "quiet", .flag = &options.quiet},
                                   {.name = "window", .number = &options.window},
                                   {.name = "deadline", .number = &options.deadline_s},
                                   {.name = "request-id", .text = &options.request_id},
                                   {.name = "dry", .flag = &import.dry},
                                   {.name = "all-or-nothing", .flag = &import.whole},
                                   {.name = "report", .text = &import.report},
                                   {.name = "as-of", .text = &targets.as_of},
                                   {.name = "history", .flag = &targets.history},
                                   {.name = "csv", .flag = &targets.csv}};
    words_t words = {0}, fields = {0};
    verb_t verb;
    const cli_method_t *method;
    int status = options_parse(argc, argv, self, specs, COUNT_OF(specs), &words, &fields);
    if (status >= 0) return status;
    if (!understand(self, &words, &fields, &verb, &method)) return 2;
    if (verb != VERB_IMPORT && (import.dry || import.whole || import.report))
        return request_usage(self, "collection", NULL, "--dry, --all-or-nothing and --report go with import FILE");
    const bool dated = verb == VERB_TARGETS || verb == VERB_DEBITS;
    if ((!dated && targets.as_of) || (verb != VERB_TARGETS && (targets.history || targets.csv)))
        return request_usage(self, "collection", NULL,
                             "--as-of goes with targets YEAR and debits YEAR FILE, --history and --csv with the first");
    if (!options.deadline_s && verb == VERB_IMPORT) options.deadline_s = IMPORT_DEADLINE_S;
    import.path = verb == VERB_IMPORT ? words.word[1] : NULL;
    suite_t suite;
    if (suite_open(&suite, options.data, options.as)) return 2;
    status = run_verb(&suite, verb, method, &words, &fields, &import, &targets);
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
        "       tongchou collect obligations YEAR                      what public money owes and paid, by tier\n"
        "       tongchou collect subsidy --field value …               public money that came in (receive_subsidy)\n"
        "       tongchou collect targets YEAR [--as-of DAY] [--csv]    what is to be insured, collected and raised, "
        "and is "
        "done\n"
        "       tongchou collect target --field value …                set one (set_target); targets YEAR --history\n"
        "       tongchou collect debits YEAR FILE.csv [--as-of DAY]    the yearly fee to be debited, for the bank\n"
        "       tongchou collect failed-debits FILE.csv                what the bank could not debit, and why\n"
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
        "failed-debits: columns person 人员编号, period 费款所属期, amount 金额, failed_on 扣款日期, reason 原因, "
        "bank_reference 流水号;\neach row stands for itself, one at fault is told and changes nothing. "
        "list_failed_debits tells them again.\n\n"
        "examples:\n"
        "  tongchou collect bill 2018-01\n"
        "  tongchou collect preview --person P1 --pay-by 2018-06-10\n"
        "  tongchou collect get_due --employer E1 --period 2018-01\n"
        "  tongchou collect receive --receipt R1 --employer E1 --period 2018-01 --amount 434.56 --paid_on 2018-01-31\n"
        "  tongchou collect import receipts-2018-01.csv --report problems.csv\n"
        "  tongchou collect resolve_receipt --receipt T1 --decision apply --reason \"the firm asked for it\"\n"
        "  tongchou collect subsidy --receipt F1 --division 411202 --tier county --item basic --year 2022\n"
        "    --amount 1160000.00 --paid_on 2022-03-01\n"
        "  tongchou collect target --kind insured --year 2022 --division 411202 --persons 250000 --document \"No. 7\"\n"
        "  tongchou collect targets 2022 --csv\n"
        "  tongchou collect list_failed_debits --year 2019\n"
        "  tongchou collect get_entitlements --persons P1\n"
        "  tongchou collect get_bills --person P1\n"};
