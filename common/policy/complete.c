// Is a decision table sound? Every case that its rows tell apart is put to it, in every stretch of time that they tell
// apart: a case without a row is missing, a row that no case reaches is dead (or stands twice).
#include "loader.h"

enum { CASES_MAX = 200000, STRETCHES_MAX = 64 };

typedef struct probe {
    loader_t *l;
    const rows_t *rows;
    const yaml_node_t *list;
    when_t within;
    bool complete;
    bool *reached;
    dimension_t dims[DIM__COUNT]; // that the rows tell apart
    int dim_count;
    uint32_t groups; // that they name
    date_t stretches[STRETCHES_MAX];
    int stretch_count;
    int64_t cases;
} probe_t;

static bool narrows(const when_t *when, dimension_t dimension) {
    uint64_t mask = dimension_mask(dimension);
    return (when->dims[dimension_infos[dimension].word] & mask) != mask;
}

static int values_of(const probe_t *p, dimension_t dimension) {
    if (dimension_infos[dimension].kind == DIM_NUMBER) return (int)p->l->bands[dimension].count + 1;
    return dimension_values(dimension);
}

static void add_stretch(probe_t *p, date_t day) {
    if (day < p->within.from || day > p->within.to) return;
    for (int i = 0; i < p->stretch_count; i++)
        if (p->stretches[i] == day) return;
    if (p->stretch_count == STRETCHES_MAX)
        fail(p->l, p->list, "the table changes on more than %d days", STRETCHES_MAX);
    else
        p->stretches[p->stretch_count++] = day;
}

static void collect(probe_t *p) {
    add_stretch(p, p->within.from);
    for (int d = 0; d < DIM__COUNT; d++) {
        bool told = narrows(&p->within, (dimension_t)d);
        for (size_t i = 0; i < p->rows->count && !told; i++) {
            when_t when = when_unpacked(p->rows->items[i]->when);
            told = narrows(&when, (dimension_t)d);
        }
        if (told) p->dims[p->dim_count++] = (dimension_t)d;
    }
    p->groups = p->within.groups_any | p->within.groups_all | p->within.groups_none;
    for (size_t i = 0; i < p->rows->count; i++) {
        const Tc__PolicyWhen *w = p->rows->items[i]->when;
        p->groups |= w->groups_any | w->groups_all | w->groups_none;
        add_stretch(p, w->from);
        if (w->to < DATE_MAX) add_stretch(p, w->to + 1);
    }
}

static bool has(const facts_t *f, dimension_t dimension, unsigned value) {
    return f->dims[dimension_infos[dimension].word] >> (dimension_infos[dimension].shift + value) & 1;
}

// A chosen point is designated, and primary or not as its kind says.
static bool point_fits(const facts_t *f) {
    const bool primary = has(f, DIM_POINT, POINT_PRIMARY), other = has(f, DIM_POINT, POINT_OTHER);
    if ((primary || other) && has(f, DIM_DESIGNATED, false)) return false;
    return !(primary && has(f, DIM_PRIMARY, false)) && !(other && has(f, DIM_PRIMARY, true));
}

// Cases that cannot be: an identity the city lacks or with the wrong tiers, a filing in the city, none outside, a point
// that the facility cannot be.
static bool possible(const probe_t *p, const facts_t *f) {
    const uint64_t identity = f->dims[0] & dimension_mask(DIM_IDENTITY);
    const uint64_t tier2 = f->dims[0] & dimension_mask(DIM_TIER2);
    const uint64_t area = f->dims[0] & dimension_mask(DIM_AREA);
    const uint64_t filing = f->dims[0] & dimension_mask(DIM_FILING);
    if (identity & ~(uint64_t)p->l->out->identities) return false;
    if (identity && tier2) {
        bool holds = identity & p->l->out->coverage->tier2;
        facts_t expected = {0};
        facts_set(&expected, DIM_TIER2, holds);
        if (tier2 != expected.dims[0]) return false;
    }
    facts_t home = {0};
    facts_set(&home, DIM_AREA, AREA_CITY);
    facts_set(&home, DIM_FILING, FILING_NONE);
    if (area && filing && ((area & home.dims[0]) != 0) != ((filing & home.dims[0]) != 0)) return false;
    if (!point_fits(f)) return false;
    return when_fits(&p->within, f);
}
_Static_assert(IDENTITY_EMPLOYEE == 0, "possible() reads identity bits in place");

static void describe(const probe_t *p, const facts_t *f, char *text, size_t room) {
    size_t n = 0;
    *text = 0;
    for (int i = 0; i < p->dim_count && n < room; i++) {
        const dimension_info_t *info = &dimension_infos[p->dims[i]];
        uint64_t bits = (f->dims[info->word] & dimension_mask(p->dims[i])) >> info->shift;
        int value = __builtin_ctzll(bits);
        if (info->kind == DIM_NUMBER)
            n += (size_t)snprintf(text + n, room - n, " %s %u..", info->name,
                                  value ? p->l->bands[p->dims[i]].starts[value - 1] : 0);
        else
            n += (size_t)snprintf(text + n, room - n, " %s %s", info->name, dimension_value_name(p->dims[i], value));
    }
    for (int g = 0; g < GROUP__COUNT && n < room; g++)
        if (f->groups >> g & 1) n += (size_t)snprintf(text + n, room - n, " %s", group_name(g));
}

static void put(probe_t *p, const facts_t *facts) {
    if (!possible(p, facts)) return;
    for (int s = 0; s < p->stretch_count; s++) {
        bool found = false;
        for (size_t i = 0; i < p->rows->count && !found; i++) {
            when_t when = when_unpacked(p->rows->items[i]->when);
            found = when_holds(&when, facts, p->stretches[s]);
            if (found) p->reached[i] = true;
        }
        if (found || !p->complete) continue;
        char text[100], day[DATE_TEXT_MAX];
        describe(p, facts, text, sizeof text);
        fail(p->l, p->list, "no row for the case%s on %s", *text ? text : " of everybody",
             date_format(p->stretches[s], day));
        return;
    }
}

static void put_groups(probe_t *p, facts_t facts) {
    uint32_t subset = 0;
    do { // every subset of the groups named
        facts.groups = subset;
        put(p, &facts);
        subset = (subset - p->groups) & p->groups;
    } while (subset != 0 && !p->l->rc);
}

static void put_dims(probe_t *p, facts_t facts, int at) {
    if (p->l->rc) return;
    if (at == p->dim_count) {
        put_groups(p, facts);
        return;
    }
    for (int v = 0; v < values_of(p, p->dims[at]); v++) {
        facts_t next = facts;
        facts_set(&next, p->dims[at], (unsigned)v);
        put_dims(p, next, at + 1);
    }
}

static bool same_when(const Tc__PolicyWhen *a, const Tc__PolicyWhen *b) {
    return a->dims0 == b->dims0 && a->dims1 == b->dims1 && a->groups_any == b->groups_any &&
           a->groups_all == b->groups_all && a->groups_none == b->groups_none;
}

static void complain_dead(probe_t *p, size_t row) {
    if (!p->l->rule) p->l->rule = p->l->out->rules[p->rows->items[row]->rule]->id;
    for (size_t i = 0; i < row; i++)
        if (same_when(p->rows->items[i]->when, p->rows->items[row]->when)) {
            fail(p->l, p->rows->nodes[row], "the same case stands twice: see line %d", p->rows->nodes[i]->line);
            return;
        }
    fail(p->l, p->rows->nodes[row], "no case reaches this row");
}

int check_rows(loader_t *l, const rows_t *rows, const yaml_node_t *list, const Tc__PolicyWhen *within, bool complete) {
    if (l->rc) return l->rc;
    probe_t p = {.l = l, .rows = rows, .list = list, .within = when_unpacked(within)};
    p.reached = take(l, rows->count, sizeof *p.reached);
    if (!p.reached) return l->rc;
    collect(&p);
    p.cases = (int64_t)__builtin_popcount(p.groups) < 12 ? (int64_t)1 << __builtin_popcount(p.groups) : CASES_MAX + 1;
    for (int i = 0; i < p.dim_count && p.cases <= CASES_MAX; i++) p.cases *= values_of(&p, p.dims[i]);
    if (p.cases > CASES_MAX) return fail(l, list, "the table tells more than %d cases apart", CASES_MAX);
    put_dims(&p, (facts_t){0}, 0);
    for (size_t i = 0; i < rows->count && !l->rc; i++)
        if (!p.reached[i]) complain_dead(&p, i);
    if (l->rc || !complete) return l->rc;
    p.complete = true;
    put_dims(&p, (facts_t){0}, 0);
    return l->rc;
}
