#include "tests/check.h"
TEST(x) { OK(1); }
TESTS("x", CASE(x))
