// A month of a facility with real processes, from its bills to the money and back down to their fee lines: bills
// settled on the last evening of March, one reversed in April; statement, confirmation, order by two keys, file to the
// bank, its answer, explanation with residue 0.00. Settlement is killed between the steps.
#include "founding.h"
#include "adjudication.pb-c.h"
#include "common/base/date.h"
#include "tamper.h"
#include "tests/check.h"
#include "tests/postgres.h"
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

enum { BEFORE_MS = 20000 }; // start-up and bills take some of it

static running_t *suite;
static char url[300]; // of the store
static err_t err;
static char out[1 << 16];

#define call(...) running_callf(suite, &err, __VA_ARGS__)
#define RUN(...) running_command(suite, out, sizeof out, (const char *const[]){__VA_ARGS__, NULL})

// 1 April 2018 in Shanghai is BEFORE_MS from now.
static void set_clock(void) {
    const int64_t midnight_ms = 1522512000000; // 2018-04-01 00:00 +08:00
    NEED(running_set_clock(midnight_ms - BEFORE_MS) == 0);
    NEED(date_of_ms(clock_now_ms()) == date_make(2018, 3, 31));
}

static void settle(const char *bill, const char *total) {
    NEED(call("adjudication", "settle",
              "{\"bill\":\"%s\",\"person\":\"P1\",\"facility\":\"H99000100001\",\"type\":\"inpatient\",\"from\":"
              "\"2018-03-20\",\"to\":\"2018-03-28\",\"area\":\"city\",\"filing\":\"none\",\"total\":\"%s\","
              "\"in_scope\":\"%s\"}",
              bill, total, total) != NULL);
}

TEST(bills_are_settled_on_the_last_evening_of_march) {
    static const char *const overlays[] = {"config/samples/jiangmen-illustrative.yaml", NULL};
    set_clock();
#ifdef ON_POSTGRES
    NEED(postgres_start(url) == 0);
#endif
    suite = running_start(&(running_conf_t){.store = *url ? url : NULL, .overlays = overlays});
    NEED(suite != NULL);
    if (!*url) snprintf(url, sizeof url, "sqlite:%s/store", running_dir(suite));
    NEED(found_hospital(suite, "2018-01-01", "2018-12-31") == 0);
    NEED(found_person(suite, "P1", 1, RESIDENT) == 0);
    NEED(running_settle_down(suite) == 0);
    NEED(call("collection", "bill_year", "{\"year\":2018}") != NULL);
    NEED(pay_due(suite, "R1", "person", "P1", "2018", "2017-12-20") == 0);
    NEED(running_settle_down(suite) == 0);
    settle("V1", "8000.00");
    settle("V2", "1234.56");
    NEED(running_settle_down(suite) == 0);
    NEED(date_of_ms(clock_now_ms()) == date_make(2018, 3, 31)); // else BEFORE_MS is too short for this machine
    EQ(RUN("fund", "statement", "H99000100001", "2018-03", "--draw"), 1);
}

static void kill_settlement(void) {
    const int old = running_pid(suite, "settlement-1");
    NEED(running_kill(suite, "settlement-1") == 0);
    NEED(running_wait_restarted(suite, "settlement-1", old) == 0);
}

TEST(in_april_the_statement_is_frozen_and_a_reversal_comes_a_month_later) {
    NEED(suite != NULL);
    for (int i = 0; i < 600 && date_of_ms(clock_now_ms()) < date_make(2018, 4, 1); i++) poll(NULL, 0, 100);
    EQ(RUN("fund", "hold", "H99000100001", "2018", "--share", "0.05", "--paper", "1"), 0);
    EQ(RUN("fund", "statements", "2018-03", "--draw"), 0);
    HAS_TEXT(out, "1 statements of 2018-03");
    kill_settlement();
    EQ(RUN("fund", "statements", "2018-03", "--draw"), 0);
    HAS_TEXT(out, "0 statements drawn up");
    NEED(call("adjudication", "reverse", "{\"bill\":\"V2\",\"person\":\"P1\",\"reason\":\"registered twice\"}") !=
         NULL);
    NEED(running_settle_down(suite) == 0);
    EQ(RUN("fund", "statement", "H99000100001", "2018-03", "--lines"), 0);
    HAS_TEXT(out, "V1");
    HAS_TEXT(out, "V2");
    OK(strstr(out, "-") == NULL || strstr(out, "  -") == NULL); // no line of the reversal
    EQ(RUN("fund", "statement", "H99000100001", "2018-03", "--confirm"), 0);
    HAS_TEXT(out, "confirmed");
}

// The bank pays every order of the file.
static int bank(const char *from, const char *to) {
    char line[512];
    FILE *in = fopen(from, "rb"), *answer = fopen(to, "wb");
    int rows = 0;
    if (!in || !answer) return -1;
    fputs("支付单号,金额,结果,日期,流水号\n", answer);
    while (fgets(line, sizeof line, in)) {
        char *field[6] = {line};
        for (int i = 1; i < 6 && field[i - 1]; i++) {
            field[i] = strchr(field[i - 1], ',');
            if (field[i]) *field[i]++ = 0;
        }
        if (strncmp(line, "H99000100001", 12) != 0 || !field[4]) continue;
        fprintf(answer, "%s,%s,已付,2018-04-01,BANK-%d\n", field[0], field[4], ++rows);
    }
    fclose(in);
    return fclose(answer) ? -1 : rows;
}

TEST(JM_S_02_bills_settle_directly_and_one_statement_pays_them_with_a_residue_of_nothing) {
    static const char number[] = "H99000100001-2018-03-1";
    char orders[256], answer[256];
    NEED(suite != NULL);
    snprintf(orders, sizeof orders, "%s/orders.csv", running_dir(suite));
    snprintf(answer, sizeof answer, "%s/answer.csv", running_dir(suite));
    EQ(RUN("fund", "orders", "--draft", "--month", "2018-03"), 0);
    HAS_TEXT(out, number);
    EQ(RUN("fund", "order", "approve", "--month", "2018-03"), 1); // the key that drafted
    kill_settlement();
    EQ(RUN("fund", "order", "approve", "--month", "2018-03", "--as", "clerk"), 0);
    EQ(RUN("fund", "order", "export", orders, "--month", "2018-03"), 1); // there is no money
    NEED(call("settlement", "move_money",
              "{\"reference\":\"M1\",\"fund\":\"BASIC\",\"from\":\"payers\",\"to\":\"special_city\",\"county\":"
              "\"440703\",\"amount\":\"100000.00\",\"on\":\"2018-03-30\"}") != NULL);
    EQ(RUN("fund", "order", "export", orders, "--month", "2018-03"), 0);
    EQ(bank(orders, answer), 1);
    EQ(RUN("fund", "order", "confirm", answer), 0);
    HAS_TEXT(out, "1 paid");
    kill_settlement();
    EQ(RUN("fund", "order", "confirm", answer), 0);
    HAS_TEXT(out, "1 known before");
    EQ(RUN("fund", "explain-payment", number, "--lines"), 0);
    HAS_TEXT(out, "V1");
    HAS_TEXT(out, "version 1");
    HAS_TEXT(out, "held, quality:2018");
    HAS_TEXT(out, "residue 0.00");
    fprintf(stderr, "%s", out);
    EQ(RUN("fund", "statement", "H99000100001", "2018-04"), 0); // what the reversal will bring
    HAS_TEXT(out, "open");
    EQ(RUN("fund", "reconcile", "business", "--month", "2018-03"), 0);
    EQ(RUN("verify"), 0);
}

// ---- falsifications: what is changed behind the services' back is named

static const struct {
    const char *what, *schema, *sql, *names;
} falsifications[] = {
    {"an amount due", "settlement", "UPDATE dues_line SET amount_fen = amount_fen + 1 WHERE bill = 'V1'",
     "(bill V1): line 2 is "},
    {"the month of what is due, an earlier one", "settlement",
     "UPDATE dues_line SET month = month - 1 WHERE bill = 'V1'", "its dues stand in 2018-02, it was booked in 2018-03"},
    {"the month of what is due, a later one", "settlement", "UPDATE dues_line SET month = month + 1 WHERE bill = 'V1'",
     "statement H99000100001 2018-03: it, its lines or its items"},
    {"the order of what is due", "settlement", "UPDATE dues_line SET line = line + 100 WHERE bill = 'V1'",
     "(bill V1): line 2 is missing"},
    {"whose bill it is", "settlement", "UPDATE dues_line SET bill = 'V9' WHERE bill = 'V1'",
     "(bill V1): line 2 is missing"},
    {"a line that no entry has", "settlement",
     "INSERT INTO dues_line SELECT facility, month, partition, number + 1000, line, bill, layer, fund, county, year,"
     " amount_fen FROM dues_line WHERE bill = 'V1'",
     "bill V1: the register of dues has line 2"},
    {"an item of a statement", "settlement", "UPDATE dues_item SET amount_fen = amount_fen - 1",
     "statement H99000100001 2018-03: it, its lines or its items"},
    {"what a statement pays", "settlement", "UPDATE dues_statement SET pay_fen = pay_fen + 1",
     "statement H99000100001 2018-03: its body says"},
    {"an amount that stands", "adjudication", "UPDATE standing SET amount_fen = amount_fen + 1 WHERE reference = 'V1'",
     "business: book bills, 2018-03-28, H99000100001, V1"},
    {"the day of what stands", "settlement", "UPDATE standing SET day = '2018-03-27' WHERE reference = 'V1'",
     "finance: book bills, 2018-03-27, H99000100001, V1"},
    {"what stands, deleted", "settlement", "DELETE FROM standing WHERE reference = 'V1'",
     "its log was followed, and no row is there"},
    {"a request id", "adjudication", "UPDATE decision SET request_id = 'another' WHERE bill = 'V1'",
     "bill V1: its body is the answer to request"},
};

static void drop_total(Tc__Amount **used, size_t *count, const char *name) {
    size_t kept = 0;
    for (size_t i = 0; i < *count; i++)
        if (strcmp(used[i]->name, name) != 0)
            used[kept++] = used[i];
        else
            tc__amount__free_unpacked(used[i], NULL);
    *count = kept;
}

// The total of a layer set to zero, in what a person's only standing bill and the newest row say alike.
static void forget_total(const char *name) {
    static uint8_t packed[1 << 16];
    store_t *store = NULL;
    rows_t rows;
    arena_t *arena = arena_new(1 << 16, 0);
    NEED(arena && store_open(&store, url, "adjudication", &err) == E_OK);
    NEED(store_query(store, "SELECT partition, number, body FROM decision", NULL, 0, arena, &rows, &err) == E_OK);
    for (size_t i = 0; i < rows.count; i++) {
        size_t bytes;
        const void *body = row_blob(&rows, i, 2, &bytes);
        Tc__Decision *decision = tc__decision__unpack(NULL, bytes, body);
        NEED(decision != NULL && protobuf_c_message_get_packed_size(&decision->base) <= sizeof packed);
        drop_total(decision->used, &decision->n_used, name);
        if (decision->head) drop_total(decision->head->used, &decision->head->n_used, name);
        const cell_t params[] = {cell_i64(row_i64(&rows, i, 0)), cell_i64(row_i64(&rows, i, 1)),
                                 cell_blob(packed, tc__decision__pack(decision, packed))};
        EQ(store_exec(store, "UPDATE decision SET body = $3 WHERE partition = $1 AND number = $2", params, 3, &err), 0);
        tc__decision__free_unpacked(decision, NULL);
    }
    OK(rows.count > 0);
    store_close(&store);
    arena_destroy(&arena);
}

static int verify(const char *dir) {
    char command[700];
    snprintf(command, sizeof command, "%s/tongchou verify --no-wait --data %s 2>&1", running_bin(), dir);
    FILE *pipe = popen(command, "r");
    NEED(pipe != NULL);
    const size_t got = fread(out, 1, sizeof out - 1, pipe);
    out[got] = 0;
    const int status = pclose(pipe);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void expect_named(const char *dir, size_t i) {
    const int status = verify(dir);
    if (status != 1 || !strstr(out, falsifications[i].names)) fprintf(stderr, "%s:\n%s", falsifications[i].what, out);
    EQ(status, 1);
    OK(strstr(out, falsifications[i].names) != NULL);
}

static void falsify_each(const char *dir) {
    for (size_t i = 0; i < COUNT_OF(falsifications); i++) {
        tamper_t tamper;
        NEED(tamper_begin(&tamper, url, falsifications[i].schema, falsifications[i].sql) == 0);
        expect_named(dir, i);
        EQ(tamper_give_back(&tamper), 0);
    }
}

TEST(every_falsification_is_named) {
    char dir[300];
    NEED(suite != NULL);
    snprintf(dir, sizeof dir, "%s", running_dir(suite));
    setenv("KEEP", "1", 1);
    running_stop(&suite);
    unsetenv("KEEP");
    EQ(verify(dir), 0);
    falsify_each(dir);
    EQ(verify(dir), 0); // all was given back
    forget_total("tier1_paid");
    EQ(verify(dir), 1);
    HAS_TEXT(out, "bill V1: tier1 paid 592000 fen, but total tier1_paid is zero");
    HAS_TEXT(out, "NOT verified: 1 broken records");
    char remove[400];
    snprintf(remove, sizeof remove, "rm -rf %s", dir);
    EQ(system(remove), 0);
}

TESTS("statements", CASE(bills_are_settled_on_the_last_evening_of_march),
      CASE(in_april_the_statement_is_frozen_and_a_reversal_comes_a_month_later),
      CASE(JM_S_02_bills_settle_directly_and_one_statement_pays_them_with_a_residue_of_nothing),
      CASE(every_falsification_is_named))
