// Reading what a client sent. See front.h.
#include "front.h"

int front_parse(const front_frame_t *frames, size_t count, arena_t *arena, front_request_t *out, err_t *err) {
    *out = (front_request_t){.answerable = count > 0 && frames[0].bytes == WIRE_TAG_BYTES};
    if (count != FRONT_FRAMES)
        return err_set(err, E_INVALID_FIELD, "a request of %zu frames, expected tag, header and body", count);
    if (!out->answerable)
        return err_set(err, E_INVALID_FIELD, "a tag of %zu bytes, expected %d", frames[0].bytes, WIRE_TAG_BYTES);
    int rc = wire_request_read(frames[1].data, frames[1].bytes, WIRE_HEADER_MAX_BYTES, arena, &out->header, err);
    if (rc != E_OK) return rc;
    if (frames[2].bytes > WIRE_MESSAGE_MAX_BYTES)
        return err_set(err, E_TOO_LARGE, "a body of %zu bytes, at most %d are allowed", frames[2].bytes,
                       WIRE_MESSAGE_MAX_BYTES);
    return E_OK;
}
