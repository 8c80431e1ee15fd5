#include "founding.h"
#include "common/base/ids.h"
#include <stdio.h>

// 0 when the suite takes it.
#define TRY(...) (running_callf(running, &err, __VA_ARGS__) ? 0 : -1)

int found_hospital(running_t *running, const char *from, const char *until) {
    err_t err;
    int rc = TRY("facility", "register_facility",
                 "{\"facility\":\"H99000100001\",\"name\":\"示例医院\",\"kind\":\"hospital\",\"level\":\"2\","
                 "\"division\":\"440703\"}");
    if (!rc)
        rc = TRY("facility", "sign_agreement",
                 "{\"facility\":\"H99000100001\",\"agreement\":\"A1\",\"from\":\"%s\",\"until\":\"%s\"}", from, until);
    return rc;
}

int found_employer(running_t *running) {
    err_t err;
    return TRY("enrollment", "register_employer",
               "{\"employer\":\"E1\",\"uscc\":\"91990001MA0000001%c\",\"name\":\"示例单位\",\"kind\":\"enterprise\","
               "\"division\":\"440703\"}",
               uscc_check_char("91990001MA0000001"));
}

int found_person(running_t *running, const char *person, int serial, const char *spell) {
    char body[32];
    err_t err;
    snprintf(body, sizeof body, "99000119800101%03d", serial);
    int rc = TRY("enrollment", "register_person",
                 "{\"person\":\"%s\",\"citizen_id\":\"%s%c\",\"name\":\"示例%d\",\"division\":\"440703\"}", person,
                 body, citizen_id_check_char(body), serial);
    if (!rc) rc = TRY("enrollment", "open_spell", "{\"person\":\"%s\",\"from_month\":\"2018-01\",%s}", person, spell);
    return rc;
}

int pay_due(running_t *running, const char *receipt, const char *kind, const char *payer, const char *period,
            const char *paid_on) {
    char amount[32];
    err_t err;
    const json_t *due =
        running_callf(running, &err, "collection", "get_due", "{\"%s\":\"%s\",\"period\":\"%s\"}", kind, payer, period);
    if (!due) return -1;
    snprintf(amount, sizeof amount, "%s", running_text(due, "amount"));
    return TRY("collection", "receive",
               "{\"receipt\":\"%s\",\"%s\":\"%s\",\"period\":\"%s\",\"amount\":\"%s\",\"paid_on\":\"%s\"}", receipt,
               kind, payer, period, amount, paid_on);
}
