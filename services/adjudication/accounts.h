// The methods about personal accounts: message in, message out (common/daemon/commands.h). `self` is the
// adjudication_t.
#pragma once
#include "adjudication.h"

// A page of 100 entries, newest first. Of a number that stands for another person its own entries.
int account_get(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                err_t *err);
// The owner's consent, as a clerk records it; that the two are relatives is the clerk's to see.
int account_share(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                  err_t *err);
int account_correct(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                    err_t *err);
