// What public money owes for a year (财政补助义务): the lines of that year's bills that finance or the unemployment
// fund pays, by division, item, payer, fiscal tier and identity, against what of them was really paid. Method
// get_obligations.
#pragma once
#include "desk.h"

typedef struct obligation {
    Tc__Obligations__Line *line;
    fen_t by_receipt; // of what is due, what receipts under the persons' numbers bring: no subsidy pays it
    fen_t subsidised; // of what is paid, by subsidies (subsidies.h)
} obligation_t;

typedef struct obligations {
    obligation_t *items; // by division, item, payer, tier, identity
    size_t count;
} obligations_t;

// From the sums that are kept, and for partitions whose bills changed since from these, whose sums are kept then; with
// `all_payers` employers and persons are payers like others, and all bills are walked over. City and county
// share what finance owes as the city's file says on 1 January, each sum by itself, half a fen upwards for the city.
//
// Partition by partition: begin, each partition once, rest (keeps what was summed up; now and then, and last), end.
// Everything lives in `arena`, which nobody resets meanwhile; the scratch arena is free between the calls.
typedef struct obligations_count obligations_count_t;
int obligations_begin(collection_t *c, int year, bool all_payers, arena_t *arena, obligations_count_t **out,
                      err_t *err) MUST_USE;
int obligations_part(obligations_count_t *count, int64_t partition, err_t *err) MUST_USE;
int obligations_rest(obligations_count_t *count, err_t *err) MUST_USE;
int obligations_end(obligations_count_t *count, obligations_t *out, err_t *err) MUST_USE;
// Without `all_payers`, inside the caller's transaction and in ctx->arena: from the sums that are kept, and from the
// bills where they changed. `*whole` false: there are more of those than a slice takes, and nothing was kept. `since`:
// a sum that is as new as these counts of changes will do (owed.h); NULL: only one of the bills as they are.
int obligations_now(collection_t *c, int year, const int64_t *since, obligations_t *out, bool *whole,
                    err_t *err) MUST_USE;
// Slice by slice, whoever asks (counting.h): what get_obligations asks for, before its end.
int obligations_go_on(collection_t *c, const Tc__GetObligations *ask, obligations_count_t **out, err_t *err) MUST_USE;
// How often the bills of each partition had changed when the count began.
const int64_t *obligations_changes(const obligations_count_t *count);
// What a subsidy may still pay of it; below 0 when it was paid ahead.
fen_t obligation_open(const obligation_t *obligation);
// Days from the end of the year to `as_of`; 0 while it lasts.
int32_t obligation_late_days(int year, date_t as_of);

int obligations_get(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                    err_t *err);
