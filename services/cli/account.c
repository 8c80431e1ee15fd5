// tongchou account: the statement of a personal account, who may pay from it, and corrections.
#include "account.pb-c.h"
#include "common/base/date.h"
#include "common/base/money.h"
#include "request.h"
#include <string.h>
#include <time.h>

static void print_entry(const Tc__AccountEntry *entry) {
    char amount[FEN_TEXT_MAX], balance[FEN_TEXT_MAX], day[DATE_TEXT_MAX];
    printf("%6lld  %-10s  %-10s %14s %14s  %s", (long long)entry->seq, date_format(date_of_ms(entry->at_ms), day),
           entry->kind, fen_format(entry->amount_fen, amount), fen_format(entry->balance_fen, balance),
           entry->reference);
    if (entry->owed_fen) printf("  owed %s", fen_format(entry->owed_fen, amount));
    if (*entry->bill_person) printf("  bill of %s", entry->bill_person);
    if (*entry->reason) printf("  %s", entry->reason);
    putchar('\n');
}

static void print_account(const Tc__Account *account) {
    char text[FEN_TEXT_MAX];
    printf("account of %s: %s yuan", account->person, fen_format(account->balance_fen, text));
    if (account->owed_fen) printf(", owed %s", fen_format(account->owed_fen, text));
    putchar('\n');
    if (*account->merged_into) printf("this number stands for %s\n", account->merged_into);
    for (size_t i = 0; i < account->n_shared_with; i++)
        printf("%s %s", i ? "," : "shared with", account->shared_with[i]);
    if (account->n_shared_with) putchar('\n');
    if (account->n_entries)
        printf("%6s  %-10s  %-10s %14s %14s  %s\n", "seq", "day", "kind", "amount", "balance", "reference");
    for (size_t i = 0; i < account->n_entries; i++) print_entry(account->entries[i]);
    if (!account->done) printf("older ones: --before %lld\n", (long long)account->entries[account->n_entries - 1]->seq);
}

typedef struct args {
    common_options_t common;
    const char *person, *relative, *from, *until, *number, *amount, *reason;
    int64_t before;
    bool end;
} args_t;

static int usage(const command_t *self, const char *why) {
    fprintf(stderr, "tongchou %s: %s; see `tongchou %s --help`\n", self->name, why, self->name);
    return 2;
}

static int show(suite_t *suite, const args_t *args) {
    Tc__GetAccount ask = TC__GET_ACCOUNT__INIT;
    ProtobufCMessage *reply = NULL;
    err_t err = {0};
    ask.person = (char *)args->person;
    ask.before = args->before;
    if (suite_call(suite, "adjudication", "get_account", args->person, &ask.base, &tc__account__descriptor, &reply,
                   &err))
        return cli_refused(&err, args->common.json);
    if (args->common.json)
        puts(message_to_json(reply, suite->arena));
    else
        print_account((const Tc__Account *)reply);
    return 0;
}

// What changes something goes the way of every command, so that giving it again does it once.
static int send(suite_t *suite, const char *method, const char *const *pairs, size_t count, const args_t *args) {
    words_t fields = {0};
    for (size_t i = 0; i < count; i += 2) {
        if (!pairs[i + 1]) continue;
        fields.word[fields.count++] = pairs[i];
        fields.word[fields.count++] = pairs[i + 1];
    }
    return request_send(suite, method_find("adjudication", method), &fields, &args->common);
}

static int share(suite_t *suite, const args_t *args) {
    const char *const pairs[] = {"person", args->person, "relative", args->relative,
                                 "from",   args->from,   "until",    args->until};
    return send(suite, "share_account", pairs, COUNT_OF(pairs), args);
}

static int correct(suite_t *suite, const args_t *args) {
    const char *const pairs[] = {"person", args->person, "number", args->number,
                                 "amount", args->amount, "reason", args->reason};
    return send(suite, "correct_account", pairs, COUNT_OF(pairs), args);
}

static const char *missing(const args_t *args, const char *what) {
    if (!args->person) return "--person is missing";
    if (strcmp(what, "share") == 0 && !args->relative) return "--relative is missing";
    if (strcmp(what, "share") == 0 && !args->from == !args->end) return "either --from DAY or --end is needed";
    if (strcmp(what, "correct") == 0 && (!args->number || !args->amount || !args->reason))
        return "--number, --amount and --reason are needed";
    return NULL;
}

static int run(int argc, char **argv, const command_t *self) {
    args_t args = {.common = COMMON_DEFAULTS};
    words_t words = {0};
    suite_t suite;
    const option_spec_t specs[] = {
        COMMON_SPECS(args.common),
        {.name = "person", .text = &args.person},
        {.name = "relative", .text = &args.relative},
        {.name = "from", .text = &args.from},
        {.name = "until", .text = &args.until},
        {.name = "number", .text = &args.number},
        {.name = "amount", .text = &args.amount},
        {.name = "reason", .text = &args.reason},
        {.name = "before", .number = &args.before},
        {.name = "end", .flag = &args.end},
        {.name = "request-id", .text = &args.common.request_id},
    };
    int rc = options_parse(argc, argv, self, specs, COUNT_OF(specs), &words, NULL);
    if (rc >= 0) return rc;
    const char *what = words.count == 1 ? words.word[0] : "";
    int (*todo)(suite_t *, const args_t *) = strcmp(what, "show") == 0      ? show
                                             : strcmp(what, "share") == 0   ? share
                                             : strcmp(what, "correct") == 0 ? correct
                                                                            : NULL;
    if (!todo) request_name_unknown(self, &words, "show share correct");
    if (!todo) return usage(self, "\"show\", \"share\" or \"correct\" was expected");
    if (missing(&args, what)) return usage(self, missing(&args, what));
    if (suite_open(&suite, args.common.data, args.common.as)) return 2;
    rc = todo(&suite, &args);
    suite_close(&suite);
    return rc;
}

const command_t command_account = {
    "account", "personal accounts: statement, sharing in the family, corrections",
    "usage: tongchou account show --person P [--before SEQ] [--json]\n"
    "       tongchou account share --person P --relative R (--from DAY [--until DAY] | --end)\n"
    "       tongchou account correct --person P --number N --amount YUAN --reason TEXT\n\n"
    "Shows what was credited, paid and given back, newest first; lets a relative's bills be paid from the account,\n"
    "where the city allows it; books a correction, which never goes below zero.\n\n"
    "examples:\n"
    "  tongchou account show --person P1\n"
    "  tongchou account share --person P1 --relative P2 --from 2018-01-01\n"
    "  tongchou account correct --person P1 --number K2018-7 --amount -12.00 --reason \"credited twice on paper\"\n",
    run};
