// The reader under the loader: nodes to texts, numbers and dates, and the one way to complain.
#include "loader.h"
#include <stdarg.h>

static const Tc__PolicyRule *rule_by_id(const loader_t *l, const char *id) {
    for (size_t i = 0; i < l->out->n_rules; i++)
        if (strcmp(l->out->rules[i]->id, id) == 0) return l->out->rules[i];
    return NULL;
}

int fail(loader_t *l, const yaml_node_t *node, const char *format, ...) {
    if (l->rc) return l->rc;
    char text[176], article[64] = "";
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    const Tc__PolicyRule *rule = l->rule ? rule_by_id(l, l->rule) : NULL;
    if (rule) snprintf(article, sizeof article, " (%.20s, %.36s)", rule->id, rule->source);
    const char *key = node->key ? node->key : "";
    l->rc = yaml_error(l->doc, node, l->err, "%.40s%s%s%s", key, *key ? ": " : "", text, article);
    return l->rc;
}

void *take(loader_t *l, size_t count, size_t size) {
    void *memory = arena_alloc(l->arena, count * size + 1);
    if (!memory && !l->rc) l->rc = err_set(l->err, E_IO, "no memory to load a policy");
    return memory;
}

static const yaml_node_t *branch_of(loader_t *l, const yaml_node_t *node) {
    const yaml_node_t *by = node && node->kind == YAML_MAP ? yaml_get(node, "by_option") : NULL;
    if (!by) return node;
    const char *option = text_of(l, by);
    const char *choice = option_in_force(l, option);
    if (!choice) {
        fail(l, by, "there is no option %s", option);
        return NULL;
    }
    const yaml_node_t *branch = yaml_get(node, choice);
    if (!branch) fail(l, node, "no branch for the choice %s of option %s", choice, option);
    return branch;
}

const yaml_node_t *may(loader_t *l, const yaml_node_t *map, const char *key) {
    if (l->rc || !map || map->kind != YAML_MAP) return NULL;
    return branch_of(l, yaml_get(map, key));
}

const yaml_node_t *need(loader_t *l, const yaml_node_t *map, const char *key) {
    if (l->rc || !map) return NULL;
    if (!is_map(l, map)) return NULL;
    const yaml_node_t *node = may(l, map, key);
    if (!node) fail(l, map, "%s is missing", key);
    return node;
}

void only(loader_t *l, const yaml_node_t *map, const char *const *allowed) {
    if (is_map(l, map)) l->rc = yaml_only_keys(l->doc, map, allowed, l->err);
}

bool is_list(loader_t *l, const yaml_node_t *node) {
    if (l->rc || !node) return false;
    if (node->kind != YAML_LIST) fail(l, node, "expected a list");
    return !l->rc;
}

bool is_map(loader_t *l, const yaml_node_t *node) {
    if (l->rc || !node) return false;
    if (node->kind != YAML_MAP) fail(l, node, "expected keys and values");
    return !l->rc;
}

const char *text_of(loader_t *l, const yaml_node_t *node) {
    if (l->rc || !node) return "";
    if (node->kind != YAML_SCALAR || !node->text || !*node->text) {
        fail(l, node, "expected a text");
        return "";
    }
    return node->text;
}

int64_t number_of(loader_t *l, const yaml_node_t *node, int64_t min, int64_t max) {
    const char *text = text_of(l, node);
    char *end;
    long long number = strtoll(text, &end, 10);
    if (l->rc || !node) return min;
    if (*end || strlen(text) > 10 || number < min || number > max) {
        fail(l, node, "%.40s is not a whole number from %lld to %lld", text, (long long)min, (long long)max);
        return min;
    }
    return number;
}

bool truth_of(loader_t *l, const yaml_node_t *node) {
    const char *text = text_of(l, node);
    if (strcmp(text, "true") == 0) return true;
    if (!l->rc && node && strcmp(text, "false") != 0) fail(l, node, "%.40s is neither true nor false", text);
    return false;
}

date_t date_of(loader_t *l, const yaml_node_t *node) {
    const char *text = text_of(l, node);
    date_t date = 0;
    if (!l->rc && node && date_parse(text, &date)) fail(l, node, "%.40s is not a date like 2018-01-01", text);
    return date;
}

int64_t literal_of(loader_t *l, const yaml_node_t *node, unit_t unit) {
    const char *text = text_of(l, node);
    if (l->rc || !node) return 0;
    int64_t value = 0;
    rate_t rate = 0;
    if (unit == UNIT_COUNT) return number_of(l, node, 0, COUNT_MAX);
    if (unit == UNIT_MONEY) {
        if (fen_parse_loose(text, &value) || value < 0 || value > MONEY_MAX)
            fail(l, node, "%.40s is not an amount of yuan with at most two decimals", text);
        return value;
    }
    if (rate_parse(text, &rate)) {
        fail(l, node, "%.40s is not a number with at most six decimals", text);
    } else if (unit == UNIT_RATE && rate > RATE_ONE) {
        fail(l, node, "rate %.40s is outside 0..1", text);
    } else if (rate > FACTOR_MAX) {
        fail(l, node, "%.40s is more than 1000 times", text);
    }
    return rate;
}

const yaml_node_t *section_of(loader_t *l, const char *key) {
    for (size_t i = l->overlay_count; i > 0; i--) {
        const yaml_node_t *node = yaml_get(yaml_root(l->overlays[i - 1]), key);
        if (!node) continue;
        l->doc = l->overlays[i - 1];
        return node;
    }
    l->doc = l->city_doc;
    return yaml_get(l->city, key);
}

uint32_t identities_of(loader_t *l, const yaml_node_t *node) {
    uint32_t bits = 0;
    if (!is_list(l, node)) return 0;
    for (const yaml_node_t *item = node->first; item && !l->rc; item = item->next) {
        int identity = identity_from_name(text_of(l, item));
        if (identity < 0 || !(l->out->identities >> identity & 1))
            fail(l, node, "%.40s is not one of the city's identities", text_of(l, item));
        else if (bits >> identity & 1)
            fail(l, node, "%.40s stands here twice", text_of(l, item));
        else
            bits |= 1u << identity;
    }
    return bits;
}

span_t span_of(loader_t *l, const yaml_node_t *map, span_t around) {
    span_t span = around;
    const yaml_node_t *from = may(l, map, "from"), *to = may(l, map, "to");
    char day[DATE_TEXT_MAX];
    if (from) span.from = date_of(l, from);
    if (to) span.to = date_of(l, to);
    if (l->rc) return around;
    if (from && span.from < around.from)
        fail(l, from, "begins before what it stands in (%s)", date_format(around.from, day));
    else if (to && span.to > around.to)
        fail(l, to, "ends after what it stands in (%s)", date_format(around.to, day));
    else if (span.from > span.to)
        fail(l, to ? to : from, "ends before it begins");
    return l->rc ? around : span;
}

uint32_t rule_named(loader_t *l, const yaml_node_t *node) {
    const char *id = text_of(l, node);
    for (size_t i = 0; i < l->out->n_rules && !l->rc; i++)
        if (strcmp(l->out->rules[i]->id, id) == 0) return (uint32_t)i;
    if (node) fail(l, node, "there is no rule %.40s in `rules`", id);
    return 0;
}

uint32_t rule_of(loader_t *l, const yaml_node_t *map) {
    l->rule = NULL;
    uint32_t rule = rule_named(l, need(l, map, "rule"));
    if (!l->rc) l->rule = l->out->rules[rule]->id;
    return rule;
}
