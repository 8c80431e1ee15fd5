// Visits (就诊): registered → lines → quote → settled → reversed. What became of the bill is asked of its chain, so
// that a visit never says otherwise; lines are taken until the bill is settled or the visit cancelled. Handlers of the
// command shell; `self` is the adjudication_t.
#pragma once
#include "adjudication.h"

enum { VISIT_LINES_PAGE = 500 };

int visit_register(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                   err_t *err);
int visit_add_lines(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                    err_t *err);
int visit_remove_lines(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                       err_t *err);
int visit_cancel(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                 err_t *err);
// Lines come as the decision split them; before there is one, as the catalogues do now, when the person's entitlement
// can be had.
int visit_get(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
              err_t *err);
// method split: lines without a visit.
int visit_split(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                err_t *err);
