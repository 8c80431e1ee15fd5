// A bill that is decided again is the stored one, so nothing of what a split filled in is taken for a claim: lines in
// the bill are split anew, lines of a visit are read again.
#include "bill_lines.h"
#include "catalogue_store.h"
#include "fee_lines.h"
#include "visit_store.h"
#include <string.h>

static int no_memory(err_t *err) { return err_set(err, E_IO, "out of memory for the lines"); }

// ---- lines of visits

static int unpack_line(const void *body, size_t bytes, arena_t *arena, Tc__FeeLine **out, err_t *err) {
    ProtobufCMessage *message;
    int rc = message_unpack(&message, &tc__fee_line__descriptor, body, bytes, arena, err);
    if (!rc) *out = (Tc__FeeLine *)message;
    return rc;
}

// Is the bill one of this visit?
static int match(const Tc__Bill *bill, const visit_row_t *visit, err_t *err) {
    const struct {
        const char *name, *said, *registered;
    } fields[] = {{"person", bill->person, visit->revision ? visit->asked->person : ""},
                  {"facility", bill->facility, visit->revision ? visit->asked->facility : ""},
                  {"type", bill->type, visit->revision ? visit->asked->type : ""},
                  {"from", bill->from, visit->revision ? visit->asked->from : ""}};
    if (!visit->revision) return err_field(err, E_NOT_FOUND, "lines_registered", "no visit is registered for the bill");
    if (strcmp(visit->state, "cancelled") == 0)
        return err_field(err, E_REVERSED, "lines_registered", "the visit of the bill was cancelled");
    if (!visit->line_count) return err_field(err, E_MISSING_FIELD, "lines", "the visit of the bill has no lines");
    for (size_t i = 0; i < COUNT_OF(fields); i++)
        if (strcmp(fields[i].said, fields[i].registered) != 0)
            return err_field(err, E_OUT_OF_RANGE, fields[i].name, "%s is not that of the registered visit",
                             fields[i].name);
    return 0;
}

// A copy of the bill with room for the lines of its visit.
static int take_visit(item_t *item, const visit_row_t *visit, arena_t *arena, Tc__Bill **out, err_t *err) {
    Tc__Bill *bill = arena_copy(arena, item->bill, sizeof *bill);
    if (!bill) return no_memory(err);
    bill->n_lines = 0;
    bill->lines = arena_alloc(arena, (size_t)visit->line_count * sizeof *bill->lines);
    if (!bill->lines) return no_memory(err);
    if (!bill->diagnosis[0]) bill->diagnosis = visit->asked->diagnosis;
    item->bill = *out = bill;
    item->visit_revision = visit->revision;
    return 0;
}

// Visits by their bills; one round trip.
static int find_visits(const batch_t *batch, const rows_t *keys, visit_row_t *out, err_t *err) {
    metric_add(batch->on->metrics.visit_reads, 1);
    return visits_find(batch->on->store, keys, batch->on->arena, out, err);
}

// One round trip.
static int read_lines(const batch_t *batch, const rows_t *keys, Tc__Bill *const *bills, const visit_row_t *visits,
                      err_t *err) {
    arena_t *arena = batch->on->arena;
    rows_t found;
    if (!keys->count) return 0;
    metric_add(batch->on->metrics.visit_reads, 1);
    int rc = visit_lines_find(batch->on->store, keys, arena, &found, err);
    for (size_t row = 0; !rc && row < found.count; row++) {
        size_t bytes, key = (size_t)row_i64(&found, row, 0);
        const void *body = row_blob(&found, row, 2, &bytes);
        // More than the visit says: somebody else has just added some, and the key will refuse us.
        if (bills[key]->n_lines == (size_t)visits[key].line_count) continue;
        rc = unpack_line(body, bytes, arena, &bills[key]->lines[bills[key]->n_lines], err);
        if (!rc) bills[key]->n_lines++;
    }
    return rc;
}

static int add_line_key(rows_t *keys, const char *bill, err_t *err) {
    cell_t *key = rows_add(keys);
    if (!key) return no_memory(err);
    key[0] = cell_text(bill);
    key[1] = cell_i64(0);
    key[2] = cell_i64(FEE_LINES_MAX);
    return 0;
}

typedef struct fetch {
    item_t **items; // that take registered lines
    size_t count;
    rows_t keys;
} fetch_t;

static int list_takers(batch_t *batch, item_t *const *items, size_t count, fetch_t *fetch, err_t *err) {
    rows_init(&fetch->keys, batch->on->arena, 1);
    fetch->items = arena_alloc(batch->on->arena, (count + 1) * sizeof(item_t *));
    if (!fetch->items) return no_memory(err);
    for (size_t i = 0; i < count; i++) {
        item_t *item = items[i];
        if (item->state != ITEM_OPEN || !item->bill || !item->bill->lines_registered) continue;
        if (item->bill->n_lines && !item->visit_revision) {
            err_t why = {0};
            batch_refuse(batch, item,
                         err_field(&why, E_INVALID_FIELD, "lines_registered",
                                   "lines stand either in the bill or with its visit"),
                         &why);
            continue;
        }
        cell_t *key = rows_add(&fetch->keys);
        if (!key) return no_memory(err);
        key[0] = cell_text(item->bill->bill);
        fetch->items[fetch->count++] = item;
    }
    return 0;
}

int bill_lines_fetch(batch_t *batch, item_t *const *items, size_t count, err_t *err) {
    arena_t *arena = batch->on->arena;
    fetch_t fetch = {0};
    rows_t keys;
    size_t taken = 0;
    int rc = list_takers(batch, items, count, &fetch, err);
    if (rc || !fetch.count) return rc;
    visit_row_t *visits = arena_alloc(arena, fetch.count * sizeof *visits);
    Tc__Bill **bills = arena_alloc(arena, fetch.count * sizeof *bills);
    if (!visits || !bills) return no_memory(err);
    rows_init(&keys, arena, 3);
    rc = find_visits(batch, &fetch.keys, visits, err);
    for (size_t i = 0; !rc && i < fetch.count; i++) {
        err_t why = {0};
        const int refusal = match(fetch.items[i]->bill, &visits[i], &why);
        if (refusal) {
            batch_refuse(batch, fetch.items[i], refusal, &why);
            continue;
        }
        visits[taken] = visits[i];
        rc = take_visit(fetch.items[i], &visits[taken], arena, &bills[taken], err);
        if (!rc) rc = add_line_key(&keys, bills[taken]->bill, err);
        taken++;
    }
    return rc ? rc : read_lines(batch, &keys, bills, visits, err);
}

// ---- bills that are decided again

typedef struct frozen { // lines of a visit that was settled: no more come to them
    visit_row_t visit;
    Tc__Bill bill; // of it only the lines
} frozen_t;

// The first of them whose lines are few enough in all.
static int read_frozen(batch_t *batch, frozen_t *frozen, const visit_row_t *visits, const rows_t *bills, err_t *err) {
    arena_t *arena = batch->on->arena;
    Tc__Bill **taken = arena_alloc(arena, bills->count * sizeof *taken);
    visit_row_t *of = arena_alloc(arena, bills->count * sizeof *of);
    int64_t lines = 0;
    rows_t keys;
    int rc = taken && of ? 0 : no_memory(err);
    rows_init(&keys, arena, 3);
    for (size_t i = 0; !rc && i < bills->count; i++) {
        const char *bill = rows_at(bills, i)[0].data;
        if (!visits[i].revision || lines + visits[i].line_count > batch->on->lines_ahead) continue;
        lines += visits[i].line_count;
        of[keys.count] = frozen[i].visit = visits[i];
        taken[keys.count] = &frozen[i].bill;
        frozen[i].bill.lines = arena_alloc(arena, ((size_t)visits[i].line_count + 1) * sizeof(Tc__FeeLine *));
        rc = frozen[i].bill.lines ? add_line_key(&keys, bill, err) : no_memory(err);
        if (!rc) *textmap_place(&batch->frozen, bill, 0) = &frozen[i];
    }
    return rc ? rc : read_lines(batch, &keys, taken, of, err);
}

int bill_lines_read_ahead(batch_t *batch, const Tc__Bill *const *bills, size_t count, err_t *err) {
    arena_t *arena = batch->on->arena;
    rows_t keys;
    batch->frozen = (textmap_t){0};
    rows_init(&keys, arena, 1);
    for (size_t i = 0; i < count; i++) {
        if (!bills[i]->lines_registered || bills[i]->n_lines) continue;
        cell_t *key = rows_add(&keys);
        if (!key) return no_memory(err);
        key[0] = cell_text(bills[i]->bill);
    }
    if (!keys.count) return 0;
    visit_row_t *visits = arena_alloc(arena, keys.count * sizeof *visits);
    frozen_t *frozen = arena_alloc(arena, keys.count * sizeof *frozen);
    if (!visits || !frozen) return no_memory(err);
    for (size_t i = 0; i < keys.count; i++) frozen[i] = (frozen_t){.bill = TC__BILL__INIT};
    textmap_t map;
    if (textmap_init(&map, arena, keys.count)) return no_memory(err);
    batch->frozen = map;
    int rc = find_visits(batch, &keys, visits, err);
    if (!rc) rc = read_frozen(batch, frozen, visits, &keys, err);
    if (rc) batch->frozen = (textmap_t){0};
    return rc;
}

static int take_frozen(const batch_t *batch, item_t *item, const frozen_t *frozen, err_t *err) {
    Tc__Bill *bill = NULL;
    int rc = match(item->bill, &frozen->visit, err);
    if (!rc) rc = take_visit(item, &frozen->visit, batch->on->arena, &bill, err);
    if (rc) return rc;
    bill->lines = frozen->bill.lines;
    bill->n_lines = frozen->bill.n_lines;
    return 0;
}

static int fetch_stored(const batch_t *batch, item_t *item, err_t *err) {
    arena_t *arena = batch->on->arena;
    rows_t visit_keys, keys;
    visit_row_t visit;
    Tc__Bill *bill = NULL;
    const frozen_t *frozen = batch->frozen.room ? textmap_find(&batch->frozen, item->bill->bill, 0) : NULL;
    if (frozen) return take_frozen(batch, item, frozen, err);
    rows_init(&visit_keys, arena, 1);
    rows_init(&keys, arena, 3);
    cell_t *key = rows_add(&visit_keys);
    if (!key) return no_memory(err);
    key[0] = cell_text(item->bill->bill);
    int rc = find_visits(batch, &visit_keys, &visit, err);
    if (!rc) rc = match(item->bill, &visit, err);
    if (!rc) rc = take_visit(item, &visit, arena, &bill, err);
    if (!rc) rc = add_line_key(&keys, bill->bill, err);
    return rc ? rc : read_lines(batch, &keys, &bill, &visit, err);
}

static int keep_splits(batch_t *batch, item_t *const *items, size_t count, err_t *err) {
    rows_t rows;
    int rc = 0;
    rows_init(&rows, batch->on->arena, VISIT_SPLIT_COLUMNS);
    for (size_t i = 0; i < count; i++)
        for (size_t r = 0; !rc && items[i]->state == ITEM_DECIDED && r < items[i]->row_count; r++) {
            const row_t *row = &items[i]->rows[r];
            if (row->lines) rc = visit_split_rows(&rows, row->bill, row->version, row->lines, err);
        }
    return rc ? rc : visit_splits_insert(batch->on->store, &rows, err);
}

int bill_lines_settled(batch_t *batch, item_t *const *items, size_t count, err_t *err) {
    arena_t *arena = batch->on->arena;
    visit_row_t *settled = NULL;
    size_t settled_count = 0;
    for (size_t i = 0; i < count; i++) {
        const item_t *item = items[i];
        if (item->state != ITEM_DECIDED || !item->visit_revision) continue;
        if (!settled) settled = arena_alloc(arena, count * sizeof *settled);
        Tc__RegisterVisit *asked = arena_alloc(arena, sizeof *asked);
        if (!settled || !asked) return no_memory(err);
        tc__register_visit__init(asked);
        asked->bill = item->bill->bill, asked->person = item->bill->person, asked->facility = item->bill->facility;
        asked->type = item->bill->type, asked->from = item->bill->from, asked->diagnosis = item->bill->diagnosis;
        fen_t amount = 0;
        for (size_t line = 0; line < item->bill->n_lines; line++) amount += item->bill->lines[line]->amount_fen;
        settled[settled_count++] = (visit_row_t){.revision = item->visit_revision + 1,
                                                 .state = "settled",
                                                 .line_count = (int64_t)item->bill->n_lines,
                                                 .amount_fen = amount,
                                                 .asked = asked};
    }
    int rc = visits_insert(batch->on->store, settled, settled_count, batch->now_ms, arena, err);
    return rc ? rc : keep_splits(batch, items, count, err);
}

// ---- the split

int bill_lines_person(const Tc__Entitlement *state, split_facts_t *facts, err_t *err) {
    facts->birth = DATE_NONE;
    facts->sex = sex_from_name(state->sex);
    if (!state->birth[0] || date_parse(state->birth, &facts->birth) == 0) return 0;
    return err_field(err, E_INTERNAL, "entitlement", "the entitlement state is unusable: birth is not a date");
}

static int still_read(err_t *err) {
    return err_field(err, E_UNAVAILABLE, "lines", "the catalogues are still being read");
}

static int index_of(const adjudication_t *on, const catalogue_t **out, err_t *err) {
    *out = catalogues_index(on->catalogues);
    if (!*out) return still_read(err);
    if (!catalogue_count(*out)) return err_field(err, E_NOT_IN_FORCE, "lines", "no catalogue has been loaded");
    return 0;
}

// A refusal is final, so it must not rest on catalogues that another instance has newer: what was loaded was told of
// as in force. Not knowing is no reason either.
static int not_behind(const adjudication_t *on, int code, err_t *err) {
    bool behind = true;
    if (catalogues_behind(on->catalogues, on->store, &behind, NULL) || behind) return still_read(err);
    return code;
}

int bill_lines_catalogue(const adjudication_t *on, const catalogue_t **out, err_t *err) {
    int rc = index_of(on, out, err);
    return rc == E_NOT_IN_FORCE ? not_behind(on, rc, err) : rc;
}

// The same for a bill of a batch, whose requests came before it was begun: so it is asked once.
static int batch_not_behind(batch_t *batch, int code, err_t *err) {
    if (!batch->catalogue_level) {
        const int rc = not_behind(batch->on, code, err);
        if (rc != code) return rc;
        batch->catalogue_level = true;
    }
    return code;
}

static int make_ask(const batch_t *batch, const item_t *item, fee_ask_t *ask, err_t *err) {
    *ask = (fee_ask_t){.lines = item->bill->lines,
                       .count = item->bill->n_lines,
                       .days = {item->input.from, item->input.to},
                       .facts = {.identity = item->input.identity,
                                 .level = item->input.level,
                                 .visit = item->input.visit,
                                 .diagnosis = item->bill->diagnosis,
                                 .city_first_pay = benefit_has_first_pay(batch->policy, &item->input)}};
    int rc = index_of(batch->on, &ask->catalogue, err);
    return rc ? rc : bill_lines_person(item->chain->entitlement, &ask->facts, err);
}

static void take_sums(item_t *item, const Tc__Bill *bill) {
    item->bill = bill;
    item->input.total = bill->total_fen;
    item->input.in_scope = bill->in_scope_fen;
    item->input.class_b = bill->class_b_fen;
}

static int check_total(const split_sums_t *sums, err_t *err) {
    if (sums->total == 0) return err_field(err, E_OUT_OF_RANGE, "total", "total must be above 0.00");
    if (sums->total <= INTAKE_TOTAL_MAX_FEN) return 0;
    return err_field(err, E_OUT_OF_RANGE, "total", "total is more than ten billion yuan");
}

int bill_lines_apply(batch_t *batch, item_t *item, err_t *err) {
    arena_t *arena = batch->on->arena;
    fee_ask_t ask;
    split_sums_t sums;
    Tc__FeeLine **filled;
    const bool stored = item->bill->n_lines == 0 || fee_lines_filled(item->bill->lines, item->bill->n_lines);
    int rc = item->bill->n_lines ? 0 : fetch_stored(batch, item, err);
    if (!rc) rc = make_ask(batch, item, &ask, err);
    if (rc == E_NOT_IN_FORCE) rc = batch_not_behind(batch, rc, err);
    if (!rc) rc = fee_lines_split(&ask, arena, &filled, &sums, err);
    if (!rc && !stored && (rc = fee_header_check(item->bill, &sums, err))) rc = batch_not_behind(batch, rc, err);
    if (!rc) rc = check_total(&sums, err);
    if (rc) return rc;
    Tc__Bill *bill = arena_copy(arena, item->bill, sizeof *bill);
    if (!bill) return no_memory(err);
    bill->lines = filled;
    if (bill->lines_registered) bill->n_lines = 0;
    fee_header_fill(bill, &sums);
    take_sums(item, bill);
    return 0;
}
