// JSON forms of our messages by reflection: one reader and one writer for all of them. Money and rates are decimal text
// and go through the exact parsers of common/base/money.h; no value passes through floating point. A request never
// carries negative money, so the reader refuses the sign; the writer prints it.
#include "message.h"
#include "message_walk.h"
#include "wire.h"
#include "common/base/hash.h"
#include "common/base/money.h"
#include <inttypes.h>
#include <jansson.h>
#include <string.h>

enum { KEY_MAX = 64 };

typedef enum form { FORM_PLAIN, FORM_FEN, FORM_SIGNED_FEN, FORM_RATE } form_t;

// How a field is written, and its key: `total_fen` is "total", `rate_ppm` is "rate". What somebody asks for is an
// amount; where it has a direction, as a correction has, the field is a sint64.
static form_t field_form(const ProtobufCFieldDescriptor *field, char key[static KEY_MAX]) {
    const bool directed = field->type == PROTOBUF_C_TYPE_SINT64;
    size_t length = strlen(field->name);
    CHECK(length < KEY_MAX);
    memcpy(key, field->name, length + 1);
    if (length > 4 && (directed || field->type == PROTOBUF_C_TYPE_INT64) && strcmp(key + length - 4, "_fen") == 0) {
        key[length - 4] = '\0';
        return directed ? FORM_SIGNED_FEN : FORM_FEN;
    }
    if (length > 4 && field->type == PROTOBUF_C_TYPE_INT32 && strcmp(key + length - 4, "_ppm") == 0) {
        key[length - 4] = '\0';
        return FORM_RATE;
    }
    return FORM_PLAIN;
}

// Enum values are written in lower case without what their names have in common up to an underscore (LEVEL_ONE → one).
static size_t enum_prefix(const ProtobufCEnumDescriptor *type) {
    const char *first = type->values[0].name;
    size_t common = strlen(first);
    for (unsigned i = 1; i < type->n_values; i++) {
        size_t same = 0;
        while (same < common && first[same] == type->values[i].name[same]) same++;
        common = same;
    }
    while (common > 0 && first[common - 1] != '_') common--;
    return common;
}

static bool names_enum(const ProtobufCEnumValue *value, size_t prefix, const char *text) {
    const char *name = value->name + prefix;
    for (size_t i = 0;; i++) {
        char lower = name[i] >= 'A' && name[i] <= 'Z' ? (char)(name[i] - 'A' + 'a') : name[i];
        if (lower != text[i]) return false;
        if (lower == '\0') return true;
    }
}

// ---- reading

typedef struct reader {
    arena_t *arena;
    err_t *err;
    char path[sizeof((err_t){0}.field)]; // of the value at hand: "receipt.parts[2].amount"
} reader_t;

// Go one level down, into a field or an element; returns the length to come back to. A path too long for its room is
// cut.
static size_t path_field(reader_t *reader, const char *key) {
    size_t before = strlen(reader->path);
    snprintf(reader->path + before, sizeof reader->path - before, "%s%s", before ? "." : "", key);
    return before;
}

static size_t path_element(reader_t *reader, size_t index) {
    size_t before = strlen(reader->path);
    snprintf(reader->path + before, sizeof reader->path - before, "[%zu]", index);
    return before;
}

static int refuse(reader_t *reader, const char *expected) {
    return err_field(reader->err, E_INVALID_FIELD, reader->path, "%s must be %s", reader->path, expected);
}

static int no_memory(reader_t *reader) {
    return err_field(reader->err, E_TOO_LARGE, reader->path, "the message needs more memory than one batch may use");
}

static int read_integer(reader_t *reader, const json_t *json, int64_t min, int64_t max, int64_t *out) {
    if (!json_is_integer(json)) return refuse(reader, "an integer");
    int64_t value = json_integer_value(json);
    if (value < min || value > max)
        return err_field(reader->err, E_OUT_OF_RANGE, reader->path, "%s must be %" PRId64 " to %" PRId64, reader->path,
                         min, max);
    *out = value;
    return E_OK;
}

static int read_int32(reader_t *reader, const json_t *json, int64_t min, int64_t max, void *place) {
    int64_t value = 0;
    int code = read_integer(reader, json, min, max, &value);
    if (!code) *(uint32_t *)place = (uint32_t)value;
    return code;
}

static int read_fen(reader_t *reader, const json_t *json, bool negative, void *place) {
    fen_t amount;
    if (!json_is_string(json) || fen_parse(json_string_value(json), negative, &amount))
        return refuse(reader, negative ? "money as text with two decimals, like \"-1234.50\""
                                       : "money as text with two decimals and no sign, like \"1234.50\"");
    *(int64_t *)place = amount;
    return E_OK;
}

static int read_rate(reader_t *reader, const json_t *json, void *place) {
    rate_t rate;
    if (!json_is_string(json) || rate_parse(json_string_value(json), &rate))
        return refuse(reader, "a rate as text with at most six decimals, like \"0.55\"");
    *(int32_t *)place = rate;
    return E_OK;
}

static int read_text(reader_t *reader, const json_t *json, void *place) {
    if (!json_is_string(json)) return refuse(reader, "text");
    char *text = arena_copy(reader->arena, json_string_value(json), json_string_length(json) + 1);
    if (!text) return no_memory(reader);
    *(char **)place = text;
    return E_OK;
}

static int read_bytes(reader_t *reader, const json_t *json, void *place) {
    size_t digits = json_is_string(json) ? json_string_length(json) : 1;
    if (digits % 2 != 0) return refuse(reader, "bytes as hex digits");
    ProtobufCBinaryData bytes = {.len = digits / 2, .data = arena_alloc(reader->arena, digits / 2 + 1)};
    if (!bytes.data) return no_memory(reader);
    if (hex_decode(json_string_value(json), bytes.data, bytes.len)) return refuse(reader, "bytes as hex digits");
    *(ProtobufCBinaryData *)place = bytes;
    return E_OK;
}

static int read_enum(reader_t *reader, const json_t *json, const ProtobufCEnumDescriptor *type, void *place) {
    size_t prefix = enum_prefix(type);
    for (unsigned i = 0; json_is_string(json) && i < type->n_values; i++)
        if (names_enum(&type->values[i], prefix, json_string_value(json))) {
            *(int32_t *)place = type->values[i].value;
            return E_OK;
        }
    return refuse(reader, "one of the names of this choice");
}

static int read_message(reader_t *reader, const json_t *json, const ProtobufCMessageDescriptor *type,
                        ProtobufCMessage **out);

static int read_value(reader_t *reader, const json_t *json, const ProtobufCFieldDescriptor *field, form_t form,
                      void *place) {
    if (form == FORM_FEN || form == FORM_SIGNED_FEN) return read_fen(reader, json, form == FORM_SIGNED_FEN, place);
    if (form == FORM_RATE) return read_rate(reader, json, place);
    switch (field->type) {
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_SFIXED32: return read_int32(reader, json, INT32_MIN, INT32_MAX, place);
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FIXED32: return read_int32(reader, json, 0, UINT32_MAX, place);
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64: return read_integer(reader, json, INT64_MIN, INT64_MAX, place);
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64: return read_integer(reader, json, 0, INT64_MAX, place);
    case PROTOBUF_C_TYPE_BOOL:
        if (!json_is_boolean(json)) return refuse(reader, "true or false");
        *(protobuf_c_boolean *)place = json_is_true(json);
        return E_OK;
    case PROTOBUF_C_TYPE_STRING: return read_text(reader, json, place);
    case PROTOBUF_C_TYPE_BYTES: return read_bytes(reader, json, place);
    case PROTOBUF_C_TYPE_ENUM: return read_enum(reader, json, field->descriptor, place);
    case PROTOBUF_C_TYPE_MESSAGE: return read_message(reader, json, field->descriptor, place);
    default: CHECK(!"a message type without floating point");
    }
    return E_INTERNAL;
}

static int read_list(reader_t *reader, const json_t *json, const ProtobufCFieldDescriptor *field, form_t form,
                     ProtobufCMessage *message) {
    if (!json_is_array(json)) return refuse(reader, "a list");
    size_t count = json_array_size(json), size = walk_size(field);
    char *values = arena_alloc(reader->arena, count ? count * size : 1); // count is bounded by the size cap
    if (!values) return no_memory(reader);
    for (size_t i = 0; i < count; i++) {
        size_t before = path_element(reader, i);
        int code = read_value(reader, json_array_get(json, i), field, form, values + i * size);
        if (code) return code;
        reader->path[before] = '\0';
    }
    *(size_t *)walk_at(message, field->quantifier_offset) = count;
    *(char **)walk_at(message, field->offset) = values;
    return E_OK;
}

static int read_field(reader_t *reader, const json_t *json, const ProtobufCFieldDescriptor *field, form_t form,
                      ProtobufCMessage *message) {
    if (field->label == PROTOBUF_C_LABEL_REPEATED) return read_list(reader, json, field, form, message);
    if (field->type == PROTOBUF_C_TYPE_MESSAGE && json_is_null(json)) return E_OK; // absent
    if (walk_is_oneof(field)) {
        uint32_t *chosen = walk_at(message, field->quantifier_offset);
        if (*chosen != 0) return refuse(reader, "left out: another member of the same choice is given");
        *chosen = field->id;
    }
    return read_value(reader, json, field, form, walk_at(message, field->offset));
}

static const ProtobufCFieldDescriptor *find_field(const ProtobufCMessageDescriptor *type, const char *key,
                                                  form_t *form) {
    char name[KEY_MAX];
    for (unsigned i = 0; i < type->n_fields; i++) {
        *form = field_form(&type->fields[i], name);
        if (strcmp(name, key) == 0) return &type->fields[i];
    }
    return NULL;
}

static int read_message(reader_t *reader, const json_t *json, const ProtobufCMessageDescriptor *type,
                        ProtobufCMessage **out) {
    if (!json_is_object(json)) return refuse(reader, "an object");
    ProtobufCMessage *message = arena_alloc(reader->arena, type->sizeof_message);
    if (!message) return no_memory(reader);
    protobuf_c_message_init(type, message);
    for (void *at = json_object_iter((json_t *)(uintptr_t)json); at;
         at = json_object_iter_next((json_t *)(uintptr_t)json, at)) {
        form_t form;
        const char *key = json_object_iter_key(at);
        const ProtobufCFieldDescriptor *field = find_field(type, key, &form);
        size_t before = path_field(reader, key);
        if (!field)
            return err_field(reader->err, E_UNKNOWN_FIELD, reader->path, "%s is not a field of %s", reader->path,
                             type->short_name);
        int code = read_field(reader, json_object_iter_value(at), field, form, message);
        if (code) return code;
        reader->path[before] = '\0';
    }
    *out = message;
    return E_OK;
}

int message_from_json(ProtobufCMessage **out, const ProtobufCMessageDescriptor *type, const char *json, size_t bytes,
                      arena_t *arena, err_t *err) {
    if (bytes > WIRE_MESSAGE_MAX_BYTES)
        return err_set(err, E_TOO_LARGE, "%s of %zu bytes of JSON: at most %d are taken", type->short_name, bytes,
                       WIRE_MESSAGE_MAX_BYTES);
    json_error_t why;
    json_t *root = json_loadb(bytes ? json : "", bytes, JSON_REJECT_DUPLICATES, &why);
    if (!root) return err_set(err, E_INVALID_JSON, "line %d column %d: %s", why.line, why.column, why.text);
    reader_t reader = {.arena = arena, .err = err};
    ProtobufCMessage *message = NULL;
    int code;
    if (json_is_object(root))
        code = read_message(&reader, root, type, &message);
    else
        code = err_set(err, E_INVALID_JSON, "a %s is a JSON object", type->short_name);
    json_decref(root);
    if (!code) *out = message;
    return code;
}

// ---- writing

typedef struct writer {
    arena_t *arena;
    char *text;
    size_t used, room;
    bool failed; // sticky: memory is out
} writer_t;

static void put(writer_t *writer, const char *data, size_t bytes) {
    if (writer->failed) return;
    if (bytes > writer->room - writer->used) {
        size_t room = (writer->room + bytes) * 2;
        char *grown = arena_alloc(writer->arena, room);
        if (!grown) {
            writer->failed = true;
            return;
        }
        if (writer->used) memcpy(grown, writer->text, writer->used);
        writer->text = grown;
        writer->room = room;
    }
    memcpy(writer->text + writer->used, data, bytes);
    writer->used += bytes;
}

static void put_text(writer_t *writer, const char *text) { put(writer, text, strlen(text)); }

static void put_quoted(writer_t *writer, const char *text) {
    put(writer, "\"", 1);
    for (const char *p = text; *p; p++) {
        char escaped[8];
        if (*p == '"' || *p == '\\')
            put(writer, (char[]){'\\', *p}, 2);
        else if ((unsigned char)*p < 0x20)
            put(writer, escaped, (size_t)snprintf(escaped, sizeof escaped, "\\u%04x", *p));
        else
            put(writer, p, 1);
    }
    put(writer, "\"", 1);
}

static void put_signed(writer_t *writer, int64_t value) {
    char digits[24];
    put(writer, digits, (size_t)snprintf(digits, sizeof digits, "%" PRId64, value));
}

static void put_unsigned(writer_t *writer, uint64_t value) {
    char digits[24];
    put(writer, digits, (size_t)snprintf(digits, sizeof digits, "%" PRIu64, value));
}

static void put_hex(writer_t *writer, const ProtobufCBinaryData *bytes) {
    char pair[3];
    put(writer, "\"", 1);
    for (size_t i = 0; i < bytes->len; i++) {
        hex_encode(bytes->data + i, 1, pair);
        put(writer, pair, 2);
    }
    put(writer, "\"", 1);
}

// A number that has no name (a newer sender) is printed as a number.
static void put_enum(writer_t *writer, const ProtobufCEnumDescriptor *type, int32_t number) {
    const ProtobufCEnumValue *value = protobuf_c_enum_descriptor_get_value(type, number);
    if (!value) {
        put_signed(writer, number);
        return;
    }
    put(writer, "\"", 1);
    for (const char *p = value->name + enum_prefix(type); *p; p++)
        put(writer, (char[]){*p >= 'A' && *p <= 'Z' ? (char)(*p - 'A' + 'a') : *p}, 1);
    put(writer, "\"", 1);
}

static void put_message(writer_t *writer, const ProtobufCMessage *message);

static void put_value(writer_t *writer, const ProtobufCFieldDescriptor *field, form_t form, const void *value) {
    char text[FEN_TEXT_MAX];
    if (form == FORM_FEN || form == FORM_SIGNED_FEN) {
        put_quoted(writer, fen_format(*(const int64_t *)value, text));
        return;
    }
    if (form == FORM_RATE) {
        put_quoted(writer, rate_format(*(const int32_t *)value, text));
        return;
    }
    switch (field->type) {
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_SFIXED32: put_signed(writer, *(const int32_t *)value); break;
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FIXED32: put_unsigned(writer, *(const uint32_t *)value); break;
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64: put_signed(writer, *(const int64_t *)value); break;
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64: put_unsigned(writer, *(const uint64_t *)value); break;
    case PROTOBUF_C_TYPE_BOOL: put_text(writer, *(const protobuf_c_boolean *)value ? "true" : "false"); break;
    case PROTOBUF_C_TYPE_STRING: put_quoted(writer, *(char *const *)value ? *(char *const *)value : ""); break;
    case PROTOBUF_C_TYPE_BYTES: put_hex(writer, value); break;
    case PROTOBUF_C_TYPE_ENUM: put_enum(writer, field->descriptor, *(const int32_t *)value); break;
    case PROTOBUF_C_TYPE_MESSAGE: put_message(writer, *(ProtobufCMessage *const *)value); break;
    default: CHECK(!"a message type without floating point");
    }
}

static void put_field(writer_t *writer, const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field,
                      form_t form) {
    if (field->label != PROTOBUF_C_LABEL_REPEATED) {
        put_value(writer, field, form, walk_value(message, field, 0));
        return;
    }
    size_t count = walk_count(message, field);
    put(writer, "[", 1);
    for (size_t i = 0; i < count; i++) {
        if (i) put(writer, ",", 1);
        put_value(writer, field, form, walk_value(message, field, i));
    }
    put(writer, "]", 1);
}

static void put_message(writer_t *writer, const ProtobufCMessage *message) {
    if (!message) {
        put_text(writer, "null");
        return;
    }
    const char *before = "{";
    const ProtobufCMessageDescriptor *type = message->descriptor;
    for (unsigned i = 0; i < type->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &type->fields[i];
        if (walk_is_oneof(field) && walk_count(message, field) == 0) continue; // only the chosen member is there
        char key[KEY_MAX];
        form_t form = field_form(field, key);
        put_text(writer, before);
        put_quoted(writer, key);
        put(writer, ":", 1);
        put_field(writer, message, field, form);
        before = ",";
    }
    put_text(writer, *before == '{' ? "{}" : "}");
}

char *message_to_json(const ProtobufCMessage *message, arena_t *arena) {
    writer_t writer = {.arena = arena};
    put_message(&writer, message);
    put(&writer, "", 1);
    return writer.failed ? NULL : writer.text;
}
