// Hashes against published vectors, the frozen partition of a key, and ids that sort by time. Also the error table.
#include "tests/check.h"
#include "common/base/check.h"
#include "common/base/err.h"
#include "common/base/hash.h"

static const char *sha256_hex(const char *text) {
    static char hex[2 * SHA256_BYTES + 1];
    uint8_t digest[SHA256_BYTES];
    sha256(text, strlen(text), digest);
    hex_encode(digest, sizeof digest, hex);
    return hex;
}

TEST(sha256_of_the_published_examples) {
    EQ_TEXT(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    EQ_TEXT(sha256_hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST(hex_is_exact) {
    uint8_t out[3] = {7, 7, 7};
    EQ(hex_decode("00fFa1", out, 3), 0);
    EQ(out[1], 0xFF);
    EQ(out[2], 0xA1);
    static const char *const bad[] = {"", "00ff", "00ffa", "00ffa1b", "00ffa1bb", "00ffg1", "00 ff1"};
    for (size_t i = 0; i < COUNT_OF(bad); i++) EQ(hex_decode(bad[i], out, 3), -1);
    EQ(hex_decode(NULL, out, 3), -1);
    EQ(out[2], 0xA1);
    EQ(hex_decode("", out, 0), 0);
}

// Rows and stream numbers live where these values say: a change here moves every key of every deployment.
TEST(partitions_never_change) {
    static const struct {
        const char *key;
        uint32_t partition;
    } rows[] = {{"", 59}, {"a", 32}, {"p-000001", 50}, {"H33010600123", 27}, {"张三", 9}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) EQ(partition_of(rows[i].key), rows[i].partition);
    OK(hash64("a", 1, 0) == UINT64_C(0xdee0179dc49d16a0));
    OK(hash64("a", 1, 1) == UINT64_C(0x2a9203dcbc402923));
}

TEST(keys_spread_over_all_partitions) {
    int counts[PARTITIONS] = {0};
    for (int i = 0; i < 64000; i++) {
        char key[32];
        snprintf(key, sizeof key, "person-%d", i);
        uint32_t partition = partition_of(key);
        NEED(partition < PARTITIONS);
        counts[partition]++;
    }
    for (int i = 0; i < PARTITIONS; i++) OK(counts[i] > 800 && counts[i] < 1200); // 1000 expected, deviation 31
}

static int by_text(const void *a, const void *b) { return strcmp(a, b); }

TEST(ids_are_26_characters_unique_and_sortable) {
    static char ids[2000][UID_TEXT_MAX];
    int wrong = 0, unordered = 0;
    for (int i = 0; i < 2000; i++) {
        uid_new(ids[i]);
        wrong += strlen(ids[i]) != 26 || strspn(ids[i], "0123456789abcdefghijklmnopqrstuv") != 26 || ids[i][0] > '7';
        if (i > 0) unordered += strncmp(ids[i - 1], ids[i], 10) > 0; // ten digits: the time, and two random bits
        if (i > 0 && strncmp(ids[i - 1], ids[i], 9) == 0) unordered -= strncmp(ids[i - 1], ids[i], 10) > 0;
    }
    EQ(wrong, 0);
    EQ(unordered, 0);
    qsort(ids, 2000, sizeof ids[0], by_text);
    for (int i = 1; i < 2000; i++) wrong += strcmp(ids[i - 1], ids[i]) == 0;
    EQ(wrong, 0);
}

TEST(random_bytes_differ) {
    uint8_t a[16] = {0}, b[16] = {0};
    random_bytes(a, sizeof a);
    random_bytes(b, sizeof b);
    OK(memcmp(a, b, sizeof a) != 0);
}

TEST(error_names_go_both_ways) {
    for (int code = 0; code < E__COUNT; code++) EQ(err_from_name(err_name(code)), code);
    EQ_TEXT(err_name(E__COUNT), "INTERNAL");
    EQ_TEXT(err_name(-1), "INTERNAL");
    EQ(err_from_name("NO_SUCH"), E_INTERNAL);
    EQ(err_from_name(NULL), E_INTERNAL);
    EQ(err_may_retry(E_BUSY), 1);
    EQ(err_may_retry(E_CONFLICT), 0);
    EQ(err_may_retry(-1), 0);
    EQ(err_may_retry(E__COUNT), 0);
}

TEST(sentences_are_cut_at_whole_characters) {
    err_t err = {0};
    char text[400] = "";
    for (int i = 0; i < 100; i++) strcat(text, "元");
    EQ(err_set(&err, E_IO, "x%s", text), E_IO);
    EQ(strlen(err.text), 1 + 84 * 3); // 253: the 85th character would not fit into 255
    EQ(err_field(&err, E_POLICY, text, "%s", "y"), E_POLICY);
    EQ(strlen(err.field), 63);
    EQ(err_set(NULL, E_IO, "nobody listens"), E_IO);
    EQ(err_field(NULL, E_IO, "f", "nobody listens"), E_IO);
    EQ(err_prefix(NULL, "nobody listens"), E_INTERNAL);
}

TEST(prefixes_stand_in_front_and_sentences_may_quote_themselves) {
    err_t err = {0};
    err_field(&err, E_POLICY, "rate", "too high");
    EQ(err_prefix(&err, "row %d", 7), E_POLICY);
    EQ_TEXT(err.text, "row 7: too high");
    EQ_TEXT(err.field, "rate");
    err_field(&err, E_INTERNAL, err.field, "again: %s", err.text);
    EQ_TEXT(err.text, "again: row 7: too high");
    EQ_TEXT(err.field, "rate");
    err_set(&err, E_IO, "<%s>", err.text);
    EQ_TEXT(err.text, "<again: row 7: too high>");
    EQ_TEXT(err.field, "");
}

TESTS("base hash", CASE(sha256_of_the_published_examples), CASE(hex_is_exact), CASE(partitions_never_change),
      CASE(keys_spread_over_all_partitions), CASE(ids_are_26_characters_unique_and_sortable), CASE(random_bytes_differ),
      CASE(error_names_go_both_ways), CASE(sentences_are_cut_at_whole_characters),
      CASE(prefixes_stand_in_front_and_sentences_may_quote_themselves))
