// Section `routing` of a city file: which agency accepts, signs with, supervises and settles with a facility, and where
// it is filed. Each step is a decision table over kind, level and place (in the urban area or not) of the facility;
// facilities that the law names go their own way.
#pragma once
#include "dimension.h"
#include "policy.h"

#define AGENCY_TABLE(X)                                                                                                \
    X(AGENCY_CITY, "city", "市医疗保险经办机构") X(AGENCY_COUNTY, "county", "县（市、区）医疗保险经办机构")
// What is decided, its key in the YAML and its name in the answer of `tongchou eval routing`.
#define ROUTING_STEP_TABLE(X)                                                                                          \
    X(ROUTING_ACCEPT, "accept", "accepted_by")                                                                         \
    X(ROUTING_SIGN, "sign", "signed_by")                                                                               \
    X(ROUTING_SUPERVISE, "supervise", "supervised_by")                                                                 \
    X(ROUTING_SETTLE, "settle", "settled_by")                                                                          \
    X(ROUTING_FILE, "file", "filed_with")

#define X(code, name, more) code,
typedef enum agency { AGENCY_TABLE(X) AGENCY__COUNT } agency_t;
typedef enum routing_step { ROUTING_STEP_TABLE(X) ROUTING_STEP__COUNT } routing_step_t;
#undef X

typedef struct route {
    when_t when;
    const char *rule;
    agency_t by;
} route_t;

typedef struct route_table {
    const route_t *rows; // the first that fits decides; one always does
    uint32_t count;
} route_table_t;

typedef struct route_exception {
    const char *facility, *rule;
    const char *division; // NULL: the city
    uint32_t steps;       // bits of routing_step_t
} route_exception_t;

typedef struct routing_rules {
    const char *const *urban; // divisions
    uint32_t urban_count;
    route_table_t steps[ROUTING_STEP__COUNT];
    const route_exception_t *exceptions;
    uint32_t exception_count;
} routing_rules_t;
