// tongchou keys: the key folder of a suite that `tongchou up` does not start, as in a data centre.
#include "cli.h"
#include "common/base/hash.h"
#include "common/daemon/secret.h"
#include "common/wire/curve.h"
#include "common/wire/scope.h"
#include "home.h"
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

static int make_all(const char *dir, err_t *err) {
    uint8_t secret[SECRET_BYTES];
    int rc = home_make_keys(dir, err);
    if (!rc) rc = secret_load(dir, secret, err);
    explicit_bzero(secret, sizeof secret);
    return rc;
}

static int make_one(const char *dir, const char *name, const char *role, const char *divisions, const char *facilities,
                    err_t *err) {
    char scope[SCOPE_BYTES];
    int rc = scope_make(scope, divisions, facilities, err);
    if (rc) return rc;
    if (mkdir(dir, 0700) && errno != EEXIST) return err_set(err, E_IO, "cannot make %s: %s", dir, strerror(errno));
    return keys_make_scoped(dir, name, role, scope, err);
}

static int run(int argc, char **argv, const command_t *self) {
    const char *dir = NULL, *data = NULL, *role = NULL, *divisions = NULL, *facilities = NULL;
    words_t words = {0};
    const option_spec_t specs[] = {{.name = "dir", .text = &dir},
                                   {.name = "data", .text = &data},
                                   {.name = "role", .text = &role},
                                   {.name = "divisions", .text = &divisions},
                                   {.name = "facilities", .text = &facilities}};
    int status = options_parse(argc, argv, self, specs, COUNT_OF(specs), &words, NULL);
    if (status >= 0) return status;
    if ((dir && data) || words.count > 1 || (words.count == 1) != (role != NULL) || (!dir && !data && !words.count)) {
        fprintf(stderr, "tongchou keys: --data DIR or --dir DIR was expected, and NAME together with --role; see "
                        "`tongchou keys --help`\n");
        return 2;
    }
    char keys_of_suite[PATH_MAX];
    err_t err = {0};
    if (!dir) {
        const int length = snprintf(keys_of_suite, sizeof keys_of_suite, "%s/keys", data ? data : cli_default_data);
        if (length >= (int)sizeof keys_of_suite)
            return cli_refused(&(err_t){E_TOO_LARGE, "data", "path too long"}, false);
        dir = keys_of_suite;
    }
    int rc = words.count ? make_one(dir, words.word[0], role, divisions, facilities, &err) : make_all(dir, &err);
    if (rc) fprintf(stderr, "tongchou keys: %s\n", err.text);
    return rc ? 2 : 0;
}

const command_t command_keys = {
    .name = "keys",
    .summary = "make the keys of a suite, or of one more party",
    .run = run,
    .help =
        "usage: tongchou keys --dir DIR | --data DIR\n"
        "       tongchou keys [--dir DIR | --data DIR] NAME --role admin|clerk|hospital|agency|service|broker\n"
        "                     [--divisions CODE,CODE] [--facilities CODE,CODE]\n\n"
        "  --data DIR        the suite's folder (default data): its keys are in DIR/keys\n"
        "  --dir DIR         instead: the key folder of a suite that `tongchou up` does not start\n\n"
        "The first makes what a suite needs: registry.yaml (public), one secret NAME.key for every service, the\n"
        "brokers and one of each role, and the cache's secret. The second adds a party. What the registry names\n"
        "is left alone, also when its secret has been carried to where it belongs.\n\n"
        "With --divisions a party sees and changes only what is of districts whose codes begin so: persons, payers,\n"
        "bills, books; with --facilities only bills and statements of these facilities. The services enforce it; what\n"
        "concerns the city as a whole (releases, recomputations, lists) is closed to such a key. docs/security.md\n"
        "lists every method.\n\n"
        "  tongchou keys --dir keys h-people --role hospital --facilities H44070300003\n"
        "  tongchou keys --data data pengjiang --role clerk --divisions 440703\n"};
