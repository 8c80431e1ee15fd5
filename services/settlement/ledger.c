// Lines of zero fen are left out. An entry may have no line at all (a bill that no fund pays, also when it is
// reversed): the journal still tells of it.
#include "ledger.h"
#include <string.h>

static const char kind_bill[] = "bill", kind_contribution[] = "contribution", kind_return[] = "return",
                  kind_held[] = "held", kind_account[] = "account";
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
    entry->postings = arena_alloc(arena, (postings + 1) * sizeof *entry->postings);
    return entry->postings ? entry : NULL;
}

typedef struct line {
    const char *account, *word; // account/word
    const char *identity, *division, *party;
    fen_t amount;
} line_t;

static int post(Tc__JournalEntry *entry, arena_t *arena, const line_t *line, err_t *err) {
    if (line->amount == 0) return 0;
    Tc__Posting *posting = arena_alloc(arena, sizeof *posting);
    if (!posting) return no_memory(err);
    tc__posting__init(posting);
    posting->account = arena_text(arena, "%s/%s", line->account, line->word);
    if (!posting->account) return no_memory(err);
    posting->identity = (char *)line->identity;
    posting->division = (char *)line->division;
    posting->party = (char *)line->party;
    posting->amount_fen = line->amount;
    entry->postings[entry->n_postings++] = posting;
    return 0;
}

// The same amount on both sides.
static int post_pair(Tc__JournalEntry *entry, arena_t *arena, const line_t *debit, line_t credit, err_t *err) {
    int rc = fen_sub(0, debit->amount, &credit.amount);
    if (rc) return err_field(err, rc, "amount", "an amount is out of range");
    rc = post(entry, arena, debit, err);
    return rc ? rc : post(entry, arena, &credit, err);
}

bool ledger_balanced(const Tc__JournalEntry *entry) {
    fen_t sum = 0;
    for (size_t i = 0; i < entry->n_postings; i++)
        if (fen_add(sum, entry->postings[i]->amount_fen, &sum)) return false;
    return sum == 0;
}

// ---- a bill, and what became of it
// ---------------------------------------------------------------------------------------

// What one version of a bill grants.
typedef struct grant {
    Tc__Amount *const *paid;
    size_t layers;
    fen_t fund;
    const char *identity, *division;
} grant_t;

static grant_t grant_of(const Tc__Decision *decision) {
    return (grant_t){decision->paid, decision->n_paid, decision->fund_fen, decision->identity, decision->division};
}

static grant_t grant_before(const Tc__Decision *decision) {
    const Tc__Previous *before = decision->previous;
    if (!before) return (grant_t){.identity = decision->identity, .division = decision->division};
    return (grant_t){before->paid, before->n_paid, before->fund_fen, before->identity, before->division};
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

static int post_layer(Tc__JournalEntry *entry, arena_t *arena, const grant_t *grant, const char *layer, fen_t amount,
                      err_t *err) {
    line_t debit = {"expense", layer, grant->identity, grant->division, "", amount};
    line_t credit = {"payable", layer, "", "", entry->facility, 0};
    return post_pair(entry, arena, &debit, credit, err);
}

// `now` less what `less` granted, layer by layer; layers that `now` does not have are `less`'s own.
static int post_difference(Tc__JournalEntry *entry, arena_t *arena, const grant_t *now, const grant_t *less,
                           err_t *err) {
    int rc = 0;
    for (size_t i = 0; !rc && i < now->layers; i++) {
        const char *layer = now->paid[i]->name;
        fen_t amount;
        rc = fen_sub(now->paid[i]->amount_fen, granted(less, layer), &amount);
        if (rc) return err_field(err, rc, "paid", "an amount is out of range");
        rc = post_layer(entry, arena, now, layer, amount, err);
    }
    for (size_t i = 0; !rc && i < less->layers; i++) {
        const char *layer = less->paid[i]->name;
        bool both = false;
        fen_t amount;
        for (size_t j = 0; j < now->layers; j++) both |= strcmp(now->paid[j]->name, layer) == 0;
        if (both) continue;
        rc = fen_sub(0, less->paid[i]->amount_fen, &amount);
        if (rc) return err_field(err, rc, "paid", "an amount is out of range");
        rc = post_layer(entry, arena, less, layer, amount, err);
    }
    return rc;
}

static bool same_dimensions(const grant_t *a, const grant_t *b) {
    return strcmp(a->identity, b->identity) == 0 && strcmp(a->division, b->division) == 0;
}

static int post_grants(Tc__JournalEntry *entry, arena_t *arena, const grant_t *now, const grant_t *before, err_t *err) {
    if (same_dimensions(now, before)) return post_difference(entry, arena, now, before, err);
    const grant_t none_before = {.identity = now->identity, .division = now->division},
                  none_now = {.identity = before->identity, .division = before->division};
    int rc = post_difference(entry, arena, now, &none_before, err);
    return rc ? rc : post_difference(entry, arena, &none_now, before, err);
}

// What personal accounts paid of the person's part is owed to the facility in the person's stead.
static int post_account(Tc__JournalEntry *entry, arena_t *arena, const Tc__Decision *decision, err_t *err) {
    const Tc__Previous *previous = decision->previous;
    line_t debit = {"personal", personal_account, "", "", "", 0};
    line_t credit = {"payable", personal_account, "", "", decision->facility, 0};
    int rc = fen_sub(decision->account_fen, previous ? previous->account_fen : 0, &debit.amount);
    if (rc) return err_field(err, rc, "account", "an amount is out of range");
    return post_pair(entry, arena, &debit, credit, err);
}

int ledger_of_bill(const Tc__Decision *decision, const ledger_source_t *source, int64_t posted_ms, arena_t *arena,
                   Tc__JournalEntry **out, err_t *err) {
    const grant_t now = grant_of(decision), before = grant_before(decision);
    const Tc__Previous *previous = decision->previous;
    *out = NULL;
    if (strcmp(decision->kind, "tombstone") == 0) return 0;
    int rc = check_decision(decision, &now, &before, err);
    if (rc) return rc;
    Tc__JournalEntry *entry = entry_new(arena, source, posted_ms, (now.layers + before.layers) * 2 + 2);
    if (!entry) return no_memory(err);
    entry->kind = (char *)kind_bill;
    entry->reference = decision->bill;
    entry->value_date = decision->input->to;
    entry->person = decision->person;
    entry->facility = decision->facility;
    rc = fen_sub(decision->total_fen, previous ? previous->total_fen : 0, &entry->total_fen);
    if (!rc) rc = fen_sub(now.fund, before.fund, &entry->fund_fen);
    if (rc) return err_field(err, rc, "total", "an amount is out of range");
    rc = post_grants(entry, arena, &now, &before, err);
    if (!rc) rc = post_account(entry, arena, decision, err);
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

static int receipt_entry(const Tc__Receipt *receipt, bool returned, const ledger_source_t *source, int64_t posted_ms,
                         arena_t *arena, Tc__JournalEntry **out, err_t *err) {
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
        line_t debit = {"treasury", part->item, "", "", receipt->payer, amount};
        line_t credit = {"contribution", part->item, part->identity, part->division, part->payer, 0};
        rc = post_pair(entry, arena, &debit, credit, err);
    }
    if (!rc) *out = entry;
    return rc;
}

int ledger_of_receipt(const Tc__Receipt *receipt, const ledger_source_t *source, int64_t posted_ms, arena_t *arena,
                      Tc__JournalEntry **out, err_t *err) {
    return receipt_entry(receipt, false, source, posted_ms, arena, out, err);
}

int ledger_of_return(const Tc__Receipt *receipt, const ledger_source_t *source, int64_t posted_ms, arena_t *arena,
                     Tc__JournalEntry **out, err_t *err) {
    return receipt_entry(receipt, true, source, posted_ms, arena, out, err);
}

// ---- a month that personal accounts are credited with

int ledger_of_credit(const Tc__AccountCredit *credit, const ledger_source_t *source, int64_t posted_ms, arena_t *arena,
                     Tc__JournalEntry **out, err_t *err) {
    Tc__JournalEntry *entry = entry_new(arena, source, posted_ms, 2);
    if (!entry) return no_memory(err);
    entry->kind = (char *)kind_account;
    entry->reference = entry->person = credit->person;
    entry->value_date = arena_text(arena, "%s-01", credit->month);
    entry->total_fen = credit->amount_fen;
    if (!entry->value_date) return no_memory(err);
    const line_t debit = {"allotted", personal_account, "", "", "", credit->amount_fen};
    const line_t to = {"personal", personal_account, "", "", "", 0};
    int rc = post_pair(entry, arena, &debit, to, err);
    if (!rc) *out = entry;
    return rc;
}

// ---- money that pays no bill

int ledger_of_held(const Tc__HeldMoney *held, const ledger_source_t *source, int64_t posted_ms, arena_t *arena,
                   Tc__JournalEntry **out, err_t *err) {
    int rc = check_word("kind", held->kind, err);
    if (rc) return rc;
    Tc__JournalEntry *entry = entry_new(arena, source, posted_ms, 2);
    if (!entry) return no_memory(err);
    entry->kind = (char *)kind_held;
    entry->reference = held->receipt;
    entry->value_date = held->on;
    entry->total_fen = held->amount_fen;
    const line_t debit = {"treasury", held->kind, "", "", held->payer, held->amount_fen};
    const line_t credit = {"held", held->kind, "", "", held->payer, 0};
    rc = post_pair(entry, arena, &debit, credit, err);
    if (!rc) *out = entry;
    return rc;
}
