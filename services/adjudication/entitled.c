// The spans are months, so only the month of the day counts; groups are dated by the day.
#include "entitled.h"

typedef struct span {
    int identity;
    month_t first, last; // last = INT32_MAX: for life
    int32_t months_tier1, months_tier2;
} span_t;

static int malformed(err_t *err, const char *what) {
    return err_field(err, E_INTERNAL, "entitlement", "the entitlement state is unusable: %s", what);
}

static int read_span(const Tc__Entitlement__Span *in, span_t *out, err_t *err) {
    *out = (span_t){.identity = identity_from_name(in->identity),
                    .last = INT32_MAX,
                    .months_tier1 = in->months_tier1,
                    .months_tier2 = in->months_tier2};
    if (out->identity < 0) return malformed(err, "unknown identity");
    if (month_parse(in->first_month, &out->first)) return malformed(err, "first_month is not a month");
    if (in->last_month[0] && month_parse(in->last_month, &out->last))
        return malformed(err, "last_month is not a month");
    if (out->last < out->first) return malformed(err, "a span ends before it begins");
    if (out->months_tier1 < 0 || out->months_tier2 < 0) return malformed(err, "negative months");
    return 0;
}

// Months of the span between January of the month's year and the month itself.
static int32_t months_in_year_to(const span_t *span, month_t month) {
    month_t first = month_make(month_year(month), 1);
    if (span->first > first) first = span->first;
    month_t last = span->last < month ? span->last : month;
    return last < first ? 0 : last - first + 1;
}

static void count_span(const span_t *span, uint32_t tier2, month_t month, entitled_t *out) {
    if (tier2 >> span->identity & 1) out->cover_months += months_in_year_to(span, month);
    if (span->first > month) return;
    // Spans are in order, so the last one that began on or before the month decides the identity.
    out->identity = span->identity;
    out->covered = month <= span->last;
    if (!out->covered) return;
    int32_t passed = month - span->first;
    out->months_tier1 = span->months_tier1 + passed;
    out->months_tier2 = span->months_tier2 > 0 ? span->months_tier2 + passed : 0;
}

static int count_group(const Tc__Entitlement__Group *group, date_t day, entitled_t *out, err_t *err) {
    date_t from = DATE_NONE, until = DATE_MAX;
    int code = group_from_name(group->group);
    if (code < 0) return malformed(err, "unknown group");
    if (date_parse(group->from, &from)) return malformed(err, "a group's from is not a date");
    if (group->until[0] && date_parse(group->until, &until)) return malformed(err, "a group's until is not a date");
    if (from <= day && day <= until) out->groups |= GROUP_BIT(code);
    return 0;
}

static int find_place(const Tc__Entitlement *state, date_t day, entitled_t *out, err_t *err) {
    out->division = state->n_places ? state->places[0]->division : state->division;
    for (size_t i = 1; i < state->n_places; i++) {
        date_t from = DATE_NONE;
        if (date_parse(state->places[i]->from, &from)) return malformed(err, "a place's from is not a date");
        if (from <= day) out->division = state->places[i]->division;
    }
    return 0;
}

int entitled_on(const Tc__Entitlement *state, uint32_t tier2, date_t day, entitled_t *out, err_t *err) {
    entitled_t found = {.identity = -1};
    month_t month = month_of(day), last = MONTH_NONE;
    for (size_t i = 0; i < state->n_spans; i++) {
        span_t span;
        int rc = read_span(state->spans[i], &span, err);
        if (rc) return rc;
        if (span.first <= last) return malformed(err, "spans overlap or are out of order");
        last = span.last;
        count_span(&span, tier2, month, &found);
    }
    for (size_t i = 0; i < state->n_groups; i++) {
        int rc = count_group(state->groups[i], day, &found, err);
        if (rc) return rc;
    }
    int rc = find_place(state, day, &found, err);
    if (rc) return rc;
    *out = found;
    return 0;
}
