// Keys and who may connect. A key directory holds
//   registry.yaml      public: name, role, public key of every party (`parties: [{name, role, key}]`)
//   <name>.key         secret: one Z85 line, mode 0600; only the file of the process itself need be there
// ZAP fails closed: every server socket sets a domain and enforces it, so without a running handler nobody gets in
// (measured on libzmq 4.3.4: CURVE alone admits strangers). The handler runs before any bind.
#pragma once
#include "wire.h"
#include "common/base/err.h"
#include "common/base/check.h"
#include <stdbool.h>

typedef struct keys keys_t; // the registry and our own key pair

// Load the registry and, when `self` is not NULL, the secret of `self` (its public half must match the registry).
int keys_load(keys_t **out, const char *dir, const char *self, err_t *err) MUST_USE;
void keys_destroy(keys_t **keys);
// Make a fresh pair for `name`, write <name>.key and add it to the registry (created if absent; whole-file rename, so a
// reader never sees half). An existing name is left alone.
int keys_make(const char *dir, const char *name, const char *role, err_t *err) MUST_USE;
// The same for a party that sees and changes a part of the city only; `scope` as scope_make() writes it (scope.h).
int keys_make_scoped(const char *dir, const char *name, const char *role, const char *scope, err_t *err) MUST_USE;
// Take the party out of the registry and remove <name>.key: a later keys_make() makes a fresh pair. E_NOT_FOUND when it
// is not there, E_DENIED when it has another role (one bit of wire_role_t). Connections made before live on until they
// break, unless who serves them looks again (services/settlement/agency.h).
int keys_revoke(const char *dir, const char *name, unsigned role, err_t *err) MUST_USE;
const char *keys_public_of(const keys_t *keys, const char *name); // Z85, or NULL
const char *keys_self(const keys_t *keys);

// Start the ZAP handler of this context (one thread, inproc). `domains` say which roles may enter where: the front door
// admits any registered party, the back door services only. Re-reads the registry when its file changes (1 s).
typedef struct zap zap_t;
typedef struct zap_domain {
    const char *name;
    unsigned roles; // bits of wire_role_t
} zap_domain_t;
// A message from an admitted party carries "User-Id" (role:name) and ZAP_KEY_PROPERTY, its public key as it came in the
// handshake: a name may be given a new key while a connection of the old one still lives.
#define ZAP_KEY_PROPERTY "Public-Key"
#define AGENCY_DOMAIN "agency" // the door for other agencies: their keys and no others
int zap_start(zap_t **out, void *zmq_context, const char *dir, const zap_domain_t *domains, size_t count,
              err_t *err) MUST_USE;
void zap_stop(zap_t **zap);

// Prepare a socket before bind/connect: CURVE, limits (message size, handshake time, high-water marks), keepalive.
int curve_server(void *socket, const keys_t *keys, const char *domain, err_t *err) MUST_USE;
int curve_client(void *socket, const keys_t *keys, const char *server_name, err_t *err) MUST_USE;
