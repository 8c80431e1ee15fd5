// Configuration: one typed table. Sources, later wins: default, config file (YAML, nested keys joined by dots),
// environment (TONGCHOU_STORE_URL for store.url), command line (--store.url=…). Unknown keys are refused with file and
// line. Everything is checked before anything starts.
#pragma once
#include "common/base/check.h"
#include "common/base/err.h"
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

typedef enum conf_type { CONF_TEXT, CONF_INT, CONF_BOOL, CONF_LIST } conf_type_t;

typedef struct conf_key {
    const char *name; // "store.url"
    conf_type_t type;
    const char *fallback; // as text; lists are comma-separated
    int64_t min, max;     // CONF_INT; of a list, the most entries (0: any)
    const char *unit;     // "ms", "requests", ""
    const char *manual;   // one line
} conf_key_t;

extern const conf_key_t conf_table[]; // ends with name NULL
typedef struct conf conf_t;

// argv: options as --key=value or --key value, --config FILE (default config/tongchou.yaml), --help prints the table.
// What is not an option is left, in order, for conf_rest().
int conf_load(conf_t **out, int argc, char **argv, err_t *err) MUST_USE;
void conf_destroy(conf_t **conf);
const char *conf_text(const conf_t *conf, const char *name); // CHECKs that the name is in the table
int64_t conf_int(const conf_t *conf, const char *name);
bool conf_bool(const conf_t *conf, const char *name);
const char *const *conf_list(const conf_t *conf, const char *name); // NULL-terminated
const char *const *conf_rest(const conf_t *conf, size_t *count);
bool conf_help_asked(const conf_t *conf);
void conf_manual(FILE *out); // the table for --help and docs/operations.md
