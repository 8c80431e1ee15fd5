// Every version of a bill and every receipt against the one entry of the journal that it causes, line by line, by plain
// sums: what docs/ledger.md promises, worked out a second time.
#include "account.pb-c.h"
#include "adjudication.pb-c.h"
#include "collection.pb-c.h"
#include "common/base/date.h"
#include "common/base/hash.h"
#include "common/policy/tables.h"
#include "common/policy/fund.h"
#include "settlement.pb-c.h"
#include "verify.h"
#include <stdlib.h>
#include <string.h>

// ---- lines

static bool is_account(const Tc__Posting *posting, const char *head, const char *word) {
    size_t length = strlen(head);
    return strncmp(posting->account, head, length) == 0 && posting->account[length] == '/' &&
           strcmp(posting->account + length + 1, word) == 0;
}

// Σ of an account over the lines with exactly these dimensions.
typedef struct sum_key {
    const char *head, *word, *identity, *division, *party, *fund;
    int32_t year;
} sum_key_t;

static bool is_line(const Tc__Posting *posting, const sum_key_t *line) {
    return is_account(posting, line->head, line->word) && strcmp(posting->identity, line->identity) == 0 &&
           strcmp(posting->division, line->division) == 0 && strcmp(posting->party, line->party) == 0 &&
           strcmp(posting->fund, line->fund) == 0 && posting->year == line->year;
}

static fen_t sum_of(const Tc__JournalEntry *entry, const sum_key_t *line) {
    fen_t sum = 0;
    for (size_t i = 0; i < entry->n_postings; i++)
        if (is_line(entry->postings[i], line)) sum = verify_sum(sum, entry->postings[i]->amount_fen);
    return sum;
}

static void expect(verify_t *verify, const Tc__JournalEntry *entry, const sum_key_t *line, fen_t expected) {
    fen_t sum = sum_of(entry, line);
    if (sum != expected)
        verify_broken(verify, "%s %s: its entry posts %lld fen to %s/%s %s %d %s %s %s, %lld was expected", entry->kind,
                      entry->reference, (long long)sum, line->head, line->word, line->fund, line->year, line->identity,
                      line->division, line->party, (long long)expected);
}

static fen_t negative(fen_t amount) { return amount == INT64_MIN ? INT64_MAX : -amount; }

// Two lines for each amount that is not zero, so that none is left that nothing speaks of.
static void expect_count(verify_t *verify, const Tc__JournalEntry *entry, size_t amounts) {
    if (entry->n_postings != 2 * amounts)
        verify_broken(verify, "%s %s: its entry has %zu postings, %zu were expected", entry->kind, entry->reference,
                      entry->n_postings, 2 * amounts);
}

// ---- the books: entries from before there were any (form 0) know one fund without a name

static const fund_rules_t *rules_of(const verify_t *verify, const Tc__JournalEntry *entry) {
    const fund_rules_t *fund = verify->policy ? verify->policy->fund : NULL;
    return entry->form && fund && fund->books ? fund : NULL;
}

static const char *fund_of_layer(const fund_rules_t *fund, const char *layer, const char *identity) {
    const fund_book_t *book = fund ? book_of_benefit(fund->books, layer, identity) : NULL;
    return book ? book->fund : "";
}

static int32_t year_of(const char *text) {
    char digits[5] = "";
    strncat(digits, text, 4);
    return strspn(digits, "0123456789") == 4 ? (int32_t)strtol(digits, NULL, 10) : 0;
}

// ---- a bill, a receipt

static fen_t paid_of(Tc__Amount *const *paid, size_t count, const char *layer) {
    for (size_t i = 0; i < count; i++)
        if (strcmp(paid[i]->name, layer) == 0) return paid[i]->amount_fen;
    return 0;
}

// What version `d` of a bill changes in a layer; where it is booked on another identity or district than before, the
// whole of both.
typedef struct change {
    const char *layer;
    fen_t now, before;
} change_t;

static bool moved(const Tc__Decision *d) {
    const Tc__Previous *p = d->previous;
    return p && (strcmp(p->identity, d->identity) != 0 || strcmp(p->division, d->division) != 0);
}

static size_t changes_of(const Tc__Decision *d, change_t *out, size_t room) {
    const Tc__Previous *p = d->previous;
    size_t count = 0;
    for (size_t i = 0; i < d->n_paid && count < room; i++) {
        const char *layer = d->paid[i]->name;
        out[count++] = (change_t){layer, d->paid[i]->amount_fen, p ? paid_of(p->paid, p->n_paid, layer) : 0};
    }
    for (size_t i = 0; p && i < p->n_paid && count < room; i++) {
        bool both = false;
        for (size_t j = 0; j < d->n_paid; j++) both |= strcmp(d->paid[j]->name, p->paid[i]->name) == 0;
        if (!both) out[count++] = (change_t){p->paid[i]->name, 0, p->paid[i]->amount_fen};
    }
    return count;
}

enum { LAYERS_MAX = 512 };

// What personal accounts pay more than before.
static fen_t account_change(const Tc__Decision *d) {
    return verify_sum(d->account_fen, d->previous ? negative(d->previous->account_fen) : 0);
}

static size_t lines_of(const Tc__Decision *d, bool by_county) {
    change_t changes[LAYERS_MAX];
    size_t count = changes_of(d, changes, LAYERS_MAX), lines = 0;
    for (size_t i = 0; i < count; i++)
        lines += moved(d) ? (changes[i].now != 0) + (changes[i].before != 0) : changes[i].now != changes[i].before;
    if (moved(d) && by_county) return lines + (d->account_fen != 0) + (d->previous->account_fen != 0);
    return lines + (account_change(d) != 0);
}

static fen_t total_change(const Tc__Decision *d) {
    return verify_sum(d->total_fen, d->previous ? negative(d->previous->total_fen) : 0);
}

// A bill that was reversed before it came books nothing, nor does a version that changes nothing that is booked.
static bool causes_entry(const Tc__Decision *d) {
    if (strcmp(d->kind, "tombstone") == 0) return false;
    return !d->previous || total_change(d) != 0 || lines_of(d, true) > 0;
}

// Where a version's debts to the facility stand.
typedef struct debt {
    const char *fund, *division;
    fen_t now, before;
} debt_t;

static void expect_debt(verify_t *verify, const Tc__JournalEntry *entry, const char *word, const debt_t *to,
                        const debt_t *from, const char *facility, int32_t year) {
    const bool apart = strcmp(to->fund, from->fund) != 0 || strcmp(to->division, from->division) != 0;
    const sum_key_t key = {"payable", word, "", to->division, facility, to->fund, year};
    const sum_key_t old = {"payable", word, "", from->division, facility, from->fund, year};
    expect(verify, entry, &key, verify_sum(negative(to->now), apart ? 0 : to->before));
    if (apart) expect(verify, entry, &old, to->before);
}

static void check_layer(verify_t *verify, const Tc__Decision *d, const change_t *c, const Tc__JournalEntry *entry) {
    const fund_rules_t *fund = rules_of(verify, entry);
    const Tc__Previous *p = d->previous;
    const bool apart = moved(d), by_county = entry->form != 0;
    const char *now = fund_of_layer(fund, c->layer, d->identity);
    const char *before = apart ? fund_of_layer(fund, c->layer, p->identity) : now;
    const int32_t year = !entry->form ? 0 : d->year ? d->year : year_of(entry->value_date);
    const debt_t to = {now, by_county ? d->division : "", c->now, c->before};
    const debt_t from = {before, by_county && apart ? p->division : to.division, 0, 0};
    expect_debt(verify, entry, c->layer, &to, &from, d->facility, year);
    expect(verify, entry, &(sum_key_t){"expense", c->layer, d->identity, d->division, "", now, year},
           apart ? c->now : verify_sum(c->now, negative(c->before)));
    if (apart)
        expect(verify, entry, &(sum_key_t){"expense", c->layer, p->identity, p->division, "", before, year},
               negative(c->before));
}

static void check_bill(verify_t *verify, const Tc__Decision *d, const Tc__JournalEntry *entry) {
    change_t changes[LAYERS_MAX];
    size_t count = changes_of(d, changes, LAYERS_MAX);
    for (size_t i = 0; i < count; i++) check_layer(verify, d, &changes[i], entry);
    const fund_rules_t *fund = rules_of(verify, entry);
    const char *own = fund ? fund->books->personal_fund : "";
    const int32_t year = !entry->form ? 0 : d->year ? d->year : year_of(entry->value_date);
    const debt_t to = {own, entry->form ? d->division : "", d->account_fen, d->previous ? d->previous->account_fen : 0};
    const debt_t from = {own, entry->form && moved(d) ? d->previous->division : to.division, 0, 0};
    expect(verify, entry, &(sum_key_t){"personal", "account", "", "", "", own, 0}, account_change(d));
    expect_debt(verify, entry, "account", &to, &from, d->facility, year);
    expect_count(verify, entry, lines_of(d, entry->form != 0));
}

static fen_t income_of(const Tc__Receipt *receipt, const Tc__Receipt__Part *like) {
    fen_t sum = 0;
    for (size_t i = 0; i < receipt->n_parts; i++) {
        const Tc__Receipt__Part *part = receipt->parts[i];
        if (strcmp(part->item, like->item) == 0 && strcmp(part->payer, like->payer) == 0 &&
            strcmp(part->identity, like->identity) == 0 && strcmp(part->division, like->division) == 0)
            sum = verify_sum(sum, part->amount_fen);
    }
    return sum;
}

// Where the money of a part lies.
static sum_key_t money_of(const fund_rules_t *fund, const Tc__JournalEntry *entry, const Tc__Receipt *receipt,
                          const Tc__Receipt__Part *part) {
    sum_key_t key = {"money", "treasury", "", part->division, receipt->payer, "", 0};
    const fund_book_t *book = fund ? book_of_contribution(fund->books, part->item, part->identity, part->payer) : NULL;
    if (!entry->form) key.head = "treasury", key.word = part->item, key.division = "";
    if (!book) return key;
    key.word = fund->accounts[book->account].name;
    key.head = account_keeps_money(fund->accounts[book->account].kind) ? "money" : "transfer";
    key.fund = book->fund;
    return key;
}

static bool same_money(const sum_key_t *a, const sum_key_t *b) {
    return strcmp(a->head, b->head) == 0 && strcmp(a->word, b->word) == 0 && strcmp(a->division, b->division) == 0 &&
           strcmp(a->fund, b->fund) == 0;
}

// One that was returned is posted the other way round.
static void check_receipt(verify_t *verify, const Tc__Receipt *receipt, bool returned, const Tc__JournalEntry *entry) {
    const fund_rules_t *fund = rules_of(verify, entry);
    const int32_t year = !entry->form               ? 0
                         : year_of(receipt->period) ? year_of(receipt->period)
                                                    : year_of(receipt->paid_on);
    size_t amounts = 0;
    for (size_t i = 0; i < receipt->n_parts; i++) {
        const Tc__Receipt__Part *part = receipt->parts[i];
        const sum_key_t money = money_of(fund, entry, receipt, part);
        fen_t credit = income_of(receipt, part), debit = 0;
        for (size_t j = 0; j < receipt->n_parts; j++) {
            const sum_key_t other = money_of(fund, entry, receipt, receipt->parts[j]);
            if (same_money(&money, &other)) debit = verify_sum(debit, receipt->parts[j]->amount_fen);
        }
        expect(verify, entry, &money, returned ? negative(debit) : debit);
        expect(verify, entry,
               &(sum_key_t){"contribution", part->item, part->identity, part->division, part->payer, money.fund, year},
               returned ? credit : negative(credit));
        amounts += part->amount_fen != 0;
    }
    expect_count(verify, entry, amounts);
}

static void check_held(verify_t *verify, const Tc__HeldMoney *held, const Tc__JournalEntry *entry) {
    const fund_rules_t *fund = rules_of(verify, entry);
    sum_key_t money = {"money", "treasury", "", "", held->payer, "", 0};
    if (fund) money.word = fund->accounts[fund->books->held_account].name;
    if (!entry->form) money.head = "treasury", money.word = held->kind;
    expect(verify, entry, &money, held->amount_fen);
    expect(verify, entry, &(sum_key_t){"held", held->kind, "", "", held->payer, "", 0}, negative(held->amount_fen));
    expect_count(verify, entry, held->amount_fen != 0);
}

static void check_credit(verify_t *verify, const Tc__AccountCredit *credit, const Tc__JournalEntry *entry) {
    const fund_rules_t *fund = rules_of(verify, entry);
    const char *from = fund ? fund->books->personal_from : "", *own = fund ? fund->books->personal_fund : "";
    const bool between = strcmp(from, own) != 0;
    const int32_t year = entry->form ? year_of(credit->month) : 0;
    expect(verify, entry, &(sum_key_t){"allotted", "account", "", "", "", from, year}, credit->amount_fen);
    expect(verify, entry, &(sum_key_t){"personal", "account", "", "", "", own, 0}, negative(credit->amount_fen));
    if (between) {
        expect(verify, entry, &(sum_key_t){"between", "account", "", "", "", from, 0}, negative(credit->amount_fen));
        expect(verify, entry, &(sum_key_t){"between", "account", "", "", "", own, 0}, credit->amount_fen);
    }
    expect_count(verify, entry, credit->amount_fen != 0 ? 1 + between : 0);
}

static void check_correction(verify_t *verify, const Tc__AccountChange *change, const Tc__JournalEntry *entry) {
    const fund_rules_t *fund = rules_of(verify, entry);
    const char *own = fund ? fund->books->personal_fund : "";
    const int32_t year = entry->form ? year_of(entry->value_date) : 0;
    expect(verify, entry, &(sum_key_t){"allotted", "correction", "", "", "", own, year}, change->amount_fen);
    expect(verify, entry, &(sum_key_t){"personal", "account", "", "", "", own, 0}, negative(change->amount_fen));
    expect_count(verify, entry, 1);
}

// ---- causes and entries

typedef struct source {
    const char *service, *kind;
    store_t *store;
    const char *sql;      // $1 partition, $2 after, $3 limit → (number, body), the events that must be posted
    const char *find_sql; // $1 partition, $2 number → (number) of such an event
    const ProtobufCMessageDescriptor *type;
} source_t;

typedef struct cause { // what an entry says of its event
    const char *reference, *value_date, *person, *facility;
    fen_t total, fund;
} cause_t;

static bool is_bill(const source_t *source) { return source->type == &tc__decision__descriptor; }

static bool is_change(const source_t *source) { return source->type == &tc__account_change__descriptor; }

// Of what an account's changes tell only corrections move money of their own; of bills all that change what is booked.
static bool is_due(const source_t *source, const ProtobufCMessage *message) {
    if (is_bill(source)) return causes_entry((const Tc__Decision *)message);
    return !is_change(source) || strcmp(((const Tc__AccountChange *)message)->reason, "correction") == 0;
}

static cause_t cause_of(const source_t *source, const ProtobufCMessage *message, char day[static DATE_TEXT_MAX]) {
    if (is_bill(source)) {
        const Tc__Decision *d = (const Tc__Decision *)message;
        const Tc__Previous *p = d->previous;
        return (cause_t){d->bill,         d->input ? d->input->to : "",
                         d->person,       d->facility,
                         total_change(d), verify_sum(d->fund_fen, p ? negative(p->fund_fen) : 0)};
    }
    if (source->type == &tc__held_money__descriptor) {
        const Tc__HeldMoney *h = (const Tc__HeldMoney *)message;
        return (cause_t){h->receipt, h->on, "", "", h->amount_fen, 0};
    }
    if (source->type == &tc__account_credit__descriptor) {
        const Tc__AccountCredit *c = (const Tc__AccountCredit *)message;
        return (cause_t){.reference = c->person,
                         .value_date = c->month,
                         .person = c->person,
                         .facility = "",
                         .total = c->amount_fen};
    }
    if (is_change(source)) {
        const Tc__AccountChange *c = (const Tc__AccountChange *)message;
        return (cause_t){c->source, date_format(date_of_ms(c->at_ms), day), c->person, "", c->amount_fen, 0};
    }
    const Tc__Receipt *r = (const Tc__Receipt *)message;
    return (cause_t){r->receipt, r->paid_on, "", "", r->amount_fen, 0};
}

// A month is booked on its first day.
static bool is_dated(const Tc__JournalEntry *entry, const source_t *source, const char *day) {
    size_t length = strlen(day);
    if (source->type != &tc__account_credit__descriptor) return strcmp(entry->value_date, day) == 0;
    return strncmp(entry->value_date, day, length) == 0 && strcmp(entry->value_date + length, "-01") == 0;
}

static void check_entry(verify_t *verify, const source_t *source, const char *where, const ProtobufCMessage *message,
                        const rows_t *found, size_t row) {
    const Tc__JournalEntry *entry =
        (const Tc__JournalEntry *)verify_message(verify, &tc__journal_entry__descriptor, found, row, 2, where);
    char day[DATE_TEXT_MAX];
    const cause_t cause = cause_of(source, message, day);
    if (!entry) return;
    if (strcmp(entry->kind, source->kind) != 0 || strcmp(entry->reference, cause.reference) != 0 ||
        !is_dated(entry, source, cause.value_date) || strcmp(entry->person, cause.person) != 0 ||
        strcmp(entry->facility, cause.facility) != 0 || entry->total_fen != cause.total ||
        entry->fund_fen != cause.fund) {
        verify_broken(verify, "%s %s (%s) of %s, %lld fen: its entry is of %s %s of %s, %lld fen", source->kind,
                      cause.reference, where, cause.value_date, (long long)cause.total, entry->kind, entry->reference,
                      entry->value_date, (long long)entry->total_fen);
        return;
    }
    if (is_bill(source))
        check_bill(verify, (const Tc__Decision *)message, entry);
    else if (source->type == &tc__held_money__descriptor)
        check_held(verify, (const Tc__HeldMoney *)message, entry);
    else if (source->type == &tc__account_credit__descriptor)
        check_credit(verify, (const Tc__AccountCredit *)message, entry);
    else if (is_change(source))
        check_correction(verify, (const Tc__AccountChange *)message, entry);
    else
        check_receipt(verify, (const Tc__Receipt *)message, strcmp(source->kind, "return") == 0, entry);
}

static int find_entries(verify_t *verify, const source_t *source, int64_t partition, const rows_t *causes,
                        rows_t *found, err_t *err) {
    rows_t keys;
    rows_init(&keys, verify->page, 3);
    for (size_t i = 0; i < causes->count; i++) {
        cell_t *key = rows_add(&keys);
        if (!key) return err_set(err, E_IO, "out of memory");
        key[0] = cell_text(source->service);
        key[1] = cell_i64(partition);
        key[2] = cell_i64(row_i64(causes, i, 0));
    }
    return verify_each(verify->settlement, "ib",
                       "SELECT number, body FROM journal WHERE source_service = $1 AND source_partition = $2"
                       " AND source_number = $3 LIMIT 3",
                       &keys, verify->page, found, err);
}

// One page of causes against the entries that name them.
static int check_causes(verify_t *verify, const source_t *source, int64_t partition, const rows_t *causes, err_t *err) {
    rows_t found;
    int rc = find_entries(verify, source, partition, causes, &found, err);
    for (size_t i = 0, at = 0; !rc && i < causes->count; i++) {
        char where[VERIFY_NAME_MAX];
        size_t entries = 0;
        snprintf(where, sizeof where, "%s %lld/%lld", source->service, (long long)partition,
                 (long long)row_i64(causes, i, 0));
        arena_reset(verify->work);
        const ProtobufCMessage *message = verify_message(verify, source->type, causes, i, 1, where);
        for (; at < found.count && row_i64(&found, at, 0) == (int64_t)i; at++, entries++)
            if (message) check_entry(verify, source, where, message, &found, at);
        const size_t due = message && !is_due(source, message) ? 0 : 1;
        char day[DATE_TEXT_MAX];
        if (entries != due)
            verify_broken(verify, "%s %s (%s) is posted %zu times, %s was expected", source->kind,
                          message ? cause_of(source, message, day).reference : "?", where, entries,
                          due ? "once" : "never");
    }
    return rc;
}

static int check_source(verify_t *verify, const source_t *source, int64_t partition, err_t *err) {
    int64_t after = 0;
    rows_t causes = {0};
    do {
        const cell_t params[] = {cell_i64(partition), cell_i64(after), cell_i64(VERIFY_PAGE)};
        arena_reset(verify->page);
        int rc = verify_query(source->store, "ib", source->sql, params, COUNT_OF(params), verify->page, &causes, err);
        if (!rc) rc = check_causes(verify, source, partition, &causes, err);
        if (rc || !causes.count) return rc;
        after = row_i64(&causes, causes.count - 1, 0);
        verify->looked_at += (long long)causes.count;
    } while (causes.count == VERIFY_PAGE);
    return E_OK;
}

// ---- no entry without its cause

static int find_causes(verify_t *verify, const source_t *source, int64_t partition, const rows_t *entries, err_t *err) {
    rows_t keys, found;
    rows_init(&keys, verify->page, 2);
    for (size_t i = 0; i < entries->count; i++) {
        cell_t *key = rows_add(&keys);
        if (!key) return err_set(err, E_IO, "out of memory");
        key[0] = cell_i64(row_i64(entries, i, 1));
        key[1] = cell_i64(row_i64(entries, i, 2));
    }
    int rc = verify_each(source->store, "i", source->find_sql, &keys, verify->page, &found, err);
    for (size_t i = 0, at = 0; !rc && i < entries->count; i++) {
        if (at < found.count && row_i64(&found, at, 0) == (int64_t)i)
            at++;
        else
            verify_broken(verify, "entry %lld/%lld (%s) has no cause: there is no %s event %s %lld/%lld",
                          (long long)partition, (long long)row_i64(entries, i, 0), row_text(entries, i, 3),
                          source->kind, source->service, (long long)row_i64(entries, i, 1),
                          (long long)row_i64(entries, i, 2));
    }
    return rc;
}

static int entries_have_causes(verify_t *verify, const source_t *source, int64_t partition, err_t *err) {
    int64_t after = 0;
    rows_t rows = {0};
    do {
        const cell_t params[] = {cell_i64(partition), cell_i64(after), cell_text(source->service),
                                 cell_text(source->kind), cell_i64(VERIFY_PAGE)};
        arena_reset(verify->page);
        int rc = verify_query(verify->settlement, "iiit",
                              "SELECT number, source_partition, source_number, reference FROM journal"
                              " WHERE partition = $1 AND number > $2 AND source_service = $3 AND kind = $4"
                              " ORDER BY number LIMIT $5",
                              params, COUNT_OF(params), verify->page, &rows, err);
        if (!rc) rc = find_causes(verify, source, partition, &rows, err);
        if (rc) return rc;
        if (rows.count) after = row_i64(&rows, rows.count - 1, 0);
    } while (rows.count == VERIFY_PAGE);
    return E_OK;
}

static int no_foreign_entries(verify_t *verify, err_t *err) {
    rows_t rows;
    arena_reset(verify->page);
    int rc = verify_query(
        verify->settlement, "iittt",
        "SELECT partition, number, reference, source_service, kind FROM journal"
        " WHERE NOT (source_service = 'adjudication' AND kind IN ('bill', 'correction') OR source_service = "
        "'collection' AND kind IN ('contribution', 'return', 'held', 'account') OR source_service ="
        " 'settlement' AND kind IN ('movement', 'payment', 'between', 'allotment', 'counter',"
        " 'opening', 'closing', 'task_done', 'task_late', 'task_explained', 'task_void', 'fund_warning',"
        " 'statement', 'statement_confirmed', 'statement_disputed', 'statement_answered',"
        " 'order_drafted', 'order_approved', 'order_sent', 'order_refused'))"
        " ORDER BY partition, number LIMIT 100",
        NULL, 0, verify->page, &rows, err);
    for (size_t i = 0; !rc && i < rows.count; i++)
        verify_broken(verify, "entry %lld/%lld (%s) names %s as the cause of a %s, which causes none",
                      (long long)row_i64(&rows, i, 0), (long long)row_i64(&rows, i, 1), row_text(&rows, i, 2),
                      row_text(&rows, i, 3), row_text(&rows, i, 4));
    return rc;
}

#define TOLD(topic)                                                                                                    \
    "SELECT number, body FROM event WHERE partition = $1 AND number > $2 AND topic = '" topic                          \
    "' ORDER BY number LIMIT $3",                                                                                      \
        "SELECT number FROM event WHERE partition = $1 AND number = $2 AND topic = '" topic "'"

int verify_posted(verify_t *verify, err_t *err) {
    const source_t sources[] = {
        {"adjudication", "bill", verify->adjudication,
         "SELECT number, body FROM decision WHERE partition = $1 AND number > $2 AND kind < 4 ORDER BY number LIMIT $3",
         "SELECT number FROM decision WHERE partition = $1 AND number = $2 AND kind < 4", &tc__decision__descriptor},
        {"adjudication", "correction", verify->adjudication,
         "SELECT number, body FROM decision WHERE partition = $1 AND number > $2 AND kind = 4 ORDER BY number LIMIT $3",
         "SELECT number FROM decision WHERE partition = $1 AND number = $2 AND kind = 4",
         &tc__account_change__descriptor},
        {"collection", "contribution", verify->collection, TOLD("contribution.received"), &tc__receipt__descriptor},
        {"collection", "return", verify->collection, TOLD("contribution.returned"), &tc__receipt__descriptor},
        {"collection", "held", verify->collection, TOLD("money.held"), &tc__held_money__descriptor},
        {"collection", "account", verify->collection, TOLD("account.credited"), &tc__account_credit__descriptor},
    };
    int rc = no_foreign_entries(verify, err);
    for (size_t i = 0; i < COUNT_OF(sources); i++)
        for (int64_t partition = 0; !rc && partition < PARTITIONS; partition++) {
            rc = check_source(verify, &sources[i], partition, err);
            if (!rc) rc = entries_have_causes(verify, &sources[i], partition, err);
        }
    return rc;
}
