// The instances that publish a service's stream: asks the broker's directory over and over, without waiting, and keeps
// a SUB and a DEALER to each of them. An instance that is listed with other endpoints is connected anew at once; one
// that is no longer listed and silent is dropped, so that a broker that has just started does not cut anybody off.
#pragma once
#include "common/base/arena.h"
#include "common/wire/client.h"
#include "frame.h"
#include <zmq.h>

#define SOURCES_MAX 32

typedef struct open_pack {
    zmq_msg_t message;
    size_t at; // what stands before it was taken
    bool open;
} open_pack_t;

typedef struct source {
    char instance[65], key_name[65], live_endpoint[257], replay_endpoint[257];
    void *live, *replay;    // SUB, DEALER
    int32_t replay_version; // of asks that it reads, see frame.h
    int64_t listed_ms, heard_ms;
    int64_t answered_ms;      // heard of last on `replay`
    open_pack_t pack, answer; // from `live` and `replay`, while they are open
    frame_answer_t rest;      // the head of `answer`; its number is that of the next event
} source_t;

typedef struct sources {
    void *context;
    const keys_t *keys;
    char service[FRAME_SERVICE_MAX + 1];
    client_t *client;
    arena_t *arena;
    bool asking;
    int64_t ask_at_ms;
    int64_t complained_ms;
    source_t items[SOURCES_MAX];
    size_t count;
    size_t turn; // which one is asked for replays
} sources_t;

int sources_open(sources_t *sources, const client_conf_t *client, const char *service, err_t *err) MUST_USE;
void sources_close(sources_t *sources);
void sources_tick(sources_t *sources, int64_t now_ms);
source_t *sources_for_replay(sources_t *sources, int64_t now_ms); // NULL when there is none
// The source whose socket for replays this is; NULL when it is gone.
const source_t *sources_with(const sources_t *sources, const void *replay);

// The next message; one of several frames, which is nothing of ours, comes as an empty one.
bool source_receive(void *socket, zmq_msg_t *frame);                     // false: nothing there
void source_open_pack(open_pack_t *pack, zmq_msg_t *message, size_t at); // takes the message; none may be open
void source_drop_pack(open_pack_t *pack);
