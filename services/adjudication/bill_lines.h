// Where a bill's lines meet its amounts: lines registered with a visit are read for a whole batch at once, and before
// the core is asked the catalogues split them, so that a bill with lines and one with amounts are the same to it.
#pragma once
#include "batch.h"
#include "split.h"

// The open bills among `items` that take registered lines get them, with the revision of their visit. Refused by
// themselves: no such visit (E_NOT_FOUND), cancelled (E_REVERSED), another person, facility, kind or day than the
// visit's (E_OUT_OF_RANGE). One round trip for visits and one for lines.
int bill_lines_fetch(batch_t *batch, item_t *const *items, size_t count, err_t *err) MUST_USE;
// The lines of settled visits for bills of courses that are about to be decided again, so that bill_lines_apply() need
// not ask bill by bill: up to `lines_ahead` lines of the first of `bills`, in the same two round trips for all of
// them; what is beyond is asked when it is its turn. Bills without registered lines are passed over.
int bill_lines_read_ahead(batch_t *batch, const Tc__Bill *const *bills, size_t count, err_t *err) MUST_USE;
static inline bool bill_has_lines(const Tc__Bill *bill) { return bill->n_lines > 0 || bill->lines_registered; }
// Of a bill that is placed and entitled: split its lines, fill the bill (a copy) and the core's input. Amounts given
// beside lines must say the same, unless the bill is a stored one (its amounts are the outcome of the split that it had
// then). Lines of a visit stay out of the message: the bill of the decision holds their sums, and what the split made
// of them hangs on behind its end, where only bill_lines_kept() looks. E_UNAVAILABLE (field "lines") until the
// catalogues were read, E_NOT_IN_FORCE when there is none. Whatever is refused by what the catalogues say is
// E_UNAVAILABLE as well while there is a load that this instance has not read.
int bill_lines_apply(batch_t *batch, item_t *item, err_t *err) MUST_USE;
// The split lines of a bill of this turn that took them from its visit, ended by NULL; NULL: none.
static inline Tc__FeeLine *const *bill_lines_kept(const Tc__Bill *bill) {
    return bill && bill->lines_registered && !bill->n_lines ? bill->lines : NULL;
}
// The facts of the split that the entitlement tells: birth and sex.
int bill_lines_person(const Tc__Entitlement *state, split_facts_t *facts, err_t *err) MUST_USE;
// E_UNAVAILABLE, also of a load that was not read here; E_NOT_IN_FORCE.
int bill_lines_catalogue(const adjudication_t *on, const catalogue_t **out, err_t *err) MUST_USE;
// What visits have to know of the bills that were decided in this transaction: no more lines come to them; and each
// version keeps the split that it was decided on.
int bill_lines_settled(batch_t *batch, item_t *const *items, size_t count, err_t *err) MUST_USE;
