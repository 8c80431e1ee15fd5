// Identifiers: check characters against sums written out by hand, wrong forms, and sentences without the citizen ID.
#include "tests/check.h"
#include "common/base/ids.h"
#include <ctype.h>

TEST(check_characters_of_citizen_ids) {
    // The example of GB 11643-1999 and invented persons of division 000000-like test areas.
    EQ(citizen_id_check_char("11010519491231002"), 'X');
    EQ(citizen_id_check_char("44052418800101001"), '4');
    citizen_t citizen = {0};
    EQ(citizen_id_check("11010519491231002X", &citizen, NULL), E_OK);
    EQ_TEXT(citizen.division, "110105");
    EQ(citizen.birth, date_make(1949, 12, 31));
    EQ(citizen.male, false);
    EQ(citizen_id_check("11010519491231002X", NULL, NULL), E_OK);
}

// The table of the standard: weights 7 9 10 5 8 4 2 1 6 3 7 9 10 5 8 4 2, check characters by remainder.
static char slow_check_char(const char *digits) {
    static const int weights[] = {7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2};
    int sum = 0;
    for (int i = 0; i < 17; i++) sum += (digits[i] - '0') * weights[i];
    return "10X98765432"[sum % 11];
}

TEST(check_characters_agree_with_the_table_of_the_standard) {
    int wrong = 0;
    for (int order = 0; order < 1000; order++) {
        char id[CITIZEN_ID_LENGTH + 8];
        snprintf(id, sizeof id, "330106%04d0715%03d", 1950 + order % 70, order);
        wrong += citizen_id_check_char(id) != slow_check_char(id);
        for (int i = 0; i < 11; i++) { // exactly one of the eleven characters is accepted
            id[17] = "0123456789X"[i];
            id[18] = 0;
            wrong += (citizen_id_check(id, NULL, NULL) == E_OK) != (id[17] == slow_check_char(id));
        }
    }
    EQ(wrong, 0);
}

TEST(the_seventeenth_digit_tells_the_sex) {
    citizen_t citizen = {0};
    char id[] = "330106195007150130";
    id[17] = slow_check_char(id);
    NEED(citizen_id_check(id, &citizen, NULL) == E_OK);
    EQ(citizen.male, true);
    id[16] = '4';
    id[17] = slow_check_char(id);
    NEED(citizen_id_check(id, &citizen, NULL) == E_OK);
    EQ(citizen.male, false);
}

TEST(wrong_citizen_ids_are_refused_and_never_repeated) {
    static const struct {
        const char *id, *part;
    } rows[] = {{"", "18 characters"},
                {NULL, "18 characters"},
                {"11010519491231002", "18 characters"},
                {"11010519491231002XX", "18 characters"},
                {"1101054912310021", "18 characters"},
                {"1101051949123100AX", "digits"},
                {"11010519491231 02X", "digits"},
                {"01010519491231002X", "division"},
                {"11010519491331002X", "date of birth"},
                {"11010519490229002X", "date of birth"},
                {"11010518991231002X", "date of birth"},
                {"110105194912310021", "check character"},
                {"11010519491231002x", "upper case"}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        err_t err = {0};
        citizen_t citizen = {.birth = 7};
        EQ(citizen_id_check(rows[i].id, &citizen, &err), E_INVALID_FIELD);
        HAS_TEXT(err.text, rows[i].part);
        EQ_TEXT(err.field, "citizen_id");
        EQ(citizen.birth, 7);
        int run = 0, longest = 0; // not even a part: no run of more digits than the length we talk about
        for (const char *p = err.text; *p; p++) {
            run = isdigit((unsigned char)*p) ? run + 1 : 0;
            if (run > longest) longest = run;
        }
        OK(longest <= 2);
    }
}

TEST(check_characters_of_credit_codes) {
    // Published codes of public bodies.
    EQ(uscc_check("91350100M000100Y43", NULL), E_OK);
    EQ(uscc_check_char("91350100M000100Y4"), '3');
    char code[USCC_LENGTH + 1] = "91350100M000100Y4?";
    int accepted = 0;
    for (const char *c = "0123456789ABCDEFGHJKLMNPQRTUWXY"; *c; c++) {
        code[17] = *c;
        accepted += uscc_check(code, NULL) == E_OK;
    }
    EQ(accepted, 1);
}

TEST(one_changed_character_of_a_credit_code_is_noticed) {
    static const char alphabet[] = "0123456789ABCDEFGHJKLMNPQRTUWXY";
    int missed = 0;
    for (int i = 0; i < 17; i++)
        for (const char *c = alphabet; *c; c++) {
            char code[] = "91350100M000100Y43";
            if (code[i] == *c) continue;
            code[i] = *c;
            missed += uscc_check(code, NULL) == E_OK;
        }
    EQ(missed, 0);
}

TEST(wrong_credit_codes_are_refused) {
    static const struct {
        const char *code, *part;
    } rows[] = {{"", "18 characters"},
                {NULL, "18 characters"},
                {"91350100M000100Y433", "18 characters"},
                {"91350100I000100Y43", "without I, O, S, V, Z"},
                {"91350100m000100Y43", "without I, O, S, V, Z"},
                {"91350A00M000100Y43", "division"},
                {"91350100M000100Y44", "check character"},
                {"91350100M000100Y4Z", "check character"}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        err_t err = {0};
        EQ(uscc_check(rows[i].code, &err), E_INVALID_FIELD);
        HAS_TEXT(err.text, rows[i].part);
        EQ_TEXT(err.field, "uscc");
    }
}

TEST(divisions_and_facilities) {
    EQ(division_check("330106", NULL), E_OK);
    static const char *const divisions[] = {"", "033010", "33010", "3301066", "33010a"};
    for (size_t i = 0; i < COUNT_OF(divisions); i++) EQ(division_check(divisions[i], NULL), E_INVALID_FIELD);
    EQ(division_check(NULL, NULL), E_INVALID_FIELD);
    EQ(facility_code_check("H33010600123", NULL), E_OK);
    EQ(facility_code_check("P33010600123", NULL), E_OK);
    static const char *const facilities[] = {"",
                                             "H3301060012",
                                             "H330106001234",
                                             "X33010600123",
                                             "h33010600123",
                                             "H03010600123",
                                             "H3301060012A",
                                             "330106001234"};
    for (size_t i = 0; i < COUNT_OF(facilities); i++) {
        err_t err = {0};
        EQ(facility_code_check(facilities[i], &err), E_INVALID_FIELD);
        OK(err.text[0] != 0);
    }
    EQ(facility_code_check(NULL, NULL), E_INVALID_FIELD);
}

TEST(names_are_short_and_plain) {
    char name[66];
    memset(name, 'a', sizeof name);
    name[65] = 0;
    err_t err = {0};
    EQ(name_check("bill", "B-2020.01:7_x", &err), E_OK);
    EQ(name_check("bill", name + 1, &err), E_OK);
    EQ(name_check("bill", name, &err), E_INVALID_FIELD);
    HAS_TEXT(err.text, "bill must have 1 to 64 characters");
    EQ_TEXT(err.field, "bill");
    EQ(name_check("bill", "", &err), E_INVALID_FIELD);
    EQ(name_check("bill", NULL, &err), E_INVALID_FIELD);
    EQ(name_check("bill", "a b", &err), E_INVALID_FIELD);
    HAS_TEXT(err.text, "character 2");
    EQ(name_check("bill", "a/b", &err), E_INVALID_FIELD);
    EQ(name_check("bill", "张", &err), E_INVALID_FIELD);
    EQ(name_check("bill", "a\nb", &err), E_INVALID_FIELD);
}

TESTS("base ids", CASE(check_characters_of_citizen_ids), CASE(check_characters_agree_with_the_table_of_the_standard),
      CASE(the_seventeenth_digit_tells_the_sex), CASE(wrong_citizen_ids_are_refused_and_never_repeated),
      CASE(check_characters_of_credit_codes), CASE(one_changed_character_of_a_credit_code_is_noticed),
      CASE(wrong_credit_codes_are_refused), CASE(divisions_and_facilities), CASE(names_are_short_and_plain))
