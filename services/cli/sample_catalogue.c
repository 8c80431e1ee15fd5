// Codes have the national shape (23 characters for a drug, 15 for an item, 20 for a material) and stand for nothing:
// the makers' numbers begin with 9, the names say 示例. The same seed gives the same file, byte for byte.
#include "sample_catalogue.h"
#include "cli.h"
#include "common/base/money.h"
#include "common/csv/write.h"
#include "sample_person.h"
#include <string.h>

enum { ENTRIES_MAX = 2000000, DRAW_KIND = 7 };

typedef struct catalogue {
    int64_t entries, seed, year;
    const char *out;
    csv_writer_t *writer;
} catalogue_t;

typedef struct entry {
    fee_kind_t kind;
    fee_class_t fee_class;
    char code[64]; // 15 to 23 characters
    int64_t number;
    draw_t draw;
} entry_t;

static const char *const heading[] = {
    "kind",  "code",    "name", "class",   "from",    "until",     "first_pay", "first_pay_resident",
    "limit", "limit_3", "sex",  "age_min", "age_max", "diagnoses", "level_min", "days_max",
    "visit"};

// ---- codes

static char letter(draw_t *draw, const char *of) { return of[draw_below(draw, (int64_t)strlen(of))]; }

// One draw after the other: a compiler may evaluate arguments in any order.
static void drug_code(entry_t *e) {
    draw_t *d = &e->draw;
    const int serial = (int)draw_below(d, 10000), pack = (int)draw_below(d, 3) + 1,
              strength = (int)draw_below(d, 5) + 1;
    const char form = letter(d, "ABCDEF"), chemical = letter(d, "ABCDEFGH"), pharmacological = letter(d, "ABCDEFX"),
               therapeutic = letter(d, "ABCDEFGHX");
    const int group = (int)draw_below(d, 16) + 1;
    const char anatomical = letter(d, "ABCDGHJLMNPRSV");
    snprintf(e->code, sizeof e->code, "X%c%02d%c%c%c%03d%c%03d%02d%02d9%04d", anatomical, group, therapeutic,
             pharmacological, chemical, (int)(e->number % 1000), form, (int)(e->number / 1000 % 1000), strength, pack,
             serial);
}

static void draw_code(entry_t *e) {
    const int number = (int)(e->number % 100000);
    const int group = (int)(e->number / 100000) + 1;
    switch (e->kind) {
    case FEE_KIND_DRUG: drug_code(e); break;
    case FEE_KIND_ITEM: snprintf(e->code, sizeof e->code, "00%02d12%05d0000", group, number); break;
    case FEE_KIND_BED: snprintf(e->code, sizeof e->code, "00%02d09%05d0000", group, number); break;
    case FEE_KIND_MATERIAL:
    case FEE_KIND__COUNT: snprintf(e->code, sizeof e->code, "C%02d0101001%05d90000", group, number); break;
    }
}

// ---- rows

// Of a thousand entries 560 are drugs, 260 items, 160 materials, 20 beds.
static fee_kind_t draw_kind(draw_t *draw) {
    const int64_t at = draw_below(draw, 1000);
    return at < 560 ? FEE_KIND_DRUG : at < 820 ? FEE_KIND_ITEM : at < 980 ? FEE_KIND_MATERIAL : FEE_KIND_BED;
}

static fee_class_t draw_class(entry_t *e) {
    const int64_t at = draw_below(&e->draw, 1000);
    if (e->kind == FEE_KIND_BED) return FEE_CLASS_A;
    return at < 300 ? FEE_CLASS_A : at < 880 ? FEE_CLASS_B : FEE_CLASS_C;
}

static void write_money(csv_writer_t *writer, fen_t amount) {
    char text[FEN_TEXT_MAX];
    csv_write(writer, amount ? fen_format(amount, text) : "");
}

static void write_terms(csv_writer_t *writer, entry_t *e) {
    static const char *const shares[] = {"0.05", "0.1", "0.15", "0.2", "0.3"};
    draw_t *d = &e->draw;
    const bool b = e->fee_class == FEE_CLASS_B && draw_chance(d, 950), dearer = b && draw_chance(d, 150);
    const bool limited = e->kind == FEE_KIND_BED || (e->fee_class != FEE_CLASS_C && draw_chance(d, 200));
    const int64_t share = draw_below(d, 4);
    const fen_t limit = limited ? 100 * (5 + draw_below(d, e->kind == FEE_KIND_MATERIAL ? 5000 : 95)) : 0;
    csv_write(writer, b ? shares[share] : "");
    csv_write(writer, dearer ? shares[share + 1] : "");
    write_money(writer, limit);
    write_money(writer, limited && e->kind == FEE_KIND_BED ? 2 * limit : 0);
}

// One limit of use at most, of few entries.
static void write_use(csv_writer_t *writer, entry_t *e) {
    static const char *const diagnoses[] = {"I10", "E11", "C50;C61", "N18", "J45"};
    draw_t *d = &e->draw;
    const int64_t use = e->fee_class == FEE_CLASS_C ? 1000 : draw_below(d, 1000);
    csv_write(writer, use < 10 ? "female" : use < 15 ? "male" : "");
    csv_write(writer, use >= 15 && use < 25 ? "18" : "");
    csv_write(writer, use >= 25 && use < 45 ? "14" : "");
    csv_write(writer, use >= 45 && use < 85 ? diagnoses[draw_below(d, 5)] : "");
    csv_write(writer, use >= 85 && use < 115 ? "2" : "");
    csv_write(writer, use >= 115 && use < 145 && e->kind == FEE_KIND_DRUG ? "7" : "");
    csv_write(writer, use >= 145 && use < 165 ? "inpatient" : "");
    csv_write_end_row(writer);
}

static void write_row(csv_writer_t *writer, entry_t *e, int64_t from_year) {
    csv_write(writer, fee_kind_name((int)e->kind));
    csv_write(writer, e->code);
    csv_write_format(writer, "示例%s%05lld", fee_kind_chinese((int)e->kind), (long long)e->number + 1);
    csv_write(writer, fee_class_name((int)e->fee_class));
    csv_write_format(writer, "%lld-01-01", (long long)from_year);
    csv_write(writer, "");
    write_terms(writer, e);
    write_use(writer, e);
}

// One entry in fifty is another one from the next year on.
static void write_entry(catalogue_t *catalogue, int64_t number) {
    entry_t e = {.number = number, .draw = draw_of((uint64_t)catalogue->seed, DRAW_KIND, number)};
    e.kind = draw_kind(&e.draw);
    draw_code(&e);
    e.fee_class = draw_class(&e);
    write_row(catalogue->writer, &e, catalogue->year);
    if (!draw_chance(&e.draw, 20)) return;
    e.fee_class = draw_class(&e);
    write_row(catalogue->writer, &e, catalogue->year + 1);
}

static int write_file(catalogue_t *catalogue, err_t *err) {
    int rc = csv_writer_open(&catalogue->writer, catalogue->out, CSV_UTF8, err);
    if (rc) return rc;
    for (size_t i = 0; i < COUNT_OF(heading); i++) csv_write(catalogue->writer, heading[i]);
    csv_write_end_row(catalogue->writer);
    for (int64_t i = 0; i < catalogue->entries; i++) write_entry(catalogue, i);
    return csv_writer_close(&catalogue->writer, err);
}

static const command_t self = {
    .name = "sample catalogue",
    .summary = "write a synthetic catalogue of drugs, items, materials and beds",
    .help =
        "usage: tongchou sample catalogue [--entries N] [--seed S] [--year Y] [--out FILE.csv]\n\n"
        "Writes a file for `tongchou catalogue load`. Codes have the national shape and stand for nothing real; all\n"
        "shares, limits and names are drawn. The same options give the same file. Defaults: 4000 entries, seed 1,\n"
        "from 2018 on, demo-catalogue.csv.\n\nexample:\n"
        "  tongchou sample catalogue --seed 1 --out config/samples/demo-catalogue.csv\n"};

int sample_catalogue_run(int argc, char **argv) {
    catalogue_t catalogue = {.entries = 4000, .seed = 1, .year = 2018, .out = "demo-catalogue.csv"};
    const option_spec_t specs[] = {{.name = "entries", .number = &catalogue.entries},
                                   {.name = "seed", .number = &catalogue.seed},
                                   {.name = "year", .number = &catalogue.year},
                                   {.name = "out", .text = &catalogue.out}};
    err_t err = {0};
    int status = options_parse(argc, argv, &self, specs, COUNT_OF(specs), NULL, NULL);
    if (status >= 0) return status;
    if (catalogue.entries < 1 || catalogue.entries > ENTRIES_MAX || catalogue.year < 1990 || catalogue.year > 2100) {
        fprintf(stderr, "tongchou sample catalogue: --entries 1…%d and --year 1990…2100 were expected\n", ENTRIES_MAX);
        return 2;
    }
    int rc = write_file(&catalogue, &err);
    if (rc) fprintf(stderr, "tongchou sample catalogue: %s\n", err.text);
    return rc ? 2 : 0;
}
