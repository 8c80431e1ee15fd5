// Starts the server as a direct child, without pg_ctl: so its end is noticed at once and it dies with the test program.
#include "postgres.h"
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <glob.h>
#include <grp.h>
#include <libpq-fe.h>
#include <pwd.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define START_DEADLINE_MS 60000 // slow machines under sanitizers; two seconds are usual

static char root[64]; // the temporary directory; "" when there is no cluster
static char bin[512]; // where initdb and postgres are
static pid_t server;  // 0: halted
static pid_t owner;   // forked children must not stop their parent's server

static int complain(const char *what) {
    fprintf(stderr, "postgres: %s: %s\n", what, errno ? strerror(errno) : "failed");
    return -1;
}

static int find_binaries(void) {
    glob_t found;
    if (glob("/usr/lib/postgresql/*/bin/initdb", 0, NULL, &found) == 0) {
        snprintf(bin, sizeof bin, "%s", found.gl_pathv[found.gl_pathc - 1]);
        *strrchr(bin, '/') = '\0';
        globfree(&found);
        return 0;
    }
    errno = ENOENT;
    return complain("/usr/lib/postgresql/*/bin/initdb");
}

// In the child: become the server's user, write to the log, die with the parent.
static void settle_in(const struct passwd *user, pid_t parent) {
    char log[128];
    snprintf(log, sizeof log, "%s/log", root);
    if (user && (setgroups(0, NULL) != 0 || setgid(user->pw_gid) != 0 || setuid(user->pw_uid) != 0)) _exit(126);
    if (prctl(PR_SET_PDEATHSIG, SIGQUIT) != 0 || getppid() != parent) _exit(126);
    int fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (fd < 0 || dup2(fd, 1) < 0 || dup2(fd, 2) < 0 || chdir(root) != 0) _exit(126);
    signal(SIGPIPE, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

// arguments[0] is replaced by the whole path: the programs look for each other beside themselves, else only on PATH.
static pid_t spawn(const char *program, const char **arguments) {
    char path[600];
    const struct passwd *user = geteuid() == 0 ? getpwnam("postgres") : NULL;
    snprintf(path, sizeof path, "%s/%s", bin, program);
    if (geteuid() == 0 && !user) {
        complain("user postgres");
        return -1;
    }
    pid_t parent = getpid(), child = fork();
    if (child < 0) complain("fork");
    if (child != 0) return child;
    settle_in(user, parent);
    arguments[0] = path;
    execv(path, (char *const *)(uintptr_t)arguments);
    _exit(127);
}

static int make_cluster(void) {
    const char *tmp = getenv("TMPDIR");
    snprintf(root, sizeof root, "%s/tc-pg-XXXXXX", tmp && strlen(tmp) < 32 ? tmp : "/tmp");
    if (!mkdtemp(root)) {
        root[0] = '\0';
        return complain("mkdtemp");
    }
    const struct passwd *user = geteuid() == 0 ? getpwnam("postgres") : NULL;
    if (user && chown(root, user->pw_uid, user->pw_gid) != 0) return complain("chown");
    const char *arguments[] = {"initdb", "-D",         "data",         "-U",        "postgres",          "-E",
                               "UTF8",   "--locale=C", "--auth=trust", "--no-sync", "--no-instructions", NULL};
    pid_t child = spawn("initdb", arguments);
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) != child || status != 0) return complain("initdb");
    return 0;
}

static void make_url(char url[static 256]) { snprintf(url, 256, "postgresql:///postgres?host=%s&user=postgres", root); }

static int wait_until_ready(void) {
    char url[256];
    make_url(url);
    for (int waited_ms = 0; waited_ms < START_DEADLINE_MS; waited_ms += 10) {
        if (PQping(url) == PQPING_OK) return 0;
        if (waitpid(server, NULL, WNOHANG) == server) {
            server = 0;
            return complain("the server ended while starting");
        }
        nanosleep(&(struct timespec){.tv_nsec = 10 * 1000000L}, NULL);
    }
    return complain("the server does not answer");
}

int postgres_resume(void) {
    const char *arguments[] = {
        "postgres",         "-D", "data",      "-k", root, "-c", "listen_addresses=", "-c", "shared_buffers=64MB", "-c",
        "max_wal_size=1GB", "-c", "fsync=off", NULL};
    errno = 0;
    server = spawn("postgres", arguments);
    if (server < 0) {
        server = 0;
        return -1;
    }
    return wait_until_ready();
}

int postgres_halt(bool immediate) {
    if (!server) return 0;
    kill(server, immediate ? SIGQUIT : SIGINT);
    int ended = waitpid(server, NULL, 0) == server;
    server = 0;
    return ended ? 0 : complain("waitpid");
}

int postgres_restart(bool immediate) {
    if (postgres_halt(immediate) != 0) return -1;
    return postgres_resume();
}

static int remove_one(const char *path, const struct stat *info, int flag, struct FTW *ftw) {
    (void)info;
    (void)flag;
    (void)ftw;
    return remove(path);
}

void postgres_stop(void) {
    if (!root[0] || getpid() != owner) return;
    (void)postgres_halt(true);
    (void)nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    root[0] = '\0';
}

int postgres_start(char url[static 256]) {
    static bool registered;
    errno = 0;
    owner = getpid();
    if (root[0]) {
        make_url(url);
        return server ? 0 : postgres_resume();
    }
    if (!registered) registered = atexit(postgres_stop) == 0;
    if (find_binaries() != 0 || make_cluster() != 0 || postgres_resume() != 0) {
        postgres_stop();
        return -1;
    }
    make_url(url);
    return 0;
}
