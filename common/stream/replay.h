// Answers replays from the log: a ROUTER, a bounded number of events per call, one slice per consumer in turn, so that
// a consumer that rebuilds itself from nothing does not keep the others waiting. Of one consumer's partitions one is
// answered whole before the next, so that it gets long runs. A consumer that does not read its
// answers is passed over (the socket's mark is its bound); one that went away is forgotten.
#pragma once
#include "stream.h"

#define REPLAY_PEERS_MAX 64 // consumers with unfinished requests; past it the answer is REFUSED_BUSY
#define REPLAY_SLICE 64     // events read at once
#define REPLAY_TICK_EVENTS 256
#define REPLAY_TICK_BYTES (4 * 1024 * 1024)
#define REPLAY_TICK_ASKS 256
// Past REPLAY_TICK_EVENTS a call goes on for this part of the time since the last one, so that whoever follows a
// service whose turns are long is not left behind by it.
#define REPLAY_SHARE 5
#define REPLAY_SHARE_MAX_US 25000

typedef struct replay replay_t;

int replay_new(replay_t **out, void *router, store_t *store, const char *service, const stream_log_t *log,
               err_t *err) MUST_USE; // everything is borrowed
void replay_destroy(replay_t **replay);
// Take requests and serve some. Returns 1 when there is more to do at once.
int replay_tick(replay_t *replay, int64_t now_ms);
