#include "tests/check.h"

TEST(placeholder) { OK(1); }

TESTS("facility", CASE(placeholder))
