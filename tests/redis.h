// A private redis-server for a test: on a unix socket in a temporary folder, no TCP port, nothing kept on disk. Dies
// with the test.
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

typedef struct test_redis test_redis_t;

test_redis_t *test_redis_start(void); // NULL when it does not answer within 10 s
void test_redis_stop(test_redis_t **redis);
const char *test_redis_url(const test_redis_t *redis); // "unix:///…"
pid_t test_redis_pid(const test_redis_t *redis);       // for SIGSTOP, SIGCONT
void test_redis_kill(test_redis_t *redis);             // kill −9 and wait for it
bool test_redis_restart(test_redis_t *redis);          // after a kill; empty, at the same address
bool test_redis_flush(test_redis_t *redis);            // also forgets its scripts
// Raw access past the cache: binary-safe. `get` returns the size, or −1 when there is none.
bool test_redis_set(test_redis_t *redis, const char *key, const void *data, size_t size);
ssize_t test_redis_get(test_redis_t *redis, const char *key, void *data, size_t room);
