// The cities' rules of enrolment (groups E) through the services: who must and may join and as what, by enrolment's
// answer; both tiers together, beginnings and ends of cover, newborns, wages and moves, by what collection makes of it.
#include "collection.pb-c.h"
#include "services/collection/renew.h"
#include "services/enrollment/desk.h"
#include "services/enrollment/scope.h"
#include "tests/people_rig.h"

typedef enum place_of { JM, ZZ, ZS, YC, SM, CITIES } place_of_t;
static const char *const names[] = {"jiangmen", "zaozhuang", "zhoushan", "yancheng", "sanmenxia"};
static const char *const divisions[][2] = {
    {"440703", "440705"}, {"370402", "370403"}, {"330902", "330903"}, {"320902", "320903"}, {"411202", "411203"}};
static policy_t *laws[CITIES];

typedef struct city {
    place_of_t at;
    rig_t enrollment, collection;
    consumer_effect_t feed;
    unsigned serial;
} city_t;

static const policy_t *law_of(place_of_t at) {
    char path[512], overlay[512];
    const char *const overlays[] = {overlay, NULL};
    err_t err = {0};
    snprintf(path, sizeof path, TC_SOURCE_DIR "/config/cities/%s.yaml", names[at]);
    snprintf(overlay, sizeof overlay, TC_SOURCE_DIR "/config/samples/%s-illustrative.yaml", names[at]);
    if (!laws[at] && policy_load(&laws[at], path, overlays, &err)) fprintf(stderr, "%s\n", err.text);
    NEED(laws[at] != NULL);
    return laws[at];
}

static void open_city(city_t *city, place_of_t at) {
    *city = (city_t){.at = at};
    people_open(&city->enrollment, &city->collection, &city->feed, law_of(at), NULL);
}

static void close_city(city_t *city) { people_close(&city->enrollment, &city->collection); }

static const Tc__PersonState *state(const city_t *city) { return (const Tc__PersonState *)city->enrollment.reply; }

static void add_person(city_t *city, const char *person, const char *birth, bool elsewhere, int district) {
    city->serial++;
    RIG_DO(&city->enrollment, "register_person",
           "{'person':'%s','citizen_id':'%s','name':'人%u','division':'%s','registration':'%s'}", person,
           rig_citizen(city->serial, birth, true), city->serial, divisions[city->at][district],
           elsewhere ? "elsewhere" : "local");
}

static void add_employer(city_t *city, const char *employer, const char *kind, int district) {
    RIG_DO(&city->enrollment, "register_employer",
           "{'employer':'%s','uscc':'%s','name':'厂','kind':'%s','division':'%s'}", employer, rig_uscc(++city->serial),
           kind, divisions[city->at][district]);
}

#define OPEN(city, ...) RIG_DO(&(city)->enrollment, "open_spell", __VA_ARGS__)

TEST(the_ground_is_laid) { rig_ground_start(); }

// ---- who joins as what

typedef struct joins {
    const char *rule;
    place_of_t at;
    bool elsewhere;                   // registered
    const char *identity, *from, *is; // circumstances, each in quotes
    const char *refused_by;           // part of the answer; NULL: joins
    const char *then;                 // identity of a spell before, open; NULL: none
} joins_t;

#define LOCAL false
#define ELSEWHERE true
static const joins_t joiners[] = {
    {"JM-E-05", JM, LOCAL, "resident", "2018-01", "", NULL, NULL},
    {"JM-E-05", JM, LOCAL, "resident", "2018-01", "'flexible'", "JM-E-05", NULL},
    {"JM-E-05", JM, ELSEWHERE, "resident", "2018-01", "", "JM-E-05", NULL},
    {"JM-E-06", JM, ELSEWHERE, "resident", "2018-01", "'college_student'", NULL, NULL},
    {"JM-E-06", JM, ELSEWHERE, "resident", "2018-01", "'vocational_student'", NULL, NULL},
    {"JM-E-06", JM, ELSEWHERE, "resident", "2018-01", "'pupil'", NULL, NULL},
    {"JM-E-06", JM, ELSEWHERE, "resident", "2018-01", "'nursery_child'", NULL, NULL},
    {"JM-E-07", JM, ELSEWHERE, "resident", "2018-01", "'preschool_child','parent_insured_here'", NULL, NULL},
    {"JM-E-07", JM, ELSEWHERE, "resident", "2018-01", "'preschool_child'", "JM-E-07", NULL},
    {"JM-E-08", JM, ELSEWHERE, "employee", "2018-03", "", NULL, NULL},
    {"JM-E-08", JM, LOCAL, "employee", "2018-03", "'hires_workers'", NULL, NULL},
    {"JM-E-08", JM, LOCAL, "flexible", "2018-03", "'hires_workers'", "JM-E-12", NULL},
    {"JM-E-08", JM, LOCAL, "sole_trader", "2018-03", "'hires_workers'", "JM-E-13", NULL},
    {"JM-E-08", JM, LOCAL, "resident", "2018-01", "'employed'", "JM-E-05", NULL},
    {"JM-E-10", JM, ELSEWHERE, "retiree", "2018-03", "", NULL, NULL},
    {"JM-E-11", JM, ELSEWHERE, "unemployed", "2018-03", "", NULL, NULL},
    {"JM-E-11", JM, LOCAL, "resident", "2018-01", "'unemployment_benefit'", "JM-E-05", NULL},
    {"JM-E-12", JM, LOCAL, "flexible", "2018-03", "", NULL, NULL},
    {"JM-E-12", JM, ELSEWHERE, "flexible", "2018-03", "", "JM-E-12", NULL},
    {"JM-E-13", JM, ELSEWHERE, "sole_trader", "2018-03", "", NULL, NULL},
    {"JM-E-28", JM, LOCAL, "resident", "2018-05", "", "JM-E-29", NULL},
    {"JM-E-30", JM, ELSEWHERE, "resident", "2018-09", "'pupil','new_at_school'", NULL, NULL},
    {"JM-E-30", JM, ELSEWHERE, "resident", "2018-09", "'pupil'", "JM-E-30", NULL},
    {"JM-E-31", JM, LOCAL, "resident", "2018-09", "'lost_work'", NULL, NULL},
    {"JM-E-32", JM, LOCAL, "resident", "2018-09", "'retired_this_year'", NULL, NULL},
    {"JM-E-33", JM, LOCAL, "resident", "2018-09", "'left_army'", NULL, NULL},
    {"JM-E-33", JM, LOCAL, "resident", "2018-09", "'released'", NULL, NULL},
    {"JM-E-33", JM, LOCAL, "resident", "2018-09", "'moved_in'", NULL, NULL},
    {"ZZ-E01", ZZ, ELSEWHERE, "employee", "2020-03", "", NULL, NULL},
    {"ZZ-E01", ZZ, LOCAL, "resident", "2020-01", "'employed'", "ZZ-E12", NULL},
    {"ZZ-E02", ZZ, ELSEWHERE, "retiree", "2020-03", "", NULL, NULL},
    {"ZZ-E02", ZZ, LOCAL, "resident", "2020-01", "'retired'", "ZZ-E12", NULL},
    {"ZZ-E03", ZZ, LOCAL, "employee", "2020-03", "'hires_workers'", NULL, NULL},
    {"ZZ-E03", ZZ, LOCAL, "sole_trader", "2020-03", "'hires_workers'", "ZZ-E04", NULL},
    {"ZZ-E03", ZZ, LOCAL, "resident", "2020-01", "'hires_workers'", "ZZ-E12", NULL},
    {"ZZ-E04", ZZ, ELSEWHERE, "sole_trader", "2020-03", "", NULL, NULL},
    {"ZZ-E05", ZZ, ELSEWHERE, "flexible", "2020-03", "'part_time'", NULL, NULL},
    {"ZZ-E05", ZZ, ELSEWHERE, "flexible", "2020-03", "'part_time','employed'", "ZZ-E05", NULL},
    {"ZZ-E06", ZZ, ELSEWHERE, "flexible", "2020-03", "", NULL, NULL},
    {"ZZ-E07", ZZ, LOCAL, "resident", "2020-01", "", NULL, NULL},
    {"ZZ-E07", ZZ, ELSEWHERE, "resident", "2020-01", "", "ZZ-E07", NULL},
    {"ZZ-E08", ZZ, ELSEWHERE, "resident", "2020-01", "'college_student'", NULL, NULL},
    {"ZZ-E09", ZZ, ELSEWHERE, "resident", "2020-01", "'vocational_student'", NULL, NULL},
    {"ZZ-E10", ZZ, ELSEWHERE, "resident", "2020-01", "'residence_permit'", NULL, NULL},
    {"ZZ-E11", ZZ, ELSEWHERE, "resident", "2020-01", "'accompanying_child'", NULL, NULL},
    {"ZZ-E12", ZZ, LOCAL, "resident", "2021-01", "", "ZZ-E12", "flexible"},
    {"ZS-E01", ZS, ELSEWHERE, "employee", "2021-03", "", NULL, NULL},
    {"ZS-E02", ZS, LOCAL, "employee", "2021-03", "'hires_workers'", NULL, NULL},
    {"ZS-E02", ZS, LOCAL, "flexible", "2021-03", "'flexible','hires_workers'", "ZS-E03", NULL},
    {"ZS-E03", ZS, ELSEWHERE, "flexible", "2021-03", "", NULL, NULL},
    {"ZS-E04", ZS, LOCAL, "resident", "2021-01", "", NULL, NULL},
    {"ZS-E04", ZS, LOCAL, "resident", "2022-01", "", "ZS-E04", "flexible"},
    {"ZS-E05", ZS, ELSEWHERE, "resident", "2021-01", "'pupil'", NULL, NULL},
    {"ZS-E05", ZS, ELSEWHERE, "resident", "2021-01", "", "ZS-E05", NULL},
    {"ZS-E06", ZS, ELSEWHERE, "resident", "2021-01", "'residence_permit'", NULL, NULL},
    // Not published: nothing is asked, in no county.
    {"YC-E03", YC, ELSEWHERE, "resident", "2022-01", "", NULL, NULL},
    {"YC-E03", YC, ELSEWHERE, "flexible", "2022-03", "", NULL, NULL},
    {"SM-E01", SM, ELSEWHERE, "resident", "2022-01", "", NULL, NULL},
    {"SM-E01", SM, ELSEWHERE, "flexible", "2022-03", "", NULL, NULL},
};

static void join(city_t *city, const joins_t *row, int district) {
    const bool works = strcmp(row->identity, "employee") == 0;
    char person[16];
    snprintf(person, sizeof person, "P%u", city->serial);
    add_person(city, person, "19800101", row->elsewhere, district);
    if (row->then) OPEN(city, "{'person':'%s','identity':'%s','from_month':'2020-06'}", person, row->then);
    const size_t events = rig_event_count(&city->enrollment);
    char employment[64] = "";
    if (works) snprintf(employment, sizeof employment, ",'employer':'E%d','wage':'5000.00'", district);
    int rc = rig_ask(&city->enrollment, "open_spell",
                     "{'person':'%s','identity':'%s','from_month':'%s','circumstances':[%s]%s}", person, row->identity,
                     row->from, row->is, employment);
    if ((rc != E_OK) != (row->refused_by != NULL) || (rc && !strstr(city->enrollment.err.text, row->refused_by)))
        fprintf(stderr, "%s: %s as %s: %s\n", row->rule, row->is, row->identity, city->enrollment.err.text);
    EQ(rc, row->refused_by ? E_INVALID_FIELD : E_OK);
    if (row->refused_by) HAS_TEXT(city->enrollment.err.text, row->refused_by);
    EQ(rig_event_count(&city->enrollment), events + (row->refused_by == NULL));
}

// In every district alike.
static void join_all(place_of_t at) {
    city_t city;
    open_city(&city, at);
    add_employer(&city, "E0", "enterprise", 0);
    add_employer(&city, "E1", "organ", 1);
    for (size_t i = 0; i < COUNT_OF(joiners); i++)
        for (int district = 0; joiners[i].at == at && district < 2; district++) join(&city, &joiners[i], district);
    close_city(&city);
}

TEST(
    JM_E_05_JM_E_06_JM_E_07_JM_E_08_JM_E_10_JM_E_11_JM_E_12_JM_E_13_JM_E_28_JM_E_30_JM_E_31_JM_E_32_JM_E_33_who_joins) {
    join_all(JM);
}

TEST(ZZ_E01_ZZ_E02_ZZ_E03_ZZ_E04_ZZ_E05_ZZ_E06_ZZ_E07_ZZ_E08_ZZ_E09_ZZ_E10_ZZ_E11_ZZ_E12_ZZ_E13_who_joins) {
    join_all(ZZ);
}

TEST(ZS_E01_ZS_E02_ZS_E03_ZS_E04_ZS_E05_ZS_E06_who_joins) { join_all(ZS); }

TEST(YC_E03_SM_E01_what_is_not_published_is_asked_in_no_county) {
    join_all(YC);
    join_all(SM);
}

TEST(JM_E_09_whatever_has_staff_in_the_city_is_an_employer) {
    static const char *const kinds[] = {"enterprise", "organ", "distressed"};
    city_t city;
    char employer[16];
    open_city(&city, JM);
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        snprintf(employer, sizeof employer, "E%zu", i);
        add_employer(&city, employer, kinds[i], 0);
    }
    char code[20] = "11110000000000001"; // of a central authority, stationed here
    code[17] = uscc_check_char(code);
    RIG_DO(&city.enrollment, "register_employer",
           "{'employer':'E9','uscc':'%s','name':'n','kind':'organ','division':'440703'}", code);
    EQ(rig_ask(&city.enrollment, "register_employer",
               "{'employer':'E8','uscc':'%s','name':'n','kind':'household','division':'440703'}", rig_uscc(99)),
       E_INVALID_FIELD);
    EQ_TEXT(city.enrollment.err.field, "kind");
    close_city(&city);
}

// ---- recognised as distressed

static fen_t employer_due(city_t *city, const char *month) {
    RIG_DO(&city->collection, "get_due", "{'employer':'E1','period':'%s'}", month);
    return ((const Tc__Due *)city->collection.reply)->amount_fen;
}

static int recognise(city_t *city, const char *kind, const char *from, const char *until, const char *approved_on,
                     const char *document) {
    int rc = rig_ask(&city->enrollment, "set_employer_kind",
                     "{'employer':'E1','kind':'%s','from':'%s','until':'%s','approved_on':'%s','document':'%s'}", kind,
                     from, until, approved_on, document);
    if (rc == 0) rig_pump(&city->enrollment, &city->collection, &city->feed);
    return rc;
}

static const Tc__EmployerState *employer(const city_t *city) {
    return (const Tc__EmployerState *)city->enrollment.reply;
}

enum { NORMAL = 61000, DISTRESSED = 17284 + 12000 + 1000 }; // 8% of 6,000.00, or 5% of 3,456.78; 2% and 10.00

static void found_employer(city_t *city) {
    open_city(city, ZZ);
    add_employer(city, "E1", "enterprise", 0);
    add_person(city, "P1", "19800101", false, 0);
    OPEN(city, "{'person':'P1','identity':'employee','employer':'E1','from_month':'2020-01','wage':'6000.00'}");
    rig_pump(&city->enrollment, &city->collection, &city->feed);
    for (int month = 1; month <= 5; month++) RIG_DO(&city->collection, "bill_month", "{'month':'2020-0%d'}", month);
    RIG_DO(&city->collection, "receive",
           "{'receipt':'T1','employer':'E1','period':'2020-01','amount':'610.00','paid_on':'2020-01-20'}");
}

static void bill_again(city_t *city) {
    for (int month = 1; month <= 5; month++) RIG_DO(&city->collection, "bill_month", "{'month':'2020-0%d'}", month);
    RIG_DO(&city->collection, "rebuild", "{}");
    EQ(((const Tc__RebuildRun *)city->collection.reply)->changed, 0);
}

// The kind of the month is billed. What is recognised for the past drops unpaid bills, which are made again; what is
// paid stays. Both dates are kept.
TEST(ZZ_C09_ZZ_C10_ZZ_C11_a_recognition_holds_from_when_to_when_and_is_known_since) {
    city_t city;
    found_employer(&city);
    EQ(employer_due(&city, "2020-02"), NORMAL);
    EQ(recognise(&city, "distressed", "2020-01-01", "2020-03-31", "2020-05-10", "No. 7"), E_OK);
    EQ(employer(&city)->version, 2);
    EQ_TEXT(employer(&city)->kind, "enterprise");
    EQ_TEXT(employer(&city)->kinds[0]->document, "No. 7");
    EQ_TEXT(employer(&city)->touched_from, "2020-01-01");
    EQ_TEXT(employer(&city)->touched_until, "2020-03-31");
    EQ(employer_due(&city, "2020-02"), 0); // gone,
    EQ(employer_due(&city, "2020-04"), NORMAL);
    bill_again(&city);                     // and made again
    EQ(employer_due(&city, "2020-01"), 0); // paid as it was
    EQ(employer_due(&city, "2020-02"), DISTRESSED);
    EQ(employer_due(&city, "2020-03"), DISTRESSED);
    EQ(employer_due(&city, "2020-04"), NORMAL);
    // Longer: only what is added changes. The same again: nothing.
    EQ(recognise(&city, "distressed", "2020-01-01", "2020-04-30", "2020-05-10", "No. 7"), E_OK);
    EQ_TEXT(employer(&city)->touched_from, "2020-04-01");
    EQ(employer_due(&city, "2020-03"), DISTRESSED);
    EQ(employer_due(&city, "2020-04"), 0);
    EQ(recognise(&city, "distressed", "2020-01-01", "2020-04-30", "2020-05-10", "No. 7"), E_OK);
    EQ(employer(&city)->version, 3);
    bill_again(&city);
    EQ(employer_due(&city, "2020-04"), DISTRESSED);
    EQ(employer_due(&city, "2020-05"), NORMAL);
    // Only the day of the decision is corrected: no bill goes.
    EQ(recognise(&city, "distressed", "2020-01-01", "2020-04-30", "2020-05-11", "No. 7"), E_OK);
    EQ_TEXT(employer(&city)->touched_from, "");
    EQ(employer_due(&city, "2020-04"), DISTRESSED);
    RIG_DO(&city.enrollment, "get_employer", "{'employer':'E1','on':'2020-02-01'}");
    EQ_TEXT(employer(&city)->kind, "distressed");
    RIG_DO(&city.enrollment, "get_employer", "{'employer':'E1','on':'2020-05-01'}");
    EQ_TEXT(employer(&city)->kind, "enterprise");
    EQ(rig_ask(&city.enrollment, "get_employer", "{'employer':'E1','known_on':'2020-01-01'}"), E_NOT_FOUND);
    EQ_TEXT(city.enrollment.err.field, "known_on");
    // Taken away altogether.
    EQ(recognise(&city, "enterprise", "2020-01-01", "", "2020-06-01", "No. 9"), E_OK);
    EQ(employer(&city)->n_kinds, 0);
    bill_again(&city);
    EQ(employer_due(&city, "2020-02"), NORMAL);
    close_city(&city);
}

TEST(ZZ_C11_a_recognition_that_cannot_be_names_the_field) {
    static const struct {
        const char *kind, *from, *until, *approved_on, *document;
        int code;
        const char *field;
    } cases[] = {
        {"", "2021-01-01", "", "2020-12-01", "N", E_MISSING_FIELD, "kind"},
        {"poor", "2021-01-01", "", "2020-12-01", "N", E_INVALID_FIELD, "kind"},
        {"distressed", "", "", "2020-12-01", "N", E_MISSING_FIELD, "from"},
        {"distressed", "2021-01-01", "2020-12-31", "2020-12-01", "N", E_OUT_OF_RANGE, "until"},
        {"distressed", "2021-01-01", "", "", "N", E_MISSING_FIELD, "approved_on"},
        {"distressed", "2021-01-01", "", "2199-01-01", "N", E_OUT_OF_RANGE, "approved_on"},
        {"distressed", "2021-01-01", "", "2020-12-01", "", E_MISSING_FIELD, "document"},
        {"distressed", "2020-03-31", "", "2020-12-01", "N", E_OUT_OF_RANGE, "from"}, // overlaps
        {"organ", "2019-03-31", "", "2020-12-01", "N", E_OUT_OF_RANGE, "from"},
    };
    city_t city;
    found_employer(&city);
    EQ(recognise(&city, "distressed", "2020-01-01", "2020-03-31", "2020-05-10", "No. 7"), E_OK);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        EQ(recognise(&city, cases[i].kind, cases[i].from, cases[i].until, cases[i].approved_on, cases[i].document),
           cases[i].code);
        EQ_TEXT(city.enrollment.err.field, cases[i].field);
    }
    EQ(rig_ask(&city.enrollment, "set_employer_kind", "{'employer':'E9','kind':'distressed'}"), E_NOT_FOUND);
    EQ_TEXT(city.enrollment.err.field, "employer");
    close_city(&city);
}

TEST(ZZ_C11_recognitions_come_in_files) {
    static const char rows[] = "[{'employer':'E1','kind':'distressed','from':'2020-02-01','until':'2020-02-29',"
                               "'approved_on':'2020-05-10','document':'No. 7'},"
                               "{'employer':'E1','kind':'distressed','from':'2020-04-01','until':'2020-04-30',"
                               "'approved_on':'2020-05-10','document':'No. 7'},"
                               "{'employer':'E1','kind':'distressed','from':'2020-04-30',"
                               "'approved_on':'2020-05-10','document':'No. 8'},"
                               "{'employer':'E9','kind':'distressed','from':'2020-04-30',"
                               "'approved_on':'2020-05-10','document':'No. 8'}]";
    city_t city;
    found_employer(&city);
    for (int turn = 0; turn < 3; turn++) { // dry, done, again
        RIG_DO(&city.enrollment, "import_employer_kinds", "{'file':'%064d','first_row':2,'dry':%s,'rows':%s}", 1,
               turn == 0 ? "true" : "false", rows);
        const Tc__ImportReport *report = (const Tc__ImportReport *)city.enrollment.reply;
        EQ(report->done, turn == 2 ? 0 : 2);
        EQ(report->unchanged, turn == 2 ? 2 : 0);
        EQ(report->refused, 2);
        EQ(report->problems[0]->row, 4);
        EQ_TEXT(report->problems[0]->field, "from");
        EQ_TEXT(report->problems[1]->field, "employer");
        rig_pump(&city.enrollment, &city.collection, &city.feed);
        EQ(employer_due(&city, "2020-02"), turn == 0 ? NORMAL : 0);
    }
    bill_again(&city);
    EQ(employer_due(&city, "2020-02"), DISTRESSED);
    EQ(employer_due(&city, "2020-03"), NORMAL);
    EQ(employer_due(&city, "2020-04"), DISTRESSED);
    close_city(&city);
}

static const scope_choice_t *choice_of(place_of_t at, const char *identity, uint32_t is) {
    static scope_choice_t choice;
    err_t err = {0};
    const scope_person_t person = {.circumstances = is, .birth = DATE_NONE};
    if (scope_admit(law_of(at), &person, (identity_t)identity_from_name(identity), date_make(2018, 3, 1), &choice,
                    &err))
        fprintf(stderr, "%s\n", err.text);
    NEED(err.code == E_OK);
    return &choice;
}

#define IS(name) (1u << CIRCUMSTANCE_##name)

TEST(JM_E_20_JM_E_21_JM_E_22_where_one_joins_is_told_with_the_rule) {
    EQ(choice_of(JM, "flexible", IS(FLEXIBLE) | IS(LOCAL_REGISTRATION))->place, PLACE_REGISTRATION);
    EQ_TEXT(choice_of(JM, "flexible", IS(FLEXIBLE) | IS(LOCAL_REGISTRATION))->place_rule, "JM-E-21");
    EQ(choice_of(JM, "sole_trader", IS(SOLE_TRADER))->place, PLACE_PREMISES);
    EQ_TEXT(choice_of(JM, "sole_trader", IS(SOLE_TRADER))->place_rule, "JM-E-22");
    EQ(choice_of(JM, "resident", IS(PUPIL))->place, PLACE_SCHOOL);
    EQ(choice_of(JM, "resident", IS(PRESCHOOL_CHILD) | IS(PARENT_INSURED_HERE))->place, PLACE_PARENT);
    EQ(choice_of(JM, "resident", IS(LOCAL_REGISTRATION))->place, PLACE_REGISTRATION);
}

// ---- what collection makes of it

static void pump(city_t *city) { rig_pump(&city->enrollment, &city->collection, &city->feed); }

static void pay(city_t *city, const char *payer, const char *number, const char *period, const char *on) {
    static unsigned receipts;
    char amount[FEN_TEXT_MAX];
    RIG_DO(&city->collection, "get_due", "{'%s':'%s','period':'%s'}", payer, number, period);
    fen_format(((const Tc__Due *)city->collection.reply)->amount_fen, amount);
    RIG_DO(&city->collection, "receive", "{'receipt':'R-%u','%s':'%s','period':'%s','amount':'%s','paid_on':'%s'}",
           ++receipts, payer, number, period, amount, on);
}

static void bill(city_t *city, const char *month) { RIG_DO(&city->collection, "bill_month", "{'month':'%s'}", month); }

static const Tc__Entitlement *entitled(city_t *city, const char *person) {
    RIG_DO(&city->collection, "get_entitlements", "{'persons':['%s']}", person);
    const Tc__Entitlements *answer = (const Tc__Entitlements *)city->collection.reply;
    NEED(answer->n_entitlements == 1);
    return answer->entitlements[0];
}

// Cover without a gap, from the first month to the last. A span ends where the count of months begins.
static void check_span(city_t *city, const char *person, const char *first, const char *last) {
    const Tc__Entitlement *e = entitled(city, person);
    if (e->n_spans == 0) fprintf(stderr, "%s: %s\n", person, rig_reply(&city->collection));
    NEED(e->n_spans > 0);
    EQ_TEXT(e->spans[0]->first_month, first);
    EQ_TEXT(e->spans[e->n_spans - 1]->last_month, last);
    for (size_t i = 1; i < e->n_spans; i++) {
        month_t from = MONTH_NONE, until = MONTH_NONE;
        NEED(month_parse(e->spans[i - 1]->last_month, &until) == 0 &&
             month_parse(e->spans[i]->first_month, &from) == 0);
        EQ(from, until + 1);
    }
}

typedef struct beginner {
    const char *identity, *employment,
        *first; // first month of cover when paid from May 2018 on, each month on its 20th
    bool tier2;
} beginner_t;

// Nobody asks for a tier: it comes with the identity, and nobody has the second alone or the first without it.
TEST(
    JM_E_01_JM_E_03_JM_E_14_JM_E_15_JM_E_16_JM_E_17_JM_E_18_JM_E_19_JM_E_23_JM_E_24_JM_E_25_JM_E_26_JM_E_27_tiers_and_cover) {
    static const beginner_t beginners[] = {{"employee", ",'employer':'E1','wage':'5000.00'", "2018-06", true},
                                           {"unemployed", "", "2018-05", true},
                                           {"flexible", "", "2018-08", true},
                                           {"sole_trader", "", "2018-08", true},
                                           {"resident", ",'circumstances':['moved_in']", "2018-06", false}};
    city_t city;
    char person[16];
    open_city(&city, JM);
    add_employer(&city, "E1", "enterprise", 0);
    for (size_t i = 0; i < COUNT_OF(beginners); i++) {
        snprintf(person, sizeof person, "P%zu", i);
        add_person(&city, person, "19800101", LOCAL, 0);
        OPEN(&city, "{'person':'%s','identity':'%s','from_month':'2018-05'%s}", person, beginners[i].identity,
             beginners[i].employment);
        EQ(rig_ask(&city.enrollment, "open_spell", "{'person':'%s','identity':'%s','from_month':'2019-01','tier':2}",
                   person, beginners[i].identity),
           E_UNKNOWN_FIELD);
    }
    pump(&city);
    RIG_DO(&city.collection, "bill_year", "{'year':2018}");
    for (int month = 5; month <= 9; month++) {
        char period[16], on[16];
        snprintf(period, sizeof period, "2018-%02d", month);
        snprintf(on, sizeof on, "2018-%02d-20", month);
        bill(&city, period);
        pay(&city, "employer", "E1", period, on);
        for (int i = 1; i <= 3; i++) {
            snprintf(person, sizeof person, "P%d", i);
            pay(&city, "person", person, period, on);
        }
        if (month == 5) pay(&city, "person", "P4", "2018", on);
    }
    for (size_t i = 0; i < COUNT_OF(beginners); i++) {
        snprintf(person, sizeof person, "P%zu", i);
        const Tc__Entitlement *e = entitled(&city, person);
        NEED(e->n_spans > 0);
        const Tc__Entitlement__Span *last = e->spans[e->n_spans - 1];
        EQ_TEXT(last->identity, beginners[i].identity);
        EQ_TEXT(e->spans[0]->first_month, beginners[i].first);
        OK(last->months_tier1 > 0);
        EQ(last->months_tier2, beginners[i].tier2 ? last->months_tier1 : 0);
    }
    check_span(&city, "P0", "2018-06", "2018-10"); // JM-E-26: until the month after the last that was paid
    check_span(&city, "P4", "2018-06", "2018-12"); // JM-E-27, JM-E-28: the rest of the year that was paid
    close_city(&city);
}

TEST(JM_E_39_a_fee_that_could_not_be_debited_buys_nothing) {
    city_t city;
    open_city(&city, JM);
    add_person(&city, "P1", "19800101", LOCAL, 0);
    OPEN(&city, "{'person':'P1','identity':'resident','from_month':'2018-01'}");
    pump(&city);
    RIG_DO(&city.collection, "bill_year", "{'year':2018}");
    EQ(entitled(&city, "P1")->n_spans, 0);
    close_city(&city);
}

// ---- newborns

typedef struct newborn {
    const char *rule, *birth, *from, *paid_on; // the fee of the year of birth
    const char *next_paid_on;                  // that of the year after; NULL: not paid
    const char *first, *last;                  // month of cover
} newborn_t;

TEST(JM_E_29_JM_E_35_JM_E_36_JM_E_37_JM_E_38_a_newborn_joins_within_and_after_the_window) {
    static const newborn_t newborns[] = {
        {"JM-E-36", "20180510", "2018-05", "2018-05-31", NULL, "2018-05", "2018-12"},
        {"JM-E-35", "20180510", "2018-05", "2018-08-31", NULL, "2018-05", "2018-12"},
        {"JM-E-35", "20180531", "2018-05", "2018-08-31", NULL, "2018-05", "2018-12"},
        {"JM-E-38", "20180510", "2018-05", "2018-09-01", NULL, "2018-10", "2018-12"},
        {"JM-E-38", "20180510", "2018-09", "2018-09-15", NULL, "2018-10", "2018-12"},
        {"JM-E-37", "20181120", "2018-11", "2019-02-28", "2019-02-28", "2018-11", "2019-12"},
        {"JM-E-38", "20181120", "2018-11", "2019-03-01", "2019-03-01", "2019-04", "2019-12"},
    };
    city_t city;
    char person[16];
    open_city(&city, JM);
    for (size_t i = 0; i < COUNT_OF(newborns); i++) {
        snprintf(person, sizeof person, "B%zu", i);
        add_person(&city, person, newborns[i].birth, i % 2, 0);
        OPEN(&city, "{'person':'%s','identity':'resident','from_month':'%s','circumstances':[%s]}", person,
             newborns[i].from, i % 2 ? "'preschool_child','parent_insured_here'" : "");
    }
    pump(&city);
    RIG_DO(&city.collection, "bill_year", "{'year':2018}");
    RIG_DO(&city.collection, "bill_year", "{'year':2019}");
    for (size_t i = 0; i < COUNT_OF(newborns); i++) {
        const newborn_t *n = &newborns[i];
        snprintf(person, sizeof person, "B%zu", i);
        pay(&city, "person", person, "2018", n->paid_on); // the whole year's fee (JM-E-28)
        if (n->next_paid_on) pay(&city, "person", person, "2019", n->next_paid_on);
        const Tc__Entitlement *e = entitled(&city, person);
        if (e->n_spans == 0 || strcmp(e->spans[0]->first_month, n->first) != 0)
            fprintf(stderr, "%s, case %zu: %s\n", n->rule, i, rig_reply(&city.collection));
        check_span(&city, person, n->first, n->last);
    }
    // Nobody but a newborn joins during the year as one.
    add_person(&city, "B8", "20170110", LOCAL, 0);
    EQ(rig_ask(&city.enrollment, "open_spell", "{'person':'B8','identity':'resident','from_month':'2018-05'}"),
       E_INVALID_FIELD);
    HAS_TEXT(city.enrollment.err.text, "JM-E-29");
    add_person(&city, "B9", "20180510", ELSEWHERE, 0); // of parents who are not insured here
    EQ(rig_ask(&city.enrollment, "open_spell", "{'person':'B9','identity':'resident','from_month':'2018-05'}"),
       E_INVALID_FIELD);
    close_city(&city);
}

// ---- moves

TEST(YC_E04_YC_E05_YC_E06_YC_Y02_a_move_leaves_bills_and_months_as_they_are) {
    static const place_of_t places[] = {YC, JM};
    for (size_t p = 0; p < COUNT_OF(places); p++) {
        city_t city;
        open_city(&city, places[p]);
        const char *const years = places[p] == YC ? "2022" : "2018";
        add_employer(&city, "E1", "enterprise", 0);
        for (int i = 1; i <= 2; i++) { // P2 moves, P1 does not
            char person[16];
            snprintf(person, sizeof person, "P%d", i);
            add_person(&city, person, "19800101", LOCAL, 0);
            OPEN(&city, "{'person':'%s','identity':'employee','employer':'E1','from_month':'%s-01','wage':'9000.00'}",
                 person, years);
        }
        for (int month = 1; month <= 6; month++) {
            char period[16], on[16];
            snprintf(period, sizeof period, "%s-%02d", years, month);
            snprintf(on, sizeof on, "%s-%02d-20", years, month);
            if (month == 4)
                RIG_DO(&city.enrollment, "move_person", "{'person':'P2','division':'%s','from':'%s-03-15'}",
                       divisions[city.at][1], years);
            pump(&city);
            bill(&city, period);
            pay(&city, "employer", "E1", period, on);
        }
        const Tc__Entitlement *stayed = entitled(&city, "P1"), *moved = entitled(&city, "P2");
        EQ_TEXT(moved->division, divisions[city.at][1]);
        EQ(moved->n_spans, stayed->n_spans);
        for (size_t i = 0; i < stayed->n_spans && i < moved->n_spans; i++) {
            EQ_TEXT(moved->spans[i]->first_month, stayed->spans[i]->first_month);
            EQ_TEXT(moved->spans[i]->last_month, stayed->spans[i]->last_month);
            EQ(moved->spans[i]->months_tier1, stayed->spans[i]->months_tier1);
        }
        OK(places[p] == YC || stayed->n_spans > 0);
        RIG_DO(&city.collection, "get_years", "{'person':'P2'}");
        EQ(((const Tc__Years *)city.collection.reply)->actual_months, 6);
        close_city(&city);
    }
}

// ---- lists of other agencies

typedef struct feed {
    const char *rule, *source, *group;
} feed_t;

TEST(ZS_E08_ZS_E09_ZS_E10_ZS_E11_ZS_E13_ZS_E14_ZS_E15_ZS_E16_lists_name_who_is_in_a_group) {
    static const feed_t feeds[] = {{"ZS-E08", "civil_affairs", "extreme_hardship"},
                                   {"ZS-E09", "civil_affairs", "minimum_living"},
                                   {"ZS-E10", "civil_affairs", "low_income_family"},
                                   {"ZS-E11", "county_government", "registered_poor"},
                                   {"ZS-E14", "disabled_federation", "severely_disabled"},
                                   {"ZS-E15", "veterans_affairs", "preferential"},
                                   {"ZS-E16", "trade_union", "mutual_aid"}};
    city_t city;
    open_city(&city, ZS);
    add_person(&city, "P1", "19800101", LOCAL, 0);
    add_person(&city, "P2", "19800101", LOCAL, 1);
    for (size_t i = 0; i < COUNT_OF(feeds); i++)
        for (int day = 1; day <= 2; day++) { // P1 is on the first list, P2 on both
#define LIST "{'file':'%064d','source':'%s','group':'%s','as_of':'2021-0%d-01','first_row':2"
            RIG_DO(&city.enrollment, "import_list", LIST ",'persons':[%s'P2']}", day, feeds[i].source, feeds[i].group,
                   day, day == 1 ? "'P1'," : "");
            for (bool more = true; more; more = ((const Tc__ImportReport *)city.enrollment.reply)->more)
                RIG_DO(&city.enrollment, "import_list", LIST ",'last':true,'total':%d}", day, feeds[i].source,
                       feeds[i].group, day, 3 - day);
#undef LIST
        }
    pump(&city);
    const Tc__Entitlement *e = entitled(&city, "P1"); // as settlements see them
    EQ(e->n_groups, COUNT_OF(feeds));
    for (size_t i = 0; i < e->n_groups; i++) EQ_TEXT(e->groups[i]->until, "2021-01-31");
    e = entitled(&city, "P2");
    EQ(e->n_groups, COUNT_OF(feeds));
    for (size_t i = 0; i < e->n_groups; i++) EQ_TEXT(e->groups[i]->until, "");
    close_city(&city);
}

// A hardship membership rests on a paper of civil affairs or the disabled federation, of county level or above; a list
// of theirs is such a paper.
TEST(JM_C_04_JM_C_05_a_hardship_membership_rests_on_a_certificate) {
    static const char base[] = "{'person':'P1','group':'minimum_living','from':'2018-01-01','source':'the clerk'%s}";
    static const struct {
        const char *rest;
        int code;
        const char *field, *says;
    } refused[] = {
        {"", E_MISSING_FIELD, "certificate", "civil_affairs, disabled_federation, with its issuer_level (county and"},
        {",'certificate':'C-1'", E_MISSING_FIELD, "issuer", ""},
        {",'certificate':'C-1','issuer':'the neighbours','issuer_level':'county','issued_on':'2017-12-01'",
         E_INVALID_FIELD, "issuer", "JM-C-05"},
        {",'certificate':'C-1','issuer':'civil_affairs','issuer_level':'town','issued_on':'2017-12-01'",
         E_INVALID_FIELD, "issuer_level", "county, city, province, state (JM-C-05)"},
        {",'certificate':'C-1','issuer':'civil_affairs','issuer_level':'county'", E_MISSING_FIELD, "issued_on", ""},
        {",'certificate':'C-1','issuer':'civil_affairs','issuer_level':'county','issued_on':'2190-01-01'",
         E_OUT_OF_RANGE, "issued_on", ""},
        {",'issuer':'civil_affairs','issuer_level':'county','issued_on':'2017-12-01'", E_MISSING_FIELD, "certificate",
         ""},
        {"," RIG_PAPER ",'category':'three without'", E_UNSUPPORTED, "category", "JM-C-04"},
    };
    city_t city;
    open_city(&city, JM);
    add_person(&city, "P1", "19800101", LOCAL, 0);
    add_person(&city, "P2", "19800101", LOCAL, 0);
    for (size_t i = 0; i < COUNT_OF(refused); i++) {
        EQ(rig_ask(&city.enrollment, "set_group", base, refused[i].rest), refused[i].code);
        EQ_TEXT(city.enrollment.err.field, refused[i].field);
        HAS_TEXT(city.enrollment.err.text, refused[i].says);
    }
    RIG_DO(&city.enrollment, "set_group", base, "," RIG_PAPER);
    const Tc__PersonState *person = (const Tc__PersonState *)city.enrollment.reply;
    NEED(person->n_groups == 1);
    EQ_TEXT(person->groups[0]->certificate, "C-1");
    EQ_TEXT(person->groups[0]->issuer_level, "county");
    RIG_DO(&city.enrollment, "set_group", base, ",'until':'2018-12-31'"); // ending it takes no paper, and leaves it
    person = (const Tc__PersonState *)city.enrollment.reply;
    EQ_TEXT(person->groups[0]->until, "2018-12-31");
    EQ_TEXT(person->groups[0]->certificate, "C-1");
    EQ_TEXT(person->groups[0]->issued_on, "2017-06-01");
    // A group that the law does not name, and days before the law.
    RIG_DO(&city.enrollment, "set_group", "{'person':'P1','group':'mutual_aid','from':'2018-01-01','source':'union'}");
    RIG_DO(&city.enrollment, "set_group",
           "{'person':'P1','group':'registered_poor','from':'2017-06-30','source':'the clerk'}");
#define LIST_OF(source)                                                                                                \
    "{'file':'%064d','source':'" source "','group':'extreme_hardship','as_of':'2018-02-01','first_row':2,"             \
    "'persons':['P2']}"
    EQ(rig_ask(&city.enrollment, "import_list", LIST_OF("neighbours"), 1), E_INVALID_FIELD);
    EQ_TEXT(city.enrollment.err.field, "source");
    HAS_TEXT(city.enrollment.err.text, "JM-C-05");
    EQ(rig_ask(&city.enrollment, "import_list", LIST_OF("civil_affairsman"), 1), E_INVALID_FIELD);
    RIG_DO(&city.enrollment, "import_list", LIST_OF("disabled_federation"), 2);
    RIG_DO(&city.enrollment, "import_list", LIST_OF("civil_affairs:440703"), 3);
#undef LIST_OF
    close_city(&city);
    open_city(&city, ZS); // where the law asks for none, none is needed, and one is kept
    add_person(&city, "P1", "19800101", LOCAL, 0);
    RIG_DO(&city.enrollment, "set_group", base, "");
    EQ(rig_ask(&city.enrollment, "set_group", base, ",'category':'three without'"), E_UNSUPPORTED);
    close_city(&city);
}

// What follows of itself needs no registration: it is told with the choice.
static void follows(place_of_t at, uint32_t is, uint32_t groups, const char *rule, bool does) {
    scope_result_t result;
    err_t err = {0};
    const scope_person_t person = {.circumstances = is, .groups = groups, .birth = DATE_NONE};
    NEED(scope_decide(law_of(at), &person, date_make(2021, 3, 1), &result, &err) == E_OK);
    bool found = false;
    for (int i = 0; i < result.automatic_count; i++) found = found || strcmp(result.automatic[i].rule, rule) == 0;
    if (found != does) fprintf(stderr, "%s\n", rule);
    EQ(found, does);
}

TEST(JM_E_02_ZS_E07_ZS_E08_ZS_E09_ZS_E10_ZS_E11_what_follows_of_itself) {
    follows(JM, IS(LOCAL_REGISTRATION), 0, "JM-E-02", true);
    follows(JM, 0, 0, "JM-E-02", false);
    follows(ZS, IS(EMPLOYED), 0, "ZS-E07", true);
    follows(ZS, IS(LOCAL_REGISTRATION), 0, "ZS-E07", true);
    follows(ZS, 0, 0, "ZS-E07", false);
    follows(ZS, IS(LOCAL_REGISTRATION), 0, "ZS-E08", false);
    follows(ZS, IS(LOCAL_REGISTRATION), GROUP_BIT(GROUP_EXTREME_HARDSHIP), "ZS-E08", true);
    follows(ZS, IS(LOCAL_REGISTRATION), GROUP_BIT(GROUP_MINIMUM_LIVING), "ZS-E09", true);
    follows(ZS, IS(LOCAL_REGISTRATION), GROUP_BIT(GROUP_LOW_INCOME_FAMILY), "ZS-E10", true);
    follows(ZS, IS(LOCAL_REGISTRATION), GROUP_BIT(GROUP_REGISTERED_POOR), "ZS-E11", true);
}

// ---- wages

static const Tc__ContributionBill *bill_of(city_t *city, const char *person, const char *period) {
    RIG_DO(&city->collection, "get_bills", "{'person':'%s'}", person);
    const Tc__ContributionBills *all = (const Tc__ContributionBills *)city->collection.reply;
    for (size_t i = 0; i < all->n_bills; i++)
        if (strcmp(all->bills[i]->period, period) == 0) return all->bills[i];
    return NULL;
}

static void same_bill(city_t *city, const char *person, const char *other, const char *period) {
    const Tc__ContributionBill *mine = bill_of(city, person, period);
    NEED(mine != NULL);
    const fen_t total = mine->total_fen;
    const Tc__ContributionBill *theirs = bill_of(city, other, period);
    NEED(theirs != NULL);
    EQ(total, theirs->total_fen);
}

TEST(a_declared_wage_reaches_the_bills_of_the_months_it_holds_for) {
    city_t city;
    open_city(&city, JM);
    static const char *const wages[] = {"5000.00", "6000.00", "7000.00", "5000.00"};
    for (int i = 0; i < 4; i++) { // P5 to P7 keep their wage, P8 does not
        char number[16];
        snprintf(number, sizeof number, "E%d", 5 + i);
        add_employer(&city, number, "enterprise", 0);
        snprintf(number, sizeof number, "P%d", 5 + i);
        add_person(&city, number, "19800101", LOCAL, 0);
        OPEN(&city, "{'person':'%s','identity':'employee','employer':'E%d','from_month':'2018-05','wage':'%s'}", number,
             5 + i, wages[i]);
    }
    RIG_DO(&city.enrollment, "declare_wage", "{'person':'P8','from_month':'2018-07','wage':'6000.00'}");
    pump(&city);
    static const char *const months[] = {"2018-05", "2018-06", "2018-07", "2018-08"};
    for (size_t i = 0; i < COUNT_OF(months); i++) bill(&city, months[i]);
    OK(bill_of(&city, "P5", "2018-05")->total_fen < bill_of(&city, "P6", "2018-05")->total_fen);
    same_bill(&city, "P8", "P5", "2018-06");
    same_bill(&city, "P8", "P6", "2018-07");
    same_bill(&city, "P8", "P6", "2018-08");
    // Told late: what is paid stays as it was paid, what is not is owed anew with the next run.
    pay(&city, "employer", "E8", "2018-06", "2018-06-20");
    RIG_DO(&city.enrollment, "declare_wage", "{'person':'P8','from_month':'2018-06','wage':'7000.00'}");
    EQ_TEXT(state(&city)->touched_until, "2018-06-30");
    RIG_DO(&city.enrollment, "declare_wage", "{'person':'P8','from_month':'2018-08','wage':'7000.00'}");
    pump(&city);
    same_bill(&city, "P8", "P5", "2018-06");
    same_bill(&city, "P8", "P6", "2018-07");
    OK(bill_of(&city, "P8", "2018-08") == NULL);
    for (size_t i = 0; i < COUNT_OF(months); i++) bill(&city, months[i]);
    same_bill(&city, "P8", "P7", "2018-08");
    const fen_t owed = bill_of(&city, "P7", "2018-08")->total_fen;
    RIG_DO(&city.collection, "get_due", "{'employer':'E8','period':'2018-08'}");
    EQ(((const Tc__Due *)city.collection.reply)->amount_fen, owed);
    close_city(&city);
}

TEST(the_ground_is_cleared) {
    for (int at = 0; at < CITIES; at++) policy_destroy(&laws[at]);
    rig_ground_stop();
}

TESTS(
    "rules of enrolment", CASE(the_ground_is_laid),
    CASE(
        JM_E_05_JM_E_06_JM_E_07_JM_E_08_JM_E_10_JM_E_11_JM_E_12_JM_E_13_JM_E_28_JM_E_30_JM_E_31_JM_E_32_JM_E_33_who_joins),
    CASE(ZZ_E01_ZZ_E02_ZZ_E03_ZZ_E04_ZZ_E05_ZZ_E06_ZZ_E07_ZZ_E08_ZZ_E09_ZZ_E10_ZZ_E11_ZZ_E12_ZZ_E13_who_joins),
    CASE(ZS_E01_ZS_E02_ZS_E03_ZS_E04_ZS_E05_ZS_E06_who_joins),
    CASE(YC_E03_SM_E01_what_is_not_published_is_asked_in_no_county),
    CASE(JM_E_09_whatever_has_staff_in_the_city_is_an_employer),
    CASE(JM_E_20_JM_E_21_JM_E_22_where_one_joins_is_told_with_the_rule),
    CASE(ZZ_C09_ZZ_C10_ZZ_C11_a_recognition_holds_from_when_to_when_and_is_known_since),
    CASE(ZZ_C11_a_recognition_that_cannot_be_names_the_field), CASE(ZZ_C11_recognitions_come_in_files),
    CASE(
        JM_E_01_JM_E_03_JM_E_14_JM_E_15_JM_E_16_JM_E_17_JM_E_18_JM_E_19_JM_E_23_JM_E_24_JM_E_25_JM_E_26_JM_E_27_tiers_and_cover),
    CASE(JM_E_39_a_fee_that_could_not_be_debited_buys_nothing),
    CASE(JM_E_29_JM_E_35_JM_E_36_JM_E_37_JM_E_38_a_newborn_joins_within_and_after_the_window),
    CASE(YC_E04_YC_E05_YC_E06_YC_Y02_a_move_leaves_bills_and_months_as_they_are),
    CASE(ZS_E08_ZS_E09_ZS_E10_ZS_E11_ZS_E13_ZS_E14_ZS_E15_ZS_E16_lists_name_who_is_in_a_group),
    CASE(JM_C_04_JM_C_05_a_hardship_membership_rests_on_a_certificate),
    CASE(JM_E_02_ZS_E07_ZS_E08_ZS_E09_ZS_E10_ZS_E11_what_follows_of_itself),
    CASE(a_declared_wage_reaches_the_bills_of_the_months_it_holds_for), CASE(the_ground_is_cleared))
