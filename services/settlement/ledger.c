// Lines of zero fen are left out. An entry may have no line at all (a bill that no fund pays, also when it is
// reversed): the journal still tells of it.
#include "ledger.h"
#include "common/base/date.h"
#include <string.h>

static const char kind_bill[] = "bill", kind_contribution[] = "contribution", kind_return[] = "return",
                  kind_held[] = "held", kind_account[] = "account", kind_correction[] = "correction";
static const char personal_account[] = "account"; // the word of what personal accounts hold and pay

// Words of events become parts of account names: [a-z0-9_], so that the chart stays readable and prefixes mean
// something.
static int check_word(const char *field, const char *word, err_t *err) {
    size_t length = strlen(word);
    if (length >= 1 && length <= LEDGER_WORD_MAX && strspn(word, "abcdefghijklmnopqrstuvwxyz0123456789_") == length)
        return 0;
    return err_field(err, E_INVALID_FIELD, field, "%s cannot name an account: 1 to %d of a-z 0-9 _", field,
                     LEDGER_WORD_MAX);
}

static int no_memory(err_t *err) { return err_set(err, E_IO, "out of memory for a journal entry"); }

static Tc__JournalEntry *entry_new(arena_t *arena, const ledger_source_t *source, int64_t posted_ms, size_t postings) {
    Tc__JournalEntry *entry = arena_alloc(arena, sizeof *entry);
    if (!entry) return NULL;
    tc__journal_entry__init(entry);
    entry->source_service = (char *)source->service;
    entry->source_partition = source->partition;
    entry->source_number = source->number;
    entry->posted_ms = posted_ms;
    entry->form = LEDGER_FORM;
    entry->postings = arena_alloc(arena, (postings + 1) * sizeof *entry->postings);
    return entry->postings ? entry : NULL;
}

typedef struct side {
    const char *account, *word; // account/word
    const char *identity, *division, *party;
    fen_t amount;
    const char *fund;
    int32_t year;
} side_t;

// "account/word". By hand: there are several in every entry, and printf took a twentieth of the time of posting.
static char *account_name(arena_t *arena, const char *account, const char *word) {
    const size_t head = strlen(account), tail = strlen(word) + 1;
    char *name = arena_alloc(arena, head + 1 + tail);
    if (!name) return NULL;
    memcpy(name, account, head);
    name[head] = '/';
    memcpy(name + head + 1, word, tail);
    return name;
}

static int post(Tc__JournalEntry *entry, arena_t *arena, const side_t *line, err_t *err) {
    if (line->amount == 0) return 0;
    Tc__Posting *posting = arena_alloc(arena, sizeof *posting);
    if (!posting) return no_memory(err);
    tc__posting__init(posting);
    posting->account = account_name(arena, line->account, line->word);
    if (!posting->account) return no_memory(err);
    posting->identity = (char *)line->identity;
    posting->division = (char *)line->division;
    posting->party = (char *)line->party;
    posting->amount_fen = line->amount;
    posting->fund = (char *)line->fund;
    posting->year = line->year;
    entry->postings[entry->n_postings++] = posting;
    return 0;
}

// The same amount on both sides.
static int post_pair(Tc__JournalEntry *entry, arena_t *arena, const side_t *debit, side_t credit, err_t *err) {
    int rc = fen_sub(0, debit->amount, &credit.amount);
    if (rc) return err_field(err, rc, "amount", "an amount is out of range");
    rc = post(entry, arena, debit, err);
    return rc ? rc : post(entry, arena, &credit, err);
}

// Funds of one entry are few: a short list is searched faster than anything cleverer.
static bool add_to_fund(const char *funds[], fen_t sums[], size_t *count, const Tc__Posting *posting) {
    size_t i = 0;
    while (i < *count && strcmp(funds[i], posting->fund) != 0) i++;
    if (i == LEDGER_FUNDS_MAX) return false;
    if (i == *count) {
        funds[i] = posting->fund;
        sums[(*count)++] = 0;
    }
    return fen_add(sums[i], posting->amount_fen, &sums[i]) == E_OK;
}

bool ledger_balanced(const Tc__JournalEntry *entry) {
    const char *funds[LEDGER_FUNDS_MAX];
    fen_t sums[LEDGER_FUNDS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < entry->n_postings; i++)
        if (!add_to_fund(funds, sums, &count, entry->postings[i])) return false;
    for (size_t i = 0; i < count; i++)
        if (sums[i] != 0) return false;
    return true;
}

// ---- the books

static const fund_books_t *books_of(const fund_rules_t *fund) { return fund ? fund->books : NULL; }

const char *ledger_account_head(const fund_rules_t *fund, int account) {
    return account_keeps_money(fund->accounts[account].kind) ? "money" : "transfer";
}

// The year of "2018", "2018-03" or a day; 0 when it begins with none.
static int32_t year_of(const char *text) {
    int32_t year = 0;
    for (int i = 0; i < 4; i++) {
        if (text[i] < '0' || text[i] > '9') return 0;
        year = year * 10 + (text[i] - '0');
    }
    return year;
}

static int fund_of_layer(const fund_rules_t *fund, const char *layer, const char *identity, const char **out,
                         err_t *err) {
    *out = "";
    if (!books_of(fund)) return E_OK;
    const fund_book_t *book = book_of_benefit(fund->books, layer, identity);
    if (!book)
        return err_field(err, E_INVALID_FIELD, "paid.name", "the city's books have no fund for %s of %.32s", layer,
                         identity);
    *out = book->fund;
    return E_OK;
}

// ---- a bill, and what became of it
// ---------------------------------------------------------------------------------------

// What one version of a bill grants.
typedef struct grant {
    Tc__Amount *const *paid;
    size_t layers;
    fen_t fund;
    const char *identity, *division;
    fen_t account; // of the person's part, from personal accounts
} grant_t;

static grant_t grant_of(const Tc__Decision *decision) {
    return (grant_t){decision->paid,     decision->n_paid,   decision->fund_fen,
                     decision->identity, decision->division, decision->account_fen};
}

static grant_t grant_before(const Tc__Decision *decision) {
    const Tc__Previous *before = decision->previous;
    if (!before) return (grant_t){.identity = decision->identity, .division = decision->division};
    return (grant_t){before->paid,     before->n_paid,   before->fund_fen,
                     before->identity, before->division, before->account_fen};
}

static int check_grant(const grant_t *grant, err_t *err) {
    fen_t sum = 0;
    if (grant->layers * 4 > LEDGER_POSTINGS_MAX) return err_field(err, E_OUT_OF_RANGE, "paid", "too many layers");
    for (size_t i = 0; i < grant->layers; i++) {
        int rc = check_word("paid.name", grant->paid[i]->name, err);
        if (rc) return rc;
        if (fen_add(sum, grant->paid[i]->amount_fen, &sum))
            return err_field(err, E_OUT_OF_RANGE, "paid", "the layers overflow");
    }
    if (sum == grant->fund) return 0;
    return err_field(err, E_INVALID_FIELD, "fund", "the layers of the bill do not add up to the fund's part");
}

static int check_decision(const Tc__Decision *decision, const grant_t *now, const grant_t *before, err_t *err) {
    int rc = check_grant(now, err);
    if (!rc) rc = check_grant(before, err);
    if (rc) return rc;
    if (!decision->input || !decision->input->to[0])
        return err_field(err, E_MISSING_FIELD, "input.to", "the bill has no day of discharge");
    return 0;
}

static fen_t granted(const grant_t *grant, const char *layer) {
    for (size_t i = 0; i < grant->layers; i++)
        if (strcmp(grant->paid[i]->name, layer) == 0) return grant->paid[i]->amount_fen;
    return 0;
}

typedef struct booking { // where the lines of a bill go
    Tc__JournalEntry *entry;
    arena_t *arena;
    const fund_rules_t *fund;
    int32_t year; // of the benefits
    err_t *err;
} booking_t;

static int post_layer(const booking_t *to, const grant_t *grant, const char *layer, fen_t amount) {
    side_t debit = {"expense", layer, grant->identity, grant->division, "", amount, "", to->year};
    side_t credit = {"payable", layer, "", grant->division, to->entry->facility, 0, "", to->year};
    if (amount == 0) return E_OK;
    int rc = fund_of_layer(to->fund, layer, grant->identity, &debit.fund, to->err);
    credit.fund = debit.fund;
    return rc ? rc : post_pair(to->entry, to->arena, &debit, credit, to->err);
}

// `now` less what `less` granted, layer by layer; layers that `now` does not have are `less`'s own.
static int post_difference(const booking_t *to, const grant_t *now, const grant_t *less) {
    int rc = 0;
    for (size_t i = 0; !rc && i < now->layers; i++) {
        const char *layer = now->paid[i]->name;
        fen_t amount;
        rc = fen_sub(now->paid[i]->amount_fen, granted(less, layer), &amount);
        if (rc) return err_field(to->err, rc, "paid", "an amount is out of range");
        rc = post_layer(to, now, layer, amount);
    }
    for (size_t i = 0; !rc && i < less->layers; i++) {
        const char *layer = less->paid[i]->name;
        bool both = false;
        fen_t amount;
        for (size_t j = 0; j < now->layers; j++) both |= strcmp(now->paid[j]->name, layer) == 0;
        if (both) continue;
        rc = fen_sub(0, less->paid[i]->amount_fen, &amount);
        if (rc) return err_field(to->err, rc, "paid", "an amount is out of range");
        rc = post_layer(to, less, layer, amount);
    }
    return rc;
}

// What personal accounts paid of the person's part is owed to the facility in the person's stead.
static int post_account(const booking_t *to, const grant_t *now, const grant_t *less) {
    const fund_books_t *books = books_of(to->fund);
    const char *fund = books ? books->personal_fund : "";
    side_t debit = {"personal", personal_account, "", "", "", 0, fund, 0};
    side_t credit = {"payable", personal_account, "", now->division, to->entry->facility, 0, fund, to->year};
    int rc = fen_sub(now->account, less->account, &debit.amount);
    if (rc) return err_field(to->err, rc, "account", "an amount is out of range");
    return post_pair(to->entry, to->arena, &debit, credit, to->err);
}

static int post_both(const booking_t *to, const grant_t *now, const grant_t *less) {
    int rc = post_difference(to, now, less);
    return rc ? rc : post_account(to, now, less);
}

static bool same_dimensions(const grant_t *a, const grant_t *b) {
    return strcmp(a->identity, b->identity) == 0 && strcmp(a->division, b->division) == 0;
}

static int post_grants(const booking_t *to, const grant_t *now, const grant_t *before) {
    if (same_dimensions(now, before)) return post_both(to, now, before);
    const grant_t none_before = {.identity = now->identity, .division = now->division},
                  none_now = {.identity = before->identity, .division = before->division};
    int rc = post_both(to, now, &none_before);
    return rc ? rc : post_both(to, &none_now, before);
}

int ledger_of_bill(const Tc__Decision *decision, const fund_rules_t *fund, const ledger_source_t *source,
                   int64_t posted_ms, arena_t *arena, Tc__JournalEntry **out, err_t *err) {
    const grant_t now = grant_of(decision), before = grant_before(decision);
    const Tc__Previous *previous = decision->previous;
    *out = NULL;
    if (strcmp(decision->kind, "tombstone") == 0) return 0;
    int rc = check_decision(decision, &now, &before, err);
    if (rc) return rc;
    Tc__JournalEntry *entry = entry_new(arena, source, posted_ms, (now.layers + before.layers) * 2 + 4);
    if (!entry) return no_memory(err);
    entry->kind = (char *)kind_bill;
    entry->reference = decision->bill;
    entry->value_date = decision->input->to;
    entry->person = decision->person;
    entry->facility = decision->facility;
    rc = fen_sub(decision->total_fen, previous ? previous->total_fen : 0, &entry->total_fen);
    if (!rc) rc = fen_sub(now.fund, before.fund, &entry->fund_fen);
    if (rc) return err_field(err, rc, "total", "an amount is out of range");
    const booking_t to = {entry, arena, fund, decision->year ? decision->year : year_of(entry->value_date), err};
    rc = post_grants(&to, &now, &before);
    if (!rc && (!previous || entry->n_postings || entry->total_fen)) *out = entry;
    return rc;
}

// ---- a contribution received
// --------------------------------------------------------------------------------------------

static int check_receipt(const Tc__Receipt *receipt, err_t *err) {
    fen_t sum = 0;
    if (receipt->n_parts * 2 > LEDGER_POSTINGS_MAX) return err_field(err, E_OUT_OF_RANGE, "parts", "too many parts");
    for (size_t i = 0; i < receipt->n_parts; i++) {
        const Tc__Receipt__Part *part = receipt->parts[i];
        int rc = check_word("parts.item", part->item, err);
        if (rc) return rc;
        if (part->amount_fen < 0 || fen_add(sum, part->amount_fen, &sum))
            return err_field(err, E_OUT_OF_RANGE, "parts.amount", "a part of the receipt is out of range");
    }
    if (sum != receipt->amount_fen)
        return err_field(err, E_INVALID_FIELD, "amount", "the parts of the receipt do not add up to its amount");
    return 0;
}

// The lines of one part: money in the account that the books name for it, and the income.
static int post_part(Tc__JournalEntry *entry, arena_t *arena, const fund_rules_t *fund, const Tc__Receipt *receipt,
                     const Tc__Receipt__Part *part, fen_t amount, err_t *err) {
    const int32_t year = year_of(receipt->period) ? year_of(receipt->period) : year_of(receipt->paid_on);
    side_t debit = {"money", "treasury", "", part->division, receipt->payer, amount, "", 0};
    side_t credit = {"contribution", part->item, part->identity, part->division, part->payer, 0, "", year};
    if (amount == 0) return E_OK;
    if (books_of(fund)) {
        const fund_book_t *book = book_of_contribution(fund->books, part->item, part->identity, part->payer);
        if (!book)
            return err_field(err, E_INVALID_FIELD, "parts.item",
                             "the city's books have no fund for %s of %.32s by %.32s", part->item, part->identity,
                             part->payer);
        debit.account = ledger_account_head(fund, book->account);
        debit.word = fund->accounts[book->account].name;
        debit.fund = credit.fund = book->fund;
    }
    return post_pair(entry, arena, &debit, credit, err);
}

static int receipt_entry(const Tc__Receipt *receipt, bool returned, const fund_rules_t *fund,
                         const ledger_source_t *source, int64_t posted_ms, arena_t *arena, Tc__JournalEntry **out,
                         err_t *err) {
    int rc = check_receipt(receipt, err);
    if (rc) return rc;
    Tc__JournalEntry *entry = entry_new(arena, source, posted_ms, receipt->n_parts * 2);
    if (!entry) return no_memory(err);
    entry->kind = (char *)(returned ? kind_return : kind_contribution);
    entry->reference = receipt->receipt;
    entry->value_date = receipt->paid_on;
    entry->total_fen = receipt->amount_fen;
    for (size_t i = 0; !rc && i < receipt->n_parts; i++) {
        const Tc__Receipt__Part *part = receipt->parts[i];
        const fen_t amount = returned ? -part->amount_fen : part->amount_fen; // checked: not negative
        rc = post_part(entry, arena, fund, receipt, part, amount, err);
    }
    if (!rc) *out = entry;
    return rc;
}

int ledger_of_receipt(const Tc__Receipt *receipt, const fund_rules_t *fund, const ledger_source_t *source,
                      int64_t posted_ms, arena_t *arena, Tc__JournalEntry **out, err_t *err) {
    return receipt_entry(receipt, false, fund, source, posted_ms, arena, out, err);
}

int ledger_of_return(const Tc__Receipt *receipt, const fund_rules_t *fund, const ledger_source_t *source,
                     int64_t posted_ms, arena_t *arena, Tc__JournalEntry **out, err_t *err) {
    return receipt_entry(receipt, true, fund, source, posted_ms, arena, out, err);
}

// ---- a month that personal accounts are credited with

// Where personal accounts are a fund of their own, the pool owes it the money until it is moved (between/account).
int ledger_of_credit(const Tc__AccountCredit *credit, const fund_rules_t *fund, const ledger_source_t *source,
                     int64_t posted_ms, arena_t *arena, Tc__JournalEntry **out, err_t *err) {
    const fund_books_t *books = books_of(fund);
    const char *from = books ? books->personal_from : "", *own = books ? books->personal_fund : "";
    Tc__JournalEntry *entry = entry_new(arena, source, posted_ms, 4);
    if (!entry) return no_memory(err);
    entry->kind = (char *)kind_account;
    entry->reference = entry->person = credit->person;
    entry->value_date = arena_text(arena, "%s-01", credit->month);
    entry->total_fen = credit->amount_fen;
    if (!entry->value_date) return no_memory(err);
    side_t debit = {"allotted", personal_account, "", "", "", credit->amount_fen, from, year_of(credit->month)};
    side_t between = {"between", personal_account, "", "", "", credit->amount_fen, from, 0};
    const side_t to = {"personal", personal_account, "", "", "", 0, own, 0};
    int rc = E_OK;
    if (strcmp(from, own) != 0) {
        rc = post_pair(entry, arena, &debit, between, err);
        debit = between;
        debit.fund = own;
    }
    if (!rc) rc = post_pair(entry, arena, &debit, to, err);
    if (!rc) *out = entry;
    return rc;
}

// ---- a personal account corrected

// What the persons have more, the fund of the accounts has less: where the difference comes from is the paper's to say,
// and an order's to move.
int ledger_of_change(const Tc__AccountChange *change, const fund_rules_t *fund, const ledger_source_t *source,
                     int64_t posted_ms, arena_t *arena, Tc__JournalEntry **out, err_t *err) {
    const fund_books_t *books = books_of(fund);
    const char *own = books ? books->personal_fund : "";
    char day[DATE_TEXT_MAX];
    *out = NULL;
    if (strcmp(change->reason, kind_correction) != 0) return 0;
    Tc__JournalEntry *entry = entry_new(arena, source, posted_ms, 2);
    if (!entry) return no_memory(err);
    entry->kind = (char *)kind_correction;
    entry->reference = change->source;
    entry->person = change->person;
    entry->value_date = arena_text(arena, "%s", date_format(date_of_ms(change->at_ms), day));
    entry->total_fen = change->amount_fen;
    if (!entry->value_date) return no_memory(err);
    const side_t debit = {"allotted", kind_correction, "", "", "", change->amount_fen, own, year_of(day)};
    const side_t credit = {"personal", personal_account, "", "", "", 0, own, 0};
    int rc = post_pair(entry, arena, &debit, credit, err);
    if (!rc) *out = entry;
    return rc;
}

// ---- money that pays no bill

int ledger_of_held(const Tc__HeldMoney *held, const fund_rules_t *fund, const ledger_source_t *source,
                   int64_t posted_ms, arena_t *arena, Tc__JournalEntry **out, err_t *err) {
    const fund_books_t *books = books_of(fund);
    int rc = check_word("kind", held->kind, err);
    if (rc) return rc;
    Tc__JournalEntry *entry = entry_new(arena, source, posted_ms, 2);
    if (!entry) return no_memory(err);
    entry->kind = (char *)kind_held;
    entry->reference = held->receipt;
    entry->value_date = held->on;
    entry->total_fen = held->amount_fen;
    const char *account = books ? fund->accounts[books->held_account].name : "treasury";
    const side_t debit = {"money", account, "", "", held->payer, held->amount_fen, "", 0};
    const side_t credit = {"held", held->kind, "", "", held->payer, 0, "", 0};
    rc = post_pair(entry, arena, &debit, credit, err);
    if (!rc) *out = entry;
    return rc;
}
