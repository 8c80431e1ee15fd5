// What a clerk meets in the fund's calendar, rule by rule: who waits for whom, which amount is refused with which
// figures, what is locked, what becomes late. Through settlement's handlers, with the cities' own files. Built twice,
// on SQLite and, with ON_POSTGRES, on a private PostgreSQL.
#include "adjudication.pb-c.h"
#include "collection.pb-c.h"
#include "common/policy/tables.h"
#include "common/wire/scope.h"
#include "services/settlement/money.h"
#include "services/settlement/settlement.h"
#include "services/settlement/tasks.h"
#include "statement.pb-c.h"
#include "tests/check.h"
#include "tests/service_rig.h"

#define T(text) ((char *)(text))
#define DIGEST "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static rig_t rig;
static settlement_t *settlement;
static const policy_t *law;
static int64_t event_number;

// `sample`: values made up for what the city has not published; NULL: none.
static void open_city_with(const char *city, const char *sample) {
    policy_t *policy = NULL;
    calendar_t *calendar = NULL;
    char path[512], overlay[512];
    const char *const overlays[] = {overlay, NULL};
    err_t err = {0};
    event_number = 0;
    snprintf(path, sizeof path, TC_SOURCE_DIR "/config/cities/%s.yaml", city);
    rig_open(&rig, &settlement_service);
    snprintf(overlay, sizeof overlay, TC_SOURCE_DIR "/config/samples/%s.yaml", sample ? sample : "");
    NEED(policy_load(&policy, path, sample ? overlays : NULL, &err) == E_OK);
    NEED(calendar_load(&calendar, TC_SOURCE_DIR "/config/calendar", &err) == E_OK);
    NEED(settlement_new(&settlement, &rig.ctx, &err) == E_OK);
    NEED(settlement_set_law(settlement, policy, calendar, &err) == E_OK);
    rig.self = settlement;
    law = policy;
}

static void open_city(const char *city) { open_city_with(city, NULL); }

static void close_city(void) {
    settlement_destroy(&settlement);
    rig_close(&rig);
}

// ---- events

static void deliver(const char *topic, const ProtobufCMessage *message) {
    uint8_t body[2048];
    const bool decided = strcmp(topic, "bill.settled") == 0;
    poster_source_t *source = decided ? &settlement->adjudication : &settlement->collection;
    const event_t event = {.partition = 3,
                           .number = ++event_number,
                           .topic = topic,
                           .at_ms = 1,
                           .body = body,
                           .body_bytes = protobuf_c_message_pack(message, body)};
    const consumer_effect_t effect = {source, poster_apply, poster_committed, poster_rolled_back};
    NEED(rig_apply(&rig, &effect, &event, 1) == E_OK);
}

static void receive(const char *county, const char *item, const char *identity, const char *on, fen_t amount) {
    Tc__Receipt r = TC__RECEIPT__INIT;
    Tc__Receipt__Part part = TC__RECEIPT__PART__INIT, *list[] = {&part};
    char number[32];
    snprintf(number, sizeof number, "R-%lld", (long long)event_number);
    part.item = T(item), part.identity = T(identity), part.payer = T("employer"), part.division = T(county);
    part.amount_fen = r.amount_fen = amount;
    r.receipt = number, r.payer = T("E1"), r.paid_on = T(on), r.parts = list, r.n_parts = 1;
    deliver("contribution.received", &r.base);
}

static void bill(const char *county, const char *layer, const char *identity, const char *on, fen_t amount) {
    Tc__Decision d = TC__DECISION__INIT;
    Tc__Bill input = TC__BILL__INIT;
    Tc__Amount paid = TC__AMOUNT__INIT, *list[] = {&paid};
    char number[32];
    snprintf(number, sizeof number, "B-%lld", (long long)event_number);
    paid.name = T(layer), paid.amount_fen = amount, input.to = T(on);
    d.bill = number, d.person = T("P1"), d.facility = T("H37040200001"), d.identity = T(identity);
    d.division = T(county), d.decision = T("paid"), d.fund_fen = d.total_fen = amount, d.input = &input;
    d.paid = list, d.n_paid = 1;
    deliver("bill.settled", &d.base);
}

// ---- commands

static void plan(const char *from, const char *to) { RIG_DO(&rig, "plan_tasks", "{'from':'%s','to':'%s'}", from, to); }

// One step; `more` is further JSON, beginning with a comma. The code; the sentence is in rig.err.
static int step(const char *flow, const char *name, const char *period, const char *county, const char *on,
                const char *more) {
    return rig_ask(&rig, "do_task", "{'flow':'%s','step':'%s','period':'%s','county':'%s','on':'%s'%s}", flow, name,
                   period, county, on, more);
}

#define DONE(...)                                                                                                      \
    do {                                                                                                               \
        const int rc_ = step(__VA_ARGS__);                                                                             \
        if (rc_) fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, rig.err.text);                                     \
        NEED(rc_ == E_OK);                                                                                             \
    } while (0)

static const Tc__TaskDone *answer(void) { return (const Tc__TaskDone *)rig.reply; }

static void each_county(const char *flow, const char *name, const char *period, const char *on, const char *more) {
    for (uint32_t i = 0; i < law->divisions.count; i++)
        DONE(flow, name, period, law->divisions.items[i].name, on, more);
}

static void none_in_other_counties(const char *flow, const char *name, const char *period, const char *but) {
    for (uint32_t i = 0; i < law->divisions.count; i++)
        if (strcmp(law->divisions.items[i].name, but) != 0)
            RIG_DO(&rig, "settle_task",
                   "{'flow':'%s','step':'%s','period':'%s','county':'%s','state':'void','text':'none'}", flow, name,
                   period, law->divisions.items[i].name);
}

static const Tc__FundTask *task(const char *flow, const char *name, const char *period, const char *county,
                                const char *on) {
    RIG_DO(&rig, "list_tasks", "{'flow':'%s','step':'%s','period':'%s','county':'%s','on':'%s','state':'all'}", flow,
           name, period, county, on);
    const Tc__FundTasks *tasks = (const Tc__FundTasks *)rig.reply;
    NEED(tasks->n_tasks >= 1);
    return tasks->tasks[0];
}

static fen_t held(const char *account, const char *fund, const char *county) {
    fen_t balance = -1;
    NEED(money_balance(settlement, account, fund, county, &balance, NULL) == E_OK);
    return balance;
}

static void opening(const char *account, const char *county, const char *fund, const char *amount) {
    RIG_DO(&rig, "open_balance",
           "{'reference':'OPEN-%lld','account':'%s','county':'%s','fund':'%s','amount':'%s','on':'2019-12-31','text':'"
           "audit'}",
           (long long)++event_number, account, county, fund, amount);
}

// ---- Zaozhuang

static const char budget_of_county[] = ",'lines':[{'line':'revenue','fund':'EMP_POOL','amount':'100.00'},"
                                       "{'line':'spending','fund':'EMP_POOL','amount':'80.00'}]";

static void zaozhuang_draft(void) {
    open_city("zaozhuang");
    plan("2020-10-01", "2020-12-31");
    each_county("budget", "draft", "2020", "2020-10-10", budget_of_county);
}

TEST(ZZ_F14_the_city_adds_up_what_every_district_has_reviewed) {
    zaozhuang_draft();
    EQ(step("budget", "add_up", "2020", "", "2020-10-20", ""), E_DENIED);
    HAS_TEXT(rig.err.text, "county_review");
    each_county("budget", "county_review", "2020", "2020-10-15", "");
    EQ(step("budget", "add_up", "2020", "", "2020-10-20",
            ",'lines':[{'line':'spending','fund':'EMP_POOL','county':'370402','amount':'481.00'}]"),
       E_OUT_OF_RANGE);
    HAS_TEXT(rig.err.text, "480.00");
    HAS_TEXT(rig.err.text, "481.00");
    DONE("budget", "add_up", "2020", "", "2020-10-20", "");
    EQ(answer()->amount_fen, 48000);
    EQ(answer()->n_lines, 12); // two of each district
    close_city();
}

TEST(ZZ_F16_ZZ_F17_ZZ_F18_the_budget_goes_from_review_to_government_to_congress_and_is_then_executed) {
    static const char *const chain[] = {"balance", "city_review", "government_approves", "congress_approves"};
    zaozhuang_draft();
    each_county("budget", "county_review", "2020", "2020-10-15", "");
    DONE("budget", "add_up", "2020", "", "2020-10-20", "");
    for (size_t i = 0; i < COUNT_OF(chain); i++) {
        for (size_t later = i + 1; later < COUNT_OF(chain); later++)
            EQ(step("budget", chain[later], "2020", "", "2020-11-01", ""), E_DENIED);
        RIG_DO(&rig, "get_budget", "{'year':2021}");
        EQ(((const Tc__Budget *)rig.reply)->version, 0);
        DONE("budget", chain[i], "2020", "", "2020-11-01", ",'paper':'paper 7'");
    }
    RIG_DO(&rig, "get_budget", "{'year':2021,'county':'370402'}");
    const Tc__Budget *budget = (const Tc__Budget *)rig.reply;
    EQ(budget->version, 1);
    EQ_TEXT(budget->approved_on, "2020-11-01");
    EQ_TEXT(budget->paper, "paper 7");
    EQ(budget->n_rows, 2);
    DONE("budget", "execute", "2020", "", "2021-12-31", "");
    close_city();
}

static void zaozhuang_approved(void) {
    static const char *const chain[] = {"add_up", "balance", "city_review", "government_approves", "congress_approves"};
    zaozhuang_draft();
    each_county("budget", "county_review", "2020", "2020-10-15", "");
    for (size_t i = 0; i < COUNT_OF(chain); i++) DONE("budget", chain[i], "2020", "", "2020-11-01", "");
}

TEST(ZZ_F20_ZZ_F21_an_approved_budget_is_locked_and_changes_on_the_way_of_its_approval) {
    zaozhuang_approved();
    EQ(step("budget", "draft", "2020", "370402", "2020-11-02", budget_of_county), E_EXISTS);
    HAS_TEXT(rig.err.text, "ZZ-F20");
    EQ(step("budget", "congress_approves", "2020", "", "2020-11-02", ""), E_EXISTS);
    RIG_DO(&rig, "open_case", "{'flow':'budget_change','text':'a hard winter','on':'2021-03-01'}");
    EQ_TEXT(((const Tc__FundCase *)rig.reply)->number, "C1");
    EQ(step("budget_change", "committee_approves", "C1", "", "2021-03-02", ""), E_DENIED);
    DONE("budget_change", "propose", "C1", "", "2021-03-02",
         ",'lines':[{'line':'spending','fund':'EMP_POOL','county':'370402','amount':'95.00'}]");
    RIG_DO(&rig, "get_budget", "{'year':2021}");
    EQ(((const Tc__Budget *)rig.reply)->version, 1);
    DONE("budget_change", "committee_approves", "C1", "", "2021-03-20", "");
    RIG_DO(&rig, "get_budget", "{'year':2021}");
    const Tc__Budget *budget = (const Tc__Budget *)rig.reply;
    EQ(budget->version, 2);
    EQ(budget->n_rows, 12); // the other lines stand
    fen_t spending = 0;
    for (size_t i = 0; i < budget->n_rows; i++)
        if (strcmp(budget->rows[i]->line, "spending") == 0) spending += budget->rows[i]->approved_fen;
    EQ(spending, 49500);
    close_city();
}

TEST(ZZ_F37_a_plan_passes_no_approved_line) {
    zaozhuang_approved();
    plan("2020-12-01", "2021-02-28");
    EQ(step("plan_and_payout", "fix_plan", "2020-12", "370402", "2020-12-20",
            ",'lines':[{'fund':'EMP_POOL','amount':'80.01'}]"),
       E_OUT_OF_RANGE);
    HAS_TEXT(rig.err.text, "80.01");
    HAS_TEXT(rig.err.text, "80.00");
    HAS_TEXT(rig.err.text, "ZZ-F37");
    HAS_TEXT(rig.err.text, "EMP_POOL of 370402");
    DONE("plan_and_payout", "fix_plan", "2020-12", "370402", "2020-12-20", ",'amount':'50.00','fund':'EMP_POOL'");
    DONE("plan_and_payout", "fix_plan", "2020-12", "370402", "2020-12-21",
         ",'amount':'70.00','fund':'EMP_POOL'"); // anew
    EQ(step("plan_and_payout", "fix_plan", "2021-01", "370402", "2021-01-20", ",'amount':'10.01','fund':'EMP_POOL'"),
       E_OUT_OF_RANGE); // 70.00 went before
    close_city();
}

TEST(ZZ_F23_ZZ_F24_final_accounts_go_the_way_of_the_budget_and_are_answered) {
    open_city("zaozhuang");
    receive("370402", "basic", "employee", "2020-03-05", 5000);
    bill("370402", "basic", "employee", "2020-03-09", 1234);
    plan("2020-12-31", "2020-12-31");
    each_county("final_accounts", "draft", "2020", "2021-01-20", "");
    EQ(step("final_accounts", "committee_approves", "2020", "", "2021-02-01", ""), E_DENIED);
    DONE("final_accounts", "city_draft", "2020", "", "2021-01-31", "");
    EQ(answer()->amount_fen, 1234);
    EQ(answer()->n_lines, 2);
    EQ(step("final_accounts", "reply", "2020", "", "2021-02-01", ""), E_DENIED);
    DONE("final_accounts", "committee_approves", "2020", "", "2021-02-01", "");
    DONE("final_accounts", "reply", "2020", "", "2021-02-02", "");
    close_city();
}

TEST(ZZ_F28_ZZ_F32_ZZ_F27_the_city_opens_its_account_districts_hand_over_and_close_theirs) {
    open_city("zaozhuang");
    opening("special_county", "370402", "EMP_POOL", "30.00");
    opening("special_county", "370402", "RES_POOL", "12.00");
    plan("2020-01-01", "2020-01-31");
    EQ(step("old_surplus", "hand_over", "once", "370402", "2020-01-02", ""), E_DENIED);
    HAS_TEXT(rig.err.text, "open_city_account");
    DONE("old_surplus", "open_city_account", "once", "", "2020-01-01", ",'paper':'bank 1'");
    none_in_other_counties("old_surplus", "hand_over", "once", "370402");
    EQ(step("old_surplus", "close_county_account", "once", "370402", "2020-03-01", ""), E_DENIED);
    EQ(step("old_surplus", "hand_over", "once", "370402", "2020-03-01", ",'amount':'40.00'"), E_OUT_OF_RANGE);
    HAS_TEXT(rig.err.text, "42.00");
    DONE("old_surplus", "hand_over", "once", "370402", "2020-03-01", "");
    EQ(answer()->amount_fen, 4200);
    EQ(held("special_city", "RES_POOL", NULL), 1200);
    opening("special_county", "370402", "EMP_POOL", "0.01");
    EQ(step("old_surplus", "close_county_account", "once", "370402", "2020-03-02", ""), E_OUT_OF_RANGE);
    HAS_TEXT(rig.err.text, "ZZ-F27");
    DONE("old_surplus", "hand_over", "once", "370402", "2020-03-02", ""); // what was found since
    DONE("old_surplus", "close_county_account", "once", "370402", "2020-03-02", "");
    close_city();
}

TEST(ZZ_F33_ZZ_F35_all_of_a_districts_receipts_go_up_and_nothing_stays) {
    open_city("zaozhuang");
    plan("2020-03-01", "2020-03-31");
    receive("370402", "basic", "employee", "2020-03-05", 10000);
    receive("370402", "basic", "resident", "2020-03-06", 2500);
    receive("370403", "basic", "employee", "2020-03-06", 300);
    EQ(step("remit_and_sweep", "remit", "2020-03", "370402", "2020-03-27", ""), E_NOT_IN_FORCE);
    EQ(step("", "remit", "2020-03", "370402", "2020-03-30", ",'amount':'100.00'"), E_OUT_OF_RANGE);
    HAS_TEXT(rig.err.text, "ZZ-F33");
    HAS_TEXT(rig.err.text, "125.00");
    DONE("", "remit", "2020-03", "370402", "2020-03-30", ",'dry':true");
    EQ(held("income_county", NULL, "370402"), 12500); // only told
    DONE("", "remit", "2020-03", "370402", "2020-03-30", "");
    EQ(answer()->amount_fen, 12500);
    EQ(answer()->n_lines, 2);
    EQ(held("income_city", "RES_POOL", NULL), 2500);
    receive("370402", "basic", "employee", "2020-03-31", 77);
    DONE("", "remit", "2020-03", "370402", "2020-03-31", ""); // the second of the two days
    EQ(task("remit_and_sweep", "remit", "2020-03", "370402", "2020-03-31")->amount_fen, 12577);
    EQ(step("remit_and_sweep", "sweep", "2020-03", "", "2020-03-31", ""), E_DENIED); // 370403 has not remitted
    for (uint32_t i = 1; i < law->divisions.count; i++)
        DONE("", "remit", "2020-03", law->divisions.items[i].name, "2020-03-31", "");
    EQ(step("", "check_empty", "2020-03", "", "2020-03-31", ""), E_DENIED);
    DONE("", "sweep", "2020-03", "", "2020-03-31", "");
    EQ(held("special_city", NULL, NULL), 12877);
    DONE("", "check_empty", "2020-03", "", "2020-03-31", "");
    close_city();
}

TEST(ZZ_F42_the_sides_reconcile_every_month_and_a_difference_is_told) {
    open_city("zaozhuang");
    plan("2020-03-01", "2020-04-30");
    for (int month = 3; month <= 4; month++) {
        char period[8];
        snprintf(period, sizeof period, "2020-%02d", month);
        task("reconciliation", "finance_and_city", period, "", "2020-04-01");
        task("reconciliation", "business_and_finance", period, "", "2020-04-01");
    }
    DONE("reconciliation", "account_statement", "2020-03", "", "2020-04-03", "");
    each_county("reconciliation", "tables", "2020-03", "2020-04-03", "");
    const char *const compare = "record_comparison";
    opening("special_city", "", "EMP_POOL", "9.00");
#define SIDES(name, more) step("reconciliation", name, "2020-03", "", "2020-04-05", more)
    EQ(SIDES("finance_and_city", ""), E_DENIED);
    HAS_TEXT(rig.err.text, "ZZ-F43: no matched treasury statement of special_city covers 2020-03-01");
    RIG_DO(&rig, "import_statement",
           "{'source':'treasury','number':'T-3','account':'special_city','from':'2020-03-01','to':'2020-03-31',"
           "'digest':'" DIGEST "','rows':1,'in':'0.05','out':'0.00','part':[{'line':2,'day':'2020-03-31','reference':"
           "'INT-1','in':'0.05'}]}");
    RIG_DO(&rig, "match_statement", "{'source':'treasury','number':'T-3'}");
    EQ(SIDES("finance_and_city", ""), E_OUT_OF_RANGE);
    HAS_TEXT(rig.err.text, "treasury of special_city: 1 differences are open, 0.00 here and 0.05 there");
    EQ(SIDES("finance_and_city", ",'amount':'0.05','other':'0.05'"), E_INVALID_FIELD); // nobody's word instead
    RIG_DO(&rig, "change_case", "{'number':1,'state':'explained','text':'interest, booked in April'}");
    EQ(SIDES("finance_and_city", ",'amount':'0.01'"), E_OUT_OF_RANGE);
    DONE("reconciliation", "finance_and_city", "2020-03", "", "2020-04-05", "");
    DONE("reconciliation", "city_and_counties", "2020-03", "", "2020-04-05", ""); // accounts that were never used
    EQ(SIDES("business_and_finance", ""), E_DENIED);
    HAS_TEXT(rig.err.text, "ZZ-F45: business was not compared for 2020-03-01 to 2020-03-31");
#define COMPARED(differences)                                                                                          \
    "{'pair':'business','from':'2020-03-01','to':'2020-03-31','here':{'count':1,'amount':'9.00'},'there':{'count':"    \
    "2,'amount':'9.50'},'differences':[" differences "]}"
    RIG_DO(&rig, compare,
           COMPARED("{'kind':'missing_here','reason':'not posted','there':{'day':'2020-03-05','party':'H37040200001',"
                    "'kind':'basic','reference':'D7','amount':'0.50'}}"));
    EQ(SIDES("business_and_finance", ""), E_OUT_OF_RANGE);
    HAS_TEXT(rig.err.text, "business: 1 differences are open, 9.00 here and 9.50 there");
    RIG_DO(&rig, compare, COMPARED(""));
    DONE("reconciliation", "business_and_finance", "2020-03", "", "2020-04-05", "");
    EQ(answer()->amount_fen, 900);
    RIG_DO(&rig, "move_money",
           "{'reference':'M-1','fund':'EMP_POOL','from':'special_city','to':'expenditure_city','amount':'2.00','on':"
           "'2020-04-06'}"); // in April more leaves the special account than comes in
    RIG_DO(&rig, "import_statement",
           "{'source':'treasury','number':'T-4','account':'special_city','from':'2020-04-01','to':'2020-04-30',"
           "'digest':'" DIGEST "','rows':1,'in':'0.00','out':'2.00','part':[{'line':2,'day':'2020-04-06','reference':"
           "'M-1','out':'2.00'}]}");
    RIG_DO(&rig, "match_statement", "{'source':'treasury','number':'T-4'}");
    DONE("reconciliation", "account_statement", "2020-04", "", "2020-05-03", "");
    each_county("reconciliation", "tables", "2020-04", "2020-05-03", "");
    DONE("reconciliation", "finance_and_city", "2020-04", "", "2020-05-04", "");
    EQ(answer()->amount_fen, -200);
    DONE("reconciliation", "books_and_statements", "2020-03", "", "2020-04-05", "");
    EQ(step("reconciliation", "books_and_statements", "2020-04", "", "2020-05-04", ""), E_DENIED); // of whose bank?
    close_city();
}

TEST(ZZ_F50_what_the_balance_covers_is_watched_when_the_city_says_how_many_months) {
    open_city("zaozhuang");
    plan("2020-03-01", "2020-03-31");
    EQ(step("risk_watch", "watch", "2020-03", "", "2020-03-31", ""), E_PARAMETER_MISSING);
    HAS_TEXT(rig.err.text, "fund_warning_months");
    close_city();
    open_city_with("zaozhuang", "zaozhuang-illustrative"); // six months
    plan("2020-03-01", "2020-04-30");
    receive("370402", "basic", "employee", "2020-03-05", 7000);
    bill("370402", "basic", "employee", "2020-03-09", 1000);
    DONE("risk_watch", "watch", "2020-03", "", "2020-03-31", "");
    EQ_TEXT(task("risk_watch", "warn", "2020-03", "", "2020-03-31")->state, "void");
    bill("370402", "basic", "employee", "2020-04-09", 1000);
    bill("370402", "basic", "employee", "2020-04-10", 1);
    DONE("risk_watch", "watch", "2020-04", "", "2020-04-30", "");
    HAS_TEXT(answer()->notes[0], "ZZ-F50");
    DONE("risk_watch", "warn", "2020-04", "", "2020-04-30", "");
    close_city();
}

TEST(ZZ_F51_ZZ_V02_revenue_spending_and_surplus_are_there_to_be_published) {
    open_city("zaozhuang");
    receive("370402", "basic", "employee", "2020-03-05", 5000);
    bill("370402", "basic", "employee", "2020-03-09", 1234);
    RIG_DO(&rig, "get_report", "{'kind':'income','from':'2020-01-01','to':'2020-12-31'}");
    EQ(((const Tc__FundReport *)rig.reply)->n_rows, 2);
    RIG_DO(&rig, "close_year", "{'year':2020,'dry':true}");
    EQ(((const Tc__YearClosed *)rig.reply)->rows[0]->result_fen, 3766);
    RIG_DO(&rig, "close_year", "{'year':2020}");
    EQ(((const Tc__YearClosed *)rig.reply)->entries, 1);
    RIG_DO(&rig, "get_report", "{'kind':'final_accounts','from':'2020-01-01','to':'2020-12-31'}");
    const Tc__FundReport *accounts = (const Tc__FundReport *)rig.reply;
    EQ(accounts->n_rows, 1);
    EQ(accounts->rows[0]->first_fen, 5000);
    EQ(accounts->rows[0]->second_fen, 1234);
    EQ(accounts->rows[0]->third_fen, 3766);
    RIG_DO(&rig, "get_report", "{'kind':'facilities','from':'2020-01-01','to':'2020-12-31'}");
    EQ(((const Tc__FundReport *)rig.reply)->rows[0]->third_fen, 1234);
    bill("370402", "basic", "employee", "2020-12-09", 100); // known after the closing
    RIG_DO(&rig, "close_year", "{'year':2020,'text':'again'}");
    EQ(((const Tc__YearClosed *)rig.reply)->rows[0]->result_fen, -100);
    EQ(((const Tc__YearClosed *)rig.reply)->rows[0]->accumulated_fen, 3666);
    RIG_DO(&rig, "close_year", "{'year':2020,'text':'nothing more'}");
    EQ(((const Tc__YearClosed *)rig.reply)->n_rows, 0);
    close_city();
}

// ---- a change of the budget, by the chain that approved it

// A case goes down the chain; only with the last step does its line hold, and the others stand.
static void change_budget(const char *const *chain, const char *year, const char *county, const char *line,
                          const char *on, fen_t spending_then) {
    RIG_DO(&rig, "open_case", "{'flow':'budget_change','county':'%s','text':'a hard winter','on':'%s'}", county, on);
    if (chain[1]) EQ(step("budget_change", chain[1], "C1", "", on, ""), E_DENIED);
    for (size_t i = 0; chain[i]; i++) {
        RIG_DO(&rig, "get_budget", "{'year':%s}", year);
        EQ(((const Tc__Budget *)rig.reply)->version, 1);
        DONE("budget_change", chain[i], "C1", i ? "" : county, on, i ? "" : line);
    }
    RIG_DO(&rig, "get_budget", "{'year':%s}", year);
    const Tc__Budget *budget = (const Tc__Budget *)rig.reply;
    EQ(budget->version, 2);
    fen_t revenue = 0, spending = 0;
    for (size_t i = 0; i < budget->n_rows; i++)
        *(strcmp(budget->rows[i]->line, "spending") ? &revenue : &spending) += budget->rows[i]->approved_fen;
    EQ(spending, spending_then);
    OK(revenue > spending);
}

#define CHAIN(...) ((const char *const[]){__VA_ARGS__, NULL})

// ---- Zhoushan

TEST(ZS_F06_ZS_F04_counties_draft_the_city_reviews_the_government_approves) {
    static const char draft[] = ",'lines':[{'line':'revenue','fund':'EMP','amount':'10.00'},"
                                "{'line':'spending','fund':'EMP','amount':'9.00'}]";
    open_city("zhoushan");
    plan("2021-01-01", "2021-01-31");
    EQ(step("budget", "draft", "2021", "", "2021-01-05", ""), E_DENIED);
    HAS_TEXT(rig.err.text, "county_draft");
    each_county("budget", "county_draft", "2021", "2021-01-05", draft);
    EQ(step("budget", "approve", "2021", "", "2021-01-06", ""), E_DENIED);
    DONE("budget", "draft", "2021", "", "2021-01-06", "");
    DONE("budget", "review", "2021", "", "2021-01-07", "");
    DONE("budget", "approve", "2021", "", "2021-01-08", "");
    HAS_TEXT(answer()->notes[0], "version 1");
    EQ(step("budget", "review", "2021", "", "2021-01-09", ""), E_EXISTS); // locked
    change_budget(CHAIN("propose", "review", "approve"), "2021", "",
                  ",'lines':[{'line':'spending','fund':'EMP','county':'330902','amount':'9.50'}]", "2021-03-01",
                  900 * law->divisions.count + 50);
    close_city();
}

TEST(ZS_F03_planned_spending_stays_within_planned_revenue_of_each_fund) {
    open_city("zhoushan");
    plan("2021-01-01", "2021-01-31");
    each_county("budget", "county_draft", "2021", "2021-01-05",
                ",'lines':[{'line':'revenue','fund':'EMP','amount':'90.00'},"
                "{'line':'revenue','fund':'RES','amount':'10.00'},{'line':'spending','fund':'RES','amount':'10.01'}]");
    EQ(step("budget", "draft", "2021", "", "2021-01-06", ""), E_OUT_OF_RANGE);
    HAS_TEXT(rig.err.text, "RES");
    HAS_TEXT(rig.err.text, "ZS-F03");
    close_city();
}

TEST(ZS_F05_the_final_accounts_are_drafted_reviewed_and_approved_in_order) {
    open_city("zhoushan");
    receive("330902", "basic", "employee", "2021-03-05", 900);
    plan("2021-12-31", "2021-12-31");
    EQ(step("final_accounts", "draft", "2021", "", "2022-01-05", ""), E_DENIED);
    each_county("final_accounts", "county_draft", "2021", "2022-01-04", "");
    EQ(step("final_accounts", "approve", "2021", "", "2022-01-05", ""), E_DENIED);
    DONE("final_accounts", "draft", "2021", "", "2022-01-05", "");
    EQ(answer()->lines[0]->amount_fen, 900);
    DONE("final_accounts", "approve", "2021", "", "2022-01-06", "");
    close_city();
}

TEST(ZS_F12_the_month_is_planned_before_finance_pays) {
    open_city("zhoushan");
    plan("2021-01-01", "2021-01-31");
    EQ_TEXT(task("spending", "plan", "2021-01", "", "2021-01-10")->missing, "monthly_plan_day");
    EQ(step("spending", "release", "2021-01", "", "2021-01-10", ",'amount':'1.00','fund':'EMP'"), E_DENIED);
    EQ(step("spending", "plan", "2021-01", "", "2021-01-10", ",'amount':'1.00','fund':'EMP'"), E_DENIED);
    HAS_TEXT(rig.err.text, "no budget of 2021");
    close_city();
}

static void hold(const char *on, fen_t amount) {
    Tc__HeldMoney money = TC__HELD_MONEY__INIT;
    money.receipt = T("H1"), money.payer = T("E1"), money.kind = T("parked"), money.on = T(on),
    money.amount_fen = amount;
    deliver("money.held", &money.base);
}

TEST(ZS_F11_the_treasuries_hand_up_all_of_the_month_also_what_is_nobodys_yet) {
    open_city("zhoushan");
    plan("2021-03-01", "2021-03-31");
    receive("330902", "basic", "employee", "2021-03-05", 700);
    hold("2021-03-08", 300);
    each_county("revenue", "hand_up", "2021-03", "2021-03-31", "");
    EQ(held("treasury", NULL, NULL), 300);
    EQ(step("revenue", "hand_up_unassigned", "2021-03", "330902", "2021-03-31", ""), E_INVALID_FIELD);
    EQ(step("revenue", "hand_up_unassigned", "2021-03", "", "2021-03-30", ""), E_NOT_IN_FORCE); // the last working day
    DONE("revenue", "hand_up_unassigned", "2021-03", "", "2021-03-31", "");
    EQ(answer()->amount_fen, 300);
    EQ(held("treasury", NULL, NULL), 0);
    EQ(held("special_city", "", NULL), 300);
    // In April somebody knows whose it is: it comes to its county, and what went up without one comes down.
    hold("2021-04-02", -300);
    receive("330903", "basic", "employee", "2021-04-02", 300);
    plan("2021-04-01", "2021-04-30");
    each_county("revenue", "hand_up", "2021-04", "2021-04-30", "");
    DONE("revenue", "hand_up_unassigned", "2021-04", "", "2021-04-30", "");
    EQ(answer()->amount_fen, -300);
    EQ(held("treasury", NULL, NULL), 0);
    EQ(held("special_city", "", NULL), 0);
    EQ(held("special_city", "EMP", NULL), 1000);
    close_city();
}

TEST(ZS_B13_spending_is_told_by_facility_and_held_against_the_budget) {
    open_city("zhoushan");
    receive("330902", "basic", "employee", "2021-03-05", 900);
    bill("330902", "basic", "employee", "2021-03-09", 400);
    RIG_DO(&rig, "get_report", "{'kind':'facilities','from':'2021-01-01','to':'2021-12-31'}");
    const Tc__FundReport *report = (const Tc__FundReport *)rig.reply;
    EQ(report->n_rows, 1);
    EQ(report->rows[0]->first_fen, 400);
    plan("2021-01-01", "2021-01-31");
    each_county("budget", "county_draft", "2021", "2021-01-05",
                ",'lines':[{'line':'revenue','fund':'EMP','amount':'10.00'},{'line':'spending','fund':'EMP','amount':"
                "'9.00'}]");
    DONE("budget", "draft", "2021", "", "2021-01-06", "");
    DONE("budget", "review", "2021", "", "2021-01-07", "");
    DONE("budget", "approve", "2021", "", "2021-01-08", "");
    RIG_DO(&rig, "get_budget", "{'year':2021,'county':'330902'}");
    const Tc__Budget *budget = (const Tc__Budget *)rig.reply;
    for (size_t i = 0; i < budget->n_rows; i++)
        EQ(budget->rows[i]->done_fen, strcmp(budget->rows[i]->line, "spending") ? 900 : 400);
    close_city();
}

TEST(ZS_F15_counties_clear_what_was_before_the_pool) {
    open_city("zhoushan");
    plan("2021-01-01", "2021-01-31");
    EQ(step("history", "pay_debts", "once", "330902", "2021-02-01", ",'due':'5.00','fund':'EMP'"), E_DENIED);
    DONE("history", "clear", "once", "330902", "2021-01-20", ",'paper':'clearing 1'");
    EQ(step("history", "pay_debts", "once", "330902", "2021-02-01", ""), E_MISSING_FIELD);
    HAS_TEXT(rig.err.text, "nobody has said what is due");
    EQ(step("history", "pay_debts", "once", "330902", "2021-02-01", ",'due':'5.00','fund':'EMP','amount':'4.00'"),
       E_OUT_OF_RANGE);
    DONE("history", "pay_debts", "once", "330902", "2021-02-01", ",'due':'5.00','fund':'EMP'");
    EQ(held("special_city", "EMP", NULL), 500);
    EQ(step("history", "pay_debts", "once", "330902", "2021-02-02", ",'due':'5.00','fund':'EMP'"), E_EXISTS);
    close_city();
}

// ---- Yancheng

static void yancheng_budget(void) {
    open_city("yancheng");
    plan("2020-03-01", "2020-03-31");
    DONE("budget", "draft", "2020", "", "2020-01-05",
         ",'lines':[{'line':'revenue','fund':'EMP','county':'320902','amount':'100.00'},"
         "{'line':'spending','fund':'EMP','county':'320902','amount':'90.00'}]");
}

TEST(YC_F04_YC_F06_YC_F28_finance_draws_up_one_budget_and_each_county_gets_its_plan) {
    yancheng_budget();
    EQ(step("budget", "issue", "2020", "", "2020-01-06", ""), E_DENIED);
    DONE("budget", "balance", "2020", "", "2020-01-06", "");
    DONE("budget", "issue", "2020", "", "2020-01-07", ",'paper':'plan 1'");
    RIG_DO(&rig, "get_budget", "{'year':2020,'county':'320902'}");
    EQ(((const Tc__Budget *)rig.reply)->n_rows, 2);
    EQ(((const Tc__Budget *)rig.reply)->version, 1);
    change_budget(CHAIN("propose", "issue"), "2020", "",
                  ",'lines':[{'line':'spending','fund':'EMP','county':'320902','amount':'95.00'}]", "2020-03-10", 9500);
    close_city();
}

TEST(YC_F05_one_set_of_final_accounts_is_drawn_up_from_the_ledger) {
    yancheng_budget();
    DONE("budget", "balance", "2020", "", "2020-01-06", "");
    DONE("budget", "issue", "2020", "", "2020-01-07", "");
    receive("320902", "basic", "employee", "2020-03-05", 700);
    bill("320903", "basic", "employee", "2020-03-05", 60);
    DONE("budget", "final_accounts", "2020", "", "2021-01-10", "");
    EQ(answer()->n_lines, 2);
    EQ(answer()->amount_fen, 60);
    close_city();
}

TEST(YC_F07_YC_F08_finance_releases_every_month_what_the_city_planned) {
    yancheng_budget();
    DONE("budget", "balance", "2020", "", "2020-01-06", "");
    DONE("budget", "issue", "2020", "", "2020-01-07", "");
    receive("320902", "basic", "employee", "2020-03-02", 20000);
    plan("2020-03-02", "2020-03-02");
    DONE("revenue", "transfer", "2020-03-02", "", "2020-03-02", "");
    EQ(answer()->amount_fen, 20000);
    EQ(step("spending", "release", "2020-03", "", "2020-03-20", ""), E_DENIED);
    DONE("spending", "plan", "2020-03", "", "2020-03-20",
         ",'lines':[{'fund':'EMP','county':'320902','amount':'60.00'}]");
    EQ(step("spending", "release", "2020-03", "", "2020-03-21",
            ",'lines':[{'fund':'EMP','county':'320902','amount':'60.01'}]"),
       E_OUT_OF_RANGE);
    HAS_TEXT(rig.err.text, "60.01");
    HAS_TEXT(rig.err.text, "60.00");
    DONE("spending", "release", "2020-03", "", "2020-03-21", "");
    EQ(answer()->amount_fen, 6000);
    DONE("spending", "pay_down", "2020-03", "320902", "2020-03-22", "");
    EQ(held("expenditure_county", "EMP", "320902"), 6000);
    EQ(step("spending", "pay_down", "2020-03", "320902", "2020-03-23", ",'amount':'0.01','fund':'EMP'"),
       E_OUT_OF_RANGE); // nothing is left of the plan
    close_city();
}

// A county has money for its facilities and a bill to pay.
static void yancheng_bill(void) {
    yancheng_budget();
    DONE("budget", "balance", "2020", "", "2020-01-06", "");
    DONE("budget", "issue", "2020", "", "2020-01-07", "");
    receive("320902", "basic", "employee", "2020-03-02", 20000);
    plan("2020-03-02", "2020-03-02");
    DONE("revenue", "transfer", "2020-03-02", "", "2020-03-02", "");
    DONE("spending", "plan", "2020-03", "", "2020-03-20",
         ",'lines':[{'fund':'EMP','county':'320902','amount':'60.00'}]");
    DONE("spending", "release", "2020-03", "", "2020-03-21", "");
    DONE("spending", "pay_down", "2020-03", "320902", "2020-03-22", "");
    bill("320902", "basic", "employee", "2020-03-10", 2000);
}

static int64_t in_two_months(void) { return clock_now_ms() + INT64_C(62) * 86400 * 1000; }

// Every statement of this month, as it will be drawn up when the month is over; how many.
static size_t draw_up(void) {
    char month[DATE_TEXT_MAX];
    settlement->poster->now_ms = in_two_months;
    RIG_DO(&rig, "draw_statements", "{'month':'%s'}", month_format(month_of(date_of_ms(clock_now_ms())), month));
    settlement->poster->now_ms = clock_now_ms;
    return ((const Tc__FacilityStatements *)rig.reply)->n_statements;
}

TEST(YC_F31_what_was_paid_directly_comes_into_no_statement_unless_it_is_taken_back) {
    char month[DATE_TEXT_MAX];
    yancheng_bill();
    DONE("spending", "settle", "2020-03", "320902", "2020-04-02", ",'direct':true");
    EQ(answer()->amount_fen, 2000);
    EQ(held("expenditure_county", "EMP", "320902"), 4000);
    EQ(draw_up(), 0);
    settlement->poster->now_ms = in_two_months;
    EQ(rig_ask(&rig, "draw_statements", "{'month':'%s','facility':'H37040200001'}",
               month_format(month_of(date_of_ms(clock_now_ms())), month)),
       E_EXISTS);
    HAS_TEXT(rig.err.text, "H37040200001 was paid directly on 2020-04-02");
    settlement->poster->now_ms = clock_now_ms;
    RIG_DO(&rig, "reverse_entry",
           "{'reference':'spending.settle.2020-03.320902.H37040200001','text':'by statement','on':'2020-04-02'}");
    EQ(held("expenditure_county", "EMP", "320902"), 6000);
    EQ(draw_up(), 1);
    EQ(((const Tc__FacilityStatements *)rig.reply)->statements[0]->total->pay_fen, 2000);
    close_city();
}

TEST(YC_F31_a_facility_with_statements_is_not_paid_directly) {
    yancheng_bill();
    EQ(draw_up(), 1);
    EQ(step("spending", "settle", "2020-03", "320902", "2020-04-02", ",'direct':true,'dry':true"), E_EXISTS);
    EQ(step("spending", "settle", "2020-03", "320902", "2020-04-02", ",'direct':true"), E_EXISTS);
    EQ_TEXT(rig.err.field, "direct");
    HAS_TEXT(rig.err.text, "H37040200001 has a statement");
    EQ(held("expenditure_county", "EMP", "320902"), 6000);
    close_city();
    yancheng_bill(); // what waits for statements keeps it to them as well
    RIG_DO(&rig, "set_terms", "{'facility':'H37040200001','year':2020,'hold':'0.05','paper':'1'}");
    EQ(step("spending", "settle", "2020-03", "320902", "2020-04-02", ",'direct':true"), E_EXISTS);
    HAS_TEXT(rig.err.text, "terms of statements");
    close_city();
}

TEST(YC_F17_YC_F18_a_county_tops_up_what_it_caused_or_the_debtor_is_pursued) {
    open_city("yancheng");
    RIG_DO(&rig, "open_case",
           "{'flow':'county_gap','county':'320902','fund':'RES','amount':'120.00','text':'subsidy "
           "short','on':'2020-05-10'}");
    DONE("county_gap", "find_subsidy", "C1", "", "2020-05-11", ",'paper':'notice 1'");
    EQ(step("county_gap", "top_up", "C1", "", "2020-05-12", ""), E_DENIED);
    HAS_TEXT(rig.err.text, "find_policy");
    RIG_DO(&rig, "settle_task",
           "{'flow':'county_gap','step':'find_policy','period':'C1','county':'320902','state':'void','text':'approved: "
           "other "
           "cause, paper 9'}");
    EQ(step("county_gap", "find_policy", "C1", "", "2020-05-12", ""), E_DENIED);
    EQ(step("county_gap", "top_up", "C1", "", "2020-05-12", ",'amount':'119.00'"), E_OUT_OF_RANGE);
    HAS_TEXT(rig.err.text, "YC-F17");
    DONE("county_gap", "top_up", "C1", "", "2020-05-12", "");
    EQ(held("special_city", "RES", NULL), 12000);
    RIG_DO(
        &rig, "assess_gap",
        "{'year':2020,'fund':'RES','county':'320902','subsidy_due':'300.00','subsidy_received':'180.00','other':'5.00',"
        "'topped_up':'120.00'}");
    EQ(((const Tc__GapAssessed *)rig.reply)->answers_for_fen, 12500);
    EQ(((const Tc__GapAssessed *)rig.reply)->open_fen, 500);
    close_city();
}

TEST(YC_F22_when_the_surplus_is_not_enough_the_policy_is_adjusted) {
    open_city("yancheng");
    receive("320902", "basic", "employee", "2020-03-02", 100);
    bill("320902", "basic", "employee", "2020-03-03", 170);
    opening("special_county", "320902", "EMP", "0.50");
    RIG_DO(&rig, "assess_gap", "{'year':2020,'fund':'EMP'}");
    const Tc__GapAssessed *gap = (const Tc__GapAssessed *)rig.reply;
    EQ(gap->deficit_fen, 70);
    EQ(gap->taken[0]->amount_fen, 50);
    EQ(gap->residual_fen, 20);
    EQ_TEXT(gap->action, "policy_adjustment");
    plan("2020-12-31", "2020-12-31");
    EQ(step("year_gap", "adjust_policy", "2020", "", "2020-12-31", ""), E_DENIED); // the surplus first
    DONE("year_gap", "use_accumulated", "2020", "", "2020-12-31", "");
    DONE("year_gap", "adjust_policy", "2020", "", "2020-12-31", ",'paper':'policy 3'");
    close_city();
}

TEST(YC_F23_YC_F24_YC_F25_funds_are_cleared_audited_and_cleaned_up_in_order) {
    open_city("yancheng");
    plan("2020-01-01", "2020-01-31");
    EQ(step("clearing", "audit", "once", "", "2020-02-01", ""), E_DENIED);
    each_county("clearing", "clear", "once", "2020-01-31", "");
    DONE("clearing", "audit", "once", "", "2020-03-01", "");
    each_county("clearing", "clean_up", "once", "2020-06-01", "");
    close_city();
}

TEST(YC_F13_YC_F14_the_surplus_goes_up_in_two_halves) {
    open_city("yancheng");
    opening("special_county", "320902", "EMP", "10.01");
    plan("2020-01-01", "2020-01-31");
    RIG_DO(&rig, "state_due",
           "{'flow':'old_surplus','county':'320902','fund':'EMP','amount':'10.01','paper':'audit 1'}");
    EQ(((const Tc__FundDue *)rig.reply)->n_instalments, 2);
    EQ(step("old_surplus", "first_half", "once", "320902", "2019-12-30", ",'amount':'5.00'"), E_OUT_OF_RANGE);
    HAS_TEXT(rig.err.text, "YC-F13");
    DONE("old_surplus", "first_half", "once", "320902", "2019-12-30", "");
    EQ(answer()->amount_fen, 501);
    EQ(step("old_surplus", "second_half", "once", "320902", "2020-12-30", ",'amount':'4.99'"), E_OUT_OF_RANGE);
    HAS_TEXT(rig.err.text, "5.00");
    RIG_DO(&rig, "get_report", "{'kind':'arrears'}");
    EQ(((const Tc__FundReport *)rig.reply)->rows[0]->third_fen, 500);
    DONE("old_surplus", "second_half", "once", "320902", "2020-12-30", "");
    EQ(held("special_county", NULL, NULL), 0);
    close_city();
}

// ---- Sanmenxia

TEST(SM_F08_SM_F09_SM_F11_SM_F38_finance_proposes_balances_and_issues_one_budget) {
    static const char proposal[] = ",'lines':[{'line':'revenue','fund':'EMP_POOL','amount':'10.00'},"
                                   "{'line':'spending','fund':'EMP_POOL','amount':'9.00'}]";
    open_city("sanmenxia");
    plan("2022-01-01", "2022-01-31");
    EQ(step("budget", "review", "2022", "", "2022-01-05", ""), E_DENIED);
    each_county("budget", "propose", "2022", "2022-01-05", proposal);
    EQ(step("budget", "issue", "2022", "", "2022-01-06", ""), E_DENIED);
    DONE("budget", "review", "2022", "", "2022-01-06", "");
    DONE("budget", "balance", "2022", "", "2022-01-06", "");
    DONE("budget", "issue", "2022", "", "2022-01-07", "");
    RIG_DO(&rig, "get_budget", "{'year':2022}");
    EQ(((const Tc__Budget *)rig.reply)->version, 1);
    change_budget(CHAIN("propose", "review", "issue"), "2022", "411202",
                  ",'lines':[{'line':'spending','fund':'EMP_POOL','amount':'9.50'}]", "2022-03-01",
                  900 * law->divisions.count + 50);
    close_city();
}

TEST(SM_F12_final_accounts_follow_the_budget_year) {
    open_city("sanmenxia");
    plan("2022-01-01", "2022-01-31");
    EQ(step("budget", "final_accounts", "2022", "", "2023-01-05", ""), E_DENIED);
    close_city();
}

TEST(SM_F23_what_finance_releases_comes_in_time_and_goes_down_in_full) {
    open_city_with("sanmenxia", "test-release-day");
    plan("2022-01-01", "2022-01-31");
    each_county("budget", "propose", "2022", "2022-01-04",
                ",'lines':[{'line':'revenue','fund':'EMP_POOL','amount':'90.00'},{'line':'spending','fund':'EMP_POOL',"
                "'amount':'80.00'}]");
    DONE("budget", "review", "2022", "", "2022-01-04", "");
    DONE("budget", "balance", "2022", "", "2022-01-04", "");
    DONE("budget", "issue", "2022", "", "2022-01-04", "");
    opening("special_city", "", "EMP_POOL", "500.00");
    const Tc__FundTask *release = task("spending", "release", "2022-01", "", "2022-03-31");
    OK(*release->due && release->late_days > 0); // of March: nobody has paid since January
    DONE("spending", "release", "2022-01", "", "2022-01-10",
         ",'lines':[{'fund':'EMP_POOL','county':'411202','amount':'70.00'}]");
    EQ(held("expenditure_city", "EMP_POOL", NULL), 7000);
    DONE("spending", "pay_down", "2022-01", "411202", "2022-01-12", ""); // all of it without being told how much
    EQ(answer()->amount_fen, 7000);
    EQ(held("expenditure_county", "EMP_POOL", "411202"), 7000);
    close_city();
}

TEST(SM_F25_old_claims_are_settled_case_by_case) {
    open_city("sanmenxia");
    EQ(rig_ask(&rig, "open_case", "{'flow':'old_claims','text':'claim of 2019'}"), E_MISSING_FIELD);
    RIG_DO(&rig, "open_case", "{'flow':'old_claims','county':'411202','text':'claim of 2019','on':'2022-04-01'}");
    DONE("old_claims", "settle", "C1", "", "2022-04-05", ",'paper':'audit 12'");
    EQ(rig_ask(&rig, "open_case", "{'flow':'revenue','text':'no'}"), E_INVALID_FIELD);
    close_city();
}

TEST(SM_F31_SM_F33_a_county_pays_thirty_percent_or_all_at_once) {
    open_city("sanmenxia");
    plan("2022-01-01", "2022-01-31");
    RIG_DO(&rig, "state_due",
           "{'flow':'old_deficit','county':'411202','fund':'EMP_POOL','amount':'100.00','contributed':'30.00',"
           "'enjoyed':'10.00','paper':'audit 1'}");
    EQ(((const Tc__FundDue *)rig.reply)->amount_fen, 8000);
    EQ(step("old_deficit", "first_year", "once", "411202", "2021-12-30", ""), E_DENIED); // the offset first
    DONE("old_deficit", "offset", "once", "", "2021-10-01", "");
    EQ(step("old_deficit", "first_year", "once", "411202", "2021-12-30", ",'amount':'23.99'"), E_OUT_OF_RANGE);
    DONE("old_deficit", "first_year", "once", "411202", "2021-12-30", "");
    EQ(answer()->amount_fen, 2400);
    EQ(step("old_deficit", "second_year", "once", "411202", "2022-12-30", ",'amount':'56.01'"), E_OUT_OF_RANGE);
    DONE("old_deficit", "second_year", "once", "411202", "2022-12-30", ",'amount':'56.00'"); // all that is left
    DONE("old_deficit", "rest", "once", "411202", "2022-12-30", "");
    EQ(answer()->amount_fen, 0);
    close_city();
}

TEST(SM_F05_interest_is_shared_by_the_days_that_money_lay_there) {
    open_city("sanmenxia");
    opening("special_city", "", "EMP_POOL", "300.00");
    opening("special_city", "", "RESIDENT", "100.00");
    EQ(rig_ask(&rig, "share_interest",
               "{'reference':'I1','bank':'payers','account':'special_city','amount':'4.00','from':'2022-01-01','to':"
               "'2022-03-31','on':'2022-03-31'}"),
       E_DENIED); // not from there
    RIG_DO(&rig, "share_interest",
           "{'reference':'I1','bank':'bank','account':'special_city','amount':'4.01','from':'2022-01-01','to':'2022-03-"
           "31',"
           "'on':'2022-03-31'}");
    const Tc__InterestShared *shared = (const Tc__InterestShared *)rig.reply;
    EQ(shared->n_rows, 2);
    EQ(shared->rows[0]->amount_fen, 301);
    EQ(shared->rows[1]->amount_fen, 100);
    EQ(held("special_city", "EMP_POOL", NULL), 30301);
    close_city();
}

// ---- Jiangmen

TEST(JM_F_08_JM_F_10_below_six_months_a_warning_and_a_proposal_to_the_government) {
    open_city("jiangmen");
    receive("440703", "tier1", "employee", "2019-01-05", 59900);
    for (int month = 1; month <= 6; month++) {
        char on[16];
        snprintf(on, sizeof on, "2019-%02d-10", month);
        bill("440703", "tier1", "employee", on, 1000);
    }
    plan("2019-05-01", "2019-06-30");
    DONE("reserve_watch", "watch", "2019-05", "", "2019-05-31", "");
    HAS_TEXT(answer()->notes[0], "no further step");
    EQ_TEXT(task("reserve_watch", "propose", "2019-05", "", "2019-05-31")->state, "void");
    bill("440703", "tier1", "employee", "2019-06-11", 50000);
    DONE("reserve_watch", "watch", "2019-06", "", "2019-06-30", "");
    HAS_TEXT(answer()->notes[0], "warning");
    HAS_TEXT(answer()->notes[0], "JM-F-09");
    EQ_TEXT(task("reserve_watch", "propose", "2019-06", "", "2019-06-30")->state, "open");
    DONE("reserve_watch", "propose", "2019-06", "", "2019-06-30", ",'paper':'proposal 1'");
    rows_t rows;
    err_t err;
    NEED(store_query(rig.ctx.store, "SELECT reference FROM journal WHERE kind = 'fund_warning'", NULL, 0, rig.ctx.arena,
                     &rows, &err) == E_OK);
    EQ(rows.count, 1);
    close_city();
}

TEST(JM_F_06_the_city_has_one_budget_and_one_set_of_final_accounts) {
    open_city("jiangmen");
    receive("440703", "tier1", "employee", "2019-02-05", 700);
    receive("440704", "tier1", "employee", "2019-02-06", 300);
    plan("2019-01-01", "2019-12-31");
    EQ(step("budget", "draft", "2019", "440703", "2019-01-05", ""), E_INVALID_FIELD); // the city's, no district's
    EQ(step("budget", "approve", "2019", "", "2019-01-05", ""), E_DENIED);
    DONE("budget", "draft", "2019", "", "2019-01-05",
         ",'lines':[{'line':'revenue','fund':'BASIC','amount':'20.00'},{'line':'spending','fund':'BASIC','amount':"
         "'9.00'}]");
    DONE("budget", "approve", "2019", "", "2019-01-20", "");
    change_budget(CHAIN("propose", "approve"), "2019", "",
                  ",'lines':[{'line':'spending','fund':'BASIC','amount':'9.50'}]", "2019-06-01", 950);
    DONE("budget", "final_accounts", "2019", "", "2020-01-31", "");
    EQ(answer()->n_lines, 2); // of both districts, from the ledger
    EQ(answer()->lines[0]->amount_fen + answer()->lines[1]->amount_fen, 1000);
    close_city();
}

TEST(JM_F_14_governments_subsidise_when_a_local_balance_cannot_pay) {
    open_city("jiangmen");
    RIG_DO(
        &rig, "open_case",
        "{'flow':'backstop','county':'440703','fund':'BASIC','amount':'25.00','text':'cannot pay','on':'2019-08-01'}");
    EQ(step("backstop", "subsidise", "C1", "", "2019-08-02", ",'amount':'20.00'"), E_OUT_OF_RANGE);
    HAS_TEXT(rig.err.text, "JM-F-14");
    DONE("backstop", "subsidise", "C1", "", "2019-08-02", "");
    EQ(held("special_city", "BASIC", NULL), 2500);
    close_city();
}

TEST(JM_F_17_JM_F_03_what_tax_collects_is_in_the_special_account_and_the_clerk_holds_it_against_taxs_figure) {
    open_city("jiangmen");
    receive("440703", "tier1", "employee", "2019-03-05", 900);
    plan("2019-03-05", "2019-03-05");
    EQ(held("special_city", "BASIC", NULL), 900);
    EQ(step("revenue", "collect", "2019-03-05", "", "2019-03-05", ",'amount':'9.01'"), E_OUT_OF_RANGE);
    HAS_TEXT(rig.err.text, "9.00");
    DONE("revenue", "collect", "2019-03-05", "", "2019-03-05", ",'amount':'9.00'");
    close_city();
}

// ---- the calendar itself

TEST(planning_again_makes_nothing_twice_and_lateness_is_told_once) {
    rows_t rows;
    err_t err = {0};
    open_city("zaozhuang");
    plan("2020-03-01", "2020-03-31");
    const int64_t made = ((const Tc__PlannedTasks *)rig.reply)->made;
    OK(made > 50);
    plan("2020-03-01", "2020-03-31");
    EQ(((const Tc__PlannedTasks *)rig.reply)->made, 0);
    plan("2020-04-01", "2020-04-01"); // a day on which March's remittances are late
    OK(((const Tc__PlannedTasks *)rig.reply)->late > 6);
    plan("2020-04-01", "2020-04-01");
    EQ(((const Tc__PlannedTasks *)rig.reply)->late, 0);
    EQ_TEXT(task("remit_and_sweep", "remit", "2020-03", "370402", "2020-04-02")->state, "late");
    EQ(task("remit_and_sweep", "remit", "2020-03", "370402", "2020-04-02")->late_days, 2);
    NEED(store_query(rig.ctx.store,
                     "SELECT reference FROM journal WHERE kind = 'task_late' AND reference ="
                     " 'remit_and_sweep.remit.2020-03.370402'",
                     NULL, 0, rig.ctx.arena, &rows, &err) == E_OK);
    EQ(rows.count, 1);
    RIG_DO(&rig, "settle_task",
           "{'step':'remit','period':'2020-03','county':'370402','state':'explained','text':'the bank was closed'}");
    EQ_TEXT(task("remit_and_sweep", "remit", "2020-03", "370402", "2020-04-02")->state, "explained");
    DONE("", "remit", "2020-03", "370402", "2020-04-03", ""); // it may still be done
    EQ(task("remit_and_sweep", "remit", "2020-03", "370402", "2020-04-05")->late_days, 3);
    close_city();
}

TEST(names_that_are_not_there_are_refused_with_a_sentence) {
    open_city("zaozhuang");
    plan("2020-03-01", "2020-03-31");
    EQ(step("", "draft", "2020", "370402", "2020-03-01", ""), E_INVALID_FIELD); // budget and final accounts
    EQ(step("", "nothing", "2020", "", "2020-03-01", ""), E_NOT_FOUND);
    EQ(step("", "remit", "2020-03", "", "2020-03-31", ""), E_MISSING_FIELD);
    EQ(step("", "remit", "2020-03", "110101", "2020-03-31", ""), E_NOT_FOUND);
    EQ(step("", "remit", "2020-3", "370402", "2020-03-31", ""), E_INVALID_FIELD);
    EQ(step("", "remit", "2021-03", "370402", "2021-03-31", ""), E_NOT_FOUND);
    EQ(step("", "remit", "2020-03", "370402", "2199-03-31", ""), E_OUT_OF_RANGE);
    DONE("", "remit", "", "370402", "2020-03-31", ""); // the only one that is open
    EQ(step("", "remit", "", "370402", "2020-03-31", ""), E_NOT_FOUND);
    EQ(rig_ask(&rig, "plan_tasks", "{'from':'2020-03-31','to':'2020-03-01'}"), E_OUT_OF_RANGE);
    EQ(rig_ask(&rig, "plan_tasks", "{'from':'2000-03-31','to':'2020-03-01'}"), E_OUT_OF_RANGE);
    close_city();
    rig_open(&rig, &settlement_service);
    err_t err = {0};
    NEED(settlement_new(&settlement, &rig.ctx, &err) == E_OK);
    rig.self = settlement;
    EQ(rig_ask(&rig, "plan_tasks", "{'from':'2020-03-01','to':'2020-03-31'}"), E_UNSUPPORTED); // no city
    close_city();
}

TEST(a_clerk_of_a_county_has_its_tasks_and_no_others) {
    char scope[SCOPE_BYTES];
    err_t err = {0};
    open_city("zaozhuang");
    plan("2020-03-01", "2020-03-31");
    NEED(scope_make(scope, "370402", "", &err) == E_OK);
    rig.ctx.scope = scope;
    RIG_DO(&rig, "list_tasks", "{'on':'2020-03-31'}");
    const Tc__FundTasks *tasks = (const Tc__FundTasks *)rig.reply;
    OK(tasks->n_tasks > 5);
    for (size_t i = 0; i < tasks->n_tasks; i++) EQ_TEXT(tasks->tasks[i]->county, "370402");
    DONE("", "remit", "2020-03", "370402", "2020-03-31", "");
    EQ(step("", "remit", "2020-03", "370403", "2020-03-31", ""), E_DENIED);
    EQ(step("", "sweep", "2020-03", "", "2020-03-31", ""), E_DENIED);
    EQ(rig_ask(&rig, "settle_task",
               "{'step':'remit','period':'2020-03','county':'370403','state':'void','text':'not mine'}"),
       E_DENIED);
    rig.ctx.scope = NULL;
    close_city();
}

TEST(a_clerk_of_a_county_sees_its_part_of_the_books) {
    open_city("zaozhuang");
    receive("370402", "basic", "employee", "2020-03-02", 100000);
    receive("370403", "basic", "employee", "2020-03-02", 70000);
    bill("370403", "basic", "employee", "2020-03-03", 40000);
    rig.ctx.scope = "divisions=370402";
    RIG_DO(&rig, "get_balances", "{}");
    const Tc__Balances *balances = (const Tc__Balances *)rig.reply;
    OK(balances->n_rows > 0);
    for (size_t i = 0; i < balances->n_rows; i++) EQ_TEXT(balances->rows[i]->division, "370402");
    RIG_DO(&rig, "get_entry", "{'reference':'R-0'}");
    RIG_DO(&rig, "get_entries", "{'reference':'R-0'}");
    EQ(rig_ask(&rig, "get_entry", "{'reference':'R-1'}"), E_DENIED);
    EQ(rig_ask(&rig, "get_entries", "{'reference':'B-2'}"), E_DENIED);
    static const char *const kinds[] = {"income", "balance", "arrears", "facilities", "final_accounts"};
    for (size_t k = 0; k < COUNT_OF(kinds); k++) {
        RIG_DO(&rig, "get_report", "{'kind':'%s','from':'2020-01-01','to':'2020-12-31'}", kinds[k]);
        const Tc__FundReport *report = (const Tc__FundReport *)rig.reply;
        OK(report->n_rows > 0 || k >= 2);
        for (size_t i = 0; i < report->n_rows; i++) EQ_TEXT(report->rows[i]->county, "370402");
    }
    RIG_DO(&rig, "get_budget", "{'year':2020}");
    const Tc__Budget *budget = (const Tc__Budget *)rig.reply;
    OK(budget->n_rows > 0);
    for (size_t i = 0; i < budget->n_rows; i++) EQ_TEXT(budget->rows[i]->county, "370402");
    rig.ctx.scope = NULL;
    RIG_DO(&rig, "get_report", "{'kind':'facilities','from':'2020-01-01','to':'2020-12-31'}");
    OK(((const Tc__FundReport *)rig.reply)->n_rows > 0);
    close_city();
}

TEST(the_tick_makes_the_tasks_of_the_next_days) {
    open_city("zaozhuang");
    const date_t today = date_make(2020, 3, 15);
    tasks_tick(settlement, (int64_t)today * 86400000 + 3600000);
    RIG_DO(&rig, "list_tasks", "{'state':'all','limit':2000,'on':'2020-03-15'}");
    const size_t count = ((const Tc__FundTasks *)rig.reply)->n_tasks;
    OK(count > 60);
    task("remit_and_sweep", "remit", "2020-04", "370402", "2020-03-15");
    tasks_tick(settlement, (int64_t)today * 86400000 + 7200000); // the same day: nothing
    tasks_tick(settlement, (int64_t)(today + 1) * 86400000 + 7200000);
    RIG_DO(&rig, "list_tasks", "{'state':'all','limit':2000,'on':'2020-03-15'}");
    EQ(((const Tc__FundTasks *)rig.reply)->n_tasks, count);
    RIG_DO(&rig, "list_tasks", "{'flow':'old_surplus','state':'all'}");
    EQ(((const Tc__FundTasks *)rig.reply)->n_tasks, 0); // what was before the pool is planned by a person
    close_city();
}

TEST(a_long_list_goes_on_from_where_it_ended) {
    size_t all = 0, seen = 0;
    char after[256] = "";
    open_city("zaozhuang");
    plan("2020-01-01", "2020-06-30");
    RIG_DO(&rig, "list_tasks", "{'limit':2000,'on':'2020-01-01'}");
    all = ((const Tc__FundTasks *)rig.reply)->n_tasks;
    do {
        RIG_DO(&rig, "list_tasks", "{'limit':37,'on':'2020-01-01','after':'%s'}", after);
        const Tc__FundTasks *page = (const Tc__FundTasks *)rig.reply;
        seen += page->n_tasks;
        snprintf(after, sizeof after, "%s", page->next);
    } while (*after);
    EQ(seen, all);
    close_city();
}

TEST(the_ground_is_laid) { rig_ground_start(); }
TEST(the_ground_is_cleared) { rig_ground_stop(); }

TESTS("fund tasks", CASE(the_ground_is_laid), CASE(ZZ_F14_the_city_adds_up_what_every_district_has_reviewed),
      CASE(ZZ_F16_ZZ_F17_ZZ_F18_the_budget_goes_from_review_to_government_to_congress_and_is_then_executed),
      CASE(ZZ_F20_ZZ_F21_an_approved_budget_is_locked_and_changes_on_the_way_of_its_approval),
      CASE(ZZ_F37_a_plan_passes_no_approved_line),
      CASE(ZZ_F23_ZZ_F24_final_accounts_go_the_way_of_the_budget_and_are_answered),
      CASE(ZZ_F28_ZZ_F32_ZZ_F27_the_city_opens_its_account_districts_hand_over_and_close_theirs),
      CASE(ZZ_F33_ZZ_F35_all_of_a_districts_receipts_go_up_and_nothing_stays),
      CASE(ZZ_F42_the_sides_reconcile_every_month_and_a_difference_is_told),
      CASE(ZZ_F50_what_the_balance_covers_is_watched_when_the_city_says_how_many_months),
      CASE(ZZ_F51_ZZ_V02_revenue_spending_and_surplus_are_there_to_be_published),
      CASE(ZS_F06_ZS_F04_counties_draft_the_city_reviews_the_government_approves),
      CASE(ZS_F03_planned_spending_stays_within_planned_revenue_of_each_fund),
      CASE(ZS_F05_the_final_accounts_are_drafted_reviewed_and_approved_in_order),
      CASE(ZS_F12_the_month_is_planned_before_finance_pays),
      CASE(ZS_F11_the_treasuries_hand_up_all_of_the_month_also_what_is_nobodys_yet),
      CASE(ZS_B13_spending_is_told_by_facility_and_held_against_the_budget),
      CASE(ZS_F15_counties_clear_what_was_before_the_pool),
      CASE(YC_F04_YC_F06_YC_F28_finance_draws_up_one_budget_and_each_county_gets_its_plan),
      CASE(YC_F05_one_set_of_final_accounts_is_drawn_up_from_the_ledger),
      CASE(YC_F07_YC_F08_finance_releases_every_month_what_the_city_planned),
      CASE(YC_F31_what_was_paid_directly_comes_into_no_statement_unless_it_is_taken_back),
      CASE(YC_F31_a_facility_with_statements_is_not_paid_directly),
      CASE(YC_F17_YC_F18_a_county_tops_up_what_it_caused_or_the_debtor_is_pursued),
      CASE(YC_F22_when_the_surplus_is_not_enough_the_policy_is_adjusted),
      CASE(YC_F23_YC_F24_YC_F25_funds_are_cleared_audited_and_cleaned_up_in_order),
      CASE(YC_F13_YC_F14_the_surplus_goes_up_in_two_halves),
      CASE(SM_F08_SM_F09_SM_F11_SM_F38_finance_proposes_balances_and_issues_one_budget),
      CASE(SM_F12_final_accounts_follow_the_budget_year),
      CASE(SM_F23_what_finance_releases_comes_in_time_and_goes_down_in_full),
      CASE(SM_F25_old_claims_are_settled_case_by_case), CASE(SM_F31_SM_F33_a_county_pays_thirty_percent_or_all_at_once),
      CASE(SM_F05_interest_is_shared_by_the_days_that_money_lay_there),
      CASE(JM_F_08_JM_F_10_below_six_months_a_warning_and_a_proposal_to_the_government),
      CASE(JM_F_06_the_city_has_one_budget_and_one_set_of_final_accounts),
      CASE(JM_F_14_governments_subsidise_when_a_local_balance_cannot_pay),
      CASE(JM_F_17_JM_F_03_what_tax_collects_is_in_the_special_account_and_the_clerk_holds_it_against_taxs_figure),
      CASE(planning_again_makes_nothing_twice_and_lateness_is_told_once),
      CASE(names_that_are_not_there_are_refused_with_a_sentence), CASE(a_clerk_of_a_county_has_its_tasks_and_no_others),
      CASE(a_clerk_of_a_county_sees_its_part_of_the_books), CASE(the_tick_makes_the_tasks_of_the_next_days),
      CASE(a_long_list_goes_on_from_where_it_ended), CASE(the_ground_is_cleared))
