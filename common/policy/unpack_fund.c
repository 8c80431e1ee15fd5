// Section `fund`, from the message.
#include "books_io.h"
#include "fund.h"
#include "month_day_io.h"

static int rule_or_none(const unpacker_t *r, uint32_t from, const char **to) {
    *to = NULL;
    return from ? unpack_rule(r, from - 1, to) : E_OK;
}

static int read_funds(const unpacker_t *r, const Tc__PolicyFund *from, fund_rules_t *to) {
    if (from->n_funds > FUNDS_MAX) return unpack_bad(r, "too many funds");
    fund_item_t *funds = unpack_take(r, from->n_funds, sizeof *funds);
    if (!funds) return unpack_no_memory(r);
    for (size_t i = 0; i < from->n_funds; i++) {
        funds[i] = (fund_item_t){
            .name = from->funds[i]->name, .name_zh = from->funds[i]->name_zh, .apart = from->funds[i]->apart};
        int rc = unpack_rule(r, from->funds[i]->rule, &funds[i].rule);
        if (rc) return rc;
    }
    to->funds = funds;
    to->fund_count = (uint32_t)from->n_funds;
    return E_OK;
}

static int read_actors(const unpacker_t *r, const Tc__PolicyFund *from, fund_rules_t *to) {
    if (from->n_actors > FUND_ACTORS_MAX) return unpack_bad(r, "too many actors");
    fund_actor_t *actors = unpack_take(r, from->n_actors, sizeof *actors);
    if (!actors) return unpack_no_memory(r);
    for (size_t i = 0; i < from->n_actors; i++)
        actors[i] = (fund_actor_t){from->actors[i]->name, from->actors[i]->name_zh, from->actors[i]->county};
    to->actors = actors;
    to->actor_count = (uint32_t)from->n_actors;
    return E_OK;
}

static int read_accounts(const unpacker_t *r, const Tc__PolicyFund *from, fund_rules_t *to) {
    if (from->n_accounts > FUND_ACCOUNTS_MAX) return unpack_bad(r, "too many accounts");
    fund_account_t *accounts = unpack_take(r, from->n_accounts, sizeof *accounts);
    if (!accounts) return unpack_no_memory(r);
    for (size_t i = 0; i < from->n_accounts; i++) {
        const Tc__PolicyFundAccount *a = from->accounts[i];
        if (a->kind >= ACCOUNT_KIND__COUNT || a->holder >= HOLDER__COUNT) return unpack_bad(r, "an account");
        accounts[i] = (fund_account_t){
            .name = a->name, .name_zh = a->name_zh, .kind = (account_kind_t)a->kind, .holder = (holder_t)a->holder};
        int rc = unpack_rule(r, a->rule, &accounts[i].rule);
        if (!rc) rc = rule_or_none(r, a->in_rule, &accounts[i].in_rule);
        if (!rc) rc = rule_or_none(r, a->out_rule, &accounts[i].out_rule);
        if (rc) return rc;
    }
    to->accounts = accounts;
    to->account_count = (uint32_t)from->n_accounts;
    return E_OK;
}

static int read_moves(const unpacker_t *r, const Tc__PolicyFund *from, fund_rules_t *to) {
    if (from->n_movements > FUND_MOVEMENTS_MAX) return unpack_bad(r, "too many movements");
    fund_move_t *moves = unpack_take(r, from->n_movements, sizeof *moves);
    if (!moves) return unpack_no_memory(r);
    for (size_t i = 0; i < from->n_movements; i++) {
        const Tc__PolicyFundMovement *m = from->movements[i];
        if (m->from > m->to || (uint64_t)m->funds >> to->fund_count ||
            ((uint64_t)(m->from_accounts | m->to_accounts)) >> to->account_count)
            return unpack_bad(r, "a movement");
        moves[i] = (fund_move_t){.from_accounts = m->from_accounts,
                                 .to_accounts = m->to_accounts,
                                 .funds = m->funds,
                                 .from = m->from,
                                 .to = m->to,
                                 .refused = m->refused};
        int rc = unpack_rule(r, m->rule, &moves[i].rule);
        if (!rc) rc = rule_or_none(r, m->matched_rule, &moves[i].matched_rule);
        if (rc) return rc;
    }
    to->moves = moves;
    to->move_count = (uint32_t)from->n_movements;
    return E_OK;
}

// ---- flows

static bool year_day_sane(int32_t day) { return day >= 101 && date_valid(2019, day / 100, day % 100); }

// `step`: place of the step it belongs to.
static bool due_sane(const unpacker_t *r, const Tc__PolicyFundDue *from, size_t step, const fund_step_t *steps) {
    switch (from->kind) {
    case DUE_NONE: return true;
    case DUE_WORKDAY:
        return from->first != 0 && from->last != 0 && (from->first < 0) == (from->last < 0) &&
               from->first <= from->last && from->first >= -31 && from->last <= 31;
    case DUE_DAY: return from->day != NULL;
    case DUE_YEAR_DAY:
        return year_day_sane(from->first) && year_day_sane(from->last) && from->first <= from->last &&
               from->after <= 10;
    case DUE_DATE: return from->date != NULL || policy_day_sane(from->last);
    case DUE_WORKDAYS:
        return from->last >= 0 && (size_t)from->last < step && steps[from->last].due.kind != DUE_NONE &&
               from->after >= 1 && from->after <= WORKDAYS_AFTER_MAX;
    case DUE_CYCLE: return from->last >= 0 && from->last < CYCLE__COUNT && r->policy->cash_cycle;
    default: return false;
    }
}

static int read_due(const unpacker_t *r, const Tc__PolicyFundDue *from, size_t step, const fund_step_t *steps,
                    fund_due_t *to) {
    if (!from || !due_sane(r, from, step, steps)) return unpack_bad(r, "a day of a flow");
    *to = (fund_due_t){
        .kind = (due_kind_t)from->kind, .first = from->first, .last = from->last, .after = (uint8_t)from->after};
    int rc = from->kind == DUE_DAY ? unpack_month_day(r, from->day, &to->day) : E_OK;
    return rc ? rc : unpack_ref(r, from->date, UNIT_COUNT, REF_NONE, &to->date);
}

static bool place_sane(int32_t place, uint32_t count) { return place >= -1 && place < (int32_t)count; }

static int read_comparisons(const unpacker_t *r, const Tc__PolicyFundStep *from, const fund_rules_t *fund,
                            fund_step_t *to) {
    fund_comparison_t *items = unpack_take(r, from->n_compares, sizeof *items);
    if (!items) return unpack_no_memory(r);
    for (size_t i = 0; i < from->n_compares; i++) {
        const Tc__PolicyFundComparison *one = from->compares[i];
        if (one->source >= COMPARED__COUNT || (one->source == COMPARED_BUSINESS) != (one->accounts == 0) ||
            (fund->account_count < 32 && one->accounts >> fund->account_count))
            return unpack_bad(r, "a comparison");
        items[i] = (fund_comparison_t){(compared_t)one->source, one->accounts};
    }
    to->compares = items;
    to->compare_count = (uint32_t)from->n_compares;
    return E_OK;
}

static int read_step(const unpacker_t *r, const Tc__PolicyFundStep *from, const fund_rules_t *fund, size_t place,
                     fund_step_t *steps) {
    fund_step_t *to = &steps[place];
    const bool money = from->from_account >= 0;
    if (from->actor >= fund->actor_count || from->guard >= GUARD__COUNT ||
        !place_sane(from->receiver, fund->actor_count) || !place_sane(from->from_account, fund->account_count) ||
        !place_sane(from->to_account, fund->account_count) || money != (from->to_account >= 0) ||
        money == (*from->document != 0) || (from->guard == GUARD_MONTHS_COVERED) != (from->guard_count != NULL) ||
        (from->guard == GUARD_SHARE) != (from->share != NULL) || (from->approves && money) ||
        (from->unassigned && !money) || (from->guard == GUARD_BOOKS_AGREE) != (from->n_compares != 0) ||
        from->n_compares > FUND_COMPARISONS_MAX)
        return unpack_bad(r, "a step of a flow");
    *to = (fund_step_t){.name = from->name,
                        .actor = (uint8_t)from->actor,
                        .receiver = (int8_t)from->receiver,
                        .from_account = (int8_t)from->from_account,
                        .to_account = (int8_t)from->to_account,
                        .document = from->document,
                        .guard = (guard_t)from->guard,
                        .unassigned = from->unassigned,
                        .approves = from->approves};
    int rc = unpack_rule(r, from->rule, &to->rule);
    if (!rc) rc = read_due(r, from->due, place, steps, &to->due);
    if (!rc) rc = unpack_ref(r, from->guard_count, UNIT_COUNT, REF_NONE, &to->guard_count);
    if (!rc) rc = unpack_ref(r, from->share, UNIT_RATE, REF_NONE, &to->share);
    return rc ? rc : read_comparisons(r, from, fund, to);
}

static int read_flow(const unpacker_t *r, const Tc__PolicyFundFlow *from, const fund_rules_t *fund, fund_flow_t *to) {
    if (from->n_steps > FLOW_STEPS_MAX || from->every >= EVERY__COUNT || from->from > from->to ||
        from->keeps >= KEEPS__COUNT)
        return unpack_bad(r, "a flow");
    fund_step_t *steps = unpack_take(r, from->n_steps, sizeof *steps);
    if (!steps) return unpack_no_memory(r);
    *to = (fund_flow_t){.name = from->name,
                        .name_zh = from->name_zh,
                        .every = (every_t)from->every,
                        .keeps = (keeps_t)from->keeps,
                        .for_next = from->for_next,
                        .from = from->from,
                        .to = from->to,
                        .steps = steps,
                        .step_count = (uint32_t)from->n_steps};
    int rc = unpack_rule(r, from->rule, &to->rule);
    for (size_t i = 0; i < from->n_steps && !rc; i++) rc = read_step(r, from->steps[i], fund, i, steps);
    return rc;
}

static int read_flows(const unpacker_t *r, const Tc__PolicyFund *from, fund_rules_t *to) {
    if (from->n_flows > FUND_FLOWS_MAX) return unpack_bad(r, "too many flows");
    fund_flow_t *flows = unpack_take(r, from->n_flows, sizeof *flows);
    if (!flows) return unpack_no_memory(r);
    int rc = E_OK;
    for (size_t i = 0; i < from->n_flows && !rc; i++) rc = read_flow(r, from->flows[i], to, &flows[i]);
    to->flows = flows;
    to->flow_count = (uint32_t)from->n_flows;
    return rc;
}

static int read_ledgers(const unpacker_t *r, const Tc__PolicyFund *from, fund_rules_t *to) {
    if (from->n_ledger_rules != LEDGER_KEY__COUNT || from->ledgers_by >> LEDGER_KEY__COUNT)
        return unpack_bad(r, "ledgers of fund");
    to->ledgers_by = from->ledgers_by;
    int rc = E_OK;
    for (int i = 0; i < LEDGER_KEY__COUNT && !rc; i++)
        if (from->ledgers_by >> i & 1) rc = unpack_rule(r, from->ledger_rules[i], &to->ledger_rules[i]);
    return rc;
}

int unpack_fund(const unpacker_t *r) {
    const Tc__PolicyFund *from = r->message->fund;
    r->policy->fund = NULL;
    if (!from) return E_OK;
    if (!policy_day_sane(from->from)) return unpack_bad(r, "date of fund");
    fund_rules_t *to = unpack_take(r, 1, sizeof *to);
    if (!to) return unpack_no_memory(r);
    *to = (fund_rules_t){.from = from->from};
    int rc = unpack_rule(r, from->rule, &to->rule);
    if (!rc) rc = rule_or_none(r, from->between_funds_rule, &to->between_funds_rule);
    if (!rc) rc = read_ledgers(r, from, to);
    if (!rc) rc = read_funds(r, from, to);
    if (!rc) rc = read_actors(r, from, to);
    if (!rc) rc = read_accounts(r, from, to);
    if (!rc) rc = read_moves(r, from, to);
    if (!rc) rc = read_flows(r, from, to);
    if (!rc) rc = unpack_books(r, from, to);
    if (!rc) r->policy->fund = to;
    return rc;
}
