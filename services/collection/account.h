// The account core: what a month credits to the personal account (个人账户). Pure. Law: section `account` of the city
// file (for the first city JM-A-01…20 in docs/rules/). Ages are completed years on the 1st of the month; each product
// is rounded by itself, half up.
#pragma once
#include "common/policy/policy.h"

enum { ACCOUNT_STEPS_MAX = 6 };

typedef enum account_reference_kind { REFERENCE_NONE, REFERENCE_ACTUAL, REFERENCE_HIGHEST } account_reference_kind_t;

// What was credited under the former standard: in its last month (actual), at most ever (highest), or nothing (none).
typedef struct account_reference {
    account_reference_kind_t kind;
    bool has_amount, has_base;
    fen_t amount, base; // the base it was credited on
} account_reference_t;

typedef struct account_person {
    identity_t identity;
    date_t birth; // DATE_NONE when unknown
    bool has_base, has_reference;
    fen_t base; // of contribution, this month
    account_reference_t reference;
    month_t joined;            // the scheme that has accounts, for the first time; MONTH_NONE when unknown: long ago
    const char *employer_kind; // NULL = enterprise
    bool unpaid;               // the month has not been paid, neither in time nor later
} account_person_t;

typedef struct account_step { // the steps add up to the credit; one of 0.00 says which rule decided
    const char *rule;
    fen_t amount;
} account_step_t;

typedef struct account_result {
    fen_t credit;
    int step_count;
    account_step_t steps[ACCOUNT_STEPS_MAX];
} account_result_t;

// The first of several faults, in this order: E_MISSING_FIELD (a fact that decides), E_INVALID_FIELD, E_OUT_OF_RANGE,
// E_UNSUPPORTED (the city does not insure the identity, or has no account for it), E_NOT_IN_FORCE, E_PARAMETER_MISSING.
int account_credit(const policy_t *policy, const account_person_t *person, month_t month, account_result_t *out,
                   err_t *err) MUST_USE;
