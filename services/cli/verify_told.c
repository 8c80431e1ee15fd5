// What events told of money that pays no bill, each against the row of collection that it speaks of.
#include "collection.pb-c.h"
#include "verify.h"
#include <string.h>

static int no_memory(err_t *err) { return err_set(err, E_IO, "out of memory"); }

typedef struct told { // a page of one topic
    int64_t partition;
    const char *topic;
    const ProtobufCMessageDescriptor *type;
    const ProtobufCMessage **messages; // NULL: could not be read
    rows_t keys;                       // receipt, move
} told_t;

// Field 1 of both kinds of event is the receipt; of a credit's change the reason names the move.
static int read_events(verify_t *verify, int64_t partition, const rows_t *events, told_t *told, err_t *err) {
    rows_init(&told->keys, verify->page, 2);
    told->messages = arena_alloc(verify->page, (events->count + 1) * sizeof *told->messages);
    if (!told->messages) return no_memory(err);
    arena_reset(verify->work);
    for (size_t i = 0; i < events->count; i++) {
        char where[VERIFY_NAME_MAX];
        snprintf(where, sizeof where, "event collection %lld/%lld", (long long)partition,
                 (long long)row_i64(events, i, 0));
        const ProtobufCMessage *message = verify_message(verify, told->type, events, i, 1, where);
        cell_t *key = rows_add(&told->keys);
        if (!key) return no_memory(err);
        told->messages[i] = message;
        key[0] = key[1] = cell_text("");
        if (message && told->type == &tc__held_money__descriptor) {
            key[0] = cell_text(((const Tc__HeldMoney *)message)->receipt);
            key[1] = cell_text(((const Tc__HeldMoney *)message)->reason);
        } else if (message) {
            key[0] = cell_text(((const Tc__Receipt *)message)->receipt);
        }
    }
    return E_OK;
}

// ---- money.held

enum { P_PAYER = 1, P_AMOUNT, P_PAID_ON, P_REASON, P_DECISION };

static bool tells_of_parked(const Tc__HeldMoney *held, const rows_t *rows, size_t row) {
    if (strcmp(held->payer, row_text(rows, row, P_PAYER)) != 0) return false;
    if (held->amount_fen < 0)
        return held->amount_fen == -row_i64(rows, row, P_AMOUNT) &&
               strcmp(held->reason, row_text(rows, row, P_DECISION)) == 0;
    return held->amount_fen == row_i64(rows, row, P_AMOUNT) &&
           strcmp(held->reason, row_text(rows, row, P_REASON)) == 0 &&
           strcmp(held->on, row_text(rows, row, P_PAID_ON)) == 0;
}

static bool tells_of_move(const Tc__HeldMoney *held, const rows_t *rows, size_t row) {
    return strcmp(held->payer, row_text(rows, row, P_PAYER)) == 0 && held->amount_fen == row_i64(rows, row, P_AMOUNT);
}

static int check_held(verify_t *verify, int64_t partition, const rows_t *events, told_t *told, err_t *err) {
    rows_t parked, moves;
    int rc = verify_each(verify->collection, "tittt",
                         "SELECT payer, amount_fen, paid_on, reason, decision FROM parked_receipt"
                         " WHERE receipt = $1 AND $2 <> ''",
                         &told->keys, verify->page, &parked, err);
    if (!rc)
        rc = verify_each(verify->collection, "ti",
                         "SELECT payer, amount_fen FROM credit_move WHERE receipt = $1 AND move = $2", &told->keys,
                         verify->page, &moves, err);
    for (size_t i = 0, p = 0, m = 0; !rc && i < events->count; i++) {
        const Tc__HeldMoney *held = (const Tc__HeldMoney *)told->messages[i];
        bool is_parked = p < parked.count && row_i64(&parked, p, 0) == (int64_t)i;
        bool is_moved = m < moves.count && row_i64(&moves, m, 0) == (int64_t)i;
        bool fits = held && (strcmp(held->kind, "parked") == 0   ? is_parked && tells_of_parked(held, &parked, p)
                             : strcmp(held->kind, "credit") == 0 ? is_moved && tells_of_move(held, &moves, m)
                                                                 : false);
        if (held && !fits)
            verify_broken(verify,
                          "receipt %s: event collection %lld/%lld tells of %lld fen %s (%s) of %s, which is not"
                          " what is stored",
                          held->receipt, (long long)partition, (long long)row_i64(events, i, 0),
                          (long long)held->amount_fen, held->kind, held->reason, held->payer);
        p += is_parked;
        m += is_moved;
    }
    return rc;
}

// ---- contribution.returned

static int check_returned(verify_t *verify, int64_t partition, const rows_t *events, told_t *told, err_t *err) {
    rows_t refunds;
    int rc = verify_each(verify->collection, "i",
                         "SELECT amount_fen FROM refund WHERE receipt = $1 AND source = 'receipt' AND $2 = ''"
                         " UNION ALL SELECT amount_fen FROM withdrawn WHERE number = $1 AND $2 = ''"
                         " UNION ALL SELECT amount_fen FROM subsidy WHERE receipt = $1 AND returned_ms > 0 AND $2 = ''",
                         &told->keys, verify->page, &refunds, err);
    for (size_t i = 0, at = 0; !rc && i < events->count; i++) {
        const Tc__Receipt *receipt = (const Tc__Receipt *)told->messages[i];
        bool there = at < refunds.count && row_i64(&refunds, at, 0) == (int64_t)i;
        if (receipt && !there)
            verify_broken(verify,
                          "receipt %s: event collection %lld/%lld tells that it was returned, but there is"
                          " neither a refund nor a bill taken out",
                          receipt->receipt, (long long)partition, (long long)row_i64(events, i, 0));
        at += there;
    }
    return rc;
}

// ----

static int take_page(verify_t *verify, void *self, const rows_t *events, err_t *err) {
    told_t *told = self;
    int rc = read_events(verify, told->partition, events, told, err);
    if (!rc)
        rc = told->type == &tc__held_money__descriptor ? check_held(verify, told->partition, events, told, err)
                                                       : check_returned(verify, told->partition, events, told, err);
    if (!rc) verify->looked_at += (long long)events->count;
    return rc;
}

static int walk(verify_t *verify, int64_t partition, told_t *told, err_t *err) {
    told->partition = partition;
    return verify_events(verify, verify->collection, partition, told->topic, take_page, told, err);
}

int verify_held_told(verify_t *verify, err_t *err) {
    told_t held = {.topic = "money.held", .type = &tc__held_money__descriptor},
           returned = {.topic = "contribution.returned", .type = &tc__receipt__descriptor};
    int rc = E_OK;
    for (int64_t partition = 0; !rc && partition < PARTITIONS; partition++) {
        rc = walk(verify, partition, &held, err);
        if (!rc) rc = walk(verify, partition, &returned, err);
    }
    return rc;
}
