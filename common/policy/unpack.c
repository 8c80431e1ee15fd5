// Message → flat arrays. The bytes may come from Redis, so nothing in them is believed: every index, code, rate, amount
// and date is checked before an array holds it, and bytes that do not pack to themselves again are refused (so unknown
// fields and second spellings of the same policy cannot carry another hash).
#include "unpack.h"
#include "common/base/hash.h"

enum { ARENA_BLOCK = 64 * 1024, ARENA_MAX = 16 * 1024 * 1024 };

int unpack_bad(const unpacker_t *r, const char *what) {
    return err_set(r->err, E_POLICY, "the packed policy is damaged: %s", what);
}

void *unpack_take(const unpacker_t *r, size_t count, size_t size) {
    return arena_alloc(r->policy->arena, count ? count * size : 1);
}

int unpack_no_memory(const unpacker_t *r) { return err_set(r->err, E_IO, "no memory for a policy"); }

static int64_t unit_max(unit_t unit) {
    switch (unit) {
    case UNIT_MONEY: return MONEY_MAX;
    case UNIT_RATE: return RATE_ONE;
    case UNIT_COUNT: return COUNT_MAX;
    default: return FACTOR_MAX;
    }
}

// ---- values
// -----------------------------------------------------------------------------------------------------------

static int read_values(const unpacker_t *r, const Tc__PolicySeries *from, series_t *to) {
    value_t *values = unpack_take(r, from->n_values, sizeof *values);
    if (!values) return unpack_no_memory(r);
    for (size_t i = 0; i < from->n_values; i++) {
        const Tc__PolicyValue *v = from->values[i];
        if (v->from > v->to || (i > 0 && v->from <= values[i - 1].to)) return unpack_bad(r, "dates of a series");
        if (v->value < 0 || v->value > unit_max(to->unit)) return unpack_bad(r, "a value of a series");
        values[i] = (value_t){.from = v->from,
                              .to = v->to,
                              .missing = v->missing,
                              .value = v->value,
                              .status = v->status,
                              .source = v->source,
                              .approved_by = v->approved_by,
                              .approved_on = v->approved_on,
                              .regards = (const char *const *)v->regards,
                              .regard_count = (uint32_t)v->n_regards};
    }
    to->values = values;
    to->count = (uint32_t)from->n_values;
    return E_OK;
}

static int read_series(const unpacker_t *r) {
    series_t *series = unpack_take(r, r->message->n_series, sizeof *series);
    if (!series) return unpack_no_memory(r);
    for (size_t i = 0; i < r->message->n_series; i++) {
        const Tc__PolicySeries *s = r->message->series[i];
        if (s->unit == 0 || s->unit >= UNIT__COUNT) return unpack_bad(r, "unit of a series");
        series[i] = (series_t){.name = s->name, .unit = (unit_t)s->unit, .yearly = s->yearly};
        int rc = read_values(r, s, &series[i]);
        if (rc) return rc;
    }
    r->policy->series = series;
    r->policy->series_count = (uint32_t)r->message->n_series;
    return E_OK;
}

int unpack_ref(const unpacker_t *r, const Tc__PolicyRef *from, unit_t unit, ref_kind_t also, ref_t *to) {
    *to = (ref_t){.kind = REF_NONE};
    if (!from) return E_OK;
    if (from->kind == REF_NONE || from->kind >= REF__COUNT) return unpack_bad(r, "kind of a value");
    if ((from->kind == REF_BORNE || from->kind == REF_WAGE) && from->kind != (uint32_t)also)
        return unpack_bad(r, "a fact in the wrong place");
    if (from->value < 0 || from->value > unit_max(unit)) return unpack_bad(r, "a value out of range");
    if (from->times == 0 || from->times > FACTOR_MAX || from->years_ago > 10)
        return unpack_bad(r, "a multiple or a lag");
    *to = (ref_t){.kind = (ref_kind_t)from->kind,
                  .value = from->value,
                  .times = (rate_t)from->times,
                  .years_ago = (uint8_t)from->years_ago,
                  .if_published = from->if_published};
    if (to->kind != REF_SERIES) return E_OK;
    if (from->series >= r->policy->series_count) return unpack_bad(r, "number of a series");
    to->series = &r->policy->series[from->series];
    if (to->series->unit != unit) return unpack_bad(r, "a series of another unit");
    return E_OK;
}

int unpack_rule(const unpacker_t *r, uint32_t index, const char **to) {
    if (index >= r->policy->rule_count) return unpack_bad(r, "number of a rule");
    *to = r->policy->rules[index].id;
    return E_OK;
}

// ---- decision tables
// --------------------------------------------------------------------------------------------------

int unpack_when(const unpacker_t *r, const Tc__PolicyWhen *from, when_t *to) {
    if (!from || from->from > from->to) return unpack_bad(r, "a condition");
    *to = (when_t){.dims = {from->dims0, from->dims1},
                   .groups_any = from->groups_any,
                   .groups_all = from->groups_all,
                   .groups_none = from->groups_none,
                   .from = from->from,
                   .to = from->to};
    return E_OK;
}

static int read_slices(const unpacker_t *r, const Tc__PolicyRow *from, row_t *to) {
    if (from->n_slices > SLICES_MAX) return unpack_bad(r, "too many slices");
    slice_t *slices = unpack_take(r, from->n_slices, sizeof *slices);
    if (!slices) return unpack_no_memory(r);
    for (size_t i = 0; i < from->n_slices; i++) {
        const Tc__PolicySlice *s = from->slices[i];
        if (!s->above || !s->rate) return unpack_bad(r, "a slice");
        int rc = unpack_ref(r, s->above, UNIT_MONEY, REF_NONE, &slices[i].above);
        if (!rc) rc = unpack_ref(r, s->rate, UNIT_RATE, REF_NONE, &slices[i].rate);
        if (!rc) rc = unpack_rule(r, s->rule, &slices[i].rule);
        if (rc) return rc;
    }
    to->slices = slices;
    to->slice_count = (uint32_t)from->n_slices;
    return E_OK;
}

static bool row_fits(const row_t *row, row_content_t content) {
    switch (content) {
    case ROW_AMOUNT: return row->amount.kind != REF_NONE && !row->none && !row->per_cover_month;
    case ROW_AMOUNT_OR_NONE: return (row->amount.kind != REF_NONE) != row->none && !(row->none && row->per_cover_month);
    case ROW_SLICES: return row->slice_count > 0;
    case ROW_PAYER:
    case ROW_RULE: break;
    }
    return true;
}

int unpack_table(const unpacker_t *r, Tc__PolicyRow **from, size_t count, row_content_t content, unit_t unit,
                 table_t *to) {
    if (count > ROWS_MAX) return unpack_bad(r, "too many rows");
    row_t *rows = unpack_take(r, count, sizeof *rows);
    if (!rows) return unpack_no_memory(r);
    for (size_t i = 0; i < count; i++) {
        if (from[i]->payer >= PAYER__COUNT) return unpack_bad(r, "a payer");
        rows[i] = (row_t){
            .none = from[i]->none, .per_cover_month = from[i]->per_cover_month, .payer = (payer_t)from[i]->payer};
        int rc = unpack_when(r, from[i]->when, &rows[i].when);
        if (!rc) rc = unpack_rule(r, from[i]->rule, &rows[i].rule);
        if (!rc) rc = unpack_ref(r, from[i]->amount, unit, REF_NONE, &rows[i].amount);
        if (!rc) rc = read_slices(r, from[i], &rows[i]);
        if (rc) return rc;
        if (!row_fits(&rows[i], content)) return unpack_bad(r, "content of a row");
    }
    *to = (table_t){rows, (uint32_t)count};
    return E_OK;
}

static int read_adjusts(const unpacker_t *r, const Tc__PolicyDerived *from, unit_t unit, ref_kind_t also,
                        derived_t *to) {
    if (from->n_adjusts > ADJUSTS_MAX) return unpack_bad(r, "too many adjustments");
    adjust_t *adjusts = unpack_take(r, from->n_adjusts, sizeof *adjusts);
    if (!adjusts) return unpack_no_memory(r);
    for (size_t i = 0; i < from->n_adjusts; i++) {
        const Tc__PolicyAdjust *a = from->adjusts[i];
        if (a->op == 0 || a->op >= ADJUST__COUNT || !a->by) return unpack_bad(r, "an adjustment");
        adjusts[i] = (adjust_t){.op = (adjust_op_t)a->op, .hidden = a->hidden};
        int rc = unpack_when(r, a->when, &adjusts[i].when);
        if (!rc) rc = unpack_rule(r, a->rule, &adjusts[i].rule);
        if (!rc) rc = unpack_ref(r, a->by, a->op == ADJUST_MULTIPLY ? UNIT_FACTOR : unit, also, &adjusts[i].by);
        if (rc) return rc;
    }
    to->adjusts = adjusts;
    to->adjust_count = (uint32_t)from->n_adjusts;
    return E_OK;
}

int unpack_derived(const unpacker_t *r, const Tc__PolicyDerived *from, row_content_t content, ref_kind_t also,
                   derived_t *to) {
    static const Tc__PolicyDerived nothing = TC__POLICY_DERIVED__INIT;
    if (!from) from = &nothing;
    int rc = unpack_table(r, from->rows, from->n_rows, content, UNIT_MONEY, &to->table);
    if (rc) return rc;
    return read_adjusts(r, from, content == ROW_SLICES ? UNIT_RATE : UNIT_MONEY, also, to);
}

int unpack_values(const unpacker_t *r, const Tc__PolicyDerived *from, unit_t unit, derived_t *to) {
    *to = (derived_t){0};
    if (!from) return E_OK;
    int rc = unpack_table(r, from->rows, from->n_rows, ROW_AMOUNT, unit, &to->table);
    return rc ? rc : read_adjusts(r, from, unit, REF_NONE, to);
}

// ---- contribution and coverage
// ----------------------------------------------------------------------------------------

static int read_line(const unpacker_t *r, const Tc__PolicyLine *from, line_t *to) {
    to->item = from->item;
    int rc = unpack_when(r, from->when, &to->when);
    if (!rc) rc = unpack_rule(r, from->rule, &to->rule);
    if (!rc) rc = unpack_table(r, from->payers, from->n_payers, ROW_PAYER, UNIT_MONEY, &to->payers);
    if (!rc) rc = unpack_ref(r, from->rate, UNIT_RATE, REF_NONE, &to->rate);
    if (!rc) rc = unpack_ref(r, from->amount, UNIT_MONEY, REF_NONE, &to->amount);
    if (!rc) rc = unpack_ref(r, from->at_least, UNIT_MONEY, REF_NONE, &to->at_least);
    if (!rc) rc = unpack_rule(r, from->at_least_rule ? from->at_least_rule - 1 : from->rule, &to->at_least_rule);
    if (rc) return rc;
    to->computed = from->on_base > 0 && to->rate.kind != REF_NONE;
    if (to->computed == (to->amount.kind != REF_NONE) || to->payers.count == 0)
        return unpack_bad(r, "a contribution line");
    if (from->on_base > r->policy->bases.count) return unpack_bad(r, "number of a base");
    to->base = (uint8_t)(to->computed ? from->on_base - 1 : 0);
    return E_OK;
}

static int read_lines(const unpacker_t *r, Tc__PolicyLine **from, size_t count, date_t since, lines_t *to) {
    if (count > LINES_MAX) return unpack_bad(r, "too many contribution lines");
    line_t *lines = unpack_take(r, count, sizeof *lines);
    if (!lines) return unpack_no_memory(r);
    for (size_t i = 0; i < count; i++) {
        int rc = read_line(r, from[i], &lines[i]);
        if (rc) return rc;
    }
    *to = (lines_t){.from = since, .items = lines, .count = (uint32_t)count};
    return E_OK;
}

// A day of every year, and rules counted from 1.
static int read_terms(const unpacker_t *r, const Tc__PolicyContribution *from, lines_t *to) {
    int rc = E_OK;
    if (from->due_rule) {
        if (from->due_month > 12 || from->due_day > 31 || !date_valid(2001, (int)from->due_month, (int)from->due_day))
            return unpack_bad(r, "the day on which a year's fee is due");
        to->due_month = (uint8_t)from->due_month;
        to->due_day = (uint8_t)from->due_day;
        rc = unpack_rule(r, from->due_rule - 1, &to->due_rule);
    }
    if (!rc && from->no_refund_rule) rc = unpack_rule(r, from->no_refund_rule - 1, &to->no_refund_rule);
    return rc;
}

static int read_subsidy(const unpacker_t *r, const Tc__PolicyContribution *from) {
    policy_t *to = r->policy;
    int rc = unpack_ref(r, from->city_share, UNIT_RATE, REF_NONE, &to->subsidy_city_share);
    if (!rc && !from->city_share_rule != (to->subsidy_city_share.kind == REF_NONE))
        return unpack_bad(r, "how city and county share");
    return rc || !from->city_share_rule ? rc : unpack_rule(r, from->city_share_rule - 1, &to->subsidy_rule);
}

static int read_contribution(const unpacker_t *r) {
    const Tc__PolicyContribution *from = r->message->contribution;
    if (!from) return E_OK;
    int rc = unpack_bases(r, from);
    if (!rc) rc = read_lines(r, from->monthly, from->n_monthly, from->monthly_from, &r->policy->monthly);
    if (!rc) rc = read_lines(r, from->yearly, from->n_yearly, from->yearly_from, &r->policy->yearly);
    if (!rc) rc = read_subsidy(r, from);
    return rc ? rc : read_terms(r, from, &r->policy->yearly);
}

static int read_coverage(const unpacker_t *r) {
    const Tc__PolicyCoverage *from = r->message->coverage;
    const uint32_t all = (1u << IDENTITY__COUNT) - 1;
    if (!from) return unpack_bad(r, "no coverage section");
    if (from->lag_months > 12 || from->grace_months > 120 || from->n_wait_months != IDENTITY__COUNT ||
        from->newborn_months > 12 || from->newborn_days > COVERAGE_DAYS_MAX)
        return unpack_bad(r, "months or days of the coverage section");
    if ((from->yearly | from->from_application | from->tier2 | from->lifelong | r->message->identities) & ~all)
        return unpack_bad(r, "an unknown identity");
    policy_coverage_t *to = &r->policy->coverage;
    to->decides = from->decides;
    to->from = from->from;
    to->newborn_months = (int)from->newborn_months;
    to->newborn_days = (int)from->newborn_days;
    to->lag_months = (int)from->lag_months;
    to->grace_months = (int)from->grace_months;
    to->yearly = from->yearly;
    to->from_application = from->from_application;
    to->tier2 = from->tier2;
    to->lifelong = from->lifelong;
    to->wait_every_entry = from->wait_every_entry;
    for (int i = 0; i < IDENTITY__COUNT; i++) {
        if (from->wait_months[i] > 120) return unpack_bad(r, "months of waiting");
        to->wait_months[i] = (int)from->wait_months[i];
    }
    return unpack_values(r, from->scale, UNIT_RATE, &r->policy->coverage_scale);
}

// ---- names
// ------------------------------------------------------------------------------------------------------------

#define READ_NAMED(r, from, count, a, b, to)                                                                           \
    do {                                                                                                               \
        named_t *items_ = unpack_take(r, count, sizeof *items_);                                                       \
        if (!items_) return unpack_no_memory(r);                                                                       \
        for (size_t i_ = 0; i_ < (count); i_++) items_[i_] = (named_t){(from)[i_]->a, (from)[i_]->b};                  \
        (to) = (nameds_t){items_, (uint32_t)(count)};                                                                  \
    } while (0)

static int read_names(const unpacker_t *r) {
    const Tc__PolicyTables *m = r->message;
    policy_t *p = r->policy;
    p->city = m->city;
    p->name = m->name;
    p->name_zh = m->name_zh;
    p->status = m->status;
    p->identities = m->identities;
    if (m->n_layers > POLICY_LAYERS_MAX || m->n_totals > POLICY_TOTALS_MAX)
        return unpack_bad(r, "too many layers or totals");
    READ_NAMED(r, m->overlays, m->n_overlays, name, status, p->overlays);
    READ_NAMED(r, m->options, m->n_options, option, value, p->options);
    READ_NAMED(r, m->divisions, m->n_divisions, code, name, p->divisions);
    READ_NAMED(r, m->layers, m->n_layers, name, fund, p->layers);
    p->totals = (const char *const *)m->totals;
    p->total_count = (uint32_t)m->n_totals;
    return E_OK;
}

static int read_rules(const unpacker_t *r) {
    const Tc__PolicyTables *m = r->message;
    rule_t *rules = unpack_take(r, m->n_rules, sizeof *rules);
    if (!rules) return unpack_no_memory(r);
    for (size_t i = 0; i < m->n_rules; i++) {
        rules[i] = (rule_t){m->rules[i]->id, m->rules[i]->source, m->rules[i]->text, m->rules[i]->text_zh};
        if (i > 0 && strcmp(rules[i - 1].id, rules[i].id) >= 0) return unpack_bad(r, "order of the rules");
    }
    r->policy->rules = rules;
    r->policy->rule_count = (uint32_t)m->n_rules;
    return E_OK;
}

static int read_bands(const unpacker_t *r) {
    for (size_t i = 0; i < r->message->n_bands; i++) {
        const Tc__PolicyBands *b = r->message->bands[i];
        if (b->dimension >= DIM__COUNT || dimension_infos[b->dimension].kind != DIM_NUMBER || b->n_starts >= BANDS_MAX)
            return unpack_bad(r, "bands");
        bands_t *to = &r->policy->bands[b->dimension];
        for (size_t k = 0; k < b->n_starts; k++) {
            if (k > 0 && b->starts[k] <= b->starts[k - 1]) return unpack_bad(r, "order of bands");
            to->starts[k] = b->starts[k];
        }
        to->count = (uint32_t)b->n_starts;
    }
    return E_OK;
}

static int read_all(const unpacker_t *r) {
    if (r->message->format != POLICY_FORMAT)
        return err_set(r->err, E_POLICY, "the packed policy has format %u, expected %d", r->message->format,
                       POLICY_FORMAT);
    if (r->message->end != 1) return unpack_bad(r, "cut short");
    int rc = read_names(r);
    if (!rc) rc = read_rules(r);
    if (!rc) rc = read_bands(r);
    if (!rc) rc = read_series(r);
    if (!rc) rc = read_coverage(r);
    if (!rc) rc = unpack_benefit(r);
    if (!rc) rc = read_contribution(r);
    static int (*const sections[])(const unpacker_t *) = {
#define X(section) unpack_##section,
        SECTION_TABLE(X)
#undef X
    };
    for (size_t i = 0; i < COUNT_OF(sections) && !rc; i++) rc = sections[i](r);
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
    if (!rc) rc = read_all(&(unpacker_t){policy, message, err});
    if (rc)
        policy_destroy(&policy);
    else
        *out = policy;
    return rc;
}
