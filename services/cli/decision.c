// How a decision looks on a terminal.
#include "decision.h"
#include "common/base/money.h"
#include <stdio.h>
#include <string.h>

// "1,234,567.89", as a person reads money.
static const char *grouped(fen_t amount, char out[static 40]) {
    char plain[FEN_TEXT_MAX];
    fen_format(amount, plain);
    const char *digits = plain + (*plain == '-');
    size_t whole = strcspn(digits, "."), at = 0;
    if (*plain == '-') out[at++] = '-';
    for (size_t i = 0; i < whole; i++) {
        if (i && (whole - i) % 3 == 0) out[at++] = ',';
        out[at++] = digits[i];
    }
    snprintf(out + at, 40 - at, "%s", digits + whole);
    return out;
}

// How many columns of a terminal a text takes: Chinese characters and their punctuation take two.
static int columns(const char *text) {
    int count = 0;
    for (const unsigned char *at = (const unsigned char *)text; *at; at++)
        if ((*at & 0xC0) != 0x80) count += *at >= 0xE3 ? 2 : 1;
    return count;
}

static void line(const char *name, fen_t amount) {
    char text[40];
    printf("%s%*s %16s\n", name, columns(name) < 44 ? 44 - columns(name) : 0, "", grouped(amount, text));
}

// The next step of a part after `at`, or NULL.
static const Tc__Step *next_step(const Tc__Decision *decision, const char *part, size_t *at) {
    while (*at < decision->n_steps) {
        const Tc__Step *step = decision->steps[(*at)++];
        if (strcmp(step->part, part) == 0) return step;
    }
    return NULL;
}

// The steps of one part: what came about how, then the sentence and its place in the law, once for steps of one rule.
static void steps_of(const Tc__Decision *decision, const char *part) {
    size_t at = 0;
    const Tc__Step *step = next_step(decision, part, &at);
    while (step) {
        const Tc__Step *following = next_step(decision, part, &at);
        char amount[40], base[40], rate[FEN_TEXT_MAX];
        printf("    %-40s %16s", step->rule, grouped(step->amount_fen, amount));
        if (step->rate_ppm) printf("  = %s × %s", grouped(step->base_fen, base), rate_format(step->rate_ppm, rate));
        putchar('\n');
        if (!following || strcmp(following->rule, step->rule) != 0) {
            if (*step->text) printf("      %s  [%s]\n", step->text, step->source);
            if (*step->text_zh) printf("      %s\n", step->text_zh);
        }
        step = following;
    }
}

// What else would have come of the same bill.
static void advice_of(const Tc__Decision *decision) {
    for (size_t i = 0; i < decision->n_advice; i++) {
        const Tc__Advice *advice = decision->advice[i];
        char less[40], own[40];
        printf("%s  %s less to pay (%s): %s  [%s]\n", i ? "" : "\nAdvice (建议):\n", grouped(advice->less_fen, less),
               grouped(advice->own_fen, own), advice->text, advice->rule);
        printf("    可少付 %s 元（个人负担 %s 元）：%s\n", less, own, advice->text_zh);
    }
}

static const char *visit_point(const Tc__Bill *bill) {
    return *bill->point && strcmp(bill->point, "none") != 0 ? bill->point : "";
}

// What is outside the scope, when the bill tells it apart.
static void scope_of(const Tc__Bill *bill) {
    if (bill->full_own_fen) line("    outside the catalogues (全自费)", bill->full_own_fen);
    if (bill->over_limit_fen) line("    above a price limit (超限价)", bill->over_limit_fen);
    if (bill->first_pay_fen) line("    share paid first (先行自付)", bill->first_pay_fen);
}

// Lines of a visit stay with the visit (get_visit).
static void lines_of(const Tc__Bill *bill) {
    for (size_t i = 0; i < bill->n_lines; i++) {
        const Tc__FeeLine *fee = bill->lines[i];
        char amount[40], scope[40];
        printf("%s  %4d %-8s %-27s %s %14s, in scope %14s%s%s\n", i ? "" : "\nFee lines (费用明细):\n", fee->line,
               fee->kind, fee->code, *fee->class_ ? fee->class_ : "-", grouped(fee->amount_fen, amount),
               grouped(fee->in_scope_fen, scope), *fee->reason ? ": " : "", fee->reason);
    }
    if (bill->lines_registered) printf("\nFee lines: those registered with the visit (get_visit)\n");
}

// Which version it is, when it is not the first, and of a reversal why.
static void version_of(const Tc__Decision *d) {
    if (d->version > 1) printf("Version %d (%s): %s\n", d->version, d->kind, d->cause);
    for (size_t i = 0; i < d->n_changed; i++)
        printf("%s%s%s", i ? ", " : "Changed since the quote: ", d->changed[i], i + 1 < d->n_changed ? "" : "\n");
}

void decision_print(const Tc__Decision *d) {
    const Tc__Bill *b = d->input;
    if (!b) { // reversed before it came
        printf("Bill %s of person %s: %s: %s\n", d->bill, d->person, d->decision, d->cause);
        return;
    }
    const char *filing = strcmp(b->filing, "none") == 0 ? "" : b->filing, *point = visit_point(b);
    printf("Bill %s, %s %s to %s, facility %s (%s%s%s%s%s%s%s)\n", d->bill, b->type, b->from, b->to, d->facility,
           b->area, *filing ? ", " : "", filing, *point ? ", chosen point " : "", point,
           *b->referred_on ? ", referred on " : "", b->referred_on);
    printf("Person %s as %s of division %s; benefit year %d, ", d->person, d->identity, d->division, d->year);
    if (d->seq)
        printf("row %lld of the year\n", (long long)d->seq);
    else
        printf("a quote after row %lld of the year\n", (long long)d->based_on_seq);
    version_of(d);
    printf("Decision: %s%s%s\n\n", d->decision, *d->reason ? ": " : "", d->reason);
    line("Fee (总费用)", d->total_fen);
    line("  outside the policy scope (自费)", d->total_fen - d->in_scope_fen);
    scope_of(b);
    line("  inside the policy scope (政策范围内)", d->in_scope_fen);
    if (b->class_b_fen) line("    of it class B (乙类)", b->class_b_fen);
    line("Deductible (起付标准)", d->deductible_fen);
    steps_of(d, "deductible");
    for (size_t i = 0; i < d->n_paid; i++) {
        char name[96];
        snprintf(name, sizeof name, "Paid by %s", d->paid[i]->name);
        line(name, d->paid[i]->amount_fen);
        steps_of(d, d->paid[i]->name);
    }
    line("Paid by the funds (基金支付)", d->fund_fen);
    line("Paid by the person (个人负担)", d->own_fen);
    if (d->account_fen) line("  of it from personal accounts (个人账户)", d->account_fen);
    steps_of(d, "person");
    advice_of(d);
    lines_of(b);
    printf("\nRunning totals of %d after this bill:\n", d->year);
    for (size_t i = 0; i < d->n_used; i++) line(d->used[i]->name, d->used[i]->amount_fen);
    printf("\npolicy %.16s…, entitlement version %lld\n", d->policy, (long long)d->entitlement);
}
