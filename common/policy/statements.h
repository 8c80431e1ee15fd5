// Section `statements` of a city file: facts that the law states and services keep to (how many tiers of offices, which
// channels, by when a system stands). A fact that another section computes with stands there, not here.
#pragma once
#include "policy.h"

typedef enum statement_kind {
    STATEMENT_YES_NO = 1,
    STATEMENT_NUMBER,
    STATEMENT_DATE,
    STATEMENT_WORD,
    STATEMENT_WORDS,
    STATEMENT_KIND__COUNT
} statement_kind_t;

enum { STATEMENTS_MAX = 200, STATEMENT_WORDS_MAX = 32 };

typedef struct statement {
    const char *name, *rule;
    statement_kind_t kind;
    int64_t number;           // number; date_t; 1 or 0
    const char *const *words; // one for STATEMENT_WORD
    uint32_t word_count;
} statement_t;

typedef struct statements_rules {
    const statement_t *items; // sorted by name
    uint32_t count;
} statements_rules_t;

// What the law states under a name. E_UNSUPPORTED with field `name`: nothing of the kind. `*out` is the policy's.
int policy_statement(const policy_t *policy, const char *name, const statement_t **out, err_t *err) MUST_USE;
// The same for who goes on without it: NULL where the law is silent.
const statement_t *policy_stated(const policy_t *policy, const char *name);
// Is the word one of its words? False of NULL.
bool statement_names(const statement_t *statement, const char *word);
// For services that only ask whether: false also where the law is silent.
bool policy_states(const policy_t *policy, const char *name);
// Its words for a person to read, "a, b, c", as far as they fit; "" of NULL. Returns `text`.
enum { STATEMENT_TEXT_MAX = 200 };
const char *statement_text(const statement_t *statement, char text[static STATEMENT_TEXT_MAX]);
