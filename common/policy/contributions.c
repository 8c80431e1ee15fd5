// Sections `contribution` and `coverage`: what is due for a month or a year, and what that buys.
#include "loader.h"

// ---- contribution
// -----------------------------------------------------------------------------------------------------

static const fact_word_t wage = {"wage", REF_WAGE};

static void load_base(loader_t *l, const yaml_node_t *bases, const yaml_node_t *name, span_t span,
                      Tc__PolicyLine *line) {
    static const char *const keys[] = {"of", "at_least", "at_most", "rule", NULL};
    const yaml_node_t *base = bases && name ? yaml_get(bases, text_of(l, name)) : NULL;
    if (!base) {
        if (name) fail(l, name, "there is no base %.40s", text_of(l, name));
        return;
    }
    only(l, base, keys);
    rule_named(l, need(l, base, "rule"));
    line->on_base = ref_of(l, need(l, base, "of"), UNIT_MONEY, span, &wage);
    if (may(l, base, "at_least")) line->base_at_least = ref_of(l, may(l, base, "at_least"), UNIT_MONEY, span, NULL);
    if (may(l, base, "at_most")) line->base_at_most = ref_of(l, may(l, base, "at_most"), UNIT_MONEY, span, NULL);
}

// A payer's own name, or that of a table in `payers`.
static void load_payers(loader_t *l, const yaml_node_t *payers, const yaml_node_t *name, Tc__PolicyLine *line) {
    const char *text = text_of(l, name);
    if (l->rc) return;
    if (payer_from_name(text) < 0) {
        const yaml_node_t *list = payers ? yaml_get(payers, text) : NULL;
        if (!list) {
            fail(l, name, "%.40s is neither a payer nor a table of payers", text);
            return;
        }
        rows_t rows = rows_of(l, list, HOLDS_PAYER, (around_t){line->when, SCOPE_CONTRIBUTION, UNIT_MONEY}, true);
        line->payers = rows.items;
        line->n_payers = rows.count;
        return;
    }
    Tc__PolicyRow *row = take(l, 1, sizeof *row);
    line->payers = take(l, 1, sizeof *line->payers);
    if (!row || !line->payers) return;
    *row = (Tc__PolicyRow)TC__POLICY_ROW__INIT;
    row->when = when_always(l, (span_t){DATE_NONE, DATE_MAX});
    row->rule = line->rule;
    row->payer = (uint32_t)payer_from_name(text);
    line->payers[line->n_payers++] = row;
}

static Tc__PolicyLine *line_of(loader_t *l, const yaml_node_t *section, const yaml_node_t *node, span_t around) {
    static const char *const keys[] = {"item", "payer",  "when",     "from", "to", "base",
                                       "rate", "amount", "at_least", "rule", NULL};
    Tc__PolicyLine *line = take(l, 1, sizeof *line);
    if (!line) return NULL;
    *line = (Tc__PolicyLine)TC__POLICY_LINE__INIT;
    only(l, node, keys);
    line->rule = rule_of(l, node);
    line->item = unconst(text_of(l, need(l, node, "item")));
    span_t span = span_of(l, node, around);
    line->when = when_of(l, need(l, node, "when"), SCOPE_CONTRIBUTION, span);
    const yaml_node_t *amount = may(l, node, "amount"), *least = may(l, node, "at_least");
    if (amount) {
        if (may(l, node, "base") || may(l, node, "rate")) fail(l, amount, "a line is an amount, or a base and a rate");
        line->amount = ref_of(l, amount, UNIT_MONEY, span, NULL);
    } else {
        load_base(l, may(l, section, "bases"), need(l, node, "base"), span, line);
        line->rate = ref_of(l, need(l, node, "rate"), UNIT_RATE, span, NULL);
    }
    if (least) line->at_least = ref_of(l, least, UNIT_MONEY, span, NULL);
    load_payers(l, may(l, section, "payers"), need(l, node, "payer"), line);
    l->rule = NULL;
    return line;
}

// One of `monthly` and `yearly`.
static Tc__PolicyLine **lines_of(loader_t *l, const yaml_node_t *section, const char *key, date_t *from,
                                 size_t *count) {
    static const char *const keys[] = {"from", "rule", "lines", NULL};
    const yaml_node_t *part = may(l, section, key);
    *count = 0;
    if (!part) return NULL;
    only(l, part, keys);
    rule_of(l, part);
    l->rule = NULL;
    *from = date_of(l, need(l, part, "from"));
    const yaml_node_t *list = need(l, part, "lines");
    if (!is_list(l, list)) return NULL;
    if (list->count > LINES_MAX) fail(l, list, "more than %d lines", LINES_MAX);
    Tc__PolicyLine **lines = take(l, list->count, sizeof *lines);
    for (const yaml_node_t *node = list->first; node && !l->rc; node = node->next)
        lines[(*count)++] = line_of(l, section, node, (span_t){*from, DATE_MAX});
    return lines;
}

int load_contribution(loader_t *l) {
    static const char *const keys[] = {"bases", "payers", "monthly", "yearly", NULL};
    const yaml_node_t *section = section_of(l, "contribution");
    if (!section) return l->rc;
    Tc__PolicyContribution *to = take(l, 1, sizeof *to);
    if (!to) return l->rc;
    *to = (Tc__PolicyContribution)TC__POLICY_CONTRIBUTION__INIT;
    only(l, section, keys);
    to->monthly = lines_of(l, section, "monthly", &to->monthly_from, &to->n_monthly);
    to->yearly = lines_of(l, section, "yearly", &to->yearly_from, &to->n_yearly);
    l->out->contribution = to;
    return l->rc;
}

// ---- coverage
// ---------------------------------------------------------------------------------------------------------

enum { COVERAGE_MONTHS_MAX = 12 };

static uint32_t months_of(loader_t *l, const yaml_node_t *section, const char *key) {
    static const char *const keys[] = {"months", "rule", NULL};
    const yaml_node_t *part = need(l, section, key);
    only(l, part, keys);
    rule_of(l, part);
    uint32_t months = (uint32_t)number_of(l, need(l, part, "months"), 0, COVERAGE_MONTHS_MAX);
    l->rule = NULL;
    return months;
}

static uint32_t who_of(loader_t *l, const yaml_node_t *section, const char *key) {
    static const char *const keys[] = {"identities", "rule", NULL};
    const yaml_node_t *part = may(l, section, key);
    if (!part) return 0;
    only(l, part, keys);
    rule_of(l, part);
    uint32_t bits = identities_of(l, need(l, part, "identities"));
    l->rule = NULL;
    return bits;
}

static void load_wait(loader_t *l, const yaml_node_t *section, Tc__PolicyCoverage *to) {
    static const char *const keys[] = {"months", "identities", "every_entry", "rule", NULL};
    to->n_wait_months = IDENTITY__COUNT;
    to->wait_months = take(l, IDENTITY__COUNT, sizeof *to->wait_months);
    const yaml_node_t *part = may(l, section, "wait");
    if (!part || !to->wait_months) return;
    only(l, part, keys);
    rule_of(l, part);
    uint32_t months = (uint32_t)number_of(l, need(l, part, "months"), 0, COVERAGE_MONTHS_MAX);
    uint32_t who = identities_of(l, need(l, part, "identities"));
    for (int i = 0; i < IDENTITY__COUNT; i++) to->wait_months[i] = who >> i & 1 ? months : 0;
    const yaml_node_t *every = may(l, part, "every_entry");
    if (every) to->wait_every_entry = truth_of(l, every);
    l->rule = NULL;
}

int load_coverage(loader_t *l) {
    static const char *const keys[] = {"lag", "wait", "grace", "yearly", "from_application", "tier2", "lifelong", NULL};
    const yaml_node_t *section = section_of(l, "coverage");
    if (!section) fail(l, l->city, "coverage is missing");
    Tc__PolicyCoverage *to = take(l, 1, sizeof *to);
    if (l->rc || !to) return l->rc;
    *to = (Tc__PolicyCoverage)TC__POLICY_COVERAGE__INIT;
    only(l, section, keys);
    to->lag_months = months_of(l, section, "lag");
    to->grace_months = months_of(l, section, "grace");
    load_wait(l, section, to);
    to->yearly = who_of(l, section, "yearly");
    to->from_application = who_of(l, section, "from_application");
    to->tier2 = who_of(l, section, "tier2");
    to->lifelong = who_of(l, section, "lifelong");
    l->out->coverage = to;
    return l->rc;
}
