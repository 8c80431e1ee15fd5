// Files of catalogues: both spellings of the heading, what stands in columns of its own, rows at fault by row and
// column; and the synthetic catalogue, every row of which adjudication takes.
#include "services/adjudication/catalogue.h"
#include "services/cli/catalogue_file.h"
#include "services/cli/sample_catalogue.h"
#include "tests/check.h"
#include "tests/temp_store.h"

typedef struct seen {
    int rows, bad, refused;
    int64_t row; // of the last fault
    char field[64], text[256];
    Tc__CatalogueItem *last;
} seen_t;

static arena_t *arena;

static void note(seen_t *seen, int64_t row, const err_t *err) {
    seen->row = row;
    snprintf(seen->field, sizeof seen->field, "%s", err->field);
    snprintf(seen->text, sizeof seen->text, "%s", err->text);
}

static seen_t read_file(FILE *file) {
    seen_t seen = {0};
    csv_table_t table;
    csv_t *csv = NULL;
    csv_row_t row;
    csv_fault_t fault;
    err_t err = {0};
    catalogue_file_table(&table);
    NEED(file && csv_open(&csv, file, &table, &err) == 0);
    for (csv_got_t got; (got = csv_next(csv, &row, &fault)) != CSV_END;) {
        err_t why = {0};
        if (got == CSV_ROW && catalogue_file_row(&row, arena, &seen.last, &why) == 0) {
            seen.rows++;
            continue;
        }
        seen.bad++;
        if (got != CSV_ROW) {
            csv_fault_err(&fault, &why);
            snprintf(why.field, sizeof why.field, "%s", fault.column);
        }
        note(&seen, got == CSV_ROW ? row.number : fault.row, &why);
        if (got == CSV_REFUSED) {
            seen.refused++;
            break;
        }
    }
    csv_destroy(&csv);
    fclose(file);
    return seen;
}

static seen_t read_text(const char *text) { return read_file(fmemopen((void *)text, strlen(text), "r")); }

TEST(a_table_is_read_in_both_languages) {
    arena = arena_new(1 << 16, 0);
    seen_t seen = read_text("目录类别,编码,名称,等级,开始日期,先行自付比例,城乡居民先行自付比例,限价,三级限价,限性别,"
                            "最小年龄,限诊断,最低机构等级,限就医类型\n"
                            "药品,XA01,示例,乙,20180101,10%,0.2,10.5,12,女,18,I10;E11 C50,二级,住院\n");
    EQ(seen.rows, 1);
    EQ(seen.bad, 0);
    NEED(seen.last != NULL);
    const Tc__CatalogueItem *item = seen.last;
    EQ_TEXT(item->kind, "drug");
    EQ_TEXT(item->class_, "B");
    EQ_TEXT(item->from, "2018-01-01");
    EQ_TEXT(item->until, "");
    NEED(item->n_shares == 2 && item->n_limits == 2 && item->n_diagnoses == 3);
    EQ_TEXT(item->shares[0]->who, "");
    EQ(item->shares[0]->first_pay_ppm, 100000);
    EQ_TEXT(item->shares[1]->who, "resident");
    EQ(item->shares[1]->first_pay_ppm, 200000);
    EQ(item->limits[0]->price_fen, 1050);
    EQ_TEXT(item->limits[1]->level, "3");
    EQ(item->limits[1]->price_fen, 1200);
    EQ_TEXT(item->sex, "female");
    EQ(item->age_min, 18);
    EQ_TEXT(item->diagnoses[2], "C50");
    EQ_TEXT(item->level_min, "2");
    EQ_TEXT(item->visit, "inpatient");
    seen = read_text("kind,code,name,class,from,until,days_max,age_max\nbed,0012,x,A,2018-01-01,2018/12/31,7,14\n");
    EQ(seen.rows, 1);
    EQ_TEXT(seen.last->kind, "bed");
    EQ_TEXT(seen.last->until, "2018-12-31");
    EQ(seen.last->days_max, 7);
    EQ(seen.last->age_max, 14);
    EQ(seen.last->n_shares, 0);
}

#define HEAD "kind,code,name,class,from,first_pay,limit,diagnoses,sex\n"
TEST(a_row_at_fault_is_told_by_row_and_column) {
    const struct {
        const char *row, *column;
    } cases[] = {
        {"food,X,x,A,2018-01-01,,,,\n", "kind"},
        {"drug,,x,A,2018-01-01,,,,\n", "code"},
        {"drug,X,,A,2018-01-01,,,,\n", "name"},
        {"drug,X,x,D,2018-01-01,,,,\n", "class"},
        {"drug,X,x,A,2018-02-30,,,,\n", "from"},
        {"drug,X,x,B,2018-01-01,1.5,,,\n", "first_pay"},
        {"drug,X,x,B,2018-01-01,101%,,,\n", "first_pay"},
        {"drug,X,x,B,2018-01-01,ten,,,\n", "first_pay"},
        {"drug,X,x,B,2018-01-01,0.12345678901234,,,\n", "first_pay"},
        {"drug,X,x,B,2018-01-01,0.00001%,,,\n", "first_pay"},
        {"drug,X,x,A,2018-01-01,,1.234,,\n", "limit"},
        {"drug,X,x,A,2018-01-01,,,,both\n", "sex"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char text[512];
        snprintf(text, sizeof text, HEAD "drug,XA01,x,A,2018-01-01,,,,\n%s", cases[i].row);
        seen_t seen = read_text(text);
        EQ(seen.rows, 1);
        EQ(seen.bad, 1);
        EQ(seen.row, 3);
        EQ_TEXT(seen.field, cases[i].column);
    }
    char many[1024] = HEAD "drug,X,x,A,2018-01-01,,,";
    for (int i = 0; i < 65; i++) strcat(many, "I10;");
    strcat(many, ",\n");
    EQ_TEXT(read_text(many).field, "diagnoses");
    EQ(read_text("kind,code,name,class\ndrug,X,x,A\n").refused, 1); // a column that must be there is not
    EQ(read_text("kind,code,name,class,from,colour\n").refused, 1); // one that is none of ours
    EQ(read_text(HEAD "drug,\"X,x,A,2018-01-01,,,,\n").refused, 1); // a quote that is never closed
}

TEST(the_synthetic_catalogue_is_one_and_the_same_seed_gives_the_same) {
    char path[128], other[128];
    NEED(temp_store_start() == 0);
    snprintf(path, sizeof path, "%s/one.csv", temp_store_dir());
    snprintf(other, sizeof other, "%s/two.csv", temp_store_dir());
    char *first[] = {(char *)"catalogue", (char *)"--entries", (char *)"3000", (char *)"--out", path};
    char *second[] = {(char *)"catalogue", (char *)"--entries", (char *)"3000", (char *)"--out", other};
    EQ(sample_catalogue_run(5, first), 0);
    EQ(sample_catalogue_run(5, second), 0);
    char command[300];
    snprintf(command, sizeof command, "cmp -s %s %s", path, other);
    EQ(system(command), 0);
    catalogue_t *catalogue = catalogue_new();
    csv_table_t table;
    csv_t *csv = NULL;
    csv_row_t row;
    csv_fault_t fault;
    err_t err = {0};
    int kinds[FEE_KIND__COUNT] = {0}, classes[FEE_CLASS__COUNT] = {0}, bad = 0;
    catalogue_file_table(&table);
    FILE *file = fopen(path, "rb");
    NEED(catalogue && file && csv_open(&csv, file, &table, &err) == 0);
    while (csv_next(csv, &row, &fault) == CSV_ROW) {
        Tc__CatalogueItem *item = NULL;
        catalogue_room_t room;
        catalogue_entry_t entry;
        int rc = catalogue_file_row(&row, arena, &item, &err);
        if (!rc) rc = catalogue_read(item, &room, &entry, &err);
        if (!rc) rc = catalogue_put(catalogue, &entry, &err);
        if (rc && bad++ < 3) fprintf(stderr, "row %lld: %s: %s\n", (long long)row.number, err.field, err.text);
        if (!rc) kinds[entry.kind]++, classes[entry.fee_class]++;
    }
    EQ(bad, 0);
    OK(catalogue_count(catalogue) > 3000); // some have a second year
    for (int i = 0; i < FEE_KIND__COUNT; i++) OK(kinds[i] > 20);
    for (int i = 0; i < FEE_CLASS__COUNT; i++) OK(classes[i] > 100);
    csv_destroy(&csv);
    fclose(file);
    catalogue_destroy(&catalogue);
    temp_store_stop();
    arena_destroy(&arena);
}

TESTS("catalogue files", CASE(a_table_is_read_in_both_languages), CASE(a_row_at_fault_is_told_by_row_and_column),
      CASE(the_synthetic_catalogue_is_one_and_the_same_seed_gives_the_same))
