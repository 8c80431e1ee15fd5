// What becomes of a person: two numbers that are one, deaths, ends of the employee relation, stays elsewhere, and the
// accounts of those who pay nothing any more. Through collection's handlers, with enrolment before it and the ledger
// behind it. Built twice: on SQLite, and with ON_POSTGRES.
#include "common/base/hash.h"
#include "tests/city_books.h"

// ---- what holds

static const char *paid_on(city_t *city, const char *person, const char *period) {
    RIG_DO(&city->collection, "get_bills", "{'person':'%s'}", person);
    const Tc__ContributionBills *bills = (const Tc__ContributionBills *)city->collection.reply;
    for (size_t i = 0; i < bills->n_bills; i++)
        if (strcmp(bills->bills[i]->period, period) == 0) return bills->bills[i]->paid_on;
    return "none";
}

static const Tc__ParkedReceipt *only_parked(city_t *city) {
    RIG_DO(&city->collection, "list_receipts_parked", "{}");
    const Tc__ParkedReceipts *list = (const Tc__ParkedReceipts *)city->collection.reply;
    NEED(list->n_parked == 1);
    return list->parked[0];
}

// ---- two numbers of one human being

// OLD and NEW are the same person, insured twice; months 1 … 4: paid under OLD, under both, under NEW, under neither.
static void live_twice(city_t *city) {
    open_city(city);
    add_born(city, "OLD", "19850115", "flexible", "2018-01", "");
    add_born(city, "NEW", "19850115", "flexible", "2018-01", "");
    pump(city);
    bill_months(city, "2018-01", "2018-04");
    receive(city, "R1", "person", "OLD", "2018-01", "2018-01-20");
    receive(city, "R2", "person", "OLD", "2018-02", "2018-02-20");
    receive(city, "R3", "person", "NEW", "2018-02", "2018-02-21");
    receive(city, "R4", "person", "NEW", "2018-03", "2018-03-20");
}

static void merge(city_t *city, const char *from, const char *into) {
    RIG_DO(&city->enrollment, "merge_persons", "{'from':'%s','into':'%s','reason':'one human being'}", from, into);
}

// Events of one person only: partitions arrive in any order.
static void pump_only(city_t *city, const char *person) {
    rows_t rows;
    rig_events(&city->enrollment, &rows);
    for (size_t i = 0; i < rows.count; i++) {
        event_t event = {.partition = (uint32_t)row_i64(&rows, i, 0),
                         .number = row_i64(&rows, i, 1),
                         .topic = row_text(&rows, i, 2),
                         .at_ms = row_i64(&rows, i, 3)};
        event.body = row_blob(&rows, i, 4, &event.body_bytes);
        if (event.partition == partition_of(person)) EQ(rig_apply(&city->collection, &city->feed, &event, 1), E_OK);
    }
}

static void check_merged(city_t *city) {
    const Tc__Entitlement *old = entitlement(city, "OLD");
    EQ(old->n_spans, 0);
    EQ_TEXT(old->merged_into, "NEW");
    HAS_TEXT(old->reason, "stands for person NEW");
    RIG_DO(&city->collection, "get_entitlements", "{'persons':['OLD']}");
    const Tc__Entitlements *both = (const Tc__Entitlements *)city->collection.reply;
    NEED(both->n_entitlements == 2);
    EQ_TEXT(both->entitlements[1]->person, "NEW");
    EQ(COUNT(city, "bill WHERE person = 'OLD'"), 0);
    EQ(COUNT(city, "bill WHERE person = 'NEW'"), 4);
    EQ_TEXT(paid_on(city, "OLD", "2018-01"), "2018-01-20");
    EQ_TEXT(paid_on(city, "NEW", "2018-02"), "2018-02-21");
    EQ_TEXT(paid_on(city, "NEW", "2018-03"), "2018-03-20");
    EQ_TEXT(paid_on(city, "NEW", "2018-04"), "");
    const Tc__ParkedReceipt *twice = only_parked(city);
    EQ_TEXT(twice->reason, "merged");
    EQ_TEXT(twice->payer, "NEW");
    EQ_TEXT(twice->period, "2018-02");
    OK(twice->amount_fen == due(city, "person", "OLD", "2018-04"));
    RIG_DO(&city->collection, "get_years", "{'person':'OLD'}");
    EQ(((const Tc__Years *)city->collection.reply)->actual_months, 3);
    check_books(city);
    rebuild_changes_nothing(city);
}

// What the events told of a person's account add up to.
static fen_t told_of(city_t *city, const char *person) {
    rows_t rows;
    fen_t sum = 0;
    rig_events(&city->collection, &rows);
    for (size_t i = 0; i < rows.count; i++) {
        ProtobufCMessage *message = NULL;
        size_t size;
        const void *body = row_blob(&rows, i, 4, &size);
        if (strcmp(row_text(&rows, i, 2), "account.credited") != 0) continue;
        NEED(message_unpack(&message, &tc__account_credit__descriptor, body, size, city->collection.ctx.arena, NULL) ==
             0);
        const Tc__AccountCredit *credit = (const Tc__AccountCredit *)message;
        if (strcmp(credit->person, person) == 0) sum += credit->amount_fen;
    }
    return sum;
}

// Whoever was credited for a month is, and once: by the bills that are there.
static void check_accounts(city_t *city) {
    EQ(told_of(city, "OLD"), 0);
    EQ(told_of(city, "NEW"), SUM(city, "amount_fen", "account_credit WHERE person = 'NEW'"));
    EQ(COUNT(city, "account_credit WHERE person = 'OLD' AND amount_fen <> 0"), 0);
    EQ(COUNT(city, "account_credit a WHERE a.amount_fen <> 0 AND a.receipt <> '' AND NOT EXISTS"
                   " (SELECT 1 FROM bill b WHERE b.person = a.person AND b.period = a.month"
                   " AND b.receipt = a.receipt)"),
       0);
    EQ(COUNT(city, "account_credit WHERE person = 'NEW' AND (amount_fen <> 0 OR undecided <> '')"), 3);
}

TEST(what_stood_under_the_old_number_counts_for_the_other) {
    city_t city;
    live_twice(&city);
    merge(&city, "OLD", "NEW");
    pump(&city);
    check_merged(&city);
    check_accounts(&city);
    // Money for the old number pays the other one's bills, and a preview speaks of them.
    RIG_DO(&city.collection, "preview", "{'person':'OLD','pay_by':'2018-04-20'}");
    const Tc__Preview *told = (const Tc__Preview *)city.collection.reply;
    EQ(told->n_owed, 1);
    EQ_TEXT(told->then->person, "NEW");
    receive(&city, "R5", "person", "OLD", "2018-04", "2018-04-20");
    EQ_TEXT(((const Tc__Receipt *)city.collection.reply)->payer, "NEW");
    EQ(due(&city, "person", "OLD", "2018-04"), 0);
    EQ(entitlement(&city, "NEW")->n_spans, 1);
    // And a receipt of that time can be given back.
    RIG_DO(&city.collection, "resolve_receipt", "{'receipt':'R1','decision':'return','reason':'asked for it'}");
    EQ_TEXT(paid_on(&city, "NEW", "2018-01"), "");
    close_city(&city);
}

TEST(whichever_of_both_states_arrives_first) {
    static const char *const order[][2] = {{"OLD", "NEW"}, {"NEW", "OLD"}};
    for (size_t i = 0; i < COUNT_OF(order); i++) {
        city_t city;
        live_twice(&city);
        NEED(partition_of("OLD") != partition_of("NEW"));
        merge(&city, "OLD", "NEW");
        pump_only(&city, order[i][0]);
        EQ(COUNT(&city, "bill WHERE person = 'OLD'"), i == 0 ? 4 : 0);
        if (i == 1) bill_month(&city, "2018-05"); // OLD's own copy has not heard of it: both are billed
        pump_only(&city, order[i][1]);
        if (i == 1) EQ(COUNT(&city, "bill WHERE period = '2018-05'"), 1);
        if (i == 1) RIG_DO(&city.enrollment, "close_spell", "{'person':'NEW','last_month':'2018-04'}");
        pump(&city);
        check_merged(&city);
        check_accounts(&city);
        pump_only(&city, "NEW"); // once more: nothing happens twice
        check_merged(&city);
        close_city(&city);
    }
}

TEST(what_was_paid_twice_is_for_somebody_to_decide) {
    static const char *const decisions[] = {"return", "apply"};
    for (size_t i = 0; i < COUNT_OF(decisions); i++) {
        city_t city;
        live_twice(&city);
        merge(&city, "OLD", "NEW");
        pump(&city);
        const Tc__ParkedReceipt *twice = only_parked(&city);
        const fen_t amount = twice->amount_fen;
        EQ(rig_ask(&city.collection, "resolve_receipt", "{'receipt':'R2','decision':'return','reason':'r'}"),
           E_OUT_OF_RANGE); // its bill was taken out
        RIG_DO(&city.collection, "resolve_receipt", "{'receipt':'%s','decision':'%s','reason':'r'}", twice->receipt,
               decisions[i]);
        EQ(SUM(&city, "amount_fen", "refund"), i == 0 ? amount : 0);
        EQ_TEXT(paid_on(&city, "NEW", "2018-04"), i == 0 ? "" : "2018-02-20");
        close_city(&city);
    }
}

TEST(credit_and_parked_money_go_along_and_numbers_lead_on) {
    city_t city;
    open_city(&city);
    add_born(&city, "A", "19850115", "flexible", "2018-01", "");
    add_born(&city, "B", "19850115", "flexible", "2018-01", "");
    add_born(&city, "C", "19850115", "flexible", "2018-01", "");
    pump(&city);
    bill_months(&city, "2018-01", "2018-02");
    RIG_DO(&city.collection, "import_receipts",
           "{'file':'0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef','first_row':1,'rows':["
           "{'receipt':'X1','person':'A','period':'2018-01','amount':'1000.00','paid_on':'2018-01-20'},"
           "{'receipt':'X2','person':'A','period':'2018-02','amount':'900.00','paid_on':'2018-02-20'}]}");
    RIG_DO(&city.collection, "resolve_receipt", "{'receipt':'X1','decision':'apply','reason':'r'}");
    const fen_t credit = SUM(&city, "amount_fen", "credit");
    OK(credit > 0);
    merge(&city, "A", "B");
    pump(&city);
    EQ(SUM(&city, "amount_fen", "credit WHERE payer = 'B'"), credit);
    check_books(&city);
    merge(&city, "B", "C");
    pump(&city);
    EQ(SUM(&city, "amount_fen", "credit WHERE payer = 'C'"), credit);
    EQ(COUNT(&city, "merged WHERE into_person = 'C'"), 2);
    EQ(COUNT(&city, "bill"), 2);
    EQ(COUNT(&city, "bill WHERE person = 'C'"), 2);
    // Parked under the first number, it becomes the last one's.
    RIG_DO(&city.collection, "resolve_receipt", "{'receipt':'X2','decision':'apply','reason':'r'}");
    EQ(due(&city, "person", "A", "2018-02"), 0);
    OK(SUM(&city, "amount_fen", "credit WHERE payer = 'C'") > 0);
    // The same file again: nothing is new, and nothing is somebody else's.
    RIG_DO(&city.collection, "import_receipts",
           "{'file':'0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef','first_row':1,'rows':["
           "{'receipt':'X1','person':'A','period':'2018-01','amount':'1000.00','paid_on':'2018-01-20'},"
           "{'receipt':'X2','person':'A','period':'2018-02','amount':'900.00','paid_on':'2018-02-20'}]}");
    EQ(((const Tc__ReceiptReport *)city.collection.reply)->unchanged, 2);
    rebuild_changes_nothing(&city);
    close_city(&city);
}

// Rows under both numbers in one file pay one debt, not two.
TEST(a_file_under_both_numbers_pays_once) {
    city_t city;
    char amount[FEN_TEXT_MAX];
    open_city(&city);
    add_born(&city, "A", "19850115", "flexible", "2018-01", "");
    add_born(&city, "B", "19850115", "flexible", "2018-01", "");
    pump(&city);
    merge(&city, "A", "B");
    pump(&city);
    bill_month(&city, "2018-01");
    fen_format(due(&city, "person", "A", "2018-01"), amount);
    RIG_DO(&city.collection, "import_receipts",
           "{'file':'0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef','first_row':1,'rows':["
           "{'receipt':'X1','person':'A','period':'2018-01','amount':'%s','paid_on':'2018-01-20'},"
           "{'receipt':'X2','person':'B','period':'2018-01','amount':'%s','paid_on':'2018-01-20'}]}",
           amount, amount);
    const Tc__ReceiptReport *report = (const Tc__ReceiptReport *)city.collection.reply;
    EQ(report->matched, 1);
    EQ(report->parked, 1);
    close_city(&city);
}

// ---- deaths

TEST(nothing_is_owed_after_a_death) {
    city_t city;
    open_city(&city);
    add_employer(&city, "E1");
    add_employee(&city, "P1", "E1", "2018-01");
    add_employee(&city, "P2", "E1", "2018-01");
    pump(&city);
    bill_months(&city, "2018-01", "2018-06");
    receive(&city, "R1", "employer", "E1", "2018-03", "2018-03-20");
    receive(&city, "R2", "employer", "E1", "2018-04", "2018-04-20");
    receive(&city, "R3", "employer", "E1", "2018-05", "2018-05-20");
    const fen_t before = due(&city, "employer", "E1", "2018-06");
    RIG_DO(&city.enrollment, "record_death", "{'person':'P1','on':'2018-04-10'}");
    pump(&city);
    // June was not paid: it is withdrawn. May was: its money is parked, the colleague's stays where it is.
    EQ(due(&city, "employer", "E1", "2018-06"), before / 2);
    EQ_TEXT(paid_on(&city, "P1", "2018-06"), "none");
    EQ_TEXT(paid_on(&city, "P1", "2018-05"), "none");
    EQ_TEXT(paid_on(&city, "P1", "2018-04"), "2018-04-20");
    EQ_TEXT(paid_on(&city, "P2", "2018-05"), "2018-05-20");
    const Tc__ParkedReceipt *parked = only_parked(&city);
    EQ_TEXT(parked->reason, "died");
    EQ_TEXT(parked->payer, "E1");
    EQ(parked->amount_fen, before / 2);
    EQ(COUNT(&city, "account_credit WHERE person = 'P1' AND month > '2018-04' AND amount_fen <> 0"), 0);
    // April's contribution would cover May: cover ends with the month of death all the same.
    const Tc__Entitlement *state = entitlement(&city, "P1");
    NEED(state->n_spans > 0);
    EQ_TEXT(state->spans[state->n_spans - 1]->last_month, "2018-04");
    HAS_TEXT(state->reason, "died on 2018-04-10");
    EQ_TEXT(state->touched_from, "2018-05");
    bill_months(&city, "2018-04", "2018-07");
    EQ(COUNT(&city, "bill WHERE person = 'P1' AND period > '2018-04'"), 0);
    rebuild_changes_nothing(&city);
    EQ(rig_ask(&city.collection, "bill_lump_sum", "{'person':'P1'}"), E_OUT_OF_RANGE);
    EQ_TEXT(state->sex, "male");
    RIG_DO(&city.collection, "resolve_receipt", "{'receipt':'%s','decision':'return','reason':'after death'}",
           parked->receipt);
    close_city(&city);
}

TEST(a_residents_fee_of_the_year_of_death_stays_that_of_the_next_is_parked) {
    city_t city;
    open_city(&city);
    add_born(&city, "P1", "19850115", "resident", "2018-01", "");
    pump(&city);
    RIG_DO(&city.collection, "bill_year", "{'year':2018}");
    RIG_DO(&city.collection, "bill_year", "{'year':2019}");
    receive(&city, "R1", "person", "P1", "2018", "2017-12-01");
    receive(&city, "R2", "person", "P1", "2019", "2018-10-01");
    RIG_DO(&city.enrollment, "record_death", "{'person':'P1','on':'2018-11-10'}");
    pump(&city);
    EQ_TEXT(paid_on(&city, "P1", "2018"), "2017-12-01");
    EQ_TEXT(paid_on(&city, "P1", "2019"), "none");
    EQ_TEXT(only_parked(&city)->period, "2019");
    const Tc__Entitlement *state = entitlement(&city, "P1");
    NEED(state->n_spans == 1);
    EQ_TEXT(state->spans[0]->last_month, "2018-11");
    close_city(&city);
}

// ---- the end of the relation, pure: the first city has no such rule

static billed_t billed(const char *period, identity_t identity, const char *paid) {
    billed_t bill = {.identity = identity, .employer = "", .paid_on = DATE_NONE};
    NEED(period_parse(period, &bill.period, NULL) == 0);
    if (*paid) NEED(date_parse(paid, &bill.paid_on) == 0);
    return bill;
}

TEST(ZZ_Y07_ZZ_Y08_the_end_of_the_relation_ends_what_is_owed_and_what_is_covered) {
    Tc__PersonState person = TC__PERSON_STATE__INIT;
    Tc__Spell one = TC__SPELL__INIT, two = TC__SPELL__INIT, *spells[] = {&one, &two};
    arena_t *arena = arena_new(1 << 16, 0);
    Tc__Entitlement *state = NULL;
    err_t err = {0};
    NEED(arena != NULL);
    one.identity = (char *)"flexible", one.from_month = (char *)"2018-01", one.last_month = (char *)"2018-06";
    two.identity = (char *)"resident", two.from_month = (char *)"2019-01";
    person.person = (char *)"P1", person.birth = (char *)"1960-01-01", person.ended_on = (char *)"2018-06-10";
    person.spells = spells, person.n_spells = 2;
    const billed_t bills[] = {
        billed("2018-01", IDENTITY_FLEXIBLE, "2018-01-20"), billed("2018-02", IDENTITY_FLEXIBLE, "2018-02-20"),
        billed("2018-03", IDENTITY_FLEXIBLE, "2018-03-20"), billed("2018-04", IDENTITY_FLEXIBLE, "2018-04-20"),
        billed("2018-05", IDENTITY_FLEXIBLE, "2018-05-20"), billed("2018-06", IDENTITY_FLEXIBLE, "2018-06-20"),
        billed("2019", IDENTITY_RESIDENT, "2018-10-20")};
    NEED(entitlement_make(law, &person, bills, COUNT_OF(bills), arena, &state, &err) == E_OK);
    NEED(state->n_spans == 2);
    EQ_TEXT(state->spans[0]->last_month, "2018-06"); // not July, which June's contribution would cover
    EQ_TEXT(state->spans[1]->first_month, "2019-01");
    const billed_t late = billed("2018-07", IDENTITY_FLEXIBLE, "2018-07-20"),
                   open = billed("2018-07", IDENTITY_FLEXIBLE, ""),
                   lump = billed("2018-06 lump", IDENTITY_FLEXIBLE, "");
    EQ_TEXT(billed_void(law, &person, &late), "relation_ended");
    OK(!billed_void(law, &person, &bills[5]) && !billed_void(law, &person, &bills[6]));
    OK(!billed_stands(law, &person, &open) && !billed_stands(law, &person, &lump));
    person.ended_on = (char *)"";
    OK(!billed_void(law, &person, &late) && billed_stands(law, &person, &lump));
    arena_destroy(&arena);
}

// ---- stays

TEST(JM_G_20_a_second_stay_brings_months_of_its_own) {
    city_t city;
    open_city(&city);
    add_born(&city, "P1", "19850115", "flexible", "2018-01", "");
    RIG_DO(&city.enrollment, "transfer", "{'person':'P1','direction':'out','on':'2018-03-31','place':'440100'}");
    RIG_DO(&city.enrollment, "open_spell", "{'person':'P1','identity':'flexible','from_month':'2020-06'}");
    RIG_DO(&city.enrollment, "transfer",
           "{'person':'P1','direction':'in','on':'2020-06-01','place':'440100','months_tier1':26,'months_tier2':25}");
    pump(&city);
    bill_months(&city, "2018-01", "2018-03");
    bill_months(&city, "2020-06", "2020-08");
    for (int i = 1; i <= 3; i++) {
        char receipt[16], period[16], on[16];
        snprintf(receipt, sizeof receipt, "R%d", i);
        snprintf(period, sizeof period, "2020-0%d", 5 + i);
        snprintf(on, sizeof on, "2020-0%d-20", 5 + i);
        receive(&city, receipt, "person", "P1", period, on);
    }
    const Tc__Entitlement *state = entitlement(&city, "P1");
    NEED(state->n_spans >= 1);
    const Tc__Entitlement__Span *last = state->spans[state->n_spans - 1];
    EQ_TEXT(last->first_month, "2020-06"); // no wait, and bought by the last month elsewhere
    EQ_TEXT(last->last_month, "2020-09");
    EQ(last->months_tier1, 26);
    EQ(last->months_tier2, 25);
    rebuild_changes_nothing(&city);
    close_city(&city);
}

// The first bill of a stay, unpaid as it is, changes the state: the run over the city tells it.
TEST(JM_G_20_the_first_bill_of_a_second_stay_renews_the_state) {
    city_t city;
    open_city(&city);
    add_born(&city, "P1", "19850115", "flexible", "2018-01", "");
    pump(&city);
    bill_month(&city, "2018-01");
    RIG_DO(&city.enrollment, "transfer", "{'person':'P1','direction':'out','on':'2018-01-31','place':'440100'}");
    RIG_DO(&city.enrollment, "open_spell", "{'person':'P1','identity':'flexible','from_month':'2020-06'}");
    RIG_DO(&city.enrollment, "transfer",
           "{'person':'P1','direction':'in','on':'2020-06-01','place':'440100','months_tier1':26,'months_tier2':25}");
    pump(&city);
    EQ(entitlement(&city, "P1")->n_spans, 0);
    bill_month(&city, "2020-06");
    NEED(entitlement(&city, "P1")->n_spans == 1);
    EQ_TEXT(entitlement(&city, "P1")->spans[0]->first_month, "2020-06");
    rebuild_changes_nothing(&city);
    close_city(&city);
}

// ---- accounts of those who pay nothing

static const Tc__CreditRun *credit_month(city_t *city, const char *month) {
    RIG_DO(&city->collection, "credit_month", "{'month':'%s'}", month);
    return (const Tc__CreditRun *)city->collection.reply;
}

TEST(JM_A_12_who_is_covered_for_life_is_credited_once_a_month) {
    city_t city;
    open_city(&city);
    add_born(&city, "OLD1", "19550115", "retiree", "2017-06", "");
    add_born(&city, "OLD2", "19550116", "retiree", "2018-03", "");
    add_born(&city, "WORKS", "19850115", "flexible", "2018-01", "");
    pump(&city);
    bill_month(&city, "2018-02");
    const Tc__CreditRun *run = credit_month(&city, "2018-02");
    EQ(run->persons, 3);
    EQ(run->credited, 1); // OLD2 is not yet
    EQ(run->amount_fen, 9500);
    OK(run->done);
    EQ(credit_month(&city, "2018-02")->credited, 0);
    EQ(COUNT(&city, "event WHERE topic = 'account.credited'"), 1);
    EQ(credit_month(&city, "2018-03")->credited, 2);
    EQ(COUNT(&city, "account_credit WHERE receipt = '' AND rule = 'JM-A-12'"), 3);
    EQ(rig_ask(&city.collection, "credit_month", "{}"), E_MISSING_FIELD);
    EQ(rig_ask(&city.collection, "credit_month", "{'month':'2018'}"), E_INVALID_FIELD);
    EQ(rig_ask(&city.collection, "credit_month", "{'month':'2199-01'}"), E_OUT_OF_RANGE);
    EQ(rig_ask(&city.collection, "credit_month", "{'month':'2018-01','limit':-1}"), E_OUT_OF_RANGE);
    close_city(&city);
}

TEST(credits_of_months_after_a_death_go_back) {
    city_t city;
    open_city(&city);
    add_born(&city, "P1", "19550115", "retiree", "2017-06", "");
    pump(&city);
    credit_month(&city, "2018-02");
    credit_month(&city, "2018-03");
    credit_month(&city, "2018-04");
    RIG_DO(&city.enrollment, "record_death", "{'person':'P1','on':'2018-03-05'}");
    pump(&city);
    EQ(COUNT(&city, "account_credit WHERE amount_fen = 9500 AND month <= '2018-03'"), 2);
    EQ(COUNT(&city, "account_credit WHERE amount_fen <> 0 AND month > '2018-03'"), 0);
    EQ(credit_month(&city, "2018-04")->credited, 0);
    RIG_DO(&city.enrollment, "record_death", "{'person':'P1','on':'2018-02-27'}"); // earlier than was said
    pump(&city);
    EQ(COUNT(&city, "account_credit WHERE amount_fen <> 0"), 1);
    EQ(COUNT(&city, "event WHERE topic = 'account.credited'"), 5);
    close_city(&city);
}

TEST(credits_of_a_merged_number_become_the_others) {
    city_t city;
    open_city(&city);
    add_born(&city, "A", "19550115", "retiree", "2017-06", "");
    add_born(&city, "B", "19550115", "retiree", "2017-06", "");
    pump(&city);
    credit_month(&city, "2018-02");
    RIG_DO(&city.collection, "credit_month", "{'month':'2018-03'}");
    merge(&city, "A", "B");
    pump(&city);
    EQ(COUNT(&city, "account_credit WHERE person = 'A' AND amount_fen <> 0"), 0);
    EQ(SUM(&city, "amount_fen", "account_credit WHERE person = 'B'"), 2 * 9500);
    EQ(told_of(&city, "A"), 0);
    EQ(told_of(&city, "B"), 2 * 9500);
    close_city(&city);
}

TEST(the_debit_account_of_a_merged_number_becomes_the_others_unless_it_has_one) {
    static const char account[] = "{'person':'%s','kind':'card','bank':'ICBC','account':'%s'}";
    city_t city;
    open_city(&city);
    for (const char *const *at = (const char *const[]){"A", "B", "C", NULL}; *at; at++)
        add_born(&city, *at, "19900115", "resident", "2018-01", "");
    pump(&city);
    RIG_DO(&city.collection, "set_debit_account", account, "A", "6222000000000001");
    RIG_DO(&city.collection, "bill_year", "{'year':2018}");
    RIG_DO(&city.collection, "report_debits",
           "{'rows':[{'person':'A','period':'2018','amount':'1.00','on':'2017-12-20','reason':'no money'}]}");
    EQ(((const Tc__DebitReport *)city.collection.reply)->kept, 1);
    merge(&city, "A", "B");
    pump(&city);
    EQ(COUNT(&city, "debit_account WHERE person = 'B' AND account = '6222000000000001'"), 1);
    RIG_DO(&city.collection, "set_debit_account", account, "A", "6222000000000002"); // by the old number
    EQ(COUNT(&city, "debit_account WHERE person = 'B' AND account = '6222000000000002'"), 1);
    RIG_DO(&city.collection, "set_debit_account", account, "C", "6222000000000003");
    merge(&city, "B", "C");
    pump(&city);
    EQ(COUNT(&city, "debit_account"), 1);
    EQ(COUNT(&city, "debit_account WHERE person = 'C' AND account = '6222000000000003'"), 1);
    EQ(COUNT(&city, "failed_debit WHERE person = 'C' AND reason = 'no money'"), 1); // A's, by way of B
    EQ(COUNT(&city, "failed_debit"), 1);
    close_city(&city);
}

TEST(JM_A_14_and_JM_A_15_who_has_no_account_after_retirement_is_not_credited) {
    city_t city;
    open_city(&city);
    RIG_DO(&city.enrollment, "register_employer",
           "{'employer':'E1','uscc':'%s','name':'A厂','kind':'distressed','division':'440703'}", rig_uscc(++serial));
    add_born(&city, "HARD", "19550115", "employee", "2017-06", ",'employer':'E1','wage':'5000.00'");
    RIG_DO(&city.enrollment, "close_spell", "{'person':'HARD','last_month':'2017-12'}");
    RIG_DO(&city.enrollment, "open_spell", "{'person':'HARD','identity':'retiree','from_month':'2018-01'}");
    add_born(&city, "LATE", "19550116", "flexible", "2018-01", "");
    RIG_DO(&city.enrollment, "close_spell", "{'person':'LATE','last_month':'2018-02'}");
    RIG_DO(&city.enrollment, "open_spell", "{'person':'LATE','identity':'retiree','from_month':'2018-03'}");
    pump(&city);
    bill_months(&city, "2018-01", "2018-02");
    receive(&city, "R1", "person", "LATE", "2018-01", "2018-01-20"); // joined in 2018 for the first time
    EQ(credit_month(&city, "2018-03")->credited, 0);
    EQ(COUNT(&city, "account_credit WHERE receipt = ''"), 0);
    close_city(&city);
}

TEST(the_ground_is_laid) { rig_ground_start(); }

TEST(the_ground_is_cleared) {
    policy_destroy(&law);
    rig_ground_stop();
}

TESTS("collection_life", CASE(the_ground_is_laid), CASE(what_stood_under_the_old_number_counts_for_the_other),
      CASE(whichever_of_both_states_arrives_first), CASE(what_was_paid_twice_is_for_somebody_to_decide),
      CASE(credit_and_parked_money_go_along_and_numbers_lead_on), CASE(a_file_under_both_numbers_pays_once),
      CASE(nothing_is_owed_after_a_death), CASE(a_residents_fee_of_the_year_of_death_stays_that_of_the_next_is_parked),
      CASE(ZZ_Y07_ZZ_Y08_the_end_of_the_relation_ends_what_is_owed_and_what_is_covered),
      CASE(JM_G_20_a_second_stay_brings_months_of_its_own),
      CASE(JM_G_20_the_first_bill_of_a_second_stay_renews_the_state),
      CASE(JM_A_12_who_is_covered_for_life_is_credited_once_a_month), CASE(credits_of_months_after_a_death_go_back),
      CASE(credits_of_a_merged_number_become_the_others),
      CASE(the_debit_account_of_a_merged_number_becomes_the_others_unless_it_has_one),
      CASE(JM_A_14_and_JM_A_15_who_has_no_account_after_retirement_is_not_credited), CASE(the_ground_is_cleared))
