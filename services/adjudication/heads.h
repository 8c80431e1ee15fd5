// Where each person-year's chain stands: its newest row, the totals after its last bill in lawful order and that bill's
// place in the order, kept in memory: a hint that saves a read, never the truth. An instance
// that lost the ownership of a partition may hold an old head; the key (partition, person, year, seq) then refuses the
// insert, the head is dropped and read again. Bounded: a newer person-year takes the place of an older one with the
// same hash.
#pragma once
#include "benefit.h"
#include "order.h"

typedef struct head {
    int64_t seq; // of the newest row; 0: none yet in that year
    benefit_totals_t totals;
    order_t last; // of the last bill that stands; all "" when none does
} head_t;

typedef struct heads heads_t;

heads_t *heads_new(size_t entries); // a power of two; NULL when out of memory
void heads_destroy(heads_t **heads);
bool heads_get(const heads_t *heads, const char *person, int year, head_t *out);
void heads_put(heads_t *heads, const char *person, int year, const head_t *head);
void heads_drop(heads_t *heads, const char *person, int year);
void heads_clear(heads_t *heads); // forget all
