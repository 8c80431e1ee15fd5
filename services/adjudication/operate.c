// A settlement that comes after everything in its chain needs only the totals there. Whatever comes before the end, a
// reversal and a recomputation go through the course of the year. An operation that fails leaves chain, course and what
// the accounts put aside as they were.
#include "turn.h"
#include "common/base/crash.h"
#include "common/wire/scope.h"
#include <string.h>

static int no_memory(err_t *err) { return err_set(err, E_IO, "out of memory for the batch"); }

// ---- which chains have to be read whole

bool operate_is_late(const item_t *item) {
    return item->op == OP_BILL && item->state == ITEM_OPEN && item->chain->needs_course;
}

// `next.last` runs along, so that bills of one batch that are not in order find each other. A bill that is there
// already stands at its own place: the key tells.
void operate_mark_courses(turn_t *turn, item_t *const *items, size_t count) {
    for (size_t i = 0; i < turn->batch.chain_count; i++) {
        chain_t *chain = &turn->batch.chains[i];
        // Past so many rows the bills are counted: a chain that could no longer be read could no longer be changed.
        chain->needs_course = chain->has_course || chain->head.seq >= COURSE_BILLS_MAX;
        chain->next.last = chain->head.last;
    }
    for (size_t i = 0; i < count; i++) {
        item_t *item = items[i];
        chain_t *chain = item->chain;
        if (item->state != ITEM_OPEN || chain->year == 0) continue;
        int place = item->op == OP_BILL ? order_compare(&item->order, &chain->next.last) : -1;
        if (place < 0)
            chain->needs_course = true;
        else
            chain->next.last = item->order;
    }
}

// ---- the answer to a recomputation

static fen_t differ(fen_t now, fen_t before, fen_t sum) {
    fen_t difference;
    if (fen_sub(now, before, &difference) || fen_add(sum, difference, &sum)) return sum;
    return sum;
}

enum { ROW_FRAME_MAX = 16 }; // a field's tag and length around a row

// How many rows fit, at least one: a row is always shorter than a message (batch.c).
static size_t rows_that_fit(const Tc__Recomputed *answer, Tc__Decision *const *rows, size_t count) {
    size_t bytes = protobuf_c_message_get_packed_size(&answer->base), n = 0;
    for (; n < count; n++) {
        bytes += protobuf_c_message_get_packed_size(&rows[n]->base) + ROW_FRAME_MAX;
        if (n > 0 && bytes > WIRE_MESSAGE_MAX_BYTES) break;
    }
    return n;
}

int operate_recomputed(adjudication_t *on, const recomputed_t *made, const void **body, size_t *bytes, err_t *err) {
    Tc__Recomputed answer = TC__RECOMPUTED__INIT;
    answer.bills = (int32_t)made->bills;
    answer.versions = (int32_t)made->count;
    answer.done = true;
    for (size_t i = 0; i < made->count; i++) {
        const Tc__Decision *row = made->rows[i];
        const Tc__Previous *before = row->previous;
        answer.fund_fen = differ(row->fund_fen, before ? before->fund_fen : 0, answer.fund_fen);
        answer.own_fen = differ(row->own_fen, before ? before->own_fen : 0, answer.own_fen);
    }
    const size_t after = made->after < made->count ? made->after : made->count;
    const size_t count = rows_that_fit(&answer, made->rows + after, made->count - after);
    answer.rows = (Tc__Decision **)made->rows + after;
    answer.n_rows = count;
    answer.done = after + count == made->count;
    *body = message_pack(&answer.base, on->arena, bytes);
    return *body ? 0 : no_memory(err);
}

// ---- operations on a course

typedef struct saved { // of a chain, to go back to
    head_t next;
    course_t course;
    size_t payments;
} saved_t;

static saved_t save(turn_t *turn, const chain_t *chain) {
    const payments_t *payments = turn->batch.on->payments;
    return (saved_t){chain->next, chain->course, payments ? payments->mark(payments->self) : 0};
}

static void restore(turn_t *turn, chain_t *chain, const saved_t *saved) {
    const payments_t *payments = turn->batch.on->payments;
    chain->next = saved->next;
    chain->course = saved->course;
    if (payments) payments->back(payments->self, saved->payments);
}

static row_kind_t kind_of(const Tc__Decision *row) {
    for (int kind = ROW_SETTLED; kind < ROW_KIND__COUNT; kind++)
        if (strcmp(row->kind, row_kind_name((row_kind_t)kind)) == 0) return (row_kind_t)kind;
    return ROW_SETTLED;
}

// The rows of a change become rows to insert, and the chain stands where the last of them says.
static int take_change(turn_t *turn, item_t *item, const course_change_t *change, err_t *err) {
    batch_t *batch = &turn->batch;
    item->row_count = 0;
    item->rows = arena_alloc(batch->on->arena, (change->count + 1) * sizeof *item->rows);
    if (!item->rows) return no_memory(err);
    for (size_t i = 0; i < change->count; i++) {
        int rc = batch_pay(batch, change->rows[i], false, err);
        if (!rc) rc = batch_pack_row(batch, change->rows[i], kind_of(change->rows[i]), &item->rows[i], err);
        if (rc) return rc;
        CRASH_POINT("in_change_set");
    }
    item->row_count = change->count;
    if (!change->count) return 0;
    return decision_head(batch->policy, change->rows[change->count - 1], &item->chain->next, err);
}

static int add(turn_t *turn, item_t *item, course_stamp_t *stamp, course_change_t *change, err_t *err) {
    bench_t bench = {&turn->batch, item->chain};
    const course_ports_t ports = bench_ports(&bench);
    stamp->cause_around =
        arena_text(turn->batch.on->arena, "bill %s, which comes before it, was settled after it", item->bill->bill);
    if (!stamp->cause_around) return no_memory(err);
    int rc = course_add(&item->chain->course, &ports, item->bill, stamp, change, err);
    if (rc || !item->bill->quoted) return rc;
    Tc__Decision *made = change->rows[0];
    made->changed = arena_alloc(turn->batch.on->arena, DECISION_CHANGES_MAX * sizeof *made->changed);
    if (!made->changed) return no_memory(err);
    made->n_changed = decision_changed(item->bill->quoted, made, made->changed);
    return 0;
}

static int check_scope(const item_t *item, err_t *err) {
    const course_t *course = &item->chain->course;
    for (size_t i = 0; i < course->count; i++)
        if (strcmp(course->bills[i].decision->bill, item->reverse->bill) == 0)
            return decision_check_scope(course->bills[i].decision, item->request->header.scope, err);
    return E_OK; // stands no longer: refused by its state
}

static bool stands_in(const course_t *course, const char *bill) {
    for (size_t i = 0; i < course->count; i++)
        if (strcmp(course->bills[i].decision->bill, bill) == 0) return true;
    return false;
}

static int take_out(turn_t *turn, item_t *item, course_stamp_t *stamp, course_change_t *change, err_t *err) {
    bench_t bench = {&turn->batch, item->chain};
    const course_ports_t ports = bench_ports(&bench);
    // It stood when the stored rows were looked for: another instance was faster, perhaps with this very command. That
    // is no refusal, and whoever asks again gets the stored answer.
    if (!stands_in(&item->chain->course, item->reverse->bill))
        return err_field(err, E_RACE, "bill", "bill %.64s was reversed a moment ago", item->reverse->bill);
    int rc = check_scope(item, err);
    if (rc) return rc;
    stamp->cause = item->reverse->reason;
    stamp->cause_around =
        arena_text(turn->batch.on->arena, "bill %s, which came before it, was reversed", item->reverse->bill);
    if (!stamp->cause_around) return no_memory(err);
    return course_remove(&item->chain->course, &ports, item->reverse->bill, stamp, change, err);
}

static int again(turn_t *turn, item_t *item, course_stamp_t *stamp, course_change_t *change, err_t *err) {
    bench_t bench = {&turn->batch, item->chain};
    const course_ports_t ports = bench_ports(&bench);
    stamp->cause = stamp->cause_around = item->recompute->cause;
    if (item->recompute->after) // what was done would have been found by its request id
        return err_field(err, E_NOT_FOUND, "after", "nothing was done under this request id");
    int rc = course_recompute(&item->chain->course, &ports, stamp, change, err);
    if (rc) return rc;
    const recomputed_t made = {change->rows, change->count, 0, (int64_t)item->chain->course.count};
    return operate_recomputed(turn->batch.on, &made, &item->body, &item->body_bytes, err);
}

static int on_course(turn_t *turn, item_t *item, err_t *err) {
    course_stamp_t stamp = {.request_id = item->request->header.request_id, .now_ms = turn->batch.now_ms};
    course_change_t change = {0};
    const saved_t saved = save(turn, item->chain);
    int rc = item->op == OP_BILL      ? add(turn, item, &stamp, &change, err)
             : item->op == OP_REVERSE ? take_out(turn, item, &stamp, &change, err)
                                      : again(turn, item, &stamp, &change, err);
    if (!rc) rc = take_change(turn, item, &change, err);
    if (rc) {
        restore(turn, item->chain, &saved);
        return rc;
    }
    if (item->op != OP_RECOMPUTE) {
        item->body = item->rows[0].body;
        item->body_bytes = item->rows[0].body_bytes;
    }
    item->state = ITEM_DECIDED;
    return 0;
}

// ---- a bill that is not there

static int bury(turn_t *turn, item_t *item, err_t *err) {
    Tc__Decision tombstone = TC__DECISION__INIT;
    chain_t *chain = item->chain;
    // A bill that has not come yet may be anybody's: a key of some facilities must not keep another's from coming.
    if (!scope_is_whole(item->request->header.scope))
        return err_field(err, E_NOT_FOUND, "bill", "no decision on this bill");
    tombstone.bill = item->reverse->bill;
    tombstone.person = item->reverse->person;
    tombstone.decision = (char *)"reversed";
    tombstone.kind = (char *)row_kind_name(ROW_TOMBSTONE);
    tombstone.cause = item->reverse->reason;
    tombstone.request_id = (char *)item->request->header.request_id;
    tombstone.decided_ms = turn->batch.now_ms;
    tombstone.based_on_seq = chain->next.seq;
    tombstone.seq = chain->next.seq + 1;
    tombstone.version = 1;
    int rc = batch_pack_row(&turn->batch, &tombstone, ROW_TOMBSTONE, &item->row, err);
    if (rc) return rc;
    chain->next.seq++;
    item->rows = &item->row;
    item->row_count = 1;
    item->body = item->row.body;
    item->body_bytes = item->row.body_bytes;
    item->state = ITEM_DECIDED;
    return 0;
}

// ---- the same id or bill twice in one batch

static void answer_as(turn_t *turn, item_t *item, const item_t *first) {
    if (memcmp(item->digest, first->digest, SHA256_BYTES) != 0) {
        turn_refuse_conflict(turn, item);
        return;
    }
    if (item->op == OP_RECOMPUTE && item->recompute->after) {
        item->state = ITEM_LATER; // the rest is read from what is stored
        return;
    }
    item->state = ITEM_TWIN;
    item->body = first->body;
    item->body_bytes = first->body_bytes;
}

static void meet(turn_t *turn, item_t *item, const item_t *first) {
    // A bill that was settled before is not here: who meets a reversal in its chain was looked for (LOOK_LATE).
    if (first->op == OP_REVERSE)
        turn_refuse_reversed(turn, item);
    else if (item->op == OP_REVERSE)
        item->state = ITEM_LATER; // the bill is settled by this very try
    else
        turn_refuse_exists(turn, item);
}

static const char *bill_of(const item_t *item) {
    return item->op == OP_BILL ? item->bill->bill : item->op == OP_REVERSE ? item->reverse->bill : NULL;
}

// True when an earlier one of the batch has dealt with it.
static bool is_twin(turn_t *turn, item_t *item) {
    const char *bill = bill_of(item);
    const item_t *same_id = *textmap_place(&turn->ids, item->request->header.request_id, BY_REQUEST);
    const item_t *same_bill = bill ? *textmap_place(&turn->ids, bill, BY_BILL) : NULL;
    if ((same_id && same_id->state == ITEM_LATER) || (same_bill && same_bill->state == ITEM_LATER))
        item->state = ITEM_LATER; // in the order in which they came
    else if (same_id)
        answer_as(turn, item, same_id);
    else if (same_bill)
        meet(turn, item, same_bill);
    return same_id || same_bill;
}

// ---- in order

static int at_the_end(turn_t *turn, item_t *item, err_t *err) {
    const payments_t *payments = turn->batch.on->payments;
    chain_t *chain = item->chain;
    size_t mark = payments ? payments->mark(payments->self) : 0;
    int rc = batch_decide(&turn->batch, item, &chain->next, chain->next.seq + 1, &chain->next, err);
    if (rc && payments) payments->back(payments->self, mark);
    return rc;
}

static int operate_one(turn_t *turn, item_t *item, err_t *err) {
    if (item->op == OP_REVERSE && !item->stands) return bury(turn, item, err);
    return item->chain->has_course ? on_course(turn, item, err) : at_the_end(turn, item, err);
}

void operate_all(turn_t *turn, item_t *const *items, size_t count) {
    textmap_clear(&turn->ids);
    for (size_t i = 0; i < count; i++)
        if (items[i]->state == ITEM_OPEN) items[i]->chain->next = items[i]->chain->head;
    for (size_t i = 0; i < count; i++) {
        item_t *item = items[i];
        err_t err = {0};
        if (item->state == ITEM_OPEN && !is_twin(turn, item)) {
            int rc = operate_one(turn, item, &err);
            if (rc) batch_refuse(&turn->batch, item, rc, &err);
        }
        const bool waits = item->state == ITEM_LATER && item->op == OP_BILL;
        if (item->state != ITEM_DECIDED && !waits) continue;
        *textmap_place(&turn->ids, item->request->header.request_id, BY_REQUEST) = item;
        if (bill_of(item)) *textmap_place(&turn->ids, bill_of(item), BY_BILL) = item;
    }
}

// ---- what a recomputation would change

static int supposed_policy(turn_t *turn, const item_t *item, batch_t *batch, err_t *err) {
    *batch = turn->batch;
    if (!item->recompute->policy[0]) return 0;
    return policies_get(batch->on->policies, batch->on->store, item->recompute->policy, batch->on->arena,
                        &batch->policy, err);
}

static int try_dry(turn_t *turn, item_t *item, err_t *err) {
    batch_t batch;
    chain_t chain = *item->chain; // with its entitlement; whatever the turn did to it does not count here
    chain.has_course = false;
    item_t probe = {.chain = &chain, .state = ITEM_OPEN};
    chain.head_known = false;
    course_change_t change = {0};
    const course_stamp_t stamp = {.request_id = item->request->header.request_id,
                                  .cause = item->recompute->cause,
                                  .cause_around = item->recompute->cause,
                                  .now_ms = turn->batch.now_ms};
    int rc = batch_read_heads(&turn->batch, (item_t *const[]){&probe}, 1, false, err);
    if (!rc) rc = course_read(&turn->batch, &chain, chain.head.seq, err);
    if (!rc) rc = supposed_policy(turn, item, &batch, err);
    if (rc) return rc;
    bench_t bench = {&batch, &chain};
    const course_ports_t ports = bench_ports(&bench);
    rc = course_recompute(&chain.course, &ports, &stamp, &change, err);
    for (size_t i = 0; !rc && i < change.count; i++) rc = batch_pay(&batch, change.rows[i], true, err);
    if (rc) return rc;
    const recomputed_t made = {change.rows, change.count, (size_t)item->recompute->after, (int64_t)chain.course.count};
    return operate_recomputed(batch.on, &made, &item->body, &item->body_bytes, err);
}

void operate_dry(turn_t *turn, item_t *item) {
    err_t err = {0};
    int rc = try_dry(turn, item, &err);
    if (rc)
        batch_refuse(&turn->batch, item, rc, &err);
    else
        turn_answer(turn, item, item->body, item->body_bytes);
}
