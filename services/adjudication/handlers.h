// The methods of adjudication and who may call them.
#pragma once
#include "adjudication.h"

typedef enum adjudication_method {
    METHOD_QUOTE,
    METHOD_SETTLE,
    METHOD_REVERSE,
    METHOD_RECOMPUTE,
    METHOD_GET_DECISION,
    METHOD_EXPLAIN,
    METHOD_GET_VERSIONS,
    METHOD_GET_STATUS,
    METHOD_GET_DECISIONS,
    METHOD_QUOTE_AS,
    METHOD_FIND_AFFECTED,
    METHOD_READJUDICATE,
    METHOD_RETRY_TASKS,
    METHOD_GET_TASK,
    METHOD_GET_TASKS,
    METHOD_STAGE_POLICY,
    METHOD_RELEASE_POLICY,
    METHOD_GET_RELEASES,
    METHOD__COUNT
} adjudication_method_t;

extern const method_t adjudication_methods[METHOD__COUNT];
