// See agency_access.h. Files are told apart by inode, size and time: both are replaced by renaming.
#include "agency_access.h"
#include "common/base/log.h"
#include "common/base/metrics.h"
#include "common/wire/party.h"
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <zmq.h>

enum { PATH_BYTES = 1024 };

typedef struct watched {
    char path[PATH_BYTES];
    struct stat seen; // all zero: not there
} watched_t;

struct agency_access {
    char dir[PATH_BYTES];
    watched_t registry_file, grants_file;
    keys_t *registry;
    grants_t *grants;
    metric_t *unusable;
    bool registry_bad, grants_bad;
};

static bool has_changed(watched_t *file) {
    struct stat now = {0};
    if (stat(file->path, &now) != 0) memset(&now, 0, sizeof now);
    const bool same = now.st_ino == file->seen.st_ino && now.st_size == file->seen.st_size &&
                      now.st_mtim.tv_sec == file->seen.st_mtim.tv_sec &&
                      now.st_mtim.tv_nsec == file->seen.st_mtim.tv_nsec;
    file->seen = now; // also when it is bad: that is said once, not ten times a second
    return !same;
}

static void complain(const err_t *err) {
    log_error("agency_access_unusable", "why=%s effect=%s", log_value(err->text),
              log_value("the last good one stays in force"));
}

static void load_registry(agency_access_t *access) {
    keys_t *fresh = NULL;
    err_t err = {0};
    access->registry_bad = keys_load(&fresh, access->dir, NULL, &err) != E_OK;
    if (access->registry_bad) {
        complain(&err);
        return;
    }
    keys_destroy(&access->registry);
    access->registry = fresh;
}

static void load_grants(agency_access_t *access) {
    grants_t *fresh = NULL;
    err_t err = {0};
    access->grants_bad = grants_load(&fresh, access->grants_file.path, &err) != E_OK;
    if (access->grants_bad) {
        complain(&err);
        return;
    }
    if (access->grants) grants_destroy(&access->grants);
    access->grants = fresh;
    log_info("agencies_loaded", "agencies=%zu", grants_count(fresh));
}

int agency_access_new(agency_access_t **out, const char *dir, err_t *err) {
    agency_access_t *access = calloc(1, sizeof *access);
    if (!access) return err_set(err, E_IO, "out of memory for the access of agencies");
    snprintf(access->dir, sizeof access->dir, "%s", dir);
    const int a = snprintf(access->registry_file.path, PATH_BYTES, "%s/registry.yaml", dir);
    const int b = snprintf(access->grants_file.path, PATH_BYTES, "%s/agencies.yaml", dir);
    if (a >= PATH_BYTES || b >= PATH_BYTES) {
        free(access);
        return err_set(err, E_TOO_LARGE, "the path of key directory %s is too long", dir);
    }
    access->unusable = metric_gauge("agency_access_unusable", "",
                                    "1 while registry.yaml or agencies.yaml cannot be used: the last good one holds");
    // The stamps first: a change between the two is then seen as a change.
    (void)has_changed(&access->registry_file);
    (void)has_changed(&access->grants_file);
    load_registry(access);
    load_grants(access);
    metric_set(access->unusable, access->registry_bad || access->grants_bad);
    *out = access;
    return E_OK;
}

void agency_access_destroy(agency_access_t **access) {
    if (!*access) return;
    keys_destroy(&(*access)->registry);
    if ((*access)->grants) grants_destroy(&(*access)->grants);
    free(*access);
    *access = NULL;
}

bool agency_access_refresh(agency_access_t *access) {
    const bool registry = has_changed(&access->registry_file), grants = has_changed(&access->grants_file);
    if (registry) load_registry(access);
    if (grants) load_grants(access);
    metric_set(access->unusable, access->registry_bad || access->grants_bad);
    return registry || grants;
}

const grant_t *agency_access_of(const agency_access_t *access, const char *key) {
    uint8_t raw[KEY_BYTES];
    if (!access->registry || !access->grants || strlen(key) != KEY_TEXT_BYTES - 1 || !zmq_z85_decode(raw, key))
        return NULL;
    const party_t *party = keys_by_public(access->registry, raw);
    return party && party->role == ROLE_AGENCY ? grants_by_key(access->grants, key) : NULL;
}
