// A facility's list of bills as a file.
#include "services/cli/bill_list.h"
#include "tests/check.h"

static arena_t *arena;
static row_list_t list;
static err_t err;
static int bad;
static char last[300];

static void tell(void *self, int64_t row, const err_t *why) {
    (void)self, (void)row;
    bad++;
    snprintf(last, sizeof last, "%s", why->text);
}

static int read_text(const char *text) {
    FILE *file = fmemopen((void *)(uintptr_t)text, strlen(text), "r");
    NEED(file != NULL);
    arena_reset(arena);
    list = (row_list_t){.arena = arena};
    err = (err_t){0};
    bad = 0;
    int rc = bill_list_read(file, "H37040200001", tell, NULL, &list, &err);
    EQ(fclose(file), 0);
    return rc;
}

TEST(what_funds_and_accounts_pay_is_one_amount) {
    EQ(read_text("就诊ID,姓名,出院日期,基金支付,个人账户支付\nD1,某人,2020-03-01,100.00,20.00\nD2,某人,2020/3/2,5.50,\n"
                 "D3,某人,2020-03-02,0.00,\n合计,,3,105.50,20.00\n"),
       E_OK);
    NEED(list.count == 2); // of D3 nothing is owed
    EQ(list.rows[0].amount, 12000);
    EQ_TEXT(list.rows[0].reference, "D1");
    EQ_TEXT(list.rows[0].party, "H37040200001");
    EQ(list.rows[1].amount, 550);
    EQ(list.rows[1].day, date_make(2020, 3, 2));
}

TEST(faults_refuse_the_list_and_tell_no_name) {
    EQ(read_text("bill,day,fund\n张三,2020-03-01,1.00\nD2,2020-03-01,x\ntotal,2,1.00\n"), E_INVALID_FIELD);
    OK(bad >= 1 && !strstr(last, "张三"));
    OK(read_text("bill,day,fund\nD1,2020-03-01,1.00\ntotal,1,1.01\n") != E_OK); // the totals do not match
    OK(read_text("bill,fund\nD1,1.00\ntotal,1,1.00\n") != E_OK);
}

int main(void) {
    static const check_case_t cases[] = {CASE(what_funds_and_accounts_pay_is_one_amount),
                                         CASE(faults_refuse_the_list_and_tell_no_name)};
    arena = arena_new(1 << 16, 0);
    int status = check_run("bill list", cases, COUNT_OF(cases));
    arena_destroy(&arena);
    return status;
}
