// The command mechanism: what goes over the wire, and the limits every party keeps. Grammar: docs/wire.md.
//
//   client DEALER ──> broker ROUTER "front"   broker ROUTER "back" <── service DEALER
//
// All sockets speak CURVE. The caller is who its key says (ZAP User-Id "role:name"), never what a message claims.
#pragma once
#include "common/base/hash.h"
#include <stdint.h>

#define WIRE_MESSAGE_MAX_BYTES (1024 * 1024) // ZMQ_MAXMSGSIZE and every body check
#define WIRE_HEADER_MAX_BYTES 1024
#define WIRE_HEARTBEAT_MS 500   // service → broker beat, and broker → service
#define WIRE_DEAD_AFTER_MS 2500 // five beats without a word: dead
#define WIRE_CALLER_MAX 96
#define WIRE_CREDIT_MAX 2048 // below the send high-water mark, so a send within credit never meets it
#define WIRE_BROKERS_MAX 2

// What a request carries beside its body; the C face of proto/envelope.proto's RequestHeader.
typedef struct wire_header {
    const char *service;
    const char *method;
    const char *request_id; // made by the caller; the same id and body may be sent again at will
    const char *key;        // "" for any instance; else goes to the owner of partition_of(key)
    const char *trace_id;   // "" or an id that appears in every log line of the request's path
    int64_t deadline_ms;    // unix ms; past it nobody works on the request any more
    const char *caller;     // "role:name", filled in by the broker from the key; what a client writes is overwritten
    const char *scope;      // of the caller (scope.h), filled in likewise; NULL or "" = the whole city
} wire_header_t;

// Roles, as bits, so that a method can name several. The registry file names them in lower case.
typedef enum wire_role {
    ROLE_ADMIN = 1,    // operators
    ROLE_CLERK = 2,    // agency clerks
    ROLE_HOSPITAL = 4, // hospital systems
    ROLE_AGENCY = 8,   // event subscribers of other bureaus
    ROLE_SERVICE = 16, // our services
    ROLE_BROKER = 32,
} wire_role_t;
unsigned wire_role_from_name(const char *name); // 0 when unknown
const char *wire_role_name(unsigned role);
unsigned wire_caller_role(const char *caller); // the role bit of "role:name", 0 when malformed
