// `tongchou up` and its folder: what is refused leaves no trace and disturbs nobody; a later start keeps what an
// earlier one was told, and its data.
#include "running.h"
#include "common/base/date.h"
#include "common/daemon/conf.h"
#include "tests/check.h"
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define CITY TC_SOURCE_DIR "/config/cities/jiangmen.yaml"
#define OVERLAY TC_SOURCE_DIR "/config/samples/jiangmen-illustrative.yaml"
// Quotes, a backslash and Chinese in its name: the configuration has to say them as they are.
#define ODD_NAME "a \"b\" \\n 统筹"
enum { WAIT_MS = 60000, STEP_MS = 20, ARGS_MAX = 24 };

static char top[128], data[256], store_dir[256];
static char text[16384]; // what the last program said, or a file
static int port;

// ---- programs

static pid_t spawn_in(const char *dir, const char *out, const char *const *args) {
    char program[512];
    char *argv[ARGS_MAX] = {program};
    snprintf(program, sizeof program, "%s/tongchou", running_bin());
    for (size_t i = 0; args[i] && i + 2 < ARGS_MAX; i++) argv[i + 1] = (char *)args[i];
    pid_t pid = fork();
    if (pid) return pid;
    int fd = open(out, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0600);
    if (fd < 0 || dup2(fd, STDOUT_FILENO) < 0 || dup2(fd, STDERR_FILENO) < 0 || chdir(dir)) _exit(126);
    execv(program, argv);
    _exit(127);
}

static void slurp(const char *path) {
    FILE *file = fopen(path, "r");
    size_t got = file ? fread(text, 1, sizeof text - 1, file) : 0;
    text[got] = 0;
    if (file) fclose(file);
}

static void slurp_data(const char *name) {
    char path[512];
    snprintf(path, sizeof path, "%s/%s", data, name);
    slurp(path);
}

// Wait for its end; the exit status, or −1 after killing it at the deadline.
static int ended(pid_t pid) {
    int status = 0;
    for (int64_t until = clock_now_ms() + WAIT_MS; clock_now_ms() < until; poll(NULL, 0, STEP_MS))
        if (waitpid(pid, &status, WNOHANG) == pid) return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    return -1;
}

// A program that ends by itself; what it said on both outputs is in `text`.
static int done_in(const char *dir, const char *const *args) {
    char out[300];
    snprintf(out, sizeof out, "%s/said", top);
    pid_t pid = spawn_in(dir, out, args);
    int status = pid > 0 ? ended(pid) : -1;
    slurp(out);
    return status;
}
#define DONE(...) done_in(top, (const char *const[]){__VA_ARGS__, NULL})

// `up` until it is ready; its words are in `text`. 0 when it ended before.
static pid_t up(const char *const *args) {
    char out[300];
    snprintf(out, sizeof out, "%s/up.out", top);
    unlink(out);
    pid_t pid = spawn_in(top, out, args);
    for (int64_t until = clock_now_ms() + WAIT_MS; clock_now_ms() < until; poll(NULL, 0, STEP_MS)) {
        slurp(out);
        if (strstr(text, "  try ")) return pid;
        if (waitpid(pid, NULL, WNOHANG) == pid) break;
    }
    fprintf(stderr, "up did not get ready:\n%s\n", text);
    kill(pid, SIGTERM);
    return 0;
}
#define UP(...) up((const char *const[]){"up", "--data", data, __VA_ARGS__, NULL})

static int down(pid_t pid) {
    kill(pid, SIGTERM);
    return ended(pid);
}

static int entries_of_top(void) { // besides what this test itself puts there
    char command[400];
    int count = -1;
    snprintf(command, sizeof command, "ls -A '%s' | grep -cvE '^(said|up.out|bad.yaml|elsewhere)$'", top);
    FILE *pipe = popen(command, "r");
    if (pipe && fscanf(pipe, "%d", &count) != 1) count = -1;
    if (pipe) pclose(pipe);
    return count;
}

static const char *ports_from(int base) {
    static char number[2][16];
    static int turn;
    turn = !turn;
    snprintf(number[turn], sizeof number[turn], "%d", base);
    return number[turn];
}

static conf_t *load_conf(void) {
    char file[512];
    conf_t *conf = NULL;
    err_t err = {0};
    snprintf(file, sizeof file, "%s/tongchou.yaml", data);
    char *argv[] = {(char *)"test", (char *)"--config", file};
    if (conf_load(&conf, 3, argv, &err)) fprintf(stderr, "%s\n", err.text);
    return conf;
}

static int registered(void) { return DONE("facility", "get_facility", "--facility", "H99000100001", "--data", data); }

// ---- refused before anything is there

TEST(begin) {
    char elsewhere[256];
    snprintf(top, sizeof top, "%s/tongchou-up-XXXXXX", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
    NEED(mkdtemp(top) != NULL);
    snprintf(data, sizeof data, "%s/" ODD_NAME, top);
    snprintf(store_dir, sizeof store_dir, "%s/rel/store", top);
    snprintf(elsewhere, sizeof elsewhere, "%s/elsewhere", top);
    NEED(mkdir(elsewhere, 0700) == 0);
    port = running_free_ports(8);
    NEED(port > 0);
}

TEST(a_refused_first_start_leaves_no_folder) {
    static const struct {
        const char *args[6], *says;
    } rows[] = {
        {{NULL}, "--city FILE"},
        {{"--port", "7800"}, "--city FILE"},
        {{"--city", "nowhere.yaml"}, "nowhere.yaml"},
        {{"--city", CITY, "--store", "mysql://x"}, "sqlite:DIR"},
        {{"--city", CITY, "--overlay", "nowhere.yaml"}, "nowhere.yaml"},
        {{"--city", CITY, "--port", "65533"}, "65531"},
        {{"--city", CITY, "--adjudication", "0"}, "--adjudication"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const char *const *a = rows[i].args;
        EQ(DONE("up", a[0], a[1], a[2], a[3], a[4]), 2);
        HAS_TEXT(text, rows[i].says);
        EQ(entries_of_top(), 0);
    }
}

TEST(a_broken_policy_is_refused_with_file_and_line) {
    char command[600], bad[256];
    snprintf(bad, sizeof bad, "%s/bad.yaml", top);
    snprintf(command, sizeof command, "{ echo 'nonsense: 1'; cat '%s'; } > '%s'", CITY, bad);
    NEED(system(command) == 0);
    EQ(DONE("up", "--data", data, "--city", "bad.yaml"), 2);
    HAS_TEXT(text, "bad.yaml:1: nonsense");
    EQ(entries_of_top(), 0);
}

// ---- a folder in use

TEST(the_first_start_says_where_everything_is) {
    pid_t pid = UP("--city", CITY, "--store", "sqlite:rel/store", "--port", ports_from(port));
    NEED(pid > 0);
    HAS_TEXT(text, "adjudication-1   http://127.0.0.1:");
    HAS_TEXT(text, "broker-2         http://127.0.0.1:");
    EQ(DONE("facility", "register_facility", "--facility", "H99000100001", "--name", "示例医院", "--kind", "hospital",
            "--level", "2", "--division", "440703", "--data", data),
       0);
    EQ(down(pid), 0);
    slurp_data("log/redis.log");
    HAS_TEXT(text, "Redis");
}

// Configuration, pid files and Redis of the first stay as they are; it goes on answering.
TEST(a_second_up_on_the_same_folder_is_refused) {
    static char before[16384];
    pid_t pid = UP("--adjudication", "2");
    NEED(pid > 0);
    HAS_TEXT(text, "adjudication-2");
    slurp_data("tongchou.yaml");
    snprintf(before, sizeof before, "%s", text);
    slurp_data("run/redis.pid");
    int redis = atoi(text);
    EQ(DONE("up", "--data", data, "--city", CITY, "--port", ports_from(port + 4)), 2);
    HAS_TEXT(text, "a suite runs on");
    slurp_data("tongchou.yaml");
    EQ_TEXT(text, before);
    slurp_data("run/redis.pid");
    EQ(atoi(text), redis);
    EQ(kill(redis, 0), 0);
    EQ(registered(), 0);
    HAS_TEXT(text, "440703");
    EQ(DONE("status", "--data", data), 0);
    EQ(down(pid), 0);
}

// The children hold the folder until the last is gone, also when nobody is left to stop them in order.
TEST(a_killed_supervisor_leaves_a_folder_that_can_be_started_again) {
    pid_t pid = UP("--adjudication", "1");
    NEED(pid > 0);
    slurp_data("run/redis.pid");
    int redis = atoi(text);
    NEED(redis > 0 && kill(redis, SIGSTOP) == 0);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    EQ(DONE("up", "--data", data), 2);
    HAS_TEXT(text, "a suite runs on");
    kill(redis, SIGCONT);
    int fd = open(data, O_RDONLY | O_DIRECTORY | O_CLOEXEC), locked = -1;
    NEED(fd >= 0);
    for (int64_t until = clock_now_ms() + WAIT_MS; locked && clock_now_ms() < until; poll(NULL, 0, STEP_MS))
        locked = flock(fd, LOCK_EX | LOCK_NB);
    close(fd);
    EQ(locked, 0);
    pid = UP("--adjudication", "1");
    NEED(pid > 0);
    EQ(registered(), 0);
    EQ(down(pid), 0);
}

// ---- a later start

TEST(a_later_start_from_elsewhere_keeps_configuration_and_data) {
    char elsewhere[256], url[300];
    snprintf(elsewhere, sizeof elsewhere, "%s/elsewhere", top);
    snprintf(url, sizeof url, "sqlite:%s", store_dir);
    conf_t *conf = load_conf();
    NEED(conf != NULL);
    EQ_TEXT(conf_text(conf, "store.url"), url);
    HAS_TEXT(conf_text(conf, "keys.dir"), ODD_NAME "/keys");
    conf_destroy(&conf);
    pid_t pid = UP("--adjudication", "1");
    NEED(pid > 0);
    EQ(done_in(elsewhere, (const char *const[]){"verify", "--data", data, NULL}), 0);
    EQ(registered(), 0);
    EQ(down(pid), 0);
}

// One option alone changes its own value; what somebody wrote into the file by hand stays.
TEST(any_option_may_be_given_later_alone) {
    char file[512], front[64];
    snprintf(file, sizeof file, "%s/tongchou.yaml", data);
    FILE *yaml = fopen(file, "a");
    NEED(yaml != NULL);
    fprintf(yaml, "client:\n  attempt_ms: 1234\n");
    fclose(yaml);
    setenv("TONGCHOU_LOG_LEVEL", "warn", 1); // for one run: not to be found in the file
    pid_t pid = UP("--port", ports_from(port + 4));
    unsetenv("TONGCHOU_LOG_LEVEL");
    NEED(pid > 0);
    EQ(DONE("status", "--data", data), 0);
    EQ(registered(), 0);
    EQ(down(pid), 0);
    pid = UP("--overlay", OVERLAY);
    NEED(pid > 0);
    EQ(down(pid), 0);
    conf_t *conf = load_conf();
    NEED(conf != NULL);
    snprintf(front, sizeof front, "tcp://127.0.0.1:%d", port + 4);
    EQ_TEXT(conf_list(conf, "broker.front")[0], front);
    EQ_TEXT(conf_text(conf, "policy.city"), CITY);
    EQ_TEXT(conf_list(conf, "policy.overlays")[0], OVERLAY);
    EQ(conf_int(conf, "client.attempt_ms"), 1234);
    EQ_TEXT(conf_text(conf, "log.level"), "info");
    conf_destroy(&conf);
}

TEST(a_refused_later_start_changes_nothing) {
    static char before[16384];
    slurp_data("tongchou.yaml");
    snprintf(before, sizeof before, "%s", text);
    EQ(DONE("up", "--data", data, "--city", "bad.yaml"), 2);
    HAS_TEXT(text, "bad.yaml:1: nonsense");
    slurp_data("tongchou.yaml");
    EQ_TEXT(text, before);
}

// ---- health

TEST(a_restarted_process_tells_its_new_address) {
    char was[128] = "", path[512];
    pid_t pid = UP("--overlay", "");
    NEED(pid > 0);
    slurp_data("run/facility-1.health");
    snprintf(was, sizeof was, "%.100s", text);
    HAS_TEXT(was, "http://127.0.0.1:");
    slurp_data("run/facility-1.pid");
    NEED(atoi(text) > 0);
    kill(atoi(text), SIGKILL);
    snprintf(path, sizeof path, "%s/up.out", top);
    for (int64_t until = clock_now_ms() + WAIT_MS; clock_now_ms() < until; poll(NULL, 0, STEP_MS)) {
        slurp(path);
        if (strstr(text, "event=restarted name=facility-1")) break;
    }
    const char *line = strstr(text, "event=restarted name=facility-1"), *health = line ? strstr(line, "health=") : NULL;
    NEED(health != NULL);
    char told[128];
    snprintf(told, sizeof told, "%.*s\n", (int)strcspn(health + 7, " \n"), health + 7);
    slurp_data("run/facility-1.health");
    EQ_TEXT(text, told);
    EQ(down(pid), 0);
    snprintf(path, sizeof path, "%s/run/facility-1.health", data);
    OK(access(path, F_OK) != 0);
    char command[300];
    snprintf(command, sizeof command, "rm -rf '%s'", top);
    EQ(system(command), 0);
}

TESTS("up and its folder", CASE(begin), CASE(a_refused_first_start_leaves_no_folder),
      CASE(a_broken_policy_is_refused_with_file_and_line), CASE(the_first_start_says_where_everything_is),
      CASE(a_second_up_on_the_same_folder_is_refused),
      CASE(a_killed_supervisor_leaves_a_folder_that_can_be_started_again),
      CASE(a_later_start_from_elsewhere_keeps_configuration_and_data), CASE(any_option_may_be_given_later_alone),
      CASE(a_refused_later_start_changes_nothing), CASE(a_restarted_process_tells_its_new_address))
