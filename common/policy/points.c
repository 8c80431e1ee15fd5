// Section `points`, from the file and from the message.
#include "points.h"
#include "loader.h"
#include "unpack.h"

enum { HIGH_MAX = 8 };

static const char *const rule_names[POINTS_RULE__COUNT] = {
#define X(code, name) [code] = name,
    POINTS_RULE_TABLE(X)
#undef X
};

// ---- from the file

static void load_rule_names(loader_t *l, const yaml_node_t *section, Tc__PolicyPoints *to) {
    static const char *const keys[] = {
#define X(code, name) name,
        POINTS_RULE_TABLE(X)
#undef X
            NULL};
    const yaml_node_t *map = need(l, section, "rules");
    only(l, map, keys);
    to->rules = take(l, POINTS_RULE__COUNT, sizeof *to->rules);
    for (int i = 0; i < POINTS_RULE__COUNT && !l->rc; i++)
        to->rules[to->n_rules++] = rule_named(l, need(l, map, rule_names[i]));
}

// One of the maps of thresholds: every key a value of its unit.
static Tc__PolicyRef *threshold(loader_t *l, const yaml_node_t *map, const char *key, unit_t unit, date_t from) {
    return ref_of(l, need(l, map, key), unit, (span_t){from, DATE_MAX}, NULL);
}

static Tc__PolicyPointsHigh *high_of(loader_t *l, const yaml_node_t *node, date_t from, bool last) {
    static const char *const keys[] = {"points_up_to", "ratio", NULL};
    Tc__PolicyPointsHigh *high = take(l, 1, sizeof *high);
    if (!high) return NULL;
    *high = (Tc__PolicyPointsHigh)TC__POLICY_POINTS_HIGH__INIT;
    only(l, node, keys);
    if (last && may(l, node, "points_up_to")) fail(l, node, "the last row holds for all that are above");
    if (!last) high->points_up_to = threshold(l, node, "points_up_to", UNIT_COUNT, from);
    high->ratio = threshold(l, node, "ratio", UNIT_FACTOR, from);
    return high;
}

static void load_high(loader_t *l, const yaml_node_t *list, Tc__PolicyPoints *to) {
    if (!is_list(l, list)) return;
    if (list->count == 0 || list->count > HIGH_MAX) fail(l, list, "between 1 and %d rows", HIGH_MAX);
    to->high = take(l, list->count, sizeof *to->high);
    for (const yaml_node_t *node = list->first; node && !l->rc; node = node->next) {
        Tc__PolicyPointsHigh *high = high_of(l, node, to->from, !node->next);
        const Tc__PolicyPointsHigh *before = to->n_high ? to->high[to->n_high - 1] : NULL;
        if (l->rc) return;
        if (before && high->points_up_to && before->points_up_to->kind == REF_CONST &&
            high->points_up_to->kind == REF_CONST && high->points_up_to->value <= before->points_up_to->value)
            fail(l, node, "rows out of order: ends no higher than the one before");
        to->high[to->n_high++] = high;
    }
}

int load_points(loader_t *l) {
    static const char *const keys[] = {"status", "from", "rules", "base", "stable",
                                       "low",    "high", "month", "year", NULL};
    static const char *const stable_keys[] = {"cases", "variation", NULL}, *const low_keys[] = {"ratio", NULL},
                             *const month_keys[] = {"share", NULL},
                             *const year_keys[] = {"overrun_borne", "surplus_kept", NULL};
    const yaml_node_t *section = section_of(l, "points");
    if (!section) return l->rc;
    Tc__PolicyPoints *to = take(l, 1, sizeof *to);
    if (!to) return l->rc;
    *to = (Tc__PolicyPoints)TC__POLICY_POINTS__INIT;
    only(l, section, keys);
    const yaml_node_t *status = need(l, section, "status");
    to->status = unconst(text_of(l, status));
    if (!l->rc && !status_known(to->status)) fail(l, status, "%.40s is not a status", to->status);
    to->from = date_of(l, need(l, section, "from"));
    load_rule_names(l, section, to);
    const yaml_node_t *stable = need(l, section, "stable"), *low = need(l, section, "low"),
                      *month = need(l, section, "month"), *year = need(l, section, "year");
    only(l, stable, stable_keys);
    only(l, low, low_keys);
    only(l, month, month_keys);
    only(l, year, year_keys);
    to->base_points = threshold(l, section, "base", UNIT_COUNT, to->from);
    to->stable_cases = threshold(l, stable, "cases", UNIT_COUNT, to->from);
    to->stable_variation = threshold(l, stable, "variation", UNIT_FACTOR, to->from);
    to->low_ratio = threshold(l, low, "ratio", UNIT_RATE, to->from);
    to->month_share = threshold(l, month, "share", UNIT_RATE, to->from);
    to->overrun_borne = threshold(l, year, "overrun_borne", UNIT_RATE, to->from);
    to->surplus_kept = threshold(l, year, "surplus_kept", UNIT_RATE, to->from);
    load_high(l, need(l, section, "high"), to);
    l->out->points = to;
    return l->rc;
}

// ---- from the message

static int read_threshold(const unpacker_t *r, const Tc__PolicyRef *from, unit_t unit, ref_t *to) {
    if (!from) return unpack_bad(r, "a threshold of points");
    return unpack_ref(r, from, unit, REF_NONE, to);
}

static int read_high(const unpacker_t *r, const Tc__PolicyPoints *from, points_rules_t *to) {
    if (from->n_high == 0 || from->n_high > HIGH_MAX) return unpack_bad(r, "rows of high outliers");
    points_high_t *high = unpack_take(r, from->n_high, sizeof *high);
    if (!high) return unpack_no_memory(r);
    for (size_t i = 0; i < from->n_high; i++) {
        const bool last = i + 1 == from->n_high;
        if (last != (from->high[i]->points_up_to == NULL)) return unpack_bad(r, "rows of high outliers");
        int rc = unpack_ref(r, from->high[i]->points_up_to, UNIT_COUNT, REF_NONE, &high[i].points_up_to);
        if (!rc) rc = read_threshold(r, from->high[i]->ratio, UNIT_FACTOR, &high[i].ratio);
        if (rc) return rc;
    }
    to->high = high;
    to->high_count = (uint32_t)from->n_high;
    return E_OK;
}

int unpack_points(const unpacker_t *r) {
    const Tc__PolicyPoints *from = r->message->points;
    if (!from) return E_OK;
    points_rules_t *to = unpack_take(r, 1, sizeof *to);
    if (!to) return unpack_no_memory(r);
    if (!status_known(from->status)) return unpack_bad(r, "status of points");
    if (from->n_rules != POINTS_RULE__COUNT) return unpack_bad(r, "rules of points");
    to->from = from->from;
    to->status = from->status;
    int rc = E_OK;
    for (int i = 0; i < POINTS_RULE__COUNT && !rc; i++) rc = unpack_rule(r, from->rules[i], &to->rules[i]);
    if (!rc) rc = read_threshold(r, from->base_points, UNIT_COUNT, &to->base_points);
    if (!rc) rc = read_threshold(r, from->stable_cases, UNIT_COUNT, &to->stable_cases);
    if (!rc) rc = read_threshold(r, from->stable_variation, UNIT_FACTOR, &to->stable_variation);
    if (!rc) rc = read_threshold(r, from->low_ratio, UNIT_RATE, &to->low_ratio);
    if (!rc) rc = read_threshold(r, from->month_share, UNIT_RATE, &to->month_share);
    if (!rc) rc = read_threshold(r, from->overrun_borne, UNIT_RATE, &to->overrun_borne);
    if (!rc) rc = read_threshold(r, from->surplus_kept, UNIT_RATE, &to->surplus_kept);
    if (!rc) rc = read_high(r, from, to);
    if (!rc) r->policy->points = to;
    return rc;
}
