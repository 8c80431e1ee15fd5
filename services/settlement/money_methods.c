// What a clerk says about money, as entries. A reference names one order: a second command with it is refused, whatever
// its request id, so that no order is carried out twice.
#include "money_methods.h"
#include "common/base/ids.h"
#include "counties.h"
#include "direct.h"
#include "dues_store.h"
#include "ledger.h"
#include "limits.h"
#include "money_post.h"
#include "money_store.h"
#include <string.h>

static const char kind_between[] = "between", kind_allotment[] = "allotment", kind_counter[] = "counter";
static const char state_open[] = "open", state_posted[] = "posted", state_void[] = "void", state_expired[] = "expired";

static int no_memory(err_t *err) { return err_set(err, E_IO, "out of memory for the answer"); }

static date_t today(const settlement_t *settlement) { return date_of_ms(settlement->poster->now_ms()); }

// "" is today. What has not happened yet is no movement.
static int day_of(const settlement_t *settlement, const char *text, date_t *out, err_t *err) {
    *out = today(settlement);
    if (!*text) return E_OK;
    if (date_parse(text, out)) return err_field(err, E_INVALID_FIELD, "on", "on: a day like 2020-01-31 was expected");
    if (*out > today(settlement)) return err_field(err, E_OUT_OF_RANGE, "on", "on: the day has not come");
    return E_OK;
}

static int own_entries(const settlement_t *settlement, const char *reference, rows_t *out, err_t *err) {
    int rc = name_check("reference", reference, err);
    if (rc) return err_field(err, rc, "reference", "reference must be 1 to 64 of A-Z a-z 0-9 . _ : -");
    return own_entries_read(settlement->ctx->store, reference, settlement->ctx->arena, out, err);
}

static int is_new(const settlement_t *settlement, const char *reference, err_t *err) {
    rows_t found;
    int rc = own_entries(settlement, reference, &found, err);
    if (rc || !found.count) return rc;
    return err_field(err, E_EXISTS, "reference", "%s is posted already", reference);
}

static int write_entry(settlement_t *settlement, Tc__JournalEntry *entry, ProtobufCMessage **reply, err_t *err) {
    int rc = money_post(settlement, entry, settlement->ctx->arena, err);
    if (!rc) *reply = &entry->base;
    return rc;
}

static int positive(fen_t amount, err_t *err) {
    return amount > 0 ? E_OK : err_field(err, E_OUT_OF_RANGE, "amount", "amount: more than 0.00 was expected");
}

// ---- movements

static int decide_move(settlement_t *settlement, const Tc__MoveMoney *m, const char *but, Tc__JournalEntry **out,
                       err_t *err) {
    const money_line_t line = {m->fund, m->county, m->amount_fen};
    money_move_t move = {m->reference, m->from, m->to, &line, 1, DATE_NONE, m->text};
    int rc = day_of(settlement, m->on, &move.on, err);
    if (!rc) rc = positive(m->amount_fen, err);
    return rc ? rc : money_move_decide(settlement, &move, but, settlement->ctx->arena, out, err);
}

int move_money(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
               err_t *err) {
    settlement_t *settlement = self;
    const Tc__MoveMoney *m = (const Tc__MoveMoney *)message;
    Tc__JournalEntry *entry;
    (void)request;
    int rc = counties_check(settlement, m->county, err);
    if (!rc) rc = money_begin(settlement, settlement->ctx->arena, err);
    if (!rc) rc = is_new(settlement, m->reference, err);
    if (!rc) rc = decide_move(settlement, m, NULL, &entry, err);
    return rc ? rc : write_entry(settlement, entry, reply, err);
}

int get_movements(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                  err_t *err) {
    enum { MOVEMENTS_MAX = 1000 };
    service_ctx_t *ctx = ((settlement_t *)self)->ctx;
    const Tc__GetMovements *ask = (const Tc__GetMovements *)message;
    rows_t found;
    (void)request;
    int rc =
        own_entries_between(ctx->store, ask->from, *ask->to ? ask->to : "9999", MOVEMENTS_MAX, ctx->arena, &found, err);
    Tc__JournalEntries *out = rc ? NULL : arena_alloc(ctx->arena, sizeof *out);
    if (!rc && !out) rc = no_memory(err);
    if (rc) return rc;
    tc__journal_entries__init(out);
    out->entries = arena_alloc(ctx->arena, (found.count + 1) * sizeof *out->entries);
    if (!out->entries) return no_memory(err);
    for (size_t i = 0; i < found.count && !rc; i++) {
        size_t bytes;
        const void *body = row_blob(&found, i, 0, &bytes);
        Tc__JournalEntry *entry = NULL;
        bool its = !*ask->account;
        rc = message_unpack((ProtobufCMessage **)&entry, &tc__journal_entry__descriptor, body, bytes, ctx->arena, err);
        for (size_t p = 0; !rc && p < entry->n_postings && !its; p++) {
            const char *word = strchr(entry->postings[p]->account, '/');
            its = word && strcmp(word + 1, ask->account) == 0;
        }
        if (!rc && its && counties_has_entry(self, entry)) out->entries[out->n_entries++] = entry;
    }
    *reply = &out->base;
    return rc;
}

// ---- reservations

typedef struct reserved {
    Tc__Reservation *reservation;
    int64_t expires_ms;
} reserved_t;

static int read_reservation(const settlement_t *settlement, const char *reference, reserved_t *out, err_t *err) {
    service_ctx_t *ctx = settlement->ctx;
    rows_t found;
    size_t bytes;
    int rc = reservation_read(ctx->store, reference, ctx->arena, &found, err);
    if (rc) return rc;
    if (!found.count) return err_field(err, E_NOT_FOUND, "reference", "nothing is reserved under this reference");
    const void *body = row_blob(&found, 0, 4, &bytes);
    rc = message_unpack((ProtobufCMessage **)&out->reservation, &tc__reservation__descriptor, body, bytes, ctx->arena,
                        err);
    if (rc) return rc;
    out->expires_ms = row_i64(&found, 0, 1);
    const char *state = row_text(&found, 0, 0);
    const bool late = strcmp(state, state_open) == 0 && settlement->poster->now_ms() >= out->expires_ms;
    out->reservation->state = (char *)(late ? state_expired : state);
    out->reservation->at_ms = row_i64(&found, 0, 2);
    out->reservation->ended_ms = row_i64(&found, 0, 3);
    return counties_check(settlement, out->reservation->move->county, err);
}

static int is_unreserved(const settlement_t *settlement, const char *reference, err_t *err) {
    rows_t found;
    int rc = reservation_read(settlement->ctx->store, reference, settlement->ctx->arena, &found, err);
    if (rc || !found.count) return rc;
    return err_field(err, E_EXISTS, "reference", "%s is reserved already", reference);
}

static int keep_reservation(settlement_t *settlement, int64_t expires_ms, const Tc__Reservation *to, err_t *err) {
    service_ctx_t *ctx = settlement->ctx;
    const Tc__MoveMoney *move = to->move;
    rows_t rows;
    size_t bytes;
    rows_init(&rows, ctx->arena, RESERVATION_COLUMNS);
    cell_t *row = rows_add(&rows);
    void *body = message_pack(&to->base, ctx->arena, &bytes);
    const char *account = arena_text(ctx->arena, "money/%s", move->from);
    if (!row || !body || !account) return no_memory(err);
    const cell_t cells[RESERVATION_COLUMNS] = {
        cell_text(move->reference), cell_text(account),         cell_text(move->fund),
        cell_text(move->county),    cell_i64(move->amount_fen), cell_i64(expires_ms),
        cell_text(state_open),      cell_i64(to->at_ms),        cell_i64(0),
        cell_blob(body, bytes)};
    memcpy(row, cells, sizeof cells);
    return reservation_insert(ctx->store, &rows, err);
}

static int new_reservation(const settlement_t *settlement, const Tc__ReserveMoney *ask, Tc__Reservation **out,
                           err_t *err) {
    arena_t *arena = settlement->ctx->arena;
    Tc__Reservation *to = *out = arena_alloc(arena, sizeof *to);
    Tc__MoveMoney *move = arena_alloc(arena, sizeof *move);
    if (!to || !move) return no_memory(err);
    tc__reservation__init(to);
    tc__move_money__init(move);
    move->reference = ask->reference, move->fund = ask->fund, move->from = ask->from, move->to = ask->to;
    move->county = ask->county, move->amount_fen = ask->amount_fen, move->on = ask->on, move->text = ask->text;
    to->move = move;
    to->expires_on = ask->expires_on;
    to->state = (char *)state_open;
    to->at_ms = settlement->poster->now_ms();
    return E_OK;
}

int reserve_money(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                  err_t *err) {
    settlement_t *settlement = self;
    const Tc__ReserveMoney *ask = (const Tc__ReserveMoney *)message;
    Tc__Reservation *to;
    Tc__JournalEntry *entry;
    date_t last;
    (void)request;
    if (date_parse(ask->expires_on, &last) || last < today(settlement))
        return err_field(err, E_INVALID_FIELD, "expires_on", "expires_on: a day from today on was expected");
    int rc = counties_check(settlement, ask->county, err);
    if (!rc) rc = money_begin(settlement, settlement->ctx->arena, err);
    if (!rc) rc = is_new(settlement, ask->reference, err);
    if (!rc) rc = is_unreserved(settlement, ask->reference, err);
    if (!rc) rc = new_reservation(settlement, ask, &to, err);
    if (!rc) rc = decide_move(settlement, to->move, NULL, &entry, err);
    if (!rc) rc = keep_reservation(settlement, date_end_ms(last), to, err);
    if (rc) return rc;
    *reply = &to->base;
    return E_OK;
}

static int open_reservation(settlement_t *settlement, const char *reference, reserved_t *out, err_t *err) {
    int rc = money_begin(settlement, settlement->ctx->arena, err);
    if (!rc) rc = read_reservation(settlement, reference, out, err);
    if (!rc && strcmp(out->reservation->state, state_open) != 0)
        rc = err_field(err, E_EXISTS, "reference", "the reservation is %s", out->reservation->state);
    return rc;
}

int post_money(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
               err_t *err) {
    settlement_t *settlement = self;
    const char *reference = ((const Tc__GetReservation *)message)->reference;
    Tc__JournalEntry *entry;
    reserved_t reserved;
    (void)request;
    int rc = open_reservation(settlement, reference, &reserved, err);
    if (!rc) rc = decide_move(settlement, reserved.reservation->move, reference, &entry, err);
    if (!rc) rc = reservation_end(settlement->ctx->store, reference, state_posted, settlement->poster->now_ms(), err);
    return rc ? rc : write_entry(settlement, entry, reply, err);
}

int void_money(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
               err_t *err) {
    settlement_t *settlement = self;
    const char *reference = ((const Tc__GetReservation *)message)->reference;
    reserved_t reserved;
    (void)request;
    int rc = open_reservation(settlement, reference, &reserved, err);
    if (!rc) rc = reservation_end(settlement->ctx->store, reference, state_void, settlement->poster->now_ms(), err);
    if (rc) return rc;
    reserved.reservation->state = (char *)state_void;
    reserved.reservation->ended_ms = settlement->poster->now_ms();
    *reply = &reserved.reservation->base;
    return E_OK;
}

int get_reservation(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                    err_t *err) {
    reserved_t reserved;
    (void)request;
    int rc = read_reservation(self, ((const Tc__GetReservation *)message)->reference, &reserved, err);
    if (!rc) *reply = &reserved.reservation->base;
    return rc;
}

// ---- counter-entries

// The newest entry of a reference that is no counter-entry and has none; those that book nothing are none either.
static int find_countered(const settlement_t *settlement, const rows_t *found, const Tc__JournalEntry **out,
                          err_t *err) {
    service_ctx_t *ctx = settlement->ctx;
    const Tc__JournalEntry **entries = arena_alloc(ctx->arena, (found->count + 1) * sizeof *entries);
    int rc = entries ? E_OK : no_memory(err);
    *out = NULL;
    for (size_t i = 0; i < found->count && !rc; i++) {
        size_t bytes;
        const void *body = row_blob(found, i, 0, &bytes);
        rc = message_unpack((ProtobufCMessage **)&entries[i], &tc__journal_entry__descriptor, body, bytes, ctx->arena,
                            err);
    }
    for (size_t i = 0; i < found->count && !rc; i++) {
        bool taken_back = strcmp(entries[i]->kind, kind_counter) == 0;
        for (size_t j = 0; j < found->count; j++)
            taken_back |= strcmp(entries[j]->kind, kind_counter) == 0 &&
                          entries[j]->counter_partition == entries[i]->source_partition &&
                          entries[j]->counter_number == entries[i]->source_number;
        if (!taken_back && entries[i]->n_postings) *out = entries[i];
    }
    if (!rc && !*out) rc = err_field(err, E_EXISTS, "reference", "the entry is taken back already");
    return rc;
}

// Statements and their orders say of themselves what they booked and paid: a counter-entry would contradict them.
static int stands_alone(const settlement_t *settlement, const Tc__JournalEntry *entry, err_t *err) {
    service_ctx_t *ctx = settlement->ctx;
    rows_t found;
    if (strcmp(entry->kind, "statement") == 0)
        return err_field(err, E_BLOCKED, "reference",
                         "%.64s is the entry of a frozen statement; what is wrong is put right where it arose and comes"
                         " in a later month",
                         entry->reference);
    if (strcmp(entry->kind, "payment") != 0) return E_OK;
    int rc = order_list(ctx->store, 0, "", "", entry->reference, "", 1, ctx->arena, &found, err);
    if (rc || !found.count) return rc;
    return err_field(err, E_BLOCKED, "reference",
                     "the bank has paid order %.64s and its statement says so; what %.64s got too much for a bill is"
                     " taken off a later statement (fund recover)",
                     entry->reference, row_text(&found, 0, 1));
}

static int counter_of(const settlement_t *settlement, const Tc__ReverseEntry *ask, const Tc__JournalEntry *of,
                      Tc__JournalEntry **out, err_t *err) {
    arena_t *arena = settlement->ctx->arena;
    money_head_t head = {kind_counter, ask->reference, DATE_NONE, ask->text};
    int rc = day_of(settlement, ask->on, &head.on, err);
    if (!rc && !*ask->text) rc = err_field(err, E_MISSING_FIELD, "text", "text: say why the entry is taken back");
    if (!rc) rc = money_entry(settlement, &head, of->n_postings, arena, out, err);
    if (rc) return rc;
    (*out)->counter_partition = of->source_partition;
    (*out)->counter_number = of->source_number;
    (*out)->rule = of->rule;
    (*out)->facility = of->facility;
    (*out)->total_fen = -of->total_fen;
    for (size_t i = 0; i < of->n_postings; i++) {
        Tc__Posting *line = arena_copy(arena, of->postings[i], sizeof *line);
        if (!line) return no_memory(err);
        line->amount_fen = -line->amount_fen;
        (*out)->postings[(*out)->n_postings++] = line;
    }
    return E_OK;
}

int reverse_entry(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                  err_t *err) {
    settlement_t *settlement = self;
    const Tc__ReverseEntry *ask = (const Tc__ReverseEntry *)message;
    const fund_rules_t *fund;
    const Tc__JournalEntry *of;
    Tc__JournalEntry *entry;
    rows_t found;
    (void)request;
    int rc = money_begin(settlement, settlement->ctx->arena, err);
    if (!rc) rc = money_rules(settlement, &fund, err);
    if (!rc) rc = own_entries(settlement, ask->reference, &found, err);
    if (!rc && !found.count)
        rc = err_field(err, E_NOT_FOUND, "reference",
                       "no command posted under this reference; what bills and receipts cause is corrected there");
    if (!rc) rc = find_countered(settlement, &found, &of, err);
    if (!rc) rc = counties_check_entry(settlement, of, err);
    if (!rc) rc = stands_alone(settlement, of, err);
    if (!rc) rc = counter_of(settlement, ask, of, &entry, err);
    if (!rc) rc = money_limits(settlement, entry, NULL, settlement->ctx->arena, err);
    if (!rc) rc = direct_taken_back(settlement->ctx->store, ask->reference, err);
    return rc ? rc : write_entry(settlement, entry, reply, err);
}

// ---- between funds

static int four_lines(Tc__JournalEntry *entry, arena_t *arena, const money_posting_t lines[static 4], err_t *err) {
    int rc = E_OK;
    for (int i = 0; i < 4 && !rc; i++) rc = money_line(entry, arena, &lines[i], err);
    return rc;
}

// What `from` owes `to` under this reason: both sides know it.
static int check_owed(const settlement_t *settlement, const Tc__SettleBetween *ask, err_t *err) {
    service_ctx_t *ctx = settlement->ctx;
    char text[FEN_TEXT_MAX];
    int64_t owes = 0, owed = 0;
    const char *account = arena_text(ctx->arena, "between/%s", ask->reason);
    if (!account) return no_memory(err);
    int rc = money_fund_read(ctx->store, account, ask->from, ctx->arena, &owes, err);
    if (!rc) rc = money_fund_read(ctx->store, account, ask->to, ctx->arena, &owed, err);
    if (rc) return rc;
    const fen_t most = fen_max(0, fen_min(owes == INT64_MIN ? INT64_MAX : -owes, owed));
    if (ask->amount_fen <= most) return E_OK;
    return err_field(err, E_OUT_OF_RANGE, "amount", "%.40s owes %.40s %s yuan under %.32s, not more", ask->from,
                     ask->to, fen_format(most, text), ask->reason);
}

static int between_lines(settlement_t *settlement, const Tc__SettleBetween *ask, Tc__JournalEntry *entry, err_t *err) {
    const money_posting_t lines[4] = {{"between", ask->reason, ask->from, "", "", 0, ask->amount_fen},
                                      {"money", ask->account, ask->from, "", "", 0, -ask->amount_fen},
                                      {"money", ask->account, ask->to, "", "", 0, ask->amount_fen},
                                      {"between", ask->reason, ask->to, "", "", 0, -ask->amount_fen}};
    entry->total_fen = ask->amount_fen;
    return four_lines(entry, settlement->ctx->arena, lines, err);
}

int settle_between(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                   err_t *err) {
    settlement_t *settlement = self;
    const Tc__SettleBetween *ask = (const Tc__SettleBetween *)message;
    arena_t *arena = settlement->ctx->arena;
    money_head_t head = {kind_between, ask->reference, DATE_NONE, ask->text};
    const fund_rules_t *fund;
    Tc__JournalEntry *entry;
    int place = 0, from, to;
    (void)request;
    int rc = money_begin(settlement, arena, err);
    if (!rc) rc = money_rules(settlement, &fund, err);
    if (!rc) rc = is_new(settlement, ask->reference, err);
    if (!rc) rc = positive(ask->amount_fen, err);
    if (!rc) rc = money_fund(fund, ask->from, &from, err);
    if (!rc) rc = money_fund(fund, ask->to, &to, err);
    if (!rc && (from < 0 || to < 0 || from == to))
        rc = err_field(err, E_INVALID_FIELD, "to", "two funds were expected, one that owes and one that is owed");
    if (!rc) rc = money_account(fund, "account", ask->account, &place, err);
    if (!rc && (!account_keeps_money(fund->accounts[place].kind) || fund->accounts[place].holder == HOLDER_COUNTY))
        rc = err_field(err, E_INVALID_FIELD, "account", "%s is no money account of the city", ask->account);
    if (!rc) rc = day_of(settlement, ask->on, &head.on, err);
    if (!rc) rc = check_owed(settlement, ask, err);
    if (!rc) rc = money_entry(settlement, &head, 4, arena, &entry, err);
    if (!rc) rc = between_lines(settlement, ask, entry, err);
    if (!rc) rc = money_limits(settlement, entry, NULL, arena, err);
    return rc ? rc : write_entry(settlement, entry, reply, err);
}

int allot(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply, err_t *err) {
    settlement_t *settlement = self;
    const Tc__Allot *ask = (const Tc__Allot *)message;
    arena_t *arena = settlement->ctx->arena;
    money_head_t head = {kind_allotment, ask->reference, DATE_NONE, ask->text};
    const fund_allotment_t *allotment = NULL;
    const fund_rules_t *fund;
    Tc__JournalEntry *entry;
    (void)request;
    int rc = money_begin(settlement, arena, err);
    if (!rc) rc = money_rules(settlement, &fund, err);
    if (!rc) rc = is_new(settlement, ask->reference, err);
    if (!rc) rc = positive(ask->amount_fen, err);
    if (!rc) allotment = allotment_named(fund->books, ask->allotment);
    if (!rc && !allotment)
        rc = err_field(err, E_DENIED, "allotment", "no fund gives another one money under this name (%s)",
                       fund->between_funds_rule ? fund->between_funds_rule : fund->rule);
    if (!rc && (ask->year < 1900 || ask->year > 2199))
        rc = err_field(err, E_INVALID_FIELD, "year", "year: the year of the contributions was expected");
    if (!rc) rc = day_of(settlement, ask->on, &head.on, err);
    if (!rc) rc = money_entry(settlement, &head, 4, arena, &entry, err);
    if (rc) return rc;
    const char *name = allotment->name, *from = allotment->from, *to = allotment->to;
    const money_posting_t lines[4] = {{"allotted", name, from, "", "", ask->year, ask->amount_fen},
                                      {"between", name, from, "", "", 0, -ask->amount_fen},
                                      {"between", name, to, "", "", 0, ask->amount_fen},
                                      {"allotment", name, to, "", "", ask->year, -ask->amount_fen}};
    entry->rule = (char *)(uintptr_t)allotment->rule;
    entry->total_fen = ask->amount_fen;
    rc = four_lines(entry, arena, lines, err);
    return rc ? rc : write_entry(settlement, entry, reply, err);
}
