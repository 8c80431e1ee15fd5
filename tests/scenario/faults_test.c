// kill −9 of any one process while bills are being settled: the load completes, every bill is settled once, `verify`
// passes. One process after another, on SQLite; the load is the shipped sample.
#include "running.h"
#include "tests/check.h"
#include "tests/postgres.h"
#include "common/base/date.h"
#include "common/store/store.h"
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static running_t *suite;

static int tongchou(char *out, size_t room, const char *const *args) { return running_command(suite, out, room, args); }
#define RUN(...) EQ(tongchou(out, sizeof out, (const char *const[]){__VA_ARGS__, NULL}), 0)

static void found_city(const char *store, int adjudication, size_t month_count) {
    static const char *const overlays[] = {"config/samples/jiangmen-illustrative.yaml", NULL};
    static const char *const months[][2] = {{"2018-01", "2018-01-31"}, {"2018-02", "2018-02-28"},
                                            {"2018-03", "2018-03-31"}, {"2018-04", "2018-04-30"},
                                            {"2018-05", "2018-05-31"}, {"2018-06", "2018-06-30"}};
    char out[4096];
    suite = running_start(&(running_conf_t){.store = store, .adjudication = adjudication, .overlays = overlays});
    NEED(suite != NULL);
    RUN("facility", TC_SOURCE_DIR "/config/samples/demo-facilities.jsonl", "--quiet");
    RUN("enroll", TC_SOURCE_DIR "/config/samples/demo-population.jsonl", "--quiet");
    RUN("wait");
    RUN("collect", "bill", "2018");
    RUN("collect", "receive-due", TC_SOURCE_DIR "/config/samples/demo-payers-yearly.jsonl", "2018", "2017-12-20");
    for (size_t i = 0; i < month_count; i++) {
        RUN("collect", "bill", months[i][0]);
        RUN("collect", "receive-due", TC_SOURCE_DIR "/config/samples/demo-payers-monthly.jsonl", months[i][0],
            months[i][1]);
    }
    RUN("wait");
}

TEST(a_city_is_founded) { found_city(NULL, 2, 6); }

// Settle bills [first, first + count) of the sample in a child process. Returns its process number.
static pid_t settle_aside(const char *what, int first, int count, char bills[static 512]) {
    char command[1024], out[4096];
    snprintf(bills, 512, "%s/bills.jsonl", running_dir(suite));
    snprintf(command, sizeof command, "tail -n +%d %s/config/samples/demo-bills.jsonl | head -n %d > %s", first + 1,
             TC_SOURCE_DIR, count, bills);
    if (system(command) != 0) return -1;
    const char *const args[] = {"settle", bills, "--quiet", "--json", "--window", "32", NULL};
    pid_t load = fork();
    if (load) return load;
    int status = running_command(suite, out, sizeof out, args);
    fprintf(stderr, "    %s under load: %s", what, out);
    _exit(status);
}

// The load has completed, nothing is settled twice, the books are right.
static void expect_complete(pid_t load, const char *bills) {
    char out[4096];
    int status = -1;
    NEED(waitpid(load, &status, 0) == load);
    EQ(WIFEXITED(status) ? WEXITSTATUS(status) : -1, 0);
    RUN("settle", bills, "--quiet"); // the same file again: all accepted, nothing settled twice
    RUN("verify");
}

// kill -9 `victim` in the middle.
static void settle_while_killing(const char *victim, int first, int count) {
    char bills[512];
    pid_t load = settle_aside(victim, first, count, bills);
    NEED(load > 0);
    poll(NULL, 0, 30); // into the load; when it has ended already the kill still has to be survived
    int pid = running_pid(suite, victim);
    EQ(running_kill(suite, victim), 0);
    EQ(running_wait_restarted(suite, victim, pid), 0);
    expect_complete(load, bills);
}

TEST(adjudication_killed) { settle_while_killing("adjudication-1", 0, 400); }
TEST(other_adjudication_killed) { settle_while_killing("adjudication-2", 400, 400); }
TEST(broker_killed) { settle_while_killing("broker-1", 800, 400); }
TEST(other_broker_killed) { settle_while_killing("broker-2", 1200, 400); }
TEST(redis_killed) { settle_while_killing("redis", 1600, 300); }
TEST(collection_killed) { settle_while_killing("collection-1", 1900, 300); }
TEST(settlement_killed) { settle_while_killing("settlement-1", 2200, 300); }
TEST(facility_killed) { settle_while_killing("facility-1", 2500, 250); }
TEST(enrollment_killed) { settle_while_killing("enrollment-1", 2750, 250); }

// Bills of one discharge day may be settled out of order and then have a further version: the first ones are counted.
static int64_t bills_settled(void) {
    char url[300];
    store_t *store = NULL;
    err_t err = {0};
    arena_t *arena = arena_new(1 << 16, 0);
    rows_t rows;
    snprintf(url, sizeof url, "sqlite:%s/store", running_dir(suite));
    NEED(store_open(&store, url, "adjudication", &err) == E_OK);
    NEED(store_query(store, "SELECT COUNT(*) FROM decision WHERE kind = 0", NULL, 0, arena, &rows, &err) == E_OK);
    int64_t count = row_i64(&rows, 0, 0);
    arena_destroy(&arena);
    store_close(&store);
    return count;
}

TEST(three_thousand_bills_are_there_once) {
    char out[1 << 16];
    const char *const args[] = {"events", "tail", "--service", "adjudication", "--until-now", NULL};
    EQ(tongchou(out, sizeof out, args), 0);
    const char *const verify[] = {"verify", "--json", NULL};
    EQ(tongchou(out, sizeof out, verify), 0);
    EQ(bills_settled(), 3000);
    running_stop(&suite);
}

TEST(postgresql_restarted) {
    char url[256], bills[512];
    NEED(postgres_start(url) == 0);
    found_city(url, 2, 2);
    pid_t load = settle_aside("PostgreSQL restarted", 0, 1000, bills);
    NEED(load > 0);
    poll(NULL, 0, 100);
    EQ(postgres_restart(true), 0);
    expect_complete(load, bills);
    running_stop(&suite);
    postgres_stop();
}

TESTS("kill -9 under load", CASE(a_city_is_founded), CASE(adjudication_killed), CASE(other_adjudication_killed),
      CASE(broker_killed), CASE(other_broker_killed), CASE(redis_killed), CASE(collection_killed),
      CASE(settlement_killed), CASE(facility_killed), CASE(enrollment_killed),
      CASE(three_thousand_bills_are_there_once), CASE(postgresql_restarted))
