// What the running suite refuses, and how: the field is named and nothing has changed. And what it repeats: the same
// request id gives the same answer, with another body CONFLICT.
#include "founding.h"
#include "tests/check.h"
#include <string.h>
#include <sys/wait.h>

static running_t *suite;
static err_t err;

static const json_t *call(const char *service, const char *method, const char *request_id, const char *json) {
    return running_call(suite, "admin", service, method, request_id, json, &err);
}

#define BILL(number, rest)                                                                                             \
    "{\"bill\":\"" number                                                                                              \
    "\",\"person\":\"P1\",\"facility\":\"H99000100001\",\"type\":\"inpatient\",\"from\":\"2018-03-01\"," rest "}"
#define TO "\"to\":\"2018-03-09\",\"area\":\"city\",\"filing\":\"none\","
#define FEES "\"total\":\"12345.67\",\"in_scope\":\"12345.67\""

// A word that is none is named, whatever command it stands behind, and no suite is needed for that.
TEST(a_wrong_word_is_named) {
    static const char *const groups[] = {"collect", "enroll", "facility", "account", "bill", "catalogue",
                                         "import",  "policy", "ledger",   "events",  "fund", "readjudicate"};
    for (size_t i = 0; i < COUNT_OF(groups); i++) {
        char command[256], said[256] = "";
        snprintf(command, sizeof command, TC_BINARY_DIR "/bin/tongchou %s wrongword 2>&1", groups[i]);
        FILE *out = popen(command, "r");
        NEED(out != NULL);
        OK(fgets(said, sizeof said, out) != NULL);
        char rest[1024];
        while (fread(rest, 1, sizeof rest, out) > 0) continue;
        const int status = pclose(out);
        EQ(WIFEXITED(status) ? WEXITSTATUS(status) : -1, 2);
        HAS_TEXT(said, groups[i]);
        HAS_TEXT(said, "there is no command \"wrongword\"");
    }
}

static void begin(void) {
    static const char *const overlays[] = {"config/samples/jiangmen-illustrative.yaml", NULL};
    suite = running_start(&(running_conf_t){.overlays = overlays});
    NEED(suite != NULL);
    NEED(found_hospital(suite, "2018-01-01", "2018-12-31") == 0);
    NEED(found_person(suite, "P1", 1, RESIDENT) == 0);
    NEED(running_settle_down(suite) == 0);
    NEED(call("collection", "bill_year", NULL, "{\"year\":2018}") != NULL);
    NEED(pay_due(suite, "R1", "person", "P1", "2018", "2017-12-20") == 0);
}

// How many events the suite has written in all: what "nothing has changed" is measured by.
static long events(void) {
    static const char *const services[] = {"enrollment", "facility", "collection", "adjudication"};
    long sum = 0;
    NEED(running_settle_down(suite) == 0);
    for (size_t s = 0; s < COUNT_OF(services); s++) {
        const json_t *reply = call(services[s], "positions", NULL, "{}");
        size_t i;
        json_t *head;
        NEED(reply != NULL);
        json_array_foreach(json_object_get(reply, "heads"), i, head) sum += (long)json_integer_value(head);
    }
    return sum;
}

static const struct {
    const char *service, *method, *json;
    int code;
    const char *field;
} refusals[] = {
    {"adjudication", "settle",
     "{\"bill\":\"B\",\"person\":\"NOBODY\",\"facility\":\"H99000100001\",\"type\":\"inpatient\",\"from\":\"2018-03-"
     "01\"," TO FEES "}",
     E_NOT_FOUND, "person"},
    {"adjudication", "settle",
     "{\"bill\":\"B\",\"person\":\"P1\",\"facility\":\"H99000199999\",\"type\":\"inpatient\",\"from\":\"2018-03-"
     "01\"," TO FEES "}",
     E_NOT_FOUND, "facility"},
    {"adjudication", "settle",
     "{\"bill\":\"B\",\"person\":\"P1\",\"facility\":\"X1\",\"type\":\"inpatient\",\"from\":\"2018-03-01\"," TO FEES
     "}",
     E_INVALID_FIELD, "facility"},
    {"adjudication", "settle", BILL("B", "\"to\":\"2018-02-30\",\"area\":\"city\",\"filing\":\"none\"," FEES),
     E_INVALID_FIELD, "to"},
    {"adjudication", "settle", BILL("B", "\"to\":\"2018-02-20\",\"area\":\"city\",\"filing\":\"none\"," FEES),
     E_OUT_OF_RANGE, "to"},
    {"adjudication", "settle", BILL("B", "\"to\":\"2018-03-09\",\"area\":\"moon\",\"filing\":\"none\"," FEES),
     E_INVALID_FIELD, "area"},
    {"adjudication", "settle", BILL("B", "\"to\":\"2018-03-09\",\"area\":\"city\",\"filing\":\"filed\"," FEES),
     E_INVALID_FIELD, "filing"},
    {"adjudication", "settle", BILL("B", TO "\"total\":\"-1.00\",\"in_scope\":\"0.00\""), E_INVALID_FIELD, "total"},
    {"adjudication", "settle", BILL("B", TO "\"total\":\"1.005\",\"in_scope\":\"0.00\""), E_INVALID_FIELD, "total"},
    {"adjudication", "settle", BILL("B", TO "\"total\":12,\"in_scope\":\"0.00\""), E_INVALID_FIELD, "total"},
    {"adjudication", "settle", BILL("B", TO "\"total\":\"10.00\",\"in_scope\":\"10.01\""), E_OUT_OF_RANGE, "in_scope"},
    {"adjudication", "settle", BILL("B", TO "\"in_scope\":\"10.00\""), E_MISSING_FIELD, "total"},
    {"adjudication", "settle", BILL("B", TO "\"total\":\"10.00\""), E_MISSING_FIELD, "in_scope"},
    {"adjudication", "settle", BILL("B", TO "\"total\":\"0.00\",\"in_scope\":\"0.00\""), E_OUT_OF_RANGE, "total"},
    {"adjudication", "settle", BILL("B", TO FEES ",\"colour\":\"red\""), E_UNKNOWN_FIELD, "colour"},
    {"enrollment", "register_person",
     "{\"person\":\"P2\",\"citizen_id\":\"990001198001010012\",\"name\":\"示例\",\"division\":\"440703\"}",
     E_INVALID_FIELD, "citizen_id"},
    {"enrollment", "register_person",
     "{\"person\":\"P 2\",\"citizen_id\":\"990001198001010012\",\"name\":\"示例\",\"division\":\"440703\"}",
     E_INVALID_FIELD, "person"},
    {"enrollment", "open_spell", "{\"person\":\"P1\",\"identity\":\"wizard\",\"from_month\":\"2018-01\"}",
     E_INVALID_FIELD, "identity"},
    {"enrollment", "open_spell", "{\"person\":\"P9\",\"identity\":\"resident\",\"from_month\":\"2018-01\"}",
     E_NOT_FOUND, "person"},
    {"collection", "bill_month", "{\"month\":\"2018-13\"}", E_INVALID_FIELD, "month"},
    {"collection", "bill_month", "{\"month\":\"2199-01\"}", E_OUT_OF_RANGE, "month"},
    {"collection", "bill_year", "{\"year\":2199}", E_OUT_OF_RANGE, "year"},
    {"collection", "get_due", "{\"employer\":\"E9\",\"period\":\"2018-01\"}", E_NOT_FOUND, "employer"},
    {"collection", "get_bills", "{\"person\":\"P9\"}", E_NOT_FOUND, "person"},
    {"collection", "receive", "{\"receipt\":\"R9\",\"person\":\"P1\",\"period\":\"2018\",\"paid_on\":\"2018-01-01\"}",
     E_MISSING_FIELD, "amount"},
    {"facility", "register_facility",
     "{\"facility\":\"H99000100002\",\"name\":\"示例医院\",\"kind\":\"hospital\",\"level\":\"9\",\"division\":"
     "\"440703\"}",
     E_INVALID_FIELD, "level"},
};

TEST(bad_input_names_the_field_and_changes_nothing) {
    long before = events();
    for (size_t i = 0; i < COUNT_OF(refusals); i++) {
        const json_t *reply = call(refusals[i].service, refusals[i].method, NULL, refusals[i].json);
        printf("\n    %s %s … ", refusals[i].method, refusals[i].field);
        OK(reply == NULL);
        EQ_TEXT(err_name(err.code), err_name(refusals[i].code));
        HAS_TEXT(err.field, refusals[i].field);
        OK(err.text[0] != 0);
    }
    EQ(events(), before);
}

TEST(same_id_same_answer_other_body_conflict) {
    const char *bill = BILL("B1", TO FEES), *other = BILL("B1", TO "\"total\":\"12345.68\",\"in_scope\":\"12345.67\"");
    char first[4096], again[4096];
    const json_t *reply = call("adjudication", "settle", "request-1", bill);
    NEED(reply != NULL);
    EQ_TEXT(running_text(reply, "own"), "2949.13"); // WE-01
    char *text = json_dumps(reply, JSON_COMPACT);
    snprintf(first, sizeof first, "%s", text);
    free(text);
    long before = events();
    reply = call("adjudication", "settle", "request-1", bill);
    NEED(reply != NULL);
    text = json_dumps(reply, JSON_COMPACT);
    snprintf(again, sizeof again, "%s", text);
    free(text);
    EQ_TEXT(again, first);
    OK(call("adjudication", "settle", "request-1", other) == NULL);
    EQ(err.code, E_CONFLICT);
    OK(call("adjudication", "settle", "request-2", bill) == NULL); // the bill is settled: another request for it
    EQ(err.code, E_EXISTS);
    EQ(events(), before);
}

TEST(same_id_in_the_other_services) {
    const char *json =
        "{\"person\":\"P1\",\"group\":\"minimum_living\",\"from\":\"2018-06-01\",\"source\":\"civil_affairs\"," PAPER
        "}";
    NEED(call("enrollment", "set_group", "group-1", json) != NULL);
    long before = events();
    NEED(call("enrollment", "set_group", "group-1", json) != NULL);
    OK(call("enrollment", "set_group", "group-1",
            "{\"person\":\"P1\",\"group\":\"registered_poor\",\"from\":\"2018-06-01\",\"source\":\"civil_affairs\"}") ==
       NULL);
    EQ(err.code, E_CONFLICT);
    EQ(events(), before);
}

TEST(roles_are_enforced) {
    OK(running_call(suite, "hospital", "enrollment", "get_person", NULL, "{\"person\":\"P1\"}", &err) == NULL);
    EQ(err.code, E_DENIED);
    OK(running_call(suite, "agency", "adjudication", "settle", NULL, BILL("B7", TO FEES), &err) == NULL);
    EQ(err.code, E_DENIED);
    OK(running_call(suite, "hospital", "adjudication", "quote", NULL, BILL("B7", TO FEES), &err) != NULL);
}

TEST(an_oversized_message_is_refused_and_the_suite_goes_on) {
    size_t room = 3 << 20;
    char *json = malloc(room);
    NEED(json != NULL);
    int head = snprintf(json, room, "{\"bill\":\"");
    memset(json + head, 'B', room - 512);
    snprintf(json + head + room - 512, 500, "\",\"person\":\"P1\"}");
    OK(call("adjudication", "settle", NULL, json) == NULL);
    EQ(err.code, E_TOO_LARGE);
    free(json);
    OK(call("adjudication", "quote", NULL, BILL("B8", TO FEES)) != NULL);
}

TEST(the_books_are_right_at_the_end) {
    char out[4096];
    const char *const verify[] = {"verify", NULL};
    EQ(running_command(suite, out, sizeof out, verify), 0);
    HAS_TEXT(out, "verified");
    running_stop(&suite);
}

TESTS("refusals and repetition", CASE(a_wrong_word_is_named), CASE(begin),
      CASE(bad_input_names_the_field_and_changes_nothing), CASE(same_id_same_answer_other_body_conflict),
      CASE(same_id_in_the_other_services), CASE(roles_are_enforced),
      CASE(an_oversized_message_is_refused_and_the_suite_goes_on), CASE(the_books_are_right_at_the_end))
