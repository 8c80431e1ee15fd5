// UTF-8 is checked by hand (RFC 3629: no surrogates, nothing longer than needed); GB18030 is iconv's business, one
// field at a time, so that a broken character stays within its field.
#include "encoding.h"
#include <iconv.h>
#include <stdlib.h>
#include <string.h>

struct decoder {
    csv_encoding_t encoding;
    iconv_t iconv;
};

// Bytes of the character that begins with `c`, and the least code point that needs so many; 0 for none.
static int length_of(uint8_t c, uint32_t *least) {
    if (c < 0x80) return *least = 0, 1;
    if (c >= 0xC2 && c < 0xE0) return *least = 0x80, 2;
    if (c >= 0xE0 && c < 0xF0) return *least = 0x800, 3;
    if (c >= 0xF0 && c < 0xF5) return *least = 0x10000, 4;
    return 0;
}

bool utf8_valid(const char *bytes, size_t count, bool may_be_cut) {
    const uint8_t *p = (const uint8_t *)bytes;
    for (size_t i = 0; i < count;) {
        uint32_t least, code;
        int length = length_of(p[i], &least);
        if (!length) return false;
        code = length == 1 ? p[i] : p[i] & (0x7Fu >> length);
        for (int k = 1; k < length; k++) {
            if (i + (size_t)k == count) return may_be_cut;
            if ((p[i + (size_t)k] & 0xC0) != 0x80) return false;
            code = code << 6 | (p[i + (size_t)k] & 0x3Fu);
        }
        if (code < least || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000)) return false;
        i += (size_t)length;
    }
    return true;
}

static bool starts(const uint8_t *bytes, size_t count, const char *mark) {
    size_t n = strlen(mark);
    return count >= n && memcmp(bytes, mark, n) == 0;
}

int encoding_detect(csv_encoding_t wanted, const uint8_t *bytes, size_t count, bool whole, csv_encoding_t *out,
                    size_t *mark, const char **found) {
    csv_encoding_t marked = CSV_AUTO;
    *mark = 0;
    if (starts(bytes, count, "\xEF\xBB\xBF")) marked = CSV_UTF8, *mark = 3;
    if (starts(bytes, count, "\x84\x31\x95\x33")) marked = CSV_GB18030, *mark = 4;
    if (starts(bytes, count, "\xFF\xFE") || starts(bytes, count, "\xFE\xFF")) {
        *found = "UTF-16";
        return E_INVALID_FIELD;
    }
    if (marked && wanted && marked != wanted) {
        *found = marked == CSV_UTF8 ? "the byte order mark of UTF-8" : "the byte order mark of GB18030";
        return E_INVALID_FIELD;
    }
    *out = wanted ? wanted : marked ? marked : utf8_valid((const char *)bytes, count, !whole) ? CSV_UTF8 : CSV_GB18030;
    return E_OK;
}

int decoder_new(decoder_t **out, csv_encoding_t encoding) {
    decoder_t *decoder = calloc(1, sizeof *decoder);
    if (!decoder) return E_IO;
    decoder->encoding = encoding;
    if (encoding == CSV_GB18030 && (decoder->iconv = iconv_open("UTF-8", "GB18030")) == (iconv_t)-1) {
        free(decoder);
        return E_IO;
    }
    *out = decoder;
    return E_OK;
}

void decoder_destroy(decoder_t **decoder) {
    if (!*decoder) return;
    if ((*decoder)->encoding == CSV_GB18030) iconv_close((*decoder)->iconv);
    free(*decoder);
    *decoder = NULL;
}

static bool ascii(const char *bytes, size_t count) {
    uint8_t all = 0;
    for (size_t i = 0; i < count; i++) all |= (uint8_t)bytes[i];
    return all < 0x80;
}

static int convert(decoder_t *decoder, const char *bytes, size_t count, char *out, size_t *written) {
    char *in = (char *)(uintptr_t)bytes, *to = out; // iconv's prototype forgets the const
    size_t left = count, room = 2 * count;          // two bytes become at most three, four stay four
    iconv(decoder->iconv, NULL, NULL, NULL, NULL);
    if (iconv(decoder->iconv, &in, &left, &to, &room) == (size_t)-1 || left) return E_INVALID_FIELD;
    *written = (size_t)(to - out);
    return E_OK;
}

int decoder_field(decoder_t *decoder, const char *bytes, size_t count, char *out, size_t *written) {
    if (!ascii(bytes, count)) {
        if (decoder->encoding == CSV_GB18030) {
            int rc = convert(decoder, bytes, count, out, written);
            if (!rc) out[*written] = 0;
            return rc;
        }
        if (!utf8_valid(bytes, count, false)) return E_INVALID_FIELD;
    }
    memcpy(out, bytes, count);
    out[ *written = count] = 0;
    return E_OK;
}
