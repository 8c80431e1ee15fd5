// See sample_person.h.
#include "sample_person.h"
#include <stdio.h>

uint64_t draw_next(draw_t *draw) {
    uint64_t z = (draw->state += 0x9e3779b97f4a7c15ull);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return z ^ (z >> 31);
}

int64_t draw_below(draw_t *draw, int64_t n) { return (int64_t)(draw_next(draw) % (uint64_t)n); }
bool draw_chance(draw_t *draw, int per_mille) { return draw_below(draw, 1000) < per_mille; }

draw_t draw_of(uint64_t seed, uint64_t kind, int64_t number) {
    draw_t draw = {seed};
    draw.state = draw_next(&draw) + kind;
    draw.state = draw_next(&draw) + (uint64_t)number;
    draw.state = draw_next(&draw);
    return draw;
}

void sample_person_draw(draw_t *draw, int64_t number, int year, int64_t divisions, int64_t employers, person_t *out) {
    static const struct {
        identity_t identity;
        int upto; // per mille, running
    } mix[] = {{IDENTITY_RESIDENT, 500}, {IDENTITY_EMPLOYEE, 800},   {IDENTITY_RETIREE, 900},
               {IDENTITY_FLEXIBLE, 950}, {IDENTITY_UNEMPLOYED, 975}, {IDENTITY_SOLE_TRADER, 1000}};
    int64_t roll = draw_below(draw, 1000);
    size_t i = 0;
    while (roll >= mix[i].upto) i++;
    out->identity = mix[i].identity;
    out->division = (int)draw_below(draw, divisions);
    out->employer = out->identity == IDENTITY_EMPLOYEE ? (int)draw_below(draw, employers) : -1;
    out->male = draw_chance(draw, 500);
    int age = out->identity == IDENTITY_RETIREE    ? 60 + (int)draw_below(draw, 25)
              : out->identity == IDENTITY_RESIDENT ? (int)draw_below(draw, 85)
                                                   : 22 + (int)draw_below(draw, 36);
    out->birth = date_make(year - 1 - age, 1 + (int)(number / 14000 % 12), 1 + (int)(number / 500 % 28));
}

// Number, month and day together are never the same for two of 168,000 people in a row; each 168,000 have a division of
// their own.
void sample_citizen_id(const person_t *person, int64_t number, char id[static CITIZEN_ID_LENGTH + 1]) {
    char text[DATE_TEXT_MAX], body[32];
    date_format(person->birth, text);
    // The order code: odd for men; 500 values of each kind.
    snprintf(body, sizeof body, "%06d%.4s%.2s%.2s%02d%d", 990001 + (int)(number / 168000), text, text + 5, text + 8,
             (int)(number % 100), person->male ? 1 + 2 * (int)(number / 100 % 5) : 2 * (int)(number / 100 % 5));
    snprintf(id, CITIZEN_ID_LENGTH + 1, "%.17s%c", body, citizen_id_check_char(body));
}
