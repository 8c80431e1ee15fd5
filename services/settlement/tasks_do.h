// Inside do_task: one doing of a step, from what was asked to what is written.
#pragma once
#include "common/policy/tables.h"
#include "facts.h"
#include "money.h"
#include "tasks.h"

enum { DOING_LINES_MAX = 512, DOING_FIGURES_MAX = 1024, DOING_NOTES_MAX = 16 };

typedef struct doing {
    settlement_t *settlement;
    store_t *store;
    arena_t *arena;
    const fund_rules_t *rules;
    const Tc__DoTask *ask;
    const char *doer;
    const fund_flow_t *flow;
    uint32_t place;
    const fund_step_t *step;
    task_kind_t kind;
    task_period_t period;
    case_row_t opened; // of a case
    int year;          // of the budget
    date_t on;
    const char *day; // `on` as text
    task_row_t *rows;
    size_t row_count;
    task_row_t *own;
    const char *county; // of the task
    // what is found out
    task_lines_t lines; // what moves or is stated; room for DOING_LINES_MAX
    fen_t amount;
    bool holds;
    fact_owed_t *owed; // facilities that are paid directly
    size_t owed_count;
    const char *reference; // of the movement
    Tc__FundFigure **figures;
    size_t figure_count;
    char **notes;
    size_t note_count;
} doing_t;

// From the ask to `lines` and `amount`, by the guard; refused where it does not hold.
int doing_amounts(doing_t *doing, err_t *err) MUST_USE;
// The figures that a flow with `keeps` carries, checked by the guard.
int doing_figures(doing_t *doing, err_t *err) MUST_USE;
// After it is written: approved budgets, warnings, steps that are not needed.
int doing_follow(doing_t *doing, err_t *err) MUST_USE;

// Of the guard books_agree: Σ over what it compares, ours and theirs, which are the same. E_DENIED (field "step") where
// the days of the period were not compared, E_OUT_OF_RANGE (field "amount") where a difference is open.
int doing_books_agree(doing_t *doing, fen_t *ours, fen_t *theirs, err_t *err) MUST_USE;

int doing_line(doing_t *doing, const char *fund, const char *county, const char *line, fen_t amount,
               err_t *err) MUST_USE;                  // added to the one of the same key
int doing_given(doing_t *doing, err_t *err) MUST_USE; // the lines of the ask, checked
int doing_total(const task_lines_t *lines, const char *fund, const char *county, const char *line,
                fen_t *out) MUST_USE; // each NULL: of all
int doing_figure(doing_t *doing, const char *name, const char *fund, const char *county, fen_t amount,
                 err_t *err) MUST_USE;
int doing_note(doing_t *doing, const char *text, err_t *err) MUST_USE; // NULL: out of memory
bool doing_has_lines(const doing_t *doing);                            // the ask names amounts
const fen_t *doing_given_amount(const doing_t *doing);
int doing_no_memory(err_t *err);
// The funds that a step may move by the rule it names, as bits; 0: any.
uint32_t doing_funds(const doing_t *doing);
