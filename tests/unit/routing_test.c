// Which agency a facility belongs to, under Yancheng's policy: every kind, level and division by the words of the law.
#include "services/facility/routing.h"
#include "tests/check.h"

static const policy_t *law(const char *city) {
    static policy_t *policies[2];
    policy_t **policy = &policies[strcmp(city, "yancheng") == 0];
    char path[512];
    err_t err = {0};
    snprintf(path, sizeof path, TC_SOURCE_DIR "/config/cities/%s.yaml", city);
    if (!*policy && policy_load(policy, path, NULL, &err)) fprintf(stderr, "%s\n", err.text);
    NEED(*policy != NULL);
    return *policy;
}

static const char *const divisions[] = {"320902", "320903", "320904", "320921", "320922",
                                        "320923", "320924", "320925", "320981"};

TEST(YC_D12_to_D20_every_kind_level_and_place) {
    for (int kind = 0; kind < FACILITY_KIND__COUNT; kind++)
        for (int level = kind == FACILITY_KIND_HOSPITAL ? 0 : -1; level < LEVEL__COUNT; level++)
            for (size_t d = 0; d < COUNT_OF(divisions); d++) {
                const routing_facility_t facility = {"H1", divisions[d], (facility_kind_t)kind, level};
                const bool urban = d < 2; // 亭湖区, 盐都区
                const bool city = kind == FACILITY_KIND_HOSPITAL && level == LEVEL_3 && urban;
                routed_t routed[ROUTING_STEP__COUNT];
                err_t err = {0};
                EQ(routing_decide(law("yancheng"), &facility, routed, &err), E_OK);
                for (int step = 0; step < ROUTING_FILE; step++) EQ_TEXT(routed[step].by, city ? "city" : divisions[d]);
                EQ_TEXT(routed[ROUTING_FILE].by, "city");
                EQ_TEXT(routed[ROUTING_ACCEPT].rule, city ? "YC-D12" : "YC-D13");
                EQ_TEXT(routed[ROUTING_SIGN].rule, city ? "YC-D16" : "YC-D19");
                EQ_TEXT(routed[ROUTING_SUPERVISE].rule, city ? "YC-D17" : "YC-D20");
            }
}

TEST(YC_D18_an_exception_goes_by_the_facilitys_code) {
    routing_facility_t facility = {"H32090300003", "320903", FACILITY_KIND_HOSPITAL, LEVEL_3};
    routed_t routed[ROUTING_STEP__COUNT];
    err_t err = {0};
    EQ(routing_decide(law("yancheng"), &facility, routed, &err), E_OK);
    EQ_TEXT(routed[ROUTING_ACCEPT].by, "city");
    EQ_TEXT(routed[ROUTING_SIGN].by, "320903");
    EQ_TEXT(routed[ROUTING_SUPERVISE].by, "320903");
    EQ_TEXT(routed[ROUTING_SETTLE].by, "320903");
    EQ_TEXT(routed[ROUTING_FILE].by, "city");
    EQ_TEXT(routed[ROUTING_SIGN].rule, "YC-D18");
    facility.code = NULL; // not known: nobody is taken for No. 3 Hospital
    EQ(routing_decide(law("yancheng"), &facility, routed, &err), E_OK);
    EQ_TEXT(routed[ROUTING_SIGN].by, "city");
}

TEST(what_is_refused) {
    routing_facility_t facility = {"H1", "320902", FACILITY_KIND_HOSPITAL, -1};
    routed_t routed[ROUTING_STEP__COUNT];
    err_t err = {0};
    EQ(routing_decide(law("yancheng"), &facility, routed, &err), E_MISSING_FIELD);
    EQ_TEXT(err.field, "facility.level");
    facility.level = LEVEL_2;
    facility.division = "320900";
    EQ(routing_decide(law("yancheng"), &facility, routed, &err), E_INVALID_FIELD);
    EQ_TEXT(err.field, "facility.division");
    EQ(routing_decide(law("jiangmen"), &facility, routed, &err), E_UNSUPPORTED);
}

TESTS("routing", CASE(YC_D12_to_D20_every_kind_level_and_place), CASE(YC_D18_an_exception_goes_by_the_facilitys_code),
      CASE(what_is_refused))
