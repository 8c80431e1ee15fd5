// Kind `benefit`: one bill: what each layer pays, and why.
#include "kind.h"

static const field_t fields[] = {
    {"on", FIELD_DATE, "", "", NULL, NULL, false, NULL},
};

static int run(const eval_case_t *c, json_t *answer) {
    (void)answer;
    return err_set(c->err, E_UNSUPPORTED, "%s has no rules for benefit", policy_city(c->eval->policy));
}

const eval_kind_t kind_benefit = {
    "benefit", "One bill: what each layer pays, and why.", fields, COUNT_OF(fields), run, NULL, NULL};
