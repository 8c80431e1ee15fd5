// The history of persons and employers: every state that a person had is kept, one after the other; the newest is the
// person's state, and each was told as an event. The log has no index by person, so the two are compared as sets, a
// partition at a time.
#include "common/base/hash.h"
#include "enrollment.pb-c.h"
#include "verify.h"
#include <string.h>

enum { PARTITION, PERSON, VERSION, KNOWN_MS, STATE };

typedef struct history { // where the walk stands
    int64_t partition;
    char person[VERIFY_NAME_MAX];
    int64_t version, known_ms;
    int64_t kept_from_ms; // of persons registered before versions were kept, the earlier ones are not there
} history_t;

// ---- in order

static void check_place(verify_t *verify, const history_t *history, bool first, const rows_t *rows, size_t row) {
    const char *person = row_text(rows, row, PERSON);
    int64_t version = row_i64(rows, row, VERSION), known_ms = row_i64(rows, row, KNOWN_MS);
    if (first && version != 1 && known_ms > history->kept_from_ms)
        verify_broken(verify, "person %s: the versions begin with %lld, 1 was expected", person, (long long)version);
    if (!first && version != history->version + 1)
        verify_broken(verify, "person %s: version %lld follows version %lld", person, (long long)version,
                      (long long)history->version);
    if (!first && known_ms < history->known_ms)
        verify_broken(verify, "person %s: version %lld is known since %lld, version %lld since %lld", person,
                      (long long)version, (long long)known_ms, (long long)history->version,
                      (long long)history->known_ms);
    if (first && partition_of(person) != row_i64(rows, row, PARTITION))
        verify_broken(verify, "person %s: its versions stand in partition %lld, they belong into %u", person,
                      (long long)row_i64(rows, row, PARTITION), partition_of(person));
}

static int follow(verify_t *verify, history_t *history, const rows_t *rows, size_t row, err_t *err) {
    char name[2 * VERIFY_NAME_MAX];
    const char *person = row_text(rows, row, PERSON);
    const int64_t version = row_i64(rows, row, VERSION);
    bool first = history->partition != row_i64(rows, row, PARTITION) || strcmp(history->person, person) != 0;
    check_place(verify, history, first, rows, row);
    history->partition = row_i64(rows, row, PARTITION);
    history->version = version;
    history->known_ms = row_i64(rows, row, KNOWN_MS);
    if (first && verify_keep(history->person, person, err)) return err->code;
    snprintf(name, sizeof name, "version %lld of person %s", (long long)version, history->person);
    arena_reset(verify->work);
    const Tc__PersonState *state =
        (const Tc__PersonState *)verify_message(verify, &tc__person_state__descriptor, rows, row, STATE, name);
    if (state && (strcmp(state->person, person) != 0 || state->version != version))
        verify_broken(verify, "%s: its body is version %lld of person %s", name, (long long)state->version,
                      state->person);
    return E_OK;
}

static int kept_from(verify_t *verify, int64_t *at_ms, err_t *err) {
    rows_t rows;
    arena_reset(verify->page);
    int rc = verify_query(verify->enrollment, "i", "SELECT at_ms FROM schema_version WHERE version = 2", NULL, 0,
                          verify->page, &rows, err);
    if (!rc && rows.count) *at_ms = row_i64(&rows, 0, 0);
    return rc;
}

static int follow_page(verify_t *verify, void *self, const rows_t *rows, err_t *err) {
    int rc = E_OK;
    for (size_t i = 0; !rc && i < rows->count; i++) rc = follow(verify, self, rows, i, err);
    if (!rc) verify->looked_at += (long long)rows->count;
    return rc;
}

static int in_order(verify_t *verify, err_t *err) {
    history_t history = {.partition = INT64_MIN};
    const verify_pages_t pages = {.store = verify->enrollment,
                                  .types = "itiib",
                                  .sql = "SELECT partition, person, version, known_ms, state FROM person_version"
                                         " WHERE (partition, person, version) > ($1, $2, $3)"
                                         " ORDER BY partition, person, version LIMIT $4",
                                  .params = {cell_i64(INT64_MIN), cell_text(""), cell_i64(0)},
                                  .count = 3,
                                  .keys = 3};
    int rc = kept_from(verify, &history.kept_from_ms, err);
    return rc ? rc : verify_pages(verify, &pages, follow_page, &history, err);
}

// ---- the newest is the person's state

static int newest_are_states(verify_t *verify, int64_t partition, err_t *err) {
    rows_t rows;
    const cell_t params[] = {cell_i64(partition)};
    arena_reset(verify->page);
    int rc = verify_query(verify->enrollment, "tii",
                          "SELECT p.person, p.version, CASE WHEN v.person IS NULL THEN 0 ELSE 1 END FROM person p"
                          " LEFT JOIN person_version v ON v.partition = p.partition AND v.person = p.person"
                          " AND v.version = p.version WHERE p.partition = $1"
                          " AND (v.person IS NULL OR v.state <> p.state) ORDER BY p.person LIMIT 100",
                          params, COUNT_OF(params), verify->page, &rows, err);
    for (size_t i = 0; !rc && i < rows.count; i++)
        verify_broken(verify, "person %s: its state, version %lld, is not %s", row_text(&rows, i, 0),
                      (long long)row_i64(&rows, i, 1),
                      row_i64(&rows, i, 2) ? "what that version says" : "among its versions");
    if (!rc)
        rc = verify_query(verify->enrollment, "tii",
                          "SELECT v.person, v.version, COALESCE(p.version, 0) FROM person_version v"
                          " LEFT JOIN person p ON p.partition = v.partition AND p.person = v.person"
                          " WHERE v.partition = $1 AND (p.person IS NULL OR v.version > p.version)"
                          " ORDER BY v.person, v.version LIMIT 100",
                          params, COUNT_OF(params), verify->page, &rows, err);
    for (size_t i = 0; !rc && i < rows.count; i++)
        verify_broken(verify, "person %s: there is a version %lld, but its state is version %lld (0: none)",
                      row_text(&rows, i, 0), (long long)row_i64(&rows, i, 1), (long long)row_i64(&rows, i, 2));
    return rc;
}

// ---- each was told

// The other way round follows: a person's events tell of growing versions (check `states`), none of them beyond the
// newest, and each version is one of them.
static int versions_were_told(verify_t *verify, int64_t partition, err_t *err) {
    rows_t rows;
    const cell_t params[] = {cell_i64(partition)};
    arena_reset(verify->page);
    int rc = verify_query(verify->enrollment, "b",
                          "SELECT state FROM person_version WHERE partition = $1 EXCEPT"
                          " SELECT body FROM event WHERE partition = $1 AND topic = 'person.changed' LIMIT 100",
                          params, COUNT_OF(params), verify->page, &rows, err);
    for (size_t i = 0; !rc && i < rows.count; i++) {
        arena_reset(verify->work);
        const Tc__PersonState *state = (const Tc__PersonState *)verify_message(
            verify, &tc__person_state__descriptor, &rows, i, 0, "a version that no event told of");
        if (state)
            verify_broken(verify, "version %lld of person %s: no event of partition %lld told of it as it stands",
                          (long long)state->version, state->person, (long long)partition);
    }
    return rc;
}

// ---- employers

static int check_employers(verify_t *verify, int64_t partition, const char *what, const char *sql, err_t *err) {
    rows_t rows;
    const cell_t params[] = {cell_i64(partition)};
    arena_reset(verify->page);
    int rc = verify_query(verify->enrollment, "ti", sql, params, COUNT_OF(params), verify->page, &rows, err);
    for (size_t i = 0; !rc && i < rows.count; i++)
        verify_broken(verify, "employer %s: version %lld %s", row_text(&rows, i, 0), (long long)row_i64(&rows, i, 1),
                      what);
    return rc;
}

// Those that were there before versions were kept begin with the version they had then.
static int employers_in_order(verify_t *verify, int64_t partition, err_t *err) {
    static const struct {
        const char *what, *sql;
    } checks[] = {
        {"follows none",
         "SELECT v.employer, v.version FROM employer_version v WHERE v.partition = $1 AND v.version > (SELECT"
         " MIN(f.version) FROM employer_version f WHERE f.partition = v.partition AND f.employer = v.employer) AND NOT"
         " EXISTS (SELECT 1 FROM employer_version b WHERE b.partition = v.partition AND b.employer = v.employer AND"
         " b.version = v.version - 1) ORDER BY v.employer, v.version LIMIT 100"},
        {"is known since an earlier moment than the one before it",
         "SELECT v.employer, v.version FROM employer_version v JOIN employer_version b ON b.partition = v.partition AND"
         " b.employer = v.employer AND b.version = v.version - 1 WHERE v.partition = $1 AND v.known_ms < b.known_ms"
         " ORDER BY v.employer, v.version LIMIT 100"},
        {"is the employer's state, but not among its versions as it stands",
         "SELECT e.employer, e.version FROM employer e LEFT JOIN employer_version v ON v.partition = e.partition AND"
         " v.employer = e.employer AND v.version = e.version WHERE e.partition = $1 AND (v.employer IS NULL OR v.state"
         " <> e.state) ORDER BY e.employer LIMIT 100"},
        {"is beyond the employer's state",
         "SELECT v.employer, v.version FROM employer_version v LEFT JOIN employer e ON e.partition = v.partition AND"
         " e.employer = v.employer WHERE v.partition = $1 AND (e.employer IS NULL OR v.version > e.version)"
         " ORDER BY v.employer, v.version LIMIT 100"},
        {"was told by no event as it stands",
         "SELECT v.employer, v.version FROM employer_version v WHERE v.partition = $1 AND v.state IN (SELECT state FROM"
         " employer_version WHERE partition = $1 EXCEPT SELECT body FROM event WHERE partition = $1 AND topic ="
         " 'employer.changed') ORDER BY v.employer, v.version LIMIT 100"},
    };
    int rc = E_OK;
    for (size_t i = 0; !rc && i < COUNT_OF(checks); i++)
        rc = check_employers(verify, partition, checks[i].what, checks[i].sql, err);
    return rc;
}

int verify_versions(verify_t *verify, err_t *err) {
    int rc = in_order(verify, err);
    for (int64_t partition = 0; !rc && partition < PARTITIONS; partition++) {
        rc = newest_are_states(verify, partition, err);
        if (!rc) rc = versions_were_told(verify, partition, err);
        if (!rc) rc = employers_in_order(verify, partition, err);
    }
    return rc;
}
