// Commands of adjudication that other tests give to their functions directly go through the service's table here, so
// that the fault sweep (tests/sweep.h) reaches each of them: readjudication, releases, accounts, digests. What they do
// in full is in the tests named after them.
#include "account.pb-c.h"
#include "common/base/hash.h"
#include "common/policy/policy.h"
#include "readjudication.pb-c.h"
#include "services/adjudication/adjudication.h"
#include "tests/service_rig.h"

static rig_t rig;

static policy_t *load_law(const char *overlay) {
    const char *const overlays[] = {TC_SOURCE_DIR "/config/samples/jiangmen-illustrative.yaml", overlay, NULL};
    policy_t *policy = NULL;
    err_t err = {0};
    if (policy_load(&policy, TC_SOURCE_DIR "/config/cities/jiangmen.yaml", overlays, &err))
        fprintf(stderr, "%s\n", err.text);
    NEED(policy != NULL);
    return policy;
}

static int64_t port_now_ms(void *self) {
    (void)self;
    return (int64_t)date_make(2019, 6, 1) * 86400000;
}

static adjudication_t *open_adjudication(void) {
    policy_t *policy = load_law(NULL);
    adjudication_t *core = NULL;
    err_t err = {0};
    rig_open(&rig, &adjudication_service);
    NEED(adjudication_new(&core, &policy, &err) == E_OK);
    core->store = rig.ctx.store, core->stream = rig.ctx.stream, core->arena = rig.ctx.arena;
    core->ports = (adjudication_ports_t){.now_ms = port_now_ms};
    rig.self = core;
    return core;
}

static void close_adjudication(adjudication_t *core) {
    adjudication_destroy(&core);
    rig_close(&rig);
}

TEST(bills_are_decided_again_by_a_task) {
    adjudication_t *core = open_adjudication();
    RIG_DO(&rig, "find_affected", "{'from':'2018-01-01'}");
    RIG_DO(&rig, "readjudicate", "{'what':{'from':'2018-01-01'},'cause':'a new reading'}");
    const int64_t number = ((const Tc__Task *)rig.reply)->number;
    RIG_DO(&rig, "get_task", "{'number':%lld}", (long long)number);
    EQ_TEXT(((const Tc__Task *)rig.reply)->cause, "a new reading");
    RIG_DO(&rig, "get_tasks", "{}");
    OK(((const Tc__Tasks *)rig.reply)->n_tasks > 0);
    RIG_DO(&rig, "retry_tasks", "{}");
    close_adjudication(core);
}

TEST(a_policy_is_staged_and_released) {
    adjudication_t *core = open_adjudication();
    policy_t *next = load_law(TC_SOURCE_DIR "/config/samples/test-high-threshold.yaml");
    size_t bytes;
    const void *packed = policy_packed(next, &bytes);
    char *hex = malloc(2 * bytes + 1), *json = malloc(2 * bytes + 64);
    NEED(hex != NULL && json != NULL);
    hex_encode(packed, bytes, hex);
    snprintf(json, 2 * bytes + 64, "{\"packed\":\"%s\"}", hex);
    EQ(rig_send(&rig, "stage_policy", json), E_OK);
    RIG_DO(&rig, "release_policy", "{'hash':'%s','amends_from':'2018-01-01','reason':'a new notice'}",
           policy_hash(next));
    RIG_DO(&rig, "get_releases", "{}");
    OK(((const Tc__PolicyReleases *)rig.reply)->n_releases > 0);
    free(hex);
    free(json);
    policy_destroy(&next);
    close_adjudication(core);
}

TEST(an_account_is_shared_and_corrected) {
    adjudication_t *core = open_adjudication();
    RIG_DO(&rig, "correct_account", "{'person':'P1','number':'K1','amount':'100.00','reason':'forgotten'}");
    EQ(((const Tc__AccountEntry *)rig.reply)->balance_fen, 10000);
    RIG_DO(&rig, "correct_account", "{'person':'P1','number':'K2','amount':'-12.00','reason':'too much'}");
    EQ(rig_ask(&rig, "correct_account", "{'person':'P1','number':'K1','amount':'100.00','reason':'forgotten'}"),
       E_EXISTS);
    (void)rig_ask(&rig, "share_account", "{'person':'P1','relative':'P2','from':'2018-01-01'}"); // where a city has it
    RIG_DO(&rig, "get_account", "{'person':'P1'}");
    EQ(((const Tc__Account *)rig.reply)->balance_fen, 8800);
    close_adjudication(core);
}

TEST(digests_of_decisions) {
    adjudication_t *core = open_adjudication();
    rig_digests(&rig, "bills");
    close_adjudication(core);
}

TEST(the_ground_is_laid) { rig_ground_start(); }
TEST(the_ground_is_cleared) { rig_ground_stop(); }

TESTS("adjudication's handlers", CASE(the_ground_is_laid), CASE(bills_are_decided_again_by_a_task),
      CASE(a_policy_is_staged_and_released), CASE(an_account_is_shared_and_corrected), CASE(digests_of_decisions),
      CASE(the_ground_is_cleared))
