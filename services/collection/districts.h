// Which payers and persons a caller has to do with who has some districts of the city only: those who are there now, as
// enrolment tells it. A payer whom enrolment has not told us of is in none.
#pragma once
#include "desk.h"

// `own[i]`: may the caller have to do with payers[i]? All true for whoever has the whole city.
int districts_own(collection_t *c, const payer_key_t *payers, size_t count, bool *own, err_t *err) MUST_USE;
// E_NOT_FOUND, or E_DENIED: it is in another district. No question is asked for whoever has the whole city.
int districts_check_payer(collection_t *c, const char *employer, const char *person, err_t *err) MUST_USE;
