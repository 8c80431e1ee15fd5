// The tables of imports: rows put aside for a person to look at, lists on their way, and who is a member by whose list.
#pragma once

#define IMPORT_TABLES_SQL                                                                                              \
    "CREATE INDEX person_alike ON person (name, substr(citizen_id, 7, 8));"                                            \
    "CREATE TABLE parked_person (number TEXT NOT NULL PRIMARY KEY, citizen_id TEXT NOT NULL, person TEXT NOT NULL,"    \
    " alike TEXT NOT NULL, since_ms BIGINT NOT NULL, file TEXT NOT NULL, row_number BIGINT NOT NULL,"                  \
    " ask BYTEA NOT NULL, decision TEXT NOT NULL, decided_by TEXT NOT NULL, decided_ms BIGINT NOT NULL);"              \
    "CREATE UNIQUE INDEX parked_person_row ON parked_person (citizen_id, person);"                                     \
    "CREATE TABLE list (number BIGINT NOT NULL PRIMARY KEY, file TEXT NOT NULL, group_name TEXT NOT NULL,"             \
    " source TEXT NOT NULL, as_of TEXT NOT NULL, dry BIGINT NOT NULL, phase BIGINT NOT NULL,"                          \
    " at_row BIGINT NOT NULL, at_partition BIGINT NOT NULL, at_person TEXT NOT NULL, touched_ms BIGINT NOT NULL);"     \
    "CREATE UNIQUE INDEX list_of_file ON list (group_name, source, as_of, file, dry);"                                 \
    "CREATE TABLE list_row (list BIGINT NOT NULL, row_number BIGINT NOT NULL, partition BIGINT NOT NULL,"              \
    " person TEXT NOT NULL, PRIMARY KEY (list, row_number));"                                                          \
    "CREATE INDEX list_row_person ON list_row (list, partition, person);"                                              \
    "CREATE TABLE member (group_name TEXT NOT NULL, source TEXT NOT NULL, partition BIGINT NOT NULL,"                  \
    " person TEXT NOT NULL, PRIMARY KEY (group_name, source, partition, person));"

// What was wrong with a row when it was put aside (list_fault_t).
#define LIST_FAULT_SQL "ALTER TABLE list_row ADD COLUMN fault BIGINT NOT NULL DEFAULT 0;"
// member_index.h: from the first person on, where there are any.
#define MEMBER_BACKFILL_SQL                                                                                            \
    "CREATE TABLE member_backfill (partition BIGINT NOT NULL, person TEXT NOT NULL);"                                  \
    "INSERT INTO member_backfill (partition, person) SELECT -1, '' WHERE EXISTS (SELECT 1 FROM person);"
