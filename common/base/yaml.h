// A YAML file as a tree that remembers line numbers, for policy, calendars and configuration. Strict: doubled keys,
// anchors, aliases, tags, several documents, depth over 32, more than 200,000 nodes or 4 MiB are refused, each with
// file and line. Scalars keep their text; the reader decides what they mean.
#pragma once
#include "check.h"
#include "err.h"
#include <stdbool.h>

typedef enum yaml_kind { YAML_SCALAR, YAML_LIST, YAML_MAP } yaml_kind_t;

typedef struct yaml_node yaml_node_t;
struct yaml_node {
    yaml_kind_t kind;
    int line;                 // 1-based; inside a map the line of the key
    const char *key;          // inside a map: the key; else NULL
    const char *text;         // scalars; NULL for a plain empty value, ~ or null
    bool quoted;              // a quoted scalar is text, never a number or null
    const yaml_node_t *first; // children of lists and maps, in file order
    const yaml_node_t *next;
    size_t count;
};

typedef struct yaml_doc yaml_doc_t;

int yaml_load(yaml_doc_t **out, const char *path, err_t *err) MUST_USE; // E_IO or E_POLICY "path:line: …"
int yaml_parse(yaml_doc_t **out, const char *name, const char *text, size_t bytes, err_t *err) MUST_USE;
void yaml_destroy(yaml_doc_t **doc);
const yaml_node_t *yaml_root(const yaml_doc_t *doc);
const char *yaml_name(const yaml_doc_t *doc); // the path or name, for messages

const yaml_node_t *yaml_get(const yaml_node_t *map, const char *key); // NULL when absent
// E_POLICY "file:line: key: …" unless every key of `map` stands in the NULL-terminated list; names what is allowed.
int yaml_only_keys(const yaml_doc_t *doc, const yaml_node_t *map, const char *const *allowed, err_t *err) MUST_USE;
int yaml_error(const yaml_doc_t *doc, const yaml_node_t *node, err_t *err, const char *format, ...)
    __attribute__((format(printf, 4, 5))); // E_POLICY with "file:line: " in front
