// How personal accounts take part in the decisions of a turn, without either knowing the other's tables. Every row of a
// change passes by once, in the order in which it will be inserted; what the accounts owe or get for it is put aside
// and written in the transaction of the rows.
#pragma once
#include "adjudication.pb-c.h"
#include "common/base/err.h"

typedef struct payments {
    void *self;
    // A try begins: forget what was put aside (nothing of it was committed, or all of it was), and read the accounts of
    // `persons`, who may stand there several times: everybody whose account may pay or get something back.
    int (*begin)(void *self, const char *const *persons, size_t count, err_t *err);
    // Fill account_fen and account_parts, 0 <= account_fen <= own_fen, and put the rows aside, unless it is only
    // `asked` what would be. Of a version above 1 `previous` tells what the accounts paid before; a reversed one has
    // own_fen 0, so everything goes back. A refusal refuses the request that made the row, with all its rows.
    int (*pay)(void *self, Tc__Decision *decision, bool asked, err_t *err);
    // Where the rows put aside end now, and back to there: when a request is refused after some of its rows passed by.
    size_t (*mark)(void *self);
    void (*back)(void *self, size_t mark);
    // Inside the transaction, after the rows of the decisions.
    int (*write)(void *self, err_t *err);
} payments_t;
