// Partition by partition a walk over the persons, page by page, and of each the bills of the year by key, in constant
// memory: it costs the same however many years a city keeps. What public money owes is kept by partition
// (public_sums.h), and only partitions whose bills changed are walked over; employers and persons pay every day, so
// with them it is always the whole walk.
#include "obligations.h"
#include "bearers.h"
#include "common/policy/tables.h"
#include "common/base/hash.h"
#include "common/wire/scope.h"
#include "counting.h"
#include "public_sums.h"
#include "store.h"
#include "subsidies.h"
#include <stdlib.h>
#include <string.h>

enum { PAGE = 1000, SUMS_MAX = 4096, KEY_MAX = 65 };

typedef struct kept { // of public money, of the year
    int64_t changes[PARTITIONS];
    bool holds[PARTITIONS];
    rows_t made; // year, partition, changes, body: to be kept
} kept_t;

typedef struct sums {
    collection_t *c;
    arena_t *arena; // of the sums
    bool all_payers;
    char year[PERIOD_TEXT_MAX], next_year[PERIOD_TEXT_MAX];
    obligations_t all;
    char (*last_person)[KEY_MAX]; // of each, so that a person counts once
    arena_t *page;
} sums_t;

struct obligations_count {
    int year;
    sums_t sums, part; // all of it, and one partition that is walked over
    kept_t kept;
};

static int out_of_memory(err_t *err) { return err_set(err, E_IO, "out of memory"); }

static int too_much(err_t *err) {
    return err_set(err, E_OUT_OF_RANGE, "the obligations add up to more than can be counted");
}

// The next persons of a partition, and what is asked for each: partition, person, year, the year after. `last`: the
// last person of the page before, and then of this one.
static int read_persons(const sums_t *sums, int64_t partition, char last[static KEY_MAX], rows_t *keys, err_t *err) {
    rows_t persons;
    int rc = person_keys_of(sums->c->ctx->store, partition, last, PAGE, sums->page, &persons, err);
    rows_init(keys, sums->page, 4);
    for (size_t i = 0; rc == 0 && i < persons.count; i++) {
        cell_t *key = rows_add(keys);
        if (!key) return out_of_memory(err);
        key[0] = rows_at(&persons, i)[0];
        key[1] = rows_at(&persons, i)[1];
        key[2] = cell_text(sums->year);
        key[3] = cell_text(sums->next_year);
    }
    if (rc == 0 && persons.count) snprintf(last, KEY_MAX, "%s", row_text(&persons, persons.count - 1, 1));
    return rc;
}

// ---- one sum of many

typedef struct sum_key { // what a sum is of
    const char *division, *item, *payer, *tier, *identity;
} sum_key_t;

static bool is_of(const Tc__Obligations__Line *line, const sum_key_t *of) {
    return strcmp(line->division, of->division) == 0 && strcmp(line->item, of->item) == 0 &&
           strcmp(line->payer, of->payer) == 0 && strcmp(line->tier, of->tier) == 0 &&
           strcmp(line->identity, of->identity) == 0;
}

static int add_sum(sums_t *sums, const sum_key_t *of, obligation_t **out, err_t *err) {
    arena_t *arena = sums->arena;
    Tc__Obligations__Line *line = arena_alloc(arena, sizeof *line);
    if (sums->all.count == SUMS_MAX) return err_set(err, E_TOO_LARGE, "more than %d lines of obligations", SUMS_MAX);
    if (!line) return out_of_memory(err);
    tc__obligations__line__init(line);
    line->division = arena_text(arena, "%s", of->division);
    line->item = arena_text(arena, "%s", of->item);
    line->payer = arena_text(arena, "%s", of->payer);
    line->tier = arena_text(arena, "%s", of->tier);
    line->identity = arena_text(arena, "%s", of->identity);
    if (!line->division || !line->item || !line->payer || !line->tier || !line->identity) return out_of_memory(err);
    sums->last_person[sums->all.count][0] = '\0';
    *out = &sums->all.items[sums->all.count++];
    **out = (obligation_t){.line = line};
    return 0;
}

static int sum_of(sums_t *sums, const sum_key_t *of, obligation_t **out, err_t *err) {
    for (size_t i = 0; i < sums->all.count; i++)
        if (is_of(sums->all.items[i].line, of)) {
            *out = &sums->all.items[i];
            return 0;
        }
    return add_sum(sums, of, out, err);
}

static void count_person(sums_t *sums, const obligation_t *sum, const char *person) {
    char *last = sums->last_person[sum - sums->all.items];
    if (strcmp(last, person) != 0) sum->line->persons++;
    snprintf(last, KEY_MAX, "%s", person);
}

// ---- what is due

static int add_line(sums_t *sums, const Tc__ContributionBill *bill, const Tc__ContributionLine *from, bool paid,
                    err_t *err) {
    const int payer = payer_from_name(from->payer);
    const sum_key_t of = {bill->division, from->item, from->payer, "", bill->identity};
    obligation_t *sum = NULL;
    if (!sums->all_payers && payer != PAYER_FINANCE && payer != PAYER_UNEMPLOYMENT_FUND) return 0;
    int rc = sum_of(sums, &of, &sum, err);
    if (rc) return rc;
    count_person(sums, sum, bill->person);
    if (fen_add(sum->line->due_fen, from->amount_fen, &sum->line->due_fen)) return too_much(err);
    if (!bill_brings(bill, from)) return 0;
    sum->by_receipt += from->amount_fen; // part of what was counted
    if (paid) sum->line->paid_fen += from->amount_fen;
    return 0;
}

static int add_page(sums_t *sums, const rows_t *rows, err_t *err) {
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < rows->count; i++) {
        Tc__ContributionBill *bill;
        size_t size;
        const void *body = row_blob(rows, i, 2, &size);
        rc = bill_unpack(body, size, row_i64(rows, i, 3), sums->page, &bill, err);
        for (size_t k = 0; rc == 0 && k < bill->n_lines; k++)
            rc = add_line(sums, bill, bill->lines[k], *row_text(rows, i, 1) != '\0', err);
    }
    return rc;
}

static int walk(sums_t *sums, int64_t partition, err_t *err) {
    char last[KEY_MAX] = "";
    rows_t keys, rows;
    int rc;
    do {
        arena_reset(sums->page);
        rc = read_persons(sums, partition, last, &keys, err);
        if (rc == 0) rc = bills_between(sums->c->ctx->store, &keys, sums->page, &rows, err);
        if (rc == 0) rc = add_page(sums, &rows, err);
    } while (rc == 0 && keys.count == PAGE);
    arena_reset(sums->page);
    return rc;
}

// ---- what is kept of public money

static int add_amount(fen_t more, fen_t *sum, err_t *err) { return fen_add(*sum, more, sum) ? too_much(err) : 0; }

static int add_kept(sums_t *sums, const Tc__PublicSums *kept, err_t *err) {
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < kept->n_lines; i++) {
        const Tc__PublicSums__Line *line = kept->lines[i];
        const sum_key_t of = {line->division, line->item, line->payer, "", line->identity};
        obligation_t *sum = NULL;
        rc = sum_of(sums, &of, &sum, err);
        if (rc) return rc;
        sum->line->persons += line->persons;
        rc = add_amount(line->due_fen, &sum->line->due_fen, err);
        if (rc == 0) rc = add_amount(line->by_receipt_fen, &sum->by_receipt, err);
        if (rc == 0) rc = add_amount(line->paid_fen, &sum->line->paid_fen, err);
    }
    return rc;
}

static bool will_do(const kept_t *kept, const int64_t *since, int64_t partition, int64_t changes) {
    return changes == kept->changes[partition] || (since && changes >= since[partition]);
}

static int read_kept(sums_t *sums, kept_t *kept, const int64_t *since, err_t *err) {
    rows_t changes, rows;
    arena_t *arena = sums->arena;
    int rc = public_changes_of(sums->c->ctx->store, sums->year, arena, &changes, err);
    if (rc == 0) rc = public_sums_of(sums->c->ctx->store, sums->year, arena, &rows, err);
    for (size_t i = 0; rc == 0 && i < changes.count; i++)
        kept->changes[row_i64(&changes, i, 0) % PARTITIONS] = row_i64(&changes, i, 1);
    for (size_t i = 0; rc == 0 && i < rows.count; i++) {
        const int64_t partition = row_i64(&rows, i, 0) % PARTITIONS;
        Tc__PublicSums *sum = NULL;
        size_t size;
        const void *body = row_blob(&rows, i, 2, &size);
        if (!will_do(kept, since, partition, row_i64(&rows, i, 1))) continue;
        rc = message_unpack((ProtobufCMessage **)&sum, &tc__public_sums__descriptor, body, size, arena, err);
        if (rc == 0) rc = add_kept(sums, sum, err);
        kept->holds[partition] = rc == 0;
    }
    return rc;
}

static int sums_of_part(const sums_t *part, Tc__PublicSums *out, arena_t *arena, err_t *err) {
    tc__public_sums__init(out);
    if (!(out->lines = arena_alloc(arena, (part->all.count + 1) * sizeof *out->lines))) return out_of_memory(err);
    for (size_t i = 0; i < part->all.count; i++) {
        const obligation_t *sum = &part->all.items[i];
        Tc__PublicSums__Line *line = arena_alloc(arena, sizeof *line);
        if (!line) return out_of_memory(err);
        tc__public_sums__line__init(line);
        line->division = sum->line->division;
        line->item = sum->line->item;
        line->payer = sum->line->payer;
        line->identity = sum->line->identity;
        line->persons = sum->line->persons;
        line->due_fen = sum->line->due_fen;
        line->by_receipt_fen = sum->by_receipt;
        line->paid_fen = sum->line->paid_fen;
        out->lines[out->n_lines++] = line;
    }
    return 0;
}

// One partition from its bills, into the sums and among what is to be kept.
static int walk_and_keep(obligations_count_t *count, int64_t partition, err_t *err) {
    arena_t *arena = count->sums.arena;
    Tc__PublicSums made;
    size_t size;
    count->part.all.count = 0;
    int rc = walk(&count->part, partition, err);
    if (rc == 0) rc = sums_of_part(&count->part, &made, arena, err);
    if (rc == 0) rc = add_kept(&count->sums, &made, err);
    if (rc) return rc;
    void *body = message_pack(&made.base, arena, &size);
    cell_t *row = rows_add(&count->kept.made);
    if (!body || !row) return out_of_memory(err);
    row[0] = cell_text(count->sums.year);
    row[1] = cell_i64(partition);
    row[2] = cell_i64(count->kept.changes[partition]);
    row[3] = cell_blob(body, size);
    return 0;
}

// ---- whose of city and county

static int share_one(sums_t *sums, size_t i, rate_t share, err_t *err) {
    obligation_t *whole = &sums->all.items[i], *part = NULL;
    const Tc__Obligations__Line *line = whole->line;
    const fen_t apart = line->due_fen - whole->by_receipt;
    fen_t city;
    if (payer_from_name(line->payer) != PAYER_FINANCE || apart == 0) return 0;
    if (fen_rate(apart, share, &city)) return too_much(err);
    const struct {
        const char *tier;
        fen_t due;
    } parts[] = {{"city", city}, {"county", apart - city}};
    for (size_t k = 0; k < COUNT_OF(parts); k++) {
        const sum_key_t of = {line->division, line->item, line->payer, parts[k].tier, line->identity};
        int rc = add_sum(sums, &of, &part, err);
        if (rc) return rc;
        part->line->persons = line->persons;
        part->line->due_fen = parts[k].due;
    }
    whole->line->due_fen = whole->by_receipt;
    return 0;
}

// Where the city does not say how they share, or has not published it, finance is one payer.
static int share_all(sums_t *sums, int year, err_t *err) {
    const policy_t *policy = sums->c->env.policy;
    const date_t on = date_make(year, 1, 1);
    const size_t whole = sums->all.count;
    bool found = true;
    int64_t share = 0;
    int rc = 0;
    if (policy->subsidy_city_share.kind == REF_NONE) return 0;
    if (policy->subsidy_city_share.kind == REF_SERIES)
        rc = ref_series_value(&policy->subsidy_city_share, on, &share, &found, err);
    else
        rc = ref_value(&policy->subsidy_city_share, on, 0, &share, err);
    for (size_t i = 0; rc == 0 && found && i < whole; i++) rc = share_one(sums, i, (rate_t)share, err);
    return rc;
}

// ---- what was paid

static int add_subsidy(sums_t *sums, const Tc__Receipt *receipt, err_t *err) {
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < receipt->n_parts; i++) {
        const Tc__Receipt__Part *part = receipt->parts[i];
        const sum_key_t of = {part->division, part->item, part->payer, receipt->tier, part->identity};
        obligation_t *sum = NULL;
        rc = sum_of(sums, &of, &sum, err);
        if (rc == 0 && (fen_add(sum->subsidised, part->amount_fen, &sum->subsidised) ||
                        fen_add(sum->line->paid_fen, part->amount_fen, &sum->line->paid_fen)))
            rc = too_much(err);
    }
    return rc;
}

static int add_subsidies(sums_t *sums, int year, err_t *err) {
    Tc__Receipt **receipts = NULL;
    size_t count = 0;
    int rc = subsidies_of_year(sums->c, year, &receipts, &count, err);
    for (size_t i = 0; rc == 0 && i < count; i++) rc = add_subsidy(sums, receipts[i], err);
    return rc;
}

// ----

static int by_name(const void *a, const void *b) {
    const Tc__Obligations__Line *left = ((const obligation_t *)a)->line, *right = ((const obligation_t *)b)->line;
    int order = strcmp(left->division, right->division);
    if (!order) order = strcmp(left->item, right->item);
    if (!order) order = strcmp(left->payer, right->payer);
    if (!order) order = strcmp(left->tier, right->tier);
    return order ? order : strcmp(left->identity, right->identity);
}

// A sum that was shared out and says nothing any more is none.
static void finish(obligations_t *all) {
    size_t kept = 0;
    for (size_t i = 0; i < all->count; i++) {
        Tc__Obligations__Line *line = all->items[i].line;
        line->open_fen = line->due_fen - line->paid_fen;
        if (line->due_fen || line->paid_fen) all->items[kept++] = all->items[i];
    }
    all->count = kept;
    qsort(all->items, all->count, sizeof *all->items, by_name);
}

fen_t obligation_open(const obligation_t *obligation) {
    return obligation->line->due_fen - obligation->by_receipt - obligation->subsidised;
}

// No law of a city names a day for it: what is owed for a year is late when the year is over.
int32_t obligation_late_days(int year, date_t as_of) {
    const date_t end = date_make(year, 12, 31);
    return as_of > end ? (int32_t)(as_of - end) : 0;
}

// ---- counting

static int begin(collection_t *c, int year, bool all_payers, arena_t *arena, obligations_count_t **out, err_t *err) {
    if (!date_valid(year, 1, 1)) return err_field(err, E_INVALID_FIELD, "year", "year: expected 1900 to 2199");
    obligations_count_t *count = arena_alloc(arena, sizeof *count);
    if (!count) return out_of_memory(err);
    sums_t *sums = &count->sums;
    *sums = (sums_t){.c = c, .arena = arena, .all_payers = all_payers, .page = c->env.scratch};
    sums->all.items = arena_alloc(arena, SUMS_MAX * sizeof *sums->all.items);
    sums->last_person = arena_alloc(arena, SUMS_MAX * sizeof *sums->last_person);
    snprintf(sums->year, sizeof sums->year, "%04d", year);
    snprintf(sums->next_year, sizeof sums->next_year, "%04d", year + 1);
    count->year = year;
    count->part = *sums;
    count->part.all.items = arena_alloc(arena, SUMS_MAX * sizeof *count->part.all.items);
    if (!sums->all.items || !sums->last_person || !count->part.all.items) return out_of_memory(err);
    rows_init(&count->kept.made, arena, 4);
    *out = count;
    return 0;
}

int obligations_begin(collection_t *c, int year, bool all_payers, arena_t *arena, obligations_count_t **out,
                      err_t *err) {
    int rc = begin(c, year, all_payers, arena, out, err);
    return rc || all_payers ? rc : read_kept(&(*out)->sums, &(*out)->kept, NULL, err);
}

int obligations_part(obligations_count_t *count, int64_t partition, err_t *err) {
    if (count->sums.all_payers) return walk(&count->sums, partition, err);
    return count->kept.holds[partition] ? 0 : walk_and_keep(count, partition, err);
}

int obligations_rest(obligations_count_t *count, err_t *err) {
    int rc = public_sums_put(count->sums.c->ctx->store, &count->kept.made, err);
    count->kept.made.count = 0;
    return rc;
}

int obligations_end(obligations_count_t *count, obligations_t *out, err_t *err) {
    int rc = share_all(&count->sums, count->year, err);
    if (rc == 0) rc = add_subsidies(&count->sums, count->year, err);
    if (rc) return rc;
    finish(&count->sums.all);
    *out = count->sums.all;
    return 0;
}

const int64_t *obligations_changes(const obligations_count_t *count) { return count->kept.changes; }

int obligations_now(collection_t *c, int year, const int64_t *since, obligations_t *out, bool *whole, err_t *err) {
    const int64_t from_us = clock_mono_us();
    obligations_count_t *count;
    bool walked = false;
    int rc = begin(c, year, false, c->ctx->arena, &count, err);
    if (rc == 0) rc = read_kept(&count->sums, &count->kept, since, err);
    *whole = true;
    for (int64_t p = 0; rc == 0 && *whole && p < PARTITIONS; p++) {
        if (count->kept.holds[p]) continue;
        *whole = !walked || clock_mono_us() - from_us < c->slice_us; // a slice is one partition at least
        walked = true;
        if (*whole) rc = walk_and_keep(count, p, err);
    }
    if (rc || !*whole) return rc;
    rc = obligations_rest(count, err);
    return rc ? rc : obligations_end(count, out, err);
}

// ---- the method

static int begin_count(collection_t *c, const void *ask, arena_t *arena, void **state, err_t *err) {
    const Tc__GetObligations *what = ask;
    return obligations_begin(c, what->year, what->all_payers, arena, (obligations_count_t **)state, err);
}

static int count_part(void *state, int64_t partition, err_t *err) { return obligations_part(state, partition, err); }

static int count_rest(void *state, err_t *err) { return obligations_rest(state, err); }

int obligations_go_on(collection_t *c, const Tc__GetObligations *ask, obligations_count_t **out, err_t *err) {
    static const counting_kind_t kind = {"obligations are", begin_count, count_part, count_rest};
    char question[COUNTING_QUESTION_MAX];
    snprintf(question, sizeof question, "%d%s", ask->year, ask->all_payers ? " all" : "");
    return counting_go_on(c, &kind, question, ask, (void **)out, err);
}

int obligations_get(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                    err_t *err) {
    (void)request;
    collection_t *c = self;
    arena_t *arena = c->ctx->arena;
    const Tc__GetObligations *ask = (const Tc__GetObligations *)message;
    obligations_count_t *count;
    obligations_t all;
    date_t as_of = date_of_ms(clock_now_ms());
    if (*ask->as_of && date_parse(ask->as_of, &as_of))
        return err_field(err, E_INVALID_FIELD, "as_of", "as_of: expected a date like 2018-03-01");
    int rc = obligations_go_on(c, ask, &count, err);
    if (rc == 0) rc = obligations_end(count, &all, err);
    if (rc) return rc;
    Tc__Obligations *out = arena_alloc(arena, sizeof *out);
    if (!out) return out_of_memory(err);
    tc__obligations__init(out);
    if (!(out->lines = arena_alloc(arena, (all.count + 1) * sizeof *out->lines))) return out_of_memory(err);
    for (size_t i = 0; i < all.count; i++) {
        Tc__Obligations__Line *line = all.items[i].line;
        line->late_days = line->open_fen > 0 ? obligation_late_days(ask->year, as_of) : 0;
        if (scope_has_division(c->ctx->scope, line->division)) out->lines[out->n_lines++] = line;
    }
    rc = bearers_tell(c, ask->year, out, err);
    if (rc == 0) *reply = &out->base;
    return rc;
}
