// Nodes are the real processes: service_main() with arguments, broker_new() and broker_run().
#include "city.h"
#include "again.h"
#include "common/wire/party.h"
#include "door.h"
#include "net.h"
#include "services.h"
#include "services/broker/broker.h"
#include "system.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ARGUMENTS_MAX = 16, ARGUMENT_BYTES = 512 };

typedef struct member {
    const service_t *service; // NULL: a broker
    int number;
    bool wanted; // comes again when it dies
    broker_t *broker;
    void *running; // of common/daemon/service.c
    int64_t restart_at_us;
} member_t;

static struct {
    city_conf_t conf;
    node_t *nodes[CITY_NODES_MAX];
    member_t members[CITY_NODES_MAX];
    size_t count;
    int adjudication;
    int64_t pause_min_us, pause_max_us;
    char fronts[CITY_BROKERS_MAX][32];
    const char *front_list[CITY_BROKERS_MAX + 1];
} city;

static const struct {
    const char *name, *role;
} parties[] = {{"broker", "broker"},      {"enrollment", "service"},   {"facility", "service"},
               {"collection", "service"}, {"adjudication", "service"}, {"settlement", "service"},
               {"admin", "admin"},        {DOOR_STAYS, "agency"},      {DOOR_LEAVES, "agency"},
               {"clerk", "clerk"}};

int city_keys(const char *keys_dir) {
    err_t err = {0};
    for (size_t i = 0; i < COUNT_OF(parties); i++)
        if (keys_make(keys_dir, parties[i].name, parties[i].role, &err)) {
            fprintf(stderr, "%s\n", err.text);
            return -1;
        }
    return 0;
}

static void introduce(void) {
    keys_t *keys = NULL;
    err_t err = {0};
    CHECK(keys_load(&keys, city.conf.keys_dir, NULL, &err) == E_OK);
    for (size_t i = 0; i < COUNT_OF(parties); i++) {
        char user[96];
        snprintf(user, sizeof user, "%s:%s", parties[i].role, parties[i].name);
        net_party(keys_public_of(keys, parties[i].name), user);
    }
    keys_destroy(&keys);
}

// ---- lives

static char *argument(const char *key, const char *value) {
    char *text = malloc(ARGUMENT_BYTES); // for the rest of the life
    CHECK(text);
    CHECK(snprintf(text, ARGUMENT_BYTES, "--%s=%s", key, value) < ARGUMENT_BYTES);
    return text;
}

static int live_service(node_t *node) {
    const member_t *member = node_self(node);
    const city_conf_t *conf = &city.conf;
    char *argv[ARGUMENTS_MAX] = {(char *)member->service->name};
    int argc = 1;
    const bool two = conf->brokers > 1;
    char url[ARGUMENT_BYTES];
    snprintf(url, sizeof url, "sqlite:%s", conf->dir);
    argv[argc++] = argument("service.instance", node_name(node));
    argv[argc++] = argument("broker.front", two ? "tcp://broker-1:7701,tcp://broker-2:7701" : "tcp://broker-1:7701");
    argv[argc++] = argument("broker.back", two ? "tcp://broker-1:7702,tcp://broker-2:7702" : "tcp://broker-1:7702");
    const bool door = conf->door_dir && member->service == &settlement_service;
    argv[argc++] = argument("keys.dir", door ? conf->door_dir : conf->keys_dir);
    if (door) argv[argc++] = argument("agency.bind", DOOR_ENDPOINT);
    argv[argc++] = argument("store.url", url);
    argv[argc++] = argument("redis.url", "redis://redis:6379");
    argv[argc++] = argument("policy.city", conf->law);
    if (conf->overlay) argv[argc++] = argument("policy.overlays", conf->overlay);
    argv[argc++] = argument("log.level", trace_is_on() ? "info" : "warn");
    return service_main(argc, argv, member->service);
}

static int live_broker(node_t *node) {
    member_t *member = node_self(node);
    char front[32], back[32];
    snprintf(front, sizeof front, "tcp://broker-%d:7701", member->number);
    snprintf(back, sizeof back, "tcp://broker-%d:7702", member->number);
    const broker_conf_t conf = {.name = node_name(node), .front = front, .back = back, .keys_dir = city.conf.keys_dir};
    err_t err = {0};
    int code = broker_new(&member->broker, &conf, &err);
    if (!code) code = broker_run(member->broker, &err);
    if (code) trace("broker: %s", err.text);
    broker_destroy(&member->broker);
    return code ? 1 : 0;
}

static int live(node_t *node) {
    const member_t *member = node_self(node);
    return member->service ? live_service(node) : live_broker(node);
}

static void come_again(void *self, uint64_t life) {
    node_t *node = self;
    const member_t *member = node_self(node);
    if (!member->wanted || node_is_up(node) || node_life(node) != life) return;
    trace("%s starts again", node_name(node));
    node_start(node);
}

static void buried(node_t *node) {
    member_t *member = node_self(node);
    member->broker = NULL;
    member->running = NULL;
    trace("%s is gone%s", node_name(node),
          node_exit(node) == 0  ? ", in order"
          : node_exit(node) > 0 ? ", by itself"
                                : "");
    if (member->wanted)
        world_at(world_us() + draw_between(city.pause_min_us, city.pause_max_us), come_again, node, node_life(node));
}

static void leaves(node_t *node) {
    if (node_self(node)) ((member_t *)node_self(node))->running = again_running();
}

static void enters(node_t *node) { again_run(node_self(node) ? ((member_t *)node_self(node))->running : NULL); }

// ---- making it

static node_t *add(const service_t *service, const char *name, int number) {
    static const node_ops_t ops = {.main = live, .buried = buried};
    CHECK(city.count < CITY_NODES_MAX);
    member_t *member = &city.members[city.count];
    *member = (member_t){.service = service, .number = number, .wanted = true};
    return city.nodes[city.count++] = node_new(name, &ops, member);
}

static void start_later(void *node, uint64_t life) {
    if (node_life(node) == life) node_start(node);
}

static void add_and_start(const service_t *service, const char *name, int number) {
    node_t *node = add(service, name, number);
    world_at(world_us() + draw_between(0, 50000), start_later, node, 0);
}

void city_add_instance(void) {
    char name[32];
    if (city.adjudication == CITY_ADJUDICATION_MAX || city.count == CITY_NODES_MAX) return;
    snprintf(name, sizeof name, "adjudication-%d", ++city.adjudication);
    add_and_start(&adjudication_service, name, city.adjudication);
}

void city_open(const city_conf_t *conf) {
    static const layer_t layer = {.leaves = leaves, .enters = enters};
    static const service_t *const others[] = {&enrollment_service, &facility_service, &collection_service,
                                              &settlement_service};
    city.conf = *conf;
    city_restarts_us(200000, 2000000);
    world_layer(&layer);
    introduce();
    for (int i = 1; i <= conf->brokers; i++) {
        char name[32];
        snprintf(name, sizeof name, "broker-%d", i);
        snprintf(city.fronts[i - 1], sizeof city.fronts[i - 1], "tcp://broker-%d:7701", i);
        city.front_list[i - 1] = city.fronts[i - 1];
        add_and_start(NULL, name, i);
    }
    for (size_t i = 0; i < COUNT_OF(others); i++) {
        char name[32];
        snprintf(name, sizeof name, "%s-1", others[i]->name);
        add_and_start(others[i], name, 1);
    }
    for (int i = 0; i < conf->adjudication; i++) city_add_instance();
}

const city_conf_t *city_conf(void) { return &city.conf; }
const char *const *city_fronts(void) { return city.front_list; }

size_t city_nodes(node_t *const **nodes) {
    *nodes = city.nodes;
    return city.count;
}

void city_restarts_us(int64_t least_us, int64_t most_us) {
    city.pause_min_us = least_us;
    city.pause_max_us = most_us;
}

bool city_is_up(void) {
    for (size_t i = 0; i < city.count; i++)
        if (city.members[i].wanted && !node_is_up(city.nodes[i])) return false;
    return true;
}

static void let_go(size_t i) {
    city.members[i].wanted = false;
    if (city.members[i].broker) broker_stop(city.members[i].broker);
    node_stop(city.nodes[i]);
}

void city_restart(node_t *node) {
    const member_t *member = node_self(node);
    if (member->broker) broker_stop(member->broker);
    node_stop(node);
}

void city_remove_instance(void) {
    size_t last = CITY_NODES_MAX, found = 0;
    for (size_t i = 0; i < city.count; i++)
        if (city.members[i].service == &adjudication_service && city.members[i].wanted) {
            last = i;
            found++;
        }
    if (found > 1) let_go(last);
}

void city_stop(void) {
    for (size_t i = 0; i < city.count; i++) let_go(i);
}
