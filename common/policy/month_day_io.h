// How a day of a month is read from the file and from the message.
#pragma once
#include "month_day.h"
#include "unpack.h"
#include "words.h"

// Keys of such a day, for the lists of allowed keys around it.
#define MONTH_DAY_KEYS "day", "of", "shift", "inclusive"

Tc__PolicyMonthDay *month_day_of(loader_t *l, const yaml_node_t *map);
int unpack_month_day(const unpacker_t *r, const Tc__PolicyMonthDay *from, month_day_t *to) MUST_USE;
