// What a month that was paid owes when it turns out to be another month than it was billed as: on another wage, or in
// another district. Pure. What it owes more becomes a bill of its own (period "2018-03 diff 01"), line by line; where
// it owes less, or elsewhere, one bill takes the place of all that was paid for it.
#pragma once
#include "collection.h"

typedef struct difference {
    Tc__ContributionBill *anew; // in place of the paid ones, with their first day of payment; NULL: they stay
    Tc__ContributionBill *more; // owed beside; NULL: nothing. Its period is still that of the month
} difference_t;

// `paid`: the bills paid for the period, by period text, at least one. `target`: what the period owes now; NULL: no
// other sums than were paid. `division`: where. E_UNSUPPORTED when it owes more of one line and less of another, and
// more in all: no sum settles that.
int difference_find(Tc__ContributionBill *const *paid, size_t count, const Tc__ContributionBill *target,
                    const char *division, arena_t *arena, difference_t *out, err_t *err) MUST_USE;
