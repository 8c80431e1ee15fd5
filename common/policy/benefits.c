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

// ---- cases
// ------------------------------------------------------------------------------------------------------------

// The cases of a stage within those of its scheme. An `any of these groups` of both cannot be said in one condition;
// the narrower one of the stage stands then, and the tables answer for more cases than come to them.
static Tc__PolicyWhen *when_both(loader_t *l, const yaml_node_t *node, const Tc__PolicyWhen *stage,
                                 const Tc__PolicyWhen *scheme) {
    Tc__PolicyWhen *both = take(l, 1, sizeof *both);
    if (!both) return NULL;
    *both = *stage;
    both->dims0 &= scheme->dims0;
    both->dims1 &= scheme->dims1;
    if (!both->groups_any) both->groups_any = scheme->groups_any;
    both->groups_all |= scheme->groups_all;
    both->groups_none |= scheme->groups_none;
    for (int d = 0; d < DIM__COUNT; d++)
        if (((dimension_infos[d].word ? both->dims1 : both->dims0) & dimension_mask((dimension_t)d)) == 0)
            fail(l, node, "no case comes here: the %s of its `when` is not among those of the scheme",
                 dimension_infos[d].name);
    return both;
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

// Of an earlier layer: what a later one looks at or takes off.
static uint32_t earlier_layer(loader_t *l, const yaml_node_t *node, const char *name, const Tc__PolicyScheme *scheme) {
    uint32_t layer = layer_of(l, node, name);
    for (size_t i = 0; i < scheme->n_stages && !l->rc; i++)
        if (scheme->stages[i]->layer == layer) return layer;
    fail(l, node, "layer %.40s does not come earlier", name);
    return 0;
}

static void read_looks_at(loader_t *l, const yaml_node_t *node, const Tc__PolicyScheme *scheme,
                          Tc__PolicyStage *stage) {
    static const char *const words[] = {"left_over", "whole", "left_over_with_deductible"};
    static const char *const keys[] = {"over_cap_of", NULL};
    if (!node) return;
    if (node->kind == YAML_MAP) {
        only(l, node, keys);
        const yaml_node_t *layer = need(l, node, "over_cap_of");
        stage->looks_at = LOOKS_AT_OVER_CAP;
        stage->over_cap_of = earlier_layer(l, node, text_of(l, layer), scheme);
        return;
    }
    const char *word = text_of(l, node);
    for (uint32_t i = 0; i < COUNT_OF(words) && !l->rc; i++)
        if (strcmp(words[i], word) == 0) {
            stage->looks_at = i;
            return;
        }
    fail(l, node, "%.40s is none of left_over, whole, left_over_with_deductible, {over_cap_of: layer}", word);
}

// `[layer, …]`, or `{layers: [layer, …], rule: …}` where the law has a rule of its own for it.
static void read_less_paid_by(loader_t *l, const yaml_node_t *node, const Tc__PolicyScheme *scheme,
                              Tc__PolicyStage *stage) {
    static const char *const keys[] = {"layers", "rule", NULL};
    const yaml_node_t *list = node;
    if (!node) return;
    stage->less_rule = stage->fixed ? stage->fixed->rows[0]->rule : stage->rate->rows[0]->rule;
    if (node->kind == YAML_MAP) {
        only(l, node, keys);
        stage->less_rule = rule_of(l, node);
        list = need(l, node, "layers");
    }
    if (!is_list(l, list)) return;
    if (list->count == 0) fail(l, list, "names no layer");
    for (const yaml_node_t *name = list->first; name && !l->rc; name = name->next)
        stage->less_paid_by |= 1u << earlier_layer(l, list, text_of(l, name), scheme);
    l->rule = NULL;
}

static void read_paid(loader_t *l, const yaml_node_t *node, around_t around, Tc__PolicyStage *stage) {
    const yaml_node_t *fixed = may(l, node, "fixed");
    if (!fixed)
        stage->rate = derived_of(l, need(l, node, "rate"), HOLDS_RATE, around, NULL);
    else if (may(l, node, "rate"))
        fail(l, fixed, "a layer pays either a rate or a fixed amount");
    else
        stage->fixed = derived_of(l, fixed, HOLDS_AMOUNT, around, NULL);
}

static Tc__PolicyStage *stage_of(loader_t *l, const yaml_node_t *node, const char *layer,
                                 const Tc__PolicyScheme *scheme, const Tc__PolicyWhen *within) {
    static const char *const keys[] = {"when", "looks_at", "less_paid_by", "paid_total", "base_total",
                                       "rate", "fixed",    "floor",        "cap",        NULL};
    Tc__PolicyStage *stage = take(l, 1, sizeof *stage);
    if (!stage) return NULL;
    *stage = (Tc__PolicyStage)TC__POLICY_STAGE__INIT;
    only(l, node, keys);
    stage->layer = layer_of(l, node, layer);
    stage->when = when_of(l, may(l, node, "when"), SCOPE_BENEFIT, (span_t){within->from, within->to});
    if (l->rc) return stage;
    // Its tables need an answer only for the cases that come to it.
    const around_t around = {when_both(l, node, stage->when, within), SCOPE_BENEFIT, UNIT_MONEY};
    stage->paid_total = total_of(l, may(l, node, "paid_total"));
    stage->base_total = total_of(l, may(l, node, "base_total"));
    read_paid(l, node, around, stage);
    if (l->rc) return stage;
    read_looks_at(l, may(l, node, "looks_at"), scheme, stage);
    read_less_paid_by(l, may(l, node, "less_paid_by"), scheme, stage);
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

static void add_stage(loader_t *l, const yaml_node_t *node, const char *layer, Tc__PolicyScheme *scheme,
                      const Tc__PolicyWhen *within) {
    if (scheme->n_stages == STAGES_MAX) {
        fail(l, node, "more than %d turns of layers", STAGES_MAX);
        return;
    }
    Tc__PolicyStage *stage = stage_of(l, node, layer, scheme, within);
    if (!l->rc) scheme->stages[scheme->n_stages++] = stage;
}

// A layer holds one stage or a list of stages.
static void add_layer(loader_t *l, const yaml_node_t *node, Tc__PolicyScheme *scheme, const Tc__PolicyWhen *within) {
    if (node->kind != YAML_LIST) {
        add_stage(l, node, node->key, scheme, within);
        return;
    }
    if (node->count == 0) fail(l, node, "has no stage");
    for (const yaml_node_t *one = node->first; one && !l->rc; one = one->next)
        add_stage(l, one, node->key, scheme, within);
}

static void load_stages(loader_t *l, const yaml_node_t *node, Tc__PolicyScheme *scheme, const Tc__PolicyWhen *within) {
    const yaml_node_t *layers = need(l, node, "layers"), *order = need(l, node, "order");
    if (!is_map(l, layers) || !is_list(l, order)) return;
    scheme->stages = take(l, STAGES_MAX, sizeof *scheme->stages);
    for (const yaml_node_t *name = order->first; name && !l->rc; name = name->next) {
        const yaml_node_t *layer = yaml_get(layers, text_of(l, name));
        if (!layer) {
            fail(l, order, "layer %.40s is not described", text_of(l, name));
            return;
        }
        for (size_t i = 0; i < scheme->n_stages; i++)
            if (strcmp(l->out->layers[scheme->stages[i]->layer]->name, name->text) == 0)
                fail(l, order, "layer %.40s stands twice", name->text);
        if (!l->rc) add_layer(l, layer, scheme, within);
    }
    for (const yaml_node_t *layer = layers->first; layer && !l->rc; layer = layer->next) {
        bool used = false;
        for (const yaml_node_t *name = order->first; name; name = name->next)
            used |= strcmp(name->text, layer->key) == 0;
        if (!used) fail(l, layer, "has no place in the order");
    }
}

// ---- first pay, advice, publication
// -------------------------------------------------------------------------------------

// A share of the class-B amount has no slices: nothing counts it over the year.
static void read_first_pay(loader_t *l, const yaml_node_t *node, Tc__PolicyScheme *scheme, around_t around) {
    if (!node) return;
    scheme->first_pay = derived_of(l, node, HOLDS_RATE, around, NULL);
    for (size_t i = 0; !l->rc && i < scheme->first_pay->n_rows; i++) {
        const Tc__PolicyRow *row = scheme->first_pay->rows[i];
        if (row->n_slices != 1 || row->slices[0]->above->kind != REF_CONST || row->slices[0]->above->value != 0)
            fail(l, node, "a share that is paid first has a rate, no slices");
    }
}

static void read_once_published(loader_t *l, const yaml_node_t *list, Tc__PolicyScheme *scheme) {
    if (!list || !is_list(l, list)) return;
    scheme->once_published = take(l, list->count, sizeof *scheme->once_published);
    for (const yaml_node_t *node = list->first; node && !l->rc; node = node->next) {
        int series = parameter_named(l, text_of(l, node));
        if (series < 0) fail(l, list, "there is no parameter %.40s", text_of(l, node));
        if (!l->rc) scheme->once_published[scheme->n_once_published++] = (uint32_t)series;
    }
}

// The facts of a bill that somebody could have brought about.
static bool can_be_advised(int dimension) {
    return dimension == DIM_LEVEL || dimension == DIM_AREA || dimension == DIM_FILING || dimension == DIM_DESIGNATED ||
           dimension == DIM_PRIMARY || dimension == DIM_POINT || dimension == DIM_REFERRAL_DAYS;
}

static Tc__PolicyFact *fact_of(loader_t *l, const yaml_node_t *node) {
    Tc__PolicyFact *fact = take(l, 1, sizeof *fact);
    int dimension = dimension_from_name(node->key);
    if (!fact) return NULL;
    *fact = (Tc__PolicyFact)TC__POLICY_FACT__INIT;
    if (!can_be_advised(dimension)) {
        fail(l, node, "is not a fact of a bill that could have been another");
        return fact;
    }
    fact->dimension = (uint32_t)dimension;
    if (dimension_infos[dimension].kind == DIM_NUMBER) {
        fact->value = (uint32_t)number_of(l, node, 0, 99999);
        return fact;
    }
    int value = dimension_value_from_name((dimension_t)dimension, text_of(l, node));
    if (value < 0) fail(l, node, "%.40s is not a value of %s", text_of(l, node), node->key);
    fact->value = value < 0 ? 0 : (uint32_t)value;
    return fact;
}

static Tc__PolicyAdvice *advice_of(loader_t *l, const yaml_node_t *node, const Tc__PolicyWhen *within) {
    static const char *const keys[] = {"when", "from", "to", "set", "rule", "text", "text_zh", NULL};
    Tc__PolicyAdvice *advice = take(l, 1, sizeof *advice);
    if (!advice) return NULL;
    *advice = (Tc__PolicyAdvice)TC__POLICY_ADVICE__INIT;
    only(l, node, keys);
    advice->rule = rule_of(l, node);
    advice->when =
        when_of(l, need(l, node, "when"), SCOPE_BENEFIT, span_of(l, node, (span_t){within->from, within->to}));
    advice->text = unconst(text_of(l, need(l, node, "text")));
    advice->text_zh = unconst(text_of(l, need(l, node, "text_zh")));
    const yaml_node_t *set = need(l, node, "set");
    if (!is_map(l, set)) return advice;
    if (set->count == 0 || set->count > ADVICE_SETS_MAX) fail(l, set, "between 1 and %d facts", ADVICE_SETS_MAX);
    advice->set = take(l, set->count, sizeof *advice->set);
    for (const yaml_node_t *fact = set->first; fact && !l->rc; fact = fact->next)
        advice->set[advice->n_set++] = fact_of(l, fact);
    return advice;
}

static void load_advice(loader_t *l, const yaml_node_t *list, Tc__PolicyScheme *scheme, const Tc__PolicyWhen *within) {
    if (!list || !is_list(l, list)) return;
    if (list->count > ADVICE_MAX) fail(l, list, "more than %d pieces of advice", ADVICE_MAX);
    scheme->advice = take(l, list->count, sizeof *scheme->advice);
    for (const yaml_node_t *node = list->first; node && !l->rc; node = node->next)
        scheme->advice[scheme->n_advice++] = advice_of(l, node, within);
    l->rule = NULL;
}

// ---- schemes
// ----------------------------------------------------------------------------------------------------------

static const char *const scheme_keys[] = {"visit",     "from",       "to",       "for",          "once_published",
                                          "rule",      "own_share",  "readings", "out_of_scope", "not_covered",
                                          "first_pay", "deductible", "order",    "layers",       "manual",
                                          "advice",    NULL};

// Kind of visit, time, and for whom.
static void read_reach(loader_t *l, const yaml_node_t *node, Tc__PolicyScheme *scheme) {
    const yaml_node_t *visit = need(l, node, "visit");
    int code = visit_from_name(text_of(l, visit));
    if (!l->rc && code < 0) fail(l, visit, "%.40s is not a kind of visit", text_of(l, visit));
    scheme->visit = code < 0 ? 0 : (uint32_t)code;
    need(l, node, "from");
    span_t span = span_of(l, node, (span_t){DATE_NONE, DATE_MAX});
    scheme->from = span.from;
    scheme->to = span.to;
    scheme->for_case = when_of(l, may(l, node, "for"), SCOPE_BENEFIT, span);
    read_once_published(l, may(l, node, "once_published"), scheme);
}

static void read_manual(loader_t *l, const yaml_node_t *node, const yaml_node_t *manual, Tc__PolicyScheme *scheme,
                        around_t around) {
    static const char *const computed[] = {"layers", "order", "deductible", "first_pay", "readings", "advice"};
    rows_t rows = rows_of(l, manual, HOLDS_RULE, around, true);
    scheme->manual = rows.items;
    scheme->n_manual = rows.count;
    for (size_t i = 0; i < COUNT_OF(computed); i++)
        if (may(l, node, computed[i])) fail(l, manual, "a person decides, or the layers do");
}

// What is read may leave the cases that the scheme is for.
static Tc__PolicyWhen *with_readings(loader_t *l, const Tc__PolicyScheme *scheme) {
    Tc__PolicyWhen *wide = take(l, 1, sizeof *wide);
    if (!wide) return NULL;
    *wide = *scheme->for_case;
    for (size_t i = 0; i < scheme->n_readings && !l->rc; i++) {
        facts_t read = {0};
        facts_set(&read, (dimension_t)scheme->readings[i]->dimension, scheme->readings[i]->value);
        wide->dims0 |= read.dims[0];
        wide->dims1 |= read.dims[1];
    }
    return wide;
}

static void read_computed(loader_t *l, const yaml_node_t *node, Tc__PolicyScheme *scheme, around_t around) {
    const yaml_node_t *deductible = may(l, node, "deductible");
    load_readings(l, may(l, node, "readings"), scheme, around.when);
    around.when = with_readings(l, scheme);
    if (l->rc) return;
    read_first_pay(l, may(l, node, "first_pay"), scheme, around);
    if (deductible) scheme->deductible = derived_of(l, deductible, HOLDS_AMOUNT, around, &borne);
    load_stages(l, node, scheme, around.when);
    load_advice(l, may(l, node, "advice"), scheme, around.when);
}

// A rule, or a table of rules.
static void read_own_share(loader_t *l, const yaml_node_t *node, Tc__PolicyScheme *scheme, around_t around) {
    if (l->rc || !node) return;
    if (node->kind == YAML_LIST) {
        rows_t rows = rows_of(l, node, HOLDS_RULE, around, true);
        scheme->own_share = rows.items;
        scheme->n_own_share = rows.count;
        return;
    }
    Tc__PolicyRow *row = take(l, 1, sizeof *row);
    scheme->own_share = take(l, 1, sizeof(Tc__PolicyRow *));
    if (l->rc || !row || !scheme->own_share) return;
    *row = (Tc__PolicyRow)TC__POLICY_ROW__INIT;
    row->rule = rule_named(l, node);
    row->when = when_always(l, (span_t){scheme->from, scheme->to});
    scheme->own_share[scheme->n_own_share++] = row;
}

static Tc__PolicyScheme *scheme_of(loader_t *l, const yaml_node_t *node) {
    Tc__PolicyScheme *scheme = take(l, 1, sizeof *scheme);
    if (!scheme) return NULL;
    *scheme = (Tc__PolicyScheme)TC__POLICY_SCHEME__INIT;
    only(l, node, scheme_keys);
    rule_of(l, node);
    l->rule = NULL;
    read_reach(l, node, scheme);
    scheme->out_of_scope_rule = rule_named(l, need(l, node, "out_of_scope"));
    const around_t around = {scheme->for_case, SCOPE_BENEFIT, UNIT_MONEY};
    if (l->rc) return scheme;
    rows_t rows = rows_of(l, need(l, node, "not_covered"), HOLDS_RULE, around, true);
    scheme->not_covered = rows.items;
    scheme->n_not_covered = rows.count;
    read_own_share(l, need(l, node, "own_share"), scheme, around);
    const yaml_node_t *manual = may(l, node, "manual");
    if (manual)
        read_manual(l, node, manual, scheme, around);
    else
        read_computed(l, node, scheme, around);
    return scheme;
}

// No bill may fall under two schemes.
static bool both_may_hold(const Tc__PolicyScheme *a, const Tc__PolicyScheme *b) {
    if (a->visit != b->visit || a->from > b->to || b->from > a->to) return false;
    for (int d = 0; d < DIM__COUNT; d++) {
        const uint64_t mask = dimension_mask((dimension_t)d);
        const uint64_t both =
            dimension_infos[d].word ? a->for_case->dims1 & b->for_case->dims1 : a->for_case->dims0 & b->for_case->dims0;
        if ((both & mask) == 0) return false;
    }
    const uint32_t asked = a->for_case->groups_all | b->for_case->groups_all;
    return (asked & (a->for_case->groups_none | b->for_case->groups_none)) == 0;
}

int load_benefit(loader_t *l) {
    const yaml_node_t *list = section_of(l, "benefit");
    Tc__PolicyTables *out = l->out;
    if (!list || !is_list(l, list)) return l->rc;
    out->schemes = take(l, list->count, sizeof *out->schemes);
    for (const yaml_node_t *node = list->first; node && !l->rc; node = node->next) {
        Tc__PolicyScheme *now = scheme_of(l, node);
        if (l->rc) break;
        for (size_t i = 0; i < out->n_schemes; i++)
            if (both_may_hold(out->schemes[i], now))
                fail(l, node, "dates overlap with other rules for the same kind of visit");
        out->schemes[out->n_schemes++] = now;
    }
    return l->rc;
}
