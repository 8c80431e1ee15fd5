# Callers are told before the turn is durable.
set(OLD [[        rc = store_commit(on(turn)->store, err);]])
set(NEW [[{
        extern int canary_chosen;
        for (size_t i = 0; canary_chosen == 1 && i < count; i++)
            if (items[i]->state == ITEM_DECIDED)
                adjudication_reply(on(turn), items[i]->request, items[i]->body, items[i]->body_bytes);
        rc = store_commit(on(turn)->store, err);
    }]])
