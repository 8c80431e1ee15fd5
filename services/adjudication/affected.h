// Which persons and years a change of the past concerns: those with a standing bill that fits. Reads only, page by page
// in the order of the decisions' primary key, so that a scan may be broken off and go on anywhere.
//
// There is no index by facility or day: it would cost every bill that is settled, for a question asked some dozen times
// a year (docs/readjudication.md has the figures). A page looks at a bounded number of person-years, so it may well be
// empty and not the last one. Bodies are decoded only where a filter asks for what stands in them.
#pragma once
#include "common/base/date.h"
#include "common/store/store.h"
#include "readjudication.pb-c.h"

enum { AFFECTED_LIMIT = 500, AFFECTED_LIMIT_MAX = 5000 };

// What changed in the register: bills of this facility discharged on these days, if they were decided before it did.
typedef struct touched_facility {
    const char *facility;
    date_t from, until;
    int64_t decided_before_ms;
} touched_facility_t;

typedef struct touched_list { // ascending by code
    const touched_facility_t *items;
    size_t count;
} touched_list_t;

// What changed in the catalogues: bills with a line of this kind and code used on these days.
typedef struct touched_line {
    const char *kind, *code;
    date_t from, until;
} touched_line_t;

typedef struct touched_lines { // ascending by code and kind
    const touched_line_t *items;
    size_t count;
    bool every; // any line used from `from` to `until`
    date_t from, until;
    int64_t decided_before_ms;
} touched_lines_t;

// E_INVALID_FIELD / E_OUT_OF_RANGE with the field.
int affected_check(const Tc__FindAffected *ask, err_t *err) MUST_USE;
// One page behind the cursor of `ask`, which was checked. `touched` NULL: whatever the facility; `lines` NULL: those
// that `ask` names. `answer` lives in the arena.
int affected_page(store_t *store, const Tc__FindAffected *ask, const touched_list_t *touched,
                  const touched_lines_t *lines, arena_t *arena, Tc__Affected **answer, err_t *err) MUST_USE;
