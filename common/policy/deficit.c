// Section `deficit`, from the file and from the message.
#include "deficit.h"
#include "loader.h"
#include "month_day.h"
#include "unpack.h"

static Tc__PolicyDeficitYear *year_of(loader_t *l, const yaml_node_t *node, uint32_t after) {
    static const char *const keys[] = {"year", "least", "rest", "rule", NULL};
    Tc__PolicyDeficitYear *to = take(l, 1, sizeof *to);
    if (!to) return NULL;
    *to = (Tc__PolicyDeficitYear)TC__POLICY_DEFICIT_YEAR__INIT;
    only(l, node, keys);
    to->rule = rule_of(l, node);
    const yaml_node_t *year = need(l, node, "year"), *least = may(l, node, "least"), *rest = may(l, node, "rest");
    to->year = (uint32_t)number_of(l, year, 1900, 2199);
    if (!l->rc && to->year <= after) fail(l, year, "years stand in order");
    to->rest = rest && truth_of(l, rest);
    if (to->rest == (least != NULL)) fail(l, node, "expected either least or rest: true");
    if (least) to->least = (uint32_t)literal_of(l, least, UNIT_RATE);
    const bool last = !node->next;
    if (!l->rc && to->rest != last) fail(l, node, "the last year, and no other, pays the rest");
    l->rule = NULL;
    return to;
}

static void load_years(loader_t *l, const yaml_node_t *list, Tc__PolicyDeficit *to) {
    if (!is_list(l, list)) return;
    if (list->count == 0 || list->count > DEFICIT_YEARS_MAX) fail(l, list, "expected 1 to %d years", DEFICIT_YEARS_MAX);
    to->years = take(l, list->count, sizeof *to->years);
    uint32_t after = 0;
    for (const yaml_node_t *node = list->first; node && !l->rc; node = node->next) {
        to->years[to->n_years++] = year_of(l, node, after);
        if (!l->rc) after = to->years[to->n_years - 1]->year;
    }
}

int load_deficit(loader_t *l) {
    static const char *const keys[] = {"rule", "offset", "due", "years", NULL};
    static const char *const offset_keys[] = {"rule", "limit_rule", NULL}, *const due_keys[] = {"date", "rule", NULL};
    const yaml_node_t *section = section_of(l, "deficit");
    if (!section) return l->rc;
    Tc__PolicyDeficit *to = take(l, 1, sizeof *to);
    if (!to) return l->rc;
    *to = (Tc__PolicyDeficit)TC__POLICY_DEFICIT__INIT;
    only(l, section, keys);
    to->rule = rule_of(l, section);
    const yaml_node_t *offset = need(l, section, "offset"), *due = need(l, section, "due");
    only(l, offset, offset_keys);
    to->limit_rule = rule_named(l, need(l, offset, "limit_rule"));
    to->offset_rule = rule_of(l, offset);
    only(l, due, due_keys);
    to->due_rule = rule_of(l, due);
    to->due = date_of(l, need(l, due, "date"));
    l->rule = NULL;
    load_years(l, need(l, section, "years"), to);
    if (!l->rc && (uint32_t)date_year(to->due) != to->years[to->n_years - 1]->year)
        fail(l, due, "the rest is due in the last of the years");
    l->out->deficit = to;
    return l->rc;
}

static int read_years(const unpacker_t *r, const Tc__PolicyDeficit *from, deficit_rules_t *to) {
    if (from->n_years == 0 || from->n_years > DEFICIT_YEARS_MAX) return unpack_bad(r, "years of deficit");
    to->year_count = (uint32_t)from->n_years;
    for (uint32_t i = 0; i < to->year_count; i++) {
        const Tc__PolicyDeficitYear *y = from->years[i];
        const bool last = i + 1 == to->year_count;
        if (y->year < 1900 || y->year > 2199 || (i && y->year <= to->years[i - 1].year) || y->least > RATE_ONE ||
            y->rest != last || (last && y->least))
            return unpack_bad(r, "a year of deficit");
        to->years[i] = (deficit_year_t){.year = (uint16_t)y->year, .least = (rate_t)y->least};
        int rc = unpack_rule(r, y->rule, &to->years[i].rule);
        if (rc) return rc;
    }
    return E_OK;
}

int unpack_deficit(const unpacker_t *r) {
    const Tc__PolicyDeficit *from = r->message->deficit;
    r->policy->deficit = NULL;
    if (!from) return E_OK;
    if (!policy_day_sane(from->due)) return unpack_bad(r, "date of deficit");
    deficit_rules_t *to = unpack_take(r, 1, sizeof *to);
    if (!to) return unpack_no_memory(r);
    *to = (deficit_rules_t){.due = from->due};
    int rc = unpack_rule(r, from->rule, &to->rule);
    if (!rc) rc = unpack_rule(r, from->offset_rule, &to->offset_rule);
    if (!rc) rc = unpack_rule(r, from->limit_rule, &to->limit_rule);
    if (!rc) rc = unpack_rule(r, from->due_rule, &to->due_rule);
    if (!rc) rc = read_years(r, from, to);
    if (!rc) r->policy->deficit = to;
    return rc;
}
