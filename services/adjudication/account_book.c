#include "account_book.h"
#include "common/base/hash.h"
#include <stdlib.h>
#include <string.h>

enum { LEADS_MAX = 32, ENTRIES_FIRST = 64 };

static const char *const kinds[ACCOUNT_ENTRY_KIND__COUNT] = {
    [ACCOUNT_CREDIT] = "credit",         [ACCOUNT_PAYMENT] = "payment",     [ACCOUNT_REFUND] = "refund",
    [ACCOUNT_CORRECTION] = "correction", [ACCOUNT_MERGE_OUT] = "merge_out", [ACCOUNT_MERGE_IN] = "merge_in"};

const char *account_entry_kind_name(account_entry_kind_t kind) { return kinds[kind]; }

static int no_memory(err_t *err) { return err_set(err, E_IO, "out of memory for personal accounts"); }

// ---- reading

static account_t *place(account_book_t *book, const char *person) {
    void **place = textmap_place(&book->map, person, 0);
    if (!*place) {
        account_t *made = &book->accounts[book->count++];
        *made = (account_t){.person = person};
        *place = made;
    }
    return *place;
}

// Read the accounts from `from` on; those they stand for are added behind them.
static int read_some(account_book_t *book, size_t from, err_t *err) {
    const size_t until = book->count;
    rows_t keys, found;
    rows_init(&keys, book->arena, 2);
    for (size_t i = from; i < until; i++) {
        cell_t *key = rows_add(&keys);
        if (!key) return no_memory(err);
        key[0] = cell_i64(partition_of(book->accounts[i].person));
        key[1] = cell_text(book->accounts[i].person);
    }
    int rc = accounts_find(book->store, &keys, book->arena, &found, err);
    for (size_t row = 0; !rc && row < found.count; row++) {
        account_t *account = &book->accounts[from + (size_t)row_i64(&found, row, 0)];
        account->seq = row_i64(&found, row, 1);
        account->balance = row_i64(&found, row, 2);
        account->owed = row_i64(&found, row, 3);
        const char *lead = row_text(&found, row, 4);
        if (*lead && book->count == book->room) return err_set(err, E_TOO_LARGE, "too many merged numbers at once");
        if (*lead) account->stands_for = place(book, lead);
    }
    return rc;
}

int account_book_open(account_book_t *book, store_t *store, arena_t *arena, const char *const *persons, size_t count,
                      err_t *err) {
    *book = (account_book_t){.store = store, .arena = arena, .room = count * 4 + LEADS_MAX};
    book->accounts = arena_alloc(arena, book->room * sizeof *book->accounts);
    if (!book->accounts || textmap_init(&book->map, arena, book->room)) return no_memory(err);
    for (size_t i = 0; i < count; i++) place(book, persons[i]);
    int rc = 0;
    // Numbers lead straight to the person, who may have become somebody else's number since: few rounds.
    for (size_t from = 0; !rc && from < book->count;) {
        const size_t until = book->count;
        rc = read_some(book, from, err);
        from = until;
    }
    return rc;
}

account_t *account_book_find(const account_book_t *book, const char *person) {
    return book->count ? textmap_find(&book->map, person, 0) : NULL;
}

// ---- entries

static int make_room(account_book_t *book, err_t *err) {
    if (book->entry_count < book->entry_room) return 0;
    const size_t room = book->entry_room ? book->entry_room * 2 : ENTRIES_FIRST;
    account_entry_t *grown = arena_alloc(book->arena, room * sizeof *grown);
    if (!grown) return no_memory(err);
    if (book->entry_count) memcpy(grown, book->entries, book->entry_count * sizeof *grown);
    book->entries = grown;
    book->entry_room = room;
    return 0;
}

static bool may_owe(account_entry_kind_t kind) {
    return kind == ACCOUNT_CREDIT || kind == ACCOUNT_MERGE_IN || kind == ACCOUNT_MERGE_OUT;
}

static int put_one(account_book_t *book, account_t *of, const account_entry_t *entry, err_t *err) {
    fen_t net;
    if (fen_sub(of->balance, of->owed, &net) || fen_add(net, entry->amount, &net) || net == INT64_MIN)
        return err_field(err, E_OUT_OF_RANGE, "amount", "the balance of a personal account is out of range");
    if (net < 0 && entry->amount < 0 && !may_owe(entry->kind))
        return err_field(err, E_OUT_OF_RANGE, "amount", "the personal account has less than that");
    int rc = make_room(book, err);
    if (rc) return rc;
    account_entry_t *made = &book->entries[book->entry_count++];
    *made = *entry;
    made->of = of;
    made->before = *of;
    made->seq = ++of->seq;
    made->balance = of->balance = net > 0 ? net : 0;
    made->owed = of->owed = net < 0 ? -net : 0;
    return 0;
}

// Two entries carry all that stands here to whom the number stands for.
static int pass_on(account_book_t *book, account_t *of, err_t *err) {
    for (int i = 0; of->stands_for && (of->balance || of->owed) && i < LEADS_MAX; i++) {
        account_t *into = of->stands_for;
        const fen_t net = of->balance - of->owed;
        account_entry_t out = {.kind = ACCOUNT_MERGE_OUT, .amount = -net, .bill_person = "", .reason = ""}, in = out;
        in.kind = ACCOUNT_MERGE_IN;
        in.amount = net;
        out.reference = arena_text(book->arena, "%s/%lld", into->person, (long long)of->seq + 1);
        in.reference = arena_text(book->arena, "%s/%lld", of->person, (long long)of->seq + 1);
        if (!out.reference || !in.reference) return no_memory(err);
        int rc = put_one(book, of, &out, err);
        if (!rc) rc = put_one(book, into, &in, err);
        if (rc) return rc;
        of = into;
    }
    return 0;
}

int account_book_post(account_book_t *book, account_t *of, const account_entry_t *entry, err_t *err) {
    const size_t mark = account_book_mark(book);
    int rc = put_one(book, of, entry, err);
    if (!rc) rc = pass_on(book, of, err);
    if (rc) account_book_back(book, mark);
    return rc;
}

static bool leads_to(const account_t *from, const account_t *to) {
    for (int i = 0; from && i < LEADS_MAX; i++, from = from->stands_for)
        if (from == to) return true;
    return false;
}

int account_book_lead(account_book_t *book, const char *person, const char *into, bool *taken, err_t *err) {
    account_t *from = account_book_find(book, person), *to = account_book_find(book, into);
    CHECK(from && to);
    *taken = !leads_to(to, from);
    if (!*taken) return 0;
    from->stands_for = to;
    return pass_on(book, from, err);
}

size_t account_book_mark(const account_book_t *book) { return book->entry_count; }

void account_book_back(account_book_t *book, size_t mark) {
    while (book->entry_count > mark) {
        const account_entry_t *entry = &book->entries[--book->entry_count];
        *entry->of = entry->before;
    }
}

// ---- writing

static int by_key(const void *left, const void *right) {
    const account_entry_t *a = left, *b = right;
    const uint32_t pa = partition_of(a->of->person), pb = partition_of(b->of->person);
    if (pa != pb) return pa < pb ? -1 : 1;
    const int order = strcmp(a->of->person, b->of->person);
    if (order) return order;
    return a->seq < b->seq ? -1 : a->seq > b->seq;
}

// What a bill takes and gives back rides in the bill's event.
static int note_untold(rows_t *untold, const account_entry_t *entry, err_t *err) {
    if (entry->kind == ACCOUNT_PAYMENT || entry->kind == ACCOUNT_REFUND) return 0;
    cell_t *row = rows_add(untold);
    if (!row) return no_memory(err);
    row[0] = cell_i64(partition_of(entry->of->person));
    row[1] = cell_text(entry->of->person);
    row[2] = cell_i64(entry->seq);
    return 0;
}

int account_book_write(account_book_t *book, int64_t at_ms, err_t *err) {
    rows_t rows, untold;
    if (!book->entry_count) return 0;
    qsort(book->entries, book->entry_count, sizeof *book->entries, by_key);
    rows_init(&rows, book->arena, ACCOUNT_ENTRY_COLUMNS);
    rows_init(&untold, book->arena, 3);
    for (size_t i = 0; i < book->entry_count; i++) {
        const account_entry_t *entry = &book->entries[i];
        cell_t *row = rows_add(&rows);
        if (!row) return no_memory(err);
        const cell_t cells[ACCOUNT_ENTRY_COLUMNS] = {cell_i64(partition_of(entry->of->person)),
                                                     cell_text(entry->of->person),
                                                     cell_i64(entry->seq),
                                                     cell_text(kinds[entry->kind]),
                                                     cell_text(entry->reference),
                                                     cell_i64(entry->amount),
                                                     cell_i64(entry->balance),
                                                     cell_i64(entry->owed),
                                                     cell_text(entry->bill_person),
                                                     cell_text(entry->reason),
                                                     cell_i64(at_ms)};
        memcpy(row, cells, sizeof cells);
        int rc = note_untold(&untold, entry, err);
        if (rc) return rc;
    }
    book->entry_count = 0; // sorted, they can no longer be taken back
    int rc = account_entries_insert(book->store, &rows, err);
    return rc ? rc : account_untold_insert(book->store, &untold, err);
}
