// The guard books_agree: what reconciliation says of every pair, account and county that the step names. Nothing is
// taken from the clerk but what is held against it.
#include "reconcile_handlers.h"
#include "tasks_do.h"
#include <string.h>

typedef struct agreement {
    doing_t *doing;
    reconcile_scope_t scope; // its days; the rest changes
    fen_t ours, theirs;
} agreement_t;

static int refuse(const agreement_t *a, const reconcile_sides_t *sides, err_t *err) {
    char here[FEN_TEXT_MAX], there[FEN_TEXT_MAX];
    return err_field(err, E_OUT_OF_RANGE, "amount",
                     "%s: %s%s%s%s%s: %lld differences are open, %s here and %s there; explain or settle them first",
                     a->doing->step->rule, a->scope.pair, *a->scope.party ? " of " : "", a->scope.party,
                     *a->scope.county ? " of " : "", a->scope.county, (long long)sides->open,
                     fen_format(sides->ours, here), fen_format(sides->theirs, there));
}

static int add_sides(agreement_t *a, const reconcile_sides_t *sides, err_t *err) {
    const char *name = *a->scope.party ? a->scope.party : a->scope.pair;
    if (fen_add(a->ours, sides->ours, &a->ours) || fen_add(a->theirs, sides->theirs, &a->theirs))
        return err_field(err, E_OUT_OF_RANGE, "amount", "the amounts overflow");
    return doing_figure(a->doing, name, "", a->scope.county, sides->ours, err);
}

// An account where nothing was ever booked and no statement came has nothing to agree about.
static int check_scope(agreement_t *a, err_t *err) {
    reconcile_sides_t sides;
    err_t why = {0};
    bool used = true;
    int rc = *a->scope.party ? reconcile_knows(a->doing->settlement, &a->scope, &used, err) : E_OK;
    if (rc || !used) return rc;
    rc = reconcile_agrees(a->doing->settlement, &a->scope, &sides, &why);
    if (rc == E_NOT_FOUND) return err_field(err, E_DENIED, "step", "%s: %s", a->doing->step->rule, why.text);
    if (rc) {
        *err = why;
        return rc;
    }
    return sides.open || sides.ours != sides.theirs ? refuse(a, &sides, err) : add_sides(a, &sides, err);
}

static int check_account(agreement_t *a, const fund_account_t *account, err_t *err) {
    const policy_t *policy = a->doing->settlement->policy;
    int rc = E_OK;
    a->scope.party = account->name, a->scope.county = "";
    if (account->holder != HOLDER_COUNTY) return check_scope(a, err);
    for (uint32_t i = 0; !rc && i < policy->divisions.count; i++) {
        a->scope.county = policy->divisions.items[i].name;
        if (!*a->doing->county || strcmp(a->doing->county, a->scope.county) == 0) rc = check_scope(a, err);
    }
    return rc;
}

static int check_comparison(agreement_t *a, const fund_comparison_t *comparison, err_t *err) {
    const fund_rules_t *rules = a->doing->rules;
    a->scope.pair = compared_name(comparison->source), a->scope.party = a->scope.county = "";
    int rc = comparison->accounts ? E_OK : check_scope(a, err);
    for (uint32_t i = 0; !rc && i < rules->account_count; i++)
        if (comparison->accounts >> i & 1) rc = check_account(a, &rules->accounts[i], err);
    return rc;
}

int doing_books_agree(doing_t *doing, fen_t *ours, fen_t *theirs, err_t *err) {
    char from[DATE_TEXT_MAX], to[DATE_TEXT_MAX];
    agreement_t a = {.doing = doing, .scope = {.from = from, .to = to}};
    int rc = E_OK;
    date_format(doing->period.first, from);
    date_format(doing->period.last, to);
    for (uint32_t i = 0; !rc && i < doing->step->compare_count; i++)
        rc = check_comparison(&a, &doing->step->compares[i], err);
    *ours = a.ours, *theirs = a.theirs;
    return rc;
}
