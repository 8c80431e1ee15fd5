// One batch, one transaction. Survives: a crash at any point (a reply leaves after the commit that stored it, so asking
// again gives the same), a lost database, another writer of the same rows, one bad request among good ones. Bounded: a
// request is tried at most BATCH_TRIES + TRIES times, then its caller is told the code and may ask again with the same
// id.
#include "commands.h"
#include "common/base/crash.h"
#include "common/base/ids.h"
#include "common/base/log.h"
#include "common/wire/gate.h"
#include "common/wire/scope.h"
#include <string.h>
#include <time.h>

enum {
    BATCH_TRIES = 3,
    TRIES = 8,
    RACE_PAUSE_US = 500,
    PURGE_CHUNK = 500,
    PURGE_SOON_MS = 1000,
    PURGE_LATER_MS = 10 * 60 * 1000
};

typedef enum step {
    STEP_REFUSED, // the answer is slot.err
    STEP_STORED,  // answered before: the answer is slot.reply
    STEP_WRITE,   // to be handled in the transaction, then answered with slot.reply
    STEP_READ,    // to be handled after it
    STEP_LATER,   // the same id stands earlier in this batch: handled alone, afterwards
} step_t;

typedef struct slot {
    const request_t *request;
    const method_t *method;
    step_t step;
    uint8_t digest[SHA256_BYTES];
    ProtobufCMessage *message; // what follows lives in the arena, for one run
    bool handled;              // the handler said yes: it may have written
    const void *reply;
    size_t reply_bytes;
    err_t err;
} slot_t;

struct commands {
    service_ctx_t *ctx;
    const service_t *service;
    void *self;
    slot_t *slots;
    size_t slot_room;
    log_gate_t store_gate;
    int64_t next_purge_ms;
    results_t results;
    metric_t *retried, *repeated, *purged;
};

// ---- results

void results_make(results_t *results) {
    for (int code = 0; code < E__COUNT; code++) {
        char label[48];
        snprintf(label, sizeof label, "code=\"%s\"", err_name(code));
        results->of[code] = metric_counter("service_results_total", label, "Requests answered, by result");
    }
}

void results_count(const results_t *results, int code) {
    metric_add(results->of[code >= 0 && code < E__COUNT ? code : E_INTERNAL], 1);
}

// ---- life

int commands_new(commands_t **out, service_ctx_t *ctx, const service_t *service, void *self, err_t *err) {
    commands_t *commands = calloc(1, sizeof *commands);
    if (!commands) return err_set(err, E_IO, "out of memory");
    *commands = (commands_t){.ctx = ctx, .service = service, .self = self};
    results_make(&commands->results);
    commands->retried =
        metric_counter("service_batches_retried_total", "", "Batches tried again after a race or store error");
    commands->repeated = metric_counter("service_repeated_total", "", "Requests answered with a stored reply");
    commands->purged = metric_counter("service_replies_purged_total", "", "Stored replies deleted for their age");
    *out = commands;
    return E_OK;
}

void commands_destroy(commands_t **commands) {
    if (!commands || !*commands) return;
    free((*commands)->slots);
    free(*commands);
    *commands = NULL;
}

// ---- admission

static const method_t *find_method(const service_t *service, const char *name) {
    for (size_t i = 0; i < service->method_count; i++)
        if (strcmp(service->methods[i].name, name) == 0) return &service->methods[i];
    return NULL;
}

static int check_scope(const method_t *method, const wire_header_t *header, const char *service, err_t *err) {
    const bool keeps_districts = method->roles & METHOD_DISTRICTS, keeps_facilities = method->roles & METHOD_FACILITIES;
    if ((keeps_districts || !scope_names_divisions(header->scope)) &&
        (keeps_facilities || !scope_names_facilities(header->scope)))
        return E_OK;
    return err_field(err, E_DENIED, "caller", "%s.%s is for keys of the whole city%s", service, header->method,
                     keeps_districts    ? " or of districts"
                     : keeps_facilities ? " or of facilities"
                                        : "");
}

int commands_admit(const service_t *service, const request_t *request, const method_t **method, err_t *err) {
    const wire_header_t *header = &request->header;
    *method = find_method(service, header->method);
    if (!*method)
        return err_field(err, E_NOT_FOUND, "method", "%s has no method %s", service->name, log_value(header->method));
    unsigned role = wire_caller_role(header->caller);
    if (!(role & (*method)->roles))
        return err_field(err, E_DENIED, "caller", "the role %s may not call %s.%s",
                         role ? wire_role_name(role) : "(none)", service->name, header->method);
    int code = check_scope(*method, header, service->name, err);
    if (code) return code;
    if (clock_now_ms() > header->deadline_ms)
        return err_field(err, E_TIMEOUT, "deadline_ms", "the deadline passed before the work began");
    return name_check("request_id", header->request_id, err);
}

void commands_digest(const request_t *request, uint8_t digest[static SHA256_BYTES]) {
    // Digest of digests: whatever the parts contain, no two different sets run together into the same bytes. The scope
    // belongs to them: what was answered to the whole city is not told again to who has a part of it.
    uint8_t parts[4 * SHA256_BYTES];
    const char *scope = request->header.scope;
    const bool whole = scope_is_whole(scope);
    sha256(request->header.service, strlen(request->header.service), parts);
    sha256(request->header.method, strlen(request->header.method), parts + SHA256_BYTES);
    sha256(request->body, request->body_bytes, parts + 2 * SHA256_BYTES);
    if (!whole) sha256(scope, strlen(scope), parts + 3 * SHA256_BYTES);
    sha256(parts, (whole ? 3 : 4) * SHA256_BYTES, digest);
}

static void refuse(slot_t *slot, int code) {
    slot->step = STEP_REFUSED;
    slot->err.code = code;
}

static bool same_id_before(const slot_t *slots, size_t at) {
    for (size_t i = 0; i < at; i++)
        if (slots[i].step == STEP_WRITE &&
            strcmp(slots[i].request->header.request_id, slots[at].request->header.request_id) == 0)
            return true;
    return false;
}

static void admit(commands_t *commands, slot_t *slots, size_t count) {
    for (size_t i = 0; i < count; i++) {
        slot_t *slot = &slots[i];
        slot->err = (err_t){0};
        slot->handled = false;
        slot->reply = NULL;
        slot->reply_bytes = 0;
        int code = commands_admit(commands->service, slot->request, &slot->method, &slot->err);
        if (code) {
            refuse(slot, code);
            continue;
        }
        slot->step = slot->method->reads_only ? STEP_READ : STEP_WRITE;
        if (slot->step == STEP_READ) continue;
        commands_digest(slot->request, slot->digest);
        if (same_id_before(slots, i)) slot->step = STEP_LATER;
    }
}

static void unpack(commands_t *commands, slot_t *slot) {
    int code = message_unpack(&slot->message, slot->method->request, slot->request->body, slot->request->body_bytes,
                              commands->ctx->arena, &slot->err);
    if (code) refuse(slot, code);
}

// ---- stored replies

static void match_stored(commands_t *commands, slot_t *slot, const rows_t *found, size_t row) {
    size_t size;
    const void *digest = row_blob(found, row, 1, &size);
    if (size != SHA256_BYTES || memcmp(digest, slot->digest, SHA256_BYTES) != 0) {
        refuse(slot, err_field(&slot->err, E_CONFLICT, "request_id", "another request was made under this id"));
        return;
    }
    slot->step = STEP_STORED;
    slot->reply = row_blob(found, row, 2, &slot->reply_bytes);
    metric_add(commands->repeated, 1);
}

static int find_stored(commands_t *commands, slot_t *slots, size_t count, err_t *err) {
    arena_t *arena = commands->ctx->arena;
    rows_t keys, found;
    rows_init(&keys, arena, 1);
    size_t *slot_of = arena_alloc(arena, count * sizeof *slot_of);
    if (!slot_of) return err_set(err, E_IO, "out of memory");
    for (size_t i = 0; i < count; i++) {
        if (slots[i].step != STEP_WRITE) continue;
        cell_t *key = rows_add(&keys);
        if (!key) return err_set(err, E_IO, "out of memory");
        slot_of[keys.count - 1] = i;
        *key = cell_text(slots[i].request->header.request_id);
    }
    if (keys.count == 0) return E_OK;
    int code = store_each_query(commands->ctx->store, "SELECT digest, reply FROM request WHERE id = $1", &keys, arena,
                                &found, err);
    for (size_t row = 0; !code && row < found.count; row++)
        match_stored(commands, &slots[slot_of[row_i64(&found, row, 0)]], &found, row);
    return code;
}

static int add_reply_row(rows_t *rows, const slot_t *slot, int64_t now_ms, err_t *err) {
    cell_t *row = rows_add(rows);
    if (!row) return err_set(err, E_IO, "out of memory");
    row[0] = cell_text(slot->request->header.request_id);
    row[1] = cell_blob(slot->digest, SHA256_BYTES);
    row[2] = cell_i64(now_ms);
    row[3] = cell_blob(slot->reply, slot->reply_bytes);
    return E_OK;
}

// ---- one run: a set of slots, one transaction

static int handle(commands_t *commands, slot_t *slot) {
    ProtobufCMessage *reply = NULL;
    commands->ctx->scope = slot->request->header.scope;
    int code = slot->method->handle(commands->self, slot->request, slot->message, &reply, &slot->err);
    commands->ctx->scope = NULL;
    if (code) return code;
    slot->handled = true;
    slot->reply = "";
    if (reply) slot->reply = message_pack(reply, commands->ctx->arena, &slot->reply_bytes);
    if (!slot->reply) return err_set(&slot->err, E_IO, "out of memory");
    if (slot->reply_bytes > WIRE_MESSAGE_MAX_BYTES)
        return err_set(&slot->err, E_TOO_LARGE, "the reply of %zu bytes is over the bound", slot->reply_bytes);
    return E_OK;
}

// Failures of the whole transaction, and those that a request may suffer only because of its company in the arena.
static bool spoils_batch(int code, bool alone) {
    return code == E_RACE || code == E_STORE || (!alone && (code == E_IO || code == E_TOO_LARGE));
}

static int handle_writes(commands_t *commands, slot_t *slots, size_t count, rows_t *rows, err_t *err) {
    int64_t now_ms = clock_now_ms();
    for (size_t i = 0; i < count; i++) {
        if (slots[i].step != STEP_WRITE) continue;
        int code = handle(commands, &slots[i]);
        if (!code) code = add_reply_row(rows, &slots[i], now_ms, &slots[i].err);
        // A reply that turns out unusable after its handler has written: the whole transaction has to go.
        if (code && (slots[i].handled || spoils_batch(code, count == 1))) {
            *err = slots[i].err;
            return code;
        }
        if (code) refuse(&slots[i], code);
    }
    return E_OK;
}

static int seal(commands_t *commands, const rows_t *rows, err_t *err) {
    service_ctx_t *ctx = commands->ctx;
    int code = store_insert(ctx->store, "request", "id, digest, at_ms, reply", rows, CONFLICT_FAILS, err);
    if (!code && ctx->stream && commands->service->log && commands->service->log->table)
        code = stream_flush(ctx->stream, err);
    CRASH_POINT("command_before_commit");
    if (!code) code = store_commit(ctx->store, err);
    return code;
}

static void undo(commands_t *commands) {
    store_rollback(commands->ctx->store); // nothing to do after a failed commit
    if (commands->ctx->stream) stream_rolled_back(commands->ctx->stream);
    if (commands->service->rolled_back) commands->service->rolled_back(commands->self);
}

// Handle, store and commit all STEP_WRITE slots, or nothing. *committed: something was.
static int write_all(commands_t *commands, slot_t *slots, size_t count, bool *committed, err_t *err) {
    rows_t rows;
    rows_init(&rows, commands->ctx->arena, 4);
    int code = store_begin(commands->ctx->store, err);
    if (code) return code;
    CRASH_POINT("command_before_write");
    code = handle_writes(commands, slots, count, &rows, err);
    if (!code && rows.count > 0) code = seal(commands, &rows, err);
    *committed = !code && rows.count > 0;
    if (!*committed) undo(commands); // also when every handler refused: then nothing was written
    return code;
}

// What went wrong in the store is for the log; the caller is told what to do.
static void conceal(commands_t *commands, int code, err_t *err) {
    uint64_t skipped;
    if (code != E_STORE) return;
    if (log_gate_open(&commands->store_gate, &skipped))
        log_error("store_failed", "service=%s why=%s skipped=%llu", commands->service->name, log_value(err->text),
                  (unsigned long long)skipped);
    err_set(err, E_STORE, "the database failed; ask again with the same request id");
    err->field[0] = '\0';
}

static void answer(commands_t *commands, slot_t *slot) {
    bool good = slot->step != STEP_REFUSED;
    int code = good ? E_OK : slot->err.code;
    server_reply(commands->ctx->server, slot->request, code, good ? NULL : &slot->err, good ? slot->reply : NULL,
                 good ? slot->reply_bytes : 0);
    results_count(&commands->results, code);
}

// Reads see what the batch has committed.
static void read_one(commands_t *commands, slot_t *slot) {
    unpack(commands, slot);
    int code = slot->step == STEP_READ ? handle(commands, slot) : E_OK;
    if (code) refuse(slot, code);
    conceal(commands, code, &slot->err);
    answer(commands, slot);
}

// One pass over `slots`. An error means that nothing was committed and nobody was answered.
static int run(commands_t *commands, slot_t *slots, size_t count, err_t *err) {
    arena_reset(commands->ctx->arena);
    admit(commands, slots, count);
    int code = find_stored(commands, slots, count, err);
    if (code) return code;
    size_t writes = 0;
    for (size_t i = 0; i < count; i++) {
        if (slots[i].step != STEP_WRITE) continue;
        unpack(commands, &slots[i]);
        if (slots[i].step == STEP_REFUSED && spoils_batch(slots[i].err.code, count == 1)) {
            *err = slots[i].err;
            return err->code;
        }
        writes += slots[i].step == STEP_WRITE;
    }
    bool committed = false;
    if (writes > 0) code = write_all(commands, slots, count, &committed, err);
    if (code) return code;
    if (committed) CRASH_POINT("command_after_commit");
    if (committed && commands->service->after_commit) commands->service->after_commit(commands->self);
    for (size_t i = 0; i < count; i++)
        if (slots[i].step != STEP_READ && slots[i].step != STEP_LATER) answer(commands, &slots[i]);
    if (committed) CRASH_POINT("command_after_reply");
    if (committed && commands->ctx->stream) stream_committed(commands->ctx->stream);
    for (size_t i = 0; i < count; i++)
        if (slots[i].step == STEP_READ) read_one(commands, &slots[i]);
    return E_OK;
}

// After a failed run: heads as they are in the store, and whether the store can be reached at all.
static bool recover(commands_t *commands, int code, err_t *cause) {
    err_t err = {0};
    log_debug("batch_undone", "service=%s code=%s", commands->service->name, err_name(code));
    conceal(commands, code, cause);
    if (code == E_RACE && commands->ctx->stream) code = stream_reload(commands->ctx->stream, &err);
    if (code != E_STORE) return true;
    if (store_begin(commands->ctx->store, &err)) return false;
    store_rollback(commands->ctx->store);
    return true;
}

// Two writers in step would go on meeting: wait a random while, longer each time (500 us … 32 ms).
static void back_off(int attempt) {
    uint64_t dice;
    random_bytes(&dice, sizeof dice);
    int64_t most_us = (int64_t)RACE_PAUSE_US << (attempt < 6 ? attempt : 6);
    nanosleep(&(struct timespec){.tv_nsec = (int64_t)(dice % (uint64_t)most_us) * 1000}, NULL);
}

// One request by itself. False when the store cannot be reached: what writes need not be tried.
static bool run_alone(commands_t *commands, slot_t *slot) {
    err_t err = {0};
    int code = E_RACE;
    bool reachable = true;
    for (int attempt = 0; attempt < TRIES && reachable && (code == E_RACE || code == E_STORE); attempt++) {
        err = (err_t){0};
        code = run(commands, slot, 1, &err);
        if (code) reachable = recover(commands, code, &err);
        if (code == E_RACE) back_off(attempt);
    }
    if (!code) return true;
    slot->err = err;
    refuse(slot, code);
    answer(commands, slot);
    return reachable;
}

// All of them; a race is nobody's fault in particular, so the batch stays together for a few tries.
static int run_together(commands_t *commands, size_t count, bool *reachable, err_t *err) {
    int code = E_RACE;
    for (int attempt = 0; attempt < BATCH_TRIES && code == E_RACE && *reachable; attempt++) {
        *err = (err_t){0};
        code = run(commands, commands->slots, count, err);
        if (code) *reachable = recover(commands, code, err);
        if (code) metric_add(commands->retried, 1);
        if (code == E_RACE) back_off(attempt);
    }
    return code;
}

static void run_each(commands_t *commands, size_t count, bool all, bool reachable, const err_t *cause) {
    for (size_t i = 0; i < count; i++) {
        slot_t *slot = &commands->slots[i];
        if (!all && slot->step != STEP_LATER) continue;
        if (i > 0) server_tick(commands->ctx->server); // many commits in a row must not look like death to the brokers
        if (reachable || (slot->method && slot->method->reads_only)) {
            reachable = run_alone(commands, slot) && reachable;
            continue;
        }
        slot->err = *cause;
        refuse(slot, E_STORE);
        answer(commands, slot);
    }
}

static bool slots_grow(commands_t *commands, size_t count) {
    if (count <= commands->slot_room) return true;
    slot_t *grown = realloc(commands->slots, count * sizeof *grown);
    if (!grown) return false;
    commands->slots = grown;
    commands->slot_room = count;
    return true;
}

static void refuse_all(commands_t *commands, const request_t *requests, size_t count, int code, const char *text) {
    for (size_t i = 0; i < count; i++) {
        slot_t slot = {.request = &requests[i]};
        refuse(&slot, err_set(&slot.err, code, "%s", text));
        answer(commands, &slot);
    }
}

void commands_batch(commands_t *commands, const request_t *requests, size_t count) {
    if (!slots_grow(commands, count)) {
        refuse_all(commands, requests, count, E_BUSY, "out of memory for this batch");
        return;
    }
    err_t err = {0};
    for (size_t i = 0; i < count; i++) commands->slots[i] = (slot_t){.request = &requests[i]};
    bool reachable = true;
    int code = count > 1 ? run_together(commands, count, &reachable, &err) : E_RACE; // one alone: nothing to take apart
    run_each(commands, count, code != E_OK, reachable, &err);
    arena_reset(commands->ctx->arena);
}

// ---- housekeeping

static int purge(commands_t *commands, int64_t before_ms, size_t *count, err_t *err) {
    service_ctx_t *ctx = commands->ctx;
    rows_t old;
    cell_t params[] = {cell_i64(before_ms), cell_i64(PURGE_CHUNK)};
    int code = store_query(ctx->store, "SELECT id FROM request WHERE at_ms < $1 ORDER BY at_ms LIMIT $2", params, 2,
                           ctx->arena, &old, err);
    if (code || old.count == 0) return code;
    code = store_begin(ctx->store, err);
    if (code) return code;
    code = store_each_exec(ctx->store, "DELETE FROM request WHERE id = $1", &old, err);
    if (!code) code = store_commit(ctx->store, err);
    if (code)
        store_rollback(ctx->store);
    else
        *count = old.count;
    return code;
}

void commands_tick(commands_t *commands, int64_t now_ms) {
    if (now_ms < commands->next_purge_ms) return;
    err_t err = {0};
    size_t count = 0;
    int64_t keep_ms = conf_int(commands->ctx->conf, "request.keep_days") * 24 * 3600 * 1000;
    conceal(commands, purge(commands, now_ms - keep_ms, &count, &err), &err);
    metric_add(commands->purged, (int64_t)count);
    commands->next_purge_ms = now_ms + (count == PURGE_CHUNK ? PURGE_SOON_MS : PURGE_LATER_MS);
    arena_reset(commands->ctx->arena);
}
