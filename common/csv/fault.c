// See fault.h.
#include "fault.h"
#include "cell.h"
#include <stdarg.h>
#include <string.h>

static void set_place(csv_fault_t *fault, const place_t *place) {
    const csv_column_t *column = place->column;
    fault->row = place->row;
    fault->column = column ? column->name : "";
    if (column)
        snprintf(fault->place, sizeof fault->place, "%s (%s)", column->chinese, column->name);
    else if (place->at != NO_COLUMN)
        snprintf(fault->place, sizeof fault->place, "column %zu", place->at + 1);
}

int fault_set(csv_fault_t *fault, int code, const place_t *place, const char *found, const char *expected, ...) {
    va_list args;
    *fault = (csv_fault_t){.code = code};
    set_place(fault, place);
    if (found && !(place->column && place->column->personal)) cell_show(found, fault->found, sizeof fault->found);
    va_start(args, expected);
    int n = vsnprintf(fault->expected, sizeof fault->expected, expected, args);
    va_end(args);
    CHECK(n > 0);
    return code;
}

int csv_fault_err(const csv_fault_t *fault, err_t *err) {
    char where[128] = "";
    if (fault->row) snprintf(where, sizeof where, "row %lld", (long long)fault->row);
    if (fault->place[0])
        snprintf(where + strlen(where), sizeof where - strlen(where), "%s%s", where[0] ? ", " : "", fault->place);
    const char *mark = where[0] ? ": " : "";
    if (fault->found[0])
        return err_field(err, fault->code, fault->column, "%s%sfound \"%s\", expected %s", where, mark, fault->found,
                         fault->expected);
    return err_field(err, fault->code, fault->column, "%s%sexpected %s", where, mark, fault->expected);
}
