// grants_parse on any bytes: it refuses with a sentence, or gives grants that keep their bounds and that are the same
// once written and read again.
#include "services/settlement/agency_topics.h"
#include "services/settlement/grants.h"
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static void check_list(const grant_list_t *list) {
    CHECK(list->count <= GRANT_WORDS_MAX && (!list->all || !list->count));
    for (size_t i = 0; i < list->count; i++) CHECK(list->word[i][0] && strlen(list->word[i]) < GRANT_WORD_BYTES);
}

static void check_grant(const grants_t *grants, const grant_t *grant) {
    CHECK(grant->name[0] && strlen(grant->key) == GRANT_KEY_BYTES - 1 && !grant->topics.all);
    CHECK(grants_by_name(grants, grant->name) == grant);
    CHECK(grants_by_key(grants, grant->key) == (grant->revoked[0] ? NULL : grant));
    check_list(&grant->topics);
    check_list(&grant->counties);
    check_list(&grant->funds);
    for (size_t i = 0; i < grant->topics.count; i++) CHECK(agency_topic_known(grant->topics.word[i]));
}

static void check_again(const grants_t *grants) {
    static char path[64];
    grants_t *again = NULL;
    err_t err;
    if (!path[0]) {
        snprintf(path, sizeof path, "/tmp/grants-fuzz-XXXXXX");
        int fd = mkstemp(path);
        CHECK(fd >= 0);
        close(fd);
    }
    CHECK(grants_write(grants, path, &err) == E_OK && grants_load(&again, path, &err) == E_OK);
    unlink(path);
    CHECK(grants_count(again) == grants_count(grants));
    for (size_t i = 0; i < grants_count(grants); i++)
        CHECK(memcmp(grants_at(again, i), grants_at(grants, i), sizeof(grant_t)) == 0);
    grants_destroy(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes) {
    grants_t *grants = NULL;
    err_t err = {0};
    const int rc = grants_parse(&grants, "fuzz", (const char *)data, bytes, &err);
    if (rc) {
        CHECK(rc == err.code && !grants && err.text[0]);
        return 0;
    }
    CHECK(grants_count(grants) <= GRANTS_MAX);
    for (size_t i = 0; i < grants_count(grants); i++) check_grant(grants, grants_at(grants, i));
    check_again(grants);
    grants_destroy(&grants);
    return 0;
}
