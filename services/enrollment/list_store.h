// Tables of lists: `list` (one row for every list that came, with how far it is applied), `list_row` (whom it names,
// until it is applied) and `member` (who is in a group by whose list: what the next list of that source must name
// again).
#pragma once
#include "store.h"

typedef enum list_phase { LIST_STAGED, LIST_BEGINS, LIST_ENDS, LIST_DONE } list_phase_t;

// Why nobody is a member by a row, found when it was put aside; beside what the store finds when it is applied.
typedef enum list_fault { LIST_FINE, LIST_ID_BAD, LIST_ID_UNKNOWN, LIST_ID_OTHER, LIST_UNNAMED } list_fault_t;

typedef struct list_row { // whom a row names; "" when that could not be told
    const char *person;
    list_fault_t fault;
} list_row_t;

typedef struct list_key {
    const char *file, *group, *source, *as_of;
    bool dry;
} list_key_t;

typedef struct list {
    int64_t number; // 0: not there
    list_phase_t phase;
    int64_t at_row; // last row worked on
    int64_t at_partition;
    const char *at_person; // last member looked at
} list_t;

int list_find(store_t *store, const list_key_t *key, arena_t *arena, list_t *out, err_t *err) MUST_USE;
// The newest day of another list (than `number`) of the group and source that was, or is being, applied; "" when none.
int list_newest(store_t *store, const list_key_t *key, int64_t number, arena_t *arena, const char **as_of,
                err_t *err) MUST_USE;
// Lists not applied to their end that somebody went on with since then.
int list_open_count(store_t *store, int64_t since_ms, arena_t *arena, int64_t *count, err_t *err) MUST_USE;
// Forget lists that nobody went on with since then and that were not begun to be applied, and dry ones.
int list_forget_stale(store_t *store, int64_t before_ms, err_t *err) MUST_USE;
int list_add(store_t *store, const list_key_t *key, int64_t at_ms, arena_t *arena, int64_t *number,
             err_t *err) MUST_USE;
int list_save(store_t *store, const list_t *list, int64_t at_ms, err_t *err) MUST_USE;

// Rows: staged again is not staged twice.
int list_rows_add(store_t *store, int64_t number, int64_t first_row, const list_row_t *named, size_t count,
                  arena_t *arena, err_t *err) MUST_USE;
int list_rows_count(store_t *store, int64_t number, arena_t *arena, int64_t *count, err_t *err) MUST_USE;
int list_rows_next(store_t *store, const list_t *list, int64_t most, arena_t *arena, rows_t *out, // row, person, fault
                   err_t *err) MUST_USE;
int list_rows_forget(store_t *store, int64_t number, err_t *err) MUST_USE;

// Members of the group by the source's lists whom this list does not name: partition, person.
int members_left_out(store_t *store, const list_t *list, const list_key_t *key, int64_t most, arena_t *arena,
                     rows_t *out, err_t *err) MUST_USE;
int members_add(store_t *store, const list_key_t *key, const char *const *persons, size_t count, arena_t *arena,
                err_t *err) MUST_USE;
int members_remove(store_t *store, const list_key_t *key, const char *const *persons, size_t count, arena_t *arena,
                   err_t *err) MUST_USE;
