// Fund rules on the cities' own files, by rule: days of the month, old deficits and surpluses, interest, gaps. Random
// cases print their seed; SEED=… repeats them.
#include "common/policy/tables.h"
#include "services/settlement/cash_cycle.h"
#include "services/settlement/deficit.h"
#include "services/settlement/gap.h"
#include "services/settlement/interest.h"
#include "services/settlement/surplus.h"
#include "tests/check.h"
#include <time.h>

#define CITY(name) TC_SOURCE_DIR "/config/cities/" name ".yaml"
enum { ROUNDS = 20000, LEDGERS = 8 };

static policy_t *policy;
static calendar_t *calendar;

// The city's law, with an overlay that replaces a section (NULL: none). Every test ends by done().
static void with_city(const char *path, const char *overlay) {
    err_t err = {0};
    char *text = NULL;
    size_t bytes = 0, room = 0;
    FILE *in = fopen(path, "r");
    NEED(in != NULL);
    bytes = (size_t)getdelim(&text, &room, 0, in);
    fclose(in);
    const policy_text_t texts[] = {{path, text, bytes}, {"overlay", overlay, overlay ? strlen(overlay) : 0}};
    int rc = policy_parse(&policy, texts, overlay ? 2 : 1, &err);
    free(text);
    if (rc) fprintf(stderr, "%s\n", err.text);
    NEED(rc == E_OK);
    rc = calendar_load(&calendar, TC_SOURCE_DIR "/config/calendar", &err);
    NEED(rc == E_OK);
}

static void done(void) {
    policy_destroy(&policy);
    calendar_destroy(&calendar);
}

static unsigned seed_of_run(void) {
    const char *given = getenv("SEED");
    unsigned seed = given ? (unsigned)strtoul(given, NULL, 10) : (unsigned)time(NULL);
    printf("(SEED=%u) ", seed);
    return seed;
}

static int64_t random_below(unsigned *seed, int64_t below) { // 62 bits, small ones as often as large ones
    uint64_t bits = ((uint64_t)rand_r(seed) << 31) ^ (uint64_t)rand_r(seed) ^ ((uint64_t)rand_r(seed) << 47);
    bits = (bits & INT64_MAX) >> (rand_r(seed) % 63);
    return (int64_t)(bits % (uint64_t)below);
}

static date_t day(int y, int m, int d) { return date_make(y, m, d); }

// ---- days of the month

static void expect_month(int year, int month, const int days[7][2]) {
    cash_month_t got;
    err_t err = {0};
    NEED(cash_cycle_month(policy, calendar, month_make(year, month), &got, &err) == E_OK);
    const date_t dates[7] = {got.remit[0],         got.sweep,           got.plan_due,    got.city_plan_due,
                             got.city_plan_latest, got.finance_pays_by, got.city_pays_by};
    for (int i = 0; i < 7; i++) {
        const int in = days[i][0] < month && i > 2 ? year + 1 : year;
        EQ(dates[i], day(in, days[i][0], days[i][1]));
    }
    EQ(got.remit_count, 2);
    EQ(got.remit[1], got.sweep);
}

TEST(ZZ_F33_to_F41_the_months_of_2020) {
    static const int months[12][7][2] = {
        {{1, 22}, {1, 23}, {1, 23}, {2, 5}, {2, 5}, {2, 12}, {2, 19}},
        {{2, 27}, {2, 28}, {2, 25}, {3, 5}, {3, 5}, {3, 12}, {3, 19}},
        {{3, 30}, {3, 31}, {3, 25}, {4, 3}, {4, 7}, {4, 13}, {4, 20}},
        {{4, 29}, {4, 30}, {4, 24}, {4, 30}, {5, 6}, {5, 11}, {5, 18}},
        {{5, 28}, {5, 29}, {5, 25}, {6, 5}, {6, 5}, {6, 12}, {6, 19}},
        {{6, 29}, {6, 30}, {6, 24}, {7, 3}, {7, 6}, {7, 10}, {7, 17}},
        {{7, 30}, {7, 31}, {7, 24}, {8, 5}, {8, 5}, {8, 12}, {8, 19}},
        {{8, 28}, {8, 31}, {8, 25}, {9, 4}, {9, 7}, {9, 11}, {9, 18}},
        {{9, 29}, {9, 30}, {9, 25}, {9, 30}, {10, 9}, {10, 14}, {10, 21}},
        {{10, 29}, {10, 30}, {10, 23}, {11, 5}, {11, 5}, {11, 12}, {11, 19}},
        {{11, 27}, {11, 30}, {11, 25}, {12, 4}, {12, 7}, {12, 11}, {12, 18}},
        {{12, 30}, {12, 31}, {12, 25}, {1, 5}, {1, 5}, {1, 12}, {1, 19}},
    };
    with_city(CITY("zaozhuang"), NULL);
    for (int i = 0; i < 12; i++) expect_month(2020, i + 1, months[i]);
    done();
}

TEST(every_day_of_the_cycle_is_a_working_day_and_in_order) {
    with_city(CITY("zaozhuang"), NULL);
    for (month_t month = month_make(2020, 1); month < month_make(2026, 12); month++) {
        cash_month_t m;
        err_t err = {0};
        NEED(cash_cycle_month(policy, calendar, month, &m, &err) == E_OK);
        const date_t dates[] = {m.remit[0],         m.remit[1],        m.plan_due,    m.city_plan_due,
                                m.city_plan_latest, m.finance_pays_by, m.city_pays_by};
        for (size_t i = 0; i < COUNT_OF(dates); i++) {
            bool workday = false;
            OK(calendar_is_workday(calendar, dates[i], &workday, &err) == E_OK && workday);
        }
        OK(m.remit[0] < m.remit[1] && m.remit[1] <= month_last(month) && m.plan_due <= month_first(month) + 24);
        OK(m.city_plan_due <= month_last(month) + 5 && m.city_plan_latest >= month_last(month) + 5);
        OK(m.city_plan_due <= m.city_plan_latest && m.city_plan_due < m.finance_pays_by);
        OK(m.finance_pays_by < m.city_pays_by);
    }
    done();
}

TEST(F_04_and_E_07_no_calendar_and_before_the_cycle) {
    cash_month_t m = {.month = 7};
    err_t err = {0};
    with_city(CITY("zaozhuang"), NULL);
    EQ(cash_cycle_month(policy, calendar, month_make(2019, 12), &m, &err), E_NOT_IN_FORCE);
    EQ(cash_cycle_month(policy, calendar, month_make(2026, 12), &m, &err), E_PARAMETER_MISSING);
    EQ_TEXT(err.field, "calendar");
    EQ(m.month, 7);
    done();
    with_city(CITY("yancheng"), NULL);
    EQ(cash_cycle_month(policy, calendar, month_make(2020, 1), &m, &err), E_UNSUPPORTED);
    done();
}

TEST(X_A1_a_day_that_is_excluded_moves_one_back) {
    static const char *const overlay =
        "overlay: days\nstatus: synthetic\ncash_cycle:\n  from: 2020-01-01\n  rule: ZZ-F29\n"
        "  remit: {last_workdays: 1, rule: ZZ-F33}\n  sweep: {rule: ZZ-F34}\n"
        "  plan: {day: 31, shift: later, inclusive: false, rule: ZZ-F38}\n"
        "  city_plan: {day: 5, of: next_month, shift: later, rule: ZZ-F39}\n"
        "  finance_pays: {workdays: 1, rule: ZZ-F40}\n  city_pays: {workdays: 1, rule: ZZ-F41}\n";
    cash_month_t m;
    err_t err = {0};
    with_city(CITY("zaozhuang"), overlay);
    NEED(cash_cycle_month(policy, calendar, month_make(2020, 4), &m, &err) == E_OK);
    EQ(m.remit_count, 1);
    EQ(m.plan_due, day(2020, 4, 29)); // April has 30 days; the one before is a Wednesday
    EQ(m.city_plan_due, day(2020, 5, 6));
    EQ(m.city_plan_latest, day(2020, 5, 6)); // no later limit is named
    EQ(m.finance_pays_by, day(2020, 5, 7));
    done();
}

// ---- old deficits

static deficit_schedule_t deficit_of(fen_t deficit, fen_t contributed, fen_t enjoyed, fen_t first, fen_t second) {
    deficit_schedule_t out = {0};
    err_t err = {0};
    const deficit_case_t c = {.deficit = deficit,
                              .contributed = contributed,
                              .enjoyed = enjoyed,
                              .paid = {first, second},
                              .judged = {true, true, true}};
    EQ(deficit_schedule(policy, &c, &out, &err), E_OK);
    return out;
}

TEST(SM_F27_to_F35_worked_cases) {
    with_city(CITY("sanmenxia"), NULL);
    deficit_schedule_t x1 = deficit_of(5000000000, 1234567890, 400000000, 0, 0);
    EQ(x1.offset, 834567890);
    EQ(x1.net, 4165432110);
    EQ(x1.minimum[0], 1249629633);
    EQ(x1.minimum[1], 1249629633);
    EQ(deficit_of(5000000000, 1234567890, 400000000, 1249629633, 1249629633).minimum[2], 1666172844);
    deficit_schedule_t x2 = deficit_of(100000001, 0, 0, 30000001, 30000001);
    EQ(x2.minimum[0], 30000001); // 30% of it is 300,000.003: rounded up
    EQ(x2.outstanding, 39999999);
    deficit_schedule_t x3 = deficit_of(300000000, 900000000, 500000000, 0, 0);
    EQ(x3.net, 0);
    EQ(x3.due, DATE_NONE);
    deficit_schedule_t x4 = deficit_of(300000000, 500000000, 700000000, 0, 0);
    EQ(x4.offset, 0); // SM-F28: enjoyed more than it contributed
    EQ(x4.minimum[0], 90000000);
    EQ(x4.due, day(2023, 12, 31));
    done();
}

TEST(SM_F31_F33_F34_paths_of_payment) {
    with_city(CITY("sanmenxia"), NULL);
    EQ(deficit_of(5000000000, 1234567890, 400000000, 4165432110, 0).minimum[1], 0);
    deficit_schedule_t half = deficit_of(5000000000, 1234567890, 400000000, 2082716055, 1249629633);
    EQ(half.minimum[1], 1249629633);
    EQ(half.minimum[2], 833086422);
    EQ(deficit_of(5000000000, 1234567890, 400000000, 3332345688, 0).minimum[1], 833086422);
    deficit_schedule_t little = deficit_of(5000000000, 1234567890, 400000000, 833086422, 1249629633);
    EQ(little.shortfall[0], 416543211);
    EQ(little.shortfall[1], 0);
    EQ(little.minimum[2], 2082716055);
    EQ(little.shortfall[2], 2082716055); // F-01: what is left
    done();
}

TEST(F_01_more_than_the_gap_is_refused) {
    deficit_schedule_t out = {.net = 7};
    err_t err = {0};
    const deficit_case_t c = {.deficit = 100, .paid = {60, 41}};
    with_city(CITY("sanmenxia"), NULL);
    EQ(deficit_schedule(policy, &c, &out, &err), E_OUT_OF_RANGE);
    EQ_TEXT(err.field, "paid");
    EQ(out.net, 7);
    done();
    with_city(CITY("jiangmen"), NULL);
    EQ(deficit_schedule(policy, &c, &out, &err), E_UNSUPPORTED);
    done();
}

TEST(a_deficit_is_paid_whole_and_nothing_is_below_zero) {
    unsigned seed = seed_of_run();
    with_city(CITY("sanmenxia"), NULL);
    for (int i = 0; i < ROUNDS; i++) {
        err_t err = {0};
        deficit_case_t c = {.deficit = random_below(&seed, INT64_MAX),
                            .contributed = random_below(&seed, INT64_MAX),
                            .enjoyed = random_below(&seed, INT64_MAX),
                            .judged = {true, true, true}};
        deficit_schedule_t out;
        NEED(deficit_schedule(policy, &c, &out, &err) == E_OK);
        for (int year = 0; year < 3; year++) { // the county pays each minimum, or a bit more
            NEED(deficit_schedule(policy, &c, &out, &err) == E_OK);
            fen_t more =
                out.outstanding > out.minimum[year] ? random_below(&seed, out.outstanding - out.minimum[year] + 1) : 0;
            c.paid[year] = out.minimum[year] + (year < 2 ? more : 0);
        }
        NEED(deficit_schedule(policy, &c, &out, &err) == E_OK);
        OK(out.offset >= 0 && out.offset <= c.contributed && out.offset <= c.deficit);
        EQ(out.offset + out.net, c.deficit);
        EQ(out.outstanding, 0);
        for (int year = 0; year < 3; year++) OK(out.minimum[year] >= 0 && out.shortfall[year] == 0);
    }
    done();
}

// ---- interest

TEST(SM_F05_worked_quarter) {
    const interest_balance_t pool[] = {{day(2021, 6, 21), 80000000000}, {day(2021, 7, 31), 85500000000}},
                             resident[] = {{day(2021, 6, 21), 45000000000}, {day(2021, 8, 16), 39999999999}},
                             personal[] = {{day(2021, 6, 21), 30000000000}}, supp[] = {{day(2021, 6, 21), 5000000000}},
                             maternity[] = {{day(2021, 6, 21), 2500000000}};
    interest_ledger_t ledgers[] = {{.name = "EMP_POOL", .balances = pool, .balance_count = 2},
                                   {.name = "EMP_PERSONAL", .balances = personal, .balance_count = 1},
                                   {.name = "RESIDENT", .balances = resident, .balance_count = 2},
                                   {.name = "LARGE_SUPP", .balances = supp, .balance_count = 1},
                                   {.name = "MATERNITY", .balances = maternity, .balance_count = 1}};
    static const int64_t products[] = {7646000000000, 2760000000000, 3959999999964, 460000000000, 230000000000};
    static const fen_t parts[] = {626959756, 226315580, 324713659, 37719263, 18859632};
    err_t err = {0};
    with_city(CITY("sanmenxia"), NULL);
    NEED(interest_share(policy, day(2021, 6, 21), day(2021, 9, 20), 1234567890, ledgers, 5, &err) == E_OK);
    for (int i = 0; i < 5; i++) {
        EQ((int64_t)ledgers[i].weight, products[i]);
        EQ(ledgers[i].interest, parts[i]);
    }
    done();
}

TEST(F_02_ties_go_to_the_earlier_ledger_and_huge_sums_stay_exact) {
    const date_t on = day(2021, 6, 21);
    const interest_balance_t one[] = {{on, 1}}, most[] = {{on, INT64_MAX}}, none[] = {{on, 0}};
    interest_ledger_t same[] = {{.name = "a", .balances = one, .balance_count = 1},
                                {.name = "b", .balances = one, .balance_count = 1},
                                {.name = "c", .balances = one, .balance_count = 1}};
    interest_ledger_t huge[] = {{.name = "a", .balances = most, .balance_count = 1},
                                {.name = "b", .balances = most, .balance_count = 1},
                                {.name = "c", .balances = none, .balance_count = 1}};
    err_t err = {0};
    with_city(CITY("sanmenxia"), NULL);
    NEED(interest_share(policy, on, on, 5, same, 3, &err) == E_OK);
    EQ(same[0].interest, 2);
    EQ(same[1].interest, 2);
    EQ(same[2].interest, 1);
    NEED(interest_share(policy, on, day(2199, 12, 31), INT64_MAX, huge, 3, &err) == E_OK);
    EQ(huge[0].interest, INT64_MAX / 2 + 1);
    EQ(huge[1].interest, INT64_MAX / 2);
    EQ(huge[2].interest, 0);
    done();
}

TEST(F_02_faults_of_balances) {
    const date_t from = day(2021, 6, 21), to = day(2021, 9, 20);
    const interest_balance_t late[] = {{from + 1, 5}}, twice[] = {{from, 5}, {from, 6}},
                             after[] = {{from, 5}, {to + 1, 6}}, fine[] = {{from, 5}}, none[] = {{from, 0}};
    const struct fault {
        interest_ledger_t ledger;
        int code;
    } faults[] = {{{.name = "a", .balances = late, .balance_count = 1}, E_OUT_OF_RANGE},
                  {{.name = "a", .balances = twice, .balance_count = 2}, E_OUT_OF_RANGE},
                  {{.name = "a", .balances = after, .balance_count = 2}, E_OUT_OF_RANGE},
                  {{.name = "a", .balances = fine, .balance_count = 0}, E_OUT_OF_RANGE},
                  {{.name = "a", .balances = none, .balance_count = 1}, E_OUT_OF_RANGE},
                  {{.name = "z", .balances = none, .balance_count = 1}, E_INVALID_FIELD}};
    err_t err = {0};
    with_city(CITY("sanmenxia"), NULL);
    for (size_t i = 0; i < COUNT_OF(faults); i++) {
        interest_ledger_t ledgers[] = {faults[i].ledger, {.name = "z", .balances = none, .balance_count = 1}};
        EQ(interest_share(policy, from, to, 100, ledgers, 2, &err), faults[i].code);
    }
    interest_ledger_t ledger = {.name = "a", .balances = fine, .balance_count = 1};
    EQ(interest_share(policy, to, from, 100, &ledger, 1, &err), E_OUT_OF_RANGE);
    EQ(interest_share(policy, from, to, 100, &ledger, 0, &err), E_OUT_OF_RANGE);
    EQ(interest_share(policy, from, to, 100, &ledger, INTEREST_LEDGERS_MAX + 1, &err), E_OUT_OF_RANGE);
    done();
    with_city(CITY("yancheng"), NULL);
    EQ(interest_share(policy, from, to, 100, &ledger, 1, &err), E_UNSUPPORTED);
    done();
}

TEST(interest_adds_up_and_is_proportional) {
    unsigned seed = seed_of_run();
    with_city(CITY("sanmenxia"), NULL);
    for (int i = 0; i < ROUNDS; i++) {
        const date_t from = day(2021, 6, 21), to = from + (date_t)random_below(&seed, 400);
        interest_balance_t balances[LEDGERS][2];
        interest_ledger_t ledgers[LEDGERS];
        static const char *const names[LEDGERS] = {"a", "b", "c", "d", "e", "f", "g", "h"};
        const size_t count = 1 + (size_t)random_below(&seed, LEDGERS);
        const fen_t amount = random_below(&seed, INT64_MAX);
        fen_t sum = 0;
        for (size_t k = 0; k < count; k++) {
            balances[k][0] = (interest_balance_t){from, 1 + random_below(&seed, INT64_MAX)};
            balances[k][1] = (interest_balance_t){to, random_below(&seed, INT64_MAX)};
            ledgers[k] = (interest_ledger_t){.name = names[k],
                                             .balances = balances[k],
                                             .balance_count = to > from ? 1 + (size_t)random_below(&seed, 2) : 1};
        }
        err_t err = {0};
        NEED(interest_share(policy, from, to, amount, ledgers, count, &err) == E_OK);
        wide_t weights = 0;
        for (size_t k = 0; k < count; k++) weights += ledgers[k].weight;
        for (size_t k = 0; k < count; k++) {
            sum += ledgers[k].interest;
            // Within one fen of the proportion; what is multiplied stays below 2^126 when shifted.
            const wide_t shift = weights >> 62 > 0 ? weights >> 62 : 1;
            const wide_t exact = (wide_t)amount * (ledgers[k].weight / shift) / (weights / shift);
            const wide_t far = exact - ledgers[k].interest, slack = (amount >> 50) + 3;
            OK(far <= slack && far >= -slack);
        }
        EQ(sum, amount);
    }
    done();
}

TEST(closing_balances_where_a_city_says_so) {
    const interest_balance_t a[] = {{day(2021, 1, 1), 900}, {day(2021, 1, 31), 100}}, b[] = {{day(2021, 1, 1), 300}};
    interest_ledger_t ledgers[] = {{.name = "a", .balances = a, .balance_count = 2},
                                   {.name = "b", .balances = b, .balance_count = 1}};
    err_t err = {0};
    with_city(CITY("sanmenxia"),
              "overlay: closing\nstatus: synthetic\ninterest: {rule: SM-F05, by: closing_balance}\n");
    NEED(interest_share(policy, day(2021, 1, 1), day(2021, 1, 31), 100, ledgers, 2, &err) == E_OK);
    EQ(ledgers[0].interest, 25);
    EQ(ledgers[1].interest, 75);
    done();
}

// ---- old surpluses

TEST(YC_F13_F14_two_halves_of_one_base) {
    surplus_schedule_t out;
    err_t err = {0};
    const fen_t provisional = 12000000000, twice = 24691357802, too_much = 24691357803;
    with_city(CITY("yancheng"), NULL);
    NEED(surplus_schedule(policy, 12345678901, NULL, &out, &err) == E_OK);
    EQ(out.amount[0], 6172839451);
    EQ(out.amount[1], 6172839450);
    EQ(policy->surplus->instalments[0].due, day(2019, 12, 31));
    EQ(policy->surplus->instalments[1].due, day(2020, 12, 31));
    NEED(surplus_schedule(policy, 12345678901, &provisional, &out, &err) == E_OK);
    EQ(out.amount[0], 6000000000);
    EQ(out.amount[1], 6345678901);
    NEED(surplus_schedule(policy, 12345678901, &twice, &out, &err) == E_OK);
    EQ(out.amount[1], 0);
    EQ(surplus_schedule(policy, 12345678901, &too_much, &out, &err), E_OUT_OF_RANGE); // F-03
    EQ_TEXT(err.field, "provisional");
    done();
}

TEST(ZZ_F32_one_sum_and_no_provisional_figure) {
    surplus_schedule_t out;
    err_t err = {0};
    const fen_t provisional = 1;
    with_city(CITY("zaozhuang"), NULL);
    NEED(surplus_schedule(policy, 12345678901, NULL, &out, &err) == E_OK);
    EQ(out.count, 1);
    EQ(out.amount[0], 12345678901);
    EQ(policy->surplus->instalments[0].due, day(2020, 3, 31));
    EQ(surplus_schedule(policy, 5, &provisional, &out, &err), E_INVALID_FIELD); // F-03
    done();
}

TEST(instalments_add_up) {
    static const char *const thirds =
        "overlay: thirds\nstatus: synthetic\nsurplus:\n  rule: YC-F13\n  as_of: 2019-12-31\n  provisional: true\n"
        "  instalments:\n    - {share: 0.333333, due: 2019-12-31, rule: YC-F13}\n"
        "    - {share: 0.666667, due: 2020-06-30, rule: YC-F13}\n    - {rest: true, due: 2020-12-31, rule: YC-F14}\n";
    unsigned seed = seed_of_run();
    with_city(CITY("yancheng"), thirds);
    for (int i = 0; i < ROUNDS; i++) {
        surplus_schedule_t out;
        err_t err = {0};
        const fen_t surplus = random_below(&seed, INT64_MAX), provisional = random_below(&seed, INT64_MAX);
        int rc = surplus_schedule(policy, surplus, i % 2 ? &provisional : NULL, &out, &err);
        OK(rc == E_OK || (i % 2 && rc == E_OUT_OF_RANGE && provisional > surplus / 2));
        fen_t sum = 0;
        for (uint32_t k = 0; k < out.count && !rc; k++) {
            OK(out.amount[k] >= 0);
            sum += out.amount[k];
        }
        if (!rc) EQ(sum, surplus);
    }
    done();
}

// ---- the gap of a year

TEST(YC_F20_F21_F22_surplus_first_then_the_policy) {
    gap_cover_t out;
    err_t err = {0};
    gap_case_t c = {.revenue = 50000000000, .expense = 51230000000, .accumulated = 4000000000, .on = day(2020, 12, 31)};
    with_city(CITY("yancheng"), NULL);
    NEED(gap_cover(policy, &c, &out, &err) == E_OK);
    EQ(out.taken[GAP_ACCUMULATED], 1230000000);
    EQ(out.residual, 0);
    EQ(out.action, GAP_ACTION_NONE); // F-05
    c.expense = 56000000000;
    NEED(gap_cover(policy, &c, &out, &err) == E_OK);
    EQ(out.deficit, 6000000000);
    EQ(out.residual, 2000000000);
    EQ(out.action, GAP_ACTION_POLICY_ADJUSTMENT);
    c.expense = 1;
    NEED(gap_cover(policy, &c, &out, &err) == E_OK);
    EQ(out.deficit, 0);
    EQ(out.action, GAP_ACTION_NONE);
    done();
}

TEST(YC_F15_F16_F17_what_a_county_answers_for) {
    gap_cover_t out;
    err_t err = {0};
    gap_case_t c = {.has_county = true,
                    .county = {.subsidy_due = 11022210000,
                               .subsidy_received = 10000000000,
                               .policy_due = 280000000,
                               .policy_charged = 250000000,
                               .topped_up = 800000000,
                               .pursued = 100000000}};
    with_city(CITY("yancheng"), NULL);
    NEED(gap_cover(policy, &c, &out, &err) == E_OK);
    EQ(out.causes[GAP_CAUSE_SUBSIDY], 1022210000);
    EQ(out.causes[GAP_CAUSE_POLICY], 30000000);
    EQ(out.answers_for, 1052210000);
    EQ(out.open, 152210000);
    c.county.pursued = 252210001;
    EQ(gap_cover(policy, &c, &out, &err), E_OUT_OF_RANGE);
    c.county = (gap_county_t){.subsidy_due = INT64_MAX, .other = 1};
    EQ(gap_cover(policy, &c, &out, &err), E_OUT_OF_RANGE);
    done();
}

TEST(SM_F13_to_F16_SM_F24_SM_F37_the_county_s_own_part_the_reserve_then_shares) {
    gap_cover_t out;
    err_t err = {0};
    gap_case_t c = {.expense = 2000000001,
                    .reserve = 600000000,
                    .on = day(2021, 12, 31),
                    .has_county = true,
                    .county = {.other = 450000000}};
    with_city(CITY("sanmenxia"), NULL);
    EQ(gap_cover(policy, &c, &out, &err), E_PARAMETER_MISSING);
    EQ_TEXT(err.field, "gap_city_share");
    done();
    with_city(CITY("sanmenxia"), "overlay: halves\nstatus: synthetic\nparameters:\n  gap_city_share:\n"
                                 "    - {from: 2021-06-30, value: 0.50, source: made up}\n");
    NEED(gap_cover(policy, &c, &out, &err) == E_OK);
    EQ(out.taken[GAP_COUNTY_CAUSED], 450000000);
    EQ(out.taken[GAP_RESERVE], 600000000);
    EQ(out.city, 475000000);
    EQ(out.county, 475000001);
    EQ(out.residual, 0);
    done();
}

TEST(ZS_F19_the_city_takes_its_share_the_county_the_rest) {
    gap_cover_t out;
    err_t err = {0};
    const gap_case_t c = {.expense = 1005, .accumulated = 5000, .on = day(2021, 12, 31)};
    with_city(CITY("zhoushan"), "overlay: thirty\nstatus: synthetic\nparameters:\n  gap_city_share:\n"
                                "    - {from: 2021-01-01, value: 0.30, source: made up}\n");
    NEED(gap_cover(policy, &c, &out, &err) == E_OK);
    EQ(out.city, 301); // 301.5: half a fen falls to the county
    EQ(out.county, 704);
    done();
}

TEST(a_gap_is_covered_once) {
    unsigned seed = seed_of_run();
    with_city(CITY("sanmenxia"), "overlay: shares\nstatus: synthetic\nparameters:\n  gap_city_share:\n"
                                 "    - {from: 2021-06-30, value: 0.123457, source: made up}\n");
    for (int i = 0; i < ROUNDS; i++) {
        gap_cover_t out;
        err_t err = {0};
        const gap_case_t c = {.revenue = random_below(&seed, INT64_MAX),
                              .expense = random_below(&seed, INT64_MAX),
                              .accumulated = random_below(&seed, INT64_MAX),
                              .reserve = random_below(&seed, INT64_MAX),
                              .on = day(2022, 12, 31),
                              .has_county = true,
                              .county = {.other = random_below(&seed, INT64_MAX / 2)}};
        NEED(gap_cover(policy, &c, &out, &err) == E_OK);
        EQ(out.taken[GAP_COUNTY_CAUSED] + out.taken[GAP_RESERVE] + out.city + out.county + out.residual, out.deficit);
        OK(out.deficit >= 0 && out.city >= 0 && out.county >= 0 && out.residual == 0);
        EQ(out.taken[GAP_ACCUMULATED], 0); // not one of this city's layers
    }
    done();
}

TESTS("fund_rules", CASE(ZZ_F33_to_F41_the_months_of_2020), CASE(every_day_of_the_cycle_is_a_working_day_and_in_order),
      CASE(F_04_and_E_07_no_calendar_and_before_the_cycle), CASE(X_A1_a_day_that_is_excluded_moves_one_back),
      CASE(SM_F27_to_F35_worked_cases), CASE(SM_F31_F33_F34_paths_of_payment), CASE(F_01_more_than_the_gap_is_refused),
      CASE(a_deficit_is_paid_whole_and_nothing_is_below_zero), CASE(SM_F05_worked_quarter),
      CASE(F_02_ties_go_to_the_earlier_ledger_and_huge_sums_stay_exact), CASE(F_02_faults_of_balances),
      CASE(interest_adds_up_and_is_proportional), CASE(closing_balances_where_a_city_says_so),
      CASE(YC_F13_F14_two_halves_of_one_base), CASE(ZZ_F32_one_sum_and_no_provisional_figure), CASE(instalments_add_up),
      CASE(YC_F20_F21_F22_surplus_first_then_the_policy), CASE(YC_F15_F16_F17_what_a_county_answers_for),
      CASE(SM_F13_to_F16_SM_F24_SM_F37_the_county_s_own_part_the_reserve_then_shares),
      CASE(ZS_F19_the_city_takes_its_share_the_county_the_rest), CASE(a_gap_is_covered_once))
