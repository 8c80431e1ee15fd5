// Conditions: `when` of a row to bits. Numbers (months, ages) are written as ranges; the ranges of the whole city file
// give the bands that its tables distinguish.
#include "loader.h"

// ---- ranges
// -----------------------------------------------------------------------------------------------------------

enum { NUMBER_MAX = 99999 };

static const char *digits(const char *text, int64_t *out) {
    size_t n = strspn(text, "0123456789");
    if (n == 0 || n > 5) return NULL;
    *out = strtoll(text, NULL, 10);
    return text + n;
}

// "0..12", "25.." or "7".
static bool range_parse(const char *text, int64_t *low, int64_t *high) {
    const char *rest = digits(text, low);
    *high = NUMBER_MAX;
    if (!rest) return false;
    if (!*rest) {
        *high = *low;
        return true;
    }
    if (strncmp(rest, "..", 2) != 0) return false;
    if (!rest[2]) return true;
    rest = digits(rest + 2, high);
    return rest && !*rest && *low <= *high;
}

static void add_start(loader_t *l, const yaml_node_t *node, dimension_t dimension, int64_t start) {
    bands_t *b = &l->bands[dimension];
    uint32_t at = 0;
    if (start <= 0 || start > NUMBER_MAX) return;
    while (at < b->count && b->starts[at] < (uint32_t)start) at++;
    if (at < b->count && b->starts[at] == (uint32_t)start) return;
    if (b->count == BANDS_MAX - 1) {
        fail(l, node, "the file distinguishes more than %d bands", BANDS_MAX);
        return;
    }
    memmove(&b->starts[at + 1], &b->starts[at], (b->count - at) * sizeof b->starts[0]);
    b->starts[at] = (uint32_t)start;
    b->count++;
}

static void collect_starts(loader_t *l, const yaml_node_t *node) {
    int64_t low, high;
    int dimension = node->key ? dimension_from_name(node->key) : -1;
    if (dimension >= 0 && dimension_infos[dimension].kind == DIM_NUMBER && node->text &&
        range_parse(node->text, &low, &high)) {
        add_start(l, node, (dimension_t)dimension, low);
        add_start(l, node, (dimension_t)dimension, high + 1);
    }
    for (const yaml_node_t *child = node->first; child && !l->rc; child = child->next) collect_starts(l, child);
}

int load_bands(loader_t *l) {
    collect_starts(l, l->city);
    for (size_t i = 0; i < l->overlay_count && !l->rc; i++) {
        l->doc = l->overlays[i];
        collect_starts(l, yaml_root(l->doc));
    }
    l->doc = l->city_doc;
    l->out->bands = take(l, DIM__COUNT, sizeof *l->out->bands);
    for (int i = 0; i < DIM__COUNT && !l->rc; i++) {
        if (l->bands[i].count == 0) continue;
        Tc__PolicyBands *bands = take(l, 1, sizeof *bands);
        if (!bands) return l->rc;
        *bands = (Tc__PolicyBands)TC__POLICY_BANDS__INIT;
        bands->dimension = (uint32_t)i;
        bands->n_starts = l->bands[i].count;
        bands->starts = l->bands[i].starts;
        l->out->bands[l->out->n_bands++] = bands;
    }
    return l->rc;
}

// ---- conditions
// -------------------------------------------------------------------------------------------------------

static uint64_t word_bit(loader_t *l, const yaml_node_t *node, dimension_t dimension, const char *text) {
    int value = dimension_value_from_name(dimension, text);
    if (value < 0) {
        fail(l, node, "%.40s is not a value of %s", text, dimension_infos[dimension].name);
        return 0;
    }
    if (dimension == DIM_IDENTITY && !(l->out->identities >> value & 1))
        fail(l, node, "%.40s is not one of the city's identities", text);
    return UINT64_C(1) << (dimension_infos[dimension].shift + value);
}

static uint64_t words_mask(loader_t *l, const yaml_node_t *node, dimension_t dimension) {
    if (node->kind != YAML_LIST) return word_bit(l, node, dimension, text_of(l, node));
    uint64_t mask = 0;
    if (node->count == 0) fail(l, node, "allows nothing");
    for (const yaml_node_t *item = node->first; item && !l->rc; item = item->next)
        mask |= word_bit(l, node, dimension, text_of(l, item));
    return mask;
}

static uint64_t range_mask(loader_t *l, const yaml_node_t *node, dimension_t dimension) {
    int64_t low, high;
    const char *text = text_of(l, node);
    if (l->rc) return 0;
    if (!range_parse(text, &low, &high)) {
        fail(l, node, "%.40s is not a range like 13..24 or 25..", text);
        return 0;
    }
    const bands_t *bands = &l->bands[dimension];
    unsigned first = band_of(bands, low), last = high == NUMBER_MAX ? BANDS_MAX - 1 : band_of(bands, high);
    return (((UINT64_C(1) << (last - first + 1)) - 1) << first) << dimension_infos[dimension].shift;
}

static uint32_t groups_mask(loader_t *l, const yaml_node_t *node) {
    uint32_t mask = 0;
    const yaml_node_t *item = node->kind == YAML_LIST ? node->first : node;
    if (!item) fail(l, node, "names no group");
    for (; item && !l->rc; item = node->kind == YAML_LIST ? item->next : NULL) {
        int group = group_from_name(text_of(l, item));
        if (l->rc) return mask;
        if (group < 0)
            fail(l, node, "%.40s is not a group", text_of(l, item));
        else
            mask |= GROUP_BIT(group);
    }
    return mask;
}

static bool read_groups(loader_t *l, const yaml_node_t *node, Tc__PolicyWhen *when) {
    if (strcmp(node->key, "groups") == 0)
        when->groups_any = groups_mask(l, node);
    else if (strcmp(node->key, "groups_all") == 0)
        when->groups_all = groups_mask(l, node);
    else if (strcmp(node->key, "groups_none") == 0)
        when->groups_none = groups_mask(l, node);
    else
        return false;
    return true;
}

static void read_dimension(loader_t *l, const yaml_node_t *node, int scope, Tc__PolicyWhen *when) {
    int index = dimension_from_name(node->key);
    if (index < 0) {
        fail(l, node, "unknown key in a condition");
        return;
    }
    const dimension_info_t *info = &dimension_infos[index];
    if (!(info->scope & scope)) {
        const char *where = scope == SCOPE_BENEFIT        ? "of a bill"
                            : scope == SCOPE_CONTRIBUTION ? "when contributions are due"
                            : scope == SCOPE_PERSON       ? "of a person"
                                                          : "of a facility";
        fail(l, node, "%s is not known %s", info->name, where);
        return;
    }
    uint64_t mask =
        info->kind == DIM_NUMBER ? range_mask(l, node, (dimension_t)index) : words_mask(l, node, (dimension_t)index);
    uint64_t *word = info->word ? &when->dims1 : &when->dims0;
    *word = (*word & ~dimension_mask((dimension_t)index)) | mask;
}

Tc__PolicyWhen *when_always(loader_t *l, span_t span) {
    Tc__PolicyWhen *when = take(l, 1, sizeof *when);
    if (!when) return NULL;
    *when = (Tc__PolicyWhen)TC__POLICY_WHEN__INIT;
    when->dims0 = when->dims1 = UINT64_MAX;
    when->from = span.from;
    when->to = span.to;
    return when;
}

Tc__PolicyWhen *when_of(loader_t *l, const yaml_node_t *map, int scope, span_t around) {
    Tc__PolicyWhen *when = when_always(l, around);
    if (!when || !map || !is_map(l, map)) return when;
    for (const yaml_node_t *node = map->first; node && !l->rc; node = node->next)
        if (!read_groups(l, node, when)) read_dimension(l, node, scope, when);
    return when;
}

when_t when_unpacked(const Tc__PolicyWhen *w) {
    return (when_t){.dims = {w->dims0, w->dims1},
                    .groups_any = w->groups_any,
                    .groups_all = w->groups_all,
                    .groups_none = w->groups_none,
                    .from = w->from,
                    .to = w->to};
}
