// do_task: find the task, ask the core whether and how much, then move the money, keep the amounts, close the task.
#include "tasks_do.h"
#include "common/base/crash.h"
#include "counties.h"
#include "direct.h"
#include "ledger.h"
#include "money_post.h"
#include "tell.h"
#include <stdio.h>
#include <string.h>

enum { PAPER_MAX = 100, TEXT_MAX = 500 };

int doing_no_memory(err_t *err) { return err_set(err, E_IO, "out of memory for the task"); }

// ---- the journal

static int tell_lines(Tc__JournalEntry *entry, const task_row_t *row, const task_told_t *told, arena_t *arena,
                      err_t *err) {
    const size_t count = told->lines ? told->lines->count : 0;
    const char *word = arena_text(arena, "%s.%s", row->flow, row->step);
    int rc = word ? tell_room(entry, count ? count : 1, arena, err) : doing_no_memory(err);
    if (!rc && !count) {
        const money_posting_t line = {"task", word, "", row->county, "", 0, told->amount};
        rc = tell_line(entry, &line, arena, err);
    }
    for (size_t i = 0; !rc && i < count; i++) {
        const task_line_t *of = &told->lines->items[i];
        const money_posting_t line = {"task", word, of->fund, of->county, "", 0, of->amount};
        rc = tell_line(entry, &line, arena, err);
    }
    return rc;
}

int tasks_tell(settlement_t *settlement, const task_row_t *row, const task_told_t *told, arena_t *arena, err_t *err) {
    char day[DATE_TEXT_MAX];
    Tc__JournalEntry *entry = arena_alloc(arena, sizeof *entry);
    if (!entry) return doing_no_memory(err);
    tc__journal_entry__init(entry);
    entry->kind = (char *)told->kind;
    entry->reference = (char *)tasks_reference(row, row->turns, arena);
    entry->source_service = (char *)writer_own_service;
    entry->value_date = arena_text(arena, "%s", date_format(told->on, day));
    entry->posted_ms = clock_now_ms();
    entry->total_fen = told->amount;
    entry->text = arena_text(arena, "%s%s%s", row->paper, *row->paper && *told->text ? ": " : "", told->text);
    entry->form = LEDGER_FORM;
    if (!entry->reference || !entry->value_date || !entry->text) return doing_no_memory(err);
    const uint32_t partition = partition_of(entry->reference);
    int rc = tell_lines(entry, row, told, arena, err);
    if (!rc) rc = writer_ready(settlement->writer, err);
    return rc ? rc : writer_write(settlement->writer, &entry, &partition, 1, arena, err);
}

// ---- small things

int doing_note(doing_t *doing, const char *text, err_t *err) {
    if (!text) return doing_no_memory(err);
    if (doing->note_count < DOING_NOTES_MAX) doing->notes[doing->note_count++] = (char *)text;
    return E_OK;
}

int doing_figure(doing_t *doing, const char *name, const char *fund, const char *county, fen_t amount, err_t *err) {
    Tc__FundFigure *figure = arena_alloc(doing->arena, sizeof *figure);
    if (!figure) return doing_no_memory(err);
    tc__fund_figure__init(figure);
    figure->name = (char *)name, figure->fund = (char *)fund, figure->county = (char *)county;
    figure->amount_fen = amount;
    if (doing->figure_count < DOING_FIGURES_MAX) doing->figures[doing->figure_count++] = figure;
    return E_OK;
}

int doing_line(doing_t *doing, const char *fund, const char *county, const char *line, fen_t amount, err_t *err) {
    for (size_t i = 0; i < doing->lines.count; i++) {
        task_line_t *to = &doing->lines.items[i];
        if (strcmp(to->fund, fund) == 0 && strcmp(to->county, county) == 0 && strcmp(to->line, line) == 0)
            return fen_add(to->amount, amount, &to->amount)
                       ? err_field(err, E_OUT_OF_RANGE, "amount", "the amounts overflow")
                       : E_OK;
    }
    if (doing->lines.count == DOING_LINES_MAX)
        return err_set(err, E_TOO_LARGE, "more than %d amounts", DOING_LINES_MAX);
    doing->lines.items[doing->lines.count++] = (task_line_t){fund, county, line, amount};
    return E_OK;
}

static bool is_of(const char *wanted, const char *text) { return !wanted || strcmp(wanted, text) == 0; }

int doing_total(const task_lines_t *lines, const char *fund, const char *county, const char *line, fen_t *out) {
    fen_t sum = 0;
    for (size_t i = 0; i < lines->count; i++) {
        const task_line_t *l = &lines->items[i];
        if (is_of(fund, l->fund) && is_of(county, l->county) && is_of(line, l->line) && fen_add(sum, l->amount, &sum))
            return E_OUT_OF_RANGE;
    }
    *out = sum;
    return E_OK;
}

bool doing_has_lines(const doing_t *doing) {
    return doing->ask->n_lines || (doing_given_amount(doing) && *doing->ask->fund);
}

const fen_t *doing_given_amount(const doing_t *doing) {
    return doing->ask->amount_given_case == TC__DO_TASK__AMOUNT_GIVEN_AMOUNT_FEN ? &doing->ask->amount_fen : NULL;
}

static int add_given(doing_t *doing, const char *fund, const char *county, const char *line, fen_t amount, err_t *err) {
    const bool keeps = doing->flow->keeps != KEEPS_NOTHING;
    int rc = tasks_fund(doing->rules, fund, err);
    if (!rc) rc = tasks_county(doing->settlement, county, err);
    if (rc) return rc;
    if (amount < 0) return err_field(err, E_OUT_OF_RANGE, "amount", "an amount is not below 0");
    if (keeps ? strcmp(line, "revenue") != 0 && strcmp(line, "spending") != 0 : *line != 0)
        return err_field(err, E_INVALID_FIELD, "line",
                         keeps ? "a line of a budget is revenue or spending"
                               : "only budgets and final accounts have lines");
    if (*doing->county && *county && strcmp(county, doing->county) != 0)
        return err_field(err, E_INVALID_FIELD, "county", "the task is that of %s, the amount that of %s", doing->county,
                         county);
    return doing_line(doing, fund, *county ? county : doing->county, line, amount, err);
}

int doing_given(doing_t *doing, err_t *err) {
    const Tc__DoTask *ask = doing->ask;
    int rc = E_OK;
    if (ask->n_lines > DOING_LINES_MAX) return err_set(err, E_TOO_LARGE, "more than %d amounts", DOING_LINES_MAX);
    for (size_t i = 0; !rc && i < ask->n_lines; i++)
        rc = add_given(doing, ask->lines[i]->fund, ask->lines[i]->county, ask->lines[i]->line,
                       ask->lines[i]->amount_fen, err);
    if (!rc && !ask->n_lines && doing_given_amount(doing) && *ask->fund)
        rc = add_given(doing, ask->fund, "", "", ask->amount_fen, err);
    return rc;
}

uint32_t doing_funds(const doing_t *doing) {
    const fund_step_t *step = doing->step;
    for (uint32_t i = 0; step->from_account >= 0 && i < doing->rules->move_count; i++) {
        const fund_move_t *move = &doing->rules->moves[i];
        if (!move->refused && move->from_accounts >> step->from_account & 1 &&
            move->to_accounts >> step->to_account & 1 && strcmp(move->rule, step->rule) == 0)
            return move->funds;
    }
    return 0;
}

// ---- which task

static int only_period(doing_t *doing, const char **out, err_t *err) {
    const task_filter_t filter = {doing->flow->name, "", doing->step->name, doing->ask->county, "unsettled", "", 3};
    task_row_t *rows;
    size_t count;
    int rc = task_select(doing->store, &filter, doing->arena, &rows, &count, err);
    if (rc) return rc;
    if (!count) return err_field(err, E_NOT_FOUND, "period", "no %s is open; say the period", doing->step->name);
    if (count > 1)
        return err_field(err, E_MISSING_FIELD, "period", "%s is open for %s%s%s, %s%s%s …: say the period and county",
                         doing->step->name, rows[0].period, *rows[0].county ? " " : "", rows[0].county, rows[1].period,
                         *rows[1].county ? " " : "", rows[1].county);
    *out = rows[0].period;
    return E_OK;
}

static int find_county(doing_t *doing, err_t *err) {
    const bool is_case = doing->flow->every == EVERY_CASE;
    doing->county = is_case && !*doing->ask->county ? doing->opened.county : doing->ask->county;
    int rc = tasks_county(doing->settlement, doing->county, err);
    if (!rc) rc = counties_check(doing->settlement, doing->county, err);
    if (rc || is_case) return rc;
    const bool by_county = task_by_county(doing->rules, doing->step);
    if (by_county && !*doing->county)
        return err_field(err, E_MISSING_FIELD, "county", "%s is done county by county: say which", doing->step->name);
    if (!by_county && *doing->county)
        return err_field(err, E_INVALID_FIELD, "county", "%s is done for the city, not for a county",
                         doing->step->name);
    return E_OK;
}

static int find_own(doing_t *doing, err_t *err) {
    int rc = task_of_period(doing->store, doing->flow->name, doing->period.text, doing->arena, &doing->rows,
                            &doing->row_count, err);
    for (size_t i = 0; !rc && i < doing->row_count; i++)
        if (strcmp(doing->rows[i].step, doing->step->name) == 0 && strcmp(doing->rows[i].county, doing->county) == 0)
            doing->own = &doing->rows[i];
    if (rc || doing->own) return rc;
    return err_field(err, E_NOT_FOUND, "period", "there is no task %s.%s of %s %s; `tongchou fund plan` makes them",
                     doing->flow->name, doing->step->name, doing->period.text, doing->county);
}

static int find_task(doing_t *doing, err_t *err) {
    const char *period = doing->ask->period;
    int rc = tasks_step(doing->rules, doing->ask->flow, doing->ask->step, &doing->flow, &doing->place, err);
    if (rc) return rc;
    doing->step = &doing->flow->steps[doing->place];
    doing->kind = task_kind(doing->rules, doing->step);
    if (!*period) rc = only_period(doing, &period, err);
    if (!rc)
        rc = tasks_period(doing->settlement, doing->flow, period, doing->arena, &doing->period, &doing->opened, err);
    if (!rc) rc = find_county(doing, err);
    if (!rc) rc = find_own(doing, err);
    doing->year = task_budget_year(doing->flow, &doing->period);
    return rc;
}

// ---- may it be done

// A later step of the flow that has been done rests on this one.
static const task_row_t *rests_on(const doing_t *doing) {
    for (size_t i = 0; i < doing->row_count; i++) {
        const task_row_t *row = &doing->rows[i];
        const bool same = !*row->county || !*doing->county || strcmp(row->county, doing->county) == 0;
        if (tasks_step_place(doing->flow, row->step) > (int)doing->place && same &&
            strcmp(row->state, task_state_name(TASK_DONE)) == 0)
            return row;
    }
    return NULL;
}

static const char *lock_rule(const doing_t *doing) {
    for (uint32_t i = 0; i < doing->rules->flow_count; i++)
        if (doing->rules->flows[i].keeps == KEEPS_BUDGET_CHANGE) return doing->rules->flows[i].rule;
    return doing->flow->rule;
}

// Money goes again where more may go; a paper is stated anew as long as nothing rests on it.
static int check_again(const doing_t *doing, err_t *err) {
    const guard_t guard = doing->step->guard;
    if (strcmp(doing->own->state, task_state_name(TASK_DONE)) != 0) return E_OK;
    if (doing->kind == TASK_PAPER) {
        const task_row_t *later = rests_on(doing);
        if (doing->step->approves || (later && doing->flow->keeps == KEEPS_BUDGET))
            return err_field(err, E_EXISTS, "step", "the budget of %s is past this step and stays as it is (%s)",
                             doing->period.text, lock_rule(doing));
        if (!later) return E_OK;
        return err_field(err, E_EXISTS, "step", "%s was done on %s, and %s of %s rests on it", doing->step->name,
                         doing->own->done_on, later->step, later->done_on);
    }
    if (guard != GUARD_FULL_AMOUNT && guard != GUARD_SHARE) return E_OK;
    return err_field(err, E_EXISTS, "step", "%s of %s was done on %s", doing->step->name, doing->period.text,
                     doing->own->done_on);
}

static int check_may(doing_t *doing, err_t *err) {
    step_days_t days;
    task_view_t *views;
    char today[DATE_TEXT_MAX];
    if (doing->on > date_of_ms(clock_now_ms()))
        return err_field(err, E_OUT_OF_RANGE, "on", "%s is still to come", date_format(doing->on, today));
    if (strlen(doing->ask->paper) > PAPER_MAX || strlen(doing->ask->text) > TEXT_MAX)
        return err_field(err, E_TOO_LARGE, "text", "a paper of at most %d bytes and a text of at most %d", PAPER_MAX,
                         TEXT_MAX);
    tasks_days_parse(doing->own, &days);
    int rc = tasks_views(doing->flow, doing->rows, doing->row_count, doing->arena, &views, err);
    if (!rc)
        rc = task_may(doing->rules, doing->flow, doing->place, doing->county, &days, doing->on, views, doing->row_count,
                      err);
    return rc ? rc : check_again(doing, err);
}

// ---- writing

static int move(doing_t *doing, const char *reference, err_t *err) {
    money_line_t *lines = arena_alloc(doing->arena, (doing->lines.count + 1) * sizeof *lines);
    size_t count = 0;
    if (!lines) return doing_no_memory(err);
    for (size_t i = 0; i < doing->lines.count; i++)
        if (doing->lines.items[i].amount)
            lines[count++] =
                (money_line_t){doing->lines.items[i].fund, doing->lines.items[i].county, doing->lines.items[i].amount};
    if (!count) return E_OK; // nothing was there
    const money_move_t move = {.reference = reference,
                               .from = doing->rules->accounts[doing->step->from_account].name,
                               .to = doing->rules->accounts[doing->step->to_account].name,
                               .lines = lines,
                               .count = count,
                               .on = doing->on,
                               .text = doing->ask->text};
    Tc__JournalEntry *entry;
    doing->reference = reference;
    if (doing->ask->dry) return money_check(doing->settlement, &move, err);
    return money_move(doing->settlement, &move, doing->arena, &entry, err);
}

// Facility by facility, all that is owed in each layer.
static int pay_one(doing_t *doing, const char *reference, size_t first, size_t end, err_t *err) {
    payment_line_t *lines = arena_alloc(doing->arena, (end - first) * sizeof *lines);
    Tc__JournalEntry *entry;
    if (!lines) return doing_no_memory(err);
    for (size_t i = first; i < end; i++)
        lines[i - first] = (payment_line_t){doing->owed[i].layer, doing->owed[i].fund, doing->owed[i].county,
                                            doing->owed[i].year, doing->owed[i].amount};
    const payment_t payment = {.reference = arena_text(doing->arena, "%s.%s", reference, doing->owed[first].facility),
                               .facility = doing->owed[first].facility,
                               .from = doing->rules->accounts[doing->step->from_account].name,
                               .lines = lines,
                               .count = end - first,
                               .on = doing->on,
                               .text = doing->ask->text};
    if (!payment.reference) return doing_no_memory(err);
    int rc = direct_may_pay(doing->store, payment.facility, doing->arena, err);
    if (rc || doing->ask->dry) return rc;
    rc = money_pay(doing->settlement, &payment, doing->arena, &entry, err);
    return rc ? rc : direct_keep(doing->store, payment.reference, payment.facility, doing->day, doing->arena, err);
}

static int pay(doing_t *doing, const char *reference, err_t *err) {
    int rc = doing->owed_count ? money_begin(doing->settlement, doing->arena, err) : E_OK;
    for (size_t i = 0; !rc && i < doing->owed_count;) {
        size_t end = i + 1;
        while (end < doing->owed_count && strcmp(doing->owed[end].facility, doing->owed[i].facility) == 0) end++;
        rc = pay_one(doing, reference, i, end, err);
        i = end;
    }
    return rc;
}

static int close_task(doing_t *doing, err_t *err) {
    task_row_t *own = doing->own;
    const bool paper = doing->kind == TASK_PAPER;
    const line_key_t key = {own->flow, own->period, own->step, own->county, own->turns + 1, doing->year, doing->day};
    int rc = paper && own->turns ? lines_forget(doing->store, &key, err) : E_OK;
    if (!rc) rc = lines_insert(doing->store, &key, &doing->lines, doing->arena, err);
    if (rc) return rc;
    if (paper)
        own->amount = doing->amount;
    else if (fen_add(own->amount, doing->amount, &own->amount))
        return err_field(err, E_OUT_OF_RANGE, "amount", "the amounts overflow");
    own->turns++;
    own->state = task_state_name(TASK_DONE);
    if (!*own->done_on) own->done_on = doing->day;
    own->doer = doing->doer, own->paper = doing->ask->paper;
    if (*doing->ask->text) own->remark = doing->ask->text;
    rc = task_update(doing->store, own, err);
    if (rc || doing->kind == TASK_MOVE) return rc; // the movement tells of it
    const task_told_t told = {"task_done", doing->amount, &doing->lines, doing->on, doing->ask->text};
    return tasks_tell(doing->settlement, own, &told, doing->arena, err);
}

static int carry_out(doing_t *doing, err_t *err) {
    const char *reference = tasks_reference(doing->own, doing->own->turns + 1, doing->arena);
    if (!reference) return doing_no_memory(err);
    int rc = writer_ready(doing->settlement->writer, err);
    if (!rc && doing->kind == TASK_MOVE) rc = move(doing, reference, err);
    if (!rc && doing->kind == TASK_PAYS) rc = pay(doing, reference, err);
    if (rc || doing->ask->dry) return rc;
    CRASH_POINT("task_before_close");
    rc = close_task(doing, err);
    CRASH_POINT("task_before_follow");
    return rc ? rc : doing_follow(doing, err);
}

// ---- the method

static int answer(doing_t *doing, ProtobufCMessage **reply, err_t *err) {
    Tc__TaskDone *done = arena_alloc(doing->arena, sizeof *done);
    if (!done) return doing_no_memory(err);
    tc__task_done__init(done);
    done->task = tasks_message(doing->rules, doing->flow, doing->step, doing->own, doing->on, NULL, doing->arena);
    done->lines = arena_alloc(doing->arena, (doing->lines.count + 1) * sizeof *done->lines);
    if (!done->task || !done->lines) return doing_no_memory(err);
    for (size_t i = 0; i < doing->lines.count; i++) {
        Tc__FundLine *line = done->lines[i] = arena_alloc(doing->arena, sizeof *line);
        if (!line) return doing_no_memory(err);
        tc__fund_line__init(line);
        line->fund = (char *)doing->lines.items[i].fund, line->county = (char *)doing->lines.items[i].county;
        line->line = (char *)doing->lines.items[i].line, line->amount_fen = doing->lines.items[i].amount;
    }
    done->n_lines = doing->lines.count;
    done->figures = doing->figures, done->n_figures = doing->figure_count;
    done->notes = doing->notes, done->n_notes = doing->note_count;
    done->amount_fen = doing->amount, done->dry = doing->ask->dry;
    if (doing->reference) done->reference = (char *)doing->reference;
    *reply = &done->base;
    return E_OK;
}

static int prepare(doing_t *doing, err_t *err) {
    char day[DATE_TEXT_MAX];
    doing->lines.items = arena_alloc(doing->arena, DOING_LINES_MAX * sizeof *doing->lines.items);
    doing->figures = arena_alloc(doing->arena, DOING_FIGURES_MAX * sizeof *doing->figures);
    doing->notes = arena_alloc(doing->arena, DOING_NOTES_MAX * sizeof *doing->notes);
    int rc = tasks_rules(doing->settlement, &doing->rules, err);
    if (!rc) rc = tasks_day("on", doing->ask->on, &doing->on, err);
    doing->day = rc ? NULL : arena_text(doing->arena, "%s", date_format(doing->on, day));
    if (!rc && (!doing->lines.items || !doing->figures || !doing->notes || !doing->day)) rc = doing_no_memory(err);
    return rc;
}

int tasks_do(void *self, const request_t *request, const ProtobufCMessage *message, ProtobufCMessage **reply,
             err_t *err) {
    settlement_t *settlement = self;
    doing_t doing = {.settlement = settlement,
                     .store = settlement->ctx->store,
                     .arena = settlement->ctx->arena,
                     .ask = (const Tc__DoTask *)message,
                     .opened = {"", "", "", "", "", "", 0},
                     .doer = request && request->header.caller ? request->header.caller : ""};
    int rc = prepare(&doing, err);
    if (!rc) rc = find_task(&doing, err);
    if (!rc) rc = check_may(&doing, err);
    if (!rc) rc = doing.flow->keeps == KEEPS_NOTHING ? doing_amounts(&doing, err) : doing_figures(&doing, err);
    if (!rc) rc = carry_out(&doing, err);
    return rc ? rc : answer(&doing, reply, err);
}
