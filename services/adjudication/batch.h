// What settle, reverse, recompute and quote share: requests unpacked and checked, entitlement and facility of each
// bill, heads of their chains, and the one decision. Requests about one person and year share a chain, so that several
// in one batch follow each other in memory. What cannot be done is refused by itself, with the field at fault; the
// others go on.
#pragma once
#include "adjudication.h"
#include "course.h"
#include "textmap.h"

typedef struct chain {
    const char *person;
    int year;
    uint32_t partition;
    bool asked;                         // for the entitlement
    const Tc__Entitlement *entitlement; // NULL: none, and `refusal` says why
    int refusal;
    bool head_known;
    head_t head; // as stored
    head_t next; // after what was decided so far
    bool needs_course, has_course;
    course_t course; // when something comes before the end of the order; goes along with `next`
} chain_t;

typedef enum item_op { OP_BILL, OP_REVERSE, OP_RECOMPUTE } item_op_t; // OP_BILL: settle or quote
typedef enum item_state {
    ITEM_OPEN,
    ITEM_DECIDED,
    ITEM_TWIN,  // of an item decided before it
    ITEM_LATER, // waits for what this try settles
    ITEM_DRY,   // a recomputation that only asks
    ITEM_ANSWERED
} item_state_t;

typedef struct row { // of the chain, to be inserted
    row_kind_t kind;
    const char *bill;
    int64_t seq;
    int version;
    const void *body; // the packed Decision
    size_t body_bytes;
    Tc__FeeLine *const *lines; // of a visit, as this version split them, ended by NULL; NULL: none
} row_t;

typedef struct item {
    const request_t *request;
    item_op_t op;
    const Tc__Bill *bill;
    const Tc__ReverseBill *reverse;
    const Tc__Recompute *recompute;
    order_t order;          // of the bill
    int64_t visit_revision; // of the visit whose registered lines the bill took; 0: none
    benefit_bill_t input;
    entitled_t entitled;
    bool is_entitled;
    bool unplaced;  // its hospital is not known here: refused when it was looked for among the stored
    chain_t *chain; // NULL: a reversal whose bill was not looked for yet
    bool stands;    // a reversal: its bill does
    item_state_t state;
    uint8_t digest[SHA256_BYTES]; // not of quotes
    row_t row, *rows;             // decided: `rows` is &row when there is one
    size_t row_count;
    const void *body; // decided: the answer
    size_t body_bytes;
} item_t;

typedef struct batch {
    adjudication_t *on;
    const policy_t *policy; // in force when the batch began
    item_t *items;
    size_t count, room;
    chain_t *chains;
    size_t chain_count;
    textmap_t chain_map;
    textmap_t frozen;     // lines of visits whose bills are decided again, read ahead (bill_lines.h); room 0: none
    bool catalogue_level; // the catalogues in memory were found to be those of the store
    int64_t now_ms;
    bool settling; // refusals count among the bills of settle
    bool ahead;    // it is not its turn yet: nobody is told anything, what would be refused makes it `spoiled`
    bool spoiled;
    // It was not asked yet whether open bills are stored: a refusal of one is none before that, it becomes ITEM_LATER.
    bool hesitates;
} batch_t;

// For one chain without requests: its bills may be decided again.
batch_t batch_of(adjudication_t *on);
// No requests yet, and room for `room`. E_IO when the arena is used up: then `items` is NULL.
int batch_open(batch_t *batch, adjudication_t *on, size_t room, bool settling, err_t *err) MUST_USE;
// Unpack and check more requests, which the batch has room for.
void batch_add(batch_t *batch, const request_t *const *requests, size_t count);
// Both for these requests.
int batch_take(batch_t *batch, adjudication_t *on, const request_t *const *requests, size_t count, bool settling,
               err_t *err) MUST_USE;
// The chain of a person and year (0: tombstones), made when it is not there yet. An item may need one of each.
chain_t *batch_chain(batch_t *batch, const char *person, int year);
// The place of a bill by the register, as of the day it ended. E_UNAVAILABLE, E_NOT_FOUND (field "facility").
int batch_place(const adjudication_t *on, const Tc__Bill *bill, benefit_bill_t *input, err_t *err) MUST_USE;
// The item's `entitled` and `input` by the entitlement of its chain. E_UNSUPPORTED where the city has no such rules.
int batch_entitle_one(const policy_t *policy, item_t *item, err_t *err) MUST_USE;
// Entitlements of the chains not asked for yet: from the cache in one round trip, what is missing by one command to
// collection. Bills without one are refused, other requests are not. E_IO as above.
int batch_entitle(batch_t *batch, err_t *err) MUST_USE;
// Of that what the cache holds: nobody is asked and nobody refused.
int batch_entitle_cached(batch_t *batch, err_t *err) MUST_USE;
// The heads that the open ones of `items` need and are not known yet, from memory when `trust_memory`, else from the
// store.
int batch_read_heads(batch_t *batch, item_t *const *items, size_t count, bool trust_memory, err_t *err) MUST_USE;
// Decide one bill on `before`; `seq` 0 for a quote. Fills the item's row and body and, when asked, the head after it.
int batch_decide(batch_t *batch, item_t *item, const head_t *before, int64_t seq, head_t *after, err_t *err) MUST_USE;
// What personal accounts pay of a decision that is about to be written, or is only `asked` for. Nothing where there are
// none.
int batch_pay(batch_t *batch, Tc__Decision *decision, bool asked, err_t *err) MUST_USE;
// Have the accounts read that what is open among `items`, and the courses of the chains, may need.
int batch_read_accounts(batch_t *batch, item_t *const *items, size_t count, err_t *err) MUST_USE;
// E_TOO_LARGE for a first version that leaves no room for later ones.
int batch_pack_row(batch_t *batch, Tc__Decision *decision, row_kind_t kind, row_t *row, err_t *err) MUST_USE;
// The core's answer on a bill as a message, valid until the next one is made. `before` and `after` may be the same.
int batch_eval(batch_t *batch, const item_t *item, const head_t *before, int64_t seq, Tc__Decision **out,
               benefit_totals_t *after, err_t *err) MUST_USE;
void batch_refuse(batch_t *batch, item_t *item, int code, const err_t *err);
