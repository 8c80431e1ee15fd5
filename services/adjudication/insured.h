// Where a person is insured, as collection says it now, for questions that no stored decision answers.
#pragma once
#include "adjudication.h"

// E_UNAVAILABLE when collection does not answer, E_NOT_FOUND.
int insured_state(adjudication_t *on, const char *person, const Tc__Entitlement **out, err_t *err) MUST_USE;
// E_DENIED: the person is not of the caller's districts. Nobody is asked for whoever has the whole city.
int insured_check(adjudication_t *on, const request_t *request, const char *person, err_t *err) MUST_USE;
