// Callers are fibers of one node that never dies, each with a client of its own. The model of a bill says which answers
// are lawful at the moment its command ends: others may have been at it meanwhile.
#include "load.h"
#include "books.h"
#include "caller.h"
#include "errands.h"
#include "common/base/hash.h"
#include "common/base/ids.h"
#include "common/policy/policy.h"
#include "common/wire/message.h"
#include "adjudication.pb-c.h"
#include "collection.pb-c.h"
#include "readjudication.pb-c.h"
#include "system.h"
#include "visits.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    PERSONS_MAX = 32,
    EMPLOYERS_MAX = 3,
    FACILITIES = 3,
    CALLERS_MAX = 8,
    BILLS_MAX = 2048,
    MONTHS = 8, // billed for employees
    CATCH_UP_S = 60,
};

typedef enum bill_state { BILL_NEW, BILL_SETTLED, BILL_REFUSED } bill_state_t;

typedef struct bill {
    char number[24], id[24], facility[32], date[32], json[CALLER_JSON_BYTES];
    char script[CALLER_JSON_BYTES]; // as the undisturbed run sends it; "": the same
    int person, day;                // of discharge
    bill_state_t state;
    bool reverse_asked, reversed, checked;
    char reverse_id[24];
    uint8_t *reply; // to settle
    size_t reply_bytes;
} bill_t;

typedef struct person {
    char number[16];
    int employer; // −1: a resident, who pays a yearly fee
    bool enrolled, paid;
    bool late; // pays in the middle of the run
} person_t;

static struct {
    load_conf_t conf;
    person_t persons[PERSONS_MAX];
    bool month_paid[EMPLOYERS_MAX];
    int enrolled;
    bill_t *bills;
    size_t bill_count;
    caller_t callers[CALLERS_MAX];
    int running;
    bool founded;
    node_t *node;
    int64_t healed_us; // 0: faults still come
    FILE *script;
} load;

// ---- the city's people

static void found_facilities(caller_t *c) {
    for (int i = 0; i < FACILITIES; i++) {
        caller_must(c, "facility", "register_facility", NULL,
                    "{'facility':'H9900010000%d','name':'示例医院','kind':'hospital','level':'%d','division':'440703'}",
                    i + 1, i + 1);
        caller_must(c, "facility", "sign_agreement", NULL,
                    "{'facility':'H9900010000%d','agreement':'A%d','from':'2018-01-01','until':'2018-12-31'}", i + 1,
                    i);
    }
}

static void found_employers(caller_t *c) {
    for (int i = 0; i < load.conf.employers; i++) {
        char code[32];
        snprintf(code, sizeof code, "91440703%09d", i + 1);
        code[17] = uscc_check_char(code);
        code[18] = 0;
        caller_must(c, "enrollment", "register_employer", NULL,
                    "{'employer':'E%d','uscc':'%s','name':'示例单位%d','kind':'enterprise','division':'440703'}", i,
                    code, i);
    }
}

static void found_person(caller_t *c, int i) {
    person_t *person = &load.persons[i];
    char citizen[48];
    snprintf(citizen, sizeof citizen, "4407031980%02d%02d%03d", i / 28 + 1, i % 28 + 1, i * 2 + 1);
    citizen[17] = citizen_id_check_char(citizen);
    citizen[18] = 0;
    caller_must(c, "enrollment", "register_person", NULL,
                "{'person':'%s','citizen_id':'%s','name':'示例%d','division':'440703'}", person->number, citizen, i);
    if (person->employer < 0)
        caller_must(c, "enrollment", "open_spell", NULL,
                    "{'person':'%s','from_month':'2018-01','identity':'resident','prior_months_tier1':40}",
                    person->number);
    else
        caller_must(c, "enrollment", "open_spell", NULL,
                    "{'person':'%s','from_month':'2018-01','identity':'employee','employer':'E%d','wage':'%d.00',"
                    "'prior_months_tier1':40,'prior_months_tier2':40}",
                    person->number, person->employer, 5000 + i * 100);
    person->enrolled = true;
    load.enrolled++;
}

// Collection hears of people by a stream: until it has, there is nothing due. NULL: not yet.
static const Tc__Due *due(caller_t *c, const char *who, const char *number, const char *period) {
    const Tc__Due *found = (const Tc__Due *)caller_must(c, "collection", "get_due", NULL, "{'%s':'%s','period':'%s'}",
                                                        who, number, period);
    return found && found->bills ? found : NULL;
}

static void receive(caller_t *c, const char *receipt, const char *who, const char *number, const char *period,
                    int64_t fen) {
    char json[CALLER_JSON_BYTES], id[24];
    reply_t reply;
    snprintf(json, sizeof json,
             "{\"receipt\":\"%s\",\"%s\":\"%s\",\"period\":\"%s\",\"amount\":\"%lld.%02d\",\"paid_on\":\"2017-12-20\"}",
             receipt, who, number, period, (long long)(fen / 100), (int)(fen % 100));
    const order_t command = {"collection", "receive", caller_id(c, id), json};
    int code = caller_ask(c, &command, &reply);
    if (code) world_fail("receive %s: %s %s", json, err_name(code), reply.text);
}

static void pay_person(caller_t *c, int i) {
    const person_t *person = &load.persons[i];
    char receipt[24];
    const Tc__Due *owed;
    for (int looks = 0; !(owed = due(c, "person", person->number, "2018"));) {
        caller_wait(&looks);
        caller_must(c, "collection", "bill_year", NULL, "{'year':2018}");
    }
    snprintf(receipt, sizeof receipt, "R%d", i);
    receive(c, receipt, "person", person->number, "2018", owed->amount_fen);
    load.persons[i].paid = true;
}

static int members(int employer) {
    int count = 0;
    for (int i = 0; i < load.conf.persons; i++) count += load.persons[i].employer == employer;
    return count;
}

static void pay_employer(caller_t *c, int employer) {
    char number[16], period[16], receipt[48];
    snprintf(number, sizeof number, "E%d", employer);
    for (int month = 1; month <= MONTHS && members(employer); month++) {
        const Tc__Due *owed;
        snprintf(period, sizeof period, "2018-%02d", month);
        while (!(owed = due(c, "employer", number, period)) || owed->bills < members(employer)) {
            caller_pause(100000, 500000);
            caller_must(c, "collection", "bill_month", NULL, "{'month':'%s'}", period);
        }
        snprintf(receipt, sizeof receipt, "R%s-%d", number, month);
        receive(c, receipt, "employer", number, period, owed->amount_fen);
    }
    load.month_paid[employer] = true;
}

// ---- bills

// A bill as it is sent: `more` is what follows its filing.
static void write_bill(bill_t *bill, const char *more, char out[static CALLER_JSON_BYTES]) {
    const int length = snprintf(
        out, CALLER_JSON_BYTES,
        "{\"bill\":\"%s\",\"person\":\"%s\",\"facility\":\"%s\",\"type\":\"inpatient\",\"from\":\"%s\",\"to\":\"%s\","
        "\"area\":\"city\",\"filing\":\"none\"%s%s}",
        bill->number, load.persons[bill->person].number, bill->facility, bill->date, bill->date, more,
        load.conf.accounts ? ",\"pay_from_account\":true" : "");
    CHECK(length < CALLER_JSON_BYTES);
}

// `person` −1: anybody. NULL when there have been enough.
static bill_t *bill_begin(caller_t *c, int person) {
    if (load.bill_count == BILLS_MAX) return NULL;
    bill_t *bill = &load.bills[load.bill_count];
    *bill = (bill_t){.person = (int)draw_to((uint64_t)load.conf.persons), .day = (int)draw_to(9 * 28)};
    if (chance(500000)) bill->person = (int)draw_to(2); // few are ill often
    if (person >= 0) bill->person = person;
    snprintf(bill->number, sizeof bill->number, "B%zu", load.bill_count);
    snprintf(bill->facility, sizeof bill->facility, "H9900010000%d", (int)draw_to(FACILITIES) + 1);
    snprintf(bill->date, sizeof bill->date, "2018-%02d-%02d", bill->day / 28 + 1, bill->day % 28 + 1);
    caller_id(c, bill->id);
    load.bill_count++;
    return bill;
}

static bill_t *bill_new(caller_t *c, int person) {
    char more[128];
    bill_t *bill = bill_begin(c, person);
    if (!bill) return NULL;
    const int64_t total = draw_between(1, chance(200000) ? 150000 : 9000) * 100 + (int64_t)draw_to(100);
    const int64_t in_scope = total - (int64_t)draw_to((uint64_t)total / 4 + 1);
    snprintf(more, sizeof more, ",\"total\":\"%lld.%02d\",\"in_scope\":\"%lld.%02d\"", (long long)(total / 100),
             (int)(total % 100), (long long)(in_scope / 100), (int)(in_scope % 100));
    write_bill(bill, more, bill->json);
    return bill;
}

static void keep_reply(bill_t *bill, const reply_t *reply) {
    if (bill->reply) {
        if (bill->reply_bytes != reply->body_bytes || memcmp(bill->reply, reply->body, reply->body_bytes) != 0)
            world_fail("bill %s: asked again under %s it was answered differently", bill->number, bill->id);
        return;
    }
    bill->reply = malloc(reply->body_bytes + 1);
    CHECK(bill->reply);
    memcpy(bill->reply, reply->body, reply->body_bytes);
    bill->reply_bytes = reply->body_bytes;
}

// Collection hears of people, and adjudication of hospitals, by streams, which faults hold up.
static bool may_not_have_heard(const bill_t *bill, int code, const reply_t *reply) {
    const bool catching_up = !load.healed_us || world_us() - load.healed_us < CATCH_UP_S * INT64_C(1000000);
    return code == E_NOT_FOUND && catching_up &&
           (!load.persons[bill->person].paid || strstr(reply->text, "is not registered"));
}

// Is the answer lawful?
static void take_settled(bill_t *bill, int code, const reply_t *reply) {
    if (!code) {
        keep_reply(bill, reply);
        bill->state = BILL_SETTLED;
    } else if (code == E_REVERSED && bill->reverse_asked && bill->state == BILL_NEW) {
        bill->state = BILL_REFUSED;
    } else if (bill->state == BILL_NEW && may_not_have_heard(bill, code, reply)) {
        bill->state = BILL_REFUSED;
    } else if (code != E_REVERSED || bill->state != BILL_REFUSED) {
        world_fail("settle %s (%s): %s %s", bill->id, bill->number, err_name(code), reply->text);
    }
}

static void settle(caller_t *c, bill_t *bill) {
    const order_t command = {"adjudication", "settle", bill->id, bill->json};
    reply_t reply;
    trace("settles %s of %s as %s", bill->number, load.persons[bill->person].number, bill->id);
    int code = caller_ask(c, &command, &reply);
    take_settled(bill, code, &reply);
}

// By lines that were registered before; the undisturbed run sends them with the bill.
static void settle_visit(caller_t *c) {
    char lines[VISIT_LINES_BYTES], more[VISIT_LINES_BYTES + 32];
    bill_t *bill = bill_begin(c, -1);
    if (!bill) return;
    visit_draw_lines(lines);
    snprintf(more, sizeof more, ",\"lines\":[%s]", lines);
    write_bill(bill, more, bill->script);
    write_bill(bill, ",\"lines_registered\":true", bill->json);
    if (visit_open(c, bill->number, load.persons[bill->person].number, bill->facility, bill->date, lines))
        settle(c, bill);
    else
        bill->state = BILL_REFUSED;
}

// Several bills of one person at once.
static void settle_burst(caller_t *c) {
    bill_t *bills[CALLER_BURST_MAX];
    reply_t reply;
    const size_t wanted = (size_t)draw_between(2, CALLER_BURST_MAX);
    size_t count = 0;
    err_t err = {0};
    arena_reset(c->arena);
    while (count < wanted && (bills[count] = bill_new(c, count ? bills[0]->person : -1))) {
        const order_t command = {"adjudication", "settle", bills[count]->id, bills[count]->json};
        const cli_method_t *method = order_method(&command);
        ProtobufCMessage *message;
        size_t bytes;
        CHECK(!message_from_json(&message, method->request, command.json, strlen(command.json), c->arena, &err));
        void *body = message_pack(message, c->arena, &bytes);
        const call_t call = {.service = command.service,
                             .method = command.method,
                             .key = load.persons[bills[0]->person].number,
                             .request_id = command.id,
                             .body = body,
                             .body_bytes = bytes,
                             .deadline_ms = CALLER_DEADLINE_MS,
                             .tag = bills[count]};
        count += client_send(c->client, &call, &err) == E_OK;
    }
    for (size_t left = count; left > 0;) {
        if (client_next(c->client, &reply, 1000) != 1) continue;
        left--;
        if (answer_is_unknown(reply.code)) continue;
        take_settled(reply.tag, reply.code, &reply);
        caller_count_answer();
    }
    for (size_t i = 0; i < count; i++)
        if (bills[i]->state == BILL_NEW) settle(c, bills[i]);
}

static bill_t *any_bill(bill_state_t state) {
    for (int tries = 0; load.bill_count && tries < 8; tries++) {
        bill_t *bill = &load.bills[draw_to(load.bill_count)];
        if (bill->state == state) return bill;
    }
    return NULL;
}

// The same bill under another id.
static void settle_otherwise(caller_t *c, const bill_t *bill) {
    char id[24];
    reply_t reply;
    const order_t command = {"adjudication", "settle", caller_id(c, id), bill->json};
    int code = caller_ask(c, &command, &reply);
    if (code != E_EXISTS && !(code == E_REVERSED && bill->reverse_asked))
        world_fail("bill %s was settled again as %s: %s %s", bill->number, id, err_name(code), reply.text);
}

// Another bill under the same id.
static void settle_conflict(caller_t *c, const bill_t *bill) {
    char json[CALLER_JSON_BYTES];
    reply_t reply;
    snprintf(json, sizeof json, "%s", bill->json);
    char *day = strstr(json, "\"to\":\"2018-");
    CHECK(day);
    memcpy(day + 6, "2018-09-28", 10);
    if (strcmp(json, bill->json) == 0) return;
    const order_t command = {"adjudication", "settle", bill->id, json};
    int code = caller_ask(c, &command, &reply);
    if (code != E_CONFLICT) world_fail("id %s was used for another bill: %s %s", bill->id, err_name(code), reply.text);
}

static void reverse(caller_t *c, bill_t *bill) {
    char json[CALLER_JSON_BYTES];
    reply_t reply;
    const bool first = !bill->reverse_asked;
    snprintf(json, sizeof json, "{\"bill\":\"%s\",\"person\":\"%s\",\"reason\":\"entered twice\"}", bill->number,
             load.persons[bill->person].number);
    if (first) caller_id(c, bill->reverse_id);
    bill->reverse_asked = true;
    trace("reverses %s (%s) as %s", bill->number, bill->state == BILL_SETTLED ? "settled" : "new", bill->reverse_id);
    const order_t command = {"adjudication", "reverse", bill->reverse_id, json};
    int code = caller_ask(c, &command, &reply);
    if (code) world_fail("reverse %s: %s %s", bill->number, err_name(code), reply.text);
    bill->reversed = true;
}

static void look_at_status(caller_t *c, const bill_t *bill) {
    const bool was_settled = bill->state == BILL_SETTLED;
    const Tc__Status *status =
        (const Tc__Status *)caller_must(c, "adjudication", "get_status", NULL, "{'request_id':'%s'}", bill->id);
    if (was_settled && (!status || strcmp(status->state, "done") != 0))
        world_fail("the settled bill %s has status %s", bill->number, status ? status->state : "none");
}

static void quote(caller_t *c) {
    char json[CALLER_JSON_BYTES], id[24];
    reply_t reply;
    const size_t kept = load.bill_count;
    const int serial = c->serial;
    const bill_t *bill = bill_new(c, -1);
    if (!bill) return;
    snprintf(json, sizeof json, "%s", bill->json);
    load.bill_count = kept; // it never was one
    c->serial = serial;
    const order_t command = {"adjudication", "quote", caller_id(c, id), json};
    int code = caller_ask(c, &command, &reply);
    if (code && code != E_NOT_FOUND) world_fail("quote: %s %s", err_name(code), reply.text);
}

static void recompute(caller_t *c) {
    const person_t *person = &load.persons[draw_to((uint64_t)load.conf.persons)];
    caller_must(c, "adjudication", "recompute", NULL, "{'person':'%s','year':2018,'cause':'to be sure'}",
                person->number);
}

// Another law, for all bills of the year.
static void release(caller_t *c) {
    const char *overlays[] = {load.conf.other_law, NULL};
    policy_t *policy = NULL;
    err_t err = {0};
    char hash[65], id[24];
    reply_t reply;
    if (policy_load(&policy, load.conf.law, overlays, &err)) world_fail("%s", err.text);
    Tc__StagePolicy stage = TC__STAGE_POLICY__INIT;
    size_t bytes;
    stage.packed.data = (uint8_t *)(uintptr_t)policy_packed(policy, &bytes);
    stage.packed.len = bytes;
    snprintf(hash, sizeof hash, "%s", policy_hash(policy));
    arena_reset(c->arena);
    const order_t command = {"adjudication", "stage_policy", caller_id(c, id), ""};
    int code = caller_ask_message(c, &command, &stage.base, &reply);
    policy_destroy(&policy);
    if (code) world_fail("stage_policy: %s %s", err_name(code), reply.text);
    caller_must(c, "adjudication", "release_policy", NULL,
                "{'hash':'%s','amends_from':'2018-01-01','reason':'a new notice'}", hash);
    system_count(FAULT_POLICY);
}

// An agreement ended months ago, as is found out now.
static void end_agreement(caller_t *c) {
    caller_must(c, "facility", "end_agreement", NULL,
                "{'facility':'H99000100003','agreement':'A2','last_day':'2018-06-30','reason':'found out late'}");
}

// ---- a caller's day

static void repeat(caller_t *c) {
    bill_t *bill = any_bill(BILL_SETTLED);
    if (!bill) return;
    const uint64_t way = draw_to(10);
    if (way < 6)
        settle(c, bill);
    else if (way < 8)
        settle_otherwise(c, bill);
    else
        settle_conflict(c, bill);
}

static void reverse_some(caller_t *c) {
    bill_t *bill = chance(100000) ? bill_new(c, -1) : any_bill(BILL_SETTLED);
    if (!bill) return;
    const bool never_came = bill->state == BILL_NEW;
    reverse(c, bill);
    if (never_came) settle(c, bill);
}

static void operate(caller_t *c) {
    const uint64_t what = draw_to(100);
    if (what < 20) {
        settle_burst(c);
    } else if (what < 60) {
        bill_t *bill = load.conf.catalogue && chance(300000) ? NULL : bill_new(c, -1);
        if (bill)
            settle(c, bill);
        else if (load.conf.catalogue)
            settle_visit(c);
    } else if (what < 74) {
        repeat(c);
    } else if (what < 84) {
        reverse_some(c);
    } else if (what < 89) {
        recompute(c);
    } else if (what < 95) {
        quote(c);
    } else {
        const bill_t *bill = any_bill(chance(500000) ? BILL_SETTLED : BILL_NEW);
        if (bill) look_at_status(c, bill);
    }
}

static void found_city(caller_t *c) {
    if (c->number == 0) {
        found_facilities(c);
        found_employers(c);
        if (load.conf.catalogue) visits_load_catalogue(c);
        load.founded = true;
    }
    while (!load.founded) fiber_wait(world_us() + 100000);
    for (int i = c->number; i < load.conf.persons; i += load.conf.callers) found_person(c, i);
    while (load.enrolled < load.conf.persons) fiber_wait(world_us() + 100000);
    for (int i = c->number; i < load.conf.persons; i += load.conf.callers)
        if (load.persons[i].employer < 0 && !load.persons[i].late) pay_person(c, i);
    for (int i = c->number; i < load.conf.employers; i += load.conf.callers) pay_employer(c, i);
}

// Errand n is caller n's, spread over its day.
static void run_errands(caller_t *c, int operation) {
    for (int i = c->number; i < load.conf.errands; i += load.conf.callers)
        if (operation == (load.conf.operations + i) * 7 / 11 % (load.conf.operations + 1)) errand_run(c, i);
}

static void pay_late(caller_t *c) {
    for (int i = c->number; i < load.conf.persons; i += load.conf.callers)
        if (load.persons[i].employer < 0 && load.persons[i].late) pay_person(c, i);
}

static void *live(void *self) {
    caller_t *c = self;
    caller_open(c, "admin");
    found_city(c);
    const int middle = (int)draw_to((uint64_t)load.conf.operations + 1);
    for (int i = 0; i <= load.conf.operations; i++) {
        if (i == middle) pay_late(c);
        if (i == middle && c->number == 0 && load.conf.other_law) release(c);
        if (i == middle && c->number == 1 && load.conf.agreement_ends) end_agreement(c);
        run_errands(c, i);
        if (i < load.conf.operations) operate(c);
        if (load.conf.think_max_us && chance(700000)) fiber_wait(world_us() + draw_between(1, load.conf.think_max_us));
    }
    c->done = true;
    load.running--;
    return NULL;
}

// The fund's office, beside the callers.
static void *live_books(void *self) {
    static caller_t clerk = {.number = CALLERS_MAX + 2};
    caller_t *c = self;
    caller_open(c, "admin");
    caller_open(&clerk, "clerk");
    while (!load.founded) fiber_wait(world_us() + 100000);
    books_subsidise(c);
    books_pay_month(c, &clerk, "2018-10");
    load.running--;
    return NULL;
}

// ---- at the end everything anew

// Entitlements from spells and bills, decisions from entitlements and law: nothing may come out otherwise.
static void *live_anew(void *self) {
    caller_t *c = self;
    char after[24] = "";
    const Tc__RebuildRun *run;
    caller_open(c, "admin");
    do {
        run = (const Tc__RebuildRun *)caller_must(c, "collection", "rebuild", NULL, "{'after':'%s'}", after);
        if (!run) world_fail("rebuild is not known");
        if (run->changed) world_fail("%d entitlements are not what their computation anew gives", run->changed);
        snprintf(after, sizeof after, "%s", run->last_person);
    } while (!run->done);
    for (int i = 0; i < load.conf.persons; i++) {
        const Tc__Recomputed *again = (const Tc__Recomputed *)caller_must(
            c, "adjudication", "recompute", NULL, "{'person':'%s','year':2018,'cause':'a look','dry':true}",
            load.persons[i].number);
        if (again && again->n_rows)
            world_fail("bill %s of %s would be decided otherwise now", again->rows[0]->bill, load.persons[i].number);
    }
    load.running--;
    return NULL;
}

void load_compute_anew(void) {
    static caller_t caller = {.number = CALLERS_MAX};
    load.running++;
    fiber_new(load.node, live_anew, &caller);
}

// ---- life

static int be(node_t *node) {
    (void)node;
    for (;;) fiber_wait(world_us() + INT64_C(3600) * 1000000);
    return 0;
}

static void draw_people(void) {
    for (int i = 0; i < load.conf.persons; i++) {
        person_t *person = &load.persons[i];
        snprintf(person->number, sizeof person->number, "P%d", i);
        person->employer = load.conf.employers && chance(400000) ? (int)draw_to((uint64_t)load.conf.employers) : -1;
        person->late = chance(250000);
    }
}

static void start_callers(void *node, uint64_t number) {
    (void)number;
    for (int i = 0; i < load.conf.callers; i++) {
        load.callers[i].number = i;
        fiber_new(node, live, &load.callers[i]);
    }
    static caller_t books = {.number = CALLERS_MAX + 1};
    if (load.conf.books) fiber_new(node, live_books, &books);
}

void load_open(const load_conf_t *conf, const char *const *brokers) {
    static const node_ops_t ops = {.main = be};
    CHECK(conf->persons <= PERSONS_MAX && conf->employers <= EMPLOYERS_MAX && conf->callers <= CALLERS_MAX);
    load.conf = *conf;
    callers_conf(conf->keys_dir, brokers);
    load.bills = calloc(BILLS_MAX, sizeof *load.bills);
    CHECK(load.bills);
    draw_people();
    node_t *node = load.node = node_new("callers", &ops, NULL);
    node_start(node);
    load.running = conf->callers + conf->books;
    world_at(world_us() + 100000, start_callers, node, 0);
}

void load_healed(void) { load.healed_us = world_us(); }
bool load_is_done(void) { return load.running == 0; }
size_t load_operations(void) { return callers_operations(); }

void load_tell_open(void) {
    for (int i = 0; i < load.conf.callers; i++)
        if (!load.callers[i].done) trace("caller %d: %s", i, load.callers[i].doing);
}

// ---- what was answered is kept

static void check_bill(store_t *adjudication, arena_t *arena, const bill_t *bill) {
    const cell_t params[] = {cell_text(bill->id)};
    rows_t rows;
    err_t err = {0};
    arena_reset(arena);
    if (store_query(adjudication, "SELECT body FROM decision WHERE request_id = $1", params, 1, arena, &rows, &err))
        world_fail("the auditor cannot read: %s", err.text);
    size_t bytes = 0;
    const void *body = rows.count ? row_blob(&rows, 0, 0, &bytes) : NULL;
    if (!body) world_fail("bill %s was answered as settled under %s and is not in the store", bill->number, bill->id);
    if (bytes != bill->reply_bytes || memcmp(body, bill->reply, bytes) != 0)
        world_fail("bill %s is not in the store as it was answered", bill->number);
}

void load_check_kept(store_t *adjudication, bool all) {
    static arena_t *arena;
    if (!arena) CHECK((arena = arena_new(64 * 1024, 0)) != NULL);
    for (size_t i = 0; i < load.bill_count; i++) {
        bill_t *bill = &load.bills[i];
        if (!bill->reply || (bill->checked && !all)) continue;
        check_bill(adjudication, arena, bill);
        bill->checked = true;
    }
}

// ---- the run again, undisturbed

static int compare_bills(const void *a, const void *b) {
    const bill_t *one = *(const bill_t *const *)a, *other = *(const bill_t *const *)b;
    if (one->day != other->day) return one->day - other->day;
    return strcmp(one->number, other->number);
}

// A bill that was refused because nobody knew the person may have been settled by an older copy of the command.
static bool stands(store_t *adjudication, arena_t *arena, const bill_t *bill) {
    const cell_t params[] = {cell_text(bill->id)};
    rows_t rows;
    err_t err = {0};
    if (bill->reversed) return false;
    if (bill->state == BILL_SETTLED) return true;
    arena_reset(arena);
    if (store_query(adjudication, "SELECT 1 FROM decision WHERE request_id = $1", params, 1, arena, &rows, &err))
        world_fail("the auditor cannot read: %s", err.text);
    return rows.count > 0;
}

// The people, and the bills that stand, in the order of the law.
int load_write_script(const char *path, store_t *adjudication) {
    const bill_t **standing = calloc(load.bill_count + 1, sizeof *standing);
    size_t count = 0;
    FILE *file = fopen(path, "w");
    arena_t *arena = arena_new(16 * 1024, 0);
    CHECK(file && standing && arena);
    for (size_t i = 0; i < load.bill_count; i++)
        if (stands(adjudication, arena, &load.bills[i])) standing[count++] = &load.bills[i];
    arena_destroy(&arena);
    qsort(standing, count, sizeof *standing, compare_bills);
    for (int i = 0; i < load.conf.persons; i++) fprintf(file, "person %d\n", load.persons[i].employer);
    for (size_t i = 0; i < count; i++)
        fprintf(file, "%s %s\n", standing[i]->id, *standing[i]->script ? standing[i]->script : standing[i]->json);
    free(standing);
    return fclose(file);
}

static void *live_script(void *self) {
    caller_t *c = self;
    char line[CALLER_JSON_BYTES + 64];
    caller_open(c, "admin");
    found_city(c);
    pay_late(c);
    if (load.conf.other_law) release(c);
    if (load.conf.agreement_ends) end_agreement(c);
    for (int i = 0; i < load.conf.errands; i++) errand_run(c, i);
    if (load.conf.books) books_subsidise(c);
    fiber_wait(world_us() + 3000000); // every instance has heard of it
    while (fgets(line, sizeof line, load.script)) {
        bill_t *bill = &load.bills[load.bill_count++];
        CHECK(sscanf(line, "%23s %4095[^\n]", bill->id, bill->json) == 2);
        snprintf(bill->number, sizeof bill->number, "%s", bill->id);
        settle(c, bill);
    }
    c->done = true;
    load.running--;
    return NULL;
}

static void start_script(void *node, uint64_t number) {
    (void)number;
    fiber_new(node, live_script, &load.callers[0]);
}

void load_open_script(const char *path, const load_conf_t *conf, const char *const *brokers) {
    static const node_ops_t ops = {.main = be};
    char line[CALLER_JSON_BYTES];
    load.conf = *conf;
    load.conf.callers = 1;
    callers_conf(conf->keys_dir, brokers);
    load.script = fopen(path, "r");
    load.bills = calloc(BILLS_MAX, sizeof *load.bills);
    CHECK(load.script && load.bills);
    for (int i = 0; i < conf->persons; i++) {
        CHECK(fgets(line, sizeof line, load.script) && sscanf(line, "person %d", &load.persons[i].employer) == 1);
        snprintf(load.persons[i].number, sizeof load.persons[i].number, "P%d", i);
    }
    node_t *node = load.node = node_new("callers", &ops, NULL);
    node_start(node);
    load.running = 1;
    world_at(world_us() + 100000, start_script, node, 0);
}
