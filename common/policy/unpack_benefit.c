// Section `benefit` of the message: schemes, their stages and tables, checked like everything that may come from Redis.
#include "unpack.h"

static int read_total(const unpacker_t *r, int32_t index, int8_t *to) {
    if (index < -1 || index >= (int32_t)r->policy->total_count) return unpack_bad(r, "number of a running total");
    *to = (int8_t)index;
    return E_OK;
}

static bool layer_exists(const unpacker_t *r, uint32_t layer) { return layer < r->policy->layers.count; }

static int read_place(const unpacker_t *r, const Tc__PolicyStage *from, stage_t *to) {
    if (!layer_exists(r, from->layer)) return unpack_bad(r, "number of a layer");
    if (from->looks_at >= LOOKS_AT__COUNT) return unpack_bad(r, "what a layer looks at");
    if (from->looks_at == LOOKS_AT_OVER_CAP && !layer_exists(r, from->over_cap_of))
        return unpack_bad(r, "number of a layer");
    if (from->less_paid_by >> r->policy->layers.count) return unpack_bad(r, "layers whose payment is taken off");
    to->layer = (uint8_t)from->layer;
    to->looks_at = (looks_at_t)from->looks_at;
    to->over_cap_of = (uint8_t)from->over_cap_of;
    to->less_paid_by = from->less_paid_by;
    int rc = unpack_when(r, from->when, &to->when);
    if (!rc) rc = unpack_rule(r, from->less_rule, &to->less_rule);
    if (!rc) rc = read_total(r, from->paid_total, &to->paid_total);
    if (!rc) rc = read_total(r, from->base_total, &to->base_total);
    return rc;
}

static int read_stage(const unpacker_t *r, const Tc__PolicyStage *from, stage_t *to) {
    int rc = read_place(r, from, to);
    if (!rc) rc = unpack_derived(r, from->rate, ROW_SLICES, REF_NONE, &to->rate);
    if (!rc) rc = unpack_derived(r, from->fixed, ROW_AMOUNT, REF_NONE, &to->fixed);
    if (!rc) rc = unpack_table(r, from->floor, from->n_floor, ROW_AMOUNT, UNIT_MONEY, &to->floor);
    if (!rc) rc = unpack_derived(r, from->cap, ROW_AMOUNT_OR_NONE, REF_NONE, &to->cap);
    if (rc) return rc;
    if ((to->rate.table.count == 0) == (to->fixed.table.count == 0))
        return unpack_bad(r, "a layer without a rate, or with a rate and an amount");
    if (to->cap.table.count > 0 && to->paid_total < 0) return unpack_bad(r, "a limit without a running total");
    return E_OK;
}

static uint32_t most_slices(const table_t *table) {
    uint32_t most = 0;
    for (uint32_t i = 0; i < table->count; i++)
        if (table->rows[i].slice_count > most) most = table->rows[i].slice_count;
    return most;
}

// The most steps a bill can need; see services/adjudication/settlement.c, where each is taken. Besides the tables: what
// other layers paid and what is left over may each take away, a floor may add; the person has four.
static uint32_t steps_needed(const scheme_t *scheme) {
    uint32_t steps = 1 + scheme->deductible.adjust_count + 4;
    for (uint32_t s = 0; s < scheme->stage_count; s++) {
        const stage_t *stage = &scheme->stages[s];
        steps += most_slices(&stage->rate.table) * (1 + stage->rate.adjust_count) + 1 + stage->fixed.adjust_count + 3 +
                 1 + stage->cap.adjust_count;
    }
    return steps;
}

static int read_stages(const unpacker_t *r, const Tc__PolicyScheme *from, scheme_t *to) {
    if (from->n_stages > STAGES_MAX) return unpack_bad(r, "too many turns of layers");
    stage_t *stages = unpack_take(r, from->n_stages, sizeof *stages);
    if (!stages) return unpack_no_memory(r);
    for (size_t i = 0; i < from->n_stages; i++) {
        int rc = read_stage(r, from->stages[i], &stages[i]);
        if (rc) return rc;
    }
    to->stages = stages;
    to->stage_count = (uint32_t)from->n_stages;
    return steps_needed(to) <= STEPS_MAX ? E_OK : unpack_bad(r, "more steps than an answer can hold");
}

// ---- first pay, advice, publication
// -------------------------------------------------------------------------------------

static int read_first_pay(const unpacker_t *r, const Tc__PolicyScheme *from, scheme_t *to) {
    int rc = unpack_derived(r, from->first_pay, ROW_SLICES, REF_NONE, &to->first_pay);
    for (uint32_t i = 0; i < to->first_pay.table.count && !rc; i++)
        if (to->first_pay.table.rows[i].slice_count != 1) rc = unpack_bad(r, "a share that is paid first");
    return rc;
}

static int read_once_published(const unpacker_t *r, const Tc__PolicyScheme *from, scheme_t *to) {
    const series_t **series = unpack_take(r, from->n_once_published, sizeof *series);
    if (!series) return unpack_no_memory(r);
    for (size_t i = 0; i < from->n_once_published; i++) {
        if (from->once_published[i] >= r->policy->series_count) return unpack_bad(r, "number of a series");
        series[i] = &r->policy->series[from->once_published[i]];
    }
    to->once_published = series;
    to->once_count = (uint32_t)from->n_once_published;
    return E_OK;
}

static int read_sets(const unpacker_t *r, const Tc__PolicyAdvice *from, advice_t *to) {
    if (from->n_set > ADVICE_SETS_MAX) return unpack_bad(r, "too many facts of an advice");
    fact_t *set = unpack_take(r, from->n_set, sizeof *set);
    if (!set) return unpack_no_memory(r);
    for (size_t i = 0; i < from->n_set; i++) {
        const Tc__PolicyFact *fact = from->set[i];
        if (fact->dimension >= DIM__COUNT) return unpack_bad(r, "a fact of an advice");
        const int values = dimension_values((dimension_t)fact->dimension);
        if (fact->value >= (values ? (uint32_t)values : 100000)) return unpack_bad(r, "a fact of an advice");
        set[i] = (fact_t){(dimension_t)fact->dimension, fact->value};
    }
    to->set = set;
    to->set_count = (uint32_t)from->n_set;
    return E_OK;
}

static int read_advice(const unpacker_t *r, const Tc__PolicyScheme *from, scheme_t *to) {
    if (from->n_advice > ADVICE_MAX) return unpack_bad(r, "too many pieces of advice");
    advice_t *advice = unpack_take(r, from->n_advice, sizeof *advice);
    if (!advice) return unpack_no_memory(r);
    for (size_t i = 0; i < from->n_advice; i++) {
        const Tc__PolicyAdvice *a = from->advice[i];
        advice[i] = (advice_t){.text = a->text, .text_zh = a->text_zh};
        int rc = unpack_when(r, a->when, &advice[i].when);
        if (!rc) rc = unpack_rule(r, a->rule, &advice[i].rule);
        if (!rc) rc = read_sets(r, a, &advice[i]);
        if (rc) return rc;
    }
    to->advice = advice;
    to->advice_count = (uint32_t)from->n_advice;
    return E_OK;
}

// ---- schemes
// ----------------------------------------------------------------------------------------------------------

static int read_readings(const unpacker_t *r, const Tc__PolicyScheme *from, scheme_t *to) {
    reading_t *readings = unpack_take(r, from->n_readings, sizeof *readings);
    if (!readings) return unpack_no_memory(r);
    for (size_t i = 0; i < from->n_readings; i++) {
        const Tc__PolicyReading *p = from->readings[i];
        if (p->dimension >= DIM__COUNT || p->value >= (uint32_t)dimension_values((dimension_t)p->dimension))
            return unpack_bad(r, "a reading");
        readings[i] = (reading_t){.dimension = (dimension_t)p->dimension, .value = (uint8_t)p->value};
        int rc = unpack_when(r, p->when, &readings[i].when);
        if (!rc) rc = unpack_rule(r, p->rule, &readings[i].rule);
        if (rc) return rc;
    }
    to->readings = readings;
    to->reading_count = (uint32_t)from->n_readings;
    return E_OK;
}

static int read_scheme(const unpacker_t *r, const Tc__PolicyScheme *from, scheme_t *to) {
    if (from->visit >= VISIT__COUNT || from->from > from->to) return unpack_bad(r, "a kind of visit or its dates");
    to->visit = (visit_t)from->visit;
    to->from = from->from;
    to->to = from->to;
    int rc = unpack_when(r, from->for_case, &to->when);
    if (!rc) rc = read_once_published(r, from, to);
    if (!rc) rc = unpack_table(r, from->not_covered, from->n_not_covered, ROW_RULE, UNIT_MONEY, &to->not_covered);
    if (!rc) rc = unpack_table(r, from->manual, from->n_manual, ROW_RULE, UNIT_MONEY, &to->manual);
    if (!rc) rc = read_readings(r, from, to);
    if (!rc) rc = read_first_pay(r, from, to);
    if (!rc) rc = read_advice(r, from, to);
    if (!rc) rc = unpack_derived(r, from->deductible, ROW_AMOUNT, REF_BORNE, &to->deductible);
    if (!rc) rc = read_stages(r, from, to);
    if (!rc) rc = unpack_rule(r, from->own_share_rule, &to->own_share_rule);
    if (!rc) rc = unpack_rule(r, from->out_of_scope_rule, &to->out_of_scope_rule);
    return rc;
}

int unpack_benefit(const unpacker_t *r) {
    scheme_t *schemes = unpack_take(r, r->message->n_schemes, sizeof *schemes);
    if (!schemes) return unpack_no_memory(r);
    for (size_t i = 0; i < r->message->n_schemes; i++) {
        int rc = read_scheme(r, r->message->schemes[i], &schemes[i]);
        if (rc) return rc;
    }
    r->policy->schemes = schemes;
    r->policy->scheme_count = (uint32_t)r->message->n_schemes;
    return E_OK;
}
