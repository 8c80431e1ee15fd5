// The broker as a process: configuration, signals, health, one line when it serves.
#include "broker.h"
#include "common/base/ids.h"
#include "common/base/log.h"
#include "common/base/metrics.h"
#include "common/daemon/conf.h"
#include "common/daemon/health.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

static broker_t *running; // for the signal handler, and for the health thread, which ends before it

static void on_signal(int number) {
    (void)number;
    broker_stop(running);
}

static bool report(void *self, char *text, size_t room) {
    bool serving = broker_is_serving(running);
    long long instances = metric_value(metric_gauge("tongchou_broker_instances", "", ""));
    long long requests = metric_value(metric_gauge("tongchou_broker_jobs", "", ""));
    snprintf(text, room,
             "{\"service\":\"broker\",\"instance\":\"%s\",\"state\":\"%s\",\"instances\":%lld,\"requests\":%lld}",
             (const char *)self, serving ? "ready" : "stuck", instances, requests);
    return serving;
}

// A broker binds one address where its clients and services may know several.
static int only_one(const conf_t *conf, const char *key, const char **out, err_t *err) {
    const char *const *list = conf_list(conf, key);
    if (!list[0] || list[1]) return err_field(err, E_INVALID_FIELD, key, "%s: a broker binds exactly one address", key);
    *out = list[0];
    return E_OK;
}

static int set_name(const conf_t *conf, char name[static WIRE_NAME_MAX + 1], err_t *err) {
    char host[32] = "";
    const char *given = conf_text(conf, "service.instance");
    if (given[0] && name_check("service.instance", given, err) != E_OK) return err->code;
    if (!given[0] && gethostname(host, sizeof host - 1) != 0) snprintf(host, sizeof host, "localhost");
    if (given[0])
        snprintf(name, WIRE_NAME_MAX + 1, "%s", given);
    else
        snprintf(name, WIRE_NAME_MAX + 1, "broker-%.24s-%d", host, (int)getpid());
    return E_OK;
}

static int read_conf(const conf_t *conf, broker_conf_t *out, char name[static WIRE_NAME_MAX + 1], err_t *err) {
    int level = log_level_from_name(conf_text(conf, "log.level"));
    if (level < 0) return err_field(err, E_INVALID_FIELD, "log.level", "log.level must be debug, info, warn or error");
    int rc = set_name(conf, name, err);
    if (rc != E_OK) return rc;
    log_setup(name, (log_level_t)level);
    out->name = name;
    out->keys_dir = conf_text(conf, "keys.dir");
    out->key_name = conf_text(conf, "broker.key_name");
    if ((rc = only_one(conf, "broker.front", &out->front, err)) != E_OK) return rc;
    return only_one(conf, "broker.back", &out->back, err);
}

static int serve(const conf_t *conf, err_t *err) {
    struct sigaction stop = {.sa_handler = on_signal};
    char name[WIRE_NAME_MAX + 1];
    broker_conf_t broker_conf = {0};
    health_t *health = NULL;
    int rc = read_conf(conf, &broker_conf, name, err);
    if (rc == E_OK) rc = broker_new(&running, &broker_conf, err);
    if (rc == E_OK) rc = health_start(&health, conf_text(conf, "health.bind"), report, name, err);
    if (rc != E_OK) goto out;
    sigaction(SIGTERM, &stop, NULL);
    sigaction(SIGINT, &stop, NULL);
    printf("ready service=broker instance=%s front=%s back=%s health=%s\n", name, broker_front(running),
           broker_back(running), health_url(health));
    fflush(stdout);
    rc = broker_run(running, err);
    // A second signal must not find a broker that is being taken apart.
    signal(SIGTERM, SIG_IGN);
    signal(SIGINT, SIG_IGN);
out:
    health_stop(&health);
    broker_destroy(&running);
    return rc;
}

int main(int argc, char **argv) {
    conf_t *conf = NULL;
    err_t err = {0};
    log_setup("broker", LOG_INFO);
    int rc = conf_load(&conf, argc, argv, &err);
    if (rc == E_OK && conf_help_asked(conf))
        conf_manual(stdout);
    else if (rc == E_OK)
        rc = serve(conf, &err);
    conf_destroy(&conf);
    if (rc == E_OK) return 0;
    log_error("broker_failed", "code=%s reason=%s", err_name(rc), log_value(err.text));
    return 1;
}
