// Clearing by points: groups, hospitals and cases come in as rows, are settled by points.h, and what each hospital gets
// more or less than its bills say waits for its next statement (dues_claim).
//   a month: clearing = due − by item; what of due is not paid at once is held under points:YEAR:FUND:LAYER
//   a year:  what is held there is released, clearing = (due × quality − paid so far) − released
// so that the hospital has by its statements what points_settle says it is paid.
#include "clearing_store.h"
#include "common/base/crash.h"
#include "common/base/ids.h"
#include "common/policy/policy.h"
#include "dues_lines.h"
#include "dues_store.h"
#include "points.h"
#include "statement_sheet.h"
#include "statements.h"
#include <stdlib.h>
#include <string.h>

enum { ADD_ROWS_MAX = 5000, FAULTS_MAX = 500, CASES_DEFAULT = 1000, PERIOD_TEXT = 16 };

typedef struct period {
    bool yearly;
    month_t month; // the last one
    int year;
} period_t;

static int parse_period(const char *text, period_t *out, err_t *err) {
    char january[PERIOD_TEXT];
    month_t month;
    if (strlen(text) == 4 && snprintf(january, sizeof january, "%s-01", text) > 0 && month_parse(january, &month) == 0)
        *out = (period_t){true, month + 11, month_year(month)};
    else if (month_parse(text, &month) == 0)
        *out = (period_t){false, month, month_year(month)};
    else
        return err_field(err, E_INVALID_FIELD, "period", "a month or a year was expected, like 2021-03 or 2021");
    return 0;
}

static int read_clearing(settlement_t *settlement, const char *number, Tc__Clearing **out, err_t *err) {
    service_ctx_t *ctx = settlement->ctx;
    rows_t found;
    size_t bytes;
    if (name_check("clearing", number, NULL))
        return err_field(err, E_INVALID_FIELD, "clearing", "clearing is the number that open_clearing told");
    int rc = clearing_find(ctx->store, number, ctx->arena, &found, err);
    if (!rc && !found.count) rc = err_field(err, E_NOT_FOUND, "clearing", "there is no clearing %.64s", number);
    if (rc) return rc;
    const void *body = row_blob(&found, 0, 1, &bytes);
    rc = message_unpack((ProtobufCMessage **)out, &tc__clearing__descriptor, body, bytes, ctx->arena, err);
    if (!rc) (*out)->state = (char *)row_text(&found, 0, 0);
    return rc;
}

// ---- opening

static int check_scope(const settlement_t *settlement, const Tc__OpenClearing *ask, const period_t *period,
                       err_t *err) {
    const policy_t *policy = settlement->policy;
    bool known = false;
    if (!policy) return err_set(err, E_UNSUPPORTED, "no city is configured");
    for (int i = 0; i < policy_layer_count(policy); i++) known |= strcmp(policy_layer_name(policy, i), ask->layer) == 0;
    if (!known) return err_field(err, E_NOT_FOUND, "layer", "the city has no layer %.40s", ask->layer);
    if (name_check("fund", ask->fund, NULL) || !statement_pays(settlement, ask->fund, month_last(period->month)))
        return err_field(err, E_NOT_FOUND, "fund", "facilities are not paid out of a fund %.40s", ask->fund);
    if (ask->budget_fen < 0 || ask->average_fen < 0)
        return err_field(err, E_OUT_OF_RANGE, "budget", "budget and average are not below 0.00");
    return 0;
}

// A month comes before its year is settled.
static int check_not_settled(settlement_t *settlement, const Tc__OpenClearing *ask, const period_t *period,
                             const char *number, err_t *err) {
    service_ctx_t *ctx = settlement->ctx;
    rows_t found;
    int rc = clearing_find(ctx->store, number, ctx->arena, &found, err);
    if (!rc && found.count) rc = err_field(err, E_EXISTS, "period", "clearing %s is there already", number);
    if (rc || period->yearly) return rc;
    const char *year = arena_text(ctx->arena, "points-%d-%s-%s", period->year, ask->fund, ask->layer);
    if (!year) return dues_no_memory(err);
    rc = clearing_find(ctx->store, year, ctx->arena, &found, err);
    if (!rc && found.count && strcmp(row_text(&found, 0, 0), "settled") == 0)
        rc = err_field(err, E_EXISTS, "period", "the year is settled already");
    return rc;
}

int clearing_open(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                  err_t *err) {
    settlement_t *settlement = self;
    service_ctx_t *ctx = settlement->ctx;
    const Tc__OpenClearing *ask = (const Tc__OpenClearing *)message;
    period_t period;
    size_t bytes;
    rows_t rows;
    int rc = parse_period(ask->period, &period, err);
    if (!rc) rc = check_scope(settlement, ask, &period, err);
    Tc__Clearing *made = rc ? NULL : arena_alloc(ctx->arena, sizeof *made);
    if (!made) return rc ? rc : dues_no_memory(err);
    tc__clearing__init(made);
    made->number = arena_text(ctx->arena, "points-%s-%s-%s", ask->period, ask->fund, ask->layer);
    made->period = ask->period, made->fund = ask->fund, made->layer = ask->layer;
    made->budget_fen = ask->budget_fen, made->average_fen = ask->average_fen, made->state = (char *)"open";
    if (!made->number) return dues_no_memory(err);
    rc = name_check("number", made->number, err);
    if (!rc) rc = check_not_settled(settlement, ask, &period, made->number, err);
    if (rc) return rc;
    rows_init(&rows, ctx->arena, CLEARING_COLUMNS);
    cell_t *row = rows_add(&rows);
    const void *body = message_pack(&made->base, ctx->arena, &bytes);
    if (!row || !body) return dues_no_memory(err);
    const cell_t cells[CLEARING_COLUMNS] = {cell_text(made->number), cell_text(ask->period),
                                            cell_text(ask->fund),    cell_text(ask->layer),
                                            cell_text("open"),       cell_text(request->header.caller),
                                            cell_blob(body, bytes)};
    memcpy(row, cells, sizeof cells);
    rc = clearing_insert(ctx->store, &rows, err);
    if (!rc) *reply = &made->base;
    return rc;
}

// ---- rows in

typedef struct adding {
    settlement_t *settlement;
    const char *number;
    Tc__ClearingReport *report;
    rows_t keys, names; // of what comes in; names a case uses
    rows_t rows;        // taken
    err_t *err;
} adding_t;

static int fault(adding_t *a, int64_t row, const char *name, const char *text) {
    Tc__ClearingReport__Fault *made = arena_alloc(a->settlement->ctx->arena, sizeof *made);
    if (!made) return dues_no_memory(a->err);
    if (a->report->n_faults == FAULTS_MAX)
        return err_field(a->err, E_TOO_LARGE, "rows", "more than %d rows are at fault", FAULTS_MAX);
    tc__clearing_report__fault__init(made);
    made->row = row, made->name = (char *)name;
    made->text = arena_text(a->settlement->ctx->arena, "%s", text);
    if (!made->text) return dues_no_memory(a->err);
    a->report->faults[a->report->n_faults++] = made;
    return 0;
}

static const char *fault_of_group(const Tc__PointsGroup *g) {
    if (name_check("group", g->name, NULL)) return "group: 1 to 64 of A-Z a-z 0-9 . _ : - was expected";
    if (g->mean_fen <= 0 || g->mean_fen > MONEY_MAX) return "mean: an amount above 0.00 was expected";
    if (g->cases < 0 || g->cases > COUNT_MAX) return "cases: a number of cases was expected";
    return g->variation_ppm < 0 ? "variation is not below 0" : NULL;
}

static const char *fault_of_hospital(const Tc__PointsHospital *h) {
    if (name_check("facility", h->facility, NULL)) return "facility: a facility's code was expected";
    if (h->quality_ppm < 0 || h->quality_ppm > 2 * RATE_ONE) return "quality: a factor from 0 to 2 was expected";
    return NULL;
}

static int mode_of(const char *name) {
    static const char *const modes[] = {
        [POINTS_BY_DRG] = "drg", [POINTS_BY_BED_DAY] = "bed_day", [POINTS_BY_ITEM] = "item"};
    for (size_t i = 0; i < COUNT_OF(modes); i++)
        if (strcmp(modes[i], name) == 0) return (int)i;
    return -1;
}

static const char *fault_of_case(const Tc__PointsCase *c) {
    if (name_check("visit", c->visit, NULL)) return "visit: the number of the visit was expected";
    if (mode_of(c->mode) < 0) return "mode: drg, bed_day or item was expected";
    if (c->row <= 0) return "row: the place in the file was expected";
    if (c->cost_fen < 0 || c->cost_fen > MONEY_MAX) return "cost: an amount was expected";
    if (c->patient_fen < 0 || c->patient_fen > c->cost_fen) return "patient: at most the cost was expected";
    if (c->daily_fen < 0 || c->daily_fen > MONEY_MAX || c->days < 0 || c->days > 36500)
        return "daily, days: an amount and a number of days were expected";
    if (c->coefficient_ppm < 0 || c->coefficient_ppm > FACTOR_MAX) return "coefficient: a factor was expected";
    if (c->penalty < 0 || c->penalty > INT64_C(1000000000) * POINT_ONE) return "penalty: points were expected";
    return NULL;
}

static int add_key(rows_t *keys, const char *number, clearing_row_t kind, const char *name, err_t *err) {
    cell_t *key = rows_add(keys);
    if (!key) return dues_no_memory(err);
    key[0] = cell_text(number), key[1] = cell_i64(kind), key[2] = cell_text(name);
    return 0;
}

// One row that is sound by itself; `known` its body in the store, NULL: none.
static int take(adding_t *a, clearing_row_t kind, const char *name, int64_t place, const ProtobufCMessage *message,
                const void *known, size_t known_bytes) {
    arena_t *arena = a->settlement->ctx->arena;
    size_t bytes;
    const void *body = message_pack(message, arena, &bytes);
    if (!body) return dues_no_memory(a->err);
    if (known && known_bytes == bytes && memcmp(known, body, bytes) == 0) {
        a->report->repeated++;
        return 0;
    }
    if (known) return fault(a, place, name, "a row of this name with other content is there already");
    for (size_t i = 0; i < a->rows.count; i++)
        if (row_i64(&a->rows, i, 1) == kind && strcmp(row_text(&a->rows, i, 2), name) == 0)
            return fault(a, place, name, "this name stands in two rows");
    cell_t *row = rows_add(&a->rows);
    if (!row) return dues_no_memory(a->err);
    const cell_t cells[CLEARING_ROW_COLUMNS] = {cell_text(a->number), cell_i64(kind), cell_text(name),
                                                cell_i64(kind == CLEARING_CASE ? place : 1), cell_blob(body, bytes)};
    memcpy(row, cells, sizeof cells);
    a->report->taken++;
    return 0;
}

static int find_keys(adding_t *a, const Tc__AddClearingRows *ask, rows_t *found, rows_t *used) {
    service_ctx_t *ctx = a->settlement->ctx;
    int rc = 0;
    rows_init(&a->keys, ctx->arena, 3);
    rows_init(&a->names, ctx->arena, 3);
    for (size_t i = 0; i < ask->n_groups && !rc; i++)
        rc = add_key(&a->keys, a->number, CLEARING_GROUP, ask->groups[i]->name, a->err);
    for (size_t i = 0; i < ask->n_hospitals && !rc; i++)
        rc = add_key(&a->keys, a->number, CLEARING_HOSPITAL, ask->hospitals[i]->facility, a->err);
    for (size_t i = 0; i < ask->n_cases && !rc; i++) {
        rc = add_key(&a->keys, a->number, CLEARING_CASE, ask->cases[i]->visit, a->err);
        if (!rc) rc = add_key(&a->names, a->number, CLEARING_HOSPITAL, ask->cases[i]->facility, a->err);
        if (!rc) rc = add_key(&a->names, a->number, CLEARING_GROUP, ask->cases[i]->group, a->err);
    }
    if (!rc) rc = clearing_rows_find(ctx->store, &a->keys, ctx->arena, found, a->err);
    if (!rc && a->names.count) rc = clearing_rows_find(ctx->store, &a->names, ctx->arena, used, a->err);
    return rc;
}

typedef struct known { // by place of the key
    const void *body;
    size_t bytes;
} known_t;

static int known_of(const rows_t *found, size_t keys, arena_t *arena, known_t **out, err_t *err) {
    known_t *known = arena_alloc(arena, (keys + 1) * sizeof *known);
    if (!known) return dues_no_memory(err);
    for (size_t i = 0; i < found->count; i++) {
        known_t *one = &known[row_i64(found, i, 0)];
        one->body = row_blob(found, i, 1, &one->bytes);
    }
    *out = known;
    return 0;
}

static int take_cases(adding_t *a, const Tc__AddClearingRows *ask, const known_t *known, const known_t *used) {
    int rc = 0;
    for (size_t i = 0; i < ask->n_cases && !rc; i++) {
        const Tc__PointsCase *c = ask->cases[i];
        const char *why = fault_of_case(c);
        if (!why && !used[i * 2].body) why = "facility: not among the hospitals of this clearing";
        if (!why && *c->group && !used[i * 2 + 1].body) why = "group: not among the groups of this clearing";
        rc = why ? fault(a, c->row, c->visit, why)
                 : take(a, CLEARING_CASE, c->visit, c->row, &c->base, known[i].body, known[i].bytes);
    }
    return rc;
}

static int take_all(adding_t *a, const Tc__AddClearingRows *ask, const known_t *known, const known_t *used) {
    int rc = 0;
    for (size_t i = 0; i < ask->n_groups && !rc; i++, known++) {
        const char *why = fault_of_group(ask->groups[i]);
        rc = why ? fault(a, (int64_t)i + 1, ask->groups[i]->name, why)
                 : take(a, CLEARING_GROUP, ask->groups[i]->name, (int64_t)i + 1, &ask->groups[i]->base, known->body,
                        known->bytes);
    }
    for (size_t i = 0; i < ask->n_hospitals && !rc; i++, known++) {
        const char *why = fault_of_hospital(ask->hospitals[i]);
        rc = why ? fault(a, (int64_t)i + 1, ask->hospitals[i]->facility, why)
                 : take(a, CLEARING_HOSPITAL, ask->hospitals[i]->facility, (int64_t)i + 1, &ask->hospitals[i]->base,
                        known->body, known->bytes);
    }
    return rc ? rc : take_cases(a, ask, known, used);
}

// What the service finds out cannot be given.
static void forget_findings(const Tc__AddClearingRows *ask) {
    for (size_t i = 0; i < ask->n_hospitals; i++) {
        Tc__PointsHospital *h = ask->hospitals[i];
        h->points = h->by_item_fen = h->patient_fen = h->gross_fen = h->due_fen = h->pay_fen = h->held_fen = 0;
    }
    for (size_t i = 0; i < ask->n_cases; i++) {
        ask->cases[i]->points = 0;
        ask->cases[i]->kind = (char *)"";
    }
}

int clearing_add(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                 err_t *err) {
    settlement_t *settlement = self;
    arena_t *arena = settlement->ctx->arena;
    const Tc__AddClearingRows *ask = (const Tc__AddClearingRows *)message;
    adding_t a = {.settlement = settlement, .number = ask->clearing, .err = err};
    const size_t rows = ask->n_groups + ask->n_hospitals + ask->n_cases;
    known_t *known = NULL, *used = NULL;
    rows_t found, found_used = {0};
    Tc__Clearing *clearing;
    (void)request;
    if (!rows || rows > ADD_ROWS_MAX)
        return err_field(err, E_OUT_OF_RANGE, "rows", "1 to %d rows were expected", ADD_ROWS_MAX);
    int rc = read_clearing(settlement, ask->clearing, &clearing, err);
    if (!rc && strcmp(clearing->state, "open") != 0)
        rc = err_field(err, E_EXISTS, "clearing", "the clearing is settled");
    forget_findings(ask);
    a.report = arena_alloc(arena, sizeof *a.report);
    if (!rc && !a.report) rc = dues_no_memory(err);
    if (rc) return rc;
    tc__clearing_report__init(a.report);
    a.report->faults = arena_alloc(arena, FAULTS_MAX * sizeof *a.report->faults);
    if (!a.report->faults) return dues_no_memory(err);
    rows_init(&a.rows, arena, CLEARING_ROW_COLUMNS);
    rc = find_keys(&a, ask, &found, &found_used);
    if (!rc) rc = known_of(&found, a.keys.count, arena, &known, err);
    if (!rc) rc = known_of(&found_used, a.names.count, arena, &used, err);
    if (!rc) rc = take_all(&a, ask, known, used);
    if (!rc && a.rows.count) rc = clearing_rows_put(settlement->ctx->store, &a.rows, err);
    CRASH_POINT("clearing_rows_in");
    if (!rc) *reply = &a.report->base;
    return rc;
}

// ---- settling

typedef struct place_name { // for look-up by name
    const char *name;
    size_t place;
} place_name_t;

typedef struct pool {
    settlement_t *settlement;
    Tc__Clearing *clearing;
    period_t period;
    Tc__PointsGroup **groups;
    Tc__PointsHospital **hospitals;
    Tc__PointsCase **cases;
    size_t group_count, hospital_count, case_count;
    place_name_t *group_names, *hospital_names;
    points_pool_t points;
    points_result_t result;
    err_t *err;
} pool_t;

static int compare_names(const void *a, const void *b) {
    return strcmp(((const place_name_t *)a)->name, ((const place_name_t *)b)->name);
}

static int32_t place_of(const place_name_t *names, size_t count, const char *name) {
    const place_name_t key = {name, 0}, *found = bsearch(&key, names, count, sizeof *names, compare_names);
    return found ? (int32_t)found->place : -1;
}

static int read_rows(pool_t *p, clearing_row_t kind, const ProtobufCMessageDescriptor *type, int limit,
                     ProtobufCMessage ***out, size_t *count) {
    service_ctx_t *ctx = p->settlement->ctx;
    rows_t found;
    int rc = clearing_rows(ctx->store, p->clearing->number, kind, 0, limit + 1, ctx->arena, &found, p->err);
    if (!rc && found.count > (size_t)limit) rc = err_field(p->err, E_TOO_LARGE, "clearing", "more than %d rows", limit);
    ProtobufCMessage **list = rc ? NULL : arena_alloc(ctx->arena, (found.count + 1) * sizeof *list);
    if (!list) return rc ? rc : dues_no_memory(p->err);
    for (size_t i = 0; i < found.count && !rc; i++) {
        size_t bytes;
        const void *body = row_blob(&found, i, 2, &bytes);
        rc = message_unpack(&list[i], type, body, bytes, ctx->arena, p->err);
    }
    *out = list;
    *count = found.count;
    return rc;
}

static int name_rows(pool_t *p) {
    arena_t *arena = p->settlement->ctx->arena;
    p->group_names = arena_alloc(arena, (p->group_count + 1) * sizeof *p->group_names);
    p->hospital_names = arena_alloc(arena, (p->hospital_count + 1) * sizeof *p->hospital_names);
    if (!p->group_names || !p->hospital_names) return dues_no_memory(p->err);
    for (size_t i = 0; i < p->group_count; i++) p->group_names[i] = (place_name_t){p->groups[i]->name, i};
    for (size_t i = 0; i < p->hospital_count; i++) p->hospital_names[i] = (place_name_t){p->hospitals[i]->facility, i};
    qsort(p->group_names, p->group_count, sizeof *p->group_names, compare_names);
    qsort(p->hospital_names, p->hospital_count, sizeof *p->hospital_names, compare_names);
    return 0;
}

static int make_points(pool_t *p) {
    arena_t *arena = p->settlement->ctx->arena;
    points_pool_t *s = &p->points;
    *s = (points_pool_t){.yearly = p->period.yearly,
                         .on = month_last(p->period.month),
                         .budget = p->clearing->budget_fen,
                         .average = p->clearing->average_fen,
                         .group_count = p->group_count,
                         .hospital_count = p->hospital_count,
                         .case_count = p->case_count};
    s->groups = arena_alloc(arena, (p->group_count + 1) * sizeof *s->groups);
    s->hospitals = arena_alloc(arena, (p->hospital_count + 1) * sizeof *s->hospitals);
    s->cases = arena_alloc(arena, (p->case_count + 1) * sizeof *s->cases);
    s->weights = arena_alloc(arena, (p->hospital_count + 1) * sizeof *s->weights);
    s->shares = arena_alloc(arena, (p->hospital_count + 1) * sizeof *s->shares);
    if (!s->groups || !s->hospitals || !s->cases || !s->weights || !s->shares) return dues_no_memory(p->err);
    for (size_t i = 0; i < p->group_count; i++)
        s->groups[i] = (points_group_t){
            .mean = p->groups[i]->mean_fen, .cases = p->groups[i]->cases, .variation = p->groups[i]->variation_ppm};
    for (size_t i = 0; i < p->hospital_count; i++)
        s->hospitals[i] =
            (points_hospital_t){.quality = p->hospitals[i]->quality_ppm, .paid = p->hospitals[i]->paid_fen};
    return 0;
}

static int make_cases(pool_t *p) {
    for (size_t i = 0; i < p->case_count; i++) {
        const Tc__PointsCase *c = p->cases[i];
        const int32_t hospital = place_of(p->hospital_names, p->hospital_count, c->facility);
        const int32_t group = *c->group ? place_of(p->group_names, p->group_count, c->group) : -1;
        const int mode = mode_of(c->mode);
        if (hospital < 0 || mode < 0)
            return err_field(p->err, E_NOT_FOUND, "cases", "case %.64s names a hospital or mode that is not there",
                             c->visit);
        p->points.cases[i] = (points_case_t){.hospital = hospital,
                                             .group = group,
                                             .mode = (points_mode_t)mode,
                                             .coefficient = c->coefficient_ppm,
                                             .cost = c->cost_fen,
                                             .patient = c->patient_fen,
                                             .daily = c->daily_fen,
                                             .days = c->days,
                                             .reviewed = c->reviewed,
                                             .denied = c->denied,
                                             .penalty = c->penalty};
    }
    return 0;
}

// Of a year: what the months settled here paid, where the list does not say.
static int add_paid(pool_t *p) {
    service_ctx_t *ctx = p->settlement->ctx;
    rows_t months;
    if (!p->period.yearly) return 0;
    int rc =
        clearing_months(ctx->store, p->period.year, p->clearing->fund, p->clearing->layer, ctx->arena, &months, p->err);
    for (size_t m = 0; m < months.count && !rc; m++) {
        pool_t month = {.settlement = p->settlement, .err = p->err};
        Tc__Clearing of = TC__CLEARING__INIT;
        of.number = (char *)row_text(&months, m, 0);
        month.clearing = &of;
        rc = read_rows(&month, CLEARING_HOSPITAL, &tc__points_hospital__descriptor, POINTS_HOSPITALS_MAX,
                       (ProtobufCMessage ***)&month.hospitals, &month.hospital_count);
        for (size_t i = 0; i < month.hospital_count && !rc; i++) {
            const int32_t at = place_of(p->hospital_names, p->hospital_count, month.hospitals[i]->facility);
            if (at < 0 || p->hospitals[at]->paid_given_case) continue;
            if (fen_add(p->points.hospitals[at].paid, month.hospitals[i]->pay_fen, &p->points.hospitals[at].paid))
                rc = err_field(p->err, E_OUT_OF_RANGE, "paid", "the amounts overflow");
        }
    }
    return rc;
}

static const char *kind_name(points_kind_t kind) {
    static const char *const names[] = {[POINTS_NORMAL] = "normal",       [POINTS_LOW] = "low",
                                        [POINTS_HIGH] = "high",           [POINTS_UNSTABLE] = "unstable",
                                        [POINTS_UNGROUPED] = "ungrouped", [POINTS_ITEM] = "item",
                                        [POINTS_BED_DAY] = "bed_day",     [POINTS_DENIED] = "denied"};
    CHECK((size_t)kind < COUNT_OF(names));
    return names[kind];
}

static int tell(pool_t *p) {
    const points_result_t *r = &p->result;
    Tc__Clearing *c = p->clearing;
    const char *const rules[] = {r->method_rule, r->modes_rule, r->figure_rule, r->clearing_rule, r->sharing_rule};
    c->average_fen = r->average, c->points = r->points, c->fees_fen = r->fees, c->patient_fen = r->patient;
    c->by_item_fen = r->by_item, c->difference_fen = r->difference, c->fund_fen = r->fund, c->value = r->value;
    c->status = (char *)r->status;
    c->groups = (int64_t)p->group_count, c->cases = (int64_t)p->case_count;
    c->rules = arena_alloc(p->settlement->ctx->arena, COUNT_OF(rules) * sizeof *c->rules);
    if (!c->rules) return dues_no_memory(p->err);
    for (size_t i = 0; i < COUNT_OF(rules); i++)
        if (rules[i] && *rules[i]) c->rules[c->n_rules++] = (char *)rules[i];
    for (size_t i = 0; i < p->hospital_count; i++) {
        const points_hospital_t *h = &p->points.hospitals[i];
        Tc__PointsHospital *said = p->hospitals[i];
        said->points = h->points, said->by_item_fen = h->by_item, said->patient_fen = h->patient;
        said->gross_fen = h->gross, said->due_fen = h->due, said->pay_fen = h->pay, said->held_fen = h->held;
        said->paid_given_case = TC__POINTS_HOSPITAL__PAID_GIVEN_PAID_FEN, said->paid_fen = h->paid;
    }
    for (size_t i = 0; i < p->case_count; i++) {
        p->cases[i]->kind = (char *)kind_name(p->points.cases[i].kind);
        p->cases[i]->points = p->points.cases[i].points;
    }
    return 0;
}

static int load(pool_t *p) {
    int rc = read_rows(p, CLEARING_GROUP, &tc__points_group__descriptor, POINTS_GROUPS_MAX,
                       (ProtobufCMessage ***)&p->groups, &p->group_count);
    if (!rc)
        rc = read_rows(p, CLEARING_HOSPITAL, &tc__points_hospital__descriptor, POINTS_HOSPITALS_MAX,
                       (ProtobufCMessage ***)&p->hospitals, &p->hospital_count);
    if (!rc)
        rc = read_rows(p, CLEARING_CASE, &tc__points_case__descriptor, POINTS_CASES_MAX,
                       (ProtobufCMessage ***)&p->cases, &p->case_count);
    if (!rc) rc = name_rows(p);
    if (!rc) rc = make_points(p);
    if (!rc) rc = make_cases(p);
    return rc ? rc : add_paid(p);
}

// ---- what waits for the hospitals' statements

typedef struct claiming {
    const char *facility, *reference, *held_reference;
    int64_t kind;
    fen_t amount, hold;
} claiming_t;

static int add_claim(const pool_t *p, const claiming_t *claim, const char *by, rows_t *rows) {
    cell_t *row = rows_add(rows);
    if (!row) return dues_no_memory(p->err);
    const cell_t cells[DUES_CLAIM_COLUMNS] = {cell_text(claim->facility),
                                              cell_text(claim->reference),
                                              cell_i64(claim->kind),
                                              cell_text(claim->held_reference),
                                              cell_text(p->clearing->fund),
                                              cell_text(p->clearing->layer),
                                              cell_i64(claim->amount),
                                              cell_i64(claim->hold),
                                              cell_i64(RATE_ONE),
                                              cell_text(p->clearing->period),
                                              cell_text(by),
                                              cell_i64(0)};
    memcpy(row, cells, sizeof cells);
    return 0;
}

// What is kept back of the year's months; they must all be in statements.
static int held_so_far(const pool_t *p, const char *facility, const char *reference, fen_t *out) {
    service_ctx_t *ctx = p->settlement->ctx;
    rows_t found;
    *out = 0;
    int rc = dues_claims_open(ctx->store, facility, DUES_CLAIMS_MAX, ctx->arena, &found, p->err);
    for (size_t i = 0; i < found.count && !rc; i++)
        if (strcmp(row_text(&found, i, 2), reference) == 0)
            rc =
                err_field(p->err, E_OUT_OF_RANGE, "clearing",
                          "%.64s waits for the statement of %.64s: draw it up first", row_text(&found, i, 0), facility);
    if (!rc) rc = dues_held(ctx->store, facility, reference, ctx->arena, &found, p->err);
    for (size_t i = 0; i < found.count && !rc; i++) rc = fen_add(*out, row_i64(&found, i, 4), out);
    return rc;
}

static int claim_hospital(const pool_t *p, size_t i, const char *held_reference, const char *by, rows_t *rows) {
    const points_hospital_t *h = &p->points.hospitals[i];
    const char *number = p->clearing->number;
    claiming_t claim = {p->hospitals[i]->facility, number, held_reference, DUES_CLEARING, 0, 0};
    fen_t held = 0;
    int rc;
    if (!p->period.yearly) {
        rc = fen_sub(h->due, h->by_item, &claim.amount);
        claim.hold = h->held;
    } else {
        rc = held_so_far(p, claim.facility, held_reference, &held);
        if (!rc) rc = fen_sub(h->pay, held, &claim.amount);
    }
    if (rc) return rc == E_OUT_OF_RANGE && !*p->err->text ? err_set(p->err, rc, "the amounts overflow") : rc;
    rc = add_claim(p, &claim, by, rows);
    if (rc || !p->period.yearly) return rc;
    claim.reference = arena_text(p->settlement->ctx->arena, "%s.release", number);
    claim.kind = DUES_EVALUATION, claim.amount = 0;
    return claim.reference ? add_claim(p, &claim, by, rows) : dues_no_memory(p->err);
}

static int make_claims(const pool_t *p, const char *by, rows_t *rows) {
    const char *held_reference =
        arena_text(p->settlement->ctx->arena, "points:%d:%s:%s", p->period.year, p->clearing->fund, p->clearing->layer);
    int rc = held_reference ? 0 : dues_no_memory(p->err);
    rows_init(rows, p->settlement->ctx->arena, DUES_CLAIM_COLUMNS);
    for (size_t i = 0; i < p->hospital_count && !rc; i++) rc = claim_hospital(p, i, held_reference, by, rows);
    return rc;
}

static int put_row(const pool_t *p, clearing_row_t kind, const char *name, int64_t place,
                   const ProtobufCMessage *message, rows_t *rows) {
    size_t bytes;
    cell_t *row = rows_add(rows);
    const void *body = message_pack(message, p->settlement->ctx->arena, &bytes);
    if (!row || !body) return dues_no_memory(p->err);
    const cell_t cells[CLEARING_ROW_COLUMNS] = {cell_text(p->clearing->number), cell_i64(kind), cell_text(name),
                                                cell_i64(place), cell_blob(body, bytes)};
    memcpy(row, cells, sizeof cells);
    return 0;
}

// The hospitals go into rows of their own, so the clearing's body stays small.
static int write_all(pool_t *p, const rows_t *claims) {
    service_ctx_t *ctx = p->settlement->ctx;
    rows_t rows;
    size_t bytes;
    int rc = 0;
    rows_init(&rows, ctx->arena, CLEARING_ROW_COLUMNS);
    for (size_t i = 0; i < p->hospital_count && !rc; i++)
        rc = put_row(p, CLEARING_HOSPITAL, p->hospitals[i]->facility, 1, &p->hospitals[i]->base, &rows);
    for (size_t i = 0; i < p->case_count && !rc; i++)
        rc = put_row(p, CLEARING_CASE, p->cases[i]->visit, p->cases[i]->row, &p->cases[i]->base, &rows);
    p->clearing->state = (char *)"settled";
    const void *body = message_pack(&p->clearing->base, ctx->arena, &bytes);
    if (!rc && !body) rc = dues_no_memory(p->err);
    if (!rc) rc = clearing_close(ctx->store, p->clearing->number, body, bytes, ctx->arena, p->err);
    CRASH_POINT("clearing_before_rows");
    if (!rc && rows.count) rc = clearing_rows_put(ctx->store, &rows, p->err);
    CRASH_POINT("clearing_before_claims");
    if (!rc && claims->count) rc = dues_claim_insert(ctx->store, claims, p->err);
    CRASH_POINT("clearing_before_pending");
    for (size_t i = 0; i < p->hospital_count && !rc; i++)
        rc = dues_facility_pending(ctx->store, p->hospitals[i]->facility, p->err);
    return rc;
}

int clearing_settle(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                    err_t *err) {
    settlement_t *settlement = self;
    const Tc__SettleClearing *ask = (const Tc__SettleClearing *)message;
    err_t own = {0};
    pool_t p = {.settlement = settlement, .err = err ? err : &own};
    rows_t claims;
    int rc = read_clearing(settlement, ask->clearing, &p.clearing, err);
    if (!rc && strcmp(p.clearing->state, "open") != 0)
        rc = err_field(err, E_EXISTS, "clearing", "the clearing is settled");
    if (!rc && !settlement->policy) rc = err_set(err, E_UNSUPPORTED, "no city is configured");
    if (!rc) rc = parse_period(p.clearing->period, &p.period, err);
    if (!rc) rc = load(&p);
    if (!rc) rc = points_settle(settlement->policy, &p.points, &p.result, err);
    if (!rc) rc = tell(&p);
    if (!rc && !ask->dry) rc = make_claims(&p, request->header.caller, &claims);
    if (!rc && !ask->dry) rc = write_all(&p, &claims);
    if (rc) return rc;
    p.clearing->hospitals = p.hospitals;
    p.clearing->n_hospitals = p.hospital_count;
    *reply = &p.clearing->base;
    return 0;
}

// ---- reading

int clearing_get(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                 err_t *err) {
    pool_t p = {.settlement = self, .err = err};
    (void)request;
    int rc = read_clearing(self, ((const Tc__GetClearing *)message)->clearing, &p.clearing, err);
    if (!rc)
        rc = read_rows(&p, CLEARING_HOSPITAL, &tc__points_hospital__descriptor, POINTS_HOSPITALS_MAX,
                       (ProtobufCMessage ***)&p.hospitals, &p.hospital_count);
    if (rc) return rc;
    p.clearing->hospitals = p.hospitals;
    p.clearing->n_hospitals = p.hospital_count;
    *reply = &p.clearing->base;
    return 0;
}

int clearing_cases(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                   err_t *err) {
    service_ctx_t *ctx = ((settlement_t *)self)->ctx;
    const Tc__GetClearing *ask = (const Tc__GetClearing *)message;
    const int limit = dues_page(ask->limit, CASES_DEFAULT);
    rows_t found;
    (void)request;
    int rc = clearing_rows(ctx->store, ask->clearing, CLEARING_CASE, ask->after, limit, ctx->arena, &found, err);
    Tc__PointsCases *list = rc ? NULL : arena_alloc(ctx->arena, sizeof *list);
    if (!list) return rc ? rc : dues_no_memory(err);
    tc__points_cases__init(list);
    list->cases = arena_alloc(ctx->arena, (found.count + 1) * sizeof *list->cases);
    if (!list->cases) return dues_no_memory(err);
    for (size_t i = 0; i < found.count && !rc; i++) {
        size_t bytes;
        const void *body = row_blob(&found, i, 2, &bytes);
        rc = message_unpack((ProtobufCMessage **)&list->cases[list->n_cases++], &tc__points_case__descriptor, body,
                            bytes, ctx->arena, err);
    }
    if (rc) return rc;
    if (found.count == (size_t)limit) list->next = row_i64(&found, found.count - 1, 1);
    *reply = &list->base;
    return 0;
}
