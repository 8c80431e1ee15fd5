#include "collection.h"
#include "common/wire/message.h"
#include "contribution.h"
#include <stdio.h>
#include <string.h>

enum { RECEIPT_PARTS_MAX = 4096 };

static int out_of_memory(err_t *err) { return err_set(err, E_IO, "out of memory"); }
static bool has_bit(uint32_t set, int identity) { return identity >= 0 && (set >> identity & 1); }

// ---- periods
// ------------------------------------------------------------------------------------------------------------

period_t period_of_month(month_t month) {
    period_t period = {.month = month};
    month_format(month, period.text);
    return period;
}

period_t period_of_year(int year) {
    period_t period = {.yearly = true, .month = month_make(year, 1)};
    snprintf(period.text, sizeof period.text, "%04d", year);
    return period;
}

period_t period_of_lump(month_t month) {
    period_t period = {.lump = true, .month = month};
    char text[DATE_TEXT_MAX];
    snprintf(period.text, sizeof period.text, "%s lump", month_format(month, text));
    return period;
}

period_t period_of_difference(month_t month, int number) {
    period_t period = {.month = month, .difference = number};
    char text[DATE_TEXT_MAX];
    snprintf(period.text, sizeof period.text, "%s diff %02d", month_format(month, text), number % 100);
    return period;
}

// The month before a blank, and what follows that: "2020-03 lump", "2018-03 diff 01".
static bool split_period(const char *text, month_t *month, const char **rest) {
    char first[PERIOD_TEXT_MAX];
    const size_t length = strcspn(text, " ");
    if (!text[length] || length >= sizeof first) return false;
    snprintf(first, sizeof first, "%.*s", (int)length, text);
    *rest = text + length + 1;
    return month_parse(first, month) == 0;
}

static bool parse_tail(const char *text, period_t *out) {
    const char *rest;
    month_t month;
    if (!split_period(text, &month, &rest)) return false;
    if (strcmp(rest, "lump") == 0) *out = period_of_lump(month);
    for (int i = 1; strncmp(rest, "diff ", 5) == 0 && i <= DIFFERENCES_MAX; i++) {
        *out = period_of_difference(month, i);
        if (strcmp(out->text, text) == 0) return true;
    }
    return strcmp(rest, "lump") == 0;
}

int period_parse(const char *text, period_t *out, err_t *err) {
    char january[PERIOD_TEXT_MAX];
    month_t month;
    if (!*text) return err_field(err, E_MISSING_FIELD, "period", "period is missing");
    if (month_parse(text, &month) == 0) {
        *out = period_of_month(month);
        return 0;
    }
    if (parse_tail(text, out)) return 0;
    if (strlen(text) == 4) {
        snprintf(january, sizeof january, "%s-01", text);
        if (month_parse(january, &month) == 0) {
            *out = period_of_year(month_year(month));
            return 0;
        }
    }
    return err_field(err, E_INVALID_FIELD, "period", "period: expected a month like 2018-03 or a year like 2018");
}

// Months of a stored spell; an open one never ends.
static void spell_months(const Tc__Spell *spell, month_t *first, month_t *last) {
    *first = MONTH_NONE;
    *last = INT32_MAX;
    if (month_parse(spell->from_month, first)) *last = MONTH_NONE;
    if (*spell->last_month && month_parse(spell->last_month, last)) *last = MONTH_NONE;
}

const Tc__Spell *period_spell(const policy_t *policy, const Tc__PersonState *person, const period_t *period) {
    const policy_coverage_t *rules = policy_coverage(policy);
    month_t end = period->yearly ? period->month + 11 : period->month;
    for (size_t i = person->n_spells; i-- > 0;) {
        month_t first, last;
        int identity = identity_from_name(person->spells[i]->identity);
        spell_months(person->spells[i], &first, &last);
        if (last < period->month || first > end) continue;
        if (has_bit(rules->yearly, identity) != period->yearly) continue;
        return person->spells[i];
    }
    return NULL;
}

fen_t period_wage(const Tc__Spell *spell, const period_t *period) {
    fen_t wage = spell->wage_fen;
    for (size_t i = 0; i < spell->n_wages; i++) {
        month_t from;
        if (month_parse(spell->wages[i]->from_month, &from) == 0 && from <= period->month)
            wage = spell->wages[i]->wage_fen;
    }
    return wage;
}

const char *person_division(const Tc__PersonState *person, date_t day) {
    const char *division = person->n_divisions ? person->divisions[0]->division : person->division;
    for (size_t i = 1; i < person->n_divisions; i++) {
        date_t from;
        if (date_parse(person->divisions[i]->from, &from) == 0 && from <= day)
            division = person->divisions[i]->division;
    }
    return division;
}

date_t period_place_day(const Tc__Spell *spell, const period_t *period) {
    month_t first, last;
    spell_months(spell, &first, &last);
    return month_first(period->yearly && first > period->month ? first : period->month);
}

// ---- bills
// --------------------------------------------------------------------------------------------------------------

static uint32_t groups_on(const Tc__PersonState *person, date_t day) {
    uint32_t groups = 0;
    for (size_t i = 0; i < person->n_groups; i++) {
        const Tc__Membership *group = person->groups[i];
        date_t from, until = DATE_MAX;
        int code = group_from_name(group->group);
        if (code < 0 || date_parse(group->from, &from)) continue;
        if (*group->until && date_parse(group->until, &until)) continue;
        if (from <= day && day <= until) groups |= GROUP_BIT(code);
    }
    return groups;
}

static Tc__ContributionLine *copy_line(const contribution_line_t *line, arena_t *arena) {
    Tc__ContributionLine *out = arena_alloc(arena, sizeof *out);
    if (!out) return NULL;
    tc__contribution_line__init(out);
    out->item = (char *)line->item;
    out->payer = (char *)payer_name((int)line->payer);
    out->base_fen = line->base;
    out->rate_ppm = line->rate;
    out->amount_fen = line->amount;
    out->rule = (char *)line->rule;
    return out;
}

static Tc__ContributionBill *copy_bill(const Tc__PersonState *person, const Tc__Spell *spell, const period_t *period,
                                       const contribution_result_t *due, arena_t *arena) {
    Tc__ContributionBill *bill = arena_alloc(arena, sizeof *bill);
    if (!bill) return NULL;
    tc__contribution_bill__init(bill);
    bill->person = person->person;
    bill->period = arena_text(arena, "%s", period->text);
    bill->identity = spell->identity;
    bill->employer = spell->employer;
    bill->division = (char *)person_division(person, period_place_day(spell, period));
    bill->total_fen = due->total;
    bill->lines = arena_alloc(arena, (size_t)due->line_count * sizeof *bill->lines);
    if (!bill->period || !bill->lines) return NULL;
    for (int i = 0; i < due->line_count; i++)
        if (!(bill->lines[bill->n_lines++] = copy_line(&due->lines[i], arena))) return NULL;
    bill->own_fen = bill_own(bill);
    return bill;
}

int bill_make(const policy_t *policy, const Tc__PersonState *person, const Tc__Spell *spell, const char *employer_kind,
              const period_t *period, arena_t *arena, Tc__ContributionBill **out, err_t *err) {
    // Groups and ages count as on the first day of the period.
    contribution_person_t who = {
        .identity = (identity_t)identity_from_name(spell->identity),
        .wage = period_wage(spell, period),
        .groups = groups_on(person, month_first(period->month)),
        .birth = DATE_NONE,
        .employer_kind = employer_kind,
        .division = person_division(person, period_place_day(spell, period)),
    };
    contribution_result_t due = {0};
    if (*person->birth && date_parse(person->birth, &who.birth))
        return err_set(err, E_INTERNAL, "a stored person has no valid date of birth");
    int rc = period->yearly ? contribution_year(policy, &who, month_year(period->month), &due, err)
                            : contribution_month(policy, &who, period->month, &due, err);
    if (rc) return err_prefix(err, "person %s, %s", person->person, period->text);
    *out = NULL;
    if (due.line_count == 0) return 0;
    *out = copy_bill(person, spell, period, &due, arena);
    return *out ? 0 : out_of_memory(err);
}

// ---- whose money it is
// --------------------------------------------------------------------------------------------------

static bool is_payers(const Tc__ContributionLine *line) {
    const int payer = payer_from_name(line->payer);
    return payer == PAYER_EMPLOYER || payer == PAYER_PERSON;
}

static bool is_funds(const Tc__ContributionLine *line) {
    return payer_from_name(line->payer) == PAYER_UNEMPLOYMENT_FUND;
}

// The lines of one kind; their sum is part of the total, which was counted when the bill was made.
static fen_t sum_of(const Tc__ContributionBill *bill, bool (*is)(const Tc__ContributionLine *)) {
    fen_t sum = 0;
    for (size_t i = 0; i < bill->n_lines; i++)
        if (is(bill->lines[i]) && fen_add(sum, bill->lines[i]->amount_fen, &sum)) return bill->total_fen;
    return sum;
}

fen_t bill_own(const Tc__ContributionBill *bill) {
    const fen_t own = sum_of(bill, is_payers);
    return own ? own : sum_of(bill, is_funds);
}

bool bill_brings(const Tc__ContributionBill *bill, const Tc__ContributionLine *line) {
    if (bill->own_fen == bill->total_fen) return true;
    if (bill->own_fen == 0) return false;
    return sum_of(bill, is_payers) ? is_payers(line) : is_funds(line);
}

int bill_unpack(const void *body, size_t bytes, fen_t own, arena_t *arena, Tc__ContributionBill **out, err_t *err) {
    int rc = message_unpack((ProtobufCMessage **)out, &tc__contribution_bill__descriptor, body, bytes, arena, err);
    if (rc == 0) (*out)->own_fen = own;
    return rc;
}

// ---- receipts
// -----------------------------------------------------------------------------------------------------------

static Tc__Receipt__Part *find_part(Tc__Receipt *receipt, const Tc__ContributionBill *bill,
                                    const Tc__ContributionLine *line) {
    for (size_t i = 0; i < receipt->n_parts; i++) {
        Tc__Receipt__Part *part = receipt->parts[i];
        if (strcmp(part->item, line->item) == 0 && strcmp(part->payer, line->payer) == 0 &&
            strcmp(part->identity, bill->identity) == 0 && strcmp(part->division, bill->division) == 0)
            return part;
    }
    return NULL;
}

static Tc__Receipt__Part *add_part(Tc__Receipt *receipt, const Tc__ContributionBill *bill,
                                   const Tc__ContributionLine *line, arena_t *arena) {
    Tc__Receipt__Part *part = arena_alloc(arena, sizeof *part);
    if (!part) return NULL;
    tc__receipt__part__init(part);
    part->item = line->item;
    part->payer = line->payer;
    part->identity = bill->identity;
    part->division = bill->division;
    return receipt->parts[receipt->n_parts++] = part;
}

static int add_bill(Tc__Receipt *receipt, const Tc__ContributionBill *bill, fen_t *sum, arena_t *arena, err_t *err) {
    for (size_t i = 0; i < bill->n_lines; i++) {
        const Tc__ContributionLine *line = bill->lines[i];
        if (!bill_brings(bill, line)) continue;
        Tc__Receipt__Part *part = find_part(receipt, bill, line);
        if (!part && receipt->n_parts == RECEIPT_PARTS_MAX)
            return err_set(err, E_TOO_LARGE, "a receipt of more than %d parts", RECEIPT_PARTS_MAX);
        if (!part && !(part = add_part(receipt, bill, line, arena))) return out_of_memory(err);
        if (fen_add(part->amount_fen, line->amount_fen, &part->amount_fen) || fen_add(*sum, line->amount_fen, sum))
            return err_field(err, E_OUT_OF_RANGE, "amount",
                             "the bills of this payer add up to more than can be counted");
    }
    return 0;
}

static size_t parts_room(Tc__ContributionBill *const *bills, size_t count) {
    size_t lines = 1;
    for (size_t i = 0; i < count && lines < RECEIPT_PARTS_MAX; i++) lines += bills[i]->n_lines;
    return lines < RECEIPT_PARTS_MAX ? lines : RECEIPT_PARTS_MAX;
}

int receipt_make(const Tc__Receive *ask, Tc__ContributionBill *const *bills, size_t count, arena_t *arena,
                 Tc__Receipt **out, err_t *err) {
    char due_text[FEN_TEXT_MAX], got_text[FEN_TEXT_MAX];
    Tc__Receipt *receipt = arena_alloc(arena, sizeof *receipt);
    fen_t sum = 0;
    if (!receipt) return out_of_memory(err);
    tc__receipt__init(receipt);
    receipt->receipt = ask->receipt;
    receipt->payer = *ask->employer ? ask->employer : ask->person;
    receipt->period = ask->period;
    receipt->paid_on = ask->paid_on;
    receipt->amount_fen = ask->amount_fen;
    receipt->bills = (int32_t)count;
    if (!(receipt->parts = arena_alloc(arena, parts_room(bills, count) * sizeof *receipt->parts)))
        return out_of_memory(err);
    for (size_t i = 0; i < count; i++) {
        int rc = add_bill(receipt, bills[i], &sum, arena, err);
        if (rc) return rc;
    }
    if (count == 0 || sum != ask->amount_fen)
        return err_field(err, E_OUT_OF_RANGE, "amount", "%s is due for %s, %s was received", fen_format(sum, due_text),
                         ask->period, fen_format(ask->amount_fen, got_text));
    *out = receipt;
    return 0;
}

// ---- entitlement
// --------------------------------------------------------------------------------------------------------

static const Tc__Spell *owing_spell(const policy_t *policy, const Tc__PersonState *person, const billed_t *bill) {
    const Tc__Spell *spell = period_spell(policy, person, &bill->period);
    return spell && identity_from_name(spell->identity) == (int)bill->identity &&
                   strcmp(spell->employer, bill->employer) == 0
               ? spell
               : NULL;
}

bool billed_on_another_wage(const policy_t *policy, const Tc__PersonState *person, const billed_t *bill) {
    if (bill->paid_on == DATE_NONE || bill->wage == 0 || bill->period.yearly || bill->period.lump) return false;
    const Tc__Spell *spell = owing_spell(policy, person, bill);
    return spell && bill->wage != period_wage(spell, &bill->period);
}

bool billed_stands(const policy_t *policy, const Tc__PersonState *person, const billed_t *bill) {
    if (bill->paid_on != DATE_NONE || *person->merged_into) return true;   // a merged number's go to the other one
    if (bill->period.lump) return !*person->died_on && !*person->ended_on; // nothing is made up then (ZZ-Y08)
    const Tc__Spell *spell = owing_spell(policy, person, bill);
    return spell && (bill->wage == 0 || bill->wage == period_wage(spell, &bill->period));
}

// The month of a day that is told, INT32_MAX for "".
static month_t month_of_day(const char *day) {
    date_t date;
    return *day && date_parse(day, &date) == 0 ? month_of(date) : INT32_MAX;
}

const char *billed_void(const policy_t *policy, const Tc__PersonState *person, const billed_t *bill) {
    if (bill->paid_on == DATE_NONE || bill->period.lump || *person->merged_into) return NULL;
    if (bill->period.month > month_of_day(person->died_on)) return "died";
    if (has_bit(policy_coverage(policy)->yearly, (int)bill->identity)) return NULL;
    return bill->period.month > month_of_day(person->ended_on) ? "relation_ended" : NULL;
}

// Months of former schemes stand with the first spell of the stay that they belong to.
static int brought_along(const Tc__PersonState *person, arena_t *arena, coverage_input_t *out, err_t *err) {
    coverage_brought_t *brought = arena_alloc(arena, person->n_spells * sizeof *brought);
    if (!brought) return out_of_memory(err);
    out->brought = brought;
    out->prior_months_tier1 = person->spells[0]->prior_months_tier1;
    out->prior_months_tier2 = person->spells[0]->prior_months_tier2;
    for (size_t i = 1; i < person->n_spells; i++) {
        const Tc__Spell *spell = person->spells[i];
        if (spell->prior_months_tier1 == 0 && spell->prior_months_tier2 == 0) continue;
        coverage_brought_t *to = &brought[out->brought_count++];
        *to = (coverage_brought_t){MONTH_NONE, spell->prior_months_tier1, spell->prior_months_tier2};
        if (month_parse(spell->from_month, &to->from))
            return err_set(err, E_INTERNAL, "a stored spell has no valid first month");
    }
    return 0;
}

// What finance pays all of is never late. A year that began before the person did counts from the first month of the
// spell, as if it had been paid on that month's first day.
static date_t buys_on(const policy_t *policy, const Tc__PersonState *person, const billed_t *bill) {
    month_t first, last;
    if (!bill->waived || bill->paid_on != DATE_NONE) return bill->paid_on;
    const Tc__Spell *spell = bill->period.yearly ? period_spell(policy, person, &bill->period) : NULL;
    if (!spell) return PAID_ON_TIME;
    spell_months(spell, &first, &last);
    return first > bill->period.month ? month_first(first) : PAID_ON_TIME;
}

// Contributions by month and by year, and what enrolment says of former schemes and of cover for life.
int billed_coverage(const policy_t *policy, const Tc__PersonState *person, const billed_t *bills, size_t count,
                    arena_t *arena, coverage_input_t *out, err_t *err) {
    coverage_months_t *months = arena_alloc(arena, (count + 1) * sizeof *months);
    coverage_year_t *years = arena_alloc(arena, (count + 1) * sizeof *years);
    if (!months || !years) return out_of_memory(err);
    *out = (coverage_input_t){.months = months, .years = years, .lifelong_from = MONTH_NONE, .born = DATE_NONE};
    for (size_t i = 0; i < count; i++) {
        const billed_t *b = &bills[i];
        const date_t paid_on = buys_on(policy, person, b);
        if (has_bit(policy_coverage(policy)->lifelong, (int)b->identity)) continue; // what they owe buys no cover
        if (b->period.lump || b->period.difference) continue;
        if (b->period.yearly)
            years[out->year_count++] = (coverage_year_t){month_year(b->period.month), b->identity, paid_on};
        else
            months[out->month_count++] =
                (coverage_months_t){b->period.month, b->period.month, b->identity, paid_on, DATE_NONE};
    }
    if (*person->birth && date_parse(person->birth, &out->born))
        return err_set(err, E_INTERNAL, "a stored person has no valid date of birth");
    if (person->n_spells == 0) return 0;
    int rc = brought_along(person, arena, out, err);
    if (rc) return rc;
    const Tc__Spell *last = person->spells[person->n_spells - 1]; // enrolment lets nothing follow cover for life
    int identity = identity_from_name(last->identity);
    if (!has_bit(policy_coverage(policy)->lifelong, identity)) return 0;
    out->lifelong_identity = (identity_t)identity;
    if (month_parse(last->from_month, &out->lifelong_from))
        return err_set(err, E_INTERNAL, "a stored spell has no valid first month");
    return 0;
}

// A closed spell of cover for life (a death) ends all cover.
static size_t clip_spans(const Tc__PersonState *person, const coverage_input_t *input, coverage_span_t *spans,
                         size_t count) {
    if (input->lifelong_from == MONTH_NONE) return count;
    month_t first, last;
    spell_months(person->spells[person->n_spells - 1], &first, &last);
    while (count && spans[count - 1].first > last) count--;
    if (count && spans[count - 1].last > last) spans[count - 1].last = last;
    return count;
}

// Death ends all cover, the end of the employee relation that of the scheme, whatever is paid: with the month of it.
static size_t end_spans(const policy_t *policy, const Tc__PersonState *person, coverage_span_t *spans, size_t count,
                        char reason[static COVERAGE_REASON_MAX]) {
    const month_t died = month_of_day(person->died_on), ended = month_of_day(person->ended_on);
    size_t kept = 0;
    if (died == INT32_MAX && ended == INT32_MAX) return count;
    for (size_t i = 0; i < count; i++) {
        const bool yearly = has_bit(policy_coverage(policy)->yearly, (int)spans[i].identity);
        const month_t limit = !yearly && ended < died ? ended : died;
        if (spans[i].first > limit) continue;
        spans[kept] = spans[i];
        if (spans[kept].last > limit) spans[kept].last = limit;
        kept++;
    }
    if (died != INT32_MAX)
        snprintf(reason, COVERAGE_REASON_MAX, "died on %s", person->died_on);
    else if (kept == 0 || !has_bit(policy_coverage(policy)->yearly, (int)spans[kept - 1].identity))
        snprintf(reason, COVERAGE_REASON_MAX, "the employee relation ended for good on %s", person->ended_on);
    return kept;
}

static Tc__Entitlement__Span *copy_span(const coverage_span_t *span, arena_t *arena) {
    char text[DATE_TEXT_MAX];
    Tc__Entitlement__Span *out = arena_alloc(arena, sizeof *out);
    if (!out) return NULL;
    tc__entitlement__span__init(out);
    out->identity = (char *)identity_name((int)span->identity);
    out->first_month = arena_text(arena, "%s", month_format(span->first, text));
    out->last_month =
        span->last == INT32_MAX ? out->last_month : arena_text(arena, "%s", month_format(span->last, text));
    out->months_tier1 = span->months_tier1;
    out->months_tier2 = span->months_tier2;
    return out->first_month && out->last_month ? out : NULL;
}

static Tc__Entitlement__Group *copy_group(const Tc__Membership *group, arena_t *arena) {
    Tc__Entitlement__Group *out = arena_alloc(arena, sizeof *out);
    if (!out) return NULL;
    tc__entitlement__group__init(out);
    out->group = group->group;
    out->from = group->from;
    out->until = group->until;
    return out;
}

static bool copy_places(const Tc__PersonState *person, Tc__Entitlement *out, arena_t *arena) {
    if (person->n_divisions < 2) return true;
    if (!(out->places = arena_alloc(arena, person->n_divisions * sizeof *out->places))) return false;
    for (size_t i = 0; i < person->n_divisions; i++) {
        Tc__Entitlement__Place *place = arena_alloc(arena, sizeof *place);
        if (!place) return false;
        tc__entitlement__place__init(place);
        place->division = person->divisions[i]->division;
        place->from = person->divisions[i]->from;
        out->places[out->n_places++] = place;
    }
    return true;
}

static Tc__Entitlement *copy_entitlement(const Tc__PersonState *person, const coverage_span_t *spans, size_t count,
                                         const char *reason, arena_t *arena) {
    Tc__Entitlement *out = arena_alloc(arena, sizeof *out);
    if (!out) return NULL;
    tc__entitlement__init(out);
    out->person = person->person;
    out->division = person->division;
    out->birth = person->birth;
    out->sex = person->sex;
    out->reason = arena_text(arena, "%s", reason);
    out->spans = arena_alloc(arena, (count + 1) * sizeof *out->spans);
    out->groups = arena_alloc(arena, (person->n_groups + 1) * sizeof *out->groups);
    if (!out->reason || !out->spans || !out->groups || !copy_places(person, out, arena)) return NULL;
    for (size_t i = 0; i < count; i++)
        if (!(out->spans[out->n_spans++] = copy_span(&spans[i], arena))) return NULL;
    for (size_t i = 0; i < person->n_groups; i++)
        if (!(out->groups[out->n_groups++] = copy_group(person->groups[i], arena))) return NULL;
    return out;
}

static int merged_state(const Tc__PersonState *person, arena_t *arena, Tc__Entitlement **out, err_t *err) {
    char reason[COVERAGE_REASON_MAX];
    snprintf(reason, sizeof reason, "this number stands for person %.100s", person->merged_into);
    if (!(*out = copy_entitlement(person, NULL, 0, reason, arena))) return out_of_memory(err);
    (*out)->merged_into = person->merged_into;
    return 0;
}

int entitlement_make(const policy_t *policy, const Tc__PersonState *person, const billed_t *bills, size_t count,
                     arena_t *arena, Tc__Entitlement **out, err_t *err) {
    coverage_input_t input;
    coverage_span_t spans[ENTITLEMENT_SPANS_MAX];
    size_t span_count = 0;
    char reason[COVERAGE_REASON_MAX] = "";
    if (*person->merged_into) return merged_state(person, arena, out, err);
    // A city may have published none of this: then there is nothing to tell, and nobody is refused because of it.
    if (!policy_coverage(policy)->decides) {
        *out = copy_entitlement(person, spans, 0, "the city has no rules for what contributions cover", arena);
        return *out ? 0 : out_of_memory(err);
    }
    int rc = billed_coverage(policy, person, bills, count, arena, &input, err);
    if (rc == 0) rc = coverage_spans(policy, &input, spans, COUNT_OF(spans), &span_count, reason, err);
    if (rc) return rc;
    span_count = clip_spans(person, &input, spans, span_count);
    span_count = end_spans(policy, person, spans, span_count, reason);
    *out = copy_entitlement(person, spans, span_count, reason, arena);
    return *out ? 0 : out_of_memory(err);
}
