#include "bank_match.h"
#include <stdlib.h>
#include <string.h>

typedef struct side {
    match_row_t *rows;
    size_t count;
    size_t *order; // indices of rows
} side_t;

static int by_reference(const void *a, const void *b, void *rows) {
    const match_row_t *left = (match_row_t *)rows + *(const size_t *)a,
                      *right = (match_row_t *)rows + *(const size_t *)b;
    int order = strcmp(left->reference, right->reference);
    if (!order) order = (left->amount > right->amount) - (left->amount < right->amount);
    if (!order) order = (left->day > right->day) - (left->day < right->day);
    return order ? order : (left > right) - (left < right);
}

static int by_amount(const void *a, const void *b, void *rows) {
    const match_row_t *left = (match_row_t *)rows + *(const size_t *)a,
                      *right = (match_row_t *)rows + *(const size_t *)b;
    int order = (left->amount > right->amount) - (left->amount < right->amount);
    if (!order) order = (left->day > right->day) - (left->day < right->day);
    return order ? order : (left > right) - (left < right);
}

static int by_day(const void *a, const void *b, void *rows) {
    const match_row_t *left = (match_row_t *)rows + *(const size_t *)a,
                      *right = (match_row_t *)rows + *(const size_t *)b;
    int order = (left->day > right->day) - (left->day < right->day);
    return order ? order : (left > right) - (left < right);
}

static void sort(side_t *side, int (*order)(const void *, const void *, void *)) {
    for (size_t i = 0; i < side->count; i++) side->order[i] = i;
    if (side->count) qsort_r(side->order, side->count, sizeof *side->order, order, side->rows);
}

static match_row_t *at(const side_t *side, size_t i) { return &side->rows[side->order[i]]; }

static void pair(const side_t *bank, size_t b, const side_t *books, size_t k, match_state_t state) {
    at(bank, b)->state = at(books, k)->state = state;
    at(bank, b)->partner = books->order[k];
    at(books, k)->partner = bank->order[b];
}

static int compare_keys(const match_row_t *a, const match_row_t *b, bool amounts) {
    int order = strcmp(a->reference, b->reference);
    if (order || !amounts) return order;
    return (a->amount > b->amount) - (a->amount < b->amount);
}

// Both sides by reference and amount; within a key by day, so taking the earliest that fits loses no pair.
static void match_references(const side_t *bank, const side_t *books, int tolerance_days) {
    for (size_t b = 0, k = 0; b < bank->count && k < books->count;) {
        const match_row_t *row = at(bank, b), *entry = at(books, k);
        const int order = *row->reference ? compare_keys(row, entry, true) : -1;
        if (order < 0 || (order == 0 && row->day < entry->day - tolerance_days))
            b++;
        else if (order > 0 || entry->day < row->day - tolerance_days)
            k++;
        else
            pair(bank, b++, books, k++, MATCH_SURE);
    }
}

// What is left of one reference, in order: first those that differ only in the day.
static void match_rests(const side_t *bank, const side_t *books, bool amounts) {
    for (size_t b = 0, k = 0; b < bank->count && k < books->count;) {
        const match_row_t *row = at(bank, b), *entry = at(books, k);
        const int order = compare_keys(row, entry, amounts);
        if (row->state != MATCH_OPEN || !*row->reference || order < 0)
            b++;
        else if (entry->state != MATCH_OPEN || order > 0)
            k++;
        else
            pair(bank, b++, books, k++, amounts ? MATCH_LATE : MATCH_AMOUNT);
    }
}

// ---- a day's receipts as one sum

typedef struct lump {
    date_t day;
    fen_t sum;
    size_t first, end; // places in the order by day
    bool taken, overflows;
} lump_t;

static size_t make_lumps(const side_t *books, lump_t *lumps) {
    size_t count = 0;
    for (size_t i = 0; i < books->count; i++) {
        const match_row_t *entry = at(books, i);
        if (!count || lumps[count - 1].day != entry->day) lumps[count++] = (lump_t){.day = entry->day, .first = i};
        lumps[count - 1].end = i + 1;
        if (!entry->receipt || entry->state != MATCH_OPEN) continue;
        if (fen_add(lumps[count - 1].sum, entry->amount, &lumps[count - 1].sum)) lumps[count - 1].overflows = true;
    }
    return count;
}

static int distance(date_t a, date_t b) { return a < b ? b - a : a - b; }

// The nearest day whose receipts are the amount; NULL: none.
static lump_t *find_lump(lump_t *lumps, size_t count, const match_row_t *row, int tolerance_days) {
    lump_t *found = NULL;
    size_t low = 0, high = count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (lumps[middle].day < row->day - tolerance_days)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < count && lumps[low].day <= row->day + tolerance_days; low++) {
        lump_t *lump = &lumps[low];
        if (lump->taken || lump->overflows || !lump->sum || lump->sum != row->amount) continue;
        if (!found || distance(lump->day, row->day) < distance(found->day, row->day)) found = lump;
    }
    return found;
}

static void take_lump(lump_t *lump, const side_t *books, match_row_t *row, size_t row_index) {
    bool first = true;
    lump->taken = true;
    row->state = MATCH_SURE;
    for (size_t i = lump->first; i < lump->end; i++) {
        match_row_t *entry = at(books, i);
        if (!entry->receipt || entry->state != MATCH_OPEN) continue;
        entry->state = MATCH_SURE;
        entry->partner = row_index;
        if (first) row->partner = books->order[i];
        first = false;
    }
}

static void match_lumps(const side_t *bank, const side_t *books, lump_t *lumps, int tolerance_days) {
    const size_t count = make_lumps(books, lumps);
    for (size_t i = 0; i < bank->count; i++) {
        match_row_t *row = at(bank, i);
        lump_t *lump = row->state == MATCH_OPEN ? find_lump(lumps, count, row, tolerance_days) : NULL;
        if (lump) take_lump(lump, books, row, bank->order[i]);
    }
}

// ---- the amount alone

static size_t alike(const side_t *side, size_t first) {
    size_t n = first;
    while (n < side->count && at(side, n)->amount == at(side, first)->amount) n++;
    return n;
}

// The only open row of `side` in [first, end) near `day`; SIZE_MAX: none, or more than one.
static size_t only_one(const side_t *side, size_t first, size_t end, date_t day, int tolerance_days,
                       const bool *usable) {
    size_t found = SIZE_MAX;
    for (size_t i = first; i < end; i++) {
        if (at(side, i)->state != MATCH_OPEN || (usable && !usable[side->order[i]])) continue;
        if (distance(at(side, i)->day, day) > tolerance_days) continue;
        if (found != SIZE_MAX) return SIZE_MAX;
        found = i;
    }
    return found;
}

static void match_alike(const side_t *bank, size_t b, size_t b_end, const side_t *books, size_t k, size_t k_end,
                        int tolerance_days, const bool *unnamed) {
    if (b_end - b > MATCH_ALIKE_MAX || k_end - k > MATCH_ALIKE_MAX) return;
    for (size_t i = b; i < b_end; i++) {
        if (at(bank, i)->state != MATCH_OPEN || !unnamed[bank->order[i]]) continue;
        const size_t entry = only_one(books, k, k_end, at(bank, i)->day, tolerance_days, NULL);
        if (entry == SIZE_MAX) continue;
        if (only_one(bank, b, b_end, at(books, entry)->day, tolerance_days, unnamed) == i)
            pair(bank, i, books, entry, MATCH_SURE);
    }
}

static void match_amounts(const side_t *bank, const side_t *books, int tolerance_days, const bool *unnamed) {
    for (size_t b = 0, k = 0; b < bank->count && k < books->count;) {
        const size_t b_end = alike(bank, b), k_end = alike(books, k);
        const fen_t amount = at(bank, b)->amount, booked = at(books, k)->amount;
        if (amount == booked) match_alike(bank, b, b_end, books, k, k_end, tolerance_days, unnamed);
        if (amount <= booked) b = b_end;
        if (booked <= amount) k = k_end;
    }
}

// Rows whose reference is none of ours: both sides by reference.
static void find_unnamed(const side_t *bank, const side_t *books, bool *unnamed) {
    for (size_t b = 0, k = 0; b < bank->count; b++) {
        const match_row_t *row = at(bank, b);
        while (k < books->count && strcmp(at(books, k)->reference, row->reference) < 0) k++;
        unnamed[bank->order[b]] =
            !*row->reference || k == books->count || strcmp(at(books, k)->reference, row->reference) != 0;
    }
}

int bank_match(match_row_t *bank, size_t bank_count, match_row_t *books, size_t book_count, int tolerance_days,
               arena_t *arena, err_t *err) {
    CHECK(bank_count <= MATCH_ROWS_MAX && book_count <= MATCH_ROWS_MAX && tolerance_days >= 0);
    side_t left = {bank, bank_count, arena_alloc(arena, (bank_count + 1) * sizeof(size_t))};
    side_t right = {books, book_count, arena_alloc(arena, (book_count + 1) * sizeof(size_t))};
    lump_t *lumps = arena_alloc(arena, (book_count + 1) * sizeof *lumps);
    bool *unnamed = arena_alloc(arena, bank_count + 1);
    if (!left.order || !right.order || !lumps || !unnamed) return err_set(err, E_IO, "out of memory for a statement");
    sort(&left, by_reference);
    sort(&right, by_reference);
    find_unnamed(&left, &right, unnamed);
    match_references(&left, &right, tolerance_days);
    sort(&left, by_day);
    sort(&right, by_day);
    match_lumps(&left, &right, lumps, tolerance_days);
    sort(&left, by_amount);
    sort(&right, by_amount);
    match_amounts(&left, &right, tolerance_days, unnamed);
    sort(&left, by_reference);
    sort(&right, by_reference);
    match_rests(&left, &right, true);
    match_rests(&left, &right, false);
    return E_OK;
}
