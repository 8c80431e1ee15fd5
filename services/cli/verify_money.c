// What lies in the accounts of the fund. Commands never take them below zero; money that the tax bureau gives back may,
// where it had come into the account, until receipts or a sweep fill it again.
#include "common/policy/fund.h"
#include "common/policy/tables.h"
#include "verify.h"
#include <string.h>

static bool held_by_counties(const verify_t *verify, const char *account) {
    const fund_rules_t *fund = verify->policy ? verify->policy->fund : NULL;
    for (uint32_t i = 0; fund && i < fund->account_count; i++)
        if (strcmp(fund->accounts[i].name, account) == 0) return fund->accounts[i].holder == HOLDER_COUNTY;
    return false;
}

// What events took out of an account and fund.
static int given_back(verify_t *verify, const char *account, const char *fund, fen_t *out, err_t *err) {
    const cell_t params[] = {cell_text(account), cell_text(fund)};
    rows_t rows;
    int rc = verify_query(verify->settlement, "i",
                          "SELECT CAST(COALESCE(SUM(-p.amount_fen), 0) AS BIGINT) FROM posting p JOIN journal j"
                          " ON j.partition = p.partition AND j.number = p.number WHERE p.account = $1 AND p.fund = $2"
                          " AND p.amount_fen < 0 AND j.source_service <> 'settlement'",
                          params, COUNT_OF(params), verify->side, &rows, err);
    if (!rc) *out = row_i64(&rows, 0, 0);
    return rc;
}

static int check_sum(verify_t *verify, const char *account, const char *fund, const char *county, fen_t sum,
                     err_t *err) {
    fen_t back = 0;
    if (sum >= 0) return E_OK;
    arena_reset(verify->side);
    int rc = given_back(verify, account, fund, &back, err);
    if (!rc && verify_sum(sum, back) < 0)
        verify_broken(verify, "%s %s %s holds %lld fen", account, fund, county, (long long)sum);
    return rc;
}

static int check_accounts(verify_t *verify, err_t *err) {
    rows_t rows;
    int rc = verify_query(verify->settlement, "ttti",
                          "SELECT account, fund, division, CAST(SUM(amount_fen) AS BIGINT) FROM balance"
                          " WHERE account LIKE 'money/%' GROUP BY account, fund, division"
                          " ORDER BY account, fund, division",
                          NULL, 0, verify->page, &rows, err);
    for (size_t i = 0; !rc && i < rows.count;) {
        const char *account = row_text(&rows, i, 0), *fund = row_text(&rows, i, 1);
        const bool by_county = held_by_counties(verify, account + strlen("money/"));
        const char *county = by_county ? row_text(&rows, i, 2) : "";
        fen_t sum = 0;
        do sum = verify_sum(sum, row_i64(&rows, i++, 3));
        while (!by_county && i < rows.count && strcmp(row_text(&rows, i, 0), account) == 0 &&
               strcmp(row_text(&rows, i, 1), fund) == 0);
        rc = check_sum(verify, account, fund, county, sum, err);
        verify->looked_at++;
    }
    return rc;
}

static int check_reserved(verify_t *verify, err_t *err) {
    rows_t rows;
    int rc = verify_query(verify->settlement, "tti",
                          "SELECT r.account, r.fund, CAST(SUM(r.amount_fen) AS BIGINT) FROM reservation r"
                          " WHERE r.state = 'posted' AND NOT EXISTS (SELECT 1 FROM journal j"
                          " WHERE j.reference = r.reference AND j.source_service = 'settlement')"
                          " GROUP BY r.account, r.fund ORDER BY r.account, r.fund",
                          NULL, 0, verify->page, &rows, err);
    for (size_t i = 0; !rc && i < rows.count; i++)
        verify_broken(verify, "%lld fen reserved on %s %s are said to be posted, and no entry is there",
                      (long long)row_i64(&rows, i, 2), row_text(&rows, i, 0), row_text(&rows, i, 1));
    return rc;
}

int verify_money(verify_t *verify, err_t *err) {
    arena_reset(verify->page);
    int rc = check_accounts(verify, err);
    return rc ? rc : check_reserved(verify, err);
}
