// An errand names its people and its files after its own number.
#include "errands.h"
#include "common/base/ids.h"
#include "collection.pb-c.h"
#include "enrollment.pb-c.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PEOPLE = 4, OVER_FEN = 700 };

// ---- words

static void citizen(char out[static 48], int day, int serial) {
    snprintf(out, 48, "4407031970%02d%02d%03d", day / 28 + 1, day % 28 + 1, serial);
    out[17] = citizen_id_check_char(out);
    out[18] = 0;
}

static const Tc__ImportReport *import(caller_t *c, const char *method, int file, const char *more, const char *rows) {
    return (const Tc__ImportReport *)caller_must(c, "enrollment", method, NULL,
                                                 "{'file':'%064d','first_row':2%s,'rows':[%s]}", file, more, rows);
}

static void expect(const char *what, int errand, const Tc__ImportReport *report, int done, int unchanged) {
    if (!report || report->done != done || report->unchanged != unchanged || report->refused || report->parked)
        world_fail("errand %d: %s: %d done, %d unchanged, %d refused, %d parked; expected %d and %d", errand, what,
                   report ? report->done : -1, report ? report->unchanged : -1, report ? report->refused : -1,
                   report ? report->parked : -1, done, unchanged);
}

// Dry, then in earnest, then once more under another id.
static void import_thrice(caller_t *c, const char *method, int errand, const char *rows, int count) {
    expect("a dry import", errand, import(c, method, errand, ",'dry':true", rows), count, 0);
    expect("an import", errand, import(c, method, errand, "", rows), count, 0);
    expect("an import sent again", errand, import(c, method, errand, "", rows), 0, count);
}

// What is due of the year's fee, once collection has heard of the person.
static int64_t fee(caller_t *c, const char *person) {
    for (int looks = 0;;) {
        caller_must(c, "collection", "bill_year", NULL, "{'year':2018}");
        const Tc__Due *due =
            (const Tc__Due *)caller_must(c, "collection", "get_due", NULL, "{'person':'%s','period':'2018'}", person);
        if (due && due->bills) return due->amount_fen;
        caller_wait(&looks);
    }
}

static void pay(caller_t *c, const char *receipt, const char *person, int64_t fen) {
    if (!caller_must(c, "collection", "receive", NULL,
                     "{'receipt':'%s','person':'%s','period':'2018','amount':'%lld.%02d','paid_on':'2017-12-20'}",
                     receipt, person, (long long)(fen / 100), (int)(fen % 100)))
        world_fail("%s was refused", receipt);
}

static void must_owe(caller_t *c, const char *person, int bills) {
    const Tc__Due *due =
        (const Tc__Due *)caller_must(c, "collection", "get_due", NULL, "{'person':'%s','period':'2018'}", person);
    if (!due || due->bills != bills) world_fail("%s owes %d bills, expected %d", person, due ? due->bills : -1, bills);
}

// ---- a file of people, and a file of their receipts

typedef struct text {
    char text[2600];
    size_t used;
} text_t;

__attribute__((format(printf, 2, 3))) static void add(text_t *rows, const char *format, ...) {
    va_list args;
    va_start(args, format);
    if (rows->used) rows->text[rows->used++] = ',';
    rows->used += (size_t)vsnprintf(rows->text + rows->used, sizeof rows->text - rows->used, format, args);
    va_end(args);
    CHECK(rows->used < sizeof rows->text);
}

static void import_people(caller_t *c, int errand) {
    text_t persons = {0}, spells = {0};
    for (int i = 0; i < PEOPLE; i++) {
        char id[48];
        citizen(id, errand * PEOPLE + i, errand * 2 + 1);
        add(&persons, "{'person':'Q%d-%d','citizen_id':'%s','name':'名%d之%d','division':'%s'}", errand, i, id, errand,
            i, i % 2 ? "440704" : "440703");
        add(&spells, "{'person':'Q%d-%d','from_month':'2018-01','identity':'resident','prior_months_tier1':%d}", errand,
            i, i * 12);
    }
    import_thrice(c, "import_persons", errand, persons.text, PEOPLE);
    import_thrice(c, "import_spells", errand, spells.text, PEOPLE);
}

static void add_receipt(text_t *rows, int errand, int row, const char *person, int64_t fen) {
    add(rows, "{'receipt':'QR%d-%d','person':'%s','period':'2018','amount':'%lld.%02d','paid_on':'2018-01-05'}", errand,
        row, person, (long long)(fen / 100), (int)(fen % 100));
}

static void import_receipts(caller_t *c, int errand, const char *rows, int matched, int parked, int unchanged) {
    const Tc__ReceiptReport *report = (const Tc__ReceiptReport *)caller_must(
        c, "collection", "import_receipts", NULL, "{'file':'%064d','first_row':2,'rows':[%s]}", errand, rows);
    if (!report || report->matched != matched || report->parked != parked || report->unchanged != unchanged ||
        report->refused)
        world_fail("errand %d: receipts: %d matched, %d parked, %d unchanged, %d refused", errand,
                   report ? report->matched : -1, report ? report->parked : -1, report ? report->unchanged : -1,
                   report ? report->refused : -1);
}

// The second time it is decided already.
static void decide(caller_t *c, const char *receipt, const char *decision) {
    if (!caller_must(c, "collection", "resolve_receipt", NULL, "{'receipt':'%s','decision':'%s','reason':'seen to'}",
                     receipt, decision))
        world_fail("%s is not parked", receipt);
    if (caller_may(c, E_EXISTS, "collection", "resolve_receipt", "{'receipt':'%s','decision':'%s','reason':'again'}",
                   receipt, decision))
        world_fail("%s was decided twice", receipt);
}

// One fits, one is short and goes back, one is too much and is applied, one is nobody's and goes back.
static void pay_by_file(caller_t *c, int errand) {
    char person[PEOPLE][24], receipt[32];
    int64_t due[PEOPLE];
    text_t rows = {0};
    for (int i = 0; i < PEOPLE; i++) {
        snprintf(person[i], sizeof person[i], "Q%d-%d", errand, i);
        due[i] = fee(c, person[i]);
    }
    add_receipt(&rows, errand, 0, person[0], due[0]);
    add_receipt(&rows, errand, 1, person[1], due[1] - 1);
    add_receipt(&rows, errand, 2, person[2], due[2] + OVER_FEN);
    add_receipt(&rows, errand, 3, "NOBODY", due[3]);
    import_receipts(c, errand, rows.text, 1, 3, 0);
    import_receipts(c, errand, rows.text, 0, 0, 4);
    for (int i = 1; i < PEOPLE; i++) {
        snprintf(receipt, sizeof receipt, "QR%d-%d", errand, i);
        decide(c, receipt, i == 2 ? "apply" : "return");
    }
    snprintf(receipt, sizeof receipt, "QP%d", errand);
    pay(c, receipt, person[1], due[1]);
    for (int i = 0; i < PEOPLE; i++) must_owe(c, person[i], i == 3);
}

static void people_by_file(caller_t *c, int errand) {
    import_people(c, errand);
    pay_by_file(c, errand);
}

// ---- two numbers of one human being

static void register_twin(caller_t *c, int errand, char which) {
    char id[48];
    citizen(id, errand, errand * 2 + (which == 'A' ? 501 : 701));
    const Tc__PersonState *state = (const Tc__PersonState *)caller_must(
        c, "enrollment", "register_person", NULL,
        "{'person':'M%d%c','citizen_id':'%s','name':'双%d','division':'440703'}", errand, which, id, errand);
    if (!state || (*state->parked != 0) != (which == 'B'))
        world_fail("errand %d: the second number was %s", errand, which == 'B' ? "not put aside" : "taken for another");
    if (which == 'B')
        caller_must(c, "enrollment", "resolve_parked", NULL, "{'number':'%s','decision':'register'}", state->parked);
    caller_must(c, "enrollment", "open_spell", NULL, "{'person':'M%d%c','from_month':'2018-01','identity':'resident'}",
                errand, which);
}

static bool is_of(const Tc__ParkedReceipt *parked, const char *first, const char *second) {
    const bool theirs = strcmp(parked->payer, first) == 0 || strcmp(parked->payer, second) == 0;
    return theirs && strcmp(parked->reason, "merged") == 0;
}

// What the second number paid comes out of its receipt and waits for somebody.
static void return_second_fee(caller_t *c, int errand, const char *first, const char *second) {
    char receipt[80] = "";
    for (int looks = 0; !*receipt;) {
        const Tc__ParkedReceipts *list =
            (const Tc__ParkedReceipts *)caller_must(c, "collection", "list_receipts_parked", NULL, "{'limit':1000}");
        for (size_t i = 0; list && i < list->n_parked; i++)
            if (is_of(list->parked[i], first, second))
                snprintf(receipt, sizeof receipt, "%s", list->parked[i]->receipt);
        if (!*receipt) caller_wait(&looks);
    }
    trace("errand %d: %s paid twice, in %s", errand, first, receipt);
    decide(c, receipt, "return");
}

static void two_numbers(caller_t *c, int errand) {
    char first[24], second[24], receipt[32];
    snprintf(first, sizeof first, "M%dA", errand);
    snprintf(second, sizeof second, "M%dB", errand);
    register_twin(c, errand, 'A');
    register_twin(c, errand, 'B');
    const bool twice = errand / 2 % 2 == 0;
    const int64_t due = fee(c, first), other_due = fee(c, second);
    snprintf(receipt, sizeof receipt, "MA%d", errand);
    if (twice) pay(c, receipt, first, due);
    snprintf(receipt, sizeof receipt, "MB%d", errand);
    pay(c, receipt, second, other_due);
    caller_must(c, "enrollment", "merge_persons", NULL, "{'from':'%s','into':'%s','reason':'one human being'}", second,
                first);
    if (twice) return_second_fee(c, errand, first, second);
    for (int looks = 0;;) { // the fee has found its way to the number that stays
        const Tc__Due *left =
            (const Tc__Due *)caller_must(c, "collection", "get_due", NULL, "{'person':'%s','period':'2018'}", first);
        if (left && !left->bills) break;
        caller_wait(&looks);
    }
    if (caller_may(c, E_EXISTS, "enrollment", "merge_persons", "{'from':'%s','into':'%s','reason':'again'}", second,
                   first))
        world_fail("errand %d: %s was merged twice", errand, second);
}

// ---- which is which

void errand_run(caller_t *caller, int number) {
    trace("errand %d begins", number);
    if (number % 2)
        two_numbers(caller, number);
    else
        people_by_file(caller, number);
    trace("errand %d is done", number);
}
