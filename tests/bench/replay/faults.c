#include "faults.h"
#include "common/base/date.h"
#include <dirent.h>
#include <hiredis/hiredis.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { POISONED = 200 };

static const char *const names[FAULT__COUNT] = {"killed",           "stopped",         "Redis flushed",
                                                "Redis poisoned",   "store restarted", "instance added",
                                                "instance removed", "policy released"};

static void tell(const faults_t *f, fault_kind_t kind, const char *whom) {
    if (f->conf->quiet) return;
    fprintf(stderr, "  %7.2f s  %s %s\n", (double)(clock_now_ms() - f->start_ms) / 1e3, names[kind], whom);
}

// ---- processes

// A number from a file may have been given to somebody else since.
static bool is_of_suite(const faults_t *f, pid_t pid) {
    char path[64], line[4096] = "";
    snprintf(path, sizeof path, "/proc/%d/cmdline", (int)pid);
    FILE *file = fopen(path, "r");
    const size_t got = file ? fread(line, 1, sizeof line - 1, file) : 0;
    if (file) fclose(file);
    for (size_t i = 0; i < got; i++)
        if (!line[i]) line[i] = ' ';
    return got && strstr(line, f->conf->dir) != NULL;
}

static pid_t pid_in(const faults_t *f, const char *file) {
    char path[PATH_MAX];
    int pid = 0;
    snprintf(path, sizeof path, "%s/run/%s", f->conf->dir, file);
    FILE *in = fopen(path, "r");
    if (in && fscanf(in, "%d", &pid) != 1) pid = 0;
    if (in) fclose(in);
    return pid > 1 && is_of_suite(f, pid) ? pid : 0;
}

static int by_name(const void *a, const void *b) { return strcmp(a, b); }

// Any process of the suite. In order of names, so that a seed means the same whatever the folder's order.
static pid_t draw_victim(faults_t *f, char name[static FAULT_NAME_MAX]) {
    static char found[FAULT_VICTIMS_MAX][FAULT_NAME_MAX];
    char path[PATH_MAX];
    size_t count = 0;
    snprintf(path, sizeof path, "%s/run", f->conf->dir);
    DIR *folder = opendir(path);
    for (struct dirent *entry; folder && (entry = readdir(folder)) && count < FAULT_VICTIMS_MAX;)
        if (strstr(entry->d_name, ".pid") && strlen(entry->d_name) < FAULT_NAME_MAX)
            snprintf(found[count++], FAULT_NAME_MAX, "%.63s", entry->d_name);
    if (folder) closedir(folder);
    if (!count) return 0;
    qsort(found, count, sizeof found[0], by_name);
    snprintf(name, FAULT_NAME_MAX, "%s", found[draw_below(&f->draw, (int64_t)count)]);
    return pid_in(f, name);
}

static pid_t start(const faults_t *f, char *const *argv) {
    char log[PATH_MAX];
    const pid_t pid = fork();
    if (pid) return pid;
    snprintf(log, sizeof log, "%s/log/faults.log", f->conf->dir);
    if (!freopen(log, "a", stdout) || !freopen(log, "a", stderr)) _exit(126);
    execv(argv[0], argv);
    _exit(127);
}

static void start_aside(faults_t *f, const char *command) {
    char *const argv[] = {(char *)"/bin/sh", (char *)"-c", (char *)command, NULL};
    for (size_t i = 0; i < FAULTS_AT_ONCE; i++) {
        if (f->aside[i] > 0 && waitpid(f->aside[i], NULL, WNOHANG) == f->aside[i]) f->aside[i] = 0;
        if (f->aside[i]) continue;
        f->aside[i] = start(f, argv);
        return;
    }
}

static void go_on(faults_t *f, bool all) {
    for (size_t i = 0; i < FAULTS_AT_ONCE; i++) {
        if (!f->stopped[i].pid || (!all && clock_now_ms() < f->stopped[i].until_ms)) continue;
        if (is_of_suite(f, f->stopped[i].pid)) kill(f->stopped[i].pid, SIGCONT);
        f->stopped[i].pid = 0;
    }
}

static bool stop_for_a_while(faults_t *f, pid_t pid) {
    size_t i = 0;
    while (i < FAULTS_AT_ONCE && f->stopped[i].pid) i++;
    if (i == FAULTS_AT_ONCE || kill(pid, SIGSTOP)) return false;
    f->stopped[i].pid = pid;
    f->stopped[i].until_ms = clock_now_ms() + 1000 + draw_below(&f->draw, 3000);
    return true;
}

// ---- Redis

static redisContext *redis_open(const faults_t *f) {
    static const char socket_scheme[] = "unix://";
    const char *url = conf_text(f->suite, "redis.url");
    const struct timeval patience = {.tv_usec = 200000};
    if (strncmp(url, socket_scheme, strlen(socket_scheme)) != 0) return NULL;
    redisContext *redis = redisConnectUnixWithTimeout(url + strlen(socket_scheme), patience);
    if (redis && (redis->err || redisSetTimeout(redis, patience))) {
        redisFree(redis);
        return NULL;
    }
    return redis;
}

static bool redis_flush(const faults_t *f) {
    redisContext *redis = redis_open(f);
    redisReply *reply = redis ? redisCommand(redis, "FLUSHALL") : NULL;
    const bool done = reply && reply->type == REDIS_REPLY_STATUS;
    freeReplyObject(reply);
    if (redis) redisFree(redis);
    return done;
}

// Some keys that are there get other bytes; and one gets what belongs to another.
static bool redis_poison(const faults_t *f) {
    redisContext *redis = redis_open(f);
    bool any = false;
    for (int i = 0; redis && !redis->err && i < POISONED; i++) {
        redisReply *key = redisCommand(redis, "RANDOMKEY"), *done = NULL;
        if (key && key->type == REDIS_REPLY_STRING)
            done = redisCommand(redis, "SET %b %s", key->str, key->len, i % 2 ? "rubbish" : "");
        any |= done != NULL;
        freeReplyObject(done);
        freeReplyObject(key);
    }
    if (redis) redisFree(redis);
    return any;
}

// ---- one fault

static bool join(faults_t *f) {
    char program[PATH_MAX], config[PATH_MAX];
    if (f->extra) return false;
    snprintf(program, sizeof program, "%s/tongchou-adjudication", f->conf->bin);
    snprintf(config, sizeof config, "%s/tongchou.yaml", f->conf->dir);
    char *const argv[] = {
        program, (char *)"--config", config, (char *)"--service.instance", (char *)"adjudication-extra", NULL};
    f->extra = start(f, argv);
    return f->extra > 0;
}

static bool leave(faults_t *f) {
    if (f->extra <= 0) return false;
    kill(f->extra, draw_chance(&f->draw, 500) ? SIGKILL : SIGTERM);
    waitpid(f->extra, NULL, 0);
    f->extra = 0;
    return true;
}

static bool do_one(faults_t *f, fault_kind_t kind, char whom[static FAULT_NAME_MAX]) {
    pid_t pid = kind == FAULT_KILL || kind == FAULT_STOP ? draw_victim(f, whom) : 0;
    switch (kind) {
    case FAULT_KILL: return pid && kill(pid, SIGKILL) == 0;
    case FAULT_STOP: return pid && stop_for_a_while(f, pid);
    case FAULT_FLUSH: return redis_flush(f);
    case FAULT_POISON: return redis_poison(f);
    case FAULT_JOIN: return join(f);
    case FAULT_LEAVE: return leave(f);
    case FAULT_STORE:
        if (f->conf->store_restart) start_aside(f, f->conf->store_restart);
        return f->conf->store_restart != NULL;
    case FAULT_RELEASE:
        if (f->conf->release) start_aside(f, f->conf->release);
        return f->conf->release != NULL;
    case FAULT__COUNT: break;
    }
    return false;
}

// Of a hundred draws; killing is the commonest.
static fault_kind_t draw_kind(faults_t *f) {
    static const int upto[FAULT__COUNT] = {40, 60, 66, 72, 80, 88, 95, 100};
    const int64_t roll = draw_below(&f->draw, 100);
    int kind = 0;
    while (roll >= upto[kind]) kind++;
    return (fault_kind_t)kind;
}

void faults_begin(faults_t *f, const faults_conf_t *conf, const conf_t *suite) {
    *f = (faults_t){.conf = conf, .suite = suite, .draw = {(uint64_t)conf->seed}, .start_ms = clock_now_ms()};
    f->next_ms = f->start_ms + conf->every_ms / 2;
}

// By the service's name: "broker-2.pid" is a broker.
static void count_kill(faults_t *f, const char *whom) {
    const int length = (int)strcspn(whom, "-.");
    for (size_t i = 0; i < FAULT_VICTIMS_MAX; i++) {
        if (f->killed[i].kills && (strncmp(f->killed[i].name, whom, (size_t)length) || f->killed[i].name[length]))
            continue;
        snprintf(f->killed[i].name, FAULT_NAME_MAX, "%.*s", length, whom);
        f->killed[i].kills++;
        return;
    }
}

void faults_turn(void *self) {
    faults_t *f = self;
    char whom[FAULT_NAME_MAX] = "";
    go_on(f, false);
    if (!f->conf->every_ms || clock_now_ms() < f->next_ms) return;
    const fault_kind_t kind = draw_kind(f);
    if (do_one(f, kind, whom)) {
        f->count[kind]++;
        if (kind == FAULT_KILL) count_kill(f, whom);
        tell(f, kind, whom);
    }
    f->next_ms = clock_now_ms() + 1 + draw_below(&f->draw, 2 * f->conf->every_ms);
}

void faults_end(faults_t *f) {
    go_on(f, true);
    if (f->extra > 0) {
        kill(f->extra, SIGTERM);
        waitpid(f->extra, NULL, 0);
    }
    for (size_t i = 0; i < FAULTS_AT_ONCE; i++)
        if (f->aside[i] > 0) waitpid(f->aside[i], NULL, 0);
}

void faults_print(const faults_t *f, FILE *out) {
    fprintf(out, "faults of seed %lld:", (long long)f->conf->seed);
    for (int kind = 0; kind < FAULT__COUNT; kind++)
        if (f->count[kind]) fprintf(out, " %s %lld,", names[kind], (long long)f->count[kind]);
    fprintf(out, " every %lld ms\n", (long long)f->conf->every_ms);
    fprintf(out, "killed by name:");
    for (size_t i = 0; i < FAULT_VICTIMS_MAX && f->killed[i].kills; i++)
        fprintf(out, "%s %s %lld", i ? "," : "", f->killed[i].name, (long long)f->killed[i].kills);
    fprintf(out, "\n");
}
