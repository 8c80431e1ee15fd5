// The instances that publish a service's stream: asks the broker's directory over and over, without waiting, and keeps
// a SUB and a DEALER to each of them. An instance that is listed with other endpoints is connected anew at once; one
// that is no longer listed and silent is dropped, so that a broker that has just started does not cut anybody off.
#pragma once
#include "common/base/arena.h"
#include "common/wire/client.h"
#include "frame.h"
#include <zmq.h>

#define SOURCES_MAX 32

typedef struct source {
    char instance[65], key_name[65], live_endpoint[257], replay_endpoint[257];
    void *live, *replay; // SUB, DEALER
    int64_t listed_ms, heard_ms;
    zmq_msg_t pack; // from `live`, while `packed`; what stands before `pack_at` was taken
    size_t pack_at;
    bool packed;
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

// The next message; one of several frames, which is nothing of ours, comes as an empty one.
bool source_receive(void *socket, zmq_msg_t *frame);                 // false: nothing there
void source_open_pack(source_t *source, zmq_msg_t *pack, size_t at); // takes the message; none may be open
void source_drop_pack(source_t *source);
