// `tongchou eval`: cases as JSON lines from standard input, answers to standard output, in order. Memory does not grow
// with the input.
#include "city.h"
#include "cli.h"
#include "eval/eval.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { OVERLAYS_MAX = 15, LINE_MAX_BYTES = 16 * 1024 * 1024 };

typedef struct ask {
    const char *city, *config;
    const char *overlays[OVERLAYS_MAX + 1];
    bool advice, fields;
} ask_t;

// ---- cases

typedef struct lines {
    char *text;
    size_t room;
} lines_t;

// One line without its newline; −1 at the end, −2 when it was too long (and was skipped), −3 on a read error.
static ssize_t next_line(lines_t *l, FILE *in) {
    size_t n = 0;
    int byte;
    bool too_long = false;
    while ((byte = getc_unlocked(in)) != EOF && byte != '\n') {
        if (n + 1 >= l->room && !too_long) {
            size_t room = l->room ? 2 * l->room : 4096;
            char *text = room <= LINE_MAX_BYTES ? realloc(l->text, room) : NULL;
            too_long = !text;
            if (text) {
                l->text = text;
                l->room = room;
            }
        }
        if (!too_long) l->text[n++] = (char)byte;
    }
    if (byte == EOF && ferror(in)) return -3;
    if (too_long) return -2;
    if (byte == EOF && n == 0) return -1;
    if (l->text) l->text[n] = 0;
    return (ssize_t)n;
}

static bool blank(const char *text, size_t bytes) { return strspn(text, " \t\r") >= bytes; }

static int answer_all(const eval_t *eval, const eval_kind_t *kind, FILE *in, FILE *out) {
    lines_t l = {0};
    bool any_refused = false;
    ssize_t n;
    while ((n = next_line(&l, in)) != -1) {
        if (n == -3) {
            fprintf(stderr, "tongchou eval: reading the cases: %s\n", strerror(errno));
            free(l.text);
            return 2;
        }
        if (n == 0 || (n > 0 && blank(l.text, (size_t)n))) continue;
        bool refused = true;
        char *answer = n == -2 ? strdup("{\"id\":null,\"error\":{\"code\":\"INVALID_JSON\",\"field\":null,\"message\":"
                                        "\"a line of more than 16 MiB\"}}")
                               : eval_answer(eval, kind, l.text, (size_t)n, &refused);
        any_refused |= refused;
        if (!answer || fputs(answer, out) == EOF || putc('\n', out) == EOF) {
            fprintf(stderr, "tongchou eval: writing the answers: %s\n", strerror(errno));
            free(answer);
            free(l.text);
            return 2;
        }
        free(answer);
    }
    free(l.text);
    return fflush(out) ? 2 : any_refused ? 1 : 0;
}

static int ask_city(const ask_t *ask, const eval_kind_t *kind) {
    city_paths_t paths;
    eval_t eval;
    err_t err = {0};
    int rc = city_paths(&paths, ask->config, ask->city, &err);
    if (!rc) rc = eval_open(&eval, paths.city, ask->overlays, paths.calendars, &err);
    if (rc) {
        fprintf(stderr, "tongchou eval: %s\n", err.text);
        return 2;
    }
    eval.advice = ask->advice;
    rc = answer_all(&eval, kind, stdin, stdout);
    eval_close(&eval);
    return rc;
}

static int print_fields(const eval_kind_t *kind) {
    char *text = eval_fields(kind);
    int rc = text && fputs(text, stdout) != EOF && !fflush(stdout) ? 0 : 2;
    free(text);
    return rc;
}

static int run(int argc, char **argv, const command_t *self) {
    ask_t ask = {0};
    words_t words = {0};
    const option_spec_t specs[] = {
        {.name = "city", .text = &ask.city},
        {.name = "config", .text = &ask.config},
        {.name = "overlay", .list = ask.overlays, .room = OVERLAYS_MAX},
        {.name = "advice", .flag = &ask.advice},
        {.name = "fields", .flag = &ask.fields},
    };
    int rc = options_parse(argc, argv, self, specs, COUNT_OF(specs), &words, NULL);
    if (rc >= 0) return rc;
    const eval_kind_t *kind = words.count ? eval_kind_named(words.word[0]) : NULL;
    if (words.count > 1 || (words.count && !kind) || (!kind && !ask.fields)) {
        fprintf(stderr, "tongchou eval: expected one of %s; see `tongchou eval --help`\n", eval_kind_names());
        return 2;
    }
    if (ask.fields) return print_fields(kind);
    if (!ask.city) {
        fputs("tongchou eval: --city is missing; see `tongchou eval --help`\n", stderr);
        return 2;
    }
    return ask_city(&ask, kind);
}

const command_t command_eval = {
    "eval", "answer cases by a city's rules: JSON lines in, JSON lines out",
    "usage: tongchou eval KIND --city CITY [--overlay FILE]... < cases.jsonl > answers.jsonl\n\n"
    "KIND is one of benefit, contribution, coverage, account, retirement, calendar, deficit, interest, surplus,\n"
    "funding, gap, routing, points, enrollment, statement, movement. Nothing is stored and nobody is asked.\n\n"
    "  --city CITY      a file of config/cities/ by its name, or the path of a city file\n"
    "  --overlay FILE   lay a policy file over it; may be given several times, the later wins\n"
    "  --config DIR     where cities/ and calendar/ are (default: $TONGCHOU_CONFIG, ./config)\n"
    "  --advice         also tell what would have left the person with less to pay (benefit)\n"
    "  --fields         print the fields of the kind, or of all kinds\n\n"
    "Exit: 0 all answered, 1 some lines were errors, 2 wrong usage or an unusable policy. Shapes: docs/eval.md.\n\n"
    "examples:\n"
    "  echo '{\"id\":\"k1\",\"year\":2020}' | tongchou eval calendar --city CITY\n"
    "  tongchou eval benefit --city CITY --overlay config/samples/CITY-illustrative.yaml < bills.jsonl\n",
    run};
