// Section `district_fees`, from the file and from the message, and how it is asked.
#include "district_fees.h"
#include "loader.h"
#include "unpack.h"

// ---- from the file

// An overlay may replace what is stated; what the city file says of who fixes the fees stands.
static const yaml_node_t *city_alone(const loader_t *l) {
    const yaml_node_t *statements = yaml_get(l->city, "statements");
    const yaml_node_t *set_by = statements ? yaml_get(statements, "resident_funding_set_by") : NULL;
    const yaml_node_t *value = set_by && set_by->kind == YAML_MAP ? yaml_get(set_by, "value") : NULL;
    return value && value->text && strcmp(value->text, "city") == 0 ? set_by : NULL;
}

static Tc__PolicyDistrictFee *fee_of(loader_t *l, const yaml_node_t *node) {
    Tc__PolicyDistrictFee *to = take(l, 1, sizeof *to);
    if (!to) return NULL;
    *to = (Tc__PolicyDistrictFee)TC__POLICY_DISTRICT_FEE__INIT;
    to->division = unconst(node->key);
    bool known = false;
    for (size_t i = 0; i < l->out->n_divisions; i++) known |= strcmp(l->out->divisions[i]->code, node->key) == 0;
    if (!known) fail(l, node, "there is no district %.10s", node->key);
    to->own_part = ref_of(l, node, UNIT_MONEY, (span_t){DATE_NONE, DATE_MAX}, NULL);
    return to;
}

static void load_item(loader_t *l, const yaml_node_t *node, Tc__PolicyDistrictFees *to) {
    const Tc__PolicyContribution *c = l->out->contribution;
    bool known = false;
    to->item = unconst(text_of(l, node));
    for (size_t i = 0; c && i < c->n_yearly; i++) known |= strcmp(c->yearly[i]->item, to->item) == 0;
    if (!l->rc && !known) fail(l, node, "no yearly line has the item %.40s", to->item);
}

static void load_fees(loader_t *l, const yaml_node_t *map, Tc__PolicyDistrictFees *to) {
    if (!is_map(l, map)) return;
    if (map->count == 0 || map->count > DISTRICT_FEES_MAX) fail(l, map, "1 to %d districts", DISTRICT_FEES_MAX);
    to->fees = take(l, map->count, sizeof *to->fees);
    for (const yaml_node_t *node = map->first; node && !l->rc; node = node->next)
        to->fees[to->n_fees++] = fee_of(l, node);
}

int load_district_fees(loader_t *l) {
    static const char *const keys[] = {"group", "item", "own_part", "rule", NULL};
    const yaml_node_t *section = section_of(l, "district_fees"), *alone = city_alone(l);
    if (!section) return l->rc;
    if (alone) {
        rule_of(l, alone);
        return fail(l, section, "the city alone fixes what residents' cover is funded with");
    }
    Tc__PolicyDistrictFees *to = take(l, 1, sizeof *to);
    if (!to) return l->rc;
    *to = (Tc__PolicyDistrictFees)TC__POLICY_DISTRICT_FEES__INIT;
    only(l, section, keys);
    to->rule = rule_of(l, section);
    const yaml_node_t *group = need(l, section, "group");
    const int code = group_from_name(text_of(l, group));
    if (!l->rc && code < 0) fail(l, group, "expected one of %s", group_names());
    to->group = code < 0 ? 0 : (uint32_t)code;
    load_item(l, need(l, section, "item"), to);
    load_fees(l, need(l, section, "own_part"), to);
    l->out->district_fees = to;
    return l->rc;
}

// ---- from the message

int unpack_district_fees(const unpacker_t *r) {
    const Tc__PolicyDistrictFees *from = r->message->district_fees;
    r->policy->district_fees = NULL;
    if (!from) return E_OK;
    if (from->group >= GROUP__COUNT || from->n_fees > DISTRICT_FEES_MAX) return unpack_bad(r, "fees of districts");
    district_fees_rules_t *to = unpack_take(r, 1, sizeof *to);
    district_fee_t *fees = unpack_take(r, from->n_fees, sizeof *fees);
    if (!to || !fees) return unpack_no_memory(r);
    *to = (district_fees_rules_t){.group = (group_t)from->group, .item = from->item, .fees = fees};
    int rc = unpack_rule(r, from->rule, &to->rule);
    for (; to->count < from->n_fees && !rc; to->count++) {
        const Tc__PolicyDistrictFee *fee = from->fees[to->count];
        fees[to->count].division = fee->division;
        rc = unpack_ref(r, fee->own_part, UNIT_MONEY, REF_NONE, &fees[to->count].own_part);
        if (!rc && fees[to->count].own_part.kind == REF_NONE) rc = unpack_bad(r, "a fee of a district");
    }
    if (!rc) r->policy->district_fees = to;
    return rc;
}

// ---- asked

bool district_fees_apply(const policy_t *policy, uint32_t groups, const char *item) {
    const district_fees_rules_t *rules = policy->district_fees;
    return rules && (groups & GROUP_BIT(rules->group)) && strcmp(rules->item, item) == 0;
}

int district_fees_own_part(const policy_t *policy, const char *division, date_t on, fen_t *out, err_t *err) {
    const district_fees_rules_t *rules = policy->district_fees;
    const char *name = policy_division_name(policy, division);
    err_t why = {0};
    int rc = E_PARAMETER_MISSING;
    for (uint32_t i = 0; i < rules->count; i++)
        if (strcmp(rules->fees[i].division, division) == 0) rc = ref_value(&rules->fees[i].own_part, on, 0, out, &why);
    if (rc != E_PARAMETER_MISSING) return rc ? err_field(err, rc, why.field, "%s", why.text) : E_OK;
    return err_field(err, rc, "person.division",
                     "what %s pays follows the rule of district %.10s%s%s, which is not in the city file%s%s (%s, %s)",
                     group_name((int)rules->group), division, name ? " " : "", name ? name : "", *why.field ? ": " : "",
                     why.field, rules->rule, policy_rule_source(policy, rules->rule));
}
