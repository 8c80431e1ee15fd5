// The benefit core: what one bill is worth under a policy, given the year's running totals. Pure: no I/O, no clock, no
// allocation. Law: the city file's articles; order of computation: docs/policy.md, section "benefit".
//
// Parts always add up: fund = Σ paid[layer], fund + person = total. Every step belongs to a part (the deductible, a
// layer or the person), and the amounts of one part add up to `deductible`, `paid[layer]` or `person`. The deductible
// is explained by its own steps and stands once more among the person's, in one step under the rule that grants it, as
// the part of the person's share that it is; what the layers leave over and what lies outside the scope have their own.
// Every change that a rule makes to a rate or a limit is a step of that rule, so an amount can be traced to whoever
// caused it. The order of bills of one person and year is the caller's business.
#pragma once
#include "common/policy/policy.h"

enum {
    BENEFIT_LAYERS_MAX = 8,
    BENEFIT_TOTALS_MAX = 16,
    BENEFIT_STEPS_MAX = 96,
    BENEFIT_ADVICE_MAX = 8,
    BENEFIT_PART_DEDUCTIBLE = 254,
    BENEFIT_PART_PERSON = 255
};

typedef struct benefit_bill {
    identity_t identity;
    uint32_t groups; // GROUP_BITs that hold on the discharge day
    bool covered;
    int32_t months_tier1; // continuous months that hold on the service month (n1)
    int32_t months_tier2; // n2
    level_t level;
    bool designated;
    bool primary;
    visit_t visit;
    date_t from, to; // admission, discharge; `to` picks rules and year
    area_t area;
    filing_t filing;
    bool childbirth, family_bed;
    bool referral;          // inside a filed referral episode
    fen_t deductible_borne; // borne already in that episode
    fen_t total, in_scope;  // 0 <= in_scope <= total
    fen_t class_b;          // of in_scope: of which the person pays a share before everything
    point_t point;          // outpatient: which chosen point this is
    bool referred;          // … and the chosen primary point referred here
    date_t referred_on;
    int32_t cover_months; // of tier 2 in the year, up to and including this one (k): 0 … 12
} benefit_bill_t;

typedef struct benefit_totals {
    fen_t value[BENEFIT_TOTALS_MAX]; // by policy_total_name()
} benefit_totals_t;

typedef struct benefit_step {
    const char *rule; // rule ID, owned by the policy
    uint8_t part;     // layer index, BENEFIT_PART_DEDUCTIBLE or BENEFIT_PART_PERSON
    rate_t rate;      // 0 when the step is not base × rate
    fen_t base;
    fen_t amount; // may be negative (a cap takes away)
} benefit_step_t;

typedef enum benefit_decision { BENEFIT_PAID, BENEFIT_NOT_COVERED, BENEFIT_MANUAL } benefit_decision_t;

typedef struct benefit_result {
    benefit_decision_t decision;
    const char *reason; // why not, when not paid; owned by the policy
    fen_t deductible;
    fen_t paid[BENEFIT_LAYERS_MAX];
    fen_t fund, person; // fund + person = total
    benefit_totals_t after;
    int step_count;
    benefit_step_t steps[BENEFIT_STEPS_MAX];
} benefit_result_t;

// What was worked out for one bill serves the next like it: a memo keeps it, for as many bills as one likes. It changes
// no answer, is of one size (about 2 MB, touched as it fills) and belongs to one thread at a time. Policies may change
// under it. NULL when out of memory.
typedef struct benefit_memo benefit_memo_t;
benefit_memo_t *benefit_memo_new(void) MUST_USE;
void benefit_memo_destroy(benefit_memo_t **memo);

// `with_steps` false leaves the steps out (replay of a year under a draft). Errors name the field as in the contract:
// E_INVALID_FIELD / E_OUT_OF_RANGE (contradictory input), E_UNSUPPORTED, E_NOT_IN_FORCE (no rule for the discharge
// day), E_PARAMETER_MISSING (field = the parameter's name). On error `out` is untouched.
int benefit_eval(const policy_t *policy, const benefit_bill_t *bill, const benefit_totals_t *before, bool with_steps,
                 benefit_result_t *out, err_t *err) MUST_USE;
// The same, with a memo.
int benefit_eval_with(benefit_memo_t *memo, const policy_t *policy, const benefit_bill_t *bill,
                      const benefit_totals_t *before, bool with_steps, benefit_result_t *out, err_t *err) MUST_USE;

typedef struct benefit_advice {        // what would have cost the person less
    const char *rule, *text, *text_zh; // owned by the policy
    fen_t person, less;                // what the person would have paid, and by how much that is less
} benefit_advice_t;
// The advice of the city's policy that fits a paid bill and pays: the same core, asked again with other facts. `answer`
// is what benefit_eval() gave for it. Returns how many.
int benefit_advise(const policy_t *policy, const benefit_bill_t *bill, const benefit_totals_t *before,
                   const benefit_result_t *answer, benefit_advice_t out[BENEFIT_ADVICE_MAX]);
// Does the city's file itself say which share of class B is paid first, for a bill like this one?
bool benefit_has_first_pay(const policy_t *policy, const benefit_bill_t *bill);
const char *benefit_decision_name(benefit_decision_t decision);  // paid, not_covered, manual
const char *benefit_part_name(const policy_t *policy, int part); // "tier1", "deductible", "person"
