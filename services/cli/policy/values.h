// Every value that a city's files state, as a flat list with its place, condition and rule: what the policy tools show,
// compare and cite. Read from the same YAML that is compiled, so the list and the running law cannot differ.
#pragma once
#include "common/base/date.h"
#include "common/base/err.h"
#include "common/base/money.h"
#include "common/base/yaml.h"
#include "common/policy/policy.h"

typedef struct law_value {
    const char *section; // "benefit"
    const char *path;    // "benefit[inpatient 2018-01-01].layers.tier1.rate.rows[level=1].rate"
    const char *key;     // "rate"
    const char *text;    // as written; a list as "a, b"
    const char *rule;    // nearest `rule` around it, "" when none
    const char *when;    // the conditions around it, "level=1 designated=true"; "" for everybody
    const char *file;
    int line;
} law_value_t;

typedef struct law_values law_values_t;

// A city file with overlays (NULL-terminated, may be NULL): a section of an overlay replaces the city's, parameters and
// options are merged entry by entry, as policy_load() does. The files are taken as already checked. E_IO, E_POLICY.
int law_values_load(law_values_t **out, const char *city_file, const char *const *overlays, err_t *err) MUST_USE;
void law_values_destroy(law_values_t **values);
size_t law_values_count(const law_values_t *values);
const law_value_t *law_value_at(const law_values_t *values, size_t index); // in file order
// What a parameter is called in Chinese; its name when it is not declared.
const char *law_parameter_title(const law_values_t *values, const char *name);
const law_value_t *law_value_find(const law_values_t *values, const char *path); // NULL when absent
