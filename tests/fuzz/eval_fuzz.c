// One line of `tongchou eval`: any bytes, any kind, every city. The answer must be one JSON object on one line; an
// error names a code; nothing crashes and nothing leaks. First byte: the city, second: the kind.
#include "services/cli/eval/eval.h"
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONFIG TC_SOURCE_DIR "/config"

static const char *const cities[] = {"jiangmen", "zaozhuang", "zhoushan", "sanmenxia", "yancheng"};
static const char *const kinds[] = {"benefit", "contribution", "coverage",  "account", "retirement", "calendar",
                                    "deficit", "interest",     "surplus",   "funding", "gap",        "routing",
                                    "points",  "enrollment",   "statement", "movement"};
static eval_t evals[COUNT_OF(cities)];

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static void open_all(void) {
    for (size_t i = 0; i < COUNT_OF(cities); i++) {
        char city[512], overlay[512];
        err_t err = {0};
        snprintf(city, sizeof city, CONFIG "/cities/%s.yaml", cities[i]);
        snprintf(overlay, sizeof overlay, CONFIG "/samples/%s-illustrative.yaml", cities[i]);
        const char *const overlays[] = {overlay, NULL};
        if (!eval_open(&evals[i], city, overlays, CONFIG "/calendar", &err)) continue;
        fprintf(stderr, "%s\n", err.text);
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes) {
    bool refused;
    if (!evals[0].policy) open_all();
    if (bytes < 2) return 0;
    const eval_kind_t *kind = eval_kind_named(kinds[data[1] % COUNT_OF(kinds)]);
    char *text = eval_answer(&evals[data[0] % COUNT_OF(cities)], kind, (const char *)data + 2, bytes - 2, &refused);
    json_t *answer = text && !strchr(text, '\n') ? json_loads(text, 0, NULL) : NULL;
    if (!answer || refused != (json_object_get(answer, "error") != NULL)) abort();
    json_decref(answer);
    free(text);
    return 0;
}
