// Shares and limits stand in columns of their own, one for everybody and one for each identity or level that differs,
// so that a spreadsheet needs no notation.
#include "catalogue_file.h"
#include "common/policy/vocabulary.h"
#include <string.h>

enum { DIAGNOSES_MAX = 64 };

#define X(code, name, chinese) {name, chinese},
static const csv_word_t kinds[] = {FEE_KIND_TABLE(X)}, classes[] = {FEE_CLASS_TABLE(X)}, sexes[] = {SEX_TABLE(X)},
                        levels[] = {LEVEL_TABLE(X)};
#undef X
static const csv_word_t visits[] = {{"inpatient", "住院"}, {"outpatient", "门诊"}};
#define WORDS(list) .type = CSV_WORD, .words = list, .word_count = COUNT_OF(list)

enum {
    KIND,
    CODE,
    NAME,
    CLASS,
    FROM,
    UNTIL,
    FIRST_PAY,
    FIRST_PAY_OF, // one for each identity
    LIMIT = FIRST_PAY_OF + IDENTITY__COUNT,
    LIMIT_OF, // one for each level
    SEX = LIMIT_OF + LEVEL__COUNT,
    AGE_MIN,
    AGE_MAX,
    DIAGNOSES,
    LEVEL_MIN,
    DAYS_MAX,
    VISIT,
    COLUMNS
};

static const csv_column_t columns[COLUMNS] = {
    [KIND] = {.name = "kind", .chinese = "目录类别", .required = true, WORDS(kinds)},
    [CODE] = {.name = "code", .chinese = "编码", .required = true},
    [NAME] = {.name = "name", .chinese = "名称", .required = true},
    [CLASS] = {.name = "class", .chinese = "等级", .required = true, WORDS(classes)},
    [FROM] = {.name = "from", .chinese = "开始日期", .required = true, .type = CSV_DATE},
    [UNTIL] = {.name = "until", .chinese = "结束日期", .type = CSV_DATE},
    [FIRST_PAY] = {.name = "first_pay", .chinese = "先行自付比例"},
#define X(code, name_, chinese_)                                                                                       \
    [FIRST_PAY_OF + (code)] = {.name = "first_pay_" name_, .chinese = chinese_ "先行自付比例"},
    IDENTITY_TABLE(X)
#undef X
        [LIMIT] = {.name = "limit", .chinese = "限价", .type = CSV_MONEY},
#define X(code, name_, chinese_)                                                                                       \
    [LIMIT_OF + (code)] = {.name = "limit_" name_, .chinese = chinese_ "限价", .type = CSV_MONEY},
    LEVEL_TABLE(X)
#undef X
        [SEX] = {.name = "sex", .chinese = "限性别", WORDS(sexes)},
    [AGE_MIN] = {.name = "age_min", .chinese = "最小年龄", .type = CSV_NUMBER},
    [AGE_MAX] = {.name = "age_max", .chinese = "最大年龄", .type = CSV_NUMBER},
    [DIAGNOSES] = {.name = "diagnoses", .chinese = "限诊断"},
    [LEVEL_MIN] = {.name = "level_min", .chinese = "最低机构等级", WORDS(levels)},
    [DAYS_MAX] = {.name = "days_max", .chinese = "限天数", .type = CSV_NUMBER},
    [VISIT] = {.name = "visit", .chinese = "限就医类型", WORDS(visits)},
};

void catalogue_file_table(csv_table_t *table) {
    *table = (csv_table_t){
        .columns = columns, .count = COLUMNS, .encoding = CSV_AUTO, .totals = CSV_TOTALS_NONE, .skip_unknown = false};
}

// ---- cells

static int no_memory(err_t *err) { return err_set(err, E_IO, "out of memory"); }

static char *text_of(const csv_cell_t *cell, arena_t *arena) {
    return cell->given ? arena_copy(arena, cell->text, cell->bytes + 1) : (char *)protobuf_c_empty_string;
}

static char *day_of(const csv_cell_t *cell, arena_t *arena) {
    char text[DATE_TEXT_MAX];
    return cell->given ? arena_text(arena, "%s", date_format(cell->date, text)) : (char *)protobuf_c_empty_string;
}

static char *word_of(const csv_row_t *row, int column) {
    const csv_cell_t *cell = &row->cells[column];
    return (char *)(cell->given ? columns[column].words[cell->word].name : protobuf_c_empty_string);
}

static int32_t number_of(const csv_cell_t *cell) {
    return !cell->given ? 0 : cell->number > INT32_MAX ? INT32_MAX : (int32_t)cell->number;
}

// "0.1" or "10%".
static bool read_rate(const csv_cell_t *cell, rate_t *out) {
    char text[16];
    const bool percent = cell->bytes > 1 && cell->text[cell->bytes - 1] == '%';
    rate_t rate = 0;
    if (cell->bytes >= sizeof text) return false;
    snprintf(text, sizeof text, "%.*s", (int)(cell->bytes - percent), cell->text);
    if (rate_parse(text, &rate) || (percent && rate % 100 != 0)) return false;
    *out = percent ? rate / 100 : rate;
    return *out <= RATE_ONE;
}

static int add_share(const csv_row_t *row, int column, const char *who, Tc__CatalogueItem *item, arena_t *arena,
                     err_t *err) {
    const csv_cell_t *cell = &row->cells[column];
    if (!cell->given) return 0;
    Tc__CatalogueItem__Share *share = arena_alloc(arena, sizeof *share);
    if (!share) return no_memory(err);
    tc__catalogue_item__share__init(share);
    share->who = (char *)who;
    if (!read_rate(cell, &share->first_pay_ppm))
        return err_field(err, E_INVALID_FIELD, columns[column].name,
                         "%s (%s): a share from 0 to 1 was expected, or 10%%", columns[column].chinese,
                         columns[column].name);
    item->shares[item->n_shares++] = share;
    return 0;
}

static int add_limit(const csv_row_t *row, int column, const char *level, Tc__CatalogueItem *item, arena_t *arena,
                     err_t *err) {
    const csv_cell_t *cell = &row->cells[column];
    if (!cell->given) return 0;
    Tc__CatalogueItem__Limit *limit = arena_alloc(arena, sizeof *limit);
    if (!limit) return no_memory(err);
    tc__catalogue_item__limit__init(limit);
    limit->level = (char *)level;
    limit->price_fen = cell->fen;
    item->limits[item->n_limits++] = limit;
    return 0;
}

static int add_lists(const csv_row_t *row, Tc__CatalogueItem *item, arena_t *arena, err_t *err) {
    item->shares = arena_alloc(arena, (IDENTITY__COUNT + 1) * sizeof *item->shares);
    item->limits = arena_alloc(arena, (LEVEL__COUNT + 1) * sizeof *item->limits);
    if (!item->shares || !item->limits) return no_memory(err);
    int rc = add_share(row, FIRST_PAY, "", item, arena, err);
    for (int i = 0; !rc && i < IDENTITY__COUNT; i++)
        rc = add_share(row, FIRST_PAY_OF + i, identity_name(i), item, arena, err);
    if (!rc) rc = add_limit(row, LIMIT, "", item, arena, err);
    for (int i = 0; !rc && i < LEVEL__COUNT; i++) rc = add_limit(row, LIMIT_OF + i, level_name(i), item, arena, err);
    return rc;
}

// Codes apart by ; or spaces.
static int add_diagnoses(const csv_cell_t *cell, Tc__CatalogueItem *item, arena_t *arena, err_t *err) {
    char *rest = NULL, *text = text_of(cell, arena);
    if (!cell->given) return 0;
    item->diagnoses = arena_alloc(arena, DIAGNOSES_MAX * sizeof *item->diagnoses);
    if (!text || !item->diagnoses) return no_memory(err);
    for (char *word = strtok_r(text, "; ", &rest); word; word = strtok_r(NULL, "; ", &rest)) {
        if (item->n_diagnoses == DIAGNOSES_MAX)
            return err_field(err, E_TOO_LARGE, columns[DIAGNOSES].name, "more than %d diagnoses", DIAGNOSES_MAX);
        item->diagnoses[item->n_diagnoses++] = word;
    }
    return 0;
}

int catalogue_file_row(const csv_row_t *row, arena_t *arena, Tc__CatalogueItem **out, err_t *err) {
    const csv_cell_t *cells = row->cells;
    Tc__CatalogueItem *item = arena_alloc(arena, sizeof *item);
    if (!item) return no_memory(err);
    tc__catalogue_item__init(item);
    item->kind = word_of(row, KIND);
    item->code = text_of(&cells[CODE], arena);
    item->name = text_of(&cells[NAME], arena);
    item->class_ = word_of(row, CLASS);
    item->from = day_of(&cells[FROM], arena);
    item->until = day_of(&cells[UNTIL], arena);
    item->sex = word_of(row, SEX);
    item->age_min = number_of(&cells[AGE_MIN]);
    item->age_max = number_of(&cells[AGE_MAX]);
    item->level_min = word_of(row, LEVEL_MIN);
    item->days_max = number_of(&cells[DAYS_MAX]);
    item->visit = word_of(row, VISIT);
    if (!item->code || !item->name || !item->from || !item->until) return no_memory(err);
    int rc = add_lists(row, item, arena, err);
    if (!rc) rc = add_diagnoses(&cells[DIAGNOSES], item, arena, err);
    if (!rc) *out = item;
    return rc;
}
