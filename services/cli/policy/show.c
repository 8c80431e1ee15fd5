// Who the city is, what it has chosen, and which values it has published.
#include "tools.h"
#include "common/base/date.h"
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_section(const law_value_t *v, const char *section) { return strcmp(v->section, section) == 0; }

static void print_head(const policy_t *policy) {
    const char *status;
    printf("%s, status %s, %.12s…\n", policy_city(policy), policy_status(policy), policy_hash(policy));
    for (size_t i = 0; i < policy_overlay_count(policy); i++) {
        const char *name = policy_overlay(policy, i, &status);
        printf("  overlay %s, status %s\n", name, status);
    }
    printf("layers:");
    for (int i = 0; i < policy_layer_count(policy); i++)
        printf(" %s (%s)", policy_layer_name(policy, i), policy_layer_fund(policy, i));
    putchar('\n');
}

static void print_values(const law_values_t *values, const char *section, const char *title) {
    bool any = false;
    for (size_t i = 0; i < law_values_count(values); i++) {
        const law_value_t *v = law_value_at(values, i);
        if (!is_section(v, section)) continue;
        if (!any) printf("%s:\n", title);
        any = true;
        printf("  %-58s %-14s %s\n", v->path + strlen(section) + 1, v->text, v->rule);
    }
}

static void print_sections(const law_values_t *values) {
    const char *last = "";
    size_t count = 0;
    fputs("sections:", stdout);
    for (size_t i = 0; i <= law_values_count(values); i++) {
        const char *now = i < law_values_count(values) ? law_value_at(values, i)->section : "";
        if (strcmp(now, last) != 0 && count) printf(" %s (%zu values)", last, count);
        if (strcmp(now, last) != 0) count = 0;
        last = now;
        count++;
    }
    putchar('\n');
}

static int print_json(const policy_t *policy, const law_values_t *values) {
    json_t *root = json_object(), *list = json_array();
    json_object_set_new(root, "city", json_string(policy_city(policy)));
    json_object_set_new(root, "status", json_string(policy_status(policy)));
    json_object_set_new(root, "hash", json_string(policy_hash(policy)));
    json_object_set_new(root, "values", list);
    for (size_t i = 0; i < law_values_count(values); i++) {
        const law_value_t *v = law_value_at(values, i);
        json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s, s:s, s:i}", "path", v->path, "value", v->text,
                                              "rule", v->rule, "when", v->when, "file", v->file, "line", v->line));
    }
    char *text = json_dumps(root, JSON_COMPACT);
    json_decref(root);
    int rc = text && puts(text) != EOF ? 0 : 2;
    free(text);
    return rc;
}

int policy_show(const policy_args_t *args) {
    policy_t *policy = NULL;
    law_values_t *values = NULL;
    err_t err = {0};
    int rc = policy_load(&policy, args->paths.city, args->overlays, &err);
    if (!rc) rc = law_values_load(&values, args->paths.city, args->overlays, &err);
    if (rc) {
        fprintf(stderr, "tongchou policy: %s\n", err.text);
        rc = 2;
    } else if (args->json) {
        rc = print_json(policy, values);
    } else {
        print_head(policy);
        print_values(values, "options", "options");
        print_values(values, "parameters", "parameters (missing: not published; asking for it is PARAMETER_MISSING)");
        print_sections(values);
    }
    law_values_destroy(&values);
    policy_destroy(&policy);
    return rc;
}
