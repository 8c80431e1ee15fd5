// One line, one answer: read, check against the kind's table, ask the kind, write.
#include "eval.h"
#include "fields.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WHOLE_MOST 9007199254740992.0 // 2^53

static const eval_kind_t *const kinds[] = {
    &kind_benefit, &kind_contribution, &kind_coverage,  &kind_account,  &kind_retirement, &kind_calendar,
    &kind_deficit, &kind_interest,     &kind_surplus,   &kind_funding,  &kind_gap,        &kind_routing,
    &kind_points,  &kind_enrollment,   &kind_statement, &kind_movement,
};

int eval_open(eval_t *eval, const char *city_file, const char *const *overlays, const char *calendar_dir, err_t *err) {
    *eval = (eval_t){0};
    int rc = policy_load(&eval->policy, city_file, overlays, err);
    if (!rc) rc = calendar_load(&eval->calendar, calendar_dir, err);
    if (rc) eval_close(eval);
    return rc;
}

void eval_close(eval_t *eval) {
    policy_destroy(&eval->policy);
    calendar_destroy(&eval->calendar);
}

const eval_kind_t *eval_kind_named(const char *name) {
    for (size_t i = 0; i < COUNT_OF(kinds); i++)
        if (strcmp(kinds[i]->name, name) == 0) return kinds[i];
    return NULL;
}

const char *eval_kind_names(void) {
    static char names[256];
    size_t n = 0;
    for (size_t i = 0; i < COUNT_OF(kinds) && n < sizeof names; i++)
        n += (size_t)snprintf(names + n, sizeof names - n, "%s%s", i ? ", " : "", kinds[i]->name);
    return names;
}

// ---- one line

static int read_id(const json_t *root, const char **id, err_t *err) {
    const json_t *value = json_object_get(root, "id");
    *id = json_string_value(value);
    if (*id) return E_OK;
    if (!value) return err_field(err, E_MISSING_FIELD, "id", "id is missing");
    return err_field(err, E_INVALID_FIELD, "id", "id: expected a text");
}

// Required by other fields or by the law of the city; a fault that is told before a missing field stands.
static int check_required(const eval_case_t *c, int rc) {
    if ((rc && rc <= E_MISSING_FIELD) || !c->kind->required) return rc;
    const err_t told = *c->err;
    if (c->kind->required(c)) return E_MISSING_FIELD;
    *c->err = told;
    return rc;
}

// Of several faults the first of the order is told: an unknown field before a missing id, a wrong id before others.
static int check(const eval_t *eval, const eval_kind_t *kind, const json_t *root, const char **id, err_t *err) {
    err_t id_err = {0};
    int id_rc = read_id(root, id, &id_err);
    const eval_case_t c = {.eval = eval, .kind = kind, .node = root, .err = err};
    int rc = check_required(&c, fields_check(eval, kind, root, err));
    if (!id_rc || (rc && rc < id_rc)) return rc;
    *err = id_err;
    return id_rc;
}
_Static_assert(E_UNKNOWN_FIELD < E_MISSING_FIELD && E_MISSING_FIELD < E_INVALID_FIELD, "codes stand in the order told");

static json_t *error_of(const err_t *err) {
    json_t *error = json_object();
    const bool parameter = err->code == E_PARAMETER_MISSING;
    answer_text(error, "code", err_name(err->code));
    answer_text(error, "field", *err->field && !parameter ? err->field : NULL);
    if (parameter) answer_text(error, "parameter", err->field);
    answer_text(error, "message", err->text);
    return error;
}

// Whole numbers that were read as reals become what they are again; one beyond 2^53 stays a real, which no field takes.
static json_t *whole_again(json_t *value) {
    const char *key;
    json_t *member;
    void *next;
    const double number = json_real_value(value);
    if (json_is_real(value) && number >= -WHOLE_MOST && number <= WHOLE_MOST && (double)(int64_t)number == number) {
        json_decref(value);
        return json_integer((json_int_t)number);
    }
    for (size_t i = 0; i < json_array_size(value); i++)
        json_array_set_new(value, i, whole_again(json_incref(json_array_get(value, i))));
    json_object_foreach_safe(value, next, key, member)
        json_object_set_new(value, key, whole_again(json_incref(member)));
    return value;
}

// A number too large for an integer is no broken JSON: it is a wrong value of its field.
static json_t *read_line(const char *line, size_t bytes, json_error_t *why) {
    const size_t flags = JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL;
    json_t *root = json_loadb(line, bytes, flags, why);
    if (root || json_error_code(why) != json_error_numeric_overflow) return root;
    root = json_loadb(line, bytes, flags | JSON_DECODE_INT_AS_REAL, why);
    return root ? whole_again(root) : NULL;
}

static int answer(const eval_t *eval, const eval_kind_t *kind, const char *line, size_t bytes, json_t *to, err_t *err) {
    json_error_t why;
    const char *id = NULL;
    json_t *root = read_line(line, bytes, &why);
    int rc = E_OK;
    if (!root)
        rc = err_set(err, E_INVALID_JSON, "not a JSON object: %.120s (column %d)", why.text, why.column);
    else if (!json_is_object(root))
        rc = err_set(err, E_INVALID_JSON, "not a JSON object");
    if (!rc) rc = check(eval, kind, root, &id, err);
    if (id)
        json_object_set(to, "id", json_object_get(root, "id")); // as it came, whatever characters it holds
    else
        answer_text(to, "id", NULL);
    const eval_case_t c = {.eval = eval, .kind = kind, .node = root, .err = err};
    if (!rc) rc = kind->run(&c, to);
    json_decref(root);
    return rc;
}

char *eval_answer(const eval_t *eval, const eval_kind_t *kind, const char *line, size_t bytes, bool *refused) {
    err_t err = {0};
    json_t *to = json_object();
    int rc = answer(eval, kind, line, bytes, to, &err);
    *refused = rc != E_OK;
    if (rc) { // nothing but the id of what was answered so far
        json_t *error = json_object();
        json_object_set(error, "id", json_object_get(to, "id"));
        err.code = rc;
        json_object_set_new(error, "error", error_of(&err));
        json_decref(to);
        to = error;
    }
    char *text = json_dumps(to, JSON_COMPACT);
    json_decref(to);
    return text;
}

// ---- docs/eval.md

static const char *const type_texts[] = {
    [FIELD_OBJECT] = "object",
    [FIELD_LIST] = "list of objects",
    [FIELD_TEXT] = "text",
    [FIELD_WORD] = "word",
    [FIELD_WORDS] = "list of words",
    [FIELD_MONEY] = "money",
    [FIELD_RATE] = "rate",
    [FIELD_COUNT] = "whole number",
    [FIELD_YEAR] = "year",
    [FIELD_YES_NO] = "true or false",
    [FIELD_DATE] = "date",
    [FIELD_MONTH] = "month",
    [FIELD_MONTH_SPAN] = "two months",
    [FIELD_MONEY_MAP] = "names with money",
    [FIELD_DATE_MONEY] = "list of date and money",
};

static void print_field(FILE *out, const field_t *field) {
    const char *words = field->names ? field->names() : field->words;
    fprintf(out, "| `%s` | %s%s%s%s | ", field->path, type_texts[field->type], words ? ": `" : "", words ? words : "",
            words ? "`" : "");
    if (!field->otherwise)
        fputs("required", out);
    else if (*field->otherwise)
        fprintf(out, "`%s`", field->otherwise);
    else
        fputs("none", out);
    fprintf(out, "%s | %s |\n", field->null_is_absent ? ", or `null`" : "", field->says ? field->says : "");
}

static void print_kind(FILE *out, const eval_kind_t *kind) {
    fprintf(out, "## %s\n\n%s\n\n", kind->name, kind->says);
    fputs("| Field | Type | Default | |\n|---|---|---|---|\n", out);
    for (size_t i = 0; i < kind->field_count; i++) print_field(out, &kind->fields[i]);
    if (kind->example) fprintf(out, "\n```json\n%s\n```\n", kind->example);
    if (kind->answer) fprintf(out, "\nAnswer:\n\n```json\n%s\n```\n", kind->answer);
    fputs("\n", out);
}

char *eval_fields(const eval_kind_t *kind) {
    char *text = NULL;
    size_t bytes;
    FILE *out = open_memstream(&text, &bytes);
    if (!out) return NULL;
    for (size_t i = 0; i < COUNT_OF(kinds); i++)
        if (!kind || kind == kinds[i]) print_kind(out, kinds[i]);
    if (fclose(out)) {
        free(text);
        return NULL;
    }
    return text;
}
