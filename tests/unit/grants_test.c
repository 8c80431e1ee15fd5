// What agencies may receive: the file, word by word, and what a grant leaves of an entry of the journal.
#include "agency.pb-c.h"
#include "common/wire/curve.h"
#include "common/wire/message.h"
#include "services/settlement/agency_topics.h"
#include "services/settlement/grants.h"
#include "settlement.pb-c.h"
#include "tests/check.h"
#include "tests/temp_store.h"

#define KEY "abcdefghijabcdefghijabcdefghijabcdefghij"
#define KEY2 "0123456789012345678901234567890123456789"
#define T(text) ((char *)(text))

static err_t err;

static grants_t *parse(const char *text) {
    grants_t *grants = NULL;
    err = (err_t){0};
    return grants_parse(&grants, "agencies.yaml", text, strlen(text), &err) ? NULL : grants;
}

#define GRANT(name, key, rest) "agencies:\n  - {name: " name ", key: \"" key "\", " rest "}\n"
#define ALL "topics: [posting], counties: all, funds: all, fields: []"

TEST(a_file_is_read_as_it_stands) {
    grants_t *grants = parse(GRANT("finance", KEY,
                                   "topics: [posting.bill, posting.return], counties: ['440703'], funds: "
                                   "[resident], fields: [amounts, person]") "  - {name: old, key: \"" KEY2
                                                                            "\", revoked: 2026-01-31}\n");
    NEED(grants != NULL);
    EQ(grants_count(grants), 2);
    const grant_t *grant = grants_by_key(grants, KEY);
    NEED(grant != NULL);
    EQ_TEXT(grant->name, "finance");
    EQ(grant->fields, GRANT_AMOUNTS | GRANT_PERSON);
    OK(grant_topic(&grant->topics, "posting.bill"));
    OK(!grant_topic(&grant->topics, "posting.bills"));
    OK(!grant_topic(&grant->topics, "posting"));
    OK(grant_list_has(&grant->counties, "440703"));
    OK(!grant_list_has(&grant->counties, "44070"));
    OK(!grant_list_has(&grant->counties, ""));
    OK(grants_by_key(grants, KEY2) == NULL);
    EQ_TEXT(grants_by_name(grants, "old")->revoked, "2026-01-31");
    grants_destroy(&grants);
}

TEST(what_stands_before_a_dot_means_all_of_it) {
    grant_list_t list;
    EQ(grant_list_parse(&list, "topics", "posting", &err), E_OK);
    OK(grant_topic(&list, "posting.bill"));
    OK(!grant_topic(&list, "postings.bill"));
    EQ(grant_list_parse(&list, "topics", "all", &err), E_INVALID_FIELD); // topics are named, also those to come
}

TEST(a_file_at_fault_is_refused_with_its_line) {
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"agencies: 3\n", "agencies.yaml:1: agencies: a list"},
        {"who: []\n", "agencies.yaml:1: who"},
        {"agencies:\n  - finance\n", "agencies.yaml:2: a map"},
        {GRANT("finance", KEY, "topics: [posting], counties: all, funds: all"), ":2: fields: it must be said"},
        {GRANT("finance", KEY, "topics: all, counties: all, funds: all, fields: []"), "topics: a list was expected"},
        {GRANT("finance", KEY, "topics: [bills], counties: all, funds: all, fields: []"), "there is no topic bills"},
        {GRANT("finance", KEY, "topics: [posting], counties: some, funds: all, fields: []"), "counties: a list or the"},
        {GRANT("finance", KEY, "topics: [posting], counties: all, funds: all, fields: [names]"), "names is none of"},
        {GRANT("finance", KEY, "topics: [posting, posting], counties: all, funds: all, fields: []"), "is there twice"},
        {GRANT("finance", KEY, "topics: [posting], counties: ['4407 03'], funds: all, fields: []"), "counties: a word"},
        {GRANT("finance", "abc", ALL), "key must be a public key of 40 Z85"},
        {GRANT("fin ance", KEY, ALL), "name may only have"},
        {GRANT("finance", KEY, "revoked: yesterday"), "revoked: a day like"},
        {GRANT("finance", KEY, "until: 2026-01-01"), "until"},
        {GRANT("a", KEY, ALL) "  - {name: a, key: \"" KEY2 "\", " ALL "}\n", ":3: name: a is there twice"},
        {GRANT("a", KEY, ALL) "  - {name: b, key: \"" KEY "\", " ALL "}\n", ":3: key: b has the key of a"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        OK(parse(cases[i].text) == NULL);
        EQ(err.code, E_POLICY);
        HAS_TEXT(err.text, cases[i].says);
    }
}

TEST(what_is_written_is_read_again_and_no_file_grants_nothing) {
    char path[128];
    grants_t *grants = NULL, *again = NULL;
    grant_t grant = {.name = "123", .key = KEY, .fields = GRANT_AMOUNTS | GRANT_REFERENCE};
    NEED(temp_store_start() == 0);
    snprintf(path, sizeof path, "%s/agencies.yaml", temp_store_dir());
    NEED(grants_load(&grants, path, &err) == E_OK);
    EQ(grants_count(grants), 0);
    EQ(grant_list_parse(&grant.topics, "topics", "posting.bill,posting.other", &err), E_OK);
    EQ(grant_list_parse(&grant.counties, "counties", "440703,440704", &err), E_OK);
    EQ(grant_list_parse(&grant.funds, "funds", "all", &err), E_OK);
    EQ(grants_put(grants, &grant, &err), E_OK);
    grant_t other = grant;
    snprintf(other.name, sizeof other.name, "null");
    EQ(grants_put(grants, &other, &err), E_EXISTS);
    snprintf(other.key, sizeof other.key, "%s", KEY2);
    snprintf(other.revoked, sizeof other.revoked, "2026-02-28");
    EQ(grants_put(grants, &other, &err), E_OK);
    EQ(grants_write(grants, path, &err), E_OK);
    NEED(grants_load(&again, path, &err) == E_OK);
    EQ(grants_count(again), 2);
    OK(memcmp(grants_at(again, 0), grants_at(grants, 0), sizeof(grant_t)) == 0);
    OK(memcmp(grants_at(again, 1), grants_at(grants, 1), sizeof(grant_t)) == 0);
    grants_destroy(&grants);
    grants_destroy(&again);
    temp_store_stop();
}

// ---- what a grant leaves of an entry

static arena_t *arena;
static Tc__Posting lines[4];
static Tc__Posting *list[4];

static void line(Tc__JournalEntry *entry, const char *account, const char *county, const char *fund, const char *party,
                 int64_t amount) {
    Tc__Posting *posting = &lines[entry->n_postings];
    tc__posting__init(posting);
    posting->account = T(account), posting->division = T(county), posting->fund = T(fund), posting->party = T(party);
    posting->identity = T("employee"), posting->amount_fen = amount, posting->year = 2018;
    list[entry->n_postings++] = posting;
}

static Tc__JournalEntry bill(void) {
    Tc__JournalEntry entry = TC__JOURNAL_ENTRY__INIT;
    entry.kind = T("bill"), entry.reference = T("B1"), entry.value_date = T("2018-03-10");
    entry.person = T("P1"), entry.facility = T("H44070300001"), entry.total_fen = 500, entry.fund_fen = 300;
    entry.text = T("a text of the house"), entry.source_service = T("adjudication");
    entry.postings = list;
    line(&entry, "expense/tier1", "440703", "pool", "", 300);
    line(&entry, "payable/tier1", "440703", "pool", "H44070300001", -300);
    return entry;
}

static grant_t granted(const char *topics, const char *counties, const char *funds, unsigned fields) {
    grant_t grant = {.name = "x", .fields = fields};
    NEED(grant_list_parse(&grant.topics, "topics", topics, &err) == E_OK);
    NEED(grant_list_parse(&grant.counties, "counties", counties, &err) == E_OK);
    NEED(grant_list_parse(&grant.funds, "funds", funds, &err) == E_OK);
    return grant;
}

static const Tc__Agency__Entry *see(const grant_t *grant, const Tc__JournalEntry *entry) {
    event_t event = {.topic = "settlement.posted"};
    const grant_list_t any = {0};
    agency_view_t view;
    event.body = message_pack(&entry->base, arena, &event.body_bytes);
    NEED(event.body != NULL && agency_view(grant, &any, &event, arena, &view, &err) == E_OK);
    return (const Tc__Agency__Entry *)view.message;
}

TEST(without_fields_an_entry_tells_nobody_and_no_amount) {
    const grant_t grant = granted("posting", "all", "all", 0);
    const Tc__JournalEntry entry = bill();
    const Tc__Agency__Entry *seen = see(&grant, &entry);
    NEED(seen != NULL);
    EQ_TEXT(seen->kind, "bill");
    EQ_TEXT(seen->value_date, "2018-03-10");
    EQ_TEXT(seen->reference, "");
    EQ_TEXT(seen->person, "");
    EQ_TEXT(seen->facility, "");
    EQ(seen->total_case, 0);
    EQ(seen->fund_case, 0);
    EQ(seen->n_line, 2);
    EQ_TEXT(seen->line[1]->account, "payable/tier1");
    EQ_TEXT(seen->line[1]->county, "440703");
    EQ_TEXT(seen->line[1]->fund, "pool");
    EQ(seen->line[1]->year, 2018);
    EQ_TEXT(seen->line[1]->facility, "");
    EQ(seen->line[1]->amount_case, 0);
    // Nothing that is not named leaves the house.
    EQ(seen->base.n_unknown_fields, 0);
}

TEST(each_field_opens_what_it_names) {
    const Tc__JournalEntry entry = bill();
    grant_t grant = granted("posting", "all", "all", GRANT_AMOUNTS);
    EQ(see(&grant, &entry)->total_fen, 500);
    EQ(see(&grant, &entry)->fund_fen, 300);
    EQ(see(&grant, &entry)->line[1]->amount_fen, -300);
    EQ_TEXT(see(&grant, &entry)->line[1]->facility, "");
    grant.fields = GRANT_FACILITY;
    EQ_TEXT(see(&grant, &entry)->facility, "H44070300001");
    EQ_TEXT(see(&grant, &entry)->line[1]->facility, "H44070300001");
    EQ_TEXT(see(&grant, &entry)->person, "");
    grant.fields = GRANT_PERSON;
    EQ_TEXT(see(&grant, &entry)->person, "P1");
    EQ_TEXT(see(&grant, &entry)->reference, "");
    grant.fields = GRANT_REFERENCE;
    EQ_TEXT(see(&grant, &entry)->reference, "B1");
    EQ_TEXT(see(&grant, &entry)->person, "");
}

TEST(a_payer_may_be_a_person_and_so_may_a_reference) {
    Tc__JournalEntry entry = TC__JOURNAL_ENTRY__INIT;
    entry.kind = T("account"), entry.reference = entry.person = T("P1"), entry.postings = list;
    line(&entry, "money/income_county", "440703", "pool", "P1", 100);
    line(&entry, "contribution/tier1", "440703", "pool", "employer", -100);
    grant_t grant = granted("posting", "all", "all", GRANT_FACILITY | GRANT_AMOUNTS | GRANT_REFERENCE);
    EQ_TEXT(see(&grant, &entry)->reference, "");
    EQ_TEXT(see(&grant, &entry)->line[0]->payer, "");
    EQ_TEXT(see(&grant, &entry)->line[1]->payer_kind, "employer");
    grant.fields |= GRANT_PERSON;
    EQ_TEXT(see(&grant, &entry)->reference, "P1");
    EQ_TEXT(see(&grant, &entry)->line[0]->payer, "P1");
}

TEST(a_corrected_account_names_its_person_and_paper_only_to_whom_that_is_granted) {
    Tc__JournalEntry entry = TC__JOURNAL_ENTRY__INIT;
    entry.kind = T("correction"), entry.reference = T("K2018-7"), entry.person = T("P1"), entry.postings = list;
    entry.value_date = T("2018-03-15"), entry.total_fen = 700;
    line(&entry, "allotted/correction", "", "EMP_PA", "", 700);
    line(&entry, "personal/account", "", "EMP_PA", "", -700);
    grant_t grant = granted("posting.correction", "all", "EMP_PA", 0);
    const Tc__Agency__Entry *seen = see(&grant, &entry);
    NEED(seen != NULL);
    EQ_TEXT(seen->kind, "correction");
    EQ(seen->n_line, 2);
    EQ_TEXT(seen->person, "");
    EQ_TEXT(seen->reference, "");
    EQ(seen->total_case, 0);
    EQ(seen->line[1]->amount_case, 0);
    grant.fields = GRANT_AMOUNTS | GRANT_REFERENCE;
    EQ(see(&grant, &entry)->line[1]->amount_fen, -700);
    EQ_TEXT(see(&grant, &entry)->reference, "K2018-7");
    EQ_TEXT(see(&grant, &entry)->person, "");
    grant.fields |= GRANT_PERSON;
    EQ_TEXT(see(&grant, &entry)->person, "P1");
    grant = granted("posting.account", "all", "all", GRANT_PERSON);
    OK(see(&grant, &entry) == NULL);
    grant = granted("posting.correction", "440703", "all", GRANT_PERSON);
    OK(see(&grant, &entry) == NULL); // it is of no county
}

TEST(lines_of_other_counties_and_funds_are_cut_and_the_whole_with_them) {
    Tc__JournalEntry entry = bill();
    line(&entry, "expense/tier1", "440704", "pool", "", 70);
    line(&entry, "expense/tier1", "440703", "large", "", 80);
    grant_t grant = granted("posting", "440703", "all", GRANT_AMOUNTS);
    const Tc__Agency__Entry *seen = see(&grant, &entry);
    NEED(seen != NULL);
    EQ(seen->n_line, 3);
    OK(seen->partial);
    EQ(seen->total_case, 0);
    EQ(seen->line[2]->amount_fen, 80);
    grant = granted("posting", "440703", "pool", GRANT_AMOUNTS);
    EQ(see(&grant, &entry)->n_line, 2);
    grant = granted("posting", "440703,440704", "pool,large", GRANT_AMOUNTS);
    EQ(see(&grant, &entry)->n_line, 4);
    OK(!see(&grant, &entry)->partial);
    EQ(see(&grant, &entry)->total_fen, 500);
    grant = granted("posting", "440705", "all", GRANT_AMOUNTS);
    OK(see(&grant, &entry) == NULL);
    grant = granted("posting", "all", "reserve", GRANT_AMOUNTS);
    OK(see(&grant, &entry) == NULL);
    grant = granted("posting", "", "all", GRANT_AMOUNTS);
    OK(see(&grant, &entry) == NULL);
}

TEST(a_line_without_a_county_goes_with_the_whole_entry) {
    Tc__JournalEntry entry = bill();
    line(&entry, "money/pool", "", "pool", "", 5);
    grant_t grant = granted("posting", "440703", "all", 0);
    EQ(see(&grant, &entry)->n_line, 3);
    line(&entry, "expense/tier1", "440704", "pool", "", 70);
    EQ(see(&grant, &entry)->n_line, 2);
    entry.n_postings = 0;
    OK(see(&grant, &entry) == NULL); // of no county at all
    grant = granted("posting", "all", "pool", 0);
    OK(see(&grant, &entry) == NULL);
    grant = granted("posting", "all", "all", 0);
    OK(see(&grant, &entry) != NULL);
}

TEST(kinds_are_topics_and_an_unknown_kind_is_another) {
    Tc__JournalEntry entry = bill();
    grant_t grant = granted("posting.contribution,posting.return", "all", "all", 0);
    OK(see(&grant, &entry) == NULL);
    entry.kind = T("return");
    OK(see(&grant, &entry) != NULL);
    entry.kind = T("a kind to come");
    OK(see(&grant, &entry) == NULL);
    grant = granted("posting.other", "all", "all", 0);
    OK(see(&grant, &entry) != NULL);
    entry.kind = T("bill");
    OK(see(&grant, &entry) == NULL);
}

// A statement books one thing and says another: what it says is shown, by county and fund.
TEST(what_an_entry_tells_is_shown_instead_of_what_it_books) {
    Tc__JournalEntry entry = bill();
    Tc__Posting here = TC__POSTING__INIT, there = TC__POSTING__INIT, *told[] = {&here, &there};
    entry.kind = T("statement"), entry.total_fen = 900, entry.told = told, entry.n_told = 2;
    here.account = there.account = T("statement/tier1"), here.fund = there.fund = T("pool");
    here.division = T("440703"), here.amount_fen = 600, there.division = T("440704"), there.amount_fen = 300;
    grant_t grant = granted("statement", "440704", "pool", GRANT_AMOUNTS | GRANT_FACILITY);
    const Tc__Agency__Entry *seen = see(&grant, &entry);
    NEED(seen != NULL);
    EQ(seen->n_line, 1);
    EQ(seen->line[0]->amount_fen, 300);
    EQ_TEXT(seen->line[0]->account, "statement/tier1");
    EQ_TEXT(seen->facility, "H44070300001");
    OK(seen->partial);
    EQ(seen->total_case, 0);
    grant = granted("statement", "all", "all", GRANT_AMOUNTS);
    EQ(see(&grant, &entry)->total_fen, 900);
    EQ(see(&grant, &entry)->n_line, 2);
    grant = granted("posting", "all", "all", GRANT_AMOUNTS);
    OK(see(&grant, &entry) == NULL);
}

TEST(tasks_statements_and_orders_have_topics_of_their_own) {
    static const char *const kinds[][2] = {{"task_done", "task.done"},
                                           {"task_late", "task.late"},
                                           {"task_explained", "task.explained"},
                                           {"task_void", "task.void"},
                                           {"fund_warning", "fund.warning"},
                                           {"statement", "statement.drawn"},
                                           {"statement_confirmed", "statement.confirmed"},
                                           {"statement_disputed", "statement.disputed"},
                                           {"statement_answered", "statement.answered"},
                                           {"order_drafted", "order.drafted"},
                                           {"order_approved", "order.approved"},
                                           {"order_sent", "order.sent"},
                                           {"order_refused", "order.refused"}};
    Tc__JournalEntry entry = TC__JOURNAL_ENTRY__INIT;
    Tc__Posting task = TC__POSTING__INIT, *told[] = {&task};
    task.account = T("task/sweep.remit"), task.division = T("370402");
    entry.told = told, entry.n_told = 1;
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        entry.kind = T(kinds[i][0]);
        grant_t grant = granted(kinds[i][1], "370402", "all", 0);
        NEED(see(&grant, &entry) != NULL);
        EQ_TEXT(see(&grant, &entry)->line[0]->county, "370402");
        grant = granted(kinds[i][1], "370403", "all", 0); // another county's
        OK(see(&grant, &entry) == NULL);
        grant = granted(kinds[i][1], "370402", "EMP_POOL", 0); // it names no fund: for those who may see all
        OK(see(&grant, &entry) == NULL);
        grant = granted("posting", "all", "all", 0);
        OK(see(&grant, &entry) == NULL);
    }
}

TEST(topics_off_the_table_are_nobodys_and_a_bad_body_is_an_error) {
    const grant_t grant = granted("posting", "all", "all", 0);
    const grant_list_t any = {0};
    event_t event = {.topic = "something.else", .body = "\xff", .body_bytes = 1};
    agency_view_t view;
    EQ(agency_view(&grant, &any, &event, arena, &view, &err), E_OK);
    OK(view.message == NULL);
    event.topic = "settlement.posted";
    EQ(agency_view(&grant, &any, &event, arena, &view, &err), E_INVALID_FIELD);
}

int main(void) {
    static const check_case_t cases[] = {
        CASE(a_file_is_read_as_it_stands),
        CASE(what_stands_before_a_dot_means_all_of_it),
        CASE(a_file_at_fault_is_refused_with_its_line),
        CASE(what_is_written_is_read_again_and_no_file_grants_nothing),
        CASE(without_fields_an_entry_tells_nobody_and_no_amount),
        CASE(each_field_opens_what_it_names),
        CASE(a_payer_may_be_a_person_and_so_may_a_reference),
        CASE(a_corrected_account_names_its_person_and_paper_only_to_whom_that_is_granted),
        CASE(lines_of_other_counties_and_funds_are_cut_and_the_whole_with_them),
        CASE(a_line_without_a_county_goes_with_the_whole_entry),
        CASE(kinds_are_topics_and_an_unknown_kind_is_another),
        CASE(what_an_entry_tells_is_shown_instead_of_what_it_books),
        CASE(tasks_statements_and_orders_have_topics_of_their_own),
        CASE(topics_off_the_table_are_nobodys_and_a_bad_body_is_an_error)};
    arena = arena_new(64 * 1024, 0);
    const int status = arena ? check_run("grants", cases, COUNT_OF(cases)) : 2;
    arena_destroy(&arena);
    return status;
}
