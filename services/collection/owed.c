#include "owed.h"
#include "common/base/hash.h"
#include <stdlib.h>
#include <string.h>

struct owed {
    int year;                    // that is walked over for a booking; 0: none
    bool wanted, whole;          // a booking was refused since the last slice; the walk came by everywhere
    int64_t changes[PARTITIONS]; // when the walk began; of a whole one
    int64_t at_us;               // of the last slice
    err_t err;                   // what it said; E_OK before the first
};

static int made(owed_t **out, err_t *err) {
    if (!*out) *out = calloc(1, sizeof **out);
    return *out ? 0 : err_set(err, E_IO, "out of memory");
}

static void forget_old(owed_t *owed, int64_t stale_us) {
    if (owed->year && clock_mono_us() - owed->at_us >= stale_us) *owed = (owed_t){0};
}

static int begin(owed_t *owed, int year, err_t *err) {
    if (owed->year && owed->year != year && !owed->whole)
        return err_field(err, E_BUSY, "count", "obligations of %d are being counted: ask again when that is done",
                         owed->year);
    *owed = (owed_t){.year = year, .wanted = true, .at_us = clock_mono_us()};
    return err_field(err, E_UNAVAILABLE, "count", "obligations are being counted, 0 of %d parts so far: ask again",
                     PARTITIONS);
}

// Whatever else than "not yet" a slice ran into ends the walk, and is told once.
static int tell(owed_t *owed, err_t *err) {
    const err_t said = owed->err;
    owed->wanted = true;
    if (said.code != E_UNAVAILABLE && said.code != E_BUSY) *owed = (owed_t){0};
    return err_field(err, said.code, said.field, "%s", said.text);
}

// A walk serves one booking: the next one sees the bills as they are then, if it can.
int owed_read(collection_t *c, int year, obligations_t *out, err_t *err) {
    int64_t changes[PARTITIONS];
    bool whole;
    int rc = made(&c->owed, err);
    if (rc) return rc;
    owed_t *owed = c->owed;
    forget_old(owed, c->stale_us);
    if (owed->year == year && !owed->whole && owed->err.code) return tell(owed, err);
    const bool walked = owed->year == year && owed->whole;
    if (walked) {
        memcpy(changes, owed->changes, sizeof changes);
        *owed = (owed_t){0};
    }
    rc = obligations_now(c, year, walked ? changes : NULL, out, &whole, err);
    return rc || whole ? rc : begin(owed, year, err);
}

void owed_go_on(collection_t *c) {
    Tc__GetObligations ask = TC__GET_OBLIGATIONS__INIT;
    obligations_count_t *count;
    owed_t *owed = c->owed;
    if (!owed || !owed->wanted) return;
    ask.year = owed->year;
    owed->wanted = false;
    owed->err = (err_t){0};
    owed->whole = obligations_go_on(c, &ask, &count, &owed->err) == E_OK;
    owed->at_us = clock_mono_us();
    if (owed->whole) memcpy(owed->changes, obligations_changes(count), sizeof owed->changes);
}

void owed_destroy(owed_t **owed) {
    free(*owed);
    *owed = NULL;
}
