#include "preview.h"
#include "common/wire/scope.h"
#include "merger.h"
#include "store.h"
#include "timeline.h"
#include "touched.h"
#include <string.h>

// Every bill twice: as it is, and as it would be.
typedef struct supposed {
    const policy_t *policy;
    const Tc__PersonState *person;
    billed_t *now, *then; // those that stand
    Tc__ContributionBill **bills;
    size_t count;
    coverage_input_t now_input, then_input;
    arena_t *arena;
    Tc__Preview *out;
} supposed_t;

// What holds in one month.
typedef struct month_cover {
    const Tc__Entitlement__Span *span; // NULL: not covered
    rate_t share;                      // of the limits
} month_cover_t;

static int out_of_memory(err_t *err) { return err_set(err, E_IO, "out of memory"); }

// ---- bills

static int read_bill(const Tc__ContributionBill *bill, billed_t *out, err_t *err) {
    const int identity = identity_from_name(bill->identity);
    *out = (billed_t){.identity = (identity_t)identity,
                      .employer = bill->employer,
                      .paid_on = DATE_NONE,
                      .waived = bill->own_fen == 0};
    if (identity < 0 || period_parse(bill->period, &out->period, NULL) ||
        (*bill->paid_on && date_parse(bill->paid_on, &out->paid_on)))
        return err_set(err, E_INTERNAL, "a stored bill is malformed");
    return 0;
}

static int take_bills(supposed_t *s, Tc__ContributionBill *const *bills, size_t count, date_t pay_by, err_t *err) {
    s->now = arena_alloc(s->arena, (count + 1) * sizeof *s->now);
    s->then = arena_alloc(s->arena, (count + 1) * sizeof *s->then);
    s->bills = arena_alloc(s->arena, (count + 1) * sizeof(Tc__ContributionBill *));
    if (!s->now || !s->then || !s->bills) return out_of_memory(err);
    for (size_t i = 0; i < count; i++) {
        billed_t bill;
        int rc = read_bill(bills[i], &bill, err);
        if (rc) return rc;
        if (billed_void(s->policy, s->person, &bill) || !billed_stands(s->policy, s->person, &bill)) continue;
        s->bills[s->count] = bills[i];
        s->now[s->count] = s->then[s->count] = bill;
        if (bill.paid_on == DATE_NONE && !bill.waived) s->then[s->count].paid_on = pay_by;
        s->count++;
    }
    return 0;
}

// A month counts when it is bought, a year when it covers any month at all.
static bool counts(const timeline_t *t, const billed_t *bill) {
    if (!bill->period.yearly) return timeline_at(t, bill->period.month)->bought;
    for (month_t month = bill->period.month; month < bill->period.month + 12; month++)
        if (timeline_at(t, month)->yearly == (int)bill->identity) return true;
    return false;
}

static int list_owed(supposed_t *s, err_t *err) {
    timeline_t t;
    const bool decides = policy_coverage(s->policy)->decides;
    if (!(s->out->owed = arena_alloc(s->arena, (s->count + 1) * sizeof *s->out->owed))) return out_of_memory(err);
    if (decides) timeline_make(&t, policy_coverage(s->policy), &s->then_input, DATE_MAX, MONTH_NONE);
    for (size_t i = 0; i < s->count; i++) {
        if (s->now[i].paid_on != DATE_NONE || s->now[i].waived) continue;
        Tc__Preview__Item *item = arena_alloc(s->arena, sizeof *item);
        if (!item) return out_of_memory(err);
        tc__preview__item__init(item);
        item->period = s->bills[i]->period;
        item->employer = s->bills[i]->employer;
        item->amount_fen = s->bills[i]->own_fen;
        item->counts = decides && counts(&t, &s->then[i]);
        s->out->owed[s->out->n_owed++] = item;
        if (fen_add(s->out->amount_fen, item->amount_fen, &s->out->amount_fen))
            return err_set(err, E_OUT_OF_RANGE, "the bills of this person add up to more than can be counted");
    }
    return 0;
}

// ---- cover, month by month

static month_t first_month(const Tc__Entitlement__Span *span) {
    month_t month = MONTH_NONE;
    return month_parse(span->first_month, &month) ? MONTH_NONE : month;
}

static month_t last_month(const Tc__Entitlement__Span *span) { // INT32_MAX: open
    month_t month = INT32_MAX;
    return *span->last_month && month_parse(span->last_month, &month) ? MONTH_NONE : month;
}

// The months on which both states say something different from the month before: all others need no look.
static void reach(const Tc__Entitlement *state, month_t *first, month_t *last) {
    for (size_t i = 0; i < state->n_spans; i++) {
        const month_t begin = first_month(state->spans[i]), end = last_month(state->spans[i]);
        if (*first == MONTH_NONE || begin < *first) *first = begin;
        if (*last == MONTH_NONE || begin > *last) *last = begin;
        if (end != INT32_MAX && end > *last) *last = end;
    }
}

static int cover_of(const supposed_t *s, const Tc__Entitlement *state, const coverage_input_t *input, month_t month,
                    month_cover_t *out, err_t *err) {
    coverage_day_t day;
    *out = (month_cover_t){0};
    for (size_t i = 0; i < state->n_spans; i++)
        if (first_month(state->spans[i]) <= month && month <= last_month(state->spans[i])) out->span = state->spans[i];
    if (!out->span) return 0;
    int rc = coverage_on(s->policy, input, month_first(month) + 27, DATE_MAX, &day, err);
    out->share = day.scale;
    return rc;
}

static bool same_cover(const month_cover_t *a, const month_cover_t *b) {
    if (!a->span || !b->span) return a->span == b->span;
    return a->share == b->share && strcmp(a->span->identity, b->span->identity) == 0;
}

static Tc__Preview__Change *change_of(const month_cover_t *now, const month_cover_t *then, month_t month,
                                      arena_t *arena) {
    char text[DATE_TEXT_MAX];
    Tc__Preview__Change *change = arena_alloc(arena, sizeof *change);
    if (!change) return NULL;
    tc__preview__change__init(change);
    change->first_month = arena_text(arena, "%s", month_format(month, text));
    change->covered_now = now->span != NULL;
    if (then->span) change->identity = then->span->identity;
    change->share_now_ppm = now->span ? (int32_t)now->share : 0;
    change->share_then_ppm = then->span ? (int32_t)then->share : 0;
    return change->first_month ? change : NULL;
}

static int end_change(supposed_t *s, month_t month, err_t *err) {
    char text[DATE_TEXT_MAX];
    Tc__Preview__Change *change = s->out->changes[s->out->n_changes - 1];
    change->last_month = arena_text(s->arena, "%s", month_format(month, text));
    return change->last_month ? 0 : out_of_memory(err);
}

// Runs of months whose cover differs in the same way. A run that reaches the last month told goes on with it when
// either state is open there.
static int list_changes(supposed_t *s, err_t *err) {
    const month_t told_from = month_of(policy_coverage(s->policy)->from);
    month_t first = MONTH_NONE, last = MONTH_NONE;
    month_cover_t run_now = {0}, run_then = {0};
    bool running = false;
    int rc = 0;
    reach(s->out->now, &first, &last);
    reach(s->out->then, &first, &last);
    if (first == MONTH_NONE) return 0;
    if (first < told_from) first = told_from;
    const size_t room = last < first ? 1 : (size_t)(last - first) + 2;
    if (!(s->out->changes = arena_alloc(s->arena, room * sizeof *s->out->changes))) return out_of_memory(err);
    for (month_t month = first; rc == 0 && month <= last + 1; month++) {
        month_cover_t now, then;
        rc = cover_of(s, s->out->now, &s->now_input, month, &now, err);
        if (rc == 0) rc = cover_of(s, s->out->then, &s->then_input, month, &then, err);
        if (rc) break;
        const bool differs = !same_cover(&now, &then);
        const bool goes_on = running && differs && same_cover(&now, &run_now) && same_cover(&then, &run_then);
        if (goes_on) continue;
        if (running) rc = end_change(s, month - 1, err);
        running = differs;
        run_now = now;
        run_then = then;
        if (rc == 0 && differs && !(s->out->changes[s->out->n_changes++] = change_of(&now, &then, month, s->arena)))
            rc = out_of_memory(err);
    }
    return rc;
}

// ---- all of it

int preview_make(const policy_t *policy, const Tc__PersonState *person, Tc__ContributionBill *const *bills,
                 size_t count, date_t pay_by, arena_t *arena, Tc__Preview **out, err_t *err) {
    supposed_t s = {.policy = policy, .person = person, .arena = arena};
    if (!(s.out = arena_alloc(arena, sizeof *s.out))) return out_of_memory(err);
    tc__preview__init(s.out);
    int rc = take_bills(&s, bills, count, pay_by, err);
    if (rc == 0) rc = entitlement_make(policy, person, s.now, s.count, arena, &s.out->now, err);
    if (rc == 0) rc = entitlement_make(policy, person, s.then, s.count, arena, &s.out->then, err);
    if (rc == 0) rc = billed_coverage(policy, person, s.now, s.count, arena, &s.now_input, err);
    if (rc == 0) rc = billed_coverage(policy, person, s.then, s.count, arena, &s.then_input, err);
    if (rc == 0) rc = list_owed(&s, err);
    if (rc == 0 && policy_coverage(policy)->decides) rc = list_changes(&s, err);
    if (rc == 0) *out = s.out;
    return rc;
}

static int read_person(const renew_env_t *env, const char *person, Tc__PersonState **out, err_t *err) {
    rows_t keys, rows;
    size_t size;
    rows_init(&keys, env->ctx->arena, 2);
    int rc = key_add(&keys, person, err);
    if (rc == 0) rc = persons_of(env->ctx->store, &keys, env->ctx->arena, &rows, err);
    if (rc) return rc;
    if (rows.count == 0)
        return err_field(err, E_NOT_FOUND, "person",
                         "no person is known here under this number; a new one takes a moment to arrive");
    const void *state = row_blob(&rows, 0, 2, &size);
    return message_unpack((ProtobufCMessage **)out, &tc__person_state__descriptor, state, size, env->ctx->arena, err);
}

static int read_bills(const renew_env_t *env, const char *person, Tc__ContributionBill ***out, size_t *count,
                      err_t *err) {
    rows_t rows;
    int rc = bills_of(env->ctx->store, person, env->ctx->arena, &rows, err);
    if (rc) return rc;
    if (!(*out = arena_alloc(env->ctx->arena, (rows.count + 1) * sizeof(Tc__ContributionBill *))))
        return out_of_memory(err);
    *count = rows.count;
    for (size_t i = 0; rc == 0 && i < rows.count; i++) {
        size_t size;
        const void *body = row_blob(&rows, i, 0, &size);
        rc = bill_unpack(body, size, row_i64(&rows, i, 2), env->ctx->arena, &(*out)[i], err);
        if (rc == 0) (*out)[i]->paid_on = (char *)row_text(&rows, i, 1);
    }
    return rc;
}

// The state as stored has a version, and a payment that leaves another one makes the next.
static int number_states(const renew_env_t *env, Tc__Preview *preview, err_t *err) {
    rows_t keys, rows;
    size_t stored_size = 0, then_size;
    rows_init(&keys, env->ctx->arena, 2);
    int rc = key_add(&keys, preview->now->person, err);
    if (rc == 0) rc = entitlements_of(env->ctx->store, &keys, env->ctx->arena, &rows, err);
    if (rc) return rc;
    const void *stored = rows.count ? row_blob(&rows, 0, 2, &stored_size) : NULL;
    preview->now->version = preview->then->version = rows.count ? row_i64(&rows, 0, 1) : 0;
    const void *then = message_pack(&preview->then->base, env->ctx->arena, &then_size);
    if (!then) return out_of_memory(err);
    const bool differs = !touched_same(stored, stored_size, then, then_size);
    preview->then->version += differs;
    const month_t month = month_of(date_of_ms(clock_now_ms()));
    return differs ? touched_mark(preview->now, preview->then, month, env->ctx->arena, err) : 0;
}

int preview_ask(const renew_env_t *env, const Tc__PreviewPayment *ask, Tc__Preview **out, err_t *err) {
    Tc__PersonState *person = NULL;
    Tc__ContributionBill **bills = NULL;
    size_t count = 0;
    date_t pay_by;
    if (!*ask->person) return err_field(err, E_MISSING_FIELD, "person", "person is missing");
    if (!*ask->pay_by) return err_field(err, E_MISSING_FIELD, "pay_by", "pay_by is missing");
    if (date_parse(ask->pay_by, &pay_by))
        return err_field(err, E_INVALID_FIELD, "pay_by", "pay_by: expected a date like 2018-03-01");
    const char *lead = NULL;
    int rc = merger_lead(env->desk, ask->person, &lead, err);
    if (rc == 0) rc = read_person(env, lead, &person, err);
    if (rc == 0) rc = scope_check_division(env->ctx->scope, person->division, err);
    if (rc == 0) rc = read_bills(env, lead, &bills, &count, err);
    if (rc == 0) rc = preview_make(env->policy, person, bills, count, pay_by, env->ctx->arena, out, err);
    return rc ? rc : number_states(env, *out, err);
}
