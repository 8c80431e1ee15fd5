// Message → flat arrays. The bytes may come from Redis, so nothing in them is believed: every index, code, rate, amount
// and date is checked before an array holds it, and bytes that do not pack to themselves again are refused (so unknown
// fields and second spellings of the same policy cannot carry another hash).
#include "tables.h"
#include "common/base/hash.h"
#include "policy.pb-c.h"

enum { ARENA_BLOCK = 64 * 1024, ARENA_MAX = 16 * 1024 * 1024 };

typedef struct reader {
    policy_t *policy;
    const Tc__PolicyTables *message;
    err_t *err;
} reader_t;

static int bad(const reader_t *r, const char *what) {
    return err_set(r->err, E_POLICY, "the packed policy is damaged: %s", what);
}

static void *take(const reader_t *r, size_t count, size_t size) {
    return arena_alloc(r->policy->arena, count ? count * size : 1);
}

static int no_memory(const reader_t *r) { return err_set(r->err, E_IO, "no memory for a policy"); }

static int64_t unit_max(unit_t unit) {
    return unit == UNIT_MONEY ? MONEY_MAX : unit == UNIT_RATE ? RATE_ONE : FACTOR_MAX;
}

// ---- values
// -----------------------------------------------------------------------------------------------------------

static int read_values(const reader_t *r, const Tc__PolicySeries *from, series_t *to) {
    value_t *values = take(r, from->n_values, sizeof *values);
    if (!values) return no_memory(r);
    for (size_t i = 0; i < from->n_values; i++) {
        const Tc__PolicyValue *v = from->values[i];
        if (v->from > v->to || (i > 0 && v->from <= values[i - 1].to)) return bad(r, "dates of a series");
        if (v->value < 0 || v->value > unit_max(to->unit)) return bad(r, "a value of a series");
        values[i] = (value_t){v->from, v->to, v->missing, v->value, v->status, v->source};
    }
    to->values = values;
    to->count = (uint32_t)from->n_values;
    return E_OK;
}

static int read_series(const reader_t *r) {
    series_t *series = take(r, r->message->n_series, sizeof *series);
    if (!series) return no_memory(r);
    for (size_t i = 0; i < r->message->n_series; i++) {
        const Tc__PolicySeries *s = r->message->series[i];
        if (s->unit == 0 || s->unit >= UNIT__COUNT) return bad(r, "unit of a series");
        series[i] = (series_t){.name = s->name, .unit = (unit_t)s->unit, .yearly = s->yearly};
        int rc = read_values(r, s, &series[i]);
        if (rc) return rc;
    }
    r->policy->series = series;
    r->policy->series_count = (uint32_t)r->message->n_series;
    return E_OK;
}

static int read_ref(const reader_t *r, const Tc__PolicyRef *from, unit_t unit, ref_kind_t also, ref_t *to) {
    *to = (ref_t){.kind = REF_NONE};
    if (!from) return E_OK;
    if (from->kind == REF_NONE || from->kind >= REF__COUNT) return bad(r, "kind of a value");
    if ((from->kind == REF_BORNE || from->kind == REF_WAGE) && from->kind != (uint32_t)also)
        return bad(r, "a fact in the wrong place");
    if (from->value < 0 || from->value > unit_max(unit)) return bad(r, "a value out of range");
    if (from->times == 0 || from->times > FACTOR_MAX || from->years_ago > 10) return bad(r, "a multiple or a lag");
    *to = (ref_t){.kind = (ref_kind_t)from->kind,
                  .value = from->value,
                  .times = (rate_t)from->times,
                  .years_ago = (uint8_t)from->years_ago,
                  .if_published = from->if_published};
    if (to->kind != REF_SERIES) return E_OK;
    if (from->series >= r->policy->series_count) return bad(r, "number of a series");
    to->series = &r->policy->series[from->series];
    if (to->series->unit != unit) return bad(r, "a series of another unit");
    return E_OK;
}

static int read_rule(const reader_t *r, uint32_t index, const char **to) {
    if (index >= r->policy->rule_count) return bad(r, "number of a rule");
    *to = r->policy->rules[index].id;
    return E_OK;
}

// ---- decision tables
// --------------------------------------------------------------------------------------------------

static int read_when(const reader_t *r, const Tc__PolicyWhen *from, when_t *to) {
    if (!from || from->from > from->to) return bad(r, "a condition");
    *to = (when_t){.dims = {from->dims0, from->dims1},
                   .groups_any = from->groups_any,
                   .groups_all = from->groups_all,
                   .groups_none = from->groups_none,
                   .from = from->from,
                   .to = from->to};
    return E_OK;
}

static int read_slices(const reader_t *r, const Tc__PolicyRow *from, row_t *to) {
    if (from->n_slices > SLICES_MAX) return bad(r, "too many slices");
    slice_t *slices = take(r, from->n_slices, sizeof *slices);
    if (!slices) return no_memory(r);
    for (size_t i = 0; i < from->n_slices; i++) {
        const Tc__PolicySlice *s = from->slices[i];
        if (!s->above || !s->rate) return bad(r, "a slice");
        int rc = read_ref(r, s->above, UNIT_MONEY, REF_NONE, &slices[i].above);
        if (!rc) rc = read_ref(r, s->rate, UNIT_RATE, REF_NONE, &slices[i].rate);
        if (!rc) rc = read_rule(r, s->rule, &slices[i].rule);
        if (rc) return rc;
    }
    to->slices = slices;
    to->slice_count = (uint32_t)from->n_slices;
    return E_OK;
}

typedef enum content { ROW_AMOUNT, ROW_AMOUNT_OR_NONE, ROW_SLICES, ROW_PAYER, ROW_RULE } content_t;

static bool row_fits(const row_t *row, content_t content) {
    switch (content) {
    case ROW_AMOUNT: return row->amount.kind != REF_NONE && !row->none;
    case ROW_AMOUNT_OR_NONE: return (row->amount.kind != REF_NONE) != row->none;
    case ROW_SLICES: return row->slice_count > 0;
    case ROW_PAYER:
    case ROW_RULE: break;
    }
    return true;
}

static int read_table(const reader_t *r, Tc__PolicyRow **from, size_t count, content_t content, table_t *to) {
    if (count > ROWS_MAX) return bad(r, "too many rows");
    row_t *rows = take(r, count, sizeof *rows);
    if (!rows) return no_memory(r);
    for (size_t i = 0; i < count; i++) {
        if (from[i]->payer >= PAYER__COUNT) return bad(r, "a payer");
        rows[i] = (row_t){.none = from[i]->none, .payer = (payer_t)from[i]->payer};
        int rc = read_when(r, from[i]->when, &rows[i].when);
        if (!rc) rc = read_rule(r, from[i]->rule, &rows[i].rule);
        if (!rc) rc = read_ref(r, from[i]->amount, UNIT_MONEY, REF_NONE, &rows[i].amount);
        if (!rc) rc = read_slices(r, from[i], &rows[i]);
        if (rc) return rc;
        if (!row_fits(&rows[i], content)) return bad(r, "content of a row");
    }
    *to = (table_t){rows, (uint32_t)count};
    return E_OK;
}

static int read_adjusts(const reader_t *r, const Tc__PolicyDerived *from, unit_t unit, ref_kind_t also, derived_t *to) {
    if (from->n_adjusts > ADJUSTS_MAX) return bad(r, "too many adjustments");
    adjust_t *adjusts = take(r, from->n_adjusts, sizeof *adjusts);
    if (!adjusts) return no_memory(r);
    for (size_t i = 0; i < from->n_adjusts; i++) {
        const Tc__PolicyAdjust *a = from->adjusts[i];
        if (a->op == 0 || a->op >= ADJUST__COUNT || !a->by) return bad(r, "an adjustment");
        adjusts[i] = (adjust_t){.op = (adjust_op_t)a->op, .hidden = a->hidden};
        int rc = read_when(r, a->when, &adjusts[i].when);
        if (!rc) rc = read_rule(r, a->rule, &adjusts[i].rule);
        if (!rc) rc = read_ref(r, a->by, a->op == ADJUST_MULTIPLY ? UNIT_FACTOR : unit, also, &adjusts[i].by);
        if (rc) return rc;
    }
    to->adjusts = adjusts;
    to->adjust_count = (uint32_t)from->n_adjusts;
    return E_OK;
}

static int read_derived(const reader_t *r, const Tc__PolicyDerived *from, content_t content, ref_kind_t also,
                        derived_t *to) {
    static const Tc__PolicyDerived nothing = TC__POLICY_DERIVED__INIT;
    if (!from) from = &nothing;
    int rc = read_table(r, from->rows, from->n_rows, content, &to->table);
    if (rc) return rc;
    return read_adjusts(r, from, content == ROW_SLICES ? UNIT_RATE : UNIT_MONEY, also, to);
}

// ---- benefit
// ----------------------------------------------------------------------------------------------------------

static int read_total(const reader_t *r, int32_t index, int8_t *to) {
    if (index < -1 || index >= (int32_t)r->policy->total_count) return bad(r, "number of a running total");
    *to = (int8_t)index;
    return E_OK;
}

static int read_stage(const reader_t *r, const Tc__PolicyStage *from, stage_t *to) {
    if (from->layer >= r->policy->layers.count) return bad(r, "number of a layer");
    to->layer = (uint8_t)from->layer;
    int rc = read_when(r, from->when, &to->when);
    if (!rc) rc = read_derived(r, from->rate, ROW_SLICES, REF_NONE, &to->rate);
    if (!rc) rc = read_table(r, from->floor, from->n_floor, ROW_AMOUNT, &to->floor);
    if (!rc) rc = read_derived(r, from->cap, ROW_AMOUNT_OR_NONE, REF_NONE, &to->cap);
    if (!rc) rc = read_total(r, from->paid_total, &to->paid_total);
    if (!rc) rc = read_total(r, from->base_total, &to->base_total);
    if (rc) return rc;
    if (to->rate.table.count == 0) return bad(r, "a layer without a rate");
    if (to->cap.table.count > 0 && to->paid_total < 0) return bad(r, "a limit without a running total");
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

static int read_stages(const reader_t *r, const Tc__PolicyScheme *from, scheme_t *to) {
    stage_t *stages = take(r, from->n_stages, sizeof *stages);
    if (!stages) return no_memory(r);
    uint32_t seen = 0;
    for (size_t i = 0; i < from->n_stages; i++) {
        int rc = read_stage(r, from->stages[i], &stages[i]);
        if (rc) return rc;
        if (seen >> stages[i].layer & 1) return bad(r, "a layer that pays twice");
        seen |= 1u << stages[i].layer;
    }
    to->stages = stages;
    to->stage_count = (uint32_t)from->n_stages;
    return steps_needed(to) <= STEPS_MAX ? E_OK : bad(r, "more steps than an answer can hold");
}

static int read_readings(const reader_t *r, const Tc__PolicyScheme *from, scheme_t *to) {
    reading_t *readings = take(r, from->n_readings, sizeof *readings);
    if (!readings) return no_memory(r);
    for (size_t i = 0; i < from->n_readings; i++) {
        const Tc__PolicyReading *p = from->readings[i];
        if (p->dimension >= DIM__COUNT || p->value >= (uint32_t)dimension_values((dimension_t)p->dimension))
            return bad(r, "a reading");
        readings[i] = (reading_t){.dimension = (dimension_t)p->dimension, .value = (uint8_t)p->value};
        int rc = read_when(r, p->when, &readings[i].when);
        if (!rc) rc = read_rule(r, p->rule, &readings[i].rule);
        if (rc) return rc;
    }
    to->readings = readings;
    to->reading_count = (uint32_t)from->n_readings;
    return E_OK;
}

static int read_scheme(const reader_t *r, const Tc__PolicyScheme *from, scheme_t *to) {
    if (from->visit >= VISIT__COUNT || from->from > from->to) return bad(r, "a kind of visit or its dates");
    to->visit = (visit_t)from->visit;
    to->from = from->from;
    to->to = from->to;
    int rc = read_table(r, from->not_covered, from->n_not_covered, ROW_RULE, &to->not_covered);
    if (!rc) rc = read_table(r, from->manual, from->n_manual, ROW_RULE, &to->manual);
    if (!rc) rc = read_readings(r, from, to);
    if (!rc) rc = read_derived(r, from->deductible, ROW_AMOUNT, REF_BORNE, &to->deductible);
    if (!rc) rc = read_stages(r, from, to);
    if (!rc) rc = read_rule(r, from->own_share_rule, &to->own_share_rule);
    if (!rc) rc = read_rule(r, from->out_of_scope_rule, &to->out_of_scope_rule);
    if (!rc && to->manual.count == 0 && to->deductible.table.count == 0) rc = bad(r, "no deductible");
    return rc;
}

static int read_schemes(const reader_t *r) {
    scheme_t *schemes = take(r, r->message->n_schemes, sizeof *schemes);
    if (!schemes) return no_memory(r);
    for (size_t i = 0; i < r->message->n_schemes; i++) {
        int rc = read_scheme(r, r->message->schemes[i], &schemes[i]);
        if (rc) return rc;
    }
    r->policy->schemes = schemes;
    r->policy->scheme_count = (uint32_t)r->message->n_schemes;
    return E_OK;
}

// ---- contribution and coverage
// ----------------------------------------------------------------------------------------

static int read_line(const reader_t *r, const Tc__PolicyLine *from, line_t *to) {
    to->item = from->item;
    int rc = read_when(r, from->when, &to->when);
    if (!rc) rc = read_rule(r, from->rule, &to->rule);
    if (!rc) rc = read_table(r, from->payers, from->n_payers, ROW_PAYER, &to->payers);
    if (!rc) rc = read_ref(r, from->on_base, UNIT_MONEY, REF_WAGE, &to->base);
    if (!rc) rc = read_ref(r, from->base_at_least, UNIT_MONEY, REF_NONE, &to->base_at_least);
    if (!rc) rc = read_ref(r, from->base_at_most, UNIT_MONEY, REF_NONE, &to->base_at_most);
    if (!rc) rc = read_ref(r, from->rate, UNIT_RATE, REF_NONE, &to->rate);
    if (!rc) rc = read_ref(r, from->amount, UNIT_MONEY, REF_NONE, &to->amount);
    if (!rc) rc = read_ref(r, from->at_least, UNIT_MONEY, REF_NONE, &to->at_least);
    if (rc) return rc;
    bool computed = to->base.kind != REF_NONE && to->rate.kind != REF_NONE;
    if (computed == (to->amount.kind != REF_NONE) || to->payers.count == 0) return bad(r, "a contribution line");
    return E_OK;
}

static int read_lines(const reader_t *r, Tc__PolicyLine **from, size_t count, date_t since, lines_t *to) {
    if (count > LINES_MAX) return bad(r, "too many contribution lines");
    line_t *lines = take(r, count, sizeof *lines);
    if (!lines) return no_memory(r);
    for (size_t i = 0; i < count; i++) {
        int rc = read_line(r, from[i], &lines[i]);
        if (rc) return rc;
    }
    *to = (lines_t){since, lines, (uint32_t)count};
    return E_OK;
}

static int read_contribution(const reader_t *r) {
    const Tc__PolicyContribution *from = r->message->contribution;
    if (!from) return E_OK;
    int rc = read_lines(r, from->monthly, from->n_monthly, from->monthly_from, &r->policy->monthly);
    if (rc) return rc;
    return read_lines(r, from->yearly, from->n_yearly, from->yearly_from, &r->policy->yearly);
}

static int read_coverage(const reader_t *r) {
    const Tc__PolicyCoverage *from = r->message->coverage;
    const uint32_t all = (1u << IDENTITY__COUNT) - 1;
    if (!from) return bad(r, "no coverage section");
    if (from->lag_months > 12 || from->grace_months > 120 || from->n_wait_months != IDENTITY__COUNT)
        return bad(r, "months of the coverage section");
    if ((from->yearly | from->from_application | from->tier2 | from->lifelong | r->message->identities) & ~all)
        return bad(r, "an unknown identity");
    policy_coverage_t *to = &r->policy->coverage;
    to->lag_months = (int)from->lag_months;
    to->grace_months = (int)from->grace_months;
    to->yearly = from->yearly;
    to->from_application = from->from_application;
    to->tier2 = from->tier2;
    to->lifelong = from->lifelong;
    to->wait_every_entry = from->wait_every_entry;
    for (int i = 0; i < IDENTITY__COUNT; i++) {
        if (from->wait_months[i] > 120) return bad(r, "months of waiting");
        to->wait_months[i] = (int)from->wait_months[i];
    }
    return E_OK;
}

// ---- names
// ------------------------------------------------------------------------------------------------------------

#define READ_NAMED(r, from, count, a, b, to)                                                                           \
    do {                                                                                                               \
        named_t *items_ = take(r, count, sizeof *items_);                                                              \
        if (!items_) return no_memory(r);                                                                              \
        for (size_t i_ = 0; i_ < (count); i_++) items_[i_] = (named_t){(from)[i_]->a, (from)[i_]->b};                  \
        (to) = (nameds_t){items_, (uint32_t)(count)};                                                                  \
    } while (0)

static int read_names(const reader_t *r) {
    const Tc__PolicyTables *m = r->message;
    policy_t *p = r->policy;
    p->city = m->city;
    p->name = m->name;
    p->name_zh = m->name_zh;
    p->status = m->status;
    p->identities = m->identities;
    if (m->n_layers > POLICY_LAYERS_MAX || m->n_totals > POLICY_TOTALS_MAX) return bad(r, "too many layers or totals");
    READ_NAMED(r, m->overlays, m->n_overlays, name, status, p->overlays);
    READ_NAMED(r, m->options, m->n_options, option, value, p->options);
    READ_NAMED(r, m->divisions, m->n_divisions, code, name, p->divisions);
    READ_NAMED(r, m->layers, m->n_layers, name, fund, p->layers);
    p->totals = (const char *const *)m->totals;
    p->total_count = (uint32_t)m->n_totals;
    return E_OK;
}

static int read_rules(const reader_t *r) {
    const Tc__PolicyTables *m = r->message;
    rule_t *rules = take(r, m->n_rules, sizeof *rules);
    if (!rules) return no_memory(r);
    for (size_t i = 0; i < m->n_rules; i++) {
        rules[i] = (rule_t){m->rules[i]->id, m->rules[i]->source, m->rules[i]->text, m->rules[i]->text_zh};
        if (i > 0 && strcmp(rules[i - 1].id, rules[i].id) >= 0) return bad(r, "order of the rules");
    }
    r->policy->rules = rules;
    r->policy->rule_count = (uint32_t)m->n_rules;
    return E_OK;
}

static int read_bands(const reader_t *r) {
    for (size_t i = 0; i < r->message->n_bands; i++) {
        const Tc__PolicyBands *b = r->message->bands[i];
        if (b->dimension >= DIM__COUNT || dimension_infos[b->dimension].kind != DIM_NUMBER || b->n_starts >= BANDS_MAX)
            return bad(r, "bands");
        bands_t *to = &r->policy->bands[b->dimension];
        for (size_t k = 0; k < b->n_starts; k++) {
            if (k > 0 && b->starts[k] <= b->starts[k - 1]) return bad(r, "order of bands");
            to->starts[k] = b->starts[k];
        }
        to->count = (uint32_t)b->n_starts;
    }
    return E_OK;
}

static int read_all(const reader_t *r) {
    if (r->message->format != POLICY_FORMAT)
        return err_set(r->err, E_POLICY, "the packed policy has format %u, expected %d", r->message->format,
                       POLICY_FORMAT);
    if (r->message->end != 1) return bad(r, "cut short");
    int rc = read_names(r);
    if (!rc) rc = read_rules(r);
    if (!rc) rc = read_bands(r);
    if (!rc) rc = read_series(r);
    if (!rc) rc = read_coverage(r);
    if (!rc) rc = read_schemes(r);
    if (!rc) rc = read_contribution(r);
    return rc;
}

// ---- the packed form
// --------------------------------------------------------------------------------------------------

static void *arena_take(void *arena, size_t bytes) { return arena_alloc(arena, bytes); }
static void arena_leave(void *arena, void *data) { (void)arena, (void)data; }

// protobuf-c keeps fields it does not know and packs them again, so they are looked for in every message.
static bool has_unknown_fields(const ProtobufCMessage *message) {
    if (message->n_unknown_fields > 0) return true;
    for (unsigned i = 0; i < message->descriptor->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &message->descriptor->fields[i];
        if (field->type != PROTOBUF_C_TYPE_MESSAGE) continue;
        const void *member = (const char *)message + field->offset;
        if (field->label != PROTOBUF_C_LABEL_REPEATED) {
            const ProtobufCMessage *one = *(const ProtobufCMessage *const *)member;
            if (one && has_unknown_fields(one)) return true;
            continue;
        }
        size_t count = *(const size_t *)(const void *)((const char *)message + field->quantifier_offset);
        const ProtobufCMessage *const *items = *(const ProtobufCMessage *const *const *)member;
        for (size_t k = 0; k < count; k++)
            if (has_unknown_fields(items[k])) return true;
    }
    return false;
}

static int unpack_message(policy_t *policy, const Tc__PolicyTables **out, err_t *err) {
    ProtobufCAllocator allocator = {arena_take, arena_leave, policy->arena};
    Tc__PolicyTables *message = tc__policy_tables__unpack(&allocator, policy->packed_bytes, policy->packed);
    if (!message) return err_set(err, E_POLICY, "the packed policy is damaged: not a policy message");
    *out = message;
    if (has_unknown_fields(&message->base))
        return err_set(err, E_POLICY, "the packed policy is damaged: unknown fields");
    size_t bytes = tc__policy_tables__get_packed_size(message);
    if (bytes != policy->packed_bytes)
        return err_set(err, E_POLICY, "the packed policy is damaged: not in the one order");
    uint8_t *again = arena_alloc(policy->arena, bytes ? bytes : 1);
    if (!again) return err_set(err, E_IO, "no memory for a policy");
    tc__policy_tables__pack(message, again);
    if (memcmp(again, policy->packed, bytes) != 0)
        return err_set(err, E_POLICY, "the packed policy is damaged: not in the one order");
    return E_OK;
}

static policy_t *policy_new(const void *data, size_t bytes) {
    arena_t *arena = arena_new(ARENA_BLOCK, ARENA_MAX);
    policy_t *policy = arena ? arena_alloc(arena, sizeof *policy) : NULL;
    void *copy = policy ? arena_copy(arena, data, bytes) : NULL;
    if (!copy) {
        if (arena) arena_destroy(&arena);
        return NULL;
    }
    policy->arena = arena;
    policy->packed = copy;
    policy->packed_bytes = bytes;
    uint8_t digest[SHA256_BYTES];
    sha256(data, bytes, digest);
    hex_encode(digest, sizeof digest, policy->hash);
    return policy;
}

int policy_unpack(policy_t **out, const void *data, size_t bytes, err_t *err) {
    *out = NULL;
    if (bytes == 0 || bytes > PACKED_MAX)
        return err_set(err, E_POLICY, "a packed policy of %zu bytes; expected 1 to %d", bytes, PACKED_MAX);
    policy_t *policy = policy_new(data, bytes);
    if (!policy) return err_set(err, E_IO, "no memory for a policy");
    const Tc__PolicyTables *message = NULL;
    int rc = unpack_message(policy, &message, err);
    if (!rc) rc = read_all(&(reader_t){policy, message, err});
    if (rc)
        policy_destroy(&policy);
    else
        *out = policy;
    return rc;
}
