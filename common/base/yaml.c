// libyaml's events turned into a tree. Every bound and refusal of the header is checked here, with file and line,
// before anybody reads a value.
#include "yaml.h"
#include "arena.h"
#include <errno.h>
#include <stdarg.h>
#include <string.h>

// libyaml has a yaml_node_t of its own, for a document API that we do not use.
#define yaml_node_t libyaml_node_t
#include <yaml.h>
#undef yaml_node_t

#define DEPTH_MAX 32
#define NODES_MAX 200000
#define BYTES_MAX (4u << 20)
#define ARENA_BLOCK (64u << 10)
#define ARENA_MAX (64u << 20) // 200,000 nodes of 80 bytes, keys and texts of 4 MiB, each rounded up by at most 15 bytes

struct yaml_doc {
    arena_t *arena;
    const char *name;
    const yaml_node_t *root;
};

typedef struct level {
    yaml_node_t *node;  // the open list or map
    yaml_node_t **tail; // where its next child goes
    const char *key;    // a map that has read a key and waits for its value
    int key_line;
} level_t;

typedef struct builder {
    yaml_doc_t *doc;
    yaml_parser_t parser;
    err_t *err;
    level_t levels[DEPTH_MAX];
    int depth;
    size_t nodes;
    yaml_node_t *root;
    bool done;
} builder_t;

static int refuse(builder_t *b, size_t line, const char *format, ...) __attribute__((format(printf, 3, 4)));
static int refuse(builder_t *b, size_t line, const char *format, ...) {
    char text[200];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return err_set(b->err, E_POLICY, "%s:%zu: %s", b->doc->name, line, text);
}

static int no_memory(err_t *err) { return err_set(err, E_IO, "out of memory while reading YAML"); }

static char *copy_text(builder_t *b, const char *text, size_t bytes) {
    char *copy = arena_alloc(b->doc->arena, bytes + 1);
    if (copy) memcpy(copy, text, bytes);
    return copy;
}

static bool is_null(const char *text) {
    return !*text || strcmp(text, "~") == 0 || strcmp(text, "null") == 0 || strcmp(text, "Null") == 0 ||
           strcmp(text, "NULL") == 0;
}

// Make a node and hang it into the open list or map, or make it the root.
static int add_node(builder_t *b, yaml_kind_t kind, size_t line, yaml_node_t **out) {
    if (++b->nodes > NODES_MAX) return refuse(b, line, "more than %d values", NODES_MAX);
    yaml_node_t *node = arena_alloc(b->doc->arena, sizeof *node);
    if (!node) return no_memory(b->err);
    node->kind = kind;
    node->line = (int)line;
    if (b->depth == 0) {
        b->root = node;
    } else {
        level_t *level = &b->levels[b->depth - 1];
        if (level->node->kind == YAML_MAP) {
            node->key = level->key;
            node->line = level->key_line;
            level->key = NULL;
        }
        *level->tail = node;
        level->tail = (yaml_node_t **)&node->next;
        level->node->count++;
    }
    *out = node;
    return E_OK;
}

static int refuse_marks(builder_t *b, size_t line, const yaml_char_t *anchor, const yaml_char_t *tag) {
    if (anchor) return refuse(b, line, "anchors are not allowed");
    if (tag) return refuse(b, line, "tags are not allowed");
    return E_OK;
}

static bool waits_for_key(const builder_t *b) {
    if (b->depth == 0) return false;
    const level_t *level = &b->levels[b->depth - 1];
    return level->node->kind == YAML_MAP && !level->key;
}

static int on_scalar(builder_t *b, const yaml_event_t *event, size_t line) {
    const char *value = (const char *)event->data.scalar.value;
    size_t bytes = event->data.scalar.length;
    int rc = refuse_marks(b, line, event->data.scalar.anchor, event->data.scalar.tag);
    if (rc) return rc;
    if (memchr(value, 0, bytes)) return refuse(b, line, "a text with a zero byte");
    if (waits_for_key(b)) {
        level_t *level = &b->levels[b->depth - 1];
        if (bytes == 0) return refuse(b, line, "a key without a name");
        level->key = copy_text(b, value, bytes);
        level->key_line = (int)line;
        return level->key ? E_OK : no_memory(b->err);
    }
    yaml_node_t *node = NULL;
    rc = add_node(b, YAML_SCALAR, line, &node);
    if (rc) return rc;
    node->quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    if (!node->quoted && is_null(value)) return E_OK;
    node->text = copy_text(b, value, bytes);
    return node->text ? E_OK : no_memory(b->err);
}

static int on_open(builder_t *b, yaml_kind_t kind, size_t line) {
    if (waits_for_key(b)) return refuse(b, line, "a key must be a plain text");
    if (b->depth == DEPTH_MAX) return refuse(b, line, "nested deeper than %d levels", DEPTH_MAX);
    yaml_node_t *node = NULL;
    int rc = add_node(b, kind, line, &node);
    if (rc) return rc;
    b->levels[b->depth++] = (level_t){.node = node, .tail = (yaml_node_t **)&node->first};
    return E_OK;
}

static int by_key(const void *left, const void *right) {
    const yaml_node_t *a = *(const yaml_node_t *const *)left, *b = *(const yaml_node_t *const *)right;
    int order = strcmp(a->key, b->key);
    return order ? order : (a->line > b->line) - (a->line < b->line);
}

// Sorted rather than compared pairwise: a hostile map of 100,000 keys must not cost 10^10 comparisons.
static int refuse_doubled_keys(builder_t *b, const yaml_node_t *map) {
    if (map->count < 2) return E_OK;
    const yaml_node_t **nodes = calloc(map->count, sizeof *nodes);
    if (!nodes) return no_memory(b->err);
    size_t n = 0;
    for (const yaml_node_t *node = map->first; node; node = node->next) nodes[n++] = node;
    qsort(nodes, n, sizeof *nodes, by_key);
    int rc = E_OK;
    for (size_t i = 1; i < n && !rc; i++)
        if (strcmp(nodes[i - 1]->key, nodes[i]->key) == 0)
            rc = refuse(b, (size_t)nodes[i]->line, "the key \"%.60s\" stands here again, first on line %d",
                        nodes[i]->key, nodes[i - 1]->line);
    free(nodes);
    return rc;
}

static int on_event(builder_t *b, const yaml_event_t *event) {
    size_t line = event->start_mark.line + 1;
    int rc = E_OK;
    switch (event->type) {
    case YAML_STREAM_END_EVENT: b->done = true; break;
    case YAML_DOCUMENT_START_EVENT:
        if (b->root) rc = refuse(b, line, "a second document");
        break;
    case YAML_ALIAS_EVENT: rc = refuse(b, line, "aliases are not allowed"); break;
    case YAML_SCALAR_EVENT: rc = on_scalar(b, event, line); break;
    case YAML_SEQUENCE_START_EVENT:
        rc = refuse_marks(b, line, event->data.sequence_start.anchor, event->data.sequence_start.tag);
        if (!rc) rc = on_open(b, YAML_LIST, line);
        break;
    case YAML_MAPPING_START_EVENT:
        rc = refuse_marks(b, line, event->data.mapping_start.anchor, event->data.mapping_start.tag);
        if (!rc) rc = on_open(b, YAML_MAP, line);
        break;
    case YAML_MAPPING_END_EVENT:
        rc = refuse_doubled_keys(b, b->levels[b->depth - 1].node); // and leave the level
    /* fall through */
    case YAML_SEQUENCE_END_EVENT: b->depth--; break;
    default: break;
    }
    return rc;
}

// What libyaml itself complains about. Errors of its reader (bad UTF-8) carry a byte offset instead of a line.
static int parser_error(builder_t *b, const char *text, size_t bytes) {
    const yaml_parser_t *parser = &b->parser;
    const char *problem = parser->problem ? parser->problem : "not YAML";
    if (parser->error == YAML_MEMORY_ERROR) return no_memory(b->err);
    if (parser->error != YAML_READER_ERROR) return refuse(b, parser->problem_mark.line + 1, "%s", problem);
    size_t line = 1;
    for (size_t i = 0; i < bytes && i < parser->problem_offset; i++) line += text[i] == '\n';
    return refuse(b, line, "%s", problem);
}

static int build(builder_t *b, const char *text, size_t bytes) {
    int rc = E_OK;
    while (!rc && !b->done) { // ends: every event but the last consumes bytes of a text of at most 4 MiB
        yaml_event_t event;
        if (!yaml_parser_parse(&b->parser, &event)) return parser_error(b, text, bytes);
        rc = on_event(b, &event);
        yaml_event_delete(&event);
    }
    if (!rc && !b->root) rc = refuse(b, 1, "the file is empty");
    return rc;
}

static yaml_doc_t *doc_new(const char *name) {
    yaml_doc_t *doc = calloc(1, sizeof *doc);
    if (!doc) return NULL;
    doc->arena = arena_new(ARENA_BLOCK, ARENA_MAX);
    doc->name = doc->arena ? arena_copy(doc->arena, name, strlen(name) + 1) : NULL;
    if (!doc->name) yaml_destroy(&doc);
    return doc;
}

int yaml_parse(yaml_doc_t **out, const char *name, const char *text, size_t bytes, err_t *err) {
    if (bytes > BYTES_MAX) return err_set(err, E_POLICY, "%s:1: larger than %u bytes", name, BYTES_MAX);
    builder_t b = {.doc = doc_new(name), .err = err};
    if (!b.doc) return no_memory(err);
    if (!yaml_parser_initialize(&b.parser)) {
        yaml_destroy(&b.doc);
        return no_memory(err);
    }
    yaml_parser_set_encoding(&b.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&b.parser, (const unsigned char *)text, bytes);
    int rc = build(&b, text, bytes);
    yaml_parser_delete(&b.parser);
    b.doc->root = b.root;
    if (rc)
        yaml_destroy(&b.doc);
    else
        *out = b.doc;
    return rc;
}

int yaml_load(yaml_doc_t **out, const char *path, err_t *err) {
    int rc = E_OK;
    char *text = NULL;
    FILE *file = fopen(path, "rbe");
    if (!file) return err_set(err, E_IO, "%s: %s", path, strerror(errno));
    text = malloc(BYTES_MAX + 1); // one byte more than allowed, so that too much shows
    if (!text) {
        rc = no_memory(err);
        goto done;
    }
    size_t bytes = fread(text, 1, BYTES_MAX + 1, file);
    if (ferror(file))
        rc = err_set(err, E_IO, "%s: %s", path, strerror(errno));
    else
        rc = yaml_parse(out, path, text, bytes, err);
done:
    free(text);
    fclose(file);
    return rc;
}

void yaml_destroy(yaml_doc_t **doc) {
    if (!*doc) return;
    arena_destroy(&(*doc)->arena);
    free(*doc);
    *doc = NULL;
}

const yaml_node_t *yaml_root(const yaml_doc_t *doc) { return doc->root; }
const char *yaml_name(const yaml_doc_t *doc) { return doc->name; }

const yaml_node_t *yaml_get(const yaml_node_t *map, const char *key) {
    if (!map || map->kind != YAML_MAP) return NULL;
    for (const yaml_node_t *node = map->first; node; node = node->next)
        if (strcmp(node->key, key) == 0) return node;
    return NULL;
}

static void join(char *out, size_t size, const char *const *words) {
    size_t n = 0;
    out[0] = 0;
    for (size_t i = 0; words[i] && n < size; i++)
        n += (size_t)snprintf(out + n, size - n, "%s%s", i ? ", " : "", words[i]);
}

static bool contains(const char *const *words, const char *word) {
    for (size_t i = 0; words[i]; i++)
        if (strcmp(words[i], word) == 0) return true;
    return false;
}

int yaml_only_keys(const yaml_doc_t *doc, const yaml_node_t *map, const char *const *allowed, err_t *err) {
    char list[160];
    join(list, sizeof list, allowed);
    if (map->kind != YAML_MAP) return yaml_error(doc, map, err, "expected a map with the keys %s", list);
    for (const yaml_node_t *node = map->first; node; node = node->next)
        if (!contains(allowed, node->key))
            return yaml_error(doc, node, err, "%.60s: unknown key, allowed are %s", node->key, list);
    return E_OK;
}

int yaml_error(const yaml_doc_t *doc, const yaml_node_t *node, err_t *err, const char *format, ...) {
    char text[sizeof(err_t)];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return err_field(err, E_POLICY, node && node->key ? node->key : "", "%s:%d: %s", doc->name, node ? node->line : 1,
                     text);
}
