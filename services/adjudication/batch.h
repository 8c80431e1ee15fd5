// What settle and quote share: bills unpacked and checked, entitlement and facility of each, heads of their chains, and
// the one decision. Bills of one person and year share a chain, so that several in one batch follow each other in
// memory. A bill that cannot be decided is refused by itself, with the field at fault; the others go on.
#pragma once
#include "adjudication.h"
#include "textmap.h"

typedef struct chain {
    const char *person;
    int year;
    uint32_t partition;
    const Tc__Entitlement *entitlement; // NULL: none, and `refusal` says why
    int refusal;
    bool head_known;
    head_t head; // as stored
    head_t next; // after the bills decided so far
} chain_t;

typedef enum item_state { ITEM_OPEN, ITEM_DECIDED, ITEM_TWIN, ITEM_ANSWERED } item_state_t;

typedef struct item {
    const request_t *request;
    const Tc__Bill *bill;
    benefit_bill_t input;
    entitled_t entitled;
    chain_t *chain;
    item_state_t state;
    uint8_t digest[SHA256_BYTES]; // settle only
    const void *body;             // decided: the packed Decision
    size_t body_bytes;
} item_t;

typedef struct batch {
    adjudication_t *on;
    item_t *items;
    size_t count;
    chain_t *chains;
    size_t chain_count;
    textmap_t chain_map;
    int64_t now_ms;
    bool settling; // refusals count among the bills of settle
} batch_t;

// Unpack and check the requests. E_IO when the arena is used up: then nobody was answered and `items` is NULL.
int batch_take(batch_t *batch, adjudication_t *on, const request_t *const *requests, size_t count, bool settling,
               err_t *err) MUST_USE;
// The place of a bill by the register, as of the day it ended. E_UNAVAILABLE, E_NOT_FOUND (field "facility").
int batch_place(const adjudication_t *on, const Tc__Bill *bill, benefit_bill_t *input, err_t *err) MUST_USE;
// The item's `entitled` and `input` by the entitlement of its chain. E_UNSUPPORTED where the city has no such rules.
int batch_entitle_one(const policy_t *policy, item_t *item, err_t *err) MUST_USE;
// Entitlements of all chains: from the cache in one round trip, what is missing by one command to collection. E_IO as
// above.
int batch_entitle(batch_t *batch, err_t *err) MUST_USE;
// The heads that the open ones of `items` need and are not known yet, from memory when `trust_memory`, else from the
// store.
int batch_read_heads(batch_t *batch, item_t *const *items, size_t count, bool trust_memory, err_t *err) MUST_USE;
// Decide one bill on `before`; `seq` 0 for a quote. Fills the item's body and, when asked, the head after it.
int batch_decide(batch_t *batch, item_t *item, const head_t *before, int64_t seq, head_t *after, err_t *err) MUST_USE;
void batch_refuse(batch_t *batch, item_t *item, int code, const err_t *err);
void batch_refuse_open(batch_t *batch, int code, const err_t *err);
