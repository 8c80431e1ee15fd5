#include "statement_sheet.h"
#include "common/base/crash.h"
#include "common/base/hash.h"
#include "common/policy/fund.h"
#include "common/policy/tables.h"
#include "direct.h"
#include "dues_store.h"
#include "fund_rules.h"
#include "money_post.h"
#include "statement_digest.h"
#include "tell.h"
#include <string.h>

enum { LINES_PAGE = 4096 };

static int no_memory(err_t *err) { return err_set(err, E_IO, "out of memory for a statement"); }

char *statement_month_text(int64_t month, arena_t *arena) {
    char text[DATE_TEXT_MAX];
    return arena_text(arena, "%s", month_format((month_t)month, text));
}

// ---- reading

int statement_amounts(const rows_t *rows, size_t column, bool lines, arena_t *arena, dues_list_t *out, err_t *err) {
    dues_amount_t *amounts = arena_alloc(arena, (rows->count + 1) * sizeof *amounts);
    if (!amounts) return no_memory(err);
    for (size_t i = 0; i < rows->count; i++)
        amounts[i] = (dues_amount_t){.key = {row_text(rows, i, column), row_text(rows, i, column + 1),
                                             row_text(rows, i, column + 2), (int32_t)row_i64(rows, i, column + 3)},
                                     .amount = row_i64(rows, i, column + 4),
                                     .lines = lines ? row_i64(rows, i, column + 5) : 0};
    *out = (dues_list_t){amounts, rows->count};
    return 0;
}

bool statement_pays(const settlement_t *settlement, const char *fund, date_t on) {
    const fund_rules_t *rules;
    fund_verdict_t verdict;
    int place;
    if (money_rules(settlement, &rules, NULL)) return true;
    if (money_fund(rules, fund, &place, NULL)) return false;
    if (on < rules->from) on = rules->from;
    return fund_movement(settlement->policy, place, rules->books->pays_from, place, rules->books->pays_to, on, &verdict,
                         NULL) == 0 &&
           verdict.allowed;
}

static int hold_by_city(const settlement_t *settlement, date_t on, rate_t *out, err_t *err) {
    int64_t value = 0;
    err_t why = {0};
    *out = 0;
    int rc =
        settlement->policy ? policy_parameter(settlement->policy, "quality_hold", on, &value, &why) : E_UNSUPPORTED;
    if (rc == E_UNSUPPORTED || rc == E_NOT_IN_FORCE) return 0;
    if (!rc && (value < 0 || value > RATE_ONE)) return err_set(err, E_POLICY, "quality_hold is no share");
    if (rc) return err_field(err, rc, why.field, "%s", why.text);
    *out = (rate_t)value;
    return 0;
}

int statement_terms_read(settlement_t *settlement, const char *facility, int year, date_t on, statement_terms_t *out,
                         err_t *err) {
    service_ctx_t *ctx = settlement->ctx;
    rows_t found;
    *out = (statement_terms_t){.paper = "", .by = ""};
    int rc = dues_terms_find(ctx->store, facility, year, ctx->arena, &found, err);
    if (rc) return rc;
    int64_t hold = HOLD_BY_CITY;
    if (found.count) {
        hold = row_i64(&found, 0, 0);
        *out = (statement_terms_t){.warn = (rate_t)row_i64(&found, 0, 2),
                                   .budget = row_i64(&found, 0, 1),
                                   .paper = row_text(&found, 0, 3),
                                   .by = row_text(&found, 0, 4),
                                   .found = true};
    }
    if (hold == HOLD_BY_CITY) return hold_by_city(settlement, on, &out->hold, err);
    out->hold = (rate_t)hold;
    return 0;
}

typedef struct gather {
    settlement_t *settlement;
    statement_sheet_t *made;
    dues_input_t in;
    err_t *err;
} gather_t;

static int read_bills(gather_t *r) {
    service_ctx_t *ctx = r->settlement->ctx;
    statement_sheet_t *made = r->made;
    rows_t found;
    dues_list_t all;
    int rc =
        dues_sums(ctx->store, made->facility, made->since, made->month, DUES_PARTS_MAX * 2, ctx->arena, &found, r->err);
    if (!rc) rc = statement_amounts(&found, 0, true, ctx->arena, &all, r->err);
    if (rc) return rc;
    dues_amount_t *ours = arena_alloc(ctx->arena, (all.count + 1) * sizeof *ours);
    dues_amount_t *others = arena_alloc(ctx->arena, (all.count + 1) * sizeof *others);
    if (!ours || !others) return no_memory(r->err);
    r->in.bills.amounts = ours;
    made->others.amounts = others;
    for (size_t i = 0; i < all.count; i++) {
        if (statement_pays(r->settlement, all.amounts[i].key.fund, month_last(made->month)))
            ours[r->in.bills.count++] = all.amounts[i];
        else
            others[made->others.count++] = all.amounts[i];
    }
    return 0;
}

// The statement before: what it carried, and what the year came to.
static int read_before(gather_t *r) {
    service_ctx_t *ctx = r->settlement->ctx;
    statement_sheet_t *made = r->made;
    rows_t found;
    if (made->before == 0) return 0;
    int rc = dues_carried(ctx->store, made->facility, made->before, ctx->arena, &found, r->err);
    if (!rc) rc = statement_amounts(&found, 0, false, ctx->arena, &r->in.brought, r->err);
    if (!rc) rc = dues_statement_before(ctx->store, made->facility, made->month, ctx->arena, &found, r->err);
    if (rc) return rc;
    r->in.brought_from = statement_month_text(made->before, ctx->arena);
    if (!r->in.brought_from) return no_memory(r->err);
    if (found.count && month_year((month_t)row_i64(&found, 0, 0)) == month_year(made->month))
        made->used = row_i64(&found, 0, 1);
    return 0;
}

// Rows that begin with the index of their key, as a list for each key.
static int lists_of(const rows_t *found, size_t keys, arena_t *arena, dues_list_t **out, err_t *err) {
    dues_list_t all, *lists = arena_alloc(arena, (keys + 1) * sizeof *lists);
    if (!lists) return no_memory(err);
    int rc = statement_amounts(found, 1, false, arena, &all, err);
    if (rc) return rc;
    for (size_t i = 0; i < found->count; i++) {
        dues_list_t *list = &lists[row_i64(found, i, 0)];
        if (!list->count) list->amounts = &all.amounts[i];
        list->count++;
    }
    *out = lists;
    return 0;
}

// Of a bill, what funds that do not pay from the pool paid is not ours to take back.
static size_t keep_ours(const settlement_t *settlement, dues_list_t *list, date_t on, arena_t *arena) {
    dues_amount_t *kept = arena_alloc(arena, (list->count + 1) * sizeof *kept);
    size_t count = 0;
    for (size_t i = 0; kept && i < list->count; i++)
        if (statement_pays(settlement, list->amounts[i].key.fund, on)) kept[count++] = list->amounts[i];
    list->amounts = kept;
    return list->count = count;
}

static int recovery_keys(const gather_t *r, const rows_t *bills, rows_t *sums, rows_t *taken) {
    for (size_t i = 0; i < bills->count; i++) {
        cell_t *sum = rows_add(sums), *took = rows_add(taken);
        if (!sum || !took) return no_memory(r->err);
        sum[0] = took[0] = cell_text(r->made->facility);
        sum[1] = cell_i64(r->made->month);
        sum[2] = took[1] = cell_text(row_text(bills, i, 0));
    }
    return 0;
}

static int read_recoveries(gather_t *r) {
    service_ctx_t *ctx = r->settlement->ctx;
    rows_t bills, sum_keys, taken_keys, sums, taken;
    dues_list_t *paid, *took;
    int rc = dues_recoveries(ctx->store, r->made->facility, NULL, DUES_RECOVERIES_MAX + 1, ctx->arena, &bills, r->err);
    if (rc || !bills.count) return rc;
    rows_init(&sum_keys, ctx->arena, 3);
    rows_init(&taken_keys, ctx->arena, 2);
    rc = recovery_keys(r, &bills, &sum_keys, &taken_keys);
    if (!rc) rc = dues_bill_sums(ctx->store, &sum_keys, ctx->arena, &sums, r->err);
    if (!rc) rc = dues_taken(ctx->store, &taken_keys, ctx->arena, &taken, r->err);
    if (!rc) rc = lists_of(&sums, bills.count, ctx->arena, &paid, r->err);
    if (!rc) rc = lists_of(&taken, bills.count, ctx->arena, &took, r->err);
    dues_recovery_t *recoveries = rc ? NULL : arena_alloc(ctx->arena, bills.count * sizeof *recoveries);
    if (!recoveries) return rc ? rc : no_memory(r->err);
    for (size_t i = 0; i < bills.count; i++) {
        keep_ours(r->settlement, &paid[i], month_last(r->made->month), ctx->arena);
        recoveries[i] = (dues_recovery_t){row_text(&bills, i, 0), row_i64(&bills, i, 1), paid[i], took[i]};
    }
    r->in.recoveries = recoveries;
    r->in.recovery_count = bills.count;
    return 0;
}

static int read_claims(gather_t *r) {
    service_ctx_t *ctx = r->settlement->ctx;
    rows_t found, held;
    int rc = dues_claims_open(ctx->store, r->made->facility, DUES_CLAIMS_MAX + 1, ctx->arena, &found, r->err);
    dues_claim_t *claims = rc ? NULL : arena_alloc(ctx->arena, (found.count + 1) * sizeof *claims);
    if (!claims) return rc ? rc : no_memory(r->err);
    for (size_t i = 0; i < found.count && !rc; i++) {
        claims[i] = (dues_claim_t){.reference = row_text(&found, i, 0),
                                   .kind = (dues_claim_kind_t)row_i64(&found, i, 1),
                                   .held_reference = row_text(&found, i, 2),
                                   .fund = row_text(&found, i, 3),
                                   .layer = row_text(&found, i, 4),
                                   .amount = row_i64(&found, i, 5),
                                   .hold = row_i64(&found, i, 6),
                                   .share = (rate_t)row_i64(&found, i, 7)};
        if (claims[i].kind != DUES_EVALUATION) continue;
        rc = dues_held(ctx->store, r->made->facility, claims[i].held_reference, ctx->arena, &held, r->err);
        if (!rc) rc = statement_amounts(&held, 0, false, ctx->arena, &claims[i].held, r->err);
    }
    r->in.claims = claims;
    r->in.claim_count = found.count;
    return rc;
}

// Nothing more is held back for a year that is evaluated: nobody would release it.
static int evaluated(const gather_t *r, bool *out) {
    service_ctx_t *ctx = r->settlement->ctx;
    rows_t found;
    int rc = dues_claim_find(ctx->store, r->made->facility, r->in.hold_reference, ctx->arena, &found, r->err);
    *out = !rc && found.count > 0;
    return rc;
}

static int read_terms(gather_t *r) {
    statement_terms_t terms;
    bool done;
    statement_sheet_t *made = r->made;
    const int year = month_year(made->month);
    int rc = statement_terms_read(r->settlement, made->facility, year, month_last(made->month), &terms, r->err);
    if (rc) return rc;
    made->warn = terms.warn, made->budget = terms.budget;
    r->in.year = year;
    r->in.hold_reference = arena_text(r->settlement->ctx->arena, "quality:%d", year);
    if (!r->in.hold_reference) return no_memory(r->err);
    rc = evaluated(r, &done);
    if (!rc && !done) made->hold = r->in.hold = terms.hold;
    return rc;
}

// Which months it takes: those after the statement before.
static int find_span(gather_t *r) {
    service_ctx_t *ctx = r->settlement->ctx;
    statement_sheet_t *made = r->made;
    char text[DATE_TEXT_MAX];
    rows_t key, found;
    rows_init(&key, ctx->arena, 1);
    cell_t *row = rows_add(&key);
    if (!row) return no_memory(r->err);
    row[0] = cell_text(made->facility);
    int rc = dues_drawn(ctx->store, &key, ctx->arena, &found, r->err);
    if (rc) return rc;
    made->before = found.count ? (month_t)row_i64(&found, 0, 1) : 0;
    made->since = made->before + 1;
    if (made->before < made->month) return 0;
    return err_field(r->err, E_EXISTS, "month", "the statements of this facility are drawn up to %s",
                     month_format(made->before, text));
}

// The year so far: bills − recovered + clearing.
static int add_used(statement_sheet_t *made, err_t *err) {
    const dues_part_t *total = &made->sheet->total;
    int rc = fen_add(made->used, total->bills, &made->used);
    if (!rc) rc = fen_sub(made->used, total->of[DUES_RECOVERED], &made->used);
    if (!rc) rc = fen_add(made->used, total->of[DUES_ADDED], &made->used);
    return rc ? err_field(err, rc, "amount", "the year's sum overflows") : 0;
}

int statement_sheet_make(settlement_t *settlement, const char *facility, month_t month, statement_sheet_t **out,
                         err_t *err) {
    arena_t *arena = settlement->ctx->arena;
    statement_sheet_t *made = arena_alloc(arena, sizeof *made);
    if (!made || !(made->sheet = arena_alloc(arena, sizeof *made->sheet))) return no_memory(err);
    made->facility = facility;
    made->month = month;
    gather_t r = {.settlement = settlement, .made = made, .err = err};
    int rc = find_span(&r);
    if (!rc) rc = read_bills(&r);
    if (!rc) rc = read_before(&r);
    if (!rc) rc = read_recoveries(&r);
    if (!rc) rc = read_claims(&r);
    if (!rc) rc = read_terms(&r);
    if (!rc) rc = dues_draw(&r.in, arena, made->sheet, err);
    if (!rc) rc = add_used(made, err);
    made->empty = !made->sheet->part_count && !made->others.count && !r.in.claim_count;
    if (!rc) *out = made;
    return rc;
}

// ---- the message

static Tc__StatementPart *part_message(const dues_part_t *part, arena_t *arena) {
    Tc__StatementPart *said = arena_alloc(arena, sizeof *said);
    if (!said) return NULL;
    tc__statement_part__init(said);
    said->layer = (char *)part->key.layer, said->fund = (char *)part->key.fund;
    said->county = (char *)part->key.county, said->year = part->key.year;
    said->lines = part->lines;
    said->bills_fen = part->bills;
    said->brought_fen = part->of[DUES_BROUGHT], said->held_fen = part->of[DUES_HELD];
    said->recovered_fen = part->of[DUES_RECOVERED], said->released_fen = part->of[DUES_RELEASED];
    said->clearing_fen = part->of[DUES_ADDED], said->carried_fen = part->of[DUES_CARRIED];
    said->forfeited_fen = part->of[DUES_FORFEITED];
    said->pay_fen = part->pay;
    return said;
}

static int add_parts(const statement_sheet_t *sheet, Tc__FacilityStatement *said, arena_t *arena, err_t *err) {
    said->parts = arena_alloc(arena, (sheet->sheet->part_count + 1) * sizeof *said->parts);
    said->others = arena_alloc(arena, (sheet->others.count + 1) * sizeof *said->others);
    said->total = part_message(&sheet->sheet->total, arena);
    if (!said->parts || !said->others || !said->total) return no_memory(err);
    for (size_t i = 0; i < sheet->sheet->part_count; i++) {
        said->parts[said->n_parts] = part_message(&sheet->sheet->parts[i], arena);
        if (!said->parts[said->n_parts++]) return no_memory(err);
    }
    for (size_t i = 0; i < sheet->others.count; i++) {
        const dues_amount_t *other = &sheet->others.amounts[i];
        const dues_part_t part = {.key = other->key, .lines = other->lines, .bills = other->amount};
        said->others[said->n_others] = part_message(&part, arena);
        if (!said->others[said->n_others++]) return no_memory(err);
    }
    return 0;
}

static bool over(const statement_sheet_t *sheet) {
    return sheet->budget > 0 && sheet->warn > 0 &&
           (wide_t)sheet->used * RATE_ONE >= (wide_t)sheet->budget * sheet->warn;
}

int statement_sheet_message(const settlement_t *settlement, const statement_sheet_t *sheet, Tc__FacilityStatement **out,
                            err_t *err) {
    arena_t *arena = settlement->ctx->arena;
    Tc__FacilityStatement *said = arena_alloc(arena, sizeof *said);
    if (!said) return no_memory(err);
    tc__facility_statement__init(said);
    said->facility = (char *)sheet->facility;
    said->state = (char *)"open";
    said->month = statement_month_text(sheet->month, arena);
    said->since = sheet->before ? statement_month_text(sheet->since, arena) : (char *)"";
    said->hold_ppm = sheet->hold, said->warn_ppm = sheet->warn;
    said->budget_fen = sheet->budget, said->year_fen = sheet->used;
    said->warned = over(sheet);
    *out = said;
    return said->month && said->since ? add_parts(sheet, said, arena, err) : no_memory(err);
}

// ---- freezing

// Each line is chained to those before it, so that order and number count too.
static int digest_lines(settlement_t *settlement, const statement_sheet_t *sheet, statement_digest_t *digest,
                        err_t *err) {
    service_ctx_t *ctx = settlement->ctx;
    dues_place_t after = {.month = sheet->since - 1, .partition = INT64_MAX, .number = 0, .line = 0};
    for (bool more = true; more;) {
        const arena_mark_t mark = arena_mark(ctx->arena);
        rows_t page;
        int rc = dues_lines_page(ctx->store, sheet->facility, &after, sheet->month, LINES_PAGE, ctx->arena, &page, err);
        if (!rc) rc = statement_digest_lines(digest, &page, err);
        if (rc) return rc;
        more = page.count == LINES_PAGE;
        if (more)
            after = (dues_place_t){row_i64(&page, LINES_PAGE - 1, 0), row_i64(&page, LINES_PAGE - 1, 1),
                                   row_i64(&page, LINES_PAGE - 1, 2), row_i64(&page, LINES_PAGE - 1, 3)};
        arena_back(ctx->arena, &mark);
    }
    return 0;
}

static int digest_of(settlement_t *settlement, const statement_sheet_t *sheet, Tc__FacilityStatement *said,
                     err_t *err) {
    statement_digest_t digest = {{0}};
    const char *hex = NULL;
    int rc = digest_lines(settlement, sheet, &digest, err);
    for (size_t i = 0; i < sheet->sheet->item_count && !rc; i++) {
        const dues_item_t *of = &sheet->sheet->items[i];
        const statement_item_t item = {dues_item_name(of->kind), of->reference, of->key.layer, of->key.fund,
                                       of->key.county,           of->key.year,  of->amount};
        rc = statement_digest_item(&digest, &item, err);
    }
    if (!rc) rc = statement_digest_end(&digest, said, settlement->ctx->arena, &hex, err);
    said->digest = (char *)(uintptr_t)hex;
    return rc;
}

static int insert_statement(settlement_t *settlement, const statement_sheet_t *sheet, const Tc__FacilityStatement *said,
                            const char *by, err_t *err) {
    service_ctx_t *ctx = settlement->ctx;
    size_t bytes;
    rows_t rows;
    rows_init(&rows, ctx->arena, DUES_STATEMENT_COLUMNS);
    cell_t *row = rows_add(&rows);
    const void *body = message_pack(&said->base, ctx->arena, &bytes);
    if (!row || !body) return no_memory(err);
    const cell_t cells[DUES_STATEMENT_COLUMNS] = {
        cell_text(sheet->facility), cell_i64(sheet->month), cell_text("drawn"), cell_i64(sheet->sheet->total.pay),
        cell_i64(sheet->used),      cell_text(""),          cell_text(by),      cell_text(""),
        cell_blob(body, bytes)};
    memcpy(row, cells, sizeof cells);
    return dues_statement_insert(ctx->store, &rows, err);
}

static int insert_items(settlement_t *settlement, const statement_sheet_t *sheet, err_t *err) {
    service_ctx_t *ctx = settlement->ctx;
    rows_t rows;
    rows_init(&rows, ctx->arena, DUES_ITEM_COLUMNS);
    for (size_t i = 0; i < sheet->sheet->item_count; i++) {
        const dues_item_t *item = &sheet->sheet->items[i];
        cell_t *row = rows_add(&rows);
        if (!row) return no_memory(err);
        const cell_t cells[DUES_ITEM_COLUMNS] = {cell_text(sheet->facility), cell_i64(sheet->month),
                                                 cell_i64((int64_t)i + 1),   cell_text(dues_item_name(item->kind)),
                                                 cell_text(item->reference), cell_text(item->key.layer),
                                                 cell_text(item->key.fund),  cell_text(item->key.county),
                                                 cell_i64(item->key.year),   cell_i64(item->amount)};
        memcpy(row, cells, sizeof cells);
    }
    return rows.count ? dues_items_insert(ctx->store, &rows, err) : 0;
}

// The same amount on both sides, nothing when it is 0.
static int post_pair(const statement_sheet_t *sheet, const dues_part_t *part, const char *debit, const char *credit,
                     fen_t amount, Tc__JournalEntry *entry, arena_t *arena, err_t *err) {
    money_posting_t line = {debit,           part->key.layer, part->key.fund, part->key.county,
                            sheet->facility, part->key.year,  amount};
    if (amount == 0) return 0;
    int rc = money_line(entry, arena, &line, err);
    line.head = credit;
    line.amount = -amount;
    return rc ? rc : money_line(entry, arena, &line, err);
}

static int entry_of(settlement_t *settlement, const statement_sheet_t *sheet, const Tc__FacilityStatement *said,
                    Tc__JournalEntry **out, err_t *err) {
    arena_t *arena = settlement->ctx->arena;
    const money_head_t head = {"statement", said->entry, date_of_ms(settlement->poster->now_ms()), ""};
    int rc = money_entry(settlement, &head, sheet->sheet->part_count * 4, arena, out, err);
    for (size_t i = 0; i < sheet->sheet->part_count && !rc; i++) {
        const dues_part_t *part = &sheet->sheet->parts[i];
        fen_t back;
        if (fen_add(part->of[DUES_RECOVERED], part->of[DUES_FORFEITED], &back) || back == INT64_MIN ||
            part->of[DUES_ADDED] == INT64_MIN)
            return err_field(err, E_OUT_OF_RANGE, "amount", "the amounts overflow");
        rc = post_pair(sheet, part, "payable", "recovered", back, *out, arena, err);
        if (!rc) rc = post_pair(sheet, part, "clearing", "payable", part->of[DUES_ADDED], *out, arena, err);
    }
    if (rc) return rc;
    (*out)->facility = (char *)sheet->facility;
    (*out)->total_fen = sheet->sheet->total.pay;
    return tell_parts(*out, "statement", said, arena, err);
}

int statement_sheet_freeze(settlement_t *settlement, const statement_sheet_t *sheet, const char *by,
                           Tc__FacilityStatement **out, err_t *err) {
    service_ctx_t *ctx = settlement->ctx;
    char day[DATE_TEXT_MAX];
    Tc__FacilityStatement *said;
    Tc__JournalEntry *entry;
    int rc = statement_sheet_message(settlement, sheet, &said, err);
    if (rc) return rc;
    said->state = (char *)"drawn";
    said->drawn_on = arena_text(ctx->arena, "%s", date_format(date_of_ms(settlement->poster->now_ms()), day));
    said->drawn_by = said->by = (char *)by;
    said->entry = arena_text(ctx->arena, STATEMENT_REFERENCE, sheet->facility, said->month);
    if (!said->drawn_on || !said->entry) return no_memory(err);
    rc = digest_of(settlement, sheet, said, err);
    if (!rc) rc = money_begin(settlement, ctx->arena, err);
    if (!rc) rc = direct_may_state(ctx->store, sheet->facility, ctx->arena, err);
    if (!rc) rc = entry_of(settlement, sheet, said, &entry, err);
    if (!rc) rc = insert_statement(settlement, sheet, said, by, err);
    if (!rc) rc = insert_items(settlement, sheet, err);
    if (!rc) rc = dues_claims_take(ctx->store, sheet->facility, sheet->month, err);
    if (!rc) rc = dues_facility_put(ctx->store, sheet->facility, sheet->month, false, err);
    CRASH_POINT("statement_before_entry");
    if (!rc) rc = money_post(settlement, entry, ctx->arena, err);
    if (!rc) *out = said;
    return rc;
}
