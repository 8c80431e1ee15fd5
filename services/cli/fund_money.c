// tongchou fund: money between accounts and funds, one command of settlement each, and the seals of days.
#include "fund.h"
#include "common/base/hash.h"
#include "common/base/money.h"
#include "services/settlement/chain.h"
#include "settlement.pb-c.h"
#include <string.h>

// ---- commands whose options are the fields of a message

static int run_method(int argc, char **argv, const command_t *self, const char *name) {
    common_options_t options = COMMON_DEFAULTS;
    const option_spec_t specs[] = {COMMON_SPECS(options), {.name = "request-id", .text = &options.request_id}};
    words_t words = {0}, fields = {0};
    suite_t suite;
    int status = options_parse(argc, argv, self, specs, COUNT_OF(specs), &words, &fields);
    if (status >= 0) return status;
    if (words.count || !fields.count) return fund_usage(self, "options were expected, no words");
    const cli_method_t *method = method_find("settlement", name);
    CHECK(method != NULL);
    if (suite_open(&suite, options.data, options.as)) return 2;
    status = request_send(&suite, method, &fields, &options);
    suite_close(&suite);
    return status;
}

#define METHOD_COMMAND(id, word, method, about, usage)                                                                 \
    static int run_##id(int argc, char **argv, const command_t *self) { return run_method(argc, argv, self, method); } \
    const command_t fund_##id = {.name = "fund " word, .summary = about, .help = usage, .run = run_##id}

#define MOVE_OPTIONS                                                                                                   \
    "--reference R --from ACCOUNT --to ACCOUNT [--fund F] [--county C] --amount YUAN\n"                                \
    "                        [--on DAY] [--text TEXT]"

METHOD_COMMAND(
    move, "move", "move_money", "move money between two accounts, as the city's whitelist allows",
    "usage: tongchou fund move " MOVE_OPTIONS "\n\n"
    "Refused with the rule where the city's file does not list the movement, and where the account has not "
    "so much\nof that fund. A reference names one order and is carried out once.\n\nexamples:\n"
    "  tongchou fund move --reference SWEEP-2020-01 --from income_city --to special_city --fund EMP_POOL \\\n"
    "      --county 370402 --amount 120000.00\n");
METHOD_COMMAND(
    reserve, "reserve", "reserve_money", "set money aside for a movement to come",
    "usage: tongchou fund reserve " MOVE_OPTIONS "\n                        --expires_on DAY\n\n"
    "What is reserved can be moved by nobody else until `fund post`, `fund release` or the end of the "
    "day.\n\nexamples:\n"
    "  tongchou fund reserve --reference PAY-7 --from expenditure_city --to expenditure_county --fund RES \\\n"
    "      --amount 500.00 --expires_on 2020-03-31\n");
METHOD_COMMAND(post, "post", "post_money", "carry out what is reserved",
               "usage: tongchou fund post --reference R\n\nexamples:\n  tongchou fund post --reference PAY-7\n");
METHOD_COMMAND(release, "release", "void_money", "give up what is reserved",
               "usage: tongchou fund release --reference R\n\nexamples:\n  tongchou fund release --reference PAY-7\n");
METHOD_COMMAND(reverse, "reverse", "reverse_entry", "take an order back by a counter-entry",
               "usage: tongchou fund reverse --reference R --text WHY [--on DAY]\n\n"
               "Nothing that is booked is ever changed. What bills and receipts caused is corrected there.\n\n"
               "examples:\n  tongchou fund reverse --reference PAY-7 --text \"paid to the wrong account\"\n");
METHOD_COMMAND(settle, "settle", "settle_between", "let one fund pay another what it owes it",
               "usage: tongchou fund settle --reference R --reason account|ALLOTMENT --from FUND --to FUND\n"
               "                            --account ACCOUNT --amount YUAN [--on DAY] [--text TEXT]\n\n"
               "At most what `tongchou ledger balances --account between/` shows.\n\nexamples:\n"
               "  tongchou fund settle --reference PA-2020-01 --reason account --from EMP_POOL --to EMP_PA \\\n"
               "      --account special_city --amount 60200.00\n");
METHOD_COMMAND(
    allot, "allot", "allot", "book what one fund owes another by law",
    "usage: tongchou fund allot --reference R --allotment NAME --amount YUAN --year Y [--on DAY]\n\n"
    "The allotments of a city stand in its file (fund.books.allotments); no other money leaves its fund.\n\n"
    "examples:\n  tongchou fund allot --reference CII-2020 --allotment resident_critical_illness --year 2020 "
    "\\\n      --amount 3000000.00\n");
METHOD_COMMAND(movements, "movements", "get_movements", "entries that commands made, by value date",
               "usage: tongchou fund movements [--from DAY] [--to DAY] [--account ACCOUNT]\n\nexamples:\n"
               "  tongchou fund movements --from 2020-01-01 --to 2020-01-31 --account special_city\n");

// ---- key and seals

static int run_key(int argc, char **argv, const command_t *self) {
    common_options_t options = COMMON_DEFAULTS;
    const option_spec_t specs[] = {COMMON_SPECS(options)};
    words_t words = {0};
    suite_t suite;
    err_t err = {0};
    bool made = false;
    int status = options_parse(argc, argv, self, specs, COUNT_OF(specs), &words, NULL);
    if (status >= 0) return status;
    if (words.count) return fund_usage(self, "no words were expected");
    if (suite_open(&suite, options.data, options.as)) return 2;
    const char *dir = conf_text(suite.conf, "keys.dir");
    if (seal_key_make(dir, &made, &err))
        status = cli_refused(&err, options.json);
    else
        printf(made ? "made %s/seal.key and %s/seal.pub; settlement seals from its next start on\n"
                    : "%s/seal.key is there already, with %s/seal.pub; nothing was changed\n",
               dir, dir);
    suite_close(&suite);
    return status < 0 ? 0 : status;
}

const command_t fund_key = {.name = "fund key",
                            .summary = "make the key that days are sealed with",
                            .run = run_key,
                            .help = "usage: tongchou fund key [--data DIR]\n\n"
                                    "An SM2 key in the folder keys.dir: seal.key (mode 0600) and seal.pub. A key that "
                                    "is there is never replaced.\n`tongchou up` makes one too.\n\n"
                                    "examples:\n  tongchou fund key --data /srv/tongchou\n"};

static void print_seals(const Tc__Seals *seals) {
    char amount[FEN_TEXT_MAX], hex[2 * CHAIN_BYTES + 1];
    printf("%6s  %-10s  %10s  %18s  %s\n", "seal", "day", "entries", "debits (yuan)", "SM3 of the day, signed");
    for (size_t i = 0; i < seals->n_seals; i++) {
        const Tc__Seal *seal = seals->seals[i];
        hex_encode(seal->digest.data, seal->digest.len < CHAIN_BYTES ? seal->digest.len : CHAIN_BYTES, hex);
        printf("%6lld  %-10s  %10lld  %18s  %s\n", (long long)seal->number, seal->day, (long long)seal->entries,
               fen_format(seal->debit_fen, amount), hex);
    }
}

static int run_seals(int argc, char **argv, const command_t *self) {
    common_options_t options = COMMON_DEFAULTS;
    const char *from = "", *to = "";
    const option_spec_t specs[] = {COMMON_SPECS(options), {.name = "from", .text = &from}, {.name = "to", .text = &to}};
    words_t words = {0};
    suite_t suite;
    int status = options_parse(argc, argv, self, specs, COUNT_OF(specs), &words, NULL);
    if (status >= 0) return status;
    if (words.count) return fund_usage(self, "no words were expected");
    if (suite_open(&suite, options.data, options.as)) return 2;
    Tc__GetSeals ask = TC__GET_SEALS__INIT;
    ProtobufCMessage *reply = NULL;
    ask.from = (char *)(uintptr_t)from, ask.to = (char *)(uintptr_t)to;
    status = fund_ask(&suite, &options, "get_seals", &ask.base, &tc__seals__descriptor, &reply);
    if (!status && options.json)
        puts(message_to_json(reply, suite.arena));
    else if (!status)
        print_seals((const Tc__Seals *)reply);
    suite_close(&suite);
    return status;
}

const command_t fund_seals = {.name = "fund seal",
                              .summary = "the seals of days: what was booked until when, signed",
                              .run = run_seals,
                              .help =
                                  "usage: tongchou fund seal [--from DAY] [--to DAY] [--json]\n\n"
                                  "A day is sealed by settlement once it is over. `tongchou verify` works every seal "
                                  "out again.\n\nexamples:\n  tongchou fund seal --from 2020-01-01\n"};
