// Is a case well formed? Its kind's table says which fields there are.
#pragma once
#include "kind.h"

const field_t *field_find(const eval_kind_t *kind, const char *path);
// UNKNOWN_FIELD, MISSING_FIELD, INVALID_FIELD, OUT_OF_RANGE (a count too large), the first of this order.
int fields_check(const eval_t *eval, const eval_kind_t *kind, const json_t *root, err_t *err) MUST_USE;
