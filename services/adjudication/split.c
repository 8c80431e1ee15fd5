// Whatever is not known about the person by the pool itself (birth, sex of an old state) breaks no limit: it is not the
// person's to prove. A diagnosis is the hospital's to give, so a limit to diagnoses is broken without one.
#include "split.h"
#include <string.h>

bool split_amount_fits(int64_t quantity_milli, fen_t price, fen_t amount) {
    const wide_t off = (wide_t)amount * 1000 - (wide_t)quantity_milli * price;
    return -1000 <= off && off <= 1000;
}

static bool diagnosis_fits(const char *prefixes, const char *diagnosis) {
    for (; *prefixes; prefixes += strlen(prefixes) + 1)
        if (strncmp(diagnosis, prefixes, strlen(prefixes)) == 0) return true;
    return false;
}

static bool age_fits(const catalogue_entry_t *entry, const split_facts_t *facts, date_t day) {
    if (facts->birth == DATE_NONE) return true;
    const int age = date_age(facts->birth, day);
    return age >= entry->age_min && (entry->age_max == 0 || age <= entry->age_max);
}

static bool visit_fits(const catalogue_entry_t *entry, const split_facts_t *facts) {
    return entry->visit == CATALOGUE_ANY || (entry->visit == VISIT_INPATIENT) == (facts->visit == VISIT_INPATIENT);
}

// Why nothing of the line is paid; SPLIT_IN_SCOPE when nothing forbids it.
static split_reason_t judge(const catalogue_entry_t *entry, const split_facts_t *facts, const split_line_t *line) {
    if (!entry) return SPLIT_NOT_LISTED;
    if (entry->fee_class == FEE_CLASS_C) return SPLIT_CLASS_C;
    if (!visit_fits(entry, facts)) return SPLIT_VISIT;
    if (entry->level_min != CATALOGUE_ANY && (int)facts->level < entry->level_min) return SPLIT_LEVEL;
    if (entry->sex != CATALOGUE_ANY && facts->sex >= 0 && facts->sex != entry->sex) return SPLIT_SEX;
    if (!age_fits(entry, facts, line->used_on)) return SPLIT_AGE;
    if (entry->diagnoses && !diagnosis_fits(entry->diagnoses, facts->diagnosis)) return SPLIT_DIAGNOSIS;
    if (entry->days_max && line->days > entry->days_max) return SPLIT_DAYS;
    return SPLIT_IN_SCOPE;
}

// CHECKs stand for the bounds that callers keep.
static fen_t half_up(fen_t amount, int64_t numerator, int64_t denominator) {
    fen_t out;
    CHECK(fen_mul_div(amount, numerator, denominator, &out) == E_OK);
    return out;
}

// The amount may be a fen off the price, so the comparison is of prices, and never takes off more than there is.
static fen_t above_limit(const catalogue_entry_t *entry, level_t level, const split_line_t *line) {
    const fen_t limit = entry->limit[level];
    if (limit < 0 || line->price <= limit) return 0;
    return fen_max(0, line->amount - half_up(limit, line->quantity_milli, 1000));
}

// The catalogue's share; where it has none, the city's own file is left to take its share, if it has one.
static void share(const catalogue_entry_t *entry, const split_facts_t *facts, split_parts_t *parts, fen_t rest) {
    const rate_t rate = entry->first_pay[facts->identity];
    const bool by_city = entry->fee_class == FEE_CLASS_B && rate < 0 && facts->city_first_pay;
    parts->first_pay_share = rate > 0 ? rate : 0;
    parts->first_pay = half_up(rest, parts->first_pay_share, RATE_ONE);
    parts->in_scope = rest - parts->first_pay;
    parts->class_b = by_city ? parts->in_scope : 0;
}

static split_reason_t reason_of(const split_parts_t *parts) {
    if (parts->over_limit && parts->first_pay) return SPLIT_OVER_LIMIT_AND_FIRST_PAY;
    return parts->over_limit ? SPLIT_OVER_LIMIT : parts->first_pay ? SPLIT_FIRST_PAY : SPLIT_IN_SCOPE;
}

split_parts_t split_one(split_find_t find, const void *catalogue, const split_facts_t *facts,
                        const split_line_t *line) {
    CHECK(line->quantity_milli > 0 && line->quantity_milli <= SPLIT_QUANTITY_MAX_MILLI);
    CHECK(line->amount >= 0 && line->amount <= SPLIT_AMOUNT_MAX_FEN);
    const catalogue_entry_t *entry = find(catalogue, line->kind, line->code, line->used_on);
    split_parts_t parts = {.fee_class = entry ? entry->fee_class : -1, .reason = judge(entry, facts, line)};
    if (parts.reason == SPLIT_IN_SCOPE) {
        parts.over_limit = above_limit(entry, facts->level, line);
        share(entry, facts, &parts, line->amount - parts.over_limit);
        parts.reason = reason_of(&parts);
    } else {
        parts.full_own = line->amount;
    }
    CHECK(parts.full_own + parts.over_limit + parts.first_pay + parts.in_scope == line->amount);
    CHECK(parts.over_limit >= 0 && parts.first_pay >= 0 && parts.in_scope >= parts.class_b);
    return parts;
}

void split_add(split_sums_t *sums, const split_line_t *line, const split_parts_t *parts) {
    sums->total += line->amount;
    sums->full_own += parts->full_own;
    sums->over_limit += parts->over_limit;
    sums->first_pay += parts->first_pay;
    sums->in_scope += parts->in_scope;
    sums->class_b += parts->class_b;
}

const char *split_reason_text(split_reason_t reason) {
    static const char *const texts[SPLIT_REASON__COUNT] = {
        [SPLIT_IN_SCOPE] = "",
        [SPLIT_NOT_LISTED] = "the catalogue has no such entry on the day of use",
        [SPLIT_CLASS_C] = "class C is not paid for",
        [SPLIT_VISIT] = "the catalogue limits it to the other kind of visit",
        [SPLIT_LEVEL] = "the catalogue limits it to facilities of a higher level",
        [SPLIT_SEX] = "the catalogue limits it to the other sex",
        [SPLIT_AGE] = "the catalogue limits it to another age",
        [SPLIT_DIAGNOSIS] = "the catalogue limits it to other diagnoses",
        [SPLIT_DAYS] = "the catalogue limits it to fewer days",
        [SPLIT_OVER_LIMIT] = "the price is above the limit of the catalogue",
        [SPLIT_FIRST_PAY] = "a share is paid first",
        [SPLIT_OVER_LIMIT_AND_FIRST_PAY] =
            "the price is above the limit of the catalogue, and a share of the rest is paid first",
    };
    return texts[reason];
}
