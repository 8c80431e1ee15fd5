// Files at fault, of every kind that can be imported: told by row, column and code, and nothing half done. Each file
// has three rows; what is wrong stands in the second one, row 3, unless it is wrong with the file as a whole.
#include "running.h"
#include "common/base/check.h"
#include "common/base/hash.h"
#include "common/base/ids.h"
#include "tests/check.h"
#include <sqlite3.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ROWS = 3, MILLION = 1000000, HUGE_BYTES = 100 * 1000 * 1000, MEMORY_KIB = 192 * 1024 };

static running_t *suite;
static char folder[] = "/tmp/tongchou-faults-XXXXXX";

static const char *path_of(const char *name) {
    static char text[8][100];
    static unsigned turn;
    char *out = text[turn++ % 8];
    snprintf(out, sizeof text[0], "%s/%s", folder, name);
    return out;
}

// ---- the kinds

typedef enum kind { PERSONS, EMPLOYERS, SPELLS, WAGES, LIST, RECEIPTS, KINDS } kind_t;

typedef struct kind_of {
    const char *name, *heading;
    const char *first;   // first column
    const char *needed;  // heading without a column that must be there …
    const char *missing; // … and that column
    bool any_column;     // unknown columns are passed over
    bool whole;          // a row that cannot be read refuses the file
} kind_of_t;

static const kind_of_t kinds[KINDS] = {
    {"persons", "person,citizen_id,name,division", "person", "person,citizen_id,name", "division", false, false},
    {"employers", "employer,uscc,name,kind,division", "employer", "employer,uscc,name,kind", "division", false, false},
    {"spells", "person,identity,from_month", "person", "person,identity", "from_month", false, false},
    {"wages", "person,from_month,wage", "person", "person,from_month", "wage", false, false},
    {"list", "person,id_number", "person", NULL, NULL, true, true},
    {"receipts", "receipt,person,period,amount,paid_on", "receipt", "receipt,person,period,amount", "paid_on", true,
     true},
};

static const char *citizen(unsigned serial) {
    static char ids[8][20];
    static unsigned turn;
    char *id = ids[turn++ % 8];
    snprintf(id, 20, "44070319620101%03u", serial);
    id[17] = citizen_id_check_char(id);
    return id;
}

static const char *uscc(unsigned serial) {
    static char codes[8][20];
    static unsigned turn;
    char *code = codes[turn++ % 8];
    snprintf(code, 20, "91440703%09u", serial);
    code[17] = uscc_check_char(code);
    return code;
}

// A row that could be taken in; `odd` is what stands where a date or a number with a check character would, `name` a
// name in the file's encoding.
static void row_of(kind_t kind, int i, const char *odd, const char *name, char out[static 200]) {
    const unsigned serial = 500 + (unsigned)i;
    switch (kind) {
    case PERSONS: snprintf(out, 200, "N%d,%s,%s%d,440703", i, odd ? odd : citizen(serial), name, i); break;
    case EMPLOYERS: snprintf(out, 200, "M%d,%s,%s%d,enterprise,440703", i, odd ? odd : uscc(serial), name, i); break;
    case SPELLS: snprintf(out, 200, "F%d,flexible,%s", i, odd ? odd : "2018-01"); break;
    case WAGES: snprintf(out, 200, "W%d,%s,6000.00", i, odd ? odd : "2018-07"); break;
    case LIST: snprintf(out, 200, "F%d,%s", i, odd ? odd : citizen((unsigned)i)); break;
    default: snprintf(out, 200, "R%d,F%d,2018-01,10.00,%s", i, i, odd ? odd : "2018-02-20"); break;
    }
}

// ---- the faults

typedef enum flaw {
    FINE,
    BYTE_ORDER_MARK,
    CARRIAGE_RETURNS,
    GB18030,
    BAD_UTF8,
    BAD_GB18030,
    CUT_OFF,
    OPEN_QUOTE,
    NUL_BYTE,
    MILLION_COLUMNS,
    HUGE_LINE,
    NO_SUCH_DAY,
    BAD_CHECK,
    COLUMN_TWICE,
    COLUMN_MISSING,
    COLUMN_UNKNOWN,
    EMPTY,
    DIRECTORY,
    FLAWS
} flaw_t;

static const char *const flaw_names[FLAWS] = {"fine",
                                              "a byte order mark",
                                              "CRLF",
                                              "GB18030",
                                              "bad UTF-8",
                                              "bad GB18030",
                                              "a last line cut off",
                                              "a quote never closed",
                                              "a NUL byte",
                                              "a million columns",
                                              "a line of 100 MB",
                                              "2023-02-30",
                                              "a wrong check character",
                                              "a column twice",
                                              "a column missing",
                                              "an unknown column",
                                              "an empty file",
                                              "a directory"};

// What stands at the fault's place; NULL: the kind has no such place.
static const char *odd_of(kind_t kind, flaw_t flaw) {
    static char id[20];
    if (flaw == NO_SUCH_DAY) {
        if (kind == EMPLOYERS || kind == LIST) return NULL;
        if (kind != PERSONS) return "2023-02-30";
        snprintf(id, sizeof id, "44070320230230001");
        id[17] = citizen_id_check_char(id);
        id[18] = '\0';
        return id;
    }
    if (flaw != BAD_CHECK || (kind != PERSONS && kind != EMPLOYERS && kind != LIST)) return NULL;
    snprintf(id, sizeof id, "%s", kind == EMPLOYERS ? uscc(501) : citizen(kind == LIST ? 1 : 501));
    id[17] = id[17] == '0' ? '1' : '0';
    return id;
}

static bool applies(kind_t kind, flaw_t flaw) {
    if (flaw == NO_SUCH_DAY || flaw == BAD_CHECK) return odd_of(kind, flaw) != NULL;
    return flaw != COLUMN_MISSING || kinds[kind].missing;
}

static void put_times(FILE *file, const char *text, long times) {
    for (long i = 0; i < times; i++) fputs(text, file);
}

static void write_heading(FILE *file, const kind_of_t *kind, flaw_t flaw) {
    const char *end = flaw == CARRIAGE_RETURNS ? "\r\n" : "\n";
    if (flaw == BYTE_ORDER_MARK || flaw == BAD_UTF8) fputs("\xef\xbb\xbf", file);
    if (flaw == COLUMN_TWICE)
        fprintf(file, "%s,%s%s", kind->heading, kind->first, end);
    else if (flaw == COLUMN_UNKNOWN)
        fprintf(file, "%s,colour%s", kind->heading, end);
    else
        fprintf(file, "%s%s", flaw == COLUMN_MISSING ? kind->needed : kind->heading, end);
}

// Row 3, as the flaw has it.
static void write_flawed(FILE *file, kind_t kind, flaw_t flaw, const char *row) {
    switch (flaw) {
    case BAD_UTF8: fprintf(file, "\xc3\x28%s\n", row); break;
    case BAD_GB18030: fprintf(file, "\x81 %s\n", row); break;
    case OPEN_QUOTE: fprintf(file, "\"%s\n", row); break;
    case NUL_BYTE: fprintf(file, "x%c%s\n", 0, row); break;
    case MILLION_COLUMNS: put_times(file, "a,", MILLION), fputs("\n", file); break;
    case HUGE_LINE:
        put_times(file, "0123456789abcdef0123456789abcdef0123456789abcdef01", HUGE_BYTES / 50), fputs("\n", file);
        break;
    case NO_SUCH_DAY:
    case BAD_CHECK: {
        char odd[200];
        row_of(kind, 1, odd_of(kind, flaw), "名", odd);
        fprintf(file, "%s\n", odd);
        break;
    }
    default: fprintf(file, "%s%s", row, flaw == CARRIAGE_RETURNS ? "\r\n" : "\n"); break;
    }
}

static void write_file(const char *path, kind_t kind, flaw_t flaw) {
    FILE *file = fopen(path, "w");
    const bool chinese = flaw == GB18030 || flaw == BAD_GB18030; // 名 and 合计 in that encoding
    NEED(file != NULL);
    if (flaw != EMPTY) write_heading(file, &kinds[kind], flaw);
    for (int i = 0; i < ROWS && flaw != EMPTY; i++) {
        char row[200];
        row_of(kind, i, NULL, chinese ? "\xc3\xfb" : "名", row);
        if (i == 1)
            write_flawed(file, kind, flaw, row);
        else if (flaw == CUT_OFF && i == ROWS - 1)
            fprintf(file, "%.*s", (int)strcspn(row, ","), row);
        else
            fprintf(file, "%s%s", row, flaw == CARRIAGE_RETURNS ? "\r\n" : "\n");
    }
    if (kind == RECEIPTS && flaw != EMPTY && flaw != CUT_OFF)
        fprintf(file, "%s,3,,30.00,\n", chinese ? "\xba\xcf\xbc\xc6" : "合计");
    NEED(fclose(file) == 0);
}

// ---- what the services hold

static void add_rows(const char *store, const char *sql, FILE *to) {
    sqlite3 *db = NULL;
    sqlite3_stmt *rows = NULL;
    char name[400];
    snprintf(name, sizeof name, "%s/store/%s.db", running_dir(suite), store);
    NEED(sqlite3_open_v2(name, &db, SQLITE_OPEN_READONLY, NULL) == SQLITE_OK);
    NEED(sqlite3_prepare_v2(db, sql, -1, &rows, NULL) == SQLITE_OK);
    while (sqlite3_step(rows) == SQLITE_ROW)
        for (int i = 0; i < sqlite3_column_count(rows); i++) fprintf(to, "%s|", sqlite3_column_text(rows, i));
    NEED(sqlite3_finalize(rows) == SQLITE_OK);
    sqlite3_close(db);
}

static void digest_of(char hex[static 2 * SHA256_BYTES + 1]) {
    static const char *const tables[][2] = {
        {"enrollment", "SELECT person, version, citizen_id, name, hex(state) FROM person ORDER BY person"},
        {"enrollment", "SELECT person, version, hex(state) FROM person_version ORDER BY person, version"},
        {"enrollment", "SELECT employer, version, uscc, hex(state) FROM employer ORDER BY employer"},
        {"enrollment", "SELECT number, person, decision FROM parked_person ORDER BY number"},
        {"enrollment", "SELECT group_name, source, person FROM member ORDER BY 1, 2, 3"},
        {"enrollment", "SELECT partition, number, topic, hex(body) FROM event ORDER BY partition, number"},
        {"collection", "SELECT person, period, total_fen, paid_on, receipt FROM bill ORDER BY person, period"},
        {"collection", "SELECT receipt, payer, amount_fen FROM receipt ORDER BY receipt"},
        {"collection", "SELECT receipt, amount_fen, decision FROM parked_receipt ORDER BY receipt"},
        {"collection", "SELECT payer_kind, payer, amount_fen FROM credit ORDER BY 1, 2"},
        {"collection", "SELECT partition, number, topic, hex(body) FROM event ORDER BY partition, number"}};
    char *text = NULL;
    size_t bytes = 0;
    uint8_t digest[SHA256_BYTES];
    FILE *to = open_memstream(&text, &bytes);
    NEED(to != NULL);
    for (size_t i = 0; i < COUNT_OF(tables); i++) add_rows(tables[i][0], tables[i][1], to);
    NEED(fclose(to) == 0);
    NEED(bytes > 1000);
    sha256(text, bytes, digest);
    hex_encode(digest, sizeof digest, hex);
    free(text);
}

// ---- the command

static int import(kind_t kind, const char *path, const char *option, const char *as_of) {
    char out[8192];
    const char *const list[] = {"import",        "list",    path,  "--group", "minimum_living", "--source",
                                "civil_affairs", "--as-of", as_of, option,    "--report",       path_of("report.csv"),
                                "--quiet",       NULL};
    const char *const receipts[] = {"collect", "import", path, option, "--report", path_of("report.csv"),
                                    "--quiet", NULL};
    const char *const others[] = {"import",   kinds[kind].name,      path,      option,
                                  "--report", path_of("report.csv"), "--quiet", NULL};
    return running_command(suite, out, sizeof out, kind == LIST ? list : kind == RECEIPTS ? receipts : others);
}

static const char *report(void) {
    static char text[8192];
    FILE *file = fopen(path_of("report.csv"), "r");
    NEED(file != NULL);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    return text;
}

// ---- what each flaw comes to

typedef struct outcome {
    int status;
    char line[80]; // of the report: row, code and column; "" when none is expected
} outcome_t;

static outcome_t outcome(int status, int row, const char *code, const char *column) {
    outcome_t o = {.status = status};
    snprintf(o.line, sizeof o.line, "\n%d,%s,%s,", row, code, column);
    return o;
}

// A row at fault: told; with --all-or-nothing nothing is taken in. Where the file must be whole, it is not used at all.
static outcome_t bad_row(kind_t kind, int row, const char *code, const char *column) {
    return outcome(kinds[kind].whole ? 2 : 1, row, code, column);
}

static outcome_t expected(kind_t kind, flaw_t flaw) {
    static const char *const days[] = {"citizen_id", "", "from_month", "from_month", "", "paid_on"};
    static const char *const codes[] = {"citizen_id", "uscc", "", "", "id_number", ""};
    const kind_of_t *k = &kinds[kind];
    switch (flaw) {
    case BAD_UTF8:
    case BAD_GB18030:
    case NUL_BYTE: return bad_row(kind, 3, "INVALID_FIELD", k->first);
    case CUT_OFF: // receipts must end in totals
        return kind == RECEIPTS ? outcome(2, 0, "MISSING_FIELD", "") : bad_row(kind, 4, "INVALID_FIELD", "");
    case OPEN_QUOTE: return outcome(2, 3, "INVALID_FIELD", k->first);
    case MILLION_COLUMNS: return bad_row(kind, 3, "TOO_LARGE", "");
    case HUGE_LINE: return bad_row(kind, 3, "TOO_LARGE", k->first);
    case NO_SUCH_DAY: return bad_row(kind, 3, "INVALID_FIELD", days[kind]);
    case BAD_CHECK: return outcome(1, 3, "INVALID_FIELD", codes[kind]); // told by the service, of a dry pass
    case COLUMN_TWICE: return outcome(2, 1, "INVALID_FIELD", k->first);
    case COLUMN_MISSING: return outcome(2, 1, "MISSING_FIELD", k->missing);
    case COLUMN_UNKNOWN: // rows have fewer cells than the heading then
        return k->any_column ? bad_row(kind, 2, "INVALID_FIELD", "") : outcome(2, 1, "UNKNOWN_FIELD", "");
    case EMPTY: return outcome(2, 0, "MISSING_FIELD", "");
    case DIRECTORY: return outcome(2, 0, "IO", "");
    default: // nothing is billed: receipts would be put aside
        return kind == RECEIPTS ? outcome(1, 2, "PARKED", "amount") : (outcome_t){0};
    }
}

static void try_flaw(kind_t kind, flaw_t flaw, const char *digest) {
    char name[64], after[2 * SHA256_BYTES + 1];
    const outcome_t want = expected(kind, flaw);
    snprintf(name, sizeof name, "%s-%d.csv", kinds[kind].name, (int)flaw);
    const char *path = flaw == DIRECTORY ? folder : path_of(name);
    if (flaw != DIRECTORY) write_file(path, kind, flaw);
    // Files that could be taken in are only looked at.
    const int status = import(kind, path, flaw > GB18030 ? "--all-or-nothing" : "--dry", "2018-07-01");
    if (status != want.status || !strstr(report(), want.line))
        fprintf(stderr, "%s, %s: status %d, expected %d and %s\n%s\n", kinds[kind].name, flaw_names[flaw], status,
                want.status, want.line, report());
    EQ(status, want.status);
    HAS_TEXT(report(), want.line);
    if (!*want.line) EQ_TEXT(report(), "row,code,field,text\n");
    OK(strstr(report(), "4407031962") == NULL && strstr(report(), "名") == NULL);
    digest_of(after);
    EQ_TEXT(after, digest);
    if (flaw != DIRECTORY) NEED(unlink(path) == 0);
}

// ----

TEST(a_city_of_three) {
    char out[4096];
    static const char *const overlays[] = {"config/samples/jiangmen-illustrative.yaml", NULL};
    NEED(mkdtemp(folder) != NULL);
    suite = running_start(&(running_conf_t){.overlays = overlays});
    NEED(suite != NULL);
    FILE *persons = fopen(path_of("p"), "w"), *spells = fopen(path_of("s"), "w"), *employer = fopen(path_of("e"), "w");
    NEED(persons && spells && employer);
    fprintf(employer, "%s\nE1,%s,名,enterprise,440703\n", kinds[EMPLOYERS].heading, uscc(1));
    fprintf(persons, "%s\n", kinds[PERSONS].heading);
    fprintf(spells, "person,identity,employer,from_month,wage\n");
    for (int i = 0; i < ROWS; i++) { // F: for spells, lists and receipts; W: for wages
        fprintf(persons, "F%d,%s,甲%d,440703\nW%d,%s,乙%d,440703\n", i, citizen((unsigned)i), i, i,
                citizen(100 + (unsigned)i), i);
        fprintf(spells, "W%d,employee,E1,2018-01,5000.00\n", i);
    }
    NEED(fclose(persons) == 0 && fclose(spells) == 0 && fclose(employer) == 0);
    static const char *const jobs[][2] = {{"employers", "e"}, {"persons", "p"}, {"spells", "s"}};
    for (size_t i = 0; i < COUNT_OF(jobs); i++)
        EQ(running_command(suite, out, sizeof out,
                           (const char *const[]){"import", jobs[i][0], path_of(jobs[i][1]), "--quiet", NULL}),
           0);
    NEED(running_settle_down(suite) == 0);
}

TEST(files_at_fault_are_told_by_row_column_and_code_and_change_nothing) {
    char digest[2 * SHA256_BYTES + 1];
    digest_of(digest);
    for (kind_t kind = PERSONS; kind < KINDS; kind++)
        for (flaw_t flaw = FINE; flaw < FLAWS; flaw++)
            if (applies(kind, flaw)) try_flaw(kind, flaw, digest);
    EQ(import(LIST, path_of("p"), "--all-or-nothing", "2023-02-30"), 2);
    struct rusage usage;
    NEED(getrusage(RUSAGE_CHILDREN, &usage) == 0);
    fprintf(stderr, "(at most %ld MiB) ", usage.ru_maxrss / 1024);
    OK(usage.ru_maxrss < MEMORY_KIB);
}

typedef struct special {
    kind_t kind;
    const char *text, *option;
    int status;
    const char *line; // of the report
} special_t;

TEST(what_only_some_kinds_refuse) {
    static const special_t specials[] = {
        {WAGES, "person,from_month,wage\nW1,2018-07,6000\nW2,2018-07,6000\nW1,201807,7000\n", "--json", 2,
         "\n4,EXISTS,from_month,"}, // whichever came last would hold
        {WAGES, "person,from_month,wage\nW1,2017-07,6000\n", "--all-or-nothing", 1, "\n2,OUT_OF_RANGE,from_month,"},
        {WAGES, "person,from_month,wage\nF1,2018-07,6000\n", "--all-or-nothing", 1, "\n2,OUT_OF_RANGE,from_month,"},
        {LIST, "person,id_number,group\nF1,,minimum_living\n,,minimum_living\n,,preferential\n", "--json", 2,
         "\n3,MISSING_FIELD,person,"}, // names nobody
        {LIST, "group\n", "--empty", 2, "row,code,field,text\n"},
        {LIST, "person\nF1\nX9\n", "--all-or-nothing", 1, "\n3,NOT_FOUND,person,"},
        {LIST, "证件号码\n440703196201019014\n", "--all-or-nothing", 1, "\n2,INVALID_FIELD,id_number,"}};
    char before[2 * SHA256_BYTES + 1], after[2 * SHA256_BYTES + 1];
    digest_of(before);
    for (size_t i = 0; i < COUNT_OF(specials); i++) {
        FILE *file = fopen(path_of("special.csv"), "w");
        NEED(file != NULL);
        fputs(specials[i].text, file);
        NEED(fclose(file) == 0);
        const int status = import(specials[i].kind, path_of("special.csv"), specials[i].option, "2018-06-01");
        EQ(status, specials[i].status);
        HAS_TEXT(report(), specials[i].line);
        digest_of(after);
        EQ_TEXT(after, before);
    }
}

// The same rows without a flaw are taken in: what was refused above was refused for the flaw.
TEST(the_same_files_without_a_fault_are_taken_in) {
    char before[2 * SHA256_BYTES + 1], after[2 * SHA256_BYTES + 1], out[4096];
    digest_of(before);
    for (kind_t kind = PERSONS; kind < KINDS; kind++) {
        write_file(path_of("good.csv"), kind, FINE);
        const int status = import(kind, path_of("good.csv"), "--all-or-nothing", "2018-07-01");
        EQ(status, kind == RECEIPTS ? 1 : 0); // nothing is billed: receipts are put aside
        digest_of(after);
        OK(strcmp(before, after) != 0);
        memcpy(before, after, sizeof before);
    }
    EQ(running_command(suite, out, sizeof out, (const char *const[]){"wait", NULL}), 0);
    EQ(running_command(suite, out, sizeof out, (const char *const[]){"verify", NULL}), 0);
    running_stop(&suite);
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    OK(system(command) == 0);
}

TESTS("imports of files at fault", CASE(a_city_of_three),
      CASE(files_at_fault_are_told_by_row_column_and_code_and_change_nothing), CASE(what_only_some_kinds_refuse),
      CASE(the_same_files_without_a_fault_are_taken_in))
