#include "recompute_run.h"
#include "adjudication.pb-c.h"
#include "common/base/date.h"
#include "common/base/money.h"
#include "common/policy/policy.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WINDOW_DEFAULT = 32, WINDOW_MAX = 256, DEADLINE_MS = 60000, FOLLOW_US = 500000, TELL_US = 200000, TOLD_MAX = 5 };

typedef struct dry_run {
    suite_t *suite;
    const recompute_options_t *options;
    const char *hash;
    arena_t *page_arena; // a page outlives the answers to its items
    Tc__Task sums;
    int64_t in_flight, told_us;
    int told;
} dry_run_t;

int recompute_stage(suite_t *suite, const char *city_file, const char *const *overlays, char hash[static 65],
                    err_t *err) {
    Tc__StagePolicy ask = TC__STAGE_POLICY__INIT;
    ProtobufCMessage *reply = NULL;
    policy_t *policy = NULL;
    int rc = policy_load(&policy, city_file, overlays, err);
    if (rc) return rc;
    size_t bytes;
    ask.packed.data = (uint8_t *)policy_packed(policy, &bytes);
    ask.packed.len = bytes;
    rc = suite_call(suite, "adjudication", "stage_policy", "", &ask.base, &tc__policy_release__descriptor, &reply, err);
    if (!rc) snprintf(hash, 65, "%s", ((const Tc__PolicyRelease *)reply)->hash);
    policy_destroy(&policy);
    return rc;
}

// ---- what is told

static const char *signed_fen(int64_t fen, char text[static FEN_TEXT_MAX + 1]) {
    char amount[FEN_TEXT_MAX];
    snprintf(text, FEN_TEXT_MAX + 1, "%s%s", fen > 0 ? "+" : "", fen_format(fen, amount));
    return text;
}

static void print_sums(const Tc__Task *sums, bool json) {
    char fund[FEN_TEXT_MAX + 1], own[FEN_TEXT_MAX + 1];
    signed_fen(sums->fund_fen, fund);
    signed_fen(sums->own_fen, own);
    if (json)
        printf("{\"found\":%lld,\"recomputed\":%lld,\"changed\":%lld,\"parked\":%lld,\"bills\":%lld,\"versions\":%lld,"
               "\"fund\":\"%s\",\"own\":\"%s\",\"gainers\":%lld,\"losers\":%lld}\n",
               (long long)sums->found, (long long)sums->recomputed, (long long)sums->changed, (long long)sums->parked,
               (long long)sums->bills, (long long)sums->versions, *fund == '+' ? fund + 1 : fund,
               *own == '+' ? own + 1 : own, (long long)sums->gainers, (long long)sums->losers);
    else
        printf("persons and years %lld, recomputed %lld, changed %lld, refused %lld\n"
               "bills %lld, new versions %lld\n"
               "fund %s yuan, own %s yuan; %lld pay less, %lld pay more\n",
               (long long)sums->found, (long long)sums->recomputed, (long long)sums->changed, (long long)sums->parked,
               (long long)sums->bills, (long long)sums->versions, fund, own, (long long)sums->gainers,
               (long long)sums->losers);
}

static void tell(const recompute_options_t *options, const Tc__Task *sums, int64_t *told_us, bool last) {
    const int64_t now_us = clock_mono_us();
    char fund[FEN_TEXT_MAX + 1];
    if (options->json || options->quiet || !isatty(STDERR_FILENO)) return;
    if (!last && now_us - *told_us < TELL_US) return;
    *told_us = now_us;
    fprintf(stderr, "\r%lld of %lld persons and years, %lld changed, fund %s yuan\033[K%s", (long long)sums->recomputed,
            (long long)sums->found, (long long)sums->changed, signed_fen(sums->fund_fen, fund), last ? "\n" : "");
}

// ---- dry

static int add_sums(Tc__Task *sums, const Tc__Recomputed *answer, err_t *err) {
    fen_t fund, own;
    if (fen_add(sums->fund_fen, answer->fund_fen, &fund) || fen_add(sums->own_fen, answer->own_fen, &own))
        return err_set(err, E_TOO_LARGE, "the sum of the differences is too large");
    sums->fund_fen = fund;
    sums->own_fen = own;
    sums->recomputed++;
    sums->changed += answer->versions > 0;
    sums->bills += answer->bills;
    sums->versions += answer->versions;
    sums->gainers += answer->own_fen < 0;
    sums->losers += answer->own_fen > 0;
    return 0;
}

static void tell_refusal(dry_run_t *run, const reply_t *reply) {
    run->sums.parked++;
    if (run->told++ < TOLD_MAX) fprintf(stderr, "not recomputed: %s: %s\n", err_name(reply->code), reply->text);
    if (run->told == TOLD_MAX + 1) fprintf(stderr, "… further ones are only counted\n");
}

static int take_answer(dry_run_t *run, err_t *err) {
    reply_t reply;
    ProtobufCMessage *message = NULL;
    if (client_next(run->suite->client, &reply, 200) != 1) return 0;
    run->in_flight--;
    arena_reset(run->suite->arena);
    if (reply.code && err_may_retry(reply.code)) return err_field(err, reply.code, reply.field, "%s", reply.text);
    if (reply.code) {
        tell_refusal(run, &reply);
        return 0;
    }
    int rc =
        message_unpack(&message, &tc__recomputed__descriptor, reply.body, reply.body_bytes, run->suite->arena, err);
    if (!rc) rc = add_sums(&run->sums, (const Tc__Recomputed *)message, err);
    tell(run->options, &run->sums, &run->told_us, false);
    return rc;
}

static int send_item(dry_run_t *run, const Tc__Affected__Item *item, err_t *err) {
    Tc__Recompute ask = TC__RECOMPUTE__INIT;
    size_t bytes;
    ask.person = item->person;
    ask.year = item->year;
    ask.cause = (char *)"dry run";
    ask.dry = true;
    ask.policy = (char *)run->hash;
    const void *body = message_pack(&ask.base, run->suite->arena, &bytes);
    if (!body) return err_set(err, E_IO, "out of memory");
    const call_t call = {.service = "adjudication",
                         .method = "recompute",
                         .key = item->person,
                         .body = body,
                         .body_bytes = bytes,
                         .deadline_ms = DEADLINE_MS};
    int rc = client_send(run->suite->client, &call, err);
    run->in_flight += !rc;
    return rc;
}

static int run_page(dry_run_t *run, const Tc__Affected *page, err_t *err) {
    const int64_t window = run->options->window ? run->options->window : WINDOW_DEFAULT;
    int rc = 0;
    run->sums.found += (int64_t)page->n_items;
    for (size_t i = 0; !rc && i < page->n_items; i++) {
        while (!rc && run->in_flight >= window) rc = take_answer(run, err);
        if (!rc) rc = send_item(run, page->items[i], err);
    }
    while (!rc && run->in_flight) rc = take_answer(run, err);
    return rc;
}

static int next_page(dry_run_t *run, Tc__FindAffected *ask, Tc__Affected **page, err_t *err) {
    reply_t reply;
    size_t bytes;
    ProtobufCMessage *message = NULL;
    arena_reset(run->suite->arena);
    const void *body = message_pack(&ask->base, run->suite->arena, &bytes);
    if (!body) return err_set(err, E_IO, "out of memory");
    const call_t call = {.service = "adjudication",
                         .method = "find_affected",
                         .key = "",
                         .body = body,
                         .body_bytes = bytes,
                         .deadline_ms = DEADLINE_MS};
    int rc = client_call(run->suite->client, &call, &reply, err);
    arena_reset(run->page_arena); // the cursor in `ask` was in it, and is packed
    if (!rc)
        rc = message_unpack(&message, &tc__affected__descriptor, reply.body, reply.body_bytes, run->page_arena, err);
    *page = (Tc__Affected *)message;
    return rc;
}

int recompute_dry(suite_t *suite, const Tc__FindAffected *what, const char *hash, const recompute_options_t *options) {
    dry_run_t run = {.suite = suite, .options = options, .hash = hash, .page_arena = arena_new(64 * 1024, 0)};
    Tc__FindAffected ask = *what;
    Tc__Affected *page = NULL;
    err_t err = {0};
    int rc = run.page_arena ? 0 : err_set(&err, E_IO, "out of memory");
    if (options->window > WINDOW_MAX)
        rc = err_field(&err, E_OUT_OF_RANGE, "window", "--window: at most %d", WINDOW_MAX);
    tc__task__init(&run.sums);
    for (bool done = false; !rc && !done;) {
        rc = next_page(&run, &ask, &page, &err);
        if (!rc) rc = run_page(&run, page, &err);
        if (rc) break;
        done = page->done;
        ask.after_partition = page->partition;
        ask.after_person = page->person;
        ask.after_year = page->year;
    }
    if (!rc) {
        tell(options, &run.sums, &run.told_us, true);
        print_sums(&run.sums, options->json);
    }
    arena_destroy(&run.page_arena);
    return rc ? cli_refused(&err, options->json) : run.sums.parked > 0;
}

// ---- for good

void recompute_print_task(const Tc__Task *task) {
    char fund[FEN_TEXT_MAX + 1], own[FEN_TEXT_MAX + 1];
    printf("%lld %s: %s: found %lld, recomputed %lld, changed %lld, parked %lld, new versions %lld, fund %s, own %s\n",
           (long long)task->number, task->state, task->cause, (long long)task->found, (long long)task->recomputed,
           (long long)task->changed, (long long)task->parked, (long long)task->versions,
           signed_fen(task->fund_fen, fund), signed_fen(task->own_fen, own));
    if (task->parked) printf("    parked: %s\n", task->reason);
}

int recompute_follow(suite_t *suite, int64_t number, const recompute_options_t *options) {
    Tc__GetTask ask = TC__GET_TASK__INIT;
    err_t err = {0};
    int64_t told_us = 0;
    ask.number = number;
    for (;;) {
        ProtobufCMessage *reply = NULL;
        arena_reset(suite->arena);
        int rc = suite_call(suite, "adjudication", "get_task", "", &ask.base, &tc__task__descriptor, &reply, &err);
        if (rc) {
            fprintf(stderr, "task %lld goes on; `tongchou tasks` shows it\n", (long long)number);
            return cli_refused(&err, options->json);
        }
        const Tc__Task *task = (const Tc__Task *)reply;
        const bool ended = strcmp(task->state, "open") != 0;
        tell(options, task, &told_us, ended);
        if (ended) {
            print_sums(task, options->json);
            if (task->parked) fprintf(stderr, "parked: %s; `tongchou readjudicate retry` tries again\n", task->reason);
            return task->parked > 0;
        }
        usleep(FOLLOW_US);
    }
}
