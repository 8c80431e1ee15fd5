// A change reads the newest revision and writes the next one; the key refuses the slower of two, and the command shell
// then does it again on what is there by then.
#include "visits.h"
#include "bill_lines.h"
#include "common/wire/scope.h"
#include "fee_lines.h"
#include "insured.h"
#include "visit_store.h"
#include <string.h>

static int no_memory(err_t *err) { return err_set(err, E_IO, "out of memory for the visit"); }

// ---- the state of a visit

static int read_visit(adjudication_t *on, const char *bill, visit_row_t *out, err_t *err) {
    rows_t keys;
    rows_init(&keys, on->arena, 1);
    cell_t *key = rows_add(&keys);
    if (!key) return no_memory(err);
    key[0] = cell_text(bill);
    return visits_find(on->store, &keys, on->arena, out, err);
}

// What became of the bill: NULL when there is no decision on it, else the newest.
static int read_decision(adjudication_t *on, const char *bill, const Tc__Decision **out, err_t *err) {
    ProtobufCMessage *message;
    rows_t keys, found;
    size_t bytes;
    *out = NULL;
    rows_init(&keys, on->arena, 1);
    cell_t *key = rows_add(&keys);
    if (!key) return no_memory(err);
    key[0] = cell_text(bill);
    int rc = decisions_find_bills(on->store, &keys, on->arena, &found, err);
    if (rc || !found.count) return rc;
    const void *body = row_blob(&found, 0, 1, &bytes);
    rc = message_unpack(&message, &tc__decision__descriptor, body, bytes, on->arena, err);
    if (!rc) *out = (const Tc__Decision *)message;
    return rc;
}

static const char *state_of(const visit_row_t *visit, const Tc__Decision *decision) {
    if (!decision) return visit->state;
    return course_stands(decision) ? "settled" : "reversed";
}

// A visit has no district before it is a bill: keys of districts have no say in it (handlers.c).
static int find_visit(adjudication_t *on, const request_t *request, const char *bill, const char *person,
                      visit_row_t *visit, const char **state, err_t *err) {
    const Tc__Decision *decision = NULL;
    int rc = intake_check_name("bill", bill, err);
    if (!rc) rc = intake_check_name("person", person, err);
    if (!rc) rc = read_visit(on, bill, visit, err);
    if (!rc && !visit->revision) rc = err_field(err, E_NOT_FOUND, "bill", "no visit is registered under this number");
    if (!rc && strcmp(visit->asked->person, person) != 0)
        rc = err_field(err, E_OUT_OF_RANGE, "person", "the visit is another person's");
    if (!rc) rc = scope_check_facility(request->header.scope, visit->asked->facility, err);
    if (!rc) rc = read_decision(on, bill, &decision, err);
    if (!rc) *state = state_of(visit, decision);
    return rc;
}

// Only of a registered visit may lines change.
static int check_open(const char *state, err_t *err) {
    if (strcmp(state, "registered") == 0) return 0;
    if (strcmp(state, "settled") == 0)
        return err_field(err, E_EXISTS, "bill", "the visit is settled and takes no other lines");
    return err_field(err, E_REVERSED, "bill", "the visit was %s", state);
}

// ---- the answer

static int answer(adjudication_t *on, const visit_row_t *visit, const char *state, Tc__Visit **out, err_t *err) {
    Tc__Visit *message = arena_alloc(on->arena, sizeof *message);
    if (!message) return no_memory(err);
    tc__visit__init(message);
    message->bill = visit->asked->bill;
    message->person = visit->asked->person;
    message->facility = visit->asked->facility;
    message->type = visit->asked->type;
    message->from = visit->asked->from;
    message->diagnosis = visit->asked->diagnosis;
    message->state = (char *)state;
    message->line_count = (int32_t)visit->line_count;
    message->amount_fen = visit->amount_fen;
    *out = message;
    return 0;
}

static int write_visit(adjudication_t *on, visit_row_t *visit, const char *state, ProtobufCMessage **reply,
                       err_t *err) {
    Tc__Visit *message = NULL;
    visit->revision++;
    visit->state = state;
    int rc = visits_insert(on->store, visit, 1, on->ports.now_ms(on->ports.self), on->arena, err);
    if (!rc) rc = answer(on, visit, state, &message, err);
    if (!rc) *reply = &message->base;
    return rc;
}

// ---- registered and cancelled

static int check_registration(const Tc__RegisterVisit *ask, date_t today, err_t *err) {
    date_t from = DATE_NONE;
    int rc = intake_check_name("bill", ask->bill, err);
    if (!rc) rc = intake_check_name("person", ask->person, err);
    if (!rc) rc = intake_check_facility(ask->facility, err);
    if (!rc && visit_from_name(ask->type) < 0)
        rc = err_field(err, ask->type[0] ? E_INVALID_FIELD : E_MISSING_FIELD, "type", "type: expected one of %s",
                       visit_names());
    if (!rc) rc = intake_check_date("from", ask->from, &from, err);
    if (!rc && from > today) rc = err_field(err, E_OUT_OF_RANGE, "from", "from (%s) lies in the future", ask->from);
    if (!rc && ask->diagnosis[0] && !catalogue_diagnosis_fits(ask->diagnosis))
        rc = err_field(err, E_INVALID_FIELD, "diagnosis", "diagnosis must be 1 to %d of A-Z a-z 0-9 . + * -",
                       CATALOGUE_DIAGNOSIS_MAX);
    return rc;
}

int visit_register(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                   err_t *err) {
    adjudication_t *on = self;
    const Tc__RegisterVisit *ask = (const Tc__RegisterVisit *)message;
    const Tc__Decision *decision = NULL;
    visit_row_t visit = {0};
    int rc = check_registration(ask, date_of_ms(on->ports.now_ms(on->ports.self)), err);
    if (!rc) rc = scope_check_facility(request->header.scope, ask->facility, err);
    if (!rc) rc = read_visit(on, ask->bill, &visit, err);
    if (!rc && visit.revision) rc = err_field(err, E_EXISTS, "bill", "a visit is registered under this number already");
    if (!rc) rc = read_decision(on, ask->bill, &decision, err);
    if (!rc && decision)
        rc = err_field(err, course_stands(decision) ? E_EXISTS : E_REVERSED, "bill",
                       "there is a decision on this bill already");
    if (rc) return rc;
    visit = (visit_row_t){.asked = ask};
    return write_visit(on, &visit, "registered", reply, err);
}

int visit_cancel(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                 err_t *err) {
    const Tc__CancelVisit *ask = (const Tc__CancelVisit *)message;
    const char *state = "";
    visit_row_t visit = {0};
    int rc = find_visit(self, request, ask->bill, ask->person, &visit, &state, err);
    if (!rc && strcmp(state, "settled") == 0)
        rc = err_field(err, E_EXISTS, "bill", "the visit is settled: its bill may be reversed");
    if (!rc) rc = check_open(state, err);
    return rc ? rc : write_visit(self, &visit, "cancelled", reply, err);
}

// ---- lines

// keys: (bill, line)
static int add_key(rows_t *keys, const char *bill, int line, err_t *err) {
    cell_t *key = rows_add(keys);
    if (!key) return no_memory(err);
    key[0] = cell_text(bill);
    key[1] = cell_i64(line);
    return 0;
}

typedef struct line_rows {
    adjudication_t *on;
    rows_t known; // bodies of lines that are there under the same numbers: (index of the line, body)
    rows_t fresh;
} line_rows_t;

static int find_known(line_rows_t *lines, const Tc__AddLines *ask, err_t *err) {
    rows_t keys;
    rows_init(&keys, lines->on->arena, 2);
    for (size_t i = 0; i < ask->n_lines; i++) {
        int rc = add_key(&keys, ask->bill, ask->lines[i]->line, err);
        if (rc) return rc;
    }
    return visit_lines_find_some(lines->on->store, &keys, lines->on->arena, &lines->known, err);
}

// The hospital's part of a line; what a split filled in stays out of the store.
static Tc__FeeLine plain_line(const Tc__FeeLine *line) {
    Tc__FeeLine plain = TC__FEE_LINE__INIT;
    plain.line = line->line;
    plain.kind = line->kind;
    plain.code = line->code;
    plain.name = line->name;
    plain.quantity_milli = line->quantity_milli;
    plain.price_fen = line->price_fen;
    plain.amount_fen = line->amount_fen;
    plain.used_on = line->used_on;
    plain.days = line->days;
    return plain;
}

// The same line again changes nothing.
static int take_line(line_rows_t *lines, const Tc__AddLines *ask, size_t index, size_t *known, visit_row_t *visit,
                     err_t *err) {
    char field[48];
    size_t bytes, held_bytes;
    const Tc__FeeLine plain = plain_line(ask->lines[index]);
    const void *body = message_pack(&plain.base, lines->on->arena, &bytes);
    if (!body) return no_memory(err);
    if (*known < lines->known.count && row_i64(&lines->known, *known, 0) == (int64_t)index) {
        const void *held = row_blob(&lines->known, (*known)++, 1, &held_bytes);
        if (held_bytes == bytes && memcmp(held, body, bytes) == 0) return 0;
        snprintf(field, sizeof field, "lines[%zu].line", index);
        return err_field(err, E_EXISTS, field, "line %d is there already and says otherwise", plain.line);
    }
    cell_t *row = rows_add(&lines->fresh);
    if (!row) return no_memory(err);
    row[0] = cell_text(ask->bill);
    row[1] = cell_i64(plain.line);
    row[2] = cell_blob(body, bytes);
    visit->line_count++;
    visit->amount_fen += plain.amount_fen;
    return 0;
}

static int take_lines(adjudication_t *on, const Tc__AddLines *ask, visit_row_t *visit, err_t *err) {
    line_rows_t lines = {.on = on};
    fee_days_t days = {.to = DATE_MAX};
    fen_t amount;
    size_t known = 0;
    rows_init(&lines.fresh, on->arena, 3);
    if (!ask->n_lines) return err_field(err, E_MISSING_FIELD, "lines", "lines are missing");
    if (ask->n_lines > FEE_LINES_AT_ONCE)
        return err_field(err, E_TOO_LARGE, "lines", "more than %d lines at once", FEE_LINES_AT_ONCE);
    if (date_parse(visit->asked->from, &days.from))
        return err_set(err, E_INTERNAL, "a stored visit has no valid first day");
    int rc = fee_lines_check(ask->lines, ask->n_lines, &days, &amount, err);
    if (!rc) rc = find_known(&lines, ask, err);
    for (size_t i = 0; !rc && i < ask->n_lines; i++) rc = take_line(&lines, ask, i, &known, visit, err);
    return rc ? rc : visit_lines_insert(on->store, &lines.fresh, err);
}

int visit_add_lines(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                    err_t *err) {
    const Tc__AddLines *ask = (const Tc__AddLines *)message;
    const char *state = "";
    visit_row_t visit = {0};
    int rc = find_visit(self, request, ask->bill, ask->person, &visit, &state, err);
    if (!rc) rc = check_open(state, err);
    if (!rc) rc = take_lines(self, ask, &visit, err);
    return rc ? rc : write_visit(self, &visit, "registered", reply, err);
}

static int find_named(adjudication_t *on, const Tc__RemoveLines *ask, rows_t *keys, rows_t *found, err_t *err) {
    if (ask->n_lines > FEE_LINES_AT_ONCE)
        return err_field(err, E_TOO_LARGE, "lines", "more than %d lines at once", FEE_LINES_AT_ONCE);
    for (size_t i = 0; i < ask->n_lines; i++) {
        for (size_t before = 0; before < i; before++)
            if (ask->lines[before] == ask->lines[i])
                return err_field(err, E_INVALID_FIELD, "lines", "line %d is told twice", ask->lines[i]);
        int rc = add_key(keys, ask->bill, ask->lines[i], err);
        if (rc) return rc;
    }
    int rc = visit_lines_find_some(on->store, keys, on->arena, found, err);
    if (!rc && found->count < ask->n_lines)
        rc = err_field(err, E_NOT_FOUND, "lines", "the visit has not all of these lines");
    return rc;
}

static int find_every(adjudication_t *on, const char *bill, rows_t *keys, rows_t *found, err_t *err) {
    rows_t ask;
    rows_init(&ask, on->arena, 3);
    cell_t *key = rows_add(&ask);
    if (!key) return no_memory(err);
    key[0] = cell_text(bill);
    key[1] = cell_i64(0);
    key[2] = cell_i64(FEE_LINES_MAX);
    int rc = visit_lines_find(on->store, &ask, on->arena, found, err);
    for (size_t row = 0; !rc && row < found->count; row++) rc = add_key(keys, bill, (int)row_i64(found, row, 1), err);
    return rc;
}

static int drop_lines(adjudication_t *on, const Tc__RemoveLines *ask, visit_row_t *visit, err_t *err) {
    rows_t keys, found;
    rows_init(&keys, on->arena, 2);
    const size_t body = ask->n_lines ? 1 : 2; // column
    int rc = ask->n_lines ? find_named(on, ask, &keys, &found, err) : find_every(on, ask->bill, &keys, &found, err);
    for (size_t row = 0; !rc && row < found.count; row++) {
        ProtobufCMessage *line;
        size_t bytes;
        const void *data = row_blob(&found, row, body, &bytes);
        rc = message_unpack(&line, &tc__fee_line__descriptor, data, bytes, on->arena, err);
        if (rc) return rc;
        visit->line_count--;
        visit->amount_fen -= ((const Tc__FeeLine *)line)->amount_fen;
    }
    return rc ? rc : visit_lines_drop(on->store, &keys, err);
}

int visit_remove_lines(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                       err_t *err) {
    const Tc__RemoveLines *ask = (const Tc__RemoveLines *)message;
    const char *state = "";
    visit_row_t visit = {0};
    int rc = find_visit(self, request, ask->bill, ask->person, &visit, &state, err);
    if (!rc) rc = check_open(state, err);
    if (!rc) rc = drop_lines(self, ask, &visit, err);
    return rc ? rc : write_visit(self, &visit, "registered", reply, err);
}

// ---- the split of lines outside a bill

typedef struct lines_ask {
    const char *person, *facility, *diagnosis;
    int type;
    fee_days_t days;
    Tc__FeeLine **lines;
    size_t count;
} lines_ask_t;

// A place that the register does not know is outside the city, where level 3 stands for it, as for a bill.
static int place(adjudication_t *on, const lines_ask_t *ask, split_facts_t *facts, err_t *err) {
    facility_on_t facility = {.level = LEVEL_3};
    if (!on->facilities_ready)
        return err_field(err, E_UNAVAILABLE, "facility", "the register of facilities is still being read");
    (void)facilities_find(on->facilities, ask->facility, ask->days.to, &facility);
    facts->level = facility.level;
    return 0;
}

static int make_facts(adjudication_t *on, const lines_ask_t *ask, split_facts_t *facts, err_t *err) {
    const policy_t *policy = policies_current(on->policies);
    const Tc__Entitlement *state = NULL;
    entitled_t entitled;
    *facts = (split_facts_t){.visit = (visit_t)ask->type, .diagnosis = ask->diagnosis};
    int rc = place(on, ask, facts, err);
    if (!rc) rc = insured_state(on, ask->person, &state, err);
    if (!rc) rc = entitled_on(state, policy_coverage(policy)->tier2, ask->days.to, &entitled, err);
    if (!rc) rc = bill_lines_person(state, facts, err);
    if (rc) return rc;
    const benefit_bill_t bill = {.identity = entitled.identity < 0 ? (identity_t)0 : (identity_t)entitled.identity,
                                 .groups = entitled.groups,
                                 .covered = entitled.covered,
                                 .level = facts->level,
                                 .designated = true,
                                 .visit = facts->visit,
                                 .from = ask->days.from,
                                 .to = ask->days.to,
                                 .months_tier1 = entitled.months_tier1,
                                 .months_tier2 = entitled.months_tier2};
    facts->identity = bill.identity;
    facts->city_first_pay = benefit_has_first_pay(policy, &bill);
    return 0;
}

static int split(adjudication_t *on, const lines_ask_t *ask, Tc__FeeLine ***out, split_sums_t *sums, err_t *err) {
    fee_ask_t fee = {.lines = ask->lines, .count = ask->count, .days = ask->days};
    int rc = bill_lines_catalogue(on, &fee.catalogue, err);
    if (!rc) rc = make_facts(on, ask, &fee.facts, err);
    return rc ? rc : fee_lines_split(&fee, on->arena, out, sums, err);
}

static int check_split(const Tc__SplitLines *ask, lines_ask_t *out, err_t *err) {
    int rc = intake_check_name("person", ask->person, err);
    if (!rc) rc = intake_check_facility(ask->facility, err);
    if (rc) return rc;
    out->type = visit_from_name(ask->type);
    if (out->type < 0)
        return err_field(err, ask->type[0] ? E_INVALID_FIELD : E_MISSING_FIELD, "type", "type: expected one of %s",
                         visit_names());
    if (ask->diagnosis[0] && !catalogue_diagnosis_fits(ask->diagnosis))
        return err_field(err, E_INVALID_FIELD, "diagnosis", "diagnosis must be 1 to %d of A-Z a-z 0-9 . + * -",
                         CATALOGUE_DIAGNOSIS_MAX);
    if (ask->n_lines > FEE_LINES_AT_ONCE)
        return err_field(err, E_TOO_LARGE, "lines", "more than %d lines at once", FEE_LINES_AT_ONCE);
    out->days.from = DATE_NONE;
    return intake_check_date("to", ask->to, &out->days.to, err);
}

int visit_split(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                err_t *err) {
    adjudication_t *on = self;
    const Tc__SplitLines *ask = (const Tc__SplitLines *)message;
    lines_ask_t lines = {.person = ask->person,
                         .facility = ask->facility,
                         .diagnosis = ask->diagnosis,
                         .lines = ask->lines,
                         .count = ask->n_lines};
    split_sums_t sums;
    Tc__SplitResult *result = arena_alloc(on->arena, sizeof *result);
    if (!result) return no_memory(err);
    tc__split_result__init(result);
    int rc = check_split(ask, &lines, err);
    if (!rc) rc = scope_check_facility(request->header.scope, ask->facility, err);
    if (!rc) rc = split(on, &lines, &result->lines, &sums, err);
    if (rc) return rc;
    result->n_lines = ask->n_lines;
    result->total_fen = sums.total;
    result->full_own_fen = sums.full_own;
    result->over_limit_fen = sums.over_limit;
    result->first_pay_fen = sums.first_pay;
    result->in_scope_fen = sums.in_scope;
    *reply = &result->base;
    return 0;
}

// ---- get_visit

static int read_page(adjudication_t *on, const char *bill, int after, Tc__FeeLine ***out, size_t *count, err_t *err) {
    rows_t keys, found;
    rows_init(&keys, on->arena, 3);
    cell_t *key = rows_add(&keys);
    if (!key) return no_memory(err);
    key[0] = cell_text(bill);
    key[1] = cell_i64(after);
    key[2] = cell_i64(VISIT_LINES_PAGE);
    int rc = visit_lines_find(on->store, &keys, on->arena, &found, err);
    if (rc) return rc;
    *out = arena_alloc(on->arena, (found.count + 1) * sizeof **out);
    if (!*out) return no_memory(err);
    for (size_t row = 0; !rc && row < found.count; row++) {
        ProtobufCMessage *line;
        size_t bytes;
        const void *body = row_blob(&found, row, 2, &bytes);
        rc = message_unpack(&line, &tc__fee_line__descriptor, body, bytes, on->arena, err);
        if (!rc) (*out)[row] = (Tc__FeeLine *)line;
    }
    *count = found.count;
    return rc;
}

// The last day of the visit: of the bill when it is settled, else today.
static int last_day(adjudication_t *on, const char *bill, date_t *out, err_t *err) {
    const Tc__Decision *decision = NULL;
    *out = date_of_ms(on->ports.now_ms(on->ports.self));
    int rc = read_decision(on, bill, &decision, err);
    if (rc || !decision || !decision->input || !decision->input->to[0]) return rc;
    if (date_parse(decision->input->to, out)) return err_set(err, E_INTERNAL, "a stored bill has no valid last day");
    return 0;
}

static int split_page(adjudication_t *on, const visit_row_t *visit, Tc__FeeLine ***lines, size_t count, err_t *err) {
    split_sums_t sums;
    lines_ask_t ask = {.person = visit->asked->person,
                       .facility = visit->asked->facility,
                       .diagnosis = visit->asked->diagnosis,
                       .type = visit_from_name(visit->asked->type),
                       .days = {.from = DATE_NONE},
                       .lines = *lines,
                       .count = count};
    err_t why = {0};
    int rc = last_day(on, visit->asked->bill, &ask.days.to, err);
    if (rc) return rc;
    // Not split is still an answer: what the hospital sent.
    rc = split(on, &ask, lines, &sums, &why);
    return rc == E_IO ? err_set(err, E_IO, "%s", why.text) : 0;
}

// The lines as a decision split them; *lines NULL when none took them from this visit.
static int kept_page(adjudication_t *on, const Tc__GetVisit *ask, Tc__Visit *out, err_t *err) {
    rows_t found;
    int rc = visit_split_find(on->store, ask->bill, ask->version ? ask->version : INT32_MAX, ask->after_line,
                              VISIT_LINES_PAGE, on->arena, &found, err);
    if (rc || !found.count) return rc;
    out->version = (int32_t)row_i64(&found, 0, 0);
    out->lines = arena_alloc(on->arena, VISIT_LINES_PAGE * sizeof *out->lines);
    if (!out->lines) return no_memory(err);
    for (size_t row = 0; row < found.count; row++) {
        ProtobufCMessage *message;
        size_t bytes;
        const void *body = row_blob(&found, row, 1, &bytes);
        rc = message_unpack(&message, &tc__split_result__descriptor, body, bytes, on->arena, err);
        if (rc) return rc;
        const Tc__SplitResult *chunk = (const Tc__SplitResult *)message;
        for (size_t i = 0; i < chunk->n_lines && out->n_lines < VISIT_LINES_PAGE; i++)
            if (chunk->lines[i]->line > ask->after_line) out->lines[out->n_lines++] = chunk->lines[i];
    }
    return 0;
}

int visit_get(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
              err_t *err) {
    adjudication_t *on = self;
    const Tc__GetVisit *ask = (const Tc__GetVisit *)message;
    const char *state = "";
    visit_row_t visit = {0};
    Tc__Visit *out = NULL;
    int rc = find_visit(on, request, ask->bill, ask->person, &visit, &state, err);
    if (!rc && (ask->after_line < 0 || ask->after_line > FEE_LINES_MAX))
        rc = err_field(err, E_OUT_OF_RANGE, "after_line", "after_line must be from 0 to %d", FEE_LINES_MAX);
    if (!rc && ask->version < 0) rc = err_field(err, E_OUT_OF_RANGE, "version", "version is negative");
    if (!rc) rc = answer(on, &visit, state, &out, err);
    if (!rc) rc = kept_page(on, ask, out, err);
    if (rc) return rc;
    *reply = &out->base;
    if (out->version) return 0;
    rc = read_page(on, ask->bill, ask->after_line, &out->lines, &out->n_lines, err);
    if (!rc && out->n_lines) rc = split_page(on, &visit, &out->lines, out->n_lines, err);
    return rc;
}
