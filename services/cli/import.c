// tongchou import: files of other offices, taken in by enrolment.
#include "import_look.h"
#include "request.h"
#include <errno.h>
#include <string.h>
#include <unistd.h>

enum { DEADLINE_DEFAULT_S = 300, DEADLINE_MAX_S = 3600 };

typedef struct order { // what was asked for
    const import_kind_t *kind;
    common_options_t common;
    const char *report, *group, *source, *as_of;
    bool dry, whole, empty, skip_unknown;
} order_t;

// ---- one pass over a file

static int send_row(import_run_t *run, import_chunk_t **chunk, const csv_row_t *row, err_t *err) {
    int rc = 0;
    if (*chunk && import_chunk_full(*chunk, row)) {
        rc = import_send(run, *chunk, err);
        *chunk = NULL;
    }
    if (rc == 0 && !*chunk) rc = import_next_chunk(run, chunk, err);
    return rc ? rc : import_chunk_add(*chunk, row, err);
}

// Rows that cannot be read were told by the first look.
static int send_rows(import_run_t *run, csv_t *csv, err_t *err) {
    import_chunk_t *chunk = NULL;
    csv_row_t row;
    csv_fault_t fault;
    for (;;) {
        int rc = 0;
        switch (csv_next(csv, &row, &fault)) {
        case CSV_ROW:
            if (!import_row_passed(run->kind, &row, run->about.group)) rc = send_row(run, &chunk, &row, err);
            if (rc) return rc;
            break;
        case CSV_BAD_ROW: break;
        case CSV_REFUSED: return csv_fault_err(&fault, err);
        case CSV_END:
            rc = chunk && chunk->count ? import_send(run, chunk, err) : 0;
            return rc ? rc : import_drain(run, err);
        }
    }
}

static int check_same(csv_t *csv, const import_look_t *look, err_t *err) {
    uint8_t digest[SHA256_BYTES];
    char hex[2 * SHA256_BYTES + 1];
    int rc = csv_digest(csv, digest, err);
    if (rc) return rc;
    hex_encode(digest, sizeof digest, hex);
    if (strcmp(hex, look->digest) == 0) return 0;
    return err_set(err, E_CONFLICT, "the file was changed while it was read");
}

static int pass(import_run_t *run, const csv_table_t *table, const import_look_t *look, bool dry, err_t *err) {
    csv_t *csv = NULL;
    run->about.dry = dry;
    run->sums = (import_sums_t){0};
    run->started_us = clock_mono_us();
    FILE *file = fopen(run->path, "rb");
    if (!file) return err_set(err, E_IO, "cannot be read: %s", strerror(errno));
    int rc = csv_open(&csv, file, table, err);
    if (rc == 0) rc = send_rows(run, csv, err);
    if (rc == 0) rc = check_same(csv, look, err);
    if (rc == 0 && run->kind->what == IMPORT_LIST) rc = import_last(run, look->rows, err);
    csv_destroy(&csv);
    fclose(file);
    import_progress(run, true);
    return rc;
}

// ---- one file

static void summary(const import_run_t *run, const import_look_t *look, bool json, const char *outcome) {
    const import_sums_t *s = &run->sums;
    double seconds = (double)(clock_mono_us() - run->started_us) / 1e6; // for the eye only
    const long long rows = look->rows + look->bad, refused = s->refused + look->bad;
    if (json)
        printf("{\"file\":\"%s\",\"outcome\":\"%s\",\"rows\":%lld,\"done\":%lld,\"unchanged\":%lld,\"refused\":%lld,"
               "\"parked\":%lld,\"ended\":%lld,\"seconds\":%.3f}\n",
               look->digest, outcome, rows, (long long)s->done, (long long)s->unchanged, refused, (long long)s->parked,
               (long long)s->ended, seconds);
    else
        printf("%s: %s: %lld rows: %lld done, %lld unchanged, %lld refused, %lld put aside, %lld ended; %.1f s\n",
               run->path, outcome, rows, (long long)s->done, (long long)s->unchanged, refused, (long long)s->parked,
               (long long)s->ended, seconds);
}

static int unusable(const import_run_t *run, const char *what, const err_t *err) {
    fprintf(stderr, "%s: %s%s%s%s: %s\n", run->path, what, err_name(err->code), *err->field ? " " : "", err->field,
            err->text);
    return 2;
}

// What a first look forbids to send. −1: nothing.
static int held_back(const import_run_t *run, const order_t *order, const import_look_t *look) {
    if (run->kind->what == IMPORT_LIST && look->bad) {
        fprintf(stderr, "%s: %lld rows cannot be read, and a list must be whole: nothing was changed\n", run->path,
                (long long)look->bad);
        return 2;
    }
    if (look->twice) {
        fprintf(stderr, "%s: two wages are declared for one person and month: nothing was changed\n", run->path);
        return 2;
    }
    if (run->kind->what == IMPORT_LIST && look->rows == 0 && !order->empty) {
        fprintf(stderr,
                "%s: no row is of group %s, and a list without rows ends every membership; say --empty if that is "
                "meant\n",
                run->path, run->about.group);
        return 2;
    }
    if (order->whole && look->bad) {
        summary(run, look, order->common.json, "nothing taken in");
        return 1;
    }
    return -1;
}

static int take_in(import_run_t *run, const order_t *order, const csv_table_t *table, const import_look_t *look) {
    err_t err = {0};
    int held = held_back(run, order, look);
    if (held >= 0) return held;
    if (order->whole || order->dry) {
        if (pass(run, table, look, true, &err)) return unusable(run, "", &err);
        const bool refused = run->sums.refused > 0;
        if (order->dry || refused) {
            summary(run, look, order->common.json,
                    order->dry ? "dry, nothing changed" : "nothing taken in, of a dry pass");
            return refused || run->sums.parked || look->bad ? 1 : 0;
        }
    }
    if (pass(run, table, look, false, &err))
        return unusable(run, err_may_retry(err.code) ? "broken off; the same command goes on with it: " : "", &err);
    summary(run, look, order->common.json, "taken in");
    return run->sums.refused || run->sums.parked || look->bad ? 1 : 0;
}

static int open_report(import_run_t *run, const char *path, err_t *err) {
    static const char *const heading[] = {"row", "code", "field", "text"};
    if (!path) return 0;
    int rc = csv_writer_open(&run->report, path, CSV_UTF8, err);
    for (size_t i = 0; rc == 0 && i < COUNT_OF(heading); i++) csv_write(run->report, heading[i]);
    if (rc == 0) csv_write_end_row(run->report);
    return rc;
}

static int import_file(suite_t *suite, const order_t *order, const char *path) {
    import_run_t run = {.suite = suite,
                        .kind = order->kind,
                        .path = path,
                        .about = {.source = order->source, .group = order->group, .as_of = order->as_of},
                        .window = order->common.window,
                        .deadline_s = order->common.deadline_s,
                        .shows = !order->common.quiet && isatty(STDERR_FILENO),
                        .rehearses = order->whole && !order->dry,
                        .tells = !order->common.quiet};
    import_look_t look;
    csv_table_t table;
    err_t err = {0};
    import_table(&run, order->skip_unknown || run.kind->what == IMPORT_LIST, &table);
    int rc = open_report(&run, order->report, &err), status = 2;
    if (rc == 0) rc = import_run_open(&run, &err);
    if (rc == 0) rc = import_look(&run, &table, order->whole, &look, &err);
    if (rc) {
        unusable(&run, "nothing was taken in: ", &err);
    } else {
        run.about.file = look.digest;
        run.total_rows = look.rows;
        status = take_in(&run, order, &table, &look);
    }
    import_run_close(&run);
    if (run.report && csv_writer_close(&run.report, &err)) status = unusable(&run, order->report, &err);
    return status;
}

// ---- the command

static int usage(const command_t *self, const char *why) {
    fprintf(stderr, "tongchou import: %s\n\n%s", why, self->help);
    return 2;
}

static const char *fault_of(order_t *order, const words_t *words) {
    if (words->count < 2 || !(order->kind = import_kind_find(words->word[0])))
        return "persons, employers, employer_kinds, spells, wages or list, and a file, were expected";
    if (order->common.window > IMPORT_WINDOW_MAX) return "--window up to 32 was expected";
    if (order->common.deadline_s > DEADLINE_MAX_S) return "--deadline up to 3600 was expected";
    if (order->report && words->count > 2) return "--report goes with one file";
    const bool list = order->kind->what == IMPORT_LIST;
    if (list && (words->count > 2 || !*order->group || !*order->source || !*order->as_of))
        return "a list is one file, with --group, --source and --as-of";
    if (!list && (*order->group || *order->source || *order->as_of || order->empty))
        return "--group, --source, --as-of and --empty go with a list";
    return NULL;
}

static int run_import(int argc, char **argv, const command_t *self) {
    order_t order = {.common = COMMON_DEFAULTS, .group = "", .source = "", .as_of = ""};
    order.common.deadline_s = DEADLINE_DEFAULT_S;
    const option_spec_t specs[] = {COMMON_SPECS(order.common),
                                   {.name = "quiet", .flag = &order.common.quiet},
                                   {.name = "window", .number = &order.common.window},
                                   {.name = "deadline", .number = &order.common.deadline_s},
                                   {.name = "report", .text = &order.report},
                                   {.name = "group", .text = &order.group},
                                   {.name = "source", .text = &order.source},
                                   {.name = "as-of", .text = &order.as_of},
                                   {.name = "dry", .flag = &order.dry},
                                   {.name = "all-or-nothing", .flag = &order.whole},
                                   {.name = "skip-unknown", .flag = &order.skip_unknown},
                                   {.name = "empty", .flag = &order.empty}};
    words_t words = {0};
    int status = options_parse(argc, argv, self, specs, COUNT_OF(specs), &words, NULL);
    if (status >= 0) return status;
    const char *fault = fault_of(&order, &words);
    if (fault && !order.kind) request_name_unknown(self, &words, "persons employers employer_kinds spells wages list");
    if (fault) return usage(self, fault);
    suite_t suite;
    if (suite_open(&suite, order.common.data, order.common.as)) return 2;
    status = 0;
    for (size_t i = 1; i < words.count && status < 2; i++) {
        int one = import_file(&suite, &order, words.word[i]);
        if (one > status) status = one;
    }
    suite_close(&suite);
    return status;
}

const command_t command_import = {
    .name = "import",
    .summary = "files of other offices: persons, employers, spells, wages, lists (批量登记)",
    .run = run_import,
    .help =
        "usage: tongchou import persons|employers|employer_kinds|spells|wages FILE.csv …\n"
        "       tongchou import list FILE.csv --group GROUP --source SOURCE --as-of DATE\n\n"
        "CSV, UTF-8 or GB18030, with a heading in English or Chinese and, if there is one, a totals line (合计):\n"
        "  persons    person 人员编号, citizen_id 证件号码, name 姓名, division 参保区划, registration 户籍, "
        "household 户号\n"
        "  employers  employer 单位编号, uscc 统一社会信用代码, name 名称, kind 类型, division 区划\n"
        "  employer_kinds  employer 单位编号, kind 类型, from 起, until 止, approved_on 认定日期, document 认定文号\n"
        "  spells     person 人员编号, identity 身份, employer 单位编号, from_month 起始月, last_month 终止月,\n"
        "             wage 工资, prior_months_tier1 一档转入月数, prior_months_tier2 二档转入月数, circumstances 情形\n"
        "  wages      person 人员编号, from_month 起始月, wage 工资: declared from that month on\n"
        "  list       person 人员编号 or id_number 证件号码, and perhaps group 人群: rows of other groups are passed "
        "over\n\n"
        "options: --dry              what would happen; nothing is changed\n"
        "         --all-or-nothing   first a dry pass; nothing is taken in when any row is refused\n"
        "         --report FILE      CSV of the rows refused or put aside: row, code, field, text\n"
        "         --window N         messages of up to 1000 rows in flight (8, at most 32)\n"
        "         --deadline SECONDS wait that long for one message (300)\n"
        "         --skip-unknown     pass over columns that are none of ours (lists always do)\n"
        "         --empty            a list without rows is meant: it ends every membership\n"
        "         --data DIR --as NAME --json --quiet\n\n"
        "Exit: 0 all done; 1 some rows were refused or put aside (tongchou enroll list_parked); 2 the file cannot be "
        "used,\n"
        "or it was broken off. Giving the same command again goes on, and changes nothing that is done.\n\n"
        "examples:\n"
        "  tongchou import persons persons.csv --all-or-nothing --report problems.csv\n"
        "  tongchou import wages july.csv --all-or-nothing\n"
        "  tongchou import list civil.csv --group minimum_living --source civil_affairs --as-of 2018-04-01 --dry\n"};
