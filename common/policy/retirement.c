// Section `retirement`, from the file and from the message.
#include "retirement.h"
#include "loader.h"
#include "unpack.h"

// ---- from the file

static void load_required(loader_t *l, const yaml_node_t *section, Tc__PolicyRetirement *to) {
    const yaml_node_t *by = may(l, section, "dated_by");
    const char *name = by ? text_of(l, by) : "formality";
    to->by_joining = strcmp(name, "first_joined") == 0;
    if (!l->rc && !to->by_joining && strcmp(name, "formality") != 0)
        fail(l, by, "%.40s is neither first_joined nor formality", name);
    const span_t span = {to->by_joining ? DATE_NONE : to->from, DATE_MAX};
    to->required =
        values_table_of(l, need(l, section, "required"), (around_t){when_always(l, span), SCOPE_PERSON, UNIT_COUNT});
}

static Tc__PolicyRetirementTest *test_of(loader_t *l, const yaml_node_t *part, span_t span) {
    static const char *const keys[] = {"months", "rule", NULL};
    Tc__PolicyRetirementTest *to = take(l, 1, sizeof *to);
    if (!to || !part) return NULL;
    *to = (Tc__PolicyRetirementTest)TC__POLICY_RETIREMENT_TEST__INIT;
    only(l, part, keys);
    to->rule = rule_of(l, part);
    to->months = ref_of(l, need(l, part, "months"), UNIT_COUNT, span, NULL);
    l->rule = NULL;
    return to;
}

static void load_periods(loader_t *l, const yaml_node_t *map, Tc__PolicyRetirement *to) {
    static const char *const keys[] = {"counts", "rule", NULL};
    if (!map || !is_map(l, map)) return;
    if (map->count > RETIREMENT_PERIODS_MAX) fail(l, map, "more than %d kinds of time", RETIREMENT_PERIODS_MAX);
    to->periods = take(l, map->count, sizeof *to->periods);
    for (const yaml_node_t *node = map->first; node && !l->rc; node = node->next) {
        Tc__PolicyRetirementPeriod *period = take(l, 1, sizeof *period);
        if (!period) return;
        *period = (Tc__PolicyRetirementPeriod)TC__POLICY_RETIREMENT_PERIOD__INIT;
        only(l, node, keys);
        period->name = unconst(node->key);
        period->rule = rule_of(l, node);
        period->counts = truth_of(l, need(l, node, "counts"));
        to->periods[to->n_periods++] = period;
    }
    l->rule = NULL;
}

static void load_price(loader_t *l, const yaml_node_t *part, span_t span, Tc__PolicyRetirement *to) {
    static const char *const keys[] = {"base", "rate", "amount", "rule", NULL};
    only(l, part, keys);
    to->price_rule = rule_of(l, part);
    const yaml_node_t *amount = may(l, part, "amount");
    if (amount) {
        if (may(l, part, "base") || may(l, part, "rate")) fail(l, amount, "a price is an amount, or a base and a rate");
        to->amount = ref_of(l, amount, UNIT_MONEY, span, NULL);
    } else {
        const yaml_node_t *name = need(l, part, "base");
        int at = base_named(l, text_of(l, name));
        if (!l->rc && at < 0) fail(l, name, "there is no base %.40s", text_of(l, name));
        if (!l->rc && l->out->contribution->bases[at]->on_wage)
            fail(l, name, "%.40s rests on a wage, which a retirement does not have", text_of(l, name));
        to->on_base = (uint32_t)(at + 1);
        to->rate = ref_of(l, need(l, part, "rate"), UNIT_RATE, span, NULL);
    }
    l->rule = NULL;
}

static void load_lifelong(loader_t *l, const yaml_node_t *part, Tc__PolicyRetirement *to) {
    static const char *const keys[] = {"until", "rule", NULL};
    to->lifelong_until = DATE_NONE;
    if (!part) return;
    only(l, part, keys);
    to->lifelong_rule = rule_of(l, part) + 1;
    to->lifelong_until = date_of(l, need(l, part, "until"));
    l->rule = NULL;
}

static uint32_t rule_or_none(loader_t *l, const yaml_node_t *node) { return node ? rule_named(l, node) + 1 : 0; }

int load_retirement(loader_t *l) {
    static const char *const keys[] = {"from",  "rule",     "dated_by", "required", "periods", "actual", "local",
                                       "price", "lifelong", "exempt",   "make_up",  "refused", "ended",  NULL};
    const yaml_node_t *section = section_of(l, "retirement");
    if (!section) return l->rc;
    Tc__PolicyRetirement *to = take(l, 1, sizeof *to);
    if (!to) return l->rc;
    *to = (Tc__PolicyRetirement)TC__POLICY_RETIREMENT__INIT;
    only(l, section, keys);
    to->rule = rule_of(l, section);
    l->rule = NULL;
    to->from = date_of(l, need(l, section, "from"));
    const span_t span = {to->from, DATE_MAX};
    load_required(l, section, to);
    load_periods(l, may(l, section, "periods"), to);
    to->actual = test_of(l, may(l, section, "actual"), span);
    to->local = test_of(l, may(l, section, "local"), span);
    load_price(l, need(l, section, "price"), span, to);
    load_lifelong(l, may(l, section, "lifelong"), to);
    to->exempt_rule = rule_or_none(l, may(l, section, "exempt"));
    to->make_up_rule = rule_or_none(l, may(l, section, "make_up"));
    to->refused_rule = rule_or_none(l, may(l, section, "refused"));
    to->ended_rule = rule_or_none(l, may(l, section, "ended"));
    l->out->retirement = to;
    return l->rc;
}

// ---- from the message

static int unpack_test(const unpacker_t *r, const Tc__PolicyRetirementTest *from, retirement_test_t *to) {
    *to = (retirement_test_t){0};
    if (!from) return E_OK;
    if (!from->months) return unpack_bad(r, "a test of months");
    int rc = unpack_ref(r, from->months, UNIT_COUNT, REF_NONE, &to->months);
    return rc ? rc : unpack_rule(r, from->rule, &to->rule);
}

static int unpack_periods(const unpacker_t *r, const Tc__PolicyRetirement *from, retirement_rules_t *to) {
    if (from->n_periods > RETIREMENT_PERIODS_MAX) return unpack_bad(r, "kinds of time");
    for (size_t i = 0; i < from->n_periods; i++) {
        const Tc__PolicyRetirementPeriod *p = from->periods[i];
        retirement_period_t *period = &to->periods[to->period_count++];
        *period = (retirement_period_t){.name = p->name, .counts = p->counts};
        int rc = unpack_rule(r, p->rule, &period->rule);
        if (rc) return rc;
    }
    return E_OK;
}

static int unpack_price(const unpacker_t *r, const Tc__PolicyRetirement *from, retirement_rules_t *to) {
    int rc = unpack_ref(r, from->rate, UNIT_RATE, REF_NONE, &to->rate);
    if (!rc) rc = unpack_ref(r, from->amount, UNIT_MONEY, REF_NONE, &to->amount);
    if (!rc) rc = unpack_rule(r, from->price_rule, &to->price_rule);
    if (rc) return rc;
    to->price_on_base = from->on_base > 0 && to->rate.kind != REF_NONE;
    if (to->price_on_base == (to->amount.kind != REF_NONE) || from->on_base > r->policy->bases.count)
        return unpack_bad(r, "price of a missing month");
    to->base = (uint8_t)(to->price_on_base ? from->on_base - 1 : 0);
    return E_OK;
}

static int unpack_rule_or_none(const unpacker_t *r, uint32_t from, const char **to) {
    *to = NULL;
    return from ? unpack_rule(r, from - 1, to) : E_OK;
}

static bool table_asks_sex(const table_t *table) {
    const uint64_t mask = dimension_mask(DIM_SEX);
    bool asks = false;
    for (uint32_t i = 0; i < table->count; i++)
        asks |= (table->rows[i].when.dims[dimension_infos[DIM_SEX].word] & mask) != mask;
    return asks;
}

int unpack_retirement(const unpacker_t *r) {
    const Tc__PolicyRetirement *from = r->message->retirement;
    r->policy->retirement = NULL;
    if (!from) return E_OK;
    retirement_rules_t *to = unpack_take(r, 1, sizeof *to);
    if (!to) return unpack_no_memory(r);
    *to = (retirement_rules_t){
        .from = from->from, .by_joining = from->by_joining, .lifelong_until = from->lifelong_until};
    int rc = unpack_rule(r, from->rule, &to->rule);
    if (!rc) rc = unpack_values(r, from->required, UNIT_COUNT, &to->required);
    if (!rc) rc = unpack_periods(r, from, to);
    if (!rc) rc = unpack_test(r, from->actual, &to->actual);
    if (!rc) rc = unpack_test(r, from->local, &to->local);
    if (!rc) rc = unpack_price(r, from, to);
    if (!rc) rc = unpack_rule_or_none(r, from->lifelong_rule, &to->lifelong_rule);
    if (!rc) rc = unpack_rule_or_none(r, from->exempt_rule, &to->exempt_rule);
    if (!rc) rc = unpack_rule_or_none(r, from->make_up_rule, &to->make_up_rule);
    if (!rc) rc = unpack_rule_or_none(r, from->refused_rule, &to->refused_rule);
    if (!rc) rc = unpack_rule_or_none(r, from->ended_rule, &to->ended_rule);
    if (rc) return rc;
    if (to->required.table.count == 0) return unpack_bad(r, "no required months");
    to->asks_sex = table_asks_sex(&to->required.table);
    r->policy->retirement = to;
    return E_OK;
}
