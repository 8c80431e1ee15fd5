// A row is built as UTF-8, turned whole into the file's encoding and handed to stdio.
#include "write.h"
#include <errno.h>
#include <iconv.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { ROW_BYTES = 64 * 1024, FILE_BYTES = 256 * 1024 };

struct csv_writer {
    FILE *file;
    csv_encoding_t encoding;
    iconv_t iconv;
    int rc;
    size_t used;
    bool begun; // a field of the row was written
    char row[ROW_BYTES];
    char converted[2 * ROW_BYTES];
};

static void writer_free(csv_writer_t **writer) {
    if ((*writer)->encoding == CSV_GB18030 && (*writer)->iconv != (iconv_t)-1) iconv_close((*writer)->iconv);
    free(*writer);
    *writer = NULL;
}

int csv_writer_open(csv_writer_t **out, const char *path, csv_encoding_t encoding, err_t *err) {
    CHECK(encoding == CSV_UTF8 || encoding == CSV_GB18030);
    csv_writer_t *writer = calloc(1, sizeof *writer);
    if (!writer) return err_set(err, E_IO, "out of memory");
    writer->encoding = encoding;
    if (encoding == CSV_GB18030 && (writer->iconv = iconv_open("GB18030", "UTF-8")) == (iconv_t)-1) {
        writer_free(&writer);
        return err_set(err, E_IO, "the C library has no GB18030");
    }
    writer->file = fopen(path, "w");
    if (!writer->file) {
        writer_free(&writer);
        return err_set(err, E_IO, "cannot write %s: %s", path, strerror(errno));
    }
    if (setvbuf(writer->file, NULL, _IOFBF, FILE_BYTES)) writer->rc = E_IO;
    *out = writer;
    return E_OK;
}

static void fail(csv_writer_t *writer, int rc) {
    if (!writer->rc) writer->rc = rc;
}

static void put(csv_writer_t *writer, const char *bytes, size_t count) {
    if (count > ROW_BYTES - writer->used) {
        fail(writer, E_TOO_LARGE);
        return;
    }
    memcpy(writer->row + writer->used, bytes, count);
    writer->used += count;
}

// Spaces at the ends are quoted too, because the reader trims what stands without quotes.
static bool needs_quotes(const char *text, size_t bytes) {
    return bytes && (strpbrk(text, ",\"\r\n \t") || strstr(text, "\xE3\x80\x80"));
}

void csv_write(csv_writer_t *writer, const char *text) {
    size_t bytes = strlen(text);
    if (writer->begun) put(writer, ",", 1);
    writer->begun = true;
    if (!needs_quotes(text, bytes)) {
        put(writer, text, bytes);
        return;
    }
    put(writer, "\"", 1);
    for (const char *quote; (quote = strchr(text, '"')); text = quote + 1) {
        put(writer, text, (size_t)(quote - text) + 1);
        put(writer, "\"", 1);
    }
    put(writer, text, strlen(text));
    put(writer, "\"", 1);
}

void csv_write_format(csv_writer_t *writer, const char *format, ...) {
    char text[1024];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (n < 0 || (size_t)n >= sizeof text)
        fail(writer, E_TOO_LARGE);
    else
        csv_write(writer, text);
}

void csv_write_end_row(csv_writer_t *writer) {
    const char *bytes = writer->row;
    put(writer, "\n", 1);
    size_t count = writer->used;
    if (writer->encoding == CSV_GB18030) {
        char *in = writer->row, *out = writer->converted;
        size_t left = writer->used, room = sizeof writer->converted;
        iconv(writer->iconv, NULL, NULL, NULL, NULL);
        if (iconv(writer->iconv, &in, &left, &out, &room) == (size_t)-1) fail(writer, E_INVALID_FIELD);
        bytes = writer->converted;
        count = (size_t)(out - writer->converted);
    }
    if (!writer->rc && fwrite(bytes, 1, count, writer->file) != count) fail(writer, E_IO);
    writer->used = 0;
    writer->begun = false;
}

int csv_writer_close(csv_writer_t **writer, err_t *err) {
    int rc = (*writer)->rc;
    if (fclose((*writer)->file) && !rc) rc = E_IO;
    writer_free(writer);
    if (!rc) return E_OK;
    return err_set(err, rc,
                   rc == E_IO          ? "the file could not be written whole"
                   : rc == E_TOO_LARGE ? "a row of more than 64 KiB"
                                       : "text that is no UTF-8");
}
