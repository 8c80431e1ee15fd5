// Results. Every fallible function returns 0 (E_OK) or one code of this table, and tells the sentence for a person
// through a caller-owned err_t. On failure nothing has changed. Libraries report; only main() and handlers log.
#pragma once
#include <stddef.h>

// code, wire name (also the names of the `tongchou eval` contract), and whether the caller may simply try again.
#define ERR_TABLE(X)                                                                                                   \
    X(E_OK, "OK", 0)                                                                                                   \
    X(E_INVALID_JSON, "INVALID_JSON", 0)                                                                               \
    X(E_UNKNOWN_FIELD, "UNKNOWN_FIELD", 0)                                                                             \
    X(E_MISSING_FIELD, "MISSING_FIELD", 0)                                                                             \
    X(E_INVALID_FIELD, "INVALID_FIELD", 0)                                                                             \
    X(E_OUT_OF_RANGE, "OUT_OF_RANGE", 0)                                                                               \
    X(E_UNSUPPORTED, "UNSUPPORTED", 0)                                                                                 \
    X(E_NOT_IN_FORCE, "NOT_IN_FORCE", 0)                                                                               \
    X(E_PARAMETER_MISSING, "PARAMETER_MISSING", 0)                                                                     \
    X(E_POLICY, "POLICY", 0)           /* a policy, calendar or config file is unusable */                             \
    X(E_NOT_FOUND, "NOT_FOUND", 0)     /* a person, bill, method … that is not there */                              \
    X(E_EXISTS, "EXISTS", 0)           /* the thing is already registered under another request */                     \
    X(E_REVERSED, "REVERSED", 0)       /* a bill that was reversed, also before it arrived */                          \
    X(E_CONFLICT, "CONFLICT", 0)       /* same request id, other body */                                               \
    X(E_BLOCKED, "BLOCKED", 0)         /* another record stands in the way: the sentence names it and its reason */    \
    X(E_DENIED, "DENIED", 0)           /* the caller's role may not do this */                                         \
    X(E_TOO_LARGE, "TOO_LARGE", 0)     /* over a stated bound */                                                       \
    X(E_BUSY, "BUSY", 1)               /* a bounded queue is full: try later */                                        \
    X(E_TIMEOUT, "TIMEOUT", 1)         /* deadline passed; the outcome is unknown, ask again with the same id */       \
    X(E_UNAVAILABLE, "UNAVAILABLE", 1) /* nobody serves this just now */                                               \
    X(E_RACE, "RACE", 1)               /* a unique key refused us: reload and decide again */                          \
    X(E_STORE, "STORE", 1)             /* the database failed; nothing was committed */                                \
    X(E_IO, "IO", 1)                   /* file, socket or memory */                                                    \
    X(E_INTERNAL, "INTERNAL", 0)

typedef enum err_code {
#define X(code, name, again) code,
    ERR_TABLE(X)
#undef X
        E__COUNT
} err_code_t;

typedef struct err {
    int code;       // err_code_t
    char field[64]; // the input field, key or parameter at fault; "" when none
    char text[256]; // one sentence: what, where, what was expected
} err_t;

// Fill `err` (may be NULL) and return `code`, so that a caller can write `return err_set(err, E_IO, "…")`.
int err_set(err_t *err, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));
// The same with the name of the field at fault.
int err_field(err_t *err, int code, const char *field, const char *format, ...) __attribute__((format(printf, 4, 5)));
// Put "prefix: " in front of the sentence (file name, row number …) and return err->code (E_INTERNAL when
// err is NULL, so a caller with an optional err returns its own code).
int err_prefix(err_t *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

const char *err_name(int code);      // "INVALID_FIELD"; "INTERNAL" for a code we do not know
int err_from_name(const char *name); // the code, or E_INTERNAL
int err_may_retry(int code);         // 1 when the same request may simply be sent again
