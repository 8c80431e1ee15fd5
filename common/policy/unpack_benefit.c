// Section `benefit` of the message: schemes, their stages and tables, checked like everything that may come from Redis.
#include "unpack.h"

static int read_total(const unpacker_t *r, int32_t index, int8_t *to) {
    if (index < -1 || index >= (int32_t)r->policy->total_count) return unpack_bad(r, "number of a running total");
    *to = (int8_t)index;
    return E_OK;
}

static int read_stage(const unpacker_t *r, const Tc__PolicyStage *from, stage_t *to) {
    if (from->layer >= r->policy->layers.count) return unpack_bad(r, "number of a layer");
    to->layer = (uint8_t)from->layer;
    int rc = unpack_when(r, from->when, &to->when);
    if (!rc) rc = unpack_derived(r, from->rate, ROW_SLICES, REF_NONE, &to->rate);
    if (!rc) rc = unpack_table(r, from->floor, from->n_floor, ROW_AMOUNT, UNIT_MONEY, &to->floor);
    if (!rc) rc = unpack_derived(r, from->cap, ROW_AMOUNT_OR_NONE, REF_NONE, &to->cap);
    if (!rc) rc = read_total(r, from->paid_total, &to->paid_total);
    if (!rc) rc = read_total(r, from->base_total, &to->base_total);
    if (rc) return rc;
    if (to->rate.table.count == 0) return unpack_bad(r, "a layer without a rate");
    if (to->cap.table.count > 0 && to->paid_total < 0) return unpack_bad(r, "a limit without a running total");
    for (uint32_t i = 0; i < to->rate.adjust_count; i++) to->hides |= to->rate.adjusts[i].hidden;
    return E_OK;
}

// The most steps a bill can need; see benefit.c, where each is taken.
static uint32_t steps_needed(const scheme_t *scheme) {
    uint32_t steps = 1 + scheme->deductible.adjust_count + 3; // the person's: deductible, own share, out of scope
    for (uint32_t s = 0; s < scheme->stage_count; s++) {
        const stage_t *stage = &scheme->stages[s];
        uint32_t slices = 0;
        for (uint32_t i = 0; i < stage->rate.table.count; i++)
            if (stage->rate.table.rows[i].slice_count > slices) slices = stage->rate.table.rows[i].slice_count;
        steps += slices * (1 + stage->rate.adjust_count) + 1 + 1 + stage->cap.adjust_count;
    }
    return steps;
}

static int read_stages(const unpacker_t *r, const Tc__PolicyScheme *from, scheme_t *to) {
    stage_t *stages = unpack_take(r, from->n_stages, sizeof *stages);
    if (!stages) return unpack_no_memory(r);
    uint32_t seen = 0;
    for (size_t i = 0; i < from->n_stages; i++) {
        int rc = read_stage(r, from->stages[i], &stages[i]);
        if (rc) return rc;
        if (seen >> stages[i].layer & 1) return unpack_bad(r, "a layer that pays twice");
        seen |= 1u << stages[i].layer;
    }
    to->stages = stages;
    to->stage_count = (uint32_t)from->n_stages;
    return steps_needed(to) <= STEPS_MAX ? E_OK : unpack_bad(r, "more steps than an answer can hold");
}

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
    int rc = unpack_table(r, from->not_covered, from->n_not_covered, ROW_RULE, UNIT_MONEY, &to->not_covered);
    if (!rc) rc = unpack_table(r, from->manual, from->n_manual, ROW_RULE, UNIT_MONEY, &to->manual);
    if (!rc) rc = read_readings(r, from, to);
    if (!rc) rc = unpack_derived(r, from->deductible, ROW_AMOUNT, REF_BORNE, &to->deductible);
    if (!rc) rc = read_stages(r, from, to);
    if (!rc) rc = unpack_rule(r, from->own_share_rule, &to->own_share_rule);
    if (!rc) rc = unpack_rule(r, from->out_of_scope_rule, &to->out_of_scope_rule);
    if (!rc && to->manual.count == 0 && to->deductible.table.count == 0) rc = unpack_bad(r, "no deductible");
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
