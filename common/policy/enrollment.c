// Section `enrollment`, from the file and from the message.
#include "enrollment.h"
#include "loader.h"
#include "unpack.h"

enum { BORN_WITHIN_MAX = 36500, TIERS_ROWS_MAX = 16, EXCLUSIONS_MAX = 8 };

// ---- from the file

typedef int from_name_t(const char *name);

static uint32_t code_in(loader_t *l, const yaml_node_t *node, from_name_t *from_name, const char *noun) {
    int code = from_name(text_of(l, node));
    if (code >= 0) return (uint32_t)code;
    if (node) fail(l, node, "%.40s is not a %s", text_of(l, node), noun);
    return 0;
}

// A list of words as bits.
static uint32_t bits_in(loader_t *l, const yaml_node_t *list, from_name_t *from_name, const char *noun) {
    uint32_t bits = 0;
    if (!list || !is_list(l, list)) return 0;
    if (list->count == 0) fail(l, list, "names nothing");
    for (const yaml_node_t *item = list->first; item && !l->rc; item = item->next) {
        int code = from_name(text_of(l, item));
        if (code < 0)
            fail(l, list, "%.40s is not a %s", text_of(l, item), noun);
        else if (bits >> code & 1)
            fail(l, list, "%.40s stands here twice", text_of(l, item));
        else
            bits |= 1u << code;
    }
    return bits;
}

static void read_when(loader_t *l, const yaml_node_t *when, Tc__PolicyScopeClass *to) {
    static const char *const keys[] = {"all", "any", "none", "groups", "born_within_days", NULL};
    only(l, when, keys);
    to->all = bits_in(l, may(l, when, "all"), circumstance_from_name, "circumstance");
    to->any = bits_in(l, may(l, when, "any"), circumstance_from_name, "circumstance");
    to->none = bits_in(l, may(l, when, "none"), circumstance_from_name, "circumstance");
    to->groups = bits_in(l, may(l, when, "groups"), group_from_name, "group");
    const yaml_node_t *born = may(l, when, "born_within_days");
    if (born) to->born_within_days = (uint32_t)number_of(l, born, 1, BORN_WITHIN_MAX);
    if (!l->rc && ((to->all & to->none) || (to->any && !(to->any & ~to->none))))
        fail(l, when, "nobody can be in this class");
}

static void read_place(loader_t *l, const yaml_node_t *place, Tc__PolicyScopeClass *to) {
    static const char *const keys[] = {"at", "rule", NULL};
    if (!place) return;
    only(l, place, keys);
    to->place = code_in(l, need(l, place, "at"), place_from_name, "place");
    to->place_rule = rule_named(l, need(l, place, "rule"));
}

// A class of `classes`, or (`joins` false) of `mid_year`, which only names who may.
static Tc__PolicyScopeClass *class_of(loader_t *l, const yaml_node_t *node, bool joins) {
    static const char *const keys[] = {"class", "when", "must", "scheme", "identity", "place", "rule", NULL};
    static const char *const mid_year_keys[] = {"class", "when", "identity", "rule", NULL};
    Tc__PolicyScopeClass *to = take(l, 1, sizeof *to);
    if (!to) return NULL;
    *to = (Tc__PolicyScopeClass)TC__POLICY_SCOPE_CLASS__INIT;
    only(l, node, joins ? keys : mid_year_keys);
    to->rule = rule_of(l, node);
    to->name = unconst(text_of(l, need(l, node, "class")));
    const yaml_node_t *identity = need(l, node, "identity"), *when = need(l, node, "when");
    to->identity = code_in(l, identity, identity_from_name, "known identity");
    if (!l->rc && !(l->out->identities >> to->identity & 1)) fail(l, identity, "not one of the city's identities");
    read_when(l, when, to);
    if (joins) {
        to->must = truth_of(l, need(l, node, "must"));
        to->scheme = code_in(l, need(l, node, "scheme"), insurance_scheme_from_name, "scheme");
        read_place(l, may(l, node, "place"), to);
    }
    l->rule = NULL;
    return to;
}

static Tc__PolicyScopeClass **classes_of(loader_t *l, const yaml_node_t *list, bool joins, size_t *count) {
    *count = 0;
    if (!list || !is_list(l, list)) return NULL;
    if (list->count == 0 || list->count > SCOPE_CLASSES_MAX)
        fail(l, list, "between 1 and %d classes", SCOPE_CLASSES_MAX);
    Tc__PolicyScopeClass **classes = take(l, list->count, sizeof *classes);
    for (const yaml_node_t *node = list->first; node && !l->rc; node = node->next) {
        Tc__PolicyScopeClass *one = class_of(l, node, joins);
        for (size_t i = 0; i < *count && !l->rc; i++)
            if (strcmp(classes[i]->name, one->name) == 0) fail(l, node, "class %.40s stands twice", one->name);
        classes[(*count)++] = one;
    }
    return classes;
}

static void load_tiers(loader_t *l, const yaml_node_t *list, Tc__PolicyEnrollment *to) {
    static const char *const keys[] = {"identities", "tiers", "rule", NULL};
    uint32_t seen = 0;
    if (!list || !is_list(l, list)) return;
    if (list->count > TIERS_ROWS_MAX) fail(l, list, "more than %d rows", TIERS_ROWS_MAX);
    to->tiers = take(l, list->count, sizeof *to->tiers);
    for (const yaml_node_t *node = list->first; node && !l->rc; node = node->next) {
        Tc__PolicyScopeTiers *row = take(l, 1, sizeof *row);
        if (!row) return;
        *row = (Tc__PolicyScopeTiers)TC__POLICY_SCOPE_TIERS__INIT;
        only(l, node, keys);
        row->rule = rule_of(l, node);
        row->identities = identities_of(l, need(l, node, "identities"));
        row->tiers = bits_in(l, need(l, node, "tiers"), tier_from_name, "tier");
        if (!l->rc && (seen & row->identities)) fail(l, node, "an identity stands in two rows");
        seen |= row->identities;
        to->tiers[to->n_tiers++] = row;
    }
    l->rule = NULL;
}

static void load_exclusions(loader_t *l, const yaml_node_t *list, Tc__PolicyEnrollment *to) {
    static const char *const keys[] = {"scheme", "outside", "rule", NULL};
    if (!list || !is_list(l, list)) return;
    if (list->count > EXCLUSIONS_MAX) fail(l, list, "more than %d rows", EXCLUSIONS_MAX);
    to->exclusions = take(l, list->count, sizeof *to->exclusions);
    for (const yaml_node_t *node = list->first; node && !l->rc; node = node->next) {
        Tc__PolicyScopeExclusion *row = take(l, 1, sizeof *row);
        if (!row) return;
        *row = (Tc__PolicyScopeExclusion)TC__POLICY_SCOPE_EXCLUSION__INIT;
        only(l, node, keys);
        row->rule = rule_of(l, node);
        row->scheme = code_in(l, need(l, node, "scheme"), insurance_scheme_from_name, "scheme");
        row->outside = code_in(l, need(l, node, "outside"), insurance_scheme_from_name, "scheme");
        if (!l->rc && row->scheme == row->outside) fail(l, node, "a scheme cannot exclude itself");
        to->exclusions[to->n_exclusions++] = row;
    }
    l->rule = NULL;
}

static void load_automatic(loader_t *l, const yaml_node_t *list, Tc__PolicyEnrollment *to) {
    static const char *const keys[] = {"scheme", "identities", "groups", "rule", NULL};
    if (!list || !is_list(l, list)) return;
    if (list->count > SCOPE_AUTOMATIC_MAX) fail(l, list, "more than %d rows", SCOPE_AUTOMATIC_MAX);
    to->automatic = take(l, list->count, sizeof *to->automatic);
    for (const yaml_node_t *node = list->first; node && !l->rc; node = node->next) {
        Tc__PolicyScopeAutomatic *row = take(l, 1, sizeof *row);
        if (!row) return;
        *row = (Tc__PolicyScopeAutomatic)TC__POLICY_SCOPE_AUTOMATIC__INIT;
        only(l, node, keys);
        row->rule = rule_of(l, node);
        row->scheme = unconst(text_of(l, need(l, node, "scheme")));
        if (may(l, node, "identities")) row->identities = identities_of(l, may(l, node, "identities"));
        row->groups = bits_in(l, may(l, node, "groups"), group_from_name, "group");
        if (!l->rc && !row->identities && !row->groups) fail(l, node, "says neither identities nor groups");
        to->automatic[to->n_automatic++] = row;
    }
    l->rule = NULL;
}

int load_enrollment(loader_t *l) {
    static const char *const keys[] = {"from", "rule", "classes", "tiers", "exclusions", "mid_year", "automatic", NULL};
    const yaml_node_t *section = section_of(l, "enrollment");
    if (!section) return l->rc;
    Tc__PolicyEnrollment *to = take(l, 1, sizeof *to);
    if (!to) return l->rc;
    *to = (Tc__PolicyEnrollment)TC__POLICY_ENROLLMENT__INIT;
    only(l, section, keys);
    to->rule = rule_of(l, section);
    l->rule = NULL;
    to->from = date_of(l, need(l, section, "from"));
    const yaml_node_t *classes = need(l, section, "classes");
    to->missing = classes && classes->kind == YAML_SCALAR && strcmp(text_of(l, classes), "missing") == 0;
    if (!to->missing) to->classes = classes_of(l, classes, true, &to->n_classes);
    load_tiers(l, may(l, section, "tiers"), to);
    load_exclusions(l, may(l, section, "exclusions"), to);
    to->mid_year = classes_of(l, may(l, section, "mid_year"), false, &to->n_mid_year);
    load_automatic(l, may(l, section, "automatic"), to);
    l->out->enrollment = to;
    return l->rc;
}

// ---- from the message

static bool within(uint32_t bits, int count) { return count >= 32 || bits >> count == 0; }

static int read_class(const unpacker_t *r, const Tc__PolicyScopeClass *from, scope_class_t *to) {
    if (!within(from->all | from->any | from->none, CIRCUMSTANCE__COUNT) || !within(from->groups, GROUP__COUNT) ||
        from->born_within_days > BORN_WITHIN_MAX)
        return unpack_bad(r, "conditions of a class");
    if (from->scheme >= SCHEME__COUNT || from->place >= PLACE__COUNT || from->identity >= IDENTITY__COUNT ||
        !(r->policy->identities >> from->identity & 1))
        return unpack_bad(r, "scheme, identity or place of a class");
    *to = (scope_class_t){.name = from->name,
                          .all = from->all,
                          .any = from->any,
                          .none = from->none,
                          .groups = from->groups,
                          .born_within_days = (int)from->born_within_days,
                          .must = from->must,
                          .scheme = (insurance_scheme_t)from->scheme,
                          .identity = (identity_t)from->identity,
                          .place = (place_t)from->place};
    int rc = unpack_rule(r, from->rule, &to->rule);
    if (!rc && to->place != PLACE_ANY) rc = unpack_rule(r, from->place_rule, &to->place_rule);
    return rc;
}

static int read_classes(const unpacker_t *r, Tc__PolicyScopeClass **from, size_t count, const scope_class_t **to,
                        uint32_t *to_count) {
    if (count > SCOPE_CLASSES_MAX) return unpack_bad(r, "too many classes");
    scope_class_t *classes = unpack_take(r, count, sizeof *classes);
    if (!classes) return unpack_no_memory(r);
    int rc = E_OK;
    for (size_t i = 0; i < count && !rc; i++) rc = read_class(r, from[i], &classes[i]);
    *to = classes;
    *to_count = (uint32_t)count;
    return rc;
}

static int read_tiers(const unpacker_t *r, const Tc__PolicyEnrollment *from, enrollment_rules_t *to) {
    if (from->n_tiers > TIERS_ROWS_MAX) return unpack_bad(r, "too many rows of tiers");
    scope_tiers_t *rows = unpack_take(r, from->n_tiers, sizeof *rows);
    if (!rows) return unpack_no_memory(r);
    for (size_t i = 0; i < from->n_tiers; i++) {
        if (!within(from->tiers[i]->tiers, TIER__COUNT)) return unpack_bad(r, "a tier");
        rows[i] = (scope_tiers_t){.identities = from->tiers[i]->identities, .tiers = from->tiers[i]->tiers};
        int rc = unpack_rule(r, from->tiers[i]->rule, &rows[i].rule);
        if (rc) return rc;
    }
    to->tiers = rows;
    to->tiers_count = (uint32_t)from->n_tiers;
    return E_OK;
}

static int read_exclusions(const unpacker_t *r, const Tc__PolicyEnrollment *from, enrollment_rules_t *to) {
    if (from->n_exclusions > EXCLUSIONS_MAX) return unpack_bad(r, "too many exclusions");
    scope_exclusion_t *rows = unpack_take(r, from->n_exclusions, sizeof *rows);
    if (!rows) return unpack_no_memory(r);
    for (size_t i = 0; i < from->n_exclusions; i++) {
        const Tc__PolicyScopeExclusion *e = from->exclusions[i];
        if (e->scheme >= SCHEME__COUNT || e->outside >= SCHEME__COUNT) return unpack_bad(r, "a scheme");
        rows[i] =
            (scope_exclusion_t){.scheme = (insurance_scheme_t)e->scheme, .outside = (insurance_scheme_t)e->outside};
        int rc = unpack_rule(r, e->rule, &rows[i].rule);
        if (rc) return rc;
    }
    to->exclusions = rows;
    to->exclusion_count = (uint32_t)from->n_exclusions;
    return E_OK;
}

static int read_automatic(const unpacker_t *r, const Tc__PolicyEnrollment *from, enrollment_rules_t *to) {
    if (from->n_automatic > SCOPE_AUTOMATIC_MAX) return unpack_bad(r, "too many rows of automatic schemes");
    scope_automatic_t *rows = unpack_take(r, from->n_automatic, sizeof *rows);
    if (!rows) return unpack_no_memory(r);
    for (size_t i = 0; i < from->n_automatic; i++) {
        const Tc__PolicyScopeAutomatic *a = from->automatic[i];
        if (!within(a->groups, GROUP__COUNT)) return unpack_bad(r, "groups of an automatic scheme");
        rows[i] = (scope_automatic_t){.scheme = a->scheme, .identities = a->identities, .groups = a->groups};
        int rc = unpack_rule(r, a->rule, &rows[i].rule);
        if (rc) return rc;
    }
    to->automatic = rows;
    to->automatic_count = (uint32_t)from->n_automatic;
    return E_OK;
}

int unpack_enrollment(const unpacker_t *r) {
    const Tc__PolicyEnrollment *from = r->message->enrollment;
    if (!from) return E_OK;
    enrollment_rules_t *to = unpack_take(r, 1, sizeof *to);
    if (!to) return unpack_no_memory(r);
    to->from = from->from;
    to->missing = from->missing;
    int rc = unpack_rule(r, from->rule, &to->rule);
    if (!rc) rc = read_classes(r, from->classes, from->n_classes, &to->classes, &to->class_count);
    if (!rc) rc = read_classes(r, from->mid_year, from->n_mid_year, &to->mid_year, &to->mid_year_count);
    if (!rc) rc = read_tiers(r, from, to);
    if (!rc) rc = read_exclusions(r, from, to);
    if (!rc) rc = read_automatic(r, from, to);
    if (!rc) r->policy->enrollment = to;
    return rc;
}
