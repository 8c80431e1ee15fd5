// One base, its shares, and a last instalment that takes what is left.
#include "surplus.h"

int surplus_schedule(const policy_t *policy, fen_t surplus, const fen_t *provisional, surplus_schedule_t *out,
                     err_t *err) {
    const surplus_rules_t *rules = policy->surplus;
    if (!rules) return err_set(err, E_UNSUPPORTED, "%s has no rules for old surpluses", policy->city);
    if (provisional && !rules->provisional)
        return err_field(err, E_INVALID_FIELD, "provisional", "provisional: %s hands over the audited sum at once",
                         policy->city);
    if (surplus < 0 || (provisional && *provisional < 0))
        return err_field(err, E_OUT_OF_RANGE, "surplus", "a surplus is not below 0");
    const fen_t base = provisional ? *provisional : surplus;
    surplus_schedule_t to = {.count = rules->instalment_count};
    fen_t left = surplus;
    for (uint32_t i = 0; i < to.count; i++) {
        const bool rest = i + 1 == to.count;
        int rc = rest ? E_OK : fen_rate(base, rules->instalments[i].share, &to.amount[i]);
        if (rc) return err_field(err, rc, "surplus", "an instalment is too large");
        if (rest) to.amount[i] = left;
        // Without a provisional figure only roundings could exceed the whole: the last of many takes what is left.
        if (!provisional) to.amount[i] = fen_min(to.amount[i], left);
        if (to.amount[i] > left)
            return err_field(err, E_OUT_OF_RANGE, "provisional",
                             "provisional: what was paid on it exceeds the audited surplus");
        left -= to.amount[i];
    }
    *out = to;
    return E_OK;
}
