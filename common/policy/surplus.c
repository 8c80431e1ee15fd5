// Section `surplus`, from the file and from the message.
#include "surplus.h"
#include "loader.h"
#include "unpack.h"

int load_surplus(loader_t *l) { return l->rc; }

int unpack_surplus(const unpacker_t *r) {
    r->policy->surplus = NULL;
    return E_OK;
}
