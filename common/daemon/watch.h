// What a service knows about its surroundings, for GET /health: its main loop asks now and then and writes atomics, the
// health thread reads them.
#pragma once
#include "service.h"

typedef struct watch watch_t;

typedef enum watch_state { WATCH_STARTING, WATCH_READY, WATCH_DRAINING } watch_state_t;

int watch_new(watch_t **out, const char *service, const char *instance, err_t *err) MUST_USE;
void watch_destroy(watch_t **watch);
void watch_state(watch_t *watch, watch_state_t state);
// From now on ask also whether the brokers know us, through a client of our own.
int watch_brokers(watch_t *watch, const client_conf_t *conf, err_t *err) MUST_USE;

// Main loop, outside transactions: probe what is due. Uses and resets ctx->arena.
void watch_tick(watch_t *watch, service_ctx_t *ctx, int64_t now_us);
void watch_consumers(watch_t *watch, consumer_t *const *consumers, size_t count);

// A health_report_cb: healthy when ready, with the store reachable and a broker that lists us. Redis may be down.
bool watch_report(void *watch, char *text, size_t room);
