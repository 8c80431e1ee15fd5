// The tables' answers for one case, put in the order in which they are used.
#include "plan.h"

typedef struct maker {
    plan_room_t *room;
    const facts_t *facts;
    date_t on;
    err_t *err;
} maker_t;

static int find_row(const maker_t *m, const table_t *table, const row_t **out) {
    *out = table_row(table, m->facts, m->on);
    return *out ? E_OK : err_set(m->err, E_POLICY, "the policy has no row for this case");
}

static int value_of(const maker_t *m, const ref_t *ref, int64_t *out) { return ref_value(ref, m->on, 0, out, m->err); }

static mark_t *add_mark(const maker_t *m, const char *rule, int64_t value) {
    plan_t *plan = &m->room->plan;
    CHECK(plan->mark_count < STEPS_MAX); // steps_needed() of the policy is the bound
    mark_t *mark = &m->room->marks[plan->mark_count++];
    *mark = (mark_t){.rule = rule, .value = value};
    return mark;
}

// What the adjustments that hold make of `value`. From the first that depends on the bill, only their doing is noted.
static int add_changes(const maker_t *m, const derived_t *derived, int64_t value, chain_t *chain) {
    for (uint32_t hits = adjusts_hold(derived, m->facts, m->on); hits; hits &= hits - 1) {
        const adjust_t *adjust = &derived->adjusts[__builtin_ctz(hits)];
        int64_t by;
        int rc = value_of(m, &adjust->by, &by);
        if (rc) return rc;
        mark_t *mark = add_mark(m, adjust->rule, by);
        mark->op = adjust->op;
        mark->borne = adjust->by.kind == REF_BORNE;
        chain->live |= mark->borne;
        chain->count++;
    }
    for (int i = 1; i < chain->count && !chain->live; i++) {
        mark_t *mark = &m->room->marks[chain->first + i];
        mark->value = value = adjusted_value(mark->op, value, mark->value, TOTAL_MAX);
    }
    chain->value = value;
    return E_OK;
}

static int make_chain(const maker_t *m, const derived_t *derived, const row_t *row, chain_t *chain) {
    int64_t value;
    int rc = value_of(m, &row->amount, &value);
    if (rc) return rc;
    *chain = (chain_t){.first = m->room->plan.mark_count,
                       .count = 1,
                       .live = row->per_cover_month,
                       .per_cover_month = row->per_cover_month};
    add_mark(m, row->rule, value);
    return add_changes(m, derived, value, chain);
}

// ---- before the layers
// ------------------------------------------------------------------------------------------------

static int make_first_pay(const maker_t *m, const derived_t *first_pay) {
    plan_t *plan = &m->room->plan;
    const row_t *row;
    int64_t rate, by;
    int rc = find_row(m, &first_pay->table, &row);
    if (!rc) rc = value_of(m, &row->slices[0].rate, &rate);
    for (uint32_t hits = rc ? 0 : adjusts_hold(first_pay, m->facts, m->on); hits && !rc; hits &= hits - 1) {
        const adjust_t *adjust = &first_pay->adjusts[__builtin_ctz(hits)];
        rc = value_of(m, &adjust->by, &by);
        if (!rc) rate = adjusted_value(adjust->op, rate, by, RATE_ONE);
    }
    if (rc) return rc;
    plan->first_pay = (rate_t)rate;
    plan->first_pay_rule = row->rule;
    return E_OK;
}

static int make_deductible(const maker_t *m, const derived_t *deductible) {
    const row_t *row;
    if (deductible->table.count == 0) return E_OK;
    int rc = find_row(m, &deductible->table, &row);
    if (rc) return rc;
    m->room->plan.deductible_rule = row->rule;
    return make_chain(m, deductible, row, &m->room->plan.deductible);
}

// ---- a turn
// -----------------------------------------------------------------------------------------------------------

typedef struct held { // adjustments of a rate that hold
    uint32_t count;
    const adjust_t *adjusts[ADJUSTS_MAX];
    int64_t by[ADJUSTS_MAX];
} held_t;

static int hold(const maker_t *m, const derived_t *rate, held_t *held) {
    held->count = 0;
    for (uint32_t hits = adjusts_hold(rate, m->facts, m->on); hits; hits &= hits - 1) {
        const adjust_t *adjust = &rate->adjusts[__builtin_ctz(hits)];
        int rc = value_of(m, &adjust->by, &held->by[held->count]);
        if (rc) return rc;
        held->adjusts[held->count++] = adjust;
    }
    return E_OK;
}

// The slice's rate, then what every adjustment makes of it.
static void make_rates(const maker_t *m, const held_t *held, const char *rule, int64_t rate, piece_t *piece) {
    int64_t seen = rate;
    piece->first = m->room->plan.mark_count;
    add_mark(m, rule, rate);
    for (uint32_t i = 0; i < held->count; i++) {
        const adjust_t *adjust = held->adjusts[i];
        const int64_t next = adjusted_value(adjust->op, rate, held->by[i], RATE_ONE);
        if (!adjust->hidden) seen = adjusted_value(adjust->op, seen, held->by[i], RATE_ONE);
        if (next != rate) add_mark(m, adjust->rule, next - rate);
        rate = next;
    }
    piece->count = (uint8_t)(m->room->plan.mark_count - piece->first);
    piece->rate = (rate_t)rate;
    piece->seen = (rate_t)seen;
}

// A line below an earlier one begins where that one does.
static int make_pieces(const maker_t *m, const stage_t *stage, turn_t *turn) {
    plan_t *plan = &m->room->plan;
    const row_t *row;
    held_t held;
    int rc = hold(m, &stage->rate, &held);
    if (!rc) rc = find_row(m, &stage->rate.table, &row);
    if (rc) return rc;
    m->room->rules[m->room->plan.turn_count].row = row->rule;
    turn->first = plan->piece_count;
    turn->count = (uint8_t)row->slice_count;
    CHECK(plan->piece_count + row->slice_count <= STEPS_MAX);
    for (uint32_t i = 0; i < row->slice_count; i++) {
        piece_t *piece = &m->room->pieces[plan->piece_count];
        int64_t above, rate;
        rc = value_of(m, &row->slices[i].above, &above);
        if (!rc) rc = value_of(m, &row->slices[i].rate, &rate);
        if (rc) return rc;
        *piece = (piece_t){.above = i > 0 ? fen_max(above, piece[-1].above) : above, .upto = INT64_MAX};
        if (i > 0) piece[-1].upto = piece->above;
        make_rates(m, &held, row->slices[i].rule, rate, piece);
        turn->hides |= piece->seen != piece->rate;
        plan->piece_count++;
    }
    return E_OK;
}

static int make_fixed(const maker_t *m, const stage_t *stage, turn_t *turn) {
    const row_t *row;
    int rc = find_row(m, &stage->fixed.table, &row);
    if (rc) return rc;
    turn->fixed = true;
    m->room->rules[m->room->plan.turn_count].row = row->rule;
    return make_chain(m, &stage->fixed, row, &turn->amount);
}

static int make_limits(const maker_t *m, const stage_t *stage, turn_t *turn) {
    const row_t *floor = table_row(&stage->floor, m->facts, m->on), *cap;
    int rc = floor ? value_of(m, &floor->amount, &turn->floor) : E_OK;
    if (rc) return rc;
    turn->has_floor = floor != NULL;
    m->room->rules[m->room->plan.turn_count].floor = floor ? floor->rule : NULL;
    if (stage->cap.table.count == 0) return E_OK;
    rc = find_row(m, &stage->cap.table, &cap);
    if (rc || cap->none) return rc;
    turn->has_cap = true;
    return make_chain(m, &stage->cap, cap, &turn->cap);
}

static int make_turn(const maker_t *m, const stage_t *stage) {
    plan_t *plan = &m->room->plan;
    if (!when_holds(&stage->when, m->facts, m->on)) return E_OK;
    turn_t *turn = &plan->turns[plan->turn_count];
    *turn = (turn_t){.layer = stage->layer,
                     .over_cap_of = stage->over_cap_of,
                     .paid_total = stage->paid_total,
                     .base_total = stage->base_total,
                     .looks_at = (uint8_t)stage->looks_at,
                     .less_paid_by = stage->less_paid_by};
    m->room->rules[plan->turn_count].less = stage->less_rule;
    int rc = stage->fixed.table.count ? make_fixed(m, stage, turn) : make_pieces(m, stage, turn);
    if (!rc) rc = make_limits(m, stage, turn);
    if (rc) return rc;
    turn->plain = stage->looks_at == LOOKS_AT_LEFT_OVER && !stage->less_paid_by && !plan->hides;
    plan->hides |= turn->hides;
    plan->cuts |= stage->looks_at == LOOKS_AT_OVER_CAP;
    plan->turn_count++;
    return E_OK;
}

// The days around `on` on which nothing that the scheme asks for changes.
static void find_stretch(plan_t *plan, const scheme_t *scheme, date_t on) {
    plan->from = scheme->from;
    plan->to = scheme->to;
    for (uint32_t i = 0; i < scheme->day_count; i++) {
        if (scheme->days[i] <= on)
            plan->from = scheme->days[i] > plan->from ? scheme->days[i] : plan->from;
        else if (scheme->days[i] - 1 < plan->to)
            plan->to = scheme->days[i] - 1;
    }
}

int plan_make(plan_room_t *room, const scheme_t *scheme, const facts_t *facts, date_t on, bool class_b, err_t *err) {
    const maker_t maker = {room, facts, on, err}, *m = &maker;
    const row_t *own_share;
    memset(&room->plan, 0, offsetof(plan_t, turns)); // each turn is set as it is made
    room->plan.out_of_scope_rule = scheme->out_of_scope_rule;
    room->plan.rules = room->rules;
    room->plan.pieces = room->pieces;
    room->plan.marks = room->marks;
    find_stretch(&room->plan, scheme, on);
    int rc = find_row(m, &scheme->own_share, &own_share);
    if (rc) return rc;
    room->plan.own_share_rule = own_share->rule;
    if (class_b) rc = make_first_pay(m, &scheme->first_pay);
    if (!rc) rc = make_deductible(m, &scheme->deductible);
    for (uint32_t i = 0; i < scheme->stage_count && !rc; i++) rc = make_turn(m, &scheme->stages[i]);
    return rc;
}
