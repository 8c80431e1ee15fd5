// The persons and years that wait to be recomputed, and the tasks that put them there. What is in the table is to be
// done, however often somebody dies; what was done is taken out. A person and year stands once per task: put again, it
// gets a new ticket, and who works on the old one does not take it out.
#pragma once
#include "common/store/store.h"
#include "readjudication.pb-c.h"

// Task 0 collects what changes of entitlements bring; it never ends.
#define RECOMPUTE_TABLES_SQL                                                                                           \
    "CREATE TABLE recompute_queue (task BIGINT NOT NULL, partition BIGINT NOT NULL, person TEXT NOT NULL,"             \
    " year BIGINT NOT NULL, ticket BIGINT NOT NULL, cause TEXT NOT NULL, since_ms BIGINT NOT NULL,"                    \
    " due_ms BIGINT NOT NULL, tries BIGINT NOT NULL, reason TEXT NOT NULL,"                                            \
    " PRIMARY KEY (task, partition, person, year));"                                                                   \
    "CREATE INDEX recompute_due ON recompute_queue (due_ms);"                                                          \
    "CREATE TABLE recompute_task (number BIGINT NOT NULL PRIMARY KEY, cause TEXT NOT NULL, selection BYTEA NOT NULL,"  \
    " quiet BIGINT NOT NULL, state TEXT NOT NULL, start_ms BIGINT NOT NULL, scanned BIGINT NOT NULL,"                  \
    " after_partition BIGINT NOT NULL, after_person TEXT NOT NULL, after_year BIGINT NOT NULL,"                        \
    " found BIGINT NOT NULL, recomputed BIGINT NOT NULL, changed BIGINT NOT NULL, bills BIGINT NOT NULL,"              \
    " versions BIGINT NOT NULL, fund_fen BIGINT NOT NULL, own_fen BIGINT NOT NULL, gainers BIGINT NOT NULL,"           \
    " losers BIGINT NOT NULL, reason TEXT NOT NULL, since_ms BIGINT NOT NULL, ended_ms BIGINT NOT NULL);"              \
    "INSERT INTO recompute_task VALUES (0, 'changes of entitlements', '', 0, 'open', 0, 1, 0, '', 0, 0, 0, 0, 0, 0,"   \
    " 0, 0, 0, 0, '', 0, 0);"

// A cause is a sentence of a clerk, or one about a sentence of a clerk; whoever recomputes takes 240 bytes of it.
enum {
    RECOMPUTE_TASK_ENTITLEMENTS = 0,
    RECOMPUTE_PERSON_MAX = 64,
    RECOMPUTE_CAUSE_MAX = 200,
    RECOMPUTE_WHOLE_CAUSE_MAX = 240
};
// Whoever recomputes refuses a cause with control characters: it must not come as far as the queue.
static inline bool recompute_cause_fits(const char *text) {
    for (; *text; text++)
        if ((unsigned char)*text < ' ' || *text == 127) return false;
    return true;
}

// ---- what waits

typedef struct recompute_item {
    int64_t task, ticket;
    char person[RECOMPUTE_PERSON_MAX + 1];
    int year, tries;
    char cause[RECOMPUTE_WHOLE_CAUSE_MAX + 1];
} recompute_item_t;

typedef struct recompute_outcome {
    recompute_item_t item;
    int code;         // of the answer
    char reason[300]; // why not
    int64_t bills, versions, fund_fen, own_fen;
} recompute_outcome_t;

typedef enum recompute_next { RECOMPUTE_DONE, RECOMPUTE_LATER, RECOMPUTE_PARK } recompute_next_t;
// What becomes of an item after an answer. Pure. LATER: *due_ms is when; the pause doubles from one second to a minute.
recompute_next_t recompute_after(int code, int tries, int64_t now_ms, int64_t *due_ms);

// Inside a transaction. items: (person, year); a pair may come more than once.
int recompute_enqueue(store_t *store, int64_t task, const char *cause, const rows_t *items, int64_t now_ms,
                      int64_t due_ms, arena_t *arena, err_t *err) MUST_USE;
// The same of task 0, due at once, in a transaction of its own.
int recompute_ask(store_t *store, const char *cause, const rows_t *items, int64_t now_ms, arena_t *arena,
                  err_t *err) MUST_USE;
// Up to `limit` that are due, oldest first.
int recompute_due(store_t *store, int64_t now_ms, int limit, arena_t *arena, recompute_item_t *out, int *count,
                  err_t *err) MUST_USE;
// Book answers in one transaction: take out, put off or park, and add to the tasks' counters.
int recompute_book(store_t *store, const recompute_outcome_t *outcomes, size_t count, int64_t now_ms, arena_t *arena,
                   err_t *err) MUST_USE;
// Try parked ones again (task -1: of all tasks). Inside a transaction.
int recompute_retry(store_t *store, int64_t task, int64_t now_ms, arena_t *arena, int64_t *items, err_t *err) MUST_USE;
int recompute_waiting(store_t *store, arena_t *arena, int64_t *waiting, int64_t *parked, err_t *err) MUST_USE;

// ---- tasks

typedef struct recompute_task {
    int64_t number;
    const char *cause;
    const Tc__FindAffected *selection; // with the cursor: after_partition, after_person, after_year
    int64_t found;
} recompute_task_t;

// Inside a transaction: a new task, its scan to begin at `start_ms`. A quiet one is forgotten if it finds nothing.
// E_RACE when two were made at once.
int task_add(store_t *store, const Tc__FindAffected *selection, const char *cause, bool quiet, int64_t now_ms,
             int64_t start_ms, arena_t *arena, int64_t *number, err_t *err) MUST_USE;
// The oldest task whose scan is not at its end; number 0: none.
int task_to_scan(store_t *store, int64_t now_ms, arena_t *arena, recompute_task_t *out, err_t *err) MUST_USE;
// Inside a transaction: the scan went on from the cursor in `task` to that of `page`, and found `found` more. Does
// nothing when another has moved the cursor meanwhile.
int task_move(store_t *store, const recompute_task_t *task, const Tc__Affected *page, int64_t found,
              err_t *err) MUST_USE;
// End what is scanned and has nothing waiting.
int tasks_end(store_t *store, int64_t now_ms, err_t *err) MUST_USE;
// Open and parked ones and the last hundred, newest first.
int tasks_list(store_t *store, arena_t *arena, Tc__Tasks **out, err_t *err) MUST_USE;
int task_get(store_t *store, int64_t number, arena_t *arena, Tc__Task **out, err_t *err) MUST_USE; // E_NOT_FOUND
