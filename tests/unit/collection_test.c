#include "tests/check.h"

TEST(placeholder) { OK(1); }

TESTS("collection", CASE(placeholder))
