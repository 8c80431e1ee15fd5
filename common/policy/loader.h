// Inside the loader: a reader over the YAML trees with a sticky error. The first complaint is kept; after it every
// helper gives a harmless value, so the readers need not look after each one. They end by returning l->rc.
#pragma once
#include "common/base/yaml.h"
#include "policy.pb-c.h"
#include "tables.h"

typedef struct span {
    date_t from, to;
} span_t;

typedef struct loader {
    arena_t *arena;
    err_t *err;
    int rc;
    const yaml_doc_t *doc;   // the file in hand, for complaints
    const yaml_node_t *city; // root of the city file
    const yaml_doc_t *city_doc;
    const yaml_doc_t *const *overlays;
    size_t overlay_count;
    const char *rule; // whose value is being read: its article goes into the complaint
    Tc__PolicyTables *out;
    size_t series_room;
    bands_t bands[DIM__COUNT];
} loader_t;

// ---- complaints and memory (reader.c)
// ---------------------------------------------------------------------------------

// "file:line: key: sentence (rule, article)"; only the first is kept. Returns l->rc.
int fail(loader_t *l, const yaml_node_t *node, const char *format, ...) __attribute__((format(printf, 3, 4)));
void *take(loader_t *l, size_t count, size_t size); // zeroed; NULL fails with E_IO

// ---- nodes (reader.c)
// -------------------------------------------------------------------------------------------------

// Members of a map; `by_option` maps are replaced by the branch that is in force. `need` complains when there is none.
const yaml_node_t *may(loader_t *l, const yaml_node_t *map, const char *key);
const yaml_node_t *need(loader_t *l, const yaml_node_t *map, const char *key);
void only(loader_t *l, const yaml_node_t *map, const char *const *allowed); // a map with no other keys
bool is_list(loader_t *l, const yaml_node_t *node);                         // complains when it is not
bool is_map(loader_t *l, const yaml_node_t *node);

const char *text_of(loader_t *l, const yaml_node_t *node); // never NULL or, but for a complaint, empty
int64_t number_of(loader_t *l, const yaml_node_t *node, int64_t min, int64_t max);
bool truth_of(loader_t *l, const yaml_node_t *node);
date_t date_of(loader_t *l, const yaml_node_t *node);
int64_t literal_of(loader_t *l, const yaml_node_t *node, unit_t unit); // money, rate or factor, within its range
uint32_t identities_of(loader_t *l, const yaml_node_t *node);          // bits; those that the city lists
// `from` and `to` of a map, within `around`, which is what they are when absent.
span_t span_of(loader_t *l, const yaml_node_t *map, span_t around);
// Number of a rule named by key `rule`; sets l->rule for the complaints that follow.
uint32_t rule_of(loader_t *l, const yaml_node_t *map);
uint32_t rule_named(loader_t *l, const yaml_node_t *node);
static inline char *unconst(const char *text) { return (char *)(uintptr_t)text; } // protobuf-c strings are char *

// ---- sections
// ---------------------------------------------------------------------------------------------------------

int load_header(loader_t *l);                       // header.c: names, identities, divisions, layers, totals
int load_rules(loader_t *l);                        // header.c
int load_intended(loader_t *l);                     // header.c
int load_options(loader_t *l);                      // values.c
int load_parameters(loader_t *l);                   // values.c
int load_bands(loader_t *l);                        // conditions.c
int load_coverage(loader_t *l);                     // contributions.c
int load_contribution(loader_t *l);                 // contributions.c
int load_benefit(loader_t *l);                      // benefits.c
#define X(section) int load_##section(loader_t *l); // <section>.c
SECTION_TABLE(X)
#undef X

// A section: of the last overlay that has it, else of the city file, else NULL. Complaints name that file until the
// section is done.
const yaml_node_t *section_of(loader_t *l, const char *key);

const char *option_in_force(const loader_t *l, const char *option); // values.c; NULL when unknown
int64_t factor_of(loader_t *l, const yaml_node_t *node);  // values.c; above 0: a number or {option: name of a number}
int parameter_named(const loader_t *l, const char *name); // values.c; number of its series, −1 when unknown
// What the statuses of values are, besides `missing`.
bool status_known(const char *status);

int load_bases(loader_t *l, const yaml_node_t *map, span_t span); // bases.c, into l->out->contribution
int base_named(const loader_t *l, const char *name);              // its place there, or −1

// A value: a number, a list of dated numbers, {parameter: …} or the fact `word` (given by the bill or the person).
typedef struct fact_word {
    const char *word;
    ref_kind_t kind;
} fact_word_t;
Tc__PolicyRef *ref_of(loader_t *l, const yaml_node_t *node, unit_t unit, span_t span, const fact_word_t *fact);

// ---- decision tables (conditions.c, decisions.c, complete.c)
// ----------------------------------------------------------

// The condition of `map`: key `when` and dates. `scope` is SCOPE_BENEFIT or SCOPE_CONTRIBUTION.
Tc__PolicyWhen *when_of(loader_t *l, const yaml_node_t *map, int scope, span_t around);
Tc__PolicyWhen *when_always(loader_t *l, span_t span);
when_t when_unpacked(const Tc__PolicyWhen *when);

typedef struct rows { // of one decision table, and where each stands
    Tc__PolicyRow **items;
    const yaml_node_t **nodes;
    size_t count;
} rows_t;

typedef struct around { // what a table stands in: for whom and when it must have an answer
    const Tc__PolicyWhen *when;
    int scope;
    unit_t unit; // of HOLDS_VALUE
} around_t;

typedef enum holds { HOLDS_AMOUNT, HOLDS_LIMIT, HOLDS_RATE, HOLDS_PAYER, HOLDS_RULE, HOLDS_VALUE } holds_t;
// The rows of a list, checked: each can be reached, and with `complete` every case finds one.
rows_t rows_of(loader_t *l, const yaml_node_t *list, holds_t holds, around_t around, bool complete);
// {rows: […], adjust: […]}
Tc__PolicyDerived *derived_of(loader_t *l, const yaml_node_t *map, holds_t holds, around_t around,
                              const fact_word_t *fact);
// A table of values of `around.unit`: {value: 240, rule: …} for everybody, or {rows: [{when, value, rule}, …], adjust:
// […]}.
Tc__PolicyDerived *values_table_of(loader_t *l, const yaml_node_t *map, around_t around);
int check_rows(loader_t *l, const rows_t *rows, const yaml_node_t *list, const Tc__PolicyWhen *within, bool complete);
