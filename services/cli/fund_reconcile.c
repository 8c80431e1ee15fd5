// tongchou fund reconcile, import-bank, cases, case: the two sides asked, differences named and kept as cases.
#include "adjudication.pb-c.h"
#include "bill_list.h"
#include "common/base/hash.h"
#include "common/reconcile/digest_wire.h"
#include "fund.h"
#include "fund_table.h"
#include "services/settlement/bank_file.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    DIFFERENCES_TOLD_MAX = 2000, // as many as one record holds
    REASONS_MAX = 500,           // bills that are looked up one by one
    TRIES_MAX = 3,
    POSTING_WAIT_MS = 15000,
    PART_ROWS = 2000,
    FAULTS_TOLD_MAX = 20
};

typedef struct args {
    common_options_t common;
    const char *from, *to, *month, *file, *owner, *source, *account, *county, *number, *pair, *party, *state, *text;
    bool csv, dry, all;
    int64_t tolerance, after, limit;
} args_t;

#define OPT(n, f)                                                                                                      \
    { .name = n, .text = &args.f }

static char *text_or_none(const char *text) { return (char *)(text ? text : ""); }

static const char *money(arena_t *arena, fen_t amount) {
    char text[FEN_TEXT_MAX];
    return arena_text(arena, "%s", fen_format(amount, text));
}

// ---- the two sides

typedef struct comparison {
    suite_t *suite;
    const args_t *args;
    const char *pair, *party; // party "": all
    bucket_t of;
    digest_key_t key;
    int64_t positions[PARTITIONS]; // of adjudication's log
    int64_t behind;                // events that settlement has not posted
    reconcile_result_t result;
    traffic_t traffic;
    Tc__Difference *differences; // with reasons
} comparison_t;

typedef struct far_side { // for remote_side_t
    suite_t *suite;
    const char *service;
} far_side_t;

static int ask_far(void *self, const char *method, const Tc__GetDigests *request,
                   const ProtobufCMessageDescriptor *type, ProtobufCMessage **reply, err_t *err) {
    const far_side_t *far = self;
    return suite_call(far->suite, far->service, method, "", &request->base, type, reply, err);
}

static remote_side_t side_of(comparison_t *c, far_side_t *far, bool whole) {
    return (remote_side_t){
        .ask = ask_far, .self = far, .book = "bills", .whole = whole, .key = &c->key, .arena = c->suite->arena};
}

static int follow(suite_t *suite, const char *service, const Tc__FollowRows *ask, const Tc__Followed **out,
                  err_t *err) {
    ProtobufCMessage *reply = NULL;
    int rc;
    do {
        rc = suite_call(suite, service, "follow_rows", "", &ask->base, &tc__followed__descriptor, &reply, err);
        *out = (const Tc__Followed *)reply;
    } while (!rc && !(*out)->done);
    if (!rc && (*out)->n_positions != PARTITIONS) rc = err_set(err, E_INTERNAL, "%s told no positions", service);
    return rc;
}

static int follow_business(comparison_t *c, err_t *err) {
    const Tc__FollowRows ask = TC__FOLLOW_ROWS__INIT;
    const Tc__Followed *followed;
    int rc = follow(c->suite, "adjudication", &ask, &followed, err);
    if (!rc) memcpy(c->positions, followed->positions, sizeof c->positions);
    return rc;
}

static int64_t behind(const comparison_t *c, const Tc__Followed *books) {
    int64_t sum = 0;
    for (size_t p = 0; p < PARTITIONS; p++)
        if (books->positions[p] < c->positions[p]) sum += c->positions[p] - books->positions[p];
    return sum;
}

// Up to where adjudication stands, as far as it is posted within the time allowed.
static int follow_books(comparison_t *c, err_t *err) {
    const int64_t until_ms = clock_now_ms() + POSTING_WAIT_MS;
    Tc__FollowRows ask = TC__FOLLOW_ROWS__INIT;
    const Tc__Followed *followed;
    ask.upto = c->positions, ask.n_upto = PARTITIONS;
    int rc = follow(c->suite, "settlement", &ask, &followed, err);
    while (!rc && (c->behind = behind(c, followed)) > 0 && clock_now_ms() < until_ms) {
        nanosleep(&(struct timespec){.tv_nsec = 200000000}, NULL);
        rc = follow(c->suite, "settlement", &ask, &followed, err);
    }
    if (!rc && c->behind == 0)
        rc = follow(c->suite, "settlement", &ask, &followed, err); // what came with the last look
    return rc;
}

static int run_reconcile(comparison_t *c, const reconcile_side_t *here, const reconcile_side_t *there, err_t *err) {
    const reconcile_limits_t limits = {.differences = DIFFERENCES_TOLD_MAX};
    int rc = reconcile(here, there, &c->of, &c->key, &limits, c->suite->arena, &c->result, err);
    for (size_t i = 0; i < 2; i++) {
        const traffic_t *told = (i ? there : here)->traffic;
        if (!told) continue;
        c->traffic.messages += told->messages;
        c->traffic.bytes += told->bytes;
        c->traffic.rows += told->rows;
    }
    return rc;
}

// here: finance, the ledger. there: business.
static int compare_business(comparison_t *c, err_t *err) {
    int rc = E_OK;
    for (int tries = 0; tries < TRIES_MAX; tries++) {
        far_side_t books = {c->suite, "settlement"}, bills = {c->suite, "adjudication"};
        remote_side_t here = side_of(c, &books, false), there = side_of(c, &bills, false);
        const reconcile_side_t left = {&here, remote_children, remote_rows, &here.traffic},
                               right = {&there, remote_children, remote_rows, &there.traffic};
        digest_key_draw(&c->key);
        rc = follow_business(c, err);
        if (!rc) rc = follow_books(c, err);
        if (!rc) rc = run_reconcile(c, &left, &right, err);
        if (rc || !c->result.moved) return rc;
    }
    return err_set(err, E_BUSY, "the books move faster than they can be compared: try again");
}

// here: adjudication, each bill as one row. there: the facility's list.
static int compare_facility(comparison_t *c, const row_list_t *list, err_t *err) {
    far_side_t bills = {c->suite, "adjudication"};
    row_set_t set = {list, &c->key};
    remote_side_t here = side_of(c, &bills, true);
    const reconcile_side_t left = {&here, remote_children, remote_rows, &here.traffic},
                           right = {&set, row_set_children, row_set_rows, NULL};
    digest_key_draw(&c->key);
    int rc = follow_business(c, err);
    if (!rc) rc = run_reconcile(c, &left, &right, err);
    if (!rc && c->result.moved) rc = err_set(err, E_BUSY, "bills were decided meanwhile: try again");
    return rc;
}

// ---- why

static const char *reason_of_bill(comparison_t *c, const digest_row_t *row, const char *known) {
    Tc__GetDecision ask = TC__GET_DECISION__INIT;
    ProtobufCMessage *reply = NULL;
    err_t err = {0};
    ask.bill = (char *)row->reference;
    int rc = suite_call(c->suite, "adjudication", "get_decision", row->reference, &ask.base, &tc__decision__descriptor,
                        &reply, &err);
    if (rc == E_NOT_FOUND) return "unknown bill";
    if (rc) return "not looked up";
    const Tc__Decision *decision = (const Tc__Decision *)reply;
    if (strcmp(decision->kind, "reversed") == 0 || strcmp(decision->kind, "tombstone") == 0) return "reversed";
    if (strcmp(decision->facility, row->party) != 0 && strcmp(row->party, "-") != 0) return "of another facility";
    if (strcmp(decision->decision, "paid") != 0) return "not paid by the funds";
    if (decision->version > 1) return arena_text(c->suite->arena, "%s; version %d", known, decision->version);
    return known;
}

// Business and finance: the ledger is `here`.
static const char *business_reason(comparison_t *c, const difference_t *d, bool look) {
    switch (d->kind) {
    case MISSING_HERE: return c->behind ? "not posted yet" : "not posted";
    case MISSING_THERE:
        return look ? reason_of_bill(c, &d->here, "posted without such a bill") : "posted without a bill";
    case OTHER_AMOUNT: return c->behind ? "a version is not posted yet" : "posted with another amount";
    case TWICE_HERE: return "posted twice";
    case TWICE_THERE: return "decided twice";
    case OTHER_PLACE:
    default: return "posted under another day or facility";
    }
}

// A facility and the agency: our decisions are `here`.
static const char *facility_reason(comparison_t *c, const difference_t *d, bool look) {
    switch (d->kind) {
    case MISSING_HERE: return look ? reason_of_bill(c, &d->there, "of another day or month") : "not on our side";
    case MISSING_THERE: return "not sent by the facility";
    case OTHER_AMOUNT: return look ? reason_of_bill(c, &d->there, "other amount") : "other amount";
    case TWICE_THERE: return "listed twice";
    case TWICE_HERE: return "decided twice";
    case OTHER_PLACE:
    default: return "listed under another day";
    }
}

static int name_differences(comparison_t *c, err_t *err) {
    arena_t *arena = c->suite->arena;
    const bool business = strcmp(c->pair, "business") == 0;
    c->differences = arena_alloc(arena, (c->result.count + 1) * sizeof *c->differences);
    if (!c->differences) return err_set(err, E_IO, "out of memory");
    for (size_t i = 0; i < c->result.count; i++) {
        const difference_t *d = &c->result.differences[i];
        Tc__Difference *made = &c->differences[i];
        tc__difference__init(made);
        made->kind = (char *)difference_name(d->kind);
        made->reason =
            (char *)(business ? business_reason(c, d, i < REASONS_MAX) : facility_reason(c, d, i < REASONS_MAX));
        int rc = d->has_here ? row_write(&d->here, arena, &made->here, err) : E_OK;
        if (!rc && d->has_there) rc = row_write(&d->there, arena, &made->there, err);
        if (rc || !made->reason) return rc ? rc : err_set(err, E_IO, "out of memory");
    }
    return E_OK;
}

// ---- keeping and telling

static int fill_record(comparison_t *c, Tc__RecordComparison *out, err_t *err) {
    char day[DATE_TEXT_MAX];
    arena_t *arena = c->suite->arena;
    tc__record_comparison__init(out);
    out->pair = (char *)c->pair;
    out->party = (char *)c->party;
    out->from = arena_text(arena, "%s", date_format(c->of.from, day));
    out->to = arena_text(arena, "%s", date_format(c->of.to, day));
    out->more = c->result.more;
    out->owner = text_or_none(c->args->owner);
    out->differences = arena_alloc(arena, (c->result.count + 1) * sizeof *out->differences);
    if (!out->differences || !out->from || !out->to) return err_set(err, E_IO, "out of memory");
    for (size_t i = 0; i < c->result.count; i++) out->differences[out->n_differences++] = &c->differences[i];
    int rc = digest_write(&c->result.here, arena, &out->here, err);
    return rc ? rc : digest_write(&c->result.there, arena, &out->there, err);
}

static const fund_column_t difference_columns[] = {{"kind", false},     {"bill", false},  {"layer", false},
                                                   {"facility", false}, {"day", false},   {"here", true},
                                                   {"there", true},     {"reason", false}};

static void add_difference(fund_table_t *table, const Tc__Difference *d) {
    const Tc__DigestRow *row = d->here ? d->here : d->there;
    fund_row_t *made = fund_table_row(table);
    if (!made) return;
    const char *const cells[] = {d->kind,
                                 row->reference,
                                 row->kind,
                                 row->party,
                                 row->day,
                                 d->here ? money(table->arena, d->here->amount_fen) : "",
                                 d->there ? money(table->arena, d->there->amount_fen) : "",
                                 d->reason};
    memcpy(made->cell, cells, sizeof cells);
    if (d->here && d->there && strcmp(d->here->day, d->there->day) != 0)
        made->note = arena_text(table->arena, "there on %s", d->there->day);
}

static void print_totals(const comparison_t *c) {
    const bool business = strcmp(c->pair, "business") == 0;
    char day[DATE_TEXT_MAX], last[DATE_TEXT_MAX], here[FEN_TEXT_MAX], there[FEN_TEXT_MAX];
    printf("%s %s to %s\n", business ? "business and finance" : c->party, date_format(c->of.from, day),
           date_format(c->of.to, last));
    printf("  %-12s %10lld rows %18s yuan\n", business ? "finance" : "ours", (long long)c->result.here.count,
           fen_format(c->result.here.sum, here));
    printf("  %-12s %10lld rows %18s yuan\n", business ? "business" : "theirs", (long long)c->result.there.count,
           fen_format(c->result.there.sum, there));
}

static void print_comparison(const comparison_t *c, const Tc__RecordComparison *record, const Tc__Recorded *kept) {
    if (c->args->common.json) {
        puts(message_to_json(&record->base, c->suite->arena));
        return;
    }
    if (!c->args->csv) print_totals(c);
    fund_table_t table = {
        .arena = c->suite->arena, .columns = difference_columns, .width = COUNT_OF(difference_columns)};
    for (size_t i = 0; i < c->result.count; i++) add_difference(&table, &c->differences[i]);
    if (c->result.count || c->args->csv) fund_table_print(&table, c->args->csv);
    if (c->args->csv) return;
    printf("%zu differences%s; %lld messages, %lld bytes, %lld rows told\n", c->result.count,
           c->result.more ? " and more" : "", (long long)c->traffic.messages, (long long)c->traffic.bytes,
           (long long)c->traffic.rows);
    if (c->behind) printf("settlement has %lld events of adjudication still to post\n", (long long)c->behind);
    if (kept)
        printf("comparison %lld: %lld cases opened, %lld settled, %lld open\n", (long long)kept->comparison,
               (long long)kept->opened, (long long)kept->settled, (long long)kept->open);
}

// Exit status 1 when they differ.
static int finish(comparison_t *c, int rc, err_t *err) {
    Tc__RecordComparison record;
    ProtobufCMessage *reply = NULL;
    if (!rc) rc = name_differences(c, err);
    if (!rc) rc = fill_record(c, &record, err);
    if (!rc && !c->args->dry)
        rc = suite_call(c->suite, "settlement", "record_comparison", "", &record.base, &tc__recorded__descriptor,
                        &reply, err);
    if (rc) return cli_refused(err, c->args->common.json);
    print_comparison(c, &record, (const Tc__Recorded *)reply);
    return c->result.count ? 1 : 0;
}

// ---- reconcile

static int days_of(const args_t *args, bucket_t *of, const command_t *self) {
    month_t month;
    if (args->month && !args->from && !args->to && month_parse(args->month, &month) == E_OK) {
        of->from = month_first(month), of->to = month_last(month);
        return 0;
    }
    if (!args->month && args->from && args->to && date_parse(args->from, &of->from) == E_OK &&
        date_parse(args->to, &of->to) == E_OK && of->from <= of->to)
        return 0;
    return fund_usage(self, "--month 2020-03, or --from and --to were expected");
}

static void tell_fault(void *self, int64_t row, const err_t *why) {
    int *told = self;
    if (++*told <= FAULTS_TOLD_MAX)
        fprintf(stderr, "row %lld: %s%s%s: %s\n", (long long)row, err_name(why->code), *why->field ? " " : "",
                why->field, why->text);
    if (*told == FAULTS_TOLD_MAX + 1) fprintf(stderr, "… and further rows\n");
}

static FILE *open_file(const char *path) {
    FILE *file = fopen(path, "rb");
    if (!file) fprintf(stderr, "tongchou fund: %s: %s\n", path, strerror(errno));
    return file;
}

static int reconcile_facility(comparison_t *c) {
    row_list_t list = {.arena = c->suite->arena};
    int told = 0;
    err_t err = {0};
    FILE *file = open_file(c->args->file);
    if (!file) return 2;
    int rc = bill_list_read(file, c->party, tell_fault, &told, &list, &err);
    (void)fclose(file);
    return finish(c, rc ? rc : compare_facility(c, &list, &err), &err);
}

static int run_reconcile_command(int argc, char **argv, const command_t *self) {
    args_t args = {.common = COMMON_DEFAULTS};
    words_t words = {0};
    suite_t suite;
    err_t err = {0};
    const option_spec_t specs[] = {COMMON_SPECS(args.common),
                                   OPT("month", month),
                                   OPT("from", from),
                                   OPT("to", to),
                                   OPT("file", file),
                                   OPT("owner", owner),
                                   {.name = "dry", .flag = &args.dry},
                                   {.name = "csv", .flag = &args.csv}};
    comparison_t c = {.suite = &suite, .args = &args, .party = ""};
    int status = options_parse(argc, argv, self, specs, COUNT_OF(specs), &words, NULL);
    if (status >= 0) return status;
    c.pair = words.count ? words.word[0] : "";
    const bool business = words.count == 1 && strcmp(c.pair, "business") == 0 && !args.file;
    const bool facility = words.count == 2 && strcmp(c.pair, "facility") == 0 && args.file;
    if (!business && !facility) return fund_usage(self, "`business`, or `facility CODE --file LIST` was expected");
    status = days_of(&args, &c.of, self);
    if (status) return status;
    if (facility) c.of.party = c.party = words.word[1];
    if (suite_open(&suite, args.common.data, args.common.as)) return 2;
    status = facility ? reconcile_facility(&c) : finish(&c, compare_business(&c, &err), &err);
    suite_close(&suite);
    return status;
}

const command_t fund_reconcile = {
    .name = "fund reconcile",
    .summary = "hold business against finance, or a facility's list against ours",
    .help =
        "usage: tongchou fund reconcile business --month M | --from DAY --to DAY\n"
        "       tongchou fund reconcile facility CODE --file LIST.csv --month M | --from DAY --to DAY\n"
        "                               [--owner NAME] [--dry] [--csv | --json]\n\n"
        "Totals first, then only what differs, bill by bill. Differences become cases (`tongchou fund cases`); --dry\n"
        "keeps nothing. LIST.csv: bill (就诊ID), day (出院日期), fund (基金支付), account (个人账户支付), then its "
        "totals.\n"
        "Exit status 1: they differ.\n\nexamples:\n"
        "  tongchou fund reconcile business --month 2020-03\n"
        "  tongchou fund reconcile facility H37040200001 --file 2020-03.csv --month 2020-03 --dry\n",
    .run = run_reconcile_command};

// ---- statements

static Tc__ImportStatement head_of(const args_t *args, const bank_file_t *read) {
    Tc__ImportStatement ask = TC__IMPORT_STATEMENT__INIT;
    ask.source = text_or_none(args->source), ask.number = text_or_none(args->number);
    ask.account = text_or_none(args->account), ask.county = text_or_none(args->county);
    ask.from = (char *)(args->from ? args->from : read->from), ask.to = (char *)(args->to ? args->to : read->to);
    ask.digest = (char *)read->digest;
    ask.rows = (int64_t)read->count, ask.in_fen = read->in, ask.out_fen = read->out;
    return ask;
}

static int send_statement(suite_t *suite, const args_t *args, const bank_file_t *read, const Tc__StatementState **state,
                          err_t *err) {
    Tc__ImportStatement ask = head_of(args, read);
    ProtobufCMessage *reply = NULL;
    int rc = E_OK;
    for (size_t sent = 0; !rc && sent < read->count; sent += ask.n_part) {
        ask.part = read->rows + sent;
        ask.n_part = read->count - sent < PART_ROWS ? read->count - sent : PART_ROWS;
        rc = suite_call(suite, "settlement", "import_statement", "", &ask.base, &tc__statement_state__descriptor,
                        &reply, err);
        *state = (const Tc__StatementState *)reply;
        if (!rc && (*state)->known) break;
    }
    return rc;
}

static int match(suite_t *suite, const args_t *args, const Tc__Matched **out, err_t *err) {
    const Tc__FollowRows all = TC__FOLLOW_ROWS__INIT;
    Tc__MatchStatement ask = TC__MATCH_STATEMENT__INIT;
    const Tc__Followed *followed;
    ProtobufCMessage *reply = NULL;
    ask.source = text_or_none(args->source), ask.number = text_or_none(args->number);
    ask.tolerance_days = args->tolerance, ask.owner = text_or_none(args->owner);
    int rc = follow(suite, "settlement", &all, &followed, err);
    if (!rc)
        rc = suite_call(suite, "settlement", "match_statement", "", &ask.base, &tc__matched__descriptor, &reply, err);
    *out = (const Tc__Matched *)reply;
    return rc;
}

static const fund_column_t case_columns[] = {{"case", true},   {"age", true},   {"pair", false},      {"kind", false},
                                             {"party", false}, {"day", false},  {"reference", false}, {"what", false},
                                             {"here", true},   {"there", true}, {"state", false},     {"owner", false}};

static void add_case(fund_table_t *table, const Tc__ReconcileCase *one) {
    fund_row_t *row = fund_table_row(table);
    if (!row) return;
    const char *const cells[] = {arena_text(table->arena, "%lld", (long long)one->number),
                                 arena_text(table->arena, "%lld", (long long)one->age_days),
                                 one->pair,
                                 one->kind,
                                 one->party,
                                 one->day,
                                 one->reference,
                                 one->what,
                                 money(table->arena, one->here_fen),
                                 money(table->arena, one->there_fen),
                                 one->state,
                                 one->owner};
    memcpy(row->cell, cells, sizeof cells);
    if (*one->text) row->note = one->text;
}

static void print_cases(suite_t *suite, Tc__ReconcileCase *const *cases, size_t count, bool csv) {
    fund_table_t table = {.arena = suite->arena, .columns = case_columns, .width = COUNT_OF(case_columns)};
    for (size_t i = 0; i < count; i++) add_case(&table, cases[i]);
    if (count || csv) fund_table_print(&table, csv);
}

static void print_matched(suite_t *suite, const Tc__StatementState *state, const Tc__Matched *matched) {
    char statement[FEN_TEXT_MAX], books[FEN_TEXT_MAX];
    if (state->known) printf("statement %s was here already; nothing was taken in\n", state->number);
    printf("%s %s of %s%s%s, %s to %s: %lld rows, %s yuan; the books %s\n", state->source, state->number,
           state->account, *state->county ? " of " : "", state->county, state->from, state->to, (long long)state->rows,
           fen_format(matched->statement_fen, statement), fen_format(matched->books_fen, books));
    printf("%lld rows matched to %lld entries; %lld cases opened, %lld settled\n", (long long)matched->matched,
           (long long)matched->entries, (long long)matched->cases, (long long)matched->settled);
    print_cases(suite, matched->open, matched->n_open, false);
}

static int take_in(suite_t *suite, const args_t *args, const bank_file_t *read) {
    const Tc__StatementState *state = NULL;
    const Tc__Matched *matched = NULL;
    err_t err = {0};
    int rc = send_statement(suite, args, read, &state, &err);
    if (!rc) rc = match(suite, args, &matched, &err);
    if (rc) return cli_refused(&err, args->common.json);
    if (args->common.json)
        puts(message_to_json(&matched->base, suite->arena));
    else
        print_matched(suite, state, matched);
    return matched->n_open ? 1 : 0;
}

static int import_file(suite_t *suite, const args_t *args, const char *path) {
    bank_file_t read;
    int told = 0;
    err_t err = {0};
    FILE *file = open_file(path);
    if (!file) return 2;
    int rc = bank_file_read(file, suite->arena, tell_fault, &told, &read, &err);
    (void)fclose(file);
    return rc ? cli_refused(&err, args->common.json) : take_in(suite, args, &read);
}

static int run_import(int argc, char **argv, const command_t *self) {
    args_t args = {.common = COMMON_DEFAULTS, .source = "bank", .tolerance = 3};
    words_t words = {0};
    suite_t suite;
    const option_spec_t specs[] = {COMMON_SPECS(args.common),
                                   OPT("source", source),
                                   OPT("account", account),
                                   OPT("county", county),
                                   OPT("number", number),
                                   OPT("from", from),
                                   OPT("to", to),
                                   OPT("owner", owner),
                                   {.name = "tolerance", .number = &args.tolerance}};
    int status = options_parse(argc, argv, self, specs, COUNT_OF(specs), &words, NULL);
    if (status >= 0) return status;
    if (words.count != 1 || !args.account || !args.number)
        return fund_usage(self, "a file, --account and --number were expected");
    if (suite_open(&suite, args.common.data, args.common.as)) return 2;
    status = import_file(&suite, &args, words.word[0]);
    suite_close(&suite);
    return status;
}

const command_t fund_import_bank = {
    .name = "fund import-bank",
    .summary = "take in a statement of a bank, the treasury or the tax bureau, and match it",
    .help =
        "usage: tongchou fund import-bank FILE.csv --account ACCOUNT --number N [--source bank|treasury|tax]\n"
        "                        [--county C] [--from DAY --to DAY] [--tolerance DAYS] [--owner NAME] [--json]\n\n"
        "FILE.csv: reference (业务编号), day (交易日期), in (收入金额) and out (支出金额) or amount (金额), balance "
        "(余额);\n"
        "UTF-8 or GB18030; it ends with its totals. --from, --to: the days it covers; else those of its rows.\n"
        "--tolerance: days between the statement and the books, 3 unless said. The same file twice changes nothing.\n"
        "Exit status 1: something is not matched.\n\nexamples:\n"
        "  tongchou fund import-bank special-2020-03.csv --source treasury --account special_city --number 2020-03 \\\n"
        "      --from 2020-03-01 --to 2020-03-31\n"
        "  tongchou fund import-bank b.csv --account income_county --county 370402 --number B-2020-03\n",
    .run = run_import};

// ---- cases

static int run_cases(int argc, char **argv, const command_t *self) {
    args_t args = {.common = COMMON_DEFAULTS};
    words_t words = {0};
    suite_t suite;
    const option_spec_t specs[] = {COMMON_SPECS(args.common),
                                   OPT("pair", pair),
                                   OPT("party", party),
                                   OPT("owner", owner),
                                   OPT("state", state),
                                   {.name = "all", .flag = &args.all},
                                   {.name = "after", .number = &args.after},
                                   {.name = "limit", .number = &args.limit},
                                   {.name = "csv", .flag = &args.csv}};
    int status = options_parse(argc, argv, self, specs, COUNT_OF(specs), &words, NULL);
    if (status >= 0) return status;
    if (words.count) return fund_usage(self, "no words were expected; `tongchou fund case N` shows one");
    if (suite_open(&suite, args.common.data, args.common.as)) return 2;
    Tc__ListCases ask = TC__LIST_CASES__INIT;
    ProtobufCMessage *reply = NULL;
    ask.pair = text_or_none(args.pair), ask.party = text_or_none(args.party), ask.owner = text_or_none(args.owner);
    ask.state = args.all ? (char *)"all" : text_or_none(args.state);
    ask.after = args.after, ask.limit = args.limit;
    status = fund_ask(&suite, &args.common, "list_cases", &ask.base, &tc__reconcile_cases__descriptor, &reply);
    const Tc__ReconcileCases *cases = (const Tc__ReconcileCases *)reply;
    if (!status && args.common.json)
        puts(message_to_json(reply, suite.arena));
    else if (!status) {
        print_cases(&suite, cases->cases, cases->n_cases, args.csv);
        if (!args.csv) printf("%zu cases\n", cases->n_cases);
        if (cases->next && !args.csv) printf("more: --after %lld\n", (long long)cases->next);
    }
    suite_close(&suite);
    return status;
}

const command_t fund_cases = {
    .name = "fund cases",
    .summary = "differences that are not settled, the oldest first",
    .help = "usage: tongchou fund cases [--pair business|facility|bank|treasury|tax] [--party P] [--owner NAME]\n"
            "                           [--state open|explained|settled | --all] [--after N] [--limit N] [--csv | "
            "--json]\n\n"
            "examples:\n  tongchou fund cases\n  tongchou fund cases --pair treasury --csv\n",
    .run = run_cases};

static void print_history(const Tc__ReconcileCase *one) {
    for (size_t i = 0; i < one->n_history; i++) {
        const Tc__CaseStep *step = one->history[i];
        char day[DATE_TEXT_MAX];
        printf("  %s  %-10s %-12s by %s: %s\n", date_format(date_of_ms(step->at_ms), day), step->state, step->owner,
               step->by, step->text);
    }
}

static int run_case(int argc, char **argv, const command_t *self) {
    args_t args = {.common = COMMON_DEFAULTS};
    words_t words = {0};
    suite_t suite;
    const option_spec_t specs[] = {COMMON_SPECS(args.common), OPT("state", state), OPT("owner", owner),
                                   OPT("text", text)};
    int status = options_parse(argc, argv, self, specs, COUNT_OF(specs), &words, NULL);
    if (status >= 0) return status;
    const int64_t number = words.count == 1 ? strtoll(words.word[0], NULL, 10) : 0;
    if (number < 1) return fund_usage(self, "the number of a case was expected");
    if (suite_open(&suite, args.common.data, args.common.as)) return 2;
    ProtobufCMessage *reply = NULL;
    Tc__GetCase get = TC__GET_CASE__INIT;
    Tc__ChangeCase change = TC__CHANGE_CASE__INIT;
    get.number = change.number = number;
    change.state = text_or_none(args.state), change.owner = text_or_none(args.owner);
    change.text = text_or_none(args.text);
    const bool changes = args.state || args.owner || args.text;
    status = fund_ask(&suite, &args.common, changes ? "change_case" : "get_case", changes ? &change.base : &get.base,
                      &tc__reconcile_case__descriptor, &reply);
    Tc__ReconcileCase *one = (Tc__ReconcileCase *)reply;
    if (!status && args.common.json)
        puts(message_to_json(reply, suite.arena));
    else if (!status) {
        print_cases(&suite, &one, 1, false);
        print_history(one);
    }
    suite_close(&suite);
    return status;
}

const command_t fund_case = {
    .name = "fund case",
    .summary = "one difference and its history; explain, settle, hand it on",
    .help =
        "usage: tongchou fund case N [--state open|explained|settled --text WHY] [--owner NAME] [--json]\n\nexamples:\n"
        "  tongchou fund case 17\n"
        "  tongchou fund case 17 --state explained --text \"interest, booked in April\"\n"
        "  tongchou fund case 17 --owner city_finance\n",
    .run = run_case};
