// `tongchou eval`: the pure rule cores behind JSON lines. One case in, one answer out; no database, no network, no
// clock. The shapes are a public interface (docs/eval.md): they only ever grow by fields.
#pragma once
#include "common/base/calendar.h"
#include "common/policy/policy.h"

typedef struct eval_kind eval_kind_t;

typedef struct eval { // a city's law as it is asked
    policy_t *policy;
    calendar_t *calendar;
    bool advice; // also tell what would have been better for the person
} eval_t;

// Load a city with overlays (NULL-terminated, may be NULL) and every calendar of a folder. E_IO, E_POLICY.
int eval_open(eval_t *eval, const char *city_file, const char *const *overlays, const char *calendar_dir,
              err_t *err) MUST_USE;
void eval_close(eval_t *eval);

const eval_kind_t *eval_kind_named(const char *name); // NULL when there is none
const char *eval_kind_names(void);                    // "benefit, contribution, …"
// The answer to one line, as one line without its newline, to be freed with free(); NULL when out of memory.
// `refused` tells that it is an error.
char *eval_answer(const eval_t *eval, const eval_kind_t *kind, const char *line, size_t bytes, bool *refused);
// The tables of docs/eval.md (Markdown) of one kind, or of all when NULL; allocated, NULL when out of memory.
char *eval_fields(const eval_kind_t *kind);
