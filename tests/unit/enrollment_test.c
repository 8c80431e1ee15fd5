// Enrolment through its handlers: what is registered, what is refused and by which field, and what the events say.
#include "services/enrollment/desk.h"
#include "tests/service_rig.h"
#include <time.h>

typedef enum city { JIANGMEN, ZAOZHUANG, ZHOUSHAN, YANCHENG, SANMENXIA, CITY__COUNT } city_t;
static policy_t *laws[CITY__COUNT];
static const char *const city_names[] = {"jiangmen", "zaozhuang", "zhoushan", "yancheng", "sanmenxia"};
static const char *const districts[][2] = {
    {"440703", "440705"}, {"370402", "370403"}, {"330902", "330903"}, {"320902", "320903"}, {"411202", "411203"}};

static void open_city(rig_t *rig, city_t city) {
    char path[512];
    err_t err = {0};
    snprintf(path, sizeof path, TC_SOURCE_DIR "/config/cities/%s.yaml", city_names[city]);
    if (!laws[city] && policy_load(&laws[city], path, NULL, &err)) fprintf(stderr, "%s\n", err.text);
    NEED(laws[city] != NULL);
    rig_open(rig, &enrollment_service);
    rig->self = enrollment_new(&rig->ctx, laws[city]);
    NEED(rig->self != NULL);
}

static void open_enrollment(rig_t *rig) { open_city(rig, JIANGMEN); }

static void close_enrollment(rig_t *rig) {
    enrollment_t *e = rig->self;
    enrollment_destroy(&e);
    rig_close(rig);
}

static void register_person(rig_t *rig, const char *person, const char *citizen) {
    RIG_DO(rig, "register_person", "{'person':'%s','citizen_id':'%s','name':'张%s','division':'440703'}", person,
           citizen, person);
}

static void register_employer(rig_t *rig, const char *employer, unsigned serial) {
    RIG_DO(rig, "register_employer",
           "{'employer':'%s','uscc':'%s','name':'A厂','kind':'enterprise','division':'440705'}", employer,
           rig_uscc(serial));
}

typedef struct refusal {
    const char *method, *json;
    int code;
    const char *field;
} refusal_t;

// Each is refused by code and field, and changes nothing.
static void refuse_all(rig_t *rig, const refusal_t *refusals, size_t count) {
    size_t before = rig_event_count(rig);
    for (size_t i = 0; i < count; i++) {
        int code = rig_ask(rig, refusals[i].method, "%s", refusals[i].json);
        if (code != refusals[i].code || strcmp(rig->err.field, refusals[i].field) != 0)
            fprintf(stderr, "case %zu %s: %s %s: %s\n", i, refusals[i].json, err_name(code), rig->err.field,
                    rig->err.text);
        EQ(code, refusals[i].code);
        EQ_TEXT(rig->err.field, refusals[i].field);
    }
    EQ(rig_event_count(rig), before);
}

TEST(the_ground_is_laid) { rig_ground_start(); }

TEST(a_person_is_registered_and_the_event_keeps_the_secrets) {
    rig_t rig;
    rows_t events;
    open_enrollment(&rig);
    const char *citizen = rig_citizen(7, "19800229", true);
    register_person(&rig, "P1", citizen);
    HAS_TEXT(rig_reply(&rig), "\"birth\":\"1980-02-29\"");
    HAS_TEXT(rig_reply(&rig), "\"sex\":\"male\"");
    rig_events(&rig, &events);
    EQ(events.count, 1);
    EQ(row_i64(&events, 0, 0), partition_of("P1"));
    EQ_TEXT(row_text(&events, 0, 2), "person.changed");
    size_t size;
    const char *body = row_blob(&events, 0, 4, &size);
    OK(memmem(body, size, citizen, 18) == NULL);
    OK(memmem(body, size, "张三", strlen("张三")) == NULL);
    RIG_DO(&rig, "get_person", "{'person':'P1'}");
    HAS_TEXT(rig_reply(&rig), "\"version\":1");
    EQ(rig_ask(&rig, "get_person", "{'person':'P2'}"), E_NOT_FOUND);
    EQ_TEXT(rig.err.field, "person");
    close_enrollment(&rig);
}

TEST(a_key_of_one_district_has_no_say_in_another) {
    static const struct {
        const char *method, *json;
    } asked[] = {
        {"get_person", "{'person':'P1'}"},
        {"get_person_as_of", "{'person':'P1','on':'2018-01-01'}"},
        {"open_spell", "{'person':'P1','identity':'resident','from_month':'2018-01'}"},
        {"close_spell", "{'person':'P1','last_month':'2018-01'}"},
        {"declare_wage", "{'person':'P1','from_month':'2018-07','wage':'6000.00'}"},
        {"set_group", "{'person':'P1','group':'poverty','from':'2018-01-01','source':'civil affairs'}"},
        {"move_person", "{'person':'P1','division':'440704','from':'2018-01-01'}"},
        {"record_deemed", "{'person':'P1','months':48,'source':'military service','evidence':'A-1'}"},
        {"record_death", "{'person':'P1','on':'2018-02-10'}"},
        {"merge_persons", "{'from':'P1','into':'P2'}"},
        {"merge_persons", "{'from':'P2','into':'P1'}"},
    };
    rig_t rig;
    open_enrollment(&rig);
    register_person(&rig, "P1", rig_citizen(1, "19800101", true));
    RIG_DO(&rig, "register_person", "{'person':'P2','citizen_id':'%s','name':'李','division':'440704'}",
           rig_citizen(2, "19810101", true));
    rig.ctx.scope = "divisions=440704";
    for (size_t i = 0; i < COUNT_OF(asked); i++) {
        EQ(rig_ask(&rig, asked[i].method, "%s", asked[i].json), E_DENIED);
        EQ_TEXT(rig.err.field, "division");
    }
    EQ(rig_ask(&rig, "register_person", "{'person':'P3','citizen_id':'%s','name':'王','division':'440703'}",
               rig_citizen(3, "19820101", true)),
       E_DENIED);
    RIG_DO(&rig, "get_person", "{'person':'P2'}");
    rig.ctx.scope = "divisions=440703";
    RIG_DO(&rig, "get_person", "{'person':'P1'}");
    EQ(rig_event_count(&rig), 2);
    close_enrollment(&rig);
}

TEST(a_person_is_registered_once) {
    rig_t rig;
    open_enrollment(&rig);
    char json[400];
    register_person(&rig, "P1", rig_citizen(1, "19800101", true));
    register_person(&rig, "P2", rig_citizen(2, "19800101", true));
    snprintf(json, sizeof json, "{'person':'P1','citizen_id':'%s','name':'张三','division':'440703'}",
             rig_citizen(1, "19800101", true));
    EQ(rig_ask(&rig, "register_person", "%s", json), E_EXISTS);
    EQ_TEXT(rig.err.field, "person");
    json[12] = '3'; // P3 with the citizen ID of P1
    EQ(rig_ask(&rig, "register_person", "%s", json), E_EXISTS);
    EQ_TEXT(rig.err.field, "citizen_id");
    HAS_TEXT(rig.err.text, "P1");
    EQ(rig_event_count(&rig), 2);
    close_enrollment(&rig);
}

TEST(bad_registrations_name_the_field) {
    rig_t rig;
    char bad_check[20], good[20], one[300], two[300], three[300], four[300], five[300], six[300];
    open_enrollment(&rig);
    snprintf(good, sizeof good, "%s", rig_citizen(1, "19800101", true));
    snprintf(bad_check, sizeof bad_check, "%s", good);
    bad_check[17] = bad_check[17] == '0' ? '1' : '0';
    snprintf(one, sizeof one, "{'person':'P1','citizen_id':'%s','name':'张三','division':'440703'}", bad_check);
    snprintf(two, sizeof two, "{'person':'P 1','citizen_id':'%s','name':'张三','division':'440703'}", good);
    snprintf(three, sizeof three, "{'person':'P1','citizen_id':'%s','name':'','division':'440703'}", good);
    snprintf(four, sizeof four, "{'person':'P1','citizen_id':'%s','name':'张三','division':'999999'}", good);
    snprintf(five, sizeof five, "{'person':'P1','citizen_id':'%s','name':'a\\u0007b','division':'440703'}", good);
    snprintf(six, sizeof six, "{'employer':'E1','uscc':'%s','name':'A','kind':'firm','division':'440703'}",
             rig_uscc(1));
    const refusal_t refusals[] = {
        {"register_person", one, E_INVALID_FIELD, "citizen_id"},
        {"register_person", two, E_INVALID_FIELD, "person"},
        {"register_person", three, E_MISSING_FIELD, "name"},
        {"register_person", four, E_OUT_OF_RANGE, "division"},
        {"register_person", five, E_INVALID_FIELD, "name"},
        {"register_person", "{'person':'P1','name':'A','division':'440703'}", E_MISSING_FIELD, "citizen_id"},
        {"register_employer",
         "{'employer':'E1','uscc':'91440703000000001A','name':'A','kind':'organ','division':'440703'}", E_INVALID_FIELD,
         "uscc"},
        {"register_employer", six, E_INVALID_FIELD, "kind"},
        {"register_employer", "{'uscc':'91440703000000001A'}", E_MISSING_FIELD, "employer"},
    };
    refuse_all(&rig, refusals, COUNT_OF(refusals));
    EQ(rig_ask(&rig, "register_person", "%s", one), E_INVALID_FIELD);
    OK(strstr(rig.err.text, bad_check) == NULL); // no citizen ID in an answer
    close_enrollment(&rig);
}

TEST(an_employer_is_registered_once) {
    rig_t rig;
    open_enrollment(&rig);
    register_employer(&rig, "E1", 1);
    EQ(rig_ask(&rig, "register_employer", "{'employer':'E2','uscc':'%s','name':'B','kind':'organ','division':'440703'}",
               rig_uscc(1)),
       E_EXISTS);
    EQ_TEXT(rig.err.field, "uscc");
    EQ(rig_ask(&rig, "register_employer", "{'employer':'E1','uscc':'%s','name':'B','kind':'organ','division':'440703'}",
               rig_uscc(2)),
       E_EXISTS);
    EQ_TEXT(rig.err.field, "employer");
    close_enrollment(&rig);
}

TEST(spells_follow_one_another) {
    rig_t rig;
    open_enrollment(&rig);
    register_person(&rig, "P1", rig_citizen(1, "19800101", false));
    register_employer(&rig, "E1", 1);
    RIG_DO(&rig, "open_spell", "{'person':'P1','identity':'resident','from_month':'2017-01','prior_months_tier1':30}");
    const refusal_t open_ones[] = {
        {"open_spell", "{'person':'P1','identity':'flexible','from_month':'2018-01'}", E_OUT_OF_RANGE, "from_month"},
        {"close_spell", "{'person':'P1','last_month':'2016-12'}", E_OUT_OF_RANGE, "last_month"},
        {"close_spell", "{'person':'P1','last_month':'2017-13'}", E_INVALID_FIELD, "last_month"},
    };
    refuse_all(&rig, open_ones, COUNT_OF(open_ones));
    RIG_DO(&rig, "close_spell", "{'person':'P1','last_month':'2017-12'}");
    const refusal_t closed_ones[] = {
        {"close_spell", "{'person':'P1','last_month':'2018-12'}", E_NOT_FOUND, "person"},
        {"open_spell", "{'person':'P1','identity':'flexible','from_month':'2017-12'}", E_OUT_OF_RANGE, "from_month"},
        {"open_spell", "{'person':'P1','identity':'flexible','from_month':'2018-01','prior_months_tier1':1}",
         E_OUT_OF_RANGE, "prior_months_tier1"},
    };
    refuse_all(&rig, closed_ones, COUNT_OF(closed_ones));
    RIG_DO(&rig, "open_spell",
           "{'person':'P1','identity':'employee','employer':'E1','from_month':'2018-01','wage':'5432.10'}");
    RIG_DO(&rig, "close_spell", "{'person':'P1','last_month':'2018-06'}");
    RIG_DO(&rig, "open_spell", "{'person':'P1','identity':'retiree','from_month':'2018-07'}");
    RIG_DO(&rig, "close_spell", "{'person':'P1','last_month':'2020-02'}");
    const Tc__PersonState *state = (const Tc__PersonState *)rig.reply;
    EQ(state->version, 7);
    EQ(state->n_spells, 3);
    EQ_TEXT(state->spells[1]->last_month, "2018-06");
    EQ(state->spells[1]->wage_fen, 543210);
    const refusal_t after_life[] = {
        {"open_spell", "{'person':'P1','identity':'resident','from_month':'2021-01'}", E_OUT_OF_RANGE, "identity"},
    };
    refuse_all(&rig, after_life, COUNT_OF(after_life));
    close_enrollment(&rig);
}

TEST(bad_spells_name_the_field) {
    rig_t rig;
    open_enrollment(&rig);
    register_person(&rig, "P1", rig_citizen(1, "19800101", false));
    register_employer(&rig, "E1", 1);
#define OPEN(rest) "{'person':'P1'," rest "}"
    static const refusal_t refusals[] = {
        {"open_spell", "{'person':'P9','identity':'resident','from_month':'2018-01'}", E_NOT_FOUND, "person"},
        {"open_spell", OPEN("'identity':'sailor','from_month':'2018-01'"), E_INVALID_FIELD, "identity"},
        {"open_spell", OPEN("'from_month':'2018-01'"), E_MISSING_FIELD, "identity"},
        {"open_spell", OPEN("'identity':'resident','from_month':'2018-1'"), E_INVALID_FIELD, "from_month"},
        {"open_spell", OPEN("'identity':'resident'"), E_MISSING_FIELD, "from_month"},
        {"open_spell", OPEN("'identity':'employee','from_month':'2018-01','wage':'1.00'"), E_MISSING_FIELD, "employer"},
        {"open_spell", OPEN("'identity':'employee','employer':'E9','from_month':'2018-01','wage':'1.00'"), E_NOT_FOUND,
         "employer"},
        {"open_spell", OPEN("'identity':'employee','employer':'E1','from_month':'2018-01'"), E_MISSING_FIELD, "wage"},
        {"open_spell", OPEN("'identity':'employee','employer':'E1','from_month':'2018-01','wage':'0.00'"),
         E_OUT_OF_RANGE, "wage"},
        {"open_spell", OPEN("'identity':'resident','from_month':'2018-01','wage':'1.00'"), E_OUT_OF_RANGE, "wage"},
        {"open_spell", OPEN("'identity':'flexible','employer':'E1','from_month':'2018-01'"), E_OUT_OF_RANGE,
         "employer"},
        {"open_spell",
         OPEN("'identity':'resident','from_month':'2018-01','prior_months_tier1':5,'prior_months_tier2':6"),
         E_OUT_OF_RANGE, "prior_months_tier2"},
        {"open_spell", OPEN("'identity':'resident','from_month':'2018-01','prior_months_tier1':-1"), E_OUT_OF_RANGE,
         "prior_months_tier1"},
    };
#undef OPEN
    refuse_all(&rig, refusals, COUNT_OF(refusals));
    EQ(rig_ask(&rig, "open_spell", "{'person':'P1','identity':'sailor','from_month':'2018-01'}"), E_INVALID_FIELD);
    EQ_TEXT(rig.err.text, "identity: expected one of employee, retiree, unemployed, flexible, sole_trader, resident");
    close_enrollment(&rig);
}

TEST(groups_of_one_kind_do_not_overlap) {
    rig_t rig;
    open_enrollment(&rig);
    register_person(&rig, "P1", rig_citizen(1, "19500101", false));
#define GROUP(rest) "{'person':'P1','group':'minimum_living'," RIG_PAPER "," rest "}"
    RIG_DO(&rig, "set_group", "%s", GROUP("'from':'2018-01-01','until':'2018-12-31','source':'civil affairs'"));
    RIG_DO(&rig, "set_group", "%s", GROUP("'from':'2019-03-01','source':'civil affairs'"));
    RIG_DO(&rig, "set_group",
           "{'person':'P1','group':'severely_disabled','from':'2018-06-01','source':'disabled federation'," RIG_PAPER
           "}");
    static const refusal_t refusals[] = {
        {"set_group", GROUP("'from':'2018-12-31','until':'2019-01-31','source':'x'"), E_OUT_OF_RANGE, "from"},
        {"set_group", GROUP("'from':'2020-01-01','source':'x'"), E_OUT_OF_RANGE, "from"},
        {"set_group", GROUP("'from':'2019-03-01','until':'2019-05-31','source':'another'"), E_OUT_OF_RANGE, "from"},
        {"set_group", GROUP("'from':'2018-01-01','until':'2018-12-31','source':'civil affairs'"), E_OUT_OF_RANGE,
         "from"},
        {"set_group", GROUP("'from':'2017-03-01','until':'2017-02-01','source':'x'"), E_OUT_OF_RANGE, "until"},
        {"set_group", GROUP("'from':'2017-02-30','source':'x'"), E_INVALID_FIELD, "from"},
        {"set_group", GROUP("'from':'2017-02-01','until':'2017-02-28'"), E_MISSING_FIELD, "source"},
        {"set_group", "{'person':'P1','group':'nobility','from':'2018-01-01','source':'x'}", E_INVALID_FIELD, "group"},
        {"set_group", "{'person':'P9','group':'minimum_living','from':'2018-01-01','source':'x'," RIG_PAPER "}",
         E_NOT_FOUND, "person"},
    };
    refuse_all(&rig, refusals, COUNT_OF(refusals));
    RIG_DO(&rig, "set_group", "%s", GROUP("'from':'2019-03-01','until':'2019-12-31','source':'civil affairs'"));
    const Tc__PersonState *state = (const Tc__PersonState *)rig.reply;
    EQ(state->n_groups, 3);
    EQ_TEXT(state->groups[1]->until, "2019-12-31");
    RIG_DO(&rig, "set_group", "%s", GROUP("'from':'2020-01-01','source':'civil affairs'"));
#undef GROUP
    close_enrollment(&rig);
}

// ---- moves, transfers, deaths, ends, merges
// ------------------------------------------------------------------------------------

static const Tc__PersonState *replied(const rig_t *rig) { return (const Tc__PersonState *)rig->reply; }

// A person born in 1980 in the first district of the city, number P<serial>.
static void add_person(rig_t *rig, city_t city, unsigned serial, const char *rest) {
    RIG_DO(rig, "register_person", "{'person':'P%u','citizen_id':'%s','name':'张%u','division':'%s'%s}", serial,
           rig_citizen(serial, "19800101", true), serial, districts[city][0], rest);
}

static void add_employer(rig_t *rig, city_t city, unsigned serial, int district) {
    RIG_DO(rig, "register_employer", "{'employer':'E%u','uscc':'%s','name':'A厂','kind':'enterprise','division':'%s'}",
           serial, rig_uscc(100 + serial), districts[city][district]);
}

// Refused with this code and field, by a sentence that has `part`; nothing happened.
static void refused(rig_t *rig, int code, const char *field, const char *part, const char *method, const char *json) {
    const size_t before = rig_event_count(rig);
    EQ(rig_ask(rig, method, "%s", json), code);
    EQ_TEXT(rig->err.field, field);
    HAS_TEXT(rig->err.text, part);
    EQ(rig_event_count(rig), before);
}

static void check_spell(const rig_t *rig, size_t i, const char *from, const char *last) {
    NEED(i < replied(rig)->n_spells);
    EQ_TEXT(replied(rig)->spells[i]->from_month, from);
    EQ_TEXT(replied(rig)->spells[i]->last_month, last);
}

static void check_touched(const rig_t *rig, const char *from, const char *until) {
    EQ_TEXT(replied(rig)->touched_from, from);
    EQ_TEXT(replied(rig)->touched_until, until);
}

TEST(YC_E04_YC_E05_YC_E06_a_move_within_the_city_breaks_nothing) {
    rig_t rig;
    open_city(&rig, YANCHENG);
    add_person(&rig, YANCHENG, 1, "");
    add_employer(&rig, YANCHENG, 1, 0);
    RIG_DO(&rig, "open_spell",
           "{'person':'P1','identity':'employee','employer':'E1','from_month':'2018-01','wage':'5000.00',"
           "'prior_months_tier1':40}");
    RIG_DO(&rig, "move_person", "{'person':'P1','division':'320903','from':'2020-06-15'}");
    const Tc__PersonState *state = replied(&rig);
    EQ_TEXT(state->division, "320903");
    EQ(state->n_divisions, 2);
    EQ_TEXT(state->divisions[0]->division, "320902");
    EQ_TEXT(state->divisions[0]->from, "");
    check_spell(&rig, 0, "2018-01", "");
    EQ(state->spells[0]->prior_months_tier1, 40);
    EQ_TEXT(state->spells[0]->employer, "E1");
    check_touched(&rig, "2020-06-15", "");
    RIG_DO(&rig, "move_person", "{'person':'P1','division':'320903','from':'2019-01-01'}"); // told late
    EQ_TEXT(replied(&rig)->division, "320903");
    check_touched(&rig, "2019-01-01", "2020-06-14");
    refused(&rig, E_EXISTS, "from", "moved", "move_person", "{'person':'P1','division':'320902','from':'2019-01-01'}");
    refused(&rig, E_OUT_OF_RANGE, "division", "already", "move_person",
            "{'person':'P1','division':'320903','from':'2021-01-01'}");
    refused(&rig, E_OUT_OF_RANGE, "division", "no district", "move_person",
            "{'person':'P1','division':'440703','from':'2021-01-01'}");
    refused(&rig, E_OUT_OF_RANGE, "from", "not come", "move_person",
            "{'person':'P1','division':'320902','from':'2150-01-01'}");
    close_enrollment(&rig);
}

TEST(YC_E07_one_procedure_of_registration_in_every_district) {
    rig_t rig;
    open_city(&rig, YANCHENG);
    for (unsigned i = 0; i < 2; i++)
        RIG_DO(&rig, "register_person", "{'person':'P%u','citizen_id':'%s','name':'n%u','division':'%s'}", i,
               rig_citizen(i, "19800101", true), i, districts[YANCHENG][i]);
    EQ_TEXT(replied(&rig)->registration, "local");
    EQ_TEXT(replied(&rig)->divisions[0]->division, districts[YANCHENG][1]);
    RIG_DO(&rig, "register_person",
           "{'person':'P8','citizen_id':'%s','name':'n','division':'320902','registration':'elsewhere',"
           "'household':'H-7'}",
           rig_citizen(8, "19800101", true));
    EQ_TEXT(replied(&rig)->registration, "elsewhere");
    EQ_TEXT(replied(&rig)->household, "H-7");
    char json[300];
    snprintf(json, sizeof json, "{'person':'P9','citizen_id':'%s','name':'n','division':'320902','registration':'x'}",
             rig_citizen(9, "19800101", true));
    refused(&rig, E_INVALID_FIELD, "registration", "local or elsewhere", "register_person", json);
    close_enrollment(&rig);
}

TEST(corrections_of_the_past_fill_gaps_and_shorten) {
    rig_t rig;
    open_enrollment(&rig);
    add_person(&rig, JIANGMEN, 1, "");
    RIG_DO(&rig, "open_spell", "{'person':'P1','identity':'resident','from_month':'2018-01','prior_months_tier1':9}");
    check_touched(&rig, "2018-01-01", "");
    // An earlier spell ends where the known one begins, and brings the months of former schemes to the beginning.
    RIG_DO(&rig, "open_spell", "{'person':'P1','identity':'flexible','from_month':'2016-03'}");
    check_spell(&rig, 0, "2016-03", "2017-12");
    check_spell(&rig, 1, "2018-01", "");
    EQ(replied(&rig)->spells[0]->prior_months_tier1, 9);
    EQ(replied(&rig)->spells[1]->prior_months_tier1, 0);
    check_touched(&rig, "2016-03-01", "2017-12-31");
    RIG_DO(&rig, "close_spell", "{'person':'P1','last_month':'2016-10'}");
    check_spell(&rig, 0, "2016-03", "2016-10");
    check_touched(&rig, "2016-11-01", "2017-12-31");
    RIG_DO(&rig, "open_spell", "{'person':'P1','identity':'flexible','from_month':'2017-05'}");
    check_spell(&rig, 1, "2017-05", "2017-12");
    refused(&rig, E_OUT_OF_RANGE, "last_month", "already", "close_spell", "{'person':'P1','last_month':'2016-10'}");
    refused(&rig, E_OUT_OF_RANGE, "from_month", "runs until 2016-10", "open_spell",
            "{'person':'P1','identity':'flexible','from_month':'2016-10'}");
    refused(&rig, E_OUT_OF_RANGE, "prior_months_tier1", "first", "open_spell",
            "{'person':'P1','identity':'flexible','from_month':'2015-01','prior_months_tier1':1}");
    refused(&rig, E_OUT_OF_RANGE, "identity", "no sequel", "open_spell",
            "{'person':'P1','identity':'retiree','from_month':'2017-01'}");
    refused(&rig, E_OUT_OF_RANGE, "from_month", "born", "open_spell",
            "{'person':'P1','identity':'flexible','from_month':'1979-12'}");
    RIG_DO(&rig, "close_spell", "{'person':'P1','last_month':'2150-12'}"); // nothing of it is past
    check_touched(&rig, "", "");
    close_enrollment(&rig);
}

TEST(who_resembles_a_registered_person_is_put_aside) {
    rig_t rig;
    char number[64];
    open_enrollment(&rig);
    register_person(&rig, "P1", rig_citizen(1, "19800101", true));
#define TWIN "{'person':'P2','citizen_id':'%s','name':'张P1','division':'440703'}"
    for (int again = 0; again < 2; again++) { // asked again: the same answer under the same number
        RIG_DO(&rig, "register_person", TWIN, rig_citizen(2, "19800101", true));
        if (again) EQ_TEXT(replied(&rig)->parked, number);
        snprintf(number, sizeof number, "%s", replied(&rig)->parked);
        OK(*number);
        EQ(replied(&rig)->version, 0);
        EQ_TEXT(replied(&rig)->person, "P2");
        HAS_TEXT(replied(&rig)->reason, "P1");
        OK(strstr(rig_reply(&rig), "张") == NULL && strstr(rig_reply(&rig), "19800101") == NULL);
        EQ(rig_event_count(&rig), 1);
        EQ(rig_ask(&rig, "get_person", "{'person':'P2'}"), E_NOT_FOUND);
    }
    RIG_DO(&rig, "list_parked", "{}");
    EQ(((const Tc__ParkedPersons *)rig.reply)->n_parked, 1);
    RIG_DO(&rig, "resolve_parked", "{'number':'%s','decision':'drop'}", number);
    EQ(rig_ask(&rig, "register_person", TWIN, rig_citizen(2, "19800101", true)), E_EXISTS);
    HAS_TEXT(rig.err.text, "same human being as person P1");
    RIG_DO(&rig, "register_person", "{'person':'P3','citizen_id':'%s','name':'张P1','division':'440703'}",
           rig_citizen(3, "19800101", true));
    RIG_DO(&rig, "resolve_parked", "{'number':'%s','decision':'register'}", replied(&rig)->parked);
    EQ_TEXT(replied(&rig)->person, "P3");
    EQ_TEXT(replied(&rig)->parked, "");
    EQ(rig_event_count(&rig), 2);
    RIG_DO(&rig, "register_person", "{'person':'P4','citizen_id':'%s','name':'张P1','division':'440703'}",
           rig_citizen(4, "19800102", true)); // born on another day
    EQ(replied(&rig)->version, 1);
#undef TWIN
    close_enrollment(&rig);
}

TEST(whoever_closes_a_spell_may_name_it) {
    rig_t rig;
    open_enrollment(&rig);
    add_person(&rig, JIANGMEN, 1, "");
    const char *const from[] = {"2017-01", "2018-01", "2019-01"}, *const last[] = {"2017-06", "2018-06", ""};
    for (int i = 0; i < 3; i++) {
        RIG_DO(&rig, "open_spell", "{'person':'P1','identity':'%s','from_month':'%s'}",
               i == 1 ? "unemployed" : "flexible", from[i]);
        if (*last[i]) RIG_DO(&rig, "close_spell", "{'person':'P1','last_month':'%s'}", last[i]);
    }
#define CLOSE(rest) "close_spell", "{'person':'P1'," rest "}"
    const size_t before = rig_event_count(&rig);
    refused(&rig, E_NOT_FOUND, "identity", "no such", CLOSE("'last_month':'2019-03','identity':'sole_trader'"));
    refused(&rig, E_NOT_FOUND, "from_month", "no such", CLOSE("'last_month':'2019-03','from_month':'2019-02'"));
    refused(&rig, E_NOT_FOUND, "from_month", "no such",
            CLOSE("'last_month':'2018-03','identity':'flexible','from_month':'2018-01'"));
    refused(&rig, E_INVALID_FIELD, "identity", "expected one of", CLOSE("'last_month':'2019-03','identity':'wizard'"));
    refused(&rig, E_INVALID_FIELD, "from_month", "expected a month",
            CLOSE("'last_month':'2019-03','from_month':'2019-13'"));
    refused(&rig, E_OUT_OF_RANGE, "from_month", "2 spells", CLOSE("'last_month':'2018-03','identity':'flexible'"));
    refused(&rig, E_OUT_OF_RANGE, "last_month", "begins in 2019-01",
            CLOSE("'last_month':'2018-12','from_month':'2019-01'"));
    refused(&rig, E_OUT_OF_RANGE, "last_month", "ends in 2018-06 already",
            CLOSE("'last_month':'2018-09','identity':'unemployed'"));
    refused(&rig, E_OUT_OF_RANGE, "last_month", "ends in 2018-06 already",
            CLOSE("'last_month':'2019-09','from_month':'2018-01'")); // in force then is another one
    EQ(rig_event_count(&rig), before);
    RIG_DO(&rig, CLOSE("'last_month':'2017-03','identity':'flexible'")); // of the two, the one in force
    check_spell(&rig, 0, "2017-01", "2017-03");
    RIG_DO(&rig, CLOSE("'last_month':'2018-04','identity':'unemployed'"));
    check_spell(&rig, 1, "2018-01", "2018-04");
    RIG_DO(&rig, CLOSE("'last_month':'2019-09','identity':'flexible','from_month':'2019-01'"));
    check_spell(&rig, 2, "2019-01", "2019-09");
    check_spell(&rig, 1, "2018-01", "2018-04");
#undef CLOSE
    close_enrollment(&rig);
}

static void check_wage(const rig_t *rig, size_t i, const char *from, fen_t wage) {
    NEED(replied(rig)->n_spells > 0 && i < replied(rig)->spells[0]->n_wages);
    EQ_TEXT(replied(rig)->spells[0]->wages[i]->from_month, from);
    EQ(replied(rig)->spells[0]->wages[i]->wage_fen, wage);
}

TEST(wages_are_declared_within_a_spell_and_corrected) {
    rig_t rig;
    open_enrollment(&rig);
    add_person(&rig, JIANGMEN, 1, "");
    add_employer(&rig, JIANGMEN, 1, 1);
    RIG_DO(&rig, "open_spell",
           "{'person':'P1','identity':'employee','employer':'E1','from_month':'2018-01','wage':'5000.00'}");
    RIG_DO(&rig, "close_spell", "{'person':'P1','last_month':'2019-12'}");
    RIG_DO(&rig, "open_spell", "{'person':'P1','identity':'flexible','from_month':'2020-03'}");
#define WAGE(month, wage) "declare_wage", "{'person':'P1','from_month':'" month "','wage':'" wage "'}"
    RIG_DO(&rig, WAGE("2018-07", "6000.00"));
    check_touched(&rig, "2018-07-01", "2019-12-31");
    RIG_DO(&rig, WAGE("2018-03", "5500.00")); // told late: until the next declaration
    check_touched(&rig, "2018-03-01", "2018-06-30");
    RIG_DO(&rig, WAGE("2018-07", "6100.00")); // corrected
    RIG_DO(&rig, WAGE("2018-01", "5100.00")); // what the spell was opened with, corrected
    check_touched(&rig, "2018-01-01", "2018-02-28");
    EQ(replied(&rig)->spells[0]->n_wages, 3);
    check_wage(&rig, 0, "2018-01", 510000);
    check_wage(&rig, 1, "2018-03", 550000);
    check_wage(&rig, 2, "2018-07", 610000);
    EQ(replied(&rig)->spells[0]->wage_fen, 500000);
    refused(&rig, E_EXISTS, "wage", "already", WAGE("2018-07", "6100.00"));
    refused(&rig, E_OUT_OF_RANGE, "from_month", "no spell", WAGE("2020-01", "6000.00"));
    refused(&rig, E_OUT_OF_RANGE, "from_month", "no spell", WAGE("2017-12", "6000.00"));
    refused(&rig, E_OUT_OF_RANGE, "from_month", "flexible", WAGE("2020-03", "6000.00"));
    refused(&rig, E_INVALID_FIELD, "from_month", "a month", WAGE("2018-13", "6000.00"));
    refused(&rig, E_OUT_OF_RANGE, "wage", "above 0.00", WAGE("2018-08", "0.00"));
    refused(&rig, E_MISSING_FIELD, "wage", "missing", "declare_wage", "{'person':'P1','from_month':'2018-08'}");
    refused(&rig, E_NOT_FOUND, "person", "registered", "declare_wage", "{'person':'P9','from_month':'2018-08'}");
    RIG_DO(&rig, "get_person_as_of", "{'person':'P1','on':'2018-05-15'}"); // what held then
    EQ(replied(&rig)->spells[0]->n_wages, 2);
    RIG_DO(&rig, "close_spell", "{'person':'P1','last_month':'2018-06','identity':'employee'}");
    EQ(replied(&rig)->spells[0]->n_wages, 2); // what was declared beyond it never held
    RIG_DO(&rig, "record_death", "{'person':'P1','on':'2018-02-10'}");
    EQ(replied(&rig)->spells[0]->n_wages, 1);
#undef WAGE
    close_enrollment(&rig);
}

TEST(deemed_months_replace_what_the_same_source_said) {
    rig_t rig;
    open_enrollment(&rig);
    add_person(&rig, JIANGMEN, 1, "");
    RIG_DO(&rig, "record_deemed", "{'person':'P1','months':48,'source':'military service','evidence':'A-1'}");
    RIG_DO(&rig, "record_deemed", "{'person':'P1','months':100,'source':'farm','evidence':'B-1'}");
    RIG_DO(&rig, "record_deemed", "{'person':'P1','months':50,'source':'military service','evidence':'A-2'}");
    EQ(replied(&rig)->n_deemed, 2);
    EQ_TEXT(replied(&rig)->deemed[0]->source, "farm");
    EQ(replied(&rig)->deemed[1]->months, 50);
    EQ_TEXT(replied(&rig)->deemed[1]->evidence, "A-2");
    RIG_DO(&rig, "record_deemed", "{'person':'P1','months':0,'source':'farm'}");
    EQ(replied(&rig)->n_deemed, 1);
    static const refusal_t refusals[] = {
        {"record_deemed", "{'person':'P1','months':0,'source':'farm'}", E_NOT_FOUND, "source"},
        {"record_deemed", "{'person':'P1','months':1201,'source':'a','evidence':'e'}", E_OUT_OF_RANGE, "months"},
        {"record_deemed", "{'person':'P1','months':-1,'source':'a','evidence':'e'}", E_OUT_OF_RANGE, "months"},
        {"record_deemed", "{'person':'P1','months':1,'source':'a'}", E_MISSING_FIELD, "evidence"},
        {"record_deemed", "{'person':'P1','months':1,'evidence':'e'}", E_MISSING_FIELD, "source"},
    };
    refuse_all(&rig, refusals, COUNT_OF(refusals));
    close_enrollment(&rig);
}

#define IN(rest) "{'person':'P1','direction':'in','place':'110101'," rest "}"
#define OUT(rest) "{'person':'P1','direction':'out','place':'110101'," rest "}"

TEST(a_transfer_in_brings_months_to_the_first_spell_of_the_stay) {
    rig_t rig;
    open_enrollment(&rig);
    add_person(&rig, JIANGMEN, 1, "");
    RIG_DO(&rig, "transfer", "%s", IN("'on':'2017-12-20','months_tier1':60,'months_tier2':12"));
    check_touched(&rig, "", "");
    RIG_DO(
        &rig, "open_spell",
        "{'person':'P1','identity':'flexible','from_month':'2018-01','prior_months_tier1':7,'prior_months_tier2':1}");
    EQ(replied(&rig)->spells[0]->prior_months_tier1, 67);
    EQ(replied(&rig)->spells[0]->prior_months_tier2, 13);
    RIG_DO(&rig, "transfer", "%s", IN("'on':'2018-04-02','months_tier1':5"));
    EQ(replied(&rig)->spells[0]->prior_months_tier1, 72);
    check_touched(&rig, "2018-01-01", "");
    RIG_DO(&rig, "transfer", "%s", IN("'on':'2018-04-02','months_tier1':6")); // corrected
    EQ(replied(&rig)->n_transfers, 2);
    EQ(replied(&rig)->spells[0]->prior_months_tier1, 73);
    RIG_DO(&rig, "transfer", "%s", OUT("'on':'2019-05-10','months_tier1':90"));
    check_spell(&rig, 0, "2018-01", "2019-05");
    EQ(replied(&rig)->spells[0]->prior_months_tier1, 73);
    check_touched(&rig, "2019-06-01", "");
    RIG_DO(&rig, "transfer", "%s", IN("'on':'2020-12-01','months_tier1':110"));
    RIG_DO(&rig, "open_spell", "{'person':'P1','identity':'flexible','from_month':'2021-01'}");
    EQ(replied(&rig)->spells[0]->prior_months_tier1, 73);
    EQ(replied(&rig)->spells[1]->prior_months_tier1, 110);
    RIG_DO(&rig, "transfer", "%s", IN("'on':'2019-05-10','months_tier1':2")); // the last day of the first stay
    EQ(replied(&rig)->spells[0]->prior_months_tier1, 75);
    check_touched(&rig, "2018-01-01", "");
    static const refusal_t refusals[] = {
        {"transfer", OUT("'on':'2017-12-31'"), E_OUT_OF_RANGE, "on"},
        {"transfer", IN("'on':'2150-12-31'"), E_OUT_OF_RANGE, "on"},
        {"transfer", IN("'on':'2020-12-31','months_tier1':-1"), E_OUT_OF_RANGE, "months_tier1"},
        {"transfer", IN("'on':'2020-12-31','months_tier1':1,'months_tier2':2"), E_OUT_OF_RANGE, "months_tier2"},
        {"transfer", "{'person':'P1','direction':'up','on':'2020-01-01','place':'110101'}", E_INVALID_FIELD,
         "direction"},
        {"transfer", "{'person':'P1','on':'2020-01-01','place':'110101'}", E_MISSING_FIELD, "direction"},
        {"transfer", "{'person':'P1','direction':'in','on':'2020-01-01','place':'440703'}", E_OUT_OF_RANGE, "place"},
        {"transfer", "{'person':'P1','direction':'in','on':'2020-01-01','place':'1'}", E_INVALID_FIELD, "place"},
    };
    refuse_all(&rig, refusals, COUNT_OF(refusals));
    close_enrollment(&rig);
}

TEST(death_ends_spells_and_memberships) {
    rig_t rig;
    open_enrollment(&rig);
    add_person(&rig, JIANGMEN, 1, "");
    RIG_DO(&rig, "open_spell", "{'person':'P1','identity':'flexible','from_month':'2018-01'}");
    RIG_DO(&rig, "close_spell", "{'person':'P1','last_month':'2020-12'}");
    RIG_DO(&rig, "open_spell", "{'person':'P1','identity':'resident','from_month':'2021-01'}");
    RIG_DO(&rig, "set_group",
           "{'person':'P1','group':'minimum_living','from':'2019-01-01','source':'a'," RIG_PAPER "}");
    RIG_DO(&rig, "set_group", "{'person':'P1','group':'mutual_aid','from':'2021-01-01','source':'a'}");
    RIG_DO(&rig, "record_death", "{'person':'P1','on':'2020-05-10'}");
    EQ(replied(&rig)->n_spells, 1); // the one that began later never held
    check_spell(&rig, 0, "2018-01", "2020-05");
    EQ(replied(&rig)->n_groups, 1);
    EQ_TEXT(replied(&rig)->groups[0]->until, "2020-05-10");
    EQ_TEXT(replied(&rig)->died_on, "2020-05-10");
    check_touched(&rig, "2020-05-11", "");
    static const refusal_t refusals[] = {
        {"open_spell", "{'person':'P1','identity':'resident','from_month':'2021-01'}", E_OUT_OF_RANGE, "from_month"},
        {"set_group", "{'person':'P1','group':'mutual_aid','from':'2020-05-11','source':'a'}", E_OUT_OF_RANGE, "from"},
        {"move_person", "{'person':'P1','division':'440705','from':'2020-05-11'}", E_OUT_OF_RANGE, "from"},
        {"transfer", IN("'on':'2020-05-11'"), E_OUT_OF_RANGE, "on"},
        {"record_death", "{'person':'P1','on':'2020-05-11'}", E_EXISTS, "on"},
        {"record_death", "{'person':'P1','on':'2020-05-10'}", E_EXISTS, "on"},
        {"record_death", "{'person':'P1','on':'1979-12-31'}", E_OUT_OF_RANGE, "on"},
        {"record_death", "{'person':'P1','on':'2150-12-31'}", E_OUT_OF_RANGE, "on"},
    };
    refuse_all(&rig, refusals, COUNT_OF(refusals));
    // Corrections: what was before the death, and the day itself.
    RIG_DO(&rig, "open_spell", "{'person':'P1','identity':'flexible','from_month':'2016-01'}");
    RIG_DO(&rig, "set_group", "{'person':'P1','group':'mutual_aid','from':'2020-01-01','source':'a'}");
    EQ_TEXT(replied(&rig)->groups[1]->until, "2020-05-10");
    RIG_DO(&rig, "record_death", "{'person':'P1','on':'2020-03-31'}");
    check_spell(&rig, 1, "2018-01", "2020-03");
    close_enrollment(&rig);
}

TEST(ZZ_Y07_ZZ_Y08_the_employee_relation_ends_for_good) {
    rig_t rig;
    open_city(&rig, ZAOZHUANG);
    add_person(&rig, ZAOZHUANG, 1, "");
    refused(&rig, E_NOT_FOUND, "person", "was not in the employee scheme", "end_relation",
            "{'person':'P1','on':'2020-06-30','reason':'years missing, not made up'}");
    RIG_DO(&rig, "open_spell", "{'person':'P1','identity':'flexible','from_month':'2020-01'}");
    refused(&rig, E_MISSING_FIELD, "reason", "missing", "end_relation", "{'person':'P1','on':'2020-06-30'}");
    RIG_DO(&rig, "end_relation", "{'person':'P1','on':'2020-06-30','reason':'years missing, not made up'}");
    check_spell(&rig, 0, "2020-01", "2020-06");
    EQ_TEXT(replied(&rig)->ended_on, "2020-06-30");
    EQ_TEXT(replied(&rig)->reason, "years missing, not made up");
    check_touched(&rig, "2020-07-01", "");
    const char *rule = policy_rule_text(laws[ZAOZHUANG], "ZZ-Y08");
    OK(*rule);
    refused(&rig, E_OUT_OF_RANGE, "identity", "ZZ-Y08", "open_spell",
            "{'person':'P1','identity':'flexible','from_month':'2020-07'}");
    HAS_TEXT(rig.err.text, rule);
    refused(&rig, E_OUT_OF_RANGE, "identity", rule, "open_spell",
            "{'person':'P1','identity':'retiree','from_month':'2024-01'}");
    refused(&rig, E_EXISTS, "person", "ZZ-Y08", "end_relation", "{'person':'P1','on':'2021-06-30','reason':'again'}");
    RIG_DO(&rig, "open_spell", "{'person':'P1','identity':'resident','from_month':'2021-01'}");
    close_enrollment(&rig);
    open_enrollment(&rig); // a city whose law knows nothing of the kind
    add_person(&rig, JIANGMEN, 1, "");
    EQ(rig_ask(&rig, "end_relation", "{'person':'P1','on':'2020-06-30','reason':'r'}"), E_UNSUPPORTED);
    close_enrollment(&rig);
}

static size_t events_of(rig_t *rig, const char *person) {
    rows_t rows;
    size_t n = 0;
    rig_events(rig, &rows);
    for (size_t i = 0; i < rows.count; i++) n += row_i64(&rows, i, 0) == partition_of(person);
    return n;
}

// P1 has 2018, P2 has 2016 and what came with it.
static void two_numbers(rig_t *rig) {
    open_enrollment(rig);
    add_person(rig, JIANGMEN, 1, "");
    add_person(rig, JIANGMEN, 2, ",'household':'H2'");
    RIG_DO(rig, "open_spell", "{'person':'P1','identity':'resident','from_month':'2018-01'}");
    RIG_DO(rig, "open_spell", "{'person':'P2','identity':'flexible','from_month':'2016-01','prior_months_tier1':20}");
    RIG_DO(rig, "set_group", "{'person':'P1','group':'minimum_living','from':'2018-01-01','source':'a'," RIG_PAPER "}");
    RIG_DO(rig, "set_group", "{'person':'P2','group':'mutual_aid','from':'2016-01-01','source':'b'}");
    RIG_DO(rig, "record_deemed", "{'person':'P2','months':48,'source':'military service','evidence':'A-1'}");
}

#define MERGE_2_INTO_1 "{'from':'P2','into':'P1','reason':'one human being'}"

TEST(two_numbers_of_one_human_being_are_merged) {
    rig_t rig;
    two_numbers(&rig);
    refused(&rig, E_OUT_OF_RANGE, "from", "two spells in 2018-01", "merge_persons", MERGE_2_INTO_1);
    RIG_DO(&rig, "close_spell", "{'person':'P2','last_month':'2017-12'}");
    const size_t events = rig_event_count(&rig);
    RIG_DO(&rig, "merge_persons", MERGE_2_INTO_1);
    EQ(rig_event_count(&rig), events + 2);
    EQ(events_of(&rig, "P1"), 4); // registered, a spell, a group, the merge
    EQ(events_of(&rig, "P2"), 6);
    EQ_TEXT(replied(&rig)->person, "P1");
    check_spell(&rig, 0, "2016-01", "2017-12");
    check_spell(&rig, 1, "2018-01", "");
    EQ(replied(&rig)->spells[0]->prior_months_tier1, 20);
    EQ(replied(&rig)->n_groups, 2);
    EQ(replied(&rig)->n_deemed, 1);
    EQ_TEXT(replied(&rig)->household, "H2");
    check_touched(&rig, "2016-01-01", "");
    RIG_DO(&rig, "get_person", "{'person':'P2'}");
    EQ_TEXT(replied(&rig)->merged_into, "P1");
    EQ(replied(&rig)->n_spells + replied(&rig)->n_groups + replied(&rig)->n_deemed, 0);
    check_touched(&rig, "2016-01-01", "");
    static const refusal_t refusals[] = {
        {"open_spell", "{'person':'P2','identity':'resident','from_month':'2020-01'}", E_NOT_FOUND, "person"},
        {"close_spell", "{'person':'P2','last_month':'2016-10'}", E_NOT_FOUND, "person"},
        {"set_group", "{'person':'P2','group':'mutual_aid','from':'2020-01-01','source':'a'}", E_NOT_FOUND, "person"},
        {"record_death", "{'person':'P2','on':'2020-01-01'}", E_NOT_FOUND, "person"},
        {"merge_persons", MERGE_2_INTO_1, E_NOT_FOUND, "from"},
        {"merge_persons", "{'from':'P1','into':'P2','reason':'r'}", E_NOT_FOUND, "into"},
        {"merge_persons", "{'from':'P1','into':'P1','reason':'r'}", E_INVALID_FIELD, "into"},
        {"merge_persons", "{'from':'P1','into':'P9','reason':'r'}", E_NOT_FOUND, "into"},
        {"merge_persons", "{'into':'P1','reason':'r'}", E_MISSING_FIELD, "from"},
    };
    refuse_all(&rig, refusals, COUNT_OF(refusals));
    close_enrollment(&rig);
}

TEST(histories_that_contradict_are_not_merged) {
    rig_t rig;
    two_numbers(&rig);
    RIG_DO(&rig, "close_spell", "{'person':'P2','last_month':'2017-06'}");
    RIG_DO(&rig, "register_person", "{'person':'P3','citizen_id':'%s','name':'n','division':'440703'}",
           rig_citizen(3, "19800102", true));
    refused(&rig, E_OUT_OF_RANGE, "from", "born on another day", "merge_persons",
            "{'from':'P3','into':'P1','reason':'r'}");
    RIG_DO(&rig, "record_deemed", "{'person':'P1','months':47,'source':'military service','evidence':'A-1'}");
    refused(&rig, E_OUT_OF_RANGE, "from", "deemed months", "merge_persons", MERGE_2_INTO_1);
    RIG_DO(&rig, "record_deemed", "{'person':'P1','months':48,'source':'military service','evidence':'A-1'}");
    RIG_DO(&rig, "set_group", "{'person':'P1','group':'mutual_aid','from':'2017-01-01','source':'b'}");
    refused(&rig, E_OUT_OF_RANGE, "from", "mutual_aid 2017-01-01", "merge_persons", MERGE_2_INTO_1);
    RIG_DO(&rig, "set_group",
           "{'person':'P2','group':'mutual_aid','from':'2016-01-01','until':'2016-12-31','source':'b'}");
    RIG_DO(&rig, "record_death", "{'person':'P2','on':'2017-08-01'}");
    refused(&rig, E_OUT_OF_RANGE, "from", "after the other ended", "merge_persons", MERGE_2_INTO_1);
    RIG_DO(&rig, "record_death", "{'person':'P1','on':'2019-08-01'}");
    refused(&rig, E_OUT_OF_RANGE, "from", "died on", "merge_persons", MERGE_2_INTO_1);
    close_enrollment(&rig);
}

// ---- who may join, as the city says
// ---------------------------------------------------------------------------------------------

#define ELSEWHERE ",'registration':'elsewhere'"

TEST(JM_E_05_JM_E_06_JM_E_07_JM_E_20_where_residents_join) {
    rig_t rig;
    open_enrollment(&rig);
    add_person(&rig, JIANGMEN, 1, ELSEWHERE);
    // Residents join where they are registered, at school, or where the parent is insured; others do not.
    refused(&rig, E_INVALID_FIELD, "identity", "JM-E-05, JM-E-06, JM-E-07", "open_spell",
            "{'person':'P1','identity':'resident','from_month':'2018-01'}");
    HAS_TEXT(rig.err.text, policy_rule_text(laws[JIANGMEN], "JM-E-05"));
    refused(&rig, E_INVALID_FIELD, "circumstances", "registered elsewhere", "open_spell",
            "{'person':'P1','identity':'flexible','from_month':'2018-01','circumstances':['local_registration']}");
    refused(&rig, E_INVALID_FIELD, "circumstances", "expected some of", "open_spell",
            "{'person':'P1','identity':'resident','from_month':'2018-01','circumstances':['sailor']}");
    RIG_DO(&rig, "open_spell",
           "{'person':'P1','identity':'resident','from_month':'2018-01','circumstances':['college_student']}");
    add_person(&rig, JIANGMEN, 2, ELSEWHERE);
    RIG_DO(&rig, "open_spell",
           "{'person':'P2','identity':'resident','from_month':'2018-01',"
           "'circumstances':['preschool_child','parent_insured_here']}");
    // Who works is no resident, whatever else he is.
    add_person(&rig, JIANGMEN, 5, "");
    refused(&rig, E_INVALID_FIELD, "identity", "JM-E-05", "open_spell",
            "{'person':'P5','identity':'resident','from_month':'2018-01','circumstances':['employed']}");
    close_enrollment(&rig);
}

TEST(JM_E_08_JM_E_10_JM_E_11_JM_E_12_JM_E_13_JM_E_21_who_joins_the_employee_scheme) {
    rig_t rig;
    open_enrollment(&rig);
    add_employer(&rig, JIANGMEN, 1, 1);
    add_person(&rig, JIANGMEN, 1, ELSEWHERE);
    refused(&rig, E_INVALID_FIELD, "identity", "JM-E-12", "open_spell",
            "{'person':'P1','identity':'flexible','from_month':'2018-01'}");
    RIG_DO(&rig, "open_spell",
           "{'person':'P1','identity':'employee','employer':'E1','from_month':'2019-01','wage':'5000.00'}");
    add_person(&rig, JIANGMEN, 3, ELSEWHERE);
    RIG_DO(&rig, "open_spell", "{'person':'P3','identity':'sole_trader','from_month':'2018-01'}");
    add_person(&rig, JIANGMEN, 4, "");
    RIG_DO(&rig, "open_spell", "{'person':'P4','identity':'flexible','from_month':'2018-01'}");
    RIG_DO(&rig, "close_spell", "{'person':'P4','last_month':'2018-06'}");
    RIG_DO(&rig, "open_spell", "{'person':'P4','identity':'unemployed','from_month':'2018-07'}");
    RIG_DO(&rig, "close_spell", "{'person':'P4','last_month':'2018-12'}");
    RIG_DO(&rig, "open_spell", "{'person':'P4','identity':'retiree','from_month':'2019-01'}");
    close_enrollment(&rig);
}

TEST(JM_E_28_JM_E_29_JM_E_30_JM_E_31_JM_E_32_JM_E_33_JM_E_34_residents_during_the_year) {
    rig_t rig;
    open_enrollment(&rig);
    const char *const registered[] = {"released", "left_army", "moved_in", "retired_this_year", "lost_work"};
    for (unsigned i = 0; i < COUNT_OF(registered); i++) {
        add_person(&rig, JIANGMEN, 10 + i, "");
        EQ(rig_ask(&rig, "open_spell", "{'person':'P%u','identity':'resident','from_month':'2018-05'}", 10 + i),
           E_INVALID_FIELD);
        EQ_TEXT(rig.err.field, "from_month");
        HAS_TEXT(rig.err.text, "JM-E-29, JM-E-30, JM-E-31, JM-E-32, JM-E-33, JM-E-34");
        RIG_DO(&rig, "open_spell",
               "{'person':'P%u','identity':'resident','from_month':'2018-05','circumstances':['%s']}", 10 + i,
               registered[i]);
    }
    add_person(&rig, JIANGMEN, 1, ELSEWHERE); // JM-E-30
    RIG_DO(&rig, "open_spell",
           "{'person':'P1','identity':'resident','from_month':'2018-09','circumstances':['pupil','new_at_school']}");
    add_person(&rig, JIANGMEN, 2, ""); // JM-E-31, known from the spell before
    RIG_DO(&rig, "open_spell", "{'person':'P2','identity':'flexible','from_month':'2017-07'}");
    RIG_DO(&rig, "close_spell", "{'person':'P2','last_month':'2018-04'}");
    RIG_DO(&rig, "open_spell", "{'person':'P2','identity':'resident','from_month':'2018-05'}");
    add_person(&rig, JIANGMEN, 3, ""); // JM-E-34, in any year
    RIG_DO(&rig, "set_group",
           "{'person':'P3','group':'minimum_living','from':'2017-01-01','source':'a'," RIG_PAPER "}");
    RIG_DO(&rig, "open_spell", "{'person':'P3','identity':'resident','from_month':'2018-05'}");
    RIG_DO(&rig, "register_person", "{'person':'P4','citizen_id':'%s','name':'n','division':'440703'}", // JM-E-29, 35
           rig_citizen(4, "20180510", true));
    refused(&rig, E_OUT_OF_RANGE, "from_month", "born", "open_spell",
            "{'person':'P4','identity':'resident','from_month':'2018-04'}");
    RIG_DO(&rig, "open_spell", "{'person':'P4','identity':'resident','from_month':'2018-05'}");
    RIG_DO(&rig, "register_person", "{'person':'P5','citizen_id':'%s','name':'n','division':'440703'}",
           rig_citizen(5, "20170510", true));
    EQ(rig_ask(&rig, "open_spell", "{'person':'P5','identity':'resident','from_month':'2018-05'}"), E_INVALID_FIELD);
    close_enrollment(&rig);
}

TEST(ZZ_E04_ZZ_E07_ZZ_E10_ZZ_E11_ZZ_E12_one_scheme_at_a_time_by_the_rule) {
    rig_t rig;
    open_city(&rig, ZAOZHUANG);
    add_person(&rig, ZAOZHUANG, 1, "");
    add_employer(&rig, ZAOZHUANG, 1, 1);
    RIG_DO(&rig, "open_spell",
           "{'person':'P1','identity':'employee','employer':'E1','from_month':'2020-01','wage':'5000.00'}");
    refused(&rig, E_INVALID_FIELD, "identity", "ZZ-E12", "open_spell",
            "{'person':'P1','identity':'resident','from_month':'2021-01'}");
    HAS_TEXT(rig.err.text, policy_rule_text(laws[ZAOZHUANG], "ZZ-E12"));
    RIG_DO(&rig, "close_spell", "{'person':'P1','last_month':'2020-12'}");
    RIG_DO(&rig, "open_spell", "{'person':'P1','identity':'resident','from_month':'2021-01'}");
    add_person(&rig, ZAOZHUANG, 2, ELSEWHERE);
    EQ(rig_ask(&rig, "open_spell",
               "{'person':'P2','identity':'flexible','from_month':'2020-01','circumstances':['sole_trader']}"),
       E_INVALID_FIELD);
    RIG_DO(&rig, "open_spell",
           "{'person':'P2','identity':'sole_trader','from_month':'2020-01','circumstances':['sole_trader']}");
    add_person(&rig, ZAOZHUANG, 3, ELSEWHERE);
    refused(&rig, E_INVALID_FIELD, "identity", "ZZ-E07, ZZ-E08, ZZ-E09, ZZ-E10, ZZ-E11", "open_spell",
            "{'person':'P3','identity':'resident','from_month':'2020-01'}");
    RIG_DO(&rig, "open_spell",
           "{'person':'P3','identity':'resident','from_month':'2020-01','circumstances':['residence_permit']}");
    RIG_DO(&rig, "close_spell", "{'person':'P3','last_month':'2020-06'}");
    RIG_DO(&rig, "open_spell", // no rule about joining during the year
           "{'person':'P3','identity':'resident','from_month':'2020-08','circumstances':['accompanying_child']}");
    close_enrollment(&rig);
}

TEST(ZS_E01_ZS_E04_schemes_and_the_place_of_the_employer) {
    rig_t rig;
    open_city(&rig, ZHOUSHAN);
    add_person(&rig, ZHOUSHAN, 1, "");
    add_employer(&rig, ZHOUSHAN, 1, 0);
    add_employer(&rig, ZHOUSHAN, 2, 1);
    refused(&rig, E_OUT_OF_RANGE, "employer", "ZS-E01", "open_spell",
            "{'person':'P1','identity':'employee','employer':'E2','from_month':'2021-02','wage':'5000.00'}");
    RIG_DO(&rig, "open_spell",
           "{'person':'P1','identity':'employee','employer':'E1','from_month':'2021-02','wage':'5000.00'}");
    refused(&rig, E_INVALID_FIELD, "identity", "ZS-E04", "open_spell",
            "{'person':'P1','identity':'resident','from_month':'2022-01'}");
    RIG_DO(&rig, "close_spell", "{'person':'P1','last_month':'2021-12'}");
    RIG_DO(&rig, "open_spell", "{'person':'P1','identity':'retiree','from_month':'2022-01'}"); // of which it is silent
    close_enrollment(&rig);
}

TEST(YC_E03_SM_E01_where_the_scope_is_not_published_nothing_is_asked) {
    rig_t rig;
    for (city_t city = YANCHENG; city <= SANMENXIA; city++) {
        open_city(&rig, city);
        add_person(&rig, city, 1, ELSEWHERE);
        RIG_DO(&rig, "open_spell", "{'person':'P1','identity':'resident','from_month':'2022-05'}");
        close_enrollment(&rig);
    }
    open_city(&rig, ZHOUSHAN); // and before the first day of the rules
    add_person(&rig, ZHOUSHAN, 1, ELSEWHERE);
    RIG_DO(&rig, "open_spell", "{'person':'P1','identity':'resident','from_month':'2020-12'}");
    close_enrollment(&rig);
}

// ---- what was known when
// -----------------------------------------------------------------------------------------------------

static int64_t fake_ms;
static int64_t fake_clock(void) { return fake_ms; }

static void set_clock(rig_t *rig, const char *day, int hour) {
    date_t date = DATE_NONE;
    NEED(date_parse(day, &date) == 0);
    ((enrollment_t *)rig->self)->now_ms = fake_clock;
    fake_ms = ((int64_t)date * 24 + hour - 8) * 3600 * 1000;
}

TEST(as_of_tells_what_was_known_and_what_held) {
    rig_t rig;
    open_enrollment(&rig);
    set_clock(&rig, "2019-03-01", 0);
    add_person(&rig, JIANGMEN, 1, "");
    RIG_DO(&rig, "open_spell", "{'person':'P1','identity':'resident','from_month':'2018-01'}");
    set_clock(&rig, "2019-03-01", 23);
    RIG_DO(&rig, "set_group",
           "{'person':'P1','group':'minimum_living','from':'2018-04-01','source':'a'," RIG_PAPER "}");
    set_clock(&rig, "2019-03-02", 0);
    RIG_DO(&rig, "close_spell", "{'person':'P1','last_month':'2018-06'}");
    set_clock(&rig, "2019-05-05", 12);
    RIG_DO(&rig, "move_person", "{'person':'P1','division':'440705','from':'2018-05-01'}");
    RIG_DO(&rig, "record_death", "{'person':'P1','on':'2018-12-31'}");

    refused(&rig, E_NOT_FOUND, "known_on", "nothing was known", "get_person_as_of",
            "{'person':'P1','known_on':'2019-02-28'}");
    RIG_DO(&rig, "get_person_as_of", "{'person':'P1','known_on':'2019-03-01'}");
    EQ(replied(&rig)->version, 3);
    check_spell(&rig, 0, "2018-01", "");
    EQ(replied(&rig)->n_groups, 1);
    RIG_DO(&rig, "get_person_as_of", "{'person':'P1','known_on':'2019-03-02'}");
    check_spell(&rig, 0, "2018-01", "2018-06");
    RIG_DO(&rig, "get_person_as_of", "{'person':'P1','known_on':'2019-05-04'}");
    EQ(replied(&rig)->version, 4);
    RIG_DO(&rig, "get_person_as_of", "{'person':'P1'}");
    EQ(replied(&rig)->version, 6);
    EQ_TEXT(replied(&rig)->died_on, "2018-12-31");

    RIG_DO(&rig, "get_person_as_of", "{'person':'P1','on':'2018-03-31'}"); // known today
    EQ(replied(&rig)->n_spells, 1);
    EQ(replied(&rig)->n_groups, 0);
    EQ_TEXT(replied(&rig)->division, "440703");
    EQ_TEXT(replied(&rig)->died_on, "");
    RIG_DO(&rig, "get_person_as_of", "{'person':'P1','on':'2018-07-01'}");
    EQ(replied(&rig)->n_spells, 0);
    EQ(replied(&rig)->n_groups, 1);
    EQ_TEXT(replied(&rig)->division, "440705");
    RIG_DO(&rig, "get_person_as_of", "{'person':'P1','known_on':'2019-03-01','on':'2018-07-01'}");
    EQ(replied(&rig)->n_spells, 1);
    static const refusal_t refusals[] = {
        {"get_person_as_of", "{'person':'P9'}", E_NOT_FOUND, "person"},
        {"get_person_as_of", "{'known_on':'2019-03-01'}", E_MISSING_FIELD, "person"},
        {"get_person_as_of", "{'person':'P1','known_on':'2019-02-30'}", E_INVALID_FIELD, "known_on"},
        {"get_person_as_of", "{'person':'P1','on':'x'}", E_INVALID_FIELD, "on"},
    };
    refuse_all(&rig, refusals, COUNT_OF(refusals));
    close_enrollment(&rig);
}

enum { DAYS = 60 };

static void random_change(rig_t *rig) {
    static const char *const identities[] = {"resident", "flexible", "unemployed", "retiree"};
    const int person = 1 + (int)(random() % 2), year = 2018 + (int)(random() % 4), month = 1 + (int)(random() % 12);
    int rc = 0;
    switch (random() % 8) {
    case 0:
        rc = rig_ask(rig, "open_spell", "{'person':'P%d','identity':'%s','from_month':'%d-%02d'}", person,
                     identities[random() % 3 + random() % 2], year, month);
        break;
    case 1: rc = rig_ask(rig, "close_spell", "{'person':'P%d','last_month':'%d-%02d'}", person, year, month); break;
    case 2:
        rc = rig_ask(rig, "set_group", "{'person':'P%d','group':'mutual_aid','from':'%d-%02d-01','source':'a'}", person,
                     year, month);
        break;
    case 3:
        rc = rig_ask(rig, "move_person", "{'person':'P%d','division':'%s','from':'%d-%02d-11'}", person,
                     districts[JIANGMEN][random() % 2], year, month);
        break;
    case 4:
        rc = rig_ask(rig, "record_deemed", "{'person':'P%d','months':%d,'source':'s','evidence':'e'}", person, month);
        break;
    case 5:
        rc = rig_ask(rig, "transfer",
                     "{'person':'P%d','direction':'%s','on':'%d-%02d-11','place':'110101','months_tier1':5}", person,
                     random() % 2 ? "in" : "out", year, month);
        break;
    case 6:
        if (random() % 8 == 0)
            rc = rig_ask(rig, "record_death", "{'person':'P%d','on':'%d-%02d-11'}", person, year, month);
        break;
    default:
        if (random() % 8 == 0) rc = rig_ask(rig, "merge_persons", "{'from':'P2','into':'P1','reason':'r'}");
        break;
    }
    OK(rc != E_INTERNAL && rc != E_STORE && rc != E_RACE);
}

static const char *state_now(rig_t *rig, int person) {
    RIG_DO(rig, "get_person", "{'person':'P%d'}", person);
    return rig_reply(rig);
}

TEST(every_earlier_moment_is_told_as_it_was_told_then) {
    rig_t rig;
    const char *told[DAYS][2];
    char day[DATE_TEXT_MAX];
    const char *given = getenv("SEED");
    const unsigned seed = given ? (unsigned)strtoul(given, NULL, 10) : (unsigned)time(NULL);
    const date_t first = date_make(2024, 1, 15);
    fprintf(stderr, "seed %u\n", seed);
    srandom(seed);
    open_enrollment(&rig);
    set_clock(&rig, "2024-01-14", 9);
    add_person(&rig, JIANGMEN, 1, "");
    add_person(&rig, JIANGMEN, 2, "");
    for (int i = 0; i < DAYS; i++) {
        for (int k = (int)(random() % 4); k > 0; k--) {
            set_clock(&rig, date_format(first + i, day), (int)(random() % 24)); // clocks may go back within the day
            random_change(&rig);
        }
        for (int person = 1; person <= 2; person++) told[i][person - 1] = state_now(&rig, person);
    }
    for (int i = 0; i < DAYS; i++) {
        for (int person = 1; person <= 2; person++) {
            RIG_DO(&rig, "get_person_as_of", "{'person':'P%d','known_on':'%s'}", person, date_format(first + i, day));
            EQ_TEXT(rig_reply(&rig), told[i][person - 1]);
        }
    }
    OK(strcmp(told[0][0], told[DAYS - 1][0]) != 0);
    close_enrollment(&rig);
}

TEST(a_clock_that_is_set_back_does_not_change_the_order_of_what_was_known) {
    rig_t rig;
    rows_t rows;
    open_enrollment(&rig);
    set_clock(&rig, "2019-03-02", 0);
    add_person(&rig, JIANGMEN, 1, "");
    const int64_t first_ms = fake_ms;
    fake_ms -= 3600000;
    RIG_DO(&rig, "open_spell", "{'person':'P1','identity':'resident','from_month':'2018-01'}");
    fake_ms += 3600001;
    RIG_DO(&rig, "close_spell", "{'person':'P1','last_month':'2018-06'}");
    NEED(store_query(rig.ctx.store, "SELECT known_ms FROM person_version ORDER BY version", NULL, 0, rig.ctx.arena,
                     &rows, &rig.err) == E_OK);
    NEED(rows.count == 3);
    EQ(row_i64(&rows, 0, 0), first_ms);
    EQ(row_i64(&rows, 1, 0), first_ms);
    EQ(row_i64(&rows, 2, 0), first_ms + 1);
    refused(&rig, E_NOT_FOUND, "known_on", "nothing was known", "get_person_as_of",
            "{'person':'P1','known_on':'2019-03-01'}");
    close_enrollment(&rig);
}

TEST(states_of_before_versions_were_kept_are_known_by_the_last_event) {
    rig_t rig;
    rows_t rows;
    err_t err = {0};
    rig_open(&rig, &enrollment_service);
    // Back to the first step, with one person and an event of 2020-01-01 00:00 UTC.
    static const char *const undo[] = {"DROP TABLE person_version", "DELETE FROM schema_version WHERE version > 1",
                                       "INSERT INTO person VALUES (1, 'P1', 4, 'id', 'n', 'state')",
                                       "INSERT INTO event VALUES (1, 7, 'person.changed', 1577836800000, 'state')"};
    for (size_t i = 0; i < COUNT_OF(undo); i++) NEED(store_exec(rig.ctx.store, undo[i], NULL, 0, &err) == E_OK);
    NEED(store_migrate(rig.ctx.store, enrollment_migrations, 2, &err) == E_OK);
    NEED(store_query(rig.ctx.store, "SELECT version, known_ms FROM person_version WHERE person = 'P1'", NULL, 0,
                     rig.ctx.arena, &rows, &err) == E_OK);
    EQ(rows.count, 1);
    EQ(row_i64(&rows, 0, 0), 4);
    EQ(row_i64(&rows, 0, 1), 1577836800000);
    rig_close(&rig);
}

TEST(the_ground_is_cleared) {
    for (int city = 0; city < CITY__COUNT; city++) policy_destroy(&laws[city]);
    rig_ground_stop();
}

TESTS("enrollment", CASE(the_ground_is_laid), CASE(a_person_is_registered_and_the_event_keeps_the_secrets),
      CASE(a_key_of_one_district_has_no_say_in_another), CASE(a_person_is_registered_once),
      CASE(bad_registrations_name_the_field), CASE(an_employer_is_registered_once), CASE(spells_follow_one_another),
      CASE(bad_spells_name_the_field), CASE(groups_of_one_kind_do_not_overlap),
      CASE(YC_E04_YC_E05_YC_E06_a_move_within_the_city_breaks_nothing),
      CASE(YC_E07_one_procedure_of_registration_in_every_district), CASE(corrections_of_the_past_fill_gaps_and_shorten),
      CASE(who_resembles_a_registered_person_is_put_aside), CASE(whoever_closes_a_spell_may_name_it),
      CASE(wages_are_declared_within_a_spell_and_corrected), CASE(deemed_months_replace_what_the_same_source_said),
      CASE(a_transfer_in_brings_months_to_the_first_spell_of_the_stay), CASE(death_ends_spells_and_memberships),
      CASE(ZZ_Y07_ZZ_Y08_the_employee_relation_ends_for_good), CASE(two_numbers_of_one_human_being_are_merged),
      CASE(histories_that_contradict_are_not_merged), CASE(JM_E_05_JM_E_06_JM_E_07_JM_E_20_where_residents_join),
      CASE(JM_E_08_JM_E_10_JM_E_11_JM_E_12_JM_E_13_JM_E_21_who_joins_the_employee_scheme),
      CASE(JM_E_28_JM_E_29_JM_E_30_JM_E_31_JM_E_32_JM_E_33_JM_E_34_residents_during_the_year),
      CASE(ZZ_E04_ZZ_E07_ZZ_E10_ZZ_E11_ZZ_E12_one_scheme_at_a_time_by_the_rule),
      CASE(ZS_E01_ZS_E04_schemes_and_the_place_of_the_employer),
      CASE(YC_E03_SM_E01_where_the_scope_is_not_published_nothing_is_asked),
      CASE(as_of_tells_what_was_known_and_what_held), CASE(every_earlier_moment_is_told_as_it_was_told_then),
      CASE(a_clock_that_is_set_back_does_not_change_the_order_of_what_was_known),
      CASE(states_of_before_versions_were_kept_are_known_by_the_last_event), CASE(the_ground_is_cleared))
