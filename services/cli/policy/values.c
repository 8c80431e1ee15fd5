// YAML trees to a flat list. Lists are labelled by what their entries are about, so that a path stays the same when a
// row is added above it.
#include "values.h"
#include "common/base/arena.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DOCS_MAX = 16, VALUES_MAX = 50000, ARENA_BLOCK = 64 * 1024, ARENA_MAX = 64 * 1024 * 1024, PATH_ROOM = 512 };

struct law_values {
    arena_t *arena;
    yaml_doc_t *docs[DOCS_MAX];
    size_t doc_count;
    law_value_t *items;
    size_t count, room;
    bool full; // out of memory or bounds
};

typedef struct place { // where the walk is
    law_values_t *values;
    const char *file, *section, *rule, *when;
} place_t;

static const char *keep(law_values_t *v, const char *text) {
    const char *copy = arena_text(v->arena, "%s", text);
    if (!copy) v->full = true;
    return copy ? copy : "";
}

// ---- adding

static law_value_t *slot_for(law_values_t *v, const char *path) {
    for (size_t i = 0; i < v->count; i++) // an overlay's entry takes the place of the one of the same path
        if (strcmp(v->items[i].path, path) == 0) return &v->items[i];
    if (v->count == v->room) {
        size_t room = v->room ? 2 * v->room : 256;
        law_value_t *items = room <= VALUES_MAX ? realloc(v->items, room * sizeof *items) : NULL;
        if (!items) return NULL;
        v->items = items;
        v->room = room;
    }
    return &v->items[v->count++];
}

static void emit(const place_t *at, const char *path, const yaml_node_t *node, const char *text) {
    law_values_t *v = at->values;
    const char *kept = keep(v, path);
    law_value_t *slot = slot_for(v, kept);
    if (!slot) {
        v->full = true;
        return;
    }
    const char *key = strrchr(kept, '.');
    *slot = (law_value_t){.section = at->section,
                          .path = kept,
                          .key = key ? key + 1 : kept,
                          .text = keep(v, text),
                          .rule = at->rule,
                          .when = at->when,
                          .file = at->file,
                          .line = node->line};
}

// ---- labels and conditions

static const char *scalar(const yaml_node_t *map, const char *key) {
    const yaml_node_t *node = map->kind == YAML_MAP ? yaml_get(map, key) : NULL;
    return node && node->kind == YAML_SCALAR && node->text ? node->text : NULL;
}

static void join(char *to, size_t room, const char *separator, const char *text) {
    size_t n = strlen(to);
    if (n + 1 < room) snprintf(to + n, room - n, "%s%s", n ? separator : "", text);
}

static void tell_scalars(char *to, size_t room, const yaml_node_t *list, const char *separator) {
    for (const yaml_node_t *item = list->first; item; item = item->next)
        if (item->kind == YAML_SCALAR && item->text) join(to, room, separator, item->text);
}

// "level=1 designated=true"; alternatives are joined by " or ".
static void tell_when(char *to, size_t room, const yaml_node_t *when) {
    if (when->kind == YAML_LIST) {
        for (const yaml_node_t *one = when->first; one; one = one->next) {
            char part[PATH_ROOM] = "";
            tell_when(part, sizeof part, one);
            join(to, room, " or ", part);
        }
        return;
    }
    for (const yaml_node_t *fact = when->first; fact; fact = fact->next) {
        char part[PATH_ROOM] = "", words[PATH_ROOM] = "";
        if (fact->kind == YAML_LIST) tell_scalars(words, sizeof words, fact, "|");
        snprintf(part, sizeof part, "%.100s=%.400s", fact->key,
                 fact->kind == YAML_LIST ? words
                 : fact->text            ? fact->text
                                         : "");
        join(to, room, " ", part);
    }
}

static void label(char *to, size_t room, const yaml_node_t *entry) {
    static const char *const keys[] = {"visit", "name",     "code", "item", "payer", "step",
                                       "check", "identity", "from", "to",   "above"};
    *to = 0;
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        const char *text = scalar(entry, keys[i]);
        if (text) join(to, room, " ", text);
    }
    const yaml_node_t *when = entry->kind == YAML_MAP ? yaml_get(entry, "when") : NULL;
    char part[PATH_ROOM] = "";
    if (when) tell_when(part, sizeof part, when);
    if (*part) join(to, room, " ", part);
    const yaml_node_t *above = entry->kind == YAML_MAP ? yaml_get(entry, "above") : NULL;
    if (above && above->kind == YAML_MAP && scalar(above, "parameter")) join(to, room, " ", scalar(above, "parameter"));
    if (!*to && scalar(entry, "rule")) join(to, room, " ", scalar(entry, "rule"));
}

// ---- the walk

static bool is_note(const char *key) { // says something about a value, is none
    static const char *const notes[] = {"rule", "text", "text_zh", "source", "when", "says"};
    for (size_t i = 0; i < COUNT_OF(notes); i++)
        if (strcmp(notes[i], key) == 0) return true;
    return false;
}

static bool all_scalars(const yaml_node_t *list) {
    for (const yaml_node_t *item = list->first; item; item = item->next)
        if (item->kind != YAML_SCALAR) return false;
    return true;
}

static void walk(place_t at, const char *path, const yaml_node_t *node);

static void walk_list(place_t at, const char *path, const yaml_node_t *list) {
    if (all_scalars(list)) {
        char text[PATH_ROOM] = "";
        tell_scalars(text, sizeof text, list, ", ");
        emit(&at, path, list, text);
        return;
    }
    for (const yaml_node_t *entry = list->first; entry; entry = entry->next) {
        char name[PATH_ROOM], below[PATH_ROOM];
        label(name, sizeof name, entry);
        int same = 1; // an earlier entry of the same label gets counted, so that paths stay different
        for (const yaml_node_t *other = list->first; other != entry; other = other->next) {
            char twin[PATH_ROOM];
            label(twin, sizeof twin, other);
            same += strcmp(twin, name) == 0;
        }
        if (same == 1)
            snprintf(below, sizeof below, "%.250s[%.250s]", path, name);
        else
            snprintf(below, sizeof below, "%.240s[%.240s #%d]", path, name, same);
        walk(at, below, entry);
    }
}

static void walk(place_t at, const char *path, const yaml_node_t *node) {
    if (node->kind == YAML_SCALAR) {
        emit(&at, path, node, node->text ? node->text : "");
        return;
    }
    if (node->kind == YAML_LIST) {
        walk_list(at, path, node);
        return;
    }
    if (scalar(node, "rule")) at.rule = scalar(node, "rule");
    const yaml_node_t *when = yaml_get(node, "when");
    if (when) {
        char text[PATH_ROOM] = "";
        join(text, sizeof text, " ", at.when);
        char own[PATH_ROOM] = "";
        tell_when(own, sizeof own, when);
        if (*own) join(text, sizeof text, " ", own);
        at.when = keep(at.values, text);
    }
    bool only_rule = true;
    for (const yaml_node_t *child = node->first; child; child = child->next) {
        char below[PATH_ROOM];
        if (is_note(child->key)) continue;
        only_rule = false;
        snprintf(below, sizeof below, "%.350s.%.150s", path, child->key);
        walk(at, below, child);
    }
    if (only_rule && *at.rule) emit(&at, path, node, "holds"); // a row that only says where it stands in the law
}

// ---- sections

static const yaml_node_t *section_in_force(const law_values_t *v, const char *key, size_t *doc) {
    const size_t last = strcmp(key, "status") == 0 ? 1 : v->doc_count; // who the city is stays the city's
    for (size_t i = last; i > 0; i--) {
        const yaml_node_t *node = yaml_get(yaml_root(v->docs[i - 1]), key);
        if (!node) continue;
        *doc = i - 1;
        return node;
    }
    return NULL;
}

static void add_parameters(law_values_t *v, size_t doc, const yaml_node_t *map) {
    const yaml_node_t *declared = yaml_get(yaml_root(v->docs[0]), "parameters");
    for (const yaml_node_t *node = map->first; node; node = node->next) {
        const yaml_node_t *own = declared ? yaml_get(declared, node->key) : NULL;
        const char *rule = own ? scalar(own, "rule") : NULL;
        const yaml_node_t *list = node->kind == YAML_MAP ? yaml_get(node, "values") : node;
        for (const yaml_node_t *entry = list ? list->first : NULL; entry; entry = entry->next) {
            char path[PATH_ROOM], text[PATH_ROOM] = "";
            const char *from = scalar(entry, "from"), *status = scalar(entry, "status"),
                       *value = scalar(entry, "value");
            snprintf(path, sizeof path, "parameters.%.200s[%.40s]", node->key, from ? from : "");
            join(text, sizeof text, " ", value ? value : status ? status : "");
            place_t at = {v, yaml_name(v->docs[doc]), "parameters", rule ? rule : "", ""};
            emit(&at, path, entry, text);
        }
    }
}

static void add_options(law_values_t *v, size_t doc, const yaml_node_t *map) {
    for (const yaml_node_t *node = map->first; node; node = node->next) {
        char path[PATH_ROOM];
        const yaml_node_t *choices = node->kind == YAML_MAP ? yaml_get(node, "choices") : NULL;
        const char *text = choices && choices->first ? choices->first->text
                           : node->kind == YAML_MAP  ? scalar(node, "default")
                                                     : node->text;
        place_t at = {v, yaml_name(v->docs[doc]), "options", "", ""};
        snprintf(path, sizeof path, "options.%.200s", node->key);
        emit(&at, path, node, text ? text : "");
    }
}

static void add_section(law_values_t *v, const char *key) {
    if (strcmp(key, "parameters") == 0 || strcmp(key, "options") == 0) {
        for (size_t i = 0; i < v->doc_count; i++) {
            const yaml_node_t *map = yaml_get(yaml_root(v->docs[i]), key);
            if (map && map->kind == YAML_MAP) (*key == 'p' ? add_parameters : add_options)(v, i, map);
        }
        return;
    }
    size_t doc = 0;
    const yaml_node_t *node = section_in_force(v, key, &doc);
    if (!node) return;
    place_t at = {v, yaml_name(v->docs[doc]), key, "", ""};
    walk(at, key, node);
}

// The city's sections in its order, then those that only overlays have.
static void add_sections(law_values_t *v) {
    for (const yaml_node_t *node = yaml_root(v->docs[0])->first; node; node = node->next)
        if (strcmp(node->key, "rules") != 0) add_section(v, node->key);
    for (size_t i = 1; i < v->doc_count; i++)
        for (const yaml_node_t *node = yaml_root(v->docs[i])->first; node; node = node->next)
            if (strcmp(node->key, "overlay") != 0 && strcmp(node->key, "status") != 0 &&
                strcmp(node->key, "rules") != 0 && !yaml_get(yaml_root(v->docs[0]), node->key))
                add_section(v, node->key);
}

int law_values_load(law_values_t **out, const char *city_file, const char *const *overlays, err_t *err) {
    law_values_t *v = calloc(1, sizeof *v);
    *out = NULL;
    if (!v) return err_set(err, E_IO, "no memory for the values of a city");
    v->arena = arena_new(ARENA_BLOCK, ARENA_MAX);
    int rc = v->arena ? E_OK : err_set(err, E_IO, "no memory for the values of a city");
    if (!rc) rc = yaml_load(&v->docs[v->doc_count++], city_file, err);
    for (; !rc && overlays && *overlays; overlays++) {
        if (v->doc_count == DOCS_MAX)
            rc = err_set(err, E_POLICY, "more than %d overlays", DOCS_MAX - 1);
        else
            rc = yaml_load(&v->docs[v->doc_count++], *overlays, err);
    }
    if (!rc) add_sections(v);
    if (!rc && v->full) rc = err_set(err, E_TOO_LARGE, "the city's files state more than can be listed");
    if (rc)
        law_values_destroy(&v);
    else
        *out = v;
    return rc;
}

void law_values_destroy(law_values_t **values) {
    law_values_t *v = *values;
    if (!v) return;
    for (size_t i = 0; i < v->doc_count; i++) yaml_destroy(&v->docs[i]);
    if (v->arena) arena_destroy(&v->arena);
    free(v->items);
    free(v);
    *values = NULL;
}

size_t law_values_count(const law_values_t *values) { return values->count; }
const law_value_t *law_value_at(const law_values_t *values, size_t index) { return &values->items[index]; }

const law_value_t *law_value_find(const law_values_t *values, const char *path) {
    for (size_t i = 0; i < values->count; i++)
        if (strcmp(values->items[i].path, path) == 0) return &values->items[i];
    return NULL;
}

const char *law_parameter_title(const law_values_t *values, const char *name) {
    for (size_t i = 0; i < values->doc_count; i++) {
        const yaml_node_t *map = yaml_get(yaml_root(values->docs[i]), "parameters");
        const yaml_node_t *node = map && map->kind == YAML_MAP ? yaml_get(map, name) : NULL;
        if (node && scalar(node, "text_zh")) return scalar(node, "text_zh");
    }
    return name;
}
