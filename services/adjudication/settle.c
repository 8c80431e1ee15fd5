// Decide on what is known, insert, and let the keys refuse what somebody else did first. A refused turn has written
// nothing: heads and stream numbers are read again and what is still open is decided anew. Each try first asks for
// stored rows under the same request ids and bills, so a commit whose outcome was lost is found, not done twice.
#include "settle.h"
#include "ahead.h"
#include "bill_lines.h"
#include "common/base/crash.h"
#include "common/base/log.h"
#include "recompute_queue.h"
#include "second_look.h"
#include "turn.h"
#include <string.h>

enum { SLOW_MARGIN_MS = 500 }; // of the hosts' clocks, and until the reply is out

static adjudication_t *on(turn_t *turn) { return turn->batch.on; }

void turn_answer(turn_t *turn, item_t *item, const void *body, size_t bytes) {
    adjudication_reply(on(turn), item->request, body, bytes);
    item->state = ITEM_ANSWERED;
}

void turn_refuse_conflict(turn_t *turn, item_t *item) {
    err_t err = {0};
    err_set(&err, E_CONFLICT, "this request id was used for something else before");
    batch_refuse(&turn->batch, item, E_CONFLICT, &err);
}

void turn_refuse_exists(turn_t *turn, item_t *item) {
    err_t err = {0};
    err_field(&err, E_EXISTS, "bill", "bill %.64s is settled already under another request id", item->bill->bill);
    batch_refuse(&turn->batch, item, E_EXISTS, &err);
}

void turn_refuse_reversed(turn_t *turn, item_t *item) {
    const bool reverses = item->op == OP_REVERSE;
    err_t err = {0};
    int code = err_field(&err, reverses ? E_EXISTS : E_REVERSED, "bill", "bill %.64s was reversed already",
                         reverses ? item->reverse->bill : item->bill->bill);
    batch_refuse(&turn->batch, item, code, &err);
}

// ---- writing

static int add_row(turn_t *turn, rows_t *rows, const item_t *item, const row_t *made, bool first, err_t *err) {
    int64_t number;
    const chain_t *chain = item->chain;
    int rc = stream_reserve(on(turn)->stream, chain->partition, row_kind_topic(made->kind), turn->batch.now_ms,
                            made->body, made->body_bytes, &number, err);
    if (rc) return rc;
    cell_t *row = rows_add(rows);
    if (!row) return err_set(err, E_IO, "out of memory for the batch");
    const cell_t cells[DECISION_COLUMNS] = {cell_i64(chain->partition),
                                            cell_text(chain->person),
                                            cell_i64(chain->year),
                                            cell_i64(made->seq),
                                            cell_i64(number),
                                            cell_i64(made->kind),
                                            first ? cell_text(item->request->header.request_id) : cell_null(CELL_TEXT),
                                            first ? cell_blob(item->digest, SHA256_BYTES) : cell_null(CELL_BLOB),
                                            cell_text(made->bill),
                                            cell_i64(made->version),
                                            cell_i64(turn->batch.now_ms),
                                            cell_blob(made->body, made->body_bytes)};
    memcpy(row, cells, sizeof cells);
    return 0;
}

static int insert_decided(turn_t *turn, item_t *const *items, size_t count, err_t *err) {
    const payments_t *payments = on(turn)->payments;
    rows_t rows;
    size_t decided = 0;
    for (size_t i = 0; i < count; i++) decided += items[i]->state == ITEM_DECIDED ? items[i]->row_count : 0;
    rows_init(&rows, on(turn)->arena, DECISION_COLUMNS);
    if (!rows_reserve(&rows, decided)) return err_set(err, E_IO, "out of memory for the batch");
    for (size_t i = 0; i < count; i++)
        for (size_t r = 0; items[i]->state == ITEM_DECIDED && r < items[i]->row_count; r++) {
            int rc = add_row(turn, &rows, items[i], &items[i]->rows[r], r == 0, err);
            if (rc) return rc;
        }
    int rc = decisions_insert(on(turn)->store, &rows, err);
    if (!rc) turn->from_us += ahead_prepare(on(turn));
    if (!rc) rc = bill_lines_settled(&turn->batch, items, count, err);
    CRASH_POINT("after_insert_before_pay");
    return !rc && payments ? payments->write(payments->self, err) : rc;
}

static int write_decided(turn_t *turn, item_t *const *items, size_t count, err_t *err) {
    bool any = false;
    for (size_t i = 0; i < count; i++) any |= items[i]->state == ITEM_DECIDED && items[i]->row_count > 0;
    if (!any) return 0;
    CRASH_POINT("after_decide");
    int rc = store_begin(on(turn)->store, err);
    if (rc) return rc;
    CRASH_POINT("before_insert");
    rc = insert_decided(turn, items, count, err);
    CRASH_POINT("after_insert_before_commit");
    if (rc)
        store_rollback(on(turn)->store);
    else
        rc = store_commit(on(turn)->store, err);
    if (rc) stream_rolled_back(on(turn)->stream);
    return rc;
}

// ---- one try, several tries

static void count_rows(turn_t *turn, const item_t *item) {
    const adjudication_metrics_t *metrics = &on(turn)->metrics;
    metric_t *const counters[ROW_KIND__COUNT] = {[ROW_SETTLED] = metrics->settled,
                                                 [ROW_REVERSED] = metrics->reversed,
                                                 [ROW_RECOMPUTED] = metrics->recomputed,
                                                 [ROW_TOMBSTONE] = metrics->reversed};
    if (item->state == ITEM_TWIN) metric_add(metrics->repeated, 1);
    for (size_t r = 0; item->state == ITEM_DECIDED && r < item->row_count; r++)
        metric_add(counters[item->rows[r].kind], 1);
}

static void answer_decided(turn_t *turn, item_t *const *items, size_t count) {
    for (size_t i = 0; i < count; i++) {
        item_t *item = items[i];
        if (item->state != ITEM_DECIDED && item->state != ITEM_TWIN) continue;
        chain_t *chain = item->chain;
        count_rows(turn, item);
        chain->head = chain->next;
        heads_put(on(turn)->heads, chain->person, chain->year, &chain->head);
        turn_answer(turn, item, item->body, item->body_bytes);
    }
    CRASH_POINT("after_reply_before_publish");
    stream_committed(on(turn)->stream);
    CRASH_POINT("after_publish");
}

// The second look (second_look.h) counts on turns that end in time: this one did not, so it asks for its own bills.
static void ask_again_when_slow(turn_t *turn, item_t *const *items, size_t count) {
    const int64_t took_ms = (clock_mono_us() - turn->began_us) / 1000;
    rows_t asked;
    err_t err = {0};
    if (took_ms < SECOND_LOOK_MS - SLOW_MARGIN_MS) return;
    rows_init(&asked, on(turn)->arena, 2);
    for (size_t i = 0; i < count; i++) {
        const item_t *item = items[i];
        if (item->state != ITEM_ANSWERED || !item->row_count || !item->chain || !item->chain->year) continue;
        cell_t *row = rows_add(&asked);
        if (!row) break;
        row[0] = cell_text(item->chain->person);
        row[1] = cell_i64(item->chain->year);
    }
    int rc = recompute_ask(on(turn)->store, "its turn took long", &asked, turn->batch.now_ms, on(turn)->arena, &err);
    log_warn("slow_turn", "took_ms=%lld bills=%zu queued=%s", (long long)took_ms, asked.count,
             rc ? err_name(rc) : "yes");
}

// After a refused try nothing that was read is trusted.
static void forget_chain(turn_t *turn, chain_t *chain) {
    chain->head_known = chain->needs_course = chain->has_course = false;
    heads_drop(on(turn)->heads, chain->person, chain->year);
}

static void reopen(turn_t *turn, item_t *const *items, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (items[i]->state == ITEM_ANSWERED || items[i]->state == ITEM_DRY) continue;
        items[i]->state = ITEM_OPEN;
        if (items[i]->chain) forget_chain(turn, items[i]->chain);
    }
}

static int read_all(turn_t *turn, item_t *const *items, size_t count, bool look, err_t *err) {
    int rc = stored_find(turn, items, count, look ? LOOK_ALL : LOOK_NEEDED, err);
    if (!rc) rc = batch_read_heads(&turn->batch, items, count, true, err);
    stage_done(on(turn), STAGE_LOOKUP, &turn->from_us);
    if (!rc) rc = batch_entitle(&turn->batch, err);
    stage_done(on(turn), STAGE_CACHE, &turn->from_us);
    if (rc) return rc;
    operate_mark_courses(turn, items, count);
    // A bill from before the end is likely one that was sent before: asking is cheaper than deciding a year again.
    if (!look) rc = stored_find(turn, items, count, LOOK_LATE, err);
    if (!look) operate_mark_courses(turn, items, count);
    if (!rc) rc = courses_read(&turn->batch, err);
    if (!rc) rc = batch_read_accounts(&turn->batch, items, count, err);
    stage_done(on(turn), STAGE_LOOKUP, &turn->from_us);
    return rc;
}

static int try_once(turn_t *turn, item_t *const *items, size_t count, bool look, err_t *err) {
    turn->from_us = clock_mono_us();
    int rc = read_all(turn, items, count, look, err);
    if (rc) return rc;
    operate_all(turn, items, count);
    stage_done(on(turn), STAGE_CORE, &turn->from_us);
    rc = write_decided(turn, items, count, err);
    stage_done(on(turn), STAGE_STORE, &turn->from_us);
    if (rc) return rc;
    CRASH_POINT("after_commit_before_reply");
    answer_decided(turn, items, count);
    ask_again_when_slow(turn, items, count);
    stage_done(on(turn), STAGE_REPLY, &turn->from_us);
    return 0;
}

// Races are tried again, a lost database once: the next store_begin connects again.
static int try_until_settled(turn_t *turn, item_t *const *items, size_t count, bool look, err_t *err) {
    int rc = E_OK, lost = 0;
    for (int i = 0; i < SETTLE_TRIES; i++, look = true) {
        turn->batch.hesitates = !look;
        rc = try_once(turn, items, count, look, err);
        turn->batch.hesitates = false;
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

// Requests that waited for what the last try settled, or to be looked for. From the second round on each answers at
// least one, so this ends.
static bool take_up_later(turn_t *turn, item_t *const *items, size_t count) {
    bool any = false;
    for (size_t i = 0; i < count; i++)
        if (items[i]->state == ITEM_LATER) any = true;
    if (any) reopen(turn, items, count);
    return any;
}

static int settle_all(turn_t *turn, item_t *const *items, size_t count, err_t *err) {
    bool look = on(turn)->look_first > 0;
    int rc;
    do {
        rc = try_until_settled(turn, items, count, look, err);
        look = true;
    } while (!rc && take_up_later(turn, items, count));
    return rc;
}

// Who asks for the rest of an answer sends the same command: `after` is no part of it.
static int take_digest(const adjudication_t *core, const request_t *request, item_t *item, err_t *err) {
    request_t plain = *request;
    if (item->op == OP_RECOMPUTE && item->recompute->after) {
        Tc__Recompute ask = *item->recompute;
        ask.after = 0;
        if (!(plain.body = message_pack(&ask.base, core->arena, &plain.body_bytes)))
            return err_set(err, E_IO, "out of memory for the batch");
    }
    commands_digest(&plain, item->digest);
    return 0;
}

int turn_open(turn_t *turn, adjudication_t *core, size_t room, err_t *err) {
    *turn = (turn_t){.began_us = clock_mono_us()};
    int rc = batch_open(&turn->batch, core, room, true, err);
    if (!rc && textmap_init(&turn->ids, core->arena, room * 4)) rc = err_set(err, E_IO, "out of memory for the batch");
    return rc;
}

int turn_add(turn_t *turn, const request_t *const *requests, size_t count, err_t *err) {
    int64_t from_us = clock_mono_us();
    int rc = 0;
    item_t *item = turn->batch.items + turn->batch.count;
    batch_add(&turn->batch, requests, count);
    for (size_t i = 0; !rc && i < count; i++, item++)
        if (item->state == ITEM_OPEN) rc = take_digest(on(turn), requests[i], item, err);
    stage_done(on(turn), STAGE_DECODE, &from_us);
    return rc;
}

static int list_items(turn_t *turn, item_t ***items, err_t *err) {
    *items = arena_alloc(on(turn)->arena, (turn->batch.count + 1) * sizeof **items);
    for (size_t i = 0; *items && i < turn->batch.count; i++) (*items)[i] = &turn->batch.items[i];
    return *items ? 0 : err_set(err, E_IO, "out of memory for the batch");
}

static void answer_dry(turn_t *turn) {
    err_t err = {0};
    for (size_t i = 0; i < turn->batch.count; i++) {
        item_t *item = &turn->batch.items[i];
        if (item->state != ITEM_DRY) continue;
        int rc = batch_entitle(&turn->batch, &err);
        if (rc)
            batch_refuse(&turn->batch, item, rc, &err);
        else
            operate_dry(turn, item);
    }
}

// All at once; the first of them may have been `prepared` (else NULL). Told by an error that some could not be
// answered: those are listed in `left`.
static int settle_together(adjudication_t *core, turn_t *prepared, const request_t *const *requests, size_t count,
                           const request_t **left, size_t *left_count, err_t *err) {
    turn_t fresh = {0}, *turn = prepared ? prepared : &fresh;
    const size_t taken = turn->batch.count;
    item_t **items;
    int rc = prepared ? 0 : turn_open(turn, core, count, err);
    if (!rc) rc = turn_add(turn, requests + taken, count - taken, err);
    if (!rc) rc = list_items(turn, &items, err);
    CRASH_POINT("after_take");
    if (!rc) rc = settle_all(turn, items, count, err);
    if (!rc) answer_dry(turn);
    *left_count = 0;
    for (size_t i = 0; i < count; i++)
        if (i >= turn->batch.count || turn->batch.items[i].state != ITEM_ANSWERED) left[(*left_count)++] = requests[i];
    return rc;
}

// One by one and each with all the memory, so that a bill the store will not take, or a chain that cannot be read,
// harms no other. Two lost databases in a row end it.
static void settle_singly(adjudication_t *core, const request_t *const *left, size_t count, int code,
                          const err_t *reason) {
    const arena_mark_t mark = arena_mark(core->arena);
    for (size_t i = 0, lost = 0; i < count; i++) {
        const request_t *again;
        size_t again_count = 1;
        err_t err = *reason;
        int rc = code;
        if (lost < 2) {
            core->look_first = LOOK_FIRST_TURNS; // the refused turn may have been stored
            rc = settle_together(core, NULL, &left[i], 1, &again, &again_count, &err);
            lost = rc == E_STORE ? lost + 1 : 0;
            arena_back(core->arena, &mark);
        }
        if (!rc || !again_count) continue;
        adjudication_refuse(core, left[i], rc, &err);
        metric_add(core->metrics.refused[rc], 1);
    }
}

void settle_turn(adjudication_t *core, turn_t *prepared, const request_t *const *requests, size_t count) {
    const request_t **left = arena_alloc(core->arena, (count + 1) * sizeof *left);
    const arena_mark_t mark = arena_mark(core->arena);
    size_t left_count = 0;
    err_t err = {0};
    int rc = left ? 0 : err_set(&err, E_IO, "out of memory for the batch");
    if (core->look_first > 0) core->look_first--;
    if (!rc) rc = settle_together(core, prepared, requests, count, left, &left_count, &err);
    if (!rc) return;
    log_warn("turn_refused", "requests=%zu code=%s text=%s", count, err_name(rc), log_value(err.text));
    arena_back(core->arena, &mark);
    if (left) settle_singly(core, left, left_count, rc, &err);
    for (size_t i = 0; !left && i < count; i++) adjudication_refuse(core, requests[i], rc, &err);
}
