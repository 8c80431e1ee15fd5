// tongchou explain BILL: the one bill (一单): fee → scope → deductible → each layer → cash, each line with its article.
#include "cli.h"
#include "decision.h"

static int run(int argc, char **argv, const command_t *self) {
    const char *data = cli_default_data, *as = "admin";
    bool json = false;
    const option_spec_t specs[] = {
        {.name = "data", .text = &data}, {.name = "as", .text = &as}, {.name = "json", .flag = &json}};
    words_t words = {0};
    int status = options_parse(argc, argv, self, specs, COUNT_OF(specs), &words, NULL);
    if (status >= 0) return status;
    if (words.count != 1) {
        fprintf(stderr, "tongchou explain: one bill number was expected\n");
        return 2;
    }
    suite_t suite;
    if (suite_open(&suite, data, as)) return 2;
    Tc__GetDecision request = TC__GET_DECISION__INIT;
    request.bill = (char *)words.word[0];
    ProtobufCMessage *reply = NULL;
    err_t err = {0};
    if (suite_call(&suite, "adjudication", "explain", "", &request.base, &tc__decision__descriptor, &reply, &err))
        status = cli_refused(&err, json);
    else if (json)
        status = puts(message_to_json(reply, suite.arena)) < 0;
    else {
        decision_print((const Tc__Decision *)reply);
        status = 0;
    }
    suite_close(&suite);
    return status;
}

const command_t command_explain = {
    .name = "explain",
    .summary = "why a bill was paid as it was: every fen with its rule and article (一单)",
    .run = run,
    .help = "usage: tongchou explain BILL [--json] [--data DIR]\n\nexample:\n  tongchou explain D000042\n"};
