// The folder of a suite: who may use it, its configuration and keys. One `tongchou up` at a time; everything that can
// be refused is refused before anything is written, so a failed first start leaves no folder behind.
#pragma once
#include "common/daemon/conf.h"
#include <limits.h>

enum { HOME_OVERLAYS_MAX = 8, HOME_PORTS = 5, HOME_PORT_DEFAULT = 7800 };

// What a start changes in DIR/tongchou.yaml. NULL, or for the port −1, keeps what stands there, on first use the
// default. A single empty overlay is none.
typedef struct home_change {
    const char *store, *redis, *city;
    const char *overlay[HOME_OVERLAYS_MAX];
    int64_t port;
} home_change_t;

typedef struct home {
    char dir[PATH_MAX]; // absolute
    char config[PATH_MAX];
    char redis_url[PATH_MAX]; // of the suite's own Redis
    conf_t *conf;             // as every process of the suite reads it
    int lock;                 // inherited by the children: held until the last of them is gone
} home_t;

// Take the folder, check configuration and policy, write what is new. On failure nothing has changed, unless it is the
// environment that is at fault or the disk.
int home_open(home_t *home, const char *dir, const home_change_t *change, err_t *err) MUST_USE;
void home_close(home_t *home);
// The key folder of a suite: one pair for every service, for the brokers and for each role; what is there stays.
int home_make_keys(const char *dir, err_t *err) MUST_USE;
const char *home_redis_socket(const home_t *home); // NULL when the configuration names another Redis
