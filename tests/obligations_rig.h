// What public money owes for a year, asked twice: of the sums that are kept, and of the bills alone. Both must say the
// same, whatever was done to bills before.
#pragma once
#include "collection.pb-c.h"
#include "tests/service_rig.h"

static inline const Tc__Obligations *rig_obligations(rig_t *collection, int year) {
    err_t err = {0};
    RIG_DO(collection, "get_obligations", "{'year':%d}", year);
    char *kept = strdup(rig_reply(collection));
    NEED(kept != NULL);
    NEED(store_exec(collection->ctx.store, "DELETE FROM public_sum", NULL, 0, &err) == E_OK);
    RIG_DO(collection, "get_obligations", "{'year':%d}", year);
    EQ_TEXT(kept, rig_reply(collection));
    free(kept);
    return (const Tc__Obligations *)collection->reply;
}
