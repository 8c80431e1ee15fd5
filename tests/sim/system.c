// What the processes ask of the operating system, and of libraries that talk to it, answered by the world. The linker
// puts these in place of the originals (--wrap), so that no line of the services knows of it.
#include "system.h"
#include "common/base/date.h"
#include "common/base/log.h"
#include "common/base/metrics.h"
#include "common/daemon/health.h"
#include "common/daemon/service.h"
#include "common/policy/policy.h"
#include "common/wire/curve.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <time.h>

int64_t system_begin_ms;
uint32_t system_crash_ppm, system_rest_ppm;
static log_level_t least_level = LOG_WARN;

// ---- clock

int __wrap_clock_gettime(clockid_t clock, struct timespec *out);
int __wrap_clock_gettime(clockid_t clock, struct timespec *out) {
    int64_t us = world_us();
    if (clock == CLOCK_REALTIME)
        us += system_begin_ms * 1000 + (node_now() ? node_skew_us(node_now()) : 0);
    else
        us += INT64_C(1000000000); // no machine starts with its clock at 0
    *out = (struct timespec){.tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000};
    return 0;
}

int __wrap_nanosleep(const struct timespec *span, struct timespec *left);
int __wrap_nanosleep(const struct timespec *span, struct timespec *left) {
    (void)left;
    const int64_t until_us = world_us() + (int64_t)span->tv_sec * 1000000 + span->tv_nsec / 1000;
    const uint64_t life = node_life(node_now());
    do fiber_wait(until_us);
    while (world_us() < until_us && !fiber_is_doomed() && !node_stop_asked(node_now()));
    CHECK(node_life(node_now()) == life);
    return 0;
}

// ---- chance: also numbers that must never repeat come from the seed

void __wrap_randombytes_buf(void *out, size_t bytes);
void __wrap_randombytes_buf(void *out, size_t bytes) {
    for (size_t i = 0; i < bytes; i++) ((uint8_t *)out)[i] = (uint8_t)(draw() >> 32);
}

// ---- threads

int __wrap_pthread_create(pthread_t *out, const pthread_attr_t *attr, void *(*run)(void *), void *argument);
int __wrap_pthread_create(pthread_t *out, const pthread_attr_t *attr, void *(*run)(void *), void *argument) {
    (void)attr;
    *out = (pthread_t)fiber_new(node_now(), run, argument);
    return 0;
}

int __wrap_pthread_join(pthread_t thread, void **result);
int __wrap_pthread_join(pthread_t thread, void **result) {
    (void)result;
    while (!fiber_is_done((fiber_t *)thread)) fiber_wait(world_us() + 1000);
    return 0;
}

// ---- signals

int __wrap_pthread_sigmask(int how, const sigset_t *set, sigset_t *old);
int __wrap_pthread_sigmask(int how, const sigset_t *set, sigset_t *old) {
    (void)how, (void)set, (void)old;
    return 0;
}

int __wrap_signalfd(int fd, const sigset_t *set, int flags);
int __wrap_signalfd(int fd, const sigset_t *set, int flags) {
    (void)fd, (void)set, (void)flags;
    // What is read from it is as long as the counter of an eventfd; a service looks at nothing but whether it came.
    return *node_stop_descriptor(node_now()) = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
}

int __real_close(int fd);
int __wrap_close(int fd);
int __wrap_close(int fd) {
    if (node_now() && fd >= 0 && *node_stop_descriptor(node_now()) == fd) *node_stop_descriptor(node_now()) = -1;
    return __real_close(fd);
}

int __real_poll(struct pollfd *fds, nfds_t count, int timeout_ms);
bool system_stop_is_unread(void) {
    struct pollfd at = {.fd = *node_stop_descriptor(node_now()), .events = POLLIN};
    return node_stop_asked(node_now()) && at.fd >= 0 && __real_poll(&at, 1, 0) > 0;
}

int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout_ms);
int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout_ms) {
    CHECK(count == 1 && fds->fd == *node_stop_descriptor(node_now()));
    const int64_t until_us = world_us() + (int64_t)timeout_ms * 1000;
    while (!node_stop_asked(node_now()) && world_us() < until_us) fiber_wait(until_us);
    fds->revents = node_stop_asked(node_now()) ? POLLIN : 0;
    return node_stop_asked(node_now());
}

int __wrap_setpriority(__priority_which_t which, id_t who, int value);
int __wrap_setpriority(__priority_which_t which, id_t who, int value) {
    (void)which, (void)who, (void)value;
    return 0;
}

// ---- places where a process can be told to die

void __wrap_crash_point(const char *name);
void __wrap_crash_point(const char *name) {
    if (!node_now()) return;
    if (chance(system_crash_ppm)) {
        system_count(FAULT_CRASH_POINT);
        trace("dies at %s", name);
        node_kill(node_now());
    }
    if (chance(system_rest_ppm)) fiber_wait(world_us() + draw_between(1, 20000));
}

// ---- logs

void __wrap_log_setup(const char *process, log_level_t level);
void __wrap_log_setup(const char *process, log_level_t level) { (void)process, (void)level; }

void __wrap_log_line(log_level_t level, const char *event, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void __wrap_log_line(log_level_t level, const char *event, const char *format, ...) {
    if (level < least_level && !trace_is_on()) return;
    va_list args;
    va_start(args, format);
    trace_line(node_now() ? node_name(node_now()) : "-", event, format, args);
    va_end(args);
}

// ---- figures: one for all, which nobody reads; the table of a process has no room for those of all services

static int figure;
metric_t *__wrap_metric_counter(const char *name, const char *labels, const char *help);
metric_t *__wrap_metric_counter(const char *name, const char *labels, const char *help) {
    (void)name, (void)labels, (void)help;
    return (metric_t *)&figure;
}
metric_t *__wrap_metric_gauge(const char *name, const char *labels, const char *help);
metric_t *__wrap_metric_gauge(const char *name, const char *labels, const char *help) {
    (void)name, (void)labels, (void)help;
    return (metric_t *)&figure;
}
metric_t *__wrap_metric_histogram(const char *name, const char *labels, const char *help);
metric_t *__wrap_metric_histogram(const char *name, const char *labels, const char *help) {
    (void)name, (void)labels, (void)help;
    return (metric_t *)&figure;
}
void __wrap_metric_add(metric_t *metric, int64_t n);
void __wrap_metric_add(metric_t *metric, int64_t n) { (void)metric, (void)n; }
void __wrap_metric_set(metric_t *gauge, int64_t value);
void __wrap_metric_set(metric_t *gauge, int64_t value) { (void)gauge, (void)value; }
void __wrap_metric_observe_us(metric_t *histogram, int64_t us);
void __wrap_metric_observe_us(metric_t *histogram, int64_t us) { (void)histogram, (void)us; }
int64_t __wrap_metric_value(const metric_t *metric);
int64_t __wrap_metric_value(const metric_t *metric) {
    (void)metric;
    return 0;
}

// ---- health and handshakes: nobody probes, and the network tells who is calling (net.c)

struct health {
    int nothing;
};

int __wrap_health_start(health_t **out, const char *bind, health_report_cb *report, void *self, err_t *err);
int __wrap_health_start(health_t **out, const char *bind, health_report_cb *report, void *self, err_t *err) {
    (void)bind, (void)report, (void)self, (void)err;
    *out = NULL;
    return E_OK;
}
void __wrap_health_stop(health_t **health);
void __wrap_health_stop(health_t **health) { *health = NULL; }
const char *__wrap_health_url(const health_t *health);
const char *__wrap_health_url(const health_t *health) {
    (void)health;
    return "";
}

int __wrap_zap_start(zap_t **out, void *context, const char *dir, const zap_domain_t *domains, size_t count,
                     err_t *err);
int __wrap_zap_start(zap_t **out, void *context, const char *dir, const zap_domain_t *domains, size_t count,
                     err_t *err) {
    (void)context, (void)dir, (void)domains, (void)count, (void)err;
    *out = NULL;
    return E_OK;
}
void __wrap_zap_stop(zap_t **zap);
void __wrap_zap_stop(zap_t **zap) { *zap = NULL; }

// ---- the city's law, compiled once for all lives of all nodes, which only read it

enum { LAWS_MAX = 8 };
static struct {
    char name[256];
    policy_t *policy;
} laws[LAWS_MAX];
static size_t law_count;

int __real_policy_load(policy_t **out, const char *city_file, const char *const *overlays, err_t *err);
int __wrap_policy_load(policy_t **out, const char *city_file, const char *const *overlays, err_t *err);
int __wrap_policy_load(policy_t **out, const char *city_file, const char *const *overlays, err_t *err) {
    char name[256];
    snprintf(name, sizeof name, "%s %s", city_file, overlays && overlays[0] ? overlays[0] : "");
    size_t i = 0;
    while (i < law_count && strcmp(laws[i].name, name) != 0) i++;
    if (i < law_count) {
        *out = laws[i].policy;
        return E_OK;
    }
    int code = __real_policy_load(out, city_file, overlays, err);
    if (code || law_count == LAWS_MAX) return code;
    snprintf(laws[law_count].name, sizeof laws[law_count].name, "%s", name);
    laws[law_count++].policy = *out;
    return E_OK;
}

void __real_policy_destroy(policy_t **policy);
void __wrap_policy_destroy(policy_t **policy);
void __wrap_policy_destroy(policy_t **policy) {
    for (size_t i = 0; i < law_count; i++)
        if (laws[i].policy == *policy) *policy = NULL;
    __real_policy_destroy(policy);
}

// ---- faults by kind

static const char *const fault_names[] = {FAULTS(FAULT_NAME)};
uint64_t system_faults[FAULT__COUNT];

void system_count(fault_t fault) { system_faults[fault]++; }
const char *fault_name(fault_t fault) { return fault_names[fault]; }
