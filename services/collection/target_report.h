// What is done of a year's targets (method get_targets). Counted: persons whose cover includes the day `as_of`, in the
// district where they are on that day; what employers, persons and the unemployment fund have paid of the year's bills;
// what finance has paid of them, by tier and item. A line of a district stands also where no target is set.
#pragma once
#include "targets.h"

// The caller's districts; lines of the whole city only for who has it. It counts the whole city: slice by slice, with
// E_UNAVAILABLE until it is whole (counting.h). Lives until the next count; the scratch arena is free afterwards.
typedef struct target_ask {
    int year;
    date_t as_of;   // who is insured is counted on that day
    date_t late_on; // what is missing on that day is late since the end of the year
    bool history;
} target_ask_t;
int target_report(collection_t *c, const target_ask_t *ask, Tc__Targets **out, err_t *err) MUST_USE;
