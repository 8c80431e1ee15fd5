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

// ---- where an object stands; told only in a complaint

typedef struct place { // NULL: the case itself
    const struct place *up;
    const char *name; // not ended: `length` bytes
    size_t length;
    long index; // in a list; −1 when it is a member
} place_t;

static size_t tell_objects(const place_t *at, char *to, size_t room) {
    if (!at) return 0;
    size_t n = tell_objects(at->up, to, room);
    if (n + 1 >= room) return n;
    int more = at->index < 0 ? snprintf(to + n, room - n, "%.*s.", (int)at->length, at->name)
                             : snprintf(to + n, room - n, "%.*s[%ld].", (int)at->length, at->name, at->index);
    return n + (more > 0 ? (size_t)more : 0);
}

// "contributions[2].paid"
static const char *tell_place(const place_t *at, const char *name, char to[static PATH_ROOM]) {
    to[0] = 0;
    size_t n = tell_objects(at, to, PATH_ROOM);
    if (n < PATH_ROOM) snprintf(to + n, PATH_ROOM - n, "%.60s", name);
    return to;
}

static int complain(err_t *err, int code, const place_t *at, const char *name, const char *expected) {
    char place[PATH_ROOM];
    tell_place(at, name, place);
    if (code == E_UNKNOWN_FIELD) return err_field(err, code, place, "there is no field %s", place);
    if (code == E_MISSING_FIELD) return err_field(err, code, place, "%s is missing", place);
    return err_field(err, code, place, "%s: expected %s", place, expected);
}

// ---- unknown fields

typedef struct known { // what is looked through
    const eval_t *eval;
    const eval_kind_t *kind;
    err_t *err;
} known_t;

// The field `key` of the object (or of each object of the list) that `above` is; NULL: of the case.
static const field_t *member_of(const eval_kind_t *kind, const field_t *above, const char *key) {
    const char *joint = !above ? "" : above->type == FIELD_LIST ? "[]." : ".";
    const size_t length = above ? strlen(above->path) : 0, joint_length = strlen(joint);
    for (size_t i = 0; i < kind->field_count; i++) {
        const char *path = kind->fields[i].path;
        if (length && strncmp(path, above->path, length) != 0) continue;
        if (strncmp(path + length, joint, joint_length) == 0 && strcmp(path + length + joint_length, key) == 0)
            return &kind->fields[i];
    }
    return NULL;
}

static int check_known(const known_t *k, const json_t *node, const field_t *above, const place_t *at);

static int check_known_below(const known_t *k, const field_t *field, const char *key, const json_t *value,
                             const place_t *at) {
    place_t here = {at, key, strlen(key), -1};
    int rc = E_OK;
    if (field->type == FIELD_OBJECT) return check_known(k, value, field, &here);
    if (field->type == FIELD_MONEY_MAP && field->has_key && json_is_object(value)) {
        const char *name;
        json_t *member;
        json_object_foreach((json_t *)value, name, member) if (!field->has_key(k->eval, name)) return complain(
            k->err, E_UNKNOWN_FIELD, &here, name, "");
    }
    if (field->type != FIELD_LIST) return E_OK;
    for (size_t i = 0; i < json_array_size(value) && !rc; i++) {
        here.index = (long)i;
        rc = check_known(k, json_array_get(value, i), field, &here);
    }
    return rc;
}

static int check_known(const known_t *k, const json_t *node, const field_t *above, const place_t *at) {
    const char *key;
    json_t *value;
    if (!json_is_object(node)) return E_OK; // told as INVALID_FIELD
    json_object_foreach((json_t *)node, key, value) {
        if (!above && strcmp(key, "id") == 0) continue;
        const field_t *field = strpbrk(key, ".[") ? NULL : member_of(k->kind, above, key);
        int rc = field ? check_known_below(k, field, key, value, at) : complain(k->err, E_UNKNOWN_FIELD, at, key, "");
        if (rc) return rc;
    }
    return E_OK;
}

// ---- the others: each field of the table is visited wherever its object is

typedef struct look {
    const eval_t *eval;
    const field_t *field;
    int (*look)(const struct look *v, const json_t *parent, const char *name, const place_t *at);
    err_t *err;
} look_t;

static int walk(const look_t *v, const json_t *node, const char *path, const place_t *at) {
    const char *dot = strchr(path, '.');
    if (!json_is_object(node)) return E_OK;
    if (!dot) return v->look(v, node, path, at);
    const size_t length = (size_t)(dot - path);
    const bool list = length > 2 && path[length - 2] == '[';
    place_t here = {at, path, list ? length - 2 : length, -1};
    const json_t *child = json_object_getn(node, path, here.length);
    if (!list) return walk(v, child, dot + 1, &here);
    int rc = E_OK;
    for (size_t i = 0; i < json_array_size(child) && !rc; i++) {
        here.index = (long)i;
        rc = walk(v, json_array_get(child, i), dot + 1, &here);
    }
    return rc;
}

static int look_missing(const look_t *v, const json_t *parent, const char *name, const place_t *at) {
    if (v->field->otherwise || json_object_get(parent, name)) return E_OK;
    return complain(v->err, E_MISSING_FIELD, at, name, "");
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
    static _Thread_local char expected[240];
    const char *text = json_string_value(value), *names = names_of(v->field);
    if (text && names && listed(names, text)) return NULL;
    snprintf(expected, sizeof expected, "%s%.220s", v->field->type == FIELD_WORDS ? "a list of " : "one of ",
             names ? names : "");
    return expected;
}

static const char *check_words(const look_t *v, const json_t *value) {
    if (!json_is_array(value)) return "a list of words";
    for (size_t i = 0; i < json_array_size(value); i++) {
        const char *expected = check_word(v, json_array_get(value, i));
        if (expected) return expected;
    }
    return NULL;
}

// Forms only: what is well formed and too large, or in a year that no rule reaches, is told as OUT_OF_RANGE.
static const char *check_money(const json_t *value) {
    fen_t amount;
    const char *text = json_string_value(value);
    const bool padded = text && text[0] == '0' && text[1] != '.'; // "01.00"
    return text && !padded && fen_parse(text, false, &amount) != E_INVALID_FIELD ? NULL : "an amount like \"1234.50\"";
}

static const char *check_rate(const json_t *value) {
    rate_t rate;
    const char *text = json_string_value(value);
    return text && rate_parse(text, &rate) == E_OK ? NULL : "a number like \"0.55\" with at most six decimals";
}

// A day or month of any year from 0001 on, with a year of the same length that the calendar knows in place of its own.
static bool exists(const char *text, bool month) {
    char near[DATE_TEXT_MAX];
    date_t date;
    if (!text || strlen(text) != (month ? 7 : 10) || strspn(text, "0123456789") != 4 || strncmp(text, "0000", 4) == 0)
        return false;
    const int year = (text[0] - '0') * 1000 + (text[1] - '0') * 100 + (text[2] - '0') * 10 + (text[3] - '0');
    const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    snprintf(near, sizeof near, "%s%s%s", leap ? "2000" : "2001", text + 4, month ? "-01" : "");
    return date_parse(near, &date) == E_OK;
}

static const char *check_date(const look_t *v, const json_t *value) {
    const char *text = json_string_value(value);
    if (text && v->field->words && listed(v->field->words, text)) return NULL;
    return exists(text, false) ? NULL : "a date like \"2018-03-01\"";
}

static const char *check_month(const json_t *value) {
    return exists(json_string_value(value), true) ? NULL : "a month like \"2018-03\"";
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
static int look_members(const look_t *v, const json_t *map, const char *name, const place_t *at) {
    const place_t here = {at, name, strlen(name), -1};
    const char *key;
    json_t *member;
    json_object_foreach((json_t *)map, key, member) {
        const char *expected = check_money(member);
        if (expected) return complain(v->err, E_INVALID_FIELD, &here, key, expected);
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
    if (text && strlen(text) != json_string_length(value)) return "a text without NUL";
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
        return json_is_integer(value) && json_integer_value(value) >= 1000 && json_integer_value(value) <= 9999
                   ? NULL
                   : "a year like 2018";
    case FIELD_YES_NO: return json_is_boolean(value) ? NULL : "true or false";
    case FIELD_DATE: return check_date(v, value);
    case FIELD_MONTH: return check_month(value);
    case FIELD_MONTH_SPAN: return check_span(value);
    case FIELD_MONEY_MAP: return check_map(value);
    case FIELD_DATE_MONEY: return check_pairs(v, value);
    }
    return "nothing";
}

static int look_invalid(const look_t *v, const json_t *parent, const char *name, const place_t *at) {
    const json_t *value = json_object_get(parent, name);
    if (!value || (json_is_null(value) && v->field->null_is_absent)) return E_OK;
    const char *expected = check_type(v, value);
    if (expected) return complain(v->err, E_INVALID_FIELD, at, name, expected);
    return v->field->type == FIELD_MONEY_MAP ? look_members(v, value, name, at) : E_OK;
}

// ---- well formed, but beyond what is computed with

static bool date_fits(const json_t *value) {
    const char *text = json_string_value(value);
    date_t date;
    month_t month;
    return strspn(text, "0123456789") != 4 ||
           (strlen(text) == 7 ? month_parse(text, &month) : date_parse(text, &date)) == E_OK;
}

static bool money_fits(const json_t *value) {
    fen_t amount;
    return fen_parse(json_string_value(value), false, &amount) == E_OK;
}

static bool all_fit(const json_t *value, field_type_t type) {
    const char *key;
    json_t *member;
    bool fit = true;
    if (type == FIELD_MONEY_MAP) {
        json_object_foreach((json_t *)value, key, member) fit &= money_fits(member);
        return fit;
    }
    for (size_t i = 0; i < json_array_size(value); i++) {
        const json_t *entry = json_array_get(value, i);
        fit &= type == FIELD_MONTH_SPAN ? date_fits(entry)
                                        : date_fits(json_array_get(entry, 0)) && money_fits(json_array_get(entry, 1));
    }
    return fit;
}

static const char *too_far(field_type_t type, const json_t *value) {
    static const char dates[] = "a day of the years 1900 to 2199", amounts[] = "a smaller amount";
    switch (type) {
    case FIELD_COUNT: return json_integer_value(value) <= COUNT_MOST ? NULL : "at most 100,000,000";
    case FIELD_YEAR:
        return json_integer_value(value) >= 1900 && json_integer_value(value) <= 2199 ? NULL
                                                                                      : "a year from 1900 to 2199";
    case FIELD_DATE:
    case FIELD_MONTH: return date_fits(value) ? NULL : dates;
    case FIELD_MONEY: return money_fits(value) ? NULL : amounts;
    case FIELD_MONTH_SPAN: return all_fit(value, type) ? NULL : dates;
    case FIELD_MONEY_MAP: return all_fit(value, type) ? NULL : amounts;
    case FIELD_DATE_MONEY: return all_fit(value, type) ? NULL : "days of the years 1900 to 2199 and smaller amounts";
    default: return NULL;
    }
}

static int look_range(const look_t *v, const json_t *parent, const char *name, const place_t *at) {
    const json_t *value = json_object_get(parent, name);
    if (!value || json_is_null(value)) return E_OK;
    const char *expected = too_far(v->field->type, value);
    return expected ? complain(v->err, E_OUT_OF_RANGE, at, name, expected) : E_OK;
}

int fields_check(const eval_t *eval, const eval_kind_t *kind, const json_t *root, err_t *err) {
    int (*const looks[])(const look_t *, const json_t *, const char *, const place_t *) = {look_missing, look_invalid,
                                                                                           look_range};
    int rc = check_known(&(known_t){eval, kind, err}, root, NULL, NULL);
    for (size_t pass = 0; pass < COUNT_OF(looks) && !rc; pass++)
        for (size_t i = 0; i < kind->field_count && !rc; i++) {
            const look_t v = {eval, &kind->fields[i], looks[pass], err};
            rc = walk(&v, root, kind->fields[i].path, NULL);
        }
    return rc;
}
