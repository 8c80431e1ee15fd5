// Section `account`, from the file and from the message.
#include "account.h"
#include "loader.h"
#include "unpack.h"

int load_account(loader_t *l) { return l->rc; }

int unpack_account(const unpacker_t *r) {
    r->policy->account = NULL;
    return E_OK;
}
