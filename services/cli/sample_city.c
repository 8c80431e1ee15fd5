// Employers in one pass, people in another: each is drawn from the seed and its number alone, so a city of millions
// needs no more memory than one sum for each employer, and the same options give the same files, byte for byte. What
// the receipts say is what the city's rules make due of the very people in the files, but for a few that are wrong.
#include "sample_city.h"
#include "city.h"
#include "cli.h"
#include "services/collection/contribution.h"
#include "common/csv/write.h"
#include "sample_person.h"
#include <stdlib.h>
#include <string.h>

enum { DIVISIONS_MAX = 16, EMPLOYERS_MAX = 999999, WRONG_PER_MILLE = 5, OVERLAYS_MAX = 15 };
// Names the city whose rules hold when none is given; its illustrative values stand beside it.
static const char default_city[] = "samples/city", default_values[] = "samples/%s-illustrative.yaml";
enum { CITY_NAME_MAX = 64 };
enum { KIND_EMPLOYER = 1, KIND_PERSON = 2, KIND_RECEIPT = 3 }; // of draws

// The lists of groups come from two agencies, one file each.
typedef enum source { CIVIL_AFFAIRS, POVERTY_RELIEF, SOURCE__COUNT } source_t;
static const char *const source_names[] = {"civil_affairs", "poverty_relief"};

typedef struct receipts {
    csv_writer_t *file;
    char period[DATE_TEXT_MAX];
    int64_t count;
    fen_t sum;
} receipts_t;

typedef struct city {
    policy_t *law;
    fen_t *owed; // by employer: for the month
    int64_t people, employers, seed;
    const char *out, *division[DIVISIONS_MAX];
    size_t divisions;
    month_t month;
    csv_encoding_t encoding;
    csv_writer_t *employer_file, *person_file, *spell_file, *group_file[SOURCE__COUNT];
    receipts_t monthly, yearly;
    err_t err;
} city_t;

typedef struct citizen_facts {
    person_t person;
    bool local;
    int64_t prior_months;
    fen_t wage;
    int jobs_before; // with another employer, until the end of the year before
    bool in_group, ends;
    group_t group;
    source_t source;
} citizen_facts_t;

// ---- files

static int open_file(city_t *city, csv_writer_t **file, const char *name, const char *heading) {
    char path[512];
    if (snprintf(path, sizeof path, "%s/%s.csv", city->out, name) >= (int)sizeof path)
        return err_set(&city->err, E_TOO_LARGE, "--out: a shorter path");
    int rc = csv_writer_open(file, path, city->encoding, &city->err);
    if (rc) return rc;
    for (const char *word = heading; *word;) {
        size_t length = strcspn(word, " ");
        csv_write_format(*file, "%.*s", (int)length, word);
        word += length + (word[length] == ' ');
    }
    csv_write_end_row(*file);
    return E_OK;
}

static int open_receipts(city_t *city, receipts_t *receipts) {
    char name[64];
    snprintf(name, sizeof name, "receipts-%s", receipts->period);
    return open_file(city, &receipts->file, name, "税票号码 单位编号 人员编号 费款所属期 金额 缴款日期");
}

static int open_files(city_t *city) {
    int rc = open_file(city, &city->employer_file, "employers", "单位编号 统一社会信用代码 名称 类型 区划");
    if (!rc) rc = open_file(city, &city->person_file, "persons", "人员编号 证件号码 姓名 参保区划 户籍 户号");
    if (!rc)
        rc = open_file(city, &city->spell_file, "spells",
                       "person identity employer from_month last_month wage prior_months_tier1 prior_months_tier2");
    for (int i = 0; !rc && i < SOURCE__COUNT; i++) {
        char name[64];
        snprintf(name, sizeof name, "groups-%s", source_names[i]);
        rc = open_file(city, &city->group_file[i], name, "person group from until");
    }
    if (!rc) rc = open_receipts(city, &city->monthly);
    if (!rc) rc = open_receipts(city, &city->yearly);
    return rc;
}

// Closes what is open; the first failure is kept.
static int close_files(city_t *city, int rc) {
    csv_writer_t **files[] = {&city->employer_file, &city->person_file,  &city->spell_file, &city->group_file[0],
                              &city->group_file[1], &city->monthly.file, &city->yearly.file};
    _Static_assert(SOURCE__COUNT == 2, "one file for each");
    for (size_t i = 0; i < COUNT_OF(files); i++) {
        err_t err;
        if (!*files[i] || !csv_writer_close(files[i], &err) || rc) continue;
        city->err = err;
        rc = err.code;
    }
    return rc;
}

// ---- receipts

static void write_row(city_t *city, receipts_t *receipts, const char *payer, fen_t fen, draw_t *draw) {
    char amount[FEN_TEXT_MAX], day[DATE_TEXT_MAX];
    date_format(month_first(city->month) + (date_t)draw_below(draw, 25), day);
    csv_write_format(receipts->file, "R%s-%07lld", receipts->period, (long long)++receipts->count);
    csv_write(receipts->file, *payer == 'E' ? payer : "");
    csv_write(receipts->file, *payer == 'E' ? "" : payer);
    csv_write(receipts->file, receipts->period);
    csv_write(receipts->file, fen_format(fen, amount));
    csv_write(receipts->file, day);
    csv_write_end_row(receipts->file);
    CHECK(fen_add(receipts->sum, fen, &receipts->sum) == E_OK); // 11 million receipts of at most 10 million yuan
}

// A few are wrong, as in any file: too much, too little, or sent twice under two numbers.
static void write_receipt(city_t *city, receipts_t *receipts, const char *payer, fen_t due) {
    draw_t draw = draw_of((uint64_t)city->seed, KIND_RECEIPT + (receipts == &city->yearly), receipts->count);
    const bool wrong = draw_chance(&draw, WRONG_PER_MILLE);
    const int64_t how = draw_below(&draw, 3);
    if (due <= 0) return;
    if (wrong && how == 0) due += 100;
    if (wrong && how == 1 && due > 1) due -= due > 100 ? 100 : 1;
    write_row(city, receipts, payer, due, &draw);
    if (wrong && how == 2) write_row(city, receipts, payer, due, &draw);
}

static void write_totals(receipts_t *receipts) {
    char sum[FEN_TEXT_MAX];
    csv_write(receipts->file, "合计");
    csv_write_format(receipts->file, "%lld", (long long)receipts->count);
    csv_write(receipts->file, "");
    csv_write(receipts->file, "");
    csv_write(receipts->file, fen_format(receipts->sum, sum));
    csv_write(receipts->file, "");
    csv_write_end_row(receipts->file);
}

// ---- employers

typedef struct employer_facts {
    bool branch;
    employer_t kind;
} employer_facts_t;

static employer_facts_t draw_employer(const city_t *city, int64_t number) {
    draw_t draw = draw_of((uint64_t)city->seed, KIND_EMPLOYER, number);
    employer_facts_t facts = {.branch = draw_chance(&draw, 20)};
    facts.kind = draw_chance(&draw, 125) ? EMPLOYER_ORGAN : EMPLOYER_ENTERPRISE;
    return facts;
}

static void write_employer(city_t *city, int64_t number) {
    char body[32], id[24];
    const employer_facts_t facts = draw_employer(city, number);
    snprintf(id, sizeof id, "E%06lld", (long long)number + 1);
    snprintf(body, sizeof body, "91" NOWHERE "MA%07lld", (long long)number + 1);
    csv_write(city->employer_file, id);
    csv_write_format(city->employer_file, "%s%c", body, uscc_check_char(body));
    csv_write_format(city->employer_file, facts.branch ? "示例单位%06lld,\"分部\"" : "示例单位%06lld",
                     (long long)number + 1);
    csv_write(city->employer_file, employer_name((int)facts.kind));
    csv_write(city->employer_file, city->division[(size_t)number % city->divisions]);
    csv_write_end_row(city->employer_file);
}

static void write_employers_receipt(city_t *city, int64_t number) {
    char id[24];
    snprintf(id, sizeof id, "E%06lld", (long long)number + 1);
    write_receipt(city, &city->monthly, id, city->owed[number]);
}

// ---- people

static void draw_group(draw_t *draw, citizen_facts_t *facts) {
    static const struct {
        group_t group;
        source_t source;
    } groups[] = {{GROUP_MINIMUM_LIVING, CIVIL_AFFAIRS},
                  {GROUP_EXTREME_HARDSHIP, CIVIL_AFFAIRS},
                  {GROUP_FIVE_GUARANTEE, CIVIL_AFFAIRS},
                  {GROUP_REGISTERED_POOR, POVERTY_RELIEF}};
    size_t i = (size_t)draw_below(draw, (int64_t)COUNT_OF(groups));
    facts->in_group = draw_chance(draw, 80) && facts->person.identity == IDENTITY_RESIDENT;
    facts->group = groups[i].group;
    facts->source = groups[i].source;
    facts->ends = draw_chance(draw, 200);
}

static void draw_citizen(const city_t *city, int64_t number, citizen_facts_t *facts) {
    draw_t draw = draw_of((uint64_t)city->seed, KIND_PERSON, number);
    sample_person_draw(&draw, number, month_year(city->month), (int64_t)city->divisions, city->employers,
                       &facts->person);
    // Whoever joins by itself is registered here; those from elsewhere come with an employer.
    const identity_t identity = facts->person.identity;
    facts->local = draw_chance(&draw, 800) || (identity != IDENTITY_EMPLOYEE && identity != IDENTITY_RETIREE);
    facts->prior_months = draw_below(&draw, 60);
    facts->wage = 200000 + draw_below(&draw, 1800000);
    facts->jobs_before = draw_chance(&draw, 100) && facts->person.employer >= 0;
    draw_group(&draw, facts);
}

static void write_person(city_t *city, int64_t number, const citizen_facts_t *facts) {
    char citizen[CITIZEN_ID_LENGTH + 1];
    sample_citizen_id(&facts->person, number, citizen);
    csv_write_format(city->person_file, "P%07lld", (long long)number + 1);
    csv_write(city->person_file, citizen);
    // Now and then a character that takes four bytes in either encoding.
    csv_write_format(city->person_file, "示例参保人%s%07lld", number % 500 == 499 ? "𠮷" : "", (long long)number + 1);
    csv_write(city->person_file, city->division[facts->person.division]);
    csv_write(city->person_file, facts->local ? "local" : "elsewhere");
    csv_write_format(city->person_file, "H%07lld", (long long)number / 3 + 1);
    csv_write_end_row(city->person_file);
}

// One spell; `last` may be MONTH_NONE.
static void write_spell(city_t *city, int64_t number, const citizen_facts_t *facts, int employer, month_t from,
                        month_t last, int64_t prior_months) {
    char month[DATE_TEXT_MAX], wage[FEN_TEXT_MAX];
    bool tier2 = facts->person.identity != IDENTITY_RESIDENT;
    csv_write_format(city->spell_file, "P%07lld", (long long)number + 1);
    csv_write(city->spell_file, identity_name((int)facts->person.identity));
    if (employer >= 0)
        csv_write_format(city->spell_file, "E%06d", employer + 1);
    else
        csv_write(city->spell_file, "");
    csv_write(city->spell_file, month_format(from, month));
    csv_write(city->spell_file, month_format(last, month));
    csv_write(city->spell_file, employer >= 0 ? fen_format(facts->wage, wage) : "");
    csv_write_format(city->spell_file, "%lld", (long long)prior_months);
    csv_write_format(city->spell_file, "%lld", tier2 ? (long long)prior_months : 0LL);
    csv_write_end_row(city->spell_file);
}

static void write_spells(city_t *city, int64_t number, const citizen_facts_t *facts) {
    month_t january = month_make(month_year(city->month), 1);
    int64_t prior = facts->prior_months;
    if (facts->jobs_before) {
        int other = (int)((facts->person.employer + 1) % city->employers);
        write_spell(city, number, facts, other, january - 12, january - 1, prior);
        prior = 0; // months brought in stand with the first spell only
    }
    write_spell(city, number, facts, facts->person.employer, january, MONTH_NONE, prior);
}

static void write_group(city_t *city, int64_t number, const citizen_facts_t *facts) {
    if (!facts->in_group) return;
    csv_writer_t *file = city->group_file[facts->source];
    int year = month_year(city->month);
    csv_write_format(file, "P%07lld", (long long)number + 1);
    csv_write(file, group_name((int)facts->group));
    csv_write_format(file, "%d-01-01", year - 1);
    if (facts->ends)
        csv_write_format(file, "%d-12-31", year);
    else
        csv_write(file, "");
    csv_write_end_row(file);
}

// ---- what is due

// As of the first day of the period, like collection's bills: a membership begins the year before, and ends with this
// year at the earliest.
static uint32_t groups_of(const citizen_facts_t *facts) { return facts->in_group ? GROUP_BIT(facts->group) : 0; }

// What the person or the employer owes of it; where neither owes anything, what the unemployment fund does. Finance's
// part comes with no receipt of theirs.
static fen_t own_part(const contribution_result_t *result) {
    fen_t own = 0, funds = 0;
    for (int i = 0; i < result->line_count; i++) {
        const contribution_line_t *line = &result->lines[i];
        if (line->payer == PAYER_EMPLOYER || line->payer == PAYER_PERSON) own += line->amount; // parts of a checked sum
        if (line->payer == PAYER_UNEMPLOYMENT_FUND) funds += line->amount;
    }
    return own ? own : funds;
}

// Nothing is due of whom the city does not insure.
static int due_of(city_t *city, const citizen_facts_t *facts, bool yearly, fen_t *out) {
    const bool employed = facts->person.employer >= 0;
    const contribution_person_t who = {
        .identity = facts->person.identity,
        .wage = employed ? facts->wage : 0,
        .groups = groups_of(facts),
        .birth = facts->person.birth,
        .employer_kind = employed ? employer_name((int)draw_employer(city, facts->person.employer).kind) : NULL};
    contribution_result_t result;
    err_t err = {0};
    *out = 0;
    int rc = yearly ? contribution_year(city->law, &who, month_year(city->month), &result, &err)
                    : contribution_month(city->law, &who, city->month, &result, &err);
    if (rc == E_UNSUPPORTED) return E_OK;
    if (rc == E_OK) *out = own_part(&result);
    if (rc) city->err = err;
    return rc;
}

// Employers pay for employees, in one sum; those who pay by the year pay for the year, everybody else for the month.
static int take_due(city_t *city, int64_t number, const citizen_facts_t *facts) {
    const bool yearly = policy_coverage(city->law)->yearly >> facts->person.identity & 1;
    char id[24];
    fen_t due;
    int rc = due_of(city, facts, yearly, &due);
    if (rc) return rc;
    if (facts->person.employer >= 0)
        return fen_add(city->owed[facts->person.employer], due, &city->owed[facts->person.employer]);
    snprintf(id, sizeof id, "P%07lld", (long long)number + 1);
    write_receipt(city, yearly ? &city->yearly : &city->monthly, id, due);
    return E_OK;
}

static int write_city(city_t *city) {
    int rc = E_OK;
    for (int64_t i = 0; i < city->employers; i++) write_employer(city, i);
    for (int64_t i = 0; !rc && i < city->people; i++) {
        citizen_facts_t facts;
        draw_citizen(city, i, &facts);
        write_person(city, i, &facts);
        write_spells(city, i, &facts);
        write_group(city, i, &facts);
        rc = take_due(city, i, &facts);
    }
    for (int64_t i = 0; !rc && i < city->employers; i++) write_employers_receipt(city, i);
    if (rc) return rc;
    write_totals(&city->monthly);
    write_totals(&city->yearly);
    return E_OK;
}

// ---- the command

static const command_t self = {
    .name = "sample city",
    .summary = "write a synthetic city of any size as CSV files",
    .help = "usage: tongchou sample city [--people N] [--employers M] [--seed S] [--month YYYY-MM] [--out DIR]\n"
            "                            [--division CODE …] [--gb18030] [--city CITY] [--overlay FILE …] [--config "
            "DIR]\n\n"
            "Writes employers, persons, spells, groups-SOURCE (one for each agency's list), receipts-MONTH (employers "
            "and\n"
            "those who pay by the month) and receipts-YEAR (residents), each .csv with a heading; receipts end with a "
            "totals\n"
            "line. The same options give the same files. All persons are synthetic. Receipts are what the city's rules "
            "make\n"
            "due of these people, so that they pay what bill MONTH and bill YEAR bill; about one in two hundred is "
            "wrong: too\n"
            "much, too little, or sent twice. The rules are those of --city with --overlay; without either those of "
            "the city\n"
            "that config/samples/city names, with its illustrative values. Lists are to be imported as of the first "
            "day of the year. Defaults: 1000000 "
            "people, 20000 employers, seed 1, month 2018-01, the division " NOWHERE ", which does not\n"
            "exist, UTF-8.\n\nexample:\n"
            "  tongchou sample city --people 1000000 --employers 20000 --division 440703 --out /tmp/city --gb18030\n"};

static int usage(void) {
    fprintf(stderr,
            "tongchou sample city: --people 1…%d, --employers 1…%d, --month 1990-01…2100-12 and divisions of six "
            "digits were expected\n",
            SAMPLE_PEOPLE_MAX, EMPLOYERS_MAX);
    return 2;
}

static bool fits(city_t *city, const char *month) {
    if (month_parse(month, &city->month) || month_year(city->month) < 1990 || month_year(city->month) > 2100)
        return false;
    while (city->divisions < DIVISIONS_MAX && city->division[city->divisions])
        if (division_check(city->division[city->divisions++], NULL)) return false;
    if (!city->divisions) city->division[city->divisions++] = NOWHERE;
    return city->people >= 1 && city->people <= SAMPLE_PEOPLE_MAX && city->employers >= 1 &&
           city->employers <= EMPLOYERS_MAX;
}

static int read_default_city(const char *config, char name[static CITY_NAME_MAX], err_t *err) {
    char path[PATH_MAX + sizeof default_city];
    snprintf(path, sizeof path, "%s/%s", config, default_city);
    FILE *file = fopen(path, "re");
    const bool read = file && fgets(name, CITY_NAME_MAX, file);
    if (file) fclose(file);
    name[strcspn(name, "\n")] = '\0';
    return read && *name ? E_OK : err_set(err, E_IO, "%s: expected the name of a city; or give --city", path);
}

// The city's rules, and room for what each employer owes.
static int load_law(city_t *city, const char *config, const char *given, const char **overlays) {
    static char values[PATH_MAX + sizeof default_values + CITY_NAME_MAX];
    char name[CITY_NAME_MAX] = "";
    city_paths_t paths;
    int rc = city_paths(&paths, config, given, &city->err);
    if (!rc && !given) rc = read_default_city(paths.config, name, &city->err);
    if (!rc && !given) rc = city_paths(&paths, config, name, &city->err);
    if (rc) return rc;
    if (!given && !overlays[0]) {
        const int at = snprintf(values, sizeof values, "%s/", paths.config);
        snprintf(values + at, sizeof values - (size_t)at, default_values, name);
        overlays[0] = values;
    }
    rc = policy_load(&city->law, paths.city, overlays, &city->err);
    city->owed = calloc((size_t)city->employers, sizeof *city->owed);
    return rc || city->owed ? rc : err_set(&city->err, E_IO, "out of memory");
}

static int write_files(city_t *city, const char *config, const char *name, const char **overlays) {
    int rc = load_law(city, config, name, overlays);
    if (!rc) rc = open_files(city);
    if (!rc) rc = write_city(city);
    rc = close_files(city, rc);
    policy_destroy(&city->law);
    free(city->owed);
    if (!rc) return 0;
    fprintf(stderr, "tongchou sample city: %s%s%s\n", city->err.field, *city->err.field ? ": " : "", city->err.text);
    return 2;
}

int sample_city_run(int argc, char **argv) {
    city_t city = {.people = 1000000, .employers = 20000, .seed = 1, .out = "."};
    const char *config = NULL, *name = NULL, *overlays[OVERLAYS_MAX + 1] = {NULL};
    const char *month = "2018-01";
    bool gb18030 = false;
    const option_spec_t specs[] = {{.name = "people", .number = &city.people},
                                   {.name = "employers", .number = &city.employers},
                                   {.name = "seed", .number = &city.seed},
                                   {.name = "month", .text = &month},
                                   {.name = "out", .text = &city.out},
                                   {.name = "gb18030", .flag = &gb18030},
                                   {.name = "city", .text = &name},
                                   {.name = "config", .text = &config},
                                   {.name = "overlay", .list = overlays, .room = OVERLAYS_MAX},
                                   {.name = "division", .list = city.division, .room = DIVISIONS_MAX}};
    int status = options_parse(argc, argv, &self, specs, COUNT_OF(specs), NULL, NULL);
    if (status >= 0) return status;
    if (!fits(&city, month)) return usage();
    city.encoding = gb18030 ? CSV_GB18030 : CSV_UTF8;
    month_format(city.month, city.monthly.period);
    snprintf(city.yearly.period, sizeof city.yearly.period, "%d", month_year(city.month));
    return write_files(&city, config, name, overlays);
}
