// Identifiers of the field, checked for form. All functions return 0 or E_INVALID_FIELD with a sentence that names what
// is wrong but never repeats a citizen ID.
#pragma once
#include "date.h"

#define CITIZEN_ID_LENGTH 18
#define USCC_LENGTH 18
#define FACILITY_CODE_LENGTH 12
#define DIVISION_LENGTH 6

typedef struct citizen {
    char division[DIVISION_LENGTH + 1];
    date_t birth;
    bool male;
} citizen_t;

// Citizen ID (公民身份号码, GB 11643-1999): division, birth date, order, ISO 7064 MOD 11-2 check character ("X" upper
// case).
int citizen_id_check(const char *id, citizen_t *out, err_t *err) MUST_USE;
char citizen_id_check_char(const char digits[static 17]);
// Unified social credit code (统一社会信用代码, GB 32100-2015): 17 characters and a MOD 31 check character.
int uscc_check(const char *code, err_t *err) MUST_USE;
char uscc_check_char(const char body[static 17]);
// Administrative division (行政区划代码, GB/T 2260): six digits, the first not 0.
int division_check(const char *code, err_t *err) MUST_USE;
// Medical facility (医疗机构代码, national medical-insurance standard): H or P, six digits division, five digits
// serial.
int facility_code_check(const char *code, err_t *err) MUST_USE;
// Our own identifiers (person, employer, bill, request …): 1..64 of [A-Za-z0-9._:-].
int name_check(const char *what, const char *text, err_t *err) MUST_USE;
