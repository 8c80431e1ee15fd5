// The course of a year against a toy law: a deductible of 1,000.00 a year, a share of the rest, a limit of 5,000.00 a
// year, and a share that changes with the entitlement. Whatever happens in whatever order, the end is that of the
// standing bills decided afresh in lawful order. The rows are all that is kept between operations, as in the table.
#include "services/adjudication/course.h"
#include "common/base/hash.h"
#include "tests/check.h"

#define T(text) ((char *)(text)) // protobuf-c wants char * where it only reads
enum { BILLS = 24, ROWS_MAX = 4096, ROUNDS = 300, EVENTS = 60, TOTALS = 2 };
static const fen_t deductible = 100000, limit = 500000;

typedef struct toy {
    int64_t percent; // of what is above the deductible
    const char *identity;
    const char *refuses; // a bill that cannot be decided now
    arena_t *arena;
} toy_t;

typedef struct chain { // what the table would hold
    Tc__Decision *rows[ROWS_MAX];
    size_t count;
} chain_t;

static uint64_t seed, drawn;
static uint64_t draw(uint64_t below) { return hash64(&drawn, sizeof drawn, seed + drawn++) % below; }

// ---- the toy law

static Tc__Amount **amounts(arena_t *arena, const char *const names[], const fen_t values[], size_t count) {
    Tc__Amount *made = arena_alloc(arena, count * sizeof *made), **list = arena_alloc(arena, count * sizeof *list);
    NEED(made && list);
    for (size_t i = 0; i < count; i++) {
        tc__amount__init(&made[i]);
        made[i].name = T(names[i]), made[i].amount_fen = values[i];
        list[i] = &made[i];
    }
    return list;
}

static int toy_decide(void *self, const Tc__Bill *bill, const benefit_totals_t *before, Tc__Decision **out,
                      benefit_totals_t *after, err_t *err) {
    static const char *const layers[] = {"tier1"}, *const totals[TOTALS] = {"deductible_used", "tier1_paid"};
    const toy_t *toy = self;
    if (toy->refuses && strcmp(bill->bill, toy->refuses) == 0) return err_set(err, E_NOT_IN_FORCE, "no rule");
    fen_t borne = deductible - before->value[0], scope = bill->in_scope_fen;
    if (borne > scope) borne = scope;
    fen_t paid = (scope - borne) * toy->percent / 100, left = limit - before->value[1];
    if (paid > left) paid = left;
    benefit_totals_t then = *before;
    then.value[0] += borne, then.value[1] += paid;
    Tc__Decision *decision = arena_alloc(toy->arena, sizeof *decision);
    NEED(decision != NULL);
    tc__decision__init(decision);
    decision->bill = bill->bill, decision->person = bill->person, decision->input = (Tc__Bill *)bill;
    decision->decision = T("paid"), decision->identity = T(toy->identity);
    decision->total_fen = bill->total_fen, decision->in_scope_fen = scope, decision->deductible_fen = borne;
    decision->fund_fen = paid, decision->own_fen = bill->total_fen - paid;
    decision->paid = amounts(toy->arena, layers, &paid, 1), decision->n_paid = 1;
    decision->used = amounts(toy->arena, totals, then.value, TOTALS), decision->n_used = TOTALS;
    *after = then;
    *out = decision;
    return 0;
}

static int toy_totals(void *self, Tc__Amount *const *used, size_t count, benefit_totals_t *out, err_t *err) {
    (void)self, (void)err;
    NEED(count == TOTALS);
    for (size_t i = 0; i < count; i++) out->value[i] = used[i]->amount_fen;
    return 0;
}

// ---- bills and rows

static Tc__Bill *bill_at(arena_t *arena, const char *number, const char *from, const char *to, fen_t amount) {
    Tc__Bill *bill = arena_alloc(arena, sizeof *bill);
    NEED(bill != NULL);
    tc__bill__init(bill);
    bill->bill = arena_text(arena, "%s", number), bill->person = T("P");
    bill->from = arena_text(arena, "%s", from), bill->to = arena_text(arena, "%s", to);
    bill->total_fen = bill->in_scope_fen = amount;
    bill->total_given_case = TC__BILL__TOTAL_GIVEN_TOTAL_FEN;
    bill->in_scope_given_case = TC__BILL__IN_SCOPE_GIVEN_IN_SCOPE_FEN;
    return bill;
}

static Tc__Bill *random_bill(arena_t *arena, int i) {
    char number[8], from[16], to[16];
    int month = 1 + (int)draw(3), day = 1 + (int)draw(3); // few days: ties are common
    snprintf(number, sizeof number, "B%02d", i);
    snprintf(from, sizeof from, "2018-%02d-%02d", month, day);
    snprintf(to, sizeof to, "2018-%02d-%02d", month, day + (int)draw(2));
    return bill_at(arena, number, from, to, (fen_t)draw(150000));
}

static const Tc__Decision *newest_of(const chain_t *chain, const char *bill) {
    for (size_t i = chain->count; i > 0; i--)
        if (strcmp(chain->rows[i - 1]->bill, bill) == 0) return chain->rows[i - 1];
    return NULL;
}

// Rows are all that an operation has to begin with.
static course_t course_of(const chain_t *chain, arena_t *arena) {
    const Tc__Decision **newest = arena_alloc(arena, (chain->count + 1) * sizeof *newest);
    size_t count = 0;
    course_t course;
    err_t err = {0};
    NEED(newest != NULL);
    for (size_t i = 0; i < chain->count; i++)
        if (newest_of(chain, chain->rows[i]->bill) == chain->rows[i]) newest[count++] = chain->rows[i];
    NEED(course_open(&course, arena, newest, count, (int64_t)chain->count, &err) == E_OK);
    return course;
}

// Rows go through their bytes, as the table's do.
static void keep(chain_t *chain, arena_t *arena, const course_change_t *change) {
    for (size_t i = 0; i < change->count; i++) {
        size_t bytes = tc__decision__get_packed_size(change->rows[i]);
        uint8_t *packed = arena_alloc(arena, bytes + 1);
        NEED(packed && chain->count < ROWS_MAX);
        tc__decision__pack(change->rows[i], packed);
        Tc__Decision *read = tc__decision__unpack(NULL, bytes, packed);
        NEED(read != NULL);
        EQ(read->seq, (int64_t)chain->count + 1);
        OK(read->head == NULL || i + 1 == change->count);
        chain->rows[chain->count++] = read;
    }
}

static void forget(chain_t *chain) {
    for (size_t i = 0; i < chain->count; i++) tc__decision__free_unpacked(chain->rows[i], NULL);
    chain->count = 0;
}

// ---- what must hold

static void check_same(const Tc__Decision *a, const Tc__Decision *b) {
    EQ_TEXT(a->bill, b->bill);
    EQ_TEXT(a->identity, b->identity);
    EQ(a->deductible_fen, b->deductible_fen);
    EQ(a->fund_fen, b->fund_fen);
    EQ(a->own_fen, b->own_fen);
    EQ(a->paid[0]->amount_fen, b->paid[0]->amount_fen);
    for (size_t t = 0; t < TOTALS; t++) EQ(a->used[t]->amount_fen, b->used[t]->amount_fen);
}

// The newest row alone tells totals and order key of the last standing bill.
static void check_head(const chain_t *chain, const course_t *course) {
    if (chain->count == 0) return;
    const Tc__Decision *newest = chain->rows[chain->count - 1];
    const Tc__Decision *last = course->count ? course->bills[course->count - 1].decision : NULL;
    Tc__Amount **used = newest->head ? newest->head->used : newest->used;
    EQ(newest->head ? newest->head->n_used : newest->n_used, TOTALS);
    for (size_t t = 0; t < TOTALS; t++) EQ(used[t]->amount_fen, last ? last->used[t]->amount_fen : 0);
    if (!newest->head) {
        NEED(last != NULL);
        EQ_TEXT(newest->bill, last->bill);
        return;
    }
    EQ_TEXT(newest->head->last_bill, last ? last->bill : "");
    EQ_TEXT(newest->head->last_to, last ? last->input->to : "");
    EQ_TEXT(newest->head->last_from, last ? last->input->from : "");
}

// Versions of every bill are 1, 2, 3 …, each tells what stood before it, and the differences add up.
static void check_versions(const chain_t *chain) {
    for (size_t i = 0; i < chain->count; i++) {
        const Tc__Decision *row = chain->rows[i], *before = NULL;
        fen_t fund = 0, own = 0;
        for (size_t j = 0; j <= i; j++) {
            const Tc__Decision *version = chain->rows[j];
            if (strcmp(version->bill, row->bill) != 0) continue;
            EQ(version->version, before ? before->version + 1 : 1);
            EQ(version->previous != NULL, before != NULL);
            if (before && version->previous) {
                EQ(version->previous->seq, before->seq);
                EQ(version->previous->fund_fen, before->fund_fen);
                EQ(version->previous->own_fen, before->own_fen);
                EQ_TEXT(version->previous->identity, before->identity);
                OK(version->cause[0] != '\0');
            }
            fund += version->fund_fen - (version->previous ? version->previous->fund_fen : 0);
            own += version->own_fen - (version->previous ? version->previous->own_fen : 0);
            before = version;
        }
        EQ(fund, row->fund_fen);
        EQ(own, row->own_fen);
    }
}

static void check_fresh(const course_t *course, toy_t *toy) {
    benefit_totals_t totals = {0};
    err_t err = {0};
    for (size_t i = 0; i < course->count; i++) {
        Tc__Decision *fresh;
        if (i > 0) OK(order_compare(&course->bills[i - 1].order, &course->bills[i].order) < 0);
        NEED(toy_decide(toy, course->bills[i].decision->input, &totals, &fresh, &totals, &err) == E_OK);
        check_same(course->bills[i].decision, fresh);
    }
}

// ---- any events in any order

typedef struct round {
    toy_t toy;
    bool steady; // the entitlement never changes: then every operation alone leaves the year as decided afresh
    chain_t chain;
    Tc__Bill *bills[BILLS];
    bool arrived[BILLS], stands[BILLS];
} round_t;

static course_change_t settle(round_t *r, course_t *course, int i, const course_stamp_t *stamp) {
    const course_ports_t ports = {&r->toy, toy_decide, toy_totals};
    course_change_t change = {0};
    err_t err = {0};
    NEED(course_add(course, &ports, r->bills[i], stamp, &change, &err) == E_OK);
    EQ_TEXT(change.rows[0]->bill, r->bills[i]->bill);
    r->arrived[i] = r->stands[i] = true;
    return change;
}

static course_change_t one_event(round_t *r, course_t *course) {
    const course_ports_t ports = {&r->toy, toy_decide, toy_totals};
    const course_stamp_t stamp = {"id", "a cause", "what follows", 1};
    course_change_t change = {0};
    err_t err = {0};
    int i = (int)draw(BILLS);
    uint64_t what = draw(10);
    if (what == 0 && !r->steady) {
        r->toy.percent = (int64_t)draw(101);
        r->toy.identity = draw(2) ? "employee" : "resident";
    } else if (what < 2) {
        NEED(course_recompute(course, &ports, &stamp, &change, &err) == E_OK);
    } else if (!r->arrived[i]) {
        change = settle(r, course, i, &stamp);
    } else if (r->stands[i] && what < 5) {
        NEED(course_remove(course, &ports, r->bills[i]->bill, &stamp, &change, &err) == E_OK);
        NEED(change.count > 0);
        EQ_TEXT(change.rows[0]->bill, r->bills[i]->bill);
        EQ(change.rows[0]->fund_fen + change.rows[0]->own_fen + change.rows[0]->total_fen, 0);
        r->stands[i] = false;
    } else if (!r->stands[i]) {
        EQ(course_remove(course, &ports, r->bills[i]->bill, &stamp, &change, &err), E_NOT_FOUND);
        EQ(change.count, 0);
    }
    return change;
}

static void one_round(void) {
    static round_t r;
    arena_t *arena = arena_new(1 << 20, 0);
    NEED(arena != NULL);
    r = (round_t){.toy = {.percent = 80, .identity = "employee", .arena = arena}, .steady = draw(2)};
    for (int i = 0; i < BILLS; i++) r.bills[i] = random_bill(arena, i);
    for (int event = 0; event < EVENTS; event++) {
        course_t course = course_of(&r.chain, arena);
        // Several operations of one batch go on from each other without the rows in between.
        for (uint64_t n = 1 + draw(3); n > 0; n--) {
            course_change_t change = one_event(&r, &course);
            keep(&r.chain, arena, &change);
            check_head(&r.chain, &course);
            if (r.steady) check_fresh(&course, &r.toy);
        }
    }
    const course_ports_t ports = {&r.toy, toy_decide, toy_totals};
    const course_stamp_t stamp = {"end", "the end", "the end", 2};
    course_t course = course_of(&r.chain, arena);
    course_change_t change;
    err_t err = {0};
    size_t stand = 0;
    NEED(course_recompute(&course, &ports, &stamp, &change, &err) == E_OK);
    keep(&r.chain, arena, &change);
    for (int i = 0; i < BILLS; i++) stand += r.stands[i];
    EQ(course.count, stand);
    check_fresh(&course, &r.toy);
    check_head(&r.chain, &course);
    check_versions(&r.chain);
    NEED(course_recompute(&course, &ports, &stamp, &change, &err) == E_OK);
    EQ(change.count, 0); // once more changes nothing
    forget(&r.chain);
    arena_destroy(&arena);
}

TEST(the_end_is_that_of_the_standing_bills_in_lawful_order) {
    random_bytes(&seed, sizeof seed);
    fprintf(stderr, "seed %llu\n", (unsigned long long)seed);
    for (int i = 0; i < ROUNDS; i++) one_round();
}

// ---- single promises

TEST(what_cannot_be_decided_changes_nothing) {
    arena_t *arena = arena_new(1 << 16, 0);
    toy_t toy = {.percent = 80, .identity = "employee", .arena = arena};
    const course_ports_t ports = {&toy, toy_decide, toy_totals};
    const course_stamp_t stamp = {"id", "a cause", "what follows", 1};
    course_t course;
    course_change_t change = {0};
    err_t err = {0};
    NEED(course_open(&course, arena, NULL, 0, 0, &err) == E_OK);
    NEED(course_add(&course, &ports, bill_at(arena, "B2", "2018-03-01", "2018-03-02", 200000), &stamp, &change, &err) ==
         E_OK);
    EQ(change.count, 1);
    OK(change.rows[0]->head == NULL);
    toy.refuses = "B2";
    Tc__Bill *late = bill_at(arena, "B1", "2018-01-01", "2018-01-02", 200000);
    EQ(course_add(&course, &ports, late, &stamp, &change, &err), E_BLOCKED); // B1 itself is in order
    EQ_TEXT(err.field, "bill");
    EQ_TEXT(err.text, "bill B2 cannot be decided again: no rule (NOT_IN_FORCE)");
    EQ(course_recompute(&course, &ports, &stamp, &change, &err), E_NOT_IN_FORCE);
    EQ(course.count, 1);
    EQ(course.seq, 1);
    NEED(course_remove(&course, &ports, "B2", &stamp, &change, &err) == E_OK); // nothing after it
    EQ(course.count, 0);
    EQ(change.count, 1);
    NEED(change.rows[0]->head != NULL);
    EQ_TEXT(change.rows[0]->head->last_bill, "");
    EQ(change.rows[0]->head->used[0]->amount_fen, 0);
    arena_destroy(&arena);
}

TEST(a_bill_is_quoted_on_what_lies_before_it) {
    arena_t *arena = arena_new(1 << 16, 0);
    toy_t toy = {.percent = 100, .identity = "employee", .arena = arena};
    const course_ports_t ports = {&toy, toy_decide, toy_totals};
    const course_stamp_t stamp = {"id", "a cause", "what follows", 1};
    course_t course;
    course_change_t change;
    benefit_totals_t totals;
    order_t order;
    err_t err = {0};
    NEED(course_open(&course, arena, NULL, 0, 0, &err) == E_OK);
    for (int i = 1; i <= 3; i++) {
        char number[8], day[16];
        snprintf(number, sizeof number, "B%d", i);
        snprintf(day, sizeof day, "2018-0%d-10", 4 - i); // each before the one that came before it
        NEED(course_add(&course, &ports, bill_at(arena, number, day, day, 60000), &stamp, &change, &err) == E_OK);
        EQ(change.count, (size_t)i);
    }
    static const struct {
        const char *to, *bill;
        fen_t borne;
    } cases[] = {{"2018-01-01", "B9", 0},     {"2018-01-10", "B3", 0},      {"2018-01-10", "B4", 60000},
                 {"2018-02-10", "B2", 60000}, {"2018-02-10", "B9", 100000}, {"2018-03-10", "B1", 100000},
                 {"2018-12-31", "B0", 100000}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        NEED(order_make(cases[i].to, cases[i].to, cases[i].bill, &order));
        NEED(course_before(&course, &ports, &order, &totals, &err) == E_OK);
        EQ(totals.value[0], cases[i].borne);
    }
    OK(!order_make("2018-01-011", "", "", &order));
    arena_destroy(&arena);
}

TESTS("course of a year", CASE(the_end_is_that_of_the_standing_bills_in_lawful_order),
      CASE(what_cannot_be_decided_changes_nothing), CASE(a_bill_is_quoted_on_what_lies_before_it))
