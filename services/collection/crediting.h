// Personal accounts (个人账户): a monthly bill that was paid credits the person's account, by the account core; told as
// event account.credited, once per person and month. Law: section `account` of the city file (JM-A-16, JM-A-17: every
// month that is paid, in time or later). What cannot be decided from what is known here is kept as undecided.
#pragma once
#include "desk.h"

typedef struct paid_bill {
    const Tc__ContributionBill *bill;
    const Tc__PersonState *person;
    const char *employer_kind; // NULL without an employer
    const char *receipt;
    const char *paid_on; // of a bill that is being paid (payment.h); crediting does not ask
} paid_bill_t;

// After the bills were marked as paid, in the same transaction. A city without personal accounts: nothing happens.
// `first_paid`: for each bill what renew_decide says of its person; NULL: it is read here.
int crediting_paid(collection_t *c, const paid_bill_t *bills, size_t count, const month_t *first_paid,
                   err_t *err) MUST_USE;
int crediting_unpaid(collection_t *c, const paid_bill_t *bills, size_t count, err_t *err) MUST_USE;
// Months without a bill: person, period and identity are all that such a "bill" says, and its receipt is "". What is
// credited before, or credits nothing, is left alone. `told` (may be NULL) gets what was done.
typedef struct credited {
    size_t months, undecided;
    fen_t amount;
} credited_t;
int crediting_fund(collection_t *c, const paid_bill_t *months, size_t count, credited_t *told, err_t *err) MUST_USE;
