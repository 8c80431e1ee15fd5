// Commands of settlement that other tests give to their functions directly go through the service's table here, so that
// the fault sweep (tests/sweep.h) reaches each of them: money, lists, digests. What they do in full is in the tests
// named after them.
#include "collection.pb-c.h"
#include "common/policy/policy.h"
#include "services/settlement/settlement.h"
#include "settlement.pb-c.h"
#include "tests/service_rig.h"

#define T(text) ((char *)(text)) // protobuf-c wants char * where it only reads

static rig_t rig;

static settlement_t *open_settlement(void) {
    settlement_t *settlement = NULL;
    calendar_t *calendar = NULL;
    policy_t *policy = NULL;
    err_t err = {0};
    rig_open(&rig, &settlement_service);
    NEED(calendar_load(&calendar, TC_SOURCE_DIR "/config/calendar", &err) == E_OK);
    NEED(settlement_new(&settlement, &rig.ctx, &err) == E_OK);
    NEED(policy_load(&policy, TC_SOURCE_DIR "/config/cities/jiangmen.yaml", NULL, &err) == E_OK);
    NEED(settlement_set_law(settlement, policy, calendar, &err) == E_OK);
    rig.self = settlement;
    return settlement;
}

static void close_settlement(settlement_t *settlement) {
    settlement_destroy(&settlement);
    rig_close(&rig);
}

static void receive(settlement_t *settlement, fen_t amount) {
    Tc__Receipt receipt = TC__RECEIPT__INIT;
    Tc__Receipt__Part part = TC__RECEIPT__PART__INIT, *parts[] = {&part};
    uint8_t body[1024];
    part.item = T("tier1"), part.identity = T("resident"), part.payer = T("person"), part.division = T("440703");
    part.amount_fen = receipt.amount_fen = amount;
    receipt.receipt = T("R1"), receipt.payer = T("P1"), receipt.period = T("2018"), receipt.paid_on = T("2018-01-05");
    receipt.parts = parts, receipt.n_parts = 1;
    const event_t event = {.partition = 3,
                           .number = 1,
                           .topic = "contribution.received",
                           .at_ms = 1,
                           .body = body,
                           .body_bytes = protobuf_c_message_pack(&receipt.base, body)};
    const consumer_effect_t effect = {&settlement->collection, poster_apply, poster_committed, poster_rolled_back};
    NEED(rig_apply(&rig, &effect, &event, 1) == E_OK);
}

#define TO_INSURER "'fund':'CATASTROPHIC','from':'special_city','to':'insurer','on':'2018-02-01'"

TEST(money_is_allotted_settled_reserved_posted_and_taken_back) {
    settlement_t *settlement = open_settlement();
    receive(settlement, 100000);
    RIG_DO(&rig, "get_balances", "{}");
    RIG_DO(&rig, "get_entry", "{'reference':'R1'}");
    RIG_DO(&rig, "get_entries", "{'reference':'R1'}");
    RIG_DO(&rig, "get_seals", "{}");
    RIG_DO(&rig, "allot",
           "{'reference':'A1','allotment':'catastrophic_premium','amount':'500.00','year':2018,'on':'2018-01-31'}");
    RIG_DO(&rig, "settle_between",
           "{'reference':'S1','reason':'catastrophic_premium','from':'BASIC','to':'CATASTROPHIC',"
           "'account':'special_city','amount':'500.00','on':'2018-01-31'}");
    RIG_DO(&rig, "move_money", "{'reference':'M1'," TO_INSURER ",'amount':'100.00'}");
    EQ(rig_ask(&rig, "reserve_money", "{'reference':'V1'," TO_INSURER ",'amount':'150.00','expires_on':'2199-12-31'}"),
       E_OK);
    EQ(rig_ask(&rig, "reserve_money", "{'reference':'V2'," TO_INSURER ",'amount':'150.00','expires_on':'2199-12-31'}"),
       E_OK);
    RIG_DO(&rig, "post_money", "{'reference':'V1'}");
    RIG_DO(&rig, "void_money", "{'reference':'V2'}");
    RIG_DO(&rig, "get_reservation", "{'reference':'V1'}");
    EQ_TEXT(((const Tc__Reservation *)rig.reply)->state, "posted");
    RIG_DO(&rig, "reverse_entry", "{'reference':'M1','on':'2018-02-02','text':'entered twice'}");
    RIG_DO(&rig, "get_movements", "{}");
    close_settlement(settlement);
}

TEST(lists_of_what_is_not_there_and_digests_of_the_books) {
    settlement_t *settlement = open_settlement();
    receive(settlement, 100000);
    RIG_DO(&rig, "list_statements", "{'month':'2018-01'}");
    RIG_DO(&rig, "list_orders", "{'month':'2018-01'}");
    EQ(rig_ask(&rig, "get_clearing", "{'clearing':'points-2018-01'}"), E_NOT_FOUND);
    (void)rig_ask(&rig, "get_clearing_cases", "{'clearing':'points-2018-01'}");
    rig_digests(&rig, "money");
    close_settlement(settlement);
}

TEST(the_ground_is_laid) { rig_ground_start(); }
TEST(the_ground_is_cleared) { rig_ground_stop(); }

TESTS("settlement's handlers", CASE(the_ground_is_laid), CASE(money_is_allotted_settled_reserved_posted_and_taken_back),
      CASE(lists_of_what_is_not_there_and_digests_of_the_books), CASE(the_ground_is_cleared))
