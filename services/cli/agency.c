// tongchou agency: which other agencies receive which events (docs/events.md). Works on the files beside the keys,
// whether or not a suite runs; a running settlement reads them again at once.
#include "cli.h"
#include "common/base/date.h"
#include "common/wire/party.h"
#include "services/settlement/grants.h"
#include <jansson.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>
#include <zmq.h>

typedef struct ask {
    const char *data, *dir, *name;
    const char *topics, *counties, *funds, *fields; // NULL: not given
    bool json;
    conf_t *conf; // NULL with --dir
    char path[PATH_MAX];
} ask_t;

static const char *key_dir(const ask_t *ask) { return ask->conf ? conf_text(ask->conf, "keys.dir") : ask->dir; }

static int find_files(ask_t *ask, err_t *err) {
    char file[PATH_MAX];
    if (!ask->dir) {
        snprintf(file, sizeof file, "%s/tongchou.yaml", ask->data);
        char *argv[] = {(char *)"tongchou", (char *)"--config", file};
        int rc = conf_load(&ask->conf, COUNT_OF(argv), argv, err);
        if (rc) return rc;
    }
    if (snprintf(ask->path, sizeof ask->path, "%s/agencies.yaml", key_dir(ask)) >= (int)sizeof ask->path)
        return err_set(err, E_TOO_LARGE, "path too long: %s", key_dir(ask));
    return E_OK;
}

// What was given replaces what stands there.
static int set_words(const ask_t *ask, grant_t *grant, err_t *err) {
    grant_list_t fields = {0};
    int rc = E_OK;
    if (ask->topics) rc = grant_list_parse(&grant->topics, "topics", ask->topics, err);
    if (!rc && ask->counties) rc = grant_list_parse(&grant->counties, "counties", ask->counties, err);
    if (!rc && ask->funds) rc = grant_list_parse(&grant->funds, "funds", ask->funds, err);
    if (rc || !ask->fields) return rc;
    rc = grant_list_parse(&fields, "fields", ask->fields, err);
    if (rc) return rc;
    grant->fields = 0;
    for (size_t i = 0; i < fields.count; i++) grant->fields |= grant_field_from(fields.word[i]);
    return E_OK;
}

// The public key of the name, which must be an agency's.
static int find_key(const ask_t *ask, grant_t *grant, err_t *err) {
    keys_t *keys = NULL;
    uint8_t raw[KEY_BYTES];
    int rc = keys_load(&keys, key_dir(ask), NULL, err);
    if (rc) return rc;
    const char *key = keys_public_of(keys, ask->name);
    const party_t *party = key && zmq_z85_decode(raw, key) ? keys_by_public(keys, raw) : NULL;
    if (!party || party->role != ROLE_AGENCY)
        rc = err_field(err, E_DENIED, "name", "%s is no agency in the registry", ask->name);
    else
        snprintf(grant->key, sizeof grant->key, "%s", party->key_text);
    keys_destroy(&keys);
    return rc;
}

static int add(const ask_t *ask, grants_t *grants, err_t *err) {
    const grant_t *there = grants_by_name(grants, ask->name);
    grant_t grant = {0};
    if (there && !there->revoked[0])
        return err_field(err, E_EXISTS, "name", "%s is there already; `tongchou agency grant` changes what it receives",
                         ask->name);
    if (!ask->topics || !ask->counties || !ask->funds)
        return err_field(err, E_MISSING_FIELD, "grant", "--topics, --counties and --funds must be said");
    int rc = set_words(ask, &grant, err);
    if (!rc) rc = keys_make(key_dir(ask), ask->name, "agency", err);
    if (!rc) rc = find_key(ask, &grant, err);
    if (rc) return rc;
    snprintf(grant.name, sizeof grant.name, "%s", ask->name);
    return grants_put(grants, &grant, err);
}

static int live_grant(const ask_t *ask, const grants_t *grants, grant_t *out, err_t *err) {
    const grant_t *there = grants_by_name(grants, ask->name);
    if (!there || there->revoked[0])
        return err_field(err, E_NOT_FOUND, "name", "%s receives nothing; `tongchou agency add` lets it", ask->name);
    *out = *there;
    return E_OK;
}

static int change(const ask_t *ask, grants_t *grants, err_t *err) {
    grant_t grant;
    int rc = live_grant(ask, grants, &grant, err);
    if (!rc && !ask->topics && !ask->counties && !ask->funds && !ask->fields)
        rc = err_field(err, E_MISSING_FIELD, "grant", "--topics, --counties, --funds or --fields was expected");
    if (!rc) rc = set_words(ask, &grant, err);
    return rc ? rc : grants_put(grants, &grant, err);
}

static int take_back(const ask_t *ask, grants_t *grants, err_t *err) {
    grant_t grant;
    char today[DATE_TEXT_MAX];
    int rc = live_grant(ask, grants, &grant, err);
    if (rc) return rc;
    snprintf(grant.revoked, sizeof grant.revoked, "%s", date_format(date_of_ms(clock_now_ms()), today));
    return grants_put(grants, &grant, err);
}

// ---- what is printed

static void print_added(const ask_t *ask) {
    const char *bind = ask->conf ? conf_text(ask->conf, "agency.bind") : "";
    keys_t *keys = NULL;
    err_t err = {0};
    printf("%s may come in with the secret key %s/%s.key (hand it over, then remove it here)\n", ask->name,
           key_dir(ask), ask->name);
    if (!keys_load(&keys, key_dir(ask), NULL, &err) && keys_public_of(keys, "settlement"))
        printf("  server key  %s\n", keys_public_of(keys, "settlement"));
    keys_destroy(&keys);
    printf("  address     %s\n", *bind ? bind : "(agency.bind is empty: the door is closed)");
}

static void print_words(const char *title, const grant_list_t *list) {
    printf("  %-9s %s", title, list->all ? "all" : list->count ? "" : "none");
    for (size_t i = 0; i < list->count; i++) printf("%s%s", i ? ", " : "", list->word[i]);
    putchar('\n');
}

static void print_grant(const grant_t *grant) {
    const char *between = "";
    printf("%s%s%s\n", grant->name, grant->revoked[0] ? "  revoked " : "", grant->revoked);
    print_words("topics", &grant->topics);
    print_words("counties", &grant->counties);
    print_words("funds", &grant->funds);
    printf("  %-9s ", "fields");
    for (unsigned bit = 1; grant_field_name(bit); bit <<= 1) {
        if (!(grant->fields & bit)) continue;
        printf("%s%s", between, grant_field_name(bit));
        between = ", ";
    }
    puts(grant->fields ? "" : "none");
}

static json_t *json_words(const grant_list_t *list) {
    json_t *out = list->all ? json_string("all") : json_array();
    for (size_t i = 0; !list->all && i < list->count; i++) json_array_append_new(out, json_string(list->word[i]));
    return out;
}

static json_t *json_grant(const grant_t *grant) {
    json_t *fields = json_array();
    for (unsigned bit = 1; grant_field_name(bit); bit <<= 1)
        if (grant->fields & bit) json_array_append_new(fields, json_string(grant_field_name(bit)));
    return json_pack("{ss ss ss so so so so}", "name", grant->name, "key", grant->key, "revoked", grant->revoked,
                     "topics", json_words(&grant->topics), "counties", json_words(&grant->counties), "funds",
                     json_words(&grant->funds), "fields", fields);
}

static void print_all(const grants_t *grants, bool json) {
    json_t *list = json_array();
    for (size_t i = 0; i < grants_count(grants); i++) {
        if (json)
            json_array_append_new(list, json_grant(grants_at(grants, i)));
        else
            print_grant(grants_at(grants, i));
    }
    if (json) {
        json_dumpf(list, stdout, JSON_COMPACT);
        putchar('\n');
    }
    json_decref(list);
}

// ---- the subcommands

typedef struct verb {
    const char *name;
    int (*change)(const ask_t *ask, grants_t *grants, err_t *err); // NULL: nothing
} verb_t;

static const verb_t verbs[] = {{"add", add}, {"grant", change}, {"revoke", take_back}, {"list", NULL}};

static const verb_t *verb_of(const words_t *words) {
    for (size_t i = 0; words->count && i < COUNT_OF(verbs); i++)
        if (strcmp(verbs[i].name, words->word[0]) == 0 && words->count == (verbs[i].change ? 2u : 1u)) return &verbs[i];
    return NULL;
}

// Read, change and write under the lock. Who is revoked loses the grant first: connections that stand end with it.
static int carry_out(const ask_t *ask, const verb_t *verb, err_t *err) {
    grants_t *grants = NULL;
    int lock = verb->change ? grants_lock(ask->path, err) : -1;
    if (verb->change && lock < 0) return err->code;
    int rc = grants_load(&grants, ask->path, err);
    if (!rc && verb->change) rc = verb->change(ask, grants, err);
    if (!rc && verb->change) rc = grants_write(grants, ask->path, err);
    if (!rc && verb->change == take_back) {
        rc = keys_revoke(key_dir(ask), ask->name, ROLE_AGENCY, err);
        if (rc == E_NOT_FOUND) rc = E_OK; // somebody took it out by hand
    }
    if (!rc && !verb->change) print_all(grants, ask->json);
    if (!rc && verb->change == add && !ask->json) print_added(ask);
    if (!rc && verb->change && ask->json) puts("{\"done\":true}");
    if (grants) grants_destroy(&grants);
    if (lock >= 0) close(lock);
    return rc;
}

static int run(int argc, char **argv, const command_t *self) {
    ask_t ask = {.data = cli_default_data};
    words_t words = {0};
    err_t err = {0};
    const option_spec_t specs[] = {{.name = "data", .text = &ask.data},     {.name = "dir", .text = &ask.dir},
                                   {.name = "topics", .text = &ask.topics}, {.name = "counties", .text = &ask.counties},
                                   {.name = "funds", .text = &ask.funds},   {.name = "fields", .text = &ask.fields},
                                   {.name = "json", .flag = &ask.json}};
    int status = options_parse(argc, argv, self, specs, COUNT_OF(specs), &words, NULL);
    if (status >= 0) return status;
    const verb_t *verb = verb_of(&words);
    if (!verb) {
        fprintf(stderr, "tongchou agency: \"add NAME\", \"grant NAME\", \"revoke NAME\" or \"list\" was expected; see "
                        "`tongchou agency --help`\n");
        return 2;
    }
    ask.name = words.count > 1 ? words.word[1] : "";
    status = find_files(&ask, &err) ? 2 : 0;
    if (status)
        fprintf(stderr, "tongchou agency: %s\n", err.text);
    else if (carry_out(&ask, verb, &err))
        status = cli_refused(&err, ask.json);
    conf_destroy(&ask.conf);
    return status;
}

const command_t command_agency = {
    .name = "agency",
    .summary = "who of other agencies receives which events: add, grant, revoke, list",
    .run = run,
    .help =
        "usage: tongchou agency add NAME --topics LIST --counties LIST|all --funds LIST|all [--fields LIST]\n"
        "       tongchou agency grant NAME [--topics …] [--counties …] [--funds …] [--fields …]\n"
        "       tongchou agency revoke NAME\n"
        "       tongchou agency list [--json]\n\n"
        "  --topics LIST     kinds of events, comma-separated: posting.bill, posting.contribution, or posting for "
        "all\n"
        "                    of them; task, fund, statement, order (docs/events.md)\n"
        "  --counties LIST   division codes whose lines they see, or all\n"
        "  --funds LIST      funds of the city's policy whose lines they see, or all\n"
        "  --fields LIST     of person, facility, amounts, reference; none: kind, day, account, fund and county "
        "only\n"
        "  --data DIR        the suite's folder (default data)\n"
        "  --dir DIR         instead: the key folder of a suite that `tongchou up` does not start\n\n"
        "add makes the key pair NAME; grant replaces what is given and keeps the rest; revoke ends it at once, also "
        "on\n"
        "connections that stand, and takes the key out of the registry: a later add makes a new one.\n\n"
        "examples:\n"
        "  tongchou agency add finance --topics posting --counties all --funds all --fields amounts\n"
        "  tongchou agency grant finance --fields amounts,reference\n"
        "  tongchou agency revoke finance\n"};
