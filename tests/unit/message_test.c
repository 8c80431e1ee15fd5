// Messages: every type survives bytes → message → JSON → message → bytes, and whatever is not exactly right is refused
// with the path of the field at fault.
#include "account.pb-c.h"
#include "adjudication.pb-c.h"
#include "collection.pb-c.h"
#include "common/base/date.h"
#include "common/base/hash.h"
#include "common/wire/message.h"
#include "common/wire/message_walk.h"
#include "common/wire/wire.h"
#include "enrollment.pb-c.h"
#include "envelope.pb-c.h"
#include "facility.pb-c.h"
#include "message_sample.pb-c.h"
#include "settlement.pb-c.h"
#include "tests/check.h"

enum { ROUNDS = 200, DEPTH_MAX = 8 };

static const ProtobufCMessageDescriptor *const types[] = {
    &sample__every__descriptor,
    &tc__request_header__descriptor,
    &tc__reply_header__descriptor,
    &tc__presence__descriptor,
    &tc__directory_request__descriptor,
    &tc__directory__descriptor,
    &tc__broker_status__descriptor,
    &tc__empty__descriptor,
    &tc__bill__descriptor,
    &tc__step__descriptor,
    &tc__amount__descriptor,
    &tc__decision__descriptor,
    &tc__get_decision__descriptor,
    &tc__bill_month__descriptor,
    &tc__bill_year__descriptor,
    &tc__bill_run__descriptor,
    &tc__contribution_line__descriptor,
    &tc__contribution_bill__descriptor,
    &tc__get_due__descriptor,
    &tc__due__descriptor,
    &tc__receive__descriptor,
    &tc__receipt__descriptor,
    &tc__get_entitlements__descriptor,
    &tc__entitlements__descriptor,
    &tc__entitlement__descriptor,
    &tc__get_bills__descriptor,
    &tc__contribution_bills__descriptor,
    &tc__register_person__descriptor,
    &tc__register_employer__descriptor,
    &tc__open_spell__descriptor,
    &tc__close_spell__descriptor,
    &tc__set_group__descriptor,
    &tc__get_person__descriptor,
    &tc__spell__descriptor,
    &tc__membership__descriptor,
    &tc__person_state__descriptor,
    &tc__employer_state__descriptor,
    &tc__register_facility__descriptor,
    &tc__sign_agreement__descriptor,
    &tc__end_agreement__descriptor,
    &tc__get_facility__descriptor,
    &tc__agreement__descriptor,
    &tc__facility_state__descriptor,
    &tc__posting__descriptor,
    &tc__journal_entry__descriptor,
    &tc__get_balances__descriptor,
    &tc__balances__descriptor,
    &tc__get_entry__descriptor,
};

static arena_t *arena;
static uint64_t seed, drawn;

static uint64_t draw(void) {
    drawn++;
    return hash64(&drawn, sizeof drawn, seed);
}

// ---- random messages

static const int64_t edges[] = {0, 1, -1, 99, 100, INT32_MAX, INT32_MIN, INT64_MAX, INT64_MIN};

static int64_t random_number(void) {
    return draw() % 2 ? edges[draw() % COUNT_OF(edges)] : (int64_t)draw() >> (draw() % 64);
}

static char *random_text(void) {
    static const char *const pieces[] = {"a", "住院", "\"", "\\", "\n", "\x01", "\x7f", "é", "𠮷", " ", "/", "}", "%s"};
    char text[64] = "";
    for (uint64_t left = draw() % 8; left > 0; left--) strcat(text, pieces[draw() % COUNT_OF(pieces)]);
    return arena_copy(arena, text, strlen(text) + 1);
}

static bool ends_with(const char *name, const char *end) {
    size_t a = strlen(name), b = strlen(end);
    return a > b && strcmp(name + a - b, end) == 0;
}

static ProtobufCMessage *random_message(const ProtobufCMessageDescriptor *type, int depth);

static void random_value(const ProtobufCFieldDescriptor *field, void *place, int depth) {
    int64_t number = random_number();
    if (ends_with(field->name, "_fen") && number < 0) number = number == INT64_MIN ? INT64_MAX : -number; // requests
    if (ends_with(field->name, "_ppm")) number = (int64_t)(draw() % 2000001);
    if (field->type == PROTOBUF_C_TYPE_UINT64 || field->type == PROTOBUF_C_TYPE_FIXED64) number &= INT64_MAX;
    if (field->type == PROTOBUF_C_TYPE_ENUM) {
        const ProtobufCEnumDescriptor *choice = field->descriptor;
        number = choice->values[draw() % choice->n_values].value;
    }
    ProtobufCBinaryData raw = {.len = draw() % 9, .data = arena_alloc(arena, 16)};
    for (size_t i = 0; i < raw.len; i++) raw.data[i] = (uint8_t)draw();
    if (field->type == PROTOBUF_C_TYPE_STRING)
        *(char **)place = random_text();
    else if (field->type == PROTOBUF_C_TYPE_BYTES)
        *(ProtobufCBinaryData *)place = raw;
    else if (field->type == PROTOBUF_C_TYPE_BOOL)
        *(protobuf_c_boolean *)place = number & 1;
    else if (field->type == PROTOBUF_C_TYPE_MESSAGE)
        *(ProtobufCMessage **)place = random_message(field->descriptor, depth + 1);
    else if (walk_size(field) == sizeof(int32_t))
        *(uint32_t *)place = (uint32_t)number;
    else
        *(int64_t *)place = number;
}

static void random_list(ProtobufCMessage *message, const ProtobufCFieldDescriptor *field, int depth) {
    size_t count = draw() % 4;
    *(size_t *)walk_at(message, field->quantifier_offset) = count;
    *(void **)walk_at(message, field->offset) = arena_alloc(arena, count * walk_size(field) + 1);
    for (size_t i = 0; i < count; i++) random_value(field, walk_value(message, field, i), depth);
}

static ProtobufCMessage *random_message(const ProtobufCMessageDescriptor *type, int depth) {
    NEED(depth < DEPTH_MAX);
    ProtobufCMessage *message = arena_alloc(arena, type->sizeof_message);
    NEED(message != NULL);
    protobuf_c_message_init(type, message);
    for (unsigned i = 0; i < type->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &type->fields[i];
        if (field->label == PROTOBUF_C_LABEL_REPEATED) {
            random_list(message, field, depth);
            continue;
        }
        if (draw() % 4 == 0) continue; // left at its default
        if (walk_is_oneof(field)) {
            uint32_t *chosen = walk_at(message, field->quantifier_offset);
            if (*chosen) continue;
            *chosen = field->id;
        }
        random_value(field, walk_at(message, field->offset), depth);
    }
    return message;
}

static void begin(void) {
    if (!arena) arena = arena_new(64 * 1024, 0);
    NEED(arena != NULL);
    arena_reset(arena);
}

// ---- properties

static void round_trip(const ProtobufCMessageDescriptor *type) {
    size_t size, again, third;
    err_t err = {0};
    ProtobufCMessage *unpacked = NULL, *read = NULL;
    void *bytes = message_pack(random_message(type, 0), arena, &size);
    NEED(bytes != NULL);
    EQ(message_unpack(&unpacked, type, bytes, size, arena, &err), E_OK);
    NEED(unpacked != NULL);
    char *json = message_to_json(unpacked, arena);
    NEED(json != NULL);
    OK(strchr(json, '\n') == NULL);
    EQ(message_from_json(&read, type, json, strlen(json), arena, &err), E_OK);
    if (!read) fprintf(stderr, "%s\n%s\n", json, err.text);
    NEED(read != NULL);
    void *bytes_again = message_pack(unpacked, arena, &again), *bytes_third = message_pack(read, arena, &third);
    OK(again == size && memcmp(bytes, bytes_again, size) == 0);
    OK(third == size && memcmp(bytes, bytes_third, size) == 0);
}

TEST(every_message_survives_bytes_and_json) {
    for (size_t t = 0; t < COUNT_OF(types); t++)
        for (int i = 0; i < ROUNDS; i++) {
            begin();
            round_trip(types[t]);
        }
}

// Cut or changed bytes are refused or read as something else, but nothing else happens (ASan watches).
TEST(damaged_bytes_do_no_harm) {
    for (size_t t = 0; t < COUNT_OF(types); t++)
        for (int i = 0; i < ROUNDS; i++) {
            begin();
            size_t size;
            ProtobufCMessage *out = NULL;
            uint8_t *bytes = message_pack(random_message(types[t], 0), arena, &size);
            NEED(bytes != NULL);
            for (int change = 0; size > 0 && change < 3; change++) bytes[draw() % size] = (uint8_t)draw();
            if (message_unpack(&out, types[t], bytes, size ? draw() % size : 0, arena, NULL) == E_OK)
                OK(message_to_json(out, arena) != NULL);
        }
}

static void check_type(const ProtobufCMessageDescriptor *type, int depth) {
    NEED(depth < DEPTH_MAX); // a type that contained itself would let bytes from outside choose our stack
    char keys[64][64];
    NEED(type->n_fields <= COUNT_OF(keys));
    for (unsigned i = 0; i < type->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &type->fields[i];
        size_t length = strlen(field->name);
        if (ends_with(field->name, "_fen") || ends_with(field->name, "_ppm")) length -= 4;
        snprintf(keys[i], sizeof keys[i], "%.*s", (int)length, field->name);
        for (unsigned j = 0; j < i; j++) OK(strcmp(keys[i], keys[j]) != 0);
        OK(field->type != PROTOBUF_C_TYPE_DOUBLE && field->type != PROTOBUF_C_TYPE_FLOAT);
        if (field->type == PROTOBUF_C_TYPE_MESSAGE) check_type(field->descriptor, depth + 1);
    }
}

TEST(no_type_contains_itself_and_json_keys_are_unique) {
    for (size_t t = 0; t < COUNT_OF(types); t++) check_type(types[t], 0);
}

// ---- bytes

TEST(unknown_fields_are_refused_by_number_at_any_depth) {
    begin();
    err_t err = {0};
    ProtobufCMessage *out = NULL;
    static const uint8_t top[] = {0xA0, 0x06, 0x01};                      // Bill.#100
    static const uint8_t nested[] = {0xA2, 0x01, 0x03, 0xA0, 0x06, 0x01}; // Decision.input.#100
    static const uint8_t listed[] = {0x5A, 0x00, 0x5A, 0x02, 0x18, 0x01}; // Decision.paid[1].#3
    EQ(message_unpack(&out, &tc__bill__descriptor, top, sizeof top, arena, &err), E_UNKNOWN_FIELD);
    EQ_TEXT(err.field, "Bill.#100");
    EQ(message_unpack(&out, &tc__decision__descriptor, nested, sizeof nested, arena, &err), E_UNKNOWN_FIELD);
    EQ_TEXT(err.field, "Bill.#100");
    EQ(message_unpack(&out, &tc__decision__descriptor, listed, sizeof listed, arena, &err), E_UNKNOWN_FIELD);
    EQ_TEXT(err.field, "Amount.#3");
    OK(out == NULL);
}

TEST(what_is_not_this_message_is_refused) {
    static const struct {
        const char *bytes;
        size_t size;
        int code;
    } cases[] = {
        {"\x0A\x05"
         "abc",
         5, E_INVALID_FIELD},                         // text longer than the rest
        {"\x08\x01", 2, E_INVALID_FIELD},             // a number where text is expected
        {"\x0A", 1, E_INVALID_FIELD},                 // ends after the tag
        {"\x0A\x02\xC0\x80", 4, E_INVALID_FIELD},     // overlong UTF-8
        {"\x0A\x03\xED\xA0\x80", 5, E_INVALID_FIELD}, // surrogate
        {"\x0A\x01\xFF", 3, E_INVALID_FIELD},
        {"\x0A\x02\xE4\xBD", 4, E_INVALID_FIELD}, // cut character
        {"\x0A\x03\xE4\xBD\x8F", 5, E_OK},
        {"", 0, E_OK},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        begin();
        ProtobufCMessage *out = NULL;
        err_t err = {0};
        EQ(message_unpack(&out, &tc__bill__descriptor, cases[i].bytes, cases[i].size, arena, &err), cases[i].code);
        OK((out != NULL) == (cases[i].code == E_OK));
    }
}

TEST(size_and_memory_are_bounded) {
    begin();
    err_t err = {0};
    ProtobufCMessage *out = NULL;
    uint8_t *bytes = calloc(1, WIRE_MESSAGE_MAX_BYTES + 1);
    NEED(bytes != NULL);
    EQ(message_unpack(&out, &tc__bill__descriptor, bytes, WIRE_MESSAGE_MAX_BYTES + 1, arena, &err), E_TOO_LARGE);
    EQ(message_from_json(&out, &tc__bill__descriptor, (char *)bytes, WIRE_MESSAGE_MAX_BYTES + 1, arena, &err),
       E_TOO_LARGE);
    for (size_t i = 0; i + 1 < WIRE_MESSAGE_MAX_BYTES; i += 2) bytes[i] = 0x5A; // half a million empty Decision.paid
    arena_t *small = arena_new(64 * 1024, 4 * 1024 * 1024);
    NEED(small != NULL);
    EQ(message_unpack(&out, &tc__decision__descriptor, bytes, WIRE_MESSAGE_MAX_BYTES, small, &err), E_TOO_LARGE);
    OK(arena_used(small) <= 4 * 1024 * 1024);
    arena_destroy(&small);
    OK(out == NULL);
    free(bytes);
}

// ---- JSON

TEST(only_a_correction_may_be_below_zero) {
    static const char json[] = "{\"amount\":\"-12.00\"}";
    ProtobufCMessage *out;
    err_t err = {0};
    NEED(message_from_json(&out, &tc__correct_account__descriptor, json, strlen(json), arena, &err) == E_OK);
    EQ(((Tc__CorrectAccount *)out)->amount_fen, -1200);
    EQ(message_from_json(&out, &tc__account_entry__descriptor, json, strlen(json), arena, &err), E_INVALID_FIELD);
    EQ_TEXT(err.field, "amount");
}

TEST(json_errors_name_the_field) {
    static const struct {
        const ProtobufCMessageDescriptor *type;
        const char *json;
        int code;
        const char *field;
    } cases[] = {
        {&tc__bill__descriptor, "{\"total\":\"1.234\"}", E_INVALID_FIELD, "total"},
        {&tc__bill__descriptor, "{\"total\":\"1.2\"}", E_INVALID_FIELD, "total"},
        {&tc__bill__descriptor, "{\"total\":1.50}", E_INVALID_FIELD, "total"},
        {&tc__bill__descriptor, "{\"total\":150}", E_INVALID_FIELD, "total"},
        {&tc__bill__descriptor, "{\"total\":\"-1.00\"}", E_INVALID_FIELD, "total"},
        {&tc__bill__descriptor, "{\"total\":\" 1.00\"}", E_INVALID_FIELD, "total"},
        {&tc__bill__descriptor, "{\"total\":\"92233720368547758.08\"}", E_INVALID_FIELD, "total"},
        {&tc__bill__descriptor, "{\"total\":null}", E_INVALID_FIELD, "total"},
        {&tc__bill__descriptor, "{\"total_fen\":\"1.00\"}", E_UNKNOWN_FIELD, "total_fen"},
        {&tc__bill__descriptor, "{\"bill\":7}", E_INVALID_FIELD, "bill"},
        {&tc__bill__descriptor, "{\"bill\":null}", E_INVALID_FIELD, "bill"},
        {&tc__bill__descriptor, "{\"childbirth\":1}", E_INVALID_FIELD, "childbirth"},
        {&tc__bill__descriptor, "{\"childbirth\":\"true\"}", E_INVALID_FIELD, "childbirth"},
        {&tc__bill__descriptor, "{\"x\":{}}", E_UNKNOWN_FIELD, "x"},
        {&tc__bill__descriptor, "{\"bill\":\"a\",\"bill\":\"a\"}", E_INVALID_JSON, ""},
        {&tc__bill__descriptor, "{\"bill\":\"a\"} x", E_INVALID_JSON, ""},
        {&tc__bill__descriptor, "{\"bill\":\"a\\u0000b\"}", E_INVALID_JSON, ""},
        {&tc__bill__descriptor, "{\"bill\":\"\xFF\"}", E_INVALID_JSON, ""},
        {&tc__bill__descriptor, "[]", E_INVALID_JSON, ""},
        {&tc__bill__descriptor, "7", E_INVALID_JSON, ""},
        {&tc__bill__descriptor, "", E_INVALID_JSON, ""},
        {&tc__decision__descriptor, "{\"input\":{\"total\":\"1\"}}", E_INVALID_FIELD, "input.total"},
        {&tc__decision__descriptor, "{\"input\":{\"y\":1}}", E_UNKNOWN_FIELD, "input.y"},
        {&tc__decision__descriptor, "{\"input\":[]}", E_INVALID_FIELD, "input"},
        {&tc__decision__descriptor, "{\"paid\":{}}", E_INVALID_FIELD, "paid"},
        {&tc__decision__descriptor, "{\"paid\":[{},{\"amount\":\"1.001\"}]}", E_INVALID_FIELD, "paid[1].amount"},
        {&tc__decision__descriptor, "{\"paid\":[null]}", E_INVALID_FIELD, "paid[0]"},
        {&tc__decision__descriptor, "{\"paid\":[{}],\"steps\":[{\"rate\":0.5}]}", E_INVALID_FIELD, "steps[0].rate"},
        {&tc__decision__descriptor, "{\"year\":2147483648}", E_OUT_OF_RANGE, "year"},
        {&tc__decision__descriptor, "{\"year\":2018.0}", E_INVALID_FIELD, "year"},
        {&tc__decision__descriptor, "{\"seq\":9223372036854775808}", E_INVALID_JSON, ""},
        {&sample__every__descriptor, "{\"level\":\"first\"}", E_INVALID_FIELD, "level"},
        {&sample__every__descriptor, "{\"level\":\"FIRST_GRADE\"}", E_INVALID_FIELD, "level"},
        {&sample__every__descriptor, "{\"level\":1}", E_INVALID_FIELD, "level"},
        {&sample__every__descriptor, "{\"u32\":-1}", E_OUT_OF_RANGE, "u32"},
        {&sample__every__descriptor, "{\"u64\":-1}", E_OUT_OF_RANGE, "u64"},
        {&sample__every__descriptor, "{\"raw\":\"abc\"}", E_INVALID_FIELD, "raw"},
        {&sample__every__descriptor, "{\"raw\":\"zz\"}", E_INVALID_FIELD, "raw"},
        {&sample__every__descriptor, "{\"raw\":1}", E_INVALID_FIELD, "raw"},
        {&sample__every__descriptor, "{\"left\":\"a\",\"right\":\"1.00\"}", E_INVALID_FIELD, "right"},
        {&sample__every__descriptor, "{\"numbers\":[1,\"2\"]}", E_INVALID_FIELD, "numbers[1]"},
        {&sample__every__descriptor, "{\"share\":\"0.1234567\"}", E_INVALID_FIELD, "share"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        begin();
        ProtobufCMessage *out = NULL;
        err_t err = {0};
        EQ(message_from_json(&out, cases[i].type, cases[i].json, strlen(cases[i].json), arena, &err), cases[i].code);
        EQ_TEXT(err.field, cases[i].field);
        OK(err.text[0] != '\0');
        OK(out == NULL);
    }
}

TEST(json_shows_every_field_and_the_sign) {
    begin();
    Tc__Posting posting = TC__POSTING__INIT;
    posting.account = (char *)(uintptr_t) "pool/tier1";
    posting.amount_fen = -12345;
    EQ_TEXT(
        message_to_json(&posting.base, arena),
        "{\"account\":\"pool/"
        "tier1\",\"identity\":\"\",\"division\":\"\",\"party\":\"\",\"amount\":\"-123.45\",\"fund\":\"\",\"year\":0}");
    Sample__Every every = SAMPLE__EVERY__INIT;
    every.level = SAMPLE__LEVEL__LEVEL_FIRST_GRADE;
    every.share_ppm = 550000;
    every.u64 = UINT64_MAX;
    every.choice_case = SAMPLE__EVERY__CHOICE_RIGHT_FEN;
    every.right_fen = 5;
    char *json = message_to_json(&every.base, arena);
    HAS_TEXT(json, "\"level\":\"first_grade\"");
    HAS_TEXT(json, "\"share\":\"0.55\"");
    HAS_TEXT(json, "\"u64\":18446744073709551615");
    HAS_TEXT(json, "\"right\":\"0.05\"");
    HAS_TEXT(json, "\"inner\":null");
    HAS_TEXT(json, "\"numbers\":[]");
    OK(strstr(json, "\"left\"") == NULL);
}

// The two ways, bytes and JSON, agree on it.
TEST(an_amount_left_out_is_not_zero) {
    static const struct {
        const char *json, *printed; // NULL: the key is not printed
        int total_case;
    } cases[] = {{"{\"total\":\"0.00\"}", "\"total\":\"0.00\"", TC__BILL__TOTAL_GIVEN_TOTAL_FEN},
                 {"{\"total\":\"1.50\"}", "\"total\":\"1.50\"", TC__BILL__TOTAL_GIVEN_TOTAL_FEN},
                 {"{}", NULL, TC__BILL__TOTAL_GIVEN__NOT_SET}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        begin();
        ProtobufCMessage *from_json = NULL, *from_bytes = NULL;
        err_t err = {0};
        size_t bytes = 0;
        EQ(message_from_json(&from_json, &tc__bill__descriptor, cases[i].json, strlen(cases[i].json), arena, &err), 0);
        EQ(((Tc__Bill *)from_json)->total_given_case, cases[i].total_case);
        EQ(((Tc__Bill *)from_json)->in_scope_given_case, TC__BILL__IN_SCOPE_GIVEN__NOT_SET);
        const void *packed = message_pack(from_json, arena, &bytes);
        EQ(message_unpack(&from_bytes, &tc__bill__descriptor, packed, bytes, arena, &err), 0);
        EQ(((Tc__Bill *)from_bytes)->total_given_case, cases[i].total_case);
        const char *json = message_to_json(from_bytes, arena);
        if (cases[i].printed) HAS_TEXT(json, cases[i].printed);
        EQ(strstr(json, "\"total\"") != NULL, cases[i].printed != NULL);
        OK(strstr(json, "\"in_scope\"") == NULL);
    }
}

TEST(long_paths_and_deep_json_are_harmless) {
    begin();
    err_t err = {0};
    ProtobufCMessage *out = NULL;
    char json[400], name[200];
    memset(name, 'n', sizeof name);
    snprintf(json, sizeof json, "{\"%.*s\":1}", (int)sizeof name, name);
    EQ(message_from_json(&out, &tc__bill__descriptor, json, strlen(json), arena, &err), E_UNKNOWN_FIELD);
    EQ(strlen(err.field), sizeof err.field - 1);
    char *deep = malloc(100000);
    NEED(deep != NULL);
    memset(deep, '[', 100000);
    EQ(message_from_json(&out, &tc__bill__descriptor, deep, 100000, arena, &err), E_INVALID_JSON);
    free(deep);
}

int main(void) {
    static const check_case_t cases[] = {CASE(every_message_survives_bytes_and_json),
                                         CASE(damaged_bytes_do_no_harm),
                                         CASE(no_type_contains_itself_and_json_keys_are_unique),
                                         CASE(unknown_fields_are_refused_by_number_at_any_depth),
                                         CASE(what_is_not_this_message_is_refused),
                                         CASE(size_and_memory_are_bounded),
                                         CASE(only_a_correction_may_be_below_zero),
                                         CASE(json_errors_name_the_field),
                                         CASE(json_shows_every_field_and_the_sign),
                                         CASE(an_amount_left_out_is_not_zero),
                                         CASE(long_paths_and_deep_json_are_harmless)};
    const char *given = getenv("TEST_SEED");
    seed = given ? strtoull(given, NULL, 10) : (uint64_t)clock_mono_us();
    printf("TEST_SEED=%llu\n", (unsigned long long)seed);
    int failed = check_run("message", cases, COUNT_OF(cases));
    arena_destroy(&arena);
    return failed;
}
