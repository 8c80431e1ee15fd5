// Bills that were being decided while a change that they should have seen was told: their turn read the old state and
// commits after touched_entitlements() looked for bills. So whoever an event named is looked for once more, when every
// turn of that moment has ended; what was decided meanwhile is recomputed, which changes nothing where nothing is to be
// changed. In memory: a leader that takes over begins with all that was decided a moment ago. A turn that lasts longer
// than SECOND_LOOK_MS asks for its own bills (settle.c).
#pragma once
#include "common/store/store.h"
#include "common/stream/stream.h"

enum {
    SECOND_LOOK_MS = 5000, // after it no turn of then is under way
    // Turns in question began at most so long before the event was heard, and not after it: those read the new state
    // (collection tells an event when no copy of the old one is believed any more). Hosts' clocks differ a little.
    SECOND_LOOK_BEFORE_MS = 6000,
    SECOND_LOOK_AFTER_MS = 500,
    SECOND_LOOK_LEADER_MS = 20000, // before a new leader began: what one who died may have left
    // Whom it takes SECOND_LOOK_MS to forget: what bounds the following of entitlements, to 50,000 a second. 20 MiB
    // when full; memory that is not needed is not touched.
    SECOND_LOOK_ROOM = 1 << 18
};

typedef struct second_look second_look_t;

// By who begins to lead: what was decided while nobody may have noted is asked for SECOND_LOOK_MS later.
int second_look_new(second_look_t **out, int64_t now_ms, err_t *err) MUST_USE;
void second_look_destroy(second_look_t **look);
// Is there room for `count` events? If not, they have to wait for second_look_take().
bool second_look_has_room(const second_look_t *look, size_t count);
// The persons of `events` (entitlement.changed; other topics are passed over) were named now. To be called when the
// effect is committed or before; noting twice is harmless.
int second_look_note(second_look_t *look, const event_t *events, size_t count, int64_t now_ms, arena_t *arena,
                     err_t *err) MUST_USE;
// Ask for what was decided about those named long enough ago. *moved: there may be more at once.
int second_look_take(second_look_t *look, store_t *store, arena_t *arena, int64_t now_ms, bool *moved,
                     err_t *err) MUST_USE;
