// One command from the command line: its fields become a message, its answer is printed for a person or as JSON.
#pragma once
#include "submit.h"

typedef struct common_options {
    const char *data, *as, *out, *request_id;
    bool json, quiet;
    int64_t window, deadline_s;
} common_options_t;

#define COMMON_DEFAULTS                                                                                                \
    { .data = cli_default_data, .as = "admin" }
#define COMMON_SPECS(c)                                                                                                \
    {.name = "data", .text = &(c).data}, {.name = "as", .text = &(c).as}, { .name = "json", .flag = &(c).json }
#define FILE_SPECS(c)                                                                                                  \
    {.name = "out", .text = &(c).out}, {.name = "quiet", .flag = &(c).quiet},                                          \
        {.name = "window", .number = &(c).window}, {.name = "deadline", .number = &(c).deadline_s}, {                  \
        .name = "request-id", .text = &(c).request_id                                                                  \
    }

// Send one command made of `fields`. Without a request id of the caller's own it is made from the command itself, so
// that giving a command again after a time-out asks for the same thing and does it once. Exit status.
int request_send(suite_t *suite, const cli_method_t *method, const words_t *fields, const common_options_t *options);
// A file of commands (method NULL: each line names its own).
int request_file(suite_t *suite, const char *service, const char *method, const char *path,
                 const common_options_t *options);
// What became of a command of adjudication: prints it. Exit status.
int bill_status(const char *request_id, const common_options_t *options);
// There is no such word: named, with the commands that there are. Exit status 2.
int request_unknown(const command_t *command, const char *service, const char *word);
// The first word, said to be none, when it is not among `known` (names with a blank between them).
void request_name_unknown(const command_t *command, const words_t *words, const char *known);
// Print why the words were wrong and which commands there are (`only`: this one). Exit status 2.
int request_usage(const command_t *command, const char *service, const char *only, const char *why);
