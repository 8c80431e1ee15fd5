// tongchou readjudicate, tongchou tasks: decide bills of the past again, and see how far that is.
#include "city.h"
#include "recompute_run.h"
#include "request.h"
#include <string.h>

enum { OVERLAYS_MAX = 15 };

typedef struct args {
    const char *data, *as, *config, *facility, *person, *from, *until, *policy, *reason;
    const char *overlays[OVERLAYS_MAX + 1], *codes[OVERLAYS_MAX + 1];
    int64_t task;
    bool dry, detach;
    recompute_options_t options;
} args_t;

static int usage(const command_t *self, const char *why) {
    fprintf(stderr, "tongchou %s: %s; see `tongchou %s --help`\n", self->name, why, self->name);
    return 2;
}

static Tc__FindAffected selection(const args_t *args, const char *hash) {
    Tc__FindAffected what = TC__FIND_AFFECTED__INIT;
    what.facility = (char *)(args->facility ? args->facility : "");
    what.person = (char *)(args->person ? args->person : "");
    what.from = (char *)(args->from ? args->from : "");
    what.until = (char *)(args->until ? args->until : "");
    what.not_policy = (char *)hash;
    what.codes = (char **)args->codes;
    while (args->codes[what.n_codes]) what.n_codes++;
    return what;
}

static int dry(suite_t *suite, const args_t *args) {
    city_paths_t paths;
    char hash[65] = "";
    err_t err = {0};
    int rc = 0;
    if (args->policy) rc = city_paths(&paths, args->config, args->policy, &err);
    if (!rc && args->policy) rc = recompute_stage(suite, paths.city, args->overlays, hash, &err);
    if (rc) return cli_refused(&err, args->options.json);
    const Tc__FindAffected what = selection(args, hash);
    return recompute_dry(suite, &what, hash, &args->options);
}

static int begin(suite_t *suite, const args_t *args) {
    Tc__Readjudicate ask = TC__READJUDICATE__INIT;
    ProtobufCMessage *reply = NULL;
    err_t err = {0};
    Tc__FindAffected what = selection(args, "");
    ask.what = &what;
    ask.cause = (char *)args->reason;
    if (suite_call(suite, "adjudication", "readjudicate", "", &ask.base, &tc__task__descriptor, &reply, &err))
        return cli_refused(&err, args->options.json);
    const int64_t number = ((const Tc__Task *)reply)->number;
    if (!args->detach) return recompute_follow(suite, number, &args->options);
    printf(args->options.json ? "{\"task\":%lld}\n" : "task %lld\n", (long long)number);
    return 0;
}

static int retry(suite_t *suite, const args_t *args) {
    Tc__RetryTasks ask = TC__RETRY_TASKS__INIT;
    ProtobufCMessage *reply = NULL;
    err_t err = {0};
    if (args->task >= 0) {
        ask.number_given_case = TC__RETRY_TASKS__NUMBER_GIVEN_NUMBER;
        ask.number = args->task;
    }
    if (suite_call(suite, "adjudication", "retry_tasks", "", &ask.base, &tc__retried_tasks__descriptor, &reply, &err))
        return cli_refused(&err, args->options.json);
    const long long items = ((const Tc__RetriedTasks *)reply)->items;
    printf(args->options.json ? "{\"items\":%lld}\n" : "%lld persons and years are tried again\n", items);
    return 0;
}

static int run(int argc, char **argv, const command_t *self) {
    args_t args = {.data = cli_default_data, .as = "admin", .task = -1};
    words_t words = {0};
    suite_t suite;
    const option_spec_t specs[] = {
        {.name = "data", .text = &args.data},
        {.name = "as", .text = &args.as},
        {.name = "config", .text = &args.config},
        {.name = "facility", .text = &args.facility},
        {.name = "person", .text = &args.person},
        {.name = "from", .text = &args.from},
        {.name = "until", .text = &args.until},
        {.name = "policy", .text = &args.policy},
        {.name = "reason", .text = &args.reason},
        {.name = "task", .number = &args.task},
        {.name = "dry-run", .flag = &args.dry},
        {.name = "detach", .flag = &args.detach},
        {.name = "json", .flag = &args.options.json},
        {.name = "quiet", .flag = &args.options.quiet},
        {.name = "window", .number = &args.options.window},
        {.name = "code", .list = args.codes, .room = OVERLAYS_MAX},
        {.name = "overlay", .list = args.overlays, .room = OVERLAYS_MAX},
    };
    int rc = options_parse(argc, argv, self, specs, COUNT_OF(specs), &words, NULL);
    if (rc >= 0) return rc;
    const bool retries = words.count == 1 && strcmp(words.word[0], "retry") == 0;
    request_name_unknown(self, &words, "retry");
    if (words.count && !retries) return usage(self, "the only word that it knows is retry");
    if (args.overlays[0] && !args.policy) return usage(self, "--overlay goes with --policy");
    if (args.policy && !args.dry)
        return usage(self, "--policy supposes a policy, with --dry-run; `tongchou policy release` puts one in force");
    if (!retries && !args.dry && !args.reason) return usage(self, "--reason is missing: it is kept in the versions");
    rc = suite_open(&suite, args.data, args.as);
    if (rc == 0) rc = retries ? retry(&suite, &args) : args.dry ? dry(&suite, &args) : begin(&suite, &args);
    suite_close(&suite);
    return rc;
}

const command_t command_readjudicate = {
    "readjudicate", "decide bills of the past again",
    "usage: tongchou readjudicate [--facility F] [--person P] [--code \"KIND CODE\"]… [--from DAY] [--until DAY] "
    "--reason TEXT [--detach]\n"
    "       tongchou readjudicate … --dry-run [--policy CITY [--overlay FILE]…] [--window N]\n"
    "       tongchou readjudicate retry [--task N]\n\n"
    "Finds the persons and years with a standing bill that fits and computes all their bills again, by the policy, "
    "the\n"
    "entitlement and the register as they are now. What differs becomes a new version; the ledger books the "
    "difference.\n"
    "The suite does it in the background and goes on after any failure; this command follows it (--detach leaves "
    "it).\n\n"
    "  --facility F      bills of this facility          --person P     of this person\n"
    "  --from, --until   discharge days                  --reason TEXT  kept in every version that it makes\n"
    "  --code            bills with a line of this entry of the catalogues, \"drug XA02BC0001\"\n"
    "  --dry-run         write nothing, tell what would change; by another policy with --policy\n"
    "  retry             try again what was parked, of all tasks or of one\n\n"
    "Exit: 0 done, 1 refused or something is parked, 2 wrong usage or no suite.\n\n"
    "examples:\n"
    "  tongchou readjudicate --facility H44070300001 --from 2018-01-01 --dry-run\n"
    "  tongchou readjudicate --dry-run --from 2018-01-01 --policy CITY --overlay draft.yaml\n"
    "  tongchou readjudicate --person P1 --reason \"the register was corrected\"\n",
    run};

static int run_tasks(int argc, char **argv, const command_t *self) {
    const char *data = cli_default_data, *as = "admin";
    bool json = false;
    suite_t suite;
    err_t err = {0};
    Tc__GetTasks ask = TC__GET_TASKS__INIT;
    ProtobufCMessage *reply = NULL;
    const option_spec_t specs[] = {
        {.name = "data", .text = &data}, {.name = "as", .text = &as}, {.name = "json", .flag = &json}};
    int rc = options_parse(argc, argv, self, specs, COUNT_OF(specs), NULL, NULL);
    if (rc >= 0) return rc;
    rc = suite_open(&suite, data, as);
    if (rc == 0 && suite_call(&suite, "adjudication", "get_tasks", "", &ask.base, &tc__tasks__descriptor, &reply, &err))
        rc = cli_refused(&err, json);
    if (rc == 0) {
        const Tc__Tasks *tasks = (const Tc__Tasks *)reply;
        if (json) puts(message_to_json(reply, suite.arena));
        for (size_t i = 0; !json && i < tasks->n_tasks; i++) recompute_print_task(tasks->tasks[i]);
        if (!json) printf("waiting: %lld persons and years\n", (long long)tasks->queue);
    }
    suite_close(&suite);
    return rc;
}

const command_t command_tasks = {"tasks", "what is being decided again",
                                 "usage: tongchou tasks [--json]\n\n"
                                 "Open and parked tasks and the last hundred that ended, newest first. Task 0 collects "
                                 "what changes of entitlements\n"
                                 "bring and never ends.\n",
                                 run_tasks};
