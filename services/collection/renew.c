#include "renew.h"
#include "common/base/log.h"
#include "store.h"
#include "touched.h"
#include "withdrawal.h"
#include "years.h"
#include <string.h>

enum { CHUNK = 1024, CHUNK_MAX = 2048 };

typedef struct chunk {
    const renew_env_t *env;
    const Tc__PersonState *const *persons;
    size_t first; // the place of persons[0] among all
    size_t count;
    month_t *first_paid;   // NULL: nobody asks
    bool anew;             // renew_rebuild
    bool arrived;          // renew_arrived
    bool strangers;        // nothing is stored of them
    month_t now;           // months before it are past
    int64_t told;          // version before the first, of a state that is not stored
    rows_t history, known; // by person index
    size_t next_bill, next_known;
    arena_t *arena; // of the results
    renewal_t *out;
} chunk_t;

static int out_of_memory(err_t *err) { return err_set(err, E_IO, "out of memory"); }

static int read_chunk(chunk_t *chunk, err_t *err) {
    rows_t keys;
    arena_t *scratch = chunk->env->scratch;
    if (chunk->strangers) return 0; // no rows
    rows_init(&keys, scratch, 2);
    if (!rows_reserve(&keys, chunk->count)) return out_of_memory(err);
    for (size_t i = 0; i < chunk->count; i++) {
        int rc = key_add(&keys, chunk->persons[i]->person, err);
        if (rc) return rc;
    }
    store_t *store = chunk->env->ctx->store;
    if (chunk->anew) { // they come from a page
        int rc = bills_history_run(store, &keys, scratch, &chunk->history, err);
        return rc ? rc : entitlements_run(store, &keys, chunk->arena, &chunk->known, err); // some go to `same`
    }
    int rc = bills_history(store, &keys, scratch, &chunk->history, err);
    return rc ? rc : entitlements_of(store, &keys, scratch, &chunk->known, err);
}

static int read_bill(const chunk_t *chunk, size_t row, billed_t *out, err_t *err) {
    const char *period = row_text(&chunk->history, row, 1), *paid_on = row_text(&chunk->history, row, 4);
    int identity = identity_from_name(row_text(&chunk->history, row, 2));
    out->employer = row_text(&chunk->history, row, 3);
    out->identity = (identity_t)identity;
    out->paid_on = DATE_NONE;
    out->wage = row_i64(&chunk->history, row, 5);
    out->waived = row_i64(&chunk->history, row, 6) == 0;
    if (period_parse(period, &out->period, NULL) || identity < 0 || (*paid_on && date_parse(paid_on, &out->paid_on)))
        return err_set(err, E_INTERNAL, "a stored bill is malformed");
    return 0;
}

static void note_paid(chunk_t *chunk, size_t i, const billed_t *bill) {
    month_t *first = &chunk->first_paid[i];
    if (bill->paid_on == DATE_NONE || bill->period.lump || bill->period.yearly || bill->period.difference) return;
    if (!years_counts(chunk->env->policy, bill->identity)) return;
    if (*first == MONTH_NONE || bill->period.month < *first) *first = bill->period.month;
}

static int drop_bill(chunk_t *chunk, const Tc__PersonState *person, const billed_t *bill, err_t *err) {
    cell_t *row = rows_add(&chunk->out->dropped);
    const char *period = arena_text(chunk->arena, "%s", bill->period.text);
    if (!row || !period) return out_of_memory(err);
    row[0] = cell_i64(partition_of(person->person));
    row[1] = cell_text(person->person);
    row[2] = cell_text(period);
    return 0;
}

static int void_bill(chunk_t *chunk, const Tc__PersonState *person, const billed_t *bill, const char *why, err_t *err) {
    cell_t *row = rows_add(&chunk->out->voided);
    const char *period = arena_text(chunk->arena, "%s", bill->period.text);
    if (!row || !period) return out_of_memory(err);
    row[0] = cell_text(person->person);
    row[1] = cell_text(period);
    row[2] = cell_text(why);
    return 0;
}

// Who was moved from a day on may have been billed elsewhere since.
static bool perhaps_elsewhere(const Tc__PersonState *person, const billed_t *bill) {
    date_t moved;
    if (person->n_divisions < 2 || bill->period.lump || date_parse(person->divisions[1]->from, &moved)) return false;
    return month_first(bill->period.month + (bill->period.yearly ? 12 : 1)) > moved;
}

// Differences go with their month.
static int note_amended(chunk_t *chunk, size_t i, const billed_t *bill, err_t *err) {
    const Tc__PersonState *person = chunk->persons[i];
    rows_t *amended = &chunk->out->amended;
    char text[DATE_TEXT_MAX];
    if (!chunk->arrived || *person->merged_into) return 0;
    if (!billed_on_another_wage(chunk->env->policy, person, bill) && !perhaps_elsewhere(person, bill)) return 0;
    const char *period = bill->period.difference ? month_format(bill->period.month, text) : bill->period.text;
    const cell_t *last = amended->count ? rows_at(amended, amended->count - 1) : NULL;
    if (last && (size_t)last[0].i64 == chunk->first + i && strcmp(last[1].data, period) == 0) return 0;
    cell_t *row = rows_add(amended);
    if (!row || !(period = arena_text(chunk->arena, "%s", period))) return out_of_memory(err);
    row[0] = cell_i64((int64_t)(chunk->first + i));
    row[1] = cell_text(period);
    return 0;
}

// The person's bills that stand; the others are noted to be dropped, or to be taken out of what paid them.
static int bills_of_person(chunk_t *chunk, size_t i, billed_t **out, size_t *count, err_t *err) {
    size_t end = chunk->next_bill;
    while (end < chunk->history.count && row_i64(&chunk->history, end, 0) == (int64_t)i) end++;
    billed_t *bills = arena_alloc(chunk->env->scratch, (end - chunk->next_bill + 1) * sizeof *bills);
    if (!bills) return out_of_memory(err);
    *count = 0;
    *out = bills;
    if (chunk->first_paid) chunk->first_paid[i] = MONTH_NONE;
    for (; chunk->next_bill < end; chunk->next_bill++) {
        int rc = read_bill(chunk, chunk->next_bill, &bills[*count], err);
        if (rc) return rc;
        if (chunk->first_paid) note_paid(chunk, i, &bills[*count]);
        const char *why = billed_void(chunk->env->policy, chunk->persons[i], &bills[*count]);
        if (why)
            rc = void_bill(chunk, chunk->persons[i], &bills[*count], why, err);
        else if (billed_stands(chunk->env->policy, chunk->persons[i], &bills[*count]))
            rc = note_amended(chunk, i, &bills[(*count)++], err);
        else
            rc = drop_bill(chunk, chunk->persons[i], &bills[*count], err);
        if (rc) return rc;
    }
    return 0;
}

static int keep_changed(chunk_t *chunk, Tc__Entitlement *state, bool known, err_t *err) {
    size_t size;
    void *body = message_pack(&state->base, chunk->arena, &size);
    const char *person = arena_copy(chunk->arena, state->person, strlen(state->person) + 1);
    cell_t *row = rows_add(&chunk->out->changed);
    if (!body || !person || !row) return out_of_memory(err);
    row[0] = cell_i64(partition_of(person));
    row[1] = cell_text(person);
    row[2] = cell_i64(state->version);
    row[3] = cell_blob(body, size);
    row[4] = cell_i64(known);
    return 0;
}

static bool same_bytes(const void *a, size_t a_size, const void *b, size_t b_size) {
    return a && b && a_size == b_size && memcmp(a, b, a_size) == 0;
}

// Do they differ in nothing but the reason? Bytes that are no state differ in everything.
static bool same_but_reason(const chunk_t *chunk, const void *old, size_t old_size, const Tc__Entitlement *state,
                            const void *now, size_t now_size) {
    arena_t *scratch = chunk->env->scratch;
    ProtobufCMessage *message;
    size_t size;
    if (message_unpack(&message, &tc__entitlement__descriptor, old, old_size, scratch, NULL)) return false;
    ((Tc__Entitlement *)message)->reason = state->reason;
    ((Tc__Entitlement *)message)->touched_from = ((Tc__Entitlement *)message)->touched_until = state->touched_from;
    const void *told = message_pack(message, scratch, &size);
    return same_bytes(told, size, now, now_size);
}

// The next version says what it changed of the past.
static int number_next(const chunk_t *chunk, const void *old, size_t old_size, Tc__Entitlement *state, err_t *err) {
    arena_t *scratch = chunk->env->scratch;
    ProtobufCMessage *before = NULL;
    int rc = old ? message_unpack(&before, &tc__entitlement__descriptor, old, old_size, scratch, err) : 0;
    if (rc == E_TOO_LARGE) return rc; // memory ran out
    if (rc) before = NULL;            // bytes that are no state said nothing
    state->version++;
    return touched_mark((const Tc__Entitlement *)before, state, chunk->now, scratch, err);
}

static int keep_same(chunk_t *chunk, size_t i, err_t *err) {
    if (!chunk->anew) return 0;
    cell_t *row = rows_add(&chunk->out->same);
    if (!row) return out_of_memory(err);
    memcpy(row, rows_at(&chunk->known, chunk->next_known - 1), 3 * sizeof *row);
    row[0] = cell_i64((int64_t)(chunk->first + i));
    return 0;
}

// A state that says what the stored one says is no change.
static int compare(chunk_t *chunk, size_t i, Tc__Entitlement *state, err_t *err) {
    size_t row = chunk->next_known, old_size = 0, new_size;
    const void *old = NULL;
    const bool known = row < chunk->known.count && row_i64(&chunk->known, row, 0) == (int64_t)i;
    state->version = chunk->told;
    if (known) {
        old = row_blob(&chunk->known, row, 2, &old_size);
        chunk->next_known++;
        state->version = row_i64(&chunk->known, row, 1);
        void *now = message_pack(&state->base, chunk->env->scratch, &new_size);
        if (!now) return out_of_memory(err);
        if (touched_same(old, old_size, now, new_size)) return keep_same(chunk, i, err);
        if (chunk->anew && same_but_reason(chunk, old, old_size, state, now, new_size)) return keep_same(chunk, i, err);
    }
    int rc = number_next(chunk, old, old_size, state, err);
    return rc ? rc : keep_changed(chunk, state, known, err);
}

static int decide_chunk(chunk_t *chunk, err_t *err) {
    int rc = read_chunk(chunk, err);
    for (size_t i = 0; rc == 0 && i < chunk->count; i++) {
        billed_t *bills = NULL;
        size_t count = 0;
        Tc__Entitlement *state = NULL;
        rc = bills_of_person(chunk, i, &bills, &count, err);
        if (rc == 0)
            rc =
                entitlement_make(chunk->env->policy, chunk->persons[i], bills, count, chunk->env->scratch, &state, err);
        if (rc == 0) rc = compare(chunk, i, state, err);
    }
    return rc;
}

// Behind CHUNK persons, and behind the partition that the last of them is of when that is near: who catches up with a
// stream comes by the partition, and it is read once then (dense.h).
static size_t chunk_end(const Tc__PersonState *const *persons, size_t first, size_t end) {
    size_t at = first + CHUNK;
    const uint32_t partition = partition_of(persons[at - 1]->person);
    while (at < end && at < first + CHUNK_MAX && partition_of(persons[at]->person) == partition) at++;
    return at;
}

// `as` says what is asked of all persons. Of the first `strangers` nothing is stored.
static int decide(const chunk_t *as, size_t count, size_t strangers, renewal_t *out, err_t *err) {
    const month_t now = month_of(date_of_ms(clock_now_ms()));
    int rc = 0;
    rows_init(&out->changed, as->arena, ENTITLEMENT_COLUMNS);
    rows_init(&out->dropped, as->arena, 3);
    rows_init(&out->voided, as->arena, 3);
    rows_init(&out->same, as->arena, 3);
    rows_init(&out->amended, as->arena, 2);
    // Of a city that is sound, a rebuild changes nothing; elsewhere most are asked for because they change.
    if (!as->anew && !rows_reserve(&out->changed, count)) return out_of_memory(err);
    for (size_t i = 0, end; rc == 0 && i < count; i = end) {
        chunk_t chunk = *as;
        end = i < strangers ? strangers : count;
        if (end - i > CHUNK) end = chunk_end(as->persons, i, end);
        chunk.persons = as->persons + i;
        chunk.first = i;
        chunk.count = end - i;
        chunk.first_paid = as->first_paid ? as->first_paid + i : NULL;
        chunk.strangers = i < strangers;
        chunk.now = now;
        chunk.out = out;
        rc = decide_chunk(&chunk, err);
        arena_reset(as->env->scratch);
    }
    return rc;
}

int renew_decide(const renew_env_t *env, const Tc__PersonState *const *persons, size_t count, month_t *first_paid,
                 arena_t *arena, renewal_t *out, err_t *err) {
    const chunk_t as = {.env = env, .persons = persons, .first_paid = first_paid, .arena = arena};
    return decide(&as, count, 0, out, err);
}

int renew_arrived(const renew_env_t *env, const Tc__PersonState *const *persons, size_t count, size_t strangers,
                  arena_t *arena, renewal_t *out, err_t *err) {
    const chunk_t as = {.env = env, .persons = persons, .arrived = true, .arena = arena};
    return decide(&as, count, strangers, out, err);
}

// Versions go up one by one, and nobody's state changes every millisecond for decades: the clock is above them all.
int renew_rebuild(const renew_env_t *env, const Tc__PersonState *const *persons, size_t count, arena_t *arena,
                  renewal_t *out, err_t *err) {
    const chunk_t as = {.env = env, .persons = persons, .anew = true, .told = clock_now_ms(), .arena = arena};
    return decide(&as, count, 0, out, err);
}

static int take_out(const renew_env_t *env, const rows_t *voided, arena_t *arena, err_t *err) {
    if (voided->count == 0) return 0;
    withdrawal_t *withdrawals = arena_alloc(arena, voided->count * sizeof *withdrawals);
    if (!withdrawals) return out_of_memory(err);
    for (size_t i = 0; i < voided->count; i++) {
        const cell_t *row = rows_at((rows_t *)voided, i);
        withdrawals[i] = (withdrawal_t){row[0].data, row[1].data, row[0].data, row[2].data, 0};
    }
    return withdrawals_write(env->desk, withdrawals, voided->count, desk_moment_ms(env->desk), err);
}

int renew_write(const renew_env_t *env, const renewal_t *renewal, arena_t *arena, err_t *err) {
    const int64_t now_ms = clock_now_ms();
    const char *batch = renewal->changed.count ? recache_batch(env->recache) : "";
    int rc = bills_drop(env->ctx->store, &renewal->dropped, err);
    if (rc == 0) rc = take_out(env, &renewal->voided, arena, err);
    if (rc == 0) rc = entitlements_put(env->ctx->store, &renewal->changed, batch, arena, err);
    for (size_t i = 0; rc == 0 && i < renewal->changed.count; i++) {
        const cell_t *row = rows_at(&renewal->changed, i);
        int64_t number;
        rc = stream_reserve(env->ctx->stream, (uint32_t)row[0].i64, "entitlement.changed", now_ms, row[3].data,
                            row[3].size, &number, err);
        if (rc == 0) recache_add(env->recache, row[1].data, row[2].i64, row[3].data, row[3].size);
    }
    if (rc == 0 && renewal->dropped.count) log_info("bills_dropped", "count=%zu", renewal->dropped.count);
    return rc;
}
