// The accounts that one piece of work touches, in memory: read from the store in one round trip, moved entry by entry,
// written in one set. An entry is put aside with the balance after it, so that several on one account follow each
// other; nothing is in the store before account_book_write(). The key (partition, person, seq) refuses what somebody
// else wrote meanwhile: then the work begins again with a new book.
#pragma once
#include "account_store.h"
#include "common/base/money.h"
#include "textmap.h"

typedef enum account_kind {
    ACCOUNT_CREDIT,
    ACCOUNT_PAYMENT,
    ACCOUNT_REFUND,
    ACCOUNT_CORRECTION,
    ACCOUNT_MERGE_OUT,
    ACCOUNT_MERGE_IN,
    ACCOUNT_ENTRY_KIND__COUNT
} account_entry_kind_t;
const char *account_entry_kind_name(account_entry_kind_t kind);

typedef struct account {
    const char *person;
    int64_t seq;                // of the newest entry; 0: none
    fen_t balance, owed;        // not negative, one of them 0
    struct account *stands_for; // whose number this is now; NULL: its own
} account_t;

typedef struct account_entry {
    account_t *of;
    account_t before; // the account, to go back to
    int64_t seq;
    account_entry_kind_t kind;
    const char *reference, *bill_person, *reason;
    fen_t amount, balance, owed;
} account_entry_t;

typedef struct account_book {
    store_t *store; // borrowed, as is the arena
    arena_t *arena;
    textmap_t map;
    account_t *accounts;
    size_t count, room;
    account_entry_t *entries;
    size_t entry_count, entry_room;
} account_book_t;

// The newest entries of `persons` (each may stand there several times) and of those they stand for.
int account_book_open(account_book_t *book, store_t *store, arena_t *arena, const char *const *persons, size_t count,
                      err_t *err) MUST_USE;
account_t *account_book_find(const account_book_t *book, const char *person); // NULL: it was not asked for
// A number stands for another person from now on: what it has goes there. Both are in the book. In a circle:
// nothing, and not *taken.
int account_book_lead(account_book_t *book, const char *person, const char *into, bool *taken, err_t *err) MUST_USE;
// Put an entry aside. What goes in settles what is owed first; what is taken out beyond the balance is owed, which only
// credits and mergers may do: E_OUT_OF_RANGE otherwise. Money of a number that stands for another goes on to that one.
// The texts are borrowed.
int account_book_post(account_book_t *book, account_t *of, const account_entry_t *entry, err_t *err) MUST_USE;
// Where the entries put aside end, and back to there.
size_t account_book_mark(const account_book_t *book);
void account_book_back(account_book_t *book, size_t mark);
// Write what was put aside, inside a transaction, in the order of the keys, so that two writers never wait for each
// other in a circle. What no bill made is noted as not told yet (account_tell.h).
int account_book_write(account_book_t *book, int64_t at_ms, err_t *err) MUST_USE;
