// Section `points`, from the file and from the message.
#include "points.h"
#include "loader.h"
#include "unpack.h"

int load_points(loader_t *l) { return l->rc; }

int unpack_points(const unpacker_t *r) {
    r->policy->points = NULL;
    return E_OK;
}
