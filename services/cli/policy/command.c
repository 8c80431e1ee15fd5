// `tongchou policy`: tools over a city's law.
#include "../cli.h"
#include "tools.h"
#include <string.h>

static const struct {
    const char *name;
    int (*run)(const policy_args_t *args);
    size_t words_min, words_max; // after the tool's name
} tools[] = {
    {"check", policy_check, 1, 1},     {"show", policy_show, 1, 1},         {"diff", policy_diff, 1, 2},
    {"cite", policy_cite, 1, 2},       {"tables", policy_tables, 1, 1},     {"rules", policy_rules, 0, 0},
    {"release", policy_release, 1, 1}, {"releases", policy_releases, 0, 0},
};

static int usage(const command_t *self, const char *why) {
    fprintf(stderr, "tongchou policy: %s; see `tongchou %s --help`\n", why, self->name);
    return 2;
}

static int read_args(const words_t *words, const char *config, const char *on, const char *bound, policy_args_t *args) {
    const bool cites = strcmp(words->word[0], "cite") == 0;
    const char *city = cites ? words->count > 2 ? words->word[2] : NULL : words->count > 1 ? words->word[1] : NULL;
    err_t err = {0};
    args->other = cites ? words->word[1] : words->count > 2 ? words->word[2] : NULL;
    args->on = DATE_NONE;
    int rc = city_paths(&args->paths, config, city, &err);
    if (!rc && on && date_parse(on, &args->on)) rc = err_set(&err, E_INVALID_FIELD, "--on: a date like 2018-03-01");
    if (!rc && bound && fen_parse(bound, false, &args->bound_fen))
        rc = err_set(&err, E_INVALID_FIELD, "--bound: an amount like 1.00");
    if (rc) fprintf(stderr, "tongchou policy: %s\n", err.text);
    return rc ? 2 : 0;
}

static int run(int argc, char **argv, const command_t *self) {
    policy_args_t args = {.bound_fen = 100, .data = cli_default_data, .as = "admin"};
    words_t words = {0};
    const char *config = NULL, *on = NULL, *bound = NULL;
    const option_spec_t specs[] = {
        {.name = "config", .text = &config},
        {.name = "on", .text = &on},
        {.name = "bound", .text = &bound},
        {.name = "json", .flag = &args.json},
        {.name = "strict", .flag = &args.strict},
        {.name = "data", .text = &args.data},
        {.name = "as", .text = &args.as},
        {.name = "amends-from", .text = &args.amends_from},
        {.name = "reason", .text = &args.reason},
        {.name = "dry-run", .flag = &args.dry},
        {.name = "detach", .flag = &args.detach},
        {.name = "overlay", .list = args.overlays, .room = POLICY_OVERLAYS_MAX},
    };
    int rc = options_parse(argc, argv, self, specs, COUNT_OF(specs), &words, NULL);
    if (rc >= 0) return rc;
    for (size_t i = 0; words.count && i < COUNT_OF(tools); i++) {
        if (strcmp(tools[i].name, words.word[0]) != 0) continue;
        if (words.count - 1 < tools[i].words_min) return usage(self, "a city or rule is missing");
        if (words.count - 1 > tools[i].words_max) return usage(self, "one word too many");
        rc = read_args(&words, config, on, bound, &args);
        return rc ? rc : tools[i].run(&args);
    }
    if (words.count) fprintf(stderr, "tongchou policy: there is no command \"%s\"\n", words.word[0]);
    return usage(self, "expected one of check, show, diff, cite, tables, rules, release, releases");
}

const command_t command_policy = {
    "policy", "check, show, compare and cite a city's law",
    "usage: tongchou policy TOOL … [options]\n\n"
    "  check CITY          is the file sound, and are its money functions: cliffs, a dearer bill that costs less, a "
    "higher\n"
    "                      level that pays more, days on which a class loses benefit; `intended` in the file accepts "
    "them\n"
    "  show CITY           status, options, parameters and what is missing\n"
    "  diff CITY [OTHER]   changed values with their articles: of two cities or files, or of one with --overlay\n"
    "  cite RULE [CITY]    article, values, tests and code of a rule\n"
    "  tables CITY         the public notice in Markdown, from the data that runs\n"
    "  rules               docs/rules.md from the catalogues in docs/rules; --strict fails on a C rule without a "
    "test\n"
    "  release CITY        put it in force in the running suite, between two bills; with --amends-from bills "
    "discharged "
    "since\n"
    "                      then are computed again; --dry-run tells first what that would change\n"
    "  releases            which were put in force, newest first\n\n"
    "  --overlay FILE   lay a policy file over the city; may be given several times\n"
    "  --on DATE        check one day only\n"
    "  --bound YUAN     what one more fen of cost may cost the person (check; default 1.00)\n"
    "  --config DIR     where cities/ is (default: $TONGCHOU_CONFIG, ./config)\n"
    "  --amends-from DAY  release: it changes what was already law on that day\n"
    "  --reason TEXT    release: kept with it\n"
    "  --detach         release: do not wait for what is computed again\n"
    "  --json           show, diff, release, releases: as JSON\n\n"
    "Exit: 0 sound or the same, 1 findings or differences, 2 wrong usage or an unusable file.\n\n"
    "examples:\n"
    "  tongchou policy check CITY --overlay config/samples/CITY-illustrative.yaml\n"
    "  tongchou policy diff CITY --overlay draft.yaml\n"
    "  tongchou policy cite RULE-ID\n"
    "  tongchou policy release CITY --overlay amendment.yaml --amends-from 2018-01-01 --dry-run\n",
    run};
