// Reading what a client sent. See front.h.
#include "front.h"

int front_parse(const void *data, size_t bytes, arena_t *arena, front_request_t *out, err_t *err) {
    *out = (front_request_t){0};
    int rc = wire_frame_read(data, bytes, &out->frame, err);
    if (rc != E_OK) return rc;
    if (out->frame.kind != WIRE_REQUEST)
        return err_set(err, E_INVALID_FIELD, "kind %d from a client, expected a REQUEST", (int)out->frame.kind);
    rc = wire_request_read(out->frame.header, out->frame.header_bytes, WIRE_HEADER_MAX_BYTES, arena, &out->header, err);
    if (rc != E_OK) return rc;
    if (out->frame.body_bytes > WIRE_MESSAGE_MAX_BYTES)
        return err_set(err, E_TOO_LARGE, "a body of %zu bytes, at most %d are allowed", out->frame.body_bytes,
                       WIRE_MESSAGE_MAX_BYTES);
    return E_OK;
}
