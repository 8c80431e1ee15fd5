// tongchou: the command line of the suite. One table of commands; each says what it does, with examples.
#include "cli.h"
#include "common/base/log.h"
#include <stdio.h>
#include <string.h>

static const command_t *const commands[] = {
    &command_up,        &command_status,       &command_enroll, &command_facility, &command_collect, &command_quote,
    &command_settle,    &command_reverse,      &command_bill,   &command_explain,  &command_events,  &command_ledger,
    &command_wait,      &command_verify,       &command_sample, &command_eval,     &command_policy,  &command_import,
    &command_catalogue, &command_readjudicate, &command_tasks,  &command_account,  &command_health,  &command_keys,
    &command_backup,    &command_restore,      &command_fund,   &command_agency,
};

static void overview(FILE *out) {
    fputs("tongchou: a city's basic medical insurance pool (基本医疗保险市级统筹)\n\nusage: tongchou COMMAND "
          "[options]\n\n",
          out);
    for (size_t i = 0; i < COUNT_OF(commands); i++)
        fprintf(out, "  %-12s %s\n", commands[i]->name, commands[i]->summary);
    fputs("\n`tongchou COMMAND --help` shows options and examples. Most commands take --json, --data DIR (where the "
          "suite\n"
          "keeps its configuration and keys, default data) and --as NAME (whose key to use, default admin).\n",
          out);
}

int main(int argc, char **argv) {
    log_setup("tongchou", LOG_WARN); // a person reads what we print
    if (argc < 2) {
        overview(stderr);
        return 2;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0) {
        overview(stdout);
        return 0;
    }
    for (size_t i = 0; i < COUNT_OF(commands); i++)
        if (strcmp(argv[1], commands[i]->name) == 0) return commands[i]->run(argc - 1, argv + 1, commands[i]);
    fprintf(stderr, "tongchou: there is no command \"%s\"; `tongchou --help` lists them\n", argv[1]);
    return 2;
}
