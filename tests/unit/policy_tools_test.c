// The tools of `tongchou policy` as a person runs them: what they find, what they leave alone, and how they exit.
#include "tests/check.h"
#include <sys/wait.h>
#include <unistd.h>

#define PROGRAM TC_BINARY_DIR "/bin/tongchou"
#define CONFIG TC_SOURCE_DIR "/config"

static char output[1 << 20];

static int run(const char *arguments) {
    char command[1024];
    snprintf(command, sizeof command, PROGRAM " policy %s --config " CONFIG " 2>&1", arguments);
    FILE *in = popen(command, "r");
    NEED(in != NULL);
    size_t n = fread(output, 1, sizeof output - 1, in);
    output[n] = 0;
    int status = pclose(in);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

// ---- money functions of a small town; `rows` are the rates of its one layer, `more` stands beside them

static const char town[] =
    "city: tinytown\nname: Tinytown\nname_zh: 小城\nstatus: seed\nidentities: [employee]\n"
    "divisions: {990101: 东区}\nlayers: [{name: basic, fund: basic, rule: T-1}]\ntotals: [paid, base]\n"
    "coverage: {lag: {months: 1, rule: T-1}, grace: {months: 3, rule: T-1}}\n"
    "benefit:\n"
    "  - visit: inpatient\n    from: 2020-01-01\n    rule: T-1\n    own_share: T-1\n    out_of_scope: T-1\n"
    "    not_covered: [{rule: T-1}]\n"
    "    deductible: {rows: [{amount: 100.00, rule: T-2}]}\n"
    "    order: [basic]\n"
    "    layers:\n      basic:\n        paid_total: paid\n        base_total: base\n"
    "        rate: {rows: [%s]}\n%s"
    "rules:\n"
    "  T-1: {source: art. 1, text: One., text_zh: 一。}\n"
    "  T-2: {source: art. 2, text: Two., text_zh: 二。}\n"
    "  T-3: {source: art. 3, text: Three., text_zh: 三。}\n";

// A file of its own in the folder for such; the X are mkstemps's to fill.
static FILE *open_yaml(char path[static 256]) {
    const char *under = getenv("TMPDIR");
    NEED(snprintf(path, 256, "%s/policy-tools-XXXXXX.yaml", under ? under : "/tmp") < 256);
    int fd = mkstemps(path, 5);
    NEED(fd >= 0);
    FILE *out = fdopen(fd, "w");
    NEED(out != NULL);
    return out;
}

static int check_town(const char *rows, const char *more) {
    char path[256], arguments[300];
    FILE *out = open_yaml(path);
    fprintf(out, town, rows, more);
    NEED(fclose(out) == 0);
    snprintf(arguments, sizeof arguments, "check %s", path);
    int rc = run(arguments);
    unlink(path);
    return rc;
}

TEST(a_sound_town_has_no_findings) {
    EQ(check_town("{rate: 0.80, rule: T-3}", ""), 0);
    HAS_TEXT(output, "tinytown: sound");
    HAS_TEXT(output, " 0 findings");
}

// Slices are marginal and floors end at the bill, so neither a cliff nor a dearer bill that costs less can be written
// down; the check looks for them all the same, since it asks the core and not the file.
TEST(a_floor_at_a_higher_level_only_is_found) {
    EQ(check_town("{rate: 0.10, rule: T-3}", "        floor: [{when: {level: 3}, amount: 300.00, rule: T-2}]\n"), 1);
    HAS_TEXT(output, "higher_level_pays_more: inpatient employee level 3");
    HAS_TEXT(output, "(T-");
}

TEST(a_higher_level_that_pays_more_is_found_with_its_article) {
    EQ(check_town("{when: {level: 3}, rate: 0.90, rule: T-3}, {rate: 0.80, rule: T-2}", ""), 1);
    HAS_TEXT(output, "higher_level_pays_more: inpatient employee level 3");
    HAS_TEXT(output, "(T-3, art. 3)");
}

TEST(a_class_that_loses_benefit_is_found_with_the_day) {
    EQ(check_town("{rate: [{from: 2020-01-01, value: 0.80}, {from: 2021-01-01, value: 0.70}], rule: T-3}", ""), 1);
    HAS_TEXT(output, "class_loses: inpatient employee level 1");
    HAS_TEXT(output, "from 2021-01-01 a bill of");
}

TEST(what_the_file_marks_as_intended_is_accepted) {
    EQ(check_town("{rate: [{from: 2020-01-01, value: 0.80}, {from: 2021-01-01, value: 0.70}], rule: T-3}",
                  "intended: [{check: class_loses, where: employee, rule: T-3, why: the fund was short}]\n"),
       0);
    HAS_TEXT(output, " 0 findings");
}

TEST(an_intended_check_that_does_not_exist_is_refused) {
    EQ(check_town("{rate: 0.80, rule: T-3}", "intended: [{check: cliffs, rule: T-3, why: because}]\n"), 2);
    HAS_TEXT(output, "check: cliffs is none of cliff, person_pays_less");
}

// ---- the other tools, on a real city

TEST(cite_names_article_values_tests_and_code) {
    EQ(run("cite JM-B-47"), 0);
    HAS_TEXT(output, "JM-B-47  jiangmen  二(四)1(4)");
    HAS_TEXT(output, ".rate = 0.70");
    HAS_TEXT(output, "config/cities/jiangmen.yaml:");
    HAS_TEXT(output, "services/adjudication/benefit.c");
    HAS_TEXT(output, "tests/unit/benefit_test.c");
}

TEST(cite_of_an_unknown_rule_says_so) {
    EQ(run("cite JM-B-999"), 1);
    HAS_TEXT(output, "no city of");
}

TEST(diff_shows_changed_values_with_their_articles) {
    EQ(run("diff jiangmen --overlay " CONFIG "/samples/jiangmen-illustrative.yaml"), 1);
    HAS_TEXT(output, "| `parameters.catastrophic_threshold[2018-01-01]` | missing | 25000.00 | JM-B-43, 二(四)1(4) |");
    EQ(run("diff jiangmen"), 0);
    HAS_TEXT(output, "0 changed, 0 added, 0 removed");
}

TEST(tables_print_the_notice_from_the_running_data) {
    EQ(run("tables jiangmen"), 0);
    HAS_TEXT(output, "## 待遇标准");
    HAS_TEXT(output, "建档立卡贫困人员、最低生活保障对象");
    HAS_TEXT(output, "| 0.55 | 二(四)1(1) |");
    HAS_TEXT(output, "（未公布）");
}

TEST(show_tells_what_is_missing) {
    EQ(run("show jiangmen"), 0);
    HAS_TEXT(output, "catastrophic_threshold[2018-01-01]");
    HAS_TEXT(output, "missing");
    EQ(run("show jiangmen --json"), 0);
    HAS_TEXT(output, "{\"city\":\"jiangmen\"");
}

// ---- values that a city itself sets

// `city` with this overlay on top of its sample.
static int check_with(const char *city, const char *parameters, const char *rest) {
    char path[256], arguments[1024];
    FILE *out = open_yaml(path);
    fprintf(out, "overlay: notice\nstatus: published\nparameters:\n%s", parameters);
    NEED(fclose(out) == 0);
    snprintf(arguments, sizeof arguments, "check %s --overlay " CONFIG "/samples/%s-illustrative.yaml --overlay %s %s",
             city, city, path, rest);
    int rc = run(arguments);
    unlink(path);
    return rc;
}

#define FEE_OF_2022 "  resident_personal_fee:\n    - {from: 2022-01-01, value: 320.00, source: n}\n"
#define SUBSIDY_OF_2022 "  resident_subsidy:\n    - {from: 2022-01-01, value: 610.00, source: n}\n"
#define SUBSIDY_LESS "  resident_subsidy:\n    - {from: 2022-01-01, value: 500.00, source: n}\n"

TEST(ZZ_C22_a_raised_subsidy_without_a_raised_personal_share_is_told) {
    EQ(check_with("zaozhuang", SUBSIDY_OF_2022, ""), 1);
    HAS_TEXT(output, "standard: resident_personal_fee: resident_subsidy was raised from 2022-01-01, and this was not"
                     " (ZZ-C22");
    EQ(check_with("zaozhuang", SUBSIDY_OF_2022 FEE_OF_2022, ""), 0);
    EQ(check_with("zaozhuang", SUBSIDY_LESS, ""), 0); // it was not raised
}

#define OF_2022(name, more) "  " name ":\n    - {from: 2022-01-01, value: 35.00, source: n" more "}\n"
#define APPROVED ", approved: {by: city_government, on: 2021-12-20}"

TEST(ZS_C14_ZS_C16_yearly_standards_are_set_for_the_year_and_say_why) {
    EQ(check_with("zhoushan", OF_2022("critical_illness_fee_resident", APPROVED), ""), 1);
    HAS_TEXT(output, "critical_illness_fee_resident: the value from 2022-01-01 does not say that it was set with regard"
                     " to major_disease_incidence (ZS-C14");
    HAS_TEXT(output, "medical_assistance_funding: no value is set for 2022, and that of an earlier year goes on"
                     " (ZS-C16");
    EQ(check_with("zhoushan",
                  OF_2022("critical_illness_fee_resident", APPROVED ", regards: [major_disease_incidence]")
                      OF_2022("medical_assistance_funding", APPROVED ", regards: [scope, targets, spending]"),
                  ""),
       0);
    EQ(check_with("zhoushan", OF_2022("medical_assistance_funding", APPROVED ", regards: [scope, targets, spending]"),
                  "--on 2023-05-01"),
       1);
    HAS_TEXT(output, "no value is set for 2023");
}

TEST(ZS_C18_a_funding_standard_takes_effect_when_it_is_approved) {
    EQ(check_with("zhoushan", OF_2022("resident_subsidy", ""), ""), 2);
    HAS_TEXT(output, "takes effect when city_government has approved it: say `approved` (ZS-C18");
    EQ(check_with("zhoushan", OF_2022("resident_subsidy", ", approved: {by: city_bureau, on: 2021-12-20}"), ""), 2);
    HAS_TEXT(output, "approved by city_bureau, not by city_government (ZS-C18");
    EQ(check_with("zhoushan", OF_2022("resident_subsidy", ", approved: {by: city_government, on: 2022-01-02}"), ""), 2);
    HAS_TEXT(output, "begins on 2022-01-01, before its approval on 2022-01-02 (ZS-C18");
    OK(check_with("zhoushan", OF_2022("resident_subsidy", ", approved: {by: city_government, on: 2022-01-01}"), "") !=
       2); // the day itself will do
}

// Whoever writes the overlay, and whatever it states: what the city file says of who fixes the fees stands.
TEST(YC_C05_a_district_cannot_fix_what_residents_cover_is_funded_with) {
    static const char fees[] = "district_fees:\n  group: family_planning\n  item: basic\n  own_part: {320902: 100.00}\n"
                               "  rule: YC-C04\n";
    static const char unstated[] = "statements:\n  pooling_areas: {value: 1, rule: YC-E01}\n";
    char both[512];
    EQ(check_with("yancheng", "  resident_subsidy: [{from: 2022-01-01, value: 610.00, source: n}]\n", ""), 0);
    snprintf(both, sizeof both, "  resident_subsidy: [{from: 2022-01-01, value: 610.00, source: n}]\n%s", fees);
    EQ(check_with("yancheng", both, ""), 2);
    HAS_TEXT(output, "the city alone fixes what residents' cover is funded with (YC-C05");
    snprintf(both, sizeof both, "  resident_subsidy: [{from: 2022-01-01, value: 610.00, source: n}]\n%s%s", fees,
             unstated);
    EQ(check_with("yancheng", both, ""), 2);
    HAS_TEXT(output, "YC-C05");
}

TEST(wrong_usage_exits_2) {
    EQ(run("check"), 2);
    EQ(run("check nowhere"), 2);
    EQ(run("polish jiangmen"), 2);
}

TESTS("policy tools", CASE(a_sound_town_has_no_findings), CASE(a_floor_at_a_higher_level_only_is_found),
      CASE(a_higher_level_that_pays_more_is_found_with_its_article),
      CASE(a_class_that_loses_benefit_is_found_with_the_day), CASE(what_the_file_marks_as_intended_is_accepted),
      CASE(an_intended_check_that_does_not_exist_is_refused), CASE(cite_names_article_values_tests_and_code),
      CASE(cite_of_an_unknown_rule_says_so), CASE(diff_shows_changed_values_with_their_articles),
      CASE(tables_print_the_notice_from_the_running_data), CASE(show_tells_what_is_missing),
      CASE(ZZ_C22_a_raised_subsidy_without_a_raised_personal_share_is_told),
      CASE(ZS_C14_ZS_C16_yearly_standards_are_set_for_the_year_and_say_why),
      CASE(ZS_C18_a_funding_standard_takes_effect_when_it_is_approved),
      CASE(YC_C05_a_district_cannot_fix_what_residents_cover_is_funded_with), CASE(wrong_usage_exits_2))
