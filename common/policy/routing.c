// Section `routing`, from the file and from the message.
#include "routing.h"
#include "loader.h"
#include "unpack.h"

int load_routing(loader_t *l) { return l->rc; }

int unpack_routing(const unpacker_t *r) {
    r->policy->routing = NULL;
    return E_OK;
}
