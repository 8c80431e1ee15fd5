// A city's file lies in config/cities/, the calendars in config/calendar/: whoever names the one has the other.
#include "law.h"
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

// The folder beside the one that holds `city`; "" when there is none.
static void calendars_beside(const char *city, char out[static PATH_MAX]) {
    const char *name = strrchr(city, '/');
    int length = name ? (int)(name - city) : 1;
    int written = snprintf(out, PATH_MAX, "%.*s/../calendar", length, name ? city : ".");
    if (written < 0 || written >= PATH_MAX || access(out, R_OK | X_OK) != 0) out[0] = 0;
}

static int load_calendar(const conf_t *conf, const char *city, calendar_t **calendar, err_t *err) {
    char beside[PATH_MAX];
    const char *folder = conf_text(conf, "policy.calendar");
    calendars_beside(city, beside);
    if (!folder[0]) folder = beside;
    return folder[0] ? calendar_load(calendar, folder, err) : E_OK;
}

int law_load(const conf_t *conf, policy_t **policy, calendar_t **calendar, err_t *err) {
    const char *city = conf_text(conf, "policy.city");
    *policy = NULL;
    *calendar = NULL;
    if (!city[0]) return E_OK;
    int rc = policy_load(policy, city, conf_list(conf, "policy.overlays"), err);
    if (!rc) rc = load_calendar(conf, city, calendar, err);
    if (rc) policy_destroy(policy);
    return rc;
}
