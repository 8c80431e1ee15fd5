// A list is read twice, once to refuse it and once to split it, so that nothing is kept between.
#include "fee_lines.h"
#include <stdio.h>
#include <string.h>

static const char *field_of(size_t index, const char *name, char out[static 48]) {
    snprintf(out, 48, "lines[%zu].%s", index, name);
    return out;
}

// ---- one line

static int check_text(const Tc__FeeLine *line, size_t index, split_line_t *out, err_t *err) {
    char field[48];
    const int kind = fee_kind_from_name(line->kind);
    if (line->line < 1 || line->line > FEE_LINES_MAX)
        return err_field(err, E_OUT_OF_RANGE, field_of(index, "line", field), "line must be from 1 to %d",
                         FEE_LINES_MAX);
    if (kind < 0)
        return err_field(err, line->kind[0] ? E_INVALID_FIELD : E_MISSING_FIELD, field_of(index, "kind", field),
                         "kind: expected one of %s", fee_kind_names());
    if (!catalogue_code_fits(line->code))
        return err_field(err, line->code[0] ? E_INVALID_FIELD : E_MISSING_FIELD, field_of(index, "code", field),
                         "code must be 1 to %d of A-Z 0-9 -", CATALOGUE_CODE_MAX);
    if (strlen(line->name) > FEE_NAME_MAX)
        return err_field(err, E_TOO_LARGE, field_of(index, "name", field), "name is longer than %d bytes",
                         FEE_NAME_MAX);
    out->kind = (fee_kind_t)kind;
    out->code = line->code;
    return 0;
}

static int check_numbers(const Tc__FeeLine *line, size_t index, split_line_t *out, err_t *err) {
    char field[48];
    if (line->quantity_milli < 1 || line->quantity_milli > SPLIT_QUANTITY_MAX_MILLI)
        return err_field(err, E_OUT_OF_RANGE, field_of(index, "quantity_milli", field),
                         "quantity must be above 0 and at most one million units, in thousandths");
    if (line->price_fen < 0 || line->price_fen > CATALOGUE_PRICE_MAX_FEN)
        return err_field(err, E_OUT_OF_RANGE, field_of(index, "price", field),
                         "price must be from 0.00 to one hundred million yuan");
    if (line->amount_fen < 0 || line->amount_fen > SPLIT_AMOUNT_MAX_FEN)
        return err_field(err, E_OUT_OF_RANGE, field_of(index, "amount", field),
                         "amount must be from 0.00 to one billion yuan");
    if (!split_amount_fits(line->quantity_milli, line->price_fen, line->amount_fen))
        return err_field(err, E_OUT_OF_RANGE, field_of(index, "amount", field),
                         "amount must be quantity × price, to within one fen");
    if (line->days < 0 || line->days > CATALOGUE_DAYS_MAX)
        return err_field(err, E_OUT_OF_RANGE, field_of(index, "days", field), "days must be from 0 to %d",
                         CATALOGUE_DAYS_MAX);
    out->quantity_milli = line->quantity_milli;
    out->price = line->price_fen;
    out->amount = line->amount_fen;
    out->days = line->days;
    return 0;
}

int fee_line_read(const Tc__FeeLine *line, size_t index, const fee_days_t *days, split_line_t *out, err_t *err) {
    char field[48];
    split_line_t read = {.used_on = days->to};
    int rc = check_text(line, index, &read, err);
    if (!rc) rc = check_numbers(line, index, &read, err);
    if (rc) return rc;
    field_of(index, "used_on", field);
    if (line->used_on[0] && date_parse(line->used_on, &read.used_on))
        return err_field(err, E_INVALID_FIELD, field, "used_on must be a date of the calendar as YYYY-MM-DD");
    if (read.used_on < days->from || read.used_on > days->to)
        return err_field(err, E_OUT_OF_RANGE, field, "used_on lies outside the visit");
    *out = read;
    return 0;
}

// ---- a list of them

typedef struct numbers_seen {
    uint8_t bits[FEE_LINES_MAX / 8 + 1];
} numbers_seen_t;

static int check_number(numbers_seen_t *seen, int number, size_t index, err_t *err) {
    char field[48];
    const uint8_t bit = (uint8_t)(1 << number % 8);
    if (seen->bits[number / 8] & bit)
        return err_field(err, E_INVALID_FIELD, field_of(index, "line", field), "line %d is told twice", number);
    seen->bits[number / 8] |= bit;
    return 0;
}

int fee_lines_check(Tc__FeeLine *const *lines, size_t count, const fee_days_t *days, fen_t *amount, err_t *err) {
    numbers_seen_t seen = {0};
    split_line_t read;
    fen_t sum = 0;
    for (size_t i = 0; i < count; i++) {
        int rc = fee_line_read(lines[i], i, days, &read, err);
        if (!rc) rc = check_number(&seen, lines[i]->line, i, err);
        if (rc) return rc;
        sum += read.amount;
    }
    *amount = sum;
    return 0;
}

static void fill(Tc__FeeLine *line, const split_parts_t *parts) {
    line->class_ = (char *)fee_class_name(parts->fee_class);
    line->first_share_ppm = parts->first_pay_share;
    line->full_own_fen = parts->full_own;
    line->over_limit_fen = parts->over_limit;
    line->first_pay_fen = parts->first_pay;
    line->in_scope_fen = parts->in_scope;
    line->reason = (char *)split_reason_text(parts->reason);
}

int fee_lines_split(const fee_ask_t *ask, arena_t *arena, Tc__FeeLine ***out, split_sums_t *sums, err_t *err) {
    fen_t amount;
    int rc = fee_lines_check(ask->lines, ask->count, &ask->days, &amount, err);
    if (rc) return rc;
    Tc__FeeLine **list = arena_alloc(arena, (ask->count + 1) * sizeof *list);
    Tc__FeeLine *copies = arena_alloc(arena, (ask->count + 1) * sizeof *copies);
    if (!list || !copies) return err_set(err, E_IO, "out of memory for the lines");
    *sums = (split_sums_t){0};
    for (size_t i = 0; i < ask->count; i++) {
        split_line_t line;
        rc = fee_line_read(ask->lines[i], i, &ask->days, &line, err);
        if (rc) return rc;
        const split_parts_t parts = split_one(catalogue_find, ask->catalogue, &ask->facts, &line);
        split_add(sums, &line, &parts);
        copies[i] = *ask->lines[i];
        fill(&copies[i], &parts);
        list[i] = &copies[i];
    }
    CHECK(sums->total == amount);
    CHECK(sums->full_own + sums->over_limit + sums->first_pay + sums->in_scope == amount);
    *out = list;
    return 0;
}

bool fee_lines_filled(Tc__FeeLine *const *lines, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (lines[i]->full_own_fen || lines[i]->over_limit_fen || lines[i]->first_pay_fen || lines[i]->in_scope_fen)
            return true;
    return false;
}

// ---- the amounts of the bill

static int same(const char *field, fen_t given, fen_t summed, err_t *err) {
    char text[FEN_TEXT_MAX];
    if (given == summed) return 0;
    return err_field(err, E_OUT_OF_RANGE, field, "%s is not that of the lines, %s", field, fen_format(summed, text));
}

static int same_if_given(const char *field, fen_t given, fen_t summed, err_t *err) {
    return given ? same(field, given, summed, err) : 0;
}

int fee_header_check(const Tc__Bill *bill, const split_sums_t *sums, err_t *err) {
    int rc = 0;
    if (bill->total_given_case == TC__BILL__TOTAL_GIVEN_TOTAL_FEN)
        rc = same("total", bill->total_fen, sums->total, err);
    if (!rc && bill->in_scope_given_case == TC__BILL__IN_SCOPE_GIVEN_IN_SCOPE_FEN)
        rc = same("in_scope", bill->in_scope_fen, sums->in_scope, err);
    if (!rc) rc = same_if_given("full_own", bill->full_own_fen, sums->full_own, err);
    if (!rc) rc = same_if_given("over_limit", bill->over_limit_fen, sums->over_limit, err);
    if (!rc) rc = same_if_given("first_pay", bill->first_pay_fen, sums->first_pay, err);
    if (!rc) rc = same_if_given("class_b", bill->class_b_fen, sums->class_b, err);
    return rc;
}

void fee_header_fill(Tc__Bill *bill, const split_sums_t *sums) {
    bill->total_given_case = TC__BILL__TOTAL_GIVEN_TOTAL_FEN;
    bill->total_fen = sums->total;
    bill->in_scope_given_case = TC__BILL__IN_SCOPE_GIVEN_IN_SCOPE_FEN;
    bill->in_scope_fen = sums->in_scope;
    bill->full_own_fen = sums->full_own;
    bill->over_limit_fen = sums->over_limit;
    bill->first_pay_fen = sums->first_pay;
    bill->class_b_fen = sums->class_b;
}

int fee_header_adds_up(const Tc__Bill *bill, err_t *err) {
    static const char *const names[] = {"full_own", "over_limit", "first_pay"};
    const fen_t parts[] = {bill->full_own_fen, bill->over_limit_fen, bill->first_pay_fen};
    fen_t rest = bill->total_fen - bill->in_scope_fen; // both were checked
    bool given = false;
    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        if (parts[i] < 0 || parts[i] > bill->total_fen)
            return err_field(err, E_OUT_OF_RANGE, names[i], "%s must be from 0.00 to the total", names[i]);
        given |= parts[i] > 0;
        rest -= parts[i];
    }
    if (!given || rest == 0) return 0;
    return err_field(err, E_OUT_OF_RANGE, "total",
                     "full_own, over_limit, first_pay and in_scope do not make the total");
}
