// Logs: the form of a line, quoting, and whole lines from many threads. Standard error is caught in a file meanwhile.
#include "tests/check.h"
#include "common/base/check.h"
#include "common/base/log.h"
#include <pthread.h>
#include <unistd.h>

static FILE *caught;
static int real_stderr;

static void catch_begin(void) {
    fflush(stderr);
    caught = tmpfile();
    NEED(caught != NULL);
    real_stderr = dup(STDERR_FILENO);
    NEED(real_stderr >= 0 && dup2(fileno(caught), STDERR_FILENO) >= 0);
}

static char *catch_end(void) {
    dup2(real_stderr, STDERR_FILENO);
    close(real_stderr);
    long bytes = ftell(caught);
    NEED(fseek(caught, 0, SEEK_END) == 0 && (bytes = ftell(caught)) >= 0);
    char *text = calloc(1, (size_t)bytes + 1);
    rewind(caught);
    NEED(text != NULL && fread(text, 1, (size_t)bytes, caught) == (size_t)bytes);
    fclose(caught);
    return text;
}

TEST(a_line_has_time_level_process_event_and_values) {
    log_setup("broker-1", LOG_INFO);
    catch_begin();
    log_debug("hidden", "a=%d", 1);
    log_info("instance_joined", "service=%s credit=%d", log_value("adjudication"), 64);
    log_error("empty", "%s", "");
    char *text = catch_end();
    // ts=2026-03-01T10:00:00.123+08:00
    static const char form[] = "ts=dddd-dd-ddTdd:dd:dd.ddd+08:00 ";
    int wrong = 0;
    for (size_t i = 0; i < sizeof form - 1; i++)
        wrong += form[i] == 'd' ? text[i] < '0' || text[i] > '9' : text[i] != form[i];
    EQ(wrong, 0);
    HAS_TEXT(text, "+08:00 level=info proc=broker-1 event=instance_joined service=adjudication credit=64\n");
    HAS_TEXT(text, " level=error proc=broker-1 event=empty\n");
    OK(strstr(text, "hidden") == NULL);
    free(text);
}

TEST(values_are_quoted_when_they_must_be) {
    static const struct {
        const char *text, *value;
    } rows[] = {{"plain-1.2:x/y", "plain-1.2:x/y"},
                {"two words", "\"two words\""},
                {"", "\"\""},
                {"a=b", "\"a=b\""},
                {"say \"x\"", "\"say \\\"x\\\"\""},
                {"back\\slash", "\"back\\\\slash\""},
                {"a\nb\tc", "\"a\\nb\\tc\""},
                {"\x1b[31m\x7f", "\"\\x1b[31m\\x7f\""},
                {"统筹", "统筹"},
                {NULL, "-"}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) EQ_TEXT(log_value(rows[i].text), rows[i].value);
}

TEST(long_values_are_cut_at_200_bytes_and_whole_characters) {
    char text[400];
    memset(text, 'a', sizeof text);
    text[399] = 0;
    EQ(strlen(log_value(text)), 200);
    text[200] = 0;
    EQ(strlen(log_value(text)), 200);
    memcpy(text + 199, "元", 4);
    EQ(strlen(log_value(text)), 199);
    memset(text, 1, 399); // every byte becomes four
    EQ(strlen(log_value(text)), 802);
}

TEST(eight_values_may_stand_in_one_call) {
    const char *values[8];
    char name[8][4];
    for (int i = 0; i < 8; i++) {
        snprintf(name[i], sizeof name[i], "v%d", i);
        values[i] = log_value(name[i]);
    }
    for (int i = 0; i < 8; i++) EQ_TEXT(values[i], name[i]);
}

TEST(a_value_cannot_begin_a_line_of_its_own_and_long_lines_say_that_they_are_cut) {
    char *large = malloc(10001);
    NEED(large != NULL);
    memset(large, 'x', 10000);
    large[10000] = 0;
    log_setup("p", LOG_DEBUG);
    catch_begin();
    log_warn("raw", "a=%s", "1\nlevel=fatal");
    log_warn("long", "a=%s", large);
    char *text = catch_end();
    HAS_TEXT(text, "a=1?level=fatal\n");
    HAS_TEXT(text, "xxx cut=1\n");
    OK(strlen(text) < 4096 + 200);
    free(text);
    free(large);
}

#define THREADS 4
#define LINES 500

static void *write_lines(void *arg) {
    for (int i = 0; i < LINES; i++) log_info("thread", "who=%d line=%d text=%s", *(int *)arg, i, log_value("a b"));
    return NULL;
}

TEST(lines_of_threads_stay_whole) {
    pthread_t threads[THREADS];
    int who[THREADS], seen[THREADS] = {0}, wrong = 0;
    log_setup("p", LOG_INFO);
    catch_begin();
    for (int i = 0; i < THREADS; i++) {
        who[i] = i;
        NEED(pthread_create(&threads[i], NULL, write_lines, &who[i]) == 0);
    }
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    char *text = catch_end(), *rest = NULL;
    for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        const char *at = strstr(line, " event=thread who=");
        int thread, number;
        if (!at || strncmp(line, "ts=", 3) != 0 || !strstr(line, " text=\"a b\"") ||
            sscanf(at, " event=thread who=%d line=%d", &thread, &number) != 2 || thread < 0 || thread >= THREADS ||
            number != seen[thread]++)
            wrong++;
    }
    EQ(wrong, 0);
    for (int i = 0; i < THREADS; i++) EQ(seen[i], LINES);
    free(text);
}

TEST(levels_have_names) {
    EQ(log_level_from_name("debug"), LOG_DEBUG);
    EQ(log_level_from_name("error"), LOG_ERROR);
    EQ(log_level_from_name("loud"), -1);
    EQ(log_level_from_name(NULL), -1);
}

TESTS("base log", CASE(a_line_has_time_level_process_event_and_values), CASE(values_are_quoted_when_they_must_be),
      CASE(long_values_are_cut_at_200_bytes_and_whole_characters), CASE(eight_values_may_stand_in_one_call),
      CASE(a_value_cannot_begin_a_line_of_its_own_and_long_lines_say_that_they_are_cut),
      CASE(lines_of_threads_stay_whole), CASE(levels_have_names))
