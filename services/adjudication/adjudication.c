// Construction, metrics and the small things every part of a turn uses.
#include "adjudication.h"
#include "ahead.h"
#include "paying.h"
#include <stdio.h>
#include <stdlib.h>

static void make_metrics(adjudication_metrics_t *metrics) {
    static const char *const labels[STAGE__COUNT] = {"stage=\"decode\"", "stage=\"lookup\"", "stage=\"cache\"",
                                                     "stage=\"core\"",   "stage=\"store\"",  "stage=\"reply\""};
    for (int i = 0; i < STAGE__COUNT; i++)
        metrics->stages[i] =
            metric_histogram("adjudication_stage_seconds", labels[i], "time of one stage of a settle turn");
    metrics->heads_hit =
        metric_counter("adjudication_heads_total", "from=\"memory\"", "heads of chains, by where found");
    metrics->heads_read =
        metric_counter("adjudication_heads_total", "from=\"store\"", "heads of chains, by where found");
    metrics->races = metric_counter("adjudication_races_total", "", "turns refused by a key and decided again");
    metrics->settled = metric_counter("adjudication_bills_total", "outcome=\"settled\"", "bills by outcome of settle");
    metrics->repeated =
        metric_counter("adjudication_bills_total", "outcome=\"repeated\"", "bills by outcome of settle");
    metrics->reversed =
        metric_counter("adjudication_bills_total", "outcome=\"reversed\"", "bills by outcome of settle");
    metrics->recomputed =
        metric_counter("adjudication_bills_total", "outcome=\"recomputed\"", "bills by outcome of settle");
    metrics->prepared = metric_counter("adjudication_batches_prepared_total", "",
                                       "batches prepared while the store worked on the rows of the one before");
    metrics->visit_reads =
        metric_counter("adjudication_visit_reads_total", "", "queries for registered visits and for their lines");
    metrics->courses_read =
        metric_counter("adjudication_courses_read_total", "", "chains read whole, for a change before their end");
    for (int code = 0; code < E__COUNT; code++) {
        char label[64];
        snprintf(label, sizeof label, "outcome=\"refused\",code=\"%s\"", err_name(code));
        metrics->refused[code] = metric_counter("adjudication_bills_total", label, "bills by outcome of settle");
    }
    results_make(&metrics->results);
}

int adjudication_new(adjudication_t **out, policy_t **policy, err_t *err) {
    adjudication_t *made = calloc(1, sizeof *made);
    if (!made) return err_set(err, E_IO, "out of memory");
    make_metrics(&made->metrics);
    made->facilities = facilities_new();
    made->catalogues = catalogues_new();
    made->heads = heads_new(ADJUDICATION_HEADS);
    made->memo = benefit_memo_new();
    made->paying = paying_new(made);
    if (made->facilities && made->catalogues && made->heads && made->memo && made->paying)
        made->policies = policies_new(policy);
    if (!made->policies) {
        adjudication_destroy(&made);
        return err_set(err, E_IO, "out of memory");
    }
    made->payments = &made->paying->port;
    made->lines_ahead = ADJUDICATION_LINES_AHEAD;
    *out = made;
    return 0;
}

void adjudication_destroy(adjudication_t **adjudication) {
    adjudication_t *it = *adjudication;
    if (!it) return;
    commands_destroy(&it->commands);
    paying_destroy(&it->paying);
    ahead_destroy(&it->ahead);
    free(it->handled);
    policies_destroy(&it->policies);
    benefit_memo_destroy(&it->memo);
    heads_destroy(&it->heads);
    catalogues_destroy(&it->catalogues);
    facilities_destroy(&it->facilities);
    free(it);
    *adjudication = NULL;
}

void stage_done(adjudication_t *adjudication, stage_t stage, int64_t *from_us) {
    int64_t now_us = clock_mono_us();
    metric_observe_us(adjudication->metrics.stages[stage], now_us - *from_us);
    *from_us = now_us;
}

void adjudication_reply(adjudication_t *adjudication, const request_t *request, const void *body, size_t bytes) {
    adjudication->ports.reply(adjudication->ports.self, request, E_OK, NULL, body, bytes);
    results_count(&adjudication->metrics.results, E_OK);
}

// What the database says of itself (addresses, constraints) is for the log.
void adjudication_refuse(adjudication_t *adjudication, const request_t *request, int code, const err_t *err) {
    err_t told = {0};
    if (code == E_STORE) {
        err_set(&told, E_STORE, "the database failed; ask again with the same request id");
        err = &told;
    }
    adjudication->ports.reply(adjudication->ports.self, request, code, err, NULL, 0);
    results_count(&adjudication->metrics.results, code);
}
