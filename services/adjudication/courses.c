// What stands is read after the head was, so it is never behind it; when it is ahead, the key (partition, person, year,
// seq) refuses what is made of both.
#include "courses.h"
#include "bill_lines.h"
#include <string.h>

static int no_memory(err_t *err) { return err_set(err, E_IO, "the bills of the year need more memory than there is"); }

// ---- ports

static int unpack(const void *body, size_t bytes, arena_t *arena, Tc__Decision **out, err_t *err) {
    return message_unpack((ProtobufCMessage **)out, &tc__decision__descriptor, body, bytes, arena, err);
}

// The message is made in a frame that serves the next bill too: a copy outlives it.
static int keep(const Tc__Decision *made, arena_t *arena, Tc__Decision **out, err_t *err) {
    size_t bytes;
    const void *body = message_pack(&made->base, arena, &bytes);
    int rc = body ? unpack(body, bytes, arena, out, err) : no_memory(err);
    if (!rc && bill_lines_kept(made->input)) (*out)->input->lines = made->input->lines;
    return rc;
}

static int decide(void *self, const Tc__Bill *bill, const benefit_totals_t *before, Tc__Decision **out,
                  benefit_totals_t *after, err_t *err) {
    bench_t *bench = self;
    batch_t *batch = bench->batch;
    item_t item = {.bill = bill, .chain = bench->chain};
    const head_t head = {.totals = *before};
    Tc__Decision *made = NULL;
    int rc = intake_check(bill, date_of_ms(batch->now_ms), &item.input, err);
    if (!rc) rc = batch_place(batch->on, bill, &item.input, err);
    if (!rc) rc = batch_entitle_one(batch->policy, &item, err);
    if (!rc) rc = batch_eval(batch, &item, &head, 0, &made, after, err);
    return rc ? rc : keep(made, batch->on->arena, out, err);
}

static int totals(void *self, Tc__Amount *const *used, size_t count, benefit_totals_t *out, err_t *err) {
    return decision_totals(((bench_t *)self)->batch->policy, used, count, out, err);
}

course_ports_t bench_ports(bench_t *bench) { return (course_ports_t){bench, decide, totals}; }

// ---- rows

static int open_course(chain_t *chain, const rows_t *found, size_t from, size_t until, int64_t seq, arena_t *arena,
                       err_t *err) {
    const Tc__Decision **newest = arena_alloc(arena, (until - from + 1) * sizeof *newest);
    if (!newest) return no_memory(err);
    for (size_t row = from; row < until; row++) {
        size_t bytes;
        Tc__Decision *decision;
        const void *body = row_blob(found, row, 1, &bytes);
        int rc = unpack(body, bytes, arena, &decision, err);
        if (rc) return rc;
        newest[row - from] = decision;
    }
    int rc = course_open(&chain->course, arena, newest, until - from, seq, err);
    if (!rc) chain->has_course = true;
    return rc;
}

static int read_chains(batch_t *batch, chain_t *const *chains, const int64_t *seqs, size_t count, err_t *err) {
    arena_t *arena = batch->on->arena;
    rows_t keys, found;
    rows_init(&keys, arena, 3);
    for (size_t i = 0; i < count; i++) {
        cell_t *key = rows_add(&keys);
        if (!key) return no_memory(err);
        key[0] = cell_i64(chains[i]->partition);
        key[1] = cell_text(chains[i]->person);
        key[2] = cell_i64(chains[i]->year);
    }
    int rc = decisions_find_standing(batch->on->store, &keys, COURSE_BILLS_MAX + 1, arena, &found, err);
    for (size_t i = 0, row = 0; !rc && i < count; i++) {
        size_t from = row;
        while (row < found.count && row_i64(&found, row, 0) == (int64_t)i) row++;
        rc = open_course(chains[i], &found, from, row, seqs[i], arena, err);
    }
    return rc;
}

// ---- what will be decided again, and has its lines in the store

// Where in the order of its chain an open item changes something; NULL: at its beginning.
static const order_t *place_of(const item_t *item) {
    const course_t *course = &item->chain->course;
    if (item->op == OP_BILL) return &item->order;
    for (size_t i = 0; item->op == OP_REVERSE && i < course->count; i++)
        if (strcmp(course->bills[i].decision->bill, item->reverse->bill) == 0) return &course->bills[i].order;
    return NULL;
}

typedef struct again { // of one chain: its bills from `first` on
    const chain_t *chain;
    size_t first;
} again_t;

static void mark_again(again_t *of, const order_t *place) {
    const course_t *course = &of->chain->course;
    size_t first = 0;
    while (place && first < course->count && order_compare(&course->bills[first].order, place) < 0) first++;
    if (first < of->first) of->first = first;
}

static int read_lines_ahead(batch_t *batch, const again_t *chains, size_t count, err_t *err) {
    size_t room = 0, listed = 0;
    for (size_t i = 0; i < count; i++) room += chains[i].chain->course.count;
    const Tc__Bill **bills = arena_alloc(batch->on->arena, (room + 1) * sizeof *bills);
    if (!bills) return no_memory(err);
    for (size_t i = 0; i < count; i++)
        for (size_t k = chains[i].first; k < chains[i].chain->course.count; k++)
            bills[listed++] = chains[i].chain->course.bills[k].decision->input;
    return bill_lines_read_ahead(batch, bills, listed, err);
}

// Items are as many as chains, and chains are few: those that have to be read whole.
static int read_ahead(batch_t *batch, chain_t *const *chains, size_t count, err_t *err) {
    again_t *again = arena_alloc(batch->on->arena, (count + 1) * sizeof *again);
    if (!again) return no_memory(err);
    for (size_t i = 0; i < count; i++) again[i] = (again_t){chains[i], chains[i]->course.count};
    for (size_t i = 0; i < batch->count; i++) {
        const item_t *item = &batch->items[i];
        if (item->state != ITEM_OPEN || !item->chain || !item->chain->has_course) continue;
        for (size_t k = 0; k < count; k++)
            if (chains[k] == item->chain) mark_again(&again[k], place_of(item));
    }
    return read_lines_ahead(batch, again, count, err);
}

int course_read(batch_t *batch, chain_t *chain, int64_t seq, err_t *err) {
    int rc = read_chains(batch, (chain_t *const[]){chain}, &seq, 1, err);
    return rc ? rc : read_lines_ahead(batch, &(again_t){chain, 0}, 1, err);
}

int courses_read(batch_t *batch, err_t *err) {
    size_t count = 0;
    chain_t **chains = arena_alloc(batch->on->arena, (batch->chain_count + 1) * sizeof *chains);
    int64_t *seqs = arena_alloc(batch->on->arena, (batch->chain_count + 1) * sizeof *seqs);
    if (!chains || !seqs) return no_memory(err);
    for (size_t i = 0; i < batch->chain_count; i++) {
        chain_t *chain = &batch->chains[i];
        if (!chain->needs_course || chain->has_course) continue;
        chains[count] = chain;
        seqs[count++] = chain->head.seq;
    }
    metric_add(batch->on->metrics.courses_read, (int64_t)count);
    int rc = count ? read_chains(batch, chains, seqs, count, err) : 0;
    return rc || !count || !batch->settling ? rc : read_ahead(batch, chains, count, err);
}
