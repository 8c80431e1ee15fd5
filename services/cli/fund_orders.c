// tongchou fund orders, order: payment orders from draft to the bank's answer. A file out is CSV with a totals line; a
// file in is read whole before anything is sent, then each row stands for itself.
#include "common/base/hash.h"
#include "common/csv/csv.h"
#include "common/csv/write.h"
#include "fund_statement.h"
#include <errno.h>
#include <string.h>

enum { ROWS_AT_ONCE = 500, ROWS_MAX = 100000, ORDERS_AT_ONCE = 500 };

typedef struct args {
    common_options_t common;
    const char *month, *state, *facility, *account;
    bool csv, draft, again;
} args_t;

#define OPT(n, f)                                                                                                      \
    { .name = n, .text = &args.f }
#define FLAG(n, f)                                                                                                     \
    { .name = n, .flag = &args.f }

// The same words later are another command: what is there to do has changed.
static common_options_t fresh(const args_t *args, char id[static UID_TEXT_MAX]) {
    common_options_t common = args->common;
    if (!common.request_id) common.request_id = uid_new(id);
    return common;
}

// ---- lists

static const fund_column_t columns[] = {{"order", false}, {"facility", false},   {"state", false},
                                        {"amount", true}, {"account", false},    {"sent", false},
                                        {"paid", false},  {"drafted by", false}, {"approved by", false}};

static void add_order(fund_table_t *table, const Tc__PaymentOrder *order) {
    fund_row_t *row = fund_table_row(table);
    if (!row) return;
    const char *const cells[] = {
        order->number,     order->facility, order->state,   fund_yuan(table->arena, order->amount_fen),
        order->account,    order->sent_on,  order->paid_on, order->drafted_by,
        order->approved_by};
    memcpy(row->cell, cells, sizeof cells);
    row->note = *order->reason ? order->reason : NULL;
}

static void print_orders(suite_t *suite, const Tc__PaymentOrders *orders, bool csv) {
    fund_table_t table = {.arena = suite->arena, .columns = columns, .width = COUNT_OF(columns)};
    for (size_t i = 0; i < orders->n_orders; i++) add_order(&table, orders->orders[i]);
    fund_table_print(&table, csv);
    if (!csv) printf("%zu orders, %s yuan\n", orders->n_orders, fund_yuan(suite->arena, orders->sum_fen));
}

static int list_orders(suite_t *suite, const args_t *args, const char *state, const char *after,
                       const Tc__PaymentOrders **out) {
    Tc__ListOrders ask = TC__LIST_ORDERS__INIT;
    ProtobufCMessage *reply = NULL;
    ask.month = fund_text(args->month), ask.facility = fund_text(args->facility), ask.state = fund_text(state);
    ask.after = fund_text(after);
    int status = fund_ask(suite, &args->common, "list_orders", &ask.base, &tc__payment_orders__descriptor, &reply);
    *out = (const Tc__PaymentOrders *)reply;
    return status;
}

static int draft(suite_t *suite, const args_t *args, const Tc__PaymentOrders **out) {
    char id[UID_TEXT_MAX];
    const common_options_t common = fresh(args, id);
    Tc__DraftOrders ask = TC__DRAFT_ORDERS__INIT;
    ProtobufCMessage *reply = NULL;
    ask.month = fund_text(args->month), ask.facility = fund_text(args->facility),
    ask.account = fund_text(args->account);
    int status = fund_order(suite, &common, "draft_orders", &ask.base, &tc__payment_orders__descriptor, &reply);
    *out = (const Tc__PaymentOrders *)reply;
    return status;
}

static int run_orders(int argc, char **argv, const command_t *self) {
    args_t args = {.common = COMMON_DEFAULTS};
    words_t words = {0};
    suite_t suite;
    const option_spec_t specs[] = {COMMON_SPECS(args.common), OPT("month", month),
                                   OPT("state", state),       OPT("facility", facility),
                                   OPT("account", account),   OPT("request-id", common.request_id),
                                   FLAG("draft", draft),      FLAG("csv", csv)};
    int status = options_parse(argc, argv, self, specs, COUNT_OF(specs), &words, NULL);
    if (status >= 0) return status;
    if (words.count || (args.draft && !args.month)) return fund_usage(self, "--draft needs --month, and no words");
    if (suite_open(&suite, args.common.data, args.common.as)) return 2;
    const Tc__PaymentOrders *orders = NULL;
    status = args.draft ? draft(&suite, &args, &orders) : list_orders(&suite, &args, args.state, NULL, &orders);
    if (!status && args.common.json)
        puts(message_to_json(&orders->base, suite.arena));
    else if (!status)
        print_orders(&suite, orders, args.csv);
    while (!status && !args.draft && !args.common.json && *orders->next) {
        status = list_orders(&suite, &args, args.state, orders->next, &orders);
        if (!status) print_orders(&suite, orders, args.csv);
    }
    suite_close(&suite);
    return status;
}

const command_t fund_orders = {
    "fund orders", "payment orders: list them, or draft those of a month's confirmed statements",
    "usage: tongchou fund orders [--month M] [--facility F] [--state drafted|approved|sent|paid|refused] [--csv | "
    "--json]\n"
    "       tongchou fund orders --draft --month M [--facility F] [--account A]\n\nexamples:\n"
    "  tongchou fund orders --draft --month 2021-03\n  tongchou fund orders --state sent\n",
    run_orders};

// ---- approve, export

// The words, or every order of the month in a state.
static int gather(suite_t *suite, const args_t *args, const words_t *words, size_t first, const char *state,
                  Tc__OrderNumbers *ask) {
    ask->orders = arena_alloc(suite->arena, ORDERS_AT_ONCE * sizeof *ask->orders);
    if (!ask->orders) return 1;
    for (size_t i = first; i < words->count; i++) ask->orders[ask->n_orders++] = fund_text(words->word[i]);
    if (ask->n_orders) return 0;
    const Tc__PaymentOrders *orders = NULL;
    int status = list_orders(suite, args, state, NULL, &orders);
    for (size_t i = 0; !status && i < orders->n_orders && ask->n_orders < ORDERS_AT_ONCE; i++)
        ask->orders[ask->n_orders++] = orders->orders[i]->number;
    if (!status && !ask->n_orders) {
        fprintf(stderr, "tongchou fund order: no order is %s\n", state);
        status = 1;
    }
    return status;
}

static int approve(suite_t *suite, const args_t *args, const words_t *words) {
    Tc__OrderNumbers ask = TC__ORDER_NUMBERS__INIT;
    ProtobufCMessage *reply = NULL;
    int status = gather(suite, args, words, 1, "drafted", &ask);
    if (!status)
        status = fund_order(suite, &args->common, "approve_orders", &ask.base, &tc__payment_orders__descriptor, &reply);
    if (!status && args->common.json)
        puts(message_to_json(reply, suite->arena));
    else if (!status)
        print_orders(suite, (const Tc__PaymentOrders *)reply, args->csv);
    return status;
}

static int write_file(suite_t *suite, const Tc__PaymentOrders *orders, const char *path, bool json) {
    csv_writer_t *writer;
    err_t err = {0};
    if (csv_writer_open(&writer, path, CSV_UTF8, &err)) return cli_refused(&err, json);
    static const char *const heads[] = {"支付单号", "医疗机构", "结算月份", "付款账户", "金额", "发出日期"};
    for (size_t i = 0; i < COUNT_OF(heads); i++) csv_write(writer, heads[i]);
    csv_write_end_row(writer);
    for (size_t i = 0; i < orders->n_orders; i++) {
        const Tc__PaymentOrder *order = orders->orders[i];
        csv_write(writer, order->number), csv_write(writer, order->facility), csv_write(writer, order->month);
        csv_write(writer, order->account), csv_write(writer, fund_yuan(suite->arena, order->amount_fen));
        csv_write(writer, order->sent_on);
        csv_write_end_row(writer);
    }
    csv_write(writer, "合计");
    csv_write_format(writer, "%zu", orders->n_orders);
    csv_write(writer, ""), csv_write(writer, ""), csv_write(writer, fund_yuan(suite->arena, orders->sum_fen));
    csv_write(writer, "");
    csv_write_end_row(writer);
    return csv_writer_close(&writer, &err) ? cli_refused(&err, json) : 0;
}

static int export(suite_t *suite, const args_t *args, const words_t *words) {
    Tc__OrderNumbers ask = TC__ORDER_NUMBERS__INIT;
    const Tc__PaymentOrders *orders = NULL;
    ProtobufCMessage *reply = NULL;
    int status = 0;
    if (args->again) {
        status = list_orders(suite, args, "sent", NULL, &orders);
    } else {
        status = gather(suite, args, words, 2, "approved", &ask);
        if (!status)
            status =
                fund_order(suite, &args->common, "send_orders", &ask.base, &tc__payment_orders__descriptor, &reply);
        orders = (const Tc__PaymentOrders *)reply;
    }
    if (!status) status = write_file(suite, orders, words->word[1], args->common.json);
    if (!status)
        printf("%zu orders of %s yuan in %s\n", orders->n_orders, fund_yuan(suite->arena, orders->sum_fen),
               words->word[1]);
    return status;
}

// ---- confirm

enum { ORDER, AMOUNT, RESULT, ON, REASON, REFERENCE };
static const csv_word_t results[] = {{"paid", "已付"}, {"refused", "退票"}};
static const csv_column_t file_columns[] = {
    {.name = "order", .chinese = "支付单号", .required = true},
    {.name = "amount", .chinese = "金额", .required = true, .type = CSV_MONEY},
    {.name = "result", .chinese = "结果", .required = true, .type = CSV_WORD, .words = results, .word_count = 2},
    {.name = "on", .chinese = "日期", .required = true, .type = CSV_DATE},
    {.name = "reason", .chinese = "原因"},
    {.name = "bank_reference", .chinese = "流水号"}};
static const csv_table_t file_table = {.columns = file_columns,
                                       .count = COUNT_OF(file_columns),
                                       .totals = CSV_TOTALS_OPTIONAL,
                                       .skip_unknown = true,
                                       .limits = {.rows = ROWS_MAX}};

typedef struct answer {
    Tc__ConfirmOrders__Row **rows;
    size_t count, bad;
} answer_t;

static int take_row(arena_t *arena, const csv_row_t *from, answer_t *to) {
    char day[DATE_TEXT_MAX];
    Tc__ConfirmOrders__Row *row = arena_alloc(arena, sizeof *row);
    if (!row) return 1;
    tc__confirm_orders__row__init(row);
    row->row = from->number;
    row->order = arena_text(arena, "%s", from->cells[ORDER].text);
    row->amount_fen = from->cells[AMOUNT].fen;
    row->result = fund_text(results[from->cells[RESULT].word].name);
    row->on = arena_text(arena, "%s", date_format(from->cells[ON].date, day));
    row->reason = arena_text(arena, "%s", from->cells[REASON].text);
    row->bank_reference = arena_text(arena, "%s", from->cells[REFERENCE].text);
    to->rows[to->count++] = row;
    return !(row->order && row->on && row->reason && row->bank_reference);
}

// A file with a row that cannot be read is not used at all.
static int read_rows(suite_t *suite, csv_t *csv, answer_t *answer, bool json) {
    csv_row_t row;
    csv_fault_t fault;
    err_t err = {0};
    answer->rows = arena_alloc(suite->arena, ROWS_MAX * sizeof *answer->rows);
    if (!answer->rows) return 1;
    for (;;) {
        switch (csv_next(csv, &row, &fault)) {
        case CSV_ROW:
            if (answer->count == ROWS_MAX || take_row(suite->arena, &row, answer)) return 1;
            break;
        case CSV_BAD_ROW:
            csv_fault_err(&fault, &err);
            fprintf(stderr, "%s\n", err.text);
            answer->bad++;
            break;
        case CSV_REFUSED: csv_fault_err(&fault, &err); return cli_refused(&err, json);
        case CSV_END:
            if (answer->bad) fprintf(stderr, "nothing of the file was used\n");
            return answer->bad > 0;
        }
    }
}

static int read_file(suite_t *suite, const char *path, answer_t *answer, bool json) {
    csv_t *csv = NULL;
    err_t err = {0};
    FILE *file = fopen(path, "rb");
    if (!file) {
        fprintf(stderr, "tongchou: %s: %s\n", path, strerror(errno));
        return 2;
    }
    int status = csv_open(&csv, file, &file_table, &err) ? cli_refused(&err, json) : 0;
    if (!status) status = read_rows(suite, csv, answer, json);
    csv_destroy(&csv);
    fclose(file);
    return status;
}

static void print_report(const Tc__OrderReport *report) {
    for (size_t i = 0; i < report->n_outcomes; i++) {
        const Tc__OrderReport__Outcome *one = report->outcomes[i];
        if (strcmp(one->outcome, "fault") == 0)
            printf("row %lld, order %s: %s\n", (long long)one->row, one->order, one->text);
    }
}

static int confirm(suite_t *suite, const args_t *args, const words_t *words) {
    answer_t answer = {0};
    int64_t paid = 0, refused = 0, repeated = 0, faults = 0, paid_fen = 0;
    int status = read_file(suite, words->word[1], &answer, args->common.json);
    for (size_t at = 0; !status && at < answer.count; at += ROWS_AT_ONCE) {
        char id[UID_TEXT_MAX];
        common_options_t common = args->common;
        Tc__ConfirmOrders ask = TC__CONFIRM_ORDERS__INIT;
        ProtobufCMessage *reply = NULL;
        common.request_id = uid_new(id); // rows told before are told as repeated
        ask.rows = answer.rows + at;
        ask.n_rows = answer.count - at < ROWS_AT_ONCE ? answer.count - at : ROWS_AT_ONCE;
        status = fund_order(suite, &common, "confirm_orders", &ask.base, &tc__order_report__descriptor, &reply);
        if (status) break;
        const Tc__OrderReport *report = (const Tc__OrderReport *)reply;
        paid += report->paid, refused += report->refused, repeated += report->repeated, faults += report->faults;
        paid_fen += report->paid_fen;
        if (args->common.json)
            puts(message_to_json(reply, suite->arena));
        else
            print_report(report);
    }
    if (!status && !args->common.json)
        printf("%lld paid (%s yuan), %lld refused, %lld known before, %lld at fault\n", (long long)paid,
               fund_yuan(suite->arena, paid_fen), (long long)refused, (long long)repeated, (long long)faults);
    return status ? status : faults > 0;
}

static int run_order(int argc, char **argv, const command_t *self) {
    args_t args = {.common = COMMON_DEFAULTS};
    words_t words = {0};
    suite_t suite;
    const option_spec_t specs[] = {COMMON_SPECS(args.common), OPT("month", month), OPT("request-id", common.request_id),
                                   FLAG("again", again), FLAG("csv", csv)};
    int status = options_parse(argc, argv, self, specs, COUNT_OF(specs), &words, NULL);
    if (status >= 0) return status;
    const char *what = words.count ? words.word[0] : "";
    const bool file = strcmp(what, "export") == 0 || strcmp(what, "confirm") == 0;
    if ((!file && strcmp(what, "approve") != 0) || (file && words.count < 2))
        return fund_usage(self, "approve, export FILE or confirm FILE was expected");
    if (suite_open(&suite, args.common.data, args.common.as)) return 2;
    status = !file                         ? approve(&suite, &args, &words)
             : strcmp(what, "export") == 0 ? export(&suite, &args, &words)
                                           : confirm(&suite, &args, &words);
    suite_close(&suite);
    return status;
}

const command_t fund_order_step = {
    "fund order", "approve payment orders, write them for the bank, take in its answer",
    "usage: tongchou fund order approve [ORDER … | --month M]        by another key than drafted them\n"
    "       tongchou fund order export FILE [ORDER … | --month M]    --again writes those that were sent before\n"
    "       tongchou fund order confirm FILE\n\n"
    "The answer is CSV with 支付单号 (order), 金额 (amount), 结果 (result: 已付 paid, 退票 refused), 日期 (on), 原因 "
    "(reason),\n流水号 (bank_reference). Each row stands for itself: one at fault is told and changes nothing.\n\n"
    "examples:\n  tongchou fund order approve --month 2021-03 --as clerk-2\n"
    "  tongchou fund order export orders.csv --month 2021-03\n  tongchou fund order confirm bank.csv\n",
    run_order};
