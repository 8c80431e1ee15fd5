// Section `retirement` of a city file: the contribution years that benefits without contribution ask for, and what a
// shortfall costs (最低缴费年限, 补缴).
#pragma once
#include "tables.h"

enum { RETIREMENT_PERIODS_MAX = 8, RETIREMENT_MONTHS_MAX = 1200 };

typedef struct retirement_period { // a kind of time: does it count?
    const char *name, *rule;
    bool counts;
} retirement_period_t;

typedef struct retirement_test { // a least number of months of one kind; no `months`: none is asked
    ref_t months;
    const char *rule;
} retirement_test_t;

typedef struct retirement_rules {
    const char *rule;
    date_t from;
    bool by_joining;    // the dates of `required` are those of first joining, else of the formality
    bool asks_sex;      // `required` tells it apart
    derived_t required; // months
    retirement_period_t periods[RETIREMENT_PERIODS_MAX];
    uint32_t period_count;
    retirement_test_t actual; // months really paid: what is missing is made up
    retirement_test_t local;  // months in the city of those who moved in: cannot be made up
    bool price_on_base;       // a missing month costs base × rate …
    uint8_t base;             // place in the list of bases
    ref_t rate, amount;       // … or an amount
    const char *price_rule;
    date_t lifelong_until; // whoever had lifelong benefit on that day keeps it; DATE_NONE: nothing said
    const char *lifelong_rule;
    // NULL where nothing is said: no further premium; who may make up; whoever does not leaves; and stays out.
    const char *exempt_rule, *make_up_rule, *refused_rule, *ended_rule;
} retirement_rules_t;
