// Round trips are per batch, never per bill: one to Redis, at most one to collection per 256 missing persons, one to
// the store for heads.
#include "batch.h"
#include "bill_lines.h"
#include "common/base/hash.h"
#include "common/cache/entitlement_keys.h"
#include "common/wire/scope.h"
#include <string.h>

enum { ENTITLEMENTS_PER_COMMAND = 256, SENTENCE_MAX = 240 };
// Of a bill's first version; what later ones add (what they replace, sentences of the split) keeps them under the bound
// of a message, so that whatever was decided can be read, sent and told.
enum { DECISION_MAX_BYTES = 3 * WIRE_MESSAGE_MAX_BYTES / 4 };

static int no_memory(err_t *err) { return err_set(err, E_IO, "the batch needs more memory than its arena may take"); }

void batch_refuse(batch_t *batch, item_t *item, int code, const err_t *err) {
    if (batch->ahead) {
        batch->spoiled = true;
        return;
    }
    if (batch->hesitates && item->op == OP_BILL && item->state == ITEM_OPEN) {
        item->state = ITEM_LATER;
        item->is_entitled = false;
        return;
    }
    adjudication_refuse(batch->on, item->request, code, err);
    if (batch->settling) metric_add(batch->on->metrics.refused[code], 1);
    item->state = ITEM_ANSWERED;
}

// ---- taking
// -------------------------------------------------------------------------------------------------------------

static int not_registered(const adjudication_t *on, const char *facility, err_t *err) {
    if (on->ports.register_behind && on->ports.register_behind(on->ports.self))
        return err_field(err, E_UNAVAILABLE, "facility",
                         "facility %.12s is not known here yet: the register is still being read", facility);
    return err_field(err, E_NOT_FOUND, "facility", "facility %.12s is not registered", facility);
}

// A place that the register does not know is possible outside the city only; it counts as not designated and, since its
// grade is unknown, as level 3, where every city pays least.
int batch_place(const adjudication_t *on, const Tc__Bill *bill, benefit_bill_t *input, err_t *err) {
    facility_on_t facility = {.level = LEVEL_3};
    if (!on->facilities_ready)
        return err_field(err, E_UNAVAILABLE, "facility", "the register of facilities is still being read");
    if (!facilities_find(on->facilities, bill->facility, input->to, &facility) && input->area != AREA_OUTSIDE)
        return not_registered(on, bill->facility, err);
    input->level = facility.level;
    input->primary = facility.primary;
    input->designated = facility.designated;
    return 0;
}

chain_t *batch_chain(batch_t *batch, const char *person, int year) {
    void **place = textmap_place(&batch->chain_map, person, year);
    if (*place) return *place;
    CHECK(batch->chain_count < 2 * batch->room);
    chain_t *chain = &batch->chains[batch->chain_count++];
    *chain = (chain_t){.person = person, .year = year, .partition = partition_of(person)};
    *place = chain;
    return chain;
}

// One sentence for the books. What it says is the caller's business, but it has to fit into a line.
static int check_sentence(const char *field, const char *text, err_t *err) {
    if (!text[0]) return err_field(err, E_MISSING_FIELD, field, "%s is missing", field);
    if (strlen(text) > SENTENCE_MAX)
        return err_field(err, E_OUT_OF_RANGE, field, "%s is longer than %d bytes", field, SENTENCE_MAX);
    for (const char *c = text; *c; c++)
        if ((unsigned char)*c < ' ' || *c == 127)
            return err_field(err, E_INVALID_FIELD, field, "%s has control characters", field);
    return 0;
}

static int unpack(batch_t *batch, const item_t *item, const ProtobufCMessageDescriptor *type, ProtobufCMessage **out,
                  err_t *err) {
    return message_unpack(out, type, item->request->body, item->request->body_bytes, batch->on->arena, err);
}

static int take_bill(batch_t *batch, item_t *item, err_t *err) {
    ProtobufCMessage *message;
    int rc = unpack(batch, item, &tc__bill__descriptor, &message, err);
    if (rc) return rc;
    item->bill = (const Tc__Bill *)message;
    rc = intake_check(item->bill, date_of_ms(batch->now_ms), &item->input, err);
    if (!rc) rc = scope_check_facility(item->request->header.scope, item->bill->facility, err);
    if (rc) return rc;
    rc = batch_place(batch->on, item->bill, &item->input, err);
    // An instance that has not heard of a hospital yet may be asked for a bill again that another one has settled.
    item->unplaced = rc && batch->on->facilities_ready && batch->settling;
    if (rc && !item->unplaced) return rc;
    if (!order_make(item->bill->to, item->bill->from, item->bill->bill, &item->order))
        return err_set(err, E_INTERNAL, "a bill without a place in the order was let in");
    item->chain = batch_chain(batch, item->bill->person, date_year(item->input.to));
    return 0;
}

// Its chain is known when its bill was looked for.
static int take_reversal(batch_t *batch, item_t *item, err_t *err) {
    ProtobufCMessage *message;
    int rc = unpack(batch, item, &tc__reverse_bill__descriptor, &message, err);
    if (rc) return rc;
    item->op = OP_REVERSE;
    item->reverse = (const Tc__ReverseBill *)message;
    rc = intake_check_name("bill", item->reverse->bill, err);
    if (!rc) rc = intake_check_name("person", item->reverse->person, err);
    return rc ? rc : check_sentence("reason", item->reverse->reason, err);
}

static int take_recomputation(batch_t *batch, item_t *item, err_t *err) {
    ProtobufCMessage *message;
    int rc = unpack(batch, item, &tc__recompute__descriptor, &message, err);
    if (rc) return rc;
    const Tc__Recompute *ask = (const Tc__Recompute *)message;
    item->op = OP_RECOMPUTE;
    if (ask->after < 0) return err_field(err, E_OUT_OF_RANGE, "after", "after is negative");
    item->recompute = ask;
    rc = intake_check_name("person", ask->person, err);
    if (!rc && !date_valid(ask->year, 1, 1))
        rc = err_field(err, E_INVALID_FIELD, "year", "year: expected 1900 to 2199");
    if (!rc) rc = check_sentence("cause", ask->cause, err);
    if (!rc && !ask->dry && ask->policy[0])
        rc = err_field(err, E_INVALID_FIELD, "policy", "a policy may be supposed in a dry run only");
    if (rc) return rc;
    item->chain = batch_chain(batch, ask->person, ask->year);
    if (ask->dry) item->state = ITEM_DRY;
    return 0;
}

static int take_one(batch_t *batch, item_t *item, err_t *err) {
    const char *method = item->request->header.method;
    if (strcmp(method, "reverse") == 0) return take_reversal(batch, item, err);
    if (strcmp(method, "recompute") == 0) return take_recomputation(batch, item, err);
    return take_bill(batch, item, err);
}

batch_t batch_of(adjudication_t *on) {
    return (batch_t){.on = on, .policy = policies_current(on->policies), .now_ms = on->ports.now_ms(on->ports.self)};
}

int batch_open(batch_t *batch, adjudication_t *on, size_t room, bool settling, err_t *err) {
    const size_t chains = 2 * room; // a reversal of an unknown bill may find out that there is one after all
    *batch = batch_of(on);
    batch->room = room;
    batch->settling = settling;
    batch->items = arena_room(on->arena, room * sizeof *batch->items);
    batch->chains = arena_room(on->arena, chains * sizeof *batch->chains);
    if (batch->items && batch->chains && textmap_init(&batch->chain_map, on->arena, chains) == 0) return 0;
    batch->items = NULL;
    return no_memory(err);
}

void batch_add(batch_t *batch, const request_t *const *requests, size_t count) {
    CHECK(count <= batch->room - batch->count);
    for (size_t i = 0; i < count; i++) {
        item_t *item = &batch->items[batch->count++];
        err_t refusal = {0};
        *item = (item_t){.request = requests[i]};
        int rc = take_one(batch, item, &refusal);
        if (rc) batch_refuse(batch, item, rc, &refusal);
    }
}

int batch_take(batch_t *batch, adjudication_t *on, const request_t *const *requests, size_t count, bool settling,
               err_t *err) {
    int rc = batch_open(batch, on, count, settling, err);
    if (!rc) batch_add(batch, requests, count);
    return rc;
}

// ---- entitlement
// --------------------------------------------------------------------------------------------------------

// What the cache holds; a value that is not this person's state is a miss.
static const Tc__Entitlement *unpack_cached(const cache_item_t *item, const char *person, arena_t *arena) {
    ProtobufCMessage *message;
    if (!item->data || message_unpack(&message, &tc__entitlement__descriptor, item->data, item->size, arena, NULL))
        return NULL;
    const Tc__Entitlement *state = (const Tc__Entitlement *)message;
    return strcmp(state->person, person) == 0 ? state : NULL;
}

// A renewal that waited in a resting Redis is as old as its sending, whenever it was taken.
static bool lease_holds(const cache_item_t *lease, int64_t now_ms) {
    return lease->data && now_ms < lease->version + ENTITLEMENT_LEASE_S * 1000;
}

// The lease stands first, so whatever is read after it was good while it held.
static int read_cache(batch_t *batch, chain_t *const *chains, size_t count, err_t *err) {
    arena_t *arena = batch->on->arena;
    cache_item_t *items = arena_alloc(arena, (count + 1) * sizeof *items);
    if (!items) return no_memory(err);
    items[0].key = ENTITLEMENT_LEASE_KEY;
    for (size_t i = 0; i < count; i++) {
        items[i + 1].key = arena_text(arena, ENTITLEMENT_KEY_PREFIX "%s", chains[i]->person);
        if (!items[i + 1].key) return no_memory(err);
    }
    if (cache_get(batch->on->cache, items, count + 1, arena) == 0) return 0;
    if (!lease_holds(&items[0], batch->now_ms)) return 0;
    for (size_t i = 0; i < count; i++) chains[i]->entitlement = unpack_cached(&items[i + 1], chains[i]->person, arena);
    return 0;
}

// Asks for `count` chains at once. A refusal stands in the chains, so that only their bills suffer from it.
static int ask_collection(batch_t *batch, chain_t **missing, size_t count, err_t *err) {
    adjudication_t *on = batch->on;
    const char **persons = arena_alloc(on->arena, count * sizeof *persons);
    textmap_t found;
    if (!persons || textmap_init(&found, on->arena, count * 2)) return no_memory(err);
    for (size_t i = 0; i < count; i++) persons[i] = missing[i]->person;
    Tc__Entitlements *answer;
    int rc = on->ports.entitlements(on->ports.self, persons, count, on->arena, &answer, NULL);
    for (size_t i = 0; i < count; i++) missing[i]->refusal = rc ? E_UNAVAILABLE : E_NOT_FOUND;
    if (rc) return 0;
    for (size_t i = 0; i < answer->n_entitlements && i < count; i++)
        *textmap_place(&found, answer->entitlements[i]->person, 0) = answer->entitlements[i];
    for (size_t i = 0; i < count; i++) missing[i]->entitlement = *textmap_place(&found, missing[i]->person, 0);
    return 0;
}

static int refuse_chain(const chain_t *chain, err_t *err) {
    if (chain->refusal == E_NOT_FOUND)
        return err_field(err, E_NOT_FOUND, "person", "person %.64s is not known to collection", chain->person);
    return err_field(err, E_UNAVAILABLE, "person", "collection does not answer for the entitlement; try again");
}

// Whoever was never insured has no identity; nothing is paid, so the first that the city has does for the core.
static identity_t core_identity(const policy_t *policy, int identity) {
    int i = 0;
    if (identity >= 0) return (identity_t)identity;
    while (i + 1 < IDENTITY__COUNT && !policy_has_identity(policy, (identity_t)i)) i++;
    return (identity_t)i;
}

int batch_entitle_one(const policy_t *policy, item_t *item, err_t *err) {
    if (!item->chain->entitlement) return refuse_chain(item->chain, err);
    int allowed =
        item->request ? scope_check_division(item->request->header.scope, item->chain->entitlement->division, err) : 0;
    if (allowed) return allowed;
    // Not knowing whether somebody is covered is no answer that the person is not.
    if (!policy_coverage(policy)->decides)
        return err_field(err, E_UNSUPPORTED, "person", "%s has no rules for what contributions cover",
                         policy_city(policy));
    int rc =
        entitled_on(item->chain->entitlement, policy_coverage(policy)->tier2, item->input.to, &item->entitled, err);
    if (rc) return rc;
    item->input.identity = core_identity(policy, item->entitled.identity);
    item->input.covered = item->entitled.covered;
    item->input.groups = item->entitled.groups;
    item->input.months_tier1 = item->entitled.months_tier1;
    item->input.months_tier2 = item->entitled.months_tier2;
    item->input.cover_months = item->entitled.cover_months;
    return 0;
}

static int ask_for_missing(batch_t *batch, chain_t *const *chains, size_t count, err_t *err) {
    int rc = 0;
    chain_t *missing[ENTITLEMENTS_PER_COMMAND];
    size_t missed = 0;
    for (size_t i = 0; !rc && i < count; i++) {
        chains[i]->asked = true;
        if (!chains[i]->entitlement) missing[missed++] = chains[i];
        bool full = missed == ENTITLEMENTS_PER_COMMAND || i + 1 == count;
        if (!missed || !full) continue;
        rc = ask_collection(batch, missing, missed, err);
        missed = 0;
    }
    return rc;
}

// Those not asked for yet; tombstones entitle to nothing.
static int read_new(batch_t *batch, chain_t ***out, size_t *count, err_t *err) {
    chain_t **chains = arena_alloc(batch->on->arena, (batch->chain_count + 1) * sizeof *chains);
    if (!chains) return no_memory(err);
    *out = chains;
    *count = 0;
    for (size_t i = 0; i < batch->chain_count; i++)
        if (!batch->chains[i].asked && batch->chains[i].year) chains[(*count)++] = &batch->chains[i];
    return *count ? read_cache(batch, chains, *count, err) : 0;
}

static int entitle_new(batch_t *batch, err_t *err) {
    chain_t **chains;
    size_t count;
    int rc = read_new(batch, &chains, &count, err);
    return rc ? rc : ask_for_missing(batch, chains, count, err);
}

int batch_entitle_cached(batch_t *batch, err_t *err) {
    chain_t **chains;
    size_t count;
    int rc = read_new(batch, &chains, &count, err);
    for (size_t i = 0; !rc && i < count; i++) chains[i]->asked = chains[i]->entitlement != NULL;
    return rc;
}

int batch_entitle(batch_t *batch, err_t *err) {
    int rc = entitle_new(batch, err);
    for (size_t i = 0; !rc && i < batch->count; i++) {
        item_t *item = &batch->items[i];
        err_t refusal = {0};
        if (item->state != ITEM_OPEN || item->op != OP_BILL || item->is_entitled) continue;
        item->is_entitled = true;
        int code = item->unplaced ? batch_place(batch->on, item->bill, &item->input, &refusal)
                                  : batch_entitle_one(batch->policy, item, &refusal);
        if (code) batch_refuse(batch, item, code, &refusal);
    }
    return rc;
}

// ---- heads
// --------------------------------------------------------------------------------------------------------------

static int take_heads(batch_t *batch, chain_t *const *wanted, const rows_t *found, err_t *err) {
    for (size_t row = 0; row < found->count; row++) {
        size_t bytes;
        const void *body = row_blob(found, row, 1, &bytes);
        ProtobufCMessage *message;
        int rc = message_unpack(&message, &tc__decision__descriptor, body, bytes, batch->on->arena, err);
        if (!rc)
            rc =
                decision_head(batch->policy, (const Tc__Decision *)message, &wanted[row_i64(found, row, 0)]->head, err);
        if (rc) return rc;
    }
    return 0;
}

// Which chains have no head yet: memory is asked first, what it does not know becomes a key row.
static int list_unknown(batch_t *batch, item_t *const *items, size_t count, bool trust_memory, chain_t **wanted,
                        rows_t *keys, err_t *err) {
    adjudication_t *on = batch->on;
    for (size_t i = 0; i < count; i++) {
        chain_t *chain = items[i]->chain;
        if (items[i]->state != ITEM_OPEN || !chain || chain->head_known) continue;
        chain->head_known = true;
        if (trust_memory && heads_get(on->heads, chain->person, chain->year, &chain->head)) {
            metric_add(on->metrics.heads_hit, 1);
            continue;
        }
        cell_t *key = rows_add(keys);
        if (!key) return no_memory(err);
        key[0] = cell_i64(chain->partition);
        key[1] = cell_text(chain->person);
        key[2] = cell_i64(chain->year);
        chain->head = (head_t){0};
        wanted[keys->count - 1] = chain;
    }
    return 0;
}

int batch_read_heads(batch_t *batch, item_t *const *items, size_t count, bool trust_memory, err_t *err) {
    arena_t *arena = batch->on->arena;
    chain_t **wanted = arena_alloc(arena, (count + 1) * sizeof *wanted);
    rows_t keys, found;
    if (!wanted) return no_memory(err);
    rows_init(&keys, arena, 3);
    int rc = bill_lines_fetch(batch, items, count, err);
    if (!rc) rc = list_unknown(batch, items, count, trust_memory, wanted, &keys, err);
    if (!rc && keys.count) {
        metric_add(batch->on->metrics.heads_read, (int64_t)keys.count);
        rc = decisions_find_heads(batch->on->store, &keys, arena, &found, err);
        if (!rc) rc = take_heads(batch, wanted, &found, err);
    }
    if (!rc) return 0;
    for (size_t i = 0; i < count; i++)
        if (items[i]->chain) items[i]->chain->head_known = false;
    return rc;
}

// ---- the decision
// -------------------------------------------------------------------------------------------------------

// The core speaks of "visit.filing"; the bill's message is flat.
static void flatten_field(err_t *err) {
    const char *dot = strrchr(err->field, '.');
    if (dot) memmove(err->field, dot + 1, strlen(dot + 1) + 1);
}

// What the core refuses at a place without an agreement may rest on one that was not heard of here: a refusal is final,
// so it waits until the register is read. A decision need not: it is made again when the agreement comes.
static int not_behind(const batch_t *batch, const item_t *item, int code, err_t *err) {
    const adjudication_ports_t *ports = &batch->on->ports;
    if (err_may_retry(code) || code == E_INTERNAL || item->input.designated || item->input.area == AREA_OUTSIDE)
        return code;
    if (!ports->register_behind || !ports->register_behind(ports->self)) return code;
    return err_field(err, E_UNAVAILABLE, "facility",
                     "facility %.12s has no agreement here yet: the register is still being read",
                     item->bill->facility);
}

int batch_eval(batch_t *batch, const item_t *asked, const head_t *before, int64_t seq, Tc__Decision **out,
               benefit_totals_t *after, err_t *err) {
    adjudication_t *on = batch->on;
    benefit_result_t result;
    benefit_advice_t advice[BENEFIT_ADVICE_MAX];
    item_t split = {0};
    const item_t *item = asked;
    if (bill_has_lines(asked->bill)) {
        split = *asked;
        int refused = bill_lines_apply(batch, &split, err);
        if (refused) return refused;
        item = &split;
    }
    int rc = benefit_eval_with(on->memo, batch->policy, &item->input, &before->totals, true, &result, err);
    if (rc) {
        flatten_field(err);
        return not_behind(batch, item, rc, err);
    }
    decision_facts_t facts = {.policy = batch->policy,
                              .bill = item->bill,
                              .entitlement = item->chain->entitlement,
                              .division = item->entitled.division,
                              .identity = item->entitled.identity < 0 ? "" : identity_name(item->entitled.identity),
                              .year = item->chain->year,
                              .seq = seq,
                              .based_on_seq = before->seq,
                              .decided_ms = seq ? batch->now_ms : 0,
                              .result = &result,
                              .advice = advice,
                              .advice_count =
                                  benefit_advise(batch->policy, &item->input, &before->totals, &result, advice),
                              .version = seq ? 1 : 0,
                              .request_id = seq ? item->request->header.request_id : ""};
    *out = decision_fill(&on->frame, &facts);
    *after = result.after;
    return 0;
}

// ---- personal accounts

static bool asks_accounts(const item_t *item) {
    return item->state == ITEM_OPEN && item->op == OP_BILL && item->bill->pay_from_account;
}

static size_t persons_needed(const batch_t *batch, item_t *const *items, size_t count) {
    size_t needed = 0;
    for (size_t i = 0; i < count; i++)
        if (asks_accounts(items[i])) needed += 1 + items[i]->bill->n_account_of;
    for (size_t i = 0; i < batch->chain_count; i++)
        for (size_t k = 0; batch->chains[i].has_course && k < batch->chains[i].course.count; k++)
            needed += batch->chains[i].course.bills[k].decision->n_account_parts;
    return needed;
}

int batch_read_accounts(batch_t *batch, item_t *const *items, size_t count, err_t *err) {
    const payments_t *payments = batch->on->payments;
    size_t listed = 0;
    if (!payments) return 0;
    const char **persons = arena_alloc(batch->on->arena, (persons_needed(batch, items, count) + 1) * sizeof *persons);
    if (!persons) return no_memory(err);
    for (size_t i = 0; i < count; i++) {
        if (!asks_accounts(items[i])) continue;
        const Tc__Bill *bill = items[i]->bill;
        persons[listed++] = bill->person;
        for (size_t k = 0; k < bill->n_account_of; k++) persons[listed++] = bill->account_of[k];
    }
    for (size_t i = 0; i < batch->chain_count; i++) {
        const chain_t *chain = &batch->chains[i];
        for (size_t k = 0; chain->has_course && k < chain->course.count; k++) {
            const Tc__Decision *stood = chain->course.bills[k].decision;
            for (size_t p = 0; p < stood->n_account_parts; p++) persons[listed++] = stood->account_parts[p]->person;
        }
    }
    return payments->begin(payments->self, persons, listed, err);
}

int batch_pay(batch_t *batch, Tc__Decision *decision, bool asked, err_t *err) {
    const payments_t *payments = batch->on->payments;
    int rc = payments ? payments->pay(payments->self, decision, asked, err) : 0;
    CHECK(rc || (decision->account_fen >= 0 && decision->account_fen <= decision->own_fen));
    return rc;
}

int batch_pack_row(batch_t *batch, Tc__Decision *decision, row_kind_t kind, row_t *row, err_t *err) {
    *row = (row_t){.kind = kind, .bill = decision->bill, .seq = decision->seq, .version = decision->version};
    if (kind == ROW_SETTLED || kind == ROW_RECOMPUTED) row->lines = bill_lines_kept(decision->input);
    row->body = message_pack(&decision->base, batch->on->arena, &row->body_bytes);
    if (!row->body) return no_memory(err);
    if (kind != ROW_SETTLED || row->body_bytes <= DECISION_MAX_BYTES) return 0;
    return err_field(err, E_TOO_LARGE, "bill", "the decision would have %zu bytes, at most %d are allowed",
                     row->body_bytes, DECISION_MAX_BYTES);
}

int batch_decide(batch_t *batch, item_t *item, const head_t *before, int64_t seq, head_t *after, err_t *err) {
    Tc__Decision *decision = NULL;
    benefit_totals_t totals;
    int rc = batch_eval(batch, item, before, seq, &decision, &totals, err);
    if (!rc) rc = batch_pay(batch, decision, seq == 0, err);
    if (!rc) rc = batch_pack_row(batch, decision, ROW_SETTLED, &item->row, err);
    if (rc) return rc;
    item->rows = &item->row;
    item->row_count = 1;
    item->body = item->row.body;
    item->body_bytes = item->row.body_bytes;
    if (after) *after = (head_t){.seq = seq, .totals = totals, .last = item->order};
    item->state = ITEM_DECIDED;
    return 0;
}
