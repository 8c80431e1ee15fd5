// A year of the fund in each of the five cities, day by day: receipts and bills come as events, a clerk does every task
// that the calendar shows, and at the end the ledger sums to zero for each fund, the income accounts are empty, and
// every task is done, explained or not needed. Built twice, on SQLite and, with ON_POSTGRES, on a private PostgreSQL:
// both must end with the same digest.
#include "adjudication.pb-c.h"
#include "collection.pb-c.h"
#include "common/base/hash.h"
#include "common/policy/tables.h"
#include "services/settlement/facts.h"
#include "services/settlement/money.h"
#include "services/settlement/settlement.h"
#include "services/settlement/tasks.h"
#include "tests/check.h"
#include "tests/service_rig.h"

#define T(text) ((char *)(text))

enum { PASSES_MAX = 40, LINES_TEXT = 3500 };

typedef enum what {
    WHAT_PLAIN,  // the guard fixes the amount
    WHAT_OWED,   // lines: what is owed to facilities
    WHAT_BUDGET, // lines: the year's revenue and spending
    WHAT_DIRECT, // pays facilities all that is owed
    WHAT_VOID,
    WHAT_EXPLAIN,
} what_t;

typedef enum moment { WHEN_DUE, WHEN_AT_ONCE, WHEN_22ND, WHEN_YEAR_END } moment_t;

typedef struct duty { // how the clerk of a city does a step; those that are not listed: plainly, when due
    const char *flow, *step;
    moment_t when;
    what_t what;
    const char *text;
    bool first_county; // in the first county; in the others it is not needed
} duty_t;

typedef struct city_year {
    const char *city;
    int year;
    const duty_t *duties;
    size_t duty_count;
    const char *employee_fund, *resident_fund, *third_fund;
    const char *layer;     // of benefits
    bool step_pays;        // facilities are paid by a step of a flow; else by orders
    void (*begins)(void);  // on the first day
    void (*event)(date_t); // each day, before the clerk
    const char *digest;
} city_year_t;

static rig_t rig;
static settlement_t *settlement;
static const policy_t *law;
static const city_year_t *now;
static int serial; // of receipts and bills
static int64_t event_number[2];
static long long done_count, late_count;

static date_t day(const char *text) {
    date_t out = DATE_NONE;
    NEED(date_parse(text, &out) == E_OK);
    return out;
}

static const char *text_of(date_t on) {
    static char text[4][DATE_TEXT_MAX];
    static unsigned turn;
    return date_format(on, text[turn++ % 4]);
}

// ---- events

static void deliver(int from, const char *topic, const ProtobufCMessage *message) {
    uint8_t body[2048];
    poster_source_t *source = from ? &settlement->collection : &settlement->adjudication;
    CHECK(protobuf_c_message_get_packed_size(message) <= sizeof body);
    const event_t event = {.partition = 7,
                           .number = ++event_number[from],
                           .topic = topic,
                           .at_ms = 1,
                           .body = body,
                           .body_bytes = protobuf_c_message_pack(message, body)};
    const consumer_effect_t effect = {source, poster_apply, poster_committed, poster_rolled_back};
    if (rig_apply(&rig, &effect, &event, 1)) fprintf(stderr, "%s\n", rig.err.text);
    NEED(rig.err.code == E_OK);
}

static void receipt(const char *county, date_t on, fen_t employee, fen_t resident) {
    Tc__Receipt r = TC__RECEIPT__INIT;
    Tc__Receipt__Part parts[2] = {TC__RECEIPT__PART__INIT, TC__RECEIPT__PART__INIT}, *list[2] = {&parts[0], &parts[1]};
    char number[32];
    const char *item = strcmp(now->city, "jiangmen") == 0 ? "tier1" : "basic";
    snprintf(number, sizeof number, "R-%d", ++serial);
    parts[0].item = T(item), parts[0].identity = T("employee"), parts[0].payer = T("employer");
    parts[0].amount_fen = employee;
    parts[1].item = T(item), parts[1].identity = T("resident"), parts[1].payer = T("person");
    parts[1].amount_fen = resident;
    parts[0].division = parts[1].division = T(county);
    r.receipt = number, r.payer = T("E1"), r.paid_on = T(text_of(on));
    r.parts = list, r.n_parts = 2, r.amount_fen = employee + resident;
    deliver(1, "contribution.received", &r.base);
}

static void bill_of(const char *county, date_t on, const char *identity, const char *layer, fen_t amount) {
    Tc__Decision d = TC__DECISION__INIT;
    Tc__Bill input = TC__BILL__INIT;
    Tc__Amount paid = TC__AMOUNT__INIT, *list[1] = {&paid};
    char number[32], facility[16];
    snprintf(number, sizeof number, "B-%d", ++serial);
    snprintf(facility, sizeof facility, "H%s00%03d", county, serial % 3);
    paid.name = T(layer), paid.amount_fen = amount;
    input.to = T(text_of(on));
    d.bill = number, d.person = T("P1"), d.facility = facility, d.identity = T(identity), d.division = T(county);
    d.decision = T("paid"), d.fund_fen = amount, d.total_fen = amount + 100, d.input = &input;
    d.paid = list, d.n_paid = 1;
    deliver(0, "bill.settled", &d.base);
}

// ---- the clerk

static const duty_t *duty_of(const Tc__FundTask *task) {
    static const duty_t plain = {.when = WHEN_DUE};
    for (size_t i = 0; i < now->duty_count; i++)
        if (strcmp(now->duties[i].flow, task->flow) == 0 && strcmp(now->duties[i].step, task->step) == 0)
            return &now->duties[i];
    return &plain;
}

static bool is_time(const duty_t *duty, const Tc__FundTask *task, date_t on) {
    const fund_flow_t *flow = fund_flow_named(law->fund, task->flow);
    task_period_t period = {.last = DATE_NONE};
    if (duty->when == WHEN_AT_ONCE) return true;
    if (duty->when == WHEN_YEAR_END) return on >= date_make(now->year, 12, 31);
    if (*task->due && duty->when == WHEN_DUE) return on >= day(task->due);
    if (flow->every == EVERY_CASE || flow->every == EVERY_ONCE) return true;
    NEED(task_period_parse(flow->every, task->period, &period, NULL) == E_OK);
    return on >= (duty->when == WHEN_22ND ? period.first + 21 : period.last);
}

static void add_line(char *to, const char *line, const char *fund, const char *county, fen_t amount) {
    char text[FEN_TEXT_MAX];
    const size_t used = strlen(to);
    CHECK(used < LINES_TEXT - 160);
    snprintf(to + used, LINES_TEXT - used, "%s{'line':'%s','fund':'%s','county':'%s','amount':'%s'}", used ? "," : "",
             line, fund, county, fen_format(amount, text));
}

// What is owed, by fund and county; 0.00 where nothing is.
static void owed_lines(const char *county, char *to) {
    fact_owed_t *owed;
    size_t count;
    task_line_t sums[256];
    size_t n = 0;
    err_t err = {0};
    NEED(facts_owed(rig.ctx.store, *county ? county : NULL, "9999-12-31", rig.ctx.arena, &owed, &count, &err) == E_OK);
    for (size_t i = 0; i < count; i++) {
        size_t k = 0;
        if (fund_named(law->fund, owed[i].fund) < 0) continue;
        while (k < n && (strcmp(sums[k].fund, owed[i].fund) != 0 || strcmp(sums[k].county, owed[i].county) != 0)) k++;
        if (k == n) sums[n++] = (task_line_t){owed[i].fund, owed[i].county, "", 0};
        sums[k].amount += owed[i].amount;
        CHECK(n < COUNT_OF(sums));
    }
    for (size_t k = 0; k < n; k++) add_line(to, "", sums[k].fund, sums[k].county, sums[k].amount);
    for (uint32_t i = 0; !n && i < law->divisions.count; i++)
        if (!*county || strcmp(law->divisions.items[i].name, county) == 0)
            add_line(to, "", now->employee_fund, law->divisions.items[i].name, 0);
}

// By county; where there are many, for the city as a whole.
static void budget_lines(const char *county, char *to) {
    const char *const funds[] = {now->employee_fund, now->resident_fund, now->third_fund};
    const bool whole = !*county && law->divisions.count > 6;
    for (uint32_t i = 0; i < (whole ? 1 : law->divisions.count); i++) {
        const char *of = whole ? "" : law->divisions.items[i].name;
        const fen_t times = whole ? law->divisions.count : 1;
        if (*county && strcmp(of, county) != 0) continue;
        for (size_t f = 0; f < COUNT_OF(funds) && funds[f]; f++) {
            add_line(to, "revenue", funds[f], of, 90000000 * times);
            add_line(to, "spending", funds[f], of, 80000000 * times);
        }
    }
}

static bool settle(const Tc__FundTask *task, const char *state, const char *text) {
    return rig_ask(&rig, "settle_task",
                   "{'flow':'%s','step':'%s','period':'%s','county':'%s','state':'%s','text':'%s'}", task->flow,
                   task->step, task->period, task->county, state, text) == E_OK;
}

static bool do_task(const Tc__FundTask *task, const duty_t *duty, date_t on) {
    char lines[LINES_TEXT] = "";
    const char *extra = "";
    if (duty->what == WHAT_VOID) return settle(task, "void", duty->text);
    if (duty->what == WHAT_EXPLAIN) return settle(task, "explained", duty->text);
    if (duty->first_county && strcmp(task->county, law->divisions.items[0].name) != 0)
        return settle(task, "void", "nothing of the kind here");
    if (duty->what == WHAT_OWED) owed_lines(task->county, lines);
    if (duty->what == WHAT_BUDGET) budget_lines(task->county, lines);
    if (duty->what == WHAT_DIRECT) extra = ",'direct':true";
    const int rc =
        rig_ask(&rig, "do_task", "{'flow':'%s','step':'%s','period':'%s','county':'%s','on':'%s','lines':[%s]%s}",
                task->flow, task->step, task->period, task->county, text_of(on), lines, extra);
    if (rc && rc != E_DENIED) // no budget yet: again later
        fprintf(stderr, "%s %s %s.%s %s %s: %s %s\n", now->city, text_of(on), task->flow, task->step, task->period,
                task->county, err_name(rc), rig.err.text);
    return rc == E_OK;
}

static size_t list(const char *state, date_t on, Tc__FundTask ***out) {
    RIG_DO(&rig, "list_tasks", "{'state':'%s','on':'%s','limit':2000}", state, text_of(on));
    const Tc__FundTasks *tasks = (const Tc__FundTasks *)rig.reply;
    *out = tasks->tasks;
    return tasks->n_tasks;
}

static void clerk(date_t on) {
    for (int pass = 0; pass < PASSES_MAX; pass++) {
        Tc__FundTask **tasks;
        const size_t count = list("", on, &tasks);
        int done = 0;
        for (size_t i = 0; i < count; i++) {
            const duty_t *duty = duty_of(tasks[i]);
            if (!tasks[i]->ready || !is_time(duty, tasks[i], on)) continue;
            const bool ok = do_task(tasks[i], duty, on);
            NEED(ok || rig.err.code == E_DENIED);
            done += ok;
        }
        done_count += done;
        if (!done) return;
    }
    NEED(!"the clerk never finishes");
}

// Facilities where no step of a flow pays them: what orders of payment do.
static void pay_all(date_t on) {
    fact_owed_t *owed;
    size_t count;
    err_t err = {0};
    NEED(facts_owed(rig.ctx.store, NULL, text_of(on), rig.ctx.arena, &owed, &count, &err) == E_OK);
    NEED(store_begin(rig.ctx.store, &err) == E_OK);
    for (size_t i = 0; i < count; i++) {
        char reference[64];
        Tc__JournalEntry *entry;
        const payment_line_t line = {owed[i].layer, owed[i].fund, owed[i].county, owed[i].year, owed[i].amount};
        const payment_t payment = {reference, owed[i].facility, NULL, &line, 1, on, "order"};
        snprintf(reference, sizeof reference, "O-%d", ++serial);
        if (money_pay(settlement, &payment, rig.ctx.arena, &entry, &err)) fprintf(stderr, "%s\n", err.text);
        NEED(err.code == E_OK);
    }
    rig.err = (err_t){0};
    NEED(rig_commit(&rig, E_OK, false) == E_OK);
}

// ---- a day, a year

static void month_of_events(date_t on) {
    int year, month, d;
    date_split(on, &year, &month, &d);
    for (uint32_t i = 0; i < law->divisions.count && year == now->year; i++) {
        const char *county = law->divisions.items[i].name;
        if (d == 5) receipt(county, on, 1000000 + month * 1000 + i * 100, 400000 + i * 10);
        if (d == 15) receipt(county, on, 500000 + month * 7, 0);
        if (d == 20) bill_of(county, on, "employee", now->layer, 700000 + month * 13 + i);
        if (d == 20) bill_of(county, on, "resident", now->layer, 200000 + month * 3 + i);
    }
}

static void plan(date_t from, date_t to) {
    RIG_DO(&rig, "plan_tasks", "{'from':'%s','to':'%s'}", text_of(from), text_of(to));
    late_count += ((const Tc__PlannedTasks *)rig.reply)->late;
}

static void live(date_t on) {
    arena_reset(rig.ctx.arena);
    rig.reply = NULL;
    if (date_year(on) == now->year) plan(on, on); // what begins today, and what is late
    month_of_events(on);
    if (now->event) now->event(on);
    clerk(on);
    if (!now->step_pays && on == month_last(month_of(on))) pay_all(on);
}

static int64_t one_number(const char *sql) {
    rows_t rows;
    err_t err = {0};
    if (store_query(rig.ctx.store, sql, NULL, 0, rig.ctx.arena, &rows, &err)) fprintf(stderr, "%s\n", err.text);
    NEED(err.code == E_OK);
    return rows.count ? row_i64(&rows, 0, 0) : 0;
}

// ---- the end

static int by_text(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

static void digest_of(const char *sql, uint8_t out[SHA256_BYTES]) {
    rows_t rows;
    err_t err = {0};
    NEED(store_query(rig.ctx.store, sql, NULL, 0, rig.ctx.arena, &rows, &err) == E_OK);
    char **texts = arena_alloc(rig.ctx.arena, (rows.count + 1) * sizeof *texts);
    size_t bytes = 0, used = 0;
    for (size_t i = 0; i < rows.count; i++) {
        texts[i] = T("");
        for (size_t c = 0; c < rows.width; c++) {
            const cell_t *cell = rows_at(&rows, i) + c;
            texts[i] = cell->type == CELL_I64 ? arena_text(rig.ctx.arena, "%s|%lld", texts[i], (long long)cell->i64)
                                              : arena_text(rig.ctx.arena, "%s|%s", texts[i], (const char *)cell->data);
        }
        bytes += strlen(texts[i]) + 1;
    }
    qsort(texts, rows.count, sizeof *texts, by_text);
    char *all = arena_alloc(rig.ctx.arena, bytes + 1);
    for (size_t i = 0; i < rows.count; i++) used += (size_t)sprintf(all + used, "%s\n", texts[i]);
    sha256(all, used, out);
}

static void check_digest(void) {
    static const char *const tables[] = {
        "SELECT account, fund, year, identity, division, amount_fen FROM balance WHERE amount_fen <> 0",
        "SELECT flow, period, step, county, state, amount_fen, turns, done_on FROM fund_task",
        "SELECT flow, period, step, county, turn, fund, line_county, line, year, amount_fen FROM fund_line",
        // Who explains a task or makes it void does so on the day on which this test runs.
        ("SELECT reference, kind, CASE WHEN kind IN ('task_explained', 'task_void') THEN '' ELSE value_date END"
         " FROM journal")};
    uint8_t parts[COUNT_OF(tables)][SHA256_BYTES], all[SHA256_BYTES];
    char hex[2 * SHA256_BYTES + 1];
    for (size_t i = 0; i < COUNT_OF(tables); i++) digest_of(tables[i], parts[i]);
    sha256(parts, sizeof parts, all);
    hex_encode(all, SHA256_BYTES, hex);
    hex[16] = 0;
    printf("%s %d: %lld tasks done, %lld were late, %lld journal entries, digest %s\n", now->city, now->year,
           done_count, late_count, (long long)one_number("SELECT COUNT(*) FROM journal"), hex);
    EQ_TEXT(hex, now->digest);
}

static void check_end(void) {
    Tc__FundTask **tasks;
    EQ(one_number("SELECT COUNT(*) FROM (SELECT fund FROM posting GROUP BY fund HAVING SUM(amount_fen) <> 0) AS f"), 0);
    EQ(one_number("SELECT COUNT(*) FROM (SELECT partition, number, fund FROM posting GROUP BY partition, number, fund"
                  " HAVING SUM(amount_fen) <> 0) AS e"),
       0);
    EQ(one_number("SELECT COUNT(*) FROM (SELECT account, fund, year, identity, division, amount_fen FROM balance"
                  " EXCEPT SELECT account, fund, year, identity, division, SUM(amount_fen) FROM posting"
                  " GROUP BY account, fund, year, identity, division) AS d"),
       0);
    for (uint32_t i = 0; i < law->fund->account_count; i++) {
        const fund_account_t *account = &law->fund->accounts[i];
        fen_t balance = 0;
        if (!account_keeps_money(account->kind)) continue;
        NEED(money_balance(settlement, account->name, NULL, NULL, &balance, NULL) == E_OK);
        OK(balance >= 0);
        if (account->kind == ACCOUNT_INCOME || account->kind == ACCOUNT_TREASURY) EQ(balance, 0);
    }
    const size_t open = list("", day("2026-01-01"), &tasks);
    EQ(open, 0);
    for (size_t i = 0; i < open; i++)
        fprintf(stderr, "%s: %s.%s of %s %s is %s: %s\n", now->city, tasks[i]->flow, tasks[i]->step, tasks[i]->period,
                tasks[i]->county, tasks[i]->state, tasks[i]->why);
    // Revenue and spending of the year are in the surplus, and nowhere else.
    EQ(one_number("SELECT COUNT(*) FROM (SELECT account FROM balance WHERE account LIKE 'contribution/%'"
                  " OR account LIKE 'expense/%' OR account LIKE 'transfer/%' GROUP BY account, fund"
                  " HAVING SUM(amount_fen) <> 0) AS o"),
       0);
    check_digest();
}

static void open_city(const city_year_t *year) {
    policy_t *policy = NULL;
    calendar_t *calendar = NULL;
    char path[512];
    err_t err = {0};
    now = year, serial = 0, done_count = late_count = 0;
    event_number[0] = event_number[1] = 0;
    snprintf(path, sizeof path, TC_SOURCE_DIR "/config/cities/%s.yaml", year->city);
    rig_open(&rig, &settlement_service);
    NEED(policy_load(&policy, path, NULL, &err) == E_OK);
    NEED(calendar_load(&calendar, TC_SOURCE_DIR "/config/calendar", &err) == E_OK);
    NEED(settlement_new(&settlement, &rig.ctx, &err) == E_OK);
    NEED(settlement_set_law(settlement, policy, calendar, &err) == E_OK);
    rig.self = settlement;
    law = policy;
}

static void close_city(void) {
    settlement_destroy(&settlement);
    rig_close(&rig);
}

static void year_of(const city_year_t *year) {
    const date_t first = date_make(year->year, 1, 1);
    open_city(year);
    if (year->begins) year->begins();
    for (date_t on = first; on <= date_make(year->year, 12, 31); on++) live(on);
    for (date_t on = date_make(year->year + 1, 1, 1); on <= date_make(year->year + 1, 2, 28); on++) live(on);
    RIG_DO(&rig, "close_year", "{'year':%d,'text':'year %d'}", year->year, year->year);
    check_end();
    close_city();
}

// ---- what happens in each city beside receipts and bills

static void opening(const char *account, const char *county, const char *fund, const char *amount) {
    RIG_DO(
        &rig, "open_balance",
        "{'reference':'OPEN-%d','account':'%s','county':'%s','fund':'%s','amount':'%s','on':'%d-12-31','text':'audit'}",
        ++serial, account, county, fund, amount, now->year - 1);
}

static void due(const char *flow, const char *step, const char *period, const char *county, const char *fund,
                const char *amount, const char *more) {
    RIG_DO(&rig, "state_due",
           "{'flow':'%s','step':'%s','period':'%s','county':'%s','fund':'%s','amount':'%s','paper':'audit'%s}", flow,
           step, period, county, fund, amount, more);
}

static void open_case(const char *flow, const char *county, const char *fund, const char *amount, date_t on) {
    RIG_DO(&rig, "open_case", "{'flow':'%s','county':'%s','fund':'%s','amount':'%s','on':'%s','text':'as found'}", flow,
           county, fund, amount, text_of(on));
}

#define CITY_YEAR(n, y, of, ...)                                                                                       \
    { .city = n, .year = y, .duties = of, .duty_count = COUNT_OF(of), __VA_ARGS__ }

static const duty_t zaozhuang[] = {
    {"plan_and_payout", "fix_plan", WHEN_22ND, WHAT_OWED, "", false},
    {"plan_and_payout", "county_plan", WHEN_DUE, WHAT_OWED, "", false},
    {"plan_and_payout", "county_pays", WHEN_DUE, WHAT_DIRECT, "", false},
    {"risk_watch", "watch", WHEN_DUE, WHAT_EXPLAIN, "no figure is published", false},
    {"risk_watch", "warn", WHEN_DUE, WHAT_VOID, "no figure is published", false},
    {"reconciliation", "finance_and_city", WHEN_DUE, WHAT_EXPLAIN, "no bank sends statements here", false},
    {"reconciliation", "city_and_counties", WHEN_DUE, WHAT_EXPLAIN, "no bank sends statements here", false},
    {"reconciliation", "business_and_finance", WHEN_DUE, WHAT_EXPLAIN, "no bank sends statements here", false},
    {"reconciliation", "books_and_statements", WHEN_DUE, WHAT_EXPLAIN, "no bank sends statements here", false},
    {"budget", "draft", WHEN_AT_ONCE, WHAT_BUDGET, "", false},
    {"budget", "county_review", WHEN_AT_ONCE, WHAT_PLAIN, "", false},
    {"budget", "add_up", WHEN_AT_ONCE, WHAT_PLAIN, "", false},
    {"budget", "balance", WHEN_AT_ONCE, WHAT_PLAIN, "", false},
    {"budget", "city_review", WHEN_AT_ONCE, WHAT_PLAIN, "", false},
    {"budget", "government_approves", WHEN_AT_ONCE, WHAT_PLAIN, "", false},
    {"budget", "congress_approves", WHEN_AT_ONCE, WHAT_PLAIN, "", false},
    {"budget", "execute", WHEN_YEAR_END, WHAT_PLAIN, "", false},
    {"budget_change", "propose", WHEN_AT_ONCE, WHAT_BUDGET, "", false},
};

static void zaozhuang_begins(void) {
    plan(day("2019-12-31"), day("2019-12-31"));
    for (uint32_t i = 0; i < law->divisions.count; i++)
        opening("special_county", law->divisions.items[i].name, "EMP_POOL", "30000.00");
}

static void zaozhuang_event(date_t on) {
    if (on == day("2020-06-01")) open_case("budget_change", "", "", "0.00", on);
    if (on == day("2020-07-01")) {
        RIG_DO(&rig, "allot",
               "{'reference':'ALLOT-1','allotment':'employee_critical_illness','amount':'5000.00',"
               "'year':2020,'on':'2020-07-01','text':'premium'}");
        RIG_DO(&rig, "settle_between",
               "{'reference':'BETWEEN-1','reason':'employee_critical_illness','from':'EMP_POOL','to':'EMP_CII',"
               "'account':'special_city','amount':'5000.00','on':'2020-07-02','text':'premium'}");
    }
    if (on == day("2020-07-21")) bill_of("370402", on, "employee", "critical_illness", 123456);
}

static const duty_t yancheng[] = {
    {"subsidy", "pay", WHEN_AT_ONCE, WHAT_PLAIN, "", false},
    {"spending", "plan", WHEN_DUE, WHAT_OWED, "", false},
    {"spending", "settle", WHEN_DUE, WHAT_DIRECT, "", false},
    {"old_gap", "pay", WHEN_AT_ONCE, WHAT_PLAIN, "", true},
    {"county_gap", "find_policy", WHEN_AT_ONCE, WHAT_VOID, "the subsidy is the cause", false},
    {"county_gap", "pursue", WHEN_AT_ONCE, WHAT_VOID, "the county topped it up", false},
    {"year_gap", "adjust_policy", WHEN_YEAR_END, WHAT_VOID, "no gap is left", false},
    {"budget", "draft", WHEN_AT_ONCE, WHAT_BUDGET, "", false},
    {"budget", "balance", WHEN_AT_ONCE, WHAT_PLAIN, "", false},
    {"budget", "issue", WHEN_AT_ONCE, WHAT_PLAIN, "", false},
    {"budget", "final_accounts", WHEN_YEAR_END, WHAT_PLAIN, "", false},
};

static void yancheng_begins(void) {
    for (uint32_t i = 0; i < law->divisions.count; i++) {
        const char *county = law->divisions.items[i].name;
        opening("special_county", county, "EMP", "40001.01");
        opening("special_county", county, "RES", "8000.00");
        due("old_surplus", "", "", county, "EMP", "40001.01", "");
        due("prepaid_premiums", "", "", county, "RES", "8000.00", "");
        due("subsidy", "", "2020", county, "RES", "30000.00", "");
    }
    due("old_gap", "", "", law->divisions.items[0].name, "EMP", "1234.56", "");
}

static void yancheng_event(date_t on) {
    if (on == day("2020-05-10")) open_case("county_gap", "320902", "RES", "1200.00", on);
}

static const duty_t zhoushan[] = {
    {"spending", "plan", WHEN_DUE, WHAT_OWED, "", false},
    {"provider_year", "control_figure", WHEN_AT_ONCE, WHAT_PLAIN, "", false},
    {"history", "clear", WHEN_AT_ONCE, WHAT_PLAIN, "", false},
    {"history", "pay_debts", WHEN_AT_ONCE, WHAT_PLAIN, "", true},
    {"history", "fill_gap", WHEN_AT_ONCE, WHAT_PLAIN, "", true},
    {"history", "hand_over_surplus", WHEN_AT_ONCE, WHAT_PLAIN, "", true},
    {"budget", "county_draft", WHEN_AT_ONCE, WHAT_BUDGET, "", false},
    {"budget", "draft", WHEN_AT_ONCE, WHAT_PLAIN, "", false},
    {"budget", "review", WHEN_AT_ONCE, WHAT_PLAIN, "", false},
    {"budget", "approve", WHEN_AT_ONCE, WHAT_PLAIN, "", false},
};

static void zhoushan_begins(void) {
    const char *county = law->divisions.items[0].name;
    opening("special_county", county, "RES", "7000.00");
    due("history", "pay_debts", "", county, "EMP", "500.00", "");
    due("history", "fill_gap", "", county, "RES", "600.00", "");
    due("history", "hand_over_surplus", "", county, "RES", "7000.00", "");
}

static const duty_t sanmenxia[] = {
    {"spending", "release", WHEN_DUE, WHAT_OWED, "", false},
    {"old_surplus", "hand_over", WHEN_AT_ONCE, WHAT_PLAIN, "", true},
    {"old_deficit", "first_year", WHEN_DUE, WHAT_PLAIN, "", true},
    {"old_deficit", "second_year", WHEN_DUE, WHAT_PLAIN, "", true},
    {"old_deficit", "rest", WHEN_YEAR_END, WHAT_PLAIN, "", true},
    {"old_deficit", "withhold", WHEN_YEAR_END, WHAT_VOID, "the county paid", false},
    {"budget", "propose", WHEN_AT_ONCE, WHAT_BUDGET, "", false},
    {"budget", "review", WHEN_AT_ONCE, WHAT_PLAIN, "", false},
    {"budget", "balance", WHEN_AT_ONCE, WHAT_PLAIN, "", false},
    {"budget", "issue", WHEN_AT_ONCE, WHAT_PLAIN, "", false},
    {"budget", "final_accounts", WHEN_YEAR_END, WHAT_PLAIN, "", false},
};

static void sanmenxia_begins(void) {
    const char *county = law->divisions.items[0].name;
    opening("special_county", county, "EMP_POOL", "9000.00");
    due("old_deficit", "", "", county, "EMP_POOL", "10000.00", ",'contributed':'3000.00','enjoyed':'1000.00'");
}

static void sanmenxia_event(date_t on) {
    if (on == day("2022-04-01")) open_case("old_claims", law->divisions.items[1].name, "", "0.00", on);
    if (on == day("2022-12-31"))
        RIG_DO(&rig, "share_interest",
               "{'reference':'INTEREST-2022','bank':'bank','account':'special_city','amount':'777.77',"
               "'from':'2022-01-01','to':'2022-12-31','on':'2022-12-31','text':'bank advice'}");
}

static const duty_t jiangmen[] = {
    {"reserve_watch", "watch", WHEN_DUE, WHAT_PLAIN, "", false},
    {"budget", "draft", WHEN_AT_ONCE, WHAT_BUDGET, "", false},
    {"budget", "approve", WHEN_AT_ONCE, WHAT_PLAIN, "", false},
    {"budget", "final_accounts", WHEN_YEAR_END, WHAT_PLAIN, "", false},
};

static void jiangmen_event(date_t on) {
    if (on == day("2019-08-01")) open_case("backstop", "440703", "BASIC", "2500.00", on);
}

static const city_year_t years[] = {
    CITY_YEAR("zaozhuang", 2020, zaozhuang, .employee_fund = "EMP_POOL", .resident_fund = "RES_POOL",
              .third_fund = "EMP_CII", .layer = "basic", .step_pays = true, .begins = zaozhuang_begins,
              .event = zaozhuang_event, .digest = "f92c6dd96890b71c"),
    CITY_YEAR("yancheng", 2020, yancheng, .employee_fund = "EMP", .resident_fund = "RES", .layer = "basic",
              .step_pays = true, .begins = yancheng_begins, .event = yancheng_event, .digest = "3500e01b71cc8daa"),
    CITY_YEAR("zhoushan", 2021, zhoushan, .employee_fund = "EMP", .resident_fund = "RES", .layer = "basic",
              .begins = zhoushan_begins, .digest = "7c5166b10e3e1c97"),
    CITY_YEAR("sanmenxia", 2022, sanmenxia, .employee_fund = "EMP_POOL", .resident_fund = "RESIDENT", .layer = "basic",
              .begins = sanmenxia_begins, .event = sanmenxia_event, .digest = "1c90a4c1349124f5"),
    CITY_YEAR("jiangmen", 2019, jiangmen, .employee_fund = "BASIC", .layer = "tier1", .event = jiangmen_event,
              .digest = "6761f4500dd69314"),
};

TEST(a_year_in_zaozhuang) { year_of(&years[0]); }
TEST(a_year_in_yancheng) { year_of(&years[1]); }
TEST(a_year_in_zhoushan) { year_of(&years[2]); }
TEST(a_year_in_sanmenxia) { year_of(&years[3]); }
TEST(a_year_in_jiangmen) { year_of(&years[4]); }

TEST(the_ground_is_laid) { rig_ground_start(); }
TEST(the_ground_is_cleared) { rig_ground_stop(); }

TESTS("fund year", CASE(the_ground_is_laid), CASE(a_year_in_zaozhuang), CASE(a_year_in_yancheng),
      CASE(a_year_in_zhoushan), CASE(a_year_in_sanmenxia), CASE(a_year_in_jiangmen), CASE(the_ground_is_cleared))
