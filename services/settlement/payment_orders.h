// The states of a payment order (methods: statements.h).
//
//   drafted → approved → sent → paid
//                           └→ refused
#pragma once
#include <stdbool.h>

bool order_may(const char *from, const char *to);
