#include "book_rows.h"
#include <string.h>

static const char book_bills[] = "bills", book_money[] = "money", adjudication[] = "adjudication", kind_bill[] = "bill";

// What stands behind "head/" in the name of an account; NULL: it is another.
static const char *word_of(const char *account, const char *head) {
    const size_t length = strlen(head);
    return strncmp(account, head, length) == 0 && account[length] == '/' ? account + length + 1 : NULL;
}

const fund_account_t *book_account(const fund_rules_t *fund, const char *name) {
    for (uint32_t i = 0; fund && i < fund->account_count; i++)
        if (strcmp(fund->accounts[i].name, name) == 0) return &fund->accounts[i];
    return NULL;
}

const char *book_party_name(const fund_rules_t *fund, const char *account, const char *county, arena_t *arena) {
    const fund_account_t *known = book_account(fund, account);
    const bool by_county = known && known->holder == HOLDER_COUNTY && *county;
    return by_county ? arena_text(arena, "%s@%s", account, county) : account;
}

static int bill_change(const Tc__JournalEntry *entry, const Tc__Posting *posting, rows_t *changes, err_t *err) {
    const char *layer = word_of(posting->account, "payable");
    fen_t owed;
    if (!layer) return E_OK;
    if (fen_sub(0, posting->amount_fen, &owed))
        return err_field(err, E_OUT_OF_RANGE, "amount", "an amount is out of range");
    return standing_change(changes, book_bills, entry->value_date, posting->party, layer, entry->reference, owed, err);
}

static int money_change(const fund_rules_t *fund, const Tc__JournalEntry *entry, const Tc__Posting *posting,
                        arena_t *arena, rows_t *changes, err_t *err) {
    const char *account = word_of(posting->account, "money");
    // Before funds were kept apart there was one account, by item.
    if (!account && word_of(posting->account, "treasury")) account = "treasury";
    if (!account) return E_OK;
    const char *party = book_party_name(fund, account, posting->division, arena);
    if (!party) return err_set(err, E_IO, "out of memory for the books");
    return standing_change(changes, book_money, entry->value_date, party, entry->kind, entry->reference,
                           posting->amount_fen, err);
}

int books_of_entry(const fund_rules_t *fund, const Tc__JournalEntry *entry, arena_t *arena, rows_t *changes,
                   err_t *err) {
    const bool bill = strcmp(entry->source_service, adjudication) == 0 && strcmp(entry->kind, kind_bill) == 0;
    int rc = E_OK;
    for (size_t i = 0; !rc && i < entry->n_postings; i++)
        rc = bill ? bill_change(entry, entry->postings[i], changes, err)
                  : money_change(fund, entry, entry->postings[i], arena, changes, err);
    return rc;
}
