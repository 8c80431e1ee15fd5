// Balances are read before the turn decides, shares when a bill names a relative: few do.
#include "paying.h"
#include "account_parts.h"
#include "common/base/ids.h"
#include <stdlib.h>
#include <string.h>

enum { ACCOUNTS_MAX = PAYING_RELATIVES_MAX + 1 };

static int no_memory(err_t *err) { return err_set(err, E_IO, "out of memory for personal accounts"); }

// ---- who may pay

int paying_check(const Tc__Bill *bill, err_t *err) {
    if (bill->n_account_of && !bill->pay_from_account)
        return err_field(err, E_OUT_OF_RANGE, "account_of", "account_of stands only with pay_from_account");
    if (bill->n_account_of > PAYING_RELATIVES_MAX)
        return err_field(err, E_TOO_LARGE, "account_of", "account_of: at most %d relatives", PAYING_RELATIVES_MAX);
    for (size_t i = 0; i < bill->n_account_of; i++) {
        const char *relative = bill->account_of[i];
        if (!relative[0] || name_check("account_of", relative, NULL))
            return err_field(err, E_INVALID_FIELD, "account_of", "account_of must be 1 to 64 of A-Z a-z 0-9 . _ : -");
        if (strcmp(relative, bill->person) == 0)
            return err_field(err, E_INVALID_FIELD, "account_of", "account_of names the person: that account is first");
        for (size_t k = 0; k < i; k++)
            if (strcmp(relative, bill->account_of[k]) == 0)
                return err_field(err, E_INVALID_FIELD, "account_of", "account_of names a relative twice");
    }
    return 0;
}

static int check_allowed(const adjudication_t *on, const Tc__Bill *bill, date_t today, err_t *err) {
    const policy_t *policy = policies_current(on->policies);
    const policy_account_pays_t *pays = policy_account_pays(policy);
    if (!pays || !pays->own_part)
        return err_field(err, E_UNSUPPORTED, "pay_from_account", "%s lets no personal account pay for a bill",
                         policy_city(policy));
    if (bill->n_account_of && (!pays->family || today < pays->family_from))
        return err_field(err, E_UNSUPPORTED, "account_of", "%s lets nobody pay from a relative's account",
                         policy_city(policy));
    return 0;
}

static int check_shared(const paying_t *p, const char *owner, const char *relative, date_t today, err_t *err) {
    const adjudication_t *on = p->on;
    char day[DATE_TEXT_MAX];
    rows_t keys, found;
    rows_init(&keys, on->arena, 2);
    cell_t *key = rows_add(&keys);
    if (!key) return no_memory(err);
    key[0] = cell_text(owner);
    key[1] = cell_text(relative);
    int rc = account_shares_find(on->store, &keys, on->arena, &found, err);
    if (rc) return rc;
    date_format(today, day);
    const char *from = found.count ? row_text(&found, 0, 2) : "", *until = found.count ? row_text(&found, 0, 3) : "";
    if (*from && strcmp(from, day) <= 0 && (!*until || strcmp(until, day) >= 0)) return 0;
    return err_field(err, E_DENIED, "account_of", "%.64s does not share the personal account with %.64s", owner,
                     relative);
}

// The accounts in the order in which they pay.
static int find_accounts(const paying_t *p, const Tc__Bill *bill, account_t *accounts[ACCOUNTS_MAX], size_t *count,
                         err_t *err) {
    const adjudication_t *on = p->on;
    const date_t today = date_of_ms(on->ports.now_ms(on->ports.self));
    int rc = check_allowed(on, bill, today, err);
    *count = 0;
    for (size_t i = 0; !rc && i <= bill->n_account_of; i++) {
        const char *person = i ? bill->account_of[i - 1] : bill->person;
        if (i) rc = check_shared(p, person, bill->person, today, err);
        accounts[*count] = account_book_find(&p->book, person);
        CHECK(rc || accounts[*count]);
        ++*count;
    }
    return rc;
}

// ---- what a decision tells

// The parts that are not zero.
static int tell(const paying_t *p, Tc__Decision *decision, const char *const *persons, const fen_t *parts, size_t count,
                err_t *err) {
    Tc__AccountPart *made = arena_alloc(p->on->arena, (count + 1) * sizeof *made);
    decision->n_account_parts = 0;
    decision->account_fen = 0;
    decision->account_parts = arena_alloc(p->on->arena, (count + 1) * sizeof *decision->account_parts);
    if (!made || !decision->account_parts) return no_memory(err);
    for (size_t i = 0; i < count; i++) {
        if (!parts[i]) continue;
        tc__account_part__init(&made[i]);
        made[i].person = (char *)persons[i];
        made[i].amount_fen = parts[i];
        decision->account_fen += parts[i];
        decision->account_parts[decision->n_account_parts++] = &made[i];
    }
    return 0;
}

static int post(paying_t *p, const Tc__Decision *decision, account_t *of, account_entry_kind_t kind, fen_t amount,
                err_t *err) {
    const char *reference =
        arena_text(p->on->arena, "%s/%d", decision->bill, decision->version ? decision->version : 1);
    const char *person = arena_text(p->on->arena, "%s", decision->person);
    if (!reference || !person) return no_memory(err);
    const account_entry_t entry = {.kind = kind,
                                   .amount = amount,
                                   .reference = reference,
                                   .bill_person = strcmp(of->person, person) == 0 ? "" : person,
                                   .reason = ""};
    return account_book_post(&p->book, of, &entry, err);
}

// ---- a bill that is settled

static int pay_new(paying_t *p, Tc__Decision *decision, bool asked, err_t *err) {
    account_t *accounts[ACCOUNTS_MAX];
    const char *persons[ACCOUNTS_MAX];
    fen_t balances[ACCOUNTS_MAX], parts[ACCOUNTS_MAX];
    size_t count;
    if (!decision->input || !decision->input->pay_from_account) return 0;
    int rc = find_accounts(p, decision->input, accounts, &count, err);
    // What a bill costs that a person still has to decide about is not known yet.
    if (rc || strcmp(decision->decision, "manual") == 0) return rc;
    for (size_t i = 0; i < count; i++) {
        balances[i] = accounts[i]->balance;
        persons[i] = accounts[i]->person;
    }
    account_parts_pay(decision->own_fen, balances, count, parts);
    rc = tell(p, decision, persons, parts, count, err);
    for (size_t i = 0; !rc && !asked && i < count; i++)
        if (parts[i]) rc = post(p, decision, accounts[i], ACCOUNT_PAYMENT, -parts[i], err);
    return rc;
}

// ---- a version that replaces another

static int pay_again(paying_t *p, Tc__Decision *decision, bool asked, err_t *err) {
    const Tc__Previous *previous = decision->previous;
    const size_t count = previous ? previous->n_account_parts : 0;
    if (!count) return 0;
    const char **persons = arena_alloc(p->on->arena, count * sizeof *persons);
    fen_t *parts = arena_alloc(p->on->arena, 2 * count * sizeof *parts), *back = parts + count;
    if (!persons || !parts) return no_memory(err);
    for (size_t i = 0; i < count; i++) {
        persons[i] = previous->account_parts[i]->person;
        parts[i] = previous->account_parts[i]->amount_fen;
    }
    account_parts_cut(decision->own_fen, parts, count, back);
    int rc = tell(p, decision, persons, parts, count, err);
    for (size_t i = 0; !rc && !asked && i < count; i++) {
        if (!back[i]) continue;
        account_t *of = account_book_find(&p->book, persons[i]);
        CHECK(of);
        rc = post(p, decision, of, ACCOUNT_REFUND, back[i], err);
    }
    return rc;
}

// ---- the port

static int port_begin(void *self, const char *const *persons, size_t count, err_t *err) {
    paying_t *p = self;
    return account_book_open(&p->book, p->on->store, p->on->arena, persons, count, err);
}

static int port_pay(void *self, Tc__Decision *decision, bool asked, err_t *err) {
    paying_t *p = self;
    if (strcmp(decision->kind, "tombstone") == 0) return 0;
    return decision->version > 1 ? pay_again(p, decision, asked, err) : pay_new(p, decision, asked, err);
}

static size_t port_mark(void *self) { return account_book_mark(&((paying_t *)self)->book); }

static void port_back(void *self, size_t mark) { account_book_back(&((paying_t *)self)->book, mark); }

static int port_write(void *self, err_t *err) {
    paying_t *p = self;
    return account_book_write(&p->book, p->on->ports.now_ms(p->on->ports.self), err);
}

paying_t *paying_new(const adjudication_t *on) {
    paying_t *made = calloc(1, sizeof *made);
    if (!made) return NULL;
    made->on = on;
    made->port = (payments_t){made, port_begin, port_pay, port_mark, port_back, port_write};
    return made;
}

void paying_destroy(paying_t **paying) {
    free(*paying);
    *paying = NULL;
}
