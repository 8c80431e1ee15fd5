// The words of circumstances, schemes, tiers and places.
#include "circumstance.h"
#include <string.h>

static const char *const circumstances[CIRCUMSTANCE__COUNT] = {
#define X(code, name, chinese) [CIRCUMSTANCE_##code] = name,
    CIRCUMSTANCE_TABLE(X)
#undef X
};
#define X(code, name, chinese) [code] = name,
static const char *const schemes[SCHEME__COUNT] = {SCHEME_TABLE(X)};
static const char *const tiers[TIER__COUNT] = {TIER_TABLE(X)};
static const char *const places[PLACE__COUNT] = {PLACE_TABLE(X)};
#undef X

static int code_of(const char *name, const char *const *names, int count) {
    for (int i = 0; i < count; i++)
        if (strcmp(names[i], name) == 0) return i;
    return -1;
}

int circumstance_from_name(const char *name) { return code_of(name, circumstances, CIRCUMSTANCE__COUNT); }
int insurance_scheme_from_name(const char *name) { return code_of(name, schemes, SCHEME__COUNT); }
int tier_from_name(const char *name) { return code_of(name, tiers, TIER__COUNT); }
int place_from_name(const char *name) { return code_of(name, places, PLACE__COUNT); }

const char *insurance_scheme_name(insurance_scheme_t scheme) { return schemes[scheme]; }
const char *tier_name(tier_t tier) { return tiers[tier]; }
const char *place_name(place_t place) { return places[place]; }

const char *circumstance_names(void) {
#define X(code, name, chinese) ", " name
    static const char all[] = CIRCUMSTANCE_TABLE(X);
#undef X
    return all + strlen(", ");
}
