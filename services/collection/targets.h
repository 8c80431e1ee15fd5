// Targets of a year (目标任务): how many persons are to be insured, how much is to be collected, how much public money
// each fiscal tier is to raise. The city sets them for itself and for its districts (set_target); get_targets holds
// them against what is done. Where the law itself says that everybody is insured, or all that is due is collected or
// raised (statements `all_insured`, `all_collected`, `all_raised`), that is the target of a district for which none is
// set. Who answers for it is the law's word as well (`insured_answered_by` …), or who sets it (`insured_targets_set_by`
// …).
#pragma once
#include "desk.h"

// Every setting is a row; the highest number holds. `body`: the Target.
#define TARGET_TABLES_SQL                                                                                              \
    "CREATE TABLE target (year BIGINT NOT NULL, kind TEXT NOT NULL, division TEXT NOT NULL, tier TEXT NOT NULL,"       \
    " item TEXT NOT NULL, number BIGINT NOT NULL, body BYTEA NOT NULL,"                                                \
    " PRIMARY KEY (year, kind, division, tier, item, number));"

enum { TARGETS_OF_YEAR_MAX = 4096 }; // settings

typedef enum target_kind { TARGET_INSURED, TARGET_COLLECTED, TARGET_RAISED, TARGET__COUNT } target_kind_t;
const char *target_kind_name(target_kind_t kind);

int targets_set(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                err_t *err);
int targets_get(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                err_t *err);

// All settings of a year, by kind, division, tier, item and number; lives in ctx->arena.
typedef struct target_list {
    Tc__Target **items;
    size_t count;
} target_list_t;
int targets_of_year(collection_t *c, int year, target_list_t *out, err_t *err) MUST_USE;
