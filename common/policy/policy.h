// A city's law as data: YAML → checked → PolicyTables message (proto/policy.proto) → flat arrays that the cores read.
// The message is what is hashed, published to Redis and kept by adjudication with its decisions; the arrays are built
// from it in the same way whether it came from files or from Redis. Immutable once made; shared by threads freely.
// Schema, with examples: docs/policy.md.
#pragma once
#include "common/base/check.h"
#include "common/base/date.h"
#include "common/base/err.h"
#include "common/base/money.h"
#include "vocabulary.h"

typedef struct policy policy_t;

// Load, merge overlays in order, check, compile. Every complaint names file, line, key and, where there is one, the
// article.
int policy_load(policy_t **out, const char *city_file, const char *const *overlays, err_t *err) MUST_USE;
// The same from memory: texts[0] is the city, the rest are overlays (the editor of drafts, tests, the fuzzer).
typedef struct policy_text {
    const char *name; // for complaints
    const char *text;
    size_t bytes;
} policy_text_t;
int policy_parse(policy_t **out, const policy_text_t *texts, size_t count, err_t *err) MUST_USE;
// From the packed message. The hash is recomputed, never trusted.
int policy_unpack(policy_t **out, const void *data, size_t bytes, err_t *err) MUST_USE;
const void *policy_packed(const policy_t *policy, size_t *bytes);
const char *policy_hash(const policy_t *policy); // SHA-256 of the packed message, 64 hex digits
void policy_destroy(policy_t **policy);

enum { POLICY_LAYERS_MAX = 8, POLICY_TOTALS_MAX = 16 };

const char *policy_city(const policy_t *policy);
const char *policy_status(const policy_t *policy); // of the city file: seed, published, confirmed, synthetic, draft
size_t policy_overlay_count(const policy_t *policy);
const char *policy_overlay(const policy_t *policy, size_t overlay, const char **status); // its name
const char *policy_option(const policy_t *policy, const char *option); // the choice in force; NULL when unknown
// A parameter on a day (fen or millionths); E_PARAMETER_MISSING when not published, E_UNSUPPORTED when unknown.
int policy_parameter(const policy_t *policy, const char *name, date_t on, int64_t *out, err_t *err) MUST_USE;
bool policy_has_identity(const policy_t *policy, identity_t identity);
bool policy_has_division(const policy_t *policy, const char *division);
const char *policy_division_name(const policy_t *policy, const char *division); // NULL when unknown

// Layers (who pays, in order of the answer) and running totals of a benefit year.
int policy_layer_count(const policy_t *policy);
const char *policy_layer_name(const policy_t *policy, int layer);
const char *policy_layer_fund(const policy_t *policy, int layer); // ledger fund the layer is paid from
int policy_total_count(const policy_t *policy);
const char *policy_total_name(const policy_t *policy, int total);
int policy_total_from_name(const policy_t *policy, const char *name); // −1 when unknown

// Explanation: article and sentences of a rule ID; "" when the policy does not know it.
const char *policy_rule_source(const policy_t *policy, const char *rule);
const char *policy_rule_text(const policy_t *policy, const char *rule);
const char *policy_rule_text_zh(const policy_t *policy, const char *rule);

// How contributions become cover (section `coverage` of the city file).
typedef struct policy_coverage {
    bool decides;                     // false: the city has no such rules, only the identities below
    date_t from;                      // whether a person is covered is told for days from this one on
    int newborn_months;               // window of a newborn after the month of birth (3); 0: none
    int newborn_days;                 // a child born at most so long before the payment is a newborn (300)
    int lag_months;                   // cover starts this many months after the contribution month (1)
    int wait_months[IDENTITY__COUNT]; // and at first entry or after an interruption, this many (flexible: 3)
    int grace_months;                 // unpaid months in a row that may be back-paid without a break (3)
    uint32_t yearly;                  // bit per identity: pays by the year (resident)
    uint32_t from_application;        // bit per identity: covered from the contribution month itself (unemployed)
    uint32_t tier2;                   // bit per identity: also holds tier 2
    uint32_t lifelong;                // bit per identity: covered without contribution (retiree)
    bool wait_every_entry;            // the wait also where the months before are continuous (option)
} policy_coverage_t;
const policy_coverage_t *policy_coverage(const policy_t *policy);

// What the balance of a personal account may be used for (section `account`, `pays`). Where the section says nothing:
// the own part, no family. NULL: the city has no accounts.
typedef struct policy_account_pays {
    bool own_part; // of a bill, from the person's own account
    const char *rule;
    bool family; // … and then from accounts that relatives share (家庭共济)
    date_t family_from;
    const char *family_rule;
} policy_account_pays_t;
const policy_account_pays_t *policy_account_pays(const policy_t *policy);
