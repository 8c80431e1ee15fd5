// Section `enrollment`, from the file and from the message.
#include "enrollment.h"
#include "loader.h"
#include "unpack.h"

int load_enrollment(loader_t *l) { return l->rc; }

int unpack_enrollment(const unpacker_t *r) {
    r->policy->enrollment = NULL;
    return E_OK;
}
