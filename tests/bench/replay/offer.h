// Hospitals that send a plan: one connection each, many calls in flight. Every answer is held against the plan at once.
// A call whose deadline passes is counted, asked about with get_status, and sent again under the same id until an
// answer is known; what get_status said must be true.
#pragma once
#include "plan.h"

enum { OFFER_HOSPITALS_MAX = 32, OFFER_TRIES_MAX = 200, OFFER_TELL_MAX = 10 };

typedef struct offer_conf {
    const client_conf_t *client;
    int64_t window;      // calls in flight of one hospital
    int64_t deadline_ms; // of one call
    int64_t rate;        // operations per second of all; 0: as fast as the windows allow
    // Called now and then while calls are under way; NULL: never.
    void (*meanwhile)(void *self);
    void *self;
} offer_conf_t;

typedef struct offer_result {
    int64_t us;
    int64_t sent, answered, repeated;       // calls; `repeated`: sent again after a deadline had passed
    int64_t by_code[64];                    // final answers
    int64_t late, done_after_all, not_done; // deadlines that passed without an answer; and what get_status said then
    int64_t attempts;                       // over all calls, as the client counts
    int64_t past_deadline_us;               // the longest that a call took beyond its deadline
    int64_t unlawful, unlike;               // answers that the plan does not allow; repeated ids with another answer
    int64_t status_lied;                    // get_status said done, and the answer was another
    int64_t p50_us, p99_us, max_us;         // from the first sending to the answer
} offer_result_t;

// 0 when every operation has an answer; what was wrong with answers stands in `out`.
int offer(plan_t *plan, const offer_conf_t *conf, offer_result_t *out, err_t *err) MUST_USE;
