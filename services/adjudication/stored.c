// A row under the same request id decides; the newest version of the bill only when there is none.
#include "turn.h"
#include <string.h>

static int no_memory(err_t *err) { return err_set(err, E_IO, "out of memory for the batch"); }

enum { KEY, FOUND_BY_BILL, FOUND_KIND, FOUND_DIGEST, FOUND_BODY };

static int unpack(turn_t *turn, const rows_t *found, size_t row, size_t column, Tc__Decision **out, err_t *err) {
    size_t bytes;
    const void *body = row_blob(found, row, column, &bytes);
    return message_unpack((ProtobufCMessage **)out, &tc__decision__descriptor, body, bytes, turn->batch.on->arena, err);
}

// ---- under the same request id

// The answer that the recomputation gave: its rows stand together in the chain.
static int recomputed_again(turn_t *turn, const Tc__Decision *first, size_t after, const void **body, size_t *bytes,
                            err_t *err) {
    adjudication_t *on = turn->batch.on;
    rows_t found;
    int64_t bills = 0;
    size_t count = 0;
    int rc =
        decisions_from(on->store, first->person, first->year, first->seq, COURSE_BILLS_MAX, on->arena, &found, err);
    if (rc) return rc;
    Tc__Decision **rows = arena_alloc(on->arena, (found.count + 1) * sizeof *rows);
    if (!rows) return no_memory(err);
    for (size_t i = 0; i < found.count; i++) {
        if ((rc = unpack(turn, &found, i, 0, &rows[count], err))) return rc;
        if (strcmp(rows[count]->request_id, first->request_id) != 0) break;
        count++;
    }
    rc = decisions_standing_at(on->store, first->person, first->year, first->seq + (int64_t)count - 1, on->arena,
                               &bills, err);
    const recomputed_t made = {rows, count, after, bills};
    return rc ? rc : operate_recomputed(on, &made, body, bytes, err);
}

static int answer_stored(turn_t *turn, item_t *item, const rows_t *found, size_t row, err_t *err) {
    size_t digest_bytes, bytes;
    const void *digest = row_blob(found, row, FOUND_DIGEST, &digest_bytes);
    const void *body = row_blob(found, row, FOUND_BODY, &bytes);
    if (digest_bytes != SHA256_BYTES || memcmp(digest, item->digest, SHA256_BYTES) != 0) {
        turn_refuse_conflict(turn, item);
        return 0;
    }
    if (item->op == OP_RECOMPUTE) {
        Tc__Decision *first;
        int rc = unpack(turn, found, row, FOUND_BODY, &first, err);
        if (!rc) rc = recomputed_again(turn, first, (size_t)item->recompute->after, &body, &bytes, err);
        if (rc) return rc;
    }
    metric_add(turn->batch.on->metrics.repeated, 1);
    turn_answer(turn, item, body, bytes);
    return 0;
}

// ---- the same bill

static bool is_reversed(int64_t kind) { return kind == ROW_REVERSED || kind == ROW_TOMBSTONE; }

static int find_chain(turn_t *turn, item_t *item, const rows_t *found, size_t row, err_t *err) {
    Tc__Decision *newest;
    err_t refusal = {0};
    int rc = unpack(turn, found, row, FOUND_BODY, &newest, err);
    if (rc) return rc;
    if (strcmp(newest->person, item->reverse->person) != 0) {
        rc = err_field(&refusal, E_INVALID_FIELD, "person", "bill %.64s is another person's", item->reverse->bill);
        batch_refuse(&turn->batch, item, rc, &refusal);
        return 0;
    }
    item->stands = true;
    item->chain = batch_chain(&turn->batch, item->reverse->person, newest->year);
    return 0;
}

static int meet_bill(turn_t *turn, item_t *item, const rows_t *found, size_t row, err_t *err) {
    if (is_reversed(row_i64(found, row, FOUND_KIND)))
        turn_refuse_reversed(turn, item);
    else if (item->op == OP_REVERSE)
        return find_chain(turn, item, found, row, err);
    else
        turn_refuse_exists(turn, item);
    return 0;
}

// ---- all of them

static bool is_asked_for(const item_t *item, look_t look) {
    if (item->state != ITEM_OPEN) return false;
    if (item->op != OP_BILL) return look != LOOK_LATE;
    return look == LOOK_ALL || (look == LOOK_LATE && operate_is_late(item));
}

static const char *bill_of(const item_t *item) {
    return item->op == OP_BILL ? item->bill->bill : item->op == OP_REVERSE ? item->reverse->bill : "";
}

static int match(turn_t *turn, item_t *const *asked, const rows_t *found, err_t *err) {
    int rc = 0;
    for (int64_t by_bill = 0; by_bill <= 1; by_bill++)
        for (size_t row = 0; !rc && row < found->count; row++) {
            item_t *item = asked[row_i64(found, row, KEY)];
            if (item->state != ITEM_OPEN || row_i64(found, row, FOUND_BY_BILL) != by_bill) continue;
            rc = by_bill ? meet_bill(turn, item, found, row, err) : answer_stored(turn, item, found, row, err);
        }
    return rc;
}

// What nobody knows is put aside in the chain of its person that belongs to no year.
static void find_tombstone_chain(turn_t *turn, item_t *item) {
    if (item->op != OP_REVERSE || item->state != ITEM_OPEN || item->stands) return;
    item->chain = batch_chain(&turn->batch, item->reverse->person, 0);
}

int stored_find(turn_t *turn, item_t *const *items, size_t count, look_t look, err_t *err) {
    adjudication_t *on = turn->batch.on;
    item_t **asked = arena_alloc(on->arena, (count + 1) * sizeof *asked);
    rows_t keys, found;
    if (!asked) return no_memory(err);
    rows_init(&keys, on->arena, 2);
    for (size_t i = 0; i < count; i++) {
        if (!is_asked_for(items[i], look)) continue;
        cell_t *key = rows_add(&keys);
        if (!key) return no_memory(err);
        key[0] = cell_text(items[i]->request->header.request_id);
        key[1] = cell_text(bill_of(items[i]));
        asked[keys.count - 1] = items[i];
        items[i]->stands = false;
    }
    if (!keys.count) return 0;
    int rc = decisions_find_stored(on->store, &keys, on->arena, &found, err);
    if (rc) return rc;
    if (found.count && look == LOOK_ALL) on->look_first = LOOK_FIRST_TURNS;
    rc = match(turn, asked, &found, err);
    for (size_t i = 0; !rc && i < keys.count; i++) find_tombstone_chain(turn, asked[i]);
    return rc;
}
