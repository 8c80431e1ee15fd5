// Section `fund`, from the file and from the message.
#include "fund.h"
#include "loader.h"
#include "unpack.h"

int load_fund(loader_t *l) { return l->rc; }

int unpack_fund(const unpacker_t *r) {
    r->policy->fund = NULL;
    return E_OK;
}
