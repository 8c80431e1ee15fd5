// Lines are judged by two dimensions that work alike: county and fund.
#include "agency_entry.h"
#include "agency.pb-c.h"
#include "settlement.pb-c.h"
#include <string.h>

static int no_memory(err_t *err) { return err_set(err, E_IO, "out of memory for an entry"); }

// What an entry is about: what it books, or what it tells of (tell.h).
typedef struct lines {
    Tc__Posting *const *items;
    size_t count;
} lines_t;

static lines_t lines_of(const Tc__JournalEntry *entry) {
    return entry->n_told ? (lines_t){entry->told, entry->n_told} : (lines_t){entry->postings, entry->n_postings};
}

typedef const char *dimension_t(const Tc__Posting *posting);
static const char *county_of(const Tc__Posting *posting) { return posting->division; }
static const char *fund_of(const Tc__Posting *posting) { return posting->fund; }

const char *agency_entry_kind(const ProtobufCMessage *journal_entry) {
    return ((const Tc__JournalEntry *)journal_entry)->kind;
}

// Whether the entry names at least one word in this dimension, and all that it names are granted.
static bool whole_is_granted(const grant_list_t *list, const lines_t *lines, dimension_t *of) {
    bool named = false;
    for (size_t i = 0; !list->all && i < lines->count; i++) {
        const char *word = of(lines->items[i]);
        if (*word && !grant_list_has(list, word)) return false;
        named = named || *word;
    }
    return list->all || named;
}

static bool line_is_granted(const grant_list_t *list, bool whole, const char *word) {
    return whole || (*word && grant_list_has(list, word));
}

static bool starts(const char *text, const char *prefix) { return strncmp(text, prefix, strlen(prefix)) == 0; }

// Who stands in a line depends on its account; where we do not know, it may be a person.
static void show_party(const grant_t *grant, const Tc__Posting *posting, Tc__Agency__Line *line) {
    if (starts(posting->account, "contribution/"))
        line->payer_kind = posting->party;
    else if (starts(posting->account, "payable/"))
        line->facility = grant->fields & GRANT_FACILITY ? posting->party : line->facility;
    else if (grant->fields & GRANT_PERSON)
        line->payer = posting->party;
}

static void show_line(const grant_t *grant, const Tc__Posting *posting, Tc__Agency__Line *line) {
    tc__agency__line__init(line);
    line->account = posting->account;
    line->fund = posting->fund;
    line->county = posting->division;
    line->identity = posting->identity;
    line->year = posting->year;
    show_party(grant, posting, line);
    if (!(grant->fields & GRANT_AMOUNTS)) return;
    line->amount_case = TC__AGENCY__LINE__AMOUNT_AMOUNT_FEN;
    line->amount_fen = posting->amount_fen;
}

static int show_lines(const grant_t *grant, const lines_t *of, arena_t *arena, Tc__Agency__Entry *out, err_t *err) {
    const bool counties = whole_is_granted(&grant->counties, of, county_of);
    const bool funds = whole_is_granted(&grant->funds, of, fund_of);
    Tc__Agency__Line *lines = arena_alloc(arena, (of->count + 1) * sizeof *lines);
    out->line = arena_alloc(arena, (of->count + 1) * sizeof *out->line);
    if (!lines || !out->line) return no_memory(err);
    for (size_t i = 0; i < of->count; i++) {
        const Tc__Posting *posting = of->items[i];
        if (!line_is_granted(&grant->counties, counties, county_of(posting)) ||
            !line_is_granted(&grant->funds, funds, fund_of(posting)))
            continue;
        show_line(grant, posting, &lines[out->n_line]);
        out->line[out->n_line] = &lines[out->n_line];
        out->n_line++;
    }
    out->partial = out->n_line < of->count;
    return E_OK;
}

// A month credited to an account has the person's number as its reference.
static bool shows_reference(const grant_t *grant, const Tc__JournalEntry *entry) {
    const bool names_person = *entry->person && strcmp(entry->reference, entry->person) == 0;
    return grant->fields & GRANT_REFERENCE && (!names_person || grant->fields & GRANT_PERSON);
}

static void show_whole(const grant_t *grant, const Tc__JournalEntry *entry, Tc__Agency__Entry *out) {
    out->kind = entry->kind;
    out->value_date = entry->value_date;
    out->posted_ms = entry->posted_ms;
    out->rule = entry->rule;
    out->counter_partition = entry->counter_partition;
    out->counter_number = entry->counter_number;
    if (shows_reference(grant, entry)) out->reference = entry->reference;
    if (grant->fields & GRANT_PERSON) out->person = entry->person;
    if (grant->fields & GRANT_FACILITY) out->facility = entry->facility;
    if (out->partial || !(grant->fields & GRANT_AMOUNTS)) return;
    out->total_case = TC__AGENCY__ENTRY__TOTAL_TOTAL_FEN;
    out->total_fen = entry->total_fen;
    out->fund_case = TC__AGENCY__ENTRY__FUND_FUND_FEN;
    out->fund_fen = entry->fund_fen;
}

int agency_entry(const grant_t *grant, const ProtobufCMessage *journal_entry, arena_t *arena, ProtobufCMessage **out,
                 err_t *err) {
    const Tc__JournalEntry *entry = (const Tc__JournalEntry *)journal_entry;
    Tc__Agency__Entry *shown = arena_alloc(arena, sizeof *shown);
    *out = NULL;
    if (!shown) return no_memory(err);
    tc__agency__entry__init(shown);
    const lines_t lines = lines_of(entry);
    int rc = show_lines(grant, &lines, arena, shown, err);
    if (rc) return rc;
    const bool everywhere = grant->counties.all && grant->funds.all;
    if (lines.count ? !shown->n_line : !everywhere) return E_OK;
    show_whole(grant, entry, shown);
    *out = &shown->base;
    return E_OK;
}
