#include "registry.h"
#include "common/base/log.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { DIR_BYTES = 900 };

typedef struct stamp {
    struct timespec changed;
    off_t size;
    ino_t inode;
} stamp_t;

struct registry {
    char dir[DIR_BYTES];
    stamp_t stamp;
    keys_t *keys;
};

static bool stamp_of(const char *dir, stamp_t *out) {
    char path[DIR_BYTES + 16];
    struct stat info;
    snprintf(path, sizeof path, "%s/registry.yaml", dir);
    if (stat(path, &info) != 0) return false;
    *out = (stamp_t){.changed = info.st_mtim, .size = info.st_size, .inode = info.st_ino};
    return true;
}

static bool stamp_same(const stamp_t *a, const stamp_t *b) {
    return a->changed.tv_sec == b->changed.tv_sec && a->changed.tv_nsec == b->changed.tv_nsec && a->size == b->size &&
           a->inode == b->inode;
}

void registry_refresh(registry_t *registry) {
    stamp_t stamp;
    keys_t *fresh = NULL;
    err_t err = {0};
    if (!stamp_of(registry->dir, &stamp) || stamp_same(&stamp, &registry->stamp)) return;
    registry->stamp = stamp; // also when it is bad: say so once, not every second
    if (keys_load(&fresh, registry->dir, NULL, &err) != E_OK) {
        log_error("registry_unusable", "reason=%s effect=%s", log_value(err.text),
                  log_value("the last good one stays in force"));
        return;
    }
    keys_destroy(&registry->keys);
    registry->keys = fresh;
    log_info("registry_loaded", "dir=%s", log_value(registry->dir));
}

int registry_open(registry_t **out, const char *dir, err_t *err) {
    if (strlen(dir) >= DIR_BYTES) return err_set(err, E_IO, "the path of the key directory is too long");
    registry_t *registry = calloc(1, sizeof *registry);
    if (!registry) return err_set(err, E_IO, "no memory for the registry");
    snprintf(registry->dir, sizeof registry->dir, "%s", dir);
    // The stamp first: a change between the two is then seen as a change.
    (void)stamp_of(dir, &registry->stamp);
    int rc = keys_load(&registry->keys, dir, NULL, err);
    if (rc == E_OK)
        *out = registry;
    else
        registry_close(&registry);
    return rc;
}

void registry_close(registry_t **registry) {
    if (!*registry) return;
    keys_destroy(&(*registry)->keys);
    free(*registry);
    *registry = NULL;
}

const keys_t *registry_keys(const registry_t *registry) { return registry->keys; }

const party_t *registry_still(const registry_t *registry, const char *caller, const char *key) {
    const char *colon = caller ? strchr(caller, ':') : NULL;
    const party_t *party = colon && key ? keys_by_name(registry->keys, colon + 1) : NULL;
    return party && strcmp(party->key_text, key) == 0 && party->role == wire_caller_role(caller) ? party : NULL;
}
