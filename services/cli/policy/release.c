// `tongchou policy release` and `releases`: put a policy in force in a running suite, and list which were.
#include "../recompute_run.h"
#include "common/base/date.h"
#include "common/policy/standards.h"
#include "tools.h"

static Tc__FindAffected amended(const policy_args_t *args, const char *hash) {
    Tc__FindAffected what = TC__FIND_AFFECTED__INIT;
    what.not_policy = (char *)hash;
    what.from = (char *)args->amends_from;
    return what;
}

static int release(suite_t *suite, const policy_args_t *args, const char *hash) {
    const recompute_options_t options = {.json = args->json};
    Tc__ReleasePolicy ask = TC__RELEASE_POLICY__INIT;
    ProtobufCMessage *reply = NULL;
    err_t err = {0};
    ask.hash = (char *)hash;
    ask.amends_from = (char *)(args->amends_from ? args->amends_from : "");
    ask.reason = (char *)args->reason;
    if (suite_call(suite, "adjudication", "release_policy", "", &ask.base, &tc__policy_release__descriptor, &reply,
                   &err))
        return cli_refused(&err, args->json);
    const Tc__PolicyRelease *made = (const Tc__PolicyRelease *)reply;
    const int64_t task = made->task;
    if (!args->json) printf("release %lld: %s\n", (long long)made->number, made->hash);
    if (task && !args->detach) return recompute_follow(suite, task, &options);
    if (args->json) puts(message_to_json(reply, suite->arena));
    if (task && !args->json) printf("task %lld recomputes what it amends\n", (long long)task);
    return 0;
}

static void warn(void *self, const standard_finding_t *finding) {
    const policy_t *policy = self;
    char text[200];
    standard_sentence(finding, text, sizeof text);
    fprintf(stderr, "warning: %s: %s (%s, %s)\n", finding->parameter, text, finding->rule,
            policy_rule_source(policy, finding->rule));
}

// What the law wants of values that the city sets, and this policy does not do: told, and left to whoever releases it.
static int warn_of_standards(const policy_args_t *args, err_t *err) {
    policy_t *policy = NULL;
    int rc = policy_load(&policy, args->paths.city, args->overlays, err);
    if (rc == 0) standards_check(policy, date_year(date_of_ms(clock_now_ms())), warn, policy);
    policy_destroy(&policy);
    return rc;
}

int policy_release(const policy_args_t *args) {
    const recompute_options_t options = {.json = args->json};
    char hash[65];
    suite_t suite;
    err_t err = {0};
    if (args->dry && !args->amends_from) {
        fprintf(stderr, "tongchou policy release: --dry-run tells what --amends-from would change; it is missing\n");
        return 2;
    }
    if (!args->dry && !args->reason) {
        fprintf(stderr, "tongchou policy release: --reason is missing: it is kept with the release\n");
        return 2;
    }
    if (warn_of_standards(args, &err)) return cli_refused(&err, args->json);
    int rc = suite_open(&suite, args->data, args->as);
    if (rc == 0 && recompute_stage(&suite, args->paths.city, args->overlays, hash, &err))
        rc = cli_refused(&err, args->json);
    if (rc == 0 && args->dry) {
        const Tc__FindAffected what = amended(args, hash);
        rc = recompute_dry(&suite, &what, hash, &options);
    } else if (rc == 0) {
        rc = release(&suite, args, hash);
    }
    suite_close(&suite);
    return rc;
}

static void print_release(const Tc__PolicyRelease *release) {
    char day[DATE_TEXT_MAX];
    date_format(date_of_ms(release->at_ms), day);
    printf("%lld %s %s%s%s: %s\n", (long long)release->number, day, release->hash,
           *release->amends_from ? " amends from " : "", release->amends_from, release->reason);
}

int policy_releases(const policy_args_t *args) {
    Tc__GetReleases ask = TC__GET_RELEASES__INIT;
    ProtobufCMessage *reply = NULL;
    suite_t suite;
    err_t err = {0};
    int rc = suite_open(&suite, args->data, args->as);
    if (rc == 0 && suite_call(&suite, "adjudication", "get_releases", "", &ask.base, &tc__policy_releases__descriptor,
                              &reply, &err))
        rc = cli_refused(&err, args->json);
    if (rc == 0 && args->json) puts(message_to_json(reply, suite.arena));
    if (rc == 0 && !args->json)
        for (size_t i = 0; i < ((const Tc__PolicyReleases *)reply)->n_releases; i++)
            print_release(((const Tc__PolicyReleases *)reply)->releases[i]);
    suite_close(&suite);
    return rc;
}
