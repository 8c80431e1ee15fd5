// tongchou ledger: the accounts of the fund by fund, year, identity and district, now or on a day, and entries.
#include "request.h"
#include "common/base/money.h"
#include "settlement.pb-c.h"
#include <string.h>

static void print_row(const char *account, const char *fund, const char *year, const char *identity,
                      const char *division, fen_t balance, long long postings) {
    char text[FEN_TEXT_MAX];
    printf("%-28s %-12s %-5s %-12s %-10s %18s %10lld\n", account, fund, year, identity, division,
           fen_format(balance, text), postings);
}

// Rows arrive sorted by account; a line with the sum closes each account.
static void print_table(const Tc__Balances *balances) {
    fen_t sum = 0, all = 0;
    long long postings = 0;
    size_t rows = 0; // of the account
    printf("%-28s %-12s %-5s %-12s %-10s %18s %10s\n", "account", "fund", "year", "identity", "division",
           "balance (yuan)", "postings");
    for (size_t i = 0; i < balances->n_rows; i++) {
        const Tc__Balances__Row *row = balances->rows[i];
        char year[16] = "";
        if (row->year) snprintf(year, sizeof year, "%d", row->year);
        print_row(row->account, row->fund, year, row->identity, row->division, row->balance_fen, row->postings);
        sum += row->balance_fen;
        postings += row->postings;
        all += row->balance_fen;
        bool last = i + 1 == balances->n_rows || strcmp(balances->rows[i + 1]->account, row->account) != 0;
        rows++;
        if (!last) continue;
        if (rows > 1) print_row(row->account, "", "", "", "all", sum, postings);
        sum = postings = 0;
        rows = 0;
    }
    char text[FEN_TEXT_MAX];
    printf("sum of all accounts: %s yuan (debits are positive, credits negative; without a filter always 0.00)\n",
           fen_format(all, text));
}

// Those of a bill in the order of its versions: a JSON object a line.
static void print_entries(const Tc__JournalEntries *entries, arena_t *arena) {
    for (size_t i = 0; i < entries->n_entries; i++) puts(message_to_json(&entries->entries[i]->base, arena));
}

static int run(int argc, char **argv, const command_t *self) {
    const char *data = cli_default_data, *as = "admin", *account = "";
    const char *fund = "", *division = "", *on = "", *known_at = "";
    int64_t year = 0;
    bool json = false;
    const option_spec_t specs[] = {{.name = "data", .text = &data},
                                   {.name = "as", .text = &as},
                                   {.name = "account", .text = &account},
                                   {.name = "fund", .text = &fund},
                                   {.name = "division", .text = &division},
                                   {.name = "year", .number = &year},
                                   {.name = "on", .text = &on},
                                   {.name = "known-at", .text = &known_at},
                                   {.name = "json", .flag = &json}};
    words_t words = {0};
    int status = options_parse(argc, argv, self, specs, COUNT_OF(specs), &words, NULL);
    if (status >= 0) return status;
    bool entry = words.count == 2 && strcmp(words.word[0], "entry") == 0;
    if (!entry && (words.count != 1 || strcmp(words.word[0], "balances") != 0)) {
        request_name_unknown(self, &words, "balances entry");
        fprintf(stderr, "tongchou ledger: \"balances\" or \"entry REFERENCE\" was expected\n");
        return 2;
    }
    suite_t suite;
    if (suite_open(&suite, data, as)) return 2;
    ProtobufCMessage *reply = NULL;
    err_t err = {0};
    int rc;
    if (entry) {
        Tc__GetEntry request = TC__GET_ENTRY__INIT;
        request.reference = (char *)words.word[1];
        rc = suite_call(&suite, "settlement", "get_entries", "", &request.base, &tc__journal_entries__descriptor,
                        &reply, &err);
    } else {
        Tc__GetBalances request = TC__GET_BALANCES__INIT;
        request.account = (char *)account, request.fund = (char *)fund, request.division = (char *)division;
        request.year = (int32_t)year, request.on = (char *)on, request.known_at = (char *)known_at;
        rc = suite_call(&suite, "settlement", "get_balances", "", &request.base, &tc__balances__descriptor, &reply,
                        &err);
    }
    status = rc ? cli_refused(&err, json) : 0;
    if (!rc && entry)
        print_entries((const Tc__JournalEntries *)reply, suite.arena);
    else if (!rc && json)
        puts(message_to_json(reply, suite.arena));
    else if (!rc)
        print_table((const Tc__Balances *)reply);
    suite_close(&suite);
    return status;
}

const command_t command_ledger = {
    .name = "ledger",
    .summary = "balances of the fund's accounts, and journal entries",
    .run = run,
    .help = "usage: tongchou ledger balances [--account PREFIX] [--fund F] [--division D] [--year Y]\n"
            "                                [--on DAY] [--known-at DAY] [--json]\n"
            "       tongchou ledger entry REFERENCE      the journal entries of a bill, receipt or order\n\n"
            "--on: of value dates up to that day; --known-at: as the books stood at its end. --fund - is money that no "
            "fund\nhas yet.\n\nexamples:\n"
            "  tongchou ledger balances --account expense/\n"
            "  tongchou ledger balances --account money/ --on 2020-01-31\n  tongchou ledger entry D000042\n"};
