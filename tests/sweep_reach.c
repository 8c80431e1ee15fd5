// Every command of every service was swept: the methods in the logs it is given (tests/sweep_log.h) are held against
// the services' own tables. A handler that no sweep reaches fails this, by name.
#include "tests/sim/services.h"
#include <stdio.h>
#include <string.h>

enum { LINES_MAX = 4096, LINE_BYTES = 128 };

static char lines[LINES_MAX][LINE_BYTES];
static size_t count;

static int read_log(const char *path) {
    FILE *file = fopen(path, "r");
    if (!file) {
        perror(path);
        return -1;
    }
    while (count < LINES_MAX && fgets(lines[count], LINE_BYTES, file)) {
        lines[count][strcspn(lines[count], "\n")] = 0;
        count++;
    }
    return fclose(file);
}

static bool reached(const char *service, const char *method) {
    char line[LINE_BYTES];
    snprintf(line, sizeof line, "%s %s", service, method);
    for (size_t i = 0; i < count; i++)
        if (strcmp(lines[i], line) == 0) return true;
    return false;
}

int main(int argc, char **argv) {
    const service_t *const services[] = {&enrollment_service, &facility_service, &collection_service,
                                         &adjudication_service, &settlement_service};
    size_t handlers = 0, missing = 0;
    for (int i = 1; i < argc; i++)
        if (read_log(argv[i])) return 1;
    for (size_t s = 0; s < COUNT_OF(services); s++)
        for (size_t m = 0; m < services[s]->method_count; m++, handlers++) {
            if (reached(services[s]->name, services[s]->methods[m].name)) continue;
            printf("no sweep reaches %s.%s\n", services[s]->name, services[s]->methods[m].name);
            missing++;
        }
    printf("%zu handlers, %zu of them swept\n", handlers, handlers - missing);
    return missing > 0;
}
