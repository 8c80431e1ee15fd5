// Who owns which partition: rendezvous hashing. Each partition goes to the instance whose hash with it is highest, so a
// joiner takes about 1/n of the partitions and nothing else moves; a leaver's go to the others and nothing else moves.
#pragma once
#include "common/base/hash.h"

// owners[p] = index into `names`, or −1 when count is 0. The order of the names makes no difference.
void owner_table(const char *const *names, size_t count, int owners[static PARTITIONS]);
