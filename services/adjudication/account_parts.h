// Who pays what of the person's part of a bill: the own account first, then those of relatives in the order given, each
// as far as its balance goes. And what goes back when the part is smaller afterwards: the last who paid gets it first.
// Pure.
#pragma once
#include "common/base/money.h"
#include <stddef.h>

// parts[i] of `own` (not negative) from balances[i] (not negative). Gives the sum, which is at most `own`.
fen_t account_parts_pay(fen_t own, const fen_t *balances, size_t count, fen_t *parts);
// The parts that stand, cut down to `own`: back[i] of parts[i] is refunded, from the last to the first. Parts that add
// up to no more stay as they are: what costs more later is paid by the person, for nobody consented to taking it from
// an account. Gives the sum that stays.
fen_t account_parts_cut(fen_t own, fen_t *parts, size_t count, fen_t *back);
