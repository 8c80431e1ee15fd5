// One rule: what the law says, the values that carry it, the tests that pin it, the code that computes it.
#include "tools.h"
#include <dirent.h>
#include <stdio.h>
#include <string.h>

enum { TESTS_SHOWN = 12 };

static void print_value(const law_value_t *v) {
    printf("  %s = %s%s%s\n    %s:%d, computed by %s\n", v->path, v->text, *v->when ? "   when " : "", v->when, v->file,
           v->line, section_core(v->section));
}

static void print_values(const law_values_t *values, const char *rule) {
    size_t found = 0;
    puts("values:");
    for (size_t i = 0; i < law_values_count(values); i++) {
        const law_value_t *v = law_value_at(values, i);
        const bool named = strcmp(v->rule, rule) == 0;
        if (named) print_value(v);
        found += named;
    }
    if (!found) puts("  none of its own");
}

// The tests live beside the configuration in a source tree; an installed suite has none.
static void print_tests(const char *config, const char *rule) {
    char root[PATH_MAX];
    const char *files[TESTS_SHOWN];
    test_index_t *index = NULL;
    err_t err = {0};
    puts("tests:");
    if (snprintf(root, sizeof root, "%s/..", config) >= (int)sizeof root || test_index_load(&index, root, &err)) {
        puts("  not shipped with this installation");
        return;
    }
    size_t count = test_index_find(index, rule, files, TESTS_SHOWN);
    for (size_t i = 0; i < count && i < TESTS_SHOWN; i++) printf("  %s\n", files[i]);
    if (!count) puts("  none");
    test_index_destroy(&index);
}

// 1 when this city has no such rule.
static int cite_in(const policy_args_t *args, const char *file) {
    policy_t *policy = NULL;
    law_values_t *values = NULL;
    err_t err = {0};
    int rc = policy_load(&policy, file, args->overlays, &err);
    if (rc) {
        fprintf(stderr, "tongchou policy: %s\n", err.text);
        return 2;
    }
    rc = *policy_rule_source(policy, args->other) ? 0 : 1;
    if (!rc && law_values_load(&values, file, args->overlays, &err)) {
        fprintf(stderr, "tongchou policy: %s\n", err.text);
        rc = 2;
    }
    if (!rc) {
        printf("%s  %s  %s\n  %s\n  %s\n", args->other, policy_city(policy), policy_rule_source(policy, args->other),
               policy_rule_text(policy, args->other), policy_rule_text_zh(policy, args->other));
        print_values(values, args->other);
        print_tests(args->paths.config, args->other);
    }
    law_values_destroy(&values);
    policy_destroy(&policy);
    return rc;
}

static int is_city(const struct dirent *entry) {
    size_t n = strlen(entry->d_name);
    return n > 5 && strcmp(entry->d_name + n - 5, ".yaml") == 0;
}

int policy_cite(const policy_args_t *args) {
    char folder[PATH_MAX + 16], file[2 * PATH_MAX];
    struct dirent **files = NULL;
    if (args->paths.city[0]) {
        int rc = cite_in(args, args->paths.city);
        if (rc == 1) fprintf(stderr, "tongchou policy: %s has no rule %s\n", args->paths.city, args->other);
        return rc;
    }
    snprintf(folder, sizeof folder, "%s/cities", args->paths.config);
    int count = scandir(folder, &files, is_city, alphasort), rc = 1;
    for (int i = 0; i < count; i++) {
        snprintf(file, sizeof file, "%s/%s", folder, files[i]->d_name);
        if (rc == 1) rc = cite_in(args, file);
        free(files[i]);
    }
    free(files);
    if (rc == 1) fprintf(stderr, "tongchou policy: no city of %s has a rule %s\n", folder, args->other);
    return rc;
}
