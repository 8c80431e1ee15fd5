// What the tools print alike.
#include "tools.h"
#include <stdio.h>
#include <string.h>

void print_cell(const char *text) {
    for (; *text; text++) {
        if (*text == '|') putchar('\\');
        putchar(*text);
    }
}

const char *section_core(const char *section) {
    static const struct {
        const char *section, *core;
    } cores[] = {
        {"benefit", "services/adjudication/benefit.c"},
        {"contribution", "services/collection/contribution.c"},
        {"coverage", "services/collection/coverage.c"},
        {"account", "services/collection/account.c"},
        {"retirement", "services/collection/retirement.c"},
        {"funding", "services/collection/funding.c"},
        {"district_fees", "services/collection/contribution.c"},
        {"fee_window", "common/policy/fee_window.c"},
        {"standards", "common/policy/standards.c"},
        {"cash_cycle", "services/settlement/cash_cycle.c"},
        {"deficit", "services/settlement/deficit.c"},
        {"interest", "services/settlement/interest.c"},
        {"surplus", "services/settlement/surplus.c"},
        {"gap", "services/settlement/gap.c"},
        {"fund", "services/settlement/fund_rules.c"},
        {"points", "services/settlement/points.c"},
        {"routing", "services/facility/routing.c"},
        {"enrollment", "services/enrollment/scope.c"},
        {"statements", "common/policy/statements.c"},
        {"layers", "services/adjudication/benefit.c"},
        {"totals", "services/adjudication/benefit.c"},
        {"parameters", "common/policy/policy.c"},
        {"options", "common/policy/values.c"},
    };
    for (size_t i = 0; i < COUNT_OF(cores); i++)
        if (strcmp(cores[i].section, section) == 0) return cores[i].core;
    return "";
}
