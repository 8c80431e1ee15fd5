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
#define DUES_METHODS                                                                                                   \
    {"draw_statements", DUES_CLERKS, false, &tc__draw_statements__descriptor, statements_draw},                        \
        {"settle_statement", DUES_CLERKS | ROLE_HOSPITAL, false, &tc__settle_statement__descriptor,                    \
         statements_settle},                                                                                           \
        {"get_statement", DUES_PARTIES, true, &tc__get_statement__descriptor, statements_get},                         \
        {"list_statements", DUES_READERS, true, &tc__list_statements__descriptor, statements_list},                    \
        {"get_statement_lines", DUES_PARTIES, true, &tc__get_statement_lines__descriptor, statements_lines},           \
        {"get_statement_items", DUES_PARTIES, true, &tc__get_statement_items__descriptor, statements_items},           \
        {"set_terms", DUES_CLERKS, false, &tc__set_terms__descriptor, terms_set},                                      \
        {"get_terms", DUES_PARTIES, true, &tc__get_terms__descriptor, terms_get},                                      \
        {"recover", DUES_CLERKS, false, &tc__recover__descriptor, terms_recover},                                      \
        {"evaluate", DUES_CLERKS, false, &tc__evaluate__descriptor, terms_evaluate},                                   \
        {"draft_orders", DUES_CLERKS, false, &tc__draft_orders__descriptor, orders_draft},                             \
        {"approve_orders", DUES_CLERKS, false, &tc__order_numbers__descriptor, orders_approve},                        \
        {"send_orders", DUES_CLERKS, false, &tc__order_numbers__descriptor, orders_send},                              \
        {"confirm_orders", DUES_CLERKS, false, &tc__confirm_orders__descriptor, orders_confirm},                       \
        {"list_orders", DUES_READERS, true, &tc__list_orders__descriptor, orders_list},                                \
        {"open_clearing", DUES_CLERKS, false, &tc__open_clearing__descriptor, clearing_open},                          \
        {"add_clearing_rows", DUES_CLERKS, false, &tc__add_clearing_rows__descriptor, clearing_add},                   \
        {"settle_clearing", DUES_CLERKS, false, &tc__settle_clearing__descriptor, clearing_settle},                    \
        {"get_clearing", DUES_READERS, true, &tc__get_clearing__descriptor, clearing_get}, {                           \
        "get_clearing_cases", DUES_READERS, true, &tc__get_clearing__descriptor, clearing_cases                        \
    }

// ---- shared by the files behind them

#include "common/base/date.h"
#include "statement.pb-c.h"

enum { DUES_PAGE_MAX = 2000, DUES_TEXT_MAX = 256 };

int dues_no_memory(err_t *err);
int dues_page(int32_t limit, int otherwise);
int dues_month(const char *text, month_t *out, err_t *err) MUST_USE; // E_INVALID_FIELD "month"
// A facility as code; of a hospital only its own (E_DENIED).
int dues_facility(const request_t *request, const char *facility, err_t *err) MUST_USE;
int dues_text(const char *field, const char *text, bool needed, err_t *err) MUST_USE; // one sentence
date_t dues_today(const settlement_t *settlement);
// A frozen statement as it stands now; E_NOT_FOUND.
int dues_statement(settlement_t *settlement, const char *facility, month_t month, Tc__FacilityStatement **out,
                   err_t *err) MUST_USE;
