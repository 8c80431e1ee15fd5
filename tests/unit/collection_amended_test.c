// Months that turn out to be others than they were billed as: on another wage, or in another district. What was paid is
// settled by its difference. Through collection's handlers, with enrolment before it and the ledger behind it. Built
// twice: on SQLite, and with ON_POSTGRES.
#include "services/collection/desk.h"
#include "services/collection/difference.h"
#include "tests/city_books.h"
#include "tests/obligations_rig.h"

static const char day[] = "2018-07-15"; // of every payment

TEST(the_ground_is_laid) { rig_ground_start(); }

static void declare(city_t *city, const char *person, const char *month, fen_t wage) {
    char text[FEN_TEXT_MAX];
    RIG_DO(&city->enrollment, "declare_wage", "{'person':'%s','from_month':'%s','wage':'%s'}", person, month,
           fen_format(wage, text));
}

static const Tc__ContributionBill *bill_of(city_t *city, const char *person, const char *period) {
    RIG_DO(&city->collection, "get_bills", "{'person':'%s'}", person);
    const Tc__ContributionBills *bills = (const Tc__ContributionBills *)city->collection.reply;
    for (size_t i = 0; i < bills->n_bills; i++)
        if (strcmp(bills->bills[i]->period, period) == 0) return bills->bills[i];
    return NULL;
}

static fen_t credited(city_t *city, const char *person, const char *month) {
    char sql[200];
    snprintf(sql, sizeof sql,
             "SELECT CAST(COALESCE(SUM(amount_fen), 0) AS BIGINT) FROM account_credit WHERE person = '%s' AND month ="
             " '%s'",
             person, month);
    return number_of(&city->collection, sql);
}

static const Tc__ParkedReceipt *first_parked(city_t *city) {
    RIG_DO(&city->collection, "list_receipts_parked", "{}");
    const Tc__ParkedReceipts *list = (const Tc__ParkedReceipts *)city->collection.reply;
    return list->n_parked ? list->parked[0] : NULL;
}

static void resolve(city_t *city, const char *receipt, const char *decision) {
    RIG_DO(&city->collection, "resolve_receipt", "{'receipt':'%s','decision':'%s','reason':'decided'}", receipt,
           decision);
}

// P1 of E1, 5,000 yuan, January to March paid.
static void live(city_t *city) {
    open_city(city);
    add_employer(city, "E1");
    add_employee(city, "P1", "E1", "2018-01");
    pump(city);
    bill_months(city, "2018-01", "2018-03");
    receive(city, "R1", "employer", "E1", "2018-01", day);
    receive(city, "R2", "employer", "E1", "2018-02", day);
    receive(city, "R3", "employer", "E1", "2018-03", day);
}

// ---- another wage

TEST(a_higher_wage_of_a_paid_month_is_billed_by_its_difference) {
    city_t city;
    live(&city);
    const fen_t paid = bill_of(&city, "P1", "2018-02")->own_fen, credit = credited(&city, "P1", "2018-02");
    const int64_t version = entitlement(&city, "P1")->version;
    declare(&city, "P1", "2018-02", 800000);
    pump(&city);
    OK(bill_of(&city, "P1", "2018-01 diff 01") == NULL);
    EQ(bill_of(&city, "P1", "2018-02")->own_fen, paid);
    EQ(due(&city, "employer", "E1", "2018-02"), 0);
    EQ(due(&city, "employer", "E1", "2018-02 diff 01"), paid * 3 / 5);
    EQ(entitlement(&city, "P1")->version, version); // it buys nothing and takes nothing away
    EQ(credited(&city, "P1", "2018-02"), credit);
    // The preview lists it, and says that its month counts.
    RIG_DO(&city.collection, "preview", "{'person':'P1','pay_by':'2018-08-01'}");
    const Tc__Preview *preview = (const Tc__Preview *)city.collection.reply;
    EQ(preview->n_owed, 2);
    EQ_TEXT(preview->owed[0]->period, "2018-02 diff 01");
    EQ(preview->amount_fen, 2 * paid * 3 / 5);
    OK(preview->owed[0]->counts);
    EQ(preview->n_changes, 0);
    receive(&city, "D2", "employer", "E1", "2018-02 diff 01", day);
    EQ(credited(&city, "P1", "2018-02"), credit * 8 / 5);
    EQ(entitlement(&city, "P1")->version, version);
    // The month rests under its difference: that goes back first, and takes its part of the credit along.
    EQ(rig_ask(&city.collection, "resolve_receipt", "{'receipt':'R2','decision':'return','reason':'x'}"),
       E_OUT_OF_RANGE);
    resolve(&city, "D2", "return");
    EQ(credited(&city, "P1", "2018-02"), credit);
    EQ(due(&city, "employer", "E1", "2018-02 diff 01"), paid * 3 / 5);
    resolve(&city, "R2", "return");
    EQ(credited(&city, "P1", "2018-02"), 0);
    EQ(due(&city, "employer", "E1", "2018-02"), paid);
    receive(&city, "R4", "employer", "E1", "2018-02", day);
    receive(&city, "D4", "employer", "E1", "2018-02 diff 01", day);
    EQ(credited(&city, "P1", "2018-02"), credit * 8 / 5);
    rebuild_changes_nothing(&city);
    close_city(&city);
}

TEST(a_lower_wage_of_a_paid_month_parks_what_was_too_much) {
    for (int back = 0; back < 2; back++) {
        city_t city;
        live(&city);
        const fen_t paid = bill_of(&city, "P1", "2018-03")->own_fen, credit = credited(&city, "P1", "2018-03");
        const int64_t version = entitlement(&city, "P1")->version;
        declare(&city, "P1", "2018-03", 400000);
        pump(&city);
        const fen_t less = bill_of(&city, "P1", "2018-03")->own_fen;
        EQ(less, paid * 4 / 5);
        EQ_TEXT(bill_of(&city, "P1", "2018-03")->paid_on, day);
        EQ(credited(&city, "P1", "2018-03"), credit * 4 / 5);
        EQ(entitlement(&city, "P1")->version, version);
        const Tc__ParkedReceipt *parked = first_parked(&city);
        NEED(parked != NULL);
        EQ_TEXT(parked->reason, "wage_changed");
        EQ_TEXT(parked->payer, "E1");
        EQ(parked->amount_fen, paid - less);
        resolve(&city, parked->receipt, back ? "return" : "apply");
        EQ(SUM(&city, "amount_fen", "credit"), back ? 0 : paid - less);
        EQ(SUM(&city, "amount_fen", "refund"), back ? paid - less : 0);
        // The receipt that paid it is decided no more as a whole; the one in its place can be given back.
        EQ(rig_ask(&city.collection, "resolve_receipt", "{'receipt':'R3','decision':'return','reason':'x'}"),
           E_OUT_OF_RANGE);
        rebuild_changes_nothing(&city);
        close_city(&city);
    }
}

// Bills are taken out under numbers that are made of the moment, and a thousand of those fit into a millisecond.
TEST(every_moment_is_given_once) {
    collection_t desk = {0};
    int64_t before_ms = clock_now_ms() - 1;
    for (int i = 0; i < 1000; i++) {
        const int64_t moment_ms = desk_moment_ms(&desk);
        OK(moment_ms > before_ms);
        before_ms = moment_ms;
    }
}

TEST(a_wage_that_owes_the_same_changes_nothing) {
    city_t city;
    open_city(&city);
    add_employer(&city, "E1");
    add_person(&city, "P1", "employee", "2018-01", ",'employer':'E1','wage':'1000.00'");
    pump(&city);
    bill_month(&city, "2018-01");
    receive(&city, "R1", "employer", "E1", "2018-01", day);
    declare(&city, "P1", "2018-01", 120000); // both below the floor
    pump(&city);
    EQ(COUNT(&city, "bill"), 1);
    EQ(COUNT(&city, "withdrawn"), 0);
    EQ(COUNT(&city, "bill WHERE wage_fen = 120000"), 1);
    // There and back before it is paid: nothing is owed any more.
    declare(&city, "P1", "2018-01", 900000);
    pump(&city);
    EQ(COUNT(&city, "bill"), 2);
    declare(&city, "P1", "2018-01", 100000);
    pump(&city);
    EQ(COUNT(&city, "bill"), 1);
    close_city(&city);
}

// ---- random lives, and twins whose wage was right from the start

enum { MONTHS = 6 };

typedef struct twin_sums {
    fen_t months[MONTHS][2][2]; // by tier and payer: what is paid
    fen_t credits[MONTHS];
} twin_sums_t;

static unsigned next_random(unsigned *state) {
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

static const char *month_name(unsigned i, char text[static DATE_TEXT_MAX]) {
    return month_format(month_make(2018, 1) + (month_t)i, text);
}

static void sum_up(city_t *city, const char *person, twin_sums_t *out) {
    char text[DATE_TEXT_MAX];
    *out = (twin_sums_t){0};
    RIG_DO(&city->collection, "get_bills", "{'person':'%s'}", person);
    const Tc__ContributionBills *bills = (const Tc__ContributionBills *)city->collection.reply;
    for (size_t i = 0; i < bills->n_bills; i++) {
        const Tc__ContributionBill *bill = bills->bills[i];
        const int month = atoi(bill->period + 5) - 1;
        OK(*bill->paid_on);
        for (size_t k = 0; k < bill->n_lines; k++) {
            const Tc__ContributionLine *line = bill->lines[k];
            out->months[month][strcmp(line->item, "tier2") == 0][strcmp(line->payer, "person") == 0] +=
                line->amount_fen;
        }
    }
    for (unsigned i = 0; i < MONTHS; i++) out->credits[i] = credited(city, person, month_name(i, text));
}

// Some period of which the employer owes something; false: none.
static bool owed_period(city_t *city, const char *person, unsigned pick, char out[static PERIOD_TEXT_MAX]) {
    RIG_DO(&city->collection, "get_bills", "{'person':'%s'}", person);
    const Tc__ContributionBills *bills = (const Tc__ContributionBills *)city->collection.reply;
    size_t open = 0;
    for (size_t i = 0; i < bills->n_bills; i++) open += !*bills->bills[i]->paid_on;
    for (size_t i = 0, at = 0; i < bills->n_bills; i++)
        if (!*bills->bills[i]->paid_on && at++ == pick % open) {
            snprintf(out, PERIOD_TEXT_MAX, "%s", bills->bills[i]->period);
            return true;
        }
    return false;
}

static void decide_parked(city_t *city) {
    for (const Tc__ParkedReceipt *parked; (parked = first_parked(city)) != NULL;)
        resolve(city, parked->receipt, "apply");
}

static void step(city_t *city, unsigned *random, fen_t wages[static MONTHS]) {
    char period[PERIOD_TEXT_MAX], text[DATE_TEXT_MAX];
    const unsigned month = next_random(random) % MONTHS;
    const fen_t wage = (fen_t)(1000 + next_random(random) % 16000) * 100 + next_random(random) % 100;
    switch (next_random(random) % 6) {
    case 0: bill_month(city, month_name(month, text)); return;
    case 1:
    case 2:
        if (owed_period(city, "LATE", next_random(random), period)) pay(city, "employer", "EL", period, day);
        return;
    case 3: pump(city); return;
    case 4:
        if (next_random(random) % 3 == 0) decide_parked(city);
        return;
    default: declare(city, "LATE", month_name(month, text), wage); wages[month] = wage;
    }
}

static void end_late(city_t *city) {
    char period[PERIOD_TEXT_MAX], text[DATE_TEXT_MAX];
    pump(city);
    for (unsigned i = 0; i < MONTHS; i++) bill_month(city, month_name(i, text));
    decide_parked(city);
    while (owed_period(city, "LATE", 0, period)) pay(city, "employer", "EL", period, day);
}

// The same wages, known before anything is billed; and of its payer as much is kept in the end as of the other's.
static void live_right(city_t *city, const fen_t wages[static MONTHS]) {
    char text[DATE_TEXT_MAX], amount[FEN_TEXT_MAX];
    const fen_t kept = SUM(city, "amount_fen", "credit WHERE payer = 'EL'");
    for (unsigned i = 0; i < MONTHS; i++)
        if (wages[i]) declare(city, "RIGHT", month_name(i, text), wages[i]);
    pump(city);
    for (unsigned i = 0; i < MONTHS; i++) {
        bill_month(city, month_name(i, text));
        if (i + 1 < MONTHS || kept == 0) {
            pay(city, "employer", "ER", text, day);
            continue;
        }
        RIG_DO(&city->collection, "import_receipts",
               "{'file':'%064d','first_row':1,'rows':[{'receipt':'TOO-MUCH','employer':'ER','period':'%s','amount':'%s'"
               ",'paid_on':'%s'}]}",
               1, text, fen_format(due(city, "employer", "ER", text) + kept, amount), day);
        decide_parked(city);
    }
}

static void same_entitlement(city_t *city) {
    Tc__Entitlement *late = entitlement(city, "LATE"), *right = entitlement(city, "RIGHT");
    late->person = right->person;
    late->version = right->version;
    late->touched_from = right->touched_from;
    late->touched_until = right->touched_until;
    EQ_TEXT(message_to_json(&late->base, city->collection.ctx.arena),
            message_to_json(&right->base, city->collection.ctx.arena));
}

static fen_t posted_for(city_t *city, const char *employer) {
    char sql[160];
    snprintf(sql, sizeof sql,
             "SELECT CAST(COALESCE(SUM(amount_fen), 0) AS BIGINT) FROM posting WHERE account = 'money/treasury' AND"
             " party = '%s'",
             employer);
    const fen_t sum = number_of(&city->settlement, sql);
    OK(sum > 0);
    return sum;
}

TEST(in_the_end_all_is_as_if_the_wage_had_been_right_from_the_start) {
    const unsigned seed = getenv("SEED") ? (unsigned)strtoul(getenv("SEED"), NULL, 10) : (unsigned)time(NULL);
    printf("SEED=%u\n", seed);
    for (unsigned round = 0; round < 8; round++) {
        city_t city;
        twin_sums_t late, right;
        fen_t wages[MONTHS] = {0};
        unsigned random = seed + 7919 * round;
        open_city(&city);
        add_employer(&city, "EL");
        add_employer(&city, "ER");
        add_employee(&city, "LATE", "EL", "2018-01");
        add_employee(&city, "RIGHT", "ER", "2018-01");
        pump(&city);
        for (int i = 0; i < 60; i++) step(&city, &random, wages);
        // Until here RIGHT's bills are unpaid and go with its wage.
        end_late(&city);
        live_right(&city, wages);
        sum_up(&city, "LATE", &late);
        sum_up(&city, "RIGHT", &right);
        OK(memcmp(&late, &right, sizeof late) == 0);
        EQ(SUM(&city, "amount_fen", "credit WHERE payer = 'EL'"),
           SUM(&city, "amount_fen", "credit WHERE payer = 'ER'"));
        same_entitlement(&city);
        rebuild_changes_nothing(&city);
        check_books(&city);
        EQ(posted_for(&city, "EL"), posted_for(&city, "ER"));
        close_city(&city);
    }
}

// ---- another district

static fen_t contributed(city_t *city, const char *division) {
    char sql[160];
    rig_pump(&city->collection, &city->settlement, &city->books);
    snprintf(
        sql, sizeof sql,
        "SELECT CAST(COALESCE(-SUM(amount_fen), 0) AS BIGINT) FROM balance WHERE account LIKE 'contribution/%%' AND"
        " division = '%s'",
        division);
    return number_of(&city->settlement, sql);
}

// Told in July, from 10 February on: January and February stay where they were billed.
TEST(a_move_that_is_told_late_takes_the_months_after_it_along) {
    city_t city;
    live(&city);
    const fen_t paid = bill_of(&city, "P1", "2018-03")->own_fen;
    bill_month(&city, "2018-04");
    EQ(contributed(&city, "440703"), 3 * paid);
    RIG_DO(&city.enrollment, "move_person", "{'person':'P1','division':'440705','from':'2018-02-10'}");
    pump(&city);
    EQ_TEXT(bill_of(&city, "P1", "2018-02")->division, "440703");
    EQ_TEXT(bill_of(&city, "P1", "2018-03")->division, "440705");
    EQ_TEXT(bill_of(&city, "P1", "2018-03")->paid_on, day);
    EQ_TEXT(bill_of(&city, "P1", "2018-04")->division, "440705"); // unpaid
    EQ(contributed(&city, "440703"), 2 * paid);
    EQ(contributed(&city, "440705"), paid);
    EQ(COUNT(&city, "parked_receipt"), 0);
    // Who decided bills by the former state knows since when they belong elsewhere.
    EQ_TEXT(entitlement(&city, "P1")->division, "440705");
    EQ_TEXT(entitlement(&city, "P1")->places[0]->division, "440703");
    EQ_TEXT(entitlement(&city, "P1")->places[1]->from, "2018-02-10");
    EQ_TEXT(entitlement(&city, "P1")->touched_from, "2018-02");
    receive(&city, "R4", "employer", "E1", "2018-04", day);
    EQ(contributed(&city, "440705"), 2 * paid);
    // A month before the move that is billed after it belongs where the person was.
    declare(&city, "P1", "2018-02", 800000);
    pump(&city);
    EQ_TEXT(bill_of(&city, "P1", "2018-02 diff 01")->division, "440703");
    EQ_TEXT(bill_of(&city, "P1", "2018-03 diff 01")->division, "440705");
    rebuild_changes_nothing(&city);
    close_city(&city);
}

// Another wage and another district at once: both are settled.
TEST(a_move_and_a_wage_at_once) {
    city_t city;
    live(&city);
    const fen_t paid = bill_of(&city, "P1", "2018-03")->own_fen, credit = credited(&city, "P1", "2018-03");
    RIG_DO(&city.enrollment, "move_person", "{'person':'P1','division':'440705','from':'2018-01-20'}");
    declare(&city, "P1", "2018-02", 800000);
    declare(&city, "P1", "2018-03", 400000);
    pump(&city);
    EQ(bill_of(&city, "P1", "2018-02")->own_fen, paid);
    EQ_TEXT(bill_of(&city, "P1", "2018-02")->division, "440705");
    EQ_TEXT(bill_of(&city, "P1", "2018-02 diff 01")->division, "440705");
    EQ(due(&city, "employer", "E1", "2018-02 diff 01"), paid * 3 / 5);
    EQ(bill_of(&city, "P1", "2018-03")->own_fen, paid * 4 / 5);
    EQ_TEXT(bill_of(&city, "P1", "2018-03")->division, "440705");
    EQ(credited(&city, "P1", "2018-03"), credit * 4 / 5);
    EQ(contributed(&city, "440705"), paid + paid * 4 / 5);
    close_city(&city);
}

static fen_t owed_by_finance(city_t *city, const char *division) {
    fen_t sum = 0;
    const Tc__Obligations *all = rig_obligations(&city->collection, 2018);
    for (size_t i = 0; i < all->n_lines; i++)
        if (strcmp(all->lines[i]->division, division) == 0) sum += all->lines[i]->due_fen;
    return sum;
}

// Of a year counts where the person was on its first day.
TEST(public_obligations_stand_where_the_year_began) {
    city_t city;
    open_city(&city);
    add_born(&city, "RES", "19500101", "resident", "2018-01", "");
    add_born(&city, "POOR", "19500101", "resident", "2018-01", "");
    RIG_DO(&city.enrollment, "set_group",
           "{'person':'POOR','group':'minimum_living','from':'2017-12-01','source':'civil_affairs'," RIG_PAPER "}");
    pump(&city);
    RIG_DO(&city.collection, "bill_year", "{'year':2018}");
    const fen_t all = owed_by_finance(&city, "440703");
    OK(all > 0);
    RIG_DO(&city.enrollment, "move_person", "{'person':'RES','division':'440705','from':'2018-01-02'}");
    RIG_DO(&city.enrollment, "move_person", "{'person':'POOR','division':'440705','from':'2018-03-01'}");
    pump(&city);
    EQ(owed_by_finance(&city, "440703"), all); // during the year
    RIG_DO(&city.enrollment, "move_person", "{'person':'POOR','division':'440704','from':'2017-12-31'}");
    pump(&city);
    const fen_t moved = owed_by_finance(&city, "440704");
    OK(moved > 0);
    EQ(owed_by_finance(&city, "440703") + moved, all);
    close_city(&city);
}

TEST(the_ground_is_left) {
    policy_destroy(&law);
    rig_ground_stop();
}

TESTS("collection_amended", CASE(the_ground_is_laid), CASE(a_higher_wage_of_a_paid_month_is_billed_by_its_difference),
      CASE(a_lower_wage_of_a_paid_month_parks_what_was_too_much), CASE(every_moment_is_given_once),
      CASE(a_wage_that_owes_the_same_changes_nothing),
      CASE(in_the_end_all_is_as_if_the_wage_had_been_right_from_the_start),
      CASE(a_move_that_is_told_late_takes_the_months_after_it_along), CASE(a_move_and_a_wage_at_once),
      CASE(public_obligations_stand_where_the_year_began), CASE(the_ground_is_left))
