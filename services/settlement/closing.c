// The year's end and what belongs to it: what accounts held before the pool, closing, interest by fund, gaps. A closing
// is counter-postings on every account of revenue and spending, with all their dimensions, against the surplus.
#include "common/policy/tables.h"
#include "common/base/crash.h"
#include "facts.h"
#include "fund_rules.h"
#include "gap.h"
#include "interest.h"
#include "ledger.h"
#include "money.h"
#include "money_post.h"
#include "tasks.h"
#include <stdio.h>
#include <string.h>

enum { CLOSING_LINES = 500, INTEREST_DAYS_MAX = 1100 };
static const char surplus_word[] = "accumulated", surplus_account[] = "surplus/accumulated";

static int no_memory(err_t *err) { return err_set(err, E_IO, "out of memory for the closing"); }
static int overflow(err_t *err) { return err_field(err, E_OUT_OF_RANGE, "amount", "the amounts overflow"); }

// ---- before the pool

int closing_open_balance(void *self, const request_t *request, const ProtobufCMessage *message,
                         ProtobufCMessage **reply, err_t *err) {
    settlement_t *settlement = self;
    const Tc__OpenBalance *ask = (const Tc__OpenBalance *)message;
    arena_t *arena = settlement->ctx->arena;
    money_head_t head = {"opening", ask->reference, DATE_NONE, ask->text};
    Tc__JournalEntry *entry = NULL;
    const fund_rules_t *rules;
    int account, fund;
    (void)request;
    int rc = money_rules(settlement, &rules, err);
    if (!rc) rc = money_account(rules, "account", ask->account, &account, err);
    if (!rc && !account_keeps_money(rules->accounts[account].kind))
        rc = err_field(err, E_INVALID_FIELD, "account", "%s holds no money of the fund", ask->account);
    if (!rc) rc = money_fund(rules, ask->fund, &fund, err);
    if (!rc && (rules->accounts[account].holder == HOLDER_COUNTY) != (*ask->county != 0))
        rc = err_field(err, E_INVALID_FIELD, "county", "an account that counties hold has a county, another has none");
    if (!rc) rc = money_county(settlement, ask->county, err);
    if (!rc && ask->amount_fen <= 0) rc = err_field(err, E_OUT_OF_RANGE, "amount", "an amount above 0 was expected");
    if (!rc && !*ask->text) rc = err_field(err, E_MISSING_FIELD, "text", "the paper that says so is missing");
    if (!rc) rc = tasks_day("on", ask->on, &head.on, err);
    if (!rc) rc = money_begin(settlement, arena, err);
    if (!rc) rc = money_entry(settlement, &head, 2, arena, &entry, err);
    if (rc) return rc;
    const money_posting_t debit = {"money", ask->account, ask->fund, ask->county, "", 0, ask->amount_fen},
                          credit = {"surplus", "opening", ask->fund, ask->county, "", 0, -ask->amount_fen};
    entry->rule = (char *)(uintptr_t)rules->accounts[account].rule;
    entry->total_fen = ask->amount_fen;
    rc = money_line(entry, arena, &debit, err);
    if (!rc) rc = money_line(entry, arena, &credit, err);
    *reply = &entry->base;
    return rc ? rc : money_post(settlement, entry, arena, err);
}

// ---- closing

typedef struct closing {
    settlement_t *settlement;
    arena_t *arena;
    const Tc__CloseYear *ask;
    date_t last;
    Tc__YearClosed *to;
    fact_sum_t *surplus; // before
    size_t surplus_count;
} closing_t;

static bool same_group(const fact_sum_t *a, const fact_sum_t *b) {
    return strcmp(a->fund, b->fund) == 0 && strcmp(a->county, b->county) == 0;
}

static int add_row(closing_t *c, const fact_sum_t *sums, size_t first, size_t end, err_t *err) {
    Tc__YearClosed__Row *row = arena_alloc(c->arena, sizeof *row);
    if (!row) return no_memory(err);
    tc__year_closed__row__init(row);
    row->fund = (char *)sums[first].fund, row->county = (char *)sums[first].county;
    for (size_t i = first; i < end; i++) {
        const bool spent = facts_is_spending(sums[i].account);
        fen_t *to = spent ? &row->spending_fen : &row->revenue_fen;
        if (fen_add(*to, spent ? sums[i].amount : -sums[i].amount, to)) return overflow(err);
    }
    if (fen_sub(row->revenue_fen, row->spending_fen, &row->result_fen)) return overflow(err);
    row->accumulated_fen = row->result_fen;
    for (size_t i = 0; i < c->surplus_count; i++)
        if (same_group(&c->surplus[i], &sums[first]) &&
            fen_sub(row->accumulated_fen, c->surplus[i].amount, &row->accumulated_fen))
            return overflow(err);
    c->to->rows[c->to->n_rows++] = row;
    return E_OK;
}

// Turns the sums round on their own accounts and carries the difference to the surplus.
static int post_group(closing_t *c, const fact_sum_t *sums, size_t first, size_t end, const char *reference,
                      err_t *err) {
    const money_head_t head = {"closing", reference, c->last, c->ask->text};
    Tc__JournalEntry *entry;
    fen_t sum = 0;
    int rc = money_entry(c->settlement, &head, end - first + 1, c->arena, &entry, err);
    for (size_t i = first; !rc && i < end; i++) {
        const char *slash = strchr(sums[i].account, '/');
        CHECK(slash != NULL);
        const money_posting_t line = {arena_text(c->arena, "%.*s", (int)(slash - sums[i].account), sums[i].account),
                                      slash + 1,
                                      sums[i].fund,
                                      sums[i].county,
                                      "",
                                      sums[i].year,
                                      -sums[i].amount};
        if (!line.head || fen_add(sum, sums[i].amount, &sum)) return line.head ? overflow(err) : no_memory(err);
        rc = money_line(entry, c->arena, &line, err);
        if (!rc) entry->postings[entry->n_postings - 1]->identity = (char *)sums[i].identity;
    }
    const money_posting_t carried = {"surplus", surplus_word, sums[first].fund, sums[first].county, "", 0, sum};
    if (!rc && sum) rc = money_line(entry, c->arena, &carried, err);
    if (rc) return rc;
    entry->total_fen = sum < 0 ? -sum : sum;
    c->to->entries++;
    return money_post(c->settlement, entry, c->arena, err);
}

// Entries are named by the year and a number that goes on from closing to closing.
static int entries_so_far(closing_t *c, int64_t *out, err_t *err) {
    const char *pattern = arena_text(c->arena, "close.%lld.%%", (long long)c->ask->year);
    const cell_t params[] = {cell_text(pattern)};
    rows_t rows;
    if (!pattern) return no_memory(err);
    int rc = store_query(c->settlement->ctx->store,
                         "SELECT COUNT(*) FROM journal WHERE kind = 'closing' AND reference LIKE $1", params, 1,
                         c->arena, &rows, err);
    if (!rc) *out = row_i64(&rows, 0, 0);
    return rc;
}

static int close_groups(closing_t *c, const fact_sum_t *sums, size_t count, err_t *err) {
    int64_t number = 0;
    int rc = c->ask->dry ? E_OK : entries_so_far(c, &number, err);
    for (size_t first = 0, end = 0; !rc && first < count; first = end) {
        if (first) CRASH_POINT("closing_between_counties");
        while (end < count && same_group(&sums[first], &sums[end])) end++;
        rc = add_row(c, sums, first, end, err);
        for (size_t i = first; !rc && !c->ask->dry && i < end; i += CLOSING_LINES) {
            const char *reference =
                arena_text(c->arena, "close.%lld.%lld", (long long)c->ask->year, (long long)++number);
            const size_t stop = end - i > CLOSING_LINES ? i + CLOSING_LINES : end;
            rc = reference ? post_group(c, sums, i, stop, reference, err) : no_memory(err);
        }
    }
    return rc;
}

int closing_close_year(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                       err_t *err) {
    settlement_t *settlement = self;
    closing_t c = {.settlement = settlement, .arena = settlement->ctx->arena, .ask = (const Tc__CloseYear *)message};
    const fund_rules_t *rules;
    fact_sum_t *sums;
    size_t count = 0;
    char day[DATE_TEXT_MAX];
    (void)request;
    int rc = money_rules(settlement, &rules, err);
    if (!rc && (c.ask->year < 1900 || c.ask->year > 2199))
        rc = err_field(err, E_INVALID_FIELD, "year", "a year was expected");
    if (rc) return rc;
    c.last = date_make((int)c.ask->year, 12, 31);
    if (c.last >= date_of_ms(clock_now_ms()))
        return err_field(err, E_OUT_OF_RANGE, "year", "the year %lld is not over", (long long)c.ask->year);
    c.to = arena_alloc(c.arena, sizeof *c.to);
    if (!c.to) return no_memory(err);
    tc__year_closed__init(c.to);
    c.to->year = c.ask->year, c.to->dry = c.ask->dry;
    rc = money_begin(settlement, c.arena, err);
    if (!rc) rc = facts_unclosed(settlement->ctx->store, date_format(c.last, day), c.arena, &sums, &count, err);
    if (!rc) rc = facts_balances(settlement->ctx->store, "surplus/", c.arena, &c.surplus, &c.surplus_count, err);
    c.to->rows = rc ? NULL : arena_alloc(c.arena, (count + 1) * sizeof *c.to->rows);
    if (!rc && !c.to->rows) rc = no_memory(err);
    if (!rc) rc = close_groups(&c, sums, count, err);
    *reply = &c.to->base;
    return rc;
}

// ---- interest

// The balance of each fund day by day, from the changes.
static int ledgers_of(const fact_sum_t *days, size_t count, date_t from, arena_t *arena, interest_ledger_t *ledgers,
                      size_t room, size_t *out, err_t *err) {
    *out = 0;
    for (size_t i = 0; i < count;) {
        interest_balance_t *balances = arena_alloc(arena, INTEREST_DAYS_MAX * sizeof *balances);
        size_t n = 1;
        const size_t first = i;
        if (!balances) return no_memory(err);
        if (*out == room) return err_set(err, E_TOO_LARGE, "more than %zu funds", room);
        balances[0] = (interest_balance_t){from, 0};
        for (; i < count && strcmp(days[i].fund, days[first].fund) == 0; i++) {
            date_t day;
            const fen_t before = balances[n - 1].amount;
            if (date_parse(days[i].account, &day)) return err_set(err, E_STORE, "a value date is none");
            if (day > from && n == INTEREST_DAYS_MAX) return err_set(err, E_TOO_LARGE, "too many days");
            if (day > from) balances[n++] = (interest_balance_t){day, before};
            if (fen_add(before, days[i].amount, &balances[n - 1].amount)) return overflow(err);
        }
        for (size_t k = 0; k < n; k++)
            if (balances[k].amount < 0) balances[k].amount = 0; // a fund that others lent to earns nothing
        ledgers[(*out)++] = (interest_ledger_t){.name = days[first].fund, .balances = balances, .balance_count = n};
    }
    return E_OK;
}

static int post_interest(settlement_t *settlement, const Tc__ShareInterest *ask, date_t on,
                         const interest_ledger_t *ledgers, size_t count, err_t *err) {
    arena_t *arena = settlement->ctx->arena;
    money_line_t *lines = arena_alloc(arena, (count + 1) * sizeof *lines);
    Tc__JournalEntry *entry;
    size_t n = 0;
    if (!lines) return no_memory(err);
    for (size_t i = 0; i < count; i++)
        if (ledgers[i].interest) lines[n++] = (money_line_t){ledgers[i].name, "", ledgers[i].interest};
    const money_move_t move = {ask->reference, ask->bank, ask->account, lines, n, on, ask->text};
    return ask->dry ? money_check(settlement, &move, err) : money_move(settlement, &move, arena, &entry, err);
}

static int interest_rows(const interest_ledger_t *ledgers, size_t count, int64_t days, arena_t *arena,
                         Tc__InterestShared *to, err_t *err) {
    to->rows = arena_alloc(arena, (count + 1) * sizeof *to->rows);
    if (!to->rows) return no_memory(err);
    for (size_t i = 0; i < count; i++) {
        Tc__InterestShared__Row *row = to->rows[to->n_rows++] = arena_alloc(arena, sizeof *row);
        if (!row) return no_memory(err);
        tc__interest_shared__row__init(row);
        row->fund = (char *)ledgers[i].name;
        row->amount_fen = ledgers[i].interest;
        row->average_fen = (fen_t)(ledgers[i].weight / days);
    }
    return E_OK;
}

int closing_share_interest(void *self, const request_t *request, const ProtobufCMessage *message,
                           ProtobufCMessage **reply, err_t *err) {
    settlement_t *settlement = self;
    const Tc__ShareInterest *ask = (const Tc__ShareInterest *)message;
    arena_t *arena = settlement->ctx->arena;
    interest_ledger_t ledgers[FUNDS_MAX + 1] = {0};
    const fund_rules_t *rules;
    fact_sum_t *days;
    size_t count = 0, n = 0;
    date_t from, to, on;
    int account;
    (void)request;
    int rc = money_rules(settlement, &rules, err);
    if (!rc) rc = money_account(rules, "account", ask->account, &account, err);
    if (!rc && (date_parse(ask->from, &from) || date_parse(ask->to, &to) || to < from))
        rc = err_field(err, E_INVALID_FIELD, "from", "from and to: two days were expected, the earlier one first");
    if (!rc && ask->amount_fen <= 0) rc = err_field(err, E_OUT_OF_RANGE, "amount", "an amount above 0 was expected");
    if (!rc) rc = tasks_day("on", ask->on, &on, err);
    if (!rc)
        rc = facts_days(settlement->ctx->store, arena_text(arena, "money/%s", ask->account), ask->to, arena, &days,
                        &count, err);
    if (!rc) rc = ledgers_of(days, count, from, arena, ledgers, COUNT_OF(ledgers), &n, err);
    if (!rc) rc = interest_share(settlement->policy, from, to, ask->amount_fen, ledgers, n, err);
    Tc__InterestShared *shared = rc ? NULL : arena_alloc(arena, sizeof *shared);
    if (rc) return rc;
    if (!shared) return no_memory(err);
    tc__interest_shared__init(shared);
    shared->reference = ask->reference, shared->dry = ask->dry;
    *reply = &shared->base;
    rc = interest_rows(ledgers, n, to - from + 1, arena, shared, err);
    return rc ? rc : post_interest(settlement, ask, on, ledgers, n, err);
}

// ---- gaps

static const char *const take_names[GAP_TAKE__COUNT] = {[GAP_ACCUMULATED] = "accumulated",
                                                        [GAP_COUNTY_CAUSED] = "county_caused",
                                                        [GAP_RESERVE] = "reserve",
                                                        [GAP_SHARED] = "shared"};

static int add_taken(Tc__GapAssessed *to, const char *name, fen_t amount, arena_t *arena, err_t *err) {
    Tc__GapAssessed__Row *row = arena_alloc(arena, sizeof *row);
    if (!row) return no_memory(err);
    tc__gap_assessed__row__init(row);
    row->name = (char *)name, row->amount_fen = amount;
    to->taken[to->n_taken++] = row;
    return E_OK;
}

static int tell_gap(const gap_cover_t *cover, const gap_rules_t *gap, Tc__GapAssessed *to, arena_t *arena, err_t *err) {
    int rc = E_OK;
    to->taken = arena_alloc(arena, (gap->layer_count + 3) * sizeof *to->taken);
    if (!to->taken) return no_memory(err);
    for (uint32_t i = 0; !rc && i < gap->layer_count; i++)
        if (gap->layers[i].take != GAP_ACTION)
            rc = add_taken(to, take_names[gap->layers[i].take], cover->taken[gap->layers[i].take], arena, err);
    if (!rc && cover->taken[GAP_SHARED]) rc = add_taken(to, "shared_city", cover->city, arena, err);
    if (!rc && cover->taken[GAP_SHARED]) rc = add_taken(to, "shared_county", cover->county, arena, err);
    to->deficit_fen = cover->deficit, to->residual_fen = cover->residual;
    to->action = (char *)(cover->action ? gap_action_name(cover->action) : "");
    to->answers_for_fen = cover->answers_for, to->open_fen = cover->open;
    return rc;
}

static int year_of_fund(settlement_t *settlement, const Tc__AssessGap *ask, gap_case_t *c, err_t *err) {
    service_ctx_t *ctx = settlement->ctx;
    char from[DATE_TEXT_MAX], to[DATE_TEXT_MAX];
    fact_sum_t *sums;
    size_t count;
    date_format(date_make((int)ask->year, 1, 1), from);
    date_format(c->on, to);
    int rc = facts_flows(ctx->store, from, to, ctx->arena, &sums, &count, err);
    for (size_t i = 0; !rc && i < count; i++) {
        const bool spent = facts_is_spending(sums[i].account);
        fen_t *sum = spent ? &c->expense : &c->revenue;
        if (strcmp(sums[i].fund, ask->fund) == 0 && fen_add(*sum, spent ? sums[i].amount : -sums[i].amount, sum))
            rc = overflow(err);
    }
    if (!rc) rc = facts_balances(ctx->store, "surplus/", ctx->arena, &sums, &count, err);
    for (size_t i = 0; !rc && i < count; i++)
        if (strcmp(sums[i].fund, ask->fund) == 0 && fen_sub(c->accumulated, sums[i].amount, &c->accumulated))
            rc = overflow(err);
    return rc;
}

// What the year itself was closed with is not from before it.
static int closed_with(settlement_t *settlement, const Tc__AssessGap *ask, fen_t *out, err_t *err) {
    const char *pattern = arena_text(settlement->ctx->arena, "close.%lld.%%", (long long)ask->year);
    const cell_t params[] = {cell_text(ask->fund), cell_text(pattern), cell_text(surplus_account)};
    rows_t rows;
    if (!pattern) return no_memory(err);
    int rc = store_query(settlement->ctx->store,
                         "SELECT CAST(COALESCE(-SUM(p.amount_fen), 0) AS BIGINT) FROM journal j JOIN posting p"
                         " ON p.partition = j.partition AND p.number = j.number WHERE j.kind = 'closing'"
                         " AND j.reference LIKE $2 AND p.account = $3 AND p.fund = $1",
                         params, COUNT_OF(params), settlement->ctx->arena, &rows, err);
    if (!rc) *out = row_i64(&rows, 0, 0);
    return rc;
}

int closing_assess_gap(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                       err_t *err) {
    settlement_t *settlement = self;
    const Tc__AssessGap *ask = (const Tc__AssessGap *)message;
    arena_t *arena = settlement->ctx->arena;
    const fund_rules_t *rules;
    fen_t closed = 0;
    (void)request;
    int rc = tasks_rules(settlement, &rules, err);
    if (!rc) rc = tasks_fund(rules, ask->fund, err);
    if (!rc && (ask->year < 1900 || ask->year > 2199))
        rc = err_field(err, E_INVALID_FIELD, "year", "a year was expected");
    if (rc) return rc;
    gap_case_t c = {.reserve = ask->reserve_fen,
                    .on = date_make((int)ask->year, 12, 31),
                    .has_county = *ask->county != 0,
                    .county = {ask->subsidy_due_fen, ask->subsidy_received_fen, ask->policy_due_fen,
                               ask->policy_charged_fen, ask->other_fen, ask->topped_up_fen, ask->pursued_fen}};
    gap_cover_t cover;
    rc = tasks_county(settlement, ask->county, err);
    if (!rc) rc = year_of_fund(settlement, ask, &c, err);
    if (!rc) rc = closed_with(settlement, ask, &closed, err);
    if (!rc && fen_sub(c.accumulated, closed, &c.accumulated)) rc = overflow(err);
    const fen_t accumulated = c.accumulated;
    if (c.accumulated < 0) c.accumulated = 0; // covers nothing
    if (!rc) rc = gap_cover(settlement->policy, &c, &cover, err);
    Tc__GapAssessed *to = rc ? NULL : arena_alloc(arena, sizeof *to);
    if (rc) return rc;
    if (!to) return no_memory(err);
    tc__gap_assessed__init(to);
    to->year = ask->year, to->fund = ask->fund, to->revenue_fen = c.revenue, to->spending_fen = c.expense;
    to->accumulated_fen = accumulated;
    *reply = &to->base;
    return tell_gap(&cover, settlement->policy->gap, to, arena, err);
}
