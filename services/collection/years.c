#include "years.h"
#include "common/base/hash.h"
#include "common/policy/statements.h"
#include "retirement.h"
#include <string.h>

static int out_of_memory(err_t *err) { return err_set(err, E_IO, "out of memory"); }

// ---- what counts

bool years_counts(const policy_t *policy, identity_t identity) {
    const policy_coverage_t *rules = policy_coverage(policy);
    if (identity == IDENTITY_RETIREE || ((rules->yearly | rules->lifelong) >> identity & 1)) return false;
    return !rules->tier2 || (rules->tier2 >> identity & 1);
}

static bool is_in(const Tc__Transfer *transfer) { return strcmp(transfer->direction, "in") == 0; }

// How often the person was transferred out before that day.
static size_t stay_of(const Tc__PersonState *person, date_t day) {
    size_t stay = 0;
    date_t on;
    for (size_t i = 0; i < person->n_transfers; i++)
        stay += !is_in(person->transfers[i]) && date_parse(person->transfers[i]->on, &on) == 0 && on < day;
    return stay;
}

// Months of the city's former scheme: those before the first spell that came with no transfer (docs/enrollment.md).
static int32_t former_months(const Tc__PersonState *person) {
    month_t from;
    date_t on;
    if (person->n_spells == 0 || month_parse(person->spells[0]->from_month, &from)) return 0;
    const size_t stay = stay_of(person, month_first(from));
    int32_t months = person->spells[0]->prior_months_tier2;
    for (size_t i = 0; i < person->n_transfers; i++)
        if (is_in(person->transfers[i]) && date_parse(person->transfers[i]->on, &on) == 0 &&
            stay_of(person, on) == stay)
            months -= person->transfers[i]->months_tier2;
    return months > 0 ? months : 0;
}

month_t years_first_tier2(const Tc__PersonState *person, month_t first_paid) {
    month_t from;
    const int32_t former = former_months(person);
    if (former == 0 || month_parse(person->spells[0]->from_month, &from)) return first_paid;
    from -= former;
    return first_paid == MONTH_NONE || from < first_paid ? from : first_paid;
}

static int32_t at_least_0(int64_t months) {
    return (int32_t)(months < 0 ? 0 : months > INT32_MAX ? INT32_MAX : months);
}

// Months with tier 2 that came with the person, less those taken along.
static int64_t transferred(const Tc__PersonState *person, date_t on, bool *came) {
    int64_t months = 0;
    date_t day;
    *came = false;
    for (size_t i = 0; i < person->n_transfers; i++) {
        const Tc__Transfer *transfer = person->transfers[i];
        const bool in = is_in(transfer);
        if (date_parse(transfer->on, &day) || day > on) continue;
        *came |= in;
        months += in ? transfer->months_tier2 : -transfer->months_tier2;
    }
    return months;
}

void years_count(const policy_t *policy, const Tc__PersonState *person, const years_bill_t *paid, size_t count,
                 date_t on, Tc__Years *out, month_t *first_tier2) {
    int64_t local = former_months(person), lump = 0, deemed = 0;
    month_t first = MONTH_NONE;
    bool came;
    for (size_t i = 0; i < count; i++) {
        const years_bill_t *bill = &paid[i];
        lump += bill->lump_months;
        if (bill->period.lump || bill->period.yearly || bill->period.difference ||
            !years_counts(policy, bill->identity))
            continue;
        local++;
        if (first == MONTH_NONE || bill->period.month < first) first = bill->period.month;
    }
    for (size_t i = 0; i < person->n_deemed; i++) deemed += person->deemed[i]->months;
    *first_tier2 = years_first_tier2(person, first);
    tc__years__init(out);
    out->actual_months = at_least_0(local + lump + transferred(person, on, &came));
    out->deemed_months = at_least_0(deemed);
    // What was made up at retirement is no month contributed in the city (JM-Y-07).
    out->local_months = at_least_0(local) < out->actual_months ? at_least_0(local) : out->actual_months;
}

// ---- of one person

typedef struct record { // a person on a day
    Tc__PersonState *person;
    date_t on;
    Tc__Years years;
    month_t first_tier2;
    bool lump_unpaid;
} record_t;

static int read_day(const char *text, date_t *out, err_t *err) {
    const date_t today = date_of_ms(clock_now_ms());
    *out = today;
    if (!*text) return 0;
    if (date_parse(text, out)) return err_field(err, E_INVALID_FIELD, "on", "on: expected a date like 2018-03-01");
    return *out > today ? err_field(err, E_OUT_OF_RANGE, "on", "on is in the future") : 0;
}

static int read_paid(collection_t *c, record_t *record, const rows_t *rows, years_bill_t *paid, size_t *count,
                     err_t *err) {
    *count = 0;
    for (size_t i = 0; i < rows->count; i++) {
        Tc__ContributionBill *bill;
        size_t size;
        date_t day;
        const void *body = row_blob(rows, i, 0, &size);
        years_bill_t *to = &paid[*count];
        int rc = message_unpack((ProtobufCMessage **)&bill, &tc__contribution_bill__descriptor, body, size,
                                c->ctx->arena, err);
        if (rc == 0) rc = period_parse(bill->period, &to->period, err);
        if (rc) return rc;
        const bool is_paid = date_parse(row_text(rows, i, 1), &day) == 0;
        if (to->period.lump && !is_paid) record->lump_unpaid = true;
        if (!is_paid || day > record->on) continue;
        to->identity = (identity_t)identity_from_name(bill->identity);
        to->lump_months = 0;
        for (size_t k = 0; k < bill->n_lines; k++) to->lump_months += bill->lines[k]->months;
        ++*count;
    }
    return 0;
}

static int read_record(collection_t *c, const char *person, const char *on, record_t *out, err_t *err) {
    rows_t rows;
    size_t count;
    char first[DATE_TEXT_MAX];
    *out = (record_t){0};
    int rc = desk_person(c, person, &out->person, err);
    if (rc == 0) rc = read_day(on, &out->on, err);
    if (rc == 0) rc = bills_of(c->ctx->store, out->person->person, c->ctx->arena, &rows, err);
    if (rc) return rc;
    years_bill_t *paid = arena_alloc(c->ctx->arena, (rows.count + 1) * sizeof *paid);
    if (!paid) return out_of_memory(err);
    if ((rc = read_paid(c, out, &rows, paid, &count, err))) return rc;
    years_count(c->env.policy, out->person, paid, count, out->on, &out->years, &out->first_tier2);
    if (out->first_tier2 == MONTH_NONE) return 0;
    out->years.first_tier2 = arena_text(c->ctx->arena, "%s", month_format(out->first_tier2, first));
    return out->years.first_tier2 ? 0 : out_of_memory(err);
}

int years_get(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
              err_t *err) {
    (void)request;
    collection_t *c = self;
    const Tc__GetYears *ask = (const Tc__GetYears *)message;
    record_t *record = arena_alloc(c->ctx->arena, sizeof *record);
    if (!record) return out_of_memory(err);
    int rc = read_record(c, ask->person, ask->on, record, err);
    if (rc == 0) *reply = &record->years.base;
    return rc;
}

// ---- what is missing at retirement

static relation_t relation_of(const Tc__PersonState *person, date_t on) {
    date_t ended;
    return *person->ended_on && date_parse(person->ended_on, &ended) == 0 && ended <= on ? RELATION_ENDED
                                                                                         : RELATION_OPEN;
}

// Since when the person is covered for life, DATE_NONE when not.
static date_t lifelong_since(const policy_t *policy, const Tc__PersonState *person, date_t on) {
    for (size_t i = 0; i < person->n_spells; i++) {
        const int identity = identity_from_name(person->spells[i]->identity);
        month_t from;
        if (identity < 0 || !(policy_coverage(policy)->lifelong >> identity & 1)) continue;
        if (month_parse(person->spells[i]->from_month, &from) == 0 && month_first(from) <= on) return month_first(from);
    }
    return DATE_NONE;
}

static int assess(collection_t *c, const record_t *record, retirement_result_t *out, err_t *err) {
    const policy_t *policy = c->env.policy;
    const bool asks_actual = retirement_asks(policy) & RETIREMENT_ASKS_ACTUAL;
    bool came;
    transferred(record->person, record->on, &came);
    const retirement_person_t person = {.sex = sex_from_name(record->person->sex),
                                        .has_months = !asks_actual,
                                        .months = asks_actual ? 0 : record->years.actual_months,
                                        .has_actual = asks_actual,
                                        .actual_months = asks_actual ? record->years.actual_months : 0,
                                        .deemed_months = record->years.deemed_months,
                                        .joined = record->first_tier2,
                                        .transferred = came,
                                        .has_local = true,
                                        .local_months = record->years.local_months,
                                        .lifelong_since = lifelong_since(policy, record->person, record->on),
                                        .relation = relation_of(record->person, record->on)};
    return retirement_eval(policy, &person, record->on, out, err);
}

static const char *last_rule(const retirement_result_t *result) {
    return result->step_count ? result->steps[result->step_count - 1].rule : "";
}

int years_assess(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                 err_t *err) {
    (void)request;
    collection_t *c = self;
    const Tc__AssessRetirement *ask = (const Tc__AssessRetirement *)message;
    record_t record;
    retirement_result_t result;
    int rc = read_record(c, ask->person, ask->on, &record, err);
    if (rc == 0) rc = assess(c, &record, &result, err);
    if (rc) return rc;
    Tc__RetirementAssessment *out = arena_alloc(c->ctx->arena, sizeof *out);
    if (!out) return out_of_memory(err);
    tc__retirement_assessment__init(out);
    out->required_months = (int32_t)result.required;
    out->missing_months = (int32_t)result.missing;
    out->monthly_fen = result.monthly;
    out->lump_sum_fen = result.lump_sum;
    out->exempt = result.exempt;
    out->local_missing_months = (int32_t)result.local_missing;
    out->rule = (char *)last_rule(&result);
    *reply = &out->base;
    return 0;
}

// ---- the bill of what is missing

// Where the law sends persons employed across pooling areas to the rules of State and province (JM-Y-11), nothing here
// can tell what they make up: a clerk does, and names the decision.
static int check_across(const policy_t *policy, const record_t *record, const char *document, err_t *err) {
    const statement_t *across = policy_stated(policy, "across_pooling_areas");
    bool came = false;
    (void)transferred(record->person, record->on, &came);
    if (!across || !came || *document) return 0;
    return err_field(err, E_MISSING_FIELD, "document",
                     "document is missing: who was employed across pooling areas follows State and province (%s, %s);"
                     " name the decision under their rules",
                     across->rule, policy_rule_source(policy, across->rule));
}

static int check_lump(const record_t *record, const retirement_result_t *result, err_t *err) {
    if (record->lump_unpaid)
        return err_field(err, E_EXISTS, "person", "a lump sum of this person is billed and not yet paid");
    if (result->ended)
        return err_field(err, E_OUT_OF_RANGE, "person", "the relation has ended: nothing is made up (%s)",
                         last_rule(result));
    if (result->missing == 0) return err_field(err, E_OUT_OF_RANGE, "person", "no month is missing");
    return 0;
}

static Tc__ContributionBill *make_bill(collection_t *c, const record_t *record, const retirement_result_t *result,
                                       char *document) {
    arena_t *arena = c->ctx->arena;
    const period_t period = period_of_lump(month_of(record->on));
    const Tc__PersonState *person = record->person;
    Tc__ContributionBill *bill = arena_alloc(arena, sizeof *bill);
    Tc__ContributionLine *line = arena_alloc(arena, sizeof *line), **lines = arena_alloc(arena, sizeof *lines);
    if (!bill || !line || !lines) return NULL;
    tc__contribution_line__init(line);
    line->item = (char *)"lump_sum";
    line->payer = (char *)payer_name(PAYER_PERSON);
    line->base_fen = result->monthly;
    line->months = (int32_t)result->missing;
    line->amount_fen = result->lump_sum;
    line->rule = (char *)last_rule(result);
    lines[0] = line;
    tc__contribution_bill__init(bill);
    bill->person = person->person;
    bill->period = arena_text(arena, "%s", period.text);
    bill->identity = person->spells[person->n_spells - 1]->identity;
    bill->division = person->division;
    bill->lines = lines;
    bill->n_lines = 1;
    bill->total_fen = bill->own_fen = result->lump_sum;
    bill->document = document;
    return bill->period ? bill : NULL;
}

static int keep_bill(collection_t *c, const Tc__ContributionBill *bill, err_t *err) {
    rows_t rows, keys, known;
    size_t size;
    void *body = message_pack(&bill->base, c->ctx->arena, &size);
    rows_init(&rows, c->ctx->arena, BILL_COLUMNS);
    rows_init(&keys, c->ctx->arena, 3);
    cell_t *row = rows_add(&rows);
    if (!body || !row) return out_of_memory(err);
    int rc = key_add(&keys, bill->person, err);
    if (rc) return rc;
    rows_at(&keys, 0)[2] = cell_text(bill->period);
    if ((rc = bills_known(c->ctx->store, &keys, c->ctx->arena, &known, err))) return rc;
    if (known.count && strcmp(row_text(&known, 0, 1), bill->period) == 0)
        return err_field(err, E_EXISTS, "on", "a lump sum was billed in this month already");
    const cell_t cells[BILL_COLUMNS] = {cell_i64(partition_of(bill->person)),
                                        cell_text(bill->person),
                                        cell_text(bill->period),
                                        cell_text(bill->identity),
                                        cell_text(bill->employer),
                                        cell_i64(bill->total_fen),
                                        cell_text(""),
                                        cell_text(""),
                                        cell_blob(body, size),
                                        cell_i64(0),
                                        cell_i64(bill->own_fen)};
    memcpy(row, cells, sizeof cells);
    return bills_insert(c->ctx->store, &rows, err);
}

int years_bill_lump_sum(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                        err_t *err) {
    (void)request;
    collection_t *c = self;
    const Tc__BillLumpSum *ask = (const Tc__BillLumpSum *)message;
    record_t record;
    retirement_result_t result;
    int rc = read_record(c, ask->person, ask->on, &record, err);
    if (rc == 0 && *record.person->died_on)
        rc = err_field(err, E_OUT_OF_RANGE, "person", "the person died on %s: nothing is made up",
                       record.person->died_on);
    if (rc == 0 && record.person->n_spells == 0)
        rc = err_field(err, E_NOT_FOUND, "person", "this person was never insured here");
    if (rc == 0) rc = check_across(c->env.policy, &record, ask->document, err);
    if (rc == 0) rc = assess(c, &record, &result, err);
    if (rc == 0) rc = check_lump(&record, &result, err);
    if (rc) return rc;
    Tc__ContributionBill *bill = make_bill(c, &record, &result, ask->document);
    if (!bill) return out_of_memory(err);
    rc = keep_bill(c, bill, err);
    if (rc == 0) *reply = &bill->base;
    return rc;
}
