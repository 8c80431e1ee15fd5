// yaml_parse on any bytes: it refuses with a sentence or gives a tree that keeps its promises.
#include "common/base/yaml.h"
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static size_t check_node(const yaml_node_t *node, int depth) {
    size_t children = 0, total = 1;
    CHECK(node->line >= 1 && depth <= 33);
    for (const yaml_node_t *child = node->first; child; child = child->next, children++) {
        CHECK((child->key != NULL) == (node->kind == YAML_MAP));
        // No second key of that name stands in front. Looked up in small maps only: yaml_get is linear.
        CHECK(!child->key || node->count > 1000 || yaml_get(node, child->key) == child);
        total += check_node(child, depth + 1);
    }
    CHECK(children == node->count && (node->kind != YAML_SCALAR || children == 0));
    CHECK(!node->quoted || node->text);
    return total;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes) {
    yaml_doc_t *doc = NULL;
    err_t err = {0};
    int rc = yaml_parse(&doc, "fuzz", (const char *)data, bytes, &err);
    if (rc == E_OK)
        CHECK(check_node(yaml_root(doc), 1) <= 200000);
    else
        CHECK(rc == err.code && !doc && (rc == E_IO || strncmp(err.text, "fuzz:", 5) == 0));
    yaml_destroy(&doc);
    return 0;
}
