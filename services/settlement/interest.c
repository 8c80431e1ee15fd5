// Products of balance and days need up to 104 bits (2^63 fen × 2^31 days × 1000 ledgers); times the interest they
// would need more than 128, so the proportion is taken by long division, bit by bit.
#include "interest.h"
#include <stdio.h>

static int check_names(const interest_ledger_t *ledgers, size_t count, err_t *err) {
    char field[48];
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < i; k++)
            if (strcmp(ledgers[i].name, ledgers[k].name) == 0) {
                snprintf(field, sizeof field, "ledgers[%zu].name", i);
                return err_field(err, E_INVALID_FIELD, field, "two ledgers are called %.40s", ledgers[i].name);
            }
    return E_OK;
}

static const char *fault_of(const interest_ledger_t *ledger, date_t from, date_t to) {
    if (ledger->balance_count == 0) return "there is no balance";
    if (ledger->balances[0].from != from) return "the first balance is not that of the first day";
    for (size_t i = 0; i < ledger->balance_count; i++) {
        if (ledger->balances[i].amount < 0) return "a balance is below 0";
        if (ledger->balances[i].from > to) return "a balance is after the last day";
        if (i && ledger->balances[i].from <= ledger->balances[i - 1].from) return "the days are out of order";
    }
    return NULL;
}

static int check_balances(date_t from, date_t to, const interest_ledger_t *ledgers, size_t count, err_t *err) {
    char field[40];
    if (from > to) return err_field(err, E_OUT_OF_RANGE, "to", "to: the period ends before it begins");
    for (size_t i = 0; i < count; i++) {
        const char *fault = fault_of(&ledgers[i], from, to);
        snprintf(field, sizeof field, "ledgers[%zu].balances", i);
        if (fault) return err_field(err, E_OUT_OF_RANGE, field, "%s: %s", field, fault);
    }
    return E_OK;
}

static wide_t days_weight(const interest_ledger_t *ledger, date_t to) {
    wide_t weight = 0;
    for (size_t i = 0; i < ledger->balance_count; i++) {
        const date_t until = i + 1 < ledger->balance_count ? ledger->balances[i + 1].from : to + 1;
        weight += (wide_t)ledger->balances[i].amount * (until - ledger->balances[i].from);
    }
    return weight;
}

// amount × weight ÷ sum, whole part; `rest` is what is left of the division. 0 <= weight <= sum, amount >= 0.
static fen_t proportion(fen_t amount, wide_t weight, wide_t sum, wide_t *rest) {
    fen_t whole = 0;
    wide_t left = 0;
    for (int bit = 62; bit >= 0; bit--) {
        left = 2 * left + ((amount >> bit & 1) ? weight : 0);
        whole *= 2; // at most the part of `amount` seen so far
        for (; left >= sum; left -= sum) whole++;
    }
    *rest = left;
    return whole;
}

// The fen that the whole parts leave over, one each to the largest remainders: fewer than there are ledgers.
static void share_rests(fen_t left, interest_ledger_t *ledgers, size_t count) {
    for (; left > 0; left--) {
        interest_ledger_t *most = &ledgers[0];
        for (size_t i = 1; i < count; i++)
            if (ledgers[i].rest > most->rest) most = &ledgers[i];
        most->interest++;
        most->rest = -1;
    }
}

int interest_share(const policy_t *policy, date_t from, date_t to, fen_t amount, interest_ledger_t *ledgers,
                   size_t count, err_t *err) {
    if (count > INTEREST_LEDGERS_MAX)
        return err_field(err, E_OUT_OF_RANGE, "ledgers", "more than %d ledgers", INTEREST_LEDGERS_MAX);
    int rc = check_names(ledgers, count, err);
    if (!rc) rc = check_balances(from, to, ledgers, count, err);
    if (rc) return rc;
    if (amount < 0) return err_field(err, E_OUT_OF_RANGE, "amount", "interest is not below 0");
    const bool closing = policy->interest && policy->interest->by == INTEREST_BY_CLOSING_BALANCE;
    wide_t sum = 0;
    for (size_t i = 0; i < count; i++) {
        const interest_ledger_t *l = &ledgers[i];
        ledgers[i].weight = closing ? (wide_t)l->balances[l->balance_count - 1].amount : days_weight(l, to);
        sum += ledgers[i].weight;
    }
    if (sum == 0) return err_field(err, E_OUT_OF_RANGE, "ledgers", "ledgers: there is no balance to share by");
    if (!policy->interest) return err_set(err, E_UNSUPPORTED, "%s has no rules for interest", policy->city);
    fen_t left = amount;
    for (size_t i = 0; i < count; i++) {
        ledgers[i].interest = proportion(amount, ledgers[i].weight, sum, &ledgers[i].rest);
        left -= ledgers[i].interest;
    }
    share_rests(left, ledgers, count);
    return E_OK;
}
