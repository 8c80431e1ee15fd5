// The ledger's speed with its chain on and one hot fund account, beside the bare insert of the same rows: events of
// settled bills through the poster (entries decided, balanced, chained and written, balances added, event numbers
// taken), and after each batch the rows that this left, written into a second schema with the same keys and indexes, in
// one commit as well. Journal and postings in both; of the second nothing else.
//
//   ledger_bench sqlite DIR | postgresql://…  [bills]
//
// The processor time told is this program's: on PostgreSQL the server's comes on top, on both sides.
#include "common/base/hash.h"
#include "common/policy/tables.h"
#include "services/settlement/ledger.h"
#include "services/settlement/settlement.h"
#include "services/settlement/store.h"
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include <zmq.h>

enum { BATCH = CONSUMER_BATCH, BODY_MAX = 512, GOAL_PERCENT = 40 };

static int64_t bills = 50000;
static err_t err;

static void must(int rc) {
    if (rc == 0) return;
    fprintf(stderr, "ledger_bench: %s %s: %s\n", err_name(rc), err.field, err.text);
    exit(1);
}

typedef struct spent {
    int64_t us, cpu_us;
} spent_t;

static spent_t now(void) {
    struct rusage used;
    CHECK(getrusage(RUSAGE_SELF, &used) == 0);
    return (spent_t){clock_mono_us(), (int64_t)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000000 +
                                          used.ru_utime.tv_usec + used.ru_stime.tv_usec};
}

static void add_since(spent_t *sum, const spent_t *begin) {
    const spent_t end = now();
    sum->us += end.us - begin->us;
    sum->cpu_us += end.cpu_us - begin->cpu_us;
}

typedef struct bench {
    service_ctx_t ctx;
    settlement_t *settlement;
    store_t *bare;
    char keys_dir[64];
    event_t *events;
    uint8_t (*bodies)[BODY_MAX];
} bench_t;

static void open_bench(bench_t *b, const char *url) {
    policy_t *policy = NULL;
    snprintf(b->keys_dir, sizeof b->keys_dir, "/tmp/ledger-bench-XXXXXX");
    CHECK(mkdtemp(b->keys_dir));
    b->ctx = (service_ctx_t){.name = "settlement", .zmq = zmq_ctx_new(), .arena = arena_new(1 << 18, 1 << 30)};
    must(keys_make(b->keys_dir, "bench", "service", &err));
    must(keys_load(&b->ctx.keys, b->keys_dir, "bench", &err));
    must(store_open(&b->ctx.store, url, "settlement", &err));
    must(store_migrate(b->ctx.store, settlement_migrations, SETTLEMENT_MIGRATIONS, &err));
    must(store_open(&b->bare, url, "bare", &err));
    must(store_migrate(b->bare, settlement_migrations, SETTLEMENT_MIGRATIONS, &err));
    const stream_conf_t conf = {.context = b->ctx.zmq,
                                .keys = b->ctx.keys,
                                .store = b->ctx.store,
                                .service = "settlement",
                                .live_bind = "tcp://127.0.0.1:*",
                                .replay_bind = "tcp://127.0.0.1:*",
                                .log = settlement_log};
    must(stream_new(&b->ctx.stream, &conf, &err));
    must(settlement_new(&b->settlement, &b->ctx, &err));
    must(policy_load(&policy, TC_SOURCE_DIR "/config/cities/jiangmen.yaml", NULL, &err));
    must(settlement_set_law(b->settlement, policy, NULL, &err));
}

static void close_bench(bench_t *b) {
    char path[128];
    settlement_destroy(&b->settlement);
    stream_destroy(&b->ctx.stream);
    store_close(&b->ctx.store);
    store_close(&b->bare);
    keys_destroy(&b->ctx.keys);
    zmq_ctx_term(b->ctx.zmq);
    arena_destroy(&b->ctx.arena);
    snprintf(path, sizeof path, "rm -rf %s", b->keys_dir);
    if (system(path) != 0) fprintf(stderr, "ledger_bench: %s is left\n", b->keys_dir);
    free(b->events);
    free(b->bodies);
}

// Bills of one identity, district and year: every line of a layer falls on the same two balances.
static void make_events(bench_t *b) {
    static const char *const layers[] = {"tier1", "tier2", "catastrophic"};
    b->events = calloc((size_t)bills, sizeof *b->events);
    b->bodies = calloc((size_t)bills, sizeof *b->bodies);
    CHECK(b->events && b->bodies);
    int64_t numbers[PARTITIONS] = {0};
    for (int64_t i = 0; i < bills; i++) {
        Tc__Decision decision = TC__DECISION__INIT;
        Tc__Bill input = TC__BILL__INIT;
        Tc__Amount paid[COUNT_OF(layers)], *list[COUNT_OF(layers)];
        char bill[32], facility[32];
        snprintf(bill, sizeof bill, "BILL-%09lld", (long long)i);
        snprintf(facility, sizeof facility, "H440703%05d", (int)(i % 200));
        for (size_t k = 0; k < COUNT_OF(layers); k++) {
            tc__amount__init(list[k] = &paid[k]);
            paid[k].name = (char *)(uintptr_t)layers[k];
            paid[k].amount_fen = k < 2 ? 1000 + i % 977 : 0;
            decision.fund_fen += paid[k].amount_fen;
        }
        input.to = (char *)(uintptr_t) "2018-03-10";
        decision.bill = bill, decision.person = (char *)(uintptr_t) "P000001", decision.facility = facility;
        decision.year = 2018, decision.identity = (char *)(uintptr_t) "employee";
        decision.division = (char *)(uintptr_t) "440703", decision.decision = (char *)(uintptr_t) "paid";
        decision.total_fen = decision.fund_fen + 500;
        decision.input = &input, decision.paid = list, decision.n_paid = COUNT_OF(layers);
        CHECK(protobuf_c_message_get_packed_size(&decision.base) <= BODY_MAX);
        const uint32_t partition = (uint32_t)(i / BATCH % PARTITIONS); // a batch is one run, as a replay brings it
        b->events[i] = (event_t){.partition = partition,
                                 .number = ++numbers[partition],
                                 .topic = "bill.settled",
                                 .at_ms = 1,
                                 .body = b->bodies[i],
                                 .body_bytes = protobuf_c_message_pack(&decision.base, b->bodies[i])};
    }
}

static void post(bench_t *b, int64_t first, int64_t count, spent_t *spent) {
    poster_source_t *source = &b->settlement->adjudication;
    const spent_t begin = now();
    must(store_begin(b->ctx.store, &err));
    must(poster_apply(source, b->events + first, (size_t)count, &err));
    must(store_commit(b->ctx.store, &err));
    poster_committed(source);
    add_since(spent, &begin);
}

// The rows of one batch, read back outside the time that is measured, without the columns' types changing.
static void write_bare(bench_t *b, int64_t first, int64_t count, spent_t *spent) {
    const uint32_t partition = b->events[first].partition;
    const cell_t params[] = {cell_i64(partition), cell_i64(b->events[first].number),
                             cell_i64(b->events[first].number + count - 1)};
    rows_t journal, postings;
    arena_reset(b->ctx.arena);
    must(
        store_query(b->ctx.store,
                    "SELECT partition, number, reference, kind, source_service, source_partition, source_number, at_ms,"
                    " value_date, body, chain FROM journal WHERE partition = $1 AND number >= $2 AND number <= $3"
                    " ORDER BY number",
                    params, COUNT_OF(params), b->ctx.arena, &journal, &err));
    must(store_query(b->ctx.store,
                     "SELECT partition, number, line, account, fund, year, identity, division, party, amount_fen"
                     " FROM posting WHERE partition = $1 AND number >= $2 AND number <= $3 ORDER BY number, line",
                     params, COUNT_OF(params), b->ctx.arena, &postings, &err));
    CHECK((int64_t)journal.count == count && postings.count == 4 * journal.count);
    const spent_t begin = now();
    must(store_begin(b->bare, &err));
    must(journal_insert(b->bare, &journal, &err));
    must(postings_insert(b->bare, &postings, &err));
    must(store_commit(b->bare, &err));
    add_since(spent, &begin);
}

static void tell(const char *what, const spent_t *spent) {
    printf("%-40s%8.0f entries/s  %8.0f postings/s  %6.1f us of this processor a posting\n", what,
           (double)bills * 1e6 / (double)spent->us, (double)bills * 4e6 / (double)spent->us,
           (double)spent->cpu_us / ((double)bills * 4));
}

int main(int argc, char **argv) {
    static bench_t b;
    char url[512];
    const bool lite = argc > 2 && strcmp(argv[1], "sqlite") == 0;
    const int next = lite ? 3 : 2;
    if (argc < next) {
        fprintf(stderr, "usage: ledger_bench sqlite DIR | postgresql://…  [bills]\n");
        return 2;
    }
    snprintf(url, sizeof url, lite ? "sqlite:%s" : "%s", lite ? argv[2] : argv[1]);
    if (argc > next) bills = strtoll(argv[next], NULL, 10);
    if (bills < BATCH) bills = BATCH;
    open_bench(&b, url);
    make_events(&b);
    spent_t posted = {0}, bare = {0};
    for (int64_t i = 0; i < bills; i += BATCH) { // in turn: what the disk and other work cost falls on both
        const int64_t count = bills - i < BATCH ? bills - i : BATCH;
        post(&b, i, count, &posted);
        write_bare(&b, i, count, &bare);
    }
    const double share = 100.0 * (double)bare.us / (double)posted.us;
    tell("ledger, chained, one hot fund account", &posted);
    tell("bare insert of the same rows", &bare);
    printf("the ledger does %.0f %% of the bare insert (goal: %d %% or more%s)\n", share, GOAL_PERCENT,
           share < GOAL_PERCENT ? ": NOT reached" : "");
    close_bench(&b);
    return 0;
}
