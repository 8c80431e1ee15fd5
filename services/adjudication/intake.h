// A bill as it was sent, checked field by field for what can be seen without any other data. Pure.
#pragma once
#include "adjudication.pb-c.h"
#include "benefit.h"

#define INTAKE_TOTAL_MAX_FEN INT64_C(1000000000000) // ten billion yuan: sums of a year stay far from the end of int64

// 1 to 64 of A-Z a-z 0-9 . _ : -; E_MISSING_FIELD or E_INVALID_FIELD under the name of the field.
int intake_check_name(const char *field, const char *text, err_t *err) MUST_USE;
int intake_check_facility(const char *code, err_t *err) MUST_USE;
int intake_check_date(const char *field, const char *text, date_t *out, err_t *err) MUST_USE;
// Fill the bill's side of `out` (visit, dates, place, amounts); person and facility are added by the caller. Errors
// name the field as the message's JSON form does: INVALID_FIELD for form, OUT_OF_RANGE for what contradicts other
// fields, the calendar or the limits. `today` is the civil date of the clock; no discharge lies after it. Amounts of a
// bill with lines are not looked at here: they follow from the lines (bill_lines.h).
int intake_check(const Tc__Bill *bill, date_t today, benefit_bill_t *out, err_t *err) MUST_USE;
