#include "scope.h"
#include <stdio.h>
#include <string.h>

static const char divisions_part[] = "divisions=", facilities_part[] = "facilities=";

// The list behind `part` and its length, NULL when it is not there.
static const char *list_of(const char *scope, const char *part, size_t *length) {
    for (const char *at = scope; at && *at; at = strchr(at, ';') ? strchr(at, ';') + 1 : NULL)
        if (strncmp(at, part, strlen(part)) == 0) {
            *length = strcspn(at + strlen(part), ";");
            return at + strlen(part);
        }
    return NULL;
}

static bool list_has(const char *list, size_t length, const char *code, bool prefix) {
    const char *end = list + length;
    for (const char *at = list; at < end;) {
        const char *comma = memchr(at, ',', (size_t)(end - at));
        const size_t one = (size_t)((comma ? comma : end) - at);
        if (one && strncmp(code, at, one) == 0 && (prefix || code[one] == '\0')) return true;
        at += one + 1;
    }
    return false;
}

bool scope_is_whole(const char *scope) { return !scope || !*scope; }

bool scope_names_divisions(const char *scope) { return list_of(scope, divisions_part, &(size_t){0}); }

bool scope_names_facilities(const char *scope) { return list_of(scope, facilities_part, &(size_t){0}); }

bool scope_has_division(const char *scope, const char *division) {
    size_t length;
    const char *list = list_of(scope, divisions_part, &length);
    return !list || list_has(list, length, division, true);
}

bool scope_has_facility(const char *scope, const char *facility) {
    size_t length;
    const char *list = list_of(scope, facilities_part, &length);
    return !list || list_has(list, length, facility, false);
}

int scope_check_division(const char *scope, const char *division, err_t *err) {
    if (scope_has_division(scope, division)) return E_OK;
    return err_field(err, E_DENIED, "division", "this key works for other districts only");
}

int scope_check_facility(const char *scope, const char *facility, err_t *err) {
    if (scope_has_facility(scope, facility)) return E_OK;
    return err_field(err, E_DENIED, "facility", "this key works for other facilities only");
}

static int check_list(const char *field, const char *list, err_t *err) {
    if (strspn(list, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-,") == strlen(list) &&
        list[0] != ',' && !strstr(list, ",,") && list[strlen(list) - 1] != ',')
        return E_OK;
    return err_field(err, E_INVALID_FIELD, field, "%s must be codes with commas between them", field);
}

int scope_make(char out[static SCOPE_BYTES], const char *divisions, const char *facilities, err_t *err) {
    const bool has_divisions = divisions && *divisions, has_facilities = facilities && *facilities;
    int rc = has_divisions ? check_list("divisions", divisions, err) : E_OK;
    if (!rc && has_facilities) rc = check_list("facilities", facilities, err);
    if (rc) return rc;
    int bytes = snprintf(out, SCOPE_BYTES, "%s%s%s%s%s", has_divisions ? divisions_part : "",
                         has_divisions ? divisions : "", has_divisions && has_facilities ? ";" : "",
                         has_facilities ? facilities_part : "", has_facilities ? facilities : "");
    if (bytes < SCOPE_BYTES) return E_OK;
    return err_set(err, E_TOO_LARGE, "a scope of %d bytes, at most %d are allowed", bytes, SCOPE_BYTES - 1);
}
