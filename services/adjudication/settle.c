// Decide on what is known, insert, and let the keys refuse what somebody else did first. A refused turn has written
// nothing: heads and stream numbers are read again and the bills that are still open are decided anew. Each try first
// asks for stored rows under the same request ids and bills, so a commit whose outcome was lost is found, not done
// twice.
#include "settle.h"
#include "common/base/log.h"
#include <string.h>

enum { BY_REQUEST, BY_BILL }; // tags of the map of this turn's ids
enum { LOOK_FIRST_TURNS = 64 };

typedef struct turn {
    batch_t batch;
    textmap_t ids; // request ids and bills decided in this try → item
    int64_t from_us;
} turn_t;

static adjudication_t *on(turn_t *turn) { return turn->batch.on; }

static void answer(turn_t *turn, item_t *item, const void *body, size_t bytes) {
    adjudication_reply(on(turn), item->request, body, bytes);
    item->state = ITEM_ANSWERED;
}

static void refuse_conflict(turn_t *turn, item_t *item) {
    err_t err = {0};
    err_set(&err, E_CONFLICT, "this request id was used for another bill before");
    batch_refuse(&turn->batch, item, E_CONFLICT, &err);
}

static void refuse_exists(turn_t *turn, item_t *item) {
    err_t err = {0};
    err_field(&err, E_EXISTS, "bill", "bill %.64s is settled already under another request id", item->bill->bill);
    batch_refuse(&turn->batch, item, E_EXISTS, &err);
}

// ---- stored before?
// -----------------------------------------------------------------------------------------------------

static void answer_stored(turn_t *turn, item_t *item, const void *digest, const void *body, size_t bytes) {
    if (memcmp(digest, item->digest, SHA256_BYTES) != 0) {
        refuse_conflict(turn, item);
        return;
    }
    metric_add(on(turn)->metrics.repeated, 1);
    answer(turn, item, body, bytes);
}

// A row under the same request id decides; a row of the same bill only when there is none.
static void answer_found(turn_t *turn, item_t *const *asked, const rows_t *found) {
    for (size_t pass = BY_REQUEST; pass <= BY_BILL; pass++)
        for (size_t row = 0; row < found->count; row++) {
            item_t *item = asked[row_i64(found, row, 0)];
            size_t digest_bytes, bytes;
            const void *digest = row_blob(found, row, 2, &digest_bytes), *body = row_blob(found, row, 3, &bytes);
            if (item->state != ITEM_OPEN) continue;
            bool same_id = strcmp(row_text(found, row, 1), item->request->header.request_id) == 0;
            if (pass == BY_BILL)
                refuse_exists(turn, item);
            else if (same_id && digest_bytes == SHA256_BYTES)
                answer_stored(turn, item, digest, body, bytes);
        }
}

static int find_settled(turn_t *turn, item_t *const *items, size_t count, err_t *err) {
    arena_t *arena = on(turn)->arena;
    item_t **asked = arena_alloc(arena, (count + 1) * sizeof *asked);
    rows_t keys, found;
    rows_init(&keys, arena, 2);
    for (size_t i = 0; asked && i < count; i++) {
        if (items[i]->state != ITEM_OPEN) continue;
        cell_t *key = rows_add(&keys);
        if (!key) return err_set(err, E_IO, "out of memory for the batch");
        key[0] = cell_text(items[i]->request->header.request_id);
        key[1] = cell_text(items[i]->bill->bill);
        asked[keys.count - 1] = items[i];
    }
    if (!asked) return err_set(err, E_IO, "out of memory for the batch");
    if (!keys.count) return 0;
    int rc = decisions_find_settled(on(turn)->store, &keys, arena, &found, err);
    if (rc) return rc;
    if (found.count) on(turn)->look_first = LOOK_FIRST_TURNS;
    answer_found(turn, asked, &found);
    return 0;
}

// ---- deciding
// -----------------------------------------------------------------------------------------------------------

// The same id or bill twice in one batch: the later one is answered from the earlier one. True when dealt with.
static bool is_twin(turn_t *turn, item_t *item, item_t **first) {
    item_t *same_id = *textmap_place(&turn->ids, item->request->header.request_id, BY_REQUEST);
    item_t *same_bill = *textmap_place(&turn->ids, item->bill->bill, BY_BILL);
    *first = same_id ? same_id : same_bill;
    return *first != NULL;
}

static void settle_twin(turn_t *turn, item_t *item, const item_t *first) {
    if (strcmp(item->request->header.request_id, first->request->header.request_id) != 0) {
        refuse_exists(turn, item);
    } else if (memcmp(item->digest, first->digest, SHA256_BYTES) != 0) {
        refuse_conflict(turn, item);
    } else {
        item->state = ITEM_TWIN;
        item->body = first->body;
        item->body_bytes = first->body_bytes;
    }
}

static void decide_one(turn_t *turn, item_t *item) {
    err_t err = {0};
    item_t *first;
    if (is_twin(turn, item, &first)) {
        settle_twin(turn, item, first);
        return;
    }
    chain_t *chain = item->chain;
    int rc = batch_decide(&turn->batch, item, &chain->next, chain->next.seq + 1, &chain->next, &err);
    if (rc) {
        batch_refuse(&turn->batch, item, rc, &err);
        return;
    }
    *textmap_place(&turn->ids, item->request->header.request_id, BY_REQUEST) = item;
    *textmap_place(&turn->ids, item->bill->bill, BY_BILL) = item;
}

static void decide_all(turn_t *turn, item_t *const *items, size_t count) {
    textmap_clear(&turn->ids);
    for (size_t i = 0; i < count; i++)
        if (items[i]->state == ITEM_OPEN) items[i]->chain->next = items[i]->chain->head;
    for (size_t i = 0; i < count; i++)
        if (items[i]->state == ITEM_OPEN) decide_one(turn, items[i]);
}

// ---- writing
// ------------------------------------------------------------------------------------------------------------

static int add_row(turn_t *turn, rows_t *rows, const item_t *item, int64_t seq, err_t *err) {
    int64_t number;
    uint32_t partition = item->chain->partition;
    int rc = stream_reserve(on(turn)->stream, partition, row_kind_topic(ROW_SETTLED), turn->batch.now_ms, item->body,
                            item->body_bytes, &number, err);
    if (rc) return rc;
    cell_t *row = rows_add(rows);
    if (!row) return err_set(err, E_IO, "out of memory for the batch");
    const cell_t cells[DECISION_COLUMNS] = {cell_i64(partition),
                                            cell_text(item->bill->person),
                                            cell_i64(item->chain->year),
                                            cell_i64(seq),
                                            cell_i64(number),
                                            cell_i64(ROW_SETTLED),
                                            cell_text(item->request->header.request_id),
                                            cell_blob(item->digest, SHA256_BYTES),
                                            cell_text(item->bill->bill),
                                            cell_i64(1),
                                            cell_i64(turn->batch.now_ms),
                                            cell_blob(item->body, item->body_bytes)};
    memcpy(row, cells, sizeof cells);
    return 0;
}

static int insert_decided(turn_t *turn, item_t *const *items, size_t count, err_t *err) {
    rows_t rows;
    rows_init(&rows, on(turn)->arena, DECISION_COLUMNS);
    for (size_t i = 0; i < count; i++)
        if (items[i]->state == ITEM_DECIDED) {
            // `head` moves along the chain here as `next` did while deciding; a refused turn reads it again anyway.
            int rc = add_row(turn, &rows, items[i], ++items[i]->chain->head.seq, err);
            if (rc) return rc;
        }
    return decisions_insert(on(turn)->store, &rows, err);
}

static int write_decided(turn_t *turn, item_t *const *items, size_t count, err_t *err) {
    bool any = false;
    for (size_t i = 0; i < count; i++) any |= items[i]->state == ITEM_DECIDED;
    if (!any) return 0;
    int rc = store_begin(on(turn)->store, err);
    if (rc) return rc;
    rc = insert_decided(turn, items, count, err);
    if (rc)
        store_rollback(on(turn)->store);
    else
        rc = store_commit(on(turn)->store, err);
    if (rc) stream_rolled_back(on(turn)->stream);
    return rc;
}

// ---- one try, several tries
// ---------------------------------------------------------------------------------------------

static void answer_decided(turn_t *turn, item_t *const *items, size_t count) {
    for (size_t i = 0; i < count; i++) {
        item_t *item = items[i];
        if (item->state != ITEM_DECIDED && item->state != ITEM_TWIN) continue;
        chain_t *chain = item->chain;
        metric_add(item->state == ITEM_TWIN ? on(turn)->metrics.repeated : on(turn)->metrics.settled, 1);
        chain->head = chain->next;
        heads_put(on(turn)->heads, chain->person, chain->year, &chain->head);
        answer(turn, item, item->body, item->body_bytes);
    }
    stream_committed(on(turn)->stream);
}

// After a refused try nothing that was read is trusted.
static void reopen(turn_t *turn, item_t *const *items, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (items[i]->state == ITEM_ANSWERED) continue;
        items[i]->state = ITEM_OPEN;
        items[i]->chain->head_known = false;
        heads_drop(on(turn)->heads, items[i]->chain->person, items[i]->chain->year);
    }
}

static int try_once(turn_t *turn, item_t *const *items, size_t count, bool look, err_t *err) {
    turn->from_us = clock_mono_us();
    int rc = look ? find_settled(turn, items, count, err) : 0;
    if (!rc) rc = batch_read_heads(&turn->batch, items, count, true, err);
    stage_done(on(turn), STAGE_LOOKUP, &turn->from_us);
    if (rc) return rc;
    decide_all(turn, items, count);
    stage_done(on(turn), STAGE_CORE, &turn->from_us);
    rc = write_decided(turn, items, count, err);
    stage_done(on(turn), STAGE_STORE, &turn->from_us);
    if (rc) return rc;
    answer_decided(turn, items, count);
    stage_done(on(turn), STAGE_REPLY, &turn->from_us);
    return 0;
}

// Races are tried again, a lost database once: the next store_begin connects again.
static int try_until_settled(turn_t *turn, item_t *const *items, size_t count, err_t *err) {
    int rc = E_OK, lost = 0;
    bool look = on(turn)->look_first > 0;
    for (int i = 0; i < SETTLE_TRIES; i++, look = true) {
        rc = try_once(turn, items, count, look, err);
        if (!rc) return 0;
        reopen(turn, items, count);
        if (rc == E_RACE)
            metric_add(on(turn)->metrics.races, 1);
        else if (rc != E_STORE || ++lost > 1)
            return rc;
        int reload = stream_reload(on(turn)->stream, err);
        if (reload && reload != E_STORE) return reload;
    }
    return rc;
}

// One by one, so that a bill the store will not take harms no other. Two lost databases in a row end it.
static void settle_singly(turn_t *turn) {
    int lost = 0;
    for (size_t i = 0; i < turn->batch.count && lost < 2; i++) {
        item_t *item = &turn->batch.items[i];
        err_t err = {0};
        if (item->state != ITEM_OPEN) continue;
        turn->batch.on->look_first = LOOK_FIRST_TURNS; // the refused turn may have been stored
        int rc = try_until_settled(turn, &item, 1, &err);
        lost = rc == E_STORE ? lost + 1 : 0;
        if (rc && item->state != ITEM_ANSWERED) batch_refuse(&turn->batch, item, rc, &err);
    }
}

static int prepare(turn_t *turn, adjudication_t *core, const request_t *const *requests, size_t count, item_t ***items,
                   err_t *err) {
    int rc = batch_take(&turn->batch, core, requests, count, true, err);
    if (rc) return rc;
    *items = arena_alloc(core->arena, (count + 1) * sizeof **items);
    if (!*items || textmap_init(&turn->ids, core->arena, count * 4))
        return err_set(err, E_IO, "out of memory for the batch");
    for (size_t i = 0; i < count; i++) {
        (*items)[i] = &turn->batch.items[i];
        if (turn->batch.items[i].state == ITEM_OPEN) commands_digest(requests[i], turn->batch.items[i].digest);
    }
    stage_done(core, STAGE_DECODE, &turn->from_us);
    rc = batch_entitle(&turn->batch, err);
    stage_done(core, STAGE_CACHE, &turn->from_us);
    return rc;
}

void settle_turn(adjudication_t *core, const request_t *const *requests, size_t count) {
    turn_t turn = {.from_us = clock_mono_us()};
    item_t **items;
    err_t err = {0};
    int rc = prepare(&turn, core, requests, count, &items, &err);
    if (!rc && core->look_first > 0) core->look_first--;
    if (!rc) rc = try_until_settled(&turn, items, count, &err);
    if (rc && turn.batch.items) {
        log_warn("turn_refused", "bills=%zu code=%s text=%s", count, err_name(rc), log_value(err.text));
        if (rc == E_RACE || rc == E_STORE) settle_singly(&turn);
        batch_refuse_open(&turn.batch, rc, &err);
    } else if (rc) {
        for (size_t i = 0; i < count; i++) adjudication_refuse(core, requests[i], rc, &err);
        metric_add(core->metrics.refused[rc], (int64_t)count);
    }
}
