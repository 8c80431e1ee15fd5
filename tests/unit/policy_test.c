// The policy: Jiangmen's file means what its readers rely on; overlays are merged as promised; each kind of mistake is
// refused with its place; the packed form gives the same policy, and damaged bytes give none.
#include "common/policy/policy.h"
#include "services/adjudication/benefit.h"
#include "tests/check.h"
#include <dirent.h>

#define CITY TC_SOURCE_DIR "/config/cities/jiangmen.yaml"
#define SAMPLE(name) TC_SOURCE_DIR "/config/samples/" name ".yaml"
#define BAD TC_SOURCE_DIR "/tests/data/policy-bad"

static policy_t *load(const char *overlay) {
    const char *overlays[] = {overlay, NULL};
    policy_t *policy;
    err_t err = {0};
    int rc = policy_load(&policy, CITY, overlays, &err);
    if (rc) fprintf(stderr, "%s\n", err.text);
    NEED(rc == E_OK);
    return policy;
}

// ---- Jiangmen
// ---------------------------------------------------------------------------------------------------------

TEST(jiangmen_names) {
    policy_t *p = load(NULL);
    EQ_TEXT(policy_city(p), "jiangmen");
    EQ_TEXT(policy_status(p), "seed");
    for (int i = 0; i < IDENTITY__COUNT; i++) OK(policy_has_identity(p, (identity_t)i));
    EQ_TEXT(policy_division_name(p, "440703"), "蓬江区");
    EQ_TEXT(policy_division_name(p, "440785"), "恩平市");
    OK(policy_has_division(p, "440781") && !policy_has_division(p, "440100"));
    OK(!policy_division_name(p, "440100"));
    policy_destroy(&p);
    policy_destroy(&p);
}

TEST(jiangmen_layers_and_totals) {
    policy_t *p = load(NULL);
    static const char *const layers[][2] = {{"tier1", "basic"}, {"tier2", "basic"}, {"catastrophic", "catastrophic"}};
    EQ(policy_layer_count(p), 3);
    for (int i = 0; i < 3; i++) {
        EQ_TEXT(policy_layer_name(p, i), layers[i][0]);
        EQ_TEXT(policy_layer_fund(p, i), layers[i][1]);
    }
    static const char *const totals[] = {"tier1_paid",
                                         "tier2_paid",
                                         "tier2_base",
                                         "catastrophic_paid",
                                         "catastrophic_base",
                                         "outpatient_tier1_paid",
                                         "outpatient_primary_paid",
                                         "outpatient_other_paid"};
    EQ(policy_total_count(p), COUNT_OF(totals));
    for (int i = 0; i < (int)COUNT_OF(totals); i++) {
        EQ_TEXT(policy_total_name(p, i), totals[i]);
        EQ(policy_total_from_name(p, totals[i]), i);
    }
    EQ(policy_total_from_name(p, "nothing"), -1);
    policy_destroy(&p);
}

TEST(jiangmen_coverage) {
    policy_t *p = load(NULL);
    const policy_coverage_t *c = policy_coverage(p);
    const uint32_t resident = 1u << IDENTITY_RESIDENT;
    EQ(c->lag_months, 1);   // JM-E-23
    EQ(c->grace_months, 3); // JM-G-11
    for (int i = 0; i < IDENTITY__COUNT; i++)
        EQ(c->wait_months[i], i == IDENTITY_FLEXIBLE || i == IDENTITY_SOLE_TRADER ? 3 : 0); // JM-E-25
    EQ(c->yearly, resident);
    EQ(c->from_application, 1u << IDENTITY_UNEMPLOYED);      // JM-E-24
    EQ(c->tier2, ((1u << IDENTITY__COUNT) - 1) & ~resident); // JM-E-15..19
    EQ(c->lifelong, 1u << IDENTITY_RETIREE);                 // JM-Y-06
    OK(!c->wait_every_entry);
    policy_destroy(&p);
    p = load(SAMPLE("test-wait-every-entry")); // AMB-29
    OK(policy_coverage(p)->wait_every_entry);
    policy_destroy(&p);
}

TEST(jiangmen_explains_in_two_languages) {
    policy_t *p = load(NULL);
    EQ_TEXT(policy_rule_source(p, "JM-B-11"), "二(四)1(1)");
    HAS_TEXT(policy_rule_text(p, "JM-B-11"), "level 3");
    HAS_TEXT(policy_rule_text_zh(p, "JM-B-11"), "三级");
    EQ_TEXT(policy_rule_source(p, "JM-X-99"), "");
    EQ_TEXT(policy_rule_text(p, "JM-X-99"), "");
    policy_destroy(&p);
}

TEST(the_illustrative_values_are_labelled) {
    policy_t *p = load(SAMPLE("jiangmen-illustrative"));
    const char *status;
    EQ(policy_overlay_count(p), 1);
    EQ_TEXT(policy_overlay(p, 0, &status), "jiangmen-illustrative");
    EQ_TEXT(status, "synthetic");
    int64_t value;
    err_t err = {0};
    EQ(policy_parameter(p, "catastrophic_threshold", date_make(2020, 6, 1), &value, &err), E_OK);
    EQ(value, 2500000);
    EQ(policy_parameter(p, "account_rate_2016_middle", date_make(2018, 1, 1), &value, &err), E_OK);
    EQ(value, 24000);
    policy_destroy(&p);
}

TEST(every_choice_of_every_option_loads) {
    static const char *const choices[][3] = {{"layer_order", "tier2_first", "catastrophic_first"},
                                             {"unfiled_residual_counts", "true", "false"},
                                             {"flexible_wait", "first_or_interrupted", "every_entry"}};
    policy_t *p = load(NULL);
    for (size_t i = 0; i < COUNT_OF(choices); i++) EQ_TEXT(policy_option(p, choices[i][0]), choices[i][1]);
    OK(!policy_option(p, "mood"));
    policy_destroy(&p);
    static const char *const files[] = {SAMPLE("test-catastrophic-first"), SAMPLE("test-residual-not-counted"),
                                        SAMPLE("test-wait-every-entry")};
    for (size_t i = 0; i < COUNT_OF(choices); i++) {
        p = load(files[i]);
        EQ_TEXT(policy_option(p, choices[i][0]), choices[i][2]);
        policy_destroy(&p);
    }
}

// ---- overlays
// ---------------------------------------------------------------------------------------------------------

static char city_text[256 * 1024];
static size_t city_bytes;

static int parse(policy_t **out, const char *overlay, const char *second, err_t *err) {
    if (!city_bytes) {
        FILE *file = fopen(CITY, "rb");
        NEED(file != NULL);
        city_bytes = fread(city_text, 1, sizeof city_text, file);
        fclose(file);
    }
    policy_text_t texts[3] = {{"jiangmen.yaml", city_text, city_bytes}};
    size_t count = 1;
    if (overlay) texts[count++] = (policy_text_t){"a.yaml", overlay, strlen(overlay)};
    if (second) texts[count++] = (policy_text_t){"b.yaml", second, strlen(second)};
    return policy_parse(out, texts, count, err);
}

// The threshold on a day in yuan, −1 when it is missing.
static int64_t threshold(const policy_t *p, int year, int month, int day) {
    int64_t value;
    err_t err = {0};
    int rc = policy_parameter(p, "catastrophic_threshold", date_make(year, month, day), &value, &err);
    OK(rc == E_OK || (rc == E_PARAMETER_MISSING && strcmp(err.field, "catastrophic_threshold") == 0));
    return rc ? -1 : value / 100;
}

#define HEAD "overlay: x\nstatus: synthetic\nparameters:\n  catastrophic_threshold:\n"

TEST(overlays_are_merged_by_from) {
    policy_t *p;
    err_t err = {0};
    NEED(parse(&p,
               HEAD
               "    - {from: 2018-01-01, value: 200, source: s}\n    - {from: 2019-07-01, value: 300.5, source: s}\n",
               HEAD "    - {from: 2018-01-01, value: 210.00, source: s}\n", &err) == E_OK);
    EQ(threshold(p, 2017, 12, 31), 10000); // the city's own
    EQ(threshold(p, 2018, 1, 1), 210);     // the same from replaces, the later file wins
    EQ(threshold(p, 2019, 6, 30), 210);    // to the day before the next entry
    EQ(threshold(p, 2019, 7, 1), 300);
    EQ(threshold(p, 2030, 1, 1), 300);
    policy_destroy(&p);
}

TEST(a_value_ends_with_its_to) {
    policy_t *p;
    err_t err = {0};
    NEED(parse(&p, HEAD "    - {from: 2019-01-01, to: 2019-12-31, value: 200.00, source: s}\n", NULL, &err) == E_OK);
    EQ(threshold(p, 2018, 12, 31), -1);
    EQ(threshold(p, 2019, 12, 31), 200);
    EQ(threshold(p, 2020, 1, 1), -1); // not filled from its neighbours
    policy_destroy(&p);
}

TEST(an_entry_may_cut_into_the_citys) {
    policy_t *p;
    err_t err = {0};
    NEED(parse(&p, HEAD "    - {from: 2017-05-01, value: 5.00, source: s}\n", NULL, &err) == E_OK);
    EQ(threshold(p, 2017, 4, 30), 10000);
    EQ(threshold(p, 2017, 12, 31), 5);
    EQ(threshold(p, 2018, 1, 1), -1); // the city's next entry goes on
    policy_destroy(&p);
}

TEST(a_value_dated_by_its_year_holds_for_that_year) {
    policy_t *p = load(SAMPLE("test-worked-examples"));
    int64_t value;
    err_t err = {0};
    EQ(policy_parameter(p, "resident_disposable_income", date_make(2018, 12, 31), &value, &err), E_OK);
    EQ(value, 2800000);
    EQ(policy_parameter(p, "resident_disposable_income", date_make(2019, 1, 1), &value, &err), E_PARAMETER_MISSING);
    EQ(policy_parameter(p, "no_such_thing", date_make(2019, 1, 1), &value, &err), E_UNSUPPORTED);
    policy_destroy(&p);
}

// ---- mistakes
// ---------------------------------------------------------------------------------------------------------

static void expect_complaint(const char *name) {
    char path[512], first[512], city[512];
    snprintf(path, sizeof path, "%s/%s", BAD, name);
    FILE *file = fopen(path, "r");
    NEED(file && fgets(first, sizeof first, file));
    fclose(file);
    first[strcspn(first, "\n")] = 0;
    static const char mark[] = "# expect: ";
    NEED(strncmp(first, mark, sizeof mark - 1) == 0);
    bool overlay = strncmp(name, "overlay-", 8) == 0;
    snprintf(city, sizeof city, "%s/%s", BAD, overlay ? "sound.yaml" : name);
    const char *overlays[] = {overlay ? path : NULL, NULL};
    policy_t *policy = NULL;
    err_t err = {0};
    int rc = policy_load(&policy, city, overlays, &err);
    if (strcmp(name, "sound.yaml") == 0) {
        EQ(rc, E_OK);
    } else {
        EQ(rc, E_POLICY);
        OK(policy == NULL);
        HAS_TEXT(err.text, first + sizeof mark - 1);
    }
    policy_destroy(&policy);
}

TEST(each_kind_of_mistake_is_refused_with_its_place) {
    DIR *dir = opendir(BAD);
    NEED(dir != NULL);
    int count = 0;
    for (struct dirent *entry; (entry = readdir(dir));) {
        if (entry->d_name[0] == '.') continue;
        expect_complaint(entry->d_name);
        count++;
    }
    closedir(dir);
    OK(count > 80);
}

TEST(a_file_that_is_not_there) {
    policy_t *p = NULL;
    err_t err = {0};
    EQ(policy_load(&p, TC_SOURCE_DIR "/config/cities/atlantis.yaml", NULL, &err), E_IO);
    HAS_TEXT(err.text, "atlantis.yaml");
    OK(p == NULL);
}

// ---- the packed form
// --------------------------------------------------------------------------------------------------

static benefit_bill_t some_bill(uint64_t *seed) {
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    uint64_t r = *seed >> 20;
    benefit_bill_t b = {.identity = (identity_t)(r % IDENTITY__COUNT),
                        .covered = r % 17 != 0,
                        .groups = (r >> 4) % 3 ? 0 : (uint32_t)((r >> 6) % (1u << GROUP__COUNT)),
                        .months_tier1 = (int32_t)((r >> 9) % 40),
                        .months_tier2 = (int32_t)((r >> 10) % 40),
                        .level = (level_t)((r >> 12) % LEVEL__COUNT),
                        .designated = (r >> 14) % 4 != 0,
                        .visit = VISIT_INPATIENT,
                        .from = date_make(2019, 5, 1),
                        .to = date_make(2019, 5, 9),
                        .childbirth = (r >> 16) % 8 == 0,
                        .total = (fen_t)((r >> 18) % 90000000)};
    b.in_scope = b.total - b.total / 10;
    return b;
}

TEST(the_packed_form_gives_the_same_answers_and_hash) {
    policy_t *p = load(SAMPLE("jiangmen-illustrative")), *q;
    err_t err = {0};
    size_t bytes, again;
    const void *packed = policy_packed(p, &bytes);
    NEED(policy_unpack(&q, packed, bytes, &err) == E_OK);
    EQ_TEXT(policy_hash(q), policy_hash(p));
    OK(policy_packed(q, &again) != packed && again == bytes);
    EQ_TEXT(policy_rule_text_zh(q, "JM-B-11"), policy_rule_text_zh(p, "JM-B-11"));
    OK(memcmp(policy_coverage(p), policy_coverage(q), sizeof *policy_coverage(p)) == 0);
    uint64_t seed = 7;
    for (int i = 0; i < 5000; i++) {
        benefit_bill_t bill = some_bill(&seed);
        benefit_result_t a = {0}, b = {0};
        NEED(benefit_eval(p, &bill, NULL, true, &a, &err) == E_OK &&
             benefit_eval(q, &bill, NULL, true, &b, &err) == E_OK);
        NEED(a.step_count == b.step_count && a.person == b.person && memcmp(&a.after, &b.after, sizeof a.after) == 0);
        for (int k = 0; k < a.step_count; k++)
            NEED(a.steps[k].amount == b.steps[k].amount && strcmp(a.steps[k].rule, b.steps[k].rule) == 0);
    }
    policy_destroy(&p);
    OK(*policy_rule_text(q, "JM-B-11") != 0); // owns all it says
    policy_destroy(&q);
}

TEST(the_hash_names_the_content) {
    policy_t *a = load(NULL), *b = load(NULL), *c = load(SAMPLE("jiangmen-illustrative")),
             *d = load(SAMPLE("test-catastrophic-first"));
    EQ(strlen(policy_hash(a)), 64);
    EQ_TEXT(policy_hash(a), policy_hash(b));
    OK(strcmp(policy_hash(a), policy_hash(c)) != 0 && strcmp(policy_hash(a), policy_hash(d)) != 0);
    policy_destroy(&a);
    policy_destroy(&b);
    policy_destroy(&c);
    policy_destroy(&d);
}

// Bytes damaged: refused, or at least a policy of another hash that can be asked without harm. Cut short: refused.
TEST(damaged_bytes_do_no_harm) {
    policy_t *p = load(SAMPLE("jiangmen-illustrative")), *q;
    size_t bytes;
    const uint8_t *packed = policy_packed(p, &bytes);
    uint8_t *copy = malloc(bytes + 1);
    NEED(copy != NULL);
    err_t err;
    uint64_t seed = 3;
    int refused = 0;
    for (size_t i = 0; i < bytes; i += 11) {
        memcpy(copy, packed, bytes);
        copy[i] ^= (uint8_t)(1u << (i % 8));
        if (policy_unpack(&q, copy, bytes, &err)) {
            refused++;
            EQ(err.code, E_POLICY);
            continue;
        }
        OK(strcmp(policy_hash(q), policy_hash(p)) != 0);
        benefit_bill_t bill = some_bill(&seed);
        benefit_result_t r;
        if (benefit_eval(q, &bill, NULL, true, &r, &err) == E_OK) EQ(r.fund + r.person, bill.total);
        policy_destroy(&q);
    }
    OK(refused > 200);
    for (size_t n = 0; n < bytes; n += 41) OK(policy_unpack(&q, packed, n, &err) != E_OK && q == NULL);
    memcpy(copy, packed, bytes);
    copy[bytes] = 0; // a stray byte behind
    EQ(policy_unpack(&q, copy, bytes + 1, &err), E_POLICY);
    free(copy);
    policy_destroy(&p);
}

TEST(an_unknown_field_is_refused) {
    policy_t *p = load(NULL), *q;
    size_t bytes;
    const void *packed = policy_packed(p, &bytes);
    uint8_t *copy = malloc(bytes + 3);
    NEED(copy != NULL);
    memcpy(copy, packed, bytes);
    memcpy(copy + bytes, "\xf8\x07\x01", 3); // field 127, varint 1
    err_t err = {0};
    EQ(policy_unpack(&q, copy, bytes + 3, &err), E_POLICY);
    HAS_TEXT(err.text, "damaged");
    free(copy);
    policy_destroy(&p);
}

TESTS("policy", CASE(jiangmen_names), CASE(jiangmen_layers_and_totals), CASE(jiangmen_coverage),
      CASE(jiangmen_explains_in_two_languages), CASE(the_illustrative_values_are_labelled),
      CASE(every_choice_of_every_option_loads), CASE(overlays_are_merged_by_from), CASE(a_value_ends_with_its_to),
      CASE(an_entry_may_cut_into_the_citys), CASE(a_value_dated_by_its_year_holds_for_that_year),
      CASE(each_kind_of_mistake_is_refused_with_its_place), CASE(a_file_that_is_not_there),
      CASE(the_packed_form_gives_the_same_answers_and_hash), CASE(the_hash_names_the_content),
      CASE(damaged_bytes_do_no_harm), CASE(an_unknown_field_is_refused))
