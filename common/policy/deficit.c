// Section `deficit`, from the file and from the message.
#include "deficit.h"
#include "loader.h"
#include "unpack.h"

int load_deficit(loader_t *l) { return l->rc; }

int unpack_deficit(const unpacker_t *r) {
    r->policy->deficit = NULL;
    return E_OK;
}
