// Section `interest`, from the file and from the message.
#include "interest.h"
#include "unpack.h"
#include "words.h"

int load_interest(loader_t *l) {
    static const char *const keys[] = {"rule", "by", NULL};
    static const char *const ways[INTEREST_BY__COUNT] = {"daily_balances", "closing_balance"};
    const yaml_node_t *section = section_of(l, "interest");
    if (!section) return l->rc;
    Tc__PolicyInterest *to = take(l, 1, sizeof *to);
    if (!to) return l->rc;
    *to = (Tc__PolicyInterest)TC__POLICY_INTEREST__INIT;
    only(l, section, keys);
    to->rule = rule_of(l, section);
    to->by = word_of(l, need(l, section, "by"), ways, INTEREST_BY__COUNT);
    l->rule = NULL;
    l->out->interest = to;
    return l->rc;
}

int unpack_interest(const unpacker_t *r) {
    const Tc__PolicyInterest *from = r->message->interest;
    r->policy->interest = NULL;
    if (!from) return E_OK;
    if (from->by >= INTEREST_BY__COUNT) return unpack_bad(r, "interest");
    interest_rules_t *to = unpack_take(r, 1, sizeof *to);
    if (!to) return unpack_no_memory(r);
    *to = (interest_rules_t){.by = (interest_by_t)from->by};
    int rc = unpack_rule(r, from->rule, &to->rule);
    if (!rc) r->policy->interest = to;
    return rc;
}
