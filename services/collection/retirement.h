// The retirement core: how many contribution months benefits without contribution ask for, how many are missing, and
// what making them up costs (最低缴费年限, 补缴). Pure. Law: section `retirement` of the city file (JM-Y-01…14,
// ZZ-Y01…Y10 in docs/rules/). Missing months are the most that any test lacks, because a month made up counts in every
// test; months in the city that somebody who moved in lacks cannot be made up.
#pragma once
#include "common/policy/policy.h"

enum { RETIREMENT_STEPS_MAX = 8 };

typedef struct retirement_time { // a kind of time by the city's name for it
    const char *kind;
    int64_t months;
} retirement_time_t;

typedef enum relation { RELATION_OPEN, RELATION_REFUSED, RELATION_ENDED } relation_t;

typedef struct retirement_person {
    int sex; // sex_t, −1 when unknown
    bool has_months, has_actual, has_local;
    int64_t months;                // of contribution in all, or
    const retirement_time_t *time; // what they consist of, or
    size_t time_count;
    int64_t actual_months; // months really paid, beside
    int64_t deemed_months; // months that count as such
    month_t joined;        // the scheme for the first time; MONTH_NONE when unknown or never
    bool pension;          // never joined, but has a right to the city's pension
    bool transferred;      // moved in from another city
    int64_t local_months;  // of all months, those paid in this city
    date_t lifelong_since; // had lifelong benefit under former rules from this day on; DATE_NONE: no
    relation_t relation;   // open; the person does not make up what is missing; or it ended so before
} retirement_person_t;

typedef struct retirement_step { // the steps add up to the lump sum; one of 0.00 says which rule decided
    const char *rule;
    fen_t amount;
} retirement_step_t;

typedef struct retirement_result {
    int64_t required, missing;
    fen_t monthly, lump_sum; // of one missing month, rounded half up; and times the missing months
    bool exempt;             // no further premium, benefits go on
    bool has_local;          // the city has a test of local months
    int64_t local_missing;
    bool tells_relation; // the city's law says what becomes of who does not make up
    bool ended;
    int step_count;
    retirement_step_t steps[RETIREMENT_STEPS_MAX];
} retirement_result_t;

// Facts that the city's law asks for, beside the months (local ones of who moved in); 0 in a city without rules of
// retirement.
enum { RETIREMENT_ASKS_SEX = 1, RETIREMENT_ASKS_JOINED = 2, RETIREMENT_ASKS_ACTUAL = 4, RETIREMENT_ASKS_LOCAL = 8 };
int retirement_asks(const policy_t *policy);

// The formality is done `on` this day: its prices and, where the law says so, its table hold. The first of several
// faults, in this order: E_MISSING_FIELD, E_INVALID_FIELD, E_OUT_OF_RANGE, E_UNSUPPORTED, E_NOT_IN_FORCE,
// E_PARAMETER_MISSING.
int retirement_eval(const policy_t *policy, const retirement_person_t *person, date_t on, retirement_result_t *out,
                    err_t *err) MUST_USE;
