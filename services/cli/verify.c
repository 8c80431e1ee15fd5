// tongchou verify: the command and its report.
#include "verify.h"
#include "wait.h"
#include "common/base/hash.h"
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

static const struct {
    const char *name, *proves;
    int (*run)(verify_t *verify, err_t *err);
} checks[] = {
    {"streams", "event numbers run from 1 without a gap in every partition of every log", verify_streams},
    {"cursors", "every consumer stands within its log and none is held back", verify_cursors},
    {"states", "what is stored of a person, employer or facility is what its newest event told", verify_states},
    {"versions", "versions of persons and employers have no gap, end with the state, and were told", verify_versions},
    {"persons", "merged numbers hold nothing, and who is a member by whose list is what the states say",
     verify_persons},
    {"parked", "what imports put aside resembles registered persons, and what was decided is there", verify_parked},
    {"chains", "each bill's parts add up, and the running totals are the sum of their bills", verify_chains},
    {"bills", "each contribution bill is the sum of its lines, and a paid one names its receipt", verify_bills},
    {"receipts", "each receipt is the sum of its bills, and was told of and posted once", verify_receipts},
    {"held", "what is parked, kept or given back adds up with receipts, events and ledger", verify_held},
    {"accounts", "each month credited to an account was paid, and credited once", verify_accounts},
    {"personal", "personal accounts add up with credits, decisions and ledger, and none is below zero",
     verify_personal},
    {"ledger", "every entry is chained, sums to zero for each fund and equals its postings; balances are their sum",
     verify_ledger},
    {"money", "no account of the fund is below zero, and what was reserved and posted is there", verify_money},
    {"seals", "every sealed day is what was sealed, chained to the day before and signed", verify_seals},
    {"posted", "every settled bill and every receipt is posted exactly once, line by line", verify_posted},
    {"dues", "every bill of the journal is due to its facility once, part by part, in the month of its booking",
     verify_dues},
    {"statements", "each frozen statement is what was frozen, with its lines and items", verify_statements},
    {"standing", "what reconciliation compares is the sum of what the logs say", verify_standing},
    {"cache", "what Redis holds equals the store", verify_cache},
};

void verify_broken(verify_t *verify, const char *format, ...) {
    verify->all_broken++;
    if (verify->broken++ >= VERIFY_TELL_MAX) return;
    va_list args;
    va_start(args, format);
    fprintf(stderr, "%s: ", verify->check);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
}

static int open_stores(verify_t *verify, const char *url, err_t *err) {
    const struct {
        store_t **store;
        const char *schema;
    } all[] = {{&verify->enrollment, "enrollment"},
               {&verify->facility, "facility"},
               {&verify->collection, "collection"},
               {&verify->adjudication, "adjudication"},
               {&verify->settlement, "settlement"}};
    for (size_t i = 0; i < COUNT_OF(all); i++)
        if (store_open_read_only(all[i].store, url, all[i].schema, err)) return err_prefix(err, "%s", all[i].schema);
    return E_OK;
}

// The suite's cache, when it can be reached at all: an absent Redis proves nothing wrong.
static int open_cache(verify_t *verify, const conf_t *conf, err_t *err) {
    char path[512];
    uint8_t secret[32];
    snprintf(path, sizeof path, "%s/cache.secret", conf_text(conf, "keys.dir"));
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool found = fd >= 0 && read(fd, secret, sizeof secret) == (ssize_t)sizeof secret;
    if (fd >= 0) close(fd);
    return cache_new(&verify->cache, found ? conf_text(conf, "redis.url") : "", secret, 1000, err);
}

// The law that the ledger is booked by.
static int open_law(verify_t *verify, const conf_t *conf, err_t *err) {
    const char *city = conf_text(conf, "policy.city");
    verify->keys_dir = conf_text(conf, "keys.dir");
    return *city ? policy_load(&verify->policy, city, conf_list(conf, "policy.overlays"), err) : E_OK;
}

static void close_all(verify_t *verify) {
    store_close(&verify->enrollment);
    store_close(&verify->facility);
    store_close(&verify->collection);
    store_close(&verify->adjudication);
    store_close(&verify->settlement);
    cache_destroy(&verify->cache);
    policy_destroy(&verify->policy);
    arena_destroy(&verify->page);
    arena_destroy(&verify->side);
    arena_destroy(&verify->work);
}

static void report(const verify_t *verify, const char *proves) {
    const char *name = verify->check;
    if (verify->json && verify->skipped)
        printf("{\"check\":\"%s\",\"records\":0,\"broken\":0,\"skipped\":\"%s\"}\n", name, verify->skipped);
    else if (verify->json)
        printf("{\"check\":\"%s\",\"records\":%lld,\"broken\":%lld}\n", name, verify->looked_at, verify->broken);
    else if (verify->skipped)
        printf("%-6s %-8s %10d records  %s\n", "-", name, 0, verify->skipped);
    else
        printf("%-6s %-8s %10lld records  %s\n", verify->broken ? "BROKEN" : "ok", name, verify->looked_at, proves);
    fflush(stdout);
}

static int run_checks(verify_t *verify, err_t *err) {
    for (size_t i = 0; i < COUNT_OF(checks); i++) {
        verify->check = checks[i].name;
        verify->looked_at = verify->broken = 0;
        verify->skipped = NULL;
        if (checks[i].run(verify, err)) return err_prefix(err, "%s", checks[i].name);
        report(verify, checks[i].proves);
    }
    return E_OK;
}

static int run(int argc, char **argv, const command_t *self) {
    const char *data = cli_default_data, *as = "admin";
    bool json = false, no_wait = false;
    const option_spec_t specs[] = {{.name = "data", .text = &data},
                                   {.name = "as", .text = &as},
                                   {.name = "json", .flag = &json},
                                   {.name = "no-wait", .flag = &no_wait}};
    int status = options_parse(argc, argv, self, specs, COUNT_OF(specs), NULL, NULL);
    if (status >= 0) return status;
    suite_t suite;
    verify_t verify = {
        .json = json, .page = arena_new(1 << 20, 0), .side = arena_new(1 << 20, 0), .work = arena_new(1 << 16, 0)};
    err_t err = {0};
    if (!verify.page || !verify.side || !verify.work || suite_open(&suite, data, as)) {
        close_all(&verify);
        return 2;
    }
    int rc = E_OK;
    if (!no_wait) rc = wait_caught_up(&suite, 60, &err);
    if (!rc) rc = open_stores(&verify, conf_text(suite.conf, "store.url"), &err);
    if (!rc) rc = open_cache(&verify, suite.conf, &err);
    if (!rc) rc = open_law(&verify, suite.conf, &err);
    if (!rc) rc = run_checks(&verify, &err);
    if (rc)
        status = cli_refused(&err, json);
    else if (json)
        printf("{\"verified\":%s,\"broken\":%lld}\n", verify.all_broken ? "false" : "true", verify.all_broken);
    else if (verify.all_broken)
        printf("NOT verified: %lld broken records\n", verify.all_broken);
    else
        printf("verified: the books are right\n");
    close_all(&verify);
    suite_close(&suite);
    return rc || verify.all_broken ? 1 : 0;
}

const command_t command_verify = {.name = "verify",
                                  .summary = "read all stores and prove that the books are right",
                                  .run = run,
                                  .help = "usage: tongchou verify [--json] [--no-wait] [--data DIR]\n\n"
                                          "Waits until the services have taken in each other's events (not with "
                                          "--no-wait: for a suite that is down), then\n"
                                          "checks streams, cursors, states, versions, lists, parked persons, chains "
                                          "of decisions, contribution bills,\n"
                                          "receipts, held money, personal accounts, ledger, money, seals, postings, "
                                          "dues of facilities,\n"
                                          "statements, rows of reconciliation and cache.\n"
                                          "Exit 1 and the name of the record when something is wrong. Reads only.\n"};
