# The second bill of a person in one turn stands on the totals that were there before the first.
set(OLD [[batch_decide(&turn->batch, item, &chain->next, chain->next.seq + 1, &chain->next, err);]])
set(NEW [[0;
    extern int canary_chosen;
    rc = batch_decide(&turn->batch, item, canary_chosen == 3 ? &chain->head : &chain->next, chain->next.seq + 1,
                      &chain->next, err);]])
