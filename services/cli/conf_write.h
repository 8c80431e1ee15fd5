// A configuration as a YAML file that conf_load() reads back to the same values, whatever bytes they hold.
#pragma once
#include "common/daemon/conf.h"

// Every value that is not the default. The file is replaced as a whole or not at all; comments in it are lost.
int conf_write(const conf_t *conf, const char *path, err_t *err) MUST_USE;
