// Section `benefit` of the message: schemes, their stages and tables, checked like everything that may come from Redis.
#include "unpack.h"
#include <stdatomic.h>
#include <stdlib.h>

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

// The most steps a bill can need; see services/adjudication/plan_run.c, where each is taken. Besides the tables: what
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

// ---- when a scheme changes
// ----------------------------------------------------------------------

typedef struct notes {
    date_t *days; // NULL while they are counted
    size_t count;
} notes_t;

static void note_day(notes_t *n, date_t day) {
    if (day == DATE_NONE) return;
    if (n->days) n->days[n->count] = day;
    n->count++;
}

static void note_span(notes_t *n, date_t from, date_t to) {
    note_day(n, from);
    if (to != DATE_MAX) note_day(n, to + 1);
}

static void note_when(notes_t *n, const when_t *when) { note_span(n, when->from, when->to); }

// A value of years ago changes on the same day of the year, or beside it where that is 29 February.
static void note_ref(notes_t *n, const ref_t *ref) {
    for (uint32_t i = 0; ref->kind == REF_SERIES && i < ref->series->count; i++) {
        const value_t *value = &ref->series->values[i];
        note_span(n, value->from, value->to);
        if (!ref->years_ago || value->from < date_make(1900, 1, 1) || value->to > date_make(2150, 1, 1)) continue;
        const date_t from = date_add_years(value->from, ref->years_ago);
        const date_t to = date_add_years(value->to, ref->years_ago);
        note_span(n, from, to);
        note_span(n, from + 1, to + 1);
    }
}

static void note_table(notes_t *n, const table_t *table) {
    for (uint32_t i = 0; i < table->count; i++) {
        const row_t *row = &table->rows[i];
        note_when(n, &row->when);
        note_ref(n, &row->amount);
        for (uint32_t k = 0; k < row->slice_count; k++) {
            note_ref(n, &row->slices[k].above);
            note_ref(n, &row->slices[k].rate);
        }
    }
}

static void note_derived(notes_t *n, const derived_t *derived) {
    note_table(n, &derived->table);
    for (uint32_t i = 0; i < derived->adjust_count; i++) {
        note_when(n, &derived->adjusts[i].when);
        note_ref(n, &derived->adjusts[i].by);
    }
}

static void note_scheme(notes_t *n, const scheme_t *scheme) {
    for (uint32_t i = 0; i < scheme->reading_count; i++) note_when(n, &scheme->readings[i].when);
    note_table(n, &scheme->own_share);
    note_derived(n, &scheme->first_pay);
    note_derived(n, &scheme->deductible);
    for (uint32_t i = 0; i < scheme->stage_count; i++) {
        const stage_t *stage = &scheme->stages[i];
        note_when(n, &stage->when);
        note_derived(n, &stage->rate);
        note_derived(n, &stage->fixed);
        note_table(n, &stage->floor);
        note_derived(n, &stage->cap);
    }
}

static int by_day(const void *left, const void *right) {
    const date_t a = *(const date_t *)left, b = *(const date_t *)right;
    return (a > b) - (a < b);
}

static int note_changes(const unpacker_t *r, scheme_t *scheme) {
    notes_t notes = {0};
    note_scheme(&notes, scheme);
    date_t *days = unpack_take(r, notes.count, sizeof *days);
    if (!days) return unpack_no_memory(r);
    notes = (notes_t){.days = days};
    note_scheme(&notes, scheme);
    if (notes.count) qsort(days, notes.count, sizeof *days, by_day);
    uint32_t kept = 0;
    for (size_t i = 0; i < notes.count; i++)
        if (kept == 0 || days[kept - 1] != days[i]) days[kept++] = days[i];
    scheme->days = days;
    scheme->day_count = kept;
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
    if (!rc) rc = unpack_table(r, from->own_share, from->n_own_share, ROW_RULE, UNIT_MONEY, &to->own_share);
    if (!rc) rc = unpack_rule(r, from->out_of_scope_rule, &to->out_of_scope_rule);
    if (!rc) rc = note_changes(r, to);
    return rc;
}

int unpack_benefit(const unpacker_t *r) {
    static atomic_uint_fast64_t serial;
    r->policy->serial = atomic_fetch_add(&serial, 1) + 1;
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
