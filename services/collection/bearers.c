#include "bearers.h"
#include "common/policy/statements.h"
#include "common/wire/scope.h"
#include "subsidies.h"
#include <string.h>

int bearers_check(const policy_t *policy, const Tc__ReceiveSubsidy *ask, err_t *err) {
    const statement_t *apart = policy_stated(policy, "funded_by_separate_rules"),
                      *by = policy_stated(policy, "subsidy_borne_by");
    char text[STATEMENT_TEXT_MAX];
    if (statement_names(apart, ask->item))
        return err_field(err, E_UNSUPPORTED, "item", "item: %s is funded by rules published apart (%s, %s)", ask->item,
                         apart->rule, policy_rule_source(policy, apart->rule));
    if (!*ask->fund || statement_names(by, ask->fund)) return 0;
    if (!by)
        return err_field(err, E_UNSUPPORTED, "fund", "the law of %s names no funds that bear the subsidy",
                         policy_city(policy));
    return err_field(err, E_INVALID_FIELD, "fund", "fund: expected one of %s (%s)", statement_text(by, text), by->rule);
}

// ---- what each has paid

static int begin(collection_t *c, const statement_t *by, Tc__Obligations *out, err_t *err) {
    out->bearers = arena_alloc(c->ctx->arena, (by->word_count + 1) * sizeof *out->bearers);
    for (uint32_t i = 0; out->bearers && i < by->word_count; i++) {
        Tc__Obligations__Bearer *bearer = arena_alloc(c->ctx->arena, sizeof *bearer);
        if (!bearer) break;
        tc__obligations__bearer__init(bearer);
        bearer->fund = (char *)(uintptr_t)by->words[i]; // the policy's, which outlives the reply
        out->bearers[out->n_bearers++] = bearer;
    }
    out->bearers_rule = (char *)(uintptr_t)by->rule;
    return out->n_bearers == by->word_count ? 0 : err_set(err, E_IO, "out of memory");
}

// A payment that did not say which fund it is from is that of the payer itself.
static int add(const collection_t *c, const Tc__Receipt *receipt, Tc__Obligations *out, err_t *err) {
    const char *fund = *receipt->fund ? receipt->fund : receipt->payer;
    if (receipt->n_parts == 0 || !scope_has_division(c->ctx->scope, receipt->parts[0]->division)) return 0;
    for (size_t i = 0; i < out->n_bearers; i++)
        if (strcmp(out->bearers[i]->fund, fund) == 0 &&
            fen_add(out->bearers[i]->paid_fen, receipt->amount_fen, &out->bearers[i]->paid_fen))
            return err_set(err, E_OUT_OF_RANGE, "the subsidies add up to more than can be counted");
    return 0;
}

int bearers_tell(collection_t *c, int year, Tc__Obligations *out, err_t *err) {
    const statement_t *by = policy_stated(c->env.policy, "subsidy_borne_by");
    Tc__Receipt **receipts = NULL;
    size_t count = 0;
    if (!by) return 0;
    int rc = begin(c, by, out, err);
    if (rc == 0) rc = subsidies_of_year(c, year, &receipts, &count, err);
    for (size_t i = 0; rc == 0 && i < count; i++) rc = add(c, receipts[i], out, err);
    return rc;
}
