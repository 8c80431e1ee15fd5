// Section `funding`, from the file and from the message.
#include "funding.h"
#include "loader.h"
#include "unpack.h"

// Exactly one of the two keys: how often the personal part the government's part may or must be.
static void load_ratio(loader_t *l, const yaml_node_t *part, Tc__PolicyFunding *to) {
    static const char *const keys[] = {"government_at_most", "government_at_least", "rule", NULL};
    only(l, part, keys);
    to->ratio_rule = rule_of(l, part);
    const yaml_node_t *most = may(l, part, "government_at_most"), *least = may(l, part, "government_at_least");
    if (!l->rc && (most == NULL) == (least == NULL))
        fail(l, part, "a ratio has one of government_at_most and government_at_least");
    to->at_most = most != NULL;
    to->times = (uint32_t)factor_of(l, most ? most : least);
    l->rule = NULL;
}

int load_funding(loader_t *l) {
    static const char *const keys[] = {"from", "rule", "floor", "ratio", NULL};
    static const char *const floor_keys[] = {"of", "share", "rule", NULL};
    const yaml_node_t *section = section_of(l, "funding");
    if (!section) return l->rc;
    Tc__PolicyFunding *to = take(l, 1, sizeof *to);
    if (!to) return l->rc;
    *to = (Tc__PolicyFunding)TC__POLICY_FUNDING__INIT;
    only(l, section, keys);
    to->rule = rule_of(l, section);
    to->from = date_of(l, need(l, section, "from"));
    const yaml_node_t *floor = need(l, section, "floor");
    only(l, floor, floor_keys);
    to->floor_rule = rule_of(l, floor);
    to->floor_of = ref_of(l, need(l, floor, "of"), UNIT_MONEY, (span_t){to->from, DATE_MAX}, NULL);
    to->floor_share = (uint32_t)literal_of(l, need(l, floor, "share"), UNIT_RATE);
    load_ratio(l, need(l, section, "ratio"), to);
    l->out->funding = to;
    return l->rc;
}

int unpack_funding(const unpacker_t *r) {
    const Tc__PolicyFunding *from = r->message->funding;
    r->policy->funding = NULL;
    if (!from) return E_OK;
    funding_rules_t *to = unpack_take(r, 1, sizeof *to);
    if (!to) return unpack_no_memory(r);
    if (!from->floor_of || from->floor_share > RATE_ONE || from->times == 0 || from->times > FACTOR_MAX)
        return unpack_bad(r, "the funding section");
    *to = (funding_rules_t){.from = from->from,
                            .floor_share = (rate_t)from->floor_share,
                            .at_most = from->at_most,
                            .times = (rate_t)from->times};
    int rc = unpack_ref(r, from->floor_of, UNIT_MONEY, REF_NONE, &to->floor_of);
    if (!rc) rc = unpack_rule(r, from->rule, &to->rule);
    if (!rc) rc = unpack_rule(r, from->floor_rule, &to->floor_rule);
    if (!rc) rc = unpack_rule(r, from->ratio_rule, &to->ratio_rule);
    if (!rc) r->policy->funding = to;
    return rc;
}
