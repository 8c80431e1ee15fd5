// What is due to a facility for a month, pure: from what became known of its bills, what earlier months left, what
// clerks take back, what evaluations release and what points add, to the amounts of one payment, part by part.
//
// Where the lines come from: the journal. Every entry of kind `bill` is a version of a bill as what it changes; its
// postings to payable/<layer> of the facility are the lines. A line belongs to the month in which it was booked,
// whatever the day of discharge, and to the first month not yet drawn up when that one is frozen already. So a frozen
// month never changes, and a later difference comes in the month in which it became known. `dues_line`, filled from the
// journal behind a cursor (dues_lines.h), has the lines in the order (facility, month), so that a month of one facility
// is one range of its key; the poster's path is left as it is.
//
// A part is a layer, fund, county and benefit year: what a payment line of the ledger names. In every part
//   pay = bills + brought − held − recovered + released + clearing − carried
// and every amount of a part is the sum of items, each with a bill, a year or a clearing behind it.
//   recovered  of each bill at most what its lines up to this month still say was paid, so a bill that is not in a
//              statement yet waits, and one that falls later gives back by itself; split over the bill's parts by
//              largest remainder
//   held       share × (bills − recovered), rounded half up in each part; negative when the difference is
//   released   share of the evaluation × what is held of its year, half up in each part; the rest is forfeited
//   clearing   split by largest remainder over the parts of its fund and layer, by what they are worth so far
//   carried    of a fund and county whose parts together are below 0 nothing is paid: all of it goes to the next month
#pragma once
#include "common/base/arena.h"
#include "common/base/money.h"

enum { DUES_PARTS_MAX = 256, DUES_RECOVERIES_MAX = 10000, DUES_CLAIMS_MAX = 1000, DUES_ITEMS_MAX = 65536 };

typedef struct dues_key {
    const char *layer, *fund, *county;
    int32_t year;
} dues_key_t;

typedef struct dues_amount {
    dues_key_t key;
    fen_t amount;
    int64_t lines; // behind it; only of bills
} dues_amount_t;

typedef struct dues_list {
    const dues_amount_t *amounts;
    size_t count;
} dues_list_t;

typedef struct dues_recovery { // of one bill
    const char *bill;
    fen_t decided;     // by clerks, all together; not below 0
    dues_list_t paid;  // of the bill, by its lines up to this month
    dues_list_t taken; // in earlier statements
} dues_recovery_t;

typedef enum dues_claim_kind {
    DUES_EVALUATION, // of what `held` says under `reference`, `share` is released and the rest forfeited
    DUES_CLEARING,   // `amount` is added to the parts of fund and layer, and `hold` of it kept back under `reference`
} dues_claim_kind_t;

typedef struct dues_claim {
    dues_claim_kind_t kind;
    const char *reference;      // quality:2021, points-2021-03-RES-basic
    const char *held_reference; // of what is kept back, or released: quality:2021, points:2021:RES:basic
    const char *fund, *layer;   // of a clearing
    fen_t amount, hold;
    rate_t share;
    dues_list_t held; // so far under `held_reference`
} dues_claim_t;

#define DUES_ITEM_TABLE(X)                                                                                             \
    X(DUES_HELD, "held")                                                                                               \
    X(DUES_RECOVERED, "recovered")                                                                                     \
    X(DUES_RELEASED, "released")                                                                                       \
    X(DUES_FORFEITED, "forfeited")                                                                                     \
    X(DUES_ADDED, "clearing")                                                                                          \
    X(DUES_BROUGHT, "brought")                                                                                         \
    X(DUES_CARRIED, "carried")
typedef enum dues_item_kind {
#define X(code, name) code,
    DUES_ITEM_TABLE(X)
#undef X
        DUES_ITEM__COUNT
} dues_item_kind_t;
const char *dues_item_name(dues_item_kind_t kind);

typedef struct dues_item {
    dues_item_kind_t kind;
    const char *reference;
    dues_key_t key;
    fen_t amount; // not 0
} dues_item_t;

typedef struct dues_part {
    dues_key_t key;
    int64_t lines;
    fen_t bills, of[DUES_ITEM__COUNT], pay;
} dues_part_t;

typedef struct dues_input {
    dues_list_t bills;        // by part
    dues_list_t brought;      // what the statement before carried
    const char *brought_from; // its month; NULL: none
    const dues_recovery_t *recoveries;
    size_t recovery_count;
    const dues_claim_t *claims;
    size_t claim_count;
    rate_t hold;
    const char *hold_reference; // quality:2021, the year of the month
    int32_t year;               // of the month: benefit year of a clearing that meets no part
} dues_input_t;

typedef struct dues_sheet {
    dues_part_t parts[DUES_PARTS_MAX]; // in order of fund, county, layer, year
    size_t part_count;
    dues_item_t *items; // in the arena
    size_t item_count, item_room;
    dues_part_t total; // its key is empty
} dues_sheet_t;

// Texts are borrowed. E_OUT_OF_RANGE when amounts overflow, E_TOO_LARGE beyond the limits above, E_IO out of memory.
int dues_draw(const dues_input_t *in, arena_t *arena, dues_sheet_t *out, err_t *err) MUST_USE;
// What a part, or the total, leaves unexplained: pay less the sum of its figures. 0 unless somebody changed it.
fen_t dues_residue(const dues_part_t *part);
int dues_key_compare(const dues_key_t *a, const dues_key_t *b);
