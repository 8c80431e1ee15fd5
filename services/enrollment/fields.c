#include "fields.h"
#include "common/base/ids.h"
#include <string.h>

enum { TEXT_BYTES_MAX = 200 };

int out_of_memory(err_t *err) { return err_set(err, E_IO, "out of memory"); }

static int missing(const char *field, err_t *err) {
    return err_field(err, E_MISSING_FIELD, field, "%s is missing", field);
}

int field_text(const char *field, const char *text, err_t *err) {
    if (!*text) return missing(field, err);
    if (strlen(text) > TEXT_BYTES_MAX)
        return err_field(err, E_TOO_LARGE, field, "%s is longer than %d bytes", field, TEXT_BYTES_MAX);
    for (const unsigned char *c = (const unsigned char *)text; *c; c++)
        if (*c < 0x20 || *c == 0x7f) return err_field(err, E_INVALID_FIELD, field, "%s has a control character", field);
    return 0;
}

int field_name(const char *field, const char *text, err_t *err) {
    if (!*text) return missing(field, err);
    int rc = name_check(field, text, err);
    return rc ? err_field(err, rc, field, "%s: expected 1 to 64 of A-Z a-z 0-9 . _ : -", field) : 0;
}

int field_named(const char *field, int rc, err_t *err) {
    if (rc && err) {
        err_t said = *err;
        return err_field(err, rc, field, "%s", said.text);
    }
    return rc;
}

int field_division(const char *field, const char *division, const policy_t *policy, err_t *err) {
    if (!*division) return missing(field, err);
    int rc = field_named(field, division_check(division, err), err);
    if (rc) return rc;
    if (policy && !policy_has_division(policy, division))
        return err_field(err, E_OUT_OF_RANGE, field, "%s is no district of this pool", division);
    return 0;
}

int field_date(const char *field, const char *text, date_t *out, err_t *err) {
    if (!*text) return missing(field, err);
    if (date_parse(text, out))
        return err_field(err, E_INVALID_FIELD, field, "%s: expected a date like 2018-03-01", field);
    return 0;
}

int field_month(const char *field, const char *text, month_t *out, err_t *err) {
    if (!*text) return missing(field, err);
    if (month_parse(text, out))
        return err_field(err, E_INVALID_FIELD, field, "%s: expected a month like 2018-03", field);
    return 0;
}

int field_past_date(const char *field, const char *text, date_t today, date_t *out, err_t *err) {
    int rc = field_date(field, text, out, err);
    if (rc == 0 && *out > today) rc = err_field(err, E_OUT_OF_RANGE, field, "%s: %s has not come yet", field, text);
    return rc;
}

int field_months(const char *field, int32_t months, int32_t most, err_t *err) {
    if (months >= 0 && months <= most) return 0;
    return err_field(err, E_OUT_OF_RANGE, field, "%s: expected 0 to %d months", field, (int)most);
}
