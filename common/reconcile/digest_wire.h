// Digests and rows as messages, and a side of a comparison that is behind a connection. What arrives is checked: a
// reply that is none of ours is an error, never a wrong comparison.
#pragma once
#include "reconcile.h"
#include "reconcile.pb-c.h"

enum { DIGEST_PAGE_ROWS = 5000 }; // at most so many rows in a message

// From messages. E_INVALID_FIELD says which field. Texts are borrowed from the message.
int bucket_read(const Tc__GetDigests *message, digest_key_t *key, bucket_t *out, err_t *err) MUST_USE;
int bucket_by_read(const char *name, bucket_by_t *out, err_t *err) MUST_USE;
int row_read(const Tc__DigestRow *message, digest_row_t *out, err_t *err) MUST_USE;
// To messages, in the arena; E_IO when memory is out.
int row_write(const digest_row_t *row, arena_t *arena, Tc__DigestRow **out, err_t *err) MUST_USE;
int digest_write(const set_digest_t *digest, arena_t *arena, Tc__SetDigest **out, err_t *err) MUST_USE;
// All buckets as the children of a reply.
int children_write(const buckets_t *buckets, arena_t *arena, Tc__Digests **out, err_t *err) MUST_USE;
// Join the children of a reply.
int children_read(const Tc__Digests *message, buckets_t *out, err_t *err) MUST_USE;

typedef struct remote_side {
    // One question to the other end: its reply, in the arena.
    int (*ask)(void *self, const char *method, const Tc__GetDigests *request,
               const ProtobufCMessageDescriptor *reply_type, ProtobufCMessage **reply, err_t *err);
    void *self;
    const char *book;
    bool whole;
    const digest_key_t *key;
    arena_t *arena;
    traffic_t traffic; // packed bodies of both directions
} remote_side_t;
// For reconcile_side_t, with `self` = a remote_side_t: pages are asked for until the last.
int remote_children(void *self, buckets_t *out, err_t *err);
int remote_rows(void *self, const bucket_t *of, row_list_t *out, err_t *err);
