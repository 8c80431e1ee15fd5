// The broker as a process: options, signals, one line when it serves.
#include "broker.h"
#include "common/base/log.h"

#include <getopt.h>
#include <signal.h>
#include <string.h>

static broker_t *running; // for the signal handler only

static void on_signal(int number) {
    (void)number;
    broker_stop(running);
}

static int read_options(int argc, char **argv, broker_conf_t *conf, err_t *err) {
    static const struct option options[] = {{"front", required_argument, NULL, 'f'},
                                            {"back", required_argument, NULL, 'b'},
                                            {"keys", required_argument, NULL, 'k'},
                                            {"name", required_argument, NULL, 'n'},
                                            {0}};
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (option == 'f')
            conf->front = optarg;
        else if (option == 'b')
            conf->back = optarg;
        else if (option == 'k')
            conf->keys_dir = optarg;
        else if (option == 'n')
            conf->name = optarg;
        else
            return err_set(err, E_INVALID_FIELD, "options are --front, --back, --keys and --name");
    }
    if (optind < argc) return err_set(err, E_INVALID_FIELD, "unexpected argument %s", argv[optind]);
    return E_OK;
}

static int serve(const broker_conf_t *conf, err_t *err) {
    struct sigaction stop = {.sa_handler = on_signal};
    int rc = broker_new(&running, conf, err);
    if (rc != E_OK) return rc;
    sigaction(SIGTERM, &stop, NULL);
    sigaction(SIGINT, &stop, NULL);
    printf("ready service=broker name=%s front=%s back=%s\n", conf->name, broker_front(running), broker_back(running));
    fflush(stdout);
    rc = broker_run(running, err);
    signal(SIGTERM, SIG_IGN);
    signal(SIGINT, SIG_IGN);
    broker_destroy(&running);
    return rc;
}

int main(int argc, char **argv) {
    broker_conf_t conf = {
        .name = "broker-1", .front = "tcp://127.0.0.1:5570", .back = "tcp://127.0.0.1:5571", .keys_dir = "keys"};
    err_t err = {0};
    int rc = read_options(argc, argv, &conf, &err);
    if (rc == E_OK) {
        log_setup(conf.name, LOG_INFO);
        rc = serve(&conf, &err);
    }
    if (rc == E_OK) return 0;
    log_error("broker_failed", "code=%s reason=%s", err_name(rc), log_value(err.text));
    return 1;
}
