#include "read_back.h"
#include "adjudication.pb-c.h"
#include "common/base/money.h"
#include <stdlib.h>
#include <string.h>

enum { TELL_MAX = 10, TRIES = 20 };

// A bill of the plan and the operations about it that were answered with E_OK.
typedef struct bill {
    const char *number, *person;
    const op_t *settled, *reversed;
    bool stands, known; // `known`: what was settled first was compared
    bool is_reversed, is_tombstone;
} bill_t;

typedef struct reading {
    const plan_t *plan;
    suite_t *suite;
    FILE *standing;
    read_back_t *out;
    bill_t *bills; // by person and number
    size_t count;
    int64_t told;
} reading_t;

static void complain(reading_t *r, const char *bill, const char *what) {
    if (r->told++ < TELL_MAX) fprintf(stderr, "replay: bill %s: %s\n", bill, what);
}

// ---- the bills of the plan

static int by_person(const void *a, const void *b) {
    const bill_t *x = a, *y = b;
    const int order = strcmp(x->person, y->person);
    return order ? order : strcmp(x->number, y->number);
}

static void merge(bill_t *into, const bill_t *from) {
    if (from->settled) into->settled = from->settled;
    if (from->reversed) into->reversed = from->reversed;
}

static int list_bills(reading_t *r, err_t *err) {
    size_t kept = 0;
    r->bills = calloc(r->plan->count, sizeof *r->bills);
    if (!r->bills) return err_set(err, E_IO, "out of memory");
    for (size_t i = 0; i < r->plan->count; i++) {
        const op_t *op = &r->plan->ops[i];
        r->bills[i] = (bill_t){.number = op->bill,
                               .person = op->person,
                               .settled = !op->code && !op->reverses ? op : NULL,
                               .reversed = !op->code && op->reverses ? op : NULL};
    }
    qsort(r->bills, r->plan->count, sizeof *r->bills, by_person);
    for (size_t i = 1; i < r->plan->count; i++)
        if (by_person(&r->bills[kept], &r->bills[i]) == 0)
            merge(&r->bills[kept], &r->bills[i]);
        else
            r->bills[++kept] = r->bills[i];
    r->count = kept + 1;
    return 0;
}

static bill_t *find_bill(reading_t *r, const Tc__Decision *row) {
    const bill_t key = {.number = row->bill, .person = row->person};
    return bsearch(&key, r->bills, r->count, sizeof key, by_person);
}

// ---- rows

static bool is_as_answered(reading_t *r, const Tc__Decision *row, const op_t *op) {
    uint8_t digest[SHA256_BYTES];
    size_t bytes;
    const void *body = message_pack(&row->base, r->suite->arena, &bytes);
    if (!body) return false;
    sha256(body, bytes, digest);
    return memcmp(digest, op->digest, SHA256_BYTES) == 0;
}

static void compare_answer(reading_t *r, const Tc__Decision *row, const op_t *answered) {
    if (!answered || is_as_answered(r, row, answered)) return;
    r->out->lost++;
    complain(r, row->bill, "what is kept is not what was answered");
}

// A row of a bill that stands. With one version it is the answer that the hospital got.
static bool take_standing(reading_t *r, const Tc__Decision *row) {
    bill_t *bill = find_bill(r, row);
    if (!bill) {
        r->out->unasked++;
        complain(r, row->bill, "nobody sent it");
        return false;
    }
    if (bill->stands) {
        r->out->twice++;
        complain(r, row->bill, "it stands twice");
    }
    bill->stands = true;
    bill->known = row->version == 1;
    if (bill->known) compare_answer(r, row, bill->settled);
    return true;
}

static void write_amounts(FILE *out, const char *name, Tc__Amount *const *amounts, size_t count) {
    char text[FEN_TEXT_MAX];
    fprintf(out, ",\"%s\":{", name);
    for (size_t i = 0; i < count; i++)
        fprintf(out, "%s\"%s\":\"%s\"", i ? "," : "", amounts[i]->name, fen_format(amounts[i]->amount_fen, text));
    fputc('}', out);
}

static void write_standing(reading_t *r, const Tc__Decision *row) {
    char fund[FEN_TEXT_MAX], own[FEN_TEXT_MAX], deductible[FEN_TEXT_MAX];
    fprintf(r->standing,
            "{\"bill\":\"%s\",\"person\":\"%s\",\"version\":%d,\"decision\":\"%s\",\"fund\":\"%s\",\"own\":\"%s\","
            "\"deductible\":\"%s\"",
            row->bill, row->person, row->version, row->decision, fen_format(row->fund_fen, fund),
            fen_format(row->own_fen, own), fen_format(row->deductible_fen, deductible));
    write_amounts(r->standing, "paid", row->paid, row->n_paid);
    write_amounts(r->standing, "used", row->used, row->n_used);
    fputs("}\n", r->standing);
    r->out->stands++;
    r->out->fund_fen += row->fund_fen;
    r->out->own_fen += row->own_fen;
}

// ---- persons

static int ask(reading_t *r, const char *method, const char *key, const ProtobufCMessage *request, Tc__Decisions **out,
               err_t *err) {
    ProtobufCMessage *reply = NULL;
    int rc = E_OK;
    for (int i = 0; i < TRIES; i++) {
        rc = suite_call(r->suite, "adjudication", method, key, request, &tc__decisions__descriptor, &reply, err);
        if (!err_may_retry(rc)) break;
    }
    *out = (Tc__Decisions *)reply;
    return rc;
}

static int read_person(reading_t *r, const char *person, int year, err_t *err) {
    Tc__GetDecisions request = TC__GET_DECISIONS__INIT;
    Tc__Decisions *page;
    request.person = (char *)person;
    request.year = year;
    do {
        arena_reset(r->suite->arena);
        int rc = ask(r, "get_decisions", person, &request.base, &page, err);
        if (rc) return rc;
        for (size_t i = 0; i < page->n_decisions; i++) {
            if (take_standing(r, page->decisions[i])) write_standing(r, page->decisions[i]);
            request.after = page->decisions[i]->seq;
        }
    } while (!page->done && page->n_decisions);
    return 0;
}

// All versions of a bill that is not told by its standing row alone: decided again, reversed, buried, or gone.
static int read_versions(reading_t *r, bill_t *bill, err_t *err) {
    Tc__GetVersions request = TC__GET_VERSIONS__INIT;
    Tc__Decisions *page;
    arena_reset(r->suite->arena);
    request.bill = (char *)bill->number;
    int rc = ask(r, "get_versions", bill->person, &request.base, &page, err);
    if (rc) return rc == E_NOT_FOUND ? 0 : rc;
    for (size_t i = 0; i < page->n_decisions; i++) {
        const Tc__Decision *row = page->decisions[i];
        bill->is_tombstone = strcmp(row->kind, "tombstone") == 0;
        bill->is_reversed = strcmp(row->kind, "reversed") == 0;
        if (row->version != (int32_t)i + 1) {
            r->out->twice++;
            complain(r, row->bill, "its versions have a gap or a double");
        }
        compare_answer(r, row, bill->is_tombstone || bill->is_reversed ? bill->reversed : i ? NULL : bill->settled);
        bill->known |= i == 0 && !bill->is_tombstone;
        r->out->versions++;
    }
    return 0;
}

// ---- all

static void count_bill(reading_t *r, const bill_t *bill) {
    r->out->reversed += bill->is_reversed;
    r->out->tombstones += bill->is_tombstone;
    const bool gone = bill->is_reversed || bill->is_tombstone;
    if ((!bill->settled || bill->known) && (!bill->reversed || (gone && !bill->stands))) return;
    r->out->lost++;
    complain(r, bill->number, "it was answered and is not there");
}

int read_back(const plan_t *plan, suite_t *suite, int year, FILE *standing, read_back_t *out, err_t *err) {
    reading_t r = {.plan = plan, .suite = suite, .standing = standing, .out = out};
    *out = (read_back_t){0};
    int rc = list_bills(&r, err);
    for (size_t i = 0; !rc && i < r.count; i++)
        if (i == 0 || strcmp(r.bills[i].person, r.bills[i - 1].person) != 0)
            rc = read_person(&r, r.bills[i].person, year, err);
    for (size_t i = 0; !rc && i < r.count; i++)
        if (!r.bills[i].known) rc = read_versions(&r, &r.bills[i], err);
    for (size_t i = 0; !rc && i < r.count; i++) count_bill(&r, &r.bills[i]);
    free(r.bills);
    return rc;
}
