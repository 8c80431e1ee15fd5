// Types of cells. Every form is read by shape first, so that 2018-3-1 or 1e5 is refused rather than guessed.
#include "cell.h"
#include <string.h>

#define WIDE_SPACE "\xE3\x80\x80"

enum { NUMBER_DIGITS = 15, SHOWN_DIGITS = 14, SHOWN_BYTES = 48 };

static bool white(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

char *cell_trim(char *text, size_t *bytes) {
    size_t n = *bytes;
    for (;;) {
        if (n && white(*text))
            text++, n--;
        else if (n >= 3 && memcmp(text, WIDE_SPACE, 3) == 0)
            text += 3, n -= 3;
        else
            break;
    }
    for (;;) {
        if (n && white(text[n - 1]))
            n--;
        else if (n >= 3 && memcmp(text + n - 3, WIDE_SPACE, 3) == 0)
            n -= 3;
        else
            break;
    }
    text[n] = 0;
    *bytes = n;
    return text;
}

// Up to `most` and at least `least` digits; the rest of the text, or NULL.
static const char *digits(const char *text, int least, int most, int *out) {
    int n = 0, value = 0;
    for (; n < most && text[n] >= '0' && text[n] <= '9'; n++) value = value * 10 + (text[n] - '0');
    *out = value;
    return n >= least ? text + n : NULL;
}

// Year, month and (unless `day` is NULL) day in one of three shapes.
static bool calendar_text(const char *text, int *year, int *month, int *day) {
    const char *p = digits(text, 4, 4, year);
    if (!p) return false;
    char mark = *p == '-' || *p == '/' ? *p++ : 0;
    int least = mark == '/' ? 1 : 2;
    p = digits(p, least, 2, month);
    if (p && day) {
        if (mark && *p++ != mark) return false;
        p = digits(p, least, 2, day);
    }
    return p && *p == 0;
}

static bool parse_date(const char *text, date_t *out) {
    int year, month, day;
    if (!calendar_text(text, &year, &month, &day) || !date_valid(year, month, day)) return false;
    *out = date_make(year, month, day);
    return true;
}

static bool parse_month(const char *text, month_t *out) {
    int year, month;
    if (!calendar_text(text, &year, &month, NULL) || !date_valid(year, month, 1)) return false;
    *out = month_make(year, month);
    return true;
}

static bool parse_money(const char *text, bool may_be_negative, fen_t *out) {
    bool negative = may_be_negative && *text == '-';
    fen_t amount;
    if (fen_parse_loose(text + negative, &amount)) return false;
    *out = negative ? -amount : amount;
    return true;
}

static bool parse_number(const char *text, int64_t *out) {
    int64_t value = 0;
    size_t n = 0;
    for (; n < NUMBER_DIGITS && text[n] >= '0' && text[n] <= '9'; n++) value = value * 10 + (text[n] - '0');
    if (!n || text[n]) return false;
    *out = value;
    return true;
}

static bool parse_word(const csv_column_t *column, const char *text, int *out) {
    for (size_t i = 0; i < column->word_count; i++)
        if (strcmp(text, column->words[i].name) == 0 || strcmp(text, column->words[i].chinese) == 0) {
            *out = (int)i;
            return true;
        }
    return false;
}

static bool parse_yes_no(const char *text, bool *out) {
    *out = strcmp(text, "是") == 0 || strcmp(text, "yes") == 0;
    return *out || strcmp(text, "否") == 0 || strcmp(text, "no") == 0;
}

bool cell_parse(const csv_column_t *column, csv_cell_t *cell) {
    switch (column->type) {
    case CSV_TEXT: return true;
    case CSV_DATE: return parse_date(cell->text, &cell->date);
    case CSV_MONTH: return parse_month(cell->text, &cell->month);
    case CSV_MONEY: return parse_money(cell->text, column->may_be_negative, &cell->fen);
    case CSV_NUMBER: return parse_number(cell->text, &cell->number);
    case CSV_WORD: return parse_word(column, cell->text, &cell->word);
    case CSV_YES_NO: return parse_yes_no(cell->text, &cell->yes);
    }
    CHECK(!"a type of column");
    return false;
}

// As many words as fit, whole ones.
static void expected_words(const csv_column_t *column, char *text, size_t room) {
    size_t used = (size_t)snprintf(text, room, "one of");
    for (size_t i = 0; i < column->word_count; i++) {
        const csv_word_t *word = &column->words[i];
        int n = snprintf(text + used, room - used, "%s %s (%s)", i ? "," : "", word->name, word->chinese);
        if (n < 0 || (size_t)n + 5 >= room - used) { // 5: ", …" and its NUL
            snprintf(text + used, room - used, " …");
            return;
        }
        used += (size_t)n;
    }
}

void cell_expected(const csv_column_t *column, char *text, size_t room) {
    static const char *const plain[] = {
        [CSV_TEXT] = "a text",
        [CSV_DATE] = "a date that exists: 2018-03-01, 2018/3/1 or 20180301",
        [CSV_MONTH] = "a month: 2018-03, 2018/3 or 201803",
        [CSV_MONEY] = "an amount in yuan with at most two decimals, like 1234.50",
        [CSV_NUMBER] = "a whole number of at most 15 digits",
        [CSV_YES_NO] = "是 or 否 (yes or no)",
    };
    if (column->type == CSV_WORD)
        expected_words(column, text, room);
    else
        snprintf(text, room, "%s", plain[column->type]);
}

void cell_show(const char *text, char *out, size_t room) {
    size_t run = 0, n = 0;
    for (const char *p = text; *p; p++)
        if ((run = *p >= '0' && *p <= '9' ? run + 1 : 0) > SHOWN_DIGITS) {
            snprintf(out, room, "a long number");
            return;
        }
    CHECK(room > SHOWN_BYTES + 4);
    for (; text[n] && n < SHOWN_BYTES; n++) out[n] = (unsigned char)text[n] < 0x20 || text[n] == 0x7F ? ' ' : text[n];
    if (text[n]) {
        while (n && ((unsigned char)text[n] & 0xC0) == 0x80) n--; // never within a character
        memcpy(out + n, "…", sizeof "…");
    } else
        out[n] = 0;
}
