// Identifiers checked character by character. No sentence here ever contains the identifier of a person.
#include "ids.h"
#include <string.h>

static bool all_digits(const char *text, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (text[i] < '0' || text[i] > '9') return false;
    return true;
}

static bool has_length(const char *text, size_t length) { return text && strnlen(text, length + 1) == length; }

static int number(const char *digits, int count) {
    int value = 0;
    for (int i = 0; i < count; i++) value = value * 10 + (digits[i] - '0');
    return value;
}

// Weights are 2^(17 − i) mod 11 (ISO 7064 MOD 11-2), so the running form is one doubling per digit.
char citizen_id_check_char(const char digits[static 17]) {
    int sum = 0;
    for (int i = 0; i < 17; i++) sum = (sum + (digits[i] - '0')) * 2 % 11;
    return "0123456789X"[(12 - sum) % 11];
}

int citizen_id_check(const char *id, citizen_t *out, err_t *err) {
    static const char field[] = "citizen_id";
    if (!has_length(id, CITIZEN_ID_LENGTH))
        return err_field(err, E_INVALID_FIELD, field, "a citizen ID has 18 characters");
    if (!all_digits(id, 17))
        return err_field(err, E_INVALID_FIELD, field, "the first 17 characters of a citizen ID are digits");
    if (id[0] == '0')
        return err_field(err, E_INVALID_FIELD, field, "the division of a citizen ID does not begin with 0");
    int year = number(id + 6, 4), month = number(id + 10, 2), day = number(id + 12, 2);
    if (!date_valid(year, month, day))
        return err_field(err, E_INVALID_FIELD, field, "characters 7 to 14 of a citizen ID must be a date of birth");
    if (id[17] == 'x')
        return err_field(err, E_INVALID_FIELD, field, "the check character X of a citizen ID is written upper case");
    if (id[17] != citizen_id_check_char(id))
        return err_field(err, E_INVALID_FIELD, field, "the check character of the citizen ID does not fit");
    if (out) {
        *out = (citizen_t){.birth = date_make(year, month, day), .male = (id[16] - '0') % 2 == 1};
        memcpy(out->division, id, DIVISION_LENGTH);
    }
    return E_OK;
}

static const char uscc_alphabet[] = "0123456789ABCDEFGHJKLMNPQRTUWXY"; // without I O S V Z

// NUL when a character is not in the alphabet. Weights are 3^i mod 31.
char uscc_check_char(const char body[static 17]) {
    int sum = 0, weight = 1;
    for (int i = 0; i < 17; i++) {
        const char *at = body[i] ? strchr(uscc_alphabet, body[i]) : NULL;
        if (!at) return 0;
        sum = (sum + (int)(at - uscc_alphabet) * weight) % 31;
        weight = weight * 3 % 31;
    }
    return uscc_alphabet[(31 - sum) % 31];
}

int uscc_check(const char *code, err_t *err) {
    static const char field[] = "uscc";
    if (!has_length(code, USCC_LENGTH))
        return err_field(err, E_INVALID_FIELD, field, "a unified social credit code has 18 characters");
    char check = uscc_check_char(code);
    if (!check)
        return err_field(err, E_INVALID_FIELD, field,
                         "a unified social credit code has digits and upper-case letters without I, O, S, V, Z");
    if (!all_digits(code + 2, DIVISION_LENGTH))
        return err_field(err, E_INVALID_FIELD, field,
                         "characters 3 to 8 of a unified social credit code are the digits of a division");
    if (code[17] != check)
        return err_field(err, E_INVALID_FIELD, field,
                         "the check character of the unified social credit code does not fit");
    return E_OK;
}

int division_check(const char *code, err_t *err) {
    if (!has_length(code, DIVISION_LENGTH) || !all_digits(code, DIVISION_LENGTH) || code[0] == '0')
        return err_field(err, E_INVALID_FIELD, "division",
                         "an administrative division has six digits and does not begin with 0");
    return E_OK;
}

int facility_code_check(const char *code, err_t *err) {
    static const char field[] = "facility";
    if (!has_length(code, FACILITY_CODE_LENGTH))
        return err_field(err, E_INVALID_FIELD, field, "a facility code has 12 characters");
    if (code[0] != 'H' && code[0] != 'P')
        return err_field(err, E_INVALID_FIELD, field, "a facility code begins with H (hospital) or P (pharmacy)");
    if (!all_digits(code + 1, 11) || code[1] == '0')
        return err_field(
            err, E_INVALID_FIELD, field,
            "behind its letter a facility code has the six digits of a division and five of a serial number");
    return E_OK;
}

int name_check(const char *what, const char *text, err_t *err) {
    size_t length = text ? strnlen(text, 65) : 0;
    if (length < 1 || length > 64)
        return err_field(err, E_INVALID_FIELD, what, "%s must have 1 to 64 characters", what);
    for (size_t i = 0; i < length; i++) {
        char c = text[i];
        bool fine = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '.' ||
                    c == '_' || c == ':' || c == '-';
        if (!fine)
            return err_field(err, E_INVALID_FIELD, what, "%s may only have letters, digits and . _ : - (character %zu)",
                             what, i + 1);
    }
    return E_OK;
}
