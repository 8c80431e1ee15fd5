// The contribution core: what is due for a person for a month or a year, line by line. Pure. Each line is rounded by
// itself, half up, and the total is their sum (AMB-26 in docs/policy.md). A payer who owes nothing has no line.
#pragma once
#include "common/policy/policy.h"

enum { CONTRIBUTION_LINES_MAX = 12 };

typedef struct contribution_person {
    identity_t identity;
    fen_t wage; // monthly, for identities that pay on it
    uint32_t groups;
    date_t birth;              // DATE_NONE when unknown; needed where a group counts by age
    const char *employer_kind; // enterprise | organ | distressed; NULL = enterprise
} contribution_person_t;

typedef struct contribution_line {
    const char *item; // "tier1"; owned by the policy
    payer_t payer;
    fen_t base; // 0 with rate 0: the amount is not base × rate
    rate_t rate;
    fen_t amount;
    const char *rule;
} contribution_line_t;

typedef struct contribution_result {
    int line_count;
    contribution_line_t lines[CONTRIBUTION_LINES_MAX];
    fen_t total;
} contribution_result_t;

// One contribution month (monthly payers; a yearly payer gets E_INVALID_FIELD), or one insurance year (yearly payers).
int contribution_month(const policy_t *policy, const contribution_person_t *person, month_t month,
                       contribution_result_t *out, err_t *err) MUST_USE;
int contribution_year(const policy_t *policy, const contribution_person_t *person, int year, contribution_result_t *out,
                      err_t *err) MUST_USE;
