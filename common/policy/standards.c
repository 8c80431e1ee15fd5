// Section `standards`, from the file and from the message, and what is to be looked at.
#include "standards.h"
#include "loader.h"
#include "unpack.h"

// ---- from the file

static uint32_t series_of(loader_t *l, const yaml_node_t *node) {
    const int index = parameter_named(l, text_of(l, node));
    if (node && !l->rc && index < 0) fail(l, node, "there is no parameter %.40s", text_of(l, node));
    return index < 0 ? 0 : (uint32_t)index;
}

static uint32_t *parameters_of(loader_t *l, const yaml_node_t *list, size_t *count) {
    *count = 0;
    if (!is_list(l, list)) return NULL;
    if (list->count == 0 || list->count > STANDARDS_MAX) fail(l, list, "between 1 and %d parameters", STANDARDS_MAX);
    uint32_t *numbers = take(l, list->count, sizeof *numbers);
    for (const yaml_node_t *node = list->first; node && !l->rc; node = node->next)
        numbers[(*count)++] = series_of(l, node);
    return numbers;
}

// A value that nobody has approved is none.
static void check_approved(loader_t *l, const yaml_node_t *node, const Tc__PolicySeries *s, const char *by) {
    char from[DATE_TEXT_MAX], on[DATE_TEXT_MAX];
    for (size_t i = 0; i < s->n_values && !l->rc; i++) {
        const Tc__PolicyValue *v = s->values[i];
        if (v->missing) continue;
        date_format(v->from, from);
        if (!*v->approved_by)
            fail(l, node, "the value of %.40s from %s (%.60s) takes effect when %.40s has approved it: say `approved`",
                 s->name, from, v->source, by);
        else if (strcmp(v->approved_by, by) != 0)
            fail(l, node, "the value of %.40s from %s was approved by %.40s, not by %.40s", s->name, from,
                 v->approved_by, by);
        else if (v->approved_on > v->from)
            fail(l, node, "the value of %.40s begins on %s, before its approval on %s", s->name, from,
                 date_format(v->approved_on, on));
    }
}

static void load_approved(loader_t *l, const yaml_node_t *part, Tc__PolicyStandards *to) {
    static const char *const keys[] = {"by", "of", "rule", NULL};
    only(l, part, keys);
    to->approved_rule = rule_of(l, part);
    to->approved_by = unconst(text_of(l, need(l, part, "by")));
    const yaml_node_t *of = need(l, part, "of");
    to->approved = parameters_of(l, of, &to->n_approved);
    const yaml_node_t *node = of && !l->rc ? of->first : NULL;
    for (size_t i = 0; node && !l->rc; i++, node = node->next)
        check_approved(l, node, l->out->series[to->approved[i]], to->approved_by);
    l->rule = NULL;
}

static Tc__PolicyYearlyStandard *yearly_of(loader_t *l, const yaml_node_t *node) {
    static const char *const keys[] = {"of", "regards", "rule", NULL};
    Tc__PolicyYearlyStandard *to = take(l, 1, sizeof *to);
    if (!to) return NULL;
    *to = (Tc__PolicyYearlyStandard)TC__POLICY_YEARLY_STANDARD__INIT;
    only(l, node, keys);
    to->rule = rule_of(l, node);
    to->of = parameters_of(l, need(l, node, "of"), &to->n_of);
    const yaml_node_t *regards = need(l, node, "regards");
    if (!is_list(l, regards)) return to;
    if (regards->count == 0 || regards->count > REGARDS_MAX) fail(l, regards, "between 1 and %d words", REGARDS_MAX);
    to->regards = take(l, regards->count, sizeof *to->regards);
    for (const yaml_node_t *word = regards->first; word && !l->rc; word = word->next)
        to->regards[to->n_regards++] = unconst(text_of(l, word));
    l->rule = NULL;
    return to;
}

static Tc__PolicyRaise *raise_of(loader_t *l, const yaml_node_t *node) {
    static const char *const keys[] = {"raised", "follows", "rule", NULL};
    Tc__PolicyRaise *to = take(l, 1, sizeof *to);
    if (!to) return NULL;
    *to = (Tc__PolicyRaise)TC__POLICY_RAISE__INIT;
    only(l, node, keys);
    to->rule = rule_of(l, node);
    to->raised = series_of(l, need(l, node, "raised"));
    to->follows = series_of(l, need(l, node, "follows"));
    if (!l->rc && to->raised == to->follows) fail(l, node, "a value follows another one");
    l->rule = NULL;
    return to;
}

// The members of a list that may be left out, at most STANDARDS_MAX.
static size_t length_of(loader_t *l, const yaml_node_t *list) {
    if (!list || !is_list(l, list)) return 0;
    if (list->count > STANDARDS_MAX) fail(l, list, "more than %d", STANDARDS_MAX);
    return l->rc ? 0 : list->count;
}

int load_standards(loader_t *l) {
    static const char *const keys[] = {"approved", "yearly", "together", NULL};
    const yaml_node_t *section = section_of(l, "standards");
    if (!section) return l->rc;
    Tc__PolicyStandards *to = take(l, 1, sizeof *to);
    if (!to) return l->rc;
    *to = (Tc__PolicyStandards)TC__POLICY_STANDARDS__INIT;
    only(l, section, keys);
    const yaml_node_t *approved = may(l, section, "approved"), *yearly = may(l, section, "yearly");
    const yaml_node_t *together = may(l, section, "together");
    if (approved) load_approved(l, approved, to);
    const size_t years = length_of(l, yearly), raises = length_of(l, together);
    to->yearly = take(l, years, sizeof *to->yearly);
    to->together = take(l, raises, sizeof *to->together);
    for (const yaml_node_t *node = years ? yearly->first : NULL; node && !l->rc; node = node->next)
        to->yearly[to->n_yearly++] = yearly_of(l, node);
    for (const yaml_node_t *node = raises ? together->first : NULL; node && !l->rc; node = node->next)
        to->together[to->n_together++] = raise_of(l, node);
    l->out->standards = to;
    return l->rc;
}

// ---- from the message

static int take_series(const unpacker_t *r, uint32_t index, const series_t **to) {
    if (index >= r->policy->series_count) return unpack_bad(r, "number of a standard's series");
    *to = &r->policy->series[index];
    return E_OK;
}

static int read_yearly(const unpacker_t *r, const Tc__PolicyYearlyStandard *from, yearly_standard_t *to) {
    const series_t **of = unpack_take(r, from->n_of, sizeof *of);
    if (!of) return unpack_no_memory(r);
    if (from->n_of > STANDARDS_MAX || from->n_regards > REGARDS_MAX) return unpack_bad(r, "too many standards");
    *to = (yearly_standard_t){.of = of,
                              .count = (uint32_t)from->n_of,
                              .regards = (const char *const *)from->regards,
                              .regard_count = (uint32_t)from->n_regards};
    int rc = unpack_rule(r, from->rule, &to->rule);
    for (size_t i = 0; i < from->n_of && !rc; i++) rc = take_series(r, from->of[i], &of[i]);
    return rc;
}

static int read_raise(const unpacker_t *r, const Tc__PolicyRaise *from, standard_raise_t *to) {
    int rc = take_series(r, from->raised, &to->raised);
    if (!rc) rc = take_series(r, from->follows, &to->follows);
    return rc ? rc : unpack_rule(r, from->rule, &to->rule);
}

int unpack_standards(const unpacker_t *r) {
    const Tc__PolicyStandards *from = r->message->standards;
    r->policy->standards = NULL;
    if (!from) return E_OK;
    if (from->n_yearly > STANDARDS_MAX || from->n_together > STANDARDS_MAX) return unpack_bad(r, "too many standards");
    standards_rules_t *to = unpack_take(r, 1, sizeof *to);
    yearly_standard_t *yearly = unpack_take(r, from->n_yearly, sizeof *yearly);
    standard_raise_t *together = unpack_take(r, from->n_together, sizeof *together);
    if (!to || !yearly || !together) return unpack_no_memory(r);
    *to = (standards_rules_t){.yearly = yearly, .together = together};
    int rc = E_OK;
    if (*from->approved_by) {
        to->approved_by = from->approved_by;
        rc = unpack_rule(r, from->approved_rule, &to->approved_rule);
    }
    for (; to->yearly_count < from->n_yearly && !rc; to->yearly_count++)
        rc = read_yearly(r, from->yearly[to->yearly_count], &yearly[to->yearly_count]);
    for (; to->raise_count < from->n_together && !rc; to->raise_count++)
        rc = read_raise(r, from->together[to->raise_count], &together[to->raise_count]);
    if (!rc) r->policy->standards = to;
    return rc;
}

// ---- what is to be looked at

typedef struct look {
    standard_tell_t *tell;
    void *self;
} look_t;

static bool regards(const value_t *value, const char *word) {
    for (uint32_t i = 0; i < value->regard_count; i++)
        if (strcmp(value->regards[i], word) == 0) return true;
    return false;
}

static void check_regards(const yearly_standard_t *rule, const series_t *s, const look_t *look) {
    for (uint32_t i = 0; i < s->count; i++)
        for (uint32_t k = 0; k < rule->regard_count && !s->values[i].missing; k++) {
            const standard_finding_t finding = {STANDARD_WITHOUT_REGARD, s->name, rule->regards[k], s->values[i].from,
                                                rule->rule};
            if (!regards(&s->values[i], rule->regards[k])) look->tell(look->self, &finding);
        }
}

static const value_t *value_on(const series_t *s, date_t day) {
    for (uint32_t i = 0; i < s->count; i++)
        if (!s->values[i].missing && s->values[i].from <= day && day <= s->values[i].to) return &s->values[i];
    return NULL;
}

static void check_renewed(const yearly_standard_t *rule, const series_t *s, int last_year, const look_t *look) {
    if (s->count == 0) return;
    for (int year = date_year(s->values[0].from) + 1; year <= last_year && date_valid(year, 12, 31); year++) {
        const date_t end = date_make(year, 12, 31);
        const value_t *value = value_on(s, end);
        const standard_finding_t finding = {STANDARD_NOT_RENEWED, s->name, "", date_make(year, 1, 1), rule->rule};
        if (value && date_year(value->from) < year) look->tell(look->self, &finding);
    }
}

// Was the one that follows worth more after the raise than before it? It may have been raised on the way.
static void check_raise(const standard_raise_t *rule, const look_t *look) {
    const series_t *s = rule->raised;
    for (uint32_t i = 1; i < s->count; i++) {
        const value_t *now = &s->values[i], *before = &s->values[i - 1];
        if (now->missing || before->missing || now->value <= before->value) continue;
        const value_t *then = value_on(rule->follows, before->from), *next = value_on(rule->follows, now->from);
        const standard_finding_t finding = {STANDARD_NOT_RAISED_ALONG, rule->follows->name, s->name, now->from,
                                            rule->rule};
        if (then && next && next->value <= then->value) look->tell(look->self, &finding);
    }
}

void standard_sentence(const standard_finding_t *finding, char *text, size_t room) {
    char from[DATE_TEXT_MAX];
    date_format(finding->from, from);
    switch (finding->fault) {
    case STANDARD_NOT_RENEWED:
        snprintf(text, room, "no value is set for %.4s, and that of an earlier year goes on", from);
        break;
    case STANDARD_WITHOUT_REGARD:
        snprintf(text, room, "the value from %s does not say that it was set with regard to %.60s", from,
                 finding->word);
        break;
    case STANDARD_NOT_RAISED_ALONG:
        snprintf(text, room, "%.60s was raised from %s, and this was not", finding->word, from);
        break;
    }
}

void standards_check(const policy_t *policy, int last_year, standard_tell_t *tell, void *self) {
    const standards_rules_t *rules = policy->standards;
    const look_t look = {tell, self};
    for (uint32_t i = 0; rules && i < rules->yearly_count; i++)
        for (uint32_t k = 0; k < rules->yearly[i].count; k++) {
            check_regards(&rules->yearly[i], rules->yearly[i].of[k], &look);
            check_renewed(&rules->yearly[i], rules->yearly[i].of[k], last_year, &look);
        }
    for (uint32_t i = 0; rules && i < rules->raise_count; i++) check_raise(&rules->together[i], &look);
}
