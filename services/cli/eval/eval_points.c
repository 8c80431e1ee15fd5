// Kind `points`: points settlement with hospitals for a month or a year.
#include "kind.h"
#include "common/base/arena.h"
#include "services/settlement/points.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const field_t fields[] = {
    {"year", FIELD_YEAR, "", "either this or `month`", NULL, NULL, false, NULL},
    {"month", FIELD_MONTH, "", "", NULL, NULL, false, NULL},
    {"budget", FIELD_MONEY, NULL, "of the fund for the year, or its part for the month", NULL, NULL, false, NULL},
    {"average", FIELD_MONEY, "", "mean cost of all cases; else from `groups`", NULL, NULL, false, NULL},
    {"groups", FIELD_LIST, NULL, "over the reference period, outliers trimmed", NULL, NULL, false, NULL},
    {"groups[].code", FIELD_TEXT, NULL, "", NULL, NULL, false, NULL},
    {"groups[].mean", FIELD_MONEY, NULL, "mean cost of its cases", NULL, NULL, false, NULL},
    {"groups[].cases", FIELD_COUNT, NULL, "", NULL, NULL, false, NULL},
    {"groups[].variation", FIELD_RATE, "0", "coefficient of variation of their cost", NULL, NULL, false, NULL},
    {"hospitals", FIELD_LIST, NULL, "", NULL, NULL, false, NULL},
    {"hospitals[].code", FIELD_TEXT, NULL, "", NULL, NULL, false, NULL},
    {"hospitals[].quality", FIELD_RATE, "1", "factor of the yearly evaluation", NULL, NULL, false, NULL},
    {"hospitals[].paid", FIELD_MONEY, "0.00", "so far in the year", NULL, NULL, false, NULL},
    {"hospitals[].figure", FIELD_MONEY, "", "its yearly figure of the global control; told beside, never used", NULL,
     NULL, false, NULL},
    {"coefficients", FIELD_LIST, "", "of hospitals in groups; 1 where none is given", NULL, NULL, false, NULL},
    {"coefficients[].hospital", FIELD_TEXT, NULL, "", NULL, NULL, false, NULL},
    {"coefficients[].group", FIELD_TEXT, NULL, "", NULL, NULL, false, NULL},
    {"coefficients[].value", FIELD_RATE, NULL, "", NULL, NULL, false, NULL},
    {"cases", FIELD_LIST, NULL, "", NULL, NULL, false, NULL},
    {"cases[].hospital", FIELD_TEXT, NULL, "", NULL, NULL, false, NULL},
    {"cases[].group", FIELD_TEXT, "", "none: ungrouped", NULL, NULL, true, NULL},
    {"cases[].mode", FIELD_WORD, "drg", "", "drg, bed_day, item", NULL, false, NULL},
    {"cases[].cost", FIELD_MONEY, NULL, "", NULL, NULL, false, NULL},
    {"cases[].patient", FIELD_MONEY, NULL, "what the patient and other payers paid of it", NULL, NULL, false, NULL},
    {"cases[].days", FIELD_COUNT, "", "with mode `bed_day`", NULL, NULL, false, NULL},
    {"cases[].daily", FIELD_MONEY, "", "standard of a day, with mode `bed_day`", NULL, NULL, false, NULL},
    {"cases[].reviewed", FIELD_YES_NO, "false", "a high outlier counts as one only after review", NULL, NULL, false,
     NULL},
    {"cases[].denied", FIELD_YES_NO, "false", "the case gets no points and takes no part", NULL, NULL, false, NULL},
    {"cases[].penalty", FIELD_RATE, "0", "points taken off, at most four decimals", NULL, NULL, false, NULL},
};

static const char *const kind_names[POINTS_KIND__COUNT] = {"normal",    "low",  "high",    "unstable",
                                                           "ungrouped", "item", "bed_day", "denied"};

static int mode_from_name(const char *name) {
    return strcmp(name, "drg") == 0 ? POINTS_BY_DRG : strcmp(name, "item") == 0 ? POINTS_BY_ITEM : POINTS_BY_BED_DAY;
}

// ---- names of groups and hospitals, to find them by

typedef struct named_at {
    const char *name;
    int32_t at;
} named_at_t;

typedef struct rated { // a coefficient
    int32_t hospital, group;
    rate_t value;
} rated_t;

typedef struct asked { // one case of the kind, made of arena memory
    arena_t *arena;
    points_pool_t pool;
    named_at_t *groups, *hospitals;
    rated_t *rated;
    size_t rated_count;
} asked_t;

static int by_name(const void *left, const void *right) {
    return strcmp(((const named_at_t *)left)->name, ((const named_at_t *)right)->name);
}

static int by_place(const void *left, const void *right) {
    const rated_t *a = left, *b = right;
    if (a->hospital != b->hospital) return a->hospital < b->hospital ? -1 : 1;
    return (a->group > b->group) - (a->group < b->group);
}

static int find(const named_at_t *names, size_t count, const char *name) {
    const named_at_t key = {name, 0}, *found = bsearch(&key, names, count, sizeof *names, by_name);
    return found ? found->at : -1;
}

static void *room(const asked_t *a, size_t count, size_t size) { return arena_alloc(a->arena, count * size + 1); }

static int no_memory(const eval_case_t *c) { return err_set(c->err, E_IO, "no memory for the case"); }

// The codes of a list, sorted; each stands once.
static int read_names(const eval_case_t *c, const asked_t *a, const char *list, named_at_t **out) {
    const size_t count = case_size(c, list);
    named_at_t *names = room(a, count, sizeof *names);
    if (!names) return no_memory(c);
    for (size_t i = 0; i < count; i++) {
        eval_case_t item = case_item(c, list, i);
        names[i] = (named_at_t){case_text(&item, "code"), (int32_t)i};
    }
    qsort(names, count, sizeof *names, by_name);
    for (size_t i = 1; i < count; i++)
        if (strcmp(names[i - 1].name, names[i].name) == 0)
            return case_fail(c, E_INVALID_FIELD, list, "%s: %.60s stands here twice", list, names[i].name);
    *out = names;
    return E_OK;
}

static int find_hospital(const eval_case_t *item, const asked_t *a, int32_t *out) {
    *out = find(a->hospitals, a->pool.hospital_count, case_text(item, "hospital"));
    if (*out >= 0) return E_OK;
    return case_fail(item, E_INVALID_FIELD, "hospital", "hospital: expected one of `hospitals`");
}

static int find_group(const eval_case_t *item, const asked_t *a, int32_t *out) {
    const char *name = case_text(item, "group");
    *out = name ? find(a->groups, a->pool.group_count, name) : -1;
    if (!name || *out >= 0) return E_OK;
    return case_fail(item, E_INVALID_FIELD, "group", "group: expected one of `groups`");
}

// ---- fields that only others make required: by presence alone

static int required(const eval_case_t *c) {
    static const char *const by_day[] = {"days", "daily"};
    const json_t *cases = json_object_get(c->node, "cases");
    if (!json_object_get(c->node, "year") && !json_object_get(c->node, "month"))
        return case_fail(c, E_MISSING_FIELD, "year", "year is missing, or month");
    for (size_t i = 0; i < json_array_size(cases); i++) {
        const char *mode = json_string_value(json_object_get(json_array_get(cases, i), "mode"));
        if (!mode || strcmp(mode, "bed_day") != 0) continue;
        const eval_case_t item = case_item(c, "cases", i);
        for (size_t k = 0; k < COUNT_OF(by_day); k++)
            if (!json_object_get(item.node, by_day[k]))
                return case_fail(&item, E_MISSING_FIELD, by_day[k], "%s%s is missing: mode bed_day has both",
                                 item.where, by_day[k]);
    }
    return E_OK;
}

// ---- reading

static int read_groups(const eval_case_t *c, asked_t *a) {
    a->pool.group_count = case_size(c, "groups");
    a->pool.groups = room(a, a->pool.group_count, sizeof *a->pool.groups);
    if (!a->pool.groups) return no_memory(c);
    for (size_t i = 0; i < a->pool.group_count; i++) {
        eval_case_t item = case_item(c, "groups", i);
        a->pool.groups[i] = (points_group_t){.mean = case_money(&item, "mean"),
                                             .cases = case_count(&item, "cases"),
                                             .variation = case_rate(&item, "variation")};
    }
    return read_names(c, a, "groups", &a->groups);
}

static int read_hospitals(const eval_case_t *c, asked_t *a) {
    points_pool_t *pool = &a->pool;
    pool->hospital_count = case_size(c, "hospitals");
    pool->hospitals = room(a, pool->hospital_count, sizeof *pool->hospitals);
    pool->weights = room(a, pool->hospital_count, sizeof *pool->weights);
    pool->shares = room(a, pool->hospital_count, sizeof *pool->shares);
    if (!pool->hospitals || !pool->weights || !pool->shares) return no_memory(c);
    for (size_t i = 0; i < pool->hospital_count; i++) {
        eval_case_t item = case_item(c, "hospitals", i);
        pool->hospitals[i] =
            (points_hospital_t){.quality = case_rate(&item, "quality"), .paid = case_money(&item, "paid")};
    }
    return read_names(c, a, "hospitals", &a->hospitals);
}

static int read_coefficients(const eval_case_t *c, asked_t *a) {
    a->rated_count = case_size(c, "coefficients");
    a->rated = room(a, a->rated_count, sizeof *a->rated);
    if (!a->rated) return no_memory(c);
    for (size_t i = 0; i < a->rated_count; i++) {
        eval_case_t item = case_item(c, "coefficients", i);
        int rc = find_hospital(&item, a, &a->rated[i].hospital);
        if (!rc) rc = find_group(&item, a, &a->rated[i].group);
        if (rc) return rc;
        a->rated[i].value = case_rate(&item, "value");
    }
    qsort(a->rated, a->rated_count, sizeof *a->rated, by_place);
    for (size_t i = 1; i < a->rated_count; i++)
        if (by_place(&a->rated[i - 1], &a->rated[i]) == 0)
            return case_fail(c, E_INVALID_FIELD, "coefficients", "coefficients: a hospital stands twice for a group");
    return E_OK;
}

static int read_case(const eval_case_t *item, const asked_t *a, points_case_t *to) {
    *to = (points_case_t){.mode = (points_mode_t)case_word(item, "mode", mode_from_name),
                          .coefficient = RATE_ONE,
                          .cost = case_money(item, "cost"),
                          .patient = case_money(item, "patient"),
                          .daily = case_money(item, "daily"),
                          .days = case_count(item, "days"),
                          .reviewed = case_yes(item, "reviewed"),
                          .denied = case_yes(item, "denied")};
    const rate_t penalty = case_rate(item, "penalty"), unit = (rate_t)(RATE_ONE / POINT_ONE);
    int rc = find_hospital(item, a, &to->hospital);
    if (!rc) rc = find_group(item, a, &to->group);
    if (rc) return rc;
    if (to->mode != POINTS_BY_BED_DAY && (case_has(item, "days") || case_has(item, "daily")))
        return case_fail(item, E_INVALID_FIELD, case_has(item, "days") ? "days" : "daily",
                         "days and daily belong to mode bed_day");
    if (penalty % unit) return case_fail(item, E_INVALID_FIELD, "penalty", "penalty: expected at most four decimals");
    to->penalty = penalty / unit;
    const rated_t key = {to->hospital, to->group, 0},
                  *rated = bsearch(&key, a->rated, a->rated_count, sizeof *a->rated, by_place);
    if (rated) to->coefficient = rated->value;
    return E_OK;
}

static int read_cases(const eval_case_t *c, asked_t *a) {
    int rc = E_OK;
    a->pool.case_count = case_size(c, "cases");
    a->pool.cases = room(a, a->pool.case_count, sizeof *a->pool.cases);
    if (!a->pool.cases) return no_memory(c);
    for (size_t i = 0; i < a->pool.case_count && !rc; i++) {
        eval_case_t item = case_item(c, "cases", i);
        rc = read_case(&item, a, &a->pool.cases[i]);
    }
    return rc;
}

static int read_time(const eval_case_t *c, points_pool_t *pool) {
    pool->yearly = case_has(c, "year");
    if (pool->yearly && case_has(c, "month"))
        return case_fail(c, E_INVALID_FIELD, "month", "month: expected either a year or a month");
    pool->on = pool->yearly ? date_make((int)case_count(c, "year"), 12, 31) : month_last(case_month(c, "month"));
    pool->budget = case_money(c, "budget");
    pool->average = case_money(c, "average");
    return E_OK;
}

// ---- writing

static void answer_decimals(json_t *to, const char *key, int64_t value, int64_t one, int decimals) {
    char text[40];
    const int64_t size = value < 0 ? -value : value;
    snprintf(text, sizeof text, "%s%lld.%0*lld", value < 0 ? "-" : "", (long long)(size / one), decimals,
             (long long)(size % one));
    answer_text(to, key, text);
}

static void answer_points(json_t *to, const char *key, int64_t points) {
    answer_decimals(to, key, points, POINT_ONE, 4);
}

static void answer_groups(const eval_case_t *c, const points_pool_t *pool, json_t *list) {
    for (size_t i = 0; i < pool->group_count; i++) {
        eval_case_t item = case_item(c, "groups", i);
        json_t *to = answer_entry(list);
        answer_text(to, "code", case_text(&item, "code"));
        answer_points(to, "points", pool->groups[i].points);
        answer_yes(to, "stable", pool->groups[i].stable);
    }
}

static void answer_cases(const points_pool_t *pool, json_t *list) {
    for (size_t i = 0; i < pool->case_count; i++) {
        json_t *to = answer_entry(list);
        answer_text(to, "kind", kind_names[pool->cases[i].kind]);
        answer_points(to, "points", pool->cases[i].points);
    }
}

static fen_t answer_hospitals(const eval_case_t *c, const points_pool_t *pool, json_t *list) {
    fen_t paid = 0;
    for (size_t i = 0; i < pool->hospital_count; i++) {
        eval_case_t item = case_item(c, "hospitals", i);
        const points_hospital_t *h = &pool->hospitals[i];
        json_t *to = answer_entry(list);
        answer_text(to, "code", case_text(&item, "code"));
        answer_points(to, "points", h->points);
        answer_money(to, "gross", h->gross);
        answer_money(to, "patient", h->patient);
        answer_money(to, "due", h->due);
        answer_money(to, pool->yearly ? "clearing" : "pay", h->pay);
        if (!pool->yearly) answer_money(to, "held", h->held);
        if (case_has(&item, "figure")) { // by item, as the figure is set before the year
            answer_money(to, "by_item", h->by_item);
            answer_money(to, "figure", case_money(&item, "figure"));
            answer_money(to, "over_figure", fen_max(h->by_item - case_money(&item, "figure"), 0));
        }
        paid += h->pay;
    }
    return paid;
}

static void answer_steps(const eval_case_t *c, const points_pool_t *pool, const points_result_t *r, fen_t paid,
                         json_t *list) {
    const policy_t *policy = c->eval->policy;
    answer_step(list, policy, r->modes_rule, r->fees);
    answer_step(list, policy, r->figure_rule, pool->budget);
    if (pool->yearly) answer_step(list, policy, r->sharing_rule, r->fund - pool->budget);
    answer_step(list, policy, r->method_rule, r->fund + r->patient);
    if (pool->yearly) answer_step(list, policy, r->clearing_rule, paid);
}

static void answer_all(const eval_case_t *c, const points_pool_t *pool, const points_result_t *r, json_t *answer) {
    answer_text(answer, "status", r->status);
    answer_money(answer, "average", r->average);
    answer_groups(c, pool, answer_list(answer, "groups"));
    answer_cases(pool, answer_list(answer, "cases"));
    answer_points(answer, "points", r->points);
    answer_money(answer, "fees", r->fees);
    answer_money(answer, "patient", r->patient);
    answer_money(answer, "by_item", r->by_item);
    if (pool->yearly) answer_money(answer, "difference", r->difference);
    answer_money(answer, "fund", r->fund);
    answer_decimals(answer, "value", r->value, 100000, 5);
    fen_t paid = answer_hospitals(c, pool, answer_list(answer, "hospitals"));
    answer_steps(c, pool, r, paid, answer_list(answer, "steps"));
}

static int run(const eval_case_t *c, json_t *answer) {
    asked_t a = {.arena = arena_new(256 * 1024, 0)};
    points_result_t result;
    if (!a.arena) return no_memory(c);
    int rc = read_time(c, &a.pool);
    if (!rc) rc = read_groups(c, &a);
    if (!rc) rc = read_hospitals(c, &a);
    if (!rc) rc = read_coefficients(c, &a);
    if (!rc) rc = read_cases(c, &a);
    if (!rc) rc = points_settle(c->eval->policy, &a.pool, &result, c->err);
    if (!rc) answer_all(c, &a.pool, &result, answer);
    arena_destroy(&a.arena);
    return rc;
}

const eval_kind_t kind_points = {
    .name = "points",
    .says = "Points settlement with hospitals for a month or a year; one fund at a time. Order and rounding: "
            "docs/policy.md, "
            "Points.",
    .fields = fields,
    .field_count = COUNT_OF(fields),
    .run = run,
    .required = required,
    .example = "{\"id\":\"q1\",\"year\":2022,\"budget\":\"80000.00\",\"groups\":[{\"code\":\"A\",\"mean\":\"9600.00\","
               "\"cases\":"
               "30}],"
               "\"hospitals\":[{\"code\":\"H1\",\"paid\":\"70000.00\"}],\"coefficients\":[{\"hospital\":\"H1\","
               "\"group\":\"A\","
               "\"value\":\"1.10\"}],\"cases\":[{\"hospital\":\"H1\",\"group\":\"A\",\"cost\":\"9000.00\",\"patient\":"
               "\"2500.00\"}"
               "]}",
};
