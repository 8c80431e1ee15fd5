#include "order.h"
#include <string.h>

bool order_make(const char *to, const char *from, const char *bill, order_t *out) {
    size_t to_bytes = strlen(to), from_bytes = strlen(from), bill_bytes = strlen(bill);
    if (to_bytes > ORDER_DAY_MAX || from_bytes > ORDER_DAY_MAX || bill_bytes > ORDER_BILL_MAX) return false;
    memcpy(out->to, to, to_bytes + 1);
    memcpy(out->from, from, from_bytes + 1);
    memcpy(out->bill, bill, bill_bytes + 1);
    return true;
}

int order_compare(const order_t *a, const order_t *b) {
    int difference = strcmp(a->to, b->to);
    if (!difference) difference = strcmp(a->from, b->from);
    return difference ? difference : strcmp(a->bill, b->bill);
}
