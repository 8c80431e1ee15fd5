// Entries that book nothing and tell what became of something: tasks, statements, payment orders. Whom they concern
// stands in their lines `told`, by fund and county: the amounts of a paper, which need not sum to zero. Other agencies
// receive them like any entry (docs/events.md).
#pragma once
#include "money_post.h"
#include "statement.pb-c.h"

// Room for `count` more lines of the entry.
int tell_room(Tc__JournalEntry *entry, size_t count, arena_t *arena, err_t *err) MUST_USE;
// Within that room; borrows fund and county.
int tell_line(Tc__JournalEntry *entry, const money_posting_t *line, arena_t *arena, err_t *err) MUST_USE;
// What a statement pays, part by part, as lines head/layer. Makes the room.
int tell_parts(Tc__JournalEntry *entry, const char *head, const Tc__FacilityStatement *said, arena_t *arena,
               err_t *err) MUST_USE;
// An entry of this kind about a statement, or an order for it (`head`: statement or order), written in the caller's
// transaction.
int tell_statement(settlement_t *settlement, const char *kind, const char *reference, const char *head,
                   const Tc__FacilityStatement *said, const char *text, err_t *err) MUST_USE;
