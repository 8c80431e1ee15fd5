// Questions to a compiled policy. Everything is an array lookup; nothing here changes anything.
#include "tables.h"

void policy_destroy(policy_t **policy) {
    if (!*policy) return;
    arena_t *arena = (*policy)->arena; // the policy itself lives in it
    arena_destroy(&arena);
    *policy = NULL;
}

int derived_value(const derived_t *derived, const facts_t *facts, date_t on, int64_t *out, const char **rule,
                  err_t *err) {
    const row_t *row = table_row(&derived->table, facts, on);
    int64_t value, by;
    if (!row) return err_set(err, E_NOT_IN_FORCE, "no rule is in force for this case on that day");
    int rc = ref_value(&row->amount, on, 0, &value, err);
    for (uint32_t hits = adjusts_hold(derived, facts, on); hits && !rc; hits &= hits - 1) {
        const adjust_t *adjust = &derived->adjusts[__builtin_ctz(hits)];
        if ((rc = ref_value(&adjust->by, on, 0, &by, err))) break;
        value = adjusted_value(adjust->op, value, by, INT64_MAX / 2);
    }
    if (rc) return rc;
    *out = value;
    if (rule) *rule = row->rule;
    return E_OK;
}

const void *policy_packed(const policy_t *policy, size_t *bytes) {
    *bytes = policy->packed_bytes;
    return policy->packed;
}

const char *policy_hash(const policy_t *policy) { return policy->hash; }
const char *policy_city(const policy_t *policy) { return policy->city; }
const char *policy_status(const policy_t *policy) { return policy->status; }
size_t policy_overlay_count(const policy_t *policy) { return policy->overlays.count; }

const char *policy_overlay(const policy_t *policy, size_t overlay, const char **status) {
    CHECK(overlay < policy->overlays.count);
    *status = policy->overlays.items[overlay].more;
    return policy->overlays.items[overlay].name;
}

static const named_t *find(const nameds_t *nameds, const char *name) {
    for (uint32_t i = 0; i < nameds->count; i++)
        if (strcmp(nameds->items[i].name, name) == 0) return &nameds->items[i];
    return NULL;
}

const char *policy_option(const policy_t *policy, const char *option) {
    const named_t *found = find(&policy->options, option);
    return found ? found->more : NULL;
}

bool policy_has_identity(const policy_t *policy, identity_t identity) {
    return (unsigned)identity < IDENTITY__COUNT && (policy->identities >> identity & 1);
}

bool policy_has_division(const policy_t *policy, const char *division) {
    return find(&policy->divisions, division) != NULL;
}

const char *policy_division_name(const policy_t *policy, const char *division) {
    const named_t *found = find(&policy->divisions, division);
    return found ? found->more : NULL;
}

int policy_layer_count(const policy_t *policy) { return (int)policy->layers.count; }

static const named_t *layer_at(const policy_t *policy, int layer) {
    CHECK(layer >= 0 && layer < (int)policy->layers.count);
    return &policy->layers.items[layer];
}
const char *policy_layer_name(const policy_t *policy, int layer) { return layer_at(policy, layer)->name; }
const char *policy_layer_fund(const policy_t *policy, int layer) { return layer_at(policy, layer)->more; }

int policy_total_count(const policy_t *policy) { return (int)policy->total_count; }

const char *policy_total_name(const policy_t *policy, int total) {
    CHECK(total >= 0 && total < (int)policy->total_count);
    return policy->totals[total];
}

int policy_total_from_name(const policy_t *policy, const char *name) {
    for (uint32_t i = 0; i < policy->total_count; i++)
        if (strcmp(policy->totals[i], name) == 0) return (int)i;
    return -1;
}

static const rule_t *rule_find(const policy_t *policy, const char *id) {
    uint32_t low = 0, high = policy->rule_count;
    while (id && low < high) {
        uint32_t middle = (low + high) / 2;
        int order = strcmp(policy->rules[middle].id, id);
        if (order == 0) return &policy->rules[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    static const rule_t unknown = {"", "", "", ""};
    return &unknown;
}

const char *policy_rule_source(const policy_t *policy, const char *rule) { return rule_find(policy, rule)->source; }
const char *policy_rule_text(const policy_t *policy, const char *rule) { return rule_find(policy, rule)->text; }
const char *policy_rule_text_zh(const policy_t *policy, const char *rule) { return rule_find(policy, rule)->text_zh; }

const policy_coverage_t *policy_coverage(const policy_t *policy) { return &policy->coverage; }

static const value_t *value_on(const series_t *series, date_t on) {
    for (uint32_t i = 0; i < series->count; i++)
        if (on >= series->values[i].from && on <= series->values[i].to) return &series->values[i];
    return NULL;
}

int ref_series_value(const ref_t *ref, date_t on, int64_t *out, bool *found, err_t *err) {
    if (ref->years_ago) on = date_add_years(on, -(int)ref->years_ago);
    const value_t *value = value_on(ref->series, on);
    if (found) *found = value && !value->missing;
    if (!value || value->missing) {
        if (ref->if_published && found) return E_OK;
        char day[DATE_TEXT_MAX];
        return err_field(err, E_PARAMETER_MISSING, ref->series->name, "the city has not published %s for %s",
                         ref->series->name, date_format(on, day));
    }
    if (ref->times == RATE_ONE)
        *out = value->value;
    else if (times_rate(value->value, ref->times, out))
        return err_field(err, E_OUT_OF_RANGE, ref->series->name, "%s is too large", ref->series->name);
    return E_OK;
}

int policy_parameter(const policy_t *policy, const char *name, date_t on, int64_t *out, err_t *err) {
    for (uint32_t i = 0; i < policy->series_count; i++) {
        if (strcmp(policy->series[i].name, name) != 0) continue;
        const ref_t ref = {.kind = REF_SERIES, .series = &policy->series[i], .times = RATE_ONE};
        return ref_series_value(&ref, on, out, NULL, err);
    }
    return err_field(err, E_UNSUPPORTED, name, "the city has no parameter %s", name);
}
