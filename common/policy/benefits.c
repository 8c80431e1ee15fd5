// Section `benefit`: schemes by kind of visit, each a deductible and the layers in their order.
#include "loader.h"

static const fact_word_t borne = {"deductible_borne", REF_BORNE};

static int32_t total_of(loader_t *l, const yaml_node_t *node) {
    if (!node) return -1;
    const char *name = text_of(l, node);
    for (size_t i = 0; i < l->out->n_totals && !l->rc; i++)
        if (strcmp(l->out->totals[i], name) == 0) return (int32_t)i;
    fail(l, node, "there is no running total %.40s", name);
    return -1;
}

static uint32_t layer_of(loader_t *l, const yaml_node_t *node, const char *name) {
    for (size_t i = 0; i < l->out->n_layers && !l->rc; i++)
        if (strcmp(l->out->layers[i]->name, name) == 0) return (uint32_t)i;
    fail(l, node, "there is no layer %.40s", name);
    return 0;
}

// ---- readings
// ---------------------------------------------------------------------------------------------------------

static Tc__PolicyReading *reading_of(loader_t *l, const yaml_node_t *node, const Tc__PolicyWhen *around) {
    Tc__PolicyReading *reading = take(l, 1, sizeof *reading);
    if (!reading) return NULL;
    *reading = (Tc__PolicyReading)TC__POLICY_READING__INIT;
    if (!is_map(l, node)) return NULL;
    reading->rule = rule_of(l, node);
    span_t span = span_of(l, node, (span_t){around->from, around->to});
    reading->when = when_of(l, need(l, node, "when"), SCOPE_BENEFIT, span);
    int found = 0;
    for (const yaml_node_t *fact = node->first; fact && !l->rc; fact = fact->next) {
        int dimension = dimension_from_name(fact->key);
        if (dimension < 0) continue;
        int value = dimension_value_from_name((dimension_t)dimension, text_of(l, fact));
        if (!(dimension_infos[dimension].scope & SCOPE_BENEFIT) || value < 0)
            fail(l, fact, "is not a fact of a bill that can be read so");
        reading->dimension = (uint32_t)dimension;
        reading->value = value < 0 ? 0 : (uint32_t)value;
        found++;
    }
    if (found != 1) fail(l, node, "a reading has a condition and one fact");
    return reading;
}

static void load_readings(loader_t *l, const yaml_node_t *list, Tc__PolicyScheme *scheme,
                          const Tc__PolicyWhen *around) {
    if (!list || !is_list(l, list)) return;
    scheme->readings = take(l, list->count, sizeof *scheme->readings);
    for (const yaml_node_t *node = list->first; node && !l->rc; node = node->next)
        scheme->readings[scheme->n_readings++] = reading_of(l, node, around);
    l->rule = NULL;
}

// ---- layers
// -----------------------------------------------------------------------------------------------------------

static Tc__PolicyStage *stage_of(loader_t *l, const yaml_node_t *node, span_t span) {
    static const char *const keys[] = {"when", "paid_total", "base_total", "rate", "floor", "cap", NULL};
    Tc__PolicyStage *stage = take(l, 1, sizeof *stage);
    if (!stage) return NULL;
    *stage = (Tc__PolicyStage)TC__POLICY_STAGE__INIT;
    only(l, node, keys);
    stage->layer = layer_of(l, node, node->key);
    stage->when = when_of(l, may(l, node, "when"), SCOPE_BENEFIT, span);
    const around_t around = {stage->when, SCOPE_BENEFIT, UNIT_MONEY};
    stage->paid_total = total_of(l, may(l, node, "paid_total"));
    stage->base_total = total_of(l, may(l, node, "base_total"));
    stage->rate = derived_of(l, need(l, node, "rate"), HOLDS_RATE, around, NULL);
    const yaml_node_t *floor = may(l, node, "floor"), *cap = may(l, node, "cap");
    if (floor) {
        rows_t rows = rows_of(l, floor, HOLDS_AMOUNT, around, false);
        stage->floor = rows.items;
        stage->n_floor = rows.count;
    }
    if (cap) stage->cap = derived_of(l, cap, HOLDS_LIMIT, around, NULL);
    if (cap && stage->paid_total < 0) fail(l, cap, "a limit of the year needs paid_total, which counts against it");
    return stage;
}

static void load_stages(loader_t *l, const yaml_node_t *node, Tc__PolicyScheme *scheme, span_t span) {
    const yaml_node_t *layers = need(l, node, "layers"), *order = need(l, node, "order");
    if (!is_map(l, layers) || !is_list(l, order)) return;
    scheme->stages = take(l, order->count, sizeof *scheme->stages);
    for (const yaml_node_t *name = order->first; name && !l->rc; name = name->next) {
        const yaml_node_t *layer = yaml_get(layers, text_of(l, name));
        if (!layer) {
            fail(l, order, "layer %.40s is not described", text_of(l, name));
            return;
        }
        Tc__PolicyStage *stage = stage_of(l, layer, span);
        for (size_t i = 0; i < scheme->n_stages && stage; i++)
            if (scheme->stages[i]->layer == stage->layer) fail(l, order, "layer %.40s stands twice", name->text);
        scheme->stages[scheme->n_stages++] = stage;
    }
    for (const yaml_node_t *layer = layers->first; layer && !l->rc; layer = layer->next) {
        bool used = false;
        for (const yaml_node_t *name = order->first; name; name = name->next)
            used |= strcmp(name->text, layer->key) == 0;
        if (!used) fail(l, layer, "has no place in the order");
    }
}

// ---- schemes
// ----------------------------------------------------------------------------------------------------------

static const char *const scheme_keys[] = {"visit",        "from",     "to",          "rule",       "own_share",
                                          "out_of_scope", "readings", "not_covered", "deductible", "order",
                                          "layers",       "manual",   NULL};

static Tc__PolicyScheme *scheme_of(loader_t *l, const yaml_node_t *node) {
    Tc__PolicyScheme *scheme = take(l, 1, sizeof *scheme);
    if (!scheme) return NULL;
    *scheme = (Tc__PolicyScheme)TC__POLICY_SCHEME__INIT;
    only(l, node, scheme_keys);
    rule_of(l, node);
    l->rule = NULL;
    const yaml_node_t *visit = need(l, node, "visit"), *manual = may(l, node, "manual");
    int code = visit_from_name(text_of(l, visit));
    if (!l->rc && code < 0) fail(l, visit, "%.40s is not a kind of visit", text_of(l, visit));
    scheme->visit = code < 0 ? 0 : (uint32_t)code;
    need(l, node, "from");
    span_t span = span_of(l, node, (span_t){DATE_NONE, DATE_MAX});
    scheme->from = span.from;
    scheme->to = span.to;
    scheme->own_share_rule = rule_named(l, need(l, node, "own_share"));
    scheme->out_of_scope_rule = rule_named(l, need(l, node, "out_of_scope"));
    const around_t around = {when_always(l, span), SCOPE_BENEFIT, UNIT_MONEY};
    if (l->rc) return scheme;
    rows_t rows = rows_of(l, need(l, node, "not_covered"), HOLDS_RULE, around, true);
    scheme->not_covered = rows.items;
    scheme->n_not_covered = rows.count;
    if (manual) {
        rows = rows_of(l, manual, HOLDS_RULE, around, true);
        scheme->manual = rows.items;
        scheme->n_manual = rows.count;
        if (may(l, node, "layers")) fail(l, manual, "a person decides, or the layers do");
        return scheme;
    }
    load_readings(l, may(l, node, "readings"), scheme, around.when);
    scheme->deductible = derived_of(l, need(l, node, "deductible"), HOLDS_AMOUNT, around, &borne);
    load_stages(l, node, scheme, span);
    return scheme;
}

int load_benefit(loader_t *l) {
    const yaml_node_t *list = section_of(l, "benefit");
    Tc__PolicyTables *out = l->out;
    if (!list || !is_list(l, list)) return l->rc;
    out->schemes = take(l, list->count, sizeof *out->schemes);
    for (const yaml_node_t *node = list->first; node && !l->rc; node = node->next) {
        Tc__PolicyScheme *now = scheme_of(l, node);
        for (size_t i = 0; i < out->n_schemes && now; i++)
            if (out->schemes[i]->visit == now->visit && out->schemes[i]->from <= now->to &&
                now->from <= out->schemes[i]->to)
                fail(l, node, "dates overlap with other rules for the same kind of visit");
        out->schemes[out->n_schemes++] = now;
    }
    return l->rc;
}
