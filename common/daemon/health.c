// libmicrohttpd with one polling thread, few connections and a short patience: the endpoint is for probes, not for
// users.
#include "health.h"
#include "common/base/metrics.h"
#include <microhttpd.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { REPORT_MAX_BYTES = 4096, CONNECTIONS_MAX = 32, PATIENCE_S = 5 };

struct health {
    struct MHD_Daemon *http;
    health_report_cb *report;
    void *self;
    char url[96];
};

static enum MHD_Result answer(struct MHD_Connection *connection, unsigned status, const char *type, char *text,
                              size_t length, enum MHD_ResponseMemoryMode mode) {
    struct MHD_Response *response = MHD_create_response_from_buffer(length, text, mode);
    if (!response) {
        if (mode == MHD_RESPMEM_MUST_FREE) free(text);
        return MHD_NO;
    }
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    enum MHD_Result result = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result answer_metrics(struct MHD_Connection *connection) {
    size_t length = 0;
    char *text = metrics_text(&length);
    if (!text) return MHD_NO;
    return answer(connection, MHD_HTTP_OK, "text/plain; version=0.0.4", text, length, MHD_RESPMEM_MUST_FREE);
}

static enum MHD_Result answer_health(const health_t *health, struct MHD_Connection *connection) {
    char text[REPORT_MAX_BYTES] = "{}";
    bool good = health->report(health->self, text, sizeof text);
    return answer(connection, good ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE, "application/json", text, strlen(text),
                  MHD_RESPMEM_MUST_COPY);
}

static enum MHD_Result request_cb(void *self, struct MHD_Connection *connection, const char *path, const char *method,
                                  const char *version, const char *upload, size_t *upload_bytes, void **state) {
    (void)version, (void)upload, (void)upload_bytes, (void)state;
    static char not_found[] = "GET /health or /metrics\n";
    bool get = strcmp(method, MHD_HTTP_METHOD_GET) == 0;
    if (get && strcmp(path, "/metrics") == 0) return answer_metrics(connection);
    if (get && strcmp(path, "/health") == 0) return answer_health(self, connection);
    return answer(connection, MHD_HTTP_NOT_FOUND, "text/plain", not_found, sizeof not_found - 1,
                  MHD_RESPMEM_PERSISTENT);
}

// Split "address:port" and resolve it; the caller frees with freeaddrinfo.
static int parse_bind(const char *bind, char host[static 64], struct addrinfo **out, err_t *err) {
    const char *colon = strrchr(bind, ':');
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE, .ai_socktype = SOCK_STREAM};
    if (colon && colon > bind && colon - bind < 64) {
        snprintf(host, 64, "%.*s", (int)(colon - bind), bind);
        if (colon[1] && getaddrinfo(host, colon + 1, &hints, out) == 0) return E_OK;
    }
    return err_field(err, E_INVALID_FIELD, "health.bind",
                     "health.bind: numeric address:port expected, like 127.0.0.1:0");
}

int health_start(health_t **out, const char *bind, health_report_cb *report, void *self, err_t *err) {
    char host[64];
    struct addrinfo *address = NULL;
    int code = parse_bind(bind, host, &address, err);
    if (code) return code;
    health_t *health = calloc(1, sizeof *health);
    if (!health) {
        freeaddrinfo(address);
        return err_set(err, E_IO, "out of memory");
    }
    health->report = report;
    health->self = self;
    health->http =
        MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD, 0, NULL, NULL, request_cb, health, MHD_OPTION_SOCK_ADDR,
                         address->ai_addr, MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX,
                         MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)PATIENCE_S, MHD_OPTION_END);
    freeaddrinfo(address);
    const union MHD_DaemonInfo *info =
        health->http ? MHD_get_daemon_info(health->http, MHD_DAEMON_INFO_BIND_PORT) : NULL;
    if (!info) {
        health_stop(&health);
        return err_field(err, E_IO, "health.bind", "health.bind: cannot listen on %s", bind);
    }
    snprintf(health->url, sizeof health->url, "http://%s:%u", host, (unsigned)info->port);
    *out = health;
    return E_OK;
}

void health_stop(health_t **health) {
    if (!health || !*health) return;
    if ((*health)->http) MHD_stop_daemon((*health)->http);
    free(*health);
    *health = NULL;
}

const char *health_url(const health_t *health) { return health->url; }
