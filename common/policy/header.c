// The sections that name things: the city, who is insured, districts, layers, running totals, rules.
#include "loader.h"

static const char *const top_keys[] = {"city",
                                       "name",
                                       "name_zh",
                                       "status",
                                       "identities",
                                       "divisions",
                                       "layers",
                                       "totals",
                                       "options",
                                       "parameters",
                                       "coverage",
                                       "contribution",
                                       "benefit",
                                       "rules",
                                       "intended",
#define X(section) #section,
                                       SECTION_TABLE(X)
#undef X
                                           NULL};

bool status_known(const char *status) {
    static const char *const known[] = {"seed", "published", "confirmed", "synthetic", "draft"};
    for (size_t i = 0; i < COUNT_OF(known); i++)
        if (strcmp(known[i], status) == 0) return true;
    return false;
}

static void load_identities(loader_t *l) {
    const yaml_node_t *list = need(l, l->city, "identities");
    l->out->identities = (1u << IDENTITY__COUNT) - 1; // while the list itself is read
    uint32_t bits = identities_of(l, list);
    l->out->identities = bits;
    if (!l->rc && !bits) fail(l, list, "names nobody");
}

static void load_divisions(loader_t *l) {
    const yaml_node_t *map = need(l, l->city, "divisions");
    if (!is_map(l, map)) return;
    l->out->divisions = take(l, map->count, sizeof *l->out->divisions);
    for (const yaml_node_t *node = map->first; node && !l->rc; node = node->next) {
        Tc__PolicyDivision *division = take(l, 1, sizeof *division);
        if (!division) return;
        *division = (Tc__PolicyDivision)TC__POLICY_DIVISION__INIT;
        if (strlen(node->key) != 6 || strspn(node->key, "0123456789") != 6 || node->key[0] == '0')
            fail(l, node, "a division code has six digits");
        division->code = unconst(node->key);
        division->name = unconst(text_of(l, node));
        l->out->divisions[l->out->n_divisions++] = division;
    }
}

static void load_layers(loader_t *l) {
    static const char *const keys[] = {"name", "fund", "rule", NULL};
    const yaml_node_t *list = section_of(l, "layers");
    if (!list) fail(l, l->city, "layers is missing");
    if (!is_list(l, list)) return;
    if (list->count > POLICY_LAYERS_MAX) fail(l, list, "more than %d layers", POLICY_LAYERS_MAX);
    l->out->layers = take(l, list->count, sizeof *l->out->layers);
    for (const yaml_node_t *node = list->first; node && !l->rc; node = node->next) {
        Tc__PolicyLayer *layer = take(l, 1, sizeof *layer);
        if (!layer) return;
        *layer = (Tc__PolicyLayer)TC__POLICY_LAYER__INIT;
        only(l, node, keys);
        rule_of(l, node);
        layer->name = unconst(text_of(l, need(l, node, "name")));
        layer->fund = unconst(text_of(l, need(l, node, "fund")));
        for (size_t i = 0; i < l->out->n_layers; i++)
            if (strcmp(l->out->layers[i]->name, layer->name) == 0) fail(l, node, "layer %s stands twice", layer->name);
        l->out->layers[l->out->n_layers++] = layer;
    }
    l->rule = NULL;
}

static void load_totals(loader_t *l) {
    const yaml_node_t *list = section_of(l, "totals");
    if (!list) fail(l, l->city, "totals is missing");
    if (!is_list(l, list)) return;
    if (list->count > POLICY_TOTALS_MAX) fail(l, list, "more than %d running totals", POLICY_TOTALS_MAX);
    l->out->totals = take(l, list->count, sizeof *l->out->totals);
    for (const yaml_node_t *node = list->first; node && !l->rc; node = node->next) {
        const char *name = text_of(l, node);
        for (size_t i = 0; i < l->out->n_totals; i++)
            if (strcmp(l->out->totals[i], name) == 0) fail(l, list, "running total %s stands twice", name);
        l->out->totals[l->out->n_totals++] = unconst(name);
    }
}

int load_header(loader_t *l) {
    only(l, l->city, top_keys);
    l->out->city = unconst(text_of(l, need(l, l->city, "city")));
    l->out->name = unconst(text_of(l, need(l, l->city, "name")));
    l->out->name_zh = unconst(text_of(l, need(l, l->city, "name_zh")));
    const yaml_node_t *status = need(l, l->city, "status");
    l->out->status = unconst(text_of(l, status));
    if (!l->rc && !status_known(l->out->status)) fail(l, status, "%.40s is not a status", l->out->status);
    load_identities(l);
    load_divisions(l);
    load_layers(l);
    load_totals(l);
    return l->rc;
}

static int by_id(const void *left, const void *right) {
    const Tc__PolicyRule *a = *(Tc__PolicyRule *const *)left, *b = *(Tc__PolicyRule *const *)right;
    return strcmp(a->id, b->id);
}

static void load_rule(loader_t *l, const yaml_node_t *node) {
    static const char *const keys[] = {"source", "text", "text_zh", NULL};
    Tc__PolicyRule *rule = NULL;
    for (size_t i = 0; i < l->out->n_rules && !rule; i++)
        if (strcmp(l->out->rules[i]->id, node->key) == 0) rule = l->out->rules[i]; // an overlay says it anew
    const bool added = !rule;
    if (!rule) rule = take(l, 1, sizeof *rule);
    if (!rule) return;
    *rule = (Tc__PolicyRule)TC__POLICY_RULE__INIT;
    only(l, node, keys);
    rule->id = unconst(node->key);
    rule->source = unconst(text_of(l, need(l, node, "source")));
    rule->text = unconst(text_of(l, need(l, node, "text")));
    rule->text_zh = unconst(text_of(l, need(l, node, "text_zh")));
    if (added) l->out->rules[l->out->n_rules++] = rule;
}

int load_rules(loader_t *l) {
    const yaml_node_t *city = need(l, l->city, "rules");
    size_t room = city ? city->count : 0;
    for (size_t i = 0; i < l->overlay_count; i++) {
        const yaml_node_t *map = yaml_get(yaml_root(l->overlays[i]), "rules");
        room += map ? map->count : 0;
    }
    if (room > RULES_MAX) fail(l, l->city, "more than %d rules", RULES_MAX);
    l->out->rules = take(l, room, sizeof *l->out->rules);
    for (size_t i = 0; i <= l->overlay_count && !l->rc; i++) {
        l->doc = i ? l->overlays[i - 1] : l->city_doc;
        const yaml_node_t *map = i ? yaml_get(yaml_root(l->doc), "rules") : city;
        if (!map || !is_map(l, map)) continue;
        for (const yaml_node_t *node = map->first; node && !l->rc; node = node->next) load_rule(l, node);
    }
    l->doc = l->city_doc;
    if (!l->rc) qsort(l->out->rules, l->out->n_rules, sizeof *l->out->rules, by_id);
    return l->rc;
}

// What the money-function checks (`tongchou policy check`) would complain about and the law means so. It has no part in
// any answer and is not compiled.
int load_intended(loader_t *l) {
    static const char *const keys[] = {"check", "where", "rule", "why", NULL};
    static const char *const checks[] = {"cliff", "person_pays_less", "higher_level_pays_more", "class_loses"};
    const yaml_node_t *list = yaml_get(l->city, "intended");
    if (!list || !is_list(l, list)) return l->rc;
    for (const yaml_node_t *node = list->first; node && !l->rc; node = node->next) {
        only(l, node, keys);
        rule_of(l, node);
        text_of(l, need(l, node, "why"));
        const yaml_node_t *check = need(l, node, "check"), *where = may(l, node, "where");
        const char *name = text_of(l, check);
        bool known = false;
        for (size_t i = 0; i < COUNT_OF(checks); i++) known |= strcmp(checks[i], name) == 0;
        if (!l->rc && !known)
            fail(l, check, "%.40s is none of cliff, person_pays_less, higher_level_pays_more, class_loses", name);
        if (where) text_of(l, where);
    }
    return l->rc;
}
