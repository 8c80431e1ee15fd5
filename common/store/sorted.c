#include "sorted.h"
#include <endian.h>
#include <stdlib.h>
#include <string.h>

enum { COLUMNS = 3, ROWS_MIN = 32 }; // few rows are not worth it

typedef struct place {
    uint64_t heads[2]; // of the first cells: numbers that order most rows at a glance
    const cell_t *cells;
    size_t columns, at;
} place_t;

// In the order of the cells, of text and bytes by the first eight.
static uint64_t head_of(const cell_t *cell) {
    uint64_t head = 0;
    if (cell->null) return 0;
    if (cell->type == CELL_I64) return (uint64_t)cell->i64 ^ UINT64_C(1) << 63;
    if (cell->size) memcpy(&head, cell->data, cell->size < sizeof head ? cell->size : sizeof head);
    return be64toh(head);
}

static int compare_cells(const cell_t *a, const cell_t *b) {
    if (a->null || b->null) return b->null - a->null;
    if (a->type == CELL_I64) return (a->i64 > b->i64) - (a->i64 < b->i64);
    const size_t common = a->size < b->size ? a->size : b->size;
    const int order = common ? memcmp(a->data, b->data, common) : 0;
    return order ? order : (a->size > b->size) - (a->size < b->size);
}

static int compare(const cell_t *a, const cell_t *b, size_t columns) {
    int order = 0;
    for (size_t i = 0; order == 0 && i < columns; i++) order = compare_cells(&a[i], &b[i]);
    return order;
}

static int by_cells(const void *a, const void *b) {
    const place_t *x = a, *y = b;
    if (x->heads[0] != y->heads[0]) return x->heads[0] < y->heads[0] ? -1 : 1;
    // A number that is no null is told by its head alone.
    if (x->cells->type == CELL_I64 && x->heads[0] && x->heads[1] != y->heads[1])
        return x->heads[1] < y->heads[1] ? -1 : 1;
    const int order = compare(x->cells, y->cells, x->columns);
    return order ? order : (x->at > y->at) - (x->at < y->at);
}

static bool is_ordered(const rows_t *rows, size_t columns) {
    for (size_t i = 1; i < rows->count; i++)
        if (compare(rows_at(rows, i - 1), rows_at(rows, i), columns) > 0) return false;
    return true;
}

static void fill(sorted_t *sorted, const rows_t *rows, place_t *places, size_t columns) {
    for (size_t i = 0; i < rows->count; i++) {
        const cell_t *cells = rows_at(rows, i);
        places[i] = (place_t){{head_of(cells), columns > 1 ? head_of(&cells[1]) : 0}, cells, columns, i};
    }
    qsort(places, rows->count, sizeof *places, by_cells);
    for (size_t i = 0; i < rows->count; i++) {
        memcpy(rows_at(&sorted->rows, i), places[i].cells, rows->width * sizeof *rows->cells);
        sorted->places[i] = places[i].at;
    }
}

int sorted_make(sorted_t *sorted, const rows_t *rows, err_t *err) {
    const size_t columns = rows->width < COLUMNS ? rows->width : COLUMNS;
    *sorted = (sorted_t){.rows = *rows};
    if (rows->count < ROWS_MIN || is_ordered(rows, columns)) return E_OK;
    place_t *places = malloc(rows->count * sizeof *places);
    sorted->places = malloc(rows->count * sizeof *sorted->places);
    sorted->rows.cells = malloc(rows->count * rows->width * sizeof *rows->cells);
    const bool good = places && sorted->places && sorted->rows.cells;
    if (good)
        fill(sorted, rows, places, columns);
    else
        free(sorted->rows.cells);
    free(places);
    if (good) return E_OK;
    free(sorted->places);
    *sorted = (sorted_t){.rows = *rows};
    return err_set(err, E_STORE, "out of memory");
}

void sorted_free(sorted_t *sorted) {
    if (!sorted->places) return;
    free(sorted->places);
    free(sorted->rows.cells);
    *sorted = (sorted_t){0};
}
