// Tasks from flows, purely: periods, days, who waits for whom, which amount a guard asks for; on the cities' own files.
#include "services/settlement/task.h"
#include "common/policy/tables.h"
#include "tests/check.h"

static const char *const cities[] = {"zaozhuang", "yancheng", "zhoushan", "sanmenxia", "jiangmen"};

static policy_t *policy;
static calendar_t *calendar;
static const fund_rules_t *rules;

static void with_city(const char *name) {
    char path[512];
    err_t err = {0};
    snprintf(path, sizeof path, TC_SOURCE_DIR "/config/cities/%s.yaml", name);
    int rc = policy_load(&policy, path, NULL, &err);
    if (!rc) rc = calendar_load(&calendar, TC_SOURCE_DIR "/config/calendar", &err);
    if (rc) fprintf(stderr, "%s\n", err.text);
    NEED(rc == E_OK && policy->fund != NULL);
    rules = policy->fund;
}

static void done(void) {
    policy_destroy(&policy);
    calendar_destroy(&calendar);
}

typedef struct at { // a step of a period
    const fund_flow_t *flow;
    uint32_t place;
    const fund_step_t *step;
    task_period_t period;
    step_days_t days[FLOW_STEPS_MAX];
} at_t;

static at_t find(const char *flow, const char *step, const char *period) {
    at_t at = {.flow = fund_flow_named(rules, flow)};
    err_t err = {0};
    NEED(at.flow != NULL);
    while (at.place < at.flow->step_count && strcmp(at.flow->steps[at.place].name, step) != 0) at.place++;
    NEED(at.place < at.flow->step_count);
    at.step = &at.flow->steps[at.place];
    NEED(task_period_parse(at.flow->every, period, &at.period, &err) == E_OK);
    NEED(task_days(policy, calendar, at.flow, &at.period, at.days, &err) == E_OK);
    return at;
}

static date_t day(const char *text) {
    date_t out = DATE_NONE;
    NEED(date_parse(text, &out) == E_OK);
    return out;
}

static int may(const at_t *at, const char *county, const char *on, const task_view_t *views, size_t count, err_t *err) {
    *err = (err_t){0};
    return task_may(rules, at->flow, at->place, county, &at->days[at->place], day(on), views, count, err);
}

TEST(periods_are_read_and_written_as_people_name_them) {
    static const struct {
        every_t every;
        const char *day, *text, *first, *last;
    } rows[] = {{EVERY_DAY, "2020-02-29", "2020-02-29", "2020-02-29", "2020-02-29"},
                {EVERY_MONTH, "2020-02-10", "2020-02", "2020-02-01", "2020-02-29"},
                {EVERY_QUARTER, "2020-11-10", "2020-Q4", "2020-10-01", "2020-12-31"},
                {EVERY_YEAR, "2020-11-10", "2020", "2020-01-01", "2020-12-31"}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        task_period_t at, parsed;
        char text[DATE_TEXT_MAX];
        err_t err = {0};
        task_period_at(rows[i].every, day(rows[i].day), &at);
        EQ_TEXT(at.text, rows[i].text);
        EQ_TEXT(date_format(at.first, text), rows[i].first);
        EQ_TEXT(date_format(at.last, text), rows[i].last);
        EQ(task_period_parse(rows[i].every, at.text, &parsed, &err), E_OK);
        EQ(parsed.first, at.first);
        for (size_t k = 0; k < COUNT_OF(rows); k++)
            if (k != i) EQ(task_period_parse(rows[k].every, at.text, &parsed, &err), E_INVALID_FIELD);
        EQ(task_period_parse(rows[i].every, "2020-13", &parsed, &err), E_INVALID_FIELD);
        EQ(task_period_parse(rows[i].every, "2020x", &parsed, &err), E_INVALID_FIELD);
        EQ(task_period_parse(EVERY_CASE, at.text, &parsed, &err), E_INVALID_FIELD);
    }
}

TEST(a_state_moves_only_as_the_table_says) {
    int moves = 0;
    for (int from = 0; from < TASK_STATE__COUNT; from++)
        for (int to = 0; to < TASK_STATE__COUNT; to++) moves += task_state_may((task_state_t)from, (task_state_t)to);
    EQ(moves, 12);
    OK(task_state_may(TASK_EXPLAINED, TASK_DONE));
    OK(!task_state_may(TASK_VOID, TASK_DONE));
    OK(!task_state_may(TASK_DONE, TASK_VOID));
    EQ(task_state_from_name("late"), TASK_LATE);
    EQ(task_state_from_name("lat"), -1);
}

TEST(ZZ_F33_districts_remit_on_the_last_two_working_days_and_not_before) {
    err_t err;
    with_city("zaozhuang");
    const at_t remit = find("remit_and_sweep", "remit", "2020-03");
    EQ(may(&remit, "370402", "2020-03-29", NULL, 0, &err), E_NOT_IN_FORCE);
    HAS_TEXT(err.text, "2020-03-30");
    HAS_TEXT(err.text, "ZZ-F33");
    EQ(may(&remit, "370402", "2020-03-30", NULL, 0, &err), E_OK);
    EQ(task_late_days(&remit.days[remit.place], day("2020-03-31")), 0);
    EQ(task_late_days(&remit.days[remit.place], day("2020-04-02")), 2);
    OK(task_by_county(rules, remit.step));
    EQ(task_kind(rules, remit.step), TASK_MOVE);
    done();
}

TEST(ZZ_F34_the_sweep_waits_for_every_district) {
    err_t err;
    with_city("zaozhuang");
    const at_t sweep = find("remit_and_sweep", "sweep", "2020-03");
    task_view_t views[] = {{0, "370402", TASK_OPEN}, {1, "370402", TASK_DONE}, {1, "370403", TASK_LATE}};
    EQ(may(&sweep, "", "2020-03-31", views, COUNT_OF(views), &err), E_DENIED);
    HAS_TEXT(err.text, "370403");
    views[2].state = TASK_EXPLAINED;
    EQ(may(&sweep, "", "2020-03-31", views, COUNT_OF(views), &err), E_OK); // receipts hold up nothing
    OK(!task_by_county(rules, sweep.step));
    done();
}

TEST(ZZ_F36_no_payment_without_a_plan) {
    err_t err;
    with_city("zaozhuang");
    const at_t pays = find("plan_and_payout", "finance_pays", "2020-03");
    const task_view_t views[] = {{2, "", TASK_OPEN}};
    EQ(may(&pays, "", "2020-04-08", views, 1, &err), E_DENIED);
    HAS_TEXT(err.text, "city_plan");
    EQ(task_budget_year(pays.flow, &pays.period), 2020);
    const at_t december = find("plan_and_payout", "finance_pays", "2020-12");
    EQ(task_budget_year(december.flow, &december.period), 2021);
    const at_t eve = find("budget", "draft", "2019"); // of the first year of the pool
    bool counts = false;
    EQ(task_period_counts(policy, calendar, eve.flow, &eve.period, &counts, &err), E_OK);
    OK(counts);
    EQ(task_budget_year(eve.flow, &eve.period), 2020);
    EQ(eve.days[eve.place].last, DATE_NONE);
    done();
}

TEST(a_county_waits_for_its_own_steps_and_the_city_s_alone) {
    err_t err;
    with_city("zaozhuang");
    const at_t review = find("budget", "county_review", "2020");
    const task_view_t other[] = {{0, "370403", TASK_OPEN}}, own[] = {{0, "370402", TASK_OPEN}};
    EQ(may(&review, "370402", "2020-11-01", other, 1, &err), E_OK);
    EQ(may(&review, "370402", "2020-11-01", own, 1, &err), E_DENIED);
    done();
}

TEST(ZZ_F13_the_draft_of_the_budget_belongs_to_the_fourth_quarter) {
    err_t err;
    with_city("zaozhuang");
    const at_t draft = find("budget", "draft", "2020");
    EQ(may(&draft, "370402", "2020-09-30", NULL, 0, &err), E_NOT_IN_FORCE);
    EQ(may(&draft, "370402", "2020-10-01", NULL, 0, &err), E_OK);
    EQ(task_late_days(&draft.days[draft.place], day("2020-12-31")), 0);
    EQ(task_late_days(&draft.days[draft.place], day("2021-01-01")), 1);
    done();
}

TEST(a_day_that_is_not_published_is_told_by_its_parameter) {
    with_city("sanmenxia");
    const at_t gather = find("revenue", "gather", "2022-03");
    EQ_TEXT(gather.days[gather.place].missing, "revenue_gather_day");
    EQ(task_late_days(&gather.days[gather.place], day("2030-01-01")), 0);
    const at_t later = find("revenue", "gather", "2099-03"); // no year of working days either
    OK(later.days[later.place].missing != NULL);
    done();
    with_city("zaozhuang");
    const at_t remit = find("remit_and_sweep", "remit", "2099-03");
    EQ_TEXT(remit.days[remit.place].missing, "calendar");
    OK(remit.days[0].missing == NULL); // it has no day to be missed
    done();
}

TEST(who_is_in_each_county_works_county_by_county) {
    static const struct {
        const char *city, *flow, *step;
        bool by_county;
        task_kind_t kind;
    } rows[] = {{"zaozhuang", "remit_and_sweep", "receive", true, TASK_TOLD},
                {"zaozhuang", "plan_and_payout", "city_plan", false, TASK_PAPER},
                {"zaozhuang", "plan_and_payout", "city_pays", true, TASK_MOVE},
                {"zaozhuang", "plan_and_payout", "county_pays", true, TASK_PAYS},
                {"zaozhuang", "budget", "add_up", false, TASK_PAPER},
                {"zhoushan", "revenue", "hand_up", true, TASK_MOVE},
                {"zhoushan", "revenue", "collect", true, TASK_TOLD},
                {"zhoushan", "final_accounts", "county_draft", true, TASK_PAPER},
                {"yancheng", "revenue", "transfer", false, TASK_MOVE},
                {"yancheng", "spending", "settle", true, TASK_PAYS},
                {"yancheng", "subsidy", "pay", true, TASK_MOVE},
                {"sanmenxia", "old_surplus", "hand_over", true, TASK_MOVE},
                {"sanmenxia", "spending", "release", false, TASK_MOVE},
                {"jiangmen", "revenue", "collect", false, TASK_TOLD},
                {"jiangmen", "reserve_watch", "watch", false, TASK_PAPER},
                {"jiangmen", "backstop", "subsidise", true, TASK_MOVE}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        with_city(rows[i].city);
        const fund_step_t *step = fund_step_named(fund_flow_named(rules, rows[i].flow), rows[i].step);
        NEED(step != NULL);
        EQ(task_by_county(rules, step), rows[i].by_county);
        EQ(task_kind(rules, step), rows[i].kind);
        if (task_by_county(rules, step) != rows[i].by_county || task_kind(rules, step) != rows[i].kind)
            fprintf(stderr, "%s %s.%s\n", rows[i].city, rows[i].flow, rows[i].step);
        done();
    }
}

TEST(daily_flows_have_tasks_on_working_days) {
    bool counts = true;
    task_period_t period;
    with_city("yancheng");
    const fund_flow_t *revenue = fund_flow_named(rules, "revenue");
    task_period_at(EVERY_DAY, day("2020-10-01"), &period); // a holiday
    EQ(task_period_counts(policy, calendar, revenue, &period, &counts, NULL), E_OK);
    OK(!counts);
    task_period_at(EVERY_DAY, day("2020-09-27"), &period); // a Sunday that is worked on
    EQ(task_period_counts(policy, calendar, revenue, &period, &counts, NULL), E_OK);
    OK(counts);
    task_period_at(EVERY_DAY, day("2019-12-31"), &period); // before the pool
    EQ(task_period_counts(policy, calendar, revenue, &period, &counts, NULL), E_OK);
    OK(!counts);
    task_period_at(EVERY_DAY, day("2099-12-31"), &period);
    EQ(task_period_counts(policy, calendar, revenue, &period, &counts, NULL), E_PARAMETER_MISSING);
    done();
}

// ---- amounts

typedef struct ask {
    const char *city, *flow, *step;
    guard_amounts_t known;
    fen_t given; // −1: none
    int code;
    fen_t amount;
    const char *says[3];
} ask_t;

TEST(the_amount_is_the_one_that_the_guard_fixes_or_agrees_with_it) {
    static const fen_t parts[] = {100, 250};
    const ask_t rows[] = {
        {"zaozhuang", "remit_and_sweep", "remit", {.balance = 500}, -1, E_OK, 500, {0}},
        {"zaozhuang", "remit_and_sweep", "remit", {.balance = 500}, 400, E_OUT_OF_RANGE, 0, {"ZZ-F33", "5.00", "4.00"}},
        {"zaozhuang", "remit_and_sweep", "check_empty", {.balance = 0}, -1, E_OK, 0, {0}},
        {"zaozhuang",
         "remit_and_sweep",
         "check_empty",
         {.balance = 7},
         -1,
         E_OUT_OF_RANGE,
         0,
         {"ZZ-F35", "0.07", "0.00"}},
        {"zaozhuang", "plan_and_payout", "county_plan", {.approved = 900, .released = 600}, 300, E_OK, 300, {0}},
        {"zaozhuang",
         "plan_and_payout",
         "county_plan",
         {.approved = 900, .released = 600},
         301,
         E_OUT_OF_RANGE,
         0,
         {"6.00", "3.01", "9.00"}},
        {"zaozhuang", "plan_and_payout", "county_plan", {.approved = 900}, -1, E_MISSING_FIELD, 0, {"ZZ-F38"}},
        {"zaozhuang", "plan_and_payout", "city_plan", {.parts = parts, .part_count = 2}, -1, E_OK, 350, {0}},
        {"zaozhuang",
         "plan_and_payout",
         "city_plan",
         {.parts = parts, .part_count = 2},
         360,
         E_OUT_OF_RANGE,
         0,
         {"ZZ-F39", "3.50", "3.60"}},
        {"zaozhuang",
         "plan_and_payout",
         "finance_pays",
         {.approved = 350},
         351,
         E_OUT_OF_RANGE,
         0,
         {"ZZ-F40", "3.51", "3.50"}},
        {"zaozhuang", "budget", "balance", {.amount = 90, .revenue = 100}, -1, E_OK, 90, {0}},
        {"zaozhuang",
         "budget",
         "balance",
         {.amount = 101, .revenue = 100},
         -1,
         E_OUT_OF_RANGE,
         0,
         {"ZZ-F05", "1.01", "1.00"}},
        {"zaozhuang", "reconciliation", "finance_and_city", {.parts = parts, .part_count = 1}, 100, E_OK, 100, {0}},
        {"zaozhuang",
         "reconciliation",
         "finance_and_city",
         {.parts = parts, .part_count = 1},
         90,
         E_OUT_OF_RANGE,
         0,
         {"ZZ-F43", "0.90", "1.00"}},
        {"yancheng", "old_surplus", "first_half", {.due = 101, .on = 18000}, 51, E_OK, 51, {0}},
        {"yancheng",
         "old_surplus",
         "first_half",
         {.due = 101, .on = 18000},
         50,
         E_OUT_OF_RANGE,
         0,
         {"YC-F13", "0.50", "1.01"}},
        {"yancheng", "subsidy", "pay", {.due = 77}, -1, E_OK, 77, {0}},
        {"yancheng", "subsidy", "pay", {.due = 77}, 76, E_OUT_OF_RANGE, 0, {"YC-C12", "0.77", "0.76"}},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        with_city(rows[i].city);
        const fund_step_t *step = fund_step_named(fund_flow_named(rules, rows[i].flow), rows[i].step);
        NEED(step != NULL);
        fen_t amount = 0;
        bool holds = false;
        err_t err = {0};
        EQ(task_amount(step, &rows[i].known, rows[i].given < 0 ? NULL : &rows[i].given, &amount, &holds, &err),
           rows[i].code);
        EQ(amount, rows[i].amount);
        EQ(holds, rows[i].code == E_OK);
        for (size_t k = 0; k < COUNT_OF(rows[i].says) && rows[i].says[k]; k++) HAS_TEXT(err.text, rows[i].says[k]);
        done();
    }
}

TEST(JM_F_09_a_watch_tells_and_does_not_refuse) {
    fen_t amount = 0;
    bool holds = true;
    err_t err = {0};
    with_city("jiangmen");
    const fund_step_t *watch = fund_step_named(fund_flow_named(rules, "reserve_watch"), "watch");
    const guard_amounts_t below = {.amount = 100, .balance = 599, .on = 18000},
                          enough = {.amount = 100, .balance = 600, .on = 18000};
    EQ(task_amount(watch, &below, NULL, &amount, &holds, &err), E_OK);
    OK(!holds);
    EQ(task_amount(watch, &enough, NULL, &amount, &holds, &err), E_OK);
    OK(holds);
    done();
}

TEST(every_flow_of_every_city_has_days_or_says_which_parameter_is_missing) {
    size_t steps = 0;
    for (size_t c = 0; c < COUNT_OF(cities); c++) {
        with_city(cities[c]);
        for (uint32_t f = 0; f < rules->flow_count; f++)
            for (date_t on = day("2022-01-01"); on < day("2022-12-31"); on += 13) {
                step_days_t days[FLOW_STEPS_MAX];
                task_period_t period;
                err_t err = {0};
                const fund_flow_t *flow = &rules->flows[f];
                task_period_at(flow->every, on, &period);
                EQ(task_days(policy, calendar, flow, &period, days, &err), E_OK);
                for (uint32_t s = 0; s < flow->step_count; s++, steps++) {
                    OK(days[s].first <= days[s].last && days[s].last <= days[s].latest);
                    OK(!days[s].missing || days[s].last == DATE_NONE);
                    EQ(task_days(policy, NULL, flow, &period, days, &err), E_OK);
                    OK(flow->steps[s].due.kind == DUE_NONE || days[s].missing);
                    EQ(task_days(policy, calendar, flow, &period, days, &err), E_OK);
                }
            }
        done();
    }
    OK(steps > 1000);
}

TESTS("task", CASE(periods_are_read_and_written_as_people_name_them), CASE(a_state_moves_only_as_the_table_says),
      CASE(ZZ_F33_districts_remit_on_the_last_two_working_days_and_not_before),
      CASE(ZZ_F34_the_sweep_waits_for_every_district), CASE(ZZ_F36_no_payment_without_a_plan),
      CASE(a_county_waits_for_its_own_steps_and_the_city_s_alone),
      CASE(ZZ_F13_the_draft_of_the_budget_belongs_to_the_fourth_quarter),
      CASE(a_day_that_is_not_published_is_told_by_its_parameter), CASE(who_is_in_each_county_works_county_by_county),
      CASE(daily_flows_have_tasks_on_working_days), CASE(the_amount_is_the_one_that_the_guard_fixes_or_agrees_with_it),
      CASE(JM_F_09_a_watch_tells_and_does_not_refuse),
      CASE(every_flow_of_every_city_has_days_or_says_which_parameter_is_missing))
