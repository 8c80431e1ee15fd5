// Section `surplus`, from the file and from the message.
#include "surplus.h"
#include "loader.h"
#include "month_day.h"
#include "unpack.h"

static Tc__PolicyInstalment *instalment_of(loader_t *l, const yaml_node_t *node) {
    static const char *const keys[] = {"share", "rest", "due", "rule", NULL};
    Tc__PolicyInstalment *to = take(l, 1, sizeof *to);
    if (!to) return NULL;
    *to = (Tc__PolicyInstalment)TC__POLICY_INSTALMENT__INIT;
    only(l, node, keys);
    to->rule = rule_of(l, node);
    to->due = date_of(l, need(l, node, "due"));
    const yaml_node_t *share = may(l, node, "share"), *rest = may(l, node, "rest");
    to->rest = rest && truth_of(l, rest);
    if (to->rest == (share != NULL)) fail(l, node, "expected either share or rest: true");
    if (share) to->share = (uint32_t)literal_of(l, share, UNIT_RATE);
    const bool last = !node->next;
    if (!l->rc && to->rest != last) fail(l, node, "the last instalment, and no other, is the rest");
    l->rule = NULL;
    return to;
}

static void load_instalments(loader_t *l, const yaml_node_t *list, Tc__PolicySurplus *to) {
    if (!is_list(l, list)) return;
    if (list->count == 0 || list->count > INSTALMENTS_MAX)
        fail(l, list, "expected 1 to %d instalments", INSTALMENTS_MAX);
    to->instalments = take(l, list->count, sizeof *to->instalments);
    uint32_t shares = 0;
    for (const yaml_node_t *node = list->first; node && !l->rc; node = node->next) {
        Tc__PolicyInstalment *item = to->instalments[to->n_instalments++] = instalment_of(l, node);
        if (l->rc) return;
        shares += item->share;
        if (shares > RATE_ONE) fail(l, node, "the shares add up to more than the whole");
        if (to->n_instalments > 1 && item->due <= to->instalments[to->n_instalments - 2]->due)
            fail(l, node, "instalments stand in the order of their days");
    }
}

int load_surplus(loader_t *l) {
    static const char *const keys[] = {"rule", "as_of", "provisional", "instalments", NULL};
    const yaml_node_t *section = section_of(l, "surplus");
    if (!section) return l->rc;
    Tc__PolicySurplus *to = take(l, 1, sizeof *to);
    if (!to) return l->rc;
    *to = (Tc__PolicySurplus)TC__POLICY_SURPLUS__INIT;
    only(l, section, keys);
    to->rule = rule_of(l, section);
    to->as_of = date_of(l, need(l, section, "as_of"));
    const yaml_node_t *provisional = may(l, section, "provisional");
    to->provisional = provisional && truth_of(l, provisional);
    l->rule = NULL;
    load_instalments(l, need(l, section, "instalments"), to);
    if (!l->rc && to->provisional && to->n_instalments < 2)
        fail(l, provisional, "one instalment cannot true up another");
    l->out->surplus = to;
    return l->rc;
}

static int read_instalments(const unpacker_t *r, const Tc__PolicySurplus *from, surplus_rules_t *to) {
    if (from->n_instalments == 0 || from->n_instalments > INSTALMENTS_MAX ||
        (to->provisional && from->n_instalments < 2))
        return unpack_bad(r, "instalments of surplus");
    to->instalment_count = (uint32_t)from->n_instalments;
    uint64_t shares = 0;
    for (uint32_t i = 0; i < to->instalment_count; i++) {
        const Tc__PolicyInstalment *item = from->instalments[i];
        const bool last = i + 1 == to->instalment_count;
        shares += item->share;
        if (!policy_day_sane(item->due) || shares > RATE_ONE || item->rest != last || (last && item->share) ||
            (i && item->due <= to->instalments[i - 1].due))
            return unpack_bad(r, "an instalment of surplus");
        to->instalments[i] = (instalment_t){.due = item->due, .share = (rate_t)item->share};
        int rc = unpack_rule(r, item->rule, &to->instalments[i].rule);
        if (rc) return rc;
    }
    return E_OK;
}

int unpack_surplus(const unpacker_t *r) {
    const Tc__PolicySurplus *from = r->message->surplus;
    r->policy->surplus = NULL;
    if (!from) return E_OK;
    if (!policy_day_sane(from->as_of)) return unpack_bad(r, "date of surplus");
    surplus_rules_t *to = unpack_take(r, 1, sizeof *to);
    if (!to) return unpack_no_memory(r);
    *to = (surplus_rules_t){.as_of = from->as_of, .provisional = from->provisional};
    int rc = unpack_rule(r, from->rule, &to->rule);
    if (!rc) rc = read_instalments(r, from, to);
    if (!rc) r->policy->surplus = to;
    return rc;
}
