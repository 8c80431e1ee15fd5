// Decision tables and adjustments. The first row that holds decides; then every adjustment that holds is applied, in
// order.
#include "loader.h"

// ---- rows
// -------------------------------------------------------------------------------------------------------------

static const char *const row_keys[][8] = {
    [HOLDS_VALUE] = {"when", "from", "to", "value", "rule", NULL},
    [HOLDS_AMOUNT] = {"when", "from", "to", "amount", "rule", NULL},
    [HOLDS_LIMIT] = {"when", "from", "to", "amount", "none", "per", "rule", NULL},
    [HOLDS_RATE] = {"when", "from", "to", "rate", "slices", "rule", NULL},
    [HOLDS_PAYER] = {"when", "from", "to", "payer", "rule", NULL},
    [HOLDS_RULE] = {"when", "from", "to", "rule", NULL},
};

static Tc__PolicySlice *slice_of(loader_t *l, const yaml_node_t *node, span_t span) {
    static const char *const keys[] = {"above", "rate", "rule", NULL};
    Tc__PolicySlice *slice = take(l, 1, sizeof *slice);
    if (!slice) return NULL;
    *slice = (Tc__PolicySlice)TC__POLICY_SLICE__INIT;
    only(l, node, keys);
    slice->rule = rule_of(l, node);
    slice->above = ref_of(l, need(l, node, "above"), UNIT_MONEY, span, NULL);
    slice->rate = ref_of(l, need(l, node, "rate"), UNIT_RATE, span, NULL);
    return slice;
}

static void read_slices(loader_t *l, const yaml_node_t *list, span_t span, Tc__PolicyRow *row) {
    if (!is_list(l, list)) return;
    if (list->count == 0 || list->count > SLICES_MAX) fail(l, list, "between 1 and %d slices", SLICES_MAX);
    row->slices = take(l, list->count, sizeof *row->slices);
    const Tc__PolicyRef *last = NULL;
    for (const yaml_node_t *node = list->first; node && !l->rc; node = node->next) {
        Tc__PolicySlice *slice = slice_of(l, node, span);
        if (l->rc) return;
        if (last && last->kind == REF_CONST && slice->above->kind == REF_CONST && slice->above->value <= last->value)
            fail(l, node, "slices out of order: begins no higher than the one before");
        last = slice->above;
        row->slices[row->n_slices++] = slice;
    }
    if (!l->rc) row->rule = row->slices[0]->rule;
}

// `rate` alone is one slice from 0.
static void read_rate(loader_t *l, const yaml_node_t *node, span_t span, Tc__PolicyRow *row) {
    const yaml_node_t *slices = may(l, node, "slices"), *rate = may(l, node, "rate");
    if (slices && rate) fail(l, rate, "a row has either a rate or slices");
    if (slices) {
        read_slices(l, slices, span, row);
        return;
    }
    row->rule = rule_of(l, node);
    Tc__PolicySlice *slice = take(l, 1, sizeof *slice);
    Tc__PolicyRef *zero = take(l, 1, sizeof *zero);
    row->slices = take(l, 1, sizeof *row->slices);
    if (l->rc || !slice || !zero) return;
    *slice = (Tc__PolicySlice)TC__POLICY_SLICE__INIT;
    *zero = (Tc__PolicyRef)TC__POLICY_REF__INIT;
    zero->kind = REF_CONST;
    zero->times = RATE_ONE;
    slice->rule = row->rule;
    slice->above = zero;
    slice->rate = ref_of(l, need(l, node, "rate"), UNIT_RATE, span, NULL);
    row->slices[row->n_slices++] = slice;
}

static void read_payer(loader_t *l, const yaml_node_t *node, Tc__PolicyRow *row) {
    int payer = payer_from_name(text_of(l, node));
    if (payer < 0 && node) fail(l, node, "%.40s is not a payer", text_of(l, node));
    row->payer = payer < 0 ? 0 : (uint32_t)payer;
}

static void read_content(loader_t *l, const yaml_node_t *node, holds_t holds, unit_t unit, span_t span,
                         Tc__PolicyRow *row) {
    if (holds == HOLDS_RATE) {
        read_rate(l, node, span, row);
        return;
    }
    row->rule = rule_of(l, node);
    if (holds == HOLDS_VALUE) row->amount = ref_of(l, need(l, node, "value"), unit, span, NULL);
    if (holds == HOLDS_PAYER) read_payer(l, need(l, node, "payer"), row);
    const yaml_node_t *per = may(l, node, "per");
    if (per && strcmp(text_of(l, per), "cover_month") != 0) fail(l, per, "%.40s is not cover_month", text_of(l, per));
    row->per_cover_month = per != NULL;
    if (holds == HOLDS_LIMIT && may(l, node, "none")) {
        if (per) fail(l, per, "no limit has no months to count");
        row->none = truth_of(l, may(l, node, "none"));
        if (!row->none || may(l, node, "amount")) fail(l, node, "a limit is either `none: true` or an amount");
    } else if (holds == HOLDS_AMOUNT || holds == HOLDS_LIMIT) {
        row->amount = ref_of(l, need(l, node, "amount"), UNIT_MONEY, span, NULL);
    }
}

static void append(loader_t *l, rows_t *rows, const Tc__PolicyRow *row, Tc__PolicyWhen *when, const yaml_node_t *node) {
    Tc__PolicyRow *copy = take(l, 1, sizeof *copy);
    if (!copy || !when) return;
    *copy = *row;
    copy->when = when;
    rows->nodes[rows->count] = node;
    rows->items[rows->count++] = copy;
}

// A list of conditions is one row for each, one after another.
static void add_row(loader_t *l, const yaml_node_t *node, holds_t holds, around_t around, rows_t *rows) {
    Tc__PolicyRow row = TC__POLICY_ROW__INIT;
    l->rule = NULL;
    only(l, node, row_keys[holds]);
    span_t span = span_of(l, node, (span_t){around.when->from, around.when->to});
    read_content(l, node, holds, around.unit, span, &row);
    const yaml_node_t *when = may(l, node, "when");
    if (when && when->kind == YAML_LIST) {
        for (const yaml_node_t *one = when->first; one && !l->rc; one = one->next)
            append(l, rows, &row, when_of(l, one, around.scope, span), one);
    } else if (!l->rc) {
        append(l, rows, &row, when_of(l, when, around.scope, span), node);
    }
}

static size_t count_rows(const yaml_node_t *list) {
    size_t count = 0;
    for (const yaml_node_t *node = list->first; node; node = node->next) {
        const yaml_node_t *when = node->kind == YAML_MAP ? yaml_get(node, "when") : NULL;
        count += when && when->kind == YAML_LIST ? when->count : 1;
    }
    return count;
}

rows_t rows_of(loader_t *l, const yaml_node_t *list, holds_t holds, around_t around, bool complete) {
    rows_t rows = {0};
    if (!is_list(l, list) || !around.when) return rows;
    size_t room = count_rows(list);
    if (room == 0 || room > ROWS_MAX) fail(l, list, "a table has between 1 and %d rows", ROWS_MAX);
    rows.items = take(l, room, sizeof *rows.items);
    rows.nodes = take(l, room, sizeof *rows.nodes);
    for (const yaml_node_t *node = list->first; node && !l->rc; node = node->next)
        add_row(l, node, holds, around, &rows);
    l->rule = NULL;
    check_rows(l, &rows, list, around.when, complete);
    return rows;
}

// ---- adjustments
// ------------------------------------------------------------------------------------------------------

static const struct {
    const char *key;
    adjust_op_t op;
} ops[] = {{"add", ADJUST_ADD}, {"subtract", ADJUST_SUBTRACT}, {"set", ADJUST_SET}, {"multiply", ADJUST_MULTIPLY}};

static void read_op(loader_t *l, const yaml_node_t *node, unit_t unit, span_t span, const fact_word_t *fact,
                    Tc__PolicyAdjust *adjust) {
    for (size_t i = 0; i < COUNT_OF(ops); i++) {
        const yaml_node_t *by = may(l, node, ops[i].key);
        if (!by) continue;
        if (adjust->op) fail(l, by, "an adjustment does one thing");
        adjust->op = ops[i].op;
        adjust->by = ref_of(l, by, ops[i].op == ADJUST_MULTIPLY ? UNIT_FACTOR : unit, span, fact);
    }
    if (!adjust->op) fail(l, node, "an adjustment has one of add, subtract, set, multiply");
}

// It must be able to happen: checked like a table of one row.
static void check_adjust(loader_t *l, const yaml_node_t *node, const around_t *around, Tc__PolicyAdjust *adjust) {
    Tc__PolicyRow row = TC__POLICY_ROW__INIT;
    Tc__PolicyRow *item = &row;
    row.when = adjust->when;
    if (!l->rc) check_rows(l, &(rows_t){&item, &node, 1}, node, around->when, false);
}

static Tc__PolicyAdjust *adjust_of(loader_t *l, const yaml_node_t *node, unit_t unit, around_t around,
                                   const fact_word_t *fact) {
    static const char *const keys[] = {"when", "from", "to", "add", "subtract", "set", "multiply", "left_over_counts",
                                       "rule", NULL};
    Tc__PolicyAdjust *adjust = take(l, 1, sizeof *adjust);
    if (!adjust) return NULL;
    *adjust = (Tc__PolicyAdjust)TC__POLICY_ADJUST__INIT;
    l->rule = NULL;
    only(l, node, keys);
    adjust->rule = rule_of(l, node);
    span_t span = span_of(l, node, (span_t){around.when->from, around.when->to});
    adjust->when = when_of(l, may(l, node, "when"), around.scope, span);
    read_op(l, node, unit, span, fact, adjust);
    const yaml_node_t *counts = may(l, node, "left_over_counts");
    if (counts && unit != UNIT_RATE) fail(l, counts, "only an adjustment of a rate may say this");
    if (counts) adjust->hidden = !truth_of(l, counts);
    check_adjust(l, node, &around, adjust);
    return adjust;
}

Tc__PolicyDerived *derived_of(loader_t *l, const yaml_node_t *map, holds_t holds, around_t around,
                              const fact_word_t *fact) {
    static const char *const keys[] = {"rows", "adjust", NULL};
    Tc__PolicyDerived *derived = take(l, 1, sizeof *derived);
    if (!derived || !map) return NULL;
    *derived = (Tc__PolicyDerived)TC__POLICY_DERIVED__INIT;
    only(l, map, keys);
    rows_t rows = rows_of(l, need(l, map, "rows"), holds, around, true);
    derived->rows = rows.items;
    derived->n_rows = rows.count;
    const yaml_node_t *list = may(l, map, "adjust");
    if (!list || !is_list(l, list)) return derived;
    if (list->count > ADJUSTS_MAX) fail(l, list, "more than %d adjustments", ADJUSTS_MAX);
    const unit_t unit = holds == HOLDS_RATE ? UNIT_RATE : holds == HOLDS_VALUE ? around.unit : UNIT_MONEY;
    derived->adjusts = take(l, list->count, sizeof *derived->adjusts);
    for (const yaml_node_t *node = list->first; node && !l->rc; node = node->next)
        derived->adjusts[derived->n_adjusts++] = adjust_of(l, node, unit, around, fact);
    l->rule = NULL;
    return derived;
}

Tc__PolicyDerived *values_table_of(loader_t *l, const yaml_node_t *map, around_t around) {
    if (!map || !is_map(l, map) || yaml_get(map, "rows")) return derived_of(l, map, HOLDS_VALUE, around, NULL);
    Tc__PolicyDerived *derived = take(l, 1, sizeof *derived);
    Tc__PolicyRow **rows = take(l, 1, sizeof *rows);
    Tc__PolicyRow *row = take(l, 1, sizeof *row);
    if (!derived || !rows || !row) return NULL;
    *derived = (Tc__PolicyDerived)TC__POLICY_DERIVED__INIT;
    *row = (Tc__PolicyRow)TC__POLICY_ROW__INIT;
    static const char *const keys[] = {"value", "rule", NULL};
    only(l, map, keys);
    const span_t span = {around.when->from, around.when->to};
    row->when = when_always(l, span);
    read_content(l, map, HOLDS_VALUE, around.unit, span, row);
    l->rule = NULL;
    rows[0] = row;
    derived->rows = rows;
    derived->n_rows = 1;
    return derived;
}
