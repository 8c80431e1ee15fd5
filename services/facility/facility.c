#include "facility.h"
#include "common/base/date.h"
#include "common/base/ids.h"
#include "common/policy/vocabulary.h"
#include <string.h>

enum { TEXT_BYTES_MAX = 200 };

static int out_of_memory(err_t *err) { return err_set(err, E_IO, "out of memory"); }

// Text as people write it: not empty, bounded, one line.
static int check_text(const char *field, const char *text, err_t *err) {
    if (!*text) return err_field(err, E_MISSING_FIELD, field, "%s is missing", field);
    if (strlen(text) > TEXT_BYTES_MAX)
        return err_field(err, E_TOO_LARGE, field, "%s is longer than %d bytes", field, TEXT_BYTES_MAX);
    for (const unsigned char *c = (const unsigned char *)text; *c; c++)
        if (*c < 0x20 || *c == 0x7f) return err_field(err, E_INVALID_FIELD, field, "%s has a control character", field);
    return 0;
}

static int check_word(const char *field, const char *word, const char *const *words, size_t count, const char *expected,
                      err_t *err) {
    if (!*word) return err_field(err, E_MISSING_FIELD, field, "%s is missing", field);
    for (size_t i = 0; i < count; i++)
        if (strcmp(word, words[i]) == 0) return 0;
    return err_field(err, E_INVALID_FIELD, field, "%s: expected %s", field, expected);
}

static int named(const char *field, int rc, err_t *err) {
    if (rc && err) {
        err_t said = *err;
        return err_field(err, rc, field, "%s", said.text);
    }
    return rc;
}

static int need_date(const char *field, const char *text, date_t *out, err_t *err) {
    if (!*text) return err_field(err, E_MISSING_FIELD, field, "%s is missing", field);
    if (date_parse(text, out))
        return err_field(err, E_INVALID_FIELD, field, "%s: expected a date like 2018-03-01", field);
    return 0;
}

int facility_register(const Tc__RegisterFacility *ask, arena_t *arena, Tc__FacilityState **after, err_t *err) {
    static const char *const kinds[] = {"hospital", "clinic", "pharmacy"};
    if (!*ask->facility) return err_field(err, E_MISSING_FIELD, "facility", "facility is missing");
    int rc = named("facility", facility_code_check(ask->facility, err), err);
    if (rc == 0) rc = check_text("name", ask->name, err);
    if (rc == 0) rc = check_word("kind", ask->kind, kinds, COUNT_OF(kinds), "hospital, clinic or pharmacy", err);
    if (rc == 0 && !*ask->level) rc = err_field(err, E_MISSING_FIELD, "level", "level is missing");
    if (rc == 0 && level_from_name(ask->level) < 0)
        rc = err_field(err, E_INVALID_FIELD, "level", "level: expected one of %s", level_names());
    if (rc == 0 && !*ask->division) rc = err_field(err, E_MISSING_FIELD, "division", "division is missing");
    if (rc == 0) rc = named("division", division_check(ask->division, err), err);
    if (rc) return rc;
    Tc__FacilityState *state = arena_alloc(arena, sizeof *state);
    if (!state) return out_of_memory(err);
    tc__facility_state__init(state);
    state->facility = ask->facility;
    state->version = 1;
    state->name = ask->name;
    state->kind = ask->kind;
    state->level = ask->level;
    state->primary = ask->primary;
    state->division = ask->division;
    *after = state;
    return 0;
}

// A copy that may change, with room for one more agreement. Agreements themselves are shared.
static Tc__FacilityState *next_state(const Tc__FacilityState *before, arena_t *arena) {
    Tc__FacilityState *state = arena_copy(arena, before, sizeof *before);
    Tc__Agreement **agreements = arena_alloc(arena, (before->n_agreements + 1) * sizeof *agreements);
    if (!state || !agreements) return NULL;
    if (before->n_agreements) memcpy(agreements, before->agreements, before->n_agreements * sizeof *agreements);
    state->agreements = agreements;
    state->version++;
    return state;
}

static int stored_dates(const Tc__Agreement *agreement, date_t *from, date_t *until, err_t *err) {
    if (date_parse(agreement->from, from) || date_parse(agreement->until, until))
        return err_set(err, E_INTERNAL, "a stored agreement has no valid dates");
    return 0;
}

// Where an agreement of these dates stands in order; refused when its number is taken or the dates overlap.
static int find_place(const Tc__FacilityState *before, const Tc__SignAgreement *ask, date_t from, date_t until,
                      size_t *place, err_t *err) {
    *place = 0;
    for (size_t i = 0; i < before->n_agreements; i++) {
        const Tc__Agreement *have = before->agreements[i];
        date_t other_from, other_until;
        if (strcmp(have->agreement, ask->agreement) == 0)
            return err_field(err, E_EXISTS, "agreement", "the facility has an agreement of this number already");
        int rc = stored_dates(have, &other_from, &other_until, err);
        if (rc) return rc;
        if (from <= other_until && other_from <= until)
            return err_field(err, E_OUT_OF_RANGE, "from", "overlaps agreement %s from %s until %s", have->agreement,
                             have->from, have->until);
        if (other_from < from) *place = i + 1;
    }
    if (before->n_agreements >= FACILITY_AGREEMENTS_MAX)
        return err_field(err, E_TOO_LARGE, "facility", "the facility has %d agreements already",
                         FACILITY_AGREEMENTS_MAX);
    return 0;
}

int facility_sign(const Tc__FacilityState *before, const Tc__SignAgreement *ask, arena_t *arena,
                  Tc__FacilityState **after, err_t *err) {
    date_t from, until;
    size_t place;
    if (!*ask->agreement) return err_field(err, E_MISSING_FIELD, "agreement", "agreement is missing");
    int rc = named("agreement", name_check("agreement", ask->agreement, err), err);
    if (rc == 0) rc = need_date("from", ask->from, &from, err);
    if (rc == 0) rc = need_date("until", ask->until, &until, err);
    if (rc == 0 && until < from)
        rc = err_field(err, E_OUT_OF_RANGE, "until", "until must not be before from, %s", ask->from);
    if (rc == 0) rc = find_place(before, ask, from, until, &place, err);
    if (rc) return rc;
    Tc__FacilityState *state = next_state(before, arena);
    Tc__Agreement *agreement = arena_alloc(arena, sizeof *agreement);
    if (!state || !agreement) return out_of_memory(err);
    tc__agreement__init(agreement);
    agreement->agreement = ask->agreement;
    agreement->from = ask->from;
    agreement->until = ask->until;
    memmove(state->agreements + place + 1, state->agreements + place,
            (state->n_agreements - place) * sizeof *state->agreements);
    state->agreements[place] = agreement;
    state->n_agreements++;
    *after = state;
    return 0;
}

static int find_agreement(const Tc__FacilityState *before, const char *number, size_t *place, err_t *err) {
    for (*place = 0; *place < before->n_agreements; ++*place)
        if (strcmp(before->agreements[*place]->agreement, number) == 0) return 0;
    return err_field(err, E_NOT_FOUND, "agreement", "the facility has no agreement of this number");
}

int facility_end(const Tc__FacilityState *before, const Tc__EndAgreement *ask, arena_t *arena,
                 Tc__FacilityState **after, err_t *err) {
    date_t last, from, until;
    size_t place;
    if (!*ask->agreement) return err_field(err, E_MISSING_FIELD, "agreement", "agreement is missing");
    int rc = find_agreement(before, ask->agreement, &place, err);
    if (rc == 0) rc = need_date("last_day", ask->last_day, &last, err);
    if (rc == 0) rc = check_text("reason", ask->reason, err);
    if (rc == 0) rc = stored_dates(before->agreements[place], &from, &until, err);
    if (rc == 0 && (last < from || last > until))
        rc = err_field(err, E_OUT_OF_RANGE, "last_day", "the agreement runs from %s until %s",
                       before->agreements[place]->from, before->agreements[place]->until);
    if (rc) return rc;
    Tc__FacilityState *state = next_state(before, arena);
    Tc__Agreement *ended = arena_copy(arena, before->agreements[place], sizeof *ended);
    if (!state || !ended) return out_of_memory(err);
    ended->until = ask->last_day;
    ended->ended = ask->reason;
    state->agreements[place] = ended;
    *after = state;
    return 0;
}
