#include "funding.h"
#include "common/policy/funding.h"

static int check_case(const policy_t *policy, int year, fen_t personal, fen_t government, err_t *err) {
    if (!date_valid(year, 1, 1)) return err_field(err, E_OUT_OF_RANGE, "year", "a year between 1900 and 2199");
    const char *field = personal < 0 || personal > MONEY_MAX       ? "personal"
                        : government < 0 || government > MONEY_MAX ? "government"
                                                                   : NULL;
    if (field) return err_field(err, E_OUT_OF_RANGE, field, "an amount is between 0.00 and 10 billion yuan");
    if (!policy->funding) return err_set(err, E_UNSUPPORTED, "%s has no test of a funding standard", policy->city);
    if (date_make(year, 1, 1) < policy->funding->from)
        return err_field(err, E_NOT_IN_FORCE, "year", "no test of a funding standard is in force in %d", year);
    return E_OK;
}

int funding_eval(const policy_t *policy, int year, fen_t personal, fen_t government, funding_result_t *out,
                 err_t *err) {
    fen_t of;
    int rc = check_case(policy, year, personal, government, err);
    if (rc) return rc;
    const funding_rules_t *rules = policy->funding;
    if ((rc = ref_value(&rules->floor_of, date_make(year, 1, 1), 0, &of, err))) return rc;
    const wide_t least = (wide_t)of * rules->floor_share; // millionths of a fen
    const wide_t line = (wide_t)personal * rules->times;  // the same
    const wide_t reached = (wide_t)government * RATE_ONE; // the same
    *out = (funding_result_t){
        .floor = (fen_t)((least + RATE_ONE - 1) / RATE_ONE),
        .total = personal + government,
        .meets_ratio = rules->at_most ? reached <= line : reached >= line,
        .floor_rule = rules->floor_rule,
        .ratio_rule = rules->ratio_rule,
    };
    out->meets_floor = out->total >= out->floor;
    return E_OK;
}
