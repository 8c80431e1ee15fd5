// The shipped subscribers, as a stranger runs them, against a running suite: both receive the whole of what they were
// granted, a killed one goes on where it was, one whose door died finds it again, a revoked one is told so at once.
#include "common/base/date.h"
#include "common/store/store.h"
#include "founding.h"
#include "tests/check.h"
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WAIT_MS = 60000 };

static running_t *suite;
static err_t err;
static char address[128], server_key[64];

#define call(...) running_callf(suite, &err, __VA_ARGS__)

// ---- a small city

static void pay_month(int month) {
    char receipt[16], period[16], day[16];
    snprintf(receipt, sizeof receipt, "E-%d", month);
    snprintf(period, sizeof period, "2018-%02d", month);
    snprintf(day, sizeof day, "2018-%02d-28", month);
    NEED(call("collection", "bill_month", "{\"month\":\"%s\"}", period) != NULL);
    NEED(pay_due(suite, receipt, "employer", "E1", period, day) == 0);
}

static void settle_bill(int number) {
    NEED(call("adjudication", "settle",
              "{\"bill\":\"B%d\",\"person\":\"W1\",\"facility\":\"H99000100001\",\"type\":\"inpatient\","
              "\"from\":\"2018-04-01\",\"to\":\"2018-04-10\",\"area\":\"city\",\"filing\":\"none\",\"total\":"
              "\"12345.67\",\"in_scope\":\"12345.67\"}",
              number) != NULL);
}

static void found_city(void) {
    static const char *const overlays[] = {"config/samples/jiangmen-illustrative.yaml", NULL};
    suite = running_start(&(running_conf_t){.overlays = overlays});
    NEED(suite != NULL);
    NEED(found_hospital(suite, "2018-01-01", "2018-12-31") == 0);
    NEED(found_employer(suite) == 0);
    NEED(found_person(suite, "W1", 1, EMPLOYEE) == 0);
    NEED(running_settle_down(suite) == 0);
    for (int month = 1; month <= 3; month++) pay_month(month);
    NEED(running_settle_down(suite) == 0);
    settle_bill(1);
    settle_bill(2);
    NEED(running_settle_down(suite) == 0);
}

// ---- programs

static const char *in_dir(const char *name) {
    static char path[4][400];
    static unsigned turn;
    char *out = path[turn++ % 4];
    snprintf(out, 400, "%s/%s", running_dir(suite), name);
    return out;
}

static pid_t start(const char *said, const char *const *argv) {
    pid_t pid = fork();
    if (pid) return pid;
    const int fd = open(said, O_CREAT | O_WRONLY | O_TRUNC, 0600);
    dup2(fd, STDOUT_FILENO);
    dup2(fd, STDERR_FILENO);
    setenv("PYTHONPATH", TC_BINARY_DIR "/examples/python", 1);
    setenv("PYTHONDONTWRITEBYTECODE", "1", 1);
    execv(argv[0], (char *const *)(uintptr_t)argv);
    _exit(127);
}

static int finish(pid_t pid) {
    int status = -1;
    for (int64_t until = clock_now_ms() + WAIT_MS; clock_now_ms() < until; poll(NULL, 0, 50))
        if (waitpid(pid, &status, WNOHANG) == pid) return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    kill(pid, SIGKILL);
    waitpid(pid, &status, 0);
    return -1;
}

static pid_t start_python(const char *name, const char *said, bool until_now) {
    char key[64], books[64], server[128];
    snprintf(server, sizeof server, "--server-key=%s", server_key); // it may begin with a dash
    snprintf(key, sizeof key, "keys/%s.key", name);
    snprintf(books, sizeof books, "%s.db", name);
    const char *const argv[] = {"/usr/bin/python3",
                                TC_SOURCE_DIR "/examples/python/subscriber.py",
                                address,
                                server,
                                "--key",
                                in_dir(key),
                                "--books",
                                in_dir(books),
                                until_now ? "--until-now" : NULL,
                                NULL};
    return start(in_dir(said), argv);
}

static pid_t start_c(const char *name, const char *said) {
    char key[64], place[64];
    snprintf(key, sizeof key, "keys/%s.key", name);
    snprintf(place, sizeof place, "%s.position", name);
    const char *const argv[] = {
        TC_BINARY_DIR "/bin/example_subscriber", address, server_key, in_dir(key), in_dir(place), NULL};
    return start(in_dir(said), argv);
}

static bool file_has(const char *name, const char *part) {
    static char text[1 << 16];
    FILE *file = fopen(in_dir(name), "r");
    if (!file) return false;
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    return strstr(text, part) != NULL;
}

// Lines that begin an event: those of an entry's lines are set in.
static int64_t count_lines(const char *name) {
    char line[512];
    int64_t count = 0;
    FILE *file = fopen(in_dir(name), "r");
    while (file && fgets(line, sizeof line, file)) count += line[0] != ' ';
    if (file) fclose(file);
    return count;
}

// One number from a database of the suite or of a subscriber; −1 while it is not there.
static int64_t ask(const char *folder, const char *database, const char *sql) {
    char url[400];
    store_t *store = NULL;
    rows_t rows;
    err_t why = {0};
    int64_t out = -1;
    arena_t *arena = arena_new(4096, 0);
    snprintf(url, sizeof url, "sqlite:%s", folder);
    if (arena && !store_open_read_only(&store, url, database, &why) &&
        !store_query(store, sql, NULL, 0, arena, &rows, &why))
        out = row_i64(&rows, 0, 0);
    store_close(&store);
    arena_destroy(&arena);
    return out;
}

static int64_t posted(const char *where) {
    char sql[200];
    snprintf(sql, sizeof sql, "SELECT COUNT(*) FROM journal %s", where);
    return ask(in_dir("store"), "settlement", sql);
}

static int64_t kept(const char *name) { return ask(running_dir(suite), name, "SELECT COUNT(*) FROM event"); }

static bool wait_kept(const char *name, int64_t count) {
    for (int64_t until = clock_now_ms() + WAIT_MS; clock_now_ms() < until; poll(NULL, 0, 100))
        if (kept(name) >= count) return true;
    return false;
}

// The words that `tongchou agency add` prints for the one who goes there.
static void read_words(const char *said) {
    const char *key = strstr(said, "server key"), *at = strstr(said, "address");
    NEED(key && sscanf(key, "server key %63s", server_key) == 1);
    NEED(at && sscanf(at, "address %127s", address) == 1);
}

// ---- the story

TEST(both_examples_receive_what_was_granted) {
    char said[8192];
    found_city();
    NEED(running_command(suite, said, sizeof said,
                         (const char *const[]){"agency", "add", "finance", "--topics", "posting", "--counties", "all",
                                               "--funds", "all", "--fields", "amounts,reference", NULL}) == 0);
    read_words(said);
    NEED(running_command(suite, said, sizeof said,
                         (const char *const[]){"agency", "add", "tax", "--topics", "posting.contribution", "--counties",
                                               "all", "--funds", "all", NULL}) == 0);
    const int64_t all = posted("");
    OK(all >= 5);
    EQ(finish(start_python("finance", "python.out", true)), 0);
    EQ(kept("finance"), all);
    EQ(finish(start_c("finance", "c.out")), 0);
    EQ(count_lines("c.out"), all);
    OK(file_has("c.out", "posting.bill 2018-04-10 B1 -")); // the reference, but no person
    EQ(finish(start_c("tax", "tax.out")), 0);
    EQ(count_lines("tax.out"), posted("WHERE kind = 'contribution'"));
    OK(!file_has("tax.out", ".00")); // no amount
    // Once more from where it was: there is nothing new.
    EQ(finish(start_c("finance", "again.out")), 0);
    EQ(count_lines("again.out"), 0);
}

TEST(a_killed_subscriber_and_one_whose_door_died_miss_nothing) {
    NEED(suite != NULL);
    const int64_t before = posted("");
    pid_t pid = start_python("finance", "killed.out", false);
    pay_month(4);
    NEED(running_settle_down(suite) == 0);
    OK(wait_kept("finance", before + 1));
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    pay_month(5);
    pid = start_python("finance", "follows.out", false);
    OK(wait_kept("finance", posted("")));
    const int old = running_pid(suite, "settlement-1");
    EQ(running_kill(suite, "settlement-1"), 0);
    EQ(running_wait_restarted(suite, "settlement-1", old), 0);
    settle_bill(3);
    NEED(running_settle_down(suite) == 0);
    OK(wait_kept("finance", posted("")));
    EQ(kept("finance"), posted(""));
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

TEST(a_revoked_subscriber_is_told_at_once_and_does_not_come_back) {
    char said[8192];
    NEED(suite != NULL);
    pid_t pid = start_python("finance", "revoked.out", false);
    for (int64_t until = clock_now_ms() + WAIT_MS;
         clock_now_ms() < until && !file_has("revoked.out", "welcome finance");)
        poll(NULL, 0, 50);
    NEED(rename(in_dir("keys/tax.key"), in_dir("keys/kept.key")) == 0); // what the agency has of it
    EQ(running_command(suite, said, sizeof said, (const char *const[]){"agency", "revoke", "finance", NULL}), 0);
    const int64_t start_ms = clock_now_ms();
    EQ(finish(pid), 1);
    OK(clock_now_ms() - start_ms < 5000);
    OK(file_has("revoked.out", "revoked: the grant of this key was taken back"));
    EQ(running_command(suite, said, sizeof said, (const char *const[]){"agency", "revoke", "tax", NULL}), 0);
    EQ(running_command(suite, said, sizeof said, (const char *const[]){"agency", "revoke", "tax", NULL}), 1);
    EQ(finish(start_c("kept", "stranger.out")), 1);
    // By the door, or, from a second later on, already in the handshake.
    OK(file_has("stranger.out", "no grant here") || file_has("stranger.out", "nothing heard"));
    EQ(running_command(suite, said, sizeof said, (const char *const[]){"agency", "list", NULL}), 0);
    HAS_TEXT(said, "finance  revoked 2");
    EQ(running_command(suite, said, sizeof said,
                       (const char *const[]){"agency", "grant", "finance", "--fields", "", NULL}),
       1);
    running_stop(&suite);
}

TESTS("agency_examples", CASE(both_examples_receive_what_was_granted),
      CASE(a_killed_subscriber_and_one_whose_door_died_miss_nothing),
      CASE(a_revoked_subscriber_is_told_at_once_and_does_not_come_back))
