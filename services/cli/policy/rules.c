// docs/rules.md: every rule of the catalogues in docs/rules/*.csv with the value that carries it, the core that
// computes it and the tests that pin it. A computable rule (C) without a test is a fault.
#include "tools.h"
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIELDS_MAX = 8, TESTS_SHOWN = 3, KEYS_SHOWN = 2 };

typedef struct catalogue {
    const policy_t *policy;
    const law_values_t *values;
    const test_index_t *tests;
    size_t computable, untested, workflow, organisational, done;
    bool strict;
} catalogue_t;

// One line of CSV in place: commas inside quotes stay, doubled quotes are one.
static size_t split(char *line, char *fields[FIELDS_MAX]) {
    size_t count = 0;
    char *from = line;
    line[strcspn(line, "\r\n")] = 0;
    while (count < FIELDS_MAX) {
        char *to = fields[count++] = from;
        bool quoted = *from == '"';
        if (quoted) from++;
        while (*from && (quoted || *from != ',')) {
            if (quoted && *from == '"') {
                if (from[1] != '"') {
                    quoted = false;
                    from++;
                    continue;
                }
                from++;
            }
            *to++ = *from++;
        }
        const bool more = *from == ',';
        *to = 0;
        if (!more) break;
        from++;
    }
    return count;
}

// Returns how many values carry the rule.
static size_t print_keys(const catalogue_t *c, const char *rule, const char **core) {
    size_t found = 0;
    for (size_t i = 0; i < law_values_count(c->values); i++) {
        const law_value_t *v = law_value_at(c->values, i);
        if (strcmp(v->rule, rule) != 0) continue;
        if (!**core) *core = section_core(v->section);
        if (found < KEYS_SHOWN) {
            fputs(found ? "<br>`" : "`", stdout);
            print_cell(v->path);
            putchar('`');
        }
        found++;
    }
    if (found > KEYS_SHOWN) printf("<br>and %zu more", found - KEYS_SHOWN);
    return found;
}

static void print_tests(const catalogue_t *c, const char *rule, size_t *count) {
    const char *files[TESTS_SHOWN];
    *count = test_index_find(c->tests, rule, files, TESTS_SHOWN);
    for (size_t i = 0; i < *count && i < TESTS_SHOWN; i++) printf("%s%s", i ? "<br>" : "", files[i]);
    if (*count > TESTS_SHOWN) printf("<br>and %zu more", *count - TESTS_SHOWN);
    if (!*count) fputs("**none**", stdout);
}

static void print_computable(catalogue_t *c, char *const fields[FIELDS_MAX]) {
    const char *core = "";
    size_t tests;
    c->computable++;
    if (!print_keys(c, fields[0], &core)) fputs("order of computation", stdout);
    printf(" | %s | ", *core ? core : fields[4]);
    print_tests(c, fields[0], &tests);
    puts(" |");
    if (tests) return;
    c->untested++;
    if (c->strict) fprintf(stderr, "tongchou policy rules: %s is computable and no test names it\n", fields[0]);
}

static void print_rule(catalogue_t *c, char *const fields[FIELDS_MAX]) {
    printf("| %s | %s | %s | %s | ", fields[0], fields[1], fields[2], fields[3]);
    if (*fields[1] == 'C') {
        print_computable(c, fields);
        return;
    }
    const bool workflow = *fields[1] == 'W';
    const char *core = "", *file;
    *(workflow ? &c->workflow : &c->organisational) += 1;
    c->done += workflow && strcmp(fields[5], "done") == 0;
    print_keys(c, fields[0], &core);
    printf(" | %s%s%s | ", fields[4], *fields[4] ? ": " : "", fields[5]);
    printf("%s |\n", test_index_find(c->tests, fields[0], &file, 1) ? file : "");
}

static int print_catalogue(catalogue_t *c, FILE *in, const char *city) {
    char *line = NULL, *fields[FIELDS_MAX];
    size_t room = 0;
    int rc = 0;
    printf("\n## %s\n\n| ID | Mark | Article | Rule | Value | Computed by | Tests |\n|---|---|---|---|---|---|---|\n",
           city);
    for (bool head = true; getline(&line, &room, in) > 0 && !rc; head = false) {
        if (head) continue;
        if (split(line, fields) != 6) {
            fprintf(stderr, "tongchou policy rules: %s.csv: six fields expected: %.80s\n", city, line);
            rc = 2;
        } else {
            print_rule(c, fields);
        }
    }
    free(line);
    return rc;
}

static int print_city(catalogue_t *c, const policy_args_t *args, const char *name) {
    char path[2 * PATH_MAX], city[64];
    policy_t *policy = NULL;
    law_values_t *values = NULL;
    err_t err = {0};
    snprintf(city, sizeof city, "%.*s", (int)strcspn(name, "."), name);
    snprintf(path, sizeof path, "%s/cities/%s.yaml", args->paths.config, city);
    int rc = policy_load(&policy, path, NULL, &err);
    if (!rc) rc = law_values_load(&values, path, NULL, &err);
    if (rc) fprintf(stderr, "tongchou policy rules: %s\n", err.text);
    snprintf(path, sizeof path, "%s/../docs/rules/%s", args->paths.config, name);
    FILE *in = rc ? NULL : fopen(path, "r");
    c->policy = policy;
    c->values = values;
    rc = in ? print_catalogue(c, in, city) : 2;
    if (in) fclose(in);
    law_values_destroy(&values);
    policy_destroy(&policy);
    return rc;
}

static int is_csv(const struct dirent *entry) {
    size_t n = strlen(entry->d_name);
    return n > 4 && strcmp(entry->d_name + n - 4, ".csv") == 0;
}

static const char intro[] =
    "# The rules of the five cities\n\n"
    "Generated by `tongchou policy rules`; do not edit. Mark C: computable — the value that carries the rule, the "
    "core\n"
    "that computes it, the tests that name it. W: a record or a workflow of a service, done or to come; a value that\n"
    "stands in the city file already is shown. O: organisational, no software. \"Order of computation\" means that "
    "the\n"
    "rule is not a number but how the core goes about it; its test pins it.\n";

int policy_rules(const policy_args_t *args) {
    char root[PATH_MAX + 8], folder[PATH_MAX + 32];
    struct dirent **files = NULL;
    test_index_t *index = NULL;
    err_t err = {0};
    snprintf(root, sizeof root, "%s/..", args->paths.config);
    snprintf(folder, sizeof folder, "%s/docs/rules", root);
    int count = scandir(folder, &files, is_csv, alphasort), rc = 0;
    if (count < 0 || test_index_load(&index, root, &err)) {
        fprintf(stderr, "tongchou policy rules: needs a source tree with docs/rules and tests beside %s\n",
                args->paths.config);
        rc = 2;
    }
    catalogue_t c = {.tests = index, .strict = args->strict};
    if (!rc) fputs(intro, stdout);
    for (int i = 0; i < count; i++) {
        if (!rc) rc = print_city(&c, args, files[i]->d_name);
        free(files[i]);
    }
    free(files);
    test_index_destroy(&index);
    if (rc) return rc;
    printf("\n%zu computable (%zu without a test), %zu workflow (%zu done), %zu organisational.\n", c.computable,
           c.untested, c.workflow, c.done, c.organisational);
    return args->strict && c.untested ? 1 : 0;
}
