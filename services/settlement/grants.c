// Reading and keeping the grants. Every word is checked, so that what is written back needs no escaping.
#include "grants.h"
#include "agency_topics.h"
#include "common/base/date.h"
#include "common/base/ids.h"
#include "common/base/yaml.h"
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zmq.h>

struct grants {
    size_t count;
    grant_t items[GRANTS_MAX];
};

static const struct {
    const char *name;
    unsigned field;
} fields[] = {
    {"person", GRANT_PERSON}, {"facility", GRANT_FACILITY}, {"amounts", GRANT_AMOUNTS}, {"reference", GRANT_REFERENCE}};

const char *grant_field_name(unsigned field) {
    for (size_t i = 0; i < COUNT_OF(fields); i++)
        if (fields[i].field == field) return fields[i].name;
    return NULL;
}

unsigned grant_field_from(const char *name) {
    for (size_t i = 0; i < COUNT_OF(fields); i++)
        if (strcmp(fields[i].name, name) == 0) return fields[i].field;
    return 0;
}

// ---- lists of words

bool grant_list_has(const grant_list_t *list, const char *word) {
    for (size_t i = 0; !list->all && i < list->count; i++)
        if (strcmp(list->word[i], word) == 0) return true;
    return list->all;
}

bool grant_list_same(const grant_list_t *a, const grant_list_t *b) {
    if (a->all != b->all || a->count != b->count) return false;
    for (size_t i = 0; i < a->count; i++)
        if (strcmp(a->word[i], b->word[i]) != 0) return false;
    return true;
}

bool grant_topic(const grant_list_t *list, const char *topic) {
    for (size_t i = 0; i < list->count; i++) {
        const size_t length = strlen(list->word[i]);
        if (strncmp(list->word[i], topic, length) == 0 && (!topic[length] || topic[length] == '.')) return true;
    }
    return false;
}

static bool is_word(const char *text, size_t length) {
    for (size_t i = 0; i < length; i++)
        if (!isalnum((unsigned char)text[i]) && !strchr("_-.", text[i])) return false;
    return length > 0 && length < GRANT_WORD_BYTES;
}

static int add_word(grant_list_t *list, const char *what, const char *text, size_t length, err_t *err) {
    if (!is_word(text, length))
        return err_field(err, E_INVALID_FIELD, what, "%s: a word of at most %d letters, digits and _ - . was expected",
                         what, GRANT_WORD_BYTES - 1);
    if (list->count == GRANT_WORDS_MAX)
        return err_field(err, E_TOO_LARGE, what, "%s: at most %d words", what, GRANT_WORDS_MAX);
    char *word = list->word[list->count];
    memcpy(word, text, length);
    word[length] = '\0';
    if (strcmp(what, "topics") == 0 && !agency_topic_known(word))
        return err_field(err, E_INVALID_FIELD, what, "%s: there is no topic %s (docs/events.md lists them)", what,
                         word);
    if (strcmp(what, "fields") == 0 && !grant_field_from(word))
        return err_field(err, E_INVALID_FIELD, what, "%s: %s is none of person, facility, amounts, reference", what,
                         word);
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->word[i], word) == 0)
            return err_field(err, E_INVALID_FIELD, what, "%s: %s is there twice", what, word);
    list->count++;
    return E_OK;
}

static bool may_be_all(const char *what) { return strcmp(what, "counties") == 0 || strcmp(what, "funds") == 0; }

int grant_list_parse(grant_list_t *out, const char *what, const char *text, err_t *err) {
    grant_list_t list = {.all = may_be_all(what) && strcmp(text, "all") == 0};
    int rc = E_OK;
    for (const char *at = text; !rc && !list.all && *at;) {
        const size_t length = strcspn(at, ",");
        rc = add_word(&list, what, at, length, err);
        at += length;
        if (!rc && *at == ',' && !*++at)
            rc = err_field(err, E_INVALID_FIELD, what, "%s: a word was expected after the last comma", what);
    }
    if (!rc) *out = list;
    return rc;
}

// ---- the file

static int read_list(const yaml_doc_t *doc, const yaml_node_t *map, const char *what, grant_list_t *out, err_t *err) {
    const yaml_node_t *node = yaml_get(map, what);
    err_t why = {0};
    if (!node) return yaml_error(doc, map, err, "%s: it must be said", what);
    if (node->kind == YAML_SCALAR && may_be_all(what) && node->text && strcmp(node->text, "all") == 0) {
        out->all = true;
        return E_OK;
    }
    if (node->kind != YAML_LIST)
        return yaml_error(doc, node, err, "%s: a list%s was expected", what,
                          may_be_all(what) ? " or the word all" : "");
    for (const yaml_node_t *item = node->first; item; item = item->next) {
        const char *text = item->kind == YAML_SCALAR && item->text ? item->text : "";
        if (add_word(out, what, text, strlen(text), &why)) return yaml_error(doc, item, err, "%s", why.text);
    }
    return E_OK;
}

static const char *text_of(const yaml_node_t *map, const char *key) {
    const yaml_node_t *node = yaml_get(map, key);
    return node && node->kind == YAML_SCALAR && node->text ? node->text : "";
}

static int read_head(const yaml_doc_t *doc, const yaml_node_t *node, grant_t *out, err_t *err) {
    const char *name = text_of(node, "name"), *key = text_of(node, "key"), *revoked = text_of(node, "revoked");
    unsigned char raw[32];
    err_t why = {0};
    date_t day;
    if (name_check("name", name, &why)) return yaml_error(doc, node, err, "%s", why.text);
    if (strlen(key) != GRANT_KEY_BYTES - 1 || !zmq_z85_decode(raw, key))
        return yaml_error(doc, node, err, "key must be a public key of %d Z85 characters", GRANT_KEY_BYTES - 1);
    if (yaml_get(node, "revoked") && date_parse(revoked, &day))
        return yaml_error(doc, node, err, "revoked: a day like 2026-01-31 was expected");
    snprintf(out->name, sizeof out->name, "%s", name);
    snprintf(out->key, sizeof out->key, "%s", key);
    snprintf(out->revoked, sizeof out->revoked, "%s", revoked);
    return E_OK;
}

static int read_grant(const yaml_doc_t *doc, const yaml_node_t *node, grant_t *out, err_t *err) {
    static const char *const allowed[] = {"name", "key", "revoked", "topics", "counties", "funds", "fields", NULL};
    grant_list_t words = {0};
    *out = (grant_t){0};
    if (node->kind != YAML_MAP)
        return yaml_error(doc, node, err, "a map of name, key and what is granted was expected");
    int rc = yaml_only_keys(doc, node, allowed, err);
    if (!rc) rc = read_head(doc, node, out, err);
    if (rc || (out->revoked[0] && !yaml_get(node, "topics"))) return rc;
    rc = read_list(doc, node, "topics", &out->topics, err);
    if (!rc) rc = read_list(doc, node, "counties", &out->counties, err);
    if (!rc) rc = read_list(doc, node, "funds", &out->funds, err);
    if (!rc) rc = read_list(doc, node, "fields", &words, err);
    for (size_t i = 0; !rc && i < words.count; i++) out->fields |= grant_field_from(words.word[i]);
    return rc;
}

static int read_grants(const yaml_doc_t *doc, grants_t *grants, err_t *err) {
    static const char *const allowed[] = {"agencies", NULL};
    const yaml_node_t *root = yaml_root(doc);
    if (!root || root->kind != YAML_MAP)
        return err_set(err, E_POLICY, "%s: a map with the key agencies was expected", yaml_name(doc));
    int rc = yaml_only_keys(doc, root, allowed, err);
    if (rc) return rc;
    const yaml_node_t *list = yaml_get(root, "agencies");
    if (!list || list->kind != YAML_LIST) return yaml_error(doc, root, err, "agencies: a list was expected");
    for (const yaml_node_t *node = list->first; node; node = node->next) {
        grant_t *grant = &grants->items[grants->count];
        if (grants->count == GRANTS_MAX) return yaml_error(doc, node, err, "at most %d agencies", GRANTS_MAX);
        if ((rc = read_grant(doc, node, grant, err)) != E_OK) return rc;
        for (size_t i = 0; i < grants->count; i++) {
            if (strcmp(grants->items[i].name, grant->name) == 0)
                return yaml_error(doc, node, err, "name: %s is there twice", grant->name);
            if (strcmp(grants->items[i].key, grant->key) == 0)
                return yaml_error(doc, node, err, "key: %s has the key of %s", grant->name, grants->items[i].name);
        }
        grants->count++;
    }
    return E_OK;
}

static int from_doc(grants_t **out, const yaml_doc_t *doc, err_t *err) {
    grants_t *grants = calloc(1, sizeof *grants);
    if (!grants) return err_set(err, E_IO, "out of memory for the grants");
    int rc = doc ? read_grants(doc, grants, err) : E_OK;
    if (rc)
        grants_destroy(&grants);
    else
        *out = grants;
    return rc;
}

int grants_load(grants_t **out, const char *path, err_t *err) {
    yaml_doc_t *doc = NULL;
    if (access(path, F_OK) != 0 && errno == ENOENT) return from_doc(out, NULL, err);
    int rc = yaml_load(&doc, path, err);
    if (!rc) rc = from_doc(out, doc, err);
    yaml_destroy(&doc);
    return rc;
}

int grants_parse(grants_t **out, const char *name, const char *text, size_t bytes, err_t *err) {
    yaml_doc_t *doc = NULL;
    int rc = yaml_parse(&doc, name, text, bytes, err);
    if (!rc) rc = from_doc(out, doc, err);
    yaml_destroy(&doc);
    return rc;
}

void grants_destroy(grants_t **grants) {
    free(*grants);
    *grants = NULL;
}

// ---- what is in it

size_t grants_count(const grants_t *grants) { return grants->count; }
const grant_t *grants_at(const grants_t *grants, size_t i) { return &grants->items[i]; }

const grant_t *grants_by_key(const grants_t *grants, const char *key) {
    for (size_t i = 0; i < grants->count; i++)
        if (!grants->items[i].revoked[0] && strcmp(grants->items[i].key, key) == 0) return &grants->items[i];
    return NULL;
}

const grant_t *grants_by_name(const grants_t *grants, const char *name) {
    for (size_t i = 0; i < grants->count; i++)
        if (strcmp(grants->items[i].name, name) == 0) return &grants->items[i];
    return NULL;
}

int grants_put(grants_t *grants, const grant_t *grant, err_t *err) {
    size_t at = grants->count;
    for (size_t i = 0; i < grants->count; i++) {
        const grant_t *other = &grants->items[i];
        if (strcmp(other->name, grant->name) == 0)
            at = i;
        else if (strcmp(other->key, grant->key) == 0)
            return err_field(err, E_EXISTS, "key", "%s has this key already", other->name);
    }
    if (at == GRANTS_MAX) return err_field(err, E_TOO_LARGE, "agencies", "at most %d agencies", GRANTS_MAX);
    grants->items[at] = *grant;
    if (at == grants->count) grants->count++;
    return E_OK;
}
