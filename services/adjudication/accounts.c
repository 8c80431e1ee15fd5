// A change reads the newest entry or revision and writes the next one; the key refuses the slower of two, and the
// command shell then does it again.
#include "accounts.h"
#include "account.pb-c.h"
#include "account_book.h"
#include "insured.h"
#include <string.h>

enum { PAGE = 100, REASON_MAX = 240 };

static int no_memory(err_t *err) { return err_set(err, E_IO, "out of memory for the account"); }

static int64_t now_of(const adjudication_t *on) { return on->ports.now_ms(on->ports.self); }

// ---- the statement

static void take_entry(const rows_t *found, size_t row, const char *person, Tc__AccountEntry *entry) {
    tc__account_entry__init(entry);
    entry->person = (char *)person;
    entry->seq = row_i64(found, row, 0);
    entry->kind = (char *)row_text(found, row, 1);
    entry->reference = (char *)row_text(found, row, 2);
    entry->amount_fen = row_i64(found, row, 3);
    entry->balance_fen = row_i64(found, row, 4);
    entry->owed_fen = row_i64(found, row, 5);
    entry->bill_person = (char *)row_text(found, row, 6);
    entry->reason = (char *)row_text(found, row, 7);
    entry->at_ms = row_i64(found, row, 8);
}

static int read_entries(adjudication_t *on, const char *person, int64_t before, Tc__Account *answer, err_t *err) {
    rows_t found;
    int rc = account_entries_page(on->store, person, before ? before : INT64_MAX, PAGE + 1, on->arena, &found, err);
    if (rc) return rc;
    const size_t count = found.count > PAGE ? PAGE : found.count;
    Tc__AccountEntry *entries = arena_alloc(on->arena, (count + 1) * sizeof *entries);
    answer->entries = arena_alloc(on->arena, (count + 1) * sizeof *answer->entries);
    if (!entries || !answer->entries) return no_memory(err);
    for (size_t i = 0; i < count; i++) {
        take_entry(&found, i, person, &entries[i]);
        answer->entries[i] = &entries[i];
    }
    answer->n_entries = count;
    answer->done = found.count <= PAGE;
    return 0;
}

static bool holds(const char *from, const char *until, const char *day) {
    return *from && strcmp(from, day) <= 0 && (!*until || strcmp(until, day) >= 0);
}

static int read_shares(adjudication_t *on, const char *person, Tc__Account *answer, err_t *err) {
    char day[DATE_TEXT_MAX];
    rows_t found;
    date_format(date_of_ms(now_of(on)), day);
    int rc = account_shares_of(on->store, person, on->arena, &found, err);
    if (rc) return rc;
    answer->shared_with = arena_alloc(on->arena, (found.count + 1) * sizeof *answer->shared_with);
    if (!answer->shared_with) return no_memory(err);
    for (size_t i = 0; i < found.count; i++)
        if (holds(row_text(&found, i, 1), row_text(&found, i, 2), day))
            answer->shared_with[answer->n_shared_with++] = (char *)row_text(&found, i, 0);
    return 0;
}

static int read_account(adjudication_t *on, const char *person, int64_t before, ProtobufCMessage **reply, err_t *err) {
    account_book_t book;
    Tc__Account *answer = arena_alloc(on->arena, sizeof *answer);
    if (!answer) return no_memory(err);
    tc__account__init(answer);
    answer->person = (char *)person;
    int rc = account_book_open(&book, on->store, on->arena, &person, 1, err);
    if (!rc) rc = read_entries(on, person, before, answer, err);
    if (!rc) rc = read_shares(on, person, answer, err);
    if (rc) return rc;
    const account_t *account = account_book_find(&book, person);
    answer->balance_fen = account->balance;
    answer->owed_fen = account->owed;
    if (account->stands_for) answer->merged_into = (char *)account->stands_for->person;
    *reply = &answer->base;
    return 0;
}

int account_get(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                err_t *err) {
    const Tc__GetAccount *ask = (const Tc__GetAccount *)message;
    int rc = intake_check_name("person", ask->person, err);
    if (!rc && ask->before < 0) rc = err_field(err, E_OUT_OF_RANGE, "before", "before is negative");
    if (!rc) rc = insured_check(self, request, ask->person, err);
    return rc ? rc : read_account(self, ask->person, ask->before, reply, err);
}

// ---- what an owner shares

static int check_share(const adjudication_t *on, const Tc__ShareAccount *ask, err_t *err) {
    date_t from = DATE_NONE, until = DATE_MAX;
    int rc = intake_check_name("person", ask->person, err);
    if (!rc) rc = intake_check_name("relative", ask->relative, err);
    if (!rc && strcmp(ask->person, ask->relative) == 0)
        rc = err_field(err, E_INVALID_FIELD, "relative", "relative is the owner, whose account it is anyway");
    if (rc || !*ask->from) return rc;
    const policy_t *policy = policies_current(on->policies);
    const policy_account_pays_t *pays = policy_account_pays(policy);
    if (!pays || !pays->family)
        return err_field(err, E_UNSUPPORTED, "relative", "%s lets nobody pay from a relative's account",
                         policy_city(policy));
    rc = intake_check_date("from", ask->from, &from, err);
    if (!rc && *ask->until) rc = intake_check_date("until", ask->until, &until, err);
    if (!rc && until < from)
        rc = err_field(err, E_OUT_OF_RANGE, "until", "until (%s) is before from (%s)", ask->until, ask->from);
    return rc;
}

static int newest_revision(adjudication_t *on, const Tc__ShareAccount *ask, int64_t *revision, bool *open, err_t *err) {
    rows_t keys, found;
    rows_init(&keys, on->arena, 2);
    cell_t *key = rows_add(&keys);
    if (!key) return no_memory(err);
    key[0] = cell_text(ask->person);
    key[1] = cell_text(ask->relative);
    int rc = account_shares_find(on->store, &keys, on->arena, &found, err);
    if (rc) return rc;
    *revision = found.count ? row_i64(&found, 0, 1) : 0;
    *open = found.count && *row_text(&found, 0, 2);
    return 0;
}

static int check_room(adjudication_t *on, const char *person, err_t *err) {
    rows_t found;
    int rc = account_shares_of(on->store, person, on->arena, &found, err);
    if (!rc && found.count >= ACCOUNT_SHARES_MAX)
        rc = err_field(err, E_TOO_LARGE, "relative", "an account is shared with at most %d", ACCOUNT_SHARES_MAX);
    return rc;
}

int account_share(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                  err_t *err) {
    adjudication_t *on = self;
    const Tc__ShareAccount *ask = (const Tc__ShareAccount *)message;
    int64_t revision = 0;
    bool open = false;
    int rc = check_share(on, ask, err);
    if (!rc) rc = insured_check(on, request, ask->person, err);
    if (!rc) rc = newest_revision(on, ask, &revision, &open, err);
    if (!rc && !*ask->from && !open)
        rc = err_field(err, E_NOT_FOUND, "relative", "the account is not shared with %.64s", ask->relative);
    if (!rc && !revision) rc = check_room(on, ask->person, err);
    if (!rc)
        rc = account_share_insert(on->store, ask->person, ask->relative, revision + 1, ask->from,
                                  *ask->from ? ask->until : "", now_of(on), err);
    return rc ? rc : read_account(on, ask->person, 0, reply, err);
}

// ---- corrections

static int check_reason(const char *reason, err_t *err) {
    if (!reason[0]) return err_field(err, E_MISSING_FIELD, "reason", "reason is missing");
    if (strlen(reason) > REASON_MAX)
        return err_field(err, E_TOO_LARGE, "reason", "reason: at most %d bytes", REASON_MAX);
    for (const char *c = reason; *c; c++)
        if ((unsigned char)*c < ' ' || *c == 127)
            return err_field(err, E_INVALID_FIELD, "reason", "reason has control characters");
    return 0;
}

static int check_correction(const Tc__CorrectAccount *ask, err_t *err) {
    int rc = intake_check_name("person", ask->person, err);
    if (!rc) rc = intake_check_name("number", ask->number, err);
    if (!rc && !ask->amount_fen) rc = err_field(err, E_MISSING_FIELD, "amount", "amount is missing, or 0.00");
    if (!rc && (ask->amount_fen > INTAKE_TOTAL_MAX_FEN || ask->amount_fen < -INTAKE_TOTAL_MAX_FEN))
        rc = err_field(err, E_OUT_OF_RANGE, "amount", "amount is more than ten billion yuan");
    return rc ? rc : check_reason(ask->reason, err);
}

static int check_new(adjudication_t *on, const Tc__CorrectAccount *ask, err_t *err) {
    rows_t keys, found;
    rows_init(&keys, on->arena, 3);
    cell_t *key = rows_add(&keys);
    if (!key) return no_memory(err);
    key[0] = cell_text(ask->person);
    key[1] = cell_text(account_entry_kind_name(ACCOUNT_CORRECTION));
    key[2] = cell_text(ask->number);
    int rc = account_entries_known(on->store, &keys, on->arena, &found, err);
    if (!rc && found.count)
        rc = err_field(err, E_EXISTS, "number", "the account was corrected under this number already");
    return rc;
}

int account_correct(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
                    err_t *err) {
    adjudication_t *on = self;
    const Tc__CorrectAccount *ask = (const Tc__CorrectAccount *)message;
    const account_entry_t entry = {.kind = ACCOUNT_CORRECTION,
                                   .amount = ask->amount_fen,
                                   .reference = ask->number,
                                   .bill_person = "",
                                   .reason = ask->reason};
    account_book_t book;
    Tc__AccountEntry *answer = arena_alloc(on->arena, sizeof *answer);
    if (!answer) return no_memory(err);
    int rc = check_correction(ask, err);
    if (!rc) rc = insured_check(on, request, ask->person, err);
    if (!rc) rc = check_new(on, ask, err);
    if (!rc) rc = account_book_open(&book, on->store, on->arena, (const char *const *)&ask->person, 1, err);
    if (!rc) rc = account_book_post(&book, account_book_find(&book, ask->person), &entry, err);
    if (rc) return rc;
    tc__account_entry__init(answer);
    answer->person = ask->person;
    answer->seq = book.entries[0].seq;
    answer->kind = (char *)account_entry_kind_name(ACCOUNT_CORRECTION);
    answer->amount_fen = ask->amount_fen;
    answer->balance_fen = book.entries[0].balance;
    answer->owed_fen = book.entries[0].owed;
    answer->reference = ask->number;
    answer->reason = ask->reason;
    answer->at_ms = now_of(on);
    *reply = &answer->base;
    return account_book_write(&book, answer->at_ms, err);
}
