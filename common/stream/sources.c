// Connections of a consumer; the rules of coming and going stand in sources.h.
#include "sources.h"
#include "common/base/log.h"
#include "common/base/metrics.h"
#include "common/base/hash.h"
#include "common/wire/lane.h"
#include "common/wire/message.h"
#include "envelope.pb-c.h"
#include <errno.h>
#include <string.h>

#define REFRESH_MS 1000
#define SEARCH_MS 200  // while nobody is known
#define SILENT_MS 3000 // without a beat
#define COMPLAIN_MS 30000
#define LIVE_MARK 512
#define REPLAY_MARK 4096

bool source_receive(void *socket, zmq_msg_t *frame) {
    zmq_msg_init(frame);
    if (zmq_msg_recv(frame, socket, ZMQ_DONTWAIT) < 0) {
        zmq_msg_close(frame);
        return false;
    }
    if (!zmq_msg_more(frame)) return true;
    for (int more = 1; more;) { // a message arrives whole or not at all, so this ends
        zmq_msg_close(frame);
        zmq_msg_init(frame);
        more = zmq_msg_recv(frame, socket, ZMQ_DONTWAIT) >= 0 && zmq_msg_more(frame);
    }
    zmq_msg_close(frame);
    zmq_msg_init(frame);
    return true;
}

void source_open_pack(open_pack_t *pack, zmq_msg_t *message, size_t at) {
    zmq_msg_init(&pack->message);
    zmq_msg_move(&pack->message, message);
    pack->at = at;
    pack->open = true;
}

void source_drop_pack(open_pack_t *pack) {
    if (pack->open) zmq_msg_close(&pack->message);
    pack->open = false;
}

static void source_close(source_t *source) {
    source_drop_pack(&source->pack);
    source_drop_pack(&source->answer);
    if (source->live) zmq_close(source->live);
    if (source->replay) zmq_close(source->replay);
    source->live = source->replay = NULL;
}

static int open_socket(void **out, const sources_t *sources, int type, const source_t *source, err_t *err) {
    const unsigned lane = lane_of(hash64(source->instance, strlen(source->instance), 0));
    int linger = 0, mark = type == ZMQ_SUB ? LIVE_MARK : REPLAY_MARK;
    *out = zmq_socket(sources->context, type);
    if (!*out) return err_set(err, E_IO, "no socket: %s", zmq_strerror(errno));
    int code = curve_client(*out, sources->keys, source->key_name, err);
    if (code != E_OK) return code;
    if (lane_take(sources->context, *out, lane) != 0 || zmq_setsockopt(*out, ZMQ_LINGER, &linger, sizeof linger) != 0 ||
        zmq_setsockopt(*out, ZMQ_RCVHWM, &mark, sizeof mark) != 0)
        return err_set(err, E_IO, "socket option: %s", zmq_strerror(errno));
    return E_OK;
}

static int source_open(source_t *source, const sources_t *sources, err_t *err) {
    char prefix[FRAME_SERVICE_MAX + 2];
    int prefix_bytes = snprintf(prefix, sizeof prefix, "%s.", sources->service); // the dot: topics are prefixes
    int code = open_socket(&source->live, sources, ZMQ_SUB, source, err);
    if (code == E_OK) code = open_socket(&source->replay, sources, ZMQ_DEALER, source, err);
    if (code != E_OK) return code;
    if (zmq_setsockopt(source->live, ZMQ_SUBSCRIBE, prefix, (size_t)prefix_bytes) != 0 ||
        zmq_connect(source->live, source->live_endpoint) != 0 ||
        zmq_connect(source->replay, source->replay_endpoint) != 0)
        return err_set(err, E_IO, "cannot connect to %s: %s", source->live_endpoint, zmq_strerror(errno));
    return E_OK;
}

// A name that must be cut to fit would lead to another party, so it is not followed.
static bool copy_text(char *out, size_t room, const char *text) {
    int written = snprintf(out, room, "%s", text ? text : "");
    return written > 0 && (size_t)written < room;
}

static bool source_of(source_t *out, const Tc__Presence *presence, int64_t now_ms) {
    *out = (source_t){.listed_ms = now_ms, .heard_ms = now_ms, .replay_version = presence->replay_version};
    return copy_text(out->instance, sizeof out->instance, presence->instance) &&
           copy_text(out->key_name, sizeof out->key_name, presence->key_name) &&
           copy_text(out->live_endpoint, sizeof out->live_endpoint, presence->live_endpoint) &&
           copy_text(out->replay_endpoint, sizeof out->replay_endpoint, presence->replay_endpoint);
}

static bool same_place(const source_t *a, const source_t *b) {
    return strcmp(a->live_endpoint, b->live_endpoint) == 0 && strcmp(a->replay_endpoint, b->replay_endpoint) == 0 &&
           strcmp(a->key_name, b->key_name) == 0;
}

static void drop(sources_t *sources, size_t index, const char *why) {
    log_info("stream_source_left", "service=%s instance=%s why=%s", sources->service,
             log_value(sources->items[index].instance), why);
    source_close(&sources->items[index]);
    source_t *last = &sources->items[--sources->count];
    if (last == &sources->items[index]) return;
    sources->items[index] = *last;
    source_t *moved = &sources->items[index];
    if (last->pack.open) source_open_pack(&moved->pack, &last->pack.message, last->pack.at);
    if (last->answer.open) source_open_pack(&moved->answer, &last->answer.message, last->answer.at);
}

static void complain(sources_t *sources, const char *instance, const char *why, int64_t now_ms) {
    if (sources->complained_ms && now_ms - sources->complained_ms < COMPLAIN_MS)
        return; // it is tried again each second
    sources->complained_ms = now_ms;
    log_warn("stream_source_unusable", "service=%s instance=%s error=%s", sources->service, log_value(instance),
             log_value(why));
}

static void add(sources_t *sources, const source_t *fresh, int64_t now_ms) {
    err_t err = {0};
    if (sources->count == SOURCES_MAX) {
        complain(sources, fresh->instance, "too many instances", now_ms);
        return;
    }
    source_t *source = &sources->items[sources->count];
    *source = *fresh;
    if (source_open(source, sources, &err) != E_OK) {
        complain(sources, fresh->instance, err.text, now_ms);
        source_close(source);
        return;
    }
    sources->count++;
    log_info("stream_source_joined", "service=%s instance=%s live=%s", sources->service, log_value(source->instance),
             log_value(source->live_endpoint));
}

static void see(sources_t *sources, const Tc__Presence *presence, int64_t now_ms) {
    source_t fresh;
    if (!presence->service || strcmp(presence->service, sources->service) != 0) return;
    if (!source_of(&fresh, presence, now_ms)) return; // publishes nothing, or a name over its bound
    for (size_t i = 0; i < sources->count; i++) {
        source_t *known = &sources->items[i];
        if (strcmp(known->instance, fresh.instance) != 0) continue;
        if (same_place(known, &fresh)) {
            known->listed_ms = now_ms;
            known->replay_version = fresh.replay_version;
            return;
        }
        drop(sources, i, "moved");
        break;
    }
    add(sources, &fresh, now_ms);
}

static void drop_the_gone(sources_t *sources, int64_t now_ms) {
    for (size_t i = sources->count; i-- > 0;) {
        const source_t *source = &sources->items[i];
        if (now_ms - source->listed_ms > SILENT_MS && now_ms - source->heard_ms > SILENT_MS) drop(sources, i, "gone");
    }
}

static void take_directory(sources_t *sources, const reply_t *reply, int64_t now_ms) {
    ProtobufCMessage *message;
    err_t err = {0};
    arena_reset(sources->arena);
    int code = reply->code;
    if (code == E_OK)
        code =
            message_unpack(&message, &tc__directory__descriptor, reply->body, reply->body_bytes, sources->arena, &err);
    if (code != E_OK) {
        complain(sources, "directory", reply->code != E_OK ? reply->text : err.text, now_ms);
        return;
    }
    const Tc__Directory *directory = (const Tc__Directory *)message;
    for (size_t i = 0; i < directory->n_instances; i++) see(sources, directory->instances[i], now_ms);
    drop_the_gone(sources, now_ms);
}

static void ask_directory(sources_t *sources, int64_t now_ms) {
    Tc__DirectoryRequest request = TC__DIRECTORY_REQUEST__INIT;
    size_t bytes = 0;
    request.service = sources->service;
    arena_reset(sources->arena);
    void *body = message_pack(&request.base, sources->arena, &bytes);
    call_t call = {.service = "broker", .method = "directory", .key = "", .body = body, .body_bytes = bytes};
    call.deadline_ms = 2000;
    err_t err = {0};
    sources->ask_at_ms = now_ms + SEARCH_MS;
    if (body && client_send(sources->client, &call, &err) == E_OK) sources->asking = true;
}

void sources_tick(sources_t *sources, int64_t now_ms) {
    reply_t reply;
    // One question is under way at a time, so this ends.
    while (client_next(sources->client, &reply, 0) == 1) {
        sources->asking = false;
        take_directory(sources, &reply, now_ms);
        sources->ask_at_ms = now_ms + (sources->count ? REFRESH_MS : SEARCH_MS);
    }
    if (!sources->asking && now_ms >= sources->ask_at_ms) ask_directory(sources, now_ms);
}

int sources_open(sources_t *sources, const client_conf_t *client, const char *service, err_t *err) {
    *sources = (sources_t){.context = client->context, .keys = client->keys};
    snprintf(sources->service, sizeof sources->service, "%s", service);
    sources->arena = arena_new(16 * 1024, 4 * WIRE_MESSAGE_MAX_BYTES);
    if (!sources->arena) return err_set(err, E_IO, "consumer: out of memory");
    return client_new(&sources->client, client, err);
}

void sources_close(sources_t *sources) {
    for (size_t i = 0; i < sources->count; i++) source_close(&sources->items[i]);
    sources->count = 0;
    client_destroy(&sources->client);
    arena_destroy(&sources->arena);
}

source_t *sources_for_replay(sources_t *sources, int64_t now_ms) {
    for (size_t i = 0; i < sources->count; i++) {
        source_t *source = &sources->items[(sources->turn + i) % sources->count];
        if (now_ms - source->heard_ms <= SILENT_MS) return source;
    }
    return sources->count ? &sources->items[sources->turn % sources->count] : NULL;
}

const source_t *sources_with(const sources_t *sources, const void *replay) {
    for (size_t i = 0; i < sources->count; i++)
        if (sources->items[i].replay == replay) return &sources->items[i];
    return NULL;
}
