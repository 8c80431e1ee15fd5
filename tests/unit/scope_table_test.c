// docs/security.md has a table of every method of every service: which roles may call it, and whether a key of
// districts or of facilities may. Here it is held against the tables that the services go by; with SCOPE_TABLE=print
// the table is printed as it must be, the rules in its last column taken from the page.
#include "common/wire/scope.h"
#include "tests/check.h"
#include "tests/sim/services.h"
#include <stdlib.h>
#include <string.h>

enum { LINE_MAX_BYTES = 1024, METHODS_MAX = 512 };
static const service_t *const services[] = {&enrollment_service, &facility_service, &collection_service,
                                            &adjudication_service, &settlement_service};

static void roles_text(unsigned roles, char *out, size_t room) {
    size_t used = 0;
    *out = '\0';
    for (unsigned role = 1; role < METHOD_DISTRICTS; role <<= 1)
        if (roles & role && used < room)
            used += (size_t)snprintf(out + used, room - used, "%s%s", used ? ", " : "", wire_role_name(role));
}

// The row of a method up to the rule.
static void row_of(const service_t *service, const method_t *method, char *out, size_t room) {
    char roles[256];
    roles_text(method->roles, roles, sizeof roles);
    snprintf(out, room, "| %s | `%s` | %s | %s | %s |", service->name, method->name, roles,
             method->roles & METHOD_DISTRICTS ? "yes" : "-", method->roles & METHOD_FACILITIES ? "yes" : "-");
}

typedef struct page { // rows of the table as they stand in the page
    char row[METHODS_MAX][LINE_MAX_BYTES];
    size_t count;
} page_t;

static void read_page(page_t *page) {
    FILE *file = fopen(TC_SOURCE_DIR "/docs/security.md", "re");
    NEED(file != NULL);
    while (page->count < METHODS_MAX && fgets(page->row[page->count], LINE_MAX_BYTES, file))
        if (strncmp(page->row[page->count], "| ", 2) == 0 && strstr(page->row[page->count], " | `")) page->count++;
    fclose(file);
}

// What the page says of this method; NULL when nothing.
static const char *find_row(const page_t *page, const service_t *service, const method_t *method) {
    char head[256];
    snprintf(head, sizeof head, "| %s | `%s` | ", service->name, method->name);
    for (size_t i = 0; i < page->count; i++)
        if (strncmp(page->row[i], head, strlen(head)) == 0) return page->row[i];
    return NULL;
}

// Behind the five columns that are told by the table.
static const char *rule_of(const char *row) {
    for (int column = 0; row && column < 6; column++) row = strchr(row + (column > 0), '|');
    return row ? row + 1 : NULL;
}

TEST(every_method_stands_in_the_page_as_it_is) {
    static page_t page;
    char must[LINE_MAX_BYTES];
    size_t methods = 0;
    const bool print = getenv("SCOPE_TABLE") != NULL;
    read_page(&page);
    if (print) putchar('\n');
    for (size_t s = 0; s < COUNT_OF(services); s++)
        for (size_t m = 0; m < services[s]->method_count; m++, methods++) {
            const method_t *method = &services[s]->methods[m];
            const char *row = find_row(&page, services[s], method), *rule = rule_of(row);
            row_of(services[s], method, must, sizeof must);
            if (print) printf("%s%s", must, rule ? rule : " |\n");
            const bool same = row && strncmp(row, must, strlen(must)) == 0;
            if (!same) fprintf(stderr, "    must be: %s\n", must);
            OK(same);
            OK(rule && strspn(rule, " |\n") < strlen(rule)); // by which rule, or why it is closed
        }
    EQ(page.count, methods); // no method that is not there any more
}

TESTS("scope_table", CASE(every_method_stands_in_the_page_as_it_is))
