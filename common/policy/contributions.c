// Sections `contribution` and `coverage`: what is due for a month or a year, and what that buys.
#include "loader.h"

// ---- contribution
// -----------------------------------------------------------------------------------------------------

static void load_base(loader_t *l, const yaml_node_t *name, Tc__PolicyLine *line) {
    int at = base_named(l, text_of(l, name));
    if (at < 0 && name) fail(l, name, "there is no base %.40s", text_of(l, name));
    line->on_base = (uint32_t)(at + 1);
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
        load_base(l, need(l, node, "base"), line);
        line->rate = ref_of(l, need(l, node, "rate"), UNIT_RATE, span, NULL);
    }
    if (least) {
        const yaml_node_t *rule = may(l, least, "rule");
        line->at_least = ref_of(l, least, UNIT_MONEY, span, NULL);
        if (rule) line->at_least_rule = rule_named(l, rule) + 1;
    }
    load_payers(l, may(l, section, "payers"), need(l, node, "payer"), line);
    l->rule = NULL;
    return line;
}

// One of `monthly` and `yearly`.
static Tc__PolicyLine **lines_of(loader_t *l, const yaml_node_t *section, const yaml_node_t *part, date_t from,
                                 size_t *count) {
    *count = 0;
    if (!part) return NULL;
    const yaml_node_t *list = need(l, part, "lines");
    if (!is_list(l, list)) return NULL;
    if (list->count > LINES_MAX) fail(l, list, "more than %d lines", LINES_MAX);
    Tc__PolicyLine **lines = take(l, list->count, sizeof *lines);
    for (const yaml_node_t *node = list->first; node && !l->rc; node = node->next)
        lines[(*count)++] = line_of(l, section, node, (span_t){from, DATE_MAX});
    return lines;
}

static date_t part_from(loader_t *l, const yaml_node_t *part, const char *const *keys) {
    if (!part) return DATE_MAX;
    only(l, part, keys);
    rule_of(l, part);
    l->rule = NULL;
    return date_of(l, need(l, part, "from"));
}

// {month: 12, day: 31}: until when the fee of the next year is paid. {rule: …} alone: no refund within the year.
static void load_terms(loader_t *l, const yaml_node_t *part, Tc__PolicyContribution *to) {
    static const char *const due_keys[] = {"month", "day", "rule", NULL}, *const refund_keys[] = {"rule", NULL};
    const yaml_node_t *due = may(l, part, "due"), *no_refund = may(l, part, "no_refund");
    if (due) {
        only(l, due, due_keys);
        to->due_rule = rule_of(l, due) + 1;
        to->due_month = (uint32_t)number_of(l, need(l, due, "month"), 1, 12);
        to->due_day = (uint32_t)number_of(l, need(l, due, "day"), 1, 31);
        if (!l->rc && !date_valid(2001, (int)to->due_month, (int)to->due_day)) fail(l, due, "not a day of every year");
    }
    if (no_refund) {
        only(l, no_refund, refund_keys);
        to->no_refund_rule = rule_of(l, no_refund) + 1;
    }
    l->rule = NULL;
}

// {city_share: 0.40}: how city and county share what finance pays.
static void load_subsidy(loader_t *l, const yaml_node_t *section, date_t from, Tc__PolicyContribution *to) {
    static const char *const keys[] = {"city_share", "rule", NULL};
    const yaml_node_t *subsidy = may(l, section, "subsidy");
    if (!subsidy) return;
    only(l, subsidy, keys);
    to->city_share_rule = rule_of(l, subsidy) + 1;
    to->city_share = ref_of(l, need(l, subsidy, "city_share"), UNIT_RATE, (span_t){from, DATE_MAX}, NULL);
    l->rule = NULL;
}

int load_contribution(loader_t *l) {
    static const char *const keys[] = {"bases", "payers", "monthly", "yearly", "subsidy", NULL};
    static const char *const month_keys[] = {"from", "rule", "lines", NULL};
    static const char *const year_keys[] = {"from", "rule", "due", "no_refund", "lines", NULL};
    const yaml_node_t *section = section_of(l, "contribution");
    if (!section) return l->rc;
    Tc__PolicyContribution *to = take(l, 1, sizeof *to);
    if (!to) return l->rc;
    *to = (Tc__PolicyContribution)TC__POLICY_CONTRIBUTION__INIT;
    only(l, section, keys);
    l->out->contribution = to;
    const yaml_node_t *monthly = may(l, section, "monthly"), *yearly = may(l, section, "yearly");
    const date_t month_from = part_from(l, monthly, month_keys), year_from = part_from(l, yearly, year_keys);
    const date_t from = month_from < year_from ? month_from : year_from;
    load_bases(l, may(l, section, "bases"), (span_t){from, DATE_MAX});
    load_subsidy(l, section, from, to);
    if (monthly) to->monthly_from = month_from;
    if (yearly) to->yearly_from = year_from;
    to->monthly = lines_of(l, section, monthly, month_from, &to->n_monthly);
    to->yearly = lines_of(l, section, yearly, year_from, &to->n_yearly);
    if (yearly) load_terms(l, yearly, to);
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

static void load_newborn(loader_t *l, const yaml_node_t *section, Tc__PolicyCoverage *to) {
    static const char *const keys[] = {"window_months", "recent_days", "rule", NULL};
    const yaml_node_t *part = may(l, section, "newborn");
    if (!part) return;
    only(l, part, keys);
    rule_of(l, part);
    to->newborn_months = (uint32_t)number_of(l, need(l, part, "window_months"), 0, COVERAGE_MONTHS_MAX);
    to->newborn_days = (uint32_t)number_of(l, need(l, part, "recent_days"), 0, COVERAGE_DAYS_MAX);
    l->rule = NULL;
}

// What makes cover follow from contributions. It begins with `lag`; a city without it may list identities only.
static void load_deciding(loader_t *l, const yaml_node_t *section, Tc__PolicyCoverage *to) {
    static const char *const identities[] = {"yearly", "tier2", "lifelong", NULL};
    to->decides = may(l, section, "lag") != NULL;
    load_wait(l, section, to);
    if (!to->decides) {
        only(l, section, identities);
        return;
    }
    to->from = DATE_NONE;
    if (may(l, section, "from")) {
        to->from = date_of(l, need(l, section, "from"));
        rule_of(l, section);
        l->rule = NULL;
    }
    to->lag_months = months_of(l, section, "lag");
    to->grace_months = months_of(l, section, "grace");
    to->from_application = who_of(l, section, "from_application");
    load_newborn(l, section, to);
}

static void load_scale(loader_t *l, const yaml_node_t *section, Tc__PolicyCoverage *to) {
    const yaml_node_t *table = may(l, section, "scale");
    Tc__PolicyWhen *always = when_always(l, (span_t){to->from, DATE_MAX});
    if (table && always) to->scale = values_table_of(l, table, (around_t){always, SCOPE_BENEFIT, UNIT_RATE});
}

int load_coverage(loader_t *l) {
    static const char *const keys[] = {"from",  "rule",     "lag",    "wait",
                                       "grace", "newborn",  "yearly", "from_application",
                                       "tier2", "lifelong", "scale",  NULL};
    const yaml_node_t *section = section_of(l, "coverage");
    if (!section) fail(l, l->city, "coverage is missing");
    Tc__PolicyCoverage *to = take(l, 1, sizeof *to);
    if (l->rc || !to) return l->rc;
    *to = (Tc__PolicyCoverage)TC__POLICY_COVERAGE__INIT;
    only(l, section, keys);
    load_deciding(l, section, to);
    to->yearly = who_of(l, section, "yearly");
    to->tier2 = who_of(l, section, "tier2");
    to->lifelong = who_of(l, section, "lifelong");
    l->out->coverage = to; // the check of a table asks for `tier2`
    if (to->decides) load_scale(l, section, to);
    return l->rc;
}
