// tongchou reverse, tongchou bill: what happens to a bill after it was settled.
#include "adjudication.pb-c.h"
#include "common/base/money.h"
#include "decision.h"
#include "request.h"
#include <stdio.h>
#include <string.h>

static const char service[] = "adjudication";

static bool add_field(words_t *fields, const char *name, const char *value) {
    if (fields->count + 2 > CLI_WORDS_MAX) return false;
    fields->word[fields->count++] = name;
    fields->word[fields->count++] = value;
    return true;
}

// ---- reverse

static int run_reverse(int argc, char **argv, const command_t *self) {
    common_options_t options = COMMON_DEFAULTS;
    const option_spec_t specs[] = {COMMON_SPECS(options), FILE_SPECS(options)};
    words_t words = {0}, fields = {0};
    int status = options_parse(argc, argv, self, specs, COUNT_OF(specs), &words, &fields);
    if (status >= 0) return status;
    const bool one = fields.count > 0;
    if (words.count != 1 || (one && !add_field(&fields, "bill", words.word[0])))
        return request_usage(self, service, self->name, "a bill with --person and --reason, or a file was expected");
    suite_t suite;
    if (suite_open(&suite, options.data, options.as)) return 2;
    status = one ? request_send(&suite, method_find(service, self->name), &fields, &options)
                 : request_file(&suite, service, self->name, words.word[0], &options);
    suite_close(&suite);
    return status;
}

const command_t command_reverse = {
    .name = "reverse",
    .summary = "reverse a settled bill; later bills of the year are decided again (退费冲正)",
    .run = run_reverse,
    .help = "usage: tongchou reverse BILL --person P --reason TEXT\n       tongchou reverse FILE.jsonl | -\n\n"
            "The bill no longer counts, and the bills of the same person and year that come after it (by day of\n"
            "discharge) are decided again; versions that change are new rows, nothing is deleted. A bill that has not\n"
            "arrived yet is refused with REVERSED should it come. TEXT is one sentence and is kept: no personal data.\n"
            "options: --data DIR --as NAME --json --deadline SECONDS --request-id ID\n\n"
            "examples:\n  tongchou reverse B1 --person P1 --reason \"entered twice\"\n"};

// ---- bill

static const char *kind_of(const Tc__Decision *d) { return *d->kind ? d->kind : "settled"; }

static void print_versions(const Tc__Decisions *versions) {
    printf("%-8s %-12s %-12s %6s %14s %14s %14s  %s\n", "version", "kind", "decision", "row", "total", "funds",
           "person", "cause");
    for (size_t i = 0; i < versions->n_decisions; i++) {
        const Tc__Decision *d = versions->decisions[i];
        char total[FEN_TEXT_MAX], fund[FEN_TEXT_MAX], own[FEN_TEXT_MAX];
        printf("%-8d %-12s %-12s %6lld %14s %14s %14s  %s\n", d->version ? d->version : 1, kind_of(d), d->decision,
               (long long)d->seq, fen_format(d->total_fen, total), fen_format(d->fund_fen, fund),
               fen_format(d->own_fen, own), d->cause);
    }
}

static void print_status(const Tc__Status *status) {
    printf("%s\n", strcmp(status->state, "done") == 0 ? "done" : "unknown: nothing was done under this id so far");
    if (status->decision) decision_print(status->decision);
}

static int ask(const char *method_name, const char *field, const char *value, const common_options_t *options) {
    const cli_method_t *method = method_find(service, method_name);
    words_t fields = {0};
    ProtobufCMessage *request = NULL, *reply = NULL;
    err_t err = {0};
    suite_t suite;
    if (suite_open(&suite, options->data, options->as)) return 2;
    (void)add_field(&fields, field, value);
    int rc = method_from_fields(method, &fields, suite.arena, &request, &err);
    if (!rc) rc = suite_call(&suite, service, method_name, "", request, method->reply, &reply, &err);
    int status = rc ? cli_refused(&err, options->json) : 0;
    if (!rc && options->json)
        puts(message_to_json(reply, suite.arena));
    else if (!rc && method->reply == &tc__status__descriptor)
        print_status((const Tc__Status *)reply);
    else if (!rc)
        print_versions((const Tc__Decisions *)reply);
    suite_close(&suite);
    return status;
}

int bill_status(const char *request_id, const common_options_t *options) {
    return ask("get_status", "request_id", request_id, options);
}

static int run_recompute(const words_t *fields, const common_options_t *options) {
    suite_t suite;
    if (suite_open(&suite, options->data, options->as)) return 2;
    int status = request_send(&suite, method_find(service, "recompute"), fields, options);
    suite_close(&suite);
    return status;
}

static int run_bill(int argc, char **argv, const command_t *self) {
    common_options_t options = COMMON_DEFAULTS;
    const option_spec_t specs[] = {COMMON_SPECS(options), FILE_SPECS(options)};
    words_t words = {0}, fields = {0};
    int status = options_parse(argc, argv, self, specs, COUNT_OF(specs), &words, &fields);
    if (status >= 0) return status;
    const char *what = words.count ? words.word[0] : "";
    if (words.count == 2 && !fields.count && strcmp(what, "versions") == 0)
        return ask("get_versions", "bill", words.word[1], &options);
    if (words.count == 2 && !fields.count && strcmp(what, "status") == 0) return bill_status(words.word[1], &options);
    if (words.count == 1 && fields.count && strcmp(what, "recompute") == 0) return run_recompute(&fields, &options);
    request_name_unknown(self, &words, "versions status recompute");
    return request_usage(self, service, "recompute",
                         "versions BILL, status REQUEST_ID or recompute --field value … was expected");
}

const command_t command_bill = {
    .name = "bill",
    .summary = "versions of a bill, what became of a command, a person's year decided again",
    .run = run_bill,
    .help = "usage: tongchou bill versions BILL           every version: settled, recomputed, reversed, and why\n"
            "       tongchou bill status REQUEST_ID       done, or unknown: then asking again with the id is safe\n"
            "       tongchou bill recompute --person P --year Y --cause TEXT [--dry true [--policy HASH]]\n\n"
            "options: --data DIR --as NAME --json --deadline SECONDS --request-id ID\n\n"
            "examples:\n  tongchou bill versions B1\n  tongchou bill status settle-0123\n"
            "  tongchou bill recompute --person P1 --year 2018 --cause \"arrears paid\" --dry true\n"};
