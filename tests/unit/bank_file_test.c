// Statements of banks as files: what is taken, what is refused and why, and that nobody's name is told.
#include "services/settlement/bank_file.h"
#include "tests/check.h"

static arena_t *arena;
static bank_file_t out;
static err_t err;
static char faults[2048];

static void tell(void *self, int64_t row, const err_t *why) {
    (void)self;
    const size_t used = strlen(faults);
    snprintf(faults + used, sizeof faults - used, "%lld %s: %s\n", (long long)row, why->field, why->text);
}

static int read_bytes(const char *text, size_t bytes) {
    FILE *file = fmemopen((void *)(uintptr_t)text, bytes, "r");
    NEED(file != NULL);
    faults[0] = '\0';
    err = (err_t){0};
    int rc = bank_file_read(file, arena, tell, NULL, &out, &err);
    EQ(fclose(file), 0);
    return rc;
}
static int read_text(const char *text) { return read_bytes(text, strlen(text)); }

TEST(a_statement_of_in_and_out_is_read) {
    EQ(read_text("业务编号,交易日期,收入金额,支出金额,余额,对方户名\n"
                 "PO-1,2020-03-02,,120.50,879.50,某医院\n"
                 ",2020/3/3,1000.00,0.00,1879.50,税务局\n"
                 "合计,2,1000.00,120.50,,\n"),
       E_OK);
    NEED(out.count == 2);
    EQ_TEXT(out.rows[0]->reference, "PO-1");
    EQ_TEXT(out.rows[0]->day, "2020-03-02");
    EQ(out.rows[0]->out_fen, 12050);
    EQ(out.rows[0]->line, 2);
    EQ_TEXT(out.rows[1]->reference, "");
    EQ(out.rows[1]->in_fen, 100000);
    EQ(out.in, 100000);
    EQ(out.out, 12050);
    EQ_TEXT(out.from, "2020-03-02");
    EQ_TEXT(out.to, "2020-03-03");
    EQ(strlen(out.digest), 64);
}

TEST(gb18030_and_one_signed_column_are_read_too) {
    static const char bytes[] =
        "\xd2\xb5\xce\xf1\xb1\xe0\xba\xc5,\xbd\xbb\xd2\xd7\xc8\xd5\xc6\xda,\xbd\xf0\xb6\xee\n" // 业务编号,交易日期,金额
        "T-9,20200305,-12.00\n\xba\xcf\xbc\xc6,1,-12.00\n";
    EQ(read_bytes(bytes, sizeof bytes - 1), E_OK);
    NEED(out.count == 1);
    EQ(out.rows[0]->out_fen, 1200);
    EQ_TEXT(out.rows[0]->reference, "T-9");
}

TEST(totals_that_do_not_match_refuse_the_file) {
    EQ(read_text("reference,day,amount\nT-1,2020-03-02,-12.00\ntotal,1,-12.01\n"), E_INVALID_FIELD);
    HAS_TEXT(err.text, "-12.00");
    OK(read_text("reference,day,amount\nT-1,2020-03-02,-12.00\n") != E_OK); // none
    OK(read_text("reference,day,amount\ntotal,0,0.00\n") != E_OK);          // no row
}

TEST(every_row_at_fault_is_told_and_then_the_file_is_refused) {
    EQ(read_text("reference,day,in,out,balance\n"
                 "A,2020-03-02,1.00,,1.00\n"
                 "B,2020-03-02,1.00,,3.00\n"                   // a row is missing before it
                 "C,2020-03-02,1.00,2.00,\n"                   // both sides
                 "张三 440703199001011234,2020-03-02,1.00,,\n" // no number
                 "D,2020-13-02,1.00,,\n"
                 "E,2020-03-02,,,\n"
                 "F,2020-03-02,0.00,0.00,\n"
                 "total,7,5.00,2.00,\n"),
       E_INVALID_FIELD);
    HAS_TEXT(err.text, "6 rows");
    HAS_TEXT(faults, "3 balance: balance (余额): 2.00 follows");
    HAS_TEXT(faults, "4 amount");
    HAS_TEXT(faults, "5 reference");
    HAS_TEXT(faults, "7 amount");
    HAS_TEXT(faults, "8 amount");
    OK(strstr(faults, "440703") == NULL && strstr(faults, "张三") == NULL);
}

TEST(columns_that_are_missing_refuse_the_file) {
    EQ(read_text("reference,amount\nA,1.00\ntotal,1,1.00\n"), E_MISSING_FIELD);
    HAS_TEXT(err.text, "交易日期");
}

int main(void) {
    static const check_case_t cases[] = {
        CASE(a_statement_of_in_and_out_is_read), CASE(gb18030_and_one_signed_column_are_read_too),
        CASE(totals_that_do_not_match_refuse_the_file), CASE(every_row_at_fault_is_told_and_then_the_file_is_refused),
        CASE(columns_that_are_missing_refuse_the_file)};
    arena = arena_new(1 << 16, 0);
    int status = check_run("bank file", cases, COUNT_OF(cases));
    arena_destroy(&arena);
    return status;
}
