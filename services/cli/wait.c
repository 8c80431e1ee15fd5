// tongchou wait: read your own writes across services, for scripts and trials.
#include "wait.h"
#include "common/base/date.h"
#include "envelope.pb-c.h"
#include "readjudication.pb-c.h"
#include <poll.h>
#include <string.h>

static const char *const services[] = {"enrollment", "facility", "collection", "adjudication", "settlement"};

typedef struct picture {
    const Tc__Positions *of[COUNT_OF(services)]; // in the suite's arena
    int64_t sum;                                 // of all heads: tells whether anything moved
} picture_t;

static int take_picture(suite_t *suite, picture_t *picture, err_t *err) {
    *picture = (picture_t){0};
    for (size_t i = 0; i < COUNT_OF(services); i++) {
        Tc__PositionsRequest request = TC__POSITIONS_REQUEST__INIT;
        ProtobufCMessage *reply = NULL;
        int rc =
            suite_call(suite, services[i], "positions", "", &request.base, &tc__positions__descriptor, &reply, err);
        if (rc) return rc;
        picture->of[i] = (const Tc__Positions *)reply;
        for (size_t p = 0; p < picture->of[i]->n_heads; p++) picture->sum += picture->of[i]->heads[p];
    }
    return E_OK;
}

static const Tc__Positions *positions_of(const picture_t *picture, const char *service) {
    for (size_t i = 0; i < COUNT_OF(services); i++)
        if (strcmp(services[i], service) == 0) return picture->of[i];
    return NULL;
}

static int64_t lag(const picture_t *picture, const Tc__Positions__Cursor *cursor) {
    const Tc__Positions *stream = positions_of(picture, cursor->service);
    int64_t events = 0;
    for (size_t p = 0; stream && p < stream->n_heads && p < cursor->n_applied; p++)
        if (stream->heads[p] > cursor->applied[p]) events += stream->heads[p] - cursor->applied[p];
    return events;
}

// The worst laggard in words; false when nobody lags.
static bool laggard(const picture_t *picture, char *text, size_t room) {
    int64_t worst = 0;
    for (size_t i = 0; i < COUNT_OF(services); i++)
        for (size_t c = 0; c < picture->of[i]->n_cursors; c++) {
            const Tc__Positions__Cursor *cursor = picture->of[i]->cursors[c];
            int64_t events = lag(picture, cursor);
            if (events <= worst) continue;
            worst = events;
            snprintf(text, room, "%s is %lld events behind %s%s", services[i], (long long)events, cursor->service,
                     cursor->parked ? ", some held back by a poison event" : "");
        }
    return worst > 0;
}

// What adjudication has still to decide again or to tell; *busy false: nothing. What is parked waits for a person.
static int deciding_again(suite_t *suite, char *text, size_t room, bool *busy, err_t *err) {
    Tc__GetTasks request = TC__GET_TASKS__INIT;
    ProtobufCMessage *reply = NULL;
    int rc = suite_call(suite, "adjudication", "get_tasks", "", &request.base, &tc__tasks__descriptor, &reply, err);
    if (rc) return rc;
    const Tc__Tasks *tasks = (const Tc__Tasks *)reply;
    const int64_t waiting = tasks->queue - tasks->parked;
    *busy = waiting > 0;
    // Task 0 stands for what events bring and is open for good.
    for (size_t i = 0; i < tasks->n_tasks; i++)
        *busy |= tasks->tasks[i]->number > 0 && strcmp(tasks->tasks[i]->state, "open") == 0;
    if (tasks->untold)
        snprintf(text, room, "adjudication has %lld changes of personal accounts to tell", (long long)tasks->untold);
    if (*busy)
        snprintf(text, room, "adjudication has the bills of %lld persons and years to decide again",
                 (long long)waiting);
    *busy |= tasks->untold > 0;
    return E_OK;
}

int wait_caught_up(suite_t *suite, int64_t timeout_s, err_t *err) {
    int64_t until_ms = clock_now_ms() + timeout_s * 1000, before = -1;
    char behind[160] = "";
    for (;;) {
        picture_t picture;
        arena_reset(suite->arena);
        if (take_picture(suite, &picture, err)) return err->code;
        bool lags = laggard(&picture, behind, sizeof behind);
        if (!lags && deciding_again(suite, behind, sizeof behind, &lags, err)) return err->code;
        if (!lags && picture.sum == before) return E_OK;
        if (clock_now_ms() > until_ms)
            return err_set(err, E_TIMEOUT, "after %lld s: %s", (long long)timeout_s,
                           lags ? behind : "events keep coming");
        before = lags ? -1 : picture.sum;
        poll(NULL, 0, lags ? 50 : 5);
    }
}

static int run(int argc, char **argv, const command_t *self) {
    const char *data = cli_default_data, *as = "admin";
    bool json = false;
    int64_t timeout_s = 60;
    const option_spec_t specs[] = {{.name = "data", .text = &data},
                                   {.name = "as", .text = &as},
                                   {.name = "json", .flag = &json},
                                   {.name = "timeout", .number = &timeout_s}};
    int status = options_parse(argc, argv, self, specs, COUNT_OF(specs), NULL, NULL);
    if (status >= 0) return status;
    suite_t suite;
    if (suite_open(&suite, data, as)) return 2;
    err_t err = {0};
    status = wait_caught_up(&suite, timeout_s, &err) ? cli_refused(&err, json) : 0;
    if (!status && json) puts("{\"caught_up\":true}");
    suite_close(&suite);
    return status;
}

const command_t command_wait = {.name = "wait",
                                .summary = "wait until every service has taken in what the others told it",
                                .run = run,
                                .help =
                                    "usage: tongchou wait [--timeout SECONDS] [--json] [--data DIR]\n\n"
                                    "Also waits until bills that a change of the past concerns have been decided "
                                    "again.\nExit 1 and the name of the laggard after the timeout (default 60 s).\n"};
