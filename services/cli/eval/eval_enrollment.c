// Kind `enrollment`: who must or may join, and as what.
#include "kind.h"

static const field_t fields[] = {
    {"on", FIELD_DATE, "", "", NULL, NULL, false, NULL},
};

static int run(const eval_case_t *c, json_t *answer) {
    (void)answer;
    return err_set(c->err, E_UNSUPPORTED, "%s has no rules for enrollment", policy_city(c->eval->policy));
}

const eval_kind_t kind_enrollment = {
    "enrollment", "Who must or may join, and as what.", fields, COUNT_OF(fields), run, NULL, NULL};
