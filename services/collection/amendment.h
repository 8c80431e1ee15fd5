// Months and years that were billed on another wage, or in another district, than enrolment tells of them now. What was
// paid is settled by its difference (difference.h): what is owed more is billed beside it and buys no cover; where less
// is owed, or elsewhere, the paid bills are taken out of their receipts (withdrawal.h), one bill takes their place
// under a receipt of its own, and the money that is left is parked until somebody decides: give it back, or apply it.
// What was not paid is told of its new district as it stands.
#pragma once
#include "desk.h"

// `amended`: as renew_arrived notes them, of these persons. After renew_write, inside the transaction. What the policy
// cannot decide stays as it was paid, and is looked at again with the person's next state.
int amendments_write(collection_t *c, const Tc__PersonState *const *persons, const rows_t *amended,
                     err_t *err) MUST_USE;
