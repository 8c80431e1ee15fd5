// The table, and the way of an event through it.
#include "agency_topics.h"
#include "agency_entry.h"
#include "common/wire/message.h"
#include "settlement.pb-c.h"
#include <string.h>

typedef struct row {
    const char *source; // topic on the stream
    const char *kind;   // of several rows with one source, the one whose kind the message has; NULL: any other
    const char *topic;  // for agencies
    const ProtobufCMessageDescriptor *type;                  // of the event's body
    const char *(*kind_of)(const ProtobufCMessage *message); // NULL: the source has one row
    // What the grant leaves of the message; `*out` NULL: nothing.
    int (*convert)(const grant_t *grant, const ProtobufCMessage *message, arena_t *arena, ProtobufCMessage **out,
                   err_t *err);
} row_t;

#define ENTRY(kind, topic)                                                                                             \
    { "settlement.posted", kind, topic, &tc__journal_entry__descriptor, agency_entry_kind, agency_entry }
static const row_t table[] = {
    ENTRY("bill", "posting.bill"),
    ENTRY("contribution", "posting.contribution"),
    ENTRY("return", "posting.return"),
    ENTRY("held", "posting.held"),
    ENTRY("account", "posting.account"),
    ENTRY("correction", "posting.correction"),
    ENTRY("movement", "posting.movement"),
    ENTRY("payment", "posting.payment"),
    ENTRY("between", "posting.between"),
    ENTRY("allotment", "posting.allotment"),
    ENTRY("counter", "posting.counter"),
    ENTRY("opening", "posting.opening"),
    ENTRY("closing", "posting.closing"),
    ENTRY("task_done", "task.done"),
    ENTRY("task_late", "task.late"),
    ENTRY("task_explained", "task.explained"),
    ENTRY("task_void", "task.void"),
    ENTRY("fund_warning", "fund.warning"),
    ENTRY("statement", "statement.drawn"),
    ENTRY("statement_confirmed", "statement.confirmed"),
    ENTRY("statement_disputed", "statement.disputed"),
    ENTRY("statement_answered", "statement.answered"),
    ENTRY("order_drafted", "order.drafted"),
    ENTRY("order_approved", "order.approved"),
    ENTRY("order_sent", "order.sent"),
    ENTRY("order_refused", "order.refused"),
    ENTRY(NULL, "posting.other"),
};
#undef ENTRY

bool agency_topic_known(const char *word) {
    const size_t length = strlen(word);
    for (size_t i = 0; i < COUNT_OF(table); i++)
        if (strncmp(table[i].topic, word, length) == 0 && (!table[i].topic[length] || table[i].topic[length] == '.'))
            return true;
    return false;
}

static bool may_have(const grant_t *grant, const grant_list_t *wanted, const char *topic) {
    return grant_topic(&grant->topics, topic) && (!wanted->count || grant_topic(wanted, topic));
}

// The first row of that source which may be theirs, so that nothing is unpacked in vain.
static const row_t *row_of_source(const grant_t *grant, const grant_list_t *wanted, const char *source) {
    for (size_t i = 0; i < COUNT_OF(table); i++)
        if (strcmp(table[i].source, source) == 0 && may_have(grant, wanted, table[i].topic)) return &table[i];
    return NULL;
}

static const row_t *row_of_kind(const row_t *any, const ProtobufCMessage *message) {
    if (!any->kind_of) return any;
    for (size_t i = 0; i < COUNT_OF(table); i++)
        if (strcmp(table[i].source, any->source) == 0 &&
            (!table[i].kind || strcmp(table[i].kind, any->kind_of(message)) == 0))
            return &table[i];
    return NULL;
}

int agency_view(const grant_t *grant, const grant_list_t *wanted, const event_t *event, arena_t *arena,
                agency_view_t *out, err_t *err) {
    *out = (agency_view_t){0};
    const row_t *row = row_of_source(grant, wanted, event->topic);
    ProtobufCMessage *message = NULL;
    if (!row) return E_OK;
    int rc = message_unpack(&message, row->type, event->body, event->body_bytes, arena, err);
    if (rc) return rc;
    row = row_of_kind(row, message);
    if (!row || !may_have(grant, wanted, row->topic)) return E_OK;
    out->topic = row->topic;
    return row->convert(grant, message, arena, &out->message, err);
}
