// Every place where a process can be told to die (crash.h), by name. In lists, so that tests can prove that each was
// hit: CRASH_POINTS by crash_points_test, FUND_CRASH_POINTS by fund_crashes_test, CLEARING_CRASH_POINTS by
// clearing_crashes_test. Where a point stands in the work is what its name says.
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
        point("pump_after_booking")         /* … taken off the queue */                                              \
        point("tell_before_commit")         /* changes of accounts: their events are written, not committed */         \
        point("tell_after_commit")          /* … durable, nobody was told */

#define FUND_CRASH_POINTS(point)                                                                                       \
    point("command_before_write")         /* any service: a transaction is begun, no command handled */                \
        point("command_before_commit")    /* … all written, the answers too */                                       \
        point("command_after_commit")     /* … durable, nobody was told */                                           \
        point("command_after_reply")      /* … callers were told, other services not */                              \
        point("journal_before_insert")    /* settlement: entries and their chain are made, nothing is written */       \
        point("journal_before_postings")  /* … the journal's rows are written, their postings are not */             \
        point("journal_before_balances")  /* … the postings too, the balances are not */                             \
        point("journal_written")          /* … all of the entries; no cursor, task, statement or order */            \
        point("task_before_close")        /* a task: what it moves is booked, its row says nothing yet */              \
        point("task_before_follow")       /* … closed, what follows from it is not */                                \
        point("closing_between_counties") /* a year's end: one fund's county is carried, others are not */             \
        point("statement_before_entry")   /* a statement is frozen with its items, its entry is not booked */          \
        point("payment_before_order")     /* a payment is booked, order and statement do not say so */                 \
        point("tasks_tick_before_commit") /* the day's tasks and lateness are written */                               \
        point("tasks_tick_after_commit")  /* … durable */                                                            \
        point("dues_before_commit")       /* lines of statements are read from the journal */                          \
        point("dues_after_commit")        /* … durable */                                                            \
        point("seal_before_commit")       /* a day is sealed */                                                        \
        point("seal_after_commit")        /* … durable */

#define CLEARING_CRASH_POINTS(point)                                                                                   \
    point("clearing_rows_in")            /* clearing by points: rows of a list are written, not committed */           \
        point("clearing_before_rows")    /* … it is settled, what was found out of its hospitals and cases is not */ \
        point("clearing_before_claims")  /* … these are written, what waits for the statements is not */             \
        point("clearing_before_pending") /* … that too, but no facility has anything pending */
