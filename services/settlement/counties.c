#include "counties.h"
#include "common/wire/scope.h"
#include <string.h>

int counties_check(const settlement_t *settlement, const char *county, err_t *err) {
    const char *scope = settlement->ctx->scope;
    if (scope_is_whole(scope) || *county) return scope_check_division(scope, county, err);
    return err_field(err, E_DENIED, "county", "what is the city's is not for whoever has a part of it only");
}

bool counties_has_entry(const settlement_t *settlement, const Tc__JournalEntry *entry) {
    const char *scope = settlement->ctx->scope;
    bool named = scope_is_whole(scope);
    for (size_t i = 0; i < entry->n_postings; i++) {
        const char *county = entry->postings[i]->division;
        if (!*county) continue;
        if (!scope_has_division(scope, county)) return false;
        named = true;
    }
    return named;
}

int counties_check_entry(const settlement_t *settlement, const Tc__JournalEntry *entry, err_t *err) {
    if (counties_has_entry(settlement, entry)) return E_OK;
    return err_field(err, E_DENIED, "reference", "this key works for other districts only");
}

bool counties_has_party(const settlement_t *settlement, const char *pair, const char *party) {
    const char *scope = settlement->ctx->scope, *at = strchr(party, '@');
    const bool bills = strcmp(pair, "business") == 0 || strcmp(pair, "facility") == 0;
    if (scope_names_divisions(scope) && (bills || !at || !scope_has_division(scope, at + 1))) return false;
    return !scope_names_facilities(scope) || (bills && scope_has_facility(scope, party));
}
