// Enrolment beside the states: who is a member by whose list is what the states say, and a number that was merged into
// another holds nothing.
#include "common/base/hash.h"
#include "enrollment.pb-c.h"
#include "verify.h"
#include <string.h>

static int no_memory(err_t *err) { return err_set(err, E_IO, "out of memory"); }

// ---- states: their open memberships, and whom merged numbers stand for

typedef struct asked {    // of one page of persons, in the arena `page`
    rows_t members;       // group, source, partition, person
    rows_t others;        // partition, person
    const char **pointer; // the merged number that names others[i]
} asked_t;

static int ask_members(verify_t *verify, asked_t *asked, const Tc__PersonState *state, err_t *err) {
    for (size_t i = 0; i < state->n_groups; i++) {
        if (*state->groups[i]->until) continue;
        cell_t *key = rows_add(&asked->members);
        const char *group = arena_text(verify->page, "%s", state->groups[i]->group);
        const char *source = arena_text(verify->page, "%s", state->groups[i]->source);
        const char *person = arena_text(verify->page, "%s", state->person);
        if (!key || !group || !source || !person) return no_memory(err);
        key[0] = cell_text(group);
        key[1] = cell_text(source);
        key[2] = cell_i64(partition_of(person));
        key[3] = cell_text(person);
    }
    return E_OK;
}

static int ask_other(verify_t *verify, asked_t *asked, const Tc__PersonState *state, err_t *err) {
    if (state->n_spells || state->n_groups || state->n_deemed || state->n_transfers)
        verify_broken(verify,
                      "person %s was merged into %s, but has %zu spells, %zu memberships, %zu deemed and %zu"
                      " transferred months of its own",
                      state->person, state->merged_into, state->n_spells, state->n_groups, state->n_deemed,
                      state->n_transfers);
    cell_t *key = rows_add(&asked->others);
    const char *other = arena_text(verify->page, "%s", state->merged_into);
    const char *person = arena_text(verify->page, "%s", state->person);
    if (!key || !other || !person) return no_memory(err);
    key[0] = cell_i64(partition_of(other));
    key[1] = cell_text(other);
    asked->pointer[asked->others.count - 1] = person;
    return E_OK;
}

static int read_states(verify_t *verify, const rows_t *rows, asked_t *asked, err_t *err) {
    rows_init(&asked->members, verify->page, 4);
    rows_init(&asked->others, verify->page, 2);
    asked->pointer = arena_alloc(verify->page, (rows->count + 1) * sizeof *asked->pointer);
    if (!asked->pointer) return no_memory(err);
    int rc = E_OK;
    for (size_t i = 0; !rc && i < rows->count; i++) {
        char name[VERIFY_NAME_MAX];
        snprintf(name, sizeof name, "person %.64s", row_text(rows, i, 1));
        arena_reset(verify->work);
        const Tc__PersonState *state =
            (const Tc__PersonState *)verify_message(verify, &tc__person_state__descriptor, rows, i, 2, name);
        if (!state) continue;
        if (strcmp(state->person, row_text(rows, i, 1)) != 0)
            verify_broken(verify, "%s: its state is of person %s", name, state->person);
        rc = ask_members(verify, asked, state, err);
        if (!rc && *state->merged_into) rc = ask_other(verify, asked, state, err);
    }
    return rc;
}

static const char *text_at(const rows_t *rows, size_t row, size_t column) { return rows_at(rows, row)[column].data; }

// Collection leads from a merged number to the person it stands for, through any chain of mergers.
static int check_leads(verify_t *verify, const asked_t *asked, err_t *err) {
    rows_t keys, found;
    rows_init(&keys, verify->page, 2);
    for (size_t i = 0; i < asked->others.count; i++) {
        cell_t *key = rows_add(&keys);
        if (!key) return no_memory(err);
        key[0] = cell_text(asked->pointer[i]);
        key[1] = rows_at(&asked->others, i)[1];
    }
    int rc = verify_each(verify->collection, "tt",
                         "SELECT into_person, COALESCE((SELECT m.into_person FROM merged m WHERE m.person = $2), $2)"
                         " FROM merged WHERE person = $1",
                         &keys, verify->page, &found, err);
    for (size_t i = 0, at = 0; !rc && i < keys.count; i++) {
        const bool there = at < found.count && row_i64(&found, at, 0) == (int64_t)i;
        if (!there || strcmp(row_text(&found, at, 1), row_text(&found, at, 2)) != 0)
            verify_broken(verify, "person %s was merged into %s, collection leads to %s", asked->pointer[i],
                          text_at(&keys, i, 1), there ? row_text(&found, at, 1) : "nobody");
        at += there;
    }
    return rc;
}

static int no_other_leads(verify_t *verify, err_t *err) {
    rows_t rows;
    arena_reset(verify->page);
    int rc = verify_query(verify->collection, "i", "SELECT COUNT(*) FROM merged", NULL, 0, verify->page, &rows, err);
    if (!rc && row_i64(&rows, 0, 0) != verify->merged)
        verify_broken(verify, "collection leads on from %lld numbers, %lld were merged",
                      (long long)row_i64(&rows, 0, 0), verify->merged);
    return rc;
}

static int check_states(verify_t *verify, const rows_t *rows, err_t *err) {
    asked_t asked;
    rows_t found;
    int rc = read_states(verify, rows, &asked, err);
    if (!rc)
        rc =
            verify_each(verify->enrollment, "i",
                        "SELECT 1 FROM member WHERE group_name = $1 AND source = $2 AND partition = $3 AND person = $4",
                        &asked.members, verify->page, &found, err);
    for (size_t i = 0, at = 0; !rc && i < asked.members.count; i++) {
        if (at < found.count && row_i64(&found, at, 0) == (int64_t)i)
            at++;
        else
            verify_broken(verify,
                          "person %s is a member of %s by the list of %s, which the index of lists does not say",
                          text_at(&asked.members, i, 3), text_at(&asked.members, i, 0), text_at(&asked.members, i, 1));
    }
    if (!rc)
        rc = verify_each(verify->enrollment, "i", "SELECT 1 FROM person WHERE partition = $1 AND person = $2",
                         &asked.others, verify->page, &found, err);
    for (size_t i = 0, at = 0; !rc && i < asked.others.count; i++) {
        bool there = at < found.count && row_i64(&found, at, 0) == (int64_t)i;
        if (!there || strcmp(asked.pointer[i], text_at(&asked.others, i, 1)) == 0)
            verify_broken(verify, "person %s was merged into %s, who is %s", asked.pointer[i],
                          text_at(&asked.others, i, 1), there ? "the same" : "not registered");
        at += there;
    }
    verify->merged += (long long)asked.others.count;
    return rc ? rc : check_leads(verify, &asked, err);
}

static int walk_states(verify_t *verify, err_t *err) {
    int64_t partition = INT64_MIN;
    char person[VERIFY_NAME_MAX] = "";
    rows_t rows = {0};
    do {
        const cell_t params[] = {cell_i64(partition), cell_text(person), cell_i64(VERIFY_PAGE)};
        arena_reset(verify->page);
        int rc = verify_query(verify->enrollment, "itb",
                              "SELECT partition, person, state FROM person WHERE (partition, person) > ($1, $2)"
                              " ORDER BY partition, person LIMIT $3",
                              params, COUNT_OF(params), verify->page, &rows, err);
        if (!rc) rc = check_states(verify, &rows, err);
        if (rc || !rows.count) return rc;
        partition = row_i64(&rows, rows.count - 1, 0);
        rc = verify_keep(person, row_text(&rows, rows.count - 1, 1), err);
        if (rc) return rc;
        verify->looked_at += (long long)rows.count;
    } while (rows.count == VERIFY_PAGE);
    return E_OK;
}

// ---- the index of lists

enum { GROUP, SOURCE, PARTITION, PERSON };

// What began after a death falls away, and a merged number holds nothing: the source's next list clears their places.
static bool is_member(const Tc__PersonState *state, const char *group, const char *source) {
    if (*state->died_on || *state->merged_into) return true;
    for (size_t i = 0; i < state->n_groups; i++)
        if (strcmp(state->groups[i]->group, group) == 0 && strcmp(state->groups[i]->source, source) == 0) return true;
    return false;
}

static int check_members(verify_t *verify, const rows_t *rows, err_t *err) {
    rows_t keys, found;
    rows_init(&keys, verify->page, 2);
    for (size_t i = 0; i < rows->count; i++) {
        cell_t *key = rows_add(&keys);
        if (!key) return no_memory(err);
        key[0] = cell_i64(row_i64(rows, i, PARTITION));
        key[1] = cell_text(row_text(rows, i, PERSON));
    }
    int rc = verify_each(verify->enrollment, "b", "SELECT state FROM person WHERE partition = $1 AND person = $2",
                         &keys, verify->page, &found, err);
    for (size_t i = 0, at = 0; !rc && i < rows->count; i++) {
        const char *person = row_text(rows, i, PERSON), *group = row_text(rows, i, GROUP),
                   *source = row_text(rows, i, SOURCE);
        if (at == found.count || row_i64(&found, at, 0) != (int64_t)i) {
            verify_broken(verify,
                          "the index of lists says that person %s is in %s by the list of %s: no such person"
                          " is registered in partition %lld",
                          person, group, source, (long long)row_i64(rows, i, PARTITION));
            continue;
        }
        arena_reset(verify->work);
        const Tc__PersonState *state =
            (const Tc__PersonState *)verify_message(verify, &tc__person_state__descriptor, &found, at++, 1, person);
        if (state && !is_member(state, group, source))
            verify_broken(verify,
                          "the index of lists says that person %s is in %s by the list of %s: the person has no"
                          " such membership",
                          person, group, source);
    }
    return rc;
}

static int walk_members(verify_t *verify, err_t *err) {
    char group[VERIFY_NAME_MAX] = "", source[VERIFY_NAME_MAX] = "", person[VERIFY_NAME_MAX] = "";
    int64_t partition = INT64_MIN;
    rows_t rows = {0};
    do {
        const cell_t params[] = {cell_text(group), cell_text(source), cell_i64(partition), cell_text(person),
                                 cell_i64(VERIFY_PAGE)};
        arena_reset(verify->page);
        int rc = verify_query(verify->enrollment, "ttit",
                              "SELECT group_name, source, partition, person FROM member"
                              " WHERE (group_name, source, partition, person) > ($1, $2, $3, $4)"
                              " ORDER BY group_name, source, partition, person LIMIT $5",
                              params, COUNT_OF(params), verify->page, &rows, err);
        if (!rc) rc = check_members(verify, &rows, err);
        if (rc || !rows.count) return rc;
        partition = row_i64(&rows, rows.count - 1, PARTITION);
        rc = verify_keep(group, row_text(&rows, rows.count - 1, GROUP), err);
        if (!rc) rc = verify_keep(source, row_text(&rows, rows.count - 1, SOURCE), err);
        if (!rc) rc = verify_keep(person, row_text(&rows, rows.count - 1, PERSON), err);
        if (rc) return rc;
        verify->looked_at += (long long)rows.count;
    } while (rows.count == VERIFY_PAGE);
    return E_OK;
}

static int no_rows_left(verify_t *verify, err_t *err) {
    rows_t rows;
    arena_reset(verify->page);
    int rc = verify_query(verify->enrollment, "ii",
                          "SELECT r.list, COUNT(*) FROM list_row r WHERE NOT EXISTS (SELECT 1 FROM list l"
                          " WHERE l.number = r.list AND l.phase BETWEEN 0 AND 2) GROUP BY r.list ORDER BY r.list"
                          " LIMIT 100",
                          NULL, 0, verify->page, &rows, err);
    for (size_t i = 0; !rc && i < rows.count; i++)
        verify_broken(verify, "%lld rows are put aside for list %lld, which is not on its way",
                      (long long)row_i64(&rows, i, 1), (long long)row_i64(&rows, i, 0));
    return rc;
}

int verify_persons(verify_t *verify, err_t *err) {
    int rc = walk_states(verify, err);
    if (!rc) rc = walk_members(verify, err);
    if (!rc) rc = no_other_leads(verify, err);
    return rc ? rc : no_rows_left(verify, err);
}
