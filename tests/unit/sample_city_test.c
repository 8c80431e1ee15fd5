// `tongchou sample city` as a person runs it, read back as an importer would: every row typed, every identifier valid
// and nobody twice, totals that match, the same files for the same options, the same text in both encodings.
#include "tests/check.h"
#include "common/base/ids.h"
#include "common/csv/csv.h"
#include "services/cli/sample_person.h"
#include <sys/wait.h>
#include <unistd.h>

#define PROGRAM TC_BINARY_DIR "/bin/tongchou"

enum { PEOPLE = 3000, EMPLOYERS = 50 };

#define X(code, name, chinese) {name, chinese},
static const csv_word_t identities[] = {IDENTITY_TABLE(X)}, groups[] = {GROUP_TABLE(X)}, kinds[] = {EMPLOYER_TABLE(X)};
#undef X
static const csv_word_t registrations[] = {{"local", "本地"}, {"elsewhere", "外地"}};
#define WORDS(list) .type = CSV_WORD, .words = list, .word_count = COUNT_OF(list)

static const csv_column_t employers[] = {{.name = "employer", .chinese = "单位编号", .required = true},
                                         {.name = "uscc", .chinese = "统一社会信用代码", .required = true},
                                         {.name = "name", .chinese = "名称", .required = true},
                                         {.name = "kind", .chinese = "类型", .required = true, WORDS(kinds)},
                                         {.name = "division", .chinese = "区划", .required = true}};
static const csv_column_t persons[] = {
    {.name = "person", .chinese = "人员编号", .required = true},
    {.name = "citizen_id", .chinese = "证件号码", .required = true, .personal = true},
    {.name = "name", .chinese = "姓名", .required = true, .personal = true},
    {.name = "division", .chinese = "参保区划", .required = true},
    {.name = "registration", .chinese = "户籍", .required = true, WORDS(registrations)},
    {.name = "household", .chinese = "户号", .required = true}};
static const csv_column_t spells[] = {
    {.name = "person", .chinese = "人员编号", .required = true},
    {.name = "identity", .chinese = "身份", .required = true, WORDS(identities)},
    {.name = "employer", .chinese = "单位编号"},
    {.name = "from_month", .chinese = "起始月", .required = true, .type = CSV_MONTH},
    {.name = "last_month", .chinese = "终止月", .type = CSV_MONTH},
    {.name = "wage", .chinese = "工资", .type = CSV_MONEY},
    {.name = "prior_months_tier1", .chinese = "一档转入月数", .required = true, .type = CSV_NUMBER},
    {.name = "prior_months_tier2", .chinese = "二档转入月数", .required = true, .type = CSV_NUMBER}};
static const csv_column_t memberships[] = {{.name = "person", .chinese = "人员编号", .required = true},
                                           {.name = "group", .chinese = "人群", .required = true, WORDS(groups)},
                                           {.name = "from", .chinese = "起", .required = true, .type = CSV_DATE},
                                           {.name = "until", .chinese = "止", .type = CSV_DATE}};
static const csv_column_t receipts[] = {{.name = "receipt", .chinese = "税票号码", .required = true},
                                        {.name = "employer", .chinese = "单位编号"},
                                        {.name = "person", .chinese = "人员编号"},
                                        {.name = "period", .chinese = "费款所属期", .required = true},
                                        {.name = "amount", .chinese = "金额", .required = true, .type = CSV_MONEY},
                                        {.name = "paid_on", .chinese = "缴款日期", .required = true, .type = CSV_DATE}};

static char folder[] = "/tmp/sample-city-XXXXXX";

static int run(const char *part, const char *options) {
    char command[512];
    snprintf(command, sizeof command, "mkdir -p %s/%s && " PROGRAM " sample city --out %s/%s %s 2>/dev/null", folder,
             part, folder, part, options);
    int status = system(command);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

typedef void (*row_cb)(const csv_row_t *row);

// Every row of one file through `each`; how many. The hash of all cells goes to `seen`.
static int64_t read_file(const char *part, const char *name, const csv_column_t *columns, size_t count, row_cb each,
                         csv_encoding_t is, uint64_t *seen) {
    char path[256];
    csv_table_t table = {.columns = columns, .count = count, .totals = CSV_TOTALS_OPTIONAL};
    if (columns == receipts) table.totals = CSV_TOTALS_REQUIRED;
    csv_t *csv = NULL;
    csv_row_t row;
    csv_fault_t fault;
    csv_got_t got;
    err_t err = {0};
    int64_t rows = 0;
    *seen = 0;
    snprintf(path, sizeof path, "%s/%s/%s.csv", folder, part, name);
    FILE *file = fopen(path, "r");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    CU_ASSERT_EQUAL_FATAL(csv_open(&csv, file, &table, &err), E_OK);
    for (; (got = csv_next(csv, &row, &fault)) == CSV_ROW; rows++) {
        if (each) each(&row);
        for (size_t i = 0; i < count; i++) *seen = hash64(row.cells[i].text, row.cells[i].bytes, *seen + i);
    }
    if (got != CSV_END) fprintf(stderr, "%s: %d %s\n", path, csv_fault_err(&fault, &err), err.text);
    EQ(got, CSV_END);
    EQ(csv_encoding(csv), is);
    csv_destroy(&csv);
    CU_ASSERT_EQUAL(fclose(file), 0);
    return rows;
}
#define READ(part, name, columns, each)                                                                                \
    read_file(part, name, columns, COUNT_OF(columns), each, CSV_UTF8, &(uint64_t){0})

static void check_employer(const csv_row_t *row) {
    EQ(uscc_check(row->cells[1].text, NULL), E_OK);
    EQ(division_check(row->cells[4].text, NULL), E_OK);
}

static int64_t rank; // of the row
static void check_person(const csv_row_t *row) {
    citizen_t citizen = {0};
    EQ(citizen_id_check(row->cells[1].text, &citizen, NULL), E_OK);
    EQ_TEXT(citizen.division, NOWHERE);
    OK(atol(row->cells[0].text + 1) == ++rank);
}

static void check_spell(const csv_row_t *row) {
    bool employee = row->cells[1].word == IDENTITY_EMPLOYEE;
    EQ(row->cells[2].given, employee);
    EQ(row->cells[5].given, employee);
    OK(!row->cells[4].given || row->cells[4].month >= row->cells[3].month);
}

static void check_civil(const csv_row_t *row) { OK(row->cells[1].word != GROUP_REGISTERED_POOR); }
static void check_poor(const csv_row_t *row) { EQ(row->cells[1].word, GROUP_REGISTERED_POOR); }
static void check_monthly(const csv_row_t *row) {
    EQ_TEXT(row->cells[3].text, "2019-03");
    EQ(row->cells[1].given + row->cells[2].given, 1);
}
static void check_yearly(const csv_row_t *row) {
    EQ_TEXT(row->cells[3].text, "2019");
    OK(row->cells[2].given && !row->cells[1].given);
}

TEST(a_city_is_read_back_by_an_importer) {
    EQ(run("a", "--people 3000 --employers 50 --seed 7 --month 2019-03 --division 990101 --division 990102"), 0);
    EQ(READ("a", "employers", employers, check_employer), EMPLOYERS);
    EQ(READ("a", "persons", persons, check_person), PEOPLE);
    int64_t lines = READ("a", "spells", spells, check_spell);
    OK(lines > PEOPLE && lines < PEOPLE + PEOPLE / 10); // some changed their employer
    int64_t civil = READ("a", "groups-civil_affairs", memberships, check_civil),
            poor = READ("a", "groups-poverty_relief", memberships, check_poor);
    OK(civil > 0 && poor > 0 && civil + poor < PEOPLE / 10);
    int64_t monthly = READ("a", "receipts-2019-03", receipts, check_monthly),
            yearly = READ("a", "receipts-2019", receipts, check_yearly);
    OK(monthly > EMPLOYERS && yearly > PEOPLE / 3 && monthly + yearly < PEOPLE + EMPLOYERS);
}

TEST(both_encodings_say_the_same) {
    static const char *const options = "--people 2000 --employers 50 --seed 7 --month 2019-03";
    char gb18030[128];
    uint64_t one, other;
    snprintf(gb18030, sizeof gb18030, "%s --gb18030", options);
    EQ(run("utf8", options), 0);
    EQ(run("gb18030", gb18030), 0);
    EQ(read_file("utf8", "persons", persons, COUNT_OF(persons), NULL, CSV_UTF8, &one), 2000);
    EQ(read_file("gb18030", "persons", persons, COUNT_OF(persons), NULL, CSV_GB18030, &other), 2000);
    OK(one == other);
    read_file("utf8", "receipts-2019", receipts, COUNT_OF(receipts), NULL, CSV_UTF8, &one);
    read_file("gb18030", "receipts-2019", receipts, COUNT_OF(receipts), NULL, CSV_GB18030, &other);
    OK(one == other);
}

TEST(the_same_options_give_the_same_files_and_another_seed_others) {
    char command[512];
    EQ(run("b", "--people 500 --employers 5"), 0);
    EQ(run("c", "--people 500 --employers 5 --seed 1"), 0);
    EQ(run("d", "--people 500 --employers 5 --seed 2"), 0);
    snprintf(command, sizeof command, "diff -r %s/b %s/c", folder, folder);
    EQ(system(command), 0);
    snprintf(command, sizeof command, "diff -rq %s/b %s/d >/dev/null", folder, folder);
    OK(system(command) != 0);
    // The first people of a larger city are those of the smaller one.
    EQ(run("e", "--people 501 --employers 5"), 0);
    snprintf(command, sizeof command, "head -n 501 %s/e/persons.csv | cmp - %s/b/persons.csv", folder, folder);
    EQ(system(command), 0);
}

// Whose rules: amounts of another city are others, and a value that it has not published is named.
TEST(receipts_follow_the_rules_of_the_city) {
    uint64_t one, other;
    EQ(run("jm", "--people 500 --employers 5 --month 2020-03"), 0);
    EQ(run("zz", "--people 500 --employers 5 --month 2020-03 --city zaozhuang --overlay " TC_SOURCE_DIR
                 "/config/samples/zaozhuang-illustrative.yaml"),
       0);
    read_file("jm", "receipts-2020", receipts, COUNT_OF(receipts), NULL, CSV_UTF8, &one);
    read_file("zz", "receipts-2020", receipts, COUNT_OF(receipts), NULL, CSV_UTF8, &other);
    OK(one != other);
    EQ(run("x", "--people 500 --employers 5 --month 2020-03 --city zaozhuang"), 2);
    EQ(run("x", "--people 500 --employers 5 --month 2000-03"), 2); // no rule was in force
}

static int by_text(const void *a, const void *b) { return strcmp(a, b); }

// The first and the last of the largest city, with whatever sex and age: only the number tells them apart.
TEST(nobody_has_the_citizen_id_of_another_or_of_a_real_person) {
    enum { MANY = 700000 };
    char(*ids)[CITIZEN_ID_LENGTH + 1] = malloc(MANY * sizeof *ids);
    NEED(ids != NULL);
    for (int64_t i = 0; i < MANY; i++) {
        person_t person;
        draw_t draw = draw_of(1, 2, i);
        int64_t number = i < MANY / 2 ? i : SAMPLE_PEOPLE_MAX - MANY + i;
        sample_person_draw(&draw, number, 2018, 3, 100, &person);
        sample_citizen_id(&person, number, ids[i]);
        if (strncmp(ids[i], "9900", 4) != 0 || citizen_id_check(ids[i], &(citizen_t){0}, NULL)) EQ(i, -1);
    }
    qsort(ids, MANY, sizeof *ids, by_text);
    for (int64_t i = 1; i < MANY; i++)
        if (strcmp(ids[i - 1], ids[i]) == 0) EQ(i, -1);
    free(ids);
}

TEST(wrong_usage_is_told) {
    static const char *const wrong[] = {"--people 0",      "--people 10000000", "--employers 0", "--month 2018-13",
                                        "--month 1989-12", "--division 12",     "--seed x",      "--nonsense 1"};
    for (size_t i = 0; i < COUNT_OF(wrong); i++) EQ(run("x", wrong[i]), 2);
    EQ(run("x", "--people 5 --employers 5 --out /nowhere/at/all"), 2);
}

TEST(the_folder_goes) {
    char command[256];
    snprintf(command, sizeof command, "rm -r %s", folder);
    EQ(system(command), 0);
}

int main(void) {
    static const check_case_t cases[] = {CASE(a_city_is_read_back_by_an_importer),
                                         CASE(both_encodings_say_the_same),
                                         CASE(the_same_options_give_the_same_files_and_another_seed_others),
                                         CASE(receipts_follow_the_rules_of_the_city),
                                         CASE(nobody_has_the_citizen_id_of_another_or_of_a_real_person),
                                         CASE(wrong_usage_is_told),
                                         CASE(the_folder_goes)};
    if (!mkdtemp(folder) || setenv("TONGCHOU_CONFIG", TC_SOURCE_DIR "/config", 1)) return 2;
    return check_run("sample_city", cases, COUNT_OF(cases));
}
