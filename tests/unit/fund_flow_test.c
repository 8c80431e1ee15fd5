// Movements, flows and their conditions on the cities' own files: every account pair, every flow of every month.
#include "common/policy/tables.h"
#include "services/settlement/fund_rules.h"
#include "tests/check.h"
#include <time.h>

enum { DAMAGES = 1500 };

static const char *const cities[] = {"zaozhuang", "yancheng", "zhoushan", "sanmenxia", "jiangmen"};

static policy_t *policy;
static calendar_t *calendar;

static void with_city(const char *name) {
    char path[512];
    err_t err = {0};
    snprintf(path, sizeof path, TC_SOURCE_DIR "/config/cities/%s.yaml", name);
    int rc = policy_load(&policy, path, NULL, &err);
    if (!rc) rc = calendar_load(&calendar, TC_SOURCE_DIR "/config/calendar", &err);
    if (rc) fprintf(stderr, "%s\n", err.text);
    NEED(rc == E_OK && policy->fund != NULL);
}

static void done(void) {
    policy_destroy(&policy);
    calendar_destroy(&calendar);
}

static fund_verdict_t ask(const char *from, const char *to, const char *fund, const char *to_fund) {
    fund_verdict_t verdict = {0};
    err_t err = {0};
    const int a = fund_account_named(policy->fund, from), b = fund_account_named(policy->fund, to);
    NEED(a >= 0 && b >= 0);
    EQ(fund_movement(policy, fund ? fund_named(policy->fund, fund) : -1, a,
                     to_fund ? fund_named(policy->fund, to_fund) : -1, b, DATE_NONE, &verdict, &err),
       E_OK);
    return verdict;
}

TEST(ZZ_F08_a_district_s_income_leaves_for_the_city_s_income_account_alone) {
    with_city("zaozhuang");
    for (uint32_t i = 0; i < policy->fund->account_count; i++) {
        fund_verdict_t verdict = ask("income_county", policy->fund->accounts[i].name, "EMP_POOL", NULL);
        EQ(verdict.allowed, strcmp(policy->fund->accounts[i].name, "income_city") == 0);
        EQ_TEXT(verdict.rule, "ZZ-F08");
    }
    done();
}

TEST(ZZ_F12_the_expenditure_account_has_no_other_movement) {
    with_city("zaozhuang");
    EQ_TEXT(ask("expenditure_county", "finance", "RES_POOL", NULL).rule, "ZZ-F12");
    EQ_TEXT(ask("finance", "expenditure_city", "RES_POOL", NULL).rule, "ZZ-F12");
    OK(!ask("expenditure_county", "income_county", "RES_POOL", NULL).allowed);
    done();
}

TEST(SM_F07_no_pair_of_accounts_carries_money_between_two_kinds_of_insurance) {
    with_city("sanmenxia");
    const fund_rules_t *rules = policy->fund;
    for (uint32_t a = 0; a < rules->account_count; a++)
        for (uint32_t b = 0; b < rules->account_count; b++) {
            fund_verdict_t verdict = ask(rules->accounts[a].name, rules->accounts[b].name, "RESIDENT", "EMP_POOL");
            OK(!verdict.allowed);
        }
    done();
}

TEST(what_is_not_listed_is_refused_and_every_verdict_names_a_rule) {
    for (size_t c = 0; c < COUNT_OF(cities); c++) {
        with_city(cities[c]);
        const fund_rules_t *rules = policy->fund;
        for (uint32_t a = 0; a < rules->account_count; a++)
            for (uint32_t b = 0; b < rules->account_count; b++) {
                fund_verdict_t verdict = ask(rules->accounts[a].name, rules->accounts[b].name, NULL, NULL);
                bool listed = false;
                for (uint32_t m = 0; m < rules->move_count; m++)
                    listed |= !rules->moves[m].refused && rules->moves[m].from_accounts >> a & 1 &&
                              rules->moves[m].to_accounts >> b & 1;
                EQ(verdict.allowed, listed);
                OK(verdict.rule && *policy_rule_text_zh(policy, verdict.rule));
            }
        done();
    }
}

TEST(movements_of_the_past_end_with_their_day) {
    fund_verdict_t verdict;
    err_t err = {0};
    with_city("zaozhuang");
    const int from = fund_account_named(policy->fund, "special_county");
    const int to = fund_account_named(policy->fund, "special_city");
    const int income = fund_account_named(policy->fund, "income_city");
    EQ(fund_movement(policy, -1, from, -1, to, date_make(2020, 3, 31), &verdict, &err), E_OK);
    OK(verdict.allowed);
    EQ(fund_movement(policy, -1, from, -1, to, date_make(2020, 4, 1), &verdict, &err), E_OK);
    OK(!verdict.allowed);
    EQ(fund_movement(policy, -1, income, -1, to, date_make(2019, 12, 31), &verdict, &err), E_NOT_IN_FORCE);
    done();
}

TEST(every_flow_has_its_days_in_every_month) {
    for (size_t c = 0; c < COUNT_OF(cities); c++) {
        with_city(cities[c]);
        for (uint32_t f = 0; f < policy->fund->flow_count; f++)
            for (month_t month = month_make(2022, 1); month <= month_make(2024, 12); month++) {
                const fund_flow_t *flow = &policy->fund->flows[f];
                step_days_t days[FLOW_STEPS_MAX];
                err_t err = {0};
                EQ(fund_flow_days(policy, calendar, flow, month, days, &err), E_OK);
                for (uint32_t s = 0; s < flow->step_count; s++) {
                    OK(days[s].first <= days[s].last && days[s].last <= days[s].latest);
                    OK(!days[s].missing || days[s].last == DATE_NONE);
                }
            }
        done();
    }
}

TEST(flows_share_the_days_of_the_cash_cycle) {
    step_days_t days[FLOW_STEPS_MAX];
    cash_month_t month;
    err_t err = {0};
    with_city("zaozhuang");
    const fund_flow_t *flow = fund_flow_named(policy->fund, "remit_and_sweep");
    NEED(flow && fund_flow_days(policy, calendar, flow, month_make(2020, 1), days, &err) == E_OK);
    NEED(cash_cycle_month(policy, calendar, month_make(2020, 1), &month, &err) == E_OK);
    const fund_step_t *remit = fund_step_named(flow, "remit");
    NEED(remit != NULL);
    EQ(days[remit - flow->steps].first, month.remit[0]);
    EQ(days[remit - flow->steps].last, month.sweep);
    EQ(fund_flow_days(policy, calendar, flow, month_make(2019, 12), days, &err), E_NOT_IN_FORCE);
    EQ(fund_flow_days(policy, calendar, flow, month_make(2030, 1), days, &err), E_PARAMETER_MISSING);
    EQ_TEXT(err.field, "calendar");
    done();
}

TEST(ZZ_F13_F22_days_of_the_year) {
    step_days_t days[FLOW_STEPS_MAX];
    err_t err = {0};
    with_city("zaozhuang");
    NEED(fund_flow_days(policy, calendar, fund_flow_named(policy->fund, "budget"), month_make(2020, 5), days, &err) ==
         E_OK);
    EQ(days[0].first, date_make(2020, 10, 1));
    EQ(days[0].last, date_make(2020, 12, 31));
    NEED(fund_flow_days(policy, calendar, fund_flow_named(policy->fund, "final_accounts"), month_make(2020, 5), days,
                        &err) == E_OK);
    EQ(days[0].last, date_make(2021, 1, 31));
    done();
}

// ---- conditions

static bool holds(const char *flow_name, const char *step_name, guard_amounts_t amounts) {
    bool out = false;
    err_t err = {0};
    const fund_flow_t *flow = fund_flow_named(policy->fund, flow_name);
    const fund_step_t *step = flow ? fund_step_named(flow, step_name) : NULL;
    CU_ASSERT_PTR_NOT_NULL_FATAL(step);
    amounts.on = date_make(2021, 12, 31);
    EQ(fund_guard(step, &amounts, &out, &err), E_OK);
    return out;
}

TEST(ZZ_F30_F35_receipts_go_up_in_full_and_leave_nothing) {
    with_city("zaozhuang");
    OK(holds("remit_and_sweep", "remit", (guard_amounts_t){.amount = 500, .balance = 500}));
    OK(!holds("remit_and_sweep", "remit", (guard_amounts_t){.amount = 499, .balance = 500}));
    OK(holds("remit_and_sweep", "check_empty", (guard_amounts_t){.balance = 0}));
    OK(!holds("remit_and_sweep", "check_empty", (guard_amounts_t){.balance = 1}));
    done();
}

TEST(ZZ_F15_F19_F37_F43_sums_and_budgets) {
    const fen_t parts[] = {300, 200};
    with_city("zaozhuang");
    OK(holds("budget", "add_up", (guard_amounts_t){.amount = 500, .parts = parts, .part_count = 2}));
    OK(!holds("budget", "add_up", (guard_amounts_t){.amount = 501, .parts = parts, .part_count = 2}));
    OK(holds("budget", "execute", (guard_amounts_t){.amount = 100, .released = 900, .approved = 1000}));
    OK(!holds("budget", "execute", (guard_amounts_t){.amount = 101, .released = 900, .approved = 1000}));
    OK(!holds("plan_and_payout", "fix_plan",
              (guard_amounts_t){.amount = INT64_MAX, .released = 900, .approved = INT64_MAX}));
    OK(!holds("budget", "balance", (guard_amounts_t){.amount = 11, .revenue = 10}));
    OK(!holds("reconciliation", "finance_and_city", (guard_amounts_t){.amount = 1}));
    done();
}

TEST(JM_F_09_six_months_themselves_give_no_alarm) {
    with_city("jiangmen");
    OK(holds("reserve_watch", "watch", (guard_amounts_t){.balance = 6000, .amount = 1000}));
    OK(!holds("reserve_watch", "watch", (guard_amounts_t){.balance = 5999, .amount = 1000}));
    done();
}

TEST(YC_F13_half_at_least) {
    with_city("yancheng");
    OK(holds("old_surplus", "first_half", (guard_amounts_t){.amount = 6, .due = 11}));
    OK(!holds("old_surplus", "first_half", (guard_amounts_t){.amount = 5, .due = 11}));
    done();
}

TEST(amounts_below_zero_and_sums_that_overflow_are_refused) {
    const fen_t parts[] = {INT64_MAX, 1};
    bool out;
    err_t err = {0};
    with_city("zaozhuang");
    const fund_step_t *step = fund_step_named(fund_flow_named(policy->fund, "budget"), "add_up");
    NEED(step != NULL);
    EQ(fund_guard(step, &(guard_amounts_t){.parts = parts, .part_count = 2}, &out, &err), E_OUT_OF_RANGE);
    EQ(fund_guard(step, &(guard_amounts_t){.amount = -1}, &out, &err), E_OUT_OF_RANGE);
    done();
}

// ---- a packed policy that somebody damaged

static void use_everything(const policy_t *p) {
    const fund_rules_t *rules = p->fund;
    err_t err = {0};
    cash_month_t month;
    step_days_t days[FLOW_STEPS_MAX];
    fund_verdict_t verdict;
    bool met;
    if (cash_cycle_month(p, calendar, month_make(2020, 4), &month, &err) == E_OK) OK(month.sweep != DATE_NONE);
    for (uint32_t f = 0; rules && f < rules->flow_count; f++) {
        int rc = fund_flow_days(p, calendar, &rules->flows[f], month_make(2022, 4), days, &err);
        for (uint32_t s = 0; s < rules->flows[f].step_count; s++) {
            const guard_amounts_t amounts = {.amount = 5, .due = 9, .balance = 9, .on = date_make(2022, 4, 1)};
            rc = fund_guard(&rules->flows[f].steps[s], &amounts, &met, &err);
            OK(rc == E_OK || rc == E_PARAMETER_MISSING);
        }
    }
    for (uint32_t a = 0; rules && a < rules->account_count; a++)
        for (uint32_t b = 0; b < rules->account_count; b++) {
            int rc = fund_movement(p, rules->fund_count ? 0 : -1, (int)a, -1, (int)b, DATE_NONE, &verdict, &err);
            OK(rc == E_OK && verdict.rule != NULL);
        }
}

// The sections of the fund stand near the end of the message: most hits are there.
TEST(a_damaged_message_is_refused_or_still_sound) {
    const char *given = getenv("SEED");
    unsigned seed = given ? (unsigned)strtoul(given, NULL, 10) : (unsigned)time(NULL);
    printf("(SEED=%u) ", seed);
    for (size_t c = 0; c < COUNT_OF(cities); c++) {
        size_t bytes, taken = 0;
        with_city(cities[c]);
        const void *packed = policy_packed(policy, &bytes);
        unsigned char *copy = malloc(bytes);
        NEED(copy != NULL);
        for (int i = 0; i < DAMAGES; i++) {
            memcpy(copy, packed, bytes);
            const size_t tail = i % 4 ? bytes / 5 : bytes;
            copy[bytes - 1 - (size_t)rand_r(&seed) % tail] = (unsigned char)rand_r(&seed);
            policy_t *damaged = NULL;
            err_t err = {0};
            if (policy_unpack(&damaged, copy, bytes, &err) == E_OK) use_everything(damaged), taken++;
            policy_destroy(&damaged);
        }
        OK(taken < DAMAGES);
        free(copy);
        done();
    }
}

TESTS("fund_flow", CASE(ZZ_F08_a_district_s_income_leaves_for_the_city_s_income_account_alone),
      CASE(ZZ_F12_the_expenditure_account_has_no_other_movement),
      CASE(SM_F07_no_pair_of_accounts_carries_money_between_two_kinds_of_insurance),
      CASE(what_is_not_listed_is_refused_and_every_verdict_names_a_rule),
      CASE(movements_of_the_past_end_with_their_day), CASE(every_flow_has_its_days_in_every_month),
      CASE(flows_share_the_days_of_the_cash_cycle), CASE(ZZ_F13_F22_days_of_the_year),
      CASE(ZZ_F30_F35_receipts_go_up_in_full_and_leave_nothing), CASE(ZZ_F15_F19_F37_F43_sums_and_budgets),
      CASE(JM_F_09_six_months_themselves_give_no_alarm), CASE(YC_F13_half_at_least),
      CASE(amounts_below_zero_and_sums_that_overflow_are_refused), CASE(a_damaged_message_is_refused_or_still_sound))
