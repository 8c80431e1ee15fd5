// Lines of docs/security.md that only a running suite shows: keys of a district and of a facility, what logs and
// process lists hold, SQL that comes as data.
#include "running.h"
#include "common/base/ids.h"
#include "common/wire/curve.h"
#include "common/wire/scope.h"
#include "tests/check.h"
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static running_t *suite;
static err_t err;
static char citizen_id[19];

#define SECRET_NAME "张秘密"
#define call(...) running_callf(suite, &err, __VA_ARGS__)

static const json_t *call_as(const char *as, const char *service, const char *method, const char *json) {
    return running_call(suite, as, service, method, NULL, json, &err);
}

static void make_key(const char *name, const char *role, const char *divisions, const char *facilities) {
    char dir[512], scope[SCOPE_BYTES];
    snprintf(dir, sizeof dir, "%s/keys", running_dir(suite));
    NEED(scope_make(scope, divisions, facilities, &err) == E_OK);
    NEED(keys_make_scoped(dir, name, role, scope, &err) == E_OK);
}

TEST(a_suite_with_two_districts) {
    static const char *const overlays[] = {"config/samples/jiangmen-illustrative.yaml", NULL};
    suite = running_start(&(running_conf_t){.overlays = overlays});
    NEED(suite != NULL);
    snprintf(citizen_id, sizeof citizen_id, "99000119800101001%c", citizen_id_check_char("99000119800101001"));
    for (int i = 1; i <= 2; i++) {
        NEED(call("facility", "register_facility",
                  "{\"facility\":\"H9900010000%d\",\"name\":\"H%d\",\"kind\":\"hospital\",\"level\":\"2\",\"division\":"
                  "\"44070%d\"}",
                  i, i, i + 2) != NULL);
        NEED(call("facility", "sign_agreement",
                  "{\"facility\":\"H9900010000%d\",\"agreement\":\"A%d\",\"from\":\"2018-01-01\",\"until\":"
                  "\"2018-12-31\"}",
                  i, i) != NULL);
    }
    NEED(call("enrollment", "register_person",
              "{\"person\":\"P1\",\"citizen_id\":\"%s\",\"name\":\"" SECRET_NAME "\",\"division\":\"440703\"}",
              citizen_id) != NULL);
    NEED(call("enrollment", "open_spell", "{\"person\":\"P1\",\"identity\":\"resident\",\"from_month\":\"2018-01\"}") !=
         NULL);
    NEED(running_settle_down(suite) == 0);
    make_key("here", "clerk", "440703", NULL);
    make_key("there", "clerk", "440704", NULL);
    make_key("h1", "hospital", NULL, "H99000100001");
    make_key("h2", "hospital", NULL, "H99000100002");
}

#define BILL(number)                                                                                                   \
    "{\"bill\":\"" number "\",\"person\":\"P1\",\"facility\":\"H99000100001\",\"type\":\"inpatient\",\"from\":\""      \
    "2018-03-01\",\"to\":\"2018-03-09\",\"area\":\"city\",\"filing\":\"none\",\"total\":\"12345.67\",\"in_scope\":\""  \
    "12345.67\"}"

TEST(a_key_sees_and_changes_its_part_of_the_city_only) {
    static const struct {
        const char *as, *service, *method, *json;
        int code;
    } asked[] = {
        {"there", "enrollment", "get_person", "{\"person\":\"P1\"}", E_DENIED},
        {"here", "enrollment", "get_person", "{\"person\":\"P1\"}", E_OK},
        {"there", "enrollment", "record_death", "{\"person\":\"P1\",\"on\":\"2018-05-01\"}", E_DENIED},
        {"here", "facility", "end_agreement", "{\"facility\":\"H99000100002\"}", E_DENIED},
        {"h2", "adjudication", "settle", BILL("B1"), E_DENIED},
        {"h1", "adjudication", "settle", BILL("B1"), E_OK},
        {"h2", "adjudication", "get_decision", "{\"bill\":\"B1\"}", E_DENIED},
        {"there", "adjudication", "get_decision", "{\"bill\":\"B1\"}", E_DENIED},
        {"here", "adjudication", "get_decision", "{\"bill\":\"B1\"}", E_OK},
        {"h2", "adjudication", "reverse", "{\"bill\":\"B1\",\"person\":\"P1\",\"reason\":\"not mine\"}", E_DENIED},
        {"h2", "adjudication", "reverse", "{\"bill\":\"B9\",\"person\":\"P1\",\"reason\":\"in advance\"}", E_NOT_FOUND},
        {"here", "collection", "bill_month", "{\"month\":\"2018-01\"}", E_OK},
        {"here", "collection", "get_bills", "{\"person\":\"P1\"}", E_OK},
        {"there", "collection", "get_bills", "{\"person\":\"P1\"}", E_DENIED},
        {"there", "collection", "get_due", "{\"person\":\"P1\",\"period\":\"2018\"}", E_DENIED},
        {"there", "adjudication", "get_account", "{\"person\":\"P1\"}", E_DENIED},
        {"here", "adjudication", "get_account", "{\"person\":\"P1\"}", E_OK},
        {"here", "settlement", "get_balances", "{}", E_OK},
        {"h1", "settlement", "get_balances", "{}", E_DENIED},
        {"here", "settlement", "get_seals", "{}", E_DENIED},
        {"here", "settlement", "get_statement", "{\"facility\":\"H99000100001\",\"month\":\"2018-03\"}", E_DENIED},
        {"h2", "settlement", "get_statement", "{\"facility\":\"H99000100001\",\"month\":\"2018-03\"}", E_DENIED},
        {"here", "adjudication", "get_tasks", "{}", E_DENIED},
        {"h1", "enrollment", "get_person", "{\"person\":\"P1\"}", E_DENIED},
    };
    for (size_t i = 0; i < COUNT_OF(asked); i++) {
        err = (err_t){0};
        const json_t *reply = call_as(asked[i].as, asked[i].service, asked[i].method, asked[i].json);
        if ((reply ? E_OK : err.code) != asked[i].code)
            fprintf(stderr, "    %s %s.%s %s: %s\n", asked[i].as, asked[i].service, asked[i].method, asked[i].json,
                    err.text);
        EQ(reply ? E_OK : err.code, asked[i].code);
    }
}

// A contribution taken in one district stands in the books of its county: shown to one clerk, nothing to the other.
TEST(the_books_show_a_county_its_own) {
    char json[256];
    NEED(call_as("here", "collection", "bill_year", "{\"year\":2018}") != NULL);
    const json_t *due = call_as("here", "collection", "get_due", "{\"person\":\"P1\",\"period\":\"2018\"}");
    snprintf(json, sizeof json,
             "{\"receipt\":\"R1\",\"person\":\"P1\",\"period\":\"2018\",\"amount\":\"%s\",\"paid_on\":\"2018-01-05\"}",
             json_string_value(json_object_get(due, "amount")));
    OK(call_as("there", "collection", "receive", json) == NULL);
    EQ(err.code, E_DENIED);
    NEED(call_as("here", "collection", "receive", json) != NULL);
    EQ(running_settle_down(suite), 0);
    NEED(call_as("here", "settlement", "get_entry", "{\"reference\":\"R1\"}") != NULL);
    OK(call_as("there", "settlement", "get_entry", "{\"reference\":\"R1\"}") == NULL);
    EQ(err.code, E_DENIED);
    const json_t *own = json_object_get(call_as("here", "settlement", "get_balances", "{}"), "rows");
    OK(json_array_size(own) > 0);
    const json_t *none = json_object_get(call_as("there", "settlement", "get_balances", "{}"), "rows");
    EQ(json_array_size(none), 0);
}

// A quote that ends a statement is a character like another, or no character of a code at all.
TEST(sql_that_comes_as_data_stays_data) {
    static const char attack[] = "x'); DROP TABLE decision; --";
    char json[256], again[19];
    snprintf(json, sizeof json, "{\"bill\":\"%s\"}", attack);
    OK(call_as("admin", "adjudication", "get_decision", json) == NULL);
    EQ(err.code, E_INVALID_FIELD);
    snprintf(json, sizeof json, "{\"person\":\"%s\"}", attack);
    OK(call_as("admin", "enrollment", "get_person", json) == NULL);
    OK(err.code == E_INVALID_FIELD || err.code == E_NOT_FOUND);
    snprintf(again, sizeof again, "99000119800102001%c", citizen_id_check_char("99000119800102001"));
    NEED(call("enrollment", "register_person",
              "{\"person\":\"P2\",\"citizen_id\":\"%s\",\"name\":\"%s\",\"division\":\"440703\"}", again,
              attack) != NULL);
    NEED(call("adjudication", "get_decision", "{\"bill\":\"B1\"}") != NULL);
    char said[16384];
    EQ(running_settle_down(suite), 0);
    EQ(running_command(suite, said, sizeof said, (const char *const[]){"verify", NULL}), 0);
}

// ---- what must not be told

static bool holds(const char *path, const char *const *words, size_t count, const char *what) {
    static char bytes[4 << 20];
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return false; // a process that has gone
    const ssize_t size = read(fd, bytes, sizeof bytes);
    close(fd);
    for (size_t i = 0; size > 0 && i < count; i++)
        if (memmem(bytes, (size_t)size, words[i], strlen(words[i]))) {
            fprintf(stderr, "    %s tells %s\n", path, what);
            return true;
        }
    return false;
}

static size_t tell(const char *dir, bool numbers, const char *file, const char *const *words, size_t count,
                   const char *what) {
    size_t found = 0;
    DIR *list = opendir(dir);
    NEED(list != NULL);
    for (struct dirent *entry; (entry = readdir(list));) {
        char path[600];
        if (entry->d_name[0] == '.' || (numbers && !isdigit((unsigned char)entry->d_name[0]))) continue;
        snprintf(path, sizeof path, "%.256s/%.256s%s", dir, entry->d_name, file);
        found += holds(path, words, count, what);
    }
    closedir(list);
    return found;
}

// The secret halves of all keys of the suite.
static size_t read_secrets(char secrets[][41], size_t room) {
    size_t count = 0;
    char dir[512];
    snprintf(dir, sizeof dir, "%s/keys", running_dir(suite));
    DIR *list = opendir(dir);
    NEED(list != NULL);
    for (struct dirent *entry; (entry = readdir(list)) && count < room;) {
        char path[800];
        const char *dot = strrchr(entry->d_name, '.');
        snprintf(path, sizeof path, "%s/%s", dir, entry->d_name);
        FILE *file = dot && strcmp(dot, ".key") == 0 ? fopen(path, "re") : NULL;
        if (!file) continue;
        if (fread(secrets[count], 1, 40, file) == 40) count++;
        fclose(file);
    }
    closedir(list);
    return count;
}

TEST(logs_hold_no_person_and_no_key_and_process_lists_no_key) {
    static char secrets[32][41];
    const char *words[34];
    char dir[512];
    const size_t count = read_secrets(secrets, COUNT_OF(secrets));
    OK(count >= 8);
    for (size_t i = 0; i < count; i++) words[i] = secrets[i];
    EQ(tell("/proc", true, "/cmdline", words, count, "a secret key"), 0);
    EQ(tell("/proc", true, "/environ", words, count, "a secret key"), 0);
    snprintf(dir, sizeof dir, "%s/log", running_dir(suite));
    EQ(tell(dir, false, "", words, count, "a secret key"), 0);
    const char *const person[] = {citizen_id, SECRET_NAME, citizen_id + 6};
    EQ(tell(dir, false, "", person, COUNT_OF(person), "a person"), 0);
    // The test can fail: what is looked for is found where it is.
    snprintf(dir, sizeof dir, "%s/keys", running_dir(suite));
    OK(tell(dir, false, "", words, 1, "(as it must) a secret key") == 1);
}

TEST(it_stops) { running_stop(&suite); }

TESTS("security", CASE(a_suite_with_two_districts), CASE(a_key_sees_and_changes_its_part_of_the_city_only),
      CASE(the_books_show_a_county_its_own), CASE(sql_that_comes_as_data_stays_data),
      CASE(logs_hold_no_person_and_no_key_and_process_lists_no_key), CASE(it_stops))
