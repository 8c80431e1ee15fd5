// Options as people type them: --name value, --name=value, --flag, and words in between.
#include "cli.h"
#include <stdlib.h>
#include <string.h>

static int wrong(const command_t *command, const char *what, const char *why) {
    fprintf(stderr, "tongchou %s: %s: %s; see `tongchou %s --help`\n", command->name, what, why, command->name);
    return 2;
}

static const option_spec_t *find_spec(const option_spec_t *specs, size_t count, const char *name, size_t length) {
    for (size_t i = 0; i < count; i++)
        if (strlen(specs[i].name) == length && memcmp(specs[i].name, name, length) == 0) return &specs[i];
    return NULL;
}

// Store one value; −1 when it does not fit.
static int take(const option_spec_t *spec, const char *value) {
    if (spec->text) *spec->text = value;
    if (spec->number) {
        char *end = NULL;
        long long number = strtoll(value, &end, 10);
        if (end == value || *end || number < 0) return -1;
        *spec->number = number;
    }
    if (spec->list) {
        for (size_t i = 0; i < spec->room; i++)
            if (!spec->list[i]) {
                spec->list[i] = value;
                return 0;
            }
        return -1;
    }
    return 0;
}

static int add_word(words_t *words, const char *word) {
    if (words->count == CLI_WORDS_MAX) return -1;
    words->word[words->count++] = word;
    return 0;
}

int options_parse(int argc, char **argv, const command_t *command, const option_spec_t *specs, size_t count,
                  words_t *words, words_t *fields) {
    for (int i = 1; i < argc; i++) {
        const char *arg = argv[i];
        if (strcmp(arg, "--help") == 0 || strcmp(arg, "-h") == 0) {
            printf("tongchou %s: %s\n\n%s", command->name, command->summary, command->help);
            return 0;
        }
        if (strncmp(arg, "--", 2) != 0 || arg[2] == 0) {
            if (!words || add_word(words, arg)) return wrong(command, arg, "one word too many");
            continue;
        }
        const char *name = arg + 2, *equals = strchr(name, '=');
        size_t length = equals ? (size_t)(equals - name) : strlen(name);
        const option_spec_t *spec = find_spec(specs, count, name, length);
        if (spec && spec->flag) {
            if (equals) return wrong(command, arg, "takes no value");
            *spec->flag = true;
            continue;
        }
        if (!spec && !fields) return wrong(command, arg, "there is no such option");
        const char *value = equals ? equals + 1 : i + 1 < argc ? argv[++i] : NULL;
        if (!value) return wrong(command, arg, "needs a value");
        if (spec && take(spec, value))
            return wrong(command, arg, "a whole number was expected, or it was given too often");
        if (spec) continue;
        if (equals) argv[i][equals - arg] = 0; // the field's name ends there
        if (add_word(fields, name) || add_word(fields, value)) return wrong(command, arg, "too many fields");
    }
    return -1;
}
