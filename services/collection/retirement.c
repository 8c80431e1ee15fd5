// What is required, what is there, what is missing, what it costs.
#include "retirement.h"
#include "common/policy/bases.h"
#include "common/policy/retirement.h"

typedef struct work {
    const policy_t *policy;
    const retirement_rules_t *rules;
    const retirement_person_t *person;
    date_t on;
    retirement_result_t *out;
    err_t *err;
} work_t;

static void add_step(const work_t *w, const char *rule, fen_t amount) {
    CHECK(w->out->step_count < RETIREMENT_STEPS_MAX);
    if (rule) w->out->steps[w->out->step_count++] = (retirement_step_t){rule, amount};
}

int retirement_asks(const policy_t *policy) {
    const retirement_rules_t *r = policy->retirement;
    if (!r) return 0;
    return (r->asks_sex ? RETIREMENT_ASKS_SEX : 0) | (r->by_joining ? RETIREMENT_ASKS_JOINED : 0) |
           (r->actual.rule ? RETIREMENT_ASKS_ACTUAL : 0) | (r->local.rule ? RETIREMENT_ASKS_LOCAL : 0);
}

// ---- the case

static int missing(const work_t *w, const char *field, const char *why) {
    return err_field(w->err, E_MISSING_FIELD, field, "%s is missing: %s", field, why);
}

static int check_missing(const work_t *w) {
    const retirement_person_t *p = w->person;
    const retirement_rules_t *r = w->rules;
    if (!r) return E_OK;
    if (r->asks_sex && p->sex < 0) return missing(w, "person.sex", "it decides the months that are required");
    if (r->by_joining && p->joined == MONTH_NONE && !p->pension)
        return missing(w, "person.first_tier2", "it decides the months that are required");
    if (r->actual.rule && !p->has_actual) return missing(w, "person.actual_months", "the law asks for them");
    if (!r->actual.rule && !p->has_actual && !p->has_months && !p->time)
        return missing(w, "person.months", "the months of contribution");
    if (r->local.rule && p->transferred && !p->has_local)
        return missing(w, "person.local_months", "the law asks for them");
    return E_OK;
}

static int contradicts(const work_t *w, const char *field, const char *why) {
    return err_field(w->err, E_INVALID_FIELD, field, "%s", why);
}

static const retirement_period_t *period_named(const retirement_rules_t *rules, const char *name) {
    for (uint32_t i = 0; rules && i < rules->period_count; i++)
        if (strcmp(rules->periods[i].name, name) == 0) return &rules->periods[i];
    return NULL;
}

static int check_facts(const work_t *w) {
    const retirement_person_t *p = w->person;
    if (p->has_months && p->has_actual)
        return contradicts(w, "person.actual_months", "months are given once: months, or actual_months");
    if (p->time && (p->has_months || p->has_actual))
        return contradicts(w, "person.history", "months are given once: in all, or as a history");
    for (size_t i = 0; w->rules && i < p->time_count; i++)
        if (!period_named(w->rules, p->time[i].kind))
            return err_field(w->err, E_INVALID_FIELD, "person.history", "the city has no kind of time %.40s",
                             p->time[i].kind);
    return E_OK;
}

// Months of contribution that were really paid.
static int64_t paid_months(const work_t *w) {
    const retirement_person_t *p = w->person;
    int64_t months = p->has_actual ? p->actual_months : p->months;
    for (size_t i = 0; w->rules && i < p->time_count; i++) {
        const retirement_period_t *period = period_named(w->rules, p->time[i].kind);
        if (period && period->counts) months += p->time[i].months;
    }
    return months;
}

static int check_range(const work_t *w) {
    const retirement_person_t *p = w->person;
    const struct {
        const char *field;
        int64_t months;
    } given[] = {{"person.months", p->months},
                 {"person.actual_months", p->actual_months},
                 {"person.deemed_months", p->deemed_months},
                 {"person.local_months", p->local_months}};
    for (size_t i = 0; i < COUNT_OF(given); i++)
        if (given[i].months < 0 || given[i].months > RETIREMENT_MONTHS_MAX)
            return err_field(w->err, E_OUT_OF_RANGE, given[i].field, "expected 0 to %d months", RETIREMENT_MONTHS_MAX);
    for (size_t i = 0; i < p->time_count; i++)
        if (p->time[i].months < 0 || p->time[i].months > RETIREMENT_MONTHS_MAX)
            return err_field(w->err, E_OUT_OF_RANGE, "person.history", "expected 0 to %d months",
                             RETIREMENT_MONTHS_MAX);
    if (p->has_local && p->local_months > paid_months(w))
        return err_field(w->err, E_OUT_OF_RANGE, "person.local_months", "more months in the city than in all");
    if (p->joined != MONTH_NONE && p->joined > month_of(w->on))
        return err_field(w->err, E_OUT_OF_RANGE, "person.first_tier2", "joined after the formality");
    if (p->lifelong_since != DATE_NONE && p->lifelong_since > w->on)
        return err_field(w->err, E_OUT_OF_RANGE, "person.lifelong_since", "after the formality");
    return E_OK;
}

static int check_force(const work_t *w) {
    char day[DATE_TEXT_MAX];
    if (!w->rules) return err_set(w->err, E_UNSUPPORTED, "%s has no rules of retirement", w->policy->city);
    if (w->on < w->rules->from)
        return err_field(w->err, E_NOT_IN_FORCE, "on", "no rule of retirement is in force on %s",
                         date_format(w->on, day));
    return E_OK;
}

// ---- what is required and missing

static int find_required(const work_t *w) {
    const retirement_person_t *p = w->person;
    facts_t facts = {0};
    if (p->sex >= 0) facts_set(&facts, DIM_SEX, (unsigned)p->sex);
    date_t day = w->on;
    if (w->rules->by_joining) day = p->joined == MONTH_NONE ? w->on : month_first(p->joined); // never: counts as new
    const char *rule;
    int rc = derived_value(&w->rules->required, &facts, day, &w->out->required, &rule, w->err);
    if (!rc) add_step(w, rule, 0);
    return rc;
}

static int64_t lack(int64_t need, int64_t have) { return need > have ? need - have : 0; }

static int find_missing(const work_t *w) {
    const retirement_person_t *p = w->person;
    const int64_t paid = paid_months(w);
    int64_t need;
    w->out->missing = lack(w->out->required, paid + p->deemed_months);
    if (w->rules->actual.rule) {
        int rc = ref_value(&w->rules->actual.months, w->on, 0, &need, w->err);
        if (rc) return rc;
        if (lack(need, paid) > w->out->missing) {
            w->out->missing = lack(need, paid);
            add_step(w, w->rules->actual.rule, 0);
        }
    }
    w->out->has_local = w->rules->local.rule != NULL;
    if (w->out->has_local && p->transferred) {
        int rc = ref_value(&w->rules->local.months, w->on, 0, &need, w->err);
        if (rc) return rc;
        w->out->local_missing = lack(need, p->local_months);
        if (w->out->local_missing) add_step(w, w->rules->local.rule, 0);
    }
    return E_OK;
}

static int find_price(const work_t *w) {
    const retirement_rules_t *r = w->rules;
    fen_t base;
    int64_t rate;
    if (!r->price_on_base) return ref_value(&r->amount, w->on, 0, &w->out->monthly, w->err);
    int rc = base_value(&w->policy->bases, r->base, w->on, 0, &base, w->err);
    if (!rc) rc = ref_value(&r->rate, w->on, 0, &rate, w->err);
    if (!rc && fen_rate(base, (rate_t)rate, &w->out->monthly))
        rc = err_field(w->err, E_OUT_OF_RANGE, "person.months", "the price of a month is too large");
    return rc;
}

static bool is_lifelong(const work_t *w) {
    return w->rules->lifelong_rule && w->person->lifelong_since != DATE_NONE &&
           w->person->lifelong_since <= w->rules->lifelong_until;
}

// What follows: no further premium, a lump sum, or the end of the relation.
static int conclude(const work_t *w) {
    const retirement_rules_t *r = w->rules;
    retirement_result_t *out = w->out;
    if (is_lifelong(w)) {
        out->missing = out->local_missing = 0;
        out->exempt = true;
        add_step(w, r->lifelong_rule, 0);
        return E_OK;
    }
    out->tells_relation = r->refused_rule != NULL;
    out->exempt = out->missing == 0 && out->local_missing == 0;
    if (out->missing > 0 && w->person->relation != RELATION_OPEN && r->refused_rule) {
        out->ended = true;
        add_step(w, w->person->relation == RELATION_ENDED && r->ended_rule ? r->ended_rule : r->refused_rule, 0);
        return E_OK; // nothing is made up
    }
    if (out->exempt) add_step(w, r->exempt_rule, 0);
    if (out->missing == 0) return E_OK;
    add_step(w, r->make_up_rule, 0);
    if (__builtin_mul_overflow(out->missing, out->monthly, &out->lump_sum))
        return err_field(w->err, E_OUT_OF_RANGE, "person.months", "the lump sum is too large");
    add_step(w, r->price_rule, out->lump_sum);
    return E_OK;
}

int retirement_eval(const policy_t *policy, const retirement_person_t *person, date_t on, retirement_result_t *out,
                    err_t *err) {
    retirement_result_t result = {0};
    const work_t w = {policy, policy->retirement, person, on, &result, err};
    int rc = check_missing(&w);
    if (!rc) rc = check_facts(&w);
    if (!rc) rc = check_range(&w);
    if (!rc) rc = check_force(&w);
    if (!rc) rc = find_required(&w);
    if (!rc) rc = find_missing(&w);
    if (!rc) rc = find_price(&w);
    if (!rc) rc = conclude(&w);
    if (!rc) *out = result;
    return rc;
}
