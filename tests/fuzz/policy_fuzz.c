// Any bytes as a policy: the first byte says whether they are read as YAML (the city), as an overlay over a sound city,
// or as the packed form. What is accepted must survive a round of packing with its hash, and answer a bill whole.
#include "services/adjudication/benefit.h"
#include "services/collection/contribution.h"
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const sound =
    "city: t\nname: T\nname_zh: T\nstatus: seed\nidentities: [employee, resident]\ndivisions: {990101: E}\n"
    "layers: [{name: basic, fund: basic, rule: R}]\ntotals: [paid, base]\n"
    "options: {o: {choices: [\"true\", \"false\"], source: s}}\n"
    "parameters: {line: {unit: money, rule: R, text: t, text_zh: t, values: [{from: 2020-01-01, value: 1, source: "
    "s}]}}\n"
    "coverage: {lag: {months: 1, rule: R}, grace: {months: 3, rule: R}}\n"
    "rules: {R: {source: s, text: t, text_zh: t}}\n";

static void ask(const policy_t *policy) {
    benefit_result_t result;
    contribution_result_t due;
    err_t err;
    for (int identity = 0; identity < IDENTITY__COUNT; identity++) {
        benefit_bill_t bill = {.identity = (identity_t)identity,
                               .covered = true,
                               .designated = true,
                               .months_tier1 = 30,
                               .from = date_make(2020, 2, 1),
                               .to = date_make(2020, 2, 2),
                               .total = 123456789,
                               .in_scope = 12345678};
        if (benefit_eval(policy, &bill, NULL, true, &result, &err) == E_OK)
            CHECK(result.fund + result.person == bill.total);
        contribution_person_t person = {
            .identity = (identity_t)identity, .wage = 500000, .birth = date_make(1980, 1, 1)};
        (void)!contribution_month(policy, &person, month_make(2020, 2), &due, &err);
        (void)!contribution_year(policy, &person, 2020, &due, &err);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    policy_t *policy = NULL, *again = NULL;
    err_t err;
    if (size == 0) return 0;
    const char *text = (const char *)data + 1;
    policy_text_t texts[] = {{"city", sound, strlen(sound)}, {"overlay", text, size - 1}};
    int rc;
    if (data[0] % 3 == 0)
        rc = policy_parse(&policy, &texts[1], 1, &err);
    else if (data[0] % 3 == 1)
        rc = policy_parse(&policy, texts, 2, &err);
    else
        rc = policy_unpack(&policy, data + 1, size - 1, &err);
    CHECK((rc == E_OK) == (policy != NULL));
    if (rc) return 0;
    size_t bytes;
    const void *packed = policy_packed(policy, &bytes);
    CHECK(policy_unpack(&again, packed, bytes, &err) == E_OK);
    CHECK(strcmp(policy_hash(policy), policy_hash(again)) == 0);
    ask(policy);
    policy_destroy(&again);
    policy_destroy(&policy);
    return 0;
}
