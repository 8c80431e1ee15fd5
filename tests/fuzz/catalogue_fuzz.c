// Any bytes as a row of a catalogue and as fee lines: what is taken finds itself again, and whatever the lines say,
// their parts add up.
#include "common/wire/message.h"
#include "services/adjudication/fee_lines.h"
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void put(catalogue_t *catalogue, const Tc__CatalogueItem *item) {
    catalogue_room_t room;
    catalogue_entry_t entry;
    err_t err = {0};
    if (catalogue_read(item, &room, &entry, &err)) {
        CHECK(err.field[0] && err.text[0]);
        return;
    }
    CHECK(catalogue_put(catalogue, &entry, &err) == 0);
    const catalogue_entry_t *found = catalogue_find(catalogue, (fee_kind_t)entry.kind, item->code, entry.from);
    CHECK(found && found->from == entry.from && found->until == entry.until);
}

static void split(const catalogue_t *catalogue, const Tc__SplitLines *ask, arena_t *arena) {
    const fee_ask_t fee = {.lines = ask->lines,
                           .count = ask->n_lines,
                           .days = {date_make(2018, 1, 1), date_make(2018, 12, 31)},
                           .catalogue = catalogue,
                           .facts = {.identity = IDENTITY_RESIDENT,
                                     .birth = date_make(2000, 2, 29),
                                     .sex = SEX_MALE,
                                     .level = LEVEL_3,
                                     .visit = VISIT_OUTPATIENT,
                                     .diagnosis = ask->diagnosis,
                                     .city_first_pay = true}};
    Tc__FeeLine **filled;
    split_sums_t sums;
    err_t err = {0};
    if (fee_lines_split(&fee, arena, &filled, &sums, &err)) return;
    fen_t total = 0;
    for (size_t i = 0; i < ask->n_lines; i++) {
        const Tc__FeeLine *line = filled[i];
        CHECK(line->full_own_fen + line->over_limit_fen + line->first_pay_fen + line->in_scope_fen == line->amount_fen);
        CHECK(line->full_own_fen >= 0 && line->over_limit_fen >= 0 && line->first_pay_fen >= 0 &&
              line->in_scope_fen >= 0);
        total += line->amount_fen;
    }
    CHECK(total == sums.total && sums.class_b <= sums.in_scope);
}

// A chunk of rows, then lines: both as JSON, apart by a NUL, or the one or the other.
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static arena_t *arena;
    ProtobufCMessage *rows, *lines;
    err_t err;
    if (!arena) arena = arena_new(256 * 1024, 64 * 1024 * 1024);
    catalogue_t *catalogue = arena ? catalogue_new() : NULL;
    if (!catalogue) return 0;
    arena_reset(arena);
    const uint8_t *apart = memchr(data, 0, size);
    const size_t first = apart ? (size_t)(apart - data) : size;
    if (message_from_json(&rows, &tc__load_catalogue__descriptor, (const char *)data, first, arena, &err) == 0)
        for (size_t i = 0; i < ((Tc__LoadCatalogue *)rows)->n_rows; i++)
            put(catalogue, ((Tc__LoadCatalogue *)rows)->rows[i]);
    if (apart && message_from_json(&lines, &tc__split_lines__descriptor, (const char *)apart + 1, size - first - 1,
                                   arena, &err) == 0)
        split(catalogue, (const Tc__SplitLines *)lines, arena);
    catalogue_destroy(&catalogue);
    return 0;
}
