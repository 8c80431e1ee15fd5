// The auditor against falsified books: a small city is founded and stopped, then one record after another is changed
// behind the services' back, and `verify` must name it. After every case the books are put back as they were.
#include "running.h"
#include "common/base/check.h"
#include "common/base/ids.h"
#include "common/base/money.h"
#include "tests/check.h"
#include <sqlite3.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <sys/wait.h>

static running_t *suite;
static err_t err;
static char dir[300], said[32768];

#define call(...) running_callf(suite, &err, __VA_ARGS__)

static int shell(const char *format, ...) __attribute__((format(printf, 1, 2)));
static int shell(const char *format, ...) {
    char command[1200];
    va_list args;
    va_start(args, format);
    vsnprintf(command, sizeof command, format, args);
    va_end(args);
    return system(command);
}

// The exit status; what it printed, on both streams, is in `said`.
static int verify(const char *options) {
    char command[1000];
    size_t at = 0;
    snprintf(command, sizeof command, "%s/tongchou verify %s --data %s 2>&1", running_bin(), options, dir);
    FILE *pipe = popen(command, "r");
    if (!pipe) return -1;
    for (size_t got = 1; got > 0 && at + 1 < sizeof said; at += got)
        got = fread(said + at, 1, sizeof said - 1 - at, pipe);
    said[at] = 0;
    int status = pclose(pipe);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

// ---- the city: residents P1 to P3 who paid R1 to R3, and E1 who paid R4 for its employees P4 and P5

static void enrol(int person, const char *spell) {
    char body[32];
    snprintf(body, sizeof body, "99000119800101%03d", person);
    NEED(call("enrollment", "register_person",
              "{\"person\":\"P%d\",\"citizen_id\":\"%s%c\",\"name\":\"示例\",\"division\":\"440703\"}", person, body,
              citizen_id_check_char(body)) != NULL);
    NEED(call("enrollment", "open_spell", "{\"person\":\"P%d\",\"from_month\":\"2018-01\",%s}", person, spell) != NULL);
}

static void pay(int receipt, const char *payer, const char *period, const char *paid_on) {
    char amount[32];
    const json_t *due = call("collection", "get_due", "{%s,\"period\":\"%s\"}", payer, period);
    NEED(due != NULL);
    snprintf(amount, sizeof amount, "%s", running_text(due, "amount"));
    NEED(call("collection", "receive",
              "{\"receipt\":\"R%d\",%s,\"period\":\"%s\",\"amount\":\"%s\",\"paid_on\":\"%s\"}", receipt, payer, period,
              amount, paid_on) != NULL);
}

static void settle(int bill, int person) {
    NEED(call("adjudication", "settle",
              "{\"bill\":\"B%d\",\"person\":\"P%d\",\"facility\":\"H99000100001\",\"type\":\"inpatient\","
              "\"from\":\"2018-03-01\",\"to\":\"2018-03-09\",\"area\":\"city\",\"filing\":\"none\","
              "\"total\":\"12345.67\",\"in_scope\":\"12000.00\"}",
              bill, person) != NULL);
}

TEST(found_a_city) {
    static const char *const overlays[] = {"config/samples/jiangmen-illustrative.yaml", NULL};
    char uscc[] = "91990001MA0000001", payer[64];
    suite = running_start(&(running_conf_t){.overlays = overlays});
    NEED(suite != NULL);
    snprintf(dir, sizeof dir, "%s", running_dir(suite));
    NEED(call("facility", "register_facility",
              "{\"facility\":\"H99000100001\",\"name\":\"示例医院\",\"kind\":\"hospital\",\"level\":\"2\",\"division\":"
              "\"440703\"}") != NULL);
    NEED(
        call("facility", "sign_agreement",
             "{\"facility\":\"H99000100001\",\"agreement\":\"A1\",\"from\":\"2018-01-01\",\"until\":\"2018-12-31\"}") !=
        NULL);
    NEED(call("enrollment", "register_employer",
              "{\"employer\":\"E1\",\"uscc\":\"%s%c\",\"name\":\"示例单位\",\"kind\":\"enterprise\",\"division\":"
              "\"440703\"}",
              uscc, uscc_check_char(uscc)) != NULL);
    for (int person = 1; person <= 3; person++) enrol(person, "\"identity\":\"resident\",\"prior_months_tier1\":36");
    for (int person = 4; person <= 5; person++)
        enrol(person, "\"identity\":\"employee\",\"employer\":\"E1\",\"wage\":\"5000.00\"");
    NEED(running_settle_down(suite) == 0);
    NEED(call("collection", "bill_year", "{\"year\":2018}") != NULL);
    NEED(call("collection", "bill_month", "{\"month\":\"2018-01\"}") != NULL);
    for (int person = 1; person <= 3; person++) {
        snprintf(payer, sizeof payer, "\"person\":\"P%d\"", person);
        pay(person, payer, "2018", "2017-12-20");
    }
    pay(4, "\"employer\":\"E1\"", "2018-01", "2018-01-31");
    for (int bill = 1; bill <= 6; bill++) settle(bill, 1 + bill / 3); // P1: B1 B2, P2: B3 to B5, P3: B6
    settle(7, 4);                                                     // not covered in March: an entry without lines
}

// ---- its later life: P6 and P7 on lists, P8 merged into P6, P7, P10 and P11 put aside by an import, receipts in a
// file

#define FILE_HASH "\"file\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\",\"first_row\":1"

static char *row_of(int person, char out[static 200]) {
    char body[32];
    snprintf(body, sizeof body, "99000119800101%03d", person);
    snprintf(out, 200, "{\"person\":\"P%d\",\"citizen_id\":\"%s%c\",\"name\":\"示例\",\"division\":\"440703\"}", person,
             body, citizen_id_check_char(body));
    return out;
}

static void decide_person(const char *person, const char *decision) {
    char number[64] = "";
    const json_t *list = call("enrollment", "list_parked", "{}");
    NEED(list != NULL);
    for (int i = 0; i < 3 && !*number; i++) {
        char path[2][32];
        snprintf(path[0], sizeof path[0], "parked.%d.person", i);
        snprintf(path[1], sizeof path[1], "parked.%d.number", i);
        if (strcmp(running_text(list, path[0]), person) == 0)
            snprintf(number, sizeof number, "%s", running_text(list, path[1]));
    }
    NEED(call("enrollment", "resolve_parked", "{\"number\":\"%s\",\"decision\":\"%s\"}", number, decision) != NULL);
}

static void list_of(const char *persons, int total, const char *as_of) {
    const char *const key = FILE_HASH ",\"source\":\"civil_affairs\",\"group\":\"low_income_family\"";
    NEED(call("enrollment", "import_list", "{%s,\"as_of\":\"%s\",\"persons\":[%s]}", key, as_of, persons) != NULL);
    for (bool more = true; more;) {
        const json_t *report =
            call("enrollment", "import_list", "{%s,\"as_of\":\"%s\",\"last\":true,\"total\":%d}", key, as_of, total);
        NEED(report != NULL);
        more = json_is_true(json_object_get(report, "more"));
    }
}

// A receipt in a file, `more` fen above what is due.
static void file_in(const char *receipt, const char *payer, const char *period, fen_t more, bool pays) {
    char amount[FEN_TEXT_MAX];
    fen_t due = 0;
    const json_t *reply = call("collection", "get_due", "{%s,\"period\":\"%s\"}", payer, period);
    NEED(reply != NULL && fen_parse(running_text(reply, "amount"), false, &due) == 0);
    reply = call("collection", "import_receipts",
                 "{" FILE_HASH ",\"rows\":[{\"receipt\":\"%s\",%s,\"period\":\"%s\",\"amount\":\"%s\","
                 "\"paid_on\":\"2019-02-01\"}]}",
                 receipt, payer, period, fen_format(due + more, amount));
    NEED(reply != NULL);
    EQ(json_integer_value(json_object_get(reply, "matched")), pays);
}

static void decide_receipt(const char *receipt, const char *decision) {
    NEED(call("collection", "resolve_receipt", "{\"receipt\":\"%s\",\"decision\":\"%s\",\"reason\":\"file 7\"}",
              receipt, decision) != NULL);
}

static void people_come_and_go(void) {
    char rows[3][200];
    enrol(6, "\"identity\":\"resident\",\"prior_months_tier1\":36");
    NEED(call("enrollment", "register_person", "%s", row_of(8, rows[0])) != NULL);
    NEED(call("enrollment", "merge_persons", "{\"from\":\"P8\",\"into\":\"P6\",\"reason\":\"file 8\"}") != NULL);
    NEED(call("enrollment", "import_persons", "{" FILE_HASH ",\"rows\":[%s,%s,%s]}", row_of(7, rows[0]),
              row_of(10, rows[1]), row_of(11, rows[2])) != NULL);
    decide_person("P7", "register");
    decide_person("P11", "drop");
    NEED(call("enrollment", "open_spell", "{\"person\":\"P7\",\"from_month\":\"2018-01\",\"identity\":\"resident\"}") !=
         NULL);
    NEED(call("enrollment", "set_group",
              "{\"person\":\"P6\",\"group\":\"severely_disabled\",\"from\":\"2018-02-01\",\"source\":"
              "\"disabled_federation\"}") != NULL);
    list_of("\"P6\",\"P7\"", 2, "2018-06-01");
    list_of("\"P6\"", 1, "2018-09-01");
}

TEST(the_city_lives_on) {
    const char *const p6 = "\"person\":\"P6\"", *const p7 = "\"person\":\"P7\"";
    people_come_and_go();
    NEED(running_settle_down(suite) == 0);
    NEED(call("collection", "bill_year", "{\"year\":2018}") != NULL);
    NEED(call("collection", "bill_month", "{\"month\":\"2018-02\"}") != NULL);
    file_in("T1", p6, "2018", 5000, false);
    decide_receipt("T1", "apply"); // T1.2018 and 50.00 left
    file_in("T2", p6, "2019", 31400, false);
    file_in("T3", p6, "2020", 100, false);
    file_in("T4", p7, "2018", 100, false);
    decide_receipt("T4", "return");
    file_in("T5", p7, "2018", 0, true);
    file_in("T6", "\"employer\":\"E1\"", "2018-02", 0, true);
    decide_receipt("T6", "return");
    NEED(call("collection", "bill_year", "{\"year\":2019}") != NULL);
    decide_receipt("T2", "match"); // with the 50.00
}

TEST(honest_books_are_right) {
    EQ(verify(""), 0);
    HAS_TEXT(said, "verified: the books are right");
    OK(strstr(said, "not reached") == NULL);
}

// Stopped, but not removed.
TEST(a_stopped_suite_can_be_verified) {
    setenv("KEEP", "1", 1);
    running_stop(&suite);
    unsetenv("KEEP");
    NEED(shell("cp -r %s/store %s/honest", dir, dir) == 0);
    EQ(verify("--no-wait"), 0);
    HAS_TEXT(said, "Redis was not reached");
    HAS_TEXT(said, "verified: the books are right");
    EQ(verify("--no-wait --json"), 0);
    HAS_TEXT(said, "\"check\":\"cache\",\"records\":0,\"broken\":0,\"skipped\":\"Redis was not reached\"");
    // What verify read is what the services left: not a byte of the books is other than before.
    EQ(shell("for f in %s/honest/*.db; do cmp -s $f %s/store/${f##*/} || exit 1; done", dir, dir), 0);
}

// ---- falsifications

#define ENTRY(reference)                                                                                               \
    "EXISTS (SELECT 1 FROM journal j WHERE j.partition = posting.partition AND j.number = posting.number"              \
    " AND j.reference = '" reference "')"
#define REBALANCE                                                                                                      \
    ";DELETE FROM balance;INSERT INTO balance SELECT account, identity, division, SUM(amount_fen), COUNT(*)"           \
    " FROM posting GROUP BY account, identity, division"
#define SWAP(table, key, a, b)                                                                                         \
    "CREATE TEMP TABLE old AS SELECT " key " AS k, body FROM " table ";"                                               \
    "UPDATE " table " SET body = (SELECT o.body FROM old o WHERE o.k = CASE " table "." key " WHEN '" a "' THEN '" b   \
    "' ELSE '" a "' END) WHERE " key " IN ('" a "', '" b "')"
#define TELLS_OF(name) "instr(body, CAST('" name "' AS BLOB)) > 0"

static const struct {
    const char *what, *schema, *sql, *names;
} falsifications[] = {
    {"an amount", "settlement", "UPDATE posting SET amount_fen = amount_fen + 1 WHERE amount_fen > 0 AND " ENTRY("B1"),
     "(B1): its posting line"},
    {"both amounts of a layer and the balances", "settlement",
     "UPDATE posting SET amount_fen = amount_fen * 2 WHERE account LIKE '%/tier1' AND " ENTRY("B1") REBALANCE,
     "(B1): its posting line"},
    {"a party", "settlement",
     "UPDATE posting SET party = 'H99000100002' WHERE account = 'payable/tier1' AND " ENTRY("B3"),
     "(B3): its posting line"},
    {"a posting deleted", "settlement", "DELETE FROM posting WHERE amount_fen < 0 AND " ENTRY("B6"), "(B6)"},
    {"an entry's postings doubled", "settlement",
     "INSERT INTO posting SELECT partition, number, line + 100, account, identity, division, party, amount_fen FROM"
     " posting WHERE " ENTRY("B1") REBALANCE,
     "(B1) has"},
    {"a posting without an entry", "settlement",
     "INSERT INTO posting VALUES (7, 999, 1, 'expense/tier1', '', '', '', 0)", "posting 7/999 line 1"},
    {"an entry doubled", "settlement",
     "INSERT INTO posting SELECT partition, number + 1000, line, account, identity, division, party, amount_fen FROM"
     " posting WHERE " ENTRY("B1") ";INSERT INTO journal SELECT partition, number + 1000, reference, kind,"
                                   " source_service, source_partition, source_number + 1000, at_ms, value_date, body "
                                   "FROM journal WHERE reference ="
                                   " 'B1'" REBALANCE,
     "(B1) has no cause"},
    {"an entry deleted, with its postings", "settlement",
     "DELETE FROM posting WHERE " ENTRY("B6") ";DELETE FROM journal WHERE reference = 'B6'" REBALANCE,
     "bill B6 (adjudication"},
    {"journal.reference", "settlement", "UPDATE journal SET reference = 'B99' WHERE reference = 'B1'",
     "which is bill B1 of"},
    {"journal.kind", "settlement", "UPDATE journal SET kind = 'contribution' WHERE reference = 'B1'", "(B1): its col"},
    {"journal.source_number", "settlement",
     "UPDATE journal SET source_number = source_number + 1000 WHERE reference = 'B6'", "(B6): its columns"},
    {"journal.value_date", "settlement", "UPDATE journal SET value_date = '2018-03-10' WHERE reference = 'R1'",
     "(R1): its columns"},
    {"journal.at_ms that is no number", "settlement", "UPDATE journal SET at_ms = 'never' WHERE reference = 'B1'",
     "ledger: column 8"},
    {"the bodies of two entries", "settlement", SWAP("journal", "reference", "B1", "B3"), "which is bill B3 of"},
    {"an entry's body cut", "settlement", "UPDATE journal SET body = substr(body, 1, 41) WHERE reference = 'B1'",
     "(B1): its body cannot be read"},
    {"a balance", "settlement", "UPDATE balance SET amount_fen = amount_fen + 1 WHERE account = 'treasury/tier1'",
     "balance of treasury/tier1"},
    {"a cursor", "settlement", "UPDATE stream_cursor SET number = number + 1 WHERE service = 'adjudication'",
     "settlement has taken in adjudication partition"},
    {"decision.bill", "adjudication", "UPDATE decision SET bill = 'B99' WHERE bill = 'B1'",
     "bill B99: the body of its decision is that of bill B1"},
    {"decision.seq", "adjudication", "UPDATE decision SET seq = 9 WHERE bill = 'B2'", "decision 9 (bill B2)"},
    {"decision.person", "adjudication", "UPDATE decision SET person = 'P9' WHERE bill = 'B6'", "bill B6: its body"},
    {"a decision deleted", "adjudication", "DELETE FROM decision WHERE bill = 'B1'", "decision 2 (bill B2) follows 0"},
    {"the last decision of a chain deleted", "adjudication", "DELETE FROM decision WHERE bill = 'B5'",
     "(B5) has no cause"},
    {"the bodies of two decisions", "adjudication", SWAP("decision", "bill", "B1", "B2"),
     "bill B1: the body of its decision is that of bill B2"},
    {"the bodies of two persons' decisions", "adjudication", SWAP("decision", "bill", "B1", "B6"),
     "bill B6: the body of its decision is that of bill B1"},
    {"a decision's body", "adjudication", "UPDATE decision SET body = x'ff' WHERE bill = 'B7'",
     "bill B7: its body cannot be read"},
    {"a receipt deleted", "collection", "DELETE FROM receipt WHERE receipt = 'R1'", "names receipt R1"},
    {"a receipt's amount", "collection", "UPDATE receipt SET amount_fen = amount_fen + 1 WHERE receipt = 'R2'",
     "receipt R2: its columns"},
    {"the bodies of two receipts", "collection", SWAP("receipt", "receipt", "R1", "R2"), "receipt R1: its columns"},
    {"a receipt forged", "collection",
     "INSERT INTO receipt SELECT 'R9', payer, period, amount_fen, paid_on, body FROM receipt WHERE receipt = 'R1'",
     "receipt R9 has 0 entries"},
    {"the event of a receipt deleted", "collection",
     "DELETE FROM event WHERE topic = 'contribution.received' AND " TELLS_OF("R4"), "receipt R4: event collection"},
    {"paid_on emptied", "collection", "UPDATE bill SET paid_on = '' WHERE person = 'P1'",
     "contribution bill P1 2018: paid on \"\" with receipt \"R1\""},
    {"paid_on", "collection", "UPDATE bill SET paid_on = '2017-12-19' WHERE person = 'P2'",
     "contribution bill P2 2018, paid on \"2017-12-19\""},
    {"a paid bill made unpaid", "collection", "UPDATE bill SET paid_on = '', receipt = '' WHERE person = 'P5'",
     "receipt R4 is of"},
    {"a paid bill deleted", "collection", "DELETE FROM bill WHERE person = 'P3'", "receipt R3 is of"},
    {"a bill moved to another receipt", "collection", "UPDATE bill SET receipt = 'R2' WHERE person = 'P1'",
     "contribution bill P1 2018, paid on"},
    {"a bill's total", "collection", "UPDATE bill SET total_fen = total_fen - 1 WHERE person = 'P4'",
     "contribution bill P4 2018-01 is stored as"},
    {"a bill's employer", "collection", "UPDATE bill SET employer = 'E2' WHERE person = 'P4'",
     "contribution bill P4 2018-01: its columns"},
    {"an entitlement's body", "collection",
     "UPDATE entitlement SET body = (SELECT e.body FROM entitlement e WHERE e.person = 'P2') WHERE person = 'P1'",
     "entitlement P1: what is stored"},
    {"an entitlement's version", "collection", "UPDATE entitlement SET version = version + 1 WHERE person = 'P1'",
     "entitlement P1 is stored as version"},
    {"an entitlement deleted", "collection", "DELETE FROM entitlement WHERE person = 'P1'", "entitlement P1: "},
    {"an entitlement's newest event deleted", "collection",
     "DELETE FROM event WHERE (partition, number) = (SELECT partition, number FROM event WHERE topic ="
     " 'entitlement.changed' AND " TELLS_OF("P5") " ORDER BY number DESC LIMIT 1)",
     "entitlement P5 is stored as version"},
    {"a person's first event deleted", "enrollment",
     "DELETE FROM event WHERE (partition, number) = (SELECT partition, number FROM event WHERE " TELLS_OF(
         "P1") " ORDER BY number LIMIT 1)",
     " is missing"},
    {"a person's newest event deleted", "enrollment",
     "DELETE FROM event WHERE (partition, number) = (SELECT partition, number FROM event WHERE topic ="
     " 'person.changed' AND " TELLS_OF("P1") " ORDER BY number DESC LIMIT 1)",
     "person P1 is stored as version 2, its newest event told of 1"},
    {"a person in no partition", "enrollment", "UPDATE person SET partition = 64 WHERE person = 'P1'",
     "person P1 stands in no partition"},
    {"a facility deleted", "facility", "DELETE FROM facility", "facility H99000100001: "},
};

static void falsify(const char *schema, const char *sql) {
    char path[400], *message = NULL;
    sqlite3 *db = NULL;
    snprintf(path, sizeof path, "%s/store/%s.db", dir, schema);
    NEED(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL) == SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK) fprintf(stderr, "%s: %s\n", sql, message);
    OK(message == NULL);
    OK(sqlite3_total_changes(db) > 0);
    sqlite3_free(message);
    sqlite3_close(db);
}

static void put_back(void) { NEED(shell("rm -rf %s/store && cp -r %s/honest %s/store", dir, dir, dir) == 0); }

TEST(every_falsification_is_named) {
    for (size_t i = 0; i < COUNT_OF(falsifications); i++) {
        put_back();
        falsify(falsifications[i].schema, falsifications[i].sql);
        int status = verify("--no-wait");
        if (status != 1 || !strstr(said, falsifications[i].names))
            fprintf(stderr, "%s:\n%s", falsifications[i].what, said);
        EQ(status, 1);
        OK(strstr(said, falsifications[i].names) != NULL);
        OK(strstr(said, ": :") == NULL);
    }
    put_back();
    EQ(verify("--no-wait"), 0);
}

// An auditor who looks in the wrong place leaves nothing there.
TEST(stores_that_are_not_there_are_not_made) {
    NEED(shell("rm -rf %s/store", dir) == 0);
    EQ(verify("--no-wait"), 1);
    HAS_TEXT(said, "refused: STORE");
    HAS_TEXT(said, "enrollment: sqlite: ");
    struct stat info;
    char path[400];
    snprintf(path, sizeof path, "%s/store", dir);
    EQ(stat(path, &info), -1);
    if (!getenv("KEEP")) OK(shell("rm -rf %s", dir) == 0);
}

TESTS("verify", CASE(found_a_city), CASE(the_city_lives_on), CASE(honest_books_are_right),
      CASE(a_stopped_suite_can_be_verified), CASE(every_falsification_is_named),
      CASE(stores_that_are_not_there_are_not_made))
