// Names of the standard dimensions, in both directions.
#include "vocabulary.h"
#include "common/base/check.h"
#include <string.h>

typedef struct word {
    const char *name, *chinese;
} word_t;

static int find(const word_t *words, int count, const char *name) {
    for (int i = 0; i < count; i++)
        if (strcmp(words[i].name, name) == 0) return i;
    return -1;
}

#define X(code, name, chinese) {name, chinese},
#define LISTED(code, name, chinese) ", " name
#define WORDS(dimension, TABLE)                                                                                        \
    static const word_t dimension##_words[] = {TABLE(X)};                                                              \
    int dimension##_from_name(const char *name) {                                                                      \
        return name ? find(dimension##_words, (int)COUNT_OF(dimension##_words), name) : -1;                            \
    }                                                                                                                  \
    const char *dimension##_name(int code) {                                                                           \
        return code >= 0 && code < (int)COUNT_OF(dimension##_words) ? dimension##_words[code].name : "";               \
    }                                                                                                                  \
    const char *dimension##_chinese(int code) {                                                                        \
        return code >= 0 && code < (int)COUNT_OF(dimension##_words) ? dimension##_words[code].chinese : "";            \
    }                                                                                                                  \
    const char *dimension##_names(void) {                                                                              \
        static const char list[] = TABLE(LISTED);                                                                      \
        return list + 2;                                                                                               \
    }

WORDS(identity, IDENTITY_TABLE)
WORDS(group, GROUP_TABLE)
WORDS(level, LEVEL_TABLE)
WORDS(visit, VISIT_TABLE)
WORDS(area, AREA_TABLE)
WORDS(filing, FILING_TABLE)
WORDS(payer, PAYER_TABLE)
WORDS(employer, EMPLOYER_TABLE)
WORDS(sex, SEX_TABLE)
WORDS(point, POINT_TABLE)
WORDS(facility_kind, FACILITY_KIND_TABLE)
WORDS(fee_kind, FEE_KIND_TABLE)
WORDS(fee_class, FEE_CLASS_TABLE)
