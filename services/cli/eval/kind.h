// A kind of question: its fields as a table, and how it is answered. The framework reads JSON, refuses what the table
// does not allow and writes the answer or the error; a kind only asks for values that are known to be well formed.
//
// Of several faults the first of this order is told: INVALID_JSON, UNKNOWN_FIELD, MISSING_FIELD, INVALID_FIELD (the
// framework), then INVALID_FIELD of fields that contradict each other, OUT_OF_RANGE, UNSUPPORTED, NOT_IN_FORCE,
// PARAMETER_MISSING (the kind and its core).
#pragma once
#include "common/base/date.h"
#include "common/base/money.h"
#include "eval.h"
#include <jansson.h>

typedef enum field_type {
    FIELD_OBJECT,     // its members follow in the table as "name.member"
    FIELD_LIST,       // of objects, whose members follow as "name[].member"
    FIELD_TEXT,       // not empty
    FIELD_WORD,       // one of `names` or `words`
    FIELD_WORDS,      // a list of such
    FIELD_MONEY,      // "1234.50"
    FIELD_RATE,       // "0.55", at most six decimals, not above 1000
    FIELD_COUNT,      // 0 … 100,000,000
    FIELD_YEAR,       // 1900 … 2199
    FIELD_YES_NO,     //
    FIELD_DATE,       // "2018-03-01", or one of `words`
    FIELD_MONTH,      // "2018-03"
    FIELD_MONTH_SPAN, // ["2018-03", "2018-07"]
    FIELD_MONEY_MAP,  // {"key": "1234.50"}; keys as `has_key` allows
    FIELD_DATE_MONEY  // [["2018-03-01", "1234.50"], …]
} field_type_t;

typedef struct field {
    const char *path;
    field_type_t type;
    const char *otherwise; // NULL: required. "": optional. Else the default, as text; a yes or no is "true" or "false"
    const char *says;      // for docs/eval.md
    const char *words;     // "none, filed" …
    const char *(*names)(void); // … or from the vocabulary
    bool null_is_absent;
    bool (*has_key)(const eval_t *eval, const char *key); // of a map; NULL: any
} field_t;

typedef struct eval_case {
    const eval_t *eval;
    const eval_kind_t *kind;
    const json_t *node; // the case, or an object of one of its lists
    char prefix[48];    // of this object in the table: "" or "contributions[]."
    char where[48];     // and in complaints: "" or "contributions[2]."
    err_t *err;
} eval_case_t;

struct eval_kind {
    const char *name, *says;
    const field_t *fields; // without `id`
    size_t field_count;
    // Put the members of the answer into `answer`. Errors: as above, with the field's path; E_PARAMETER_MISSING has the
    // parameter's name there.
    int (*run)(const eval_case_t *c, json_t *answer);
    // NULL, or: E_MISSING_FIELD where a field is required only by others or by the city's law. Asked before the values
    // are checked: it looks at presence, and at words only where they are known ones.
    int (*required)(const eval_case_t *c);
    const char *example, *answer; // lines for docs/eval.md; NULL where none
};

extern const eval_kind_t kind_benefit, kind_contribution, kind_coverage, kind_account, kind_retirement, kind_calendar,
    kind_deficit, kind_interest, kind_surplus, kind_funding, kind_gap, kind_routing, kind_points, kind_enrollment,
    kind_statement, kind_movement;

// ---- values of a case, by path relative to c->node. An absent one gives its default; without a default: 0, false,
// NULL, −1 (words), DATE_NONE, MONTH_NONE. The path must be in the kind's table with that type (CHECKed).
bool case_has(const eval_case_t *c, const char *path);         // present and not a null that counts as absent
const char *case_text(const eval_case_t *c, const char *path); // also words, dates and money as written
fen_t case_money(const eval_case_t *c, const char *path);
rate_t case_rate(const eval_case_t *c, const char *path);
int64_t case_count(const eval_case_t *c, const char *path); // also years
bool case_yes(const eval_case_t *c, const char *path);
date_t case_date(const eval_case_t *c, const char *path); // DATE_NONE also for one of `words`
month_t case_month(const eval_case_t *c, const char *path);
bool case_month_span(const eval_case_t *c, const char *path, month_t *first, month_t *last); // false when absent
int case_word(const eval_case_t *c, const char *path, int (*from_name)(const char *));
uint32_t case_words(const eval_case_t *c, const char *path, int (*from_name)(const char *)); // bits
const json_t *case_node(const eval_case_t *c, const char *path); // maps and pairs: checked, to be walked; NULL
size_t case_size(const eval_case_t *c, const char *path);        // of a list
eval_case_t case_item(const eval_case_t *c, const char *path, size_t index);
// A complaint about a field of this object: sets c->err and returns `code`.
int case_fail(const eval_case_t *c, int code, const char *path, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

// ---- members of an answer. Out of memory shows when the answer is written.
void answer_text(json_t *to, const char *key, const char *text); // NULL → null
void answer_money(json_t *to, const char *key, fen_t amount);
void answer_rate(json_t *to, const char *key, rate_t rate);
void answer_count(json_t *to, const char *key, int64_t count);
void answer_yes(json_t *to, const char *key, bool yes);
void answer_date(json_t *to, const char *key, date_t date); // DATE_NONE → null
void answer_month(json_t *to, const char *key, month_t month);
json_t *answer_object(json_t *to, const char *key); // borrowed
json_t *answer_list(json_t *to, const char *key);   // borrowed
json_t *answer_entry(json_t *list);                 // a new object at the end of a list; borrowed
// A step: rule, source, text and text_en from the policy, and the amount (a minus sign is allowed here).
json_t *answer_step(json_t *list, const policy_t *policy, const char *rule, fen_t amount);
