// Set-based throughout; one transaction a page of a scan, one a handful of answers.
#include "recompute_queue.h"
#include "common/base/hash.h"
#include "common/wire/message.h"
#include "textmap.h"
#include <stdio.h>
#include <string.h>

enum { PAUSE_FIRST_MS = 1000, PAUSE_MAX_MS = 60000, TASKS_MAX = 500 };
#define PARKED_MS INT64_MAX // due_ms of what is parked

static int no_memory(err_t *err) { return err_set(err, E_IO, "out of memory"); }

recompute_next_t recompute_after(int code, int tries, int64_t now_ms, int64_t *due_ms) {
    if (code == E_OK) return RECOMPUTE_DONE;
    if (!err_may_retry(code)) return RECOMPUTE_PARK;
    const int64_t pause_ms = tries >= 6 ? PAUSE_MAX_MS : (int64_t)PAUSE_FIRST_MS << (tries < 0 ? 0 : tries);
    *due_ms = now_ms + (pause_ms < PAUSE_MAX_MS ? pause_ms : PAUSE_MAX_MS);
    return RECOMPUTE_LATER;
}

// ---- what waits

static int64_t new_ticket(void) {
    uint64_t dice;
    random_bytes(&dice, sizeof dice);
    return (int64_t)(dice >> 1);
}

static int add_item(rows_t *rows, int64_t task, const char *cause, const char *person, int64_t year, int64_t now_ms,
                    int64_t due_ms, err_t *err) {
    cell_t *row = rows_add(rows);
    if (!row) return no_memory(err);
    row[0] = cell_i64(task);
    row[1] = cell_i64(partition_of(person));
    row[2] = cell_text(person);
    row[3] = cell_i64(year);
    row[4] = cell_i64(new_ticket());
    row[5] = cell_text(cause);
    row[6] = cell_i64(now_ms);
    row[7] = cell_i64(due_ms);
    row[8] = cell_i64(0);
    row[9] = cell_text("");
    return 0;
}

int recompute_enqueue(store_t *store, int64_t task, const char *cause, const rows_t *items, int64_t now_ms,
                      int64_t due_ms, arena_t *arena, err_t *err) {
    textmap_t seen;
    rows_t rows;
    if (items->count == 0) return 0;
    if (textmap_init(&seen, arena, items->count)) return no_memory(err);
    rows_init(&rows, arena, 10);
    for (size_t i = 0; i < items->count; i++) {
        const char *person = row_text(items, i, 0);
        const int64_t year = row_i64(items, i, 1);
        void **place = textmap_place(&seen, person, year);
        if (*place) continue;
        *place = (void *)person;
        int rc = add_item(&rows, task, cause, person, year, now_ms, due_ms, err);
        if (rc) return rc;
    }
    return store_put(store, "recompute_queue",
                     "task, partition, person, year, ticket, cause, since_ms, due_ms, tries, reason",
                     "task, partition, person, year", &rows, err);
}

int recompute_ask(store_t *store, const char *cause, const rows_t *items, int64_t now_ms, arena_t *arena, err_t *err) {
    if (items->count == 0) return 0;
    int rc = store_begin(store, err);
    if (rc) return rc;
    rc = recompute_enqueue(store, RECOMPUTE_TASK_ENTITLEMENTS, cause, items, now_ms, now_ms, arena, err);
    if (!rc) return store_commit(store, err);
    store_rollback(store);
    return rc;
}

int recompute_due(store_t *store, int64_t now_ms, int limit, arena_t *arena, recompute_item_t *out, int *count,
                  err_t *err) {
    cell_t params[] = {cell_i64(now_ms), cell_i64(limit)};
    rows_t rows;
    *count = 0;
    int rc = store_query(store,
                         "SELECT task, person, year, ticket, tries, cause FROM recompute_queue WHERE due_ms <= $1"
                         " ORDER BY due_ms LIMIT $2",
                         params, COUNT_OF(params), arena, &rows, err);
    for (size_t i = 0; !rc && i < rows.count; i++) {
        recompute_item_t *item = &out[(*count)++];
        *item = (recompute_item_t){.task = row_i64(&rows, i, 0),
                                   .ticket = row_i64(&rows, i, 3),
                                   .year = (int)row_i64(&rows, i, 2),
                                   .tries = (int)row_i64(&rows, i, 4)};
        snprintf(item->person, sizeof item->person, "%s", row_text(&rows, i, 1));
        snprintf(item->cause, sizeof item->cause, "%s", row_text(&rows, i, 5));
    }
    return rc;
}

// Which of the outcomes' items still stand in the queue: an item that is gone was booked by somebody else.
static int find_standing(store_t *store, const recompute_outcome_t *outcomes, size_t count, bool *stands,
                         arena_t *arena, err_t *err) {
    rows_t keys, found;
    rows_init(&keys, arena, 4);
    for (size_t i = 0; i < count; i++) {
        const recompute_item_t *item = &outcomes[i].item;
        cell_t *key = rows_add(&keys);
        if (!key) return no_memory(err);
        key[0] = cell_i64(item->task);
        key[1] = cell_i64(partition_of(item->person));
        key[2] = cell_text(item->person);
        key[3] = cell_i64(item->year);
        stands[i] = false;
    }
    int rc = store_each_query(store,
                              "SELECT ticket FROM recompute_queue WHERE task = $1 AND partition = $2 AND person = $3"
                              " AND year = $4 LIMIT 1",
                              &keys, arena, &found, err);
    for (size_t i = 0; !rc && i < found.count; i++) stands[row_i64(&found, i, 0)] = true;
    return rc;
}

static int add_key(rows_t *rows, const recompute_item_t *item, cell_t **row, err_t *err) {
    if (!(*row = rows_add(rows))) return no_memory(err);
    (*row)[0] = cell_i64(item->task);
    (*row)[1] = cell_i64(partition_of(item->person));
    (*row)[2] = cell_text(item->person);
    (*row)[3] = cell_i64(item->year);
    (*row)[4] = cell_i64(item->ticket);
    return 0;
}

static int move_items(store_t *store, const recompute_outcome_t *outcomes, size_t count, int64_t now_ms, arena_t *arena,
                      err_t *err) {
    rows_t done, later;
    int rc = 0;
    rows_init(&done, arena, 5);
    rows_init(&later, arena, 8);
    for (size_t i = 0; !rc && i < count; i++) {
        const recompute_item_t *item = &outcomes[i].item;
        int64_t due_ms = PARKED_MS;
        const recompute_next_t next = recompute_after(outcomes[i].code, item->tries, now_ms, &due_ms);
        cell_t *row;
        rc = add_key(next == RECOMPUTE_DONE ? &done : &later, item, &row, err);
        if (rc || next == RECOMPUTE_DONE) continue;
        row[5] = cell_i64(due_ms);
        row[6] = cell_i64(item->tries + 1);
        row[7] = cell_text(next == RECOMPUTE_PARK ? outcomes[i].reason : "");
    }
#define THIS_ONE " WHERE task = $1 AND partition = $2 AND person = $3 AND year = $4 AND ticket = $5"
    if (!rc && done.count) rc = store_each_exec(store, "DELETE FROM recompute_queue" THIS_ONE, &done, err);
    if (!rc && later.count)
        rc = store_each_exec(store, "UPDATE recompute_queue SET due_ms = $6, tries = $7, reason = $8" THIS_ONE, &later,
                             err);
    return rc;
#undef THIS_ONE
}

enum {
    SUM_TASK,
    SUM_RECOMPUTED,
    SUM_CHANGED,
    SUM_BILLS,
    SUM_VERSIONS,
    SUM_FUND,
    SUM_OWN,
    SUM_GAINERS,
    SUM_LOSERS,
    SUMS
};

static void add_sums(cell_t *sums, const recompute_outcome_t *outcome) {
    sums[SUM_RECOMPUTED].i64 += 1;
    sums[SUM_CHANGED].i64 += outcome->versions > 0;
    sums[SUM_BILLS].i64 += outcome->bills;
    sums[SUM_VERSIONS].i64 += outcome->versions;
    sums[SUM_FUND].i64 += outcome->fund_fen;
    sums[SUM_OWN].i64 += outcome->own_fen;
    sums[SUM_GAINERS].i64 += outcome->own_fen < 0;
    sums[SUM_LOSERS].i64 += outcome->own_fen > 0;
}

static cell_t *sums_of(rows_t *sums, int64_t task) {
    for (size_t i = 0; i < sums->count; i++)
        if (rows_at(sums, i)[SUM_TASK].i64 == task) return rows_at(sums, i);
    cell_t *row = rows_add(sums);
    for (size_t i = 0; row && i < SUMS; i++) row[i] = cell_i64(i == SUM_TASK ? task : 0);
    return row;
}

static int count_items(store_t *store, const recompute_outcome_t *outcomes, const bool *stands, size_t count,
                       arena_t *arena, err_t *err) {
    rows_t sums;
    rows_init(&sums, arena, SUMS);
    for (size_t i = 0; i < count; i++) {
        if (!stands[i] || outcomes[i].code != E_OK) continue;
        cell_t *row = sums_of(&sums, outcomes[i].item.task);
        if (!row) return no_memory(err);
        add_sums(row, &outcomes[i]);
    }
    if (sums.count == 0) return 0;
    return store_each_exec(store,
                           "UPDATE recompute_task SET recomputed = recomputed + $2, changed = changed + $3,"
                           " bills = bills + $4, versions = versions + $5, fund_fen = fund_fen + $6,"
                           " own_fen = own_fen + $7, gainers = gainers + $8, losers = losers + $9 WHERE number = $1",
                           &sums, err);
}

static int tell_reasons(store_t *store, const recompute_outcome_t *outcomes, size_t count, arena_t *arena, err_t *err) {
    rows_t rows;
    rows_init(&rows, arena, 2);
    for (size_t i = 0; i < count; i++) {
        int64_t ignored;
        if (recompute_after(outcomes[i].code, 0, 0, &ignored) != RECOMPUTE_PARK) continue;
        cell_t *row = rows_add(&rows);
        if (!row) return no_memory(err);
        row[0] = cell_i64(outcomes[i].item.task);
        row[1] = cell_text(outcomes[i].reason);
    }
    if (rows.count == 0) return 0;
    return store_each_exec(store, "UPDATE recompute_task SET reason = $2 WHERE number = $1", &rows, err);
}

int recompute_book(store_t *store, const recompute_outcome_t *outcomes, size_t count, int64_t now_ms, arena_t *arena,
                   err_t *err) {
    bool *stands = arena_alloc(arena, (count + 1) * sizeof *stands);
    if (!stands) return no_memory(err);
    int rc = store_begin(store, err);
    if (rc) return rc;
    rc = find_standing(store, outcomes, count, stands, arena, err);
    if (!rc) rc = move_items(store, outcomes, count, now_ms, arena, err);
    if (!rc) rc = count_items(store, outcomes, stands, count, arena, err);
    if (!rc) rc = tell_reasons(store, outcomes, count, arena, err);
    if (!rc) return store_commit(store, err);
    store_rollback(store);
    return rc;
}

int recompute_retry(store_t *store, int64_t task, int64_t now_ms, arena_t *arena, int64_t *items, err_t *err) {
    cell_t params[] = {cell_i64(now_ms), cell_i64(task)};
    rows_t rows;
    int rc = store_query(store, "SELECT COUNT(*) FROM recompute_queue WHERE reason <> '' AND ($1 < 0 OR task = $1)",
                         params + 1, 1, arena, &rows, err);
    if (rc) return rc;
    *items = row_i64(&rows, 0, 0);
    rc = store_exec(store,
                    "UPDATE recompute_queue SET reason = '', tries = 0, due_ms = $1"
                    " WHERE reason <> '' AND ($2 < 0 OR task = $2)",
                    params, COUNT_OF(params), err);
    if (!rc)
        rc = store_exec(store,
                        "UPDATE recompute_task SET state = 'open', ended_ms = 0, reason = ''"
                        " WHERE state = 'parked' AND ($1 < 0 OR number = $1)",
                        params + 1, 1, err);
    return rc;
}

int recompute_waiting(store_t *store, arena_t *arena, int64_t *waiting, int64_t *parked, err_t *err) {
    rows_t rows;
    int rc = store_query(store, "SELECT COUNT(*), COUNT(CASE WHEN reason <> '' THEN 1 END) FROM recompute_queue", NULL,
                         0, arena, &rows, err);
    if (rc) return rc;
    *parked = row_i64(&rows, 0, 1);
    *waiting = row_i64(&rows, 0, 0) - *parked;
    return 0;
}

// ---- tasks

int task_add(store_t *store, const Tc__FindAffected *selection, const char *cause, bool quiet, int64_t now_ms,
             int64_t start_ms, arena_t *arena, int64_t *number, err_t *err) {
    size_t bytes;
    const void *packed = message_pack(&selection->base, arena, &bytes);
    if (!packed) return no_memory(err);
    cell_t params[] = {cell_text(cause), cell_blob(packed, bytes), cell_i64(quiet), cell_i64(start_ms),
                       cell_i64(now_ms)};
    rows_t rows;
    int rc = store_query(store,
                         "INSERT INTO recompute_task SELECT MAX(number) + 1, $1, $2, $3, 'open', $4, 0, -1, '', 0, 0,"
                         " 0, 0, 0, 0, 0, 0, 0, 0, '', $5, 0 FROM recompute_task RETURNING number",
                         params, COUNT_OF(params), arena, &rows, err);
    if (rc) return rc;
    *number = row_i64(&rows, 0, 0);
    return 0;
}

int task_to_scan(store_t *store, int64_t now_ms, arena_t *arena, recompute_task_t *out, err_t *err) {
    cell_t params[] = {cell_i64(now_ms)};
    rows_t rows;
    size_t bytes;
    ProtobufCMessage *message;
    *out = (recompute_task_t){0};
    int rc = store_query(store,
                         "SELECT number, cause, selection, after_partition, after_person, after_year, found"
                         " FROM recompute_task WHERE state = 'open' AND scanned = 0 AND start_ms <= $1"
                         " ORDER BY number LIMIT 1",
                         params, 1, arena, &rows, err);
    if (rc || rows.count == 0) return rc;
    const void *packed = row_blob(&rows, 0, 2, &bytes);
    rc = message_unpack(&message, &tc__find_affected__descriptor, packed, bytes, arena, err);
    if (rc) return rc;
    Tc__FindAffected *selection = (Tc__FindAffected *)message;
    selection->after_partition = (int32_t)row_i64(&rows, 0, 3);
    selection->after_person = (char *)row_text(&rows, 0, 4);
    selection->after_year = (int32_t)row_i64(&rows, 0, 5);
    *out = (recompute_task_t){row_i64(&rows, 0, 0), row_text(&rows, 0, 1), selection, row_i64(&rows, 0, 6)};
    return 0;
}

int task_move(store_t *store, const recompute_task_t *task, const Tc__Affected *page, int64_t found, err_t *err) {
    const Tc__FindAffected *from = task->selection;
    cell_t params[] = {cell_i64(task->number),          cell_i64(page->done),          cell_i64(page->partition),
                       cell_text(page->person),         cell_i64(page->year),          cell_i64(found),
                       cell_i64(from->after_partition), cell_text(from->after_person), cell_i64(from->after_year)};
    return store_exec(store,
                      "UPDATE recompute_task SET scanned = $2, after_partition = $3, after_person = $4,"
                      " after_year = $5, found = found + $6 WHERE number = $1 AND scanned = 0"
                      " AND after_partition = $7 AND after_person = $8 AND after_year = $9",
                      params, COUNT_OF(params), err);
}

int tasks_end(store_t *store, int64_t now_ms, err_t *err) {
    cell_t params[] = {cell_i64(now_ms)};
#define OF_TASK "(SELECT 1 FROM recompute_queue q WHERE q.task = recompute_task.number"
    int rc = store_exec(store,
                        "UPDATE recompute_task SET ended_ms = $1, state = CASE WHEN EXISTS " OF_TASK
                        ") THEN 'parked' ELSE 'done' END WHERE number > 0 AND state = 'open' AND scanned = 1"
                        " AND NOT EXISTS " OF_TASK " AND q.reason = '')",
                        params, 1, err);
#undef OF_TASK
    if (rc) return rc;
    return store_exec(store, "DELETE FROM recompute_task WHERE state = 'done' AND quiet = 1 AND found = 0", NULL, 0,
                      err);
}

#define TASK_COLUMNS                                                                                                   \
    "number, cause, state, found, recomputed, changed, bills, versions, fund_fen, own_fen, gainers, losers, reason,"   \
    " since_ms, ended_ms, (SELECT COUNT(*) FROM recompute_queue q WHERE q.task = recompute_task.number"                \
    " AND q.reason <> '')"

static Tc__Task *read_task(const rows_t *rows, size_t at, arena_t *arena) {
    Tc__Task *task = arena_alloc(arena, sizeof *task);
    if (!task) return NULL;
    tc__task__init(task);
    task->number = row_i64(rows, at, 0);
    task->cause = (char *)row_text(rows, at, 1);
    task->state = (char *)row_text(rows, at, 2);
    task->found = row_i64(rows, at, 3);
    task->recomputed = row_i64(rows, at, 4);
    task->changed = row_i64(rows, at, 5);
    task->bills = row_i64(rows, at, 6);
    task->versions = row_i64(rows, at, 7);
    task->fund_fen = row_i64(rows, at, 8);
    task->own_fen = row_i64(rows, at, 9);
    task->gainers = row_i64(rows, at, 10);
    task->losers = row_i64(rows, at, 11);
    task->reason = (char *)row_text(rows, at, 12);
    task->since_ms = row_i64(rows, at, 13);
    task->ended_ms = row_i64(rows, at, 14);
    task->parked = row_i64(rows, at, 15);
    return task;
}

int tasks_list(store_t *store, arena_t *arena, Tc__Tasks **out, err_t *err) {
    cell_t params[] = {cell_i64(TASKS_MAX)};
    rows_t rows;
    int rc = store_query(store,
                         "SELECT " TASK_COLUMNS " FROM recompute_task WHERE state <> 'done'"
                         " OR number > (SELECT MAX(number) - 100 FROM recompute_task) ORDER BY number DESC LIMIT $1",
                         params, 1, arena, &rows, err);
    if (rc) return rc;
    Tc__Tasks *tasks = *out = arena_alloc(arena, sizeof *tasks);
    if (!tasks) return no_memory(err);
    tc__tasks__init(tasks);
    tasks->tasks = arena_alloc(arena, (rows.count + 1) * sizeof *tasks->tasks);
    for (size_t i = 0; tasks->tasks && i < rows.count; i++)
        if (!(tasks->tasks[tasks->n_tasks++] = read_task(&rows, i, arena))) return no_memory(err);
    return tasks->tasks ? recompute_waiting(store, arena, &tasks->queue, &tasks->parked, err) : no_memory(err);
}

int task_get(store_t *store, int64_t number, arena_t *arena, Tc__Task **out, err_t *err) {
    cell_t params[] = {cell_i64(number)};
    rows_t rows;
    int rc = store_query(store, "SELECT " TASK_COLUMNS " FROM recompute_task WHERE number = $1", params, 1, arena,
                         &rows, err);
    if (rc) return rc;
    if (rows.count == 0) return err_field(err, E_NOT_FOUND, "number", "there is no task %lld", (long long)number);
    return (*out = read_task(&rows, 0, arena)) ? 0 : no_memory(err);
}
