// The harness behind the scenario tests.
#include "running.h"
#include "common/base/date.h"
#include "common/daemon/conf.h"
#include "common/wire/message.h"
#include "services/cli/methods.h"
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <netinet/in.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zmq.h>

enum { PARTIES_MAX = 8 };

struct running {
    char dir[256];
    running_conf_t how;
    pid_t pid;
    conf_t *conf;
    void *zmq;
    struct {
        char name[32];
        keys_t *keys;
        client_t *client;
    } party[PARTIES_MAX];
    arena_t *arena;
    json_t *reply;
    int port;
};

const char *running_bin(void) { return TC_BINARY_DIR "/bin"; }
const char *running_dir(const running_t *running) { return running->dir; }

// Below the ports Linux gives away by itself (32768 and up); suites that start at once begin to look at different
// places.
int running_free_ports(int count) {
    int base = 10000 + getpid() * count % 20000;
    for (int tries = 0; tries<1000; base = base> 30000 ? 10000 : base + count, tries++) {
        int taken = 0;
        for (int i = 0; i < count && !taken; i++) {
            struct sockaddr_in address = {.sin_family = AF_INET,
                                          .sin_port = htons((uint16_t)(base + i)),
                                          .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
            int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
            taken = fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address);
            if (fd >= 0) close(fd);
        }
        if (!taken) return base;
    }
    return -1;
}

static pid_t spawn(char **argv, const char *out) {
    pid_t pid = fork();
    if (pid) return pid;
    if (!freopen(out, "a", stdout) || !freopen(out, "a", stderr)) _exit(126);
    execv(argv[0], argv);
    _exit(127);
}

static int start_up(running_t *r) {
    const running_conf_t *conf = &r->how;
    char program[512], port[16], count[16], out[300], city[512], overlay[8][512];
    char *argv[32] = {program,          (char *)"up", (char *)"--data",         r->dir,
                      (char *)"--port", port,         (char *)"--adjudication", count,
                      (char *)"--city", city};
    int n = 10;
    snprintf(program, sizeof program, "%s/tongchou", running_bin());
    snprintf(port, sizeof port, "%d", r->port);
    snprintf(city, sizeof city, TC_SOURCE_DIR "/config/cities/%s.yaml", conf->city ? conf->city : "jiangmen");
    snprintf(count, sizeof count, "%d", conf->adjudication ? conf->adjudication : 1);
    snprintf(out, sizeof out, "%s/up.out", r->dir);
    if (conf->store) {
        argv[n++] = (char *)"--store";
        argv[n++] = (char *)conf->store;
    }
    for (int i = 0; conf->overlays && conf->overlays[i] && i < 8; i++) {
        snprintf(overlay[i], sizeof overlay[i], TC_SOURCE_DIR "/%s", conf->overlays[i]);
        argv[n++] = (char *)"--overlay";
        argv[n++] = overlay[i];
    }
    argv[n] = NULL;
    r->pid = spawn(argv, out);
    return r->pid > 0 ? 0 : -1;
}

static int file_has(const char *path, const char *word) {
    char line[1024];
    FILE *file = fopen(path, "r");
    int found = 0;
    while (file && !found && fgets(line, sizeof line, file)) found = strncmp(line, word, strlen(word)) == 0;
    if (file) fclose(file);
    return found;
}

static void pause_ms(int ms) { poll(NULL, 0, ms); }

static int wait_ready(running_t *r) {
    char out[300];
    snprintf(out, sizeof out, "%s/up.out", r->dir);
    for (int64_t until = clock_now_ms() + 60000; clock_now_ms() < until; pause_ms(50)) {
        if (file_has(out, "ready")) return 0;
        if (waitpid(r->pid, NULL, WNOHANG) == r->pid) break;
    }
    fprintf(stderr, "the suite in %s did not come up:\n", r->dir);
    char command[600];
    snprintf(command, sizeof command, "tail -n 20 %s/up.out %s/log/*.log >&2", r->dir, r->dir);
    if (system(command)) fprintf(stderr, "(no logs)\n");
    return -1;
}

static int connect_party(running_t *r, const char *name, err_t *err) {
    for (int i = 0; i < PARTIES_MAX; i++) {
        if (r->party[i].client && strcmp(r->party[i].name, name) == 0) return i;
        if (r->party[i].client) continue;
        snprintf(r->party[i].name, sizeof r->party[i].name, "%s", name);
        if (keys_load(&r->party[i].keys, conf_text(r->conf, "keys.dir"), name, err)) return -1;
        const client_conf_t conf = {.context = r->zmq,
                                    .keys = r->party[i].keys,
                                    .brokers = conf_list(r->conf, "broker.front"),
                                    .broker_key_name = conf_text(r->conf, "broker.key_name")};
        return client_new(&r->party[i].client, &conf, err) ? -1 : i;
    }
    return -1;
}

int running_set_clock(int64_t now_ms) {
    char text[32];
    if (unsetenv("TC_CLOCK_AHEAD_MS")) return -1; // measured from the true time
    snprintf(text, sizeof text, "%lld", (long long)(now_ms - clock_now_ms()));
    return setenv("TC_CLOCK_AHEAD_MS", text, 1);
}

running_t *running_start(const running_conf_t *conf) {
    running_t *r = calloc(1, sizeof *r);
    err_t err = {0};
    r->how = *conf;
    snprintf(r->dir, sizeof r->dir, "%s/tongchou-XXXXXX", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
    r->port = running_free_ports(5);
    char file[300];
    if (!mkdtemp(r->dir) || r->port < 0 || start_up(r) || wait_ready(r)) goto failed;
    snprintf(file, sizeof file, "%s/tongchou.yaml", r->dir);
    char *argv[] = {(char *)"test", (char *)"--config", file};
    r->zmq = zmq_ctx_new();
    r->arena = arena_new(64 * 1024, 0);
    if (conf_load(&r->conf, 3, argv, &err)) goto failed;
    return r;
failed:
    if (err.code) fprintf(stderr, "%s\n", err.text);
    running_stop(&r);
    return NULL;
}

void running_halt(running_t *r) {
    if (r->pid > 0 && kill(r->pid, SIGTERM) == 0) waitpid(r->pid, NULL, 0);
    r->pid = 0;
}

int running_resume(running_t *r) {
    char out[300];
    snprintf(out, sizeof out, "%s/up.out", r->dir);
    if (unlink(out)) return -1; // it says "ready" of the time before
    return start_up(r) || wait_ready(r) ? -1 : 0;
}

void running_stop(running_t **running) {
    running_t *r = *running;
    if (!r) return;
    for (int i = 0; i < PARTIES_MAX; i++) {
        client_destroy(&r->party[i].client);
        keys_destroy(&r->party[i].keys);
    }
    running_halt(r);
    if (r->zmq) zmq_ctx_term(r->zmq);
    conf_destroy(&r->conf);
    arena_destroy(&r->arena);
    json_decref(r->reply);
    char command[300];
    snprintf(command, sizeof command, "rm -rf %s", r->dir);
    if (!getenv("KEEP") && system(command)) fprintf(stderr, "%s is left\n", r->dir);
    free(r);
    *running = NULL;
}

int running_pid(const running_t *running, const char *name) {
    char path[400];
    int pid = 0;
    snprintf(path, sizeof path, "%s/run/%s.pid", running->dir, name);
    FILE *file = fopen(path, "r");
    if (file && fscanf(file, "%d", &pid) != 1) pid = 0;
    if (file) fclose(file);
    return pid;
}

int running_kill(const running_t *running, const char *name) {
    int pid = running_pid(running, name);
    return pid > 0 ? kill(pid, SIGKILL) : -1;
}

int running_wait_restarted(const running_t *running, const char *name, int old_pid) {
    for (int64_t until = clock_now_ms() + 20000; clock_now_ms() < until; pause_ms(20)) {
        int pid = running_pid(running, name);
        if (pid > 0 && pid != old_pid && kill(pid, 0) == 0) return 0;
    }
    return -1;
}

const json_t *running_call(running_t *r, const char *as, const char *service, const char *name, const char *request_id,
                           const char *json, err_t *err) {
    *err = (err_t){0};
    arena_reset(r->arena);
    const cli_method_t *method = method_find(service, name);
    ProtobufCMessage *request = NULL, *answer = NULL;
    reply_t reply;
    int party = connect_party(r, as, err);
    if (party < 0) return NULL;
    if (!method) {
        err_set(err, E_NOT_FOUND, "no method %s.%s", service, name);
        return NULL;
    }
    if (message_from_json(&request, method->request, json, strlen(json), r->arena, err)) return NULL;
    size_t bytes = 0;
    void *body = message_pack(request, r->arena, &bytes);
    const call_t call = {.service = service,
                         .method = name,
                         .key = method_key(method, request),
                         .request_id = request_id,
                         .body = body,
                         .body_bytes = bytes,
                         .deadline_ms = 30000};
    if (client_call(r->party[party].client, &call, &reply, err) ||
        message_unpack(&answer, method->reply, reply.body, reply.body_bytes, r->arena, err))
        return NULL;
    json_decref(r->reply);
    r->reply = json_loads(message_to_json(answer, r->arena), 0, NULL);
    return r->reply;
}

const json_t *running_callf(running_t *r, err_t *err, const char *service, const char *method, const char *format,
                            ...) {
    char json[2048];
    va_list args;
    va_start(args, format);
    vsnprintf(json, sizeof json, format, args);
    va_end(args);
    const json_t *reply = running_call(r, "admin", service, method, NULL, json, err);
    if (!reply)
        fprintf(stderr, "%s.%s %s: %s %s: %s\n", service, method, json, err_name(err->code), err->field, err->text);
    return reply;
}

static const json_t *at_path(const json_t *node, const char *path) {
    char step[64];
    while (node && *path) {
        size_t length = strcspn(path, ".");
        snprintf(step, sizeof step, "%.*s", (int)length, path);
        node =
            json_is_array(node) ? json_array_get(node, (size_t)strtoul(step, NULL, 10)) : json_object_get(node, step);
        path += length + (path[length] == '.');
    }
    return node;
}

const char *running_text(const json_t *reply, const char *path) {
    const char *text = json_string_value(at_path(reply, path));
    return text ? text : "";
}

const char *running_amount(const json_t *reply, const char *list, const char *name) {
    size_t i;
    json_t *entry;
    json_array_foreach(json_object_get(reply, list), i, entry) {
        const char *its = json_string_value(json_object_get(entry, "name"));
        if (its && strcmp(its, name) == 0) return running_text(entry, "amount");
    }
    return "";
}

int running_command(const running_t *running, char *out, size_t room, const char *const *args) {
    char program[512], data[300];
    const char *argv[32] = {program};
    int ends[2], n = 1, status = -1;
    snprintf(program, sizeof program, "%s/tongchou", running_bin());
    for (; args[n - 1] && n < 28; n++) argv[n] = args[n - 1];
    snprintf(data, sizeof data, "%s", running->dir);
    argv[n++] = "--data";
    argv[n++] = data;
    if (pipe(ends)) return -1;
    pid_t pid = fork();
    if (pid == 0) {
        dup2(ends[1], STDOUT_FILENO);
        close(ends[0]);
        close(ends[1]);
        execv(program, (char *const *)argv);
        _exit(127);
    }
    close(ends[1]);
    size_t at = 0;
    char rest[4096];
    for (ssize_t got = 1; got > 0;) {
        got = at + 1 < room ? read(ends[0], out + at, room - at - 1) : read(ends[0], rest, sizeof rest);
        if (got > 0 && at + 1 < room) at += (size_t)got;
    }
    if (room) out[at] = 0;
    close(ends[0]);
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int running_settle_down(running_t *running) {
    char out[256];
    const char *const args[] = {"wait", NULL};
    return running_command(running, out, sizeof out, args);
}
