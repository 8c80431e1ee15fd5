// tongchou sample: a deterministic synthetic city for trials: facilities, employers, persons, payers and bills as JSON
// lines. All persons are synthetic: their citizen IDs stand under division 990001, which does not exist, so none can be
// a real one. The same options give the same files, byte for byte.
#include "cli.h"
#include "common/base/money.h"
#include "sample_catalogue.h"
#include "sample_city.h"
#include "sample_person.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

typedef struct sample {
    int64_t people, employers, bills, seed, year;
    const char *out;
    const char *division[16];
    size_t divisions;
    draw_t draw;
    person_t *person;
} sample_t;

static int64_t below(sample_t *sample, int64_t n) { return draw_below(&sample->draw, n); }
static bool chance(sample_t *sample, int per_mille) { return draw_chance(&sample->draw, per_mille); }

static FILE *open_file(const sample_t *sample, const char *name) {
    char path[512];
    snprintf(path, sizeof path, "%s/%s", sample->out, name);
    FILE *file = fopen(path, "w");
    if (!file) fprintf(stderr, "tongchou sample: cannot write %s: %s\n", path, strerror(errno));
    return file;
}

static int close_file(FILE *file) {
    int failed = ferror(file);
    return fclose(file) || failed ? 2 : 0;
}

// ---- facilities: of every level in every division, and one without an agreement
// ----------------------------------------

static const char *const levels[] = {"1", "2", "3"};

static void facility_code(int number, char code[static 24]) { snprintf(code, 24, "H" NOWHERE "%05d", number); }

static int write_facilities(sample_t *sample) {
    FILE *file = open_file(sample, "demo-facilities.jsonl");
    if (!file) return 2;
    char code[24];
    int count = (int)sample->divisions * 3;
    for (int i = 0; i <= count; i++) {
        facility_code(i + 1, code);
        bool last = i == count; // a private clinic nobody signed with
        fprintf(file,
                "{\"register_facility\":{\"facility\":\"%s\",\"name\":\"示例医院%02d\",\"kind\":\"hospital\",\"level\":"
                "\"%s\","
                "\"primary\":%s,\"division\":\"%s\"}}\n",
                code, i + 1, last ? "2" : levels[i % 3], !last && i % 3 == 0 ? "true" : "false",
                sample->division[last ? 0 : (size_t)i / 3]);
    }
    for (int i = 0; i < count; i++) {
        facility_code(i + 1, code);
        fprintf(file,
                "{\"sign_agreement\":{\"facility\":\"%s\",\"agreement\":\"AG-%lld-%02d\",\"from\":\"%lld-01-01\","
                "\"until\":\"%lld-12-31\"}}\n",
                code, (long long)sample->year, i + 1, (long long)sample->year, (long long)sample->year);
    }
    return close_file(file);
}

// ---- population
// -------------------------------------------------------------------------------------------------------

static void write_employers(sample_t *sample, FILE *file) {
    for (int64_t i = 0; i < sample->employers; i++) {
        char body[32];
        snprintf(body, sizeof body, "91" NOWHERE "MA%07lld", (long long)i + 1);
        fprintf(file,
                "{\"register_employer\":{\"employer\":\"E%05lld\",\"uscc\":\"%s%c\",\"name\":\"示例单位%03lld\","
                "\"kind\":\"%s\","
                "\"division\":\"%s\"}}\n",
                (long long)i + 1, body, uscc_check_char(body), (long long)i + 1, i % 8 == 0 ? "organ" : "enterprise",
                sample->division[(size_t)i % sample->divisions]);
    }
}

static void write_spell(sample_t *sample, FILE *file, int64_t number) {
    const person_t *person = &sample->person[number];
    fprintf(file, "{\"open_spell\":{\"person\":\"P%07lld\",\"identity\":\"%s\",", (long long)number + 1,
            identity_name((int)person->identity));
    if (person->employer >= 0) {
        char wage[FEN_TEXT_MAX];
        fen_format(200000 + below(sample, 1800000), wage);
        fprintf(file, "\"employer\":\"E%05d\",\"wage\":\"%s\",", person->employer + 1, wage);
    }
    int64_t prior = below(sample, 60);
    bool tier2 = person->identity != IDENTITY_RESIDENT;
    fprintf(file, "\"from_month\":\"%lld-01\",\"prior_months_tier1\":%lld,\"prior_months_tier2\":%lld}}\n",
            (long long)sample->year, (long long)prior, tier2 ? (long long)prior : 0LL);
}

static void write_group(sample_t *sample, FILE *file, int64_t number) {
    static const group_t groups[] = {GROUP_MINIMUM_LIVING, GROUP_REGISTERED_POOR, GROUP_EXTREME_HARDSHIP,
                                     GROUP_FIVE_GUARANTEE};
    if (sample->person[number].identity != IDENTITY_RESIDENT || !chance(sample, 80)) return;
    fprintf(file,
            "{\"set_group\":{\"person\":\"P%07lld\",\"group\":\"%s\",\"from\":\"%lld-01-01\",\"source\":\"civil_"
            "affairs\",",
            (long long)number + 1, group_name((int)groups[below(sample, (int64_t)COUNT_OF(groups))]),
            (long long)sample->year - 1);
    fprintf(file,
            "\"certificate\":\"C%07lld\",\"issuer\":\"civil_affairs\",\"issuer_level\":\"county\","
            "\"issued_on\":\"%lld-12-01\"}}\n",
            (long long)number + 1, (long long)sample->year - 2);
}

static int write_population(sample_t *sample) {
    FILE *file = open_file(sample, "demo-population.jsonl");
    if (!file) return 2;
    write_employers(sample, file);
    for (int64_t i = 0; i < sample->people; i++) {
        char id[CITIZEN_ID_LENGTH + 1];
        sample_person_draw(&sample->draw, i, (int)sample->year, (int64_t)sample->divisions, sample->employers,
                           &sample->person[i]);
        sample_citizen_id(&sample->person[i], i, id);
        fprintf(file,
                "{\"register_person\":{\"person\":\"P%07lld\",\"citizen_id\":\"%s\",\"name\":\"示例参保人%05lld\","
                "\"division\":\"%s\"}}\n",
                (long long)i + 1, id, (long long)i + 1, sample->division[sample->person[i].division]);
    }
    for (int64_t i = 0; i < sample->people; i++) write_spell(sample, file, i);
    for (int64_t i = 0; i < sample->people; i++) write_group(sample, file, i);
    return close_file(file);
}

// Who pays: employers and individual payers by the month, residents by the year.
static int write_payers(sample_t *sample) {
    FILE *monthly = open_file(sample, "demo-payers-monthly.jsonl"),
         *yearly = open_file(sample, "demo-payers-yearly.jsonl");
    if (monthly && yearly) {
        for (int64_t i = 0; i < sample->employers; i++)
            fprintf(monthly, "{\"employer\":\"E%05lld\"}\n", (long long)i + 1);
        for (int64_t i = 0; i < sample->people; i++) {
            identity_t identity = sample->person[i].identity;
            if (identity == IDENTITY_EMPLOYEE || identity == IDENTITY_RETIREE) continue;
            fprintf(identity == IDENTITY_RESIDENT ? yearly : monthly, "{\"person\":\"P%07lld\"}\n", (long long)i + 1);
        }
    }
    int status = monthly && yearly ? 0 : 2;
    if (monthly && close_file(monthly)) status = 2;
    if (yearly && close_file(yearly)) status = 2;
    return status;
}

// ---- bills
// ------------------------------------------------------------------------------------------------------------

// Mostly small, a few very large: 500 to 500,000 yuan, the exponent drawn evenly in eighths of a doubling.
static fen_t draw_fee(sample_t *sample) {
    fen_t fee = 50000;
    for (int64_t doublings = below(sample, chance(sample, 50) ? 10 : 7); doublings > 0; doublings--) fee *= 2;
    return fee + below(sample, fee);
}

static const char *draw_filing(sample_t *sample, identity_t identity) {
    if (identity == IDENTITY_RETIREE && chance(sample, 400)) return "resettled";
    if (identity == IDENTITY_EMPLOYEE && chance(sample, 200)) return "posted";
    return chance(sample, 600) ? "filed" : chance(sample, 700) ? "unfiled" : "late";
}

static void write_bill(sample_t *sample, FILE *file, int64_t number, date_t discharge) {
    int64_t who = below(sample, sample->people);
    const person_t *person = &sample->person[who];
    bool outside = chance(sample, 60);
    char code[24], total[FEN_TEXT_MAX], in_scope[FEN_TEXT_MAX], from[DATE_TEXT_MAX], to[DATE_TEXT_MAX];
    fen_t fee = draw_fee(sample), scope = fee;
    CHECK(fen_mul_div(fee, 800 + below(sample, 201), 1000, &scope) == E_OK);
    facility_code(chance(sample, 20) ? (int)sample->divisions * 3 + 1
                                     : 1 + (int)below(sample, (int64_t)sample->divisions * 3),
                  code);
    date_format(discharge - 1 - (date_t)below(sample, 14), from);
    date_format(discharge, to);
    fprintf(file,
            "{\"bill\":\"D%06lld\",\"person\":\"P%07lld\",\"facility\":\"%s\",\"type\":\"inpatient\",\"from\":\"%s\","
            "\"to\":\"%s\","
            "\"area\":\"%s\",\"filing\":\"%s\",",
            (long long)number + 1, (long long)who + 1, code, from, to, outside ? "outside" : "city",
            outside ? draw_filing(sample, person->identity) : "none");
    if (!person->male && person->identity == IDENTITY_RESIDENT && chance(sample, 30))
        fprintf(file, "\"childbirth\":true,");
    if (!outside && chance(sample, 30)) fprintf(file, "\"referral\":true,\"deductible_borne\":\"500.00\",");
    fprintf(file, "\"total\":\"%s\",\"in_scope\":\"%s\"}\n", fen_format(fee, total), fen_format(scope, in_scope));
}

// Bills come in order of discharge, from mid-February to late July: the months that six monthly contributions buy.
static int write_bills(sample_t *sample) {
    FILE *file = open_file(sample, "demo-bills.jsonl");
    if (!file) return 2;
    date_t first = date_make((int)sample->year, 2, 15), days = date_make((int)sample->year, 7, 25) - first;
    for (int64_t i = 0; i < sample->bills; i++) write_bill(sample, file, i, first + (date_t)(i * days / sample->bills));
    return close_file(file);
}

static int run(int argc, char **argv, const command_t *self) {
    if (argc > 1 && strcmp(argv[1], "city") == 0) return sample_city_run(argc - 1, argv + 1);
    if (argc > 1 && strcmp(argv[1], "catalogue") == 0) return sample_catalogue_run(argc - 1, argv + 1);
    sample_t sample = {.people = 2000, .employers = 40, .bills = 3000, .seed = 1, .year = 2018, .out = "."};
    const option_spec_t specs[] = {{.name = "people", .number = &sample.people},
                                   {.name = "employers", .number = &sample.employers},
                                   {.name = "bills", .number = &sample.bills},
                                   {.name = "seed", .number = &sample.seed},
                                   {.name = "year", .number = &sample.year},
                                   {.name = "out", .text = &sample.out},
                                   {.name = "division", .list = sample.division, .room = COUNT_OF(sample.division)}};
    int status = options_parse(argc, argv, self, specs, COUNT_OF(specs), NULL, NULL);
    if (status >= 0) return status;
    while (sample.divisions < COUNT_OF(sample.division) && sample.division[sample.divisions]) sample.divisions++;
    if (!sample.divisions || sample.people < 1 || sample.people > SAMPLE_PEOPLE_MAX || sample.employers < 1 ||
        sample.employers > 99999 || sample.bills < 1 || sample.year < 1990 || sample.year > 2100) {
        fprintf(stderr,
                "tongchou sample: at least one --division, --people 1…9999999, --employers 1…99999, --bills 1…, --year "
                "1990…2100 were expected\n");
        return 2;
    }
    sample.draw.state = (uint64_t)sample.seed;
    sample.person = calloc((size_t)sample.people, sizeof *sample.person);
    if (!sample.person) return 2;
    status = write_facilities(&sample);
    if (!status) status = write_population(&sample);
    if (!status) status = write_payers(&sample);
    if (!status) status = write_bills(&sample);
    free(sample.person);
    return status;
}

const command_t command_sample = {
    .name = "sample",
    .summary = "write a synthetic city (facilities, people, payers, bills) for trials",
    .run = run,
    .help = "usage: tongchou sample --division CODE [--division CODE …] [--people N] [--employers N] [--bills N]\n"
            "                       [--year Y] [--seed N] [--out DIR]\n"
            "       tongchou sample city …   (a city of any size as CSV files: `tongchou sample city --help`)\n"
            "       tongchou sample catalogue …   (drugs, items, materials and beds: `tongchou sample catalogue "
            "--help`)\n\n"
            "Writes demo-facilities, demo-population, demo-payers-monthly, demo-payers-yearly and demo-bills (.jsonl). "
            "The same\n"
            "options give the same files. All persons are synthetic.\n\nexample:\n"
            "  tongchou sample --division 440703 --division 440704 --people 2000 --out config/samples\n"};
