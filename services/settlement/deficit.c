// 30% of the gap is rounded up: a minimum is not met by a fen less.
#include "deficit.h"

int deficit_year_place(const deficit_rules_t *rules, int year) {
    for (uint32_t i = 0; i < rules->year_count; i++)
        if (rules->years[i].year == year) return (int)i;
    return -1;
}

static fen_t share_up(fen_t amount, rate_t share) {
    return (fen_t)(((wide_t)amount * share + RATE_ONE - 1) / RATE_ONE); // share <= 1: at most the amount
}

int deficit_schedule(const policy_t *policy, const deficit_case_t *c, deficit_schedule_t *out, err_t *err) {
    const deficit_rules_t *rules = policy->deficit;
    deficit_schedule_t to = {.due = DATE_NONE};
    if (!rules) return err_set(err, E_UNSUPPORTED, "%s has no rules for old deficits", policy->city);
    if (c->deficit < 0 || c->contributed < 0 || c->enjoyed < 0)
        return err_field(err, E_OUT_OF_RANGE, "deficit", "amounts of a deficit are not below 0");
    const fen_t own = c->contributed > c->enjoyed ? c->contributed - c->enjoyed : 0;
    to.offset = fen_min(c->deficit, own);
    to.net = to.outstanding = c->deficit - to.offset;
    if (to.net > 0) to.due = rules->due;
    for (uint32_t i = 0; i < rules->year_count; i++) {
        const bool rest = i + 1 == rules->year_count;
        if (c->paid[i] < 0 || c->paid[i] > to.outstanding)
            return err_field(err, E_OUT_OF_RANGE, "paid", "more was paid than the net gap");
        to.minimum[i] = rest ? to.outstanding : fen_min(share_up(to.net, rules->years[i].least), to.outstanding);
        if (c->judged[i]) to.shortfall[i] = fen_max(0, to.minimum[i] - c->paid[i]);
        to.outstanding -= c->paid[i];
    }
    *out = to;
    return E_OK;
}
