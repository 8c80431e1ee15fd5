// Both states are steps: between two points where either changes, all months differ or none does. Continuous months go
// up by one in both, so that their difference is a step as well.
#include "touched.h"
#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum { TAG_TOUCHED_FROM = 14 << 3 | 2 }; // of the first field that touched_same() leaves out

typedef struct cover { // a span, read
    int32_t first, last;
    const char *identity;
    int32_t tier1, tier2; // in `first`
} cover_t;

typedef struct state { // read
    cover_t *covers;
    size_t cover_count;
    const Tc__Entitlement *said;
} state_t;

typedef struct points {
    int32_t *items;
    size_t count;
} points_t;

static int out_of_memory(err_t *err) { return err_set(err, E_IO, "out of memory"); }

// ---- reading

static int read_state(const Tc__Entitlement *said, arena_t *arena, state_t *out, err_t *err) {
    *out = (state_t){.said = said};
    if (!said) return 0;
    if (!(out->covers = arena_alloc(arena, (said->n_spans + 1) * sizeof *out->covers))) return out_of_memory(err);
    for (size_t i = 0; i < said->n_spans; i++) {
        const Tc__Entitlement__Span *span = said->spans[i];
        cover_t *cover = &out->covers[out->cover_count++];
        *cover = (cover_t){
            .last = INT32_MAX, .identity = span->identity, .tier1 = span->months_tier1, .tier2 = span->months_tier2};
        if (month_parse(span->first_month, &cover->first) ||
            (*span->last_month && month_parse(span->last_month, &cover->last)))
            return err_set(err, E_INTERNAL, "an entitlement state is malformed");
    }
    return 0;
}

static int by_number(const void *a, const void *b) {
    const int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

// Where something begins, and the place behind its end.
static void add_points(points_t *points, int32_t first, int32_t last) {
    points->items[points->count++] = first;
    if (last != INT32_MAX) points->items[points->count++] = last + 1;
}

static int open_points(points_t *points, size_t ranges, int32_t end, arena_t *arena, err_t *err) {
    *points = (points_t){.items = arena_alloc(arena, (2 * ranges + 1) * sizeof *points->items)};
    if (!points->items) return out_of_memory(err);
    points->items[points->count++] = end;
    return 0;
}

static void note(touched_t *out, month_t first, month_t last) {
    if (out->first == MONTH_NONE || first < out->first) out->first = first;
    if (out->last == MONTH_NONE || last > out->last) out->last = last;
}

// ---- cover

static const cover_t *cover_in(const state_t *state, month_t month) {
    for (size_t i = 0; i < state->cover_count; i++)
        if (state->covers[i].first <= month && month <= state->covers[i].last) return &state->covers[i];
    return NULL;
}

static bool same_cover(const cover_t *a, const cover_t *b) {
    if (!a || !b) return a == b;
    return strcmp(a->identity, b->identity) == 0 && a->tier1 - a->first == b->tier1 - b->first &&
           (a->tier2 == 0) == (b->tier2 == 0) && (a->tier2 == 0 || a->tier2 - a->first == b->tier2 - b->first);
}

static int compare_cover(const state_t *before, const state_t *after, month_t now, arena_t *arena, touched_t *out,
                         err_t *err) {
    points_t points;
    int rc = open_points(&points, before->cover_count + after->cover_count, now, arena, err);
    if (rc) return rc;
    for (size_t i = 0; i < before->cover_count; i++)
        add_points(&points, before->covers[i].first, before->covers[i].last);
    for (size_t i = 0; i < after->cover_count; i++) add_points(&points, after->covers[i].first, after->covers[i].last);
    qsort(points.items, points.count, sizeof *points.items, by_number);
    for (size_t i = 0; i + 1 < points.count && points.items[i] < now; i++)
        if (points.items[i] < points.items[i + 1] &&
            !same_cover(cover_in(before, points.items[i]), cover_in(after, points.items[i])))
            note(out, points.items[i], points.items[i + 1] - 1);
    return 0;
}

// ---- memberships

static int group_days(const Tc__Entitlement__Group *group, date_t *from, date_t *until, err_t *err) {
    *until = INT32_MAX;
    if (date_parse(group->from, from) || (*group->until && date_parse(group->until, until)))
        return err_set(err, E_INTERNAL, "an entitlement state is malformed");
    return 0;
}

static bool is_member(const Tc__Entitlement *said, const char *group, date_t day) {
    for (size_t i = 0; said && i < said->n_groups; i++) {
        date_t from, until;
        if (strcmp(said->groups[i]->group, group) == 0 && group_days(said->groups[i], &from, &until, NULL) == 0 &&
            from <= day && day <= until)
            return true;
    }
    return false;
}

static bool same_members(const Tc__Entitlement *a, const Tc__Entitlement *b, date_t day) {
    for (size_t i = 0; a && i < a->n_groups; i++)
        if (is_member(a, a->groups[i]->group, day) != is_member(b, a->groups[i]->group, day)) return false;
    for (size_t i = 0; b && i < b->n_groups; i++)
        if (is_member(a, b->groups[i]->group, day) != is_member(b, b->groups[i]->group, day)) return false;
    return true;
}

static int add_groups(points_t *points, const Tc__Entitlement *said, err_t *err) {
    int rc = 0;
    for (size_t i = 0; said && rc == 0 && i < said->n_groups; i++) {
        date_t from = 0, until = 0;
        rc = group_days(said->groups[i], &from, &until, err);
        if (rc == 0) add_points(points, from, until);
    }
    return rc;
}

static int compare_groups(const Tc__Entitlement *before, const Tc__Entitlement *after, month_t now, arena_t *arena,
                          touched_t *out, err_t *err) {
    const date_t end = month_first(now);
    const size_t ranges = (before ? before->n_groups : 0) + after->n_groups;
    points_t points;
    if (ranges == 0) return 0;
    int rc = open_points(&points, ranges, end, arena, err);
    if (rc == 0) rc = add_groups(&points, before, err);
    if (rc == 0) rc = add_groups(&points, after, err);
    if (rc) return rc;
    qsort(points.items, points.count, sizeof *points.items, by_number);
    for (size_t i = 0; i + 1 < points.count && points.items[i] < end; i++)
        if (points.items[i] < points.items[i + 1] && !same_members(before, after, points.items[i]))
            note(out, month_of(points.items[i]), month_of(points.items[i + 1] - 1));
    return 0;
}

// ---- the district

static const char *place_on(const Tc__Entitlement *said, date_t day) {
    const char *division = said->n_places ? said->places[0]->division : said->division;
    for (size_t i = 1; i < said->n_places; i++) {
        date_t from;
        if (date_parse(said->places[i]->from, &from) == 0 && from <= day) division = said->places[i]->division;
    }
    return division;
}

static int add_places(points_t *points, const Tc__Entitlement *said, err_t *err) {
    for (size_t i = 1; i < said->n_places; i++) {
        date_t from;
        if (date_parse(said->places[i]->from, &from))
            return err_set(err, E_INTERNAL, "an entitlement state is malformed");
        points->items[points->count++] = from;
    }
    return 0;
}

static int compare_places(const Tc__Entitlement *before, const Tc__Entitlement *after, month_t now, arena_t *arena,
                          touched_t *out, err_t *err) {
    const date_t end = month_first(now);
    points_t points;
    if (!before || (before->n_places == 0 && after->n_places == 0 && strcmp(before->division, after->division) == 0))
        return 0;
    int rc = open_points(&points, before->n_places + after->n_places, end, arena, err);
    if (rc) return rc;
    points.items[points.count++] = date_make(1900, 1, 1);
    rc = add_places(&points, before, err);
    if (rc == 0) rc = add_places(&points, after, err);
    if (rc) return rc;
    qsort(points.items, points.count, sizeof *points.items, by_number);
    for (size_t i = 0; i + 1 < points.count && points.items[i] < end; i++)
        if (points.items[i] < points.items[i + 1] &&
            strcmp(place_on(before, points.items[i]), place_on(after, points.items[i])) != 0)
            note(out, month_of(points.items[i]), month_of(points.items[i + 1] - 1));
    return 0;
}

// ----

int touched_find(const Tc__Entitlement *before, const Tc__Entitlement *after, month_t now, arena_t *arena,
                 touched_t *out, err_t *err) {
    state_t one, other;
    *out = (touched_t){MONTH_NONE, MONTH_NONE};
    int rc = read_state(before, arena, &one, err);
    if (rc == 0) rc = read_state(after, arena, &other, err);
    if (rc == 0) rc = compare_cover(&one, &other, now, arena, out, err);
    if (rc == 0) rc = compare_groups(before, after, now, arena, out, err);
    return rc ? rc : compare_places(before, after, now, arena, out, err);
}

int touched_mark(const Tc__Entitlement *before, Tc__Entitlement *after, month_t now, arena_t *arena, err_t *err) {
    char text[DATE_TEXT_MAX];
    touched_t touched;
    int rc = touched_find(before, after, now, arena, &touched, err);
    if (rc || touched.first == MONTH_NONE) return rc;
    after->touched_from = arena_text(arena, "%s", month_format(touched.first, text));
    after->touched_until = arena_text(arena, "%s", month_format(touched.last, text));
    return after->touched_from && after->touched_until ? 0 : out_of_memory(err);
}

bool touched_same(const void *stored, size_t stored_bytes, const void *now, size_t now_bytes) {
    if (!stored || !now || stored_bytes < now_bytes || memcmp(stored, now, now_bytes) != 0) return false;
    return stored_bytes == now_bytes || ((const uint8_t *)stored)[now_bytes] == TAG_TOUCHED_FROM;
}
