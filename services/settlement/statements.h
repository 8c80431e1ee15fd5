// Monthly statements of facilities: methods of settlement. A statement is drawn up and frozen after its month,
// confirmed or disputed by the facility, ordered and paid (payment_orders.h). Hospitals see and answer their own: the
// key of a hospital is named by its facility code.
//
//   open → drawn → confirmed → ordered → paid
//            ↑ ↓        ↑__________|  refused by the bank
//          disputed  (answered: drawn again, for its confirmation; what is wrong is put right in a later month)
#pragma once
#include "settlement.h"

// Methods: the handlers of service.h.
#define DUES_METHOD(name)                                                                                              \
    int name(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,          \
             err_t *err)
DUES_METHOD(statements_draw);
DUES_METHOD(statements_settle);
DUES_METHOD(statements_get);
DUES_METHOD(statements_list);
DUES_METHOD(statements_lines);
DUES_METHOD(statements_items);
DUES_METHOD(terms_set);
DUES_METHOD(terms_get);
DUES_METHOD(terms_recover);
DUES_METHOD(terms_evaluate);
DUES_METHOD(orders_draft);
DUES_METHOD(orders_approve);
DUES_METHOD(orders_send);
DUES_METHOD(orders_confirm);
DUES_METHOD(orders_list);
DUES_METHOD(clearing_open);
DUES_METHOD(clearing_add);
DUES_METHOD(clearing_settle);
DUES_METHOD(clearing_get);
DUES_METHOD(clearing_cases);

#define DUES_CLERKS (ROLE_ADMIN | ROLE_CLERK)
#define DUES_READERS (DUES_CLERKS | ROLE_SERVICE)
#define DUES_PARTIES (DUES_READERS | ROLE_HOSPITAL)
#define DUES_ROW(called, who, reads, type, does)                                                                       \
    { .name = called, .roles = who, .reads_only = reads, .request = &tc__##type##__descriptor, .handle = does }
#define DUES_METHODS                                                                                                   \
    DUES_ROW("draw_statements", DUES_CLERKS, false, draw_statements, statements_draw),                                 \
        DUES_ROW("settle_statement", (DUES_CLERKS | ROLE_HOSPITAL) | METHOD_FACILITIES, false, settle_statement,       \
                 statements_settle),                                                                                   \
        DUES_ROW("get_statement", (DUES_PARTIES) | METHOD_FACILITIES, true, get_statement, statements_get),            \
        DUES_ROW("list_statements", DUES_READERS | METHOD_FACILITIES, true, list_statements, statements_list),         \
        DUES_ROW("get_statement_lines", (DUES_PARTIES) | METHOD_FACILITIES, true, get_statement_lines,                 \
                 statements_lines),                                                                                    \
        DUES_ROW("get_statement_items", (DUES_PARTIES) | METHOD_FACILITIES, true, get_statement_items,                 \
                 statements_items),                                                                                    \
        DUES_ROW("set_terms", DUES_CLERKS, false, set_terms, terms_set),                                               \
        DUES_ROW("get_terms", (DUES_PARTIES) | METHOD_FACILITIES, true, get_terms, terms_get),                         \
        DUES_ROW("recover", DUES_CLERKS, false, recover, terms_recover),                                               \
        DUES_ROW("evaluate", DUES_CLERKS, false, evaluate, terms_evaluate),                                            \
        DUES_ROW("draft_orders", DUES_CLERKS, false, draft_orders, orders_draft),                                      \
        DUES_ROW("approve_orders", DUES_CLERKS, false, order_numbers, orders_approve),                                 \
        DUES_ROW("send_orders", DUES_CLERKS, false, order_numbers, orders_send),                                       \
        DUES_ROW("confirm_orders", DUES_CLERKS, false, confirm_orders, orders_confirm),                                \
        DUES_ROW("list_orders", DUES_READERS | METHOD_FACILITIES, true, list_orders, orders_list),                     \
        DUES_ROW("open_clearing", DUES_CLERKS, false, open_clearing, clearing_open),                                   \
        DUES_ROW("add_clearing_rows", DUES_CLERKS, false, add_clearing_rows, clearing_add),                            \
        DUES_ROW("settle_clearing", DUES_CLERKS, false, settle_clearing, clearing_settle),                             \
        DUES_ROW("get_clearing", DUES_READERS, true, get_clearing, clearing_get),                                      \
        DUES_ROW("get_clearing_cases", DUES_READERS, true, get_clearing, clearing_cases)

// ---- shared by the files behind them

#include "common/base/date.h"
#include "statement.pb-c.h"

enum { DUES_PAGE_MAX = 2000, DUES_TEXT_MAX = 256 };

int dues_no_memory(err_t *err);
int dues_page(int32_t limit, int otherwise);
int dues_month(const char *text, month_t *out, err_t *err) MUST_USE; // E_INVALID_FIELD "month"
// A facility as code, in the caller's scope; of a hospital only its own: that its scope lists, or its key is named by
// (E_DENIED).
int dues_facility(const request_t *request, const char *facility, err_t *err) MUST_USE;
int dues_text(const char *field, const char *text, bool needed, err_t *err) MUST_USE; // one sentence
date_t dues_today(const settlement_t *settlement);
// A frozen statement as it stands now; E_NOT_FOUND.
int dues_statement(settlement_t *settlement, const char *facility, month_t month, Tc__FacilityStatement **out,
                   err_t *err) MUST_USE;
