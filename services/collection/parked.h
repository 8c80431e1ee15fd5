// Receipts that matched nothing, until a person decides: methods list_receipts_parked and resolve_receipt. A decision
// is match (again), apply (pay the periods it covers in full, oldest first, and keep the rest as the payer's credit) or
// return (give it back); a booked receipt can be returned too, its bills are owed again then. Each keeps who and why.
#pragma once
#include "desk.h"

int parked_list(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                err_t *err);
int parked_resolve(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                   err_t *err);
