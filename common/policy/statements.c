// Section `statements`, from the file and from the message.
#include "statements.h"
#include "loader.h"
#include "unpack.h"

int load_statements(loader_t *l) { return l->rc; }

int unpack_statements(const unpacker_t *r) {
    r->policy->statements = NULL;
    return E_OK;
}
