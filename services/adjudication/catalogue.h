// The catalogues (三大目录: drugs, items, materials; and beds) as the split needs them: dated entries in memory, found
// by kind, code and day. Filled from the store at start and kept up between batches (catalogue_store.h). One thread.
#pragma once
#include "catalogue.pb-c.h"
#include "common/base/date.h"
#include "common/base/money.h"
#include "common/policy/vocabulary.h"

enum {
    CATALOGUE_CODE_MAX = 31, // 23 for a drug, 27 for a specification of a material
    CATALOGUE_ENTRIES_MAX = 2000000,
    CATALOGUE_NAME_MAX = 200, // bytes
    CATALOGUE_DIAGNOSES_MAX = 64,
    CATALOGUE_DIAGNOSIS_MAX = 20,
    CATALOGUE_AGE_MAX = 150,
    CATALOGUE_DAYS_MAX = 999,
    CATALOGUE_ANY = 255, // no limit of use of that sort
};

#define CATALOGUE_PRICE_MAX_FEN INT64_C(10000000000) // of one unit

// One entry as it holds from a day on; what stands in it twice by identity or level is spread out, so that finding it
// is the whole work of a line.
typedef struct catalogue_entry {
    fen_t limit[LEVEL__COUNT];         // price limit of one unit, by level of the facility; −1: none
    const char *diagnoses;             // prefixes one after the other, "" ends them; NULL: any diagnosis
    rate_t first_pay[IDENTITY__COUNT]; // −1: the catalogue says none
    date_t from, until;                // DATE_MAX: open
    uint32_t earlier;                  // the index's own: where the entry before this one stands
    uint16_t days_max;                 // 0: none
    uint8_t kind, fee_class, sex, level_min, visit, age_min, age_max;
    char code[CATALOGUE_CODE_MAX + 1];
} catalogue_entry_t;

// An entry checked and read from its message; `diagnoses` borrows from `room`. Errors name the field as the message's
// JSON form does (first_pay, limits …).
typedef struct catalogue_room {
    char diagnoses[CATALOGUE_DIAGNOSES_MAX * (CATALOGUE_DIAGNOSIS_MAX + 1) + 1];
} catalogue_room_t;
int catalogue_read(const Tc__CatalogueItem *item, catalogue_room_t *room, catalogue_entry_t *out, err_t *err) MUST_USE;

// A code of the catalogue: 1 … 31 of A-Z, 0-9 and "-".
bool catalogue_code_fits(const char *code);
// A diagnosis code or the beginning of one: 1 … 20 of A-Z a-z 0-9 . + * -
bool catalogue_diagnosis_fits(const char *code);

typedef struct catalogue catalogue_t;
catalogue_t *catalogue_new(void); // NULL when out of memory
void catalogue_destroy(catalogue_t **catalogue);
// Take an entry, copied; one of the same kind, code and first day takes the place of the one held. E_TOO_LARGE past
// CATALOGUE_ENTRIES_MAX, E_IO when out of memory: nothing has changed then.
int catalogue_put(catalogue_t *catalogue, const catalogue_entry_t *entry, err_t *err) MUST_USE;
// The entry that holds on the day, or NULL. Fits split_find_t; valid until the next catalogue_put().
const catalogue_entry_t *catalogue_find(const void *catalogue, fee_kind_t kind, const char *code, date_t day);
size_t catalogue_count(const catalogue_t *catalogue);
size_t catalogue_bytes(const catalogue_t *catalogue); // memory held
