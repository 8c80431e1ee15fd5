# The cursor is durable before the effect is.
set(OLD [[    code = effect->apply(effect->self, events, count, err);
    if (code == E_OK) code = position_move(&consumer->position, events, count, err);]])
set(NEW [[    extern int canary_chosen;
    if (canary_chosen == 2) {
        code = position_move(&consumer->position, events, count, err);
        if (code == E_OK) code = position_commit(&consumer->position, err);
        if (code == E_OK) code = position_begin(&consumer->position, err);
        if (code != E_OK) return code;
    }
    code = effect->apply(effect->self, events, count, err);
    if (code == E_OK) code = position_move(&consumer->position, events, count, err);]])
