// One walk over the persons, page by page, and of each the bills of the year by key, in constant memory: it costs the
// same however many years a city keeps. Bills change when they are paid, so sums kept beside them would have to change
// with every receipt, and an index by year with every bill.
#include "obligations.h"
#include "store.h"
#include <stdlib.h>
#include <string.h>

enum { PAGE = 1000, LINES_MAX = 4096, KEY_MAX = 65 };

typedef struct walk_place { // the last person seen
    int64_t partition;
    char person[KEY_MAX];
} walk_place_t;

typedef struct sums {
    collection_t *c;
    char year[PERIOD_TEXT_MAX], next_year[PERIOD_TEXT_MAX];
    Tc__Obligations *out;
    char (*last_person)[KEY_MAX]; // of each line, so that a person counts once
    arena_t *page;
} sums_t;

static int out_of_memory(err_t *err) { return err_set(err, E_IO, "out of memory"); }

// The next persons, and what is asked for each: partition, person, year, the year after.
static int read_persons(const sums_t *sums, walk_place_t *place, rows_t *keys, err_t *err) {
    rows_t persons;
    int rc = person_keys_page(sums->c->ctx->store, place->partition, place->person, PAGE, sums->page, &persons, err);
    rows_init(keys, sums->page, 4);
    for (size_t i = 0; rc == 0 && i < persons.count; i++) {
        cell_t *key = rows_add(keys);
        if (!key) return out_of_memory(err);
        key[0] = rows_at(&persons, i)[0];
        key[1] = rows_at(&persons, i)[1];
        key[2] = cell_text(sums->year);
        key[3] = cell_text(sums->next_year);
    }
    if (rc || persons.count == 0) return rc;
    place->partition = row_i64(&persons, persons.count - 1, 0);
    snprintf(place->person, sizeof place->person, "%s", row_text(&persons, persons.count - 1, 1));
    return 0;
}

static Tc__Obligations__Line *line_of(sums_t *sums, const Tc__ContributionBill *bill,
                                      const Tc__ContributionLine *from) {
    Tc__Obligations *all = sums->out;
    for (size_t i = 0; i < all->n_lines; i++)
        if (strcmp(all->lines[i]->division, bill->division) == 0 && strcmp(all->lines[i]->item, from->item) == 0 &&
            strcmp(all->lines[i]->payer, from->payer) == 0)
            return all->lines[i];
    if (all->n_lines == LINES_MAX) return NULL;
    arena_t *arena = sums->c->ctx->arena;
    Tc__Obligations__Line *line = arena_alloc(arena, sizeof *line);
    if (!line) return NULL;
    tc__obligations__line__init(line);
    line->division = arena_text(arena, "%s", bill->division);
    line->item = arena_text(arena, "%s", from->item);
    line->payer = arena_text(arena, "%s", from->payer);
    if (!line->division || !line->item || !line->payer) return NULL;
    sums->last_person[all->n_lines][0] = '\0';
    all->lines[all->n_lines++] = line;
    return line;
}

static size_t index_of(const Tc__Obligations *all, const Tc__Obligations__Line *line) {
    size_t i = 0;
    while (all->lines[i] != line) i++;
    return i;
}

static int add_line(sums_t *sums, const Tc__ContributionBill *bill, const Tc__ContributionLine *from, bool paid,
                    err_t *err) {
    const int payer = payer_from_name(from->payer);
    if (payer != PAYER_FINANCE && payer != PAYER_UNEMPLOYMENT_FUND) return 0;
    Tc__Obligations__Line *line = line_of(sums, bill, from);
    if (!line) return err_set(err, E_TOO_LARGE, "more than %d lines of obligations", LINES_MAX);
    char *last = sums->last_person[index_of(sums->out, line)];
    if (strcmp(last, bill->person) != 0) line->persons++;
    snprintf(last, KEY_MAX, "%s", bill->person);
    if (fen_add(line->due_fen, from->amount_fen, &line->due_fen) ||
        (paid && bill_brings(bill, from) && fen_add(line->paid_fen, from->amount_fen, &line->paid_fen)))
        return err_set(err, E_OUT_OF_RANGE, "the obligations add up to more than can be counted");
    return 0;
}

static int add_page(sums_t *sums, const rows_t *rows, err_t *err) {
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < rows->count; i++) {
        Tc__ContributionBill *bill;
        size_t size;
        const void *body = row_blob(rows, i, 2, &size);
        rc = bill_unpack(body, size, row_i64(rows, i, 3), sums->page, &bill, err);
        for (size_t k = 0; rc == 0 && k < bill->n_lines; k++)
            rc = add_line(sums, bill, bill->lines[k], *row_text(rows, i, 1) != '\0', err);
    }
    return rc;
}

static int walk(sums_t *sums, err_t *err) {
    walk_place_t place = {.partition = -1};
    rows_t keys, rows;
    int rc;
    do {
        arena_reset(sums->page);
        rc = read_persons(sums, &place, &keys, err);
        if (rc == 0) rc = bills_between(sums->c->ctx->store, &keys, sums->page, &rows, err);
        if (rc == 0) rc = add_page(sums, &rows, err);
    } while (rc == 0 && keys.count == PAGE);
    return rc;
}

static int by_name(const void *a, const void *b) {
    const Tc__Obligations__Line *left = *(Tc__Obligations__Line *const *)a, *right = *(Tc__Obligations__Line *const *)b;
    int order = strcmp(left->division, right->division);
    if (!order) order = strcmp(left->item, right->item);
    return order ? order : strcmp(left->payer, right->payer);
}

int obligations_get(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                    err_t *err) {
    (void)request;
    collection_t *c = self;
    arena_t *arena = c->ctx->arena;
    const int year = ((const Tc__GetObligations *)message)->year;
    if (!date_valid(year, 1, 1)) return err_field(err, E_INVALID_FIELD, "year", "year: expected 1900 to 2199");
    sums_t sums = {.c = c,
                   .out = arena_alloc(arena, sizeof *sums.out),
                   .last_person = arena_alloc(arena, LINES_MAX * sizeof *sums.last_person),
                   .page = c->env.scratch};
    if (!sums.out || !sums.last_person) return out_of_memory(err);
    snprintf(sums.year, sizeof sums.year, "%04d", year);
    snprintf(sums.next_year, sizeof sums.next_year, "%04d", year + 1);
    tc__obligations__init(sums.out);
    sums.out->lines = arena_alloc(arena, LINES_MAX * sizeof *sums.out->lines);
    if (!sums.out->lines) return out_of_memory(err);
    int rc = walk(&sums, err);
    arena_reset(sums.page);
    if (rc) return rc;
    qsort(sums.out->lines, sums.out->n_lines, sizeof *sums.out->lines, by_name);
    *reply = &sums.out->base;
    return 0;
}
