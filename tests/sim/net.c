// libzmq for the simulator. A pipe is a connection as its connecting end sees it; it is made again after every break,
// with a new routing id. Letters in flight know the epoch of their pipe: what a break has overtaken is lost.
#include "net.h"
#include "common/wire/curve.h"
#include "system.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

enum {
    PARTIES_MAX = 64,
    NODES_MAX = 32,
    FRAMES_MAX = 2,
    ID_BYTES = 5,
    ENDPOINT_BYTES = 64,
    PREFIX_BYTES = 64,
    CONNECT_US = 1500,        // handshake
    RECONNECT_US = 50 * 1000, // doubles
    RECONNECT_MAX_US = 1000 * 1000,
    KEEPALIVE_US = 11 * 1000 * 1000, // until a silent peer's connection is given up
    POLL_WORK_US = 2,
    POLL_DEBT_US = 300, // a loop that never waits gives way when it has worked so long
    SEND_WORK_US = 3,
};

typedef struct party_name {
    char key[41], user[96];
} party_name_t;

typedef struct block {
    size_t refs, size;
    uint8_t bytes[];
} block_t;

typedef struct message {
    block_t *block;
    const party_name_t *sender;
    bool more;
} message_t;
_Static_assert(sizeof(message_t) <= sizeof(zmq_msg_t), "a message must fit");

typedef struct letter letter_t;
typedef struct pipe pipe_t;
typedef struct socket socket_t;

struct letter {
    letter_t *next;
    pipe_t *pipe;
    uint64_t epoch;
    int direction; // 0: connector → binder
    uint32_t id;   // of the connection it came by
    const party_name_t *sender;
    size_t count;
    block_t *frames[FRAMES_MAX];
};

struct pipe {
    socket_t *connector, *binder; // binder: NULL while it is down
    bool up, ordered;
    uint64_t epoch;
    uint32_t id;
    int64_t last_us[2], reconnect_us;
    int64_t held_us[2];  // until when what comes waits behind what a cut has held up
    size_t under_way[2]; // sent and not yet read
    char endpoint[ENDPOINT_BYTES];
    letter_t *waiting_first, *waiting_last; // sent before the connection stood
};

struct socket {
    int type;
    node_t *node;
    bool closed, mandatory, verbose, immediate, bound;
    int send_mark, receive_mark;
    const party_name_t *party;
    char prefix[PREFIX_BYTES], endpoint[ENDPOINT_BYTES];
    pipe_t **pipes;
    size_t pipe_count, pipe_room;
    letter_t *first, *last; // arrived
    letter_t *open;         // being read, and how far
    size_t open_at;
    pipe_t *target; // of the message that is being sent by a ROUTER
    bool addressed;
    fiber_t *waiter;
    socket_t *next; // of all
};

net_faults_t net_faults;

static struct {
    party_name_t parties[PARTIES_MAX];
    size_t party_count;
    socket_t *sockets;
    const char *ordered;
    uint32_t ids;
    int port;
    int64_t cut_until_us[NODES_MAX][NODES_MAX];
    uint64_t delivered;
} net;

static size_t index_of(const node_t *node) {
    node_t *const *all;
    size_t count = node_all(&all), i = 0;
    while (i < count && all[i] != node) i++;
    CHECK(i < NODES_MAX);
    return i;
}

static int64_t cut_until(const socket_t *from, const socket_t *to) {
    return net.cut_until_us[index_of(from->node)][index_of(to->node)];
}

static int64_t latency_us(void) { return draw_between(net_faults.latency_min_us, net_faults.latency_max_us); }

// ---- letters

static block_t *block_new(const void *data, size_t size) {
    block_t *block = malloc(sizeof *block + size);
    CHECK(block);
    block->refs = 1;
    block->size = size;
    if (data && size) memcpy(block->bytes, data, size);
    return block;
}

static void block_drop(block_t *block) {
    if (block && --block->refs == 0) free(block);
}

static letter_t *letter_new(pipe_t *pipe, int direction) {
    letter_t *letter = calloc(1, sizeof *letter);
    CHECK(letter);
    letter->pipe = pipe;
    letter->direction = direction;
    return letter;
}

static void letter_free(letter_t *letter) {
    for (size_t i = 0; i < letter->count; i++) block_drop(letter->frames[i]);
    free(letter);
}

static letter_t *letter_copy(const letter_t *letter) {
    letter_t *copy = malloc(sizeof *copy);
    CHECK(copy);
    *copy = *letter;
    for (size_t i = 0; i < copy->count; i++) copy->frames[i]->refs++;
    return copy;
}

static void wake(socket_t *socket) {
    if (socket->waiter) fiber_wake(socket->waiter, world_us() + (int64_t)draw_to(20));
}

static void append(socket_t *socket, letter_t *letter) {
    letter->next = NULL;
    if (socket->last)
        socket->last->next = letter;
    else
        socket->first = letter;
    socket->last = letter;
    wake(socket);
}

static void arrive(void *self, uint64_t number) {
    letter_t *letter = self;
    pipe_t *pipe = letter->pipe;
    (void)number;
    if (letter->epoch != pipe->epoch) { // the connection broke meanwhile
        letter_free(letter);
        return;
    }
    socket_t *from = letter->direction ? pipe->binder : pipe->connector;
    socket_t *to = letter->direction ? pipe->connector : pipe->binder;
    int64_t *held_us = &pipe->held_us[letter->direction];
    if (*held_us <= world_us()) *held_us = cut_until(from, to);
    if (*held_us > world_us()) {
        world_at(*held_us, arrive, letter, 0); // all of them then, in the order in which they came to the cut
        return;
    }
    net.delivered++;
    letter->id = pipe->id;
    letter->sender = pipe->connector->party;
    append(to, letter);
}

static void post_at(letter_t *letter, int64_t at_us) {
    letter->epoch = letter->pipe->epoch;
    letter->pipe->under_way[letter->direction]++;
    world_at(at_us, arrive, letter, 0);
}

// On its way, with what the seed has in store for it.
static void post(letter_t *letter) {
    pipe_t *pipe = letter->pipe;
    const net_faults_t *faults = &net_faults;
    int64_t at_us = world_us() + latency_us(), *last_us = &pipe->last_us[letter->direction];
    if (!pipe->ordered && chance(faults->drop_ppm)) {
        system_count(FAULT_DROP);
        letter_free(letter);
        return;
    }
    if (chance(faults->delay_ppm)) {
        system_count(FAULT_DELAY);
        at_us += draw_between(1000, faults->delay_max_us);
    }
    if (!pipe->ordered && chance(faults->double_ppm)) {
        system_count(FAULT_DOUBLE);
        post_at(letter_copy(letter), at_us + draw_between(0, faults->delay_max_us));
    }
    if (!pipe->ordered && chance(faults->reorder_ppm)) {
        system_count(FAULT_REORDER);
        at_us += draw_between(0, faults->delay_max_us);
    } else {
        if (at_us <= *last_us) at_us = *last_us + 1;
        *last_us = at_us;
    }
    post_at(letter, at_us);
}

// ---- connections

static socket_t *bound_at(const char *endpoint) {
    for (socket_t *socket = net.sockets; socket; socket = socket->next)
        if (socket->bound && !socket->closed && strcmp(socket->endpoint, endpoint) == 0) return socket;
    return NULL;
}

static void add_pipe(socket_t *socket, pipe_t *pipe) {
    if (socket->pipe_count == socket->pipe_room) {
        socket->pipe_room = socket->pipe_room ? socket->pipe_room * 2 : 8;
        CHECK((socket->pipes = realloc(socket->pipes, socket->pipe_room * sizeof(pipe_t *))) != NULL);
    }
    socket->pipes[socket->pipe_count++] = pipe;
}

static void remove_pipe(socket_t *socket, const pipe_t *pipe) {
    size_t i = 0;
    while (i < socket->pipe_count && socket->pipes[i] != pipe) i++;
    if (i == socket->pipe_count) return;
    memmove(&socket->pipes[i], &socket->pipes[i + 1], (--socket->pipe_count - i) * sizeof(pipe_t *));
}

static void try_connect(void *self, uint64_t epoch);

static void try_later(pipe_t *pipe) {
    world_at(world_us() + pipe->reconnect_us + (int64_t)draw_to(10000), try_connect, pipe, pipe->epoch);
    if (pipe->reconnect_us < RECONNECT_MAX_US) pipe->reconnect_us *= 2;
}

static void subscribe(pipe_t *pipe) {
    letter_t *letter = letter_new(pipe, 0);
    const size_t bytes = strlen(pipe->connector->prefix);
    letter->frames[letter->count++] = block_new(NULL, bytes + 1);
    letter->frames[0]->bytes[0] = 1;
    memcpy(letter->frames[0]->bytes + 1, pipe->connector->prefix, bytes);
    post_at(letter, world_us() + latency_us());
}

static void stand(void *self, uint64_t epoch) {
    pipe_t *pipe = self;
    if (pipe->epoch != epoch || pipe->up || pipe->connector->closed) return;
    socket_t *binder = bound_at(pipe->endpoint);
    if (!binder || cut_until(binder, pipe->connector) > world_us()) {
        try_later(pipe);
        return;
    }
    pipe->binder = binder;
    pipe->up = true;
    pipe->id = ++net.ids;
    pipe->reconnect_us = RECONNECT_US;
    pipe->under_way[0] = pipe->under_way[1] = 0;
    pipe->last_us[0] = pipe->last_us[1] = 0;
    pipe->held_us[0] = pipe->held_us[1] = 0;
    add_pipe(binder, pipe);
    if (pipe->connector->type == ZMQ_SUB && binder->type == ZMQ_XPUB) subscribe(pipe);
    while (pipe->waiting_first) {
        letter_t *letter = pipe->waiting_first;
        pipe->waiting_first = letter->next;
        post(letter);
    }
    pipe->waiting_last = NULL;
    wake(pipe->connector);
}

static void try_connect(void *self, uint64_t epoch) {
    pipe_t *pipe = self;
    if (pipe->epoch != epoch || pipe->up || pipe->connector->closed) return;
    socket_t *binder = bound_at(pipe->endpoint);
    if (binder && cut_until(pipe->connector, binder) <= world_us())
        world_at(world_us() + CONNECT_US + 3 * latency_us(), stand, pipe, epoch);
    else
        try_later(pipe);
}

static void broke(void *self, uint64_t epoch) {
    pipe_t *pipe = self;
    if (pipe->epoch != epoch || !pipe->up) return;
    remove_pipe(pipe->binder, pipe);
    wake(pipe->binder);
    pipe->binder = NULL;
    pipe->up = false;
    pipe->epoch++;
    if (pipe->connector->closed) return;
    wake(pipe->connector);
    try_later(pipe);
}

static void break_pipes(socket_t *socket, int64_t at_us, bool in_order) {
    for (size_t i = 0; i < socket->pipe_count; i++) {
        pipe_t *pipe = socket->pipes[i];
        const int side = pipe->connector == socket ? 0 : 1;
        const int64_t last_us = pipe->last_us[side];
        world_at(in_order && last_us >= at_us ? last_us + 1 : at_us, broke, pipe, pipe->epoch);
    }
}

static void forget_letters(socket_t *socket) {
    while (socket->first) {
        letter_t *letter = socket->first;
        socket->first = letter->next;
        letter_free(letter);
    }
    if (socket->open) letter_free(socket->open);
    socket->open = socket->last = NULL;
    socket->waiter = NULL;
}

static void forget_closed(void) {
    for (socket_t **at = &net.sockets; *at;) {
        socket_t *socket = *at;
        if (socket->closed)
            *at = socket->next; // its pipes may still name it: it is not freed
        else
            at = &socket->next;
    }
}

// What was in the kernel's hands still arrives, what was not is lost; where the cut is, the seed says.
static void node_dies(node_t *node) {
    const bool silent = node_exit(node) < 0 && chance(net_faults.silent_ppm);
    if (silent) system_count(FAULT_SILENT);
    for (socket_t *socket = net.sockets; socket; socket = socket->next) {
        if (socket->node != node || socket->closed) continue;
        socket->closed = true;
        forget_letters(socket);
        break_pipes(socket, world_us() + (silent ? KEEPALIVE_US : (int64_t)draw_to(300)), false);
    }
    forget_closed();
}

void net_open(void) {
    static const layer_t layer = {.dies = node_dies};
    world_layer(&layer);
}

void net_party(const char *public_key, const char *user) {
    CHECK(net.party_count < PARTIES_MAX);
    snprintf(net.parties[net.party_count].key, sizeof net.parties->key, "%s", public_key);
    snprintf(net.parties[net.party_count++].user, sizeof net.parties->user, "%s", user);
}

static bool between(const pipe_t *pipe, const node_t *a, const node_t *b) {
    if (!pipe->up) return false;
    const node_t *from = pipe->connector->node, *to = pipe->binder->node;
    return (from == a && to == b) || (from == b && to == a);
}

void net_reset(const node_t *a, const node_t *b) {
    for (socket_t *socket = net.sockets; socket; socket = socket->next)
        for (size_t i = 0; !socket->closed && i < socket->pipe_count; i++)
            if (socket->pipes[i]->connector == socket && between(socket->pipes[i], a, b))
                world_at(world_us(), broke, socket->pipes[i], socket->pipes[i]->epoch);
}

static void give_up(void *self, uint64_t pair) {
    node_t *const *nodes;
    (void)self;
    node_all(&nodes);
    const size_t a = pair / NODES_MAX, b = pair % NODES_MAX;
    if (net.cut_until_us[a][b] <= world_us()) return;
    net_reset(nodes[a], nodes[b]);
}

void net_cut(const node_t *a, const node_t *b, int64_t until_us) {
    const size_t from = index_of(a), to = index_of(b);
    net.cut_until_us[from][to] = until_us;
    if (until_us - world_us() > KEEPALIVE_US) world_at(world_us() + KEEPALIVE_US, give_up, NULL, from * NODES_MAX + to);
}

void net_ordered(const char *endpoint) { net.ordered = endpoint; }
void net_heal(void) { memset(net.cut_until_us, 0, sizeof net.cut_until_us); }
uint64_t net_delivered(void) { return net.delivered; }

// ---- sockets

void *zmq_ctx_new(void) {
    static int context;
    return &context;
}
int zmq_ctx_term(void *context) {
    (void)context;
    return 0;
}
int zmq_ctx_set(void *context, int option, int value) {
    (void)context, (void)option, (void)value;
    return 0;
}

void *zmq_socket(void *context, int type) {
    (void)context;
    socket_t *socket = calloc(1, sizeof *socket);
    CHECK(socket && node_now());
    socket->type = type;
    socket->node = node_now();
    socket->send_mark = socket->receive_mark = 1000;
    socket->next = net.sockets;
    net.sockets = socket;
    return socket;
}

int zmq_close(void *self) {
    socket_t *socket = self;
    socket->closed = true;
    forget_letters(socket);
    break_pipes(socket, world_us() + latency_us(), true);
    for (size_t i = socket->pipe_count; i-- > 0;)
        if (!socket->pipes[i]->up) remove_pipe(socket, socket->pipes[i]);
    forget_closed();
    return 0;
}

static const party_name_t *party_of(const char *key) {
    for (size_t i = 0; i < net.party_count; i++)
        if (strcmp(net.parties[i].key, key) == 0) return &net.parties[i];
    return NULL;
}

int zmq_setsockopt(void *self, int option, const void *value, size_t bytes) {
    socket_t *socket = self;
    int number = 0;
    if (bytes == sizeof number) memcpy(&number, value, sizeof number);
    switch (option) {
    case ZMQ_ROUTER_MANDATORY: socket->mandatory = number; break;
    case ZMQ_XPUB_VERBOSE: socket->verbose = number; break;
    case ZMQ_IMMEDIATE: socket->immediate = number; break;
    case ZMQ_SNDHWM: socket->send_mark = number; break;
    case ZMQ_RCVHWM: socket->receive_mark = number; break;
    case ZMQ_CURVE_PUBLICKEY: socket->party = party_of(value); break;
    case ZMQ_SUBSCRIBE: snprintf(socket->prefix, sizeof socket->prefix, "%.*s", (int)bytes, (const char *)value); break;
    default: break; // nothing here depends on it
    }
    return 0;
}

int zmq_getsockopt(void *self, int option, void *value, size_t *bytes) {
    socket_t *socket = self;
    if (option == ZMQ_RCVMORE) {
        int more = socket->open != NULL;
        memcpy(value, &more, sizeof more);
        return 0;
    }
    CHECK(option == ZMQ_LAST_ENDPOINT);
    *bytes = (size_t)snprintf(value, *bytes, "%s", socket->endpoint) + 1;
    return 0;
}

int zmq_bind(void *self, const char *endpoint) {
    socket_t *socket = self;
    const char *star = strstr(endpoint, ":*");
    if (star)
        snprintf(socket->endpoint, sizeof socket->endpoint, "%.*s:%d", (int)(star - endpoint), endpoint,
                 20000 + ++net.port);
    else
        snprintf(socket->endpoint, sizeof socket->endpoint, "%s", endpoint);
    if (bound_at(socket->endpoint)) {
        errno = EADDRINUSE;
        return -1;
    }
    socket->bound = true;
    return 0;
}

int zmq_connect(void *self, const char *endpoint) {
    socket_t *socket = self;
    pipe_t *pipe = calloc(1, sizeof *pipe);
    CHECK(pipe);
    pipe->connector = socket;
    pipe->reconnect_us = RECONNECT_US;
    snprintf(pipe->endpoint, sizeof pipe->endpoint, "%s", endpoint);
    pipe->ordered = net.ordered && strcmp(endpoint, net.ordered) == 0;
    add_pipe(socket, pipe);
    world_at(world_us(), try_connect, pipe, pipe->epoch);
    return 0;
}

// ---- sending

static bool is_full(const pipe_t *pipe, int direction) {
    const socket_t *from = direction ? pipe->binder : pipe->connector, *to = direction ? pipe->connector : pipe->binder;
    return pipe->under_way[direction] >= (size_t)from->send_mark + (size_t)to->receive_mark;
}

static int again(int code) {
    errno = code;
    return -1;
}

static void die_at_send(const char *when) {
    if (!node_self(node_now()) || !chance(net_faults.crash_ppm)) return; // callers live for ever
    system_count(FAULT_CRASH_SEND);
    trace("dies %s a send", when);
    node_kill(node_now());
}

static int send_on(pipe_t *pipe, int direction, block_t *frame) {
    letter_t *letter = letter_new(pipe, direction);
    letter->frames[letter->count++] = frame;
    if (pipe->up) {
        post(letter);
        return 0;
    }
    if (pipe->waiting_last)
        pipe->waiting_last->next = letter;
    else
        pipe->waiting_first = letter;
    pipe->waiting_last = letter;
    return 0;
}

static int send_dealer(socket_t *socket, block_t *frame) {
    pipe_t *pipe = socket->pipe_count ? socket->pipes[0] : NULL;
    if (!pipe || (!pipe->up && socket->immediate) || (pipe->up && is_full(pipe, 0))) return again(EAGAIN);
    frame->refs++;
    return send_on(pipe, 0, frame);
}

static int address(socket_t *socket, const block_t *id) {
    uint32_t number = 0;
    if (id->size == ID_BYTES) memcpy(&number, id->bytes + 1, sizeof number);
    socket->target = NULL;
    for (size_t i = 0; i < socket->pipe_count; i++)
        if (socket->pipes[i]->id == number && socket->pipes[i]->up) socket->target = socket->pipes[i];
    if (!socket->target && socket->mandatory) return again(EHOSTUNREACH);
    if (socket->target && is_full(socket->target, 1)) {
        if (socket->mandatory) return again(EAGAIN);
        socket->target = NULL;
    }
    socket->addressed = true;
    return 0;
}

static int send_router(socket_t *socket, block_t *frame) {
    if (!socket->addressed) return address(socket, frame);
    socket->addressed = false;
    if (!socket->target) return 0; // nobody there: thrown away
    frame->refs++;
    return send_on(socket->target, 1, frame);
}

static bool begins_with(const block_t *frame, const char *prefix) {
    const size_t bytes = strlen(prefix);
    return frame->size >= bytes && memcmp(frame->bytes, prefix, bytes) == 0;
}

static int send_xpub(socket_t *socket, block_t *frame) {
    for (size_t i = 0; i < socket->pipe_count; i++) {
        pipe_t *pipe = socket->pipes[i];
        if (!pipe->up || !begins_with(frame, pipe->connector->prefix) || is_full(pipe, 1)) continue;
        frame->refs++;
        send_on(pipe, 1, frame);
    }
    return 0;
}

static int send_block(socket_t *socket, block_t *frame) {
    const bool whole = socket->type != ZMQ_ROUTER || socket->addressed;
    if (whole) die_at_send("before");
    fiber_work(SEND_WORK_US);
    int rc = socket->type == ZMQ_ROUTER ? send_router(socket, frame)
             : socket->type == ZMQ_XPUB ? send_xpub(socket, frame)
                                        : send_dealer(socket, frame);
    if (whole && rc == 0) die_at_send("after");
    return rc;
}

int zmq_msg_send(zmq_msg_t *self, void *socket, int flags) {
    message_t *message = (message_t *)self;
    static block_t nothing = {.refs = 1};
    (void)flags;
    block_t *block = message->block ? message->block : &nothing;
    const int size = (int)block->size;
    if (send_block(socket, block)) return -1;
    zmq_msg_close(self);
    zmq_msg_init(self);
    return size;
}

int zmq_send(void *socket, const void *data, size_t bytes, int flags) {
    (void)flags;
    block_t *block = block_new(data, bytes);
    int rc = send_block(socket, block);
    block_drop(block);
    return rc ? -1 : (int)bytes;
}

// ---- receiving

static block_t *id_block(uint32_t id) {
    uint8_t bytes[ID_BYTES] = {0};
    memcpy(bytes + 1, &id, sizeof id);
    return block_new(bytes, sizeof bytes);
}

// The next frame; NULL when there is none.
static block_t *take_frame(socket_t *socket, const party_name_t **sender, bool *more) {
    if (!socket->open) {
        letter_t *letter = socket->first;
        if (!letter) return NULL;
        socket->first = letter->next;
        if (!socket->first) socket->last = NULL;
        letter->pipe->under_way[letter->direction] -= letter->pipe->under_way[letter->direction] > 0;
        socket->open = letter;
        socket->open_at = 0;
        if (socket->type == ZMQ_ROUTER) {
            *more = true;
            return id_block(letter->id);
        }
    }
    letter_t *letter = socket->open;
    block_t *frame = letter->frames[socket->open_at++];
    frame->refs++;
    *sender = letter->sender;
    *more = socket->open_at < letter->count;
    if (!*more) {
        letter_free(letter);
        socket->open = NULL;
    }
    return frame;
}

int zmq_msg_recv(zmq_msg_t *self, void *socket, int flags) {
    message_t taken = {0};
    (void)flags;
    taken.block = take_frame(socket, &taken.sender, &taken.more);
    if (!taken.block) return again(EAGAIN);
    zmq_msg_close(self);
    *(message_t *)self = taken;
    return (int)taken.block->size;
}

int zmq_recv(void *socket, void *data, size_t room, int flags) {
    const party_name_t *sender = NULL;
    bool more;
    (void)flags;
    block_t *frame = take_frame(socket, &sender, &more);
    if (!frame) return again(EAGAIN);
    const size_t size = frame->size;
    if (size) memcpy(data, frame->bytes, size < room ? size : room);
    block_drop(frame);
    return (int)size;
}

static short ready(const zmq_pollitem_t *item) {
    if (!item->socket) return system_stop_is_unread() ? ZMQ_POLLIN : 0;
    const socket_t *socket = item->socket;
    short found = 0;
    if ((item->events & ZMQ_POLLIN) && (socket->first || socket->open)) found |= ZMQ_POLLIN;
    if ((item->events & ZMQ_POLLOUT) && socket->pipe_count && socket->pipes[0]->up) found |= ZMQ_POLLOUT;
    return found;
}

static int look(zmq_pollitem_t *items, int count) {
    int found = 0;
    for (int i = 0; i < count; i++) {
        items[i].revents = ready(&items[i]);
        found += items[i].revents != 0;
    }
    return found;
}

static void attend(zmq_pollitem_t *items, int count, fiber_t *fiber) {
    for (int i = 0; i < count; i++)
        if (items[i].socket) ((socket_t *)items[i].socket)->waiter = fiber;
}

int zmq_poll(zmq_pollitem_t *items, int count, long timeout_ms) {
    const int64_t until_us = timeout_ms < 0 ? INT64_MAX : world_us() + timeout_ms * 1000;
    static int64_t debt_us; // of whoever runs; paid in turn
    fiber_work(POLL_WORK_US);
    int found = look(items, count);
    if (found > 0 && (debt_us += POLL_WORK_US) > POLL_DEBT_US) {
        debt_us = 0;
        fiber_wait(world_us());
        found = look(items, count);
    }
    if (timeout_ms == 0 && !found) fiber_wait(world_us());
    while (!found && world_us() < until_us) {
        attend(items, count, fiber_now());
        fiber_wait(until_us);
        attend(items, count, NULL);
        found = look(items, count);
    }
    return found;
}

// ---- messages

int zmq_msg_init(zmq_msg_t *self) {
    *(message_t *)self = (message_t){0};
    return 0;
}

int zmq_msg_init_size(zmq_msg_t *self, size_t bytes) {
    *(message_t *)self = (message_t){.block = block_new(NULL, bytes)};
    return 0;
}

int zmq_msg_close(zmq_msg_t *self) {
    block_drop(((message_t *)self)->block);
    *(message_t *)self = (message_t){0};
    return 0;
}

int zmq_msg_move(zmq_msg_t *to, zmq_msg_t *from) {
    if (to == from) return 0;
    zmq_msg_close(to);
    *(message_t *)to = *(message_t *)from;
    return zmq_msg_init(from);
}

int zmq_msg_copy(zmq_msg_t *to, zmq_msg_t *from) {
    if (to == from) return 0;
    zmq_msg_close(to);
    *(message_t *)to = *(message_t *)from;
    if (((message_t *)to)->block) ((message_t *)to)->block->refs++;
    return 0;
}

void *zmq_msg_data(zmq_msg_t *self) {
    static uint8_t nothing[1];
    message_t *message = (message_t *)self;
    return message->block ? message->block->bytes : nothing;
}

size_t zmq_msg_size(const zmq_msg_t *self) {
    const message_t *message = (const message_t *)self;
    return message->block ? message->block->size : 0;
}

int zmq_msg_more(const zmq_msg_t *self) { return ((const message_t *)self)->more; }

const char *zmq_msg_gets(const zmq_msg_t *self, const char *property) {
    const party_name_t *sender = ((const message_t *)self)->sender;
    if (sender && strcmp(property, "User-Id") == 0) return sender->user;
    return sender && strcmp(property, ZAP_KEY_PROPERTY) == 0 ? sender->key : NULL;
}

const char *zmq_strerror(int code) { return strerror(code); }
int zmq_errno(void) { return errno; }
