// tongchou-sim: seeds, one after another on each processor, and the report.
//   --seeds N --from S   N seeds beginning with S
//   --long               each half an hour to three hours instead of a minute or two
//   --seconds T          begin no seed after so long
//   --trace              one seed, every line as it happens
//   --keep               leave the databases of seeds that fail, and say where
//   --list FILE          the seeds of a file instead: a line "S" or "S long"; # begins a comment
//   --expect-failure     succeed when a seed fails, and stop there (canaries)
#include "canary.h"
#include "city.h"
#include "run.h"
#include <errno.h>
#include <ftw.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { JOBS_MAX = 64, SEEDS_MAX = 1000000 };

typedef struct task {
    uint64_t seed;
    bool lasts; // long
} task_t;

typedef struct job {
    pid_t child; // 0: free
    task_t task;
    char dir[300];
    outcome_t *outcome; // shared with the child
} job_t;

static struct {
    task_t *tasks;
    size_t count, next, done, failures;
    bool trace, keep, kept, expect_failure, stop;
    int jobs;
    int64_t began_ms, seconds; // 0: as long as it takes
    char base[256], keys[300], tables[300];
    outcome_t sum;
} sim;

static int remove_one(const char *path, const struct stat *info, int flag, struct FTW *ftw) {
    (void)info, (void)flag, (void)ftw;
    return remove(path);
}

static void remove_dir(const char *dir) { (void)nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS); }

static int64_t wall_ms(void) {
    struct timespec now;
    timespec_get(&now, TIME_UTC); // the world has no clock of its own yet
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

// ---- what to do

static void add_task(uint64_t seed, bool lasts) {
    sim.tasks[sim.count++] = (task_t){seed, lasts};
    CHECK(sim.count < SEEDS_MAX);
}

static int read_list(const char *path) {
    char line[128];
    FILE *file = fopen(path, "r");
    if (!file) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        return -1;
    }
    while (fgets(line, sizeof line, file)) {
        unsigned long long seed;
        char word[16] = "";
        line[strcspn(line, "#")] = 0;
        if (sscanf(line, "%llu %15s", &seed, word) >= 1) add_task(seed, strcmp(word, "long") == 0);
    }
    return fclose(file);
}

static int usage(void) {
    fprintf(stderr, "usage: tongchou-sim [--seeds N] [--from S] [--long] [--trace] [--keep] [--jobs J] [--list FILE]"
                    " [--expect-failure] [--canary NAME] [--seconds T]\n");
    return 2;
}

static int read_options(int argc, char **argv) {
    uint64_t from = 1, seeds = 1;
    bool lasts = false;
    const char *list = NULL;
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;
        if (strcmp(argv[i], "--trace") == 0)
            sim.trace = true;
        else if (strcmp(argv[i], "--long") == 0)
            lasts = true;
        else if (strcmp(argv[i], "--keep") == 0)
            sim.keep = true;
        else if (strcmp(argv[i], "--expect-failure") == 0)
            sim.expect_failure = true;
        else if (!value)
            return usage();
        else if (strcmp(argv[i], "--seeds") == 0)
            seeds = strtoull(argv[++i], NULL, 10);
        else if (strcmp(argv[i], "--from") == 0)
            from = strtoull(argv[++i], NULL, 10);
        else if (strcmp(argv[i], "--jobs") == 0)
            sim.jobs = (int)strtol(argv[++i], NULL, 10);
        else if (strcmp(argv[i], "--seconds") == 0)
            sim.seconds = strtol(argv[++i], NULL, 10);
        else if (strcmp(argv[i], "--list") == 0)
            list = argv[++i];
        else if (strcmp(argv[i], "--canary") == 0 && canary_choose(value))
            i++;
        else
            return usage();
    }
    if (list) return read_list(list);
    if (seeds >= SEEDS_MAX) return usage();
    for (uint64_t i = 0; i < seeds; i++) add_task(from + i, lasts);
    return 0;
}

// ---- jobs

static void start(job_t *job) {
    job->task = sim.tasks[sim.next++];
    memset(job->outcome, 0, sizeof *job->outcome);
    snprintf(job->dir, sizeof job->dir, "%s/seed-%llu", sim.base, (unsigned long long)job->task.seed);
    fflush(NULL);
    job->child = fork();
    if (job->child) return;
    char path[320];
    snprintf(path, sizeof path, "%s.err", job->dir);
    if (!sim.trace && !freopen(path, "w", stderr)) _exit(3);
    const run_conf_t conf = {.root = TC_SOURCE_DIR,
                             .keys_dir = sim.keys,
                             .dir = job->dir,
                             .tables_dir = sim.tables,
                             .seed = job->task.seed,
                             .length = job->task.lasts,
                             .trace = sim.trace};
    run_seed(&conf, job->outcome);
    fflush(NULL);
    _exit(0);
}

static void show_file(const char *path) {
    char buffer[4096];
    size_t bytes;
    FILE *file = fopen(path, "r");
    while (file && (bytes = fread(buffer, 1, sizeof buffer, file)) > 0) fwrite(buffer, 1, bytes, stderr);
    if (file) fclose(file);
}

static void tell_failure(const job_t *job, const char *err_path) {
    const char *lasts = job->task.lasts ? " --long" : "";
    const unsigned long long seed = job->task.seed;
    sim.failures++;
    if (sim.expect_failure) {
        printf("caught by seed %llu after %zu seeds: %s\n", seed, sim.done, job->outcome->why);
        sim.stop = true;
        return;
    }
    show_file(err_path);
    printf("FAILED seed %llu%s: %s\n  again: ./dev sim --from %llu%s --trace\n", seed, lasts, job->outcome->why, seed,
           lasts);
}

static void add_up(const outcome_t *one) {
    sim.sum.simulated_us += one->simulated_us;
    sim.sum.steps += one->steps;
    sim.sum.commits += one->commits;
    sim.sum.messages += one->messages;
    sim.sum.operations += one->operations;
    sim.sum.audits += one->audits;
    sim.sum.digest += one->digest; // in whatever order they end
    for (int i = 0; i < FAULT__COUNT; i++) sim.sum.faults[i] += one->faults[i];
}

static void end(job_t *job) {
    char path[320];
    snprintf(path, sizeof path, "%s.err", job->dir);
    sim.done++;
    job->child = 0;
    if (!job->outcome->finished && !job->outcome->failed) {
        job->outcome->failed = true;
        snprintf(job->outcome->why, sizeof job->outcome->why, "the seed's process died");
    }
    add_up(job->outcome);
    if (job->outcome->failed && !(sim.expect_failure && sim.failures)) tell_failure(job, path);
    if (sim.keep && job->outcome->failed) {
        printf("  its databases: %s\n", job->dir);
        sim.kept = true;
    } else {
        remove_dir(job->dir);
    }
    unlink(path);
}

static void work(job_t *jobs) {
    size_t running = 0;
    for (;;) {
        if (sim.seconds && wall_ms() - sim.began_ms > sim.seconds * 1000) sim.stop = true;
        for (int i = 0; i < sim.jobs && !sim.stop; i++)
            if (!jobs[i].child && sim.next < sim.count) {
                start(&jobs[i]);
                running++;
            }
        if (!running) return;
        const pid_t child = wait(NULL);
        for (int i = 0; i < sim.jobs; i++)
            if (child > 0 && jobs[i].child == child) {
                end(&jobs[i]);
                running--;
            }
    }
}

// ---- the report

// What the seeds have cost: the machine may have had other work beside them.
static double processor_s(void) {
    struct rusage used;
    if (getrusage(RUSAGE_CHILDREN, &used)) return 0;
    return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
           (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

static void report(int64_t took_ms) {
    const double hours = (double)sim.sum.simulated_us / 3.6e9, processor = processor_s();
    printf("%zu seeds, %zu failed; %.2f simulated hours in %.1f s, %.1f s of a processor: %.0f hours in ten minutes of"
           " two\n",
           sim.done, sim.failures, hours, (double)took_ms / 1000, processor,
           processor > 0 ? hours / processor * 1200 : 0);
    printf("%llu operations answered, %llu messages, %llu commits, %llu steps, %llu looks at the invariants; digest"
           " %016llx\n",
           (unsigned long long)sim.sum.operations, (unsigned long long)sim.sum.messages,
           (unsigned long long)sim.sum.commits, (unsigned long long)sim.sum.steps, (unsigned long long)sim.sum.audits,
           (unsigned long long)sim.sum.digest);
    for (int i = 0; i < FAULT__COUNT; i++)
        printf("  %-32s %10llu\n", fault_name((fault_t)i), (unsigned long long)sim.sum.faults[i]);
}

static int make_base(void) {
    const char *given = getenv("TMPDIR"), *memory = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    snprintf(sim.base, sizeof sim.base, "%s/tc-sim-XXXXXX", given ? given : memory);
    if (!mkdtemp(sim.base)) return -1;
    snprintf(sim.keys, sizeof sim.keys, "%s/keys", sim.base);
    return mkdir(sim.keys, 0700) ? -1 : city_keys(sim.keys);
}

int main(int argc, char **argv) {
    static job_t jobs[JOBS_MAX];
    setvbuf(stdout, NULL, _IOLBF, 0);
    mallopt(M_MMAP_THRESHOLD, 64 * 1024); // large tables cost a life only the pages that it touches
    sim.jobs = (int)sysconf(_SC_NPROCESSORS_ONLN);
    sim.tasks = calloc(SEEDS_MAX, sizeof *sim.tasks);
    if (!sim.tasks || read_options(argc, argv)) return 2;
    if (sim.trace || sim.jobs < 1) sim.jobs = 1;
    if (sim.jobs > JOBS_MAX) sim.jobs = JOBS_MAX;
    if (make_base()) return 2;
    for (int i = 0; i < sim.jobs; i++) {
        jobs[i].outcome =
            mmap(NULL, sizeof *jobs[i].outcome, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (jobs[i].outcome == MAP_FAILED) return 2;
    }
    sim.began_ms = wall_ms();
    snprintf(sim.tables, sizeof sim.tables, "%s/tables", sim.base);
    const run_conf_t begin = {.root = TC_SOURCE_DIR, .keys_dir = sim.keys, .dir = sim.base};
    run_make_tables(&begin, jobs[0].outcome);
    if (jobs[0].outcome->failed) {
        printf("the tables: %s\n", jobs[0].outcome->why);
        return 2;
    }
    work(jobs);
    report(wall_ms() - sim.began_ms);
    if (!sim.kept) remove_dir(sim.base);
    return sim.expect_failure ? sim.failures == 0 : sim.failures > 0;
}

#ifdef __SANITIZE_ADDRESS__
// A life that ends by a kill gives nothing back, as a process does not.
const char *__asan_default_options(void);
const char *__asan_default_options(void) { return "detect_leaks=0:detect_stack_use_after_return=0"; }
#endif
