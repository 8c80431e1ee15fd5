// Collection's tables, set-based. `keys` are rows of (partition, name); results of a *_of function begin with the index
// of the key they belong to.
#pragma once
#include "collection.h"
#include "common/store/store.h"

enum { COLLECTION_MIGRATIONS = 15 };
extern const migration_t collection_migrations[COLLECTION_MIGRATIONS];

int key_add(rows_t *keys, const char *name, err_t *err) MUST_USE; // (partition_of(name), name)

// Copies of enrolment's states.
typedef struct persons_range { // partitions from `first` to the one before `end`, in them the persons after `after`
    uint32_t first, end;
    const char *after; // "": all
} persons_range_t;
int persons_page(store_t *store, const persons_range_t *range, int32_t limit, arena_t *arena, rows_t *out,
                 err_t *err) MUST_USE; // state, in order of partition and person
// Only their keys, of one partition, those after the person: partition, person.
int person_keys_of(store_t *store, int64_t partition, const char *person, int32_t limit, arena_t *arena, rows_t *out,
                   err_t *err) MUST_USE;
int persons_of(store_t *store, const rows_t *keys, arena_t *arena, rows_t *out,
               err_t *err) MUST_USE; // key, version, state
int person_versions_of(store_t *store, const rows_t *keys, arena_t *arena, rows_t *out,
                       err_t *err) MUST_USE; // key, version
enum { PERSON_COLUMNS = 5 };
// partition, person, version, state, 1 if the person is here already: newer ones than ours; E_RACE for one who is here,
// though 0 was said
int persons_put(store_t *store, const rows_t *rows, err_t *err) MUST_USE;
// key, kind, kinds, version (employer_kinds.h)
int employers_of(store_t *store, const rows_t *keys, arena_t *arena, rows_t *out, err_t *err) MUST_USE;
int employer_divisions_of(store_t *store, const rows_t *keys, arena_t *arena, rows_t *out, err_t *err) MUST_USE;
int employers_put(store_t *store, const rows_t *rows,
                  err_t *err) MUST_USE; // partition, employer, version, kind, kinds, division: newer ones

// Who pays: an employer, or a person who has none.
typedef struct payer_key {
    const char *employer, *person;
    const char *period;
} payer_key_t;

typedef struct stored_bill {
    const void *body;
    size_t size;
    fen_t own; // what its payer owes
} stored_bill_t;

enum { BILL_COLUMNS = 11 };
// The newest period that the person was billed for; and of keys + period, those billed for this one.
int bills_newest(store_t *store, const rows_t *keys, arena_t *arena, rows_t *out, err_t *err) MUST_USE; // key, period
int bills_known(store_t *store, const rows_t *keys, arena_t *arena, rows_t *out, err_t *err) MUST_USE;  // key
int bills_insert(store_t *store, const rows_t *rows, err_t *err) MUST_USE; // BILL_COLUMNS, see store.c
int bills_sum(store_t *store, const payer_key_t *payer, arena_t *arena, int64_t *count, fen_t *amount,
              err_t *err) MUST_USE;
int bills_history(store_t *store, const rows_t *keys, arena_t *arena, rows_t *out,
                  err_t *err) MUST_USE; // key, period, identity, employer, paid_on, wage_fen, own_fen; by period
// The same for persons who follow one another in the order of a page, nobody left out: one range of a partition is read
// instead of many keys. Columns may follow.
int bills_history_run(store_t *store, const rows_t *keys, arena_t *arena, rows_t *out, err_t *err) MUST_USE;
// Of keys + two periods, from the first to before the second, so that "2018" and "2019" give all of a year: key,
// paid_on, body, own_fen; by period
int bills_between(store_t *store, const rows_t *keys, arena_t *arena, rows_t *out, err_t *err) MUST_USE;
int bills_of(store_t *store, const char *person, arena_t *arena, rows_t *out,
             err_t *err) MUST_USE; // body, paid_on, own_fen; by period
int unpaid_of_employer(store_t *store, const char *employer, arena_t *arena, rows_t *out,
                       err_t *err) MUST_USE;                             // partition, person, period
int bills_drop(store_t *store, const rows_t *rows, err_t *err) MUST_USE; // partition, person, period; unpaid ones only

int entitlements_of(store_t *store, const rows_t *keys, arena_t *arena, rows_t *out,
                    err_t *err) MUST_USE; // key, version, body
int entitlements_run(store_t *store, const rows_t *keys, arena_t *arena, rows_t *out,
                     err_t *err) MUST_USE; // the same, as bills_history_run
enum { ENTITLEMENT_COLUMNS = 5 };
// partition, person, version, body, 1 if the person has a state already; E_RACE for one that has, though 0 was said.
// The same transaction notes them as not yet cached: in one row named `batch`, or one by one where that is "".
int entitlements_put(store_t *store, const rows_t *rows, const char *batch, arena_t *arena, err_t *err) MUST_USE;
int uncached_page(store_t *store, int32_t limit, arena_t *arena, rows_t *out,
                  err_t *err) MUST_USE; // partition, person
// partition, person, version: of this version or an older one
int uncached_drop(store_t *store, const rows_t *rows, err_t *err) MUST_USE;
int uncached_batches(store_t *store, int32_t limit, arena_t *arena, rows_t *out, err_t *err) MUST_USE; // batch, persons
int uncached_batches_drop(store_t *store, const rows_t *batches, err_t *err) MUST_USE;                 // batch
// The persons of a batch noted one by one, those who have a state; each of `persons` may be in it more than once.
int uncached_note(store_t *store, const rows_t *persons, arena_t *arena, err_t *err) MUST_USE; // partition, person
