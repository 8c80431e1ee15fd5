#include "tell.h"
#include "common/base/hash.h"
#include <string.h>

static int no_memory(err_t *err) { return err_set(err, E_IO, "out of memory for an entry"); }

int tell_room(Tc__JournalEntry *entry, size_t count, arena_t *arena, err_t *err) {
    Tc__Posting **told = arena_alloc(arena, (entry->n_told + count + 1) * sizeof *told);
    if (!told) return no_memory(err);
    if (entry->n_told) memcpy(told, entry->told, entry->n_told * sizeof *told);
    entry->told = told;
    return E_OK;
}

int tell_line(Tc__JournalEntry *entry, const money_posting_t *line, arena_t *arena, err_t *err) {
    Tc__Posting *made = arena_alloc(arena, sizeof *made);
    if (!made) return no_memory(err);
    tc__posting__init(made);
    made->account = arena_text(arena, "%s/%s", line->head, line->word);
    made->fund = (char *)(uintptr_t)line->fund, made->division = (char *)(uintptr_t)line->county;
    made->year = line->year, made->amount_fen = line->amount;
    if (!made->account) return no_memory(err);
    entry->told[entry->n_told++] = made;
    return E_OK;
}

int tell_parts(Tc__JournalEntry *entry, const char *head, const Tc__FacilityStatement *said, arena_t *arena,
               err_t *err) {
    int rc = tell_room(entry, said->n_parts, arena, err);
    for (size_t i = 0; !rc && i < said->n_parts; i++) {
        const Tc__StatementPart *part = said->parts[i];
        const money_posting_t line = {head, part->layer, part->fund, part->county, "", part->year, part->pay_fen};
        rc = tell_line(entry, &line, arena, err);
    }
    return rc;
}

int tell_statement(settlement_t *settlement, const char *kind, const char *reference, const char *head,
                   const Tc__FacilityStatement *said, const char *text, err_t *err) {
    arena_t *arena = settlement->ctx->arena;
    const money_head_t about = {kind, reference, date_of_ms(settlement->poster->now_ms()), text};
    Tc__JournalEntry *entry;
    int rc = money_entry(settlement, &about, 0, arena, &entry, err);
    if (!rc) rc = tell_parts(entry, head, said, arena, err);
    if (rc) return rc;
    entry->facility = said->facility;
    entry->total_fen = said->total ? said->total->pay_fen : 0;
    rc = writer_ready(settlement->writer, err);
    return rc ? rc : money_post(settlement, entry, arena, err);
}
