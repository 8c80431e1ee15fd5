// The rows of a chunk are judged one after the other against what the store holds of their codes and what the chunk has
// added so far, then written as sets.
#include "catalogue_load.h"
#include "catalogue_store.h"
#include "textmap.h"
#include "touched_lines.h"
#include <string.h>

enum { FILE_HEX = 64 };

typedef struct dated { // an entry of one kind and code
    date_t from, until;
    const void *body;
    size_t bytes;
    bool fresh, ended; // by this chunk
    date_t touched;    // of a fresh one: the last day that it changes
    struct dated *next;
} dated_t;

typedef struct coded { // all entries of one kind and code
    const Tc__CatalogueItem *item;
    dated_t *dated;
    struct coded *next;
} coded_t;

typedef struct load {
    adjudication_t *on;
    const Tc__LoadCatalogue *ask;
    catalogue_entry_t *entries; // of the rows; kind CATALOGUE_ANY: refused
    textmap_t codes;
    coded_t *first;
    Tc__CatalogueReport *report;
    int64_t number;
} load_t;

static int no_memory(err_t *err) { return err_set(err, E_IO, "out of memory for the rows of the catalogue"); }

// ---- the report

static int make_report(load_t *load, err_t *err) {
    arena_t *arena = load->on->arena;
    load->report = arena_alloc(arena, sizeof *load->report);
    if (!load->report) return no_memory(err);
    tc__catalogue_report__init(load->report);
    load->report->problems = arena_alloc(arena, (load->ask->n_rows + 1) * sizeof *load->report->problems);
    return load->report->problems ? 0 : no_memory(err);
}

static int refuse_row(load_t *load, size_t row, const err_t *why, err_t *err) {
    arena_t *arena = load->on->arena;
    Tc__CatalogueReport__Problem *problem = arena_alloc(arena, sizeof *problem);
    if (!problem) return no_memory(err);
    tc__catalogue_report__problem__init(problem);
    problem->row = load->ask->first_row + (int32_t)row;
    problem->code = (char *)err_name(why->code);
    problem->field = arena_text(arena, "%s", why->field);
    problem->text = arena_text(arena, "%s", why->text);
    if (!problem->field || !problem->text) return no_memory(err);
    load->report->problems[load->report->n_problems++] = problem;
    load->report->refused++;
    return 0;
}

// ---- reading

static int check_ask(const Tc__LoadCatalogue *ask, err_t *err) {
    if (strlen(ask->file) != FILE_HEX || strspn(ask->file, "0123456789abcdef") != FILE_HEX)
        return err_field(err, E_INVALID_FIELD, "file", "file: expected the SHA-256 of the file, 64 hexadecimal digits");
    if (ask->n_rows > CATALOGUE_LOAD_ROWS_MAX)
        return err_field(err, E_TOO_LARGE, "rows", "%zu rows, at most %d go into one chunk", ask->n_rows,
                         CATALOGUE_LOAD_ROWS_MAX);
    if (ask->first_row < 1 || ask->first_row > INT32_MAX - CATALOGUE_LOAD_ROWS_MAX)
        return err_field(err, E_OUT_OF_RANGE, "first_row", "first_row: expected the number of a row, 1 or more");
    return 0;
}

static coded_t *code_of(load_t *load, const Tc__CatalogueItem *item, unsigned kind) {
    return *textmap_place(&load->codes, item->code, kind);
}

static int take_code(load_t *load, const Tc__CatalogueItem *item, unsigned kind, rows_t *keys, err_t *err) {
    void **place = textmap_place(&load->codes, item->code, kind);
    if (*place) return 0;
    coded_t *coded = arena_alloc(load->on->arena, sizeof *coded);
    cell_t *key = rows_add(keys);
    if (!coded || !key) return no_memory(err);
    *coded = (coded_t){.item = item, .next = load->first};
    load->first = *place = coded;
    key[0] = cell_text(item->kind);
    key[1] = cell_text(item->code);
    return 0;
}

static int read_rows(load_t *load, rows_t *keys, err_t *err) {
    catalogue_room_t room; // prefixes are not looked at here
    for (size_t i = 0; i < load->ask->n_rows; i++) {
        err_t why = {0};
        int rc = catalogue_read(load->ask->rows[i], &room, &load->entries[i], &why);
        if (rc) {
            load->entries[i].kind = CATALOGUE_ANY;
            rc = refuse_row(load, i, &why, err);
        } else {
            rc = take_code(load, load->ask->rows[i], load->entries[i].kind, keys, err);
        }
        if (rc) return rc;
    }
    return 0;
}

static int read_dated(load_t *load, const rows_t *keys, err_t *err) {
    rows_t found;
    if (!keys->count) return 0;
    int rc = catalogue_find_dated(load->on->store, keys, load->on->arena, &found, err);
    for (size_t row = 0; !rc && row < found.count; row++) {
        const cell_t *key = rows_at(keys, (size_t)row_i64(&found, row, 0));
        coded_t *coded = *textmap_place(&load->codes, key[1].data, fee_kind_from_name(key[0].data));
        dated_t *dated = arena_alloc(load->on->arena, sizeof *dated);
        if (!dated) return no_memory(err);
        dated->from = (date_t)row_i64(&found, row, 1);
        dated->until = (date_t)row_i64(&found, row, 2);
        dated->body = row_blob(&found, row, 3, &dated->bytes);
        dated->next = coded->dated;
        coded->dated = dated;
    }
    return rc;
}

// ---- judging

// Does `held` stand in the way? An open one before the row does not: the row ends it.
static int against(const dated_t *held, const catalogue_entry_t *entry, err_t *why) {
    char day[DATE_TEXT_MAX];
    const bool before = held->from < entry->from;
    if (before ? held->until < entry->from || held->until == DATE_MAX : entry->until < held->from) return 0;
    return err_field(why, E_OUT_OF_RANGE, before ? "from" : "until",
                     "it overlaps the entry of the same code that holds from %s", date_format(held->from, day));
}

static int judge_day(const dated_t *held, const void *body, size_t bytes, bool *known, err_t *why) {
    *known = held->bytes == bytes && memcmp(held->body, body, bytes) == 0;
    if (*known) return 0;
    return err_field(why, E_EXISTS, "from", "an entry of this code from that day is there and says otherwise");
}

// The same row again is known whatever came after it, so its day is looked for first.
static int judge(const coded_t *coded, const catalogue_entry_t *entry, const void *body, size_t bytes, bool *known,
                 err_t *why) {
    for (const dated_t *held = coded->dated; held; held = held->next)
        if (held->from == entry->from) return judge_day(held, body, bytes, known, why);
    for (const dated_t *held = coded->dated; held; held = held->next) {
        int rc = against(held, entry, why);
        if (rc) return rc;
    }
    return 0;
}

static int add_row(load_t *load, coded_t *coded, const catalogue_entry_t *entry, const void *body, size_t bytes,
                   err_t *err) {
    dated_t *fresh = arena_alloc(load->on->arena, sizeof *fresh);
    if (!fresh) return no_memory(err);
    *fresh = (dated_t){.from = entry->from,
                       .until = entry->until,
                       .body = body,
                       .bytes = bytes,
                       .fresh = true,
                       .touched = entry->until,
                       .next = coded->dated};
    for (dated_t *held = coded->dated; held; held = held->next) {
        if (held->from > entry->from || held->until < entry->from) continue;
        fresh->touched = held->until; // an open one: after the new entry there is none any more
        held->until = entry->from - 1;
        held->ended = true;
    }
    coded->dated = fresh;
    load->report->added++;
    return 0;
}

static int judge_rows(load_t *load, err_t *err) {
    for (size_t i = 0; i < load->ask->n_rows; i++) {
        const catalogue_entry_t *entry = &load->entries[i];
        err_t why = {0};
        bool known = false;
        size_t bytes;
        if (entry->kind == CATALOGUE_ANY) continue;
        coded_t *coded = code_of(load, load->ask->rows[i], entry->kind);
        const void *body = message_pack(&load->ask->rows[i]->base, load->on->arena, &bytes);
        if (!body) return no_memory(err);
        int rc = judge(coded, entry, body, bytes, &known, &why);
        if (rc)
            rc = refuse_row(load, i, &why, err);
        else if (known)
            load->report->unchanged++;
        else
            rc = add_row(load, coded, entry, body, bytes, err);
        if (rc) return rc;
    }
    return 0;
}

// ---- writing

static int write_dated(const load_t *load, const coded_t *coded, const dated_t *dated, rows_t *fresh, rows_t *ended,
                       err_t *err) {
    cell_t *row = dated->fresh ? rows_add(fresh) : dated->ended ? rows_add(ended) : NULL;
    if (!row) return dated->fresh || dated->ended ? no_memory(err) : 0;
    row[0] = cell_text(coded->item->kind);
    row[1] = cell_text(coded->item->code);
    row[2] = cell_i64(dated->from);
    row[3] = cell_i64(dated->until);
    row[4] = cell_i64(load->number);
    if (dated->fresh) row[5] = cell_blob(dated->body, dated->bytes);
    return 0;
}

static int write_rows(load_t *load, err_t *err) {
    rows_t fresh, ended;
    int rc = 0;
    rows_init(&fresh, load->on->arena, CATALOGUE_ITEM_COLUMNS);
    rows_init(&ended, load->on->arena, CATALOGUE_ITEM_COLUMNS - 1);
    for (const coded_t *coded = load->first; coded; coded = coded->next)
        for (const dated_t *dated = coded->dated; !rc && dated; dated = dated->next)
            rc = write_dated(load, coded, dated, &fresh, &ended, err);
    if (!rc) rc = catalogue_end(load->on->store, &ended, err);
    return rc ? rc : catalogue_insert(load->on->store, &fresh, err);
}

// Bills of days that are past were split by what held before (touched_lines.h).
static int note_touched(const load_t *load, err_t *err) {
    const int64_t now_ms = load->on->ports.now_ms(load->on->ports.self);
    const date_t today = date_of_ms(now_ms);
    rows_t rows;
    rows_init(&rows, load->on->arena, 4);
    for (const coded_t *coded = load->first; coded; coded = coded->next)
        for (const dated_t *dated = coded->dated; dated; dated = dated->next) {
            if (!dated->fresh || dated->from > today) continue;
            cell_t *row = rows_add(&rows);
            if (!row) return no_memory(err);
            row[0] = cell_text(coded->item->kind);
            row[1] = cell_text(coded->item->code);
            row[2] = cell_i64(dated->from);
            row[3] = cell_i64(dated->touched);
        }
    return touched_lines_note(load->on->store, &rows, now_ms, load->on->arena, err);
}

int catalogue_load(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                   err_t *err) {
    (void)request;
    load_t load = {.on = self, .ask = (const Tc__LoadCatalogue *)message};
    arena_t *arena = load.on->arena;
    rows_t keys;
    rows_init(&keys, arena, 2);
    int rc = check_ask(load.ask, err);
    if (!rc) rc = make_report(&load, err);
    if (rc) return rc;
    load.entries = arena_alloc(arena, (load.ask->n_rows + 1) * sizeof *load.entries);
    if (!load.entries || textmap_init(&load.codes, arena, load.ask->n_rows + 1)) return no_memory(err);
    rc = read_rows(&load, &keys, err);
    if (!rc && !load.ask->dry) rc = catalogue_begin_load(load.on->store, arena, &load.number, err);
    if (!rc) rc = read_dated(&load, &keys, err);
    if (!rc) rc = judge_rows(&load, err);
    if (!rc && !load.ask->dry) rc = write_rows(&load, err);
    if (!rc && !load.ask->dry) rc = note_touched(&load, err);
    if (!rc) *reply = &load.report->base;
    return rc;
}

// ---- one entry

static int find_item(adjudication_t *on, const Tc__GetCatalogueItem *ask, date_t day, Tc__CatalogueItem **out,
                     err_t *err) {
    rows_t keys, found;
    char text[DATE_TEXT_MAX];
    rows_init(&keys, on->arena, 2);
    cell_t *key = rows_add(&keys);
    if (!key) return no_memory(err);
    key[0] = cell_text(ask->kind);
    key[1] = cell_text(ask->code);
    int rc = catalogue_find_dated(on->store, &keys, on->arena, &found, err);
    for (size_t row = 0; !rc && row < found.count; row++) {
        ProtobufCMessage *message;
        size_t bytes;
        const date_t until = (date_t)row_i64(&found, row, 2);
        if (row_i64(&found, row, 1) > day || until < day) continue;
        const void *body = row_blob(&found, row, 3, &bytes);
        rc = message_unpack(&message, &tc__catalogue_item__descriptor, body, bytes, on->arena, err);
        if (rc) return rc;
        *out = (Tc__CatalogueItem *)message;
        (*out)->until = arena_text(on->arena, "%s", date_format(until, text));
        return (*out)->until ? 0 : no_memory(err);
    }
    return rc ? rc
              : err_field(err, E_NOT_FOUND, "code", "the catalogue has no such entry on %s", date_format(day, text));
}

int catalogue_get_item(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                       err_t *err) {
    (void)request;
    adjudication_t *on = self;
    const Tc__GetCatalogueItem *ask = (const Tc__GetCatalogueItem *)message;
    date_t day = date_of_ms(on->ports.now_ms(on->ports.self));
    Tc__CatalogueItem *item = NULL;
    if (fee_kind_from_name(ask->kind) < 0)
        return err_field(err, ask->kind[0] ? E_INVALID_FIELD : E_MISSING_FIELD, "kind", "kind: expected one of %s",
                         fee_kind_names());
    if (!catalogue_code_fits(ask->code))
        return err_field(err, ask->code[0] ? E_INVALID_FIELD : E_MISSING_FIELD, "code",
                         "code must be 1 to %d of A-Z 0-9 -", CATALOGUE_CODE_MAX);
    if (ask->on[0] && date_parse(ask->on, &day))
        return err_field(err, E_INVALID_FIELD, "on", "on must be a date of the calendar as YYYY-MM-DD");
    int rc = find_item(on, ask, day, &item, err);
    if (!rc) *reply = &item->base;
    return rc;
}
