// Section `interest`, from the file and from the message.
#include "interest.h"
#include "loader.h"
#include "unpack.h"

int load_interest(loader_t *l) { return l->rc; }

int unpack_interest(const unpacker_t *r) {
    r->policy->interest = NULL;
    return E_OK;
}
