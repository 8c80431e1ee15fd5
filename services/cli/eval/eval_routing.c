// Kind `routing`: which agency accepts, signs with, supervises, settles and files a facility.
#include "kind.h"
#include "services/facility/routing.h"

static const field_t fields[] = {
    {"facility", FIELD_OBJECT, NULL, "", NULL, NULL, false, NULL},
    {"facility.code", FIELD_TEXT, NULL, "national code; facilities that the law names go their own way", NULL, NULL,
     false, NULL},
    {"facility.kind", FIELD_WORD, NULL, "", NULL, facility_kind_names, false, NULL},
    {"facility.level", FIELD_WORD, "", "required for hospitals", NULL, level_names, false, NULL},
    {"facility.division", FIELD_TEXT, NULL, "county or district where it stands", NULL, NULL, false, NULL},
};

static const char *const answers[ROUTING_STEP__COUNT] = {
#define X(code, name, answer) [code] = answer,
    ROUTING_STEP_TABLE(X)
#undef X
};

static int required(const eval_case_t *c) {
    const json_t *facility = json_object_get(c->node, "facility");
    if (case_word(c, "facility.kind", facility_kind_from_name) != FACILITY_KIND_HOSPITAL) return E_OK;
    if (json_object_get(facility, "level")) return E_OK;
    return case_fail(c, E_MISSING_FIELD, "facility.level", "facility.level is missing: a hospital has one");
}

static int run(const eval_case_t *c, json_t *answer) {
    const routing_facility_t facility = {
        .code = case_text(c, "facility.code"),
        .division = case_text(c, "facility.division"),
        .kind = (facility_kind_t)case_word(c, "facility.kind", facility_kind_from_name),
        .level = case_word(c, "facility.level", level_from_name),
    };
    routed_t routed[ROUTING_STEP__COUNT];
    int rc = routing_decide(c->eval->policy, &facility, routed, c->err);
    for (int step = 0; step < ROUTING_STEP__COUNT && !rc; step++) answer_text(answer, answers[step], routed[step].by);
    return rc;
}

const eval_kind_t kind_routing = {
    .name = "routing",
    .says = "Which agency accepts, signs with, supervises, settles and files a facility: `city`, or the code of a "
            "county or "
            "district. A division that is not the city's is `INVALID_FIELD`.",
    .fields = fields,
    .field_count = COUNT_OF(fields),
    .run = run,
    .required = required,
    .example =
        "{\"id\":\"o1\",\"facility\":{\"code\":\"H32090200011\",\"kind\":\"hospital\",\"level\":\"3\",\"division\":"
        "\"320902\"}}",
    .answer = "{\"id\":\"o1\",\"accepted_by\":\"city\",\"signed_by\":\"city\",\"supervised_by\":\"city\",\"settled_"
              "by\":\"city\","
              "\"filed_with\":\"city\"}",
};
