// The commands that speak to one service: enroll, facility, quote, settle. Either one command with --field value, or a
// file.
#include "request.h"
#include <string.h>
#include <unistd.h>

static bool is_file(const char *word) { return strcmp(word, "-") == 0 || access(word, R_OK) == 0; }

static int run_service(int argc, char **argv, const command_t *self, const char *service) {
    common_options_t options = COMMON_DEFAULTS;
    const option_spec_t specs[] = {COMMON_SPECS(options), FILE_SPECS(options)};
    words_t words = {0}, fields = {0};
    int status = options_parse(argc, argv, self, specs, COUNT_OF(specs), &words, &fields);
    if (status >= 0) return status;
    if (words.count != 1) return request_usage(self, service, NULL, "one word was expected: a command or a file");
    const cli_method_t *method = method_find(service, words.word[0]);
    if (!method && !is_file(words.word[0])) return request_unknown(self, service, words.word[0]);
    suite_t suite;
    if (suite_open(&suite, options.data, options.as)) return 2;
    status = method ? request_send(&suite, method, &fields, &options)
                    : request_file(&suite, service, NULL, words.word[0], &options);
    suite_close(&suite);
    return status;
}

static int run_enroll(int argc, char **argv, const command_t *self) {
    return run_service(argc, argv, self, "enrollment");
}
static int run_facility(int argc, char **argv, const command_t *self) {
    return run_service(argc, argv, self, "facility");
}

#define OPTIONS_HELP                                                                                                   \
    "options: --data DIR --as NAME --json --deadline SECONDS --request-id ID (one command)\n"                          \
    "         --out ANSWERS.jsonl --window N --quiet (a file)\n"                                                       \
    "Giving the same command or file again changes nothing and gives the same answers.\n\n"

const command_t command_enroll = {
    .name = "enroll",
    .summary = "register persons, employers, spells and groups (参保登记)",
    .run = run_enroll,
    .help =
        "usage: tongchou enroll COMMAND --field value …\n       tongchou enroll FILE.jsonl | -\n\n"
        "A file holds one {\"command\": {fields}} a line. Without a command the list of them is printed.\n" OPTIONS_HELP
        "examples:\n"
        "  tongchou enroll register_person --person P1 --citizen_id 990001198001010019 --name 示例 --division 440703\n"
        "  tongchou enroll open_spell --person P1 --identity flexible --from_month 2018-01\n"
        "  tongchou enroll get_person --person P1\n"
        "  tongchou enroll config/samples/demo-population.jsonl\n"};
const command_t command_facility = {
    .name = "facility",
    .summary = "register designated facilities and their agreements (定点机构)",
    .run = run_facility,
    .help =
        "usage: tongchou facility COMMAND --field value …\n       tongchou facility FILE.jsonl | -\n\n" OPTIONS_HELP
        "examples:\n"
        "  tongchou facility register_facility --facility H99000100001 --name 示例医院 --kind hospital --level 3 \\\n"
        "                                      --division 440703\n"
        "  tongchou facility sign_agreement --facility H99000100001 --agreement A1 --from 2018-01-01 --until "
        "2018-12-31\n"
        "  tongchou facility config/samples/demo-facilities.jsonl\n"};

// ---- quote and settle
// -------------------------------------------------------------------------------------------------

static int run_bill(int argc, char **argv, const command_t *self) {
    static const char service[] = "adjudication";
    common_options_t options = COMMON_DEFAULTS;
    const char *request_id = NULL;
    const option_spec_t specs[] = {COMMON_SPECS(options), FILE_SPECS(options), {.name = "status", .text = &request_id}};
    words_t words = {0}, fields = {0};
    int status = options_parse(argc, argv, self, specs, COUNT_OF(specs), &words, &fields);
    if (status >= 0) return status;
    if (request_id && !words.count && !fields.count) return bill_status(request_id, &options);
    if (request_id || words.count > 1 || (words.count == 1) == (fields.count > 0))
        return request_usage(self, service, self->name, "either a file, or the fields of one bill were expected");
    suite_t suite;
    if (suite_open(&suite, options.data, options.as)) return 2;
    status = words.count ? request_file(&suite, service, self->name, words.word[0], &options)
                         : request_send(&suite, method_find(service, self->name), &fields, &options);
    suite_close(&suite);
    return status;
}

#define BILL_HELP                                                                                                      \
    "A file holds one bill a line, as JSON; money is text in yuan with two decimals.\n" OPTIONS_HELP "examples:\n"

const command_t command_quote = {
    .name = "quote",
    .summary = "what a bill would be worth now, without booking it (预结算)",
    .run = run_bill,
    .help = "usage: tongchou quote --field value … | FILE.jsonl | -\n\n" BILL_HELP
            "  tongchou quote --bill B1 --person P1 --facility H99000100001 --type inpatient --from 2018-03-01 \\\n"
            "                 --to 2018-03-09 --area city --filing none --total 12345.67 --in_scope 12000.00\n"};
const command_t command_settle = {.name = "settle",
                                  .summary = "settle a bill, or a file of bills (结算)",
                                  .run = run_bill,
                                  .help =
                                      "usage: tongchou settle --field value … | FILE.jsonl | -\n"
                                      "       tongchou settle --status REQUEST_ID    was it done?\n\n" BILL_HELP
                                      "  tongchou settle config/samples/demo-bills.jsonl --window 128\n"
                                      "  tongchou settle --bill B1 --person P1 … (as in `tongchou quote --help`)\n"};
