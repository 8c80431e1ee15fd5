// Working days: one byte a day for every loaded year, so a question costs one look. Built once at start, then read
// only.
#include "calendar.h"
#include "yaml.h"
#include <dirent.h>
#include <errno.h>
#include <string.h>

#define FIRST_YEAR 1900
#define YEARS 300

typedef enum day_kind { DAY_ORDINARY, DAY_HOLIDAY, DAY_WORKDAY } day_kind_t;

typedef struct year_days {
    unsigned char kinds[366]; // day_kind_t by day of the year
} year_days_t;

struct calendar {
    year_days_t *years[YEARS];
};

static const year_days_t *days_of(const calendar_t *calendar, int year) {
    if (year < FIRST_YEAR || year >= FIRST_YEAR + YEARS) return NULL;
    return calendar->years[year - FIRST_YEAR];
}

static int day_of_year(date_t date) { return date - date_make(date_year(date), 1, 1); }

// One date of the list `node`, entered as `kind`.
static int enter_day(const yaml_doc_t *doc, const yaml_node_t *node, int year, day_kind_t kind, year_days_t *days,
                     err_t *err) {
    date_t date;
    if (node->kind != YAML_SCALAR || date_parse(node->text, &date))
        return yaml_error(doc, node, err, "expected a date like %d-01-01", year);
    if (date_year(date) != year) return yaml_error(doc, node, err, "%s is not in %d", node->text, year);
    if (kind == DAY_WORKDAY && date_weekday(date) < 5)
        return yaml_error(doc, node, err, "%s is no weekend: a make-up workday must be one", node->text);
    unsigned char *entry = &days->kinds[day_of_year(date)];
    if (*entry == kind) return yaml_error(doc, node, err, "%s stands here twice", node->text);
    if (*entry != DAY_ORDINARY) return yaml_error(doc, node, err, "%s cannot be a holiday and a workday", node->text);
    *entry = (unsigned char)kind;
    return E_OK;
}

static int enter_list(const yaml_doc_t *doc, const char *key, int year, day_kind_t kind, year_days_t *days,
                      err_t *err) {
    const yaml_node_t *list = yaml_get(yaml_root(doc), key);
    if (!list || list->kind != YAML_LIST)
        return yaml_error(doc, list ? list : yaml_root(doc), err, "%s: expected a list of dates", key);
    for (const yaml_node_t *node = list->first; node; node = node->next) {
        int rc = enter_day(doc, node, year, kind, days, err);
        if (rc) return rc;
    }
    return E_OK;
}

static int read_year(const yaml_doc_t *doc, int year, year_days_t *days, err_t *err) {
    static const char *const keys[] = {"year", "source", "holidays", "workdays", NULL};
    const yaml_node_t *root = yaml_root(doc);
    int rc = yaml_only_keys(doc, root, keys, err);
    if (rc) return rc;
    char expected[16];
    snprintf(expected, sizeof expected, "%d", year);
    const yaml_node_t *node = yaml_get(root, "year");
    if (!node || !node->text || strcmp(node->text, expected) != 0)
        return yaml_error(doc, node ? node : root, err, "year: expected %d as in the file name", year);
    node = yaml_get(root, "source");
    if (!node || !node->text || !*node->text)
        return yaml_error(doc, node ? node : root, err, "source: expected the number of the State Council notice");
    rc = enter_list(doc, "holidays", year, DAY_HOLIDAY, days, err);
    return rc ? rc : enter_list(doc, "workdays", year, DAY_WORKDAY, days, err);
}

static int load_year(calendar_t *calendar, const char *dir, int year, err_t *err) {
    char path[4096];
    yaml_doc_t *doc = NULL;
    int n = snprintf(path, sizeof path, "%s/%d.yaml", dir, year);
    if (n < 0 || (size_t)n >= sizeof path) return err_set(err, E_IO, "the path of the calendar folder is too long");
    int rc = yaml_load(&doc, path, err);
    if (rc) return rc;
    year_days_t *days = calendar->years[year - FIRST_YEAR] = calloc(1, sizeof *days);
    rc = days ? read_year(doc, year, days, err) : err_set(err, E_IO, "out of memory");
    yaml_destroy(&doc);
    return rc;
}

// "2020.yaml" → 2020, anything else → 0.
static int year_of_file(const char *name) {
    int year = 0;
    for (int i = 0; i < 4; i++) {
        if (name[i] < '0' || name[i] > '9') return 0;
        year = year * 10 + (name[i] - '0');
    }
    bool in_range = year >= FIRST_YEAR && year < FIRST_YEAR + YEARS;
    return in_range && strcmp(name + 4, ".yaml") == 0 ? year : 0;
}

static int list_years(const char *dir, bool found[static YEARS], err_t *err) {
    DIR *folder = opendir(dir);
    if (!folder) return err_set(err, E_IO, "%s: %s", dir, strerror(errno));
    size_t count = 0;
    for (const struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        int year = year_of_file(entry->d_name);
        if (!year) continue;
        found[year - FIRST_YEAR] = true;
        count++;
    }
    closedir(folder);
    return count ? E_OK : err_set(err, E_POLICY, "%s: no calendar file, expected at least one like 2020.yaml", dir);
}

int calendar_load(calendar_t **out, const char *dir, err_t *err) {
    bool found[YEARS] = {false};
    int rc = list_years(dir, found, err);
    if (rc) return rc;
    calendar_t *calendar = calloc(1, sizeof *calendar);
    if (!calendar) return err_set(err, E_IO, "out of memory");
    for (int i = 0; i < YEARS && !rc; i++)
        if (found[i]) rc = load_year(calendar, dir, FIRST_YEAR + i, err);
    if (rc)
        calendar_destroy(&calendar);
    else
        *out = calendar;
    return rc;
}

void calendar_destroy(calendar_t **calendar) {
    if (!*calendar) return;
    for (int i = 0; i < YEARS; i++) free((*calendar)->years[i]);
    free(*calendar);
    *calendar = NULL;
}

bool calendar_has_year(const calendar_t *calendar, int year) { return days_of(calendar, year) != NULL; }

int calendar_is_workday(const calendar_t *calendar, date_t date, bool *out, err_t *err) {
    int year = date_year(date);
    const year_days_t *days = days_of(calendar, year);
    if (!days) return err_field(err, E_PARAMETER_MISSING, "calendar", "the calendar of %d is not loaded", year);
    unsigned char kind = days->kinds[day_of_year(date)];
    *out = kind == DAY_WORKDAY || (kind == DAY_ORDINARY && date_weekday(date) < 5);
    return E_OK;
}

int calendar_nth_workday(const calendar_t *calendar, month_t month, int n, date_t *out, err_t *err) {
    int left = n < 0 ? n : -n, step = n < 0 ? -1 : 1; // counted up to 0 from below: INT_MIN has no positive twin
    date_t first = month_first(month), last = month_last(month);
    for (date_t date = n < 0 ? last : first; date >= first && date <= last; date += step) {
        bool workday;
        int rc = calendar_is_workday(calendar, date, &workday, err);
        if (rc) return rc;
        if (workday && n != 0 && ++left == 0) {
            *out = date;
            return E_OK;
        }
    }
    char text[DATE_TEXT_MAX];
    return err_field(err, E_OUT_OF_RANGE, "calendar", "%s has no working day number %d", month_format(month, text), n);
}

int calendar_add_workdays(const calendar_t *calendar, date_t date, int n, date_t *out, err_t *err) {
    if (n < 0) return err_field(err, E_OUT_OF_RANGE, "calendar", "%d working days: expected 0 or more", n);
    if (date == DATE_NONE || date == DATE_MAX)
        return err_field(err, E_OUT_OF_RANGE, "calendar", "there is no date to count working days from");
    int left = n > 0 ? n : 1;
    for (date_t day = n > 0 ? date + 1 : date;; day++) { // ends at the latest in the first year that is not loaded
        bool workday;
        int rc = calendar_is_workday(calendar, day, &workday, err);
        if (rc) return rc;
        if (workday && --left == 0) {
            *out = day;
            return E_OK;
        }
    }
}
