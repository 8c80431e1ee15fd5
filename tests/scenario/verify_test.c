// The auditor against falsified books: a small city is founded and stopped, then one record after another is changed
// behind the services' back, and `verify` must name it. After every case the books are put back as they were.
#include "founding.h"
#include "tamper.h"
#include "common/base/check.h"
#include "common/base/ids.h"
#include "common/base/money.h"
#include "common/store/store.h"
#include "services/settlement/seals.h"
#include "tests/check.h"
#include "tests/postgres.h"
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
    char body[32], name[16] = ""; // P6 has the name of row_of()
    snprintf(body, sizeof body, "99000119800101%03d", person);
    if (person != 6) snprintf(name, sizeof name, "%d", person);
    NEED(call("enrollment", "register_person",
              "{\"person\":\"P%d\",\"citizen_id\":\"%s%c\",\"name\":\"示例%s\",\"division\":\"440703\"}", person, body,
              citizen_id_check_char(body), name) != NULL);
    NEED(call("enrollment", "open_spell", "{\"person\":\"P%d\",\"from_month\":\"2018-01\",%s}", person, spell) != NULL);
}

static void pay(int receipt, const char *kind, const char *payer, const char *period, const char *paid_on) {
    char name[16];
    snprintf(name, sizeof name, "R%d", receipt);
    NEED(pay_due(suite, name, kind, payer, period, paid_on) == 0);
}

static void settle_in(int month, int bill, int person) {
    NEED(call("adjudication", "settle",
              "{\"bill\":\"B%d\",\"person\":\"P%d\",\"facility\":\"H99000100001\",\"type\":\"inpatient\","
              "\"from\":\"2018-%02d-01\",\"to\":\"2018-%02d-09\",\"area\":\"city\",\"filing\":\"none\","
              "\"total\":\"12345.67\",\"in_scope\":\"12000.00\"}",
              bill, person, month, month) != NULL);
}

static void settle(int bill, int person) { settle_in(3, bill, person); }

static void reverse(int bill, int person) {
    NEED(call("adjudication", "reverse", "{\"bill\":\"B%d\",\"person\":\"P%d\",\"reason\":\"entered twice\"}", bill,
              person) != NULL);
}

// B9 arrives late and is reversed, so B8 and B10 are decided again; B11 is reversed before it comes.
static void bills_change(void) {
    settle_in(5, 8, 3);
    settle_in(4, 9, 3);
    settle_in(6, 10, 3);
    reverse(9, 3);
    reverse(11, 3);
}

static void found(const char *store) {
    static const char *const overlays[] = {"config/samples/jiangmen-illustrative.yaml", NULL};
    char payer[16];
    suite = running_start(&(running_conf_t){.store = store, .overlays = overlays});
    NEED(suite != NULL);
    snprintf(dir, sizeof dir, "%s", running_dir(suite));
    NEED(found_hospital(suite, "2018-01-01", "2018-12-31") == 0);
    NEED(found_employer(suite) == 0);
    for (int person = 1; person <= 3; person++) enrol(person, "\"identity\":\"resident\",\"prior_months_tier1\":36");
    for (int person = 4; person <= 5; person++)
        enrol(person, "\"identity\":\"employee\",\"employer\":\"E1\",\"wage\":\"5000.00\"");
    NEED(running_settle_down(suite) == 0);
    NEED(call("collection", "bill_year", "{\"year\":2018}") != NULL);
    NEED(call("collection", "bill_month", "{\"month\":\"2018-01\"}") != NULL);
    for (int person = 1; person <= 3; person++) {
        snprintf(payer, sizeof payer, "P%d", person);
        pay(person, "person", payer, "2018", "2017-12-20");
    }
    pay(4, "employer", "E1", "2018-01", "2018-01-31");
    for (int bill = 1; bill <= 6; bill++) settle(bill, 1 + bill / 3); // P1: B1 B2, P2: B3 to B5, P3: B6
    settle(7, 4);                                                     // not covered in March: an entry without lines
}

#ifndef ON_POSTGRES
TEST(found_a_city) { found(NULL); }
#endif

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
    enrol(12, "\"identity\":\"resident\"");
    NEED(call("enrollment", "set_group",
              "{\"person\":\"P12\",\"group\":\"minimum_living\",\"from\":\"2018-01-01\",\"source\":\"civil_"
              "affairs\"," PAPER "}") != NULL);
    NEED(call("enrollment", "register_person", "%s", row_of(8, rows[0])) != NULL); // resembles P6
    decide_person("P8", "register");
    NEED(call("enrollment", "merge_persons", "{\"from\":\"P8\",\"into\":\"P6\",\"reason\":\"file 8\"}") != NULL);
    NEED(call("enrollment", "import_persons", "{" FILE_HASH ",\"rows\":[%s,%s,%s]}", row_of(7, rows[0]),
              row_of(10, rows[1]), row_of(11, rows[2])) != NULL);
    decide_person("P7", "register");
    decide_person("P11", "drop");
    NEED(call("enrollment", "open_spell", "{\"person\":\"P7\",\"from_month\":\"2018-01\",\"identity\":\"resident\"}") !=
         NULL);
    NEED(call("enrollment", "set_group",
              "{\"person\":\"P6\",\"group\":\"preferential\",\"from\":\"2018-02-01\",\"source\":"
              "\"veterans\"}") != NULL);
    list_of("\"P6\",\"P7\"", 2, "2018-06-01");
    list_of("\"P6\"", 1, "2018-09-01");
}

// What was paid is owed no longer, or less: P13 dies before 2019, P14's wage was lower, P17's fee was paid as P15; E1
// was recognised as distressed for some days.
static void past_changes(void) {
    enrol(13, "\"identity\":\"resident\"");
    enrol(14, "\"identity\":\"employee\",\"employer\":\"E1\",\"wage\":\"9000.00\"");
    enrol(15, "\"identity\":\"resident\"");
    enrol(17, "\"identity\":\"resident\"");
    NEED(running_settle_down(suite) == 0);
    for (int year = 2018; year <= 2019; year++) NEED(call("collection", "bill_year", "{\"year\":%d}", year) != NULL);
    NEED(call("collection", "bill_month", "{\"month\":\"2018-03\"}") != NULL);
    pay(13, "person", "P13", "2019", "2018-12-20");
    pay(14, "employer", "E1", "2018-03", "2018-03-31");
    pay(15, "person", "P15", "2018", "2017-12-20");
    NEED(call("enrollment", "record_death", "{\"person\":\"P13\",\"on\":\"2018-06-01\"}") != NULL);
    NEED(call("enrollment", "declare_wage", "{\"person\":\"P14\",\"from_month\":\"2018-03\",\"wage\":\"8000.00\"}") !=
         NULL);
    NEED(call("enrollment", "merge_persons", "{\"from\":\"P15\",\"into\":\"P17\",\"reason\":\"file 15\"}") != NULL);
    NEED(call("enrollment", "set_employer_kind",
              "{\"employer\":\"E1\",\"kind\":\"distressed\",\"from\":\"2017-01-01\",\"until\":\"2017-02-28\","
              "\"approved_on\":\"2017-01-01\",\"document\":\"No. 7\"}") != NULL);
    NEED(call("adjudication", "correct_account",
              "{\"person\":\"P4\",\"number\":\"K1\",\"amount\":\"50.00\",\"reason\":\"on paper\"}") != NULL);
    NEED(call("adjudication", "correct_account",
              "{\"person\":\"P4\",\"number\":\"K2\",\"amount\":\"-20.00\",\"reason\":\"too much\"}") != NULL);
    NEED(running_settle_down(suite) == 0);
}

TEST(the_city_lives_on) {
    const char *const p6 = "\"person\":\"P6\"", *const p7 = "\"person\":\"P7\"";
    people_come_and_go();
    bills_change();
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
    for (int i = 1; i <= 2; i++)
        NEED(call("collection", "receive_subsidy",
                  "{\"receipt\":\"S%d\",\"division\":\"440703\",\"item\":\"tier1\",\"year\":2018,\"amount\":\"144.00\","
                  "\"paid_on\":\"2019-02-01\"}",
                  i) != NULL); // of P12's 288.00
    decide_receipt("S2", "return");
    NEED(call("collection", "bill_year", "{\"year\":2019}") != NULL);
    decide_receipt("T2", "match"); // with the 50.00
    past_changes();
}

#ifndef ON_POSTGRES
TEST(honest_books_are_right) {
    EQ(verify(""), 0);
    HAS_TEXT(said, "verified: the books are right");
    OK(strstr(said, "not reached") == NULL);
}
#endif

// What settlement does after midnight.
static void seal_the_day(const char *url) {
    char keys[340];
    store_t *store = NULL;
    chain_t *chain = NULL;
    seal_key_t *key = NULL;
    arena_t *arena = arena_new(1 << 16, 0);
    int made = 0;
    snprintf(keys, sizeof keys, "%s/keys", dir);
    NEED(arena && store_open(&store, url, "settlement", &err) == E_OK);
    NEED(chain_new(&chain, &err) == E_OK && seal_key_load(&key, keys, true, &err) == E_OK);
    const int64_t now_ms = clock_now_ms();
    EQ(seals_make(store, chain, key, date_of_ms(now_ms) + 1, now_ms, arena, &made, &err), E_OK);
    OK(made > 0);
    seal_key_destroy(&key);
    chain_destroy(&chain);
    store_close(&store);
    arena_destroy(&arena);
}

#ifndef ON_POSTGRES
// Stopped, but not removed.
TEST(a_stopped_suite_can_be_verified) {
    char url[340];
    setenv("KEEP", "1", 1);
    running_stop(&suite);
    unsetenv("KEEP");
    snprintf(url, sizeof url, "sqlite:%s/store", dir);
    seal_the_day(url);
    NEED(shell("cp -r %s/store %s/honest", dir, dir) == 0);
    EQ(verify("--no-wait"), 0);
    HAS_TEXT(said, "Redis was not reached");
    HAS_TEXT(said, "verified: the books are right");
    EQ(verify("--no-wait --json"), 0);
    HAS_TEXT(said, "\"check\":\"cache\",\"records\":0,\"broken\":0,\"skipped\":\"Redis was not reached\"");
    // What verify read is what the services left: not a byte of the books is other than before.
    EQ(shell("for f in %s/honest/*.db; do cmp -s $f %s/store/${f##*/} || exit 1; done", dir, dir), 0);
}
#endif

// ---- falsifications

#define ENTRY(reference)                                                                                               \
    "EXISTS (SELECT 1 FROM journal j WHERE j.partition = posting.partition AND j.number = posting.number"              \
    " AND j.reference = '" reference "')"
#define REBALANCE                                                                                                      \
    ";DELETE FROM balance;INSERT INTO balance (account, fund, year, identity, division, amount_fen, postings)"         \
    " SELECT account, fund, year, identity, division, SUM(amount_fen), COUNT(*) FROM posting"                          \
    " GROUP BY account, fund, year, identity, division"
// Columns by name: the stores have them in different orders.
#define POSTING_COLUMNS "partition, number, line, account, fund, year, identity, division, party, amount_fen"
#define SWAP(table, key, a, b)                                                                                         \
    "CREATE TEMP TABLE old AS SELECT " key " AS k, body FROM " table ";"                                               \
    "UPDATE " table " SET body = (SELECT o.body FROM old o WHERE o.k = CASE " table "." key " WHEN '" a "' THEN '" b   \
    "' ELSE '" a "' END) WHERE " key " IN ('" a "', '" b "')"
// A person's state with another reason; merged into "P<digit>", the digit in hexadecimal ASCII.
#define WITH_REASON(state) "CAST(" state " || x'92010178' AS BLOB)"
#define INTO(state, digit) "CAST(" state " || x'7a0250" digit "' AS BLOB)"
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
     "INSERT INTO posting (" POSTING_COLUMNS
     ") SELECT partition, number, line + 100, account, fund, year, identity, division, party, "
     "amount_fen FROM"
     " posting WHERE " ENTRY("B1") REBALANCE,
     "(B1) has"},
    {"a posting without an entry", "settlement",
     "INSERT INTO posting (partition, number, line, account, fund, year, identity, division, party, amount_fen)"
     " VALUES (7, 999, 1, 'expense/tier1', '', 0, '', '', '', 0)",
     "posting 7/999 line 1"},
    {"an entry doubled", "settlement",
     "INSERT INTO posting (" POSTING_COLUMNS
     ") SELECT partition, number + 1000, line, account, fund, year, identity, division, party, "
     "amount_fen FROM"
     " posting WHERE " ENTRY("B1") ";INSERT INTO journal SELECT partition, number + 1000, reference, kind,"
                                   " source_service, source_partition, source_number + 1000, at_ms, value_date, body, "
                                   "chain FROM journal WHERE reference ="
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
    {"a row's link", "settlement", "UPDATE journal SET chain = x'00' WHERE reference = 'B1'", "(B1) is not chained"},
    {"a posting's fund", "settlement",
     "UPDATE posting SET fund = 'CATASTROPHIC' WHERE account = 'payable/tier1' AND " ENTRY("B3"),
     "(B3): its posting line"},
    {"a posting's year", "settlement",
     "UPDATE posting SET year = 2019 WHERE account = 'payable/tier1' AND " ENTRY("B3"), "(B3): its posting line"},
    {"what was booked first", "settlement", "UPDATE journal SET at_ms = at_ms + 1 WHERE reference = 'R1'",
     "(R1) breaks the chain"},
    {"money that is not there", "settlement",
     "UPDATE balance SET amount_fen = -amount_fen WHERE account = 'money/special_city'", "money/special_city BASIC"},
    {"what was reserved", "settlement",
     "INSERT INTO reservation (reference, account, fund, county, amount_fen, expires_ms, state, at_ms, ended_ms, body)"
     " VALUES ('X', 'money/special_city', 'BASIC', '', 5, 1, 'posted', 1, 1, '')",
     "no entry is there"},
    {"a sealed sum", "settlement", "UPDATE seal SET debit_fen = debit_fen + 1", "is not what its figures"},
    {"a seal's signature", "settlement", "UPDATE seal SET signature = digest", "is not signed with seal.pub"},
    {"a seal's day", "settlement", "UPDATE seal SET day = '2018-01-01' WHERE number = 1", "is not what its figures"},
    {"a balance", "settlement", "UPDATE balance SET amount_fen = amount_fen + 1 WHERE account = 'money/special_city'",
     "balance of money/special_city"},
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
    {"a row's kind", "adjudication", "UPDATE decision SET kind = 2 WHERE bill = 'B1'", "its key version 1 of kind 2"},
    {"a row's version", "adjudication", "UPDATE decision SET version = 7 WHERE bill = 'B8' AND version = 2",
     "bill B8: its body says version 2 recomputed, its key version 7"},
    {"an old version put in the place of a newer one", "adjudication",
     "UPDATE decision SET body = (SELECT o.body FROM decision o WHERE o.bill = 'B8' AND o.version = 1)"
     " WHERE bill = 'B8' AND version = 2",
     "bill B8: its body says place"},
    {"a tombstone deleted", "adjudication", "DELETE FROM decision WHERE bill = 'B11'",
     "settlement has taken in adjudication partition"},
    {"the entry of a reversal deleted", "settlement",
     "DELETE FROM posting WHERE number = (SELECT MAX(j.number) FROM journal j WHERE j.reference = 'B9') AND partition ="
     " (SELECT MAX(j.partition) FROM journal j WHERE j.reference = 'B9');"
     "DELETE FROM journal WHERE reference = 'B9' AND number = (SELECT MAX(j.number) FROM journal j WHERE j.reference ="
     " 'B9')" REBALANCE,
     "bill B9 (adjudication"},
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
    {"what a bill's payer owes of it", "collection",
     "UPDATE bill SET own_fen = own_fen - 1 WHERE person = 'P6' AND period = '2019'",
     "contribution bill P6 2019: its payer owes"},
    {"a subsidy's amount", "collection", "UPDATE subsidy SET amount_fen = amount_fen + 1 WHERE receipt = 'S1'",
     "subsidy S1: its columns"},
    {"a subsidy's tier", "collection", "UPDATE subsidy SET tier = 'city' WHERE receipt = 'S1'",
     "subsidy S1: its columns"},
    {"a subsidy deleted", "collection", "DELETE FROM subsidy WHERE receipt = 'S1'", "receipt S1: event collection"},
    {"a subsidy that was returned, made to stand", "collection",
     "UPDATE subsidy SET returned_ms = 0 WHERE receipt = 'S2'", "receipt S2: event collection"},
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
    {"a person's first version deleted", "enrollment", "DELETE FROM person_version WHERE person = 'P5' AND version = 1",
     "person P5: the versions begin with 2"},
    {"a version between deleted", "enrollment", "DELETE FROM person_version WHERE person = 'P6' AND version = 3",
     "person P6: version 4 follows version 2"},
    {"a version known before its former", "enrollment",
     "UPDATE person_version SET known_ms = known_ms - 86400000 WHERE person = 'P6' AND version = 4",
     "person P6: version 4 is known since"},
    {"the newest version deleted", "enrollment", "DELETE FROM person_version WHERE person = 'P6' AND version = 5",
     "person P6: its state, version 5, is not among its versions"},
    {"the newest version altered", "enrollment",
     "UPDATE person_version SET state = " WITH_REASON("state") " WHERE person = 'P6' AND version = 5",
     "person P6: its state, version 5, is not what that version says"},
    {"a version beyond the newest", "enrollment",
     "INSERT INTO person_version SELECT partition, person, 6, known_ms, state FROM person_version WHERE person = 'P6'"
     " AND version = 5",
     "person P6: there is a version 6, but its state is version 5"},
    {"versions of nobody", "enrollment", "DELETE FROM person WHERE person = 'P8'",
     "person P8: there is a version 1, but its state is version 0"},
    {"the bodies of two versions", "enrollment",
     "UPDATE person_version SET state = (SELECT o.state FROM person_version o WHERE o.person = 'P6' AND o.version = 3)"
     " WHERE person = 'P6' AND version = 2",
     "version 2 of person P6: its body is version 3 of person P6"},
    {"an older version altered", "enrollment",
     "UPDATE person_version SET state = " WITH_REASON("state") " WHERE person = 'P6' AND version = 2",
     "version 2 of person P6: no event of partition"},
    {"a person's versions in another partition", "enrollment",
     "UPDATE person_version SET partition = 3 WHERE person = 'P3'", "person P3: its versions stand in partition 3"},
    {"a member taken off the index of lists", "enrollment",
     "DELETE FROM member WHERE person = 'P6' AND group_name = 'low_income_family'",
     "person P6 is a member of low_income_family by the list of civil_affairs, which"},
    {"a member forged", "enrollment",
     "INSERT INTO member SELECT group_name, source, (SELECT partition FROM person WHERE person = 'P2'), 'P2' FROM "
     "member"
     " WHERE group_name = 'preferential'",
     "person P2 is in preferential by the list of veterans: the person has no such"},
    {"a member who is nobody", "enrollment", "INSERT INTO member VALUES ('preferential', 'somebody', 1, 'P99')",
     "person P99 is in preferential by the list of somebody: no such person"},
    {"a row left of a list", "enrollment", "INSERT INTO list_row VALUES (1, 1, 50, 'P6', 0)",
     "1 rows are put aside for list 1, which"},
    // In state, version and event alike, so that nothing else can tell.
    {"a merged number with a spell", "enrollment",
     "UPDATE event SET body = " INTO("body", "36") " WHERE body = (SELECT state FROM person WHERE person = 'P2');"
                                                   "UPDATE person_version SET state = " INTO(
                                                       "state", "36") " WHERE person = 'P2' AND version = 2;"
                                                                      "UPDATE person SET state = " INTO(
                                                                          "state", "36") " WHERE person = 'P2'",
     "NOT verified: 3 broken records"}, // collection leads nowhere
    {"a merged number with a spell, by name", "enrollment",
     "UPDATE person SET state = " INTO("state", "36") " WHERE person = 'P2'",
     "person P2 was merged into P6, but has 1 spells"},
    {"a number merged into nobody", "enrollment",
     "UPDATE person SET state = " INTO("state", "39") " WHERE person = 'P8'",
     "person P8 was merged into P9, who is not registered"},
    {"whom a parked person resembles", "enrollment", "UPDATE parked_person SET alike = 'P99' WHERE person = 'P10'",
     "resembles person P99, who is not registered"},
    {"a parked person's decision", "enrollment", "UPDATE parked_person SET decision = 'drop' WHERE person = 'P10'",
     ": the decision is \"drop\", made at 0"},
    {"a parked person registered by nobody", "enrollment",
     "UPDATE parked_person SET decision = 'register', decided_ms = 1 WHERE person = 'P10'",
     "was registered as person P10, who is not registered"},
    {"whom a parked person became", "enrollment", "UPDATE parked_person SET person = 'P3' WHERE person = 'P7'",
     "was registered as person P3, who is somebody else"},
    {"a parked receipt counted as paid", "collection",
     "INSERT INTO receipt SELECT 'T3', payer, period, amount_fen, paid_on, body FROM receipt WHERE receipt = 'T5'",
     "counted as paid, though parked, is receipt T3"},
    {"a parked receipt's amount", "collection",
     "UPDATE parked_receipt SET amount_fen = amount_fen + 1 WHERE receipt = 'T3'",
     "parked receipt T3 of P6: the journal has -100 fen"},
    {"why a receipt was parked", "collection", "UPDATE parked_receipt SET reason = 'underpaid' WHERE receipt = 'T3'",
     "receipt T3: event collection"},
    {"a decided receipt deleted", "collection", "DELETE FROM parked_receipt WHERE receipt = 'T4'",
     "receipt T4: event collection"},
    {"a parked receipt given back on paper", "collection",
     "UPDATE parked_receipt SET decision = 'return', decided_ms = 1 WHERE receipt = 'T3'",
     "given back, of the parked receipt that was returned, T3"},
    {"the moment of a decision", "collection", "UPDATE parked_receipt SET decided_ms = 0 WHERE receipt = 'T4'",
     "the decision does not fit the moment of it: parked receipt T4"},
    {"the amount of a matched receipt", "collection",
     "UPDATE parked_receipt SET amount_fen = amount_fen + 100 WHERE receipt = 'T2'",
     "the parked receipt that was matched, T2 P6: 31400, 31500 was expected"},
    {"the amount of an applied receipt", "collection",
     "UPDATE parked_receipt SET amount_fen = amount_fen + 100 WHERE receipt = 'T1'",
     "the parked receipt that was applied, T1 P6: 33800, 33900 was expected"},
    {"a part of an applied receipt deleted", "collection", "DELETE FROM receipt WHERE receipt = 'T1.2018'",
     "the parked receipt that was applied, T1 P6: 5000, 33800 was expected"},
    {"a credit", "collection", "UPDATE credit SET amount_fen = 100", "the credit of person P6: 100, 0 was expected"},
    {"a credit deleted", "collection", "DELETE FROM credit", "no credit is kept for person P6"},
    {"more credit used than came in", "collection",
     "UPDATE credit_move SET amount_fen = 4000 WHERE receipt = 'T1';UPDATE credit SET amount_fen = -1000",
     "the credit of person P6: -1000"},
    {"less credit used than the receipt says", "collection",
     "UPDATE credit_move SET amount_fen = -4000 WHERE receipt = 'T2';UPDATE credit SET amount_fen = 1000",
     "receipt T2 of 36400 fen says 5000 of credit, of which 4000 were taken"},
    {"a credit forged", "collection",
     "INSERT INTO credit_move VALUES ('T5', 'apply', 'person', 'P6', 100, 1);UPDATE credit SET amount_fen = 100",
     "no receipt explains the credit moved by T5 apply"},
    {"a refund deleted", "collection", "DELETE FROM refund WHERE receipt = 'T4'",
     "given back, of the parked receipt that was returned, T4"},
    {"a refund's amount", "collection", "UPDATE refund SET amount_fen = amount_fen - 1 WHERE receipt = 'T4'",
     "given back, of the parked receipt that was returned, T4 P7: 28899, 28900 was expected"},
    {"the refund of a booked receipt deleted", "collection", "DELETE FROM refund WHERE receipt = 'T6'",
     "tells that it was returned, but there is neither a refund nor a bill taken out"},
    {"a refund forged", "collection",
     "INSERT INTO refund SELECT 'T5', 'receipt', 'person', 'P7', period, amount_fen, at_ms, decided_by, why FROM refund"
     " WHERE receipt = 'T4'",
     "refund of receipt T5 of P7: the journal has"},
    {"the refund of nothing", "collection", "UPDATE refund SET receipt = 'T99' WHERE receipt = 'T6'",
     "but there is the refund of T99"},
    {"a month's credit", "collection",
     "UPDATE account_credit SET amount_fen = amount_fen + 1 WHERE person = 'P5' AND month = '2018-01'",
     "account of P5 2018-01 is stored as 10001 fen in turn 1, events credit 10000"},
    {"a month's turn", "collection", "UPDATE account_credit SET turn = 3 WHERE person = 'P5' AND month = '2018-02'",
     "account of P5 2018-02 is stored as 0 fen in turn 3, events credit 0 up to turn 2"},
    {"a month's receipt", "collection",
     "UPDATE account_credit SET receipt = 'R1' WHERE person = 'P5' AND month = '2018-01'",
     "account of P5 2018-01 is credited by receipt R1, the month's bill is paid by \"R4\""},
    {"a month credited after its return", "collection",
     "UPDATE account_credit SET amount_fen = 10000 WHERE person = 'P5' AND month = '2018-02'",
     "account of P5 2018-02 is credited by receipt T6, the month's bill is paid by \"\""},
    {"a month deleted", "collection", "DELETE FROM account_credit WHERE person = 'P5' AND month = '2018-01'",
     "credits it, but it is not stored"},
    {"a month credited twice", "collection",
     "INSERT INTO event SELECT partition, (SELECT MAX(e.number) + 1 FROM event e WHERE e.partition = event.partition),"
     " topic, at_ms, body FROM event WHERE topic = 'account.credited' AND " TELLS_OF("P5") " AND " TELLS_OF("2018-01"),
     "is turn 1 after turn 1"},
    {"a month in no partition", "collection",
     "UPDATE account_credit SET partition = 64 WHERE person = 'P5' AND month = '2018-01'",
     "account of P5 2018-01 stands in no partition"},
    {"a bill taken out of its receipt, deleted", "collection", "DELETE FROM withdrawn WHERE person = 'P13'",
     "receipt R13 is of"},
    {"the amount of a bill taken out", "collection",
     "UPDATE withdrawn SET amount_fen = amount_fen + 1 WHERE person = 'P13'",
     "kept and parked, of the bills taken out of receipts for P13 2019"},
    {"which receipt a bill was taken out of", "collection", "UPDATE withdrawn SET receipt = 'R1' WHERE person = 'P13'",
     "receipt R13 is of"},
    {"a bill taken out, its body", "collection",
     "UPDATE withdrawn SET body = (SELECT body FROM bill WHERE person = 'P1' AND period = '2018') WHERE person ="
     " 'P13'",
     "receipt R13"},
    {"what took the place of a bill deleted", "collection", "DELETE FROM receipt WHERE receipt LIKE 'A.%'",
     "names receipt A."},
    {"what is left of a bill taken out", "collection",
     "UPDATE parked_receipt SET amount_fen = amount_fen + 1 WHERE reason = 'wage_changed'",
     "kept and parked, of the bills taken out of receipts for P14 2018-03"},
    {"whom a merged number leads to", "collection", "UPDATE merged SET into_person = 'P7' WHERE person = 'P15'",
     "person P15 was merged into P17, collection leads to P7"},
    {"a merged number that leads nowhere", "collection", "DELETE FROM merged WHERE person = 'P15'",
     "person P15 was merged into P17, collection leads to nobody"},
    {"a number that leads on though nobody merged it", "collection",
     "INSERT INTO merged SELECT 'P1', into_partition, into_person FROM merged WHERE person = 'P15'",
     "collection leads on from 3 numbers, 2 were merged"},
    {"a bill left with the merged number", "collection", "UPDATE bill SET person = 'P15' WHERE person = 'P17'",
     "contribution bill P15 2018: its columns"},
    {"a credit of a personal account", "adjudication",
     "UPDATE account_entry SET amount_fen = amount_fen + 1 WHERE person = 'P5' AND kind = 'credit' AND reference ="
     " '2018-01/1'",
     "account of P5: entry"},
    {"a credit of a personal account and all after it", "adjudication",
     "UPDATE account_entry SET balance_fen = balance_fen + 1 WHERE person = 'P5';"
     "UPDATE account_entry SET amount_fen = amount_fen + 1 WHERE person = 'P5' AND seq = 1",
     "account of P5: credit"},
    {"the last credit of a personal account deleted", "adjudication",
     "DELETE FROM account_entry WHERE person = 'P14' AND seq = (SELECT MAX(e.seq) FROM account_entry e WHERE e.person ="
     " 'P14')",
     "account of P14: credit 2018-03/3 is there 0 times"},
    {"a correction of a personal account", "adjudication",
     "UPDATE account_entry SET amount_fen = amount_fen + 1, balance_fen = balance_fen + 1 WHERE person = 'P4' AND kind "
     "="
     " 'correction' AND reference = 'K1';UPDATE account_entry SET balance_fen = balance_fen + 1 WHERE person = 'P4' AND"
     " kind = 'correction' AND reference = 'K2'",
     "correction K1, 5001 fen) was told as correction K1, 5000 fen"},
    {"a correction's paper", "adjudication",
     "UPDATE account_entry SET reference = 'K9' WHERE kind = 'correction' AND"
     " reference = 'K2'",
     "(correction K9, -2000 fen) was told as correction K2, -2000 fen"},
    {"an entry that no bill made and nobody was told of", "adjudication",
     "UPDATE decision SET year = -2 WHERE kind = 4 AND person = 'P4' AND seq = (SELECT e.seq FROM account_entry e WHERE"
     " e.reference = 'K2')",
     "(correction K2) was never told"},
    {"the entry of an account's change deleted", "adjudication",
     "DELETE FROM account_entry WHERE kind = 'correction' AND reference = 'K2'", "which is not there"},
    {"the bodies of two changes of an account", "adjudication",
     "UPDATE decision SET body = (SELECT o.body FROM decision o WHERE o.kind = 4 AND o.person = 'P4' AND o.seq = 1)"
     " WHERE kind = 4 AND person = 'P4' AND seq > 1",
     "(correction K1, 5000 fen) was told as credit"},
    {"a correction booked twice as high", "settlement",
     "UPDATE posting SET amount_fen = amount_fen * 2 WHERE " ENTRY("K1") REBALANCE, "personal accounts hold"},
    {"the entry of a correction deleted", "settlement",
     "DELETE FROM posting WHERE " ENTRY("K2") ";DELETE FROM journal WHERE reference = 'K2'" REBALANCE,
     "correction K2 (adjudication"},
    {"a credit of a personal account forged", "adjudication",
     "INSERT INTO account_entry SELECT partition, person, seq + 1, kind, '2018-09/1', 0, balance_fen, owed_fen,"
     " bill_person, reason, at_ms FROM account_entry WHERE person = 'P14' AND seq = (SELECT MAX(e.seq) FROM"
     " account_entry e WHERE e.person = 'P14')",
     "credits on personal accounts"},
    {"an employer's first version deleted", "enrollment",
     "DELETE FROM employer_version WHERE version = 2;UPDATE employer_version SET version = 3",
     "employer E1: version 3 is beyond the employer's state"},
    {"an employer's newest version deleted", "enrollment", "DELETE FROM employer_version WHERE version = 2",
     "employer E1: version 2 is the employer's state, but not among its versions"},
    {"a version of an employer altered", "enrollment",
     "UPDATE employer_version SET state = " WITH_REASON("state") " WHERE version = 1",
     "employer E1: version 1 was told by no event as it stands"},
    {"when an employer's version was known", "enrollment",
     "UPDATE employer_version SET known_ms = known_ms - 86400000 WHERE version = 2",
     "employer E1: version 2 is known since an earlier moment"},
    {"a facility deleted", "facility", "DELETE FROM facility", "facility H99000100001: "},
};

static void falsify(const char *url, size_t i) {
    tamper_t tamper;
    NEED(tamper_begin(&tamper, url, falsifications[i].schema, falsifications[i].sql) == 0);
    int status = verify("--no-wait");
    if (status != 1 || !strstr(said, falsifications[i].names)) fprintf(stderr, "%s:\n%s", falsifications[i].what, said);
    EQ(status, 1);
    OK(strstr(said, falsifications[i].names) != NULL);
    OK(strstr(said, ": :") == NULL);
    EQ(tamper_give_back(&tamper), 0);
}

#ifndef ON_POSTGRES
TEST(every_falsification_is_named) {
    char url[340];
    snprintf(url, sizeof url, "sqlite:%s/store", dir);
    for (size_t i = 0; i < COUNT_OF(falsifications); i++) falsify(url, i);
    EQ(verify("--no-wait"), 0); // all was given back
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
#else
// ---- the same on PostgreSQL

// Its types refuse this one, so nobody can have written it.
static bool is_impossible_there(const char *sql) { return strstr(sql, "'never'") != NULL; }

TEST(every_falsification_is_named_on_postgresql) {
    char url[256];
    size_t tried = 0;
    NEED(postgres_start(url) == 0);
    found(url);
    the_city_lives_on();
    EQ(verify(""), 0);
    HAS_TEXT(said, "verified: the books are right");
    setenv("KEEP", "1", 1);
    running_stop(&suite);
    unsetenv("KEEP");
    seal_the_day(url);
    EQ(verify("--no-wait"), 0);
    for (size_t i = 0; i < COUNT_OF(falsifications); i++)
        if (!is_impossible_there(falsifications[i].sql)) falsify(url, i), tried++;
    EQ(tried, COUNT_OF(falsifications) - 1);
    EQ(verify("--no-wait"), 0); // all was given back
    postgres_stop();
    OK(shell("rm -rf %s", dir) == 0);
}

TESTS("verify on PostgreSQL", CASE(every_falsification_is_named_on_postgresql))
#endif
