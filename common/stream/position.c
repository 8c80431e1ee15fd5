// SQL of the consumer's tables; who may move the cursor is decided by one row, see position.h.
#include "position.h"
#include "common/base/date.h"

int position_parked(position_t *position, parked_t *parked, err_t *err) {
    rows_t rows;
    cell_t params[] = {cell_text(position->consumer), cell_text(position->service)};
    arena_reset(position->arena);
    int code = store_query(
        position->store, "SELECT partition FROM stream_parked WHERE consumer = $1 AND service = $2 ORDER BY partition",
        params, COUNT_OF(params), position->arena, &rows, err);
    if (code != E_OK) return code;
    *parked = (parked_t){0};
    for (size_t i = 0; i < rows.count; i++) {
        int64_t partition = row_i64(&rows, i, 0);
        if (partition < 0 || partition >= PARTITIONS)
            return err_set(err, E_STORE, "stream_parked: partition %lld", (long long)partition);
        parked->held[partition] = true;
        parked->count++;
    }
    return E_OK;
}

static int load_moves(position_t *position, err_t *err) {
    rows_t rows;
    cell_t params[] = {cell_text(position->consumer), cell_text(position->service)};
    int code = store_exec(position->store,
                          "INSERT INTO stream_consumer (consumer, service, moves) VALUES ($1, $2, 0)"
                          " ON CONFLICT (consumer, service) DO NOTHING",
                          params, COUNT_OF(params), err);
    if (code != E_OK) return code;
    arena_reset(position->arena);
    code = store_query(position->store, "SELECT moves FROM stream_consumer WHERE consumer = $1 AND service = $2",
                       params, COUNT_OF(params), position->arena, &rows, err);
    if (code != E_OK) return code;
    if (rows.count != 1) return err_set(err, E_STORE, "stream_consumer: no row for %s", position->consumer);
    position->moves = row_i64(&rows, 0, 0);
    return E_OK;
}

static int load_numbers(position_t *position, int64_t numbers[static PARTITIONS], err_t *err) {
    rows_t rows;
    cell_t params[] = {cell_text(position->consumer), cell_text(position->service)};
    arena_reset(position->arena);
    int code =
        store_query(position->store, "SELECT partition, number FROM stream_cursor WHERE consumer = $1 AND service = $2",
                    params, COUNT_OF(params), position->arena, &rows, err);
    if (code != E_OK) return code;
    for (size_t i = 0; i < PARTITIONS; i++) numbers[i] = 0;
    for (size_t i = 0; i < rows.count; i++) {
        int64_t partition = row_i64(&rows, i, 0), number = row_i64(&rows, i, 1);
        if (partition < 0 || partition >= PARTITIONS || number < 0)
            return err_set(err, E_STORE, "stream_cursor: partition %lld at %lld", (long long)partition,
                           (long long)number);
        numbers[partition] = number;
    }
    return E_OK;
}

int position_load(position_t *position, int64_t numbers[static PARTITIONS], parked_t *parked, err_t *err) {
    // Moves first: if another process moves the cursor between the reads, our first claim fails and we read again.
    int code = load_moves(position, err);
    if (code == E_OK) code = load_numbers(position, numbers, err);
    if (code == E_OK) code = position_parked(position, parked, err);
    return code;
}

int position_begin(position_t *position, err_t *err) {
    if (!position->store) return E_OK;
    rows_t rows;
    cell_t params[] = {cell_text(position->consumer), cell_text(position->service), cell_i64(position->moves)};
    int code = store_begin(position->store, err);
    if (code != E_OK) return code;
    arena_reset(position->arena);
    code =
        store_query(position->store,
                    "UPDATE stream_consumer SET moves = moves + 1 WHERE consumer = $1 AND service = $2 AND moves = $3"
                    " RETURNING moves",
                    params, COUNT_OF(params), position->arena, &rows, err);
    if (code == E_OK && rows.count != 1)
        code = err_set(err, E_RACE, "consumer %s of %s: another process moved the cursor", position->consumer,
                       position->service);
    if (code != E_OK) store_rollback(position->store);
    return code;
}

int position_move(position_t *position, const event_t *events, size_t count, err_t *err) {
    if (!position->store) return E_OK;
    rows_t rows;
    arena_reset(position->arena);
    rows_init(&rows, position->arena, 4);
    for (size_t i = 0; i < count; i++) {
        if (i + 1 < count && events[i + 1].partition == events[i].partition) continue;
        cell_t *row = rows_add(&rows);
        if (!row) return err_set(err, E_IO, "consumer: out of memory");
        row[0] = cell_text(position->consumer);
        row[1] = cell_text(position->service);
        row[2] = cell_i64(events[i].partition);
        row[3] = cell_i64(events[i].number);
    }
    return store_put(position->store, "stream_cursor", "consumer, service, partition, number",
                     "consumer, service, partition", &rows, err);
}

int position_commit(position_t *position, err_t *err) {
    if (!position->store) return E_OK;
    int code = store_commit(position->store, err);
    if (code == E_OK) position->moves++;
    return code;
}

void position_rollback(position_t *position) {
    if (position->store) store_rollback(position->store);
}

int position_park(position_t *position, const event_t *event, int tries, const err_t *reason, err_t *err) {
    if (!position->store) return E_OK;
    char text[400];
    snprintf(text, sizeof text, "%s %s %s", err_name(reason->code), reason->field, reason->text);
    cell_t params[] = {cell_text(position->consumer),
                       cell_text(position->service),
                       cell_i64(event->partition),
                       cell_i64(event->number),
                       cell_text(event->topic),
                       cell_text(text),
                       cell_i64(tries),
                       cell_i64(clock_now_ms())};
    int code = position_begin(position, err);
    if (code != E_OK) return code;
    code = store_exec(position->store,
                      "INSERT INTO stream_parked (consumer, service, partition, number, topic, reason, tries, since_ms)"
                      " VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (consumer, service, partition) DO NOTHING",
                      params, COUNT_OF(params), err);
    if (code != E_OK) {
        store_rollback(position->store);
        return code;
    }
    return position_commit(position, err);
}

int consumer_unpark(store_t *store, const char *consumer, const char *service, uint32_t partition, err_t *err) {
    rows_t rows;
    arena_t *arena = arena_new(4096, 0);
    if (!arena) return err_set(err, E_IO, "unpark: out of memory");
    cell_t params[] = {cell_text(consumer), cell_text(service), cell_i64(partition)};
    int code = store_query(store,
                           "DELETE FROM stream_parked WHERE consumer = $1 AND service = $2 AND partition = $3"
                           " RETURNING number",
                           params, COUNT_OF(params), arena, &rows, err);
    if (code == E_OK && rows.count == 0)
        code = err_set(err, E_NOT_FOUND, "consumer %s of %s holds no event of partition %u", consumer, service,
                       (unsigned)partition);
    arena_destroy(&arena);
    return code;
}
