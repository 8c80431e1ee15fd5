// Files of other offices taken in, a chunk of at most IMPORT_ROWS_MAX rows a message: read by keys in one go, each row
// decided by the core as if it had come alone, written in one go. A row known with the same content is `unchanged`, so
// a chunk sent twice changes nothing; a refused row is reported and takes no other with it; a dry chunk writes nothing.
// Rows count in their order: the later of two that exclude each other is refused.
#pragma once
#include "desk.h"

int import_persons(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                   err_t *err);
int import_employers(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                     err_t *err);
int import_wages(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                 err_t *err);
int import_spells(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                  err_t *err);
