// Encodings of a table: which one a file is in, and its fields as UTF-8.
#pragma once
#include "csv.h"

typedef struct decoder decoder_t;

bool utf8_valid(const char *bytes, size_t count, bool may_be_cut); // may_be_cut: the last character may be incomplete
// What the first bytes of a file say: its encoding (`wanted` unless that is CSV_AUTO) and the length of its byte order
// mark. E_INVALID_FIELD with what was found for UTF-16, and for a mark that contradicts `wanted`.
int encoding_detect(csv_encoding_t wanted, const uint8_t *bytes, size_t count, bool whole, csv_encoding_t *out,
                    size_t *mark, const char **found) MUST_USE;

int decoder_new(decoder_t **out, csv_encoding_t encoding) MUST_USE; // E_IO when that cannot be had
void decoder_destroy(decoder_t **decoder);
// One field as NUL-terminated UTF-8 in `out`, which has room for 2 * count + 1 bytes. E_INVALID_FIELD when the bytes
// are none.
int decoder_field(decoder_t *decoder, const char *bytes, size_t count, char *out, size_t *written) MUST_USE;
