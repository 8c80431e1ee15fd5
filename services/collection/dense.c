// Names are compared for being equal only: in what order a database sorts them does not matter here.
#include "dense.h"
#include "common/base/hash.h"
#include <string.h>

enum { KEYS_MIN = 256 }; // of one partition: with fewer, lookups are as cheap

static int no_memory(err_t *err) { return err_set(err, E_IO, "out of memory"); }

// Partitions one after another, with many keys each: (partition, rows at most, its first key, the end of its keys).
static int parts_of(const rows_t *keys, size_t rows_a_key, rows_t *parts, err_t *err) {
    size_t first = 0;
    for (size_t i = 1; i <= keys->count; i++) {
        if (i < keys->count && rows_at(keys, i)[0].i64 == rows_at(keys, first)[0].i64) continue;
        if (i - first >= KEYS_MIN) {
            cell_t *part = rows_add(parts);
            if (!part) return no_memory(err);
            part[0] = rows_at(keys, first)[0];
            part[1] = cell_i64((int64_t)(rows_a_key * (i - first)) + 1);
            part[2] = cell_i64((int64_t)first);
            part[3] = cell_i64((int64_t)i);
        }
        first = i;
    }
    return 0;
}

typedef struct places {
    const rows_t *keys;
    size_t room, *of; // by hash: index of the key + 1, or 0
} places_t;

static bool is_key(const cell_t *key, int64_t partition, const char *person) {
    return key[0].i64 == partition && strcmp(key[1].data, person) == 0;
}

static size_t place_of(const places_t *places, int64_t partition, const char *person) {
    size_t at = hash64(person, strlen(person), (uint64_t)partition) & (places->room - 1);
    while (places->of[at] && !is_key(rows_at(places->keys, places->of[at] - 1), partition, person))
        at = (at + 1) & (places->room - 1);
    return at;
}

// False in *once when a key stands there twice.
static int places_open(places_t *places, const rows_t *keys, arena_t *arena, bool *once, err_t *err) {
    *places = (places_t){.keys = keys, .room = 16};
    while (places->room < 2 * keys->count) places->room *= 2;
    places->of = arena_alloc(arena, places->room * sizeof *places->of);
    if (!places->of) return no_memory(err);
    memset(places->of, 0, places->room * sizeof *places->of);
    *once = true;
    for (size_t i = 0; i < keys->count; i++) {
        const cell_t *key = rows_at(keys, i);
        const size_t at = place_of(places, key[0].i64, key[1].data);
        if (places->of[at]) *once = false;
        places->of[at] = i + 1;
    }
    return 0;
}

// Rows of a statement, and which key each belongs to: + 1, or 0 for nobody asked for.
typedef struct answer {
    rows_t rows;
    size_t *key;
} answer_t;

static int read_parts(store_t *store, const char *sql, const rows_t *parts, arena_t *arena, rows_t *out, err_t *err) {
    rows_t params;
    rows_init(&params, arena, 2);
    for (size_t p = 0; p < parts->count; p++) {
        cell_t *row = rows_add(&params);
        if (!row) return no_memory(err);
        memcpy(row, rows_at(parts, p), 2 * sizeof *row);
    }
    return store_each_query(store, sql, &params, arena, out, err);
}

// Of partitions that end before their bound; `had` says for each key whether it is answered.
static int match_parts(const places_t *places, const rows_t *parts, answer_t *in, bool *had, arena_t *arena,
                       err_t *err) {
    const rows_t *found = &in->rows;
    in->key = arena_alloc(arena, (found->count + 1) * sizeof *in->key);
    if (!in->key) return no_memory(err);
    for (size_t p = 0, first = 0, end = 0; p < parts->count; p++, first = end) {
        const cell_t *part = rows_at(parts, p);
        while (end < found->count && row_i64(found, end, 0) == (int64_t)p) end++;
        const bool whole = end - first < (size_t)part[1].i64;
        for (int64_t k = part[2].i64; whole && k < part[3].i64; k++) had[k] = true;
        for (size_t i = first; i < end; i++) {
            const char *person = row_text(found, i, found->width - 1);
            in->key[i] = whole ? places->of[place_of(places, part[0].i64, person)] : 0;
        }
    }
    return 0;
}

// Who is not answered is looked up.
static int read_rest(store_t *store, const char *sql, const rows_t *keys, const bool *had, answer_t *in, arena_t *arena,
                     err_t *err) {
    rows_t rest;
    rows_init(&rest, arena, 2);
    size_t *index = arena_alloc(arena, (keys->count + 1) * sizeof *index);
    if (!index) return no_memory(err);
    for (size_t i = 0; i < keys->count; i++) {
        if (had[i]) continue;
        index[rest.count] = i;
        cell_t *row = rows_add(&rest);
        if (!row) return no_memory(err);
        memcpy(row, rows_at(keys, i), 2 * sizeof *row);
    }
    int rc = store_each_query(store, sql, &rest, arena, &in->rows, err);
    if (rc) return rc;
    in->key = arena_alloc(arena, (in->rows.count + 1) * sizeof *in->key);
    if (!in->key) return no_memory(err);
    for (size_t i = 0; i < in->rows.count; i++) in->key[i] = index[row_i64(&in->rows, i, 0)] + 1;
    return 0;
}

// The rows of the keys, in their order; those of one key as they came.
static int in_order(const answer_t answers[2], size_t keys, arena_t *arena, rows_t *out, err_t *err) {
    size_t *start = arena_alloc(arena, (keys + 2) * sizeof *start); // of each key's rows
    if (!start) return no_memory(err);
    memset(start, 0, (keys + 2) * sizeof *start);
    for (size_t a = 0; a < 2; a++)
        for (size_t i = 0; i < answers[a].rows.count; i++)
            if (answers[a].key[i]) start[answers[a].key[i] + 1]++;
    for (size_t k = 1; k < keys + 2; k++) start[k] += start[k - 1];
    // Without the person behind the columns of the parts. A statement that found nothing may not know its width.
    const size_t count = start[keys + 1];
    const size_t width = answers[0].rows.count ? answers[0].rows.width - 1 : answers[1].rows.width;
    rows_init(out, arena, width);
    if (count > 0 && !rows_reserve(out, count)) return no_memory(err);
    out->count = count;
    for (size_t a = 0; a < 2; a++)
        for (size_t i = 0; i < answers[a].rows.count; i++) {
            if (!answers[a].key[i]) continue;
            cell_t *row = rows_at(out, start[answers[a].key[i]]++);
            memcpy(row, rows_at(&answers[a].rows, i), width * sizeof *row);
            row[0] = cell_i64((int64_t)answers[a].key[i] - 1);
        }
    return 0;
}

static int by_part(store_t *store, const dense_table_t *table, const rows_t *keys, const rows_t *parts, bool *done,
                   arena_t *arena, rows_t *out, err_t *err) {
    places_t places;
    answer_t answers[2] = {0};
    int rc = places_open(&places, keys, arena, done, err);
    if (rc || !*done) return rc;
    bool *had = arena_alloc(arena, keys->count * sizeof *had);
    if (!had) return no_memory(err);
    memset(had, 0, keys->count * sizeof *had);
    rc = read_parts(store, table->by_part, parts, arena, &answers[0].rows, err);
    if (!rc) rc = match_parts(&places, parts, &answers[0], had, arena, err);
    if (!rc) rc = read_rest(store, table->by_key, keys, had, &answers[1], arena, err);
    return rc ? rc : in_order(answers, keys->count, arena, out, err);
}

int dense_query(store_t *store, const dense_table_t *table, const rows_t *keys, arena_t *arena, rows_t *out,
                err_t *err) {
    rows_t parts;
    bool done = false;
    rows_init(&parts, arena, 4);
    int rc = parts_of(keys, table->rows_a_key, &parts, err);
    if (!rc && parts.count) rc = by_part(store, table, keys, &parts, &done, arena, out, err);
    return rc || done ? rc : store_each_query(store, table->by_key, keys, arena, out, err);
}
