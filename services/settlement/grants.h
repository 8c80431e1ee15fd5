// What other agencies may receive: agencies.yaml beside the key registry. One entry per key:
//
//   agencies:
//     - {name: finance, key: "…", topics: [posting.contribution, posting.bill], counties: all, funds: [pool], fields:
//     [amounts]}
//     - {name: audit-2025, key: "…", revoked: 2026-01-31}
//
// What is not named is not granted. Read whole and checked before use; written by whole-file rename (`tongchou
// agency`).
#pragma once
#include "common/base/check.h"
#include "common/base/err.h"
#include <stdbool.h>
#include <stddef.h>

enum {
    GRANTS_MAX = 256,
    GRANT_WORDS_MAX = 64,
    GRANT_WORD_BYTES = 40,
    GRANT_NAME_BYTES = 65,
    GRANT_KEY_BYTES = 41,
    GRANT_DAY_BYTES = 11
};

typedef enum grant_field { // what of an event a subscriber may see, beside its kind, date, county and fund
    GRANT_PERSON = 1,      // numbers of persons and payers
    GRANT_FACILITY = 2,
    GRANT_AMOUNTS = 4,
    GRANT_REFERENCE = 8, // numbers of bills, receipts and orders
} grant_field_t;
const char *grant_field_name(unsigned field); // NULL when it is none
unsigned grant_field_from(const char *name);  // 0 when unknown

typedef struct grant_list {
    bool all; // the word "all" instead of a list
    size_t count;
    char word[GRANT_WORDS_MAX][GRANT_WORD_BYTES];
} grant_list_t;

typedef struct grant {
    char name[GRANT_NAME_BYTES];
    char key[GRANT_KEY_BYTES];     // public, Z85
    char revoked[GRANT_DAY_BYTES]; // the day, or "" while it holds
    grant_list_t topics;           // "posting" means all of "posting.…"; never `all`
    grant_list_t counties, funds;
    unsigned fields; // bits of grant_field_t
} grant_t;

bool grant_list_has(const grant_list_t *list, const char *word);
bool grant_list_same(const grant_list_t *a, const grant_list_t *b);
// One of `list` is the topic or what stands before a dot in it.
bool grant_topic(const grant_list_t *list, const char *topic);
// A list from the words of "a,b,c" or "all"; E_INVALID_FIELD (field `what`) for a word that is none.
int grant_list_parse(grant_list_t *out, const char *what, const char *text, err_t *err) MUST_USE;

typedef struct grants grants_t;

// A file that is not there grants nothing to nobody. E_POLICY "agencies.yaml:7: …".
int grants_load(grants_t **out, const char *path, err_t *err) MUST_USE;
int grants_parse(grants_t **out, const char *name, const char *text, size_t bytes, err_t *err) MUST_USE;
void grants_destroy(grants_t **grants);
size_t grants_count(const grants_t *grants);
const grant_t *grants_at(const grants_t *grants, size_t i);
const grant_t *grants_by_key(const grants_t *grants, const char *key);   // NULL when there is none, also for revoked
const grant_t *grants_by_name(const grants_t *grants, const char *name); // also revoked ones
// In the place of the entry of that name, or as a new one. E_TOO_LARGE; E_EXISTS when another name has the key.
int grants_put(grants_t *grants, const grant_t *grant, err_t *err) MUST_USE;
// The file is replaced as a whole or not at all. Whoever reads, changes and writes holds grants_lock() meanwhile.
int grants_write(const grants_t *grants, const char *path, err_t *err) MUST_USE;
// Held until the descriptor is closed; −1 with `err`.
int grants_lock(const char *path, err_t *err) MUST_USE;
