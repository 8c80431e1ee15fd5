// A month that is taken back after its money was spent leaves something owed: collection has decided that it was not
// due, and the next credit settles it (多退少补).
#include "account_credits.h"
#include "account_book.h"
#include "collection.pb-c.h"
#include "common/wire/message.h"
#include <string.h>

typedef struct told { // one event that concerns accounts
    const char *person;
    const char *reference; // of a credit; NULL: `into`
    fen_t amount;
    const char *into;
    bool known;
} told_t;

static int no_memory(err_t *err) { return err_set(err, E_IO, "out of memory for personal accounts"); }

// ---- events

static int take_credit(const event_t *event, arena_t *arena, told_t *out, err_t *err) {
    ProtobufCMessage *message;
    int rc = message_unpack(&message, &tc__account_credit__descriptor, event->body, event->body_bytes, arena, err);
    if (rc) return rc;
    const Tc__AccountCredit *credit = (const Tc__AccountCredit *)message;
    if (!*credit->person || !*credit->month || credit->turn < 1)
        return err_field(err, E_INVALID_FIELD, "month", "a credit names no person, month or turn");
    *out = (told_t){.person = credit->person, .amount = credit->amount_fen};
    out->reference = arena_text(arena, "%s/%d", credit->month, credit->turn);
    return out->reference ? 0 : no_memory(err);
}

static int take_merger(const event_t *event, arena_t *arena, told_t *out, err_t *err) {
    ProtobufCMessage *message;
    int rc = message_unpack(&message, &tc__entitlement__descriptor, event->body, event->body_bytes, arena, err);
    if (rc) return rc;
    const Tc__Entitlement *state = (const Tc__Entitlement *)message;
    if (*state->merged_into) *out = (told_t){.person = state->person, .into = state->merged_into};
    return 0;
}

static int take_events(const event_t *events, size_t count, arena_t *arena, told_t *told, size_t *told_count,
                       err_t *err) {
    int rc = 0;
    for (size_t i = 0; !rc && i < count; i++) {
        told_t one = {0};
        if (strcmp(events[i].topic, "account.credited") == 0)
            rc = take_credit(&events[i], arena, &one, err);
        else if (strcmp(events[i].topic, "entitlement.changed") == 0)
            rc = take_merger(&events[i], arena, &one, err);
        if (!rc && one.person) told[(*told_count)++] = one;
    }
    return rc;
}

// ---- what was counted before

static int mark_known(store_t *store, told_t *told, size_t count, arena_t *arena, err_t *err) {
    const size_t room = count + 1;
    size_t *asked = arena_alloc(arena, room * sizeof *asked);
    rows_t keys, found;
    rows_init(&keys, arena, 3);
    if (!asked) return no_memory(err);
    for (size_t i = 0; i < count; i++) {
        if (!told[i].reference) continue;
        cell_t *key = rows_add(&keys);
        if (!key) return no_memory(err);
        key[0] = cell_text(told[i].person);
        key[1] = cell_text(account_entry_kind_name(ACCOUNT_CREDIT));
        key[2] = cell_text(told[i].reference);
        asked[keys.count - 1] = i;
    }
    int rc = keys.count ? account_entries_known(store, &keys, arena, &found, err) : 0;
    for (size_t row = 0; !rc && keys.count && row < found.count; row++)
        told[asked[row_i64(&found, row, 0)]].known = true;
    return rc;
}

static int open_book(account_book_t *book, store_t *store, const told_t *told, size_t count, arena_t *arena,
                     err_t *err) {
    const char **persons = arena_alloc(arena, (2 * count + 1) * sizeof *persons);
    size_t listed = 0;
    if (!persons) return no_memory(err);
    for (size_t i = 0; i < count; i++) {
        persons[listed++] = told[i].person;
        if (told[i].into) persons[listed++] = told[i].into;
    }
    return account_book_open(book, store, arena, persons, listed, err);
}

// ---- the effect

static int lead(account_book_t *book, const told_t *told, rows_t *leads, err_t *err) {
    bool taken;
    int rc = account_book_lead(book, told->person, told->into, &taken, err);
    if (rc || !taken) return rc;
    cell_t *row = rows_add(leads);
    if (!row) return no_memory(err);
    row[0] = cell_text(told->person);
    row[1] = cell_text(told->into);
    return 0;
}

static int credit(account_book_t *book, const told_t *told, err_t *err) {
    const account_entry_t entry = {
        .kind = ACCOUNT_CREDIT, .amount = told->amount, .reference = told->reference, .bill_person = "", .reason = ""};
    if (told->known || told->amount == 0) return 0;
    return account_book_post(book, account_book_find(book, told->person), &entry, err);
}

int account_credits_follow(store_t *store, arena_t *arena, const event_t *events, size_t count, int64_t now_ms,
                           err_t *err) {
    told_t *told = arena_alloc(arena, (count + 1) * sizeof *told);
    size_t told_count = 0;
    account_book_t book;
    rows_t leads;
    if (!told) return no_memory(err);
    rows_init(&leads, arena, 2);
    int rc = take_events(events, count, arena, told, &told_count, err);
    if (rc || !told_count) return rc;
    rc = mark_known(store, told, told_count, arena, err);
    if (!rc) rc = open_book(&book, store, told, told_count, arena, err);
    for (size_t i = 0; !rc && i < told_count; i++)
        rc = told[i].into ? lead(&book, &told[i], &leads, err) : credit(&book, &told[i], err);
    for (size_t i = 0; !rc && i < leads.count; i++) {
        rows_t one = leads; // a number may be told of twice: the last word holds
        one.cells = rows_at(&leads, i);
        one.count = 1;
        rc = account_leads_put(store, &one, err);
    }
    return rc ? rc : account_book_write(&book, now_ms, err);
}
