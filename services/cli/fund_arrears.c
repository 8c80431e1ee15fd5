// tongchou fund arrears: by county, contributions that were billed and not paid, what fiscal tiers and the unemployment
// fund still owe of the bills (collection knows both), and what papers say is due (settlement).
#include "collection.pb-c.h"
#include "common/base/date.h"
#include "common/base/money.h"
#include "fund.h"
#include "fund.pb-c.h"
#include "fund_table.h"
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum { YEARS_MAX = 10 };

typedef struct args {
    common_options_t common;
    const char *from, *to, *fund, *county;
    int64_t year;
    bool csv;
} args_t;

typedef struct arrear {
    const char *county, *kind, *what, *who;
    fen_t due, paid, left;
} arrear_t;

typedef struct arrears {
    suite_t *suite;
    const args_t *args;
    int first_year, last_year;
    arrear_t *items;
    size_t count, room;
} arrears_t;

static int no_memory(err_t *err) { return err_set(err, E_IO, "out of memory for the arrears"); }

static int add(arrears_t *a, const arrear_t *arrear, err_t *err) {
    if (a->count == a->room) {
        const size_t room = a->room ? 2 * a->room : 256;
        arrear_t *grown = realloc(a->items, room * sizeof *grown);
        if (!grown) return no_memory(err);
        a->items = grown;
        a->room = room;
    }
    if (!arrear->what || !arrear->who) return no_memory(err);
    a->items[a->count++] = *arrear;
    return 0;
}

// ---- contributions and public money, year by year

static int add_line(arrears_t *a, int year, const Tc__Obligations__Line *line, err_t *err) {
    arena_t *arena = a->suite->arena;
    const bool private = strcmp(line->payer, "employer") == 0 || strcmp(line->payer, "person") == 0;
    if (line->open_fen <= 0 || (a->args->county && strcmp(a->args->county, line->division) != 0)) return 0;
    const arrear_t arrear = {.county = line->division,
                             .kind = private ? "contribution" : "public",
                             .what = arena_text(arena, "%d %s %s", year, line->item, line->identity),
                             .who = arena_text(arena, "%s%s%s", line->payer, *line->tier ? " " : "", line->tier),
                             .due = line->due_fen,
                             .paid = line->paid_fen,
                             .left = line->open_fen};
    return add(a, &arrear, err);
}

static int add_year(arrears_t *a, int year, err_t *err) {
    Tc__GetObligations ask = TC__GET_OBLIGATIONS__INIT;
    ProtobufCMessage *reply = NULL;
    ask.year = year;
    ask.all_payers = true;
    int rc =
        suite_count(a->suite, "collection", "get_obligations", &ask.base, &tc__obligations__descriptor, &reply, err);
    const Tc__Obligations *owed = (const Tc__Obligations *)reply;
    for (size_t i = 0; !rc && i < owed->n_lines; i++) rc = add_line(a, year, owed->lines[i], err);
    return rc;
}

// ---- papers

static int add_papers(arrears_t *a, err_t *err) {
    Tc__GetReport ask = TC__GET_REPORT__INIT;
    ProtobufCMessage *reply = NULL;
    ask.kind = (char *)"arrears";
    ask.fund = (char *)(a->args->fund ? a->args->fund : ""),
    ask.county = (char *)(a->args->county ? a->args->county : "");
    int rc = suite_call(a->suite, "settlement", "get_report", "", &ask.base, &tc__fund_report__descriptor, &reply, err);
    if (rc == E_UNSUPPORTED) return 0; // a city without such papers
    const Tc__FundReport *report = (const Tc__FundReport *)reply;
    for (size_t i = 0; !rc && i < report->n_rows; i++) {
        const Tc__FundReport__Row *row = report->rows[i];
        const arrear_t arrear = {row->county,    "paper",         row->name,     row->fund,
                                 row->first_fen, row->second_fen, row->third_fen};
        rc = add(a, &arrear, err);
    }
    return rc;
}

static int order(const void *left, const void *right) {
    const arrear_t *a = left, *b = right;
    int by = strcmp(a->county, b->county);
    if (!by) by = strcmp(a->kind, b->kind);
    if (!by) by = strcmp(a->what, b->what);
    return by ? by : strcmp(a->who, b->who);
}

// Contributions have no fund before they are paid: whoever asks for one fund gets its papers.
static int read_all(arrears_t *a, err_t *err) {
    int rc = 0;
    for (int year = a->first_year; !rc && !a->args->fund && year <= a->last_year; year++) rc = add_year(a, year, err);
    if (!rc) rc = add_papers(a, err);
    if (!rc && a->count) qsort(a->items, a->count, sizeof *a->items, order);
    return rc;
}

// ---- printing

static const char *yuan(arena_t *arena, fen_t amount) {
    char text[FEN_TEXT_MAX];
    return arena_text(arena, "%s", fen_format(amount, text));
}

static void print_table(const arrears_t *a) {
    static const fund_column_t columns[] = {{"county", false}, {"kind", false}, {"what", false}, {"who", false},
                                            {"due", true},     {"paid", true},  {"left", true}};
    arena_t *arena = a->suite->arena;
    fund_table_t table = {.arena = arena, .columns = columns, .width = COUNT_OF(columns)};
    for (size_t i = 0; i < a->count; i++) {
        const arrear_t *of = &a->items[i];
        const char *const cells[] = {
            of->county,           of->kind, of->what, of->who, yuan(arena, of->due), yuan(arena, of->paid),
            yuan(arena, of->left)};
        fund_row_t *row = fund_table_row(&table);
        if (row) memcpy(row->cell, cells, sizeof cells);
    }
    fund_table_print(&table, a->args->csv);
}

static void print_json(const arrears_t *a) {
    arena_t *arena = a->suite->arena;
    json_t *rows = json_array();
    for (size_t i = 0; i < a->count; i++) {
        const arrear_t *of = &a->items[i];
        json_array_append_new(rows, json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "county", of->county, "kind",
                                              of->kind, "what", of->what, "who", of->who, "due", yuan(arena, of->due),
                                              "paid", yuan(arena, of->paid), "left", yuan(arena, of->left)));
    }
    json_t *whole = json_pack("{s:i, s:i, s:o}", "from", a->first_year, "to", a->last_year, "rows", rows);
    char *text = json_dumps(whole, JSON_COMPACT);
    if (text) puts(text);
    free(text);
    json_decref(whole);
}

// ---- the command

// The years of a span; false with a complaint.
static bool years_of(const args_t *args, const command_t *self, int *first, int *last) {
    date_t from = DATE_NONE, to = date_of_ms(clock_now_ms());
    if ((args->year && (args->from || args->to || args->year > 9999)) ||
        (args->from && date_parse(args->from, &from)) || (args->to && date_parse(args->to, &to))) {
        (void)fund_usage(self, "either --year or --from and --to were expected");
        return false;
    }
    *last = args->year ? (int)args->year : date_year(to);
    *first = args->from ? date_year(from) : *last;
    if (*first <= *last && *last - *first < YEARS_MAX) return true;
    (void)fund_usage(self, "a span of one to ten years was expected");
    return false;
}

static int tell(arrears_t *a) {
    err_t err = {0};
    if (read_all(a, &err)) return cli_refused(&err, a->args->common.json);
    if (a->args->common.json)
        print_json(a);
    else
        print_table(a);
    return 0;
}

static int run(int argc, char **argv, const command_t *self) {
    args_t args = {.common = COMMON_DEFAULTS};
    words_t words = {0};
    suite_t suite;
    const option_spec_t specs[] = {COMMON_SPECS(args.common),
                                   {.name = "from", .text = &args.from},
                                   {.name = "to", .text = &args.to},
                                   {.name = "fund", .text = &args.fund},
                                   {.name = "county", .text = &args.county},
                                   {.name = "year", .number = &args.year},
                                   {.name = "csv", .flag = &args.csv}};
    arrears_t a = {.suite = &suite, .args = &args};
    int status = options_parse(argc, argv, self, specs, COUNT_OF(specs), &words, NULL);
    if (status >= 0) return status;
    if (words.count) return fund_usage(self, "no further word was expected");
    if (!years_of(&args, self, &a.first_year, &a.last_year) || suite_open(&suite, args.common.data, args.common.as))
        return 2;
    status = tell(&a);
    free(a.items);
    suite_close(&suite);
    return status;
}

const command_t fund_arrears = {
    "fund arrears", "by county: contributions billed and not paid, what fiscal tiers still owe, what papers say is due",
    "usage: tongchou fund arrears [--year Y | --from DAY --to DAY] [--fund F] [--county C] [--csv | --json]\n\n"
    "contribution: bills of the years of the span that employers and persons have not paid; public: what finance "
    "(city\n"
    "and county, where the city says how they share) and the unemployment fund owe of them; paper: everything stated\n"
    "with `tongchou fund due`, whatever its year. Without a span: this year. With --fund papers of that fund only.\n\n"
    "examples:\n  tongchou fund arrears --year 2020\n  tongchou fund arrears --county 370402 --csv\n",
    run};
