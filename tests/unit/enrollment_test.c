// Enrolment through its handlers: what is registered, what is refused and by which field, and what the events say.
#include "services/enrollment/handlers.h"
#include "enrollment.pb-c.h"
#include "services/enrollment/store.h"
#include "tests/service_rig.h"

static policy_t *law;

static void open_enrollment(rig_t *rig) {
    err_t err = {0};
    if (!law && policy_load(&law, TC_SOURCE_DIR "/config/cities/jiangmen.yaml", NULL, &err))
        fprintf(stderr, "%s\n", err.text);
    NEED(law != NULL);
    rig_open(rig, &enrollment_service);
    rig->self = enrollment_new(&rig->ctx, law);
    NEED(rig->self != NULL);
}

static void close_enrollment(rig_t *rig) {
    enrollment_t *e = rig->self;
    enrollment_destroy(&e);
    rig_close(rig);
}

static void register_person(rig_t *rig, const char *person, const char *citizen) {
    RIG_DO(rig, "register_person", "{'person':'%s','citizen_id':'%s','name':'张三','division':'440703'}", person,
           citizen);
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
#define GROUP(rest) "{'person':'P1','group':'minimum_living'," rest "}"
    RIG_DO(&rig, "set_group", "%s", GROUP("'from':'2018-01-01','until':'2018-12-31','source':'civil affairs'"));
    RIG_DO(&rig, "set_group", "%s", GROUP("'from':'2019-03-01','source':'civil affairs'"));
    RIG_DO(&rig, "set_group",
           "{'person':'P1','group':'severely_disabled','from':'2018-06-01','source':'disabled federation'}");
    static const refusal_t refusals[] = {
        {"set_group", GROUP("'from':'2018-12-31','until':'2019-01-31','source':'x'"), E_OUT_OF_RANGE, "from"},
        {"set_group", GROUP("'from':'2020-01-01','source':'x'"), E_OUT_OF_RANGE, "from"},
        {"set_group", GROUP("'from':'2019-03-01','until':'2019-05-31','source':'another'"), E_OUT_OF_RANGE, "from"},
        {"set_group", GROUP("'from':'2017-03-01','until':'2017-02-01','source':'x'"), E_OUT_OF_RANGE, "until"},
        {"set_group", GROUP("'from':'2017-02-30','source':'x'"), E_INVALID_FIELD, "from"},
        {"set_group", GROUP("'from':'2017-02-01','until':'2017-02-28'"), E_MISSING_FIELD, "source"},
        {"set_group", "{'person':'P1','group':'nobility','from':'2018-01-01','source':'x'}", E_INVALID_FIELD, "group"},
        {"set_group", "{'person':'P9','group':'minimum_living','from':'2018-01-01','source':'x'}", E_NOT_FOUND,
         "person"},
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

TEST(the_ground_is_cleared) {
    policy_destroy(&law);
    rig_ground_stop();
}

TESTS("enrollment", CASE(the_ground_is_laid), CASE(a_person_is_registered_and_the_event_keeps_the_secrets),
      CASE(a_person_is_registered_once), CASE(bad_registrations_name_the_field), CASE(an_employer_is_registered_once),
      CASE(spells_follow_one_another), CASE(bad_spells_name_the_field), CASE(groups_of_one_kind_do_not_overlap),
      CASE(the_ground_is_cleared))
