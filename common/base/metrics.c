// A fixed table of metrics. Making one takes a mutex; bumping one is a relaxed atomic; printing reads what is there.
#include "metrics.h"
#include "check.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

#define METRICS_MAX 256

static const int64_t bounds_us[] = {1,       2,       5,       10,       20,       50,       100,      200,    500,
                                    1000,    2000,    5000,    10000,    20000,    50000,    100000,   200000, 500000,
                                    1000000, 2000000, 5000000, 10000000, 20000000, 50000000, 100000000};
#define BOUNDS COUNT_OF(bounds_us)

typedef enum kind { COUNTER, GAUGE, HISTOGRAM } kind_t;
static const char *const kind_names[] = {"counter", "gauge", "histogram"};

struct metric {
    kind_t kind;
    char *name, *labels, *help;
    atomic_int_fast64_t value; // counters and gauges; the sum in microseconds of a histogram
    atomic_int_fast64_t buckets[BOUNDS + 1];
};

static metric_t table[METRICS_MAX];
static atomic_size_t count; // published after the row is complete
static pthread_mutex_t making = PTHREAD_MUTEX_INITIALIZER;

static char *copy_of(const char *text) {
    char *copy = strdup(text);
    CHECK(copy); // at start, a few bytes: there is nothing to fall back to
    return copy;
}

static metric_t *find_or_make(kind_t kind, const char *name, const char *labels, const char *help) {
    CHECK(pthread_mutex_lock(&making) == 0);
    size_t n = atomic_load(&count);
    metric_t *metric = NULL;
    for (size_t i = 0; i < n && !metric; i++)
        if (strcmp(table[i].name, name) == 0 && strcmp(table[i].labels, labels) == 0) metric = &table[i];
    if (!metric) {
        CHECK(n < METRICS_MAX);
        metric = &table[n];
        metric->kind = kind;
        metric->name = copy_of(name);
        metric->labels = copy_of(labels);
        metric->help = copy_of(help);
        atomic_store_explicit(&count, n + 1, memory_order_release);
    }
    CHECK(pthread_mutex_unlock(&making) == 0);
    CHECK(metric->kind == kind);
    return metric;
}

metric_t *metric_counter(const char *name, const char *labels, const char *help) {
    return find_or_make(COUNTER, name, labels, help);
}

metric_t *metric_gauge(const char *name, const char *labels, const char *help) {
    return find_or_make(GAUGE, name, labels, help);
}

metric_t *metric_histogram(const char *name, const char *labels, const char *help) {
    return find_or_make(HISTOGRAM, name, labels, help);
}

void metric_add(metric_t *metric, int64_t n) {
    CHECK(metric->kind != HISTOGRAM);
    atomic_fetch_add_explicit(&metric->value, n, memory_order_relaxed);
}

void metric_set(metric_t *gauge, int64_t value) {
    CHECK(gauge->kind == GAUGE);
    atomic_store_explicit(&gauge->value, value, memory_order_relaxed);
}

void metric_observe_us(metric_t *histogram, int64_t us) {
    CHECK(histogram->kind == HISTOGRAM);
    size_t i = 0;
    while (i < BOUNDS && us > bounds_us[i]) i++;
    atomic_fetch_add_explicit(&histogram->buckets[i], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&histogram->value, us > 0 ? us : 0, memory_order_relaxed);
}

static int64_t load(const atomic_int_fast64_t *value) { return atomic_load_explicit(value, memory_order_relaxed); }

int64_t metric_value(const metric_t *metric) {
    if (metric->kind != HISTOGRAM) return load(&metric->value);
    int64_t sum = 0;
    for (size_t i = 0; i <= BOUNDS; i++) sum += load(&metric->buckets[i]);
    return sum;
}

int64_t metric_quantile_us(const metric_t *histogram, int per_mille) {
    CHECK(histogram->kind == HISTOGRAM && per_mille >= 0 && per_mille <= 1000);
    int64_t buckets[BOUNDS + 1], total = 0;
    for (size_t i = 0; i <= BOUNDS; i++) total += buckets[i] = load(&histogram->buckets[i]);
    if (total == 0) return 0;
    int64_t rank = total / 1000 * per_mille + (total % 1000 * per_mille + 999) / 1000; // rounded up
    if (rank < 1) rank = 1;
    int64_t seen = 0;
    for (size_t i = 0; i < BOUNDS; i++) {
        seen += buckets[i];
        if (seen >= rank) return bounds_us[i];
    }
    return bounds_us[BOUNDS - 1];
}

static void put_help(FILE *out, const char *help) {
    for (; *help; help++)
        if (*help == '\\')
            fputs("\\\\", out);
        else if (*help == '\n')
            fputs("\\n", out);
        else
            fputc(*help, out);
}

static void put_name(FILE *out, const metric_t *metric, const char *suffix) {
    fprintf(out, metric->labels[0] ? "%s%s{%s} " : "%s%s%s ", metric->name, suffix, metric->labels);
}

// Microseconds as decimal seconds without trailing zeros.
static void put_seconds(FILE *out, int64_t us) {
    char text[40];
    int n = snprintf(text, sizeof text, "%lld.%06lld", (long long)(us / 1000000), (long long)(us % 1000000));
    while (text[n - 1] == '0') n--;
    if (text[n - 1] == '.') n--;
    fwrite(text, 1, (size_t)n, out);
}

static void put_histogram(FILE *out, const metric_t *metric) {
    int64_t seen = 0;
    for (size_t i = 0; i <= BOUNDS; i++) {
        seen += load(&metric->buckets[i]);
        fprintf(out, "%s_bucket{%s%sle=\"", metric->name, metric->labels, metric->labels[0] ? "," : "");
        if (i < BOUNDS)
            put_seconds(out, bounds_us[i]);
        else
            fputs("+Inf", out);
        fprintf(out, "\"} %lld\n", (long long)seen);
    }
    put_name(out, metric, "_sum");
    put_seconds(out, load(&metric->value));
    fputc('\n', out);
    put_name(out, metric, "_count");
    fprintf(out, "%lld\n", (long long)seen); // the buckets' own total, so that the two agree while others observe
}

static void put_family(FILE *out, size_t first, size_t n) {
    const char *name = table[first].name;
    fprintf(out, "# HELP %s ", name);
    put_help(out, table[first].help);
    fprintf(out, "\n# TYPE %s %s\n", name, kind_names[table[first].kind]);
    for (size_t i = first; i < n; i++) {
        if (strcmp(table[i].name, name) != 0) continue;
        if (table[i].kind == HISTOGRAM) {
            put_histogram(out, &table[i]);
        } else {
            put_name(out, &table[i], "");
            fprintf(out, "%lld\n", (long long)load(&table[i].value));
        }
    }
}

static bool seen_before(size_t index) {
    for (size_t i = 0; i < index; i++)
        if (strcmp(table[i].name, table[index].name) == 0) return true;
    return false;
}

char *metrics_text(size_t *length) {
    char *text = NULL;
    size_t bytes = 0;
    FILE *out = open_memstream(&text, &bytes);
    if (!out) return NULL;
    size_t n = atomic_load_explicit(&count, memory_order_acquire);
    for (size_t i = 0; i < n; i++)
        if (!seen_before(i)) put_family(out, i, n); // the format wants all lines of a name together
    bool failed = ferror(out) != 0;
    if (fclose(out) != 0 || failed) {
        free(text);
        return NULL;
    }
    if (length) *length = bytes;
    return text;
}
