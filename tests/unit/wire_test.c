// The wire's pure parts: names, keys, frames, partition owners, and the broker's core with a made-up clock and wires.
#include "common/base/log.h"
#include "common/wire/registry.h"
#include "common/wire/curve.h"
#include "common/wire/envelope.h"
#include "services/broker/dispatch.h"
#include "services/broker/front.h"
#include "tests/check.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static err_t err;

TEST(roles_and_callers) {
    log_setup("wire-test", LOG_ERROR); // what joins and dies here is made up
    static const struct {
        const char *caller;
        unsigned role;
    } cases[] = {{"hospital:h-1", ROLE_HOSPITAL},
                 {"service:collection", ROLE_SERVICE},
                 {"admin:root", ROLE_ADMIN},
                 {"hospital", 0},
                 {"hospital:", 0},
                 {":h-1", 0},
                 {"", 0},
                 {"Hospital:h-1", 0},
                 {"hospitals:h-1", 0}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) EQ(wire_caller_role(cases[i].caller), cases[i].role);
    EQ(wire_role_from_name("broker"), ROLE_BROKER);
    EQ_TEXT(wire_role_name(ROLE_CLERK), "clerk");
    EQ_TEXT(wire_role_name(ROLE_CLERK | ROLE_ADMIN), "");
}

// --- keys

static char dir[64];

static const char *in_dir(const char *name) {
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return path;
}

static void fresh_dir(void) {
    snprintf(dir, sizeof dir, "/tmp/wire-test-XXXXXX");
    NEED(mkdtemp(dir) != NULL);
}

static void remove_dir(void) {
    static const char *const names[] = {"registry.yaml", "registry.lock", "a.key", "b.key", "city.key", "district.key"};
    for (size_t i = 0; i < COUNT_OF(names); i++) unlink(in_dir(names[i]));
    EQ(rmdir(dir), 0);
}

static void write_file(const char *name, const char *text, mode_t mode) {
    int fd = open(in_dir(name), O_WRONLY | O_CREAT | O_TRUNC, mode);
    NEED(fd >= 0);
    NEED(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    fchmod(fd, mode);
    close(fd);
}

TEST(keys_made_are_found_again) {
    keys_t *keys = NULL;
    char public_a[64];
    struct stat info;
    fresh_dir();
    EQ(keys_make(dir, "a", "hospital", &err), E_OK);
    EQ(keys_make(dir, "b", "service", &err), E_OK);
    EQ(stat(in_dir("a.key"), &info), 0);
    EQ(info.st_mode & 0777, 0600);
    EQ(keys_load(&keys, dir, "a", &err), E_OK);
    NEED(keys != NULL);
    EQ_TEXT(keys_self(keys), "a");
    OK(keys_public_of(keys, "b") != NULL);
    OK(keys_public_of(keys, "c") == NULL);
    snprintf(public_a, sizeof public_a, "%s", keys_public_of(keys, "a"));
    keys_destroy(&keys);
    keys_destroy(&keys);
    // An existing name is left alone.
    EQ(keys_make(dir, "a", "admin", &err), E_OK);
    EQ(keys_load(&keys, dir, NULL, &err), E_OK);
    EQ_TEXT(keys_public_of(keys, "a"), public_a);
    EQ_TEXT(keys_self(keys), "");
    keys_destroy(&keys);
    // A crash between the two files: the secret is there, the entry is not, and the same pair is registered.
    unlink(in_dir("registry.yaml"));
    EQ(keys_make(dir, "a", "hospital", &err), E_OK);
    EQ(keys_load(&keys, dir, "a", &err), E_OK);
    EQ_TEXT(keys_public_of(keys, "a"), public_a);
    keys_destroy(&keys);
    remove_dir();
}

TEST(a_scope_is_a_part_of_the_city) {
    char scope[SCOPE_BYTES], long_list[SCOPE_BYTES + 1];
    EQ(scope_make(scope, NULL, "", &err), E_OK);
    OK(scope_is_whole(scope) && scope_is_whole(NULL));
    OK(scope_has_division(scope, "440703") && scope_has_division(scope, "") && scope_has_facility(NULL, "H1"));
    EQ(scope_make(scope, "440703,4408", "H1,H12", &err), E_OK);
    EQ_TEXT(scope, "divisions=440703,4408;facilities=H1,H12");
    OK(scope_has_division(scope, "440703") && scope_has_division(scope, "440703001") &&
       scope_has_division(scope, "440881"));
    OK(!scope_has_division(scope, "440704") && !scope_has_division(scope, "44070") && !scope_has_division(scope, ""));
    OK(scope_has_facility(scope, "H1") && scope_has_facility(scope, "H12"));
    OK(!scope_has_facility(scope, "H123") && !scope_has_facility(scope, "H") && !scope_has_facility(scope, ""));
    EQ(scope_check_division(scope, "440703", &err), E_OK);
    EQ(scope_check_division(scope, "320900", &err), E_DENIED);
    EQ_TEXT(err.field, "division");
    EQ(scope_make(scope, NULL, "H1", &err), E_OK);
    OK(!scope_is_whole(scope) && scope_has_division(scope, "320900") && !scope_has_facility(scope, "H2"));
    static const char *const bad[] = {",", "440703,", ",440703", "1,,2", "1;facilities=H9", "a b", "1=2", "\"1"};
    for (size_t i = 0; i < COUNT_OF(bad); i++) EQ(scope_make(scope, bad[i], NULL, &err), E_INVALID_FIELD);
    memset(long_list, '1', SCOPE_BYTES);
    long_list[SCOPE_BYTES] = '\0';
    EQ(scope_make(scope, long_list, NULL, &err), E_TOO_LARGE);
}

TEST(a_registry_keeps_scopes_and_notices_a_key_that_is_gone) {
    registry_t *registry = NULL;
    char key[64];
    fresh_dir();
    EQ(keys_make_scoped(dir, "district", "clerk", "divisions=440703,440704;facilities=H1", &err), E_OK);
    EQ(keys_make(dir, "city", "clerk", &err), E_OK); // written once more, with the other's scope
    NEED(registry_open(&registry, dir, &err) == E_OK);
    snprintf(key, sizeof key, "%s", keys_public_of(registry_keys(registry), "district"));
    const party_t *party = registry_still(registry, "clerk:district", key);
    NEED(party != NULL);
    EQ_TEXT(party->scope, "divisions=440703,440704;facilities=H1");
    EQ_TEXT(registry_still(registry, "clerk:city", keys_public_of(registry_keys(registry), "city"))->scope, "");
    OK(registry_still(registry, "admin:district", key) == NULL);
    OK(registry_still(registry, "clerk:city", key) == NULL);
    OK(registry_still(registry, "clerk:nobody", key) == NULL);
    OK(registry_still(registry, NULL, key) == NULL && registry_still(registry, "clerk:district", NULL) == NULL);
    EQ(keys_revoke(dir, "district", ROLE_CLERK, &err), E_OK);
    EQ(keys_make(dir, "district", "clerk", &err), E_OK); // the same name, another key
    registry_refresh(registry);
    OK(registry_still(registry, "clerk:district", key) == NULL);
    registry_close(&registry);
    registry_close(&registry);
    remove_dir();
}

TEST(a_revoked_name_gets_a_new_pair_and_nobody_else_is_touched) {
    keys_t *keys = NULL;
    char first[64], other[64];
    fresh_dir();
    EQ(keys_make(dir, "a", "agency", &err), E_OK);
    EQ(keys_make(dir, "b", "service", &err), E_OK);
    EQ(keys_make(dir, "c", "agency", &err), E_OK);
    EQ(keys_load(&keys, dir, NULL, &err), E_OK);
    snprintf(first, sizeof first, "%s", keys_public_of(keys, "a"));
    snprintf(other, sizeof other, "%s", keys_public_of(keys, "b"));
    keys_destroy(&keys);
    EQ(keys_revoke(dir, "b", ROLE_AGENCY, &err), E_DENIED);
    EQ(keys_revoke(dir, "d", ROLE_AGENCY, &err), E_NOT_FOUND);
    EQ(keys_revoke(dir, "../a", ROLE_AGENCY, &err), E_INVALID_FIELD);
    EQ(keys_revoke(dir, "a", ROLE_AGENCY, &err), E_OK);
    OK(access(in_dir("a.key"), F_OK) != 0);
    EQ(keys_load(&keys, dir, "b", &err), E_OK);
    OK(keys_public_of(keys, "a") == NULL);
    EQ_TEXT(keys_public_of(keys, "b"), other);
    OK(keys_public_of(keys, "c") != NULL);
    keys_destroy(&keys);
    EQ(keys_revoke(dir, "a", ROLE_AGENCY, &err), E_NOT_FOUND);
    EQ(keys_make(dir, "a", "agency", &err), E_OK);
    EQ(keys_load(&keys, dir, "a", &err), E_OK);
    OK(strcmp(keys_public_of(keys, "a"), first) != 0);
    keys_destroy(&keys);
    unlink(in_dir("c.key"));
    remove_dir();
}

TEST(keys_refuse_what_is_not_safe) {
    keys_t *keys = NULL;
    fresh_dir();
    EQ(keys_make(dir, "a", "king", &err), E_INVALID_FIELD);
    EQ(keys_make(dir, "../a", "hospital", &err), E_INVALID_FIELD);
    EQ(keys_make(dir, "a", "hospital", &err), E_OK);
    EQ(keys_make(dir, "b", "hospital", &err), E_OK);
    EQ(keys_load(&keys, dir, "nobody", &err), E_POLICY);
    HAS_TEXT(err.text, "nobody");
    NEED(chmod(in_dir("a.key"), 0644) == 0);
    EQ(keys_load(&keys, dir, "a", &err), E_IO);
    HAS_TEXT(err.text, "0600");
    // Another party's secret under our name.
    char other[128];
    snprintf(other, sizeof other, "%s", in_dir("b.key"));
    NEED(rename(other, in_dir("a.key")) == 0);
    EQ(keys_load(&keys, dir, "a", &err), E_POLICY);
    HAS_TEXT(err.text, "does not belong");
    OK(keys == NULL);
    remove_dir();
}

TEST(a_registry_is_checked_whole) {
    static const char key[] = "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7";
    static const struct {
        const char *text, *part;
    } cases[] = {
        {"parties: 3\n", "list"},
        {"partys: []\n", "partys"},
        {"parties:\n  - {name: a, role: king, key: \"%s\"}\n", ":2:"},
        {"parties:\n  - {name: \"a b\", role: admin, key: \"%s\"}\n", ":2:"},
        {"parties:\n  - {name: a, role: admin, key: \"short\"}\n", "40 Z85"},
        {"parties:\n  - {name: a, role: admin, key: \"%s\", extra: 1}\n", "extra"},
        {"parties:\n  - {name: a, role: admin, key: \"%s\"}\n  - {name: b, role: clerk, key: \"%s\"}\n", "same key"},
    };
    char text[512];
    fresh_dir();
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        keys_t *keys = NULL;
        char *to = text;
        for (const char *from = cases[i].text; *from; from++) {
            if (from[0] == '%' && from[1] == 's') {
                to += sprintf(to, "%s", key);
                from++;
            } else {
                *to++ = *from;
            }
        }
        *to = '\0';
        write_file("registry.yaml", text, 0644);
        EQ(keys_load(&keys, dir, NULL, &err), E_POLICY);
        HAS_TEXT(err.text, cases[i].part);
        OK(keys == NULL);
    }
    remove_dir();
}

// --- frames

TEST(frames_come_back_as_they_were_made) {
    Tc__RequestHeader header = TC__REQUEST_HEADER__INIT;
    arena_t *arena = arena_new(4096, 0);
    wire_frame_t frame;
    zmq_msg_t message;
    Tc__RequestHeader *again = NULL;
    header.service = (char *)(uintptr_t) "s";
    header.method = (char *)(uintptr_t) "m";
    header.request_id = (char *)(uintptr_t) "r";
    header.deadline_ms = 5;
    EQ(wire_frame_make(&message, WIRE_REQUEST, UINT64_C(0x0102030405060708), &header.base, "body", 4, &err), E_OK);
    EQ(wire_frame_read(zmq_msg_data(&message), zmq_msg_size(&message), &frame, &err), E_OK);
    EQ(frame.kind, WIRE_REQUEST);
    EQ(frame.mark, INT64_C(0x0102030405060708));
    EQ(frame.body_bytes, 4);
    OK(memcmp(frame.body, "body", 4) == 0);
    EQ(wire_request_read(frame.header, frame.header_bytes, WIRE_HEADER_MAX_BYTES, arena, &again, &err), E_OK);
    EQ_TEXT(again->request_id, "r");
    wire_mark_write(zmq_msg_data(&message), 9);
    EQ(wire_frame_read(zmq_msg_data(&message), zmq_msg_size(&message), &frame, &err), E_OK);
    EQ(frame.mark, 9);
    // Every cut is either refused or, once the header is whole, a shorter body; never more.
    size_t whole = zmq_msg_size(&message) - 4;
    for (size_t bytes = 0; bytes < zmq_msg_size(&message); bytes++) {
        int rc = wire_frame_read(zmq_msg_data(&message), bytes, &frame, &err);
        EQ(rc, bytes < whole ? E_INVALID_FIELD : E_OK);
    }
    zmq_msg_close(&message);
    arena_destroy(&arena);
}

TEST(frames_of_other_kinds_and_versions_are_refused) {
    static const struct {
        uint8_t bytes[10];
        int code;
    } cases[] = {{{2, 4}, E_UNSUPPORTED},   {{0, 4}, E_UNSUPPORTED}, {{1, 0}, E_INVALID_FIELD},
                 {{1, 7}, E_INVALID_FIELD}, {{1, 3}, E_OK},          {{1, 2}, E_OK}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        wire_frame_t frame;
        EQ(wire_frame_read(cases[i].bytes, sizeof cases[i].bytes, &frame, &err), cases[i].code);
    }
}

// --- packs

static void make_reply(zmq_msg_t *out, char fill, size_t body_bytes) {
    static const err_t fine = {0};
    char *body = malloc(body_bytes + 1);
    NEED(body != NULL);
    memset(body, fill, body_bytes);
    NEED(wire_reply_make(out, 0, "r", &fine, body, body_bytes, &err) == E_OK);
    free(body);
}

static void add_reply(pack_t *pack, uint64_t mark, char fill, size_t body_bytes) {
    zmq_msg_t frame;
    make_reply(&frame, fill, body_bytes);
    OK(pack_fits(pack, zmq_msg_size(&frame)));
    EQ(pack_add(pack, zmq_msg_data(&frame), zmq_msg_size(&frame), mark), E_OK);
    zmq_msg_close(&frame);
}

TEST(a_frame_alone_stays_as_it_is_and_several_come_back_in_order) {
    const uint8_t *bytes;
    size_t size;
    zmq_msg_t message;
    wire_frame_t frame;
    pack_t pack = {0};
    for (int count = 1; count <= PACK_ITEMS_MAX; count++) {
        for (int i = 0; i < count; i++) add_reply(&pack, (uint64_t)i + 5, (char)('a' + i % 26), (size_t)i);
        NEED(pack_take(&pack, &message, &err) == E_OK);
        pack_reader_t reader = pack_open(zmq_msg_data(&message), zmq_msg_size(&message));
        EQ(reader.packed, count > 1);
        for (int i = 0; i < count; i++) {
            NEED(pack_next(&reader, &bytes, &size));
            EQ(wire_frame_read(bytes, size, &frame, &err), E_OK);
            EQ(frame.kind, WIRE_REPLY);
            EQ(frame.mark, (uint64_t)i + 5);
            EQ(frame.body_bytes, (size_t)i);
            OK(i == 0 || frame.body[i - 1] == 'a' + i % 26);
        }
        OK(!pack_next(&reader, &bytes, &size) && !reader.bad);
        zmq_msg_close(&message);
    }
    pack_clear(&pack);
}

TEST(a_pack_is_bounded_in_items_and_bytes) {
    zmq_msg_t message;
    pack_t pack = {0};
    add_reply(&pack, 1, 'x', WIRE_MESSAGE_MAX_BYTES); // alone, whatever its size
    OK(!pack_fits(&pack, WIRE_PREFIX_BYTES));
    NEED(pack_take(&pack, &message, &err) == E_OK);
    EQ(pack.room, 0); // and its memory is not kept
    zmq_msg_close(&message);
    add_reply(&pack, 1, 'x', PACK_BYTES_MAX / 2);
    OK(!pack_fits(&pack, PACK_BYTES_MAX / 2));
    OK(pack_fits(&pack, PACK_BYTES_MAX / 4));
    pack_clear(&pack);
    for (int i = 0; i < PACK_ITEMS_MAX; i++) add_reply(&pack, 1, 'x', 1);
    OK(!pack_fits(&pack, WIRE_PREFIX_BYTES));
    pack_clear(&pack);
}

// Cut anywhere, the items before the cut are read, the rest is told to be bad, and nothing outside is touched.
TEST(a_bad_pack_gives_what_stood_before_the_fault) {
    static const uint8_t nested[] = {1, WIRE_PACK, 0, 0,         0, 0, 0, 0, 0, 0, 0, 0,
                                     0, 10,        1, WIRE_PACK, 0, 0, 0, 0, 0, 0, 0, 0};
    static const uint8_t control[] = {1, WIRE_PACK, 0, 0,        0, 0, 0, 0, 0, 0, 0, 0,
                                      0, 10,        1, WIRE_BYE, 0, 0, 0, 0, 0, 0, 0, 0};
    static const uint8_t huge[] = {1, WIRE_PACK, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 1, WIRE_REPLY};
    static const struct {
        const uint8_t *bytes;
        size_t size;
    } cases[] = {{nested, sizeof nested}, {control, sizeof control}, {huge, sizeof huge}, {nested, WIRE_PREFIX_BYTES}};
    const uint8_t *bytes;
    size_t size;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        pack_reader_t reader = pack_open(cases[i].bytes, cases[i].size);
        OK(!pack_next(&reader, &bytes, &size) && reader.bad);
        OK(!pack_next(&reader, &bytes, &size) && reader.bad);
        EQ(pack_error(&reader, &err), E_INVALID_FIELD);
    }
    zmq_msg_t message;
    pack_t pack = {0};
    for (int i = 0; i < 3; i++) add_reply(&pack, 1, 'x', 3);
    NEED(pack_take(&pack, &message, &err) == E_OK);
    size_t whole = zmq_msg_size(&message), item = (whole - WIRE_PREFIX_BYTES) / 3;
    for (size_t cut = WIRE_PREFIX_BYTES; cut < whole; cut++) {
        uint8_t *copy = malloc(cut); // so that a sanitizer sees a step outside
        NEED(copy != NULL);
        memcpy(copy, zmq_msg_data(&message), cut);
        pack_reader_t reader = pack_open(copy, cut);
        size_t count = 0;
        while (pack_next(&reader, &bytes, &size)) count++;
        EQ(count, (cut - WIRE_PREFIX_BYTES) / item);
        EQ(reader.bad, cut == WIRE_PREFIX_BYTES || (cut - WIRE_PREFIX_BYTES) % item != 0);
        free(copy);
    }
    zmq_msg_close(&message);
    pack_clear(&pack);
}

TEST(request_headers_are_checked_by_field) {
    static char long_key[WIRE_KEY_MAX + 2], long_name[WIRE_NAME_MAX + 2];
    memset(long_key, 'k', sizeof long_key - 1);
    memset(long_name, 'n', sizeof long_name - 1);
    const struct {
        const char *service, *method, *id, *key, *trace;
        int64_t deadline_ms;
        const char *field; // "" when fine
    } cases[] = {
        {"s", "m", "r", "", "", 1, ""},
        {"s", "m", "r", "钥匙 with spaces", "t", 1, ""},
        {"", "m", "r", "", "", 1, "service"},
        {"s s", "m", "r", "", "", 1, "service"},
        {"s", "", "r", "", "", 1, "method"},
        {"s", "m", "", "", "", 1, "request_id"},
        {"s", "m", long_name, "", "", 1, "request_id"},
        {"s", "m", "r", long_key, "", 1, "key"},
        {"s", "m", "r", "", "t t", 1, "trace_id"},
        {"s", "m", "r", "", "", 0, "deadline_ms"},
        {"s", "m", "r", "", "", -1, "deadline_ms"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        Tc__RequestHeader header = TC__REQUEST_HEADER__INIT;
        header.service = (char *)(uintptr_t)cases[i].service;
        header.method = (char *)(uintptr_t)cases[i].method;
        header.request_id = (char *)(uintptr_t)cases[i].id;
        header.key = (char *)(uintptr_t)cases[i].key;
        header.trace_id = (char *)(uintptr_t)cases[i].trace;
        header.deadline_ms = cases[i].deadline_ms;
        err = (err_t){0};
        EQ(wire_request_check(&header, &err), cases[i].field[0] ? E_INVALID_FIELD : E_OK);
        EQ_TEXT(err.field, cases[i].field);
    }
}

TEST(oversized_parts_of_a_request_are_refused) {
    arena_t *arena = arena_new(4096, 0);
    Tc__RequestHeader header = TC__REQUEST_HEADER__INIT;
    front_request_t request;
    zmq_msg_t message;
    char *body = calloc(1, WIRE_MESSAGE_MAX_BYTES + 1), long_trace[WIRE_HEADER_MAX_BYTES];
    NEED(body && arena);
    header.service = header.method = header.request_id = (char *)(uintptr_t) "x";
    header.deadline_ms = 1;
    EQ(wire_frame_make(&message, WIRE_REQUEST, 3, &header.base, body, WIRE_MESSAGE_MAX_BYTES, &err), E_OK);
    EQ(front_parse(zmq_msg_data(&message), zmq_msg_size(&message), arena, &request, &err), E_OK);
    zmq_msg_close(&message);
    EQ(wire_frame_make(&message, WIRE_REQUEST, 3, &header.base, body, WIRE_MESSAGE_MAX_BYTES + 1, &err), E_OK);
    EQ(front_parse(zmq_msg_data(&message), zmq_msg_size(&message), arena, &request, &err), E_TOO_LARGE);
    EQ(request.frame.mark, 3); // and can be answered
    EQ(request.frame.kind, WIRE_REQUEST);
    OK(request.header != NULL);
    zmq_msg_close(&message);
    memset(long_trace, 't', sizeof long_trace);
    long_trace[sizeof long_trace - 1] = '\0';
    header.trace_id = long_trace;
    EQ(wire_frame_make(&message, WIRE_REQUEST, 3, &header.base, "", 0, &err), E_OK);
    EQ(front_parse(zmq_msg_data(&message), zmq_msg_size(&message), arena, &request, &err), E_TOO_LARGE);
    OK(request.header == NULL);
    zmq_msg_close(&message);
    free(body);
    arena_destroy(&arena);
}

// --- partition owners

enum { NAMES = 12 };
static char names[NAMES][32];
static const char *name_list[NAMES];

static void random_names(unsigned *seed) {
    for (int i = 0; i < NAMES; i++) {
        snprintf(names[i], sizeof names[i], "adjudication-%u", rand_r(seed));
        name_list[i] = names[i];
    }
}

// A joiner takes partitions; between the others nothing moves. On average over many sets of names it takes 1/n.
TEST(a_joiner_takes_its_share_and_nothing_else_moves) {
    unsigned seed = (unsigned)time(NULL), start = seed;
    int before[PARTITIONS], after[PARTITIONS];
    for (size_t n = 1; n < NAMES; n++) {
        int moved = 0, rounds = 200;
        for (int round = 0; round < rounds; round++) {
            random_names(&seed);
            owner_table(name_list, n, before);
            owner_table(name_list, n + 1, after);
            for (int p = 0; p < PARTITIONS; p++) {
                if (before[p] == after[p]) continue;
                EQ(after[p], n);
                moved++;
            }
        }
        int expected = rounds * PARTITIONS / (int)(n + 1);
        if (moved < expected * 85 / 100 || moved > expected * 115 / 100)
            fprintf(stderr, "seed %u: %zu instances, moved %d, expected about %d\n", start, n, moved, expected);
        OK(moved >= expected * 85 / 100 && moved <= expected * 115 / 100);
    }
}

TEST(owners_do_not_depend_on_the_order_of_names) {
    unsigned seed = (unsigned)time(NULL);
    int forwards[PARTITIONS], backwards[PARTITIONS];
    const char *reversed[NAMES];
    random_names(&seed);
    for (int i = 0; i < NAMES; i++) reversed[i] = name_list[NAMES - 1 - i];
    owner_table(name_list, NAMES, forwards);
    owner_table(reversed, NAMES, backwards);
    for (int p = 0; p < PARTITIONS; p++) EQ_TEXT(name_list[forwards[p]], reversed[backwards[p]]);
    owner_table(NULL, 0, forwards);
    EQ(forwards[0], -1);
}

// --- the broker's core

enum { SENT_MAX = 4096 };

static struct {
    char to[WIRE_NAME_MAX + 1], request[WIRE_NAME_MAX + 1];
    uint64_t token;
} sent[SENT_MAX];
static size_t sent_count, refused_count;
static int refused_code;
static char refused_field[64], refused_text[256], refused_request[WIRE_NAME_MAX + 1], unreachable[64];
static int64_t now_us;
static dispatch_t *core;

static int record_send(void *self, instance_t *instance, const job_t *job) {
    (void)self;
    if (strcmp(instance->name, unreachable) == 0) return 113;
    if (sent_count >= SENT_MAX) return 12;
    snprintf(sent[sent_count].to, sizeof sent[sent_count].to, "%s", instance->name);
    snprintf(sent[sent_count].request, sizeof sent[sent_count].request, "%s", job->request_id);
    sent[sent_count++].token = job->token;
    return 0;
}

static void record_refusal(void *self, const job_t *job, const err_t *why) {
    (void)self;
    refused_count++;
    refused_code = why->code;
    snprintf(refused_field, sizeof refused_field, "%s", why->field);
    snprintf(refused_text, sizeof refused_text, "%s", why->text);
    snprintf(refused_request, sizeof refused_request, "%s", job->request_id);
}

static void start_core(const dispatch_conf_t *conf) {
    dispatch_ops_t ops = {.send = record_send, .refuse = record_refusal};
    sent_count = refused_count = 0;
    unreachable[0] = '\0';
    now_us = 1000000000;
    NEED(dispatch_new(&core, conf, &ops, &err) == E_OK);
}

static int join_as(const char *instance, int credit, const char *key, uint32_t connection) {
    Tc__Presence presence = TC__PRESENCE__INIT;
    presence.service = (char *)(uintptr_t) "adjudication";
    presence.instance = (char *)(uintptr_t)instance;
    presence.credit = credit;
    return dispatch_join(core, &presence, key, &connection, sizeof connection, now_us, &err);
}

static void join(const char *instance, int credit, uint32_t connection) {
    EQ(join_as(instance, credit, "svc", connection), E_OK);
}

static instance_t *at(uint32_t connection) { return dispatch_find(core, &connection, sizeof connection); }

static void offer(const char *request, const char *key, int deadline_ms) {
    job_t *job = dispatch_job(core, 100, &err);
    NEED(job != NULL);
    snprintf(job->request_id, sizeof job->request_id, "%s", request);
    job->deadline_us = now_us + deadline_ms * INT64_C(1000);
    dispatch_offer(core, job, "adjudication", key, now_us);
}

static void advance(int ms) {
    now_us += ms * INT64_C(1000);
    dispatch_tick(core, now_us);
}

static void answer(uint32_t connection, uint64_t token) {
    job_t *job = dispatch_answered(core, at(connection), token);
    NEED(job != NULL);
    dispatch_done(core, &job, now_us);
}

TEST(credit_is_kept_and_answers_let_the_oldest_out) {
    start_core(&(dispatch_conf_t){0});
    join("a-1", 2, 1);
    offer("r1", "k", 5000);
    offer("r2", "", 5000);
    offer("r3", "", 5000);
    offer("r4", "k", 5000);
    EQ(sent_count, 2);
    answer(1, sent[0].token);
    EQ(sent_count, 3);
    EQ_TEXT(sent[2].request, "r3");
    answer(1, sent[1].token);
    EQ_TEXT(sent[3].request, "r4");
    OK(dispatch_answered(core, at(1), sent[0].token) == NULL); // twice
    EQ(dispatch_jobs(core), 2);
    dispatch_destroy(&core);
}

TEST(a_full_queue_says_busy_and_names_its_bound) {
    start_core(&(dispatch_conf_t){.queue_max = 3});
    join("a-1", 1, 1);
    for (int i = 0; i < 4; i++) offer("r", "k", 5000);
    EQ(refused_count, 0);
    offer("last", "k", 5000);
    EQ(refused_count, 1);
    EQ(refused_code, E_BUSY);
    EQ_TEXT(refused_field, "");
    HAS_TEXT(refused_text, "adjudication");
    HAS_TEXT(refused_text, "3 requests");
    EQ(dispatch_counts(core).refused_busy, 1);
    dispatch_destroy(&core);
}

TEST(the_broker_holds_no_more_bytes_than_it_may) {
    start_core(&(dispatch_conf_t){.bytes_max = 250});
    offer("r1", "", 5000);
    offer("r2", "", 5000);
    OK(dispatch_job(core, 100, &err) == NULL);
    EQ(err.code, E_BUSY);
    advance(2100);
    EQ(refused_count, 2);
    OK(dispatch_jobs(core) == 0);
    job_t *job = dispatch_job(core, 100, &err);
    OK(job != NULL);
    dispatch_destroy(&core);
}

TEST(with_nobody_there_requests_are_held_for_a_moment) {
    start_core(&(dispatch_conf_t){.held_max = 2});
    offer("r1", "k", 1000);
    offer("r2", "", 60000);
    offer("r3", "", 60000);
    EQ(refused_code, E_UNAVAILABLE); // the third is over the bound
    EQ(refused_count, 1);
    advance(850);
    EQ(refused_count, 1);
    advance(100); // a little before r1's deadline, while its caller listens
    EQ(refused_count, 2);
    EQ_TEXT(refused_request, "r1");
    EQ_TEXT(refused_field, "");
    join("a-1", 4, 1);
    EQ(sent_count, 1);
    EQ_TEXT(sent[0].request, "r2");
    dispatch_destroy(&core);
}

TEST(what_a_dead_instance_had_goes_to_another) {
    start_core(&(dispatch_conf_t){0});
    join("a-1", 2, 1);
    for (int i = 0; i < 3; i++) offer("r", "k", 60000);
    EQ(sent_count, 2);
    join("a-2", 10, 2);
    size_t before = sent_count;
    for (int i = 0; i < 6; i++) { // a-1 falls silent, a-2 does not
        now_us += 500000;
        at(2)->heard_us = now_us;
        dispatch_tick(core, now_us);
    }
    OK(at(1) == NULL);
    EQ(sent_count, before == 2 ? 5 : before + 2); // r3 may have moved to a-2 when it joined
    for (size_t i = 2; i < sent_count; i++) EQ_TEXT(sent[i].to, "a-2");
    EQ(dispatch_counts(core).redispatched, 2);
    EQ(refused_count, 0);
    dispatch_destroy(&core);
}

TEST(a_request_that_kills_instances_is_given_up) {
    char instance[32];
    start_core(&(dispatch_conf_t){0});
    for (uint32_t i = 1; i <= 4; i++) {
        snprintf(instance, sizeof instance, "a-%u", i);
        join(instance, 1, i);
    }
    offer("deadly", "k", 60000);
    for (size_t i = 0; i < DISPATCHES_MAX; i++) {
        NEED(sent_count == i + 1);
        dispatch_leave(core, at((uint32_t)(sent[i].to[2] - '0')), "killed", now_us);
    }
    EQ(sent_count, DISPATCHES_MAX);
    EQ(refused_count, 1);
    EQ(refused_code, E_UNAVAILABLE);
    EQ_TEXT(refused_field, WIRE_FIELD_OUTCOME); // the caller must not take it for "nothing happened"
    EQ(dispatch_jobs(core), 0);
    dispatch_destroy(&core);
}

TEST(an_unreachable_instance_is_buried_and_nothing_is_lost) {
    start_core(&(dispatch_conf_t){0});
    join("a-1", 5, 1);
    join("a-2", 10, 2);
    snprintf(unreachable, sizeof unreachable, "a-1");
    char key[32];
    for (int i = 0; i < 5; i++) {
        snprintf(key, sizeof key, "k%d", i);
        offer("r", key, 60000);
    }
    EQ(sent_count, 5);
    for (size_t i = 0; i < sent_count; i++) EQ_TEXT(sent[i].to, "a-2");
    snprintf(unreachable, sizeof unreachable, "a-2");
    offer("r6", "", 60000); // the last one goes too: held until somebody comes
    OK(at(2) == NULL);
    unreachable[0] = '\0';
    sent_count = 0;
    join("a-3", 10, 3);
    EQ(sent_count, 6);
    dispatch_destroy(&core);
}

TEST(a_joiner_gets_the_queued_requests_of_its_partitions_in_order) {
    char request[32], key[32];
    start_core(&(dispatch_conf_t){0});
    join("a-1", 1, 1);
    for (int i = 0; i < 200; i++) {
        snprintf(request, sizeof request, "%03d", i);
        snprintf(key, sizeof key, "key-%d", i);
        offer(request, key, 60000);
    }
    EQ(sent_count, 1);
    join("a-2", 500, 2);
    OK(sent_count > 50 && sent_count < 150); // about half of the partitions
    for (size_t i = 1; i < sent_count; i++) {
        EQ_TEXT(sent[i].to, "a-2");
        if (i > 1) OK(strcmp(sent[i - 1].request, sent[i].request) < 0);
        snprintf(key, sizeof key, "key-%d", atoi(sent[i].request));
        OK(at(2)->team->owners[partition_of(key)] == at(2));
    }
    EQ(at(1)->partitions + at(2)->partitions, PARTITIONS);
    dispatch_destroy(&core);
}

TEST(draining_keeps_what_was_sent_and_gives_away_the_rest) {
    start_core(&(dispatch_conf_t){0});
    join("a-1", 1, 1);
    offer("r1", "k", 60000);
    offer("r2", "k", 60000);
    join("a-1", 0, 1); // a beat with credit 0
    EQ(sent_count, 1);
    EQ(at(1)->partitions, 0);
    join("a-2", 1, 2);
    EQ(sent_count, 2);
    EQ_TEXT(sent[1].to, "a-2");
    answer(1, sent[0].token);
    dispatch_leave(core, at(1), "bye", now_us);
    EQ(dispatch_counts(core).redispatched, 0);
    dispatch_destroy(&core);
}

TEST(requests_end_at_their_deadline) {
    start_core(&(dispatch_conf_t){0});
    join("a-1", 1, 1);
    offer("sent", "k", 1000);
    offer("waits", "k", 1000);
    advance(920);
    EQ(refused_count, 1); // the one that nobody has begun: told in time
    EQ(refused_code, E_BUSY);
    EQ_TEXT(refused_request, "waits");
    advance(100);
    EQ(refused_count, 1); // the other one: its caller's own clock has told him
    EQ(dispatch_counts(core).expired, 1);
    EQ(dispatch_jobs(core), 0);
    OK(dispatch_answered(core, at(1), sent[0].token) == NULL);
    offer("next", "k", 1000); // and its credit is free again
    EQ(sent_count, 2);
    dispatch_destroy(&core);
}

TEST(a_name_belongs_to_a_key_and_to_its_newest_connection) {
    start_core(&(dispatch_conf_t){0});
    join("a-1", 1, 1);
    offer("r1", "k", 60000);
    EQ(join_as("a-1", 1, "other", 2), E_DENIED);
    OK(at(2) == NULL);
    join("a-1", 1, 3); // restarted, or reconnected: asked again
    OK(at(1) == NULL);
    EQ(sent_count, 2);
    EQ(dispatch_counts(core).redispatched, 1);
    dispatch_destroy(&core);
}

// The directory hands out name and key, and subscribers trust the key: a beat must leave both as they were.
TEST(a_beat_changes_only_what_a_beat_may) {
    Tc__Presence beat = TC__PRESENCE__INIT;
    uint32_t connection = 1;
    start_core(&(dispatch_conf_t){0});
    EQ(join_as("a-1", 4, "svc-key", connection), E_OK);
    beat.service = (char *)(uintptr_t) "adjudication";
    beat.instance = (char *)(uintptr_t) "a-1";
    beat.live_endpoint = (char *)(uintptr_t) "tcp://live:1";
    beat.credit = 7;
    beat.key_name = (char *)(uintptr_t) "somebody-else"; // what a message claims counts for nothing
    for (int i = 0; i < 3; i++) {
        NEED(dispatch_join(core, &beat, "svc-key", &connection, sizeof connection, now_us, &err) == E_OK);
        NEED(at(connection) != NULL);
        EQ_TEXT(at(connection)->name, "a-1");
        EQ_TEXT(at(connection)->key_name, "svc-key");
        EQ_TEXT(at(connection)->live_endpoint, "tcp://live:1");
        EQ(at(connection)->credit, 7);
    }
    EQ(join_as("a-1", 4, "other", 2), E_DENIED); // the name is still the key's
    dispatch_destroy(&core);
}

TEST(names_that_only_clients_speak_of_are_bounded) {
    char service[32];
    start_core(&(dispatch_conf_t){0});
    for (int i = 0; i < SERVICES_EMPTY_MAX + 5; i++) {
        job_t *job = dispatch_job(core, 10, &err);
        NEED(job != NULL);
        job->deadline_us = now_us + 1000000;
        snprintf(service, sizeof service, "made-up-%d", i);
        dispatch_offer(core, job, service, "", now_us);
    }
    EQ(refused_count, 5);
    advance(3000);
    team_t *const *teams;
    EQ(dispatch_teams(core, &teams), 0);
    dispatch_destroy(&core);
}

// Random joins, deaths, answers and offers: every request ends exactly once, credit is never exceeded, and the books
// agree.
TEST(every_request_ends_once_whatever_happens) {
    unsigned seed = (unsigned)time(NULL);
    printf("seed %u ", seed);
    for (int round = 0; round < 30; round++) {
        size_t offered = 0, answered = 0;
        char name[32], key[32];
        start_core(&(dispatch_conf_t){.queue_max = 20, .held_max = 10});
        for (int step = 0; step < 1500 && sent_count < SENT_MAX - 1000; step++) {
            uint32_t connection = 1 + rand_r(&seed) % 6;
            int dice = rand_r(&seed) % 20;
            snprintf(name, sizeof name, "a-%u", connection);
            snprintf(key, sizeof key, "%d", rand_r(&seed) % 300);
            if (dice == 0 && !at(connection))
                join(name, 1 + rand_r(&seed) % 5, connection);
            else if (dice == 1 && at(connection))
                dispatch_leave(core, at(connection), "killed", now_us);
            else if (dice == 2)
                advance(rand_r(&seed) % 300);
            else if (dice == 3 && at(connection))
                join(name, rand_r(&seed) % 4, connection);
            else if (dice < 12) {
                offer("r", dice % 2 ? key : "", 100 + rand_r(&seed) % 2000);
                offered++;
            } else if (at(connection) && at(connection)->sent.first) {
                answer(connection, at(connection)->sent.first->token);
                answered++;
            }
            for (uint32_t i = 1; i <= 6; i++)
                if (at(i)) at(i)->heard_us = now_us;
        }
        dispatch_counts_t counts = dispatch_counts(core);
        EQ(offered, answered + refused_count + (size_t)counts.expired + dispatch_jobs(core));
        advance(3000);
        EQ(dispatch_jobs(core), 0);
        dispatch_destroy(&core);
    }
}

TESTS("wire", CASE(roles_and_callers), CASE(keys_made_are_found_again), CASE(a_scope_is_a_part_of_the_city),
      CASE(a_registry_keeps_scopes_and_notices_a_key_that_is_gone),
      CASE(a_revoked_name_gets_a_new_pair_and_nobody_else_is_touched), CASE(keys_refuse_what_is_not_safe),
      CASE(a_registry_is_checked_whole), CASE(frames_come_back_as_they_were_made),
      CASE(frames_of_other_kinds_and_versions_are_refused),
      CASE(a_frame_alone_stays_as_it_is_and_several_come_back_in_order), CASE(a_pack_is_bounded_in_items_and_bytes),
      CASE(a_bad_pack_gives_what_stood_before_the_fault), CASE(request_headers_are_checked_by_field),
      CASE(oversized_parts_of_a_request_are_refused), CASE(a_joiner_takes_its_share_and_nothing_else_moves),
      CASE(owners_do_not_depend_on_the_order_of_names), CASE(credit_is_kept_and_answers_let_the_oldest_out),
      CASE(a_full_queue_says_busy_and_names_its_bound), CASE(the_broker_holds_no_more_bytes_than_it_may),
      CASE(with_nobody_there_requests_are_held_for_a_moment), CASE(what_a_dead_instance_had_goes_to_another),
      CASE(a_request_that_kills_instances_is_given_up), CASE(an_unreachable_instance_is_buried_and_nothing_is_lost),
      CASE(a_joiner_gets_the_queued_requests_of_its_partitions_in_order),
      CASE(draining_keeps_what_was_sent_and_gives_away_the_rest), CASE(requests_end_at_their_deadline),
      CASE(a_name_belongs_to_a_key_and_to_its_newest_connection), CASE(a_beat_changes_only_what_a_beat_may),
      CASE(names_that_only_clients_speak_of_are_bounded), CASE(every_request_ends_once_whatever_happens))
