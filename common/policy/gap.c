// Section `gap`, from the file and from the message.
#include "gap.h"
#include "loader.h"
#include "unpack.h"

int load_gap(loader_t *l) { return l->rc; }

int unpack_gap(const unpacker_t *r) {
    r->policy->gap = NULL;
    return E_OK;
}
