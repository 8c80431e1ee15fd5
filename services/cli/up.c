// tongchou up: a whole suite on one machine, as child processes: Redis (unless one is given), two brokers, the five
// services with N adjudication instances. Says ready when every process has, every broker has heard every service, and
// each says itself that it can do its work; restarts what dies, stops everything in order on Ctrl-C or SIGTERM.
#include "children.h"
#include "cli.h"
#include "home.h"
#include "probe.h"
#include "envelope.pb-c.h"
#include "common/base/date.h"
#include "common/base/log.h"
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

static const char help[] =
    "usage: tongchou up [options]\n\n"
    "  --data DIR          configuration, keys, logs and SQLite files (default data)\n"
    "  --store URL         sqlite:DIR or postgresql://… (default sqlite:<data>/store)\n"
    "  --redis URL         redis://host:port or unix:///path (default: starts one of its own)\n"
    "  --adjudication N    instances of adjudication (default 1)\n"
    "  --city FILE         the city's policy (required on first use)\n"
    "  --overlay FILE      a policy laid over it; may be given several times\n"
    "  --port N            first of five ports: two for each broker, one for other agencies (default 7800)\n\n"
    "The first start writes DIR/tongchou.yaml; --store, --redis, --city, --overlay and --port change it at a later "
    "one,\n"
    "and what is not given stays as it is there. --overlay '' is none.\n\n"
    "examples:\n"
    "  tongchou up --city config/cities/CITY.yaml --adjudication 2\n"
    "  tongchou up --data /srv/tongchou --store postgresql:///tongchou --city config/cities/CITY.yaml\n";

enum { STAGE_REDIS, STAGE_BROKER, STAGE_SERVICE };

#define REDIS "/usr/bin/redis-server"

typedef struct plan {
    const char *data; // as it was given
    int64_t adjudication;
    home_t home;
    char bin[PATH_MAX]; // where the programs are
} plan_t;

static volatile sig_atomic_t stop_asked;
static void on_signal(int number) {
    (void)number;
    stop_asked = 1;
}

static int find_programs(plan_t *plan, err_t *err) {
    ssize_t length = readlink("/proc/self/exe", plan->bin, sizeof plan->bin - 1);
    if (length < 0) return err_set(err, E_IO, "cannot find our own program: %s", strerror(errno));
    plan->bin[length] = 0;
    *strrchr(plan->bin, '/') = 0;
    return E_OK;
}

static int start_redis(children_t *children, const char *socket, err_t *err) {
    const char *const argv[] = {
        REDIS,          "--port", "0",           "--unixsocket", socket,        "--save", "",
        "--appendonly", "no",     "--daemonize", "no",           "--maxmemory", "256mb",  "--maxmemory-policy",
        "allkeys-lru",  NULL};
    if (access(REDIS, X_OK)) return err_set(err, E_IO, REDIS ": %s; --redis URL names another", strerror(errno));
    return children_add(children, "redis", STAGE_REDIS, false, argv, err);
}

static int start_program(children_t *children, const plan_t *plan, const char *service, const char *instance,
                         const char *const *extra, err_t *err) {
    char program[PATH_MAX + 64];
    snprintf(program, sizeof program, "%s/tongchou-%s", plan->bin, service);
    const char *argv[CHILD_ARGS_MAX] = {program, "--config", plan->home.config, "--service.instance", instance};
    size_t count = 5;
    for (; extra && *extra; extra++) argv[count++] = *extra;
    bool broker = strcmp(service, "broker") == 0;
    return children_add(children, instance, broker ? STAGE_BROKER : STAGE_SERVICE, true, argv, err);
}

static int start_broker(children_t *children, const plan_t *plan, int at, err_t *err) {
    char name[48];
    snprintf(name, sizeof name, "broker-%d", at + 1);
    const char *const extra[] = {"--broker.front", conf_list(plan->home.conf, "broker.front")[at], "--broker.back",
                                 conf_list(plan->home.conf, "broker.back")[at], NULL};
    return start_program(children, plan, "broker", name, extra, err);
}

static int start_all(children_t *children, const plan_t *plan, err_t *err) {
    static const char *const single[] = {"enrollment", "facility", "collection"};
    // A waiting patient goes before the books: under full load the ledger follows a little later.
    static const char *const stands_back[] = {"--service.nice", "10", NULL};
    char name[48];
    const char *socket = home_redis_socket(&plan->home);
    if (socket && start_redis(children, socket, err)) return err->code;
    for (int at = 0; conf_list(plan->home.conf, "broker.front")[at]; at++)
        if (start_broker(children, plan, at, err)) return err->code;
    for (size_t i = 0; i < COUNT_OF(single); i++) {
        snprintf(name, sizeof name, "%s-1", single[i]);
        if (start_program(children, plan, single[i], name, NULL, err)) return err->code;
    }
    if (start_program(children, plan, "settlement", "settlement-1", stands_back, err)) return err->code;
    for (int64_t i = 1; i <= plan->adjudication; i++) {
        snprintf(name, sizeof name, "adjudication-%lld", (long long)i);
        if (start_program(children, plan, "adjudication", name, NULL, err)) return err->code;
    }
    return E_OK;
}

// ---- ready

static bool is_listed(const Tc__Directory *directory, const char *instance) {
    for (size_t i = 0; i < directory->n_instances; i++)
        if (strcmp(directory->instances[i]->instance, instance) == 0) return true;
    return false;
}

// Whether this broker has heard every service. `missing` says who is not there.
static bool has_heard_all(suite_t *suite, const char *endpoint, const children_t *children, char missing[static 256]) {
    const char *const only[] = {endpoint, NULL};
    client_conf_t conf = suite->client_conf;
    conf.brokers = only;
    client_t *client = NULL;
    err_t err = {0};
    reply_t reply;
    ProtobufCMessage *message = NULL;
    const call_t call = {.service = "broker", .method = "directory", .key = "", .body = "", .deadline_ms = 1000};
    int rc = client_new(&client, &conf, &err);
    if (!rc) rc = client_call(client, &call, &reply, &err);
    if (!rc)
        rc = message_unpack(&message, &tc__directory__descriptor, reply.body, reply.body_bytes, suite->arena, &err);
    client_destroy(&client);
    if (rc) snprintf(missing, 256, "the broker at %s: %.150s", endpoint, err.text);
    for (size_t i = 0; !rc && i < children->count; i++) {
        const child_t *child = &children->child[i];
        if (child->stage != STAGE_SERVICE || is_listed((const Tc__Directory *)message, child->name)) continue;
        snprintf(missing, 256, "the broker at %s to hear %s", endpoint, child->name);
        return false;
    }
    return !rc;
}

// Everything is opened for one question and closed again: no thread of ZeroMQ is left when a child is forked.
static bool all_heard(const plan_t *plan, const children_t *children, char missing[static 256]) {
    suite_t suite;
    bool heard = suite_open(&suite, plan->data, "admin") == 0;
    if (!heard) snprintf(missing, 256, "the suite's own keys and configuration");
    for (const char *const *at = conf_list(plan->home.conf, "broker.front"); heard && *at; at++)
        heard = has_heard_all(&suite, *at, children, missing);
    suite_close(&suite);
    return heard;
}

static bool all_healthy(const children_t *children, char missing[static 256]) {
    char told[PROBE_MAX_BYTES];
    bool healthy = true;
    for (size_t i = 0; healthy && i < children->count; i++) {
        const child_t *child = &children->child[i];
        err_t err = {0};
        if (!child->health[0]) continue; // Redis
        if (probe_health(child->health, &healthy, told, &err)) snprintf(told, sizeof told, "%s", err.text);
        if (!healthy) snprintf(missing, 256, "%s to be healthy: %.150s", child->name, told);
    }
    return healthy;
}

static void announce(const children_t *children, const plan_t *plan) {
    const conf_t *conf = plan->home.conf;
    printf("ready data=%s processes=%zu\n", plan->data, children->count);
    for (const char *const *at = conf_list(conf, "broker.front"); *at; at++) printf("  broker    %s\n", *at);
    if (*conf_text(conf, "agency.bind")) printf("  agencies  %s\n", conf_text(conf, "agency.bind"));
    // The address of a PostgreSQL may hold a password.
    const char *store = conf_text(conf, "store.url");
    bool lite = strncmp(store, "sqlite:", 7) == 0;
    printf("  store     %s\n  redis     %s\n  policy    %s\n", lite ? store : "PostgreSQL (store.url)",
           conf_text(conf, "redis.url"), conf_text(conf, "policy.city"));
    printf("  keys      %s (admin, clerk, hospital, agency)\n  logs      %s/log\n", conf_text(conf, "keys.dir"),
           plan->data);
    printf("  health    (and metrics; also in %s/run/NAME.health)\n", plan->data);
    for (size_t i = 0; i < children->count; i++)
        if (children->child[i].health[0]) printf("    %-16s %s\n", children->child[i].name, children->child[i].health);
    printf("  try       tongchou status --data %s\n", plan->data);
    fflush(stdout);
}

static void complain_of_the_slow(const children_t *children, const plan_t *plan, const char *missing) {
    for (size_t i = 0; i < children->count; i++)
        if (!children->child[i].ready)
            fprintf(stderr, "waiting for %s (see %s/log/%s.log)\n", children->child[i].name, plan->data,
                    children->child[i].name);
    if (children_all_ready(children)) fprintf(stderr, "waiting for %s\n", missing);
}

static void supervise(children_t *children, const plan_t *plan) {
    bool announced = false;
    char missing[256] = "";
    int64_t told_ms = clock_now_ms();
    while (!stop_asked) {
        children_turn(children, 100);
        if (announced) continue;
        if (children_all_ready(children) && all_heard(plan, children, missing) && all_healthy(children, missing)) {
            announce(children, plan);
            announced = true;
        } else if (clock_now_ms() - told_ms >= 5000) {
            complain_of_the_slow(children, plan, missing);
            told_ms = clock_now_ms();
        }
    }
}

static void catch_signals(void) {
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

static int run(int argc, char **argv, const command_t *self) {
    static children_t children; // too large for the stack, and one suite per process
    static plan_t plan = {.adjudication = 1, .home.lock = -1};
    home_change_t change = {.port = -1};
    plan.data = cli_default_data;
    const option_spec_t specs[] = {
        {.name = "data", .text = &plan.data},
        {.name = "store", .text = &change.store},
        {.name = "redis", .text = &change.redis},
        {.name = "city", .text = &change.city},
        {.name = "port", .number = &change.port},
        {.name = "adjudication", .number = &plan.adjudication},
        {.name = "overlay", .list = change.overlay, .room = COUNT_OF(change.overlay)},
    };
    int status = options_parse(argc, argv, self, specs, COUNT_OF(specs), NULL, NULL);
    if (status >= 0) return status;
    log_setup("up", LOG_INFO);
    err_t err = {0};
    if (plan.adjudication < 1 || plan.adjudication > 32 || change.port == 0 || change.port > 65536 - HOME_PORTS) {
        fprintf(stderr, "tongchou up: --adjudication 1…32 and --port 1…65531 were expected\n");
        return 2;
    }
    catch_signals();
    if (find_programs(&plan, &err) || home_open(&plan.home, plan.data, &change, &err)) goto out;
    children.dir = plan.home.dir;
    if (start_all(&children, &plan, &err)) goto out;
    supervise(&children, &plan);
    fprintf(stderr, "stopping %zu processes\n", children.count);
out:
    if (err.code) fprintf(stderr, "tongchou up: %s\n", err.text);
    children_stop(&children, 10000);
    children_free(&children);
    home_close(&plan.home);
    return err.code ? 2 : 0;
}

const command_t command_up = {
    .name = "up", .summary = "start a whole suite on this machine and keep it running", .help = help, .run = run};
