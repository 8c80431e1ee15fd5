// Which tests are named by a rule: of every test file only the names of its tests are kept (`"rule":"…"` of a line of
// cases, TEST(…) of a C test, `def test…` of a Python one), so a mention in a comment pins nothing. An ID is found as a
// whole word, with '-' or '_' between its parts.
#include "common/base/check.h"
#include "tools.h"
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { FILES_MAX = 512, FILE_MAX_BYTES = 8 * 1024 * 1024, DEPTH_MAX = 6 };

typedef struct test_file {
    char *name; // below the root
    char *text; // names of its tests, a line each, '_' made '-'
} test_file_t;

struct test_index {
    test_file_t files[FILES_MAX];
    size_t count;
};

static const struct {
    const char *end, *name; // of a file, and what stands before the name of a test
} kinds[] = {{"_test.c", "TEST("}, {".jsonl", "\"rule\":"}, {".py", "def test"}};

// What stands before the names of tests in this file; NULL when it is no test file.
static const char *mark_of(const char *file) {
    size_t n = strlen(file);
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        size_t e = strlen(kinds[i].end);
        if (n > e && strcmp(file + n - e, kinds[i].end) == 0) return kinds[i].name;
    }
    return NULL;
}

// Keep, in place, the piece of each line from its mark to the next comma, or to its end.
static void keep_names(char *text, const char *mark) {
    char *to = text;
    for (char *line = text, *next; line && *line; line = next) {
        next = strchr(line, '\n');
        if (next) *next++ = 0;
        const char *name = strstr(line, mark);
        size_t length = name ? strcspn(name, *mark == '"' ? "," : "\n") : 0;
        if (!name) continue;
        memmove(to, name, length);
        to += length;
        *to++ = '\n';
    }
    *to = 0;
    for (char *c = text; (c = strchr(c, '_')); c++) *c = '-';
}

static char *read_text(const char *path) {
    FILE *in = fopen(path, "r");
    if (!in) return NULL;
    char *text = NULL;
    if (fseek(in, 0, SEEK_END) == 0) {
        long bytes = ftell(in);
        if (bytes >= 0 && bytes <= FILE_MAX_BYTES && fseek(in, 0, SEEK_SET) == 0 && (text = malloc((size_t)bytes + 2)))
            text[fread(text, 1, (size_t)bytes, in)] = 0;
    }
    fclose(in);
    return text;
}

static int add_file(test_index_t *index, const char *root, const char *name, err_t *err) {
    char path[2 * PATH_MAX];
    if (index->count == FILES_MAX) return err_set(err, E_IO, "more than %d test files", FILES_MAX);
    snprintf(path, sizeof path, "%s/%s", root, name);
    test_file_t *file = &index->files[index->count];
    file->text = read_text(path);
    file->name = file->text ? strdup(name) : NULL;
    if (file->name) keep_names(file->text, mark_of(name));
    if (!file->name) {
        free(file->text);
        return err_set(err, E_IO, "%s cannot be read", path);
    }
    index->count++;
    return E_OK;
}

static int by_name(const struct dirent **a, const struct dirent **b) { return strcmp((*a)->d_name, (*b)->d_name); }

static int add_folder(test_index_t *index, const char *root, const char *folder, int depth, err_t *err) {
    char path[2 * PATH_MAX];
    struct dirent **entries = NULL;
    snprintf(path, sizeof path, "%s/%s", root, folder);
    int count = scandir(path, &entries, NULL, by_name), rc = E_OK;
    if (count < 0) return err_set(err, E_IO, "%s cannot be read", path);
    for (int i = 0; i < count; i++) {
        char name[PATH_MAX], full[2 * PATH_MAX];
        struct stat st;
        bool fits = entries[i]->d_name[0] != '.' &&
                    snprintf(name, sizeof name, "%s/%s", folder, entries[i]->d_name) < (int)sizeof name &&
                    snprintf(full, sizeof full, "%s/%s", root, name) < (int)sizeof full && stat(full, &st) == 0;
        if (fits && !rc && S_ISDIR(st.st_mode) && depth < DEPTH_MAX) rc = add_folder(index, root, name, depth + 1, err);
        if (fits && !rc && S_ISREG(st.st_mode) && mark_of(name)) rc = add_file(index, root, name, err);
        free(entries[i]);
    }
    free(entries);
    return rc;
}

int test_index_load(test_index_t **out, const char *root, err_t *err) {
    test_index_t *index = calloc(1, sizeof *index);
    *out = NULL;
    if (!index) return err_set(err, E_IO, "no memory");
    int rc = add_folder(index, root, "tests", 0, err);
    if (rc)
        test_index_destroy(&index);
    else
        *out = index;
    return rc;
}

void test_index_destroy(test_index_t **index) {
    if (!*index) return;
    for (size_t i = 0; i < (*index)->count; i++) {
        free((*index)->files[i].name);
        free((*index)->files[i].text);
    }
    free(*index);
    *index = NULL;
}

static bool names_rule(const char *text, const char *rule) {
    const size_t length = strlen(rule);
    for (const char *at = text; (at = strstr(at, rule)); at += length)
        if (!strchr("0123456789", at[length]) || !at[length]) return true;
    return false;
}

size_t test_index_find(const test_index_t *index, const char *rule, const char **files, size_t room) {
    size_t found = 0;
    for (size_t i = 0; i < index->count; i++) {
        if (!names_rule(index->files[i].text, rule)) continue;
        if (found < room) files[found] = index->files[i].name;
        found++;
    }
    return found;
}
