// Tables for clerks: revenue and spending, balances, arrears, facilities, final accounts. Everything is read from the
// ledger and the papers at the time of asking.
#include "common/policy/tables.h"
#include "common/wire/scope.h"
#include "facts.h"
#include "tasks.h"
#include <stdlib.h>
#include <string.h>

typedef struct report {
    settlement_t *settlement;
    arena_t *arena;
    const Tc__GetReport *ask;
    const char *from, *to;
    Tc__FundReport *out;
    size_t room;
} report_t;

static int no_memory(err_t *err) { return err_set(err, E_IO, "out of memory for the report"); }
static int overflow(err_t *err) { return err_field(err, E_OUT_OF_RANGE, "amount", "the amounts overflow"); }

static bool wanted(const report_t *r, const char *fund, const char *county) {
    return scope_has_division(r->settlement->ctx->scope, county) &&
           (!*r->ask->fund || strcmp(r->ask->fund, fund) == 0) &&
           (!*r->ask->county || strcmp(r->ask->county, county) == 0);
}

static int make_room(report_t *r, size_t rows, err_t *err) {
    r->room = rows;
    r->out->rows = arena_alloc(r->arena, (rows + 1) * sizeof *r->out->rows);
    return r->out->rows ? E_OK : no_memory(err);
}

// The row of that key, a new one where there is none.
static int row_of(report_t *r, const char *name, const char *fund, const char *county, Tc__FundReport__Row **out,
                  err_t *err) {
    for (size_t i = r->out->n_rows; i-- > 0;) {
        *out = r->out->rows[i];
        if (strcmp((*out)->name, name) == 0 && strcmp((*out)->fund, fund) == 0 && strcmp((*out)->county, county) == 0)
            return E_OK;
    }
    CHECK(r->out->n_rows < r->room);
    *out = arena_alloc(r->arena, sizeof **out);
    if (!*out) return no_memory(err);
    tc__fund_report__row__init(*out);
    (*out)->name = (char *)name, (*out)->fund = (char *)fund, (*out)->county = (char *)county;
    r->out->rows[r->out->n_rows++] = *out;
    return E_OK;
}

static int heads(report_t *r, const char *first, const char *second, const char *third, const char *count, err_t *err) {
    r->out->heads = arena_alloc(r->arena, 4 * sizeof *r->out->heads);
    if (!r->out->heads) return no_memory(err);
    r->out->heads[0] = (char *)first, r->out->heads[1] = (char *)second;
    r->out->heads[2] = (char *)third, r->out->heads[3] = (char *)count;
    r->out->n_heads = 4;
    return E_OK;
}

// By account, fund and county: what came in, what went out.
static int income(report_t *r, err_t *err) {
    fact_sum_t *sums;
    size_t count;
    int rc = heads(r, "revenue", "spending", "result", "", err);
    if (!rc) rc = facts_flows(r->settlement->ctx->store, r->from, r->to, r->arena, &sums, &count, err);
    if (!rc) rc = make_room(r, count, err);
    for (size_t i = 0; !rc && i < count; i++) {
        Tc__FundReport__Row *row;
        if (!wanted(r, sums[i].fund, sums[i].county)) continue;
        rc = row_of(r, sums[i].account, sums[i].fund, sums[i].county, &row, err);
        if (rc) break;
        if (facts_is_spending(sums[i].account))
            row->second_fen = sums[i].amount;
        else
            row->first_fen = -sums[i].amount;
        row->third_fen = -sums[i].amount;
    }
    return rc;
}

static int balance(report_t *r, err_t *err) {
    fact_sum_t *sums;
    size_t count;
    int rc = heads(r, "balance", "", "", "", err);
    if (!rc) rc = facts_balances(r->settlement->ctx->store, "money/", r->arena, &sums, &count, err);
    if (!rc) rc = make_room(r, count, err);
    for (size_t i = 0; !rc && i < count; i++) {
        Tc__FundReport__Row *row;
        if (!wanted(r, sums[i].fund, sums[i].county)) continue;
        rc = row_of(r, sums[i].account + strlen("money/"), sums[i].fund, sums[i].county, &row, err);
        if (!rc) row->first_fen = sums[i].amount;
    }
    return rc;
}

static int paid_on(report_t *r, const due_row_t *due, fen_t *out, err_t *err) {
    const fund_flow_t *flow = fund_flow_named(r->settlement->policy->fund, due->flow);
    *out = 0;
    for (uint32_t i = 0; flow && i < flow->step_count; i++) {
        task_lines_t lines;
        const fund_step_t *step = &flow->steps[i];
        if (step->from_account < 0 || (*due->step && strcmp(due->step, step->name) != 0)) continue;
        int rc = lines_of_step(r->settlement->ctx->store, due->flow, due->period, step->name, due->county, r->arena,
                               &lines, err);
        if (rc) return rc;
        for (size_t k = 0; k < lines.count; k++)
            if (strcmp(lines.items[k].fund, due->fund) == 0 && fen_add(*out, lines.items[k].amount, out))
                return overflow(err);
    }
    return E_OK;
}

static int arrears(report_t *r, err_t *err) {
    due_row_t *dues;
    size_t count;
    int rc = heads(r, "due", "paid", "left", "", err);
    if (!rc) rc = due_of_flow(r->settlement->ctx->store, NULL, r->arena, &dues, &count, err);
    if (!rc) rc = make_room(r, count, err);
    for (size_t i = 0; !rc && i < count; i++) {
        Tc__FundReport__Row *row;
        const due_row_t *due = &dues[i];
        if (!wanted(r, due->fund, due->county)) continue;
        const char *name = arena_text(r->arena, "%s%s%s %s", due->flow, *due->step ? "." : "", due->step, due->period);
        rc = name ? row_of(r, name, due->fund, due->county, &row, err) : no_memory(err);
        if (rc) break;
        row->first_fen = due->amount;
        rc = paid_on(r, due, &row->second_fen, err);
        if (!rc && fen_sub(row->first_fen, row->second_fen, &row->third_fen)) rc = overflow(err);
    }
    return rc;
}

static int by_amount(const void *a, const void *b) {
    const Tc__FundReport__Row *left = *(Tc__FundReport__Row *const *)a, *right = *(Tc__FundReport__Row *const *)b;
    if (left->first_fen != right->first_fen) return left->first_fen < right->first_fen ? 1 : -1;
    const int order = strcmp(left->name, right->name);
    return order ? order : strcmp(left->fund, right->fund);
}

static int facilities(report_t *r, err_t *err) {
    fact_sum_t *sums;
    size_t count;
    int rc = heads(r, "granted", "paid", "open", "bills", err);
    if (!rc) rc = facts_facilities(r->settlement->ctx->store, r->from, r->to, r->arena, &sums, &count, err);
    if (!rc) rc = make_room(r, count, err);
    for (size_t i = 0; !rc && i < count; i++) {
        Tc__FundReport__Row *row;
        // What is due to a facility is of all counties: a caller for some of them gets no row.
        if (!scope_has_division(r->settlement->ctx->scope, "")) continue;
        if (*r->ask->fund && strcmp(r->ask->fund, sums[i].fund) != 0) continue;
        rc = row_of(r, sums[i].account, sums[i].fund, "", &row, err);
        if (rc) break;
        if (strcmp(sums[i].identity, "paid") == 0)
            row->second_fen = -sums[i].amount;
        else
            row->first_fen = sums[i].amount, row->count = sums[i].year;
        if (fen_sub(row->first_fen, row->second_fen, &row->third_fen)) rc = overflow(err);
    }
    if (!rc) qsort(r->out->rows, r->out->n_rows, sizeof *r->out->rows, by_amount);
    return rc;
}

// By fund and county: revenue, spending and the surplus that stands.
static int final_accounts(report_t *r, err_t *err) {
    store_t *store = r->settlement->ctx->store;
    fact_sum_t *sums, *surplus;
    size_t count, surpluses;
    Tc__FundReport__Row *row;
    int rc = heads(r, "revenue", "spending", "accumulated", "", err);
    if (!rc) rc = facts_flows(store, r->from, r->to, r->arena, &sums, &count, err);
    if (!rc) rc = facts_balances(store, "surplus/", r->arena, &surplus, &surpluses, err);
    if (!rc) rc = make_room(r, count + surpluses, err);
    for (size_t i = 0; !rc && i < count; i++) {
        const bool spent = facts_is_spending(sums[i].account);
        if (!wanted(r, sums[i].fund, sums[i].county)) continue;
        rc = row_of(r, "", sums[i].fund, sums[i].county, &row, err);
        if (rc) break;
        int64_t *to = spent ? &row->second_fen : &row->first_fen;
        if (fen_add(*to, spent ? sums[i].amount : -sums[i].amount, to)) rc = overflow(err);
    }
    for (size_t i = 0; !rc && i < surpluses; i++) {
        if (!wanted(r, surplus[i].fund, surplus[i].county)) continue;
        rc = row_of(r, "", surplus[i].fund, surplus[i].county, &row, err);
        if (!rc && fen_sub(row->third_fen, surplus[i].amount, &row->third_fen)) rc = overflow(err);
    }
    return rc;
}

static int span(report_t *r, err_t *err) {
    char from[DATE_TEXT_MAX], to[DATE_TEXT_MAX];
    date_t first, last;
    int rc = tasks_day("to", r->ask->to, &last, err);
    if (!rc) rc = tasks_day("from", r->ask->from, &first, err);
    if (rc) return rc;
    if (!*r->ask->from) first = date_make(date_year(last), 1, 1);
    if (last < first) return err_field(err, E_OUT_OF_RANGE, "to", "the span ends before it begins");
    r->from = arena_text(r->arena, "%s", date_format(first, from));
    r->to = arena_text(r->arena, "%s", date_format(last, to));
    return r->from && r->to ? E_OK : no_memory(err);
}

int report_get(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
               err_t *err) {
    static const struct {
        const char *kind;
        int (*make)(report_t *r, err_t *err);
    } kinds[] = {{"income", income},
                 {"balance", balance},
                 {"arrears", arrears},
                 {"facilities", facilities},
                 {"final_accounts", final_accounts}};
    settlement_t *settlement = self;
    report_t r = {.settlement = settlement, .arena = settlement->ctx->arena, .ask = (const Tc__GetReport *)message};
    const fund_rules_t *rules;
    (void)request;
    int rc = tasks_rules(settlement, &rules, err);
    if (!rc) rc = span(&r, err);
    r.out = rc ? NULL : arena_alloc(r.arena, sizeof *r.out);
    if (rc) return rc;
    if (!r.out) return no_memory(err);
    tc__fund_report__init(r.out);
    r.out->kind = r.ask->kind, r.out->from = (char *)r.from, r.out->to = (char *)r.to;
    *reply = &r.out->base;
    for (size_t i = 0; i < COUNT_OF(kinds); i++)
        if (strcmp(kinds[i].kind, r.ask->kind) == 0) return kinds[i].make(&r, err);
    return err_field(err, E_INVALID_FIELD, "kind",
                     "income, balance, arrears, facilities or final_accounts was expected");
}
