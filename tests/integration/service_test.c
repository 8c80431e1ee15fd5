// A whole service as a process of its own, with broker, Redis and store: what its callers are promised, also when it is
// killed between commit and reply, raced by a second instance, drained, or left without its database. Built twice, on
// SQLite and on PostgreSQL.
#include "adjudication.pb-c.h"
#include "common/base/date.h"
#include "broker_thread.h"
#include "tests/check.h"
#include "tests/redis.h"
#include "tests/temp_store.h"
#include "toy.h"
#include <netdb.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <zmq.h>

#define CONFIG_FILE "--config=" TC_SOURCE_DIR "/config/tongchou.yaml"

enum { WAIT_MS = 20000, PIPELINED = 300 };

typedef struct toy {
    pid_t pid;
    FILE *out;
    char health[128];
} toy_t;

static test_redis_t *redis;
static void *context;
static keys_t *clerk_keys, *hospital_keys;
static client_t *clerk, *hospital;
static arena_t *arena;
static char keys_dir[128], crash_file[128];

// ---- the reply that never left: with the crash file there, the next reply kills the process instead

void __real_server_reply(server_t *server, const request_t *request, int code, const err_t *err, const void *body,
                         size_t bytes);
void __wrap_server_reply(server_t *server, const request_t *request, int code, const err_t *err, const void *body,
                         size_t bytes);
void __wrap_server_reply(server_t *server, const request_t *request, int code, const err_t *err, const void *body,
                         size_t bytes) {
    const char *file = getenv("TOY_CRASH_FILE");
    if (file && unlink(file) == 0) raise(SIGKILL);
    __real_server_reply(server, request, code, err, body, bytes);
}

// ---- the rig

static void nap(void) { nanosleep(&(struct timespec){.tv_nsec = 10 * 1000000}, NULL); }

static bool toy_launch(toy_t *toy, const char *instance) {
    int ends[2];
    if (pipe(ends)) return false;
    toy->pid = fork();
    if (toy->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        dup2(ends[1], STDOUT_FILENO);
        setenv("TOY_CRASH_FILE", crash_file, 1);
        execl("/proc/self/exe", "toy", CONFIG_FILE, "--broker.front", broker_thread_front(), "--broker.back",
              broker_thread_back(), "--keys.dir", keys_dir, "--store.url", temp_store_url(), "--redis.url",
              test_redis_url(redis), "--service.instance", instance, (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    toy->out = fdopen(ends[0], "r");
    return toy->pid > 0 && toy->out;
}

static bool toy_wait_ready(toy_t *toy) {
    char line[512];
    if (!fgets(line, sizeof line, toy->out)) return false;
    return sscanf(line, "ready service=toy instance=%*s health=%127s", toy->health) == 1;
}

static bool toy_start(toy_t *toy, const char *instance) { return toy_launch(toy, instance) && toy_wait_ready(toy); }

// Exit status, or −signal.
static int toy_join(toy_t *toy) {
    int status = 0;
    waitpid(toy->pid, &status, 0);
    fclose(toy->out);
    *toy = (toy_t){0};
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static int toy_stop(toy_t *toy) {
    kill(toy->pid, SIGTERM);
    return toy_join(toy);
}

static bool dial(keys_t **keys, client_t **client, const char *name) {
    err_t err = {0};
    const char *brokers[] = {broker_thread_front(), NULL};
    bool good = keys_load(keys, keys_dir, name, &err) == E_OK;
    client_conf_t conf = {
        .context = context, .keys = *keys, .brokers = brokers, .broker_key_name = "broker", .attempt_ms = 500};
    return good && client_new(client, &conf, &err) == E_OK;
}

static bool rig_up(void) {
    static const char *const parties[][2] = {
        {"broker", "broker"}, {"toy", "service"}, {"clerk", "clerk"}, {"hospital", "hospital"}};
    err_t err = {0};
    if (temp_store_start()) return false;
    snprintf(keys_dir, sizeof keys_dir, "%s", temp_store_dir());
    snprintf(crash_file, sizeof crash_file, "%s/crash", temp_store_dir());
    for (size_t i = 0; i < COUNT_OF(parties); i++)
        if (keys_make(keys_dir, parties[i][0], parties[i][1], &err)) return false;
    if (!broker_thread_start(keys_dir)) return false;
    redis = test_redis_start();
    context = zmq_ctx_new();
    arena = arena_new(64 * 1024, 0);
    return redis && context && arena && dial(&clerk_keys, &clerk, "clerk") &&
           dial(&hospital_keys, &hospital, "hospital");
}

static void rig_down(void) {
    client_destroy(&clerk);
    client_destroy(&hospital);
    keys_destroy(&clerk_keys);
    keys_destroy(&hospital_keys);
    if (context) zmq_ctx_term(context);
    broker_thread_stop();
    arena_destroy(&arena);
    test_redis_stop(&redis);
    temp_store_stop();
}

// ---- calls

static const void *pack(const char *name, int64_t amount_fen, size_t *bytes) {
    Tc__Amount amount = TC__AMOUNT__INIT;
    amount.name = (char *)(uintptr_t)name;
    amount.amount_fen = amount_fen;
    return message_pack(&amount.base, arena, bytes);
}

static int64_t amount_of(const reply_t *reply) {
    ProtobufCMessage *message = NULL;
    if (reply->code || message_unpack(&message, &tc__amount__descriptor, reply->body, reply->body_bytes, arena, NULL))
        return -1;
    return ((Tc__Amount *)message)->amount_fen;
}

static int ask(client_t *client, const char *method, const char *id, const char *name, int64_t amount_fen,
               int64_t *total) {
    reply_t reply = {0};
    err_t err = {0};
    call_t call = {.service = "toy", .method = method, .key = name, .request_id = id, .deadline_ms = WAIT_MS};
    call.body = pack(name, amount_fen, &call.body_bytes);
    int code = client_call(client, &call, &reply, &err);
    if (total) *total = amount_of(&reply);
    if (code && code != E_OUT_OF_RANGE && code != E_CONFLICT && code != E_DENIED && code != E_NOT_FOUND)
        fprintf(stderr, "%s %s: %s %s\n", method, name, err_name(code), err.text);
    return code;
}

static int64_t total_of(const char *name) {
    int64_t total = -1;
    EQ(ask(clerk, "get", NULL, name, 0, &total), E_OK);
    return total;
}

static bool send_add(const char *id, const char *name, const char *key, int64_t amount_fen, void *tag) {
    err_t err;
    call_t call = {.service = "toy", .method = "add", .key = key, .request_id = id, .deadline_ms = WAIT_MS, .tag = tag};
    call.body = pack(name, amount_fen, &call.body_bytes);
    return client_send(clerk, &call, &err) == E_OK;
}

static size_t collect(size_t count, int *codes, const int *first_tag) {
    int64_t end_us = clock_mono_us() + WAIT_MS * 1000;
    size_t got = 0;
    while (got < count && clock_mono_us() < end_us) {
        reply_t reply;
        if (client_next(clerk, &reply, 100) != 1) continue;
        codes[(int *)reply.tag - first_tag] = reply.code;
        got++;
    }
    return got;
}

// ---- HTTP, by hand

static int http_get(const toy_t *toy, const char *path, char *text, size_t room) {
    const char *address = toy->health + strlen("http://");
    char host[64];
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM}, *to = NULL;
    const char *colon = strrchr(address, ':');
    snprintf(host, sizeof host, "%.*s", (int)(colon - address), address);
    if (getaddrinfo(host, colon + 1, &hints, &to)) return -1;
    int fd = socket(to->ai_family, SOCK_STREAM, 0);
    size_t used = 0;
    text[0] = '\0';
    if (fd >= 0 && connect(fd, to->ai_addr, to->ai_addrlen) == 0 && dprintf(fd, "GET %s HTTP/1.0\r\n\r\n", path) > 0)
        for (ssize_t n; used + 1 < room && (n = read(fd, text + used, room - 1 - used)) > 0;) used += (size_t)n;
    text[used] = '\0';
    if (fd >= 0) close(fd);
    freeaddrinfo(to);
    int status = -1;
    return sscanf(text, "HTTP/%*s %d", &status) == 1 ? status : -1;
}

static bool health_becomes(const toy_t *toy, int status, const char *part) {
    char text[8192];
    for (int64_t end = clock_mono_us() + WAIT_MS * 1000; clock_mono_us() < end; nap())
        if (http_get(toy, "/health", text, sizeof text) == status && strstr(text, part)) return true;
    fprintf(stderr, "health: %s\n", text);
    return false;
}

// ---- what callers are promised

TEST(the_same_request_twice_is_one_effect_and_one_answer) {
    toy_t toy = {0};
    int64_t first = 0, second = 0;
    NEED(toy_start(&toy, "toy-1"));
    EQ(ask(clerk, "add", "once-1", "once", 100, &first), E_OK);
    EQ(ask(clerk, "add", "once-2", "once", 11, NULL), E_OK);
    EQ(ask(clerk, "add", "once-1", "once", 100, &second), E_OK);
    EQ(first, 100);
    EQ(second, 100); // as it was answered, not as it would be now
    EQ(total_of("once"), 111);
    EQ(toy_stop(&toy), 0);
    NEED(toy_start(&toy, "toy-1"));
    EQ(ask(clerk, "add", "once-1", "once", 100, &second), E_OK); // also by the next process
    EQ(second, 100);
    EQ(ask(clerk, "add", "once-1", "once", 101, NULL), E_CONFLICT);
    EQ(ask(clerk, "add", "once-1", "other", 100, NULL), E_CONFLICT);
    EQ(total_of("once"), 111);
    EQ(total_of("other"), 0);
    EQ(toy_stop(&toy), 0);
}

TEST(what_may_not_be_is_refused_and_changes_nothing) {
    toy_t toy = {0};
    NEED(toy_start(&toy, "toy-1"));
    EQ(ask(clerk, "multiply", NULL, "n", 1, NULL), E_NOT_FOUND);
    EQ(ask(hospital, "add", NULL, "n", 1, NULL), E_DENIED);
    EQ(ask(hospital, "get", NULL, "n", 1, NULL), E_OK);
    EQ(ask(clerk, "add", NULL, "bad", 1, NULL), E_OUT_OF_RANGE);
    static const struct {
        const char *body;
        size_t bytes;
        int code;
        const char *field;
    } bodies[] = {{"\x0A\x01n\xA0\x06\x01", 6, E_UNKNOWN_FIELD, "Amount.#100"},
                  {"\x0A\x01n\x1A\x00", 5, E_UNKNOWN_FIELD, "Amount.#3"},
                  {"\x0A\x7Fn", 3, E_INVALID_FIELD, ""},
                  {"\x0A\x01\xFF", 3, E_INVALID_FIELD, "name"}};
    for (size_t i = 0; i < COUNT_OF(bodies); i++) {
        reply_t reply = {0};
        err_t err = {0};
        call_t call = {
            .service = "toy", .method = "add", .key = "n", .body = bodies[i].body, .body_bytes = bodies[i].bytes};
        EQ(client_call(clerk, &call, &reply, &err), bodies[i].code);
        EQ_TEXT(err.field, bodies[i].field);
    }
    EQ(total_of("n"), 0);
    EQ(ask(clerk, "add", "refused-1", "bad", 1, NULL), E_OUT_OF_RANGE); // a refusal is not kept …
    EQ(ask(clerk, "add", "refused-1", "n", 1, NULL), E_OK);             // … so the id is still free
    EQ(total_of("n"), 1);
    EQ(toy_stop(&toy), 0);
}

TEST(a_failing_request_does_not_disturb_its_batch) {
    static int codes[PIPELINED];
    toy_t toy = {0};
    NEED(toy_start(&toy, "toy-1"));
    kill(toy.pid, SIGSTOP); // so that all of them arrive as a few batches
    for (int i = 0; i < PIPELINED; i++) {
        char id[32];
        snprintf(id, sizeof id, "batch-%d", i % 10 == 7 ? i - 1 : i); // and some ids twice
        NEED(send_add(id,
                      i % 10 == 3   ? "bad"
                      : i % 10 == 7 ? "batch6"
                      : i % 10 == 6 ? "batch6"
                                    : "batch",
                      "batch", 1, &codes[i]));
    }
    kill(toy.pid, SIGCONT);
    EQ(collect(PIPELINED, codes, codes), PIPELINED);
    for (int i = 0; i < PIPELINED; i++) EQ(codes[i], i % 10 == 3 ? E_OUT_OF_RANGE : E_OK);
    EQ(total_of("batch"), PIPELINED / 10 * 7);
    EQ(total_of("batch6"), PIPELINED / 10);
    static char text[256 * 1024];
    EQ(http_get(&toy, "/metrics", text, sizeof text), 200);
    HAS_TEXT(text, "service_results_total{code=\"OUT_OF_RANGE\"} 30");
    EQ(toy_stop(&toy), 0);
}

TEST(killed_between_commit_and_reply_the_retry_gets_the_stored_answer) {
    toy_t toy = {0};
    int codes[1] = {-1};
    NEED(toy_start(&toy, "toy-1"));
    EQ(ask(clerk, "add", NULL, "crash", 5, NULL), E_OK);
    FILE *flag = fopen(crash_file, "w");
    NEED(flag != NULL);
    fclose(flag);
    NEED(send_add("crash-1", "crash", "crash", 7, codes));
    EQ(toy_join(&toy), -SIGKILL);
    NEED(toy_start(&toy, "toy-2"));
    EQ(collect(1, codes, codes), 1);
    int64_t total = 0;
    EQ(ask(clerk, "add", "crash-1", "crash", 7, &total), E_OK);
    EQ(total, 12);
    EQ(total_of("crash"), 12);
    // A caller whose request was with the dead instance may be told TIMEOUT or UNAVAILABLE; the effect is there once.
    OK(codes[0] == E_OK || err_may_retry(codes[0]));
    EQ(toy_stop(&toy), 0);
}

static int64_t query_number(const char *sql) {
    store_t *store = NULL;
    rows_t rows;
    err_t err = {0};
    int64_t number = -1;
    if (!store_open(&store, temp_store_url(), "toy", &err) && !store_query(store, sql, NULL, 0, arena, &rows, &err) &&
        rows.count)
        number = row_i64(&rows, 0, 0);
    else
        fprintf(stderr, "%s: %s\n", sql, err.text);
    store_close(&store);
    return number;
}

// Under two writers a caller may be told RACE, rarely, and then nothing has happened.
static int count_done(const int *codes) {
    int done = 0;
    for (int i = 0; i < PIPELINED; i++) {
        OK(codes[i] == E_OK || codes[i] == E_RACE);
        done += codes[i] == E_OK;
    }
    OK(done > PIPELINED * 9 / 10);
    return done;
}

TEST(two_instances_on_the_same_rows_lose_and_double_nothing) {
    static int codes[PIPELINED];
    toy_t toys[2] = {0};
    NEED(toy_start(&toys[0], "toy-1"));
    NEED(toy_start(&toys[1], "toy-2"));
    NEED(health_becomes(&toys[0], 200, "ready") && health_becomes(&toys[1], 200, "ready"));
    int64_t events = query_number("SELECT count(*) FROM event");
    for (int i = 0; i < PIPELINED; i++) NEED(send_add(NULL, "raced", "", 1, &codes[i])); // no key: to either of them
    EQ(collect(PIPELINED, codes, codes), PIPELINED);
    int done = count_done(codes);
    EQ(total_of("raced"), done);
    EQ(query_number("SELECT count(*) FROM event"), events + done);
    EQ(query_number("SELECT count(*) FROM (SELECT partition FROM event GROUP BY partition HAVING max(number) <> "
                    "count(*)) AS gaps"),
       0);
    EQ(toy_stop(&toys[0]), 0);
    EQ(toy_stop(&toys[1]), 0);
}

TEST(a_drained_instance_answers_what_it_has_and_passes_on_the_rest) {
    static int codes[PIPELINED];
    toy_t toys[2] = {0};
    NEED(toy_start(&toys[0], "toy-1"));
    NEED(toy_start(&toys[1], "toy-2"));
    NEED(health_becomes(&toys[0], 200, "ready") && health_becomes(&toys[1], 200, "ready"));
    for (int i = 0; i < PIPELINED; i++) {
        NEED(send_add(NULL, "drained", "drained", 1, &codes[i]));
        if (i == PIPELINED / 2) kill(toys[0].pid, SIGTERM);
    }
    int64_t start_us = clock_mono_us();
    EQ(toy_join(&toys[0]), 0);
    OK(clock_mono_us() - start_us < 5 * 1000000);
    EQ(collect(PIPELINED, codes, codes), PIPELINED);
    EQ(total_of("drained"), count_done(codes));
    EQ(toy_stop(&toys[1]), 0);
}

// ---- the process

TEST(health_tells_the_surroundings) {
    toy_t toy = {0};
    char text[8192];
    NEED(toy_start(&toy, "toy-1"));
    OK(health_becomes(&toy, 200, "\"healthy\":true"));
    OK(health_becomes(&toy, 200, "\"redis\":\"up\""));
    http_get(&toy, "/health", text, sizeof text);
    HAS_TEXT(text, "\"service\":\"toy\",\"instance\":\"toy-1\",\"state\":\"ready\",\"store\":\"up\"");
    HAS_TEXT(text, "\"brokers\":\"up\",\"stream\":\"publishing\"");
    EQ(http_get(&toy, "/other", text, sizeof text), 404);
    test_redis_kill(redis);
    OK(health_becomes(&toy, 200, "\"redis\":\"down\"")); // nothing but latency changes
    EQ(ask(clerk, "add", NULL, "healthy", 1, NULL), E_OK);
    NEED(test_redis_restart(redis));
    OK(health_becomes(&toy, 200, "\"redis\":\"up\""));
    EQ(toy_stop(&toy), 0);
}

TEST(old_replies_are_forgotten_in_chunks_and_young_ones_kept) {
    enum { OLD = 700 };
    store_t *store = NULL;
    err_t err = {0};
    toy_t toy = {0};
    rows_t rows;
    NEED(store_open(&store, temp_store_url(), "toy", &err) == E_OK);
    rows_init(&rows, arena, 4);
    for (int i = 0; i <= OLD; i++) {
        cell_t *row = rows_add(&rows);
        NEED(row != NULL);
        row[0] = cell_text(arena_text(arena, "old-%d", i));
        row[1] = cell_blob("d", 1);
        row[2] = cell_i64(i < OLD ? i : clock_now_ms() - 29LL * 24 * 3600 * 1000);
        row[3] = cell_blob("", 0);
    }
    EQ(store_insert(store, "request", "id, digest, at_ms, reply", &rows, CONFLICT_FAILS, &err), E_OK);
    store_close(&store);
    NEED(toy_start(&toy, "toy-1"));
    int64_t left = OLD;
    for (int64_t end = clock_mono_us() + WAIT_MS * 1000; left > 0 && clock_mono_us() < end; nap())
        left = query_number("SELECT count(*) FROM request WHERE at_ms < 1000000");
    EQ(left, 0);
    EQ(query_number("SELECT count(*) FROM request WHERE id = 'old-700'"), 1);
    EQ(toy_stop(&toy), 0);
}

#ifdef ON_POSTGRES
TEST(without_its_database_it_refuses_and_comes_back) {
    toy_t toy = {0};
    reply_t reply;
    err_t err;
    NEED(toy_start(&toy, "toy-1"));
    EQ(ask(clerk, "add", "lost-1", "lost", 1, NULL), E_OK);
    NEED(postgres_halt(true) == 0);
    call_t call = {.service = "toy", .method = "add", .key = "lost", .request_id = "lost-2", .deadline_ms = 1500};
    call.body = pack("lost", 2, &call.body_bytes);
    int code = client_call(clerk, &call, &reply, &err);
    OK(code != E_OK && err_may_retry(code));
    OK(strstr(err.text, "socket") == NULL); // what went wrong inside is for the log
    OK(health_becomes(&toy, 503, "\"store\":\"down\""));
    NEED(postgres_resume() == 0);
    EQ(ask(clerk, "add", "lost-2", "lost", 2, NULL), E_OK);
    EQ(ask(clerk, "add", "lost-1", "lost", 1, NULL), E_OK);
    EQ(total_of("lost"), 3);
    OK(health_becomes(&toy, 200, "\"store\":\"up\""));
    EQ(toy_stop(&toy), 0);
}

// Signals that come before the process blocks SIGTERM end it in the plain way; wait until it does.
static bool blocks_sigterm(pid_t pid) {
    char path[64], line[256];
    unsigned long long blocked = 0;
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    FILE *status = fopen(path, "r");
    while (status && fgets(line, sizeof line, status)) sscanf(line, "SigBlk: %llx", &blocked);
    if (status) fclose(status);
    return blocked >> (SIGTERM - 1) & 1;
}

TEST(it_waits_for_its_database_at_the_start) {
    toy_t toy = {0};
    NEED(postgres_halt(false) == 0);
    NEED(toy_launch(&toy, "toy-1"));
    for (int64_t end = clock_mono_us() + WAIT_MS * 1000; !blocks_sigterm(toy.pid) && clock_mono_us() < end;) nap();
    EQ(toy_stop(&toy), 0); // and can be stopped while it waits
    NEED(toy_launch(&toy, "toy-1"));
    NEED(postgres_resume() == 0);
    OK(toy_wait_ready(&toy));
    EQ(ask(clerk, "add", NULL, "waited", 1, NULL), E_OK);
    EQ(toy_stop(&toy), 0);
}
#endif

// Run the toy with one more option until it ends by itself; what it said on standard error.
static int toy_complains(const char *option, char *text, size_t room) {
    int ends[2], status = 0;
    if (pipe(ends)) return -1;
    pid_t pid = fork();
    if (pid == 0) {
        dup2(ends[1], STDERR_FILENO);
        execl("/proc/self/exe", "toy", CONFIG_FILE, "--keys.dir", keys_dir, "--store.url", "sqlite:/nonexistent",
              option, (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    size_t used = 0;
    for (ssize_t n; used + 1 < room && (n = read(ends[0], text + used, room - 1 - used)) > 0;) used += (size_t)n;
    text[used] = '\0';
    close(ends[0]);
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(a_wrong_setting_ends_it_at_once_and_is_named) {
    static const char *const cases[][2] = {
        {"--service.credit=0", "service.credit"},       {"--log.level=loud", "log.level"},
        {"--health.bind=nowhere", "health.bind"},       {"--redis.url=x", "redis.url"},
        {"--service.instance=a b", "service.instance"}, {"--no.such=1", "--no.such"},
        {"--keys.dir=/nonexistent", "/nonexistent"},    {"--config=/nonexistent.yaml", "/nonexistent.yaml"},
        {"--store.url=oracle:x", "store URL"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char text[4096];
        EQ(toy_complains(cases[i][0], text, sizeof text), 1);
        HAS_TEXT(text, cases[i][1]);
    }
}

int main(int argc, char **argv) {
    if (strcmp(argv[0], "toy") == 0) return service_main(argc, argv, &toy_service);
    static const check_case_t cases[] = {
        CASE(the_same_request_twice_is_one_effect_and_one_answer),
        CASE(what_may_not_be_is_refused_and_changes_nothing),
        CASE(a_failing_request_does_not_disturb_its_batch),
        CASE(killed_between_commit_and_reply_the_retry_gets_the_stored_answer),
        CASE(two_instances_on_the_same_rows_lose_and_double_nothing),
        CASE(a_drained_instance_answers_what_it_has_and_passes_on_the_rest),
        CASE(health_tells_the_surroundings),
        CASE(old_replies_are_forgotten_in_chunks_and_young_ones_kept),
#ifdef ON_POSTGRES
        CASE(without_its_database_it_refuses_and_comes_back),
        CASE(it_waits_for_its_database_at_the_start),
#endif
        CASE(a_wrong_setting_ends_it_at_once_and_is_named),
    };
    int failed = rig_up() ? check_run("service", cases, COUNT_OF(cases)) : 2;
    if (failed == 2) fprintf(stderr, "the rig does not stand\n");
    rig_down();
    return failed;
}
