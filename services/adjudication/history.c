#include "history.h"
#include "common/base/hash.h"
#include "common/base/ids.h"
#include <stdlib.h>
#include <string.h>

static int no_memory(err_t *err) { return err_set(err, E_IO, "out of memory for the answer"); }

static int check_person(const char *person, int year, int64_t after, err_t *err) {
    if (!*person) return err_field(err, E_MISSING_FIELD, "person", "person is missing");
    int rc = name_check("person", person, err);
    if (rc) return err_field(err, rc, "person", "person must be 1 to 64 of A-Z a-z 0-9 . _ : -");
    if (!date_valid(year, 1, 1)) return err_field(err, E_INVALID_FIELD, "year", "year: expected 1900 to 2199");
    if (after < 0) return err_field(err, E_OUT_OF_RANGE, "after", "after is negative");
    return 0;
}

static Tc__Decisions *empty_answer(arena_t *arena) {
    Tc__Decisions *answer = arena_alloc(arena, sizeof *answer);
    if (!answer) return NULL;
    tc__decisions__init(answer);
    answer->decisions = arena_alloc(arena, HISTORY_PAGE * sizeof *answer->decisions);
    return answer->decisions ? answer : NULL;
}

static int unpack(const void *body, size_t bytes, arena_t *arena, Tc__Decision **out, err_t *err) {
    return message_unpack((ProtobufCMessage **)out, &tc__decision__descriptor, body, bytes, arena, err);
}

// Bills with many lines: fewer of them make a page, at least one.
static void fit(Tc__Decisions *decisions) {
    while (decisions->n_decisions > 1 &&
           protobuf_c_message_get_packed_size(&decisions->base) > WIRE_MESSAGE_MAX_BYTES) {
        decisions->n_decisions /= 2;
        decisions->done = false;
        decisions->next = decisions->decisions[decisions->n_decisions - 1]->seq;
    }
}

static void answer(adjudication_t *on, const request_t *request, int rc, Tc__Decisions *decisions, err_t *err) {
    size_t bytes = 0;
    if (!rc) fit(decisions);
    const void *body = rc ? NULL : message_pack(&decisions->base, on->arena, &bytes);
    if (!rc && !body) rc = no_memory(err);
    if (!rc && bytes > WIRE_MESSAGE_MAX_BYTES) rc = err_set(err, E_TOO_LARGE, "the answer is over the bound");
    if (rc)
        adjudication_refuse(on, request, rc, err);
    else
        adjudication_reply(on, request, body, bytes);
}

// ---- as decided

static int get(adjudication_t *on, const request_t *request, Tc__Decisions **out, err_t *err) {
    ProtobufCMessage *message;
    rows_t rows;
    int rc =
        message_unpack(&message, &tc__get_decisions__descriptor, request->body, request->body_bytes, on->arena, err);
    if (rc) return rc;
    const Tc__GetDecisions *ask = (const Tc__GetDecisions *)message;
    rc = check_person(ask->person, ask->year, ask->after, err);
    if (!rc)
        rc = decisions_of_year(on->store, ask->person, ask->year, ask->after, HISTORY_PAGE + 1, on->arena, &rows, err);
    if (rc) return rc;
    if (!(*out = empty_answer(on->arena))) return no_memory(err);
    (*out)->done = rows.count <= HISTORY_PAGE;
    for (size_t i = 0; !rc && i < rows.count && i < HISTORY_PAGE; i++) {
        size_t bytes;
        const void *body = row_blob(&rows, i, 1, &bytes);
        Tc__Decision *decision = NULL;
        rc = unpack(body, bytes, on->arena, &decision, err);
        if (rc) break;
        (*out)->next = decision->seq;
        if (decision_check_scope(decision, request->header.scope, NULL) == E_OK)
            (*out)->decisions[(*out)->n_decisions++] = decision;
    }
    return rc;
}

void history_get(adjudication_t *on, const request_t *request) {
    Tc__Decisions *decisions = NULL;
    err_t err = {0};
    int rc = get(on, request, &decisions, &err);
    answer(on, request, rc, decisions, &err);
}

// ---- as they would be

typedef struct chain_run {
    batch_t batch;
    chain_t chain;
    Tc__Decision **supposed; // by the lawful order
    Tc__Decisions *out;
} chain_run_t;

static int refused(const Tc__Bill *bill, const err_t *why, arena_t *arena, Tc__Decision **out, err_t *err) {
    Tc__Decision *decision = arena_alloc(arena, sizeof *decision);
    if (!decision) return no_memory(err);
    tc__decision__init(decision);
    decision->bill = bill->bill;
    decision->person = bill->person;
    decision->facility = bill->facility;
    decision->decision = (char *)"refused";
    decision->reason = arena_text(arena, "%s: %s", err_name(why->code), why->text);
    decision->total_fen = decision->own_fen = bill->total_fen;
    decision->in_scope_fen = bill->in_scope_fen;
    decision->input = (Tc__Bill *)bill;
    *out = decision;
    return decision->reason ? 0 : no_memory(err);
}

// One bill of the chain again. A refusal is an answer; E_UNAVAILABLE, E_UNSUPPORTED and our own failures are none.
static int decide_again(chain_run_t *run, const Tc__Bill *bill, benefit_totals_t *totals, Tc__Decision **out,
                        err_t *err) {
    bench_t bench = {&run->batch, &run->chain};
    const course_ports_t ports = bench_ports(&bench);
    err_t why = {0};
    int rc = ports.decide(ports.self, bill, totals, out, totals, &why);
    if (rc == E_UNAVAILABLE || rc == E_UNSUPPORTED || rc == E_IO || rc == E_INTERNAL) {
        *err = why;
        return rc;
    }
    return rc ? refused(bill, &why, run->batch.on->arena, out, err) : 0;
}

static int compare_seqs(const void *a, const void *b) {
    const Tc__Decision *left = *(Tc__Decision *const *)a, *right = *(Tc__Decision *const *)b;
    return (left->seq > right->seq) - (left->seq < right->seq);
}

static int run_chain(chain_run_t *run, int64_t after, err_t *err) {
    const course_t *course = &run->chain.course;
    benefit_totals_t totals = {0};
    int rc = 0;
    run->supposed = arena_alloc(run->batch.on->arena, (course->count + 1) * sizeof *run->supposed);
    if (!run->supposed) return no_memory(err);
    for (size_t i = 0; !rc && i < course->count; i++) {
        rc = decide_again(run, course->bills[i].decision->input, &totals, &run->supposed[i], err);
        if (!rc) run->supposed[i]->seq = course->bills[i].decision->seq;
    }
    if (rc) return rc;
    qsort(run->supposed, course->count, sizeof *run->supposed, compare_seqs);
    run->out->done = true;
    for (size_t i = 0; i < course->count; i++) {
        if (run->supposed[i]->seq <= after) continue;
        run->out->done = run->out->n_decisions < HISTORY_PAGE;
        if (!run->out->done) return 0;
        run->out->decisions[run->out->n_decisions++] = run->supposed[i];
        run->out->next = run->supposed[i]->seq;
    }
    return 0;
}

// The state comes from outside here: what is wrong with it is no fault of ours.
static int check_state(const Tc__QuoteAs *ask, uint32_t tier2, err_t *err) {
    entitled_t ignored;
    if (!ask->entitlement) return err_field(err, E_MISSING_FIELD, "entitlement", "entitlement is missing");
    if (strcmp(ask->entitlement->person, ask->person) != 0)
        return err_field(err, E_INVALID_FIELD, "entitlement", "the entitlement is not this person's");
    if (entitled_on(ask->entitlement, tier2, date_make(ask->year, 1, 1), &ignored, err))
        return err_field(err, E_INVALID_FIELD, "entitlement", "the entitlement state is unusable");
    return 0;
}

static int quote_as(adjudication_t *on, const request_t *request, Tc__Decisions **out, err_t *err) {
    ProtobufCMessage *message;
    int rc = message_unpack(&message, &tc__quote_as__descriptor, request->body, request->body_bytes, on->arena, err);
    if (rc) return rc;
    const Tc__QuoteAs *ask = (const Tc__QuoteAs *)message;
    rc = check_person(ask->person, ask->year, ask->after, err);
    if (!rc) rc = check_state(ask, policy_coverage(policies_current(on->policies))->tier2, err);
    if (rc) return rc;
    chain_run_t run = {.batch = batch_of(on),
                       .chain = {.person = ask->person,
                                 .year = ask->year,
                                 .partition = partition_of(ask->person),
                                 .entitlement = ask->entitlement}};
    if (!(*out = run.out = empty_answer(on->arena))) return no_memory(err);
    rc = course_read(&run.batch, &run.chain, 0, err);
    // Each stands on the totals of those before it, so whoever may not see all of them sees none.
    for (size_t i = 0; !rc && i < run.chain.course.count; i++)
        rc = decision_check_scope(run.chain.course.bills[i].decision, request->header.scope, err);
    return rc ? rc : run_chain(&run, ask->after, err);
}

void history_quote_as(adjudication_t *on, const request_t *request) {
    Tc__Decisions *decisions = NULL;
    err_t err = {0};
    int rc = quote_as(on, request, &decisions, &err);
    answer(on, request, rc, decisions, &err);
}
