// Who may be registered under which identity, as enrolment asks it; and properties over every set of circumstances.
#include "services/enrollment/scope.h"
#include "tests/check.h"
#include <time.h>

#define IS(name) (1u << CIRCUMSTANCE_##name)

static const char *const cities[] = {"jiangmen", "zaozhuang", "zhoushan", "sanmenxia", "yancheng"};

static const policy_t *law(int city) {
    static policy_t *policies[COUNT_OF(cities)];
    char path[512];
    err_t err = {0};
    snprintf(path, sizeof path, TC_SOURCE_DIR "/config/cities/%s.yaml", cities[city]);
    if (!policies[city] && policy_load(&policies[city], path, NULL, &err)) fprintf(stderr, "%s\n", err.text);
    NEED(policies[city] != NULL);
    return policies[city];
}

static const date_t on = 18500; // 2020-08-26

static int admit(int city, uint32_t circumstances, identity_t identity, scope_choice_t *out, err_t *err) {
    const scope_person_t person = {.circumstances = circumstances, .birth = DATE_NONE};
    return scope_admit(law(city), &person, identity, city == 2 ? on + 365 : on, out, err);
}

TEST(JM_E_05_to_13_registration_under_an_identity) {
    scope_choice_t choice;
    err_t err = {0};
    EQ(admit(0, IS(EMPLOYED), IDENTITY_EMPLOYEE, &choice, &err), E_OK);
    OK(choice.must);
    EQ_TEXT(choice.rule, "JM-E-08");
    EQ(choice.tiers, 3);
    EQ(admit(0, IS(EMPLOYED) | IS(LOCAL_REGISTRATION), IDENTITY_RESIDENT, &choice, &err), E_INVALID_FIELD);
    EQ_TEXT(err.field, "identity");
    EQ(admit(0, IS(LOCAL_REGISTRATION), IDENTITY_RESIDENT, &choice, &err), E_OK);
    EQ(choice.tiers, 1);
    EQ(admit(0, IS(FLEXIBLE), IDENTITY_FLEXIBLE, NULL, &err), E_INVALID_FIELD);
    EQ(admit(0, IS(FLEXIBLE) | IS(LOCAL_REGISTRATION), IDENTITY_FLEXIBLE, NULL, &err), E_OK);
}

TEST(ZZ_E12_an_excluded_choice_names_its_rule) {
    err_t err = {0};
    EQ(admit(1, IS(EMPLOYED) | IS(LOCAL_REGISTRATION), IDENTITY_RESIDENT, NULL, &err), E_INVALID_FIELD);
    HAS_TEXT(err.text, "ZZ-E12");
}

TEST(YC_E03_SM_E01_a_scope_that_is_not_published_admits_nobody) {
    err_t err = {0};
    EQ(admit(4, IS(EMPLOYED), IDENTITY_EMPLOYEE, NULL, &err), E_PARAMETER_MISSING);
    EQ_TEXT(err.field, "enrollment_scope");
    const scope_person_t person = {.circumstances = IS(EMPLOYED), .birth = DATE_NONE};
    EQ(scope_admit(law(3), &person, IDENTITY_EMPLOYEE, on, NULL, &err), E_NOT_IN_FORCE);
    EQ(scope_admit(law(3), &person, IDENTITY_EMPLOYEE, on + 365, NULL, &err), E_PARAMETER_MISSING);
}

// Whatever is known of a person: must comes from the employee scheme only; where the law keeps the schemes apart
// (ZZ-E12, ZS-E04) nobody who must join the one has the other open; every choice admits its identity; tiers are those
// of the identity; rules are the city's.
static void check_person(int city, const scope_person_t *p) {
    scope_result_t r;
    err_t err = {0};
    const date_t day = city == 2 ? on + 365 : on;
    bool must = false, resident = false;
    NEED(scope_decide(law(city), p, day, &r, &err) == E_OK);
    for (int i = 0; i < r.choice_count; i++) {
        const scope_choice_t *c = &r.choices[i];
        OK(*policy_rule_source(law(city), c->rule));
        OK(policy_has_identity(law(city), c->identity));
        EQ(c->tiers, city ? 0 : c->identity == IDENTITY_RESIDENT ? 1 : 3);
        must |= c->must;
        resident |= c->scheme == SCHEME_RESIDENT && !c->excluded_by;
        OK(!c->must || (c->scheme == SCHEME_EMPLOYEE && !c->excluded_by));
        EQ(scope_admit(law(city), p, c->identity, day, NULL, &err), c->excluded_by ? E_INVALID_FIELD : E_OK);
    }
    if (city) OK(!(must && resident));
    OK(resident || !r.mid_year_count);
}

TEST(any_set_of_circumstances) {
    unsigned seed = (unsigned)time(NULL);
    printf("seed %u ", seed);
    srandom(seed);
    for (int i = 0; i < 20000; i++) {
        scope_person_t p = {.birth = random() % 3 ? DATE_NONE : on - (date_t)(random() % 20000)};
        for (int bit = 0; bit < CIRCUMSTANCE__COUNT; bit++) p.circumstances |= (uint32_t)(random() % 5 == 0) << bit;
        p.groups = (uint32_t)random() & ((1u << GROUP__COUNT) - 1);
        for (int city = 0; city < 3; city++) check_person(city, &p);
    }
}

TESTS("scope", CASE(JM_E_05_to_13_registration_under_an_identity), CASE(ZZ_E12_an_excluded_choice_names_its_rule),
      CASE(YC_E03_SM_E01_a_scope_that_is_not_published_admits_nobody), CASE(any_set_of_circumstances))
