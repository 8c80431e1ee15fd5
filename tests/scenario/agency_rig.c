// See agency_rig.h. Event i follows from i alone: its partition, kind, counties, funds, amounts and numbers.
#include "agency_rig.h"
#include "common/base/date.h"
#include "common/stream/stream.h"
#include "common/wire/curve.h"
#include "common/wire/message.h"
#include "services/settlement/agency.h"
#include "settlement.pb-c.h"
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <zmq.h>

enum { WRITE_ROWS = 500, LINES_MAX = 4, LIVE_PER_TURN = 100 };
#define T(text) ((char *)(uintptr_t)(text))

static const char *const kinds[RIG_KINDS] = {"bill", "contribution", "return", "held", "a kind to come"};
static const char *const topics[RIG_KINDS] = {"posting.bill", "posting.contribution", "posting.return", "posting.held",
                                              "posting.other"};
static const char *const counties[RIG_COUNTIES] = {"440703", "440704", "440705", "440781"};
static const char *const funds[RIG_FUNDS] = {"pool", "resident", "large"};

// ---- the made-up log

typedef struct made {
    uint32_t partition;
    unsigned kind;
    size_t lines;
    unsigned county[LINES_MAX], fund[LINES_MAX]; // RIG_COUNTIES: none
    int64_t amount[LINES_MAX];
} made_t;

static made_t make(int64_t i) {
    uint64_t draw = hash64(&i, sizeof i, 17);
    made_t made = {.partition = (uint32_t)(draw % PARTITIONS), .kind = (unsigned)(draw >> 8) % RIG_KINDS};
    draw = hash64(&i, sizeof i, 18);
    made.lines = draw % 16 == 0 ? 0 : draw % 5 == 0 ? 4 : 2;
    const unsigned county = (unsigned)(draw >> 8) % RIG_COUNTIES, fund = (unsigned)(draw >> 16) % RIG_FUNDS;
    for (size_t line = 0; line < made.lines; line++) {
        made.county[line] = line < 2 ? county : (county + 1) % RIG_COUNTIES;
        made.fund[line] = line < 2 ? fund : (fund + (unsigned)(draw >> 24)) % RIG_FUNDS;
        if (line == 1 && draw % 3 == 0) made.county[line] = RIG_COUNTIES;
        made.amount[line] = (line % 2 ? -1 : 1) * (i + (int64_t)line / 2);
    }
    return made;
}

static bool county_theirs(const rig_spec_t *spec, const made_t *made, size_t line) {
    unsigned named = 0;
    if (spec->counties == RIG_ALL_COUNTIES) return true;
    if (made->county[line] < RIG_COUNTIES) return spec->counties >> made->county[line] & 1;
    for (size_t i = 0; i < made->lines; i++)
        if (made->county[i] < RIG_COUNTIES) named |= 1u << made->county[i];
    return named && !(named & ~spec->counties);
}

static bool line_theirs(const rig_spec_t *spec, const made_t *made, size_t line) {
    return county_theirs(spec, made, line) && (spec->funds == RIG_ALL_FUNDS || (spec->funds >> made->fund[line] & 1));
}

bool rig_theirs(const rig_spec_t *spec, int64_t event) {
    const made_t made = make(event);
    bool any = !made.lines && spec->counties == RIG_ALL_COUNTIES && spec->funds == RIG_ALL_FUNDS;
    for (size_t line = 0; line < made.lines; line++) any = any || line_theirs(spec, &made, line);
    return any && spec->kinds >> made.kind & 1;
}

static void fill_entry(int64_t i, const made_t *made, Tc__JournalEntry *entry, Tc__Posting *lines, Tc__Posting **list,
                       arena_t *arena) {
    tc__journal_entry__init(entry);
    entry->kind = T(kinds[made->kind]);
    entry->reference = arena_text(arena, "R-%lld", (long long)i);
    entry->person = arena_text(arena, "P-%lld", (long long)i);
    entry->facility = T("H44070300001");
    entry->value_date = T("2018-03-10");
    entry->posted_ms = 1520640000000;
    entry->total_fen = i;
    entry->postings = list;
    entry->n_postings = made->lines;
    for (size_t line = 0; line < made->lines; line++) {
        tc__posting__init(list[line] = &lines[line]);
        lines[line].account = T(line % 2 ? "payable/tier1" : "expense/tier1");
        lines[line].party = line % 2 ? T("H44070300001") : entry->person;
        lines[line].identity = T("employee");
        lines[line].division = T(made->county[line] < RIG_COUNTIES ? counties[made->county[line]] : "");
        lines[line].fund = T(funds[made->fund[line]]);
        lines[line].amount_fen = made->amount[line];
    }
}

static int add_row(rows_t *rows, int64_t i, int64_t numbers[PARTITIONS], arena_t *arena) {
    const made_t made = make(i);
    Tc__JournalEntry entry;
    Tc__Posting lines[LINES_MAX], *list[LINES_MAX];
    size_t bytes;
    fill_entry(i, &made, &entry, lines, list, arena);
    void *body = message_pack(&entry.base, arena, &bytes);
    cell_t *row = rows_add(rows);
    if (!body || !row) return -1;
    const int64_t number = ++numbers[made.partition];
    row[0] = cell_i64(made.partition);
    row[1] = cell_i64(number);
    row[2] = cell_text("settlement.posted");
    row[3] = cell_i64(1520640000000);
    row[4] = cell_blob(body, bytes);
    return 0;
}

// Events up to `until`, in transactions.
static int write_events(rig_t *rig, int64_t until, int64_t numbers[PARTITIONS]) {
    arena_t *arena = arena_new(1 << 20, 0);
    err_t err = {0};
    int rc = arena ? 0 : -1;
    while (!rc && rig->written < until) {
        rows_t rows;
        arena_reset(arena);
        rows_init(&rows, arena, 5);
        for (int n = 0; !rc && n < WRITE_ROWS && rig->written < until; n++, rig->written++)
            rc = add_row(&rows, rig->written, numbers, arena);
        if (!rc) rc = store_begin(rig->store, &err);
        if (!rc)
            rc =
                store_insert(rig->store, "event", "partition, number, topic, at_ms, body", &rows, CONFLICT_FAILS, &err);
        if (!rc) rc = store_commit(rig->store, &err);
    }
    if (err.code) fprintf(stderr, "the made-up log: %s\n", err.text);
    for (size_t i = 0; i < PARTITIONS; i++) atomic_store(&rig->heads[i], numbers[i]);
    arena_destroy(&arena);
    return rc;
}

// ---- the door's thread

static void *drive(void *self) {
    rig_t *rig = self;
    keys_t *keys = NULL;
    agency_door_t *door = NULL;
    err_t err = {0};
    int64_t heads[PARTITIONS];
    void *sockets[1];
    bool more = false;
    for (size_t i = 0; i < PARTITIONS; i++) heads[i] = atomic_load(&rig->heads[i]);
    if (keys_load(&keys, rig->keys_dir, "settlement", &err)) goto out;
    const agency_door_conf_t conf = {.context = rig->server_context,
                                     .keys = keys,
                                     .keys_dir = rig->keys_dir,
                                     .store = rig->store,
                                     .log = &stream_table_log,
                                     .bind = "tcp://127.0.0.1:*"};
    if (agency_door_new(&door, &conf, &err)) goto out;
    snprintf(rig->endpoint, sizeof rig->endpoint, "%s", agency_door_endpoint(door));
    atomic_store(&rig->bound, true);
    while (!atomic_load(&rig->stop)) {
        zmq_pollitem_t items[1] = {{.events = ZMQ_POLLIN}};
        agency_door_sockets(door, sockets, 1);
        items[0].socket = sockets[0];
        const bool writes = atomic_load(&rig->write_live) && rig->written < rig->total;
        zmq_poll(items, 1, more || writes ? 0 : 20);
        if (writes) {
            const int64_t until = rig->written + LIVE_PER_TURN;
            if (write_events(rig, until < rig->total ? until : rig->total, heads)) break;
        }
        more = agency_door_turn(door, heads) == 1;
        struct timespec used;
        if (clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used) == 0)
            atomic_store(&rig->cpu_us, used.tv_sec * 1000000LL + used.tv_nsec / 1000);
    }
out:
    if (err.code) fprintf(stderr, "the door: %s\n", err.text);
    agency_door_destroy(&door);
    keys_destroy(&keys);
    return NULL;
}

static int open_log(rig_t *rig, const char *url, err_t *err) {
    static const migration_t steps[] = {{1, STREAM_TABLE_SQL}};
    static int serial;
    char schema[32];
    int64_t numbers[PARTITIONS] = {0};
    for (int64_t i = 0; i < rig->total; i++) rig->end[make(i).partition]++;
    for (size_t i = 0; i < PARTITIONS; i++) {
        rig->event_of[i] = calloc((size_t)rig->end[i] + 1, sizeof(int64_t));
        if (!rig->event_of[i]) return err_set(err, E_IO, "out of memory");
    }
    for (int64_t i = 0, at[PARTITIONS] = {0}; i < rig->total; i++) {
        const uint32_t partition = make(i).partition;
        rig->event_of[partition][at[partition]++] = i;
    }
    snprintf(schema, sizeof schema, "door_%c", 'a' + serial++ % 26);
    int rc = store_open(&rig->store, url, schema, err);
    if (!rc) rc = store_migrate(rig->store, steps, 1, err);
    return rc ? rc : write_events(rig, rig->total - rig->live, numbers);
}

int rig_start(rig_t *rig, const char *dir, const char *url, int64_t total, int64_t live) {
    static const zap_domain_t domains[] = {{AGENCY_DOMAIN, ROLE_AGENCY}};
    static int serial;
    err_t err = {0};
    *rig = (rig_t){.total = total, .live = live};
    snprintf(rig->keys_dir, sizeof rig->keys_dir, "%s/keys-%d", dir, serial++);
    rig->server_context = zmq_ctx_new();
    rig->client_context = zmq_ctx_new();
    if (mkdir(rig->keys_dir, 0700) || keys_make(rig->keys_dir, "settlement", "service", &err) ||
        open_log(rig, url, &err) || zap_start(&rig->zap, rig->server_context, rig->keys_dir, domains, 1, &err)) {
        fprintf(stderr, "%s\n", err.text);
        return -1;
    }
    rig->running = pthread_create(&rig->thread, NULL, drive, rig) == 0;
    for (int i = 0; i < 1000 && !atomic_load(&rig->bound); i++) zmq_poll(NULL, 0, 10);
    return atomic_load(&rig->bound) ? 0 : -1;
}

void rig_stop(rig_t *rig) {
    atomic_store(&rig->stop, true);
    if (rig->running) pthread_join(rig->thread, NULL);
    zap_stop(&rig->zap);
    store_close(&rig->store);
    for (size_t i = 0; i < PARTITIONS; i++) free(rig->event_of[i]);
    if (rig->client_context) zmq_ctx_term(rig->client_context);
    if (rig->server_context) zmq_ctx_term(rig->server_context);
}

void rig_write_live(rig_t *rig) { atomic_store(&rig->write_live, true); }

// ---- grants

static void words(grant_list_t *out, const char *const *all, unsigned bits, size_t count) {
    *out = (grant_list_t){0};
    for (size_t i = 0; i < count; i++)
        if (bits >> i & 1) snprintf(out->word[out->count++], GRANT_WORD_BYTES, "%s", all[i]);
}

static int change(rig_t *rig, const grant_t *grant) {
    char path[400];
    grants_t *grants = NULL;
    err_t err = {0};
    snprintf(path, sizeof path, "%s/agencies.yaml", rig->keys_dir);
    int rc = grants_load(&grants, path, &err);
    if (!rc) rc = grants_put(grants, grant, &err);
    if (!rc) rc = grants_write(grants, path, &err);
    if (rc) fprintf(stderr, "%s\n", err.text);
    if (grants) grants_destroy(&grants);
    return rc;
}

static int grant_of(rig_t *rig, const char *name, grant_t *out) {
    keys_t *keys = NULL;
    err_t err = {0};
    int rc = keys_load(&keys, rig->keys_dir, NULL, &err);
    if (rc) return rc;
    *out = (grant_t){0};
    snprintf(out->name, sizeof out->name, "%s", name);
    snprintf(out->key, sizeof out->key, "%s", keys_public_of(keys, name));
    keys_destroy(&keys);
    return E_OK;
}

int rig_grant(rig_t *rig, const rig_spec_t *spec) {
    grant_t grant;
    err_t err = {0};
    if (keys_make(rig->keys_dir, spec->name, "agency", &err) || grant_of(rig, spec->name, &grant)) return -1;
    words(&grant.topics, topics, spec->kinds, RIG_KINDS);
    words(&grant.counties, counties, spec->counties, RIG_COUNTIES);
    words(&grant.funds, funds, spec->funds, RIG_FUNDS);
    if (spec->counties == RIG_ALL_COUNTIES) grant.counties = (grant_list_t){.all = true};
    if (spec->funds == RIG_ALL_FUNDS) grant.funds = (grant_list_t){.all = true};
    grant.fields = spec->fields;
    return change(rig, &grant);
}

int rig_revoke(rig_t *rig, const char *name, bool key_too) {
    grant_t grant;
    err_t err = {0};
    if (grant_of(rig, name, &grant)) return -1;
    snprintf(grant.revoked, sizeof grant.revoked, "2026-01-31");
    int rc = change(rig, &grant);
    return rc || !key_too ? rc : keys_revoke(rig->keys_dir, name, ROLE_AGENCY, &err);
}

// ---- a subscriber

static bool send_word(rig_reader_t *reader, const Tc__Agency__ToDoor *word) {
    uint8_t bytes[4096];
    const size_t size = protobuf_c_message_get_packed_size(&word->base);
    if (size > sizeof bytes) return false;
    protobuf_c_message_pack(&word->base, bytes);
    return zmq_send(reader->socket, bytes, size, ZMQ_DONTWAIT) == (int)size;
}

static bool say_hello(rig_reader_t *reader) {
    Tc__Agency__ToDoor word = TC__AGENCY__TO_DOOR__INIT;
    Tc__Agency__Hello hello = TC__AGENCY__HELLO__INIT;
    Tc__Agency__Position after = TC__AGENCY__POSITION__INIT;
    after.log = T("settlement");
    after.number = reader->last;
    after.n_number = PARTITIONS;
    hello.version = 1;
    hello.credit = reader->credit;
    if (reader->has_position) hello.after = &after;
    word.message_case = TC__AGENCY__TO_DOOR__MESSAGE_HELLO;
    word.hello = &hello;
    reader->sequence = 0;
    return send_word(reader, &word);
}

static bool say_credit(rig_reader_t *reader, uint32_t events) {
    Tc__Agency__ToDoor word = TC__AGENCY__TO_DOOR__INIT;
    Tc__Agency__Credit credit = TC__AGENCY__CREDIT__INIT;
    credit.events = events;
    word.message_case = TC__AGENCY__TO_DOOR__MESSAGE_CREDIT;
    word.credit = &credit;
    return send_word(reader, &word);
}

// The number of the last event of each partition that is theirs.
static void set_goal(rig_reader_t *reader) {
    for (size_t i = 0; i < PARTITIONS; i++) {
        reader->goal[i] = reader->rig->end[i];
        while (reader->goal[i] && !rig_theirs(&reader->spec, reader->rig->event_of[i][reader->goal[i] - 1]))
            reader->goal[i]--;
    }
}

int rig_reader_open(rig_reader_t *reader, rig_t *rig, const rig_spec_t *spec, uint32_t credit) {
    keys_t *keys = NULL;
    err_t err = {0};
    reader->rig = rig;
    reader->spec = *spec;
    reader->credit = credit;
    reader->welcome = reader->revoked = false;
    reader->refused = 0;
    set_goal(reader);
    reader->socket = zmq_socket(rig->client_context, ZMQ_DEALER);
    int rc = keys_load(&keys, rig->keys_dir, spec->name, &err);
    if (!rc) rc = curve_client(reader->socket, keys, "settlement", &err);
    // Little room, so that a subscriber that does not read is soon felt.
    const int mark = 1, buffer = 16 * 1024;
    if (!rc && (zmq_setsockopt(reader->socket, ZMQ_RCVHWM, &mark, sizeof mark) != 0 ||
                zmq_setsockopt(reader->socket, ZMQ_RCVBUF, &buffer, sizeof buffer) != 0))
        rc = E_IO;
    if (!rc && zmq_connect(reader->socket, rig->endpoint) != 0) rc = E_IO;
    keys_destroy(&keys);
    if (rc) fprintf(stderr, "subscriber %s: %s\n", spec->name, err.text);
    return rc || !say_hello(reader) ? -1 : 0;
}

void rig_reader_close(rig_reader_t *reader) {
    if (reader->socket) zmq_close(reader->socket);
    reader->socket = NULL;
}

static bool person_hidden(const rig_reader_t *reader, const Tc__Agency__Entry *entry) {
    if (reader->spec.fields & GRANT_PERSON) return *entry->person != 0;
    for (size_t i = 0; i < entry->n_line; i++)
        if (*entry->line[i]->payer) return false;
    return !*entry->person;
}

// The lines are exactly theirs, and the fields exactly what was granted.
static bool says_right(const rig_reader_t *reader, const Tc__Agency__Entry *entry, int64_t event) {
    const made_t made = make(event);
    const rig_spec_t *spec = &reader->spec;
    size_t at = 0;
    char reference[32];
    for (size_t line = 0; line < made.lines; line++) {
        if (!line_theirs(spec, &made, line)) continue;
        if (at == entry->n_line) return false;
        const Tc__Agency__Line *seen = entry->line[at++];
        const bool amount = seen->amount_case == TC__AGENCY__LINE__AMOUNT_AMOUNT_FEN;
        if (amount != !!(spec->fields & GRANT_AMOUNTS) || (amount && seen->amount_fen != made.amount[line]) ||
            strcmp(seen->fund, funds[made.fund[line]]) != 0 ||
            (line % 2 && !!*seen->facility != !!(spec->fields & GRANT_FACILITY)))
            return false;
    }
    snprintf(reference, sizeof reference, "R-%lld", (long long)event);
    const bool whole = entry->total_case == TC__AGENCY__ENTRY__TOTAL_TOTAL_FEN;
    return at == entry->n_line && entry->partial == (at < made.lines) && person_hidden(reader, entry) &&
           !!*entry->facility == !!(spec->fields & GRANT_FACILITY) &&
           whole == (spec->fields & GRANT_AMOUNTS && at == made.lines) && (!whole || entry->total_fen == event) &&
           strcmp(entry->reference, spec->fields & GRANT_REFERENCE ? reference : "") == 0;
}

// Up to `until` without it nothing may be theirs.
static void pass(rig_reader_t *reader, uint32_t partition, int64_t until) {
    int64_t *last = &reader->last[partition];
    for (; *last < until; ++*last)
        if (rig_theirs(&reader->spec, reader->rig->event_of[partition][*last])) reader->missed++;
}

static void take_event(rig_reader_t *reader, const Tc__Agency__Event *event) {
    const uint32_t partition = event->partition;
    reader->got++;
    if (reader->revoked) reader->after_revoked++;
    if (event->sequence != ++reader->sequence) reader->wrong++;
    if (partition >= PARTITIONS || event->number < 1 || event->number > reader->rig->end[partition]) {
        reader->foreign++;
        return;
    }
    if (event->number <= reader->last[partition]) {
        reader->doubled++;
        return;
    }
    pass(reader, partition, event->number - 1);
    reader->last[partition] = event->number;
    const int64_t i = reader->rig->event_of[partition][event->number - 1];
    Tc__Agency__Entry *entry = tc__agency__entry__unpack(NULL, event->body.len, event->body.data);
    if (!rig_theirs(&reader->spec, i)) reader->foreign++;
    if (!entry || strcmp(event->topic, topics[make(i).kind]) != 0 || !says_right(reader, entry, i)) reader->wrong++;
    tc__agency__entry__free_unpacked(entry, NULL);
}

static void take_position(rig_reader_t *reader, const Tc__Agency__Position *position) {
    if (!position || position->n_number != PARTITIONS) {
        reader->wrong++;
        return;
    }
    reader->has_position = true;
    for (uint32_t i = 0; i < PARTITIONS; i++) {
        if (position->number[i] < reader->last[i] || position->number[i] > reader->rig->end[i])
            reader->wrong++;
        else
            pass(reader, i, position->number[i]);
    }
}

static void take_message(rig_reader_t *reader, const Tc__Agency__FromDoor *message) {
    switch (message->message_case) {
    case TC__AGENCY__FROM_DOOR__MESSAGE_WELCOME: reader->welcome = true; break;
    case TC__AGENCY__FROM_DOOR__MESSAGE_EVENTS:
        for (size_t i = 0; i < message->events->n_event; i++) take_event(reader, message->events->event[i]);
        take_position(reader, message->events->position);
        say_credit(reader, (uint32_t)message->events->n_event);
        break;
    case TC__AGENCY__FROM_DOOR__MESSAGE_BEAT: take_position(reader, message->beat->position); break;
    case TC__AGENCY__FROM_DOOR__MESSAGE_REVOKED: reader->revoked = true; break;
    case TC__AGENCY__FROM_DOOR__MESSAGE_REFUSED: // credit that crossed it is refused too
        if (!reader->refused) reader->refused = (int)message->refused->reason;
        break;
    default: reader->wrong++; break;
    }
}

bool rig_reader_take(rig_reader_t *reader, int wait_ms) {
    zmq_pollitem_t item = {.socket = reader->socket, .events = ZMQ_POLLIN};
    zmq_msg_t frame;
    if (zmq_poll(&item, 1, wait_ms) <= 0) return false;
    zmq_msg_init(&frame);
    const bool received = zmq_msg_recv(&frame, reader->socket, ZMQ_DONTWAIT) >= 0;
    Tc__Agency__FromDoor *message =
        received ? tc__agency__from_door__unpack(NULL, zmq_msg_size(&frame), zmq_msg_data(&frame)) : NULL;
    if (message)
        take_message(reader, message);
    else
        reader->wrong++;
    tc__agency__from_door__free_unpacked(message, NULL);
    zmq_msg_close(&frame);
    return received;
}

bool rig_reader_done(const rig_reader_t *reader) {
    for (size_t i = 0; i < PARTITIONS; i++)
        if (reader->last[i] < reader->goal[i]) return false;
    return true;
}
