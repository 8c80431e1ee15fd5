// What a month credits: nothing, a fixed amount, a rate of the base, or a minimum by age that the former standard and
// the person's own contribution may raise.
#include "account.h"
#include "common/policy/account.h"

typedef struct work {
    const policy_t *policy;
    const account_rules_t *rules; // NULL: the city has none
    const account_person_t *person;
    date_t on;
    facts_t facts;
    unsigned employer;
    account_result_t *out;
    err_t *err;
} work_t;

typedef enum way { WAY_NONE, WAY_NOTHING, WAY_UNPAID, WAY_FIXED, WAY_RATE, WAY_MINIMUM } way_t;

static void add_step(const work_t *w, const char *rule, fen_t amount) {
    CHECK(w->out->step_count < ACCOUNT_STEPS_MAX);
    w->out->steps[w->out->step_count++] = (account_step_t){rule, amount};
    w->out->credit += amount; // both are amounts of a month, far below any limit
}

// ---- the case

static facts_t facts_of(const work_t *w, date_t age_on) {
    const account_person_t *p = w->person;
    facts_t facts = {0};
    facts_set(&facts, DIM_IDENTITY, p->identity);
    facts_set(&facts, DIM_TIER2, w->policy->coverage.tier2 >> p->identity & 1);
    facts_set(&facts, DIM_EMPLOYER, w->employer);
    if (p->birth != DATE_NONE)
        facts_set(&facts, DIM_AGE, band_of(&w->policy->bands[DIM_AGE], date_age(p->birth, age_on)));
    return facts;
}

// How the credit comes about, and the row that says so.
static way_t way_of(const work_t *w, const row_t **row) {
    const account_rules_t *r = w->rules;
    *row = NULL;
    if (!r || !(r->identities >> w->person->identity & 1)) return WAY_NONE;
    const date_t joined = w->person->joined == MONTH_NONE ? DATE_NONE : month_first(w->person->joined);
    const date_t on = w->on > r->from ? w->on : r->from;
    if ((*row = table_row(&r->none, &w->facts, joined))) return WAY_NOTHING;
    if (w->person->unpaid && (*row = table_row(&r->unpaid, &w->facts, on))) return WAY_UNPAID;
    if ((*row = table_row(&r->fixed, &w->facts, on))) return WAY_FIXED;
    return r->rate.table.count > 0 ? WAY_RATE : WAY_MINIMUM;
}

static bool asks_age(const derived_t *derived) {
    const uint64_t mask = dimension_mask(DIM_AGE);
    const uint8_t word = dimension_infos[DIM_AGE].word;
    bool asks = false;
    for (uint32_t i = 0; i < derived->table.count; i++) asks |= (derived->table.rows[i].when.dims[word] & mask) != mask;
    for (uint32_t i = 0; i < derived->adjust_count; i++) asks |= (derived->adjusts[i].when.dims[word] & mask) != mask;
    return asks;
}

static int missing(const work_t *w, const char *field) {
    return err_field(w->err, E_MISSING_FIELD, field, "%s is missing", field);
}

// What a former credit is told with, whoever's it is; then what the credit rests on.
static int check_missing(const work_t *w, way_t way) {
    const account_person_t *p = w->person;
    if (p->reference.kind != REFERENCE_NONE && !p->reference.has_amount) return missing(w, "person.reference.amount");
    if (p->reference.kind == REFERENCE_ACTUAL && !p->reference.has_base) return missing(w, "person.reference.base");
    if (way != WAY_RATE && way != WAY_MINIMUM) return E_OK;
    const derived_t *table = way == WAY_RATE ? &w->rules->rate : &w->rules->minimum;
    if (p->birth == DATE_NONE && (w->rules->has_former || asks_age(table))) return missing(w, "person.birth");
    if (!p->has_base) return missing(w, "person.base");
    return w->rules->has_former && !p->has_reference ? missing(w, "person.reference") : E_OK;
}

static int check_facts(const work_t *w, int employer) {
    const account_person_t *p = w->person;
    if (employer < 0)
        return err_field(w->err, E_INVALID_FIELD, "employer.kind", "expected one of %s", employer_names());
    if ((unsigned)p->identity >= IDENTITY__COUNT)
        return err_field(w->err, E_INVALID_FIELD, "person.identity", "expected one of %s", identity_names());
    if (p->reference.kind == REFERENCE_NONE && (p->reference.has_amount || p->reference.has_base))
        return err_field(w->err, E_INVALID_FIELD,
                         p->reference.has_amount ? "person.reference.amount" : "person.reference.base",
                         "without a former credit there is neither amount nor base");
    return E_OK;
}

static int check_range(const work_t *w) {
    const account_person_t *p = w->person;
    const char *field = p->base < 0 || p->base > MONEY_MAX                           ? "person.base"
                        : p->reference.amount < 0 || p->reference.amount > MONEY_MAX ? "person.reference.amount"
                        : p->reference.base < 0 || p->reference.base > MONEY_MAX     ? "person.reference.base"
                                                                                     : NULL;
    if (field) return err_field(w->err, E_OUT_OF_RANGE, field, "an amount is between 0.00 and 10 billion yuan");
    return E_OK;
}

static int check_force(const work_t *w, way_t way) {
    char month[DATE_TEXT_MAX];
    if (!policy_has_identity(w->policy, w->person->identity))
        return err_field(w->err, E_UNSUPPORTED, "person.identity", "%s does not insure %s", w->policy->city,
                         identity_name((int)w->person->identity));
    if (!w->rules) return err_set(w->err, E_UNSUPPORTED, "%s has no rules of personal accounts", w->policy->city);
    if (way == WAY_NONE)
        return err_field(w->err, E_UNSUPPORTED, "person.identity", "%s has no personal account",
                         identity_name((int)w->person->identity));
    if (w->on < w->rules->from)
        return err_field(w->err, E_NOT_IN_FORCE, "month", "no rule of personal accounts is in force in %s",
                         month_format(month_of(w->on), month));
    return E_OK;
}

// ---- the credit

static int product(const work_t *w, fen_t base, int64_t rate, fen_t *out) {
    if (fen_rate(base, (rate_t)(rate < RATE_ONE ? rate : RATE_ONE), out))
        return err_field(w->err, E_OUT_OF_RANGE, "person.base", "the base is too large");
    return E_OK;
}

static int credit_rate(const work_t *w) {
    int64_t rate;
    fen_t amount;
    const char *rule;
    int rc = derived_value(&w->rules->rate, &w->facts, w->on, &rate, &rule, w->err);
    if (!rc) rc = product(w, w->person->base, rate, &amount);
    if (!rc) add_step(w, rule, amount);
    return rc;
}

static int credit_fixed(const work_t *w, const row_t *row) {
    fen_t amount;
    int rc = ref_value(&row->amount, w->on, 0, &amount, w->err);
    if (!rc) add_step(w, row->rule, amount);
    return rc;
}

// A base below the one behind the former credit: the lower base at the former rate of the person's age then.
static int lower_base(const work_t *w) {
    const account_former_t *former = &w->rules->former;
    const account_person_t *p = w->person;
    if (p->base >= p->reference.base) {
        add_step(w, former->kept_rule, 0);
        return E_OK;
    }
    const date_t age_on = p->birth > former->day ? p->birth : former->day;
    const facts_t then = facts_of(w, age_on);
    int64_t rate;
    fen_t amount;
    const char *rule;
    int rc = derived_value(&former->rate, &then, w->on, &rate, &rule, w->err);
    if (!rc) rc = product(w, p->base, rate, &amount);
    if (!rc) add_step(w, rule, amount - w->out->credit);
    return rc;
}

static int credit_minimum(const work_t *w) {
    const account_reference_t *ref = &w->person->reference;
    const account_former_t *former = &w->rules->former;
    const char *rule;
    fen_t minimum;
    const bool actual = w->rules->has_former && ref->kind == REFERENCE_ACTUAL;
    if (actual) {
        add_step(w, former->actual_rule, ref->amount);
        return lower_base(w);
    }
    int rc = derived_value(&w->rules->minimum, &w->facts, w->on, &minimum, &rule, w->err);
    if (rc) return rc;
    if (w->rules->has_former && ref->kind == REFERENCE_HIGHEST) {
        add_step(w, former->highest_rule, ref->amount);
        if (ref->amount >= minimum) return ref->has_base ? lower_base(w) : E_OK;
        add_step(w, rule, minimum - ref->amount);
        return E_OK;
    }
    if (w->rules->has_former) add_step(w, former->first_rule, 0);
    add_step(w, rule, minimum);
    return E_OK;
}

// What the person contributes is credited when it is more.
static int raise_to_own(const work_t *w) {
    fen_t own = 0, part;
    int64_t rate;
    if (w->rules->own_count == 0 || w->on < w->rules->own_from) return E_OK;
    for (uint32_t i = 0; i < w->rules->own_count; i++) {
        int rc = ref_value(&w->rules->own[i], w->on, 0, &rate, w->err);
        if (!rc) rc = product(w, w->person->base, rate, &part);
        if (rc) return rc;
        own += part;
    }
    if (own > w->out->credit) add_step(w, w->rules->own_rule, own - w->out->credit);
    return E_OK;
}

static int compute(const work_t *w, way_t way, const row_t *row) {
    int rc = E_OK;
    switch (way) {
    case WAY_NONE: break;
    case WAY_NOTHING:
    case WAY_UNPAID: add_step(w, row->rule, 0); return E_OK;
    case WAY_FIXED: return credit_fixed(w, row);
    case WAY_RATE: rc = credit_rate(w); break;
    case WAY_MINIMUM: rc = credit_minimum(w); break;
    }
    return rc ? rc : raise_to_own(w);
}

int account_credit(const policy_t *policy, const account_person_t *person, month_t month, account_result_t *out,
                   err_t *err) {
    account_result_t result = {0};
    work_t w = {.policy = policy,
                .rules = policy->account,
                .person = person,
                .on = month_first(month),
                .out = &result,
                .err = err};
    const int employer = person->employer_kind ? employer_from_name(person->employer_kind) : EMPLOYER_ENTERPRISE;
    const row_t *row = NULL;
    way_t way = WAY_NONE;
    const bool known = employer >= 0 && policy_has_identity(policy, person->identity);
    if (known) {
        w.employer = (unsigned)employer;
        w.facts = facts_of(&w, w.on);
        way = way_of(&w, &row);
    }
    int rc = check_missing(&w, way);
    if (!rc) rc = check_facts(&w, employer);
    if (!rc) rc = check_range(&w);
    if (!rc) rc = check_force(&w, way);
    if (!rc) rc = compute(&w, way, row);
    if (!rc) *out = result;
    return rc;
}
