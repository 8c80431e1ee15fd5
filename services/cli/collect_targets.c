#include "collect_targets.h"
#include "collection.pb-c.h"
#include "common/base/date.h"
#include "common/base/money.h"
#include "fund_table.h"
#include <stdlib.h>
#include <string.h>

static bool counts_persons(const char *kind) { return strcmp(kind, "insured") == 0; }

// Persons as they are, money in yuan.
static const char *number(arena_t *arena, const char *kind, int64_t value) {
    char text[FEN_TEXT_MAX];
    return counts_persons(kind) ? arena_text(arena, "%lld", (long long)value)
                                : arena_text(arena, "%s", fen_format(value, text));
}

static const char *percent(arena_t *arena, const Tc__Targets__Line *line) {
    return line->target > 0 ? arena_text(arena, "%lld.%02lld%%", (long long)(line->share / 10000),
                                         (long long)(line->share / 100 % 100))
                            : "-";
}

static const char *joined(arena_t *arena, char *const *words, size_t count) {
    const char *text = "";
    for (size_t i = 0; text && i < count; i++) text = arena_text(arena, "%s%s%s", text, i ? "+" : "", words[i]);
    return text;
}

static const char *or_dash(const char *text) { return *text ? text : "-"; }

static void add_line(fund_table_t *table, const Tc__Targets__Line *line) {
    arena_t *arena = table->arena;
    const char *what = *line->item || *line->tier ? arena_text(arena, "%s%s%s%s%s", line->kind, *line->item ? " " : "",
                                                               line->item, *line->tier ? " " : "", line->tier)
                                                  : line->kind;
    const char *const cells[] = {what,
                                 *line->division ? line->division : "city",
                                 line->target ? number(arena, line->kind, line->target) : "-",
                                 number(arena, line->kind, line->done),
                                 number(arena, line->kind, line->missing),
                                 percent(arena, line),
                                 arena_text(arena, "%d", line->late_days),
                                 *line->division ? "-" : number(arena, line->kind, line->broken_down),
                                 or_dash(joined(arena, line->answers, line->n_answers)),
                                 or_dash(line->rule),
                                 or_dash(line->document)};
    fund_row_t *row = fund_table_row(table);
    if (row) memcpy(row->cell, cells, sizeof cells);
}

static void print_lines(const Tc__Targets *all, arena_t *arena, bool csv) {
    static const fund_column_t columns[] = {{"what", false},     {"district", false},   {"target", true},
                                            {"done", true},      {"missing", true},     {"share", true},
                                            {"late days", true}, {"broken down", true}, {"answers", false},
                                            {"rule", false},     {"document", false}};
    fund_table_t table = {.arena = arena, .columns = columns, .width = COUNT_OF(columns)};
    for (size_t i = 0; i < all->n_lines; i++) add_line(&table, all->lines[i]);
    fund_table_print(&table, csv);
}

static void print_history(const Tc__Targets *all, arena_t *arena, bool csv) {
    static const fund_column_t columns[] = {{"kind", false},   {"district", false}, {"tier", false},
                                            {"item", false},   {"number", true},    {"target", true},
                                            {"set on", false}, {"set by", false},   {"document", false}};
    fund_table_t table = {.arena = arena, .columns = columns, .width = COUNT_OF(columns)};
    for (size_t i = 0; i < all->n_history; i++) {
        const Tc__Target *target = all->history[i];
        char day[DATE_TEXT_MAX];
        const int64_t value = counts_persons(target->kind) ? target->persons : target->amount_fen;
        const char *const cells[] = {target->kind,
                                     *target->division ? target->division : "city",
                                     or_dash(target->tier),
                                     or_dash(target->item),
                                     arena_text(arena, "%lld", (long long)target->number),
                                     number(arena, target->kind, value),
                                     arena_text(arena, "%s", date_format(date_of_ms(target->set_ms), day)),
                                     or_dash(target->set_by),
                                     target->document};
        fund_row_t *row = fund_table_row(&table);
        if (row) memcpy(row->cell, cells, sizeof cells);
    }
    fund_table_print(&table, csv);
}

int collect_targets(suite_t *suite, const collect_targets_t *what) {
    Tc__GetTargets ask = TC__GET_TARGETS__INIT;
    ProtobufCMessage *reply = NULL;
    err_t err = {0};
    char *end;
    const long year = strtol(what->year, &end, 10);
    if (strlen(what->year) != 4 || *end || !date_valid((int)year, 1, 1))
        return cli_refused(&(err_t){E_INVALID_FIELD, "year", "a year like 2018 was expected"}, what->json);
    ask.year = (int)year;
    ask.as_of = (char *)(what->as_of ? what->as_of : "");
    ask.history = what->history;
    int rc = suite_count(suite, "collection", "get_targets", &ask.base, &tc__targets__descriptor, &reply, &err);
    if (rc) return cli_refused(&err, what->json);
    const Tc__Targets *all = (const Tc__Targets *)reply;
    char *text = what->json ? message_to_json(reply, suite->arena) : NULL;
    if (text)
        puts(text);
    else if (what->history)
        print_history(all, suite->arena, what->csv);
    else
        print_lines(all, suite->arena, what->csv);
    return 0;
}
