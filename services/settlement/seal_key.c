// SM2 (GB/T 32918) by OpenSSL, with the standard's default signer identity and SM3.
#include "chain.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char signer[] = "1234567812345678";

struct seal_key {
    EVP_PKEY *pair;
};

static int path_of(char out[static PATH_MAX], const char *dir, const char *name, err_t *err) {
    int length = snprintf(out, PATH_MAX, "%s/%s", dir, name);
    return length > 0 && length < PATH_MAX ? E_OK : err_set(err, E_TOO_LARGE, "path too long: %s", dir);
}

// ---- making

// Never over a file that is there: O_EXCL, and another name first so that half a key is none.
static int write_key(EVP_PKEY *pair, const char *path, bool secret, err_t *err) {
    char temporary[PATH_MAX + 8];
    snprintf(temporary, sizeof temporary, "%s.new", path);
    unlink(temporary);
    int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, secret ? 0600 : 0644);
    FILE *file = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (!file) {
        err_set(err, E_IO, "cannot write %s: %s", temporary, strerror(errno));
        if (fd >= 0) close(fd);
        return E_IO;
    }
    bool done =
        secret ? PEM_write_PrivateKey(file, pair, NULL, NULL, 0, NULL, NULL) == 1 : PEM_write_PUBKEY(file, pair) == 1;
    done &= fflush(file) == 0 && fsync(fd) == 0;
    done &= fclose(file) == 0;
    if (done && rename(temporary, path) == 0) return E_OK;
    err_set(err, E_IO, "cannot write %s: %s", path, strerror(errno));
    unlink(temporary);
    return E_IO;
}

int seal_key_make(const char *dir, bool *made, err_t *err) {
    char secret[PATH_MAX], public[PATH_MAX];
    *made = false;
    if (path_of(secret, dir, "seal.key", err) || path_of(public, dir, "seal.pub", err)) return E_TOO_LARGE;
    if (access(secret, F_OK) == 0) return E_OK;
    EVP_PKEY *pair = EVP_EC_gen("SM2");
    if (!pair) return err_set(err, E_IO, "OpenSSL makes no SM2 key");
    // The public one first: whoever finds the secret finds both.
    int rc = write_key(pair, public, false, err);
    if (!rc) rc = write_key(pair, secret, true, err);
    EVP_PKEY_free(pair);
    *made = !rc;
    return rc;
}

// ---- loading

static int check_file(FILE *file, const char *path, bool secret, err_t *err) {
    struct stat status;
    if (fstat(fileno(file), &status) != 0) return err_set(err, E_IO, "%s: %s", path, strerror(errno));
    if (secret && (status.st_mode & 077) != 0)
        return err_set(err, E_DENIED, "%s can be read by others: chmod 600 was expected", path);
    return E_OK;
}

int seal_key_load(seal_key_t **out, const char *dir, bool secret, err_t *err) {
    char path[PATH_MAX];
    *out = NULL;
    if (path_of(path, dir, secret ? "seal.key" : "seal.pub", err)) return E_TOO_LARGE;
    FILE *file = fopen(path, "re");
    if (!file) return err_set(err, errno == ENOENT ? E_NOT_FOUND : E_IO, "%s: %s", path, strerror(errno));
    int rc = check_file(file, path, secret, err);
    seal_key_t *key = rc ? NULL : calloc(1, sizeof *key);
    if (!rc && !key) rc = err_set(err, E_IO, "out of memory");
    if (!rc) key->pair = secret ? PEM_read_PrivateKey(file, NULL, NULL, NULL) : PEM_read_PUBKEY(file, NULL, NULL, NULL);
    if (!rc && (!key->pair || !EVP_PKEY_is_a(key->pair, "SM2")))
        rc = err_set(err, E_INVALID_FIELD, "%s holds no SM2 key", path);
    fclose(file);
    if (rc)
        seal_key_destroy(&key);
    else
        *out = key;
    return rc;
}

void seal_key_destroy(seal_key_t **key) {
    if (!*key) return;
    EVP_PKEY_free((*key)->pair);
    free(*key);
    *key = NULL;
}

// ---- signing

// A context that knows the signer's identity, which SM2 signs together with the message.
static EVP_MD_CTX *context_of(const seal_key_t *key, EVP_PKEY_CTX **identity) {
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    *identity = context ? EVP_PKEY_CTX_new(key->pair, NULL) : NULL;
    if (*identity && EVP_PKEY_CTX_set1_id(*identity, signer, sizeof signer - 1) > 0) {
        EVP_MD_CTX_set_pkey_ctx(context, *identity);
        return context;
    }
    EVP_PKEY_CTX_free(*identity);
    EVP_MD_CTX_free(context);
    *identity = NULL;
    return NULL;
}

int seal_sign(const seal_key_t *key, const uint8_t digest[static CHAIN_BYTES],
              uint8_t signature[static SEAL_SIGNATURE_MAX], size_t *bytes, err_t *err) {
    EVP_PKEY_CTX *identity;
    EVP_MD_CTX *context = context_of(key, &identity);
    *bytes = SEAL_SIGNATURE_MAX;
    bool done = context && EVP_DigestSignInit(context, NULL, EVP_sm3(), NULL, key->pair) == 1 &&
                EVP_DigestSign(context, signature, bytes, digest, CHAIN_BYTES) == 1;
    EVP_MD_CTX_free(context);
    EVP_PKEY_CTX_free(identity);
    return done ? E_OK : err_set(err, E_IO, "OpenSSL failed to sign with SM2");
}

bool seal_signed(const seal_key_t *key, const uint8_t digest[static CHAIN_BYTES], const void *signature, size_t bytes) {
    EVP_PKEY_CTX *identity;
    EVP_MD_CTX *context = context_of(key, &identity);
    bool good = context && EVP_DigestVerifyInit(context, NULL, EVP_sm3(), NULL, key->pair) == 1 &&
                EVP_DigestVerify(context, signature, bytes, digest, CHAIN_BYTES) == 1;
    EVP_MD_CTX_free(context);
    EVP_PKEY_CTX_free(identity);
    return good;
}
