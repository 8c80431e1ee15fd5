// The folder of a suite. See home.h.
#include "home.h"
#include "conf_write.h"
#include "common/base/arena.h"
#include "common/policy/policy.h"
#include "common/wire/curve.h"
#include "services/settlement/chain.h"
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

extern char **environ;

#define UNIX_URL "unix://"
enum { ARGS_MAX = 16, MERGE_ARENA = 16 * 1024, MERGE_ARENA_MAX = 256 * 1024 };

// ---- paths and the lock

// The absolute path; what is not there yet is taken as it was written.
static int absolute(const char *path, char out[static PATH_MAX], err_t *err) {
    char here[PATH_MAX];
    if (realpath(path, out)) return E_OK;
    if (errno != ENOENT || !*path || !getcwd(here, sizeof here))
        return err_set(err, E_IO, "%s: %s", path, strerror(errno));
    const char *base = *path == '/' ? "" : here;
    if (snprintf(out, PATH_MAX, "%s%s%s", base, *path == '/' ? "" : "/", path) >= PATH_MAX)
        return err_set(err, E_TOO_LARGE, "path too long: %s", path);
    return E_OK;
}

// The same for the suite's folder, which is compared later: before it is there as after.
static int absolute_dir(const char *path, char out[static PATH_MAX], err_t *err) {
    char copy[PATH_MAX], last[PATH_MAX], parent[PATH_MAX];
    if (realpath(path, out)) return E_OK;
    if (errno != ENOENT || !*path || strlen(path) >= sizeof copy)
        return err_set(err, E_IO, "%s: %s", path, strerror(errno));
    snprintf(copy, sizeof copy, "%s", path);
    snprintf(last, sizeof last, "%s", basename(copy)); // basename and dirname may write to what they are given
    snprintf(copy, sizeof copy, "%s", path);
    if (!realpath(dirname(copy), parent)) return err_set(err, E_IO, "%s: %s", path, strerror(errno));
    if (snprintf(out, PATH_MAX, "%s/%s", strcmp(parent, "/") == 0 ? "" : parent, last) >= PATH_MAX)
        return err_set(err, E_TOO_LARGE, "path too long: %s", path);
    return E_OK;
}

static int set_paths(home_t *home, const char *dir, err_t *err) {
    if (absolute_dir(dir, home->dir, err)) return err->code;
    if (snprintf(home->config, PATH_MAX, "%s/tongchou.yaml", home->dir) >= PATH_MAX ||
        snprintf(home->redis_url, PATH_MAX, UNIX_URL "%s/run/redis.sock", home->dir) >= PATH_MAX)
        return err_set(err, E_TOO_LARGE, "path too long: %s", dir);
    return E_OK;
}

// Without O_CLOEXEC on purpose: the children hold the lock too, so that nobody starts on the folder while those of a
// killed supervisor still finish. A folder that is not there yet is no failure.
static int take_lock(home_t *home, err_t *err) {
    if (home->lock >= 0) return E_OK;
    home->lock = open(home->dir, O_RDONLY | O_DIRECTORY);
    if (home->lock < 0 && errno == ENOENT) return E_OK;
    if (home->lock < 0) return err_set(err, E_IO, "%s: %s", home->dir, strerror(errno));
    if (flock(home->lock, LOCK_EX | LOCK_NB) == 0) return E_OK;
    if (errno != EWOULDBLOCK) return err_set(err, E_IO, "cannot lock %s: %s", home->dir, strerror(errno));
    return err_set(err, E_EXISTS, "a suite runs on %s already: stop it first, or give another --data", home->dir);
}

// ---- the configuration: what stands in the file, and over it what this start changes

typedef struct args {
    arena_t *arena;
    char *argv[ARGS_MAX];
    int count;
} args_t;

static int add(args_t *args, const char *key, const char *value, err_t *err) {
    CHECK(args->count < ARGS_MAX);
    char *text = arena_text(args->arena, "--%s=%s", key, value);
    if (!text) return err_set(err, E_TOO_LARGE, "the values for %s are too long", key);
    args->argv[args->count++] = text;
    return E_OK;
}

static int add_store(args_t *args, const char *url, err_t *err) {
    char folder[PATH_MAX];
    if (strncmp(url, "postgresql://", 13) == 0 || strncmp(url, "postgres://", 11) == 0)
        return add(args, "store.url", url, err);
    if (strncmp(url, "sqlite:", 7) != 0 || !url[7])
        return err_field(err, E_INVALID_FIELD, "store", "--store: expected sqlite:DIR or postgresql://…");
    if (absolute(url + 7, folder, err)) return err->code;
    char *text = arena_text(args->arena, "sqlite:%s", folder);
    return text ? add(args, "store.url", text, err) : err_set(err, E_TOO_LARGE, "--store is too long");
}

static int add_ports(args_t *args, long long port, err_t *err) {
    char text[128];
    for (int door = 0; door < 2; door++) {
        snprintf(text, sizeof text, "tcp://127.0.0.1:%lld,tcp://127.0.0.1:%lld", port + door, port + 2 + door);
        if (add(args, door ? "broker.back" : "broker.front", text, err)) return err->code;
    }
    snprintf(text, sizeof text, "tcp://127.0.0.1:%lld", port + 4);
    return add(args, "agency.bind", text, err);
}

static int add_overlays(args_t *args, const char *const overlay[HOME_OVERLAYS_MAX], err_t *err) {
    char path[PATH_MAX];
    const char *list = "";
    for (size_t i = 0; i < HOME_OVERLAYS_MAX && overlay[i]; i++) {
        if (!overlay[i][0]) continue;
        if (absolute(overlay[i], path, err)) return err->code;
        if (strpbrk(path, ", "))
            return err_field(err, E_INVALID_FIELD, "overlay", "%s: a path without commas and spaces expected", path);
        list = arena_text(args->arena, "%s%s%s", list, *list ? "," : "", path);
        if (!list) return err_set(err, E_TOO_LARGE, "the paths of the overlays are too long");
    }
    return overlay[0] ? add(args, "policy.overlays", list, err) : E_OK;
}

static int add_changes(args_t *args, const home_t *home, const home_change_t *change, bool first, err_t *err) {
    char text[PATH_MAX + 16];
    if (first && !change->city)
        return err_set(err, E_MISSING_FIELD, "--city FILE says whose policy runs here; it was not given");
    snprintf(text, sizeof text, "%s/keys", home->dir);
    if (first && add(args, "keys.dir", text, err)) return err->code;
    snprintf(text, sizeof text, "sqlite:%s/store", home->dir);
    if (change->store ? add_store(args, change->store, err) : first && add(args, "store.url", text, err))
        return err->code;
    const char *redis = change->redis ? change->redis : first ? home->redis_url : NULL;
    if (redis && add(args, "redis.url", redis, err)) return err->code;
    long long port = change->port >= 0 ? change->port : first ? HOME_PORT_DEFAULT : -1;
    if (port >= 0 && add_ports(args, port, err)) return err->code;
    if (change->city && (absolute(change->city, text, err) || add(args, "policy.city", text, err))) return err->code;
    return add_overlays(args, change->overlay, err);
}

// A configuration file that says nothing, for the first start: without one conf_load() would look for the shipped one.
static int open_nothing(char path[static 32], err_t *err) {
    int fd = memfd_create("tongchou.yaml", MFD_CLOEXEC);
    if (fd >= 0 && write(fd, "{}\n", 3) == 3) {
        snprintf(path, 32, "/proc/self/fd/%d", fd);
        return fd;
    }
    err_set(err, E_IO, "cannot make a file in memory: %s", strerror(errno));
    if (fd >= 0) close(fd);
    return -1;
}

static int merge(conf_t **out, const home_t *home, const home_change_t *change, bool first, err_t *err) {
    args_t args = {.arena = arena_new(MERGE_ARENA, MERGE_ARENA_MAX)};
    char *empty[] = {NULL}, **ours = environ;
    char nothing_path[32];
    int nothing_fd = -1, rc = E_OK;
    if (!args.arena) return err_set(err, E_IO, "out of memory");
    args.argv[args.count++] = (char *)"up";
    if (first && (nothing_fd = open_nothing(nothing_path, err)) < 0) rc = err->code;
    if (!rc) rc = add(&args, "config", first ? nothing_path : home->config, err);
    if (!rc) rc = add_changes(&args, home, change, first, err);
    environ = empty; // it holds for this run alone and must not get into the file
    if (!rc) rc = conf_load(out, args.count, args.argv, err);
    environ = ours;
    if (nothing_fd >= 0) close(nothing_fd);
    arena_destroy(&args.arena);
    return rc;
}

static int check(const home_t *home, const conf_t *conf, err_t *err) {
    const char *const *front = conf_list(conf, "broker.front"), *const *back = conf_list(conf, "broker.back");
    policy_t *policy = NULL;
    size_t fronts = 0, backs = 0;
    while (front[fronts]) fronts++;
    while (back[backs]) backs++;
    if (!fronts || fronts != backs)
        return err_set(err, E_POLICY, "%s: broker.front and broker.back: equally many addresses expected",
                       home->config);
    if (strcmp(conf_text(conf, "redis.url"), home->redis_url) == 0 &&
        strlen(home->redis_url) - strlen(UNIX_URL) >= sizeof((struct sockaddr_un *)0)->sun_path)
        return err_set(err, E_TOO_LARGE, "%s is too long for a socket: give a shorter --data", home->redis_url);
    int rc = policy_load(&policy, conf_text(conf, "policy.city"), conf_list(conf, "policy.overlays"), err);
    policy_destroy(&policy);
    return rc;
}

// ---- writing

static int make_dir(const char *base, const char *sub, mode_t mode, err_t *err) {
    char path[PATH_MAX];
    if (snprintf(path, sizeof path, "%s%s", base, sub) >= (int)sizeof path)
        return err_set(err, E_TOO_LARGE, "path too long: %s", base);
    if (mkdir(path, mode) && errno != EEXIST) return err_set(err, E_IO, "cannot make %s: %s", path, strerror(errno));
    return E_OK;
}

int home_make_keys(const char *dir, err_t *err) {
    static const char *const parties[][2] = {
        {"broker", "broker"},        {"enrollment", "service"}, {"facility", "service"}, {"collection", "service"},
        {"adjudication", "service"}, {"settlement", "service"}, {"admin", "admin"},      {"clerk", "clerk"},
        {"hospital", "hospital"},    {"agency", "agency"},
    };
    if (make_dir(dir, "", 0700, err)) return err->code;
    for (size_t i = 0; i < COUNT_OF(parties); i++)
        if (keys_make(dir, parties[i][0], parties[i][1], err)) return err->code;
    bool made;
    return seal_key_make(dir, &made, err);
}

// The lock comes with the folder: whoever else was as quick is refused here.
static int make_folder(home_t *home, err_t *err) {
    if (make_dir(home->dir, "", 0755, err) || take_lock(home, err) || make_dir(home->dir, "/log", 0755, err) ||
        make_dir(home->dir, "/run", 0755, err))
        return err->code;
    return E_OK;
}

int home_open(home_t *home, const char *dir, const home_change_t *change, err_t *err) {
    conf_t *wanted = NULL;
    *home = (home_t){.lock = -1};
    int rc = set_paths(home, dir, err);
    if (!rc) rc = take_lock(home, err);
    bool first = access(home->config, F_OK) != 0;
    bool changes = first || change->store || change->redis || change->city || change->overlay[0] || change->port >= 0;
    if (!rc) rc = merge(&wanted, home, change, first, err);
    if (!rc) rc = check(home, wanted, err);
    if (!rc) rc = make_folder(home, err);
    if (!rc) rc = home_make_keys(conf_text(wanted, "keys.dir"), err);
    if (!rc && changes) rc = conf_write(wanted, home->config, err);
    char *argv[] = {(char *)"up", (char *)"--config", home->config};
    if (!rc) rc = conf_load(&home->conf, COUNT_OF(argv), argv, err);
    if (!rc) rc = check(home, home->conf, err); // now with what the environment says
    conf_destroy(&wanted);
    if (rc) home_close(home);
    return rc;
}

void home_close(home_t *home) {
    conf_destroy(&home->conf);
    if (home->lock >= 0) close(home->lock);
    home->lock = -1;
}

const char *home_redis_socket(const home_t *home) {
    if (strcmp(conf_text(home->conf, "redis.url"), home->redis_url) != 0) return NULL;
    return home->redis_url + strlen(UNIX_URL);
}
