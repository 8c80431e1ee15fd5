// The tree is at most day, party, kind and eight times eight bits of the reference's hash deep, so the recursion is
// bounded by eleven.
#include "reconcile.h"
#include <stdlib.h>
#include <string.h>

enum { ROWS_AT_ONCE = 64, DIFFERENCES_MAX = 10000, QUESTIONS_MAX = 100000, ROWS_MAX = 1 << 24 };

const char *difference_name(difference_kind_t kind) {
#define X(code, name) [code] = name,
    static const char *const names[DIFFERENCE__COUNT] = {DIFFERENCE_TABLE(X)};
#undef X
    return names[kind];
}

static int no_memory(err_t *err) { return err_set(err, E_IO, "out of memory for a comparison"); }

int row_list_add(row_list_t *list, const digest_row_t *row, err_t *err) {
    if (list->count == list->room) {
        const size_t room = list->room ? 2 * list->room : 64;
        digest_row_t *rows = room <= ROWS_MAX ? arena_alloc(list->arena, room * sizeof *rows) : NULL;
        if (!rows) return no_memory(err);
        if (list->count) memcpy(rows, list->rows, list->count * sizeof *rows);
        list->rows = rows;
        list->room = room;
    }
    list->rows[list->count++] = *row;
    return E_OK;
}

typedef struct run {
    const reconcile_side_t *here, *there;
    const digest_key_t *key;
    reconcile_limits_t limits;
    arena_t *arena;
    reconcile_result_t *result;
    size_t room;
} run_t;

// ---- naming

static int note(run_t *run, difference_kind_t kind, const digest_row_t *here, const digest_row_t *there, err_t *err) {
    reconcile_result_t *result = run->result;
    if (result->count == run->limits.differences) {
        result->more = true;
        return E_OK;
    }
    if (result->count == run->room) {
        const size_t room = run->room ? 2 * run->room : 64;
        difference_t *grown = arena_alloc(run->arena, room * sizeof *grown);
        if (!grown) return no_memory(err);
        if (result->count) memcpy(grown, result->differences, result->count * sizeof *grown);
        result->differences = grown;
        run->room = room;
    }
    difference_t *made = &result->differences[result->count++];
    *made = (difference_t){.kind = kind, .has_here = here, .has_there = there};
    if (here) made->here = *here;
    if (there) made->there = *there;
    return E_OK;
}

static int key_order(const digest_row_t *a, const digest_row_t *b) {
    if (a->day != b->day) return a->day < b->day ? -1 : 1;
    int order = strcmp(a->party, b->party);
    if (!order) order = strcmp(a->kind, b->kind);
    return order ? order : strcmp(a->reference, b->reference);
}

static int row_order(const void *a, const void *b) {
    const digest_row_t *left = a, *right = b;
    int order = key_order(left, right);
    return order ? order : (left->amount > right->amount) - (left->amount < right->amount);
}

// How many rows from `first` on have its key.
static size_t same_keys(const row_list_t *list, size_t first) {
    size_t end = first;
    while (end < list->count && key_order(&list->rows[first], &list->rows[end]) == 0) end++;
    return end - first;
}

static digest_row_t *rows_from(const row_list_t *list, size_t first) {
    return first < list->count ? list->rows + first : NULL;
}

// Rows that stand on both sides with the same amount go; what is left keeps its order. Returns how many are left.
static void drop_common(digest_row_t *here, size_t *here_count, digest_row_t *there, size_t *there_count) {
    size_t h = 0, t = 0, here_left = 0, there_left = 0;
    while (h < *here_count || t < *there_count) {
        if (h < *here_count && t < *there_count && here[h].amount == there[t].amount)
            h++, t++;
        else if (t == *there_count || (h < *here_count && here[h].amount < there[t].amount))
            here[here_left++] = here[h++];
        else
            there[there_left++] = there[t++];
    }
    *here_count = here_left;
    *there_count = there_left;
}

// All rows of one key.
static int compare_key(run_t *run, digest_row_t *here, size_t here_count, digest_row_t *there, size_t there_count,
                       err_t *err) {
    const bool known_here = here_count > 0, known_there = there_count > 0;
    size_t i = 0;
    int rc = E_OK;
    drop_common(here, &here_count, there, &there_count);
    for (; !rc && i < here_count && i < there_count; i++) rc = note(run, OTHER_AMOUNT, &here[i], &there[i], err);
    for (size_t h = i; !rc && h < here_count; h++)
        rc = note(run, known_there ? TWICE_HERE : MISSING_THERE, &here[h], NULL, err);
    for (size_t t = i; !rc && t < there_count; t++)
        rc = note(run, known_here ? TWICE_THERE : MISSING_HERE, NULL, &there[t], err);
    return rc;
}

static int compare_rows(run_t *run, row_list_t *here, row_list_t *there, err_t *err) {
    size_t h = 0, t = 0;
    int rc = E_OK;
    if (here->count) qsort(here->rows, here->count, sizeof *here->rows, row_order);
    if (there->count) qsort(there->rows, there->count, sizeof *there->rows, row_order);
    while (!rc && (h < here->count || t < there->count)) {
        int order = 0;
        if (h == here->count)
            order = 1;
        else if (t == there->count)
            order = -1;
        else
            order = key_order(&here->rows[h], &there->rows[t]);
        const size_t hs = order <= 0 ? same_keys(here, h) : 0;
        const size_t ts = order >= 0 ? same_keys(there, t) : 0;
        rc = compare_key(run, rows_from(here, h), hs, rows_from(there, t), ts, err);
        h += hs;
        t += ts;
    }
    return rc;
}

// ---- descending

static int count_question(run_t *run, err_t *err) {
    if (run->result->questions++ < run->limits.questions) return E_OK;
    return err_set(err, E_TOO_LARGE, "the two sides differ so much that %lld questions are not enough",
                   (long long)run->limits.questions);
}

static int ask_rows(run_t *run, const reconcile_side_t *side, const bucket_t *of, const set_digest_t *told,
                    row_list_t *list, err_t *err) {
    set_digest_t got = {0};
    *list = (row_list_t){.arena = run->arena};
    if (!told->count) return E_OK;
    int rc = count_question(run, err);
    if (!rc) rc = side->rows(side->self, of, list, err);
    for (size_t i = 0; !rc && i < list->count; i++) set_digest_add(&got, run->key, &list->rows[i]);
    if (rc) return rc;
    run->result->rows_told += list->count;
    run->result->moved |= !set_digest_same(&got, told);
    return E_OK;
}

static int ask_children(run_t *run, const reconcile_side_t *side, const bucket_t *of, const set_digest_t *told,
                        buckets_t *out, err_t *err) {
    set_digest_t got = {0};
    buckets_init(out, run->arena, run->key, of, bucket_next(of));
    if (told && !told->count) return E_OK;
    int rc = count_question(run, err);
    if (!rc) rc = side->children(side->self, out, err);
    if (rc) return rc;
    buckets_sort(out);
    for (size_t i = 0; i < out->count; i++) set_digest_join(&got, &out->children[i].digest);
    run->result->moved |= told && !set_digest_same(&got, told);
    return E_OK;
}

static int look_into(run_t *run, const bucket_t *of, const set_digest_t *here, const set_digest_t *there, err_t *err);

static int look_into_children(run_t *run, const buckets_t *here, const buckets_t *there, err_t *err) {
    static const set_digest_t nothing = {0};
    size_t h = 0, t = 0;
    int rc = E_OK;
    while (!rc && (h < here->count || t < there->count)) {
        const child_t *left = h < here->count ? &here->children[h] : NULL;
        const child_t *right = t < there->count ? &there->children[t] : NULL;
        int order = 0;
        if (!left || !right)
            order = left ? -1 : 1;
        else
            order = bucket_name_order(here->by, &left->name, &right->name);
        const bucket_t within = bucket_within(&here->of, here->by, order <= 0 ? &left->name : &right->name);
        rc =
            look_into(run, &within, order <= 0 ? &left->digest : &nothing, order >= 0 ? &right->digest : &nothing, err);
        h += order <= 0;
        t += order >= 0;
    }
    return rc;
}

static bool told_as_rows(const run_t *run, const bucket_t *of, const set_digest_t *here, const set_digest_t *there) {
    const int64_t at_once = (int64_t)run->limits.rows_at_once;
    return bucket_next(of) == BY__COUNT || (here->count <= at_once && there->count <= at_once);
}

static int look_into(run_t *run, const bucket_t *of, const set_digest_t *here, const set_digest_t *there, err_t *err) {
    if (set_digest_same(here, there)) return E_OK;
    if (run->result->count == run->limits.differences) {
        run->result->more = true;
        return E_OK;
    }
    if (told_as_rows(run, of, here, there)) {
        row_list_t rows_here, rows_there;
        int rc = ask_rows(run, run->here, of, here, &rows_here, err);
        if (!rc) rc = ask_rows(run, run->there, of, there, &rows_there, err);
        return rc ? rc : compare_rows(run, &rows_here, &rows_there, err);
    }
    buckets_t left, right;
    int rc = ask_children(run, run->here, of, here, &left, err);
    if (!rc) rc = ask_children(run, run->there, of, there, &right, err);
    return rc ? rc : look_into_children(run, &left, &right, err);
}

// ---- the same row elsewhere

static const digest_row_t *row_of(const difference_t *difference) {
    return difference->has_here ? &difference->here : &difference->there;
}

static int subject_order(const difference_t *left, const difference_t *right) {
    int order = strcmp(row_of(left)->reference, row_of(right)->reference);
    return order ? order : strcmp(row_of(left)->kind, row_of(right)->kind);
}

static int difference_order(const void *a, const void *b) {
    const difference_t *left = a, *right = b;
    int order = subject_order(left, right);
    if (!order) order = (left->kind > right->kind) - (left->kind < right->kind);
    return order ? order : row_order(row_of(left), row_of(right));
}

// Of one reference and kind, what is missing here and what is missing there are the same rows, one by one.
static size_t pair_places(difference_t *found, size_t count, difference_t *out) {
    size_t missing[2] = {0}, kept = 0, first[2] = {0};
    for (size_t i = count; i-- > 0;)
        if (found[i].kind <= MISSING_THERE) missing[found[i].kind]++, first[found[i].kind] = i;
    const size_t pairs = missing[0] < missing[1] ? missing[0] : missing[1];
    for (size_t i = 0; i < count; i++) {
        const bool paired = found[i].kind <= MISSING_THERE && i - first[found[i].kind] < pairs;
        if (!paired)
            out[kept++] = found[i];
        else if (found[i].kind == MISSING_THERE)
            out[kept++] = (difference_t){.kind = OTHER_PLACE,
                                         .has_here = true,
                                         .has_there = true,
                                         .here = found[i].here,
                                         .there = found[first[MISSING_HERE] + i - first[MISSING_THERE]].there};
    }
    return kept;
}

static int name_places(run_t *run, err_t *err) {
    reconcile_result_t *result = run->result;
    size_t kept = 0;
    if (!result->count) return E_OK;
    difference_t *named = arena_alloc(run->arena, result->count * sizeof *named);
    if (!named) return no_memory(err);
    qsort(result->differences, result->count, sizeof *result->differences, difference_order);
    for (size_t i = 0, end; i < result->count; i = end) {
        for (end = i + 1; end < result->count; end++)
            if (subject_order(&result->differences[i], &result->differences[end]) != 0) break;
        kept += pair_places(result->differences + i, end - i, named + kept);
    }
    result->differences = named;
    result->count = kept;
    return E_OK;
}

int reconcile(const reconcile_side_t *here, const reconcile_side_t *there, const bucket_t *of, const digest_key_t *key,
              const reconcile_limits_t *limits, arena_t *arena, reconcile_result_t *result, err_t *err) {
    run_t run = {.here = here, .there = there, .key = key, .limits = *limits, .arena = arena, .result = result};
    buckets_t left, right;
    if (!run.limits.rows_at_once) run.limits.rows_at_once = ROWS_AT_ONCE;
    if (!run.limits.differences) run.limits.differences = DIFFERENCES_MAX;
    if (!run.limits.questions) run.limits.questions = QUESTIONS_MAX;
    *result = (reconcile_result_t){0};
    CHECK(bucket_next(of) < BY__COUNT);
    int rc = ask_children(&run, here, of, NULL, &left, err);
    if (!rc) rc = ask_children(&run, there, of, NULL, &right, err);
    for (size_t i = 0; !rc && i < left.count; i++) set_digest_join(&result->here, &left.children[i].digest);
    for (size_t i = 0; !rc && i < right.count; i++) set_digest_join(&result->there, &right.children[i].digest);
    if (!rc) rc = look_into_children(&run, &left, &right, err);
    return rc ? rc : name_places(&run, err);
}

// ---- a side in memory

int row_set_children(void *self, buckets_t *out, err_t *err) {
    const row_set_t *set = self;
    int rc = E_OK;
    for (size_t i = 0; !rc && i < set->list->count; i++) rc = buckets_add(out, &set->list->rows[i], err);
    return rc;
}

int row_set_rows(void *self, const bucket_t *of, row_list_t *out, err_t *err) {
    const row_set_t *set = self;
    int rc = E_OK;
    for (size_t i = 0; !rc && i < set->list->count; i++)
        if (bucket_has(of, set->key, &set->list->rows[i])) rc = row_list_add(out, &set->list->rows[i], err);
    return rc;
}
