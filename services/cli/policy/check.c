// `tongchou policy check`: is the file sound, and are its money functions? Every class of bill that a city's benefit
// tables tell apart is put to the core over a ladder of amounts: where does one more fen of cost cost the person more
// than a bound, does the person pay less for a dearer bill, does a higher level of hospital pay more than a lower one,
// and on which day does a class lose benefit? And the city's
// own values: is what is set each year set for the year, and raised together (section `standards`)? What the law
// intends is named in the section `intended` of the city file; the rest is told.
#include "tools.h"
#include "services/adjudication/benefit.h"
#include "common/base/yaml.h"
#include "common/policy/standards.h"
#include "common/policy/tables.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { AMOUNTS_MAX = 512, DAYS_MAX = 64, FINDINGS_MAX = 4000, NAME_ROOM = 160 };

typedef enum finding_kind {
    FINDING_CLIFF,
    FINDING_FALLS,
    FINDING_LEVEL,
    FINDING_LOSES,
    FINDING_STANDARD,
    FINDING__COUNT
} finding_kind_t;
static const char *const finding_names[] = {"cliff", "person_pays_less", "higher_level_pays_more", "class_loses",
                                            "standard"};

typedef struct finding { // the worst of its kind for one class of bill
    finding_kind_t kind;
    char class_of[NAME_ROOM];
    char text[200];
    fen_t size; // how bad
    size_t count;
    const char *rule;
} finding_t;

typedef struct checker {
    const policy_args_t *args;
    const policy_t *policy;
    const yaml_node_t *intended; // list, or NULL
    fen_t amounts[AMOUNTS_MAX];
    size_t amount_count;
    date_t days[DAYS_MAX];
    size_t day_count;
    finding_t *findings;
    size_t finding_count, classes, bills, unpublished;
} checker_t;

// ---- what to put to the core

static int by_amount(const void *a, const void *b) {
    fen_t x = *(const fen_t *)a, y = *(const fen_t *)b;
    return (x > y) - (x < y);
}

static void add_amount(checker_t *c, fen_t amount) {
    for (fen_t near = amount - 1; near <= amount + 1; near++)
        if (near > 0 && c->amount_count < AMOUNTS_MAX) c->amounts[c->amount_count++] = near;
}

// A ladder over all magnitudes, and both sides of every amount that the tables name.
static void collect_amounts(checker_t *c) {
    const policy_t *p = c->policy;
    for (fen_t amount = 100; amount <= INT64_C(500000000); amount = amount * 3 / 2) add_amount(c, amount);
    for (uint32_t s = 0; s < p->scheme_count; s++) {
        const scheme_t *scheme = &p->schemes[s];
        for (uint32_t i = 0; i < scheme->deductible.table.count; i++)
            if (scheme->deductible.table.rows[i].amount.kind == REF_CONST)
                add_amount(c, scheme->deductible.table.rows[i].amount.value);
        for (uint32_t k = 0; k < scheme->stage_count; k++)
            for (uint32_t i = 0; i < scheme->stages[k].rate.table.count; i++)
                for (uint32_t j = 0; j < scheme->stages[k].rate.table.rows[i].slice_count; j++)
                    if (scheme->stages[k].rate.table.rows[i].slices[j].above.kind == REF_CONST)
                        add_amount(c, scheme->stages[k].rate.table.rows[i].slices[j].above.value);
    }
    qsort(c->amounts, c->amount_count, sizeof *c->amounts, by_amount);
}

static void add_day(checker_t *c, date_t day) {
    for (size_t i = 0; i < c->day_count; i++)
        if (c->days[i] == day) return;
    if (day > DATE_NONE && day < DATE_MAX && c->day_count < DAYS_MAX) c->days[c->day_count++] = day;
}

static int by_day(const void *a, const void *b) {
    date_t x = *(const date_t *)a, y = *(const date_t *)b;
    return (x > y) - (x < y);
}

// Days on which a value or a scheme begins.
static void collect_days(checker_t *c) {
    const policy_t *p = c->policy;
    if (c->args->on != DATE_NONE) {
        add_day(c, c->args->on);
        return;
    }
    for (uint32_t s = 0; s < p->scheme_count; s++) add_day(c, p->schemes[s].from);
    for (uint32_t s = 0; s < p->series_count; s++)
        for (uint32_t i = 0; i < p->series[s].count; i++)
            if (!p->series[s].values[i].missing) add_day(c, p->series[s].values[i].from);
    qsort(c->days, c->day_count, sizeof *c->days, by_day);
}

// ---- findings

static bool is_intended(const checker_t *c, finding_kind_t kind, const char *class_of) {
    for (const yaml_node_t *entry = c->intended ? c->intended->first : NULL; entry; entry = entry->next) {
        const yaml_node_t *check = yaml_get(entry, "check"), *where = yaml_get(entry, "where");
        if (check && check->text && strcmp(check->text, finding_names[kind]) == 0 &&
            (!where || (where->text && strstr(class_of, where->text))))
            return true;
    }
    return false;
}

static void find(checker_t *c, finding_kind_t kind, const char *class_of, const char *rule, fen_t size,
                 const char *text) {
    if (is_intended(c, kind, class_of)) return;
    for (size_t i = 0; i < c->finding_count; i++) {
        finding_t *f = &c->findings[i];
        if (f->kind != kind || strcmp(f->class_of, class_of) != 0) continue;
        f->count++;
        if (size <= f->size) return;
        f->size = size;
        f->rule = rule;
        snprintf(f->text, sizeof f->text, "%s", text);
        return;
    }
    if (c->finding_count == FINDINGS_MAX) return;
    finding_t *f = &c->findings[c->finding_count++];
    *f = (finding_t){.kind = kind, .size = size, .count = 1, .rule = rule};
    snprintf(f->class_of, sizeof f->class_of, "%s", class_of);
    snprintf(f->text, sizeof f->text, "%s", text);
}

// The rule of the layer that paid most: whoever looks for the cause begins there.
static const char *main_rule(const benefit_result_t *r) {
    const char *rule = "";
    fen_t most = -1;
    for (int i = 0; i < r->step_count; i++)
        if (r->steps[i].part < BENEFIT_LAYERS_MAX && r->steps[i].amount > most) {
            most = r->steps[i].amount;
            rule = r->steps[i].rule;
        }
    return rule;
}

// ---- one class of bill

static bool pays(checker_t *c, benefit_bill_t *bill, fen_t amount, benefit_result_t *r) {
    bill->total = bill->in_scope = amount;
    c->bills++;
    int rc = benefit_eval(c->policy, bill, NULL, true, r, NULL);
    if (rc == E_PARAMETER_MISSING) c->unpublished++;
    return rc == E_OK && r->decision == BENEFIT_PAID;
}

static void check_amounts(checker_t *c, benefit_bill_t *bill, const char *class_of) {
    char a[FEN_TEXT_MAX], b[FEN_TEXT_MAX], text[200];
    benefit_result_t now;
    fen_t last = 0;
    for (size_t i = 0; i < c->amount_count; i++) {
        if (!pays(c, bill, c->amounts[i], &now)) return;
        if (i > 0 && c->amounts[i] > c->amounts[i - 1]) {
            fen_t more = c->amounts[i] - c->amounts[i - 1], person = now.person - last;
            if (person - more > c->args->bound_fen) {
                snprintf(text, sizeof text, "at %s the person pays %s more for %lld fen more of cost",
                         fen_format(c->amounts[i], a), fen_format(person, b), (long long)more);
                find(c, FINDING_CLIFF, class_of, main_rule(&now), person, text);
            }
            if (person < -1) { // a fen of rounding aside
                snprintf(text, sizeof text, "at %s the person pays %s less than for a cheaper bill",
                         fen_format(c->amounts[i], a), fen_format(-person, b));
                find(c, FINDING_FALLS, class_of, main_rule(&now), -person, text);
            }
        }
        last = now.person;
    }
}

static void check_levels(checker_t *c, benefit_bill_t bill, const char *class_of) {
    char a[FEN_TEXT_MAX], b[FEN_TEXT_MAX], text[200];
    benefit_result_t lower, higher;
    if (bill.level == LEVEL_1) return;
    benefit_bill_t below = bill;
    below.level = (level_t)(bill.level - 1);
    below.primary = bill.primary;
    for (size_t i = 0; i < c->amount_count; i++) {
        if (!pays(c, &bill, c->amounts[i], &higher) || !pays(c, &below, c->amounts[i], &lower)) return;
        if (higher.fund <= lower.fund + 1) continue;
        snprintf(text, sizeof text, "a bill of %s gets %s more than one level lower", fen_format(c->amounts[i], a),
                 fen_format(higher.fund - lower.fund, b));
        find(c, FINDING_LEVEL, class_of, main_rule(&higher), higher.fund - lower.fund, text);
    }
}

static void check_days(checker_t *c, benefit_bill_t bill, const char *class_of) {
    char a[FEN_TEXT_MAX], b[FEN_TEXT_MAX], day[DATE_TEXT_MAX], text[200];
    benefit_result_t before, after;
    for (size_t d = 1; d < c->day_count; d++)
        for (size_t i = 0; i < c->amount_count; i += 7) { // every class and day: a coarser ladder does
            bill.from = bill.to = c->days[d - 1];
            if (!pays(c, &bill, c->amounts[i], &before)) break;
            bill.from = bill.to = c->days[d];
            if (!pays(c, &bill, c->amounts[i], &after)) break;
            if (after.fund >= before.fund) continue;
            snprintf(text, sizeof text, "from %s a bill of %s gets %s less", date_format(c->days[d], day),
                     fen_format(c->amounts[i], a), fen_format(before.fund - after.fund, b));
            find(c, FINDING_LOSES, class_of, main_rule(&after), before.fund - after.fund, text);
        }
}

static const char *const point_words[POINT__COUNT] = {
    [POINT_NONE] = "", [POINT_PRIMARY] = " primary point", [POINT_OTHER] = " other point"};

static void check_class(checker_t *c, benefit_bill_t bill, uint32_t groups) {
    char class_of[NAME_ROOM];
    snprintf(class_of, sizeof class_of, "%s %s level %s%s%s%s%s%s", visit_name((int)bill.visit),
             identity_name((int)bill.identity), level_name((int)bill.level), bill.designated ? "" : " not designated",
             bill.filing ? " " : "", bill.filing ? filing_name((int)bill.filing) : "",
             bill.childbirth ? " childbirth" : "", point_words[bill.point]);
    bill.groups = groups;
    if (groups) {
        size_t n = strlen(class_of);
        snprintf(class_of + n, sizeof class_of - n, " %s", group_name(__builtin_ctz(groups)));
    }
    c->classes++;
    for (size_t d = 0; d < c->day_count; d++) {
        bill.from = bill.to = c->days[d];
        check_amounts(c, &bill, class_of);
        check_levels(c, bill, class_of);
    }
    check_days(c, bill, class_of);
}

// Months, twelve of them bought in full, at a designated institution of the city and elsewhere; each group by itself.
static void check_identity(checker_t *c, identity_t identity, visit_t visit) {
    for (int level = 0; level < LEVEL__COUNT; level++)
        for (int place = 0; place < 4; place++) // in the city, not designated, unfiled outside, childbirth
            for (int group = -1; group < GROUP__COUNT; group++) {
                const bool inpatient = visit == VISIT_INPATIENT;
                if (!inpatient && place != 0) continue;
                benefit_bill_t bill = {.identity = identity,
                                       .covered = true,
                                       .months_tier1 = 60,
                                       .months_tier2 = 60,
                                       .level = (level_t)level,
                                       .designated = place != 1,
                                       .visit = visit,
                                       .childbirth = place == 3};
                if (place == 2) {
                    bill.area = AREA_OUTSIDE;
                    bill.filing = FILING_UNFILED;
                }
                if (!inpatient) {
                    bill.primary = level == LEVEL_1;
                    bill.point = bill.primary ? POINT_PRIMARY : POINT_OTHER;
                    bill.cover_months = 12;
                }
                check_class(c, bill, group < 0 ? 0 : GROUP_BIT(group));
            }
}

static void check_all(checker_t *c) {
    for (int identity = 0; identity < IDENTITY__COUNT; identity++)
        for (uint32_t s = 0; s < c->policy->scheme_count; s++) {
            bool seen = false;
            for (uint32_t k = 0; k < s; k++) seen |= c->policy->schemes[k].visit == c->policy->schemes[s].visit;
            if (!seen && policy_has_identity(c->policy, (identity_t)identity))
                check_identity(c, (identity_t)identity, c->policy->schemes[s].visit);
        }
}

// ---- values that the city itself sets

static void find_standard(void *self, const standard_finding_t *of) {
    char text[200];
    standard_sentence(of, text, sizeof text);
    find(self, FINDING_STANDARD, of->parameter, of->rule, 0, text);
}

// The year of --on, else the last one in which any value begins: what is not yet decided cannot be missing.
static int last_year(const checker_t *c) {
    int year = 0;
    if (c->args->on != DATE_NONE) return date_year(c->args->on);
    for (uint32_t s = 0; s < c->policy->series_count; s++)
        for (uint32_t i = 0; i < c->policy->series[s].count; i++) {
            const value_t *value = &c->policy->series[s].values[i];
            if (!value->missing && date_year(value->from) > year) year = date_year(value->from);
        }
    return year;
}

// ---- telling

static void tell(const checker_t *c) {
    for (size_t i = 0; i < c->finding_count; i++) {
        const finding_t *f = &c->findings[i];
        printf("%s: %s: %s (%s, %s)%s", finding_names[f->kind], f->class_of, f->text, f->rule,
               policy_rule_source(c->policy, f->rule), f->count > 1 ? "" : "\n");
        if (f->count > 1) printf(", worst of %zu\n", f->count);
    }
    printf("%s: sound; %zu classes of bill, %zu bills computed, %zu findings", policy_city(c->policy), c->classes,
           c->bills, c->finding_count);
    if (c->unpublished) printf(", %zu bills need a value that is not published", c->unpublished);
    putchar('\n');
}

static int run_checks(checker_t *c) {
    c->findings = calloc(FINDINGS_MAX, sizeof *c->findings);
    if (!c->findings) {
        fputs("tongchou policy: no memory\n", stderr);
        return 2;
    }
    collect_amounts(c);
    collect_days(c);
    check_all(c);
    standards_check(c->policy, last_year(c), find_standard, c);
    tell(c);
    int rc = c->finding_count ? 1 : 0;
    free(c->findings);
    return rc;
}

int policy_check(const policy_args_t *args) {
    policy_t *policy = NULL;
    yaml_doc_t *doc = NULL;
    err_t err = {0};
    int rc = policy_load(&policy, args->paths.city, args->overlays, &err);
    if (!rc) rc = yaml_load(&doc, args->paths.city, &err);
    if (rc) {
        fprintf(stderr, "%s\n", err.text);
        rc = 2;
    } else {
        checker_t *c = calloc(1, sizeof *c);
        if (c) {
            *c = (checker_t){.args = args, .policy = policy, .intended = yaml_get(yaml_root(doc), "intended")};
            rc = run_checks(c);
        }
        free(c);
    }
    yaml_destroy(&doc);
    policy_destroy(&policy);
    return rc;
}
