// tongchou fund clearing: points settlement with hospitals from lists in CSV. A list is read whole before anything is
// sent; what settlement finds wrong with a row is told row by row.
#include "common/base/hash.h"
#include "common/csv/csv.h"
#include "fund_statement.h"
#include <errno.h>
#include <string.h>

enum { ROWS_AT_ONCE = 1000, PPM_OF_POINTS = 100, CASES_MAX = 100000 };

typedef struct args {
    common_options_t common;
    const char *fund, *layer, *budget, *average, *groups, *hospitals, *cases;
    bool dry, csv, all;
} args_t;

#define OPT(n, f)                                                                                                      \
    { .name = n, .text = &args.f }
#define FLAG(n, f)                                                                                                     \
    { .name = n, .flag = &args.f }

// ---- lists

typedef enum list { GROUPS, HOSPITALS, CASES } list_t;
enum { G_NAME, G_MEAN, G_CASES, G_VARIATION };
enum { H_FACILITY, H_QUALITY, H_PAID };
enum {
    C_VISIT,
    C_FACILITY,
    C_GROUP,
    C_MODE,
    C_COEFFICIENT,
    C_COST,
    C_PATIENT,
    C_DAILY,
    C_DAYS,
    C_REVIEWED,
    C_DENIED,
    C_PENALTY
};

static const csv_word_t modes[] = {{"drg", "病组"}, {"bed_day", "床日"}, {"item", "项目"}};
static const csv_column_t group_columns[] = {
    {.name = "group", .chinese = "病组", .required = true},
    {.name = "mean", .chinese = "次均费用", .required = true, .type = CSV_MONEY},
    {.name = "cases", .chinese = "病例数", .required = true, .type = CSV_NUMBER},
    {.name = "variation", .chinese = "变异系数", .required = true}};
static const csv_column_t hospital_columns[] = {
    {.name = "facility", .chinese = "医疗机构", .required = true},
    {.name = "quality", .chinese = "质量系数"},
    {.name = "paid", .chinese = "已付", .type = CSV_MONEY, .may_be_negative = true}};
static const csv_column_t case_columns[] = {
    {.name = "visit", .chinese = "就诊号", .required = true},
    {.name = "facility", .chinese = "医疗机构", .required = true},
    {.name = "group", .chinese = "病组"},
    {.name = "mode", .chinese = "付费方式", .type = CSV_WORD, .words = modes, .word_count = 3},
    {.name = "coefficient", .chinese = "差异系数"},
    {.name = "cost", .chinese = "总费用", .required = true, .type = CSV_MONEY},
    {.name = "patient", .chinese = "个人负担", .required = true, .type = CSV_MONEY},
    {.name = "daily", .chinese = "床日标准", .type = CSV_MONEY},
    {.name = "days", .chinese = "天数", .type = CSV_NUMBER},
    {.name = "reviewed", .chinese = "已评审", .type = CSV_YES_NO},
    {.name = "denied", .chinese = "拒付", .type = CSV_YES_NO},
    {.name = "penalty", .chinese = "扣点"}};

static const csv_table_t tables[] = {
    [GROUPS] = {.columns = group_columns, .count = COUNT_OF(group_columns), .skip_unknown = true},
    [HOSPITALS] = {.columns = hospital_columns,
                   .count = COUNT_OF(hospital_columns),
                   .totals = CSV_TOTALS_OPTIONAL,
                   .skip_unknown = true},
    [CASES] = {
        .columns = case_columns, .count = COUNT_OF(case_columns), .totals = CSV_TOTALS_OPTIONAL, .skip_unknown = true}};

typedef struct reading {
    suite_t *suite;
    void *rows[CASES_MAX]; // messages
    size_t count, bad;
    list_t list;
} reading_t;

// A factor like 1.05, in millionths; `otherwise` where the cell is empty. false when it is none.
static bool factor_of(const csv_cell_t *cell, int32_t otherwise, int32_t *out) {
    *out = otherwise;
    return !cell->given || rate_parse(cell->text, out) == 0;
}

// Points with at most four decimals, in ten-thousandths.
static bool points_of(const csv_cell_t *cell, int64_t *out) {
    int32_t millionths;
    *out = 0;
    if (!cell->given) return true;
    if (rate_parse(cell->text, &millionths) || millionths % PPM_OF_POINTS) return false;
    *out = millionths / PPM_OF_POINTS;
    return true;
}

static void *group_of(arena_t *arena, const csv_row_t *row, const char **why) {
    const csv_cell_t *cells = row->cells;
    Tc__PointsGroup *g = arena_alloc(arena, sizeof *g);
    if (!g) return NULL;
    tc__points_group__init(g);
    g->name = arena_text(arena, "%s", cells[G_NAME].text);
    g->mean_fen = cells[G_MEAN].fen, g->cases = cells[G_CASES].number;
    if (!factor_of(&cells[G_VARIATION], 0, &g->variation_ppm)) *why = "variation: a number like 0.85 was expected";
    return g->name ? g : NULL;
}

static void *hospital_of(arena_t *arena, const csv_row_t *row, const char **why) {
    const csv_cell_t *cells = row->cells;
    Tc__PointsHospital *h = arena_alloc(arena, sizeof *h);
    if (!h) return NULL;
    tc__points_hospital__init(h);
    h->facility = arena_text(arena, "%s", cells[H_FACILITY].text);
    if (!factor_of(&cells[H_QUALITY], RATE_ONE, &h->quality_ppm)) *why = "quality: a factor like 0.98 was expected";
    if (cells[H_PAID].given) {
        h->paid_given_case = TC__POINTS_HOSPITAL__PAID_GIVEN_PAID_FEN;
        h->paid_fen = cells[H_PAID].fen;
    }
    return h->facility ? h : NULL;
}

static void *case_of(arena_t *arena, const csv_row_t *row, const char **why) {
    const csv_cell_t *cells = row->cells;
    Tc__PointsCase *c = arena_alloc(arena, sizeof *c);
    if (!c) return NULL;
    tc__points_case__init(c);
    c->row = row->number;
    c->visit = arena_text(arena, "%s", cells[C_VISIT].text);
    c->facility = arena_text(arena, "%s", cells[C_FACILITY].text);
    c->group = arena_text(arena, "%s", cells[C_GROUP].text);
    c->mode = fund_text(modes[cells[C_MODE].given ? cells[C_MODE].word : 0].name);
    c->cost_fen = cells[C_COST].fen, c->patient_fen = cells[C_PATIENT].fen;
    c->daily_fen = cells[C_DAILY].given ? cells[C_DAILY].fen : 0;
    c->days = cells[C_DAYS].given ? cells[C_DAYS].number : 0;
    c->reviewed = cells[C_REVIEWED].given && cells[C_REVIEWED].yes;
    c->denied = cells[C_DENIED].given && cells[C_DENIED].yes;
    if (!factor_of(&cells[C_COEFFICIENT], RATE_ONE, &c->coefficient_ppm))
        *why = "coefficient: a factor like 1.05 was expected";
    if (!points_of(&cells[C_PENALTY], &c->penalty)) *why = "penalty: points with at most four decimals were expected";
    return c->visit && c->facility && c->group ? c : NULL;
}

static int take_row(reading_t *r, const csv_row_t *row) {
    arena_t *arena = r->suite->arena;
    const char *why = NULL;
    if (r->count == CASES_MAX) {
        fprintf(stderr, "row %lld: more than %d rows\n", (long long)row->number, CASES_MAX);
        return 1;
    }
    void *made = r->list == GROUPS      ? group_of(arena, row, &why)
                 : r->list == HOSPITALS ? hospital_of(arena, row, &why)
                                        : case_of(arena, row, &why);
    if (!made) return 1;
    if (why) {
        fprintf(stderr, "row %lld: %s\n", (long long)row->number, why);
        r->bad++;
        return 0;
    }
    r->rows[r->count++] = made;
    return 0;
}

static int read_rows(reading_t *r, csv_t *csv, bool json) {
    csv_row_t row;
    csv_fault_t fault;
    err_t err = {0};
    for (;;) {
        switch (csv_next(csv, &row, &fault)) {
        case CSV_ROW:
            if (take_row(r, &row)) return 1;
            break;
        case CSV_BAD_ROW:
            csv_fault_err(&fault, &err);
            fprintf(stderr, "%s\n", err.text);
            r->bad++;
            break;
        case CSV_REFUSED: csv_fault_err(&fault, &err); return cli_refused(&err, json);
        case CSV_END:
            if (r->bad) fprintf(stderr, "%zu rows are at fault: nothing of the file was used\n", r->bad);
            return r->bad > 0;
        }
    }
}

static int read_file(reading_t *r, const char *path, bool json) {
    csv_t *csv = NULL;
    err_t err = {0};
    FILE *file = fopen(path, "rb");
    if (!file) {
        fprintf(stderr, "tongchou: %s: %s\n", path, strerror(errno));
        return 2;
    }
    int status = csv_open(&csv, file, &tables[r->list], &err) ? cli_refused(&err, json) : 0;
    if (!status) status = read_rows(r, csv, json);
    csv_destroy(&csv);
    fclose(file);
    return status;
}

// ---- import

typedef struct sums {
    int64_t taken, repeated, faults;
} sums_t;

static void fill(Tc__AddClearingRows *ask, list_t list, void **rows, size_t count) {
    if (list == GROUPS) ask->groups = (Tc__PointsGroup **)rows, ask->n_groups = count;
    if (list == HOSPITALS) ask->hospitals = (Tc__PointsHospital **)rows, ask->n_hospitals = count;
    if (list == CASES) ask->cases = (Tc__PointsCase **)rows, ask->n_cases = count;
}

static int send_rows(const args_t *args, const char *clearing, reading_t *r, sums_t *sums) {
    for (size_t at = 0; at < r->count; at += ROWS_AT_ONCE) {
        char id[UID_TEXT_MAX];
        common_options_t common = args->common;
        Tc__AddClearingRows ask = TC__ADD_CLEARING_ROWS__INIT;
        ProtobufCMessage *reply = NULL;
        common.request_id = uid_new(id); // rows that are there already are passed over
        ask.clearing = fund_text(clearing);
        fill(&ask, r->list, r->rows + at, r->count - at < ROWS_AT_ONCE ? r->count - at : ROWS_AT_ONCE);
        int status =
            fund_order(r->suite, &common, "add_clearing_rows", &ask.base, &tc__clearing_report__descriptor, &reply);
        if (status) return status;
        const Tc__ClearingReport *report = (const Tc__ClearingReport *)reply;
        sums->taken += report->taken, sums->repeated += report->repeated;
        sums->faults += (int64_t)report->n_faults;
        for (size_t i = 0; i < report->n_faults; i++)
            printf("row %lld, %s: %s\n", (long long)report->faults[i]->row, report->faults[i]->name,
                   report->faults[i]->text);
    }
    return 0;
}

static int import(suite_t *suite, const args_t *args, const char *clearing) {
    const char *const paths[] = {[GROUPS] = args->groups, [HOSPITALS] = args->hospitals, [CASES] = args->cases};
    reading_t *r = arena_alloc(suite->arena, sizeof *r);
    sums_t sums = {0};
    int status = r ? 0 : 1;
    for (size_t i = 0; i < COUNT_OF(paths) && !status; i++) {
        if (!paths[i]) continue;
        *r = (reading_t){.suite = suite, .list = (list_t)i};
        status = read_file(r, paths[i], args->common.json);
        if (!status) status = send_rows(args, clearing, r, &sums);
    }
    if (!status)
        printf("%lld rows taken, %lld known before, %lld at fault\n", (long long)sums.taken, (long long)sums.repeated,
               (long long)sums.faults);
    return status ? status : sums.faults > 0;
}

// ---- open, settle, show

static const char *points_text(arena_t *arena, int64_t points) {
    const int64_t size = points < 0 ? -points : points;
    return arena_text(arena, "%s%lld.%04lld", points < 0 ? "-" : "", (long long)(size / 10000),
                      (long long)(size % 10000));
}

static const fund_column_t hospital_table[] = {{"facility", false}, {"points", true},   {"by item", true},
                                               {"gross", true},     {"patients", true}, {"due", true},
                                               {"pay", true},       {"held", true}};

static void print_clearing(suite_t *suite, const Tc__Clearing *c, bool csv) {
    fund_table_t table = {.arena = suite->arena, .columns = hospital_table, .width = COUNT_OF(hospital_table)};
    arena_t *arena = suite->arena;
    if (!csv) {
        printf("%s: %s, budget %s yuan\n", c->number, c->state, fund_yuan(arena, c->budget_fen));
        if (c->points)
            printf("%lld cases, %s points of %lld.%05lld yuan; by item %s, the fund's part %s (figures: %s)\n",
                   (long long)c->cases, points_text(arena, c->points), (long long)(c->value / 100000),
                   (long long)(c->value % 100000), fund_yuan(arena, c->by_item_fen), fund_yuan(arena, c->fund_fen),
                   c->status);
    }
    for (size_t i = 0; i < c->n_hospitals; i++) {
        const Tc__PointsHospital *h = c->hospitals[i];
        fund_row_t *row = fund_table_row(&table);
        if (!row) return;
        const char *const cells[] = {h->facility,
                                     points_text(arena, h->points),
                                     fund_yuan(arena, h->by_item_fen),
                                     fund_yuan(arena, h->gross_fen),
                                     fund_yuan(arena, h->patient_fen),
                                     fund_yuan(arena, h->due_fen),
                                     fund_yuan(arena, h->pay_fen),
                                     fund_yuan(arena, h->held_fen)};
        memcpy(row->cell, cells, sizeof cells);
    }
    if (c->n_hospitals) fund_table_print(&table, csv);
}

static int open_one(suite_t *suite, const args_t *args, const char *period, ProtobufCMessage **reply) {
    Tc__OpenClearing ask = TC__OPEN_CLEARING__INIT;
    ask.period = fund_text(period), ask.fund = fund_text(args->fund), ask.layer = fund_text(args->layer);
    if (fund_read_yuan("budget", args->budget, args->common.json, &ask.budget_fen)) return 1;
    if (args->average && fund_read_yuan("average", args->average, args->common.json, &ask.average_fen)) return 1;
    return fund_order(suite, &args->common, "open_clearing", &ask.base, &tc__clearing__descriptor, reply);
}

static int settle_one(suite_t *suite, const args_t *args, const char *number, ProtobufCMessage **reply) {
    char id[UID_TEXT_MAX];
    common_options_t common = args->common;
    Tc__SettleClearing ask = TC__SETTLE_CLEARING__INIT;
    if (args->dry) common.request_id = uid_new(id); // the rows may have changed
    ask.clearing = fund_text(number), ask.dry = args->dry;
    return fund_order(suite, &common, "settle_clearing", &ask.base, &tc__clearing__descriptor, reply);
}

static int show_one(suite_t *suite, const args_t *args, const char *number, ProtobufCMessage **reply) {
    Tc__GetClearing ask = TC__GET_CLEARING__INIT;
    ask.clearing = fund_text(number);
    return fund_ask(suite, &args->common, "get_clearing", &ask.base, &tc__clearing__descriptor, reply);
}

static int show_cases(suite_t *suite, const args_t *args, const char *number) {
    static const fund_column_t columns[] = {{"row", true},  {"visit", false}, {"facility", false}, {"group", false},
                                            {"cost", true}, {"kind", false},  {"points", true}};
    fund_table_t table = {.arena = suite->arena, .columns = columns, .width = COUNT_OF(columns)};
    Tc__GetClearing ask = TC__GET_CLEARING__INIT;
    ask.clearing = fund_text(number);
    do {
        ProtobufCMessage *reply = NULL;
        int status =
            fund_ask(suite, &args->common, "get_clearing_cases", &ask.base, &tc__points_cases__descriptor, &reply);
        if (status) return status;
        const Tc__PointsCases *page = (const Tc__PointsCases *)reply;
        for (size_t i = 0; i < page->n_cases; i++) {
            const Tc__PointsCase *c = page->cases[i];
            fund_row_t *row = fund_table_row(&table);
            if (!row) return 1;
            const char *const cells[] = {arena_text(suite->arena, "%lld", (long long)c->row),
                                         c->visit,
                                         c->facility,
                                         c->group,
                                         fund_yuan(suite->arena, c->cost_fen),
                                         c->kind,
                                         points_text(suite->arena, c->points)};
            memcpy(row->cell, cells, sizeof cells);
        }
        ask.after = page->next;
    } while (ask.after);
    fund_table_print(&table, args->csv);
    return 0;
}

static int step(suite_t *suite, const args_t *args, const char *what, const char *name) {
    ProtobufCMessage *reply = NULL;
    int status = 0;
    if (strcmp(what, "import") == 0) return import(suite, args, name);
    if (strcmp(what, "cases") == 0) return show_cases(suite, args, name);
    if (strcmp(what, "open") == 0)
        status = open_one(suite, args, name, &reply);
    else if (strcmp(what, "settle") == 0)
        status = settle_one(suite, args, name, &reply);
    else
        status = show_one(suite, args, name, &reply);
    if (!status && args->common.json)
        puts(message_to_json(reply, suite->arena));
    else if (!status)
        print_clearing(suite, (const Tc__Clearing *)reply, args->csv);
    return status;
}

static bool known_step(const char *what) {
    static const char *const steps[] = {"open", "import", "settle", "show", "cases"};
    for (size_t i = 0; i < COUNT_OF(steps); i++)
        if (strcmp(steps[i], what) == 0) return true;
    return false;
}

static int run(int argc, char **argv, const command_t *self) {
    args_t args = {.common = COMMON_DEFAULTS};
    words_t words = {0};
    suite_t suite;
    const option_spec_t specs[] = {COMMON_SPECS(args.common),
                                   OPT("fund", fund),
                                   OPT("layer", layer),
                                   OPT("budget", budget),
                                   OPT("average", average),
                                   OPT("groups", groups),
                                   OPT("hospitals", hospitals),
                                   OPT("cases", cases),
                                   OPT("request-id", common.request_id),
                                   FLAG("dry", dry),
                                   FLAG("csv", csv)};
    int status = options_parse(argc, argv, self, specs, COUNT_OF(specs), &words, NULL);
    if (status >= 0) return status;
    if (words.count != 2 || !known_step(words.word[0]))
        return fund_usage(self, "open PERIOD, or import, settle, show or cases and a clearing was expected");
    if (strcmp(words.word[0], "open") == 0 && (!args.fund || !args.layer || !args.budget))
        return fund_usage(self, "--fund, --layer and --budget were expected");
    if (suite_open(&suite, args.common.data, args.common.as)) return 2;
    status = step(&suite, &args, words.word[0], words.word[1]);
    suite_close(&suite);
    return status;
}

const command_t fund_clearing = {
    "fund clearing", "points settlement with hospitals (DRG点数付费), for a month or a year",
    "usage: tongchou fund clearing open PERIOD --fund F --layer L --budget YUAN [--average YUAN]\n"
    "       tongchou fund clearing import CLEARING [--groups FILE] [--hospitals FILE] [--cases FILE]\n"
    "       tongchou fund clearing settle CLEARING [--dry]\n"
    "       tongchou fund clearing show|cases CLEARING [--csv | --json]\n\n"
    "Lists are CSV. Groups: group, mean, cases, variation. Hospitals: facility, quality, paid. Cases: visit, "
    "facility,\n"
    "group, mode (drg, bed_day, item), coefficient, cost, patient, daily, days, reviewed, denied, penalty; headings "
    "may\n"
    "be Chinese. What each hospital gets more or less than its bills stands in its next statement.\n\nexamples:\n"
    "  tongchou fund clearing open 2022-03 --fund RES --layer basic --budget 1200000\n"
    "  tongchou fund clearing import points-2022-03-RES-basic --groups g.csv --hospitals h.csv --cases c.csv\n"
    "  tongchou fund clearing settle points-2022-03-RES-basic --dry\n",
    run};
