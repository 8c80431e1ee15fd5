// The index `member` tells whom the next list of a source must name again. Stores that knew memberships before there
// was one have it filled behind their back, MEMBER_INDEX_STEP persons at a time: table member_backfill holds how far
// that has come, and is empty when all are in it. Persons who change meanwhile are entered by whoever changes them.
#pragma once
#include "desk.h"

enum { MEMBER_INDEX_STEP = 2000 };

// One step, inside a transaction; *more says whether there is something left to do. Cheap once all is done.
int member_index_step(enrollment_t *e, bool *more, err_t *err) MUST_USE;
// Every turn of the service: a transaction of its own for one step, until all is done.
void member_index_tick(enrollment_t *e, int64_t now_ms);
