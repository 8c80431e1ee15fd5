// From the rows of chains to their courses, and the ports through which a course has its bills decided: each from the
// message that was handed in, by the entitlement of its chain, the register and the policy as they are now.
#pragma once
#include "batch.h"

typedef struct bench {
    batch_t *batch; // its policy and time
    chain_t *chain; // its entitlement
} bench_t;

course_ports_t bench_ports(bench_t *bench);
// The standing bills of the chains that need them and have none yet, from the store in one round trip; and, of those
// that what is open among the items will have decided again, the lines of visits, in two more for all chains.
int courses_read(batch_t *batch, err_t *err) MUST_USE;
// The same of one chain, all of which is meant; `seq` is that of its newest row.
int course_read(batch_t *batch, chain_t *chain, int64_t seq, err_t *err) MUST_USE;
