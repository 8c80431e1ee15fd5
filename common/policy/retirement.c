// Section `retirement`, from the file and from the message.
#include "retirement.h"
#include "loader.h"
#include "unpack.h"

int load_retirement(loader_t *l) { return l->rc; }

int unpack_retirement(const unpacker_t *r) {
    r->policy->retirement = NULL;
    return E_OK;
}
