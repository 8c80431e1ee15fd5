#include "target_report.h"
#include "common/policy/statements.h"
#include "common/wire/scope.h"
#include "counting.h"
#include "obligations.h"
#include <stdlib.h>
#include <string.h>

enum { PAGE = 1000, FACTS_MAX = 4096 };

typedef struct fact { // what is so in one district
    target_kind_t kind;
    const char *division, *tier, *item;
    int64_t done, due; // due: what the law's own target would be
} fact_t;

typedef struct count { // goes on from one asking to the next
    collection_t *c;
    arena_t *arena; // its own
    date_t as_of;
    fact_t *facts;
    size_t fact_count;
    obligations_count_t *money;
} count_t;

typedef struct report {
    collection_t *c;
    int year;
    date_t late_on;
    const fact_t *facts;
    size_t fact_count;
    Tc__Targets *out;
    size_t room; // for lines
} report_t;

static int out_of_memory(err_t *err) { return err_set(err, E_IO, "out of memory"); }

static bool same(const char *a, const char *b) { return strcmp(a, b) == 0; }

// ---- what is so

// Texts are kept as they are given: they must live as long as the count.
static int fact_of(count_t *r, const fact_t *of, fact_t **out, err_t *err) {
    for (size_t i = 0; i < r->fact_count; i++) {
        fact_t *f = &r->facts[i];
        if (f->kind != of->kind || !same(f->division, of->division) || !same(f->tier, of->tier) ||
            !same(f->item, of->item))
            continue;
        *out = f;
        return 0;
    }
    if (r->fact_count == FACTS_MAX) return err_set(err, E_TOO_LARGE, "more than %d lines of targets", FACTS_MAX);
    *out = &r->facts[r->fact_count++];
    **out = *of;
    return 0;
}

static bool covered_on(const Tc__Entitlement *e, month_t month) {
    for (size_t i = 0; i < e->n_spans; i++) {
        month_t first, last = INT32_MAX;
        if (month_parse(e->spans[i]->first_month, &first)) continue;
        if (*e->spans[i]->last_month && month_parse(e->spans[i]->last_month, &last)) continue;
        if (first <= month && month <= last) return true;
    }
    return false;
}

// Who is one of those who should be insured: alive on the day, and a number of its own.
static bool counts(const count_t *r, const Tc__PersonState *person) {
    date_t died;
    if (*person->merged_into) return false;
    return !*person->died_on || date_parse(person->died_on, &died) || died >= r->as_of;
}

static int count_person(count_t *r, const Tc__PersonState *person, const Tc__Entitlement *e, err_t *err) {
    if (!counts(r, person)) return 0;
    const char *place = person_division(person, r->as_of);
    fact_t of = {TARGET_INSURED, place, "", "", 0, 0}, *fact;
    if (!policy_has_division(r->c->env.policy, place)) return 0;
    for (size_t i = 0; i < r->fact_count; i++) // texts of a page do not outlive it
        if (r->facts[i].kind == TARGET_INSURED && same(r->facts[i].division, place)) of.division = r->facts[i].division;
    if (of.division == place && !(of.division = arena_text(r->arena, "%s", place))) return out_of_memory(err);
    int rc = fact_of(r, &of, &fact, err);
    if (rc) return rc;
    fact->due++;
    fact->done += e && covered_on(e, month_of(r->as_of));
    return 0;
}

// States and entitlements come in one order; who has no entitlement has no row.
static int count_page(count_t *r, const rows_t *states, const rows_t *keys, Tc__PersonState *const *persons,
                      err_t *err) {
    arena_t *page = r->c->env.scratch;
    rows_t known;
    size_t row = 0;
    int rc = entitlements_run(r->c->ctx->store, keys, page, &known, err);
    for (size_t i = 0; rc == 0 && i < states->count; i++) {
        Tc__Entitlement *e = NULL;
        size_t size;
        while (row < known.count && row_i64(&known, row, 0) < (int64_t)i) row++;
        if (row < known.count && row_i64(&known, row, 0) == (int64_t)i) {
            const void *body = row_blob(&known, row, 2, &size);
            rc = message_unpack((ProtobufCMessage **)&e, &tc__entitlement__descriptor, body, size, page, err);
        }
        if (rc == 0) rc = count_person(r, persons[i], e, err);
    }
    return rc;
}

static int read_page(const count_t *r, int64_t partition, const char *after, rows_t *states, rows_t *keys,
                     Tc__PersonState ***persons, err_t *err) {
    arena_t *page = r->c->env.scratch;
    const persons_range_t range = {(uint32_t)partition, (uint32_t)partition + 1, after};
    int rc = persons_page(r->c->ctx->store, &range, PAGE, page, states, err);
    rows_init(keys, page, 2);
    if (rc == 0 && !(*persons = arena_alloc(page, (states->count + 1) * sizeof **persons))) return out_of_memory(err);
    for (size_t i = 0; rc == 0 && i < states->count; i++) {
        size_t size;
        const void *body = row_blob(states, i, 0, &size);
        rc = message_unpack((ProtobufCMessage **)&(*persons)[i], &tc__person_state__descriptor, body, size, page, err);
        if (rc == 0) rc = key_add(keys, (*persons)[i]->person, err);
    }
    return rc;
}

static int count_insured(count_t *r, int64_t partition, err_t *err) {
    arena_t *page = r->c->env.scratch;
    char after[128] = "";
    rows_t states, keys;
    Tc__PersonState **persons = NULL;
    int rc;
    do {
        arena_reset(page);
        rc = read_page(r, partition, after, &states, &keys, &persons, err);
        if (rc == 0) rc = count_page(r, &states, &keys, persons, err);
        if (rc == 0 && states.count) snprintf(after, sizeof after, "%s", persons[states.count - 1]->person);
    } while (rc == 0 && states.count == PAGE);
    arena_reset(page);
    return rc;
}

static int count_money(count_t *r, err_t *err) {
    obligations_t all;
    int rc = obligations_end(r->money, &all, err);
    for (size_t i = 0; rc == 0 && i < all.count; i++) {
        const Tc__Obligations__Line *line = all.items[i].line;
        const bool public = payer_from_name(line->payer) == PAYER_FINANCE;
        const fact_t of = {public ? TARGET_RAISED : TARGET_COLLECTED,
                           line->division,
                           public ? line->tier : "",
                           public ? line->item : "",
                           0,
                           0};
        fact_t *fact;
        rc = fact_of(r, &of, &fact, err);
        if (rc == 0 &&
            (fen_add(fact->done, line->paid_fen, &fact->done) || fen_add(fact->due, line->due_fen, &fact->due)))
            rc = err_set(err, E_OUT_OF_RANGE, "what was paid adds up to more than can be counted");
    }
    return rc;
}

// ---- counting

static int begin_count(collection_t *c, const void *ask, arena_t *arena, void **state, err_t *err) {
    const target_ask_t *what = ask;
    count_t *count = arena_alloc(arena, sizeof *count);
    if (!count) return out_of_memory(err);
    *count = (count_t){.c = c, .arena = arena, .as_of = what->as_of};
    if (!(count->facts = arena_alloc(arena, FACTS_MAX * sizeof *count->facts))) return out_of_memory(err);
    *state = count;
    return obligations_begin(c, what->year, true, arena, &count->money, err);
}

static int count_part(void *state, int64_t partition, err_t *err) {
    count_t *count = state;
    int rc = count_insured(count, partition, err);
    return rc ? rc : obligations_part(count->money, partition, err);
}

static int count_all(collection_t *c, const target_ask_t *ask, count_t **out, err_t *err) {
    static const counting_kind_t kind = {"what is done of the targets is", begin_count, count_part, NULL};
    char question[COUNTING_QUESTION_MAX], day[DATE_TEXT_MAX];
    snprintf(question, sizeof question, "%d %s", ask->year, date_format(ask->as_of, day));
    int rc = counting_go_on(c, &kind, question, ask, (void **)out, err);
    return rc ? rc : count_money(*out, err);
}

// ---- lines

static int add_line(report_t *r, Tc__Targets__Line **out, err_t *err) {
    if (r->out->n_lines == r->room) return err_set(err, E_TOO_LARGE, "more than %zu lines of targets", r->room);
    if (!(*out = arena_alloc(r->c->ctx->arena, sizeof **out))) return out_of_memory(err);
    tc__targets__line__init(*out);
    r->out->lines[r->out->n_lines++] = *out;
    return 0;
}

static int64_t number_of(const Tc__Target *target) { return target->persons ? target->persons : target->amount_fen; }

// Does what is so count for the target? A target of the whole city, of both tiers or of all items takes them all.
static bool takes(const Tc__Target *target, const fact_t *fact) {
    return same(target->kind, target_kind_name(fact->kind)) &&
           (!*target->division || same(target->division, fact->division)) &&
           (!*target->tier || same(target->tier, fact->tier)) && (!*target->item || same(target->item, fact->item));
}

static int add_done(const report_t *r, const Tc__Target *target, Tc__Targets__Line *line, err_t *err) {
    for (size_t i = 0; i < r->fact_count; i++)
        if (takes(target, &r->facts[i]) && fen_add(line->done, r->facts[i].done, &line->done))
            return err_set(err, E_OUT_OF_RANGE, "what is done adds up to more than can be counted");
    return 0;
}

// What the districts' targets of the same thing add up to; `newest` marks the settings that hold.
static int64_t broken_down(const target_list_t *list, const bool *newest, const Tc__Target *of) {
    int64_t sum = 0;
    for (size_t i = 0; i < list->count; i++) {
        const Tc__Target *t = list->items[i];
        if (newest[i] && *t->division && same(t->kind, of->kind) && same(t->tier, of->tier) && same(t->item, of->item))
            sum += number_of(t); // each is at most 10 billion yuan, of at most 4096
    }
    return sum;
}

static int add_set(report_t *r, const target_list_t *list, const bool *newest, const Tc__Target *target, err_t *err) {
    Tc__Targets__Line *line;
    int rc = add_line(r, &line, err);
    if (rc) return rc;
    line->kind = target->kind;
    line->division = target->division;
    line->tier = target->tier;
    line->item = target->item;
    line->target = number_of(target);
    line->document = target->document;
    if (!*target->division) line->broken_down = broken_down(list, newest, target);
    return add_done(r, target, line, err);
}

static bool stands(const report_t *r, const fact_t *fact) {
    for (size_t i = 0; i < r->out->n_lines; i++) {
        const Tc__Targets__Line *line = r->out->lines[i];
        if (same(line->kind, target_kind_name(fact->kind)) && same(line->division, fact->division) &&
            same(line->tier, fact->tier) && same(line->item, fact->item))
            return true;
    }
    return false;
}

static const statement_t *law(const report_t *r, const char *before, const char *kind, const char *behind) {
    char name[64];
    snprintf(name, sizeof name, "%s%s%s", before, kind, behind);
    return policy_stated(r->c->env.policy, name);
}

static int add_fact(report_t *r, const fact_t *fact, err_t *err) {
    Tc__Targets__Line *line;
    const char *kind = target_kind_name(fact->kind);
    const statement_t *all = law(r, "all_", kind, "");
    int rc = add_line(r, &line, err);
    if (rc) return rc;
    line->kind = (char *)(uintptr_t)kind;
    line->division = (char *)(uintptr_t)fact->division;
    line->tier = (char *)(uintptr_t)fact->tier;
    line->item = (char *)(uintptr_t)fact->item;
    line->done = fact->done;
    if (!all) return 0;
    line->target = fact->due;
    line->rule = (char *)(uintptr_t)all->rule;
    return 0;
}

// ---- what follows

// Who answers, and under which rule; the rule of a target that is the law's own stands already.
static void tell_law(const report_t *r, Tc__Targets__Line *line) {
    const statement_t *by = law(r, "", line->kind, "_answered_by"), *set = law(r, "", line->kind, "_targets_set_by");
    const statement_t *all = law(r, "all_", line->kind, "");
    const statement_t *rule = by ? by : set ? set : all;
    if (!*line->rule && rule) line->rule = (char *)(uintptr_t)rule->rule;
    if (!by) return;
    line->answers = (char **)(uintptr_t)by->words;
    line->n_answers = by->word_count;
}

static void finish(const report_t *r, Tc__Targets__Line *line) {
    line->missing = line->target > line->done ? line->target - line->done : 0;
    line->late_days = line->missing ? obligation_late_days(r->year, r->late_on) : 0;
    const wide_t share = line->target > 0 ? (wide_t)line->done * RATE_ONE / line->target : 0;
    line->share = share > INT64_MAX ? INT64_MAX : (int64_t)share;
    tell_law(r, line);
}

static int by_key(const void *a, const void *b) {
    const Tc__Targets__Line *x = *(Tc__Targets__Line *const *)a, *y = *(Tc__Targets__Line *const *)b;
    int order = strcmp(x->kind, y->kind);
    if (!order) order = strcmp(x->division, y->division);
    if (!order) order = strcmp(x->tier, y->tier);
    return order ? order : strcmp(x->item, y->item);
}

static bool may_see(const report_t *r, const char *division) {
    return *division ? scope_has_division(r->c->ctx->scope, division) : scope_is_whole(r->c->ctx->scope);
}

static void leave_out(report_t *r) {
    Tc__Targets *out = r->out;
    size_t lines = 0, settings = 0;
    for (size_t i = 0; i < out->n_lines; i++)
        if (may_see(r, out->lines[i]->division)) out->lines[lines++] = out->lines[i];
    for (size_t i = 0; i < out->n_history; i++)
        if (may_see(r, out->history[i]->division)) out->history[settings++] = out->history[i];
    out->n_lines = lines;
    out->n_history = settings;
}

static bool holds(const target_list_t *list, size_t i) { // the next one is of something else
    if (i + 1 == list->count) return true;
    const Tc__Target *a = list->items[i], *b = list->items[i + 1];
    return !same(a->kind, b->kind) || !same(a->division, b->division) || !same(a->tier, b->tier) ||
           !same(a->item, b->item);
}

static int make_lines(report_t *r, const target_list_t *list, err_t *err) {
    bool *newest = arena_alloc(r->c->ctx->arena, (list->count + 1) * sizeof *newest);
    int rc = 0;
    r->room = list->count + r->fact_count;
    r->out->lines = arena_alloc(r->c->ctx->arena, (r->room + 1) * sizeof *r->out->lines);
    if (!newest || !r->out->lines) return out_of_memory(err);
    for (size_t i = 0; i < list->count; i++) newest[i] = holds(list, i);
    for (size_t i = 0; rc == 0 && i < list->count; i++)
        if (newest[i]) rc = add_set(r, list, newest, list->items[i], err);
    for (size_t i = 0; rc == 0 && i < r->fact_count; i++)
        if (!stands(r, &r->facts[i])) rc = add_fact(r, &r->facts[i], err);
    for (size_t i = 0; rc == 0 && i < r->out->n_lines; i++) finish(r, r->out->lines[i]);
    if (rc == 0) qsort(r->out->lines, r->out->n_lines, sizeof *r->out->lines, by_key);
    return rc;
}

int target_report(collection_t *c, const target_ask_t *ask, Tc__Targets **out, err_t *err) {
    count_t *count;
    int rc = count_all(c, ask, &count, err);
    if (rc) return rc;
    report_t r = {.c = c,
                  .year = ask->year,
                  .late_on = ask->late_on,
                  .facts = count->facts,
                  .fact_count = count->fact_count,
                  .out = arena_alloc(c->ctx->arena, sizeof *r.out)};
    target_list_t list;
    char day[DATE_TEXT_MAX];
    if (!r.out) return out_of_memory(err);
    tc__targets__init(r.out);
    if (!(r.out->as_of = arena_text(c->ctx->arena, "%s", date_format(ask->as_of, day)))) return out_of_memory(err);
    rc = targets_of_year(c, ask->year, &list, err);
    if (rc == 0) rc = make_lines(&r, &list, err);
    if (rc) return rc;
    if (ask->history) {
        r.out->history = list.items;
        r.out->n_history = list.count;
    }
    leave_out(&r);
    *out = r.out;
    return 0;
}
