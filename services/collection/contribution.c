// What is due, line by line. A line holds for whom and when its condition says; who pays is a decision table of its
// own.
#include "contribution.h"
#include "common/policy/bases.h"
#include "common/policy/district_fees.h"

typedef struct work {
    const policy_t *policy;
    const contribution_person_t *person;
    facts_t facts;
    date_t on;
    bool yearly;
    contribution_result_t *out;
    err_t *err;
} work_t;

static int state_facts(work_t *w) {
    const contribution_person_t *p = w->person;
    int employer = p->employer_kind ? employer_from_name(p->employer_kind) : EMPLOYER_ENTERPRISE;
    if (employer < 0)
        return err_field(w->err, E_INVALID_FIELD, "employer.kind", "expected one of %s", employer_names());
    if ((unsigned)p->identity >= IDENTITY__COUNT)
        return err_field(w->err, E_INVALID_FIELD, "person.identity", "expected one of %s", identity_names());
    if (p->groups >> GROUP__COUNT) return err_field(w->err, E_INVALID_FIELD, "person.groups", "an unknown group");
    w->facts = (facts_t){.groups = p->groups};
    facts_set(&w->facts, DIM_IDENTITY, p->identity);
    facts_set(&w->facts, DIM_EMPLOYER, (unsigned)employer);
    facts_set(&w->facts, DIM_TIER2, w->policy->coverage.tier2 >> p->identity & 1);
    if (p->birth != DATE_NONE)
        facts_set(&w->facts, DIM_AGE,
                  band_of(&w->policy->bands[DIM_AGE], date_age(p->birth, date_make(date_year(w->on), 1, 1))));
    return E_OK;
}

// A person of unknown age is refused where a row asks for the age and everything else about it fits. Before the rules
// are in force those of their first day are asked: what is missing is told first.
static int check_age(const work_t *w, const table_t *payers, date_t on) {
    const uint64_t all = dimension_mask(DIM_AGE);
    for (uint32_t i = 0; i < payers->count && w->person->birth == DATE_NONE; i++) {
        const when_t *when = &payers->rows[i].when;
        bool asks = (when->dims[dimension_infos[DIM_AGE].word] & all) != all;
        if (asks && when_holds(when, &w->facts, on))
            return err_field(w->err, E_MISSING_FIELD, "person.birth", "the birth date decides who pays (%s)",
                             payers->rows[i].rule);
    }
    return E_OK;
}

static int check_wage(const work_t *w, const line_t *line) {
    if (!w->person->no_wage || !line->computed || !w->policy->bases.items[line->base].on_wage) return E_OK;
    return err_field(w->err, E_MISSING_FIELD, "person.wage", "the wage decides what is due (%s)", line->rule);
}

// Does the person pay this line as the own district says?
static bool follows_district(const work_t *w, const char *item, payer_t payer) {
    return w->yearly && payer == PAYER_PERSON && district_fees_apply(w->policy, w->person->groups, item);
}

static int check_division(const work_t *w, const line_t *line, date_t on) {
    const row_t *payer = w->person->division ? NULL : table_row(&line->payers, &w->facts, on);
    if (!payer || !follows_district(w, line->item, payer->payer)) return E_OK;
    return err_field(w->err, E_MISSING_FIELD, "person.division", "the rule of the district decides what is paid (%s)",
                     w->policy->district_fees->rule);
}

// What is due for whom cannot be told without these facts.
static int check_missing(const work_t *w, const lines_t *lines) {
    const date_t on = w->on > lines->from ? w->on : lines->from;
    int rc = E_OK;
    for (uint32_t i = 0; i < lines->count && !rc; i++) {
        if (!when_holds(&lines->items[i].when, &w->facts, on)) continue;
        rc = check_age(w, &lines->items[i].payers, on);
        if (!rc) rc = check_wage(w, &lines->items[i]);
        if (!rc) rc = check_division(w, &lines->items[i], on);
    }
    return rc;
}

// An amount that counts only once it is published is 0 before.
static int value_of(const work_t *w, const ref_t *ref, fen_t *out) {
    bool found = true;
    fen_t value = 0;
    if (ref->kind != REF_SERIES) return ref_value(ref, w->on, w->person->wage, out, w->err);
    int rc = ref_series_value(ref, w->on, &value, &found, w->err);
    if (!rc) *out = found ? value : 0;
    return rc;
}

// The least a line comes to, when it has one and that has been published.
static int raise(const work_t *w, const line_t *line, contribution_line_t *to) {
    if (line->at_least.kind == REF_NONE) return E_OK;
    fen_t least = 0;
    int rc = value_of(w, &line->at_least, &least);
    if (rc || least <= to->amount) return rc;
    to->amount = least;
    to->computed = false;
    to->base = 0;
    to->rate = 0;
    to->rule = line->at_least_rule;
    return E_OK;
}

static int compute(const work_t *w, const line_t *line, contribution_line_t *to) {
    int64_t rate;
    int rc;
    if (!line->computed) {
        rc = value_of(w, &line->amount, &to->amount);
    } else {
        rc = base_value(&w->policy->bases, line->base, w->on, w->person->wage, &to->base, w->err);
        if (!rc) rc = value_of(w, &line->rate, &rate);
        if (rc) return rc;
        to->computed = true;
        to->rate = (rate_t)rate;
        if (fen_rate(to->base, to->rate, &to->amount))
            return err_field(w->err, E_OUT_OF_RANGE, "person.wage", "the wage is too large");
    }
    return rc ? rc : raise(w, line, to);
}

static int put_line(const work_t *w, const contribution_line_t *line) {
    if (line->amount <= 0) return E_OK;
    if (w->out->line_count == CONTRIBUTION_LINES_MAX)
        return err_set(w->err, E_POLICY, "more than %d contribution lines for one person", CONTRIBUTION_LINES_MAX);
    w->out->lines[w->out->line_count++] = *line;
    return E_OK;
}

// What the person pays by the rule of the district, and the rest, which is finance's.
static int put_parts(const work_t *w, const contribution_line_t *whole) {
    contribution_line_t own = *whole, rest = *whole;
    int rc = district_fees_own_part(w->policy, w->person->division, w->on, &own.amount, w->err);
    if (rc || own.amount >= whole->amount) return rc ? rc : put_line(w, whole);
    own.computed = rest.computed = false;
    own.base = rest.base = 0;
    own.rate = rest.rate = 0;
    own.rule = own.payer_rule = rest.payer_rule = w->policy->district_fees->rule;
    rest.payer = PAYER_FINANCE;
    rest.amount = whole->amount - own.amount;
    rc = put_line(w, &own);
    return rc ? rc : put_line(w, &rest);
}

static int add_line(const work_t *w, const line_t *line) {
    const row_t *payer = table_row(&line->payers, &w->facts, w->on);
    if (!payer) return err_set(w->err, E_POLICY, "the policy does not say who pays %s", line->item);
    contribution_line_t to = {.item = line->item, .payer = payer->payer, .rule = line->rule, .payer_rule = payer->rule};
    int rc = compute(w, line, &to);
    if (!rc && fen_add(w->out->total, to.amount, &w->out->total))
        rc = err_field(w->err, E_OUT_OF_RANGE, "person.wage", "the total is too large");
    if (rc) return rc;
    return follows_district(w, to.item, to.payer) ? put_parts(w, &to) : put_line(w, &to);
}

static int add_lines(work_t *w, const lines_t *lines, const char *field) {
    int rc = E_OK;
    if (lines->count == 0)
        return err_field(w->err, E_UNSUPPORTED, field, "%s has no such contribution", w->policy->city);
    char day[DATE_TEXT_MAX];
    if (w->on < lines->from)
        return err_field(w->err, E_NOT_IN_FORCE, field, "no contribution rule is in force on %s",
                         date_format(w->on, day));
    for (uint32_t i = 0; i < lines->count && !rc; i++)
        if (when_holds(&lines->items[i].when, &w->facts, w->on)) rc = add_line(w, &lines->items[i]);
    return rc;
}

// Who is asked about, before what is due. Of several faults the first of the stated order is told.
static int check_case(work_t *w, const lines_t *lines, bool yearly, const char *field) {
    const contribution_person_t *p = w->person;
    int rc = state_facts(w);
    // Who is not insured owes nothing, neither by the month nor by the year.
    const bool insured = !rc && policy_has_identity(w->policy, p->identity);
    if (insured) rc = check_missing(w, lines);
    if (rc) return rc;
    if (insured && (w->policy->coverage.yearly >> p->identity & 1) != (yearly ? 1u : 0u))
        return err_field(w->err, E_INVALID_FIELD, field, "%s pays by the %s", identity_name((int)p->identity),
                         yearly ? "month" : "year");
    if (p->wage < 0 || p->wage > MONEY_MAX)
        return err_field(w->err, E_OUT_OF_RANGE, "person.wage", "a wage is between 0.00 and 10 billion yuan");
    if (!insured)
        return err_field(w->err, E_UNSUPPORTED, "person.identity", "%s does not insure %s", w->policy->city,
                         identity_name((int)p->identity));
    return E_OK;
}

static int due(const policy_t *policy, const contribution_person_t *person, const lines_t *lines, date_t on,
               bool yearly, const char *field, contribution_result_t *out, err_t *err) {
    contribution_result_t result = {.due_by = DATE_NONE};
    work_t w = {.policy = policy, .person = person, .on = on, .yearly = yearly, .out = &result, .err = err};
    int rc = check_case(&w, lines, yearly, field);
    if (!rc) rc = add_lines(&w, lines, field);
    if (rc) return rc;
    if (yearly && lines->due_rule && date_valid(date_year(on) - 1, lines->due_month, lines->due_day)) {
        result.due_by = date_make(date_year(on) - 1, lines->due_month, lines->due_day);
        result.due_rule = lines->due_rule;
    }
    result.no_refund = yearly && lines->no_refund_rule;
    result.no_refund_rule = yearly ? lines->no_refund_rule : NULL;
    *out = result;
    return E_OK;
}

// Ages are those of 1 January; dated rules those of the 1st of the month.
int contribution_month(const policy_t *policy, const contribution_person_t *person, month_t month,
                       contribution_result_t *out, err_t *err) {
    return due(policy, person, &policy->monthly, month_first(month), false, "month", out, err);
}

int contribution_year(const policy_t *policy, const contribution_person_t *person, int year, contribution_result_t *out,
                      err_t *err) {
    if (!date_valid(year, 1, 1)) return err_field(err, E_OUT_OF_RANGE, "year", "a year between 1900 and 2199");
    return due(policy, person, &policy->yearly, date_make(year, 1, 1), true, "year", out, err);
}
