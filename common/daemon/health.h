// The health and metrics endpoint of a process: GET /health (200 or 503 with one JSON object) and GET /metrics
// (Prometheus text). Served by a thread of its own, which calls only `report` and metrics_text(): both may read
// atomics, nothing else.
#pragma once
#include "common/base/check.h"
#include "common/base/err.h"
#include <stdbool.h>
#include <stddef.h>

typedef struct health health_t;

// Write one JSON object; true when the process can do its work.
typedef bool health_report_cb(void *self, char *text, size_t room);

// `bind`: "address:port" with a numeric address; port 0 takes a free one. E_INVALID_FIELD or E_IO.
int health_start(health_t **out, const char *bind, health_report_cb *report, void *self, err_t *err) MUST_USE;
void health_stop(health_t **health);
const char *health_url(const health_t *health); // "http://127.0.0.1:41234"
