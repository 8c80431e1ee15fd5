// One pass over the case for each kind of fault, so that of several the first of the stated order is told.
#include "fields.h"
#include <stdio.h>
#include <string.h>

enum { PATH_ROOM = 64, COUNT_MOST = 100000000, LIST_MOST = 1000000, MAP_MOST = 1000 };

const field_t *field_find(const eval_kind_t *kind, const char *path) {
    for (size_t i = 0; i < kind->field_count; i++)
        if (strcmp(kind->fields[i].path, path) == 0) return &kind->fields[i];
    return NULL;
}

// ---- unknown fields

static int check_known(const eval_t *eval, const eval_kind_t *kind, const json_t *node, const char *prefix,
                       const char *where, err_t *err);

static int check_known_below(const eval_t *eval, const eval_kind_t *kind, const field_t *field, const json_t *value,
                             const char *where, err_t *err) {
    char path[PATH_ROOM], place[PATH_ROOM];
    int rc = E_OK;
    if (field->type == FIELD_OBJECT) {
        snprintf(path, sizeof path, "%s.", field->path);
        snprintf(place, sizeof place, "%.60s.", where);
        return check_known(eval, kind, value, path, place, err);
    }
    if (field->type == FIELD_MONEY_MAP && field->has_key && json_is_object(value)) {
        const char *key;
        json_t *member;
        json_object_foreach((json_t *)value, key, member) {
            snprintf(place, sizeof place, "%.30s.%.30s", where, key);
            if (!field->has_key(eval, key))
                return err_field(err, E_UNKNOWN_FIELD, place, "there is no field %s", place);
        }
    }
    if (field->type != FIELD_LIST) return E_OK;
    snprintf(path, sizeof path, "%s[].", field->path);
    for (size_t i = 0; i < json_array_size(value) && !rc; i++) {
        snprintf(place, sizeof place, "%.48s[%u].", where, (unsigned)(i % LIST_MOST));
        rc = check_known(eval, kind, json_array_get(value, i), path, place, err);
    }
    return rc;
}

static int check_known(const eval_t *eval, const eval_kind_t *kind, const json_t *node, const char *prefix,
                       const char *where, err_t *err) {
    const char *key;
    json_t *value;
    if (!json_is_object(node)) return E_OK; // told as INVALID_FIELD
    json_object_foreach((json_t *)node, key, value) {
        char path[PATH_ROOM], place[PATH_ROOM];
        if (!*prefix && strcmp(key, "id") == 0) continue;
        bool fits = snprintf(path, sizeof path, "%s%s", prefix, key) < (int)sizeof path;
        snprintf(place, sizeof place, "%.32s%.31s", where, key);
        const field_t *field = fits && !strchr(key, '.') && !strchr(key, '[') ? field_find(kind, path) : NULL;
        if (!field) return err_field(err, E_UNKNOWN_FIELD, place, "there is no field %s", place);
        int rc = check_known_below(eval, kind, field, value, place, err);
        if (rc) return rc;
    }
    return E_OK;
}

// ---- the others: each field of the table is visited wherever its object is

typedef struct look {
    const eval_t *eval;
    const field_t *field;
    int (*look)(const struct look *v, const json_t *parent, const char *name, const char *where);
    err_t *err;
} look_t;

static int walk(const look_t *v, const json_t *node, const char *path, const char *where) {
    const char *dot = strchr(path, '.');
    if (!json_is_object(node)) return E_OK;
    if (!dot) return v->look(v, node, path, where);
    char name[PATH_ROOM], place[PATH_ROOM];
    size_t length = (size_t)(dot - path);
    const bool list = length > 2 && path[length - 2] == '[';
    snprintf(name, sizeof name, "%.*s", (int)(list ? length - 2 : length), path);
    const json_t *child = json_object_get(node, name);
    if (!list) {
        snprintf(place, sizeof place, "%.31s%.31s.", where, name);
        return walk(v, child, dot + 1, place);
    }
    int rc = E_OK;
    for (size_t i = 0; i < json_array_size(child) && !rc; i++) {
        snprintf(place, sizeof place, "%.24s%.24s[%u].", where, name, (unsigned)(i % LIST_MOST));
        rc = walk(v, json_array_get(child, i), dot + 1, place);
    }
    return rc;
}

static int complain(const look_t *v, int code, const char *where, const char *name, const char *expected) {
    char place[PATH_ROOM];
    snprintf(place, sizeof place, "%.31s%.31s", where, name);
    return err_field(v->err, code, place, "%s: expected %s", place, expected);
}

static int look_missing(const look_t *v, const json_t *parent, const char *name, const char *where) {
    if (v->field->otherwise || json_object_get(parent, name)) return E_OK;
    char place[PATH_ROOM];
    snprintf(place, sizeof place, "%.31s%.31s", where, name);
    return err_field(v->err, E_MISSING_FIELD, place, "%s is missing", place);
}

// Does a comma-separated list of names hold this word?
static bool listed(const char *names, const char *word) {
    size_t length = strlen(word);
    for (const char *at = names; at && *at && length; at = strchr(at, ','), at = at ? at + 2 : NULL)
        if (strncmp(at, word, length) == 0 && (at[length] == ',' || !at[length])) return true;
    return false;
}

static const char *names_of(const field_t *field) { return field->names ? field->names() : field->words; }

static const char *check_word(const look_t *v, const json_t *value) {
    static _Thread_local char expected[160];
    const char *text = json_string_value(value), *names = names_of(v->field);
    if (text && names && listed(names, text)) return NULL;
    snprintf(expected, sizeof expected, "%s%.140s", v->field->type == FIELD_WORDS ? "a list of " : "one of ",
             names ? names : "");
    return expected;
}

static const char *check_words(const look_t *v, const json_t *value) {
    if (!json_is_array(value)) return "a list of words";
    for (size_t i = 0; i < json_array_size(value); i++) {
        const char *expected = check_word(v, json_array_get(value, i));
        if (expected) return expected;
        for (size_t k = 0; k < i; k++)
            if (json_equal(json_array_get(value, i), json_array_get(value, k))) return "each word once";
    }
    return NULL;
}

static const char *check_money(const json_t *value) {
    fen_t amount;
    const char *text = json_string_value(value);
    return text && fen_parse(text, false, &amount) == E_OK ? NULL : "an amount like \"1234.50\"";
}

static const char *check_rate(const json_t *value) {
    rate_t rate;
    const char *text = json_string_value(value);
    return text && rate_parse(text, &rate) == E_OK ? NULL : "a number like \"0.55\" with at most six decimals";
}

static const char *check_date(const look_t *v, const json_t *value) {
    date_t date;
    const char *text = json_string_value(value);
    if (text && v->field->words && listed(v->field->words, text)) return NULL;
    return text && date_parse(text, &date) == E_OK ? NULL : "a date like \"2018-03-01\"";
}

static const char *check_month(const json_t *value) {
    month_t month;
    const char *text = json_string_value(value);
    return text && month_parse(text, &month) == E_OK ? NULL : "a month like \"2018-03\"";
}

static const char *check_span(const json_t *value) {
    static const char expected[] = "a first and a last month like [\"2018-03\", \"2018-07\"]";
    if (json_array_size(value) != 2) return expected;
    return check_month(json_array_get(value, 0)) || check_month(json_array_get(value, 1)) ? expected : NULL;
}

static const char *check_map(const json_t *value) {
    return json_is_object(value) && json_object_size(value) <= MAP_MOST ? NULL : "names with amounts like \"1234.50\"";
}

// The members of a map by themselves, so that the complaint names the one at fault.
static int look_members(const look_t *v, const json_t *map, const char *name, const char *where) {
    const char *key;
    json_t *member;
    json_object_foreach((json_t *)map, key, member) {
        char place[PATH_ROOM];
        const char *expected = check_money(member);
        snprintf(place, sizeof place, "%.24s%.24s.", where, name);
        if (expected) return complain(v, E_INVALID_FIELD, place, key, expected);
    }
    return E_OK;
}

static const char *check_pairs(const look_t *v, const json_t *value) {
    static const char expected[] = "a list of pairs like [\"2018-03-01\", \"1234.50\"]";
    if (!json_is_array(value) || json_array_size(value) > LIST_MOST) return expected;
    for (size_t i = 0; i < json_array_size(value); i++) {
        const json_t *pair = json_array_get(value, i);
        if (json_array_size(pair) != 2 || check_date(v, json_array_get(pair, 0)) ||
            check_money(json_array_get(pair, 1)))
            return expected;
    }
    return NULL;
}

static const char *check_list(const json_t *value) {
    if (!json_is_array(value) || json_array_size(value) > LIST_MOST) return "a list of objects";
    for (size_t i = 0; i < json_array_size(value); i++)
        if (!json_is_object(json_array_get(value, i))) return "a list of objects";
    return NULL;
}

static const char *check_type(const look_t *v, const json_t *value) {
    const char *text = json_string_value(value);
    switch (v->field->type) {
    case FIELD_OBJECT: return json_is_object(value) ? NULL : "an object";
    case FIELD_LIST: return check_list(value);
    case FIELD_TEXT: return text && *text ? NULL : "a text";
    case FIELD_WORD: return check_word(v, value);
    case FIELD_WORDS: return check_words(v, value);
    case FIELD_MONEY: return check_money(value);
    case FIELD_RATE: return check_rate(value);
    case FIELD_COUNT:
        return json_is_integer(value) && json_integer_value(value) >= 0 ? NULL : "a whole number, not below 0";
    case FIELD_YEAR:
        return json_is_integer(value) && json_integer_value(value) >= 1900 && json_integer_value(value) <= 2199
                   ? NULL
                   : "a year from 1900 to 2199";
    case FIELD_YES_NO: return json_is_boolean(value) ? NULL : "true or false";
    case FIELD_DATE: return check_date(v, value);
    case FIELD_MONTH: return check_month(value);
    case FIELD_MONTH_SPAN: return check_span(value);
    case FIELD_MONEY_MAP: return check_map(value);
    case FIELD_DATE_MONEY: return check_pairs(v, value);
    }
    return "nothing";
}

static int look_invalid(const look_t *v, const json_t *parent, const char *name, const char *where) {
    const json_t *value = json_object_get(parent, name);
    if (!value || (json_is_null(value) && v->field->null_is_absent)) return E_OK;
    const char *expected = check_type(v, value);
    if (expected) return complain(v, E_INVALID_FIELD, where, name, expected);
    return v->field->type == FIELD_MONEY_MAP ? look_members(v, value, name, where) : E_OK;
}

static int look_range(const look_t *v, const json_t *parent, const char *name, const char *where) {
    const json_t *value = json_object_get(parent, name);
    if (v->field->type != FIELD_COUNT || !value || json_integer_value(value) <= COUNT_MOST) return E_OK;
    return complain(v, E_OUT_OF_RANGE, where, name, "at most 100,000,000");
}

int fields_check(const eval_t *eval, const eval_kind_t *kind, const json_t *root, err_t *err) {
    int (*const looks[])(const look_t *, const json_t *, const char *, const char *) = {look_missing, look_invalid,
                                                                                        look_range};
    int rc = check_known(eval, kind, root, "", "", err);
    for (size_t pass = 0; pass < COUNT_OF(looks) && !rc; pass++)
        for (size_t i = 0; i < kind->field_count && !rc; i++) {
            const look_t v = {eval, &kind->fields[i], looks[pass], err};
            rc = walk(&v, root, kind->fields[i].path, "");
        }
    return rc;
}
