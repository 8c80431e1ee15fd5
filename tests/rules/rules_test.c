// Every line of tests/rules/*.jsonl is a test: a case put to `tongchou eval`'s kinds and what its answer must hold. See
// README.
#include "services/cli/eval/eval.h"
#include "tests/check.h"
#include <dirent.h>
#include <jansson.h>

#define FOLDER TC_SOURCE_DIR "/tests/rules"

enum { CASES_MAX = 8000, LAWS_MAX = 128, OVERLAYS_MAX = 8, NAME_ROOM = 160 };

typedef struct law { // a city with overlays, loaded once
    char *key;
    eval_t eval;
    bool usable;
} law_t;

typedef struct rule_case {
    json_t *root;
    const char *file; // name without folder
    int line;
    char name[NAME_ROOM];
} rule_case_t;

static law_t laws[LAWS_MAX];
static size_t law_count;
static rule_case_t cases[CASES_MAX];
static size_t case_count, at;

static law_t *law_load(const char *city, const json_t *overlays) {
    char *key = NULL, path[512], overlay_paths[OVERLAYS_MAX][512];
    const char *list[OVERLAYS_MAX + 1] = {NULL};
    size_t count = json_array_size(overlays);
    char *names = overlays ? json_dumps(overlays, JSON_COMPACT) : NULL;
    if (asprintf(&key, "%s %s", city, names ? names : "") < 0) return NULL;
    free(names);
    for (size_t i = 0; i < law_count; i++)
        if (strcmp(laws[i].key, key) == 0) {
            free(key);
            return &laws[i];
        }
    NEED(law_count < LAWS_MAX && count <= OVERLAYS_MAX);
    for (size_t i = 0; i < count; i++) {
        snprintf(overlay_paths[i], sizeof *overlay_paths, TC_SOURCE_DIR "/config/samples/%s.yaml",
                 json_string_value(json_array_get(overlays, i)));
        list[i] = overlay_paths[i];
    }
    snprintf(path, sizeof path, TC_SOURCE_DIR "/config/cities/%s.yaml", city);
    law_t *law = &laws[law_count++];
    err_t err = {0};
    law->key = key;
    law->usable = eval_open(&law->eval, path, list, TC_SOURCE_DIR "/config/calendar", &err) == E_OK;
    if (!law->usable) fprintf(stderr, "%s\n", err.text);
    return law;
}

// Does `actual` hold everything that `expected` says? Complains with the path of what differs.
static bool holds(const json_t *actual, const json_t *expected, const char *path) {
    char below[256];
    bool same = true;
    if (json_is_object(expected) && json_is_object(actual)) {
        const char *key;
        json_t *member;
        json_object_foreach((json_t *)expected, key, member) {
            snprintf(below, sizeof below, "%s.%s", path, key);
            same &= holds(json_object_get(actual, key), member, below);
        }
        return same;
    }
    if (json_is_array(expected) && json_is_array(actual) && json_array_size(expected) == json_array_size(actual)) {
        for (size_t i = 0; i < json_array_size(expected); i++) {
            snprintf(below, sizeof below, "%s[%zu]", path, i);
            same &= holds(json_array_get(actual, i), json_array_get(expected, i), below);
        }
        return same;
    }
    if (json_equal(actual, expected)) return true;
    char *a = actual ? json_dumps(actual, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
    char *e = json_dumps(expected, JSON_COMPACT | JSON_ENCODE_ANY);
    fprintf(stderr, "\n    %s is %s, expected %s", path + 1, a ? a : "(absent)", e);
    free(a);
    free(e);
    return false;
}

static bool has_steps(const json_t *answer, const json_t *rules) {
    bool all = true;
    for (size_t i = 0; i < json_array_size(rules); i++) {
        const char *rule = json_string_value(json_array_get(rules, i));
        size_t k;
        json_t *step;
        bool found = false;
        json_array_foreach(json_object_get(answer, "steps"), k, step) found |=
            rule && strcmp(json_string_value(json_object_get(step, "rule")), rule) == 0;
        if (!found) fprintf(stderr, "\n    no step under %s", rule ? rule : "(null)");
        all &= found;
    }
    return all;
}

static bool answers(const law_t *law, const rule_case_t *c) {
    const eval_kind_t *kind = eval_kind_named(json_string_value(json_object_get(c->root, "kind")));
    json_t *in = json_copy(json_object_get(c->root, "in"));
    if (!kind || !in) {
        json_decref(in);
        return false;
    }
    json_object_set_new(in, "id", json_string(c->name));
    char *line = json_dumps(in, JSON_COMPACT);
    bool refused;
    eval_t eval = law->eval;
    eval.advice = json_is_true(json_object_get(c->root, "advice"));
    char *text = eval_answer(&eval, kind, line, strlen(line), &refused);
    json_t *answer = text ? json_loads(text, 0, NULL) : NULL;
    bool same = answer && holds(answer, json_object_get(c->root, "out"), "") &&
                has_steps(answer, json_object_get(c->root, "steps_with"));
    if (!same) fprintf(stderr, "\n    %s:%d: answered %s\n", c->file, c->line, text ? text : "nothing");
    json_decref(answer);
    json_decref(in);
    free(text);
    free(line);
    return same;
}

static void run_next(void) {
    const rule_case_t *c = &cases[at++];
    char city[64];
    snprintf(city, sizeof city, "%.*s", (int)strcspn(c->file, "-"), c->file);
    law_t *law = law_load(city, json_object_get(c->root, "overlays"));
    NEED(law && law->usable);
    OK(answers(law, c));
}

static int read_case(const char *file, int line, const char *text) {
    static const char *const known[] = {"rule", "says", "kind", "overlays", "in", "out", "steps_with", "advice"};
    json_error_t why;
    json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, &why);
    const char *rule = json_string_value(json_object_get(root, "rule"));
    const char *says = json_string_value(json_object_get(root, "says")), *key = "";
    json_t *value;
    bool well = rule && says && json_object_get(root, "out") && json_object_get(root, "in");
    json_object_foreach(root, key, value) {
        bool found = false;
        for (size_t i = 0; i < sizeof known / sizeof *known; i++) found |= strcmp(known[i], key) == 0;
        well &= found;
    }
    if (!well || case_count == CASES_MAX) {
        fprintf(stderr, "%s:%d: not a rule test%s%s\n", file, line, root ? "" : ": ", root ? "" : why.text);
        json_decref(root);
        return -1;
    }
    rule_case_t *c = &cases[case_count++];
    *c = (rule_case_t){.root = root, .file = file, .line = line};
    snprintf(c->name, sizeof c->name, "%s %s", rule, says);
    return 0;
}

static int read_file(const char *name) {
    char path[512], *line = NULL;
    size_t room = 0;
    int number = 0, rc = 0;
    snprintf(path, sizeof path, FOLDER "/%s", name);
    FILE *in = fopen(path, "r");
    if (!in) return -1;
    while (getline(&line, &room, in) > 0 && !rc) {
        number++;
        if (line[strspn(line, " \t\r\n")]) rc = read_case(name, number, line);
    }
    free(line);
    fclose(in);
    return rc;
}

static int is_cases(const struct dirent *entry) {
    size_t n = strlen(entry->d_name);
    return n > 6 && strcmp(entry->d_name + n - 6, ".jsonl") == 0;
}

// rules_test [FILE…]: all files, or those named.
int main(int argc, char **argv) {
    struct dirent **files = NULL;
    int count = scandir(FOLDER, &files, is_cases, alphasort), rc = count < 0 ? 2 : 0;
    for (int i = 0; i < count && !rc; i++) {
        bool wanted = argc < 2;
        for (int a = 1; a < argc; a++) wanted |= strstr(argv[a], files[i]->d_name) != NULL;
        if (wanted && read_file(files[i]->d_name)) rc = 2;
    }
    static check_case_t tests[CASES_MAX];
    for (size_t i = 0; i < case_count; i++) tests[i] = (check_case_t){cases[i].name, run_next};
    if (!rc) rc = check_run("rules", tests, case_count);
    for (size_t i = 0; i < case_count; i++) json_decref(cases[i].root);
    for (size_t i = 0; i < law_count; i++) {
        if (laws[i].usable) eval_close(&laws[i].eval);
        free(laws[i].key);
    }
    for (int i = 0; i < count; i++) free(files[i]);
    free(files);
    return rc;
}
