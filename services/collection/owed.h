// What public money owes of a year, for a method that books on it (receive_subsidy). Inside its transaction collection
// walks over no more changed partitions than fit a slice (counting.h). Where there are more, the method has to refuse
// with what it gets, E_UNAVAILABLE with field "count", and the walk goes on for a slice when the transaction is over:
// nothing is kept of bills that a transaction has seen which may be undone. The same asked again goes on; when the walk
// came by everywhere the booking is made, also where bills have changed again since, for on a busy day some always
// have. One year at a time: another is E_BUSY meanwhile.
#pragma once
#include "obligations.h"

int owed_read(collection_t *c, int year, obligations_t *out, err_t *err) MUST_USE; // in ctx->arena
void owed_go_on(collection_t *c); // no transaction is open: a slice, if a booking has been refused since the last one
void owed_destroy(owed_t **owed);
