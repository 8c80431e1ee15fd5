// What collection keeps in Redis for adjudication, and when it may be believed.
//
// A copy alone cannot tell that a newer state was committed but did not reach Redis. So collection, the only writer,
// also keeps a lease there, which lives for a second, and renews it only while everything it has committed is in Redis.
// A reader believes a copy only when the lease was there in the same read, and else asks collection. When a state
// cannot be put, collection answers its caller after the last lease has run out: no decision rests on an older state
// than a reply that was given before. See docs/architecture.md.
#pragma once

#define ENTITLEMENT_KEY_PREFIX "ent:" // ent:<person>
#define ENTITLEMENT_LEASE_KEY "lease:entitlement"
enum { ENTITLEMENT_TTL_S = 600, ENTITLEMENT_LEASE_S = 1 };
