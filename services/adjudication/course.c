// Every operation works on a copy of the list and puts it in place at its end; decisions are never written after they
// were made. protobuf-c wants pointers without const where it only reads; the casts here give it borrowed constants.
#include "course.h"
#include <stdlib.h>
#include <string.h>

static int no_memory(err_t *err) { return err_set(err, E_IO, "out of memory for the bills of the year"); }

int course_version(const Tc__Decision *decision) { return decision->version ? decision->version : 1; }

bool course_stands(const Tc__Decision *decision) {
    return strcmp(decision->kind, "reversed") != 0 && strcmp(decision->kind, "tombstone") != 0;
}

// ---- the standing bills

static int order_of(const Tc__Decision *decision, order_t *out, err_t *err) {
    const Tc__Bill *input = decision->input;
    if (input && order_make(input->to, input->from, decision->bill, out)) return 0;
    return err_set(err, E_INTERNAL, "the stored decision on bill %.64s has no bill", decision->bill);
}

static int compare_bills(const void *a, const void *b) {
    return order_compare(&((const course_bill_t *)a)->order, &((const course_bill_t *)b)->order);
}

// Room for one more, so that an addition finds it.
static int copy_bills(const course_t *course, course_t *copy, err_t *err) {
    *copy = *course;
    copy->bills = arena_alloc(course->arena, (course->count + 1) * sizeof *copy->bills);
    if (!copy->bills) return no_memory(err);
    if (course->count) memcpy(copy->bills, course->bills, course->count * sizeof *copy->bills);
    return 0;
}

int course_open(course_t *course, arena_t *arena, const Tc__Decision *const *newest, size_t count, int64_t seq,
                err_t *err) {
    course_t opened = {.arena = arena, .seq = seq};
    opened.bills = arena_alloc(arena, (count + 1) * sizeof *opened.bills);
    if (!opened.bills) return no_memory(err);
    for (size_t i = 0; i < count; i++) {
        if (!course_stands(newest[i])) continue;
        int rc = order_of(newest[i], &opened.bills[opened.count].order, err);
        if (rc) return rc;
        opened.bills[opened.count++].decision = newest[i];
    }
    if (opened.count > COURSE_BILLS_MAX)
        return err_set(err, E_TOO_LARGE, "more than %d bills in the year", COURSE_BILLS_MAX);
    qsort(opened.bills, opened.count, sizeof *opened.bills, compare_bills);
    *course = opened;
    return 0;
}

// How many bills stand before `order`.
static size_t place_of(const course_t *course, const order_t *order) {
    size_t low = 0, high = course->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (order_compare(&course->bills[middle].order, order) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static size_t find_bill(const course_t *course, const char *bill) {
    size_t i = 0;
    while (i < course->count && strcmp(course->bills[i].decision->bill, bill) != 0) i++;
    return i;
}

static int totals_before(const course_t *course, const course_ports_t *ports, size_t place, benefit_totals_t *out,
                         err_t *err) {
    *out = (benefit_totals_t){0};
    if (place == 0) return 0;
    const Tc__Decision *before = course->bills[place - 1].decision;
    return ports->totals(ports->self, before->used, before->n_used, out, err);
}

int course_before(const course_t *course, const course_ports_t *ports, const order_t *order, benefit_totals_t *out,
                  err_t *err) {
    return totals_before(course, ports, place_of(course, order), out, err);
}

// ---- what differs

static fen_t amount_of(Tc__Amount *const *list, size_t count, const char *name) {
    for (size_t i = 0; i < count; i++)
        if (strcmp(list[i]->name, name) == 0) return list[i]->amount_fen;
    return 0;
}

// A name that only one of them has stands for zero in the other.
static bool holds_all(Tc__Amount *const *a, size_t a_count, Tc__Amount *const *b, size_t b_count) {
    for (size_t i = 0; i < a_count; i++)
        if (a[i]->amount_fen != amount_of(b, b_count, a[i]->name)) return false;
    return true;
}

static bool same_amounts(Tc__Amount *const *a, size_t a_count, Tc__Amount *const *b, size_t b_count) {
    return holds_all(a, a_count, b, b_count) && holds_all(b, b_count, a, a_count);
}

// Whom it is booked on counts among the figures: the ledger has to turn its lines.
static bool same_figures(const Tc__Decision *a, const Tc__Decision *b) {
    return strcmp(a->decision, b->decision) == 0 && strcmp(a->identity, b->identity) == 0 &&
           strcmp(a->division, b->division) == 0 && a->total_fen == b->total_fen &&
           a->in_scope_fen == b->in_scope_fen && a->deductible_fen == b->deductible_fen && a->fund_fen == b->fund_fen &&
           a->own_fen == b->own_fen && same_amounts(a->paid, a->n_paid, b->paid, b->n_paid) &&
           same_amounts(a->used, a->n_used, b->used, b->n_used);
}

Tc__Previous *course_previous(const Tc__Decision *replaced, arena_t *arena) {
    Tc__Previous *previous = arena_alloc(arena, sizeof *previous);
    if (!previous) return NULL;
    tc__previous__init(previous);
    previous->seq = replaced->seq;
    previous->kind = replaced->kind;
    previous->decision = replaced->decision;
    previous->deductible_fen = replaced->deductible_fen;
    previous->paid = replaced->paid;
    previous->n_paid = replaced->n_paid;
    previous->fund_fen = replaced->fund_fen;
    previous->own_fen = replaced->own_fen;
    previous->account_fen = replaced->account_fen;
    previous->account_parts = replaced->account_parts;
    previous->n_account_parts = replaced->n_account_parts;
    previous->identity = replaced->identity;
    previous->division = replaced->division;
    previous->total_fen = replaced->total_fen;
    return previous;
}

// ---- one operation

typedef struct operation {
    const course_ports_t *ports;
    const course_stamp_t *stamp;
    course_t next; // the copy that is worked on
    course_change_t change;
    int64_t based_on_seq;
    bool about_one; // a bill comes or goes; else all are meant
} operation_t;

// One operation makes at most one row a bill, and one more for the bill that comes or goes.
static int begin(operation_t *op, const course_t *course, const course_ports_t *ports, const course_stamp_t *stamp,
                 err_t *err) {
    *op = (operation_t){.ports = ports, .stamp = stamp, .based_on_seq = course->seq};
    op->change.rows = arena_alloc(course->arena, (course->count + 1) * sizeof *op->change.rows);
    return op->change.rows ? copy_bills(course, &op->next, err) : no_memory(err);
}

static void put_row(operation_t *op, Tc__Decision *row) {
    row->seq = ++op->next.seq;
    row->based_on_seq = op->based_on_seq;
    row->decided_ms = op->stamp->now_ms;
    row->request_id = (char *)op->stamp->request_id;
    op->change.rows[op->change.count++] = row;
}

static int put_version(operation_t *op, const Tc__Decision *replaced, Tc__Decision *row, const char *kind,
                       const char *cause, err_t *err) {
    row->kind = (char *)kind;
    row->version = course_version(replaced) + 1;
    row->cause = (char *)cause;
    row->previous = course_previous(replaced, op->next.arena);
    if (!row->previous) return no_memory(err);
    put_row(op, row);
    return 0;
}

// The code of a bill that nobody asked for would be read as that of the one that was.
static int block(int code, err_t *err) {
    char why[sizeof err->text];
    if (err_may_retry(code) || code == E_INTERNAL) return code;
    snprintf(why, sizeof why, "%s", err->text);
    return err_field(err, E_BLOCKED, "bill", "%.180s (%s)", why, err_name(code));
}

// The bills from `place` on, again, on `totals`.
static int decide_from(operation_t *op, size_t place, benefit_totals_t totals, err_t *err) {
    for (size_t i = place; i < op->next.count; i++) {
        const Tc__Decision *stood = op->next.bills[i].decision;
        Tc__Decision *fresh;
        int rc = op->ports->decide(op->ports->self, stood->input, &totals, &fresh, &totals, err);
        if (rc) {
            err_prefix(err, "bill %.64s cannot be decided again", stood->bill);
            if (rc == E_NOT_FOUND) { // it was known where the bill was settled: here it was not heard of yet
                if (err) err->code = E_UNAVAILABLE;
                return E_UNAVAILABLE;
            }
            return op->about_one ? block(rc, err) : rc;
        }
        if (same_figures(stood, fresh)) continue;
        rc = put_version(op, stood, fresh, "recomputed", op->stamp->cause_around, err);
        if (rc) return rc;
        op->next.bills[i].decision = fresh;
    }
    return 0;
}

// The totals of `names`, all zero.
static int zero_amounts(arena_t *arena, Tc__Amount *const *names, size_t count, Tc__Amount ***out, err_t *err) {
    Tc__Amount *amounts = arena_alloc(arena, (count + 1) * sizeof *amounts);
    *out = arena_alloc(arena, (count + 1) * sizeof **out);
    if (!amounts || !*out) return no_memory(err);
    for (size_t i = 0; i < count; i++) {
        tc__amount__init(&amounts[i]);
        amounts[i].name = names[i]->name;
        (*out)[i] = &amounts[i];
    }
    return 0;
}

// The totals after the first `place` bills, as a list; those of `row` in zeros when there are none.
static int used_after(const operation_t *op, size_t place, const Tc__Decision *row, Tc__Amount ***used, size_t *count,
                      err_t *err) {
    if (place == 0) {
        *count = row->n_used;
        return zero_amounts(op->next.arena, row->used, row->n_used, used, err);
    }
    *used = op->next.bills[place - 1].decision->used;
    *count = op->next.bills[place - 1].decision->n_used;
    return 0;
}

// Where the chain stands after the change, unless its last row is that of the last bill and tells it by itself.
static int seal(operation_t *op, err_t *err) {
    const course_t *next = &op->next;
    if (op->change.count == 0) return 0;
    Tc__Decision *row = op->change.rows[op->change.count - 1];
    const course_bill_t *last = next->count ? &next->bills[next->count - 1] : NULL;
    if (last && last->decision == row) return 0;
    Tc__ChainHead *head = arena_alloc(next->arena, sizeof *head);
    if (!head) return no_memory(err);
    tc__chain_head__init(head);
    int rc = used_after(op, next->count, row, &head->used, &head->n_used, err);
    if (rc) return rc;
    if (last) {
        head->last_to = last->decision->input->to;
        head->last_from = last->decision->input->from;
        head->last_bill = last->decision->bill;
    }
    row->head = head;
    return 0;
}

static int end(operation_t *op, course_t *course, course_change_t *change, err_t *err) {
    int rc = seal(op, err);
    if (rc) return rc;
    *course = op->next;
    *change = op->change;
    return 0;
}

// ---- the operations

int course_add(course_t *course, const course_ports_t *ports, const Tc__Bill *bill, const course_stamp_t *stamp,
               course_change_t *change, err_t *err) {
    operation_t op;
    course_bill_t added;
    benefit_totals_t totals = {0};
    Tc__Decision *fresh = NULL;
    if (!order_make(bill->to, bill->from, bill->bill, &added.order))
        return err_set(err, E_INTERNAL, "a bill without an order was let in");
    if (course->count >= COURSE_BILLS_MAX)
        return err_set(err, E_TOO_LARGE, "more than %d bills in the year", COURSE_BILLS_MAX);
    int rc = begin(&op, course, ports, stamp, err);
    size_t place = place_of(course, &added.order);
    if (!rc) rc = totals_before(course, ports, place, &totals, err);
    if (!rc) rc = ports->decide(ports->self, bill, &totals, &fresh, &totals, err);
    if (rc) return rc;
    fresh->version = 1;
    put_row(&op, fresh);
    added.decision = fresh;
    memmove(&op.next.bills[place + 1], &op.next.bills[place], (op.next.count - place) * sizeof added);
    op.next.bills[place] = added;
    op.next.count++;
    op.about_one = true;
    rc = decide_from(&op, place + 1, totals, err);
    return rc ? rc : end(&op, course, change, err);
}

// What the bill was handed in as stays, of what was decided nothing.
static int make_reversed(const operation_t *op, size_t place, const Tc__Decision *stood, Tc__Decision **out,
                         err_t *err) {
    Tc__Decision *row = arena_alloc(op->next.arena, sizeof *row);
    if (!row) return no_memory(err);
    *row = *stood;
    row->decision = (char *)"reversed";
    row->reason = (char *)"";
    row->total_fen = row->in_scope_fen = row->deductible_fen = row->fund_fen = row->own_fen = row->account_fen = 0;
    row->n_steps = row->n_advice = row->n_changed = row->n_account_parts = 0;
    row->head = NULL;
    *out = row;
    int rc = zero_amounts(op->next.arena, stood->paid, stood->n_paid, &row->paid, err);
    return rc ? rc : used_after(op, place, stood, &row->used, &row->n_used, err);
}

int course_remove(course_t *course, const course_ports_t *ports, const char *bill, const course_stamp_t *stamp,
                  course_change_t *change, err_t *err) {
    operation_t op;
    benefit_totals_t totals = {0};
    Tc__Decision *row = NULL;
    size_t place = find_bill(course, bill);
    if (place == course->count) return err_field(err, E_NOT_FOUND, "bill", "bill %.64s does not stand", bill);
    const Tc__Decision *stood = course->bills[place].decision;
    int rc = begin(&op, course, ports, stamp, err);
    if (!rc) rc = totals_before(course, ports, place, &totals, err);
    if (!rc) rc = make_reversed(&op, place, stood, &row, err);
    if (!rc) rc = put_version(&op, stood, row, "reversed", stamp->cause, err);
    if (rc) return rc;
    op.next.count--;
    memmove(&op.next.bills[place], &op.next.bills[place + 1], (op.next.count - place) * sizeof *op.next.bills);
    op.about_one = true;
    rc = decide_from(&op, place, totals, err);
    return rc ? rc : end(&op, course, change, err);
}

int course_recompute(course_t *course, const course_ports_t *ports, const course_stamp_t *stamp,
                     course_change_t *change, err_t *err) {
    operation_t op;
    int rc = begin(&op, course, ports, stamp, err);
    if (!rc) rc = decide_from(&op, 0, (benefit_totals_t){0}, err);
    return rc ? rc : end(&op, course, change, err);
}
