// Section `standards` of a city file: how values that the city itself sets come into force. `approved`: of these a
// value counts only when the named body has approved it, and from the approval on at the earliest; a file with another
// one is refused. `yearly`: these are set anew for every year, with regard to certain things. `together`: when one is
// raised, the other is raised as well. What is not as the last two say is for a person to look at (`tongchou policy
// check`).
#pragma once
#include "tables.h"

enum { STANDARDS_MAX = 64, REGARDS_MAX = 16 };

typedef struct yearly_standard {
    const series_t *const *of;
    uint32_t count;
    const char *const *regards;
    uint32_t regard_count;
    const char *rule;
} yearly_standard_t;

typedef struct standard_raise {
    const series_t *raised, *follows;
    const char *rule;
} standard_raise_t;

typedef struct standards_rules {
    const char *approved_by, *approved_rule; // NULL: no approval is asked for
    const yearly_standard_t *yearly;
    uint32_t yearly_count;
    const standard_raise_t *together;
    uint32_t raise_count;
} standards_rules_t;

typedef enum standard_fault {
    STANDARD_NOT_RENEWED,     // no value begins in this year, and an earlier one goes on
    STANDARD_WITHOUT_REGARD,  // a value does not say that it was set with regard to what the law names
    STANDARD_NOT_RAISED_ALONG // one was raised, the other was not
} standard_fault_t;

typedef struct standard_finding {
    standard_fault_t fault;
    const char *parameter; // at fault
    const char *word;      // what was not regarded, or the parameter that was raised; "" otherwise
    date_t from;           // the value's first day, or the first of the year
    const char *rule;
} standard_finding_t;

// "from 2022-01-01 it was not raised with resident_subsidy", for a person.
void standard_sentence(const standard_finding_t *finding, char *text, size_t room);

typedef void standard_tell_t(void *self, const standard_finding_t *finding);

// Tells what of the yearly standards and the raises a person should look at, in years up to `last_year`. Pure.
void standards_check(const policy_t *policy, int last_year, standard_tell_t *tell, void *self);
