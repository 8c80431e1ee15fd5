// Replays a synthetic year (year.py) through a running suite, on request under faults, and says what came of it: how
// much was offered and accepted, how long it took, and whether every answer was lawful, every acknowledged one is there
// and none is there twice. The bills that stand are written for compare.py. Exit status 1 when anything is wrong.
#include "faults.h"
#include "offer.h"
#include "read_back.h"
#include "common/base/money.h"
#include <errno.h>
#include <string.h>

// On a machine that is busy a client may look at its clock late.
enum { PATIENCE_US = 5 * 1000 * 1000 };

typedef struct replay {
    const char *data, *as, *plan_path, *standing_path;
    int64_t year;
    plan_t plan;
    offer_conf_t offer;
    faults_conf_t faults;
} replay_t;

static const command_t self = {
    .name = "replay_bench",
    .summary = "a synthetic year through a running suite",
    .help = "usage: replay_bench --plan FILE --standing FILE [--data DIR] [--as NAME] [--year Y] [--window N]\n"
            "                    [--deadline MS] [--rate N] [--faults-every MS --seed N --bin DIR\n"
            "                    [--restart-store COMMAND] [--release COMMAND]]\n"};

static void print_offer(const offer_result_t *o, size_t count) {
    const int64_t accepted = o->by_code[E_OK], conflicts = o->by_code[E_CONFLICT];
    printf("replayed %zu operations in %.1f s (%.0f/s): accepted %lld, conflicts %lld, known under another id or "
           "reversed already %lld, reversed before they came %lld\n",
           count, (double)o->us / 1e6, (double)count * 1e6 / (double)o->us, (long long)accepted, (long long)conflicts,
           (long long)o->by_code[E_EXISTS], (long long)o->by_code[E_REVERSED]);
    printf("latency p50 %.2f ms, p99 %.2f ms, max %.2f ms, from the first sending to the answer; deadlines passed %lld "
           "(done after all %lld, not done %lld), the longest call ended %.0f ms after its deadline\n",
           (double)o->p50_us / 1e3, (double)o->p99_us / 1e3, (double)o->max_us / 1e3, (long long)o->late,
           (long long)o->done_after_all, (long long)o->not_done,
           o->past_deadline_us > 0 ? (double)o->past_deadline_us / 1e3 : 0);
    printf("answers that the plan does not allow %lld, repeated ids with another answer %lld, status that was wrong "
           "%lld\n",
           (long long)o->unlawful, (long long)o->unlike, (long long)o->status_lied);
}

static void print_back(const read_back_t *b) {
    char fund[FEN_TEXT_MAX], own[FEN_TEXT_MAX];
    printf("kept: %lld bills stand (fund %s, own %s), %lld reversed, %lld reversed before they came, %lld versions of "
           "those "
           "decided more than once; lost %lld, twice %lld, "
           "unasked %lld\n",
           (long long)b->stands, fen_format(b->fund_fen, fund), fen_format(b->own_fen, own), (long long)b->reversed,
           (long long)b->tombstones, (long long)b->versions, (long long)b->lost, (long long)b->twice,
           (long long)b->unasked);
}

static int send_all(replay_t *replay, suite_t *suite, bool *right, err_t *err) {
    static faults_t faults;
    offer_result_t result;
    replay->offer.client = &suite->client_conf;
    if (replay->faults.every_ms) {
        faults_begin(&faults, &replay->faults, suite->conf);
        replay->offer.meanwhile = faults_turn;
        replay->offer.self = &faults;
    }
    int rc = offer(&replay->plan, &replay->offer, &result, err);
    if (replay->faults.every_ms) {
        faults_end(&faults);
        faults_print(&faults, stdout);
    }
    if (rc) return rc;
    print_offer(&result, replay->plan.count);
    *right = !result.unlawful && !result.unlike && !result.status_lied && result.past_deadline_us < PATIENCE_US;
    return 0;
}

static int read_all(replay_t *replay, suite_t *suite, bool *right, err_t *err) {
    read_back_t result;
    FILE *standing = fopen(replay->standing_path, "w");
    if (!standing) return err_set(err, E_IO, "cannot write %s: %s", replay->standing_path, strerror(errno));
    int rc = read_back(&replay->plan, suite, (int)replay->year, standing, &result, err);
    if (fclose(standing) && !rc) rc = err_set(err, E_IO, "cannot write %s", replay->standing_path);
    if (rc) return rc;
    print_back(&result);
    *right &= !result.lost && !result.twice && !result.unasked;
    return 0;
}

int main(int argc, char **argv) {
    static replay_t r = {.data = "data", .as = "hospital", .year = 2018, .offer = {.window = 64, .deadline_ms = 60000}};
    const option_spec_t specs[] = {{.name = "data", .text = &r.data},
                                   {.name = "as", .text = &r.as},
                                   {.name = "plan", .text = &r.plan_path},
                                   {.name = "standing", .text = &r.standing_path},
                                   {.name = "year", .number = &r.year},
                                   {.name = "window", .number = &r.offer.window},
                                   {.name = "deadline", .number = &r.offer.deadline_ms},
                                   {.name = "rate", .number = &r.offer.rate},
                                   {.name = "seed", .number = &r.faults.seed},
                                   {.name = "faults-every", .number = &r.faults.every_ms},
                                   {.name = "bin", .text = &r.faults.bin},
                                   {.name = "restart-store", .text = &r.faults.store_restart},
                                   {.name = "release", .text = &r.faults.release},
                                   {.name = "quiet", .flag = &r.faults.quiet}};
    suite_t hospitals, clerk;
    bool right = false;
    err_t err = {0};
    int status = options_parse(argc, argv, &self, specs, COUNT_OF(specs), NULL, NULL);
    if (status >= 0) return status;
    if (!r.plan_path || !r.standing_path || !r.offer.window || r.offer.window > 1024 ||
        (r.faults.every_ms && !r.faults.bin)) {
        fprintf(stderr, "%s", self.help);
        return 2;
    }
    r.faults.dir = r.data;
    if (suite_open(&hospitals, r.data, r.as)) return 2;
    int rc = plan_read(&r.plan, r.plan_path, &err);
    if (!rc) rc = send_all(&r, &hospitals, &right, &err);
    suite_close(&hospitals);
    if (!rc && suite_open(&clerk, r.data, "admin") == 0) {
        rc = read_all(&r, &clerk, &right, &err);
        suite_close(&clerk);
    }
    plan_release(&r.plan);
    if (rc) fprintf(stderr, "replay_bench: %s %s\n", err_name(rc), err.text);
    return rc ? 2 : right ? 0 : 1;
}
