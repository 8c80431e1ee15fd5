// Section `fund` of a city file: the funds and their ledgers, the accounts and the movements allowed between them, and
// the flows of money and papers: who does what, by when, under which condition.
#pragma once
#include "cash_cycle.h"

enum {
    FUNDS_MAX = 32,
    FUND_ACTORS_MAX = 32,
    FUND_ACCOUNTS_MAX = 32,
    FUND_MOVEMENTS_MAX = 64,
    FUND_FLOWS_MAX = 32,
    FLOW_STEPS_MAX = 16,
    FUND_COMPARISONS_MAX = 4,
    FUND_BOOKS_MAX = 64,
    BOOK_WORDS_MAX = 16,
    FUND_ALLOTMENTS_MAX = 16
};

// 收入户, 支出户, 财政专户, 国库; outside: whoever pays to the fund or is paid by it; own_money: a government's budget
#define ACCOUNT_KIND_TABLE(X)                                                                                          \
    X(ACCOUNT_INCOME, "income")                                                                                        \
    X(ACCOUNT_EXPENDITURE, "expenditure")                                                                              \
    X(ACCOUNT_SPECIAL, "special")                                                                                      \
    X(ACCOUNT_TREASURY, "treasury")                                                                                    \
    X(ACCOUNT_OWN_MONEY, "own_money")                                                                                  \
    X(ACCOUNT_OUTSIDE, "outside")
#define HOLDER_TABLE(X) X(HOLDER_CITY, "city") X(HOLDER_COUNTY, "county") X(HOLDER_OUTSIDE, "outside")
#define LEDGER_KEY_TABLE(X)                                                                                            \
    X(LEDGER_FUND, "fund") X(LEDGER_COUNTY, "county") X(LEDGER_IDENTITY, "identity") X(LEDGER_FACILITY, "facility")
#define EVERY_TABLE(X)                                                                                                 \
    X(EVERY_DAY, "day")                                                                                                \
    X(EVERY_MONTH, "month")                                                                                            \
    X(EVERY_QUARTER, "quarter") X(EVERY_YEAR, "year") X(EVERY_ONCE, "once") X(EVERY_CASE, "case")
// Figures that the papers of a flow carry on from step to step.
#define KEEPS_TABLE(X)                                                                                                 \
    X(KEEPS_NOTHING, "nothing")                                                                                        \
    X(KEEPS_BUDGET, "budget") X(KEEPS_BUDGET_CHANGE, "budget_change") X(KEEPS_FINAL_ACCOUNTS, "final_accounts")
// What must hold for a step to be done; judged by fund_guard() of services/settlement/fund_rules.h.
#define GUARD_TABLE(X)                                                                                                 \
    X(GUARD_NONE, "none")                       /* */                                                                  \
    X(GUARD_FULL_BALANCE, "full_balance")       /* amount = balance: all of it goes */                                 \
    X(GUARD_FULL_AMOUNT, "full_amount")         /* amount = what is due */                                             \
    X(GUARD_ZERO_AFTER, "zero_after")           /* balance = 0 */                                                      \
    X(GUARD_WITHIN_BUDGET, "within_budget")     /* released so far + amount <= approved */                             \
    X(GUARD_WITHIN_PLAN, "within_plan")         /* amount <= the approved plan */                                      \
    X(GUARD_SUM_OF_COUNTIES, "sum_of_counties") /* Σ parts = amount */                                                \
    X(GUARD_REVENUE_COVERS, "revenue_covers")   /* planned spending <= planned revenue */                              \
    X(GUARD_BOOKS_AGREE, "books_agree")         /* Σ parts = amount, the two sides of a reconciliation */             \
    X(GUARD_MONTHS_COVERED, "months_covered")   /* balance >= count × average monthly outgo */                        \
    X(GUARD_SHARE, "share")                     /* amount >= share × what is due, rounded up */

// What the books are held against (docs/reconciliation.md).
#define COMPARED_TABLE(X)                                                                                              \
    X(COMPARED_BUSINESS, "business") X(COMPARED_BANK, "bank") X(COMPARED_TREASURY, "treasury") X(COMPARED_TAX, "tax")

#define X(code, name) code,
typedef enum account_kind { ACCOUNT_KIND_TABLE(X) ACCOUNT_KIND__COUNT } account_kind_t;
typedef enum holder { HOLDER_TABLE(X) HOLDER__COUNT } holder_t;
typedef enum ledger_key { LEDGER_KEY_TABLE(X) LEDGER_KEY__COUNT } ledger_key_t;
typedef enum every { EVERY_TABLE(X) EVERY__COUNT } every_t;
typedef enum keeps { KEEPS_TABLE(X) KEEPS__COUNT } keeps_t;
typedef enum guard { GUARD_TABLE(X) GUARD__COUNT } guard_t;
typedef enum compared { COMPARED_TABLE(X) COMPARED__COUNT } compared_t;
#undef X

const char *account_kind_name(account_kind_t kind);
const char *holder_name(holder_t holder);
const char *ledger_key_name(ledger_key_t key);
const char *every_name(every_t every);
const char *guard_name(guard_t guard);
const char *compared_name(compared_t compared);

typedef struct fund_item {
    const char *name, *name_zh, *rule;
    bool apart; // not collected and spent in one: no account of the pool carries it
} fund_item_t;

typedef struct fund_account {
    const char *name, *name_zh, *rule;
    account_kind_t kind;
    holder_t holder;
    const char *in_rule, *out_rule; // why nothing else than what is listed comes in or goes out; NULL: not said
} fund_account_t;

typedef struct fund_move {               // the first that fits decides
    uint32_t from_accounts, to_accounts; // bits
    uint32_t funds;                      // bits; 0: every fund
    date_t from, to;
    bool refused;
    const char *matched_rule; // names the account of the same fund; NULL: not said
    const char *rule;
} fund_move_t;

typedef enum due_kind {
    DUE_NONE,     // promptly; no day
    DUE_WORKDAY,  // working days `first` … `last` of the month (1 the first, −1 the last)
    DUE_DAY,      // `day` of the month
    DUE_YEAR_DAY, // month × 100 + day, `first` … `last`, `after` years later
    DUE_DATE,     // `last`, or `date` as a number
    DUE_WORKDAYS, // `after` working days after step `last` of the flow
    DUE_CYCLE,    // point `last` of the cash cycle
    DUE__COUNT
} due_kind_t;

typedef struct fund_due {
    due_kind_t kind;
    int32_t first, last;
    uint8_t after;
    month_day_t day;
    ref_t date; // REF_NONE: `last`
} fund_due_t;

typedef struct fund_comparison {
    compared_t source;
    uint32_t accounts; // that keep money of the fund, as bits; 0: of COMPARED_BUSINESS
} fund_comparison_t;

typedef struct fund_step {
    const char *name, *rule;
    uint8_t actor;
    int8_t receiver, from_account, to_account; // −1: none
    const char *document;                      // "": none
    fund_due_t due;
    guard_t guard;
    ref_t guard_count;                 // months of GUARD_MONTHS_COVERED
    ref_t share;                       // of GUARD_SHARE; REF_NONE elsewhere
    const fund_comparison_t *compares; // of GUARD_BOOKS_AGREE: all of them must agree
    uint32_t compare_count;
    bool unassigned; // moves, once and not by county, what no county holds of an account of counties
    bool approves;   // from here on the figures that the flow keeps hold, and are locked
} fund_step_t;

typedef struct fund_flow {
    const char *name, *name_zh, *rule;
    every_t every;
    keeps_t keeps;
    bool for_next; // it is about the month or year after the one that it is named by
    date_t from, to;
    const fund_step_t *steps;
    uint32_t step_count;
} fund_flow_t;

typedef struct fund_actor {
    const char *name, *name_zh;
    bool county; // there is one in each county
} fund_actor_t;

// Which fund and account the ledger books what under (`books`).
typedef struct fund_book {
    const char *const *words; // items of contributions or layers of benefits
    uint32_t word_count;
    uint32_t identities, payers; // bits; payers of contributions only
    const char *fund;
    int8_t account; // that receipts come into; −1 for benefits
    const char *rule;
} fund_book_t;

typedef struct fund_allotment { // what one fund gives another by law
    const char *name, *from, *to, *rule;
} fund_allotment_t;

typedef struct fund_books {
    const fund_book_t *contributions, *benefits;
    const fund_item_t *others; // money settled on the same bill that is not the pool's
    const fund_allotment_t *allotments;
    uint32_t contribution_count, benefit_count, other_count, allotment_count;
    const char *personal_fund, *personal_from, *personal_rule; // "" without personal accounts
    int8_t held_account, pays_from, pays_to;                   // places in `accounts`
    const char *held_rule, *pays_rule;
} fund_books_t;

typedef struct fund_rules {
    const char *rule;
    date_t from; // collected and spent in one from this day on
    const fund_item_t *funds;
    const fund_actor_t *actors;
    const fund_account_t *accounts;
    const fund_move_t *moves;
    const fund_flow_t *flows;
    uint32_t fund_count, actor_count, account_count, move_count, flow_count;
    const char *between_funds_rule; // why money stays in its fund; NULL: not said
    uint32_t ledgers_by;            // bits of ledger_key_t: what the books are kept by
    const char *ledger_rules[LEDGER_KEY__COUNT];
    const fund_books_t *books; // NULL: not said
} fund_rules_t;

// Money of the fund lies in the account: not of a government's own money, and not with somebody outside.
bool account_keeps_money(account_kind_t kind);
// The row that books an item of a contribution, or a layer of a benefit; NULL when there is none. Identities and payers
// by name, as events have them.
const fund_book_t *book_of_contribution(const fund_books_t *books, const char *item, const char *identity,
                                        const char *payer);
const fund_book_t *book_of_benefit(const fund_books_t *books, const char *layer, const char *identity);
const fund_allotment_t *allotment_named(const fund_books_t *books, const char *name);
