// Personal accounts: each paid month is credited once, by a bill that its receipt paid, and the turns told of a month
// run from 1 without a gap and add up to what is credited now. The log has no index by month, so a slice of the months
// is kept in memory (SLICE at most) while the log of their partition is walked once.
#include "collection.pb-c.h"
#include "common/base/hash.h"
#include "verify.h"
#include <string.h>

enum { SLICE = 262144 };

typedef struct account_month {
    const char *name; // "<person> <month>"
    const char *receipt;
    int64_t turn, told_turn; // of the row; of the events so far
    fen_t amount, told;
    bool fits; // the last event names the receipt of the row
} account_month_t;

typedef struct slice {
    int64_t partition;
    char person[VERIFY_NAME_MAX], month[VERIFY_NAME_MAX]; // the last of the slice
    bool first, last;
    account_month_t *months;
    size_t count, room;
    uint32_t *places; // hash table of twice as many places: index + 1, 0 = free
} slice_t;

static int no_memory(err_t *err) { return err_set(err, E_IO, "out of memory"); }

static uint32_t *place_of(const slice_t *slice, const char *name) {
    size_t place = hash64(name, strlen(name), 0) % (2 * slice->room);
    while (slice->places[place] && strcmp(slice->months[slice->places[place] - 1].name, name) != 0)
        place = (place + 1) % (2 * slice->room);
    return &slice->places[place];
}

// ---- the months

enum { PERSON, MONTH, TURN, AMOUNT, RECEIPT };

// No larger than the partition, with a place to spare: the slice that ends it is not full.
static int make_room(verify_t *verify, slice_t *slice, err_t *err) {
    rows_t rows;
    const cell_t params[] = {cell_i64(slice->partition)};
    arena_reset(verify->side);
    int rc = verify_query(verify->collection, "i", "SELECT COUNT(*) FROM account_credit WHERE partition = $1", params,
                          1, verify->side, &rows, err);
    if (rc) return rc;
    slice->room = row_i64(&rows, 0, 0) < SLICE ? (size_t)row_i64(&rows, 0, 0) + 1 : SLICE;
    slice->months = arena_alloc(verify->side, slice->room * sizeof *slice->months);
    slice->places = arena_alloc(verify->side, 2 * slice->room * sizeof *slice->places);
    return slice->months && slice->places ? E_OK : no_memory(err);
}

static int add_month(verify_t *verify, slice_t *slice, const rows_t *rows, size_t row, err_t *err) {
    account_month_t *month = &slice->months[slice->count];
    const char *person = row_text(rows, row, PERSON);
    *month = (account_month_t){.name = arena_text(verify->side, "%s %s", person, row_text(rows, row, MONTH)),
                               .receipt = arena_text(verify->side, "%s", row_text(rows, row, RECEIPT)),
                               .turn = row_i64(rows, row, TURN),
                               .amount = row_i64(rows, row, AMOUNT)};
    if (!month->name || !month->receipt) return no_memory(err);
    if (partition_of(person) != slice->partition)
        verify_broken(verify, "account of %s stands in partition %lld, it belongs into %u", month->name,
                      (long long)slice->partition, partition_of(person));
    *place_of(slice, month->name) = (uint32_t)++slice->count;
    return E_OK;
}

static int load_slice(verify_t *verify, slice_t *slice, err_t *err) {
    rows_t rows = {0};
    slice->count = 0;
    if (make_room(verify, slice, err)) return err->code;
    do {
        int64_t room = (int64_t)(slice->room - slice->count), limit = room < VERIFY_PAGE ? room : VERIFY_PAGE;
        const cell_t params[] = {cell_i64(slice->partition), cell_text(slice->person), cell_text(slice->month),
                                 cell_i64(limit)};
        arena_reset(verify->page);
        int rc = verify_query(verify->collection, "ttiit",
                              "SELECT person, month, turn, amount_fen, receipt FROM account_credit WHERE partition = $1"
                              " AND (person, month) > ($2, $3) ORDER BY person, month LIMIT $4",
                              params, COUNT_OF(params), verify->page, &rows, err);
        for (size_t i = 0; !rc && i < rows.count; i++) rc = add_month(verify, slice, &rows, i, err);
        if (!rc && rows.count) rc = verify_keep(slice->person, row_text(&rows, rows.count - 1, PERSON), err);
        if (!rc && rows.count) rc = verify_keep(slice->month, row_text(&rows, rows.count - 1, MONTH), err);
        if (rc) return rc;
        slice->last = rows.count < (size_t)limit;
    } while (!slice->last && slice->count < slice->room);
    return E_OK;
}

// ---- their events

static void take_event(verify_t *verify, slice_t *slice, const Tc__AccountCredit *credit, int64_t number) {
    char name[2 * VERIFY_NAME_MAX];
    snprintf(name, sizeof name, "%.100s %.20s", credit->person, credit->month);
    uint32_t place = *place_of(slice, name);
    if (!place && slice->first && slice->last)
        verify_broken(verify, "account of %s: event collection %lld/%lld credits it, but it is not stored", name,
                      (long long)slice->partition, (long long)number);
    if (!place) return;
    account_month_t *month = &slice->months[place - 1];
    if (credit->turn != month->told_turn + 1)
        verify_broken(verify, "account of %s: event collection %lld/%lld is turn %d after turn %lld", name,
                      (long long)slice->partition, (long long)number, credit->turn, (long long)month->told_turn);
    month->told_turn = credit->turn;
    month->told = verify_sum(month->told, credit->amount_fen);
    month->fits = strcmp(credit->receipt, month->receipt) == 0;
}

// Months that got their first turn must be stored; where one slice is the whole partition that has been seen already.
static int firsts_are_stored(verify_t *verify, slice_t *slice, const rows_t *firsts, err_t *err) {
    rows_t found;
    if (slice->last || !firsts->count) return E_OK;
    int rc = verify_each(verify->collection, "i",
                         "SELECT turn FROM account_credit WHERE partition = $1 AND person = $2 AND month = $3", firsts,
                         verify->page, &found, err);
    for (size_t i = 0, at = 0; !rc && i < firsts->count; i++) {
        if (at < found.count && row_i64(&found, at, 0) == (int64_t)i)
            at++;
        else
            verify_broken(verify, "account of %s %s: events credit it, but it is not stored",
                          (const char *)rows_at(firsts, i)[1].data, (const char *)rows_at(firsts, i)[2].data);
    }
    return rc;
}

static int take_events(verify_t *verify, void *self, const rows_t *rows, err_t *err) {
    slice_t *slice = self;
    rows_t firsts;
    rows_init(&firsts, verify->page, 3);
    for (size_t i = 0; i < rows->count; i++) {
        char where[VERIFY_NAME_MAX];
        snprintf(where, sizeof where, "event collection %lld/%lld", (long long)slice->partition,
                 (long long)row_i64(rows, i, 0));
        arena_reset(verify->work);
        const Tc__AccountCredit *credit =
            (const Tc__AccountCredit *)verify_message(verify, &tc__account_credit__descriptor, rows, i, 1, where);
        if (!credit) continue;
        take_event(verify, slice, credit, row_i64(rows, i, 0));
        if (!slice->first || credit->turn != 1) continue;
        cell_t *key = rows_add(&firsts);
        const char *person = arena_text(verify->page, "%s", credit->person);
        const char *month = arena_text(verify->page, "%s", credit->month);
        if (!key || !person || !month) return no_memory(err);
        key[0] = cell_i64(slice->partition);
        key[1] = cell_text(person);
        key[2] = cell_text(month);
    }
    return slice->first ? firsts_are_stored(verify, slice, &firsts, err) : E_OK;
}

// A month that cannot be decided keeps its turn and names the receipt that could not credit it.
static void judge(verify_t *verify, const slice_t *slice) {
    for (size_t i = 0; i < slice->count; i++) {
        const account_month_t *month = &slice->months[i];
        if (month->told_turn != month->turn || month->told != month->amount)
            verify_broken(verify,
                          "account of %s is stored as %lld fen in turn %lld, events credit %lld up to turn %lld",
                          month->name, (long long)month->amount, (long long)month->turn, (long long)month->told,
                          (long long)month->told_turn);
        else if (month->amount && !month->fits)
            verify_broken(verify, "account of %s is credited by receipt %s, its last event names another", month->name,
                          month->receipt);
    }
    verify->looked_at += (long long)slice->count;
}

// ---- and their bills

static int bills_are_paid(verify_t *verify, int64_t partition, err_t *err) {
    rows_t rows;
    const cell_t params[] = {cell_i64(partition)};
    arena_reset(verify->page);
    int rc =
        verify_query(verify->collection, "tttt",
                     "SELECT a.person, a.month, a.receipt, COALESCE(b.receipt, '') FROM account_credit a"
                     " LEFT JOIN bill b ON b.partition = a.partition AND b.person = a.person AND b.period = a.month"
                     " WHERE a.partition = $1 AND a.amount_fen <> 0"
                     // Without a receipt the fund credits it, to those who have no bill for the month.
                     " AND (a.receipt = '' AND b.person IS NOT NULL OR COALESCE(b.receipt, '') <> a.receipt)"
                     " ORDER BY a.person, a.month LIMIT 100",
                     params, COUNT_OF(params), verify->page, &rows, err);
    for (size_t i = 0; !rc && i < rows.count; i++)
        verify_broken(verify, "account of %s %s is credited by receipt %s, the month's bill is paid by \"%s\"",
                      row_text(&rows, i, 0), row_text(&rows, i, 1), row_text(&rows, i, 2), row_text(&rows, i, 3));
    return rc;
}

static int astray(verify_t *verify, err_t *err) {
    rows_t rows;
    const cell_t params[] = {cell_i64(PARTITIONS)};
    arena_reset(verify->page);
    int rc = verify_query(verify->collection, "tt",
                          "SELECT person, month FROM account_credit WHERE partition < 0 OR partition >= $1"
                          " ORDER BY person, month LIMIT 100",
                          params, 1, verify->page, &rows, err);
    for (size_t i = 0; !rc && i < rows.count; i++)
        verify_broken(verify, "account of %s %s stands in no partition", row_text(&rows, i, 0), row_text(&rows, i, 1));
    return rc;
}

int verify_accounts(verify_t *verify, err_t *err) {
    int rc = astray(verify, err);
    for (int64_t partition = 0; !rc && partition < PARTITIONS; partition++) {
        slice_t slice = {.partition = partition, .first = true};
        do {
            rc = load_slice(verify, &slice, err);
            if (!rc)
                rc = verify_events(verify, verify->collection, slice.partition, "account.credited", take_events, &slice,
                                   err);
            if (rc) return rc;
            judge(verify, &slice);
            slice.first = false;
        } while (!slice.last);
        rc = bills_are_paid(verify, partition, err);
    }
    return rc;
}
