// Metrics: the text format, sums under threads, quantiles against a sorted list.
#include "tests/check.h"
#include "common/base/check.h"
#include "common/base/metrics.h"
#include <pthread.h>

TEST(the_same_name_and_labels_are_the_same_metric) {
    metric_t *a = metric_counter("t_same_total", "k=\"a\"", "h"), *b = metric_counter("t_same_total", "k=\"b\"", "h");
    OK(a == metric_counter("t_same_total", "k=\"a\"", "h"));
    OK(a != b);
    metric_add(a, 3);
    metric_add(a, 4);
    EQ(metric_value(a), 7);
    EQ(metric_value(b), 0);
}

TEST(a_family_is_printed_together_under_one_head) {
    metric_t *a = metric_counter("t_bills_total", "city=\"a\"", "bills \\ seen\nso far");
    metric_t *between = metric_gauge("t_depth", "", "depth of the queue");
    metric_t *b = metric_counter("t_bills_total", "city=\"b\"", "other");
    metric_add(a, 2);
    metric_add(b, 5);
    metric_set(between, -9);
    size_t length = 0;
    char *text = metrics_text(&length);
    NEED(text != NULL);
    EQ(length, strlen(text));
    HAS_TEXT(text, "# HELP t_bills_total bills \\\\ seen\\nso far\n# TYPE t_bills_total counter\n"
                   "t_bills_total{city=\"a\"} 2\nt_bills_total{city=\"b\"} 5\n");
    HAS_TEXT(text, "# HELP t_depth depth of the queue\n# TYPE t_depth gauge\nt_depth -9\n");
    free(text);
}

TEST(histograms_are_cumulative_and_in_seconds) {
    metric_t *h = metric_histogram("t_wait_seconds", "m=\"x\"", "waiting");
    static const int64_t observed[] = {-5, 0, 1, 2, 3, 1000, 1001, 2500000, 100000000, 100000001};
    for (size_t i = 0; i < COUNT_OF(observed); i++) metric_observe_us(h, observed[i]);
    EQ(metric_value(h), 10);
    char *text = metrics_text(NULL);
    NEED(text != NULL);
    HAS_TEXT(text,
             "# TYPE t_wait_seconds histogram\nt_wait_seconds_bucket{m=\"x\",le=\"0.000001\"} 3\n"
             "t_wait_seconds_bucket{m=\"x\",le=\"0.000002\"} 4\nt_wait_seconds_bucket{m=\"x\",le=\"0.000005\"} 5\n");
    HAS_TEXT(text, "t_wait_seconds_bucket{m=\"x\",le=\"0.001\"} 6\n");
    HAS_TEXT(text, "t_wait_seconds_bucket{m=\"x\",le=\"2\"} 7\nt_wait_seconds_bucket{m=\"x\",le=\"5\"} 8\n");
    HAS_TEXT(text, "t_wait_seconds_bucket{m=\"x\",le=\"100\"} 9\nt_wait_seconds_bucket{m=\"x\",le=\"+Inf\"} 10\n"
                   "t_wait_seconds_sum{m=\"x\"} 202.502008\nt_wait_seconds_count{m=\"x\"} 10\n");
    free(text);
    metric_observe_us(metric_histogram("t_plain_seconds", "", "no labels"), 7);
    text = metrics_text(NULL);
    NEED(text != NULL);
    HAS_TEXT(text, "t_plain_seconds_bucket{le=\"0.00001\"} 1\n");
    HAS_TEXT(text, "t_plain_seconds_sum 0.000007\nt_plain_seconds_count 1\n");
    free(text);
}

static int64_t bound_above(int64_t us) {
    int64_t bound = 1;
    for (int i = 0; bound < us; i++) bound = i % 3 == 1 ? bound / 2 * 5 : bound * 2;
    return bound;
}

TEST(quantiles_are_the_bound_above_the_sorted_value) {
    metric_t *h = metric_histogram("t_quantile_seconds", "", "h");
    EQ(metric_quantile_us(h, 500), 0);
    int64_t sorted[1000];
    for (int i = 0; i < 1000; i++) {
        sorted[i] = (int64_t)i * i + 1;
        metric_observe_us(h, sorted[i]);
    }
    static const int per_mille[] = {1, 10, 333, 500, 900, 950, 990, 999, 1000};
    for (size_t i = 0; i < COUNT_OF(per_mille); i++)
        EQ(metric_quantile_us(h, per_mille[i]), bound_above(sorted[per_mille[i] - 1]));
    EQ(metric_quantile_us(h, 0), 1);
    metric_t *slow = metric_histogram("t_slow_seconds", "", "h");
    metric_observe_us(slow, INT64_MAX / 2);
    EQ(metric_quantile_us(slow, 500), 100000000);
}

static void *bump(void *arg) {
    for (int i = 0; i < 20000; i++) {
        metric_add(arg, 1);
        metric_observe_us(metric_histogram("t_threads_seconds", "", "h"), i);
    }
    return NULL;
}

TEST(threads_lose_nothing) {
    metric_t *counter = metric_counter("t_threads_total", "", "h");
    pthread_t threads[4];
    for (int i = 0; i < 4; i++) NEED(pthread_create(&threads[i], NULL, bump, counter) == 0);
    char *text = metrics_text(NULL); // reading meanwhile is fine
    OK(text != NULL);
    free(text);
    for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
    EQ(metric_value(counter), 80000);
    EQ(metric_value(metric_histogram("t_threads_seconds", "", "h")), 80000);
}

TESTS("base metrics", CASE(the_same_name_and_labels_are_the_same_metric),
      CASE(a_family_is_printed_together_under_one_head), CASE(histograms_are_cumulative_and_in_seconds),
      CASE(quantiles_are_the_bound_above_the_sorted_value), CASE(threads_lose_nothing))
