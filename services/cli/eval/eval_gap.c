// Kind `gap`: what covers the gap of a year.
#include "common/policy/tables.h"
#include "kind.h"
#include "services/settlement/gap.h"

static const field_t fields[] = {
    {"revenue", FIELD_MONEY, NULL, "of the fund in the year", NULL, NULL, false, NULL},
    {"expense", FIELD_MONEY, NULL, "of the fund in the year", NULL, NULL, false, NULL},
    {"accumulated", FIELD_MONEY, NULL, "surplus of earlier years of the same fund", NULL, NULL, false, NULL},
    {"reserve", FIELD_MONEY, "0.00", "risk reserve of the same fund", NULL, NULL, false, NULL},
    {"year", FIELD_YEAR, "", "whose values hold; without it the newest", NULL, NULL, false, NULL},
    {"county", FIELD_OBJECT, "", "what a county fell short of by itself", NULL, NULL, false, NULL},
    {"county.subsidy_due", FIELD_MONEY, "0.00", "", NULL, NULL, false, NULL},
    {"county.subsidy_received", FIELD_MONEY, "0.00", "", NULL, NULL, false, NULL},
    {"county.policy_due", FIELD_MONEY, "0.00", "contributions by the city's rules where the county departed from them",
     NULL, NULL, false, NULL},
    {"county.policy_charged", FIELD_MONEY, "0.00", "what was charged or collected there", NULL, NULL, false, NULL},
    {"county.other", FIELD_MONEY, "0.00", "other causes, approved", NULL, NULL, false, NULL},
    {"county.topped_up", FIELD_MONEY, "0.00", "discharged by the county's own money", NULL, NULL, false, NULL},
    {"county.pursued", FIELD_MONEY, "0.00", "discharged by pursuing the debtors", NULL, NULL, false, NULL},
};

static gap_case_t read_case(const eval_case_t *c) {
    const int year = case_has(c, "year") ? (int)case_count(c, "year") : 2199;
    gap_case_t in = {.revenue = case_money(c, "revenue"),
                     .expense = case_money(c, "expense"),
                     .accumulated = case_money(c, "accumulated"),
                     .reserve = case_money(c, "reserve"),
                     .on = date_make(year, 12, 31),
                     .has_county = case_has(c, "county")};
    if (in.has_county)
        in.county = (gap_county_t){case_money(c, "county.subsidy_due"), case_money(c, "county.subsidy_received"),
                                   case_money(c, "county.policy_due"),  case_money(c, "county.policy_charged"),
                                   case_money(c, "county.other"),       case_money(c, "county.topped_up"),
                                   case_money(c, "county.pursued")};
    return in;
}

static void step_if(json_t *steps, const policy_t *policy, const char *rule, fen_t amount) {
    if (rule && amount > 0) answer_step(steps, policy, rule, amount);
}

static void write_county(const eval_case_t *c, const gap_cover_t *out, json_t *answer, json_t *steps) {
    static const char *const names[GAP_CAUSE__COUNT] = {"subsidy", "policy", "other"};
    const gap_rules_t *rules = c->eval->policy->gap;
    json_t *county = answer_object(answer, "county");
    for (int i = 0; i < GAP_CAUSE__COUNT; i++) {
        answer_money(county, names[i], out->causes[i]);
        step_if(steps, c->eval->policy, rules->causes[i], out->causes[i]);
    }
    answer_money(county, "answers_for", out->answers_for);
    answer_money(county, "open", out->open);
    step_if(steps, c->eval->policy, rules->discharge_rule, out->answers_for - out->open);
}

static void write_layers(const policy_t *policy, const gap_cover_t *out, json_t *answer, json_t *steps) {
    for (uint32_t i = 0; i < policy->gap->layer_count; i++) {
        const gap_layer_t *layer = &policy->gap->layers[i];
        const fen_t amount = out->taken[layer->take];
        if (layer->take == GAP_COUNTY_CAUSED) answer_money(answer, "from_county", amount);
        if (layer->take == GAP_RESERVE) answer_money(answer, "from_reserve", amount);
        if (layer->take == GAP_SHARED) {
            answer_money(answer, "city_share", out->city);
            answer_money(answer, "county_share", out->county);
        }
        step_if(steps, policy, layer->rule, layer->take == GAP_ACTION ? out->residual : amount);
    }
}

static int run(const eval_case_t *c, json_t *answer) {
    const gap_case_t in = read_case(c);
    gap_cover_t out;
    int rc = gap_cover(c->eval->policy, &in, &out, c->err);
    if (rc == E_PARAMETER_MISSING && !case_has(c, "year")) { // the day asked for is none of the case's
        const err_t why = *c->err;
        return err_field(c->err, rc, why.field, "the city has not published %s", why.field);
    }
    if (rc) return rc;
    json_t *steps = json_array();
    answer_money(answer, "deficit", out.deficit);
    answer_money(answer, "from_accumulated", out.taken[GAP_ACCUMULATED]);
    write_layers(c->eval->policy, &out, answer, steps);
    answer_money(answer, "residual", out.residual);
    answer_text(answer, "action", gap_action_name(out.action));
    if (in.has_county) write_county(c, &out, answer, steps);
    json_object_set_new(answer, "steps", steps);
    return E_OK;
}

const eval_kind_t kind_gap = {
    .name = "gap",
    .says =
        "What covers the gap of a year, layer by layer as the city orders them: the fund's accumulated surplus, what a "
        "county caused, the risk reserve, a share of city and county; `action` says what is due when something is "
        "left. "
        "With `county` also what the county answers for by itself and what of it is still open.",
    .fields = fields,
    .field_count = COUNT_OF(fields),
    .run = run,
    .example =
        "{\"id\":\"g1\",\"revenue\":\"500000000.00\",\"expense\":\"560000000.00\",\"accumulated\":\"40000000.00\"}",
    .answer = "{\"id\":\"g1\",\"deficit\":\"60000000.00\",\"from_accumulated\":\"40000000.00\","
              "\"residual\":\"20000000.00\",\"action\":\"policy_adjustment\",\"steps\":[…]}",
};
