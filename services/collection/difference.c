#include "difference.h"
#include <string.h>

static int out_of_memory(err_t *err) { return err_set(err, E_IO, "out of memory"); }

static Tc__ContributionLine *line_of(const Tc__ContributionBill *bill, const Tc__ContributionLine *like) {
    for (size_t i = 0; i < bill->n_lines; i++)
        if (strcmp(bill->lines[i]->item, like->item) == 0 && strcmp(bill->lines[i]->payer, like->payer) == 0)
            return bill->lines[i];
    return NULL;
}

// A copy without its lines, with room for `lines` of them.
static int copy_head(const Tc__ContributionBill *bill, const char *division, size_t lines, arena_t *arena,
                     Tc__ContributionBill **out, err_t *err) {
    if (!(*out = arena_copy(arena, bill, sizeof *bill))) return out_of_memory(err);
    (*out)->division = (char *)division;
    (*out)->n_lines = 0;
    (*out)->total_fen = (*out)->own_fen = 0;
    return ((*out)->lines = arena_alloc(arena, (lines + 1) * sizeof *(*out)->lines)) ? 0 : out_of_memory(err);
}

static int add_amount(Tc__ContributionBill *bill, const Tc__ContributionLine *like, fen_t amount, arena_t *arena,
                      err_t *err) {
    Tc__ContributionLine *line = line_of(bill, like);
    if (!line) {
        if (!(line = arena_copy(arena, like, sizeof *like))) return out_of_memory(err);
        line->amount_fen = 0;
        bill->lines[bill->n_lines++] = line;
    }
    line->base_fen = like->base_fen; // of the last one: what all of them are made on together
    line->rate_ppm = like->rate_ppm;
    return fen_add(line->amount_fen, amount, &line->amount_fen) || fen_add(bill->total_fen, amount, &bill->total_fen)
               ? err_set(err, E_OUT_OF_RANGE, "the bills of a month add up to more than can be counted")
               : 0;
}

// A bill from before payers' shares were kept was paid whole, and stays so.
static fen_t own_like(const Tc__ContributionBill *bill, const Tc__ContributionBill *paid) {
    const bool whole = paid->own_fen == paid->total_fen && paid->own_fen != bill_own(paid);
    return whole ? bill->total_fen : bill_own(bill);
}

static int add_up(Tc__ContributionBill *const *paid, size_t count, const char *division, arena_t *arena,
                  Tc__ContributionBill **out, err_t *err) {
    size_t lines = 0;
    for (size_t i = 0; i < count; i++) lines += paid[i]->n_lines;
    int rc = copy_head(paid[0], division, lines, arena, out, err);
    for (size_t i = 0; rc == 0 && i < count; i++)
        for (size_t k = 0; rc == 0 && k < paid[i]->n_lines; k++)
            rc = add_amount(*out, paid[i]->lines[k], paid[i]->lines[k]->amount_fen, arena, err);
    if (rc == 0) (*out)->own_fen = own_like(*out, paid[0]);
    return rc;
}

static bool owes_less(const Tc__ContributionBill *sum, const Tc__ContributionBill *target) {
    for (size_t i = 0; i < sum->n_lines; i++) {
        const Tc__ContributionLine *line = line_of(target, sum->lines[i]);
        if (!line || line->amount_fen < sum->lines[i]->amount_fen) return true;
    }
    return false;
}

static int find_more(const Tc__ContributionBill *sum, const Tc__ContributionBill *target, const char *division,
                     arena_t *arena, Tc__ContributionBill **out, err_t *err) {
    int rc = copy_head(target, division, target->n_lines, arena, out, err);
    for (size_t i = 0; rc == 0 && i < target->n_lines; i++) {
        const Tc__ContributionLine *was = line_of(sum, target->lines[i]);
        const fen_t more = target->lines[i]->amount_fen - (was ? was->amount_fen : 0);
        if (more) rc = add_amount(*out, target->lines[i], more, arena, err);
    }
    if (rc == 0) (*out)->own_fen = bill_own(*out);
    if (rc == 0 && (*out)->n_lines == 0) *out = NULL;
    return rc;
}

// As much as was paid, or less: `target` alone.
static int take_less(const Tc__ContributionBill *sum, const Tc__ContributionBill *target, const char *division,
                     arena_t *arena, Tc__ContributionBill **out, err_t *err) {
    if (!(*out = arena_copy(arena, target, sizeof *target))) return out_of_memory(err);
    (*out)->division = (char *)division;
    (*out)->own_fen = own_like(*out, sum);
    return (*out)->own_fen <= sum->own_fen
               ? 0
               : err_set(err, E_UNSUPPORTED, "the month owes more of one line and less of another, and more in all");
}

int difference_find(Tc__ContributionBill *const *paid, size_t count, const Tc__ContributionBill *target,
                    const char *division, arena_t *arena, difference_t *out, err_t *err) {
    Tc__ContributionBill *sum = NULL;
    bool elsewhere = false;
    *out = (difference_t){0};
    for (size_t i = 0; i < count; i++) elsewhere |= strcmp(paid[i]->division, division) != 0;
    int rc = add_up(paid, count, division, arena, &sum, err);
    if (rc) return rc;
    if (target && owes_less(sum, target)) return take_less(sum, target, division, arena, &out->anew, err);
    if (elsewhere) out->anew = sum;
    return target ? find_more(sum, target, division, arena, &out->more, err) : 0;
}
