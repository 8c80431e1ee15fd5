// Runs over the whole city, disturbed: kill −9 of the service and of the command at random points, Redis flushed,
// stopped and killed. Given again, a run ends as an undisturbed one does, and nobody is answered wrongly meanwhile.
#include "founding.h"
#include "collection.pb-c.h"
#include "common/base/date.h"
#include "common/base/hash.h"
#include "common/base/ids.h"
#include "common/store/store.h"
#include "common/wire/message.h"
#include "tests/check.h"
#include <hiredis/hiredis.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PEOPLE = 20000, POINTS = 10, ROUNDS_MAX = 40 }; // ten points in each of two kinds of run

static running_t *suite;
static char folder[] = "/tmp/runs-test-XXXXXX";
static err_t err;
static int64_t bill_ms, rebuild_ms; // of an undisturbed run

#define call(...) running_callf(suite, &err, __VA_ARGS__)

static int tongchou(const char *const *args) {
    char out[4096];
    int status = running_command(suite, out, sizeof out, args);
    if (status > 1) fprintf(stderr, "    %s %s: %s\n", args[0], args[1], out);
    return status;
}
#define RUN(...) EQ(tongchou((const char *const[]){__VA_ARGS__, NULL}), 0)

static int64_t random_below(int64_t n) {
    uint64_t dice;
    random_bytes(&dice, sizeof dice);
    return n > 0 ? (int64_t)(dice % (uint64_t)n) : 0;
}

// ---- what collection holds

static store_t *open_store(void) {
    char url[300];
    store_t *store = NULL;
    snprintf(url, sizeof url, "sqlite:%s/store", running_dir(suite));
    if (store_open(&store, url, "collection", &err)) fprintf(stderr, "%s\n", err.text);
    NEED(store != NULL);
    return store;
}

static void change(const char *sql) {
    store_t *store = open_store();
    EQ(store_exec(store, sql, NULL, 0, &err), E_OK);
    store_close(&store);
}

typedef struct digest {
    uint8_t bytes[SHA256_BYTES];
    int64_t rows;
} digest_t;

static void chain(digest_t *digest, const void *data, size_t size) {
    uint8_t both[2 * SHA256_BYTES];
    memcpy(both, digest->bytes, SHA256_BYTES);
    sha256(data, size, both + SHA256_BYTES);
    sha256(both, sizeof both, digest->bytes);
}

static digest_t digest_of_bills(void) {
    store_t *store = open_store();
    arena_t *arena = arena_new(1 << 20, 0);
    digest_t digest = {0};
    rows_t rows;
    NEED(store_query(store,
                     "SELECT person, identity, employer, paid_on || '/' || receipt, body, total_fen FROM bill"
                     " WHERE period = '2018-03' ORDER BY person",
                     NULL, 0, arena, &rows, &err) == E_OK);
    for (size_t i = 0; i < rows.count; i++) {
        size_t size;
        const void *body = row_blob(&rows, i, 4, &size);
        int64_t total = row_i64(&rows, i, 5);
        for (size_t k = 0; k < 4; k++) chain(&digest, row_text(&rows, i, k), strlen(row_text(&rows, i, k)) + 1);
        chain(&digest, body, size);
        chain(&digest, &total, sizeof total);
    }
    digest.rows = (int64_t)rows.count;
    arena_destroy(&arena);
    store_close(&store);
    return digest;
}

// States, without version, reason and what was touched: they say how often and after what a state was told, and speak
// of bills that are not due yet.
static digest_t digest_of_states(void) {
    store_t *store = open_store();
    arena_t *arena = arena_new(1 << 20, 0);
    digest_t digest = {0};
    rows_t rows;
    NEED(store_query(store, "SELECT body FROM entitlement ORDER BY person", NULL, 0, arena, &rows, &err) == E_OK);
    for (size_t i = 0; i < rows.count; i++) {
        size_t size;
        ProtobufCMessage *message;
        const void *body = row_blob(&rows, i, 0, &size);
        NEED(message_unpack(&message, &tc__entitlement__descriptor, body, size, arena, &err) == E_OK);
        Tc__Entitlement *state = (Tc__Entitlement *)message;
        state->version = 0;
        state->reason = state->touched_from = state->touched_until = (char *)"";
        body = message_pack(message, arena, &size);
        chain(&digest, body, size);
    }
    digest.rows = (int64_t)rows.count;
    arena_destroy(&arena);
    store_close(&store);
    return digest;
}

static void same(digest_t a, digest_t b) {
    EQ(a.rows, b.rows);
    OK(memcmp(a.bytes, b.bytes, SHA256_BYTES) == 0);
}

// ---- a city

#define COVERED "2949.13"

static const char *quoted(void) {
    const json_t *reply =
        call("adjudication", "quote",
             "{\"bill\":\"PROBE\",\"person\":\"PROBE\",\"facility\":\"H99000100001\",\"type\":\"inpatient\","
             "\"from\":\"2018-03-01\",\"to\":\"2018-03-09\",\"area\":\"city\",\"filing\":\"none\","
             "\"total\":\"12345.67\",\"in_scope\":\"12345.67\"}");
    return reply ? running_text(reply, "own") : "(refused)";
}

// A resident who has paid for the year: what the answers under disturbance are about.
static void add_probe(void) {
    NEED(found_hospital(suite, "2018-01-01", "2018-12-31") == 0);
    NEED(found_person(suite, "PROBE", 999, RESIDENT) == 0);
    NEED(running_settle_down(suite) == 0);
    RUN("collect", "bill", "2018", "--quiet");
    NEED(pay_due(suite, "PROBE", "person", "PROBE", "2018", "2017-12-20") == 0);
    EQ_TEXT(quoted(), COVERED);
}

static void import(const char *kind) {
    char path[128];
    snprintf(path, sizeof path, "%s/%s.csv", folder, kind);
    // Rows that the city's rules refuse are part of any file.
    OK(tongchou((const char *const[]){"import", kind, path, "--quiet", NULL}) <= 1);
}

TEST(a_city_is_founded) {
    static const char *const overlays[] = {"config/samples/jiangmen-illustrative.yaml", NULL};
    char command[512];
    NEED(mkdtemp(folder) != NULL);
    snprintf(
        command, sizeof command,
        "%s/tongchou sample city --people %d --employers %d --month 2018-03 --division 440703 --config " TC_SOURCE_DIR
        "/config --out %s >/dev/null",
        running_bin(), PEOPLE, PEOPLE / 50, folder);
    NEED(system(command) == 0);
    suite = running_start(&(running_conf_t){.adjudication = 1, .overlays = overlays});
    NEED(suite != NULL);
    import("employers");
    import("persons");
    import("spells");
    RUN("wait", "--timeout", "120");
    add_probe();
}

// ---- what paying would bring back

// The bills of that time are decided again by themselves, each with the figures that were told.
static void decided_again_as_told(const char *bill, const json_t *told, const char *then) {
    static const char *const figures[] = {"decision", "fund", "own"};
    const json_t *newest = NULL;
    char path[64];
    for (int tries = 0; tries < 300; tries++, poll(NULL, 0, 100)) {
        const json_t *all =
            json_object_get(call("adjudication", "get_versions", "{\"bill\":\"%s\"}", bill), "decisions");
        newest = json_array_get(all, json_array_size(all) - 1);
        if (json_array_size(all) > 1) break;
    }
    NEED(newest != NULL);
    for (size_t i = 0; i < COUNT_OF(figures); i++) {
        snprintf(path, sizeof path, "%s.%s", then, figures[i]);
        EQ_TEXT(running_text(newest, figures[i]), running_text(told, path));
    }
}

// Two bills that were refused for want of cover, and what they would be worth if the arrears were paid in time; then
// they are paid, and a bill settled after it is worth that.
TEST(JM_G_11_JM_G_13_a_preview_tells_what_comes_back) {
    char id[32] = "99000119800101998", out[8192];
    const char *const preview[] = {"collect", "preview", "--person", "LATE", "--pay-by", "2018-06-10", "--json", NULL};
    id[17] = citizen_id_check_char(id);
    NEED(call("enrollment", "register_person",
              "{\"person\":\"LATE\",\"citizen_id\":\"%s\",\"name\":\"示例迟\",\"division\":\"440703\"}", id) != NULL);
    NEED(call("enrollment", "open_spell",
              "{\"person\":\"LATE\",\"identity\":\"employee\",\"employer\":\"E000001\",\"from_month\":\"2018-03\","
              "\"wage\":\"5000.00\",\"prior_months_tier1\":36,\"prior_months_tier2\":36}") != NULL);
    NEED(running_settle_down(suite) == 0);
    RUN("collect", "bill", "2018-03", "--quiet");
    for (int bill = 1; bill <= 2; bill++) {
        const json_t *decision = call("adjudication", "settle",
                                      "{\"bill\":\"LATE-%d\",\"person\":\"LATE\",\"facility\":\"H99000100001\","
                                      "\"type\":\"inpatient\",\"from\":\"2018-04-0%d\",\"to\":\"2018-04-09\",\"area\":"
                                      "\"city\",\"filing\":\"none\",\"total\":\"12345.67\",\"in_scope\":\"12000.00\"}",
                                      bill, bill);
        NEED(decision != NULL);
        EQ_TEXT(running_text(decision, "decision"), "not_covered");
    }
    EQ(running_command(suite, out, sizeof out, preview), 0);
    json_t *told = json_loads(out, 0, NULL);
    NEED(told != NULL);
    EQ(json_array_size(json_object_get(told, "owed")), 1);
    EQ_TEXT(running_text(told, "changes.0.first_month"), "2018-04");
    EQ(json_array_size(json_object_get(told, "bills")), 2);
    EQ_TEXT(running_text(told, "bills.1.bill"), "LATE-2");
    EQ_TEXT(running_text(told, "bills.0.decided.own"), "12345.67");
    EQ_TEXT(running_text(told, "bills.0.then.decision"), "paid");
    NEED(pay_due(suite, "LATE", "employer", "E000001", "2018-03", "2018-06-10") == 0);
    const json_t *state = call("collection", "get_entitlements", "{\"persons\":[\"LATE\"]}");
    NEED(state != NULL);
    EQ_TEXT(running_text(state, "entitlements.0.reason"), running_text(told, "then.reason"));
    EQ_TEXT(running_text(state, "entitlements.0.spans.0.last_month"), running_text(told, "then.spans.0.last_month"));
    const json_t *quote =
        call("adjudication", "quote",
             "{\"bill\":\"LATE-3\",\"person\":\"LATE\",\"facility\":\"H99000100001\",\"type\":"
             "\"inpatient\",\"from\":\"2018-04-01\",\"to\":\"2018-04-09\",\"area\":\"city\",\"filing\":"
             "\"none\",\"total\":\"12345.67\",\"in_scope\":\"12000.00\"}");
    NEED(quote != NULL);
    EQ_TEXT(running_text(quote, "own"), running_text(told, "bills.0.then.own"));
    decided_again_as_told("LATE-1", told, "bills.0.then");
    decided_again_as_told("LATE-2", told, "bills.1.then");
    json_decref(told);
}

// ---- kill −9

// The command in a process of its own.
static pid_t aside(const char *const *args) {
    char out[4096];
    pid_t pid = fork();
    if (pid) return pid;
    setpgid(0, 0); // a kill of the group takes the command too
    _exit(running_command(suite, out, sizeof out, args));
}

static int ended(pid_t pid) {
    int status = -1;
    NEED(waitpid(pid, &status, 0) == pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static bool is_over(pid_t pid) {
    siginfo_t info = {0};
    return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == pid;
}

// The service dies at a random point of the run; the command waits for it and goes on, or dies too and is given again.
// Returns 1 when the run was not over by then; else *run_ms, how long it takes, was too long and comes down.
static int kill_in_the_middle(const char *const *args, int64_t *run_ms, bool command_too) {
    int pid = running_pid(suite, "collection-1");
    int64_t point_ms = random_below(*run_ms);
    pid_t run = aside(args);
    NEED(run > 0);
    setpgid(run, run);
    poll(NULL, 0, (int)point_ms);
    EQ(running_kill(suite, "collection-1"), 0);
    const bool midway = !is_over(run);
    if (command_too) kill(-run, SIGKILL);
    int status = ended(run);
    if (!command_too) EQ(status, 0);
    EQ(running_wait_restarted(suite, "collection-1", pid), 0);
    fprintf(stderr, "    killed after %lld of %lld ms%s\n", (long long)point_ms, (long long)*run_ms,
            command_too ? ", the command too" : "");
    if (command_too) EQ(tongchou(args), 0);
    if (!midway && point_ms > 0) *run_ms = point_ms;
    return midway;
}

static const char *const bill_march[] = {"collect", "bill", "2018-03", "--quiet", NULL};
static const char *const rebuild[] = {"collect", "rebuild", "--quiet", NULL};

TEST(bills_of_a_killed_run_are_those_of_an_undisturbed_one) {
    int64_t from_us = clock_mono_us();
    EQ(tongchou(bill_march), 0);
    bill_ms = (clock_mono_us() - from_us) / 1000;
    const digest_t whole = digest_of_bills(), states = digest_of_states();
    OK(whole.rows > PEOPLE / 4);
    int points = 0;
    for (int round = 0; points < POINTS && round < ROUNDS_MAX; round++) {
        change("DELETE FROM bill WHERE period = '2018-03'");
        points += kill_in_the_middle(bill_march, &bill_ms, round % 2);
        same(digest_of_bills(), whole);
        same(digest_of_states(), states);
    }
    OK(points >= POINTS);
    EQ(tongchou(bill_march), 0); // once more: nothing is done twice
    same(digest_of_bills(), whole);
    EQ_TEXT(quoted(), COVERED);
}

#define LOSE_A_THIRD "DELETE FROM entitlement WHERE partition % 3 = 1 AND person <> 'PROBE'"

TEST(states_of_a_killed_rebuild_are_those_of_an_undisturbed_one) {
    const digest_t whole = digest_of_states();
    change(LOSE_A_THIRD);
    int64_t from_us = clock_mono_us();
    EQ(tongchou(rebuild), 0);
    rebuild_ms = (clock_mono_us() - from_us) / 1000;
    same(digest_of_states(), whole);
    int points = 0;
    for (int round = 0; points < POINTS && round < ROUNDS_MAX; round++) {
        change(LOSE_A_THIRD);
        points += kill_in_the_middle(rebuild, &rebuild_ms, round % 2);
        same(digest_of_states(), whole);
    }
    OK(points >= POINTS);
    RUN("wait", "--timeout", "120");
    RUN("verify");
}

// ---- Redis

static void redis_do(const char *what) {
    char path[400];
    snprintf(path, sizeof path, "%s/run/redis.sock", running_dir(suite));
    redisContext *context = redisConnectUnix(path);
    for (int i = 0; context && context->err && i < 100; i++) { // it may have been killed and be starting
        redisFree(context);
        poll(NULL, 0, 100);
        context = redisConnectUnix(path);
    }
    NEED(context && !context->err);
    freeReplyObject(redisCommand(context, what));
    redisFree(context);
}

static void flush(void) { redis_do("FLUSHALL"); }
static void rubbish(void) { redis_do("SET ent:PROBE rubbish"); }
static void stop(void) { kill(running_pid(suite, "redis"), SIGSTOP); }
static void go_on(void) { kill(running_pid(suite, "redis"), SIGCONT); }
static void kill_redis(void) { running_kill(suite, "redis"); }

// Quotes while states are rebuilt and Redis suffers: each right, also the first after the disturbance.
TEST(answers_stay_right_while_states_are_rebuilt_and_redis_suffers) {
    static void (*const acts[])(void) = {flush, rubbish, stop, go_on, flush, kill_redis};
    const digest_t whole = digest_of_states();
    for (int round = 0; round < 2; round++) {
        change(LOSE_A_THIRD);
        pid_t run = aside(rebuild);
        NEED(run > 0);
        for (size_t i = 0; i < sizeof acts / sizeof *acts; i++) {
            acts[i]();
            for (int k = 0; k < 3; k++) EQ_TEXT(quoted(), COVERED);
        }
        EQ(ended(run), 0);
        same(digest_of_states(), whole);
        EQ_TEXT(quoted(), COVERED);
    }
    RUN("wait", "--timeout", "120");
    RUN("verify");
    running_stop(&suite);
}

TEST(nothing_is_left) {
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    EQ(system(command), 0);
}

TESTS("runs over the city, disturbed", CASE(a_city_is_founded),
      CASE(bills_of_a_killed_run_are_those_of_an_undisturbed_one),
      CASE(states_of_a_killed_rebuild_are_those_of_an_undisturbed_one),
      CASE(JM_G_11_JM_G_13_a_preview_tells_what_comes_back),
      CASE(answers_stay_right_while_states_are_rebuilt_and_redis_suffers), CASE(nothing_is_left))
