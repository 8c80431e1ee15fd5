#include "bank_import.h"
#include "bank_match.h"
#include "cases.h"
#include "common/base/ids.h"
#include "counties.h"
#include "reconcile_books.h"
#include <string.h>

static const char loading[] = "loading", whole[] = "whole", matched_state[] = "matched";
static const char *const sources[] = {"bank", "treasury", "tax"};
static const char day_last[] = "9999-12-31";

static int no_memory(err_t *err) { return err_set(err, E_IO, "out of memory for the statement"); }

static int check_name(const char *source, const char *number, err_t *err) {
    bool known = false;
    for (size_t i = 0; i < COUNT_OF(sources); i++) known |= strcmp(sources[i], source) == 0;
    if (!known) return err_field(err, E_INVALID_FIELD, "source", "source: bank, treasury or tax was expected");
    int rc = name_check("number", number, err);
    return rc ? err_field(err, rc, "number", "number must be 1 to 64 of A-Z a-z 0-9 . _ : -") : E_OK;
}

// ---- coming in

typedef struct incoming {
    settlement_t *settlement;
    const Tc__ImportStatement *ask;
    const char *party;
    fen_t amount; // of the whole statement: in less out
    rows_t known; // the statement as it stands; no row: new
    rows_t fresh; // rows to write
    fen_t fresh_fen;
} incoming_t;

enum { S_PARTY, S_ACCOUNT, S_COUNTY, S_FROM, S_TO, S_DIGEST, S_ROWS, S_HERE, S_AMOUNT, S_HERE_FEN, S_STATE };

static int check_head(const Tc__ImportStatement *ask, err_t *err) {
    date_t from, to;
    int rc = check_name(ask->source, ask->number, err);
    if (rc) return rc;
    if (date_parse(ask->from, &from) || date_parse(ask->to, &to) || from > to)
        return err_field(err, E_INVALID_FIELD, "from", "from and to: two days in order were expected");
    if (strlen(ask->digest) != 2 * SHA256_BYTES || strspn(ask->digest, "0123456789abcdef") != 2 * SHA256_BYTES)
        return err_field(err, E_INVALID_FIELD, "digest", "digest: SHA-256 in hex was expected");
    if (ask->rows < 1 || ask->rows > STATEMENT_ROWS_MAX)
        return err_field(err, E_OUT_OF_RANGE, "rows", "rows: 1 to %d were expected", STATEMENT_ROWS_MAX);
    if (ask->n_part > STATEMENT_PART_MAX)
        return err_field(err, E_TOO_LARGE, "part", "a part has at most %d rows", STATEMENT_PART_MAX);
    return E_OK;
}

// The number stands for one content.
static int check_same(const incoming_t *in, err_t *err) {
    const Tc__ImportStatement *ask = in->ask;
    const rows_t *known = &in->known;
    if (!known->count) return E_OK;
    if (strcmp(row_text(known, 0, S_DIGEST), ask->digest) == 0 && strcmp(row_text(known, 0, S_PARTY), in->party) == 0 &&
        strcmp(row_text(known, 0, S_FROM), ask->from) == 0 && strcmp(row_text(known, 0, S_TO), ask->to) == 0 &&
        row_i64(known, 0, S_ROWS) == ask->rows && row_i64(known, 0, S_AMOUNT) == in->amount)
        return E_OK;
    return err_field(err, E_EXISTS, "number", "statement %.64s of the %s is known with other content", ask->number,
                     ask->source);
}

static int net_of(fen_t in, fen_t out, fen_t *net, err_t *err) {
    return fen_sub(in, out, net) ? err_field(err, E_OUT_OF_RANGE, "in", "an amount is out of range") : E_OK;
}

static int check_row(const Tc__ImportStatement *ask, const Tc__StatementRow *row, int64_t before, err_t *err) {
    date_t day;
    int rc = E_OK;
    if (row->line <= before)
        rc = err_field(err, E_INVALID_FIELD, "line", "rows must come in the order of their lines, each once");
    else if (date_parse(row->day, &day) || strcmp(row->day, ask->from) < 0 || strcmp(row->day, ask->to) > 0)
        rc = err_field(err, E_OUT_OF_RANGE, "day", "day: a day that the statement covers was expected");
    else if (!row->in_fen == !row->out_fen)
        rc = err_field(err, E_OUT_OF_RANGE, "in", "one of in and out was expected");
    else if (*row->reference && name_check("reference", row->reference, err))
        rc = err_field(err, E_INVALID_FIELD, "reference", "reference must be 1 to 64 of A-Z a-z 0-9 . _ : -");
    return rc ? err_prefix(err, "line %lld", (long long)row->line) : E_OK;
}

static int add_fresh(incoming_t *in, const Tc__StatementRow *row, err_t *err) {
    cell_t *cells = rows_add(&in->fresh);
    fen_t net;
    int rc = cells ? net_of(row->in_fen, row->out_fen, &net, err) : no_memory(err);
    if (rc) return rc;
    const cell_t made[BANK_ROW_COLUMNS] = {
        cell_text(in->ask->source), cell_text(in->ask->number), cell_i64(row->line), cell_text(in->party),
        cell_text(row->day),        cell_text(row->reference),  cell_i64(net),       cell_i64(0)};
    memcpy(cells, made, sizeof made);
    if (fen_add(in->fresh_fen, net, &in->fresh_fen))
        return err_field(err, E_OUT_OF_RANGE, "amount", "the amounts add up to more than can be counted");
    return E_OK;
}

static bool is_net(const Tc__StatementRow *row, fen_t amount) {
    fen_t net;
    return fen_sub(row->in_fen, row->out_fen, &net) == E_OK && net == amount;
}

static int find_rows(const incoming_t *in, rows_t *found, err_t *err) {
    const service_ctx_t *ctx = in->settlement->ctx;
    rows_t keys;
    rows_init(&keys, ctx->arena, 3);
    for (size_t i = 0; i < in->ask->n_part; i++) {
        cell_t *key = rows_add(&keys);
        if (!key) return no_memory(err);
        key[0] = cell_text(in->ask->source);
        key[1] = cell_text(in->ask->number);
        key[2] = cell_i64(in->ask->part[i]->line);
    }
    return bank_rows_find(ctx->store, &keys, ctx->arena, found, err);
}

// A part may come twice: rows that stand already must be the same.
static int sort_part(incoming_t *in, err_t *err) {
    rows_t found;
    int64_t before = 0;
    rows_init(&in->fresh, in->settlement->ctx->arena, BANK_ROW_COLUMNS);
    int rc = find_rows(in, &found, err);
    for (size_t i = 0, k = 0; !rc && i < in->ask->n_part; i++) {
        const Tc__StatementRow *row = in->ask->part[i];
        rc = check_row(in->ask, row, before, err);
        before = row->line;
        const bool stands = k < found.count && row_i64(&found, k, 0) == (int64_t)i;
        if (!rc && !stands) rc = add_fresh(in, row, err);
        if (!stands) continue;
        if (!rc && (strcmp(row_text(&found, k, 1), row->day) != 0 ||
                    strcmp(row_text(&found, k, 2), row->reference) != 0 || !is_net(row, row_i64(&found, k, 3))))
            rc = err_field(err, E_EXISTS, "part", "line %lld is known with other content", (long long)row->line);
        k++;
    }
    return rc;
}

static int write_statement(const incoming_t *in, const char *state, int64_t here, fen_t here_fen, err_t *err) {
    const Tc__ImportStatement *ask = in->ask;
    const service_ctx_t *ctx = in->settlement->ctx;
    const cell_t cells[BANK_STATEMENT_COLUMNS] = {cell_text(ask->source), cell_text(ask->number),
                                                  cell_text(in->party),   cell_text(ask->account),
                                                  cell_text(ask->county), cell_text(ask->from),
                                                  cell_text(ask->to),     cell_text(ask->digest),
                                                  cell_i64(ask->rows),    cell_i64(here),
                                                  cell_i64(in->amount),   cell_i64(here_fen),
                                                  cell_text(state),       cell_i64(in->settlement->poster->now_ms())};
    rows_t row;
    rows_init(&row, ctx->arena, BANK_STATEMENT_COLUMNS);
    cell_t *made = rows_add(&row);
    if (!made) return no_memory(err);
    memcpy(made, cells, sizeof cells);
    int rc = in->fresh.count ? bank_rows_insert(ctx->store, &in->fresh, err) : E_OK;
    return rc ? rc : bank_statement_put(ctx->store, &row, err);
}

static int tell_statement(settlement_t *settlement, const char *source, const char *number, bool known,
                          ProtobufCMessage **reply, err_t *err) {
    const service_ctx_t *ctx = settlement->ctx;
    Tc__StatementState *state = arena_alloc(ctx->arena, sizeof *state);
    rows_t rows;
    if (!state) return no_memory(err);
    int rc = bank_statement_read(ctx->store, source, number, ctx->arena, &rows, err);
    if (rc) return rc;
    CHECK(rows.count == 1);
    tc__statement_state__init(state);
    state->source = (char *)source;
    state->number = (char *)number;
    state->account = (char *)row_text(&rows, 0, S_ACCOUNT);
    state->county = (char *)row_text(&rows, 0, S_COUNTY);
    state->from = (char *)row_text(&rows, 0, S_FROM);
    state->to = (char *)row_text(&rows, 0, S_TO);
    state->digest = (char *)row_text(&rows, 0, S_DIGEST);
    state->state = (char *)row_text(&rows, 0, S_STATE);
    state->rows = row_i64(&rows, 0, S_ROWS);
    state->here = row_i64(&rows, 0, S_HERE);
    state->amount_fen = row_i64(&rows, 0, S_AMOUNT);
    state->known = known;
    *reply = &state->base;
    return E_OK;
}

// Of the statement after this part: how much is here; E_INVALID_FIELD when its rows are more or other than it says.
static int add_up(const incoming_t *in, int64_t *here, fen_t *here_fen, err_t *err) {
    const Tc__ImportStatement *ask = in->ask;
    *here = (in->known.count ? row_i64(&in->known, 0, S_HERE) : 0) + (int64_t)in->fresh.count;
    if (fen_add(in->known.count ? row_i64(&in->known, 0, S_HERE_FEN) : 0, in->fresh_fen, here_fen))
        return err_field(err, E_OUT_OF_RANGE, "amount", "the amounts add up to more than can be counted");
    if (*here > ask->rows || (*here == ask->rows && *here_fen != in->amount))
        return err_field(err, E_INVALID_FIELD, "rows", "the rows are not what the statement's totals say");
    return E_OK;
}

int statement_import(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                     err_t *err) {
    settlement_t *settlement = self;
    const service_ctx_t *ctx = settlement->ctx;
    incoming_t in = {.settlement = settlement, .ask = (const Tc__ImportStatement *)message};
    int64_t here;
    fen_t here_fen;
    (void)request;
    int rc = check_head(in.ask, err);
    if (!rc) rc = counties_check(settlement, in.ask->county, err);
    if (!rc) rc = net_of(in.ask->in_fen, in.ask->out_fen, &in.amount, err);
    if (!rc) rc = books_party(settlement, in.ask->account, in.ask->county, &in.party, err);
    if (!rc) rc = bank_statement_read(ctx->store, in.ask->source, in.ask->number, ctx->arena, &in.known, err);
    if (!rc) rc = check_same(&in, err);
    if (rc) return rc;
    if (in.known.count && strcmp(row_text(&in.known, 0, S_STATE), loading) != 0)
        return tell_statement(settlement, in.ask->source, in.ask->number, true, reply, err);
    rc = sort_part(&in, err);
    if (!rc) rc = add_up(&in, &here, &here_fen, err);
    if (!rc) rc = write_statement(&in, here == in.ask->rows ? whole : loading, here, here_fen, err);
    return rc ? rc : tell_statement(settlement, in.ask->source, in.ask->number, false, reply, err);
}

// ---- held against the books

typedef struct matching {
    settlement_t *settlement;
    const Tc__MatchStatement *ask;
    const char *party, *from, *to; // from: the first day of any statement of the account; to: the last of this one
    rows_t bank_rows, book_rows;   // not matched so far
    match_row_t *bank, *books;
    Tc__Matched *answer;
    const char *by;
} matching_t;

enum { B_NUMBER, B_LINE, B_DAY, B_REFERENCE, B_AMOUNT };
enum { K_DAY, K_REFERENCE, K_KIND, K_AMOUNT };

// Their statement shows what came in for contributions as one sum a day.
static bool is_receipt(const char *kind) {
    return strcmp(kind, "contribution") == 0 || strcmp(kind, "return") == 0 || strcmp(kind, "held") == 0;
}

static int shifted(const char *day, int days, arena_t *arena, const char **out, err_t *err) {
    char text[DATE_TEXT_MAX];
    date_t at;
    if (date_parse(day, &at)) return err_set(err, E_STORE, "the day of a statement cannot be read");
    *out = arena_text(arena, "%s", date_format(at + days, text));
    return *out ? E_OK : no_memory(err);
}

static int read_scope(matching_t *m, err_t *err) {
    const service_ctx_t *ctx = m->settlement->ctx;
    rows_t rows, all;
    int rc = bank_statement_read(ctx->store, m->ask->source, m->ask->number, ctx->arena, &rows, err);
    if (rc) return rc;
    if (!rows.count) return err_field(err, E_NOT_FOUND, "number", "there is no statement %.64s", m->ask->number);
    if (strcmp(row_text(&rows, 0, S_STATE), loading) == 0)
        return err_field(err, E_INVALID_FIELD, "number", "%lld of %lld rows of the statement have arrived",
                         (long long)row_i64(&rows, 0, S_HERE), (long long)row_i64(&rows, 0, S_ROWS));
    m->party = row_text(&rows, 0, S_PARTY);
    if (!counties_has_party(m->settlement, m->ask->source, m->party))
        return err_field(err, E_DENIED, "number", "this key works for other districts only");
    m->to = row_text(&rows, 0, S_TO);
    m->answer->rows = row_i64(&rows, 0, S_ROWS);
    rc = bank_sum(ctx->store, m->ask->source, m->party, row_text(&rows, 0, S_FROM), m->to, ctx->arena,
                  &m->answer->statement_fen, &m->answer->books_fen, err);
    if (!rc) rc = bank_statements_of(ctx->store, m->ask->source, m->party, "", day_last, ctx->arena, &all, err);
    m->from = !rc && all.count ? row_text(&all, 0, 1) : "";
    return rc;
}

static int read_sides(matching_t *m, err_t *err) {
    const service_ctx_t *ctx = m->settlement->ctx;
    const int tolerance = (int)m->ask->tolerance_days;
    const char *first, *last;
    int rc = shifted(m->from, -tolerance, ctx->arena, &first, err);
    if (!rc) rc = shifted(m->to, tolerance, ctx->arena, &last, err);
    if (!rc)
        rc = bank_rows_left(ctx->store, m->ask->source, m->party, m->to, MATCH_ROWS_MAX + 1, ctx->arena, &m->bank_rows,
                            err);
    if (!rc)
        rc = book_rows_left(ctx->store, m->ask->source, m->party, first, last, MATCH_ROWS_MAX + 1, ctx->arena,
                            &m->book_rows, err);
    if (!rc && (m->bank_rows.count > MATCH_ROWS_MAX || m->book_rows.count > MATCH_ROWS_MAX))
        rc = err_set(err, E_TOO_LARGE, "more than %d rows of the account are not matched", MATCH_ROWS_MAX);
    return rc;
}

static int fill_side(const rows_t *rows, bool books, arena_t *arena, match_row_t **out, err_t *err) {
    match_row_t *made = arena_alloc(arena, (rows->count + 1) * sizeof *made);
    if (!made) return no_memory(err);
    for (size_t i = 0; i < rows->count; i++) {
        made[i].reference = row_text(rows, i, books ? K_REFERENCE : B_REFERENCE);
        made[i].amount = row_i64(rows, i, books ? K_AMOUNT : B_AMOUNT);
        made[i].receipt = books && is_receipt(row_text(rows, i, K_KIND));
        if (date_parse(row_text(rows, i, books ? K_DAY : B_DAY), &made[i].day))
            return err_set(err, E_STORE, "the day of a row cannot be read");
    }
    *out = made;
    return E_OK;
}

static int write_matches(matching_t *m, err_t *err) {
    const service_ctx_t *ctx = m->settlement->ctx;
    rows_t matches, keys;
    rows_init(&matches, ctx->arena, BANK_MATCH_COLUMNS);
    rows_init(&keys, ctx->arena, 3);
    for (size_t k = 0; k < m->book_rows.count; k++) {
        if (m->books[k].state != MATCH_SURE) continue;
        const size_t b = m->books[k].partner;
        cell_t *cells = rows_add(&matches);
        if (!cells) return no_memory(err);
        const cell_t made[BANK_MATCH_COLUMNS] = {cell_text(m->ask->source),
                                                 cell_text(row_text(&m->book_rows, k, K_DAY)),
                                                 cell_text(m->party),
                                                 cell_text(row_text(&m->book_rows, k, K_REFERENCE)),
                                                 cell_text(row_text(&m->book_rows, k, K_KIND)),
                                                 cell_text(row_text(&m->bank_rows, b, B_NUMBER)),
                                                 cell_i64(row_i64(&m->bank_rows, b, B_LINE)),
                                                 cell_i64(m->books[k].amount)};
        memcpy(cells, made, sizeof made);
    }
    for (size_t b = 0; b < m->bank_rows.count; b++) {
        if (m->bank[b].state != MATCH_SURE) continue;
        cell_t *key = rows_add(&keys);
        if (!key) return no_memory(err);
        key[0] = cell_text(m->ask->source);
        key[1] = cell_text(row_text(&m->bank_rows, b, B_NUMBER));
        key[2] = cell_i64(row_i64(&m->bank_rows, b, B_LINE));
    }
    m->answer->entries = (int64_t)matches.count;
    m->answer->matched = (int64_t)keys.count;
    int rc = matches.count ? bank_matches_insert(ctx->store, &matches, err) : E_OK;
    if (!rc && keys.count) rc = bank_rows_matched(ctx->store, &keys, err);
    return rc;
}

// ---- what is not matched

static const char *line_name(const matching_t *m, size_t b) {
    return arena_text(m->settlement->ctx->arena, "%s:%lld", row_text(&m->bank_rows, b, B_NUMBER),
                      (long long)row_i64(&m->bank_rows, b, B_LINE));
}

static case_found_t of_bank_row(const matching_t *m, size_t b) {
    const match_row_t *row = &m->bank[b];
    const bool paired = row->state == MATCH_AMOUNT || row->state == MATCH_LATE;
    case_found_t found = {.party = m->party,
                          .day = row_text(&m->bank_rows, b, B_DAY),
                          .reference = row->reference,
                          .what = line_name(m, b),
                          .there = row->amount};
    if (paired) found.here = m->books[row->partner].amount;
    if (row->state == MATCH_AMOUNT)
        found.kind = "amount", found.text = "the books have another amount under this reference";
    else if (row->state == MATCH_LATE)
        found.kind = "late", found.text = "the books have it on a day too far away";
    else
        found.kind = "not_in_books", found.text = "the books know no such movement";
    return found;
}

static case_found_t of_book_row(const matching_t *m, size_t k) {
    return (case_found_t){.kind = "not_on_statement",
                          .party = m->party,
                          .day = row_text(&m->book_rows, k, K_DAY),
                          .reference = m->books[k].reference,
                          .what = row_text(&m->book_rows, k, K_KIND),
                          .text = "no statement shows it",
                          .here = m->books[k].amount};
}

// Entries on the margins of the statements' days may stand on another statement: they are no cases yet.
static bool is_due(const matching_t *m, size_t k) {
    const char *day = row_text(&m->book_rows, k, K_DAY);
    return m->books[k].state == MATCH_OPEN && strcmp(day, m->from) >= 0 && strcmp(day, m->to) <= 0;
}

static int write_cases(matching_t *m, err_t *err) {
    arena_t *arena = m->settlement->ctx->arena;
    const case_scope_t scope = {.pair = m->ask->source,
                                .owner = *m->ask->owner ? m->ask->owner : m->ask->source,
                                .party = m->party,
                                .from = "",
                                .to = m->to,
                                .by = m->by,
                                .complete = true};
    case_found_t *found = arena_alloc(arena, (m->bank_rows.count + m->book_rows.count + 1) * sizeof *found);
    case_changes_t changes;
    size_t count = 0;
    if (!found) return no_memory(err);
    for (size_t b = 0; b < m->bank_rows.count; b++) {
        if (m->bank[b].state == MATCH_SURE) continue;
        found[count++] = of_bank_row(m, b);
        if (!found[count - 1].what) return no_memory(err);
    }
    for (size_t k = 0; k < m->book_rows.count; k++)
        if (is_due(m, k)) found[count++] = of_book_row(m, k);
    int rc = cases_update(m->settlement, &scope, found, count, &changes, err);
    m->answer->cases = changes.opened;
    m->answer->settled = changes.settled;
    return rc;
}

static int mark_matched(const matching_t *m, err_t *err) {
    const cell_t params[] = {cell_text(m->ask->source), cell_text(m->ask->number), cell_text(matched_state)};
    return store_exec(m->settlement->ctx->store,
                      "UPDATE bank_statement SET state = $3 WHERE source = $1 AND number = $2", params,
                      COUNT_OF(params), err);
}

static int check_match(const Tc__MatchStatement *ask, err_t *err) {
    int rc = check_name(ask->source, ask->number, err);
    if (rc) return rc;
    if (ask->tolerance_days < 0 || ask->tolerance_days > TOLERANCE_DAYS_MAX)
        return err_field(err, E_OUT_OF_RANGE, "tolerance_days", "tolerance_days: 0 to %d were expected",
                         TOLERANCE_DAYS_MAX);
    if (strlen(ask->owner) > CASE_OWNER_BYTES_MAX)
        return err_field(err, E_TOO_LARGE, "owner", "an owner has at most %d bytes", CASE_OWNER_BYTES_MAX);
    return E_OK;
}

static int tell_open(matching_t *m, err_t *err) {
    enum { OPEN_MAX = 200 };
    Tc__ListCases list = TC__LIST_CASES__INIT;
    list.pair = m->ask->source;
    list.party = (char *)m->party;
    return cases_tell(m->settlement, &list, OPEN_MAX, &m->answer->open, &m->answer->n_open, NULL, err);
}

int statement_match(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                    err_t *err) {
    settlement_t *settlement = self;
    matching_t m = {.settlement = settlement,
                    .ask = (const Tc__MatchStatement *)message,
                    .answer = arena_alloc(settlement->ctx->arena, sizeof *m.answer),
                    .by = request->header.caller ? request->header.caller : ""};
    if (!m.answer) return no_memory(err);
    tc__matched__init(m.answer);
    int rc = check_match(m.ask, err);
    if (!rc) rc = books_catch_up(settlement, err);
    if (!rc) rc = read_scope(&m, err);
    if (!rc) rc = read_sides(&m, err);
    if (!rc) rc = fill_side(&m.bank_rows, false, settlement->ctx->arena, &m.bank, err);
    if (!rc) rc = fill_side(&m.book_rows, true, settlement->ctx->arena, &m.books, err);
    if (!rc)
        rc = bank_match(m.bank, m.bank_rows.count, m.books, m.book_rows.count, (int)m.ask->tolerance_days,
                        settlement->ctx->arena, err);
    if (!rc) rc = write_cases(&m, err); // refuses before it writes, so it comes first
    if (!rc) rc = write_matches(&m, err);
    if (!rc) rc = mark_matched(&m, err);
    if (!rc) rc = tell_open(&m, err);
    *reply = &m.answer->base;
    return rc;
}
