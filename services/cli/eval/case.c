// What a kind reads of its case and writes of its answer.
#include "fields.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// ---- reading

static const field_t *field_of(const eval_case_t *c, const char *path) {
    char full[96];
    snprintf(full, sizeof full, "%s%s", c->prefix, path);
    const field_t *field = field_find(c->kind, full);
    CHECK(field != NULL); // the kind asks for a field that its table does not have
    return field;
}

static const json_t *value_of(const eval_case_t *c, const char *path) {
    const json_t *node = c->node;
    while (node && *path) {
        char name[64];
        size_t length = strcspn(path, ".");
        snprintf(name, sizeof name, "%.*s", (int)length, path);
        node = json_object_get(node, name);
        path += path[length] ? length + 1 : length;
    }
    return json_is_null(node) ? NULL : node;
}

bool case_has(const eval_case_t *c, const char *path) { return field_of(c, path) && value_of(c, path); }

static const char *text_or_default(const eval_case_t *c, const char *path) {
    const field_t *field = field_of(c, path);
    const json_t *value = value_of(c, path);
    if (value) return json_string_value(value);
    return field->otherwise && *field->otherwise ? field->otherwise : NULL;
}

const char *case_text(const eval_case_t *c, const char *path) { return text_or_default(c, path); }

fen_t case_money(const eval_case_t *c, const char *path) {
    const char *text = text_or_default(c, path);
    fen_t amount = 0;
    if (text) CHECK(fen_parse(text, false, &amount) == E_OK);
    return amount;
}

rate_t case_rate(const eval_case_t *c, const char *path) {
    const char *text = text_or_default(c, path);
    rate_t rate = 0;
    if (text) CHECK(rate_parse(text, &rate) == E_OK);
    return rate;
}

int64_t case_count(const eval_case_t *c, const char *path) {
    const field_t *field = field_of(c, path);
    const json_t *value = value_of(c, path);
    if (value) return json_integer_value(value);
    return field->otherwise && *field->otherwise ? strtoll(field->otherwise, NULL, 10) : 0;
}

bool case_yes(const eval_case_t *c, const char *path) {
    const field_t *field = field_of(c, path);
    const json_t *value = value_of(c, path);
    if (value) return json_is_true(value);
    return field->otherwise && strcmp(field->otherwise, "true") == 0;
}

date_t case_date(const eval_case_t *c, const char *path) {
    const char *text = text_or_default(c, path);
    date_t date;
    return text && date_parse(text, &date) == E_OK ? date : DATE_NONE;
}

month_t case_month(const eval_case_t *c, const char *path) {
    const char *text = text_or_default(c, path);
    month_t month;
    return text && month_parse(text, &month) == E_OK ? month : MONTH_NONE;
}

bool case_month_span(const eval_case_t *c, const char *path, month_t *first, month_t *last) {
    field_of(c, path);
    const json_t *value = value_of(c, path);
    if (!value) return false;
    CHECK(month_parse(json_string_value(json_array_get(value, 0)), first) == E_OK);
    CHECK(month_parse(json_string_value(json_array_get(value, 1)), last) == E_OK);
    return true;
}

int case_word(const eval_case_t *c, const char *path, int (*from_name)(const char *)) {
    const char *text = text_or_default(c, path);
    return text ? from_name(text) : -1;
}

uint32_t case_words(const eval_case_t *c, const char *path, int (*from_name)(const char *)) {
    field_of(c, path);
    const json_t *value = value_of(c, path);
    uint32_t bits = 0;
    for (size_t i = 0; i < json_array_size(value); i++) {
        int code = from_name(json_string_value(json_array_get(value, i)));
        CHECK(code >= 0 && code < 32);
        bits |= 1u << code;
    }
    return bits;
}

const json_t *case_node(const eval_case_t *c, const char *path) {
    field_of(c, path);
    return value_of(c, path);
}

size_t case_size(const eval_case_t *c, const char *path) { return json_array_size(case_node(c, path)); }

eval_case_t case_item(const eval_case_t *c, const char *path, size_t index) {
    eval_case_t item = *c;
    item.node = json_array_get(case_node(c, path), index);
    CHECK(item.node != NULL);
    snprintf(item.prefix, sizeof item.prefix, "%.23s%.20s[].", c->prefix, path);
    snprintf(item.where, sizeof item.where, "%.15s%.15s[%zu].", c->where, path, index % 1000000);
    return item;
}

int case_fail(const eval_case_t *c, int code, const char *path, const char *format, ...) {
    char field[64], text[200];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    snprintf(field, sizeof field, "%.31s%.31s", c->where, path);
    return err_field(c->err, code, field, "%s", text);
}

// ---- writing

// How many bytes the character at `text` has; 0 when it is cut or none.
static size_t character(const unsigned char *text) {
    const size_t n = *text < 0x80 ? 1 : *text >= 0xF0 ? 4 : *text >= 0xE0 ? 3 : *text >= 0xC2 ? 2 : 0;
    for (size_t i = 1; i < n; i++)
        if ((text[i] & 0xC0) != 0x80) return 0;
    return n;
}

// A sentence may quote what somebody sent and have been cut in the middle of a character: what is left of it is
// dropped.
static json_t *whole_characters(const char *text) {
    char kept[512];
    size_t n = 0;
    for (const unsigned char *at = (const unsigned char *)text; *at && n + 4 < sizeof kept;) {
        const size_t length = character(at);
        memcpy(kept + n, at, length);
        n += length;
        at += length ? length : 1;
    }
    return json_stringn(kept, n);
}

void answer_text(json_t *to, const char *key, const char *text) {
    json_t *value = text ? json_string(text) : json_null();
    json_object_set_new(to, key, value ? value : whole_characters(text));
}

void answer_money(json_t *to, const char *key, fen_t amount) {
    char text[FEN_TEXT_MAX];
    answer_text(to, key, fen_format(amount, text));
}

void answer_rate(json_t *to, const char *key, rate_t rate) {
    char text[FEN_TEXT_MAX];
    answer_text(to, key, rate_format(rate, text));
}

void answer_count(json_t *to, const char *key, int64_t count) { json_object_set_new(to, key, json_integer(count)); }
void answer_yes(json_t *to, const char *key, bool yes) { json_object_set_new(to, key, json_boolean(yes)); }

void answer_date(json_t *to, const char *key, date_t date) {
    char text[DATE_TEXT_MAX];
    answer_text(to, key, date == DATE_NONE ? NULL : date_format(date, text));
}

void answer_month(json_t *to, const char *key, month_t month) {
    char text[DATE_TEXT_MAX];
    answer_text(to, key, month == MONTH_NONE ? NULL : month_format(month, text));
}

json_t *answer_object(json_t *to, const char *key) {
    json_t *object = json_object();
    json_object_set_new(to, key, object);
    return object;
}

json_t *answer_list(json_t *to, const char *key) {
    json_t *list = json_array();
    json_object_set_new(to, key, list);
    return list;
}

json_t *answer_entry(json_t *list) {
    json_t *entry = json_object();
    json_array_append_new(list, entry);
    return entry;
}

json_t *answer_step(json_t *list, const policy_t *policy, const char *rule, fen_t amount) {
    json_t *step = answer_entry(list);
    answer_text(step, "rule", rule);
    answer_text(step, "source", policy_rule_source(policy, rule));
    answer_text(step, "text", policy_rule_text_zh(policy, rule));
    answer_text(step, "text_en", policy_rule_text(policy, rule));
    answer_money(step, "amount", amount);
    return step;
}
