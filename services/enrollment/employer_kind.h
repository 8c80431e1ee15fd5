// What an employer is from when to when (困难企业认定): recognised by a document on a day, for some days. Where nothing
// is recognised the kind of the registration holds. Law: ZZ-C09 … ZZ-C11 in docs/rules/.
#pragma once
#include "desk.h"

// The core. The same first day again replaces what was said of it; the kind of the registration takes it away.
// *after stays NULL when nothing changes. E_OUT_OF_RANGE from for what overlaps another recognition.
int employer_set_kind(const enrollment_rules_t *rules, const Tc__EmployerState *before, const Tc__SetEmployerKind *ask,
                      Tc__EmployerState **after, err_t *err) MUST_USE;
// The kind that holds on a day.
const char *employer_kind_on(const Tc__EmployerState *state, date_t on);

int set_employer_kind(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                      err_t *err);
int get_employer(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                 err_t *err);
// As the imports of import.h.
int import_employer_kinds(void *self, const request_t *request, const ProtobufCMessage *message,
                          ProtobufCMessage **reply, err_t *err);
