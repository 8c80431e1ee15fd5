// What the tools of `tongchou policy` share. Each prints to standard output and returns an exit status: 0 done or
// sound, 1 something to look at, 2 wrong usage or an unusable file (told on standard error).
#pragma once
#include "../city.h"
#include "values.h"

enum { POLICY_OVERLAYS_MAX = 15 };

typedef struct policy_args {
    city_paths_t paths;                            // of the first city named
    const char *overlays[POLICY_OVERLAYS_MAX + 1]; // NULL-terminated
    const char *other;                             // second city of a diff, or the rule of a citation; NULL
    date_t on;                                     // DATE_NONE: today's or every date
    fen_t bound_fen;                               // of the check for cliffs
    bool json, strict;
    const char *data, *as, *amends_from, *reason; // of release and releases; the last two may be NULL
    bool dry, detach;
} policy_args_t;

int policy_check(const policy_args_t *args);   // the file, then its money functions
int policy_show(const policy_args_t *args);    // who, options, parameters with their values and what is missing
int policy_diff(const policy_args_t *args);    // changed values with their articles
int policy_cite(const policy_args_t *args);    // a rule: article, values, tests, code
int policy_tables(const policy_args_t *args);  // the public notice, Markdown
int policy_rules(const policy_args_t *args);   // docs/rules.md
int policy_release(const policy_args_t *args); // in force in a running suite
int policy_releases(const policy_args_t *args);

// Which core computes a section: "services/adjudication/benefit.c"; "" for names and values.
const char *section_core(const char *section);

// A text in a cell of a Markdown table: bars are escaped.
void print_cell(const char *text);

// Where an ID is pinned: names of test files, NULL-terminated, owned by the index.
typedef struct test_index test_index_t;
int test_index_load(test_index_t **out, const char *root, err_t *err) MUST_USE; // E_IO; every test file below `root`
void test_index_destroy(test_index_t **index);
// The files that name this rule, at most `room`; returns how many there are.
size_t test_index_find(const test_index_t *index, const char *rule, const char **files, size_t room);
