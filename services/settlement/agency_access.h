// Who may come in, as two files say: the key registry and agencies.yaml beside it, both read again when they change. A
// file that became unusable is reported and the last good one stays in force; before there is a good one nobody gets
// in.
#pragma once
#include "common/wire/curve.h"
#include "grants.h"

typedef struct agency_access agency_access_t;

// `dir`: the key directory. Files that cannot be used are no failure here: they are reported and watched.
int agency_access_new(agency_access_t **out, const char *dir, err_t *err) MUST_USE;
void agency_access_destroy(agency_access_t **access);
// Look at the files: true when what it says may have changed.
bool agency_access_refresh(agency_access_t *access);
// The grant of a public key (Z85) that the registry has in the role of an agency; NULL when there is none. Until the
// next refresh.
const grant_t *agency_access_of(const agency_access_t *access, const char *key);
