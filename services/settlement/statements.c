#include "statements.h"
#include "common/base/ids.h"
#include "common/wire/scope.h"
#include "dues_lines.h"
#include "dues_store.h"
#include "statement_sheet.h"
#include "tell.h"
#include <string.h>
#include <strings.h>

enum { DRAW_DEFAULT = 20, DRAW_MAX = 200, LIST_DEFAULT = 500, LINES_DEFAULT = 2000 };

// ---- shared

int dues_no_memory(err_t *err) { return err_set(err, E_IO, "out of memory for the answer"); }

int dues_page(int32_t limit, int otherwise) {
    return limit <= 0 ? otherwise : limit > DUES_PAGE_MAX ? DUES_PAGE_MAX : limit;
}

int dues_month(const char *text, month_t *out, err_t *err) {
    if (month_parse(text, out) == 0) return 0;
    return err_field(err, E_INVALID_FIELD, "month", "a month was expected, like 2021-03");
}

int dues_facility(const request_t *request, const char *facility, err_t *err) {
    if (!*facility) return err_field(err, E_MISSING_FIELD, "facility", "facility is missing");
    if (name_check("facility", facility, NULL))
        return err_field(err, E_INVALID_FIELD, "facility", "facility must be 1 to 64 of A-Z a-z 0-9 . _ : -");
    const char *caller = request->header.caller, *scope = request->header.scope;
    int rc = scope_check_facility(scope, facility, err);
    if (rc || wire_caller_role(caller) != ROLE_HOSPITAL) return rc;
    const char *name = strchr(caller, ':');
    if (scope_names_facilities(scope) || (name && strcasecmp(name + 1, facility) == 0)) return 0;
    return err_field(err, E_DENIED, "facility", "a hospital sees its own statements only");
}

int dues_text(const char *field, const char *text, bool needed, err_t *err) {
    if (needed && !*text) return err_field(err, E_MISSING_FIELD, field, "%s is missing: one sentence", field);
    if (strlen(text) > DUES_TEXT_MAX)
        return err_field(err, E_TOO_LARGE, field, "%s: at most %d bytes", field, DUES_TEXT_MAX);
    for (const unsigned char *c = (const unsigned char *)text; *c; c++)
        if (*c < 0x20) return err_field(err, E_INVALID_FIELD, field, "%s is one line of text", field);
    return 0;
}

date_t dues_today(const settlement_t *settlement) { return date_of_ms(settlement->poster->now_ms()); }

// Row of dues_statement_find: the frozen body with what moved since.
static int statement_of(const rows_t *rows, size_t i, arena_t *arena, Tc__FacilityStatement **out, err_t *err) {
    size_t bytes;
    const void *body = row_blob(rows, i, 6, &bytes);
    int rc = message_unpack((ProtobufCMessage **)out, &tc__facility_statement__descriptor, body, bytes, arena, err);
    if (rc) return rc;
    (*out)->state = (char *)row_text(rows, i, 2);
    (*out)->reason = (char *)row_text(rows, i, 3);
    (*out)->by = (char *)row_text(rows, i, 4);
    (*out)->order = (char *)row_text(rows, i, 5);
    return 0;
}

int dues_statement(settlement_t *settlement, const char *facility, month_t month, Tc__FacilityStatement **out,
                   err_t *err) {
    service_ctx_t *ctx = settlement->ctx;
    char text[DATE_TEXT_MAX];
    rows_t found;
    int rc = dues_statement_find(ctx->store, facility, month, ctx->arena, &found, err);
    if (rc) return rc;
    if (!found.count)
        return err_field(err, E_NOT_FOUND, "month", "no statement of %.64s is drawn up for %s", facility,
                         month_format(month, text));
    return statement_of(&found, 0, ctx->arena, out, err);
}

static int new_list(arena_t *arena, size_t room, Tc__FacilityStatements **out, err_t *err) {
    Tc__FacilityStatements *list = arena_alloc(arena, sizeof *list);
    if (!list) return dues_no_memory(err);
    tc__facility_statements__init(list);
    list->statements = arena_alloc(arena, (room + 1) * sizeof *list->statements);
    *out = list;
    return list->statements ? 0 : dues_no_memory(err);
}

// ---- drawing up

static int check_over(const settlement_t *settlement, month_t month, err_t *err) {
    char text[DATE_TEXT_MAX];
    if (dues_today(settlement) > month_last(month)) return 0;
    return err_field(err, E_OUT_OF_RANGE, "month", "%s is not over", month_format(month, text));
}

typedef struct drawing {
    settlement_t *settlement;
    month_t month;
    const char *by;
    statement_sheet_t **sheets;
    size_t count;
} drawing_t;

// All are decided before the first is written.
static int make_sheets(drawing_t *d, const char *facility, const rows_t *waiting, err_t *err) {
    arena_t *arena = d->settlement->ctx->arena;
    const size_t room = facility ? 1 : waiting->count;
    int rc = 0;
    d->sheets = arena_alloc(arena, (room + 1) * sizeof *d->sheets);
    if (!d->sheets) return dues_no_memory(err);
    for (size_t i = 0; i < room && !rc; i++) {
        const char *code = facility ? facility : row_text(waiting, i, 0);
        rc = statement_sheet_make(d->settlement, code, d->month, &d->sheets[d->count], err);
        if (rc && !facility) rc = err_prefix(err, "%s", code);
        if (!rc) d->count++;
    }
    if (!rc && facility && d->sheets[0]->empty)
        rc = err_field(err, E_NOT_FOUND, "facility", "there is nothing to draw up for this facility");
    return rc;
}

static int freeze_sheets(const drawing_t *d, Tc__FacilityStatements *list, err_t *err) {
    int rc = 0;
    for (size_t i = 0; i < d->count && !rc; i++) {
        Tc__FacilityStatement *said;
        rc = statement_sheet_freeze(d->settlement, d->sheets[i], d->by, &said, err);
        if (rc) return rc;
        said->n_parts = said->n_others = 0; // the list is for the overview
        list->statements[list->n_statements++] = said;
    }
    return rc;
}

int statements_draw(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                    err_t *err) {
    settlement_t *settlement = self;
    service_ctx_t *ctx = settlement->ctx;
    const Tc__DrawStatements *ask = (const Tc__DrawStatements *)message;
    const int limit = ask->limit <= 0 ? DRAW_DEFAULT : ask->limit > DRAW_MAX ? DRAW_MAX : ask->limit;
    drawing_t d = {.settlement = settlement, .by = request->header.caller};
    Tc__FacilityStatements *list = NULL;
    rows_t waiting = {0};
    int rc = dues_month(ask->month, &d.month, err);
    if (!rc) rc = check_over(settlement, d.month, err);
    if (!rc && *ask->facility) rc = dues_facility(request, ask->facility, err);
    if (!rc) rc = dues_catch_up(settlement, err);
    if (!rc && !*ask->facility) rc = dues_waiting(ctx->store, d.month, ask->after, limit, ctx->arena, &waiting, err);
    if (!rc) rc = make_sheets(&d, *ask->facility ? ask->facility : NULL, &waiting, err);
    if (!rc) rc = new_list(ctx->arena, d.count, &list, err);
    if (!rc) rc = freeze_sheets(&d, list, err);
    if (rc) return rc;
    if (!*ask->facility && waiting.count == (size_t)limit)
        list->next = (char *)row_text(&waiting, waiting.count - 1, 0);
    *reply = &list->base;
    return 0;
}

// ---- the facility's word

typedef struct verdict {
    const char *word, *from, *to;
    const char *kind;    // of the entry that tells of it
    bool reason, clerks; // needs a reason; clerks only
} verdict_t;

static const verdict_t *verdict_of(const char *word) {
    static const verdict_t verdicts[] = {{"confirmed", "drawn", "confirmed", "statement_confirmed", false, false},
                                         {"disputed", "drawn", "disputed", "statement_disputed", true, false},
                                         {"answered", "disputed", "drawn", "statement_answered", true, true}};
    for (size_t i = 0; i < COUNT_OF(verdicts); i++)
        if (strcmp(verdicts[i].word, word) == 0) return &verdicts[i];
    return NULL;
}

static int check_verdict(const request_t *request, const Tc__SettleStatement *ask, const verdict_t *verdict,
                         err_t *err) {
    if (!verdict) return err_field(err, E_INVALID_FIELD, "verdict", "confirmed, disputed or answered was expected");
    if (verdict->clerks && wire_caller_role(request->header.caller) == ROLE_HOSPITAL)
        return err_field(err, E_DENIED, "verdict", "a dispute is answered by the agency");
    return dues_text("reason", ask->reason, verdict->reason, err);
}

int statements_settle(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                      err_t *err) {
    settlement_t *settlement = self;
    service_ctx_t *ctx = settlement->ctx;
    const Tc__SettleStatement *ask = (const Tc__SettleStatement *)message;
    const verdict_t *verdict = verdict_of(ask->verdict);
    Tc__FacilityStatement *said;
    month_t month;
    int rc = check_verdict(request, ask, verdict, err);
    if (!rc) rc = dues_month(ask->month, &month, err);
    if (!rc) rc = dues_facility(request, ask->facility, err);
    if (!rc) rc = dues_statement(settlement, ask->facility, month, &said, err);
    if (rc) return rc;
    if (strcmp(said->state, verdict->from) != 0)
        return err_field(err, E_EXISTS, "verdict", "the statement is %s; only one that is %s can be %s", said->state,
                         verdict->from, verdict->word);
    const char *reason = *ask->reason ? ask->reason : said->reason;
    rc = dues_statement_move(ctx->store, ask->facility, month, verdict->from, verdict->to, reason,
                             request->header.caller, said->order, ctx->arena, err);
    if (!rc) rc = tell_statement(settlement, verdict->kind, said->entry, "statement", said, ask->reason, err);
    if (!rc) rc = dues_statement(settlement, ask->facility, month, &said, err);
    if (!rc) *reply = &said->base;
    return rc;
}

// ---- reading

// A month that is not frozen is told as it would be drawn up now, from the lines read so far.
int statements_get(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                   err_t *err) {
    settlement_t *settlement = self;
    service_ctx_t *ctx = settlement->ctx;
    const Tc__GetStatement *ask = (const Tc__GetStatement *)message;
    Tc__FacilityStatement *said;
    statement_sheet_t *sheet;
    rows_t found;
    month_t month;
    int rc = dues_month(ask->month, &month, err);
    if (!rc) rc = dues_facility(request, ask->facility, err);
    if (!rc) rc = dues_statement_find(ctx->store, ask->facility, month, ctx->arena, &found, err);
    if (rc) return rc;
    if (found.count) {
        rc = statement_of(&found, 0, ctx->arena, &said, err);
    } else {
        rc = statement_sheet_make(settlement, ask->facility, month, &sheet, err);
        if (!rc) rc = statement_sheet_message(settlement, sheet, &said, err);
    }
    if (!rc) *reply = &said->base;
    return rc;
}

int statements_list(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                    err_t *err) {
    service_ctx_t *ctx = ((settlement_t *)self)->ctx;
    const Tc__ListStatements *ask = (const Tc__ListStatements *)message;
    const int limit = dues_page(ask->limit, LIST_DEFAULT);
    Tc__FacilityStatements *list = NULL;
    rows_t found;
    month_t month;
    (void)request;
    int rc = dues_month(ask->month, &month, err);
    if (!rc) rc = dues_statement_list(ctx->store, month, ask->state, ask->after, limit, ctx->arena, &found, err);
    if (!rc) rc = new_list(ctx->arena, found.count, &list, err);
    for (size_t i = 0; !rc && i < found.count; i++) {
        Tc__FacilityStatement *said;
        rc = statement_of(&found, i, ctx->arena, &said, err);
        if (rc) return rc;
        said->n_parts = said->n_others = 0;
        if (!scope_has_facility(ctx->scope, said->facility)) continue;
        list->statements[list->n_statements++] = said;
    }
    if (rc) return rc;
    if (found.count == (size_t)limit) list->next = (char *)row_text(&found, found.count - 1, 0);
    *reply = &list->base;
    return 0;
}

static int line_of(const rows_t *rows, size_t i, arena_t *arena, Tc__StatementLine **out, err_t *err) {
    Tc__StatementLine *line = arena_alloc(arena, sizeof *line);
    if (!line) return dues_no_memory(err);
    tc__statement_line__init(line);
    line->month = statement_month_text(row_i64(rows, i, 0), arena);
    line->partition = (uint32_t)row_i64(rows, i, 1);
    line->number = row_i64(rows, i, 2), line->line = row_i64(rows, i, 3);
    line->bill = (char *)row_text(rows, i, 4), line->layer = (char *)row_text(rows, i, 5);
    line->fund = (char *)row_text(rows, i, 6), line->county = (char *)row_text(rows, i, 7);
    line->year = (int32_t)row_i64(rows, i, 8), line->amount_fen = row_i64(rows, i, 9);
    *out = line;
    return line->month ? 0 : dues_no_memory(err);
}

static int place_of(const char *after, month_t since, dues_place_t *out, err_t *err) {
    long long month, partition, number, line;
    *out = (dues_place_t){.month = (int64_t)since - 1, .partition = INT64_MAX};
    if (!*after) return 0;
    if (sscanf(after, "%lld.%lld.%lld.%lld", &month, &partition, &number, &line) != 4)
        return err_field(err, E_INVALID_FIELD, "after", "after is what `next` said");
    *out = (dues_place_t){month, partition, number, line};
    return 0;
}

static int read_lines(settlement_t *settlement, const Tc__GetStatementLines *ask, int limit, rows_t *found,
                      err_t *err) {
    service_ctx_t *ctx = settlement->ctx;
    month_t month, since = 0;
    dues_place_t after;
    if (*ask->bill) return dues_lines_of_bill(ctx->store, ask->facility, ask->bill, ctx->arena, found, err);
    int rc = dues_month(ask->month, &month, err);
    if (!rc && *ask->since && month_parse(ask->since, &since))
        rc = err_field(err, E_INVALID_FIELD, "since", "a month was expected, like 2021-03");
    if (!rc) rc = place_of(ask->after, since, &after, err);
    return rc ? rc : dues_lines_page(ctx->store, ask->facility, &after, month, limit, ctx->arena, found, err);
}

int statements_lines(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                     err_t *err) {
    settlement_t *settlement = self;
    arena_t *arena = settlement->ctx->arena;
    const Tc__GetStatementLines *ask = (const Tc__GetStatementLines *)message;
    const int limit = dues_page(ask->limit, LINES_DEFAULT);
    rows_t found;
    int rc = dues_facility(request, ask->facility, err);
    if (!rc) rc = read_lines(settlement, ask, limit, &found, err);
    if (rc) return rc;
    Tc__StatementLines *list = arena_alloc(arena, sizeof *list);
    if (!list) return dues_no_memory(err);
    tc__statement_lines__init(list);
    list->lines = arena_alloc(arena, (found.count + 1) * sizeof *list->lines);
    if (!list->lines) return dues_no_memory(err);
    for (size_t i = 0; i < found.count && !rc; i++) rc = line_of(&found, i, arena, &list->lines[list->n_lines++], err);
    if (rc) return rc;
    if (!*ask->bill && found.count == (size_t)limit) {
        const size_t last = found.count - 1;
        list->next = arena_text(arena, "%lld.%lld.%lld.%lld", (long long)row_i64(&found, last, 0),
                                (long long)row_i64(&found, last, 1), (long long)row_i64(&found, last, 2),
                                (long long)row_i64(&found, last, 3));
        if (!list->next) return dues_no_memory(err);
    }
    *reply = &list->base;
    return 0;
}

// ---- items

static int read_items(settlement_t *settlement, const Tc__GetStatementItems *ask, int limit, month_t *month,
                      rows_t *found, err_t *err) {
    service_ctx_t *ctx = settlement->ctx;
    *month = 0;
    if (*ask->reference) return dues_items_of(ctx->store, ask->facility, ask->reference, limit, ctx->arena, found, err);
    int rc = dues_month(ask->month, month, err);
    return rc ? rc : dues_items(ctx->store, ask->facility, *month, ask->after, limit, ctx->arena, found, err);
}

// `month` 0: the first column is the month.
static int item_of(const rows_t *rows, size_t i, month_t month, arena_t *arena, Tc__StatementItem **out, err_t *err) {
    Tc__StatementItem *item = arena_alloc(arena, sizeof *item);
    if (!item) return dues_no_memory(err);
    tc__statement_item__init(item);
    item->month = statement_month_text(month ? month : row_i64(rows, i, 0), arena);
    item->kind = (char *)row_text(rows, i, 1), item->reference = (char *)row_text(rows, i, 2);
    item->layer = (char *)row_text(rows, i, 3), item->fund = (char *)row_text(rows, i, 4);
    item->county = (char *)row_text(rows, i, 5), item->year = (int32_t)row_i64(rows, i, 6);
    item->amount_fen = row_i64(rows, i, 7);
    *out = item;
    return item->month ? 0 : dues_no_memory(err);
}

int statements_items(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                     err_t *err) {
    settlement_t *settlement = self;
    arena_t *arena = settlement->ctx->arena;
    const Tc__GetStatementItems *ask = (const Tc__GetStatementItems *)message;
    const int limit = dues_page(ask->limit, LINES_DEFAULT);
    rows_t found;
    month_t month;
    int rc = dues_facility(request, ask->facility, err);
    if (!rc) rc = read_items(settlement, ask, limit, &month, &found, err);
    if (rc) return rc;
    Tc__StatementItems *list = arena_alloc(arena, sizeof *list);
    if (!list) return dues_no_memory(err);
    tc__statement_items__init(list);
    list->items = arena_alloc(arena, (found.count + 1) * sizeof *list->items);
    if (!list->items) return dues_no_memory(err);
    for (size_t i = 0; i < found.count && !rc; i++)
        rc = item_of(&found, i, month, arena, &list->items[list->n_items++], err);
    if (rc) return rc;
    if (month && found.count == (size_t)limit) list->next = row_i64(&found, found.count - 1, 0);
    *reply = &list->base;
    return 0;
}
