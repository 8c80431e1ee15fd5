// Kind `coverage`: is the person covered on a day, and with how many continuous months.
#include "kind.h"
#include "services/collection/coverage.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CONTRIBUTIONS_MOST = 10000 };

static const field_t fields[] = {
    {"as_of", FIELD_DATE, NULL, "the day that is asked about", NULL, NULL, false, NULL},
    {"known_on", FIELD_DATE, "", "hides payments made after it", NULL, NULL, false, NULL},
    {"born", FIELD_DATE, "", "a newborn is covered from birth", NULL, NULL, true, NULL},
    {"contributions", FIELD_LIST, NULL, "in any order; a month counts once, by its earliest payment", NULL, NULL, false,
     NULL},
    {"contributions[].identity", FIELD_WORD, NULL, "not `retiree`: cover for life is no contribution", NULL,
     identity_names, false, NULL},
    {"contributions[].months", FIELD_MONTH_SPAN, "", "first and last, of those who pay by the month", NULL, NULL, false,
     NULL},
    {"contributions[].year", FIELD_YEAR, "", "of those who pay by the year", NULL, NULL, false, NULL},
    {"contributions[].paid", FIELD_DATE, NULL,
     "the day, for the whole span; on time is each month's last day, a year's the last day before it", "on_time", NULL,
     false, NULL},
    {"contributions[].applied_on", FIELD_DATE, "",
     "of the unemployed: the day of application, if not in the first month", NULL, NULL, false, NULL},
};

static bool has_bit(uint32_t set, int identity) { return identity >= 0 && (set >> identity & 1); }

// ---- faults, one kind after the other

static bool is_insured(const eval_case_t *item, int identity) {
    return policy_has_identity(item->eval->policy, (identity_t)identity);
}

static const char *expected_of(const eval_case_t *item) { // NULL: the city does not tell who pays how
    const policy_coverage_t *rules = policy_coverage(item->eval->policy);
    const int identity = case_word(item, "identity", identity_from_name);
    if ((!rules->decides && !rules->yearly) || !is_insured(item, identity)) return NULL;
    return has_bit(rules->yearly, identity) ? "year" : "months";
}

// By presence alone: an identity that is no word of ours, or that pays nothing, asks for nothing.
static int look_missing(const eval_case_t *item) {
    const int identity = case_word(item, "identity", identity_from_name);
    if (identity < 0 || has_bit(policy_coverage(item->eval->policy)->lifelong, identity)) return E_OK;
    const char *expected = expected_of(item);
    if (!expected) expected = json_object_get(item->node, "year") ? "year" : "months";
    if (json_object_get(item->node, expected)) return E_OK;
    return case_fail(item, E_MISSING_FIELD, expected, "%s%s is missing", item->where, expected);
}

static int look_invalid(const eval_case_t *item) {
    const policy_coverage_t *rules = policy_coverage(item->eval->policy);
    const char *expected = expected_of(item), *who = case_text(item, "identity");
    const int identity = case_word(item, "identity", identity_from_name);
    if (has_bit(rules->lifelong, identity))
        return case_fail(item, E_INVALID_FIELD, "identity", "%sidentity: cover for life is no contribution",
                         item->where);
    const char *other = expected && strcmp(expected, "year") == 0 ? "months" : "year";
    if (expected && case_has(item, other))
        return case_fail(item, E_INVALID_FIELD, other, "%s%s: contributions of %s have %s", item->where, other, who,
                         expected);
    if (case_has(item, "applied_on") && rules->decides && is_insured(item, identity) &&
        !has_bit(rules->from_application, identity))
        return case_fail(item, E_INVALID_FIELD, "applied_on", "%sapplied_on: cover of %s begins with no application",
                         item->where, who);
    return E_OK;
}

static int look_range(const eval_case_t *item) {
    month_t first, last;
    if (!case_month_span(item, "months", &first, &last) || first <= last) return E_OK;
    return case_fail(item, E_OUT_OF_RANGE, "months", "%smonths: ends before it begins", item->where);
}

static int look_unsupported(const eval_case_t *item) {
    if (is_insured(item, case_word(item, "identity", identity_from_name))) return E_OK;
    return case_fail(item, E_UNSUPPORTED, "identity", "%sidentity: %s is not insured here", item->where,
                     case_text(item, "identity"));
}

static int required(const eval_case_t *c) {
    for (size_t i = 0; i < case_size(c, "contributions"); i++) {
        const eval_case_t item = case_item(c, "contributions", i);
        int rc = json_is_object(item.node) ? look_missing(&item) : E_OK;
        if (rc) return rc;
    }
    return E_OK;
}

static int look_at_all(const eval_case_t *c, int (*look_at)(const eval_case_t *)) {
    int rc = E_OK;
    for (size_t i = 0; i < case_size(c, "contributions") && !rc; i++) {
        const eval_case_t item = case_item(c, "contributions", i);
        rc = look_at(&item);
    }
    return rc;
}

static int look(const eval_case_t *c) {
    int rc = look_at_all(c, look_invalid);
    if (!rc) rc = look_at_all(c, look_range);
    if (!rc && case_size(c, "contributions") > CONTRIBUTIONS_MOST)
        rc = case_fail(c, E_OUT_OF_RANGE, "contributions", "contributions: at most %d", CONTRIBUTIONS_MOST);
    return rc ? rc : look_at_all(c, look_unsupported);
}

// ---- the answer

static date_t paid_of(const eval_case_t *item) {
    return strcmp(case_text(item, "paid"), "on_time") == 0 ? PAID_ON_TIME : case_date(item, "paid");
}

static void add_contribution(const eval_case_t *item, coverage_input_t *in, coverage_months_t *months,
                             coverage_year_t *years) {
    const identity_t identity = (identity_t)case_word(item, "identity", identity_from_name);
    month_t first, last;
    if (case_month_span(item, "months", &first, &last))
        months[in->month_count++] =
            (coverage_months_t){first, last, identity, paid_of(item), case_date(item, "applied_on")};
    else
        years[in->year_count++] = (coverage_year_t){(int)case_count(item, "year"), identity, paid_of(item)};
}

// With two decimals at least, as the shares are printed: "0.70".
static void tell_scale(rate_t scale, json_t *answer) {
    char text[FEN_TEXT_MAX], padded[FEN_TEXT_MAX + 3];
    rate_format(scale, text);
    const char *dot = strchr(text, '.');
    const size_t decimals = dot ? strlen(dot + 1) : 0;
    snprintf(padded, sizeof padded, "%s%s", text, !dot ? ".00" : decimals < 2 ? "0" : "");
    answer_text(answer, "scale", padded);
}

static void tell(const coverage_day_t *day, json_t *answer) {
    answer_yes(answer, "covered", day->covered);
    json_t *months = answer_object(answer, "months");
    answer_count(months, "tier1", day->months_tier1);
    answer_count(months, "tier2", day->months_tier2);
    tell_scale(day->scale, answer);
    answer_count(answer, "arrears", day->arrears);
    answer_yes(answer, "interrupted", day->interrupted);
    answer_date(answer, "from", day->from);
    answer_date(answer, "until", day->until);
    answer_text(answer, "reason", day->reason);
}

static int run(const eval_case_t *c, json_t *answer) {
    int rc = look(c);
    if (rc) return rc;
    const size_t count = case_size(c, "contributions");
    coverage_months_t *months = calloc(count + 1, sizeof *months);
    coverage_year_t *years = calloc(count + 1, sizeof *years);
    coverage_input_t in = {
        .months = months, .years = years, .gaps_owed = true, .born = case_date(c, "born"), .lifelong_from = MONTH_NONE};
    coverage_day_t day;
    if (!months || !years) {
        rc = err_set(c->err, E_IO, "out of memory");
        goto done;
    }
    for (size_t i = 0; i < count; i++) {
        const eval_case_t item = case_item(c, "contributions", i);
        add_contribution(&item, &in, months, years);
    }
    const date_t known_on = case_has(c, "known_on") ? case_date(c, "known_on") : DATE_MAX;
    rc = coverage_on(c->eval->policy, &in, case_date(c, "as_of"), known_on, &day, c->err);
    if (!rc) tell(&day, answer);
done:
    free(years);
    free(months);
    return rc;
}

const eval_kind_t kind_coverage = {
    .name = "coverage",
    .says =
        "Is the person covered on a day, and with how many continuous months. `from` is the first day of the unbroken "
        "cover, `until` the last covered day of a person who is not covered. `scale` is the share of the limits of "
        "tier 1 "
        "and of catastrophic insurance that the months of tier 1 give; those of tier 2 have the same steps. `arrears` "
        "are "
        "unpaid contribution months in a row before this one; a month that is not listed is one.",
    .fields = fields,
    .field_count = COUNT_OF(fields),
    .run = run,
    .required = required,
    .example = "{\"id\":\"v1\",\"as_of\":\"2019-07-20\",\"born\":null,\"contributions\":[\n"
               "  {\"identity\":\"employee\",\"months\":[\"2017-09\",\"2019-04\"],\"paid\":\"on_time\"},\n"
               "  {\"identity\":\"employee\",\"months\":[\"2019-05\",\"2019-07\"],\"paid\":\"2019-08-10\"},\n"
               "  {\"identity\":\"resident\",\"year\":2020,\"paid\":\"2019-11-02\"}]}",
    .answer = "{\"id\":\"v1\",\"covered\":true,\"months\":{\"tier1\":22,\"tier2\":22},\"scale\":\"0.70\",\"arrears\":0,"
              "\"interrupted\":false,\"from\":\"2017-10-01\",\"until\":null,\n"
              " \"reason\":\"covered as employee by the contribution of 2019-06\"}",
};
