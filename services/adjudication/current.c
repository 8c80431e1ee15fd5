#include "current.h"
#include "common/base/log.h"
#include "heads.h"
#include "releases.h"
#include "touched.h"
#include <string.h>

void current_init(current_t *current, adjudication_t *core) {
    *current = (current_t){.core = core};
    current->number = metric_gauge("adjudication_policy_release", "", "number of the policy release in force here");
}

int current_policy(current_t *current, int64_t now_ms, bool *changed, err_t *err) {
    adjudication_t *core = current->core;
    release_t newest;
    *changed = false;
    int rc = release_newest(core->store, core->arena, &newest, err);
    if (rc) return rc;
    if (newest.number && strcmp(newest.hash, policy_hash(policies_current(core->policies))) != 0) {
        rc = policies_take(core->policies, core->store, newest.hash, core->arena, err);
        if (rc) return rc;
        heads_clear(core->heads); // their totals stand in the order of the old policy
        *changed = true;
    }
    current->looked_ms = now_ms;
    current->release = newest.number;
    metric_set(current->number, newest.number);
    return current_register(current, err);
}

int current_register(current_t *current, err_t *err) {
    adjudication_t *core = current->core;
    rows_t rows;
    int rc = touched_known_since(core->store, current->stamp, core->arena, &rows, err);
    for (size_t i = 0; !rc && i < rows.count; i++) {
        size_t bytes;
        ProtobufCMessage *message;
        const void *body = row_blob(&rows, i, 1, &bytes);
        rc = message_unpack(&message, &tc__facility_state__descriptor, body, bytes, core->arena, err);
        if (!rc) rc = facilities_apply(core->facilities, (const Tc__FacilityState *)message, err);
        if (!rc) current->stamp = row_i64(&rows, i, 0);
    }
    return rc;
}
