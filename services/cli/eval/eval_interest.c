// Kind `interest`: how the interest of one bank account is shared by its ledgers.
#include "kind.h"
#include "services/settlement/interest.h"
#include <stdlib.h>

static const field_t fields[] = {
    {"from", FIELD_DATE, NULL, "first day of the period", NULL, NULL, false, NULL},
    {"to", FIELD_DATE, NULL, "last day of the period, included", NULL, NULL, false, NULL},
    {"amount", FIELD_MONEY, NULL, "the interest to be shared", NULL, NULL, false, NULL},
    {"ledgers", FIELD_LIST, NULL, "at most 1000", NULL, NULL, false, NULL},
    {"ledgers[].name", FIELD_TEXT, NULL, "each another one", NULL, NULL, false, NULL},
    {"ledgers[].balances", FIELD_DATE_MONEY, NULL, "balances from their day on, the first one on `from`, in order",
     NULL, NULL, false, NULL},
};

static int read_ledger(const eval_case_t *c, size_t index, interest_ledger_t *to) {
    const eval_case_t item = case_item(c, "ledgers", index);
    const json_t *pairs = case_node(&item, "balances");
    const size_t count = json_array_size(pairs);
    interest_balance_t *balances = calloc(count + 1, sizeof *balances);
    if (!balances) return err_set(c->err, E_IO, "out of memory");
    for (size_t i = 0; i < count; i++) {
        const json_t *pair = json_array_get(pairs, i);
        CHECK(date_parse(json_string_value(json_array_get(pair, 0)), &balances[i].from) == E_OK);
        CHECK(fen_parse(json_string_value(json_array_get(pair, 1)), false, &balances[i].amount) == E_OK);
    }
    *to = (interest_ledger_t){.name = case_text(&item, "name"), .balances = balances, .balance_count = count};
    return E_OK;
}

static int run(const eval_case_t *c, json_t *answer) {
    const size_t count = case_size(c, "ledgers");
    if (count > INTEREST_LEDGERS_MAX)
        return case_fail(c, E_OUT_OF_RANGE, "ledgers", "more than %d ledgers", INTEREST_LEDGERS_MAX);
    interest_ledger_t *ledgers = calloc(count + 1, sizeof *ledgers);
    if (!ledgers) return err_set(c->err, E_IO, "out of memory");
    int rc = E_OK;
    for (size_t i = 0; i < count && !rc; i++) rc = read_ledger(c, i, &ledgers[i]);
    if (!rc)
        rc = interest_share(c->eval->policy, case_date(c, "from"), case_date(c, "to"), case_money(c, "amount"), ledgers,
                            count, c->err);
    json_t *to = rc ? NULL : answer_object(answer, "interest");
    for (size_t i = 0; i < count && !rc; i++) answer_money(to, ledgers[i].name, ledgers[i].interest);
    for (size_t i = 0; i < count; i++) free((void *)(uintptr_t)ledgers[i].balances);
    free(ledgers);
    return rc;
}

const eval_kind_t kind_interest = {
    .name = "interest",
    .says = "How the interest of one bank account is shared by the ledgers it holds: in proportion to their balances "
            "of each "
            "day, to the fen by largest remainder, the earlier ledger first where two are equal.",
    .fields = fields,
    .field_count = COUNT_OF(fields),
    .run = run,
    .example =
        "{\"id\":\"i1\",\"from\":\"2021-06-21\",\"to\":\"2021-09-20\",\"amount\":\"12345678.90\",\"ledgers\":["
        "{\"name\":\"EMP_POOL\",\"balances\":[[\"2021-06-21\",\"800000000.00\"],[\"2021-07-31\",\"855000000.00\"]]},"
        "{\"name\":\"MATERNITY\",\"balances\":[[\"2021-06-21\",\"25000000.00\"]]}]}",
    .answer = "{\"id\":\"i1\",\"interest\":{\"EMP_POOL\":\"11985152.47\",\"MATERNITY\":\"360526.43\"}}",
};
