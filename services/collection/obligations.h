// What public money owes for a year (财政补助义务): the lines of that year's bills that finance or the unemployment
// fund pays, by division, item and payer. Method get_obligations.
#pragma once
#include "desk.h"

int obligations_get(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                    err_t *err);
