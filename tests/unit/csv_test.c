// Tables from outside: what is read, what is refused with which words, and that random tables come back as they were
// written, in both encodings and across every buffer.
#include "tests/check.h"
#include "common/csv/csv.h"
#include "common/csv/encoding.h"
#include "common/csv/write.h"
#include <sys/resource.h>
#include <unistd.h>

static const csv_word_t registrations[] = {{"local", "本地"}, {"elsewhere", "外地"}};
enum { RECEIPT, NAME, PAID_ON, PERIOD, AMOUNT, PEOPLE, REGISTRATION, LATE };
static const csv_column_t columns[] = {
    {.name = "receipt", .chinese = "凭证号", .required = true},
    {.name = "name", .chinese = "姓名", .personal = true},
    {.name = "paid_on", .chinese = "缴款日期", .type = CSV_DATE},
    {.name = "period", .chinese = "期间", .type = CSV_MONTH},
    {.name = "amount", .chinese = "金额", .type = CSV_MONEY, .may_be_negative = true},
    {.name = "people", .chinese = "人数", .type = CSV_NUMBER},
    {.name = "registration", .chinese = "户籍", .type = CSV_WORD, .words = registrations, .word_count = 2},
    {.name = "late", .chinese = "是否逾期", .type = CSV_YES_NO},
};
static const csv_table_t plain = {.columns = columns, .count = COUNT_OF(columns)};

typedef struct reading {
    FILE *file;
    csv_t *csv;
    csv_row_t row;
    csv_fault_t fault;
    err_t err;
} reading_t;

static reading_t reading;

static void open_bytes(const csv_table_t *table, const char *bytes, size_t count) {
    reading = (reading_t){0};
    reading.file = fmemopen((void *)(uintptr_t)bytes, count, "r");
    NEED(reading.file != NULL);
    NEED(csv_open(&reading.csv, reading.file, table, &reading.err) == E_OK);
}
static void open_text(const csv_table_t *table, const char *text) { open_bytes(table, text, strlen(text)); }

static csv_got_t next(void) {
    csv_got_t got = csv_next(reading.csv, &reading.row, &reading.fault);
    if (got == CSV_BAD_ROW || got == CSV_REFUSED) csv_fault_err(&reading.fault, &reading.err);
    return got;
}
static const char *cell(int column) { return reading.row.cells[column].text; }

static void close_reading(void) {
    csv_destroy(&reading.csv);
    NEED(fclose(reading.file) == 0);
}

// Reads to the end: how many good rows, and how it ended.
static csv_got_t read_through(int64_t *good) {
    csv_got_t got;
    *good = 0;
    while ((got = next()) == CSV_ROW || got == CSV_BAD_ROW) *good += got == CSV_ROW;
    return got;
}

// ---- what is read

TEST(typed_rows_by_names_in_any_order) {
    open_text(&plain, "金额,receipt,缴款日期,period,人数,户籍,是否逾期,姓名\r\n"
                      "1234.5,R-1,2018/3/1,201803,12,外地,是,示例\r\n"
                      "\r\n"
                      "-0.05, R-2 ,20180301,2018-03,0,local,no,\r\n");
    EQ(next(), CSV_ROW);
    EQ(reading.row.number, 2);
    EQ_TEXT(cell(RECEIPT), "R-1");
    EQ_TEXT(cell(NAME), "示例");
    EQ(reading.row.cells[PAID_ON].date, date_make(2018, 3, 1));
    EQ(reading.row.cells[PERIOD].month, month_make(2018, 3));
    EQ(reading.row.cells[AMOUNT].fen, 123450);
    EQ(reading.row.cells[PEOPLE].number, 12);
    EQ(reading.row.cells[REGISTRATION].word, 1);
    EQ(reading.row.cells[LATE].yes, true);
    EQ(next(), CSV_ROW);
    EQ(reading.row.number, 4); // the empty line counts, as in a spreadsheet
    EQ_TEXT(cell(RECEIPT), "R-2");
    EQ(reading.row.cells[NAME].given, false);
    EQ(reading.row.cells[AMOUNT].fen, -5);
    EQ(reading.row.cells[LATE].yes, false);
    EQ(next(), CSV_END);
    EQ(next(), CSV_END);
    EQ(csv_row_count(reading.csv), 2);
    EQ(csv_bad_count(reading.csv), 0);
    close_reading();
}

TEST(quotes_keep_commas_quotes_and_line_ends) {
    open_text(&plain, "receipt,name\nR-1,\"a, \"\"b\"\"\r\nc \"\n\"R-2\",\"\"\nR-3,\"x\"\"\"");
    EQ(next(), CSV_ROW);
    EQ_TEXT(cell(NAME), "a, \"b\"\r\nc ");
    EQ(next(), CSV_ROW);
    EQ_TEXT(cell(RECEIPT), "R-2");
    EQ(next(), CSV_ROW);
    EQ_TEXT(cell(NAME), "x\"");
    EQ(next(), CSV_END);
    close_reading();
}

TEST(spaces_go_unless_they_stand_in_quotes) {
    open_text(&plain, "receipt,name\n R-1\t,\xE3\x80\x80x y\xE3\x80\x80\nR-2,\" x \"");
    EQ(next(), CSV_ROW);
    EQ_TEXT(cell(RECEIPT), "R-1");
    EQ_TEXT(cell(NAME), "x y");
    EQ(next(), CSV_ROW);
    EQ_TEXT(cell(NAME), " x ");
    EQ(next(), CSV_END);
    close_reading();
}

TEST(rows_without_anything_are_passed_over) {
    open_text(&plain, "\n\nreceipt,name\n,\n\"\",\nR-1,\n\n");
    EQ(next(), CSV_ROW);
    EQ(reading.row.number, 6);
    EQ(next(), CSV_END);
    EQ(csv_row_count(reading.csv), 1);
    close_reading();
}

// ---- encodings

// 凭证号,姓名 / R-1,示例 in GB18030
#define GB_HEADING "\xC6\xBE\xD6\xA4\xBA\xC5,\xD0\xD5\xC3\xFB\n"
#define GB_ROW "R-1,\xCA\xBE\xC0\xFD\n"

TEST(encodings_are_told_apart) {
    static const struct {
        const char *what, *text;
        csv_encoding_t wanted, is;
    } cases[] = {
        {"UTF-8", "凭证号,姓名\nR-1,示例\n", CSV_AUTO, CSV_UTF8},
        {"UTF-8 declared", "凭证号,姓名\nR-1,示例\n", CSV_UTF8, CSV_UTF8},
        {"UTF-8 with a mark", "\xEF\xBB\xBF凭证号,姓名\nR-1,示例\n", CSV_AUTO, CSV_UTF8},
        {"GB18030", GB_HEADING GB_ROW, CSV_AUTO, CSV_GB18030},
        {"GB18030 declared", GB_HEADING GB_ROW, CSV_GB18030, CSV_GB18030},
        {"GB18030 with a mark", "\x84\x31\x95\x33" GB_HEADING GB_ROW, CSV_AUTO, CSV_GB18030},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        csv_table_t table = plain;
        table.encoding = cases[i].wanted;
        open_text(&table, cases[i].text);
        if (next() != CSV_ROW) fprintf(stderr, "%s: %s\n", cases[i].what, reading.err.text);
        EQ_TEXT(reading.row.cells ? cell(NAME) : "", "示例");
        EQ(csv_encoding(reading.csv), cases[i].is);
        EQ(next(), CSV_END);
        close_reading();
    }
}

TEST(a_character_across_the_first_64_kib_is_still_utf8) {
    enum { BYTES = 70000 };
    char *text = malloc(BYTES + 64);
    NEED(text != NULL);
    for (size_t shift = 0; shift < 3; shift++) {
        size_t n = (size_t)sprintf(text, "receipt,name\n%.*s", (int)shift, "\n\n");
        for (int i = 0; n < BYTES; i++) n += (size_t)sprintf(text + n, "R,示例示例示\n");
        int64_t good;
        open_text(&plain, text);
        EQ(read_through(&good), CSV_END);
        EQ(csv_encoding(reading.csv), CSV_UTF8);
        EQ(csv_bad_count(reading.csv), 0);
        close_reading();
    }
    free(text);
}

TEST(a_wrong_encoding_is_refused_or_told_by_row_and_column) {
    static const struct {
        const char *text;
        csv_encoding_t wanted;
        csv_got_t got;
        const char *told;
    } cases[] = {
        {GB_HEADING GB_ROW, CSV_UTF8, CSV_REFUSED, "row 1, column 1: expected bytes that are UTF-8"},
        {"receipt,name\n" GB_ROW, CSV_UTF8, CSV_BAD_ROW, "row 2, 姓名 (name): expected bytes that are UTF-8"},
        {"凭证号,姓名\nR-1,示例\n", CSV_GB18030, CSV_REFUSED, "row 1"},
        {"\xEF\xBB\xBFreceipt\nR-1\n", CSV_GB18030, CSV_REFUSED,
         "found \"the byte order mark of UTF-8\", expected GB18030"},
        {"\xFF\xFEr\0e\0", CSV_AUTO, CSV_REFUSED, "found \"UTF-16\", expected UTF-8 or GB18030"},
        // A lead byte right before a comma and before a line's end swallows neither.
        {"receipt,name\n\x81,\xCA\xBE\nR-2,\x81\n", CSV_AUTO, CSV_BAD_ROW,
         "row 2, 凭证号 (receipt): expected bytes that are GB18030"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        csv_table_t table = plain;
        table.encoding = cases[i].wanted;
        open_text(&table, cases[i].text);
        EQ(next(), cases[i].got);
        HAS_TEXT(reading.err.text, cases[i].told);
        close_reading();
    }
}

TEST(utf8_is_checked_strictly) {
    static const char *const bad[] = {
        "\x80",     "\xC0\x80",         "\xC1\xBF",         "\xE0\x80\x80", "\xED\xA0\x80",
        "\xC3",     "\xE4\xB8",         "\xF0\x80\x80\x80", "\xFF",         "\xF5\x80\x80\x80",
        "\xC3\x28", "\xF4\x90\x80\x80", "a\xE4\xB8z"};
    for (size_t i = 0; i < COUNT_OF(bad); i++) OK(!utf8_valid(bad[i], strlen(bad[i]), false));
    OK(utf8_valid("a\xC3\xA9\xE4\xB8\xAD\xF0\xA0\xAE\xB7\xF4\x8F\xBF\xBF", 14, false));
    OK(utf8_valid("a\xE4\xB8", 3, true));
    OK(!utf8_valid("\xE4\xB8z", 3, true));
}

// ---- cells that are not what they should be

TEST(a_bad_cell_is_told_with_row_column_found_and_expected) {
    static const struct {
        const char *column, *text, *told;
    } cases[] = {
        {"paid_on", "2018-02-29", "row 2, 缴款日期 (paid_on): found \"2018-02-29\", expected a date that exists"},
        {"paid_on", "20180231", "found \"20180231\""},
        {"paid_on", "2018/13/1", "found \"2018/13/1\""},
        {"paid_on", "2018-3-1", "expected a date"},
        {"paid_on", "2018/3-1", "expected a date"},
        {"paid_on", "2018-03-01 00:00", "expected a date"},
        {"paid_on", "0018-03-01", "expected a date"},
        {"paid_on", "2018", "expected a date"},
        {"period", "2018-00", "row 2, 期间 (period): found \"2018-00\", expected a month"},
        {"period", "2018-13", "expected a month"},
        {"period", "2018-3", "expected a month"},
        {"period", "2018-03-01", "expected a month"},
        {"amount", "12.345", "row 2, 金额 (amount): found \"12.345\", expected an amount in yuan"},
        {"amount", "1e5", "expected an amount"},
        {"amount", "--1", "expected an amount"},
        {"amount", "-", "expected an amount"},
        {"amount", "+1", "expected an amount"},
        {"amount", "１２", "expected an amount"},
        {"amount", "\"1,234.50\"", "expected an amount"},
        {"amount", "99999999999999999999", "found \"a long number\", expected an amount"},
        {"people", "-1", "row 2, 人数 (people): found \"-1\", expected a whole number"},
        {"people", "1.0", "expected a whole number"},
        {"people", "1234567890123456", "expected a whole number"},
        {"registration", "Local", "found \"Local\", expected one of local (本地), elsewhere (外地)"},
        {"late", "1", "found \"1\", expected 是 or 否"},
        {"paid_on", "\"a\nb\"", "found \"a b\""},
        {"paid_on", "99000119800101001X", "found \"a long number\""},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char text[256];
        snprintf(text, sizeof text, "receipt,%s\nR-1,%s\nR-2,\n", cases[i].column, cases[i].text);
        open_text(&plain, text);
        if (next() != CSV_BAD_ROW) fprintf(stderr, "%s was read as %s\n", cases[i].text, cases[i].column);
        HAS_TEXT(reading.err.text, cases[i].told);
        EQ_TEXT(reading.err.field, cases[i].column);
        EQ(next(), CSV_ROW); // and the reader goes on
        EQ_TEXT(cell(RECEIPT), "R-2");
        EQ(next(), CSV_END);
        EQ(csv_bad_count(reading.csv), 1);
        close_reading();
    }
}

TEST(the_first_of_several_bad_cells_is_told) {
    open_text(&plain, "receipt,paid_on,people\nR-1,never,many\n");
    EQ(next(), CSV_BAD_ROW);
    EQ_TEXT(reading.fault.column, "paid_on");
    EQ(csv_bad_count(reading.csv), 1);
    close_reading();
}

TEST(what_dates_and_months_may_look_like) {
    static const char *const good[] = {"2020-02-29", "2020/2/29", "2020/02/29", "20200229"};
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        char text[64];
        snprintf(text, sizeof text, "receipt,paid_on\nR,%s\n", good[i]);
        open_text(&plain, text);
        EQ(next(), CSV_ROW);
        EQ(reading.row.cells[PAID_ON].date, date_make(2020, 2, 29));
        close_reading();
    }
}

TEST(a_required_cell_must_not_be_empty) {
    open_text(&plain, "receipt,name\n  ,x\n");
    EQ(next(), CSV_BAD_ROW);
    EQ(reading.fault.code, E_MISSING_FIELD);
    EQ_TEXT(reading.err.text, "row 2, 凭证号 (receipt): found \"nothing\", expected a text");
    close_reading();
}

TEST(personal_values_are_never_told) {
    static const csv_column_t people[] = {{.name = "id", .chinese = "证件号码", .type = CSV_NUMBER, .personal = true},
                                          {.name = "n", .chinese = "数", .type = CSV_NUMBER}};
    const csv_table_t table = {.columns = people, .count = 2};
    open_text(&table, "id,n\nsecret,1\n\"secret\"x,1\nsecret\"x,1\nsecret,1,2\n");
    for (int i = 0; i < 4; i++) {
        EQ(next(), CSV_BAD_ROW);
        OK(!strstr(reading.err.text, "secret"));
        EQ_TEXT(reading.fault.found, "");
    }
    EQ(next(), CSV_END);
    close_reading();
    open_text(&table, "secret,secret\nid,n\n"); // no heading: the first row is somebody's data
    EQ(next(), CSV_REFUSED);
    OK(!strstr(reading.err.text, "secret"));
    close_reading();
}

// ---- headings

TEST(headings_that_are_refused) {
    static const struct {
        const char *text, *told;
    } cases[] = {
        {"", "found \"an empty file\", expected a heading"},
        {"\n\n", "found \"an empty file\""},
        {"a,b\n1,2\n", "row 1: expected a heading with the names of the columns; none of its 2 is known"},
        {"name,period\n", "row 1, 凭证号 (receipt): expected this column in the heading"},
        {"receipt,凭证号\n", "row 1, 凭证号 (receipt): expected this column once only"},
        {"receipt,colour\n", "row 1, column 2: found \"colour\", expected one of 凭证号, 姓名"},
        {"receipt,\n", "row 1, column 2: expected one of"},
        {"receipt,\"name\n", "row 1, column 2: expected the closing quote"},
        {"receipt,na\"me\n", "row 1, column 2: expected no quote inside"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        open_bytes(&plain, cases[i].text[0] ? cases[i].text : "x", cases[i].text[0] ? strlen(cases[i].text) : 1);
        if (!cases[i].text[0]) NEED(fgetc(reading.file) == 'x'); // fmemopen takes no empty buffer
        EQ(next(), CSV_REFUSED);
        HAS_TEXT(reading.err.text, cases[i].told);
        EQ(next(), CSV_REFUSED); // and so it stays
        HAS_TEXT(reading.err.text, cases[i].told);
        close_reading();
    }
}

TEST(unknown_columns_are_passed_over_when_the_caller_says_so) {
    csv_table_t table = plain;
    table.skip_unknown = true;
    open_text(&table, "序号,receipt,备注,\n1,R-1,\xFF\xFF,x\n");
    EQ(next(), CSV_ROW);
    EQ_TEXT(cell(RECEIPT), "R-1");
    EQ(next(), CSV_END);
    close_reading();
}

// ---- broken rows

TEST(a_broken_row_is_told_and_the_next_is_read) {
    static const struct {
        const char *row;
        size_t bytes;
        const char *told;
    } cases[] = {
        {"R-1", 3, "row 2: expected as many as in the heading: 2 columns, not 1"},
        {"R-1,x,", 6, "row 2: expected as many as in the heading: 2 columns, not more"},
        {"R-1,x\"y", 7, "row 2, 姓名 (name): expected no quote inside a field"},
        {"R-1,x\"y\"", 8, "expected no quote inside a field"},
        {"R-1,\"x\"y", 8, "row 2, 姓名 (name): expected a comma or the line's end behind the closing quote"},
        {"R-1,\"x\" ", 8, "behind the closing quote"},
        {"R\r1,x", 5, "row 2, 凭证号 (receipt): expected lines that end in LF or CRLF"},
        {"R-1,\"x\"\ry", 9, "expected lines that end in LF or CRLF"},
        {"R-1,x\0y", 7, "row 2, 姓名 (name): expected text without NUL bytes"},
        {"\0\0\0", 3, "row 2, 凭证号 (receipt): expected text without NUL bytes"},
        {"R-1,\"\0\"", 7, "expected text without NUL bytes"},
        {"R-1,\xFF", 5, "row 2, 姓名 (name): expected bytes that are"},
        {"R-1,x\"y,\"one\nR-9,two\"", 22, "expected no quote inside a field"}, // the quoted part is no row of its own
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char text[256];
        size_t n = (size_t)snprintf(text, sizeof text, "receipt,name\n");
        memcpy(text + n, cases[i].row, cases[i].bytes);
        n += cases[i].bytes;
        n += (size_t)snprintf(text + n, sizeof text - n, "\nR-2,y\n");
        open_bytes(&plain, text, n);
        EQ(next(), CSV_BAD_ROW);
        HAS_TEXT(reading.err.text, cases[i].told);
        EQ(reading.fault.row, 2);
        EQ(next(), CSV_ROW);
        EQ_TEXT(cell(RECEIPT), "R-2");
        EQ(reading.row.number, 3);
        EQ(next(), CSV_END);
        close_reading();
    }
}

// Cut at every byte: an odd number of quotes so far means cut inside them, and the file is refused.
TEST(a_truncated_file) {
    static const char text[] = "receipt,name\nR-1,\"a,\"\"b\"\"\nc\"\nR-2,\"d\ne\"\n";
    const size_t heading = sizeof "receipt,name", second = (size_t)(strstr(text, "R-2") - text);
    bool open = false;
    for (size_t cut = heading; cut < sizeof text; cut++) {
        int64_t good;
        open_bytes(&plain, text, cut);
        EQ(read_through(&good), open ? CSV_REFUSED : CSV_END);
        if (open) HAS_TEXT(reading.err.text, "姓名 (name): expected the closing quote of a field");
        if (open) EQ(reading.fault.row, cut < second ? 2 : 3);
        close_reading();
        if (text[cut] == '"') open = !open;
    }
}

// ---- bounds

static void filled(char *text, const char *heading, size_t count, char with, const char *after) {
    size_t n = (size_t)sprintf(text, "%s", heading);
    memset(text + n, with, count);
    sprintf(text + n + count, "%s", after);
}

TEST(rows_and_fields_have_bounds) {
    char *text = malloc(300000);
    NEED(text != NULL);
    csv_table_t table = plain;
    table.limits.rows = 3;
    filled(text, "receipt,name\nR-1,", 4096, 'x', "\nR-2,y\n");
    open_text(&plain, text);
    EQ(next(), CSV_ROW);
    EQ(reading.row.cells[NAME].bytes, 4096);
    close_reading();
    filled(text, "receipt,name\nR-1,", 4097, 'x', "\nR-2,y\n");
    open_text(&plain, text);
    EQ(next(), CSV_BAD_ROW);
    EQ(reading.fault.code, E_TOO_LARGE);
    EQ_TEXT(reading.err.text, "row 2, 姓名 (name): expected at most 4096 bytes");
    EQ(next(), CSV_ROW);
    close_reading();
    filled(text, "receipt,name\nR-1,\"", 200000, '\n', "\"\nR-2,y\n"); // its lines are no rows
    open_text(&plain, text);
    EQ(next(), CSV_BAD_ROW);
    EQ(next(), CSV_ROW);
    EQ(reading.row.number, 3);
    EQ(next(), CSV_END);
    close_reading();
    open_text(&table, "receipt\nR-1\nR-2\nR-3\n");
    EQ(next(), CSV_ROW);
    EQ(next(), CSV_ROW);
    EQ(next(), CSV_REFUSED);
    EQ_TEXT(reading.err.text, "expected at most 3 rows");
    close_reading();
    table.limits = (csv_limits_t){.row_bytes = 20};
    open_text(&table, "receipt,name\n12345678901234,xxxx\n12345678901234,xxxxx\nR-3,\n");
    EQ(next(), CSV_ROW);
    EQ(next(), CSV_BAD_ROW);
    EQ_TEXT(reading.err.text, "row 3: expected a row of at most 20 bytes");
    EQ(next(), CSV_ROW);
    close_reading();
    free(text);
}

TEST(a_million_columns_are_refused_at_once) {
    enum { COLUMNS = 1000000, ROUNDS = 20 };
    char *text = malloc(ROUNDS * COLUMNS + 100);
    NEED(text != NULL);
    filled(text, "", COLUMNS, ',', "\n");
    open_text(&plain, text);
    EQ(next(), CSV_REFUSED);
    EQ_TEXT(reading.err.text, "row 1: expected at most 256 columns");
    close_reading();

    filled(text, "receipt,name\n", ROUNDS * COLUMNS, ',', "\nR-2,y\n");
    open_text(&plain, text);
    struct rusage before, after;
    NEED(getrusage(RUSAGE_SELF, &before) == 0);
    int64_t began_us = clock_mono_us();
    EQ(next(), CSV_BAD_ROW);
    EQ_TEXT(reading.err.text, "row 2: expected as many as in the heading: 2 columns, not more");
    OK(clock_mono_us() - began_us < 5000000);
    NEED(getrusage(RUSAGE_SELF, &after) == 0);
    OK(after.ru_maxrss - before.ru_maxrss < 1024); // KiB
    EQ(next(), CSV_ROW);
    close_reading();
    free(text);
}

// ---- totals

TEST(a_totals_line_must_say_what_the_rows_add_up_to) {
    static const struct {
        const char *rest;
        csv_totals_t totals;
        csv_got_t ends;
        const char *told;
    } cases[] = {
        {"R-1,本地,0.10\nR-2,外地,-0.03\n合计,2,0.07\n", CSV_TOTALS_OPTIONAL, CSV_END, ""},
        {"R-1,本地,0.10\ntotal,1,0.1\n\n,,\n", CSV_TOTALS_REQUIRED, CSV_END, ""},
        {"合计,0,0\n", CSV_TOTALS_REQUIRED, CSV_END, ""},
        {"R-1,本地,0.10\n", CSV_TOTALS_OPTIONAL, CSV_END, ""},
        {"R-1,本地,0.10\n", CSV_TOTALS_REQUIRED, CSV_REFUSED, "expected a totals line (合计) at the end of the file"},
        {"R-1,本地,0.10\n合计,1,0.11\n", CSV_TOTALS_OPTIONAL, CSV_REFUSED,
         "row 3, 金额 (amount): found \"0.11\", expected 0.10, the sum of the 1 rows above"},
        {"R-1,本地,0.10\n合计,2,0.10\n", CSV_TOTALS_OPTIONAL, CSV_REFUSED, "expected 1, the count of the rows above"},
        {"R-1,本地,0.10\n合计,,0.10\n", CSV_TOTALS_OPTIONAL, CSV_REFUSED, "expected the count of the rows"},
        {"R-1,本地,0.10\n合计,1,\n", CSV_TOTALS_OPTIONAL, CSV_REFUSED, "found \"nothing\", expected 0.10"},
        {"R-1,本地,0.10\n合计\n", CSV_TOTALS_OPTIONAL, CSV_REFUSED, "expected 0.10"},
        {"R-1,本地,0.10\n合计,1,0.10\nR-2,外地,1\n", CSV_TOTALS_OPTIONAL, CSV_REFUSED,
         "row 4: expected nothing behind the totals line"},
        // An amount in a row that is bad elsewhere was sent all the same; one that cannot be read is missing.
        {",本地,0.10\n合计,1,0.10\n", CSV_TOTALS_OPTIONAL, CSV_END, ""},
        {"R-1,本地,abc\nR-2,本地,1\n合计,2,3\n", CSV_TOTALS_OPTIONAL, CSV_REFUSED,
         "found \"3\", expected 1.00, the sum of the 2 rows above, without 1 that could not be read"},
        {"R-1,本地,90000000000000000\nR-2,本地,90000000000000000\n合计,2,1\n", CSV_TOTALS_OPTIONAL, CSV_REFUSED,
         "expected amounts whose sum can be counted"},
        {"合计,1,0.10\n", CSV_TOTALS_NONE, CSV_END, ""}, // somebody's name, then
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char text[256];
        int64_t good;
        csv_table_t table = plain;
        table.totals = cases[i].totals;
        snprintf(text, sizeof text, "receipt,registration,amount\n%s", cases[i].rest);
        open_text(&table, text);
        csv_got_t ends = read_through(&good);
        if (ends != cases[i].ends) fprintf(stderr, "case %zu: %s\n", i, reading.err.text);
        EQ(ends, cases[i].ends);
        if (ends == CSV_REFUSED) HAS_TEXT(reading.err.text, cases[i].told);
        close_reading();
    }
}

// ---- digest

TEST(the_digest_is_that_of_all_bytes) {
    static const char text[] = "\xEF\xBB\xBFreceipt\nR-1\n\xFF\nR-3\n";
    uint8_t expected[SHA256_BYTES], digest[SHA256_BYTES];
    int64_t good;
    sha256(text, sizeof text - 1, expected);
    for (int rows = 0; rows < 3; rows++) { // asked before, amid and behind the rows
        open_text(&plain, text);
        if (rows == 1) EQ(next(), CSV_ROW);
        if (rows == 2) EQ(read_through(&good), CSV_END);
        for (int twice = 0; twice < 2; twice++) {
            EQ(csv_digest(reading.csv, digest, &reading.err), E_OK);
            EQ(memcmp(digest, expected, sizeof digest), 0);
        }
        EQ(next(), rows == 2 ? CSV_END : CSV_REFUSED);
        close_reading();
    }
}

// ---- what is written is read back

typedef struct random {
    uint64_t state;
} random_t;

static uint64_t draw(random_t *random, uint64_t below) {
    uint64_t z = random->state += 0x9e3779b97f4a7c15ull;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return (z ^ (z >> 31)) % below;
}

// Text with everything that is special, and characters of one to four bytes in either encoding.
static void draw_text(random_t *random, char *text) {
    static const char *const parts[] = {"\"", ",", "\n", "\r\n", "\r", " ", "\t", "a", "Z9",   "合计", "示例", "𠮷",
                                        "㐂", "é", "　", "''",   "=1", ";", "\\", "…", "《》", "\"\"", "|",    "䶮"};
    text[0] = 0;
    for (uint64_t n = draw(random, draw(random, 20) ? 8 : 300); n; n--)
        strcat(text, parts[draw(random, COUNT_OF(parts))]);
}

typedef struct drawn {
    char name[2048];
    date_t date;
    month_t month;
    fen_t fen;
    int64_t number;
    int word;
    bool yes;
} drawn_t;

static void draw_row(random_t *random, drawn_t *row) {
    draw_text(random, row->name);
    row->date = date_make(1900 + (int)draw(random, 300), 1, 1) + (date_t)draw(random, 365);
    row->month = month_make(1900 + (int)draw(random, 300), 1 + (int)draw(random, 12));
    row->fen = (fen_t)draw(random, 1000000000000) - 500000000000;
    row->number = (int64_t)draw(random, 1000000000000000);
    row->word = (int)draw(random, 2);
    row->yes = draw(random, 2);
}

static void write_row(csv_writer_t *writer, random_t *random, const drawn_t *row, int64_t number) {
    char text[FEN_TEXT_MAX];
    int year, month, day;
    date_split(row->date, &year, &month, &day);
    switch (draw(random, 3)) {
    case 0: csv_write_format(writer, "%04d-%02d-%02d", year, month, day); break;
    case 1: csv_write_format(writer, "%d/%d/%d", year, month, day); break;
    default: csv_write_format(writer, "%04d%02d%02d", year, month, day);
    }
    csv_write(writer, row->name);
    csv_write_format(writer, "R-%lld", (long long)number);
    csv_write_format(writer, draw(random, 2) ? "%d/%d" : "%04d%02d", month_year(row->month), month_number(row->month));
    csv_write(writer, fen_format(row->fen, text));
    csv_write_format(writer, "%lld", (long long)row->number);
    csv_write(writer, draw(random, 2) ? registrations[row->word].name : registrations[row->word].chinese);
    csv_write(writer, row->yes ? (draw(random, 2) ? "是" : "yes") : (draw(random, 2) ? "否" : "no"));
    csv_write_end_row(writer);
    if (!draw(random, 10)) csv_write_end_row(writer); // an empty line
}

static void check_back(const csv_row_t *back, const drawn_t *row, int64_t number) {
    char text[32];
    snprintf(text, sizeof text, "R-%lld", (long long)number);
    EQ_TEXT(back->cells[RECEIPT].text, text);
    EQ_TEXT(back->cells[NAME].text, row->name);
    EQ(back->cells[PAID_ON].date, row->date);
    EQ(back->cells[PERIOD].month, row->month);
    EQ(back->cells[AMOUNT].fen, row->fen);
    EQ(back->cells[PEOPLE].number, row->number);
    EQ(back->cells[REGISTRATION].word, row->word);
    EQ(back->cells[LATE].yes, row->yes);
}

static void write_table(const char *path, csv_encoding_t encoding, uint64_t seed, int rows) {
    static const char *const names[] = {"缴款日期", "姓名", "凭证号", "period", "金额", "people", "户籍", "late"};
    csv_writer_t *writer = NULL;
    err_t err;
    random_t random = {seed}, forms = {~seed};
    drawn_t row;
    NEED(csv_writer_open(&writer, path, encoding, &err) == E_OK);
    for (size_t i = 0; i < COUNT_OF(names); i++) csv_write(writer, names[i]);
    csv_write_end_row(writer);
    for (int i = 0; i < rows; i++) {
        draw_row(&random, &row);
        write_row(writer, &forms, &row, i);
    }
    NEED(csv_writer_close(&writer, &err) == E_OK);
}

TEST(random_tables_come_back_in_both_encodings) {
    uint64_t seed = (uint64_t)clock_now_ms();
    fprintf(stderr, "seed %llu\n", (unsigned long long)seed);
    for (int round = 0; round < 8; round++) {
        char path[] = "/tmp/csv-test-XXXXXX";
        int fd = mkstemp(path), rows = round < 6 ? 300 * round : 20;
        csv_encoding_t encoding = round % 2 ? CSV_GB18030 : CSV_UTF8;
        csv_table_t table = plain;
        table.encoding = encoding; // a small table may be valid in both
        NEED(fd >= 0 && close(fd) == 0);
        write_table(path, encoding, seed + (uint64_t)round, rows);
        reading = (reading_t){.file = fopen(path, "r")};
        NEED(reading.file && csv_open(&reading.csv, reading.file, &table, &reading.err) == E_OK);
        random_t random = {seed + (uint64_t)round};
        for (int i = 0; i < rows; i++) {
            drawn_t row;
            draw_row(&random, &row);
            if (next() != CSV_ROW) fprintf(stderr, "round %d row %d: %s\n", round, i, reading.err.text);
            NEED(reading.row.cells != NULL);
            check_back(&reading.row, &row, i);
        }
        EQ(next(), CSV_END);
        EQ(csv_row_count(reading.csv), rows);
        close_reading();
        NEED(unlink(path) == 0);
    }
}

TEST(a_writer_tells_its_first_failure) {
    csv_writer_t *writer = NULL;
    err_t err;
    EQ(csv_writer_open(&writer, "/nowhere/at/all.csv", CSV_UTF8, &err), E_IO);
    HAS_TEXT(err.text, "/nowhere/at/all.csv");
    NEED(csv_writer_open(&writer, "/dev/full", CSV_UTF8, &err) == E_OK);
    csv_write(writer, "x");
    csv_write_end_row(writer);
    EQ(csv_writer_close(&writer, &err), E_IO);
    NEED(csv_writer_open(&writer, "/dev/null", CSV_GB18030, &err) == E_OK);
    csv_write(writer, "\xFF");
    csv_write_end_row(writer);
    EQ(csv_writer_close(&writer, &err), E_INVALID_FIELD);
    NEED(csv_writer_open(&writer, "/dev/null", CSV_GB18030, &err) == E_OK);
    for (int i = 0; i < 70000; i++) csv_write(writer, "x");
    csv_write_end_row(writer);
    EQ(csv_writer_close(&writer, &err), E_TOO_LARGE);
    OK(writer == NULL);
}

TEST(a_file_that_cannot_be_read_is_refused) {
    reading = (reading_t){.file = fopen("/", "r")};
    NEED(reading.file && csv_open(&reading.csv, reading.file, &plain, &reading.err) == E_OK);
    EQ(next(), CSV_REFUSED);
    EQ(reading.fault.code, E_IO);
    uint8_t digest[SHA256_BYTES];
    EQ(csv_digest(reading.csv, digest, &reading.err), E_IO);
    close_reading();
}

TESTS("csv", CASE(typed_rows_by_names_in_any_order), CASE(quotes_keep_commas_quotes_and_line_ends),
      CASE(spaces_go_unless_they_stand_in_quotes), CASE(rows_without_anything_are_passed_over),
      CASE(encodings_are_told_apart), CASE(a_character_across_the_first_64_kib_is_still_utf8),
      CASE(a_wrong_encoding_is_refused_or_told_by_row_and_column), CASE(utf8_is_checked_strictly),
      CASE(a_bad_cell_is_told_with_row_column_found_and_expected), CASE(the_first_of_several_bad_cells_is_told),
      CASE(what_dates_and_months_may_look_like), CASE(a_required_cell_must_not_be_empty),
      CASE(personal_values_are_never_told), CASE(headings_that_are_refused),
      CASE(unknown_columns_are_passed_over_when_the_caller_says_so), CASE(a_broken_row_is_told_and_the_next_is_read),
      CASE(a_truncated_file), CASE(rows_and_fields_have_bounds), CASE(a_million_columns_are_refused_at_once),
      CASE(a_totals_line_must_say_what_the_rows_add_up_to), CASE(the_digest_is_that_of_all_bytes),
      CASE(random_tables_come_back_in_both_encodings), CASE(a_writer_tells_its_first_failure),
      CASE(a_file_that_cannot_be_read_is_refused))
