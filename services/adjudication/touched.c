#include "touched.h"
#include "collection.pb-c.h"
#include "common/base/hash.h"
#include "common/wire/message.h"
#include "facilities.h"
#include "recompute_queue.h"
#include "textmap.h"
#include <stdlib.h>
#include <string.h>

enum { YEARS_MAX = 300, TOLD_WITHIN_MS = 3600 * 1000 };

static int no_memory(err_t *err) { return err_set(err, E_IO, "out of memory"); }

// ---- entitlements

// The years before the month of the change are told by the event. In that month itself only bills that were decided in
// it can have seen another state: those are known by the time of their row. What changed just before midnight is told
// after it: the month is that of an hour ago, and at New Year the year as well.
static int add_person(rows_t *keys, const Tc__Entitlement *state, int64_t at_ms, err_t *err) {
    month_t from, until;
    const date_t day = date_of_ms(at_ms), changed = date_of_ms(at_ms - TOLD_WITHIN_MS);
    const date_t first = month_first(month_of(changed));
    const bool past = *state->touched_from;
    if (past && month_parse(state->touched_from, &from))
        return err_field(err, E_INVALID_FIELD, "touched_from", "touched_from is not a month");
    if (past && *state->touched_until && month_parse(state->touched_until, &until))
        return err_field(err, E_INVALID_FIELD, "touched_until", "touched_until is not a month");
    if (!past || !*state->touched_until) until = month_of(day);
    cell_t *key = rows_add(keys);
    if (!key) return no_memory(err);
    key[0] = cell_i64(partition_of(state->person));
    key[1] = cell_text(state->person);
    key[2] = cell_i64(past ? month_year(from) : 1);
    key[3] = cell_i64(past ? month_year(until) : 0);
    key[4] = cell_i64(date_year(changed));
    key[5] = cell_i64(((int64_t)first * 24 - 8) * 3600 * 1000); // its midnight in China
    key[6] = cell_i64(date_year(day));
    key[7] = cell_i64(YEARS_MAX);
    return 0;
}

static int years_with_bills(store_t *store, const rows_t *keys, arena_t *arena, rows_t *items, err_t *err) {
    rows_t found;
    rows_init(items, arena, 2);
    if (keys->count == 0) return 0;
    int rc = store_each_query(store,
                              "SELECT DISTINCT year FROM decision WHERE partition = $1 AND person = $2 AND year > 0"
                              " AND (year BETWEEN $3 AND $4 OR (year BETWEEN $5 AND $7 AND at_ms >= $6)) LIMIT $8",
                              keys, arena, &found, err);
    for (size_t i = 0; !rc && i < found.count; i++) {
        cell_t *item = rows_add(items);
        if (!item) return no_memory(err);
        item[0] = rows_at(keys, (size_t)row_i64(&found, i, 0))[1];
        item[1] = cell_i64(row_i64(&found, i, 1));
    }
    return rc;
}

int touched_entitlements(store_t *store, arena_t *arena, const event_t *events, size_t count, int64_t now_ms,
                         err_t *err) {
    rows_t keys, items;
    int rc = 0;
    rows_init(&keys, arena, 8);
    for (size_t i = 0; !rc && i < count; i++) {
        ProtobufCMessage *message;
        if (strcmp(events[i].topic, "entitlement.changed") != 0) continue;
        rc = message_unpack(&message, &tc__entitlement__descriptor, events[i].body, events[i].body_bytes, arena, err);
        if (!rc) rc = add_person(&keys, (const Tc__Entitlement *)message, events[i].at_ms, err);
    }
    if (!rc) rc = years_with_bills(store, &keys, arena, &items, err);
    return rc ? rc
              : recompute_enqueue(store, RECOMPUTE_TASK_ENTITLEMENTS, "the entitlement changed for a time that is past",
                                  &items, now_ms, now_ms + TOUCHED_ITEM_DELAY_MS, arena, err);
}

// ---- the register of facilities

typedef struct change {
    const Tc__FacilityState *state; // newest of the batch
    const void *body;
    size_t bytes;
    int64_t at_ms;
    const Tc__FacilityState *old; // as known before; NULL: not registered
} change_t;

static int take_events(const event_t *events, size_t count, arena_t *arena, change_t *changes, size_t *change_count,
                       err_t *err) {
    textmap_t map;
    if (textmap_init(&map, arena, count)) return no_memory(err);
    for (size_t i = 0; i < count; i++) {
        ProtobufCMessage *message;
        if (strcmp(events[i].topic, "facility.changed") != 0) continue;
        int rc =
            message_unpack(&message, &tc__facility_state__descriptor, events[i].body, events[i].body_bytes, arena, err);
        if (rc) return rc;
        void **place = textmap_place(&map, ((const Tc__FacilityState *)message)->facility, 0);
        if (!*place) *place = &changes[(*change_count)++];
        change_t *change = *place;
        change->state = (const Tc__FacilityState *)message;
        change->body = events[i].body;
        change->bytes = events[i].body_bytes;
        change->at_ms = events[i].at_ms;
    }
    return 0;
}

static int read_known(store_t *store, change_t *changes, size_t count, arena_t *arena, err_t *err) {
    rows_t keys, found;
    rows_init(&keys, arena, 1);
    for (size_t i = 0; i < count; i++) {
        cell_t *key = rows_add(&keys);
        if (!key) return no_memory(err);
        key[0] = cell_text(changes[i].state->facility);
    }
    int rc = store_each_query(store, "SELECT body FROM facility_known WHERE facility = $1 LIMIT 1", &keys, arena,
                              &found, err);
    for (size_t i = 0; !rc && i < found.count; i++) {
        size_t bytes;
        ProtobufCMessage *message;
        const void *body = row_blob(&found, i, 1, &bytes);
        rc = message_unpack(&message, &tc__facility_state__descriptor, body, bytes, arena, err);
        if (!rc) changes[row_i64(&found, i, 0)].old = (const Tc__FacilityState *)message;
    }
    return rc;
}

static int write_known(store_t *store, const change_t *changes, size_t count, arena_t *arena, err_t *err) {
    rows_t newest, rows;
    int rc = store_query(store, "SELECT COALESCE(MAX(stamp), 0) FROM facility_known", NULL, 0, arena, &newest, err);
    if (rc) return rc;
    rows_init(&rows, arena, 3);
    for (size_t i = 0; i < count; i++) {
        cell_t *row = rows_add(&rows);
        if (!row) return no_memory(err);
        row[0] = cell_text(changes[i].state->facility);
        row[1] = cell_i64(row_i64(&newest, 0, 0) + 1);
        row[2] = cell_blob(changes[i].body, changes[i].bytes);
    }
    return store_put(store, "facility_known", "facility, stamp, body", "facility", &rows, err);
}

static int write_touched(store_t *store, const change_t *changes, size_t count, int64_t now_ms, arena_t *arena,
                         err_t *err) {
    const date_t today = date_of_ms(now_ms);
    rows_t rows;
    rows_init(&rows, arena, 5);
    for (size_t i = 0; i < count; i++) {
        date_t from, until;
        bool differs;
        int rc = facility_difference(changes[i].old, changes[i].state, today, &differs, &from, &until, err);
        if (rc) return rc;
        if (!differs) continue;
        cell_t *row = rows_add(&rows);
        if (!row) return no_memory(err);
        row[0] = cell_text(changes[i].state->facility);
        row[1] = cell_i64(from);
        row[2] = cell_i64(until);
        row[3] = cell_i64(changes[i].at_ms);
        row[4] = cell_i64(now_ms);
    }
    if (rows.count == 0) return 0;
    return store_each_exec(store,
                           "INSERT INTO facility_touched (task, facility, from_day, until_day, at_ms, since_ms)"
                           " VALUES (0, $1, $2, $3, $4, $5) ON CONFLICT (task, facility) DO UPDATE SET from_day ="
                           " CASE WHEN excluded.from_day < facility_touched.from_day THEN excluded.from_day"
                           " ELSE facility_touched.from_day END, until_day = CASE WHEN excluded.until_day >"
                           " facility_touched.until_day THEN excluded.until_day ELSE facility_touched.until_day END,"
                           " at_ms = excluded.at_ms, since_ms = excluded.since_ms",
                           &rows, err);
}

int touched_facilities(store_t *store, arena_t *arena, const event_t *events, size_t count, int64_t now_ms,
                       err_t *err) {
    change_t *changes = arena_alloc(arena, (count + 1) * sizeof *changes);
    size_t change_count = 0;
    if (!changes) return no_memory(err);
    int rc = take_events(events, count, arena, changes, &change_count, err);
    if (rc || !change_count) return rc;
    rc = read_known(store, changes, change_count, arena, err);
    if (!rc) rc = write_known(store, changes, change_count, arena, err);
    return rc ? rc : write_touched(store, changes, change_count, now_ms, arena, err);
}

// ---- scans

static int begin_task(store_t *store, arena_t *arena, int64_t now_ms, int64_t *number, err_t *err) {
    static const Tc__FindAffected whole = TC__FIND_AFFECTED__INIT;
    int rc = task_add(store, &whole, "the register of facilities changed for a time that is past", true, now_ms, now_ms,
                      arena, number, err);
    cell_t params[] = {cell_i64(*number)};
    return rc ? rc : store_exec(store, "UPDATE facility_touched SET task = $1 WHERE task = 0", params, 1, err);
}

int touched_make_task(store_t *store, arena_t *arena, int64_t now_ms, int64_t *number, err_t *err) {
    rows_t rows;
    *number = 0;
    int rc = store_query(store, "SELECT COUNT(*), COALESCE(MAX(since_ms), 0) FROM facility_touched WHERE task = 0",
                         NULL, 0, arena, &rows, err);
    if (rc || row_i64(&rows, 0, 0) == 0 || row_i64(&rows, 0, 1) + TOUCHED_SCAN_DELAY_MS > now_ms) return rc;
    rc = store_begin(store, err);
    if (rc) return rc;
    rc = begin_task(store, arena, now_ms, number, err);
    if (!rc) return store_commit(store, err);
    store_rollback(store);
    return rc;
}

static int by_code(const void *a, const void *b) {
    return strcmp(((const touched_facility_t *)a)->facility, ((const touched_facility_t *)b)->facility);
}

int touched_of_task(store_t *store, int64_t number, arena_t *arena, const touched_list_t **list, err_t *err) {
    cell_t params[] = {cell_i64(number)};
    rows_t rows;
    *list = NULL;
    int rc = store_query(store, "SELECT facility, from_day, until_day, since_ms FROM facility_touched WHERE task = $1",
                         params, 1, arena, &rows, err);
    if (rc || rows.count == 0) return rc;
    // Counted from when it was heard of here, not from when it was told: meanwhile nobody may have heard of it.
    touched_facility_t *items = arena_alloc(arena, rows.count * sizeof *items);
    touched_list_t *made = arena_alloc(arena, sizeof *made);
    if (!items || !made) return no_memory(err);
    for (size_t i = 0; i < rows.count; i++)
        items[i] = (touched_facility_t){row_text(&rows, i, 0), (date_t)row_i64(&rows, i, 1),
                                        (date_t)row_i64(&rows, i, 2), row_i64(&rows, i, 3) + TOUCHED_SCAN_DELAY_MS};
    qsort(items, rows.count, sizeof *items, by_code);
    *made = (touched_list_t){items, rows.count};
    *list = made;
    return 0;
}

int touched_forget(store_t *store, err_t *err) {
    return store_exec(store,
                      "DELETE FROM facility_touched WHERE task > 0 AND task NOT IN"
                      " (SELECT number FROM recompute_task WHERE scanned = 0)",
                      NULL, 0, err);
}

int touched_known_since(store_t *store, int64_t stamp, arena_t *arena, rows_t *rows, err_t *err) {
    cell_t params[] = {cell_i64(stamp)};
    return store_query(store, "SELECT stamp, body FROM facility_known WHERE stamp > $1 ORDER BY stamp", params, 1,
                       arena, rows, err);
}
