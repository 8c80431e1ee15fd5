// The desk behind enrolment's methods: what all handlers share. A handler reads, lets the core decide and writes last;
// every change of a person is one version more, one row of person_version and one event.
#pragma once
#include "enrollment.h"
#include "handlers.h"
#include "store.h"

struct enrollment {
    service_ctx_t *ctx;
    const policy_t *policy;
    policy_t *own_policy;    // when we loaded it ourselves
    int64_t (*now_ms)(void); // the clock; tests put their own here
    bool indexed;            // nothing is left to do for member_index.h
    int64_t index_again_ms;
};

enrollment_rules_t desk_rules(const enrollment_t *e);

// E_MISSING_FIELD and E_NOT_FOUND name `field`; E_DENIED: the caller's districts do not have the person. A number that
// was merged into another is found too.
int desk_find(enrollment_t *e, const char *field, const char *person, Tc__PersonState **out, err_t *err) MUST_USE;

// Versions, events and rows of persons, known since `at_ms`; set-based. Two states of one person must stand in order.
int desk_register(enrollment_t *e, Tc__PersonState *const *states, const person_secrets_t *secrets, size_t count,
                  int64_t at_ms, err_t *err) MUST_USE;
int desk_change(enrollment_t *e, Tc__PersonState *const *states, size_t count, int64_t at_ms, err_t *err) MUST_USE;
// The event of one state; `key` gives the partition.
int desk_publish(enrollment_t *e, const char *key, const char *topic, int64_t at_ms, const ProtobufCMessage *state,
                 err_t *err) MUST_USE;
