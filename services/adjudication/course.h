// The course of a person's benefit year: its standing bills in lawful order, each with the newest version of its
// decision. A bill comes in, goes out, or all are worth something else now: the course tells which rows the chain gets,
// in order. What a bill is worth on given totals is asked through a port, so the course knows no rule.
//
// Promise: whatever the order of additions, removals and recomputations, after a recomputation the decisions are those
// of the standing bills decided afresh in lawful order, and the differences that the rows of a bill tell add up to its
// figures. An operation that fails has changed nothing. Pure but for the arena, in which everything made lives.
#pragma once
#include "adjudication.pb-c.h"
#include "benefit.h"
#include "common/base/arena.h"
#include "common/base/err.h"
#include "order.h"

enum { COURSE_BILLS_MAX = 4096 };

typedef struct course_ports {
    void *self;
    // What `bill` is worth on `before`: a new decision with everything but its place and version, and the totals after
    // it
    // (`after` may be `before`).
    int (*decide)(void *self, const Tc__Bill *bill, const benefit_totals_t *before, Tc__Decision **out,
                  benefit_totals_t *after, err_t *err);
    // The totals that a list of them tells.
    int (*totals)(void *self, Tc__Amount *const *used, size_t count, benefit_totals_t *out, err_t *err);
} course_ports_t;

typedef struct course_bill {
    order_t order;
    const Tc__Decision *decision;
} course_bill_t;

typedef struct course {
    arena_t *arena; // borrowed
    course_bill_t *bills;
    size_t count;
    int64_t seq; // of the newest row of the chain
} course_t;

typedef struct course_stamp { // what the rows of one operation have in common
    const char *request_id;
    const char *cause;        // of the bill that the operation is about; a sentence
    const char *cause_around; // of the bills that follow from it
    int64_t now_ms;
} course_stamp_t;

typedef struct course_change { // new rows, in the order of their seq; the last one tells where the chain then stands
    Tc__Decision **rows;
    size_t count;
} course_change_t;

// Of the newest version of every bill of the chain, in any order; reversed ones do not stand. `seq` is that of the
// chain's newest row. E_TOO_LARGE past the bound, E_INTERNAL for a row that is none of ours, E_IO without memory.
int course_open(course_t *course, arena_t *arena, const Tc__Decision *const *newest, size_t count, int64_t seq,
                err_t *err) MUST_USE;
// The totals on which a bill of this order is decided. The bill itself may stand already: it does not count then.
int course_before(const course_t *course, const course_ports_t *ports, const order_t *order, benefit_totals_t *out,
                  err_t *err) MUST_USE;

// Each returns what the ports return when they refuse. When a bill refuses that the operation is not about, the
// sentence names it with its code and reason; what cannot be mended by trying again is E_BLOCKED then, field "bill". A
// bill comes in: its row, version 1, is the first of the change.
int course_add(course_t *course, const course_ports_t *ports, const Tc__Bill *bill, const course_stamp_t *stamp,
               course_change_t *change, err_t *err) MUST_USE;
// A bill goes out: its row with nothing but zeros is the first of the change. E_NOT_FOUND when it does not stand.
int course_remove(course_t *course, const course_ports_t *ports, const char *bill, const course_stamp_t *stamp,
                  course_change_t *change, err_t *err) MUST_USE;
// All bills again; the change may be empty.
int course_recompute(course_t *course, const course_ports_t *ports, const course_stamp_t *stamp,
                     course_change_t *change, err_t *err) MUST_USE;

// Which figures a version replaces; NULL when memory is out.
Tc__Previous *course_previous(const Tc__Decision *replaced, arena_t *arena);
// The version of a stored decision: rows from before bills had versions are version 1.
int course_version(const Tc__Decision *decision);
// Whether a decision counts: it is neither reversed nor a tombstone.
bool course_stands(const Tc__Decision *decision);
