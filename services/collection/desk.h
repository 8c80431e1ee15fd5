// The desk behind collection's methods: what all handlers share.
#pragma once
#include "handlers.h"
#include "renew.h"
#include "store.h"

typedef struct counting counting_t;
typedef struct owed owed_t;

struct collection {
    service_ctx_t *ctx;
    renew_env_t env;
    policy_t *own_policy; // when we loaded it ourselves
    counting_t *counting; // counting.h; NULL until somebody asks
    owed_t *owed;         // owed.h; likewise
    int64_t slice_us;     // of a count over the city, per answer
    int64_t stale_us;     // after which a count that nobody asks for gives way to another one
    int64_t moment_ms;    // the last one given (desk_moment_ms)
};

// Either an employer or a person, and a period. E_MISSING_FIELD or E_INVALID_FIELD.
int desk_payer(const char *employer, const char *person, const char *period, payer_key_t *out, err_t *err) MUST_USE;
// E_NOT_FOUND for an employer or a person that enrolment has not told us of.
int desk_need_payer(collection_t *c, const char *employer, const char *person, err_t *err) MUST_USE;
// Enrolment's state of the person whom the number leads to (merger.h). E_MISSING_FIELD, E_NOT_FOUND, E_DENIED: not of
// the caller's districts.
int desk_person(collection_t *c, const char *person, Tc__PersonState **out, err_t *err) MUST_USE;
// Now, but later than every moment it gave before: numbers that are made of it are not made twice when two transactions
// fall into one millisecond. Milliseconds since the epoch (UTC).
int64_t desk_moment_ms(collection_t *c);
// An event of `key`'s partition, told when the transaction is committed.
int desk_tell(collection_t *c, const char *key, const char *topic, const ProtobufCMessage *message,
              err_t *err) MUST_USE;
