// The settlement service: the ledger behind two consumers, and what it answers.
#pragma once
#include "agency.h"
#include "common/base/calendar.h"
#include "common/daemon/service.h"
#include "common/policy/policy.h"
#include "poster.h"

typedef struct settlement {
    service_ctx_t *ctx;
    writer_t *writer; // own, as is the poster
    poster_t *poster;
    poster_source_t adjudication, collection;
    policy_t *policy;     // own; NULL: no city is configured, the ledger knows one fund "" and one account `treasury`
    agency_door_t *door;  // own; NULL: agency.bind says nothing
    calendar_t *calendar; // own; NULL: no calendar was found, days of flows that need one are not known
    seal_key_t *key;      // own; NULL: days are not sealed
    date_t sealed_until;  // days before this one were looked at
    struct {              // when the fund's calendar is looked at next (tasks.h)
        int64_t next_ms;
        date_t day;
        bool more;
    } tasks;
    struct {               // the lines of statements (dues_lines.h)
        int64_t next_ms;   // when they are read on
        int64_t looked_ms; // when entries were counted last, and how many
        int64_t entries;
    } dues;
} settlement_t;

extern const service_t settlement_service;
// Everything but the consumers, for use without a process; without a policy and a calendar.
int settlement_new(settlement_t **out, service_ctx_t *ctx, err_t *err) MUST_USE;
// Take over a policy and a calendar (either may be NULL), also when it fails; before the first event is posted.
int settlement_set_law(settlement_t *settlement, policy_t *policy, calendar_t *calendar, err_t *err) MUST_USE;
void settlement_destroy(settlement_t **settlement);
