// Every place where a process can be told to die (crash.h), by name. One list, so that a test can prove that each was
// hit. Where a point stands in the work is what its name says.
#pragma once

#define CRASH_POINTS(point)                                                                                            \
    point("after_take")                     /* adjudication: the batch is read, nothing is decided */                  \
        point("after_decide")               /* … decided, no transaction begun */                                    \
        point("before_insert")              /* … inside the transaction, nothing written */                          \
        point("after_insert_before_pay")    /* … rows written, the entries of personal accounts not */               \
        point("after_insert_before_commit") /* … all written */                                                      \
        point("after_commit_before_reply")  /* … durable, nobody was told */                                         \
        point("after_reply_before_publish") /* … callers were told, other services not */                            \
        point("after_publish")              /* … the turn is over */                                                 \
        point("in_change_set")              /* a late bill, reversal or recomputation: some of its rows are made */    \
        point("effect_before_commit")       /* a durable consumer: the effect of events is written, not committed */   \
        point("effect_after_commit")        /* … committed, what follows from it not published */                    \
        point("pump_before_send")           /* readjudication: a person-year is due, its owner was not asked */        \
        point("pump_before_booking")        /* … the owner answered, the person-year is still in the queue */        \
        point("pump_after_booking")         /* … taken off the queue */
