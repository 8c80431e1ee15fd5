// What the commands about statements, orders and clearing share.
#pragma once
#include "fund.h"
#include "fund_table.h"
#include "statement.pb-c.h"

char *fund_text(const char *text);                         // "" for NULL
const char *fund_yuan(arena_t *arena, int64_t amount_fen); // "1234.50"
const char *fund_share(arena_t *arena, int32_t ppm);
// An amount or a share as typed; prints a complaint and returns 1 when it is none.
int fund_read_yuan(const char *option, const char *text, bool json, int64_t *out);
int fund_read_share(const char *option, const char *text, bool json, int32_t *out);
// The frozen or open statement of a facility and month. Exit status.
int fund_read_statement(suite_t *suite, const common_options_t *options, const char *facility, const char *month,
                        const Tc__FacilityStatement **out);
void fund_print_statement(suite_t *suite, const Tc__FacilityStatement *said, bool csv);
