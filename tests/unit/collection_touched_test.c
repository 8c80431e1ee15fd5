// What a new entitlement state changed of the past, against a comparison that looks at every month and every day.
#include "services/collection/touched.h"
#include "common/base/hash.h"
#include "common/base/ids.h"
#include "common/wire/message.h"
#include "tests/check.h"

enum { ROUNDS = 4000, SPANS = 4, GROUPS = 3 };

static uint64_t seed, drawn;
static arena_t *arena;

static int draw(int below) {
    drawn++;
    return (int)(hash64(&drawn, sizeof drawn, seed) % (uint64_t)below);
}

static char *text_of_month(month_t month) {
    char text[DATE_TEXT_MAX];
    return arena_text(arena, "%s", month_format(month, text));
}

static char *text_of_day(date_t day) {
    char text[DATE_TEXT_MAX];
    return arena_text(arena, "%s", date_format(day, text));
}

static const month_t begin = 2016 * 12;

// Spans in order, not overlapping; groups as they come, several of one name.
static Tc__Entitlement *random_state(void) {
    static const char *const identities[] = {"employee", "resident"}, *const groups[] = {"disabled", "poor"};
    Tc__Entitlement *state = arena_alloc(arena, sizeof *state);
    month_t month = begin + draw(6);
    tc__entitlement__init(state);
    state->spans = arena_alloc(arena, SPANS * sizeof *state->spans);
    state->groups = arena_alloc(arena, GROUPS * sizeof *state->groups);
    for (int n = draw(SPANS + 1); n > 0; n--) {
        Tc__Entitlement__Span *span = arena_alloc(arena, sizeof *span);
        tc__entitlement__span__init(span);
        span->identity = (char *)identities[draw(2)];
        span->first_month = text_of_month(month);
        span->months_tier1 = 1 + draw(2);
        span->months_tier2 = draw(2) * span->months_tier1;
        month += draw(8);
        const bool open = n == 1 && draw(3) == 0;
        span->last_month = open ? arena_text(arena, "%s", "") : text_of_month(month);
        month += 1 + draw(3);
        state->spans[state->n_spans++] = span;
    }
    state->division = (char *)"440703";
    state->places = arena_alloc(arena, 3 * sizeof *state->places);
    for (int n = draw(3), i = 0; n > 0 && i <= n; i++) { // in order; the first has no day
        static const char *const divisions[] = {"440703", "440704", "440705"};
        Tc__Entitlement__Place *place = arena_alloc(arena, sizeof *place);
        tc__entitlement__place__init(place);
        place->division = (char *)divisions[i ? draw(3) : 0];
        place->from =
            i ? text_of_day(month_first(begin + 10 * (i - 1) + draw(10)) + draw(28)) : arena_text(arena, "%s", "");
        state->places[state->n_places++] = place;
    }
    for (int n = draw(GROUPS + 1); n > 0; n--) {
        Tc__Entitlement__Group *group = arena_alloc(arena, sizeof *group);
        const date_t from = month_first(begin + draw(20)) + draw(28);
        tc__entitlement__group__init(group);
        group->group = (char *)groups[draw(2)];
        group->from = text_of_day(from);
        group->until = draw(3) ? text_of_day(from + draw(200)) : arena_text(arena, "%s", "");
        state->groups[state->n_groups++] = group;
    }
    return state;
}

// What one state says of a month, in words.
static const char *said_of(const Tc__Entitlement *state, month_t month) {
    const char *said = "-";
    for (size_t i = 0; state && i < state->n_spans; i++) {
        const Tc__Entitlement__Span *span = state->spans[i];
        month_t first, last = INT32_MAX;
        NEED(month_parse(span->first_month, &first) == 0);
        NEED(!*span->last_month || month_parse(span->last_month, &last) == 0);
        if (first <= month && month <= last)
            said = arena_text(arena, "%s %d %d", span->identity, span->months_tier1 + (month - first),
                              span->months_tier2 ? span->months_tier2 + (month - first) : 0);
    }
    return said;
}

static bool member_on(const Tc__Entitlement *state, const char *name, date_t day) {
    for (size_t i = 0; state && i < state->n_groups; i++) {
        const Tc__Entitlement__Group *group = state->groups[i];
        date_t from, until = DATE_MAX;
        NEED(date_parse(group->from, &from) == 0 && (!*group->until || date_parse(group->until, &until) == 0));
        if (strcmp(group->group, name) == 0 && from <= day && day <= until) return true;
    }
    return false;
}

static const char *place_on(const Tc__Entitlement *state, date_t day) {
    const char *place = "440703";
    for (size_t i = 1; i < state->n_places; i++) {
        date_t from;
        NEED(date_parse(state->places[i]->from, &from) == 0);
        if (from <= day) place = state->places[i]->division;
    }
    return place;
}

static bool month_differs(const Tc__Entitlement *a, const Tc__Entitlement *b, month_t month) {
    if (strcmp(said_of(a, month), said_of(b, month)) != 0) return true;
    for (date_t day = month_first(month); day <= month_last(month); day++)
        if (member_on(a, "disabled", day) != member_on(b, "disabled", day) ||
            member_on(a, "poor", day) != member_on(b, "poor", day) ||
            (a && strcmp(place_on(a, day), place_on(b, day)) != 0))
            return true;
    return false;
}

static void compare_with_slow(const Tc__Entitlement *before, const Tc__Entitlement *after, month_t now) {
    touched_t slow = {MONTH_NONE, MONTH_NONE}, fast;
    err_t err = {0};
    for (month_t month = begin - 2; month < now; month++) {
        if (!month_differs(before, after, month)) continue;
        if (slow.first == MONTH_NONE) slow.first = month;
        slow.last = month;
    }
    NEED(touched_find(before, after, now, arena, &fast, &err) == E_OK);
    EQ(fast.first, slow.first);
    EQ(fast.last, slow.last);
}

TEST(the_touched_months_are_those_of_a_slow_comparison) {
    random_bytes(&seed, sizeof seed);
    fprintf(stderr, "seed %llu\n", (unsigned long long)seed);
    NEED((arena = arena_new(1 << 20, 0)) != NULL);
    for (int i = 0; i < ROUNDS; i++) {
        Tc__Entitlement *before = draw(10) ? random_state() : NULL;
        // Now and then a change of one thing only, which random states seldom are.
        Tc__Entitlement *after = random_state();
        if (before && draw(2)) {
            after->spans = before->spans;
            after->n_spans = before->n_spans;
        } else if (before && draw(2)) {
            after->places = before->places;
            after->n_places = before->n_places;
            after->groups = before->groups;
            after->n_groups = before->n_groups;
        }
        compare_with_slow(before, after, begin - 1 + draw(40));
        arena_reset(arena);
    }
    arena_destroy(&arena);
}

TEST(a_state_that_only_goes_on_touches_nothing_and_its_fields_come_last) {
    Tc__Entitlement before, after;
    Tc__Entitlement__Span one = TC__ENTITLEMENT__SPAN__INIT, two, *ones[] = {&one}, *twos[] = {&two};
    err_t err = {0};
    size_t told_bytes, plain_bytes;
    NEED((arena = arena_new(1 << 16, 0)) != NULL);
    tc__entitlement__init(&before);
    one.identity = (char *)"employee", one.first_month = (char *)"2018-01", one.last_month = (char *)"2018-06";
    one.months_tier1 = 1;
    two = one;
    before.person = (char *)"P1", before.spans = ones, before.n_spans = 1;
    after = before;
    after.spans = twos;
    two.last_month = (char *)"2018-07";
    NEED(touched_mark(&before, &after, 2018 * 12 + 6, arena, &err) == E_OK); // it is July
    EQ_TEXT(after.touched_from, "");
    NEED(touched_mark(&before, &after, 2018 * 12 + 7, arena, &err) == E_OK);
    EQ_TEXT(after.touched_from, "2018-07");
    EQ_TEXT(after.touched_until, "2018-07");
    void *told = message_pack(&after.base, arena, &told_bytes);
    after.touched_from = after.touched_until = before.touched_from;
    void *plain = message_pack(&after.base, arena, &plain_bytes);
    OK(touched_same(told, told_bytes, plain, plain_bytes));
    OK(touched_same(plain, plain_bytes, plain, plain_bytes));
    after.merged_into = (char *)"P2";
    void *other = message_pack(&after.base, arena, &told_bytes);
    OK(!touched_same(other, told_bytes, plain, plain_bytes));
    two.first_month = (char *)"2018";
    EQ(touched_mark(&before, &after, 2018 * 12 + 7, arena, &err), E_INTERNAL);
    arena_destroy(&arena);
}

TESTS("collection: what is touched", CASE(the_touched_months_are_those_of_a_slow_comparison),
      CASE(a_state_that_only_goes_on_touches_nothing_and_its_fields_come_last))
