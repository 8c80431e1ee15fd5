#include "counting.h"
#include "common/base/hash.h"
#include <stdlib.h>
#include <string.h>

enum { BLOCK_BYTES = 1 << 20, LIMIT_BYTES = 64 << 20 };

struct counting {
    arena_t *arena;
    const counting_kind_t *kind; // NULL: nothing is being counted
    char question[COUNTING_QUESTION_MAX];
    void *state;
    int64_t next, asked_us; // the next partition; when somebody last asked
};

static int out_of_memory(err_t *err) { return err_set(err, E_IO, "out of memory"); }

static bool is_same(const counting_t *counting, const counting_kind_t *kind, const char *question) {
    return counting->kind == kind && strcmp(counting->question, question) == 0;
}

static int begin(collection_t *c, counting_t *counting, const counting_kind_t *kind, const char *question,
                 const void *ask, err_t *err) {
    CHECK(strlen(question) < sizeof counting->question);
    arena_reset(counting->arena);
    counting->kind = NULL;
    int rc = kind->begin(c, ask, counting->arena, &counting->state, err);
    if (rc) return rc;
    counting->kind = kind;
    counting->next = 0;
    snprintf(counting->question, sizeof counting->question, "%s", question);
    return 0;
}

static int slice(counting_t *counting, int64_t slice_us, err_t *err) {
    const int64_t from_us = clock_mono_us();
    int rc = 0;
    do {
        rc = counting->kind->part(counting->state, counting->next++, err);
    } while (rc == 0 && counting->next < PARTITIONS && clock_mono_us() - from_us < slice_us);
    if (rc == 0 && counting->kind->rest) rc = counting->kind->rest(counting->state, err);
    counting->asked_us = clock_mono_us();
    return rc;
}

static int made(counting_t **out, err_t *err) {
    if (*out) return 0;
    counting_t *counting = calloc(1, sizeof *counting);
    if (!counting || !(counting->arena = arena_new(BLOCK_BYTES, LIMIT_BYTES))) {
        free(counting);
        return out_of_memory(err);
    }
    *out = counting;
    return 0;
}

int counting_go_on(collection_t *c, const counting_kind_t *kind, const char *question, const void *ask, void **state,
                   err_t *err) {
    int rc = made(&c->counting, err);
    if (rc) return rc;
    counting_t *counting = c->counting;
    if (counting->kind && !is_same(counting, kind, question)) {
        if (clock_mono_us() - counting->asked_us < c->stale_us)
            return err_field(err, E_BUSY, "count", "%s being counted, %lld of %d parts: ask again when it is done",
                             counting->kind->what, (long long)counting->next, PARTITIONS);
        counting->kind = NULL;
    }
    if (!counting->kind) rc = begin(c, counting, kind, question, ask, err);
    if (rc == 0) rc = slice(counting, c->slice_us, err);
    if (rc == 0 && counting->next < PARTITIONS)
        return err_field(err, E_UNAVAILABLE, "count", "%s being counted, %lld of %d parts so far: ask again",
                         kind->what, (long long)counting->next, PARTITIONS);
    counting->kind = NULL;
    *state = counting->state;
    return rc;
}

void counting_destroy(counting_t **counting) {
    if (!*counting) return;
    arena_destroy(&(*counting)->arena);
    free(*counting);
    *counting = NULL;
}
