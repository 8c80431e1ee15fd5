// A day of a month, from the file and from the message.
#include "month_day_io.h"

enum { DAY_MAX = 31, MONTHS_AFTER_MAX = 12 };

Tc__PolicyMonthDay *month_day_of(loader_t *l, const yaml_node_t *map) {
    static const char *const shifts[SHIFT__COUNT] = {"none", "earlier", "later"};
    static const char *const months[] = {"this_month", "next_month"};
    const yaml_node_t *day = need(l, map, "day"), *of = may(l, map, "of"), *shift = may(l, map, "shift");
    const yaml_node_t *inclusive = may(l, map, "inclusive");
    Tc__PolicyMonthDay *to = take(l, 1, sizeof *to);
    if (!to) return NULL;
    *to = (Tc__PolicyMonthDay)TC__POLICY_MONTH_DAY__INIT;
    to->day = ref_of(l, day, UNIT_COUNT, (span_t){DATE_NONE, DATE_MAX}, NULL);
    if (!l->rc && to->day->kind == REF_CONST && (to->day->value < 1 || to->day->value > DAY_MAX))
        fail(l, day, "a day of a month is 1 to %d", DAY_MAX);
    if (of) to->months_after = word_of(l, of, months, COUNT_OF(months));
    if (shift) to->shift = word_of(l, shift, shifts, SHIFT__COUNT);
    if (inclusive) to->before = !truth_of(l, inclusive);
    return to;
}

int unpack_month_day(const unpacker_t *r, const Tc__PolicyMonthDay *from, month_day_t *to) {
    *to = (month_day_t){0};
    if (!from || !from->day || from->months_after > MONTHS_AFTER_MAX || from->shift >= SHIFT__COUNT)
        return unpack_bad(r, "a day of a month");
    *to = (month_day_t){
        .months_after = (uint8_t)from->months_after, .shift = (shift_t)from->shift, .before = from->before};
    int rc = unpack_ref(r, from->day, UNIT_COUNT, REF_NONE, &to->day);
    if (!rc && to->day.kind == REF_CONST && (to->day.value < 1 || to->day.value > DAY_MAX))
        rc = unpack_bad(r, "a day of a month");
    return rc;
}
