// The file of a catalogue: its columns, in English or Chinese, and a row of it as the message of adjudication.
#pragma once
#include "catalogue.pb-c.h"
#include "common/base/arena.h"
#include "common/csv/csv.h"

void catalogue_file_table(csv_table_t *table);
// Everything is made in the arena. A cell that the reader of tables could not judge (a share, a list of diagnoses) is
// refused with its column as the field.
int catalogue_file_row(const csv_row_t *row, arena_t *arena, Tc__CatalogueItem **out, err_t *err) MUST_USE;
