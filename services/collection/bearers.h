// The funds that bear what public money owes for residents (补助资金来源), where the law names them: statement
// `subsidy_borne_by` of the city file (JM-C-06). And what is funded by rules of its own, so that none of it is booked
// here: `funded_by_separate_rules` (JM-C-36).
#pragma once
#include "desk.h"

// May a subsidy be booked on this item, and paid by this fund ("": not said)? E_UNSUPPORTED (field `item` or `fund`),
// E_INVALID_FIELD (`fund`): the law names others.
int bearers_check(const policy_t *policy, const Tc__ReceiveSubsidy *ask, err_t *err) MUST_USE;
// Who bears it and what each has paid for the year, in the order of the law: in the caller's districts only.
int bearers_tell(collection_t *c, int year, Tc__Obligations *out, err_t *err) MUST_USE;
