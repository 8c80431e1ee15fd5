// Reconciliation of two sets of rows with one planted difference, after both are loaded: by digests over packed
// messages as between two services, beside a plain sort and merge of the same rows, which needs all of them in one
// place.
//
//   reconcile_bench [rows, 1000000]
#include "common/base/hash.h"
#include "common/reconcile/digest_wire.h"
#include "common/wire/message.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FACILITIES = 300, DAYS = 365, ROUNDS = 5, ROWS_MIN = 1000, ROWS_MAX = 16000000 };

static arena_t *rows_arena, *work;
static const bucket_t year = {.from = 18262, .to = 18262 + DAYS - 1}; // 2020
static digest_key_t key;

// ---- two sides

static uint64_t drawn;
static uint64_t draw(uint64_t below) { return hash64(&drawn, sizeof drawn, drawn++) % below; }

static void load(int count, row_list_t *here, row_list_t *there) {
    static const char *const kinds[] = {"tier1", "tier2", "catastrophic", "account"};
    static char facilities[FACILITIES][16];
    err_t err;
    for (int i = 0; i < FACILITIES; i++) snprintf(facilities[i], sizeof facilities[i], "H440703%05d", i);
    for (int i = 0; i < count; i++) {
        const digest_row_t row = {facilities[draw(FACILITIES)], kinds[draw(COUNT_OF(kinds))],
                                  arena_text(rows_arena, "D%09d", i), year.from + (date_t)draw(DAYS),
                                  1 + (fen_t)draw(5000000)};
        CHECK(row.reference && row_list_add(here, &row, &err) == E_OK && row_list_add(there, &row, &err) == E_OK);
    }
    for (size_t i = there->count; i-- > 1;) { // another order
        const size_t j = draw(i + 1);
        const digest_row_t other = there->rows[i];
        there->rows[i] = there->rows[j];
        there->rows[j] = other;
    }
    for (size_t i = 0; i < there->count; i++) // each side has read its own texts, in its own order
        CHECK((there->rows[i].reference = arena_text(rows_arena, "%s", there->rows[i].reference)));
}

// A service in its plainest form: the question is unpacked, answered from the rows, and the answer packed.
static int answer(void *self, const char *method, const Tc__GetDigests *request, const ProtobufCMessageDescriptor *type,
                  ProtobufCMessage **reply, err_t *err) {
    row_set_t set = {self, NULL};
    digest_key_t asked;
    bucket_t of;
    bucket_by_t by;
    size_t bytes;
    ProtobufCMessage *got, *made;
    void *body = message_pack(&request->base, work, &bytes);
    CHECK(body && message_unpack(&got, &tc__get_digests__descriptor, body, bytes, work, err) == E_OK);
    CHECK(bucket_read((Tc__GetDigests *)got, &asked, &of, err) == E_OK);
    set.key = &asked;
    if (strcmp(method, "get_digests") == 0) {
        buckets_t buckets;
        CHECK(bucket_by_read(((Tc__GetDigests *)got)->by, &by, err) == E_OK);
        buckets_init(&buckets, work, &asked, &of, by);
        CHECK(row_set_children(&set, &buckets, err) == E_OK);
        CHECK(children_write(&buckets, work, (Tc__Digests **)&made, err) == E_OK);
    } else {
        row_list_t list = {.arena = work};
        Tc__DigestRows *rows = arena_alloc(work, sizeof *rows);
        CHECK(rows && row_set_rows(&set, &of, &list, err) == E_OK);
        tc__digest_rows__init(rows);
        rows->rows = arena_alloc(work, (list.count + 1) * sizeof *rows->rows);
        CHECK(rows->rows);
        for (; rows->n_rows < list.count; rows->n_rows++)
            CHECK(row_write(&list.rows[rows->n_rows], work, &rows->rows[rows->n_rows], err) == E_OK);
        made = &rows->base;
    }
    body = message_pack(made, work, &bytes);
    CHECK(body != NULL);
    return message_unpack(reply, type, body, bytes, work, err);
}

typedef struct measured {
    int64_t us, bytes, messages, rows;
} measured_t;

static measured_t by_digests(row_list_t *here, row_list_t *there, size_t planted) {
    const int64_t start_us = clock_mono_us();
    reconcile_result_t result;
    err_t err = {0};
    arena_reset(work);
    digest_key_draw(&key);
    row_set_t own = {here, &key};
    remote_side_t remote = {.ask = answer, .self = there, .book = "bills", .key = &key, .arena = work};
    const reconcile_side_t left = {&own, row_set_children, row_set_rows, NULL},
                           right = {&remote, remote_children, remote_rows, &remote.traffic};
    if (reconcile(&left, &right, &year, &key, &(reconcile_limits_t){0}, work, &result, &err))
        fprintf(stderr, "%s\n", err.text);
    CHECK(err.code == E_OK && result.count == (planted < here->count));
    if (result.count) CHECK(strcmp(result.differences[0].here.reference, here->rows[planted].reference) == 0);
    return (measured_t){clock_mono_us() - start_us, remote.traffic.bytes, remote.traffic.messages, remote.traffic.rows};
}

// ---- the plain way

static int order(const void *a, const void *b) {
    const digest_row_t *left = a, *right = b;
    int by = (left->day > right->day) - (left->day < right->day);
    if (!by) by = strcmp(left->party, right->party);
    if (!by) by = strcmp(left->kind, right->kind);
    return by ? by : strcmp(left->reference, right->reference);
}

static int64_t packed_bytes(const row_list_t *list) {
    int64_t bytes = 0;
    err_t err;
    for (size_t i = 0; i < list->count; i++) {
        const arena_mark_t mark = arena_mark(work);
        Tc__DigestRow *row;
        CHECK(row_write(&list->rows[i], work, &row, &err) == E_OK);
        bytes += (int64_t)protobuf_c_message_get_packed_size(&row->base) + 2;
        arena_back(work, &mark);
    }
    return bytes;
}

static digest_row_t *copy(const row_list_t *list) {
    digest_row_t *rows = malloc(list->count * sizeof *rows);
    CHECK(rows != NULL);
    memcpy(rows, list->rows, list->count * sizeof *rows);
    return rows;
}

static measured_t by_merge(const row_list_t *here, const row_list_t *there) {
    digest_row_t *left = copy(here), *right = copy(there);
    const int64_t start_us = clock_mono_us();
    size_t differences = 0;
    qsort(left, here->count, sizeof *left, order);
    qsort(right, there->count, sizeof *right, order);
    for (size_t i = 0; i < here->count; i++)
        differences += order(&left[i], &right[i]) != 0 || left[i].amount != right[i].amount;
    const int64_t us = clock_mono_us() - start_us;
    CHECK(differences == 1);
    free(left);
    free(right);
    return (measured_t){.us = us, .bytes = packed_bytes(there), .rows = (int64_t)there->count};
}

static int order_of_times(const void *a, const void *b) {
    const measured_t *left = a, *right = b;
    return (left->us > right->us) - (left->us < right->us);
}

static void print(const char *name, measured_t *runs) {
    qsort(runs, ROUNDS, sizeof *runs, order_of_times);
    const measured_t *median = &runs[ROUNDS / 2];
    printf("%-28s %8.1f ms %12lld bytes %10lld rows exchanged", name, (double)median->us / 1000,
           (long long)median->bytes, (long long)median->rows);
    printf(median->messages ? ", %lld messages\n" : "\n", (long long)median->messages);
}

int main(int argc, char **argv) {
    const int count = argc > 1 ? atoi(argv[1]) : 1000000;
    CHECK(count >= ROWS_MIN && count <= ROWS_MAX);
    rows_arena = arena_new(1 << 20, 0);
    work = arena_new(1 << 20, 0);
    CHECK(rows_arena && work);
    row_list_t here = {.arena = rows_arena}, there = {.arena = rows_arena};
    measured_t equal[ROUNDS], digests[ROUNDS], merge[ROUNDS];
    load(count, &here, &there);
    for (int i = 0; i < ROUNDS; i++) {
        const size_t planted = draw(here.count);
        equal[i] = by_digests(&here, &there, SIZE_MAX);
        here.rows[planted].amount++;
        digests[i] = by_digests(&here, &there, planted);
        merge[i] = by_merge(&here, &there);
        here.rows[planted].amount--;
    }
    printf("%d rows of %d facilities and %d days on each side; medians of %d\n", count, FACILITIES, DAYS, ROUNDS);
    print("digests, no difference", equal);
    print("digests, one difference", digests);
    print("sort and merge, one", merge);
    arena_destroy(&work);
    arena_destroy(&rows_arena);
    return 0;
}
