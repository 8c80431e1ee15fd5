// Kind `benefit`: one bill: what each layer pays, and why.
#include "common/base/err.h"
#include "kind.h"
#include "services/adjudication/benefit.h"
#include <stdio.h>
#include <string.h>

static bool is_total(const eval_t *eval, const char *key) { return policy_total_from_name(eval->policy, key) >= 0; }

static const field_t fields[] = {
    {"person", FIELD_OBJECT, NULL, "whose bill it is", NULL, NULL, false, NULL},
    {"person.identity", FIELD_WORD, NULL, "as what the person is insured; `retiree`: retired with all tiers", NULL,
     identity_names, false, NULL},
    {"person.groups", FIELD_WORDS, "", "special groups, on the day of discharge", NULL, group_names, false, NULL},
    {"person.covered", FIELD_YES_NO, NULL, "whether the person is covered; `false` gives `not_covered`", NULL, NULL,
     false, NULL},
    {"person.months", FIELD_OBJECT, "", "continuous months that hold on the service month; limits depend on them", NULL,
     NULL, false, NULL},
    {"person.months.tier1", FIELD_COUNT, "0", "of tier 1", NULL, NULL, false, NULL},
    {"person.months.tier2", FIELD_COUNT, "0", "of tier 2", NULL, NULL, false, NULL},
    {"person.cover_months", FIELD_COUNT, "0",
     "months of tier-2 cover in the year up to and including this one, 0 to 12; limits that accrue by the month", NULL,
     NULL, false, NULL},
    {"facility", FIELD_OBJECT, NULL, "where the visit was", NULL, NULL, false, NULL},
    {"facility.level", FIELD_WORD, NULL, "`1`: grade one and below, primary and ungraded", NULL, level_names, false,
     NULL},
    {"facility.designated", FIELD_YES_NO, NULL, "whether it has an agreement", NULL, NULL, false, NULL},
    {"facility.primary", FIELD_YES_NO, "false", "whether it is a primary-care institution", NULL, NULL, false, NULL},
    {"visit", FIELD_OBJECT, NULL, "the visit", NULL, NULL, false, NULL},
    {"visit.type", FIELD_WORD, NULL, "kind of visit", NULL, visit_names, false, NULL},
    {"visit.from", FIELD_DATE, NULL, "admission, or the day of the visit", NULL, NULL, false, NULL},
    {"visit.to", FIELD_DATE, NULL, "discharge, or the day of the visit: picks the rules", NULL, NULL, false, NULL},
    {"visit.area", FIELD_WORD, "city", "inside or outside the city", NULL, area_names, false, NULL},
    {"visit.filing", FIELD_WORD, "none", "`none` in the city; outside one of the others", NULL, filing_names, false,
     NULL},
    {"visit.childbirth", FIELD_YES_NO, "false", "inpatient childbirth that the insurance pays for", NULL, NULL, false,
     NULL},
    {"visit.family_bed", FIELD_YES_NO, "false", "a family bed after a hospital stay", NULL, NULL, false, NULL},
    {"visit.referral", FIELD_OBJECT, "", "inside a filed referral episode (inpatient)", NULL, NULL, true, NULL},
    {"visit.referral.deductible_borne", FIELD_MONEY, NULL, "deductible borne earlier in the episode", NULL, NULL, false,
     NULL},
    {"visit.point", FIELD_WORD, "none", "which chosen point this is (outpatient)", NULL, point_names, false, NULL},
    {"visit.referred_on", FIELD_DATE, "", "the day on which the primary point referred to the other one", NULL, NULL,
     true, NULL},
    {"fees", FIELD_OBJECT, NULL, "the bill", NULL, NULL, false, NULL},
    {"fees.total", FIELD_MONEY, NULL, "all of it", NULL, NULL, false, NULL},
    {"fees.in_scope", FIELD_MONEY, NULL, "of it inside the policy scope", NULL, NULL, false, NULL},
    {"fees.class_b", FIELD_MONEY, "0.00", "of that class B, where the city has a share that is paid first", NULL, NULL,
     false, NULL},
    {"used", FIELD_MONEY_MAP, "", "the year's running totals before this bill, named by the city; absent means 0.00",
     NULL, NULL, false, is_total},
};

// ---- the question

static int32_t months_of(int64_t count) { return count > INT32_MAX ? INT32_MAX : (int32_t)count; }

static benefit_bill_t bill_of(const eval_case_t *c) {
    return (benefit_bill_t){
        .identity = (identity_t)case_word(c, "person.identity", identity_from_name),
        .groups = case_words(c, "person.groups", group_from_name),
        .covered = case_yes(c, "person.covered"),
        .months_tier1 = months_of(case_count(c, "person.months.tier1")),
        .months_tier2 = months_of(case_count(c, "person.months.tier2")),
        .cover_months = months_of(case_count(c, "person.cover_months")),
        .level = (level_t)case_word(c, "facility.level", level_from_name),
        .designated = case_yes(c, "facility.designated"),
        .primary = case_yes(c, "facility.primary"),
        .visit = (visit_t)case_word(c, "visit.type", visit_from_name),
        .from = case_date(c, "visit.from"),
        .to = case_date(c, "visit.to"),
        .area = (area_t)case_word(c, "visit.area", area_from_name),
        .filing = (filing_t)case_word(c, "visit.filing", filing_from_name),
        .childbirth = case_yes(c, "visit.childbirth"),
        .family_bed = case_yes(c, "visit.family_bed"),
        .referral = case_has(c, "visit.referral"),
        .deductible_borne = case_has(c, "visit.referral") ? case_money(c, "visit.referral.deductible_borne") : 0,
        .point = (point_t)case_word(c, "visit.point", point_from_name),
        .referred = case_has(c, "visit.referred_on"),
        .referred_on = case_has(c, "visit.referred_on") ? case_date(c, "visit.referred_on") : 0,
        .total = case_money(c, "fees.total"),
        .in_scope = case_money(c, "fees.in_scope"),
        .class_b = case_money(c, "fees.class_b"),
    };
}

static benefit_totals_t totals_of(const eval_case_t *c) {
    benefit_totals_t totals = {0};
    const char *name;
    json_t *amount;
    json_object_foreach((json_t *)case_node(c, "used"), name, amount) {
        const int index = policy_total_from_name(c->eval->policy, name);
        CHECK(index >= 0 && fen_parse(json_string_value(amount), false, &totals.value[index]) == E_OK);
    }
    return totals;
}

// ---- the answer

enum { SENTENCE_ROOM = 1024 };

// "sentence base × rate = amount", or "sentence amount". `then` stands in place of the full stop.
static void with_figures(char to[SENTENCE_ROOM], const char *sentence, const char *stop, const char *then,
                         const benefit_step_t *step) {
    char base[FEN_TEXT_MAX], rate[FEN_TEXT_MAX], amount[FEN_TEXT_MAX];
    size_t length = strlen(sentence), tail = strlen(stop);
    if (length >= tail && strcmp(sentence + length - tail, stop) == 0) length -= tail;
    if (length > SENTENCE_ROOM - 100) length = SENTENCE_ROOM - 100;
    fen_format(step->amount, amount);
    if (step->rate == 0) {
        snprintf(to, SENTENCE_ROOM, "%.*s%s %s", (int)length, sentence, then, amount);
        return;
    }
    fen_format(step->base, base);
    rate_format(step->rate, rate);
    snprintf(to, SENTENCE_ROOM, "%.*s%s %s × %s = %s", (int)length, sentence, then, base, rate, amount);
}

static void add_step(json_t *list, const policy_t *policy, const benefit_step_t *step) {
    char text[SENTENCE_ROOM];
    json_t *entry = answer_step(list, policy, step->rule, step->amount);
    with_figures(text, policy_rule_text_zh(policy, step->rule), "。", "", step);
    answer_text(entry, "text", text);
    with_figures(text, policy_rule_text(policy, step->rule), ".", ":", step);
    answer_text(entry, "text_en", text);
    answer_text(entry, "part", benefit_part_name(policy, step->part));
    if (step->rate == 0) return;
    answer_money(entry, "base", step->base);
    answer_rate(entry, "rate", step->rate);
}

static void answer_amounts(json_t *answer, const policy_t *policy, const benefit_result_t *result) {
    json_t *paid = answer_object(answer, "paid");
    for (int i = 0; i < policy_layer_count(policy); i++)
        answer_money(paid, policy_layer_name(policy, i), result->paid[i]);
    answer_money(answer, "fund", result->fund);
    answer_money(answer, "person", result->person);
    json_t *used = answer_object(answer, "used");
    for (int i = 0; i < policy_total_count(policy); i++)
        answer_money(used, policy_total_name(policy, i), result->after.value[i]);
}

static void answer_advice(json_t *answer, const policy_t *policy, const benefit_bill_t *bill,
                          const benefit_totals_t *before, const benefit_result_t *result) {
    benefit_advice_t advice[BENEFIT_ADVICE_MAX];
    const int count = benefit_advise(policy, bill, before, result, advice);
    json_t *list = answer_list(answer, "advice");
    for (int i = 0; i < count; i++) {
        json_t *entry = answer_entry(list);
        answer_text(entry, "rule", advice[i].rule);
        answer_text(entry, "text", advice[i].text_zh);
        answer_text(entry, "text_en", advice[i].text);
        answer_money(entry, "person", advice[i].person);
        answer_money(entry, "less", advice[i].less);
    }
}

static int run(const eval_case_t *c, json_t *answer) {
    const policy_t *policy = c->eval->policy;
    const benefit_bill_t bill = bill_of(c);
    const benefit_totals_t before = totals_of(c);
    benefit_result_t result;
    int rc = benefit_eval(policy, &bill, &before, true, &result, c->err);
    if (rc) return rc;
    answer_text(answer, "decision", benefit_decision_name(result.decision));
    if (result.decision != BENEFIT_PAID) {
        answer_text(answer, "reason", result.reason);
        answer_text(answer, "reason_zh", policy_rule_text_zh(policy, result.steps[0].rule));
    }
    answer_money(answer, "deductible", result.deductible);
    answer_amounts(answer, policy, &result);
    json_t *steps = answer_list(answer, "steps");
    for (int i = 0; i < result.step_count; i++) add_step(steps, policy, &result.steps[i]);
    if (c->eval->advice) answer_advice(answer, policy, &bill, &before, &result);
    return E_OK;
}

#define EXAMPLE                                                                                                        \
    "{\"id\":\"a1\",\"person\":{\"identity\":\"employee\",\"covered\":true,\"months\":{\"tier1\":40,\"tier2\":40}},"   \
    "\"facility\":{\"level\":\"3\",\"designated\":true},\"visit\":{\"type\":\"inpatient\",\"from\":\"2018-03-01\","    \
    "\"to\":\"2018-03-10\"},\"fees\":{\"total\":\"60000.00\",\"in_scope\":\"50000.00\"}}"

const eval_kind_t kind_benefit = {
    .name = "benefit",
    .says = "One bill: what each layer pays, and why.",
    .fields = fields,
    .field_count = COUNT_OF(fields),
    .run = run,
    .example = EXAMPLE,
};
