// Synthetic people, for `tongchou sample`: a draw that is the same everywhere, and persons who cannot be real.
#pragma once
#include "common/base/ids.h"
#include "common/policy/vocabulary.h"

#define NOWHERE "990001" // a division that does not exist
enum { SAMPLE_PEOPLE_MAX = 9999999 };

typedef struct draw {
    uint64_t state;
} draw_t;

uint64_t draw_next(draw_t *draw); // SplitMix64
int64_t draw_below(draw_t *draw, int64_t n);
bool draw_chance(draw_t *draw, int per_mille);
// A draw of its own for the number-th thing of a kind, so that it can be made again without those before it.
draw_t draw_of(uint64_t seed, uint64_t kind, int64_t number);

typedef struct person {
    identity_t identity;
    int division; // index
    int employer; // index; −1: none
    bool male;
    date_t birth;
} person_t;

// The person's number (from 0, below SAMPLE_PEOPLE_MAX) goes into the birthday.
void sample_person_draw(draw_t *draw, int64_t number, int year, int64_t divisions, int64_t employers, person_t *out);
// Valid, and never the same for two numbers: under 990001 … 990060, which do not exist.
void sample_citizen_id(const person_t *person, int64_t number, char id[static CITIZEN_ID_LENGTH + 1]);
