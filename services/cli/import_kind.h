// What can be imported: the columns of each file, and rows gathered into the messages of enrolment.
#pragma once
#include "common/csv/csv.h"
#include "common/wire/message.h"

enum { IMPORT_CHUNK_ROWS = 1000, IMPORT_KEYS = 3 };

typedef enum import_what {
    IMPORT_PERSONS,
    IMPORT_EMPLOYERS,
    IMPORT_EMPLOYER_KINDS,
    IMPORT_SPELLS,
    IMPORT_WAGES,
    IMPORT_LIST,
    IMPORT__COUNT
} import_what_t;

typedef struct import_kind {
    const char *name;   // "persons"
    const char *method; // "import_persons"
    import_what_t what;
    const csv_column_t *columns;
    size_t count;
} import_kind_t;

extern const import_kind_t import_kinds[IMPORT__COUNT];
const import_kind_t *import_kind_find(const char *name); // NULL when there is none

// Rows on their way into one message. Everything lives in the arena.
typedef struct import_chunk {
    const import_kind_t *kind;
    arena_t *arena;
    int64_t first_row;
    size_t count, bytes;
    ProtobufCMessage *rows[IMPORT_CHUNK_ROWS];
    char *texts[IMPORT_CHUNK_ROWS]; // last month of a spell; person of a list
    char *ids[IMPORT_CHUNK_ROWS];   // citizen ID of a list
    // What rows must not share with rows in flight, lest one that is sent again overtakes the other: numbers, citizen
    // IDs, names with births, as hashes.
    uint64_t keys[IMPORT_CHUNK_ROWS * IMPORT_KEYS];
    size_t key_count;
    uint64_t last_person; // hash, of the last row
} import_chunk_t;

void import_chunk_reset(import_chunk_t *chunk);
// Must the chunk go before this row comes? (Full, or the row's number does not follow, or, for spells, a person's rows
// would be torn apart further on.)
bool import_chunk_full(const import_chunk_t *chunk, const csv_row_t *row);
int import_chunk_add(import_chunk_t *chunk, const csv_row_t *row, err_t *err) MUST_USE;

typedef struct import_about { // what all messages of a file say
    const char *file;         // SHA-256 in hex
    bool dry;
    const char *source, *group, *as_of; // of a list
} import_about_t;

// The message, packed in the arena.
int import_chunk_pack(import_chunk_t *chunk, const import_about_t *about, void **body, size_t *bytes,
                      err_t *err) MUST_USE;
// The message after the last row of a list.
int import_last_pack(arena_t *arena, const import_about_t *about, int64_t total, void **body, size_t *bytes,
                     err_t *err) MUST_USE;

// Hash of the person, or employer, of a row; of its citizen ID or credit code, 0 when the kind has none.
uint64_t import_row_number(const import_kind_t *kind, const csv_row_t *row);
uint64_t import_row_code(const import_kind_t *kind, const csv_row_t *row);
// Of wages: of the person and the month together.
uint64_t import_row_month(const csv_row_t *row);
// Of a list: the row names somebody, by number or by citizen ID.
bool import_row_named(const csv_row_t *row);
// Of a list: the row is of another group.
bool import_row_passed(const import_kind_t *kind, const csv_row_t *row, const char *group);
