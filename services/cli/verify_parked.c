// Rows of imports that wait for a person, or waited: each resembles a registered person, and what was registered by
// decision is there. Citizen IDs are compared, never told.
#include "common/base/hash.h"
#include "enrollment.pb-c.h"
#include "verify.h"
#include <string.h>

enum { NUMBER, PERSON, CITIZEN, ALIKE, DECISION, DECIDED_MS, ASK };

static void check_parked(verify_t *verify, const rows_t *rows, size_t row) {
    char name[VERIFY_NAME_MAX];
    const char *decision = row_text(rows, row, DECISION);
    snprintf(name, sizeof name, "parked person %.64s", row_text(rows, row, NUMBER));
    if (*decision && strcmp(decision, "register") != 0 && strcmp(decision, "drop") != 0)
        verify_broken(verify, "%s: the decision \"%s\" is none", name, decision);
    if (!*decision != !row_i64(rows, row, DECIDED_MS))
        verify_broken(verify, "%s: the decision is \"%s\", made at %lld", name, decision,
                      (long long)row_i64(rows, row, DECIDED_MS));
    arena_reset(verify->work);
    const Tc__RegisterPerson *ask =
        (const Tc__RegisterPerson *)verify_message(verify, &tc__register_person__descriptor, rows, row, ASK, name);
    if (ask && (strcmp(ask->person, row_text(rows, row, PERSON)) != 0 ||
                strcmp(ask->citizen_id, row_text(rows, row, CITIZEN)) != 0))
        verify_broken(verify, "%s: its columns are not what its body says", name);
}

// The citizen ID of the person that a column names, by row.
static int citizens(verify_t *verify, const rows_t *rows, size_t column, rows_t *found, err_t *err) {
    rows_t keys;
    rows_init(&keys, verify->page, 2);
    for (size_t i = 0; i < rows->count; i++) {
        cell_t *key = rows_add(&keys);
        if (!key) return err_set(err, E_IO, "out of memory");
        key[0] = cell_i64(partition_of(row_text(rows, i, column)));
        key[1] = cell_text(row_text(rows, i, column));
    }
    return verify_each(verify->enrollment, "t", "SELECT citizen_id FROM person WHERE partition = $1 AND person = $2",
                       &keys, verify->page, found, err);
}

static int check_named(verify_t *verify, const rows_t *rows, err_t *err) {
    rows_t alike, own;
    int rc = citizens(verify, rows, ALIKE, &alike, err);
    if (!rc) rc = citizens(verify, rows, PERSON, &own, err);
    for (size_t i = 0, like = 0, at = 0; !rc && i < rows->count; i++) {
        const char *number = row_text(rows, i, NUMBER);
        bool has_like = like < alike.count && row_i64(&alike, like, 0) == (int64_t)i;
        bool there = at < own.count && row_i64(&own, at, 0) == (int64_t)i;
        if (!has_like)
            verify_broken(verify, "parked person %s resembles person %s, who is not registered", number,
                          row_text(rows, i, ALIKE));
        if (strcmp(row_text(rows, i, DECISION), "register") == 0 &&
            (!there || strcmp(row_text(&own, at, 1), row_text(rows, i, CITIZEN)) != 0))
            verify_broken(verify, "parked person %s was registered as person %s, who is %s", number,
                          row_text(rows, i, PERSON), there ? "somebody else" : "not registered");
        like += has_like;
        at += there;
    }
    return rc;
}

int verify_parked(verify_t *verify, err_t *err) {
    char after[VERIFY_NAME_MAX] = "";
    rows_t rows = {0};
    do {
        const cell_t params[] = {cell_text(after), cell_i64(VERIFY_PAGE)};
        arena_reset(verify->page);
        int rc = verify_query(verify->enrollment, "tttttib",
                              "SELECT number, person, citizen_id, alike, decision, decided_ms, ask FROM parked_person"
                              " WHERE number > $1 ORDER BY number LIMIT $2",
                              params, COUNT_OF(params), verify->page, &rows, err);
        for (size_t i = 0; !rc && i < rows.count; i++) check_parked(verify, &rows, i);
        if (!rc) rc = check_named(verify, &rows, err);
        if (!rc && rows.count) rc = verify_keep(after, row_text(&rows, rows.count - 1, NUMBER), err);
        if (rc) return rc;
        verify->looked_at += (long long)rows.count;
    } while (rows.count == VERIFY_PAGE);
    return E_OK;
}
