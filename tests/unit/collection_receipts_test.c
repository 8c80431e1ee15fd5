// Receipts in files, what is parked and decided, personal accounts, years and public obligations: through collection's
// handlers, with enrolment before it and the ledger behind it. Built twice: on SQLite, and with ON_POSTGRES.
#include "services/collection/claim.h"
#include "services/collection/years.h"
#include "tests/city_books.h"
#include "tests/obligations_rig.h"

static const char file_of[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

// ---- files

typedef struct file { // rows of one message, as JSON
    char json[256 * 1024];
    size_t at;
    int rows;
} file_t;

static void file_add(file_t *file, const char *receipt, const char *kind, const char *number, const char *period,
                     fen_t amount, const char *on) {
    char text[FEN_TEXT_MAX];
    int n = snprintf(file->json + file->at, sizeof file->json - file->at,
                     "%s{\"receipt\":\"%s\",\"%s\":\"%s\",\"period\":\"%s\",\"amount\":\"%s\",\"paid_on\":\"%s\"}",
                     file->rows ? "," : "", receipt, kind, number, period, fen_format(amount, text), on);
    NEED(n > 0 && (size_t)n < sizeof file->json - file->at);
    file->at += (size_t)n;
    file->rows++;
}

static int import_code(city_t *city, const file_t *file, bool dry) {
    static char json[300 * 1024];
    int n = snprintf(json, sizeof json, "{\"file\":\"%s\",\"first_row\":2,\"dry\":%s,\"rows\":[%.*s]}", file_of,
                     dry ? "true" : "false", (int)file->at, file->json);
    NEED(n > 0 && (size_t)n < sizeof json);
    return rig_send(&city->collection, "import_receipts", json);
}

static const Tc__ReceiptReport *import(city_t *city, const file_t *file, bool dry) {
    if (import_code(city, file, dry))
        fprintf(stderr, "%s: %s\n", city->collection.err.field, city->collection.err.text);
    NEED(city->collection.err.code == E_OK);
    return (const Tc__ReceiptReport *)city->collection.reply;
}

static const Tc__ReceiptReport *import_one(city_t *city, const char *receipt, const char *kind, const char *number,
                                           const char *period, fen_t amount) {
    static file_t file;
    file = (file_t){0};
    file_add(&file, receipt, kind, number, period, amount, "2018-06-20");
    return import(city, &file, false);
}

static const Tc__ReceiptReport *resolve(city_t *city, const char *receipt, const char *decision) {
    RIG_DO(&city->collection, "resolve_receipt", "{'receipt':'%s','decision':'%s','reason':'seen to'}", receipt,
           decision);
    return (const Tc__ReceiptReport *)city->collection.reply;
}

TEST(the_ground_is_laid) { rig_ground_start(); }

// ---- the decision, pure

TEST(a_claim_is_decided_by_what_is_owed_and_kept) {
    const struct {
        owed_t owed;
        fen_t amount;
        claim_t claim;
        fen_t used;
    } cases[] = {
        {{true, 2, 2, 100, 0, 0}, 100, CLAIM_MATCHED, 0},   {{true, 2, 2, 100, 0, 0}, 99, CLAIM_UNDERPAID, 0},
        {{true, 2, 2, 100, 0, 0}, 101, CLAIM_OVERPAID, 0},  {{true, 2, 2, 100, 1, 0}, 99, CLAIM_MATCHED, 1},
        {{true, 2, 2, 100, 500, 0}, 1, CLAIM_MATCHED, 99},  {{true, 2, 2, 100, 500, 0}, 101, CLAIM_OVERPAID, 0},
        {{true, 2, 2, 100, 98, 0}, 1, CLAIM_UNDERPAID, 0},  {{true, 2, 0, 0, 500, 2}, 100, CLAIM_ALREADY_PAID, 0},
        {{true, 0, 0, 0, 500, 0}, 100, CLAIM_UNMATCHED, 0}, {{false, 0, 0, 0, 0, 0}, 100, CLAIM_UNKNOWN_PAYER, 0},
        {{true, 2, 2, 100, 500, 0}, 100, CLAIM_MATCHED, 0}, {{true, 1, 0, 0, 500, 0}, 100, CLAIM_NOTHING_DUE, 0},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        fen_t used = -1;
        EQ(claim_decide(&cases[i].owed, cases[i].amount, &used), cases[i].claim);
        EQ(used, cases[i].used);
    }
}

// ---- files

// E1 with two employees and P3, who pays alone, billed for May and June 2018.
static void found(city_t *city) {
    open_city(city);
    add_employer(city, "E1");
    add_employer(city, "E2");
    add_employee(city, "P1", "E1", "2018-05");
    add_employee(city, "P2", "E1", "2018-05");
    add_born(city, "P3", "19700301", "flexible", "2018-05", "");
    pump(city);
    bill_months(city, "2018-05", "2018-06");
}

static const char *text_of(const Tc__ReceiptReport *report, int row) {
    for (size_t i = 0; i < report->n_problems; i++)
        if (report->problems[i]->row == row) return report->problems[i]->text;
    return "";
}

TEST(a_file_pays_what_matches_and_parks_the_rest) {
    city_t city;
    static file_t file;
    found(&city);
    const fen_t firm = due(&city, "employer", "E1", "2018-05"), alone = due(&city, "person", "P3", "2018-05");
    file = (file_t){0};
    file_add(&file, "T1", "employer", "E1", "2018-05", firm, "2018-05-20");    // row 2
    file_add(&file, "T2", "person", "P3", "2018-05", alone + 1, "2018-05-20"); // overpaid
    file_add(&file, "T3", "person", "P3", "2018-06", alone - 1, "2018-06-20"); // underpaid
    file_add(&file, "T4", "employer", "E1", "2018-05", firm, "2018-05-21");    // already paid, by row 2
    file_add(&file, "T5", "employer", "E9", "2018-05", 100, "2018-05-21");     // nobody
    file_add(&file, "T6", "employer", "E2", "2018-05", 100, "2018-05-21");     // owes nothing
    file_add(&file, "T7", "employer", "E1", "2018-5", 100, "2018-05-21");      // no period
    file_add(&file, "T1", "employer", "E1", "2018-05", firm, "2018-05-20");    // once more
    file_add(&file, "T3", "person", "P3", "2018-06", alone, "2018-06-20");     // another content
    for (int dry = 1; dry >= 0; dry--) {
        const size_t events = rig_event_count(&city.collection);
        const Tc__ReceiptReport *report = import(&city, &file, dry);
        EQ(report->matched, 1);
        EQ(report->amount_fen, firm);
        EQ(report->parked, 5);
        EQ(report->parked_amount_fen, 2 * alone + firm + 200);
        EQ(report->unchanged, 1);
        EQ(report->refused, 2);
        EQ(report->n_problems, 7);
        HAS_TEXT(text_of(report, 3), "overpaid: ");
        HAS_TEXT(text_of(report, 4), "underpaid: ");
        HAS_TEXT(text_of(report, 5), "already_paid: ");
        HAS_TEXT(text_of(report, 6), "unknown_payer: ");
        HAS_TEXT(text_of(report, 7), "unmatched: ");
        HAS_TEXT(text_of(report, 8), "period");
        HAS_TEXT(text_of(report, 10), "another content");
        if (dry) EQ(rig_event_count(&city.collection), events);
        if (dry) EQ(COUNT(&city, "receipt") + COUNT(&city, "parked_receipt"), 0);
    }
    EQ(COUNT(&city, "bill WHERE receipt = 'T1'"), 2);
    EQ(COUNT(&city, "bill WHERE paid_on <> ''"), 2);
    EQ(entitlement(&city, "P1")->n_spans, 1);
    check_books(&city);
    // The same file again: nothing.
    const size_t events = rig_event_count(&city.collection);
    const Tc__ReceiptReport *again = import(&city, &file, false);
    EQ(again->unchanged, 7);
    EQ(again->matched + again->parked, 0);
    EQ(again->refused, 2);
    EQ(rig_event_count(&city.collection), events);
    // A receipt with another content than the one that is known.
    HAS_TEXT(text_of(import_one(&city, "T1", "employer", "E1", "2018-06", firm), 2), "another content");
    HAS_TEXT(text_of(import_one(&city, "T5", "person", "E9", "2018-05", 100), 2), "another content");
    EQ(rig_ask(&city.collection, "receive",
               "{'receipt':'T2','person':'P3','period':'2018-05','amount':'1.00','paid_on':'2018-05-21'}"),
       E_EXISTS);
    close_city(&city);
}

// Bills come with what is owed.
TEST(a_file_of_persons_and_employers_pays_each_ones_own_bills) {
    static const struct {
        const char *receipt, *kind, *number;
    } rows[] = {{"T5", "person", "P5"},
                {"T1", "employer", "E1"},
                {"T3", "person", "P3"},
                {"T2", "employer", "E2"},
                {"T4", "person", "P4"}};
    city_t city;
    static file_t file;
    found(&city);
    add_employee(&city, "P6", "E2", "2018-05");
    add_born(&city, "P4", "19700301", "flexible", "2018-05", "");
    add_born(&city, "P5", "19700301", "flexible", "2018-05", "");
    pump(&city);
    bill_months(&city, "2018-05", "2018-06");
    file = (file_t){0};
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        file_add(&file, rows[i].receipt, rows[i].kind, rows[i].number, "2018-05",
                 due(&city, rows[i].kind, rows[i].number, "2018-05"), "2018-05-20");
    EQ(import(&city, &file, false)->matched, COUNT_OF(rows));
    EQ(COUNT(&city, "bill WHERE receipt = 'T1' AND person IN ('P1', 'P2')"), 2);
    EQ(COUNT(&city, "bill WHERE receipt = 'T2' AND person = 'P6'"), 1);
    EQ(COUNT(&city, "bill WHERE receipt = 'T3' AND person = 'P3' AND period = '2018-05'"), 1);
    EQ(COUNT(&city, "bill WHERE receipt = 'T4' AND person = 'P4' AND period = '2018-05'"), 1);
    EQ(COUNT(&city, "bill WHERE receipt = 'T5' AND person = 'P5' AND period = '2018-05'"), 1);
    EQ(COUNT(&city, "bill WHERE paid_on <> ''"), 6);
    check_books(&city);
    close_city(&city);
}

// With a thousand employers in a message 40 bills of each are read with what is owed; of one who has more, when it is
// paid.
TEST(an_employer_with_more_bills_than_its_share_pays_them_like_the_others) {
    enum { ROWS = 1000, SHARE = 40 };
    static file_t file;
    city_t city;
    char name[16], receipt[16];
    open_city(&city);
    for (int i = 0; i <= 2; i++) add_employer(&city, i == 0 ? "E0" : i == 1 ? "E1" : "E2");
    for (int employer = 0; employer <= 2; employer++)
        for (int i = 0; i < SHARE + employer; i++) {
            snprintf(name, sizeof name, "P%d.%d", employer, i);
            add_employee(&city, name, employer == 0 ? "E0" : employer == 1 ? "E1" : "E2", "2018-05");
        }
    pump(&city);
    bill_months(&city, "2018-05", "2018-05");
    file = (file_t){0};
    for (int i = 0; i < ROWS; i++) { // nobody knows those from E3 on
        snprintf(name, sizeof name, "E%d", i);
        snprintf(receipt, sizeof receipt, "T%d", i);
        file_add(&file, receipt, "employer", name, "2018-05", i > 2 ? 100 : due(&city, "employer", name, "2018-05"),
                 "2018-05-20");
    }
    const Tc__ReceiptReport *report = import(&city, &file, false);
    EQ(report->matched, 3);
    EQ(report->parked, ROWS - 3);
    HAS_TEXT(text_of(report, 2 + 3), "unknown_payer: ");
    EQ(COUNT(&city, "bill WHERE receipt = 'T0' AND employer = 'E0'"), SHARE);
    EQ(COUNT(&city, "bill WHERE receipt = 'T1' AND employer = 'E1'"), SHARE + 1);
    EQ(COUNT(&city, "bill WHERE receipt = 'T2' AND employer = 'E2'"), SHARE + 2);
    // Somebody is billed late: what is paid is not owed again, and not read.
    add_employee(&city, "P1.late", "E1", "2018-05");
    pump(&city);
    bill_months(&city, "2018-05", "2018-05");
    EQ(import_one(&city, "T1b", "employer", "E1", "2018-05", due(&city, "employer", "E1", "2018-05"))->matched, 1);
    EQ(COUNT(&city, "bill WHERE receipt = 'T1b' AND person = 'P1.late'"), 1);
    EQ(COUNT(&city, "bill WHERE receipt = 'T1'"), SHARE + 1);
    EQ(COUNT(&city, "bill WHERE paid_on = ''"), 0);
    check_books(&city);
    close_city(&city);
}

TEST(what_is_parked_is_listed_oldest_first_in_pages) {
    city_t city;
    static file_t file;
    char number[16], after[65] = "";
    int seen = 0;
    found(&city);
    for (int part = 0; part < 3; part++) {
        file = (file_t){0};
        for (int i = 0; i < 4; i++) {
            snprintf(number, sizeof number, "L%d%d", part, i);
            file_add(&file, number, "employer", "E2", "2018-05", 100 + i, "2018-05-21");
        }
        EQ(import(&city, &file, false)->parked, 4);
        nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
    }
    for (size_t got = 5; got == 5;) {
        RIG_DO(&city.collection, "list_receipts_parked", "{'after':'%s','limit':5}", after);
        const Tc__ParkedReceipts *page = (const Tc__ParkedReceipts *)city.collection.reply;
        got = page->n_parked;
        for (size_t i = 0; i < got; i++, seen++) {
            snprintf(number, sizeof number, "L%d%d", seen / 4, seen % 4);
            EQ_TEXT(page->parked[i]->receipt, number);
            EQ_TEXT(page->parked[i]->reason, "unmatched");
            EQ_TEXT(page->parked[i]->payer, "E2");
            EQ(page->parked[i]->row, 2 + seen % 4);
            EQ_TEXT(page->parked[i]->file, file_of);
            snprintf(after, sizeof after, "%s", number);
        }
    }
    EQ(seen, 12);
    EQ(rig_ask(&city.collection, "list_receipts_parked", "{'limit':1001}"), E_OUT_OF_RANGE);
    close_city(&city);
}

TEST(bad_imports_name_the_field) {
    city_t city;
    static file_t file;
    found(&city);
    EQ(rig_ask(&city.collection, "import_receipts", "{'file':'abc','first_row':1}"), E_INVALID_FIELD);
    EQ_TEXT(city.collection.err.field, "file");
    EQ(rig_ask(&city.collection, "import_receipts", "{'file':'%s','first_row':0}", file_of), E_OUT_OF_RANGE);
    file = (file_t){0};
    for (int i = 0; i <= 1000; i++) file_add(&file, "R", "person", "P3", "2018-05", 1, "2018-05-01");
    EQ(import_code(&city, &file, false), E_TOO_LARGE);
    EQ(rig_ask(&city.collection, "resolve_receipt", "{'receipt':'R','decision':'match'}"), E_MISSING_FIELD);
    EQ(rig_ask(&city.collection, "resolve_receipt", "{'receipt':'R','decision':'burn','reason':'x'}"), E_INVALID_FIELD);
    EQ(rig_ask(&city.collection, "resolve_receipt", "{'receipt':'R','decision':'match','reason':'x'}"), E_NOT_FOUND);
    EQ(rig_ask(&city.collection, "resolve_receipt", "{'receipt':'R','decision':'return','reason':'x'}"), E_NOT_FOUND);
    close_city(&city);
}

// ---- decisions

TEST(a_parked_receipt_matches_once_the_bill_is_there) {
    city_t city;
    found(&city);
    const fen_t firm = due(&city, "employer", "E1", "2018-06");
    EQ(import_one(&city, "T1", "employer", "E1", "2018-07", firm)->parked, 1);
    EQ(rig_ask(&city.collection, "resolve_receipt", "{'receipt':'T1','decision':'match','reason':'x'}"),
       E_OUT_OF_RANGE);
    HAS_TEXT(city.collection.err.text, "still unmatched");
    bill_month(&city, "2018-07");
    EQ(resolve(&city, "T1", "match")->amount_fen, firm);
    EQ(COUNT(&city, "bill WHERE receipt = 'T1' AND paid_on = '2018-06-20'"), 2);
    EQ(COUNT(&city, "parked_receipt WHERE decision = 'match' AND why = 'seen to'"), 1);
    EQ(rig_ask(&city.collection, "resolve_receipt", "{'receipt':'T1','decision':'match','reason':'x'}"), E_EXISTS);
    EQ(import_one(&city, "T1", "employer", "E1", "2018-07", firm)->unchanged, 1);
    close_city(&city);
}

TEST(applied_it_pays_the_oldest_periods_and_the_rest_serves_the_next_bill_first) {
    city_t city;
    found(&city);
    bill_month(&city, "2018-07");
    const fen_t firm = due(&city, "employer", "E1", "2018-05");
    EQ(import_one(&city, "T1", "employer", "E1", "2018-06", 2 * firm + 7)->parked, 1);
    const Tc__ReceiptReport *report = resolve(&city, "T1", "apply");
    EQ(report->matched, 2);
    EQ(report->amount_fen, 2 * firm);
    EQ(report->parked_amount_fen, 7);
    EQ(COUNT(&city, "bill WHERE receipt = 'T1.2018-05'"), 2);
    EQ(COUNT(&city, "bill WHERE receipt = 'T1.2018-06'"), 2);
    EQ(SUM(&city, "amount_fen", "credit WHERE payer = 'E1' AND payer_kind = 'employer'"), 7);
    check_books(&city);
    // Seven fen less than is due are enough now; one fen less than that is not.
    EQ(import_one(&city, "T2", "employer", "E1", "2018-07", firm - 8)->parked, 1);
    EQ(import_one(&city, "T3", "employer", "E1", "2018-07", firm - 7)->matched, 1);
    EQ(SUM(&city, "amount_fen", "credit"), 0);
    EQ(due(&city, "employer", "E1", "2018-07"), 0);
    EQ(import_one(&city, "T3", "employer", "E1", "2018-07", firm - 7)->unchanged, 1);
    HAS_TEXT(text_of(import_one(&city, "T3", "employer", "E1", "2018-07", firm), 2), "another content");
    check_books(&city);
    // Returned, the credit is there again and the bill is owed.
    resolve(&city, "T3", "return");
    EQ(SUM(&city, "amount_fen", "credit"), 7);
    EQ(SUM(&city, "amount_fen", "refund WHERE source = 'receipt'"), firm - 7);
    EQ(due(&city, "employer", "E1", "2018-07"), firm);
    close_city(&city);
}

TEST(a_credit_is_used_once_and_an_exact_sum_leaves_none) {
    city_t city;
    static file_t file;
    found(&city);
    bill_month(&city, "2018-07");
    const fen_t firm = due(&city, "employer", "E1", "2018-05");
    EQ(import_one(&city, "T1", "employer", "E1", "2018-05", firm + 10)->parked, 1);
    EQ(resolve(&city, "T1", "apply")->parked_amount_fen, 10);
    file = (file_t){0};
    file_add(&file, "T2", "employer", "E1", "2018-06", firm - 10, "2018-06-20");
    file_add(&file, "T3", "employer", "E1", "2018-07", firm - 10, "2018-07-20");
    const Tc__ReceiptReport *report = import(&city, &file, false);
    EQ(report->matched, 1);
    HAS_TEXT(text_of(report, 3), "underpaid: ");
    EQ(SUM(&city, "amount_fen", "credit"), 0);
    check_books(&city);
    const fen_t alone = due(&city, "person", "P3", "2018-05");
    EQ(import_one(&city, "T4", "person", "P3", "2018-06", 2 * alone)->parked, 1);
    report = resolve(&city, "T4", "apply");
    EQ(report->matched, 2);
    EQ(report->parked_amount_fen, 0);
    EQ(COUNT(&city, "credit WHERE payer = 'P3'"), 0);
    close_city(&city);
}

TEST(what_covers_no_period_is_kept_whole) {
    city_t city;
    found(&city);
    EQ(import_one(&city, "T1", "person", "P3", "2018-05", 100)->parked, 1);
    const Tc__ReceiptReport *report = resolve(&city, "T1", "apply");
    EQ(report->matched, 0);
    EQ(report->parked_amount_fen, 100);
    EQ(import_one(&city, "T2", "person", "NOBODY", "2018-05", 100)->parked, 1);
    EQ(rig_ask(&city.collection, "resolve_receipt", "{'receipt':'T2','decision':'apply','reason':'x'}"), E_NOT_FOUND);
    resolve(&city, "T2", "return");
    EQ(SUM(&city, "amount_fen", "refund WHERE source = 'parked'"), 100);
    close_city(&city);
}

TEST(a_receipt_given_back_leaves_everything_as_before) {
    city_t city;
    found(&city);
    const fen_t firm = due(&city, "employer", "E1", "2018-05");
    EQ(entitlement(&city, "P1")->n_spans, 0);
    receive(&city, "T1", "employer", "E1", "2018-05", "2018-05-20");
    EQ(entitlement(&city, "P1")->n_spans, 1);
    resolve(&city, "T1", "return");
    EQ(entitlement(&city, "P1")->n_spans, 0);
    EQ(due(&city, "employer", "E1", "2018-05"), firm);
    EQ(rig_ask(&city.collection, "resolve_receipt", "{'receipt':'T1','decision':'return','reason':'x'}"), E_EXISTS);
    EQ(rig_ask(&city.collection, "resolve_receipt", "{'receipt':'T1','decision':'apply','reason':'x'}"), E_NOT_FOUND);
    check_books(&city);
    EQ(BALANCE(&city, "account LIKE 'money/%'"), 0);
    receive(&city, "T2", "employer", "E1", "2018-05", "2018-05-21");
    EQ(entitlement(&city, "P1")->n_spans, 1);
    close_city(&city);
}

TEST(JM_C_40_a_residents_fee_is_not_paid_back_once_the_year_has_begun) {
    city_t city;
    open_city(&city);
    add_born(&city, "P1", "19700301", "resident", "2018-01", "");
    pump(&city);
    RIG_DO(&city.collection, "bill_year", "{'year':2018}");
    const fen_t fee = due(&city, "person", "P1", "2018");
    EQ(import_one(&city, "T0", "person", "P1", "2018", fee + 100)->parked, 1);
    receive(&city, "T1", "person", "P1", "2018", "2017-12-20");
    EQ(rig_ask(&city.collection, "resolve_receipt", "{'receipt':'T1','decision':'return','reason':'x'}"),
       E_OUT_OF_RANGE);
    HAS_TEXT(city.collection.err.text, "JM-C-40");
    EQ(due(&city, "person", "P1", "2018"), 0);
    resolve(&city, "T0", "return"); // was never the fee
    close_city(&city);
}

// ---- personal accounts

// What the events say is credited to a person for a month, and how many there are.
static fen_t credited(city_t *city, const char *person, const char *month, size_t *events) {
    rows_t rows;
    fen_t sum = 0;
    err_t err = {0};
    *events = 0;
    rig_events(&city->collection, &rows);
    for (size_t i = 0; i < rows.count; i++) {
        Tc__AccountCredit *credit;
        size_t size;
        const void *body = row_blob(&rows, i, 4, &size);
        if (strcmp(row_text(&rows, i, 2), "account.credited") != 0) continue;
        NEED(message_unpack((ProtobufCMessage **)&credit, &tc__account_credit__descriptor, body, size,
                            city->collection.ctx.arena, &err) == E_OK);
        if (strcmp(credit->person, person) != 0 || strcmp(credit->month, month) != 0) continue;
        sum += credit->amount_fen;
        EQ(credit->turn, ++*events);
    }
    return sum;
}

// Minimum of 3,100.00 in the sample: 2% of it are 62.00; of a wage of 5,000.00, 100.00.
TEST(JM_A_05_and_JM_A_11_a_paid_month_credits_the_account_once) {
    city_t city;
    size_t events;
    found(&city);
    receive(&city, "T1", "employer", "E1", "2018-05", "2018-05-20");
    EQ(credited(&city, "P1", "2018-05", &events), 10000);
    EQ(events, 1);
    receive(&city, "T2", "person", "P3", "2018-05", "2018-05-20");
    EQ(credited(&city, "P3", "2018-05", &events), 8428); // 48 years old: JM-A-08
    EQ(COUNT(&city, "account_credit WHERE rule = 'JM-A-08'"), 1);
    EQ(COUNT(&city, "account_credit WHERE rule = 'JM-A-11'"), 2);
    // Given back, taken back; paid again, credited again.
    resolve(&city, "T1", "return");
    EQ(credited(&city, "P1", "2018-05", &events), 0);
    EQ(events, 2);
    receive(&city, "T3", "employer", "E1", "2018-05", "2018-05-21");
    EQ(credited(&city, "P1", "2018-05", &events), 10000);
    EQ(events, 3);
    close_city(&city);
}

TEST(JM_A_16_and_JM_A_17_months_paid_late_are_credited_month_by_month) {
    city_t city;
    size_t events;
    found(&city);
    bill_months(&city, "2018-07", "2018-10");
    receive(&city, "T0", "employer", "E1", "2018-05", "2018-05-20");
    char receipt[24], month[24];
    for (int m = 6; m <= 10; m++) { // five months at once: an interruption, yet credited
        snprintf(receipt, sizeof receipt, "T%d", m);
        snprintf(month, sizeof month, "2018-%02d", m);
        receive(&city, receipt, "employer", "E1", month, "2018-10-31");
        EQ(credited(&city, "P1", month, &events), 10000);
        EQ(events, 1);
    }
    close_city(&city);
}

TEST(JM_A_01_a_residents_year_credits_nothing) {
    city_t city;
    open_city(&city);
    add_born(&city, "P1", "19700301", "resident", "2018-01", "");
    pump(&city);
    RIG_DO(&city.collection, "bill_year", "{'year':2018}");
    receive(&city, "T1", "person", "P1", "2018", "2017-12-20");
    EQ(COUNT(&city, "account_credit"), 0);
    close_city(&city);
}

// What was credited in December 2016 is not known here.
TEST(JM_A_03_who_had_an_account_before_2017_stays_undecided) {
    city_t city;
    size_t events;
    open_city(&city);
    add_born(&city, "P1", "19700301", "flexible", "2018-05", ",'prior_months_tier1':24,'prior_months_tier2':24");
    pump(&city);
    bill_month(&city, "2018-05");
    receive(&city, "T1", "person", "P1", "2018-05", "2018-05-20");
    EQ(credited(&city, "P1", "2018-05", &events), 0);
    EQ(events, 0);
    EQ(COUNT(&city, "account_credit WHERE undecided LIKE 'MISSING_FIELD%'"), 1);
    resolve(&city, "T1", "return");
    EQ(credited(&city, "P1", "2018-05", &events), 0);
    EQ(events, 0);
    close_city(&city);
}

// ---- years and retirement

static const Tc__Years *years(city_t *city, const char *person, const char *on) {
    RIG_DO(&city->collection, "get_years", "{'person':'%s','on':'%s'}", person, on);
    return (const Tc__Years *)city->collection.reply;
}

TEST(JM_Y_04_and_JM_Y_05_months_with_tier_2_count_and_residents_years_do_not) {
    city_t city;
    open_city(&city);
    add_employer(&city, "E1");
    add_born(&city, "P1", "19600115", "resident", "2018-01", "");
    add_employee(&city, "P2", "E1", "2018-05");
    pump(&city);
    RIG_DO(&city.collection, "bill_year", "{'year':2018}");
    bill_months(&city, "2018-05", "2018-07");
    receive(&city, "T1", "person", "P1", "2018", "2017-12-20");
    receive(&city, "T2", "employer", "E1", "2018-05", "2018-05-20");
    receive(&city, "T3", "employer", "E1", "2018-06", "2018-08-20");
    EQ(years(&city, "P1", "")->actual_months, 0);
    EQ_TEXT(years(&city, "P1", "")->first_tier2, "");
    EQ(years(&city, "P2", "")->actual_months, 2);
    EQ(years(&city, "P2", "2018-08-19")->actual_months, 1); // what was paid by then
    EQ(years(&city, "P2", "")->local_months, 2);
    EQ_TEXT(years(&city, "P2", "")->first_tier2, "2018-05");
    EQ(rig_ask(&city.collection, "get_years", "{'person':'NOBODY'}"), E_NOT_FOUND);
    EQ(rig_ask(&city.collection, "get_years", "{'person':'P2','on':'2199-01-01'}"), E_OUT_OF_RANGE);
    close_city(&city);
}

// With tier 2 where the city has one; elsewhere every month that is paid by the month.
TEST(which_identities_count_follows_the_city) {
    policy_t *other = NULL;
    err_t err = {0};
    OK(years_counts(law, IDENTITY_EMPLOYEE) && years_counts(law, IDENTITY_FLEXIBLE));
    OK(!years_counts(law, IDENTITY_RESIDENT) && !years_counts(law, IDENTITY_RETIREE));
    NEED(policy_load(&other, TC_SOURCE_DIR "/config/cities/zaozhuang.yaml", NULL, &err) == E_OK);
    OK(years_counts(other, IDENTITY_EMPLOYEE));
    OK(!years_counts(other, IDENTITY_RESIDENT) && !years_counts(other, IDENTITY_RETIREE));
    policy_destroy(&other);
}

TEST(JM_Y_03_and_JM_Y_12_deemed_months_and_those_of_the_former_scheme_are_added) {
    city_t city;
    open_city(&city);
    add_born(&city, "P1", "19600301", "flexible", "2018-05", ",'prior_months_tier1':40,'prior_months_tier2':36");
    RIG_DO(&city.enrollment, "record_deemed",
           "{'person':'P1','months':24,'source':'military service','evidence':'D1'}");
    RIG_DO(&city.enrollment, "transfer",
           "{'person':'P1','direction':'in','on':'2018-06-01','place':'440604','months_tier1':10,'months_tier2':8}");
    pump(&city);
    bill_month(&city, "2018-05");
    receive(&city, "T1", "person", "P1", "2018-05", "2018-05-20");
    const Tc__Years *all = years(&city, "P1", "");
    EQ(all->actual_months, 36 + 8 + 1);
    EQ(all->deemed_months, 24);
    EQ(all->local_months, 36 + 1);
    EQ_TEXT(all->first_tier2, "2015-05");
    EQ(years(&city, "P1", "2018-05-31")->actual_months, 36 + 1);
    close_city(&city);
}

static const Tc__RetirementAssessment *assess(city_t *city, const char *person, const char *on) {
    RIG_DO(&city->collection, "assess_retirement", "{'person':'%s','on':'%s'}", person, on);
    return (const Tc__RetirementAssessment *)city->collection.reply;
}

// Minimum base of 2020 in the sample 3,900.00, employer's rate 5.5%: 214.50 a month.
TEST(JM_Y_01_JM_Y_07_and_JM_Y_09_a_lump_sum_makes_up_what_is_missing_and_then_counts) {
    city_t city;
    open_city(&city);
    add_born(&city, "P1", "19600301", "flexible", "2018-05", ",'prior_months_tier1':200,'prior_months_tier2':200");
    pump(&city);
    bill_months(&city, "2018-05", "2018-06");
    receive(&city, "T1", "person", "P1", "2018-05", "2018-05-20");
    receive(&city, "T2", "person", "P1", "2018-06", "2018-06-20");
    const Tc__RetirementAssessment *now = assess(&city, "P1", "2020-03-10");
    EQ(now->required_months, 240);
    EQ(now->missing_months, 38);
    EQ(now->monthly_fen, 21450);
    EQ(now->lump_sum_fen, 38 * 21450);
    OK(!now->exempt);
    EQ_TEXT(now->rule, "JM-Y-09");
    RIG_DO(&city.collection, "bill_lump_sum", "{'person':'P1','on':'2020-03-10'}");
    const Tc__ContributionBill *bill = (const Tc__ContributionBill *)city.collection.reply;
    EQ_TEXT(bill->period, "2020-03 lump");
    EQ(bill->total_fen, 38 * 21450);
    EQ(bill->lines[0]->months, 38);
    EQ(rig_ask(&city.collection, "bill_lump_sum", "{'person':'P1','on':'2020-03-11'}"), E_EXISTS);
    EQ(years(&city, "P1", "")->actual_months, 202);
    // A change in enrolment leaves the bill alone, and the months bought are no cover.
    RIG_DO(&city.enrollment, "set_group",
           "{'person':'P1','group':'low_income_family','from':'2018-01-01','source':'civil_affairs'," RIG_PAPER "}");
    pump(&city);
    EQ(due(&city, "person", "P1", "2020-03 lump"), 38 * 21450);
    const int64_t version = entitlement(&city, "P1")->version;
    EQ(import_one(&city, "T3", "person", "P1", "2020-03 lump", 38 * 21450)->matched, 1);
    EQ(years(&city, "P1", "")->actual_months, 240);
    EQ(years(&city, "P1", "")->local_months, 202); // JM-Y-07: bought, not contributed
    EQ(assess(&city, "P1", "")->missing_months, 0);
    OK(assess(&city, "P1", "")->exempt);
    EQ(entitlement(&city, "P1")->version, version);
    EQ(rig_ask(&city.collection, "bill_lump_sum", "{'person':'P1'}"), E_OUT_OF_RANGE);
    close_city(&city);
}

TEST(JM_Y_02_who_first_joins_from_2018_needs_25_years) {
    city_t city;
    open_city(&city);
    add_born(&city, "P1", "19600301", "flexible", "2018-05", "");
    pump(&city);
    bill_month(&city, "2018-05");
    receive(&city, "T1", "person", "P1", "2018-05", "2018-05-20");
    EQ(assess(&city, "P1", "2020-03-10")->required_months, 300);
    EQ(assess(&city, "P1", "2020-03-10")->missing_months, 299);
    close_city(&city);
}

// ---- public obligations

TEST(JM_C_03_and_JM_C_09_what_public_money_owes_for_a_year) {
    city_t city;
    open_city(&city);
    for (int i = 0; i < 3; i++) {
        char name[8];
        snprintf(name, sizeof name, "R%d", i);
        add_born(&city, name, "19700301", "resident", "2018-01", "");
        if (i < 2)
            RIG_DO(&city.enrollment, "set_group",
                   "{'person':'%s','group':'minimum_living','from':'2017-01-01','source':'civil_affairs'," RIG_PAPER
                   "}",
                   name);
    }
    add_born(&city, "U1", "19700301", "unemployed", "2018-05", "");
    pump(&city);
    RIG_DO(&city.collection, "bill_year", "{'year':2018}");
    bill_months(&city, "2018-05", "2018-06");
    receive(&city, "T2", "person", "U1", "2018-05", "2018-05-20");
    const fen_t fee = SUM(&city, "total_fen", "bill WHERE person = 'R0'");
    const Tc__Obligations *all = rig_obligations(&city.collection, 2018);
    NEED(all->n_lines == 3);
    EQ_TEXT(all->lines[0]->item, "tier1");
    EQ_TEXT(all->lines[0]->payer, "finance");
    EQ_TEXT(all->lines[0]->division, "440703");
    EQ(all->lines[0]->persons, 2);
    EQ(all->lines[0]->due_fen, 2 * fee);
    EQ(all->lines[0]->paid_fen, 0);
    EQ_TEXT(all->lines[1]->payer, "unemployment_fund");
    EQ(all->lines[1]->persons, 1);
    EQ(all->lines[1]->due_fen, 2 * 10850); // 3.5% of 3,100.00
    EQ(all->lines[1]->paid_fen, 10850);
    EQ_TEXT(all->lines[2]->item, "tier2");
    EQ(all->lines[2]->due_fen, 2 * 13330); // 4.3%
    RIG_DO(&city.collection, "get_obligations", "{'year':2017}");
    EQ(((const Tc__Obligations *)city.collection.reply)->n_lines, 0);
    close_city(&city);
}

static fen_t line_of(const Tc__Obligations *all, const char *payer, bool paid) {
    fen_t sum = 0;
    for (size_t i = 0; i < all->n_lines; i++)
        if (strcmp(all->lines[i]->payer, payer) == 0) sum += paid ? all->lines[i]->paid_fen : all->lines[i]->due_fen;
    return sum;
}

static fen_t owed_now(city_t *city) {
    RIG_DO(&city->collection, "get_obligations", "{'year':2018}");
    return line_of((const Tc__Obligations *)city->collection.reply, "finance", false);
}

// Who asks reads sums, and bills only where they changed since: what is done to bills behind the service's back is seen
// when one of that partition changes as it should.
TEST(what_public_money_owes_is_kept_until_a_bill_changes) {
    city_t city;
    err_t err = {0};
    open_city(&city);
    add_born(&city, "R0", "19700301", "resident", "2018-01", "");
    add_born(&city, "U1", "19700301", "unemployed", "2018-05", "");
    RIG_DO(&city.enrollment, "set_group",
           "{'person':'R0','group':'minimum_living','from':'2017-01-01','source':'civil_affairs'}");
    pump(&city);
    NEED(partition_of("R0") != partition_of("U1"));
    EQ(rig_obligations(&city.collection, 2018)->n_lines, 0);
    RIG_DO(&city.collection, "bill_year", "{'year':2018}");
    bill_months(&city, "2018-05", "2018-06");
    const Tc__Obligations *all = rig_obligations(&city.collection, 2018);
    const fen_t finance = line_of(all, "finance", false), fund = line_of(all, "unemployment_fund", false);
    NEED(finance > 0 && fund > 0);
    // Paid by a receipt, given back, billed once more, and no longer owed.
    receive(&city, "T2", "person", "U1", "2018-05", "2018-05-20");
    EQ(line_of(rig_obligations(&city.collection, 2018), "unemployment_fund", true), fund / 2);
    RIG_DO(&city.collection, "resolve_receipt", "{'receipt':'T2','decision':'return','reason':'twice'}");
    EQ(line_of(rig_obligations(&city.collection, 2018), "unemployment_fund", true), 0);
    bill_months(&city, "2018-07", "2018-07");
    EQ(line_of(rig_obligations(&city.collection, 2018), "unemployment_fund", false), fund / 2 * 3);
    RIG_DO(&city.enrollment, "close_spell", "{'person':'U1','last_month':'2018-06'}");
    pump(&city);
    EQ(line_of(rig_obligations(&city.collection, 2018), "unemployment_fund", false), fund);
    // Behind its back.
    NEED(store_exec(city.collection.ctx.store, "DELETE FROM bill WHERE person = 'R0'", NULL, 0, &err) == E_OK);
    EQ(owed_now(&city), finance);
    receive(&city, "T3", "person", "U1", "2018-05", "2018-05-20"); // of another partition
    EQ(owed_now(&city), finance);
    EQ(line_of((const Tc__Obligations *)city.collection.reply, "unemployment_fund", true), fund / 2);
    RIG_DO(&city.collection, "bill_year", "{'year':2018}");
    EQ(owed_now(&city), finance);
    NEED(store_exec(city.collection.ctx.store, "DELETE FROM bill WHERE person = 'R0'", NULL, 0, &err) == E_OK);
    RIG_DO(&city.collection, "bill_year", "{'year':2019}"); // another year
    EQ(owed_now(&city), finance);
    close_city(&city);
}

// ---- properties

// Pay the employer's months `first` to `last` of 2018, each on its 20th; those from `late` on only on `on`.
static void pay_year(city_t *city, const char *employer, int late, int months_late, const char *on) {
    for (int m = 1; m <= 12; m++) {
        char receipt[64], month[24], day[40];
        const bool waits = m >= late && m < late + months_late;
        snprintf(receipt, sizeof receipt, "%s-%02d", employer, m);
        snprintf(month, sizeof month, "2018-%02d", m);
        snprintf(day, sizeof day, "2018-%02d-20", m);
        receive(city, receipt, "employer", employer, month, waits ? on : day);
    }
}

// All that a state says, but whose it is, how often it was told and why.
static bool same_state(city_t *city, const char *one, const char *other) {
    uint8_t *packed[2];
    size_t bytes[2];
    for (int i = 0; i < 2; i++) {
        Tc__Entitlement state = *entitlement(city, i ? other : one);
        state.version = 0;
        state.person = state.reason = state.touched_from = state.touched_until = (char *)"";
        packed[i] = message_pack(&state.base, city->collection.ctx.arena, &bytes[i]);
        NEED(packed[i] != NULL);
    }
    return bytes[0] == bytes[1] && memcmp(packed[0], packed[1], bytes[0]) == 0;
}

static fen_t credits_of(city_t *city, const char *person) {
    char sql[160];
    snprintf(sql, sizeof sql,
             "SELECT CAST(COALESCE(SUM(amount_fen), 0) AS BIGINT) FROM account_credit WHERE person = '%s'", person);
    return number_of(&city->collection, sql);
}

// Arrears of up to three months that are paid leave no trace (JM-G-11, JM-G-13); of four, they do (JM-G-14). The years
// and the personal account do not ask when it was paid (JM-A-17).
TEST(JM_G_11_and_JM_G_14_three_months_late_ends_like_the_twin_in_time_and_four_do_not) {
    const unsigned seed = getenv("SEED") ? (unsigned)strtoul(getenv("SEED"), NULL, 10) : (unsigned)time(NULL);
    fprintf(stderr, "SEED=%u\n", seed);
    srand(seed);
    for (int round = 0; round < 16; round++) {
        city_t city;
        char on[40];
        const int months = 1 + round % 4, late = 2 + rand() % (10 - months);
        open_city(&city);
        add_employer(&city, "E1");
        add_employer(&city, "E2");
        add_employee(&city, "ONTIME", "E1", "2018-01");
        add_employee(&city, "LATE", "E2", "2018-01");
        pump(&city);
        bill_months(&city, "2018-01", "2018-12");
        snprintf(on, sizeof on, "2018-%02d-%02d", late + months, 1 + rand() % 28);
        pay_year(&city, "E1", 0, 0, "");
        pay_year(&city, "E2", late, months, on);
        const bool same = same_state(&city, "ONTIME", "LATE");
        if (same != (months <= 3)) fprintf(stderr, "%d months from %d, paid %s\n", months, late, on);
        OK(same == (months <= 3));
        EQ(credits_of(&city, "LATE"), credits_of(&city, "ONTIME"));
        EQ(years(&city, "LATE", "2019-01-01")->actual_months, 12);
        close_city(&city);
    }
}

// Whatever comes in and is decided, every receipt is in one place, every fen is in one place, and the ledger agrees.
TEST(every_receipt_ends_in_one_place_and_every_fen_too) {
    enum { EMPLOYERS = 6, MONTHS = 6, ROUNDS = 60 };
    static const char *const decisions[] = {"match", "apply", "return"};
    const unsigned seed = (unsigned)time(NULL);
    fprintf(stderr, "SEED=%u\n", seed);
    srand(seed);
    city_t city;
    static file_t file;
    char name[32], rest[32], receipt[16], month[24];
    fen_t came = 0;
    int receipts = 0;
    open_city(&city);
    for (int i = 0; i < EMPLOYERS; i++) {
        snprintf(name, sizeof name, "E%d", i);
        add_employer(&city, name);
        for (int k = 0; k < 3; k++) {
            snprintf(rest, sizeof rest, "P%d-%d", i, k);
            add_employee(&city, rest, name, "2018-01");
        }
    }
    pump(&city);
    bill_months(&city, "2018-01", "2018-06");
    const fen_t one = due(&city, "employer", "E0", "2018-01");
    for (int round = 0; round < ROUNDS; round++) {
        const int count = rand() % 8;
        file = (file_t){0};
        for (int i = 0; i < count; i++, receipts++) {
            snprintf(receipt, sizeof receipt, "T%d", receipts);
            snprintf(name, sizeof name, "E%d", rand() % (EMPLOYERS + 1));
            snprintf(month, sizeof month, "2018-%02d", 1 + rand() % MONTHS);
            fen_t amount = one;
            if (rand() % 2) amount = 1 + rand() % (3 * one);
            came += amount;
            file_add(&file, receipt, "employer", name, month, amount, "2018-06-20");
        }
        const Tc__ReceiptReport *report = import(&city, &file, false);
        EQ(report->matched + report->parked, count);
        for (int i = 0; i < 3 && receipts; i++) {
            int code = rig_ask(&city.collection, "resolve_receipt", "{'receipt':'T%d','decision':'%s','reason':'x'}",
                               rand() % receipts, decisions[rand() % 3]);
            OK(code == E_OK || code == E_OUT_OF_RANGE || code == E_EXISTS || code == E_NOT_FOUND);
        }
        check_books(&city);
        // Money that came = what stands in the treasury + what was given back.
        EQ(BALANCE(&city, "account LIKE 'money/%'") + SUM(&city, "amount_fen", "refund"), came);
        EQ(COUNT(&city, "parked_receipt p JOIN receipt r ON r.receipt = p.receipt WHERE p.decision <> 'match'"), 0);
    }
    EQ(COUNT(&city, "bill b WHERE b.paid_on <> '' AND NOT EXISTS (SELECT 1 FROM receipt r WHERE r.receipt = b.receipt"
                    " AND r.payer = b.employer AND r.period = b.period AND r.paid_on = b.paid_on)"),
       0);
    close_city(&city);
}

// Set-based: a thousand receipts in one message.
TEST(a_thousand_receipts_take_no_time) {
    enum { PERSONS = 1000 };
    city_t city;
    static file_t file;
    char name[16], receipt[16];
    open_city(&city);
    for (int i = 0; i < PERSONS; i++) {
        snprintf(name, sizeof name, "P%d", i);
        add_born(&city, name, i % 3 ? i % 3 == 1 ? "19700301" : "19700302" : "19700303", "flexible", "2018-05", "");
    }
    pump(&city);
    char after[64] = "";
    for (bool done = false; !done;) {
        RIG_DO(&city.collection, "bill_month", "{'month':'2018-05','after':'%s'}", after);
        done = ((const Tc__BillRun *)city.collection.reply)->done;
        snprintf(after, sizeof after, "%s", ((const Tc__BillRun *)city.collection.reply)->last_person);
    }
    const fen_t one = due(&city, "person", "P0", "2018-05");
    file = (file_t){0};
    for (int i = 0; i < PERSONS; i++) {
        snprintf(name, sizeof name, "P%d", i);
        snprintf(receipt, sizeof receipt, "T%d", i);
        file_add(&file, receipt, "person", name, "2018-05", one, "2018-05-20");
    }
    int64_t started_us = clock_mono_us();
    EQ(import(&city, &file, false)->matched, PERSONS);
    int64_t spent_us = clock_mono_us() - started_us;
    fprintf(stderr, "%d receipts in %lld ms\n", PERSONS, (long long)spent_us / 1000);
    OK(spent_us < 20 * 1000 * 1000);
    started_us = clock_mono_us();
    EQ(import(&city, &file, false)->unchanged, PERSONS);
    fprintf(stderr, "again in %lld ms\n", (long long)(clock_mono_us() - started_us) / 1000);
    close_city(&city);
}

TEST(the_ground_is_cleared) {
    policy_destroy(&law);
    rig_ground_stop();
}

TESTS("collection_receipts", CASE(the_ground_is_laid), CASE(a_claim_is_decided_by_what_is_owed_and_kept),
      CASE(a_file_pays_what_matches_and_parks_the_rest), CASE(a_file_of_persons_and_employers_pays_each_ones_own_bills),
      CASE(an_employer_with_more_bills_than_its_share_pays_them_like_the_others),
      CASE(what_is_parked_is_listed_oldest_first_in_pages), CASE(bad_imports_name_the_field),
      CASE(a_parked_receipt_matches_once_the_bill_is_there),
      CASE(applied_it_pays_the_oldest_periods_and_the_rest_serves_the_next_bill_first),
      CASE(a_credit_is_used_once_and_an_exact_sum_leaves_none), CASE(what_covers_no_period_is_kept_whole),
      CASE(a_receipt_given_back_leaves_everything_as_before),
      CASE(JM_C_40_a_residents_fee_is_not_paid_back_once_the_year_has_begun),
      CASE(JM_A_05_and_JM_A_11_a_paid_month_credits_the_account_once),
      CASE(JM_A_16_and_JM_A_17_months_paid_late_are_credited_month_by_month),
      CASE(JM_A_01_a_residents_year_credits_nothing), CASE(JM_A_03_who_had_an_account_before_2017_stays_undecided),
      CASE(JM_Y_04_and_JM_Y_05_months_with_tier_2_count_and_residents_years_do_not),
      CASE(which_identities_count_follows_the_city),
      CASE(JM_Y_03_and_JM_Y_12_deemed_months_and_those_of_the_former_scheme_are_added),
      CASE(JM_Y_01_JM_Y_07_and_JM_Y_09_a_lump_sum_makes_up_what_is_missing_and_then_counts),
      CASE(JM_Y_02_who_first_joins_from_2018_needs_25_years),
      CASE(JM_C_03_and_JM_C_09_what_public_money_owes_for_a_year),
      CASE(what_public_money_owes_is_kept_until_a_bill_changes),
      CASE(JM_G_11_and_JM_G_14_three_months_late_ends_like_the_twin_in_time_and_four_do_not),
      CASE(every_receipt_ends_in_one_place_and_every_fen_too), CASE(a_thousand_receipts_take_no_time),
      CASE(the_ground_is_cleared))
