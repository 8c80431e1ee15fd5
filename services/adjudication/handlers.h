// The methods of adjudication and who may call them.
#pragma once
#include "adjudication.h"

typedef enum adjudication_method {
    METHOD_QUOTE,
    METHOD_SETTLE,
    METHOD_GET_DECISION,
    METHOD_EXPLAIN,
    METHOD_GET_DECISIONS,
    METHOD_QUOTE_AS,
    METHOD__COUNT
} adjudication_method_t;

extern const method_t adjudication_methods[METHOD__COUNT];
