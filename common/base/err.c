// Results: one table of codes, and sentences that are always terminated and never cut inside a UTF-8 character.
#include "err.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *const names[] = {
#define X(code, name, again) [code] = name,
    ERR_TABLE(X)
#undef X
};
static const unsigned char retries[] = {
#define X(code, name, again) [code] = again,
    ERR_TABLE(X)
#undef X
};

// Copy as much of `text` as fits, ending on a whole character.
static void put(char *out, size_t size, const char *text) {
    size_t n = strlen(text);
    if (n >= size) {
        n = size - 1;
        while (n > 0 && ((unsigned char)text[n] & 0xC0) == 0x80) n--;
    }
    memcpy(out, text, n);
    out[n] = 0;
}

// Formatted beside and then copied, because the arguments may point into err->text itself.
static void put_format(err_t *err, const char *format, va_list args) __attribute__((format(printf, 2, 0)));
static void put_format(err_t *err, const char *format, va_list args) {
    char text[2 * sizeof err->text];
    if (vsnprintf(text, sizeof text, format, args) < 0) text[0] = 0;
    put(err->text, sizeof err->text, text);
}

int err_set(err_t *err, int code, const char *format, ...) {
    if (!err) return code;
    va_list args;
    va_start(args, format);
    put_format(err, format, args);
    va_end(args);
    err->code = code;
    err->field[0] = 0;
    return code;
}

int err_field(err_t *err, int code, const char *field, const char *format, ...) {
    if (!err) return code;
    char name[sizeof err->field]; // `field` may be err->field
    put(name, sizeof name, field ? field : "");
    va_list args;
    va_start(args, format);
    put_format(err, format, args);
    va_end(args);
    err->code = code;
    memcpy(err->field, name, sizeof name);
    return code;
}

int err_prefix(err_t *err, const char *format, ...) {
    if (!err) return E_INTERNAL;
    char text[4 * sizeof err->text];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text, sizeof text / 2, format, args);
    va_end(args);
    if (n < 0) n = 0;
    if ((size_t)n >= sizeof text / 2) n = (int)(sizeof text / 2) - 1;
    snprintf(text + n, sizeof text - (size_t)n, ": %s", err->text);
    put(err->text, sizeof err->text, text);
    return err->code;
}

const char *err_name(int code) {
    if (code < 0 || code >= E__COUNT) return names[E_INTERNAL];
    return names[code];
}

int err_from_name(const char *name) {
    for (int code = 0; name && code < E__COUNT; code++)
        if (strcmp(names[code], name) == 0) return code;
    return E_INTERNAL;
}

int err_may_retry(int code) { return code >= 0 && code < E__COUNT && retries[code]; }
