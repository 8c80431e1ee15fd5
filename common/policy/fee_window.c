// Section `fee_window`, from the file and from the message, and how it is asked.
#include "fee_window.h"
#include "loader.h"
#include "unpack.h"

enum { YEAR_MIN = 1900, YEAR_MAX = 2199 };

// ---- from the file

// The last day on which a year can be paid, by section `contribution`.
static date_t last_day(const loader_t *l, int year) {
    const Tc__PolicyContribution *c = l->out->contribution;
    if (!c || !c->due_rule || !date_valid(year - 1, (int)c->due_month, (int)c->due_day)) return DATE_MAX;
    return date_make(year - 1, (int)c->due_month, (int)c->due_day);
}

static Tc__PolicyYearWindow *window_of(loader_t *l, const yaml_node_t *node) {
    static const char *const keys[] = {"year", "opens", "closes", "source", NULL};
    Tc__PolicyYearWindow *to = take(l, 1, sizeof *to);
    if (!to) return NULL;
    *to = (Tc__PolicyYearWindow)TC__POLICY_YEAR_WINDOW__INIT;
    only(l, node, keys);
    const yaml_node_t *closes = need(l, node, "closes");
    to->year = (uint32_t)number_of(l, need(l, node, "year"), YEAR_MIN, YEAR_MAX);
    to->opens = date_of(l, need(l, node, "opens"));
    to->closes = date_of(l, closes);
    to->source = unconst(text_of(l, need(l, node, "source")));
    if (!l->rc && to->closes < to->opens) fail(l, closes, "closes before it opens");
    if (!l->rc && to->closes > last_day(l, (int)to->year)) fail(l, closes, "closes after the last day to pay");
    return to;
}

int load_fee_window(loader_t *l) {
    static const char *const keys[] = {"from", "years", "rule", NULL};
    const yaml_node_t *section = section_of(l, "fee_window");
    if (!section) return l->rc;
    Tc__PolicyFeeWindow *to = take(l, 1, sizeof *to);
    if (!to) return l->rc;
    *to = (Tc__PolicyFeeWindow)TC__POLICY_FEE_WINDOW__INIT;
    only(l, section, keys);
    to->rule = rule_of(l, section);
    to->from = (uint32_t)number_of(l, need(l, section, "from"), YEAR_MIN, YEAR_MAX);
    const yaml_node_t *years = may(l, section, "years");
    if (years && is_list(l, years)) {
        if (years->count > FEE_WINDOWS_MAX) fail(l, years, "more than %d years", FEE_WINDOWS_MAX);
        to->years = take(l, years->count, sizeof *to->years);
        for (const yaml_node_t *node = years->first; node && !l->rc; node = node->next) {
            to->years[to->n_years] = window_of(l, node);
            if (!l->rc && to->n_years && to->years[to->n_years]->year <= to->years[to->n_years - 1]->year)
                fail(l, node, "years out of order");
            to->n_years++;
        }
    }
    l->out->fee_window = to;
    return l->rc;
}

// ---- from the message

int unpack_fee_window(const unpacker_t *r) {
    const Tc__PolicyFeeWindow *from = r->message->fee_window;
    r->policy->fee_window = NULL;
    if (!from) return E_OK;
    if (from->n_years > FEE_WINDOWS_MAX || from->from > YEAR_MAX) return unpack_bad(r, "windows of the fee");
    fee_window_rules_t *to = unpack_take(r, 1, sizeof *to);
    year_window_t *years = unpack_take(r, from->n_years, sizeof *years);
    if (!to || !years) return unpack_no_memory(r);
    *to = (fee_window_rules_t){.from = (int)from->from, .years = years, .count = (uint32_t)from->n_years};
    for (size_t i = 0; i < from->n_years; i++) {
        const Tc__PolicyYearWindow *w = from->years[i];
        if (w->year > YEAR_MAX || w->opens > w->closes || w->closes >= DATE_MAX || w->opens <= DATE_NONE)
            return unpack_bad(r, "a window of the fee");
        years[i] = (year_window_t){(int)w->year, w->opens, w->closes, w->source};
    }
    int rc = unpack_rule(r, from->rule, &to->rule);
    if (!rc) r->policy->fee_window = to;
    return rc;
}

// ---- asked

int fee_window_of(const policy_t *policy, int year, const year_window_t **out, err_t *err) {
    const fee_window_rules_t *rules = policy->fee_window;
    *out = NULL;
    if (!rules || year < rules->from) return E_OK;
    for (uint32_t i = 0; i < rules->count; i++)
        if (rules->years[i].year == year) *out = &rules->years[i];
    if (*out) return E_OK;
    return err_field(err, E_PARAMETER_MISSING, "year",
                     "the window in which the fee of %d is paid is not published: `opens` and `closes` of %d belong in"
                     " section fee_window (%s, %s)",
                     year, year, rules->rule, policy_rule_source(policy, rules->rule));
}
