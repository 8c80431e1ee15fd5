// Which row of a statement is which entry of the books.
#include "common/base/hash.h"
#include "services/settlement/bank_match.h"
#include "tests/check.h"

static uint64_t seed, drawn;
static uint64_t draw(uint64_t below) { return hash64(&drawn, sizeof drawn, seed + drawn++) % below; }
static arena_t *arena;

#define ROW(name, on, fen)                                                                                             \
    { .reference = name, .day = on, .amount = fen }
#define RECEIPT(name, on, fen)                                                                                         \
    { .reference = name, .day = on, .amount = fen, .receipt = true }

static void match(match_row_t *bank, size_t bank_count, match_row_t *books, size_t book_count, int tolerance) {
    err_t err;
    arena_reset(arena);
    NEED(bank_match(bank, bank_count, books, book_count, tolerance, arena, &err) == E_OK);
}
#define MATCH(bank, books, tolerance) match(bank, COUNT_OF(bank), books, COUNT_OF(books), tolerance)

TEST(reference_amount_and_day_within_tolerance_are_a_match) {
    match_row_t bank[] = {ROW("A", 10, 100), ROW("B", 10, 100), ROW("C", 10, 100), ROW("D", 10, 100)};
    match_row_t books[] = {ROW("A", 12, 100), ROW("B", 13, 100), ROW("C", 10, 101), ROW("E", 40, 7)};
    MATCH(bank, books, 2);
    EQ(bank[0].state, MATCH_SURE);
    EQ(bank[0].partner, 0);
    EQ(books[0].state, MATCH_SURE);
    EQ(bank[1].state, MATCH_LATE);
    EQ(bank[1].partner, 1);
    EQ(bank[2].state, MATCH_AMOUNT);
    EQ(books[2].state, MATCH_AMOUNT);
    EQ(bank[3].state, MATCH_OPEN);
    EQ(books[3].state, MATCH_OPEN);
}

TEST(the_same_reference_twice_is_matched_once_for_each) {
    match_row_t bank[] = {ROW("A", 10, 100), ROW("A", 11, 100), ROW("A", 12, 100)};
    match_row_t books[] = {ROW("A", 11, 100), ROW("A", 10, 100)};
    MATCH(bank, books, 1);
    EQ((bank[0].state == MATCH_SURE) + (bank[1].state == MATCH_SURE) + (bank[2].state == MATCH_SURE), 2);
    OK(books[0].state == MATCH_SURE && books[1].state == MATCH_SURE && books[0].partner != books[1].partner);
}

TEST(a_day_of_receipts_may_stand_as_one_sum) {
    match_row_t bank[] = {ROW("", 11, 60), ROW("", 12, 60)};
    match_row_t books[] = {RECEIPT("R1", 10, 10), RECEIPT("R2", 10, 20), RECEIPT("R3", 10, 30), ROW("P", 10, -5)};
    MATCH(bank, books, 3);
    EQ(bank[0].state, MATCH_SURE);
    EQ(bank[1].state, MATCH_OPEN); // a day is taken once
    for (int i = 0; i < 3; i++) EQ(books[i].partner, 0);
    EQ(books[3].state, MATCH_OPEN);
}

TEST(without_a_reference_the_amount_must_be_the_only_one) {
    match_row_t bank[] = {ROW("", 10, 100), ROW("", 10, 200), ROW("", 11, 200), ROW("SERIAL-OF-THE-BANK", 10, 300)};
    match_row_t books[] = {ROW("A", 10, 100), ROW("B", 10, 200), ROW("C", 10, 300)};
    MATCH(bank, books, 2);
    EQ(bank[0].state, MATCH_SURE);
    EQ(bank[0].partner, 0);
    EQ(bank[1].state, MATCH_OPEN);
    EQ(bank[2].state, MATCH_OPEN);
    EQ(books[1].state, MATCH_OPEN);
    EQ(bank[3].state, MATCH_SURE);
    EQ(bank[3].partner, 2); // a number that the books do not know says nothing
}

TEST(a_known_reference_is_not_given_to_another_entry) {
    match_row_t bank[] = {ROW("A", 10, 100)};
    match_row_t books[] = {ROW("A", 10, 90), ROW("B", 10, 100)};
    MATCH(bank, books, 2);
    EQ(bank[0].state, MATCH_AMOUNT);
    EQ(bank[0].partner, 0);
    EQ(books[1].state, MATCH_OPEN);
}

// Whatever comes in: partners point at each other, sure pairs add up, and nothing is matched that a look at each pair
// of rows would not allow.
static void check_result(const match_row_t *bank, size_t bank_count, const match_row_t *books, size_t book_count,
                         int tolerance) {
    for (size_t b = 0; b < bank_count; b++) {
        fen_t sum = 0;
        size_t members = 0;
        if (bank[b].state == MATCH_OPEN) continue;
        NEED(bank[b].partner < book_count);
        for (size_t k = 0; k < book_count; k++) {
            if (books[k].state == MATCH_OPEN || books[k].partner != b) continue;
            OK(books[k].state == bank[b].state);
            sum += books[k].amount;
            members++;
        }
        OK(members > 0);
        const match_row_t *first = &books[bank[b].partner];
        const int apart = abs(first->day - bank[b].day);
        const bool same = strcmp(first->reference, bank[b].reference) == 0;
        if (bank[b].state == MATCH_SURE) OK(sum == bank[b].amount && apart <= tolerance);
        if (bank[b].state == MATCH_LATE) OK(members == 1 && same && sum == bank[b].amount && apart > tolerance);
        if (bank[b].state == MATCH_AMOUNT) OK(members == 1 && same && sum != bank[b].amount);
        if (members > 1)
            for (size_t k = 0; k < book_count; k++)
                if (books[k].state == MATCH_SURE && books[k].partner == b) OK(books[k].receipt);
    }
}

// No pair of the same reference is left over on both sides.
static void check_nothing_left(const match_row_t *bank, size_t bank_count, const match_row_t *books,
                               size_t book_count) {
    for (size_t b = 0; b < bank_count; b++)
        for (size_t k = 0; k < book_count && bank[b].state == MATCH_OPEN && *bank[b].reference; k++)
            OK(books[k].state != MATCH_OPEN || strcmp(books[k].reference, bank[b].reference) != 0);
}

TEST(random_statements_are_matched_within_the_rules) {
    static const char *const names[] = {"", "A", "B", "C", "D", "E", "F", "G"};
    enum { MOST = 60 };
    match_row_t bank[MOST], books[MOST];
    for (int round = 0; round < 3000; round++) {
        const size_t bank_count = draw(MOST), book_count = draw(MOST);
        const int tolerance = (int)draw(4);
        const uint64_t amounts = 1 + draw(200);
        for (size_t i = 0; i < bank_count; i++)
            bank[i] = (match_row_t)ROW(names[draw(8)], (date_t)draw(12), 1 + (fen_t)draw(amounts));
        for (size_t i = 0; i < book_count; i++)
            books[i] = (match_row_t){.reference = names[1 + draw(7)],
                                     .day = (date_t)draw(12),
                                     .amount = 1 + (fen_t)draw(amounts),
                                     .receipt = draw(3) == 0};
        match(bank, bank_count, books, book_count, tolerance);
        check_result(bank, bank_count, books, book_count, tolerance);
        check_nothing_left(bank, bank_count, books, book_count);
    }
}

TEST(a_month_of_a_large_account_takes_no_time) {
    enum { MANY = 100000 };
    match_row_t *bank = calloc(MANY, sizeof *bank), *books = calloc(MANY, sizeof *books);
    NEED(bank && books);
    for (int i = 0; i < MANY; i++) {
        char *name = malloc(16);
        snprintf(name, 16, "R%d", i);
        bank[i] = (match_row_t)ROW(name, i % 31, 500); // all of one amount
        books[i] = (match_row_t)ROW(name, i % 31 + i % 2, 500);
    }
    match(bank, MANY, books, MANY, 1);
    for (int i = 0; i < MANY; i++) NEED(bank[i].state == MATCH_SURE && bank[i].partner == (size_t)i);
    for (int i = 0; i < MANY; i++) free((char *)(uintptr_t)bank[i].reference);
    free(bank);
    free(books);
}

int main(void) {
    static const check_case_t cases[] = {CASE(reference_amount_and_day_within_tolerance_are_a_match),
                                         CASE(the_same_reference_twice_is_matched_once_for_each),
                                         CASE(a_day_of_receipts_may_stand_as_one_sum),
                                         CASE(without_a_reference_the_amount_must_be_the_only_one),
                                         CASE(a_known_reference_is_not_given_to_another_entry),
                                         CASE(random_statements_are_matched_within_the_rules),
                                         CASE(a_month_of_a_large_account_takes_no_time)};
    random_bytes(&seed, sizeof seed);
    printf("seed %llu\n", (unsigned long long)seed);
    arena = arena_new(1 << 16, 0);
    int status = check_run("bank match", cases, COUNT_OF(cases));
    arena_destroy(&arena);
    return status;
}
