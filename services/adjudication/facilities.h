// The register of designated facilities as adjudication needs it: level and days under agreement, in memory, rebuilt
// from facility's stream at every start. One thread reads and writes it, between batches.
#pragma once
#include "common/base/date.h"
#include "common/base/err.h"
#include "common/policy/vocabulary.h"
#include "facility.pb-c.h"

enum { FACILITIES_MAX = 65536, FACILITY_AGREEMENTS_MAX = 256 };

typedef struct facilities facilities_t;

typedef struct facility_on {
    level_t level;
    bool primary;
    bool designated; // inside an agreement on the day
} facility_on_t;

facilities_t *facilities_new(void); // NULL when out of memory
void facilities_destroy(facilities_t **facilities);
// Take a state; an older version than the one held is ignored. E_INVALID_FIELD when it is malformed, E_TOO_LARGE past
// the bounds; the state held before stays.
int facilities_apply(facilities_t *facilities, const Tc__FacilityState *state, err_t *err) MUST_USE;
// False: not registered.
bool facilities_find(const facilities_t *facilities, const char *code, date_t day, facility_on_t *out);
size_t facilities_count(const facilities_t *facilities);

// Days up to `today` on which the register says something else than it did: from the first to the last of them. `old`
// NULL: the facility was not registered, which counts as a place outside the city does. Pure. E_INVALID_FIELD when a
// state is malformed.
int facility_difference(const Tc__FacilityState *old, const Tc__FacilityState *now, date_t today, bool *differs,
                        date_t *from, date_t *until, err_t *err) MUST_USE;
