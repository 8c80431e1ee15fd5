// A file of receipts through the command line: wrong totals stop it before anything is sent; kill −9 of the sender and
// of collection at random points, and the same command again, end in the very books that an undisturbed import makes.
#include "running.h"
#include "common/base/check.h"
#include "common/base/date.h"
#include "common/base/hash.h"
#include "common/base/ids.h"
#include "common/base/money.h"
#include "tests/check.h"
#include <poll.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { PERSONS = 2000, MONTHS = 3, ODD = 200, ROWS = PERSONS * MONTHS + ODD };
enum { POINTS = 20, ROUNDS = 5, CITIES_MAX = 10 }; // of kill −9

static running_t *suite;
static char files[] = "/tmp/tongchou-receipts-XXXXXX";
static unsigned seed;
static char undisturbed[2 * SHA256_BYTES + 1];

static int tongchou(char *out, size_t room, const char *const *args) { return running_command(suite, out, room, args); }
#define RUN(status, ...)                                                                                               \
    do {                                                                                                               \
        int got = tongchou(out, sizeof out, (const char *const[]){__VA_ARGS__, NULL});                                 \
        if (got != (status)) fprintf(stderr, "%s\n", out);                                                             \
        EQ(got, status);                                                                                               \
    } while (0)

static const char *path(const char *name) {
    static char text[8][100];
    static unsigned turn;
    char *out = text[turn++ % 8];
    snprintf(out, sizeof text[0], "%s/%s", files, name);
    return out;
}

// ---- the files

static void write_persons(void) {
    FILE *persons = fopen(path("persons.csv"), "w"), *spells = fopen(path("spells.csv"), "w");
    NEED(persons && spells);
    fprintf(persons, "person,citizen_id,name,division\n");
    fprintf(spells, "person,identity,from_month\n");
    for (int i = 0; i < PERSONS; i++) {
        char body[32];
        snprintf(body, sizeof body, "9900011970%02d%02d%03d", 1 + i / 900, 1 + i % 28, i / 28 * 2 + 1);
        fprintf(persons, "P%d,%s%c,示例%d,440703\n", i, body, citizen_id_check_char(body), i);
        fprintf(spells, "P%d,flexible,2018-01\n", i);
    }
    NEED(fclose(persons) == 0 && fclose(spells) == 0);
}

// Every person pays every month, in an order of its own; in between, receipts that match nothing.
static void write_receipts(const char *name, long long fen, long long total_error) {
    FILE *out = fopen(path(name), "w");
    long long sum = 0;
    NEED(out != NULL);
    fprintf(out, "税票号码,人员编号,单位编号,费款所属期,金额,缴款日期\n");
    for (int i = 0; i < ROWS; i++) {
        const bool odd = i % (ROWS / ODD) == 0 && i / (ROWS / ODD) < ODD;
        const int nth = i - (i / (ROWS / ODD) < ODD ? i / (ROWS / ODD) + 1 : ODD);
        const long long amount = odd ? fen + 1 + i : fen;
        if (odd)
            fprintf(out, "X%d,%s%d,%s,201802,%lld.%02lld,2018-02-20\n", i, i % 4 ? "P" : "NOBODY", i % PERSONS, "",
                    amount / 100, amount % 100);
        else
            fprintf(out, "T%d,P%d,,2018-%02d,%lld.%02lld,2018-03-2%d\n", i, nth * 7 % PERSONS, 1 + nth / PERSONS,
                    amount / 100, amount % 100, i % 10);
        sum += amount;
    }
    sum += total_error;
    fprintf(out, "合计,%d,,,%lld.%02lld,\n", ROWS, sum / 100, sum % 100);
    NEED(fclose(out) == 0);
}

static void found_city(void) {
    static const char *const overlays[] = {"config/samples/jiangmen-illustrative.yaml", NULL};
    static const char *const months[] = {"2018-01", "2018-02", "2018-03"};
    char out[4096];
    suite = running_start(&(running_conf_t){.overlays = overlays});
    NEED(suite != NULL);
    RUN(0, "import", "persons", path("persons.csv"), "--quiet");
    RUN(0, "import", "spells", path("spells.csv"), "--quiet");
    RUN(0, "wait");
    for (size_t i = 0; i < COUNT_OF(months); i++) RUN(0, "collect", "bill", months[i], "--quiet");
}

// ---- what the books say, without the times at which it was written

static void add_rows(sqlite3 *db, const char *sql, FILE *to) {
    sqlite3_stmt *rows = NULL;
    NEED(sqlite3_prepare_v2(db, sql, -1, &rows, NULL) == SQLITE_OK);
    while (sqlite3_step(rows) == SQLITE_ROW) {
        for (int i = 0; i < sqlite3_column_count(rows); i++) fprintf(to, "%s|", sqlite3_column_text(rows, i));
        fputc('\n', to);
    }
    NEED(sqlite3_finalize(rows) == SQLITE_OK);
}

#define PARKED_ROWS                                                                                                    \
    "SELECT receipt, payer_kind, payer, period, amount_fen, paid_on, reason, due_fen, file, row_number"                \
    " FROM parked_receipt ORDER BY receipt"

static void digest_books(char hex[static 2 * SHA256_BYTES + 1]) {
    static const char *const all[] = {
        "SELECT receipt, payer, period, amount_fen, paid_on, hex(body) FROM receipt ORDER BY receipt",
        "SELECT person, period, total_fen, paid_on, receipt FROM bill ORDER BY person, period", PARKED_ROWS,
        "SELECT person, month, turn, amount_fen, rule, receipt, undecided FROM account_credit ORDER BY person, month",
        "SELECT topic, COUNT(*) FROM event WHERE topic <> 'entitlement.changed' GROUP BY topic ORDER BY topic"};
    sqlite3 *db = NULL;
    char name[400], *text = NULL;
    size_t bytes = 0;
    uint8_t digest[SHA256_BYTES];
    snprintf(name, sizeof name, "%s/store/collection.db", running_dir(suite));
    NEED(sqlite3_open_v2(name, &db, SQLITE_OPEN_READONLY, NULL) == SQLITE_OK);
    FILE *to = open_memstream(&text, &bytes);
    NEED(to != NULL);
    for (size_t i = 0; i < COUNT_OF(all); i++) add_rows(db, all[i], to);
    NEED(fclose(to) == 0);
    sqlite3_close(db);
    sha256(text, bytes, digest);
    hex_encode(digest, sizeof digest, hex);
    free(text);
}

// The states are what bills say, and the auditor finds nothing.
static void check_books(void) {
    char out[8192];
    RUN(0, "wait");
    RUN(0, "verify");
    RUN(0, "collect", "rebuild", "--json");
    HAS_TEXT(out, "\"changed\":0");
}

// ----

TEST(the_files_are_written) {
    seed = (unsigned)time(NULL);
    if (getenv("SEED")) seed = (unsigned)strtoul(getenv("SEED"), NULL, 10);
    fprintf(stderr, "SEED=%u\n", seed);
    srand(seed);
    NEED(mkdtemp(files) != NULL);
    write_persons();
}

TEST(an_undisturbed_import_pays_and_parks_each_row) {
    char out[4096], told[200];
    found_city();
    RUN(0, "collect", "get_due", "--person", "P0", "--period", "2018-01", "--json");
    char *amount = strstr(out, "\"amount\":\"");
    fen_t fen = 0;
    NEED(amount != NULL);
    amount += strlen("\"amount\":\"");
    amount[strcspn(amount, "\"")] = 0;
    NEED(fen_parse(amount, false, &fen) == 0 && fen > 0);
    RUN(0, "fund", "arrears", "--year", "2018", "--csv");
    HAS_TEXT(out, "county,kind,what,who,due,paid,left");
    HAS_TEXT(out, "440703,contribution,2018 tier1");
    RUN(0, "fund", "arrears", "--year", "2018", "--county", "440704", "--json");
    HAS_TEXT(out, "\"rows\":[]");
    write_receipts("receipts.csv", fen, 0);
    write_receipts("wrong.csv", fen, 1);
    // Wrong totals: nothing is sent.
    RUN(2, "collect", "import", path("wrong.csv"), "--quiet");
    RUN(0, "collect", "list_receipts_parked", "--json");
    HAS_TEXT(out, "\"parked\":[]");
    RUN(1, "collect", "import", path("receipts.csv"), "--quiet", "--dry", "--json");
    snprintf(told, sizeof told, "\"rows\":%d,\"matched\":%d", ROWS, PERSONS * MONTHS);
    HAS_TEXT(out, told);
    HAS_TEXT(out, "dry, nothing changed");
    RUN(0, "collect", "list_receipts_parked", "--json");
    HAS_TEXT(out, "\"parked\":[]");
    RUN(1, "collect", "import", path("receipts.csv"), "--quiet", "--json", "--report", path("problems.csv"));
    HAS_TEXT(out, told);
    snprintf(told, sizeof told, "\"parked\":%d", ODD);
    HAS_TEXT(out, told);
    RUN(0, "collect", "import", path("receipts.csv"), "--quiet", "--json", "--all-or-nothing");
    HAS_TEXT(out, "\"matched\":0");
    snprintf(told, sizeof told, "\"unchanged\":%d,\"parked\":0", ROWS);
    HAS_TEXT(out, told);
    RUN(0, "fund", "arrears", "--year", "2018", "--json"); // everything is paid
    HAS_TEXT(out, "\"from\":2018");
    OK(strstr(out, "contribution") == NULL);
    digest_books(undisturbed);
    check_books();
    running_stop(&suite);
}

static pid_t import_aside(void) {
    char program[500];
    snprintf(program, sizeof program, "%s/tongchou", running_bin());
    pid_t pid = fork();
    if (pid) return pid;
    if (!freopen("/dev/null", "w", stdout) || !freopen("/dev/null", "w", stderr)) _exit(126);
    execl(program, program, "collect", "import", path("receipts.csv"), "--quiet", "--data", running_dir(suite), NULL);
    _exit(127);
}

static int64_t receipts_there(void) {
    sqlite3 *db = NULL;
    sqlite3_stmt *rows = NULL;
    char name[400];
    snprintf(name, sizeof name, "%s/store/collection.db", running_dir(suite));
    NEED(sqlite3_open_v2(name, &db, SQLITE_OPEN_READONLY, NULL) == SQLITE_OK);
    sqlite3_busy_timeout(db, 30000); // the service that was killed may be recovering its log just now
    NEED(sqlite3_prepare_v2(db, "SELECT COUNT(*) FROM receipt", -1, &rows, NULL) == SQLITE_OK);
    NEED(sqlite3_step(rows) == SQLITE_ROW);
    int64_t count = sqlite3_column_int64(rows, 0);
    sqlite3_finalize(rows);
    sqlite3_close(db);
    return count;
}

// Returns false when the import was over before anything died.
static bool kill_one(int round) {
    const pid_t sender = import_aside();
    NEED(sender > 0);
    poll(NULL, 0, 20 + rand() % 150);
    if (waitpid(sender, NULL, WNOHANG) != 0) return false;
    if (round % 2) { // the service: the sender waits for the next one and goes on
        const int pid = running_pid(suite, "collection-1");
        EQ(running_kill(suite, "collection-1"), 0);
        EQ(running_wait_restarted(suite, "collection-1", pid), 0);
        poll(NULL, 0, rand() % 300);
    }
    kill(sender, SIGKILL);
    NEED(waitpid(sender, NULL, 0) == sender);
    return true;
}

// Returns how often something died in the middle.
static int disturbed_import(void) {
    char out[4096], disturbed[2 * SHA256_BYTES + 1];
    int points = 0;
    found_city();
    for (int round = 0; round < ROUNDS && kill_one(round); round++, points++)
        fprintf(stderr, "    round %d: %lld receipts are booked\n", round, (long long)receipts_there());
    const int status =
        tongchou(out, sizeof out, (const char *const[]){"collect", "import", path("receipts.csv"), "--quiet", NULL});
    OK(status == 0 || status == 1); // 0: everything had been done
    EQ(receipts_there(), PERSONS * MONTHS);
    digest_books(disturbed);
    EQ_TEXT(disturbed, undisturbed);
    check_books();
    running_stop(&suite);
    return points;
}

TEST(killed_at_twenty_random_points_it_ends_in_the_same_books) {
    int points = 0;
    for (int cities = 0; points < POINTS && cities < CITIES_MAX; cities++) points += disturbed_import();
    fprintf(stderr, "    %d points\n", points);
    OK(points >= POINTS);
}

// ---- a synthetic city pays what it is billed

static long long number_after(const char *text, const char *key) {
    const char *at = strstr(text, key);
    return at ? atoll(at + strlen(key)) : -1;
}

// The month's receipts and the year's: all but the few that are wrong on purpose match what the runs bill, and then
// nobody owes anything but those.
static void import_matches(const char *name, long long *parked) {
    char out[8192];
    int status = tongchou(out, sizeof out, (const char *const[]){"collect", "import", path(name), "--json", NULL});
    const long long rows = number_after(out, "\"rows\":"), matched = number_after(out, "\"matched\":");
    OK(status == 0 || status == 1);
    OK(rows > 0 && matched >= rows - rows / 50 - 1);
    EQ(number_after(out, "\"refused\":"), 0);
    *parked += number_after(out, "\"parked\":");
}

// A file of the bank: rows of somebody who was billed and of nobody; the same again is known, and a row that cannot be
// read stops it before anything is sent.
static void failed_debits_come_back(void) {
    char command[600], out[8192];
    snprintf(
        command, sizeof command,
        "cd %s && awk -F, -v c=人员编号 'NR == 1 { for (i = 1; i <= NF; i++) if (index($i, c) || $i == \"person\") p = "
        "i;"
        " print \"人员编号,费款所属期,金额,扣款日期,原因\" } NR == 2 { print $p \",2018,364.00,2017-12-20,余额不足\";"
        " print \"NOBODY,2018,364.00,2017-12-20,余额不足\" }' city/receipts-2018.csv > failed.csv &&"
        " sed 's/364.00/much/' failed.csv > bad.csv",
        files);
    NEED(system(command) == 0);
    RUN(2, "collect", "failed-debits", path("bad.csv"));
    RUN(0, "collect", "list_failed_debits", "--json");
    HAS_TEXT(out, "\"failed\":[]");
    RUN(1, "collect", "failed-debits", path("failed.csv"), "--json");
    HAS_TEXT(out, "{\"kept\":1,\"repeated\":0,\"faults\":1}");
    RUN(1, "collect", "failed-debits", path("failed.csv"), "--json");
    HAS_TEXT(out, "{\"kept\":0,\"repeated\":1,\"faults\":1}");
    RUN(0, "collect", "list_failed_debits", "--year", "2018");
    HAS_TEXT(out, "reason=余额不足");
}

TEST(a_synthetic_city_pays_what_it_is_billed) {
    static const char *const overlays[] = {"config/samples/jiangmen-illustrative.yaml", NULL};
    // Group, file, source: whoever draws the list up, it is civil affairs that certifies it (JM-C-05).
    static const char *const lists[][3] = {{"minimum_living", "civil_affairs", "civil_affairs"},
                                           {"extreme_hardship", "civil_affairs", "civil_affairs"},
                                           {"five_guarantee", "civil_affairs", "civil_affairs"},
                                           {"registered_poor", "poverty_relief", "civil_affairs:poverty_relief"}};
    char command[512], out[8192], file[100];
    long long parked = 0;
    snprintf(command, sizeof command,
             "mkdir %s && %s/tongchou sample city --people 2000 --employers 40 --division 440703 --month 2018-03 "
             "--config %s/config --out %s",
             path("city"), running_bin(), TC_SOURCE_DIR, path("city"));
    NEED(system(command) == 0);
    suite = running_start(&(running_conf_t){.overlays = overlays});
    NEED(suite != NULL);
    RUN(0, "import", "employers", path("city/employers.csv"), "--quiet");
    RUN(0, "import", "persons", path("city/persons.csv"), "--quiet");
    RUN(0, "import", "spells", path("city/spells.csv"), "--quiet");
    for (size_t i = 0; i < COUNT_OF(lists); i++) {
        snprintf(file, sizeof file, "%s", path("city/groups-"));
        snprintf(file + strlen(file), sizeof file - strlen(file), "%s.csv", lists[i][1]);
        RUN(0, "import", "list", file, "--group", lists[i][0], "--source", lists[i][2], "--as-of", "2018-01-01",
            "--quiet");
    }
    RUN(0, "wait", "--timeout", "60");
    RUN(0, "collect", "bill", "2018", "--quiet");
    RUN(0, "collect", "bill", "2018-03", "--quiet");
    import_matches("city/receipts-2018-03.csv", &parked);
    import_matches("city/receipts-2018.csv", &parked);
    OK(parked > 0);
    RUN(0, "collect", "obligations", "2018");
    HAS_TEXT(out, "unemployment_fund");
    HAS_TEXT(out, "finance");
    RUN(0, "collect", "subsidy", "--receipt", "S1", "--division", "440703", "--item", "tier1", "--year", "2018",
        "--amount", "288.00", "--paid_on", "2018-04-01");
    failed_debits_come_back();
    RUN(0, "verify");
    running_stop(&suite);
}

TEST(the_files_are_removed) {
    char command[200];
    snprintf(command, sizeof command, "rm -r %s", files);
    EQ(system(command), 0);
}

TESTS("receipts", CASE(the_files_are_written), CASE(an_undisturbed_import_pays_and_parks_each_row),
      CASE(killed_at_twenty_random_points_it_ends_in_the_same_books), CASE(a_synthetic_city_pays_what_it_is_billed),
      CASE(the_files_are_removed))
