// One check after the other, kind by kind; the first fault is the one that is told.
#include "intake.h"
#include "common/base/ids.h"
#include "fee_lines.h"
#include "paying.h"

int intake_check_name(const char *field, const char *text, err_t *err) {
    if (!text[0]) return err_field(err, E_MISSING_FIELD, field, "%s is missing", field);
    int rc = name_check(field, text, err);
    return rc ? err_field(err, rc, field, "%s must be 1 to 64 of A-Z a-z 0-9 . _ : -", field) : 0;
}

int intake_check_facility(const char *code, err_t *err) {
    if (!code[0]) return err_field(err, E_MISSING_FIELD, "facility", "facility is missing");
    if (facility_code_check(code, NULL) == 0) return 0;
    return err_field(err, E_INVALID_FIELD, "facility", "facility must be H or P and eleven digits");
}

int intake_check_date(const char *field, const char *text, date_t *out, err_t *err) {
    if (!text[0]) return err_field(err, E_MISSING_FIELD, field, "%s is missing", field);
    if (date_parse(text, out) == 0) return 0;
    return err_field(err, E_INVALID_FIELD, field, "%s must be a date of the calendar as YYYY-MM-DD", field);
}

static int check_word(const char *field, const char *text, int (*from_name)(const char *), const char *names, int *out,
                      err_t *err) {
    if (!text[0]) return err_field(err, E_MISSING_FIELD, field, "%s is missing", field);
    *out = from_name(text);
    return *out >= 0 ? 0 : err_field(err, E_INVALID_FIELD, field, "%s: expected one of %s", field, names);
}

static int check_amount(const char *field, fen_t amount, fen_t max, const char *max_name, err_t *err) {
    if (amount < 0) return err_field(err, E_OUT_OF_RANGE, field, "%s is negative", field);
    if (amount > max) return err_field(err, E_OUT_OF_RANGE, field, "%s is more than %s", field, max_name);
    return 0;
}

static int check_dates(const Tc__Bill *bill, date_t today, benefit_bill_t *out, err_t *err) {
    int rc = intake_check_date("from", bill->from, &out->from, err);
    if (!rc) rc = intake_check_date("to", bill->to, &out->to, err);
    if (rc) return rc;
    if (out->to < out->from)
        return err_field(err, E_OUT_OF_RANGE, "to", "to (%s) is before from (%s)", bill->to, bill->from);
    if (out->to > today) return err_field(err, E_OUT_OF_RANGE, "to", "to (%s) lies in the future", bill->to);
    return 0;
}

static int check_words(const Tc__Bill *bill, benefit_bill_t *out, err_t *err) {
    int visit = 0, area = 0, filing = 0;
    int rc = check_word("type", bill->type, visit_from_name, visit_names(), &visit, err);
    if (!rc) rc = check_word("area", bill->area, area_from_name, area_names(), &area, err);
    if (!rc) rc = check_word("filing", bill->filing, filing_from_name, filing_names(), &filing, err);
    if (rc) return rc;
    out->visit = (visit_t)visit;
    out->area = (area_t)area;
    out->filing = (filing_t)filing;
    out->childbirth = bill->childbirth;
    out->family_bed = bill->family_bed;
    out->referral = bill->referral;
    return 0;
}

// Both may be left out: most bills have no chosen point, and of those most no referral.
static int check_point(const Tc__Bill *bill, benefit_bill_t *out, err_t *err) {
    int point = POINT_NONE;
    int rc = bill->point[0] ? check_word("point", bill->point, point_from_name, point_names(), &point, err) : 0;
    if (rc) return rc;
    out->point = (point_t)point;
    if (!bill->referred_on[0]) return 0;
    if ((rc = intake_check_date("referred_on", bill->referred_on, &out->referred_on, err))) return rc;
    if (out->referred_on > out->to)
        return err_field(err, E_OUT_OF_RANGE, "referred_on", "referred_on (%s) is after to (%s)", bill->referred_on,
                         bill->to);
    out->referred = true;
    return 0;
}

static int check_borne(const Tc__Bill *bill, benefit_bill_t *out, err_t *err) {
    int rc =
        check_amount("deductible_borne", bill->deductible_borne_fen, INTAKE_TOTAL_MAX_FEN, "ten billion yuan", err);
    if (rc) return rc;
    if (bill->deductible_borne_fen > 0 && !bill->referral)
        return err_field(err, E_OUT_OF_RANGE, "deductible_borne",
                         "deductible_borne stands only inside a referral episode");
    out->deductible_borne = bill->deductible_borne_fen;
    return 0;
}

static int check_amounts(const Tc__Bill *bill, benefit_bill_t *out, err_t *err) {
    if (bill->total_given_case != TC__BILL__TOTAL_GIVEN_TOTAL_FEN)
        return err_field(err, E_MISSING_FIELD, "total", "total is missing");
    if (bill->in_scope_given_case != TC__BILL__IN_SCOPE_GIVEN_IN_SCOPE_FEN)
        return err_field(err, E_MISSING_FIELD, "in_scope", "in_scope is missing");
    if (bill->total_fen == 0) return err_field(err, E_OUT_OF_RANGE, "total", "total must be above 0.00");
    int rc = check_amount("total", bill->total_fen, INTAKE_TOTAL_MAX_FEN, "ten billion yuan", err);
    if (!rc) rc = check_amount("in_scope", bill->in_scope_fen, bill->total_fen, "total", err);
    if (!rc) rc = check_amount("class_b", bill->class_b_fen, bill->in_scope_fen, "in_scope", err);
    if (!rc) rc = fee_header_adds_up(bill, err);
    if (rc) return rc;
    out->total = bill->total_fen;
    out->in_scope = bill->in_scope_fen;
    out->class_b = bill->class_b_fen;
    return 0;
}

// A main diagnosis by its code; limits of use ask for it.
static int check_diagnosis(const Tc__Bill *bill, err_t *err) {
    if (!bill->diagnosis[0] || catalogue_diagnosis_fits(bill->diagnosis)) return 0;
    return err_field(err, E_INVALID_FIELD, "diagnosis", "diagnosis must be 1 to %d of A-Z a-z 0-9 . + * -",
                     CATALOGUE_DIAGNOSIS_MAX);
}

int intake_check(const Tc__Bill *bill, date_t today, benefit_bill_t *out, err_t *err) {
    benefit_bill_t checked = {0};
    int rc = intake_check_name("bill", bill->bill, err);
    if (!rc) rc = intake_check_name("person", bill->person, err);
    if (!rc) rc = intake_check_facility(bill->facility, err);
    if (!rc) rc = check_dates(bill, today, &checked, err);
    if (!rc) rc = check_words(bill, &checked, err);
    if (!rc) rc = check_point(bill, &checked, err);
    if (!rc) rc = check_diagnosis(bill, err);
    // A decision that tells all lines has to fit into a message, also when a later split says more of them.
    if (!rc && bill->n_lines > FEE_LINES_AT_ONCE)
        rc = err_field(err, E_TOO_LARGE, "lines", "more than %d lines in a bill: register them with its visit",
                       FEE_LINES_AT_ONCE);
    if (!rc && !bill->n_lines && !bill->lines_registered) rc = check_amounts(bill, &checked, err);
    if (!rc) rc = check_borne(bill, &checked, err);
    if (!rc) rc = paying_check(bill, err);
    if (!rc) *out = checked;
    return rc;
}
