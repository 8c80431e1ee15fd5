// Values: options, parameters with their overlays, and the places in tables where a number stands.
//
// An entry of a parameter holds from its `from` to the day before the next entry of the merged list, or to its `to`.
// Lists are merged by `from`: an overlay's entry replaces one of the same day. A value dated by the year it describes
// holds for that year only. Days that no entry covers are as good as `status: missing`: asking for them is an error,
// never a guess.
#include "loader.h"

// ---- options
// ----------------------------------------------------------------------------------------------------------

const char *option_in_force(const loader_t *l, const char *option) {
    for (size_t i = 0; i < l->out->n_options; i++)
        if (strcmp(l->out->options[i]->option, option) == 0) return l->out->options[i]->value;
    return NULL;
}

static int64_t positive_of(loader_t *l, const yaml_node_t *node) {
    int64_t factor = literal_of(l, node, UNIT_FACTOR);
    if (!l->rc && node && factor == 0) fail(l, node, "zero times a value");
    return factor;
}

int64_t factor_of(loader_t *l, const yaml_node_t *node) {
    static const char *const keys[] = {"option", NULL};
    rate_t factor = 0;
    if (l->rc || !node) return RATE_ONE;
    if (node->kind != YAML_MAP) return positive_of(l, node);
    only(l, node, keys);
    const yaml_node_t *option = need(l, node, "option");
    const char *name = text_of(l, option), *value = l->rc ? NULL : option_in_force(l, name);
    if (!l->rc && (!value || rate_parse(value, &factor) || factor == 0))
        fail(l, option, "there is no option %.40s that is a number", name);
    return factor;
}

static const yaml_node_t *choices_of(loader_t *l, const char *option) {
    const yaml_node_t *options = yaml_get(l->city, "options");
    const yaml_node_t *declared = options ? yaml_get(options, option) : NULL;
    return declared ? yaml_get(declared, "choices") : NULL;
}

static void put_choice(loader_t *l, const char *option, const char *choice) {
    for (size_t i = 0; i < l->out->n_options; i++)
        if (strcmp(l->out->options[i]->option, option) == 0) l->out->options[i]->value = unconst(choice);
}

static void choose(loader_t *l, const yaml_node_t *node) {
    const yaml_node_t *choices = choices_of(l, node->key);
    const char *choice = text_of(l, node);
    if (l->rc) return;
    if (!option_in_force(l, node->key)) {
        fail(l, node, "the city has no such option");
        return;
    }
    bool known = false;
    if (!choices)
        known = positive_of(l, node) > 0; // the option is a number
    else
        for (const yaml_node_t *c = choices->first; c; c = c->next) known |= strcmp(c->text, choice) == 0;
    if (known)
        put_choice(l, node->key, choice);
    else
        fail(l, node, "%.40s is not one of its choices", choice);
}

// One of `choices`, or a number that is `default` unless an overlay says otherwise.
static const char *default_of(loader_t *l, const yaml_node_t *node) {
    const yaml_node_t *number = may(l, node, "default");
    if (number) {
        if (may(l, node, "choices")) fail(l, number, "an option has choices, or is a number with a default");
        positive_of(l, number);
        return number->text;
    }
    const yaml_node_t *choices = need(l, node, "choices");
    if (!is_list(l, choices)) return NULL;
    for (const yaml_node_t *c = choices->first; c; c = c->next) text_of(l, c);
    if (choices->count < 2) fail(l, choices, "an option has two choices or more");
    return l->rc ? NULL : choices->first->text;
}

static void declare_option(loader_t *l, const yaml_node_t *node) {
    static const char *const keys[] = {"choices", "default", "source", NULL};
    only(l, node, keys);
    text_of(l, need(l, node, "source"));
    const char *value = default_of(l, node);
    Tc__PolicyChoice *choice = take(l, 1, sizeof *choice);
    if (l->rc || !choice) return;
    *choice = (Tc__PolicyChoice)TC__POLICY_CHOICE__INIT;
    choice->option = unconst(node->key);
    choice->value = unconst(value);
    l->out->options[l->out->n_options++] = choice;
}

int load_options(loader_t *l) {
    const yaml_node_t *map = yaml_get(l->city, "options");
    if (map && is_map(l, map)) {
        l->out->options = take(l, map->count, sizeof *l->out->options);
        for (const yaml_node_t *node = map->first; node && !l->rc; node = node->next) declare_option(l, node);
    }
    for (size_t i = 0; i < l->overlay_count && !l->rc; i++) {
        l->doc = l->overlays[i];
        const yaml_node_t *chosen = yaml_get(yaml_root(l->doc), "options");
        if (!chosen || !is_map(l, chosen)) continue;
        for (const yaml_node_t *node = chosen->first; node && !l->rc; node = node->next) choose(l, node);
    }
    l->doc = l->city_doc;
    return l->rc;
}

// ---- dated values
// -----------------------------------------------------------------------------------------------------

typedef struct dates { // how the entries of one list are to be read
    unit_t unit;
    bool yearly;
    const char *status; // of the file
    const char *source; // taken where an entry has none; NULL: each needs its own
} dates_t;

// {by: city_government, on: 2020-12-29}: who let the value take effect, and when.
static void load_approval(loader_t *l, const yaml_node_t *node, Tc__PolicyValue *to) {
    static const char *const keys[] = {"by", "on", NULL};
    const yaml_node_t *approved = may(l, node, "approved");
    if (!approved) return;
    only(l, approved, keys);
    to->approved_by = unconst(text_of(l, need(l, approved, "by")));
    to->approved_on = date_of(l, need(l, approved, "on"));
}

static void load_regards(loader_t *l, const yaml_node_t *node, Tc__PolicyValue *to) {
    const yaml_node_t *list = may(l, node, "regards");
    if (!list || !is_list(l, list)) return;
    to->regards = take(l, list->count, sizeof *to->regards);
    for (const yaml_node_t *word = list->first; word && !l->rc; word = word->next)
        to->regards[to->n_regards++] = unconst(text_of(l, word));
}

static Tc__PolicyValue *entry_of(loader_t *l, const yaml_node_t *node, const dates_t *d) {
    static const char *const keys[] = {"from", "to", "value", "status", "source", "approved", "regards", NULL};
    Tc__PolicyValue *v = take(l, 1, sizeof *v);
    if (!v) return NULL;
    *v = (Tc__PolicyValue)TC__POLICY_VALUE__INIT;
    only(l, node, keys);
    const yaml_node_t *from = need(l, node, "from"), *to = may(l, node, "to"), *value = may(l, node, "value");
    const yaml_node_t *status = may(l, node, "status"),
                      *source = d->source ? may(l, node, "source") : need(l, node, "source");
    v->from = date_of(l, from);
    v->to = to ? date_of(l, to) : DATE_MAX;
    v->status = unconst(status ? text_of(l, status) : d->status);
    v->source = unconst(source ? text_of(l, source) : d->source);
    v->missing = !l->rc && strcmp(v->status, "missing") == 0;
    if (!l->rc && !v->missing && !status_known(v->status)) fail(l, status, "%.40s is not a status", v->status);
    if (!l->rc && v->missing && value) fail(l, value, "a missing value has no value");
    if (!l->rc && !v->missing) v->value = literal_of(l, need(l, node, "value"), d->unit);
    load_approval(l, node, v);
    load_regards(l, node, v);
    if (!l->rc && v->to < v->from) fail(l, to, "ends before it begins");
    if (!l->rc && d->yearly) {
        int year = date_year(v->from);
        if (v->from != date_make(year, 1, 1)) fail(l, from, "a value dated by its year begins on 1 January");
        if (to && v->to != date_make(year, 12, 31)) fail(l, to, "a value dated by its year holds for that year only");
        v->to = date_make(year, 12, 31);
    }
    return v;
}

// The entries of one list, which must follow each other. `gapless`: without a hole.
static Tc__PolicyValue **entries_of(loader_t *l, const yaml_node_t *list, const dates_t *d, bool gapless,
                                    size_t *count) {
    *count = 0;
    if (!is_list(l, list)) return NULL;
    if (list->count == 0) fail(l, list, "has no value");
    Tc__PolicyValue **entries = take(l, list->count, sizeof *entries);
    if (!entries) return NULL;
    for (const yaml_node_t *node = list->first; node && !l->rc; node = node->next) {
        Tc__PolicyValue *now = entry_of(l, node, d), *last = *count ? entries[*count - 1] : NULL;
        if (l->rc) return NULL;
        if (last && now->from <= last->from)
            fail(l, node, "dates out of order: begins no later than the value before it");
        if (last && last->to == DATE_MAX) last->to = now->from - 1;
        if (last && now->from <= last->to) fail(l, node, "dates overlap with the value before it");
        if (last && gapless && now->from > last->to + 1)
            fail(l, node, "a gap in the dates after the value before it (say `status: missing` where there is none)");
        entries[(*count)++] = now;
    }
    return entries;
}

// Put an entry into its place by `from`; the same `from` replaces.
static void merge_entry(Tc__PolicySeries *s, Tc__PolicyValue *v) {
    size_t at = 0;
    while (at < s->n_values && s->values[at]->from < v->from) at++;
    if (at == s->n_values || s->values[at]->from != v->from) {
        memmove(&s->values[at + 1], &s->values[at], (s->n_values - at) * sizeof *s->values);
        s->n_values++;
    }
    s->values[at] = v;
}

static void merge_list(loader_t *l, Tc__PolicySeries *s, const yaml_node_t *list, const dates_t *d, bool gapless) {
    size_t count;
    Tc__PolicyValue **entries = entries_of(l, list, d, gapless, &count);
    Tc__PolicyValue **room = take(l, s->n_values + count, sizeof *room);
    if (l->rc || !room) return;
    if (s->n_values) memcpy(room, s->values, s->n_values * sizeof *room);
    s->values = room;
    // An overlay's open last entry ends where the list below it goes on; merge_series() cuts it there.
    for (size_t i = 0; i < count; i++) merge_entry(s, entries[i]);
    for (size_t i = 0; i + 1 < s->n_values; i++)
        if (s->values[i]->to >= s->values[i + 1]->from) s->values[i]->to = s->values[i + 1]->from - 1;
}

static Tc__PolicySeries *add_series(loader_t *l, const char *name, unit_t unit, bool yearly) {
    Tc__PolicyTables *out = l->out;
    if (out->n_series == l->series_room) {
        size_t room = l->series_room ? 2 * l->series_room : 16;
        Tc__PolicySeries **items = take(l, room, sizeof *items);
        if (!items) return NULL;
        if (out->n_series) memcpy(items, out->series, out->n_series * sizeof *items);
        out->series = items;
        l->series_room = room;
    }
    Tc__PolicySeries *s = take(l, 1, sizeof *s);
    if (!s) return NULL;
    *s = (Tc__PolicySeries)TC__POLICY_SERIES__INIT;
    s->name = unconst(name);
    s->unit = unit;
    s->yearly = yearly;
    out->series[out->n_series++] = s;
    return s;
}

// ---- parameters
// -------------------------------------------------------------------------------------------------------

int parameter_named(const loader_t *l, const char *name) {
    for (size_t i = 0; i < l->out->n_series; i++)
        if (*name && strcmp(l->out->series[i]->name, name) == 0) return (int)i;
    return -1;
}

static int unit_from_name(const char *name) {
    static const char *const names[UNIT__COUNT] = {"", "money", "rate", "factor", "count"};
    for (int i = 1; i < UNIT__COUNT; i++)
        if (strcmp(names[i], name) == 0) return i;
    return -1;
}

static void declare_parameter(loader_t *l, const yaml_node_t *node) {
    static const char *const keys[] = {"unit", "dated", "rule", "text", "text_zh", "values", NULL};
    only(l, node, keys);
    rule_of(l, node);
    const yaml_node_t *unit = need(l, node, "unit"), *dated = may(l, node, "dated");
    const char *unit_name = text_of(l, unit), *dated_name = dated ? text_of(l, dated) : "";
    text_of(l, need(l, node, "text"));
    text_of(l, need(l, node, "text_zh"));
    const int code = unit_from_name(unit_name);
    if (!l->rc && code < 0) fail(l, unit, "%.40s is none of money, rate, factor, count", unit_name);
    if (!l->rc && dated && strcmp(dated_name, "year_described") != 0)
        fail(l, dated, "%.40s is not year_described", dated_name);
    const dates_t d = {(unit_t)code, dated != NULL, l->out->status, NULL};
    Tc__PolicySeries *s = add_series(l, node->key, d.unit, d.yearly);
    if (s) merge_list(l, s, need(l, node, "values"), &d, true);
    l->rule = NULL;
}

static void overlay_parameters(loader_t *l, const yaml_node_t *overlay) {
    const yaml_node_t *map = yaml_get(overlay, "parameters");
    if (!map || !is_map(l, map)) return;
    const char *status = text_of(l, need(l, overlay, "status"));
    for (const yaml_node_t *node = map->first; node && !l->rc; node = node->next) {
        int index = parameter_named(l, node->key);
        if (index < 0) {
            fail(l, node, "the city has no such parameter");
            return;
        }
        Tc__PolicySeries *s = l->out->series[index];
        const dates_t d = {(unit_t)s->unit, s->yearly, status, NULL};
        merge_list(l, s, node, &d, false);
    }
}

int load_parameters(loader_t *l) {
    const yaml_node_t *map = yaml_get(l->city, "parameters");
    if (map && is_map(l, map))
        for (const yaml_node_t *node = map->first; node && !l->rc; node = node->next) declare_parameter(l, node);
    for (size_t i = 0; i < l->overlay_count && !l->rc; i++) {
        l->doc = l->overlays[i];
        overlay_parameters(l, yaml_root(l->doc));
    }
    l->doc = l->city_doc;
    return l->rc;
}

// ---- values in tables
// -------------------------------------------------------------------------------------------------

static void ref_parameter(loader_t *l, const yaml_node_t *node, unit_t unit, Tc__PolicyRef *ref) {
    static const char *const keys[] = {"parameter", "times", "years_ago", "if_published", "rule", NULL};
    only(l, node, keys);
    const yaml_node_t *name = need(l, node, "parameter"), *times = may(l, node, "times");
    const yaml_node_t *years = may(l, node, "years_ago"), *published = may(l, node, "if_published");
    if (may(l, node, "rule")) rule_named(l, may(l, node, "rule"));
    int index = l->rc ? -1 : parameter_named(l, text_of(l, name));
    if (l->rc) return;
    if (index < 0) {
        fail(l, name, "there is no parameter %.40s", text_of(l, name));
        return;
    }
    if ((unit_t)l->out->series[index]->unit != unit) fail(l, name, "%.40s is of another unit", text_of(l, name));
    ref->kind = REF_SERIES;
    ref->series = (uint32_t)index;
    if (times) ref->times = (uint32_t)factor_of(l, times);
    if (years) ref->years_ago = (uint32_t)number_of(l, years, 0, 10);
    if (published) ref->if_published = truth_of(l, published);
}

static void ref_dated(loader_t *l, const yaml_node_t *node, unit_t unit, span_t span, Tc__PolicyRef *ref) {
    const dates_t d = {unit, false, l->out->status, ""};
    Tc__PolicySeries *s = add_series(l, "", unit, false);
    if (!s) return;
    merge_list(l, s, node, &d, true);
    if (l->rc) return;
    if (s->values[0]->from > span.from || s->values[s->n_values - 1]->to < span.to)
        fail(l, node, "a gap in the dates: the values do not reach over the whole time of what they stand in");
    for (size_t i = 0; i < s->n_values; i++)
        if (s->values[i]->missing) fail(l, node, "only a parameter can be missing");
    ref->kind = REF_SERIES;
    ref->series = (uint32_t)l->out->n_series - 1;
}

Tc__PolicyRef *ref_of(loader_t *l, const yaml_node_t *node, unit_t unit, span_t span, const fact_word_t *fact) {
    Tc__PolicyRef *ref = take(l, 1, sizeof *ref);
    if (!ref || !node) return NULL;
    *ref = (Tc__PolicyRef)TC__POLICY_REF__INIT;
    ref->times = RATE_ONE;
    if (node->kind == YAML_MAP) {
        ref_parameter(l, node, unit, ref);
    } else if (node->kind == YAML_LIST) {
        ref_dated(l, node, unit, span, ref);
    } else if (fact && node->text && strcmp(node->text, fact->word) == 0) {
        ref->kind = fact->kind;
    } else {
        ref->kind = REF_CONST;
        ref->value = literal_of(l, node, unit);
    }
    return ref;
}
