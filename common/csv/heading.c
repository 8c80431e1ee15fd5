// A file without a heading begins with somebody's data. So an unknown name is told only when another one was known.
#include "heading.h"
#include <string.h>

static int find(const csv_table_t *table, const char *name) {
    for (size_t i = 0; i < table->count; i++)
        if (strcmp(name, table->columns[i].name) == 0 || strcmp(name, table->columns[i].chinese) == 0) return (int)i;
    return -1;
}

static int check_twice(const csv_table_t *table, int64_t row, const int *column_of, size_t count, csv_fault_t *fault) {
    bool seen[CSV_COLUMNS_MAX] = {false};
    for (size_t i = 0; i < count; i++) {
        if (column_of[i] < 0) continue;
        const csv_column_t *column = &table->columns[column_of[i]];
        if (seen[column_of[i]])
            return fault_set(fault, E_INVALID_FIELD, &(place_t){row, i, column}, NULL, "this column once only");
        seen[column_of[i]] = true;
    }
    for (size_t i = 0; i < table->count; i++)
        if (table->columns[i].required && !seen[i])
            return fault_set(fault, E_MISSING_FIELD, &(place_t){row, NO_COLUMN, &table->columns[i]}, NULL,
                             "this column in the heading");
    return E_OK;
}

static int refuse_unknown(const csv_table_t *table, int64_t row, size_t at, const char *name, csv_fault_t *fault) {
    char names[sizeof fault->expected - 32];
    size_t used = 0;
    names[0] = 0;
    for (size_t i = 0; i < table->count; i++) {
        const char *mark = i ? ", " : "";
        size_t more = strlen(mark) + strlen(table->columns[i].chinese);
        if (used + more + sizeof " …" > sizeof names) {
            snprintf(names + used, sizeof names - used, " …");
            break;
        }
        used += (size_t)snprintf(names + used, sizeof names - used, "%s%s", mark, table->columns[i].chinese);
    }
    return fault_set(fault, E_UNKNOWN_FIELD, &(place_t){row, at, NULL}, name, "one of %s", names);
}

int heading_match(const csv_table_t *table, int64_t row, const char *const *names, size_t count, int *column_of,
                  csv_fault_t *fault) {
    size_t known = 0, unknown = count;
    for (size_t i = 0; i < count; i++) {
        column_of[i] = find(table, names[i]);
        known += column_of[i] >= 0;
        if (column_of[i] < 0 && unknown == count) unknown = i;
    }
    if (!known)
        return fault_set(fault, E_MISSING_FIELD, &(place_t){row, NO_COLUMN, NULL}, NULL,
                         "a heading with the names of the columns; none of its %zu is known", count);
    if (unknown < count && !table->skip_unknown) return refuse_unknown(table, row, unknown, names[unknown], fault);
    return check_twice(table, row, column_of, count, fault);
}
