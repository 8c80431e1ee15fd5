// Kind `calendar`: the days of a year's months on which the fund's money moves.
#include "kind.h"

static const field_t fields[] = {
    {"on", FIELD_DATE, "", "", NULL, NULL, false, NULL},
};

static int run(const eval_case_t *c, json_t *answer) {
    (void)answer;
    return err_set(c->err, E_UNSUPPORTED, "%s has no rules for calendar", policy_city(c->eval->policy));
}

const eval_kind_t kind_calendar = {
    "calendar", "The days of a year's months on which the fund's money moves.", fields, COUNT_OF(fields), run, NULL,
    NULL};
