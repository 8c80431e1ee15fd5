// tongchou up: a whole suite on one machine, as child processes: Redis (unless one is given), two brokers, the five
// services with N adjudication instances. Writes DIR/tongchou.yaml and the keys on first use, restarts what dies, stops
// everything in order on Ctrl-C or SIGTERM.
#include "children.h"
#include "cli.h"
#include "common/base/date.h"
#include "common/base/log.h"
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char help[] =
    "usage: tongchou up [options]\n\n"
    "  --data DIR          configuration, keys, logs and SQLite files (default data)\n"
    "  --store URL         sqlite:DIR or postgresql://… (default sqlite:<data>/store)\n"
    "  --redis URL         redis://host:port or unix:///path (default: starts one of its own)\n"
    "  --adjudication N    instances of adjudication (default 1)\n"
    "  --city FILE         the city's policy (required on first use)\n"
    "  --overlay FILE      a policy laid over it; may be given several times\n"
    "  --port N            first of four ports for the two brokers (default 7800)\n\n"
    "The first start writes DIR/tongchou.yaml; later ones keep it unless --store, --redis, --city or --overlay is "
    "given.\n\n"
    "examples:\n"
    "  tongchou up --city config/cities/CITY.yaml --adjudication 2\n"
    "  tongchou up --data /srv/tongchou --store postgresql:///tongchou --city config/cities/CITY.yaml\n";

enum { STAGE_REDIS, STAGE_BROKER, STAGE_SERVICE };

typedef struct plan {
    const char *data, *store, *redis, *city;
    const char *overlay[8];
    int64_t adjudication, port;
    char bin[PATH_MAX]; // where the programs are
    char config[PATH_MAX];
    char keys[PATH_MAX];
    char socket[PATH_MAX]; // of our own Redis
} plan_t;

static volatile sig_atomic_t stop_asked;
static void on_signal(int number) {
    (void)number;
    stop_asked = 1;
}

static int make_dir(const char *base, const char *sub, mode_t mode, err_t *err) {
    char path[PATH_MAX];
    if (snprintf(path, sizeof path, "%s%s%s", base, *sub ? "/" : "", sub) >= (int)sizeof path)
        return err_set(err, E_TOO_LARGE, "path too long: %s", base);
    if (mkdir(path, mode) && errno != EEXIST) return err_set(err, E_IO, "cannot make %s: %s", path, strerror(errno));
    return E_OK;
}

static int make_keys(const plan_t *plan, err_t *err) {
    static const char *const parties[][2] = {
        {"broker", "broker"},        {"enrollment", "service"}, {"facility", "service"}, {"collection", "service"},
        {"adjudication", "service"}, {"settlement", "service"}, {"admin", "admin"},      {"clerk", "clerk"},
        {"hospital", "hospital"},    {"agency", "agency"},
    };
    for (size_t i = 0; i < COUNT_OF(parties); i++)
        if (keys_make(plan->keys, parties[i][0], parties[i][1], err)) return err->code;
    return E_OK;
}

static int absolute(const char *path, char out[static PATH_MAX], err_t *err) {
    if (!realpath(path, out)) return err_set(err, E_IO, "%s: %s", path, strerror(errno));
    return E_OK;
}

// The configuration that services and commands read. Paths are absolute: every process finds them from anywhere.
static int write_config(plan_t *plan, err_t *err) {
    char data[PATH_MAX], city[PATH_MAX], overlay[PATH_MAX], temporary[PATH_MAX + 8];
    if (absolute(plan->data, data, err) || absolute(plan->city, city, err)) return err->code;
    snprintf(temporary, sizeof temporary, "%s.new", plan->config);
    FILE *file = fopen(temporary, "w");
    if (!file) return err_set(err, E_IO, "cannot write %s: %s", temporary, strerror(errno));
    long long port = plan->port;
    fprintf(file, "# Written by `tongchou up`. Every key: docs/operations.md.\n");
    fprintf(file, "broker:\n  front: [\"tcp://127.0.0.1:%lld\", \"tcp://127.0.0.1:%lld\"]\n", port, port + 2);
    fprintf(file, "  back: [\"tcp://127.0.0.1:%lld\", \"tcp://127.0.0.1:%lld\"]\n", port + 1, port + 3);
    fprintf(file, "keys:\n  dir: \"%s/keys\"\n", data);
    if (plan->store)
        fprintf(file, "store:\n  url: \"%s\"\n", plan->store);
    else
        fprintf(file, "store:\n  url: \"sqlite:%s/store\"\n", data);
    if (plan->redis)
        fprintf(file, "redis:\n  url: \"%s\"\n", plan->redis);
    else
        fprintf(file, "redis:\n  url: \"unix://%s\"\n", plan->socket);
    fprintf(file, "policy:\n  city: \"%s\"\n  overlays: [", city);
    for (size_t i = 0; i < COUNT_OF(plan->overlay) && plan->overlay[i]; i++) {
        if (absolute(plan->overlay[i], overlay, err)) break;
        fprintf(file, "%s\"%s\"", i ? ", " : "", overlay);
    }
    fprintf(file, "]\n");
    int failed = ferror(file) || err->code;
    if (fclose(file) || failed || rename(temporary, plan->config))
        return err->code ? err->code : err_set(err, E_IO, "cannot write %s: %s", plan->config, strerror(errno));
    return E_OK;
}

static int prepare(plan_t *plan, err_t *err) {
    char data[PATH_MAX];
    if (make_dir(plan->data, "", 0755, err) || make_dir(plan->data, "log", 0755, err) ||
        make_dir(plan->data, "run", 0755, err) || make_dir(plan->data, "keys", 0700, err) ||
        make_dir(plan->data, "store", 0755, err) || absolute(plan->data, data, err))
        return err->code;
    snprintf(plan->config, sizeof plan->config, "%.*s/tongchou.yaml", PATH_MAX - 32, data);
    snprintf(plan->keys, sizeof plan->keys, "%.*s/keys", PATH_MAX - 32, data);
    snprintf(plan->socket, sizeof plan->socket, "%.*s/run/redis.sock", PATH_MAX - 32, data);
    if (make_keys(plan, err)) return err->code;
    bool given = plan->store || plan->redis || plan->city || plan->overlay[0];
    if (!given && access(plan->config, R_OK) == 0) return E_OK;
    if (!plan->city) return err_set(err, E_MISSING_FIELD, "--city FILE says whose policy runs here; it was not given");
    return write_config(plan, err);
}

static int find_programs(plan_t *plan, err_t *err) {
    ssize_t length = readlink("/proc/self/exe", plan->bin, sizeof plan->bin - 1);
    if (length < 0) return err_set(err, E_IO, "cannot find our own program: %s", strerror(errno));
    plan->bin[length] = 0;
    *strrchr(plan->bin, '/') = 0;
    return E_OK;
}

static int start_redis(children_t *children, const plan_t *plan, err_t *err) {
    const char *const argv[] = {
        "/usr/bin/redis-server", "--port", "0",           "--unixsocket", plan->socket,  "--save", "",
        "--appendonly",          "no",     "--daemonize", "no",           "--maxmemory", "256mb",  "--maxmemory-policy",
        "allkeys-lru",           NULL};
    return children_add(children, "redis", STAGE_REDIS, false, argv, err);
}

static int start_program(children_t *children, const plan_t *plan, const char *service, const char *instance,
                         const char *const *extra, err_t *err) {
    char program[PATH_MAX + 64];
    snprintf(program, sizeof program, "%s/tongchou-%s", plan->bin, service);
    const char *argv[CHILD_ARGS_MAX] = {program, "--config", plan->config, "--service.instance", instance};
    size_t count = 5;
    for (; extra && *extra; extra++) argv[count++] = *extra;
    bool broker = strcmp(service, "broker") == 0;
    return children_add(children, instance, broker ? STAGE_BROKER : STAGE_SERVICE, true, argv, err);
}

static int start_broker(children_t *children, const plan_t *plan, int number, err_t *err) {
    char name[48], front[64], back[64];
    long long port = plan->port + 2 * (number - 1);
    snprintf(name, sizeof name, "broker-%d", number);
    snprintf(front, sizeof front, "tcp://127.0.0.1:%lld", port);
    snprintf(back, sizeof back, "tcp://127.0.0.1:%lld", port + 1);
    const char *const extra[] = {"--broker.front", front, "--broker.back", back, NULL};
    return start_program(children, plan, "broker", name, extra, err);
}

static int start_all(children_t *children, const plan_t *plan, bool own_redis, err_t *err) {
    static const char *const single[] = {"enrollment", "facility", "collection", "settlement"};
    char name[48];
    if (own_redis && start_redis(children, plan, err)) return err->code;
    for (int number = 1; number <= 2; number++)
        if (start_broker(children, plan, number, err)) return err->code;
    for (size_t i = 0; i < COUNT_OF(single); i++) {
        snprintf(name, sizeof name, "%s-1", single[i]);
        if (start_program(children, plan, single[i], name, NULL, err)) return err->code;
    }
    for (int64_t i = 1; i <= plan->adjudication; i++) {
        snprintf(name, sizeof name, "adjudication-%lld", (long long)i);
        if (start_program(children, plan, "adjudication", name, NULL, err)) return err->code;
    }
    return E_OK;
}

static void announce(const children_t *children, const plan_t *plan, const conf_t *conf) {
    printf("ready data=%s processes=%zu\n", plan->data, children->count);
    printf("  brokers   %s\n", conf_list(conf, "broker.front")[0]);
    printf("            %s\n", conf_list(conf, "broker.front")[1]);
    printf("  store     %s\n  redis     %s\n  policy    %s\n", conf_text(conf, "store.url"),
           conf_text(conf, "redis.url"), conf_text(conf, "policy.city"));
    printf("  keys      %s (admin, clerk, hospital, agency)\n  logs      %s/log\n", plan->keys, plan->data);
    printf("  try       tongchou status --data %s\n", plan->data);
    fflush(stdout);
}

static void supervise(children_t *children, const plan_t *plan, const conf_t *conf) {
    bool announced = false;
    int64_t started_ms = clock_now_ms(), told_ms = started_ms;
    while (!stop_asked) {
        children_turn(children, 100);
        if (!announced && children_all_ready(children)) {
            announce(children, plan, conf);
            announced = true;
        }
        if (announced || clock_now_ms() - told_ms < 5000) continue;
        told_ms = clock_now_ms();
        for (size_t i = 0; i < children->count; i++)
            if (!children->child[i].ready)
                fprintf(stderr, "waiting for %s (see %s/log/%s.log)\n", children->child[i].name, plan->data,
                        children->child[i].name);
    }
}

static int run(int argc, char **argv, const command_t *self) {
    static children_t children; // too large for the stack, and one suite per process
    plan_t plan = {.data = cli_default_data, .adjudication = 1, .port = 7800};
    const option_spec_t specs[] = {
        {.name = "data", .text = &plan.data},
        {.name = "store", .text = &plan.store},
        {.name = "redis", .text = &plan.redis},
        {.name = "city", .text = &plan.city},
        {.name = "port", .number = &plan.port},
        {.name = "adjudication", .number = &plan.adjudication},
        {.name = "overlay", .list = plan.overlay, .room = COUNT_OF(plan.overlay)},
    };
    int status = options_parse(argc, argv, self, specs, COUNT_OF(specs), NULL, NULL);
    if (status >= 0) return status;
    log_setup("up", LOG_INFO);
    err_t err = {0};
    conf_t *conf = NULL;
    if (plan.adjudication < 1 || plan.adjudication > 32 || plan.port < 1 || plan.port > 65532) {
        fprintf(stderr, "tongchou up: --adjudication 1…32 and --port 1…65532 were expected\n");
        return 2;
    }
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    children.dir = plan.data;
    char *conf_argv[] = {argv[0], (char *)"--config", plan.config};
    if (find_programs(&plan, &err) || prepare(&plan, &err) || conf_load(&conf, 3, conf_argv, &err)) goto failed;
    char own_socket[PATH_MAX + 16];
    snprintf(own_socket, sizeof own_socket, "unix://%s", plan.socket);
    if (start_all(&children, &plan, strcmp(conf_text(conf, "redis.url"), own_socket) == 0, &err)) goto failed;
    supervise(&children, &plan, conf);
    fprintf(stderr, "stopping %zu processes\n", children.count);
    children_stop(&children, 10000);
    children_free(&children);
    conf_destroy(&conf);
    return 0;
failed:
    fprintf(stderr, "tongchou up: %s\n", err.text);
    children_stop(&children, 2000);
    children_free(&children);
    conf_destroy(&conf);
    return 2;
}

const command_t command_up = {
    .name = "up", .summary = "start a whole suite on this machine and keep it running", .help = help, .run = run};
