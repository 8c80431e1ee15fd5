// Names and values of the dimensions: what `when` of a city file may say.
#include "dimension.h"
#include <string.h>

#define X(code, name, kind, word, shift, width, scope)                                                                 \
    _Static_assert((shift) + (width) <= 64 && (word) < DIMENSION_WORDS, "dimension " #name " leaves its word");
DIMENSION_TABLE(X)
#undef X
_Static_assert(IDENTITY__COUNT <= 16 && LEVEL__COUNT <= 8 && AREA__COUNT <= 4 && FILING__COUNT <= 16, "no room");
_Static_assert(SEX__COUNT <= 2 && POINT__COUNT <= 4 && FACILITY_KIND__COUNT <= 4, "no room");
_Static_assert(EMPLOYER__COUNT <= 8 && GROUP__COUNT <= 32, "no room");

typedef struct words {
    int (*from_name)(const char *);
    const char *(*name)(int);
    int count;
} words_t;

static const words_t words_of[DIM__COUNT] = {
    [DIM_IDENTITY] = {identity_from_name, identity_name, IDENTITY__COUNT},
    [DIM_LEVEL] = {level_from_name, level_name, LEVEL__COUNT},
    [DIM_AREA] = {area_from_name, area_name, AREA__COUNT},
    [DIM_FILING] = {filing_from_name, filing_name, FILING__COUNT},
    [DIM_EMPLOYER] = {employer_from_name, employer_name, EMPLOYER__COUNT},
    [DIM_POINT] = {point_from_name, point_name, POINT__COUNT},
    [DIM_SEX] = {sex_from_name, sex_name, SEX__COUNT},
    [DIM_FACILITY_KIND] = {facility_kind_from_name, facility_kind_name, FACILITY_KIND__COUNT},
};

int dimension_from_name(const char *name) {
    for (int i = 0; i < DIM__COUNT; i++)
        if (strcmp(dimension_infos[i].name, name) == 0) return i;
    return -1;
}

int dimension_values(dimension_t dimension) {
    switch (dimension_infos[dimension].kind) {
    case DIM_WORD: return words_of[dimension].count;
    case DIM_YES_NO: return 2;
    case DIM_NUMBER: break;
    }
    return 0;
}

int dimension_value_from_name(dimension_t dimension, const char *name) {
    if (dimension_infos[dimension].kind == DIM_WORD) return words_of[dimension].from_name(name);
    if (dimension_infos[dimension].kind == DIM_NUMBER) return -1;
    if (strcmp(name, "false") == 0) return 0;
    return strcmp(name, "true") == 0 ? 1 : -1;
}

const char *dimension_value_name(dimension_t dimension, int value) {
    if (dimension_infos[dimension].kind == DIM_WORD) return words_of[dimension].name(value);
    return value ? "true" : "false";
}
