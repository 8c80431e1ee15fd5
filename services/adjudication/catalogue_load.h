// Loading the catalogues row by row, and looking an entry up. A row replaces nothing: one that overlaps another of the
// same kind and code is refused, except that it may end an open one the day before it begins; the same row again is
// left alone, so a file may be given twice.
#pragma once
#include "adjudication.h"

enum { CATALOGUE_LOAD_ROWS_MAX = 1000 };

int catalogue_load(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                   err_t *err);
int catalogue_get_item(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                       err_t *err);
