#include "city_run.h"
#include "collection.pb-c.h"
#include "common/base/date.h"
#include "common/base/hash.h"
#include "common/base/money.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// A service that is restarted is back within the deadline.
enum { LANES_DEFAULT = 4, CHUNK_PERSONS = 3000, DEADLINE_MS = 60000, TELL_US = 200000, TOLD_MAX = 20 };

typedef struct lane {
    int part;
    char after[128];
    bool done;
} lane_t;

typedef struct run {
    suite_t *suite;
    const common_options_t *options;
    const char *name, *method; // "2018-03", "bill_month"
    const char *month;         // of bill_month and credit_month
    bool credits;              // credit_month
    int year;                  // of bill_year
    lane_t lanes[PARTITIONS];
    int lane_count, open; // lanes; those not done
    long long persons, rows, undecided;
    fen_t amount;
    int64_t started_us, told_us;
} run_t;

static bool rebuilds(const run_t *run) { return !run->month && !run->year; }

static const char *made(const run_t *run) { return rebuilds(run) ? "changed" : run->credits ? "credits" : "new bills"; }

// ---- what is told

// Parts of the partitions that are behind us, in PARTITIONS: persons are spread evenly over them.
static int64_t partitions_done(const run_t *run) {
    int64_t done = 0;
    for (int i = 0; i < run->lane_count; i++) {
        const lane_t *lane = &run->lanes[i];
        const int first = i * PARTITIONS / run->lane_count, end = (i + 1) * PARTITIONS / run->lane_count;
        done += lane->done ? end - first : *lane->after ? (int)partition_of(lane->after) - first : 0;
    }
    return done;
}

static void tell(run_t *run, bool last) {
    const int64_t now_us = clock_mono_us(), passed_us = now_us - run->started_us, done = partitions_done(run);
    char amount[FEN_TEXT_MAX], money[FEN_TEXT_MAX + 8] = "";
    if (run->options->json || run->options->quiet || !isatty(STDERR_FILENO)) return;
    if (!last && now_us - run->told_us < TELL_US) return;
    run->told_us = now_us;
    if (!rebuilds(run)) snprintf(money, sizeof money, ", %s yuan", fen_format(run->amount, amount));
    fprintf(stderr, "\r%s: %lld persons, %lld %s%s, %lld persons/s", run->name, run->persons, run->rows, made(run),
            money, run->persons * 1000000 / (passed_us + 1));
    if (done && !last) {
        const int64_t left_s = passed_us * (PARTITIONS - done) / done / 1000000;
        fprintf(stderr, ", %lld:%02lld left", (long long)left_s / 60, (long long)left_s % 60);
    }
    fputs(last ? "\033[K\n" : "\033[K", stderr);
}

static void summary(const run_t *run) {
    char amount[FEN_TEXT_MAX];
    const long long ms = (clock_mono_us() - run->started_us) / 1000;
    fen_format(run->amount, amount);
    if (rebuilds(run))
        printf(run->options->json ? "{\"persons\":%lld,\"changed\":%lld,\"ms\":%lld}\n"
                                  : "persons %lld, changed %lld, %lld ms\n",
               run->persons, run->rows, ms);
    else
        printf(run->options->json ? "{\"period\":\"%s\",\"persons\":%lld,\"%s\":%lld,\"amount\":\"%s\",\"ms\":%lld}\n"
                                  : "%s: persons %lld, %s %lld, %s yuan, %lld ms\n",
               run->name, run->persons, made(run), run->rows, amount, ms);
}

// ---- chunks

static void *pack_chunk(const run_t *run, const lane_t *lane, size_t *bytes) {
    Tc__BillMonth month = TC__BILL_MONTH__INIT;
    Tc__BillYear year = TC__BILL_YEAR__INIT;
    Tc__Rebuild rebuild = TC__REBUILD__INIT;
    Tc__CreditMonth credit = TC__CREDIT_MONTH__INIT;
    month.month = credit.month = (char *)run->month;
    year.year = run->year;
    month.limit = credit.limit = year.limit = rebuild.limit = CHUNK_PERSONS;
    month.after = credit.after = year.after = rebuild.after = (char *)lane->after;
    month.part = credit.part = year.part = rebuild.part = lane->part;
    month.parts = credit.parts = year.parts = rebuild.parts = run->lane_count;
    if (run->credits) return message_pack(&credit.base, run->suite->arena, bytes);
    return message_pack(run->month ? &month.base : run->year ? &year.base : &rebuild.base, run->suite->arena, bytes);
}

static int send_chunk(run_t *run, lane_t *lane, err_t *err) {
    size_t bytes;
    void *body = pack_chunk(run, lane, &bytes);
    if (!body) return err_set(err, E_IO, "out of memory");
    const call_t call = {.service = "collection",
                         .method = run->method,
                         .key = "",
                         .body = body,
                         .body_bytes = bytes,
                         .deadline_ms = run->options->deadline_s ? (int)run->options->deadline_s * 1000 : DEADLINE_MS,
                         .tag = lane};
    return client_send(run->suite->client, &call, err);
}

static const ProtobufCMessageDescriptor *type_of(const run_t *run) {
    return rebuilds(run)  ? &tc__rebuild_run__descriptor
           : run->credits ? &tc__credit_run__descriptor
                          : &tc__bill_run__descriptor;
}

static int take_answer(run_t *run, lane_t *lane, const reply_t *reply, err_t *err) {
    ProtobufCMessage *message = NULL;
    const char *last;
    int rc = message_unpack(&message, type_of(run), reply->body, reply->body_bytes, run->suite->arena, err);
    if (rc) return rc;
    if (rebuilds(run)) {
        const Tc__RebuildRun *chunk = (const Tc__RebuildRun *)message;
        run->persons += chunk->persons;
        run->rows += chunk->changed;
        lane->done = chunk->done;
        last = chunk->last_person;
    } else if (run->credits) {
        const Tc__CreditRun *chunk = (const Tc__CreditRun *)message;
        run->persons += chunk->persons;
        run->rows += chunk->credited;
        run->undecided += chunk->undecided;
        lane->done = chunk->done;
        last = chunk->last_person;
        rc = fen_add(run->amount, chunk->amount_fen, &run->amount);
    } else {
        const Tc__BillRun *chunk = (const Tc__BillRun *)message;
        run->persons += chunk->persons;
        run->rows += chunk->bills;
        for (size_t i = 0; i < chunk->n_undecided && run->undecided + (long long)i < TOLD_MAX; i++)
            fprintf(stderr, "not billed: %s\n", chunk->undecided[i]->reason);
        run->undecided += (long long)chunk->n_undecided;
        lane->done = chunk->done;
        last = chunk->last_person;
        rc = fen_add(run->amount, chunk->amount_fen, &run->amount);
    }
    snprintf(lane->after, sizeof lane->after, "%s", last);
    run->open -= lane->done;
    return rc;
}

static int one_answer(run_t *run, err_t *err) {
    reply_t reply;
    if (client_next(run->suite->client, &reply, 200) != 1) return E_OK;
    lane_t *lane = reply.tag;
    arena_reset(run->suite->arena);
    if (reply.code) return err_field(err, reply.code, reply.field, "%s", reply.text);
    int rc = take_answer(run, lane, &reply, err);
    return rc || lane->done ? rc : send_chunk(run, lane, err);
}

static int run_city(run_t *run) {
    err_t err = {0};
    int rc = E_OK;
    run->started_us = clock_mono_us();
    run->lane_count = run->options->window ? (int)run->options->window : LANES_DEFAULT;
    if (run->options->window > PARTITIONS)
        return cli_refused(&(err_t){E_OUT_OF_RANGE, "window", "--window: at most 64 was expected"}, run->options->json);
    run->open = run->lane_count;
    for (int i = 0; !rc && i < run->lane_count; i++) {
        run->lanes[i].part = i;
        rc = send_chunk(run, &run->lanes[i], &err);
    }
    while (!rc && run->open) {
        rc = one_answer(run, &err);
        tell(run, !rc && !run->open);
    }
    if (rc) {
        fprintf(stderr, "%s: stopped after %lld persons; what is done is done, the same command goes on\n", run->name,
                run->persons);
        return cli_refused(&err, run->options->json);
    }
    summary(run);
    if (run->undecided)
        fprintf(stderr, "%s: %lld undecided: the city has not published what decides them\n", run->name,
                run->undecided);
    return 0;
}

// The year of "2018", or 0.
static int year_of(const char *text) {
    char month[16];
    month_t parsed;
    snprintf(month, sizeof month, "%.8s-01", text);
    return strlen(text) == 4 && month_parse(month, &parsed) == E_OK ? month_year(parsed) : 0;
}

int city_run_bill(suite_t *suite, const char *period, const common_options_t *options) {
    month_t month;
    run_t run = {.suite = suite, .options = options, .name = period};
    if (month_parse(period, &month) == E_OK)
        run.month = period;
    else if (!(run.year = year_of(period)))
        return cli_refused(&(err_t){E_INVALID_FIELD, "period", "a month (2018-01) or a year (2018) was expected"},
                           options->json);
    run.method = run.month ? "bill_month" : "bill_year";
    return run_city(&run);
}

int city_run_credit(suite_t *suite, const char *month, const common_options_t *options) {
    month_t parsed;
    run_t run = {
        .suite = suite, .options = options, .name = month, .month = month, .method = "credit_month", .credits = true};
    if (month_parse(month, &parsed))
        return cli_refused(&(err_t){E_INVALID_FIELD, "month", "a month (2018-01) was expected"}, options->json);
    return run_city(&run);
}

int city_run_rebuild(suite_t *suite, const common_options_t *options) {
    run_t run = {.suite = suite, .options = options, .name = "rebuild", .method = "rebuild"};
    return run_city(&run);
}
