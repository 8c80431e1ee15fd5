#include "scan.h"
#include "affected.h"
#include "recompute_queue.h"
#include "touched.h"
#include "touched_lines.h"

static int no_memory(err_t *err) { return err_set(err, E_IO, "out of memory"); }

static int move_on(store_t *store, const recompute_task_t *task, const Tc__Affected *page, int64_t now_ms,
                   arena_t *arena, err_t *err) {
    rows_t items;
    rows_init(&items, arena, 2);
    for (size_t i = 0; i < page->n_items; i++) {
        cell_t *item = rows_add(&items);
        if (!item) return no_memory(err);
        item[0] = cell_text(page->items[i]->person);
        item[1] = cell_i64(page->items[i]->year);
    }
    int rc = store_begin(store, err);
    if (rc) return rc;
    rc = recompute_enqueue(store, task->number, task->cause, &items, now_ms, now_ms, arena, err);
    if (!rc) rc = task_move(store, task, page, (int64_t)page->n_items, err);
    if (!rc) return store_commit(store, err);
    store_rollback(store);
    return rc;
}

int scan_step(store_t *store, arena_t *arena, int64_t now_ms, bool *moved, err_t *err) {
    recompute_task_t task;
    const touched_list_t *touched;
    const touched_lines_t *lines;
    Tc__Affected *page;
    int64_t made;
    arena_reset(arena);
    *moved = false;
    int rc = touched_make_task(store, arena, now_ms, &made, err);
    if (!rc) rc = touched_lines_make_task(store, arena, now_ms, &made, err);
    if (!rc) rc = touched_forget(store, err);
    if (!rc) rc = touched_lines_forget(store, err);
    if (!rc) rc = tasks_end(store, now_ms, err);
    if (!rc) rc = task_to_scan(store, now_ms, arena, &task, err);
    if (rc || !task.number) return rc;
    rc = touched_of_task(store, task.number, arena, &touched, err);
    if (!rc) rc = touched_lines_of_task(store, task.number, arena, &lines, err);
    if (!rc) rc = affected_page(store, task.selection, touched, lines, arena, &page, err);
    if (!rc) rc = move_on(store, &task, page, now_ms, arena, err);
    *moved = !rc;
    return rc;
}
