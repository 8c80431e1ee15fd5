// The catalogues in memory, their rows read from messages, and the split of fee lines: every branch by hand, then
// random lines against a slow and obvious version.
#include "common/base/hash.h"
#include "services/adjudication/fee_lines.h"
#include "tests/check.h"
#include <inttypes.h>

#define T(text) ((char *)(text)) // protobuf-c wants char * where it only reads
#define DAY(y, m, d) date_make(y, m, d)

// ---- catalogues by hand

static catalogue_entry_t entry_of(const char *code, fee_class_t fee_class, date_t from, date_t until) {
    catalogue_entry_t entry = {.kind = FEE_KIND_DRUG,
                               .fee_class = (uint8_t)fee_class,
                               .from = from,
                               .until = until,
                               .sex = CATALOGUE_ANY,
                               .level_min = CATALOGUE_ANY,
                               .visit = CATALOGUE_ANY};
    snprintf(entry.code, sizeof entry.code, "%s", code);
    for (int i = 0; i < LEVEL__COUNT; i++) entry.limit[i] = -1;
    for (int i = 0; i < IDENTITY__COUNT; i++) entry.first_pay[i] = -1;
    return entry;
}

static split_facts_t facts_of(void) {
    return (split_facts_t){.identity = IDENTITY_EMPLOYEE,
                           .birth = DAY(1980, 6, 15),
                           .sex = SEX_FEMALE,
                           .level = LEVEL_2,
                           .visit = VISIT_INPATIENT,
                           .diagnosis = "I10.x00"};
}

static split_line_t line_of(int64_t quantity_milli, fen_t price, fen_t amount) {
    return (split_line_t){.kind = FEE_KIND_DRUG,
                          .code = "XA01",
                          .quantity_milli = quantity_milli,
                          .price = price,
                          .amount = amount,
                          .used_on = DAY(2018, 3, 10)};
}

// A catalogue of one entry.
static const catalogue_entry_t *find_one(const void *self, fee_kind_t kind, const char *code, date_t day) {
    const catalogue_entry_t *entry = self;
    bool same = entry->kind == kind && strcmp(entry->code, code) == 0;
    return same && entry->from <= day && day <= entry->until ? entry : NULL;
}

static split_parts_t split(const catalogue_entry_t *entry, const split_facts_t *facts, const split_line_t *line) {
    return split_one(find_one, entry, facts, line);
}

static void parts_are(split_parts_t parts, fen_t full_own, fen_t over_limit, fen_t first_pay, fen_t in_scope,
                      split_reason_t reason) {
    EQ(parts.full_own, full_own);
    EQ(parts.over_limit, over_limit);
    EQ(parts.first_pay, first_pay);
    EQ(parts.in_scope, in_scope);
    EQ(parts.reason, reason);
}

TEST(class_a_is_in_scope_as_a_whole_and_class_c_not_at_all) {
    catalogue_entry_t entry = entry_of("XA01", FEE_CLASS_A, DAY(2018, 1, 1), DATE_MAX);
    split_facts_t facts = facts_of();
    split_line_t line = line_of(3000, 1234, 3702);
    parts_are(split(&entry, &facts, &line), 0, 0, 0, 3702, SPLIT_IN_SCOPE);
    entry.fee_class = FEE_CLASS_C;
    parts_are(split(&entry, &facts, &line), 3702, 0, 0, 0, SPLIT_CLASS_C);
    EQ(split(&entry, &facts, &line).fee_class, FEE_CLASS_C);
}

TEST(what_the_catalogue_does_not_have_on_the_day_is_full_own_pay) {
    catalogue_entry_t entry = entry_of("XA01", FEE_CLASS_A, DAY(2018, 3, 10), DAY(2018, 3, 10));
    split_facts_t facts = facts_of();
    split_line_t line = line_of(1000, 500, 500);
    parts_are(split(&entry, &facts, &line), 0, 0, 0, 500, SPLIT_IN_SCOPE);
    line.used_on = DAY(2018, 3, 9);
    parts_are(split(&entry, &facts, &line), 500, 0, 0, 0, SPLIT_NOT_LISTED);
    line.used_on = DAY(2018, 3, 11);
    EQ(split(&entry, &facts, &line).fee_class, -1);
    line.used_on = DAY(2018, 3, 10), line.kind = FEE_KIND_ITEM;
    EQ(split(&entry, &facts, &line).reason, SPLIT_NOT_LISTED);
}

TEST(the_share_of_class_b_is_rounded_half_up_once) {
    catalogue_entry_t entry = entry_of("XA01", FEE_CLASS_B, DAY(2018, 1, 1), DATE_MAX);
    split_facts_t facts = facts_of();
    split_line_t line = line_of(1000, 105, 105);
    for (int i = 0; i < IDENTITY__COUNT; i++) entry.first_pay[i] = 100000;
    entry.first_pay[IDENTITY_RESIDENT] = 200000;
    parts_are(split(&entry, &facts, &line), 0, 0, 11, 94, SPLIT_FIRST_PAY); // 10.5
    line.price = line.amount = 104;
    parts_are(split(&entry, &facts, &line), 0, 0, 10, 94, SPLIT_FIRST_PAY); // 10.4
    facts.identity = IDENTITY_RESIDENT;
    parts_are(split(&entry, &facts, &line), 0, 0, 21, 83, SPLIT_FIRST_PAY); // 20.8
    EQ(split(&entry, &facts, &line).first_pay_share, 200000);
    facts.city_first_pay = true; // the catalogue's own share goes before the city's
    EQ(split(&entry, &facts, &line).class_b, 0);
}

TEST(without_a_share_of_its_own_the_catalogue_leaves_class_b_to_the_citys_file) {
    catalogue_entry_t entry = entry_of("XA01", FEE_CLASS_B, DAY(2018, 1, 1), DATE_MAX);
    split_facts_t facts = facts_of();
    split_line_t line = line_of(1000, 10000, 10000);
    EQ(split(&entry, &facts, &line).class_b, 0); // nobody says a share: nothing is paid first
    parts_are(split(&entry, &facts, &line), 0, 0, 0, 10000, SPLIT_IN_SCOPE);
    facts.city_first_pay = true;
    entry.limit[LEVEL_2] = 8000;
    parts_are(split(&entry, &facts, &line), 0, 2000, 0, 8000, SPLIT_OVER_LIMIT);
    EQ(split(&entry, &facts, &line).class_b, 8000);
    entry.first_pay[IDENTITY_EMPLOYEE] = 0; // said, and zero
    EQ(split(&entry, &facts, &line).class_b, 0);
    entry.fee_class = FEE_CLASS_A;
    entry.first_pay[IDENTITY_EMPLOYEE] = -1;
    EQ(split(&entry, &facts, &line).class_b, 0);
}

TEST(a_price_above_the_limit_of_the_level_comes_off_first) {
    catalogue_entry_t entry = entry_of("XA01", FEE_CLASS_B, DAY(2018, 1, 1), DATE_MAX);
    split_facts_t facts = facts_of();
    split_line_t line = line_of(2500, 1000, 2500);
    for (int i = 0; i < IDENTITY__COUNT; i++) entry.first_pay[i] = 50000;
    entry.limit[LEVEL_2] = 999;
    // 2.5 × 9.99 = 24.975 → 24.98; 5 % of it = 1.249
    parts_are(split(&entry, &facts, &line), 0, 2, 125, 2373, SPLIT_OVER_LIMIT_AND_FIRST_PAY);
    entry.limit[LEVEL_2] = 1000;
    parts_are(split(&entry, &facts, &line), 0, 0, 125, 2375, SPLIT_FIRST_PAY);
    line.amount = 2501; // a fen over quantity × price is no price above the limit
    EQ(split(&entry, &facts, &line).over_limit, 0);
    facts.level = LEVEL_1;
    entry.limit[LEVEL_1] = 0; // a limit of nothing leaves nothing
    parts_are(split(&entry, &facts, &line), 0, 2501, 0, 0, SPLIT_OVER_LIMIT);
    facts.level = LEVEL_3; // no limit there
    EQ(split(&entry, &facts, &line).over_limit, 0);
    line.price = 1001, line.amount = 2497, facts.level = LEVEL_2; // a fen under: never below nothing
    EQ(split(&entry, &facts, &line).over_limit, 0);
}

static split_reason_t reason_with(void (*change)(catalogue_entry_t *, split_facts_t *, split_line_t *, int),
                                  int value) {
    catalogue_entry_t entry = entry_of("XA01", FEE_CLASS_A, DAY(2018, 1, 1), DATE_MAX);
    split_facts_t facts = facts_of();
    split_line_t line = line_of(1000, 500, 500);
    change(&entry, &facts, &line, value);
    split_parts_t parts = split(&entry, &facts, &line);
    EQ(parts.full_own, parts.reason == SPLIT_IN_SCOPE ? 0 : 500);
    return parts.reason;
}

static void of_visit(catalogue_entry_t *entry, split_facts_t *facts, split_line_t *line, int value) {
    (void)line;
    entry->visit = VISIT_OUTPATIENT;
    facts->visit = (visit_t)value;
}
static void of_level(catalogue_entry_t *entry, split_facts_t *facts, split_line_t *line, int value) {
    (void)line;
    entry->level_min = LEVEL_2;
    facts->level = (level_t)value;
}
static void of_sex(catalogue_entry_t *entry, split_facts_t *facts, split_line_t *line, int value) {
    (void)line;
    entry->sex = SEX_FEMALE;
    facts->sex = value;
}
static void of_age_min(catalogue_entry_t *entry, split_facts_t *facts, split_line_t *line, int value) {
    facts->birth = DAY(2000, 3, 10);
    entry->age_min = 18;
    line->used_on = DAY(2018, 3, value);
}
static void of_age_max(catalogue_entry_t *entry, split_facts_t *facts, split_line_t *line, int value) {
    facts->birth = DAY(2000, 3, 10);
    entry->age_max = 17;
    line->used_on = DAY(2018, 3, value);
}
static void of_unknown_birth(catalogue_entry_t *entry, split_facts_t *facts, split_line_t *line, int value) {
    (void)line;
    facts->birth = DATE_NONE;
    entry->age_min = (uint8_t)value;
}
static void of_days(catalogue_entry_t *entry, split_facts_t *facts, split_line_t *line, int value) {
    (void)facts;
    entry->days_max = 7;
    line->days = value;
}
static void of_diagnosis(catalogue_entry_t *entry, split_facts_t *facts, split_line_t *line, int value) {
    static const char *const given[] = {"E11.900", "I10.x00", "C50.9", "I1", "", "XI10"};
    (void)line;
    entry->diagnoses = "I10\0E11\0";
    facts->diagnosis = given[value];
}

TEST(a_limit_of_use_that_is_broken_makes_full_own_pay) {
    EQ(reason_with(of_visit, VISIT_INPATIENT), SPLIT_VISIT);
    EQ(reason_with(of_visit, VISIT_OUTPATIENT), SPLIT_IN_SCOPE);
    EQ(reason_with(of_visit, VISIT_SPECIAL_OUTPATIENT), SPLIT_IN_SCOPE);
    EQ(reason_with(of_level, LEVEL_1), SPLIT_LEVEL);
    EQ(reason_with(of_level, LEVEL_2), SPLIT_IN_SCOPE);
    EQ(reason_with(of_level, LEVEL_3), SPLIT_IN_SCOPE);
    EQ(reason_with(of_sex, SEX_MALE), SPLIT_SEX);
    EQ(reason_with(of_sex, SEX_FEMALE), SPLIT_IN_SCOPE);
    EQ(reason_with(of_sex, -1), SPLIT_IN_SCOPE);
    EQ(reason_with(of_age_min, 9), SPLIT_AGE); // the day before the 18th birthday
    EQ(reason_with(of_age_min, 10), SPLIT_IN_SCOPE);
    EQ(reason_with(of_age_max, 9), SPLIT_IN_SCOPE);
    EQ(reason_with(of_age_max, 10), SPLIT_AGE);
    EQ(reason_with(of_unknown_birth, 100), SPLIT_IN_SCOPE);
    EQ(reason_with(of_days, 7), SPLIT_IN_SCOPE);
    EQ(reason_with(of_days, 8), SPLIT_DAYS);
    EQ(reason_with(of_days, 0), SPLIT_IN_SCOPE); // not given
    EQ(reason_with(of_diagnosis, 0), SPLIT_IN_SCOPE);
    EQ(reason_with(of_diagnosis, 1), SPLIT_IN_SCOPE);
    for (int i = 2; i < 6; i++) EQ(reason_with(of_diagnosis, i), SPLIT_DIAGNOSIS);
    for (int i = 0; i < SPLIT_REASON__COUNT; i++) EQ(split_reason_text((split_reason_t)i)[0] == '\0', i == 0);
}

TEST(an_amount_is_quantity_times_price_to_within_a_fen) {
    OK(split_amount_fits(1000, 500, 500));
    OK(split_amount_fits(1000, 500, 499));
    OK(split_amount_fits(1000, 500, 501));
    OK(!split_amount_fits(1000, 500, 498));
    OK(!split_amount_fits(1000, 500, 502));
    OK(split_amount_fits(1500, 333, 499)); // 499.5
    OK(split_amount_fits(1500, 333, 500));
    OK(!split_amount_fits(1500, 333, 498));
    OK(!split_amount_fits(1500, 333, 501));
}

// ---- random lines against a version that one sees to be right

static uint64_t seed, drawn;
static int64_t draw(int64_t below) { return (int64_t)(hash64(&drawn, sizeof drawn, seed + drawn++) % (uint64_t)below); }

typedef struct slow {
    fen_t full_own, over_limit, first_pay, in_scope, class_b;
} slow_t;

static fen_t slow_half_up(wide_t numerator, wide_t denominator) {
    fen_t whole = (fen_t)(numerator / denominator);
    return whole + (2 * (numerator - (wide_t)whole * denominator) >= denominator);
}

static bool slow_forbidden(const catalogue_entry_t *e, const split_facts_t *f, const split_line_t *l) {
    bool listed =
        e->kind == l->kind && strcmp(e->code, l->code) == 0 && l->used_on >= e->from && l->used_on <= e->until;
    if (!listed || e->fee_class == FEE_CLASS_C) return true;
    if (e->visit == VISIT_INPATIENT && f->visit != VISIT_INPATIENT) return true;
    if (e->visit == VISIT_OUTPATIENT && f->visit == VISIT_INPATIENT) return true;
    if (e->level_min == LEVEL_2 && f->level == LEVEL_1) return true;
    if (e->level_min == LEVEL_3 && f->level != LEVEL_3) return true;
    if (e->sex == SEX_MALE && f->sex == SEX_FEMALE) return true;
    if (e->sex == SEX_FEMALE && f->sex == SEX_MALE) return true;
    int age = date_age(f->birth, l->used_on);
    if (age < e->age_min || (e->age_max && age > e->age_max)) return true;
    return e->days_max > 0 && l->days > e->days_max;
}

static slow_t slow_split(const catalogue_entry_t *e, const split_facts_t *f, const split_line_t *l) {
    slow_t out = {0};
    if (slow_forbidden(e, f, l)) {
        out.full_own = l->amount;
        return out;
    }
    fen_t limit = e->limit[f->level], paid = l->amount;
    if (limit >= 0 && l->price > limit) {
        fen_t most = slow_half_up((wide_t)limit * l->quantity_milli, 1000);
        if (paid > most) paid = most;
    }
    out.over_limit = l->amount - paid;
    rate_t rate = e->first_pay[f->identity];
    if (rate >= 0) out.first_pay = slow_half_up((wide_t)paid * rate, RATE_ONE);
    out.in_scope = paid - out.first_pay;
    if (rate < 0 && e->fee_class == FEE_CLASS_B && f->city_first_pay) out.class_b = out.in_scope;
    return out;
}

static catalogue_entry_t random_entry(void) {
    catalogue_entry_t e = entry_of("XA01", (fee_class_t)draw(3), DAY(2018, 1, 1), DAY(2018, 12, 31));
    if (draw(4) == 0) e.visit = (uint8_t)draw(2);
    if (draw(4) == 0) e.level_min = (uint8_t)draw(LEVEL__COUNT);
    if (draw(4) == 0) e.sex = (uint8_t)draw(SEX__COUNT);
    if (draw(4) == 0) e.age_min = (uint8_t)draw(60);
    if (draw(4) == 0) e.age_max = (uint8_t)(e.age_min + draw(60));
    if (draw(4) == 0) e.days_max = (uint16_t)draw(30);
    for (int i = 0; i < LEVEL__COUNT; i++)
        if (draw(2)) e.limit[i] = draw(20000);
    for (int i = 0; i < IDENTITY__COUNT; i++)
        if (e.fee_class == FEE_CLASS_B && draw(2)) e.first_pay[i] = (rate_t)draw(RATE_ONE + 1);
    return e;
}

TEST(the_parts_of_random_lines_add_up_and_are_those_of_the_obvious_version) {
    fprintf(stderr, "seed %" PRIu64 "\n", seed);
    split_sums_t sums = {0};
    slow_t slow_sums = {0};
    for (int i = 0; i < 200000; i++) {
        catalogue_entry_t e = random_entry();
        split_facts_t f = {.identity = (identity_t)draw(IDENTITY__COUNT),
                           .birth = DAY(2018, 3, 10) - (date_t)draw(40000),
                           .sex = (int)draw(3) - 1,
                           .level = (level_t)draw(LEVEL__COUNT),
                           .visit = (visit_t)draw(VISIT__COUNT),
                           .diagnosis = "",
                           .city_first_pay = draw(2)};
        split_line_t l = line_of(1 + draw(draw(2) ? 5000 : 500000), draw(20000), 0);
        l.used_on = DAY(2018, 1, 1) + (date_t)draw(380);
        l.days = (int32_t)draw(30);
        l.amount = slow_half_up((wide_t)l.quantity_milli * l.price, 1000) + draw(3) - 1;
        if (!split_amount_fits(l.quantity_milli, l.price, l.amount) || l.amount < 0) continue;
        split_parts_t parts = split(&e, &f, &l);
        slow_t slow = slow_split(&e, &f, &l);
        bool same = parts.full_own == slow.full_own && parts.over_limit == slow.over_limit &&
                    parts.first_pay == slow.first_pay && parts.in_scope == slow.in_scope &&
                    parts.class_b == slow.class_b &&
                    parts.full_own + parts.over_limit + parts.first_pay + parts.in_scope == l.amount;
        if (!same) fprintf(stderr, "seed %" PRIu64 ", line %d\n", seed, i);
        NEED(same);
        split_add(&sums, &l, &parts);
        slow_sums.in_scope += slow.in_scope;
    }
    EQ(sums.full_own + sums.over_limit + sums.first_pay + sums.in_scope, sums.total);
    EQ(sums.in_scope, slow_sums.in_scope);
}

// ---- the index

TEST(the_index_finds_the_entry_of_the_day) {
    catalogue_t *catalogue = catalogue_new();
    err_t err = {0};
    catalogue_entry_t later = entry_of("XA01", FEE_CLASS_B, DAY(2019, 1, 1), DATE_MAX);
    catalogue_entry_t first = entry_of("XA01", FEE_CLASS_A, DAY(2018, 1, 1), DAY(2018, 12, 31));
    catalogue_entry_t gap = entry_of("XA01", FEE_CLASS_C, DAY(2016, 1, 1), DAY(2016, 12, 31));
    NEED(catalogue != NULL);
    EQ(catalogue_put(catalogue, &later, &err), 0);
    EQ(catalogue_put(catalogue, &gap, &err), 0);
    EQ(catalogue_put(catalogue, &first, &err), 0);
    EQ(catalogue_count(catalogue), 3);
    EQ(catalogue_find(catalogue, FEE_KIND_DRUG, "XA01", DAY(2018, 12, 31))->fee_class, FEE_CLASS_A);
    EQ(catalogue_find(catalogue, FEE_KIND_DRUG, "XA01", DAY(2019, 1, 1))->fee_class, FEE_CLASS_B);
    EQ(catalogue_find(catalogue, FEE_KIND_DRUG, "XA01", DAY(2016, 6, 1))->fee_class, FEE_CLASS_C);
    OK(!catalogue_find(catalogue, FEE_KIND_DRUG, "XA01", DAY(2017, 6, 1)));
    OK(!catalogue_find(catalogue, FEE_KIND_DRUG, "XA01", DAY(2015, 12, 31)));
    OK(!catalogue_find(catalogue, FEE_KIND_BED, "XA01", DAY(2018, 6, 1)));
    OK(!catalogue_find(catalogue, FEE_KIND_DRUG, "XA02", DAY(2018, 6, 1)));
    later.until = DAY(2019, 6, 30); // an open entry is ended: it takes the place of itself
    later.diagnoses = "I10\0E11\0";
    EQ(catalogue_put(catalogue, &later, &err), 0);
    EQ(catalogue_count(catalogue), 3);
    OK(!catalogue_find(catalogue, FEE_KIND_DRUG, "XA01", DAY(2019, 7, 1)));
    EQ_TEXT(catalogue_find(catalogue, FEE_KIND_DRUG, "XA01", DAY(2019, 6, 30))->diagnoses + 4, "E11");
    EQ(catalogue_find(catalogue, FEE_KIND_DRUG, "XA01", DAY(2018, 12, 31))->fee_class, FEE_CLASS_A);
    catalogue_destroy(&catalogue);
}

TEST(the_index_keeps_every_entry_as_it_grows) {
    enum { CODES = 20000 };
    catalogue_t *catalogue = catalogue_new();
    err_t err = {0};
    NEED(catalogue != NULL);
    for (int i = 0; i < CODES * 2; i++) {
        char code[16];
        snprintf(code, sizeof code, "X%05d", i % CODES);
        date_t from = DAY(i < CODES ? 2018 : 2019, 1, 1);
        catalogue_entry_t entry = entry_of(code, FEE_CLASS_A, from, i < CODES ? DAY(2018, 12, 31) : DATE_MAX);
        entry.kind = (uint8_t)(i % 2);
        entry.days_max = (uint16_t)(i % 1000);
        NEED(catalogue_put(catalogue, &entry, &err) == 0);
    }
    EQ(catalogue_count(catalogue), CODES * 2);
    int wrong = 0;
    for (int i = 0; i < CODES * 2; i++) {
        char code[16];
        snprintf(code, sizeof code, "X%05d", i % CODES);
        const catalogue_entry_t *found =
            catalogue_find(catalogue, (fee_kind_t)(i % 2), code, DAY(i < CODES ? 2018 : 2020, 6, 1));
        wrong += !found || found->days_max != i % 1000 || strcmp(found->code, code) != 0;
    }
    EQ(wrong, 0);
    OK(catalogue_bytes(catalogue) < (size_t)CODES * 2 * 200);
    catalogue_destroy(&catalogue);
}

// ---- rows

static Tc__CatalogueItem item_of(void) {
    Tc__CatalogueItem item = TC__CATALOGUE_ITEM__INIT;
    item.kind = T("drug"), item.code = T("XA01ABD075A002010100483"), item.name = T("synthetic");
    item.class_ = T("B"), item.from = T("2018-01-01");
    return item;
}

static void refused(const Tc__CatalogueItem *item, int code, const char *field) {
    catalogue_room_t room;
    catalogue_entry_t entry = {.age_min = 77};
    err_t err = {0};
    EQ(catalogue_read(item, &room, &entry, &err), code);
    EQ_TEXT(err.field, field);
    EQ(entry.age_min, 77); // nothing has changed
}

TEST(a_row_is_read_with_what_holds_for_everybody_else_spread_out) {
    Tc__CatalogueItem item = item_of();
    Tc__CatalogueItem__Share everybody = TC__CATALOGUE_ITEM__SHARE__INIT, resident = TC__CATALOGUE_ITEM__SHARE__INIT;
    Tc__CatalogueItem__Limit third = TC__CATALOGUE_ITEM__LIMIT__INIT, other = TC__CATALOGUE_ITEM__LIMIT__INIT;
    Tc__CatalogueItem__Share *shares[] = {&resident, &everybody};
    Tc__CatalogueItem__Limit *limits[] = {&third, &other};
    char *diagnoses[] = {T("I10"), T("E11.9")};
    everybody.first_pay_ppm = 50000;
    resident.who = T("resident"), resident.first_pay_ppm = 0;
    third.level = T("3"), third.price_fen = 5000;
    other.price_fen = 3000;
    item.shares = shares, item.n_shares = 2, item.limits = limits, item.n_limits = 2;
    item.diagnoses = diagnoses, item.n_diagnoses = 2;
    item.sex = T("male"), item.age_min = 1, item.age_max = 14, item.level_min = T("2"), item.days_max = 7;
    item.visit = T("outpatient"), item.until = T("2018-12-31");
    catalogue_room_t room;
    catalogue_entry_t entry;
    err_t err = {0};
    NEED(catalogue_read(&item, &room, &entry, &err) == 0);
    EQ(entry.kind, FEE_KIND_DRUG);
    EQ(entry.fee_class, FEE_CLASS_B);
    EQ(entry.from, DAY(2018, 1, 1));
    EQ(entry.until, DAY(2018, 12, 31));
    EQ(entry.first_pay[IDENTITY_RESIDENT], 0);
    EQ(entry.first_pay[IDENTITY_EMPLOYEE], 50000);
    EQ(entry.limit[LEVEL_3], 5000);
    EQ(entry.limit[LEVEL_1], 3000);
    EQ(entry.sex, SEX_MALE);
    EQ(entry.age_min, 1);
    EQ(entry.age_max, 14);
    EQ(entry.level_min, LEVEL_2);
    EQ(entry.days_max, 7);
    EQ(entry.visit, VISIT_OUTPATIENT);
    EQ_TEXT(entry.diagnoses, "I10");
    EQ_TEXT(entry.diagnoses + 4, "E11.9");
    EQ(entry.diagnoses[10], '\0');
    Tc__CatalogueItem plain = item_of();
    NEED(catalogue_read(&plain, &room, &entry, &err) == 0);
    EQ(entry.until, DATE_MAX);
    EQ(entry.first_pay[IDENTITY_EMPLOYEE], -1);
    EQ(entry.limit[LEVEL_1], -1);
    EQ(entry.sex, CATALOGUE_ANY);
    OK(!entry.diagnoses);
}

#define REFUSED(change, code, field)                                                                                   \
    do {                                                                                                               \
        Tc__CatalogueItem item = item_of();                                                                            \
        change;                                                                                                        \
        refused(&item, code, field);                                                                                   \
    } while (0)

TEST(a_row_at_fault_names_its_field) {
    static char long_name[CATALOGUE_NAME_MAX + 2];
    Tc__CatalogueItem__Share share = TC__CATALOGUE_ITEM__SHARE__INIT, *shares[] = {&share, &share};
    Tc__CatalogueItem__Limit limit = TC__CATALOGUE_ITEM__LIMIT__INIT, *limits[] = {&limit, &limit};
    char *diagnoses[CATALOGUE_DIAGNOSES_MAX + 1];
    for (int i = 0; i <= CATALOGUE_DIAGNOSES_MAX; i++) diagnoses[i] = T("I10");
    memset(long_name, 'x', sizeof long_name - 1);
    REFUSED(item.kind = T(""), E_MISSING_FIELD, "kind");
    REFUSED(item.kind = T("food"), E_INVALID_FIELD, "kind");
    REFUSED(item.code = T(""), E_MISSING_FIELD, "code");
    REFUSED(item.code = T("xa01"), E_INVALID_FIELD, "code");
    REFUSED(item.code = T("01234567890123456789012345678901"), E_INVALID_FIELD, "code");
    REFUSED(item.name = T(""), E_MISSING_FIELD, "name");
    REFUSED(item.name = long_name, E_TOO_LARGE, "name");
    REFUSED(item.class_ = T(""), E_MISSING_FIELD, "class");
    REFUSED(item.class_ = T("D"), E_INVALID_FIELD, "class");
    REFUSED(item.from = T(""), E_MISSING_FIELD, "from");
    REFUSED(item.from = T("2018-02-29"), E_INVALID_FIELD, "from");
    REFUSED(item.until = T("2018"), E_INVALID_FIELD, "until");
    REFUSED(item.until = T("2017-12-31"), E_OUT_OF_RANGE, "until");
    REFUSED(item.sex = T("x"), E_INVALID_FIELD, "sex");
    REFUSED(item.level_min = T("4"), E_INVALID_FIELD, "level_min");
    REFUSED(item.visit = T("special_outpatient"), E_INVALID_FIELD, "visit");
    REFUSED(item.age_min = -1, E_OUT_OF_RANGE, "age_min");
    REFUSED(item.age_min = 151, E_OUT_OF_RANGE, "age_min");
    REFUSED(item.age_max = 151, E_OUT_OF_RANGE, "age_max");
    REFUSED((item.age_min = 20, item.age_max = 19), E_OUT_OF_RANGE, "age_max");
    REFUSED(item.days_max = -1, E_OUT_OF_RANGE, "days_max");
    REFUSED(item.days_max = 1000, E_OUT_OF_RANGE, "days_max");
    REFUSED((item.diagnoses = diagnoses, item.n_diagnoses = CATALOGUE_DIAGNOSES_MAX + 1), E_TOO_LARGE, "diagnoses");
    diagnoses[0] = T("");
    REFUSED((item.diagnoses = diagnoses, item.n_diagnoses = 1), E_INVALID_FIELD, "diagnoses");
    diagnoses[0] = T("I10;E11");
    REFUSED((item.diagnoses = diagnoses, item.n_diagnoses = 1), E_INVALID_FIELD, "diagnoses");
    REFUSED((item.shares = shares, item.n_shares = 2), E_INVALID_FIELD, "shares.who"); // told twice
    share.who = T("somebody");
    REFUSED((item.shares = shares, item.n_shares = 1), E_INVALID_FIELD, "shares.who");
    share.who = T("resident");
    REFUSED((item.shares = shares, item.n_shares = 2), E_INVALID_FIELD, "shares.who");
    share.first_pay_ppm = RATE_ONE + 1;
    REFUSED((item.shares = shares, item.n_shares = 1), E_OUT_OF_RANGE, "first_pay");
    share.first_pay_ppm = 1;
    REFUSED((item.class_ = T("A"), item.shares = shares, item.n_shares = 1), E_OUT_OF_RANGE, "first_pay");
    REFUSED((item.limits = limits, item.n_limits = 2), E_INVALID_FIELD, "limits.level");
    limit.level = T("9");
    REFUSED((item.limits = limits, item.n_limits = 1), E_INVALID_FIELD, "limits.level");
    limit.level = T("1"), limit.price_fen = -1;
    REFUSED((item.limits = limits, item.n_limits = 1), E_OUT_OF_RANGE, "limit");
    limit.price_fen = CATALOGUE_PRICE_MAX_FEN + 1;
    REFUSED((item.limits = limits, item.n_limits = 1), E_OUT_OF_RANGE, "limit");
}

// ---- lines and the amounts of a bill

static Tc__FeeLine message_of(int number, fen_t price) {
    Tc__FeeLine line = TC__FEE_LINE__INIT;
    line.line = number, line.kind = T("drug"), line.code = T("XA01"), line.quantity_milli = 1000;
    line.price_fen = line.amount_fen = price;
    return line;
}

static void line_refused(const Tc__FeeLine *line, int code, const char *field) {
    Tc__FeeLine good = message_of(1, 100), *list[] = {&good, (Tc__FeeLine *)line};
    const fee_days_t days = {DAY(2018, 3, 1), DAY(2018, 3, 10)};
    err_t err = {0};
    fen_t amount = -5;
    EQ(fee_lines_check(list, 2, &days, &amount, &err), code);
    EQ_TEXT(err.field, field);
    EQ(amount, -5);
}
#define LINE_REFUSED(change, code, field)                                                                              \
    do {                                                                                                               \
        Tc__FeeLine line = message_of(2, 100);                                                                         \
        change;                                                                                                        \
        line_refused(&line, code, field);                                                                              \
    } while (0)

TEST(a_line_at_fault_is_named_by_its_place_and_field) {
    static char long_name[FEE_NAME_MAX + 2];
    memset(long_name, 'x', sizeof long_name - 1);
    LINE_REFUSED(line.line = 0, E_OUT_OF_RANGE, "lines[1].line");
    LINE_REFUSED(line.line = 10000, E_OUT_OF_RANGE, "lines[1].line");
    LINE_REFUSED(line.line = 1, E_INVALID_FIELD, "lines[1].line");
    LINE_REFUSED(line.kind = T(""), E_MISSING_FIELD, "lines[1].kind");
    LINE_REFUSED(line.kind = T("food"), E_INVALID_FIELD, "lines[1].kind");
    LINE_REFUSED(line.code = T(""), E_MISSING_FIELD, "lines[1].code");
    LINE_REFUSED(line.code = T("a b"), E_INVALID_FIELD, "lines[1].code");
    LINE_REFUSED(line.name = long_name, E_TOO_LARGE, "lines[1].name");
    LINE_REFUSED(line.quantity_milli = 0, E_OUT_OF_RANGE, "lines[1].quantity_milli");
    LINE_REFUSED(line.quantity_milli = SPLIT_QUANTITY_MAX_MILLI + 1, E_OUT_OF_RANGE, "lines[1].quantity_milli");
    LINE_REFUSED(line.price_fen = -1, E_OUT_OF_RANGE, "lines[1].price");
    LINE_REFUSED(line.price_fen = INT64_MAX, E_OUT_OF_RANGE, "lines[1].price");
    LINE_REFUSED(line.amount_fen = -1, E_OUT_OF_RANGE, "lines[1].amount");
    LINE_REFUSED(line.amount_fen = INT64_MAX, E_OUT_OF_RANGE, "lines[1].amount");
    LINE_REFUSED(line.amount_fen = 102, E_OUT_OF_RANGE, "lines[1].amount");
    LINE_REFUSED(line.days = -1, E_OUT_OF_RANGE, "lines[1].days");
    LINE_REFUSED(line.days = 1000, E_OUT_OF_RANGE, "lines[1].days");
    LINE_REFUSED(line.used_on = T("2018-3-1"), E_INVALID_FIELD, "lines[1].used_on");
    LINE_REFUSED(line.used_on = T("2018-02-28"), E_OUT_OF_RANGE, "lines[1].used_on");
    LINE_REFUSED(line.used_on = T("2018-03-11"), E_OUT_OF_RANGE, "lines[1].used_on");
}

TEST(lines_are_filled_and_their_sums_are_the_bills_amounts) {
    catalogue_t *catalogue = catalogue_new();
    arena_t *arena = arena_new(4096, 0);
    catalogue_entry_t entry = entry_of("XA01", FEE_CLASS_B, DAY(2018, 1, 1), DATE_MAX);
    err_t err = {0};
    for (int i = 0; i < IDENTITY__COUNT; i++) entry.first_pay[i] = 100000;
    for (int i = 0; i < LEVEL__COUNT; i++) entry.limit[i] = 1000;
    NEED(catalogue && arena && catalogue_put(catalogue, &entry, &err) == 0);
    Tc__FeeLine a = message_of(1, 1005), b = message_of(2, 55), *list[] = {&a, &b}, **filled;
    b.code = T("XA99"), b.used_on = T("2018-03-01");
    const fee_ask_t ask = {.lines = list,
                           .count = 2,
                           .days = {DAY(2018, 3, 1), DAY(2018, 3, 10)},
                           .catalogue = catalogue,
                           .facts = facts_of()};
    split_sums_t sums;
    OK(!fee_lines_filled(list, 2));
    NEED(fee_lines_split(&ask, arena, &filled, &sums, &err) == 0);
    OK(fee_lines_filled(filled, 2));
    EQ(filled[0]->over_limit_fen, 5);
    EQ(filled[0]->first_pay_fen, 100);
    EQ(filled[0]->in_scope_fen, 900);
    EQ(filled[0]->first_share_ppm, 100000);
    EQ_TEXT(filled[0]->class_, "B");
    EQ_TEXT(filled[1]->class_, "");
    EQ(filled[1]->full_own_fen, 55);
    HAS_TEXT(filled[1]->reason, "no such entry");
    EQ(sums.total, 1060);
    EQ(sums.in_scope, 900);
    Tc__Bill bill = TC__BILL__INIT;
    EQ(fee_header_check(&bill, &sums, &err), 0); // everything left out
    fee_header_fill(&bill, &sums);
    EQ(fee_header_check(&bill, &sums, &err), 0); // everything said the same
    EQ(bill.total_fen, 1060);
    EQ(bill.full_own_fen, 55);
    fen_t *fields[] = {&bill.total_fen,      &bill.in_scope_fen,  &bill.full_own_fen,
                       &bill.over_limit_fen, &bill.first_pay_fen, &bill.class_b_fen};
    const char *names[] = {"total", "in_scope", "full_own", "over_limit", "first_pay", "class_b"};
    for (int i = 0; i < 6; i++) {
        ++*fields[i];
        EQ(fee_header_check(&bill, &sums, &err), E_OUT_OF_RANGE);
        EQ_TEXT(err.field, names[i]);
        --*fields[i];
    }
    arena_destroy(&arena);
    catalogue_destroy(&catalogue);
}

TEST(amounts_without_lines_add_up_when_one_is_given) {
    Tc__Bill bill = TC__BILL__INIT;
    err_t err = {0};
    bill.total_fen = 1000, bill.in_scope_fen = 800;
    EQ(fee_header_adds_up(&bill, &err), 0);
    bill.full_own_fen = 50, bill.over_limit_fen = 60, bill.first_pay_fen = 90;
    EQ(fee_header_adds_up(&bill, &err), 0);
    bill.first_pay_fen = 91;
    EQ(fee_header_adds_up(&bill, &err), E_OUT_OF_RANGE);
    EQ_TEXT(err.field, "total");
    bill.first_pay_fen = 0;
    EQ(fee_header_adds_up(&bill, &err), E_OUT_OF_RANGE);
    bill.over_limit_fen = -1;
    EQ(fee_header_adds_up(&bill, &err), E_OUT_OF_RANGE);
    EQ_TEXT(err.field, "over_limit");
    bill.over_limit_fen = INT64_MAX;
    EQ(fee_header_adds_up(&bill, &err), E_OUT_OF_RANGE);
}

static void start(void) {
    const char *given = getenv("SEED");
    if (given)
        seed = strtoull(given, NULL, 10);
    else
        random_bytes(&seed, sizeof seed);
}

int main(void) {
    static const check_case_t cases[] = {
        CASE(class_a_is_in_scope_as_a_whole_and_class_c_not_at_all),
        CASE(what_the_catalogue_does_not_have_on_the_day_is_full_own_pay),
        CASE(the_share_of_class_b_is_rounded_half_up_once),
        CASE(without_a_share_of_its_own_the_catalogue_leaves_class_b_to_the_citys_file),
        CASE(a_price_above_the_limit_of_the_level_comes_off_first),
        CASE(a_limit_of_use_that_is_broken_makes_full_own_pay),
        CASE(an_amount_is_quantity_times_price_to_within_a_fen),
        CASE(the_parts_of_random_lines_add_up_and_are_those_of_the_obvious_version),
        CASE(the_index_finds_the_entry_of_the_day),
        CASE(the_index_keeps_every_entry_as_it_grows),
        CASE(a_row_is_read_with_what_holds_for_everybody_else_spread_out),
        CASE(a_row_at_fault_names_its_field),
        CASE(a_line_at_fault_is_named_by_its_place_and_field),
        CASE(lines_are_filled_and_their_sums_are_the_bills_amounts),
        CASE(amounts_without_lines_add_up_when_one_is_given),
    };
    start();
    return check_run("split", cases, sizeof cases / sizeof *cases);
}
