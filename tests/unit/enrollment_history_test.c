// A person's history under random changes: whatever the order in which a set of changes is accepted, the state is the
// same; no state breaks its shape; a refusal leaves the state before as it was.
#include "services/enrollment/history.h"
#include "common/base/ids.h"
#include "common/wire/message.h"
#include "tests/check.h"
#include <stdarg.h>
#include <time.h>

enum { CHANGES_MAX = 5, ROUNDS = 4000 };

static arena_t *arena;

static const policy_t *law(int city) {
    static policy_t *policies[2];
    static const char *const files[] = {TC_SOURCE_DIR "/config/cities/jiangmen.yaml",
                                        TC_SOURCE_DIR "/config/cities/zaozhuang.yaml"};
    err_t err = {0};
    if (!policies[city] && policy_load(&policies[city], files[city], NULL, &err)) fprintf(stderr, "%s\n", err.text);
    NEED(policies[city] != NULL);
    return policies[city];
}

// ---- changes as they arrive

typedef enum kind {
    REGISTER,
    OPEN_SPELL,
    CLOSE_SPELL,
    WAGE,
    SET_GROUP,
    MOVE,
    DEEMED,
    TRANSFER,
    DEATH,
    END,
    MERGE,
    KIND__COUNT
} kind_t;

typedef struct change {
    kind_t kind;
    const char *json;
    ProtobufCMessage *ask;
    const Tc__PersonState *other; // to merge
    const char *closes;           // first month of the spell that it closed
} change_t;

static const ProtobufCMessageDescriptor *const types[KIND__COUNT] = {
    &tc__register_person__descriptor, &tc__open_spell__descriptor,      &tc__close_spell__descriptor,
    &tc__declare_wage__descriptor,    &tc__set_group__descriptor,       &tc__move_person__descriptor,
    &tc__record_deemed__descriptor,   &tc__transfer_person__descriptor, &tc__record_death__descriptor,
    &tc__end_relation__descriptor,    &tc__merge_persons__descriptor,
};

// Single quotes in `format` stand for double ones.
__attribute__((format(printf, 2, 3))) static change_t change_of(kind_t kind, const char *format, ...) {
    char json[512];
    va_list args;
    err_t err = {0};
    change_t change = {.kind = kind};
    va_start(args, format);
    vsnprintf(json, sizeof json, format, args);
    va_end(args);
    for (char *c = json; *c; c++)
        if (*c == '\'') *c = '"';
    if (message_from_json(&change.ask, types[kind], json, strlen(json), arena, &err)) fprintf(stderr, "%s\n", err.text);
    NEED(change.ask != NULL);
    change.json = arena_text(arena, "%s", json);
    return change;
}

static int apply(const enrollment_rules_t *rules, const Tc__PersonState *before, const change_t *change,
                 Tc__PersonState **after, err_t *err) {
    Tc__PersonState *pointer;
    const void *ask = change->ask;
    switch (change->kind) {
    case REGISTER: return person_register(rules, ask, after, err);
    case OPEN_SPELL: return person_open_spell(rules, before, ask, after, err);
    case CLOSE_SPELL: return person_close_spell(rules, before, ask, after, err);
    case WAGE: return person_declare_wage(rules, before, ask, after, err);
    case SET_GROUP: return person_set_group(rules, before, ask, after, err);
    case MOVE: return person_move(rules, before, ask, after, err);
    case DEEMED: return person_record_deemed(rules, before, ask, after, err);
    case TRANSFER: return person_transfer(rules, before, ask, after, err);
    case DEATH: return person_record_death(rules, before, ask, after, err);
    case END: return person_end_relation(rules, before, ask, after, err);
    default: return person_merge(rules, change->other, before, ask, &pointer, after, err);
    }
}

static int roll(int sides) { return (int)(random() % sides); }

// Few months and days, so that changes meet.
static const char *month(void) { return arena_text(arena, "%d-%02d", 2018 + roll(3), 1 + 6 * roll(2) + roll(2)); }
static const char *day(void) { return arena_text(arena, "%s-%02d", month(), 5 + 10 * roll(2)); }

static change_t random_change(int serial, const char *divisions[2], const Tc__PersonState *other) {
    static const char *const identities[] = {"resident", "flexible", "unemployed", "retiree"};
    change_t change;
    switch (1 + roll(other ? MERGE : END)) {
    case OPEN_SPELL:
        if (roll(3) == 0)
            return change_of(OPEN_SPELL, "{'identity':'employee','employer':'E1','from_month':'%s','wage':'100.00'}",
                             month());
        return change_of(OPEN_SPELL, "{'identity':'%s','from_month':'%s','prior_months_tier1':%d}",
                         identities[roll(4) ? roll(3) : 3], month(), roll(4) ? 0 : 30);
    case CLOSE_SPELL: return change_of(CLOSE_SPELL, "{'last_month':'%s'}", month());
    case WAGE: return change_of(WAGE, "{'from_month':'%s','wage':'%d.00'}", month(), 200 + serial); // a month once
    case SET_GROUP:
        if (roll(2)) return change_of(SET_GROUP, "{'group':'minimum_living','from':'%s','source':'a'}", day());
        return change_of(SET_GROUP, "{'group':'minimum_living','from':'%s','until':'%s','source':'a'}", day(), day());
    case MOVE: return change_of(MOVE, "{'division':'%s','from':'%s'}", divisions[roll(2)], day());
    case DEEMED: return change_of(DEEMED, "{'months':%d,'source':'s%d','evidence':'e'}", 1 + roll(90), serial);
    case TRANSFER: // no two of one set are the same one: the later would replace the earlier
        return change_of(TRANSFER, "{'direction':'%s','on':'%s','place':'11%04d','months_tier1':%d,'months_tier2':%d}",
                         roll(2) ? "in" : "out", day(), serial, 20 + roll(9), roll(20));
    case DEATH: return change_of(DEATH, "{'on':'%s'}", day());
    case END: return change_of(END, "{'on':'%s','reason':'r'}", day());
    default:
        change = change_of(MERGE, "{'from':'P2','into':'P1','reason':'r'}");
        change.other = other;
        return change;
    }
}

// ---- what must hold of every state

static void check_shape(const Tc__PersonState *s) {
    const month_t died = *s->died_on ? month_of(stored_date(s->died_on, DATE_NONE)) : (month_t)HISTORY_OPEN;
    for (size_t i = 0; i < s->n_spells; i++) {
        const months_t months = spell_months(s->spells[i]);
        OK(months.from <= months.last && months.last <= died);
        if (i) OK(spell_months(s->spells[i - 1]).last < months.from);
        for (size_t k = 0; k < s->spells[i]->n_wages; k++) {
            const char *from = s->spells[i]->wages[k]->from_month;
            month_t declared = MONTH_NONE;
            OK(month_parse(from, &declared) == 0 && months.from <= declared && declared <= months.last);
            if (k) OK(strcmp(s->spells[i]->wages[k - 1]->from_month, from) < 0);
        }
        OK(s->spells[i]->prior_months_tier1 >= 0 && s->spells[i]->prior_months_tier2 >= 0);
        for (size_t k = 0; k < s->n_transfers; k++) {
            const month_t left = month_of(stored_date(s->transfers[k]->on, DATE_NONE));
            if (strcmp(s->transfers[k]->direction, "out") == 0) OK(left < months.from || left >= months.last);
        }
        if (*s->ended_on && spell_of_employee_scheme(s->spells[i]))
            OK(months.last <= month_of(stored_date(s->ended_on, DATE_NONE)));
    }
    for (size_t i = 0; i < s->n_groups; i++) {
        const days_t days = membership_days(s->groups[i]);
        OK(days.from <= days.until && days.until <= stored_date(s->died_on, DATE_MAX));
        if (i) OK(membership_days(s->groups[i - 1]).until < days.from);
    }
    NEED(s->n_divisions > 0);
    EQ_TEXT(s->division, s->divisions[s->n_divisions - 1]->division);
}

// Apart from versions and from what the last change touched.
static const void *packed(const Tc__PersonState *state, bool plain, size_t *bytes) {
    Tc__PersonState copy = *state;
    if (plain) {
        copy.version = 0;
        copy.touched_from = copy.touched_until = (char *)protobuf_c_empty_string;
    }
    return message_pack(&copy.base, arena, bytes);
}

static bool same_state(const Tc__PersonState *a, const Tc__PersonState *b, bool plain) {
    size_t a_bytes, b_bytes;
    const void *one = packed(a, plain, &a_bytes), *other = packed(b, plain, &b_bytes);
    return a_bytes == b_bytes && memcmp(one, other, a_bytes) == 0;
}

static int try_change(const enrollment_rules_t *rules, Tc__PersonState **state, const change_t *change) {
    err_t err = {0};
    size_t bytes, bytes_after;
    Tc__PersonState *after = NULL;
    const void *was = packed(*state, false, &bytes);
    int rc = apply(rules, *state, change, &after, &err);
    const void *is = packed(*state, false, &bytes_after);
    OK(bytes == bytes_after && memcmp(was, is, bytes) == 0);
    OK(rc == 0 || (*err.text && err.code == rc && rc != E_INTERNAL));
    if (rc) return rc;
    EQ(after->version, (*state)->version + 1);
    check_shape(after);
    *state = after;
    return 0;
}

static Tc__PersonState *newcomer(const enrollment_rules_t *rules, const char *number, const char *division) {
    err_t err = {0};
    Tc__PersonState *state = NULL;
    const change_t change =
        change_of(REGISTER, "{'person':'%s','citizen_id':'11010119800101001%c','name':'n','division':'%s'}", number,
                  'X', division);
    Tc__RegisterPerson *ask = (Tc__RegisterPerson *)change.ask;
    ask->citizen_id = arena_text(arena, "11010119800101001%c", citizen_id_check_char("11010119800101001"));
    if (apply(rules, NULL, &change, &state, &err)) fprintf(stderr, "%s\n", err.text);
    NEED(state != NULL);
    return state;
}

// A month to close says nothing of the spell that it closes: of another spell it is another change. So it is with
// wages.
static const char *closed_by(const Tc__PersonState *state, const change_t *change) {
    month_t month = MONTH_NONE;
    if (change->kind != CLOSE_SPELL && change->kind != WAGE) return "";
    if (month_parse(change->kind == WAGE ? ((Tc__DeclareWage *)change->ask)->from_month
                                         : ((Tc__CloseSpell *)change->ask)->last_month,
                    &month))
        return "";
    const Tc__Spell *spell = spell_in(state, month);
    return spell ? spell->from_month : "";
}

// Of two wages for one month the later holds, so they do depend on their order.
static bool same_month(const change_t *changes, size_t count, const change_t *change) {
    if (change->kind != WAGE) return false;
    const char *month = ((Tc__DeclareWage *)change->ask)->from_month;
    for (size_t i = 0; i < count; i++)
        if (changes[i].kind == WAGE && strcmp(((Tc__DeclareWage *)changes[i].ask)->from_month, month) == 0) return true;
    return false;
}

// A random history: changes that were accepted one after the other.
static size_t random_history(const enrollment_rules_t *rules, Tc__PersonState **state, const char *divisions[2],
                             const Tc__PersonState *other, int first, change_t *changes, size_t count) {
    size_t kept = 0;
    for (int tries = 0; tries < 40 && kept < count; tries++) {
        change_t change = random_change(first + tries, divisions, other);
        change.closes = closed_by(*state, &change);
        if (same_month(changes, kept, &change)) continue;
        if (try_change(rules, state, &change) == 0) changes[kept++] = change;
    }
    return kept;
}

typedef struct orders {
    const enrollment_rules_t *rules;
    const change_t *changes;
    size_t count;
    const Tc__PersonState *first;
    long accepted;
} orders_t;

static void every_order(orders_t *o, Tc__PersonState *state, unsigned done) {
    if (done == (1u << o->count) - 1) {
        o->accepted++;
        const bool same = same_state(state, o->first, true);
        OK(same);
        for (size_t i = 0; !same && i < o->count; i++) fprintf(stderr, "  %s\n", o->changes[i].json);
        if (!same)
            fprintf(stderr, "%s\n%s\n", message_to_json(&o->first->base, arena), message_to_json(&state->base, arena));
        return;
    }
    for (size_t i = 0; i < o->count; i++) {
        Tc__PersonState *next = state;
        if (done >> i & 1 || strcmp(closed_by(state, &o->changes[i]), o->changes[i].closes) != 0) continue;
        if (try_change(o->rules, &next, &o->changes[i])) continue;
        every_order(o, next, done | 1u << i);
    }
}

static long one_round(int city) {
    static const char *const districts[2][3] = {{"440703", "440704", "440705"}, {"370402", "370403", "370404"}};
    const char *divisions[2] = {districts[city][1], districts[city][2]};
    const enrollment_rules_t rules = {law(city), arena, date_make(2026, 1, 1)};
    change_t changes[CHANGES_MAX], hers[2];
    Tc__PersonState *other = newcomer(&rules, "P2", districts[city][0]);
    Tc__PersonState *begin = newcomer(&rules, "P1", districts[city][0]), *end = begin;
    (void)random_history(&rules, &other, divisions, NULL, 100, hers, COUNT_OF(hers));
    const size_t count = random_history(&rules, &end, divisions, other, 0, changes, 2 + (size_t)roll(CHANGES_MAX - 1));
    orders_t orders = {.rules = &rules, .changes = changes, .count = count, .first = end};
    every_order(&orders, begin, 0);
    OK(orders.accepted > 0);
    return orders.accepted;
}

TEST(changes_commute_wherever_they_are_accepted) {
    const char *given = getenv("SEED");
    const unsigned seed = given ? (unsigned)strtoul(given, NULL, 10) : (unsigned)time(NULL);
    long orders = 0;
    fprintf(stderr, "seed %u\n", seed);
    srandom(seed);
    arena = arena_new(1 << 20, 0);
    NEED(arena != NULL);
    for (int i = 0; i < ROUNDS; i++) {
        orders += one_round(i % 2);
        arena_reset(arena);
    }
    OK(orders > 5L * ROUNDS); // the sets can really be reordered
    arena_destroy(&arena);
}

TESTS("enrollment_history", CASE(changes_commute_wherever_they_are_accepted))
