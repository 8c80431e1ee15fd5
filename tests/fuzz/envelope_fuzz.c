// Everything that a client or a service can send, through the same readers as the broker, the server and the client.
#include "common/wire/pack.h"
#include "services/broker/front.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void rebuild(const front_request_t *request) {
    zmq_msg_t message;
    wire_frame_t again;
    const wire_frame_t *frame = &request->frame;
    CHECK(wire_frame_make(&message, WIRE_REQUEST, 7, &request->header->base, frame->body, frame->body_bytes, NULL) ==
          E_OK);
    CHECK(wire_frame_read(zmq_msg_data(&message), zmq_msg_size(&message), &again, NULL) == E_OK);
    CHECK(again.mark == 7 && again.body_bytes == frame->body_bytes);
    zmq_msg_close(&message);
}

// The items of a pack lie inside it, one behind the other, and packed again they are the same.
static void check_pack(const uint8_t *data, size_t size) {
    pack_reader_t reader = pack_open(data, size);
    const uint8_t *frame, *end = data;
    size_t bytes;
    pack_t again = {0};
    zmq_msg_t message;
    while (pack_next(&reader, &frame, &bytes)) {
        CHECK(frame >= end && bytes <= (size_t)(data + size - frame));
        end = frame + bytes;
        if (reader.packed && pack_fits(&again, bytes)) CHECK(pack_add(&again, frame, bytes, reader.count) == E_OK);
    }
    CHECK(reader.count <= PACK_READ_ITEMS_MAX + (size_t)!reader.packed);
    if (again.count) {
        size_t count = again.count;
        CHECK(pack_take(&again, &message, NULL) == E_OK);
        reader = pack_open(zmq_msg_data(&message), zmq_msg_size(&message));
        while (pack_next(&reader, &frame, &bytes)) count--;
        CHECK(count == 0 && !reader.bad);
        zmq_msg_close(&message);
    }
    pack_clear(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    arena_t *arena = arena_new(4096, WIRE_ARENA_BYTES);
    front_request_t request;
    wire_frame_t frame;
    Tc__ReplyHeader *reply = NULL;
    Tc__Presence *presence = NULL;
    err_t err = {0};
    CHECK(arena);
    check_pack(data, size);
    // What is accepted can be passed on, and the next reader finds the same body.
    if (front_parse(data, size, arena, &request, &err) == E_OK)
        rebuild(&request);
    else
        CHECK(err.code != E_OK && err.text[0]);
    if (wire_frame_read(data, size, &frame, &err) == E_OK) {
        arena_reset(arena);
        if (wire_reply_read(frame.header, frame.header_bytes, arena, &reply, &err) == E_OK) CHECK(reply->code >= 0);
        if (wire_presence_read(frame.header, frame.header_bytes, arena, &presence, &err) == E_OK)
            CHECK(presence->instance[0]);
    }
    arena_destroy(&arena);
    return 0;
}
