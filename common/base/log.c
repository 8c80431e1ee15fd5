// One line, one write(2), so that lines of threads and processes that share the pipe never mix. A line is at most
// LINE_MAX_BYTES, below PIPE_BUF; what is longer is cut and says so.
#include "log.h"
#include "date.h"
#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#define LINE_MAX_BYTES 4000
#define VALUE_MAX_BYTES 200
#define VALUE_SLOTS 8

static const char *const level_names[] = {"debug", "info", "warn", "error"};
static char process_name[64] = "-";
static atomic_int least_level = LOG_INFO;

void log_setup(const char *process, log_level_t level) {
    snprintf(process_name, sizeof process_name, "%s", process);
    atomic_store(&least_level, (int)level);
}

int log_level_from_name(const char *name) {
    for (int i = 0; name && i < (int)COUNT_OF(level_names); i++)
        if (strcmp(level_names[i], name) == 0) return i;
    return -1;
}

static int put_head(char *line, size_t size, log_level_t level, const char *event) {
    int64_t now = clock_now_ms();
    char date[DATE_TEXT_MAX];
    int ms_of_day = (int)((now + 8 * 3600000) % 86400000);
    return snprintf(line, size, "ts=%sT%02d:%02d:%02d.%03d+08:00 level=%s proc=%s event=%s ",
                    date_format(date_of_ms(now), date), ms_of_day / 3600000, ms_of_day / 60000 % 60,
                    ms_of_day / 1000 % 60, ms_of_day % 1000, level_names[level], process_name, event);
}

static void write_line(const char *line, size_t bytes) {
    int saved = errno;
    while (write(STDERR_FILENO, line, bytes) < 0 && errno == EINTR) {
    }
    errno = saved; // a log line must not disturb the error that it reports; a dead stderr has nobody to tell
}

void log_line(log_level_t level, const char *event, const char *format, ...) {
    static const char cut[] = " cut=1";
    if ((int)level < atomic_load_explicit(&least_level, memory_order_relaxed)) return;
    char line[LINE_MAX_BYTES + sizeof cut + 1];
    int head = put_head(line, LINE_MAX_BYTES, level, event);
    if (head < 0 || head >= LINE_MAX_BYTES) return;
    va_list args;
    va_start(args, format);
    int body = vsnprintf(line + head, (size_t)(LINE_MAX_BYTES - head), format, args);
    va_end(args);
    size_t n = (size_t)head + (body > 0 ? (size_t)body : 0);
    if (n >= LINE_MAX_BYTES) {
        n = LINE_MAX_BYTES - 1;
        while (n > 0 && ((unsigned char)line[n - 1] & 0xC0) == 0x80) n--; // no half character in front of the mark
        if (n > 0 && (unsigned char)line[n - 1] >= 0xC0) n--;
        memcpy(line + n, cut, sizeof cut - 1);
        n += sizeof cut - 1;
    }
    for (size_t i = 0; i < n; i++) // a value that was not passed through log_value must not begin a line of its own
        if ((unsigned char)line[i] < ' ' || line[i] == 0x7F) line[i] = '?';
    while (n > 0 && line[n - 1] == ' ') n--;
    line[n++] = '\n';
    write_line(line, n);
}

static bool plain(const char *text, size_t bytes) {
    for (size_t i = 0; i < bytes; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c <= ' ' || c == 0x7F || c == '"' || c == '=' || c == '\\') return false;
    }
    return bytes > 0;
}

static size_t put_quoted(char *out, const char *text, size_t bytes) {
    static const char hex[] = "0123456789abcdef";
    size_t n = 0;
    out[n++] = '"';
    for (size_t i = 0; i < bytes; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c == '"' || c == '\\') {
            out[n++] = '\\';
            out[n++] = (char)c;
        } else if (c == '\n' || c == '\t') {
            out[n++] = '\\';
            out[n++] = c == '\n' ? 'n' : 't';
        } else if (c < ' ' || c == 0x7F) {
            out[n++] = '\\';
            out[n++] = 'x';
            out[n++] = hex[c >> 4];
            out[n++] = hex[c & 15];
        } else {
            out[n++] = (char)c;
        }
    }
    out[n++] = '"';
    return n;
}

const char *log_value(const char *text) {
    static _Thread_local char slots[VALUE_SLOTS][4 * VALUE_MAX_BYTES + 3];
    static _Thread_local unsigned next;
    char *out = slots[next++ % VALUE_SLOTS];
    if (!text) return "-";
    size_t bytes = strnlen(text, VALUE_MAX_BYTES + 1);
    if (bytes > VALUE_MAX_BYTES) {
        bytes = VALUE_MAX_BYTES;
        while (bytes > 0 && ((unsigned char)text[bytes] & 0xC0) == 0x80) bytes--;
    }
    size_t n = bytes;
    if (plain(text, bytes))
        memcpy(out, text, bytes);
    else
        n = put_quoted(out, text, bytes);
    out[n] = 0;
    return out;
}
