// Redis stopped, flushed, filled with rubbish or given old values: answers stay right, at once. One resident, insured
// by one receipt; before it a bill is not covered, right after it it is.
#include "founding.h"
#include "tests/check.h"
#include <hiredis/hiredis.h>
#include <poll.h>
#include <signal.h>

static running_t *suite;
static err_t err;

#define call(...) running_callf(suite, &err, __VA_ARGS__)

static redisContext *redis(void) {
    char path[400];
    snprintf(path, sizeof path, "%s/run/redis.sock", running_dir(suite));
    redisContext *context = redisConnectUnix(path);
    return context && !context->err ? context : NULL;
}

static const char *quoted(int person) {
    const json_t *reply =
        call("adjudication", "quote",
             "{\"bill\":\"B%d\",\"person\":\"P%d\",\"facility\":\"H99000100001\",\"type\":\"inpatient\","
             "\"from\":\"2018-03-01\",\"to\":\"2018-03-09\",\"area\":\"city\",\"filing\":\"none\","
             "\"total\":\"12345.67\",\"in_scope\":\"12345.67\"}",
             person, person);
    return reply ? running_text(reply, "own") : "(refused)";
}

// WE-01, and the same bill uncovered.
#define COVERED "2949.13"
#define UNCOVERED "12345.67"
enum { PEOPLE = 7 };

static void receive(int person) {
    char receipt[16], who[16];
    snprintf(receipt, sizeof receipt, "R%d", person);
    snprintf(who, sizeof who, "P%d", person);
    NEED(pay_due(suite, receipt, "person", who, "2018", "2017-12-20") == 0);
}

TEST(begin) {
    static const char *const overlays[] = {"config/samples/jiangmen-illustrative.yaml", NULL};
    suite = running_start(&(running_conf_t){.adjudication = 2, .overlays = overlays});
    NEED(suite != NULL);
    NEED(found_hospital(suite, "2018-01-01", "2018-12-31") == 0);
    for (int person = 1; person <= PEOPLE; person++) {
        char who[16];
        snprintf(who, sizeof who, "P%d", person);
        NEED(found_person(suite, who, person, RESIDENT) == 0);
    }
    NEED(running_settle_down(suite) == 0);
    NEED(call("collection", "bill_year", "{\"year\":2018}") != NULL);
    for (int person = 1; person <= PEOPLE; person++) EQ_TEXT(quoted(person), UNCOVERED);
}

TEST(a_receipt_counts_at_once) {
    receive(1);
    EQ_TEXT(quoted(1), COVERED);
}

// Redis stands still for `stall_ms`, then a receipt comes whose state Redis loses: after the outage the old one stands
// there as before.
static void receive_while_redis_rests(int person, int stall_ms) {
    char key[32];
    int pid = running_pid(suite, "redis");
    redisContext *context = redis();
    NEED(pid > 0 && context != NULL);
    snprintf(key, sizeof key, "ent:P%d", person);
    redisReply *old = redisCommand(context, "GET %s", key);
    NEED(old && old->type == REDIS_REPLY_STRING);
    kill(pid, SIGSTOP);
    poll(NULL, 0, stall_ms);
    receive(person);
    kill(pid, SIGCONT);
    freeReplyObject(redisCommand(context, "PING")); // what was on its way has been taken
    freeReplyObject(redisCommand(context, "SET %s %b", key, old->str, old->len));
    EQ_TEXT(quoted(person), COVERED);
    freeReplyObject(old);
    redisFree(context);
}

TEST(a_state_that_a_stopped_redis_did_not_take_counts_at_once) { receive_while_redis_rests(2, 0); }

// Renewals of the lease were on their way when Redis stopped; it takes them when it goes on, long after they were sent.
TEST(a_lease_that_arrives_late_is_not_believed) { receive_while_redis_rests(7, 600); }

TEST(a_flushed_redis_changes_nothing) {
    redisContext *context = redis();
    NEED(context != NULL);
    freeReplyObject(redisCommand(context, "FLUSHALL"));
    redisFree(context);
    EQ_TEXT(quoted(1), COVERED);
    EQ_TEXT(quoted(3), UNCOVERED);
    receive(3);
    EQ_TEXT(quoted(3), COVERED);
}

// P1's value under the other keys, and bytes of no meaning.
TEST(rubbish_and_foreign_values_change_nothing) {
    redisContext *context = redis();
    NEED(context != NULL);
    redisReply *value = NULL;
    for (int i = 0; i < 100 && !(value && value->type == REDIS_REPLY_STRING); i++) {
        EQ_TEXT(quoted(1), COVERED); // puts it there, unless Redis was slow a moment ago and is left alone
        if (value) freeReplyObject(value), poll(NULL, 0, 100);
        value = redisCommand(context, "GET ent:P1");
    }
    NEED(value && value->type == REDIS_REPLY_STRING);
    freeReplyObject(redisCommand(context, "SET ent:P4 %b", value->str, value->len));
    freeReplyObject(redisCommand(context, "SET ent:P1 rubbish"));
    freeReplyObject(value);
    EQ_TEXT(quoted(4), UNCOVERED);
    EQ_TEXT(quoted(1), COVERED);
    receive(4);
    EQ_TEXT(quoted(4), COVERED);
    redisFree(context);
}

TEST(a_killed_redis_changes_nothing) {
    int pid = running_pid(suite, "redis");
    EQ(running_kill(suite, "redis"), 0);
    receive(5);
    EQ_TEXT(quoted(5), COVERED);
    EQ(running_wait_restarted(suite, "redis", pid), 0);
    receive(6);
    EQ_TEXT(quoted(6), COVERED);
    running_stop(&suite);
}

TESTS("Redis is a cache and only that", CASE(begin), CASE(a_receipt_counts_at_once),
      CASE(a_state_that_a_stopped_redis_did_not_take_counts_at_once), CASE(a_lease_that_arrives_late_is_not_believed),
      CASE(a_flushed_redis_changes_nothing), CASE(rubbish_and_foreign_values_change_nothing),
      CASE(a_killed_redis_changes_nothing))
