// Logs: one line of key=value per change of state, on standard error. Object first, opaque ids only: no name, citizen
// ID, diagnosis or amount of a person. Values with spaces or quotes are quoted.
//
//   log_info("instance_joined", "service=%s instance=%s credit=%d", …)
//   → ts=2026-03-01T10:00:00.123+08:00 level=info proc=broker-1 event=instance_joined service=adjudication …
#pragma once

typedef enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR } log_level_t;

void log_setup(const char *process, log_level_t level);
int log_level_from_name(const char *name); // -1 when unknown
void log_line(log_level_t level, const char *event, const char *format, ...) __attribute__((format(printf, 3, 4)));
// A value made safe for key=value: quoted when needed, control characters escaped, cut at 200 bytes. Thread-local ring
// of eight buffers, so several may stand in one call.
const char *log_value(const char *text);

#define log_debug(event, ...) log_line(LOG_DEBUG, event, __VA_ARGS__)
#define log_info(event, ...) log_line(LOG_INFO, event, __VA_ARGS__)
#define log_warn(event, ...) log_line(LOG_WARN, event, __VA_ARGS__)
#define log_error(event, ...) log_line(LOG_ERROR, event, __VA_ARGS__)
