// See agency_session.h. The ROUTER is mandatory: a peer that has gone and a peer whose queue is full are told apart.
#include "agency_session.h"
#include "common/base/date.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LOG_NAME "settlement"

agency_session_t *agency_session_new(const agency_peer_t *peer, const grant_t *grant) {
    agency_session_t *session = calloc(1, sizeof *session);
    if (!session) return NULL;
    session->peer = *peer;
    session->grant = *grant;
    return session;
}

static void drop_frame(agency_session_t *session) {
    if (session->waiting) zmq_msg_close(&session->frame);
    session->waiting = false;
    session->frame_events = 0;
}

void agency_session_destroy(agency_session_t **session) {
    if (!*session) return;
    drop_frame(*session);
    free(*session);
    *session = NULL;
}

// ---- one frame

static bool make_frame(zmq_msg_t *frame, const Tc__Agency__FromDoor *message) {
    const size_t bytes = protobuf_c_message_get_packed_size(&message->base);
    if (zmq_msg_init_size(frame, bytes) != 0) return false;
    protobuf_c_message_pack(&message->base, zmq_msg_data(frame));
    return true;
}

// 0, or the errno of a frame that is still the caller's. The peer's id decides whether there is room; the frame after
// it belongs to the same message and is not refused.
static int send_frame(void *router, const agency_peer_t *peer, zmq_msg_t *frame) {
    if (zmq_send(router, peer->id, peer->bytes, ZMQ_SNDMORE | ZMQ_DONTWAIT) < 0) return errno;
    return zmq_msg_send(frame, router, ZMQ_DONTWAIT) < 0 ? EHOSTUNREACH : 0;
}

void agency_session_retry(agency_session_t *session, void *router) {
    if (!session->waiting) return;
    const int failed = send_frame(router, &session->peer, &session->frame);
    if (failed == EAGAIN || failed == EINTR) return;
    if (failed) { // the peer has gone
        session->gone = true;
        return;
    }
    session->waiting = false;
    session->gone = session->ending;
    session->spoken_us = clock_mono_us();
    if (!session->frame_events) return;
    session->sequence += session->frame_events;
    session->credit -= session->frame_events;
    session->frame_events = 0;
    memcpy(session->position, session->frame_position, sizeof session->position);
}

static void say(agency_session_t *session, void *router, const Tc__Agency__FromDoor *message) {
    drop_frame(session);
    if (!make_frame(&session->frame, message)) {
        session->gone = true; // without memory: it comes back and goes on where it was
        return;
    }
    session->waiting = true;
    agency_session_retry(session, router);
}

// ---- words

static void fill_position(Tc__Agency__Position *out, const int64_t numbers[PARTITIONS]) {
    tc__agency__position__init(out);
    out->log = (char *)LOG_NAME;
    out->number = (int64_t *)(uintptr_t)numbers; // only read
    out->n_number = PARTITIONS;
}

// The words of a list, or "all".
static size_t list_words(const grant_list_t *list, char *words[GRANT_WORDS_MAX]) {
    static char all[] = "all";
    size_t count = 0;
    if (list->all) words[count++] = all;
    for (size_t i = 0; !list->all && i < list->count; i++) words[count++] = (char *)(uintptr_t)list->word[i];
    return count;
}

void agency_say_welcome(agency_session_t *session, void *router, const int64_t heads[PARTITIONS]) {
    Tc__Agency__FromDoor message = TC__AGENCY__FROM_DOOR__INIT;
    Tc__Agency__Welcome welcome = TC__AGENCY__WELCOME__INIT;
    Tc__Agency__Grant grant = TC__AGENCY__GRANT__INIT;
    Tc__Agency__Position head;
    char *topics[GRANT_WORDS_MAX], *counties[GRANT_WORDS_MAX], *funds[GRANT_WORDS_MAX], *fields[8];
    grant.topics = topics, grant.n_topics = list_words(&session->grant.topics, topics);
    grant.counties = counties, grant.n_counties = list_words(&session->grant.counties, counties);
    grant.funds = funds, grant.n_funds = list_words(&session->grant.funds, funds);
    grant.fields = fields;
    for (unsigned bit = 1; grant_field_name(bit); bit <<= 1)
        if (session->grant.fields & bit) fields[grant.n_fields++] = (char *)(uintptr_t)grant_field_name(bit);
    fill_position(&head, heads);
    welcome.name = session->grant.name;
    welcome.grant = &grant;
    welcome.head = &head;
    welcome.beat_ms = AGENCY_BEAT_MS;
    message.message_case = TC__AGENCY__FROM_DOOR__MESSAGE_WELCOME;
    message.welcome = &welcome;
    say(session, router, &message);
}

void agency_say_events(agency_session_t *session, void *router, Tc__Agency__Event *const *events, size_t count,
                       const int64_t position[PARTITIONS]) {
    Tc__Agency__FromDoor message = TC__AGENCY__FROM_DOOR__INIT;
    Tc__Agency__Events body = TC__AGENCY__EVENTS__INIT;
    Tc__Agency__Position after;
    CHECK(!session->waiting && count > 0 && count <= session->credit);
    fill_position(&after, position);
    body.event = (Tc__Agency__Event **)(uintptr_t)events;
    body.n_event = count;
    body.position = &after;
    message.message_case = TC__AGENCY__FROM_DOOR__MESSAGE_EVENTS;
    message.events = &body;
    if (!make_frame(&session->frame, &message)) {
        session->gone = true;
        return;
    }
    session->waiting = true;
    session->frame_events = (uint32_t)count;
    memcpy(session->frame_position, position, sizeof session->frame_position);
    agency_session_retry(session, router);
}

void agency_say_beat(agency_session_t *session, void *router) {
    Tc__Agency__FromDoor message = TC__AGENCY__FROM_DOOR__INIT;
    Tc__Agency__Beat beat = TC__AGENCY__BEAT__INIT;
    Tc__Agency__Position position;
    CHECK(!session->waiting);
    fill_position(&position, session->position);
    beat.position = &position;
    message.message_case = TC__AGENCY__FROM_DOOR__MESSAGE_BEAT;
    message.beat = &beat;
    session->spoken_us = clock_mono_us();
    say(session, router, &message);
    drop_frame(session); // it has no room: the next beat says more
}

void agency_say_revoked(agency_session_t *session, void *router, const char *text) {
    Tc__Agency__FromDoor message = TC__AGENCY__FROM_DOOR__INIT;
    Tc__Agency__Revoked revoked = TC__AGENCY__REVOKED__INIT;
    revoked.text = (char *)(uintptr_t)text;
    message.message_case = TC__AGENCY__FROM_DOOR__MESSAGE_REVOKED;
    message.revoked = &revoked;
    session->ending = true;
    say(session, router, &message);
}

static void fill_refused(Tc__Agency__FromDoor *message, Tc__Agency__Refused *refused,
                         Tc__Agency__Refused__Reason reason, const char *text) {
    tc__agency__from_door__init(message);
    tc__agency__refused__init(refused);
    refused->reason = reason;
    refused->text = (char *)(uintptr_t)text;
    message->message_case = TC__AGENCY__FROM_DOOR__MESSAGE_REFUSED;
    message->refused = refused;
}

void agency_say_refused(agency_session_t *session, void *router, Tc__Agency__Refused__Reason reason, const char *text) {
    Tc__Agency__FromDoor message;
    Tc__Agency__Refused refused;
    fill_refused(&message, &refused, reason, text);
    session->ending = true;
    say(session, router, &message);
}

void agency_turn_away(const agency_peer_t *peer, void *router, Tc__Agency__Refused__Reason reason, const char *text) {
    Tc__Agency__FromDoor message;
    Tc__Agency__Refused refused;
    zmq_msg_t frame;
    fill_refused(&message, &refused, reason, text);
    if (!make_frame(&frame, &message)) return;
    if (send_frame(router, peer, &frame) != 0) zmq_msg_close(&frame);
}
