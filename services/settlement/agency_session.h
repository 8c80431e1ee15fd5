// One subscriber at the door: who it is, how far it has come, how much it may be sent. What is on its way to it is
// bounded three ways: by its credit, by the socket's mark, and by the one frame that waits here when the socket takes
// no more. Nothing ever blocks, and a subscriber that does not read costs one failed send a turn.
#pragma once
#include "agency.pb-c.h"
#include "common/base/hash.h"
#include "grants.h"
#include <zmq.h>

enum {
    AGENCY_VERSION = 1,
    AGENCY_CREDIT_MAX = 4096,
    AGENCY_BEAT_MS = 2000,
    AGENCY_PEER_ID_MAX = 255 // ZMQ's own limit
};

typedef struct agency_peer { // an address on the ROUTER
    size_t bytes;
    uint8_t id[AGENCY_PEER_ID_MAX];
} agency_peer_t;

typedef struct agency_session {
    agency_peer_t peer;
    grant_t grant;       // a copy: who it is, and what is theirs
    grant_list_t wanted; // of the granted topics; empty: all
    int64_t position[PARTITIONS];
    uint64_t sequence; // of the last event sent
    uint32_t credit;
    uint32_t turn; // the partition to begin with
    bool waiting;  // `frame` waits for room; what it moves follows when it is gone
    bool ending;   // `frame` is the last word
    bool gone;     // the peer is not there any more, or has had the last word
    zmq_msg_t frame;
    int64_t frame_position[PARTITIONS];
    uint32_t frame_events;
    int64_t spoken_us; // when something was sent last
} agency_session_t;

agency_session_t *agency_session_new(const agency_peer_t *peer, const grant_t *grant); // NULL: out of memory
void agency_session_destroy(agency_session_t **session);

// Each sends one message, or lets it wait. While something waits, only a word that makes it void may be said (Welcome
// after a change of the grant, Revoked, Refused).
void agency_say_welcome(agency_session_t *session, void *router, const int64_t heads[PARTITIONS]);
// `count` events behind which the session stands at `position`.
void agency_say_events(agency_session_t *session, void *router, Tc__Agency__Event *const *events, size_t count,
                       const int64_t position[PARTITIONS]);
void agency_say_beat(agency_session_t *session, void *router); // left out when there is no room
void agency_say_revoked(agency_session_t *session, void *router, const char *text);
void agency_say_refused(agency_session_t *session, void *router, Tc__Agency__Refused__Reason reason, const char *text);
// What waits, once more.
void agency_session_retry(agency_session_t *session, void *router);

// To a peer without a session, best effort.
void agency_turn_away(const agency_peer_t *peer, void *router, Tc__Agency__Refused__Reason reason, const char *text);
