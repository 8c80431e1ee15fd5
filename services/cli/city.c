// Finding the configuration, from most to least explicit.
#include "city.h"
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool has_cities(const char *dir) {
    char path[PATH_MAX];
    return snprintf(path, sizeof path, "%s/cities", dir) < (int)sizeof path && access(path, R_OK | X_OK) == 0;
}

// A program in build/PRESET/bin finds the config folder of its source tree by going up.
static bool beside_program(char room[static PATH_MAX]) {
    static const char folder[] = "/config";
    ssize_t n = readlink("/proc/self/exe", room, PATH_MAX - sizeof folder);
    if (n <= 0) return false;
    room[n] = 0;
    for (char *slash; (slash = strrchr(room, '/')) != NULL && slash != room; *slash = 0) {
        memcpy(slash, folder, sizeof folder);
        if (has_cities(room)) return true;
    }
    return false;
}

static bool put(char to[static PATH_MAX], const char *a, const char *b, const char *c) {
    return snprintf(to, PATH_MAX, "%s%s%s", a, b, c) < PATH_MAX;
}

static bool find_config(char to[static PATH_MAX], const char *given) {
    const char *environment = getenv("TONGCHOU_CONFIG");
    if (given) return put(to, given, "", "");
    if (environment && *environment) return put(to, environment, "", "");
    if (has_cities("config")) return put(to, "config", "", "");
    return beside_program(to) || put(to, "/usr/share/tongchou/config", "", "");
}

int city_paths(city_paths_t *out, const char *config, const char *city, err_t *err) {
    char folder[PATH_MAX];
    bool fits = find_config(out->config, config) && put(out->calendars, out->config, "/calendar", "") &&
                put(folder, out->config, "/cities/", "");
    out->city[0] = 0;
    if (fits && city) fits = strpbrk(city, "/.") ? put(out->city, city, "", "") : put(out->city, folder, city, ".yaml");
    return fits ? E_OK : err_set(err, E_IO, "a path is too long");
}
