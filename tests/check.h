// CUnit, with less ceremony: a table of tests, one executable per module. A test is a story in order; its name says
// what must hold, rule tests begin with the rule's ID.
//
//   TEST(half_up_at_the_exact_half) { fen_t out; EQ(fen_rate(1, 500000, &out), 0); EQ(out, 1); }
//   TESTS("money", CASE(half_up_at_the_exact_half))
#pragma once
#include <CUnit/Basic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEST(name) static void name(void)
#define OK(cond) CU_ASSERT_TRUE(cond)
// For what the rest of the test stands on: leaves the test at once.
#define NEED(cond) CU_ASSERT_TRUE_FATAL(cond)
#define EQ(actual, expected) check_eq((int64_t)(actual), (int64_t)(expected), #actual, __FILE__, __LINE__)
#define EQ_TEXT(actual, expected) check_text((actual), (expected), #actual, __FILE__, __LINE__)
#define HAS_TEXT(actual, part) check_has((actual), (part), #actual, __FILE__, __LINE__)

static inline void check_eq(int64_t actual, int64_t expected, const char *what, const char *file, int line) {
    if (actual != expected)
        fprintf(stderr, "%s:%d: %s is %lld, expected %lld\n", file, line, what, (long long)actual, (long long)expected);
    CU_assertImplementation(actual == expected, (unsigned)line, what, file, "", CU_FALSE);
}
static inline void check_text(const char *actual, const char *expected, const char *what, const char *file, int line) {
    int same = actual && expected && strcmp(actual, expected) == 0;
    if (!same)
        fprintf(stderr, "%s:%d: %s is \"%s\", expected \"%s\"\n", file, line, what, actual ? actual : "(null)",
                expected);
    CU_assertImplementation(same, (unsigned)line, what, file, "", CU_FALSE);
}
static inline void check_has(const char *actual, const char *part, const char *what, const char *file, int line) {
    int has = actual && strstr(actual, part) != NULL;
    if (!has)
        fprintf(stderr, "%s:%d: %s is \"%s\", expected it to contain \"%s\"\n", file, line, what,
                actual ? actual : "(null)", part);
    CU_assertImplementation(has, (unsigned)line, what, file, "", CU_FALSE);
}

typedef struct check_case {
    const char *name;
    void (*run)(void);
} check_case_t;

static inline int check_run(const char *suite, const check_case_t *cases, size_t count) {
    if (CU_initialize_registry() != CUE_SUCCESS) return 2;
    CU_pSuite s = CU_add_suite(suite, NULL, NULL);
    for (size_t i = 0; i < count; i++)
        if (!s || !CU_add_test(s, cases[i].name, cases[i].run)) return 2;
    CU_basic_set_mode(CU_BRM_VERBOSE);
    CU_basic_run_tests();
    unsigned failed = CU_get_number_of_failures();
    CU_cleanup_registry();
    return failed ? 1 : 0;
}

#define CASE(f)                                                                                                        \
    { #f, f }
#define TESTS(suite, ...)                                                                                              \
    int main(void) {                                                                                                   \
        static const check_case_t cases[] = {__VA_ARGS__};                                                             \
        return check_run(suite, cases, sizeof cases / sizeof *cases);                                                  \
    }
