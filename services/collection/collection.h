// The decisions of collection (征缴), pure: who owes for a period, the bill, the receipt's parts, and the entitlement
// state that follows from a person's spells and paid bills. Results live in the arena and borrow from their inputs.
#pragma once
#include "collection.pb-c.h"
#include "common/base/arena.h"
#include "common/policy/policy.h"
#include "coverage.h"
#include "enrollment.pb-c.h"

enum { ENTITLEMENT_SPANS_MAX = 256, PERIOD_TEXT_MAX = 16, DIFFERENCES_MAX = 99 };

// A contribution month "2018-03", an insurance year "2018", what is made up at retirement, "2020-03 lump", or what a
// month that was paid owes beside it, "2018-03 diff 01" (difference.h).
typedef struct period {
    bool yearly;
    bool lump;      // covers nothing by itself: its months count as years of contribution (years.h)
    int difference; // its number, 1 to DIFFERENCES_MAX; 0: it is none. It covers nothing by itself either
    month_t month;  // of a year: January
    char text[PERIOD_TEXT_MAX];
} period_t;

// E_MISSING_FIELD or E_INVALID_FIELD, field "period".
int period_parse(const char *text, period_t *out, err_t *err) MUST_USE;
period_t period_of_month(month_t month);
period_t period_of_year(int year);
period_t period_of_lump(month_t month);
period_t period_of_difference(month_t month, int number);

// Where the person was insured on a day: a move holds from its day on, whenever it became known.
const char *person_division(const Tc__PersonState *person, date_t day);
// The day by which the place of a bill is told: the first of the period, or of the spell that begins in it.
date_t period_place_day(const Tc__Spell *spell, const period_t *period);

// The spell under which the person owes for the period, or NULL: monthly payers have one in the month, yearly payers
// one in the year (the latest). Those covered for life owe what the city's lines say, in most cities nothing.
const Tc__Spell *period_spell(const policy_t *policy, const Tc__PersonState *person, const period_t *period);

// The wage that the spell pays on in the period: the last one declared by its first month, else the one it was opened
// with.
fen_t period_wage(const Tc__Spell *spell, const period_t *period);

// The bill of that spell; NULL in *out when nothing is due. `employer_kind` is that of the spell's employer, NULL
// without one.
int bill_make(const policy_t *policy, const Tc__PersonState *person, const Tc__Spell *spell, const char *employer_kind,
              const period_t *period, arena_t *arena, Tc__ContributionBill **out, err_t *err) MUST_USE;

// What of a bill its payer brings by a receipt: the lines of employer and person, and where it has none of these, those
// of the unemployment fund, whose agency pays under the person's number. Finance never pays by such a receipt; 0: it
// pays all, and there is nothing to wait for.
fen_t bill_own(const Tc__ContributionBill *bill);
// Is the line one of those that the receipt of the bill brings? By `own_fen`: a bill whose receipt paid all of it,
// public lines as well, says its total there.
bool bill_brings(const Tc__ContributionBill *bill, const Tc__ContributionLine *line);
// A stored bill, with `own_fen` as its column says; bodies from before there was one do not.
int bill_unpack(const void *body, size_t bytes, fen_t own, arena_t *arena, Tc__ContributionBill **out,
                err_t *err) MUST_USE;

// The receipt that pays `bills`, with parts by item, payer, identity and division of the lines that it brings.
// E_OUT_OF_RANGE (field "amount", both amounts in yuan) when the amount is not their sum.
int receipt_make(const Tc__Receive *ask, Tc__ContributionBill *const *bills, size_t count, arena_t *arena,
                 Tc__Receipt **out, err_t *err) MUST_USE;

typedef struct billed { // what coverage needs to know of a bill
    period_t period;
    identity_t identity;
    const char *employer;
    date_t paid_on; // DATE_NONE: unpaid
    fen_t wage;     // that it was made on; 0: on none, or not known
    bool waived;    // finance pays all of it: it buys what one that is paid in time buys, as long as it is owed
} billed_t;

// Is an unpaid bill still owed under the person's spells, on the wage, as they are now? Paid ones always stand, and so
// does a lump sum, which no spell owes.
bool billed_stands(const policy_t *policy, const Tc__PersonState *person, const billed_t *bill);
// Was a paid month billed on another wage than the one that holds in it under the same spell now?
bool billed_on_another_wage(const policy_t *policy, const Tc__PersonState *person, const billed_t *bill);
// Why a paid bill cannot have been owed, NULL when it can: "died", for a month after the month of death or a year after
// the year of it; "relation_ended", for a month after the one in which the employee relation ended for good (ZZ-Y07).
const char *billed_void(const policy_t *policy, const Tc__PersonState *person, const billed_t *bill);
// What the coverage core is asked for such bills; lives in the arena.
int billed_coverage(const policy_t *policy, const Tc__PersonState *person, const billed_t *bills, size_t count,
                    arena_t *arena, coverage_input_t *out, err_t *err) MUST_USE;
// `bills` in order of period text. Cover ends with the month of death, that of the employee scheme with the month in
// which the relation ended; a number that stands for somebody else has none. Version is left 0.
int entitlement_make(const policy_t *policy, const Tc__PersonState *person, const billed_t *bills, size_t count,
                     arena_t *arena, Tc__Entitlement **out, err_t *err) MUST_USE;
