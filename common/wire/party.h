// The registry as the ZAP handler needs it: parties found by their raw public key.
#pragma once
#include "curve.h"
#include "scope.h"

enum { KEY_BYTES = 32, KEY_TEXT_BYTES = 41, PARTY_NAME_BYTES = 65 };

typedef struct party {
    uint8_t key[KEY_BYTES];
    char key_text[KEY_TEXT_BYTES]; // Z85
    char name[PARTY_NAME_BYTES];
    unsigned role;
    char scope[SCOPE_BYTES]; // "" = the whole city
} party_t;

const party_t *keys_by_public(const keys_t *keys, const uint8_t key[static KEY_BYTES]); // NULL when unknown
const party_t *keys_by_name(const keys_t *keys, const char *name);                      // the same
const char *keys_secret(const keys_t *keys);     // Z85; "" when loaded without a self
const char *keys_own_public(const keys_t *keys); // Z85; "" when loaded without a self
