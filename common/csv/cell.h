// One cell: its text as the type of its column, or what that type expects.
#pragma once
#include "csv.h"

// Cut spaces off both ends (ASCII white space and the ideographic U+3000), in place; returns the new start.
char *cell_trim(char *text, size_t *bytes);
// Fill the value of `cell` from its text, which is not empty. false when that is no such value.
bool cell_parse(const csv_column_t *column, csv_cell_t *cell);
void cell_expected(const csv_column_t *column, char *text, size_t room);
// `text` made fit to be shown: cut, on one line, without long runs of digits, which might be somebody's number.
void cell_show(const char *text, char *out, size_t room);
