// What an instance has to know before it decides: the policy in force and the register of facilities, as far as other
// instances have written them down. Looked at between batches; before a recomputation always, so that it never rests on
// less than what asked for it.
#pragma once
#include "adjudication.h"

typedef struct current {
    adjudication_t *core;
    int64_t looked_ms;
    int64_t release; // number of the policy in force; 0: not looked yet
    int64_t stamp;   // of the newest facility state taken from the store
    metric_t *number;
} current_t;

void current_init(current_t *current, adjudication_t *core);
// The newest release becomes the policy in force, and what was kept by the old one is forgotten. *changed: it did. Then
// the register as below, so that an instance whose own way to it is cut off does not decide by an old one for long.
int current_policy(current_t *current, int64_t now_ms, bool *changed, err_t *err) MUST_USE;
// Facility states that whoever follows the register for all has seen and we perhaps have not.
int current_register(current_t *current, err_t *err) MUST_USE;
