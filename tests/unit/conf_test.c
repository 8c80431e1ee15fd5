// The configuration: four sources in order, everything checked, every complaint with its place.
#include "common/daemon/conf.h"
#include "tests/check.h"
#include <unistd.h>

enum { ARGS_MAX = 16 };

static char file_path[64];

static void write_file(const char *text) {
    snprintf(file_path, sizeof file_path, "/tmp/tongchou-conf-XXXXXX");
    int fd = mkstemp(file_path);
    NEED(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    close(fd);
}

static void write_config(const char *text) {
    write_file(text);
    setenv("TONGCHOU_CONFIG", file_path, 1);
}

static void forget(conf_t **conf) {
    conf_destroy(conf);
    unlink(file_path);
    unsetenv("TONGCHOU_CONFIG");
}

static int load(conf_t **conf, err_t *err, const char *const *args) {
    char *argv[ARGS_MAX] = {(char *)(uintptr_t) "program"};
    int argc = 1;
    for (; args && args[argc - 1]; argc++) argv[argc] = (char *)(uintptr_t)args[argc - 1];
    *err = (err_t){0};
    return conf_load(conf, argc, argv, err);
}

TEST(later_sources_win_key_by_key) {
    conf_t *conf = NULL;
    err_t err;
    write_config(
        "store:\n  url: sqlite:from-file\nredis:\n  timeout_ms: 70\n  url: unix:///file\nservice:\n  credit: 9\n");
    setenv("TONGCHOU_STORE_URL", "sqlite:from-env", 1);
    setenv("TONGCHOU_REDIS_TIMEOUT_MS", "80", 1);
    EQ(load(&conf, &err, (const char *[]){"--store.url=sqlite:from-args", NULL}), E_OK);
    NEED(conf != NULL);
    EQ_TEXT(conf_text(conf, "store.url"), "sqlite:from-args");
    EQ(conf_int(conf, "redis.timeout_ms"), 80);
    EQ_TEXT(conf_text(conf, "redis.url"), "unix:///file");
    EQ(conf_int(conf, "service.credit"), 9);
    EQ(conf_int(conf, "client.attempt_ms"), 1000);
    unsetenv("TONGCHOU_STORE_URL");
    unsetenv("TONGCHOU_REDIS_TIMEOUT_MS");
    forget(&conf);
}

TEST(lists_come_from_yaml_lists_and_from_commas) {
    conf_t *conf = NULL;
    err_t err;
    write_config("broker:\n  front: [\"tcp://a:1\", \"tcp://b:2\"]\n  back: tcp://c:3\n");
    EQ(load(&conf, &err, (const char *[]){"--policy.overlays", "x.yaml, y.yaml", NULL}), E_OK);
    NEED(conf != NULL);
    const char *const *front = conf_list(conf, "broker.front");
    EQ_TEXT(front[0], "tcp://a:1");
    EQ_TEXT(front[1], "tcp://b:2");
    OK(front[2] == NULL);
    EQ_TEXT(conf_list(conf, "broker.back")[0], "tcp://c:3");
    OK(conf_list(conf, "broker.back")[1] == NULL);
    EQ_TEXT(conf_list(conf, "policy.overlays")[1], "y.yaml");
    forget(&conf);
    write_config("{}\n");
    EQ(load(&conf, &err, NULL), E_OK);
    OK(conf_list(conf, "policy.overlays")[0] == NULL);
    forget(&conf);
}

TEST(what_is_not_an_option_is_left_in_order) {
    conf_t *conf = NULL;
    err_t err;
    size_t count;
    write_file("log:\n  level: debug\n");
    EQ(load(&conf, &err, (const char *[]){"first", "--config", file_path, "second", "--", "--third", NULL}), E_OK);
    NEED(conf != NULL);
    const char *const *rest = conf_rest(conf, &count);
    EQ(count, 3);
    EQ_TEXT(rest[0], "first");
    EQ_TEXT(rest[1], "second");
    EQ_TEXT(rest[2], "--third");
    EQ_TEXT(conf_text(conf, "log.level"), "debug");
    forget(&conf);
}

TEST(a_wrong_file_is_refused_with_its_line) {
    static const struct {
        const char *text, *place, *said;
    } cases[] = {
        {"store:\n  url: a\n  ulr: b\n", ":3", "store.ulr"},
        {"stor:\n  url: a\n", ":2", "stor.url"},
        {"service:\n  credit: many\n", ":2", "whole number of 1 to 2048"},
        {"service:\n  credit: 0\n", ":2", "whole number of 1 to 2048"},
        {"service:\n  credit: 2049\n", ":2", "service.credit"},
        {"service:\n  credit: 99999999999999999999\n", ":2", "service.credit"},
        {"service:\n  credit: 1.5\n", ":2", "service.credit"},
        {"service:\n  credit: ' 1'\n", ":2", "service.credit"},
        {"service:\n  credit:\n", ":2", "service.credit"},
        {"service:\n  credit: [1]\n", ":2", "single value"},
        {"service: 1\n", ":1", "service"},
        {"broker:\n  front: [\"a,b\"]\n", ":2", "comma"},
        {"broker:\n  front: [[a]]\n", ":2", "comma"},
        {"broker:\n  front: a,,b\n", ":2", "broker.front"},
        {"- a\n", ":1", "map"},
        {"store:\n  url: a\n  url: b\n", ":3", "url"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        conf_t *conf = NULL;
        err_t err;
        write_config(cases[i].text);
        EQ(load(&conf, &err, NULL), E_POLICY);
        HAS_TEXT(err.text, file_path);
        HAS_TEXT(err.text, cases[i].place);
        HAS_TEXT(err.text, cases[i].said);
        OK(conf == NULL);
        forget(&conf);
    }
}

TEST(wrong_options_and_variables_are_refused_by_name) {
    static const char *const cases[][3] = {
        {"--store.ulr=x", NULL, "store.ulr"},
        {"--store", "x", "--store"},
        {"--service.credit=x", NULL, "--service.credit"},
        {"--service.credit", NULL, "value expected"},
        {"--config", NULL, "value expected"},
        {"--help=1", NULL, "no such option"},
    };
    conf_t *conf = NULL;
    err_t err;
    write_config("{}\n");
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        EQ(load(&conf, &err, (const char *[]){cases[i][0], cases[i][1], NULL}), E_INVALID_FIELD);
        HAS_TEXT(err.text, cases[i][2]);
    }
    setenv("TONGCHOU_STORE_ULR", "x", 1);
    EQ(load(&conf, &err, NULL), E_INVALID_FIELD);
    HAS_TEXT(err.text, "TONGCHOU_STORE_ULR");
    unsetenv("TONGCHOU_STORE_ULR");
    setenv("TONGCHOU_SERVICE_CREDIT", "-1", 1);
    EQ(load(&conf, &err, NULL), E_INVALID_FIELD);
    HAS_TEXT(err.text, "TONGCHOU_SERVICE_CREDIT");
    unsetenv("TONGCHOU_SERVICE_CREDIT");
    forget(&conf);
    setenv("TONGCHOU_CONFIG", "/nonexistent.yaml", 1);
    EQ(load(&conf, &err, NULL), E_IO);
    OK(conf == NULL);
    EQ(load(&conf, &err, (const char *[]){"--help", NULL}), E_OK); // help is there when it is needed most
    OK(conf && conf_help_asked(conf));
    forget(&conf);
}

TEST(the_shipped_file_says_the_defaults_and_all_of_them) {
    conf_t *shipped = NULL, *defaults = NULL;
    err_t err;
    EQ(load(&shipped, &err, (const char *[]){"--config", TC_SOURCE_DIR "/config/tongchou.yaml", NULL}), E_OK);
    write_config("{}\n");
    EQ(load(&defaults, &err, NULL), E_OK);
    NEED(shipped != NULL && defaults != NULL);
    FILE *file = fopen(TC_SOURCE_DIR "/config/tongchou.yaml", "r");
    NEED(file != NULL);
    static char text[16384];
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    for (const conf_key_t *key = conf_table; key->name; key++) {
        char last[64];
        snprintf(last, sizeof last, "\n  %s: ", strchr(key->name, '.') + 1);
        HAS_TEXT(text, last);
        if (key->type == CONF_TEXT) EQ_TEXT(conf_text(shipped, key->name), conf_text(defaults, key->name));
        if (key->type == CONF_INT) EQ(conf_int(shipped, key->name), conf_int(defaults, key->name));
        if (key->type == CONF_BOOL) EQ(conf_bool(shipped, key->name), conf_bool(defaults, key->name));
        for (size_t i = 0; key->type == CONF_LIST && (i == 0 || conf_list(defaults, key->name)[i - 1]); i++) {
            const char *a = conf_list(shipped, key->name)[i], *b = conf_list(defaults, key->name)[i];
            OK(a == b || (a && b && strcmp(a, b) == 0));
        }
    }
    conf_destroy(&shipped);
    forget(&defaults);
}

TESTS("conf", CASE(later_sources_win_key_by_key), CASE(lists_come_from_yaml_lists_and_from_commas),
      CASE(what_is_not_an_option_is_left_in_order), CASE(a_wrong_file_is_refused_with_its_line),
      CASE(wrong_options_and_variables_are_refused_by_name), CASE(the_shipped_file_says_the_defaults_and_all_of_them))
