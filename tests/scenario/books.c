#include "books.h"
#include "common/store/store.h"
#include "common/wire/message.h"
#include "settlement.pb-c.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void books_of(books_t *books, const char *dir, const char *url) {
    *books = (books_t){0};
    if (url) {
        snprintf(books->url, sizeof books->url, "%s", url);
        return;
    }
    snprintf(books->dir, sizeof books->dir, "%s/store", dir);
    snprintf(books->url, sizeof books->url, "sqlite:%s", books->dir);
}

// ---- told

static const char *const questions[] = {
    "SELECT 'journal', partition, reference, kind, source_service, value_date, body FROM journal",
    "SELECT 'posting', p.account, p.fund, p.year, p.identity, p.division, p.party, p.amount_fen, j.reference"
    " FROM posting p JOIN journal j ON j.partition = p.partition AND j.number = p.number",
    "SELECT 'balance', account, fund, year, identity, division, amount_fen, postings FROM balance",
    "SELECT 'task', flow, period, step, county, first_on, due_on, latest_on, missing, state, amount_fen, turns,"
    " done_on, doer, paper, remark FROM fund_task",
    "SELECT 'line', flow, period, step, county, turn, fund, line_county, line, year, amount_fen, done_on FROM"
    " fund_line",
    "SELECT 'due', facility, month, bill, layer, fund, county, year, amount_fen FROM dues_line",
    "SELECT 'facility', facility, drawn, pending FROM dues_facility",
    "SELECT 'statement', facility, month, state, pay_fen, year_fen, reason, by_name, payment_order FROM"
    " dues_statement",
    "SELECT 'item', facility, month, item, kind, reference, layer, fund, county, year, amount_fen FROM dues_item",
    "SELECT 'order', number, state, amount_fen, account, drafted_by, approved_by, sent_on, paid_on, bank_reference"
    " FROM payment_order",
    "SELECT 'seal', number, day, entries, debit_fen FROM seal",
    "SELECT 'clearing', number, period, fund, layer, state, by_name, body FROM points_clearing",
    "SELECT 'row', clearing, kind, name, place, body FROM points_row",
    "SELECT 'claim', facility, reference, kind, held_reference, fund, layer, amount_fen, hold_fen, share_ppm, paper,"
    " by_name, month FROM dues_claim",
    "SELECT 'cursor', consumer, service, partition, number FROM stream_cursor",
    "SELECT 'read', partition, number FROM dues_cursor",
    "SELECT 'request', id FROM request"};

static void write_bytes(FILE *out, const uint8_t *body, size_t bytes) {
    fputc('|', out);
    for (size_t i = 0; i < bytes; i++) fprintf(out, "%02x", body[i]);
}

// An entry without its times and numbers.
static int write_entry(FILE *out, const void *body, size_t bytes, arena_t *arena, err_t *err) {
    ProtobufCMessage *message;
    int rc = message_unpack(&message, &tc__journal_entry__descriptor, body, bytes, arena, err);
    if (rc) return rc;
    Tc__JournalEntry *entry = (Tc__JournalEntry *)message;
    entry->posted_ms = 0;
    if (strcmp(entry->source_service, "settlement") == 0) entry->source_number = 0;
    fprintf(out, "|%s", message_to_json(message, arena));
    return 0;
}

static int write_answer(FILE *out, store_t *store, const char *question, arena_t *arena, err_t *err) {
    rows_t rows;
    int rc = store_query(store, question, NULL, 0, arena, &rows, err);
    for (size_t i = 0; !rc && i < rows.count; i++) {
        for (size_t k = 0; !rc && k < rows.width; k++) {
            const cell_t *cell = &rows_at(&rows, i)[k];
            size_t bytes;
            if (cell->type == CELL_BLOB) {
                const void *body = row_blob(&rows, i, k, &bytes);
                if (strcmp(row_text(&rows, i, 0), "journal") == 0)
                    rc = write_entry(out, body, bytes, arena, err);
                else
                    write_bytes(out, body, bytes);
            } else if (cell->type == CELL_I64) {
                fprintf(out, "|%lld", (long long)row_i64(&rows, i, k));
            } else {
                fprintf(out, "|%s", row_text(&rows, i, k));
            }
        }
        fputc('\n', out);
    }
    return rc;
}

static int compare_lines(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

static char *sorted(char *text) {
    size_t count = 0, at = 0, bytes = strlen(text);
    char **lines = calloc(bytes + 1, sizeof *lines), *out = malloc(bytes + 1);
    for (char *line = strtok(text, "\n"); lines && line; line = strtok(NULL, "\n")) lines[count++] = line;
    if (lines) qsort(lines, count, sizeof *lines, compare_lines);
    for (size_t i = 0; lines && out && i < count; i++)
        at += (size_t)snprintf(out + at, bytes + 1 - at, "%s\n", lines[i]);
    free(lines);
    free(text);
    return out;
}

char *books_told(const books_t *books) {
    char *text = NULL;
    size_t bytes = 0;
    err_t err = {0};
    store_t *store = NULL;
    arena_t *arena = arena_new(1 << 20, 0);
    FILE *out = open_memstream(&text, &bytes);
    int rc = store_open_read_only(&store, books->url, "settlement", &err);
    for (size_t i = 0; !rc && i < sizeof questions / sizeof *questions; i++)
        rc = write_answer(out, store, questions[i], arena, &err);
    fclose(out);
    store_close(&store);
    arena_destroy(&arena);
    if (!rc) return sorted(text);
    fprintf(stderr, "the books cannot be read: %s\n", err.text);
    free(text);
    return NULL;
}

// ---- kept aside

// In the folder of the files.
static int shell(const books_t *books, const char *what) {
    char command[600];
    snprintf(command, sizeof command, "cd %s && %s", books->dir, what);
    return system(command) ? -1 : 0;
}

// For each table of the schema but the one of migrations, in one block.
static int each_table(const books_t *books, const char *before, const char *each) {
    char sql[1500];
    err_t err = {0};
    store_t *store = NULL;
    snprintf(sql, sizeof sql,
             "DO 'DECLARE t text; BEGIN %s FOR t IN SELECT table_name FROM information_schema.tables WHERE"
             " table_schema = ''settlement'' AND table_name <> ''schema_version'' LOOP %s END LOOP; END'",
             before, each);
    int rc = store_open(&store, books->url, "settlement", &err);
    if (!rc) rc = store_exec(store, sql, NULL, 0, &err);
    store_close(&store);
    if (rc) fprintf(stderr, "the books cannot be kept: %s\n", err.text);
    return rc ? -1 : 0;
}

int books_keep(const books_t *books) {
    if (*books->dir) return shell(books, "rm -rf kept && mkdir kept && cp settlement.db* kept");
    return each_table(books, "DROP SCHEMA IF EXISTS kept CASCADE; CREATE SCHEMA kept;",
                      "EXECUTE format(''CREATE TABLE kept.%I AS TABLE settlement.%I'', t, t);");
}

int books_give_back(const books_t *books) {
    if (*books->dir) return shell(books, "rm -f settlement.db* && cp kept/settlement.db* .");
    return each_table(books, "",
                      "EXECUTE format(''TRUNCATE settlement.%I'', t); EXECUTE format(''INSERT INTO settlement.%I"
                      " SELECT * FROM kept.%I'', t, t);");
}

int books_forget(const books_t *books) {
    if (*books->dir) return shell(books, "rm -f settlement.db*");
    return each_table(books, "", "EXECUTE format(''TRUNCATE settlement.%I'', t);");
}
