// Rendezvous hashing over instance names. See owner.h.
#include "owner.h"

#include <string.h>

static int owner_of(const char *const *names, size_t count, uint64_t partition) {
    int best = -1;
    uint64_t best_weight = 0;
    for (size_t i = 0; i < count; i++) {
        uint64_t weight = hash64(names[i], strlen(names[i]), partition);
        // Equal hashes: the smaller name, so that two brokers agree whatever their order.
        if (best < 0 || weight > best_weight || (weight == best_weight && strcmp(names[i], names[best]) < 0)) {
            best = (int)i;
            best_weight = weight;
        }
    }
    return best;
}

void owner_table(const char *const *names, size_t count, int owners[static PARTITIONS]) {
    for (uint64_t p = 0; p < PARTITIONS; p++) owners[p] = owner_of(names, count, p);
}
