// protobuf-c wants char * where it only reads; the casts here give it borrowed constants.
#include "decision.h"
#include "common/wire/scope.h"
#include <string.h>

static void fill_amounts(decision_frame_t *frame, const policy_t *policy, const benefit_result_t *result) {
    int layers = policy_layer_count(policy), totals = policy_total_count(policy);
    size_t used = 0;
    CHECK(layers <= BENEFIT_LAYERS_MAX && totals <= BENEFIT_TOTALS_MAX);
    for (int i = 0; i < layers; i++) {
        tc__amount__init(&frame->paid[i]);
        frame->paid[i].name = (char *)policy_layer_name(policy, i);
        frame->paid[i].amount_fen = result->paid[i];
        frame->paid_list[i] = &frame->paid[i];
    }
    // Most totals of most persons are zero, and the message is stored, sealed and read by others: those stay out.
    for (int i = 0; i < totals; i++) {
        if (!result->after.value[i]) continue;
        tc__amount__init(&frame->used[used]);
        frame->used[used].name = (char *)policy_total_name(policy, i);
        frame->used[used].amount_fen = result->after.value[i];
        frame->used_list[used] = &frame->used[used];
        used++;
    }
    frame->message.n_paid = (size_t)layers;
    frame->message.paid = frame->paid_list;
    frame->message.n_used = used;
    frame->message.used = frame->used_list;
}

static void fill_steps(decision_frame_t *frame, const policy_t *policy, const benefit_result_t *result) {
    CHECK(result->step_count <= BENEFIT_STEPS_MAX);
    for (int i = 0; i < result->step_count; i++) {
        const benefit_step_t *step = &result->steps[i];
        tc__step__init(&frame->steps[i]);
        frame->steps[i].rule = (char *)step->rule;
        frame->steps[i].part = (char *)benefit_part_name(policy, step->part);
        frame->steps[i].amount_fen = step->amount;
        frame->steps[i].base_fen = step->base;
        frame->steps[i].rate_ppm = step->rate;
        frame->step_list[i] = &frame->steps[i];
    }
    frame->message.n_steps = (size_t)result->step_count;
    frame->message.steps = frame->step_list;
}

static void fill_advice(decision_frame_t *frame, const benefit_advice_t *advice, int count) {
    CHECK(count <= BENEFIT_ADVICE_MAX);
    for (int i = 0; i < count; i++) {
        tc__advice__init(&frame->advice[i]);
        frame->advice[i].rule = (char *)advice[i].rule;
        frame->advice[i].text = (char *)advice[i].text;
        frame->advice[i].text_zh = (char *)advice[i].text_zh;
        frame->advice[i].own_fen = advice[i].person;
        frame->advice[i].less_fen = advice[i].less;
        frame->advice_list[i] = &frame->advice[i];
    }
    frame->message.n_advice = (size_t)count;
    frame->message.advice = frame->advice_list;
}

Tc__Decision *decision_fill(decision_frame_t *frame, const decision_facts_t *facts) {
    const benefit_result_t *result = facts->result;
    Tc__Decision *message = &frame->message;
    tc__decision__init(message);
    message->bill = facts->bill->bill;
    message->person = facts->bill->person;
    message->facility = facts->bill->facility;
    message->year = facts->year;
    message->seq = facts->seq;
    message->decision = (char *)benefit_decision_name(result->decision);
    message->reason = (char *)(result->reason ? result->reason : "");
    message->total_fen = facts->bill->total_fen;
    message->in_scope_fen = facts->bill->in_scope_fen;
    message->deductible_fen = result->deductible;
    message->fund_fen = result->fund;
    message->own_fen = result->person;
    message->identity = (char *)facts->identity;
    message->division = (char *)facts->division;
    message->policy = (char *)policy_hash(facts->policy);
    message->entitlement = facts->entitlement->version;
    message->input = (Tc__Bill *)facts->bill;
    message->decided_ms = facts->decided_ms;
    message->based_on_seq = facts->based_on_seq;
    message->version = facts->version;
    message->request_id = (char *)facts->request_id;
    fill_amounts(frame, facts->policy, result);
    fill_steps(frame, facts->policy, result);
    fill_advice(frame, facts->advice, facts->advice_count);
    if (message->version > 0 && facts->bill->quoted) {
        message->n_changed = decision_changed(facts->bill->quoted, message, frame->changed);
        message->changed = frame->changed;
    }
    return message;
}

size_t decision_changed(const Tc__Quoted *quoted, const Tc__Decision *decision, char *changed[DECISION_CHANGES_MAX]) {
    size_t count = 0;
    if (quoted->based_on_seq != decision->based_on_seq) changed[count++] = (char *)"chain";
    if (quoted->entitlement != decision->entitlement) changed[count++] = (char *)"entitlement";
    if (strcmp(quoted->policy, decision->policy) != 0) changed[count++] = (char *)"policy";
    if (quoted->own_fen != decision->own_fen) changed[count++] = (char *)"own";
    return count;
}

int decision_totals(const policy_t *policy, Tc__Amount *const *used, size_t count, benefit_totals_t *out, err_t *err) {
    benefit_totals_t totals = {0};
    for (size_t i = 0; i < count; i++) {
        int total = policy_total_from_name(policy, used[i]->name);
        // A total that went out of use may stand at zero; money in it must not be forgotten silently.
        if (total < 0 && used[i]->amount_fen == 0) continue;
        if (total < 0)
            return err_field(err, E_POLICY, "used",
                             "the policy does not know the running total %.32s of a stored decision", used[i]->name);
        totals.value[total] = used[i]->amount_fen;
    }
    *out = totals;
    return 0;
}

// A tombstone has neither bill nor totals: in its chain no bill stands.
int decision_head(const policy_t *policy, const Tc__Decision *decision, head_t *out, err_t *err) {
    const Tc__ChainHead *told = decision->head;
    const Tc__Bill *input = decision->input;
    head_t head = {.seq = decision->seq};
    int rc = told ? decision_totals(policy, told->used, told->n_used, &head.totals, err)
                  : decision_totals(policy, decision->used, decision->n_used, &head.totals, err);
    if (rc) return rc;
    bool known = told    ? order_make(told->last_to, told->last_from, told->last_bill, &head.last)
                 : input ? order_make(input->to, input->from, decision->bill, &head.last)
                         : true;
    if (!known) return err_set(err, E_INTERNAL, "the newest row of a chain has no place in the order of bills");
    *out = head;
    return 0;
}

// The sum of the steps of `part` against what the part says.
static int check_part(const Tc__Decision *decision, const char *part, fen_t expected, err_t *err) {
    fen_t sum = 0;
    for (size_t i = 0; i < decision->n_steps; i++)
        if (strcmp(decision->steps[i]->part, part) == 0 && fen_add(sum, decision->steps[i]->amount_fen, &sum))
            return err_field(err, E_INTERNAL, part, "the steps of part %.32s overflow", part);
    if (sum == expected) return 0;
    return err_field(err, E_INTERNAL, part, "the steps of part %.32s do not add up to it", part);
}

int decision_check_sums(const Tc__Decision *decision, err_t *err) {
    fen_t fund = 0;
    int rc = check_part(decision, "deductible", decision->deductible_fen, err);
    if (!rc) rc = check_part(decision, "person", decision->own_fen, err);
    for (size_t i = 0; !rc && i < decision->n_paid; i++) {
        const Tc__Amount *paid = decision->paid[i];
        rc = check_part(decision, paid->name, paid->amount_fen, err);
        if (!rc) rc = fen_add(fund, paid->amount_fen, &fund);
    }
    if (!rc && fund != decision->fund_fen)
        rc = err_field(err, E_INTERNAL, "fund", "the layers do not add up to the fund's part");
    if (!rc && decision->fund_fen + decision->own_fen != decision->total_fen)
        rc = err_field(err, E_INTERNAL, "person", "fund and person do not add up to the total");
    return rc;
}

void decision_explain(const policy_t *policy, Tc__Decision *decision) {
    for (size_t i = 0; i < decision->n_steps; i++) {
        Tc__Step *step = decision->steps[i];
        step->source = (char *)policy_rule_source(policy, step->rule);
        step->text = (char *)policy_rule_text(policy, step->rule);
        step->text_zh = (char *)policy_rule_text_zh(policy, step->rule);
    }
}

int decision_check_scope(const Tc__Decision *decision, const char *scope, err_t *err) {
    if (scope_is_whole(scope)) return E_OK;
    int rc = scope_check_division(scope, decision->division, err);
    return rc ? rc : scope_check_facility(scope, decision->input ? decision->input->facility : "", err);
}
