// Starts redis-server by hand, waits until it answers a PING, and removes its folder at the end.
#include "redis.h"
#include "common/base/date.h"
#include <hiredis/hiredis.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct test_redis {
    char folder[64], socket[96], url[128];
    pid_t pid;
};

static redisContext *dial(const test_redis_t *redis) {
    redisContext *link = redisConnectUnixWithTimeout(redis->socket, (struct timeval){.tv_sec = 5});
    if (link && link->err) {
        redisFree(link);
        link = NULL;
    }
    return link;
}

static bool answers(const test_redis_t *redis) {
    redisContext *link = dial(redis);
    if (!link) return false;
    redisReply *reply = redisCommand(link, "PING");
    bool good = reply && reply->type == REDIS_REPLY_STATUS;
    if (reply) freeReplyObject(reply);
    redisFree(link);
    return good;
}

static bool launch(test_redis_t *redis) {
    redis->pid = fork();
    if (redis->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (!freopen("/dev/null", "w", stdout)) _exit(126);
        execlp("redis-server", "redis-server", "--port", "0", "--unixsocket", redis->socket, "--save", "",
               "--appendonly", "no", "--dir", redis->folder, "--databases", "4", (char *)NULL);
        _exit(127);
    }
    int64_t deadline = clock_mono_us() + 10 * 1000000;
    while (redis->pid > 0 && clock_mono_us() < deadline) {
        if (answers(redis)) return true;
        nanosleep(&(struct timespec){.tv_nsec = 10 * 1000000}, NULL);
    }
    return false;
}

test_redis_t *test_redis_start(void) {
    test_redis_t *redis = calloc(1, sizeof *redis);
    if (!redis) return NULL;
    const char *temporary = getenv("TMPDIR");
    snprintf(redis->folder, sizeof redis->folder, "%s/tongchou-redis-XXXXXX", temporary ? temporary : "/tmp");
    if (!mkdtemp(redis->folder)) {
        free(redis);
        return NULL;
    }
    snprintf(redis->socket, sizeof redis->socket, "%s/redis.sock", redis->folder);
    snprintf(redis->url, sizeof redis->url, "unix://%s", redis->socket);
    if (!launch(redis)) test_redis_stop(&redis);
    return redis;
}

void test_redis_kill(test_redis_t *redis) {
    if (redis->pid <= 0) return;
    kill(redis->pid, SIGKILL);
    waitpid(redis->pid, NULL, 0);
    redis->pid = 0;
    unlink(redis->socket);
}

bool test_redis_restart(test_redis_t *redis) {
    test_redis_kill(redis);
    return launch(redis);
}

void test_redis_stop(test_redis_t **redis) {
    if (!redis || !*redis) return;
    test_redis_kill(*redis);
    rmdir((*redis)->folder);
    free(*redis);
    *redis = NULL;
}

const char *test_redis_url(const test_redis_t *redis) { return redis->url; }
pid_t test_redis_pid(const test_redis_t *redis) { return redis->pid; }

static redisReply *command(test_redis_t *redis, int argc, const char **argv, const size_t *lengths) {
    redisContext *link = dial(redis);
    redisReply *reply = link ? redisCommandArgv(link, argc, argv, lengths) : NULL;
    if (link) redisFree(link);
    return reply;
}

static bool done(redisReply *reply) {
    bool good = reply && reply->type != REDIS_REPLY_ERROR;
    if (reply) freeReplyObject(reply);
    return good;
}

bool test_redis_flush(test_redis_t *redis) {
    return done(command(redis, 1, (const char *[]){"FLUSHALL"}, NULL)) &&
           done(command(redis, 2, (const char *[]){"SCRIPT", "FLUSH"}, NULL));
}

bool test_redis_set(test_redis_t *redis, const char *key, const void *data, size_t size) {
    return done(command(redis, 3, (const char *[]){"SET", key, data}, (size_t[]){3, strlen(key), size}));
}

ssize_t test_redis_get(test_redis_t *redis, const char *key, void *data, size_t room) {
    redisReply *reply = command(redis, 2, (const char *[]){"GET", key}, NULL);
    ssize_t size = -1;
    if (reply && reply->type == REDIS_REPLY_STRING && (size_t)reply->len <= room) {
        size = (ssize_t)reply->len;
        memcpy(data, reply->str, (size_t)size);
    }
    if (reply) freeReplyObject(reply);
    return size;
}
