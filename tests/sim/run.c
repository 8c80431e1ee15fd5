// Two phases. Safety: faults come, nothing wrong may be said or kept, whoever is down. Then everything heals, and
// within a bounded time every caller has its answer, all streams are taken in, and all that was to be decided again is.
#include "run.h"
#include "audit.h"
#include "city.h"
#include "common/policy/policy.h"
#include "disk.h"
#include "door.h"
#include "faults.h"
#include "load.h"
#include "net.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    HEAL_MAX_S = 600,     // until every caller has its answers
    LEVEL_MAX_S = 300,    // until everything is taken in
    AGENCIES_MAX_S = 180, // until they have had everything
    REST_S = 14,          // what is decided a second time comes by then
    WORK_MAX_S = 200,     // of a processor
    STEP_COMMITS = 12,    // between cheap audits of a short run; in a long one, whose tables are larger, LONGER times
    AUDIT_COMMITS = 300,
    LONGER = 5,
    RETRY_COMMITS = 100, // while there are no stores to look at
};

static const run_conf_t *conf;
static outcome_t *out;
static plan_t plan;
static char law[512], overlay[512], other_law[512], store_dir[512], door_dir[520];
static audit_conf_t audit;
static uint64_t audited, audited_whole, lives, retry;

static void count(void) {
    out->simulated_us += world_us();
    out->steps += world_steps();
    out->commits += disk_commits();
    out->messages += net_delivered();
    out->operations += load_operations();
    for (int i = 0; i < FAULT__COUNT; i++) out->faults[i] += system_faults[i];
}

static void failed(const char *why) {
    count();
    out->failed = true;
    snprintf(out->why, sizeof out->why, "%s", why);
    trace_last();
}

// ---- invariants while it runs

static uint64_t all_lives(void) {
    node_t *const *nodes;
    const size_t count = city_nodes(&nodes);
    uint64_t sum = 0;
    for (size_t i = 0; i < count; i++) sum += node_life(nodes[i]);
    return sum;
}

static void watch(void) {
    const uint64_t commits = disk_commits(), now = all_lives();
    err_t err = {0};
    const uint64_t longer = conf->length ? LONGER : 1;
    if (commits - audited < STEP_COMMITS * longer && now == lives) return;
    audited = commits;
    if (commits < retry || audit_open(&audit, &err)) {
        if (commits >= retry) retry = commits + RETRY_COMMITS;
        return;
    }
    out->audits++;
    load_check_kept(audit_adjudication(), now != lives);
    lives = now;
    if (commits - audited_whole < AUDIT_COMMITS * longer) {
        audit_step();
        return;
    }
    audited_whole = commits;
    audit_now();
}

// ---- phases

static void name_laws(void) {
    snprintf(law, sizeof law, "%s/config/cities/jiangmen.yaml", conf->root);
    snprintf(overlay, sizeof overlay, "%s/config/samples/jiangmen-illustrative.yaml", conf->root);
    snprintf(other_law, sizeof other_law, "%s/config/samples/test-high-threshold.yaml", conf->root);
}

// Compiled here, before the seeds' processes part, they are compiled once (system.c keeps them).
static void load_laws(void) {
    const char *const overlays[] = {overlay, other_law};
    err_t err = {0};
    for (size_t i = 0; i < COUNT_OF(overlays); i++) {
        policy_t *policy = NULL;
        if (policy_load(&policy, law, (const char *const[]){overlays[i], NULL}, &err)) world_fail("%s", err.text);
        policy_destroy(&policy);
    }
}

static void prepare(const char *sub) {
    name_laws();
    snprintf(store_dir, sizeof store_dir, "%s/%s", conf->dir, sub);
    CHECK(mkdir(store_dir, 0700) == 0);
    audit = (audit_conf_t){.dir = store_dir, .keys_dir = conf->keys_dir, .law = law, .overlay = overlay};
    system_begin_ms = plan.begin_ms;
    trace_open(conf->trace);
    world_on_fail(failed);
    net_open();
    disk_open();
    disk_on_change(audit_close);
}

static load_conf_t load_of_plan(void) {
    return (load_conf_t){.keys_dir = conf->keys_dir,
                         .persons = plan.persons,
                         .employers = plan.employers,
                         .callers = plan.callers,
                         .operations = plan.operations,
                         .think_max_us = plan.think_max_us,
                         .errands = plan.errands,
                         .catalogue = plan.catalogue,
                         .books = plan.books,
                         .accounts = plan.accounts,
                         .agreement_ends = plan.agreement_ends,
                         .other_law = plan.other_law ? other_law : NULL,
                         .law = law};
}

// Most cities begin with tables that are there; in some each service makes its own, under faults.
static void take_tables(void) {
    char command[1400];
    snprintf(command, sizeof command, "cp %s/*.db %s/", conf->tables_dir, store_dir);
    CHECK(system(command) == 0);
}

// Keys of settlement's own, beside which the grants are.
static void make_door_dir(void) {
    char command[1400];
    snprintf(door_dir, sizeof door_dir, "%s/door", conf->dir);
    snprintf(command, sizeof command, "cp -pr %s %s", conf->keys_dir, door_dir);
    CHECK(system(command) == 0);
}

static void open_city(int brokers, int adjudication, bool door) {
    const city_conf_t city = {.dir = store_dir,
                              .keys_dir = conf->keys_dir,
                              .law = law,
                              .overlay = overlay,
                              .door_dir = door ? door_dir : NULL,
                              .brokers = brokers,
                              .adjudication = adjudication};
    city_open(&city);
}

static int64_t in_s(int64_t seconds) { return world_us() + seconds * 1000000; }

static void come_to_rest(void) {
    char why[256] = "";
    err_t err = {0};
    const int64_t until_us = in_s(LEVEL_MAX_S);
    for (int quiet = 0; quiet < REST_S;) {
        if (world_us() > until_us) world_fail("not at rest %d s after the last answer: %s", LEVEL_MAX_S, why);
        world_run(in_s(1), NULL);
        if (audit_open(&audit, &err)) world_fail("the stores: %s", err.text);
        quiet = audit_is_level(why, sizeof why) ? quiet + 1 : 0;
    }
}

static void wait_for_agencies(void) {
    char why[256] = "";
    const int64_t until_us = in_s(AGENCIES_MAX_S);
    while (!door_is_level(audit_settlement(), why, sizeof why)) {
        if (world_us() > until_us) world_fail("%d s after all is at rest %s", AGENCIES_MAX_S, why);
        world_run(in_s(1), NULL);
    }
}

static void run_disturbed(void) {
    char path[600];
    world_open(plan.seed);
    plan = faults_draw(plan.seed, conf->length);
    prepare("disturbed");
    if (!plan.bare) take_tables();
    if (plan.door) make_door_dir();
    open_city(plan.brokers, plan.adjudication, plan.door);
    if (plan.door) door_open(door_dir, draw_between(5, 60) * 1000000);
    const load_conf_t load = load_of_plan();
    load_open(&load, city_fronts());
    world_watch(watch);
    faults_begin(&plan);
    faults_tell();
    world_run(plan.safety_max_us, load_is_done);
    trace("everything heals; %zu operations are answered", load_operations());
    faults_end();
    load_healed();
    if (!world_run(in_s(HEAL_MAX_S), load_is_done)) {
        load_tell_open();
        world_fail("%d s after everything healed a caller has no answer", HEAL_MAX_S);
    }
    trace("every caller has its answers");
    come_to_rest();
    if (plan.door) wait_for_agencies();
    load_compute_anew();
    if (!world_run(in_s(60), load_is_done)) world_fail("what was to be computed anew was not answered");
    audit_end();
    load_check_kept(audit_adjudication(), true);
    snprintf(path, sizeof path, "%s/script", conf->dir);
    CHECK(load_write_script(path, audit_adjudication()) == 0);
    snprintf(path, sizeof path, "%s/picture-disturbed", conf->dir);
    CHECK(audit_picture(path, plan.books) == 0);
    out->digest = trace_digest();
    count();
}

static void run_undisturbed(void) {
    char path[600];
    world_open(plan.seed);
    plan = faults_draw(plan.seed, conf->length);
    plan.calm = true;
    prepare("undisturbed");
    take_tables();
    trace_open(false);
    open_city(1, 1, false);
    const load_conf_t load = load_of_plan();
    snprintf(path, sizeof path, "%s/script", conf->dir);
    load_open_script(path, &load, city_fronts());
    faults_begin(&plan);
    if (!world_run(in_s(7200), load_is_done)) {
        load_tell_open();
        world_fail("the undisturbed run does not end");
    }
    come_to_rest();
    audit_end();
    snprintf(path, sizeof path, "%s/picture-undisturbed", conf->dir);
    CHECK(audit_picture(path, plan.books) == 0);
    out->simulated_us += world_us();
}

// ---- processes

static void in_process(void (*run)(void)) {
    fflush(NULL);
    const pid_t child = fork();
    if (child == 0) {
        const struct itimerval work = {.it_value.tv_sec = WORK_MAX_S};
        CHECK(setitimer(ITIMER_PROF, &work, NULL) == 0);
        if (!freopen("/dev/null", "w", stdout)) _exit(3);
        run();
        fflush(NULL);
        _exit(0);
    }
    int status = 0;
    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
    if (child > 0 && WIFEXITED(status) && (WEXITSTATUS(status) == 0 || out->failed)) return;
    out->failed = true;
    if (WIFSIGNALED(status))
        snprintf(out->why, sizeof out->why, "ended by signal %d%s", WTERMSIG(status),
                 WTERMSIG(status) == SIGPROF ? ": it does not come to an end" : "");
    else
        snprintf(out->why, sizeof out->why, "ended with status %d", WEXITSTATUS(status));
}

static void compare(void) {
    char command[1400];
    snprintf(command, sizeof command, "diff %s/picture-undisturbed %s/picture-disturbed >&2", conf->dir, conf->dir);
    if (system(command) == 0) return;
    out->failed = true;
    snprintf(out->why, sizeof out->why, "the end is not that of an undisturbed run (< undisturbed, > this run)");
}

// A city that comes up, makes its tables and goes in order.
static void run_tables(void) {
    world_open(1);
    prepare("tables");
    faults_begin(&(plan_t){.calm = true});
    open_city(1, 1, false);
    world_run(in_s(10), NULL);
    city_stop();
    world_run(in_s(20), NULL);
}

void run_make_tables(const run_conf_t *given, outcome_t *told) {
    conf = given;
    out = told;
    plan = (plan_t){.calm = true};
    name_laws();
    load_laws();
    if (chdir(conf->dir) == 0) in_process(run_tables);
}

void run_seed(const run_conf_t *given, outcome_t *told) {
    conf = given;
    out = told;
    plan = (plan_t){.seed = conf->seed};
    if (mkdir(conf->dir, 0700) || chdir(conf->dir)) {
        out->failed = true;
        snprintf(out->why, sizeof out->why, "%s: %s", conf->dir, strerror(errno));
        return;
    }
    in_process(run_disturbed);
    if (!out->failed) in_process(run_undisturbed);
    if (!out->failed) compare();
    out->finished = true;
}
