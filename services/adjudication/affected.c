#include "affected.h"
#include "adjudication.pb-c.h"
#include "catalogue.pb-c.h"
#include "common/base/hash.h"
#include "common/base/ids.h"
#include "common/wire/message.h"
#include "store.h"
#include "textmap.h"
#include "touched_lines.h"
#include <stdlib.h>
#include <string.h>

// Of a chain that is longer the newest versions are looked at; whoever is that often in hospital is found all the same.
enum { CHAINS_AT_ONCE = 32, ROWS_PER_CHAIN = 20000 };

typedef struct scan {
    store_t *store;
    arena_t *arena;
    const Tc__FindAffected *ask;
    date_t from, until;
    const touched_list_t *touched;
    const touched_lines_t *lines;
    Tc__Affected *answer;
} scan_t;

static int no_memory(err_t *err) { return err_set(err, E_IO, "out of memory for the page"); }

// ---- the question

static int check_day(const char *name, const char *text, date_t none, date_t *out, err_t *err) {
    *out = none;
    if (!*text || date_parse(text, out) == 0) return 0;
    return err_field(err, E_INVALID_FIELD, name, "%s: expected a date like 2018-03-01", name);
}

static int read_days(const Tc__FindAffected *ask, date_t *from, date_t *until, err_t *err) {
    int rc = check_day("from", ask->from, DATE_NONE, from, err);
    return rc ? rc : check_day("until", ask->until, DATE_MAX, until, err);
}

int affected_check(const Tc__FindAffected *ask, err_t *err) {
    date_t from, until;
    int rc = read_days(ask, &from, &until, err);
    if (rc) return rc;
    if (from > until) return err_field(err, E_OUT_OF_RANGE, "until", "until lies before from");
    if (*ask->facility && facility_code_check(ask->facility, NULL))
        return err_field(err, E_INVALID_FIELD, "facility", "facility: expected a code like H44070300001");
    if (*ask->person && name_check("person", ask->person, NULL))
        return err_field(err, E_INVALID_FIELD, "person", "person must be 1 to 64 of A-Z a-z 0-9 . _ : -");
    if (*ask->not_policy && strlen(ask->not_policy) != 64)
        return err_field(err, E_INVALID_FIELD, "not_policy", "not_policy: expected a hash of 64 hex digits");
    if (ask->limit < 0 || ask->limit > AFFECTED_LIMIT_MAX)
        return err_field(err, E_OUT_OF_RANGE, "limit", "limit: expected 0 to %d", AFFECTED_LIMIT_MAX);
    return 0;
}

// Day ranges are asked of the bodies; what only cuts whole years is not.
static bool needs_bodies(const scan_t *scan) {
    return scan->touched || scan->lines || *scan->ask->facility || *scan->ask->not_policy || scan->from != DATE_NONE ||
           scan->until != DATE_MAX;
}

// ---- one bill

static int by_code(const void *code, const void *item) {
    return strcmp(code, ((const touched_facility_t *)item)->facility);
}

static bool listed_fits(const touched_list_t *list, const Tc__Decision *decision, date_t to) {
    if (!list->count) return false;
    const touched_facility_t *touched =
        bsearch(decision->facility, list->items, list->count, sizeof *list->items, by_code);
    return touched && touched->from <= to && to <= touched->until && decision->decided_ms < touched->decided_before_ms;
}

static int by_kind_and_code(const void *a, const void *b) {
    const Tc__FeeLine *line = a;
    const touched_line_t *touched = b;
    const int order = strcmp(line->code, touched->code);
    return order ? order : strcmp(line->kind, touched->kind);
}

static bool line_fits(const touched_lines_t *lines, const Tc__FeeLine *line, date_t to) {
    date_t used = to;
    if (*line->used_on && date_parse(line->used_on, &used)) return true;
    if (lines->every) return lines->from <= used && used <= lines->until;
    const touched_line_t *touched = bsearch(line, lines->items, lines->count, sizeof *lines->items, by_kind_and_code);
    return touched && touched->from <= used && used <= touched->until;
}

static bool any_line_fits(const touched_lines_t *lines, Tc__FeeLine *const *of, size_t count, date_t to) {
    for (size_t i = 0; i < count; i++)
        if (line_fits(lines, of[i], to)) return true;
    return false;
}

// Lines of a visit stand as this version split them (visit_store.h).
static int visit_fits(const scan_t *scan, const Tc__Decision *decision, date_t to, arena_t *scratch, bool *fits,
                      err_t *err) {
    const cell_t params[] = {cell_text(decision->bill), cell_i64(decision->version)};
    rows_t rows;
    int rc = store_query(scan->store,
                         "SELECT body FROM visit_split WHERE bill = $1 AND version = (SELECT MAX(version) FROM"
                         " visit_split WHERE bill = $1 AND version <= $2) ORDER BY last_line LIMIT 10000",
                         params, COUNT_OF(params), scratch, &rows, err);
    *fits = false;
    for (size_t i = 0; !rc && !*fits && i < rows.count; i++) {
        ProtobufCMessage *message;
        size_t bytes;
        const void *body = row_blob(&rows, i, 0, &bytes);
        rc = message_unpack(&message, &tc__split_result__descriptor, body, bytes, scratch, err);
        if (rc) return rc;
        const Tc__SplitResult *split = (const Tc__SplitResult *)message;
        *fits = any_line_fits(scan->lines, split->lines, split->n_lines, to);
    }
    return rc;
}

static int lines_fit(const scan_t *scan, const Tc__Decision *decision, date_t to, arena_t *scratch, bool *fits,
                     err_t *err) {
    const Tc__Bill *bill = decision->input;
    *fits = false;
    if (decision->decided_ms >= scan->lines->decided_before_ms) return 0;
    if (bill->lines_registered) return visit_fits(scan, decision, to, scratch, fits, err);
    *fits = any_line_fits(scan->lines, bill->lines, bill->n_lines, to);
    return 0;
}

// A row whose bill is unreadable is found: the recomputation will say what is wrong with it.
static int bill_fits(const scan_t *scan, const Tc__Decision *decision, arena_t *scratch, bool *fits, err_t *err) {
    date_t to;
    *fits = true;
    if (!decision->input || date_parse(decision->input->to, &to)) return 0;
    *fits = to >= scan->from && to <= scan->until &&
            (!*scan->ask->facility || strcmp(decision->facility, scan->ask->facility) == 0) &&
            (!*scan->ask->not_policy || strcmp(decision->policy, scan->ask->not_policy) != 0) &&
            (!scan->touched || listed_fits(scan->touched, decision, to));
    return *fits && scan->lines ? lines_fit(scan, decision, to, scratch, fits, err) : 0;
}

// ---- chains

static int add_answer(scan_t *scan, const rows_t *keys, size_t at, int64_t bills, err_t *err) {
    if (bills <= 0) return 0;
    Tc__Affected__Item *item = arena_alloc(scan->arena, sizeof *item);
    if (!item) return no_memory(err);
    tc__affected__item__init(item);
    item->person = (char *)row_text(keys, at, 1);
    item->year = (int32_t)row_i64(keys, at, 2);
    item->bills = (int32_t)bills;
    scan->answer->items[scan->answer->n_items++] = item;
    return 0;
}

// Rows of one chain, newest first: the first version seen of a bill is the one that stands.
static int count_chain(scan_t *scan, const rows_t *rows, size_t first, size_t end, arena_t *scratch, int64_t *bills,
                       err_t *err) {
    textmap_t seen;
    *bills = 0;
    if (textmap_init(&seen, scratch, end - first)) return no_memory(err);
    for (size_t row = first; row < end; row++) {
        void **place = textmap_place(&seen, row_text(rows, row, 1), 0);
        const int64_t kind = row_i64(rows, row, 2);
        size_t bytes;
        ProtobufCMessage *message;
        if (*place) continue;
        *place = scan;
        if (kind == ROW_REVERSED || kind == ROW_TOMBSTONE) continue;
        const void *body = row_blob(rows, row, 3, &bytes);
        bool fits = false;
        int rc = message_unpack(&message, &tc__decision__descriptor, body, bytes, scratch, err);
        if (!rc) rc = bill_fits(scan, (const Tc__Decision *)message, scratch, &fits, err);
        if (rc) return rc;
        *bills += fits;
    }
    return 0;
}

static int count_some(scan_t *scan, const rows_t *keys, size_t first, size_t count, arena_t *scratch, err_t *err) {
    rows_t wanted, rows;
    rows_init(&wanted, scratch, 4);
    for (size_t i = first; i < first + count; i++) {
        cell_t *key = rows_add(&wanted);
        if (!key) return no_memory(err);
        memcpy(key, rows_at(keys, i), 3 * sizeof *key);
        key[3] = cell_i64(ROWS_PER_CHAIN);
    }
    int rc = store_each_query(scan->store,
                              "SELECT bill, kind, body FROM decision WHERE partition = $1 AND person = $2 AND year = $3"
                              " ORDER BY seq DESC LIMIT $4",
                              &wanted, scratch, &rows, err);
    for (size_t row = 0; !rc && row < rows.count;) {
        const int64_t key = row_i64(&rows, row, 0);
        size_t end = row;
        int64_t bills;
        while (end < rows.count && row_i64(&rows, end, 0) == key) end++;
        rc = count_chain(scan, &rows, row, end, scratch, &bills, err);
        if (!rc) rc = add_answer(scan, keys, first + (size_t)key, bills, err);
        row = end;
    }
    return rc;
}

static int count_by_bodies(scan_t *scan, const rows_t *keys, err_t *err) {
    arena_t *scratch = arena_new(1 << 20, 0);
    int rc = scratch ? 0 : no_memory(err);
    for (size_t i = 0; !rc && i < keys->count; i += CHAINS_AT_ONCE) {
        const size_t left = keys->count - i;
        rc = count_some(scan, keys, i, left < CHAINS_AT_ONCE ? left : CHAINS_AT_ONCE, scratch, err);
        arena_reset(scratch);
    }
    arena_destroy(&scratch);
    return rc;
}

// ---- pages

#define PAGE_SQL(FILTER)                                                                                               \
    "SELECT partition, person, year, COUNT(DISTINCT bill) - COUNT(CASE WHEN kind IN (1, 3) THEN 1 END) FROM decision"  \
    " WHERE (partition, person, year) > ($1, $2, $3) AND year > 0 AND year BETWEEN $4 AND $5" FILTER                   \
    " GROUP BY partition, person, year ORDER BY partition, person, year LIMIT $6"

static int read_page(scan_t *scan, int32_t limit, rows_t *keys, err_t *err) {
    const Tc__FindAffected *ask = scan->ask;
    const bool one = *ask->person;
    cell_t params[] = {cell_i64(ask->after_partition),
                       cell_text(ask->after_person),
                       cell_i64(ask->after_year),
                       cell_i64(scan->from == DATE_NONE ? 0 : date_year(scan->from)),
                       cell_i64(scan->until == DATE_MAX ? 9999 : date_year(scan->until)),
                       cell_i64(limit),
                       cell_i64(one ? partition_of(ask->person) : 0),
                       cell_text(ask->person)};
    if (one)
        return store_query(scan->store, PAGE_SQL(" AND partition = $7 AND person = $8"), params, 8, scan->arena, keys,
                           err);
    return store_query(scan->store, PAGE_SQL(""), params, 6, scan->arena, keys, err);
}

static int begin_answer(scan_t *scan, const rows_t *keys, int32_t limit, err_t *err) {
    Tc__Affected *answer = scan->answer = arena_alloc(scan->arena, sizeof *answer);
    if (!answer) return no_memory(err);
    tc__affected__init(answer);
    answer->items = arena_alloc(scan->arena, (keys->count + 1) * sizeof *answer->items);
    if (!answer->items) return no_memory(err);
    answer->done = keys->count < (size_t)limit;
    answer->partition = scan->ask->after_partition;
    answer->person = scan->ask->after_person;
    answer->year = scan->ask->after_year;
    if (keys->count == 0) return 0;
    answer->partition = (int32_t)row_i64(keys, keys->count - 1, 0);
    answer->person = (char *)row_text(keys, keys->count - 1, 1);
    answer->year = (int32_t)row_i64(keys, keys->count - 1, 2);
    return 0;
}

int affected_page(store_t *store, const Tc__FindAffected *ask, const touched_list_t *touched,
                  const touched_lines_t *lines, arena_t *arena, Tc__Affected **answer, err_t *err) {
    const int32_t limit = ask->limit ? ask->limit : AFFECTED_LIMIT;
    scan_t scan = {.store = store, .arena = arena, .ask = ask, .touched = touched, .lines = lines};
    rows_t keys;
    int rc = read_days(ask, &scan.from, &scan.until, err);
    if (!rc && !lines) rc = touched_lines_of_codes(ask->codes, ask->n_codes, arena, &scan.lines, err);
    if (!rc) rc = read_page(&scan, limit, &keys, err);
    if (!rc) rc = begin_answer(&scan, &keys, limit, err);
    if (!rc && needs_bodies(&scan))
        rc = count_by_bodies(&scan, &keys, err);
    else
        for (size_t i = 0; !rc && i < keys.count; i++) rc = add_answer(&scan, &keys, i, row_i64(&keys, i, 3), err);
    if (!rc) *answer = scan.answer;
    return rc;
}
