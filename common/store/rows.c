// Cells, and tables of cells that grow in an arena.
#include "engine.h"
#include <string.h>

cell_t cell_i64(int64_t value) { return (cell_t){.type = CELL_I64, .i64 = value}; }

cell_t cell_text(const char *text) {
    return (cell_t){.type = CELL_TEXT, .null = !text, .data = text, .size = text ? strlen(text) : 0};
}

cell_t cell_blob(const void *data, size_t size) {
    return (cell_t){.type = CELL_BLOB, .data = size ? data : "", .size = size};
}

cell_t cell_null(cell_type_t type) { return (cell_t){.type = type, .null = true}; }

void rows_init(rows_t *rows, arena_t *arena, size_t width) { *rows = (rows_t){.arena = arena, .width = width}; }

bool rows_reserve(rows_t *rows, size_t count) {
    if (count <= rows->room) return true;
    if (count / 2 < rows->room) count = rows->room * 2; // many small additions copy each row about once
    size_t bytes;
    if (__builtin_mul_overflow(count, rows->width * sizeof *rows->cells, &bytes)) return false;
    cell_t *cells = arena_room(rows->arena, bytes);
    if (!cells) return false;
    if (rows->count) memcpy(cells, rows->cells, rows->count * rows->width * sizeof *cells);
    rows->cells = cells;
    rows->room = count;
    return true;
}

cell_t *rows_add(rows_t *rows) {
    if (rows->count == rows->room && !rows_reserve(rows, rows->room ? rows->room + 1 : 16)) return NULL;
    return memset(rows_at(rows, rows->count++), 0, rows->width * sizeof *rows->cells);
}

void rows_check(const rows_t *rows) {
    for (size_t row = 0; row < rows->count; row++)
        for (size_t i = 0; i < rows->width; i++) CHECK(rows_at(rows, row)[i].type == rows->cells[i].type);
}

static const cell_t *cell_at(const rows_t *rows, size_t row, size_t column, cell_type_t type) {
    CHECK(row < rows->count && column < rows->width);
    const cell_t *cell = rows_at(rows, row) + column;
    CHECK(cell->null || cell->type == type);
    return cell;
}

int64_t row_i64(const rows_t *rows, size_t row, size_t column) {
    const cell_t *cell = cell_at(rows, row, column, CELL_I64);
    return cell->null ? 0 : cell->i64;
}

const char *row_text(const rows_t *rows, size_t row, size_t column) {
    const cell_t *cell = cell_at(rows, row, column, CELL_TEXT);
    return cell->null ? "" : cell->data;
}

const void *row_blob(const rows_t *rows, size_t row, size_t column, size_t *size) {
    const cell_t *cell = cell_at(rows, row, column, CELL_BLOB);
    *size = cell->null ? 0 : cell->size;
    return cell->null ? "" : cell->data;
}
