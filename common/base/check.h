// CHECK(cond): a broken promise of our own code stops the process, in every build. Never for bytes from outside.
#pragma once
#include <stdio.h>
#include <stdlib.h>

#define CHECK(cond)                                                                                                    \
    do {                                                                                                               \
        if (!(cond)) {                                                                                                 \
            fprintf(stderr, "level=fatal event=check_failed at=%s:%d cond=\"%s\"\n", __FILE__, __LINE__, #cond);       \
            abort();                                                                                                   \
        }                                                                                                              \
    } while (0)

#define MUST_USE __attribute__((warn_unused_result))
#define COUNT_OF(a) (sizeof(a) / sizeof((a)[0]))
