// The lawful order of a person's bills within a benefit year: discharge day, admission day, bill number; never the
// order in which they arrived. Running totals are totals along this order. Pure.
#pragma once
#include <stdbool.h>

enum { ORDER_DAY_MAX = 10, ORDER_BILL_MAX = 64 };

typedef struct order { // days as YYYY-MM-DD, which sort as texts; all "" stands before every bill
    char to[ORDER_DAY_MAX + 1], from[ORDER_DAY_MAX + 1], bill[ORDER_BILL_MAX + 1];
} order_t;

// False, and `out` as it was, when one of the texts is too long to be a day or a bill number.
bool order_make(const char *to, const char *from, const char *bill, order_t *out);
int order_compare(const order_t *a, const order_t *b); // below 0, 0, above 0
