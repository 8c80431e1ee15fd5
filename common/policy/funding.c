// Section `funding`, from the file and from the message.
#include "funding.h"
#include "loader.h"
#include "unpack.h"

int load_funding(loader_t *l) { return l->rc; }

int unpack_funding(const unpacker_t *r) {
    r->policy->funding = NULL;
    return E_OK;
}
