// Counters, gauges and histograms in the Prometheus text format (0.0.4). Made once at start, bumped without a lock
// (relaxed atomics), never freed before exit. At most 256 per process; histograms have fixed log-spaced buckets
// (1, 2, 5 × 10^k microseconds up to 100 s) and are printed in seconds.
#pragma once
#include <stddef.h>
#include <stdint.h>

typedef struct metric metric_t;

// `labels` like `service="adjudication"` or "". Asking twice for the same name and labels gives the same metric.
metric_t *metric_counter(const char *name, const char *labels, const char *help);
metric_t *metric_gauge(const char *name, const char *labels, const char *help);
metric_t *metric_histogram(const char *name, const char *labels, const char *help);

void metric_add(metric_t *metric, int64_t n); // counters and gauges
void metric_set(metric_t *gauge, int64_t value);
void metric_observe_us(metric_t *histogram, int64_t us);
int64_t metric_value(const metric_t *metric); // count for a histogram
// The value below which `per_mille` of the observations lie (upper bucket bound), in microseconds; 0 when empty,
// 100 s for anything above.
int64_t metric_quantile_us(const metric_t *histogram, int per_mille);

// All metrics as text; caller frees. NULL when out of memory.
char *metrics_text(size_t *length);
