// Files taken in by a running suite: whatever dies on the way, the outcome is that of an undisturbed run; a file that
// comes twice changes nothing; with --all-or-nothing a file at fault leaves nothing behind.
#include "running.h"
#include "common/base/date.h"
#include "common/base/hash.h"
#include "common/base/ids.h"
#include "common/store/store.h"
#include "tests/check.h"
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static running_t *suite;
static char folder[] = "/tmp/import-test-XXXXXX";
static char plain_digest[2 * SHA256_BYTES + 1]; // of the undisturbed run
static uint64_t dice;

static const char *path_of(const char *name) {
    static char paths[8][128];
    static unsigned turn;
    char *path = paths[turn++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

static int tongchou(const char *const *args) {
    char out[8192];
    return running_command(suite, out, sizeof out, args);
}
#define IMPORT(...) tongchou((const char *const[]){"import", __VA_ARGS__, "--quiet", NULL})

// ---- what enrolment holds

static void open_store(store_t **store) {
    char url[300];
    err_t err = {0};
    snprintf(url, sizeof url, "sqlite:%s/store", running_dir(suite));
    if (store_open_read_only(store, url, "enrollment", &err)) fprintf(stderr, "%s\n", err.text);
    NEED(err.code == E_OK);
}

// Every version of every person, without when it was known and by which event it was told.
static void digest_of(char hex[static 2 * SHA256_BYTES + 1]) {
    static const char *const tables[] = {
        "SELECT person, version, state FROM person ORDER BY person",
        "SELECT person, version, state FROM person_version ORDER BY person, version",
        "SELECT employer, version, state FROM employer ORDER BY employer",
    };
    store_t *store;
    arena_t *arena = arena_new(1 << 20, 0);
    uint8_t digest[2 * SHA256_BYTES] = {0};
    err_t err = {0};
    open_store(&store);
    for (size_t t = 0; t < sizeof tables / sizeof *tables; t++) {
        rows_t rows;
        NEED(store_query(store, tables[t], NULL, 0, arena, &rows, &err) == E_OK);
        for (size_t i = 0; i < rows.count; i++) {
            size_t bytes;
            uint8_t piece[3 * SHA256_BYTES] = {0};
            const void *state = row_blob(&rows, i, 2, &bytes);
            int64_t version = row_i64(&rows, i, 1);
            memcpy(piece, digest, SHA256_BYTES);
            sha256(state, bytes, piece + SHA256_BYTES);
            memcpy(piece + 2 * SHA256_BYTES, &version, sizeof version);
            sha256(piece, sizeof piece, digest);
        }
        arena_reset(arena);
    }
    hex_encode(digest, SHA256_BYTES, hex);
    store_close(&store);
    arena_destroy(&arena);
}

static int64_t count_of(const char *table) {
    char sql[64];
    store_t *store;
    arena_t *arena = arena_new(1 << 16, 0);
    rows_t rows;
    err_t err = {0};
    open_store(&store);
    snprintf(sql, sizeof sql, "SELECT count(*) FROM %s", table);
    NEED(store_query(store, sql, NULL, 0, arena, &rows, &err) == E_OK);
    int64_t count = row_i64(&rows, 0, 0);
    store_close(&store);
    arena_destroy(&arena);
    return count;
}

// ---- the files

static void write_file(const char *name, const char *text) {
    FILE *file = fopen(path_of(name), "w");
    NEED(file != NULL);
    fputs(text, file);
    NEED(fclose(file) == 0);
}

static void read_file(const char *name, char *out, size_t room) {
    FILE *file = fopen(path_of(name), "r");
    NEED(file != NULL);
    out[fread(out, 1, room - 1, file)] = '\0';
    fclose(file);
}

// 12,000 people of this pool and a list of half of them, and one that names others.
TEST(a_city_is_written) {
    char command[1024];
    NEED(mkdtemp(folder) != NULL);
    snprintf(command, sizeof command,
             "%s/tongchou sample city --people 12000 --employers 300 --division 440703 --config " TC_SOURCE_DIR
             "/config --out %s 2>/dev/null"
             " && cd %s && (echo person; seq -f 'P%%07.0f' 1 6000) > list-a.csv"
             " && (echo person; seq -f 'P%%07.0f' 3000 9000) > list-b.csv",
             running_bin(), folder, folder);
    NEED(system(command) == 0);
    random_bytes(&dice, sizeof dice);
    if (getenv("SEED")) dice = strtoull(getenv("SEED"), NULL, 10);
    fprintf(stderr, "SEED=%llu ", (unsigned long long)dice);
}

static int below(int n) {
    dice = dice * 6364136223846793005ull + 1442695040888963407ull;
    return (int)((dice >> 33) % (uint64_t)n);
}

typedef struct job {
    const char *args[16];
    int status; // of an undisturbed run
} job_t;

#define LIST(file, day)                                                                                                \
    "import", "list", file, "--group", "minimum_living", "--source", "civil_affairs", "--as-of", day, "--quiet"

static void make_jobs(job_t jobs[static 5]) {
    memset(jobs, 0, 5 * sizeof *jobs);
    const char *files[] = {path_of("employers.csv"), path_of("persons.csv"), path_of("spells.csv"),
                           path_of("list-a.csv"), path_of("list-b.csv")};
    static const char *const kinds[] = {"employers", "persons", "spells"};
    for (int i = 0; i < 3; i++) {
        const char *args[] = {"import", kinds[i], files[i], "--quiet"};
        memcpy(jobs[i].args, args, sizeof args);
    }
    const char *a[] = {LIST(files[3], "2018-01-01")}, *b[] = {LIST(files[4], "2018-04-01")};
    memcpy(jobs[3].args, a, sizeof a);
    memcpy(jobs[4].args, b, sizeof b);
}

TEST(an_undisturbed_run) {
    job_t jobs[5];
    suite = running_start(&(running_conf_t){0});
    NEED(suite != NULL);
    make_jobs(jobs);
    for (int i = 0; i < 5; i++) EQ(tongchou(jobs[i].args), jobs[i].status);
    EQ(count_of("person"), 12000);
    digest_of(plain_digest);
}

TEST(files_that_come_twice_change_nothing) {
    char digest[2 * SHA256_BYTES + 1];
    job_t jobs[5];
    int64_t events = count_of("event"), versions = count_of("person_version");
    make_jobs(jobs);
    for (int i = 0; i < 5; i++) // the older list is refused: a newer one has come
        EQ(tongchou(jobs[i].args), i == 3 ? 2 : jobs[i].status);
    digest_of(digest);
    EQ_TEXT(digest, plain_digest);
    EQ(count_of("event"), events);
    EQ(count_of("person_version"), versions);
    char command[600];
    snprintf(command, sizeof command, "cd %s && iconv -f UTF-8 -t GB18030 persons.csv > persons-gb.csv", folder);
    NEED(system(command) == 0);
    EQ(IMPORT("persons", path_of("persons-gb.csv")), 0);
    EQ(count_of("event"), events);
    EQ(tongchou((const char *const[]){"verify", NULL}), 0);
    running_stop(&suite);
}

// ---- kill −9, at twenty points or more

enum { POINTS = 20, CITIES_MAX = 5 };
static int points; // where something died while a file was being taken in

static pid_t start_job(const job_t *job) {
    pid_t child = fork();
    if (child == 0) _exit(tongchou(job->args));
    return child;
}

// Kill enrolment at random moments until the import has ended. Returns how often.
static int disturb(pid_t child, int *status) {
    int kills = 0;
    for (*status = -1; waitpid(child, status, WNOHANG) == 0;) {
        poll(NULL, 0, 10 + below(250));
        if (kills == 3 || waitpid(child, status, WNOHANG) != 0) break;
        int pid = running_pid(suite, "enrollment-1");
        if (running_kill(suite, "enrollment-1") == 0) kills++;
        NEED(running_wait_restarted(suite, "enrollment-1", pid) == 0);
    }
    if (*status == -1) NEED(waitpid(child, status, 0) == child);
    *status = WIFEXITED(*status) ? WEXITSTATUS(*status) : -1;
    return kills;
}

TEST(enrolment_killed_at_random_moments) {
    char digest[2 * SHA256_BYTES + 1];
    job_t jobs[5];
    int kills = 0;
    suite = running_start(&(running_conf_t){0});
    NEED(suite != NULL);
    make_jobs(jobs);
    for (int i = 0; i < 5; i++) {
        int status;
        kills += disturb(start_job(&jobs[i]), &status);
        EQ(status, jobs[i].status);
    }
    fprintf(stderr, "(%d kills) ", kills);
    points += kills;
    OK(kills >= 3);
    digest_of(digest);
    EQ_TEXT(digest, plain_digest);
    EQ(tongchou((const char *const[]){"wait", NULL}), 0);
    EQ(tongchou((const char *const[]){"verify", NULL}), 0);
    running_stop(&suite);
}

// The command itself is killed; giving it again goes on. In as many cities as it takes.
static void kill_commands(void) {
    char digest[2 * SHA256_BYTES + 1];
    job_t jobs[5];
    suite = running_start(&(running_conf_t){0});
    NEED(suite != NULL);
    make_jobs(jobs);
    for (int i = 0; i < 5; i++) {
        for (int again = 0; again < 3; again++) {
            pid_t child = fork();
            if (child == 0) {
                setpgid(0, 0);
                _exit(tongchou(jobs[i].args));
            }
            poll(NULL, 0, 20 + below(200));
            const bool over = waitpid(child, NULL, WNOHANG) != 0;
            kill(-child, SIGKILL);
            if (over) break;
            NEED(waitpid(child, NULL, 0) == child);
            points++;
        }
        EQ(tongchou(jobs[i].args), jobs[i].status);
    }
    digest_of(digest);
    EQ_TEXT(digest, plain_digest);
}

TEST(the_import_killed_and_given_again) {
    for (int cities = 0; cities == 0 || (points < POINTS && cities < CITIES_MAX); cities++) {
        if (cities) running_stop(&suite);
        kill_commands();
    }
    fprintf(stderr, "(%d points in all) ", points);
    OK(points >= POINTS);
}

// ---- files at fault (the suite of before)

static const char *citizen(unsigned serial) {
    static char ids[16][20];
    static unsigned turn;
    char *id = ids[turn++ % 16];
    snprintf(id, 20, "44070319620101%03u", serial);
    id[17] = citizen_id_check_char(id);
    id[18] = '\0';
    return id;
}

static int64_t persons_before;

#define NOTHING_CHANGED() EQ(count_of("person"), persons_before)

TEST(bad_rows_are_reported_and_good_ones_kept_unless_all_or_nothing) {
    char text[1024], report[2048];
    persons_before = count_of("person");
    snprintf(text, sizeof text,
             "人员编号,证件号码,姓名,参保区划\nQ1,%s,甲,440703\nQ2,123,乙,440703\nQ3,%s,丙\nQ4,%s,,440703\n"
             "Q5,%s,戊,999999\n",
             citizen(1), citizen(3), citizen(4), citizen(5));
    write_file("bad.csv", text);
    EQ(IMPORT("persons", path_of("bad.csv"), "--all-or-nothing", "--report", path_of("bad.rep")), 1);
    NOTHING_CHANGED();
    EQ(IMPORT("persons", path_of("bad.csv"), "--dry", "--report", path_of("bad.rep")), 1);
    NOTHING_CHANGED();
    EQ(IMPORT("persons", path_of("bad.csv"), "--report", path_of("bad.rep")), 1);
    EQ(count_of("person"), persons_before + 1);
    persons_before++;
    read_file("bad.rep", report, sizeof report);
    HAS_TEXT(report, "row,code,field,text\n");
    HAS_TEXT(report, "3,INVALID_FIELD,citizen_id,");
    HAS_TEXT(report, "4,INVALID_FIELD,,");
    HAS_TEXT(report, "5,MISSING_FIELD,name,");
    HAS_TEXT(report, "6,OUT_OF_RANGE,division,");
    OK(strstr(report, "4407031962") == NULL && strstr(report, "戊") == NULL && strstr(report, "乙") == NULL);
}

TEST(a_number_or_id_twice_in_different_chunks_is_noticed_before_anything_is_taken_in) {
    FILE *file = fopen(path_of("twice.csv"), "w");
    NEED(file != NULL);
    fputs("person,citizen_id,name,division\n", file);
    for (int i = 0; i < 2500; i++) {
        char id[20];
        snprintf(id, sizeof id, "4407031963%02d%02d%03d", 1 + i / 500, 1 + i / 20 % 25, i % 20);
        if (i == 2200) snprintf(id, sizeof id, "44070319630101%03d", 7); // that of row 9
        id[17] = citizen_id_check_char(id);
        id[18] = '\0';
        fprintf(file, "T%d,%s,名%d,440703\n", i, id, i);
    }
    fclose(file);
    EQ(IMPORT("persons", path_of("twice.csv"), "--all-or-nothing", "--report", path_of("twice.rep")), 1);
    NOTHING_CHANGED();
    char report[1024];
    read_file("twice.rep", report, sizeof report);
    HAS_TEXT(report, "2202,EXISTS,citizen_id,");
    EQ(IMPORT("persons", path_of("twice.csv")), 1);
    EQ(count_of("person"), persons_before + 2499);
    persons_before += 2499;
}

TEST(months_that_do_not_exist_are_told_by_row_and_column) {
    char report[1024];
    int64_t versions = count_of("person_version");
    write_file("months.csv", "person,identity,employer,from_month,last_month,wage\n"
                             "T1,employee,E000001,2018-01,,5000.00\n"
                             "T2,employee,E000001,2018-13,,5000.00\n"
                             "T3,employee,E000001,2018-01,2018-02-30,5000.00\n"
                             "T4,employee,E000001,2018-01,,5000.001\n");
    EQ(IMPORT("spells", path_of("months.csv"), "--all-or-nothing", "--report", path_of("months.rep")), 1);
    EQ(count_of("person_version"), versions);
    read_file("months.rep", report, sizeof report);
    HAS_TEXT(report, "3,INVALID_FIELD,from_month,");
    HAS_TEXT(report, "4,INVALID_FIELD,last_month,");
    HAS_TEXT(report, "5,INVALID_FIELD,wage,");
    EQ(IMPORT("spells", path_of("months.csv")), 1);
    EQ(count_of("person_version"), versions + 1);
}

TEST(rows_of_one_person_stand_together_when_it_is_all_or_nothing) {
    int64_t versions = count_of("person_version");
    write_file("apart.csv", "person,identity,employer,from_month,last_month,wage\n"
                            "T5,employee,E000001,2016-01,2016-12,5000.00\n"
                            "T6,employee,E000001,2018-01,,5000.00\n"
                            "T5,employee,E000001,2017-01,,5000.00\n");
    EQ(IMPORT("spells", path_of("apart.csv"), "--all-or-nothing"), 1);
    EQ(count_of("person_version"), versions);
    EQ(IMPORT("spells", path_of("apart.csv")), 0);
    EQ(count_of("person_version"), versions + 3);
}

TEST(files_that_cannot_be_used_change_nothing) {
    char text[512];
    snprintf(text, sizeof text, "person,citizen_id,name,division\nU1,%s,甲,440703\n合计,2,,\n", citizen(11));
    write_file("totals.csv", text);
    EQ(IMPORT("persons", path_of("totals.csv")), 2); // 合计 says two rows
    write_file("heading.csv", "person,name\nU1,甲\n");
    EQ(IMPORT("persons", path_of("heading.csv")), 2);
    write_file("utf16.csv", "\xff\xfep");
    EQ(IMPORT("persons", path_of("utf16.csv")), 2);
    EQ(IMPORT("persons", path_of("none.csv")), 2);
    snprintf(text, sizeof text, "person,citizen_id,name,division\nU1,%s,甲,440703\nU2,%s,\"乙,4", citizen(12),
             citizen(13));
    write_file("cut.csv", text); // breaks off within quotes
    EQ(IMPORT("persons", path_of("cut.csv")), 2);
    write_file("list.csv", "person\nP0000001\n\"P00\x01\n");
    EQ(IMPORT("list", path_of("list.csv"), "--group", "minimum_living", "--source", "civil_affairs", "--as-of",
              "2018-07-01"),
       2);
    write_file("empty.csv", "person\n");
    EQ(IMPORT("list", path_of("empty.csv"), "--group", "minimum_living", "--source", "civil_affairs", "--as-of",
              "2018-07-01"),
       2);
    EQ(IMPORT("list", path_of("empty.csv")), 2);
    NOTHING_CHANGED();
}

TEST(a_suspected_duplicate_waits_and_is_decided) {
    char text[512], out[4096];
    snprintf(text, sizeof text, "person,citizen_id,name,division\nV1,%s,辛,440703\nV2,%s,辛,440703\n", citizen(21),
             citizen(22));
    write_file("alike.csv", text);
    EQ(IMPORT("persons", path_of("alike.csv"), "--all-or-nothing", "--report", path_of("alike.rep")), 1);
    read_file("alike.rep", out, sizeof out); // once, though a dry pass came before
    char *told = strstr(out, "3,PARKED,person,");
    OK(told && !strstr(told + 1, "3,PARKED"));
    const char *const list[] = {"enroll", "list_parked", "--json", NULL};
    EQ(running_command(suite, out, sizeof out, list), 0);
    char *number = strstr(out, "\"number\":\"");
    NEED(number != NULL);
    number += strlen("\"number\":\"");
    number[strcspn(number, "\"")] = '\0';
    EQ(tongchou((const char *const[]){"enroll", "resolve_parked", "--number", number, "--decision", "register", NULL}),
       0);
    EQ(IMPORT("persons", path_of("alike.csv")), 0);
    EQ(tongchou((const char *const[]){"verify", NULL}), 0);
    running_stop(&suite);
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    OK(system(command) == 0);
}

TESTS("imports of a running suite", CASE(a_city_is_written), CASE(an_undisturbed_run),
      CASE(files_that_come_twice_change_nothing), CASE(enrolment_killed_at_random_moments),
      CASE(the_import_killed_and_given_again), CASE(bad_rows_are_reported_and_good_ones_kept_unless_all_or_nothing),
      CASE(a_number_or_id_twice_in_different_chunks_is_noticed_before_anything_is_taken_in),
      CASE(months_that_do_not_exist_are_told_by_row_and_column),
      CASE(rows_of_one_person_stand_together_when_it_is_all_or_nothing), CASE(files_that_cannot_be_used_change_nothing),
      CASE(a_suspected_duplicate_waits_and_is_decided))
