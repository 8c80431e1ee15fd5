// Section `gap`, from the file and from the message.
#include "gap.h"
#include "unpack.h"
#include "words.h"

static const char *const actions[GAP_ACTION__COUNT] = {"none", "policy_adjustment"};
static const char *const takes[GAP_TAKE__COUNT] = {"accumulated", "county_caused", "reserve", "shared", "action"};
static const char *const causes[GAP_CAUSE__COUNT] = {"subsidy", "policy", "other"};

const char *gap_action_name(gap_action_t action) { return action < GAP_ACTION__COUNT ? actions[action] : ""; }

static Tc__PolicyGapLayer *layer_of(loader_t *l, const yaml_node_t *node) {
    static const char *const keys[] = {"from", "city_share", "action", "rule", NULL};
    Tc__PolicyGapLayer *to = take(l, 1, sizeof *to);
    if (!to) return NULL;
    *to = (Tc__PolicyGapLayer)TC__POLICY_GAP_LAYER__INIT;
    only(l, node, keys);
    to->rule = rule_of(l, node);
    const yaml_node_t *from = may(l, node, "from"), *share = may(l, node, "city_share"), *act = may(l, node, "action");
    if ((from != NULL) == (act != NULL)) fail(l, node, "expected either from or action");
    to->take = GAP_ACTION;
    if (from) to->take = word_of(l, from, takes, GAP_ACTION);
    if (act) to->action = word_of(l, act, actions, GAP_ACTION__COUNT);
    if ((to->take == GAP_SHARED) != (share != NULL)) fail(l, node, "city_share belongs to a shared layer");
    if (share) to->share = ref_of(l, share, UNIT_RATE, (span_t){DATE_NONE, DATE_MAX}, NULL);
    if (to->take >= GAP_SHARED && node->next) fail(l, node, "leaves nothing to those after it");
    l->rule = NULL;
    return to;
}

static void load_layers(loader_t *l, const yaml_node_t *list, Tc__PolicyGap *to) {
    if (!is_list(l, list)) return;
    if (list->count == 0 || list->count > GAP_LAYERS_MAX) fail(l, list, "expected 1 to %d layers", GAP_LAYERS_MAX);
    to->layers = take(l, list->count, sizeof *to->layers);
    for (const yaml_node_t *node = list->first; node && !l->rc; node = node->next) {
        Tc__PolicyGapLayer *layer = to->layers[to->n_layers++] = layer_of(l, node);
        for (size_t i = 0; i + 1 < to->n_layers && !l->rc; i++)
            if (to->layers[i]->take == layer->take) fail(l, node, "stands here twice");
    }
}

static void load_causes(loader_t *l, const yaml_node_t *section, Tc__PolicyGap *to) {
    static const char *const keys[] = {"subsidy", "policy", "other", "discharge_rule", NULL};
    const yaml_node_t *map = may(l, section, "county_answers_for");
    if (!map) return;
    only(l, map, keys);
    to->discharge_rule = rule_may(l, map, "discharge_rule");
    to->causes = take(l, GAP_CAUSE__COUNT, sizeof *to->causes);
    if (!to->causes) return;
    for (int i = 0; i < GAP_CAUSE__COUNT; i++) to->causes[to->n_causes++] = rule_may(l, map, causes[i]);
}

int load_gap(loader_t *l) {
    static const char *const keys[] = {"rule", "layers", "county_answers_for", NULL};
    const yaml_node_t *section = section_of(l, "gap");
    if (!section) return l->rc;
    Tc__PolicyGap *to = take(l, 1, sizeof *to);
    if (!to) return l->rc;
    *to = (Tc__PolicyGap)TC__POLICY_GAP__INIT;
    only(l, section, keys);
    to->rule = rule_of(l, section);
    l->rule = NULL;
    load_layers(l, need(l, section, "layers"), to);
    load_causes(l, section, to);
    for (size_t i = 0; i < to->n_layers && !l->rc; i++)
        if (to->layers[i]->take == GAP_COUNTY_CAUSED && !to->n_causes)
            fail(l, section, "county_answers_for is missing: a layer rests on it");
    l->out->gap = to;
    return l->rc;
}

static int read_layers(const unpacker_t *r, const Tc__PolicyGap *from, gap_rules_t *to) {
    if (from->n_layers == 0 || from->n_layers > GAP_LAYERS_MAX) return unpack_bad(r, "layers of gap");
    to->layer_count = (uint32_t)from->n_layers;
    for (uint32_t i = 0; i < to->layer_count; i++) {
        const Tc__PolicyGapLayer *layer = from->layers[i];
        if (layer->take >= GAP_TAKE__COUNT || layer->action >= GAP_ACTION__COUNT ||
            (layer->take == GAP_SHARED) != (layer->share != NULL) ||
            (layer->take == GAP_COUNTY_CAUSED && !from->n_causes))
            return unpack_bad(r, "a layer of gap");
        gap_layer_t *item = &to->layers[i];
        *item = (gap_layer_t){.take = (gap_take_t)layer->take, .action = (gap_action_t)layer->action};
        int rc = unpack_ref(r, layer->share, UNIT_RATE, REF_NONE, &item->share);
        if (!rc) rc = unpack_rule(r, layer->rule, &item->rule);
        if (rc) return rc;
    }
    return E_OK;
}

static int read_causes(const unpacker_t *r, const Tc__PolicyGap *from, gap_rules_t *to) {
    if (from->n_causes && from->n_causes != GAP_CAUSE__COUNT) return unpack_bad(r, "causes of gap");
    to->has_causes = from->n_causes > 0;
    int rc = from->discharge_rule ? unpack_rule(r, from->discharge_rule - 1, &to->discharge_rule) : E_OK;
    for (size_t i = 0; i < from->n_causes && !rc; i++)
        if (from->causes[i]) rc = unpack_rule(r, from->causes[i] - 1, &to->causes[i]);
    return rc;
}

int unpack_gap(const unpacker_t *r) {
    const Tc__PolicyGap *from = r->message->gap;
    r->policy->gap = NULL;
    if (!from) return E_OK;
    gap_rules_t *to = unpack_take(r, 1, sizeof *to);
    if (!to) return unpack_no_memory(r);
    *to = (gap_rules_t){0};
    int rc = unpack_rule(r, from->rule, &to->rule);
    if (!rc) rc = read_layers(r, from, to);
    if (!rc) rc = read_causes(r, from, to);
    if (!rc) r->policy->gap = to;
    return rc;
}
