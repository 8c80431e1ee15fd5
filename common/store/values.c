// Binary formats: int8 is 8 bytes big-endian, text and bytea are their bytes. A one-dimensional array is
//   int32 dimensions = 1, int32 has-nulls, int32 element OID, int32 length, int32 lower bound = 1,
//   then per element int32 size (−1 null) and its bytes: {7} of int8 is 00000001 00000000 00000014 00000001 00000001
//   00000008 0000000000000007.
#include "values.h"
#include <ctype.h>
#include <endian.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OID_BOOL = 16, OID_BYTEA = 17, OID_INT8 = 20, OID_INT2 = 21, OID_INT4 = 23, OID_TEXT = 25, OID_VARCHAR = 1043 };
enum { OID_BYTEA_ARRAY = 1001, OID_TEXT_ARRAY = 1009, OID_INT8_ARRAY = 1016 };

#define ARRAY_HEADER 20
#define PORTION_ROWS 16384
#define PORTION_BYTES (16 << 20) // far below the 1 GiB of one value

static const struct {
    Oid scalar, array;
    char letter, array_letter;
} types[] = {
    [CELL_I64] = {OID_INT8, OID_INT8_ARRAY, 'i', 'I'},
    [CELL_TEXT] = {OID_TEXT, OID_TEXT_ARRAY, 't', 'T'},
    [CELL_BLOB] = {OID_BYTEA, OID_BYTEA_ARRAY, 'b', 'B'},
};

static size_t size_of(const cell_t *cell) {
    if (cell->null) return 0;
    return cell->type == CELL_I64 ? 8 : cell->size;
}

void params_of_cells(params_t *params, const cell_t *cells, size_t count) {
    params->count = count;
    for (size_t i = 0; i < count; i++) {
        const cell_t *cell = &cells[i];
        CHECK(size_of(cell) <= INT_MAX);
        params->types[i] = types[cell->type].scalar;
        params->letters[i] = types[cell->type].letter;
        params->lengths[i] = (int)size_of(cell);
        params->values[i] = cell->null ? NULL : cell->size ? cell->data : "";
        if (cell->type == CELL_I64 && !cell->null) {
            uint64_t wire = htobe64((uint64_t)cell->i64);
            params->values[i] = memcpy(params->ints[i], &wire, 8);
        }
    }
    params->letters[count] = '\0';
}

// ---- arrays ----

static size_t row_bytes(const rows_t *rows, size_t row) {
    size_t bytes = 0;
    for (size_t i = 0; i < rows->width; i++) bytes += 4 + size_of(rows_at(rows, row) + i);
    return bytes;
}

size_t portion_of_rows(const rows_t *rows, size_t from) {
    size_t to = from, bytes = 0;
    while (to < rows->count && to - from < PORTION_ROWS) {
        bytes += row_bytes(rows, to);
        if (bytes > PORTION_BYTES && to > from) break;
        to++;
    }
    return to - from;
}

static char *put32(char *at, uint32_t value) {
    uint32_t wire = htobe32(value);
    memcpy(at, &wire, 4);
    return at + 4;
}

static char *put_cell(char *at, const cell_t *cell) {
    if (cell->null) return put32(at, UINT32_MAX);
    size_t size = size_of(cell);
    at = put32(at, (uint32_t)size);
    uint64_t wire = htobe64((uint64_t)cell->i64);
    if (size) memcpy(at, cell->type == CELL_I64 ? (const void *)&wire : cell->data, size);
    return at + size;
}

static char *put_column(char *at, const rows_t *rows, size_t from, size_t to, size_t column) {
    uint32_t nulls = 0;
    for (size_t row = from; row < to; row++) nulls |= rows_at(rows, row)[column].null;
    at = put32(at, 1);
    at = put32(at, nulls);
    at = put32(at, types[rows->cells[column].type].scalar);
    at = put32(at, (uint32_t)(to - from));
    at = put32(at, 1);
    for (size_t row = from; row < to; row++) at = put_cell(at, rows_at(rows, row) + column);
    return at;
}

int params_of_columns(params_t *params, const rows_t *rows, size_t from, size_t to, char **buffer, err_t *err) {
    size_t bytes = rows->width * ARRAY_HEADER;
    for (size_t row = from; row < to; row++) bytes += row_bytes(rows, row);
    *buffer = NULL;
    if (bytes > INT_MAX) return err_set(err, E_STORE, "postgresql: a row of %zu bytes is too large", bytes);
    char *at = *buffer = malloc(bytes);
    if (!at) return err_set(err, E_STORE, "out of memory");
    params->count = rows->width;
    for (size_t i = 0; i < rows->width; i++) {
        cell_type_t type = rows->cells[i].type;
        params->types[i] = types[type].array;
        params->letters[i] = types[type].array_letter;
        params->values[i] = at;
        at = put_column(at, rows, from, to, i);
        params->lengths[i] = (int)(at - params->values[i]);
    }
    params->letters[rows->width] = '\0';
    return E_OK;
}

// ---- the binary format of COPY ----
// "PGCOPY", flags, no extension; per row an int16 number of fields, each as in an array; an int16 of −1 ends it.

char *copy_of_rows(const rows_t *rows, size_t from, size_t to, size_t *size, err_t *err) {
    static const char head[19] = "PGCOPY\n\377\r\n"; // a NUL, and two integers that are 0
    const uint16_t width = htobe16((uint16_t)rows->width), end = UINT16_MAX;
    size_t bytes = sizeof head + sizeof end;
    for (size_t row = from; row < to; row++) bytes += sizeof width + row_bytes(rows, row);
    char *data = malloc(bytes), *at = data;
    if (!data) {
        err_set(err, E_STORE, "out of memory");
        return NULL;
    }
    memcpy(at, head, sizeof head);
    at += sizeof head;
    for (size_t row = from; row < to; row++) {
        memcpy(at, &width, sizeof width);
        at += sizeof width;
        for (size_t i = 0; i < rows->width; i++) at = put_cell(at, rows_at(rows, row) + i);
    }
    memcpy(at, &end, sizeof end);
    *size = bytes;
    return data;
}

// ---- results ----

static int64_t read_int(const char *bytes, int size) {
    uint64_t value = (bytes[0] & 0x80) && size > 1 ? UINT64_MAX : 0;
    for (int i = 0; i < size; i++) value = value << 8 | (unsigned char)bytes[i];
    return (int64_t)value;
}

static int column_type(const PGresult *result, int column, cell_type_t *out, err_t *err) {
    switch (PQftype(result, column)) {
    case OID_BOOL:
    case OID_INT2:
    case OID_INT4:
    case OID_INT8: *out = CELL_I64; return E_OK;
    case OID_TEXT:
    case OID_VARCHAR: *out = CELL_TEXT; return E_OK;
    case OID_BYTEA: *out = CELL_BLOB; return E_OK;
    default:
        return err_set(err, E_STORE, "postgresql: column \"%s\" has type %u: CAST it AS BIGINT, TEXT or BYTEA",
                       PQfname(result, column), PQftype(result, column));
    }
}

static int read_cell(const PGresult *result, int row, int column, cell_type_t type, arena_t *arena, cell_t *out,
                     err_t *err) {
    *out = cell_null(type);
    if (PQgetisnull(result, row, column)) return E_OK;
    const char *value = PQgetvalue(result, row, column);
    size_t size = (size_t)PQgetlength(result, row, column);
    if (type == CELL_I64) {
        if (size < 1 || size > 8) return err_set(err, E_STORE, "postgresql: an integer of %zu bytes", size);
        *out = cell_i64(read_int(value, (int)size));
        return E_OK;
    }
    char *copy = arena_copy(arena, value, size + 1); // libpq ends every value with a NUL
    if (!copy) return err_set(err, E_STORE, "out of memory for a result");
    *out = (cell_t){.type = type, .data = copy, .size = size};
    return E_OK;
}

int rows_of_result(rows_t *out, const PGresult *result, err_t *err) {
    cell_type_t column[1 + STORE_PARAMS_MAX * 4] = {0};
    CHECK(out->width <= COUNT_OF(column) && out->width == (size_t)PQnfields(result));
    int code = E_OK, rows = PQntuples(result);
    for (size_t i = 0; code == E_OK && i < out->width; i++) code = column_type(result, (int)i, &column[i], err);
    if (code != E_OK) return code;
    if (!rows_reserve(out, out->count + (size_t)rows)) return err_set(err, E_STORE, "out of memory for a result");
    for (int row = 0; row < rows; row++) {
        cell_t *cells = rows_add(out);
        for (size_t i = 0; code == E_OK && i < out->width; i++)
            code = read_cell(result, row, (int)i, column[i], out->arena, &cells[i], err);
        if (code != E_OK) return code;
    }
    return E_OK;
}

// ---- texts ----

// The end of the quoted text or comment that begins at `at`, or `at` when none does.
static const char *skip_quoted(const char *at) {
    if (*at == '\'' || *at == '"') {
        const char *end = strchr(at + 1, *at); // a doubled quote is simply the next quoted text
        return end ? end + 1 : at + strlen(at);
    }
    if (at[0] == '-' && at[1] == '-') return at + strcspn(at, "\n");
    if (at[0] == '/' && at[1] == '*') {
        const char *end = strstr(at + 2, "*/");
        return end ? end + 2 : at + strlen(at);
    }
    return at;
}

static void rewrite(FILE *text, const char *at) {
    while (*at) {
        const char *end = skip_quoted(at);
        if (end > at) {
            fwrite(at, 1, (size_t)(end - at), text);
            at = end;
        } else if (at[0] == '$' && isdigit((unsigned char)at[1])) {
            fputs("each_key.c", text);
            at++;
        } else {
            fputc(*at++, text);
        }
    }
}

// No ORDER BY: the caller puts the rows in key order, so that the planner may join as it likes.
char *each_sql(const char *sql, size_t width) {
    char *out = NULL;
    size_t size;
    FILE *text = open_memstream(&out, &size);
    if (!text) return NULL;
    fputs("SELECT each_key.n - 1, each_row.* FROM unnest(", text);
    for (size_t i = 1; i <= width; i++) fprintf(text, i == 1 ? "$%zu" : ", $%zu", i);
    fputs(") WITH ORDINALITY AS each_key(", text);
    for (size_t i = 1; i <= width; i++) fprintf(text, "c%zu, ", i);
    fputs("n) CROSS JOIN LATERAL (", text);
    rewrite(text, sql);
    fputs("\n) AS each_row", text); // the line break ends a trailing comment
    if (fclose(text) == 0) return out;
    free(out);
    return NULL;
}
