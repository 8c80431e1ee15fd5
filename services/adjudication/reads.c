// Quotes read the store for every head: this instance may not own the partition and its memory may be behind, which
// only settle would notice.
#include "reads.h"
#include "common/base/ids.h"
#include "common/wire/scope.h"
#include "courses.h"

enum { VERSIONS_MAX = 4096 };

static void refuse_all(adjudication_t *on, const request_t *const *requests, size_t count, int code, const err_t *err) {
    for (size_t i = 0; i < count; i++) adjudication_refuse(on, requests[i], code, err);
}

static bool comes_last(const item_t *item) { return order_compare(&item->order, &item->chain->head.last) > 0; }

static int read_courses(batch_t *batch, err_t *err) {
    for (size_t i = 0; i < batch->count; i++) {
        const item_t *item = &batch->items[i];
        if (item->state == ITEM_OPEN && !comes_last(item)) item->chain->needs_course = true;
    }
    return courses_read(batch, err);
}

static int totals_before(batch_t *batch, const item_t *item, head_t *before, err_t *err) {
    bench_t bench = {batch, item->chain};
    const course_ports_t ports = bench_ports(&bench);
    *before = item->chain->head;
    return comes_last(item) ? 0 : course_before(&item->chain->course, &ports, &item->order, &before->totals, err);
}

static void quote_one(batch_t *batch, item_t *item) {
    head_t before;
    err_t err = {0};
    if (item->state != ITEM_OPEN) return;
    int rc = totals_before(batch, item, &before, &err);
    if (!rc) rc = batch_decide(batch, item, &before, 0, NULL, &err);
    if (rc) {
        batch_refuse(batch, item, rc, &err);
        return;
    }
    adjudication_reply(batch->on, item->request, item->body, item->body_bytes);
    item->state = ITEM_ANSWERED;
}

// All at once, or none of those that nothing is wrong with by themselves: they are listed in `left`.
static int quote_together(adjudication_t *on, const request_t *const *requests, size_t count, const request_t **left,
                          size_t *left_count, err_t *err) {
    batch_t batch;
    *left_count = 0;
    int rc = batch_take(&batch, on, requests, count, false, err);
    item_t **items = rc ? NULL : arena_alloc(on->arena, (count + 1) * sizeof *items);
    if (!rc && !items) rc = err_set(err, E_IO, "out of memory for the batch");
    for (size_t i = 0; items && i < count; i++) items[i] = &batch.items[i];
    if (!rc) rc = batch_entitle(&batch, err);
    if (!rc) rc = batch_read_heads(&batch, items, count, false, err);
    if (!rc) rc = read_courses(&batch, err);
    if (!rc) rc = batch_read_accounts(&batch, items, count, err);
    for (size_t i = 0; !rc && i < count; i++) quote_one(&batch, items[i]);
    for (size_t i = 0; rc && i < count; i++)
        if (!batch.items || batch.items[i].state != ITEM_ANSWERED) left[(*left_count)++] = requests[i];
    return rc;
}

// What cannot be read of one person's bills harms no other's; a lost database is not asked once for each.
void quote_turn(adjudication_t *on, const request_t *const *requests, size_t count) {
    const request_t **left = arena_alloc(on->arena, (count + 1) * sizeof *left), *again;
    const arena_mark_t mark = arena_mark(on->arena);
    size_t left_count = 0, again_count;
    err_t err = {0};
    if (!left) {
        refuse_all(on, requests, count, err_set(&err, E_IO, "out of memory for the batch"), &err);
        return;
    }
    const int rc = quote_together(on, requests, count, left, &left_count, &err);
    for (size_t i = 0; rc && i < left_count; i++) {
        err_t why = err;
        int code = rc;
        again_count = 1;
        arena_back(on->arena, &mark);
        if (count > 1 && rc != E_STORE) code = quote_together(on, &left[i], 1, &again, &again_count, &why);
        if (code && again_count) adjudication_refuse(on, left[i], code, &why);
    }
}

// ---- stored decisions
// ---------------------------------------------------------------------------------------------------

static int explain(adjudication_t *on, const void *body, size_t bytes, const void **out, size_t *out_bytes,
                   err_t *err) {
    ProtobufCMessage *message;
    const policy_t *policy;
    int rc = message_unpack(&message, &tc__decision__descriptor, body, bytes, on->arena, err);
    if (rc) return rc;
    Tc__Decision *decision = (Tc__Decision *)message;
    *out = body;
    *out_bytes = bytes;
    if (decision->n_steps == 0) return 0; // a reversal has nothing to explain
    rc = decision_check_sums(decision, err);
    if (!rc) rc = policies_get(on->policies, on->store, decision->policy, on->arena, &policy, err);
    if (rc) return rc;
    decision_explain(policy, decision);
    *out = message_pack(message, on->arena, out_bytes);
    return *out ? 0 : err_set(err, E_IO, "out of memory for the explanation");
}

static int check_scope(adjudication_t *on, const request_t *request, const void *body, size_t bytes, err_t *err) {
    ProtobufCMessage *message;
    if (scope_is_whole(request->header.scope)) return E_OK;
    int rc = message_unpack(&message, &tc__decision__descriptor, body, bytes, on->arena, err);
    return rc ? rc : decision_check_scope((const Tc__Decision *)message, request->header.scope, err);
}

static void answer_one(adjudication_t *on, const request_t *request, const void *body, size_t bytes, bool explained) {
    err_t err = {0};
    int rc = E_OK;
    if (!body)
        rc = err_field(&err, E_NOT_FOUND, "bill", "no decision on this bill");
    else
        rc = check_scope(on, request, body, bytes, &err);
    if (!rc && explained) rc = explain(on, body, bytes, &body, &bytes, &err);
    if (rc)
        adjudication_refuse(on, request, rc, &err);
    else
        adjudication_reply(on, request, body, bytes);
}

static int bill_of(adjudication_t *on, const request_t *request, const char **bill, err_t *err) {
    ProtobufCMessage *message;
    int rc =
        message_unpack(&message, &tc__get_decision__descriptor, request->body, request->body_bytes, on->arena, err);
    if (rc) return rc;
    *bill = ((const Tc__GetDecision *)message)->bill;
    rc = name_check("bill", *bill, err);
    return rc ? err_field(err, rc, "bill", "bill must be 1 to 64 of A-Z a-z 0-9 . _ : -") : 0;
}

// The keys of the well-formed requests; `asked` are those, the others are refused.
static int list_bills(adjudication_t *on, const request_t *const *requests, size_t count, rows_t *keys,
                      const request_t **asked, err_t *err) {
    for (size_t i = 0; i < count; i++) {
        const char *bill;
        err_t refusal = {0};
        int rc = bill_of(on, requests[i], &bill, &refusal);
        if (rc) {
            adjudication_refuse(on, requests[i], rc, &refusal);
            continue;
        }
        cell_t *key = rows_add(keys);
        // Out of memory is told to everybody who was not refused yet.
        if (!key) {
            rc = err_set(err, E_IO, "out of memory for the batch");
            refuse_all(on, asked, keys->count, rc, err);
            refuse_all(on, requests + i, count - i, rc, err);
            return rc;
        }
        key[0] = cell_text(bill);
        asked[keys->count - 1] = requests[i];
    }
    return 0;
}

void decision_turn(adjudication_t *on, const request_t *const *requests, size_t count, bool explained) {
    err_t err = {0};
    rows_t keys, found;
    const request_t **asked = arena_alloc(on->arena, (count + 1) * sizeof *asked);
    if (!asked) {
        refuse_all(on, requests, count, err_set(&err, E_IO, "out of memory for the batch"), &err);
        return;
    }
    rows_init(&keys, on->arena, 1);
    if (list_bills(on, requests, count, &keys, asked, &err) || !keys.count) return;
    int rc = decisions_find_bills(on->store, &keys, on->arena, &found, &err);
    if (rc) {
        refuse_all(on, asked, keys.count, rc, &err);
        return;
    }
    for (size_t i = 0, row = 0; i < keys.count; i++) {
        const void *body = NULL;
        size_t bytes = 0;
        if (row < found.count && row_i64(&found, row, 0) == (int64_t)i) body = row_blob(&found, row++, 1, &bytes);
        answer_one(on, asked[i], body, bytes, explained);
    }
}

// ---- versions of a bill

static int read_versions(adjudication_t *on, const char *bill, Tc__Decisions *answer, err_t *err) {
    rows_t found;
    int rc = intake_check_name("bill", bill, err);
    if (!rc) rc = decisions_versions(on->store, bill, VERSIONS_MAX, on->arena, &found, err);
    if (!rc && !found.count) rc = err_field(err, E_NOT_FOUND, "bill", "no decision on this bill");
    if (rc) return rc;
    answer->decisions = arena_alloc(on->arena, found.count * sizeof *answer->decisions);
    if (!answer->decisions) return err_set(err, E_IO, "out of memory for the answer");
    for (size_t i = 0; !rc && i < found.count; i++) {
        size_t bytes;
        const void *body = row_blob(&found, i, 0, &bytes);
        rc = message_unpack((ProtobufCMessage **)&answer->decisions[answer->n_decisions++], &tc__decision__descriptor,
                            body, bytes, on->arena, err);
    }
    answer->done = true;
    return rc;
}

static void answer_message(adjudication_t *on, const request_t *request, int rc, const ProtobufCMessage *message,
                           err_t *err) {
    size_t bytes = 0;
    const void *body = rc ? NULL : message_pack(message, on->arena, &bytes);
    if (!rc && !body) rc = err_set(err, E_IO, "out of memory for the answer");
    if (!rc && bytes > WIRE_MESSAGE_MAX_BYTES) rc = err_set(err, E_TOO_LARGE, "the answer is over the bound");
    if (rc)
        adjudication_refuse(on, request, rc, err);
    else
        adjudication_reply(on, request, body, bytes);
}

// All versions in one answer: when they are too long, of all but the newest their figures stay.
static void shorten(Tc__Decisions *answer) {
    for (size_t i = 0; i + 1 < answer->n_decisions; i++) {
        Tc__Decision *old = answer->decisions[i];
        old->n_steps = old->n_advice = 0;
        if (old->input) old->input->n_lines = 0;
    }
}

void versions_get(adjudication_t *on, const request_t *request) {
    Tc__Decisions answer = TC__DECISIONS__INIT;
    ProtobufCMessage *message;
    err_t err = {0};
    int rc =
        message_unpack(&message, &tc__get_versions__descriptor, request->body, request->body_bytes, on->arena, &err);
    if (!rc) rc = read_versions(on, ((const Tc__GetVersions *)message)->bill, &answer, &err);
    for (size_t i = 0; !rc && i < answer.n_decisions; i++)
        rc = decision_check_scope(answer.decisions[i], request->header.scope, &err);
    if (!rc && protobuf_c_message_get_packed_size(&answer.base) > WIRE_MESSAGE_MAX_BYTES) shorten(&answer);
    answer_message(on, request, rc, &answer.base, &err);
}

// ---- what became of a command

static int read_status(adjudication_t *on, const char *request_id, Tc__Status *answer, err_t *err) {
    rows_t found;
    size_t bytes = 0;
    int rc = intake_check_name("request_id", request_id, err);
    if (!rc) rc = decisions_find_request(on->store, request_id, on->arena, &found, err);
    if (rc) return rc;
    answer->state = (char *)(found.count ? "done" : "unknown");
    const void *body = found.count ? row_blob(&found, 0, 0, &bytes) : NULL;
    if (!bytes) return 0;
    return message_unpack((ProtobufCMessage **)&answer->decision, &tc__decision__descriptor, body, bytes, on->arena,
                          err);
}

void status_get(adjudication_t *on, const request_t *request) {
    Tc__Status answer = TC__STATUS__INIT;
    ProtobufCMessage *message;
    err_t err = {0};
    int rc = message_unpack(&message, &tc__get_status__descriptor, request->body, request->body_bytes, on->arena, &err);
    if (!rc) rc = read_status(on, ((const Tc__GetStatus *)message)->request_id, &answer, &err);
    if (!rc && answer.decision) rc = decision_check_scope(answer.decision, request->header.scope, &err);
    answer_message(on, request, rc, &answer.base, &err);
}
