// The Decision message: from the core's result to the one packed row that is reply, event and accumulator, and back to
// the running totals. Pure; the message lives in a frame that is used again for every bill, so building one allocates
// nothing.
#pragma once
#include "adjudication.pb-c.h"
#include "common/base/arena.h"
#include "entitled.h"
#include "heads.h"

enum { DECISION_CHANGES_MAX = 4 };

typedef struct decision_frame {
    Tc__Decision message;
    Tc__Amount paid[BENEFIT_LAYERS_MAX], used[BENEFIT_TOTALS_MAX];
    Tc__Amount *paid_list[BENEFIT_LAYERS_MAX], *used_list[BENEFIT_TOTALS_MAX];
    Tc__Step steps[BENEFIT_STEPS_MAX];
    Tc__Step *step_list[BENEFIT_STEPS_MAX];
    Tc__Advice advice[BENEFIT_ADVICE_MAX];
    Tc__Advice *advice_list[BENEFIT_ADVICE_MAX];
    char *changed[DECISION_CHANGES_MAX];
} decision_frame_t;

typedef struct decision_facts {
    const policy_t *policy;
    const Tc__Bill *bill;
    const Tc__Entitlement *entitlement;
    const char *division; // where the person was insured on the day of discharge
    const char *identity; // "" when the person was never insured
    int year;
    int64_t seq; // 0 in a quote
    int64_t based_on_seq;
    int64_t decided_ms; // 0 in a quote
    const benefit_result_t *result;
    const benefit_advice_t *advice;
    int advice_count;
    int version;            // 0 in a quote
    const char *request_id; // "" in a quote
} decision_facts_t;

// Valid until the frame is filled again; borrows the texts of the facts.
Tc__Decision *decision_fill(decision_frame_t *frame, const decision_facts_t *facts);
// What moved between a quote and the settled decision: chain, entitlement, policy, own. `changed` borrows constants.
size_t decision_changed(const Tc__Quoted *quoted, const Tc__Decision *decision, char *changed[DECISION_CHANGES_MAX]);
// The totals that a list of them tells. E_POLICY when money stands in one that this policy does not know.
int decision_totals(const policy_t *policy, Tc__Amount *const *used, size_t count, benefit_totals_t *out,
                    err_t *err) MUST_USE;
// Where a chain stands whose newest row is this one. E_POLICY as above.
int decision_head(const policy_t *policy, const Tc__Decision *decision, head_t *out, err_t *err) MUST_USE;
// Every fen of deductible, layers and person is the sum of its steps: E_INTERNAL with the part otherwise.
int decision_check_sums(const Tc__Decision *decision, err_t *err) MUST_USE;
// Add article and sentences of the rules to the steps (borrowed from the policy).
void decision_explain(const policy_t *policy, Tc__Decision *decision);
// May who has this scope (common/wire/scope.h) see and change it? E_DENIED.
int decision_check_scope(const Tc__Decision *decision, const char *scope, err_t *err) MUST_USE;
