// SHA-256 by OpenSSL, which uses the processor's own instructions (libsodium's does not: every request is hashed); the
// rest from libsodium. hash64 and partition_of are frozen: the unit test pins their values.
#include "hash.h"
#include "check.h"
#include "date.h"
#include <openssl/evp.h>
#include <pthread.h>
#include <sodium.h>
#include <string.h>

_Static_assert(crypto_shorthash_BYTES == 8 && crypto_shorthash_KEYBYTES == 16, "SipHash-2-4");

// ---- SHA-256: the algorithm is looked up once, and each thread keeps a context, because both cost more than the hash

static EVP_MD *sha256_algorithm;
static pthread_key_t sha256_contexts; // frees a thread's when it ends
static _Thread_local EVP_MD_CTX *sha256_context;

static void free_context(void *context) { EVP_MD_CTX_free(context); }

static void start_sha256(void) {
    sha256_algorithm = EVP_MD_fetch(NULL, "SHA256", NULL);
    CHECK(sha256_algorithm && pthread_key_create(&sha256_contexts, free_context) == 0);
}

static EVP_MD_CTX *context_of_thread(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    if (sha256_context) return sha256_context;
    CHECK(pthread_once(&once, start_sha256) == 0);
    sha256_context = EVP_MD_CTX_new();
    CHECK(sha256_context && pthread_setspecific(sha256_contexts, sha256_context) == 0);
    return sha256_context;
}

void sha256(const void *data, size_t bytes, uint8_t out[static SHA256_BYTES]) {
    EVP_MD_CTX *context = context_of_thread();
    unsigned size = 0;
    CHECK(EVP_DigestInit_ex2(context, sha256_algorithm, NULL) == 1 && EVP_DigestUpdate(context, data, bytes) == 1 &&
          EVP_DigestFinal_ex(context, out, &size) == 1 && size == SHA256_BYTES);
}

void hex_encode(const void *data, size_t bytes, char *text) {
    static const char digits[] = "0123456789abcdef";
    const uint8_t *p = data;
    for (size_t i = 0; i < bytes; i++) {
        text[2 * i] = digits[p[i] >> 4];
        text[2 * i + 1] = digits[p[i] & 15];
    }
    text[2 * bytes] = 0;
}

static int nibble(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

int hex_decode(const char *text, void *data, size_t bytes) {
    uint8_t *out = data;
    if (!text) return -1;
    for (size_t i = 0; i < 2 * bytes; i++) // also finds a text that ends early
        if (nibble(text[i]) < 0) return -1;
    if (text[2 * bytes]) return -1;
    for (size_t i = 0; i < bytes; i++) out[i] = (uint8_t)(nibble(text[2 * i]) << 4 | nibble(text[2 * i + 1]));
    return 0;
}

static void put_le64(uint8_t *out, uint64_t value) {
    for (int i = 0; i < 8; i++) out[i] = (uint8_t)(value >> (8 * i));
}

uint64_t hash64(const void *data, size_t bytes, uint64_t seed) {
    uint8_t key[16], digest[8];
    put_le64(key, seed);
    put_le64(key + 8, ~seed);
    CHECK(crypto_shorthash(digest, data, bytes, key) == 0);
    uint64_t value = 0;
    for (int i = 7; i >= 0; i--) value = value << 8 | digest[i];
    return value;
}

uint32_t partition_of(const char *key) { return (uint32_t)(hash64(key, strlen(key), 0) % PARTITIONS); }

static void start_sodium(void) { CHECK(sodium_init() >= 0); }

void random_bytes(void *data, size_t bytes) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    CHECK(pthread_once(&once, start_sodium) == 0);
    randombytes_buf(data, bytes);
}

// 48 bits of milliseconds and 80 random bits, most significant first. 26 digits carry 130 bits: the first two are zero.
const char *uid_new(char text[static UID_TEXT_MAX]) {
    static const char digits[] = "0123456789abcdefghijklmnopqrstuv";
    uint8_t bytes[16];
    uint64_t ms = (uint64_t)clock_now_ms();
    for (int i = 0; i < 6; i++) bytes[i] = (uint8_t)(ms >> (40 - 8 * i));
    random_bytes(bytes + 6, 10);
    unsigned held = 0, bits = 2, next = 0;
    for (int i = 0; i < 26; i++) {
        if (bits < 5) {
            held = (held << 8 | bytes[next++]) & 0xFFF;
            bits += 8;
        }
        bits -= 5;
        text[i] = digits[held >> bits & 31];
    }
    text[26] = 0;
    return text;
}
