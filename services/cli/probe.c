#include "probe.h"
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum { PATIENCE_S = 2, HOST_MAX_BYTES = 64 };

// "http://1.2.3.4:5" or "1.2.3.4:5". Who binds every address is asked at the loopback.
static int parse(const char *where, char host[static HOST_MAX_BYTES], const char **port, err_t *err) {
    const char *from = strncmp(where, "http://", 7) == 0 ? where + 7 : where, *colon = strrchr(from, ':');
    if (!colon || colon == from || colon - from >= HOST_MAX_BYTES || !colon[1] || strcmp(colon, ":0") == 0)
        return err_set(err, E_INVALID_FIELD, "%s: the address of a process was expected, like http://127.0.0.1:7700",
                       where);
    snprintf(host, HOST_MAX_BYTES, "%.*s", (int)(colon - from), from);
    if (strcmp(host, "0.0.0.0") == 0) snprintf(host, HOST_MAX_BYTES, "127.0.0.1");
    *port = colon + 1;
    return E_OK;
}

static int dial(const char *where, int *out, err_t *err) {
    const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM};
    const struct timeval patience = {.tv_sec = PATIENCE_S};
    struct addrinfo *address = NULL;
    char host[HOST_MAX_BYTES];
    const char *port = "";
    int code = parse(where, host, &port, err);
    if (code) return code;
    if (getaddrinfo(host, port, &hints, &address))
        return err_set(err, E_INVALID_FIELD, "%s: a numeric address was expected", where);
    int fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool good = fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) == 0 && // of connect too
                setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) == 0 &&
                connect(fd, address->ai_addr, address->ai_addrlen) == 0;
    if (!good) code = err_set(err, E_UNAVAILABLE, "%s does not answer: %s", where, strerror(errno));
    freeaddrinfo(address);
    if (!good && fd >= 0) close(fd);
    if (good) *out = fd;
    return code;
}

// Everything up to the end, which the process makes after its answer.
static int ask(int fd, const char *where, char answer[static PROBE_MAX_BYTES], err_t *err) {
    static const char request[] = "GET /health HTTP/1.0\r\n\r\n";
    size_t got = 0;
    ssize_t more = 1;
    if (send(fd, request, sizeof request - 1, MSG_NOSIGNAL) != (ssize_t)sizeof request - 1) more = -1;
    while (more > 0 && got < PROBE_MAX_BYTES - 1) {
        more = recv(fd, answer + got, PROBE_MAX_BYTES - 1 - got, 0);
        if (more > 0) got += (size_t)more;
    }
    answer[got] = 0;
    if (more >= 0 && strncmp(answer, "HTTP/1.", 7) == 0) return E_OK;
    return err_set(err, E_UNAVAILABLE, "%s does not answer", where);
}

int probe_health(const char *where, bool *healthy, char told[static PROBE_MAX_BYTES], err_t *err) {
    char answer[PROBE_MAX_BYTES] = "";
    int fd = -1;
    int rc = dial(where, &fd, err);
    if (!rc) rc = ask(fd, where, answer, err);
    if (fd >= 0) close(fd);
    const char *body = strstr(answer, "\r\n\r\n"), *code = strchr(answer, ' ');
    *healthy = !rc && code && strncmp(code, " 200", 4) == 0;
    snprintf(told, PROBE_MAX_BYTES, "%s", body ? body + 4 : "");
    return rc;
}
