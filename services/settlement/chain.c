// SM3 (GB/T 32905) by OpenSSL, fetched once: looking it up for every row would cost as much as the hash.
#include "chain.h"
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

struct chain {
    EVP_MD *sm3;
    EVP_MD_CTX *context;
};

int chain_new(chain_t **out, err_t *err) {
    chain_t *chain = calloc(1, sizeof *chain);
    if (chain) chain->sm3 = EVP_MD_fetch(NULL, "SM3", NULL);
    if (chain) chain->context = EVP_MD_CTX_new();
    if (!chain || !chain->sm3 || !chain->context) {
        chain_destroy(&chain);
        return err_set(err, E_IO, "OpenSSL gives no SM3");
    }
    *out = chain;
    return E_OK;
}

void chain_destroy(chain_t **chain) {
    if (!*chain) return;
    EVP_MD_CTX_free((*chain)->context);
    EVP_MD_free((*chain)->sm3);
    free(*chain);
    *chain = NULL;
}

// ---- what goes in; the first failure is kept

typedef struct sink {
    chain_t *chain;
    bool failed;
    size_t used;
    uint8_t buffer[512]; // a row has a score of small parts, and each call of OpenSSL has its price
} sink_t;

static void hash(sink_t *sink, const void *data, size_t bytes) {
    sink->failed |= EVP_DigestUpdate(sink->chain->context, data, bytes) != 1;
}

static void flush(sink_t *sink) {
    if (sink->used) hash(sink, sink->buffer, sink->used);
    sink->used = 0;
}

static void put(sink_t *sink, const void *data, size_t bytes) {
    if (bytes > sizeof sink->buffer - sink->used) flush(sink);
    if (bytes > sizeof sink->buffer) {
        hash(sink, data, bytes);
        return;
    }
    memcpy(sink->buffer + sink->used, data, bytes);
    sink->used += bytes;
}

static void put_number(sink_t *sink, int64_t number) {
    uint8_t bytes[8];
    for (int i = 0; i < 8; i++) bytes[i] = (uint8_t)((uint64_t)number >> (56 - 8 * i));
    put(sink, bytes, sizeof bytes);
}

static void put_bytes(sink_t *sink, const void *data, size_t bytes) {
    uint8_t length[4];
    for (int i = 0; i < 4; i++) length[i] = (uint8_t)(bytes >> (24 - 8 * i));
    put(sink, length, sizeof length);
    put(sink, data, bytes);
}

static void put_text(sink_t *sink, const char *text) { put_bytes(sink, text, strlen(text)); }

static void begin(sink_t *sink, chain_t *chain, const uint8_t before[static CHAIN_BYTES]) {
    sink->chain = chain;
    sink->failed = EVP_DigestInit_ex2(chain->context, chain->sm3, NULL) != 1;
    sink->used = 0;
    put(sink, before, CHAIN_BYTES);
}

static int end(sink_t *sink, uint8_t out[static CHAIN_BYTES], err_t *err) {
    unsigned bytes = 0;
    flush(sink);
    sink->failed |= EVP_DigestFinal_ex(sink->chain->context, out, &bytes) != 1 || bytes != CHAIN_BYTES;
    return sink->failed ? err_set(err, E_IO, "OpenSSL failed to compute SM3") : E_OK;
}

int chain_row(chain_t *chain, const uint8_t before[static CHAIN_BYTES], const chain_row_t *row,
              uint8_t out[static CHAIN_BYTES], err_t *err) {
    sink_t sink;
    begin(&sink, chain, before);
    put_number(&sink, row->partition);
    put_number(&sink, row->number);
    put_text(&sink, row->reference);
    put_text(&sink, row->kind);
    put_text(&sink, row->source_service);
    put_number(&sink, row->source_partition);
    put_number(&sink, row->source_number);
    put_number(&sink, row->at_ms);
    put_text(&sink, row->value_date);
    put_bytes(&sink, row->body, row->body_bytes);
    return end(&sink, out, err);
}

// ---- seals

int seal_digest(chain_t *chain, const uint8_t before[static CHAIN_BYTES], const seal_t *seal,
                uint8_t out[static CHAIN_BYTES], err_t *err) {
    uint8_t heads[PARTITIONS * SEAL_HEAD_BYTES];
    sink_t sink;
    begin(&sink, chain, before);
    put_number(&sink, seal->number);
    put_text(&sink, seal->day);
    put_number(&sink, seal->entries);
    put_number(&sink, seal->debit);
    seal_heads_pack(seal, heads);
    put(&sink, heads, sizeof heads);
    return end(&sink, out, err);
}

void seal_heads_pack(const seal_t *seal, uint8_t out[static PARTITIONS * SEAL_HEAD_BYTES]) {
    for (size_t p = 0; p < PARTITIONS; p++) {
        uint8_t *at = out + p * SEAL_HEAD_BYTES;
        for (int i = 0; i < 8; i++) at[i] = (uint8_t)((uint64_t)seal->heads[p].number >> (56 - 8 * i));
        memcpy(at + 8, seal->heads[p].chain, CHAIN_BYTES);
    }
}

int seal_heads_unpack(seal_t *seal, const void *data, size_t bytes) {
    if (bytes != PARTITIONS * SEAL_HEAD_BYTES) return E_INVALID_FIELD;
    for (size_t p = 0; p < PARTITIONS; p++) {
        const uint8_t *at = (const uint8_t *)data + p * SEAL_HEAD_BYTES;
        uint64_t number = 0;
        for (int i = 0; i < 8; i++) number = number << 8 | at[i];
        seal->heads[p].number = (int64_t)number;
        memcpy(seal->heads[p].chain, at + 8, CHAIN_BYTES);
    }
    return E_OK;
}
