// `tongchou eval`: cases as JSON lines from standard input, answers to standard output, in order. Memory does not grow
// with the input.
#include "city.h"
#include "cli.h"
#include "eval/eval.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { OVERLAYS_MAX = 15, LINE_MAX_BYTES = 16 * 1024 * 1024, BUFFER_BYTES = 65536 };

typedef struct ask {
    const char *city, *config;
    const char *overlays[OVERLAYS_MAX + 1];
    bool advice, fields;
} ask_t;

// ---- cases

typedef struct lines { // of a descriptor, through a buffer of our own: before it waits, what was answered is sent
    int in;
    FILE *out;
    char *text; // the line
    size_t room;
    char buffer[BUFFER_BYTES];
    size_t at, filled;
    bool ended;
} lines_t;

// The next byte; −1 at the end, −3 on an error. A program on the other end may wait for answers before it asks again.
static int next_byte(lines_t *l) {
    if (l->at < l->filled) return (unsigned char)l->buffer[l->at++];
    if (l->ended) return -1;
    if (fflush(l->out)) return -3;
    ssize_t n;
    do n = read(l->in, l->buffer, sizeof l->buffer);
    while (n < 0 && errno == EINTR);
    if (n < 0) return -3;
    l->ended = n == 0;
    l->filled = (size_t)n;
    l->at = 0;
    return n == 0 ? -1 : (unsigned char)l->buffer[l->at++];
}

static bool make_room(lines_t *l, size_t n) {
    if (n + 1 < l->room) return true;
    const size_t room = l->room ? 2 * l->room : 4096;
    char *text = room <= LINE_MAX_BYTES ? realloc(l->text, room) : NULL;
    if (!text) return false;
    l->text = text;
    l->room = room;
    return true;
}

// One line without its newline; −1 at the end, −2 when it was too long (and was skipped), −3 on an error.
static ssize_t next_line(lines_t *l) {
    size_t n = 0;
    int byte;
    bool too_long = false;
    while ((byte = next_byte(l)) >= 0 && byte != '\n') {
        too_long = too_long || !make_room(l, n);
        if (!too_long) l->text[n++] = (char)byte;
    }
    if (byte == -3) return -3;
    if (too_long) return -2;
    if (byte == -1 && n == 0) return -1;
    if (l->text) l->text[n] = 0;
    return (ssize_t)n;
}

static bool blank(const char *text, size_t bytes) { return strspn(text, " \t\r") >= bytes; }

static int failed(const char *doing) {
    fprintf(stderr, "tongchou eval: %s: %s\n", doing, strerror(errno));
    return 2;
}

// One line of cases: 0 or 1 when it was refused; 2 when the answer cannot be written.
static int answer_line(const eval_t *eval, const eval_kind_t *kind, const lines_t *l, ssize_t n) {
    static const char too_long[] = "{\"id\":null,\"error\":{\"code\":\"INVALID_JSON\",\"field\":null,\"message\":"
                                   "\"a line of more than 16 MiB\"}}";
    bool refused = true;
    char *answer = n == -2 ? strdup(too_long) : eval_answer(eval, kind, l->text, (size_t)n, &refused);
    const bool written = answer && fputs(answer, l->out) != EOF && putc('\n', l->out) != EOF;
    free(answer);
    return written ? refused : failed("writing the answers");
}

static int answer_all(const eval_t *eval, const eval_kind_t *kind, lines_t *l) {
    int status = 0, one;
    ssize_t n;
    while ((n = next_line(l)) != -1) {
        if (n == -3) return failed("reading the cases or writing the answers");
        if (n == 0 || (n > 0 && blank(l->text, (size_t)n))) continue;
        if ((one = answer_line(eval, kind, l, n)) == 2) return 2;
        status |= one;
    }
    return fflush(l->out) ? failed("writing the answers") : status;
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
    lines_t *l = calloc(1, sizeof *l);
    if (!l) {
        eval_close(&eval);
        return failed("no memory");
    }
    l->in = STDIN_FILENO;
    l->out = stdout;
    rc = answer_all(&eval, kind, l);
    free(l->text);
    free(l);
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
