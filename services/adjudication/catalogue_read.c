// From the message of a row to an entry, one check after the other; the first fault is the one that is told.
#include "catalogue.h"
#include <string.h>

static bool made_of(const char *text, size_t max, const char *others) {
    const size_t length = strlen(text);
    if (length == 0 || length > max) return false;
    for (const char *c = text; *c; c++)
        if (!((*c >= '0' && *c <= '9') || (*c >= 'A' && *c <= 'Z') || strchr(others, *c))) return false;
    return true;
}

bool catalogue_code_fits(const char *code) { return made_of(code, CATALOGUE_CODE_MAX, "-"); }

bool catalogue_diagnosis_fits(const char *code) {
    return made_of(code, CATALOGUE_DIAGNOSIS_MAX, "abcdefghijklmnopqrstuvwxyz.+*-");
}

static int read_word(const char *field, const char *text, int (*from_name)(const char *), const char *names, bool must,
                     uint8_t *out, err_t *err) {
    *out = CATALOGUE_ANY;
    if (!text[0]) return must ? err_field(err, E_MISSING_FIELD, field, "%s is missing", field) : 0;
    const int code = from_name(text);
    if (code < 0) return err_field(err, E_INVALID_FIELD, field, "%s: expected one of %s", field, names);
    *out = (uint8_t)code;
    return 0;
}

static int read_names(const Tc__CatalogueItem *item, catalogue_entry_t *out, err_t *err) {
    int rc = read_word("kind", item->kind, fee_kind_from_name, fee_kind_names(), true, &out->kind, err);
    if (rc) return rc;
    if (!item->code[0]) return err_field(err, E_MISSING_FIELD, "code", "code is missing");
    if (!catalogue_code_fits(item->code))
        return err_field(err, E_INVALID_FIELD, "code", "code must be 1 to %d of A-Z 0-9 -", CATALOGUE_CODE_MAX);
    memcpy(out->code, item->code, strlen(item->code) + 1);
    if (!item->name[0]) return err_field(err, E_MISSING_FIELD, "name", "name is missing");
    if (strlen(item->name) > CATALOGUE_NAME_MAX)
        return err_field(err, E_TOO_LARGE, "name", "name is longer than %d bytes", CATALOGUE_NAME_MAX);
    return read_word("class", item->class_, fee_class_from_name, fee_class_names(), true, &out->fee_class, err);
}

static int read_day(const char *field, const char *text, date_t *out, err_t *err) {
    if (date_parse(text, out) == 0) return 0;
    return err_field(err, E_INVALID_FIELD, field, "%s must be a date of the calendar as YYYY-MM-DD", field);
}

static int read_days(const Tc__CatalogueItem *item, catalogue_entry_t *out, err_t *err) {
    if (!item->from[0]) return err_field(err, E_MISSING_FIELD, "from", "from is missing");
    int rc = read_day("from", item->from, &out->from, err);
    out->until = DATE_MAX;
    if (!rc && item->until[0]) rc = read_day("until", item->until, &out->until, err);
    if (rc) return rc;
    if (out->until < out->from)
        return err_field(err, E_OUT_OF_RANGE, "until", "until (%s) is before from (%s)", item->until, item->from);
    return 0;
}

// ---- what is told by identity, and by level

static int read_share(const Tc__CatalogueItem__Share *share, catalogue_entry_t *out, bool *others, err_t *err) {
    const int who = identity_from_name(share->who);
    if (share->who[0] && who < 0)
        return err_field(err, E_INVALID_FIELD, "shares.who", "shares.who: expected one of %s", identity_names());
    if (share->first_pay_ppm < 0 || share->first_pay_ppm > RATE_ONE)
        return err_field(err, E_OUT_OF_RANGE, "first_pay", "first_pay must be from 0 to 1");
    if (who < 0 ? *others : out->first_pay[who] >= 0)
        return err_field(err, E_INVALID_FIELD, "shares.who", "a first-pay share is told twice");
    if (who < 0)
        *others = true;
    else
        out->first_pay[who] = share->first_pay_ppm;
    return 0;
}

// Class A is in scope as a whole and class C not at all, so a share would say two things at once.
static int read_shares(const Tc__CatalogueItem *item, catalogue_entry_t *out, err_t *err) {
    rate_t rest = -1;
    bool others = false;
    for (size_t i = 0; i < IDENTITY__COUNT; i++) out->first_pay[i] = -1;
    for (size_t i = 0; i < item->n_shares; i++) {
        int rc = read_share(item->shares[i], out, &others, err);
        if (rc) return rc;
        if (!item->shares[i]->who[0]) rest = item->shares[i]->first_pay_ppm;
        if (out->fee_class != FEE_CLASS_B && item->shares[i]->first_pay_ppm > 0)
            return err_field(err, E_OUT_OF_RANGE, "first_pay", "only class B has a share that is paid first");
    }
    for (size_t i = 0; i < IDENTITY__COUNT; i++)
        if (out->first_pay[i] < 0) out->first_pay[i] = rest;
    return 0;
}

static int read_limit(const Tc__CatalogueItem__Limit *limit, catalogue_entry_t *out, fen_t *rest, err_t *err) {
    const int level = level_from_name(limit->level);
    if (limit->level[0] && level < 0)
        return err_field(err, E_INVALID_FIELD, "limits.level", "limits.level: expected one of %s", level_names());
    if (limit->price_fen < 0 || limit->price_fen > CATALOGUE_PRICE_MAX_FEN)
        return err_field(err, E_OUT_OF_RANGE, "limit", "limit must be from 0.00 to one hundred million yuan");
    fen_t *place = level < 0 ? rest : &out->limit[level];
    if (*place >= 0) return err_field(err, E_INVALID_FIELD, "limits.level", "a price limit is told twice");
    *place = limit->price_fen;
    return 0;
}

static int read_limits(const Tc__CatalogueItem *item, catalogue_entry_t *out, err_t *err) {
    fen_t rest = -1;
    int rc = 0;
    for (size_t i = 0; i < LEVEL__COUNT; i++) out->limit[i] = -1;
    for (size_t i = 0; !rc && i < item->n_limits; i++) rc = read_limit(item->limits[i], out, &rest, err);
    for (size_t i = 0; i < LEVEL__COUNT; i++)
        if (out->limit[i] < 0) out->limit[i] = rest;
    return rc;
}

// ---- limits of use

static int read_diagnoses(const Tc__CatalogueItem *item, catalogue_room_t *room, catalogue_entry_t *out, err_t *err) {
    char *at = room->diagnoses;
    if (item->n_diagnoses > CATALOGUE_DIAGNOSES_MAX)
        return err_field(err, E_TOO_LARGE, "diagnoses", "more than %d diagnoses", CATALOGUE_DIAGNOSES_MAX);
    for (size_t i = 0; i < item->n_diagnoses; i++) {
        const char *prefix = item->diagnoses[i];
        if (!catalogue_diagnosis_fits(prefix))
            return err_field(err, E_INVALID_FIELD, "diagnoses", "a diagnosis is 1 to %d of A-Z a-z 0-9 . + * -",
                             CATALOGUE_DIAGNOSIS_MAX);
        memcpy(at, prefix, strlen(prefix) + 1);
        at += strlen(prefix) + 1;
    }
    *at = '\0';
    out->diagnoses = item->n_diagnoses ? room->diagnoses : NULL;
    return 0;
}

static int read_ages(const Tc__CatalogueItem *item, catalogue_entry_t *out, err_t *err) {
    if (item->age_min < 0 || item->age_min > CATALOGUE_AGE_MAX)
        return err_field(err, E_OUT_OF_RANGE, "age_min", "age_min must be from 0 to %d", CATALOGUE_AGE_MAX);
    if (item->age_max < 0 || item->age_max > CATALOGUE_AGE_MAX)
        return err_field(err, E_OUT_OF_RANGE, "age_max", "age_max must be from 0 to %d", CATALOGUE_AGE_MAX);
    if (item->age_max && item->age_max < item->age_min)
        return err_field(err, E_OUT_OF_RANGE, "age_max", "age_max is below age_min");
    out->age_min = (uint8_t)item->age_min;
    out->age_max = (uint8_t)item->age_max;
    return 0;
}

static int read_use(const Tc__CatalogueItem *item, catalogue_room_t *room, catalogue_entry_t *out, err_t *err) {
    int rc = read_word("sex", item->sex, sex_from_name, sex_names(), false, &out->sex, err);
    if (!rc) rc = read_word("level_min", item->level_min, level_from_name, level_names(), false, &out->level_min, err);
    if (!rc) rc = read_word("visit", item->visit, visit_from_name, "inpatient, outpatient", false, &out->visit, err);
    if (!rc && out->visit == VISIT_SPECIAL_OUTPATIENT)
        rc = err_field(err, E_INVALID_FIELD, "visit", "visit: expected one of inpatient, outpatient");
    if (!rc) rc = read_ages(item, out, err);
    if (!rc) rc = read_diagnoses(item, room, out, err);
    if (rc) return rc;
    if (item->days_max < 0 || item->days_max > CATALOGUE_DAYS_MAX)
        return err_field(err, E_OUT_OF_RANGE, "days_max", "days_max must be from 0 to %d", CATALOGUE_DAYS_MAX);
    out->days_max = (uint16_t)item->days_max;
    return 0;
}

int catalogue_read(const Tc__CatalogueItem *item, catalogue_room_t *room, catalogue_entry_t *out, err_t *err) {
    catalogue_entry_t entry = {0};
    int rc = read_names(item, &entry, err);
    if (!rc) rc = read_days(item, &entry, err);
    if (!rc) rc = read_shares(item, &entry, err);
    if (!rc) rc = read_limits(item, &entry, err);
    if (!rc) rc = read_use(item, room, &entry, err);
    if (!rc) *out = entry;
    return rc;
}
