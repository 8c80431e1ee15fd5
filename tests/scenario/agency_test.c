// Other agencies at the door: nobody misses or sees twice what is theirs, nobody sees what is not, whoever stalls,
// dies, is revoked or is a stranger. Built twice: on SQLite, and with ON_POSTGRES on a private PostgreSQL.
#include "agency_rig.h"
#include "common/base/date.h"
#include "common/base/metrics.h"
#include "tests/check.h"
#include "tests/temp_store.h"
#include <zmq.h>

enum { EVENTS = 20000, LIVE = 4000, PATIENCE_MS = 60000, CREDIT = 512 };

static const rig_spec_t finance = {"finance", RIG_ALL_KINDS, RIG_ALL_COUNTIES, RIG_ALL_FUNDS, RIG_ALL_FIELDS};
static const rig_spec_t county = {"county", RIG_ALL_KINDS, 1, RIG_ALL_FUNDS, GRANT_AMOUNTS | GRANT_FACILITY};
static const rig_spec_t tax = {"tax", RIG_CONTRIBUTION | RIG_RETURN, RIG_ALL_COUNTIES, 3,
                               GRANT_REFERENCE | GRANT_PERSON};
static const rig_spec_t audit = {"audit", RIG_BILL | RIG_OTHER, 7, 5, 0};
static const rig_spec_t stalled = {"stalled", RIG_ALL_KINDS, RIG_ALL_COUNTIES, RIG_ALL_FUNDS, GRANT_AMOUNTS};

// What must never have happened to a subscriber, whatever became of it.
static void check_clean(const rig_reader_t *reader) {
    EQ(reader->missed, 0);
    EQ(reader->doubled, 0);
    EQ(reader->foreign, 0);
    EQ(reader->wrong, 0);
    EQ(reader->after_revoked, 0);
}

static int64_t theirs(const rig_spec_t *spec, int64_t events) {
    int64_t count = 0;
    for (int64_t i = 0; i < events; i++) count += rig_theirs(spec, i);
    return count;
}

static bool take_until_done(rig_reader_t *reader) {
    const int64_t until_ms = clock_now_ms() + PATIENCE_MS;
    while (!rig_reader_done(reader) && !reader->revoked && !reader->refused && clock_now_ms() < until_ms)
        rig_reader_take(reader, 100);
    return rig_reader_done(reader);
}

// Whatever still comes within `ms`.
static void take_for(rig_reader_t *reader, int ms) {
    for (const int64_t until_ms = clock_now_ms() + ms; clock_now_ms() < until_ms;) rig_reader_take(reader, 20);
}

static void take_some(rig_reader_t *reader, int64_t count) {
    const int64_t until_ms = clock_now_ms() + PATIENCE_MS;
    const int64_t goal = reader->got + count;
    while (reader->got < goal && clock_now_ms() < until_ms) rig_reader_take(reader, 100);
    OK(reader->got >= goal);
}

typedef struct task { // a subscriber in a thread of its own
    rig_reader_t reader;
    int kills; // so often it is killed and comes back where it was
    bool done;
    pthread_t thread;
} task_t;

static void *follow(void *self) {
    task_t *task = self;
    for (int kill = 0; kill < task->kills; kill++) {
        const rig_spec_t spec = task->reader.spec;
        for (int64_t goal = task->reader.got + 300; task->reader.got < goal;)
            if (!rig_reader_take(&task->reader, 5000)) return NULL;
        rig_reader_close(&task->reader);
        if (rig_reader_open(&task->reader, task->reader.rig, &spec, CREDIT)) return NULL;
    }
    task->done = take_until_done(&task->reader);
    return NULL;
}

static void begin(rig_t *rig, task_t *task, const rig_spec_t *spec) {
    EQ(rig_reader_open(&task->reader, rig, spec, CREDIT), 0);
    EQ(pthread_create(&task->thread, NULL, follow, task), 0);
}

static void finish(task_t *task) {
    pthread_join(task->thread, NULL);
    rig_reader_close(&task->reader);
}

TEST(five_subscribers_each_have_theirs_and_nothing_else) {
    static rig_t rig;
    static task_t tasks[3];
    static rig_reader_t asleep, revoked;
    const rig_spec_t *specs[] = {&finance, &county, &tax};
    memset(tasks, 0, sizeof tasks);
    NEED(rig_start(&rig, temp_store_dir(), temp_store_url(), EVENTS, LIVE) == 0);
    for (size_t i = 0; i < 3; i++) NEED(rig_grant(&rig, specs[i]) == 0);
    NEED(rig_grant(&rig, &audit) == 0 && rig_grant(&rig, &stalled) == 0);
    // One takes a great credit and never reads.
    EQ(rig_reader_open(&asleep, &rig, &stalled, 4096), 0);
    EQ(rig_reader_open(&revoked, &rig, &audit, 64), 0);
    take_some(&revoked, 500);
    tasks[2].kills = 5;
    for (size_t i = 0; i < 3; i++) begin(&rig, &tasks[i], specs[i]);
    // One is revoked while it is connected and in the middle of its events.
    NEED(rig_revoke(&rig, audit.name, true) == 0);
    rig_write_live(&rig);
    for (size_t i = 0; i < 3; i++) finish(&tasks[i]);
    for (size_t i = 0; i < 3; i++) {
        OK(tasks[i].done);
        EQ(tasks[i].reader.got, theirs(specs[i], EVENTS));
        check_clean(&tasks[i].reader);
    }
    take_for(&revoked, 500);
    OK(revoked.revoked);
    OK(revoked.got < theirs(&audit, EVENTS));
    check_clean(&revoked);
    // The one who slept wakes up, and is where it was.
    OK(take_until_done(&asleep));
    EQ(asleep.got, theirs(&stalled, EVENTS));
    check_clean(&asleep);
    rig_reader_close(&asleep);
    rig_reader_close(&revoked);
    rig_stop(&rig);
}

// Microseconds of processor that the door needs to serve one from the beginning to the end; the best of three.
static int64_t door_us(rig_t *rig) {
    int64_t best = INT64_MAX;
    for (int round = 0; round < 3; round++) {
        static rig_reader_t reader;
        memset(&reader, 0, sizeof reader);
        const int64_t before_us = atomic_load(&rig->cpu_us);
        EQ(rig_reader_open(&reader, rig, &finance, CREDIT), 0);
        OK(take_until_done(&reader));
        rig_reader_close(&reader);
        const int64_t took_us = atomic_load(&rig->cpu_us) - before_us;
        best = took_us < best ? took_us : best;
    }
    return best;
}

TEST(one_that_stalls_costs_the_others_nothing) {
    static rig_t rig;
    static rig_reader_t asleep;
    NEED(rig_start(&rig, temp_store_dir(), temp_store_url(), EVENTS, 0) == 0);
    NEED(rig_grant(&rig, &finance) == 0 && rig_grant(&rig, &stalled) == 0);
    const int64_t alone_us = door_us(&rig);
    EQ(rig_reader_open(&asleep, &rig, &stalled, 4096), 0);
    zmq_poll(NULL, 0, 1000); // until its queues are full
    const int64_t quiet_us = atomic_load(&rig.cpu_us);
    zmq_poll(NULL, 0, 1000);
    OK(atomic_load(&rig.cpu_us) - quiet_us < 100000);
    const int64_t beside_us = door_us(&rig);
    printf("door: %lld us alone, %lld us beside one that stalls, ratio %.2f ... ", (long long)alone_us,
           (long long)beside_us, (double)beside_us / (double)alone_us);
    OK(beside_us < alone_us * 2); // as far as a loaded machine tells
    OK(take_until_done(&asleep));
    EQ(asleep.got, theirs(&stalled, EVENTS));
    check_clean(&asleep);
    rig_reader_close(&asleep);
    rig_stop(&rig);
}

TEST(strangers_are_refused_in_the_handshake_or_at_hello) {
    static rig_t rig;
    static rig_reader_t reader;
    err_t err = {0};
    const rig_spec_t hospital = {"hospital", RIG_ALL_KINDS, 15, 7, 0}, nobody = {"nobody", RIG_ALL_KINDS, 15, 7, 0};
    NEED(rig_start(&rig, temp_store_dir(), temp_store_url(), 200, 0) == 0);
    NEED(rig_grant(&rig, &finance) == 0);
    // A key of an agency that was granted nothing.
    NEED(keys_make(rig.keys_dir, "nobody", "agency", &err) == E_OK);
    EQ(rig_reader_open(&reader, &rig, &nobody, 10), 0);
    take_for(&reader, 500);
    EQ(reader.refused, TC__AGENCY__REFUSED__REASON__NOT_GRANTED);
    EQ(reader.got, 0);
    rig_reader_close(&reader);
    // A key of another role, also when somebody wrote a grant for it.
    memset(&reader, 0, sizeof reader);
    NEED(keys_make(rig.keys_dir, "hospital", "hospital", &err) == E_OK);
    NEED(rig_grant(&rig, &hospital) == 0);
    EQ(rig_reader_open(&reader, &rig, &hospital, 10), 0);
    take_for(&reader, 500);
    OK(!reader.welcome && !reader.refused && !reader.got);
    rig_reader_close(&reader);
    // A key that the registry has never seen: registered, taken, and forgotten.
    memset(&reader, 0, sizeof reader);
    NEED(rig_grant(&rig, &audit) == 0);
    EQ(rig_reader_open(&reader, &rig, &audit, 10), 0);
    take_some(&reader, 1);
    NEED(rig_revoke(&rig, audit.name, true) == 0);
    take_for(&reader, 500);
    OK(reader.revoked);
    rig_reader_close(&reader);
    rig_stop(&rig);
}

TEST(a_name_that_got_a_new_key_does_not_help_the_old_one) {
    static rig_t rig;
    static rig_reader_t old, fresh;
    NEED(rig_start(&rig, temp_store_dir(), temp_store_url(), 2000, 0) == 0);
    NEED(rig_grant(&rig, &finance) == 0);
    EQ(rig_reader_open(&old, &rig, &finance, 100), 0);
    take_some(&old, 100);
    // Both in one breath: the door never sees the name without a grant.
    NEED(rig_revoke(&rig, finance.name, true) == 0);
    NEED(rig_grant(&rig, &finance) == 0);
    EQ(rig_reader_open(&fresh, &rig, &finance, 100), 0);
    take_for(&old, 500);
    OK(old.revoked);
    check_clean(&old);
    OK(take_until_done(&fresh));
    EQ(fresh.got, theirs(&finance, 2000));
    rig_reader_close(&old);
    rig_reader_close(&fresh);
    rig_stop(&rig);
}

TEST(a_grant_that_changes_holds_from_the_next_event_on) {
    static rig_t rig;
    static rig_reader_t reader;
    rig_spec_t less = county;
    NEED(rig_start(&rig, temp_store_dir(), temp_store_url(), 4000, 3000) == 0);
    NEED(rig_grant(&rig, &county) == 0);
    EQ(rig_reader_open(&reader, &rig, &county, 4096), 0);
    while (rig_reader_take(&reader, 300)) continue;
    OK(reader.got > 0);
    less.fields = 0;
    less.kinds = RIG_BILL;
    reader.welcome = false;
    NEED(rig_grant(&rig, &less) == 0);
    take_for(&reader, 400);
    OK(reader.welcome); // and says what is granted now
    const int64_t before = reader.got;
    reader.spec = less;
    rig_write_live(&rig);
    OK(take_until_done(&reader) || reader.got > before);
    take_for(&reader, 300);
    OK(reader.got > before);
    EQ(reader.foreign, 0);
    EQ(reader.wrong, 0);
    EQ(reader.missed, 0);
    rig_reader_close(&reader);
    rig_stop(&rig);
}

TEST(credit_is_never_passed_and_words_out_of_range_are_refused) {
    static rig_t rig;
    static rig_reader_t reader;
    NEED(rig_start(&rig, temp_store_dir(), temp_store_url(), 1000, 0) == 0);
    NEED(rig_grant(&rig, &finance) == 0);
    EQ(rig_reader_open(&reader, &rig, &finance, 0), 0);
    take_for(&reader, 300);
    EQ(reader.refused, TC__AGENCY__REFUSED__REASON__MALFORMED);
    rig_reader_close(&reader);
    EQ(rig_reader_open(&reader, &rig, &finance, 4097), 0);
    take_for(&reader, 300);
    EQ(reader.refused, TC__AGENCY__REFUSED__REASON__MALFORMED);
    rig_reader_close(&reader);
    // A position that the log has not reached, and one of another shape.
    reader.has_position = true;
    reader.last[3] = rig.end[3] + 1;
    EQ(rig_reader_open(&reader, &rig, &finance, 10), 0);
    take_for(&reader, 300);
    EQ(reader.refused, TC__AGENCY__REFUSED__REASON__POSITION);
    EQ(reader.got, 0);
    rig_reader_close(&reader);
    // Bytes that are no word.
    memset(&reader, 0, sizeof reader);
    EQ(rig_reader_open(&reader, &rig, &finance, 10), 0);
    take_some(&reader, 10);
    EQ(zmq_send(reader.socket, "\xff\xff", 2, 0), 2);
    take_for(&reader, 300);
    EQ(reader.refused, TC__AGENCY__REFUSED__REASON__MALFORMED);
    check_clean(&reader);
    rig_reader_close(&reader);
    rig_stop(&rig);
}

TEST(a_key_has_four_sessions_and_no_more) {
    static rig_t rig;
    static rig_reader_t readers[5];
    NEED(rig_start(&rig, temp_store_dir(), temp_store_url(), 100, 0) == 0);
    NEED(rig_grant(&rig, &finance) == 0 && rig_grant(&rig, &county) == 0);
    for (size_t i = 0; i < 5; i++) {
        EQ(rig_reader_open(&readers[i], &rig, &finance, 10), 0);
        take_for(&readers[i], 200);
    }
    EQ(readers[3].refused, 0);
    EQ(readers[4].refused, TC__AGENCY__REFUSED__REASON__BUSY);
    rig_reader_close(&readers[0]);
    take_for(&readers[1], 2500); // a beat finds that it has gone
    EQ(rig_reader_open(&readers[0], &rig, &finance, 10), 0);
    take_for(&readers[0], 200);
    EQ(readers[0].refused, 0);
    for (size_t i = 0; i < 5; i++) rig_reader_close(&readers[i]);
    rig_stop(&rig);
}

int main(void) {
    static const check_case_t cases[] = {CASE(five_subscribers_each_have_theirs_and_nothing_else),
                                         CASE(one_that_stalls_costs_the_others_nothing),
                                         CASE(strangers_are_refused_in_the_handshake_or_at_hello),
                                         CASE(a_name_that_got_a_new_key_does_not_help_the_old_one),
                                         CASE(a_grant_that_changes_holds_from_the_next_event_on),
                                         CASE(credit_is_never_passed_and_words_out_of_range_are_refused),
                                         CASE(a_key_has_four_sessions_and_no_more)};
    if (temp_store_start()) return 2;
    const int status = check_run("agency", cases, COUNT_OF(cases));
    temp_store_stop();
    return status;
}
