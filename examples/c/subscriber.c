// Receive what another agency is granted of a Tongchou settlement: one line per event on standard output, the position
// in a file, which is written after the lines: killed in between, the last lines come again, and (partition, number)
// tells them.
//
// Debian: apt install gcc libzmq3-dev libprotobuf-c-dev protobuf-c-compiler
//         protoc-c --proto_path=DIR-OF-agency.proto --c_out=. agency.proto
//         cc -o subscriber subscriber.c agency.pb-c.c -lzmq -lprotobuf-c
//         ./subscriber tcp://HOST:7804 SERVER-KEY finance.key finance.position
//
// Ends where the log ended when it began: run it by a timer, or never let take() say 1 and it follows.
// The protocol: docs/events.md.
#include "agency.pb-c.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

enum { CREDIT = 1000, SILENCE_MS = 10000, KEY_BYTES = 41, POSITION_MAX = 4096 };

static void die(const char *what, const char *why) {
    fprintf(stderr, "subscriber: %s: %s\n", what, why);
    exit(1);
}

static void say(void *door, const Tc__Agency__ToDoor *word) {
    unsigned char bytes[POSITION_MAX + 64];
    const size_t size = tc__agency__to_door__pack(word, bytes);
    if (zmq_send(door, bytes, size, 0) < 0) die("send", zmq_strerror(errno));
}

static void *enter(void *context, const char *address, const char *server_key, const char *key_file) {
    char public_key[KEY_BYTES], secret[KEY_BYTES] = "";
    const int none = 0;
    FILE *file = fopen(key_file, "r");
    if (!file || fscanf(file, "%40s", secret) != 1) die(key_file, "one line of 40 characters was expected");
    fclose(file);
    void *door = zmq_socket(context, ZMQ_DEALER);
    if (!door || zmq_curve_public(public_key, secret) || zmq_setsockopt(door, ZMQ_LINGER, &none, sizeof none) ||
        zmq_setsockopt(door, ZMQ_CURVE_SERVERKEY, server_key, KEY_BYTES) ||
        zmq_setsockopt(door, ZMQ_CURVE_PUBLICKEY, public_key, KEY_BYTES) ||
        zmq_setsockopt(door, ZMQ_CURVE_SECRETKEY, secret, KEY_BYTES) || zmq_connect(door, address))
        die(address, zmq_strerror(errno));
    return door;
}

static void say_hello(void *door, const char *position_file) {
    unsigned char bytes[POSITION_MAX];
    Tc__Agency__Hello hello = TC__AGENCY__HELLO__INIT;
    Tc__Agency__ToDoor word = TC__AGENCY__TO_DOOR__INIT;
    word.message_case = TC__AGENCY__TO_DOOR__MESSAGE_HELLO, word.hello = &hello;
    hello.version = 1;
    hello.credit = CREDIT;
    FILE *file = fopen(position_file, "rb");
    if (file) {
        hello.after = tc__agency__position__unpack(NULL, fread(bytes, 1, sizeof bytes, file), bytes);
        fclose(file);
        if (!hello.after) die(position_file, "not a position");
    }
    say(door, &word);
    if (hello.after) tc__agency__position__free_unpacked(hello.after, NULL);
}

static void keep_position(const Tc__Agency__Position *position, const char *path) {
    unsigned char bytes[POSITION_MAX];
    char temporary[4096];
    const size_t size = tc__agency__position__pack(position, bytes);
    snprintf(temporary, sizeof temporary, "%s.new", path);
    FILE *file = fopen(temporary, "wb");
    if (!file || fwrite(bytes, 1, size, file) != size || fclose(file) || rename(temporary, path))
        die(temporary, "cannot write the position");
}

static void print_event(const Tc__Agency__Event *event) {
    Tc__Agency__Entry *entry = tc__agency__entry__unpack(NULL, event->body.len, event->body.data);
    if (!entry) die(event->topic, "not an Entry");
    printf("%u %lld %s %s %s %s\n", event->partition, (long long)event->number, event->topic, entry->value_date,
           *entry->reference ? entry->reference : "-", *entry->person ? entry->person : "-");
    for (size_t i = 0; i < entry->n_line; i++) {
        const Tc__Agency__Line *line = entry->line[i];
        printf("    %-28s %-12s %-8s", line->account, line->fund, line->county);
        if (line->amount_case)
            printf(" %s%lld.%02lld", line->amount_fen < 0 ? "-" : "", llabs((long long)line->amount_fen) / 100,
                   llabs((long long)line->amount_fen) % 100);
        putchar('\n');
    }
    tc__agency__entry__free_unpacked(entry, NULL);
}

static void say_credit(void *door, size_t events) {
    Tc__Agency__Credit credit = TC__AGENCY__CREDIT__INIT;
    Tc__Agency__ToDoor word = TC__AGENCY__TO_DOOR__INIT;
    word.message_case = TC__AGENCY__TO_DOOR__MESSAGE_CREDIT, word.credit = &credit;
    credit.events = (unsigned)events;
    say(door, &word);
}

// Returns 1 when the position is where the log ended at our Welcome.
static int take(void *door, const Tc__Agency__FromDoor *message, const char *position_file) {
    static int64_t head[64];
    const Tc__Agency__Position *position = NULL;
    switch (message->message_case) {
    case TC__AGENCY__FROM_DOOR__MESSAGE_WELCOME:
        for (size_t i = 0; i < 64 && i < message->welcome->head->n_number; i++)
            head[i] = message->welcome->head->number[i];
        return 0;
    case TC__AGENCY__FROM_DOOR__MESSAGE_EVENTS:
        for (size_t i = 0; i < message->events->n_event; i++) print_event(message->events->event[i]);
        if (fflush(stdout)) die("standard output", "cannot write");
        say_credit(door, message->events->n_event);
        position = message->events->position;
        break;
    case TC__AGENCY__FROM_DOOR__MESSAGE_BEAT: position = message->beat->position; break;
    case TC__AGENCY__FROM_DOOR__MESSAGE_REFUSED: die("refused", message->refused->text); break;
    case TC__AGENCY__FROM_DOOR__MESSAGE_REVOKED: die("revoked", message->revoked->text); break;
    default: return 0;
    }
    if (!position) return 0;
    keep_position(position, position_file);
    for (size_t i = 0; i < 64 && i < position->n_number; i++)
        if (position->number[i] < head[i]) return 0;
    return 1;
}

int main(int argc, char **argv) {
    if (argc != 5) die("usage", "subscriber ADDRESS SERVER-KEY KEY-FILE POSITION-FILE");
    void *context = zmq_ctx_new(), *door = enter(context, argv[1], argv[2], argv[3]);
    say_hello(door, argv[4]);
    for (int done = 0; !done;) {
        zmq_pollitem_t item = {.socket = door, .events = ZMQ_POLLIN};
        zmq_msg_t frame;
        if (zmq_poll(&item, 1, SILENCE_MS) < 1) die(argv[1], "nothing heard: closed, or it does not know this key");
        if (zmq_msg_init(&frame) || zmq_msg_recv(&frame, door, 0) < 0) die("receive", zmq_strerror(errno));
        Tc__Agency__FromDoor *message = tc__agency__from_door__unpack(NULL, zmq_msg_size(&frame), zmq_msg_data(&frame));
        if (!message) die(argv[1], "not a message of the door");
        done = take(door, message, argv[4]);
        tc__agency__from_door__free_unpacked(message, NULL);
        zmq_msg_close(&frame);
    }
    zmq_close(door);
    zmq_ctx_term(context);
    return 0;
}
