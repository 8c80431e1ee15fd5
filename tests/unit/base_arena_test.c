// The arena: zeroed, aligned, bounded, and warm after a reset.
#include "tests/check.h"
#include "common/base/arena.h"

TEST(pieces_are_zeroed_aligned_and_apart) {
    arena_t *arena = arena_new(256, 0);
    NEED(arena != NULL);
    unsigned char *pieces[200];
    int wrong = 0;
    for (size_t i = 0; i < 200; i++) {
        pieces[i] = arena_alloc(arena, i);
        NEED(pieces[i] != NULL);
        wrong += (uintptr_t)pieces[i] % 16 != 0;
        for (size_t k = 0; k < i; k++) wrong += pieces[i][k] != 0;
        memset(pieces[i], (int)i, i);
    }
    for (size_t i = 0; i < 200; i++)
        for (size_t k = 0; k < i; k++) wrong += pieces[i][k] != (unsigned char)i;
    EQ(wrong, 0);
    OK(pieces[0] != pieces[1]); // even nothing has its own address
    arena_destroy(&arena);
    OK(arena == NULL);
    arena_destroy(&arena);
}

TEST(a_reset_arena_is_zeroed_and_reuses_its_blocks) {
    arena_t *arena = arena_new(64, 0);
    NEED(arena != NULL);
    char *first = arena_alloc(arena, 32), *large = arena_alloc(arena, 1000);
    NEED(first && large);
    memset(first, 'x', 32);
    memset(large, 'x', 1000);
    EQ(arena_used(arena), 32 + 1008);
    arena_reset(arena);
    EQ(arena_used(arena), 0);
    char *again = arena_alloc(arena, 32);
    OK(again == first);
    OK(again[0] == 0 && again[31] == 0);
    OK(arena_alloc(arena, 1000) == large);
    arena_destroy(&arena);
}

TEST(a_large_block_behind_a_small_one_is_found_and_the_small_one_kept) {
    arena_t *arena = arena_new(64, 0);
    NEED(arena != NULL);
    arena_alloc(arena, 64);
    char *small = arena_alloc(arena, 64), *large = arena_alloc(arena, 500);
    NEED(small && large);
    arena_reset(arena);
    arena_alloc(arena, 64);
    OK(arena_alloc(arena, 500) == large);
    OK(arena_alloc(arena, 64) == small);
    arena_destroy(&arena);
}

TEST(the_limit_holds_and_returns_with_a_reset) {
    arena_t *arena = arena_new(64, 160);
    NEED(arena != NULL);
    OK(arena_alloc(arena, 161) == NULL);
    OK(arena_alloc(arena, SIZE_MAX) == NULL);
    OK(arena_alloc(arena, SIZE_MAX - 16) == NULL);
    OK(arena_alloc(arena, 100) != NULL); // 112 with its rounding
    OK(arena_alloc(arena, 49) == NULL);
    EQ(arena_used(arena), 112);
    OK(arena_alloc(arena, 48) != NULL);
    OK(arena_alloc(arena, 0) == NULL);
    arena_reset(arena);
    OK(arena_alloc(arena, 160) != NULL);
    arena_destroy(&arena);
}

TEST(copies_and_texts) {
    arena_t *arena = arena_new(64, 512);
    NEED(arena != NULL);
    char *copy = arena_copy(arena, "abc", 4);
    EQ_TEXT(copy, "abc");
    OK(arena_copy(arena, NULL, 0) != NULL);
    EQ_TEXT(arena_text(arena, "%s-%03d", "bill", 7), "bill-007");
    EQ_TEXT(arena_text(arena, "%s", ""), "");
    OK(arena_text(arena, "%600d", 1) == NULL);
    arena_destroy(&arena);
}

TESTS("base arena", CASE(pieces_are_zeroed_aligned_and_apart), CASE(a_reset_arena_is_zeroed_and_reuses_its_blocks),
      CASE(a_large_block_behind_a_small_one_is_found_and_the_small_one_kept),
      CASE(the_limit_holds_and_returns_with_a_reset), CASE(copies_and_texts))
