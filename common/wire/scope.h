// What of a city a party may see and change: districts (区划, by prefix of their codes) and designated facilities. The
// registry gives it to a key, the broker writes it into every request, the services enforce it. The text is
// "divisions=440703,440704;facilities=H44070300001"; a part that is left out does not restrict, "" is the whole city.
#pragma once
#include "common/base/check.h"
#include "common/base/err.h"
#include <stdbool.h>

enum { SCOPE_BYTES = 256 };

// E_INVALID_FIELD (field "divisions" or "facilities"): a code with other characters than A-Z a-z 0-9 _ - or none,
// E_TOO_LARGE over SCOPE_BYTES - 1. Lists with commas, NULL or "": not restricted.
int scope_make(char out[static SCOPE_BYTES], const char *divisions, const char *facilities, err_t *err) MUST_USE;
bool scope_is_whole(const char *scope); // NULL counts as ""
bool scope_names_divisions(const char *scope);
bool scope_names_facilities(const char *scope);
// A district lies in a listed one when its code begins with that. No district ("") lies in none.
bool scope_has_division(const char *scope, const char *division);
bool scope_has_facility(const char *scope, const char *facility);
// E_DENIED with a sentence that names neither person nor amount; E_OK when it has it.
int scope_check_division(const char *scope, const char *division, err_t *err) MUST_USE;
int scope_check_facility(const char *scope, const char *facility, err_t *err) MUST_USE;
