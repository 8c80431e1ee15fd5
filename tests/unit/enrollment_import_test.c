// Imports through their handlers: what is kept, what is refused by which row and field, what waits for a person, and
// that the same rows again change nothing. On SQLite and on PostgreSQL.
#include "enrollment.pb-c.h"
#include "services/enrollment/desk.h"
#include "services/enrollment/list.h"
#include "services/enrollment/member_index.h"
#include "tests/service_rig.h"

#define FILE_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define FILE_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

static policy_t *law;

static int64_t noon(void) { return 1514764800000 + 4 * 3600 * 1000; } // 2018-01-01 in Asia/Shanghai

static void open_enrollment(rig_t *rig) {
    err_t err = {0};
    if (!law && policy_load(&law, TC_SOURCE_DIR "/config/cities/jiangmen.yaml", NULL, &err))
        fprintf(stderr, "%s\n", err.text);
    NEED(law != NULL);
    rig_open(rig, &enrollment_service);
    enrollment_t *e = enrollment_new(&rig->ctx, law);
    NEED(e != NULL);
    e->now_ms = noon;
    rig->self = e;
}

static void close_enrollment(rig_t *rig) {
    enrollment_t *e = rig->self;
    enrollment_destroy(&e);
    rig_close(rig);
}

// ---- chunks as JSON

typedef struct text {
    char *data;
    size_t size, rows;
    FILE *file;
} text_t;

static void text_begin(text_t *text, const char *file, int first_row, bool dry, const char *list) {
    *text = (text_t){0};
    NEED((text->file = open_memstream(&text->data, &text->size)) != NULL);
    fprintf(text->file, "{\"file\":\"%s\",\"first_row\":%d,\"dry\":%s,\"%s\":[", file, first_row,
            dry ? "true" : "false", list);
}

static void text_comma(text_t *text) {
    if (text->rows++) fputc(',', text->file);
}

static void add_person(text_t *text, const char *person, const char *citizen, const char *name, const char *division) {
    text_comma(text);
    fprintf(text->file, "{\"person\":\"%s\",\"citizen_id\":\"%s\",\"name\":\"%s\",\"division\":\"%s\"}", person,
            citizen, name, division);
}

static void add_numbered(text_t *text, int number) {
    char person[32], name[32];
    snprintf(person, sizeof person, "P%d", number);
    snprintf(name, sizeof name, "李%d", number);
    add_person(text, person, rig_citizen((unsigned)number % 500, number < 500 ? "19700101" : "19710101", true), name,
               "440703");
}

// Send it; the report, or NULL when the chunk was refused.
static const Tc__ImportReport *send(rig_t *rig, const char *method, text_t *text, const char *rest) {
    fprintf(text->file, "]%s}", rest);
    NEED(fclose(text->file) == 0);
    int code = rig_send(rig, method, text->data);
    free(text->data);
    return code ? NULL : (const Tc__ImportReport *)rig->reply;
}

#define REPORT(report, d, u, r, p)                                                                                     \
    do {                                                                                                               \
        const Tc__ImportReport *got = (report);                                                                        \
        if (!got) fprintf(stderr, "%s:%d: refused %s: %s\n", __FILE__, __LINE__, rig.err.field, rig.err.text);         \
        NEED(got != NULL);                                                                                             \
        EQ(got->done, d);                                                                                              \
        EQ(got->unchanged, u);                                                                                         \
        EQ(got->refused, r);                                                                                           \
        EQ(got->parked, p);                                                                                            \
        EQ(got->n_problems, (r) + (p));                                                                                \
    } while (0)

#define PROBLEM(report, i, row_number, code_name, field_name)                                                          \
    do {                                                                                                               \
        NEED((report)->n_problems > (i));                                                                              \
        EQ((report)->problems[i]->row, row_number);                                                                    \
        EQ_TEXT((report)->problems[i]->code, code_name);                                                               \
        EQ_TEXT((report)->problems[i]->field, field_name);                                                             \
    } while (0)

static int64_t count_of(rig_t *rig, const char *table) {
    char sql[128];
    rows_t rows;
    err_t err = {0};
    snprintf(sql, sizeof sql, "SELECT count(*) FROM %s", table);
    NEED(store_query(rig->ctx.store, sql, NULL, 0, rig->ctx.arena, &rows, &err) == E_OK);
    return row_i64(&rows, 0, 0);
}

static const Tc__PersonState *person(rig_t *rig, const char *number) {
    RIG_DO(rig, "get_person", "{'person':'%s'}", number);
    return (const Tc__PersonState *)rig->reply;
}

// All states, as one text: two stores with the same text hold the same.
static char *all_states(rig_t *rig) {
    rows_t rows;
    err_t err = {0};
    char *data = NULL;
    size_t size;
    NEED(store_query(rig->ctx.store, "SELECT person, version, state FROM person ORDER BY partition, person", NULL, 0,
                     rig->ctx.arena, &rows, &err) == E_OK);
    FILE *out = open_memstream(&data, &size);
    NEED(out != NULL);
    for (size_t i = 0; i < rows.count; i++) {
        size_t bytes;
        uint8_t digest[SHA256_BYTES];
        char hex[2 * SHA256_BYTES + 1];
        const void *state = row_blob(&rows, i, 2, &bytes);
        sha256(state, bytes, digest);
        hex_encode(digest, sizeof digest, hex);
        fprintf(out, "%s %lld %s\n", row_text(&rows, i, 0), (long long)row_i64(&rows, i, 1), hex);
    }
    fclose(out);
    return data;
}

TEST(the_ground_is_laid) { rig_ground_start(); }

// ---- persons

static const Tc__ImportReport *hundred(rig_t *rig, bool dry) {
    text_t text;
    text_begin(&text, FILE_A, 2, dry, "rows");
    for (int i = 0; i < 100; i++) add_numbered(&text, i);
    return send(rig, "import_persons", &text, "");
}

TEST(a_file_sent_twice_changes_nothing) {
    rig_t rig;
    open_enrollment(&rig);
    const Tc__ImportReport *report = hundred(&rig, false);
    REPORT(report, 100, 0, 0, 0);
    EQ(rig_event_count(&rig), 100);
    EQ(count_of(&rig, "person"), 100);
    EQ(count_of(&rig, "person_version"), 100);
    EQ_TEXT(person(&rig, "P7")->birth, "1970-01-01");
    char *before = all_states(&rig);
    report = hundred(&rig, false);
    REPORT(report, 0, 100, 0, 0);
    EQ(rig_event_count(&rig), 100);
    EQ(count_of(&rig, "person_version"), 100);
    char *after = all_states(&rig);
    EQ_TEXT(after, before);
    free(before);
    free(after);
    close_enrollment(&rig);
}

TEST(events_come_in_the_order_of_rows) {
    rig_t rig;
    rows_t events;
    open_enrollment(&rig);
    REPORT(hundred(&rig, false), 100, 0, 0, 0);
    rig_events(&rig, &events);
    int last[PARTITIONS];
    for (int i = 0; i < PARTITIONS; i++) last[i] = -1;
    for (size_t i = 0; i < events.count; i++) {
        size_t size;
        ProtobufCMessage *message;
        err_t err = {0};
        const void *body = row_blob(&events, i, 4, &size);
        NEED(message_unpack(&message, &tc__person_state__descriptor, body, size, rig.ctx.arena, &err) == E_OK);
        int number = atoi(((Tc__PersonState *)message)->person + 1);
        OK(number > last[row_i64(&events, i, 0)]);
        last[row_i64(&events, i, 0)] = number;
        OK(memmem(body, size, "李", strlen("李")) == NULL); // no name, no citizen ID in an event
        OK(memmem(body, size, "19700101", 8) == NULL);
    }
    close_enrollment(&rig);
}

TEST(a_dry_chunk_writes_nothing_and_says_what_would_happen) {
    rig_t rig;
    open_enrollment(&rig);
    text_t text;
    text_begin(&text, FILE_A, 2, true, "rows");
    add_person(&text, "P1", rig_citizen(1, "19800101", true), "张三", "440703");
    add_person(&text, "P2", rig_citizen(2, "19800101", true), "张三", "440703");
    add_person(&text, "P3", "440703198001010000", "张五", "440703");
    const Tc__ImportReport *report = send(&rig, "import_persons", &text, "");
    REPORT(report, 1, 0, 1, 1);
    EQ(rig_event_count(&rig) + count_of(&rig, "person") + count_of(&rig, "person_version"), 0);
    EQ(count_of(&rig, "parked_person"), 0);
    close_enrollment(&rig);
}

TEST(bad_rows_are_told_by_row_and_field_and_good_ones_are_kept) {
    rig_t rig;
    open_enrollment(&rig);
    text_t text;
    text_begin(&text, FILE_A, 12, false, "rows");
    add_person(&text, "P1", rig_citizen(1, "19800101", true), "张三", "440703");
    add_person(&text, "P2", "440703198001010018", "张四", "440703");
    add_person(&text, "P 3", rig_citizen(3, "19800101", true), "张五", "440703");
    add_person(&text, "P4", rig_citizen(4, "19800101", true), "", "440703");
    add_person(&text, "P5", rig_citizen(5, "19800101", true), "张六", "999999");
    add_person(&text, "P6", "", "张七", "440703");
    add_person(&text, "P7", rig_citizen(7, "19800101", true), "张八", "440703");
    const Tc__ImportReport *report = send(&rig, "import_persons", &text, "");
    REPORT(report, 2, 0, 5, 0);
    PROBLEM(report, 0, 13, "INVALID_FIELD", "citizen_id");
    PROBLEM(report, 1, 14, "INVALID_FIELD", "person");
    PROBLEM(report, 2, 15, "MISSING_FIELD", "name");
    PROBLEM(report, 3, 16, "OUT_OF_RANGE", "division");
    PROBLEM(report, 4, 17, "MISSING_FIELD", "citizen_id");
    EQ(rig_event_count(&rig), 2);
    for (size_t i = 0; i < report->n_problems; i++) {
        OK(strstr(report->problems[i]->text, "4407031980") == NULL);
        OK(strstr(report->problems[i]->text, "张") == NULL);
    }
    close_enrollment(&rig);
}

TEST(one_number_and_one_citizen_id_belong_to_one_person) {
    rig_t rig;
    open_enrollment(&rig);
    for (int again = 0; again < 2; again++) { // in one chunk, then against the store
        text_t text;
        text_begin(&text, FILE_A, 2, false, "rows");
        add_person(&text, "P1", rig_citizen(1, "19800101", true), "张三", "440703");
        add_person(&text, "P1", rig_citizen(2, "19810101", true), "张四", "440703");
        add_person(&text, "P2", rig_citizen(1, "19800101", true), "张三", "440703");
        add_person(&text, "P1", rig_citizen(1, "19800101", true), "张三", "440705");
        add_person(&text, "P1", rig_citizen(1, "19800101", true), "张三", "440703");
        const Tc__ImportReport *report = send(&rig, "import_persons", &text, "");
        REPORT(report, !again, again + 1, 3, 0);
        PROBLEM(report, 0, 3, "EXISTS", "person");
        PROBLEM(report, 1, 4, "EXISTS", "citizen_id");
        PROBLEM(report, 2, 5, "EXISTS", "division");
        HAS_TEXT(report->problems[1]->text, "P1");
    }
    EQ(rig_event_count(&rig), 1);
    close_enrollment(&rig);
}

TEST(a_person_who_moved_or_was_merged_is_still_the_one_of_the_file) {
    rig_t rig;
    open_enrollment(&rig);
    text_t text;
    for (int again = 0; again < 2; again++) {
        text_begin(&text, FILE_A, 2, false, "rows");
        add_person(&text, "P1", rig_citizen(1, "19800101", true), "张三", "440703");
        add_person(&text, "P2", rig_citizen(2, "19810101", true), "张四", "440703");
        add_person(&text, "P3", rig_citizen(3, "19810101", true), "张五", "440703");
        const Tc__ImportReport *report = send(&rig, "import_persons", &text, "");
        REPORT(report, again ? 0 : 3, again ? 3 : 0, 0, 0);
        if (again) break;
        RIG_DO(&rig, "move_person", "{'person':'P1','division':'440705','from':'2017-06-01'}");
        RIG_DO(&rig, "merge_persons", "{'from':'P2','into':'P3','reason':'one human being'}");
    }
    close_enrollment(&rig);
}

// ---- suspected duplicates

static const Tc__ImportReport *two_alike(rig_t *rig) {
    text_t text;
    text_begin(&text, FILE_B, 7, false, "rows");
    add_person(&text, "P1", rig_citizen(1, "19800101", true), "张三", "440703");
    add_person(&text, "P2", rig_citizen(2, "19800101", true), "张三", "440703");
    return send(rig, "import_persons", &text, "");
}

static const Tc__ParkedPersons *parked(rig_t *rig) {
    RIG_DO(rig, "list_parked", "{}");
    return (const Tc__ParkedPersons *)rig->reply;
}

TEST(same_name_and_birth_waits_for_a_person) {
    rig_t rig;
    open_enrollment(&rig);
    const Tc__ImportReport *report = two_alike(&rig);
    REPORT(report, 1, 0, 0, 1);
    PROBLEM(report, 0, 8, "PARKED", "person");
    report = two_alike(&rig);
    REPORT(report, 0, 1, 0, 1); // waits still, once
    const Tc__ParkedPersons *list = parked(&rig);
    EQ(list->n_parked, 1);
    EQ_TEXT(list->parked[0]->person, "P2");
    EQ_TEXT(list->parked[0]->like, "P1");
    EQ_TEXT(list->parked[0]->file, FILE_B);
    EQ_TEXT(list->parked[0]->since, "2018-01-01");
    EQ(list->parked[0]->row, 8);
    OK(strstr(rig_reply(&rig), "张") == NULL && strstr(rig_reply(&rig), "19800101") == NULL);
    EQ(rig_ask(&rig, "get_person", "{'person':'P2'}"), E_NOT_FOUND);
    close_enrollment(&rig);
}

TEST(a_decision_to_register_registers) {
    rig_t rig;
    open_enrollment(&rig);
    REPORT(two_alike(&rig), 1, 0, 0, 1);
    char number[64];
    snprintf(number, sizeof number, "%s", parked(&rig)->parked[0]->number);
    EQ(rig_ask(&rig, "resolve_parked", "{'number':'%s','decision':'maybe'}", number), E_INVALID_FIELD);
    EQ(rig_ask(&rig, "resolve_parked", "{'number':'nothing','decision':'drop'}"), E_NOT_FOUND);
    EQ(rig_ask(&rig, "resolve_parked", "{'decision':'drop'}"), E_MISSING_FIELD);
    RIG_DO(&rig, "resolve_parked", "{'number':'%s','decision':'register'}", number);
    EQ_TEXT(((const Tc__PersonState *)rig.reply)->person, "P2");
    EQ(parked(&rig)->n_parked, 0);
    EQ(rig_event_count(&rig), 2);
    EQ(rig_ask(&rig, "resolve_parked", "{'number':'%s','decision':'drop'}", number), E_EXISTS);
    REPORT(two_alike(&rig), 0, 2, 0, 0);
    close_enrollment(&rig);
}

TEST(a_decision_to_drop_sticks) {
    rig_t rig;
    open_enrollment(&rig);
    REPORT(two_alike(&rig), 1, 0, 0, 1);
    RIG_DO(&rig, "resolve_parked", "{'number':'%s','decision':'drop'}", parked(&rig)->parked[0]->number);
    EQ_TEXT(((const Tc__PersonState *)rig.reply)->person, "P1");
    EQ(rig_event_count(&rig), 1);
    REPORT(two_alike(&rig), 0, 2, 0, 0);
    EQ(parked(&rig)->n_parked, 0);
    close_enrollment(&rig);
}

TEST(what_waits_is_listed_in_pages) {
    rig_t rig;
    open_enrollment(&rig);
    text_t text;
    text_begin(&text, FILE_B, 2, false, "rows");
    for (unsigned i = 0; i < 6; i++) {
        char number[16];
        snprintf(number, sizeof number, "P%u", i);
        add_person(&text, number, rig_citizen(i, "19800101", true), "张三", "440703");
    }
    REPORT(send(&rig, "import_persons", &text, ""), 1, 0, 0, 5);
    char after[64] = "";
    size_t seen = 0, pages = 0;
    for (; pages < 10; pages++) {
        RIG_DO(&rig, "list_parked", "{'after':'%s','limit':2}", after);
        const Tc__ParkedPersons *list = (const Tc__ParkedPersons *)rig.reply;
        if (list->n_parked == 0) break;
        seen += list->n_parked;
        snprintf(after, sizeof after, "%s", list->parked[list->n_parked - 1]->number);
    }
    EQ(seen, 5);
    EQ(pages, 3);
    EQ(rig_ask(&rig, "list_parked", "{'limit':100000}"), E_OUT_OF_RANGE);
    close_enrollment(&rig);
}

// ---- employers

static void add_employer(text_t *text, const char *employer, const char *uscc, const char *name, const char *kind) {
    text_comma(text);
    fprintf(text->file, "{\"employer\":\"%s\",\"uscc\":\"%s\",\"name\":\"%s\",\"kind\":\"%s\",\"division\":\"440703\"}",
            employer, uscc, name, kind);
}

TEST(employers_are_imported) {
    rig_t rig;
    open_enrollment(&rig);
    for (int again = 0; again < 2; again++) {
        text_t text;
        text_begin(&text, FILE_A, 2, false, "rows");
        add_employer(&text, "E1", rig_uscc(1), "A厂", "enterprise");
        add_employer(&text, "E2", rig_uscc(1), "B厂", "enterprise");
        add_employer(&text, "E1", rig_uscc(2), "A厂", "enterprise");
        add_employer(&text, "E1", rig_uscc(1), "A厂", "organ");
        add_employer(&text, "E3", rig_uscc(3), "C厂", "firm");
        add_employer(&text, "E4", rig_uscc(4), "D厂", "organ");
        const Tc__ImportReport *report = send(&rig, "import_employers", &text, "");
        REPORT(report, again ? 0 : 2, again ? 2 : 0, 4, 0);
        PROBLEM(report, 0, 3, "EXISTS", "uscc");
        PROBLEM(report, 1, 4, "EXISTS", "uscc");
        PROBLEM(report, 2, 5, "EXISTS", "kind");
        PROBLEM(report, 3, 6, "INVALID_FIELD", "kind");
        EQ(rig_event_count(&rig), 2);
    }
    close_enrollment(&rig);
}

// ---- spells

static void found_workers(rig_t *rig, int count) {
    text_t text;
    text_begin(&text, FILE_A, 2, false, "rows");
    for (int i = 0; i < count; i++) add_numbered(&text, i);
    NEED(send(rig, "import_persons", &text, "") != NULL);
    text_begin(&text, FILE_A, 2, false, "rows");
    add_employer(&text, "E1", rig_uscc(1), "A厂", "enterprise");
    NEED(send(rig, "import_employers", &text, "") != NULL);
}

static void add_spell(text_t *text, const char *number, const char *identity, const char *from) {
    text_comma(text);
    fprintf(text->file, "{\"person\":\"%s\",\"identity\":\"%s\",\"from_month\":\"%s\"%s}", number, identity, from,
            strcmp(identity, "employee") == 0 ? ",\"employer\":\"E1\",\"wage\":\"5000.00\"" : "");
}

TEST(spells_of_one_person_follow_one_another) {
    rig_t rig;
    open_enrollment(&rig);
    found_workers(&rig, 2);
    for (int again = 0; again < 2; again++) {
        text_t text;
        text_begin(&text, FILE_B, 2, false, "rows");
        add_spell(&text, "P1", "employee", "2015-01");
        add_spell(&text, "P0", "employee", "2016-03");
        add_spell(&text, "P1", "employee", "2017-01");
        const Tc__ImportReport *report = send(&rig, "import_spells", &text, ",\"last_months\":[\"2016-06\",\"\",\"\"]");
        REPORT(report, again ? 0 : 3, again ? 3 : 0, 0, 0);
        const Tc__PersonState *state = person(&rig, "P1");
        EQ(state->version, 3); // opened and closed by one row is one change
        EQ(state->n_spells, 2);
        EQ_TEXT(state->spells[0]->last_month, "2016-06");
        EQ_TEXT(state->touched_from, "2017-01-01");
        EQ(rig_event_count(&rig), 2 + 1 + 3);
    }
    RIG_DO(&rig, "get_person_as_of", "{'person':'P1','known_on':'2018-01-01','on':'2016-01-15'}");
    EQ(((const Tc__PersonState *)rig.reply)->n_spells, 1);
    close_enrollment(&rig);
}

TEST(a_closed_spell_touched_its_own_months_only) {
    rig_t rig;
    open_enrollment(&rig);
    found_workers(&rig, 1);
    text_t text;
    text_begin(&text, FILE_B, 2, false, "rows");
    add_spell(&text, "P0", "employee", "2015-01");
    REPORT(send(&rig, "import_spells", &text, ",\"last_months\":[\"2016-02\"]"), 1, 0, 0, 0);
    EQ_TEXT(person(&rig, "P0")->touched_from, "2015-01-01");
    EQ_TEXT(person(&rig, "P0")->touched_until, "2016-02-29");
    close_enrollment(&rig);
}

static const Tc__ImportReport *one_spell(rig_t *rig, const char *from, const char *last) {
    text_t text;
    char rest[64];
    text_begin(&text, FILE_B, 2, false, "rows");
    add_spell(&text, "P0", "employee", from);
    snprintf(rest, sizeof rest, ",\"last_months\":[\"%s\"]", last);
    return send(rig, "import_spells", &text, rest);
}

TEST(the_end_of_a_known_spell_can_follow_later) {
    rig_t rig;
    open_enrollment(&rig);
    found_workers(&rig, 1);
    REPORT(one_spell(&rig, "2015-01", ""), 1, 0, 0, 0);
    REPORT(one_spell(&rig, "2015-01", "2016-12"), 1, 0, 0, 0);
    REPORT(one_spell(&rig, "2015-01", "2016-12"), 0, 1, 0, 0);
    REPORT(one_spell(&rig, "2015-01", ""), 0, 1, 0, 0); // says nothing about the end
    const Tc__ImportReport *report = one_spell(&rig, "2015-01", "2016-11");
    REPORT(report, 0, 0, 1, 0);
    PROBLEM(report, 0, 2, "OUT_OF_RANGE", "last_month");
    report = one_spell(&rig, "2017-01", "2016-12");
    REPORT(report, 0, 0, 1, 0);
    PROBLEM(report, 0, 2, "OUT_OF_RANGE", "last_month");
    report = one_spell(&rig, "2017-01", "2017-13");
    REPORT(report, 0, 0, 1, 0);
    PROBLEM(report, 0, 2, "INVALID_FIELD", "last_month");
    EQ(person(&rig, "P0")->n_spells, 1);
    close_enrollment(&rig);
}

TEST(bad_spells_are_told_by_row) {
    rig_t rig;
    open_enrollment(&rig);
    found_workers(&rig, 3);
    text_t text;
    text_begin(&text, FILE_B, 2, false, "rows");
    add_spell(&text, "P9", "employee", "2015-01");
    add_spell(&text, "", "employee", "2015-01");
    add_spell(&text, "P0", "sailor", "2015-01");
    add_spell(&text, "P0", "employee", "2015-13");
    add_spell(&text, "P1", "employee", "2015-01");
    add_spell(&text, "P1", "employee", "2014-01"); // runs into the one above
    add_spell(&text, "P1", "employee", "2016-01"); // the one above is open
    text_comma(&text);
    fprintf(text.file, "{\"person\":\"P2\",\"identity\":\"employee\",\"from_month\":\"2015-01\",\"employer\":\"E9\","
                       "\"wage\":\"1.00\"}");
    const Tc__ImportReport *report = send(&rig, "import_spells", &text, "");
    NEED(report != NULL);
    EQ(report->refused, report->n_problems);
    PROBLEM(report, 0, 2, "NOT_FOUND", "person");
    PROBLEM(report, 1, 3, "MISSING_FIELD", "person");
    PROBLEM(report, 2, 4, "INVALID_FIELD", "identity");
    PROBLEM(report, 3, 5, "INVALID_FIELD", "from_month");
    PROBLEM(report, report->n_problems - 2, 8, "OUT_OF_RANGE", "from_month");
    PROBLEM(report, report->n_problems - 1, 9, "NOT_FOUND", "employer");
    EQ(person(&rig, "P0")->version, 1);
    EQ(person(&rig, "P2")->version, 1);
    close_enrollment(&rig);
}

TEST(a_chunk_gives_the_states_that_single_commands_give) {
    rig_t one, other;
    char *states[2];
    open_enrollment(&one);
    open_enrollment(&other);
    found_workers(&one, 40);
    for (int i = 0; i < 40; i++)
        RIG_DO(&other, "register_person", "{'person':'P%d','citizen_id':'%s','name':'李%d','division':'440703'}", i,
               rig_citizen((unsigned)i, "19700101", true), i);
    RIG_DO(&other, "register_employer",
           "{'employer':'E1','uscc':'%s','name':'A厂','kind':'enterprise','division':'440703'}", rig_uscc(1));
    text_t text;
    text_begin(&text, FILE_B, 2, false, "rows");
    for (int i = 0; i < 200; i++) {
        char number[16], from[16];
        snprintf(number, sizeof number, "P%d", i * 7 % 40);
        snprintf(from, sizeof from, "20%02d-%02d", 10 + i / 40, 1 + i % 12);
        add_spell(&text, number, "employee", from);
        (void)rig_ask(&other, "open_spell",
                      "{'person':'%s','identity':'employee','from_month':'%s','employer':'E1','wage':'5000.00'}",
                      number, from);
    }
    NEED(send(&one, "import_spells", &text, "") != NULL);
    states[0] = all_states(&one);
    states[1] = all_states(&other);
    EQ_TEXT(states[0], states[1]);
    free(states[0]);
    free(states[1]);
    close_enrollment(&one);
    close_enrollment(&other);
}

// ---- wages

static void add_wage(text_t *text, const char *number, const char *from, const char *wage) {
    text_comma(text);
    fprintf(text->file, "{\"person\":\"%s\",\"from_month\":\"%s\",\"wage\":\"%s\"}", number, from, wage);
}

TEST(wages_are_imported_and_told_by_row) {
    rig_t rig;
    open_enrollment(&rig);
    found_workers(&rig, 2);
    REPORT(one_spell(&rig, "2015-01", "2016-12"), 1, 0, 0, 0);
    for (int dry = 1; dry >= 0; dry--)
        for (int again = 0; again < 2 - dry; again++) {
            text_t text;
            text_begin(&text, FILE_B, 2, dry, "rows");
            add_wage(&text, "P0", "2016-07", "7000.00");
            add_wage(&text, "P0", "2015-07", "6000.00");
            add_wage(&text, "P0", "2015-01", "5000.00"); // as it was opened
            add_wage(&text, "P0", "2015-07", "6500.00");
            add_wage(&text, "P0", "2017-01", "7000.00");
            add_wage(&text, "P1", "2015-07", "6000.00");
            add_wage(&text, "P9", "2015-07", "6000.00");
            add_wage(&text, "", "2015-07", "6000.00");
            add_wage(&text, "P0", "2015-02-30", "6000.00");
            add_wage(&text, "P0", "2015-09", "0.00");
            const Tc__ImportReport *report = send(&rig, "import_wages", &text, "");
            REPORT(report, again ? 0 : 2, again ? 3 : 1, 7, 0);
            PROBLEM(report, 0, 5, "EXISTS", "wage");
            PROBLEM(report, 1, 6, "OUT_OF_RANGE", "from_month");
            PROBLEM(report, 2, 7, "OUT_OF_RANGE", "from_month");
            PROBLEM(report, 3, 8, "NOT_FOUND", "person");
            PROBLEM(report, 4, 9, "MISSING_FIELD", "person");
            PROBLEM(report, 5, 10, "INVALID_FIELD", "from_month");
            PROBLEM(report, 6, 11, "OUT_OF_RANGE", "wage");
            EQ(person(&rig, "P0")->version, dry ? 2 : 4);
        }
    EQ(person(&rig, "P0")->spells[0]->n_wages, 2);
    // The file of spells says what was known when it was opened, and stays unchanged.
    REPORT(one_spell(&rig, "2015-01", "2016-12"), 0, 1, 0, 0);
    close_enrollment(&rig);
}

// ---- lists

typedef struct list_ask {
    const char *file, *as_of;
    int from, until; // persons P<from> … P<until − 1>
    bool dry;
} list_ask_t;

#define LIST_REST ",\"source\":\"civil_affairs\",\"group\":\"minimum_living\",\"as_of\":\"%s\""

static int send_rows(rig_t *rig, const list_ask_t *ask) {
    for (int row = ask->from; row < ask->until; row += 1000) {
        text_t text;
        char rest[256];
        int stop = row + 1000 < ask->until ? row + 1000 : ask->until;
        text_begin(&text, ask->file, row - ask->from + 2, ask->dry, "persons");
        for (int i = row; i < stop; i++) {
            text_comma(&text);
            fprintf(text.file, "\"P%d\"", i);
        }
        snprintf(rest, sizeof rest, LIST_REST, ask->as_of);
        if (!send(rig, "import_list", &text, rest)) return rig->err.code;
    }
    return E_OK;
}

static int send_last(rig_t *rig, const list_ask_t *ask, int total) {
    text_t text;
    char rest[300];
    text_begin(&text, ask->file, 1, ask->dry, "persons");
    snprintf(rest, sizeof rest, LIST_REST ",\"last\":true,\"total\":%d", ask->as_of, total);
    return send(rig, "import_list", &text, rest) ? E_OK : rig->err.code;
}

// The whole list; sums in `sum`.
static int take_list(rig_t *rig, const list_ask_t *ask, Tc__ImportReport *sum) {
    *sum = (Tc__ImportReport)TC__IMPORT_REPORT__INIT;
    int rc = send_rows(rig, ask);
    for (int i = 0; rc == E_OK && i < 100; i++) {
        rc = send_last(rig, ask, ask->until - ask->from);
        if (rc) break;
        const Tc__ImportReport *report = (const Tc__ImportReport *)rig->reply;
        sum->done += report->done;
        sum->unchanged += report->unchanged;
        sum->refused += report->refused;
        sum->ended += report->ended;
        if (!report->more) break;
    }
    return rc;
}

#define LIST(ask, d, u, r, e)                                                                                          \
    do {                                                                                                               \
        Tc__ImportReport sum;                                                                                          \
        if (take_list(&rig, ask, &sum)) fprintf(stderr, "%d: %s: %s\n", __LINE__, rig.err.field, rig.err.text);        \
        EQ(rig.err.code, E_OK);                                                                                        \
        EQ(sum.done, d);                                                                                               \
        EQ(sum.unchanged, u);                                                                                          \
        EQ(sum.refused, r);                                                                                            \
        EQ(sum.ended, e);                                                                                              \
    } while (0)

static void found_people(rig_t *rig, int count) {
    for (int from = 0; from < count; from += 1000) {
        text_t text;
        text_begin(&text, FILE_A, 2 + from, false, "rows");
        for (int i = from; i < count && i < from + 1000; i++) add_numbered(&text, i);
        NEED(send(rig, "import_persons", &text, "") != NULL);
    }
}

// More than citizen IDs of two days do.
static void found_many(rig_t *rig, int count) {
    static const char *const births[] = {"19500101", "19510101", "19520101", "19530101", "19540101",
                                         "19550101", "19560101", "19570101", "19580101", "19590101"};
    for (int from = 0; from < count; from += 1000) {
        text_t text;
        text_begin(&text, FILE_A, 2 + from, false, "rows");
        for (int i = from; i < count && i < from + 1000; i++) {
            char number[16], name[16];
            snprintf(number, sizeof number, "P%d", i);
            snprintf(name, sizeof name, "李%d", i);
            add_person(&text, number, rig_citizen((unsigned)i % 500, births[i / 500 % 10], true), name, "440703");
        }
        NEED(send(rig, "import_persons", &text, "") != NULL);
    }
}

TEST(a_list_begins_memberships_and_ends_those_it_no_longer_names) {
    rig_t rig;
    open_enrollment(&rig);
    found_people(&rig, 40);
    LIST((&(list_ask_t){FILE_A, "2018-01-01", 0, 20, false}), 20, 0, 0, 0);
    EQ_TEXT(person(&rig, "P3")->groups[0]->from, "2018-01-01");
    LIST((&(list_ask_t){FILE_A, "2018-01-01", 0, 20, false}), 0, 20, 0, 0); // the same again
    EQ(person(&rig, "P3")->version, 2);
    LIST((&(list_ask_t){FILE_B, "2018-04-01", 10, 30, false}), 10, 10, 0, 10);
    EQ_TEXT(person(&rig, "P3")->groups[0]->until, "2018-03-31");
    EQ_TEXT(person(&rig, "P13")->groups[0]->until, "");
    EQ_TEXT(person(&rig, "P23")->groups[0]->from, "2018-04-01");
    LIST((&(list_ask_t){FILE_B, "2018-07-01", 0, 5, false}), 5, 0, 0, 20); // back on it
    EQ(person(&rig, "P3")->n_groups, 2);
    EQ(count_of(&rig, "list_row"), 0); // nothing is left behind
    EQ(count_of(&rig, "member"), 5);
    LIST((&(list_ask_t){FILE_B, "2018-10-01", 0, 0, false}), 0, 0, 0, 5); // an empty list
    close_enrollment(&rig);
}

TEST(a_long_list_goes_in_steps) {
    rig_t rig;
    open_enrollment(&rig);
    found_people(&rig, 900);
    text_t text;
    for (int k = 0; k < 2; k++) { // 1,800 people: names and births differ
        text_begin(&text, FILE_A, 2, false, "rows");
        for (int i = 0; i < 900; i++) {
            char number[32], name[32];
            snprintf(number, sizeof number, "P%d", 1000 + k * 1000 + i);
            snprintf(name, sizeof name, "王%d", 1000 * k + i);
            add_person(&text, number,
                       rig_citizen((unsigned)i % 500,
                                   k ? (i < 500 ? "19720101" : "19730101") : (i < 500 ? "19740101" : "19750101"), true),
                       name, "440703");
        }
        REPORT(send(&rig, "import_persons", &text, ""), 900, 0, 0, 0);
    }
    // P0…P2899, of which P900…P999 and P1900…P1999 are nobody.
    LIST((&(list_ask_t){FILE_A, "2018-01-01", 0, 2900, false}), 2700, 0, 200, 0);
    LIST((&(list_ask_t){FILE_B, "2018-02-01", 0, 0, true}), 0, 0, 0, 2700);
    LIST((&(list_ask_t){FILE_B, "2018-02-01", 0, 0, false}), 0, 0, 0, 2700);
    EQ(count_of(&rig, "member"), 0);
    EQ_TEXT(person(&rig, "P2500")->groups[0]->until, "2018-01-31");
    close_enrollment(&rig);
}

TEST(a_list_names_people_by_citizen_id_too) {
    rig_t rig;
    open_enrollment(&rig);
    found_people(&rig, 10);
    LIST(&((list_ask_t){FILE_A, "2017-12-01", 0, 6, false}), 6, 0, 0, 0);
    char text[1024], ids[10][20];
    for (int i = 0; i < 10; i++) snprintf(ids[i], sizeof ids[i], "%s", rig_citizen((unsigned)i, "19700101", true));
    // P0 and P7 by ID, P1 by number, P2 both, P3 with the ID of P4, an ID that nobody has, a wrong one, nothing.
    snprintf(text, sizeof text,
             "{'file':'" FILE_B
             "','first_row':2,'source':'civil_affairs','group':'minimum_living','as_of':'2018-01-01',"
             "'persons':['','','P1','P2','P3','','',''],'id_numbers':['%s','%s','','%s','%s','%s','%.17s0','']}",
             ids[0], ids[7], ids[2], ids[4], rig_citizen(499, "19700101", true), ids[9]);
    RIG_DO(&rig, "import_list", "%s", text);
    EQ(count_of(&rig, "list_row WHERE person LIKE '4407%'"), 0); // no citizen ID is kept with the rows
    const Tc__ImportReport *report = NULL;
    const Tc__ImportReport *told = NULL;
    int ended = 0;
    for (bool more = true; more; more = report->more) {
        RIG_DO(&rig, "import_list",
               "{'file':'" FILE_B "','first_row':1,'source':'civil_affairs','group':'minimum_living',"
               "'as_of':'2018-01-01','last':true,'total':8}");
        report = (const Tc__ImportReport *)rig.reply;
        if (report->refused) told = report;
        ended += report->ended;
    }
    NEED(told != NULL);
    EQ(told->done, 1); // P7
    EQ(told->unchanged, 3);
    PROBLEM(told, 0, 6, "OUT_OF_RANGE", "id_number");
    PROBLEM(told, 1, 7, "NOT_FOUND", "id_number");
    PROBLEM(told, 2, 8, "INVALID_FIELD", "id_number");
    PROBLEM(told, 3, 9, "MISSING_FIELD", "person");
    for (size_t i = 0; i < told->n_problems; i++) OK(strstr(told->problems[i]->text, "4407") == NULL);
    EQ(ended, 2); // P4 and P5; P3 is named, though in a row at fault
    EQ_TEXT(person(&rig, "P3")->groups[0]->until, "");
    EQ_TEXT(person(&rig, "P7")->groups[0]->from, "2018-01-01");
    EQ(rig_ask(&rig, "import_list",
               "{'file':'" FILE_B
               "','first_row':2,'source':'civil_affairs','group':'minimum_living','as_of':'2018-02-01',"
               "'persons':['P1','P2'],'id_numbers':['']}"),
       E_INVALID_FIELD);
    EQ_TEXT(rig.err.field, "id_numbers");
    close_enrollment(&rig);
}

// A store of before there was an index: whoever is a member must be found before a list ends anybody.
static void forget_index(rig_t *rig) {
    static const char *const undo[] = {"DELETE FROM member", "DROP TABLE member_backfill",
                                       "ALTER TABLE list_row DROP COLUMN fault", "DROP TABLE employer_version",
                                       "DELETE FROM schema_version WHERE version > 3"};
    err_t err = {0};
    for (size_t i = 0; i < COUNT_OF(undo); i++) NEED(store_exec(rig->ctx.store, undo[i], NULL, 0, &err) == E_OK);
    NEED(store_migrate(rig->ctx.store, enrollment_migrations, enrollment_migration_count, &err) == E_OK);
}

TEST(memberships_of_before_the_index_are_found) {
    enum { PEOPLE = 2 * MEMBER_INDEX_STEP + 500 };
    for (int by_tick = 0; by_tick < 2; by_tick++) {
        rig_t rig;
        open_enrollment(&rig);
        EQ(count_of(&rig, "member_backfill"), 0); // an empty store has nothing to find
        found_many(&rig, PEOPLE);
        LIST(&((list_ask_t){FILE_A, "2017-12-01", 0, PEOPLE, false}), PEOPLE, 0, 0, 0);
        RIG_DO(&rig, "set_group",
               "{'person':'P3','group':'severely_disabled','from':'2017-05-01','source':'hand'," RIG_PAPER "}");
        RIG_DO(&rig, "record_death", "{'person':'P4','on':'2017-12-15'}");
        forget_index(&rig);
        EQ(count_of(&rig, "member"), 0);
        RIG_DO(&rig, "set_group",
               "{'person':'P5','group':'severely_disabled','from':'2017-05-01','source':'hand'," RIG_PAPER "}");
        for (int i = 0; by_tick && i < 10; i++) member_index_tick(rig.self, noon() + i * 100);
        if (by_tick) EQ(count_of(&rig, "member"), PEOPLE - 1 + 2);
        if (by_tick) OK(((const enrollment_t *)rig.self)->indexed);
        // The list ends all whom it leaves out, though it comes before the index is whole.
        LIST(&((list_ask_t){FILE_B, "2018-01-01", 0, 1, false}), 0, 1, 0, PEOPLE - 2);
        EQ(count_of(&rig, "member_backfill"), 0);
        EQ_TEXT(person(&rig, "P4499")->groups[0]->until, "2017-12-31");
        EQ(count_of(&rig, "member"), 1 + 2);
        close_enrollment(&rig);
    }
}

TEST(a_dry_list_changes_nobody) {
    rig_t rig;
    open_enrollment(&rig);
    found_people(&rig, 10);
    LIST((&(list_ask_t){FILE_A, "2018-01-01", 0, 6, false}), 6, 0, 0, 0);
    char *before = all_states(&rig);
    size_t events = rig_event_count(&rig);
    LIST((&(list_ask_t){FILE_B, "2018-02-01", 4, 12, true}), 4, 2, 2, 4);
    LIST((&(list_ask_t){FILE_B, "2018-02-01", 4, 12, true}), 4, 2, 2, 4);
    char *after = all_states(&rig);
    EQ_TEXT(after, before);
    EQ(rig_event_count(&rig), events);
    EQ(count_of(&rig, "member"), 6);
    EQ(count_of(&rig, "list_row"), 0);
    LIST((&(list_ask_t){FILE_B, "2018-02-01", 4, 12, false}), 4, 2, 2, 4); // and so it comes
    free(before);
    free(after);
    close_enrollment(&rig);
}

TEST(a_list_that_is_not_whole_is_not_applied) {
    rig_t rig;
    open_enrollment(&rig);
    found_people(&rig, 10);
    LIST((&(list_ask_t){FILE_A, "2018-01-01", 0, 10, false}), 10, 0, 0, 0);
    const list_ask_t part = {FILE_B, "2018-02-01", 0, 5, false};
    EQ(send_rows(&rig, &part), E_OK);
    EQ(send_last(&rig, &part, 10), E_OUT_OF_RANGE);
    EQ_TEXT(rig.err.field, "total");
    const list_ask_t never = {FILE_B, "2018-03-01", 0, 5, false};
    EQ(send_last(&rig, &never, 5), E_OUT_OF_RANGE);
    EQ_TEXT(rig.err.field, "total");
    EQ(count_of(&rig, "list"), 2); // the refused message left nothing
    EQ_TEXT(person(&rig, "P7")->groups[0]->until, "");
    close_enrollment(&rig);
}

TEST(lists_of_one_source_follow_one_another) {
    rig_t rig;
    open_enrollment(&rig);
    found_people(&rig, 10);
    LIST((&(list_ask_t){FILE_A, "2018-02-01", 0, 10, false}), 10, 0, 0, 0);
    Tc__ImportReport none;
    EQ(take_list(&rig, &(list_ask_t){FILE_B, "2018-01-01", 0, 5, false}, &none), E_OUT_OF_RANGE);
    EQ_TEXT(rig.err.field, "as_of");
    EQ(take_list(&rig, &(list_ask_t){FILE_B, "2018-02-01", 0, 5, false}, &none), E_OUT_OF_RANGE);
    EQ(take_list(&rig, &(list_ask_t){FILE_B, "2020-02-01", 0, 5, false}, &none), E_OUT_OF_RANGE);
    EQ(take_list(&rig, &(list_ask_t){FILE_B, "2018-02-30", 0, 5, false}, &none), E_INVALID_FIELD);
    EQ_TEXT(rig.err.field, "as_of");
    LIST((&(list_ask_t){FILE_A, "2018-03-01", 0, 10, false}), 0, 10, 0, 0); // an unchanged file, a later day
    close_enrollment(&rig);
}

TEST(an_interrupted_list_goes_on_when_its_file_comes_again) {
    rig_t rig;
    open_enrollment(&rig);
    found_people(&rig, 10);
    const list_ask_t first = {FILE_A, "2018-01-01", 0, 10, false}, second = {FILE_B, "2018-02-01", 5, 12, false};
    LIST(&first, 10, 0, 0, 0);
    EQ(send_rows(&rig, &second), E_OK); // broken off while it was put aside
    EQ(send_rows(&rig, &second), E_OK);
    EQ(send_last(&rig, &second, 7), E_OK); // broken off while it was applied
    OK(((const Tc__ImportReport *)rig.reply)->more);
    LIST(&second, 0, 5, 2, 5);
    EQ_TEXT(person(&rig, "P2")->groups[0]->until, "2018-01-31");
    RIG_DO(&rig, "register_person", "{'person':'P11','citizen_id':'%s','name':'李11','division':'440703'}",
           rig_citizen(11, "19700101", true));
    LIST(&second, 1, 5, 1, 0); // who was not registered then is found when it comes again
    close_enrollment(&rig);
}

TEST(memberships_set_by_hand_are_on_the_list_too) {
    rig_t rig;
    open_enrollment(&rig);
    found_people(&rig, 10);
#define BY_HAND(number, rest) "{'person':'" number "','group':'minimum_living','from':'2017-05-01'," rest "}"
    RIG_DO(&rig, "set_group", "%s", BY_HAND("P1", "'source':'civil_affairs'"));
    RIG_DO(&rig, "set_group", "%s", BY_HAND("P2", "'source':'civil_affairs'"));
    RIG_DO(&rig, "set_group", "%s", BY_HAND("P3", "'source':'another'"));
    RIG_DO(&rig, "set_group", "%s", BY_HAND("P4", "'source':'civil_affairs','until':'2018-06-30'"));
    RIG_DO(&rig, "record_death", "{'person':'P2','on':'2017-12-01'}");
#undef BY_HAND
    LIST((&(list_ask_t){FILE_A, "2018-01-01", 2, 6, false}), 1, 1, 2, 1);
    EQ_TEXT(person(&rig, "P1")->groups[0]->until, "2017-12-31");
    EQ_TEXT(person(&rig, "P2")->groups[0]->until, "2017-12-01"); // refused: dead
    EQ_TEXT(person(&rig, "P3")->groups[0]->until, "");           // another agency's word
    EQ_TEXT(person(&rig, "P4")->groups[0]->until, "2018-06-30");
    close_enrollment(&rig);
}

TEST(a_membership_that_begins_after_the_day_of_the_list_is_left_alone) {
    rig_t rig;
    open_enrollment(&rig);
    found_people(&rig, 3);
    RIG_DO(&rig, "set_group",
           "{'person':'P2','group':'minimum_living','from':'2018-03-01','source':'civil_affairs'," RIG_PAPER "}");
    LIST((&(list_ask_t){FILE_A, "2018-01-01", 0, 1, false}), 1, 0, 0, 0);
    EQ_TEXT(person(&rig, "P2")->groups[0]->until, "");
    LIST((&(list_ask_t){FILE_A, "2018-04-01", 0, 1, false}), 0, 1, 0, 1);
    EQ_TEXT(person(&rig, "P2")->groups[0]->until, "2018-03-31");
    close_enrollment(&rig);
}

// ---- bounds

typedef struct refusal {
    const char *method, *json;
    int code;
    const char *field;
} refusal_t;

TEST(chunks_have_bounds) {
    rig_t rig;
    open_enrollment(&rig);
    static const refusal_t refusals[] = {
        {"import_persons", "{'first_row':2,'rows':[]}", E_INVALID_FIELD, "file"},
        {"import_persons", "{'file':'" FILE_A "x','first_row':2}", E_INVALID_FIELD, "file"},
        {"import_persons", "{'file':'" FILE_A "'}", E_OUT_OF_RANGE, "first_row"},
        {"import_employers", "{'file':'" FILE_A "','first_row':2147483647}", E_OUT_OF_RANGE, "first_row"},
        {"import_spells", "{'file':'" FILE_A "','first_row':2,'rows':[],'last_months':['2018-01']}", E_INVALID_FIELD,
         "last_months"},
        {"import_list", "{'file':'" FILE_A "','first_row':2}", E_MISSING_FIELD, "group"},
        {"import_list", "{'file':'" FILE_A "','first_row':2,'group':'nobility'}", E_INVALID_FIELD, "group"},
        {"import_list", "{'file':'" FILE_A "','first_row':2,'group':'minimum_living'}", E_MISSING_FIELD, "source"},
        {"import_list", "{'file':'" FILE_A "','first_row':2,'group':'minimum_living','source':'a b'}", E_INVALID_FIELD,
         "source"},
        {"import_list", "{'file':'" FILE_A "','first_row':2,'group':'minimum_living','source':'x'}", E_MISSING_FIELD,
         "as_of"},
        {"import_list",
         "{'file':'" FILE_A "','first_row':2,'group':'minimum_living','source':'civil_affairs:x','as_of':'2018-01-01',"
         "'persons':['P1'],'last':true,'total':1}",
         E_INVALID_FIELD, "persons"},
        {"import_list",
         "{'file':'" FILE_A
         "','first_row':5000000,'group':'minimum_living','source':'civil_affairs:x','as_of':'2018-01-01',"
         "'persons':['P1']}",
         E_TOO_LARGE, "persons"},
    };
    for (size_t i = 0; i < COUNT_OF(refusals); i++) {
        EQ(rig_ask(&rig, refusals[i].method, "%s", refusals[i].json), refusals[i].code);
        EQ_TEXT(rig.err.field, refusals[i].field);
    }
    text_t text;
    text_begin(&text, FILE_A, 2, false, "rows");
    for (int i = 0; i < 1001; i++) add_numbered(&text, i % 900);
    OK(send(&rig, "import_persons", &text, "") == NULL);
    EQ(rig.err.code, E_TOO_LARGE);
    EQ(count_of(&rig, "list") + count_of(&rig, "person"), 0);
    close_enrollment(&rig);
}

TEST(the_number_of_lists_under_way_is_bounded_and_old_ones_are_forgotten) {
    rig_t rig;
    open_enrollment(&rig);
    char file[65] = FILE_A;
    for (int i = 0; i <= LISTS_OPEN_MAX; i++) {
        snprintf(file, sizeof file, "%064x", i);
        EQ(send_rows(&rig, &(list_ask_t){file, "2018-01-01", 0, 3, false}), i < LISTS_OPEN_MAX ? E_OK : E_TOO_LARGE);
    }
    err_t err = {0};
    NEED(store_exec(rig.ctx.store, "UPDATE list SET touched_ms = 0", NULL, 0, &err) == E_OK);
    snprintf(file, sizeof file, "%064x", 9999);
    EQ(send_rows(&rig, &(list_ask_t){file, "2018-01-01", 0, 3, false}), E_OK);
    EQ(count_of(&rig, "list"), 1);
    EQ(count_of(&rig, "list_row"), 3);
    close_enrollment(&rig);
}

TEST(the_ground_is_cleared) {
    policy_destroy(&law);
    rig_ground_stop();
}

TESTS("imports of enrolment", CASE(the_ground_is_laid), CASE(a_file_sent_twice_changes_nothing),
      CASE(events_come_in_the_order_of_rows), CASE(a_dry_chunk_writes_nothing_and_says_what_would_happen),
      CASE(bad_rows_are_told_by_row_and_field_and_good_ones_are_kept),
      CASE(one_number_and_one_citizen_id_belong_to_one_person),
      CASE(a_person_who_moved_or_was_merged_is_still_the_one_of_the_file), CASE(same_name_and_birth_waits_for_a_person),
      CASE(a_decision_to_register_registers), CASE(a_decision_to_drop_sticks), CASE(what_waits_is_listed_in_pages),
      CASE(employers_are_imported), CASE(spells_of_one_person_follow_one_another),
      CASE(a_closed_spell_touched_its_own_months_only), CASE(the_end_of_a_known_spell_can_follow_later),
      CASE(bad_spells_are_told_by_row), CASE(a_chunk_gives_the_states_that_single_commands_give),
      CASE(wages_are_imported_and_told_by_row), CASE(a_list_begins_memberships_and_ends_those_it_no_longer_names),
      CASE(a_long_list_goes_in_steps), CASE(a_list_names_people_by_citizen_id_too),
      CASE(memberships_of_before_the_index_are_found), CASE(a_dry_list_changes_nobody),
      CASE(a_list_that_is_not_whole_is_not_applied), CASE(lists_of_one_source_follow_one_another),
      CASE(an_interrupted_list_goes_on_when_its_file_comes_again), CASE(memberships_set_by_hand_are_on_the_list_too),
      CASE(a_membership_that_begins_after_the_day_of_the_list_is_left_alone), CASE(chunks_have_bounds),
      CASE(the_number_of_lists_under_way_is_bounded_and_old_ones_are_forgotten), CASE(the_ground_is_cleared))
