#include "preview.h"
#include "adjudication.pb-c.h"
#include "common/base/date.h"
#include "common/base/money.h"
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum { YEARS_MAX = 300, BILLS_MAX = 4096, PAGE_TEXT = 32 };

typedef struct worth { // a decided bill, and the same as if the payment had been made
    const Tc__Decision *decided, *supposed;
} worth_t;

typedef struct preview {
    suite_t *suite;
    const char *person, *pay_by;
    const Tc__Preview *answer;
    worth_t *bills; // those that would come out otherwise
    size_t count;
} preview_t;

// ---- asking

static int ask_preview(preview_t *p, err_t *err) {
    Tc__PreviewPayment ask = TC__PREVIEW_PAYMENT__INIT;
    ProtobufCMessage *reply = NULL;
    ask.person = (char *)p->person;
    ask.pay_by = (char *)p->pay_by;
    int rc = suite_call(p->suite, "collection", "preview", p->person, &ask.base, &tc__preview__descriptor, &reply, err);
    if (!rc) p->answer = (const Tc__Preview *)reply;
    return rc;
}

// One page of the decided bills after `after`, and the same bills under the supposed entitlement.
static int ask_page(preview_t *p, int year, int64_t after, const Tc__Decisions **decided,
                    const Tc__Decisions **supposed, err_t *err) {
    Tc__GetDecisions get = TC__GET_DECISIONS__INIT;
    Tc__QuoteAs quote = TC__QUOTE_AS__INIT;
    ProtobufCMessage *reply = NULL;
    get.person = quote.person = (char *)p->person;
    get.year = quote.year = year;
    get.after = quote.after = after;
    quote.entitlement = p->answer->then;
    int rc =
        suite_call(p->suite, "adjudication", "get_decisions", "", &get.base, &tc__decisions__descriptor, &reply, err);
    if (rc) return rc;
    *decided = (const Tc__Decisions *)reply;
    if ((*decided)->n_decisions == 0) return 0;
    rc = suite_call(p->suite, "adjudication", "quote_as", "", &quote.base, &tc__decisions__descriptor, &reply, err);
    if (!rc) *supposed = (const Tc__Decisions *)reply;
    return rc;
}

static void compare(preview_t *p, const Tc__Decisions *decided, const Tc__Decisions *supposed) {
    // A bill settled between the two questions stands in one of them only.
    for (size_t i = 0; i < decided->n_decisions && i < supposed->n_decisions; i++) {
        const worth_t worth = {decided->decisions[i], supposed->decisions[i]};
        const bool same = worth.decided->fund_fen == worth.supposed->fund_fen &&
                          strcmp(worth.decided->decision, worth.supposed->decision) == 0;
        if (!same && strcmp(worth.decided->bill, worth.supposed->bill) == 0 && p->count < BILLS_MAX)
            p->bills[p->count++] = worth;
    }
}

static int ask_year(preview_t *p, int year, err_t *err) {
    int64_t after = 0;
    for (bool done = false; !done;) {
        const Tc__Decisions *decided = NULL, *supposed = NULL;
        int rc = ask_page(p, year, after, &decided, &supposed, err);
        if (rc) return rc;
        done = decided->done || decided->n_decisions == 0;
        if (supposed) compare(p, decided, supposed);
        if (!done) after = decided->decisions[decided->n_decisions - 1]->seq;
    }
    return 0;
}

static int year_of(const char *month, int otherwise) {
    month_t parsed;
    return *month && month_parse(month, &parsed) == E_OK ? month_year(parsed) : otherwise;
}

// Years in which cover would differ, up to this one: later ones have no bills.
static int ask_bills(preview_t *p, err_t *err) {
    const int this_year = date_year(date_of_ms(clock_now_ms()));
    int told = 0, rc = 0;
    if (!(p->bills = arena_alloc(p->suite->arena, BILLS_MAX * sizeof *p->bills)))
        return err_set(err, E_IO, "out of memory");
    for (size_t i = 0; i < p->answer->n_changes; i++) {
        const Tc__Preview__Change *change = p->answer->changes[i];
        int year = year_of(change->first_month, this_year), last = year_of(change->last_month, this_year);
        if (last > this_year) last = this_year;
        if (year <= told) year = told + 1;
        for (; !rc && year <= last; year++) rc = ask_year(p, told = year, err);
    }
    return rc;
}

// ---- telling

static const char *yuan(fen_t amount) {
    static char text[4][FEN_TEXT_MAX];
    static unsigned turn;
    return fen_format(amount, text[turn++ % 4]);
}

static const char *percent(int32_t ppm) {
    static char text[2][PAGE_TEXT];
    static unsigned turn;
    char *out = text[turn++ % 2];
    if (ppm % 10000)
        snprintf(out, PAGE_TEXT, "%d.%02d%%", ppm / 10000, ppm % 10000 / 100);
    else
        snprintf(out, PAGE_TEXT, "%d%%", ppm / 10000);
    return out;
}

static void print_owed(const preview_t *p) {
    const Tc__Preview *a = p->answer;
    if (a->n_owed == 0) {
        printf("%s owes nothing\n", p->person);
        return;
    }
    printf("%s owes %s yuan in %zu bill%s; paid by %s:\n", p->person, yuan(a->amount_fen), a->n_owed,
           a->n_owed == 1 ? "" : "s", p->pay_by);
    for (size_t i = 0; i < a->n_owed; i++) {
        const Tc__Preview__Item *item = a->owed[i];
        printf("    %-12s %12s  %s%s%s\n", item->period, yuan(item->amount_fen),
               item->counts ? "counts" : "is too late to count", *item->employer ? ", owed by employer " : "",
               item->employer);
    }
}

static void print_cover(const preview_t *p) {
    const Tc__Preview *a = p->answer;
    printf("now:  %s\nthen: %s\n", a->now->reason, a->then->reason);
    if (a->n_changes == 0) printf("cover and limits stay as they are\n");
    for (size_t i = 0; i < a->n_changes; i++) {
        const Tc__Preview__Change *c = a->changes[i];
        printf("    %s", c->first_month);
        if (!*c->last_month)
            printf(" and on");
        else if (strcmp(c->first_month, c->last_month) != 0)
            printf(" to %s", c->last_month);
        if (!*c->identity)
            printf(": no longer covered\n");
        else if (c->covered_now)
            printf(": covered as %s, limits at %s instead of %s\n", c->identity, percent(c->share_then_ppm),
                   percent(c->share_now_ppm));
        else
            printf(": covered as %s with limits at %s; now not covered\n", c->identity, percent(c->share_then_ppm));
    }
}

static void print_bills(const preview_t *p) {
    if (p->count == 0) return;
    printf("bills that would come out otherwise (each on the totals of those before it):\n");
    for (size_t i = 0; i < p->count; i++) {
        const Tc__Decision *was = p->bills[i].decided, *would = p->bills[i].supposed;
        printf("    %s %s to %s: %s, funds paid %s, person %s; then %s, funds %s, person %s\n", was->bill,
               was->input->from, was->input->to, was->decision, yuan(was->fund_fen), yuan(was->own_fen),
               would->decision, yuan(would->fund_fen), yuan(would->own_fen));
        if (*would->reason) printf("        %s\n", would->reason);
    }
}

static json_t *worth_json(const Tc__Decision *decision) {
    return json_pack("{ss ss ss ss}", "decision", decision->decision, "fund", yuan(decision->fund_fen), "own",
                     yuan(decision->own_fen), "reason", decision->reason);
}

static int print_json(const preview_t *p) {
    char *text = message_to_json(&p->answer->base, p->suite->arena), *line;
    json_t *object = text ? json_loads(text, 0, NULL) : NULL, *bills = json_array();
    for (size_t i = 0; i < p->count; i++)
        json_array_append_new(bills, json_pack("{ss ss ss so so}", "bill", p->bills[i].decided->bill, "from",
                                               p->bills[i].decided->input->from, "to", p->bills[i].decided->input->to,
                                               "decided", worth_json(p->bills[i].decided), "then",
                                               worth_json(p->bills[i].supposed)));
    json_object_set_new(object, "bills", bills);
    line = json_dumps(object, JSON_COMPACT);
    if (line) puts(line);
    json_decref(object);
    free(line);
    return line ? 0 : 2;
}

static const char *field_of(const words_t *fields, const char *name, const char *other) {
    for (size_t i = 0; i + 1 < fields->count; i += 2)
        if (strcmp(fields->word[i], name) == 0 || strcmp(fields->word[i], other) == 0) return fields->word[i + 1];
    return "";
}

int preview_command(suite_t *suite, const words_t *fields, bool json) {
    preview_t p = {
        .suite = suite, .person = field_of(fields, "person", "person"), .pay_by = field_of(fields, "pay_by", "pay-by")};
    err_t err = {0};
    int rc = ask_preview(&p, &err);
    if (!rc) rc = ask_bills(&p, &err);
    if (rc) return cli_refused(&err, json);
    if (json) return print_json(&p);
    print_owed(&p);
    print_cover(&p);
    print_bills(&p);
    return 0;
}
