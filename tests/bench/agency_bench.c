// The door for other agencies at length: four subscribers with different grants take a long log from its beginning,
// alone and beside one that takes all the credit there is and never reads; then once more with that one, one killed
// again and again, one revoked in the middle and a stranger with a key and no grant. Every event is checked as in
// tests/scenario/agency_test.c.
//
//   agency_bench FOLDER STORE-URL EVENTS
#include "common/base/date.h"
#include "tests/scenario/agency_rig.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SUBSCRIBERS = 4, ROUNDS = 3, CREDIT = 2048, PATIENCE_MS = 30000 };

static const rig_spec_t specs[SUBSCRIBERS] = {
    {"finance", RIG_ALL_KINDS, RIG_ALL_COUNTIES, RIG_ALL_FUNDS, RIG_ALL_FIELDS},
    {"county", RIG_ALL_KINDS, 1, RIG_ALL_FUNDS, GRANT_AMOUNTS | GRANT_FACILITY},
    {"tax", RIG_CONTRIBUTION | RIG_RETURN, RIG_ALL_COUNTIES, 3, GRANT_REFERENCE | GRANT_PERSON},
    {"civil", RIG_BILL, 7, RIG_ALL_FUNDS, GRANT_PERSON},
};
static const rig_spec_t audit = {"audit", RIG_BILL | RIG_OTHER, 7, 5, 0};
static const rig_spec_t stranger = {"stranger", RIG_ALL_KINDS, RIG_ALL_COUNTIES, RIG_ALL_FUNDS, RIG_ALL_FIELDS};
static const rig_spec_t stalled = {"stalled", RIG_ALL_KINDS, RIG_ALL_COUNTIES, RIG_ALL_FUNDS, GRANT_AMOUNTS};

typedef struct task {
    rig_reader_t reader;
    int kills;
    bool done;
    pthread_t thread;
} task_t;

static void *follow(void *self) {
    task_t *task = self;
    const rig_spec_t spec = task->reader.spec;
    int64_t next_kill = task->kills ? 2000 : INT64_MAX;
    while (!rig_reader_done(&task->reader)) {
        if (!rig_reader_take(&task->reader, PATIENCE_MS)) break;
        if (task->reader.got < next_kill || !task->kills) continue;
        task->kills--;
        next_kill += 2000;
        rig_reader_close(&task->reader);
        if (rig_reader_open(&task->reader, task->reader.rig, &spec, CREDIT)) break;
    }
    task->done = rig_reader_done(&task->reader);
    return NULL;
}

static int64_t faults(const rig_reader_t *reader) {
    return reader->missed + reader->doubled + reader->foreign + reader->wrong + reader->after_revoked;
}

// Seconds until all have what is theirs; adds up what they got. Below 0: somebody did not.
static double pass(rig_t *rig, int kills, int64_t *got, int64_t *bad) {
    task_t *tasks = calloc(SUBSCRIBERS, sizeof *tasks);
    bool good = tasks != NULL;
    const int64_t start_us = clock_mono_us();
    size_t begun = 0;
    *got = 0;
    for (; good && begun < SUBSCRIBERS; begun++) {
        tasks[begun].kills = begun == 2 ? kills : 0;
        good = rig_reader_open(&tasks[begun].reader, rig, &specs[begun], CREDIT) == 0 &&
               pthread_create(&tasks[begun].thread, NULL, follow, &tasks[begun]) == 0;
    }
    for (size_t i = 0; i < begun; i++) {
        pthread_join(tasks[i].thread, NULL);
        good = good && tasks[i].done;
        *got += tasks[i].reader.got;
        *bad += faults(&tasks[i].reader);
        rig_reader_close(&tasks[i].reader);
    }
    free(tasks);
    return good ? (double)(clock_mono_us() - start_us) / 1e6 : -1;
}

static int64_t resident_kib(void) { // of its own: what SQLite maps of the file is not counted
    char line[256];
    long long kib = 0;
    FILE *file = fopen("/proc/self/status", "r");
    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, "RssAnon: %lld", &kib) == 1) break;
    if (file) fclose(file);
    return kib;
}

typedef struct took {
    double seconds, door; // by the clock; of processor time in the door's thread
} took_t;

static int by_door(const void *a, const void *b) {
    const took_t *left = a, *right = b;
    return (left->door > right->door) - (left->door < right->door);
}

static took_t measure(rig_t *rig, int64_t *got, int64_t *bad) {
    const long long before_us = atomic_load(&rig->cpu_us);
    const double seconds = pass(rig, 0, got, bad);
    return (took_t){seconds, (double)(atomic_load(&rig->cpu_us) - before_us) / 1e6};
}

static void print_took(const char *what, int64_t got, const took_t *took, const took_t *against) {
    printf("  %-28s %8.0f events/s delivered, ratio %.2f; door %.2f us of processor per event, ratio %.2f\n", what,
           (double)got / took->seconds, against->seconds / took->seconds, took->door * 1e6 / (double)got,
           took->door / against->door);
}

// Alternately alone and beside the one that stalls, so that the machine's moods hit both.
static int compare_stalled(rig_t *rig, int64_t *bad) {
    static rig_reader_t asleep;
    took_t alone[ROUNDS], beside[ROUNDS];
    int64_t got = 0, before = resident_kib();
    for (int round = 0; round < ROUNDS; round++) {
        alone[round] = measure(rig, &got, bad);
        memset(&asleep, 0, sizeof asleep);
        if (rig_reader_open(&asleep, rig, &stalled, 4096)) return -1;
        beside[round] = measure(rig, &got, bad);
        rig_reader_close(&asleep);
        if (alone[round].seconds < 0 || beside[round].seconds < 0) return -1;
    }
    qsort(alone, ROUNDS, sizeof *alone, by_door);
    qsort(beside, ROUNDS, sizeof *beside, by_door);
    print_took("4 subscribers alone", got, &alone[ROUNDS / 2], &alone[ROUNDS / 2]);
    print_took("beside one that never reads", got, &beside[ROUNDS / 2], &alone[ROUNDS / 2]);
    printf("  memory of the process grew by %lld KiB meanwhile, the subscribers' included\n",
           (long long)(resident_kib() - before));
    return 0;
}

static int trouble(rig_t *rig, int64_t *bad) {
    static rig_reader_t asleep, revoked, nobody;
    int64_t got = 0;
    err_t err = {0};
    if (keys_make(rig->keys_dir, stranger.name, "agency", &err)) return -1;
    if (rig_reader_open(&asleep, rig, &stalled, 4096) || rig_reader_open(&revoked, rig, &audit, 64) ||
        rig_reader_open(&nobody, rig, &stranger, 64))
        return -1;
    for (int64_t until_ms = clock_now_ms() + PATIENCE_MS; revoked.got < 1000 && clock_now_ms() < until_ms;)
        rig_reader_take(&revoked, 100);
    if (rig_revoke(rig, audit.name, true)) return -1;
    const double seconds = pass(rig, 20, &got, bad);
    for (int i = 0; i < 20; i++) rig_reader_take(&revoked, 50), rig_reader_take(&nobody, 0);
    *bad += faults(&asleep) + faults(&revoked) + !revoked.revoked + nobody.got + !nobody.refused;
    printf("  with one stalled, one killed 20 times, one revoked, one stranger: %lld events, all %s, in %.1f s\n",
           (long long)got, seconds < 0 ? "NOT there" : "there", seconds);
    rig_reader_close(&nobody);
    rig_reader_close(&asleep);
    rig_reader_close(&revoked);
    return seconds < 0 ? -1 : 0;
}

int main(int argc, char **argv) {
    static rig_t rig;
    int64_t bad = 0;
    if (argc != 4) {
        fprintf(stderr, "usage: agency_bench FOLDER STORE-URL EVENTS\n");
        return 2;
    }
    const int64_t start_us = clock_mono_us(), events = strtoll(argv[3], NULL, 10);
    if (events < 1 || rig_start(&rig, argv[1], argv[2], events, 0)) return 2;
    printf("%lld events in the log (%.1f s to write them)\n", (long long)events,
           (double)(clock_mono_us() - start_us) / 1e6);
    int rc = 0;
    for (size_t i = 0; !rc && i < SUBSCRIBERS; i++) rc = rig_grant(&rig, &specs[i]);
    if (!rc) rc = rig_grant(&rig, &audit);
    if (!rc) rc = rig_grant(&rig, &stalled);
    if (!rc) rc = compare_stalled(&rig, &bad);
    if (!rc) rc = trouble(&rig, &bad);
    printf("  missed, doubled, not theirs, wrong: %lld\n", (long long)bad);
    rig_stop(&rig);
    return rc || bad ? 1 : 0;
}
