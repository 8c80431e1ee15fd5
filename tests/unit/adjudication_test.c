// The pure parts of adjudication: what a person is entitled to on a day, what is wrong with a bill, which facility is
// designated when, the memory of heads.
#include "services/adjudication/entitled.h"
#include "services/adjudication/facilities.h"
#include "services/adjudication/heads.h"
#include "services/adjudication/intake.h"
#include "services/adjudication/textmap.h"
#include "tests/check.h"

#define T(text) ((char *)(text)) // protobuf-c wants char * where it only reads

static date_t day(const char *text) {
    date_t date = DATE_NONE;
    NEED(date_parse(text, &date) == 0);
    return date;
}

// ---- entitlement
// --------------------------------------------------------------------------------------------------------

static Tc__Entitlement__Span span(const char *identity, const char *first, const char *last, int n1, int n2) {
    Tc__Entitlement__Span made = TC__ENTITLEMENT__SPAN__INIT;
    made.identity = (char *)identity;
    made.first_month = (char *)first;
    made.last_month = (char *)last;
    made.months_tier1 = n1;
    made.months_tier2 = n2;
    return made;
}

enum { TIER2 = 1 << IDENTITY_EMPLOYEE | 1 << IDENTITY_RETIREE };

static int entitled(Tc__Entitlement__Span *spans, size_t count, const char *on, entitled_t *out, err_t *err) {
    Tc__Entitlement__Span *list[8];
    Tc__Entitlement state = TC__ENTITLEMENT__INIT;
    for (size_t i = 0; i < count; i++) list[i] = &spans[i];
    state.spans = list;
    state.n_spans = count;
    return entitled_on(&state, TIER2, day(on), out, err);
}

TEST(a_day_inside_a_span_is_covered_and_counts_its_months) {
    static const struct {
        const char *on;
        bool covered;
        int identity, n1, n2, k;
    } cases[] = {
        {"2017-09-30", false, -1, 0, 0, 0},
        {"2017-10-01", true, IDENTITY_EMPLOYEE, 5, 1, 1},
        {"2017-12-31", true, IDENTITY_EMPLOYEE, 7, 3, 3},
        {"2018-01-01", true, IDENTITY_EMPLOYEE, 8, 4, 1},
        {"2018-03-31", true, IDENTITY_EMPLOYEE, 10, 6, 3},
        {"2018-04-01", false, IDENTITY_EMPLOYEE, 0, 0, 3}, // the gap: no longer covered, k stays
        {"2018-06-15", true, IDENTITY_RESIDENT, 1, 0, 3},  // residents hold no tier 2
        {"2019-01-15", false, IDENTITY_RESIDENT, 0, 0, 0},
        {"2020-05-15", true, IDENTITY_RETIREE, 300, 200, 1}, // for life
        {"2035-12-15", true, IDENTITY_RETIREE, 487, 387, 12},
    };
    Tc__Entitlement__Span spans[] = {span("employee", "2017-10", "2018-03", 5, 1),
                                     span("resident", "2018-06", "2018-12", 1, 0),
                                     span("retiree", "2020-05", "", 300, 200)};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        entitled_t got;
        err_t err = {0};
        EQ(entitled(spans, COUNT_OF(spans), cases[i].on, &got, &err), E_OK);
        EQ(got.covered, cases[i].covered);
        EQ(got.identity, cases[i].identity);
        EQ(got.months_tier1, cases[i].n1);
        EQ(got.months_tier2, cases[i].n2);
        EQ(got.cover_months, cases[i].k);
    }
}

TEST(groups_hold_from_their_first_to_their_last_day) {
    Tc__Entitlement__Group poor = TC__ENTITLEMENT__GROUP__INIT, hardship = TC__ENTITLEMENT__GROUP__INIT;
    poor.group = T("registered_poor"), poor.from = T("2018-03-01"), poor.until = T("2018-03-31");
    hardship.group = T("extreme_hardship"), hardship.from = T("2018-03-31"), hardship.until = T("");
    Tc__Entitlement__Group *list[] = {&poor, &hardship};
    Tc__Entitlement state = TC__ENTITLEMENT__INIT;
    state.groups = list;
    state.n_groups = 2;
    static const struct {
        const char *on;
        uint32_t groups;
    } cases[] = {{"2018-02-28", 0},
                 {"2018-03-01", GROUP_BIT(GROUP_REGISTERED_POOR)},
                 {"2018-03-31", GROUP_BIT(GROUP_REGISTERED_POOR) | GROUP_BIT(GROUP_EXTREME_HARDSHIP)},
                 {"2018-04-01", GROUP_BIT(GROUP_EXTREME_HARDSHIP)}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        entitled_t got;
        EQ(entitled_on(&state, TIER2, day(cases[i].on), &got, NULL), E_OK);
        EQ(got.groups, cases[i].groups);
    }
}

TEST(a_bill_belongs_where_the_person_was_insured_on_its_day) {
    Tc__Entitlement__Place first = TC__ENTITLEMENT__PLACE__INIT, second = TC__ENTITLEMENT__PLACE__INIT;
    Tc__Entitlement__Place *list[] = {&first, &second};
    Tc__Entitlement state = TC__ENTITLEMENT__INIT;
    entitled_t got;
    state.division = second.division = T("440705"), first.division = T("440703"), second.from = T("2018-03-10");
    EQ(entitled_on(&state, TIER2, day("2018-03-09"), &got, NULL), E_OK);
    EQ_TEXT(got.division, "440705"); // a state from before there were places
    state.places = list;
    state.n_places = 2;
    EQ(entitled_on(&state, TIER2, day("2018-03-09"), &got, NULL), E_OK);
    EQ_TEXT(got.division, "440703");
    EQ(entitled_on(&state, TIER2, day("2018-03-10"), &got, NULL), E_OK);
    EQ_TEXT(got.division, "440705");
    second.from = T("2018-03");
    EQ(entitled_on(&state, TIER2, day("2018-03-10"), &got, NULL), E_INTERNAL);
}

TEST(a_malformed_state_is_told_and_leaves_the_answer_alone) {
    Tc__Entitlement__Span bad[][2] = {
        {span("employe", "2018-01", "", 1, 1), span("resident", "2019-01", "", 1, 0)},
        {span("employee", "2018-1", "", 1, 1), span("resident", "2019-01", "", 1, 0)},
        {span("employee", "2018-02", "2018-01", 1, 1), span("resident", "2019-01", "", 1, 0)},
        {span("employee", "2018-01", "2018-06", 1, 1), span("resident", "2018-06", "", 1, 0)},
        {span("employee", "2018-01", "2018-06", -1, 1), span("resident", "2018-07", "", 1, 0)},
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        entitled_t got = {.months_tier1 = 77};
        err_t err = {0};
        EQ(entitled(bad[i], 2, "2018-03-01", &got, &err), E_INTERNAL);
        EQ_TEXT(err.field, "entitlement");
        EQ(got.months_tier1, 77);
    }
}

// ---- intake
// -------------------------------------------------------------------------------------------------------------

static Tc__Bill good_bill(void) {
    Tc__Bill bill = TC__BILL__INIT;
    bill.bill = T("B1"), bill.person = T("P1"), bill.facility = T("H44070300001"), bill.type = T("inpatient");
    bill.from = T("2018-03-01"), bill.to = T("2018-03-10"), bill.area = T("city"), bill.filing = T("none");
    bill.total_fen = 6000000, bill.in_scope_fen = 5000000;
    bill.total_given_case = TC__BILL__TOTAL_GIVEN_TOTAL_FEN;
    bill.in_scope_given_case = TC__BILL__IN_SCOPE_GIVEN_IN_SCOPE_FEN;
    return bill;
}

TEST(a_good_bill_is_taken_as_it_is) {
    Tc__Bill bill = good_bill();
    benefit_bill_t got;
    err_t err = {0};
    EQ(intake_check(&bill, day("2018-03-10"), &got, &err), E_OK); // discharged today
    EQ(got.visit, VISIT_INPATIENT);
    EQ(got.from, day("2018-03-01"));
    EQ(got.to, day("2018-03-10"));
    EQ(got.total, 6000000);
    EQ(got.in_scope, 5000000);
    EQ(intake_check(&bill, day("2018-03-09"), &got, &err), E_OUT_OF_RANGE);
    EQ_TEXT(err.field, "to");
}

enum { TEXT, AMOUNT, ABSENT };

TEST(every_fault_of_a_bill_is_told_with_its_field) {
    static const struct {
        size_t offset;
        int kind;
        const char *text;
        int64_t amount;
        int code;
        const char *field;
    } cases[] = {
#define OF(member) offsetof(Tc__Bill, member)
        {OF(bill), TEXT, "", 0, E_MISSING_FIELD, "bill"},
        {OF(bill), TEXT, "a b", 0, E_INVALID_FIELD, "bill"},
        {OF(person), TEXT, "", 0, E_MISSING_FIELD, "person"},
        {OF(person), TEXT, "P'; DROP TABLE decision", 0, E_INVALID_FIELD, "person"},
        {OF(facility), TEXT, "X44070300001", 0, E_INVALID_FIELD, "facility"},
        {OF(facility), TEXT, "H4407030000", 0, E_INVALID_FIELD, "facility"},
        {OF(facility), TEXT, "", 0, E_MISSING_FIELD, "facility"},
        {OF(type), TEXT, "dental", 0, E_INVALID_FIELD, "type"},
        {OF(from), TEXT, "2018-02-30", 0, E_INVALID_FIELD, "from"},
        {OF(from), TEXT, "", 0, E_MISSING_FIELD, "from"},
        {OF(to), TEXT, "20180310", 0, E_INVALID_FIELD, "to"},
        {OF(to), TEXT, "2018-02-28", 0, E_OUT_OF_RANGE, "to"},
        {OF(area), TEXT, "", 0, E_MISSING_FIELD, "area"},
        {OF(area), TEXT, "abroad", 0, E_INVALID_FIELD, "area"},
        {OF(filing), TEXT, "maybe", 0, E_INVALID_FIELD, "filing"},
        {OF(total_given_case), ABSENT, NULL, 0, E_MISSING_FIELD, "total"},
        {OF(in_scope_given_case), ABSENT, NULL, 0, E_MISSING_FIELD, "in_scope"},
        {OF(total_fen), AMOUNT, NULL, 0, E_OUT_OF_RANGE, "total"},
        {OF(total_fen), AMOUNT, NULL, -1, E_OUT_OF_RANGE, "total"},
        {OF(total_fen), AMOUNT, NULL, INT64_MAX, E_OUT_OF_RANGE, "total"},
        {OF(total_fen), AMOUNT, NULL, 4999999, E_OUT_OF_RANGE, "in_scope"},
        {OF(in_scope_fen), AMOUNT, NULL, -1, E_OUT_OF_RANGE, "in_scope"},
        {OF(point), TEXT, "primarily", 0, E_INVALID_FIELD, "point"},
        {OF(referred_on), TEXT, "2018-3-1", 0, E_INVALID_FIELD, "referred_on"},
        {OF(referred_on), TEXT, "2018-03-11", 0, E_OUT_OF_RANGE, "referred_on"},
        {OF(class_b_fen), AMOUNT, NULL, -1, E_OUT_OF_RANGE, "class_b"},
        {OF(class_b_fen), AMOUNT, NULL, 5000001, E_OUT_OF_RANGE, "class_b"},
        {OF(deductible_borne_fen), AMOUNT, NULL, -1, E_OUT_OF_RANGE, "deductible_borne"},
        {OF(deductible_borne_fen), AMOUNT, NULL, 100, E_OUT_OF_RANGE, "deductible_borne"}, // without a referral
#undef OF
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        Tc__Bill bill = good_bill();
        benefit_bill_t got = {.total = 77};
        err_t err = {0};
        char *member = (char *)&bill + cases[i].offset;
        if (cases[i].kind == TEXT)
            memcpy(member, &cases[i].text, sizeof cases[i].text);
        else if (cases[i].kind == ABSENT)
            memset(member, 0, sizeof bill.total_given_case);
        else
            memcpy(member, &cases[i].amount, sizeof cases[i].amount);
        EQ(intake_check(&bill, day("2018-06-01"), &got, &err), cases[i].code);
        EQ_TEXT(err.field, cases[i].field);
        EQ(got.total, 77);
    }
}

TEST(a_word_that_is_none_is_answered_with_those_that_are) {
    Tc__Bill bill = good_bill();
    benefit_bill_t got;
    err_t err = {0};
    bill.type = T("dental");
    EQ(intake_check(&bill, day("2018-06-01"), &got, &err), E_INVALID_FIELD);
    EQ_TEXT(err.text, "type: expected one of inpatient, outpatient, special_outpatient");
    bill.type = T("inpatient"), bill.filing = T("maybe");
    EQ(intake_check(&bill, day("2018-06-01"), &got, &err), E_INVALID_FIELD);
    EQ_TEXT(err.text, "filing: expected one of none, filed, unfiled, late, resettled, posted");
}

TEST(an_outpatient_bill_may_say_point_referral_and_class_b) {
    Tc__Bill bill = good_bill();
    benefit_bill_t got;
    err_t err = {0};
    bill.type = T("outpatient"), bill.from = bill.to;
    EQ(intake_check(&bill, day("2018-06-01"), &got, &err), E_OK);
    EQ(got.point, POINT_NONE);
    OK(!got.referred);
    EQ(got.class_b, 0);
    bill.point = T("other"), bill.referred_on = bill.to, bill.class_b_fen = bill.in_scope_fen; // the same day
    EQ(intake_check(&bill, day("2018-06-01"), &got, &err), E_OK);
    EQ(got.visit, VISIT_OUTPATIENT);
    EQ(got.point, POINT_OTHER);
    OK(got.referred);
    EQ(got.referred_on, day("2018-03-10"));
    EQ(got.class_b, 5000000);
    bill.type = T("special_outpatient"), bill.point = T("none"), bill.referred_on = T("");
    EQ(intake_check(&bill, day("2018-06-01"), &got, &err), E_OK);
    EQ(got.visit, VISIT_SPECIAL_OUTPATIENT);
    EQ(got.point, POINT_NONE);
}

TEST(a_bill_may_lie_outside_the_scope_altogether) {
    Tc__Bill bill = good_bill();
    benefit_bill_t got;
    err_t err = {0};
    bill.in_scope_fen = 0;
    EQ(intake_check(&bill, day("2018-06-01"), &got, &err), E_OK);
    EQ(got.in_scope, 0);
}

// ---- facilities
// ---------------------------------------------------------------------------------------------------------

static int apply(facilities_t *facilities, const char *code, int64_t version, const char *level, const char *from,
                 const char *until) {
    Tc__Agreement agreement = TC__AGREEMENT__INIT;
    Tc__Agreement *list[] = {&agreement};
    Tc__FacilityState state = TC__FACILITY_STATE__INIT;
    err_t err;
    agreement.from = (char *)from, agreement.until = (char *)until;
    state.facility = (char *)code, state.version = version, state.level = (char *)level;
    state.agreements = list, state.n_agreements = from ? 1 : 0;
    return facilities_apply(facilities, &state, &err);
}

TEST(designated_means_inside_an_agreement_on_the_day) {
    facilities_t *facilities = facilities_new();
    facility_on_t got;
    NEED(facilities != NULL);
    OK(!facilities_find(facilities, "H44070300001", day("2018-01-01"), &got));
    EQ(apply(facilities, "H44070300001", 1, "3", "2018-01-01", "2018-12-31"), E_OK);
    OK(facilities_find(facilities, "H44070300001", day("2017-12-31"), &got));
    OK(!got.designated);
    OK(facilities_find(facilities, "H44070300001", day("2018-01-01"), &got));
    OK(got.designated);
    EQ(got.level, LEVEL_3);
    OK(facilities_find(facilities, "H44070300001", day("2018-12-31"), &got));
    OK(got.designated);
    OK(facilities_find(facilities, "H44070300001", day("2019-01-01"), &got));
    OK(!got.designated);
    facilities_destroy(&facilities);
    facilities_destroy(&facilities);
}

TEST(older_and_malformed_states_change_nothing) {
    facilities_t *facilities = facilities_new();
    facility_on_t got;
    NEED(facilities != NULL);
    EQ(apply(facilities, "H44070300001", 5, "2", "2018-01-01", ""), E_OK);
    EQ(apply(facilities, "H44070300001", 4, "3", NULL, NULL), E_OK);
    EQ(apply(facilities, "H44070300001", 6, "9", NULL, NULL), E_INVALID_FIELD);
    EQ(apply(facilities, "H44070300001", 6, "3", "soon", ""), E_INVALID_FIELD);
    EQ(apply(facilities, "4407", 6, "3", NULL, NULL), E_INVALID_FIELD);
    OK(facilities_find(facilities, "H44070300001", day("2030-01-01"), &got));
    EQ(got.level, LEVEL_2);
    OK(got.designated);
    EQ(facilities_count(facilities), 1);
    facilities_destroy(&facilities);
}

// ---- memory of heads
// ----------------------------------------------------------------------------------------------------

TEST(a_head_is_found_again_or_not_at_all) {
    heads_t *heads = heads_new(4); // so few that most put others out
    NEED(heads != NULL);
    for (int i = 0; i < 64; i++) {
        char person[16];
        head_t head = {.seq = i + 1}, got;
        snprintf(person, sizeof person, "P%d", i);
        heads_put(heads, person, 2018, &head);
        OK(heads_get(heads, person, 2018, &got));
        EQ(got.seq, i + 1);
        OK(!heads_get(heads, person, 2019, &got));
        for (int j = 0; j < i; j++) {
            snprintf(person, sizeof person, "P%d", j);
            if (heads_get(heads, person, 2018, &got)) EQ(got.seq, j + 1);
        }
    }
    head_t got;
    heads_drop(heads, "P63", 2018);
    OK(!heads_get(heads, "P63", 2018, &got));
    heads_destroy(&heads);
    heads_destroy(&heads);
}

TEST(a_textmap_tells_texts_and_tags_apart) {
    arena_t *arena = arena_new(64 * 1024, 0);
    textmap_t map;
    char texts[100][8];
    NEED(arena != NULL);
    NEED(textmap_init(&map, arena, 200) == 0);
    for (int i = 0; i < 100; i++) {
        snprintf(texts[i], sizeof texts[i], "t%d", i);
        *textmap_place(&map, texts[i], 0) = texts[i];
        *textmap_place(&map, texts[i], 1) = texts[99 - i];
    }
    for (int i = 0; i < 100; i++) {
        char copy[8];
        memcpy(copy, texts[i], sizeof copy);
        OK(*textmap_place(&map, copy, 0) == texts[i]);
        OK(*textmap_place(&map, copy, 1) == texts[99 - i]);
    }
    textmap_clear(&map);
    OK(*textmap_place(&map, "t1", 0) == NULL);
    arena_destroy(&arena);
}

TESTS("adjudication", CASE(a_day_inside_a_span_is_covered_and_counts_its_months),
      CASE(groups_hold_from_their_first_to_their_last_day),
      CASE(a_bill_belongs_where_the_person_was_insured_on_its_day),
      CASE(a_malformed_state_is_told_and_leaves_the_answer_alone), CASE(a_good_bill_is_taken_as_it_is),
      CASE(every_fault_of_a_bill_is_told_with_its_field), CASE(a_word_that_is_none_is_answered_with_those_that_are),
      CASE(an_outpatient_bill_may_say_point_referral_and_class_b), CASE(a_bill_may_lie_outside_the_scope_altogether),
      CASE(designated_means_inside_an_agreement_on_the_day), CASE(older_and_malformed_states_change_nothing),
      CASE(a_head_is_found_again_or_not_at_all), CASE(a_textmap_tells_texts_and_tags_apart))
