// The secret that the suite shares to seal cached values: 32 random bytes in one file, made by whoever comes first.
#pragma once
#include "common/base/check.h"
#include "common/base/err.h"
#include <stdint.h>

#define SECRET_BYTES 32

// Read `dir`/cache.secret, made (mode 0600) when it is not there. Several processes may do so at once: all get the same
// bytes.
int secret_load(const char *dir, uint8_t out[static SECRET_BYTES], err_t *err) MUST_USE;
