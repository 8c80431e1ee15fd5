// A day's seal covers, in each partition, the rows behind the former seal's head up to the last one that was booked
// before the day ended. A row that a slow clock dates into a sealed day comes under the next seal.
#include "seals.h"
#include "common/base/crash.h"
#include <string.h>

static int no_memory(err_t *err) { return err_set(err, E_IO, "out of memory for a seal"); }

typedef struct sealer {
    store_t *store;
    chain_t *chain;
    const seal_key_t *key;
    int64_t now_ms;
    arena_t *arena;
    seal_t last; // the newest, number 0 when there is none
    uint8_t digest[CHAIN_BYTES];
} sealer_t;

static int read_last(sealer_t *s, err_t *err) {
    rows_t rows;
    size_t bytes;
    int rc = store_query(s->store, "SELECT number, day, heads, digest FROM seal ORDER BY number DESC LIMIT 1", NULL, 0,
                         s->arena, &rows, err);
    s->last = (seal_t){.day = ""};
    memset(s->digest, 0, sizeof s->digest);
    if (rc || !rows.count) return rc;
    s->last.number = row_i64(&rows, 0, 0);
    s->last.day = row_text(&rows, 0, 1);
    const void *heads = row_blob(&rows, 0, 2, &bytes);
    if (seal_heads_unpack(&s->last, heads, bytes))
        return err_set(err, E_STORE, "the heads of seal %lld cannot be read", (long long)s->last.number);
    const void *digest = row_blob(&rows, 0, 3, &bytes);
    if (bytes != CHAIN_BYTES)
        return err_set(err, E_STORE, "the digest of seal %lld cannot be read", (long long)s->last.number);
    memcpy(s->digest, digest, CHAIN_BYTES);
    return E_OK;
}

// One key a partition: its number and the former seal's head.
static int partition_keys(const sealer_t *s, int64_t third, rows_t *keys, err_t *err) {
    rows_init(keys, s->arena, 3);
    for (int64_t p = 0; p < PARTITIONS; p++) {
        cell_t *key = rows_add(keys);
        if (!key) return no_memory(err);
        key[0] = cell_i64(p), key[1] = cell_i64(s->last.heads[p].number), key[2] = cell_i64(third);
    }
    return E_OK;
}

// The first booking day that has rows behind the last seal; DATE_NONE when there are none.
static int next_day(const sealer_t *s, date_t *out, err_t *err) {
    rows_t keys, rows;
    *out = DATE_NONE;
    int rc = partition_keys(s, 1, &keys, err);
    if (!rc)
        rc = store_each_query(s->store,
                              "SELECT at_ms FROM journal WHERE partition = $1 AND number > $2 ORDER BY number LIMIT $3",
                              &keys, s->arena, &rows, err);
    for (size_t i = 0; !rc && i < rows.count; i++) {
        const date_t day = date_of_ms(row_i64(&rows, i, 1));
        if (*out == DATE_NONE || day < *out) *out = day;
    }
    date_t sealed;
    if (!rc && *out != DATE_NONE && date_parse(s->last.day, &sealed) == E_OK && *out <= sealed) *out = sealed + 1;
    return rc;
}

static int find_heads(const sealer_t *s, int64_t before_ms, seal_t *seal, err_t *err) {
    rows_t keys, rows;
    int rc = partition_keys(s, before_ms, &keys, err);
    if (!rc)
        rc = store_each_query(s->store,
                              "SELECT number, chain FROM journal WHERE partition = $1 AND number > $2 AND at_ms < $3"
                              " ORDER BY number DESC LIMIT 1",
                              &keys, s->arena, &rows, err);
    for (size_t i = 0; !rc && i < rows.count; i++) {
        size_t bytes;
        chain_head_t *head = &seal->heads[row_i64(&rows, i, 0)];
        const void *chain = row_blob(&rows, i, 2, &bytes);
        if (bytes != CHAIN_BYTES) return err_set(err, E_STORE, "a row of the journal has no chain");
        seal->entries += row_i64(&rows, i, 1) - head->number;
        head->number = row_i64(&rows, i, 1);
        memcpy(head->chain, chain, CHAIN_BYTES);
    }
    return rc;
}

static int sum_debits(const sealer_t *s, seal_t *seal, err_t *err) {
    rows_t keys, rows;
    rows_init(&keys, s->arena, 3);
    for (int64_t p = 0; p < PARTITIONS; p++) {
        if (seal->heads[p].number == s->last.heads[p].number) continue;
        cell_t *key = rows_add(&keys);
        if (!key) return no_memory(err);
        key[0] = cell_i64(p), key[1] = cell_i64(s->last.heads[p].number), key[2] = cell_i64(seal->heads[p].number);
    }
    int rc = store_each_query(s->store,
                              "SELECT CAST(COALESCE(SUM(amount_fen), 0) AS BIGINT) FROM posting WHERE partition = $1"
                              " AND number > $2 AND number <= $3 AND amount_fen > 0",
                              &keys, s->arena, &rows, err);
    for (size_t i = 0; !rc && i < rows.count; i++)
        if (fen_add(seal->debit, row_i64(&rows, i, 1), &seal->debit))
            rc = err_set(err, E_OUT_OF_RANGE, "the debits of a day overflow");
    return rc;
}

static int write_seal(sealer_t *s, const seal_t *seal, err_t *err) {
    uint8_t heads[PARTITIONS * SEAL_HEAD_BYTES], digest[CHAIN_BYTES], signature[SEAL_SIGNATURE_MAX];
    size_t signature_bytes = 0;
    int rc = seal_digest(s->chain, s->digest, seal, digest, err);
    if (!rc) rc = seal_sign(s->key, digest, signature, &signature_bytes, err);
    if (rc) return rc;
    seal_heads_pack(seal, heads);
    const cell_t params[] = {cell_i64(seal->number),
                             cell_text(seal->day),
                             cell_i64(seal->entries),
                             cell_i64(seal->debit),
                             cell_blob(heads, sizeof heads),
                             cell_blob(digest, sizeof digest),
                             cell_blob(signature, signature_bytes),
                             cell_i64(s->now_ms)};
    return store_exec(s->store,
                      "INSERT INTO seal (number, day, entries, debit_fen, heads, digest, signature, at_ms)"
                      " VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
                      params, COUNT_OF(params), err);
}

// One day in one transaction. `*made` false: no day before `today` is left.
static int seal_next(sealer_t *s, date_t today, bool *made, err_t *err) {
    char text[DATE_TEXT_MAX];
    date_t day;
    *made = false;
    int rc = read_last(s, err);
    if (!rc) rc = next_day(s, &day, err);
    if (rc || day == DATE_NONE || day >= today) return rc;
    seal_t seal = s->last;
    seal.number++, seal.entries = 0, seal.debit = 0;
    seal.day = date_format(day, text);
    rc = find_heads(s, date_end_ms(day), &seal, err);
    if (!rc) rc = sum_debits(s, &seal, err);
    if (!rc) rc = write_seal(s, &seal, err);
    *made = !rc;
    return rc;
}

int seals_make(store_t *store, chain_t *chain, const seal_key_t *key, date_t today, int64_t now_ms, arena_t *arena,
               int *made, err_t *err) {
    sealer_t s = {.store = store, .chain = chain, .key = key, .now_ms = now_ms, .arena = arena};
    bool more = true;
    int rc = E_OK;
    *made = 0;
    while (more && !rc) {
        arena_reset(arena);
        rc = store_begin(store, err);
        if (rc) return rc;
        rc = seal_next(&s, today, &more, err);
        if (more) CRASH_POINT("seal_before_commit");
        if (rc || !more)
            store_rollback(store);
        else
            rc = store_commit(store, err);
        if (more) CRASH_POINT("seal_after_commit");
        *made += !rc && more;
    }
    return rc;
}

// ---- reading

static int seal_of(const rows_t *rows, size_t i, arena_t *arena, Tc__Seal **out, err_t *err) {
    seal_t heads = {0};
    size_t bytes;
    Tc__Seal *seal = *out = arena_alloc(arena, sizeof *seal);
    if (!seal) return no_memory(err);
    tc__seal__init(seal);
    seal->number = row_i64(rows, i, 0);
    seal->day = (char *)(uintptr_t)row_text(rows, i, 1);
    seal->entries = row_i64(rows, i, 2);
    seal->debit_fen = row_i64(rows, i, 3);
    const void *packed = row_blob(rows, i, 4, &bytes);
    if (seal_heads_unpack(&heads, packed, bytes)) return err_set(err, E_STORE, "the heads of a seal cannot be read");
    seal->digest.data = (uint8_t *)(uintptr_t)row_blob(rows, i, 5, &seal->digest.len);
    seal->signature.data = (uint8_t *)(uintptr_t)row_blob(rows, i, 6, &seal->signature.len);
    seal->at_ms = row_i64(rows, i, 7);
    seal->heads = arena_alloc(arena, PARTITIONS * sizeof *seal->heads);
    for (size_t p = 0; seal->heads && p < PARTITIONS; p++) {
        Tc__Seal__Head *head = seal->heads[p] = arena_alloc(arena, sizeof *head);
        if (!head) return no_memory(err);
        tc__seal__head__init(head);
        head->number = heads.heads[p].number;
        head->chain.len = CHAIN_BYTES;
        head->chain.data = arena_copy(arena, heads.heads[p].chain, CHAIN_BYTES);
        if (!head->chain.data) return no_memory(err);
        seal->n_heads++;
    }
    return seal->heads ? E_OK : no_memory(err);
}

int seals_read(store_t *store, const char *from, const char *to, arena_t *arena, Tc__Seals **out, err_t *err) {
    enum { SEALS_MAX = 400 };
    const cell_t params[] = {cell_text(from), cell_text(*to ? to : "9999"), cell_i64(SEALS_MAX)};
    rows_t rows;
    int rc = store_query(store,
                         "SELECT number, day, entries, debit_fen, heads, digest, signature, at_ms FROM seal"
                         " WHERE day >= $1 AND day <= $2 ORDER BY number LIMIT $3",
                         params, COUNT_OF(params), arena, &rows, err);
    Tc__Seals *seals = rc ? NULL : arena_alloc(arena, sizeof *seals);
    if (rc) return rc;
    if (!seals) return no_memory(err);
    tc__seals__init(seals);
    seals->seals = arena_alloc(arena, (rows.count + 1) * sizeof(Tc__Seal *));
    if (!seals->seals) return no_memory(err);
    for (size_t i = 0; i < rows.count && !rc; i++) rc = seal_of(&rows, i, arena, &seals->seals[seals->n_seals++], err);
    *out = seals;
    return rc;
}
