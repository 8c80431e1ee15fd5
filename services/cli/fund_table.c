#include "fund_table.h"
#include <stdio.h>
#include <string.h>

fund_row_t *fund_table_row(fund_table_t *table) {
    fund_row_t *row = arena_alloc(table->arena, sizeof *row);
    if (!row) return NULL;
    for (size_t i = 0; i < table->width; i++) row->cell[i] = "";
    if (table->last)
        table->last->next = row;
    else
        table->first = row;
    table->last = row;
    return row;
}

// Columns of a UTF-8 text on a screen: what begins with three bytes or more is wide.
static size_t screen_width(const char *text) {
    size_t width = 0;
    for (const unsigned char *c = (const unsigned char *)text; *c; c++)
        if ((*c & 0xC0) != 0x80) width += *c >= 0xE3 ? 2 : 1;
    return width;
}

static void put(const char *text, size_t width, bool right, bool last) {
    const size_t own = screen_width(text), pad = own < width ? width - own : 0;
    if (right) printf("%*s", (int)pad, "");
    fputs(text, stdout);
    if (!right && !last) printf("%*s", (int)pad, "");
    fputs(last ? "\n" : "  ", stdout);
}

static void print_text(const fund_table_t *table) {
    size_t width[FUND_COLUMNS_MAX];
    for (size_t i = 0; i < table->width; i++) {
        width[i] = screen_width(table->columns[i].head);
        for (const fund_row_t *row = table->first; row; row = row->next)
            if (screen_width(row->cell[i]) > width[i]) width[i] = screen_width(row->cell[i]);
    }
    for (size_t i = 0; i < table->width; i++)
        put(table->columns[i].head, width[i], table->columns[i].right, i + 1 == table->width);
    for (const fund_row_t *row = table->first; row; row = row->next) {
        for (size_t i = 0; i < table->width; i++)
            put(row->cell[i], width[i], table->columns[i].right, i + 1 == table->width);
        if (row->note) printf("    %s\n", row->note);
    }
}

static void print_csv_cell(const char *text, bool last) {
    const bool quoted = strpbrk(text, ",\"\r\n") != NULL;
    if (quoted) putchar('"');
    for (; *text; text++) {
        if (*text == '"') putchar('"');
        putchar(*text);
    }
    if (quoted) putchar('"');
    putchar(last ? '\n' : ',');
}

void fund_table_print(const fund_table_t *table, bool csv) {
    if (!csv) {
        print_text(table);
        return;
    }
    for (size_t i = 0; i < table->width; i++) print_csv_cell(table->columns[i].head, i + 1 == table->width);
    for (const fund_row_t *row = table->first; row; row = row->next)
        for (size_t i = 0; i < table->width; i++) print_csv_cell(row->cell[i], i + 1 == table->width);
}
