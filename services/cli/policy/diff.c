// Two versions of a law as a table of changed values. A value keeps its path when rows are added around it, so what is
// told as changed has changed.
#include "tools.h"
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct tally {
    size_t changed, added, removed;
    json_t *rows; // NULL: print
} tally_t;

static void print_row(const law_value_t *v, const char *old, const char *now, const char *article) {
    fputs("| `", stdout);
    print_cell(v->path);
    fputs("` | ", stdout);
    print_cell(old);
    fputs(" | ", stdout);
    print_cell(now);
    printf(" | %s%s%s |\n", v->rule, *article ? ", " : "", article);
}

static void tell(tally_t *t, const policy_t *policy, const law_value_t *before, const law_value_t *after) {
    const law_value_t *v = after ? after : before;
    const char *old = before ? before->text : "—", *now = after ? after->text : "—";
    const char *article = policy_rule_source(policy, v->rule);
    *(before ? after ? &t->changed : &t->removed : &t->added) += 1;
    if (t->rows)
        json_array_append_new(t->rows,
                              json_pack("{s:s, s:s?, s:s?, s:s, s:s}", "path", v->path, "before", before ? old : NULL,
                                        "after", after ? now : NULL, "rule", v->rule, "source", article));
    else
        print_row(v, old, now, article);
}

static void compare(tally_t *t, const policy_t *policy, const law_values_t *old, const law_values_t *now) {
    for (size_t i = 0; i < law_values_count(now); i++) {
        const law_value_t *after = law_value_at(now, i), *before = law_value_find(old, after->path);
        if (!before || strcmp(before->text, after->text) != 0) tell(t, policy, before, after);
    }
    for (size_t i = 0; i < law_values_count(old); i++) {
        const law_value_t *before = law_value_at(old, i);
        if (!law_value_find(now, before->path)) tell(t, policy, before, NULL);
    }
}

static int finish(tally_t *t, bool json) {
    if (json) {
        char *text = json_dumps(t->rows, JSON_COMPACT);
        int rc = text && puts(text) != EOF ? 0 : 2;
        free(text);
        if (rc) return rc;
    } else {
        printf("\n%zu changed, %zu added, %zu removed\n", t->changed, t->added, t->removed);
    }
    return t->changed + t->added + t->removed ? 1 : 0;
}

// CITY --overlay …: the city against itself with the overlays. CITY OTHER [--overlay …]: two files, overlays on the
// second.
int policy_diff(const policy_args_t *args) {
    law_values_t *old = NULL, *now = NULL;
    policy_t *policy = NULL;
    city_paths_t second;
    err_t err = {0};
    const char *file = args->paths.city;
    int rc = E_OK;
    if (args->other) {
        rc = city_paths(&second, args->paths.config, args->other, &err);
        file = second.city;
    }
    if (!rc) rc = policy_load(&policy, file, args->overlays, &err);
    if (!rc) rc = law_values_load(&old, args->paths.city, NULL, &err);
    if (!rc) rc = law_values_load(&now, file, args->overlays, &err);
    if (rc) {
        fprintf(stderr, "tongchou policy: %s\n", err.text);
        rc = 2;
    } else {
        tally_t t = {.rows = args->json ? json_array() : NULL};
        if (!args->json) puts("| Value | Before | After | Rule |\n|---|---|---|---|");
        compare(&t, policy, old, now);
        rc = finish(&t, args->json);
        json_decref(t.rows);
    }
    law_values_destroy(&old);
    law_values_destroy(&now);
    policy_destroy(&policy);
    return rc;
}
