// The configuration table and its four sources. Every value is kept as text with the place it came from, checked
// against its type and bounds after the last source has spoken, and then never changes.
#include "conf.h"
#include "common/base/yaml.h"
#include "common/wire/wire.h"
#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

extern char **environ;

enum { LIST_MAX = 32, NAME_MAX_BYTES = 64 }; // a list's entries, where the table's max says nothing
#define DEFAULT_FILE "config/tongchou.yaml"
#define ENV_PREFIX "TONGCHOU_"
#define ENV_FILE ENV_PREFIX "CONFIG"

// clang-format off
const conf_key_t conf_table[] = {
    {"broker.front", CONF_LIST, "tcp://127.0.0.1:7701", 0, WIRE_BROKERS_MAX, "", "where callers reach the brokers, the first that answers; a broker: the one address it binds"},
    {"broker.back", CONF_LIST, "tcp://127.0.0.1:7702", 0, WIRE_BROKERS_MAX, "", "where services reach the brokers; they dial all; a broker: the one address it binds"},
    {"broker.key_name", CONF_TEXT, "broker", 0, 0, "", "name of the brokers' shared key in the registry"},
    {"keys.dir", CONF_TEXT, "data/keys", 0, 0, "", "folder of registry.yaml and of the secret keys"},
    {"keys.self", CONF_TEXT, "", 0, 0, "", "name of our own key; empty: the name of the service"},
    {"store.url", CONF_TEXT, "sqlite:data", 0, 0, "", "sqlite:FOLDER or postgresql://user@host/database"},
    {"redis.url", CONF_TEXT, "", 0, 0, "", "redis://host:port[/db], unix:///path, or empty for no cache"},
    {"redis.timeout_ms", CONF_INT, "50", 1, 10000, "ms", "a slower answer counts as none; the cache is then left alone for 500 ms"},
    {"policy.city", CONF_TEXT, "", 0, 0, "", "the city's file of benefits and contributions"},
    {"policy.overlays", CONF_LIST, "", 0, 0, "", "files laid over it, in order"},
    {"policy.calendar", CONF_TEXT, "", 0, 0, "", "folder of the working-day calendars; empty: calendar/ beside the folder of policy.city"},
    {"service.instance", CONF_TEXT, "", 0, 0, "", "unique name of this process; empty: service-host-pid"},
    {"service.credit", CONF_INT, "512", 1, WIRE_CREDIT_MAX, "requests", "requests that one broker may have outstanding here"},
    {"service.batch_max", CONF_INT, "512", 1, 1024, "requests", "most requests in one transaction"},
    {"service.batch_wait_us", CONF_INT, "0", 0, 100000, "us", "once a request is there, wait this long for company"},
    {"service.nice", CONF_INT, "0", 0, 19, "", "how far this process stands back when the processors are short; 19: farthest"},
    {"request.keep_days", CONF_INT, "30", 1, 3650, "days", "how long a stored reply answers a repeated request"},
    {"ledger.gather_ms", CONF_INT, "50", 0, 1000, "ms", "events wait so long for company, so that the ledger posts many of them at once"},
    {"ledger.rest_percent", CONF_INT, "100", 0, 1000, "%", "after a full batch the ledger rests so much of the time it took, unless it is 5 s behind"},
    {"stream.bind_host", CONF_TEXT, "127.0.0.1", 0, 0, "", "address the event stream binds to (free ports)"},
    {"stream.public_host", CONF_TEXT, "", 0, 0, "", "host name announced to subscribers; empty: as bound"},
    {"agency.bind", CONF_TEXT, "", 0, 0, "", "where other agencies receive events, as tcp://address:port; empty: nowhere"},
    {"health.bind", CONF_TEXT, "127.0.0.1:0", 0, 0, "", "address of /health and /metrics; port 0: any free one"},
    {"log.level", CONF_TEXT, "info", 0, 0, "", "debug, info, warn or error"},
    {"client.attempt_ms", CONF_INT, "1000", 10, 60000, "ms", "ask the next broker when this long passes without an answer"},
    {NULL, CONF_TEXT, NULL, 0, 0, NULL, NULL},
};
// clang-format on

typedef struct value {
    char *text;
    char *origin;    // "config/tongchou.yaml:12", "TONGCHOU_STORE_URL", "--store.url", "default"
    int64_t integer; // CONF_INT, CONF_BOOL
    char *words;     // CONF_LIST: the text cut up
    char *list[LIST_MAX + 1];
} value_t;

struct conf {
    value_t values[COUNT_OF(conf_table)];
    char *file;
    bool help;
    const char **rest; // borrowed from argv
    size_t rest_count;
};

static size_t find_key(const char *name, size_t length) {
    size_t i = 0;
    while (conf_table[i].name &&
           (strlen(conf_table[i].name) != length || strncmp(conf_table[i].name, name, length) != 0))
        i++;
    return i;
}

static bool key_known(size_t index) { return conf_table[index].name != NULL; }

static int set_value(conf_t *conf, size_t index, const char *text, const char *origin, err_t *err) {
    char *text_copy = strdup(text), *origin_copy = strdup(origin);
    if (!text_copy || !origin_copy) {
        free(text_copy);
        free(origin_copy);
        return err_set(err, E_IO, "out of memory");
    }
    free(conf->values[index].text);
    free(conf->values[index].origin);
    conf->values[index].text = text_copy;
    conf->values[index].origin = origin_copy;
    return E_OK;
}

static int set_defaults(conf_t *conf, err_t *err) {
    int code = E_OK;
    for (size_t i = 0; !code && key_known(i); i++) code = set_value(conf, i, conf_table[i].fallback, "default", err);
    return code;
}

// ---- file

static int set_from_list(conf_t *conf, size_t index, const yaml_doc_t *doc, const yaml_node_t *node, const char *origin,
                         err_t *err) {
    char text[4096] = "";
    size_t used = 0;
    for (const yaml_node_t *item = node->first; item; item = item->next) {
        if (item->kind != YAML_SCALAR || !item->text || strchr(item->text, ','))
            return yaml_error(doc, item, err, "%s: a plain text without a comma expected", conf_table[index].name);
        int written = snprintf(text + used, sizeof text - used, "%s%s", used ? "," : "", item->text);
        if (written < 0 || (size_t)written >= sizeof text - used)
            return yaml_error(doc, item, err, "%s: list too long", conf_table[index].name);
        used += (size_t)written;
    }
    return set_value(conf, index, text, origin, err);
}

static int set_from_node(conf_t *conf, const yaml_doc_t *doc, const yaml_node_t *node, const char *name, err_t *err) {
    size_t index = find_key(name, strlen(name));
    if (!key_known(index)) return yaml_error(doc, node, err, "%s: no such setting (see --help)", name);
    char origin[300];
    snprintf(origin, sizeof origin, "%s:%d", yaml_name(doc), node->line);
    if (node->kind == YAML_LIST && conf_table[index].type == CONF_LIST)
        return set_from_list(conf, index, doc, node, origin, err);
    if (node->kind != YAML_SCALAR) return yaml_error(doc, node, err, "%s: a single value expected", name);
    return set_value(conf, index, node->text ? node->text : "", origin, err);
}

static int read_section(conf_t *conf, const yaml_doc_t *doc, const yaml_node_t *map, const char *prefix, err_t *err) {
    int code = E_OK;
    for (const yaml_node_t *node = map->first; !code && node; node = node->next) {
        char name[NAME_MAX_BYTES];
        int length = snprintf(name, sizeof name, "%s%s%s", prefix, *prefix ? "." : "", node->key);
        if (length < 0 || (size_t)length >= sizeof name)
            code = yaml_error(doc, node, err, "%s…: no such setting (see --help)", name);
        else if (node->kind == YAML_MAP) // bounded: the tree's depth is, and names are
            code = read_section(conf, doc, node, name, err);
        else
            code = set_from_node(conf, doc, node, name, err);
    }
    return code;
}

static int read_file(conf_t *conf, err_t *err) {
    const char *path = conf->file ? conf->file : DEFAULT_FILE;
    if (!conf->file && access(path, F_OK) != 0) return E_OK; // the shipped file may be left out; a named one may not
    yaml_doc_t *doc = NULL;
    int code = yaml_load(&doc, path, err);
    if (code) return code;
    const yaml_node_t *root = yaml_root(doc);
    if (root && root->kind == YAML_MAP)
        code = read_section(conf, doc, root, "", err);
    else if (root && !(root->kind == YAML_SCALAR && !root->text))
        code = yaml_error(doc, root, err, "a map of settings expected");
    yaml_destroy(&doc);
    return code;
}

// ---- environment

static void env_name(const char *key, char name[static NAME_MAX_BYTES]) {
    size_t used = (size_t)snprintf(name, NAME_MAX_BYTES, ENV_PREFIX);
    for (; *key && used + 1 < NAME_MAX_BYTES; key++)
        name[used++] = *key == '.' ? '_' : (char)toupper((unsigned char)*key);
    name[used] = '\0';
}

static int set_from_env(conf_t *conf, const char *entry, const char *equals, err_t *err) {
    char name[NAME_MAX_BYTES];
    size_t length = (size_t)(equals - entry);
    for (size_t i = 0; key_known(i); i++) {
        env_name(conf_table[i].name, name);
        if (strlen(name) == length && strncmp(name, entry, length) == 0)
            return set_value(conf, i, equals + 1, name, err);
    }
    return err_field(err, E_INVALID_FIELD, "environment", "%.*s: no such setting (see --help)", (int)length, entry);
}

static int read_environment(conf_t *conf, err_t *err) {
    for (char **entry = environ; entry && *entry; entry++) {
        const char *equals = strchr(*entry, '=');
        if (!equals || strncmp(*entry, ENV_PREFIX, strlen(ENV_PREFIX)) != 0) continue;
        if (strncmp(*entry, ENV_FILE "=", strlen(ENV_FILE "=")) == 0) continue; // read before the file was
        int code = set_from_env(conf, *entry, equals, err);
        if (code) return code;
    }
    return E_OK;
}

// ---- command line

typedef struct option {
    size_t index;     // of the table; the end of it for --config and --help
    const char *name; // without the dashes
    size_t length;
    const char *value; // NULL: none given
} option_t;

// Split argv[*at] into name and value, taking the next argument as the value when there is no "=".
static int parse_option(option_t *out, int argc, char **argv, int *at, err_t *err) {
    const char *name = argv[*at] + 2, *equals = strchr(name, '=');
    *out = (option_t){.name = name, .length = equals ? (size_t)(equals - name) : strlen(name)};
    out->index = find_key(name, out->length);
    bool config = out->length == strlen("config") && strncmp(name, "config", out->length) == 0;
    bool help = !equals && strcmp(name, "help") == 0;
    if (help) return E_OK;
    if (!config && !key_known(out->index))
        return err_field(err, E_INVALID_FIELD, "option", "--%.*s: no such option (see --help)", (int)out->length, name);
    if (equals)
        out->value = equals + 1;
    else if (*at + 1 < argc)
        out->value = argv[++*at];
    else
        return err_field(err, E_INVALID_FIELD, "option", "--%s: a value expected", name);
    return E_OK;
}

static bool is_option(const char *arg) { return strncmp(arg, "--", 2) == 0; }

// Two passes over the same arguments: the file's name has to be known before the file is read, the settings come after
// it.
static int read_arguments(conf_t *conf, int argc, char **argv, bool settings, err_t *err) {
    bool options_over = false;
    conf->rest_count = 0;
    for (int at = 1; at < argc; at++) {
        if (!options_over && strcmp(argv[at], "--") == 0) {
            options_over = true;
            continue;
        }
        if (options_over || !is_option(argv[at])) {
            conf->rest[conf->rest_count++] = argv[at];
            continue;
        }
        option_t option;
        int code = parse_option(&option, argc, argv, &at, err);
        if (code) return code;
        if (!option.value) {
            conf->help = true;
        } else if (key_known(option.index) && settings) {
            char origin[NAME_MAX_BYTES + 2];
            snprintf(origin, sizeof origin, "--%s", conf_table[option.index].name);
            code = set_value(conf, option.index, option.value, origin, err);
        } else if (!key_known(option.index) && !settings) {
            free(conf->file);
            conf->file = strdup(option.value);
            if (!conf->file) code = err_set(err, E_IO, "out of memory");
        }
        if (code) return code;
    }
    return E_OK;
}

// ---- checking

static int refuse(const conf_key_t *key, const value_t *value, err_t *err, const char *expected) {
    int code = strncmp(value->origin, "--", 2) == 0 || strncmp(value->origin, ENV_PREFIX, strlen(ENV_PREFIX)) == 0
                   ? E_INVALID_FIELD
                   : E_POLICY;
    return err_field(err, code, key->name, "%s: %s: %s expected", value->origin, key->name, expected);
}

static int check_integer(const conf_key_t *key, value_t *value, err_t *err) {
    char expected[80], *end;
    snprintf(expected, sizeof expected, "a whole number of %lld to %lld", (long long)key->min, (long long)key->max);
    errno = 0;
    long long number = strtoll(value->text, &end, 10);
    bool whole = isdigit((unsigned char)value->text[value->text[0] == '-']) && *end == '\0' && errno == 0;
    if (!whole || number < key->min || number > key->max) return refuse(key, value, err, expected);
    value->integer = number;
    return E_OK;
}

static int check_bool(const conf_key_t *key, value_t *value, err_t *err) {
    bool yes = strcmp(value->text, "true") == 0;
    if (!yes && strcmp(value->text, "false") != 0) return refuse(key, value, err, "true or false");
    value->integer = yes;
    return E_OK;
}

static int check_list(const conf_key_t *key, value_t *value, err_t *err) {
    value->words = strdup(value->text);
    if (!value->words) return err_set(err, E_IO, "out of memory");
    size_t count = 0, room = key->max ? (size_t)key->max : LIST_MAX;
    char expected[80], *at = value->words;
    snprintf(expected, sizeof expected, "at most %zu entries with one comma between", room);
    while (*value->text) {
        char *comma = strchr(at, ',');
        if (comma) *comma = '\0';
        at += strspn(at, " ");
        at[strcspn(at, " ")] = '\0';
        if (!*at || count == room) return refuse(key, value, err, expected);
        value->list[count++] = at;
        if (!comma) break;
        at = comma + 1;
    }
    return E_OK;
}

static int check_values(conf_t *conf, err_t *err) {
    int code = E_OK;
    for (size_t i = 0; !code && key_known(i); i++) {
        if (conf_table[i].type == CONF_INT) code = check_integer(&conf_table[i], &conf->values[i], err);
        if (conf_table[i].type == CONF_BOOL) code = check_bool(&conf_table[i], &conf->values[i], err);
        if (conf_table[i].type == CONF_LIST) code = check_list(&conf_table[i], &conf->values[i], err);
    }
    return code;
}

// ---- life

int conf_load(conf_t **out, int argc, char **argv, err_t *err) {
    conf_t *conf = calloc(1, sizeof *conf);
    if (conf) conf->rest = calloc((size_t)(argc > 0 ? argc : 1), sizeof *conf->rest);
    int code = conf && conf->rest ? E_OK : err_set(err, E_IO, "out of memory");
    const char *file = getenv(ENV_FILE);
    if (!code && file) {
        conf->file = strdup(file);
        if (!conf->file) code = err_set(err, E_IO, "out of memory");
    }
    if (!code) code = read_arguments(conf, argc, argv, false, err);
    if (!code) code = set_defaults(conf, err);
    if (!code && !conf->help) { // who asks for help gets it, also beside a broken file
        code = read_file(conf, err);
        if (!code) code = read_environment(conf, err);
        if (!code) code = read_arguments(conf, argc, argv, true, err);
    }
    if (!code) code = check_values(conf, err);
    if (!code)
        *out = conf;
    else
        conf_destroy(&conf);
    return code;
}

void conf_destroy(conf_t **conf) {
    if (!conf || !*conf) return;
    for (size_t i = 0; key_known(i); i++) {
        free((*conf)->values[i].text);
        free((*conf)->values[i].origin);
        free((*conf)->values[i].words);
    }
    free((*conf)->file);
    free((*conf)->rest);
    free(*conf);
    *conf = NULL;
}

static const value_t *lookup(const conf_t *conf, const char *name, conf_type_t type) {
    size_t index = find_key(name, strlen(name));
    CHECK(key_known(index) && conf_table[index].type == type);
    return &conf->values[index];
}

const char *conf_text(const conf_t *conf, const char *name) { return lookup(conf, name, CONF_TEXT)->text; }
int64_t conf_int(const conf_t *conf, const char *name) { return lookup(conf, name, CONF_INT)->integer; }
bool conf_bool(const conf_t *conf, const char *name) { return lookup(conf, name, CONF_BOOL)->integer != 0; }

const char *const *conf_list(const conf_t *conf, const char *name) {
    return (const char *const *)lookup(conf, name, CONF_LIST)->list;
}

const char *const *conf_rest(const conf_t *conf, size_t *count) {
    *count = conf->rest_count;
    return conf->rest;
}

bool conf_help_asked(const conf_t *conf) { return conf->help; }

void conf_manual(FILE *out) {
    fprintf(out, "Settings: --key=value, or key in the --config file (" DEFAULT_FILE
                 "), or TONGCHOU_KEY in the environment\n"
                 "(dots become underscores). The command line wins over the environment, that over the file.\n\n");
    for (const conf_key_t *key = conf_table; key->name; key++) {
        fprintf(out, "  %-22s %s", key->name, key->manual);
        if (key->type == CONF_INT)
            fprintf(out, " (%lld to %lld%s%s)", (long long)key->min, (long long)key->max, *key->unit ? " " : "",
                    key->unit);
        fprintf(out, "\n  %-22s default: %s\n", "", *key->fallback ? key->fallback : "(empty)");
    }
}
