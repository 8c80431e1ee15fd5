// Bases: loaded, unpacked, computed. A base is built from earlier ones only, so there is no ring, and each is computed
// once in a question.
#include "bases.h"
#include "loader.h"
#include "unpack.h"

// ---- from the file

static const fact_word_t wage = {"wage", REF_WAGE};

int base_named(const loader_t *l, const char *name) {
    const Tc__PolicyContribution *c = l->out->contribution;
    for (size_t i = 0; c && i < c->n_bases; i++)
        if (strcmp(c->bases[i]->name, name) == 0) return (int)i;
    return -1;
}

static bool term_on_wage(const loader_t *l, const Tc__PolicyTerm *term) {
    if (term->other) return l->out->contribution->bases[term->other - 1]->on_wage;
    return term->value && term->value->kind == REF_WAGE;
}

// {base: floor, times: 3}, or a value.
static Tc__PolicyTerm *term_of(loader_t *l, const yaml_node_t *node, span_t span) {
    static const char *const keys[] = {"base", "times", "rule", NULL};
    Tc__PolicyTerm *term = take(l, 1, sizeof *term);
    if (l->rc || !term || !node) return NULL;
    *term = (Tc__PolicyTerm)TC__POLICY_TERM__INIT;
    term->times = RATE_ONE;
    if (node->kind != YAML_MAP || !yaml_get(node, "base")) {
        term->value = ref_of(l, node, UNIT_MONEY, span, &wage);
        return term;
    }
    only(l, node, keys);
    const yaml_node_t *name = need(l, node, "base"), *times = may(l, node, "times"), *rule = may(l, node, "rule");
    if (rule) rule_named(l, rule);
    int at = base_named(l, text_of(l, name));
    if (at < 0) fail(l, name, "there is no base %.40s before this one", text_of(l, name));
    if (times) term->times = (uint32_t)factor_of(l, times);
    term->other = (uint32_t)(at + 1);
    return l->rc ? NULL : term;
}

static Tc__PolicyBase *base_of(loader_t *l, const yaml_node_t *node, span_t span) {
    static const char *const keys[] = {"of", "divided_by", "at_least", "at_most", "wage_optional", "rule", NULL};
    Tc__PolicyBase *base = take(l, 1, sizeof *base);
    if (!base) return NULL;
    *base = (Tc__PolicyBase)TC__POLICY_BASE__INIT;
    only(l, node, keys);
    base->rule = rule_of(l, node);
    base->name = unconst(node->key);
    base->divided_by = 1;
    const yaml_node_t *least = may(l, node, "at_least"), *most = may(l, node, "at_most");
    const yaml_node_t *by = may(l, node, "divided_by");
    base->of = term_of(l, need(l, node, "of"), span);
    if (least) base->at_least = term_of(l, least, span);
    if (most) base->at_most = term_of(l, most, span);
    if (by) base->divided_by = (uint32_t)number_of(l, by, 1, DIVISOR_MAX);
    if (l->rc) return NULL;
    base->on_wage = term_on_wage(l, base->of) || (least && term_on_wage(l, base->at_least)) ||
                    (most && term_on_wage(l, base->at_most));
    const yaml_node_t *optional = may(l, node, "wage_optional");
    if (optional && truth_of(l, optional)) base->on_wage = false;
    l->rule = NULL;
    return base;
}

int load_bases(loader_t *l, const yaml_node_t *map, span_t span) {
    Tc__PolicyContribution *to = l->out->contribution;
    if (!map || !is_map(l, map)) return l->rc;
    if (map->count > BASES_MAX) fail(l, map, "more than %d bases", BASES_MAX);
    to->bases = take(l, map->count, sizeof *to->bases);
    for (const yaml_node_t *node = map->first; node && !l->rc; node = node->next) {
        Tc__PolicyBase *base = base_of(l, node, span);
        if (base) to->bases[to->n_bases++] = base;
    }
    return l->rc;
}

// ---- from the message

static int unpack_term(const unpacker_t *r, const Tc__PolicyTerm *from, uint32_t before, term_t *to) {
    *to = (term_t){0};
    if (!from) return E_OK;
    if ((from->other == 0) == (from->value == NULL) || from->other > before) return unpack_bad(r, "a term of a base");
    if (from->times == 0 || from->times > FACTOR_MAX) return unpack_bad(r, "a multiple of a base");
    to->times = (rate_t)from->times;
    to->is_base = from->other > 0;
    to->base = (uint8_t)(to->is_base ? from->other - 1 : 0);
    return unpack_ref(r, from->value, UNIT_MONEY, REF_WAGE, &to->value);
}

int unpack_bases(const unpacker_t *r, const Tc__PolicyContribution *from) {
    if (from->n_bases > BASES_MAX) return unpack_bad(r, "too many bases");
    base_t *bases = unpack_take(r, from->n_bases, sizeof *bases);
    if (!bases) return unpack_no_memory(r);
    for (uint32_t i = 0; i < from->n_bases; i++) {
        const Tc__PolicyBase *b = from->bases[i];
        base_t *to = &bases[i];
        if (!b->of || b->divided_by == 0 || b->divided_by > DIVISOR_MAX) return unpack_bad(r, "a base");
        *to = (base_t){.name = b->name, .divided_by = b->divided_by};
        int rc = unpack_rule(r, b->rule, &to->rule);
        if (!rc) rc = unpack_term(r, b->of, i, &to->of);
        if (!rc) rc = unpack_term(r, b->at_least, i, &to->at_least);
        if (!rc) rc = unpack_term(r, b->at_most, i, &to->at_most);
        if (rc) return rc;
        to->on_wage = b->on_wage;
    }
    r->policy->bases = (bases_t){bases, (uint32_t)from->n_bases};
    return E_OK;
}

// ---- computed

typedef struct work {
    const bases_t *bases;
    date_t on;
    fen_t wage;
    fen_t values[BASES_MAX];
    uint32_t done; // bits: which of them are known
    err_t *err;
} work_t;

static int compute(work_t *w, uint32_t at, fen_t *out);

static bool is_there(const term_t *term) { return term->is_base || term->value.kind != REF_NONE; }

static int term_value(work_t *w, const term_t *term, fen_t *out) {
    if (!term->is_base) return ref_value(&term->value, w->on, w->wage, out, w->err);
    fen_t value;
    int rc = compute(w, term->base, &value);
    if (!rc && fen_rate(value, term->times, out))
        rc = err_field(w->err, E_OUT_OF_RANGE, "person.wage", "the base %s is too large",
                       w->bases->items[term->base].name);
    return rc;
}

static int compute(work_t *w, uint32_t at, fen_t *out) {
    const base_t *base = &w->bases->items[at];
    if (w->done >> at & 1) {
        *out = w->values[at];
        return E_OK;
    }
    fen_t value, bound;
    int rc = term_value(w, &base->of, &value);
    if (!rc) rc = fen_mul_div(value, 1, base->divided_by, &value);
    if (!rc && is_there(&base->at_most) && !(rc = term_value(w, &base->at_most, &bound))) value = fen_min(value, bound);
    if (!rc && is_there(&base->at_least) && !(rc = term_value(w, &base->at_least, &bound)))
        value = fen_max(value, bound);
    if (rc) return rc;
    w->values[at] = *out = value;
    w->done |= 1u << at;
    return E_OK;
}

int base_value(const bases_t *bases, uint32_t at, date_t on, fen_t wage_fen, fen_t *out, err_t *err) {
    CHECK(at < bases->count);
    work_t w = {.bases = bases, .on = on, .wage = wage_fen, .err = err};
    return compute(&w, at, out);
}
