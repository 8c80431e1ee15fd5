// tongchou catalogue: the catalogues (三大目录) loaded from a file, and one entry shown. The file is read to its end
// before anything is sent, so that one that is cut off changes nothing; then chunk by chunk, rows of one code together,
// since a later row may end an earlier one.
#include "adjudication.pb-c.h"
#include "catalogue_file.h"
#include "common/csv/write.h"
#include "request.h"
#include <errno.h>
#include <string.h>
#include <time.h>

enum { CHUNK_ROWS = 1000, CHUNK_ENOUGH = 900, CHUNK_BYTES = 512 * 1024, TELL_MAX = 20, IN_FORCE_MS = 2500 };

typedef struct load {
    suite_t *suite;
    const common_options_t *common;
    const char *path;
    bool dry;
    arena_t *rows_arena; // of the chunk; the suite's own is for one message
    Tc__CatalogueItem *rows[CHUNK_ROWS];
    int64_t numbers[CHUNK_ROWS];
    size_t count, bytes;
    char digest[2 * SHA256_BYTES + 1], id[UID_TEXT_MAX];
    csv_writer_t *report;
    int64_t total_rows, told, added, unchanged, refused, bad;
} load_t;

// ---- what is told

static void tell(load_t *load, int64_t row, const char *code, const char *field, const char *text) {
    if (load->report) {
        csv_write_format(load->report, "%lld", (long long)row);
        csv_write(load->report, code);
        csv_write(load->report, field);
        csv_write(load->report, text);
        csv_write_end_row(load->report);
        return;
    }
    load->told++;
    if (load->told <= TELL_MAX)
        fprintf(stderr, "row %lld: %s%s%s: %s\n", (long long)row, code, *field ? " " : "", field, text);
    if (load->told == TELL_MAX + 1) fprintf(stderr, "… further rows only with --report FILE\n");
}

static int unusable(const load_t *load, const char *what, const err_t *err) {
    fprintf(stderr, "%s: %s%s%s%s: %s\n", load->path, what, err_name(err->code), *err->field ? " " : "", err->field,
            err->text);
    return 2;
}

static void summary(const load_t *load) {
    const long long refused = load->refused + load->bad;
    const char *outcome = load->dry ? "dry, nothing changed" : "loaded";
    if (load->common->json)
        printf(
            "{\"file\":\"%s\",\"outcome\":\"%s\",\"rows\":%lld,\"added\":%lld,\"unchanged\":%lld,\"refused\":%lld}\n",
            load->digest, outcome, (long long)load->total_rows, (long long)load->added, (long long)load->unchanged,
            refused);
    else
        printf("%s: %s: %lld rows: %lld added, %lld unchanged, %lld refused\n", load->path, outcome,
               (long long)load->total_rows, (long long)load->added, (long long)load->unchanged, refused);
}

// ---- sending

static int account(load_t *load, const Tc__CatalogueReport *report, err_t *err) {
    load->added += report->added;
    load->unchanged += report->unchanged;
    load->refused += report->refused;
    for (size_t i = 0; i < report->n_problems; i++) {
        const Tc__CatalogueReport__Problem *p = report->problems[i];
        const int64_t at = p->row - load->numbers[0];
        if (at < 0 || at >= (int64_t)load->count)
            return err_set(err, E_INTERNAL, "an answer about a row that was not sent");
        tell(load, load->numbers[at], p->code, p->field, p->text);
    }
    return 0;
}

// The id belongs to this run: sent again it is done once, but another run asks anew.
static void request_id(const load_t *load, char id[static 48]) {
    char text[256], hex[2 * SHA256_BYTES + 1];
    uint8_t digest[SHA256_BYTES];
    const int n = snprintf(text, sizeof text, "%s catalogue %lld %d %s", load->digest, (long long)load->numbers[0],
                           load->dry, load->id);
    CHECK(n > 0 && (size_t)n < sizeof text);
    sha256(text, (size_t)n, digest);
    hex_encode(digest, sizeof digest, hex);
    snprintf(id, 48, "catalogue-%.32s", hex);
}

static int send_chunk(load_t *load, err_t *err) {
    Tc__LoadCatalogue ask = TC__LOAD_CATALOGUE__INIT;
    ProtobufCMessage *report = NULL;
    char id[48];
    size_t bytes;
    reply_t reply;
    if (!load->count) return 0;
    ask.file = load->digest;
    ask.first_row = (int32_t)load->numbers[0];
    ask.dry = load->dry;
    ask.rows = load->rows;
    ask.n_rows = load->count;
    arena_reset(load->suite->arena);
    void *body = message_pack(&ask.base, load->suite->arena, &bytes);
    if (!body) return err_set(err, E_IO, "out of memory");
    request_id(load, id);
    const call_t call = {.service = "adjudication",
                         .method = "load_catalogue",
                         .key = "",
                         .request_id = id,
                         .body = body,
                         .body_bytes = bytes,
                         .deadline_ms = (int)load->common->deadline_s * 1000};
    int rc = client_call(load->suite->client, &call, &reply, err);
    if (!rc)
        rc = message_unpack(&report, &tc__catalogue_report__descriptor, reply.body, reply.body_bytes,
                            load->suite->arena, err);
    if (!rc) rc = account(load, (const Tc__CatalogueReport *)report, err);
    load->count = load->bytes = 0;
    arena_reset(load->rows_arena);
    return rc;
}

// ---- reading

static bool chunk_full(const load_t *load, const Tc__CatalogueItem *item, size_t bytes) {
    if (!load->count) return false;
    const bool other_code = strcmp(load->rows[load->count - 1]->code, item->code) != 0;
    return load->count == CHUNK_ROWS || load->bytes + bytes > CHUNK_BYTES ||
           (load->count >= CHUNK_ENOUGH && other_code);
}

// Rows that cannot be read were told by the first look. The item was made in the arena that a chunk's end empties, so
// it is made again for the next chunk.
static int take_row(load_t *load, const csv_row_t *row, err_t *err) {
    Tc__CatalogueItem *item = NULL;
    int rc = catalogue_file_row(row, load->rows_arena, &item, err);
    if (rc) return rc == E_IO ? rc : 0;
    const size_t bytes = tc__catalogue_item__get_packed_size(item) + 8;
    if (chunk_full(load, item, bytes)) {
        rc = send_chunk(load, err);
        if (!rc) rc = catalogue_file_row(row, load->rows_arena, &item, err);
        if (rc) return rc;
    }
    load->rows[load->count] = item;
    load->numbers[load->count++] = row->number;
    load->bytes += bytes;
    return 0;
}

static int check_row(load_t *load, const csv_row_t *row, err_t *err) {
    Tc__CatalogueItem *item;
    err_t why = {0};
    if (row->number > INT32_MAX - CHUNK_ROWS) return err_set(err, E_TOO_LARGE, "the file has too many rows");
    int rc = catalogue_file_row(row, load->rows_arena, &item, &why);
    arena_reset(load->rows_arena);
    if (rc == E_IO) return err_set(err, rc, "%s", why.text);
    if (!rc) return 0;
    load->bad++;
    tell(load, row->number, err_name(rc), why.field, why.text);
    return 0;
}

static void tell_fault(load_t *load, const csv_fault_t *fault) {
    err_t why = {0};
    csv_fault_err(fault, &why);
    load->bad++;
    tell(load, fault->row, err_name(fault->code), fault->column, why.text);
}

// With `send` false only what can be seen in the file itself is looked at, and told.
static int read_rows(load_t *load, csv_t *csv, bool send, err_t *err) {
    csv_row_t row;
    csv_fault_t fault;
    for (;;) {
        int rc = 0;
        switch (csv_next(csv, &row, &fault)) {
        case CSV_ROW:
            rc = send ? take_row(load, &row, err) : check_row(load, &row, err);
            if (rc) return rc;
            break;
        case CSV_BAD_ROW:
            if (!send) tell_fault(load, &fault);
            break;
        case CSV_REFUSED: return csv_fault_err(&fault, err);
        case CSV_END: return send ? send_chunk(load, err) : 0;
        }
    }
}

static int read_file(load_t *load, bool send, err_t *err) {
    csv_table_t table;
    csv_t *csv = NULL;
    uint8_t digest[SHA256_BYTES];
    char hex[2 * SHA256_BYTES + 1];
    catalogue_file_table(&table);
    FILE *file = fopen(load->path, "rb");
    if (!file) return err_set(err, E_IO, "cannot be read: %s", strerror(errno));
    int rc = csv_open(&csv, file, &table, err);
    if (!rc) rc = read_rows(load, csv, send, err);
    if (!rc) load->total_rows = csv_row_count(csv);
    if (!rc) rc = csv_digest(csv, digest, err);
    if (!rc) hex_encode(digest, sizeof digest, hex);
    if (!rc && send && strcmp(hex, load->digest) != 0)
        rc = err_set(err, E_CONFLICT, "the file was changed while it was read");
    if (!rc) memcpy(load->digest, hex, sizeof hex);
    csv_destroy(&csv);
    fclose(file);
    return rc;
}

// Every instance looks for news once a second: what was loaded is in force everywhere when the command ends.
static void wait_in_force(const load_t *load) {
    if (load->dry || !load->added) return;
    nanosleep(&(struct timespec){.tv_sec = IN_FORCE_MS / 1000, .tv_nsec = IN_FORCE_MS % 1000 * 1000000}, NULL);
}

static int load_file(load_t *load) {
    err_t err = {0};
    load->rows_arena = arena_new(256 * 1024, 0);
    uid_new(load->id);
    int rc = load->rows_arena ? read_file(load, false, &err) : err_set(&err, E_IO, "out of memory");
    if (rc) return unusable(load, "nothing was loaded: ", &err);
    rc = read_file(load, true, &err);
    if (rc)
        return unusable(load, err_may_retry(err.code) ? "broken off; the same command goes on with it: " : "", &err);
    wait_in_force(load);
    summary(load);
    return load->refused || load->bad ? 1 : 0;
}

static int open_report(load_t *load, const char *path, err_t *err) {
    static const char *const heading[] = {"row", "code", "field", "text"};
    int rc = path ? csv_writer_open(&load->report, path, CSV_UTF8, err) : 0;
    for (size_t i = 0; path && !rc && i < COUNT_OF(heading); i++) csv_write(load->report, heading[i]);
    if (path && !rc) csv_write_end_row(load->report);
    return rc;
}

static int run_load(suite_t *suite, const common_options_t *common, const char *path, const char *report, bool dry) {
    load_t load = {.suite = suite, .common = common, .path = path, .dry = dry};
    err_t err = {0};
    if (open_report(&load, report, &err)) return unusable(&load, "", &err);
    int status = load_file(&load);
    arena_destroy(&load.rows_arena);
    if (load.report && csv_writer_close(&load.report, &err)) status = unusable(&load, report, &err);
    return status;
}

// ---- one entry

static void print_item(const Tc__CatalogueItem *item) {
    char text[FEN_TEXT_MAX];
    printf("%s %s  %s\nclass %s, from %s%s%s\n", item->kind, item->code, item->name, item->class_, item->from,
           *item->until ? " until " : "", item->until);
    for (size_t i = 0; i < item->n_shares; i++)
        printf("paid first (先行自付): %s%s%s\n", rate_format(item->shares[i]->first_pay_ppm, text),
               *item->shares[i]->who ? " by " : "", item->shares[i]->who);
    for (size_t i = 0; i < item->n_limits; i++)
        printf("price limit (限价): %s%s%s\n", fen_format(item->limits[i]->price_fen, text),
               *item->limits[i]->level ? " at level " : "", item->limits[i]->level);
    if (*item->sex) printf("only for: %s\n", item->sex);
    if (item->age_min || item->age_max) printf("only for ages: %d to %d\n", item->age_min, item->age_max);
    for (size_t i = 0; i < item->n_diagnoses; i++) printf("%s%s", i ? ", " : "only for: ", item->diagnoses[i]);
    if (item->n_diagnoses) putchar('\n');
    if (*item->level_min) printf("only from level: %s\n", item->level_min);
    if (item->days_max) printf("at most days: %d\n", item->days_max);
    if (*item->visit) printf("only: %s\n", item->visit);
}

static int run_show(suite_t *suite, const words_t *words, const char *on, bool json) {
    Tc__GetCatalogueItem ask = TC__GET_CATALOGUE_ITEM__INIT;
    ProtobufCMessage *item = NULL;
    err_t err = {0};
    ask.kind = (char *)words->word[1];
    ask.code = (char *)words->word[2];
    ask.on = (char *)on;
    if (suite_call(suite, "adjudication", "get_catalogue_item", "", &ask.base, &tc__catalogue_item__descriptor, &item,
                   &err))
        return cli_refused(&err, json);
    if (json) return puts(message_to_json(item, suite->arena)) < 0;
    print_item((const Tc__CatalogueItem *)item);
    return 0;
}

// ---- the command

static int run(int argc, char **argv, const command_t *self) {
    common_options_t common = COMMON_DEFAULTS;
    const char *report = NULL, *on = "";
    bool dry = false;
    common.deadline_s = 60;
    const option_spec_t specs[] = {COMMON_SPECS(common),
                                   {.name = "deadline", .number = &common.deadline_s},
                                   {.name = "report", .text = &report},
                                   {.name = "on", .text = &on},
                                   {.name = "dry", .flag = &dry}};
    words_t words = {0};
    suite_t suite;
    int status = options_parse(argc, argv, self, specs, COUNT_OF(specs), &words, NULL);
    if (status >= 0) return status;
    const bool load = words.count == 2 && strcmp(words.word[0], "load") == 0;
    const bool show = words.count == 3 && strcmp(words.word[0], "show") == 0;
    if (!(load || show) || common.deadline_s > 3600) {
        request_name_unknown(self, &words, "load show");
        fprintf(stderr, "tongchou catalogue: `load FILE.csv` or `show KIND CODE` was expected\n\n%s", self->help);
        return 2;
    }
    if (suite_open(&suite, common.data, common.as)) return 2;
    status = load ? run_load(&suite, &common, words.word[1], report, dry) : run_show(&suite, &words, on, common.json);
    suite_close(&suite);
    return status;
}

const command_t command_catalogue = {
    .name = "catalogue",
    .summary = "load the catalogues of drugs, items, materials and beds; show an entry (三大目录)",
    .run = run,
    .help =
        "usage: tongchou catalogue load FILE.csv [--dry] [--report FILE]\n"
        "       tongchou catalogue show drug|item|material|bed CODE [--on DAY]\n\n"
        "CSV, UTF-8 or GB18030, with a heading in English or Chinese:\n"
        "  kind 目录类别, code 编码, name 名称, class 等级 (甲 乙 丙), from 开始日期, until 结束日期,\n"
        "  first_pay 先行自付比例 and first_pay_IDENTITY (职工… 居民…) where an identity differs,\n"
        "  limit 限价 and limit_1 limit_2 limit_3 where a level of facilities differs,\n"
        "  sex 限性别, age_min 最小年龄, age_max 最大年龄, diagnoses 限诊断 (prefixes apart by ;),\n"
        "  level_min 最低机构等级, days_max 限天数, visit 限就医类型\n"
        "A row replaces nothing: one that overlaps another of its code is refused, except that it may end an open one\n"
        "the day before it begins. The same file again changes nothing.\n\n"
        "options: --dry            what would happen; nothing is changed\n"
        "         --report FILE    CSV of the rows refused: row, code, field, text\n"
        "         --on DAY         as it holds on that day (today)\n"
        "         --deadline SECONDS wait that long for one message (60)\n"
        "         --data DIR --as NAME --json\n\n"
        "Exit: 0 all done; 1 some rows were refused; 2 the file cannot be used, or it was broken off.\n\n"
        "examples:\n"
        "  tongchou catalogue load config/samples/demo-catalogue.csv --dry\n"
        "  tongchou catalogue show drug XA01ABD075A002010100483 --on 2018-03-01\n"};
