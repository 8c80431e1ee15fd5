// The facility register through its handlers.
#include "services/facility/handlers.h"
#include "facility.pb-c.h"
#include "tests/service_rig.h"

#define CODE "H44070300001"

static void open_facility(rig_t *rig) {
    rig_open(rig, &facility_service);
    rig->self = &rig->ctx;
}

static void register_facility(rig_t *rig) {
    RIG_DO(rig, "register_facility",
           "{'facility':'" CODE "','name':'市人民医院','kind':'hospital','level':'3','division':'440703'}");
}

typedef struct refusal {
    const char *method, *json;
    int code;
    const char *field;
} refusal_t;

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

TEST(a_facility_is_registered_once) {
    rig_t rig;
    rows_t events;
    open_facility(&rig);
    register_facility(&rig);
    static const refusal_t refusals[] = {
        {"register_facility", "{'facility':'" CODE "','name':'A','kind':'hospital','level':'3','division':'440703'}",
         E_EXISTS, "facility"},
        {"register_facility",
         "{'facility':'X44070300001','name':'A','kind':'hospital','level':'3','division':'440703'}", E_INVALID_FIELD,
         "facility"},
        {"register_facility", "{'facility':'H44070300002','name':'A','kind':'spa','level':'3','division':'440703'}",
         E_INVALID_FIELD, "kind"},
        {"register_facility", "{'facility':'H44070300002','name':'A','kind':'clinic','level':'4','division':'440703'}",
         E_INVALID_FIELD, "level"},
        {"register_facility", "{'facility':'H44070300002','name':'A','kind':'clinic','division':'440703'}",
         E_MISSING_FIELD, "level"},
        {"register_facility", "{'facility':'H44070300002','kind':'clinic','level':'1','division':'440703'}",
         E_MISSING_FIELD, "name"},
        {"register_facility", "{'facility':'H44070300002','name':'A','kind':'clinic','level':'1','division':'4407'}",
         E_INVALID_FIELD, "division"},
        {"get_facility", "{'facility':'H44070300002'}", E_NOT_FOUND, "facility"},
        {"get_facility", "{}", E_MISSING_FIELD, "facility"},
    };
    refuse_all(&rig, refusals, COUNT_OF(refusals));
    rig_events(&rig, &events);
    EQ(events.count, 1);
    EQ_TEXT(row_text(&events, 0, 2), "facility.changed");
    EQ(row_i64(&events, 0, 0), partition_of(CODE));
    rig_close(&rig);
}

TEST(agreements_stay_in_order_and_apart) {
    rig_t rig;
    open_facility(&rig);
    register_facility(&rig);
#define SIGN(rest) "{'facility':'" CODE "'," rest "}"
    RIG_DO(&rig, "sign_agreement", "%s", SIGN("'agreement':'A-2019','from':'2019-01-01','until':'2019-12-31'"));
    RIG_DO(&rig, "sign_agreement", "%s", SIGN("'agreement':'A-2018','from':'2018-01-01','until':'2018-12-31'"));
    const Tc__FacilityState *state = (const Tc__FacilityState *)rig.reply;
    EQ(state->n_agreements, 2);
    EQ_TEXT(state->agreements[0]->agreement, "A-2018");
    EQ_TEXT(state->agreements[1]->agreement, "A-2019");
    static const refusal_t refusals[] = {
        {"sign_agreement", SIGN("'agreement':'A-2018','from':'2021-01-01','until':'2021-12-31'"), E_EXISTS,
         "agreement"},
        {"sign_agreement", SIGN("'agreement':'B','from':'2018-12-31','until':'2018-12-31'"), E_OUT_OF_RANGE, "from"},
        {"sign_agreement", SIGN("'agreement':'B','from':'2020-02-01','until':'2020-01-31'"), E_OUT_OF_RANGE, "until"},
        {"sign_agreement", SIGN("'agreement':'B','from':'2020-02-01'"), E_MISSING_FIELD, "until"},
        {"sign_agreement", SIGN("'from':'2020-02-01','until':'2020-12-31'"), E_MISSING_FIELD, "agreement"},
        {"sign_agreement", "{'facility':'H44070300009','agreement':'B','from':'2020-01-01','until':'2020-12-31'}",
         E_NOT_FOUND, "facility"},
        {"end_agreement", SIGN("'agreement':'C','last_day':'2018-05-31','reason':'x'"), E_NOT_FOUND, "agreement"},
        {"end_agreement", SIGN("'agreement':'A-2018','last_day':'2019-01-01','reason':'x'"), E_OUT_OF_RANGE,
         "last_day"},
        {"end_agreement", SIGN("'agreement':'A-2018','last_day':'2017-12-31','reason':'x'"), E_OUT_OF_RANGE,
         "last_day"},
        {"end_agreement", SIGN("'agreement':'A-2018','last_day':'2018-05-31'"), E_MISSING_FIELD, "reason"},
    };
    refuse_all(&rig, refusals, COUNT_OF(refusals));
    RIG_DO(&rig, "end_agreement", "%s", SIGN("'agreement':'A-2018','last_day':'2018-05-31','reason':'fraud'"));
    RIG_DO(&rig, "sign_agreement", "%s", SIGN("'agreement':'B-2018','from':'2018-06-01','until':'2018-12-31'"));
    RIG_DO(&rig, "get_facility", "{'facility':'" CODE "'}");
    state = (const Tc__FacilityState *)rig.reply;
    EQ(state->version, 5);
    EQ(state->n_agreements, 3);
    EQ_TEXT(state->agreements[0]->until, "2018-05-31");
    EQ_TEXT(state->agreements[0]->ended, "fraud");
    EQ_TEXT(state->agreements[1]->agreement, "B-2018");
#undef SIGN
    rig_close(&rig);
}

TEST(the_ground_is_cleared) { rig_ground_stop(); }

TESTS("facility", CASE(the_ground_is_laid), CASE(a_facility_is_registered_once),
      CASE(agreements_stay_in_order_and_apart), CASE(the_ground_is_cleared))
