// Kind `surplus`: how an old surplus is handed over.
#include "common/policy/tables.h"
#include "kind.h"
#include "services/settlement/surplus.h"

static const field_t fields[] = {
    {"surplus", FIELD_MONEY, NULL, "the audited sum", NULL, NULL, false, NULL},
    {"provisional", FIELD_MONEY, "", "the figure on which earlier instalments were paid, where they were", NULL, NULL,
     true, NULL},
};

static int run(const eval_case_t *c, json_t *answer) {
    const policy_t *policy = c->eval->policy;
    const fen_t provisional = case_money(c, "provisional");
    surplus_schedule_t out;
    int rc = surplus_schedule(policy, case_money(c, "surplus"), case_has(c, "provisional") ? &provisional : NULL, &out,
                              c->err);
    if (rc) return rc;
    json_t *instalments = answer_list(answer, "instalments"), *steps = answer_list(answer, "steps");
    for (uint32_t i = 0; i < out.count; i++) {
        json_t *item = answer_entry(instalments);
        answer_date(item, "due", policy->surplus->instalments[i].due);
        answer_money(item, "amount", out.amount[i]);
        answer_step(steps, policy, policy->surplus->instalments[i].rule, out.amount[i]);
    }
    return E_OK;
}

const eval_kind_t kind_surplus = {
    .name = "surplus",
    .says =
        "How a county hands over the surplus that it had before the pool. Instalments paid on a provisional figure are "
        "made up for by the last one, so they always add up to the audited sum.",
    .fields = fields,
    .field_count = COUNT_OF(fields),
    .run = run,
    .example = "{\"id\":\"s1\",\"surplus\":\"123456789.01\",\"provisional\":null}",
    .answer =
        "{\"id\":\"s1\",\"instalments\":[{\"due\":\"2019-12-31\",\"amount\":\"61728394.51\"},{\"due\":\"2020-12-31\","
        "\"amount\":\"61728394.50\"}],\"steps\":[…]}",
};
