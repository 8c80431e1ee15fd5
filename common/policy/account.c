// Section `account`, from the file and from the message.
#include "account.h"
#include "loader.h"
#include "unpack.h"

// ---- from the file

// A list of rows that need not answer every case.
static Tc__PolicyDerived *some_rows(loader_t *l, const yaml_node_t *list, holds_t holds, span_t span) {
    Tc__PolicyDerived *to = take(l, 1, sizeof *to);
    if (!to || !list) return NULL;
    *to = (Tc__PolicyDerived)TC__POLICY_DERIVED__INIT;
    rows_t rows = rows_of(l, list, holds, (around_t){when_always(l, span), SCOPE_PERSON, UNIT_MONEY}, false);
    to->rows = rows.items;
    to->n_rows = rows.count;
    return to;
}

static Tc__PolicyDerived *table(loader_t *l, const yaml_node_t *map, unit_t unit, span_t span) {
    return map ? values_table_of(l, map, (around_t){when_always(l, span), SCOPE_PERSON, unit}) : NULL;
}

static Tc__PolicyAccountFormer *load_former(loader_t *l, const yaml_node_t *part, span_t span) {
    static const char *const keys[] = {"day", "actual", "highest", "first", "kept", "rate", NULL};
    Tc__PolicyAccountFormer *to = take(l, 1, sizeof *to);
    if (!to || !part) return NULL;
    *to = (Tc__PolicyAccountFormer)TC__POLICY_ACCOUNT_FORMER__INIT;
    only(l, part, keys);
    to->day = date_of(l, need(l, part, "day"));
    to->actual_rule = rule_named(l, need(l, part, "actual"));
    to->highest_rule = rule_named(l, need(l, part, "highest"));
    to->first_rule = rule_named(l, need(l, part, "first"));
    to->kept_rule = rule_named(l, need(l, part, "kept"));
    to->rate = table(l, need(l, part, "rate"), UNIT_RATE, span);
    return to;
}

static void load_own(loader_t *l, const yaml_node_t *part, span_t around, Tc__PolicyAccount *to) {
    static const char *const keys[] = {"from", "rates", "rule", NULL};
    if (!part) return;
    only(l, part, keys);
    to->own_rule = rule_of(l, part);
    const span_t span = span_of(l, part, around);
    to->own_from = span.from;
    const yaml_node_t *list = need(l, part, "rates");
    if (!is_list(l, list)) return;
    if (list->count == 0 || list->count > ACCOUNT_OWN_RATES_MAX)
        fail(l, list, "between 1 and %d rates", ACCOUNT_OWN_RATES_MAX);
    to->own = take(l, list->count, sizeof *to->own);
    for (const yaml_node_t *node = list->first; node && !l->rc; node = node->next)
        to->own[to->n_own++] = ref_of(l, node, UNIT_RATE, span, NULL);
    l->rule = NULL;
}

// Nothing said is what the law has for everybody: the account is the person's own and pays the own part; that of
// another needs a rule which says so.
static Tc__PolicyAccountPays *load_pays(loader_t *l, const yaml_node_t *part) {
    static const char *const keys[] = {"own_part", "family", "rule", NULL}, *const family_keys[] = {"from", "rule",
                                                                                                    NULL};
    Tc__PolicyAccountPays *to = part ? take(l, 1, sizeof *to) : NULL;
    if (!to) return NULL;
    *to = (Tc__PolicyAccountPays)TC__POLICY_ACCOUNT_PAYS__INIT;
    only(l, part, keys);
    to->rule = rule_of(l, part);
    to->own_part = truth_of(l, need(l, part, "own_part"));
    const yaml_node_t *family = may(l, part, "family");
    l->rule = NULL;
    if (!family || l->rc) return to;
    if (!to->own_part) fail(l, family, "relatives pay after the own account, which pays nothing here");
    only(l, family, family_keys);
    to->family = true;
    to->family_rule = rule_of(l, family);
    to->family_from = date_of(l, need(l, family, "from"));
    l->rule = NULL;
    return to;
}

int load_account(loader_t *l) {
    static const char *const keys[] = {"from", "rule",    "identities", "none", "unpaid", "fixed",
                                       "rate", "minimum", "former",     "own",  "pays",   NULL};
    const yaml_node_t *section = section_of(l, "account");
    if (!section) return l->rc;
    Tc__PolicyAccount *to = take(l, 1, sizeof *to);
    if (!to) return l->rc;
    *to = (Tc__PolicyAccount)TC__POLICY_ACCOUNT__INIT;
    only(l, section, keys);
    to->rule = rule_of(l, section);
    l->rule = NULL;
    to->from = date_of(l, need(l, section, "from"));
    to->identities = identities_of(l, need(l, section, "identities"));
    const span_t span = {to->from, DATE_MAX};
    const yaml_node_t *rate = may(l, section, "rate"), *minimum = may(l, section, "minimum");
    const yaml_node_t *former = may(l, section, "former");
    if (!l->rc && (rate == NULL) == (minimum == NULL))
        fail(l, section, "a credit is a rate of the base, or a minimum: one of the two");
    if (!l->rc && former && rate) fail(l, former, "a former standard goes with a minimum");
    to->none = some_rows(l, may(l, section, "none"), HOLDS_RULE, (span_t){DATE_NONE, DATE_MAX});
    to->unpaid = some_rows(l, may(l, section, "unpaid"), HOLDS_RULE, span);
    to->fixed = some_rows(l, may(l, section, "fixed"), HOLDS_VALUE, span);
    to->rate = table(l, rate, UNIT_RATE, span);
    to->minimum = table(l, minimum, UNIT_MONEY, span);
    to->former = load_former(l, former, span);
    load_own(l, may(l, section, "own"), span, to);
    to->pays = load_pays(l, may(l, section, "pays"));
    l->out->account = to;
    return l->rc;
}

// ---- from the message

static int some(const unpacker_t *r, const Tc__PolicyDerived *from, row_content_t content, table_t *to) {
    *to = (table_t){0};
    return from ? unpack_table(r, from->rows, from->n_rows, content, UNIT_MONEY, to) : E_OK;
}

static int unpack_former(const unpacker_t *r, const Tc__PolicyAccountFormer *from, account_former_t *to) {
    if (!from->rate || from->rate->n_rows == 0 || from->day < date_make(1900, 1, 1) ||
        from->day > date_make(2199, 12, 31))
        return unpack_bad(r, "a former standard of accounts");
    to->day = from->day;
    int rc = unpack_values(r, from->rate, UNIT_RATE, &to->rate);
    if (!rc) rc = unpack_rule(r, from->actual_rule, &to->actual_rule);
    if (!rc) rc = unpack_rule(r, from->highest_rule, &to->highest_rule);
    if (!rc) rc = unpack_rule(r, from->first_rule, &to->first_rule);
    return rc ? rc : unpack_rule(r, from->kept_rule, &to->kept_rule);
}

static int unpack_own(const unpacker_t *r, const Tc__PolicyAccount *from, account_rules_t *to) {
    if (from->n_own > ACCOUNT_OWN_RATES_MAX) return unpack_bad(r, "rates of the own contribution");
    int rc = E_OK;
    for (size_t i = 0; i < from->n_own && !rc; i++)
        rc = unpack_ref(r, from->own[i], UNIT_RATE, REF_NONE, &to->own[to->own_count++]);
    to->own_from = from->own_from;
    return rc ? rc : unpack_rule(r, from->own_rule, &to->own_rule);
}

// A policy packed before there was such a part says nothing.
static int unpack_pays(const unpacker_t *r, const Tc__PolicyAccountPays *from, account_rules_t *to) {
    to->pays = (policy_account_pays_t){.own_part = true, .rule = to->rule};
    if (!from) return E_OK;
    to->pays =
        (policy_account_pays_t){.own_part = from->own_part, .family = from->family, .family_from = from->family_from};
    if (from->family &&
        (!from->own_part || from->family_from < date_make(1900, 1, 1) || from->family_from > date_make(2199, 12, 31)))
        return unpack_bad(r, "what accounts may pay");
    int rc = unpack_rule(r, from->rule, &to->pays.rule);
    return rc || !from->family ? rc : unpack_rule(r, from->family_rule, &to->pays.family_rule);
}

int unpack_account(const unpacker_t *r) {
    const Tc__PolicyAccount *from = r->message->account;
    r->policy->account = NULL;
    if (!from) return E_OK;
    account_rules_t *to = unpack_take(r, 1, sizeof *to);
    if (!to) return unpack_no_memory(r);
    *to = (account_rules_t){.from = from->from, .identities = from->identities, .has_former = from->former != NULL};
    int rc = unpack_rule(r, from->rule, &to->rule);
    if (!rc) rc = some(r, from->none, ROW_RULE, &to->none);
    if (!rc) rc = some(r, from->unpaid, ROW_RULE, &to->unpaid);
    if (!rc) rc = some(r, from->fixed, ROW_AMOUNT, &to->fixed);
    if (!rc) rc = unpack_values(r, from->rate, UNIT_RATE, &to->rate);
    if (!rc) rc = unpack_values(r, from->minimum, UNIT_MONEY, &to->minimum);
    if (!rc && from->former) rc = unpack_former(r, from->former, &to->former);
    if (!rc) rc = unpack_own(r, from, to);
    if (!rc) rc = unpack_pays(r, from->pays, to);
    if (rc) return rc;
    if ((to->rate.table.count == 0) == (to->minimum.table.count == 0) || (to->has_former && to->rate.table.count > 0))
        return unpack_bad(r, "way of the account's credit");
    r->policy->account = to;
    return E_OK;
}

const policy_account_pays_t *policy_account_pays(const policy_t *policy) {
    return policy->account ? &policy->account->pays : NULL;
}
