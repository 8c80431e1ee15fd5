// The table of commands, and how words of the command line become a message.
#include "methods.h"
#include "common/base/hash.h"
#include "account.pb-c.h"
#include "adjudication.pb-c.h"
#include "collection.pb-c.h"
#include "enrollment.pb-c.h"
#include "envelope.pb-c.h"
#include "facility.pb-c.h"
#include "fund.pb-c.h"
#include "readjudication.pb-c.h"
#include "reconcile.pb-c.h"
#include "settlement.pb-c.h"
#include "statement.pb-c.h"
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define METHOD(service, name, request, reply, key)                                                                     \
    { service, name, &tc__##request##__descriptor, &tc__##reply##__descriptor, key, false }
#define COUNTS(service, name, request, reply)                                                                          \
    { service, name, &tc__##request##__descriptor, &tc__##reply##__descriptor, NULL, true }
static const cli_method_t methods[] = {
    METHOD("enrollment", "register_person", register_person, person_state, "person"),
    METHOD("enrollment", "register_employer", register_employer, employer_state, "employer"),
    METHOD("enrollment", "set_employer_kind", set_employer_kind, employer_state, "employer"),
    METHOD("enrollment", "get_employer", get_employer, employer_state, "employer"),
    METHOD("enrollment", "open_spell", open_spell, person_state, "person"),
    METHOD("enrollment", "close_spell", close_spell, person_state, "person"),
    METHOD("enrollment", "declare_wage", declare_wage, person_state, "person"),
    METHOD("enrollment", "set_group", set_group, person_state, "person"),
    METHOD("enrollment", "move_person", move_person, person_state, "person"),
    METHOD("enrollment", "record_deemed", record_deemed, person_state, "person"),
    METHOD("enrollment", "transfer", transfer_person, person_state, "person"),
    METHOD("enrollment", "record_death", record_death, person_state, "person"),
    METHOD("enrollment", "end_relation", end_relation, person_state, "person"),
    METHOD("enrollment", "merge_persons", merge_persons, person_state, "into"),
    METHOD("enrollment", "get_person", get_person, person_state, "person"),
    METHOD("enrollment", "get_person_as_of", get_person_as_of, person_state, "person"),
    METHOD("enrollment", "list_parked", list_parked, parked_persons, NULL),
    METHOD("enrollment", "resolve_parked", resolve_parked, person_state, NULL),
    METHOD("enrollment", "import_persons", import_persons, import_report, NULL),
    METHOD("enrollment", "import_employers", import_employers, import_report, NULL),
    METHOD("enrollment", "import_employer_kinds", import_employer_kinds, import_report, NULL),
    METHOD("enrollment", "import_spells", import_spells, import_report, NULL),
    METHOD("enrollment", "import_wages", import_wages, import_report, NULL),
    METHOD("enrollment", "import_list", import_list, import_report, NULL),
    METHOD("facility", "register_facility", register_facility, facility_state, "facility"),
    METHOD("facility", "sign_agreement", sign_agreement, facility_state, "facility"),
    METHOD("facility", "end_agreement", end_agreement, facility_state, "facility"),
    METHOD("facility", "get_facility", get_facility, facility_state, "facility"),
    METHOD("collection", "bill_month", bill_month, bill_run, NULL),
    METHOD("collection", "bill_year", bill_year, bill_run, NULL),
    METHOD("collection", "credit_month", credit_month, credit_run, NULL),
    METHOD("collection", "rebuild", rebuild, rebuild_run, NULL),
    METHOD("collection", "preview", preview_payment, preview, "person"),
    METHOD("collection", "get_due", get_due, due, NULL),
    METHOD("collection", "receive", receive, receipt, NULL),
    METHOD("collection", "get_entitlements", get_entitlements, entitlements, NULL),
    METHOD("collection", "get_bills", get_bills, contribution_bills, "person"),
    METHOD("collection", "import_receipts", import_receipts, receipt_report, NULL),
    METHOD("collection", "list_receipts_parked", list_receipts_parked, parked_receipts, NULL),
    METHOD("collection", "resolve_receipt", resolve_receipt, receipt_report, NULL),
    METHOD("collection", "get_years", get_years, years, "person"),
    METHOD("collection", "assess_retirement", assess_retirement, retirement_assessment, "person"),
    METHOD("collection", "bill_lump_sum", bill_lump_sum, contribution_bill, "person"),
    COUNTS("collection", "receive_subsidy", receive_subsidy, receipt),
    COUNTS("collection", "get_obligations", get_obligations, obligations),
    METHOD("collection", "set_target", set_target, target, NULL),
    COUNTS("collection", "get_targets", get_targets, targets),
    METHOD("collection", "set_debit_account", set_debit_account, debit_account, "person"),
    METHOD("collection", "list_debits", list_debits, debits, NULL),
    METHOD("collection", "report_debits", report_debits, debit_report, NULL),
    METHOD("collection", "list_failed_debits", list_failed_debits, failed_debits, NULL),
    METHOD("adjudication", "quote", bill, decision, "person"),
    METHOD("adjudication", "settle", bill, decision, "person"),
    METHOD("adjudication", "reverse", reverse_bill, decision, "person"),
    METHOD("adjudication", "recompute", recompute, recomputed, "person"),
    METHOD("adjudication", "get_versions", get_versions, decisions, NULL),
    METHOD("adjudication", "get_status", get_status, status, NULL),
    METHOD("adjudication", "get_decision", get_decision, decision, NULL),
    METHOD("adjudication", "explain", get_decision, decision, NULL),
    METHOD("adjudication", "get_decisions", get_decisions, decisions, NULL),
    METHOD("adjudication", "quote_as", quote_as, decisions, NULL),
    METHOD("adjudication", "load_catalogue", load_catalogue, catalogue_report, NULL),
    METHOD("adjudication", "get_catalogue_item", get_catalogue_item, catalogue_item, NULL),
    METHOD("adjudication", "split", split_lines, split_result, "person"),
    METHOD("adjudication", "register_visit", register_visit, visit, "person"),
    METHOD("adjudication", "add_lines", add_lines, visit, "person"),
    METHOD("adjudication", "remove_lines", remove_lines, visit, "person"),
    METHOD("adjudication", "cancel_visit", cancel_visit, visit, "person"),
    METHOD("adjudication", "get_visit", get_visit, visit, "person"),
    METHOD("adjudication", "find_affected", find_affected, affected, NULL),
    METHOD("adjudication", "readjudicate", readjudicate, task, NULL),
    METHOD("adjudication", "retry_tasks", retry_tasks, retried_tasks, NULL),
    METHOD("adjudication", "get_task", get_task, task, NULL),
    METHOD("adjudication", "get_tasks", get_tasks, tasks, NULL),
    METHOD("adjudication", "stage_policy", stage_policy, policy_release, NULL),
    METHOD("adjudication", "release_policy", release_policy, policy_release, NULL),
    METHOD("adjudication", "get_account", get_account, account, "person"),
    METHOD("adjudication", "share_account", share_account, account, "person"),
    METHOD("adjudication", "correct_account", correct_account, account_entry, "person"),
    METHOD("adjudication", "get_releases", get_releases, policy_releases, NULL),
    METHOD("settlement", "get_balances", get_balances, balances, NULL),
    METHOD("settlement", "get_entry", get_entry, journal_entry, NULL),
    METHOD("settlement", "get_entries", get_entry, journal_entries, NULL),
    METHOD("settlement", "move_money", move_money, journal_entry, NULL),
    METHOD("settlement", "reserve_money", reserve_money, reservation, NULL),
    METHOD("settlement", "post_money", get_reservation, journal_entry, NULL),
    METHOD("settlement", "void_money", get_reservation, reservation, NULL),
    METHOD("settlement", "get_reservation", get_reservation, reservation, NULL),
    METHOD("settlement", "reverse_entry", reverse_entry, journal_entry, NULL),
    METHOD("settlement", "settle_between", settle_between, journal_entry, NULL),
    METHOD("settlement", "allot", allot, journal_entry, NULL),
    METHOD("settlement", "get_movements", get_movements, journal_entries, NULL),
    METHOD("settlement", "get_seals", get_seals, seals, NULL),
    METHOD("settlement", "draw_statements", draw_statements, facility_statements, NULL),
    METHOD("settlement", "settle_statement", settle_statement, facility_statement, NULL),
    METHOD("settlement", "get_statement", get_statement, facility_statement, NULL),
    METHOD("settlement", "list_statements", list_statements, facility_statements, NULL),
    METHOD("settlement", "get_statement_lines", get_statement_lines, statement_lines, NULL),
    METHOD("settlement", "get_statement_items", get_statement_items, statement_items, NULL),
    METHOD("settlement", "set_terms", set_terms, facility_terms, NULL),
    METHOD("settlement", "get_terms", get_terms, facility_terms, NULL),
    METHOD("settlement", "recover", recover, recovery, NULL),
    METHOD("settlement", "evaluate", evaluate, evaluation, NULL),
    METHOD("settlement", "draft_orders", draft_orders, payment_orders, NULL),
    METHOD("settlement", "approve_orders", order_numbers, payment_orders, NULL),
    METHOD("settlement", "send_orders", order_numbers, payment_orders, NULL),
    METHOD("settlement", "confirm_orders", confirm_orders, order_report, NULL),
    METHOD("settlement", "list_orders", list_orders, payment_orders, NULL),
    METHOD("settlement", "open_clearing", open_clearing, clearing, NULL),
    METHOD("settlement", "add_clearing_rows", add_clearing_rows, clearing_report, NULL),
    METHOD("settlement", "settle_clearing", settle_clearing, clearing, NULL),
    METHOD("settlement", "get_clearing", get_clearing, clearing, NULL),
    METHOD("settlement", "get_clearing_cases", get_clearing, points_cases, NULL),
    METHOD("settlement", "follow_rows", follow_rows, followed, NULL),
    METHOD("settlement", "get_digests", get_digests, digests, NULL),
    METHOD("settlement", "get_digest_rows", get_digests, digest_rows, NULL),
    METHOD("settlement", "import_statement", import_statement, statement_state, NULL),
    METHOD("settlement", "match_statement", match_statement, matched, NULL),
    METHOD("settlement", "record_comparison", record_comparison, recorded, NULL),
    METHOD("settlement", "list_cases", list_cases, reconcile_cases, NULL),
    METHOD("settlement", "get_case", get_case, reconcile_case, NULL),
    METHOD("settlement", "change_case", change_case, reconcile_case, NULL),
    METHOD("settlement", "plan_tasks", plan_tasks, planned_tasks, NULL),
    METHOD("settlement", "list_tasks", list_tasks, fund_tasks, NULL),
    METHOD("settlement", "do_task", do_task, task_done, NULL),
    METHOD("settlement", "settle_task", settle_task, fund_task, NULL),
    METHOD("settlement", "open_case", open_case, fund_case, NULL),
    METHOD("settlement", "state_due", state_due, fund_due, NULL),
    METHOD("settlement", "get_budget", get_budget, budget, NULL),
    METHOD("settlement", "open_balance", open_balance, journal_entry, NULL),
    METHOD("settlement", "close_year", close_year, year_closed, NULL),
    METHOD("settlement", "share_interest", share_interest, interest_shared, NULL),
    METHOD("settlement", "assess_gap", assess_gap, gap_assessed, NULL),
    METHOD("settlement", "get_report", get_report, fund_report, NULL),
    METHOD("enrollment", "positions", positions_request, positions, NULL),
    METHOD("facility", "positions", positions_request, positions, NULL),
    METHOD("collection", "positions", positions_request, positions, NULL),
    METHOD("adjudication", "positions", positions_request, positions, NULL),
    METHOD("settlement", "positions", positions_request, positions, NULL),
};

const cli_method_t *method_find(const char *service, const char *name) {
    for (size_t i = 0; i < COUNT_OF(methods); i++)
        if (strcmp(methods[i].service, service) == 0 && strcmp(methods[i].name, name) == 0) return &methods[i];
    return NULL;
}

static bool ends_with(const char *text, const char *end) {
    size_t a = strlen(text), b = strlen(end);
    return a > b && strcmp(text + a - b, end) == 0;
}

// The name a person uses: without the unit that the wire form carries.
static void plain_name(const ProtobufCFieldDescriptor *field, char out[static 64]) {
    snprintf(out, 64, "%s", field->name);
    if (ends_with(out, "_fen") || ends_with(out, "_ppm")) out[strlen(out) - 4] = 0;
}

void method_list(const char *service, const char *only, FILE *out) {
    for (size_t i = 0; i < COUNT_OF(methods); i++) {
        if (strcmp(methods[i].service, service) != 0 || (only && strcmp(methods[i].name, only) != 0)) continue;
        fprintf(out, "  %-18s", methods[i].name);
        for (unsigned f = 0; f < methods[i].request->n_fields; f++) {
            char name[64];
            plain_name(&methods[i].request->fields[f], name);
            fprintf(out, " --%s", name);
        }
        fputc('\n', out);
    }
}

const char *method_key(const cli_method_t *method, const ProtobufCMessage *request) {
    if (!method->key_field) return "";
    const ProtobufCFieldDescriptor *field =
        protobuf_c_message_descriptor_get_field_by_name(method->request, method->key_field);
    CHECK(field && field->type == PROTOBUF_C_TYPE_STRING);
    const char *value = *(const char *const *)((const char *)request + field->offset);
    return value ? value : "";
}

static const ProtobufCFieldDescriptor *find_field(const ProtobufCMessageDescriptor *type, const char *name) {
    for (unsigned f = 0; f < type->n_fields; f++) {
        char plain[64];
        plain_name(&type->fields[f], plain);
        if (strcmp(plain, name) == 0) return &type->fields[f];
    }
    return NULL;
}

static json_t *field_value(const ProtobufCFieldDescriptor *field, const char *text) {
    char *end = NULL;
    if (field->type == PROTOBUF_C_TYPE_BOOL && strcmp(text, "true") == 0) return json_true();
    if (field->type == PROTOBUF_C_TYPE_BOOL && strcmp(text, "false") == 0) return json_false();
    if (field->type == PROTOBUF_C_TYPE_STRING || ends_with(field->name, "_fen") || ends_with(field->name, "_ppm"))
        return json_string(text);
    long long number = strtoll(text, &end, 10);
    return end != text && !*end ? json_integer(number) : json_string(text);
}

int method_from_fields(const cli_method_t *method, const words_t *fields, arena_t *arena, ProtobufCMessage **out,
                       err_t *err) {
    json_t *object = json_object();
    char *text = NULL;
    int rc = E_OK;
    for (size_t i = 0; rc == E_OK && i + 1 < fields->count; i += 2) {
        const ProtobufCFieldDescriptor *field = find_field(method->request, fields->word[i]);
        if (!field)
            rc = err_field(err, E_UNKNOWN_FIELD, fields->word[i], "%s has no field \"%s\"", method->name,
                           fields->word[i]);
        else if (json_object_get(object, fields->word[i]))
            rc = err_field(err, E_INVALID_FIELD, fields->word[i], "--%s was given twice", fields->word[i]);
        else if (field->label == PROTOBUF_C_LABEL_REPEATED)
            rc =
                json_object_set_new(object, fields->word[i], json_pack("[o]", field_value(field, fields->word[i + 1])));
        else
            rc = json_object_set_new(object, fields->word[i], field_value(field, fields->word[i + 1]));
    }
    if (rc == E_OK && !(text = json_dumps(object, JSON_COMPACT))) rc = err_set(err, E_IO, "out of memory");
    if (rc == E_OK) rc = message_from_json(out, method->request, text, strlen(text), arena, err);
    free(text);
    json_decref(object);
    return rc;
}

void method_request_id(const cli_method_t *method, const void *body, size_t bytes, char id[static 48]) {
    uint8_t digest[SHA256_BYTES];
    char hex[2 * SHA256_BYTES + 1];
    sha256(body, bytes, digest);
    hex_encode(digest, SHA256_BYTES, hex);
    snprintf(id, 48, "%.10s-%.32s", method->name, hex);
}

const ProtobufCMessageDescriptor *event_type(const char *topic) {
    static const struct {
        const char *topic;
        const ProtobufCMessageDescriptor *type;
    } topics[] = {
        {"person.changed", &tc__person_state__descriptor},     {"employer.changed", &tc__employer_state__descriptor},
        {"facility.changed", &tc__facility_state__descriptor}, {"contribution.received", &tc__receipt__descriptor},
        {"entitlement.changed", &tc__entitlement__descriptor}, {"bill.settled", &tc__decision__descriptor},
        {"bill.reversed", &tc__decision__descriptor},          {"bill.recomputed", &tc__decision__descriptor},
        {"contribution.returned", &tc__receipt__descriptor},   {"money.held", &tc__held_money__descriptor},
        {"account.credited", &tc__account_credit__descriptor}, {"account.changed", &tc__account_change__descriptor},
        {"settlement.posted", &tc__journal_entry__descriptor},
    };
    for (size_t i = 0; i < COUNT_OF(topics); i++)
        if (strcmp(topics[i].topic, topic) == 0) return topics[i].type;
    return NULL;
}
