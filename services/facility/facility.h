// The decisions of the facility register (定点医药机构), pure: from the state before and the request to the state
// after, or why not. All results live in the arena.
#pragma once
#include "common/base/arena.h"
#include "common/base/check.h"
#include "common/base/err.h"
#include "facility.pb-c.h"

enum { FACILITY_AGREEMENTS_MAX = 64 };

// All: 0, or E_INVALID_FIELD / E_MISSING_FIELD / E_OUT_OF_RANGE / E_TOO_LARGE / E_EXISTS / E_NOT_FOUND with the field
// at fault.
int facility_register(const Tc__RegisterFacility *ask, arena_t *arena, Tc__FacilityState **after, err_t *err) MUST_USE;
// Agreements of one facility never overlap; they stay in order whatever the order of signing.
int facility_sign(const Tc__FacilityState *before, const Tc__SignAgreement *ask, arena_t *arena,
                  Tc__FacilityState **after, err_t *err) MUST_USE;
// The last day may only become earlier: an agreement is prolonged by signing the next one.
int facility_end(const Tc__FacilityState *before, const Tc__EndAgreement *ask, arena_t *arena,
                 Tc__FacilityState **after, err_t *err) MUST_USE;
