// Plans kept between bills: a table with open addressing at most half full, over one block of memory that is filled
// from its start. When either is full everything is forgotten, so it never grows and never asks for memory.
#include "plan.h"
#include <stdlib.h>

enum {
    SLOT_BITS = 12,
    SLOTS = 1 << SLOT_BITS,
    PLANS_MAX = SLOTS / 2,
    PLAN_BYTES = 1024,
    ROOM = PLANS_MAX * PLAN_BYTES,
    ALIGN = 16
};

typedef struct slot {
    plan_key_t key;
    date_t from, to;    // of the plan
    const plan_t *plan; // NULL: free
} slot_t;

struct benefit_memo {
    uint64_t policy; // whose plans these are
    size_t count, used;
    slot_t slots[SLOTS];
    _Alignas(ALIGN) uint8_t room[ROOM];
};

benefit_memo_t *benefit_memo_new(void) {
    benefit_memo_t *memo = aligned_alloc(_Alignof(benefit_memo_t), sizeof *memo);
    if (memo) memset(memo, 0, offsetof(benefit_memo_t, room));
    return memo;
}

void benefit_memo_destroy(benefit_memo_t **memo) {
    free(*memo);
    *memo = NULL;
}

static void forget(benefit_memo_t *memo, uint64_t policy) {
    memo->policy = policy;
    memo->count = memo->used = 0;
    memset(memo->slots, 0, sizeof memo->slots);
}

static size_t place_of(const plan_key_t *key, date_t on) {
    // A year has plans of its own, so that bills of two stretches do not walk over each other's.
    const uint64_t first = (key->words[0] ^ (uint64_t)(on >> 8)) * UINT64_C(0x9e3779b97f4a7c15);
    return (size_t)((first + key->words[1] * UINT64_C(0xff51afd7ed558ccd)) >> (64 - SLOT_BITS));
}

static bool same_key(const plan_key_t *a, const plan_key_t *b) {
    return ((a->words[0] ^ b->words[0]) | (a->words[1] ^ b->words[1])) == 0;
}

const plan_t *memo_find(benefit_memo_t *memo, const policy_t *policy, const plan_key_t *key, date_t on) {
    if (memo->policy != policy->serial) {
        forget(memo, policy->serial);
        return NULL;
    }
    for (size_t at = place_of(key, on); memo->slots[at].plan; at = (at + 1) % SLOTS) {
        const slot_t *slot = &memo->slots[at];
        if (same_key(&slot->key, key) && on >= slot->from && on <= slot->to) return slot->plan;
    }
    return NULL;
}

static void *copy_into(benefit_memo_t *memo, const void *from, size_t bytes) {
    void *to = memo->room + memo->used;
    memcpy(to, from, bytes);
    memo->used += (bytes + ALIGN - 1) / ALIGN * ALIGN;
    return to;
}

const plan_t *memo_keep(benefit_memo_t *memo, const plan_key_t *key, date_t on, const plan_room_t *room) {
    const plan_t *from = &room->plan;
    if (memo->count == PLANS_MAX || ROOM - memo->used < sizeof *room + 5 * (size_t)ALIGN) forget(memo, memo->policy);
    plan_t *plan = copy_into(memo, from, offsetof(plan_t, turns) + from->turn_count * sizeof from->turns[0]);
    plan->pieces = copy_into(memo, room->pieces, from->piece_count * sizeof room->pieces[0]);
    plan->rules = copy_into(memo, room->rules, from->turn_count * sizeof room->rules[0]);
    plan->marks = copy_into(memo, room->marks, from->mark_count * sizeof room->marks[0]);
    size_t at = place_of(key, on);
    while (memo->slots[at].plan) at = (at + 1) % SLOTS;
    memo->slots[at] = (slot_t){*key, plan->from, plan->to, plan};
    memo->count++;
    return plan;
}
