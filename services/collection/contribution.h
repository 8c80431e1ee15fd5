// The contribution core: what is due for a person for a month or a year, line by line. Pure. Each line is rounded by
// itself, half up, and the total is their sum (AMB-26 in docs/policy.md). A payer who owes nothing has no line.
#pragma once
#include "common/policy/policy.h"

enum { CONTRIBUTION_LINES_MAX = 12 };

typedef struct contribution_person {
    identity_t identity;
    fen_t wage;   // monthly, for identities that pay on it
    bool no_wage; // the wage is not known: E_MISSING_FIELD where something due rests on it
    uint32_t groups;
    date_t birth;              // DATE_NONE when unknown; needed where a group counts by age
    const char *employer_kind; // enterprise | organ | distressed; NULL = enterprise
    const char *division; // where a yearly fee is owed; NULL when unknown; needed where the district's rule decides
} contribution_person_t;

typedef struct contribution_line {
    const char *item; // "tier1"; owned by the policy
    payer_t payer;
    bool computed; // base × rate; else both are 0 (a fixed amount, or the least that is due)
    fen_t base;
    rate_t rate;
    fen_t amount;
    const char *rule;
    const char *payer_rule; // says who pays it; the same as `rule` where that says so itself
} contribution_line_t;

typedef struct contribution_result {
    int line_count;
    contribution_line_t lines[CONTRIBUTION_LINES_MAX];
    fen_t total;
    date_t due_by;                         // of a year: the last day to pay; DATE_NONE: not said
    bool no_refund;                        // of a year: nothing is paid back within it
    const char *due_rule, *no_refund_rule; // NULL: not said
} contribution_result_t;

// One contribution month (monthly payers; a yearly payer gets E_INVALID_FIELD), or one insurance year (yearly payers).
// The first of several faults, in this order: E_MISSING_FIELD, E_INVALID_FIELD, E_OUT_OF_RANGE, E_UNSUPPORTED (the city
// does not insure the identity, or has no such contribution), E_NOT_IN_FORCE, E_PARAMETER_MISSING (of field
// person.division: the rule of that district is not known; what others owe does not depend on it).
int contribution_month(const policy_t *policy, const contribution_person_t *person, month_t month,
                       contribution_result_t *out, err_t *err) MUST_USE;
int contribution_year(const policy_t *policy, const contribution_person_t *person, int year, contribution_result_t *out,
                      err_t *err) MUST_USE;
