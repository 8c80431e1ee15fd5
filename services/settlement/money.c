// A movement is decided by the city's whitelist first and by the balances second; only then is a line written.
#include "money.h"
#include "common/base/ids.h"
#include "fund_rules.h"
#include "ledger.h"
#include "limits.h"
#include "money_post.h"
#include "money_store.h"
#include <stdio.h>
#include <string.h>

static const char kind_movement[] = "movement", kind_payment[] = "payment";

static int no_memory(err_t *err) { return err_set(err, E_IO, "out of memory for a movement"); }
static char *text_of(const char *text) { return (char *)(uintptr_t)(text ? text : ""); }

// ---- names

int money_rules(const settlement_t *settlement, const fund_rules_t **out, err_t *err) {
    *out = settlement->policy ? settlement->policy->fund : NULL;
    if (*out && (*out)->books) return E_OK;
    return err_set(err, E_UNSUPPORTED, "%s has no books of the fund's accounts",
                   settlement->policy ? settlement->policy->city : "no city");
}

int money_account(const fund_rules_t *fund, const char *field, const char *name, int *out, err_t *err) {
    *out = fund_account_named(fund, name);
    return *out >= 0 ? E_OK : err_field(err, E_NOT_FOUND, field, "the city has no account %.40s", name);
}

// −1 for money that no fund has yet.
int money_fund(const fund_rules_t *fund, const char *name, int *out, err_t *err) {
    *out = fund_named(fund, name);
    if (*out >= 0 || !*name) return E_OK;
    for (uint32_t i = 0; i < fund->books->other_count; i++)
        if (strcmp(fund->books->others[i].name, name) == 0)
            return err_field(err, E_DENIED, "fund", "%s is not the pool's money (%s)", name,
                             fund->books->others[i].rule);
    return err_field(err, E_NOT_FOUND, "fund", "the city has no fund %.40s", name);
}

int money_county(const settlement_t *settlement, const char *county, err_t *err) {
    if (!*county || policy_has_division(settlement->policy, county)) return E_OK;
    return err_field(err, E_NOT_FOUND, "county", "the city has no district %.12s", county);
}

// The whitelist's word for one fund; its rule.
static int allowed(const settlement_t *settlement, const char *fund_name, int from, int to, date_t on,
                   const char **rule, err_t *err) {
    const fund_rules_t *fund = settlement->policy->fund;
    fund_verdict_t verdict;
    int place, rc = money_fund(fund, fund_name, &place, err);
    if (!rc) rc = fund_movement(settlement->policy, place, from, place, to, on, &verdict, err);
    if (rc) return rc;
    *rule = verdict.rule;
    if (verdict.allowed) return E_OK;
    return err_field(err, E_DENIED, "to", "no money%s%s goes from %s to %s (%s)", *fund_name ? " of " : "", fund_name,
                     fund->accounts[from].name, fund->accounts[to].name, verdict.rule);
}

// ---- entries

int money_entry(const settlement_t *settlement, const money_head_t *head, size_t postings, arena_t *arena,
                Tc__JournalEntry **out, err_t *err) {
    char day[DATE_TEXT_MAX];
    int rc = name_check("reference", head->reference, err);
    if (rc) return err_field(err, rc, "reference", "reference must be 1 to 64 of A-Z a-z 0-9 . _ : -");
    if (head->on == DATE_NONE || head->on == DATE_MAX)
        return err_field(err, E_MISSING_FIELD, "on", "the value date is missing");
    if (strlen(head->text ? head->text : "") > MONEY_TEXT_MAX)
        return err_field(err, E_TOO_LARGE, "text", "text: at most %d bytes", MONEY_TEXT_MAX);
    Tc__JournalEntry *entry = arena_alloc(arena, sizeof *entry);
    if (!entry) return no_memory(err);
    tc__journal_entry__init(entry);
    entry->kind = text_of(head->kind);
    entry->reference = text_of(head->reference);
    entry->source_service = text_of(writer_own_service);
    entry->value_date = arena_text(arena, "%s", date_format(head->on, day));
    entry->posted_ms = settlement->poster->now_ms();
    entry->text = text_of(head->text);
    entry->form = LEDGER_FORM;
    entry->postings = arena_alloc(arena, (postings + 1) * sizeof *entry->postings);
    *out = entry;
    return entry->postings && entry->value_date ? E_OK : no_memory(err);
}

int money_line(Tc__JournalEntry *entry, arena_t *arena, const money_posting_t *line, err_t *err) {
    Tc__Posting *posting = arena_alloc(arena, sizeof *posting);
    if (!posting) return no_memory(err);
    tc__posting__init(posting);
    posting->account = arena_text(arena, "%s/%s", line->head, line->word);
    posting->fund = text_of(line->fund);
    posting->division = text_of(line->county);
    posting->party = text_of(line->party);
    posting->year = line->year;
    posting->amount_fen = line->amount;
    entry->postings[entry->n_postings++] = posting;
    return posting->account ? E_OK : no_memory(err);
}

int money_post(settlement_t *settlement, Tc__JournalEntry *entry, arena_t *arena, err_t *err) {
    const uint32_t partition = partition_of(entry->reference);
    return writer_write(settlement->writer, &entry, &partition, 1, arena, err);
}

int money_begin(settlement_t *settlement, arena_t *arena, err_t *err) {
    int rc = money_lock(settlement->ctx->store, arena, err);
    return rc ? rc : writer_ready(settlement->writer, err);
}

static int check_amount(fen_t amount, err_t *err) {
    if (amount != 0 && amount != INT64_MIN) return E_OK;
    return err_field(err, E_OUT_OF_RANGE, "amount", "an amount other than 0.00 was expected");
}

static int check_count(size_t count, err_t *err) {
    if (count >= 1 && count <= MONEY_LINES_MAX) return E_OK;
    return err_field(err, E_OUT_OF_RANGE, "lines", "a movement has 1 to %d lines", MONEY_LINES_MAX);
}

// ---- a movement

static int add_move_line(const settlement_t *settlement, Tc__JournalEntry *entry, const money_move_t *move, int from,
                         int to, const money_line_t *line, arena_t *arena, err_t *err) {
    const fund_rules_t *fund = settlement->policy->fund;
    const char *rule = "";
    int rc = check_amount(line->amount, err);
    if (!rc) rc = money_county(settlement, line->county, err);
    if (!rc) rc = allowed(settlement, line->fund, from, to, move->on, &rule, err);
    if (rc) return rc;
    entry->rule = text_of(rule);
    const money_posting_t debit = {.head = ledger_account_head(fund, to),
                                   .word = fund->accounts[to].name,
                                   .fund = line->fund,
                                   .county = line->county,
                                   .amount = line->amount};
    money_posting_t credit = debit;
    credit.head = ledger_account_head(fund, from), credit.word = fund->accounts[from].name;
    credit.amount = -line->amount;
    rc = money_line(entry, arena, &debit, err);
    if (!rc) rc = money_line(entry, arena, &credit, err);
    if (!rc) rc = fen_add(entry->total_fen, line->amount, &entry->total_fen);
    return rc == E_OUT_OF_RANGE ? err_field(err, rc, "amount", "the amounts overflow") : rc;
}

static int doubled(const money_line_t *lines, size_t count, err_t *err) {
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < i; j++)
            if (strcmp(lines[i].fund, lines[j].fund) == 0 && strcmp(lines[i].county, lines[j].county) == 0)
                return err_field(err, E_INVALID_FIELD, "lines", "%.40s %.12s stands here twice", lines[i].fund,
                                 lines[i].county);
    return E_OK;
}

// Everything but the writing.
int money_move_decide(settlement_t *settlement, const money_move_t *move, const char *but, arena_t *arena,
                      Tc__JournalEntry **out, err_t *err) {
    const fund_rules_t *fund;
    const money_head_t head = {kind_movement, move->reference, move->on, move->text};
    int from = 0, to = 0, rc = money_rules(settlement, &fund, err);
    if (!rc) rc = money_account(fund, "from", move->from, &from, err);
    if (!rc) rc = money_account(fund, "to", move->to, &to, err);
    if (!rc && from == to) rc = err_field(err, E_INVALID_FIELD, "to", "the money would stay where it is");
    if (!rc) rc = check_count(move->count, err);
    if (!rc) rc = doubled(move->lines, move->count, err);
    if (!rc) rc = money_entry(settlement, &head, move->count * 2, arena, out, err);
    for (size_t i = 0; i < move->count && !rc; i++)
        rc = add_move_line(settlement, *out, move, from, to, &move->lines[i], arena, err);
    return rc ? rc : money_limits(settlement, *out, but, arena, err);
}

int money_move(settlement_t *settlement, const money_move_t *move, arena_t *arena, Tc__JournalEntry **out, err_t *err) {
    int rc = money_begin(settlement, arena, err);
    if (!rc) rc = money_move_decide(settlement, move, NULL, arena, out, err);
    return rc ? rc : money_post(settlement, *out, arena, err);
}

int money_check(settlement_t *settlement, const money_move_t *move, err_t *err) {
    arena_t *arena = settlement->ctx->arena;
    const arena_mark_t mark = arena_mark(arena);
    Tc__JournalEntry *entry;
    int rc = money_move_decide(settlement, move, NULL, arena, &entry, err);
    arena_back(arena, &mark);
    return rc;
}

// ---- a payment to a facility

static int check_word(const char *layer, err_t *err) {
    size_t length = strlen(layer);
    if (length >= 1 && length <= LEDGER_WORD_MAX && strspn(layer, "abcdefghijklmnopqrstuvwxyz0123456789_") == length)
        return E_OK;
    return err_field(err, E_INVALID_FIELD, "layer", "layer cannot name an account");
}

static int add_payment_line(const settlement_t *settlement, Tc__JournalEntry *entry, const payment_t *payment, int from,
                            const payment_line_t *line, arena_t *arena, err_t *err) {
    const fund_rules_t *fund = settlement->policy->fund;
    const char *rule = "";
    int rc = check_amount(line->amount, err);
    if (!rc) rc = check_word(line->layer, err);
    if (!rc) rc = money_county(settlement, line->county, err);
    if (!rc) rc = allowed(settlement, line->fund, from, fund->books->pays_to, payment->on, &rule, err);
    if (rc) return rc;
    entry->rule = text_of(rule);
    const money_posting_t debit = {"payable",         line->layer, line->fund,  line->county,
                                   payment->facility, line->year,  line->amount};
    const money_posting_t credit = {
        "money", fund->accounts[from].name, line->fund, line->county, payment->facility, 0, -line->amount};
    rc = money_line(entry, arena, &debit, err);
    if (!rc) rc = money_line(entry, arena, &credit, err);
    if (!rc) rc = fen_add(entry->total_fen, line->amount, &entry->total_fen);
    return rc == E_OUT_OF_RANGE ? err_field(err, rc, "amount", "the amounts overflow") : rc;
}

// No fund and county gets back by a payment more than it pays.
static int check_payment(const payment_t *payment, err_t *err) {
    for (size_t i = 0; i < payment->count; i++) {
        const payment_line_t *line = &payment->lines[i];
        fen_t sum = 0;
        for (size_t j = 0; j < payment->count; j++)
            if (strcmp(payment->lines[j].fund, line->fund) == 0 &&
                strcmp(payment->lines[j].county, line->county) == 0 && fen_add(sum, payment->lines[j].amount, &sum))
                return err_field(err, E_OUT_OF_RANGE, "amount", "the amounts overflow");
        if (sum < 0)
            return err_field(err, E_OUT_OF_RANGE, "amount", "a payment of %.40s in %.12s is below zero", line->fund,
                             line->county);
    }
    return E_OK;
}

static int pay_decide(settlement_t *settlement, const payment_t *payment, arena_t *arena, Tc__JournalEntry **out,
                      err_t *err) {
    const fund_rules_t *fund;
    const money_head_t head = {kind_payment, payment->reference, payment->on, payment->text};
    int from = 0, rc = money_rules(settlement, &fund, err);
    if (!rc) from = fund->books->pays_from;
    if (!rc && payment->from) rc = money_account(fund, "from", payment->from, &from, err);
    if (!rc && !account_keeps_money(fund->accounts[from].kind))
        rc = err_field(err, E_INVALID_FIELD, "from", "%s holds no money of the fund", fund->accounts[from].name);
    if (!rc && name_check("facility", payment->facility, NULL))
        rc = err_field(err, E_INVALID_FIELD, "facility", "facility must be 1 to 64 of A-Z a-z 0-9 . _ : -");
    if (!rc) rc = check_count(payment->count, err);
    if (!rc) rc = check_payment(payment, err);
    if (!rc) rc = money_entry(settlement, &head, payment->count * 2, arena, out, err);
    if (!rc) (*out)->facility = text_of(payment->facility);
    for (size_t i = 0; i < payment->count && !rc; i++)
        rc = add_payment_line(settlement, *out, payment, from, &payment->lines[i], arena, err);
    return rc ? rc : money_limits(settlement, *out, NULL, arena, err);
}

int money_pay(settlement_t *settlement, const payment_t *payment, arena_t *arena, Tc__JournalEntry **out, err_t *err) {
    int rc = money_begin(settlement, arena, err);
    if (!rc) rc = pay_decide(settlement, payment, arena, out, err);
    return rc ? rc : money_post(settlement, *out, arena, err);
}

// ---- what there is

static int read_parts(settlement_t *settlement, const char *account, const char *county, arena_t *arena, rows_t *out,
                      err_t *err) {
    const fund_rules_t *fund;
    int place = 0, rc = money_rules(settlement, &fund, err);
    if (!rc) rc = money_account(fund, "account", account, &place, err);
    if (rc) return rc;
    const char *name = arena_text(arena, "%s/%s", ledger_account_head(fund, place), account);
    return name ? money_parts_read(settlement->ctx->store, name, county, arena, out, err) : no_memory(err);
}

int money_balance(settlement_t *settlement, const char *account, const char *fund, const char *county, fen_t *out,
                  err_t *err) {
    arena_t *arena = settlement->ctx->arena;
    const arena_mark_t mark = arena_mark(arena);
    rows_t rows;
    fen_t sum = 0;
    int rc = read_parts(settlement, account, county, arena, &rows, err);
    for (size_t i = 0; !rc && i < rows.count; i++)
        if ((!fund || strcmp(row_text(&rows, i, 0), fund) == 0) && fen_add(sum, row_i64(&rows, i, 2), &sum))
            rc = err_set(err, E_OUT_OF_RANGE, "a balance overflows");
    if (!rc) *out = sum;
    arena_back(arena, &mark);
    return rc;
}

int money_parts(settlement_t *settlement, const char *account, const char *county, arena_t *arena, money_part_t **out,
                size_t *count, err_t *err) {
    rows_t rows;
    int rc = read_parts(settlement, account, county, arena, &rows, err);
    if (rc) return rc;
    money_part_t *parts = arena_alloc(arena, (rows.count + 1) * sizeof *parts);
    if (!parts) return no_memory(err);
    for (size_t i = 0; i < rows.count; i++)
        parts[i] = (money_part_t){row_text(&rows, i, 0), row_text(&rows, i, 1), row_i64(&rows, i, 2)};
    *out = parts;
    *count = rows.count;
    return E_OK;
}
