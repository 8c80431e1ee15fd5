// The agenda is a heap by (moment, order of entry). Fibers are contexts with stacks of their own; the scheduler is the
// context of main(). A fiber's local time runs ahead of the agenda by the work it has not paid for yet.
#include "world.h"
#include "common/base/hash.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/common_interface_defs.h>
#endif

enum {
    NODES_MAX = 32,
    FIBERS_MAX = 16, // of one node
    LAYERS_MAX = 4,
    STACK_BYTES = 1024 * 1024,
    SPARE_STACKS = 64,
    TRACE_LINES = 400,
    TRACE_BYTES = 320,
    START_DELAY_US = 1000,
};

struct fiber {
    node_t *node;
    void *(*run)(void *);
    void *argument;
    ucontext_t context;
    void *stack;
    int64_t ahead_us;
    uint64_t wait; // number of the wait that it is in; a wake for an older one is void
    bool waits, done, inside, doomed;
    int kept_errno;
#ifdef __SANITIZE_ADDRESS__
    void *fake_stack;
#endif
};

typedef enum node_state { NODE_DOWN, NODE_UP, NODE_DYING } node_state_t;

struct node {
    char name[32];
    const node_ops_t *ops;
    void *self;
    node_state_t state;
    uint64_t life;
    int exit;
    fiber_t *fibers[FIBERS_MAX];
    size_t fiber_count;
    bool stop_asked;
    int stop_descriptor;
    int64_t paused_until_us, skew_us;
};

typedef struct entry {
    int64_t at_us;
    uint64_t order;
    act_t *act;
    void *self;
    uint64_t number;
} entry_t;

static struct {
    uint64_t random[4];
    int64_t now_us;
    uint64_t order, steps;
    entry_t *heap;
    size_t count, room;
    node_t *nodes[NODES_MAX];
    size_t node_count;
    const layer_t *layers[LAYERS_MAX];
    size_t layer_count;
    fiber_t *running;
    ucontext_t scheduler;
    void *spare[SPARE_STACKS];
    size_t spare_count;
    void (*watch)(void);
    void (*told)(const char *why);
#ifdef __SANITIZE_ADDRESS__
    void *fake_stack;
    const void *stack;
    size_t stack_bytes;
#endif
} world;

// ---- the seed (xoshiro256**, begun by splitmix64)

static uint64_t splitmix(uint64_t *state) {
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

void world_open(uint64_t seed) {
    for (int i = 0; i < 4; i++) world.random[i] = splitmix(&seed);
}

static uint64_t turned(uint64_t x, int by) { return x << by | x >> (64 - by); }

uint64_t draw(void) {
    uint64_t *s = world.random, result = turned(s[1] * 5, 7) * 9, t = s[1] << 17;
    s[2] ^= s[0], s[3] ^= s[1], s[1] ^= s[2], s[0] ^= s[3], s[2] ^= t;
    s[3] = turned(s[3], 45);
    return result;
}

uint64_t draw_to(uint64_t end) { return draw() % end; }
int64_t draw_between(int64_t low, int64_t high) { return low + (int64_t)draw_to((uint64_t)(high - low) + 1); }
bool chance(uint32_t ppm) { return ppm > 0 && draw_to(1000000) < ppm; }

// ---- the agenda

static bool before(const entry_t *a, const entry_t *b) {
    return a->at_us != b->at_us ? a->at_us < b->at_us : a->order < b->order;
}

static void swap(entry_t *a, entry_t *b) {
    entry_t kept = *a;
    *a = *b;
    *b = kept;
}

void world_at(int64_t at_us, act_t *act, void *self, uint64_t number) {
    if (world.count == world.room) {
        world.room = world.room ? world.room * 2 : 1024;
        CHECK((world.heap = realloc(world.heap, world.room * sizeof *world.heap)) != NULL);
    }
    size_t at = world.count++;
    if (at_us < world.now_us) at_us = world.now_us;
    world.heap[at] = (entry_t){at_us, ++world.order, act, self, number};
    while (at > 0 && before(&world.heap[at], &world.heap[(at - 1) / 2])) {
        swap(&world.heap[at], &world.heap[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
}

static entry_t next_entry(void) {
    entry_t first = world.heap[0];
    world.heap[0] = world.heap[--world.count];
    for (size_t at = 0;;) {
        size_t least = at, left = 2 * at + 1;
        if (left < world.count && before(&world.heap[left], &world.heap[least])) least = left;
        if (left + 1 < world.count && before(&world.heap[left + 1], &world.heap[least])) least = left + 1;
        if (least == at) return first;
        swap(&world.heap[at], &world.heap[least]);
        at = least;
    }
}

bool world_run(int64_t until_us, bool (*enough)(void)) {
    CHECK(!world.running);
    while (world.count && world.heap[0].at_us <= until_us) {
        entry_t entry = next_entry();
        world.now_us = entry.at_us;
        entry.act(entry.self, entry.number);
        if (world.watch) world.watch();
        if (enough && enough()) return true;
    }
    if (world.now_us < until_us) world.now_us = until_us;
    return false;
}

int64_t world_us(void) { return world.now_us + (world.running ? world.running->ahead_us : 0); }
uint64_t world_steps(void) { return world.steps; }
void world_watch(void (*watch)(void)) { world.watch = watch; }

// ---- switching

static void *stack_take(void) {
    if (world.spare_count) return world.spare[--world.spare_count];
    void *stack = mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    CHECK(stack != MAP_FAILED);
    CHECK(mprotect(stack, 4096, PROT_NONE) == 0); // a stack that is too small shall not write elsewhere
    return stack;
}

static void stack_give(void *stack) {
    if (world.spare_count < SPARE_STACKS)
        world.spare[world.spare_count++] = stack;
    else
        munmap(stack, STACK_BYTES);
}

static void tell_layers(node_t *node, size_t offset) {
    for (size_t i = 0; i < world.layer_count; i++) {
        void (*hook)(node_t *) = NULL;
        memcpy(&hook, (const char *)world.layers[i] + offset, sizeof hook);
        if (hook) hook(node);
    }
}

static void to_scheduler(fiber_t *fiber) {
    fiber->kept_errno = errno;
    tell_layers(fiber->node, offsetof(layer_t, leaves));
    world.running = NULL;
#ifdef __SANITIZE_ADDRESS__
    __sanitizer_start_switch_fiber(fiber->done ? NULL : &fiber->fake_stack, world.stack, world.stack_bytes);
#endif
    swapcontext(&fiber->context, &world.scheduler);
#ifdef __SANITIZE_ADDRESS__
    __sanitizer_finish_switch_fiber(fiber->fake_stack, &world.stack, &world.stack_bytes);
#endif
    errno = fiber->kept_errno;
}

static void resume(fiber_t *fiber) {
    world.steps++;
    world.running = fiber;
    tell_layers(fiber->node, offsetof(layer_t, enters));
#ifdef __SANITIZE_ADDRESS__
    __sanitizer_start_switch_fiber(&world.fake_stack, fiber->stack, STACK_BYTES);
#endif
    swapcontext(&world.scheduler, &fiber->context);
#ifdef __SANITIZE_ADDRESS__
    __sanitizer_finish_switch_fiber(world.fake_stack, NULL, NULL);
#endif
    world.running = NULL;
}

static void begin(void) {
    fiber_t *fiber = world.running;
#ifdef __SANITIZE_ADDRESS__
    __sanitizer_finish_switch_fiber(NULL, &world.stack, &world.stack_bytes);
#endif
    fiber->run(fiber->argument);
    fiber_leave();
}

// ---- fibers

static void bury(node_t *node);

static void go_on(void *self, uint64_t number) {
    fiber_t *fiber = self;
    node_t *node = fiber->node;
    if (fiber->done || !fiber->waits || fiber->wait != number) return;
    if (node->paused_until_us > world.now_us && !fiber->doomed) {
        world_at(node->paused_until_us + (int64_t)draw_to(1000), go_on, fiber, number);
        return;
    }
    fiber->waits = false;
    resume(fiber);
    if (node->state == NODE_DYING) bury(node);
}

fiber_t *fiber_new(node_t *node, void *(*run)(void *), void *argument) {
    CHECK(node->fiber_count < FIBERS_MAX);
    fiber_t *fiber = calloc(1, sizeof *fiber);
    CHECK(fiber);
    fiber->node = node;
    fiber->run = run;
    fiber->argument = argument;
    fiber->stack = stack_take();
    CHECK(getcontext(&fiber->context) == 0);
    fiber->context.uc_stack.ss_sp = fiber->stack;
    fiber->context.uc_stack.ss_size = STACK_BYTES;
    makecontext(&fiber->context, begin, 0);
    node->fibers[node->fiber_count++] = fiber;
    fiber->waits = true;
    world_at(world_us() + (int64_t)draw_to(START_DELAY_US), go_on, fiber, fiber->wait);
    return fiber;
}

fiber_t *fiber_now(void) { return world.running; }
bool fiber_is_done(const fiber_t *fiber) { return fiber->done; }

void fiber_work(int64_t us) {
    if (world.running) world.running->ahead_us += us;
}

void fiber_wait(int64_t until_us) {
    fiber_t *fiber = world.running;
    CHECK(fiber);
    int64_t earliest_us = world_us() + 1; // so that a loop that only looks at the clock comes to its end
    fiber->wait++;
    fiber->waits = true;
    fiber->ahead_us = 0;
    world_at(until_us > earliest_us ? until_us : earliest_us, go_on, fiber, fiber->wait);
    to_scheduler(fiber);
}

void fiber_wake(fiber_t *fiber, int64_t at_us) {
    if (!fiber->done && fiber->waits) world_at(at_us, go_on, fiber, fiber->wait);
}

void fiber_inside(bool inside) { world.running->inside = inside; }
bool fiber_is_doomed(void) { return world.running && world.running->doomed; }

void fiber_end_if_doomed(void) {
    fiber_t *fiber = world.running;
    if (fiber && (fiber->doomed || fiber->node->state == NODE_DYING)) fiber_leave();
}

_Noreturn void fiber_leave(void) {
    fiber_t *fiber = world.running;
    fiber->done = true;
    to_scheduler(fiber);
    abort(); // nobody resumes it
}

// ---- nodes

node_t *node_new(const char *name, const node_ops_t *ops, void *self) {
    CHECK(world.node_count < NODES_MAX);
    node_t *node = calloc(1, sizeof *node);
    CHECK(node);
    snprintf(node->name, sizeof node->name, "%s", name);
    node->ops = ops;
    node->self = self;
    world.nodes[world.node_count++] = node;
    return node;
}

const char *node_name(const node_t *node) { return node->name; }
void *node_self(const node_t *node) { return node->self; }
bool node_is_up(const node_t *node) { return node->state == NODE_UP; }
uint64_t node_life(const node_t *node) { return node->life; }
int node_exit(const node_t *node) { return node->exit; }
bool node_stop_asked(const node_t *node) { return node->stop_asked; }
int *node_stop_descriptor(node_t *node) { return &node->stop_descriptor; }
void node_pause(node_t *node, int64_t until_us) { node->paused_until_us = until_us; }
void node_skew(node_t *node, int64_t skew_us) { node->skew_us = skew_us; }
int64_t node_skew_us(const node_t *node) { return node->skew_us; }
node_t *node_now(void) { return world.running ? world.running->node : NULL; }
void world_layer(const layer_t *layer) {
    CHECK(world.layer_count < LAYERS_MAX);
    world.layers[world.layer_count++] = layer;
}

size_t node_all(node_t *const **nodes) {
    *nodes = world.nodes;
    return world.node_count;
}

static void *live(void *self) {
    node_t *node = self;
    node->exit = node->ops->main(node);
    node->state = NODE_DYING;
    return NULL;
}

void node_start(node_t *node) {
    CHECK(node->state == NODE_DOWN);
    node->state = NODE_UP;
    node->life++;
    node->exit = -1;
    node->stop_asked = false;
    node->stop_descriptor = -1;
    node->paused_until_us = 0;
    fiber_new(node, live, node);
}

static void drop_fiber(fiber_t *fiber) {
    fiber->done = true;
    stack_give(fiber->stack); // the rest of it stays: the agenda may still name it
    fiber->stack = NULL;
}

// Called until all fibers are gone; those inside SQLite come out first, by themselves.
static void bury(node_t *node) {
    size_t kept = 0;
    for (size_t i = 0; i < node->fiber_count; i++) {
        fiber_t *fiber = node->fibers[i];
        if (!fiber->inside || fiber->done) {
            drop_fiber(fiber);
            continue;
        }
        if (!fiber->doomed) fiber_wake(fiber, world.now_us);
        fiber->doomed = true;
        node->fibers[kept++] = fiber;
    }
    node->fiber_count = kept;
    if (kept) return;
    tell_layers(node, offsetof(layer_t, dies));
    if (node->stop_descriptor >= 0) close(node->stop_descriptor);
    node->stop_descriptor = -1;
    node->state = NODE_DOWN;
    if (node->ops->buried) node->ops->buried(node);
}

void node_kill(node_t *node) {
    if (node->state != NODE_UP) return;
    node->state = NODE_DYING;
    node->exit = -1;
    if (node_now() == node) fiber_leave();
    CHECK(!world.running); // one node does not kill another
    bury(node);
}

void node_stop(node_t *node) {
    if (node->state != NODE_UP || node->stop_asked) return;
    node->stop_asked = true;
    const uint64_t one = 1;
    if (node->stop_descriptor >= 0) CHECK(write(node->stop_descriptor, &one, sizeof one) == sizeof one);
    for (size_t i = 0; i < node->fiber_count; i++)
        if (!node->fibers[i]->inside) fiber_wake(node->fibers[i], world.now_us);
}

// ---- the record

static struct {
    char lines[TRACE_LINES][TRACE_BYTES];
    uint64_t count, digest;
    bool all;
} kept;

void trace_open(bool all) { kept.all = all; }
bool trace_is_on(void) { return kept.all; }
uint64_t trace_digest(void) { return kept.digest; }

void trace_line(const char *who, const char *event, const char *format, va_list args) {
    char *line = kept.lines[kept.count++ % TRACE_LINES];
    const int64_t us = world_us();
    int at = snprintf(line, TRACE_BYTES, "%6lld.%06lld %-14s %s%s", (long long)(us / 1000000),
                      (long long)(us % 1000000), who, event, *event ? " " : "");
    if (at > TRACE_BYTES - 1) at = TRACE_BYTES - 1;
    vsnprintf(line + at, (size_t)(TRACE_BYTES - at), format, args);
    for (const char *c = line; *c; c++) kept.digest = (kept.digest ^ (uint8_t)*c) * UINT64_C(1099511628211);
    if (kept.all) fprintf(stderr, "%s\n", line);
}

void trace(const char *format, ...) {
    va_list args;
    va_start(args, format);
    trace_line(node_now() ? node_now()->name : "-", "", format, args);
    va_end(args);
}

void trace_last(void) {
    uint64_t first = kept.count > TRACE_LINES ? kept.count - TRACE_LINES : 0;
    for (uint64_t i = first; i < kept.count; i++) fprintf(stderr, "%s\n", kept.lines[i % TRACE_LINES]);
}

void world_on_fail(void (*told)(const char *why)) { world.told = told; }

_Noreturn void world_fail(const char *format, ...) {
    char why[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(why, sizeof why, format, args);
    va_end(args);
    trace("FAILED %s", why);
    if (world.told) world.told(why);
    fflush(NULL);
    _exit(1); // not through destructors, on the stack of a fiber
}
