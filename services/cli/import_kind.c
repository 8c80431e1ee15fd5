#include "import_kind.h"
#include "common/base/hash.h"
#include "common/policy/vocabulary.h"
#include "enrollment.pb-c.h"
#include <string.h>

enum { CHUNK_BYTES = 512 * 1024, PERSON_ROWS = 300, CIRCUMSTANCES_MAX = 32 };

// ---- columns

#define X(code, name, chinese) {name, chinese},
static const csv_word_t identities[] = {IDENTITY_TABLE(X)}, employer_kinds[] = {EMPLOYER_TABLE(X)};
#undef X
static const csv_word_t registrations[] = {{"local", "本地"}, {"elsewhere", "外地"}};
#define WORDS(list) .type = CSV_WORD, .words = list, .word_count = COUNT_OF(list)

enum { PERSON, PERSON_CITIZEN, PERSON_NAME, PERSON_DIVISION, PERSON_REGISTRATION, PERSON_HOUSEHOLD };
static const csv_column_t person_columns[] = {
    {.name = "person", .chinese = "人员编号", .required = true},
    {.name = "citizen_id", .chinese = "证件号码", .required = true, .personal = true},
    {.name = "name", .chinese = "姓名", .required = true, .personal = true},
    {.name = "division", .chinese = "参保区划", .required = true},
    {.name = "registration", .chinese = "户籍", WORDS(registrations)},
    {.name = "household", .chinese = "户号"}};

enum { EMPLOYER, EMPLOYER_USCC, EMPLOYER_NAME, EMPLOYER_KIND, EMPLOYER_DIVISION };
static const csv_column_t employer_columns[] = {
    {.name = "employer", .chinese = "单位编号", .required = true},
    {.name = "uscc", .chinese = "统一社会信用代码", .required = true},
    {.name = "name", .chinese = "名称", .required = true},
    {.name = "kind", .chinese = "类型", .required = true, WORDS(employer_kinds)},
    {.name = "division", .chinese = "区划", .required = true}};

enum { RECOGNISED, RECOGNISED_AS, RECOGNISED_FROM, RECOGNISED_UNTIL, RECOGNISED_ON, RECOGNISED_BY };
static const csv_column_t recognition_columns[] = {
    {.name = "employer", .chinese = "单位编号", .required = true},
    {.name = "kind", .chinese = "类型", .required = true, WORDS(employer_kinds)},
    {.name = "from", .chinese = "起", .required = true, .type = CSV_DATE},
    {.name = "until", .chinese = "止", .type = CSV_DATE},
    {.name = "approved_on", .chinese = "认定日期", .required = true, .type = CSV_DATE},
    {.name = "document", .chinese = "认定文号", .required = true}};

enum {
    SPELL_PERSON,
    SPELL_IDENTITY,
    SPELL_EMPLOYER,
    SPELL_FROM,
    SPELL_LAST,
    SPELL_WAGE,
    SPELL_TIER1,
    SPELL_TIER2,
    SPELL_CIRCUMSTANCES
};
static const csv_column_t spell_columns[] = {
    {.name = "person", .chinese = "人员编号", .required = true},
    {.name = "identity", .chinese = "身份", .required = true, WORDS(identities)},
    {.name = "employer", .chinese = "单位编号"},
    {.name = "from_month", .chinese = "起始月", .required = true, .type = CSV_MONTH},
    {.name = "last_month", .chinese = "终止月", .type = CSV_MONTH},
    {.name = "wage", .chinese = "工资", .type = CSV_MONEY},
    {.name = "prior_months_tier1", .chinese = "一档转入月数", .type = CSV_NUMBER},
    {.name = "prior_months_tier2", .chinese = "二档转入月数", .type = CSV_NUMBER},
    {.name = "circumstances", .chinese = "情形"}};

enum { WAGE_PERSON, WAGE_FROM, WAGE_WAGE };
static const csv_column_t wage_columns[] = {
    {.name = "person", .chinese = "人员编号", .required = true},
    {.name = "from_month", .chinese = "起始月", .required = true, .type = CSV_MONTH},
    {.name = "wage", .chinese = "工资", .required = true, .type = CSV_MONEY}};

enum { LIST_PERSON, LIST_ID, LIST_GROUP };
#define X(code, name, chinese) {name, chinese},
static const csv_word_t groups[] = {GROUP_TABLE(X)};
#undef X
static const csv_column_t list_columns[] = {{.name = "person", .chinese = "人员编号"},
                                            {.name = "id_number", .chinese = "证件号码", .personal = true},
                                            {.name = "group", .chinese = "人群", WORDS(groups)}};

#define KIND(is, name, columns)                                                                                        \
    { name, "import_" name, is, columns, COUNT_OF(columns) }
const import_kind_t import_kinds[IMPORT__COUNT] = {KIND(IMPORT_PERSONS, "persons", person_columns),
                                                   KIND(IMPORT_EMPLOYERS, "employers", employer_columns),
                                                   KIND(IMPORT_EMPLOYER_KINDS, "employer_kinds", recognition_columns),
                                                   KIND(IMPORT_SPELLS, "spells", spell_columns),
                                                   KIND(IMPORT_WAGES, "wages", wage_columns),
                                                   KIND(IMPORT_LIST, "list", list_columns)};

const import_kind_t *import_kind_find(const char *name) {
    for (size_t i = 0; i < COUNT_OF(import_kinds); i++)
        if (strcmp(import_kinds[i].name, name) == 0) return &import_kinds[i];
    return NULL;
}

// ---- keys

static uint64_t key_of(const csv_cell_t *cell, uint64_t what) { return hash64(cell->text, cell->bytes, what); }

uint64_t import_row_number(const import_kind_t *kind, const csv_row_t *row) {
    (void)kind; // it is everybody's first column
    return key_of(&row->cells[0], 1);
}

static bool has_code(const import_kind_t *kind) {
    return kind->what == IMPORT_PERSONS || kind->what == IMPORT_EMPLOYERS;
}

uint64_t import_row_code(const import_kind_t *kind, const csv_row_t *row) {
    return has_code(kind) ? key_of(&row->cells[1], 2) : 0;
}

uint64_t import_row_month(const csv_row_t *row) {
    return hash64(&row->cells[WAGE_FROM].month, sizeof row->cells[WAGE_FROM].month,
                  key_of(&row->cells[WAGE_PERSON], 4));
}

static uint64_t look_of(const csv_row_t *row) {
    const csv_cell_t *citizen = &row->cells[PERSON_CITIZEN];
    uint64_t birth = citizen->bytes == 18 ? hash64(citizen->text + 6, 8, 3) : 0;
    return key_of(&row->cells[PERSON_NAME], birth);
}

static void note_keys(import_chunk_t *chunk, const csv_row_t *row) {
    chunk->last_person = import_row_number(chunk->kind, row);
    if (chunk->kind->what == IMPORT_LIST) return; // put aside by row: any order will do
    chunk->keys[chunk->key_count++] = chunk->last_person;
    if (!has_code(chunk->kind)) return;
    chunk->keys[chunk->key_count++] = import_row_code(chunk->kind, row);
    if (chunk->kind->what == IMPORT_PERSONS) chunk->keys[chunk->key_count++] = look_of(row);
}

// ---- rows

static char *text_of(const csv_cell_t *cell, arena_t *arena) {
    return cell->given ? arena_copy(arena, cell->text, cell->bytes + 1) : (char *)protobuf_c_empty_string;
}

static char *word_of(const csv_cell_t *cell, const csv_word_t *words) {
    return (char *)(cell->given ? words[cell->word].name : protobuf_c_empty_string);
}

static char *month_text(const csv_cell_t *cell, arena_t *arena) {
    char text[DATE_TEXT_MAX];
    return cell->given ? arena_text(arena, "%s", month_format(cell->month, text)) : (char *)protobuf_c_empty_string;
}

static ProtobufCMessage *person_of(const csv_cell_t *cells, arena_t *arena) {
    Tc__RegisterPerson *row = arena_alloc(arena, sizeof *row);
    if (!row) return NULL;
    tc__register_person__init(row);
    row->person = text_of(&cells[PERSON], arena);
    row->citizen_id = text_of(&cells[PERSON_CITIZEN], arena);
    row->name = text_of(&cells[PERSON_NAME], arena);
    row->division = text_of(&cells[PERSON_DIVISION], arena);
    row->registration = word_of(&cells[PERSON_REGISTRATION], registrations);
    row->household = text_of(&cells[PERSON_HOUSEHOLD], arena);
    return row->person && row->citizen_id && row->name && row->division && row->household ? &row->base : NULL;
}

static ProtobufCMessage *employer_of(const csv_cell_t *cells, arena_t *arena) {
    Tc__RegisterEmployer *row = arena_alloc(arena, sizeof *row);
    if (!row) return NULL;
    tc__register_employer__init(row);
    row->employer = text_of(&cells[EMPLOYER], arena);
    row->uscc = text_of(&cells[EMPLOYER_USCC], arena);
    row->name = text_of(&cells[EMPLOYER_NAME], arena);
    row->kind = word_of(&cells[EMPLOYER_KIND], employer_kinds);
    row->division = text_of(&cells[EMPLOYER_DIVISION], arena);
    return row->employer && row->uscc && row->name && row->division ? &row->base : NULL;
}

static char *date_text(const csv_cell_t *cell, arena_t *arena) {
    char text[DATE_TEXT_MAX];
    return cell->given ? arena_text(arena, "%s", date_format(cell->date, text)) : (char *)protobuf_c_empty_string;
}

static ProtobufCMessage *recognition_of(const csv_cell_t *cells, arena_t *arena) {
    Tc__SetEmployerKind *row = arena_alloc(arena, sizeof *row);
    if (!row) return NULL;
    tc__set_employer_kind__init(row);
    row->employer = text_of(&cells[RECOGNISED], arena);
    row->kind = word_of(&cells[RECOGNISED_AS], employer_kinds);
    row->from = date_text(&cells[RECOGNISED_FROM], arena);
    row->until = date_text(&cells[RECOGNISED_UNTIL], arena);
    row->approved_on = date_text(&cells[RECOGNISED_ON], arena);
    row->document = text_of(&cells[RECOGNISED_BY], arena);
    return row->employer && row->from && row->until && row->approved_on && row->document ? &row->base : NULL;
}

// Words apart by ; or spaces; one too many is kept as one long word, which the service refuses.
static bool split_circumstances(const csv_cell_t *cell, Tc__OpenSpell *row, arena_t *arena) {
    char *rest = NULL, *text = text_of(cell, arena);
    if (!cell->given) return true;
    row->circumstances = arena_alloc(arena, CIRCUMSTANCES_MAX * sizeof *row->circumstances);
    if (!text || !row->circumstances) return false;
    for (char *word = strtok_r(text, "; ", &rest); word; word = strtok_r(NULL, "; ", &rest)) {
        row->circumstances[row->n_circumstances++] = word;
        if (row->n_circumstances == CIRCUMSTANCES_MAX) break;
    }
    return true;
}

static int32_t months_of(const csv_cell_t *cell) {
    return !cell->given ? 0 : cell->number > INT32_MAX ? INT32_MAX : (int32_t)cell->number;
}

static ProtobufCMessage *spell_of(const csv_cell_t *cells, arena_t *arena, char **last_month) {
    Tc__OpenSpell *row = arena_alloc(arena, sizeof *row);
    if (!row) return NULL;
    tc__open_spell__init(row);
    row->person = text_of(&cells[SPELL_PERSON], arena);
    row->identity = word_of(&cells[SPELL_IDENTITY], identities);
    row->employer = text_of(&cells[SPELL_EMPLOYER], arena);
    row->from_month = month_text(&cells[SPELL_FROM], arena);
    *last_month = month_text(&cells[SPELL_LAST], arena);
    if (cells[SPELL_WAGE].given) {
        row->wage_given_case = TC__OPEN_SPELL__WAGE_GIVEN_WAGE_FEN;
        row->wage_fen = cells[SPELL_WAGE].fen;
    }
    row->prior_months_tier1 = months_of(&cells[SPELL_TIER1]);
    row->prior_months_tier2 = months_of(&cells[SPELL_TIER2]);
    bool good = split_circumstances(&cells[SPELL_CIRCUMSTANCES], row, arena);
    return good && row->person && row->employer && row->from_month && *last_month ? &row->base : NULL;
}

static ProtobufCMessage *wage_of(const csv_cell_t *cells, arena_t *arena) {
    Tc__DeclareWage *row = arena_alloc(arena, sizeof *row);
    if (!row) return NULL;
    tc__declare_wage__init(row);
    row->person = text_of(&cells[WAGE_PERSON], arena);
    row->from_month = month_text(&cells[WAGE_FROM], arena);
    row->wage_given_case = TC__DECLARE_WAGE__WAGE_GIVEN_WAGE_FEN;
    row->wage_fen = cells[WAGE_WAGE].fen;
    return row->person && row->from_month ? &row->base : NULL;
}

// ---- chunks

void import_chunk_reset(import_chunk_t *chunk) {
    arena_reset(chunk->arena);
    chunk->count = chunk->bytes = chunk->key_count = 0;
}

bool import_chunk_full(const import_chunk_t *chunk, const csv_row_t *row) {
    if (chunk->count == 0) return false;
    if (chunk->count == IMPORT_CHUNK_ROWS || chunk->bytes >= CHUNK_BYTES) return true;
    if (row->number != chunk->first_row + (int64_t)chunk->count) return true;
    // Rows of one person stay together as far as that can be, so that a dry chunk sees what they come to.
    return chunk->kind->what == IMPORT_SPELLS && chunk->count > IMPORT_CHUNK_ROWS - PERSON_ROWS &&
           chunk->last_person != import_row_number(chunk->kind, row);
}

int import_chunk_add(import_chunk_t *chunk, const csv_row_t *row, err_t *err) {
    const csv_cell_t *cells = row->cells;
    const size_t at = chunk->count;
    CHECK(at < IMPORT_CHUNK_ROWS);
    if (at == 0) chunk->first_row = row->number;
    switch (chunk->kind->what) {
    case IMPORT_PERSONS: chunk->rows[at] = person_of(cells, chunk->arena); break;
    case IMPORT_EMPLOYERS: chunk->rows[at] = employer_of(cells, chunk->arena); break;
    case IMPORT_SPELLS: chunk->rows[at] = spell_of(cells, chunk->arena, &chunk->texts[at]); break;
    case IMPORT_EMPLOYER_KINDS: chunk->rows[at] = recognition_of(cells, chunk->arena); break;
    case IMPORT_WAGES: chunk->rows[at] = wage_of(cells, chunk->arena); break;
    default:
        chunk->texts[at] = text_of(&cells[LIST_PERSON], chunk->arena);
        chunk->ids[at] = text_of(&cells[LIST_ID], chunk->arena);
        break;
    }
    if (chunk->kind->what == IMPORT_LIST ? !chunk->texts[at] || !chunk->ids[at] : !chunk->rows[at])
        return err_set(err, E_IO, "out of memory");
    for (size_t i = 0; i < chunk->kind->count; i++) chunk->bytes += cells[i].bytes + 4;
    note_keys(chunk, row);
    chunk->count++;
    return 0;
}

static int pack(const ProtobufCMessage *message, arena_t *arena, void **body, size_t *bytes, err_t *err) {
    *body = message_pack(message, arena, bytes);
    return *body ? 0 : err_set(err, E_IO, "out of memory");
}

static void about_list(Tc__ImportList *list, const import_about_t *about) {
    tc__import_list__init(list);
    list->file = (char *)about->file;
    list->source = (char *)about->source;
    list->group = (char *)about->group;
    list->as_of = (char *)about->as_of;
    list->dry = about->dry;
}

// The messages of persons, employers, spells and wages begin alike.
#define FILL(message, row_t)                                                                                           \
    do {                                                                                                               \
        (message).file = (char *)about->file;                                                                          \
        (message).first_row = (int32_t)chunk->first_row;                                                               \
        (message).dry = about->dry;                                                                                    \
        (message).rows = (row_t **)chunk->rows;                                                                        \
        (message).n_rows = chunk->count;                                                                               \
    } while (0)

int import_chunk_pack(import_chunk_t *chunk, const import_about_t *about, void **body, size_t *bytes, err_t *err) {
    Tc__ImportPersons persons = TC__IMPORT_PERSONS__INIT;
    Tc__ImportEmployers employers = TC__IMPORT_EMPLOYERS__INIT;
    Tc__ImportEmployerKinds recognitions = TC__IMPORT_EMPLOYER_KINDS__INIT;
    Tc__ImportSpells spells = TC__IMPORT_SPELLS__INIT;
    Tc__ImportWages wages = TC__IMPORT_WAGES__INIT;
    Tc__ImportList list;
    switch (chunk->kind->what) {
    case IMPORT_PERSONS: FILL(persons, Tc__RegisterPerson); return pack(&persons.base, chunk->arena, body, bytes, err);
    case IMPORT_EMPLOYERS:
        FILL(employers, Tc__RegisterEmployer);
        return pack(&employers.base, chunk->arena, body, bytes, err);
    case IMPORT_SPELLS:
        FILL(spells, Tc__OpenSpell);
        spells.last_months = chunk->texts;
        spells.n_last_months = chunk->count;
        return pack(&spells.base, chunk->arena, body, bytes, err);
    case IMPORT_EMPLOYER_KINDS:
        FILL(recognitions, Tc__SetEmployerKind);
        return pack(&recognitions.base, chunk->arena, body, bytes, err);
    case IMPORT_WAGES: FILL(wages, Tc__DeclareWage); return pack(&wages.base, chunk->arena, body, bytes, err);
    default:
        about_list(&list, about);
        list.id_numbers = chunk->ids;
        list.n_id_numbers = chunk->count;
        list.first_row = (int32_t)chunk->first_row;
        list.persons = chunk->texts;
        list.n_persons = chunk->count;
        return pack(&list.base, chunk->arena, body, bytes, err);
    }
}

int import_last_pack(arena_t *arena, const import_about_t *about, int64_t total, void **body, size_t *bytes,
                     err_t *err) {
    Tc__ImportList list;
    about_list(&list, about);
    list.first_row = 1;
    list.last = true;
    list.total = (int32_t)total;
    return pack(&list.base, arena, body, bytes, err);
}

bool import_row_named(const csv_row_t *row) { return row->cells[LIST_PERSON].given || row->cells[LIST_ID].given; }

bool import_row_passed(const import_kind_t *kind, const csv_row_t *row, const char *group) {
    if (kind->what != IMPORT_LIST || !row->cells[LIST_GROUP].given) return false;
    return strcmp(groups[row->cells[LIST_GROUP].word].name, group) != 0;
}
