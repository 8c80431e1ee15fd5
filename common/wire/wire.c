// Roles and their names.
#include "wire.h"

#include "common/base/check.h"

#include <stdbool.h>
#include <string.h>

static const struct {
    const char *name;
    unsigned role;
} roles[] = {
    {"admin", ROLE_ADMIN},   {"clerk", ROLE_CLERK},     {"hospital", ROLE_HOSPITAL},
    {"agency", ROLE_AGENCY}, {"service", ROLE_SERVICE}, {"broker", ROLE_BROKER},
};

static unsigned role_from(const char *name, size_t length) {
    for (size_t i = 0; i < COUNT_OF(roles); i++)
        if (strlen(roles[i].name) == length && memcmp(roles[i].name, name, length) == 0) return roles[i].role;
    return 0;
}

unsigned wire_role_from_name(const char *name) { return role_from(name, strlen(name)); }

const char *wire_role_name(unsigned role) {
    for (size_t i = 0; i < COUNT_OF(roles); i++)
        if (roles[i].role == role) return roles[i].name;
    return "";
}

unsigned wire_caller_role(const char *caller) {
    const char *colon = strchr(caller, ':');
    if (!colon || colon[1] == '\0') return 0;
    return role_from(caller, (size_t)(colon - caller));
}
