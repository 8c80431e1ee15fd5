// Receipts (缴费凭证): what the tax bureau took in, matched to the bills it pays. One by one (receive: what does not
// match is refused) or as chunks of a file (import_receipts: what does not match is parked, never dropped and never
// half-applied).
#pragma once
#include "claim.h"
#include "desk.h"

enum { RECEIPTS_PER_IMPORT = 1000, RECEIPT_TEXT_MAX = 48 }; // a decision may put a period behind a number

int receipts_receive(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                     err_t *err);
int receipts_import(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                    err_t *err);
