// The pipelined sender behind `enroll FILE`, `facility FILE`, `quote FILE` and `settle FILE`.
#include "submit.h"
#include "common/base/date.h"
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WINDOW_MAX = 1024, LINE_MAX_BYTES = 256 * 1024, TELL_MAX = 20 };

typedef struct slot {
    bool used;
    uint64_t key;
    int64_t line;
    const cli_method_t *method;
} slot_t;

typedef struct run {
    suite_t *suite;
    const submit_options_t *options;
    FILE *in, *out;
    slot_t slots[WINDOW_MAX];
    size_t window, in_flight;
    int64_t line, accepted, refused, told, retried;
    int64_t *latency_us;
    size_t latencies, room;
    int64_t started_us, told_us;
    const cli_method_t *method; // of the lines in flight
} run_t;

static int unusable(const run_t *run, const err_t *err) {
    fprintf(stderr, "%s:%lld: %s%s%s: %s\n", run->options->path, (long long)run->line, err_name(err->code),
            err->field[0] ? " " : "", err->field, err->text);
    return 2;
}

static void refuse(run_t *run, int64_t line, int code, const char *field, const char *text) {
    run->refused++;
    if (run->told++ < TELL_MAX)
        fprintf(stderr, "line %lld: %s%s%s: %s\n", (long long)line, err_name(code), *field ? " " : "", field, text);
    if (run->told == TELL_MAX + 1) fprintf(stderr, "… further refusals are only counted\n");
}

static int note_latency(run_t *run, int64_t us) {
    if (run->latencies == run->room) {
        size_t room = run->room ? run->room * 2 : 4096;
        int64_t *grown = realloc(run->latency_us, room * sizeof *grown);
        if (!grown) return -1;
        run->latency_us = grown;
        run->room = room;
    }
    run->latency_us[run->latencies++] = us;
    return 0;
}

static int write_answer(run_t *run, const slot_t *slot, const reply_t *reply) {
    ProtobufCMessage *message = NULL;
    err_t err = {0};
    if (!run->out) return 0;
    if (message_unpack(&message, slot->method->reply, reply->body, reply->body_bytes, run->suite->arena, &err))
        return unusable(run, &err);
    char *json = message_to_json(message, run->suite->arena);
    return json && fprintf(run->out, "%s\n", json) > 0
               ? 0
               : unusable(run, &(err_t){.code = E_IO, .text = "cannot write the answers"});
}

// Wait for one answer.
static int collect(run_t *run) {
    reply_t reply;
    if (client_next(run->suite->client, &reply, 1000) != 1) return 0;
    slot_t *slot = reply.tag;
    CHECK(slot && slot->used);
    int rc = 0;
    run->retried += reply.attempts > 1;
    if (reply.code == E_OK) {
        run->accepted++;
        rc = write_answer(run, slot, &reply);
    } else
        refuse(run, slot->line, reply.code, reply.field, reply.text);
    if (note_latency(run, reply.elapsed_us)) rc = 2;
    slot->used = false;
    run->in_flight--;
    arena_reset(run->suite->arena);
    return rc;
}

static int drain(run_t *run) {
    int rc = 0;
    while (run->in_flight && rc == 0) rc = collect(run);
    return rc;
}

static bool key_in_flight(const run_t *run, uint64_t key) {
    for (size_t i = 0; i < run->window; i++)
        if (run->slots[i].used && run->slots[i].key == key) return true;
    return false;
}

static slot_t *free_slot(run_t *run) {
    for (size_t i = 0; i < run->window; i++)
        if (!run->slots[i].used) return &run->slots[i];
    return NULL;
}

// A line → method and message.
static int parse_line(run_t *run, const char *line, size_t bytes, const cli_method_t **method,
                      ProtobufCMessage **message, err_t *err) {
    const submit_options_t *options = run->options;
    if (options->method) {
        *method = method_find(options->service, options->method);
        CHECK(*method);
        return message_from_json(message, (*method)->request, line, bytes, run->suite->arena, err);
    }
    json_error_t why;
    json_t *object = json_loadb(line, bytes, JSON_REJECT_DUPLICATES, &why);
    const char *name = object ? json_object_iter_key(json_object_iter(object)) : NULL;
    int rc = E_OK;
    if (!object)
        rc = err_set(err, E_INVALID_JSON, "not a JSON object: %s", why.text);
    else if (!name || json_object_size(object) != 1)
        rc = err_set(err, E_INVALID_JSON, "{\"method\": {…}} was expected");
    else if (!(*method = method_find(options->service, name)))
        rc = err_field(err, E_NOT_FOUND, name, "%s has no command \"%s\"", options->service, name);
    if (rc == E_OK) {
        char *body = json_dumps(json_object_get(object, name), JSON_COMPACT | JSON_ENCODE_ANY);
        rc = body ? message_from_json(message, (*method)->request, body, strlen(body), run->suite->arena, err)
                  : err_set(err, E_IO, "out of memory");
        free(body);
    }
    json_decref(object);
    return rc;
}

static int send_line(run_t *run, const char *line, size_t bytes) {
    err_t err = {0};
    const cli_method_t *method = NULL;
    ProtobufCMessage *message = NULL;
    int rc = 0;
    if (parse_line(run, line, bytes, &method, &message, &err)) {
        refuse(run, run->line, err.code, err.field, err.text);
        return 0;
    }
    size_t body_bytes = 0;
    void *body = message_pack(message, run->suite->arena, &body_bytes);
    char key[128], id[48];
    snprintf(key, sizeof key, "%s", method_key(method, message));
    if (body) method_request_id(method, body, body_bytes, id);
    uint64_t hash = *key ? hash64(key, strlen(key), 0) : hash64(id, strlen(id), 1);
    // The body lives in the arena, which collect() resets: keep a copy over the waiting.
    void *copy = body ? malloc(body_bytes + 1) : NULL;
    if (!copy) return unusable(run, &(err_t){.code = E_IO, .text = "out of memory"});
    memcpy(copy, body, body_bytes);
    if (run->method && run->method != method) rc = drain(run);
    run->method = method;
    while (rc == 0 && (run->in_flight == run->window || key_in_flight(run, hash))) rc = collect(run);
    slot_t *slot = free_slot(run);
    CHECK(rc || slot);
    if (rc == 0) {
        *slot = (slot_t){.used = true, .key = hash, .line = run->line, .method = method};
        call_t call = {.service = run->options->service,
                       .method = method->name,
                       .key = key,
                       .request_id = id,
                       .body = copy,
                       .body_bytes = body_bytes,
                       .deadline_ms = (int)run->options->deadline_s * 1000,
                       .tag = slot};
        if (client_send(run->suite->client, &call, &err)) {
            slot->used = false;
            rc = unusable(run, &err);
        } else
            run->in_flight++;
    }
    free(copy);
    return rc;
}

static void progress(run_t *run) {
    int64_t now = clock_mono_us();
    if (run->options->quiet || now - run->told_us < 2000000) return;
    run->told_us = now;
    fprintf(stderr, "%s: %lld accepted, %lld refused\n", run->options->path, (long long)run->accepted,
            (long long)run->refused);
}

static int by_value(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

static double ms_at(const run_t *run, size_t per_mille) {
    if (!run->latencies) return 0;
    size_t at = run->latencies * per_mille / 1000;
    return (double)run->latency_us[at < run->latencies ? at : run->latencies - 1] / 1000.0; // for the eye only
}

static void summary(run_t *run) {
    double seconds = (double)(clock_mono_us() - run->started_us) / 1e6;
    qsort(run->latency_us, run->latencies, sizeof *run->latency_us, by_value);
    double rate = seconds > 0 ? (double)run->latencies / seconds : 0;
    long long lines = run->line, accepted = run->accepted, refused = run->refused, retried = run->retried;
    if (run->options->json)
        printf(
            "{\"lines\":%lld,\"accepted\":%lld,\"refused\":%lld,\"retried\":%lld,\"seconds\":%.3f,\"per_second\":%.1f,"
            "\"p50_ms\":%.2f,\"p99_ms\":%.2f,\"max_ms\":%.2f}\n",
            lines, accepted, refused, retried, seconds, rate, ms_at(run, 500), ms_at(run, 990), ms_at(run, 1000));
    else
        printf("%lld lines: %lld accepted, %lld refused, %lld asked again; %.2f s, %.0f/s; latency p50 %.2f ms, p99 "
               "%.2f ms, "
               "max %.2f ms\n",
               lines, accepted, refused, retried, seconds, rate, ms_at(run, 500), ms_at(run, 990), ms_at(run, 1000));
}

static int send_all(run_t *run) {
    char *line = NULL;
    size_t room = 0;
    ssize_t length;
    int rc = 0;
    while (rc == 0 && (length = getline(&line, &room, run->in)) >= 0) {
        run->line++;
        while (length > 0 && (line[length - 1] == '\n' || line[length - 1] == '\r')) line[--length] = 0;
        if (length == 0) continue;
        if (length > LINE_MAX_BYTES)
            refuse(run, run->line, E_TOO_LARGE, "", "the line is longer than 256 KiB");
        else
            rc = send_line(run, line, (size_t)length);
        progress(run);
    }
    if (rc == 0 && ferror(run->in)) {
        fprintf(stderr, "tongchou: cannot read %s: %s\n", run->options->path, strerror(errno));
        rc = 2;
    }
    free(line);
    return rc ? rc : drain(run);
}

int submit_file(suite_t *suite, const submit_options_t *options) {
    submit_options_t filled = *options;
    if (!filled.deadline_s) filled.deadline_s = 60;
    static run_t run;
    run = (run_t){.suite = suite, .options = &filled, .window = filled.window ? (size_t)filled.window : 64};
    if (run.window > WINDOW_MAX) run.window = WINDOW_MAX;
    int rc = 2;
    run.in = strcmp(filled.path, "-") == 0 ? stdin : fopen(filled.path, "r");
    if (!run.in) {
        fprintf(stderr, "tongchou: cannot read %s: %s\n", filled.path, strerror(errno));
        return 2;
    }
    if (filled.out && !(run.out = fopen(filled.out, "w"))) {
        fprintf(stderr, "tongchou: cannot write %s: %s\n", filled.out, strerror(errno));
        goto done;
    }
    run.started_us = run.told_us = clock_mono_us();
    rc = send_all(&run);
    if (rc == 0) {
        summary(&run);
        rc = run.refused ? 1 : 0;
    }
done:
    if (run.in != stdin) fclose(run.in);
    if (run.out && fclose(run.out)) rc = 2;
    free(run.latency_us);
    return rc;
}
