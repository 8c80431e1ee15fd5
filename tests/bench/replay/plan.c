#include "plan.h"
#include "adjudication.pb-c.h"
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum { HOSPITALS_MAX = 64 };

static int no_memory(err_t *err) { return err_set(err, E_IO, "out of memory"); }

static int32_t line_number(const json_t *line, const char *name) {
    const json_t *value = json_object_get(line, name);
    return json_is_integer(value) ? (int32_t)json_integer_value(value) : NO_OP;
}

static const char *copy(plan_t *plan, const json_t *line, const char *name) {
    const char *text = json_string_value(json_object_get(line, name));
    return text ? arena_text(plan->arena, "%s", text) : NULL;
}

static uint64_t lawful_codes(const json_t *line) {
    uint64_t codes = 0;
    size_t i;
    json_t *word;
    json_array_foreach(json_object_get(line, "expect"), i, word) {
        for (int code = 0; code < E__COUNT; code++)
            if (strcmp(err_name(code), json_string_value(word)) == 0) codes |= 1ull << code;
    }
    return codes;
}

static int read_body(plan_t *plan, op_t *op, const json_t *body, err_t *err) {
    const ProtobufCMessageDescriptor *type = op->reverses ? &tc__reverse_bill__descriptor : &tc__bill__descriptor;
    ProtobufCMessage *message = NULL;
    char *text = json_dumps(body, JSON_COMPACT | JSON_ENCODE_ANY);
    if (!text) return no_memory(err);
    int rc = message_from_json(&message, type, text, strlen(text), plan->arena, err);
    free(text);
    if (rc) return rc;
    op->person = copy(plan, body, "person");
    op->bill = copy(plan, body, "bill");
    op->body = message_pack(message, plan->arena, &op->bytes);
    return op->body && op->person && op->bill ? 0 : no_memory(err);
}

static int read_op(plan_t *plan, const json_t *line, op_t *op, err_t *err) {
    const char *kind = json_string_value(json_object_get(line, "op"));
    *op = (op_t){.hospital = line_number(line, "hospital"),
                 .after = line_number(line, "after"),
                 .same = line_number(line, "same"),
                 .next = NO_OP,
                 .waiting = NO_OP,
                 .reverses = kind && strcmp(kind, "reverse") == 0,
                 .stands = json_is_true(json_object_get(line, "stands")),
                 .lawful = lawful_codes(line)};
    op->id = copy(plan, line, "id");
    if (!op->id || !op->lawful || op->hospital < 0 || op->hospital >= HOSPITALS_MAX)
        return err_set(err, E_INVALID_FIELD, "an operation needs an id, an expectation and a hospital");
    // What an operation waits for stands before it; who gets the same answer may stand on either side.
    if (op->after >= (int32_t)plan->count) return err_set(err, E_INVALID_FIELD, "an operation waits for a later one");
    if (op->hospital >= plan->hospitals) plan->hospitals = op->hospital + 1;
    return read_body(plan, op, json_object_get(line, "body"), err);
}

static int add_line(plan_t *plan, const char *text, err_t *err) {
    json_error_t why;
    if (plan->count == OPS_MAX) return err_set(err, E_TOO_LARGE, "more than %d operations", OPS_MAX);
    if ((plan->count & (plan->count - 1)) == 0) { // grows at every power of two
        op_t *grown = realloc(plan->ops, (plan->count * 2 + 1) * sizeof *grown);
        if (!grown) return no_memory(err);
        plan->ops = grown;
    }
    json_t *line = json_loads(text, 0, &why);
    int rc = line ? read_op(plan, line, &plan->ops[plan->count], err) : err_set(err, E_INVALID_JSON, "%s", why.text);
    json_decref(line);
    if (rc) return err_prefix(err, "line %zu: ", plan->count + 1);
    plan->count++;
    return 0;
}

int plan_read(plan_t *plan, const char *path, err_t *err) {
    char *line = NULL;
    size_t room = 0;
    int rc = 0;
    *plan = (plan_t){.arena = arena_new(1024 * 1024, 0)};
    FILE *in = fopen(path, "r");
    if (!in || !plan->arena) rc = err_set(err, E_IO, "cannot read %s: %s", path, strerror(errno));
    while (!rc && getline(&line, &room, in) >= 0) rc = add_line(plan, line, err);
    for (size_t i = 0; !rc && i < plan->count; i++)
        if (plan->ops[i].same >= (int32_t)plan->count) rc = err_set(err, E_INVALID_FIELD, "no such line");
    if (!rc && !plan->count) rc = err_set(err, E_NOT_FOUND, "%s is empty", path);
    free(line);
    if (in) fclose(in);
    return rc;
}

void plan_release(plan_t *plan) {
    free(plan->ops);
    arena_destroy(&plan->arena);
    *plan = (plan_t){0};
}
