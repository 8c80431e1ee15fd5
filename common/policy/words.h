// Inside the loader: words of a fixed vocabulary, given as an array of names.
#pragma once
#include "loader.h"
#include <stdio.h>

// The number of the word at `node` among `names`; 0 with a complaint that lists them, as far as they fit, when it is
// none.
static inline uint32_t word_of(loader_t *l, const yaml_node_t *node, const char *const *names, uint32_t count) {
    char all[112] = "";
    size_t n = 0;
    const char *text = text_of(l, node);
    for (uint32_t i = 0; i < count && node && !l->rc; i++)
        if (strcmp(names[i], text) == 0) return i;
    for (uint32_t i = 0; i < count && node && !l->rc; i++) {
        const bool fits = n + strlen(names[i]) + sizeof ", …" < sizeof all;
        n += (size_t)snprintf(all + n, sizeof all - n, "%s%s", n ? ", " : "", fits ? names[i] : "…");
        if (!fits) break;
    }
    if (node) fail(l, node, "%.30s is none of %s", text, all);
    return 0;
}

// A rule that a key may name: from 1; 0 without the key.
static inline uint32_t rule_may(loader_t *l, const yaml_node_t *map, const char *key) {
    const yaml_node_t *node = may(l, map, key);
    return node ? rule_named(l, node) + 1 : 0;
}
