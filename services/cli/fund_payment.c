// tongchou fund explain-payment: every fen of a payment order, down to the bills' lines. What settlement says of the
// statement is added up again here from its lines and items; what is left over is the residue, and it is 0.00.
#include "adjudication.pb-c.h"
#include "common/base/money.h"
#include "fund_statement.h"
#include <stdlib.h>
#include <string.h>

typedef struct args {
    common_options_t common;
    bool lines, brief;
} args_t;

typedef struct told { // all pages
    Tc__StatementLine **lines;
    Tc__StatementItem **items;
    size_t line_count, item_count, line_room, item_room;
} told_t;

// ---- reading

static bool grow(arena_t *arena, void ***list, size_t count, size_t more, size_t *room) {
    if (count + more <= *room) return true;
    const size_t wanted = (count + more) * 2;
    void **made = arena_alloc(arena, wanted * sizeof *made);
    if (!made) return false;
    if (count) memcpy(made, *list, count * sizeof *made);
    *list = made;
    *room = wanted;
    return true;
}

static int read_lines(suite_t *suite, const args_t *args, const Tc__FacilityStatement *said, told_t *told) {
    Tc__GetStatementLines ask = TC__GET_STATEMENT_LINES__INIT;
    ask.facility = said->facility, ask.since = said->since, ask.month = said->month;
    do {
        ProtobufCMessage *reply = NULL;
        int status =
            fund_ask(suite, &args->common, "get_statement_lines", &ask.base, &tc__statement_lines__descriptor, &reply);
        if (status) return status;
        const Tc__StatementLines *page = (const Tc__StatementLines *)reply;
        if (!grow(suite->arena, (void ***)&told->lines, told->line_count, page->n_lines, &told->line_room)) return 1;
        for (size_t i = 0; i < page->n_lines; i++) told->lines[told->line_count++] = page->lines[i];
        ask.after = page->next;
    } while (*ask.after);
    return 0;
}

static int read_items(suite_t *suite, const args_t *args, const Tc__FacilityStatement *said, told_t *told) {
    Tc__GetStatementItems ask = TC__GET_STATEMENT_ITEMS__INIT;
    ask.facility = said->facility, ask.month = said->month;
    do {
        ProtobufCMessage *reply = NULL;
        int status =
            fund_ask(suite, &args->common, "get_statement_items", &ask.base, &tc__statement_items__descriptor, &reply);
        if (status) return status;
        const Tc__StatementItems *page = (const Tc__StatementItems *)reply;
        if (!grow(suite->arena, (void ***)&told->items, told->item_count, page->n_items, &told->item_room)) return 1;
        for (size_t i = 0; i < page->n_items; i++) told->items[told->item_count++] = page->items[i];
        ask.after = page->next;
    } while (ask.after);
    return 0;
}

static int read_order(suite_t *suite, const args_t *args, const char *number, const Tc__PaymentOrder **out) {
    Tc__ListOrders ask = TC__LIST_ORDERS__INIT;
    ProtobufCMessage *reply = NULL;
    ask.order = fund_text(number);
    int status = fund_ask(suite, &args->common, "list_orders", &ask.base, &tc__payment_orders__descriptor, &reply);
    if (status) return status;
    const Tc__PaymentOrders *orders = (const Tc__PaymentOrders *)reply;
    if (!orders->n_orders) {
        const err_t err = {E_NOT_FOUND, "order", "there is no such payment order"};
        return cli_refused(&err, args->common.json);
    }
    *out = orders->orders[0];
    return 0;
}

// ---- adding up again

// Sign of an item in what is paid.
static int sign_of(const char *kind) {
    if (strcmp(kind, "released") == 0 || strcmp(kind, "clearing") == 0 || strcmp(kind, "brought") == 0) return 1;
    return strcmp(kind, "forfeited") == 0 ? 0 : -1;
}

static bool same_part(const Tc__StatementPart *part, const char *layer, const char *fund, const char *county,
                      int32_t year) {
    return part->year == year && strcmp(part->layer, layer) == 0 && strcmp(part->fund, fund) == 0 &&
           strcmp(part->county, county) == 0;
}

static bool line_of(const Tc__StatementPart *part, const Tc__StatementLine *line) {
    return same_part(part, line->layer, line->fund, line->county, line->year);
}

static bool item_of(const Tc__StatementPart *part, const Tc__StatementItem *item) {
    return same_part(part, item->layer, item->fund, item->county, item->year);
}

// What lines and items of a part come to; false when that cannot be counted.
static bool add_up(const told_t *told, const Tc__StatementPart *part, fen_t *out) {
    fen_t sum = 0;
    bool fine = true;
    for (size_t i = 0; i < told->line_count && fine; i++)
        if (line_of(part, told->lines[i])) fine = fen_add(sum, told->lines[i]->amount_fen, &sum) == 0;
    for (size_t i = 0; i < told->item_count && fine; i++) {
        const int sign = sign_of(told->items[i]->kind);
        if (!sign || !item_of(part, told->items[i])) continue;
        fine = (sign > 0 ? fen_add(sum, told->items[i]->amount_fen, &sum)
                         : fen_sub(sum, told->items[i]->amount_fen, &sum)) == 0;
    }
    *out = sum;
    return fine;
}

// Every line belongs to a part of the statement, one that is paid or one that others pay.
static size_t strangers(const told_t *told, const Tc__FacilityStatement *said) {
    size_t count = 0;
    for (size_t i = 0; i < told->line_count; i++) {
        bool known = false;
        for (size_t p = 0; p < said->n_parts && !known; p++) known = line_of(said->parts[p], told->lines[i]);
        for (size_t p = 0; p < said->n_others && !known; p++) known = line_of(said->others[p], told->lines[i]);
        count += !known;
    }
    return count;
}

// ---- the tree

static int compare_lines(const void *a, const void *b) {
    const Tc__StatementLine *one = *(Tc__StatementLine *const *)a, *two = *(Tc__StatementLine *const *)b;
    int order = strcmp(one->bill, two->bill);
    if (!order) order = (one->partition > two->partition) - (one->partition < two->partition);
    return order ? order : (one->number > two->number) - (one->number < two->number);
}

static void print_versions(suite_t *suite, const Tc__Decisions *versions) {
    for (size_t i = 0; i < versions->n_decisions; i++) {
        const Tc__Decision *d = versions->decisions[i];
        printf("            version %d%s%s, the funds pay %s of %s yuan\n", d->version, *d->kind ? ", " : "", d->kind,
               fund_yuan(suite->arena, d->fund_fen), fund_yuan(suite->arena, d->total_fen));
        for (size_t k = 0; d->input && k < d->input->n_lines; k++) {
            const Tc__FeeLine *fee = d->input->lines[k];
            printf("              line %d %s: %s, in scope %s\n", fee->line, fee->code,
                   fund_yuan(suite->arena, fee->amount_fen), fund_yuan(suite->arena, fee->in_scope_fen));
        }
    }
}

static int print_bill(suite_t *suite, const args_t *args, const char *bill) {
    Tc__GetVersions ask = TC__GET_VERSIONS__INIT;
    ProtobufCMessage *reply = NULL;
    err_t err = {0};
    ask.bill = fund_text(bill);
    int rc = suite_call(suite, "adjudication", "get_versions", "", &ask.base, &tc__decisions__descriptor, &reply, &err);
    if (rc) return cli_refused(&err, args->common.json);
    print_versions(suite, (const Tc__Decisions *)reply);
    return 0;
}

static int print_part(suite_t *suite, const args_t *args, const told_t *told, const Tc__StatementPart *part) {
    int status = 0;
    printf("  %s %s, county %s, year %d: %s\n", part->fund, part->layer, *part->county ? part->county : "-", part->year,
           fund_yuan(suite->arena, part->pay_fen));
    printf("    bills, %lld lines: %s\n", (long long)part->lines, fund_yuan(suite->arena, part->bills_fen));
    for (size_t i = 0; i < told->line_count && !status && !args->brief; i++) {
        const Tc__StatementLine *line = told->lines[i];
        if (!line_of(part, line)) continue;
        printf("        %s  %s  (journal %u/%lld)\n", line->bill, fund_yuan(suite->arena, line->amount_fen),
               line->partition, (long long)line->number);
        if (args->lines) status = print_bill(suite, args, line->bill);
    }
    for (size_t i = 0; i < told->item_count && !status; i++) {
        const Tc__StatementItem *item = told->items[i];
        if (!item_of(part, item)) continue;
        printf("    %s, %s: %s\n", item->kind, *item->reference ? item->reference : "next month",
               fund_yuan(suite->arena, sign_of(item->kind) < 0 ? -item->amount_fen : item->amount_fen));
    }
    return status;
}

static int print_tree(suite_t *suite, const args_t *args, const Tc__PaymentOrder *order,
                      const Tc__FacilityStatement *said, const told_t *told) {
    fen_t left = order->amount_fen, sum;
    int status = 0;
    printf("order %s: %s yuan to %s, %s%s%s\n", order->number, fund_yuan(suite->arena, order->amount_fen),
           order->facility, order->state, *order->paid_on ? " on " : "", order->paid_on);
    printf("statement of %s, %s, drawn up on %s\n", said->month, said->state, said->drawn_on);
    if (told->line_count) qsort(told->lines, told->line_count, sizeof *told->lines, compare_lines);
    for (size_t i = 0; i < said->n_parts && !status; i++) {
        const Tc__StatementPart *part = said->parts[i];
        status = print_part(suite, args, told, part);
        if (!add_up(told, part, &sum) || fen_sub(left, sum, &left)) return 1;
        if (sum != part->pay_fen)
            printf("    NOT EXPLAINED: lines and items come to %s\n", fund_yuan(suite->arena, sum));
    }
    for (size_t i = 0; i < said->n_others; i++)
        printf("  by others, not in this order: %s %s, county %s: %s\n", said->others[i]->fund, said->others[i]->layer,
               said->others[i]->county, fund_yuan(suite->arena, said->others[i]->bills_fen));
    const size_t strange = strangers(told, said);
    if (strange) printf("%zu lines belong to no part of the statement\n", strange);
    printf("residue %s\n", fund_yuan(suite->arena, left));
    return status ? status : left != 0 || strange > 0;
}

static int explain(suite_t *suite, const args_t *args, const char *number) {
    const Tc__PaymentOrder *order = NULL;
    const Tc__FacilityStatement *said = NULL;
    told_t told = {0};
    int status = read_order(suite, args, number, &order);
    if (!status) status = fund_read_statement(suite, &args->common, order->facility, order->month, &said);
    if (!status) status = read_lines(suite, args, said, &told);
    if (!status) status = read_items(suite, args, said, &told);
    if (!status) status = print_tree(suite, args, order, said, &told);
    return status;
}

static int run(int argc, char **argv, const command_t *self) {
    args_t args = {.common = COMMON_DEFAULTS};
    words_t words = {0};
    suite_t suite;
    const option_spec_t specs[] = {
        COMMON_SPECS(args.common), {.name = "lines", .flag = &args.lines}, {.name = "brief", .flag = &args.brief}};
    int status = options_parse(argc, argv, self, specs, COUNT_OF(specs), &words, NULL);
    if (status >= 0) return status;
    if (words.count != 1) return fund_usage(self, "a payment order was expected");
    if (suite_open(&suite, args.common.data, args.common.as)) return 2;
    status = explain(&suite, &args, words.word[0]);
    suite_close(&suite);
    return status;
}

const command_t fund_explain_payment = {
    "fund explain-payment", "every fen of a payment order, down to the bills, with what is left unexplained (0.00)",
    "usage: tongchou fund explain-payment ORDER [--brief | --lines]\n\n"
    "--brief leaves out the bills, --lines adds each bill's versions and fee lines. Exit status 1 when the residue is "
    "not 0.00.\n\nexamples:\n  tongchou fund explain-payment H33090200001-2021-03-1\n",
    run};
