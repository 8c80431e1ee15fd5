// Section `cash_cycle`, from the file and from the message.
#include "cash_cycle.h"
#include "loader.h"
#include "unpack.h"

int load_cash_cycle(loader_t *l) { return l->rc; }

int unpack_cash_cycle(const unpacker_t *r) {
    r->policy->cash_cycle = NULL;
    return E_OK;
}
