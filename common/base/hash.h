// Hashes: SHA-256 where content is named (policy, request bodies), a fast 64-bit mix where load is spread. The
// partition of a key must never change between versions: it decides where rows and stream numbers live.
#pragma once
#include <stddef.h>
#include <stdint.h>

#define SHA256_BYTES 32
#define PARTITIONS 64 // fixed for the life of a deployment; see docs/architecture.md

void sha256(const void *data, size_t bytes, uint8_t out[static SHA256_BYTES]);
void hex_encode(const void *data, size_t bytes, char *text);    // writes 2 * bytes + 1
int hex_decode(const char *text, void *data, size_t bytes);     // 0, or -1 unless exactly 2 * bytes hex digits
uint64_t hash64(const void *data, size_t bytes, uint64_t seed); // SipHash-2-4 keyed with the seed
uint32_t partition_of(const char *key);                         // 0 … PARTITIONS − 1
void random_bytes(void *data, size_t bytes);
// A fresh request or event id: 26 characters, sortable by time, [0-9a-v].
#define UID_TEXT_MAX 32
const char *uid_new(char text[static UID_TEXT_MAX]);
