// Files of receipts: both forms, both spellings of the heading, totals, rows at fault, and bytes that are no file.
#include "services/cli/receipt_file.h"
#include "tests/check.h"

typedef struct seen {
    int rows, bad;
    receipt_got_t end;
    Tc__Receive *last;
    int64_t last_number;
    err_t why; // of the last row or the file at fault
    char digest[2 * SHA256_BYTES + 1];
} seen_t;

static arena_t *arena;

static seen_t read_bytes(const char *bytes, size_t count) {
    seen_t seen = {0};
    receipt_file_t *file = NULL;
    err_t err = {0};
    FILE *in = fmemopen((void *)bytes, count ? count : 1, "r");
    if (in && !count) getc(in);
    CU_ASSERT_FATAL(in && receipt_file_open(&file, in, &err) == 0);
    for (bool more = true; more;) {
        Tc__Receive *row = NULL;
        err_t why;
        int64_t number;
        const receipt_got_t got = receipt_file_next(file, arena, &row, &number, &why);
        if (got == RECEIPT_ROW) seen.last = row, seen.last_number = number, seen.rows++;
        if (got == RECEIPT_BAD_ROW) seen.bad++;
        if (got != RECEIPT_ROW && got != RECEIPT_END) seen.why = why;
        seen.end = got;
        more = got == RECEIPT_ROW || got == RECEIPT_BAD_ROW;
    }
    EQ(receipt_file_digest(file, seen.digest, &err), 0);
    receipt_file_close(&file);
    fclose(in);
    return seen;
}

static seen_t read_text(const char *text) { return read_bytes(text, strlen(text)); }

TEST(a_table_is_read_in_both_languages) {
    arena = arena_new(1 << 16, 0);
    seen_t chinese = read_text("税票号码,单位编号,人员编号,费款所属期,金额,缴款日期,备注\n"
                               "T1,E1,,201803,100.50,20180320,x\nT2,,P1,2018,0.50,2018-03-21,\n合计,2,,,101.00,,\n");
    EQ(chinese.end, RECEIPT_END);
    EQ(chinese.rows, 2);
    EQ_TEXT(chinese.last->receipt, "T2");
    EQ_TEXT(chinese.last->person, "P1");
    EQ_TEXT(chinese.last->employer, "");
    EQ_TEXT(chinese.last->period, "2018");
    EQ(chinese.last->amount_fen, 50);
    EQ_TEXT(chinese.last->paid_on, "2018-03-21");
    EQ(chinese.last_number, 3);
    seen_t english = read_text("receipt,employer,period,amount,paid_on\nT1,E1,201803,1.00,2018/3/20\ntotal,1,,1.00,\n");
    EQ(english.end, RECEIPT_END);
    EQ_TEXT(english.last->period, "2018-03");
    EQ_TEXT(english.last->paid_on, "2018-03-20");
}

TEST(a_table_without_matching_totals_is_refused) {
#define HEAD "receipt,employer,period,amount,paid_on\n"
    EQ(read_text(HEAD "T1,E1,201803,1.00,2018-03-20\n").end, RECEIPT_REFUSED);
    EQ(read_text(HEAD "T1,E1,201803,1.00,2018-03-20\ntotal,1,,1.01,\n").end, RECEIPT_REFUSED);
    EQ(read_text(HEAD "T1,E1,201803,1.00,2018-03-20\ntotal,2,,1.00,\n").end, RECEIPT_REFUSED);
    seen_t bad = read_text(HEAD "T1,E1,201803,1.005,2018-03-20\ntotal,1,,1.00,\n");
    EQ(bad.bad, 1);
    EQ_TEXT(bad.why.field, "amount");
    EQ(read_text("").end, RECEIPT_REFUSED);
    EQ(read_text("\xff\xfe{").end, RECEIPT_REFUSED);
}

#define LINE                                                                                                           \
    "{\"receipt\":\"T1\",\"employer\":\"E1\",\"period\":\"2018-03\",\"amount\":\"1.00\",\"paid_on\":\"2018-03-20\"}\n"
TEST(lines_of_json_end_with_their_totals) {
    seen_t good = read_text(LINE "\n" LINE "{\"rows\":2,\"amount\":\"2.00\"}");
    EQ(good.end, RECEIPT_END);
    EQ(good.rows, 2);
    EQ(good.last_number, 3);
    EQ(good.last->amount_fen, 100);
    EQ_TEXT(good.digest, read_text(LINE "\n" LINE "{\"rows\":2,\"amount\":\"2.00\"}").digest);
    OK(strcmp(good.digest, read_text(LINE LINE "{\"rows\":2,\"amount\":\"2.00\"}").digest) != 0);
    EQ(read_text(LINE).end, RECEIPT_REFUSED);
    EQ(read_text(LINE "{\"rows\":2,\"amount\":\"1.00\"}\n").end, RECEIPT_REFUSED);
    EQ(read_text(LINE "{\"rows\":1,\"amount\":\"1.01\"}\n").end, RECEIPT_REFUSED);
    seen_t more = read_text(LINE "{\"rows\":1,\"amount\":\"1.00\"}\n" LINE);
    EQ(more.end, RECEIPT_REFUSED);
    HAS_TEXT(more.why.text, "behind the totals");
    seen_t bad = read_text(LINE "{\"receipt\":1}\n{\"rows\":2,\"amount\":\"1.00\"}\n");
    EQ(bad.bad, 1);
    HAS_TEXT(bad.why.text, "line 2");
    EQ(bad.end, RECEIPT_END);
    EQ(read_bytes("{\"a\0b\n", 6).end, RECEIPT_REFUSED);
}

TEST(an_endless_line_is_refused) {
    size_t bytes = 100 * 1000;
    char *text = malloc(bytes);
    CU_ASSERT_FATAL(text != NULL);
    memset(text, '{', bytes);
    EQ(read_bytes(text, bytes).end, RECEIPT_REFUSED);
    free(text);
    arena_destroy(&arena);
}

TESTS("receipt_file", CASE(a_table_is_read_in_both_languages), CASE(a_table_without_matching_totals_is_refused),
      CASE(lines_of_json_end_with_their_totals), CASE(an_endless_line_is_refused))
