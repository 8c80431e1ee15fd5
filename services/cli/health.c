// tongchou health: the probe of a container or a monitor, as a command.
#include "cli.h"
#include "probe.h"

static int run(int argc, char **argv, const command_t *self) {
    words_t words = {0};
    int status = options_parse(argc, argv, self, NULL, 0, &words, NULL);
    if (status >= 0) return status;
    conf_t *conf = NULL;
    err_t err = {0};
    char *own[] = {(char *)"tongchou"}, told[PROBE_MAX_BYTES] = "";
    bool healthy = false;
    int rc = words.count ? E_OK : conf_load(&conf, 1, own, &err);
    const char *where = words.count ? words.word[0] : rc ? "" : conf_text(conf, "health.bind");
    if (words.count > 1) rc = err_set(&err, E_INVALID_FIELD, "one address at a time");
    if (!rc) rc = probe_health(where, &healthy, told, &err);
    conf_destroy(&conf);
    if (rc) {
        fprintf(stderr, "tongchou health: %s\n", err.text);
        return rc == E_UNAVAILABLE ? 1 : 2;
    }
    printf("%s", told);
    return healthy ? 0 : 1;
}

const command_t command_health = {
    .name = "health",
    .summary = "ask one process whether it can do its work",
    .run = run,
    .help = "usage: tongchou health [http://ADDRESS:PORT]\n\n"
            "Without an address: that of health.bind in this machine's configuration or environment, as a container\n"
            "has it. Prints what the process says. Exit 0: healthy; 1: not, or no answer within two seconds; 2: no\n"
            "such address.\n"};
