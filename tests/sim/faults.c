// Rates are parts of a million per message, call or send; faults of the whole come at moments drawn ahead of time, a
// mean distance apart. Everything is drawn from the seed before the first step, the moments as they come.
#include "faults.h"
#include "city.h"
#include "disk.h"
#include "net.h"
#include "redis.h"
#include "system.h"

enum { OUTSIDE__COUNT = 10 };

typedef void outside_t(void);

static bool active;
static uint64_t round_number;
static int64_t means_us[OUTSIDE__COUNT];

static uint32_t some(uint32_t likely_ppm, uint32_t max_ppm) {
    return chance(likely_ppm) ? (uint32_t)draw_between(1, max_ppm) : 0;
}

static node_t *any_node(void) {
    node_t *const *nodes;
    const size_t count = city_nodes(&nodes);
    return nodes[draw_to(count)];
}

// ---- faults of the whole

static void kill_one(void) {
    node_t *node = any_node();
    if (!node_is_up(node)) return;
    system_count(FAULT_CRASH_OUTSIDE);
    trace("kill -9 %s", node_name(node));
    node_kill(node);
}

static void restart_one(void) {
    node_t *node = any_node();
    if (!node_is_up(node)) return;
    system_count(FAULT_STOP);
    trace("stop %s in order", node_name(node));
    city_restart(node);
}

static void pause_one(void) {
    node_t *node = any_node();
    const int64_t us = draw_between(10000, 8000000);
    system_count(FAULT_PAUSE);
    trace("%s is stopped for %lld ms", node_name(node), (long long)us / 1000);
    node_pause(node, world_us() + us);
}

static void cut_two(void) {
    node_t *const *all;
    const size_t count = node_all(&all);
    node_t *a = all[draw_to(count)], *b = all[draw_to(count)];
    const int64_t us = chance(800000) ? draw_between(5000, 5000000) : draw_between(5000000, 30000000);
    if (a == b) return;
    system_count(FAULT_CUT);
    trace("%s and %s are cut for %lld ms", node_name(a), node_name(b), (long long)us / 1000);
    net_cut(a, b, world_us() + us);
    if (chance(700000)) net_cut(b, a, world_us() + us); // else only one way
}

static void isolate_one(void) {
    node_t *const *all, *one = any_node();
    const size_t count = node_all(&all);
    const int64_t us = draw_between(100000, 20000000);
    system_count(FAULT_CUT);
    trace("%s is alone for %lld ms", node_name(one), (long long)us / 1000);
    for (size_t i = 0; i < count; i++)
        if (all[i] != one) net_cut(one, all[i], world_us() + us), net_cut(all[i], one, world_us() + us);
}

static void reset_two(void) {
    node_t *const *all;
    const size_t count = node_all(&all);
    system_count(FAULT_RESET);
    net_reset(all[draw_to(count)], all[draw_to(count)]);
}

static void jump(void) {
    node_t *node = any_node();
    // Hosts keep their clocks within 200 ms of each other (docs/reliability.md); they jump inside of that.
    const int64_t skew_us = draw_between(-90000, 90000);
    system_count(FAULT_CLOCK);
    trace("the clock of %s jumps to %+lld ms", node_name(node), (long long)skew_us / 1000);
    node_skew(node, skew_us);
}

static void trouble_cache(void) {
    const uint64_t what = draw_to(3);
    system_count(what == 0 ? FAULT_CACHE_FLUSHED : what == 1 ? FAULT_CACHE_POISONED : FAULT_CACHE_DOWN);
    trace("the cache is %s", what == 0 ? "flushed" : what == 1 ? "poisoned" : "away");
    if (what == 0) redis_flush();
    if (what == 1) redis_poison();
    if (what == 2) redis_down_until_us = world_us() + draw_between(10000, 10000000);
}

static void change_instances(void) {
    if (chance(500000)) {
        system_count(FAULT_ADDED);
        trace("an instance of adjudication is added");
        city_add_instance();
    } else {
        system_count(FAULT_REMOVED);
        trace("an instance of adjudication is removed");
        city_remove_instance();
    }
}

static void kill_all_of_a_moment(void) {
    node_t *const *nodes;
    const size_t count = city_nodes(&nodes);
    trace("the power fails");
    for (size_t i = 0; i < count; i++) {
        if (!node_is_up(nodes[i])) continue;
        system_count(FAULT_CRASH_OUTSIDE);
        node_kill(nodes[i]);
    }
}

static const struct {
    outside_t *act;
    uint32_t likely_ppm; // that a seed has it
    int64_t least_us, most_us;
} outsides[OUTSIDE__COUNT] = {
    {kill_one, 700000, 3000000, 40000000},
    {restart_one, 400000, 5000000, 60000000},
    {pause_one, 400000, 2000000, 30000000},
    {cut_two, 500000, 1000000, 20000000},
    {isolate_one, 300000, 8000000, 60000000},
    {reset_two, 300000, 1000000, 20000000},
    {jump, 400000, 3000000, 30000000},
    {trouble_cache, 500000, 2000000, 30000000},
    {change_instances, 300000, 10000000, 80000000},
    {kill_all_of_a_moment, 200000, 20000000, 120000000},
};

static void strike(void *self, uint64_t number) {
    const size_t which = number % OUTSIDE__COUNT;
    (void)self;
    if (!active || number / OUTSIDE__COUNT != round_number) return;
    outsides[which].act();
    world_at(world_us() + draw_between(means_us[which] / 4, means_us[which] * 7 / 4), strike, NULL, number);
}

// ---- rates

// `dense`: for a run of a minute or two.
static void draw_rates(int64_t dense) {
    net_faults = (net_faults_t){.latency_min_us = draw_between(10, 200)};
    net_faults.latency_max_us = net_faults.latency_min_us + draw_between(10, chance(200000) ? 20000 : 500);
    net_faults.delay_max_us = draw_between(2000, chance(300000) ? 4000000 : 200000);
    net_faults.drop_ppm = some(400000, 40000);
    net_faults.double_ppm = some(400000, 40000);
    net_faults.reorder_ppm = some(400000, 60000);
    net_faults.delay_ppm = some(400000, 40000);
    net_faults.crash_ppm = some(400000, 150);
    net_faults.silent_ppm = some(300000, 600000);
    disk_faults = (disk_faults_t){.slow_max_us = draw_between(2000, chance(200000) ? 7000000 : 200000)};
    disk_faults.crash_ppm = some(500000, 200);
    disk_faults.rest_ppm = some(600000, 60000);
    disk_faults.fail_ppm = some(400000, 3000);
    disk_faults.unknown_ppm = some(400000, 30000);
    disk_faults.slow_ppm = some(400000, 30000);
    disk_faults.torn_ppm = some(600000, 1000000);
    system_crash_ppm = some(500000, 8000);
    system_rest_ppm = some(600000, 300000);
    for (size_t i = 0; i < OUTSIDE__COUNT; i++)
        means_us[i] =
            chance(outsides[i].likely_ppm) ? draw_between(outsides[i].least_us, outsides[i].most_us) / dense : 0;
}

static void no_rates(void) {
    net_faults = (net_faults_t){.latency_min_us = 50, .latency_max_us = 300};
    disk_faults = (disk_faults_t){0};
    system_crash_ppm = system_rest_ppm = 0;
}

plan_t faults_draw(uint64_t seed, int length) {
    const int64_t autumn_ms = INT64_C(1539561600000),
                  month_end_ms = INT64_C(1541001600000), // 2018-10-15, the end of October,
        eve_ms = INT64_C(1546271400000);                 // and 31 December 23:50
    plan_t plan = {.seed = seed};
    plan.brokers = chance(800000) ? 2 : 1;
    plan.adjudication = (int)draw_between(1, 3);
    plan.persons = (int)draw_between(2, 10);
    plan.employers = chance(300000) ? (int)draw_between(1, 2) : 0;
    plan.callers = (int)draw_between(2, 6);
    plan.operations = (int)draw_between(8, 25);
    plan.think_max_us = chance(500000) ? draw_between(1000, 100000) : draw_between(100000, 4000000);
    if (length) {
        plan.operations = (int)draw_between(15, 45);
        plan.think_max_us = draw_between(40, 240) * 1000000;
    }
    plan.dense = length ? 1 : 3;
    plan.safety_max_us = length ? INT64_C(10800) * 1000000 : INT64_C(180) * 1000000;
    plan.begin_ms = chance(100000) ? eve_ms : autumn_ms;
    plan.accounts = plan.employers && chance(500000);
    plan.other_law = chance(250000);
    plan.agreement_ends = chance(300000);
    plan.bare = chance(150000);
    plan.door = chance(250000);
    plan.catalogue = chance(350000);
    plan.books = chance(250000);
    if (plan.books)
        plan.begin_ms = month_end_ms - (length ? draw_between(600000, 3000000) : draw_between(15000, 60000));
    if (chance(400000)) plan.errands = (int)draw_between(1, length ? 8 : 4);
    return plan;
}

void faults_begin(const plan_t *plan) {
    no_rates();
    if (plan->calm) return;
    active = true;
    round_number++;
    draw_rates(plan->dense);
    for (size_t i = 0; i < OUTSIDE__COUNT; i++)
        if (means_us[i])
            world_at(world_us() + draw_between(0, means_us[i] * 2), strike, NULL, round_number * OUTSIDE__COUNT + i);
}

void faults_end(void) {
    node_t *const *all;
    const size_t count = node_all(&all);
    active = false;
    no_rates();
    net_heal();
    redis_down_until_us = 0;
    for (size_t i = 0; i < count; i++) {
        node_pause(all[i], 0);
        node_skew(all[i], 0);
    }
}

void faults_tell(void) {
    trace("network: %lld..%lld us, drop %u double %u reorder %u delay %u (to %lld us) crash %u silent %u",
          (long long)net_faults.latency_min_us, (long long)net_faults.latency_max_us, net_faults.drop_ppm,
          net_faults.double_ppm, net_faults.reorder_ppm, net_faults.delay_ppm, (long long)net_faults.delay_max_us,
          net_faults.crash_ppm, net_faults.silent_ppm);
    trace("stores: crash %u rest %u fail %u unknown %u slow %u (to %lld us) torn %u", disk_faults.crash_ppm,
          disk_faults.rest_ppm, disk_faults.fail_ppm, disk_faults.unknown_ppm, disk_faults.slow_ppm,
          (long long)disk_faults.slow_max_us, disk_faults.torn_ppm);
}
