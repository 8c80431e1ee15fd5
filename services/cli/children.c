// The supervisor behind `tongchou up`. Restarts wait 100 ms, doubling up to 5 s while a child keeps dying young.
#include "children.h"
#include "common/base/date.h"
#include "common/base/log.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { YOUNG_MS = 5000, NOTE_PATH_MAX = PATH_MAX + 64 };

static void run_path(const children_t *children, const child_t *child, const char *suffix,
                     char out[static NOTE_PATH_MAX]) {
    snprintf(out, NOTE_PATH_MAX, "%s/run/%s.%s", children->dir, child->name, suffix);
}

// DIR/run/NAME.suffix, for people, tests and collectors of metrics: nothing of ours leans on it.
static void note(const children_t *children, const child_t *child, const char *suffix, const char *text) {
    char path[NOTE_PATH_MAX];
    run_path(children, child, suffix, path);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0 || dprintf(fd, "%s\n", text) < 0) log_warn("note_failed", "file=%s", log_value(path));
    if (fd >= 0) close(fd);
}

static void unnote(const children_t *children, const child_t *child, const char *suffix) {
    char path[NOTE_PATH_MAX];
    run_path(children, child, suffix, path);
    unlink(path);
}

static void became_ready(const children_t *children, child_t *child) {
    child->ready = true;
    if (child->health[0]) note(children, child, "health", child->health);
    if (!child->restarts) return;
    log_info("restarted", "name=%s pid=%d restarts=%d%s%s", child->name, (int)child->pid, child->restarts,
             child->health[0] ? " health=" : "", child->health);
}

// In the child: standard output to the pipe or, where nobody reads it, to the log file with the errors; then become the
// program.
static void become(const children_t *children, const child_t *child, int out) {
    char path[NOTE_PATH_MAX];
    snprintf(path, sizeof path, "%s/log/%s.log", children->dir, child->name);
    int log = open(path, O_WRONLY | O_CREAT | O_APPEND, 0644);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    setpgid(0, 0); // a Ctrl-C at the terminal is for the parent, which stops its children in order
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (log >= 0) dup2(log, STDERR_FILENO);
    dup2(child->says_ready || log < 0 ? out : log, STDOUT_FILENO);
    execv(child->argv[0], child->argv);
    fprintf(stderr, "cannot start %s: %s\n", child->argv[0], strerror(errno));
    _exit(127);
}

static int start(children_t *children, child_t *child, err_t *err) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK)) return err_set(err, E_IO, "pipe: %s", strerror(errno));
    fcntl(ends[1], F_SETFL, 0); // the child writes as it pleases
    pid_t pid = fork();
    if (pid == 0) become(children, child, ends[1]);
    close(ends[1]);
    if (pid < 0) {
        close(ends[0]);
        return err_set(err, E_IO, "fork: %s", strerror(errno));
    }
    child->pid = pid;
    child->out = ends[0];
    child->line_bytes = 0;
    child->health[0] = 0;
    child->started_ms = clock_now_ms();
    child->restart_at_ms = 0;
    char number[32];
    snprintf(number, sizeof number, "%d", (int)pid);
    note(children, child, "pid", number);
    unnote(children, child, "health"); // of a run before
    if (!child->says_ready) became_ready(children, child);
    return E_OK;
}

int children_add(children_t *children, const char *name, int stage, bool says_ready, const char *const *argv,
                 err_t *err) {
    if (children->count == CHILDREN_MAX) return err_set(err, E_TOO_LARGE, "more than %d processes", CHILDREN_MAX);
    child_t *child = &children->child[children->count++];
    *child = (child_t){.says_ready = says_ready, .stage = stage, .out = -1};
    snprintf(child->name, sizeof child->name, "%s", name);
    for (size_t i = 0; argv[i]; i++) {
        CHECK(i + 1 < CHILD_ARGS_MAX);
        child->argv[i] = strdup(argv[i]);
        if (!child->argv[i]) return err_set(err, E_IO, "out of memory");
    }
    return start(children, child, err);
}

static void take_line(const children_t *children, child_t *child) {
    child->line[child->line_bytes] = 0;
    child->line_bytes = 0;
    if (strncmp(child->line, "ready", 5) != 0) return;
    const char *health = strstr(child->line, " health=");
    if (health) {
        health += strlen(" health=");
        snprintf(child->health, sizeof child->health, "%.*s", (int)strcspn(health, " "), health);
    }
    became_ready(children, child);
}

static void read_output(const children_t *children, child_t *child) {
    char bytes[1024];
    ssize_t got;
    while ((got = read(child->out, bytes, sizeof bytes)) > 0)
        for (ssize_t i = 0; i < got; i++) {
            if (bytes[i] == '\n')
                take_line(children, child);
            else if (child->line_bytes + 1 < sizeof child->line)
                child->line[child->line_bytes++] = bytes[i];
        }
    if (got == 0) { // closed its output: nothing more to read
        close(child->out);
        child->out = -1;
    }
}

static void bury(children_t *children, child_t *child, int status) {
    int64_t now = clock_now_ms(), lived = now - child->started_ms;
    child->pid = 0;
    child->ready = false;
    unnote(children, child, "health");
    if (child->out >= 0) close(child->out);
    child->out = -1;
    if (children->stopping) return;
    child->quick_deaths = lived < YOUNG_MS ? child->quick_deaths + 1 : 0;
    int64_t pause = 100LL << (child->quick_deaths < 6 ? child->quick_deaths : 6);
    child->restart_at_ms = now + (pause < 5000 ? pause : 5000);
    log_warn("process_died", "name=%s status=%d signal=%d lived_ms=%lld restart_in_ms=%lld", child->name,
             WIFEXITED(status) ? WEXITSTATUS(status) : -1, WIFSIGNALED(status) ? WTERMSIG(status) : 0, (long long)lived,
             (long long)(child->restart_at_ms - now));
}

static int collect_dead(children_t *children) {
    int status, died = 0;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
        for (size_t i = 0; i < children->count; i++)
            if (children->child[i].pid == pid) {
                bury(children, &children->child[i], status);
                died = 1;
            }
    return died;
}

static void restart_due(children_t *children) {
    int64_t now = clock_now_ms();
    for (size_t i = 0; i < children->count; i++) {
        child_t *child = &children->child[i];
        if (child->pid || !child->restart_at_ms || child->restart_at_ms > now) continue;
        err_t err = {0};
        child->restarts++;
        if (start(children, child, &err)) {
            log_error("process_restart_failed", "name=%s why=%s", child->name, log_value(err.text));
            child->restart_at_ms = now + 1000;
        }
    }
}

int children_turn(children_t *children, int timeout_ms) {
    struct pollfd fds[CHILDREN_MAX];
    child_t *of[CHILDREN_MAX];
    nfds_t count = 0;
    for (size_t i = 0; i < children->count; i++)
        if (children->child[i].out >= 0) {
            fds[count] = (struct pollfd){.fd = children->child[i].out, .events = POLLIN};
            of[count++] = &children->child[i];
        }
    if (poll(fds, count, timeout_ms) > 0)
        for (nfds_t i = 0; i < count; i++)
            if (fds[i].revents) read_output(children, of[i]);
    int died = collect_dead(children);
    if (!children->stopping) restart_due(children);
    return died;
}

bool children_all_ready(const children_t *children) {
    for (size_t i = 0; i < children->count; i++)
        if (!children->child[i].ready) return false;
    return true;
}

static bool signal_stage(children_t *children, int stage, int number) {
    bool any = false;
    for (size_t i = 0; i < children->count; i++) {
        child_t *child = &children->child[i];
        if (!child->pid || child->stage != stage) continue;
        any = true;
        if (number == SIGKILL) log_warn("process_killed", "name=%s", child->name);
        if (number) kill(child->pid, number);
    }
    return any;
}

void children_stop(children_t *children, int grace_ms) {
    int highest = 0;
    children->stopping = true;
    for (size_t i = 0; i < children->count; i++)
        if (children->child[i].stage > highest) highest = children->child[i].stage;
    for (int stage = highest; stage >= 0; stage--) {
        int64_t until = clock_now_ms() + grace_ms;
        signal_stage(children, stage, SIGTERM);
        while (signal_stage(children, stage, 0) && clock_now_ms() < until) children_turn(children, 20);
        signal_stage(children, stage, SIGKILL);
        while (signal_stage(children, stage, 0)) children_turn(children, 20);
    }
}

void children_free(children_t *children) {
    for (size_t i = 0; i < children->count; i++) {
        for (size_t a = 0; children->child[i].argv[a]; a++) free(children->child[i].argv[a]);
        if (children->child[i].out >= 0) close(children->child[i].out);
    }
    children->count = 0;
}
