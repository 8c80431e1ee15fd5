// An entry has few money lines, an account few sub-balances: plain searches are enough.
#include "limits.h"
#include "ledger.h"
#include "money_store.h"
#include <string.h>

int money_account_of(const fund_rules_t *fund, const char *account) {
    if (strncmp(account, "money/", 6) != 0) return -1;
    for (uint32_t i = 0; fund && i < fund->account_count; i++)
        if (strcmp(fund->accounts[i].name, account + 6) == 0) return (int)i;
    return -1;
}

typedef struct look { // at one account
    const fund_rules_t *fund;
    const Tc__JournalEntry *entry;
    const char *account; // money/…
    bool by_county;
    rows_t parts, reserved; // (fund, county, amount)
    err_t *err;
} look_t;

static bool same_key(const look_t *look, const char *fund, const char *county, const char *other_fund,
                     const char *other_county) {
    return strcmp(fund, other_fund) == 0 && (!look->by_county || strcmp(county, other_county) == 0);
}

static int add(const look_t *look, fen_t amount, fen_t *sum) {
    return fen_add(*sum, amount, sum) ? err_field(look->err, E_OUT_OF_RANGE, "amount", "a balance overflows") : E_OK;
}

static int sum_rows(const look_t *look, const rows_t *rows, const Tc__Posting *key, fen_t *out) {
    int rc = E_OK;
    *out = 0;
    for (size_t i = 0; i < rows->count && !rc; i++)
        if (same_key(look, row_text(rows, i, 0), row_text(rows, i, 1), key->fund, key->division))
            rc = add(look, row_i64(rows, i, 2), out);
    return rc;
}

// What the entry changes in the sub-balance of `key`.
static int sum_lines(const look_t *look, const Tc__Posting *key, fen_t *out) {
    int rc = E_OK;
    *out = 0;
    for (size_t i = 0; i < look->entry->n_postings && !rc; i++) {
        const Tc__Posting *line = look->entry->postings[i];
        if (strcmp(line->account, look->account) == 0 &&
            same_key(look, line->fund, line->division, key->fund, key->division))
            rc = add(look, line->amount_fen, out);
    }
    return rc;
}

static int too_little(const look_t *look, const Tc__Posting *key, fen_t has, fen_t reserved) {
    char a[FEN_TEXT_MAX], b[FEN_TEXT_MAX];
    return err_field(look->err, E_OUT_OF_RANGE, "amount", "%s%s%s%s%s has %s yuan (%s reserved), which is not enough",
                     look->account + 6, *key->fund ? " of " : "", key->fund, look->by_county ? " in " : "",
                     look->by_county ? key->division : "", fen_format(has, a), fen_format(reserved, b));
}

static int check_part(const look_t *look, const Tc__Posting *key) {
    fen_t has = 0, reserved = 0, change = 0, after = 0;
    int rc = sum_rows(look, &look->parts, key, &has);
    if (!rc) rc = sum_rows(look, &look->reserved, key, &reserved);
    if (!rc) rc = sum_lines(look, key, &change);
    if (rc || change >= 0) return rc;
    after = has;
    rc = add(look, change, &after);
    if (!rc && (after < 0 || after < reserved)) rc = too_little(look, key, has, reserved);
    return rc;
}

// All funds together; of one county where counties hold the account.
static int check_whole(const look_t *look, const Tc__Posting *key) {
    fen_t has = 0, change = 0, after;
    int rc = E_OK;
    for (size_t i = 0; i < look->parts.count && !rc; i++)
        if (!look->by_county || strcmp(row_text(&look->parts, i, 1), key->division) == 0)
            rc = add(look, row_i64(&look->parts, i, 2), &has);
    for (size_t i = 0; i < look->entry->n_postings && !rc; i++) {
        const Tc__Posting *line = look->entry->postings[i];
        if (strcmp(line->account, look->account) == 0 &&
            (!look->by_county || strcmp(line->division, key->division) == 0))
            rc = add(look, line->amount_fen, &change);
    }
    after = has;
    if (!rc) rc = add(look, change, &after);
    if (!rc && change < 0 && after < 0) {
        const Tc__Posting all = {.fund = (char *)(uintptr_t) "", .division = key->division};
        rc = too_little(look, &all, has, 0);
    }
    return rc;
}

static bool seen_before(const Tc__JournalEntry *entry, size_t line) {
    for (size_t i = 0; i < line; i++)
        if (strcmp(entry->postings[i]->account, entry->postings[line]->account) == 0 &&
            strcmp(entry->postings[i]->fund, entry->postings[line]->fund) == 0 &&
            strcmp(entry->postings[i]->division, entry->postings[line]->division) == 0)
            return true;
    return false;
}

static int check_account(settlement_t *settlement, look_t *look, const char *but, arena_t *arena) {
    store_t *store = settlement->ctx->store;
    int rc = money_parts_read(store, look->account, NULL, arena, &look->parts, look->err);
    if (!rc)
        rc = money_reserved_read(store, look->account, but ? but : "", settlement->poster->now_ms(), arena,
                                 &look->reserved, look->err);
    for (size_t i = 0; i < look->entry->n_postings && !rc; i++) {
        const Tc__Posting *line = look->entry->postings[i];
        if (strcmp(line->account, look->account) != 0 || seen_before(look->entry, i)) continue;
        rc = check_part(look, line);
        if (!rc) rc = check_whole(look, line);
    }
    return rc;
}

int money_limits(settlement_t *settlement, const Tc__JournalEntry *entry, const char *but, arena_t *arena, err_t *err) {
    const fund_rules_t *fund = settlement->policy->fund;
    int rc = E_OK;
    for (size_t i = 0; i < entry->n_postings && !rc; i++) {
        const char *account = entry->postings[i]->account;
        const int place = money_account_of(fund, account);
        bool again = strncmp(account, "money/", 6) != 0;
        for (size_t j = 0; j < i && !again; j++) again = strcmp(entry->postings[j]->account, account) == 0;
        if (again) continue;
        look_t look = {.fund = fund,
                       .entry = entry,
                       .account = account,
                       .by_county = place >= 0 && fund->accounts[place].holder == HOLDER_COUNTY,
                       .err = err};
        rc = check_account(settlement, &look, but, arena);
    }
    return rc;
}
