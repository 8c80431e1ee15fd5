// The replay of a synthetic year, small: the same script as the bench (tests/bench/replay_bench.sh), without faults and
// with faults from a new seed, on SQLite and on a PostgreSQL that crashes in the middle. The script holds every answer
// against the plan, every bill against the second engine, and runs `tongchou verify`; here it only has to end well.
#include "running.h"
#include "tests/check.h"
#include "tests/postgres.h"
#include "common/base/date.h"
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PATIENCE_MS = 200000 };

static pid_t start(const char *const *args) {
    const char *argv[40] = {"/bin/sh", TC_SOURCE_DIR "/tests/bench/replay_bench.sh", "--bin", running_bin()};
    for (size_t i = 0; args[i] && i < 34; i++) argv[4 + i] = args[i];
    pid_t pid = fork();
    if (pid) return pid;
    if (chdir(TC_SOURCE_DIR)) _exit(126);
    execv(argv[0], (char *const *)argv);
    _exit(127);
}

static int finish(pid_t pid) {
    int status = -1;
    for (int64_t until = clock_now_ms() + PATIENCE_MS; clock_now_ms() < until; poll(NULL, 0, 50))
        if (waitpid(pid, &status, WNOHANG) == pid) return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    kill(pid, SIGTERM);
    waitpid(pid, &status, 0);
    return -1;
}

static const char *new_seed(char text[static 32]) {
    const char *given = getenv("REPLAY_SEED");
    snprintf(text, 32, "%s", given ? given : "");
    if (!given) snprintf(text, 32, "%lld", (long long)(clock_mono_us() % 1000000));
    fprintf(stderr, "    REPLAY_SEED=%s repeats it\n", text);
    return text;
}

#define REPLAY(...) start((const char *const[]){__VA_ARGS__, NULL})

TEST(a_year_is_settled_as_the_second_engine_says_by_one_instance_and_by_four) {
    char seed[32];
    EQ(finish(REPLAY("--people", "150", "--bills", "1500", "--instances", "1 4", "--seed", new_seed(seed))), 0);
}

TEST(a_year_under_faults_of_a_seed) {
    char seed[32];
    EQ(finish(REPLAY("--people", "200", "--bills", "2400", "--instances", "2", "--rate", "400", "--faults-every", "400",
                     "--seed", new_seed(seed))),
       0);
}

// A fault of the seed asks for the crash by a file; by turns the server is killed and closed.
TEST(a_year_on_a_postgresql_that_crashes) {
    char url[256], seed[32], wish[] = "/tmp/tongchou-replay-XXXXXX", command[64];
    int status = -1, crashes = 0;
    NEED(postgres_start(url) == 0);
    NEED(mkdtemp(wish) != NULL);
    snprintf(command, sizeof command, "rmdir %s", wish);
    pid_t pid = REPLAY("--people", "150", "--bills", "2000", "--instances", "2", "--rate", "300", "--faults-every",
                       "400", "--seed", new_seed(seed), "--store", url, "--restart-store", command);
    int64_t until = clock_now_ms() + PATIENCE_MS;
    while (waitpid(pid, &status, WNOHANG) == 0 && clock_now_ms() < until) {
        if (access(wish, F_OK) && mkdir(wish, 0700) == 0) EQ(postgres_restart(crashes++ % 2 == 0), 0);
        poll(NULL, 0, 50);
    }
    if (clock_now_ms() >= until) kill(pid, SIGTERM);
    EQ(WIFEXITED(status) ? WEXITSTATUS(status) : -1, 0);
    fprintf(stderr, "    PostgreSQL went down %d times\n", crashes);
    rmdir(wish);
    postgres_stop();
}

TESTS("replay of a year", CASE(a_year_is_settled_as_the_second_engine_says_by_one_instance_and_by_four),
      CASE(a_year_under_faults_of_a_seed), CASE(a_year_on_a_postgresql_that_crashes))
