// What stands is read after the head was, so it is never behind it; when it is ahead, the key (partition, person, year,
// seq) refuses what is made of both.
#include "courses.h"
#include "bill_lines.h"

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

int course_read(batch_t *batch, chain_t *chain, int64_t seq, err_t *err) {
    return read_chains(batch, (chain_t *const[]){chain}, &seq, 1, err);
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
    return count ? read_chains(batch, chains, seqs, count, err) : 0;
}
