#include "billing.h"
#include "store.h"
#include <string.h>

enum { LIMIT_DEFAULT = 500, LIMIT_MAX = 2000 };

typedef struct owing { // a person who may owe for the period
    Tc__PersonState *person;
    const Tc__Spell *spell;
    const char *employer_kind;
    bool billed;
} owing_t;

typedef struct run {
    service_ctx_t *ctx;
    const policy_t *policy;
    const period_t *period;
    owing_t *owing;
    size_t count;
    Tc__BillRun *reply;
} run_t;

static int out_of_memory(err_t *err) { return err_set(err, E_IO, "out of memory"); }

static int read_page(run_t *run, const char *after, int32_t limit, err_t *err) {
    rows_t rows;
    arena_t *arena = run->ctx->arena;
    int rc = persons_page(run->ctx->store, after, limit, arena, &rows, err);
    if (rc) return rc;
    if (!(run->owing = arena_alloc(arena, (rows.count + 1) * sizeof *run->owing))) return out_of_memory(err);
    for (size_t i = 0; rc == 0 && i < rows.count; i++) {
        size_t size;
        const void *data = row_blob(&rows, i, 0, &size);
        ProtobufCMessage *message;
        if ((rc = message_unpack(&message, &tc__person_state__descriptor, data, size, arena, err))) break;
        Tc__PersonState *person = (Tc__PersonState *)message;
        const Tc__Spell *spell = period_spell(run->policy, person, run->period);
        if (spell) run->owing[run->count++] = (owing_t){.person = person, .spell = spell};
        run->reply->last_person = person->person;
    }
    run->reply->persons = (int32_t)rows.count;
    run->reply->done = rows.count < (size_t)limit;
    return rc;
}

static int mark_billed(run_t *run, err_t *err) {
    rows_t keys, known;
    rows_init(&keys, run->ctx->arena, 3);
    for (size_t i = 0; i < run->count; i++) {
        int rc = key_add(&keys, run->owing[i].person->person, err);
        if (rc) return rc;
        rows_at(&keys, i)[2] = cell_text(run->period->text);
    }
    int rc = bills_known(run->ctx->store, &keys, run->ctx->arena, &known, err);
    for (size_t i = 0; rc == 0 && i < known.count; i++) run->owing[row_i64(&known, i, 0)].billed = true;
    return rc;
}

static int find_employers(run_t *run, err_t *err) {
    rows_t keys, kinds;
    rows_init(&keys, run->ctx->arena, 2);
    size_t *asked = arena_alloc(run->ctx->arena, (run->count + 1) * sizeof *asked);
    if (!asked) return out_of_memory(err);
    for (size_t i = 0; i < run->count; i++) {
        if (run->owing[i].billed || !*run->owing[i].spell->employer) continue;
        asked[keys.count] = i;
        int rc = key_add(&keys, run->owing[i].spell->employer, err);
        if (rc) return rc;
    }
    int rc = employers_of(run->ctx->store, &keys, run->ctx->arena, &kinds, err);
    if (rc) return rc;
    for (size_t i = 0; i < kinds.count; i++)
        run->owing[asked[row_i64(&kinds, i, 0)]].employer_kind = row_text(&kinds, i, 1);
    for (size_t i = 0; i < keys.count; i++)
        if (!run->owing[asked[i]].employer_kind)
            return err_field(err, E_UNAVAILABLE, "employer", "employer %s has not arrived from enrolment yet",
                             run->owing[asked[i]].spell->employer);
    return 0;
}

static int add_bill(run_t *run, const Tc__ContributionBill *bill, rows_t *rows, err_t *err) {
    size_t size;
    void *body = message_pack(&bill->base, run->ctx->arena, &size);
    cell_t *row = rows_add(rows);
    if (!body || !row) return out_of_memory(err);
    row[0] = cell_i64(partition_of(bill->person));
    row[1] = cell_text(bill->person);
    row[2] = cell_text(bill->period);
    row[3] = cell_text(bill->identity);
    row[4] = cell_text(bill->employer);
    row[5] = cell_i64(bill->total_fen);
    row[6] = cell_text("");
    row[7] = cell_text("");
    row[8] = cell_blob(body, size);
    run->reply->bills++;
    return fen_add(run->reply->amount_fen, bill->total_fen, &run->reply->amount_fen)
               ? err_set(err, E_OUT_OF_RANGE, "the bills of this chunk add up to more than can be counted")
               : 0;
}

static int make_bills(run_t *run, rows_t *rows, err_t *err) {
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < run->count; i++) {
        const owing_t *o = &run->owing[i];
        Tc__ContributionBill *bill = NULL;
        if (o->billed) continue;
        rc = bill_make(run->policy, o->person, o->spell, o->employer_kind, run->period, run->ctx->arena, &bill, err);
        if (rc == 0 && bill) rc = add_bill(run, bill, rows, err);
    }
    return rc;
}

int billing_run(service_ctx_t *ctx, const policy_t *policy, const period_t *period, const char *after, int32_t limit,
                Tc__BillRun **out, err_t *err) {
    run_t run = {.ctx = ctx, .policy = policy, .period = period};
    rows_t rows;
    if (limit < 0 || limit > LIMIT_MAX)
        return err_field(err, E_OUT_OF_RANGE, "limit", "expected 0 to %d persons", LIMIT_MAX);
    if (!(run.reply = arena_alloc(ctx->arena, sizeof *run.reply))) return out_of_memory(err);
    tc__bill_run__init(run.reply);
    run.reply->last_person = (char *)after;
    rows_init(&rows, ctx->arena, BILL_COLUMNS);
    int rc = read_page(&run, after, limit ? limit : LIMIT_DEFAULT, err);
    if (rc == 0) rc = mark_billed(&run, err);
    if (rc == 0) rc = find_employers(&run, err);
    if (rc == 0) rc = make_bills(&run, &rows, err);
    if (rc == 0) rc = bills_insert(ctx->store, &rows, err);
    if (rc == 0) *out = run.reply;
    return rc;
}
