#include "bill_rows.h"
#include <string.h>

static const char book[] = "bills", account_kind[] = "account";

static int change(const Tc__Decision *decision, const char *layer, fen_t now, fen_t before, rows_t *changes,
                  err_t *err) {
    fen_t amount;
    if (fen_sub(now, before, &amount)) return err_field(err, E_OUT_OF_RANGE, "paid", "an amount is out of range");
    return standing_change(changes, book, decision->input->to, decision->facility, layer, decision->bill, amount, err);
}

int digests_of_decision(const Tc__Decision *decision, rows_t *changes, err_t *err) {
    const Tc__Previous *before = decision->previous;
    int rc = E_OK;
    if (strcmp(decision->kind, "tombstone") == 0) return E_OK;
    if (!decision->input) return err_field(err, E_MISSING_FIELD, "input", "the bill of a decision is missing");
    for (size_t i = 0; !rc && i < decision->n_paid; i++)
        rc = change(decision, decision->paid[i]->name, decision->paid[i]->amount_fen, 0, changes, err);
    for (size_t i = 0; !rc && before && i < before->n_paid; i++)
        rc = change(decision, before->paid[i]->name, 0, before->paid[i]->amount_fen, changes, err);
    if (!rc) rc = change(decision, account_kind, decision->account_fen, before ? before->account_fen : 0, changes, err);
    return rc;
}
