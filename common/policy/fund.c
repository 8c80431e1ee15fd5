// Section `fund`, from the file. Every name that it uses must be declared in it, every step that moves money must be a
// movement that it allows.
#include "books_io.h"
#include "fund.h"
#include "month_day_io.h"

#define X(code, name) [code] = name,
static const char *const kinds[ACCOUNT_KIND__COUNT] = {ACCOUNT_KIND_TABLE(X)};
static const char *const holders[HOLDER__COUNT] = {HOLDER_TABLE(X)};
static const char *const ledger_keys[LEDGER_KEY__COUNT] = {LEDGER_KEY_TABLE(X)};
static const char *const everys[EVERY__COUNT] = {EVERY_TABLE(X)};
static const char *const keeps_words[KEEPS__COUNT] = {KEEPS_TABLE(X)};
static const char *const guards[GUARD__COUNT] = {GUARD_TABLE(X)};
static const char *const compared_words[COMPARED__COUNT] = {COMPARED_TABLE(X)};
static const char *const points[CYCLE__COUNT] = {CYCLE_POINT_TABLE(X)};
#undef X

const char *account_kind_name(account_kind_t kind) { return kind < ACCOUNT_KIND__COUNT ? kinds[kind] : ""; }
const char *holder_name(holder_t holder) { return holder < HOLDER__COUNT ? holders[holder] : ""; }
const char *ledger_key_name(ledger_key_t key) { return key < LEDGER_KEY__COUNT ? ledger_keys[key] : ""; }
const char *every_name(every_t every) { return every < EVERY__COUNT ? everys[every] : ""; }
const char *compared_name(compared_t compared) { return compared < COMPARED__COUNT ? compared_words[compared] : ""; }
const char *guard_name(guard_t guard) { return guard < GUARD__COUNT ? guards[guard] : ""; }

enum { NAME_MAX_BYTES = 32, YEARS_AFTER_MAX = 5, WORKDAY_MAX = 15 };

static char *name_of(loader_t *l, const yaml_node_t *node, const char *name) {
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
    if (!l->rc && (!*name || strlen(name) > NAME_MAX_BYTES || strspn(name, letters) != strlen(name)))
        fail(l, node, "%.40s is no name of 1 to %d letters, digits and _", name, NAME_MAX_BYTES);
    return unconst(name);
}

static const yaml_node_t *map_of(loader_t *l, const yaml_node_t *section, const char *key, size_t most) {
    const yaml_node_t *map = need(l, section, key);
    if (!is_map(l, map)) return NULL;
    if (map->count == 0 || map->count > most) fail(l, map, "expected 1 to %zu of them", most);
    return map;
}

// ---- funds, actors, accounts

static void load_funds(loader_t *l, const yaml_node_t *section, Tc__PolicyFund *to) {
    static const char *const keys[] = {"name", "apart", "rule", NULL};
    const yaml_node_t *map = map_of(l, section, "funds", FUNDS_MAX);
    if (!map) return;
    to->funds = take(l, map->count, sizeof *to->funds);
    for (const yaml_node_t *node = map->first; node && !l->rc; node = node->next) {
        Tc__PolicyFundItem *item = to->funds[to->n_funds++] = take(l, 1, sizeof *item);
        if (!item) return;
        *item = (Tc__PolicyFundItem)TC__POLICY_FUND_ITEM__INIT;
        only(l, node, keys);
        item->rule = rule_of(l, node);
        item->name = name_of(l, node, node->key);
        item->name_zh = unconst(text_of(l, need(l, node, "name")));
        const yaml_node_t *apart = may(l, node, "apart");
        item->apart = apart && truth_of(l, apart);
        l->rule = NULL;
    }
}

// A name, or {name: …, holder: county} of those that are in each county.
static void load_actor(loader_t *l, const yaml_node_t *node, Tc__PolicyFundActor *to) {
    static const char *const keys[] = {"name", "holder", NULL};
    to->name = name_of(l, node, node->key);
    if (node->kind != YAML_MAP) {
        to->name_zh = unconst(text_of(l, node));
        return;
    }
    only(l, node, keys);
    to->name_zh = unconst(text_of(l, need(l, node, "name")));
    to->county = word_of(l, need(l, node, "holder"), holders, HOLDER__COUNT) == HOLDER_COUNTY;
}

static void load_actors(loader_t *l, const yaml_node_t *section, Tc__PolicyFund *to) {
    const yaml_node_t *map = map_of(l, section, "actors", FUND_ACTORS_MAX);
    if (!map) return;
    to->actors = take(l, map->count, sizeof *to->actors);
    for (const yaml_node_t *node = map->first; node && !l->rc; node = node->next) {
        Tc__PolicyFundActor *actor = to->actors[to->n_actors++] = take(l, 1, sizeof *actor);
        if (!actor) return;
        *actor = (Tc__PolicyFundActor)TC__POLICY_FUND_ACTOR__INIT;
        load_actor(l, node, actor);
    }
}

static void load_accounts(loader_t *l, const yaml_node_t *section, Tc__PolicyFund *to) {
    static const char *const keys[] = {"kind", "holder", "name", "in_rule", "out_rule", "rule", NULL};
    const yaml_node_t *map = map_of(l, section, "accounts", FUND_ACCOUNTS_MAX);
    if (!map) return;
    to->accounts = take(l, map->count, sizeof *to->accounts);
    for (const yaml_node_t *node = map->first; node && !l->rc; node = node->next) {
        Tc__PolicyFundAccount *account = to->accounts[to->n_accounts++] = take(l, 1, sizeof *account);
        if (!account) return;
        *account = (Tc__PolicyFundAccount)TC__POLICY_FUND_ACCOUNT__INIT;
        only(l, node, keys);
        account->rule = rule_of(l, node);
        account->name = name_of(l, node, node->key);
        account->name_zh = unconst(text_of(l, need(l, node, "name")));
        account->kind = word_of(l, need(l, node, "kind"), kinds, ACCOUNT_KIND__COUNT);
        account->holder = word_of(l, need(l, node, "holder"), holders, HOLDER__COUNT);
        account->in_rule = rule_may(l, node, "in_rule");
        account->out_rule = rule_may(l, node, "out_rule");
        l->rule = NULL;
    }
}

static int account_named(loader_t *l, const yaml_node_t *node, const Tc__PolicyFund *fund) {
    const char *name = text_of(l, node);
    for (size_t i = 0; i < fund->n_accounts && !l->rc; i++)
        if (strcmp(fund->accounts[i]->name, name) == 0) return (int)i;
    if (node) fail(l, node, "there is no account %.40s in `accounts`", name);
    return -1;
}

static int actor_named(loader_t *l, const yaml_node_t *node, const Tc__PolicyFund *fund) {
    const char *name = text_of(l, node);
    for (size_t i = 0; i < fund->n_actors && !l->rc; i++)
        if (strcmp(fund->actors[i]->name, name) == 0) return (int)i;
    if (node) fail(l, node, "there is no actor %.40s in `actors`", name);
    return -1;
}

// ---- movements

// Accounts of a name or a list of names, as bits.
static uint32_t accounts_of(loader_t *l, const yaml_node_t *node, const Tc__PolicyFund *fund) {
    uint32_t bits = 0;
    if (!node || l->rc) return 0;
    if (node->kind != YAML_LIST) {
        int account = account_named(l, node, fund);
        return account < 0 ? 0 : 1u << account;
    }
    for (const yaml_node_t *item = node->first; item && !l->rc; item = item->next) {
        int account = account_named(l, item, fund);
        if (account < 0) return 0;
        if (bits >> account & 1) fail(l, node, "%.40s stands here twice", text_of(l, item));
        bits |= 1u << account;
    }
    if (!bits) fail(l, node, "names no account");
    return bits;
}

static uint32_t funds_of(loader_t *l, const yaml_node_t *list, const Tc__PolicyFund *fund) {
    uint32_t bits = 0;
    if (!list || !is_list(l, list)) return 0;
    for (const yaml_node_t *item = list->first; item && !l->rc; item = item->next) {
        const char *name = text_of(l, item);
        size_t i = 0;
        while (i < fund->n_funds && strcmp(fund->funds[i]->name, name) != 0) i++;
        if (i == fund->n_funds) fail(l, list, "there is no fund %.40s in `funds`", name);
        bits |= i < fund->n_funds ? 1u << i : 0;
    }
    if (!bits) fail(l, list, "names no fund");
    return bits;
}

static void load_movements(loader_t *l, const yaml_node_t *section, Tc__PolicyFund *to) {
    static const char *const keys[] = {"out_of", "into", "funds", "from", "to", "refused", "matched", "rule", NULL};
    const yaml_node_t *list = need(l, section, "movements");
    if (!is_list(l, list)) return;
    if (list->count == 0 || list->count > FUND_MOVEMENTS_MAX) fail(l, list, "expected 1 to %d", FUND_MOVEMENTS_MAX);
    to->movements = take(l, list->count, sizeof *to->movements);
    for (const yaml_node_t *node = list->first; node && !l->rc; node = node->next) {
        Tc__PolicyFundMovement *move = to->movements[to->n_movements++] = take(l, 1, sizeof *move);
        if (!move) return;
        *move = (Tc__PolicyFundMovement)TC__POLICY_FUND_MOVEMENT__INIT;
        only(l, node, keys);
        move->rule = rule_of(l, node);
        move->from_accounts = accounts_of(l, need(l, node, "out_of"), to);
        move->to_accounts = accounts_of(l, need(l, node, "into"), to);
        move->funds = funds_of(l, may(l, node, "funds"), to);
        span_t span = span_of(l, node, (span_t){DATE_NONE, DATE_MAX});
        move->from = may(l, node, "from") ? span.from : to->from;
        move->to = span.to;
        if (!l->rc && move->from > move->to) fail(l, node, "ends before it begins");
        const yaml_node_t *refused = may(l, node, "refused");
        move->refused = refused && truth_of(l, refused);
        move->matched_rule = rule_may(l, node, "matched");
        l->rule = NULL;
    }
}

static bool is_allowed(const Tc__PolicyFund *fund, int from, int to) {
    for (size_t i = 0; i < fund->n_movements; i++)
        if (fund->movements[i]->from_accounts >> from & 1 && fund->movements[i]->to_accounts >> to & 1)
            return !fund->movements[i]->refused;
    return false;
}

// ---- flows

static int32_t year_day_of(loader_t *l, const yaml_node_t *node) {
    int month = 0, day = 0, end = 0;
    const char *text = text_of(l, node);
    if (!node || l->rc) return 0;
    if (sscanf(text, "%2d-%2d%n", &month, &day, &end) != 2 || text[end] || strlen(text) != 5 ||
        !date_valid(2019, month, day))
        fail(l, node, "%.20s is not a day of every year like 01-31", text);
    return month * 100 + day;
}

// {yearly: 01-31} or {yearly: [10-01, 12-31]}; years_after
static void due_yearly(loader_t *l, const yaml_node_t *map, const yaml_node_t *yearly, Tc__PolicyFundDue *to) {
    const bool window = yearly->kind == YAML_LIST;
    const yaml_node_t *after = may(l, map, "years_after");
    if (window && yearly->count != 2) fail(l, yearly, "expected a first and a last day");
    if (l->rc) return;
    to->kind = DUE_YEAR_DAY;
    to->first = year_day_of(l, window ? yearly->first : yearly);
    to->last = window ? year_day_of(l, yearly->first->next) : to->first;
    if (!l->rc && to->first > to->last) fail(l, yearly, "ends before it begins");
    if (after) to->after = (uint32_t)number_of(l, after, 0, YEARS_AFTER_MAX);
}

// {workdays: [-2, -1]}: the last two of the month
static void due_workdays(loader_t *l, const yaml_node_t *list, Tc__PolicyFundDue *to) {
    if (!is_list(l, list)) return;
    if (list->count != 2) fail(l, list, "expected a first and a last working day like [-2, -1]");
    if (l->rc) return;
    to->kind = DUE_WORKDAY;
    to->first = (int32_t)number_of(l, list->first, -WORKDAY_MAX, WORKDAY_MAX);
    to->last = (int32_t)number_of(l, list->first->next, -WORKDAY_MAX, WORKDAY_MAX);
    if (!l->rc && (to->first == 0 || to->last == 0 || (to->first < 0) != (to->last < 0) || to->first > to->last))
        fail(l, list, "expected a first and a last working day like [-2, -1]");
}

static void due_date(loader_t *l, const yaml_node_t *date, Tc__PolicyFundDue *to) {
    to->kind = DUE_DATE;
    if (date->kind == YAML_MAP)
        to->date = ref_of(l, date, UNIT_COUNT, (span_t){DATE_NONE, DATE_MAX}, NULL);
    else
        to->last = date_of(l, date);
}

// {workdays_after: 5, step: city_plan}: an earlier step of the same flow
static void due_after(loader_t *l, const yaml_node_t *map, const yaml_node_t *after, const Tc__PolicyFundFlow *flow,
                      Tc__PolicyFundDue *to) {
    const yaml_node_t *step = need(l, map, "step");
    const char *name = text_of(l, step);
    to->kind = DUE_WORKDAYS;
    to->after = (uint32_t)number_of(l, after, 1, WORKDAYS_AFTER_MAX);
    to->last = -1;
    for (size_t i = 0; i + 1 < flow->n_steps && !l->rc; i++)
        if (strcmp(flow->steps[i]->name, name) == 0) to->last = (int32_t)i;
    if (!l->rc && (to->last < 0 || flow->steps[to->last]->due->kind == DUE_NONE))
        fail(l, step, "%.40s is no earlier step of this flow with a day", name);
}

static Tc__PolicyFundDue *due_of(loader_t *l, const yaml_node_t *map, const Tc__PolicyFundFlow *flow) {
    static const char *const keys[] = {"cycle", "workdays",       MONTH_DAY_KEYS, "yearly", "years_after",
                                       "date",  "workdays_after", "step",         NULL};
    static const char *const ways[] = {"cycle", "workdays", "day", "yearly", "date", "workdays_after"};
    Tc__PolicyFundDue *to = take(l, 1, sizeof *to);
    if (!to) return NULL;
    *to = (Tc__PolicyFundDue)TC__POLICY_FUND_DUE__INIT;
    if (!map) return to;
    only(l, map, keys);
    const yaml_node_t *way[COUNT_OF(ways)];
    int count = 0;
    for (size_t i = 0; i < COUNT_OF(ways); i++) count += (way[i] = may(l, map, ways[i])) != NULL;
    if (count != 1) fail(l, map, "expected one of cycle, workdays, day, yearly, date, workdays_after");
    if (l->rc) return to;
    if (way[0]) {
        to->kind = DUE_CYCLE;
        to->last = (int32_t)word_of(l, way[0], points, CYCLE__COUNT);
        if (!l->rc && !l->out->cash_cycle) fail(l, way[0], "the city has no section cash_cycle");
    }
    if (way[1]) due_workdays(l, way[1], to);
    if (way[2]) to->kind = DUE_DAY, to->day = month_day_of(l, map);
    if (way[3]) due_yearly(l, map, way[3], to);
    if (way[4]) due_date(l, way[4], to);
    if (way[5]) due_after(l, map, way[5], flow, to);
    return to;
}

// {source: bank, accounts: [income_county, income_city]}
static void load_comparison(loader_t *l, const yaml_node_t *node, const Tc__PolicyFund *fund,
                            Tc__PolicyFundComparison *to) {
    static const char *const keys[] = {"source", "accounts", NULL};
    const yaml_node_t *accounts = may(l, node, "accounts");
    only(l, node, keys);
    to->source = word_of(l, need(l, node, "source"), compared_words, COMPARED__COUNT);
    if ((to->source == COMPARED_BUSINESS) != (accounts == NULL))
        fail(l, node, "statements are of accounts, business is of none");
    if (accounts) to->accounts = accounts_of(l, accounts, fund);
    for (size_t i = 0; i < fund->n_accounts && !l->rc; i++)
        if (to->accounts >> i & 1 && !account_keeps_money((account_kind_t)fund->accounts[i]->kind))
            fail(l, accounts, "%s holds no money of the fund", fund->accounts[i]->name);
}

static void load_comparisons(loader_t *l, const yaml_node_t *node, const Tc__PolicyFund *fund,
                             const Tc__PolicyFundFlow *flow, Tc__PolicyFundStep *to) {
    const yaml_node_t *list = may(l, node, "compares");
    if ((to->guard == GUARD_BOOKS_AGREE) != (list != NULL))
        fail(l, node, "compares and the guard books_agree belong together");
    if (!list || !is_list(l, list)) return;
    if (list->count == 0 || list->count > FUND_COMPARISONS_MAX)
        fail(l, list, "expected 1 to %d of them", FUND_COMPARISONS_MAX);
    if (flow->every == EVERY_ONCE || flow->every == EVERY_CASE || !to->document[0])
        fail(l, list, "the books of a day, month, quarter or year are compared, and a paper says so");
    to->compares = take(l, list->count, sizeof *to->compares);
    for (const yaml_node_t *one = list->first; one && !l->rc; one = one->next) {
        Tc__PolicyFundComparison *comparison = to->compares[to->n_compares++] = take(l, 1, sizeof *comparison);
        if (!comparison) return;
        *comparison = (Tc__PolicyFundComparison)TC__POLICY_FUND_COMPARISON__INIT;
        load_comparison(l, one, fund, comparison);
    }
}

static void load_guard(loader_t *l, const yaml_node_t *node, Tc__PolicyFundStep *to) {
    const yaml_node_t *guard = may(l, node, "guard"), *months = may(l, node, "months"), *share = may(l, node, "share");
    if (guard) to->guard = word_of(l, guard, guards, GUARD__COUNT);
    if ((to->guard == GUARD_MONTHS_COVERED) != (months != NULL))
        fail(l, node, "months and the guard months_covered belong together");
    if ((to->guard == GUARD_SHARE) != (share != NULL)) fail(l, node, "share and the guard share belong together");
    if (months) to->guard_count = ref_of(l, months, UNIT_COUNT, (span_t){DATE_NONE, DATE_MAX}, NULL);
    if (share) to->share = ref_of(l, share, UNIT_RATE, (span_t){DATE_NONE, DATE_MAX}, NULL);
}

// Money or a paper, never both: out_of and into, or sends (and to).
static void load_subject(loader_t *l, const yaml_node_t *node, const Tc__PolicyFund *fund, Tc__PolicyFundStep *to) {
    const yaml_node_t *from = may(l, node, "out_of"), *into = may(l, node, "into"), *sends = may(l, node, "sends");
    const yaml_node_t *receiver = may(l, node, "to"), *unassigned = may(l, node, "unassigned");
    to->from_account = to->to_account = to->receiver = -1;
    to->document = unconst("");
    if ((from != NULL) != (into != NULL)) fail(l, node, "out_of and into belong together");
    if ((from != NULL) == (sends != NULL)) fail(l, node, "expected either money (out_of, into) or a paper (sends)");
    if (from && receiver) fail(l, receiver, "money goes into an account");
    if (sends) to->document = name_of(l, sends, text_of(l, sends));
    if (receiver) to->receiver = actor_named(l, receiver, fund);
    if (!from && unassigned) fail(l, unassigned, "a paper moves no money");
    if (!from) return;
    to->from_account = account_named(l, from, fund);
    to->to_account = account_named(l, into, fund);
    if (l->rc) return;
    to->unassigned = unassigned && truth_of(l, unassigned);
    if (to->unassigned && (fund->accounts[to->from_account]->holder != HOLDER_COUNTY ||
                           fund->accounts[to->to_account]->holder == HOLDER_COUNTY || fund->actors[to->actor]->county))
        fail(l, unassigned,
             "only the city takes what no county holds, out of an account of counties into one of its own");
    if (!l->rc && !is_allowed(fund, to->from_account, to->to_account))
        fail(l, node, "moves money as none of `movements` allows");
}

static void load_step(loader_t *l, const yaml_node_t *node, const Tc__PolicyFund *fund, Tc__PolicyFundFlow *flow) {
    static const char *const keys[] = {"step",   "by",    "out_of",   "into",       "sends",    "to",   "due", "guard",
                                       "months", "share", "compares", "unassigned", "approves", "rule", NULL};
    Tc__PolicyFundStep *to = flow->steps[flow->n_steps++] = take(l, 1, sizeof *to);
    if (!to) return;
    *to = (Tc__PolicyFundStep)TC__POLICY_FUND_STEP__INIT;
    only(l, node, keys);
    to->rule = rule_of(l, node);
    const yaml_node_t *name = need(l, node, "step");
    to->name = name_of(l, name ? name : node, text_of(l, name));
    for (size_t i = 0; i + 1 < flow->n_steps && !l->rc; i++)
        if (strcmp(flow->steps[i]->name, to->name) == 0) fail(l, name, "step %s stands here twice", to->name);
    to->actor = (uint32_t)actor_named(l, need(l, node, "by"), fund);
    load_subject(l, node, fund, to);
    to->due = due_of(l, may(l, node, "due"), flow);
    load_guard(l, node, to);
    load_comparisons(l, node, fund, flow, to);
    const yaml_node_t *approves = may(l, node, "approves");
    to->approves = approves && truth_of(l, approves);
    if (to->approves && (!to->document[0] || flow->keeps == KEEPS_NOTHING))
        fail(l, approves, "only a paper of a flow with `keeps` approves figures");
    l->rule = NULL;
}

static void load_flow(loader_t *l, const yaml_node_t *node, const Tc__PolicyFund *fund, Tc__PolicyFundFlow *to) {
    static const char *const keys[] = {"name", "every", "keeps", "for_next", "from", "to", "rule", "steps", NULL};
    only(l, node, keys);
    to->rule = rule_of(l, node);
    to->name = name_of(l, node, node->key);
    to->name_zh = unconst(text_of(l, need(l, node, "name")));
    to->every = word_of(l, need(l, node, "every"), everys, EVERY__COUNT);
    const yaml_node_t *keeps = may(l, node, "keeps"), *for_next = may(l, node, "for_next");
    if (keeps) to->keeps = word_of(l, keeps, keeps_words, KEEPS__COUNT);
    to->for_next = for_next && truth_of(l, for_next);
    if (!l->rc && to->for_next && to->every != EVERY_MONTH && to->every != EVERY_YEAR)
        fail(l, for_next, "only a flow of every month or year has one");
    if (!l->rc && to->keeps != KEEPS_NOTHING && to->every != EVERY_YEAR && to->every != EVERY_CASE)
        fail(l, keeps, "figures of a year are kept by a flow of every year, or of a case");
    span_t span = span_of(l, node, (span_t){DATE_NONE, DATE_MAX});
    to->from = may(l, node, "from") || to->every == EVERY_ONCE ? span.from : fund->from;
    to->to = span.to;
    if (!l->rc && to->from > to->to) fail(l, node, "ends before it begins");
    l->rule = NULL;
    const yaml_node_t *list = need(l, node, "steps");
    if (!is_list(l, list)) return;
    if (list->count == 0 || list->count > FLOW_STEPS_MAX) fail(l, list, "expected 1 to %d steps", FLOW_STEPS_MAX);
    to->steps = take(l, list->count, sizeof *to->steps);
    for (const yaml_node_t *step = list->first; step && !l->rc; step = step->next) load_step(l, step, fund, to);
}

static void load_flows(loader_t *l, const yaml_node_t *section, Tc__PolicyFund *to) {
    const yaml_node_t *map = map_of(l, section, "flows", FUND_FLOWS_MAX);
    if (!map) return;
    to->flows = take(l, map->count, sizeof *to->flows);
    for (const yaml_node_t *node = map->first; node && !l->rc; node = node->next) {
        Tc__PolicyFundFlow *flow = to->flows[to->n_flows++] = take(l, 1, sizeof *flow);
        if (!flow) return;
        *flow = (Tc__PolicyFundFlow)TC__POLICY_FUND_FLOW__INIT;
        load_flow(l, node, to, flow);
    }
}

// {county: YC-F02, …}: what the books are kept by
static void load_ledgers(loader_t *l, const yaml_node_t *section, Tc__PolicyFund *to) {
    const yaml_node_t *map = map_of(l, section, "ledgers_by", LEDGER_KEY__COUNT);
    to->ledger_rules = take(l, LEDGER_KEY__COUNT, sizeof *to->ledger_rules);
    if (!map || !to->ledger_rules) return;
    to->n_ledger_rules = LEDGER_KEY__COUNT;
    for (const yaml_node_t *node = map->first; node && !l->rc; node = node->next) {
        const yaml_node_t key = {.kind = YAML_SCALAR, .line = node->line, .key = "ledgers_by", .text = node->key};
        uint32_t by = word_of(l, &key, ledger_keys, LEDGER_KEY__COUNT);
        to->ledgers_by |= 1u << by;
        to->ledger_rules[by] = rule_named(l, node);
    }
}

int load_fund(loader_t *l) {
    static const char *const keys[] = {"rule",     "from",      "between_funds", "ledgers_by", "funds", "actors",
                                       "accounts", "movements", "flows",         "books",      NULL};
    const yaml_node_t *section = section_of(l, "fund");
    if (!section) return l->rc;
    Tc__PolicyFund *to = take(l, 1, sizeof *to);
    if (!to) return l->rc;
    *to = (Tc__PolicyFund)TC__POLICY_FUND__INIT;
    only(l, section, keys);
    to->rule = rule_of(l, section);
    to->from = date_of(l, need(l, section, "from"));
    to->between_funds_rule = rule_may(l, section, "between_funds");
    l->rule = NULL;
    load_ledgers(l, section, to);
    load_funds(l, section, to);
    load_actors(l, section, to);
    load_accounts(l, section, to);
    load_movements(l, section, to);
    load_flows(l, section, to);
    load_books(l, section, to);
    l->out->fund = to;
    return l->rc;
}
