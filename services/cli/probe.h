// Asks one process's GET /health, as the probe of a container or a monitor does.
#pragma once
#include "common/base/check.h"
#include "common/base/err.h"
#include <stdbool.h>

enum { PROBE_MAX_BYTES = 8192 };

// `where`: "http://1.2.3.4:5" or "1.2.3.4:5", of a numeric address; who binds every address is asked at the loopback.
// `told` becomes the JSON object that the process answered, `*healthy` whether it can do its work. E_INVALID_FIELD: no
// such address; E_UNAVAILABLE: no answer within two seconds.
int probe_health(const char *where, bool *healthy, char told[static PROBE_MAX_BYTES], err_t *err) MUST_USE;
