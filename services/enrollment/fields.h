// Checks of what people send to enrolment: each names the field at fault and says what was expected.
#pragma once
#include "common/policy/policy.h"

// A text as people write it: not empty, at most 200 bytes, one line. That it is UTF-8 was checked when it was unpacked.
int field_text(const char *field, const char *text, err_t *err) MUST_USE;
// One of our own identifiers.
int field_name(const char *field, const char *text, err_t *err) MUST_USE;
// A division code of the right form; with `policy` one of the pool, too.
int field_division(const char *field, const char *division, const policy_t *policy, err_t *err) MUST_USE;
int field_date(const char *field, const char *text, date_t *out, err_t *err) MUST_USE;
int field_month(const char *field, const char *text, month_t *out, err_t *err) MUST_USE;
// A day on which something has happened: not after `today`.
int field_past_date(const char *field, const char *text, date_t today, date_t *out, err_t *err) MUST_USE;
// A monthly contribution wage; field "wage".
int field_wage(bool given, fen_t wage, err_t *err) MUST_USE;
// 0 … most months.
int field_months(const char *field, int32_t months, int32_t most, err_t *err) MUST_USE;
// Put the field's name on what a checker of identifiers said with `rc`.
int field_named(const char *field, int rc, err_t *err) MUST_USE;
int out_of_memory(err_t *err);
