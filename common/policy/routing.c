// Section `routing`, from the file and from the message.
#include "routing.h"
#include "loader.h"
#include "unpack.h"

enum { EXCEPTIONS_MAX = 256 };

static const char *const step_names[ROUTING_STEP__COUNT] = {
#define X(code, name, answer) [code] = name,
    ROUTING_STEP_TABLE(X)
#undef X
};
static const char *const agency_names[AGENCY__COUNT] = {
#define X(code, name, chinese) [code] = name,
    AGENCY_TABLE(X)
#undef X
};

static int code_of(const char *name, const char *const *names, int count) {
    for (int i = 0; i < count; i++)
        if (strcmp(names[i], name) == 0) return i;
    return -1;
}

// ---- from the file

static const char *division_of(loader_t *l, const yaml_node_t *node) {
    const char *code = text_of(l, node);
    for (size_t i = 0; i < l->out->n_divisions && !l->rc; i++)
        if (strcmp(l->out->divisions[i]->code, code) == 0) return code;
    if (node) fail(l, node, "%.40s is not one of the city's divisions", code);
    return "";
}

static void load_urban(loader_t *l, const yaml_node_t *section, Tc__PolicyRouting *to) {
    static const char *const keys[] = {"divisions", "rule", NULL};
    const yaml_node_t *part = need(l, section, "urban");
    only(l, part, keys);
    rule_of(l, part);
    const yaml_node_t *list = need(l, part, "divisions");
    if (!is_list(l, list)) return;
    to->urban = take(l, list->count, sizeof *to->urban);
    for (const yaml_node_t *node = list->first; node && !l->rc; node = node->next) {
        const char *code = division_of(l, node);
        for (size_t i = 0; i < to->n_urban; i++)
            if (strcmp(to->urban[i], code) == 0) fail(l, list, "%s stands here twice", code);
        to->urban[to->n_urban++] = unconst(code);
    }
    l->rule = NULL;
}

static Tc__PolicyRoute *route_of(loader_t *l, const yaml_node_t *node) {
    static const char *const keys[] = {"when", "by", "rule", NULL};
    Tc__PolicyRoute *route = take(l, 1, sizeof *route);
    if (!route) return NULL;
    *route = (Tc__PolicyRoute)TC__POLICY_ROUTE__INIT;
    only(l, node, keys);
    route->rule = rule_of(l, node);
    route->when = when_of(l, may(l, node, "when"), SCOPE_FACILITY, (span_t){DATE_NONE, DATE_MAX});
    const yaml_node_t *by = need(l, node, "by");
    int agency = code_of(text_of(l, by), agency_names, AGENCY__COUNT);
    if (agency < 0 && by) fail(l, by, "%.40s is neither city nor county", text_of(l, by));
    route->by = agency < 0 ? 0 : (uint32_t)agency;
    return route;
}

// The common check of decision tables: each row can be reached, and every facility finds one.
static void check_routes(loader_t *l, const yaml_node_t *list, const Tc__PolicyRouteStep *step) {
    rows_t rows = {take(l, step->n_routes, sizeof *rows.items), take(l, step->n_routes, sizeof *rows.nodes), 0};
    Tc__PolicyRow *row = take(l, step->n_routes, sizeof *row);
    if (l->rc || !rows.items || !rows.nodes || !row) return;
    for (const yaml_node_t *node = list->first; node; node = node->next, row++, rows.count++) {
        *row = (Tc__PolicyRow)TC__POLICY_ROW__INIT;
        row->when = step->routes[rows.count]->when;
        rows.items[rows.count] = row;
        rows.nodes[rows.count] = node;
    }
    check_rows(l, &rows, list, when_always(l, (span_t){DATE_NONE, DATE_MAX}), true);
}

static Tc__PolicyRouteStep *step_of(loader_t *l, const yaml_node_t *list) {
    Tc__PolicyRouteStep *step = take(l, 1, sizeof *step);
    if (!step || !is_list(l, list)) return NULL;
    *step = (Tc__PolicyRouteStep)TC__POLICY_ROUTE_STEP__INIT;
    if (list->count == 0 || list->count > ROWS_MAX) fail(l, list, "a table has between 1 and %d rows", ROWS_MAX);
    step->routes = take(l, list->count, sizeof *step->routes);
    for (const yaml_node_t *node = list->first; node && !l->rc; node = node->next)
        step->routes[step->n_routes++] = route_of(l, node);
    l->rule = NULL;
    if (!l->rc) check_routes(l, list, step);
    return step;
}

static Tc__PolicyRouteException *exception_of(loader_t *l, const yaml_node_t *node) {
    static const char *const keys[] = {"facility", "steps", "by", "rule", NULL};
    Tc__PolicyRouteException *to = take(l, 1, sizeof *to);
    if (!to) return NULL;
    *to = (Tc__PolicyRouteException)TC__POLICY_ROUTE_EXCEPTION__INIT;
    only(l, node, keys);
    to->rule = rule_of(l, node);
    to->facility = unconst(text_of(l, need(l, node, "facility")));
    const yaml_node_t *by = need(l, node, "by"), *steps = need(l, node, "steps");
    if (strcmp(text_of(l, by), agency_names[AGENCY_CITY]) != 0) to->division = unconst(division_of(l, by));
    if (!is_list(l, steps)) return to;
    for (const yaml_node_t *item = steps->first; item && !l->rc; item = item->next) {
        int step = code_of(text_of(l, item), step_names, ROUTING_STEP__COUNT);
        if (step < 0)
            fail(l, steps, "%.40s is not a step", text_of(l, item));
        else
            to->steps |= 1u << step;
    }
    if (!to->steps) fail(l, steps, "names no step");
    return to;
}

static void load_exceptions(loader_t *l, const yaml_node_t *list, Tc__PolicyRouting *to) {
    if (!list || !is_list(l, list)) return;
    if (list->count > EXCEPTIONS_MAX) fail(l, list, "more than %d exceptions", EXCEPTIONS_MAX);
    to->exceptions = take(l, list->count, sizeof *to->exceptions);
    for (const yaml_node_t *node = list->first; node && !l->rc; node = node->next) {
        Tc__PolicyRouteException *one = exception_of(l, node);
        for (size_t i = 0; i < to->n_exceptions && !l->rc; i++)
            if (strcmp(to->exceptions[i]->facility, one->facility) == 0 && (to->exceptions[i]->steps & one->steps))
                fail(l, node, "facility %.40s stands twice for the same step", one->facility);
        to->exceptions[to->n_exceptions++] = one;
    }
    l->rule = NULL;
}

int load_routing(loader_t *l) {
    static const char *const keys[] = {"urban", "accept", "sign", "supervise", "settle", "file", "exceptions", NULL};
    const yaml_node_t *section = section_of(l, "routing");
    if (!section) return l->rc;
    Tc__PolicyRouting *to = take(l, 1, sizeof *to);
    if (!to) return l->rc;
    *to = (Tc__PolicyRouting)TC__POLICY_ROUTING__INIT;
    only(l, section, keys);
    load_urban(l, section, to);
    to->steps = take(l, ROUTING_STEP__COUNT, sizeof *to->steps);
    for (int i = 0; i < ROUTING_STEP__COUNT && !l->rc; i++)
        to->steps[to->n_steps++] = step_of(l, need(l, section, step_names[i]));
    load_exceptions(l, may(l, section, "exceptions"), to);
    l->out->routing = to;
    return l->rc;
}

// ---- from the message

static bool has_division(const unpacker_t *r, const char *code) {
    for (uint32_t i = 0; i < r->policy->divisions.count; i++)
        if (strcmp(r->policy->divisions.items[i].name, code) == 0) return true;
    return false;
}

static int read_step(const unpacker_t *r, const Tc__PolicyRouteStep *from, route_table_t *to) {
    if (from->n_routes == 0 || from->n_routes > ROWS_MAX) return unpack_bad(r, "rows of a routing step");
    route_t *rows = unpack_take(r, from->n_routes, sizeof *rows);
    if (!rows) return unpack_no_memory(r);
    for (size_t i = 0; i < from->n_routes; i++) {
        if (from->routes[i]->by >= AGENCY__COUNT) return unpack_bad(r, "an agency");
        rows[i].by = (agency_t)from->routes[i]->by;
        int rc = unpack_when(r, from->routes[i]->when, &rows[i].when);
        if (!rc) rc = unpack_rule(r, from->routes[i]->rule, &rows[i].rule);
        if (rc) return rc;
    }
    *to = (route_table_t){rows, (uint32_t)from->n_routes};
    return E_OK;
}

static int read_exceptions(const unpacker_t *r, const Tc__PolicyRouting *from, routing_rules_t *to) {
    if (from->n_exceptions > EXCEPTIONS_MAX) return unpack_bad(r, "too many exceptions of routing");
    route_exception_t *items = unpack_take(r, from->n_exceptions, sizeof *items);
    if (!items) return unpack_no_memory(r);
    for (size_t i = 0; i < from->n_exceptions; i++) {
        const Tc__PolicyRouteException *e = from->exceptions[i];
        if (*e->division && !has_division(r, e->division)) return unpack_bad(r, "division of an exception");
        if (e->steps == 0 || e->steps >> ROUTING_STEP__COUNT) return unpack_bad(r, "steps of an exception");
        items[i] = (route_exception_t){.facility = e->facility, .steps = e->steps};
        items[i].division = *e->division ? e->division : NULL;
        int rc = unpack_rule(r, e->rule, &items[i].rule);
        if (rc) return rc;
    }
    to->exceptions = items;
    to->exception_count = (uint32_t)from->n_exceptions;
    return E_OK;
}

int unpack_routing(const unpacker_t *r) {
    const Tc__PolicyRouting *from = r->message->routing;
    if (!from) return E_OK;
    routing_rules_t *to = unpack_take(r, 1, sizeof *to);
    if (!to) return unpack_no_memory(r);
    if (from->n_steps != ROUTING_STEP__COUNT) return unpack_bad(r, "steps of routing");
    for (size_t i = 0; i < from->n_urban; i++)
        if (!has_division(r, from->urban[i])) return unpack_bad(r, "an urban division");
    to->urban = (const char *const *)from->urban;
    to->urban_count = (uint32_t)from->n_urban;
    int rc = E_OK;
    for (int i = 0; i < ROUTING_STEP__COUNT && !rc; i++) rc = read_step(r, from->steps[i], &to->steps[i]);
    if (!rc) rc = read_exceptions(r, from, to);
    if (!rc) r->policy->routing = to;
    return rc;
}
