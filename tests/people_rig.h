// Enrolment and collection of one city beside each other, through their handlers (tests/service_rig.h); the events of
// one are carried to the other by rig_pump() and the feed.
#pragma once
#include "services/collection/handlers.h"
#include "services/enrollment/handlers.h"
#include "tests/service_rig.h"

// Law and cache (NULL: none) are borrowed until people_close().
static inline void people_open(rig_t *enrollment, rig_t *collection, consumer_effect_t *feed, const policy_t *law,
                               cache_t *cache) {
    err_t err = {0};
    collection_t *self = NULL;
    rig_open(enrollment, &enrollment_service);
    NEED((enrollment->self = enrollment_new(&enrollment->ctx, law)) != NULL);
    rig_open(collection, &collection_service);
    collection->ctx.cache = cache;
    NEED(collection_new(&self, &collection->ctx, law, cache != NULL, &err) == E_OK);
    collection->self = self;
    *feed = collection_feed(self);
}

static inline void people_close(rig_t *enrollment, rig_t *collection) {
    enrollment_t *enrolling = enrollment->self;
    collection_t *collecting = collection->self;
    enrollment_destroy(&enrolling);
    collection_destroy(&collecting);
    rig_close(enrollment);
    rig_close(collection);
}
