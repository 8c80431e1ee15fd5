// The simulated data centre: brokers and services as nodes, their databases in one folder, their keys in another. A
// node that dies is started again after a pause, as a supervisor does.
#pragma once
#include "world.h"

enum { CITY_BROKERS_MAX = 2, CITY_ADJUDICATION_MAX = 4, CITY_NODES_MAX = 16 };

typedef struct city_conf {
    const char *dir;      // of databases; made by the caller
    const char *keys_dir; // made by city_keys()
    const char *law;      // the city's file
    const char *overlay;  // laid over it
    const char *door_dir; // keys and grants of settlement, which then has a door for agencies; NULL: no door
    int brokers, adjudication;
} city_conf_t;

// Once, before any seed: keys of all parties, and the law compiled.
int city_keys(const char *keys_dir);
void city_open(const city_conf_t *conf); // makes the nodes and starts them
const city_conf_t *city_conf(void);
size_t city_nodes(node_t *const **nodes); // without the callers
bool city_is_up(void);
void city_restarts_us(int64_t least_us, int64_t most_us); // the pause before a dead node comes again
void city_restart(node_t *node);                          // in order; it comes again
void city_add_instance(void);                             // of adjudication
void city_remove_instance(void);                          // in order, for good
const char *const *city_fronts(void);
void city_stop(void); // all of them in order, for good
