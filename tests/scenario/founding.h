// A little city of Jiangmen in a running suite, as scenarios need it before their first bill: a hospital, an employer,
// people, what they owe paid. All in division 440703, asked for as admin. Each returns 0, or −1 with a word on standard
// error; an answer held from running_call() does not outlive a call.
#pragma once
#include "running.h"

// H99000100001, of level 2, with its agreement A1 from one day until another ("2018-01-01").
int found_hospital(running_t *running, const char *from, const char *until);
int found_employer(running_t *running); // E1
// The serial (below 1000) makes the citizen id. What he is from January 2018 on is told in JSON members, as
// RESIDENT and EMPLOYEE do.
int found_person(running_t *running, const char *person, int serial, const char *spell);
#define RESIDENT "\"identity\":\"resident\",\"prior_months_tier1\":36"
#define EMPLOYEE "\"identity\":\"employee\",\"employer\":\"E1\",\"wage\":\"5000.00\",\"prior_months_tier1\":30"
// All that a payer ("person" or "employer", and which) owes for a billed period ("2018", "2018-03").
int pay_due(running_t *running, const char *receipt, const char *kind, const char *payer, const char *period,
            const char *paid_on);
