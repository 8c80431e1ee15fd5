// Kind `gap`: what covers the gap of a year.
#include "kind.h"

static const field_t fields[] = {
    {"on", FIELD_DATE, "", "", NULL, NULL, false, NULL},
};

static int run(const eval_case_t *c, json_t *answer) {
    (void)answer;
    return err_set(c->err, E_UNSUPPORTED, "%s has no rules for gap", policy_city(c->eval->policy));
}

const eval_kind_t kind_gap = {"gap", "What covers the gap of a year.", fields, COUNT_OF(fields), run, NULL, NULL};
