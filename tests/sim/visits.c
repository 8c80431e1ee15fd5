#include "visits.h"
#include "adjudication.pb-c.h"
#include "catalogue.pb-c.h"
#include <stdio.h>
#include <string.h>

static const char entries[] =
    "{'kind':'drug','code':'XA01','name':'synthetic','class':'A','from':'2018-01-01'},"
    "{'kind':'drug','code':'XB01','name':'synthetic','class':'B','from':'2018-01-01','shares':[{'first_pay':'0.1'}],"
    "'limits':[{'price':'10.00'}]},"
    "{'kind':'drug','code':'XC01','name':'synthetic','class':'C','from':'2018-01-01'}";

static void load(caller_t *c, const char *more, int added, int unchanged) {
    const Tc__CatalogueReport *report = (const Tc__CatalogueReport *)caller_must(
        c, "adjudication", "load_catalogue", NULL, "{'file':'%064d','first_row':2%s,'rows':[%s]}", 7, more, entries);
    if (!report || report->added != added || report->unchanged != unchanged || report->refused)
        world_fail("the catalogue: %d added, %d unchanged, %d refused", report ? report->added : -1,
                   report ? report->unchanged : -1, report ? report->refused : -1);
}

void visits_load_catalogue(caller_t *caller) {
    load(caller, ",'dry':true", 3, 0);
    load(caller, "", 3, 0);
    load(caller, "", 0, 3);
}

static int line(char *out, size_t room, int number) {
    static const char *const codes[] = {"XA01", "XC01", "XN01"}; // the last is in no catalogue
    const long long yuan = (long long)draw_between(1, 6000), boxes = (long long)draw_between(1, 400);
    if (chance(300000))
        return snprintf(out, room,
                        "{\"line\":%d,\"kind\":\"drug\",\"code\":\"XB01\",\"quantity_milli\":%lld,\"price\":\"12.00\","
                        "\"amount\":\"%lld.00\"}",
                        number, boxes * 1000, boxes * 12);
    return snprintf(out, room,
                    "{\"line\":%d,\"kind\":\"drug\",\"code\":\"%s\",\"quantity_milli\":1000,\"price\":\"%lld.00\","
                    "\"amount\":\"%lld.00\"}",
                    number, codes[chance(700000) ? 0 : draw_to(3)], yuan, yuan);
}

void visit_draw_lines(char out[static VISIT_LINES_BYTES]) {
    const int count = (int)draw_between(2, 5);
    size_t used = 0;
    for (int i = 1; i <= count; i++) {
        if (i > 1) out[used++] = ',';
        used += (size_t)line(out + used, VISIT_LINES_BYTES - used, i);
        CHECK(used < VISIT_LINES_BYTES);
    }
}

static void add(caller_t *c, const char *bill, const char *person, const char *lines, int bytes) {
    if (!caller_must(c, "adjudication", "add_lines", NULL, "{'bill':'%s','person':'%s','lines':[%.*s]}", bill, person,
                     bytes, lines))
        world_fail("the visit %s is gone", bill);
}

bool visit_open(caller_t *caller, const char *bill, const char *person, const char *facility, const char *from,
                const char *lines) {
    static const char extra[] = "{'line':99,'kind':'drug','code':'XA01','quantity_milli':1000,'price':'5.00',"
                                "'amount':'5.00'}";
    if (!caller_must(caller, "adjudication", "register_visit", NULL,
                     "{'bill':'%s','person':'%s','facility':'%s','type':'inpatient','from':'%s'}", bill, person,
                     facility, from))
        return false;
    const char *second = strstr(lines, "},{");
    CHECK(second);
    add(caller, bill, person, lines, (int)(second + 1 - lines));
    add(caller, bill, person, extra, (int)strlen(extra));
    add(caller, bill, person, second + 2, (int)strlen(second + 2));
    const Tc__Visit *visit = (const Tc__Visit *)caller_must(caller, "adjudication", "remove_lines", NULL,
                                                            "{'bill':'%s','person':'%s','lines':[99]}", bill, person);
    int expected = 0;
    for (const char *at = lines; (at = strstr(at, "\"line\":")) != NULL; at++) expected++;
    if (!visit || visit->line_count != expected)
        world_fail("the visit %s has %d lines, expected %d", bill, visit ? visit->line_count : -1, expected);
    return true;
}
