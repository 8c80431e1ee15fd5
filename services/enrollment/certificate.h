// The paper behind a membership of a group (困难证明), where the law asks for one (JM-C-05). The city file says in its
// statements of which groups (`certified_groups`), from which day on (`certified_from`), who issues it
// (`certificate_issuers`) and at which levels (`certificate_levels`); and how the departments define the groups in
// detail (`group_categories`; who defines them: `groups_defined_by`, JM-C-04). Pure.
#pragma once
#include "enrollment.h"

// Of a membership that is to begin; `before` has none that this request shortens. E_MISSING_FIELD, E_INVALID_FIELD or
// E_OUT_OF_RANGE with the field at fault and the rule; E_UNSUPPORTED category: the definitions are not published here.
int certificate_check(const enrollment_rules_t *rules, const Tc__PersonState *before, const Tc__SetGroup *ask,
                      err_t *err) MUST_USE;
// A list is the paper of all whom it names when it is an issuer's: `source` is the issuer, or begins with it and one of
// . _ : -. E_INVALID_FIELD source.
int certificate_check_list(const policy_t *policy, const char *group, date_t as_of, const char *source,
                           err_t *err) MUST_USE;
