// The calendar does the counting; here stands from which day it counts.
#include "cash_cycle.h"

// The last working day on or before `date`. Ends at the latest in the first year that is not loaded.
static int workday_before(const calendar_t *calendar, date_t date, date_t *out, err_t *err) {
    for (date_t day = date;; day--) {
        bool workday = false;
        int rc = calendar_is_workday(calendar, day, &workday, err);
        if (rc) return rc;
        if (workday) {
            *out = day;
            return E_OK;
        }
    }
}

int month_day_date(const month_day_t *rule, const calendar_t *calendar, month_t month, date_t *out, date_t *latest,
                   err_t *err) {
    const month_t in = month + rule->months_after;
    int64_t day = 0;
    date_t after;
    int rc = ref_value(&rule->day, month_first(month), 0, &day, err);
    if (rc) return rc;
    if (day < 1 || day > 31) return err_field(err, E_OUT_OF_RANGE, "day", "%lld is no day of a month", (long long)day);
    const date_t last = month_last(in), named = month_first(in) + (date_t)day - 1;
    date_t date = (named < last ? named : last) - rule->before;
    rc = latest || rule->shift == SHIFT_LATER ? calendar_add_workdays(calendar, date, 0, &after, err) : E_OK;
    if (rc) return rc;
    if (latest) *latest = after;
    if (rule->shift == SHIFT_LATER) date = after;
    if (rule->shift == SHIFT_EARLIER) rc = workday_before(calendar, date, &date, err);
    if (!rc) *out = date;
    return rc;
}

static int income_days(const cash_cycle_rules_t *rules, const calendar_t *calendar, cash_month_t *out, err_t *err) {
    int rc = E_OK;
    out->remit_count = rules->remit_workdays;
    for (uint32_t i = 0; i < out->remit_count && !rc; i++)
        rc = calendar_nth_workday(calendar, out->month, (int)i - (int)out->remit_count, &out->remit[i], err);
    return rc ? rc : calendar_nth_workday(calendar, out->month, -1, &out->sweep, err);
}

static int plan_days(const cash_cycle_rules_t *rules, const calendar_t *calendar, cash_month_t *out, err_t *err) {
    date_t next_workday;
    int rc = month_day_date(&rules->plan, calendar, out->month, &out->plan_due, NULL, err);
    if (!rc) rc = month_day_date(&rules->city_plan, calendar, out->month, &out->city_plan_due, &next_workday, err);
    if (!rc) out->city_plan_latest = rules->city_plan_next_workday ? next_workday : out->city_plan_due;
    if (!rc)
        rc = calendar_add_workdays(calendar, out->city_plan_due, rules->finance_workdays, &out->finance_pays_by, err);
    if (!rc) rc = calendar_add_workdays(calendar, out->finance_pays_by, rules->city_workdays, &out->city_pays_by, err);
    return rc;
}

int cash_cycle_month(const policy_t *policy, const calendar_t *calendar, month_t month, cash_month_t *out, err_t *err) {
    const cash_cycle_rules_t *rules = policy->cash_cycle;
    cash_month_t days = {.month = month};
    char from[DATE_TEXT_MAX], text[DATE_TEXT_MAX];
    if (!rules) return err_set(err, E_UNSUPPORTED, "%s has no rules for the days on which money moves", policy->city);
    if (month_first(month) < rules->from)
        return err_set(err, E_NOT_IN_FORCE, "%s lies before %s, from which day the cash cycle holds (%s)",
                       month_format(month, text), date_format(rules->from, from), rules->rule);
    int rc = income_days(rules, calendar, &days, err);
    if (!rc) rc = plan_days(rules, calendar, &days, err);
    if (!rc) *out = days;
    return rc;
}

date_t cash_cycle_day(const cash_month_t *days, cycle_point_t point, date_t *first) {
    const date_t by_point[CYCLE__COUNT] = {[CYCLE_REMIT] = days->sweep,
                                           [CYCLE_SWEEP] = days->sweep,
                                           [CYCLE_PLAN] = days->plan_due,
                                           [CYCLE_CITY_PLAN] = days->city_plan_due,
                                           [CYCLE_FINANCE_PAYS] = days->finance_pays_by,
                                           [CYCLE_CITY_PAYS] = days->city_pays_by};
    CHECK(point < CYCLE__COUNT && days->remit_count > 0);
    if (first) *first = point == CYCLE_REMIT ? days->remit[0] : by_point[point];
    return by_point[point];
}
