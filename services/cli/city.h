// Where a city's files are: the folder of configuration and the file that a person means by a name or a path.
#pragma once
#include "common/base/check.h"
#include "common/base/err.h"
#include <limits.h>

typedef struct city_paths {
    char config[PATH_MAX]; // holds cities/, calendar/, samples/
    char city[PATH_MAX];   // "" when none was asked for
    char calendars[PATH_MAX];
} city_paths_t;

// `config` as given, else $TONGCHOU_CONFIG, ./config, the one beside the program's build folder, the installed one.
// `city` is a name in cities/ or a path (it has a slash or a dot); may be NULL. E_IO when a path is too long.
int city_paths(city_paths_t *out, const char *config, const char *city, err_t *err) MUST_USE;
